"""One claim, one request: what the client does on the wire, against a server that counts what reaches it."""

import itertools
import json
import logging
import signal
import socket
import ssl
import struct
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest
from support import CERTIFICATE, START, FakeClock, tls_context

from lolslackbot import transport
from lolslackbot.model import Message
from lolslackbot.slack import client as module
from lolslackbot.slack.answers import Identity, SlackProblem, SlackVerdict
from lolslackbot.slack.client import SlackClient
from lolslackbot.transport import AUTHORITIES

TOKEN = "xoxb-1-2-topsecret"
MESSAGE = Message("EUW1_1", "C1", "default", "Victory &amp; glory", '[{"type": "divider"}]')
DELIVERED = {"ok": True, "channel": "C1", "ts": "1700000000.000100"}
US = Identity("B1", "A1")


@dataclass
class Request:
    """One whole request as it came."""

    head: str
    body: bytes

    @property
    def path(self) -> str:
        return self.head.split(" ")[1]

    @property
    def headers(self) -> dict[str, str]:
        lines = (line.partition(":") for line in self.head.split("\r\n")[1:] if line)
        return {name.lower(): value.strip() for name, _, value in lines}

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(self.body.decode()))


Behaviour = Callable[[socket.socket], None]


@dataclass
class Server:
    """Counts connections and whole requests, and does to each what the test says; the last behaviour goes on."""

    behaviours: list[Behaviour]
    tls: ssl.SSLContext | None = None
    before_reading: bool = False  # misbehaves as soon as somebody connects
    connections: int = 0
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.scheme = "https" if self.tls else "http"
        self.url = f"{self.scheme}://127.0.0.1:{self.port}/api/"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with suppress(OSError):
                connection.settimeout(5)
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                if not self.before_reading and not self._read(connection):
                    connection.close()
                    continue
                behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
                behaviour(connection)
            connection.close()

    def _read(self, connection: socket.socket) -> bool:
        """Whether a whole request came."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := connection.recv(65536)):
                return False
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        request = Request(head.decode("latin-1"), body)
        while len(request.body) < int(request.headers.get("content-length", 0)):
            if not (more := connection.recv(65536)):
                return False
            request.body += more
        self.requests.append(request)
        return True

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers that end with the test."""
    servers: list[Server] = []

    def start(*behaviours: Behaviour, **how: Any) -> Server:
        servers.append(Server(list(behaviours), **how))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def _no_secret_in_any_log_line(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever fails: the token is in no record, its arguments and its stack trace included."""
    caplog.set_level(logging.DEBUG)
    for library in ("slack_sdk", "slack_sdk.web.base_client", "urllib3"):
        caplog.set_level(logging.DEBUG, library)
    yield
    for record in caplog.get_records("call"):
        assert TOKEN not in logging.Formatter().format(record)
        assert TOKEN not in repr(record.args)


def client(url: str, seconds: float = 20.0) -> SlackClient:
    return SlackClient(TOKEN, url, FakeClock(), lambda: seconds)


# What a server may do


def raw(data: bytes) -> Behaviour:
    return lambda connection: connection.sendall(data)


def http(status: int, body: Any = b"", **headers: str) -> Behaviour:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def close(_connection: socket.socket) -> None:
    """Ends without a word."""


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang(connection: socket.socket) -> None:
    """Says nothing until the other side gives up."""
    while connection.recv(1):
        pass


def begin_and(
    then: Behaviour, begun: bytes = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"ok": true'
) -> Behaviour:
    def behaviour(connection: socket.socket) -> None:
        connection.sendall(begun)
        time.sleep(0.05)  # a reset throws away what was not read yet
        then(connection)

    return behaviour


def drip(connection: socket.socket) -> None:
    """A byte now and then, for ever: no single read takes long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.02)


# A post that arrives


