"""What `check` found to be wrong with keys, tokens and channels, kept until it looks again or it works again."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from lolslackbot.clock import moment_of, text_of
from lolslackbot.store.database import Database

ALERTS = "alerts"  # the scope of a channel that nobody is tracked in: only alerts go there


class Found(NamedTuple):
    """One thing that is wrong. scope: what it is about, as in holds, or ALERTS."""

    what: str
    scope: str
    said: str
    remedy: str
    found_at: datetime


def replace(db: Database, scopes: Collection[str], found: Collection[Found]) -> None:
    """Keeps these instead of what an earlier check found about the `scopes`. One commit."""
    with db.transaction():
        for scope in scopes:
            forget(db, scope)
        for each in found:
            db.write(
                """
                INSERT INTO findings (what, scope, said, remedy, found_at)
                VALUES (:what, :scope, :said, :remedy, :found_at)
                ON CONFLICT (what) DO UPDATE SET scope = excluded.scope, said = excluded.said, remedy = excluded.remedy
                """,
                what=each.what,
                scope=each.scope,
                said=each.said,
                remedy=each.remedy,
                found_at=text_of(each.found_at),
            )


def forget(db: Database, scope: str) -> None:
    """That works again. Inside a transaction."""
    db.write("DELETE FROM findings WHERE scope = :scope", scope=scope)


def all_known(db: Database) -> list[Found]:
    """What the last check found, as far as it was not seen to work since."""
    rows = db.rows("SELECT what, scope, said, remedy, found_at FROM findings ORDER BY what")
    return [Found(row["what"], row["scope"], row["said"], row["remedy"], moment_of(row["found_at"])) for row in rows]
