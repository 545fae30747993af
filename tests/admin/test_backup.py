"""Copying and putting back on a disk that fails."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lolslackbot.admin.backup import backup, restore
from lolslackbot.errors import Unusable
from lolslackbot.store.database import Database


def test_a_disk_that_removes_nothing_ends_backup_and_restore_with_its_error(
    db: Database, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.db"
    backup(home / "lolslackbot.db", copy)

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(Unusable, match="Input/output error"):
        backup(home / "lolslackbot.db", copy)
    with pytest.raises(Unusable, match="Input/output error"):
        restore(home / "lolslackbot.db", copy, datetime.now(UTC))


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
    with pytest.raises(Unusable, match="Input/output error"):
        restore(home / "lolslackbot.db", copy, datetime.now(UTC))
    assert sorted(path.name for path in home.glob("*.restoring*")) == []
