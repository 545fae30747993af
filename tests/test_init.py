"""`init`: from nothing to the first message, by a person at a terminal or by a script; nothing is half-written."""

import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from proof.fork_server import ForkServer, Order
from proof.kill_points import KillAtLine, TraceLines
from support import Bot, Command, Result, keys_in

from lolslackbot.admin import setup
from lolslackbot.admin.setup import (
    BEGIN,
    END,
    MANIFEST,
    cron_lines,
    install_lines,
    systemd_lines,
    with_lines,
    with_values,
    write_env,
)
from lolslackbot.errors import ConfigError
from lolslackbot.files import user_name
from lolslackbot.sandbox import Mishap, Sandbox
from lolslackbot.store.connect import create_database

ROOT = Path(__file__).resolve().parent.parent
FRIEND = "Ahri Fan#EUW"
MOMENT = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+Z")
KEPT = "RIOT_API_KEY=RGAPI-old\n# mine\nLOLSLACKBOT_WORKERS=2\n"


@pytest.fixture
def slack_and_riot(sandbox: Sandbox) -> Sandbox:
    sandbox.slack.add_channel("C0000000001")
    sandbox.riot.add_player(FRIEND, platform="euw1")
    return sandbox


def answers_of(sandbox: Sandbox) -> tuple[str, str]:
    return sandbox.settings["RIOT_API_KEY"], sandbox.settings["SLACK_BOT_TOKEN"]


def bare(sandbox: Sandbox, home: Path) -> dict[str, str]:
    """What a person's shell has: neither key nor token."""
    urls = {name: text for name, text in sandbox.settings.items() if name.startswith("LOLSLACKBOT_")}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LOLSLACKBOT_HOME": str(home), **urls}


def converse(environment: dict[str, str], answers: Sequence[str], *arguments: str) -> Result:
    """A person at a terminal, who answers each question; what stands on the screen in the end."""
    pid, terminal = pty.fork()
    if not pid:
        os.execve(sys.executable, [sys.executable, "-m", "lolslackbot", "init", *arguments], environment)
    shown, left, until, answered = b"", list(answers), time.monotonic() + 60, 0
    with suppress(OSError):  # the other side is closed
        while time.monotonic() < until:
            if select.select([terminal], [], [], 0.1)[0]:
                shown += os.read(terminal, 65536)
            elif left and len(shown) > answered and shown.rstrip(b" ").endswith(b":"):
                answered = len(shown)  # what stands there by now was answered, however slow the machine is
                os.write(terminal, left.pop(0).encode() + b"\n")
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGHUP)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert left == []
    return Result(os.waitstatus_to_exitcode(status), shown.decode().replace("\r\n", "\n"), "")


# A person


def test_from_nothing_to_the_first_message(slack_and_riot: Sandbox, home: Path) -> None:
    environment = bare(slack_and_riot, home)
    key, token = answers_of(slack_and_riot)
    said = converse(environment, [key, token, "C0000000001", FRIEND, ""])
    assert said.status == 0
    assert f"{FRIEND} (euw1) is announced in C0000000001" in said.out
    assert "Riot accepts it." in said.out
    assert "Slack accepts it." in said.out
    assert MANIFEST in said.out
    assert "channel #general (C0000000001): the bot is a member" in said.out
    assert key not in said.out
    assert token not in said.out
    assert (home / "env").read_text() == f"RIOT_API_KEY={key}\nSLACK_BOT_TOKEN={token}\n"
    assert stat.S_IMODE((home / "env").stat().st_mode) == 0o600
    slack_and_riot.riot.add_game(slack_and_riot.riot.players)
    Bot(home, environment).tick()
    assert len(keys_in(slack_and_riot, "C0000000001")) == 1


def test_each_wrong_answer_is_asked_for_again_with_the_reason(slack_and_riot: Sandbox, home: Path) -> None:
    key, token = answers_of(slack_and_riot)
    slack_and_riot.slack.add_channel("C2", member=False)
    secrets = ["", "xoxb-oops", "RGAPI-wrong", key, "", "xoxp-person", "xoxb-wrong", token]
    places = ["#general", "C2", "C0000000001", "Ahri", "Nobody#EUW", FRIEND, ""]
    said = converse(bare(slack_and_riot, home), [*secrets, *places])
    assert said.status == 0
    for reason in (
        "RIOT_API_KEY is needed",
        "RIOT_API_KEY holds a Slack token",
        "Riot refuses it (403 Forbidden)",
        "SLACK_BOT_TOKEN is needed",
        "SLACK_BOT_TOKEN holds a person's token",
        "Slack refuses it (invalid_auth)",
        "is no channel id",
        "the bot cannot post in C2 yet: the bot is not in it: /invite it there; then answer again",
        "'Ahri' is no Riot ID",
        "Riot knows no Nobody#EUW",
    ):
        assert reason in said.out
    assert "RGAPI-wrong" not in said.out
    assert "xoxb-wrong" not in said.out