def test_a_post_is_one_request_with_all_that_slack_is_to_know(serve: Callable[..., Server]) -> None:
    server = serve(http(200, DELIVERED, X_Slack_Req_Id="req-1"))
    posted = client(server.url).post(MESSAGE)
    assert (posted.verdict, posted.slack_ts) == (SlackVerdict.DELIVERED, "1700000000.000100")
    (request,) = server.requests
    assert request.head.startswith("POST /api/chat.postMessage HTTP/1.1")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"].startswith("application/json")
    assert request.json == {
        "channel": "C1",
        "text": "Victory &amp; glory",
        "blocks": [{"type": "divider"}],
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {"event_type": "lolslackbot_match", "event_payload": {"key": "EUW1_1:C1"}},
    }


def test_a_reply_names_its_thread_and_a_refusal_concerns_it_alone(serve: Callable[..., Server]) -> None:
    server = serve(http(200, DELIVERED), http(200, {"ok": False, "error": "cannot_reply_to_message"}))
    reply = replace(MESSAGE, thread_ts="1700000000.000001")
    slack = client(server.url)
    assert slack.post(reply).verdict is SlackVerdict.DELIVERED
    assert slack.post(reply).verdict is SlackVerdict.MESSAGE_REFUSED
    assert server.requests[0].json["thread_ts"] == "1700000000.000001"


def test_a_message_without_blocks_is_sent_as_text_only(serve: Callable[..., Server]) -> None:
    server = serve(http(200, DELIVERED))
    message = Message("EUW1_1", "C1", "default", "tëxt ★ \U0001f3ae", None)
    assert client(server.url).post(message).verdict is SlackVerdict.DELIVERED
    assert "blocks" not in server.requests[0].json
    assert server.requests[0].json["text"] == "tëxt ★ \U0001f3ae"


@pytest.mark.parametrize(("blocks", "sent"), [('[{"type": "divider"}]', [{"type": "divider"}]), (None, [])])
def test_update__text_and_blocks_in_full(serve: Callable[..., Server], blocks: str | None, sent: list[Any]) -> None:
    """Without blocks an empty list: text alone would leave the old ones."""
    server = serve(http(200, DELIVERED))
    edited = client(server.url).update(replace(MESSAGE, blocks=blocks), "C2", "1700000000.000100")
    assert edited.verdict is SlackVerdict.DELIVERED
    (request,) = server.requests
    assert request.head.startswith("POST /api/chat.update HTTP/1.1")
    assert request.json == {
        "channel": "C2",
        "ts": "1700000000.000100",
        "text": "Victory &amp; glory",
        "blocks": sent,
        "metadata": {"event_type": "lolslackbot_match", "event_payload": {"key": "EUW1_1:C1"}},
    }


def test_update__stored_blocks_that_are_no_json(serve: Callable[..., Server]) -> None:
    """Dropped like an edit that Slack refuses; nothing is sent."""
    server = serve(http(200, DELIVERED))
    edited = client(server.url).update(replace(MESSAGE, blocks="["), "C1", "1700000000.000100")
    assert (edited.verdict, server.requests) == (SlackVerdict.BLOCKS_REFUSED, [])


def test_update__no_answer(serve: Callable[..., Server]) -> None:
    """Its outcome is unknown, and it may be made again."""
    edited = client(serve(http(503, b"")).url).update(MESSAGE, "C1", "1700000000.000100")
    assert edited.verdict is SlackVerdict.UNCERTAIN


def test_refusal_of__asks_and_posts_nothing(serve: Callable[..., Server]) -> None:
    refused = {"ok": False, "error": "invalid_blocks", "errors": [{"pointer": "/0", "message": "no such block"}]}
    server = serve(http(200, {"ok": True}), http(200, refused))
    slack = client(server.url)
    assert slack.refusal_of('[{"type": "divider"}]') is None
    assert slack.refusal_of('[{"type": "x"}]') == "no such block, /0"
    assert [request.head.split()[1] for request in server.requests] == ["/api/blocks.validate"] * 2
    assert server.requests[0].form["blocks"] == '[{"type": "divider"}]'


@pytest.mark.parametrize(
    ("behaviour", "verdict"),
    [
        (http(200, {"ok": False, "error": "unknown_method"}), SlackVerdict.TOKEN_REJECTED),
        (http(503, b""), SlackVerdict.UNCERTAIN),
        (close, SlackVerdict.UNCERTAIN),
    ],
)
def test_refusal_of__no_verdict(serve: Callable[..., Server], behaviour: Behaviour, verdict: SlackVerdict) -> None:
    with pytest.raises(SlackProblem) as caught:
        client(serve(behaviour).url).refusal_of("[]")
    assert caught.value.verdict is verdict


