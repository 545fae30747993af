"""Stored matches with the players in them, and which channels hear of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lolslackbot.clock import moment_of, text_of
from lolslackbot.game import Match, Outcome, Participant, PastGame
from lolslackbot.model import Player, RiotId, Style
from lolslackbot.rank import QUEUES
from lolslackbot.store import players, ranks
from lolslackbot.store.database import Database, Row

PAST_GAMES = 50  # of a player, looked at for a series: longer ones are not counted on


def store(db: Database, match: Match, packed: bytes, known: Mapping[str, Player], now: datetime) -> None:
    """wanted, missing -> stored, with the columns of the `known` players in it and their names of today.

    packed: the body, as `store/bodies.py` makes it before any transaction begins. A match that was given up while its
    body was on the way (`untrack`) stays so.
    """
    with db.transaction():
        stored = db.write_counted(
            """
            UPDATE matches
            SET state = 'stored', reason = NULL, reason_kind = NULL, looked_at = :now, next_look_at = NULL,
                queue_id = :queue_id, game_mode = :game_mode, outcome = :outcome, duration = :duration,
                ended_at = :ended_at, body = :body, teams = :teams, bans = :bans
            WHERE match_id = :match_id AND state IN ('wanted', 'missing')
            """,
            match_id=match.match_id,
            now=text_of(now),
            queue_id=match.queue_id,
            game_mode=match.game_mode,
            outcome=match.outcome.value,
            duration=match.duration,
            ended_at=text_of(match.ended_at),
            body=packed,
            teams=match.teams,
            bans=match.bans,
        )
        for participant in match.participants if stored else ():
            if player := known.get(participant.puuid):
                _add_participant(db, match.match_id, player, participant)
                if participant.name and participant.tag_line:
                    players.rename(db, player, RiotId(participant.name, participant.tag_line), match.ended_at)
        players.record_last_game(db, match.match_id, match.ended_at)
        if stored:
            ranks.want(db, match)


def _add_participant(db: Database, match_id: str, player: Player, participant: Participant) -> None:
    db.write(
        """
        INSERT INTO participants (
            match_id, player_id, name, team_id, champion_id, champion_name, team_position,
            win, placement, kills, deaths, assists, creep_score,
            level, damage, team_damage, team_kills, penta_kills, vision_score, subteam, partners
        )
        VALUES (
            :match_id, :player_id, :name, :team_id, :champion_id, :champion_name, :team_position,
            :win, :placement, :kills, :deaths, :assists, :creep_score,
            :level, :damage, :team_damage, :team_kills, :penta_kills, :vision_score,
            :subteam, :partners
        )
        """,
        match_id=match_id,
        player_id=player.player_id,
        name=participant.name or player.riot_id.game_name,
        team_id=participant.team_id,
        champion_id=participant.champion_id,
        champion_name=participant.champion_name,
        team_position=participant.team_position,
        win=int(participant.win),
        placement=participant.placement,
        kills=participant.kills,
        deaths=participant.deaths,
        assists=participant.assists,
        creep_score=participant.creep_score,
        level=participant.level,
        damage=participant.damage,
        team_damage=participant.team_damage,
        team_kills=participant.team_kills,
        penta_kills=participant.penta_kills,
        vision_score=participant.vision_score,
        subteam=participant.subteam,
        partners=json.dumps(participant.partners),
    )


@dataclass(frozen=True, slots=True)
class Listener:
    """A channel that tracks a player in a match, and what it wants to hear."""

    channel_id: str
    workspace: str
    queues: str
    style: Style


def listeners(db: Database, match_id: str) -> list[Listener]:
    """The channels that may hear of a stored match: they track a player in it since before its end.

    Left out are those that did not want it when it was built first: a later change of mind does not bring it back.
    """
    rows = db.rows(
        """
        SELECT DISTINCT channel_id, workspace, queues, style
        FROM participants JOIN tracks USING (player_id) JOIN channels USING (channel_id) JOIN matches USING (match_id)
        WHERE match_id = :match_id AND tracks.since <= matches.ended_at
          AND NOT EXISTS (
              SELECT 1 FROM unwanted
              WHERE unwanted.match_id = matches.match_id AND unwanted.channel_id = channels.channel_id
          )
        ORDER BY channel_id
        """,
        match_id=match_id,
    )
    return [Listener(row["channel_id"], row["workspace"], row["queues"], Style(row["style"])) for row in rows]


def stored(db: Database, match_id: str) -> Match:
    """A stored match, without its participants: `as_heard_in` adds those that a channel hears of."""
    row = db.row(
        """
        SELECT match_id, queue_id, game_mode, outcome, duration, ended_at, teams, bans FROM matches
        WHERE match_id = :match_id AND state = 'stored'
        """,
        match_id=match_id,
    )
    assert row
    return _match(row)


def _match(row: Row) -> Match:
    """Without its participants."""
    return Match(
        match_id=row["match_id"],
        queue_id=row["queue_id"],
        game_mode=row["game_mode"],
        outcome=Outcome(row["outcome"]),
        duration=row["duration"],
        ended_at=moment_of(row["ended_at"]),
        participants=(),
        teams=row["teams"],
        bans=row["bans"],
    )


def as_heard_in(db: Database, match: Match, channel_id: str) -> Match:
    """A stored match with those participants only whom that channel tracks."""
    rows = db.rows(
        """
        SELECT participants.*, puuid, tag_line, ranks
        FROM participants JOIN players USING (player_id) JOIN tracks USING (player_id) JOIN channels USING (channel_id)
        WHERE match_id = :match_id AND channel_id = :channel_id AND since <= :ended_at
        ORDER BY team_id, player_id
        """,
        match_id=match.match_id,
        channel_id=channel_id,
        ended_at=text_of(match.ended_at),
    )
    return replace(match, participants=tuple(_with_history(db, row, match.queue_id) for row in rows))


def _with_history(db: Database, row: Row, queue_id: int) -> Participant:
    """row: as for `_participant`, and whether the channel wants ranks."""
    queue = QUEUES.get(queue_id) if row["ranks"] else None
    return replace(
        _participant(row),
        past=_past_games(db, row["player_id"], row["match_id"]),
        rank=ranks.worth_of(db, row["player_id"], row["match_id"], queue) if queue else None,
    )


def _participant(row: Row) -> Participant:
    """row: of participants, with the player's puuid and tag_line."""
    return Participant(
        puuid=row["puuid"],
        name=row["name"],
        tag_line=row["tag_line"],
        team_id=row["team_id"],
        champion_id=row["champion_id"],
        champion_name=row["champion_name"],
        team_position=row["team_position"],
        win=bool(row["win"]),
        placement=row["placement"],
        kills=row["kills"],
        deaths=row["deaths"],
        assists=row["assists"],
        creep_score=row["creep_score"],
        level=row["level"],
        damage=row["damage"],
        team_damage=row["team_damage"],
        team_kills=row["team_kills"],
        penta_kills=row["penta_kills"],
        vision_score=row["vision_score"],
        subteam=row["subteam"],
        partners=tuple((number, name) for number, name in json.loads(row["partners"])),
    )


