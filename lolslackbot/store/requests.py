"""What people ask of the bot in a channel: how far the channel was read, what was asked, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lolslackbot.clock import moment_of, text_of
from lolslackbot.model import Asked
from lolslackbot.store.database import Database, Row

LOOK_BACK = timedelta(days=1)  # what was said earlier is not read at all: it would not be obeyed


@dataclass(frozen=True, slots=True)
class Inbox:
    """A channel in which people may ask, and how far it was read. Each `ts` is Slack's, as Slack wrote it."""

    channel_id: str
    workspace: str
    since: datetime  # what was said before is not obeyed
    read_to: str
    newest: str | None  # a reading, from the newest back, was cut off: where it began
    down_to: str | None  # and how far it came
    problem: str | None

    @classmethod
    def from_row(cls, row: Row) -> "Inbox":
        return cls(
            row["channel_id"],
            row["workspace"],
            moment_of(row["since"]),
            row["read_to"],
            row["newest"],
            row["down_to"],
            row["problem"],
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked in a channel."""

    asked: Asked
    channel_id: str
    workspace: str
    read_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> "Request":
        asked = Asked(row["slack_ts"], row["user_id"], row["words"])
        return cls(asked, row["channel_id"], row["workspace"], moment_of(row["read_at"]))

    @property
    def key(self) -> dict[str, str]:
        return {"channel_id": self.channel_id, "slack_ts": self.asked.slack_ts}


def ts_of(moment: datetime) -> str:
    """As Slack writes a moment: seconds, and six decimals. It finds nothing by a `ts` with more."""
    return f"{moment.timestamp():.6f}"


def ts_before(slack_ts: str, span: timedelta) -> str:
    return f"{float(slack_ts) - span.total_seconds():.6f}"


def switch_on(db: Database, channel_id: str, now: datetime) -> None:
    """People may ask there from now on. Where they may already, nothing changes. Inside a transaction."""
    db.write(
        "INSERT INTO inboxes (channel_id, since, read_to) VALUES (:channel_id, :now, :ts) ON CONFLICT DO NOTHING",
        channel_id=channel_id,
        now=text_of(now),
        ts=ts_of(now),
    )


def switch_off(db: Database, channel_id: str, now: datetime) -> None:
    """Nobody may ask there, and what was asked and not done is dropped. Inside a transaction."""
    db.write("DELETE FROM inboxes WHERE channel_id = :channel_id", channel_id=channel_id)
    db.write(
        """
        UPDATE requests SET state = 'ignored', reason = 'requests were switched off', settled_at = :now
        WHERE channel_id = :channel_id AND state = 'waiting'
        """,
        channel_id=channel_id,
        now=text_of(now),
    )


def inboxes(db: Database) -> list[Inbox]:
    """The channels in which people may ask."""
    rows = db.rows("SELECT * FROM inboxes JOIN channels USING (channel_id) ORDER BY channel_id")
    return [Inbox.from_row(row) for row in rows]


def inbox(db: Database, channel_id: str) -> Inbox | None:
    """That channel's; None: nobody may ask there."""
    row = db.row(
        "SELECT * FROM inboxes JOIN channels USING (channel_id) WHERE channel_id = :channel_id", channel_id=channel_id
    )
    return Inbox.from_row(row) if row else None


def keep_page(
    db: Database, inbox: Inbox, found: Sequence[Asked], down_to: str | None, newest: str, now: datetime
) -> None:
    """What a page of a channel's history has, and how far it was read, in one commit.

    down_to: the oldest message of the page; None: it was the last one. newest: the newest message of the first page.
    """
    with db.transaction():
        for asked in found:
            db.write(
                """
                INSERT INTO requests (channel_id, slack_ts, user_id, words, read_at)
                VALUES (:channel_id, :slack_ts, :user_id, :words, :now)
                ON CONFLICT DO NOTHING
                """,
                channel_id=inbox.channel_id,
                slack_ts=asked.slack_ts,
                user_id=asked.user_id,
                words=asked.words,
                now=text_of(now),
            )
        db.write(
            """
            UPDATE inboxes SET read_to = :read_to, newest = :newest, down_to = :down_to, problem = NULL
            WHERE channel_id = :channel_id
            """,
            channel_id=inbox.channel_id,
            read_to=inbox.read_to if down_to else max(inbox.read_to, newest),
            newest=newest if down_to else None,
            down_to=down_to,
        )


def record_problem(db: Database, channel_id: str, problem: str) -> None:
    """It cannot be read now. Writes only what is new."""
    which = "channel_id = :channel_id AND COALESCE(problem, '') <> :problem"
    if db.row(f"SELECT 1 FROM inboxes WHERE {which}", channel_id=channel_id, problem=problem):
        with db.transaction():
            db.write(f"UPDATE inboxes SET problem = :problem WHERE {which}", channel_id=channel_id, problem=problem)


def waiting(db: Database) -> list[Request]:
    """What was asked and not done yet, oldest first; of channels that are read to the end only."""
    rows = db.rows(
        """
        SELECT requests.*, workspace FROM requests JOIN channels USING (channel_id) JOIN inboxes USING (channel_id)
        WHERE state = 'waiting' AND down_to IS NULL
        ORDER BY slack_ts, channel_id
        """
    )
    return [Request.from_row(row) for row in rows]


def postpone(db: Database, request: Request, reason: str) -> None:
    """It stays, since it cannot be done now."""
    with db.transaction():
        db.write(
            "UPDATE requests SET reason = :reason WHERE channel_id = :channel_id AND slack_ts = :slack_ts",
            reason=reason,
            **request.key,
        )


def settle(db: Database, request: Request, now: datetime) -> None:
    """waiting -> answered. Inside the transaction of its effect and its answer."""
    _end(db, request, "answered", None, now)


def refuse(db: Database, request: Request, now: datetime) -> None:
    """waiting -> too_many. Inside a transaction."""
    _end(db, request, "too_many", None, now)


def ignore(db: Database, request: Request, reason: str, now: datetime) -> None:
    """waiting -> ignored. One commit."""
    with db.transaction():
        _end(db, request, "ignored", reason, now)


def _end(db: Database, request: Request, state: str, reason: str | None, now: datetime) -> None:
    changed = db.write_counted(
        """
        UPDATE requests SET state = :state, reason = :reason, settled_at = :now
        WHERE channel_id = :channel_id AND slack_ts = :slack_ts AND state = 'waiting'
        """,
        state=state,
        reason=reason,
        now=text_of(now),
        **request.key,
    )
    if changed != 1:
        raise RuntimeError(f"the request {request.asked.slack_ts} in {request.channel_id} waits no more")


def number_obeyed(db: Database, request: Request, span: timedelta) -> int:
    """How many requests of the same person, in whatever channel, that were said within so much time count beside it.

    Those that were answered, also of later ones where this one was read late, and earlier ones that still wait.
    """
    row = db.row(
        """
        SELECT COUNT(*) AS number FROM requests
        WHERE user_id = :user_id AND slack_ts > :earliest AND slack_ts < :latest
          AND (state = 'answered' OR state = 'waiting' AND (slack_ts, channel_id) < (:slack_ts, :channel_id))
        """,
        user_id=request.asked.user_id,
        earliest=ts_of(request.asked.at - span),
        latest=ts_of(request.asked.at + span),
        **request.key,
    )
    return int(row["number"]) if row else 0


def was_refused(db: Database, request: Request, span: timedelta) -> bool:
    """Whether another request of the same person, in whatever channel, was too much in so much time before it."""
    row = db.row(
        """
        SELECT 1 FROM requests
        WHERE user_id = :user_id AND state = 'too_many' AND slack_ts > :earliest
          AND (slack_ts, channel_id) < (:slack_ts, :channel_id)
        """,
        user_id=request.asked.user_id,
        earliest=ts_of(request.asked.at - span),
        **request.key,
    )
    return row is not None


def unseen(db: Database, after: datetime) -> list[Request]:
    """Answered requests since then, to which no reaction shows yet that they were seen; oldest first."""
    rows = db.rows(
        """
        SELECT requests.*, workspace FROM requests JOIN channels USING (channel_id) JOIN inboxes USING (channel_id)
        WHERE reaction IS NULL AND state = 'answered' AND slack_ts > :after
        ORDER BY slack_ts, channel_id
        """,
        after=ts_of(after),
    )
    return [Request.from_row(row) for row in rows]


def mark_seen(db: Database, request: Request, reaction: str) -> None:
    """How showing that it was seen ended. One commit."""
    with db.transaction():
        db.write(
            "UPDATE requests SET reaction = :reaction WHERE channel_id = :channel_id AND slack_ts = :slack_ts",
            reaction=reaction,
            **request.key,
        )


def prune(db: Database, before: datetime) -> None:
    """Forgets what was asked a day before then and earlier, which is never read again. In a transaction."""
    old = ts_of(before - LOOK_BACK)
    db.write("DELETE FROM requests WHERE slack_ts < :old AND state <> 'waiting'", old=old)


@dataclass(frozen=True, slots=True)
class RequestStory:
    """One request and what came of it, for `why`."""

    asked: Asked
    state: str
    reason: str | None

    @classmethod
    def from_row(cls, row: Row) -> "RequestStory":
        asked = Asked(row["slack_ts"], row["user_id"], row["words"])
        return cls(asked, row["state"], row["reason"])


def of_channel(db: Database, channel_id: str, number: int) -> list[RequestStory]:
    """The last requests in a channel, the newest first."""
    rows = db.rows(
        "SELECT * FROM requests WHERE channel_id = :channel_id ORDER BY slack_ts DESC LIMIT :number",
        channel_id=channel_id,
        number=number,
    )
    return [RequestStory.from_row(row) for row in rows]
