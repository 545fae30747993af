"""What a backup that is put back must not forget: today's rate limits and runs, and what may be out already."""

from datetime import datetime

from lolslackbot.clock import moment_of, text_of
from lolslackbot.store import messages
from lolslackbot.store.database import Database

_KEPT = {
    "riot_windows": "TRUE",
    "riot_calls": "TRUE",
    "holds": "kind = 'limited'",
    "runs": "TRUE",
}


def keep_limits(today: Database, restored: Database) -> None:
    """Replaces limits and runs in a restored database by those known today. Inside a transaction of `restored`."""
    for table, which in _KEPT.items():
        restored.write(f"DELETE FROM {table} WHERE {which}")
        for row in today.rows(f"SELECT * FROM {table} WHERE {which}"):
            columns = row.keys()
            places = ", ".join(f":{column}" for column in columns)
            restored.write(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", **dict(row))


def last(db: Database) -> datetime | None:
    """When a backup was put back last."""
    row = db.row("SELECT MAX(restored_at) AS last FROM restores")
    return moment_of(row["last"]) if row and row["last"] else None


def doubt_all(restored: Database, now: datetime) -> int:
    """From `now` on, what waits and ended earlier is looked up before it goes out; how many. Inside a transaction."""
    restored.write("INSERT INTO restores (restored_at) VALUES (:now) ON CONFLICT DO NOTHING", now=text_of(now))
    restored.write("UPDATE messages SET restored = 0")
    return messages.doubt_restored(restored, now)
