"""The pure rules: headers to windows, windows to waiting times, a 429 to a back-off."""

from datetime import datetime, timedelta

import pytest
from support import START

from lolslackbot.model import Window
from lolslackbot.riot import limits
from lolslackbot.riot.limits import APPLICATION, MARGIN

TWO_MINUTES = Window(seconds=120, calls=100)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("header", "pairs"),
    [
        ("20:1,100:120", {1: 20, 120: 100}),
        ("2000:60", {60: 2000}),
        (" 20:1 , 100:120 ", {1: 20, 120: 100}),
        ("1200000:600,20000:10", {600: 1200000, 10: 20000}),
        (None, {}),
        ("", {}),
        (",", {}),
        ("garbage", {}),
        ("20", {}),
        ("20:", {}),
        (":1", {}),
        ("20:1:3", {}),
        ("-20:1", {}),
        ("2.5:1", {}),
        ("20;1", {}),
        ("0:10", {}),  # a limit of nothing would never be asked again
        ("10:0", {}),
        ("20:1,garbage,100:120", {1: 20, 120: 100}),  # what can be read is kept
        ("٣:١", {}),
        ("9" * 10 + ":1", {}),
        ("999999999:999999999", {999999999: 999999999}),
    ],
)
def test_read_pairs(header: str | None, pairs: dict[int, int]) -> None:
    assert limits.read_pairs(header) == pairs


@pytest.mark.parametrize(
    ("foreign_calls", "since", "now", "room"),
    [
        (0, None, 0, 100),
        (30, 0, 0, 70),
        (30, 0, 120.4, 70),
        (30, 0, 120.5, 100),  # over: Riot's window has ended, wherever it began
        (130, 0, 1, -30),
    ],
)
def test_room_for_ours__beside_foreign_calls(foreign_calls: int, since: float | None, now: float, room: int) -> None:
    window = Window(120, 100, foreign_calls, None if since is None else after(since))
    assert limits.room_for_ours(window, after(now)) == room


@pytest.mark.parametrize(
    ("foreign_calls", "since", "leaves_first", "now", "opens"),
    [
        (0, None, None, 0, None),
        (0, None, 0, 10, 120.5),
        (0, None, 0, 120.5, None),
        (30, 0, None, 10, None),  # others took some, there is room
        (30, 0, 5, 10, 120.5),  # theirs leave it before ours
        (30, 10, 5, 10, 125.5),  # ours before theirs
        (100, 0, None, 10, 120.5),  # others took all
        (100, 0, None, 120.5, None),
        (30, 0, 100, 121, 220.5),  # theirs are gone already
    ],
)
def test_opens_at(
    foreign_calls: int, since: float | None, leaves_first: float | None, now: float, opens: float | None
) -> None:
    window = Window(120, 100, foreign_calls, None if since is None else after(since))
    room = limits.room_for_ours(window, after(now))
    found = limits.opens_at(window, None if leaves_first is None else after(leaves_first), room, after(now))
    assert found == (None if opens is None else after(opens))


@pytest.mark.parametrize(
    ("before", "counted", "known", "foreign_calls"),
    [
        (0, None, 50, 0),  # no count in the answer
        (0, 50, 50, 0),
        (0, 1, 50, 0),  # their window is new: ours is not emptied for that
        (0, 51, 50, 1),
        (0, 120, 1, 119),  # over the limit, as Riot counts refused calls
        (10, 55, 50, 10),  # fewer than were seen a moment ago: they do not vanish before their window ends
        (10, 65, 50, 15),
    ],
)
def test_correct__upward_only(before: int, counted: int | None, known: int, foreign_calls: int) -> None:
    window = Window(120, 100, before, START if before else None)
    assert limits.correct(window, counted, known, after(60)).foreign_calls == foreign_calls


def test_correct__foreign_calls_end_with_their_window() -> None:
    window = Window(120, 100, 10, START)
    assert limits.correct(window, 55, 50, after(121)) == Window(120, 100, 5, after(121))


