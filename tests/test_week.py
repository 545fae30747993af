"""ISO weeks: where they begin and end in the machine's zone, whatever its clocks do."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from lolslackbot.week import Week, read_week

HOUR = timedelta(hours=1)
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"  # as POSIX writes it: a machine need not know zones by name


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    time.tzset()


def in_zone(patch: pytest.MonkeyPatch, name: str) -> None:
    patch.setenv("TZ", name)
    time.tzset()


@pytest.mark.parametrize(
    ("name", "week", "begins", "hours"),
    [
        ("UTC0", "2026-W48", "2026-11-23T00:00:00+00:00", 168),
        (BERLIN, "2026-W48", "2026-11-22T23:00:00+00:00", 168),
        (BERLIN, "2026-W13", "2026-03-22T23:00:00+00:00", 167),  # the clocks are set forward
        (BERLIN, "2026-W43", "2026-10-18T22:00:00+00:00", 169),  # and back
        ("EST5EDT,M3.2.0,M11.1.0", "2026-W53", "2026-12-28T05:00:00+00:00", 168),
        ("<+0545>-5:45", "2026-W01", "2025-12-28T18:15:00+00:00", 168),  # Kathmandu
        ("<-03>3<-02>,M11.1.1/0,M2.3.0/0", "2026-W45", "2026-11-02T03:00:00+00:00", 167),  # a Monday begins at 1:00
        ("<-03>3<-02>,M11.1.1/0,M2.3.0/0", "2026-W44", "2026-10-26T03:00:00+00:00", 168),
    ],
)
def test_week__begins_on_monday_at_midnight(
    zone: pytest.MonkeyPatch, name: str, week: str, begins: str, hours: int
) -> None:
    in_zone(zone, name)
    found = read_week(week)
    assert found.begins.astimezone(UTC).isoformat() == begins
    assert found.ends - found.begins == hours * HOUR
    assert found.ends == Week(found.monday + timedelta(weeks=1)).begins
    assert len(found.midnights) == 8
    assert (Week.of(found.begins), Week.of(found.ends - timedelta(milliseconds=1))) == (found, found)
    assert Week.of(found.ends) != found


def test_week__every_moment_lies_in_one(zone: pytest.MonkeyPatch) -> None:
    """Also around every change of the clocks and every turn of a year."""
    in_zone(zone, "GMT0BST,M3.5.0/1,M10.5.0")
    moment = datetime(2024, 12, 1, tzinfo=UTC)
    while moment.year < 2028:
        week = Week.of(moment)
        assert week.begins <= moment < week.ends
        assert Week.last_whole(moment).ends == week.begins
        moment += timedelta(hours=7)


@pytest.mark.parametrize(
    ("week", "dates"),
    [
        ("2026-W48", "23–29 November"),
        ("2026-W49", "30 November – 6 December"),
        ("2026-W53", "28 December 2026 – 3 January 2027"),
    ],
)
def test_week__dates(week: str, dates: str) -> None:
    assert read_week(week).dates == dates


@pytest.mark.parametrize("text", ["2026-W48", "2026-w48", " 2026W48 "])
def test_read_week(text: str) -> None:
    week = read_week(text)
    assert (week.monday, str(week)) == (date(2026, 11, 23), "2026-W48")


@pytest.mark.parametrize(
    "text", ["", "48", "2026-48", "2026-W00", "2025-W53", "2026-W54", "W48-2026", "0001-W01", "9999-W52", "२०२६-W48"]
)
def test_read_week__refuses(text: str) -> None:
    with pytest.raises(ValueError, match="is no week: give year and ISO week, as in 2026-W48"):
        read_week(text)