def test_a_good_call_is_one_debug_line(serve: Callable[..., Server], caplog: pytest.LogCaptureFixture) -> None:
    client(serve(http(200, DELIVERED, X_Slack_Req_Id="req-1")).url).post(MESSAGE)
    (record,) = [record for record in caplog.records if record.name == module.__name__]
    assert record.levelno == logging.DEBUG
    assert record.getMessage() == "POST chat.postMessage -> 200, 0 ms; request req-1"
    assert not record.exc_info


def test_each_call_stands_for_itself(serve: Callable[..., Server]) -> None:
    server = serve(http(200, DELIVERED), close, http(429, Retry_After="7"))
    slack = client(server.url)
    assert [slack.post(MESSAGE).verdict for _ in range(3)] == [
        SlackVerdict.DELIVERED,
        SlackVerdict.UNCERTAIN,
        SlackVerdict.LIMITED,
    ]
    server.close()
    assert slack.post(MESSAGE).verdict is SlackVerdict.NOT_SENT  # and not the answer before
    assert len(server.requests) == server.connections == 3


@pytest.mark.parametrize("blocks", ["{", "not JSON", "[1,"])
def test_blocks_that_are_no_json_are_refused_without_a_request(serve: Callable[..., Server], blocks: str) -> None:
    server = serve(http(200, DELIVERED))
    posted = client(server.url).post(Message("EUW1_1", "C1", "default", "text", blocks))
    assert posted.verdict is SlackVerdict.BLOCKS_REFUSED
    assert posted.error.startswith("the stored blocks are no JSON: ")
    assert server.connections == 0


# One request, whatever is answered


ANSWERED: dict[str, tuple[Behaviour, SlackVerdict, str]] = {
    "429": (http(429, Retry_After="7"), SlackVerdict.LIMITED, "ratelimited"),
    "refused": (http(200, {"ok": False, "error": "is_archived"}), SlackVerdict.CHANNEL_BROKEN, "is_archived"),
    "refused with 403": (
        http(403, {"ok": False, "error": "invalid_auth"}),
        SlackVerdict.TOKEN_REJECTED,
        "invalid_auth",
    ),
    "500 HTML": (http(500, b"<html>oops"), SlackVerdict.UNCERTAIN, "HTTP 500, <html>oops"),
    "500 JSON": (http(500, DELIVERED), SlackVerdict.UNCERTAIN, "HTTP 500"),
    "503 empty": (http(503), SlackVerdict.UNCERTAIN, "HTTP 503, an empty body"),
    "204": (http(204), SlackVerdict.UNCERTAIN, "HTTP 204"),
    "HTML": (http(200, b"<html>"), SlackVerdict.UNCERTAIN, "HTTP 200, <html>"),
    "empty": (http(200), SlackVerdict.UNCERTAIN, "HTTP 200, an empty body"),
    "half a JSON": (http(200, b'{"ok":tr'), SlackVerdict.UNCERTAIN, 'HTTP 200, {"ok":tr'),
    "null": (http(200, b"null"), SlackVerdict.UNCERTAIN, "HTTP 200, null"),
    "list": (http(200, [DELIVERED]), SlackVerdict.UNCERTAIN, "HTTP 200"),
    "not UTF-8": (http(200, b"\xff\xfe\xfd"), SlackVerdict.UNCERTAIN, "HTTP 200"),
    "unknown charset": (
        http(200, b"{}", Content_Type="text/plain; charset=klingon"),
        SlackVerdict.UNCERTAIN,
        "no error",
    ),
    "gzip by its type": (http(200, b"\x1f\x8b", Content_Type="application/gzip"), SlackVerdict.UNCERTAIN, "HTTP 200"),
    "ok without ts": (http(200, {"ok": True}), SlackVerdict.UNCERTAIN, "ok, but without a ts"),
    "cut in the body": (begin_and(close), SlackVerdict.UNCERTAIN, 'HTTP 200, (cut) {"ok": true'),
    "429 cut in the body": (
        raw(b"HTTP/1.1 429 Slow\r\nContent-Length: 9\r\n\r\n{"),
        SlackVerdict.LIMITED,
        "ratelimited",
    ),
    "cut in the headers": (raw(b"HTTP/1.1 200 OK\r\nContent-Le"), SlackVerdict.UNCERTAIN, "HTTP 200, an empty body"),
}


