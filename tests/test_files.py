"""What root makes in a user's folder is the user's, and a stranger's file is named with the remedy."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support import Bot, Command, add_player

from lolslackbot.errors import ConfigError
from lolslackbot.files import foreign, keep_owner_and_mode, make_private_folder, open_private, user_name, with_owner
from lolslackbot.settings import read_settings
from lolslackbot.store.connect import create_database, open_database
from lolslackbot.store.locks import LOCKS, run_lock

NOBODY = 65534
for_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that any user can reach, and that belongs to nobody."""
    made = Path(tempfile.mkdtemp(dir="/tmp"))
    os.chown(made, NOBODY, NOBODY)
    yield made
    shutil.rmtree(made)


@contextmanager
def being_nobody() -> Iterator[None]:
    try:
        os.seteuid(NOBODY)
    except OSError:
        pytest.skip("root that may not become another user")
    try:
        yield
    finally:
        os.seteuid(0)


def owner(path: Path) -> int:
    return path.lstat().st_uid


@for_root
def test_what_root_makes_in_a_users_folder_is_the_users(folder: Path) -> None:
    create_database(folder / "a.db").close()
    with run_lock(folder / "a.db", "deliver"):
        pass
    assert {file.name: owner(file) for file in folder.iterdir()} == {"a.db": NOBODY, "a.db.deliver.lock": NOBODY}


@for_root
def test_a_home_that_root_makes_in_a_users_folder_is_the_users(folder: Path) -> None:
    create_database(folder / ".config" / "home" / "a.db").close()
    made = [folder / ".config", folder / ".config" / "home", folder / ".config" / "home" / "a.db"]
    assert [owner(path) for path in made] == [NOBODY] * 3


def test_a_folder_that_another_process_makes_at_that_moment_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = os.mkdir

    def too_late(path: str, mode: int) -> None:
        mkdir(path, mode)
        mkdir(path, mode)

    monkeypatch.setattr(os, "mkdir", too_late)
    make_private_folder(str(tmp_path / "home"))
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_a_folder_cannot_be_made_where_another_process_makes_a_file_at_that_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = os.mkdir

    def too_late(path: str, mode: int) -> None:
        Path(path).write_text("")
        mkdir(path, mode)

    monkeypatch.setattr(os, "mkdir", too_late)
    with pytest.raises(FileExistsError):
        make_private_folder(str(tmp_path / "home"))


@for_root
def test_a_lock_is_for_whoever_may_write_the_database(tmp_path: Path) -> None:
    create_database(tmp_path / "a.db").close()
    os.chown(tmp_path / "a.db", NOBODY, NOBODY)
    with run_lock(tmp_path / "a.db", "deliver"):
        pass
    assert owner(tmp_path / "a.db.deliver.lock") == NOBODY


