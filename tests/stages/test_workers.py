"""One run in several processes: who gets what, what comes back, and that nobody is left behind."""

import logging
import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support import FakeClock, at_work, is_alive

from lolslackbot.clock import Clock
from lolslackbot.errors import Exit, Rejected
from lolslackbot.shares import WHOLE, Share
from lolslackbot.stages import workers
from lolslackbot.stages.run import Run
from lolslackbot.stages.workers import run_shared
from lolslackbot.store import runs
from lolslackbot.store.connect import open_database
from lolslackbot.store.database import Database

STAGE = "fetch-matches"
Work = Callable[[Database, Run], None]


@pytest.fixture
def path(db: Database, location: str) -> str:
    """A database that is there."""
    return location


def run_three(path: str, work: Work, log_lines: list[str] | None = None, seconds: float = 80) -> Run:
    lines = [] if log_lines is None else log_lines
    return run_shared(STAGE, path, Clock(), seconds, work, lambda _: Share.every(3), lines)


def whole_runs(path: str) -> list[runs.PastRun]:
    with closing(open_database(path)) as db:
        return runs.latest(db, STAGE, 10)


def records(path: str) -> list[tuple[int, int | None, str | None]]:
    """Of the shares: which, exit status, summary."""
    with closing(open_database(path)) as db:
        rows = db.rows("SELECT share, exit_status, summary FROM runs WHERE part_of IS NOT NULL ORDER BY share")
        return [(row["share"], row["exit_status"], row["summary"]) for row in rows]


def test_shares__cover_everything_once() -> None:
    for number in range(40):
        assert [share.has(number) for share in Share.every(8)].count(True) == 1
        assert [share.has_named(f"Workspace {number}") for share in Share.every(3)].count(True) == 1
    assert Share(2, 3).has_named("ACME") == Share(2, 3).has_named("acme")
    assert WHOLE.has(7)
    assert WHOLE.has_named("any")
    assert str(Share(2, 3)) == "share 2 of 3"


def test_each_share_is_a_process_and_together_they_are_one_run(path: str) -> None:
    def work(_db: Database, run: Run) -> None:
        run.count("listed", run.share.number)
        run.note("the same remark")
        run.left_over = 2
        if run.share.number == 2:
            run.failed("something")
            run.count("pid", os.getpid())

    run = run_three(path, work)
    assert (run.began, run.status, run.ended_by, run.left_over) == (True, Exit.SOME_FAILED, None, 6)
    assert run.counts["pid"] not in (0, os.getpid())
    assert (run.counts["listed"], run.counts["failed"], run.notes) == (6, 1, ["the same remark"])
    (whole,) = whole_runs(path)
    assert (whole.exit_status, whole.summary, whole.ending.left_over) == (1, run.summary(), 6)
    assert [(share, status) for share, status, _ in records(path)] == [(1, 0), (2, 1), (3, 0)]


def test_the_worst_exit_status_is_that_of_the_run_and_each_ending_is_told_once(path: str) -> None:
    def work(_db: Database, run: Run) -> None:
        if run.share.number == 1:
            run.ends_with(Exit.LATER)
        else:
            raise Rejected("the key is refused")

    run = run_three(path, work)
    assert (run.status, run.ended_by) == (Exit.REJECTED, "the key is refused")
    assert [status for _, status, _ in records(path)] == [75, 77, 77]


def test_what_a_process_keeps_back_of_its_log_comes_along(path: str) -> None:
    lines = ["from before"]

    def work(_db: Database, run: Run) -> None:
        lines.append(f"from {run.share}")

    run_three(path, work, lines)
    assert lines == ["from before", "from share 1 of 3", "from share 2 of 3", "from share 3 of 3"]


def test_a_share_at_work_elsewhere_is_passed_over(path: str) -> None:
    with at_work(path, STAGE, Share(2, 3)):
        run = run_three(path, lambda _, run: run.count("worked"))
        assert (run.status, run.counts["worked"]) == (Exit.LATER, 2)
        assert run.summary() == "fetch-matches: 2 worked; share 2 of 3 is at work elsewhere"
    assert run_three(path, lambda _, run: run.count("worked")).counts["worked"] == 3


def test_a_share_that_another_run_takes_in_this_moment_is_passed_over(
    path: str, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(db), "is_at_work", lambda *_: False)  # it was not, just before
    with at_work(path, STAGE, Share(2, 3)):
        run = run_three(path, lambda _, run: run.count("worked"))
    assert (run.status, run.summary()) == (Exit.LATER, "fetch-matches: 2 worked; share 2 of 3 is at work elsewhere")


def test_where_no_share_is_free_it_does_not_begin(path: str) -> None:
    with at_work(path, STAGE, *Share.every(3)):
        run = run_three(path, lambda *_: None)
    assert (run.status, run.began) == (Exit.LATER, False)
    assert (run.ended_by or "").startswith(f"another {STAGE} is at work on {path}")
    assert whole_runs(path) == []


@pytest.mark.parametrize("other", [WHOLE, Share(1, 4)], ids=str)
def test_work_that_is_divided_otherwise_is_no_share_of_this(path: str, other: Share) -> None:
    with at_work(path, STAGE, *([] if other.is_whole else [other])):
        run = run_three(path, lambda *_: None)
    assert (run.status, run.began) == (Exit.LATER, False)
    assert (run.ended_by or "").startswith(f"another {STAGE} is at work on {path}")
    assert run_three(path, lambda *_: None).status is Exit.OK


