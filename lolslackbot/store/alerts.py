"""The problems that the alert channel was told of, each by a message in the outbox that is added in the same commit."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lolslackbot.clock import moment_of, text_of
from lolslackbot.store import outbox
from lolslackbot.store.database import Database, Row


class AlertState(StrEnum):
    """How far a problem has come."""

    TOLD = "told"  # that it began
    OVER = "over"  # that it is over too


@dataclass(frozen=True, slots=True)
class Alert:
    """A problem, in the words of its beginning."""

    problem: str  # the key of the need
    said: str
    since: datetime
    channel_id: str | None  # that was told; None: an earlier version told it
    seen_at: datetime
    state: AlertState

    @classmethod
    def from_row(cls, row: Row) -> "Alert":
        return cls(
            problem=row["problem"],
            said=row["said"],
            since=moment_of(row["since"]),
            channel_id=row["channel_id"],
            seen_at=moment_of(row["seen_at"]),
            state=AlertState(row["state"]),
        )

    @property
    def subject(self) -> str:
        """Of the message that says so."""
        began = f"{self.problem} since {text_of(self.since)}"
        return f"{began}, over" if self.state is AlertState.OVER else began


def all_known(db: Database) -> dict[str, Alert]:
    """By problem."""
    return {row["problem"]: Alert.from_row(row) for row in db.rows("SELECT * FROM alerts ORDER BY since, problem")}


def put(db: Database, alert: Alert) -> None:
    """Adds or replaces. Inside a transaction."""
    db.write(
        """
        INSERT INTO alerts (problem, said, since, channel_id, seen_at, state)
        VALUES (:problem, :said, :since, :channel_id, :seen_at, :state)
        ON CONFLICT (problem) DO UPDATE
        SET said = excluded.said, since = excluded.since, channel_id = excluded.channel_id, seen_at = excluded.seen_at,
            state = excluded.state
        """,
        problem=alert.problem,
        said=alert.said,
        since=text_of(alert.since),
        channel_id=alert.channel_id,
        seen_at=text_of(alert.seen_at),
        state=alert.state,
    )


def remove(db: Database, alert: Alert) -> None:
    """Inside a transaction."""
    db.write("DELETE FROM alerts WHERE problem = :problem", problem=alert.problem)


def forget(db: Database, now: datetime) -> None:
    """There is no alert channel any more. One commit, if there was anything."""
    known = all_known(db)
    if known:
        with db.transaction():
            for alert in known.values():
                outbox.withdraw(db, alert.subject, "there is no alert channel any more", now)
                remove(db, alert)
