"""What both clients need of HTTP and their libraries do not give: a total deadline, a size cap, proxies by the book."""

import json
import re
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

MAX_BODY = 4 * 1024 * 1024  # bytes; the largest real match body seen is a twentieth of it
MAX_VALUES = 250_000  # in one JSON answer; a real match has some 5,000, and 4 MiB of `[],` would take 100 MiB

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(
    rf"[A-Z][a-z]{{2}}, ([0-9]{{1,2}}) ({'|'.join(_MONTHS)}) ((?:19|20|21)[0-9]{{2}})"
    r" ([0-9]{2}):([0-9]{2}):([0-9]{2}) (?:GMT|(?!-0000)([+-])([0-9]{2})([0-9]{2}))"
)


class DeadlineExceeded(Exception):
    """A call took longer than it may, however busily the server dripped.

    Not an OSError: urllib would take one raised while sending for a failure to connect.
    """


class BodyTooLarge(Exception):
    """An answer beyond MAX_BODY: neither Riot nor Slack has one."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Ends what runs inside with DeadlineExceeded after `seconds`. For the main thread, not to be nested.

    Socket time-outs are per operation, so a byte a second passes them for ever. The alarm goes on ringing each
    second, since Python drops an exception raised while it runs a finaliser.
    """

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise DeadlineExceeded(f"no whole answer within {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), 1.0)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def read_capped(chunks: Iterable[bytes]) -> bytes:
    """The whole body. Raises BodyTooLarge instead of filling the memory."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > MAX_BODY:
            raise BodyTooLarge(f"the answer is larger than {MAX_BODY} bytes")
    return bytes(body)


class PiecewiseStream:
    """The stream of an answer that is only ever read in pieces of a known length.

    To http.client a negative chunk size is an order to read all there is: it is refused, since that fills the memory.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, amount: int | None = -1) -> bytes:
        """At most `amount` bytes. Raises OSError for a negative length, as both libraries expect of a stream."""
        if amount is None or amount < 0:
            raise OSError("a negative length in the answer")
        piece: bytes = self._stream.read(amount)
        return piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def read_in_pieces(response: Any) -> None:
    """Lets nobody read the rest of an `http.client.HTTPResponse` at once; one without a body has no stream."""
    stream = getattr(response, "fp", None)
    if stream is not None:
        response.fp = PiecewiseStream(stream)


def parse_json(body: bytes) -> Any:
    """The JSON in an answer. Raises ValueError for what is none, nested too deeply, or more than anybody sends."""
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:
        raise ValueError(f"more than {MAX_VALUES} values")
    try:
        return json.loads(body, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host in ("localhost", "127.0.0.1") or host.endswith(".localhost"):
        return True
    import ipaddress  # slow to import, and hosts have names

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def proxies_for(url: str) -> Mapping[str, str]:
    """The proxy to use for `url`, by scheme, as `HTTPS_PROXY` and `NO_PROXY` say; never one for loopback."""
    from urllib.parse import urlsplit  # slow to import, and settings need this module
    from urllib.request import getproxies_environment, proxy_bypass

    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return {}
    proxy = getproxies_environment().get(parts.scheme)
    return {parts.scheme: proxy} if proxy else {}


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """What time it was for the server that answered (RFC 9110, Date); header names in lower case.

    None for any other form, for a moment that no calendar has, and without a zone.
    """
    stated = _DATE.fullmatch(headers.get("date", "").strip())
    if stated is None:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = stated.groups(default="0")
    east = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    try:
        date = datetime(int(year), 1 + _MONTHS.index(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return None
    return date - east
