"""The total deadline, the size cap, and which proxy is used."""

import io
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import CERTIFICATE, CERTIFICATE_HASH

from lolslackbot import transport
from lolslackbot.clock import elapsed
from lolslackbot.errors import ConfigError
from lolslackbot.transport import (
    AUTHORITIES,
    MAX_VALUES,
    BodyTooLarge,
    DeadlineExceeded,
    PiecewiseStream,
    connect_seconds,
    date_of,
    deadline,
    is_loopback,
    parse_json,
    proxies_for,
    proxy_secrets,
    read_capped,
    read_in_pieces,
    trusted,
)


def ring() -> None:
    """The alarm goes off, without waiting for it."""
    os.kill(os.getpid(), signal.SIGALRM)


@pytest.fixture(autouse=True)
def _the_alarm_is_put_back() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


# deadline


def test_deadline__not_reached() -> None:
    with deadline(60):
        left, interval = signal.getitimer(signal.ITIMER_REAL)
    assert 59 < left <= 60
    assert interval == 1.0


def test_deadline__ends_a_call() -> None:
    with pytest.raises(DeadlineExceeded, match="^no whole answer within 15 s$"), deadline(15):
        ring()


def test_deadline__ends_a_silent_read() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(DeadlineExceeded), deadline(0.05):
        ours.recv(1)


def test_deadline__a_process_that_stood_still_since_sends_nothing() -> None:
    with deadline(5, elapsed()):
        pass
    stood_still = pytest.raises(DeadlineExceeded, match="not sent: this process stood still for 60 s")
    with stood_still, deadline(5, elapsed() - 60):
        pytest.fail("it is too late to send")
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_deadline__rings_again_after_a_lost_alarm() -> None:
    """Python drops an exception that is raised while a finaliser runs."""
    rang = 0
    with pytest.raises(DeadlineExceeded), deadline(60):
        try:
            ring()
        except DeadlineExceeded:
            rang += 1
        assert signal.getitimer(signal.ITIMER_REAL)[1] == 1.0
        ring()
    assert rang == 1


@pytest.mark.parametrize("seconds", [0, -3, 0.0001])
def test_deadline__no_time_left(seconds: float) -> None:
    """A timer of 0 seconds would never ring."""
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(DeadlineExceeded), deadline(seconds):
        ours.recv(1)


def test_deadline__error_inside_comes_through() -> None:
    with pytest.raises(ZeroDivisionError), deadline(60):
        _ = 1 // 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_deadline__earlier_handler_is_put_back() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
    try:
        with pytest.raises(DeadlineExceeded), deadline(60):
            ring()
        assert heard == []
        ring()
        assert heard == [signal.SIGALRM]
    finally:
        signal.signal(signal.SIGALRM, before)


def test_deadline__no_os_error() -> None:
    assert not issubclass(DeadlineExceeded, OSError)


# read_capped


def test_read_capped__whole_body() -> None:
    assert read_capped([]) == b""
    assert read_capped([b"ab", b"", b"c"]) == b"abc"
    assert len(read_capped([b"x" * transport.MAX_BODY])) == transport.MAX_BODY


def test_read_capped__stops_beyond_the_cap() -> None:
    asked = 0

    def endless() -> Iterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield b"x" * 1024 * 1024

    with pytest.raises(BodyTooLarge, match=f"larger than {transport.MAX_BODY} bytes"):
        read_capped(endless())
    assert asked == 5


