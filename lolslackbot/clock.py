"""Time, passed in so that nothing waits in tests: the wall clock, a steady one, sleep, and a run's budget."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

AT_ONCE = 5.0  # seconds of sleep, after which a run lock that several hosts share is looked after
_NEVER_STOPS = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux; elsewhere the latter counts sleep, too
FAR_OFF = timedelta(minutes=5)  # what a clock may be off before news expires too early, or too late


def elapsed() -> float:
    """Seconds that never jump, those included for which the machine slept."""
    return time.clock_gettime(_NEVER_STOPS)


def text_of(moment: datetime) -> str:
    """A moment as the database keeps it: UTC with milliseconds, `2026-11-23T02:26:43.120Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """The moment that `text_of` wrote."""
    return datetime.fromisoformat(text)


def clock_fault(ahead: timedelta, whose: str) -> str:
    """`this clock is 1:00:00 ahead of Riot's`; a negative `ahead` is behind."""
    off = timedelta(seconds=round(abs(ahead).total_seconds()))
    return f"this clock is {off} {'ahead of' if ahead > timedelta(0) else 'behind'} {whose}"


class SharedTime(Protocol):
    """A database whose clock all its users go by. None: each has its own."""

    moment: Callable[[], datetime] | None

    def hold_lock(self) -> None:
        """Makes sure that the run lock outlasts the next seconds."""


class Clock:
    """The system's clock; tests pass one that only they move."""

    _shared: SharedTime | None = None

    def follow(self, database: SharedTime) -> None:
        """From now on the time of day is that of a database which several hosts share, if it is such a one."""
        self._shared = database if database.moment else None

    def now(self) -> datetime:
        """The time of day: shared with other processes, and it may jump."""
        if self._shared and self._shared.moment:
            return self._shared.moment()
        return datetime.now(UTC)

    def steady(self) -> float:
        """Seconds that never jump, to measure how long something takes."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        while seconds > AT_ONCE:
            self.sleep(AT_ONCE)
            seconds -= AT_ONCE
        time.sleep(seconds)
        if self._shared:
            self._shared.hold_lock()


class Budget:
    """The seconds a run may take, whatever the servers do (`LOLSLACKBOT_MAX_SECONDS`)."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._ends = clock.steady() + seconds

    def left(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self._ends - self._clock.steady())

    def spent(self) -> bool:
        return self.left() <= 0
