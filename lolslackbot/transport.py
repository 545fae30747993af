"""What both clients need of HTTP and their libraries lack: a total deadline, a size cap, proxies and authorities by
the environment, and a clear error where this machine's proxy or certificates are at fault."""

import json
import os
import re
import signal
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any

from lolslackbot.clock import elapsed
from lolslackbot.errors import ConfigError

if TYPE_CHECKING:
    import ssl

AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
PROXIES = ("https_proxy", "http_proxy", "no_proxy")  # upper case counts too, where there is no lower case
PROXY_FORM = "http://[USER:PASSWORD@]HOST:PORT"
LEAST_SECRET = 3  # characters: without shorter ones no log could be read
CONNECT_SECONDS = 5.0  # for one address of a host; where that one is dead, the next is tried
STOOD_STILL = 5.0  # seconds between the decision to call and the call
MAX_BODY = 4 * 1024 * 1024  # bytes; the largest real match body seen is a twentieth of it
MAX_VALUES = 250_000  # in one JSON answer; a real match has some 5,000, and 4 MiB of `[],` would take 100 MiB


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP response: names of headers in lower case, the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class DeadlineExceeded(Exception):
    """A call took longer than it may. Not an OSError: urllib would take one for a failure to connect."""


class BodyTooLarge(Exception):
    """An answer beyond MAX_BODY: neither Riot nor Slack has one."""


@contextmanager
def deadline(seconds: float, decided_at: float | None = None) -> Iterator[None]:
    """Raises DeadlineExceeded inside after `seconds`. For the main thread, not to be nested.

    decided_at: when (`elapsed`) the call was decided on. Where that is long ago, the process stood still since,
    and another one may be at work on what it was to send: nothing is.

    Socket time-outs are per operation: a byte a second passes them for ever. The alarm rings again each second, since
    Python drops an exception raised while a finaliser runs.
    """

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise DeadlineExceeded(f"no whole answer within {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), 1.0)
        if decided_at is not None:
            refuse_later(decided_at, STOOD_STILL)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def refuse_later(decided_at: float, seconds: float) -> None:
    """Raises DeadlineExceeded so many seconds after a call was decided on: no alarm rings while the machine sleeps."""
    if (since := elapsed() - decided_at) > seconds:
        raise DeadlineExceeded(f"not sent: this process stood still for {since:.0f} s")


def read_capped(chunks: Iterable[bytes]) -> bytes:
    """The whole body. Raises BodyTooLarge instead of filling the memory."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > MAX_BODY:
            raise BodyTooLarge(f"the answer is larger than {MAX_BODY} bytes")
    return bytes(body)


class PiecewiseStream:
    """The stream of an answer, read only in pieces of a known length.

    http.client takes a negative chunk size for "read all there is", which could fill the memory.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, amount: int | None = -1) -> bytes:
        """At most `amount` bytes. Raises OSError, as both libraries expect of a stream, for a negative length."""
        if amount is None or amount < 0:
            raise OSError("a negative length in the answer")
        piece: bytes = self._stream.read(amount)
        return piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def read_in_pieces(response: Any) -> None:
    """Wraps the stream of an `http.client.HTTPResponse`; one without a body has none."""
    if (stream := getattr(response, "fp", None)) is not None:
        response.fp = PiecewiseStream(stream)


