"""One HTTP call per method: what goes out, what comes back, and what becomes of each way in which it can go wrong."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses
from raw_server import answering, drip, http
from support import START, FakeClock, puuid

from lolslackbot import transport
from lolslackbot.model import Account, RiotId, Window
from lolslackbot.riot import answers
from lolslackbot.riot import client as client_module
from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.riot.client import ACCOUNT, MATCH, MATCH_IDS, PLATFORM, Answer, Page, RiotClient
from lolslackbot.riot.limiter import Limiter, RateLimited
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.connect import read_only
from lolslackbot.store.database import Database
from lolslackbot.transport import HttpAnswer

KEY = "RGAPI-00000000-secret-0000-000000000000"
URL = "https://{routing}.riot.example"
ANYONE = RiotId("Some Body", "EUW")
PUUID = puuid(1)
IDS = f"/lol/match/v5/matches/by-puuid/{PUUID}/ids"
LIST_URL = f"https://europe.riot.example{IDS}"
MATCH_URL = "https://europe.riot.example/lol/match/v5/matches/EUW1_1"
ACCOUNTS = re.compile("https://europe.riot.example/riot/account/.*")
Mock = responses.RequestsMock


class CountingLimiter(Limiter):
    """The real one, which also writes down what it is asked."""

    def __init__(self, db: Database, clock: FakeClock) -> None:
        super().__init__(CallLog(db), clock, client_module.CALL_SECONDS)
        self.reserved: list[tuple[str, str]] = []
        self.finished: list[tuple[str, str, int | None]] = []

    def reserve(self, host: str, endpoint: str) -> int:
        call = super().reserve(host, endpoint)
        self.reserved.append((host, endpoint))
        return call

    def finish(self, call: int, host: str, endpoint: str, answer: HttpAnswer | None) -> None:
        super().finish(call, host, endpoint, answer)
        self.finished.append((host, endpoint, answer.status if answer else None))


@pytest.fixture
def limiter(db: Database, clock: FakeClock) -> CountingLimiter:
    return CountingLimiter(db, clock)


@pytest.fixture
def riot(limiter: CountingLimiter, clock: FakeClock) -> RiotClient:
    return RiotClient(KEY, URL, limiter, clock)


@pytest.fixture
def mock() -> Iterator[Mock]:
    with Mock() as mock:
        yield mock


def unchanged(answer: Answer) -> Answer:
    return answer


def get_match(riot: RiotClient, match_id: str = "EUW1_1") -> Any:
    with riot.match(match_id, lambda answer: answer.document) as document:
        return document


def get_list(riot: RiotClient, platform: str = "euw1", since: datetime = START, start: int = 0) -> Page:
    with riot.match_ids(PUUID, platform, since, start) as page:
        return page


def refusal_of(call: Callable[[], object]) -> RiotRefusal:
    with pytest.raises(RiotRefusal) as caught:
        call()
    return caught.value


def open_calls(db: Database) -> int:
    return len(db.rows("SELECT 1 FROM riot_calls WHERE open = 1"))


# What goes out


@pytest.mark.parametrize(
    ("ask", "endpoint", "url", "body"),
    [
        (
            lambda riot: riot.account(ANYONE, "kr"),
            ("asia", ACCOUNT),
            "https://asia.riot.example/riot/account/v1/accounts/by-riot-id/Some%20Body/EUW",
            {"puuid": PUUID},
        ),
        (
            lambda riot: riot.account(ANYONE, None),
            ("americas", ACCOUNT),
            "https://americas.riot.example/riot/account/v1/accounts/by-riot-id/Some%20Body/EUW",
            {"puuid": PUUID},
        ),
        (
            lambda riot: riot.account_of(PUUID, "oc1"),
            ("asia", ACCOUNT),  # not offered on sea
            f"https://asia.riot.example/riot/account/v1/accounts/by-puuid/{PUUID}",
            {"puuid": PUUID},
        ),
        (
            lambda riot: riot.platform(PUUID),
            ("americas", PLATFORM),
            f"https://americas.riot.example/riot/account/v1/region/by-game/lol/by-puuid/{PUUID}",
            {"puuid": PUUID, "game": "lol", "region": "euw1"},
        ),
        (
            lambda riot: get_list(riot, "oc1", datetime(2026, 1, 1, 0, 0, 7, 999_999, tzinfo=UTC), 200),
            ("sea", MATCH_IDS),
            f"https://sea.riot.example{IDS}?startTime=1767225607&start=200&count=100",
            [],
        ),
        (
            lambda riot: get_match(riot, "TH2_24825892"),
            ("sea", MATCH),
            "https://sea.riot.example/lol/match/v5/matches/TH2_24825892",
            {},
        ),
    ],
)
def test_request__one_to_the_right_host(
    riot: RiotClient,
    limiter: CountingLimiter,
    mock: Mock,
    ask: Callable[[RiotClient], object],
    endpoint: tuple[str, str],
    url: str,
    body: Any,
) -> None:
    """The key stands in its header and nowhere else."""
    mock.get(url.partition("?")[0], json=body)
    ask(riot)
    [call] = mock.calls
    assert (call.request.method, call.request.url, call.request.body) == ("GET", url, None)
    assert [name for name, value in call.request.headers.items() if KEY in str(value)] == ["X-Riot-Token"]
    assert limiter.reserved == [endpoint]
    assert limiter.finished == [(*endpoint, 200)]


@pytest.mark.parametrize(
    ("name", "tag", "path"),
    [
        ("Some Body", "EUW", "Some%20Body/EUW"),
        ("a/b", "c?d", "a%2Fb/c%3Fd"),
        ("50%", "%20", "50%25/%2520"),
        ("a#b&c=d+e", ";x", "a%23b%26c%3Dd%2Be/%3Bx"),
        ("Ñ龍", "한국", "%C3%91%E9%BE%8D/%ED%95%9C%EA%B5%AD"),
        ("~._-", "\U0001f600", "~._-/%F0%9F%98%80"),
    ],
)
def test_request__names_encoded_once(
    limiter: CountingLimiter, clock: FakeClock, name: str, tag: str, path: str
) -> None:
    """As seen on the wire."""
    with answering(http(200, b'{"puuid": "%s"}' % PUUID.encode())) as server:
        RiotClient(KEY, server.url, limiter, clock).account(RiotId(name, tag), "euw1")
    [request] = server.requests
    assert request.startswith(f"GET /europe/riot/account/v1/accounts/by-riot-id/{path} HTTP/1.1\r\n")


def test_match__unknown_platform(riot: RiotClient, limiter: CountingLimiter) -> None:
    with pytest.raises(KeyError):
        get_match(riot, "XX9_1")
    assert limiter.reserved == []


def test_call__ends_a_second_after_the_run(limiter: CountingLimiter, clock: FakeClock) -> None:
    with answering(drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")) as server:
        riot = RiotClient(KEY, server.url, limiter, clock, time_left=lambda: 0)
        assert str(refusal_of(lambda: get_match(riot))) == "no usable answer: no whole answer within 1 s"
    assert limiter.finished == [("europe", MATCH, None)]


# What comes back


@pytest.mark.parametrize(
    ("body", "account"),
    [
        ({"puuid": PUUID, "gameName": "Some Body", "tagLine": "EUW"}, Account(PUUID, ANYONE)),
        ({"puuid": PUUID}, Account(PUUID, None)),  # Riot may leave them out
        ({"puuid": PUUID, "gameName": "Some Body"}, Account(PUUID, None)),
        ({"puuid": PUUID, "gameName": "", "tagLine": "EUW"}, Account(PUUID, None)),
        ({"puuid": PUUID, "gameName": None, "tagLine": None}, Account(PUUID, None)),
        ({"puuid": PUUID, "gameName": "a\ud800", "tagLine": "x", "more": 1}, Account(PUUID, RiotId("a?", "x"))),
    ],
)
def test_account__read(riot: RiotClient, mock: Mock, body: dict[str, Any], account: Account) -> None:
    mock.get(ACCOUNTS, json=body)
    assert riot.account_of(PUUID, "euw1") == account
    assert riot.account(ANYONE, "euw1") == account


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ({"puuid": "0b1f3c9e-5a66-4f0e-9c53-8d1a2b3c4d5e"}, RiotVerdict.ODD_IDS),
        ({"puuid": PUUID + "x"}, RiotVerdict.ODD_IDS),
        ({"puuid": "\ud800" * 78}, RiotVerdict.ODD_IDS),
        ({"puuid": ""}, RiotVerdict.UNAVAILABLE),
        ({"puuid": 7}, RiotVerdict.UNAVAILABLE),
        ({}, RiotVerdict.UNAVAILABLE),
        ([], RiotVerdict.UNAVAILABLE),
        (None, RiotVerdict.UNAVAILABLE),
        ({"puuid": PUUID, "gameName": 7, "tagLine": "x"}, RiotVerdict.UNAVAILABLE),
        ({"puuid": PUUID, "gameName": "x", "tagLine": ["x"]}, RiotVerdict.UNAVAILABLE),
    ],
)
def test_account__malformed(riot: RiotClient, mock: Mock, body: Any, verdict: RiotVerdict) -> None:
    mock.get(ACCOUNTS, body=json.dumps(body))
    refusal = refusal_of(lambda: riot.account(ANYONE, "euw1"))
    assert (refusal.verdict, refusal.status) == (verdict, 200)


@pytest.mark.parametrize(("region", "platform"), [("euw1", "euw1"), ("EUW1", "euw1"), ("kr", "kr"), ("th2", "th2")])
def test_platform__read(riot: RiotClient, mock: Mock, region: str, platform: str) -> None:
    mock.get(re.compile("https://americas.riot.example/.*"), json={"puuid": PUUID, "game": "lol", "region": region})
    assert riot.platform(PUUID) == platform


@pytest.mark.parametrize("body", [{"region": "pbe1"}, {"region": "europe"}, {"region": None}, {}, []])
def test_platform__unknown(riot: RiotClient, mock: Mock, body: Any) -> None:
    mock.get(re.compile("https://americas.riot.example/.*"), json=body)
    assert refusal_of(lambda: riot.platform(PUUID)).verdict is RiotVerdict.UNAVAILABLE


@pytest.mark.parametrize(
    ("body", "match_ids", "full", "odd"),
    [
        ([], (), False, None),
        (["EUW1_2", "EUW1_1"], ("EUW1_2", "EUW1_1"), False, None),
        ([f"EUW1_{n}" for n in range(99)], tuple(f"EUW1_{n}" for n in range(99)), False, None),
        ([f"EUW1_{n}" for n in range(100)], tuple(f"EUW1_{n}" for n in range(100)), True, None),
        (["x"] * 100, (), True, "100 malformed match ids (first: 'x')"),  # the next page may be good
        (["EUW1_2", "euw1_1"], ("EUW1_2",), False, "1 malformed match ids (first: 'euw1_1')"),
        (["TH2_1", "XX9_1"], ("TH2_1",), False, None),  # no host has the second: unroutable
        ([None, 7, "EUW1_1"], ("EUW1_1",), False, "2 malformed match ids (first: None)"),
        (["EUW1_1234567890123456789"], (), False, "1 malformed match ids (first: 'EUW1_1234567890123456789')"),
        (["EUW1_1/../2", "EUW1_1\n", "EUW1_١"], (), False, "3 malformed match ids (first: 'EUW1_1/../2')"),
        (["\ud800" * 80], (), False, "1 malformed match ids (first: " + repr("\ud800" * 80)[:60] + ")"),
        (["x" * 100], (), False, "1 malformed match ids (first: " + repr("x" * 60)[:60] + ")"),
        ([[[]] * 9], (), False, "1 malformed match ids (first: a list)"),
        ([{}], (), False, "1 malformed match ids (first: a dict)"),
    ],
)
def test_page__holds_what_can_be_asked_for(
    riot: RiotClient, mock: Mock, body: Any, match_ids: tuple[str, ...], full: bool, odd: str | None
) -> None:
    mock.get(LIST_URL, json=body)
    page = get_list(riot)
    assert (page.match_ids, page.full, page.odd) == (match_ids, full, odd)
    assert page.unroutable == tuple(value for value in body if value == "XX9_1")


@pytest.mark.parametrize("body", [{}, None, "EUW1_1", 7, ["EUW1_1"] * 101, [f"EUW1_{n}" for n in range(100_000)]])
def test_page__no_list_or_too_long(riot: RiotClient, limiter: CountingLimiter, mock: Mock, body: Any) -> None:
    """Refused before a transaction begins, and never taken for an empty list."""
    mock.get(LIST_URL, body=json.dumps(body))
    with pytest.raises(RiotRefusal) as refusal, riot.match_ids(PUUID, "euw1", START, 0):
        pytest.fail("nothing can be written of it")
    assert refusal.value.verdict is RiotVerdict.UNAVAILABLE
    assert limiter.finished == [("europe", MATCH_IDS, 200)]


def test_match__comes_with_its_bytes(riot: RiotClient, mock: Mock) -> None:
    body = '{ "metadata": {"matchId": "EUW1_1"},\n "info": "Ñ" }'.encode()
    mock.get(MATCH_URL, body=body)
    with riot.match("EUW1_1", unchanged) as answer:
        assert answer == Answer(body, {"metadata": {"matchId": "EUW1_1"}, "info": "Ñ"})


@pytest.mark.parametrize("status", [200, 404])
def test_clock_ahead__from_the_date_header(riot: RiotClient, mock: Mock, status: int) -> None:
    mock.get(MATCH_URL, json={}, status=status, headers={"Date": "Mon, 23 Nov 2026 11:00:00 GMT"})
    assert riot.clock_ahead is None
    with suppress(RiotRefusal):
        get_match(riot)
    mock.replace(responses.GET, MATCH_URL, json={})
    get_match(riot)
    assert riot.clock_ahead == timedelta(hours=1)


# What goes wrong


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 302, 204])
def test_refusal__finishes_the_call_once(riot: RiotClient, limiter: CountingLimiter, mock: Mock, status: int) -> None:
    """The verdicts are in test_answers."""
    mock.get(MATCH_URL, status=status)
    assert refusal_of(lambda: get_match(riot)).status == status
    assert len(mock.calls) == 1
    assert limiter.finished == [("europe", MATCH, status)]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (requests.ConnectionError(f"refused, with {KEY} in it"), "ConnectionError"),
        (requests.exceptions.SSLError("certificate"), "SSLError"),
        (requests.ConnectTimeout("slow"), "ConnectTimeout"),
        (requests.ReadTimeout("slow"), "ReadTimeout"),
        (OverflowError("odd"), "OverflowError"),
        (transport.DeadlineExceeded("no whole answer within 15 s"), "no whole answer within 15 s"),
        (transport.BodyTooLarge("the answer is larger than 1000 bytes"), "the answer is larger than 1000 bytes"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_answer__finishes_the_call_once(
    riot: RiotClient, limiter: CountingLimiter, mock: Mock, db: Database, error: Exception, cause: str
) -> None:
    mock.get(MATCH_URL, body=error)
    refusal = refusal_of(lambda: get_match(riot))
    assert (refusal.verdict, refusal.status) == (RiotVerdict.UNAVAILABLE, None)
    assert str(refusal) == f"no usable answer: {cause}"
    assert refusal.__cause__ is error
    assert limiter.finished == [("europe", MATCH, None)]
    assert open_calls(db) == 0


def test_bug__stays_one_and_leaves_the_call_open(
    riot: RiotClient, limiter: CountingLimiter, mock: Mock, db: Database
) -> None:
    mock.get(MATCH_URL, body=ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        get_match(riot)
    assert limiter.finished == []
    assert open_calls(db) == 1


def test_rate_limited__nothing_is_sent(riot: RiotClient, limiter: CountingLimiter, mock: Mock) -> None:
    mock.get(MATCH_URL, json={}, headers={"X-App-Rate-Limit": "1:10", "X-App-Rate-Limit-Count": "1:10"})
    get_match(riot)
    for _ in range(3):
        with pytest.raises(RateLimited):
            get_match(riot)
    assert len(mock.calls) == 1
    assert limiter.reserved == [("europe", MATCH)]


# Transactions


@pytest.mark.parametrize("status", [200, 404, 429, 500])
def test_answer__parsed_outside_any_transaction(
    db: Database, riot: RiotClient, mock: Mock, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    parse, parsed = transport.parse_json, []

    def outside(body: bytes) -> Any:
        db.try_writing()  # which begins a transaction: none is open
        parsed.append(body)
        return parse(body)

    monkeypatch.setattr(answers, "parse_json", outside)
    mock.get(MATCH_URL, status=status, json={"message": "Rate limit"})
    with suppress(RiotRefusal):
        get_match(riot)
    assert parsed


def test_call__ends_in_the_commit_of_what_is_written(riot: RiotClient, mock: Mock, db: Database) -> None:
    mock.get(MATCH_URL, json={})
    with riot.match("EUW1_1", unchanged), read_only(db.path) as other:
        assert other.row("SELECT 1 FROM riot_calls WHERE open = 1")
    assert open_calls(db) == 0


def test_call__ends_even_if_writing_fails(riot: RiotClient, mock: Mock, db: Database) -> None:
    """What was written is rolled back, not what the limiter learned."""
    mock.get(MATCH_URL, json={}, headers={"X-App-Rate-Limit": "20:1", "X-App-Rate-Limit-Count": "1:1"})
    with pytest.raises(ValueError, match="half-way"), riot.match("EUW1_1", unchanged):
        with db.transaction():
            db.write("INSERT INTO channels (channel_id) VALUES ('C1')")
        raise ValueError("half-way")
    assert open_calls(db) == 0
    assert CallLog(db).state("europe", "")[""].windows == (Window(1, 20),)
    assert db.rows("SELECT * FROM channels") == []


# Secrets and the log


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403, "body": f"refused: X-Riot-Token: {KEY}"},  # some proxies quote the request
        {"status": 429, "body": f"refused: X-Riot-Token: {KEY}", "headers": {"Retry-After": KEY}},
        {"status": 500, "body": "<html>"},
        {"status": 200, "body": "{"},
        {"status": 200, "body": json.dumps([KEY])},
        {"body": requests.ConnectionError("refused")},
        {"body": transport.DeadlineExceeded("late")},
        {"body": transport.BodyTooLarge("large")},
    ],
    ids=lambda fault: str(fault.get("status", fault["body"])),
)
def test_key__never_in_errors_log_or_database(
    riot: RiotClient, mock: Mock, db: Database, caplog: pytest.LogCaptureFixture, fault: dict[str, Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    mock.get(LIST_URL, **fault)
    shown = []
    try:
        shown.append(str(get_list(riot)))
    except RiotRefusal as refusal:
        shown += [str(error) + repr(error) for error in (refusal, refusal.__cause__)]
    shown += [record.getMessage() for record in caplog.records]
    shown += [row["reason"] for row in db.rows("SELECT reason FROM holds")]
    assert caplog.records
    assert KEY not in "".join(shown)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ({"json": []}, "-> 200, 250 ms"),
        (
            {
                "json": [],
                "headers": {
                    "X-App-Rate-Limit": "20:1,100:120",
                    "X-App-Rate-Limit-Count": "1:1,2:120",
                    "X-Method-Rate-Limit": "2000:10",
                },
            },
            "-> 200, 250 ms; x-app-rate-limit: 20:1,100:120 (1:1,2:120 used); x-method-rate-limit: 2000:10",
        ),
        (
            {
                "status": 429,
                "body": '{"status":{"message":"Rate limit exceeded"}}',
                "headers": {"X-Rate-Limit-Type": "service", "Retry-After": "3"},
            },
            "-> 429, 250 ms; x-rate-limit-type: service; retry-after: 3; Rate limit exceeded",
        ),
        ({"status": 503}, "-> 503, 250 ms; (no message)"),
        ({"body": requests.ReadTimeout("slow")}, "-> ReadTimeout('slow'), 250 ms"),
    ],
    ids=["200", "200 with limits", "429", "503", "silence"],
)
def test_log__one_debug_line_a_call(
    riot: RiotClient,
    mock: Mock,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    answer: dict[str, Any],
    line: str,
) -> None:
    fetch = riot._session.fetch

    def slowly(*arguments: Any) -> HttpAnswer:
        clock.advance(0.25)
        return fetch(*arguments)

    monkeypatch.setattr(riot._session, "fetch", slowly)
    caplog.set_level(logging.DEBUG, "lolslackbot.riot.client")
    mock.get(LIST_URL, **answer)
    with suppress(RiotRefusal):
        get_list(riot)
    lines = [record.getMessage() for record in caplog.records if record.name == "lolslackbot.riot.client"]
    assert lines == [f"GET europe{IDS} {line}"]
