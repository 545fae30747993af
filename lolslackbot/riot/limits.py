"""Rate-limit headers -> windows -> when the next call may go; 429 -> who waits how long. Pure.

Riot's windows seem to be fixed: open with the first counted call, closed N seconds later. Keeping a sliding window,
no more than the limit in *any* N seconds and a margin, is right for fixed and for sliding ones alike.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from lolslackbot.model import Window

MARGIN = timedelta(seconds=0.5)  # Riot counts a call when it arrives there, and rounds Retry-After to whole seconds
LONGEST = timedelta(days=1)  # no answer closes anything for longer, and no window that is longer is believed
MOST_WINDOWS = 10  # of one limit; Riot states two or three
APPLICATION = ""  # the endpoint of the limits that hold for a whole host

_PAIR = re.compile(r"\s*([0-9]{1,9}):([0-9]{1,9})\s*")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_PAUSES = (5, 10, 20, 40, 80, 160, 300)  # seconds, where a 429 names none: longer each time in a row


@lru_cache(maxsize=16)  # limits are the same in every answer
def read_pairs(header: str | None) -> Mapping[int, int]:
    """`20:1,100:120` as {1: 20, 120: 100}: calls by seconds. Whatever is not of that form is left out."""
    pairs = (_PAIR.fullmatch(part) for part in (header or "").split(",")[:MOST_WINDOWS])
    return {int(pair[2]): int(pair[1]) for pair in pairs if pair and int(pair[1]) and int(pair[2])}


def header_names(endpoint: str) -> tuple[str, str]:
    """The headers with an endpoint's limits and with the counts in them (lower case)."""
    kind = "method" if endpoint else "app"
    return f"x-{kind}-rate-limit", f"x-{kind}-rate-limit-count"


def believed(windows: Sequence[Window]) -> list[Window]:
    """Those that can be a limit of Riot's. One of years would silence a host for as long."""
    return [window for window in windows if timedelta(seconds=window.seconds) <= LONGEST]


def span(window: Window) -> timedelta:
    """How long a call counts in the window."""
    return timedelta(seconds=window.seconds) + MARGIN


def free_calls(window: Window, now: datetime) -> int:
    """How many calls of our own fit into the window: those Riot counted from elsewhere take their place."""
    return window.calls - (window.extra_calls if _extra_ends(window) > now else 0)


def opens_at(window: Window, blocker: datetime | None, now: datetime) -> datetime | None:
    """When to look again if the window is full; None if a call may go now.

    blocker: of the calls still in the window the one that is `free_calls` from the newest, which so must leave it
    first; None where there are fewer.
    """
    ends = [blocker + span(window)] if blocker else []
    if blocker or free_calls(window, now) <= 0:
        ends.append(_extra_ends(window))
    return min((end for end in ends if end > now), default=None)


def _extra_ends(window: Window) -> datetime:
    return window.extra_at + span(window) if window.extra_at else _LONG_AGO


def learn(window: Window, counted: int | None, known: int, now: datetime) -> Window:
    """The window after an answer said `counted` calls are in it, `known` of them ours: corrected up, never down."""
    if counted is None:
        return window
    extra, others = counted - known, window.calls - free_calls(window, now)
    if counted >= window.calls and (extra > 0 or others > 0):
        # Full, and not by us alone: who of the others called when cannot be told, so it is full until all of it ends.
        return replace(window, extra_calls=max(extra, window.calls), extra_at=now)
    if extra <= 0 or extra < others:
        return window
    return replace(window, extra_calls=extra, extra_at=now)


def refused_scope(headers: Mapping[str, str], endpoint: str) -> str:
    """Whom a 429 concerns: the whole host if its type is `application`, else (also without a type) the endpoint."""
    return APPLICATION if _kind(headers) == "application" else endpoint


def pause_after(headers: Mapping[str, str], windows: Sequence[Window], times: int) -> tuple[timedelta, str]:
    """How long a 429 keeps its scope closed, and why. `windows` are those of the scope; `times`: 429s in a row."""
    stated = headers.get("retry-after", "").strip()
    if stated.isascii() and stated.isdigit():
        wait = int(stated.lstrip("0")[:9] or "0")  # more digits are beyond LONGEST in any case
        if times > 1:  # what was said before did not help
            wait = max(wait, _PAUSES[min(times - 1, len(_PAUSES)) - 1])
    else:
        wait = _PAUSES[min(times, len(_PAUSES)) - 1]
        if _kind(headers) in ("application", "method"):  # then until our own windows have surely ended
            wait = max(wait, *(window.seconds for window in windows), 0)
    reason = f"429 of type {_word(_kind(headers))}, Retry-After {_word(stated)}"
    if timedelta(seconds=wait) > LONGEST:
        reason += ", of which a day is kept"
    return min(timedelta(seconds=wait) + MARGIN, LONGEST), reason


def _kind(headers: Mapping[str, str]) -> str:
    return headers.get("x-rate-limit-type", "").strip().lower()


def _word(text: str) -> str:
    return text[:40] if text and text.isprintable() else "none"