@pytest.mark.parametrize(("behaviour", "verdict", "error"), ANSWERED.values(), ids=ANSWERED)
def test_an_answer_is_judged_and_never_asked_for_twice(
    serve: Callable[..., Server], behaviour: Behaviour, verdict: SlackVerdict, error: str
) -> None:
    server = serve(behaviour, http(200, DELIVERED))
    posted = client(server.url).post(MESSAGE)
    assert (posted.verdict, posted.slack_ts) == (verdict, "")
    assert posted.error.startswith(error)
    assert len(server.requests) == server.connections == 1


def test_slacks_wait_reaches_the_verdict(serve: Callable[..., Server]) -> None:
    assert client(serve(http(429, Retry_After="7")).url).post(MESSAGE).wait == 7


LOST: dict[str, tuple[Behaviour, str]] = {
    "closed after the request": (close, "RemoteDisconnected"),
    "reset after the request": (reset, "ConnectionResetError"),
    "reset in the body": (begin_and(reset), "ConnectionResetError"),
    "broken chunks": (
        begin_and(close, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        "IncompleteRead",
    ),
    "garbage": (raw(b"\x00\x01\x02 nonsense\r\n\r\n"), "BadStatusLine"),
    "a cut status line": (raw(b"HTT"), "BadStatusLine"),
}


@pytest.mark.parametrize(("behaviour", "cause"), LOST.values(), ids=LOST)
def test_a_lost_answer_is_uncertain_after_exactly_one_request(
    serve: Callable[..., Server], caplog: pytest.LogCaptureFixture, behaviour: Behaviour, cause: str
) -> None:
    server = serve(behaviour, http(200, DELIVERED))
    posted = client(server.url).post(MESSAGE)
    assert posted.verdict is SlackVerdict.UNCERTAIN
    assert posted.error == f"no whole answer: {cause}"
    assert len(server.requests) == server.connections == 1
    record = caplog.records[-1]
    assert record.levelno == logging.WARNING
    assert record.exc_info  # every squelched error with its stack trace
    assert record.getMessage().startswith("POST chat.postMessage -> no whole answer")


@pytest.mark.parametrize("then", [close, reset], ids=["closed", "reset"])
def test_a_connection_that_ends_while_the_request_is_sent_is_uncertain(
    serve: Callable[..., Server], then: Behaviour
) -> None:
    def begin_to_read(connection: socket.socket) -> None:
        assert connection.recv(100)
        then(connection)

    server = serve(begin_to_read, before_reading=True)
    big = Message("EUW1_1", "C1", "default", "x" * 1_000_000, None)
    assert client(server.url).post(big).verdict is SlackVerdict.UNCERTAIN
    assert server.connections == 1
    assert server.requests == []


@pytest.mark.parametrize("behaviour", [hang, begin_and(hang), drip], ids=["silent", "stalls in the body", "drips"])
def test_a_call_ends_at_its_deadline_however_busy_the_server_is(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour
) -> None:
    monkeypatch.setattr(module, "LEAST_SECONDS", 0.01)
    server = serve(behaviour, http(200, DELIVERED))
    posted = client(server.url, seconds=1).post(MESSAGE)
    assert (posted.verdict, posted.error) == (SlackVerdict.UNCERTAIN, "no whole answer: DeadlineExceeded")
    assert len(server.requests) == server.connections == 1
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize(("left", "given"), [(100, 20), (20, 20), (12.5, 12.5), (5, 5), (1, 5), (0, 5)])
def test_a_post_gets_what_the_run_has_left_and_a_few_seconds_at_least(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, left: float, given: float
) -> None:
    asked: list[float] = []

    @contextmanager
    def deadline(seconds: float, _decided_at: float) -> Iterator[None]:
        asked.append(seconds)
        yield

    monkeypatch.setattr(module, "deadline", deadline)
    client(serve(http(200, DELIVERED)).url, left).post(MESSAGE)
    assert asked == [given]


def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_BODY", 100_000)
    server = serve(http(200, b" " * 200_000 + json.dumps(DELIVERED).encode()))
    posted = client(server.url).post(MESSAGE)
    assert (posted.verdict, posted.error) == (SlackVerdict.UNCERTAIN, "no whole answer: BodyTooLarge")
    assert len(server.requests) == 1


def test_ctrl_c_in_a_call_is_not_swallowed(serve: Callable[..., Server], request: pytest.FixtureRequest) -> None:
    main = threading.get_ident()
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, handler))

    def interrupt(connection: socket.socket) -> None:
        signal.pthread_kill(main, signal.SIGINT)
        hang(connection)

    server = serve(interrupt)
    with pytest.raises(KeyboardInterrupt):
        client(server.url).post(MESSAGE)
    assert len(server.requests) == 1
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_and_no_header_reaches_the_other_host(
    serve: Callable[..., Server], status: int
) -> None:
    other = serve(http(200, DELIVERED))
    server = serve(http(status, b"moved", Location=other.url + "chat.postMessage"))
    posted = client(server.url).post(MESSAGE)
    assert (posted.verdict, posted.error) == (SlackVerdict.UNCERTAIN, f"HTTP {status}, moved")
    assert (len(server.requests), other.connections) == (1, 0)


