"""One call a method: what goes out, what comes back, and what becomes of every way in which it can go wrong."""

import gzip
import json
import logging
import re
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
import requests
import responses
from support import START, FakeClock, puuid

from lolslackbot import transport
from lolslackbot.model import Account, RiotId, Window
from lolslackbot.riot import answers
from lolslackbot.riot import client as client_module
from lolslackbot.riot.answers import RiotRefusal, Verdict
from lolslackbot.riot.client import ACCOUNT, MATCH, MATCH_IDS, PLATFORM, Answer, Page, RiotClient
from lolslackbot.riot.limiter import Limiter, RateLimited
from lolslackbot.riot.session import NoRedirectSession, _TrustingAdapter
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.database import Database, read_only
from lolslackbot.transport import HttpAnswer

KEY = "RGAPI-00000000-secret-0000-000000000000"
URL = "https://{routing}.riot.example"
ANYONE = RiotId("Some Body", "EUW")
PUUID = puuid(1)
IDS = f"/lol/match/v5/matches/by-puuid/{PUUID}/ids"


class CountingLimiter(Limiter):
    """The real one, which also writes down what it is told."""

    def __init__(self, db: Database, clock: FakeClock) -> None:
        super().__init__(CallLog(db), clock, client_module.CALL_SECONDS)
        self.reserved: list[tuple[str, str]] = []
        self.finished: list[tuple[str, str, int | None]] = []

    def reserve(self, routing: str, endpoint: str) -> int:
        call = super().reserve(routing, endpoint)
        self.reserved.append((routing, endpoint))
        return call

    def finish(self, call: int, routing: str, endpoint: str, answer: HttpAnswer | None) -> None:
        super().finish(call, routing, endpoint, answer)
        self.finished.append((routing, endpoint, answer.status if answer else None))


@pytest.fixture
def limiter(db: Database, clock: FakeClock) -> CountingLimiter:
    return CountingLimiter(db, clock)


@pytest.fixture
def riot(limiter: CountingLimiter, clock: FakeClock) -> RiotClient:
    return RiotClient(KEY, URL, limiter, clock)


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def as_it_is(answer: Answer) -> Answer:
    return answer


def ask_match(riot: RiotClient, match_id: str = "EUW1_1") -> Any:
    with riot.match(match_id, lambda answer: answer.document) as document:
        return document


def ask_list(riot: RiotClient, platform: str = "euw1", since: datetime = START, start: int = 0) -> Page:
    with riot.match_ids(PUUID, platform, since, start) as page:
        return page


def open_calls(db: Database) -> int:
    row = db.row("SELECT COUNT(*) AS open FROM riot_calls WHERE open = 1")
    assert row
    return int(row["open"])


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
            lambda riot: ask_list(riot, "oc1", start=200),
            ("sea", MATCH_IDS),
            f"https://sea.riot.example{IDS}?startTime=1795435200&start=200&count=100",
            [],
        ),
        (
            lambda riot: ask_match(riot, "TH2_24825892"),
            ("sea", MATCH),
            "https://sea.riot.example/lol/match/v5/matches/TH2_24825892",
            {},
        ),
    ],
)
def test_each_endpoint_is_asked_once_at_its_host(
    riot: RiotClient,
    limiter: CountingLimiter,
    http: responses.RequestsMock,
    ask: Callable[[RiotClient], object],
    endpoint: tuple[str, str],
    url: str,
    body: Any,
) -> None:
    http.get(url.partition("?")[0], json=body)
    ask(riot)
    [call] = http.calls
    assert call.request.url == url
    assert call.request.method == "GET"
    assert call.request.body is None
    assert limiter.reserved == [endpoint]
    assert limiter.finished == [(*endpoint, 200)]


def test_start_time_is_in_whole_seconds(riot: RiotClient, http: responses.RequestsMock) -> None:
    http.get(f"https://europe.riot.example{IDS}", json=[])
    ask_list(riot, since=datetime(2026, 1, 1, 0, 0, 7, 999_999, tzinfo=UTC))
    assert "startTime=1767225607&" in str(http.calls[0].request.url)