def _past_games(db: Database, player_id: int, match_id: str) -> tuple[PastGame, ...]:
    """A player's games before that one, the newest first, up to the first of which it is not known how it ended.

    Ids of one platform that are as long as each other sort as their numbers do, so that the indexes find the last few
    however many there are. When they grow by a digit, series begin anew.
    """
    before = """
        player_id = :player_id AND match_id < :match_id AND match_id > :platform
        AND LENGTH(match_id) = LENGTH(:match_id) ORDER BY match_id DESC LIMIT :most
    """
    rows = db.rows(
        f"""
        SELECT queue_id, game_mode, outcome, win
        FROM (
            SELECT * FROM (SELECT match_id FROM participants WHERE {before}) AS played
            UNION
            SELECT * FROM (SELECT match_id FROM listings WHERE {before}) AS listed
        ) AS known JOIN matches USING (match_id)
        LEFT JOIN participants ON participants.match_id = matches.match_id AND participants.player_id = :player_id
        ORDER BY game_id DESC
        LIMIT :most
        """,
        player_id=player_id,
        match_id=match_id,
        platform=match_id.partition("_")[0] + "_",
        most=PAST_GAMES,
    )
    past = []
    for row in rows:
        if row["win"] is None:
            break
        past.append(PastGame(row["queue_id"], row["game_mode"], Outcome(row["outcome"]), bool(row["win"])))
    return tuple(past)


# A week's games


@dataclass(frozen=True, slots=True)
class Heard:
    """A game, with those of its participants that the channel tracks; how they are called today."""

    match: Match
    queues: str  # what the channel wants to hear of now
    is_built: bool  # its message was made: it was wanted then

    @classmethod
    def from_rows(cls, rows: Sequence[Row]) -> "Heard":
        """rows: of one match, one for each participant."""
        friends = (replace(_participant(row), name=row["game_name"]) for row in rows)
        match = replace(_match(rows[0]), participants=tuple(friends))
        return cls(match, rows[0]["queues"], rows[0]["built_at"] is not None)


def heard_in(db: Database, channel_id: str, begins: datetime, ends: datetime) -> list[Heard]:
    """The games that ended between two moments (the second one excluded), the oldest first.

    Left out are games that the channel did not want when they were built, and friends who are not tracked any more.
    """
    rows = db.rows(
        """
        SELECT matches.match_id, queue_id, game_mode, outcome, duration, ended_at, teams, bans, built_at, queues,
               participants.*, puuid, game_name, tag_line
        -- CROSS: in this order, or SQLite begins with all games that the channel's friends ever played.
        FROM matches CROSS JOIN participants CROSS JOIN tracks CROSS JOIN players CROSS JOIN channels
        WHERE ended_at >= :begins AND ended_at < :ends AND state = 'stored' AND tracks.since <= ended_at
          AND participants.match_id = matches.match_id
          AND tracks.player_id = participants.player_id AND tracks.channel_id = :channel_id
          AND players.player_id = participants.player_id AND channels.channel_id = tracks.channel_id
          AND NOT EXISTS (
              SELECT 1 FROM unwanted
              WHERE unwanted.match_id = matches.match_id AND unwanted.channel_id = tracks.channel_id
          )
        ORDER BY ended_at, matches.match_id, participants.player_id
        """,
        channel_id=channel_id,
        begins=text_of(begins),
        ends=text_of(ends),
    )
    by_match: dict[str, list[Row]] = {}
    for row in rows:
        by_match.setdefault(row["match_id"], []).append(row)
    return [Heard.from_rows(each) for each in by_match.values()]
