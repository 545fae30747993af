"""Lets a call to Riot go, or says until when not; what it knows, it keeps in a ledger that all processes share."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from lolslackbot.clock import Clock
from lolslackbot.model import Window
from lolslackbot.riot import limits
from lolslackbot.riot.answers import HttpAnswer, message_of
from lolslackbot.riot.limits import APPLICATION

logger = logging.getLogger(__name__)


class RateLimited(Exception):
    """No call was made: a limit is known to be full, or Riot said to wait."""

    def __init__(self, until: datetime, reason: str, *, refused: bool = False) -> None:
        """refused: Riot said so with a 429; otherwise our own count did."""
        super().__init__(reason)
        self.until = until
        self.reason = reason
        self.refused = refused


class Ledger(Protocol):
    """What the limiter needs kept, for one routing value; a scope is an endpoint there, or '' for all of them."""

    def transaction(self) -> AbstractContextManager[None]: ...
    def repair_after_clock_rollback(self, routing: str, now: datetime, longest_call: timedelta) -> None: ...
    def end_open_calls(self, endpoints: Sequence[str], now: datetime) -> None: ...
    def forget(self, routing: str, before: datetime) -> None: ...
    def holds(self, routing: str, scopes: Sequence[str]) -> Sequence[tuple[datetime, str]]: ...
    def refusals(self, routing: str, scope: str) -> int: ...
    def hold(self, routing: str, scope: str, reason: str, now: datetime, until: datetime) -> None: ...
    def went_well(self, routing: str, scopes: Sequence[str], now: datetime) -> None: ...
    def windows(self, routing: str) -> Mapping[str, Sequence[Window]]: ...
    def put_windows(self, routing: str, scope: str, windows: Sequence[Window]) -> None: ...
    def open_call(self, routing: str, scope: str, now: datetime) -> datetime | None: ...
    def newest_call(self, routing: str, scope: str, number: int, after: datetime) -> datetime | None: ...
    def ended_calls(self, routing: str, scope: str, after: datetime) -> int: ...
    def begin_call(self, routing: str, endpoint: str, counts_at: datetime) -> int: ...
    def end_call(self, call: int, counts_at: datetime) -> None: ...


class Limiter:
    """One call at a time through `reserve` and `settle`; `free_at` only looks."""

    def __init__(self, ledger: Ledger, clock: Clock, longest_call: float) -> None:
        """longest_call: seconds after which a call is over, whatever Riot does."""
        self._ledger = ledger
        self._clock = clock
        self._longest_call = timedelta(seconds=longest_call)

    def begin_run(self, routings: Iterable[str], endpoints: Sequence[str]) -> None:
        """For the only process that calls `endpoints`: what a dead one left open is over, what no window can hold any
        more is forgotten, and the clock is followed.
        """
        with self._ledger.transaction():
            now = self._clock.now()
            self._ledger.end_open_calls(endpoints, now)
            for routing in routings:
                self._ledger.repair_after_clock_rollback(routing, now, self._longest_call)
                self._ledger.forget(routing, now - self._longest_window(routing))

    def free_at(self, routing: str, endpoint: str) -> RateLimited | None:
        """Until when no call may go to that endpoint at that host, and why; None if one may go now."""
        now = self._clock.now()
        scopes = (APPLICATION, endpoint)
        held = [RateLimited(*hold, refused=True) for hold in self._ledger.holds(routing, scopes) if hold[0] > now]
        windows = self._ledger.windows(routing)
        full = [self._full(routing, scope, limits.believed(windows.get(scope, ())), now) for scope in scopes]
        return max((wait for wait in (*held, *full) if wait), key=lambda wait: wait.until, default=None)

    def spent(self, routing: str, now: datetime) -> dict[str, RateLimited]:
        """The full windows at a host: by scope, until when and why."""
        full = {
            scope: self._full(routing, scope, believed, now)
            for scope, windows in self._ledger.windows(routing).items()
            if (believed := limits.believed(windows))
        }
        return {scope: wait for scope, wait in full.items() if wait}

    def reserve(self, routing: str, endpoint: str) -> int:
        """Counts a call that is about to be sent, in one transaction. Raises RateLimited where it may not be sent."""
        with self._ledger.transaction():
            now = self._clock.now()
            wait = self.free_at(routing, endpoint)
            if wait:  # perhaps only by what was written before the clock was set back
                self._ledger.repair_after_clock_rollback(routing, now, self._longest_call)
                wait = self.free_at(routing, endpoint)
            if wait is None:
                return self._ledger.begin_call(routing, endpoint, now + self._longest_call)
        raise wait  # only now: raised inside, it would take the following of the clock back

    def settle(self, call: int, routing: str, endpoint: str, answer: HttpAnswer | None) -> None:
        """Records the end of a call, and what the headers of its answer teach if there was one."""
        words = message_of(answer) if answer and answer.status == 429 else ""  # the body is read before
        with self._ledger.transaction():
            now = self._clock.now()
            self._ledger.end_call(call, now)
            if answer:
                self._apply_rate_limit_headers(routing, endpoint, answer, words, now)

    @contextmanager
    def settling(self, call: int, routing: str, endpoint: str, answer: HttpAnswer) -> Iterator[None]:
        """`settle` in one commit with what is made of the answer inside; alone if that fails."""
        try:
            with self._ledger.transaction():
                self.settle(call, routing, endpoint, answer)
                yield
        except Exception:
            self.settle(call, routing, endpoint, answer)
            raise

    def _full(self, routing: str, scope: str, windows: Sequence[Window], now: datetime) -> RateLimited | None:
        if not windows:
            # Nothing is known of this limit yet: one call at a time, so that the first answer can tell.
            until = self._ledger.open_call(routing, scope, now)
            return RateLimited(until, f"waiting for the first answer from {_name(routing, scope)}") if until else None
        waits = [(self._opens_at(routing, scope, window, now), window) for window in windows]
        full = [(until, window) for until, window in waits if until]
        if not full:
            return None
        until, window = max(full, key=lambda each: each[0])
        return RateLimited(until, f"{window.calls} calls in {window.seconds} s to {_name(routing, scope)} are spent")

    def _opens_at(self, routing: str, scope: str, window: Window, now: datetime) -> datetime | None:
        free = limits.free_calls(window, now)
        blocker = self._ledger.newest_call(routing, scope, free, now - limits.span(window)) if free > 0 else None
        return limits.opens_at(window, blocker, now)

    def _learn(
        self, routing: str, scope: str, before: Sequence[Window], headers: Mapping[str, str], now: datetime
    ) -> Sequence[Window]:
        """The windows of a scope that count after an answer; all it states are kept where they differ from `before`."""
        stated, counted = (limits.read_pairs(headers.get(name)) for name in limits.header_names(scope))
        known = {window.seconds: window for window in before}
        told = [Window(*pair) for pair in stated.items()] or before  # any header can be missing: what was known stays
        counting = limits.believed(told) or limits.believed(before)
        odd = [window for window in told if window not in limits.believed(told)]  # kept for `status` to tell
        learnt = []
        for each in counting:
            last = known.get(each.seconds, each)
            window = Window(each.seconds, each.calls, last.extra_calls, last.extra_at)
            ours = self._ledger.ended_calls(routing, scope, now - limits.span(window))
            learnt.append(limits.learn(window, counted.get(each.seconds), ours, now))
        if learnt + odd != list(before):
            self._ledger.put_windows(routing, scope, learnt + odd)
        return learnt

    def _apply_rate_limit_headers(
        self, routing: str, endpoint: str, answer: HttpAnswer, words: str, now: datetime
    ) -> None:
        scopes = (APPLICATION, endpoint)
        known = self._ledger.windows(routing)
        learnt = {scope: self._learn(routing, scope, known.get(scope, ()), answer.headers, now) for scope in scopes}
        if answer.status == 429:
            scope = limits.refused_scope(answer.headers, endpoint)
            wait, reason = limits.pause_after(answer.headers, learnt[scope], self._ledger.refusals(routing, scope) + 1)
            self._refused(routing, scope, wait, f"{reason}: {words}", now)
        else:
            self._ledger.went_well(routing, scopes, now)

    def _refused(self, routing: str, scope: str, wait: timedelta, reason: str, now: datetime) -> None:
        name = _name(routing, scope)
        logger.warning("nothing more to %s for %.1f s: %s", name, wait.total_seconds(), reason)
        self._ledger.hold(routing, scope, reason, now, now + wait)

    def _longest_window(self, routing: str) -> timedelta:
        """How long a call may still matter. A window yet unknown is learnt from Riot's own count."""
        known = self._ledger.windows(routing).values()
        spans = [limits.span(window) for windows in known for window in limits.believed(windows)]
        return max(spans, default=timedelta(0)) + timedelta(hours=1)


def _name(routing: str, scope: str) -> str:
    return f"{routing} ({scope})" if scope else routing
