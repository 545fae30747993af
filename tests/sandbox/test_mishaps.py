"""Each mishap does on the wire what it says, and a post is applied exactly when it says so."""

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from lolslackbot.sandbox import Mishap, Player, Sandbox

Call = Callable[..., Any]
Get = Callable[..., Any]
Capture = pytest.CaptureFixture[str]
MATCH = "/europe/lol/match/v5/matches/EUW1_1"


@pytest.fixture(autouse=True)
def _channel(sandbox: Sandbox) -> None:
    sandbox.slack.add_channel("C1")


def post(call: Call, **arguments: Any) -> Any:
    return call("chat.postMessage", **{"channel": "C1", "text": "hello", **arguments})


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Mishap.cut, http.client.RemoteDisconnected),
        (Mishap.reset, ConnectionResetError),
        (Mishap.cut_body, http.client.IncompleteRead),
        (lambda accepted: Mishap.hang(0.1, accepted=accepted), http.client.RemoteDisconnected),
    ],
)
def test_faults_that_leave_the_client_without_an_answer(
    sandbox: Sandbox, call: Call, fault: Callable[..., Mishap], error: type[Exception], accepted: bool
) -> None:
    sandbox.slack.misbehave(fault(accepted=accepted), times=1)
    with pytest.raises(error) as caught:
        post(call)
    assert type(caught.value) is error
    assert len(sandbox.slack.posts) == accepted
    assert post(call).json["ok"]


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (lambda accepted: Mishap.status(500, accepted=accepted), 500, b"500"),
        (lambda accepted: Mishap.status(400, "no", accepted=accepted), 400, b"no"),
        (lambda accepted: Mishap.html(502, accepted=accepted), 502, None),
        (lambda accepted: Mishap.empty(204, accepted=accepted), 204, b""),
        (lambda accepted: Mishap.json({"ok": True}, accepted=accepted), 200, b'{"ok": true}'),
        (
            lambda accepted: Mishap.error("fatal_error", accepted=accepted),
            200,
            b'{"ok": false, "error": "fatal_error"}',
        ),
        (lambda accepted: Mishap.bad_json(accepted=accepted), 200, None),
        (lambda accepted: Mishap.drip(0.001, accepted=accepted), 200, None),
        (lambda accepted: Mishap.drip(0.001, "headers", accepted=accepted), 200, None),
        (lambda accepted: Mishap.redirect(302, "http://127.0.0.1:1/", accepted=accepted), 302, b""),
        (lambda accepted: Mishap.oversized(2_000_000, accepted=accepted), 200, None),
    ],
)
def test_faults_with_an_answer(
    sandbox: Sandbox,
    call: Call,
    fault: Callable[..., Mishap],
    status: int,
    body: bytes | None,
    accepted: bool,
) -> None:
    handle = sandbox.slack.misbehave(fault(accepted=accepted), times=1)
    answer = post(call)
    assert answer.status == status == sandbox.slack.requests[0].status
    assert body in (None, answer.body)
    assert len(sandbox.slack.posts) == accepted
    assert (handle.fired, sandbox.slack.requests[0].mishap) == (1, handle.mishap.name)


def test_what_some_faults_carry(sandbox: Sandbox, call: Call) -> None:
    for mishap in (
        Mishap.bad_json(accepted=True),
        Mishap.html(),
        Mishap.redirect(307, "http://127.0.0.1:1/x"),
        Mishap.limited(7),
        Mishap.oversized(100_000),
        Mishap.error("internal_error", status=500, needed="x"),
    ):
        sandbox.slack.misbehave(mishap, times=1)
    cut, page, moved, limited, huge, error = (post(call) for _ in range(6))
    with pytest.raises(ValueError, match="char"):
        json.loads(cut.body)
    assert cut.body.startswith(b'{"ok": true')
    assert page.headers["Content-Type"].startswith("text/html")
    assert moved.headers["Location"] == "http://127.0.0.1:1/x"
    assert (limited.status, limited.headers["Retry-After"], limited.json["error"]) == (
        429,
        "7",
        "ratelimited",
    )
    assert len(huge.body) == 100_000
    assert (error.status, error.json) == (500, {"ok": False, "error": "internal_error", "needed": "x"})
    assert sandbox.slack.requests[-1].error == "internal_error"
    assert sandbox.slack.requests[3].error == "ratelimited"


