"""The record of runs: what began, what ended, what was killed, and that it does not grow for ever."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from support import START, at_work

from lolslackbot.errors import TemporaryError
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import locks, runs
from lolslackbot.store.connect import open_locked
from lolslackbot.store.database import Database
from lolslackbot.store.locks import is_at_work, run_lock, shared_lock

STAGE = "deliver"
HOST = os.uname().nodename


def test_a_run_is_known_from_its_begin_and_its_end_is_added(db: Database) -> None:
    run_id = runs.begin(db, STAGE, START)
    assert runs.latest(db, STAGE) == [runs.PastRun(STAGE, START, None, None, None, host=HOST)]
    runs.end(db, run_id, START + timedelta(seconds=3), 75, "deliver: 1 delivered")
    assert runs.latest(db, STAGE) == [
        runs.PastRun(STAGE, START, START + timedelta(seconds=3), 75, "deliver: 1 delivered", host=HOST)
    ]
    assert runs.recorded_since(db) == START


def test_the_oldest_runs_of_the_stage_are_dropped_and_no_others(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEPT", 2)
    runs.begin(db, "fetch-matches", START)
    for minute in range(5):
        runs.begin(db, STAGE, START + timedelta(minutes=minute))
    kept = [run.began_at for run in runs.latest(db, STAGE, 10)]
    assert kept == [START + timedelta(minutes=4), START + timedelta(minutes=3)]
    assert len(runs.latest(db, "fetch-matches", 10)) == 1


def test_the_last_run_that_went_well_is_known(db: Database) -> None:
    for minute, status in enumerate((0, 0, 75, None)):
        run_id = runs.begin(db, STAGE, START + timedelta(minutes=minute))
        if status is not None:
            runs.end(db, run_id, START + timedelta(minutes=minute, seconds=7), status, "")
    assert runs.last_good(db, STAGE) == START + timedelta(minutes=1, seconds=7)
    assert runs.last_good(db, "fetch-matches") is None


def test_whether_a_stage_is_at_work_is_seen_without_disturbing_it(db: Database) -> None:
    assert not db.is_at_work(STAGE)
    with db.run_lock(STAGE):
        assert db.is_at_work(STAGE)
        assert not db.is_at_work("fetch-matches")
    assert not db.is_at_work(STAGE)


def test_whether_a_stage_is_at_work_may_not_be_told(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    assert is_at_work(tmp_path / "a file" / "bot.db", STAGE)


def test_without_runs_nothing_is_recorded(db: Database) -> None:
    assert runs.recorded_since(db) is None
    assert runs.latest(db, STAGE) == []


def test_shares__are_held_beside_each_other_and_not_beside_the_whole(db: Database, location: str) -> None:
    first, second = Share.every(2)
    with at_work(location, STAGE, first, second):
        assert db.is_at_work(STAGE)
        assert db.is_at_work(STAGE, first)
        for taken in (WHOLE, first, Share(1, 3)):
            with pytest.raises(TemporaryError), db.run_lock(STAGE, taken):
                pass
    assert not db.is_at_work(STAGE)
    with (
        db.run_lock(STAGE),
        pytest.raises(TemporaryError, match="another deliver"),
        open_locked(location, STAGE, share=Share(1, 2)),
    ):
        pass


@pytest.mark.sqlite_only
def test_shares__how_many_there_are_stands_in_the_lock_file(db: Database) -> None:
    with shared_lock(db.path, STAGE, 2), pytest.raises(TemporaryError), shared_lock(db.path, STAGE, 3):
        pass
    with (
        run_lock(db.path, STAGE),
        pytest.raises(TemporaryError, match="another deliver"),
        shared_lock(db.path, STAGE, 2),
    ):
        pass
    with pytest.raises(TemporaryError), run_lock(db.path, STAGE, Share(1, 3)):
        pass


@pytest.mark.sqlite_only
def test_shares__who_divides_otherwise_in_this_very_moment_is_heeded(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter([1, 5])  # before it had the lock for itself, and once it shared it again
    monkeypatch.setattr(locks, "_number_in", lambda _: next(numbers))
    with pytest.raises(TemporaryError, match="another deliver is at work"), shared_lock(db.path, STAGE, 2):
        pass


def test_shares__have_records_of_their_own_that_go_with_the_whole(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "KEPT", 1)
    for minute in range(3):
        now = START + timedelta(minutes=minute)
        whole = runs.begin(db, STAGE, now)
        parts = [runs.begin_share(db, STAGE, now, whole, share) for share in Share.every(2)]
        runs.end(db, parts[0], now, 0, "")
    assert [run.share for run in runs.latest(db, STAGE, 5)] == [None]
    assert [(run.share, run.began_at) for run in runs.unended_shares(db, STAGE)] == [(Share(2, 2), now)]
    assert len(db.rows("SELECT * FROM runs")) == 3
    runs.begin_share(db, STAGE, now, whole, Share(1, 3))
    assert [run.share for run in runs.unended_shares(db, STAGE)] == [Share(1, 3)]  # divided otherwise since
