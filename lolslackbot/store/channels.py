"""Channels, and what each wants to hear."""

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
