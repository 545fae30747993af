"""Both models of Riot's windows are strict, and the headers say what a client needs to know."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from lolslackbot.sandbox import Mishap, Player, Sandbox
from lolslackbot.sandbox.limits import Limits

Get = Callable[..., Any]


def overs(limits: Limits, moments: list[float]) -> list[bool]:
    """For calls at these moments: which were one too many."""
    return [bool(limits.count("europe", "match", moment).full) for moment in moments]


def test_fixed_window_opens_with_its_first_call() -> None:
    limits = Limits(application="2:10")
    assert overs(limits, [100, 109, 109.9, 110, 119, 119.9, 120]) == [
        False,
        False,
        True,
        False,
        False,
        True,
        False,
    ]


def test_a_sliding_window_never_holds_more_than_its_limit() -> None:
    limits = Limits(application="2:10", model="sliding")
    assert overs(limits, [100, 109, 110, 118.9, 119, 129]) == [False, False, False, True, True, False]


@pytest.mark.parametrize(("model", "wait"), [("fixed", 6), ("sliding", 8)])
def test_retry_after_is_rounded_up(model: Any, wait: int) -> None:
    limits = Limits(application="2:10", model=model)
    for moment in (100, 102):
        limits.count("europe", "match", moment)
    ruling = limits.count("europe", "match", 104.5)
    # sliding: the call at 102 must leave too, as this one counts
    assert (ruling.full, ruling.retry_after) == ("application", wait)
    assert ruling.headers == {"X-App-Rate-Limit": "2:10", "X-App-Rate-Limit-Count": "3:10"}


def test_each_routing_value_and_each_endpoint_has_its_own_count() -> None:
    limits = Limits(application="3:10", method={"match": "1:10", "account": None})
    assert limits.count("europe", "match", 0).full == ""
    assert limits.count("europe", "match", 0).full == "method"
    assert limits.count("americas", "match", 0).full == ""
    assert limits.count("europe", "account", 0).full == ""
    assert limits.count("europe", "account", 0).full == "application"
    assert limits.count("europe", "match", 10).full == ""


def test_all_windows_hold_at_once() -> None:
    limits = Limits(application="2:1,3:100")
    assert overs(limits, [0, 0.5, 1, 1.1]) == [False, False, False, True]
    ruling = limits.count("europe", "match", 1.2)
    assert ruling.headers["X-App-Rate-Limit-Count"] == "3:1,5:100"
    assert ruling.retry_after == 99


def test_over_the_wire(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    sandbox.riot.limits.application = "2:1,100:120"
    sandbox.riot.limits.method = {"match": "2000:10", "match-ids": None}
    path = "/europe/lol/match/v5/matches/EUW1_1"
    found = get(path)
    assert found.status == 404
    assert found.headers["X-App-Rate-Limit"] == "2:1,100:120"
    assert found.headers["X-App-Rate-Limit-Count"] == "1:1,1:120"
    assert found.headers["X-Method-Rate-Limit-Count"] == "1:10"
    assert get(path, key="wrong").headers["X-App-Rate-Limit-Count"] == "2:1,2:120"
    assert sandbox.riot.refused == []
    over = get(path)
    assert (over.status, over.json) == (
        429,
        {"status": {"message": "Rate limit exceeded", "status_code": 429}},
    )
    assert (over.headers["X-Rate-Limit-Type"], over.headers["Retry-After"]) == ("application", "1")
    assert [each.status for each in sandbox.riot.refused] == [429]
    time.sleep(1.01)
    assert get(path).status == 404
    assert len(sandbox.riot.refused) == 1


def test_without_retry_after_and_without_limits(get: Get, sandbox: Sandbox) -> None:
    sandbox.riot.limits.application = "1:120"
    sandbox.riot.limits.retry_after = False
    answers = [get("/europe/lol/match/v5/matches/EUW1_1") for _ in range(2)]
    assert [each.status for each in answers] == [404, 429]
    assert "Retry-After" not in answers[1].headers
    sandbox.riot.limits.application = None
    assert "X-App-Rate-Limit" not in get("/europe/lol/match/v5/matches/EUW1_1").headers


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("application", ["match", "account"]),
        ("method", ["match"]),
        ("service", ["match"]),
        ("server", ["match"]),
        (None, ["match"]),
    ],
)
def test_whoever_ignores_a_retry_after_is_witnessed(
    get: Get, sandbox: Sandbox, ahri: Player, kind: str | None, expected: list[str]
) -> None:
    sandbox.riot.limits.application = "100:120"
    sandbox.riot.misbehave(Mishap.limited(30, kind), times=1)
    match, account = "/lol/match/v5/matches/EUW1_1", "/riot/account/v1/accounts/by-riot-id/Ahri%20Fan/EUW"
    refused = get("/europe" + match)
    assert (refused.status, refused.headers["Retry-After"], refused.headers["X-Rate-Limit-Type"]) == (
        429,
        "30",
        kind,
    )
    assert ("X-App-Rate-Limit" in refused.headers) == (kind != "server")
    get("/americas" + match)
    get("/europe" + match)
    get("/europe" + account)
    assert [each.endpoint for each in sandbox.riot.refused] == expected
