"""One match, as its channel's friends lived it -> the words for it. Pure; facts only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from lolslackbot.game import ARENA, SWARM, Champions, Match, Outcome, Participant
from lolslackbot.messages.game_queues import queue_kind, queue_name
from lolslackbot.messages.names import NONE, champion_name, champion_picture, role_name, server_name
from lolslackbot.messages.rounding import one_decimal, percent
from lolslackbot.messages.standout import Feat, standout
from lolslackbot.model import Style, game_id_of, platform_of

_WITH_CREEPS = {"CLASSIC", "SWIFTPLAY", "URF", "ARURF", "ONEFORALL", "ULTBOOK", "JADE"}  # where they are counted
_WITH_DAMAGE = {"ARAM", "KIWI"}  # where it is what people compare
_WITHOUT_SHARES = {"arena", "swarm", "bots"}  # kinds of queues in which a share of the team's kills says nothing
SUPPORT = "UTILITY"  # match-v5 `teamPosition`
NAMED = 3  # friends in the first line; of more than so many only the first are named there
MANY = 5  # friends in one game; beyond that each gets a short line, so that it fits a phone


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What messages are made with besides the match: values of settings, and what is known of champions."""

    match_link: str = ""  # template, '' for no link
    pictures: str = ""  # Data Dragon's address, '' for no pictures
    champions: Champions = NONE


@dataclass(frozen=True, slots=True)
class Line:
    """What is said of one player. `name` is foreign text; the rest is ours."""

    name: str
    how: str  # champion, role and numbers: what a notification has room for
    facts: tuple[str, ...]
    standout: str  # the one thing to talk about, '' for none
    mark: str = ""  # an emoji before it


@dataclass(frozen=True, slots=True)
class Group:
    """Friends who share a result. `mark` and `title` are '' where it is the whole message's."""

    mark: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """Foreign text within words of ours."""

    text: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message before it takes Slack's form."""

    mark: str  # an emoji: the result at a glance
    opening: tuple[Name | str, ...]  # who won, or how else it ended for them
    queue: str
    length: str
    ended_at: datetime
    groups: tuple[Group, ...]
    link: str  # '' for none
    picture: str  # its address, '' for none
    pictured: str  # the champion in it
    style: Style

    @property
    def lines(self) -> tuple[Line, ...]:
        """Those of all groups."""
        return tuple(line for group in self.groups for line in group.lines)


def announce(match: Match, options: RenderOptions, style: Style = Style.FULL) -> Announcement:
    """What a channel hears of a match; its participants are those that the channel tracks, at least one."""
    teams = _teams(match)
    short = style is Style.COMPACT or len(match.participants) > MANY
    groups = [_group(match, members, options.champions, short) for members in teams]
    mark = groups[0].mark if len(groups) == 1 else _apart(match)
    opening = _opening(match, teams)
    if len(groups) == 1:
        groups = [Group("", "", groups[0].lines)]
    star = _star(match, [each for members in teams for each in members])
    return Announcement(
        mark=mark,
        opening=opening,
        queue=queue_name(match.queue_id, match.game_mode, match.bans),
        length=_length(match.duration),
        ended_at=match.ended_at,
        groups=tuple(groups),
        link=link_to(options.match_link, match.match_id),
        picture=champion_picture(star.champion_name, star.champion_id, options.champions, options.pictures),
        pictured=champion_name(star.champion_name, star.champion_id, options.champions),
        style=style,
    )


def link_to(template: str, match_id: str) -> str:
    """Where to read more of a match; '' where the template is."""
    platform = platform_of(match_id)
    return template.format(
        platform=platform, server=server_name(platform), game_id=game_id_of(match_id), match_id=match_id
    )


# Who shares a result


def _teams(match: Match) -> list[list[Participant]]:
    """The friends by result: one team unless it was decided between them. The better result comes first."""
    if not match.outcome.is_decided:
        return [list(match.participants)]
    ordered = sorted(match.participants, key=lambda each: _side(match, each))
    return [list(members) for _, members in groupby(ordered, key=lambda each: _side(match, each))]


def _side(match: Match, participant: Participant) -> tuple[int, int]:
    """Winners before losers; in Arena by place, then by the number of the team."""
    if match.game_mode == ARENA:
        return participant.placement, participant.subteam
    return (0 if participant.win else 1), participant.team_id


def _group(match: Match, members: Sequence[Participant], champions: Champions, short: bool) -> Group:
    mark, ending = _result(match, members[0])
    title = ending[:1].upper() + ending[1:]
    return Group(mark, title, tuple(_line(match, each, members, champions, short) for each in members))


def _apart(match: Match) -> str:
    """The mark of a match that friends lived differently."""
    return "🏟️" if match.game_mode == ARENA else "⚔️"


def _opening(match: Match, teams: Sequence[Sequence[Participant]]) -> tuple[Name | str, ...]:
    """`A and B won`, `A won against B`; in Arena `A came 1st of 8, B came 5th of 8`."""
    names = [names_of([each.name for each in members]) for members in teams]
    endings = [_result(match, members[0])[1] for members in teams]
    if len(teams) == 2 and match.game_mode != ARENA:
        return *names[0], f" {endings[0]} against ", *names[1]
    parts: list[Name | str] = []
    for who, ending in zip(names, endings, strict=True):
        parts += [*([", "] if parts else []), *who, f" {ending}"]
    return tuple(parts)


