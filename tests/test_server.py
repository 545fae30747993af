"""The commands on a database that is on a server: what a person sees of it, and what happens when it is gone."""

import json
import os
from pathlib import Path

import psycopg
import pytest
from postgres_server import Server
from support import Bot, Command, at_work, keys_in

from lolslackbot.sandbox import Sandbox
from lolslackbot.store.locks import STAGES

pytestmark = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
HOST = os.uname().nodename
GONE = "postgresql://bot:topsecret@127.0.0.1:1/bot"


@pytest.fixture
def tracked(in_process_bot: Bot, sandbox: Sandbox) -> Bot:
    """A friend in C1; the three stages ran."""
    sandbox.slack.add_channel("C1")
    sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    assert in_process_bot.run("track", "Ahri Fan#EUW", "--channel", "C1").status == 0
    in_process_bot.tick()
    return in_process_bot


def test_nothing_lies_in_the_home_but_the_log(tracked: Bot) -> None:
    assert [path.name for path in tracked.home.iterdir()] == ["lolslackbot.log"]


def test_status_says_which_host_ran_what(tracked: Bot) -> None:
    shown = tracked.run("status").out
    assert shown.startswith("database postgresql://tester@127.0.0.1:")
    assert sum(line.endswith(f"  {HOST}") for line in shown.splitlines()) == len(STAGES)
    assert [run["host"] for run in json.loads(tracked.run("status", "--json").out)["runs"].values()] == [HOST] * 3


def test_check_says_what_server_it_is(tracked: Bot) -> None:
    lines = [line for line in tracked.run("check").out.splitlines() if "  database: " in line]
    assert " is sound: PostgreSQL " in lines[0]
    assert "the server answers; a query takes " in lines[1]
    assert "this machine's clock is +0." in lines[2] or "this machine's clock is -0." in lines[2]
    assert all(line.startswith("ok ") for line in lines[:3])
    assert lines[3].startswith("warn  database: fsync is off on that server; a power cut there may lose")


def test_a_second_run_is_told_where_the_first_one_is(tracked: Bot) -> None:
    with at_work(tracked.location, "deliver"):
        said = tracked.run("deliver")
    assert (said.status, said.out) == (75, "")
    assert f"another deliver is at work on {tracked.location} ({HOST})" in said.err


def test_a_game_is_told_once_and_a_second_host_has_nothing_to_do(
    tracked: Bot, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.riot.add_game(sandbox.riot.players)
    tracked.tick()
    other = Bot(tmp_path / "other", dict(tracked.environment))
    assert [each.status for each in other.tick()] == [0, 0, 0]
    assert len(keys_in(sandbox, "C1")) == 1
    assert "1 delivered" not in (other.home / "lolslackbot.log").read_text()


def test_a_password_has_no_place_on_the_command_line(in_process_command: Command) -> None:
    said = in_process_command("--database", GONE, "status")
    assert (said.status, said.out) == (2, "")
    assert "--database cannot be used: its password would stand in the list of processes" in said.err
    assert "topsecret" not in said.err


def test_a_server_may_be_named_on_the_command_line(tracked: Bot, in_process_command: Command) -> None:
    assert in_process_command("--database", tracked.location, "status", LOLSLACKBOT_DATABASE=GONE).status == 0


def test_a_url_without_a_database_is_refused(in_process_command: Command) -> None:
    said = in_process_command("status", LOLSLACKBOT_DATABASE="postgresql://db.example/")
    assert "LOLSLACKBOT_DATABASE cannot be used: it names no database: write postgresql://USER@HOST/" in said.err


@pytest.mark.parametrize("fault", ["nosuch=topsecret", "password=p&topsecret", "connect_timeout=topsecret"])
def test_a_parameter_that_libpq_does_not_take_is_a_fault_of_the_setting(
    in_process_bot: Bot, home: Path, fault: str
) -> None:
    in_process_bot.environment["LOLSLACKBOT_DATABASE"] = f"postgresql://bot@127.0.0.1:1/bot?{fault}"
    said = in_process_bot.run("deliver")
    assert (said.status, "has a parameter that libpq does not take" in said.err) == (2, True), said
    assert "topsecret" not in said.err + (home / "lolslackbot.log").read_text()


@pytest.mark.parametrize("stage", STAGES)
def test_a_server_that_is_gone_is_one_line_and_for_later(
    in_process_bot: Bot, sandbox: Sandbox, stage: str, home: Path
) -> None:
    in_process_bot.environment["LOLSLACKBOT_DATABASE"] = GONE
    for workers in ("1", "3"):
        said = in_process_bot.run(stage, LOLSLACKBOT_WORKERS=workers)
        assert (said.status, said.out) == (75, "")
        assert "the database postgresql://bot@127.0.0.1:1/bot cannot be reached; the next run tries again" in said.err
        assert len(said.err.splitlines()) == 1
    assert sandbox.riot.requests == []
    assert "topsecret" not in (home / "lolslackbot.log").read_text()


def test_cron_mails_once_a_day_that_a_server_is_gone(in_process_bot: Bot) -> None:
    """Nobody else would: whoever is to tell asks the database."""
    in_process_bot.environment["LOLSLACKBOT_DATABASE"] = GONE
    said = [in_process_bot.run("-q", stage) for stage in STAGES * 2]
    assert {each.status for each in said} == {75}
    assert [bool(each.err) for each in said] == [True] + [False] * 5


def test_each_command_says_that_a_server_is_gone(in_process_bot: Bot, tmp_path: Path) -> None:
    in_process_bot.environment["LOLSLACKBOT_DATABASE"] = GONE
    for arguments in (("status",), ("players",), ("why", "C1"), ("pause",), ("backup", str(tmp_path / "b.db"))):
        said = in_process_bot.run(*arguments)
        assert (said.status, said.out) == (75, ""), arguments
        assert "cannot be reached" in said.err
    assert "FAIL  database: the database postgresql://bot@" in in_process_bot.run("check").out


def test_a_wrong_password_is_not_shown_and_the_servers_words_are(
    in_process_bot: Bot, server: Server, tmp_path: Path
) -> None:
    hba = server.folder / "data" / "pg_hba.conf"
    before = hba.read_text()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE ROLE locked LOGIN PASSWORD 'right'")
        hba.write_text(f"host all locked 127.0.0.1/32 scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        try:
            url = server.url("test").replace("tester@", "locked:topsecret@")
            for _ in range(50):  # the server reads its file when it comes to it
                said = in_process_bot.run("status", LOLSLACKBOT_DATABASE=url)
                if said.status == 75:
                    break
            assert 'password authentication failed for user "locked"' in said.err
            assert "topsecret" not in said.err
        finally:
            hba.write_text(before)
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("DROP ROLE locked")
