"""What the alert channel was told of: each problem once when it begins, and once when it is over."""

from collections.abc import Mapping
from datetime import datetime

from lolslackbot.clock import text_of
from lolslackbot.store.database import Database


def begin(db: Database, problems: Mapping[str, str], now: datetime) -> list[str]:
    """Claims the telling of the problems that are new, in a commit before anything is told; in their words.

    problems: sentences, by what tells the problem apart from others.
    """
    known = {row["problem"] for row in db.rows("SELECT problem FROM alerts")}
    with db.transaction():
        for problem, said in problems.items():
            db.write(
                """
                INSERT INTO alerts (problem, said, since, seen_at) VALUES (:problem, :said, :now, :now)
                ON CONFLICT (problem) DO UPDATE SET seen_at = :now
                """,
                problem=problem,
                said=said,
                now=text_of(now),
            )
    return [said for problem, said in problems.items() if problem not in known]


def end(db: Database, before: datetime, now: datetime) -> list[str]:
    """Claims the telling that problems are over that were not met since `before`; in their first words.

    One seen later than `now`, since the clock was set back meanwhile, counts as seen now.
    """
    over = "seen_at < :before"
    rows = db.rows(f"SELECT said FROM alerts WHERE {over} ORDER BY since", before=text_of(before))
    with db.transaction():
        db.write(f"DELETE FROM alerts WHERE {over}", before=text_of(before))
        db.write("UPDATE alerts SET seen_at = :now WHERE seen_at > :now", now=text_of(now))
    return [row["said"] for row in rows]


def any_told(db: Database) -> bool:
    """Whether the alert channel was told of something that is not over yet."""
    return db.row("SELECT 1 FROM alerts LIMIT 1") is not None