def test_the_whole_is_worked_off_by_this_process(path: str) -> None:
    def work(_db: Database, run: Run) -> None:
        run.count("pid", os.getpid())

    run = run_shared(STAGE, path, Clock(), 80, work, lambda _: [WHOLE], [])
    assert (run.counts["pid"], records(path), len(whole_runs(path))) == (os.getpid(), [], 1)


def test_without_a_database_nothing_is_begun_or_made(tmp_path: Path) -> None:
    run = run_three(str(tmp_path / "lolslackbot.db"), lambda *_: None)
    assert (run.status, run.began, list(tmp_path.iterdir())) == (Exit.UNUSABLE, False, [])


def test_a_process_that_dies_fails_its_share_only_and_the_next_run_takes_it_up(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    def work(_db: Database, run: Run) -> None:
        if run.share.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        run.count("worked")

    run = run_three(path, work)
    assert (run.status, run.counts["worked"]) == (Exit.SOME_FAILED, 2)
    assert run.summary() == "fetch-matches: 2 worked; share 2 of 3 was cut off, the next run goes on with it"
    assert run.problems == ["a process of fetch-matches was cut off"]
    assert re.search(r"run-\d+, the process of share 2 of 3, was cut off: exit -9", caplog.text)
    with closing(open_database(path)) as db:
        assert [record.share for record in runs.unended_shares(db, STAGE)] == [Share(2, 3)]
    assert run_three(path, lambda _, run: run.count("worked")).counts["worked"] == 3
    with closing(open_database(path)) as db:
        assert runs.unended_shares(db, STAGE) == []


def test_a_process_that_is_stuck_is_killed_in_the_end(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "GRACE", -75.0)  # five seconds: the others need not hurry

    def work(_db: Database, run: Run) -> None:
        if run.share.number == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        run.count("worked")

    run = run_three(path, work)
    assert run.summary() == "fetch-matches: 2 worked; share 1 of 3 was cut off, the next run goes on with it"


class Impatient(Clock):
    """A sleep takes no time, and counts as a second."""

    skipped = 0

    def sleep(self, _seconds: float) -> None:
        self.skipped += 1

    def steady(self) -> float:
        return time.monotonic() + self.skipped


def test_what_stops_the_run_stops_all_of_its_processes(path: str, tmp_path: Path) -> None:
    """As Ctrl-C does: one ends when asked, one does not hear."""

    def work(_db: Database, run: Run) -> None:
        written = tmp_path / str(run.share.number)
        written.write_text(str(os.getpid()))
        written.rename(written.with_suffix(".pid"))
        if run.share.number == 1:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
        if run.share.number == 3:
            while len(list(tmp_path.glob("*.pid"))) < 3:
                time.sleep(0.01)
            os.kill(os.getppid(), signal.SIGINT)
        time.sleep(60)

    clock = Impatient()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_shared(STAGE, path, clock, 80, work, lambda _: Share.every(3), [])
    finally:
        signal.signal(signal.SIGINT, before)
    pids = [int((tmp_path / f"{number}.pid").read_text()) for number in (1, 2, 3)]
    assert not any(map(is_alive, pids))
    assert clock.skipped


def test_peers__each_sees_whether_others_may_find_more(path: str, tmp_path: Path) -> None:
    def work(_db: Database, run: Run) -> None:
        assert run.peers
        if run.share.number == 1:
            run.count("waited for others", int(run.peers.may_find_more()))
            (tmp_path / "looked").touch()
            run.peers.find_no_more()
            run.peers.find_no_more()  # once more is no harm
            while run.peers.may_find_more():
                time.sleep(0.01)
            run.count("saw the end", 1)
        else:
            while not (tmp_path / "looked").exists():
                time.sleep(0.01)
        if run.share.number == 2:
            os.kill(os.getpid(), signal.SIGKILL)  # whoever is dead finds nothing either

    run = run_three(path, work)
    assert (run.counts["waited for others"], run.counts["saw the end"]) == (1, 1)


def test_the_lines_of_the_log_name_the_process_that_wrote_them(path: str, tmp_path: Path) -> None:
    from lolslackbot.logs import log_to_file, stop_logging

    log_to_file(tmp_path / "log", [])
    try:
        run_three(path, lambda _db, run: logging.getLogger("x").warning("here"))
    finally:
        stop_logging()
    written = {line.split()[2] for line in (tmp_path / "log").read_text().splitlines() if line.endswith(": here")}
    assert len(written) == 3
    assert f"run-{os.getpid()}" not in written
    assert "fetch-matches share 2 of 3: here" in (tmp_path / "log").read_text()


@pytest.mark.sqlite_only
def test_a_lost_database_is_told_when_the_record_cannot_be_ended(path: str, clock: FakeClock) -> None:
    def work(_db: Database, run: Run) -> None:
        if run.share.number == 3:
            Path(path).unlink()

    run = run_shared(STAGE, path, Clock(), 80, work, lambda _: Share.every(3), [])
    assert run.status is Exit.UNUSABLE
