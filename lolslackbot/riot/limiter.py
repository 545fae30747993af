"""A sliding-window rate limiter over a call log that all processes share: lets a call go, or says until when not."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from lolslackbot.clock import Clock
from lolslackbot.model import ScopeState, Window
from lolslackbot.riot import limits
from lolslackbot.riot.answers import message_of
from lolslackbot.riot.limits import APPLICATION
from lolslackbot.transport import HttpAnswer

logger = logging.getLogger(__name__)

LOT = 5  # calls that one of several processes reserves at once
ANSWERED = timedelta(seconds=10)  # an endpoint that answered within that time, and whose limit is unknown, states none


class RateLimited(Exception):
    """No call was made: a rate limit window is full, or Riot's last 429 said to wait."""

    def __init__(self, until: datetime, reason: str, *, refused: bool = False, may_end_early: bool = False) -> None:
        """refused: by a 429 of Riot's; otherwise by our own count. may_end_early: once an open call has ended."""
        super().__init__(reason)
        self.until = until
        self.reason = reason
        self.refused = refused
        self.may_end_early = may_end_early


class CallLog(Protocol):
    """What the limiter needs kept. host: a routing value; scope: an endpoint there, or APPLICATION for the whole host.

    A call counts from the latest moment at which Riot can have counted it: while it is open that lies in the future.
    """

    def transaction(self) -> AbstractContextManager[None]: ...
    def start_run(self, endpoints: Sequence[str], now: datetime, longest_window: timedelta) -> None: ...
    def keep_open(self, host: str, now: datetime, counts_from: datetime) -> bool: ...
    def repair_after_clock_rollback(self, now: datetime, longest_call: timedelta) -> None: ...
    def state(self, host: str, endpoint: str) -> Mapping[str, ScopeState]: ...
    def save_state(self, host: str, scope: str, before: ScopeState, after: ScopeState, now: datetime) -> None: ...
    def nth_newest_call(self, host: str, scope: str, number: int, after: datetime) -> datetime | None: ...
    def count_finished(self, host: str, scope: str, after: datetime) -> int: ...
    def reserve(self, host: str, endpoint: str, counts_from: datetime) -> int: ...
    def give_back(self, calls: Sequence[int]) -> None: ...
    def finish(self, call: int, now: datetime) -> None: ...


