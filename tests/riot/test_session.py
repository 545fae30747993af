"""One GET, against real sockets: what it sends, what it never follows or waits for, and how it fails."""

import gzip
import os
import socket
import ssl
import time
import tracemalloc
from typing import Any, NoReturn

import pytest
import requests
from raw_server import answering, drip, http

from lolslackbot import transport
from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.riot.session import NO_ANSWER, NoRedirectSession, _TrustingAdapter, no_answer
from lolslackbot.transport import HttpAnswer


def fetch(url: str, seconds: float = 15.0) -> HttpAnswer:
    with NoRedirectSession(os.environ) as session:
        return session.fetch(url, {"X-Riot-Token": "key"}, seconds)


def failure(url: str, seconds: float = 15.0) -> RiotRefusal:
    """What a fetch that fails is turned into."""
    try:
        fetch(url, seconds)
    except NO_ANSWER as error:  # not kept: its traceback holds the socket
        return no_answer(error, url)
    pytest.fail("there was an answer")


# What is sent


def test_fetch__one_request_with_its_own_headers(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Neither cookies of earlier answers nor passwords from files are added."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    reply = http(200, b"{}", Set_Cookie="who=us", X_Odd="Yes")
    with answering(reply) as server, NoRedirectSession(os.environ) as session:
        answers = [session.fetch(server.root + "/a", {"X-Riot-Token": "key"}, 15.0, {"count": 7}) for _ in range(2)]
    assert [(answer.status, answer.body, answer.headers["x-odd"]) for answer in answers] == [(200, b"{}", "Yes")] * 2
    for request in server.requests:
        line, *headers = request.split("\r\n")
        assert line == "GET /a?count=7 HTTP/1.1"
        names = {header.partition(":")[0] for header in headers if header}
        assert names == {"Host", "Accept-Encoding", "User-Agent", "X-Riot-Token"}


def test_fetch__proxy_only_for_other_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(http(502), http(200, b"{}")) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.root)
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        failure("https://europe.riot.example/x")
        assert fetch(server.root + "/direct").status == 200
    through_the_proxy, direct = server.requests
    assert through_the_proxy.startswith("CONNECT europe.riot.example:443 ")
    assert "X-Riot-Token" not in through_the_proxy
    assert direct.startswith("GET /direct ")


@pytest.mark.parametrize(
    ("status", "verdict", "words"),
    [
        (
            407,
            RiotVerdict.LOCAL_FAULT,
            "the proxy refuses to connect to europe.riot.example (407): set user and password",
        ),
        (403, RiotVerdict.LOCAL_FAULT, "the proxy refuses to connect to europe.riot.example (403): ask its operator"),
        (502, RiotVerdict.UNAVAILABLE, "no usable answer: ProxyError"),
    ],
)
def test_fetch__proxy_refuses(monkeypatch: pytest.MonkeyPatch, status: int, verdict: RiotVerdict, words: str) -> None:
    """The status tells whether a person is needed."""
    with answering(http(status)) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.root)
        refusal = failure("https://europe.riot.example/x")
    assert (refusal.verdict, str(refusal)[: len(words)]) == (verdict, words)


@pytest.mark.parametrize(("seconds", "connect"), [(15.0, 5.0), (6.0, 2.0), (1.0, 1 / 3)])
def test_fetch__share_of_time_for_each_address(monkeypatch: pytest.MonkeyPatch, seconds: float, connect: float) -> None:
    given: list[Any] = []

    def send(_session: requests.Session, _request: object, **how: Any) -> NoReturn:
        given.append(how["timeout"][0])
        raise requests.ConnectTimeout

    monkeypatch.setattr(NoRedirectSession, "send", send)
    failure("https://europe.riot.example/x", seconds)
    assert given == [pytest.approx(connect)]


def test_trusting_adapter__behind_a_proxy_too() -> None:
    context = ssl.create_default_context()
    manager = _TrustingAdapter(context).proxy_manager_for("http://127.0.0.1:1")
    assert manager.connection_pool_kw["ssl_context"] is context


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect__not_followed(status: int) -> None:
    with answering(http(200, b"{}")) as elsewhere:
        with answering(http(status, Location=elsewhere.root)) as server:
            assert fetch(server.root).status == status
        assert (len(server.requests), elsewhere.requests) == (1, [])


@pytest.mark.parametrize("location", ["http://[::1", "/\xff", "https://\xe9.example/"])
def test_redirect__malformed_target(location: str) -> None:
    with answering(http(302, Location=location)) as server:
        assert fetch(server.root).status == 302


def test_redirect__endless_body_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_BODY", 100_000)
    sent = 0

    def endless(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")
        while sent < 50_000_000:
            sent += connection.send(b"x" * 100_000)

    with answering(endless) as server:
        assert str(failure(server.root)) == "no usable answer: the answer is larger than 100000 bytes"
    assert sent < 20_000_000  # what the sockets' buffers take


# Broken answers


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", "ConnectionError"),  # hangs up
        (b"garbage\r\n\r\n", "ConnectionError"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[]", "ChunkedEncodingError"),  # cut off, though good JSON
        (CHUNKED + b"2\r\n[]\r\n", "ChunkedEncodingError"),
        *[(CHUNKED + size + b"\r\n[]\r\n0\r\n\r\n", "ChunkedEncodingError") for size in (b"zz", b"", b"-5", b"-1")],
        (CHUNKED + b"f" * 20 + b"\r\n[]\r\n0\r\n\r\n", "ChunkedEncodingError"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]", "ContentDecodingError"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n[]", "InvalidHeader"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n[]", "ConnectionError"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n[]", "ConnectionError"),
    ],
    ids=lambda value: repr(value[-24:]),
)
def test_broken_answer__fails_after_one_request(raw: bytes, error: str) -> None:
    with answering(raw) as server:
        refusal = failure(server.root)
    assert (refusal.verdict, str(refusal)) == (RiotVerdict.UNAVAILABLE, f"no usable answer: {error}")
    assert len(server.requests) == 1


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_decompression_bomb__fills_no_memory(layers: int) -> None:
    packed = gzip.compress(bytes(2**20)) * 1024  # a gibibyte
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    with answering(http(200, packed, Content_Encoding=", ".join(["gzip"] * layers))) as server:
        tracemalloc.start()
        try:
            refusal = failure(server.root)
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert "larger than" in str(refusal)
    assert peak < 64 * 2**20


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert str(failure(f"http://127.0.0.1:{port}")) == "no usable answer: ConnectionError"


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: "],
    ids=["body", "header"],
)
def test_dripping_server__left_at_the_deadline(head: bytes) -> None:
    with answering(drip(head)) as server:
        began = time.monotonic()
        refusal = failure(server.root, seconds=0.2)
        assert 0.1 < time.monotonic() - began < 10
    assert (refusal.verdict, str(refusal)) == (RiotVerdict.UNAVAILABLE, "no usable answer: no whole answer within 0 s")
    assert len(server.requests) == 1


def test_untrusted_certificate__needs_a_person() -> None:
    untrusted = ssl.SSLCertVerificationError(1, "refused")
    untrusted.verify_message = "certificate has expired"
    refusal = no_answer(requests.exceptions.SSLError(untrusted), "https://ddragon.example/x")
    assert refusal.verdict is RiotVerdict.LOCAL_FAULT
    assert str(refusal).startswith("the certificate of ddragon.example is not trusted (certificate has expired): ")
    assert "set SSL_CERT_FILE or REQUESTS_CA_BUNDLE to" in str(refusal)