def test_run_again_it_keeps_what_is_there(slack_and_riot: Sandbox, home: Path) -> None:
    key, token = answers_of(slack_and_riot)
    environment = bare(slack_and_riot, home)
    converse(environment, [key, token, "C0000000001", FRIEND, ""])
    env = home / "env"
    env.write_text(f"# mine\n{env.read_text()}LOLSLACKBOT_WORKERS=2\n")
    before = env.read_text()
    said = converse(environment, ["", "", ""])
    assert (said.status, env.read_text()) == (0, before)
    assert "tracked now: C0000000001" in said.out
    assert "is written" not in said.out


def test_stopped_in_the_middle_nothing_is_written(slack_and_riot: Sandbox, home: Path) -> None:
    key, _ = answers_of(slack_and_riot)
    said = converse(bare(slack_and_riot, home), [key, "\x03"])
    assert said.status == 130
    assert not home.exists()


def test_a_service_that_is_down_does_not_stop_a_person(slack_and_riot: Sandbox, home: Path) -> None:
    key, token = answers_of(slack_and_riot)
    slack_and_riot.riot.misbehave(Mishap.status(503), endpoint="account", times=1)
    slack_and_riot.slack.misbehave(Mishap.status(503), method="auth.test", times=1)
    slack_and_riot.slack.misbehave(Mishap.status(503), method="conversations.info", times=1)
    said = converse(bare(slack_and_riot, home), [key, token, "C0000000001", ""])
    assert "Riot could not be asked: " in said.out
    assert "Slack could not be asked: " in said.out
    assert "whether the bot can post in C0000000001 is not known: " in said.out


# A script


def test_a_script_gives_all_answers_at_once(slack_and_riot: Sandbox, in_process_command: Command, home: Path) -> None:
    friend = ("--channel", "C0000000001", "--player", FRIEND)
    said = in_process_command("init", *friend, **slack_and_riot.settings)
    assert (said.status, said.err) == (0, "")
    key, token = answers_of(slack_and_riot)
    assert (home / "env").read_text() == f"RIOT_API_KEY={key}\nSLACK_BOT_TOKEN={token}\n"
    assert "is announced in C0000000001" in said.out
    assert key not in said.out
    cron, systemd, check = (said.out.index(each) for each in ("For cron", "Or for systemd", "Riot key: key accepted"))
    assert cron < systemd < check
    assert f"LOLSLACKBOT_HOME={home}" in said.out[cron:systemd]
    assert f'--home "{home}"' in said.out[systemd:check]
    log = (home / "lolslackbot.log").read_text()
    assert log.count("track, player 1: in C0000000001") == log.count("POST chat.postMessage") + 1 == 1
    assert log.count("POST auth.test") == 1  # of check: nothing is logged before the secrets are known
    assert key not in log


@pytest.mark.parametrize("missing", ["RIOT_API_KEY", "SLACK_BOT_TOKEN"])
def test_without_a_terminal_and_an_answer_it_is_one_line(
    slack_and_riot: Sandbox, in_process_command: Command, home: Path, missing: str
) -> None:
    said = in_process_command("init", **{**slack_and_riot.settings, missing: ""})
    told = f"lolslackbot: {missing} is not set, and there is no terminal to ask on: put it into the environment\n"
    assert (said.status, said.err) == (2, told)
    assert not home.exists()


@pytest.mark.parametrize(("name", "value"), [("RIOT_API_KEY", "RGAPI-wrong"), ("SLACK_BOT_TOKEN", "xoxb-wrong")])
def test_a_wrong_answer_of_a_script_writes_nothing(
    slack_and_riot: Sandbox, in_process_command: Command, home: Path, name: str, value: str
) -> None:
    said = in_process_command("init", **{**slack_and_riot.settings, name: value})
    assert said.status == 77
    assert f"{name}: " in said.err
    assert value not in said.err + said.out
    assert not home.exists()


