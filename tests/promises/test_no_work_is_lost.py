"""Whatever was fetched before a crash is known after it, and a broken store is never written around."""

import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from support import Bot

from lolslackbot.sandbox import Mishap, Sandbox
from lolslackbot.store import sqlite


@pytest.fixture
def listed(subprocess_bot: Bot, sandbox: Sandbox) -> list[str]:
    """A tracked player and four finished games, the newest first."""
    sandbox.slack.add_channel("C1")
    player = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    assert subprocess_bot.run("track", "Ahri Fan#EUW", "--channel", "C1").status == 0
    now = datetime.now(UTC)
    games = [sandbox.riot.add_game([player], ended=now + timedelta(seconds=number)) for number in range(4)]
    return games[::-1]


def stored(bot: Bot) -> list[str]:
    return [
        match_id
        for (match_id,) in bot.rows("SELECT match_id FROM matches WHERE state = 'stored' ORDER BY game_id DESC")
    ]


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize("accepted", [False, True])
def test_killed_at_the_kth_match_the_k_before_are_kept_and_at_most_one_call_is_repeated(
    subprocess_bot: Bot, sandbox: Sandbox, listed: list[str], number: int, accepted: bool
) -> None:
    process = subprocess_bot.start("fetch-matches")
    sandbox.riot.misbehave(
        Mishap.on_request(lambda: process.send_signal(signal.SIGKILL), accepted=accepted),
        endpoint="match",
        path=listed[number - 1],
        times=1,
    )
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    subprocess_bot.end_leases()
    assert stored(subprocess_bot) == listed[: number - 1]
    assert subprocess_bot.run("fetch-matches").status == 0
    assert stored(subprocess_bot) == listed
    calls = sum(request.endpoint == "match" for request in sandbox.riot.requests)
    assert calls == len(listed) + 1


FAULTS = {
    "404": Mishap.status(404),
    "500": Mishap.status(500),
    "503": Mishap.status(503),
    "html": Mishap.html(200),
    "cut JSON": Mishap.bad_json(),
    "cut": Mishap.cut(accepted=False),
    "cut body": Mishap.cut_body(accepted=True),
    "reset": Mishap.reset(accepted=True),
    "null": Mishap.json(None),
    "oversized": Mishap.oversized(6_000_000),
    "redirect": Mishap.redirect(301, "http://127.0.0.1:9/"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_one_match_stops_no_other(
    subprocess_bot: Bot, sandbox: Sandbox, listed: list[str], fault: Mishap
) -> None:
    sandbox.riot.misbehave(fault, endpoint="match", path=listed[2])
    subprocess_bot.run("fetch-matches")
    assert stored(subprocess_bot) == [match for match in listed if match != listed[2]]
    ((state, reason),) = subprocess_bot.rows(f"SELECT state, reason FROM matches WHERE match_id = '{listed[2]}'")
    assert state in ("wanted", "missing", "given_up")
    assert reason


@pytest.mark.parametrize("fault", [fault for name, fault in FAULTS.items() if name not in ("404", "null")])
def test_a_match_that_failed_once_arrives_later(
    subprocess_bot: Bot, sandbox: Sandbox, listed: list[str], fault: Mishap
) -> None:
    sandbox.riot.misbehave(fault, endpoint="match", path=listed[2], times=1)
    subprocess_bot.run("fetch-matches")
    subprocess_bot.write("UPDATE matches SET next_look_at = '2020-01-01T00:00:00.000Z' WHERE next_look_at IS NOT NULL")
    subprocess_bot.run("fetch-matches")
    assert stored(subprocess_bot) == listed


@pytest.mark.sqlite_only
def test_a_stage_without_a_database_says_so_and_makes_nothing(subprocess_bot: Bot) -> None:
    for stage in ("fetch-matches", "build-messages", "deliver"):
        result = subprocess_bot.run(stage)
        assert (result.status, result.out) == (2, "")
        assert "there is no database" in result.err
        assert len(result.err.splitlines()) == 1
    assert not subprocess_bot.home.exists()


@pytest.mark.sqlite_only
@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be looked at" * 50])
def test_a_file_that_is_no_database_is_refused_and_left_alone(
    subprocess_bot: Bot, sandbox: Sandbox, content: bytes
) -> None:
    subprocess_bot.home.mkdir()
    subprocess_bot.database.write_bytes(content)
    for stage in ("fetch-matches", "build-messages", "deliver"):
        result = subprocess_bot.run(stage)
        assert result.status == 2
        assert str(subprocess_bot.database) in result.err
        assert len(result.err.splitlines()) == 1
    assert subprocess_bot.database.read_bytes() == content
    assert sandbox.riot.requests == []


@pytest.mark.sqlite_only
def test_a_locked_database_ends_the_run_without_a_call(
    in_process_bot: Bot, sandbox: Sandbox, listed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    calls = len(sandbox.riot.requests)
    with closing(sqlite3.connect(in_process_bot.database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        result = in_process_bot.run("fetch-matches")
        connection.execute("ROLLBACK")
    assert result.status == 75
    assert "locked" in result.err
    assert len(sandbox.riot.requests) == calls
    assert in_process_bot.run("fetch-matches").status == 0


@pytest.mark.sqlite_only
def test_a_newer_database_is_refused(subprocess_bot: Bot, listed: list[str]) -> None:
    subprocess_bot.write("PRAGMA user_version = 999")
    result = subprocess_bot.run("fetch-matches")
    assert result.status == 2
    assert "newer" in result.err


@pytest.mark.sqlite_only
def test_a_disk_that_is_full_ends_the_run_with_one_line_and_sends_nothing(
    subprocess_bot: Bot, sandbox: Sandbox, listed: list[str]
) -> None:
    subprocess_bot.run("fetch-matches")
    subprocess_bot.run("build-messages")
    result = subprocess_bot.run_on_full_disk("deliver")
    assert result.status == 2, result
    assert sandbox.slack.posts == []
    assert "Traceback" not in result.err
    assert subprocess_bot.run("deliver").status == 0
    assert len(sandbox.slack.posts) == 4
