"""Riot's rate limits, kept strictly: every request counts, whatever it is answered.

Header forms are those of Riot's rate-limit page; nobody official says whether windows are fixed or sliding.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

Scope = tuple[str, str]  # routing value and endpoint; endpoint '' is the application's limit


@dataclass(frozen=True)
class Count:
    """One window after a request was counted: `over` says that the request is one too many, until when."""

    limit: int
    seconds: int
    used: int
    over: bool
    until: float


@dataclass(frozen=True)
class Ruling:
    """What the limits say of one request."""

    headers: dict[str, str]
    full: str = ""  # application or method
    retry_after: int = 0


@dataclass
class Limits:
    """Texts as in the headers, `limit:seconds,…`; None: no header and nothing enforced.

    fixed: a window opens with the first counted request and closes N seconds later, then all is empty.
    sliding: never more than the limit in any N seconds.
    """

    application: str | None = None
    method: dict[str, str | None] = field(default_factory=dict)
    model: Literal["fixed", "sliding"] = "fixed"
    retry_after: bool = True
    _windows: dict[tuple[Scope, int], tuple[float, int]] = field(default_factory=dict, repr=False)
    _arrivals: dict[Scope, list[float]] = field(default_factory=lambda: defaultdict(list), repr=False)

    def count(self, routing: str, endpoint: str, at: float) -> Ruling:
        """Counts one request in all of its windows."""
        application = self._counts(self.application, (routing, ""), at)
        method = self._counts(self.method.get(endpoint), (routing, endpoint), at)
        headers = {**_headers("X-App-Rate-Limit", application), **_headers("X-Method-Rate-Limit", method)}
        for kind, counts in (("application", application), ("method", method)):
            if over := [each.until for each in counts if each.over]:
                return Ruling(headers, kind, math.ceil(max(over) - at))
        return Ruling(headers)

    def _counts(self, text: str | None, scope: Scope, at: float) -> list[Count]:
        self._arrivals[scope].append(at)
        pairs = [pair.split(":") for pair in (text or "").split(",") if pair]
        window = self._fixed if self.model == "fixed" else self._sliding
        return [window(int(limit), int(seconds), scope, at) for limit, seconds in pairs]

    def _fixed(self, limit: int, seconds: int, scope: Scope, at: float) -> Count:
        opened, used = self._windows.get((scope, seconds), (at, 0))
        if at >= opened + seconds:
            opened, used = at, 0
        self._windows[scope, seconds] = (opened, used + 1)
        return Count(limit, seconds, used + 1, used + 1 > limit, opened + seconds)

    def _sliding(self, limit: int, seconds: int, scope: Scope, at: float) -> Count:
        recent = [moment for moment in self._arrivals[scope] if moment > at - seconds]
        over = len(recent) > limit
        room = recent[-limit] if over and limit else at  # when it leaves the window, one more fits
        return Count(limit, seconds, len(recent), over, room + seconds)


def _headers(name: str, counts: list[Count]) -> dict[str, str]:
    if not counts:
        return {}
    return {
        name: ",".join(f"{each.limit}:{each.seconds}" for each in counts),
        f"{name}-Count": ",".join(f"{each.used}:{each.seconds}" for each in counts),
    }