def test_friends_need_a_channel(slack_and_riot: Sandbox, in_process_command: Command) -> None:
    said = in_process_command("init", "--player", FRIEND, **slack_and_riot.settings)
    assert (said.status, "--player needs --channel" in said.err) == (2, True)


def test_a_channel_that_is_closed_is_told_of(slack_and_riot: Sandbox, in_process_command: Command) -> None:
    slack_and_riot.slack.add_channel("C2", member=False)
    said = in_process_command("init", "--channel", "C2", "--player", FRIEND, **slack_and_riot.settings)
    assert "the bot cannot post in C2 yet: the bot is not in it: /invite it there" in said.err


def test_a_person_s_token_and_one_that_cannot_post_are_refused(
    slack_and_riot: Sandbox, in_process_command: Command
) -> None:
    slack_and_riot.slack.scopes["default"] = {"channels:read"}
    said = in_process_command("init", **slack_and_riot.settings)
    assert "it lacks chat:write, so it cannot post" in said.err
    slack_and_riot.slack.misbehave(Mishap.json({"ok": True, "user_id": "U1", "team_id": "T1"}), method="auth.test")
    assert "this is a person's token" in in_process_command("init", **slack_and_riot.settings).err


def test_nothing_is_tried_if_so_asked(slack_and_riot: Sandbox, in_process_command: Command, home: Path) -> None:
    said = in_process_command("init", "--no-verify", RIOT_API_KEY="RGAPI-any", SLACK_BOT_TOKEN="xoxb-any")
    assert (said.status, (home / "env").read_text()) == (0, "RIOT_API_KEY=RGAPI-any\nSLACK_BOT_TOKEN=xoxb-any\n")
    assert slack_and_riot.riot.requests == []
    assert slack_and_riot.slack.requests == []


def test_a_limited_key_is_a_good_one(slack_and_riot: Sandbox, in_process_command: Command) -> None:
    for _ in range(2):
        slack_and_riot.riot.misbehave(Mishap.limited(30, "application"), endpoint="account", times=1)
    said = in_process_command("init", "--channel", "C0000000001", **slack_and_riot.settings)
    assert "Riot could not be asked: 429" in said.err
    again = in_process_command("init", **slack_and_riot.settings)
    assert "Riot accepts it." in again.out


def test_killed_at_any_line_nothing_is_half_done_and_a_second_time_does_it(
    slack_and_riot: Sandbox, home: Path, tmp_path: Path, fork_server: ForkServer
) -> None:
    arguments = ("--home", str(home), "init", "--channel", "C0000000001", "--player", FRIEND)
    settings, written = dict(slack_and_riot.settings), tmp_path / "lines"
    assert fork_server.run(Order(arguments, settings, arms=(TraceLines(str(written)),))) == 0
    whole = (home / "env").read_text()
    executed = {(name, line) for name, line in json.loads(written.read_text())}
    ours = sorted(each for each in executed if each[0].startswith(("commands/init", "admin/setup")))
    met: set[frozenset[tuple[str, bytes]]] = set()
    for name, line in ours:
        shutil.rmtree(home, ignore_errors=True)
        fork_server.run(Order(arguments, settings, arms=(KillAtLine(name, line, 1),)))
        assert not (home / "env").exists() or (home / "env").read_text() == whole, (name, line)
        if (left := left_behind(home)) in met:  # many lines leave the same: one second run for all of them
            continue
        met.add(left)
        assert fork_server.run(Order(arguments, settings)) == 0, (name, line)
        assert (home / "env").read_text() == whole
        assert sorted(path.name for path in home.iterdir() if path.name.startswith("env")) == ["env"]
    assert len(met) > 4  # nothing, a folder, a part of `env`, all of it, and more of a database


def left_behind(home: Path) -> frozenset[tuple[str, bytes]]:
    """What a second run meets, whatever the time was."""
    return frozenset(
        (path.name, MOMENT.sub(b"", path.read_bytes())) for path in home.glob("*") if path.suffix != ".log"
    )


# Another user


NOBODY = 65534
ME = user_name(NOBODY)
AS_NOBODY = (
    partial(os.setgroups, []),
    partial(os.setresgid, NOBODY, NOBODY, NOBODY),
    partial(os.setresuid, NOBODY, NOBODY, NOBODY),
)


