"""Channels, what each wants to hear, and their names in Slack."""

from collections.abc import Mapping

from lolslackbot.model import Style
from lolslackbot.store.database import Database


def preferences(db: Database) -> Mapping[str, tuple[str, Style]]:
    """The queues and the style that each channel wants, by channel id."""
    rows = db.rows("SELECT channel_id, queues, style FROM channels")
    return {row["channel_id"]: (row["queues"], Style(row["style"])) for row in rows}


def prefer(db: Database, channel_id: str, queues: str | None, style: Style | None) -> bool:
    """Changes what a channel wants to hear from now on; None: as before. False if there is no such channel."""
    with db.transaction():
        changed = db.write(
            """
            UPDATE channels SET queues = COALESCE(:queues, queues), style = COALESCE(:style, style)
            WHERE channel_id = :channel_id
            """,
            channel_id=channel_id,
            queues=queues,
            style=style,
        )
    return changed > 0


def names(db: Database) -> Mapping[str, str]:
    """The names that Slack last gave, without `#`, by channel id. Left out: channels whose name is not known."""
    rows = db.rows("SELECT channel_id, name FROM channels WHERE name IS NOT NULL")
    return {row["channel_id"]: row["name"] for row in rows}


def record_name(db: Database, channel_id: str, name: str) -> None:
    """Keeps the name that Slack gave a channel, without `#`. Writes only where it is a new one."""
    new = "channel_id = :channel_id AND name IS NOT :name"
    if db.row(f"SELECT 1 FROM channels WHERE {new}", channel_id=channel_id, name=name):
        with db.transaction():
            db.write(f"UPDATE channels SET name = :name WHERE {new}", channel_id=channel_id, name=name)


def label(channel_id: str, names: Mapping[str, str]) -> str:
    """A channel as people read it: `#rift (C0RIFT)`, or the id alone where its name is not known."""
    return f"#{names[channel_id]} ({channel_id})" if channel_id in names else channel_id