# Proxies


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("8.8.8.8", False),
        ("2001:db8::1", False),
        ("example.com", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("", False),
    ],
)
def test_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("environment", "url", "proxies"),
    [
        ({}, "https://europe.api.example", {}),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "https://europe.api.example", {"https": "http://proxy:3128"}),
        ({"https_proxy": "http://proxy:3128"}, "https://europe.api.example/x?y", {"https": "http://proxy:3128"}),
        ({"HTTP_PROXY": "http://proxy:3128"}, "https://europe.api.example", {}),  # of the other scheme
        ({"HTTPS_PROXY": ""}, "https://europe.api.example", {}),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "api.example"}, "https://europe.api.example", {}),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, "https://europe.api.example", {}),
        (
            {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "other.example"},
            "https://europe.api.example",
            {"https": "http://proxy:3128"},
        ),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://127.0.0.1:8080/x", {}),  # never one for loopback
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://localhost:8080/x", {}),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://[::1]:8080/x", {}),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "https:///nowhere", {"https": "http://proxy:3128"}),
    ],
)
def test_proxies_for__environment(
    environment: dict[str, str], url: str, proxies: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxies_for(url) == proxies


@pytest.mark.parametrize(
    ("proxy", "secrets"),
    [
        ("", set()),
        ("http://proxy:3128", set()),
        ("http://somebody@proxy:3128", {"somebody", "c29tZWJvZHk="}),
        ("http://me:pa%23ss@proxy", {"me:pa%23ss", "pa%23ss", "me:pa#ss", "pa#ss", "bWU6cGElMjNzcw==", "bWU6cGEjc3M="}),
        ("me:S3cr3t#x@proxy", {"me:S3cr3t#x", "S3cr3t#x", "bWU6UzNjcjN0I3g="}),
        ("http://me:x@proxy", {"me:x", "bWU6eA=="}),  # `x` alone stands in too many words
        ("socks5://me:a@b@proxy", {"me:a@b", "a@b", "bWU6YUBi"}),
    ],
)
def test_proxy_secrets__every_form(proxy: str, secrets: set[str]) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        assert set(proxy_secrets({name: proxy})) == secrets


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("socks5://somebody:hunter2@h:1080", "socks5 proxies are not supported, only "),
        ("SOCKS4A://h", "socks4a proxies are not supported, only "),
        ("https://somebody:hunter2@h", "https proxies are not supported, only "),
        ("http://somebody:hunter2#x@h:1", "it must have the form "),
        ("somebody:hunter2?x@h:1", "it must have the form "),
        ("http://somebody:hun/ter2@h:1", "it must have the form "),
        ("http://somebody:hunter2@h:port", "it must have the form "),
        ("http://somebody:hunter2@h:99999", "it must have the form "),
        ("http://[::1", "it must have the form "),
        ("http://h/path", "it must have the form "),
        ("http://", "it must have the form "),
    ],
)
def test_proxies_for__unusable(proxy: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        proxies_for("https://x.example", {"HTTPS_PROXY": proxy})
    assert str(caught.value).startswith(f"HTTPS_PROXY cannot be used: {words}")
    assert "hunter2" not in str(caught.value)
    assert proxies_for("https://127.0.0.1", {"HTTPS_PROXY": proxy}) == {}  # nobody needs it


@pytest.mark.parametrize("proxy", ["http://h", "HTTP://h:1/", "h:3128", "http://me:p%23w@h:1", "http://[::1]:3128"])
def test_proxies_for__forms(proxy: str) -> None:
    assert proxies_for("https://x.example", {"https_proxy": proxy}) == {"https": proxy}


# Certificate authorities


def test_trusted__no_variable() -> None:
    assert trusted({}) is trusted({"SSL_CERT_FILE": "", "SSL_CERT_DIR": "", "REQUESTS_CA_BUNDLE": ""}) is None


def test_trusted__each_variable(tmp_path: Path) -> None:
    (tmp_path / f"{CERTIFICATE_HASH}.0").write_bytes(CERTIFICATE.read_bytes())
    for name in AUTHORITIES:
        context = trusted({name: str(CERTIFICATE)})
        assert context
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert len(context.get_ca_certs()) == 1
    assert trusted({"SSL_CERT_DIR": f"{tmp_path}:{tmp_path}", "REQUESTS_CA_BUNDLE": "/nowhere"})  # the others win


@pytest.mark.parametrize("name", AUTHORITIES)
def test_trusted__unreadable(tmp_path: Path, name: str) -> None:
    (tmp_path / "nothing.pem").write_text("nothing")
    for path, reason in (("topsecret", "No such file or directory"), ("nothing.pem", "no certificate in it")):
        with pytest.raises(ConfigError) as caught:
            trusted({name: str(tmp_path / path)})
        assert str(caught.value) == f"cannot read certificates from {name}: {reason}"


@pytest.mark.parametrize("call", [0.001, 1.0, 5.0, 20.0])
def test_connect_seconds__a_share_of_the_call(call: float) -> None:
    assert connect_seconds(call) <= min(5.0, call / 3)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Mon, 23 Nov 2026 12:00:00 GMT", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        (" Mon, 23 Nov 2026 12:00:00 GMT ", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        (None, None),
        ("", None),
        ("today", None),
        ("Mon, 23 Nov 2026 13:00:00 +0100", None),  # HTTP knows no other zone
        ("Mon, 23 Nov 2026 12:00:00", None),
        ("Mon, 23 Nov 99999999999999999999 12:00:00 GMT", None),
        ("Mon, 31 Nov 2026 12:00:00 GMT", None),
        ("Mon, 23 Nov 2026 12:00:61 GMT", None),
        ("9" * 5000, None),
    ],
)
def test_date_of(text: str | None, moment: datetime | None) -> None:
    assert date_of({} if text is None else {"date": text}) == moment


# What an answer may hold


@pytest.mark.parametrize("length", [-5, -1, None])
def test_stream__never_read_to_its_end_at_once(length: int | None) -> None:
    stream = PiecewiseStream(io.BytesIO(b"12\r\n3456"))
    assert stream.readline() == b"12\r\n"
    assert stream.read(2) == b"34"
    with pytest.raises(OSError, match="^a negative length in the answer$"):
        stream.read(length)


def test_stream__none() -> None:
    response = SimpleNamespace(fp=None)
    read_in_pieces(response)
    read_in_pieces(None)
    assert response.fp is None


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"0," * MAX_VALUES + b"0]",
        b"[" + b"[]," * MAX_VALUES + b"[]]",
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 5000,
        b"[NaN]",
        b"",
        b"\xff",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_parse_json__refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="."):
        parse_json(body)


def test_parse_json__largest() -> None:
    assert len(parse_json(b"[" + b"0," * (MAX_VALUES - 2) + b"0]")) == MAX_VALUES - 1
