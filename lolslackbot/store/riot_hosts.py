"""When each of Riot's hosts last returned a match: tells a missing match from a host in trouble."""

from dataclasses import dataclass
from datetime import datetime

from lolslackbot.clock import moment_of, text_of
from lolslackbot.store.database import Database, Row


@dataclass(frozen=True, slots=True)
class RiotHost:
    """What is known of a host."""

    match_answered_at: datetime | None = None  # it returned a match; None: never
    probed_at: datetime | None = None  # it was last asked for a missing one; None: never

    @classmethod
    def from_row(cls, row: Row) -> "RiotHost":
        answered_at, probed_at = row["match_answered_at"], row["probed_at"]
        return cls(answered_at and moment_of(answered_at), probed_at and moment_of(probed_at))

    def returned_match_since(self, moment: datetime | None) -> bool:
        """Whether it returned a match at that moment or later."""
        return moment is not None and self.match_answered_at is not None and self.match_answered_at >= moment


def find(db: Database, routing: str) -> RiotHost:
    """What is known of a host."""
    row = db.row("SELECT match_answered_at, probed_at FROM riot_hosts WHERE routing = :routing", routing=routing)
    return RiotHost.from_row(row) if row else RiotHost()


def record_match(db: Database, routing: str, now: datetime) -> None:
    """The host returned a match."""
    _set(db, "match_answered_at", routing, now)


def record_probe(db: Database, routing: str, now: datetime) -> None:
    """The host was asked for a missing match, to see whether it has recovered."""
    _set(db, "probed_at", routing, now)


def _set(db: Database, column: str, routing: str, now: datetime) -> None:
    with db.transaction():
        db.write(
            f"""
            INSERT INTO riot_hosts (routing, {column}) VALUES (:routing, :now)
            ON CONFLICT (routing) DO UPDATE SET {column} = excluded.{column}
            """,
            routing=routing,
            now=text_of(now),
        )