class Limiter:
    """Every call goes through `reserve` and `finish`; `free_at` only looks."""

    def __init__(self, log: CallLog, clock: Clock, longest_call: float, processes: int = 1) -> None:
        """longest_call: seconds after which a call is over, whatever Riot does.

        processes: how many share a run. Each of several reserves a lot of calls at once, where there is room: a commit
        that it need not make leaves the file to the others. What is reserved counts until it is made or given back.
        """
        self._log = log
        self._clock = clock
        self._longest_call = timedelta(seconds=longest_call)
        self._processes = processes
        self._reserved: dict[tuple[str, str], list[int]] = {}  # by host and endpoint: calls not made yet

    def begin_run(self, endpoints: Sequence[str]) -> None:
        """For the only process that calls `endpoints`, or that has its share.

        What a dead one left open was sent by now; what is beyond any window is dropped.
        """
        with self._log.transaction():
            now = self._clock.now()
            self._log.start_run(endpoints, now, limits.LONGEST)
            self._log.repair_after_clock_rollback(now, self._longest_call)

    def free_at(self, host: str, endpoint: str) -> RateLimited | None:
        """Until when no call may go to that endpoint at that host, and why; None if one may go now."""
        return self._look(host, endpoint, 0 if self._reserved.get((host, endpoint)) else 1)

    def _look(self, host: str, endpoint: str, number: int) -> RateLimited | None:
        """Until when there is no room for so many calls beyond those reserved; 0: for these themselves."""
        now = self._clock.now()
        state = self._log.state(host, endpoint)
        backing_off = [
            RateLimited(state[scope].retry_at or now, state[scope].reason, refused=True)
            for scope in (APPLICATION, endpoint)
        ]
        waits = [wait for wait in backing_off if wait.until > now]
        waits += [full for scope in (APPLICATION, endpoint) if (full := self._full(host, scope, state, now, number))]
        return max(waits, key=lambda wait: wait.until, default=None)

    def allowance(self, host: str, endpoint: str, seconds: float) -> int | None:
        """How many calls may go to that endpoint at that host within so many seconds; None where no limit is known."""
        state = self._log.state(host, endpoint)
        windows = [window for scope in (APPLICATION, endpoint) for window in limits.believed(state[scope].windows)]
        return min((int(each.calls * max(1.0, seconds / each.seconds)) for each in windows), default=None)

    def spent(self, host: str, now: datetime) -> dict[str, RateLimited]:
        """The full windows at a host: by scope, until when and why."""
        known = self._log.state(host, APPLICATION)
        full = {
            scope: self._full(host, scope, known, now, 1)
            for scope, state in known.items()
            if limits.believed(state.windows)
        }
        return {scope: wait for scope, wait in full.items() if wait}

    def reserve(self, host: str, endpoint: str) -> int:
        """Counts a call that is about to be sent, in one transaction. Raises RateLimited if it may not be sent."""
        calls = self._reserved.setdefault((host, endpoint), [])
        if calls and self._look(host, endpoint, 0) is None:
            return calls.pop()
        with self._log.transaction():
            self._give_back(host)
            now = self._clock.now()
            wait = self._look(host, endpoint, 1)
            if wait:  # perhaps only by what was written before the clock was set back
                self._log.repair_after_clock_rollback(now, self._longest_call)
                wait = self._look(host, endpoint, 1)
            counts_from = now + self._longest_call
            if wait is None and self._log.keep_open(host, now, counts_from) and self._knows_limits(host, endpoint):
                wait = self._look(host, endpoint, 1)
            if wait is None:
                lot = self._lot(host, endpoint)
                number = lot if lot == 1 or self._look(host, endpoint, lot) is None else 1
                made = [self._log.reserve(host, endpoint, counts_from) for _ in range(number)]
        if wait:
            raise wait  # after the transaction, or the clock repair would be rolled back
        calls += made
        return calls.pop()

    def _lot(self, host: str, endpoint: str) -> int:
        """How many calls are reserved at once: those of all processes together leave room in each window."""
        if self._processes == 1:
            return 1
        state = self._log.state(host, endpoint)
        application, method = (limits.believed(state[scope].windows) for scope in (APPLICATION, endpoint))
        if not application:
            return 1
        smallest = min(window.calls for window in (*application, *method))
        return max(1, min(LOT, smallest // (2 * self._processes)))

    def give_back(self) -> None:
        """What is reserved and was not made counts no more."""
        if any(self._reserved.values()):
            with self._log.transaction():
                for host in {host for host, _ in self._reserved}:
                    self._give_back(host)

    def _give_back(self, host: str) -> None:
        """Of that host, before the next lot is reserved there."""
        for (where, _), calls in self._reserved.items():
            if where == host and calls:
                self._log.give_back(calls)
                calls.clear()

    def _knows_limits(self, host: str, *endpoints: str) -> bool:
        state = self._log.state(host, APPLICATION)
        return all(scope in state and limits.believed(state[scope].windows) for scope in (APPLICATION, *endpoints))

    def finish(self, call: int, host: str, endpoint: str, answer: HttpAnswer | None) -> None:
        """Records the end of a call, and learns from the headers of its answer if there was one."""
        message = message_of(answer) if answer and answer.status == 429 else ""  # parsed before the transaction
        with self._log.transaction():
            now = self._clock.now()
            self._log.finish(call, now)
            if answer:
                self._apply_rate_limit_headers(host, endpoint, answer, message, now)

    @contextmanager
    def finishing(self, call: int, host: str, endpoint: str, answer: HttpAnswer) -> Iterator[None]:
        """`finish` in one commit with what is written inside; alone if that fails."""
        try:
            with self._log.transaction():
                self.finish(call, host, endpoint, answer)
                yield
        except Exception:
            self.finish(call, host, endpoint, answer)
            raise

    def _full(
        self, host: str, scope: str, known: Mapping[str, ScopeState], now: datetime, number: int
    ) -> RateLimited | None:
        windows = limits.believed(known[scope].windows)
        if not windows:
            states_limits = scope != APPLICATION and limits.believed(known[APPLICATION].windows)
            if states_limits and self._log.count_finished(host, scope, now - ANSWERED):
                return None
            return self._first_response(host, scope, now)
        full = [(until, window) for window in windows if (until := self._opens_at(host, scope, window, now, number))]
        if not full:
            return None
        until, window = max(full, key=lambda pair: pair[0])
        return RateLimited(
            until,
            f"rate limit {window.calls}/{window.seconds} s exhausted for {_name(host, scope)}",
            may_end_early=until > now + limits.duration(window),  # a call that is still open decides
        )

    def _first_response(self, host: str, scope: str, now: datetime) -> RateLimited | None:
        """Nothing is known of a limit yet: one call at a time, until an answer states it."""
        until = self._log.nth_newest_call(host, scope, 1, now)  # only an open call counts from later than now
        reason = f"waiting for the first response from {_name(host, scope)}"
        return RateLimited(until, reason, may_end_early=True) if until else None

    def _opens_at(self, host: str, scope: str, window: Window, now: datetime, number: int) -> datetime | None:
        room, since = limits.room_for_ours(window, now) + 1 - number, now - limits.duration(window)
        leaves_first = self._log.nth_newest_call(host, scope, room, since) if room > 0 else None
        return limits.opens_at(window, leaves_first, room, now)

    def _apply_rate_limit_headers(
        self, host: str, endpoint: str, answer: HttpAnswer, message: str, now: datetime
    ) -> None:
        refused = limits.scope_of_429(answer.headers, endpoint) if answer.status == 429 else None
        known = self._log.state(host, endpoint)
        for scope in (APPLICATION, endpoint):
            state = self._learn(host, scope, known[scope], answer.headers, now)
            if scope == refused:
                state = limits.back_off(state, answer.headers, message, now)
                logger.warning(
                    "backing off from %s for %.1f s: %s", _name(host, scope), _left(state, now), state.reason
                )
            elif refused is None:
                state = limits.succeeded(state, now)
            if state != known[scope]:
                self._log.save_state(host, scope, known[scope], state, now)

    def _learn(self, host: str, scope: str, state: ScopeState, headers: Mapping[str, str], now: datetime) -> ScopeState:
        def count_ours(window: Window) -> int:
            return self._log.count_finished(host, scope, now - limits.duration(window))

        windows = limits.learn_windows(state.windows, scope, headers, count_ours, now)
        return ScopeState(windows, state.retry_at, state.reason, state.refusals)


def _name(host: str, scope: str) -> str:
    return host if scope == APPLICATION else f"{host} ({scope})"


def _left(state: ScopeState, now: datetime) -> float:
    """Seconds until the next try."""
    return (state.retry_at - now).total_seconds() if state.retry_at else 0.0
