"""Messages of unknown outcome: what makes one so, what a look-up in the channel's history finds, and what follows.

sending -> uncertain -> delivered, pending or expired.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lolslackbot.clock import moment_of, text_of
from lolslackbot.model import LookupProblem, Message
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import channels
from lolslackbot.store.database import Database, Row, in_clause

logger = logging.getLogger(__name__)

UNSETTLED = "state IN ('sending', 'uncertain')"  # the index's own words: else SQLite does not see that it may use it
DIED = "the process ended between the claim and Slack's answer"
ENOUGH_LOOKUPS = 2  # runs that must miss a message in the history before its absence is believed
FOUND = "found in the channel's history: another run of this bot had posted it"


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A message of unknown outcome, and what is known about it so far."""

    message: Message
    happened_at: datetime
    claimed_at: datetime
    unknown_since: datetime  # no earlier than its claim: a machine may have slept in between
    looked_at: datetime | None  # the last time anything was recorded of it
    lookup_misses: int  # runs that read the history to its end without finding it
    resends: int
    restored: bool  # never claimed here: a database that was replaced may have announced it

    @classmethod
    def from_row(cls, row: Row) -> "Uncertain":
        return cls(
            message=Message.from_row(row),
            happened_at=moment_of(row["happened_at"]),
            claimed_at=moment_of(row["claimed_at"]),
            unknown_since=moment_of(max(row["claimed_at"], row["unknown_since"] or "")),
            looked_at=moment_of(row["settled_at"]) if row["settled_at"] else None,
            lookup_misses=row["lookup_misses"],
            resends=row["resends"],
            restored=bool(row["restored"]),
        )


def recover_orphaned_claims(db: Database, now: datetime, share: Share = WHOLE) -> list[Message]:
    """sending -> uncertain, for whoever holds that share's run lock: those claims are a dead process's. Which ones."""
    sending = db.rows(f"SELECT * FROM messages WHERE {UNSETTLED} AND state = 'sending'")
    orphans = [message for message in map(Message.from_row, sending) if share.has_named(message.workspace)]
    if not orphans:
        return orphans
    workspaces, values = in_clause("workspace", {message.workspace for message in orphans})
    with db.transaction():
        db.write(
            f"""
            UPDATE messages
            SET state = 'uncertain', claim_token = NULL, error = :error, settled_at = :now, unknown_since = :now
            WHERE {UNSETTLED} AND state = 'sending' AND workspace IN {workspaces}
            """,
            error=DIED,
            now=text_of(now),
            **values,
        )
    return orphans


def mark_restored_in_doubt(db: Database, now: datetime) -> int:
    """pending -> uncertain, once, where it happened before a restore; how many. Inside a transaction.

    The database that was replaced may have announced it: the channel's history is asked first.
    """
    if not db.row("SELECT 1 FROM restores LIMIT 1"):  # as nearly always
        return 0
    doubted = db.change(
        """
        UPDATE messages SET state = 'uncertain', restored = 1, lookup_misses = 0,
            claimed_at = :now, unknown_since = :now,
            lookup_problem = NULL, error = :error
        WHERE state = 'pending' AND restored = 0 AND happened_at <= (SELECT MAX(restored_at) FROM restores)
        RETURNING subject, channel_id, state, error
        """,
        now=text_of(now),
        error="it may have been announced before the restore",
    )
    return log_changes(doubted)


def uncertain(db: Database, claimed_before: datetime, share: Share = WHOLE) -> list[Uncertain]:
    """A share's messages of unknown outcome, by channel; those claimed later (in this run) are left for the next."""
    rows = db.rows(
        f"""
        SELECT * FROM messages WHERE {UNSETTLED} AND state = 'uncertain' AND claimed_at || '' < :before
        ORDER BY workspace, channel_id, happened_at -- `|| ''` keeps the index of all claims out of it
        """,
        before=text_of(claimed_before),
    )
    return [Uncertain.from_row(row) for row in rows if share.has_named(row["workspace"])]


def is_uncertain(db: Database, message: Message) -> bool:
    """Whether that is (still) so."""
    row = db.row(
        "SELECT state FROM messages WHERE subject = :subject AND channel_id = :channel_id",
        subject=message.subject,
        channel_id=message.channel_id,
    )
    return row is not None and row["state"] == "uncertain"


def mark_found(db: Database, message: Message, slack_ts: str, now: datetime) -> None:
    """uncertain -> delivered: it stands in the channel."""
    _look_up_ended(db, message, "state = 'delivered', error = NULL, slack_ts = :slack_ts", now, slack_ts=slack_ts)


