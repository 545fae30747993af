"""Channels: what each wants to hear, its name, when its history was read, and which id Slack knows it by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lolslackbot.clock import text_of
from lolslackbot.model import Style
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import findings, holds, requests
from lolslackbot.store.database import Database, Row


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a channel wants to hear."""

    queues: str  # kinds of queues and queue ids, by comma
    style: Style
    ranks: bool
    digest: bool
    live: bool
    requests: bool

    @classmethod
    def from_row(cls, row: Row) -> "Preferences":
        switches = (bool(row[name]) for name in ("ranks", "digest", "live", "requests"))
        return cls(row["queues"], Style(row["style"]), *switches)

    @property
    def switches(self) -> Mapping[str, str]:
        """`on` or `off`, by name."""
        switches = {"ranks": self.ranks, "digest": self.digest, "live": self.live, "requests": self.requests}
        return {name: "on" if is_on else "off" for name, is_on in switches.items()}

    def __str__(self) -> str:
        switches = "; ".join(f"{name}: {state}" for name, state in self.switches.items())
        return f"queues: {self.queues}; style: {self.style}; {switches}"


def preferences(db: Database) -> Mapping[str, Preferences]:
    """What each channel wants, by channel id."""
    rows = db.rows(
        """
        SELECT channel_id, queues, style, ranks, digest, live, since IS NOT NULL AS requests
        FROM channels LEFT JOIN inboxes USING (channel_id)
        """
    )
    return {row["channel_id"]: Preferences.from_row(row) for row in rows}


@dataclass(frozen=True, slots=True)
class Change:
    """What of a channel's preferences changes; None: as before."""

    queues: str | None = None
    style: Style | None = None
    ranks: bool | None = None
    digest: bool | None = None
    live: bool | None = None
    requests: bool | None = None


def prefer(db: Database, channel_id: str, change: Change, now: datetime) -> bool:
    """Changes what a channel wants to hear from now on. False if there is no such channel."""
    with db.transaction():
        changed = db.write_counted(
            """
            UPDATE channels
            SET queues = COALESCE(:queues, queues), style = COALESCE(:style, style),
                ranks = COALESCE(:ranks, ranks), digest = COALESCE(:digest, digest), live = COALESCE(:live, live)
            WHERE channel_id = :channel_id
            """,
            channel_id=channel_id,
            queues=change.queues,
            style=change.style,
            ranks=change.ranks,
            digest=change.digest,
            live=change.live,
        )
        if changed and change.requests is not None:
            (requests.switch_on if change.requests else requests.switch_off)(db, channel_id, now)
    return changed > 0


def ensure(db: Database, channel_id: str, workspace: str) -> None:
    """Adds a channel that is not known yet. Inside a transaction."""
    db.write(
        "INSERT INTO channels (channel_id, workspace) VALUES (:channel_id, :workspace) ON CONFLICT DO NOTHING",
        channel_id=channel_id,
        workspace=workspace,
    )


def assign(db: Database, channel_id: str, workspace: str) -> bool:
    """Puts a channel of which nothing was ever to be said into another workspace; False: there was. In a transaction.

    Where friends may ask before anybody is tracked, nobody has named its workspace yet.
    """
    assigned = db.write_counted(
        """
        UPDATE channels SET workspace = :workspace
        WHERE channel_id = :channel_id
          AND NOT EXISTS (SELECT 1 FROM tracks WHERE tracks.channel_id = channels.channel_id)
          AND NOT EXISTS (SELECT 1 FROM messages WHERE messages.channel_id = channels.channel_id)
        """,
        channel_id=channel_id,
        workspace=workspace,
    )
    return assigned > 0


# The history, before the first post


def mark_reconciled(db: Database, channel_id: str, now: datetime) -> None:
    """Its history was compared with what waits, or never can be. Inside a transaction."""
    db.write(
        "UPDATE channels SET reconciled_at = :now WHERE channel_id = :channel_id",
        channel_id=channel_id,
        now=text_of(now),
    )


