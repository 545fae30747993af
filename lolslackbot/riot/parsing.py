"""match-v5 JSON -> Match, or why it is none; league-v4 -> standings; spectator-v5 -> a game in progress.

Pure; malformed fields are never guessed.

Facts on fields are from match-v5's reference (developer.riotgames.com) and from answers seen since patch 11.16.
"""

from collections.abc import Container, Mapping
from datetime import UTC, datetime
from typing import Any

from lolslackbot.game import ARENA, SWARM, ActiveGame, Match, Outcome, Participant, Seat
from lolslackbot.model import is_match_id, is_puuid
from lolslackbot.rank import APEX, DIVISIONS, FLEX, OTHER, SOLO, TIERS, Standing
from lolslackbot.riot.answers import unusable

BOT = "BOT"  # the puuid of every bot
DAMAGE = "totalDamageDealtToChampions"
_LARGEST = 2**53  # beyond it a JSON number is no exact integer
_MOST_PARTICIPANTS = 100  # five times as many as any mode has
# Fewer are shown while a game counts down. Of custom games and other modes nobody knows how many there will be.
_FULL = {"CLASSIC": 10, "ARAM": 10, "URF": 10, "ARURF": 10, "KIWI": 10, "SWIFTPLAY": 10, ARENA: 16}

_Fields = Mapping[str, Any]  # of one participant
_TeamSums = tuple[int | None, int | None]  # damage to champions, kills


class NotAMatch(Exception):
    """A 200 whose body is no game that can be announced; the text is stored as the reason."""


class ForeignIds(Exception):
    """Riot returns ids that are not encrypted for our key: for a short while, in all its answers."""


def read_puuids(match_id: str, document: Any) -> list[str]:
    """The humans in a 200 answer, each once.

    Raises NotAMatch; ForeignIds, which passes; RiotRefusal for an answer about something else, such as a block page.
    """
    metadata = document.get("metadata") if isinstance(document, dict) else None
    if not isinstance(metadata, dict) or metadata.get("matchId") != match_id:
        raise unusable("it does not name the match asked for")
    puuids = [_puuid(fields) for fields in _everyone(_info(document)) if fields.get("puuid") != BOT]
    return list(dict.fromkeys(puuids))


def read_match(match_id: str, document: Any, puuids: Container[str]) -> Match:
    """The match in an answer that `read_puuids` took, with these of its humans as participants. Raises NotAMatch."""
    info = _info(document)
    mode = _text(info, "gameMode")
    everyone = _without_repetitions(_everyone(info), mode)
    duration = _duration(info, everyone)
    outcome, ended_at = _outcome(mode, everyone), _end(info, duration)
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
        participants=tuple(
            _participant(fields, teams, everyone, mode) for fields in everyone if fields["puuid"] in puuids
        ),
        teams=len({_subteam(fields) for fields in everyone} - {0}) if mode == ARENA else 0,
        bans=_bans(info),
    )


def read_standings(document: Any) -> dict[str, Standing | None]:
    """league-v4 entries: by queue, None where there is no entry. Raises RiotRefusal for what is no list.

    An entry without a tier says nothing (`CHERRY`), and one that lacks a number is left out as if it had not been read.
    A ranked queue of another name is taken for the one of five friends, whose name is not certain; of several, none.
    """
    if not isinstance(document, list):
        raise unusable("no list")
    found: dict[str, Standing | None] = {SOLO: None, FLEX: None}
    others = []
    for entry in document:
        if not isinstance(entry, dict) or not _text(entry, "queueType").startswith("RANKED_") or not entry.get("tier"):
            continue
        queue = _text(entry, "queueType")
        standing = _standing(entry)
        if queue not in (SOLO, FLEX):
            others += [standing] if "TFT" not in queue else []
        elif standing:
            found[queue] = standing
        else:
            found.pop(queue, None)
    if not others:
        found[OTHER] = None
    elif others[1:] == [] and others[0]:
        found[OTHER] = others[0]
    return found


