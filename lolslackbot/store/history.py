"""What is on record about one match, one player, one channel, for `why`."""

from dataclasses import dataclass
from datetime import datetime

from lolslackbot.clock import moment_of
from lolslackbot.model import MessageKind, RiotId
from lolslackbot.store.bodies import unpack
from lolslackbot.store.database import Database, Row


@dataclass(frozen=True, slots=True)
class MessageStory:
    """One row of the outbox, without its text."""

    subject: str
    kind: MessageKind
    match_id: str | None
    channel_id: str
    workspace: str
    state: str
    attempts: int
    error: str | None
    slack_ts: str | None
    happened_at: datetime
    built_at: datetime
    claimed_at: datetime | None
    settled_at: datetime | None
    lookup_misses: int
    resends: int
    restored: bool
    may_be_out: bool  # the outcome of an attempt is, or stayed, unknown
    is_unreadable: bool  # the history in which it would be looked up

    @classmethod
    def from_row(cls, row: Row) -> "MessageStory":
        return cls(
            subject=row["subject"],
            kind=MessageKind(row["kind"]),
            match_id=row["match_id"],
            channel_id=row["channel_id"],
            workspace=row["workspace"],
            state=row["state"],
            attempts=row["attempts"],
            error=row["error"],
            slack_ts=row["slack_ts"],
            happened_at=moment_of(row["happened_at"]),
            built_at=moment_of(row["built_at"]),
            claimed_at=_moment(row["claimed_at"]),
            settled_at=_moment(row["settled_at"]),
            lookup_misses=row["lookup_misses"],
            resends=row["resends"],
            restored=bool(row["restored"]),
            may_be_out=row["attempts"] > 0 and row["unknown_since"] is not None,
            is_unreadable=row["lookup_problem"] is not None,
        )


@dataclass(frozen=True, slots=True)
class MatchStory:
    """One row of the ledger, with whose lists it came from and what channels made of it."""

    match_id: str
    platform: str
    state: str
    reason: str | None
    reason_kind: str | None
    listed_at: datetime
    not_found_count: int
    failures: int  # since the last 404
    looked_at: datetime | None
    next_look_at: datetime | None
    ended_at: datetime | None
    built_at: datetime | None
    missing_since: datetime | None
    listed_for: tuple[RiotId, ...]
    messages: tuple[MessageStory, ...]
    unwanted: tuple[tuple[str, str], ...]  # channels without a message, and the queues they wanted instead

    @classmethod
    def from_row(cls, db: Database, row: Row) -> "MatchStory":
        """row: of `matches`; the other tables are read here."""
        match_id = row["match_id"]
        return cls(
            match_id=match_id,
            platform=row["platform"],
            state=row["state"],
            reason=row["reason"],
            reason_kind=row["reason_kind"],
            listed_at=moment_of(row["listed_at"]),
            not_found_count=row["not_found_count"],
            failures=row["failures"],
            looked_at=_moment(row["looked_at"]),
            next_look_at=_moment(row["next_look_at"]),
            ended_at=_moment(row["ended_at"]),
            built_at=_moment(row["built_at"]),
            missing_since=_moment(row["missing_since"]),
            listed_for=_listed_for(db, match_id),
            messages=_messages_of(db, match_id),
            unwanted=_unwanted(db, match_id),
        )


def of_match(db: Database, match_id: str) -> MatchStory | None:
    """The story of a match, None if it was never listed."""
    row = db.row("SELECT * FROM matches WHERE match_id = :match_id", match_id=match_id)
    return MatchStory.from_row(db, row) if row else None


def body_of(db: Database, match_id: str) -> bytes | None:
    """Riot's answer about a match as it came; None if it was never stored, or is pruned."""
    row = db.row("SELECT body FROM matches WHERE match_id = :match_id", match_id=match_id)
    return unpack(row["body"]) if row and row["body"] else None


def with_number(db: Database, game_id: int) -> list[str]:
    """The ids of the matches that have this number, one a platform."""
    rows = db.rows("SELECT match_id FROM matches WHERE game_id = :game_id ORDER BY match_id", game_id=game_id)
    return [row["match_id"] for row in rows]


def posted_as(db: Database, channel_id: str, ts: str) -> MessageStory | None:
    """The message in a channel that has that `ts` in Slack."""
    row = db.row(
        "SELECT * FROM messages WHERE channel_id = :channel_id AND slack_ts = :ts", channel_id=channel_id, ts=ts
    )
    return MessageStory.from_row(row) if row else None


def of_subject(db: Database, subject: str) -> list[MessageStory]:
    """What was said about it, in each channel."""
    rows = db.rows("SELECT * FROM messages WHERE subject = :subject ORDER BY channel_id", subject=subject)
    return [MessageStory.from_row(row) for row in rows]


def of_player(db: Database, player_id: int, number: int) -> list[MatchStory]:
    """The last matches of a player's lists, the newest first."""
    rows = db.rows(
        """
        SELECT matches.* FROM listings JOIN matches USING (match_id)
        WHERE player_id = :player_id
        ORDER BY COALESCE(ended_at, listed_at) DESC, game_id DESC
        LIMIT :number
        """,
        player_id=player_id,
        number=number,
    )
    return [MatchStory.from_row(db, row) for row in rows]


def of_channel(db: Database, channel_id: str, number: int) -> list[MessageStory]:
    """The last messages of a channel, the newest first."""
    rows = db.rows(
        "SELECT * FROM messages WHERE channel_id = :channel_id ORDER BY happened_at DESC LIMIT :number",
        channel_id=channel_id,
        number=number,
    )
    return [MessageStory.from_row(row) for row in rows]


def _listed_for(db: Database, match_id: str) -> tuple[RiotId, ...]:
    rows = db.rows(
        """
        SELECT game_name, tag_line FROM listings JOIN players USING (player_id)
        WHERE match_id = :match_id ORDER BY game_name, tag_line
        """,
        match_id=match_id,
    )
    return tuple(RiotId(row["game_name"], row["tag_line"]) for row in rows)


def _messages_of(db: Database, match_id: str) -> tuple[MessageStory, ...]:
    rows = db.rows("SELECT * FROM messages WHERE match_id = :match_id ORDER BY channel_id", match_id=match_id)
    return tuple(MessageStory.from_row(row) for row in rows)


def _unwanted(db: Database, match_id: str) -> tuple[tuple[str, str], ...]:
    rows = db.rows("SELECT * FROM unwanted WHERE match_id = :match_id ORDER BY channel_id", match_id=match_id)
    return tuple((row["channel_id"], row["queues"]) for row in rows)


def _moment(text: str | None) -> datetime | None:
    return moment_of(text) if text else None