def forget_reconciled(db: Database) -> None:
    """Every channel's history is to be compared again before the next post there. One commit."""
    if db.row("SELECT 1 FROM channels WHERE reconciled_at IS NOT NULL LIMIT 1"):
        with db.transaction():
            db.write("UPDATE channels SET reconciled_at = NULL")


# Broken channels


def to_examine(db: Database, now: datetime, every: timedelta, share: Share = WHOLE) -> tuple[str, str] | None:
    """A share's broken channel that was not looked at for longest, with its workspace, if that is `every` ago or more.

    Only one that somebody is tracked in, or that gets alerts. What was looked at in what is now the future was so by a
    wrong clock.
    """
    rows = db.rows(
        """
        SELECT channel_id, workspace FROM channels JOIN holds ON scope_kind = 'channel' AND scope_id = channel_id
        WHERE kind = 'broken' AND since <= :then
          AND (examined_at IS NULL OR examined_at <= :then OR examined_at > :now)
          AND (EXISTS (SELECT 1 FROM tracks WHERE tracks.channel_id = channels.channel_id)
               OR EXISTS (SELECT 1 FROM alerts WHERE alerts.channel_id = channels.channel_id))
        ORDER BY examined_at IS NOT NULL, examined_at
        """,
        then=text_of(now - every),
        now=text_of(now),
    )
    return next(((row["channel_id"], row["workspace"]) for row in rows if share.has_named(row["workspace"])), None)


def mark_examined(db: Database, channel_id: str, now: datetime) -> None:
    """Slack is asked about it now. One commit."""
    with db.transaction():
        db.write(
            "UPDATE channels SET examined_at = :now WHERE channel_id = :channel_id",
            channel_id=channel_id,
            now=text_of(now),
        )


# Ids


def slack_id(db: Database, channel_id: str) -> str | None:
    """The other id under which Slack filed a message that was posted there, None where it gave none."""
    row = db.row("SELECT slack_id FROM channels WHERE channel_id = :channel_id", channel_id=channel_id)
    return row["slack_id"] if row else None


def note_slack_id(db: Database, channel_id: str, slack_id: str) -> None:
    """Slack filed a message under another id. One commit."""
    with db.transaction():
        db.write(
            "UPDATE channels SET slack_id = :slack_id WHERE channel_id = :channel_id",
            channel_id=channel_id,
            slack_id=slack_id,
        )


def workspaces(db: Database) -> set[str]:
    """Those that any channel belongs to, upper and lower case alike."""
    return {row["workspace"].lower() for row in db.rows("SELECT DISTINCT workspace FROM channels")}


def workspace_of(db: Database, channel_id: str) -> str | None:
    """The workspace that a channel belongs to, None if the channel is not known."""
    row = db.row("SELECT workspace FROM channels WHERE channel_id = :channel_id", channel_id=channel_id)
    return row["workspace"] if row else None


def current_id(db: Database, channel_id: str) -> str:
    """The id of a channel today: another one if it has moved."""
    row = db.row("SELECT moved_to FROM channels WHERE channel_id = :channel_id", channel_id=channel_id)
    return (row["moved_to"] if row else None) or channel_id


def former_ids(db: Database, channel_id: str) -> list[str]:
    """The ids that a channel had before it moved: its older messages carry them in their keys."""
    rows = db.rows(
        "SELECT channel_id FROM channels WHERE moved_to = :channel_id ORDER BY channel_id", channel_id=channel_id
    )
    return [row["channel_id"] for row in rows]


