"""Several processes share a run: the promises hold for all of them together, by what Riot and Slack saw."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from support import Bot, Result, children_of, is_alive, keys_in

from lolslackbot.sandbox import Mishap, Player, Sandbox

WORKERS = 3


@pytest.fixture
def bot(subprocess_bot: Bot, sandbox: Sandbox) -> Bot:
    subprocess_bot.environment["LOLSLACKBOT_WORKERS"] = str(WORKERS)
    sandbox.slack.add_channel("C1")
    return subprocess_bot


def friends(bot: Bot, sandbox: Sandbox, number: int) -> list[Player]:
    """Tracked players."""
    everyone = [sandbox.riot.add_player(f"Friend {each}#EUW", platform="euw1") for each in range(number)]
    file = bot.home.parent / "players.csv"
    rows = [f"{each.game_name}#EUW,euw1,C1" for each in everyone]
    file.write_text("\n".join(["riot_id,platform,channel", *rows]))
    assert bot.run("track", "--file", str(file)).status == 0
    return everyone


def play(sandbox: Sandbox, *games: Sequence[Player]) -> set[str]:
    """Finished games of these together; their ids."""
    ended = datetime.now(UTC) + timedelta(minutes=1)
    return {
        sandbox.riot.add_game(list(together), ended=ended + timedelta(seconds=number))
        for number, together in enumerate(games)
    }


def calls(sandbox: Sandbox, endpoint: str) -> Counter[str]:
    """How often each thing was asked for."""
    return Counter(each.path for each in sandbox.riot.requests if each.endpoint == endpoint)


def counts(result: Result) -> set[str]:
    """What the summary counts: in which order, differs from run to run."""
    return set(result.out.strip().partition(": ")[2].split(", "))


def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_for_calls(sandbox: Sandbox, more: int, process: "subprocess.Popen[str]") -> None:
    """So many more than now, unless the process ends before."""
    enough = len(sandbox.riot.requests) + more
    until(lambda: len(sandbox.riot.requests) >= enough or process.poll() is not None)


def finish(process: "subprocess.Popen[str]") -> Result:
    out, err = process.communicate(timeout=60)
    return Result(process.returncode, out, err)


def test_each_list_and_match_is_asked_for_once_and_each_game_is_told_once(bot: Bot, sandbox: Sandbox) -> None:
    everyone = friends(bot, sandbox, 12)
    games = play(sandbox, *(everyone[number : number + 2] for number in (0, 9)), everyone[3:9])
    fetched, built, delivered = bot.tick()
    assert (fetched.status, fetched.err) == (0, "")
    assert counts(fetched) == {"3 new", "12 listed", "3 fetched"}
    assert (built.status, delivered.status, delivered.out) == (0, 0, "deliver: 3 delivered\n")
    assert set(calls(sandbox, "match-ids").values()) == set(calls(sandbox, "match").values()) == {1}
    assert sorted(keys_in(sandbox, "C1")) == sorted(f"{game}:C1" for game in games)
    shares = bot.rows("SELECT stage, share, shares, exit_status FROM runs WHERE part_of IS NOT NULL ORDER BY share")
    assert shares == [("fetch-matches", each, WORKERS, 0) for each in range(1, WORKERS + 1)]
    assert bot.rows("SELECT COUNT(*) FROM riot_calls WHERE open = 1") == [(0,)]
    assert len(bot.rows("SELECT * FROM runs WHERE part_of IS NULL")) == 3


@pytest.mark.parametrize("model", ["fixed", "sliding"])
def test_the_allowance_is_shared_and_never_exceeded(bot: Bot, sandbox: Sandbox, model: str) -> None:
    sandbox.riot.limits.model = model  # type: ignore[assignment]
    sandbox.riot.limits.application = "6:1,15:3"
    sandbox.riot.limits.method = {"match": "100:1", "match-ids": "100:1"}
    everyone = friends(bot, sandbox, 6)
    play(sandbox, *([each] for each in everyone * 3))
    result = bot.run("fetch-matches")
    assert (result.status, counts(result)) == (0, {"18 new", "6 listed", "18 fetched"})
    assert sandbox.riot.refused == []
    assert Counter(each.status for each in sandbox.riot.requests).keys() == {200}


def test_other_commands_and_killed_processes_beside_them_stay_within_the_allowance(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.limits.model = "sliding"
    sandbox.riot.limits.application = "10:2"
    everyone = friends(bot, sandbox, 6)
    games = play(sandbox, *([each] for each in everyone * 3))
    for number in range(2):
        run = bot.start("fetch-matches")
        wait_for_calls(sandbox, 4, run)
        sandbox.riot.add_player(f"Newcomer {number}#EUW", platform="euw1")
        assert bot.run("track", f"Newcomer {number}#EUW", "--channel", "C1", "--platform", "euw1").status in (0, 75)
        victims = children_of(run.pid)
        for pid in victims[:1] if number % 2 else [run.pid, *victims[:1]]:
            with contextlib.suppress(ProcessLookupError):  # its work was done
                os.kill(pid, signal.SIGKILL)
        finish(run)
        bot.end_leases()
        until(lambda: not bot.is_at_work("fetch-matches"))
    until(lambda: bot.run("fetch-matches").status == 0)
    assert sandbox.riot.refused == []
    stored = {match for (match,) in bot.rows("SELECT match_id FROM matches WHERE state = 'stored'")}
    assert stored == games


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_of_them_and_the_next_run_goes_on(bot: Bot, sandbox: Sandbox, number: signal.Signals) -> None:
    everyone = friends(bot, sandbox, 6)
    play(sandbox, *([each] for each in everyone))
    slow = sandbox.riot.misbehave(Mishap.slow(3), endpoint="match")
    run = bot.start("fetch-matches")
    until(lambda: len(calls(sandbox, "match")) >= 2)
    children = children_of(run.pid)
    run.send_signal(number)
    result = finish(run)
    assert len(children) == WORKERS
    assert not any(map(is_alive, children))
    assert result.status == 128 + number
    assert result.err.strip() == f"lolslackbot: stopped by {'Ctrl-C' if number == signal.SIGINT else 'SIGTERM'}"
    assert not bot.is_at_work("fetch-matches")
    slow.stop()
    again = bot.run("fetch-matches")
    assert (again.status, bot.rows("SELECT COUNT(*) FROM matches WHERE state = 'stored'")) == (0, [(6,)])


def test_two_runs_at_once_do_the_work_once(bot: Bot, sandbox: Sandbox) -> None:
    everyone = friends(bot, sandbox, 9)
    play(sandbox, *([each] for each in everyone))
    sandbox.riot.misbehave(Mishap.slow(0.05), endpoint=None)
    results = [finish(run) for run in [bot.start("fetch-matches") for _ in range(3)]]
    assert {result.status for result in results} <= {0, 75}
    until(lambda: bot.run("fetch-matches").status == 0)
    assert set(calls(sandbox, "match").values()) == {1}
    assert bot.rows("SELECT COUNT(*) FROM matches WHERE state = 'stored'") == [(9,)]


def test_a_rejected_key_stops_all_and_one_call_tries_it_again(bot: Bot, sandbox: Sandbox) -> None:
    everyone = friends(bot, sandbox, 9)
    play(sandbox, everyone[:1])
    key = bot.environment["RIOT_API_KEY"]
    bot.environment["RIOT_API_KEY"] = "RGAPI-expired"
    result = bot.run("fetch-matches")
    assert result.status == 77
    assert result.err.count("Riot refuses RIOT_API_KEY") == 1
    assert len(calls(sandbox, "match-ids")) <= WORKERS
    sandbox.riot.requests.clear()
    assert bot.run("fetch-matches").status == 77
    assert len(sandbox.riot.requests) == 1
    bot.environment["RIOT_API_KEY"] = key
    assert counts(bot.run("fetch-matches")) == {"1 new", "9 listed", "1 fetched"}


def test_a_new_key_names_every_friend_of_a_shared_game(bot: Bot, sandbox: Sandbox) -> None:
    """No match is asked for before every list was: whichever process is to ask for it."""
    everyone = friends(bot, sandbox, 8)
    bot.tick()
    sandbox.riot.change_key("RGAPI-of-today")
    bot.environment["RIOT_API_KEY"] = "RGAPI-of-today"
    now = [sandbox.riot.current(each) for each in everyone]
    teams = (now[:5], now[3:8], now[1:7])
    games = sorted(play(sandbox, *teams))  # their ids grow
    until(lambda: (bot.tick(), len(sandbox.slack.posts) == 3)[1])
    told = {post.key: post.text for post in sandbox.slack.posts}  # in the order of the ticks that had them whole
    for match_id, together in zip(games, teams, strict=True):
        assert all(each.game_name in told[f"{match_id}:C1"] for each in together), told
    assert len(calls(sandbox, "account")) == len(everyone)
    assert bot.run("status").status == 0


def test_matches_that_stand_in_lists_of_others_are_fetched_in_the_same_run(bot: Bot, sandbox: Sandbox) -> None:
    """Whose list has the games is asked slowly, by one process; the others wait for what it finds."""
    everyone = friends(bot, sandbox, 3)
    play(sandbox, *([everyone[0]] for _ in range(9)))
    sandbox.riot.misbehave(Mishap.slow(1), endpoint="match-ids", times=1)
    result = bot.run("fetch-matches")
    assert (result.status, counts(result)) == (0, {"9 new", "3 listed", "9 fetched"})


def test_deliver_shares_by_workspace(bot: Bot, sandbox: Sandbox) -> None:
    token = sandbox.slack.add_workspace("clan")
    bot.environment |= {"SLACK_BOT_TOKEN_CLAN": token, "LOLSLACKBOT_ALERT_CHANNEL": "C1", "LOLSLACKBOT_WORKERS": "2"}
    sandbox.slack.add_channel("C2", workspace="clan")
    (player,) = friends(bot, sandbox, 1)
    assert bot.run("track", "Friend 0#EUW", "--channel", "C2", "--workspace", "clan").status == 0
    games = play(sandbox, [player], [player])
    bot.run("fetch-matches")
    bot.run("build-messages")
    sandbox.slack.misbehave(Mishap.cut(accepted=True), channel="C2", times=1)
    result = bot.run("deliver")
    assert (result.status, counts(result)) == (1, {"3 delivered", "1 uncertain"})
    by_share = bot.rows(
        "SELECT share, exit_status FROM runs WHERE part_of IS NOT NULL AND stage = 'deliver' ORDER BY share"
    )
    assert by_share == [(1, 1), (2, 0)]
    assert bot.run("deliver").status == 0
    for channel in ("C1", "C2"):
        assert sorted(keys_in(sandbox, channel)) == sorted(f"{game}:{channel}" for game in games)


def test_a_single_workspace_is_delivered_to_by_one_process(bot: Bot, sandbox: Sandbox) -> None:
    friends(bot, sandbox, 1)
    assert bot.run("deliver").out == "deliver: nothing to do\n"
    assert bot.rows("SELECT * FROM runs WHERE part_of IS NOT NULL") == []


def test_a_quiet_run_says_what_any_of_them_would(bot: Bot, sandbox: Sandbox) -> None:
    friends(bot, sandbox, 6)
    quiet = bot.run("-q", "fetch-matches")
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")
    bot.environment["RIOT_API_KEY"] = "RGAPI-expired"
    said = bot.run("-q", "fetch-matches")
    assert (said.status, said.err.count("Riot refuses RIOT_API_KEY")) == (77, 1)
    assert bot.run("-q", "fetch-matches").err == ""


def test_status_tells_of_shares_at_work_and_cut_off(bot: Bot, sandbox: Sandbox) -> None:
    friends(bot, sandbox, 3)
    slow = sandbox.riot.misbehave(Mishap.slow(5), endpoint="match-ids")
    run = bot.start("fetch-matches")
    until(lambda: len(bot.rows("SELECT * FROM runs WHERE part_of IS NOT NULL")) == WORKERS)
    told = bot.run("status").out
    listed = [line for line in told.splitlines() if line.startswith("  share ")]
    assert [line.split()[1] for line in listed] == ["1", "2", "3"]
    assert told.count("at work") == 1 + WORKERS
    run.send_signal(signal.SIGTERM)
    finish(run)
    slow.stop()
    assert bot.run("status").out.count("  cut off") == 1 + WORKERS
    stages = json.loads(bot.run("status", "--json").out)["runs"]
    assert [(each["share"], each["state"]) for each in stages["fetch-matches"]["shares"]] == [
        (f"share {number} of {WORKERS}", "cut off") for number in range(1, WORKERS + 1)
    ]
    assert bot.run("fetch-matches").status == 0
    assert "  share " not in bot.run("status").out
    assert "shares" not in json.loads(bot.run("status", "--json").out)["runs"]["fetch-matches"]