def read_active_game(document: Any) -> ActiveGame:
    """spectator-v5: a game in progress. Raises RiotRefusal where the answer names none.

    While it loads or counts down, `gameStartTime` is 0, `gameLength` is not above 0, or participants are missing. Who
    is in streamer mode has `puuid: null`, and as `riotId` the champion's name.
    """
    if not isinstance(document, dict):
        raise unusable("no game")
    match_id = f"{_text(document, 'platformId')}_{_optional(document, 'gameId')}"
    everyone = document.get("participants")
    if not is_match_id(match_id) or not isinstance(everyone, list):
        raise unusable("it does not name a game and who is in it")
    everyone = [fields for fields in everyone[:_MOST_PARTICIPANTS] if isinstance(fields, dict)]
    mode = _text(document, "gameMode")
    enough = _FULL.get(mode, 1) if _text(document, "gameType") != "CUSTOM" else 1
    has_begun = (_optional(document, "gameLength") or 0) > 0 and len(everyone) >= enough
    return ActiveGame(
        match_id=match_id,
        queue_id=_optional(document, "gameQueueConfigId") or 0,
        game_mode=mode,
        began_at=_moment(_optional(document, "gameStartTime") or 0) if has_begun else None,
        seats=tuple(
            Seat(fields["puuid"], _optional(fields, "teamId") or 0, _optional(fields, "championId") or 0)
            for fields in everyone
            if isinstance(fields.get("puuid"), str) and is_puuid(fields["puuid"])
        ),
    )


def _standing(entry: _Fields) -> Standing | None:
    """An entry of league-v4, None where it cannot be understood."""
    tier, division = _text(entry, "tier"), _text(entry, "rank")
    numbers = [_count(entry, name) for name in ("leaguePoints", "wins", "losses")]
    if tier not in TIERS or (tier not in APEX and division not in DIVISIONS) or None in numbers:
        return None
    lp, wins, losses = (number or 0 for number in numbers)
    return Standing(tier, "" if tier in APEX else division, lp, wins, losses)


def _info(document: Any) -> Mapping[str, Any]:
    info = document.get("info")
    if not isinstance(info, dict):
        raise _invalid("no info")
    return info


def _everyone(info: Mapping[str, Any]) -> list[_Fields]:
    everyone = info.get("participants")
    if everyone == []:
        raise NotAMatch("nothing in it: an aborted game without data")
    if not isinstance(everyone, list) or not all(isinstance(fields, dict) for fields in everyone):
        raise _invalid("no list of participants")
    if len(everyone) > _MOST_PARTICIPANTS:
        raise _invalid(f"{len(everyone)} participants")
    return everyone


def _without_repetitions(everyone: list[_Fields], mode: str) -> list[_Fields]:
    """Each human once. One who is listed twice with different numbers makes the match invalid."""
    humans: dict[str, _Fields] = {}
    once = []
    for fields in everyone:
        first = fields if fields["puuid"] == BOT else humans.setdefault(fields["puuid"], fields)
        if first is fields:
            once.append(fields)
        elif _participant(fields, {}, [], mode) != _participant(first, {}, [], mode):
            raise _invalid("a participant is listed twice, each time with other numbers")
    return once


def _puuid(fields: _Fields) -> str:
    """Checks what every participant must have, strangers too: otherwise the rest cannot be trusted either."""
    puuid = fields.get("puuid")
    if not isinstance(puuid, str):
        raise _invalid("a participant without puuid")
    if not is_puuid(puuid):
        raise ForeignIds(f"a puuid of {len(puuid)} characters instead of 78")
    if not isinstance(fields.get("win"), bool):
        raise _invalid("win is neither true nor false")
    _number(fields, "championId")
    for name in ("kills", "deaths", "assists"):
        if _number(fields, name) < 0:
            raise _invalid(f"{name} is below zero")
    return puuid


def _participant(fields: _Fields, teams: Mapping[int, _TeamSums], everyone: list[_Fields], mode: str) -> Participant:
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
        vision_score=_count(fields, "visionScore"),
        subteam=_subteam(fields) if mode == ARENA else 0,
        partners=_partners(fields, everyone) if mode == ARENA else (),
    )


