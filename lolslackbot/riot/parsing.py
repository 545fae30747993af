"""match-v5 JSON -> Match, or what keeps it from being one. Pure; unknown fields are ignored, odd ones never guessed.

Facts on fields are from match-v5's reference (developer.riotgames.com) and from answers seen since patch 11.16.
"""

from collections.abc import Container, Mapping
from datetime import UTC, datetime
from typing import Any

from lolslackbot.model import Match, Outcome, Participant, is_puuid
from lolslackbot.riot.answers import RiotRefusal, Verdict

ARENA = "CHERRY"
SWARM = "STRAWBERRY"
BOT = "BOT"  # the puuid of every bot
DAMAGE = "totalDamageDealtToChampions"
_LARGEST = 2**53  # beyond it a JSON number is no exact integer
_MOST = 100  # participants: five times as many as any mode has

_TeamSums = tuple[int | None, int | None]  # damage to champions, kills


class NotAMatch(Exception):
    """A 200 whose body is no game that can be announced; the text is the reason, for the ledger."""


class ForeignIds(Exception):
    """Riot hands out ids that are not encrypted for our key: for a short while, in all its answers."""


def read_puuids(match_id: str, document: Any) -> list[str]:
    """The humans in a 200 answer, each once.

    Raises NotAMatch; ForeignIds when a later look will be better; RiotRefusal where this is no answer about that match
    at all, as a block page is none.
    """
    metadata = document.get("metadata") if isinstance(document, dict) else None
    if not isinstance(metadata, dict) or metadata.get("matchId") != match_id:
        raise RiotRefusal(Verdict.UNAVAILABLE, "200, but it does not name the match asked for", 200)
    puuids = [_puuid(each) for each in _everyone(_object(document, "info")) if each.get("puuid") != BOT]
    return list(dict.fromkeys(puuids))


def read_match(match_id: str, document: Any, puuids: Container[str]) -> Match:
    """The match in an answer that `read_puuids` took, with these of its humans as participants. Raises NotAMatch."""
    info = _object(document, "info")
    mode = _text(info, "gameMode")
    everyone = _each_once(_everyone(info), mode)
    duration = _duration(info, everyone)
    outcome, ended_at = _outcome(mode, everyone), _end(info, everyone, duration)
    if duration <= 0 or (outcome is Outcome.NOBODY_WON and _text(info, "endOfGameResult") == "Abort_TooFewPlayers"):
        raise NotAMatch("nothing in it: a game that nobody played")
    teams = _team_sums(everyone) if mode not in (ARENA, SWARM) else {}
    return Match(
        match_id=match_id,
        queue_id=_number(info, "queueId"),
        game_mode=mode,
        outcome=outcome,
        duration=duration,
        ended_at=ended_at,
        participants=tuple(_participant(each, teams, everyone, mode) for each in everyone if each["puuid"] in puuids),
        teams=len({_subteam(each) for each in everyone} - {0}) if mode == ARENA else 0,
        bans=_bans(info),
    )


