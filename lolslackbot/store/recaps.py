"""The games of a time, as a channel heard of them: what a recap is made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lolslackbot.clock import moment_of, text_of
from lolslackbot.game import Match, Outcome, Participant
from lolslackbot.store.database import Database, Row


@dataclass(frozen=True, slots=True)
class Heard:
    """A game, with those of its participants that the channel tracks; how they are called today."""

    match: Match
    queues: str  # what the channel wants to hear of now
    is_built: bool  # its message was made: it was wanted then

    @classmethod
    def from_rows(cls, rows: Sequence[Row]) -> "Heard":
        """rows: of one match, one for each participant."""
        row = rows[0]
        match = Match(
            match_id=row["match_id"],
            queue_id=row["queue_id"],
            game_mode=row["game_mode"],
            outcome=Outcome(row["outcome"]),
            duration=row["duration"],
            ended_at=moment_of(row["ended_at"]),
            participants=tuple(map(_participant, rows)),
        )
        return cls(match, row["queues"], row["built_at"] is not None)


def heard_in(db: Database, channel_id: str, begins: datetime, ends: datetime) -> list[Heard]:
    """The games that ended between two moments (the second one excluded), the oldest first.

    Left out are games that the channel did not want when they were built, and friends who are not tracked any more.
    """
    rows = db.rows(
        """
        SELECT matches.match_id, queue_id, game_mode, outcome, duration, ended_at, built_at, queues,
               puuid, game_name, tag_line, team_id, subteam, champion_id, champion_name, team_position, win, placement,
               kills, deaths, assists, creep_score, penta_kills
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


def _participant(row: Row) -> Participant:
    """row: of participants, with the player's puuid and name of today."""
    return Participant(
        puuid=row["puuid"],
        name=row["game_name"],
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
        penta_kills=row["penta_kills"],
        subteam=row["subteam"],
    )
