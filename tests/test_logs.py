"""The log: private, bounded, with the item on each line, and without any secret."""

import io
import logging
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lolslackbot import logs
from lolslackbot.logs import MaskingFormatter, hold_for_stderr, log_to_file, log_to_stderr, logging_about, stop_logging

SECRET = "xoxb-123-topsecret"
logger = logging.getLogger("lolslackbot.test")


@pytest.fixture
def umask_0() -> Iterator[None]:
    """The most careless user there is."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def path(home: Path) -> Path:
    return home / "lolslackbot.log"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def fail(text: str) -> None:
    """Logs an error with its stack trace."""
    try:
        raise ValueError(text)
    except ValueError:
        logger.exception("it failed")


# The file


def test_the_log_file_and_its_folder_are_private_even_if_the_umask_is_not(path: Path, umask_0: None) -> None:
    log_to_file(path, [])
    assert mode_of(path) == 0o600
    assert mode_of(path.parent) == 0o700


def test_a_log_file_that_others_could_read_is_made_private(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("made by `>> lolslackbot.log` in a crontab\n")
    path.chmod(0o644)
    log_to_file(path, [])
    assert mode_of(path) == 0o600


def test_the_log_goes_on_where_the_last_run_ended(path: Path) -> None:
    for text in ("first", "second"):
        log_to_file(path, [])
        logger.debug("%s run", text)
        stop_logging()
    first, second = path.read_text().splitlines()
    assert first.endswith("first run")
    assert second.endswith("second run")


def test_a_line_says_when_how_grave_which_run_and_which_item(path: Path) -> None:
    log_to_file(path, [])
    with logging_about("deliver"):
        with logging_about("EUW1_1", "C1"):
            logger.info("inside")
        logger.info("outside")
    logger.info("nowhere")
    lines = path.read_text().splitlines()
    run = f"INFO run-{os.getpid()}"
    assert [line.split(" ", 1)[1] for line in lines] == [
        f"{run} deliver EUW1_1 C1: inside",
        f"{run} deliver: outside",
        f"{run} -: nowhere",
    ]
    assert all(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z", line.split(" ")[0]) for line in lines)


def test_each_line_has_its_own_moment_whatever_the_one_before_it_had() -> None:
    formatter = logs.MaskingFormatter("%(asctime)s.%(msecs)03d", (), traces=True)
    moments = [(0.5, "00:00.500"), (0.75, "00:00.750"), (61.25, "01:01.250"), (61.5, "01:01.500"), (0.25, "00:00.250")]
    for created, shown in moments:
        record = logging.makeLogRecord({"created": created, "msecs": created % 1 * 1000})
        assert formatter.format(record) == f"1970-01-01T00:{shown}"


def test_the_item_leaves_the_lines_also_after_an_error(path: Path) -> None:
    log_to_file(path, [])
    with pytest.raises(RuntimeError), logging_about("EUW1_1"):
        raise RuntimeError
    logger.info("after")
    assert path.read_text().endswith(" -: after\n")


def test_the_file_has_everything_from_debug_on_with_stack_traces(path: Path) -> None:
    log_to_file(path, [])
    logger.debug("a detail")
    fail("of all things")
    text = path.read_text()
    assert "DEBUG" in text
    assert "Traceback (most recent call last)" in text
    assert "ValueError: of all things" in text


def test_the_libraries_own_lines_stay_out(path: Path) -> None:
    log_to_file(path, [])
    for library in ("urllib3", "urllib3.connectionpool", "slack_sdk", "slack_sdk.web.base_client"):
        logging.getLogger(library).debug("cookies of %s", library)
        logging.getLogger(library).error("trouble in %s, which is logged where it is caught", library)
    assert path.read_text() == ""


@pytest.mark.parametrize("hostile", ["\n", "\r", "\x1b", "\x9b", "\u2028", "\u202e"])
def test_a_foreign_name_forges_no_line_and_moves_no_cursor_in_the_file(path: Path, hostile: str) -> None:
    log_to_file(path, [])
    forged = f"Ahri{hostile}2026-11-23T12:00:00.000Z ERROR run-1 deliver: forged"
    logger.info("tracked %s", forged)
    with logging_about(forged):
        fail(forged)
    lines = path.read_text().split("\n")
    assert all(line.isprintable() for line in lines)
    assert [line.split()[1] for line in lines if line and not line.startswith(" ")] == ["INFO", "ERROR"]
    assert lines[2] == "  Traceback (most recent call last):"


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/null")], ids=["fifo", "device"])
def test_what_is_no_file_is_no_log_and_stays_as_it_is(path: Path, make: Callable[[Path], None]) -> None:
    path.parent.mkdir()
    make(path)
    before = path.stat()
    with pytest.raises(OSError) as caught:
        log_to_file(path, [])
    assert str(caught.value.strerror).endswith(", not a file")
    assert path.stat().st_mode == before.st_mode


# Its size


def test_a_file_at_its_limit_is_set_aside_by_a_new_name_and_stays_private(
    path: Path, monkeypatch: pytest.MonkeyPatch, umask_0: None
) -> None:
    monkeypatch.setattr(logs, "MAX_LOG", 100)
    log_to_file(path, [])
    inode = path.stat().st_ino
    logger.info("x" * 100)
    stop_logging()
    log_to_file(path, [])
    logger.info("new")
    older = path.with_name("lolslackbot.log.1")
    assert older.stat().st_ino == inode
    assert "x" * 100 in older.read_text()
    assert path.read_text().endswith("new\n")
    assert len(path.read_text().splitlines()) == 1
    assert mode_of(path) == mode_of(older) == 0o600


def test_a_file_of_just_the_limit_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_LOG", 100)
    path.parent.mkdir()
    path.write_bytes(b"x" * 100)
    log_to_file(path, [])
    assert path.stat().st_size == 100
    assert list(path.parent.iterdir()) == [path]


def test_only_a_few_older_files_are_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_LOG", 10)
    for number in range(10):
        log_to_file(path, [])
        logger.info("run %d of ten", number)
        stop_logging()
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["lolslackbot.log", *(f"lolslackbot.log.{n}" for n in (1, 2, 3))]
    assert [file.read_text().split()[-3] for file in files] == ["9", "8", "7", "6"]


def test_another_command_may_rotate_the_log_at_the_same_moment(
    path: Path, monkeypatch: pytest.MonkeyPatch, umask_0: None
) -> None:
    path.parent.mkdir()
    path.write_text("full")
    monkeypatch.setattr(logs, "MAX_LOG", 1)
    monkeypatch.setattr(logs, "_rotate", lambda path: Path(path).unlink() or Path(path).stat())  # type: ignore[func-returns-value]
    log_to_file(path, [])
    logger.info("all the same")
    assert path.read_text().endswith("all the same\n")
    assert mode_of(path) == 0o600


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        log_to_file(tmp_path / "file" / "lolslackbot.log", [])
    with pytest.raises(OSError):
        log_to_file(tmp_path, [])


def test_a_full_disk_prints_nothing_and_stops_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_text: str) -> int:
        raise OSError(28, "No space left on device")

    log_to_file(path, [])
    (handler,) = [h for h in logging.getLogger().handlers if isinstance(h.formatter, MaskingFormatter)]
    assert isinstance(handler, logging.StreamHandler)
    handler.stream.close()
    monkeypatch.setattr(handler, "stream", type("Full", (io.StringIO,), {"write": staticmethod(full)})())
    logger.error("unheard")
    assert capsys.readouterr() == ("", "")


# Secrets


@pytest.mark.parametrize(
    "say",
    [
        lambda: logger.info("the token is " + SECRET),  # noqa: G003 - that is the point
        lambda: logger.info("the token is %s", SECRET),
        lambda: logger.info("headers %r", {"Authorization": f"Bearer {SECRET}"}),
        lambda: logger.info("%(token)s", {"token": SECRET}),
        lambda: logger.info("bytes %r", SECRET.encode()),
        lambda: fail(f"401 for {SECRET}"),
    ],
    ids=["message", "argument", "in a dict", "named argument", "bytes", "stack trace"],
)
def test_a_secret_is_masked_wherever_it_stands(
    path: Path, capsys: pytest.CaptureFixture[str], say: "logging._FormatStyle"
) -> None:
    log_to_stderr(logging.DEBUG, [SECRET])
    held = hold_for_stderr([SECRET])
    log_to_file(path, [SECRET])
    with logging_about(SECRET):
        say()  # type: ignore[operator]
    for text in (path.read_text(), capsys.readouterr().err, *held.lines):
        assert SECRET not in text
        assert "topsecret" not in text
        assert "***" in text


def test_of_two_secrets_the_one_that_begins_with_the_other_leaves_no_rest(path: Path) -> None:
    log_to_file(path, ["xoxb-1", "xoxb-1-2"])
    logger.info("tokens xoxb-1-2 and xoxb-1")
    assert path.read_text().endswith("tokens *** and ***\n")


def test_masking_leaves_the_record_as_it_is_for_other_handlers(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log_to_stderr(logging.DEBUG, [SECRET])
    log_to_file(path, [])
    fail("with a trace")
    assert "Traceback" in path.read_text()
    assert caplog.records[-1].exc_info


# The terminal


def test_stderr_gets_one_line_without_the_stack_trace(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(logging.WARNING, [])
    logger.info("too low")
    with logging_about("EUW1_1"):
        fail("of all things")
    assert capsys.readouterr() == ("", "ERROR EUW1_1: it failed\n")


@pytest.mark.parametrize("hostile", ["\n", "\r", "\x1b", "\x9b", "\u2028"])
def test_foreign_text_in_a_line_for_stderr_moves_no_cursor(capsys: pytest.CaptureFixture[str], hostile: str) -> None:
    log_to_stderr(logging.WARNING, [])
    logger.warning("Riot says %s", f"A{hostile}B")
    assert capsys.readouterr().err == "WARNING -: Riot says A B\n"


def test_held_lines_are_warnings_without_stack_traces_and_are_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    held = hold_for_stderr([SECRET])
    logger.info("too low")
    with logging_about("C1"):
        logger.warning("slow, %s", SECRET)
        fail("of all things")
    assert held.lines == ["WARNING C1: slow, ***", "ERROR C1: it failed"]
    assert capsys.readouterr() == ("", "")


def test_held_lines_are_bounded() -> None:
    held = hold_for_stderr([])
    for number in range(logs.MAX_HELD + 50):
        logger.warning("line %d", number)
    assert len(held.lines) == logs.MAX_HELD
    assert held.lines[0].endswith("line 0")


def test_a_badly_formed_line_does_not_stop_a_quiet_run() -> None:
    hold_for_stderr([])
    with _without_pytests_handlers():
        logger.warning("%d items", "many")


def test_a_badly_formed_line_does_not_stop_a_run(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log_to_file(path, [])
    log_to_stderr(logging.WARNING, [])
    with _without_pytests_handlers():
        logger.warning("%d items", "many")
    assert capsys.readouterr() == ("", "")


class _without_pytests_handlers:  # noqa: N801 - a context manager, used as a function
    """pytest's own handlers raise what a program's handlers swallow."""

    def __enter__(self) -> None:
        root = logging.getLogger()
        self._before = root.handlers[:]
        root.handlers[:] = [h for h in self._before if isinstance(h.formatter, MaskingFormatter)]

    def __exit__(self, *_: object) -> None:
        logging.getLogger().handlers[:] = self._before


def test_logging_ends_for_one_command_without_touching_other_handlers(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before = root.handlers[:]
    mine = logging.StreamHandler(sys.stdout)
    root.addHandler(mine)
    try:
        log_to_file(path, [])
        log_to_stderr(logging.DEBUG, [])
        stop_logging()
        logger.warning("afterwards")
        assert root.handlers == [*before, mine]
    finally:
        root.removeHandler(mine)
    assert capsys.readouterr() == ("afterwards\n", "")
    assert path.read_text() == ""