def test_the_key_goes_into_its_header_and_nowhere_else(riot: RiotClient, http: responses.RequestsMock) -> None:
    http.get(f"https://europe.riot.example{IDS}", json=[])
    ask_list(riot)
    request = http.calls[0].request
    assert request.headers["X-Riot-Token"] == KEY
    assert [name for name, value in request.headers.items() if KEY in str(value)] == ["X-Riot-Token"]
    assert KEY not in str(request.url)


def test_a_cookie_is_not_sent_back(riot: RiotClient, http: responses.RequestsMock) -> None:
    answer = http.get(
        "https://europe.riot.example/lol/match/v5/matches/EUW1_1", json={}, headers={"Set-Cookie": "who=us"}
    )
    for _ in range(2):
        with riot.match("EUW1_1", as_it_is):
            pass
    assert answer.call_count == 2
    assert "Cookie" not in http.calls[1].request.headers


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
def test_names_are_percent_encoded_exactly_once_on_the_wire(
    limiter: CountingLimiter, clock: FakeClock, name: str, tag: str, path: str
) -> None:
    with answering(whole(b'{"puuid": "%s"}' % PUUID.encode())) as server:
        RiotClient(KEY, server.url, limiter, clock).account(RiotId(name, tag), "euw1")
    [request] = server.requests
    assert request.startswith(f"GET /europe/riot/account/v1/accounts/by-riot-id/{path} HTTP/1.1\r\n")


def test_neither_proxies_nor_passwords_come_from_files_nobody_thinks_of(
    riot: RiotClient, http: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    http.get("https://europe.riot.example/lol/match/v5/matches/EUW1_1", json={})
    ask_match(riot)
    assert "Authorization" not in http.calls[0].request.headers
    assert not riot._session.trust_env


def test_the_proxy_of_the_environment_is_used_for_hosts_elsewhere_only(
    riot: RiotClient, limiter: CountingLimiter, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(b"HTTP/1.1 502 no\r\nContent-Length: 0\r\n\r\n", whole(b"{}")) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.root)
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        with pytest.raises(RiotRefusal, match="^no usable answer: ProxyError$"):
            ask_match(riot)
        assert ask_match(RiotClient(KEY, server.url, limiter, clock)) == {}
    through_the_proxy, direct = server.requests
    assert through_the_proxy.startswith("CONNECT europe.riot.example:443 ")
    assert KEY not in through_the_proxy
    assert direct.startswith("GET /europe/lol/match/")


@pytest.mark.parametrize(
    ("status", "verdict", "words"),
    [
        (407, Verdict.LOCAL_FAULT, "the proxy refuses the way to europe.riot.example (407): it wants user and passw"),
        (403, Verdict.LOCAL_FAULT, "the proxy refuses the way to europe.riot.example (403): ask who runs it, or na"),
        (502, Verdict.UNAVAILABLE, "no usable answer: ProxyError"),
    ],
)
def test_what_the_proxy_answers_tells_whether_a_person_is_needed(
    riot: RiotClient,
    limiter: CountingLimiter,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    verdict: Verdict,
    words: str,
) -> None:
    with answering(f"HTTP/1.1 {status} no\r\nContent-Length: 0\r\n\r\n".encode()) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.root)
        with pytest.raises(RiotRefusal) as refusal:
            ask_match(riot)
    assert (refusal.value.verdict, str(refusal.value)[: len(words)]) == (verdict, words)
    assert limiter.finished == [("europe", MATCH, None)]