@pytest.mark.parametrize(
    ("headers", "scope"),
    [
        ({"x-rate-limit-type": "application"}, APPLICATION),
        ({"x-rate-limit-type": " Application "}, APPLICATION),
        ({"x-rate-limit-type": "method"}, "match"),
        ({"x-rate-limit-type": "service"}, "match"),
        ({"x-rate-limit-type": "server"}, "match"),
        ({"x-rate-limit-type": "something new"}, "match"),
        ({"x-rate-limit-type": ""}, "match"),
        ({}, "match"),
    ],
)
def test_scope_of_429(headers: dict[str, str], scope: str) -> None:
    assert limits.scope_of_429(headers, "match") == scope


WINDOWS = (Window(1, 20), Window(120, 100))


@pytest.mark.parametrize(
    ("headers", "windows", "times", "seconds"),
    [
        ({"x-rate-limit-type": "application", "retry-after": "2"}, WINDOWS, 1, 2),
        ({"x-rate-limit-type": "application", "retry-after": " 96 "}, WINDOWS, 1, 96),
        ({"x-rate-limit-type": "application", "retry-after": "96"}, WINDOWS, 7, 160),  # it did not help so far
        ({"x-rate-limit-type": "service", "retry-after": "0"}, WINDOWS, 1, 0),  # 0 occurs; the margin stays
        ({"retry-after": "21"}, (), 3, 21),
        ({}, (), 1, 5),
        ({}, WINDOWS, 1, 5),  # without a type our own windows say nothing
        ({}, (), 2, 10),
        ({}, (), 3, 20),
        ({}, (), 6, 160),
        ({}, (), 7, 300),
        ({}, (), 1000, 300),
        ({"x-rate-limit-type": "service"}, WINDOWS, 2, 10),
        ({"x-rate-limit-type": "application"}, WINDOWS, 1, 120),  # until our own window has surely ended
        ({"x-rate-limit-type": "method"}, WINDOWS[:1], 1, 5),
        ({"x-rate-limit-type": "method"}, (), 1, 5),
        ({"x-rate-limit-type": "method"}, WINDOWS, 7, 300),
        ({"retry-after": "-1"}, (), 1, 5),
        ({"retry-after": "1.5"}, (), 1, 5),
        ({"retry-after": "soon"}, (), 1, 5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, (), 1, 5),
        ({"retry-after": "²"}, (), 1, 5),
        ({"retry-after": "0000000000007"}, (), 1, 7),
        ({"retry-after": ""}, (), 1, 5),
    ],
)
def test_back_off_time__stated_or_growing(
    headers: dict[str, str], windows: tuple[Window, ...], times: int, seconds: int
) -> None:
    assert limits.back_off_time(headers, windows, times)[0] == timedelta(seconds=seconds) + MARGIN


@pytest.mark.parametrize("stated", ["86400", "999999999", "9" * 5000])
def test_back_off_time__a_day_at_most(stated: str) -> None:
    assert limits.back_off_time({"retry-after": stated}, (), 1)[0] == timedelta(days=1)


def test_believed__a_day_at_most() -> None:
    assert limits.believed([Window(1, 20), Window(86400, 9), Window(86401, 9)]) == [Window(1, 20), Window(86400, 9)]
    assert len(limits.read_pairs(",".join(f"{n}:{n}" for n in range(1, 5000)))) == limits.MOST_WINDOWS


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"x-rate-limit-type": "Service", "retry-after": "3"}, "429 of type service, Retry-After 3"),
        ({}, "429 of type none, Retry-After none"),
        ({"retry-after": "999999999"}, "429 of type none, Retry-After 999999999, capped at one day"),
        ({"x-rate-limit-type": "a\x00b", "retry-after": "x" * 90}, f"429 of type none, Retry-After {'x' * 40}"),
    ],
)
def test_back_off_time__reason(headers: dict[str, str], reason: str) -> None:
    assert limits.back_off_time(headers, (), 1)[1] == reason
