"""The frame around a stage: its lock, its database, its counts, and how each end becomes an exit status."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support import FakeClock, a_match, add_player, at_work, store_match

from lolslackbot.errors import ConfigError, Exit, Rejected, RunAborted, TemporaryError
from lolslackbot.messages.render import RenderedMessage, render
from lolslackbot.stages import build_messages as building
from lolslackbot.stages.run import Run, run_stage
from lolslackbot.store import runs
from lolslackbot.store.connect import open_database
from lolslackbot.store.database import Database
from lolslackbot.store.locks import STAGES

STAGE = "build-messages"


@pytest.fixture
def path(db: Database, location: str) -> str:
    """A database that is there."""
    return location


def test_a_run_that_went_well_says_so_and_frees_its_lock(path: str, clock: FakeClock) -> None:
    for _ in range(2):
        run = run_stage(STAGE, path, clock, 80, lambda db, run: run.count("built", 2))
        assert (run.status, run.began, run.ended_by) == (Exit.OK, True, None)
        assert run.summary() == "build-messages: 2 built"


def test_a_run_without_a_database_makes_nothing_and_names_it(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "lolslackbot.db"
    run = run_stage(STAGE, path, clock, 80, lambda db, run: pytest.fail("it must not begin"))
    assert (run.status, run.began) == (Exit.UNUSABLE, False)
    assert run.ended_by == f"there is no database at {path}: `lolslackbot track` makes one"
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_of_a_stage_leaves_at_once_and_other_stages_do_not(path: str, clock: FakeClock) -> None:
    with at_work(path, STAGE):
        second = run_stage(STAGE, path, clock, 80, lambda db, run: pytest.fail("it must not begin"))
        assert (second.status, second.began) == (Exit.LATER, False)
        assert (second.ended_by or "").startswith(f"another {STAGE} is at work on {path}")
        for stage in STAGES:
            if stage != STAGE:
                assert run_stage(stage, path, clock, 80, lambda db, run: None).status is Exit.OK
    assert run_stage(STAGE, path, clock, 80, lambda db, run: None).status is Exit.OK


@pytest.mark.sqlite_only
def test_a_lock_file_that_cannot_be_opened_is_named(path: str, clock: FakeClock) -> None:
    lock = Path(f"{path}.{STAGE}.lock")
    lock.mkdir()
    run = run_stage(STAGE, path, clock, 80, lambda db, run: None)
    assert (run.status, run.began) == (Exit.UNUSABLE, False)
    assert run.ended_by == f"the lock file {lock} cannot be opened: Is a directory"


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (ConfigError("no key"), Exit.UNUSABLE),
        (TemporaryError("limited"), Exit.LATER),
        (Rejected("refused"), Exit.REJECTED),
        (RunAborted("over"), Exit.SOME_FAILED),
    ],
)
def test_what_ends_a_run_is_one_line_and_its_exit_status_and_the_work_before_it_counts(
    path: str, clock: FakeClock, end: RunAborted, status: Exit
) -> None:
    def work(db: Database, run: Run) -> None:
        run.count("done")
        with run.item("an item"):
            raise end

    run = run_stage(STAGE, path, clock, 80, work)
    assert (run.status, run.ended_by, run.problems) == (status, str(end), [str(end)])
    assert run.summary() == "build-messages: 1 done"


def test_an_unexpected_error_is_one_line_with_its_stack_trace_in_the_log_only(
    path: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    def work(db: Database, run: Run) -> None:
        raise KeyError("a bug of ours")

    run = run_stage(STAGE, path, clock, 80, work)
    assert (run.status, run.ended_by) == (Exit.SOME_FAILED, "unexpected KeyError, see the log")
    assert "a bug of ours" in caplog.text
    assert "Traceback" in caplog.text
    assert run_stage(STAGE, path, clock, 80, lambda db, run: None).status is Exit.OK  # the lock is free


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_stops_the_process_is_not_swallowed_and_frees_the_lock(
    path: str, clock: FakeClock, stop: type[BaseException]
) -> None:
    def work(db: Database, run: Run) -> None:
        with run.item("an item"):
            raise stop

    with pytest.raises(stop):
        run_stage(STAGE, path, clock, 80, work)
    assert run_stage(STAGE, path, clock, 80, lambda db, run: None).status is Exit.OK


def test_an_error_in_one_item_is_recorded_and_the_next_item_follows(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(STAGE, clock, 80)
    recorded: list[str] = []
    for item in ("first", "second", "third"):
        with run.item(item, record=recorded.append):
            if item == "second":
                raise ValueError("odd")
            run.count("done")
    assert recorded == ["unexpected ValueError"]
    assert (run.status, run.problems) == (Exit.SOME_FAILED, ["ValueError: odd"])
    assert run.summary() == "build-messages: 2 done, 1 failed"
    assert "second failed" in caplog.text


def test_the_most_pressing_status_stays_and_a_note_is_made_once(clock: FakeClock) -> None:
    run = Run(STAGE, clock, 80)
    for status in (Exit.LATER, Exit.SOME_FAILED, Exit.REJECTED, Exit.LATER, Exit.OK):
        run.ends_with(status)
        run.note("out of time")
    assert (run.status, run.notes, run.problems) == (Exit.REJECTED, ["out of time"], [])
    run.ends_with(Exit.UNUSABLE, "no token")
    assert (run.status, run.problems) == (Exit.UNUSABLE, ["no token"])
    assert run.summary() == "build-messages: nothing to do; out of time"


@pytest.mark.sqlite_only
def test_nobody_is_untracked_while_a_message_about_them_is_worded(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_player(db)
    store_match(db, a_match("EUW1_1"))
    refused: list[str] = []

    def untracked_meanwhile(*arguments: Any) -> RenderedMessage:
        with closing(sqlite3.connect(db.path, timeout=0)) as other, pytest.raises(sqlite3.OperationalError) as error:
            other.execute("DELETE FROM tracks")
        refused.append(str(error.value))
        return render(*arguments)

    monkeypatch.setattr(building, "render", untracked_meanwhile)
    run = Run(STAGE, clock, 80)
    building.build_messages(db, run, "")
    assert (run.status, run.counts["built"], refused) == (Exit.OK, 1, ["database is locked"])


def test_why_a_run_could_not_do_everything_is_on_record(path: str, clock: FakeClock) -> None:
    def work(_db: Database, run: Run) -> None:
        run.left_over, run.clock_ahead = 7, -3600.5
        run.runs_out_of_time()

    run = run_stage(STAGE, path, clock, 2.5, work)
    assert run.summary() == "build-messages: nothing to do; out of time, the next run goes on"
    with closing(open_database(path)) as db:
        (record,) = runs.latest(db, STAGE)
    assert record.ending == runs.Ending(True, 7, 2.5, -3600.5)


@pytest.mark.parametrize(
    ("end", "needs"),
    [
        (ConfigError("no key"), ("build-messages unusable",)),
        (Rejected("refused"), ("riot rejected",)),
        (TemporaryError("limited"), ()),
        (KeyError("a bug"), ()),
    ],
)
def test_what_ends_a_run_knows_under_which_needs_status_says_it(
    path: str, clock: FakeClock, end: Exception, needs: tuple[str, ...]
) -> None:
    def work(_db: Database, _run: Run) -> None:
        raise end

    (cause,) = run_stage(STAGE, path, clock, 80, work).causes
    assert cause.needs == needs
