"""The outbox: what is to be said, what waits, and what comes to nothing. Who sends it: `claims`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from lolslackbot.clock import moment_of, text_of
from lolslackbot.model import Message, MessageKind
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import channels, holds, in_doubt, participants, reasons
from lolslackbot.store.database import Database, Row
from lolslackbot.store.in_doubt import UNSETTLED, log_changes

# How long after they were made they are worth saying. A game is news for a while after its end.
_LASTS = {
    MessageKind.LIVE: timedelta(minutes=10),
    MessageKind.DIGEST: timedelta(days=2),
    MessageKind.REPLY: timedelta(minutes=30),
    MessageKind.ALERT: timedelta(days=1),
}
_CASES = " ".join(f"WHEN '{kind}' THEN built_at >= :oldest_{kind}" for kind in _LASTS)
IS_NEWS = f"CASE kind {_CASES} ELSE happened_at >= :oldest END"


@dataclass(frozen=True, slots=True)
class Draft:
    """A rendered message; `error` where the rendering itself failed."""

    channel_id: str
    workspace: str
    text: str
    blocks: str | None
    error: str | None = None
    plainer_blocks: str | None = None  # what takes their place if Slack refuses them
    thread_ts: str | None = None


class Dated(Protocol):
    """What tells whether a message is still news."""

    @property
    def kind(self) -> MessageKind: ...
    @property
    def happened_at(self) -> datetime: ...
    @property
    def built_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Dates:
    """When what a message is about happened, and when the message was made."""

    kind: MessageKind
    happened_at: datetime
    built_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> "Dates":
        return cls(MessageKind(row["kind"]), moment_of(row["happened_at"]), moment_of(row["built_at"]))


@dataclass(frozen=True, slots=True)
class NextMessage:
    """The next message of one channel, and when the channel's last request was answered."""

    message: Message
    waiting: int  # in that channel, this one included
    last_answer: datetime | None  # as long as there is no answer: when it was claimed
    compared: bool  # with the channel's history, where it has to be before it is sent

    @classmethod
    def from_row(cls, row: Row) -> "NextMessage":
        reconciled_at = row["reconciled_at"]
        # A message built after the comparison, about something that had happened by then, is compared too.
        is_late = reconciled_at is not None and row["happened_at"] <= reconciled_at < row["built_at"]
        return cls(
            message=Message.from_row(row),
            waiting=row["waiting"],
            last_answer=moment_of(row["last_answer"]) if row["last_answer"] else None,
            compared=reconciled_at is not None and not is_late,
        )


def add(
    db: Database, match_id: str, drafts: Sequence[Draft], now: datetime, unwanted: Sequence[participants.Listener] = ()
) -> None:
    """The match is built: one message a channel, all in one commit. A message that exists stays as it is.

    unwanted: the channels that get none, since they do not want its queue; that is put on record. A channel that has
    moved to another id meanwhile is that one.
    """
    with db.transaction():
        for draft in drafts:
            db.write(
                """
                INSERT INTO messages (
                    subject, channel_id, kind, match_id, workspace, state, error, text, blocks, happened_at, built_at
                )
                SELECT
                    match_id, :channel_id, 'game', match_id, :workspace, :state, :error, :text, :blocks, ended_at, :now
                FROM matches WHERE match_id = :match_id
                ON CONFLICT DO NOTHING
                """,
                match_id=match_id,
                channel_id=channels.current_id(db, draft.channel_id),
                workspace=draft.workspace,
                state="failed" if draft.error else "pending",
                error=draft.error,
                text=draft.text,
                blocks=draft.blocks,
                now=text_of(now),
            )
        for listener in unwanted:
            db.write(
                "INSERT INTO unwanted VALUES (:match_id, :channel_id, :queues) ON CONFLICT DO NOTHING",
                match_id=match_id,
                channel_id=channels.current_id(db, listener.channel_id),
                queues=listener.queues,
            )
        in_doubt.mark_restored_in_doubt(db, now)
        came_to_nothing = reasons.UNWANTED if unwanted else reasons.UNTRACKED
        db.write(
            """
            UPDATE matches SET built_at = :now, reason = :reason, reason_kind = :reason_kind WHERE match_id = :match_id
            """,
            match_id=match_id,
            now=text_of(now),
            **(came_to_nothing.columns() if not drafts else {"reason": None, "reason_kind": None}),
        )


