"""Compares what the sandbox's Slack truly holds with what the database says: the only verdict that counts."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lolslackbot.sandbox import Post
from proof.frame import Tally


@dataclass(frozen=True)
class Finding:
    """What is wrong at one point: keys (`MATCH_ID:CHANNEL`), and faults of the file itself."""

    duplicates: Sequence[str] = ()
    false_delivered: Sequence[str] = ()
    lost: Sequence[str] = ()
    faults: Sequence[str] = ()

    def enter(self, tally: Tally, point: str) -> None:
        """Adds it to the tally of a part, under the name of its point."""
        tally.duplicates += len(self.duplicates)
        tally.false_delivered += len(self.false_delivered)
        tally.lost += len(self.lost)
        kinds = {"twice": self.duplicates, "falsely delivered": self.false_delivered, "lost": self.lost}
        found = [f"{what}: {', '.join(keys)}" for what, keys in kinds.items() if keys] + list(self.faults)
        if found:
            tally.violations.append(f"{point}: {'; '.join(found)}")


def judge(
    database: Path, posts: Iterable[Post], expected: Collection[str] = (), excuses: Collection[str] = ()
) -> Finding:
    """What is untrue once all is quiet.

    expected: the keys that must have been announced. excuses: states, each with its reason in the row, in which one
    may have ended instead.
    """
    known = list(posts)
    times = Counter(post.key or "" for post in known)
    receipts = {(post.channel, post.ts) for post in known}
    states = messages_in(database)
    return Finding(
        duplicates=[key for key, number in times.items() if number > 1],
        false_delivered=[
            key
            for key, (state, ts) in states.items()
            if state == "delivered" and (key.rpartition(":")[2], ts) not in receipts
        ],
        lost=[key for key in expected if not times[key] and states.get(key, ("", None))[0] not in excuses],
        faults=[f"the database: {fault}" for fault in faults_of(database)],
    )


def messages_in(database: Path) -> dict[str, tuple[str, str | None]]:
    """State and receipt of every message, by key."""
    rows = look(database, f"SELECT {key_in(database)}, state, slack_ts FROM messages")
    return {str(key): (str(state), None if ts is None else str(ts)) for key, state, ts in rows}


def unsettled(database: Path) -> set[str]:
    """The keys whose outcome is not known: those claimed here, not those that a restore put in doubt."""
    unknown = "state IN ('sending', 'uncertain') AND attempts > 0"
    return {str(key) for (key,) in look(database, f"SELECT {key_in(database)} FROM messages WHERE {unknown}")}


def key_in(database: Path) -> str:
    """A message's key, in SQL."""
    columns = [name for (name,) in look(database, "SELECT name FROM pragma_table_info('messages')")]
    subject = "subject" if "subject" in columns else "match_id"  # before schema 7
    return f"{subject} || ':' || channel_id"


def faults_of(database: Path) -> list[str]:
    """What SQLite's own check finds; nothing where the file is sound."""
    found = [str(row[0]) for row in look(database, "PRAGMA integrity_check")]
    broken = look(database, "PRAGMA foreign_key_check")
    return [fault for fault in found if fault != "ok"] + [f"foreign key broken: {tuple(row)}" for row in broken]


def look(database: Path, sql: str) -> list[tuple[object, ...]]:
    """Rows as they stand in the file; a journal that a crash left is rolled back, as by anybody who opens it."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True)) as connection:
        return connection.execute(sql).fetchall()
