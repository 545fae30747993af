"""Answers of every odd form, sent from loopback: each call ends in a verdict, soon and in little room.

The status line, the headers and the body are made up by Hypothesis. The clock goes on by more than a day between two
answers, so that nothing that any of them states may hold the next one back.
"""

import gc
import gzip
import json
import logging
import resource
import socket
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from support import START, FakeClock, puuid

from lolslackbot.model import Message, RiotId
from lolslackbot.riot.answers import RiotRefusal
from lolslackbot.riot.client import CALL_SECONDS, RiotClient
from lolslackbot.riot.data_dragon import DataDragon
from lolslackbot.riot.limiter import Limiter
from lolslackbot.slack.answers import Identity, SlackProblem
from lolslackbot.slack.client import SlackClient
from lolslackbot.stages.fetch_match import read_answer
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.connect import create_database
from lolslackbot.store.database import Database
from proof.frame import Part, Tally

ANSWERS = 20_000
SECONDS = 1.0  # of computing that one answer may cost
ROOM = 64 * 2**20  # bytes that one answer may take
MATCH_ID = "EUW1_7000000001"
PUUID = puuid(1)
LEFT_OPEN = 20  # connections
LARGE = 4 * 2**20 - 100  # as much as a client reads


# What a server may say

WORDS = st.one_of(
    st.sampled_from(
        ["", " ", "0", "-1", "-5", "1", "60", "999999999", "9" * 5000, "1e9", "NaN", "0x10", "\t", "x" * 70_000]
    ),
    st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=40),
)
PAIRS = st.sampled_from(
    ["20:1,100:120", "1:99999999", "0:0", "-1:5", "5:-1", "1:1," * 9000, ":", "999999999:999999999"]
)
DATES = st.one_of(
    st.builds(
        "Mon, {} Nov {} {}:{}:00 {}".format, *[st.integers(-1, 99)] * 4, st.sampled_from(["GMT", "+0100", "+9999"])
    ),
    st.builds(
        "Mon, 23 Nov {} 12:00:00 {}".format, st.integers(), st.sampled_from(["GMT", "+99999999999999999999", "-0000"])
    ),
    WORDS,
)
ODD_HEADERS: dict[str, st.SearchStrategy[str]] = {
    "Date": DATES,
    "Content-Length": WORDS,
    "Transfer-Encoding": st.sampled_from(["chunked", "chunked, chunked", "gzip, chunked", "identity", ""]),
    "Content-Encoding": st.sampled_from(["gzip", "deflate", "br", "zstd", "gzip, gzip, gzip, gzip, gzip, gzip", "x"]),
    "Content-Type": st.one_of(
        st.sampled_from(["application/json; charset=utf-7", "text/html", ";;;", 'a; b="']), WORDS
    ),
    "Connection": st.sampled_from(["close", "keep-alive", "upgrade"]),
    "Location": st.one_of(st.sampled_from(["http://127.0.0.1:1/", "//[", "file:///etc/passwd"]), WORDS),
    "Set-Cookie": st.one_of(
        st.sampled_from(["a=b; Max-Age=" + "9" * 30, "a=b; Expires=Mon, 99 Foo 99999", "=;;="]), WORDS
    ),
    "Retry-After": WORDS,
    "X-Rate-Limit-Type": st.one_of(st.sampled_from(["application", "method", "service"]), WORDS),
    "X-App-Rate-Limit": st.one_of(PAIRS, WORDS),
    "X-App-Rate-Limit-Count": st.one_of(PAIRS, WORDS),
    "X-Method-Rate-Limit": st.one_of(PAIRS, WORDS),
    "X-OAuth-Scopes": WORDS,
    "X-Slack-Req-Id": WORDS,
}
HEADER = st.one_of(
    st.sampled_from(sorted(ODD_HEADERS)).flatmap(lambda name: st.tuples(st.just(name), ODD_HEADERS[name])),
    st.tuples(WORDS, WORDS),
)
STATUS_LINES = st.one_of(
    st.sampled_from([200, 200, 200, 200, 204, 206, 301, 400, 401, 403, 404, 429, 500, 503, 599]).map(
        "HTTP/1.1 {} OK".format
    ),
    st.sampled_from(
        ["", "HTTP/1.1", "HTTP/1.1 99 X", "HTTP/1.1 -200 X", "HTTP/9.9 200", "ICY 200 OK", "HTTP/1.1 20０ X"]
    ),
    st.integers(-10, 10_000).map("HTTP/1.0 {}".format),
    WORDS,
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=8,
)