def add_other(
    db: Database, subject: str, kind: MessageKind, draft: Draft, happened_at: datetime, now: datetime
) -> bool:
    """A message that is about no match; whether it is a new one: one that exists stays as it is. In a transaction."""
    added = db.write_counted(
        """
        INSERT INTO messages (
            subject, channel_id, kind, workspace, text, blocks, plainer_blocks, thread_ts, happened_at, built_at
        )
        VALUES (
            :subject, :channel_id, :kind, :workspace, :text, :blocks, :plainer_blocks, :thread_ts, :happened_at, :now
        )
        ON CONFLICT DO NOTHING
        """,
        subject=subject,
        channel_id=draft.channel_id,
        kind=kind,
        workspace=draft.workspace,
        text=draft.text,
        blocks=draft.blocks,
        plainer_blocks=draft.plainer_blocks,
        thread_ts=draft.thread_ts,
        happened_at=text_of(happened_at),
        now=text_of(now),
    )
    return added > 0


def replace_text(db: Database, subject: str, draft: Draft) -> None:
    """Replaces the text of a message that still waits. Inside a transaction."""
    db.write(
        """
        UPDATE messages SET text = :text, blocks = :blocks, plainer_blocks = :plainer_blocks
        WHERE subject = :subject AND channel_id = :channel_id AND state IN ('pending', 'failed', 'uncertain')
        """,
        subject=subject,
        channel_id=draft.channel_id,
        text=draft.text,
        blocks=draft.blocks,
        plainer_blocks=draft.plainer_blocks,
    )


def waiting_digests(db: Database, channel_id: str) -> list[str]:
    """The subjects of the digests in that channel that still wait, or may come to wait again."""
    rows = db.rows(
        """
        SELECT subject FROM messages
        WHERE channel_id = :channel_id AND kind = 'digest' AND state IN ('pending', 'failed', 'uncertain')
        """,
        channel_id=channel_id,
    )
    return [row["subject"] for row in rows]


def waiting_about(db: Database, player_id: int, channel_id: str) -> list[str]:
    """The matches of that player whose message in that channel still waits, or may come to wait again."""
    rows = db.rows(
        """
        SELECT match_id FROM messages JOIN participants USING (match_id)
        WHERE channel_id = :channel_id AND player_id = :player_id AND kind = 'game'
          AND state IN ('pending', 'failed', 'uncertain')
        """,
        channel_id=channel_id,
        player_id=player_id,
    )
    return [row["match_id"] for row in rows]


def next_messages(db: Database, share: Share = WHOLE) -> list[NextMessage]:
    """The next message of each of a share's channels in which some wait, what happened first in front."""
    rows = db.rows(
        """
        SELECT *, (
            SELECT COALESCE(settled_at, claimed_at) FROM messages AS m
            WHERE m.channel_id = waiting.channel_id AND m.claimed_at IS NOT NULL
            ORDER BY m.claimed_at DESC LIMIT 1
        ) AS last_answer, (
            SELECT reconciled_at FROM channels WHERE channels.channel_id = waiting.channel_id
        ) AS reconciled_at
        FROM (
            SELECT *, COUNT(*) OVER (PARTITION BY channel_id) AS waiting,
                   ROW_NUMBER() OVER (PARTITION BY channel_id ORDER BY happened_at, subject) AS turn
            FROM messages WHERE state = 'pending'
        ) AS waiting
        WHERE turn = 1
        ORDER BY happened_at, subject, channel_id
        """
    )
    return [NextMessage.from_row(row) for row in rows if share.has_named(row["workspace"])]


