"""What a delivered message should say instead: the newest text only, sent until it is known to be there.

Setting the same text twice changes nothing, so an edit of unknown outcome is repeated. None changes a message's state.
"""

from dataclasses import dataclass
from datetime import datetime

from lolslackbot.clock import text_of
from lolslackbot.model import Message
from lolslackbot.store.database import Database, Row
from lolslackbot.store.outbox import Draft

TOO_OLD = "an hour old"


@dataclass(frozen=True, slots=True)
class Amendment:
    """A delivered message as it should read, and its `ts`."""

    message: Message
    slack_ts: str

    @classmethod
    def from_row(cls, row: Row) -> "Amendment":
        return cls(Message.from_row(row), row["slack_ts"])


def put(db: Database, subject: str, draft: Draft, now: datetime) -> None:
    """Takes the place of an older one. Inside a transaction."""
    db.write(
        """
        INSERT INTO amendments (subject, channel_id, text, blocks, made_at)
        VALUES (:subject, :channel_id, :text, :blocks, :now)
        ON CONFLICT (subject, channel_id) DO UPDATE
        SET text = excluded.text, blocks = excluded.blocks, made_at = excluded.made_at, error = NULL, dropped_at = NULL
        """,
        subject=subject,
        channel_id=draft.channel_id,
        text=draft.text,
        blocks=draft.blocks,
        now=text_of(now),
    )


def waiting(db: Database, now: datetime) -> list[Amendment]:
    """What is to be edited now, the oldest first. A message that lost its blocks stays without."""
    rows = db.rows(
        """
        SELECT amendments.subject, amendments.channel_id, kind, workspace, amendments.text, slack_ts, thread_ts,
               CASE WHEN messages.blocks IS NULL THEN NULL ELSE amendments.blocks END AS blocks
        FROM amendments JOIN messages  -- the few amendments first: `|| ''` keeps their index out of it
            ON messages.subject = amendments.subject || '' AND messages.channel_id = amendments.channel_id || ''
        WHERE dropped_at IS NULL AND state = 'delivered' AND (next_at IS NULL OR next_at <= :now)
        ORDER BY made_at, amendments.subject, amendments.channel_id
        """,
        now=text_of(now),
    )
    return [Amendment.from_row(row) for row in rows]


def state_of(db: Database, subject: str, channel_id: str) -> tuple[bool, str | None] | None:
    """Whether an edit of that message was dropped, and how the last one ended; None where none is to be made."""
    row = db.row(
        "SELECT error, dropped_at FROM amendments WHERE subject = :subject AND channel_id = :channel_id",
        subject=subject,
        channel_id=channel_id,
    )
    return (row["dropped_at"] is not None, row["error"]) if row else None


def applied(db: Database, amendment: Amendment) -> None:
    """The message reads so now. One commit."""
    message = amendment.message
    with db.transaction():
        db.write(
            "UPDATE messages SET text = :text, blocks = :blocks WHERE subject = :subject AND channel_id = :channel_id",
            subject=message.subject,
            channel_id=message.channel_id,
            text=message.text,
            blocks=message.blocks,
        )
        db.write(
            "DELETE FROM amendments WHERE subject = :subject AND channel_id = :channel_id",
            subject=message.subject,
            channel_id=message.channel_id,
        )


def put_off(db: Database, amendment: Amendment, error: str) -> None:
    """Not known to be there: sent again in the next run. One commit."""
    with db.transaction():
        db.write(
            "UPDATE amendments SET error = :error WHERE subject = :subject AND channel_id = :channel_id",
            subject=amendment.message.subject,
            channel_id=amendment.message.channel_id,
            error=error,
        )


def pause(db: Database, workspace: str, until: datetime) -> None:
    """Slack said "too fast" of edits there: none is made before, and nothing else waits for that. One commit."""
    with db.transaction():
        db.write(
            """
            UPDATE amendments SET next_at = :until
            WHERE dropped_at IS NULL AND EXISTS (
                SELECT 1 FROM messages
                WHERE messages.subject = amendments.subject AND messages.channel_id = amendments.channel_id
                  AND workspace = :workspace
            )
            """,
            workspace=workspace,
            until=text_of(until),
        )


def drop(db: Database, amendment: Amendment, error: str, now: datetime) -> None:
    """The message stays as it is, and why. One commit."""
    with db.transaction():
        db.write(
            """
            UPDATE amendments SET error = :error, dropped_at = :now
            WHERE subject = :subject AND channel_id = :channel_id
            """,
            subject=amendment.message.subject,
            channel_id=amendment.message.channel_id,
            error=error,
            now=text_of(now),
        )


def drop_old(db: Database, before: datetime, now: datetime) -> int:
    """Drops those made before, whatever became of their message; how many. One commit, if there are any."""
    old = "dropped_at IS NULL AND made_at < :before"
    if not db.row(f"SELECT 1 FROM amendments WHERE {old} LIMIT 1", before=text_of(before)):
        return 0
    with db.transaction():
        return db.write_counted(
            f"UPDATE amendments SET error = COALESCE(:reason || ': ' || error, :reason), dropped_at = :now WHERE {old}",
            before=text_of(before),
            now=text_of(now),
            reason=TOO_OLD,
        )


def prune(db: Database, before: datetime) -> int:
    """Forgets those dropped before; how many. Inside a transaction."""
    return db.write_counted("DELETE FROM amendments WHERE dropped_at < :before", before=text_of(before))