@for_root
def test_what_is_there_already_is_given_to_nobody_wherever_it_points(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("root's")
    (folder / "log").symlink_to(tmp_path / "secret")
    (folder / "new").symlink_to(tmp_path / "new")
    for name in ("log", "new"):
        os.close(open_private(str(folder / name), os.O_WRONLY))
    assert (owner(tmp_path / "secret"), owner(tmp_path / "new")) == (0, 0)


@for_root
@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_restore_by_root_leaves_the_database_and_all_beside_it_to_its_user(
    subprocess_bot: Bot, folder: Path, tmp_path: Path, mode: int
) -> None:
    subprocess_bot.home = folder / "home"
    subprocess_bot.home.mkdir()
    with closing(create_database(subprocess_bot.database)) as db:
        add_player(db)
    subprocess_bot.run("backup", str(tmp_path / "copy.db"))
    (subprocess_bot.home / "lolslackbot.log").unlink()
    for path in (subprocess_bot.home, *subprocess_bot.home.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    subprocess_bot.database.chmod(mode)
    result = subprocess_bot.run("restore", str(tmp_path / "copy.db"))
    assert result.status == 0, result
    assert subprocess_bot.database.stat().st_mode & 0o777 == mode
    assert len(list(subprocess_bot.home.iterdir())) == 3 + len(
        LOCKS
    )  # the database, the replaced one, the log, the locks
    assert {file.name for file in subprocess_bot.home.iterdir() if owner(file) != NOBODY} == set()


@for_root
def test_who_may_not_give_files_away_keeps_the_mode_all_the_same(folder: Path) -> None:
    old, fresh = folder / "old", folder / "fresh"
    old.write_text("")
    old.chmod(0o644)
    with being_nobody():
        fresh.write_text("")
        keep_owner_and_mode(str(fresh), str(old))
    assert (owner(fresh), fresh.stat().st_mode & 0o777) == (NOBODY, 0o644)


def test_a_user_is_called_by_name_where_there_is_one() -> None:
    assert user_name(0) == "root"
    assert user_name(4_000_000_001) == "user 4000000001"


def test_what_is_ours_needs_no_word(tmp_path: Path) -> None:
    assert foreign(str(tmp_path)) == foreign(str(tmp_path / "nothing")) == ""
    assert with_owner("it is read-only", str(tmp_path)) == "it is read-only"


@for_root
def test_a_strangers_file_is_named_with_its_owner_the_user_and_the_remedy(folder: Path, tmp_path: Path) -> None:
    name = user_name(NOBODY)
    assert foreign(str(folder)) == f"{folder} belongs to {name}, and this is root: run it as {name}"
    (folder / "a b").write_text("")
    full = OSError(28, "No space left on device")
    with being_nobody():
        path = str(folder / "a b")
        said = f"it is read-only; {path} belongs to root, and this is {name}: `sudo chown {name} '{path}'`"
        assert with_owner("it is read-only", path) == said
        assert with_owner("the disk is full", path, full) == "the disk is full"
        assert foreign("/etc/passwd") == f"/etc/passwd belongs to root, and this is {name}: run it as root"
        there = str(folder / "nothing")
        assert with_owner("x", there) == "x"
    folder.chmod(0o755)
    os.chown(folder, 0, 0)
    with being_nobody():
        said = f"x; {folder} belongs to root, and this is {name}: run it as root"
        assert with_owner("x", str(folder / "nothing")) == said


@for_root
def test_a_database_a_lock_and_settings_of_another_user_are_named_so(folder: Path) -> None:
    name = user_name(NOBODY)
    create_database(folder / "a.db").close()
    (folder / "a.db.deliver.lock").write_text("")
    (folder / "env").write_text("")
    for path in folder.iterdir():
        os.chown(path, 0, 0)
        path.chmod(0o600)
    with being_nobody():
        with pytest.raises(
            ConfigError, match=f"cannot be opened by this user .*; .* belongs to root, and this is {name}"
        ):
            open_database(folder / "a.db")
        with (
            pytest.raises(ConfigError, match=r"deliver.lock cannot be opened: Permission denied; .* belongs to root"),
            run_lock(folder / "a.db", "deliver"),
        ):
            pytest.fail("it was locked")
        with pytest.raises(ConfigError, match=f"env cannot be read: Permission denied; .*: `sudo chown {name} "):
            read_settings(str(folder), None, {})
    folder.chmod(0o700)
    os.chown(folder, 0, 0)
    with being_nobody(), pytest.raises(ConfigError, match=r"cannot be reached by this user; .* belongs to root"):
        open_database(folder / "a.db")


@for_root
def test_a_stage_that_another_user_runs_says_so_and_works(in_process_command: Command, home: Path) -> None:
    create_database(home / "lolslackbot.db").close()
    os.chown(home / "lolslackbot.db", NOBODY, NOBODY)
    name = user_name(NOBODY)
    result = in_process_command("build-messages")
    assert (result.status, result.out) == (0, "build-messages: nothing to do\n")
    assert f"lolslackbot.db belongs to {name}, and this is root: run it as {name}" in result.err
    assert in_process_command("-q", "build-messages").err == ""