@pytest.fixture
def open_home() -> Iterator[Path]:
    """A home that every user may enter. Only root can be somebody else, or give files away."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder, "home")
        home.mkdir(mode=0o755)
        yield home


def snapshot(home: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in home.iterdir()}


def init_as_nobody(sandbox: Sandbox, home: Path, fork_server: ForkServer) -> Result:
    arguments = ("--home", str(home), "init", "--no-verify", "--channel", "C0000000001", "--player", FRIEND)
    status = fork_server.run(Order(arguments, sandbox.settings, arms=AS_NOBODY))
    return Result(status, fork_server.out, fork_server.err)


def test_in_a_home_of_another_user_it_writes_nothing_and_names_the_owner(
    slack_and_riot: Sandbox, open_home: Path, fork_server: ForkServer
) -> None:
    for home in (open_home, open_home / "a folder" / "in it"):
        said = init_as_nobody(slack_and_riot, home, fork_server)
        told = f"{home}/env cannot be written: Permission denied; {open_home} belongs to root, and this is {ME}"
        assert (said.status, said.err) == (2, f"lolslackbot: {told}: run it as root\n")
        assert snapshot(open_home) == {}


def test_an_env_of_another_user_stays_as_it_is(
    slack_and_riot: Sandbox, open_home: Path, fork_server: ForkServer
) -> None:
    env = open_home / "env"
    env.write_text(KEPT)
    env.chmod(0o600)
    os.chown(open_home, NOBODY, NOBODY)
    said = init_as_nobody(slack_and_riot, open_home, fork_server)
    assert (said.status, said.err.count("\n"), snapshot(open_home)) == (2, 1, {"env": KEPT}), said
    assert f"`sudo chown {ME} {env}`" in said.err


def test_an_env_of_one_s_own_in_a_home_of_another_user_stays_as_it_is(
    slack_and_riot: Sandbox, open_home: Path, fork_server: ForkServer
) -> None:
    env = open_home / "env"
    env.write_text(KEPT)
    env.chmod(0o600)
    os.chown(env, NOBODY, NOBODY)
    said = init_as_nobody(slack_and_riot, open_home, fork_server)
    assert (said.status, snapshot(open_home)) == (2, {"env": KEPT})
    assert f"{open_home} belongs to root, and this is {ME}: run it as root\n" in said.err


def test_a_database_of_another_user_is_named(slack_and_riot: Sandbox, open_home: Path, fork_server: ForkServer) -> None:
    database = open_home / "lolslackbot.db"
    create_database(str(database)).close()
    os.chown(open_home, NOBODY, NOBODY)
    before = database.read_bytes()
    said = init_as_nobody(slack_and_riot, open_home, fork_server)
    assert (said.status, said.err.count("\n"), database.read_bytes()) == (2, 1, before), said
    assert f"{database} belongs to root, and this is {ME}: `sudo chown {ME} {database}`" in said.err


def test_what_root_sets_up_in_a_user_s_home_is_that_user_s(
    slack_and_riot: Sandbox, open_home: Path, fork_server: ForkServer
) -> None:
    os.chown(open_home, NOBODY, NOBODY)
    arguments = ("--home", str(open_home), "init", "--channel", "C0000000001", "--player", FRIEND)
    assert fork_server.run(Order(arguments, dict(slack_and_riot.settings))) == 0
    made = {path.name: (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) for path in open_home.iterdir()}
    assert {"env", "lolslackbot.db", "lolslackbot.log"} <= made.keys()
    assert set(made.values()) == {(NOBODY, 0o600)}


# The file


def test_a_value_is_set_in_its_own_line_and_all_else_stays() -> None:
    text = "# mine\nexport RIOT_API_KEY = 'old' # why\nA=b\nRIOT_API_KEY=older\n"
    assert with_values(text, {"RIOT_API_KEY": "new", "X": "y"}) == "# mine\nRIOT_API_KEY=new\nA=b\nX=y\n"
    assert with_values("", {"A": "b"}) == "A=b\n"


def test_a_file_that_is_there_keeps_its_place_behind_a_link(tmp_path: Path) -> None:
    kept = tmp_path / "elsewhere"
    kept.write_text(KEPT)
    link = tmp_path / "env"
    link.symlink_to(kept)
    write_env(str(link), {"RIOT_API_KEY": "RGAPI-new"})
    assert link.is_symlink()
    assert kept.read_text() == KEPT.replace("old", "new")


def test_a_file_that_cannot_be_written_is_named_and_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = tmp_path / "env"
    env.write_text(KEPT)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(setup, "fsync_path", fail)
    with pytest.raises(ConfigError, match="env cannot be written: No space left on device"):
        write_env(str(env), {"RIOT_API_KEY": "RGAPI-new"})
    assert (env.read_text(), [path.name for path in tmp_path.iterdir()]) == (KEPT, ["env"])


# Cron and systemd

TICK = ("answer", "fetch-matches", "build-messages", "deliver")


def test_the_lines_for_cron_work_with_odd_paths(tmp_path: Path) -> None:
    bot = tmp_path / "100 % mine's" / "lolslackbot"
    bot.parent.mkdir()
    bot.write_text('#!/bin/sh\necho "$LOLSLACKBOT_HOME $*"\n')
    bot.chmod(0o755)
    tick, week = cron_lines(str(bot), "/home/a b").splitlines()
    job = tick.removeprefix("*/3 * * * * ").replace(r"\%", "%")  # as cron does
    said = subprocess.run(["/bin/sh", "-c", job], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [f"/home/a b -q {stage}" for stage in TICK]
    assert week.startswith("0 9 * * 1 export ")
    assert shlex.quote("/home/a b") in week


def test_only_the_marked_block_is_ever_touched() -> None:
    mine = "MAILTO=me@example.org\n0 1 * * * mine\n"
    once = with_lines(mine, "one\n")
    assert once == f"{mine}{BEGIN}\none\n{END}\n"
    assert with_lines(f"{once}# below\n", "two\n") == f"{mine}{BEGIN}\ntwo\n{END}\n# below\n"
    assert with_lines("no end", "one\n") == f"no end\n{BEGIN}\none\n{END}\n"
    assert with_lines("", "one\n") == f"{BEGIN}\none\n{END}\n"


def test_every_block_is_replaced_by_one_whoever_edited_it() -> None:
    block, new = f"{BEGIN}\none\n{END}\n", f"{BEGIN}\ntwo\n{END}\n"
    assert with_lines(f"a\n{block}b\n{block}c\n", "two\n") == f"a\n{new}b\nc\n"
    assert with_lines(f"a\n{block}".rstrip("\n"), "two\n") == f"a\n{new}"
    assert with_lines(block.replace("\n", "\r\n") + "b\r\n", "two\n") == f"{new}b\r\n"


@pytest.mark.parametrize("left", [f"{BEGIN}\none\n0 1 * * * mine\n", f"{BEGIN}\none\nmine\n{BEGIN}\none\n{END}\n"])
def test_a_block_without_an_end_is_left_to_a_person(left: str) -> None:
    with pytest.raises(ConfigError, match="the line `# lolslackbot: end` is missing in it"):
        with_lines(left, "two\n")


CRONTAB = """#!/bin/sh
if [ "$1" = -l ]; then
    [ -f "$TABLE.denied" ] && { echo "you are not allowed to use this program" >&2; exit 1; }
    [ -f "$TABLE" ] || { echo "no crontab for you" >&2; exit 1; }
    cat "$TABLE"
