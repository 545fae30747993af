"""Copying and putting back on a disk that fails."""

import os
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from support import FakeClock, a_match, add_player, store_match

from lolslackbot.admin.backup import backup, restore
from lolslackbot.clock import Clock
from lolslackbot.errors import ConfigError
from lolslackbot.stages.alert import alert
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import holds
from lolslackbot.store.connect import open_database
from lolslackbot.store.database import Database

pytestmark = pytest.mark.sqlite_only


def test_a_disk_that_removes_nothing_ends_backup_and_restore_with_its_error(
    db: Database, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.db"
    backup(home / "lolslackbot.db", copy)

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "remove", fail)
    with pytest.raises(ConfigError, match="Input/output error"):
        backup(home / "lolslackbot.db", copy)
    with pytest.raises(ConfigError, match="Input/output error"):
        restore(home / "lolslackbot.db", copy, Clock())


@pytest.mark.parametrize("known_in", ["the backup", "the replaced database"])
def test_a_clock_that_is_behind_excludes_no_known_game_from_the_look_up(
    db: Database, home: Path, tmp_path: Path, clock: FakeClock, known_in: str
) -> None:
    copy = tmp_path / "copy.db"
    add_player(db)
    if known_in == "the replaced database":
        backup(home / "lolslackbot.db", copy)
    store_match(db, a_match("EUW1_1"))
    if known_in == "the backup":
        backup(home / "lolslackbot.db", copy)
    restore(home / "lolslackbot.db", copy, FakeClock(clock.now() - timedelta(days=1)))
    with closing(open_database(home / "lolslackbot.db")) as restored:
        store_match(restored, a_match("EUW1_1"))
        build_messages(restored, Run("build-messages", clock, 80), "")
        assert [row["state"] for row in restored.rows("SELECT state FROM messages")] == ["uncertain"]


def test_what_the_alert_channel_was_told_is_not_forgotten(
    db: Database, home: Path, tmp_path: Path, clock: FakeClock
) -> None:
    """Neither what it was told, nor what waits to be told: that is looked up like all that waits."""
    copy = tmp_path / "copy.db"
    backup(home / "lolslackbot.db", copy)
    refuse_key(db, clock)
    assert alert(db, "CALERTS", clock.now())
    restore(home / "lolslackbot.db", copy, clock)
    with closing(open_database(home / "lolslackbot.db")) as restored:
        refuse_key(restored, clock)
        assert not alert(restored, "CALERTS", clock.now())
        rows = restored.rows("SELECT channel_id, kind, state FROM messages")
        assert [tuple(row) for row in rows] == [("CALERTS", "alert", "uncertain")]


def refuse_key(db: Database, clock: FakeClock) -> None:
    with db.transaction():
        holds.put(db, holds.RIOT_KEY, "rejected", "403", clock.now(), None)


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_disk_that_cannot_sync_ends_a_restore_with_its_error(
    db: Database, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    copy = tmp_path / "copy.db"
    backup(home / "lolslackbot.db", copy)
    sync, syncs = os.fsync, iter(range(1, 100))

    def fail(descriptor: int) -> None:
        if next(syncs) == nth:
            raise OSError(5, "Input/output error")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ConfigError, match="Input/output error"):
        restore(home / "lolslackbot.db", copy, Clock())
    assert sorted(path.name for path in home.glob("*.restoring*")) == []


def test_a_restore_by_a_link_replaces_the_file_and_not_the_link(
    db: Database, home: Path, tmp_path: Path, clock: FakeClock
) -> None:
    copy, link = tmp_path / "copy.db", tmp_path / "link.db"
    backup(home / "lolslackbot.db", copy)
    add_player(db)
    db.close()
    link.symlink_to(home / "lolslackbot.db")
    restore(link, copy, clock)
    assert link.is_symlink()
    assert len(list(home.glob("lolslackbot.db.before-*"))) == 1
    with closing(open_database(home / "lolslackbot.db")) as restored:
        assert restored.rows("SELECT 1 FROM tracks") == []


def test_a_restore_over_a_database_with_hard_links_is_refused(
    db: Database, home: Path, tmp_path: Path, clock: FakeClock
) -> None:
    copy = tmp_path / "copy.db"
    backup(home / "lolslackbot.db", copy)
    os.link(home / "lolslackbot.db", tmp_path / "other.db")
    with pytest.raises(ConfigError, match="hard links"):
        restore(home / "lolslackbot.db", copy, clock)
    with pytest.raises(ConfigError, match="hard links"):
        backup(home / "lolslackbot.db", tmp_path / "another.db")


def test_a_backup_may_have_any_number_of_names(db: Database, home: Path, tmp_path: Path, clock: FakeClock) -> None:
    copy = tmp_path / "copy.db"
    backup(home / "lolslackbot.db", copy)
    os.link(copy, tmp_path / "monday.db")
    restore(home / "lolslackbot.db", copy, clock)


def test_a_restore_that_died_between_its_two_names_is_done_again(
    db: Database, home: Path, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.db"
    backup(home / "lolslackbot.db", copy)
    add_player(db)
    with monkeypatch.context() as dying:
        replace = os.replace

        def die(source: str, target: str) -> None:
            if str(target) == str(home / "lolslackbot.db"):
                raise KeyboardInterrupt
            replace(source, target)

        dying.setattr(os, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            restore(home / "lolslackbot.db", copy, clock)
    assert (home / "lolslackbot.db").stat().st_nlink == 2
    with closing(open_database(home / "lolslackbot.db")) as there:
        assert len(there.rows("SELECT 1 FROM tracks")) == 1
    restore(home / "lolslackbot.db", copy, FakeClock(clock.now() + timedelta(seconds=1)))
    assert len(list(home.glob("lolslackbot.db.before-*"))) == 2
    with closing(open_database(home / "lolslackbot.db")) as restored:
        assert restored.rows("SELECT 1 FROM tracks") == []
