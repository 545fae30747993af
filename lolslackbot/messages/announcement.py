"""One match, as its channel's friends lived it -> the words for it. Pure; facts only."""

from dataclasses import dataclass

from lolslackbot.messages.names import champion_name, queue_name, role_name, server_name
from lolslackbot.model import Match, Outcome, Participant, game_id_of, platform_of

ARENA = "CHERRY"  # game modes by match-v5's names
SWARM = "STRAWBERRY"
_WITHOUT_CREEPS = {"ARAM", ARENA, "KIWI", SWARM}  # where nobody counts them


@dataclass(frozen=True, slots=True)
class Line:
    """What is said of one player. `name` is foreign text; the rest is ours."""

    name: str
    facts: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message before it takes Slack's form."""

    headline: str
    lines: tuple[Line, ...]
    link: str  # '' for none


def announce(match: Match, link_template: str) -> Announcement:
    """What a channel is told of a match; its participants are those that the channel tracks."""
    sides = {each.team_id for each in match.participants}
    decided = match.outcome in (Outcome.DECIDED, Outcome.SURRENDERED)
    apart = match.game_mode != ARENA and len(sides) > 1 and decided
    result = "Friends on both sides" if apart else _result(match, match.participants[0])
    parts = [result, queue_name(match.queue_id, match.game_mode), _length(match.duration)]
    return Announcement(
        headline=" · ".join(part for part in parts if part),
        lines=tuple(_line(match, each, with_result=apart) for each in match.participants),
        link=_link(link_template, match.match_id),
    )


def _link(template: str, match_id: str) -> str:
    platform = platform_of(match_id)
    return template.format(
        platform=platform, server=server_name(platform), game_id=game_id_of(match_id), match_id=match_id
    )


def _result(match: Match, participant: Participant) -> str:
    """Won or lost as this participant's side saw it; what is neither is called what it is."""
    if match.outcome is Outcome.REMAKE:
        return "Remake"
    if match.outcome is Outcome.NOBODY_WON:
        return "No winner"
    if match.game_mode == ARENA:  # `win` is the upper half there, so no victory
        return ""
    if match.game_mode == SWARM:
        return "Survived" if participant.win else "Defeated"
    ending = " by surrender" if match.outcome is Outcome.SURRENDERED else ""
    return ("Victory" if participant.win else "Defeat") + ending


def _line(match: Match, participant: Participant, *, with_result: bool) -> Line:
    champion = champion_name(participant.champion_name, participant.champion_id)
    role = role_name(participant.team_position)
    facts = [
        f"{_result(match, participant).lower()}" if with_result else "",
        f"{_ordinal(participant.placement)} place" if participant.placement else "",
        f"{champion} {role}".strip(),
        f"{participant.kills}/{participant.deaths}/{participant.assists}",
        _creeps(match, participant),
    ]
    return Line(participant.name, ", ".join(fact for fact in facts if fact))


def _creeps(match: Match, participant: Participant) -> str:
    if participant.creep_score is None or match.game_mode in _WITHOUT_CREEPS or match.outcome is Outcome.REMAKE:
        return ""
    return f"{participant.creep_score} CS"


def _length(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
