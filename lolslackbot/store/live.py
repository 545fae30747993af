"""Games in progress: whom to ask spectator-v5 about, which games were seen, and what became of the notices of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lolslackbot.clock import moment_of, text_of
from lolslackbot.game import ActiveGame, LiveFriend, LiveGame
from lolslackbot.model import Message, MessageKind, Player
from lolslackbot.rank import QUEUES
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import matches, players, ranks
from lolslackbot.store.database import Database, Row

ENDED = "the game has ended meanwhile"
_SUBJECT = "live "


def subject_of(match_id: str) -> str:
    """What the notices of a game are known by in the outbox."""
    return f"{_SUBJECT}{match_id}"


def match_of(subject: str) -> str:
    """The game that a notice is about."""
    return subject.removeprefix(_SUBJECT)


class Said(Protocol):
    """A message, by what it is about."""

    @property
    def kind(self) -> MessageKind: ...
    @property
    def subject(self) -> str: ...


@dataclass(frozen=True, slots=True)
class SeenGame:
    """A game that was seen in progress. state: 'on', 'finished' (its result was announced), 'over' (none in time)."""

    match_id: str
    seen_at: datetime
    began_at: datetime
    state: str

    @classmethod
    def from_row(cls, row: Row) -> "SeenGame":
        return cls(row["match_id"], moment_of(row["seen_at"]), moment_of(row["began_at"]), row["state"])


@dataclass(frozen=True, slots=True)
class Hearer:
    """A channel that hears of games in progress and tracks somebody in this one."""

    channel_id: str
    workspace: str
    queues: str


@dataclass(frozen=True, slots=True)
class Notice:
    """The notice of a game in one channel, and what is known of the game's own message there."""

    message: Message
    state: str
    result_ts: str | None  # the `ts` of the game's message once that is delivered


# While a game is on


def to_ask(db: Database, share: Share = WHOLE) -> list[Player]:
    """A share's players whom a channel with live notices tracks, by id; not those whose puuid is known to be wrong."""
    rows = db.rows(
        """
        SELECT DISTINCT player_id FROM channels JOIN tracks USING (channel_id) JOIN players USING (player_id)
        WHERE live = 1 AND problem_kind IS NULL AND puuid_doubted = 0 AND player_id % :shares = :share
        ORDER BY player_id
        """,
        **share.values(),
    )
    return players.with_ids(db, [row["player_id"] for row in rows]) if rows else []


def add(db: Database, game: ActiveGame, began_at: datetime, known: Sequence[Player], now: datetime) -> bool:
    """A game with these players in it is seen for the first time; False: it was before. Inside a transaction."""
    is_new = db.write_counted(
        """
        INSERT INTO live_games (match_id, seen_at, began_at, queue_id, game_mode)
        VALUES (:match_id, :now, :began_at, :queue_id, :game_mode)
        ON CONFLICT DO NOTHING
        """,
        match_id=game.match_id,
        now=text_of(now),
        began_at=text_of(began_at),
        queue_id=game.queue_id,
        game_mode=game.game_mode,
    )
    if not is_new:
        return False
    seats = {seat.puuid: seat for seat in game.seats}
    for player in known:
        db.write(
            """
            INSERT INTO live_participants (match_id, player_id, team_id, champion_id)
            VALUES (:match_id, :player_id, :team_id, :champion_id)
            ON CONFLICT DO NOTHING
            """,
            match_id=game.match_id,
            player_id=player.player_id,
            team_id=seats[player.puuid].team_id,
            champion_id=seats[player.puuid].champion_id,
        )
    return True


def hearers(db: Database, match_id: str) -> list[Hearer]:
    """The channels with live notices that track somebody in a game."""
    rows = db.rows(
        """
        SELECT DISTINCT channel_id, workspace, queues
        FROM live_participants JOIN tracks USING (player_id) JOIN channels USING (channel_id)
        WHERE match_id = :match_id AND live = 1
        ORDER BY channel_id
        """,
        match_id=match_id,
    )
    return [Hearer(row["channel_id"], row["workspace"], row["queues"]) for row in rows]


