"""What a person decided: each change by hand, kept so that `why` can show it."""

import logging
from datetime import datetime
from typing import NamedTuple

from lolslackbot.clock import moment_of, text_of
from lolslackbot.store.database import Database, Row
from lolslackbot.store.holds import Scope

logger = logging.getLogger(__name__)

EVERYTHING = "everything"


class Decision(NamedTuple):
    """One change by hand."""

    decided_at: datetime
    command: str
    subject: str
    change: str


def record(db: Database, command: str, subject: str | Scope, change: str, now: datetime) -> None:
    """Keeps a decision, with what it changes. Inside that transaction.

    subject: `match EUW1_1`, `message EUW1_1:C1`, `channel C1`, `workspace W`, `host europe`, `player 3` or a scope.
    """
    db.write(
        """
        INSERT INTO decisions (decided_at, command, subject, change) VALUES (:now, :command, :subject, :change)
        """,
        now=text_of(now),
        command=command,
        subject=str(subject),
        change=change,
    )
    logger.info("%s, %s: %s", command, subject, change)


def about(db: Database, subject: str | Scope) -> list[Decision]:
    """The decisions about a subject, the oldest first."""
    rows = db.rows("SELECT * FROM decisions WHERE subject = :subject ORDER BY decision_id", subject=str(subject))
    return [_decision(row) for row in rows]


def by(db: Database, command: str) -> list[Decision]:
    """The decisions made by a command, the newest first."""
    rows = db.rows("SELECT * FROM decisions WHERE command = :command ORDER BY decision_id DESC", command=command)
    return [_decision(row) for row in rows]


def prune(db: Database, before: datetime) -> int:
    """Forgets what was decided before; how many. Inside a transaction."""
    return db.write_counted("DELETE FROM decisions WHERE decided_at < :before", before=text_of(before))


def _decision(row: Row) -> Decision:
    return Decision(moment_of(row["decided_at"]), row["command"], row["subject"], row["change"])