def parse_json(body: bytes) -> Any:
    """The JSON in an answer. Raises ValueError for invalid JSON, and for JSON too deep or too large to be an answer."""
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:
        raise ValueError(f"more than {MAX_VALUES} values")
    try:
        return json.loads(body, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def one_line(text: str, length: int = 200) -> str:
    """What a server wrote, fit for an error, the log and the database: printable, at most `length` characters."""
    return "".join(c if c.isprintable() else " " for c in text[:length]).strip()


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host in ("localhost", "127.0.0.1") or host.endswith(".localhost"):
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def connect_seconds(call: float) -> float:
    """Seconds to try one address of a host in a call of `call` seconds: a dead one leaves time for the next."""
    return min(CONNECT_SECONDS, call / 3)


def proxies_for(url: str, network: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """The proxy for `url`, by scheme, as HTTPS_PROXY and NO_PROXY say; never one for loopback. network: the variables.

    Raises ConfigError for a proxy that no client can use; its text shows nothing of the proxy.
    """
    from urllib.parse import urlsplit
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # loads all of http.client

    parts = urlsplit(url)
    host, name = parts.hostname or "", f"{parts.scheme}_proxy"
    proxy = _either_case(name, network)
    if not proxy or is_loopback(host) or proxy_bypass_environment(host, {"no": _either_case("no_proxy", network)}):
        return {}
    if fault := _fault_of_proxy(proxy):
        raise ConfigError(f"{name.upper()} cannot be used: {fault}")
    return {parts.scheme: proxy}


def _either_case(name: str, network: Mapping[str, str]) -> str:
    return network.get(name, network.get(name.upper(), "")).strip()


def _fault_of_proxy(proxy: str) -> str | None:
    from urllib.parse import urlsplit

    scheme, rest = _scheme_and_rest(proxy)
    if scheme != "http":
        return f"{scheme} proxies are not supported, only {PROXY_FORM}"
    try:
        parts = urlsplit(f"http://{rest}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    user, _, place = rest.rpartition("@")
    if not host or any(mark in user for mark in "#?/@[]") or any(mark in place.rstrip("/") for mark in "#?/"):
        return f"it must have the form {PROXY_FORM}; in the password write # ? / @ : % as %23 %3F %2F %40 %3A %25"
    return None


def _scheme_and_rest(proxy: str) -> tuple[str, str]:
    found = re.match("([a-z][a-z0-9+.-]*)://", proxy, re.IGNORECASE)
    return (found[1].lower(), proxy[found.end() :]) if found else ("http", proxy)


def proxy_secrets(network: Mapping[str, str]) -> Iterator[str]:
    """User and password of each proxy as written, decoded, and encoded for a header: none of it may be shown."""
    for name in PROXIES[:2]:
        user, at, _ = _scheme_and_rest(_either_case(name, network))[1].rpartition("@")
        if not at:
            continue
        from urllib.parse import unquote

        for written in dict.fromkeys((user, unquote(user))):
            forms = (written, written.partition(":")[2], b64encode(written.encode()).decode())
            yield from (secret for secret in forms if len(secret) >= LEAST_SECRET)


def trusted(network: Mapping[str, str] = os.environ) -> "ssl.SSLContext | None":
    """Trusts only the authorities that the variables of AUTHORITIES name; None if none is set.

    Raises ConfigError, which names the variable, for one that cannot be read.
    """
    own = [(name, place) for name in AUTHORITIES[:2] for place in network.get(name, "").split(os.pathsep) if place]
    bundle = network.get(AUTHORITIES[2], "")
    places = own or ([(AUTHORITIES[2], bundle)] if bundle else [])
    if not places:
        return None
    import ssl  # only commands that call anybody need it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name, place in places:
        path = os.path.expanduser(place)
        try:
            context.load_verify_locations(**{"capath" if os.path.isdir(path) else "cafile": path})
        except OSError as error:  # ssl.SSLError is one: a file without a certificate
            reason = "no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
            raise ConfigError(f"cannot read certificates from {name}: {reason}") from None
    return context


def fault_of_this_machine(error: BaseException, host: str) -> str | None:
    """Why a call to `host` failed, with the remedy, if this machine's proxy or certificates are at fault; else None."""
    import ssl

    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"the certificate of {host} is not trusted ({cause.verify_message}): if a proxy inspects TLS, "
                f"set {AUTHORITIES[0]} or {AUTHORITIES[2]} to its CA certificate, or {AUTHORITIES[1]} to a folder"
            )
        if (status := _status_of_proxy(cause)) and status < 500:
            remedy = (
                f"set user and password in HTTPS_PROXY, as {PROXY_FORM}"
                if status == 407
                else f"ask its operator, or add {host} to NO_PROXY"
            )
            return f"the proxy refuses to connect to {host} ({status}): {remedy}"
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those within it, outermost first: libraries wrap each other's errors."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) not in seen:
            seen.add(id(current))
            yield current
            inner = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
            waiting += [value for value in inner if isinstance(value, BaseException)]


def _status_of_proxy(error: BaseException) -> int | None:
    """The status with which a proxy refused a tunnel; http.client, below both clients, has it in this text only."""
    found = re.match(r"Tunnel connection failed: ([0-9]{3})\b", str(error)) if type(error) is OSError else None
    return int(found[1]) if found else None


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """The server's time (RFC 9110, Date: `Mon, 23 Nov 2026 12:00:00 GMT`); None if it is missing or malformed."""
    try:
        return datetime.strptime(headers.get("date", "").strip(), "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return None