@pytest.mark.parametrize(("left", "connect"), [(60.0, 5.0), (5.0, 2.0), (0.0, 1 / 3)])
def test_each_address_has_a_share_of_the_calls_time(
    limiter: CountingLimiter, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, left: float, connect: float
) -> None:
    given: list[Any] = []

    def send(_session: requests.Session, _request: object, **how: Any) -> NoReturn:
        given.append(how["timeout"][0])
        raise requests.ConnectTimeout

    monkeypatch.setattr(NoRedirectSession, "send", send)
    with pytest.raises(RiotRefusal):
        ask_match(RiotClient(KEY, URL, limiter, clock, lambda: left))
    assert given == [pytest.approx(connect)]


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
def test_an_account_is_read(
    riot: RiotClient, http: responses.RequestsMock, body: dict[str, Any], account: Account
) -> None:
    http.get(re.compile("https://europe.riot.example/riot/account/.*"), json=body)
    assert riot.account_of(PUUID, "euw1") == account
    assert riot.account(ANYONE, "euw1") == account


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"puuid": "0b1f3c9e-5a66-4f0e-9c53-8d1a2b3c4d5e"}, "200, but a puuid of 36 characters instead of 78"),
        ({"puuid": PUUID + "x"}, "200, but a puuid of 79 characters instead of 78"),
        ({"puuid": "\ud800" * 78}, "200, but a puuid of 78 characters instead of 78"),
        ({"puuid": ""}, "200, but without puuid"),
        ({"puuid": 7}, "200, but without puuid"),
        ({}, "200, but without puuid"),
        ([], "200, but without puuid"),
        (None, "200, but without puuid"),
        ({"puuid": PUUID, "gameName": 7, "tagLine": "x"}, "200, but without gameName"),
        ({"puuid": PUUID, "gameName": "x", "tagLine": ["x"]}, "200, but without tagLine"),
    ],
)
def test_an_account_of_odd_form_is_never_taken(
    riot: RiotClient, http: responses.RequestsMock, body: Any, words: str
) -> None:
    http.get(re.compile("https://europe.riot.example/riot/account/.*"), body=json.dumps(body))
    with pytest.raises(RiotRefusal) as refusal:
        riot.account(ANYONE, "euw1")
    expected = Verdict.ODD_IDS if "characters" in words else Verdict.UNAVAILABLE
    assert (refusal.value.verdict, refusal.value.status, str(refusal.value)) == (expected, 200, words)


@pytest.mark.parametrize(("region", "platform"), [("euw1", "euw1"), ("EUW1", "euw1"), ("kr", "kr"), ("th2", "th2")])
def test_the_platform_of_a_player_is_read(
    riot: RiotClient, http: responses.RequestsMock, region: str, platform: str
) -> None:
    http.get(re.compile("https://americas.riot.example/.*"), json={"puuid": PUUID, "game": "lol", "region": region})
    assert riot.platform(PUUID) == platform


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"region": "pbe1"}, "200, but the unknown platform 'pbe1'"),
        ({"region": "europe"}, "200, but the unknown platform 'europe'"),
        ({"region": None}, "200, but without region"),
        ({}, "200, but without region"),
        ([], "200, but without region"),
    ],
)
def test_a_platform_nobody_knows_is_never_taken(
    riot: RiotClient, http: responses.RequestsMock, body: Any, words: str
) -> None:
    http.get(re.compile("https://americas.riot.example/.*"), json=body)
    with pytest.raises(RiotRefusal) as refusal:
        riot.platform(PUUID)
    assert (refusal.value.verdict, str(refusal.value)) == (Verdict.UNAVAILABLE, words)


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
    ],
)
def test_a_page_of_match_ids_holds_those_that_can_be_asked_for(
    riot: RiotClient, http: responses.RequestsMock, body: Any, match_ids: tuple[str, ...], full: bool, odd: str | None
) -> None:
    http.get(f"https://europe.riot.example{IDS}", json=body)
    page = ask_list(riot)
    assert (page.match_ids, page.full, page.odd) == (match_ids, full, odd)
    assert page.unroutable == tuple(each for each in body if each == "XX9_1")


@pytest.mark.parametrize("body", [{}, None, "EUW1_1", 7])
def test_what_is_no_list_is_no_empty_list(riot: RiotClient, http: responses.RequestsMock, body: Any) -> None:
    http.get(f"https://europe.riot.example{IDS}", body=json.dumps(body))
    with pytest.raises(RiotRefusal, match="^200, but no list$") as refusal:
        ask_list(riot)
    assert refusal.value.verdict is Verdict.UNAVAILABLE