def _everyone(info: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    everyone = info.get("participants")
    if everyone == []:
        raise NotAMatch("nothing in it: an aborted game without data")
    if not isinstance(everyone, list) or not all(isinstance(each, dict) for each in everyone):
        raise NotAMatch("not a valid match: no list of participants")
    if len(everyone) > _MOST:
        raise NotAMatch(f"not a valid match: {len(everyone)} participants")
    return everyone


def _each_once(everyone: list[Mapping[str, Any]], mode: str) -> list[Mapping[str, Any]]:
    """Without the second mention of a human, which must say the same as the first: else neither can be told."""
    humans: dict[str, Mapping[str, Any]] = {}
    once = []
    for fields in everyone:
        puuid = fields["puuid"]
        first = fields if puuid == BOT else humans.setdefault(puuid, fields)
        if first is fields:
            once.append(fields)
        elif _participant(fields, {}, [], mode) != _participant(first, {}, [], mode):
            raise NotAMatch("not a valid match: a participant is listed twice, each time with other numbers")
    return once


def _puuid(fields: Mapping[str, Any]) -> str:
    """Checks what every participant must have, a stranger too: else there is no trusting the rest of the answer."""
    puuid = fields.get("puuid")
    if not isinstance(puuid, str):
        raise NotAMatch("not a valid match: a participant without puuid")
    if not is_puuid(puuid):
        raise ForeignIds(f"a puuid of {len(puuid)} characters instead of 78")
    if not isinstance(fields.get("win"), bool):
        raise NotAMatch("not a valid match: win is neither true nor false")
    _number(fields, "championId")
    for name in ("kills", "deaths", "assists"):
        if _number(fields, name) < 0:
            raise NotAMatch(f"not a valid match: {name} is below zero")
    return puuid


def _participant(
    fields: Mapping[str, Any], teams: Mapping[int, _TeamSums], everyone: list[Mapping[str, Any]], mode: str
) -> Participant:
    creeps = [_count(fields, name) for name in ("totalMinionsKilled", "neutralMinionsKilled")]
    team_id = _optional(fields, "teamId") or 0
    team_damage, team_kills = teams.get(team_id, (None, None))
    return Participant(
        puuid=fields["puuid"],
        name=_text(fields, "riotIdGameName") or _text(fields, "summonerName"),  # the latter is empty since 15.4
        tag_line=_text(fields, "riotIdTagline"),
        team_id=team_id,
        champion_id=_number(fields, "championId"),
        champion_name=_text(fields, "championName"),
        team_position=_text(fields, "teamPosition"),
        win=fields["win"],
        placement=_optional(fields, "placement") or 0,
        kills=_number(fields, "kills"),
        deaths=_number(fields, "deaths"),
        assists=_number(fields, "assists"),
        creep_score=None if None in creeps else sum(number or 0 for number in creeps),
        level=_count(fields, "champLevel"),
        damage=_count(fields, DAMAGE),
        team_damage=team_damage,
        team_kills=team_kills,
        penta_kills=_count(fields, "pentaKills"),
        subteam=_subteam(fields) if mode == ARENA else 0,
        partners=_partners(fields, everyone) if mode == ARENA else (),
    )


def _team_sums(everyone: list[Mapping[str, Any]]) -> dict[int, _TeamSums]:
    """By team, what its players add up to; `teams` counts a kill or two more, so that a share would not add up."""
    members: dict[int, list[Mapping[str, Any]]] = {}
    for each in everyone:
        members.setdefault(_optional(each, "teamId") or 0, []).append(each)
    return {team_id: (_sum(DAMAGE, team), _sum("kills", team)) for team_id, team in members.items()}


def _sum(name: str, team: list[Mapping[str, Any]]) -> int | None:
    """None where one of the numbers is missing."""
    numbers = [_count(each, name) for each in team]
    return None if None in numbers else sum(number or 0 for number in numbers)


def _bans(info: Mapping[str, Any]) -> int:
    """How many turns there were to ban a champion; a mode without them has empty lists."""
    teams = info.get("teams")
    bans = [team.get("bans") for team in teams if isinstance(team, dict)] if isinstance(teams, list) else []
    return sum(len(each) for each in bans if isinstance(each, list))


def _subteam(fields: Mapping[str, Any]) -> int:
    """Arena: the number of the pair or team of three; 0 where the answer lacks it, as in one game of 2023."""
    return _optional(fields, "playerSubteamId") or 0


def _partners(fields: Mapping[str, Any], everyone: list[Mapping[str, Any]]) -> tuple[tuple[int, str], ...]:
    ours = _subteam(fields)
    return tuple(
        (_optional(each, "championId") or 0, _text(each, "championName"))
        for each in everyone
        if ours and _subteam(each) == ours and each is not fields
    )


def _outcome(mode: str, everyone: list[Mapping[str, Any]]) -> Outcome:
    """Riot's own flags decide: a length does not tell a remake, and `endOfGameResult` has been wrong for weeks."""
    if any(each.get("gameEndedInEarlySurrender") is True for each in everyone):
        return Outcome.REMAKE
    if mode not in (ARENA, SWARM) and not any(each.get("win") is True for each in everyone):
        return Outcome.NOBODY_WON
    if any(each.get("gameEndedInSurrender") is True for each in everyone):
        return Outcome.SURRENDERED
    return Outcome.DECIDED


def _duration(info: Mapping[str, Any], everyone: list[Mapping[str, Any]]) -> int:
    """Seconds: the longest `timePlayed`. `gameDuration` is in ms where `gameEndTimestamp` is missing (before 11.20)."""
    played = max((_optional(each, "timePlayed") or 0 for each in everyone), default=0)
    if played > 0:
        return played
    duration = _number(info, "gameDuration")
    return duration if info.get("gameEndTimestamp") is not None else duration // 1000


def _end(info: Mapping[str, Any], everyone: list[Mapping[str, Any]], duration: int) -> datetime:
    """Start plus the longest `timePlayed`, as Riot advises: `gameEndTimestamp` can lie well after the real end."""
    start = _optional(info, "gameStartTimestamp") or 0
    end = start + 1000 * duration if start > 0 and duration > 0 else _optional(info, "gameEndTimestamp") or 0
    if end <= 0:
        raise NotAMatch("not a valid match: it does not say when it ended")
    try:
        return datetime.fromtimestamp(end / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        raise NotAMatch(f"not a valid match: it ended at {end} ms") from None


def _object(document: Any, name: str) -> Mapping[str, Any]:
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, dict):
        raise NotAMatch(f"not a valid match: no {name}")
    return value


def _number(fields: Mapping[str, Any], name: str) -> int:
    value = _optional(fields, name)
    if value is None:
        raise NotAMatch(f"not a valid match: {name} is no whole number")
    return value


def _optional(fields: Mapping[str, Any], name: str) -> int | None:
    """A whole number, also where Riot writes it as a float; None for anything else."""
    value = fields.get(name)
    if type(value) is int:  # nearly all are
        return value if abs(value) <= _LARGEST else None
    return int(value) if isinstance(value, float) and abs(value) <= _LARGEST and value.is_integer() else None


def _count(fields: Mapping[str, Any], name: str) -> int | None:
    """As `_optional`, of what cannot be below zero."""
    value = _optional(fields, name)
    return None if value is None or value < 0 else value


def _text(fields: Mapping[str, Any], name: str) -> str:
    """A string that can be stored and sent: lone surrogates, which JSON can spell, are replaced."""
    value = fields.get(name)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