def move(db: Database, old: str, new: str) -> None:
    """A channel has another id now: everything about it goes over, delivered messages too. Inside a transaction.

    So no match can be announced there again. Where both ids have a message about one match, the one that is, or may be,
    in Slack stays. What is paused stays paused; whatever else held the old id back was about that id.
    """
    ids = {"old": old, "new": new}
    db.write(
        """
        INSERT INTO channels (channel_id, workspace, queues, style, ranks, digest, live, name)
        SELECT :new, workspace, queues, style, ranks, digest, live, name FROM channels WHERE channel_id = :old
        ON CONFLICT DO NOTHING
        """,
        **ids,
    )
    for statement in _MOVES:
        db.write(statement, **ids)
    paused, kept = holds.find(db, holds.channel_scope(old), "paused"), holds.channel_scope(new)
    if paused and not holds.find(db, kept, "paused"):
        holds.put(db, kept, "paused", paused.reason, paused.since, None)
    for kind in ("paused", "broken", "limited"):
        holds.lift(db, holds.channel_scope(old), kind)
    findings.forget(db, holds.channel_scope(old))


_MOVES = (
    """
    INSERT INTO tracks SELECT player_id, :new, since, tracked_by FROM tracks WHERE channel_id = :old
    ON CONFLICT DO NOTHING
    """,
    "DELETE FROM tracks WHERE channel_id = :old",
    """
    DELETE FROM messages
    WHERE channel_id = :new AND state IN ('pending', 'failed', 'expired') AND subject IN (
        SELECT subject FROM messages WHERE channel_id = :old AND state IN ('delivered', 'uncertain', 'sending')
    )
    """,
    """
    DELETE FROM messages
    WHERE channel_id = :old AND subject IN (SELECT subject FROM messages WHERE channel_id = :new)
    """,
    "UPDATE messages SET channel_id = :new WHERE channel_id = :old",
    "UPDATE alerts SET channel_id = :new WHERE channel_id = :old",
    """
    DELETE FROM amendments
    WHERE channel_id = :new AND subject IN (SELECT subject FROM amendments WHERE channel_id = :old)
    """,
    "UPDATE amendments SET channel_id = :new WHERE channel_id = :old",
    """
    INSERT INTO inboxes (channel_id, since, read_to) SELECT :new, since, read_to FROM inboxes WHERE channel_id = :old
    ON CONFLICT DO NOTHING
    """,
    "DELETE FROM inboxes WHERE channel_id = :old",
    """
    DELETE FROM requests
    WHERE channel_id = :new AND slack_ts IN (SELECT slack_ts FROM requests WHERE channel_id = :old)
    """,
    "UPDATE requests SET channel_id = :new WHERE channel_id = :old",
    "INSERT INTO unwanted SELECT match_id, :new, queues FROM unwanted WHERE channel_id = :old ON CONFLICT DO NOTHING",
    "DELETE FROM unwanted WHERE channel_id = :old",
    "UPDATE channels SET moved_to = :new, slack_id = NULL WHERE channel_id = :old OR moved_to = :old",
    "UPDATE channels SET moved_to = NULL, slack_id = NULL, reconciled_at = NULL WHERE channel_id = :new",
)


# Names


def names(db: Database) -> Mapping[str, str]:
    """The names that Slack last gave, without `#`, by channel id. Left out: channels whose name is not known."""
    rows = db.rows("SELECT channel_id, name FROM channels WHERE name IS NOT NULL")
    return {row["channel_id"]: row["name"] for row in rows}


def record_name(db: Database, channel_id: str, name: str) -> None:
    """Keeps the name that Slack gave a channel, without `#`. Writes only where it is a new one."""
    new = "channel_id = :channel_id AND COALESCE(name, '') <> :name"
    if db.row(f"SELECT 1 FROM channels WHERE {new}", channel_id=channel_id, name=name):
        with db.transaction():
            db.write(f"UPDATE channels SET name = :name WHERE {new}", channel_id=channel_id, name=name)


def label(channel_id: str, names: Mapping[str, str]) -> str:
    """A channel as people read it: `#rift (C0RIFT)`, or the id alone where its name is not known."""
    return f"#{names[channel_id]} ({channel_id})" if channel_id in names else channel_id
