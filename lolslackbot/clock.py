"""Time, passed in so that nothing waits in tests: the wall clock, a steady one, sleep, and a run's budget."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def text_of(moment: datetime) -> str:
    """A moment as the database keeps it: UTC with milliseconds, `2026-11-23T02:26:43.120Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """The moment that `text_of` wrote."""
    return datetime.fromisoformat(text)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` is shared with other processes and may jump; `steady` (seconds) never does and measures waits."""

    now: Callable[[], datetime] = _utc_now
    steady: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


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