def record_lookup_miss(db: Database, message: Message, now: datetime) -> None:
    """Stays uncertain: one more run read the history to its end and did not find it."""
    _look_up_ended(db, message, "lookup_misses = lookup_misses + 1", now)


def record_lookup_error(db: Database, message: Message, problem: LookupProblem, error: str, now: datetime) -> None:
    """Stays uncertain: its history could not be read, and why."""
    _look_up_ended(db, message, "error = :error", now, problem=problem, error=error)


def send_again(db: Database, message: Message, now: datetime) -> None:
    """uncertain -> pending, since it is not in the channel; once at most, whoever asks."""
    change = "state = 'pending', error = 'not in the channel, goes out again', resends = 1, lookup_misses = 0"
    _look_up_ended(db, message, change, now, unless="resends > 0 OR restored = 1")


def send_restored(db: Database, message: Message, now: datetime) -> None:
    """uncertain -> pending: the database that was replaced had not announced it either."""
    change = "state = 'pending', error = 'not announced before the restore', lookup_misses = 0"
    _look_up_ended(db, message, change, now, unless="restored = 0")


def expire_restored(db: Database, message: Message, error: str, now: datetime) -> None:
    """uncertain -> expired: whether it was announced before the restore cannot be found out."""
    _look_up_ended(db, message, "state = 'expired', error = :error", now, unless="restored = 0", error=error)


def expire_start(db: Database, message: Message, error: str, now: datetime) -> None:
    """uncertain -> expired: the notice of a game's start, which is never sent again."""
    _look_up_ended(db, message, "state = 'expired', error = :error", now, error=error)


def _look_up_ended(
    db: Database,
    message: Message,
    change: str,
    now: datetime,
    unless: str = "FALSE",
    problem: LookupProblem | None = None,
    **values: Any,
) -> None:
    with db.transaction():
        db.write(
            f"""
            UPDATE messages SET {change}, lookup_problem = :problem, settled_at = :now
            WHERE subject = :subject AND channel_id = :channel_id AND state = 'uncertain' AND NOT ({unless})
            """,
            subject=message.subject,
            channel_id=message.channel_id,
            problem=problem,
            now=text_of(now),
            **values,
        )


def reconcile(db: Database, channel_id: str, ts_by_key: Mapping[str, str], now: datetime) -> list[Message]:
    """pending -> delivered where the channel's history has it: another database of this bot posted it. Which ones.

    From now on the channel counts as compared. One commit.
    """
    with db.transaction():
        found = [
            (message, slack_ts)
            for message in _pending_in(db, channel_id)
            if (slack_ts := posted_ts(db, message, ts_by_key))
        ]
        for message, slack_ts in found:
            db.write(
                """
                UPDATE messages SET state = 'delivered', error = :found, slack_ts = :slack_ts, settled_at = :now
                WHERE subject = :subject AND channel_id = :channel_id AND state = 'pending'
                """,
                subject=message.subject,
                channel_id=message.channel_id,
                found=FOUND,
                slack_ts=slack_ts,
                now=text_of(now),
            )
        channels.mark_reconciled(db, channel_id, now)
    return [message for message, _ in found]


def _pending_in(db: Database, channel_id: str) -> list[Message]:
    rows = db.rows("SELECT * FROM messages WHERE channel_id = :channel_id AND state = 'pending'", channel_id=channel_id)
    return [Message.from_row(row) for row in rows]


def posted_ts(db: Database, message: Message, ts_by_key: Mapping[str, str]) -> str | None:
    """The `ts` of a message in a history, also if it was posted when its channel had another id."""
    ids = [message.channel_id, *channels.former_ids(db, message.channel_id)]
    keys = [replace(message, channel_id=channel_id).key for channel_id in ids]
    return next((ts_by_key[key] for key in keys if key in ts_by_key), None)


def with_receipt(db: Database, channel_id: str, slack_ts: str) -> str | None:
    """What the message in that channel is about that has that `ts`."""
    row = db.row(
        "SELECT subject FROM messages WHERE channel_id = :channel_id AND slack_ts = :slack_ts",
        channel_id=channel_id,
        slack_ts=slack_ts,
    )
    return row["subject"] if row else None


def log_changes(changed: Sequence[Row]) -> int:
    """What became of each of many messages, for the log; how many."""
    for row in changed:
        logger.debug("%s:%s is %s: %s", *row)
    return len(changed)
