"""When each of Riot's hosts last gave a match: whether a 404 is the match's fault or the host's."""

from datetime import datetime
from typing import NamedTuple

from lolslackbot.clock import moment_of, text_of
from lolslackbot.store.database import Database


class RiotHost(NamedTuple):
    """What is known of a host. None: it never gave a match, no missing one was asked for."""

    match_answered_at: datetime | None = None
    probed_at: datetime | None = None

    def gave_a_match_since(self, moment: datetime | None) -> bool:
        """Whether it gave a match at that moment or later."""
        return moment is not None and self.match_answered_at is not None and self.match_answered_at >= moment


def find(db: Database, routing: str) -> RiotHost:
    """What is known of a host."""
    row = db.row("SELECT match_answered_at, probed_at FROM riot_hosts WHERE routing = :routing", routing=routing)
    return RiotHost(*(moment_of(text) if text else None for text in row)) if row else RiotHost()


def answered(db: Database, routing: str, now: datetime) -> None:
    """The host gave a match."""
    with db.transaction():
        _set(db, "match_answered_at", routing, now)


def probed(db: Database, routing: str, now: datetime) -> None:
    """A missing match was asked for to see whether the host is well."""
    with db.transaction():
        _set(db, "probed_at", routing, now)


def _set(db: Database, column: str, routing: str, now: datetime) -> None:
    db.write(
        f"""
        INSERT INTO riot_hosts (routing, {column}) VALUES (:routing, :now)
        ON CONFLICT (routing) DO UPDATE SET {column} = excluded.{column}
        """,
        routing=routing,
        now=text_of(now),
    )
