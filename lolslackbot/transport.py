"""What both clients need of HTTP and their libraries do not give: a total deadline, a size cap, proxies by the book."""

import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import FrameType

MAX_BODY = 4 * 1024 * 1024  # bytes; the largest real match body seen is a twentieth of it


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
    """What time it was for the server that answered (RFC 9110, Date); header names in lower case."""
    from email.utils import parsedate_to_datetime  # slow to import, and needed only once somebody answered

    try:
        date = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    return date if date.tzinfo else None