def compared_from(db: Database, channel_id: str, bound: datetime) -> datetime:
    """From when on a channel's history has what may wait there though it was posted.

    bound: for digests not before; what was posted of a week longer ago, only its row here tells.
    """
    row = db.row(
        """
        SELECT MIN(CASE WHEN kind = 'digest' AND happened_at < :bound THEN :bound ELSE happened_at END) AS first
        FROM messages WHERE channel_id = :channel_id AND state = 'pending'
        """,
        channel_id=channel_id,
        bound=text_of(bound),
    )
    return moment_of(row["first"]) if row and row["first"] else bound


def waiting(db: Database) -> list[tuple[Message, Dates]]:
    """Every waiting message, in the order in which what they are about happened."""
    rows = db.rows("SELECT * FROM messages WHERE state = 'pending' ORDER BY happened_at, subject, channel_id")
    return [(Message.from_row(row), Dates.from_row(row)) for row in rows]


def last_about(db: Database, player_id: int, channel_id: str) -> tuple[Message, str, str | None] | None:
    """The message about a player's last game that a channel got or is to get; its state, and Slack's `ts` of it."""
    row = db.row(
        """
        SELECT messages.* FROM messages JOIN participants USING (match_id)
        WHERE channel_id = :channel_id AND player_id = :player_id AND kind = 'game'
        ORDER BY happened_at DESC, subject DESC LIMIT 1
        """,
        channel_id=channel_id,
        player_id=player_id,
    )
    return (Message.from_row(row), row["state"], row["slack_ts"]) if row else None


def count_games_waiting(db: Database, channel_id: str) -> int:
    """How many announcements of games wait in a channel."""
    row = db.row(
        """
        SELECT COUNT(*) AS number FROM messages
        WHERE channel_id = :channel_id AND state = 'pending' AND kind = 'game'
        """,
        channel_id=channel_id,
    )
    return int(row["number"]) if row else 0


def count_pending(db: Database, share: Share = WHOLE) -> int:
    """How many messages of a share wait."""
    rows = db.rows("SELECT workspace, COUNT(*) AS number FROM messages WHERE state = 'pending' GROUP BY workspace")
    return sum(row["number"] for row in rows if share.has_named(row["workspace"]))


def recent_claims(db: Database, channel_id: str, seconds: int, now: datetime) -> list[datetime]:
    """When the messages of the last `seconds` were claimed that are, or may be, in that channel; newest first.

    Claims from far ahead of now are left out: the clock was set back.
    """
    span = timedelta(seconds=seconds)
    rows = db.rows(
        """
        SELECT claimed_at FROM messages
        WHERE channel_id = :channel_id AND claimed_at > :after AND claimed_at < :before
          AND state IN ('sending', 'delivered', 'uncertain')
        ORDER BY claimed_at DESC
        """,
        channel_id=channel_id,
        after=text_of(now - span),
        before=text_of(now + span),
    )
    return [moment_of(row["claimed_at"]) for row in rows]


def full_until(
    db: Database, channel_id: str, now: datetime, *, messages: int, seconds: int, ahead: int = 0
) -> datetime | None:
    """When a channel that gets at most `messages` in `seconds` takes another one; None: now.

    ahead: messages that go to that channel before it.
    """
    claims = recent_claims(db, channel_id, seconds, now)
    if len(claims) + ahead < messages:
        return None
    last_to_leave = claims[messages - 1 - ahead] if ahead < messages else now
    return last_to_leave + timedelta(seconds=seconds)


def limited_channels(db: Database, workspace: str, now: datetime) -> set[str]:
    """The channels of a workspace that wait since Slack said "too fast"."""
    rows = db.rows(
        """
        SELECT channel_id FROM channels JOIN holds ON scope_kind = 'channel' AND scope_id = channel_id
        WHERE workspace = :workspace AND kind = 'limited' AND until > :now AND since > :earliest
        """,
        workspace=workspace,
        now=text_of(now),
        earliest=text_of(now - holds.LONGEST),
    )
    return {row["channel_id"] for row in rows}