def as_heard_in(db: Database, match_id: str, channel_id: str) -> LiveGame | None:
    """A game with those friends only whom that channel tracks, blue before red; None where it tracks none of them."""
    rows = db.rows(
        """
        SELECT live_games.match_id, queue_id, game_mode, team_id, champion_id, player_id, game_name, ranks
        FROM live_games JOIN live_participants USING (match_id) JOIN players USING (player_id)
        JOIN tracks USING (player_id) JOIN channels USING (channel_id)
        WHERE live_games.match_id = :match_id AND channel_id = :channel_id
        ORDER BY team_id, player_id
        """,
        match_id=match_id,
        channel_id=channel_id,
    )
    if not rows:
        return None
    first = rows[0]
    return LiveGame(first["match_id"], first["queue_id"], first["game_mode"], tuple(_friend(db, row) for row in rows))


def _friend(db: Database, row: Row) -> LiveFriend:
    queue = QUEUES.get(row["queue_id"]) if row["ranks"] else None
    reading = ranks.latest(db, row["player_id"]).get(queue) if queue else None
    return LiveFriend(row["game_name"], row["team_id"], row["champion_id"], reading.standing if reading else None)


def waiting_about(db: Database, player_id: int, channel_id: str) -> list[str]:
    """The games with that player of which the notice in that channel still waits, or may come to wait again."""
    rows = db.rows(
        """
        SELECT live_games.match_id FROM live_games JOIN live_participants USING (match_id)
        JOIN messages ON messages.subject = :prefix || live_games.match_id
        WHERE live_games.state = 'on' AND player_id = :player_id AND messages.channel_id = :channel_id
          AND messages.state IN ('pending', 'failed', 'uncertain')
        """,
        prefix=_SUBJECT,
        player_id=player_id,
        channel_id=channel_id,
    )
    return [row["match_id"] for row in rows]


# Once it has ended


def on(db: Database) -> list[SeenGame]:
    """The games of which nobody knows yet that they ended, the oldest first."""
    return [SeenGame.from_row(row) for row in db.rows("SELECT * FROM live_games WHERE state = 'on' ORDER BY seen_at")]


def find(db: Database, match_id: str) -> SeenGame | None:
    """A game, None if it was not seen in progress."""
    row = db.row("SELECT * FROM live_games WHERE match_id = :match_id", match_id=match_id)
    return SeenGame.from_row(row) if row else None


def has_ended(db: Database, message: Said) -> bool:
    """Whether a message is the notice of a game that is listed by now: it is of no use any more."""
    return message.kind is MessageKind.LIVE and matches.state_of(db, match_of(message.subject)) is not None


def notices(db: Database, match_id: str) -> list[Notice]:
    """All notices of a game."""
    rows = db.rows(
        """
        SELECT notice.*, result.slack_ts AS result_ts
        FROM messages AS notice LEFT JOIN messages AS result
            ON result.subject = :match_id AND result.channel_id = notice.channel_id AND result.state = 'delivered'
        WHERE notice.subject = :subject
        ORDER BY notice.channel_id
        """,
        match_id=match_id,
        subject=subject_of(match_id),
    )
    return [Notice(Message.from_row(row), row["state"], row["result_ts"]) for row in rows]


def end(db: Database, match_id: str, state: str) -> None:
    """on -> finished, over. Inside a transaction."""
    db.write(
        "UPDATE live_games SET state = :state WHERE match_id = :match_id AND state = 'on'",
        match_id=match_id,
        state=state,
    )


def end_all(db: Database) -> None:
    """on -> over: what became of them since a backup was made is not known. Inside a transaction."""
    db.write("UPDATE live_games SET state = 'over' WHERE state = 'on'")


def prune(db: Database, before: datetime) -> int:
    """Forgets games seen before that came to an end; how many. Inside a transaction."""
    old = "seen_at < :before AND state <> 'on'"
    db.write(
        f"DELETE FROM live_participants WHERE match_id IN (SELECT match_id FROM live_games WHERE {old})",
        before=text_of(before),
    )
    return db.write_counted(f"DELETE FROM live_games WHERE {old}", before=text_of(before))
