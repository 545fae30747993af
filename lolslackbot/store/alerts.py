"""What the alert channel is told of: each problem once when it begins, and once when it is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from lolslackbot.clock import moment_of, text_of
from lolslackbot.store.database import Database, Row


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to post: that a problem began, or that it is over, in the words of its beginning."""

    problem: str
    said: str
    since: datetime
    is_over: bool


class Unposted(NamedTuple):
    """What the alert channel could not be told of, and why."""

    channel_id: str
    error: str
    number: int
    since: datetime


def record(db: Database, problems: Mapping[str, str], calm_since: datetime, now: datetime) -> None:
    """Brings the table up to date: what is new is due, what was told and not met since `calm_since` is over.

    problems: sentences, by what tells the problem apart from others. What is over before anybody was told of it is
    forgotten.
    """
    calm = "seen_at < :calm_since"
    with db.transaction():
        for problem, said in problems.items():
            db.write(
                """
                INSERT INTO alerts (problem, said, since, seen_at, state) VALUES (:problem, :said, :now, :now, 'due')
                ON CONFLICT (problem) DO UPDATE
                SET seen_at = :now,
                    state = CASE WHEN state = 'over' THEN 'told' ELSE state END,
                    error = CASE WHEN state = 'over' THEN NULL ELSE error END
                """,
                problem=problem,
                said=said,
                now=text_of(now),
            )
        db.write(f"DELETE FROM alerts WHERE {calm} AND state = 'due'", calm_since=text_of(calm_since))
        db.write(f"UPDATE alerts SET state = 'over' WHERE {calm} AND state = 'told'", calm_since=text_of(calm_since))


def claim(db: Database) -> list[Alert]:
    """All that is to be posted now. It counts as posted from this commit on, until `release` says otherwise."""
    rows = db.rows("SELECT * FROM alerts WHERE state IN ('due', 'over') ORDER BY state, since, problem")
    if rows:
        with db.transaction():
            db.write("UPDATE alerts SET state = 'told', channel_id = NULL, error = NULL WHERE state = 'due'")
            db.write("DELETE FROM alerts WHERE state = 'over'")
    return [_alert(row) for row in rows]


def release(db: Database, claimed: Sequence[Alert], channel_id: str, error: str, now: datetime) -> None:
    """They certainly were not posted: due again. One commit."""
    with db.transaction():
        for alert in claimed:
            db.write(
                """
                INSERT INTO alerts (problem, said, since, seen_at, state, channel_id, error)
                VALUES (:problem, :said, :since, :now, :state, :channel_id, :error)
                ON CONFLICT (problem) DO UPDATE SET state = :state, channel_id = :channel_id, error = :error
                """,
                problem=alert.problem,
                said=alert.said,
                since=text_of(alert.since),
                now=text_of(now),
                state="over" if alert.is_over else "due",
                channel_id=channel_id,
                error=error,
            )


def unposted(db: Database) -> Unposted | None:
    """What could not be posted, if there is anything."""
    row = db.row(
        """
        SELECT channel_id, error, COUNT(*) AS number, MIN(since) AS since FROM alerts
        WHERE error IS NOT NULL GROUP BY channel_id, error LIMIT 1
        """
    )
    return Unposted(row["channel_id"], row["error"], row["number"], moment_of(row["since"])) if row else None


def any_known(db: Database) -> bool:
    """Whether there is anything that the alert channel was told of, or is to be told of."""
    return db.row("SELECT 1 FROM alerts LIMIT 1") is not None


def forget(db: Database) -> None:
    """There is no alert channel any more. One commit, if there was anything."""
    if any_known(db):
        with db.transaction():
            db.write("DELETE FROM alerts")


def _alert(row: Row) -> Alert:
    return Alert(row["problem"], row["said"], moment_of(row["since"]), row["state"] == "over")