def _repeated(piece: bytes) -> bytes:
    return piece * (LARGE // len(piece))


HUGE: tuple[Callable[[], bytes], ...] = (
    lambda: b"[" + _repeated(b"[],") + b"[]]",
    lambda: b"[" + _repeated(b"{},") + b"{}]",
    lambda: b"[" + _repeated(b'"aa",') + b'""]',
    lambda: b"[" + _repeated(b"1.5,") + b"1]",
    lambda: b"[" + _repeated(b"[") + b"]",
    lambda: b'"' + _repeated(b"x") + b'"',
    lambda: b'{"error":"' + _repeated(b"x") + b'"}',
    lambda: _repeated(b"9"),
    lambda: b"0." + _repeated(b"9"),
    lambda: _repeated(b"9" * 4000 + b","),
    lambda: json.dumps([f"EUW1_{number}" for number in range(100_000)]).encode(),
    lambda: json.dumps({**_match(), "padding": "x" * (LARGE - 5000)}).encode(),
    lambda: json.dumps(_match(participants=[_participant(1)] * 2000)).encode(),
    lambda: _repeated(b"\x00") + b"\x00" * 4096,  # more than is read
)
DEEP = tuple(
    b'{"ok": true, "error": %s, "message": %s}' % (2 * (b"[" * depth + b"]" * depth,)) for depth in (50, 900, 990)
)


def _participant(number: int, **changes: Any) -> dict[str, Any]:
    told = {"win": True, "championId": 103, "kills": 7, "deaths": 2, "assists": 9, "timePlayed": 1800}
    return {"puuid": puuid(number), "riotIdGameName": f"Player {number}", "riotIdTagline": "EUW", **told, **changes}


def _match(**changes: Any) -> dict[str, Any]:
    info = {"gameMode": "CLASSIC", "queueId": 420, "gameStartTimestamp": 1_763_900_000_000, "gameDuration": 1800}
    info["participants"] = [_participant(1), _participant(2)]
    return {"metadata": {"matchId": MATCH_ID}, "info": {**info, **changes}}


def _slack(**changes: Any) -> dict[str, Any]:
    ours = {"event_type": "lolslackbot_match", "event_payload": {"key": "EUW1_1:C1"}}
    history = [{"bot_id": "B1", "ts": "1.5", "metadata": ours}]
    answer = {"ok": True, "channel": "C1", "ts": "1700000000.000100", "bot_id": "B1", "messages": history}
    return {**answer, **changes}


INFO = ("participants", "queueId", "gameMode", "gameStartTimestamp", "gameDuration", "gameEndTimestamp")
FIELDS = (
    "puuid",
    "win",
    "championId",
    "kills",
    "teamId",
    "riotIdGameName",
    "timePlayed",
    "playerSubteamId",
    "placement",
)
SLACK = ("ok", "error", "errors", "needed", "channel", "ts", "bot_id", "messages", "response_metadata", "has_more")
NUMBERS = st.one_of(VALUES, st.integers(-(10**30), 10**30), st.floats())

RIOT_BODIES = st.one_of(
    st.dictionaries(st.sampled_from(INFO), NUMBERS, max_size=2).map(lambda changes: _match(**changes)),
    st.dictionaries(st.sampled_from(FIELDS), NUMBERS, max_size=2).map(
        lambda changes: _match(participants=[_participant(1), _participant(2, **changes)], gameMode="CHERRY")
    ),
    st.lists(st.one_of(st.just(MATCH_ID), VALUES), max_size=120),
    st.fixed_dictionaries({"puuid": st.one_of(st.just(PUUID), VALUES), "region": VALUES, "gameName": VALUES}),
    st.fixed_dictionaries({"data": st.dictionaries(st.text(max_size=3), VALUES, max_size=3), "status": VALUES}),
    VALUES,
)
SLACK_BODIES = st.one_of(
    st.dictionaries(st.sampled_from(SLACK), NUMBERS, max_size=3).map(lambda changes: _slack(**changes)),
    st.lists(VALUES, max_size=3).map(lambda messages: _slack(messages=messages)),
    VALUES,
)


class Answer(NamedTuple):
    """What a server says, and how its body is packed into pieces."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    chunks: str | None  # the size that the first chunk claims; None: not chunked
    packed: bool

    @property
    def raw(self) -> bytes:
        body = gzip.compress(self.body, 1) if self.packed else self.body
        headers = list(self.headers)
        if self.packed:
            headers.append(("Content-Encoding", "gzip"))
        if self.chunks is not None:
            headers.append(("Transfer-Encoding", "chunked"))
            size = self.chunks.encode("latin-1", "replace") or b"%x" % len(body)
            body = size + b"\r\n" + body + b"\r\n0\r\n\r\n"
        elif all(name.lower() != "content-length" for name, _ in headers):
            headers.append(("Content-Length", str(len(body))))
        head = "\r\n".join([self.status, *[f"{name}: {value}" for name, value in headers]])
        return head.encode("latin-1", "replace") + b"\r\n\r\n" + body

    def __repr__(self) -> str:
        return f"{self.status[:60]!r} {str(self.headers)[:300]} {self.chunks!r} {self.body[:200]!r} ({len(self.body)})"


def answers(documents: st.SearchStrategy[Any]) -> st.SearchStrategy[Answer]:
    """Most are odd in one place or two only: what is odd everywhere is refused at its first byte."""
    usual = documents.map(lambda document: json.dumps(document).encode())
    odd = st.one_of(st.binary(max_size=60), st.sampled_from(DEEP), usual.map(lambda body: body[:-3]))
    huge = st.sampled_from(HUGE).map(lambda make: make())
    bodies = st.integers(0, 99).flatmap(lambda dice: huge if dice == 0 else odd if dice < 15 else usual)
    sizes = st.one_of(
        st.just(""), st.sampled_from(["-5", "-1", "-0", "FFFFFFFFFFFFFFFFFFFF", "1_0", "", "5;x", "zz"]), WORDS
    )
    return st.builds(
        Answer,
        st.one_of(st.just("HTTP/1.1 200 OK"), STATUS_LINES),
        st.lists(HEADER, max_size=4),
        bodies,
        st.one_of(st.none(), st.none(), sizes),
        st.sampled_from([False, False, False, True]),
    )


class Server:
    """Sends what it is told to next, whole, to whoever asks anything, and hangs up."""

    def __init__(self) -> None:
        self.next = b""
        self._last: deque[socket.socket] = deque()  # closed at once, what is not read yet would be lost
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            self._last.append(connection)
            with suppress(OSError):
                connection.settimeout(5)
                connection.recv(65536)
                connection.sendall(self.next)
                connection.shutdown(socket.SHUT_WR)
            if len(self._last) > LEFT_OPEN:
                self._last.popleft().close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        while self._last:
            self._last.popleft().close()


# What is asked


def riot_calls(server: Server, db: Database, clock: FakeClock) -> list[Callable[[], object]]:
    """Each call that the bot makes to Riot."""
    limiter = Limiter(CallLog(db), clock, CALL_SECONDS)
    riot = RiotClient("RGAPI-key", server.url + "/{routing}", limiter, clock)
    dragon = DataDragon(server.url, clock, lambda: 10.0)

    def match() -> None:
        with riot.match(MATCH_ID, partial(read_answer, MATCH_ID)), db.transaction():
            pass

    def match_ids() -> None:
        with riot.match_ids(PUUID, "euw1", START, 0) as page:
            assert len(page.match_ids) <= 100

    return [
        match,
        match,
        match_ids,
        match_ids,
        lambda: riot.account(RiotId("Some Body", "EUW"), "euw1"),
        lambda: riot.platform(PUUID),
        dragon.newest_version,
        lambda: dragon.champions("16.1.1"),
    ]


def slack_calls(server: Server, clock: FakeClock) -> list[Callable[[], object]]:
    """Each call that the bot makes to Slack."""
    slack = SlackClient("xoxb-token", f"{server.url}/api/", clock)
    message = Message("EUW1_1", "C1", "default", "Victory", None)
    return [
        lambda: slack.post(message),
        lambda: slack.post(message),
        slack.identity,
        slack.standing,
        lambda: slack.channel_info("C1"),
        lambda: slack.cannot_read("C1"),
        lambda: slack.history("C1", START, Identity("B1", "A1")),
    ]


def _room() -> int:
    """The most memory that this process has had so far, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _tried(calls: list[Callable[[], object]], server: Server, clock: FakeClock, bodies: Any, number: int) -> Tally:
    logging.getLogger().addHandler(logging.NullHandler())  # else each odd answer is a warning on stderr
    tally = Tally()
    most = 0.0

    @seed(20_261_127)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(answers(bodies), st.sampled_from(calls))
    def one(answer: Answer, call: Callable[[], object]) -> None:
        nonlocal most
        server.next = answer.raw
        clock.advance(timedelta(days=1, seconds=30).total_seconds())
        if clock.moment.year > 2100:
            clock.moment = datetime(2026, 11, 23, tzinfo=UTC)
        before, began = _room(), time.thread_time()
        tally.points += 1
        gc.disable()  # else now and then an answer pays for what Hypothesis left behind
        try:
            call()
        except (RiotRefusal, SlackProblem):
            pass
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            tally.violations.append(f"{type(error).__name__}: {error} after {answer!r}")
        finally:
            gc.enable()
        took, grown = time.thread_time() - began, _room() - before
        most = max(most, took)
        if took > SECONDS:
            tally.violations.append(f"{took:.1f} s for {answer!r}")
        if grown > ROOM:
            tally.violations.append(f"{grown // 2**20} MiB for {answer!r}")

    one()
    tally.notes.append(f"at most {most:.2f} s of computing for an answer")
    return tally


@contextmanager
def _database() -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder, closing(create_database(str(Path(folder, "lolslackbot.db")))) as db:
        yield db


def prove_riot(share: float) -> Tally:
    """Riot's answers, and Data Dragon's."""
    server, clock = Server(), FakeClock()
    with closing(server), _database() as db:
        return _tried(riot_calls(server, db, clock), server, clock, RIOT_BODIES, max(1, round(ANSWERS * share)))


def prove_slack(share: float) -> Tally:
    """Slack's answers."""
    server, clock = Server(), FakeClock()
    with closing(server):
        return _tried(slack_calls(server, clock), server, clock, SLACK_BODIES, max(1, round(ANSWERS * share)))


PARTS = [
    Part("answers of Riot", "each odd answer ends in a verdict, within a second and 64 MiB", prove_riot),
    Part("answers of Slack", "the same for Slack", prove_slack),
]
