"""The log of calls to Riot and of the limits its headers state: what lets processes share one allowance."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import NamedTuple

from lolslackbot.clock import moment_of, text_of
from lolslackbot.model import ScopeState, Window
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import holds
from lolslackbot.store.database import Database, Row, in_clause

_SCOPE = "routing = :host AND (:scope = '' OR endpoint = :scope)"
ON_ITS_WAY = timedelta(seconds=1)  # from a process that was killed to Riot
_OPEN_LONGER = timedelta(hours=1)  # than the longest window: a window yet unknown is learned from Riot's own count


class StatedLimit(NamedTuple):
    """A limit as Riot's headers stated it, of an endpoint or ('') of the application at a host."""

    routing: str
    endpoint: str
    calls: int
    seconds: int

    def __str__(self) -> str:
        return f"{self.calls} calls in {self.seconds} s to {f'{self.routing} {self.endpoint}'.strip()}"


class CallLog:
    """Implements `riot.limiter.CallLog`. Everything that writes stands in its `transaction`.

    host: a routing value; scope: an endpoint there, or '' for the whole host.
    """

    def __init__(self, db: Database, share: Share = WHOLE) -> None:
        """share: of the work of the process that calls; its run lock is held as long as that lives."""
        self._db, self._share = db, share

    def transaction(self) -> AbstractContextManager[None]:
        return self._db.transaction()

    def start_run(self, endpoints: Sequence[str], now: datetime, longest_window: timedelta) -> None:
        """Calls that a dead process left open may be on their way: they arrive within ON_ITS_WAY.

        Those too old for any window are dropped. longest_window: longer ones are not believed.
        """
        names, values = in_clause("endpoint", endpoints)
        self._db.write(
            f"""
            UPDATE riot_calls
            SET share = NULL, shares = NULL, counts_at = CASE WHEN counts_at > :arrived THEN :arrived ELSE counts_at END
            WHERE open = 1 AND CASE
                WHEN shares IS NULL THEN counts_at > :arrived AND endpoint IN {names}
                ELSE shares <> :shares OR share = :share
            END
            """,
            arrived=text_of(now + ON_ITS_WAY),
            **self._share.values(),
            **values,
        )
        row = self._db.row(
            "SELECT MAX(seconds) AS seconds FROM riot_windows WHERE seconds <= :longest",
            longest=int(longest_window.total_seconds()),
        )
        longest_known = timedelta(seconds=row["seconds"] or 0 if row else 0)
        self._db.write(
            "DELETE FROM riot_calls WHERE counts_at < :before AND NOT (open = 1 AND shares IS NOT NULL)",
            before=text_of(now - longest_known - _OPEN_LONGER),
        )

    def repair_after_clock_rollback(self, now: datetime, longest_call: timedelta) -> None:
        """After the clock was set back, nothing counts from later than it can have happened."""
        self._db.write(
            "UPDATE riot_calls SET counts_at = :now WHERE counts_at > :now AND open = 0",
            now=text_of(now),
        )
        self._db.write(
            "UPDATE riot_calls SET counts_at = :latest WHERE counts_at > :latest",
            latest=text_of(now + longest_call),
        )
        self._db.write("UPDATE riot_windows SET extra_at = :now WHERE extra_at > :now", now=text_of(now))
        holds.rebase(self._db, now)

    def state(self, host: str, endpoint: str) -> dict[str, ScopeState]:
        """By scope: the application, `endpoint`, and every other endpoint at that host with a known limit."""
        windows: dict[str, list[Window]] = {"": [], endpoint: []}
        for row in self._db.rows("SELECT * FROM riot_windows WHERE routing = :host ORDER BY seconds", host=host):
            windows.setdefault(row["endpoint"], []).append(_window(row))
        scopes = {holds.riot_scope(host, scope): scope for scope in windows}
        held = {scopes[hold.scope]: hold for hold in holds.limited(self._db, list(scopes))}
        return {
            scope: ScopeState(tuple(known), hold.until, hold.reason, hold.times)
            if (hold := held.get(scope))
            else ScopeState(tuple(known))
            for scope, known in windows.items()
        }

    def save_state(self, host: str, scope: str, before: ScopeState, after: ScopeState, now: datetime) -> None:
        """Writes what differs. A back-off that another process recorded and that lasts longer stays."""
        if after.windows != before.windows:
            self.put_windows(host, scope, after.windows)
        if after.refusals > before.refusals and after.retry_at:
            self.back_off(host, scope, after.reason, now, after.retry_at)
        elif after.refusals < before.refusals:
            holds.went_well(self._db, [holds.riot_scope(host, scope)], now)

    def back_off(self, host: str, scope: str, reason: str, now: datetime, until: datetime) -> None:
        """Records a 429."""
        holds.put(self._db, holds.riot_scope(host, scope), "limited", reason, now, until)

    def put_windows(self, host: str, scope: str, windows: Sequence[Window]) -> None:
        """Replaces what was known of this limit: the newest header wins."""
        self._db.write("DELETE FROM riot_windows WHERE routing = :host AND endpoint = :scope", host=host, scope=scope)
        for window in windows:
            self._db.write(
                """
                INSERT INTO riot_windows (routing, endpoint, seconds, calls, extra_calls, extra_at)
                VALUES (:host, :scope, :seconds, :calls, :foreign_calls, :foreign_calls_at)
                """,
                host=host,
                scope=scope,
                seconds=window.seconds,
                calls=window.calls,
                foreign_calls=window.foreign_calls,
                foreign_calls_at=window.foreign_calls_at and text_of(window.foreign_calls_at),
            )

    def forget_windows(self, host: str) -> None:
        """Forgets a host's limits: one call at a time goes there until an answer states them."""
        self._db.write("DELETE FROM riot_windows WHERE routing = :host", host=host)

    def windows_beyond(self, longest: timedelta) -> list[StatedLimit]:
        """The stated limits with a longer window than that."""
        rows = self._db.rows(
            "SELECT * FROM riot_windows WHERE seconds > :seconds ORDER BY routing, endpoint, seconds",
            seconds=int(longest.total_seconds()),
        )
        return [StatedLimit(row["routing"], row["endpoint"], row["calls"], row["seconds"]) for row in rows]

    def nth_newest_call(self, host: str, scope: str, number: int, after: datetime) -> datetime | None:
        """When the `number`-th newest call counts from, open ones included, if that is later than `after`."""
        row = self._db.row(
            f"""
            SELECT counts_at FROM riot_calls
            WHERE {_SCOPE} AND counts_at > :after
            ORDER BY counts_at DESC
            LIMIT 1 OFFSET :skip
            """,
            host=host,
            scope=scope,
            after=text_of(after),
            skip=number - 1,
        )
        return moment_of(row["counts_at"]) if row else None

    def count_finished(self, host: str, scope: str, after: datetime) -> int:
        """Calls since `after` that Riot has surely counted."""
        row = self._db.row(
            f"SELECT COUNT(*) AS calls FROM riot_calls WHERE {_SCOPE} AND counts_at > :after AND open = 0",
            host=host,
            scope=scope,
            after=text_of(after),
        )
        return int(row["calls"]) if row else 0

    def keep_open(self, host: str, now: datetime, counts_from: datetime) -> bool:
        """Counts calls that were open for longer than a call can last from then; whether there are any.

        A process was stopped in the middle of each: it sends its call when it goes on. Only those with a share are
        meant: their processes live until another takes the share's lock, and calls `start_run`.
        """
        late = self._db.write_counted(
            """
            UPDATE riot_calls SET counts_at = :counts_from
            WHERE open = 1 AND shares IS NOT NULL AND routing = :host AND counts_at <= :now
            """,
            host=host,
            counts_from=text_of(counts_from),
            now=text_of(now),
        )
        return late > 0

    def reserve(self, host: str, endpoint: str, counts_from: datetime) -> int:
        """Logs a call that is about to be sent, as open; its id."""
        own = {"share": None, "shares": None} if self._share.is_whole else self._share.values()
        (row,) = self._db.change(
            """
            INSERT INTO riot_calls (routing, endpoint, counts_at, share, shares)
            VALUES (:host, :endpoint, :counts_from, :share, :shares)
            RETURNING call_id
            """,
            host=host,
            endpoint=endpoint,
            counts_from=text_of(counts_from),
            **own,
        )
        return int(row["call_id"])

    def give_back(self, calls: Sequence[int]) -> None:
        """Forgets calls that were reserved and not made."""
        names, values = in_clause("call", calls)
        self._db.write(f"DELETE FROM riot_calls WHERE call_id IN {names}", **values)

    def finish(self, call: int, now: datetime) -> None:
        """The call is over: it counts from now."""
        self._db.write(
            "UPDATE riot_calls SET open = 0, counts_at = :now WHERE call_id = :call", call=call, now=text_of(now)
        )


def _window(row: Row) -> Window:
    return Window(
        seconds=row["seconds"],
        calls=row["calls"],
        foreign_calls=row["extra_calls"],
        foreign_calls_at=moment_of(row["extra_at"]) if row["extra_at"] else None,
    )
