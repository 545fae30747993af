"""The queries behind `status`: what waits and since when, when things last happened, what went wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lolslackbot.clock import moment_of, text_of
from lolslackbot.model import LookupProblem, MessageKind
from lolslackbot.store.database import Database, Row, not_in
from lolslackbot.store.holds import Scope, ScopeKind
from lolslackbot.store.reasons import is_missed


@dataclass(frozen=True, slots=True)
class LostMatch:
    """A match that will not be announced."""

    match_id: str
    state: str
    reason: str

    @classmethod
    def from_row(cls, row: Row) -> "LostMatch":
        return cls(match_id=row["match_id"], state=row["state"], reason=row["reason"])


@dataclass(frozen=True, slots=True)
class UnsentMessage:
    """A message that failed, or whose outcome is unknown. error None: its run died."""

    subject: str
    kind: MessageKind
    channel_id: str
    state: str
    error: str | None
    happened_at: datetime
    built_at: datetime
    lookup_problem: LookupProblem | None

    @classmethod
    def from_row(cls, row: Row) -> "UnsentMessage":
        return cls(
            subject=row["subject"],
            kind=MessageKind(row["kind"]),
            channel_id=row["channel_id"],
            state=row["state"],
            error=row["error"],
            happened_at=moment_of(row["happened_at"]),
            built_at=moment_of(row["built_at"]),
            lookup_problem=LookupProblem(row["lookup_problem"]) if row["lookup_problem"] else None,
        )


def matches_waiting(db: Database) -> dict[str, int]:
    """How many matches wait to be fetched, to be looked for again, and to be built."""
    row = db.row(
        """
        SELECT
            (SELECT COUNT(*) FROM matches WHERE next_look_at IS NOT NULL AND state = 'wanted') AS wanted,
            (SELECT COUNT(*) FROM matches WHERE next_look_at IS NOT NULL AND state = 'missing') AS missing,
            (SELECT COUNT(*) FROM matches WHERE state = 'stored' AND built_at IS NULL) AS to_build
        """
    )
    assert row
    return dict(row)


def pending(db: Database) -> int:
    """How many messages are pending."""
    row = db.row("SELECT COUNT(*) AS number FROM messages WHERE state = 'pending'")
    assert row
    number: int = row["number"]
    return number


def last_listed_at(db: Database) -> datetime | None:
    """When any player's list was last polled."""
    return _moment(db, "SELECT MAX(listed_at) FROM players")


def stalest_list(db: Database) -> tuple[datetime, bool] | None:
    """When the stalest player list was last polled, or tracked if not polled since; whether it was polled."""
    row = db.row(
        """
        SELECT CASE WHEN listed_at > since THEN listed_at ELSE since END AS waits_since, listed_at > since AS was_polled
        FROM players
        JOIN (SELECT player_id, MIN(since) AS since FROM tracks GROUP BY player_id) AS tracked USING (player_id)
        ORDER BY waits_since LIMIT 1
        """
    )
    return (moment_of(row["waits_since"]), bool(row["was_polled"])) if row else None


def wanted_since(db: Database) -> datetime | None:
    """When the oldest match was listed that was not requested yet."""
    return _moment(
        db,
        """
        SELECT MIN(listed_at) FROM matches
        WHERE next_look_at IS NOT NULL AND state = 'wanted' AND looked_at IS NULL
        """,
    )


def waiting_since(db: Database, held: Iterable[Scope] = ()) -> datetime | None:
    """When the oldest pending message was built; those of a channel or workspace in `held` do not count."""
    held = list(held)
    channels, values = not_in("channel_id", "channel", (each.id for each in held if each.kind is ScopeKind.CHANNEL))
    workspaces, more = not_in("workspace", "workspace", (each.id for each in held if each.kind is ScopeKind.WORKSPACE))
    return _moment(
        db,
        f"""
        SELECT MIN(built_at) FROM messages
        WHERE state = 'pending' AND {channels} AND {workspaces}
        """,
        **values,
        **more,
    )


def last_post_at(db: Database) -> datetime | None:
    """When the last delivered message was claimed, searched from the end of each channel.

    A message without attempts was found in Slack after a restore: it was posted earlier.
    """
    return _moment(
        db,
        """
        SELECT MAX((
            SELECT claimed_at FROM messages
            WHERE messages.channel_id = channels.channel_id AND claimed_at IS NOT NULL AND state = 'delivered'
              AND attempts > 0
            ORDER BY claimed_at DESC LIMIT 1
        ))
        FROM channels
        """,
    )


def failed(db: Database, after: datetime) -> list[UnsentMessage]:
    """The failed messages about games that ended after that moment, and others that were made after it."""
    rows = db.rows(
        """
        SELECT * FROM messages
        WHERE state = 'failed' AND (happened_at > :after OR kind <> 'game' AND built_at > :after)
        ORDER BY happened_at
        """,
        after=text_of(after),
    )
    return [UnsentMessage.from_row(row) for row in rows]


def in_doubt(db: Database) -> list[UnsentMessage]:
    """The messages whose outcome is unknown, in their order."""
    rows = db.rows("SELECT * FROM messages WHERE state IN ('sending', 'uncertain') ORDER BY happened_at")
    return [UnsentMessage.from_row(row) for row in rows]


def expired(db: Database, after: datetime) -> dict[str, int]:
    """How many messages expired since that moment, by reason, the most frequent first."""
    rows = db.rows(
        """
        SELECT error, COUNT(*) AS number FROM messages
        WHERE state = 'expired' AND settled_at > :after
        GROUP BY error ORDER BY number DESC, error
        """,
        after=text_of(after),
    )
    return {row["error"]: row["number"] for row in rows}


def lost_matches(db: Database, now: datetime, after: datetime) -> list[LostMatch]:
    """The matches that were requested in vain since that moment, and that `is_missed`; newest first."""
    rows = db.rows(
        """
        SELECT match_id, state, reason, reason_kind, looked_at, next_look_at FROM matches
        WHERE looked_at > :after AND state IN ('missing', 'given_up')
        ORDER BY game_id DESC
        """,
        after=text_of(after),
    )
    return [
        LostMatch.from_row(row)
        for row in rows
        if is_missed(row["state"], row["reason_kind"], row["next_look_at"] is None, moment_of(row["looked_at"]), now)
    ]


def _moment(db: Database, query: str, **values: object) -> datetime | None:
    row = db.row(query, **values)
    return moment_of(row[0]) if row and row[0] else None
