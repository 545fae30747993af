"""A tick costs next to nothing: a command loads the libraries it needs only, and a run connects to Riot once."""

import shlex
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support import Bot

from lolslackbot.sandbox import Sandbox, server

CLIENTS = ("requests", "urllib3", "slack_sdk", "psycopg")  # each takes longer to load than all of ours


@pytest.fixture
def tracked(subprocess_bot: Bot, sandbox: Sandbox) -> Bot:
    """A friend without news."""
    sandbox.slack.add_channel("C1")
    sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    assert subprocess_bot.run("track", "Ahri Fan#EUW", "--channel", "C1").status == 0
    subprocess_bot.run("fetch-matches")
    return subprocess_bot


def play(sandbox: Sandbox) -> str:
    [puuid] = sandbox.riot.players
    return sandbox.riot.add_game([puuid], ended=datetime.now(UTC) + timedelta(minutes=1))


def loaded(bot: Bot, *arguments: str) -> set[str]:
    """Which of CLIENTS a command loads, by what Python says of each import."""
    process = bot.start(*arguments, PYTHONPROFILEIMPORTTIME="1")
    _, told = process.communicate(timeout=60)
    assert process.returncode in (0, 1), told  # 1: somebody is needed, says status
    modules = {line.rpartition("|")[2].strip() for line in told.splitlines() if line.startswith("import time:")}
    assert "lolslackbot.cli" in modules, told
    return {each for each in CLIENTS if each in modules}


CALL_NOBODY = (
    "--help",
    "--version",
    "fetch-matches --help",
    "deliver --help",
    "track --help",
    "check --help",
    "status",
    "status --json",
    "why C1",
    "players",
    "channels",
    "channels set C1 --queues ranked",
    "pause",
    "resume",
    "retry --missing --yes",
    "build-messages",
    "deliver",
    "deliver --dry-run",
    "prune --older-than 30",
    "untrack 'Ahri Fan#EUW'",
)


@pytest.mark.sqlite_only
def test_a_command_that_calls_nobody_loads_no_client(tracked: Bot) -> None:
    by_command = {command: loaded(tracked, *shlex.split(command)) for command in CALL_NOBODY}
    assert {command: clients for command, clients in by_command.items() if clients} == {}


@pytest.mark.sqlite_only
def test_a_stage_loads_its_own_client_only(tracked: Bot, sandbox: Sandbox) -> None:
    play(sandbox)
    assert loaded(tracked, "fetch-matches") == {"requests", "urllib3"}
    assert loaded(tracked, "build-messages") == set()
    assert loaded(tracked, "deliver", "--dry-run") == set()
    assert loaded(tracked, "deliver") == {"slack_sdk"}
    assert len(sandbox.slack.posts) == 1


def test_all_calls_of_a_run_go_over_one_connection(
    tracked: Bot, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = []
    accept = server._Server.process_request

    def counted(self: Any, request: Any, client_address: Any) -> None:
        connections.append(client_address)
        accept(self, request, client_address)

    monkeypatch.setattr(server._Server, "process_request", counted)
    games = [play(sandbox) for _ in range(3)]
    before = len(sandbox.riot.requests)
    tracked.run("fetch-matches", LOLSLACKBOT_DDRAGON_URL="")
    assert len(sandbox.riot.requests) - before == 1 + len(games) + 1  # a list, the matches, one rank
    assert len(connections) == 1
