"""What a backup that is put back must not forget: today's limits, runs and requests, and what may be out."""

from datetime import datetime

from lolslackbot.clock import text_of
from lolslackbot.store import channels, in_doubt, live
from lolslackbot.store.database import Database

_KEPT = {
    "riot_windows": "TRUE",
    "riot_calls": "TRUE",
    "riot_hosts": "TRUE",
    "holds": "kind = 'limited'",
    "runs": "TRUE",
    "alerts": "TRUE",
    "messages": "kind <> 'game'",  # of which no game's ledger knows
    "requests": "TRUE",
    "findings": "TRUE",
}
_LATEST_END = "SELECT MAX(ended_at) AS latest FROM matches"
_CHANNELS = """
    SELECT channel_id, workspace FROM channels
    WHERE channel_id IN (SELECT channel_id FROM alerts)
       OR channel_id IN (SELECT channel_id FROM messages WHERE kind <> 'game')
       OR channel_id IN (SELECT channel_id FROM requests)
"""


def keep_todays_records(today: Database, restored: Database) -> None:
    """Replaces limits, runs, requests and all that is no game's message by today's. In a transaction of `restored`."""
    for row in today.rows(_CHANNELS):
        channels.ensure(restored, row["channel_id"], row["workspace"])
    for table, which in _KEPT.items():
        restored.write(f"DELETE FROM {table} WHERE {which}")
        for row in today.rows(f"SELECT * FROM {table} WHERE {which} ORDER BY 1"):  # a run before its shares
            columns = row.keys()
            places = ", ".join(f":{column}" for column in columns)
            restored.write(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", **dict(row))


def since(db: Database, moment: datetime) -> bool:
    """Whether a backup was put back since then, which may not know what was posted."""
    return db.row("SELECT 1 FROM restores WHERE restored_at >= :moment", moment=text_of(moment)) is not None


def doubt_all(restored: Database, now: datetime, today: Database | None = None) -> int:
    """From now on, what waits and ended earlier is looked up before it goes out; how many. Inside a transaction.

    Earlier than `now`, and than any game that either database knows: so a clock that is behind excludes none.
    """
    known = [row["latest"] for db in (restored, today) if db for row in db.rows(_LATEST_END) if row["latest"]]
    restored.write(
        "INSERT INTO restores (restored_at) VALUES (:latest) ON CONFLICT DO NOTHING", latest=max([text_of(now), *known])
    )
    restored.write("UPDATE messages SET restored = 0")
    live.end_all(restored)
    return in_doubt.mark_restored_in_doubt(restored, now)