@pytest.mark.parametrize("found", [["EUW1_1"] * 101, [f"EUW1_{n}" for n in range(100_000)]])
def test_more_ids_than_were_asked_for_are_refused_before_the_transaction_begins(
    riot: RiotClient, limiter: CountingLimiter, http: responses.RequestsMock, found: list[str]
) -> None:
    http.get(f"https://europe.riot.example{IDS}", json=found)
    refused = f"^200, but {len(found)} match ids instead of at most 100$"
    with pytest.raises(RiotRefusal, match=refused) as refusal, riot.match_ids(PUUID, "euw1", START, 0):
        pytest.fail("nothing can be written of it")
    assert refusal.value.verdict is Verdict.UNAVAILABLE
    assert limiter.finished == [("europe", MATCH_IDS, 200)]


def test_the_first_odd_id_is_shown_shortly_whatever_it_is(riot: RiotClient, http: responses.RequestsMock) -> None:
    for body, shown in ((["x" * 100], repr("x" * 60)[:60]), ([[[]] * 9], "a list"), ([{}], "a dict"), ([1.5], "1.5")):
        http.get(f"https://europe.riot.example{IDS}", json=body)
        assert ask_list(riot).odd == f"1 malformed match ids (first: {shown})"


@pytest.mark.parametrize("status", [200, 404, 429, 500])
def test_an_answer_is_read_before_the_transaction_begins(
    db: Database,
    riot: RiotClient,
    http: responses.RequestsMock,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    parse, reads = transport.parse_json, []

    def outside(body: bytes) -> Any:
        db.try_writing()  # which begins a transaction: none is open
        reads.append(body)
        return parse(body)

    monkeypatch.setattr(answers, "parse_json", outside)
    http.get("https://europe.riot.example/lol/match/v5/matches/EUW1_1", status=status, json={"message": "Rate limit"})
    with suppress(RiotRefusal):
        ask_match(riot)
    assert reads


def test_a_match_comes_back_with_its_bytes(riot: RiotClient, http: responses.RequestsMock) -> None:
    body = '{ "metadata": {"matchId": "EUW1_1"},\n "info": "Ñ" }'.encode()
    http.get("https://europe.riot.example/lol/match/v5/matches/EUW1_1", body=body)
    with riot.match("EUW1_1", as_it_is) as answer:
        assert answer.body == body
        assert answer.document == {"metadata": {"matchId": "EUW1_1"}, "info": "Ñ"}


def test_an_answer_with_a_date_tells_how_far_the_clock_is_ahead(riot: RiotClient, http: responses.RequestsMock) -> None:
    url = "https://europe.riot.example/lol/match/v5/matches/EUW1_1"
    assert riot.clock_ahead is None
    http.get(url, status=404, headers={"Date": "Mon, 23 Nov 2026 11:00:00 GMT"})
    http.get(url, json={})
    for _ in range(2):
        with suppress(RiotRefusal):
            ask_match(riot)
        assert riot.clock_ahead == timedelta(hours=1)


# What goes wrong


@pytest.mark.parametrize(
    ("status", "body", "verdict", "words"),
    [
        (400, '{"status":{"message":"Exception decrypting x"}}', Verdict.OTHER_KEY, "400 Exception decrypting x"),
        (400, '{"status":{"message":"Bad request"}}', Verdict.UNAVAILABLE, "400 Bad request"),
        (401, '{"status":{"message":"Unknown apikey"}}', Verdict.UNAUTHORIZED, "401 Unknown apikey"),
        (403, '{"status":{"message":"Forbidden"}}', Verdict.FORBIDDEN, "403 Forbidden"),
        (404, '{"status":{"message":"Data not found"}}', Verdict.NOT_FOUND, "404 Data not found"),
        (429, '{"status":{"message":"Rate limit exceeded"}}', Verdict.LIMITED, "429 Rate limit exceeded"),
        (500, "", Verdict.UNAVAILABLE, "500 (no message)"),
        (503, "<html>down</html>", Verdict.UNAVAILABLE, "503 <html>down</html>"),
        (302, "moved", Verdict.UNAVAILABLE, "302 moved"),
        (204, "", Verdict.UNAVAILABLE, "204 (no message)"),
        (200, "<html>", Verdict.UNAVAILABLE, "200, but no JSON: Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_each_refusal_is_raised_and_the_limiter_hears_of_it_once(
    riot: RiotClient,
    limiter: CountingLimiter,
    http: responses.RequestsMock,
    status: int,
    body: str,
    verdict: Verdict,
    words: str,
) -> None:
    http.get("https://europe.riot.example/lol/match/v5/matches/EUW1_1", status=status, body=body)
    with pytest.raises(RiotRefusal) as refusal:
        ask_match(riot)
    assert (refusal.value.verdict, refusal.value.status, str(refusal.value)) == (verdict, status, words)
    assert len(http.calls) == 1
    assert limiter.finished == [("europe", MATCH, status)]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.ConnectionError(f"refused, with {KEY} in it"), "ConnectionError"),
        (requests.exceptions.SSLError("certificate"), "SSLError"),
        (requests.ConnectTimeout("slow"), "ConnectTimeout"),
        (requests.ReadTimeout("slow"), "ReadTimeout"),
        (requests.exceptions.ChunkedEncodingError("cut"), "ChunkedEncodingError"),
        (requests.exceptions.ContentDecodingError("gzip"), "ContentDecodingError"),
        (requests.exceptions.InvalidHeader("odd"), "InvalidHeader"),
        (transport.DeadlineExceeded("no whole answer within 15 s"), "no whole answer within 15 s"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_answer_is_a_fault_that_passes_and_the_limiter_hears_of_it_once(
    riot: RiotClient,
    limiter: CountingLimiter,
    http: responses.RequestsMock,
    db: Database,
    error: Exception,
    words: str,
) -> None:
    http.get("https://europe.riot.example/lol/match/v5/matches/EUW1_1", body=error)
    with pytest.raises(RiotRefusal) as refusal:
        ask_match(riot)
    assert (refusal.value.verdict, refusal.value.status) == (Verdict.UNAVAILABLE, None)
    assert str(refusal.value) == f"no usable answer: {words}"
    assert refusal.value.__cause__ is error
    assert limiter.finished == [("europe", MATCH, None)]
    assert open_calls(db) == 0


def test_a_body_without_end_is_not_read(
    riot: RiotClient, limiter: CountingLimiter, http: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_BODY", 1000)
    http.get("https://europe.riot.example/lol/match/v5/matches/EUW1_1", body=b'"' + b"x" * 2000 + b'"')
    with pytest.raises(RiotRefusal, match="^no usable answer: the answer is larger than 1000 bytes$") as refusal:
        ask_match(riot)
    assert refusal.value.verdict is Verdict.UNAVAILABLE
    assert limiter.finished == [("europe", MATCH, None)]


def test_a_mistake_of_ours_stays_one_and_the_call_counts_as_open(
    riot: RiotClient, limiter: CountingLimiter, http: responses.RequestsMock, db: Database
) -> None:
    http.get("https://europe.riot.example/lol/match/v5/matches/EUW1_1", body=ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        ask_match(riot)
    assert limiter.finished == []
    assert open_calls(db) == 1


def test_what_the_limiter_forbids_is_not_sent(
    riot: RiotClient, limiter: CountingLimiter, http: responses.RequestsMock
) -> None:
    http.get(
        "https://europe.riot.example/lol/match/v5/matches/EUW1_1",
        json={},
        headers={"X-App-Rate-Limit": "1:10", "X-App-Rate-Limit-Count": "1:10"},
    )
    ask_match(riot)
    for _ in range(3):
        with pytest.raises(RateLimited, match="rate limit 1/10 s exhausted for europe"):
            ask_match(riot)
    assert len(http.calls) == 1
    assert limiter.reserved == [("europe", MATCH)]


def test_the_end_of_a_call_is_committed_with_what_is_made_of_its_answer(
    riot: RiotClient, http: responses.RequestsMock, db: Database
) -> None:
    http.get("https://europe.riot.example/lol/match/v5/matches/EUW1_1", json={})
    with riot.match("EUW1_1", as_it_is), read_only(db.path) as other:
        assert other.row("SELECT 1 FROM riot_calls WHERE open = 1")
    assert open_calls(db) == 0


def test_what_cannot_be_made_of_an_answer_does_not_take_back_that_the_call_was_made(
    riot: RiotClient, http: responses.RequestsMock, db: Database
) -> None:
    headers = {"X-App-Rate-Limit": "20:1", "X-App-Rate-Limit-Count": "1:1"}
    http.get("https://europe.riot.example/lol/match/v5/matches/EUW1_1", json={}, headers=headers)
    with pytest.raises(ValueError, match="half-way"), riot.match("EUW1_1", as_it_is):
        with db.transaction():
            db.write("INSERT INTO channels (channel_id) VALUES ('C1')")
        raise ValueError("half-way")
    assert open_calls(db) == 0
    assert CallLog(db).state("europe", "")[""].windows == (Window(1, 20),)
    assert db.rows("SELECT * FROM channels") == []


def test_a_match_of_an_unknown_platform_is_not_asked_for(riot: RiotClient, limiter: CountingLimiter) -> None:
    with pytest.raises(KeyError):
        ask_match(riot, "XX9_1")
    assert limiter.reserved == []


# A real server


def whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class RawServer:
    """A server on loopback that sends bytes as they are, one answer a connection, the last one again and again."""

    def __init__(self, answers: tuple[bytes | Callable[[socket.socket], None], ...]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answers = answers
        self.root = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = self.root + "/{routing}"
        self.requests: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received and (more := connection.recv(65536)):
            received += more
        if not received:
            return
        answer = self._answers[min(len(self.requests), len(self._answers) - 1)]
        self.requests.append(received.decode("latin-1"))
        try:
            if callable(answer):
                answer(connection)
            else:
                connection.sendall(answer)
        except OSError:  # the client went away
            return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@contextmanager
def answering(*answers: bytes | Callable[[socket.socket], None]) -> Iterator[RawServer]:
    server = RawServer(answers)
    try:
        yield server
    finally:
        server.close()


@pytest.mark.parametrize("size", [b"-5", b"-1", b"ffffffffffffffffffff", b"zz", b""])
def test_a_chunk_of_a_size_that_cannot_be_is_no_answer(limiter: CountingLimiter, clock: FakeClock, size: bytes) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\n[]\r\n0\r\n\r\n"
    with answering(chunked) as server, pytest.raises(RiotRefusal) as refusal:
        ask_match(RiotClient(KEY, server.url, limiter, clock))
    assert (refusal.value.verdict, str(refusal.value)) == (
        Verdict.UNAVAILABLE,
        "no usable answer: ChunkedEncodingError",
    )
    assert limiter.finished == [("europe", MATCH, None)]


def test_a_date_that_no_calendar_has_says_nothing_of_the_clock(limiter: CountingLimiter, clock: FakeClock) -> None:
    date = b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 99999999999999999999 12:00:00 GMT\r\nContent-Length: 2\r\n\r\n[]"
    with answering(date) as server:
        riot = RiotClient(KEY, server.url, limiter, clock)
        assert ask_list(riot).match_ids == ()
    assert riot.clock_ahead is None


def drip(connection: socket.socket) -> None:
    """A byte now and then: no socket's time-out ever strikes."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    for _ in range(500):
        connection.sendall(b" ")
        time.sleep(0.02)


def drip_headers(connection: socket.socket) -> None:
    """Not even the headers come to an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(500):
        connection.sendall(b"x")
        time.sleep(0.02)


def test_a_server_that_drips_is_left_at_the_deadline_of_a_call(
    limiter: CountingLimiter, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "CALL_SECONDS", 0.2)
    with answering(drip) as server:
        riot = RiotClient(KEY, server.url, limiter, clock, time_left=lambda: 60)
        began = time.monotonic()
        with pytest.raises(RiotRefusal, match="^no usable answer: no whole answer within 0 s$") as refusal:
            ask_match(riot)
        assert 0.1 < time.monotonic() - began < 1
    assert refusal.value.verdict is Verdict.UNAVAILABLE
    assert limiter.finished == [("europe", MATCH, None)]
    assert len(server.requests) == 1


def test_no_call_outlasts_the_run_by_more_than_a_second(limiter: CountingLimiter, clock: FakeClock) -> None:
    with answering(drip_headers) as server:
        riot = RiotClient(KEY, server.url, limiter, clock, time_left=lambda: 0)
        began = time.monotonic()
        with pytest.raises(RiotRefusal, match="^no usable answer: no whole answer within 1 s$"):
            ask_match(riot)
        assert 0.9 < time.monotonic() - began < 1.6
    assert limiter.finished == [("europe", MATCH, None)]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "ConnectionError"),  # hangs up
        (b"garbage\r\n\r\n", "ConnectionError"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[]", "ChunkedEncodingError"),  # cut off, though good JSON
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n", "ChunkedEncodingError"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]", "ChunkedEncodingError"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]", "ContentDecodingError"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n[]", "InvalidHeader"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n[]", "ConnectionError"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n[]", "ConnectionError"),
    ],
    ids=lambda value: repr(value[-24:]),
)
def test_a_broken_answer_is_a_fault_that_passes_and_is_asked_for_once(
    limiter: CountingLimiter, clock: FakeClock, raw: bytes, words: str
) -> None:
    with answering(raw) as server, pytest.raises(RiotRefusal) as refusal:
        ask_match(RiotClient(KEY, server.url, limiter, clock))
    assert (refusal.value.verdict, str(refusal.value)) == (Verdict.UNAVAILABLE, f"no usable answer: {words}")
    assert len(server.requests) == 1
    assert limiter.finished == [("europe", MATCH, None)]


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_an_answer_that_unpacks_to_gigabytes_fills_no_memory(
    limiter: CountingLimiter, clock: FakeClock, layers: int
) -> None:
    packed = gzip.compress(bytes(2**20)) * 1024  # a gibibyte
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Encoding: {', '.join(['gzip'] * layers)}\r\nContent-Length: {len(packed)}\r\n\r\n"
    )
    with answering(head.encode() + packed) as server, pytest.raises(RiotRefusal, match="larger than") as refusal:
        tracemalloc.start()
        try:
            ask_match(RiotClient(KEY, server.url, limiter, clock))
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert refusal.value.verdict is Verdict.UNAVAILABLE
    assert peak < 64 * 2**20


def test_a_host_where_nobody_listens_is_a_fault_that_passes(limiter: CountingLimiter, clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(RiotRefusal, match="^no usable answer: ConnectionError$"):
        ask_match(RiotClient(KEY, f"http://127.0.0.1:{port}", limiter, clock))
    assert limiter.finished == [("europe", MATCH, None)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(limiter: CountingLimiter, clock: FakeClock, status: int) -> None:
    with answering(whole(b"{}")) as elsewhere:
        moved = f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.root}/\r\nContent-Length: 0\r\n\r\n".encode()
        with answering(moved) as server, pytest.raises(RiotRefusal, match=f"^{status} ") as refusal:
            ask_match(RiotClient(KEY, server.url, limiter, clock))
        assert len(server.requests) == 1
        assert elsewhere.requests == []
    assert refusal.value.verdict is Verdict.UNAVAILABLE
    assert limiter.finished == [("europe", MATCH, status)]


@pytest.mark.parametrize("location", [b"http://[::1", b"/\xff", b"https://\xe9.example/"])
def test_a_redirect_to_nowhere_is_refused_like_any_other(
    limiter: CountingLimiter, clock: FakeClock, location: bytes
) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
    with answering(moved) as server, pytest.raises(RiotRefusal) as refusal:
        ask_match(RiotClient(KEY, server.url, limiter, clock))
    assert refusal.value.verdict is Verdict.UNAVAILABLE
    assert limiter.finished == [("europe", MATCH, 302)]


def test_the_body_of_a_redirect_is_capped_like_any_other(
    limiter: CountingLimiter, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_BODY", 100_000)
    sent = 0

    def endless(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")
        while sent < 50_000_000:
            sent += connection.send(b"x" * 100_000)

    with answering(endless) as server, pytest.raises(RiotRefusal):
        ask_match(RiotClient(KEY, server.url, limiter, clock))
    assert sent < 20_000_000  # what the sockets' buffers take


# Secrets and the log


SERVER_FAULTS: dict[str, Any] = {
    "403": {"status": 403, "body": '{"status":{"message":"Forbidden"}}'},
    "500": {"status": 500, "body": "<html>"},
    "no JSON": {"status": 200, "body": "{"},
    "no list": {"status": 200, "body": "{}"},
    "refused": {"body": requests.ConnectionError("refused")},
    "late": {"body": transport.DeadlineExceeded("late")},
    "too large": {"body": transport.BodyTooLarge("large")},
}


@pytest.mark.parametrize("fault", SERVER_FAULTS)
def test_no_error_and_no_log_line_shows_the_key(
    riot: RiotClient, http: responses.RequestsMock, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    caplog.set_level(logging.DEBUG)
    http.get(f"https://europe.riot.example{IDS}", **SERVER_FAULTS[fault])
    with pytest.raises(RiotRefusal) as refusal:
        ask_list(riot)
    told = [str(error) + repr(error) for error in (refusal.value, refusal.value.__cause__)]
    assert KEY not in "".join([*told, *(record.getMessage() for record in caplog.records)])
    assert caplog.records


@pytest.mark.parametrize("status", [403, 429])
def test_a_server_that_quotes_the_key_does_not_get_it_into_errors_or_the_database(
    riot: RiotClient, http: responses.RequestsMock, db: Database, status: int
) -> None:
    """Some proxies answer a refused request with a page that shows its headers."""
    http.get(
        "https://europe.riot.example/lol/match/v5/matches/EUW1_1", status=status, body=f"refused: X-Riot-Token: {KEY}"
    )
    with pytest.raises(RiotRefusal) as refusal:
        ask_match(riot)
    kept = [row["reason"] for row in db.rows("SELECT reason FROM holds")]
    assert KEY not in "".join([str(refusal.value), *kept])


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ({"json": []}, f"GET europe{IDS} -> 200, 0 ms"),
        (
            {
                "json": [],
                "headers": {
                    "X-App-Rate-Limit": "20:1,100:120",
                    "X-App-Rate-Limit-Count": "1:1,2:120",
                    "X-Method-Rate-Limit": "2000:10",
                },
            },
            f"GET europe{IDS} -> 200, 0 ms; x-app-rate-limit: 20:1,100:120 (1:1,2:120 used); "
            "x-method-rate-limit: 2000:10",
        ),
        (
            {
                "status": 429,
                "body": '{"status":{"message":"Rate limit exceeded"}}',
                "headers": {"X-Rate-Limit-Type": "service", "Retry-After": "3"},
            },
            f"GET europe{IDS} -> 429, 0 ms; x-rate-limit-type: service; retry-after: 3; Rate limit exceeded",
        ),
        ({"status": 503}, f"GET europe{IDS} -> 503, 0 ms; (no message)"),
        ({"body": requests.ReadTimeout("slow")}, f"GET europe{IDS} -> ReadTimeout('slow'), 0 ms"),
    ],
    ids=["200", "200 with limits", "429", "503", "silence"],
)
def test_every_call_is_one_line_of_the_debug_log(
    riot: RiotClient,
    http: responses.RequestsMock,
    caplog: pytest.LogCaptureFixture,
    answer: dict[str, Any],
    line: str,
) -> None:
    caplog.set_level(logging.DEBUG, "lolslackbot.riot.client")
    http.get(f"https://europe.riot.example{IDS}", **answer)
    try:
        ask_list(riot)
    except RiotRefusal:
        assert answer.get("status", 0) != 200
    lines = [record.getMessage() for record in caplog.records if record.name == "lolslackbot.riot.client"]
    assert lines == [line]


def test_the_line_says_how_long_the_call_took(
    riot: RiotClient, http: responses.RequestsMock, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    def slowly(_request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        clock.advance(0.25)
        return 200, {}, "{}"

    caplog.set_level(logging.DEBUG, "lolslackbot.riot.client")
    http.add_callback(responses.GET, "https://europe.riot.example/lol/match/v5/matches/EUW1_1", slowly)
    ask_match(riot)
    assert caplog.records[-1].getMessage().endswith("-> 200, 250 ms")


def test_what_is_trusted_holds_behind_a_proxy_too() -> None:
    context = ssl.create_default_context()
    manager = _TrustingAdapter(context).proxy_manager_for("http://127.0.0.1:1")
    assert manager.connection_pool_kw["ssl_context"] is context