def is_news(message: Dated, oldest: datetime, now: datetime) -> bool:
    """Whether a message is still worth saying. oldest: a game that ended before is no longer news."""
    lasts = _LASTS.get(message.kind)
    return message.built_at >= now - lasts if lasts else message.happened_at >= oldest


def news_bounds(oldest: datetime, now: datetime) -> dict[str, str]:
    """The values of `IS_NEWS`."""
    return {"oldest": text_of(oldest), **{f"oldest_{kind}": text_of(now - lasts) for kind, lasts in _LASTS.items()}}


def expire(db: Database, oldest: datetime, now: datetime) -> int:
    """pending -> expired where it is no longer news; how many. So is what a restore made doubtful.

    oldest: a game that ended before is no longer news.
    """
    reason, bounds = str(reasons.NO_LONGER_NEWS), news_bounds(oldest, now)
    doubted = f"{UNSETTLED} AND state = 'uncertain' AND restored = 1 AND attempts = 0 AND NOT {IS_NEWS}"
    waiting = f"state = 'pending' AND NOT {IS_NEWS}"
    return sum(_end(db, "expired", reason, condition, now, **bounds) for condition in (waiting, doubted))


def withdraw(db: Database, subject: str, reason: str, now: datetime) -> bool:
    """pending -> expired in every channel, since it is of no use any more; whether any waited. Inside a transaction."""
    withdrawn = db.change(
        """
        UPDATE messages SET state = 'expired', error = :reason, settled_at = :now
        WHERE subject = :subject AND state = 'pending'
        RETURNING subject, channel_id, state, error
        """,
        subject=subject,
        reason=reason,
        now=text_of(now),
    )
    return log_changes(withdrawn) > 0


def expire_untracked(db: Database, subject: str, channel_id: str, now: datetime) -> None:
    """pending, failed -> expired: nobody in it is tracked here any more. So is what a restore made doubtful.

    What is uncertain stays so, to be looked up, but does not go out again. Inside a transaction.
    """
    db.write(
        """
        UPDATE messages SET resends = 1
        WHERE subject = :subject AND channel_id = :channel_id AND state = 'uncertain' AND attempts > 0
        """,
        subject=subject,
        channel_id=channel_id,
    )
    expired = db.change(
        """
        UPDATE messages SET state = 'expired', error = 'untracked', settled_at = :now
        WHERE subject = :subject AND channel_id = :channel_id
          AND (state IN ('pending', 'failed') OR state = 'uncertain' AND attempts = 0)
        RETURNING subject, channel_id, state, error
        """,
        subject=subject,
        channel_id=channel_id,
        now=text_of(now),
    )
    log_changes(expired)


def fail_in_broken_channels(db: Database, now: datetime) -> dict[str, int]:
    """pending -> failed in channels marked broken, without a call; how many, by error."""
    failed: dict[str, int] = {}
    for hold in holds.all_known(db):
        if hold.kind == "broken":
            error = f"{hold.reason}: the channel was marked broken"
            condition = "state = 'pending' AND channel_id = :channel_id"
            if number := _end(db, "failed", error, condition, now, channel_id=hold.scope.id):
                failed[error] = failed.get(error, 0) + number
    return failed


def _end(db: Database, state: str, error: str, condition: str, now: datetime, **values: str) -> int:
    if not db.row(f"SELECT 1 FROM messages WHERE {condition} LIMIT 1", **values):
        return 0  # nothing to write, so no lock and no sync
    with db.transaction():
        ended = db.change(
            f"""
            UPDATE messages SET state = :state, error = :error, settled_at = :now
            WHERE {condition}
            RETURNING subject, channel_id, state, error
            """,
            state=state,
            error=error,
            now=text_of(now),
            **values,
        )
    return log_changes(ended)