else
    [ -f "$TABLE.broken" ] && { echo "bad minute" >&2; exit 1; }
    cat >"$TABLE"
fi
"""


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program, table = tmp_path / "bin" / "crontab", tmp_path / "table"
    program.parent.mkdir()
    program.write_text(CRONTAB)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TABLE", str(table))
    return table


def test_the_crontab_gets_the_lines_once(
    crontab: Path, slack_and_riot: Sandbox, in_process_command: Command, home: Path
) -> None:
    crontab.write_text("0 1 * * * mine\n")
    for _ in range(2):
        said = in_process_command("init", "--no-verify", "--cron", "--yes", **slack_and_riot.settings)
        assert "They are in your crontab, between two marked lines." in said.out
    lines = crontab.read_text().splitlines()
    assert (lines[0], lines[1], lines[-1], len(lines)) == ("0 1 * * * mine", BEGIN, END, 5)
    assert f"LOLSLACKBOT_HOME={home}" in lines[2]


def test_other_lines_stay_as_they_are_byte_for_byte(crontab: Path) -> None:
    mine = b"# caf\xe9\r\n0 1 * * * printf 'x\ry'\n"
    crontab.write_bytes(mine)
    install_lines("one\n")
    assert crontab.read_bytes() == mine + f"{BEGIN}\none\n{END}\n".encode()


def test_an_env_file_in_another_encoding_is_named_and_kept(
    slack_and_riot: Sandbox, in_process_command: Command, home: Path
) -> None:
    home.mkdir()
    (home / "env").write_bytes(b"# caf\xe9\n")
    said = in_process_command("init", "--no-verify", **slack_and_riot.settings)
    assert (said.status, "env is not UTF-8" in said.err) == (2, True)
    assert (home / "env").read_bytes() == b"# caf\xe9\n"


def test_nobody_s_crontab_is_changed_unasked(
    crontab: Path, slack_and_riot: Sandbox, in_process_command: Command
) -> None:
    said = in_process_command("init", "--no-verify", "--cron", **slack_and_riot.settings)
    assert "The crontab stays as it is." in said.out
    assert not crontab.exists()


def test_a_crontab_that_is_not_known_is_not_replaced(crontab: Path) -> None:
    Path(f"{crontab}.denied").touch()
    with pytest.raises(ConfigError, match="the crontab was not changed: you are not allowed"):
        install_lines("one\n")
    Path(f"{crontab}.denied").unlink()
    Path(f"{crontab}.broken").touch()
    with pytest.raises(ConfigError, match="the crontab was not changed: bad minute"):
        install_lines("one\n")
    assert not crontab.exists()


def test_a_machine_without_cron(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="there is no `crontab` on this machine"):
        install_lines("one\n")


def test_the_units_are_what_systemd_takes() -> None:
    units = sorted((ROOT / "systemd").iterdir())
    assert [unit.name for unit in units] == [
        f"lolslackbot{end}" for end in ("-digest.service", "-digest.timer", ".service", ".timer")
    ]
    ticks = (ROOT / "systemd" / "lolslackbot.service").read_text()
    stages = [line.rpartition(" ")[2] for line in ticks.splitlines() if line.startswith("ExecStart=-")]
    assert tuple(stages) == TICK
    assert_that_systemd_takes(units)


def assert_that_systemd_takes(units: Sequence[Path]) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    with tempfile.TemporaryDirectory(dir="/tmp") as runtime:  # a short path, for the sockets of other units
        checked = subprocess.run(
            ["systemd-analyze", "verify", "--user", *map(str, units)],
            env={**os.environ, "XDG_RUNTIME_DIR": runtime},
            capture_output=True,
            text=True,
            check=False,
        )
    assert checked.returncode == 0, checked.stderr
    assert [line for line in checked.stderr.splitlines() if "lolslackbot" in line] == []  # others are not ours


def test_the_commands_for_systemd_put_odd_paths_into_the_units(tmp_path: Path) -> None:
    bot = tmp_path / "100 % | mine & $yours" / "lolslackbot"  # systemd starts no program with quotes in its name
    home = r"""/home/a $b %h "c" 'd' \e"""
    stubs = tmp_path / "bin"
    for program in (bot, stubs / "systemctl", stubs / "loginctl"):
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "{program.name} $*" >>"$HOME/called"\n')
        program.chmod(0o755)
    environment = {"HOME": str(tmp_path), "PATH": f"{stubs}:{os.environ['PATH']}"}
    subprocess.run(["/bin/sh", "-ec", systemd_lines(str(bot), home)], cwd=ROOT, env=environment, check=True)
    units = sorted((tmp_path / ".config" / "systemd" / "user").iterdir())
    assert [unit.name for unit in units] == [unit.name for unit in sorted((ROOT / "systemd").iterdir())]
    starts = [line for unit in units for line in unit.read_text().splitlines() if line.startswith("ExecStart=")]
    calls = [shlex.split(start.removeprefix("ExecStart=-").replace("%%", "%")) for start in starts]
    assert {(call[0], call[2].replace("$$", "$")) for call in calls} == {(str(bot), home)}
    assert [call[1:2] + call[3:] for call in calls] == [
        ["--home", "-q", stage] for stage in ("digest", "deliver", *TICK)
    ]
    assert (tmp_path / "called").read_text().splitlines() == [
        "systemctl --user daemon-reload",
        "systemctl --user enable --now lolslackbot.timer lolslackbot-digest.timer",
        "loginctl enable-linger",
    ]
    assert_that_systemd_takes(units)


def test_the_page_on_setting_up_by_hand_shows_the_same_manifest() -> None:
    assert f"```yaml\n{MANIFEST}```\n" in (ROOT / "docs" / "setup.md").read_text("utf-8")
