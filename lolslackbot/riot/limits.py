"""Rate limit headers -> windows -> when the next call may go; a 429 -> which scope backs off, how long. Pure.

Riot's windows seem to be fixed: open with the first counted call, closed N seconds later. A sliding window, no more
than the limit in *any* N seconds and a margin, is right for fixed and for sliding ones alike.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lolslackbot.model import ScopeState, Window

MARGIN = timedelta(seconds=0.5)  # Retry-After is rounded to whole seconds; and no two clocks run alike
SHORT_MARGIN = timedelta(seconds=0.1)  # what clocks can differ by within seconds
LONGEST = timedelta(days=1)  # no 429 backs off for longer, and no longer window is believed
MOST_WINDOWS = 10  # of one limit; Riot states two or three
APPLICATION = ""  # the scope of a whole host; any other scope is an endpoint there

_PAIR = re.compile(r"\s*([0-9]{1,9}):([0-9]{1,9})\s*")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_BACK_OFF = (5, 10, 20, 40, 80, 160, 300)  # seconds, where a 429 names none: longer each time in a row


def read_pairs(header: str | None) -> Mapping[int, int]:
    """`20:1,100:120` as {1: 20, 120: 100}: calls by seconds. Malformed parts are left out."""
    pairs = (_PAIR.fullmatch(part) for part in (header or "").split(",")[:MOST_WINDOWS])
    return {int(pair[2]): int(pair[1]) for pair in pairs if pair and int(pair[1]) and int(pair[2])}


def header_names(scope: str) -> tuple[str, str]:
    """The headers with a scope's limits and with Riot's counts (lower case)."""
    kind = "app" if scope == APPLICATION else "method"
    return f"x-{kind}-rate-limit", f"x-{kind}-rate-limit-count"


def believed(windows: Sequence[Window]) -> list[Window]:
    """Those that can be a limit of Riot's. One of years would silence a host for as long."""
    return [window for window in windows if timedelta(seconds=window.seconds) <= LONGEST]


def duration(window: Window) -> timedelta:
    """How long a call counts in the window, from its end on: Riot counts it when it arrives there."""
    length = timedelta(seconds=window.seconds)
    return length + min(MARGIN, max(SHORT_MARGIN, length / 100))


def room_for_ours(window: Window, now: datetime) -> int:
    """How many calls of our own fit into the window beside those of other users of the key."""
    return window.calls - (window.foreign_calls if _foreign_calls_end(window) > now else 0)


def opens_at(window: Window, leaves_first: datetime | None, room: int, now: datetime) -> datetime | None:
    """When to look again if the window is full; None if a call may go now.

    leaves_first: when the call counts from that must leave the window to make room: of our calls still in it the
    `room`-th newest. None if there are fewer.
    """
    ends = [leaves_first + duration(window)] if leaves_first else []
    if leaves_first or room <= 0:
        ends.append(_foreign_calls_end(window))
    return min((end for end in ends if end > now), default=None)


def _foreign_calls_end(window: Window) -> datetime:
    return window.foreign_calls_at + duration(window) if window.foreign_calls_at else _LONG_AGO


def correct(window: Window, counted: int | None, ours: int, now: datetime) -> Window:
    """The window after Riot counted so many calls in it, of which we know `ours`: corrected up, never down."""
    if counted is None:
        return window
    foreign, foreign_before = counted - ours, window.calls - room_for_ours(window, now)
    if counted >= window.calls and (foreign > 0 or foreign_before > 0):
        # We can't tell when the other clients called, so assume full for a whole window.
        return replace(window, foreign_calls=max(foreign, window.calls), foreign_calls_at=now)
    if foreign <= 0 or foreign < foreign_before:
        return window
    return replace(window, foreign_calls=foreign, foreign_calls_at=now)


def learn_windows(
    known: Sequence[Window],
    scope: str,
    headers: Mapping[str, str],
    count_ours: Callable[[Window], int],
    now: datetime,
) -> tuple[Window, ...]:
    """The windows of a scope after an answer, the shortest first; those that cannot be are kept for `status` to report.

    count_ours: how many of our finished calls are in a window.
    """
    limit_header, count_header = header_names(scope)
    stated = [Window(calls=calls, seconds=seconds) for seconds, calls in read_pairs(headers.get(limit_header)).items()]
    stated = stated or list(known)  # any header can be missing: what was known stays
    counts = read_pairs(headers.get(count_header))
    before = {window.seconds: window for window in known}
    learned = []
    for window in believed(stated) or believed(known):
        last = before.get(window.seconds, window)
        window = replace(window, foreign_calls=last.foreign_calls, foreign_calls_at=last.foreign_calls_at)
        learned.append(correct(window, counts.get(window.seconds), count_ours(window), now))
    unbelievable = [window for window in stated if window not in believed(stated)]
    return tuple(sorted(learned + unbelievable, key=lambda window: window.seconds))


def scope_of_429(headers: Mapping[str, str], endpoint: str) -> str:
    """The scope a 429 applies to: the whole host for `application`, otherwise (also without a type) the endpoint."""
    return APPLICATION if _limit_type(headers) == "application" else endpoint


def back_off(state: ScopeState, headers: Mapping[str, str], message: str, now: datetime) -> ScopeState:
    """The state of a scope after a 429 that applies to it. message: Riot's own words."""
    refusals = state.refusals + 1
    wait, reason = back_off_time(headers, believed(state.windows), refusals)
    return replace(state, retry_at=now + wait, reason=f"{reason}: {message}", refusals=refusals)


def back_off_time(headers: Mapping[str, str], windows: Sequence[Window], refusals: int) -> tuple[timedelta, str]:
    """How long the scope of a 429 must wait, and why. windows: of that scope. refusals: 429s in a row with this one."""
    stated = headers.get("retry-after", "").strip()
    if stated.isascii() and stated.isdigit():
        seconds = int(stated.lstrip("0")[:9] or "0")  # more digits are beyond LONGEST in any case
        if refusals > 1:  # the last Retry-After did not help
            seconds = max(seconds, _BACK_OFF[min(refusals - 1, len(_BACK_OFF)) - 1])
    else:
        seconds = _BACK_OFF[min(refusals, len(_BACK_OFF)) - 1]
        if _limit_type(headers) in ("application", "method"):  # then until our own windows have surely ended
            seconds = max([seconds, *(window.seconds for window in windows)])
    reason = f"429 of type {_printable(_limit_type(headers))}, Retry-After {_printable(stated)}"
    if timedelta(seconds=seconds) > LONGEST:
        reason += ", capped at one day"
    return min(timedelta(seconds=seconds) + MARGIN, LONGEST), reason


def succeeded(state: ScopeState, now: datetime) -> ScopeState:
    """After an answer other than 429: once the last back-off is over, the next one starts short again."""
    return replace(state, refusals=0) if state.retry_at and state.retry_at <= now else state


def _limit_type(headers: Mapping[str, str]) -> str:
    return headers.get("x-rate-limit-type", "").strip().lower()


def _printable(text: str) -> str:
    return text[:40] if text and text.isprintable() else "none"