# Nothing was sent


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_a_refused_connection_is_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    posted = client(f"http://127.0.0.1:{free_port()}/api/").post(MESSAGE)
    assert posted.verdict is SlackVerdict.NOT_SENT
    assert posted.error == "Slack could not be reached: ConnectionRefusedError"
    assert caplog.records[-1].exc_info


def test_a_name_that_is_not_resolved_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_dns(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_dns)
    posted = client("https://slack.com/api/").post(MESSAGE)
    assert (posted.verdict, posted.error) == (SlackVerdict.NOT_SENT, "Slack could not be reached: gaierror")


def test_a_connection_that_does_not_stand_in_time_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> NoReturn:
        time.sleep(5)
        pytest.fail("no deadline")

    monkeypatch.setattr(module, "LEAST_SECONDS", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    posted = client("https://slack.com/api/", seconds=0).post(MESSAGE)
    assert (posted.verdict, posted.error) == (SlackVerdict.NOT_SENT, "Slack could not be reached: DeadlineExceeded")


@pytest.mark.parametrize("behaviour", [close, raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")], ids=["closes", "speaks HTTP"])
def test_tls_to_a_port_that_speaks_none_is_not_sent(serve: Callable[..., Server], behaviour: Behaviour) -> None:
    server = serve(behaviour, before_reading=True)
    posted = client(server.url.replace("http:", "https:")).post(MESSAGE)
    assert posted.verdict is SlackVerdict.NOT_SENT
    assert server.requests == []
    assert server.connections == 1


# TLS


def test_a_machine_that_slept_while_it_connected_sends_nothing(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No alarm rings meanwhile, and another machine may have announced it since."""
    moments = itertools.chain([100.0, 100.1], itertools.repeat(700.0))  # decided, looked at, connected
    monkeypatch.setattr("lolslackbot.transport.elapsed", lambda: next(moments))
    monkeypatch.setattr("lolslackbot.slack.client.elapsed", lambda: next(moments))
    server = serve(http(200, DELIVERED))
    posted = client(server.url).post(MESSAGE)
    assert (posted.verdict, posted.error) == (SlackVerdict.NOT_SENT, "Slack could not be reached: DeadlineExceeded")
    assert server.requests == []


@pytest.fixture
def tls() -> ssl.SSLContext:
    return tls_context()


def test_a_certificate_that_nobody_trusts_gets_no_request(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    server = serve(http(200, DELIVERED), tls=tls)
    posted = client(server.url).post(MESSAGE)
    assert posted.verdict is SlackVerdict.LOCAL_FAULT
    assert posted.error.startswith("the certificate of 127.0.0.1 is not trusted (self-signed certificate): ")
    assert [each for each in AUTHORITIES if each not in posted.error] == []
    assert server.requests == []


@pytest.fixture
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.mark.usefixtures("_trusted")
def test_a_post_over_tls_is_one_request_too(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    server = serve(http(200, DELIVERED), close, http(200, DELIVERED), tls=tls)
    slack = client(server.url)
    assert slack.post(MESSAGE).verdict is SlackVerdict.DELIVERED
    assert slack.post(MESSAGE).verdict is SlackVerdict.UNCERTAIN
    assert len(server.requests) == server.connections == 2


@pytest.mark.usefixtures("_trusted")
def test_a_certificate_for_another_name_gets_no_request(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    server = serve(http(200, DELIVERED), tls=tls)
    posted = client(server.url.replace("127.0.0.1", "localhost")).post(MESSAGE)
    assert (posted.verdict, server.requests) == (SlackVerdict.LOCAL_FAULT, [])
    assert posted.error.startswith("the certificate of localhost is not trusted (Hostname mismatch, ")


def _garbage_under_tls(connection: socket.socket) -> None:
    """Bytes that no key has made, on the connection below."""
    below = socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM)
    below.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    time.sleep(0.05)
    below.close()


@pytest.mark.usefixtures("_trusted")
def test_tls_that_breaks_after_the_request_is_uncertain(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    server = serve(_garbage_under_tls, tls=tls)
    assert client(server.url).post(MESSAGE).verdict is SlackVerdict.UNCERTAIN
    assert len(server.requests) == server.connections == 1


@pytest.mark.usefixtures("_trusted")
def test_tls_that_breaks_is_named(serve: Callable[..., Server], tls: ssl.SSLContext) -> None:
    server = serve(_garbage_under_tls, tls=tls)
    assert client(server.url).post(MESSAGE).error == "no whole answer: SSLError"


# Proxies


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_no_proxy_is_used_for_loopback(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    proxy, server = serve(http(200, DELIVERED)), serve(http(200, DELIVERED))
    monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert client(server.url).post(MESSAGE).verdict is SlackVerdict.DELIVERED
    assert (len(server.requests), proxy.connections) == (1, 0)


def test_a_proxy_that_refuses_gets_no_token_and_nothing_is_sent(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(http(407))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    posted = client("https://slack.example/api/").post(MESSAGE)
    assert posted.verdict is SlackVerdict.LOCAL_FAULT
    assert posted.error.startswith("the proxy refuses to connect to slack.example (407): set user and password in ")
    (request,) = proxy.requests
    assert request.head.startswith("CONNECT slack.example:443 ")
    assert TOKEN not in request.head


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_proxy_in_trouble_is_waited_for(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{serve(http(status)).port}")
    posted = client("https://slack.example/api/").post(MESSAGE)
    assert (posted.verdict, posted.error) == (SlackVerdict.NOT_SENT, "Slack could not be reached: OSError")


# A dead address


def test_each_address_has_a_share_of_the_calls_time_and_the_answer_all_of_it(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []
    connect = socket.create_connection

    def noted(address: tuple[str, int], timeout: float, source: None) -> socket.socket:
        tried.append(timeout)
        return connect(address, timeout, source)

    class Noted(socket.socket):
        def settimeout(self, seconds: float | None) -> None:
            waits.append(seconds)
            super().settimeout(seconds)

    waits: list[float | None] = []
    monkeypatch.setattr(socket, "create_connection", noted)
    monkeypatch.setattr(socket, "socket", Noted)
    server = serve(http(200, DELIVERED))
    assert client(server.url).post(MESSAGE).verdict is SlackVerdict.DELIVERED
    assert client(server.url, seconds=0).post(MESSAGE).verdict is SlackVerdict.DELIVERED  # with its five seconds
    assert tried == [5.0, pytest.approx(5 / 3)]
    assert waits.count(20.0) == 2


def test_the_second_address_is_tried_where_the_first_is_dead(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, port = serve(http(200, DELIVERED)), free_port()
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", each)) for each in (port, server.port)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    assert client(server.url).post(MESSAGE).verdict is SlackVerdict.DELIVERED


# Looking up


def test_who_we_are_is_asked_of_slack(serve: Callable[..., Server]) -> None:
    server = serve(
        http(200, {"ok": True, "bot_id": "B1", "app_id": "A1"}),
        http(200, {"ok": True, "bot_id": "B1"}),
        http(200, {"ok": True, "bot_id": "B1", "app_id": 7}),
    )
    slack = client(server.url)
    assert [slack.identity() for _ in range(3)] == [US, Identity("B1", ""), Identity("B1", "")]
    assert [request.path for request in server.requests] == ["/api/auth.test"] * 3


@pytest.mark.parametrize(
    ("behaviour", "verdict"),
    [
        (http(200, {"ok": True}), SlackVerdict.UNCERTAIN),
        (http(200, {"ok": True, "bot_id": ""}), SlackVerdict.UNCERTAIN),
        (http(200, {"ok": True, "bot_id": 7}), SlackVerdict.UNCERTAIN),
        (http(200, {"ok": False, "error": "invalid_auth"}), SlackVerdict.TOKEN_REJECTED),
        (http(429), SlackVerdict.LIMITED),
        (http(500), SlackVerdict.UNCERTAIN),
        (close, SlackVerdict.UNCERTAIN),
    ],
)
def test_who_we_are_may_not_be_told(serve: Callable[..., Server], behaviour: Behaviour, verdict: SlackVerdict) -> None:
    with pytest.raises(SlackProblem) as caught:
        client(serve(behaviour).url).identity()
    assert caught.value.verdict is verdict


def page(*keys: str, cursor: str = "", **headers: str) -> Behaviour:
    posts = [
        {
            "ts": f"{number}.5",
            "bot_id": "B1",
            "metadata": {"event_type": "lolslackbot_match", "event_payload": {"key": key}},
        }
        for number, key in enumerate(keys)
    ]
    document = {"ok": True, "messages": posts, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}
    return http(200, document, **headers)


def test_a_history_is_read_to_its_last_page(serve: Callable[..., Server]) -> None:
    server = serve(page("a", cursor="next="), page(cursor="last="), page("b", Date="Mon, 23 Nov 2026 12:00:00 GMT"))
    history = client(server.url).history("C1", START, US)
    assert history.ts_by_key == {"a": "0.5", "b": "0.5"}
    assert history.now == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert {request.path for request in server.requests} == {"/api/conversations.history"}
    first, second, third = (request.form for request in server.requests)
    assert first == {
        "channel": "C1",
        "oldest": f"{START.timestamp():.6f}",
        "inclusive": "1",
        "include_all_metadata": "1",
        "limit": "200",
    }
    assert second == {**first, "cursor": "next="}
    assert third == {**first, "cursor": "last="}


@pytest.mark.parametrize(
    ("behaviour", "verdict"),
    [
        (http(200, {"ok": False, "error": "not_in_channel"}), SlackVerdict.CHANNEL_BROKEN),
        (http(200, {"ok": False, "error": "missing_scope"}), SlackVerdict.TOKEN_REJECTED),
        (http(429), SlackVerdict.LIMITED),
        (http(200, {"ok": True}), SlackVerdict.UNCERTAIN),
        (http(200, {"ok": True, "messages": [], "has_more": True}), SlackVerdict.UNCERTAIN),
        (begin_and(close), SlackVerdict.UNCERTAIN),
    ],
)
def test_a_page_that_cannot_be_read_leaves_nothing_said(
    serve: Callable[..., Server], behaviour: Behaviour, verdict: SlackVerdict
) -> None:
    server = serve(page("a", cursor="next="), behaviour)
    with pytest.raises(SlackProblem) as caught:
        client(server.url).history("C1", START, US)
    assert caught.value.verdict is verdict
    assert len(server.requests) == 2


def test_a_history_out_of_reach_is_a_problem_too() -> None:
    with pytest.raises(SlackProblem, match="could not be reached") as caught:
        client(f"http://127.0.0.1:{free_port()}/api/").history("C1", START, US)
    assert caught.value.verdict is SlackVerdict.NOT_SENT


def test_a_thread_is_read_to_its_last_page(serve: Callable[..., Server]) -> None:
    server = serve(page("a", cursor="next="), page("b"))
    assert client(server.url).thread("C1", "1700000000.000100", US).ts_by_key == {"a": "0.5", "b": "0.5"}
    assert {request.path for request in server.requests} == {"/api/conversations.replies"}
    first, second = (request.form for request in server.requests)
    assert first == {"channel": "C1", "ts": "1700000000.000100", "include_all_metadata": "1", "limit": "200"}
    assert second == {**first, "cursor": "next="}


def test_a_thread_that_is_gone_has_nothing_of_ours(serve: Callable[..., Server]) -> None:
    server = serve(
        http(200, {"ok": False, "error": "thread_not_found"}), http(200, {"ok": False, "error": "not_in_channel"})
    )
    assert client(server.url).thread("C1", "1700000000.000100", US).ts_by_key == {}
    with pytest.raises(SlackProblem, match="not_in_channel"):
        client(server.url).thread("C1", "1700000000.000100", US)


def test_what_was_said_is_one_page_between_two_messages(serve: Callable[..., Server]) -> None:
    document = {"ok": True, "messages": [{"ts": "1700000000.000200", "user": "U1", "text": "<@U0BOT> list"}]}
    server = serve(http(200, document))
    us = Identity("B1", "A1", "U0BOT")
    slack = client(server.url)
    assert slack.said("C1", ("1700000000.000100", "1700000000.000300"), None, us).asked[0].words == "list"
    slack.said("C1", ("1700000000.000100", None), "next=", us)
    between, open_end = (request.form for request in server.requests)
    asked = {"channel": "C1", "oldest": "1700000000.000100", "limit": "200"}
    assert between == {**asked, "latest": "1700000000.000300"}
    assert open_end == {**asked, "cursor": "next="}


def test_a_reaction_is_one_request(serve: Callable[..., Server]) -> None:
    server = serve(http(200, {"ok": True}), close)
    slack = client(server.url)
    assert slack.react("C1", "1700000000.000100", "eyes").verdict is SlackVerdict.DELIVERED
    assert slack.react("C1", "1700000000.000100", "eyes").verdict is SlackVerdict.UNCERTAIN
    first, _ = server.requests
    assert first.path == "/api/reactions.add"
    assert first.form == {"channel": "C1", "timestamp": "1700000000.000100", "name": "eyes"}


def test_a_history_is_not_read_beyond_the_time_of_the_run(serve: Callable[..., Server]) -> None:
    server = serve(page("a", cursor="next="))
    left = iter([20.0, 20.0, 0.0])
    with pytest.raises(SlackProblem, match="time is up") as caught:
        SlackClient(TOKEN, server.url, FakeClock(), lambda: next(left)).history("C1", START, US)
    assert caught.value.verdict is SlackVerdict.UNCERTAIN
    assert len(server.requests) == 1


def test_a_history_without_end_is_given_up(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PAGES", 3)
    server = serve(page("a", cursor="next="))
    with pytest.raises(SlackProblem, match="longer than 3 pages"):
        client(server.url).history("C1", START, US)
    assert len(server.requests) == 3


@pytest.mark.parametrize("size", [b"-5", b"-1", b"ffffffffffffffffffff", b"zz"])
def test_a_chunk_of_a_size_that_cannot_be_leaves_the_outcome_open(serve: Callable[..., Server], size: bytes) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\n{}\r\n0\r\n\r\n"
    posted = client(serve(raw(chunked)).url).post(MESSAGE)
    assert posted.verdict is SlackVerdict.UNCERTAIN
    assert posted.error.startswith("no whole answer: ")


def test_a_large_answer_is_read_by_us_alone(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK reads without any bound: what it makes of it is not asked."""
    monkeypatch.setattr(module, "SDK_READS", 10)
    assert client(serve(http(200, DELIVERED)).url).post(MESSAGE).verdict is SlackVerdict.DELIVERED
    refused = client(serve(http(200, {"ok": False, "error": "is_archived"})).url).post(MESSAGE)
    assert (refused.verdict, refused.error) == (SlackVerdict.CHANNEL_BROKEN, "is_archived")