def of_channel(db: Database, channel_id: str, state: str) -> list[Message]:
    """The messages of a channel in that state, in their order."""
    rows = db.rows(
        "SELECT * FROM messages WHERE channel_id = :channel_id AND state = :state ORDER BY happened_at, subject",
        channel_id=channel_id,
        state=state,
    )
    return [Message.from_row(row) for row in rows]


def about(db: Database, match_id: str) -> list[tuple[Message, str]]:
    """The announcements of a match, with their states."""
    rows = db.rows(
        "SELECT * FROM messages WHERE match_id = :match_id AND kind = 'game' ORDER BY channel_id", match_id=match_id
    )
    return [(Message.from_row(row), row["state"]) for row in rows]


def find(db: Database, subject: str, channel_id: str) -> tuple[Message, str] | None:
    """A message and its state."""
    row = db.row(
        "SELECT * FROM messages WHERE subject = :subject AND channel_id = :channel_id",
        subject=subject,
        channel_id=channel_id,
    )
    return (Message.from_row(row), row["state"]) if row else None


def dates(db: Database, message: Message) -> Dates:
    """What tells whether a message is still news."""
    row = db.row(
        "SELECT kind, happened_at, built_at FROM messages WHERE subject = :subject AND channel_id = :channel_id",
        subject=message.subject,
        channel_id=message.channel_id,
    )
    assert row
    return Dates.from_row(row)


def number_ahead(db: Database, subject: str, channel_id: str, oldest: datetime, now: datetime) -> int:
    """How many messages that are still news wait in that channel and go out before this one."""
    row = db.row(
        f"""
        SELECT COUNT(*) AS number FROM messages
        WHERE channel_id = :channel_id AND state = 'pending' AND {IS_NEWS}
          AND (happened_at, subject) < (
              SELECT happened_at, subject FROM messages WHERE subject = :subject AND channel_id = :channel_id
          )
        """,
        subject=subject,
        channel_id=channel_id,
        **news_bounds(oldest, now),
    )
    return row["number"] if row else 0


def retry(db: Database, message: Message) -> None:
    """failed, uncertain -> pending, since a person says so. Inside a transaction.

    One whose wording had failed is worded again: its match goes back to be built. Of one whose outcome is unknown,
    `unknown_since` stays: whatever comes of it now, the earlier attempt may have reached Slack.
    """
    key = {"subject": message.subject, "channel_id": message.channel_id}
    here = "subject = :subject AND channel_id = :channel_id AND state IN ('failed', 'uncertain')"
    if message.text:
        db.write(
            f"""
            UPDATE messages
            SET state = 'pending', error = NULL, lookup_misses = 0, resends = 0,
                unknown_since = CASE state
                    WHEN 'uncertain' THEN COALESCE(unknown_since, settled_at, claimed_at) ELSE unknown_since
                END
            WHERE {here}
            """,
            **key,
        )
    elif db.write_counted(f"DELETE FROM messages WHERE {here}", **key):
        db.write("UPDATE matches SET built_at = NULL WHERE match_id = :match_id", match_id=message.subject)


def prune(db: Database, before: datetime, most: int) -> int:
    """Forgets the texts of up to `most` messages about what happened before, once they came to an end; how many.

    The rows stay: their key keeps it from being said again. A failed one can no longer be tried again.
    Inside a transaction.
    """
    return db.write_counted(
        """
        UPDATE messages
        SET state = CASE state WHEN 'failed' THEN 'expired' ELSE state END,
            error = CASE state WHEN 'failed' THEN :pruned || error ELSE error END,
            text = '', blocks = NULL, plainer_blocks = NULL
        WHERE (subject, channel_id) IN (
            SELECT subject, channel_id FROM messages
            WHERE text <> '' AND happened_at < :before AND state IN ('delivered', 'expired', 'failed')
            LIMIT :most
        )
        """,
        pruned="pruned; it had failed: ",
        before=text_of(before),
        most=most,
    )
