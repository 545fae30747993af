"""ISO weeks in this machine's time zone. Pure but for that zone."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_A_WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Week:
    """Monday 0:00 to Monday 0:00; with a change of the clocks in it, it has an hour less or more."""

    monday: date

    @classmethod
    def of(cls, moment: datetime) -> "Week":
        """The one in which a moment lies."""
        today = moment.astimezone().date()
        return cls(today - timedelta(days=today.weekday()))

    @classmethod
    def last_whole(cls, now: datetime) -> "Week":
        return cls(cls.of(now).monday - _A_WEEK)

    @property
    def begins(self) -> datetime:
        return self.midnights[0]

    @property
    def ends(self) -> datetime:
        return self.midnights[-1]

    @property
    def midnights(self) -> tuple[datetime, ...]:
        """Where its days begin, and where the last one ends: eight moments.

        By their timestamps: of a midnight that the clocks skip, `astimezone` would make the hour before.
        """
        days = (self.monday + timedelta(days=number) for number in range(8))
        return tuple(datetime.fromtimestamp(datetime.combine(day, time()).timestamp(), UTC) for day in days)

    @property
    def dates(self) -> str:
        """`23–29 November`, `30 November – 6 December`; with the years where it has two."""
        first, last = self.monday, self.monday + timedelta(days=6)
        if first.year != last.year:
            return f"{first.day} {first:%B %Y} – {last.day} {last:%B %Y}"
        if first.month != last.month:
            return f"{first.day} {first:%B} – {last.day} {last:%B}"
        return f"{first.day}–{last.day} {last:%B}"

    def __str__(self) -> str:
        """`2026-W48`"""
        year, number, _ = self.monday.isocalendar()
        return f"{year:04}-W{number:02}"


def read_week(text: str) -> Week:
    """`2026-W48`, also `2026w48`. Raises ValueError."""
    found = re.fullmatch(r"([0-9]{4})-?W([0-9]{1,2})", text.strip(), re.IGNORECASE)
    try:
        if not found:
            raise ValueError
        week = Week(date.fromisocalendar(int(found[1]), int(found[2]), 1))
        week.midnights  # noqa: B018 - the first and the last year of all calendars have no moments
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no week: give year and ISO week, as in 2026-W48") from None
    return week
