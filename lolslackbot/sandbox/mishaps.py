"""What can go wrong between a request and its answer: each a value that a server can be told to play."""

import json as jsonlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

JSON = "application/json;charset=utf-8"  # match-v5's and the Web API's content type
HTML = "text/html;charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. A body of None is filled in by the server that sends it, in its own shape."""

    status: int
    body: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON


class Manner(Enum):
    """How much of an answer reaches the client, and how."""

    WHOLE = auto()
    NOTHING = auto()
    RESET = auto()
    CUT_HEADERS = auto()
    CUT_BODY = auto()
    DRIP_HEADERS = auto()
    DRIP_BODY = auto()


SHOWS_NO_STATUS = {Manner.NOTHING, Manner.RESET, Manner.CUT_HEADERS}


@dataclass(frozen=True)
class Mishap:
    """A fault, made by one of the functions below. `accepted`: the request took effect before the fault."""

    name: str
    accepted: bool = False
    answer: Answer | None = None  # in place of the right one
    halve: bool = False  # the right answer's body, cut, with a Content-Length that fits
    manner: Manner = Manner.WHOLE
    pause: float = 0  # seconds of silence before the answer
    interval: float = 0  # seconds between two bytes
    later: float | None = None  # seconds after which the request takes effect, unanswered
    callback: Callable[[], object] | None = None

    @staticmethod
    def status(
        code: int,
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        content_type: str = JSON,
        *,
        accepted: bool = False,
    ) -> "Mishap":
        """A status, with the server's usual body unless one is given."""
        return _reply(f"status {code}", accepted, code, body, headers, content_type)

    @staticmethod
    def limited(retry_after: int | str | None = None, kind: str | None = None) -> "Mishap":
        """429. kind: application, method, service or server, Riot's X-Rate-Limit-Type; None leaves it out."""
        headers = {} if kind is None else {"X-Rate-Limit-Type": kind}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        return _reply("limited", False, 429, None, headers)

    @staticmethod
    def error(code: str, *, status: int = 200, accepted: bool = False, **fields: Any) -> "Mishap":
        """Slack's way to say no: `ok: false` and a code, usually with HTTP 200."""
        body = jsonlib.dumps({"ok": False, "error": code, **fields})
        return _reply(f"error {code}", accepted, status, body)

    @staticmethod
    def html(status: int = 200, *, accepted: bool = False) -> "Mishap":
        """A web page, as gateways and captive portals send it."""
        page = "<html><head><title>Gateway</title></head><body>Something is wrong.</body></html>"
        return _reply(f"html {status}", accepted, status, page, content_type=HTML)

    @staticmethod
    def bad_json(*, accepted: bool = False) -> "Mishap":
        """The right answer cut in half, with a Content-Length that fits: only the text is broken."""
        return Mishap("bad_json", accepted, halve=True)

    @staticmethod
    def json(value: Any, *, status: int = 200, accepted: bool = False) -> "Mishap":
        """Any JSON value as the answer."""
        return _reply("json", accepted, status, jsonlib.dumps(value))

    @staticmethod
    def empty(status: int = 200, *, accepted: bool = False) -> "Mishap":
        """A status and nothing else."""
        return _reply(f"empty {status}", accepted, status, b"", content_type="text/plain")

    @staticmethod
    def oversized(size: int, *, accepted: bool = False) -> "Mishap":
        """A valid JSON string of so many bytes."""
        return _reply("oversized", accepted, 200, b'"' + b"x" * (size - 2) + b'"')

    @staticmethod
    def redirect(status: int, location: str, *, accepted: bool = False) -> "Mishap":
        """301, 302, 303, 307 or 308."""
        return _reply(f"redirect {status}", accepted, status, b"", {"Location": location}, HTML)

    @staticmethod
    def hang(seconds: float, *, accepted: bool = False) -> "Mishap":
        """Silence for so long, then the connection closes."""
        return Mishap("hang", accepted, manner=Manner.NOTHING, pause=seconds)

    @staticmethod
    def slow(seconds: float) -> "Mishap":
        """The right answer, late; the request takes effect when it arrives."""
        return Mishap("slow", accepted=True, pause=seconds)

    @staticmethod
    def drip(interval: float, where: str = "body", *, accepted: bool = True) -> "Mishap":
        """One byte each `interval` seconds of the headers or of the body."""
        manner = {"headers": Manner.DRIP_HEADERS, "body": Manner.DRIP_BODY}[where]
        return Mishap(f"drip {where}", accepted, manner=manner, interval=interval)

    @staticmethod
    def cut(*, accepted: bool = False) -> "Mishap":
        """The connection closes without an answer."""
        return Mishap("cut", accepted, manner=Manner.NOTHING)

    @staticmethod
    def cut_headers(*, accepted: bool = False) -> "Mishap":
        """The connection closes within the headers."""
        return Mishap("cut_headers", accepted, manner=Manner.CUT_HEADERS)

    @staticmethod
    def cut_body(*, accepted: bool = False) -> "Mishap":
        """Fewer bytes than the Content-Length promised."""
        return Mishap("cut_body", accepted, manner=Manner.CUT_BODY)

    @staticmethod
    def reset(*, accepted: bool = False) -> "Mishap":
        """The connection ends in a TCP reset."""
        return Mishap("reset", accepted, manner=Manner.RESET)

    @staticmethod
    def late(seconds: float) -> "Mishap":
        """The connection closes at once; the request takes effect `seconds` later."""
        return Mishap("late", manner=Manner.NOTHING, later=seconds)

    @staticmethod
    def on_request(callback: Callable[[], object], *, accepted: bool = False) -> "Mishap":
        """Calls back before, or if accepted after, the request takes effect; then all goes on as usual.

        Before: a client that did not survive the call is noticed, and its request takes no effect.
        """
        return Mishap("on_request", accepted, callback=callback)


def _reply(
    name: str,
    accepted: bool,
    status: int,
    body: str | bytes | None,
    headers: Mapping[str, str] | None = None,
    content_type: str = JSON,
) -> Mishap:
    raw = body.encode() if isinstance(body, str) else body
    return Mishap(name, accepted, Answer(status, raw, dict(headers or {}), content_type))
