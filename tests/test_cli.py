"""The commands as a person and cron meet them: what is printed where, and the exit status of every end."""

import errno
import json
import os
import pty
import re
import resource
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote

import pytest
from support import (
    START,
    Bot,
    Command,
    FakeClock,
    Result,
    a_match,
    add_player,
    forgotten_shell,
    keys_in,
    scope_of,
    store_match,
)

from lolslackbot import __main__ as entry
from lolslackbot import cli
from lolslackbot.clock import text_of
from lolslackbot.commands import app, maintenance
from lolslackbot.errors import ConfigError
from lolslackbot.files import user_name
from lolslackbot.rank import FLEX, SOLO, Standing
from lolslackbot.sandbox import Mishap, Sandbox
from lolslackbot.sandbox.blocks import fault_of
from lolslackbot.store import channels, holds, listings, matches, ranks, runs, sqlite
from lolslackbot.store.database import Database
from lolslackbot.store.locks import run_lock

NOW = datetime.now(UTC)


@pytest.fixture
def online(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The sandbox, to which commands in this process are led too."""
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)
    return sandbox


def log(home: Path) -> str:
    return (home / "lolslackbot.log").read_text(encoding="utf-8")


def waiting(db: Database, *match_ids: str) -> None:
    """A player in C1, listed now, and fresh stored games of theirs."""
    add_player(db, since=NOW - timedelta(days=1))
    listings.record_page(db, 1, [], None, NOW)
    for match_id in match_ids:
        store_match(db, a_match(match_id, ended_at=NOW - timedelta(minutes=5)), NOW)


# What every command has in common


def test_without_a_command_the_help_is_shown_and_it_is_wrong_usage(in_process_command: Command) -> None:
    result = in_process_command(at_home=False)
    assert (result.status, result.out) == (2, "")
    assert "Usage: lolslackbot" in result.err
    assert "fetch-matches" in result.err


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_no_failure(in_process_command: Command, option: str) -> None:
    result = in_process_command(option, at_home=False)
    assert (result.status, result.err) == (0, "")
    assert "Usage: lolslackbot" in result.out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("-v", "-q", "status"), "-v and -q exclude each other"),
        (("frobnicate",), "No such command 'frobnicate'"),
        (("--database", ".", "players"), "--database cannot be used: "),
        (("--home", "nothing", "players"), "--home cannot be used: "),
        (("track",), "--file"),
        (("track", "Ahri#EUW"), "--channel"),
        (("track", "Ahri#EUW", "--channel", "C1", "--file", "x.csv"), "--file cannot be combined with"),
        (("track", "--platform", "euw1", "--file", "x.csv"), "--file cannot be combined with"),
        (("track", "Ahri", "--channel", "C1"), "NAME#TAG"),
        (("pause", "--channel", "general"), "--channel"),
        (("retry",), "give one of --match, --message, --channel, --host and --missing"),
        (("retry", "--host", "nowhere", "--yes"), "'americas', 'asia', 'europe', 'sea', 'br1'"),
        (("retry", "--host", "europe"), "pass --yes"),
        (("retry", "--missing", "--channel", "C1", "--yes"), "give one of"),
        (("retry", "--missing"), "pass --yes"),
        (
            ("retry", "--missing", "--found", "https://a.slack.com/archives/C1/p1700000000123456", "--yes"),
            "--found goes with --message",
        ),
        (("retry", "--message", "EUW1_1", "C1", "--found", "C1", "--yes"), "is no link to a message"),
    ],
)
def test_wrong_usage_is_one_line_that_names_it(
    in_process_command: Command, tmp_path: Path, home: Path, arguments: tuple[str, ...], named: str
) -> None:
    result = in_process_command(*arguments)
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert named in result.err
    assert not home.exists()


EVERY = [
    ("fetch-matches",),
    ("build-messages",),
    ("deliver",),
    ("deliver", "--dry-run"),
    ("untrack", "Ahri#EUW"),
    ("players",),
    ("channels",),
    ("pause",),
    ("resume",),
    ("retry", "--missing", "--yes"),
    ("backup", "copy.db"),
    ("status",),
]


@pytest.mark.parametrize("arguments", EVERY)
def test_without_a_database_each_command_says_so_and_makes_nothing(
    in_process_command: Command, home: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    result = in_process_command(*arguments)
    assert result == Result(
        2,
        "",
        f"lolslackbot: there is no database at {home / 'lolslackbot.db'}: `lolslackbot track` makes one\n",
    )
    assert not home.exists()
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.parametrize("arguments", EVERY)
def test_a_setting_at_fault_is_named_by_each_command(
    in_process_command: Command, home: Path, arguments: tuple[str, ...]
) -> None:
    result = in_process_command(*arguments, LOLSLACKBOT_MAX_SECONDS="soon")
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert "LOLSLACKBOT_MAX_SECONDS" in result.err
    assert not home.exists()


def test_another_database_can_be_named_by_option_and_by_setting(
    in_process_command: Command, db: Database, home: Path
) -> None:
    waiting(db)
    moved = home.parent / "elsewhere.db"
    Path(db.path).rename(moved)
    assert in_process_command("players").status == 2
    for result in (
        in_process_command("--database", str(moved), "players"),
        in_process_command("--database", "elsewhere.db", "players"),  # in the current folder
        in_process_command("players", LOLSLACKBOT_DATABASE=str(moved)),
        in_process_command("players", LOLSLACKBOT_DATABASE="../elsewhere.db"),  # in the home folder
        in_process_command("--database", str(moved), "players", LOLSLACKBOT_DATABASE="nothing.db"),
    ):
        assert result.status == 0
        assert "Player 1#EUW" in result.out


def test_the_home_can_be_named_by_option_and_by_setting(in_process_command: Command, db: Database, home: Path) -> None:
    waiting(db)
    assert "Player 1#EUW" in in_process_command("players", at_home=False, LOLSLACKBOT_HOME=str(home)).out
    assert "Player 1#EUW" in in_process_command("--home", f"{home.name}/", "players", at_home=False).out
    assert (
        "Player 1#EUW"
        in in_process_command("--home", f"../{home.parent.name}/{home.name}", "players", at_home=False).out
    )
    assert "Player 1#EUW" in in_process_command("players", LOLSLACKBOT_HOME="/nowhere").out


def test_a_home_of_a_user_that_there_is_not_is_one_line(in_process_command: Command) -> None:
    result = in_process_command("players", at_home=False, LOLSLACKBOT_HOME="~nosuchuser/bot")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("lolslackbot: LOLSLACKBOT_HOME cannot be used: there is no such user")


# Ends


def sets_off(monkeypatch: pytest.MonkeyPatch, fault: Callable[..., object]) -> None:
    monkeypatch.setattr(matches, "to_build", fault)


def raises(error: BaseException) -> Callable[..., object]:
    def fault(*_: object, **__: object) -> None:
        raise error

    return fault


def test_an_unexpected_error_in_a_stage_is_one_line_with_its_stack_trace_in_the_log(
    in_process_command: Command, db: Database, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets_off(monkeypatch, raises(ZeroDivisionError("a bug of ours")))
    result = in_process_command("build-messages")
    assert (result.status, result.out) == (1, "build-messages: nothing to do\n")
    assert "lolslackbot: unexpected ZeroDivisionError, see the log" in result.err
    assert "Traceback" not in result.err
    assert "Traceback" in log(home)
    assert "ZeroDivisionError: a bug of ours" in log(home)


def test_an_unexpected_error_in_any_other_command_is_one_line_too(
    in_process_command: Command, db: Database, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "pause", raises(ZeroDivisionError("a bug of ours")))
    result = in_process_command("pause")
    assert (result.status, len(result.err.splitlines())) == (1, 1)
    assert "ZeroDivisionError: a bug of ours" in log(home)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_before_and_after_the_command_just_ends_the_process(
    in_process_command: Command, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, status: int
) -> None:
    ends: list[int] = []
    monkeypatch.setattr(os, "_exit", ends.append)
    monkeypatch.setattr(cli, "main", lambda: os.kill(os.getpid(), number))  # before it sets its own handlers
    entry.main()
    os.kill(os.getpid(), number)
    assert ends == [status, status]


@pytest.mark.parametrize(("number", "status", "words"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "TERM")])
def test_a_signal_ends_a_stage_at_once_without_a_traceback_and_frees_its_lock(
    in_process_command: Command,
    db: Database,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    status: int,
    words: str,
) -> None:
    with monkeypatch.context() as stopped:
        sets_off(stopped, lambda *_: os.kill(os.getpid(), number))
        result = in_process_command("build-messages")
    assert (result.status, result.out) == (status, "")
    assert f"lolslackbot: stopped by {'SIG' if words == 'TERM' else ''}{words}" in result.err
    assert "Traceback" not in result.err
    assert in_process_command("build-messages").status == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_riot_is_asked_tracks_nobody(
    subprocess_bot: Bot, sandbox: Sandbox, number: signal.Signals, status: int
) -> None:
    sandbox.riot.add_player("Ahri Fan#EUW")

    def stop() -> None:
        process.send_signal(number)
        process.wait(30)  # only then the answer would come

    sandbox.riot.misbehave(Mishap.on_request(stop), endpoint=None, times=1)
    process = subprocess_bot.start("track", "Ahri Fan#EUW", "--channel", "C1")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (status, "")
    assert "Traceback" not in err
    assert subprocess_bot.rows("SELECT * FROM players") == []


def cut_off(bot: Bot, *arguments: str) -> Result:
    """As `bot ... | head -0`: nobody reads what it prints."""
    with bot.start(*arguments) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        err = process.stderr.read()
        return Result(process.wait(60), "", err)


@pytest.mark.parametrize("arguments", [("--help",), ("players", "--help"), ("channels", "--json"), ("build-messages",)])
def test_when_the_reader_leaves_early_it_ends_as_a_tool_that_sigpipe_ends(
    in_process_command: Command, db: Database, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert in_process_command(*arguments) == Result(141, "", "")


def test_a_reader_that_leaves_early_gets_no_traceback(subprocess_bot: Bot, db: Database) -> None:
    result = cut_off(subprocess_bot, "players")
    assert (result.status, result.err) == (141, "")


def test_a_name_that_the_terminal_has_no_letters_for_is_shown_all_the_same(
    in_process_command: Command, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_player(db)
    with db.transaction():
        db.write("UPDATE players SET game_name = '阿狸 é'")
    printed = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(printed, encoding="latin-1"))
    assert in_process_command("players") == Result(0, "", "")
    assert rb"\u963f\u72f8 \xe9#EUW".replace(rb"\xe9", b"\xe9") in printed.getvalue()


# Odd outputs, files and folders


def without(bot: Bot, *closed: int, full: tuple[int, ...] = (), arguments: tuple[str, ...]) -> Result:
    """Runs a command with some of its standard streams closed or full."""

    def before() -> None:
        for number in closed:
            os.close(number)
        for number in full:
            os.dup2(os.open("/dev/full", os.O_WRONLY), number)

    process = bot.start(*arguments, before=before)
    out, err = process.communicate(timeout=60)
    return Result(process.returncode, out, err)


@pytest.mark.parametrize(("closed", "full"), [((1,), ()), ((2,), ()), ((0, 1, 2), ()), ((), (1,)), ((), (1, 2))])
def test_work_is_done_with_its_own_status_although_nobody_can_hear_of_it(
    subprocess_bot: Bot, db: Database, closed: tuple[int, ...], full: tuple[int, ...]
) -> None:
    waiting(db, "EUW1_1")
    built = without(subprocess_bot, *closed, full=full, arguments=("-vv", "build-messages"))
    assert (built.status, "Traceback" in built.out + built.err) == (0, False)
    assert subprocess_bot.rows("SELECT state FROM messages") == [("pending",)]
    assert subprocess_bot.rows("PRAGMA integrity_check") == [("ok",)]  # nothing was printed into a file of ours
    for arguments, status in ((("players", "--json"), 0), (("--help",), 0), (("frobnicate",), 2), (("retry",), 2)):
        assert without(subprocess_bot, *closed, full=full, arguments=arguments).status == status


def test_a_retry_is_done_although_what_it_says_goes_nowhere(subprocess_bot: Bot, db: Database) -> None:
    failed(db)
    assert without(subprocess_bot, full=(1,), arguments=("retry", "--missing", "--yes")).status == 0
    assert matches.state_of(db, "EUW1_2") == "wanted"


def test_who_no_longer_reads_what_goes_wrong_changes_no_status(subprocess_bot: Bot, db: Database) -> None:
    process = subprocess_bot.start("frobnicate")
    assert process.stderr
    process.stderr.close()
    process.communicate(timeout=60)
    assert process.returncode == 2


@pytest.mark.parametrize(("number", "usual"), [(1, None), (2, sys.__stderr__)])
def test_what_an_output_does_not_take_is_lost_and_the_work_goes_on(number: int, usual: TextIO | None) -> None:
    kept, full = os.dup(number), os.open("/dev/full", os.O_WRONLY)
    try:
        os.dup2(full, number)
        stream = entry._patient(number, usual)
        stream.write("Ahri \ud800\n")
        stream.flush()
        stream.write("and on\n")
        stream.flush()
    finally:
        os.dup2(kept, number)
        os.close(kept)
        os.close(full)


@pytest.mark.parametrize("number", [1, 2])
def test_only_a_reader_of_the_results_that_left_ends_the_work(number: int) -> None:
    kept = os.dup(number)
    read, write = os.pipe()
    os.close(read)
    try:
        os.dup2(write, number)
        stream = entry._patient(number, None)
        with pytest.raises(BrokenPipeError) if number == 1 else nullcontext():
            print("Ahri", file=stream, flush=True)
    finally:
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
        with suppress(BrokenPipeError):
            stream.close()
        os.dup2(kept, number)
        os.close(kept)
        os.close(write)


def test_closed_streams_are_opened_before_any_file_takes_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def closed(_number: int) -> None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    with monkeypatch.context() as gone:
        gone.setattr(os, "fstat", closed)
        gone.setattr(os, "open", lambda path, _flags: opened.append(path))
        gone.setattr(sys, "stdin", sys.stdin)
        entry._open_closed_streams()
    assert opened == [os.devnull] * 3
    with monkeypatch.context() as gone:
        gone.setattr(sys, "stdin", None)
        entry._open_closed_streams()
        assert sys.stdin.fileno() == 0


def test_a_path_in_a_removed_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as removed:
        removed.setattr(os, "getcwd", raises(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))))
        with pytest.raises(ConfigError, match="^x.db is in no folder: the current one was removed; cd to another$"):
            app.absolute("x.db")


def test_an_argument_that_is_not_utf_8_is_named(in_process_command: Command, db: Database) -> None:
    result = in_process_command("why", "Zo\udceb#EUW")
    assert (result.status, result.out, "is not UTF-8" in result.err) == (2, "", True)


def test_a_database_that_no_descriptor_is_left_for_is_told_as_that(
    in_process_command: Command, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorname = "SQLITE_CANTOPEN"
    monkeypatch.setattr(sqlite, "_connect", raises(error))
    assert "cannot be opened by this user" in in_process_command("players").err
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.dup(0)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (probe + 1, hard))
        fault = sqlite.fault_of(error, "x.db")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(probe)
    assert str(fault) == "the database x.db cannot be opened: this process may open no more files (`ulimit -n`)"


def test_a_start_that_the_system_prevents_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ends: list[int] = []

    def end(status: int) -> None:
        ends.append(status)
        raise KeyboardInterrupt  # os._exit comes not back

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(cli, "main", raises(OSError(errno.EMFILE, os.strerror(errno.EMFILE))))
    with pytest.raises(KeyboardInterrupt):
        entry.main()
    assert ends == [2]
    assert capfd.readouterr() == ("", "lolslackbot: it cannot be started: Too many open files\n")


@pytest.mark.parametrize("limit", [5, 6])
def test_few_descriptors_are_one_line_with_the_true_reason(subprocess_bot: Bot, db: Database, limit: int) -> None:
    process = subprocess_bot.start(
        "build-messages", before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    )
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.count("\n"), "ulimit -n" in err) == (2, 1, True), err


def test_no_more_descriptors_in_any_command_are_one_line(
    in_process_command: Command, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "pause", raises(OSError(errno.EMFILE, os.strerror(errno.EMFILE))))
    result = in_process_command("pause")
    assert result == Result(2, "", "lolslackbot: no more files can be opened: raise the limit (`ulimit -n`)\n")


def test_in_a_removed_folder_what_needs_none_works_and_the_rest_is_one_line(
    subprocess_bot: Bot, db: Database, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    def before() -> None:
        os.chdir(gone)
        gone.rmdir()

    with subprocess_bot.start("players", before=before) as process:
        assert process.wait(60) == 0
    for arguments in (("--database", "x.db", "players"), ("backup", "x.db")):
        gone.mkdir()
        process = subprocess_bot.start(*arguments, before=before)
        out, err = process.communicate(timeout=60)
        said = "lolslackbot: x.db is in no folder: the current one was removed; cd to another\n"
        assert (process.returncode, out, err) == (2, "", said)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """Whoever opens it waits until somebody opens its other end."""
    path = tmp_path / "fifo"
    os.mkfifo(path, 0o644)
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--database", "fifo", "players"), "the database {} cannot be used: it is a FIFO, not a file"),
        (("--database", "fifo", "build-messages"), "the database {} cannot be used: it is a FIFO, not a file"),
        (
            ("--database", "fifo", "track", "A#B", "--channel", "C1"),
            "the database {} cannot be made: it is a FIFO, not a file",
        ),
        (("track", "--file", "fifo"), "fifo cannot be read: it is a FIFO, not a file"),
        (("backup", "fifo"), "{} cannot be written: it is a FIFO, not a file"),
        (("backup", "/dev/null"), "/dev/null cannot be written: it is a device, not a file"),
        (("restore", "fifo"), "{} cannot be read: it is a FIFO, not a file"),
    ],
)
def test_what_is_no_file_is_one_line_at_once_and_stays_as_it_is(
    in_process_command: Command, db: Database, fifo: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = fifo.stat()
    result = in_process_command(*arguments, RIOT_API_KEY="RGAPI-x")
    assert result == Result(2, "", f"lolslackbot: {said.format(fifo)}\n")
    assert fifo.stat().st_mode == before.st_mode


@pytest.mark.parametrize("end", ["-journal", "-wal"])
@pytest.mark.parametrize("arguments", [("players",), ("build-messages",), ("track", "A#B", "--channel", "C1")])
def test_a_fifo_in_the_place_of_a_journal_keeps_nobody_waiting(
    in_process_command: Command, subprocess_bot: Bot, db: Database, fifo: Path, end: str, arguments: tuple[str, ...]
) -> None:
    journal = Path(f"{subprocess_bot.database}{end}")
    journal.symlink_to(fifo)
    said = f"the database {subprocess_bot.database} cannot be used: {journal}: it is a FIFO, not a file"
    assert in_process_command(*arguments, RIOT_API_KEY="RGAPI-x") == Result(2, "", f"lolslackbot: {said}\n")


def test_an_env_a_log_and_a_memory_that_are_no_files_keep_no_run_waiting(
    in_process_command: Command, db: Database, home: Path, fifo: Path
) -> None:
    for name in ("lolslackbot.log", "build-messages.last-failure"):
        (home / name).symlink_to(fifo)
    assert in_process_command("build-messages").err == (
        f"lolslackbot: no log, {home / 'lolslackbot.log'} cannot be written: it is a FIFO, not a file\n"
    )
    assert in_process_command("-q", "build-messages", LOLSLACKBOT_MAX_SECONDS="soon").status == 2
    (home / "env").symlink_to(fifo)
    said = f"{home / 'env'} cannot be read: it is a FIFO, not a file\n"
    assert in_process_command("players") == Result(2, "", f"lolslackbot: {said}")
    assert f"FAIL  settings: {said}" in in_process_command("check").out


# The log


@pytest.mark.parametrize(
    ("options", "shown", "hidden"),
    [
        ((), ["WARNING", "ERROR"], ["INFO", "DEBUG"]),
        (("-v",), ["WARNING", "ERROR", "INFO"], ["DEBUG"]),
        (("-vv",), ["WARNING", "ERROR", "INFO", "DEBUG"], []),
        (("-vvv",), ["WARNING", "ERROR", "INFO", "DEBUG"], []),
    ],
)
def test_each_v_says_more_on_stderr_and_the_log_file_has_it_all(
    in_process_command: Command,
    db: Database,
    home: Path,
    online: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    shown: list[str],
    hidden: list[str],
) -> None:
    online.slack.add_channel("C1")
    waiting(db, "EUW1_1", "EUW1_2")
    in_process_command("build-messages")
    online.slack.misbehave(Mishap.error("msg_too_long"), times=1)
    monkeypatch.setattr(app, "Clock", lambda: FakeClock(datetime.now(UTC)))  # the channel's rest takes no time
    result = in_process_command(*options, "deliver")
    assert (result.status, result.out) == (1, "deliver: 1 failed, 1 delivered\n")
    levels = {line.split()[0] for line in result.err.splitlines()}
    assert levels == set(shown)
    assert not levels & set(hidden)
    for level in ("ERROR", "INFO", "DEBUG"):
        assert f" {level} run-" in log(home)


def test_a_log_that_cannot_be_written_is_one_line_and_the_run_goes_on(
    in_process_command: Command, db: Database, home: Path
) -> None:
    waiting(db, "EUW1_1")
    (home / "lolslackbot.log").mkdir()
    result = in_process_command("build-messages")
    assert result == Result(
        0,
        "build-messages: 1 built\n",
        f"lolslackbot: no log, {home / 'lolslackbot.log'} cannot be written: Is a directory\n",
    )


def test_a_log_folder_that_cannot_be_made_is_one_line_and_the_command_goes_on(
    in_process_command: Command, db: Database, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.symlink_to("/nowhere/at/all")
    result = in_process_command("--home", str(elsewhere), "--database", str(db.path), "pause", at_home=False)
    assert (result.status, result.out.startswith("everything is paused")) == (0, True)
    assert result.err.startswith(f"lolslackbot: no log, {elsewhere / 'lolslackbot.log'} cannot be written: ")
    assert len(result.err.splitlines()) == 1


def test_a_log_that_cannot_be_written_is_no_flood_of_mail(
    in_process_command: Command, db: Database, home: Path
) -> None:
    (home / "lolslackbot.log").mkdir()
    assert in_process_command("-q", "build-messages") == Result(0, "", "")
    said = f"lolslackbot: no log, {home / 'lolslackbot.log'} cannot be written: Is a directory\n"
    assert in_process_command("build-messages").err == said
    assert in_process_command("check").err == said


def test_a_quiet_run_speaks_of_a_failure_once_and_with_what_was_held_back(
    in_process_command: Command, db: Database, online: Sandbox
) -> None:
    online.slack.add_channel("C1", archived=True)
    waiting(db, "EUW1_1")
    in_process_command("-q", "build-messages")
    spoken = in_process_command("-q", "deliver")
    assert (spoken.status, spoken.out) == (1, "deliver: 1 failed\n")
    assert "ERROR deliver EUW1_1 C1: failed: is_archived" in spoken.err
    fine = in_process_command("-q", "deliver")
    assert fine == Result(0, "", "")


def test_a_quiet_run_without_a_database_speaks_once_where_it_has_a_home(
    in_process_command: Command, home: Path
) -> None:
    home.mkdir()
    results = [in_process_command("-q", "deliver") for _ in range(2)]
    assert [result.status for result in results] == [2, 2]
    assert "there is no database" in results[0].err
    assert results[1].err == ""


# Players and channels


def test_without_tracks_the_lists_say_how_to_begin(in_process_command: Command, db: Database) -> None:
    assert in_process_command("players") == Result(0, "No players tracked yet. Start with `lolslackbot track`.\n", "")
    assert in_process_command("channels") == Result(0, "No channels yet. Start with `lolslackbot track`.\n", "")
    assert json.loads(in_process_command("players", "--json").out) == []
    assert json.loads(in_process_command("channels", "--json").out) == []


def test_players_are_listed_with_channel_and_problem(in_process_command: Command, db: Database) -> None:
    add_player(db, 1, channel="C1", since=START)
    add_player(db, 1, channel="C22", since=START)
    add_player(db, 2, channel="G3", workspace="friends", platform="kr", since=START)
    listings.record_problem(db, 2, "Riot has no list: 404", START)
    result = in_process_command("players")
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[0].split()[0] == "player"
    assert [line.split()[:5] for line in result.out.splitlines()[1:]] == [
        ["Player", "1#EUW", "euw1", "C1", "default"],
        ["Player", "1#EUW", "euw1", "C22", "default"],
        ["Player", "2#EUW", "kr", "G3", "friends"],
    ]
    assert result.out.splitlines()[3].endswith("Riot has no list: 404")
    assert json.loads(in_process_command("players", "--json").out)[2] == {
        "player": "Player 2#EUW",
        "platform": "kr",
        "channel": "G3",
        "workspace": "friends",
        "since": text_of(START),
        "last_game": None,
        "rank": None,
        "problem": "Riot has no list: 404",
    }


def test_players_are_listed_with_the_end_of_their_last_game(in_process_command: Command, db: Database) -> None:
    add_player(db, since=START - timedelta(days=1))
    store_match(db, a_match(ended_at=START))
    heads, cells = in_process_command("players").out.splitlines()
    assert cells[heads.index("last game") :].startswith("2026-11-23T12:00Z")
    assert json.loads(in_process_command("players", "--json").out)[0]["last_game"] == text_of(START)


def test_players_are_listed_with_their_rank(in_process_command: Command, db: Database) -> None:
    """The newest reading, solo before flex; the story of a player has each queue."""
    add_player(db)
    gold = Standing("GOLD", "II", 45, 30, 20)
    with db.transaction():
        ranks.record(db, 1, START, {SOLO: Standing("GOLD", "III", 90, 29, 20), FLEX: Standing("IRON", "I", 5, 1, 1)})
        ranks.record(db, 1, START + timedelta(hours=1), {SOLO: gold, FLEX: None})
    assert json.loads(in_process_command("players", "--json").out)[0]["rank"] == "Gold II 45 LP (solo)"
    story = in_process_command("why", "Player 1#EUW").out
    assert f"rank (solo): Gold II 45 LP, read at {text_of(START + timedelta(hours=1))}\n" in story
    assert "flex" not in story


def test_channels_are_listed_with_their_number_of_players_and_what_is_wrong(
    in_process_command: Command, db: Database
) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C1")
    add_player(db, 2, channel="C2", workspace="friends")
    with db.transaction():
        holds.put(db, scope_of("channel C2"), "broken", "is_archived", START, None)
    channels.record_name(db, "C1", "rift")
    result = in_process_command("channels")
    assert [line.split() for line in result.out.splitlines()] == [
        [
            "channel",
            "name",
            "workspace",
            "players",
            "queues",
            "style",
            "ranks",
            "digest",
            "live",
            "requests",
            "paused",
            "problem",
        ],
        ["C1", "#rift", "default", "2", "all", "full", "on", "on", "off", "off"],
        ["C2", "friends", "1", "all", "full", "on", "on", "off", "off", "is_archived"],
    ]
    assert json.loads(in_process_command("channels", "--json").out) == [
        {
            "channel": "C1",
            "name": "rift",
            "workspace": "default",
            "players": 2,
            "queues": "all",
            "style": "full",
            "ranks": "on",
            "digest": "on",
            "live": "off",
            "requests": "off",
            "paused": None,
            "problem": None,
        },
        {
            "channel": "C2",
            "name": None,
            "workspace": "friends",
            "players": 1,
            "queues": "all",
            "style": "full",
            "ranks": "on",
            "digest": "on",
            "live": "off",
            "requests": "off",
            "paused": None,
            "problem": "is_archived",
        },
    ]


def test_what_is_paused_is_listed_and_checked(in_process_command: Command, db: Database, online: Sandbox) -> None:
    for channel in ("C1", "C2"):
        add_player(db, channel=channel)
        online.slack.add_channel(channel)
    in_process_command("pause", "--channel", "c1")
    (paused, _), (running, nothing) = [
        (each["paused"], each["problem"]) for each in json.loads(in_process_command("channels", "--json").out)
    ]
    assert (str(paused)[-1], running, nothing) == ("Z", None, None)
    assert paused in in_process_command("channels").out
    assert f"warn  pause: channel C1 is paused (since {paused}); " in in_process_command("check").out
    in_process_command("resume", "--channel", "https://acme.slack.com/archives/C1")
    in_process_command("pause")
    assert all(each["paused"] for each in json.loads(in_process_command("channels", "--json").out))
    assert re.search(
        r"\neverything is paused since \S+Z: `lolslackbot resume` continues\n", in_process_command("channels").out
    )
    assert "warn  pause: everything is paused (since " in in_process_command("check").out


# From tracking to Slack


def test_a_game_goes_from_riot_to_slack_command_by_command(in_process_command: Command, online: Sandbox) -> None:
    online.riot.limits.application = "20:1,100:120"
    online.slack.add_channel("C1")
    ahri = online.riot.add_player("Ahri Fan#EUW", platform="euw1")
    tracked = in_process_command("track", "Ahri Fan#EUW", "--channel", "C1")
    assert tracked.status == 0
    assert tracked.out.startswith("Ahri Fan#EUW (euw1) is announced in C1: games that end after ")
    match = online.riot.add_game([ahri], ended=datetime.now(UTC) + timedelta(seconds=1))
    assert in_process_command("fetch-matches") == Result(0, "fetch-matches: 1 new, 1 listed, 1 fetched\n", "")
    assert in_process_command("build-messages") == Result(0, "build-messages: 1 built\n", "")
    shown = in_process_command("deliver", "--dry-run", SLACK_BOT_TOKEN="")
    assert shown.status == 0
    assert shown.out.splitlines()[0] == f"C1 (workspace default), {match}:"
    assert shown.out.splitlines()[-1] == "deliver --dry-run: 1 would go out now, 0 would not"
    assert in_process_command("deliver") == Result(0, "deliver: 1 delivered\n", "")
    assert keys_in(online, "C1") == [f"{match}:C1"]
    assert in_process_command("deliver") == Result(0, "deliver: nothing to do\n", "")
    gone = in_process_command("untrack", "ahri fan#euw", "--channel", "C1")
    assert gone == Result(0, "ahri fan#euw is no longer announced in C1\n", "")
    assert in_process_command("untrack", "ahri fan#euw").status == 1


def test_a_dry_run_says_how_many_the_time_budget_lets_go(in_process_command: Command, db: Database) -> None:
    waiting(db, "EUW1_1", "EUW1_2", "EUW1_3")
    in_process_command("build-messages")
    assert "LOLSLACKBOT_MAX_SECONDS" not in in_process_command("deliver", "--dry-run").out
    result = in_process_command("deliver", "--dry-run", LOLSLACKBOT_MAX_SECONDS="1")
    assert result.out.splitlines()[-2:] == [
        "deliver --dry-run: 3 would go out now, 0 would not",
        "in one run at most 1 of the 3: LOLSLACKBOT_MAX_SECONDS is 1, and a channel gets one message a second; "
        "slow answers make it fewer, the following runs send the rest",
    ]


def test_a_dry_run_says_why_a_message_does_not_go(in_process_command: Command, db: Database) -> None:
    waiting(db, "EUW1_1")
    in_process_command("build-messages")
    in_process_command("pause")
    result = in_process_command("deliver", "--dry-run")
    assert result.status == 0
    assert "EUW1_1:C1 does not go now: everything is paused until a person says otherwise: by hand" in result.out
    assert "0 would go out now, 1 would not" in result.out


def test_a_missing_key_is_named_before_a_database_is_made(in_process_command: Command, home: Path) -> None:
    result = in_process_command("track", "Ahri Fan#EUW", "--channel", "C1")
    assert (result.status, result.out) == (2, "")
    assert "RIOT_API_KEY is not set" in result.err
    assert not home.exists()


def test_a_stage_without_its_key_or_token_names_it_and_calls_nobody(
    in_process_command: Command, db: Database, online: Sandbox
) -> None:
    waiting(db, "EUW1_1")
    in_process_command("build-messages")
    fetched = in_process_command("fetch-matches", RIOT_API_KEY="")
    assert (fetched.status, "RIOT_API_KEY is not set" in fetched.err) == (2, True)
    delivered = in_process_command("deliver", SLACK_BOT_TOKEN="")
    assert (delivered.status, "SLACK_BOT_TOKEN is not set" in delivered.out) == (2, True)
    assert (online.riot.requests, online.slack.requests) == ([], [])


@pytest.fixture
def rows(tmp_path: Path) -> Callable[..., str]:
    """Writes a CSV file of players in channels; its path."""

    def write(*rows: str) -> str:
        path = tmp_path / "players.csv"
        path.write_text("\n".join(["riot_id,platform,channel,workspace", *rows]), "utf-8")
        return str(path)

    return write


def test_a_file_is_tracked_row_by_row_and_again_without_a_call(
    in_process_command: Command, online: Sandbox, rows: Callable[..., str]
) -> None:
    for name in ("Ahri Fan#EUW", "Bear#EUW"):
        online.riot.add_player(name, platform="euw1")
    path = rows("Ahri Fan#EUW,,C1,", "Bear#EUW,euw1,C2,friends")
    result = in_process_command("track", "--file", path)
    assert (result.status, result.out) == (0, "track: 2 of 2 rows are tracked\n")
    calls = len(online.riot.requests)
    assert calls == 6  # account, region and rank of each
    assert in_process_command("track", "--file", path).status == 0
    assert len(online.riot.requests) == calls


def test_a_row_that_riot_does_not_know_does_not_stop_the_others(
    in_process_command: Command, online: Sandbox, rows: Callable[..., str]
) -> None:
    online.riot.add_player("Bear#EUW", platform="euw1")
    path = rows("Nobody#EUW,euw1,C1,", "Bear#EUW,euw1,C1,")
    result = in_process_command("track", "--file", path)
    assert (result.status, result.out) == (1, "track: 1 of 2 rows are tracked\n")
    assert f"lolslackbot: {path}, line 2: Riot knows no Nobody#EUW" in result.err


def test_a_row_at_fault_is_named_by_its_line_and_the_others_are_tracked(
    in_process_command: Command, online: Sandbox, rows: Callable[..., str]
) -> None:
    online.riot.add_player("Bear#EUW", platform="euw1")
    path = rows("Nobody#EUW,euw1,C1,", "Bear,euw1,C1,", "Bear#EUW,EUW,https://acme.slack.com/archives/C1,")
    result = in_process_command("track", "--file", path)
    assert (result.status, result.out) == (2, "track: 1 of 3 rows are tracked\n")
    said = [line for line in result.err.splitlines() if line.startswith(f"lolslackbot: {path}, line ")]
    assert [line.split("line ")[1][:13] for line in said] == ["2: Riot knows", "3: 'Bear' is "]
    assert [each["channel"] for each in json.loads(in_process_command("players", "--json").out)] == ["C1"]


def test_a_file_without_a_good_row_needs_no_key_and_makes_no_database(
    in_process_command: Command, home: Path, rows: Callable[..., str]
) -> None:
    result = in_process_command("track", "--file", rows("Bear,euw1,C1,"))
    assert (result.status, result.out) == (2, "track: 0 of 1 rows are tracked\n")
    assert "line 2: 'Bear' is no Riot ID" in result.err
    assert not home.exists()


def test_rows_whose_platform_riot_does_not_say_name_the_way_out_and_do_not_stop_the_others(
    in_process_command: Command, online: Sandbox, rows: Callable[..., str]
) -> None:
    names = ("A#EUW", "B#EUW", "C#EUW", "D#EUW", "Bear#EUW")
    for name in names:
        online.riot.add_player(name, platform="euw1")
    online.riot.misbehave(Mishap.status(500), endpoint="region")
    path = rows(*[f"{name},,C1," for name in names[:4]], "Bear#EUW,euw1,C1,")
    result = in_process_command("track", "--file", path)
    assert (result.status, result.out) == (75, "track: 1 of 5 rows are tracked\n")
    for line, name in enumerate(names[:4], start=2):
        assert f"{path}, line {line}: Riot does not say on which platform {name} plays (500 " in result.err
    assert result.err.count("name it with --platform, or try again later") == 4
    assert [each["player"] for each in json.loads(in_process_command("players", "--json").out)] == ["Bear#EUW"]


def test_a_row_of_which_riot_says_nothing_does_not_stop_the_others_but_some_in_a_row_do(
    in_process_command: Command, online: Sandbox, rows: Callable[..., str]
) -> None:
    names = ("A#EUW", "B#EUW", "C#EUW", "D#EUW", "E#EUW")
    for name in names:
        online.riot.add_player(name, platform="euw1")
    online.riot.misbehave(Mishap.status(503), endpoint="account", path="/A/")
    path = rows(*[f"{name},euw1,C1," for name in names[:2]])
    assert in_process_command("track", "--file", path).out == "track: 1 of 2 rows are tracked\n"
    online.riot.misbehave(Mishap.status(503), endpoint="account")
    path = rows(*[f"{name},euw1,C1," for name in names])
    result = in_process_command("track", "--file", path)
    assert (result.status, result.out) == (75, "track: 1 of 5 rows are tracked\n")
    assert result.err.count("Riot gives no answer for") == 3 + 1


def test_a_row_whose_platform_contradicts_riot_does_not_stop_the_others_and_force_does_it(
    in_process_command: Command, online: Sandbox, rows: Callable[..., str]
) -> None:
    for name in ("Ahri Fan#EUW", "Bear#EUW"):
        online.riot.add_player(name, platform="euw1")
    path = rows("Ahri Fan#EUW,na1,C1,", "Bear#EUW,,C1,")
    result = in_process_command("track", "--file", path)
    assert (result.status, result.out) == (2, "track: 1 of 2 rows are tracked\n")
    assert f"{path}, line 2: Riot says that Ahri Fan#EUW plays on euw1, not on na1: " in result.err
    assert in_process_command("track", "--file", path, "--force").out == "track: 2 of 2 rows are tracked\n"


def test_a_row_with_a_channel_of_another_workspace_does_not_stop_the_others(
    in_process_command: Command, online: Sandbox, rows: Callable[..., str]
) -> None:
    for name in ("Ahri Fan#EUW", "Bear#EUW"):
        online.riot.add_player(name, platform="euw1")
    path = rows("Ahri Fan#EUW,euw1,C1,", "Bear#EUW,euw1,C1,friends", "Bear#EUW,euw1,C2,friends")
    result = in_process_command("track", "--file", path)
    assert (result.status, result.out) == (2, "track: 2 of 3 rows are tracked\n")
    assert f"lolslackbot: {path}, line 3: channel C1 belongs to workspace default, not to friends" in result.err
    assert [each["channel"] for each in json.loads(in_process_command("players", "--json").out)] == ["C1", "C2"]


def test_what_was_not_found_is_told_although_a_later_row_ends_the_run(
    in_process_command: Command, online: Sandbox, rows: Callable[..., str]
) -> None:
    online.riot.misbehave(Mishap.status(404), endpoint="account", times=1)
    online.riot.misbehave(Mishap.limited(60, "application"), endpoint="account")
    result = in_process_command("track", "--file", rows("Nobody#EUW,euw1,C1,", "Bear#EUW,euw1,C1,"))
    assert (result.status, result.out) == (75, "")
    assert "line 2: Riot knows no Nobody#EUW" in result.err
    assert "Riot limits us (429 Rate limit exceeded): try again later" in result.err


def test_a_refused_key_ends_the_tracking_of_a_file(
    in_process_command: Command, online: Sandbox, rows: Callable[..., str]
) -> None:
    result = in_process_command("track", "--file", rows("A#EUW,euw1,C1,", "B#EUW,euw1,C1,"), RIOT_API_KEY="RGAPI-other")
    assert (result.status, result.out) == (77, "")
    assert "Riot refuses RIOT_API_KEY" in result.err
    assert len(online.riot.requests) == 1


def test_riots_429_ends_the_run_with_75_and_no_call_goes_into_it(
    in_process_command: Command, db: Database, online: Sandbox
) -> None:
    waiting(db)
    online.riot.misbehave(Mishap.limited(60, "application"), endpoint="match-ids", times=1)
    assert in_process_command("fetch-matches").status == 75
    again = in_process_command("fetch-matches")
    assert again.status == 75
    assert "goes on after" in again.out
    assert len(online.riot.requests) == 1
    shown = in_process_command("status")
    assert re.search(r"\nriot europe +20\S+Z +held back +", shown.out)


# Pause and resume, status


def test_pause_and_resume_say_what_is_so_now(in_process_command: Command, db: Database) -> None:
    waiting(db)
    assert in_process_command("pause", "--channel", "C1").out.startswith("channel C1 is paused")
    assert in_process_command("resume", "--channel", "C1").out.startswith("channel C1 goes on")
    assert in_process_command("pause").out.startswith("everything is paused")
    assert in_process_command("resume").out.startswith("everything goes on")
    unknown = in_process_command("pause", "--channel", "C9")
    assert unknown == Result(1, "", "lolslackbot: C9 is not a tracked channel: see `lolslackbot channels`\n")


def test_a_healthy_status_is_0_and_one_that_needs_a_person_is_1(in_process_command: Command, db: Database) -> None:
    waiting(db, "EUW1_1")
    in_process_command("build-messages")
    result = in_process_command("status")
    assert (result.status, result.err) == (0, "")
    lines = re.sub(r"[0-9.]+ s ", "… s ", re.sub(r"\d+ (second|minute)s? ago", "… ago", result.out)).splitlines()
    assert lines[0] == f"database {db.path}, user {user_name(os.geteuid())}"
    assert [re.split(" {2,}", line) for line in lines[1:6]] == [
        ["Nothing needs a person."],
        ["stage", "last run", "took", "end", "summary", "last runs"],
        ["fetch-matches", "no run on record"],
        ["build-messages", "… ago", "… s", "exit 0", "build-messages: 1 built"],
        ["deliver", "no run on record"],
    ]
    assert lines[6:] == [
        "last poll … ago; stalest player list polled … ago; oldest pending message built … ago",
        "messages pending: 1",
    ]
    assert json.loads(in_process_command("status", "--json").out)["healthy"] is True
    in_process_command("pause")
    paused = in_process_command("status")
    assert paused.status == 1
    assert paused.out.splitlines()[1].startswith("everything is paused ")
    as_json = in_process_command("status", "--json")
    assert (as_json.status, json.loads(as_json.out)["healthy"]) == (1, False)


def test_status_counts_how_the_last_runs_ended_and_tells_what_is_cut_off_from_what_is_at_work(
    in_process_command: Command, db: Database
) -> None:
    waiting(db)
    for _ in range(2):
        in_process_command("build-messages")
        runs.begin(db, "deliver", NOW)
    with run_lock(db.path, "deliver"):
        shown = in_process_command("status").out
    assert re.search(r"\nbuild-messages .* exit 0 .* 2, first \d+ \w+ ago: 2 exit 0\ndeliver +\d", shown)
    assert re.search(r"\ndeliver +\d+ \w+ ago +at work\n", shown)
    shown = in_process_command("status").out
    assert re.search(
        r"\ndeliver +\d+ \w+ ago +cut off +was cut off \(killed, or .* 2, first \d+ \w+ ago: 2 cut off\n",
        shown,
    )


def test_what_is_known_is_told_although_another_program_keeps_readers_out(
    in_process_command: Command, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(db)
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)
    with forgotten_shell(db.path, "EXCLUSIVE"):
        shown = in_process_command("status")
        assert (shown.status, shown.err) == (1, "")
        assert shown.out.splitlines()[1].startswith("the database is locked by another program")
        assert json.loads(in_process_command("status", "--json").out)["healthy"] is False
        assert in_process_command("why", "C1").out.startswith("C1 announces Player 1#EUW")
        assert in_process_command("players").status == 75
    assert in_process_command("status").status == 0


def test_status_tells_of_limits_in_force_and_of_those_that_are_over(in_process_command: Command, db: Database) -> None:
    with db.transaction():
        holds.put(db, scope_of("riot europe"), "limited", "429 application", NOW, NOW + timedelta(hours=1))
        holds.put(db, scope_of("riot kr match"), "limited", "429 method", NOW, NOW - timedelta(hours=1))
    result = in_process_command("status")
    assert result.status == 0
    assert result.out.splitlines()[6:8] == ["no poll of a player list on record", "Nothing waits."]
    assert [re.split(" {2,}", line) for line in result.out.splitlines()[8:]] == [
        ["held back", "until", "now", "reason"],
        ["riot europe", text_of(NOW + timedelta(hours=1)), "held back", "429 application"],
        ["riot kr match", text_of(NOW - timedelta(hours=1)), "over", "429 method"],
    ]


# Retry


def failed(db: Database) -> None:
    """One failed message, EUW1_1 in C1, of a broken channel; EUW1_2 is missing."""
    waiting(db, "EUW1_1")
    listings.record_page(db, 1, ["EUW1_2"], None, NOW)
    matches.mark_missing(db, "EUW1_2", NOW, None)
    with db.transaction():
        db.write(
            """
            INSERT INTO messages (
                subject, kind, match_id, channel_id, workspace, state, error, text, happened_at, built_at
            )
            SELECT match_id, 'game', match_id, 'C1', 'default', 'failed', 'is_archived', 'words', ended_at, ended_at
            FROM matches WHERE match_id = 'EUW1_1'
            """
        )
        holds.put(db, scope_of("channel C1"), "broken", "is_archived", NOW, None)


def message_state(db: Database) -> str:
    row = db.row("SELECT state FROM messages")
    assert row
    return str(row["state"])


RETRIES = [
    (
        ("--message", "EUW1_1", "C1"),
        [
            "EUW1_1:C1 will fail again: C1 is marked broken (is_archived); `lolslackbot retry --channel C1` tries the "
            "channel again too"
        ],
    ),
    (
        ("--channel", "C1"),
        [
            "C1 was marked broken (is_archived) and is unblocked",
            "EUW1_1:C1 will be sent again",
        ],
    ),
    (("--match", "EUW1_2"), ["match EUW1_2 is asked for again"]),
    (("--missing",), ["match EUW1_2 is asked for again"]),
]


def states(db: Database) -> tuple[str, str | None, bool]:
    broken = holds.find(db, scope_of("channel C1"), "broken") is not None
    return message_state(db), matches.state_of(db, "EUW1_2"), broken


BEFORE = ("failed", "missing", True)
AFTER = {
    "--message": ("pending", "missing", True),
    "--channel": ("pending", "missing", False),
    "--match": ("failed", "wanted", True),
    "--missing": ("failed", "wanted", True),
}


@pytest.mark.parametrize(("options", "sentences"), RETRIES)
def test_with_yes_a_retry_says_what_it_does_and_does_it_once(
    in_process_command: Command, db: Database, options: tuple[str, ...], sentences: list[str]
) -> None:
    failed(db)
    result = in_process_command("retry", *options, "--yes")
    assert (result.status, result.out.splitlines(), result.err) == (0, sentences, "")
    assert states(db) == AFTER[options[0]]
    if options[0] != "--message":
        assert in_process_command("retry", *options, "--yes").status == 1
    assert states(db) == AFTER[options[0]]


@pytest.mark.parametrize("options", [options for options, _ in RETRIES])
def test_without_a_terminal_and_yes_a_retry_is_refused_and_does_nothing(
    in_process_command: Command, db: Database, options: tuple[str, ...]
) -> None:
    failed(db)
    result = in_process_command("retry", *options)
    assert (result.status, result.out) == (2, "")
    assert "pass --yes" in result.err
    assert states(db) == BEFORE


def test_a_host_is_retried_with_the_answer_to_its_question(in_process_command: Command, db: Database) -> None:
    with db.transaction():
        holds.put(db, scope_of("riot europe"), "limited", "429 application", NOW, NOW + timedelta(hours=9))
    result = in_process_command("retry", "--host", "Europe", "--yes")
    assert (result.status, len(result.out.splitlines()), result.err) == (0, 2, "")
    assert holds.all_known(db) == []
    again = in_process_command("retry", "--host", "europe", "--yes")
    assert again == Result(1, "", "lolslackbot: nothing holds europe back: nothing to retry\n")


def test_a_retry_of_nothing_is_one_line_and_1(in_process_command: Command, db: Database) -> None:
    result = in_process_command("retry", "--message", "EUW1_9", "C1", "--yes")
    assert result == Result(1, "", "lolslackbot: there is no message about EUW1_9 in C1\n")


def answered(bot: Bot, answer: bytes, *arguments: str) -> Result:
    """Runs a command that asks on a terminal, where somebody types `answer`."""
    master, slave = pty.openpty()
    try:
        process = bot.start(*arguments, before=lambda: os.dup2(slave, 0))
        os.write(master, answer)
        out, err = process.communicate(timeout=60)
        return Result(process.returncode, out, err)
    finally:
        os.close(master)
        os.close(slave)


def test_on_a_terminal_a_retry_asks_and_yes_does_it(subprocess_bot: Bot, db: Database) -> None:
    failed(db)
    result = answered(subprocess_bot, b"y\n", "retry", "--channel", "C1")
    assert (result.status, result.err) == (0, "")
    assert "EUW1_1:C1 will be sent again" in result.out
    assert "Do it? [y/N]" in result.out
    assert states(db) == AFTER["--channel"]


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [("n\n", 0, "nothing was changed\n"), ("\n", 0, "nothing was changed\n"), ("", 130, "")],
)
def test_on_a_terminal_a_retry_asks_and_anything_but_yes_changes_nothing(
    in_process_command: Command, db: Database, answer: str, status: int, said: str
) -> None:
    failed(db)
    result = in_process_command("retry", "--channel", "C1", typed=answer)
    assert "Do it? [y/N]" in result.out
    assert (result.status, result.out.endswith(said), "Traceback" in result.err) == (status, True, False)
    assert states(db) == BEFORE


# Backup and restore


def test_a_backup_is_put_back_and_what_waits_is_looked_up_first(
    in_process_command: Command, db: Database, home: Path, tmp_path: Path
) -> None:
    waiting(db, "EUW1_1")
    in_process_command("build-messages")
    copy = tmp_path / "copy.db"
    saved = in_process_command("backup", "copy.db")
    assert (saved.status, saved.out.startswith(f"{copy} is a verified copy of")) == (0, True)
    db.close()
    restored = in_process_command("restore", str(copy))
    assert restored.status == 0, restored
    assert restored.out.splitlines()[0] == f"{home / 'lolslackbot.db'} is now what {copy} was"
    assert "looked up in Slack before it is announced: what waits (1)" in restored.out
    assert len(list(home.glob("lolslackbot.db.before-*"))) == 1
    status = in_process_command("status")
    assert (status.status, "1 message has an unknown delivery status" in status.out) == (1, True)


def test_a_restore_waits_for_no_run_at_work(in_process_command: Command, db: Database, tmp_path: Path) -> None:
    in_process_command("backup", "copy.db")
    with run_lock(Path(db.path), "deliver"):
        result = in_process_command("restore", "copy.db")
    assert result.status == 75
    assert "another deliver is at work" in result.err


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (".", "is a folder: name a file"),
        ("home/lolslackbot.db", "is the database itself: name another file"),
        ("nowhere/copy.db", "cannot be written: No such file or directory"),
    ],
)
def test_a_backup_that_cannot_be_made_is_one_line_and_leaves_nothing(
    in_process_command: Command, db: Database, tmp_path: Path, target: str, words: str
) -> None:
    before = Path(db.path).read_bytes()
    result = in_process_command("backup", target)
    assert (result.status, result.out) == (2, "")
    assert result.err == f"lolslackbot: {tmp_path}/{target} {words}\n"
    assert Path(db.path).read_bytes() == before
    assert not list(tmp_path.rglob("*.partial"))


def test_what_cannot_be_put_back_is_one_line_and_changes_nothing(
    in_process_command: Command, db: Database, tmp_path: Path
) -> None:
    before = Path(db.path).read_bytes()
    in_process_command("backup", "copy.db")
    whole = (tmp_path / "copy.db").read_bytes()
    (tmp_path / "damaged.db").write_bytes(whole[:-4096] + b"x" * 4096)
    (tmp_path / "odd.db").write_text("no database")
    for source, words in (
        ("nothing.db", "there is no file"),
        ("odd.db", "is not a SQLite database"),
        ("damaged.db", "is damaged"),
        (str(db.path), "is the database itself"),
    ):
        result = in_process_command("restore", source)
        assert (result.status, result.out, len(result.err.splitlines())) == (2, "", 1), result
        assert words in result.err
    assert Path(db.path).read_bytes() == before


def test_a_backup_is_put_where_there_is_no_database(
    in_process_command: Command, db: Database, home: Path, tmp_path: Path
) -> None:
    in_process_command("backup", "copy.db")
    db.close()
    Path(db.path).unlink()
    result = in_process_command("restore", "copy.db")
    assert result.status == 0
    assert "is kept as" not in result.out
    assert in_process_command("players").status == 0


@pytest.mark.parametrize("journal", [True, False])
def test_a_backup_replaces_a_damaged_database_which_is_kept(
    in_process_command: Command, db: Database, home: Path, journal: bool
) -> None:
    waiting(db)
    in_process_command("backup", "copy.db")
    db.close()
    Path(db.path).write_bytes(b"damaged" * 1000)
    if journal:
        (home / "lolslackbot.db-journal").write_bytes(b"\0a journal")  # ended, so SQLite leaves it
    result = in_process_command("restore", "copy.db")
    assert result.status == 0
    assert "its rate limits could not be read" in result.out
    assert "Player 1#EUW" in in_process_command("players").out
    kept = [path.read_bytes() for path in sorted(home.glob("lolslackbot.db.before-*"))]
    assert kept == ([b"damaged" * 1000, b"\0a journal"] if journal else [b"damaged" * 1000])
    assert not (home / "lolslackbot.db-journal").exists()


def test_a_database_that_cannot_be_replaced_stays_in_its_place(
    in_process_command: Command, db: Database, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(db)
    in_process_command("backup", "copy.db")
    db.close()
    monkeypatch.setattr(os, "link", raises(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    result = in_process_command("restore", "copy.db")
    assert (result.status, result.out) == (2, "")
    assert result.err == f"lolslackbot: {home / 'lolslackbot.db'} cannot be replaced: No space left on device\n"
    assert "Player 1#EUW" in in_process_command("players").out
    assert not list(home.glob("lolslackbot.db.*restoring*"))


def test_a_restore_keeps_the_rate_limits_of_today(in_process_command: Command, db: Database) -> None:
    waiting(db)
    with db.transaction():
        holds.put(db, scope_of("riot kr"), "limited", "429 of then", NOW, NOW + timedelta(hours=1))
    in_process_command("backup", "copy.db")
    with db.transaction():
        holds.lift(db, scope_of("riot kr"), "limited")
        holds.put(db, scope_of("riot europe"), "limited", "429 of today", NOW, NOW + timedelta(hours=1))
    db.close()
    assert in_process_command("restore", "copy.db").status == 0
    shown = in_process_command("status").out
    assert "429 of today" in shown
    assert "429 of then" not in shown


# What a channel wants to hear, and a look before sending


def test_what_a_channel_wants_to_hear_is_set_and_listed(in_process_command: Command, db: Database) -> None:
    add_player(db, channel="C1")
    wishes = ("--queues", "ARAM, ranked", "--style", "compact", "--ranks", "off", "--digest", "off")
    result = in_process_command("channels", "set", "C1", *wishes)
    assert (result.status, result.out) == (
        0,
        "C1 hears of ranked,aram queues in compact style from now on; ranks off, digest off, live off, requests off\n",
    )
    assert json.loads(in_process_command("channels", "--json").out) == [
        {
            "channel": "C1",
            "name": None,
            "workspace": "default",
            "players": 1,
            "queues": "ranked,aram",
            "style": "compact",
            "ranks": "off",
            "digest": "off",
            "live": "off",
            "requests": "off",
            "paused": None,
            "problem": None,
        }
    ]
    assert "ranked,aram queues in full style" in in_process_command("channels", "set", "C1", "--style", "full").out


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("C1",), 2, "give --queues, --style, --ranks, --digest, --live, --requests or several of them"),
        (("C1", "--queues", "rankd"), 2, "names no queues: it takes all, ranked,"),
        (("C1", "--style", "loud"), 2, "'loud' is not one of 'full', 'compact'"),
        (("general", "--style", "full"), 2, "is no channel id"),
        (("C9", "--style", "full"), 1, "C9 is not a tracked channel"),
    ],
)
def test_a_wish_that_cannot_be_is_one_line(
    in_process_command: Command, db: Database, arguments: tuple[str, ...], status: int, words: str
) -> None:
    add_player(db, channel="C1")
    result = in_process_command("channels", "set", *arguments)
    assert result.status == status
    assert words in result.err
    assert len(result.err.splitlines()) == 1


def test_listing_and_setting_do_not_mix(in_process_command: Command, db: Database) -> None:
    result = in_process_command("channels", "--json", "set", "C1", "--style", "full")
    assert (result.status, result.out) == (2, "")


def test_a_dry_run_shows_the_blocks_and_a_link_that_opens_them_in_slack(
    in_process_command: Command, db: Database
) -> None:
    add_player(db)
    store_match(db, a_match("EUW1_1", ended_at=NOW), now=NOW)
    assert in_process_command("build-messages").status == 0
    assert "blocks" not in in_process_command("deliver", "--dry-run").out.partition("\n")[2]
    lines = in_process_command("deliver", "--dry-run", "--blocks").out.splitlines()
    blocks = json.loads(next(line for line in lines if line.lstrip().startswith("[")))
    link = next(line.strip() for line in lines if "block-kit-builder" in line)
    start, _, fragment = link.partition("#")
    assert start == "https://app.slack.com/block-kit-builder/"
    assert json.loads(unquote(fragment)) == {"blocks": blocks}
    assert fault_of(blocks) is None
    with db.transaction():
        db.write("UPDATE messages SET blocks = NULL")
    assert "no blocks: they were refused" in in_process_command("deliver", "--dry-run", "--blocks").out


def test_blocks_are_shown_by_a_dry_run_only(in_process_command: Command, db: Database) -> None:
    result = in_process_command("deliver", "--blocks")
    assert (result.status, result.out) == (2, "")
    assert "--blocks goes with --dry-run" in result.err
