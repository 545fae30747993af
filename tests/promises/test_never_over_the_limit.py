"""Riot's limits hold across processes, ticks and different commands: the sandbox refuses strictly, and counts."""

import signal
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from support import Bot

from lolslackbot.sandbox import Mishap, Sandbox
from lolslackbot.store.connect import open_database
from lolslackbot.store.matches import to_look_at


def play(bot: Bot, sandbox: Sandbox, games: int) -> list[str]:
    """A tracked player who finished so many games."""
    player = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    assert bot.run("track", "Ahri Fan#EUW", "--channel", "C1", "--platform", "euw1").status == 0
    now = datetime.now(UTC)
    return [sandbox.riot.add_game([player], ended=now + timedelta(seconds=number)) for number in range(games)]


def stored(bot: Bot) -> int:
    return int(bot.rows("SELECT COUNT(*) FROM matches WHERE state = 'stored'")[0][0])


@pytest.mark.parametrize("model", ["fixed", "sliding"])
def test_allowance__used_and_never_exceeded(
    subprocess_bot: Bot, sandbox: Sandbox, model: Literal["fixed", "sliding"]
) -> None:
    sandbox.riot.limits.model = model
    sandbox.riot.limits.application = "5:1,12:3"
    sandbox.riot.limits.method = {"match": "100:1"}
    play(subprocess_bot, sandbox, 20)
    result = subprocess_bot.run("fetch-matches")
    assert (result.status, stored(subprocess_bot)) == (0, 20)
    assert sandbox.riot.refused == []
    assert all(request.status == 200 for request in sandbox.riot.requests)


def test_limit__holds_across_killed_processes(subprocess_bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.limits.model = "sliding"
    sandbox.riot.limits.application = "4:1,10:3"
    play(subprocess_bot, sandbox, 16)
    for number in (2, 5, 9):
        process = subprocess_bot.start("fetch-matches")
        calls = sum(request.endpoint == "match" for request in sandbox.riot.requests)
        handle = sandbox.riot.misbehave(
            Mishap.on_request(
                lambda process=process, last=calls + number: (  # type: ignore[misc]
                    process.send_signal(signal.SIGKILL)
                    if sum(each.endpoint == "match" for each in sandbox.riot.requests) >= last
                    else None
                ),
                accepted=True,
            ),
            endpoint="match",
        )
        process.communicate(timeout=60)
        handle.stop()
        subprocess_bot.end_leases()
    assert subprocess_bot.run("fetch-matches").status == 0
    assert stored(subprocess_bot) == 16
    assert sandbox.riot.refused == []


def regional_calls(sandbox: Sandbox) -> int:
    """Ranks are asked for at the platform's host, which has an allowance of its own."""
    return sum(request.routing == "europe" for request in sandbox.riot.requests)


def test_long_wait__ends_the_run(subprocess_bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.limits.application = "5:30"
    play(subprocess_bot, sandbox, 9)
    began = time.monotonic()
    result = subprocess_bot.run("fetch-matches", LOLSLACKBOT_MAX_WAIT="1")
    assert time.monotonic() - began < 10
    assert result.status == 0  # our own limit is no failure
    assert "rate limit 5/30 s exhausted for europe; goes on after 20" in result.out
    calls = regional_calls(sandbox)
    for _ in range(2):
        assert subprocess_bot.run("fetch-matches", LOLSLACKBOT_MAX_WAIT="1").status == 0
    assert regional_calls(sandbox) == calls
    assert sandbox.riot.refused == []


@pytest.mark.parametrize("kind", ["application", "method", "service", "server", None])
@pytest.mark.parametrize("retry_after", [30, None])
def test_429__kept_for_the_next_process(
    subprocess_bot: Bot, sandbox: Sandbox, kind: str | None, retry_after: int | None
) -> None:
    games = play(subprocess_bot, sandbox, 2)
    sandbox.riot.misbehave(Mishap.limited(retry_after, kind), endpoint="match", times=1)
    first = subprocess_bot.run("fetch-matches", LOLSLACKBOT_MAX_WAIT="1")
    assert first.status == 75
    second = subprocess_bot.run("fetch-matches", LOLSLACKBOT_MAX_WAIT="1")
    assert second.status == 75
    assert f"429 of type {kind or 'none'}" in second.out
    assert sandbox.riot.refused == []
    matches = [request for request in sandbox.riot.requests if request.endpoint == "match"]
    assert len(matches) == 1
    lists = [request for request in sandbox.riot.requests if request.endpoint == "match-ids"]
    assert len(lists) == (1 if kind == "application" else 2)  # only its own scope is closed
    with closing(open_database(subprocess_bot.location)) as db:
        assert sorted(to_look_at(db, datetime.now(UTC))) == sorted(games)


def test_429__other_hosts_go_on(subprocess_bot: Bot, sandbox: Sandbox) -> None:
    play(subprocess_bot, sandbox, 2)
    korean = sandbox.riot.add_player("Faker?#KR1", platform="kr")
    subprocess_bot.run("track", "Faker?#KR1", "--channel", "C1", "--platform", "kr")
    sandbox.riot.add_game([korean], ended=datetime.now(UTC))
    sandbox.riot.misbehave(Mishap.limited(60, "application"), routing="europe")
    assert subprocess_bot.run("fetch-matches").status == 75
    assert stored(subprocess_bot) == 1
    assert sandbox.riot.refused == []


def test_log__says_why_riot_throttles(subprocess_bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.limits.application = "20:1,100:120"
    play(subprocess_bot, sandbox, 1)
    sandbox.riot.misbehave(Mishap.limited(7, "service"), endpoint="match", times=1)
    subprocess_bot.run("fetch-matches", LOLSLACKBOT_MAX_WAIT="1")
    (line,) = [line for line in subprocess_bot.log.splitlines() if "-> 429" in line]
    assert "x-rate-limit-type: service" in line
    assert "retry-after: 7" in line
    good = next(line for line in subprocess_bot.log.splitlines() if "match/v5" in line and "-> 200" in line)
    assert "x-app-rate-limit: 20:1,100:120 (" in good
