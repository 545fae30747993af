"""What `check` found to be wrong with keys, tokens and channels, kept until it looks again or it works again."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from lolslackbot.clock import moment_of, text_of
from lolslackbot.store.database import Database, Row
from lolslackbot.store.holds import Scope, ScopeKind


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is wrong. scope: what it is about, as in holds."""

    what: str
    scope: Scope
    said: str
    remedy: str
    found_at: datetime

    @classmethod
    def from_row(cls, row: Row) -> "Found":
        return cls(
            what=row["what"],
            scope=Scope(ScopeKind(row["scope_kind"]), row["scope_id"]),
            said=row["said"],
            remedy=row["remedy"],
            found_at=moment_of(row["found_at"]),
        )


def replace(db: Database, scopes: Collection[Scope], found: Collection[Found]) -> None:
    """Keeps these instead of what an earlier check found about the `scopes`. One commit."""
    with db.transaction():
        for scope in scopes:
            forget(db, scope)
        for each in found:
            db.write(
                """
                INSERT INTO findings (scope_kind, scope_id, what, said, remedy, found_at)
                VALUES (:scope_kind, :scope_id, :what, :said, :remedy, :found_at)
                ON CONFLICT (scope_kind, scope_id, what) DO UPDATE SET said = excluded.said, remedy = excluded.remedy
                """,
                what=each.what,
                scope_kind=each.scope.kind.value,
                scope_id=each.scope.id,
                said=each.said,
                remedy=each.remedy,
                found_at=text_of(each.found_at),
            )


def forget(db: Database, scope: Scope) -> None:
    """That works again. Inside a transaction."""
    db.write(
        "DELETE FROM findings WHERE scope_kind = :scope_kind AND scope_id = :scope_id",
        scope_kind=scope.kind.value,
        scope_id=scope.id,
    )


def all_known(db: Database) -> list[Found]:
    """What the last check found, as far as it was not seen to work since."""
    return [Found.from_row(row) for row in db.rows("SELECT * FROM findings ORDER BY what")]