def test_headers_cut_short(sandbox: Sandbox, call: Call) -> None:
    sandbox.slack.misbehave(Mishap.cut_headers(accepted=True))
    with socket.create_connection(("127.0.0.1", sandbox.slack.port), timeout=5) as client:
        body = b'{"channel": "C1", "text": "x"}'
        token = sandbox.settings["SLACK_BOT_TOKEN"].encode()
        client.sendall(
            b"POST /api/chat.postMessage HTTP/1.1\r\nAuthorization: Bearer " + token + b"\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        received = b""
        while chunk := client.recv(4096):
            received += chunk
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in received
    assert (len(sandbox.slack.posts), sandbox.slack.requests[0].status) == (1, 0)


def test_late_applies_after_the_connection_is_gone(sandbox: Sandbox, call: Call) -> None:
    sandbox.slack.misbehave(Mishap.late(0.3), times=1)
    with pytest.raises(http.client.RemoteDisconnected):
        post(call)
    assert sandbox.slack.posts == []
    time.sleep(0.5)
    assert [each.text for each in sandbox.slack.posts] == ["hello"]
    assert sandbox.slack.requests[0].status == 0


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize(
    "fault",
    [
        Mishap.cut,
        Mishap.reset,
        Mishap.cut_body,
        lambda accepted: Mishap.hang(0.1, accepted=accepted),
        lambda accepted: Mishap.status(500, accepted=accepted),
        lambda accepted: Mishap.error("internal_error", accepted=accepted),
    ],
)
def test_an_edit_of_unknown_outcome(sandbox: Sandbox, call: Call, fault: Callable[..., Mishap], accepted: bool) -> None:
    """It took effect exactly if the fault says so, and may be repeated."""
    ts = post(call).json["ts"]
    sandbox.slack.misbehave(fault(accepted=accepted), method="chat.update", times=1)
    with contextlib.suppress(http.client.HTTPException, ConnectionError):
        assert not call("chat.update", channel="C1", ts=ts, text="edited").body.startswith(b'{"ok": true')
    assert sandbox.slack.posts[0].text == ("edited" if accepted else "hello")
    assert call("chat.update", channel="C1", ts=ts, text="edited").json["ok"]
    assert (sandbox.slack.posts[0].text, len(sandbox.slack.posts[0].edits)) == ("edited", 1 + accepted)


def test_a_late_edit_covers_a_newer_one(sandbox: Sandbox, call: Call) -> None:
    """Repeatable is not ordered; and a refusal of the limiter edits nothing."""
    ts = post(call).json["ts"]
    for mishap in (Mishap.late(0.3), Mishap.limited(7)):
        sandbox.slack.misbehave(mishap, method="chat.update", times=1)
    with pytest.raises(http.client.RemoteDisconnected):
        call("chat.update", channel="C1", ts=ts, text="old")
    limited = call("chat.update", channel="C1", ts=ts, text="new")
    assert (limited.status, limited.headers["Retry-After"], limited.json["error"]) == (429, "7", "ratelimited")
    assert call("chat.update", channel="C1", ts=ts, text="new").json["ok"]
    assert sandbox.slack.posts[0].text == "new"
    time.sleep(0.5)
    assert (sandbox.slack.posts[0].text, len(sandbox.slack.posts[0].edits)) == ("old", 2)


@pytest.mark.parametrize("accepted", [False, True])
def test_on_request_calls_back_before_or_after(sandbox: Sandbox, call: Call, accepted: bool) -> None:
    seen: list[int] = []
    sandbox.slack.misbehave(
        Mishap.on_request(lambda: seen.append(len(sandbox.slack.posts)), accepted=accepted), times=1
    )
    assert post(call).json["ok"]
    assert seen == [accepted]
    assert len(sandbox.slack.posts) == 1


def test_rules_of_misbehaviour(sandbox: Sandbox, call: Call) -> None:
    sandbox.slack.add_channel("C2")
    first = sandbox.slack.misbehave(Mishap.status(500), channel="C2", times=2)
    second = sandbox.slack.misbehave(Mishap.status(503))
    assert [post(call, channel=channel).status for channel in ("C1", "C2", "C2", "C2")] == [
        503,
        500,
        500,
        503,
    ]
    assert call("auth.test").status == 200
    assert (first.fired, second.fired) == (2, 2)
    second.stop()
    assert post(call).status == 200
    sandbox.slack.misbehave(Mishap.status(500), method=None, workspace="default")
    assert call("auth.test").status == 500
    sandbox.slack.behave()
    assert call("auth.test").status == 200


def test_riot_misbehaves_by_endpoint_path_and_routing(sandbox: Sandbox, get: Get, ahri: Player) -> None:
    sandbox.riot.misbehave(Mishap.status(500), path="EUW1_2$")
    sandbox.riot.misbehave(Mishap.html(503), routing="asia")
    sandbox.riot.limits.application = "100:1"
    two = get(MATCH.replace("EUW1_1", "EUW1_2"))
    assert (two.status, two.json["status"]["status_code"]) == (500, 500)
    assert "X-App-Rate-Limit" in two.headers
    page = get(MATCH.replace("europe", "asia"))
    assert (page.status, page.headers["X-App-Rate-Limit"]) == (503, None)
    assert get(MATCH).status == 404
    assert get(f"/asia/riot/account/v1/accounts/by-puuid/{ahri.puuid}").status == 200
    sandbox.riot.behave()
    assert get(MATCH.replace("europe", "asia")).status == 404


def test_a_request_that_is_never_finished_has_no_effect(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.slack.port), timeout=5) as client:
        client.sendall(b"POST /api/chat.postMessage HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""
    assert sandbox.slack.requests == []


@pytest.mark.parametrize("mishap", [Mishap.hang(60), Mishap.late(60), Mishap.drip(60), Mishap.slow(60)])
def test_stop_does_not_wait_for_mishaps(sandbox: Sandbox, call: Call, mishap: Mishap) -> None:
    sandbox.slack.misbehave(mishap)
    with pytest.raises((TimeoutError, http.client.RemoteDisconnected)):
        post(call, timeout=0.1)
    before = len(sandbox.slack.posts)
    began = time.monotonic()
    sandbox.stop()
    assert time.monotonic() - began < 20  # not the minute of each
    assert len(sandbox.slack.posts) == before


def test_a_failing_callback_is_heard_of(sandbox: Sandbox, call: Call, capfd: Capture) -> None:
    def fail() -> None:
        raise AssertionError("the test is wrong")

    sandbox.slack.misbehave(Mishap.on_request(fail))
    with pytest.raises(http.client.RemoteDisconnected):
        post(call)
    assert "the test is wrong" in capfd.readouterr().err
