"""The ledger of calls to Riot and of the limits its headers state: what lets processes share one allowance."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import NamedTuple

from lolslackbot.clock import moment_of, text_of
from lolslackbot.model import Window
from lolslackbot.store import holds
from lolslackbot.store.database import Database, Row

_SCOPE = "routing = :routing AND (:endpoint = '' OR endpoint = :endpoint)"


class Stated(NamedTuple):
    """A limit as Riot's headers stated it, of an endpoint or ('') of the application at a host."""

    routing: str
    endpoint: str
    calls: int
    seconds: int

    def __str__(self) -> str:
        return f"{self.calls} calls in {self.seconds} s to {f'{self.routing} {self.endpoint}'.strip()}"


class CallLog:
    """Keeps what `riot.limiter.Limiter` decides by. Writes stand in its `transaction`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def transaction(self) -> AbstractContextManager[None]:
        return self._db.transaction()

    def repair_after_clock_rollback(self, routing: str, now: datetime, longest_call: timedelta) -> None:
        """After the clock was set back, nothing counts from later than it can have happened."""
        self._db.write(
            "UPDATE riot_calls SET counts_at = :now WHERE routing = :routing AND counts_at > :now AND open = 0",
            routing=routing,
            now=text_of(now),
        )
        self._db.write(
            "UPDATE riot_calls SET counts_at = :latest WHERE routing = :routing AND counts_at > :latest",
            routing=routing,
            latest=text_of(now + longest_call),
        )
        self._db.write(
            "UPDATE riot_windows SET extra_at = :now WHERE routing = :routing AND extra_at > :now",
            routing=routing,
            now=text_of(now),
        )
        holds.rebase(self._db, now)

    def forget(self, routing: str, before: datetime) -> None:
        """Drops calls that no window can hold any more."""
        self._db.write(
            "DELETE FROM riot_calls WHERE routing = :routing AND counts_at < :before",
            routing=routing,
            before=text_of(before),
        )

    def end_open_calls(self, endpoints: Sequence[str], now: datetime) -> None:
        """Calls left open by a dead process reached Riot before now."""
        for endpoint in endpoints:
            self._db.write(
                "UPDATE riot_calls SET open = 0, counts_at = :now WHERE open = 1 AND endpoint = :endpoint",
                endpoint=endpoint,
                now=text_of(now),
            )

    def holds(self, routing: str, scopes: Sequence[str]) -> list[tuple[datetime, str]]:
        """Until when Riot told us to wait, and its words."""
        found = holds.limited(self._db, [holds.riot_scope(routing, scope) for scope in scopes])
        return [(hold.until, hold.reason) for hold in found if hold.until]

    def refusals(self, routing: str, endpoint: str) -> int:
        """429s in a row so far."""
        hold = holds.find(self._db, holds.riot_scope(routing, endpoint), "limited")
        return hold.times if hold else 0

    def hold(self, routing: str, endpoint: str, reason: str, now: datetime, until: datetime) -> None:
        holds.put(self._db, holds.riot_scope(routing, endpoint), "limited", reason, now, until)

    def went_well(self, routing: str, scopes: Sequence[str], now: datetime) -> None:
        holds.went_well(self._db, [holds.riot_scope(routing, scope) for scope in scopes], now)

    def windows(self, routing: str) -> dict[str, list[Window]]:
        """The windows of the application (under '') and of every endpoint at that host, the shortest first."""
        found: dict[str, list[Window]] = {}
        for row in self._db.rows(
            "SELECT * FROM riot_windows WHERE routing = :routing ORDER BY seconds", routing=routing
        ):
            found.setdefault(row["endpoint"], []).append(_window(row))
        return found

    def forget_windows(self, routing: str) -> None:
        """Nothing is known of a host's limits any more: one call at a time goes there until an answer states them."""
        self._db.write("DELETE FROM riot_windows WHERE routing = :routing", routing=routing)

    def windows_beyond(self, longest: timedelta) -> list[Stated]:
        """The stated windows that are longer than that."""
        rows = self._db.rows(
            "SELECT * FROM riot_windows WHERE seconds > :seconds ORDER BY routing, endpoint, seconds",
            seconds=int(longest.total_seconds()),
        )
        return [Stated(row["routing"], row["endpoint"], row["calls"], row["seconds"]) for row in rows]

    def put_windows(self, routing: str, endpoint: str, windows: Sequence[Window]) -> None:
        """Replaces what was known of this limit: the newest header wins."""
        self._db.write(
            "DELETE FROM riot_windows WHERE routing = :routing AND endpoint = :endpoint",
            routing=routing,
            endpoint=endpoint,
        )
        for window in windows:
            self._db.write(
                """
                INSERT INTO riot_windows (routing, endpoint, seconds, calls, extra_calls, extra_at)
                VALUES (:routing, :endpoint, :seconds, :calls, :extra_calls, :extra_at)
                """,
                routing=routing,
                endpoint=endpoint,
                seconds=window.seconds,
                calls=window.calls,
                extra_calls=window.extra_calls,
                extra_at=window.extra_at and text_of(window.extra_at),
            )

    def open_call(self, routing: str, endpoint: str, now: datetime) -> datetime | None:
        """Until when a call that is under way may last, if there is one."""
        row = self._db.row(
            f"SELECT MAX(counts_at) AS until FROM riot_calls WHERE {_SCOPE} AND counts_at > :now AND open = 1",
            routing=routing,
            endpoint=endpoint,
            now=text_of(now),
        )
        return moment_of(row["until"]) if row and row["until"] else None

    def newest_call(self, routing: str, endpoint: str, number: int, after: datetime) -> datetime | None:
        """When the `number`-th newest call counts from, if it is later than `after`."""
        row = self._db.row(
            f"""
            SELECT counts_at FROM riot_calls
            WHERE {_SCOPE} AND counts_at > :after
            ORDER BY counts_at DESC
            LIMIT 1 OFFSET :skip
            """,
            routing=routing,
            endpoint=endpoint,
            after=text_of(after),
            skip=number - 1,
        )
        return moment_of(row["counts_at"]) if row else None

    def ended_calls(self, routing: str, endpoint: str, after: datetime) -> int:
        """Calls since `after` that Riot has surely counted."""
        row = self._db.row(
            f"SELECT COUNT(*) AS calls FROM riot_calls WHERE {_SCOPE} AND counts_at > :after AND open = 0",
            routing=routing,
            endpoint=endpoint,
            after=text_of(after),
        )
        return int(row["calls"]) if row else 0

    def begin_call(self, routing: str, endpoint: str, counts_at: datetime) -> int:
        (begun,) = self._db.change(
            """
            INSERT INTO riot_calls (routing, endpoint, counts_at) VALUES (:routing, :endpoint, :counts_at)
            RETURNING call_id
            """,
            routing=routing,
            endpoint=endpoint,
            counts_at=text_of(counts_at),
        )
        return int(begun["call_id"])

    def end_call(self, call: int, counts_at: datetime) -> None:
        self._db.write(
            "UPDATE riot_calls SET open = 0, counts_at = :counts_at WHERE call_id = :call",
            call=call,
            counts_at=text_of(counts_at),
        )


def _window(row: Row) -> Window:
    return Window(
        seconds=row["seconds"],
        calls=row["calls"],
        extra_calls=row["extra_calls"],
        extra_at=moment_of(row["extra_at"]) if row["extra_at"] else None,
    )