def names_of(friends: Sequence[str]) -> list[Name | str]:
    """`A`, `A and B`, `A, B and C`, `A, B and 3 others`."""
    shown = [Name(each) for each in friends[: NAMED if len(friends) <= NAMED else NAMED - 1]]
    others = len(friends) - len(shown)
    rest: list[Name | str] = [*shown, f"{others} others"] if others else list(shown)
    parts: list[Name | str] = []
    for number, who in enumerate(rest):
        between = "" if not number else " and " if number == len(rest) - 1 else ", "
        parts += [between, who] if between else [who]
    return parts


def _result(match: Match, participant: Participant) -> tuple[str, str]:
    """Emoji and verb: how it ended as this participant's side saw it; what is neither is called what it is."""
    if match.outcome is Outcome.REMAKE:
        return "⚪", "had a remake"
    if match.outcome is Outcome.NOBODY_WON:
        return "⚪", "had a game that nobody won"
    colour = "🟢" if participant.win else "🔴"
    if match.game_mode == ARENA:  # `win` is the upper half there, so nobody won
        return _place(match, participant, colour)
    if match.game_mode == SWARM:
        return colour, "survived" if participant.win else "did not survive"
    ending = " by surrender" if match.outcome is Outcome.SURRENDERED else ""
    return colour, ("won" if participant.win else "lost") + ending


def _place(match: Match, participant: Participant, colour: str) -> tuple[str, str]:
    """Place among so many teams; some old answers lack it."""
    if not participant.placement:
        return "🏟️", "played"
    medal = {1: "🥇", 2: "🥈", 3: "🥉"}.get(participant.placement, colour)
    return medal, f"came {_ordinal(participant.placement)}" + (f" of {match.teams}" if match.teams else "")


# What is said of one player


def _line(
    match: Match, participant: Participant, group: Sequence[Participant], champions: Champions, short: bool
) -> Line:
    champion = champion_name(participant.champion_name, participant.champion_id, champions)
    how = f"{champion} {role_name(participant.team_position)}".strip() + _partners(participant, group, champions)
    facts: list[str] = []
    remarkable = standout(match, participant)
    is_carry = remarkable is not None and remarkable.feat is Feat.CARRIED  # then the share of damage is said already
    if match.game_mode == SWARM:
        facts = _swarm(participant)
    elif match.outcome is not Outcome.REMAKE:  # over before anything counted
        how += f" {participant.kills}/{participant.deaths}/{participant.assists}"
        facts = [] if short else _shares(match, participant, with_damage=not is_carry)
    if participant.rank:
        facts.insert(0, str(participant.rank))
    words, sign = (remarkable.text, remarkable.mark) if remarkable else ("", "")
    return Line(participant.name, how, tuple(facts), words, sign)


def _partners(participant: Participant, group: Sequence[Participant], champions: Champions) -> str:
    """Arena: the champions of strangers in the same team, who stay unnamed; friends have lines of their own."""
    friends = [each.champion_id for each in group if each.subteam == participant.subteam]
    names = [champion_name(name, number, champions) for number, name in participant.partners if number not in friends]
    return f" with {' and '.join(names)}" if names else ""


def _swarm(participant: Participant) -> list[str]:
    """Nobody fights players there: level, and how many of the swarm."""
    facts = [f"level {participant.level}"] if participant.level else []
    return facts + ([f"{participant.creep_score} kills"] if participant.creep_score else [])


def _shares(match: Match, participant: Participant, *, with_damage: bool) -> list[str]:
    facts = [_farm(match, participant)] if match.game_mode in _WITH_CREEPS and match.duration > 0 else []
    facts = [each for each in facts if each]
    if queue_kind(match.queue_id, match.game_mode) in _WITHOUT_SHARES:
        return facts
    if participant.team_kills:
        facts.append(f"in {_percent(participant.kills + participant.assists, participant.team_kills)} of kills")
    with_damage = with_damage and match.game_mode in _WITH_DAMAGE
    if with_damage and participant.team_damage and participant.damage is not None:
        facts.append(f"{_percent(participant.damage, participant.team_damage)} of the team's damage")
    return facts


def _farm(match: Match, participant: Participant) -> str:
    """What a support sees, what others earn; '' where it is not known. Vision counts for nothing against bots."""
    if participant.team_position == SUPPORT and participant.vision_score:
        return f"vision score {participant.vision_score}"
    creeps = participant.creep_score
    return "" if creeps is None else f"{creeps} CS ({one_decimal(60 * creeps, match.duration)}/min)"


def _star(match: Match, participants: Sequence[Participant]) -> Participant:
    """Whose champion is in the picture: the first friend of whom there is something to talk about."""
    return next((each for each in participants if standout(match, each)), participants[0])


def _percent(part: int, whole: int) -> str:
    return f"{min(100, percent(part, whole))}%"


def _length(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