def _team_sums(everyone: list[_Fields]) -> dict[int, _TeamSums]:
    """By team, the sums of its players; Riot's own `teams` counts a kill or two more, so shares would not add up."""
    members: dict[int, list[_Fields]] = {}
    for fields in everyone:
        members.setdefault(_optional(fields, "teamId") or 0, []).append(fields)
    return {team_id: (_sum(DAMAGE, team), _sum("kills", team)) for team_id, team in members.items()}


def _sum(name: str, team: list[_Fields]) -> int | None:
    """None if one of the numbers is missing."""
    numbers = [_count(fields, name) for fields in team]
    return None if None in numbers else sum(number or 0 for number in numbers)


def _bans(info: Mapping[str, Any]) -> int:
    """How many turns there were to ban a champion, unused ones included; none in modes without bans."""
    teams = info.get("teams")
    bans = [team.get("bans") for team in teams if isinstance(team, dict)] if isinstance(teams, list) else []
    return sum(len(turns) for turns in bans if isinstance(turns, list))


def _subteam(fields: _Fields) -> int:
    """Arena: the number of the pair or team of three; 0 if missing, as in one game of 2023."""
    return _optional(fields, "playerSubteamId") or 0


def _partners(fields: _Fields, everyone: list[_Fields]) -> tuple[tuple[int, str], ...]:
    subteam = _subteam(fields)
    return tuple(
        (_optional(other, "championId") or 0, _text(other, "championName"))
        for other in everyone
        if subteam and _subteam(other) == subteam and other is not fields
    )


def _outcome(mode: str, everyone: list[_Fields]) -> Outcome:
    """By Riot's flags: a length does not tell a remake, and `endOfGameResult` has been wrong for weeks."""

    def flagged(name: str) -> bool:
        return any(fields.get(name) is True for fields in everyone)

    if flagged("gameEndedInEarlySurrender"):
        return Outcome.REMAKE
    if mode not in (ARENA, SWARM) and not flagged("win"):
        return Outcome.NOBODY_WON
    return Outcome.SURRENDERED if flagged("gameEndedInSurrender") else Outcome.DECIDED


def _duration(info: Mapping[str, Any], everyone: list[_Fields]) -> int:
    """Seconds: the longest `timePlayed`. `gameDuration` is in ms where `gameEndTimestamp` is missing (before 11.20)."""
    played = max((_optional(fields, "timePlayed") or 0 for fields in everyone), default=0)
    if played > 0:
        return played
    duration = _number(info, "gameDuration")
    return duration if info.get("gameEndTimestamp") is not None else duration // 1000


def _end(info: Mapping[str, Any], duration: int) -> datetime:
    """Start plus the longest `timePlayed`, as Riot advises: `gameEndTimestamp` can lie well after the real end."""
    start = _optional(info, "gameStartTimestamp") or 0
    end = start + 1000 * duration if start > 0 and duration > 0 else _optional(info, "gameEndTimestamp") or 0
    if end <= 0:
        raise _invalid("it does not say when it ended")
    moment = _moment(end)
    if moment is None:
        raise _invalid(f"it ended at {end} ms")
    return moment


def _moment(milliseconds: int) -> datetime | None:
    """None for what no calendar has, and for 0 or less, which means that it is not known."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds > 0 else None
    except (OverflowError, ValueError, OSError):
        return None


def _invalid(reason: str) -> NotAMatch:
    return NotAMatch(f"not a valid match: {reason}")


def _number(fields: _Fields, name: str) -> int:
    value = _optional(fields, name)
    if value is None:
        raise _invalid(f"{name} is not a whole number")
    return value


def _optional(fields: _Fields, name: str) -> int | None:
    """A whole number, also where Riot writes it as a float; None for anything else."""
    value = fields.get(name)
    if type(value) is int:  # nearly all are
        return value if abs(value) <= _LARGEST else None
    return int(value) if isinstance(value, float) and abs(value) <= _LARGEST and value.is_integer() else None


def _count(fields: _Fields, name: str) -> int | None:
    """As `_optional`, of what cannot be below zero."""
    value = _optional(fields, name)
    return None if value is None or value < 0 else value


def _text(fields: _Fields, name: str) -> str:
    """A string that can be stored and sent: lone surrogates, which JSON can spell, are replaced."""
    value = fields.get(name)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
