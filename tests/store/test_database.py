"""The SQLite file: commits that survive power loss, one clear line for each fault, reading that writes nothing."""

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import START, add_player, forgotten_shell

from lolslackbot.clock import text_of
from lolslackbot.errors import ConfigError, Exit, RunAborted, TemporaryError
from lolslackbot.store import migrations, players, sqlite
from lolslackbot.store.database import Database
from lolslackbot.store.locks import is_at_work, run_lock
from lolslackbot.store.sqlite import create_database, fault_of, open_database, read_only, verify

pytestmark = pytest.mark.sqlite_only

NOBODY = 65534


@pytest.fixture
def path(home: Path) -> Path:
    """A database with a player in it, closed."""
    with closing(create_database(home / "lolslackbot.db")) as db:
        add_player(db)
    return home / "lolslackbot.db"


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds a lock says so at once."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)


def sql(path: Path, *statements: str) -> list[tuple[Any, ...]]:
    """Runs statements past the store; the rows of the last one."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return [connection.execute(statement).fetchall() for statement in statements][-1]


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file, byte for byte."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def fault(path: Path, kind: type[RunAborted] = ConfigError) -> str:
    """The one line with which the database is refused, of all that open or read it the same."""
    texts = []
    for opening in (open_database, _read):
        with pytest.raises(RunAborted) as caught:
            opening(path).close()
        assert type(caught.value) is kind
        texts.append(str(caught.value))
    assert texts[0] == texts[1]
    assert "\n" not in texts[0]
    assert str(path) in texts[0]
    return texts[0]


def _read(path: Path) -> Database:
    with read_only(path) as db:
        return db


# Making and opening


def test_each_connection_keeps_commits_through_a_power_cut(path: Path) -> None:
    with closing(create_database(path)) as made, closing(open_database(path)) as opened:
        for db in (made, opened):
            kept = {
                name: db.rows(f"PRAGMA {name}")[0][0]
                for name in ("journal_mode", "synchronous", "foreign_keys", "fullfsync", "trusted_schema")
            }
            assert kept == {
                "journal_mode": "delete",
                "synchronous": 3,  # EXTRA
                "foreign_keys": 1,
                "fullfsync": 1,
                "trusted_schema": 0,
            }


def test_a_pragma_that_is_not_kept_is_no_place_for_claims(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_PRAGMAS", {"synchronous": ("OFF", 3)})
    with pytest.raises(ConfigError, match="SQLite does not keep PRAGMA synchronous = OFF"):
        open_database(path)


def test_a_database_that_somebody_turned_to_wal_is_turned_back(path: Path) -> None:
    assert sql(path, "PRAGMA journal_mode = WAL") == [("wal",)]
    open_database(path).close()
    assert sql(path, "PRAGMA journal_mode") == [("delete",)]


def test_the_file_and_its_folder_are_private_even_if_the_umask_is_not(home: Path) -> None:
    before = os.umask(0)
    try:
        with closing(create_database(home / "lolslackbot.db")) as db, db.transaction():
            db.write("INSERT INTO channels (channel_id, workspace) VALUES ('C1', 'default')")
            assert {file.name: mode_of(file) for file in home.iterdir()} == {
                "lolslackbot.db": 0o600,
                "lolslackbot.db-journal": 0o600,
            }
    finally:
        os.umask(before)
    assert mode_of(home) == 0o700


def test_making_a_database_twice_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    with closing(create_database(path)) as db:
        assert len(players.tracks(db)) == 1
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_database(home: Path) -> None:
    home.mkdir()
    (home / "lolslackbot.db").touch()
    with closing(create_database(home / "lolslackbot.db")) as db:
        assert players.tracks(db) == []
        assert db.rows("PRAGMA user_version")[0][0] == migrations.newest()


def test_several_processes_may_make_the_same_database_at_once(home: Path) -> None:
    script = f"""
from pathlib import Path
from lolslackbot.store.sqlite import create_database
db = create_database(Path({str(home / "lolslackbot.db")!r}))
print(db.rows("SELECT COUNT(*) FROM players")[0][0])
"""
    started = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in started:
        assert process.communicate(timeout=60) == ("0\n", "")
    assert [file.name for file in home.iterdir()] == ["lolslackbot.db"]


@pytest.mark.parametrize("name", ["a b.db", "100%.db", "a?mode=memory.db", "a#b.db", "é.db"])
def test_odd_names_are_names(home: Path, name: str) -> None:
    create_database(home / name).close()
    with closing(open_database(home / name)), read_only(home / name) as db:
        assert players.tracks(db) == []
    assert [file.name for file in home.iterdir()] == [name]


def test_a_folder_one_may_not_enter_is_not_taken_for_an_empty_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "stat", denied)  # root may enter any
    with pytest.raises(ConfigError, match="cannot be reached by this user"):
        open_database(path)


def test_a_database_that_cannot_be_made_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"the folder .*/file cannot be made: (File exists|Not a directory)"):
        create_database(tmp_path / "file" / "a.db")
    with pytest.raises(ConfigError, match="cannot be made: Is a directory"):
        create_database(tmp_path)


# What cannot be used


def test_where_there_is_none_it_says_so_and_makes_nothing(home: Path) -> None:
    assert fault(home / "lolslackbot.db").startswith("there is no database at ")
    assert not home.exists()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert fault(tmp_path).startswith("there is no database at ")


UNUSABLE = {
    "empty": (b"", "is empty: `lolslackbot track` makes a database of it"),
    "text": (b"riot_id,platform,channel,workspace\n" * 100, "is not a SQLite database (SQLITE_NOTADB)"),
    "binary": (b"\x00\xff" * 4096, "is not a SQLite database (SQLITE_NOTADB)"),
}


@pytest.mark.parametrize(("content", "line"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(home: Path, content: bytes, line: str) -> None:
    home.mkdir()
    path = home / "lolslackbot.db"
    path.write_bytes(content)
    assert line in fault(path)
    assert files_in(home) == {"lolslackbot.db": content}


def test_text_is_not_made_a_database_either(home: Path) -> None:
    home.mkdir()
    path = home / "players.csv"
    path.write_bytes(UNUSABLE["text"][0])
    with pytest.raises(ConfigError, match="is not a SQLite database"):
        create_database(path)
    assert files_in(home) == {"players.csv": UNUSABLE["text"][0]}


def test_a_foreign_database_is_refused_and_stays_as_it_is(home: Path) -> None:
    home.mkdir()
    path = home / "firefox.db"
    sql(path, "CREATE TABLE bookmarks (url)", "PRAGMA user_version = 1")
    before = path.read_bytes()
    assert fault(path).endswith("is not a lolslackbot database")
    with pytest.raises(ConfigError, match="is not a lolslackbot database"):
        create_database(path)
    assert path.read_bytes() == before


def test_a_foreign_database_in_wal_mode_stays_in_it(home: Path) -> None:
    home.mkdir()
    path = home / "firefox.db"
    sql(path, "PRAGMA journal_mode = WAL", "CREATE TABLE bookmarks (url)", "PRAGMA wal_checkpoint(TRUNCATE)")
    with pytest.raises(ConfigError, match="is not a lolslackbot database"):
        create_database(path)
    assert sql(path, "PRAGMA journal_mode") == [("wal",)]


def test_a_newer_schema_is_refused_and_stays_as_it_is(path: Path) -> None:
    newer = migrations.newest() + 1
    sql(path, f"PRAGMA user_version = {newer}")
    before = files_in(path.parent)
    assert f"was written by a newer lolslackbot (schema {newer}, this one knows {newer - 1})" in fault(path)
    with pytest.raises(ConfigError, match="newer lolslackbot"):
        create_database(path)
    assert files_in(path.parent) == before


def test_a_damaged_database_is_refused_and_stays_as_it_is(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:120] = b"\xff" * 20
    path.write_bytes(content)
    assert "is damaged: put a backup in its place (SQLITE_CORRUPT" in fault(path)
    assert files_in(path.parent) == {"lolslackbot.db": bytes(content)}


def test_damage_that_only_a_query_meets_is_one_line_too(path: Path) -> None:
    (page,) = sql(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'players'")[0]
    (size,) = sql(path, "PRAGMA page_size")[0]
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : (page - 1) * size + 8] = b"\xff" * 8
    path.write_bytes(content)
    with closing(open_database(path)) as db:
        for query in (db.rows, db.row):
            with pytest.raises(ConfigError, match="is damaged"):
                query("SELECT * FROM players")
    with pytest.raises(ConfigError, match="is damaged"), read_only(path) as db:
        players.tracks(db)


def test_a_locked_database_is_for_later(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "is locked by another program: close it (a forgotten sqlite3 shell?)" in fault(path, TemporaryError)
        with pytest.raises(TemporaryError):
            create_database(path)


def test_a_write_lock_keeps_writers_out_and_lets_readers_in(path: Path) -> None:
    with closing(open_database(path)) as db, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert len(players.tracks(db)) == 1
        with pytest.raises(TemporaryError, match="is locked"), db.transaction():
            pytest.fail("it got in")


def test_a_reader_may_keep_a_commit_out_and_nothing_of_it_stays(path: Path) -> None:
    with closing(open_database(path)) as db, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM players").fetchall()
        with pytest.raises(TemporaryError, match="is locked"), db.transaction():
            db.write("DELETE FROM tracks")
        other.execute("COMMIT")
        assert len(players.tracks(db)) == 1
        with db.transaction():
            db.write("DELETE FROM tracks")
        assert players.tracks(db) == []


def test_a_lock_that_passes_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 10)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(
        0.2,
        lambda: (other.execute("COMMIT"), other.close()),  # type: ignore[func-returns-value]
    ).start()
    with closing(open_database(path)) as db:
        assert len(players.tracks(db)) == 1


def test_a_full_disk_is_one_line_and_nothing_half_written_stays(path: Path) -> None:
    with closing(open_database(path)) as db:
        db.rows("PRAGMA max_page_count = 1")  # SQLite takes the present size then
        with pytest.raises(ConfigError, match="cannot be written: the disk is full"):
            _write_much(db)
        assert len(players.tracks(db)) == 1
        assert len(db.rows("SELECT * FROM channels")) == 1


def _write_much(db: Database) -> None:
    with db.transaction():
        db.write("DELETE FROM tracks")
        for number in range(10_000):
            db.write("INSERT INTO channels (channel_id, workspace) VALUES (:channel, 'default')", channel=f"D{number}")


def test_a_file_moved_away_during_the_run_is_not_written_to(path: Path) -> None:
    with closing(open_database(path)) as db:
        path.rename(path.with_name("moved.db"))
        with pytest.raises(ConfigError, match="was moved or deleted during the run"), db.transaction():
            db.write("DELETE FROM tracks")
    assert not path.exists()


@contextmanager
def _as_nobody() -> Iterator[Path]:
    """A folder of a user who is not root, and that user: root is stopped by no permission."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # one that this user can reach
    as_root = os.geteuid() == 0
    try:
        if as_root:
            os.chown(folder, NOBODY, NOBODY)
            try:
                os.seteuid(NOBODY)
            except OSError:
                pytest.skip("root, which no permission stops, and which may not become another user")
        yield folder
    finally:
        if as_root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_a_file_that_is_not_ours_to_read_is_one_line() -> None:
    with _as_nobody() as folder:
        create_database(folder / "a.db").close()
        (folder / "a.db").chmod(0)
        assert "cannot be opened by this user (SQLITE_CANTOPEN" in fault(folder / "a.db")


def test_a_read_only_file_can_be_read_and_its_first_write_is_one_line() -> None:
    with _as_nobody() as folder:
        create_database(folder / "a.db").close()
        (folder / "a.db").chmod(0o400)
        with closing(open_database(folder / "a.db")) as db:
            assert players.tracks(db) == []
            with pytest.raises(ConfigError, match="is read-only for this user"), db.transaction():
                db.write("DELETE FROM tracks")


def test_in_a_read_only_folder_reading_goes_on_and_the_first_write_is_one_line() -> None:
    with _as_nobody() as folder:
        with closing(create_database(folder / "a.db")) as db:
            add_player(db)
        folder.chmod(0o500)
        with read_only(folder / "a.db") as db:
            assert len(players.tracks(db)) == 1
        with (
            closing(open_database(folder / "a.db")) as db,
            pytest.raises(ConfigError, match="is read-only for this user"),
            db.transaction(),
        ):
            db.write("DELETE FROM tracks")


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        ("SQLITE_BUSY", TemporaryError, 75),
        ("SQLITE_BUSY_SNAPSHOT", TemporaryError, 75),
        ("SQLITE_LOCKED_SHAREDCACHE", TemporaryError, 75),
        ("SQLITE_FULL", ConfigError, 2),
        ("SQLITE_READONLY", ConfigError, 2),
        ("SQLITE_READONLY_DBMOVED", ConfigError, 2),
        ("SQLITE_CANTOPEN_ISDIR", ConfigError, 2),
        ("SQLITE_PERM", ConfigError, 2),
        ("SQLITE_NOTADB", ConfigError, 2),
        ("SQLITE_CORRUPT_INDEX", ConfigError, 2),
        ("SQLITE_IOERR_FSYNC", ConfigError, 2),
        ("SQLITE_CONSTRAINT_PRIMARYKEY", None, None),  # a bug stays a bug
        ("SQLITE_ERROR", None, None),
        (None, None, None),
    ],
)
def test_what_a_sqlite_error_means_to_a_person(
    code: str | None, kind: type[RunAborted] | None, status: int | None
) -> None:
    error = sqlite3.OperationalError("of all things")
    if code:
        error.sqlite_errorname = code
    found = fault_of(error, "/srv/a.db")
    if kind is None:
        assert found is None
    else:
        assert found is not None
        assert status is not None
        assert type(found) is kind
        assert found.exit_status == Exit(status)
        assert str(found).startswith("the database /srv/a.db ")
        assert str(found).endswith(f"({code})")


def test_a_mistake_of_ours_keeps_its_own_error(db: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        db.rows("SELECT * FROM dragons")
    with pytest.raises(sqlite3.IntegrityError), db.transaction():
        db.write("INSERT INTO tracks VALUES (999, 'C999', '', NULL)")


# Transactions


def test_a_transaction_commits_all_of_it_at_its_end(path: Path) -> None:
    with closing(open_database(path)) as db, closing(open_database(path)) as other:
        with db.transaction():
            assert db.write_counted("INSERT INTO channels (channel_id, workspace) VALUES ('C2', 'default')") == 1
            assert db.write_counted("UPDATE channels SET workspace = 'acme'") == 2
            assert other.rows("SELECT * FROM channels WHERE channel_id = 'C2'") == []
        assert [tuple(row) for row in other.rows("SELECT channel_id, workspace FROM channels")] == [
            ("C1", "acme"),
            ("C2", "acme"),
        ]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, ConfigError, sqlite3.OperationalError])
def test_an_error_inside_takes_all_of_it_back(db: Database, error: type[BaseException]) -> None:
    with pytest.raises(error):
        _write_and_raise(db, error)
    assert db.rows("SELECT * FROM channels") == []
    with db.transaction():
        db.write("INSERT INTO channels (channel_id, workspace) VALUES ('C2', 'default')")
    assert len(db.rows("SELECT * FROM channels")) == 1


def _write_and_raise(db: Database, error: type[BaseException]) -> None:
    with db.transaction():
        db.write("INSERT INTO channels (channel_id, workspace) VALUES ('C2', 'default')")
        raise error


def test_a_transaction_inside_another_is_committed_or_taken_back_with_it(path: Path) -> None:
    with closing(open_database(path)) as db, closing(open_database(path)) as other:
        with pytest.raises(ValueError, match="outside"), db.transaction():
            _write_inside(db)
            raise ValueError("outside")
        assert len(other.rows("SELECT * FROM channels")) == 1
        with db.transaction():
            _write_inside(db)
            assert len(other.rows("SELECT * FROM channels")) == 1
        assert len(other.rows("SELECT * FROM channels")) == 2


def _write_inside(db: Database) -> None:
    with db.transaction():
        db.write("INSERT INTO channels (channel_id) VALUES ('C2')")


def test_what_is_read_at_one_moment_is_so_whoever_writes(path: Path) -> None:
    with closing(open_database(path)) as db, closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        with db.snapshot():
            assert len(players.tracks(db)) == 1
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("DELETE FROM tracks")
            assert len(players.tracks(db)) == 1
        other.execute("DELETE FROM tracks")
        assert players.tracks(db) == []


def test_a_moment_inside_a_transaction_is_a_part_of_it(path: Path) -> None:
    with closing(open_database(path)) as db:
        with db.transaction():
            db.write("DELETE FROM tracks")
            with db.snapshot():
                assert players.tracks(db) == []
        assert players.tracks(db) == []


def test_a_write_outside_a_transaction_is_a_bug(db: Database) -> None:
    with pytest.raises(AssertionError):
        db.write("DELETE FROM channels")


def test_a_row_is_the_first_or_none(db: Database) -> None:
    assert db.row("SELECT 1 WHERE 0") is None
    row = db.row("SELECT :a AS a UNION SELECT 2", a=1)
    assert row is not None
    assert row["a"] == 1


# Reading only


def test_reading_only_sees_what_is_committed_and_cannot_write(path: Path) -> None:
    before = files_in(path.parent)
    with read_only(path) as db:
        assert len(players.tracks(db)) == 1
        with pytest.raises(ConfigError, match="read-only"), db.transaction():
            db.write("DELETE FROM tracks")
    assert files_in(path.parent) == before


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where copies are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_an_older_schema_is_read_as_the_newest_and_stays_older(tmp_path: Path, temporary: Path) -> None:
    path = tmp_path / "old" / "lolslackbot.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "schema-1.sql").read_text("utf-8"))
    sql(path, "INSERT INTO channels VALUES ('C1', 'default')")
    before = files_in(path.parent)
    with read_only(path) as db:
        assert [row["style"] for row in db.rows("SELECT style FROM channels")] == ["full"]
    assert files_in(path.parent) == before
    assert list(temporary.iterdir()) == []


WRITER = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = DELETE")
connection.execute("PRAGMA cache_size = 1")  # what is changed does not stay in memory: the journal is synced first
connection.execute("BEGIN IMMEDIATE")
connection.execute("DELETE FROM tracks")
for number in range(2000):
    values = "(channel_id, workspace) VALUES (?, 'half a transaction')"
    connection.execute(f"INSERT INTO channels {values}", [f"D{number:0200}"])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def crashed(path: Path) -> Path:
    """A database whose last writer was killed in the middle of a transaction, and left a hot journal."""
    before = path.read_bytes()
    killed = subprocess.run([sys.executable, "-c", WRITER, str(path)], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    journal = path.with_name("lolslackbot.db-journal").read_bytes()
    assert journal[:8] == bytes.fromhex("d9d505f920a163d7")  # hot: its header is written, not zero
    assert path.read_bytes() != before
    return path


def test_reading_after_a_crash_sees_the_last_commit_and_writes_nothing(crashed: Path, temporary: Path) -> None:
    before = files_in(crashed.parent)
    assert set(before) == {"lolslackbot.db", "lolslackbot.db-journal"}
    with read_only(crashed) as db:
        assert len(players.tracks(db)) == 1
        assert len(db.rows("SELECT * FROM channels")) == 1
        (copy,) = temporary.iterdir()
        assert mode_of(copy) == 0o700
    assert files_in(crashed.parent) == before
    assert not copy.exists()


def test_opening_after_a_crash_rolls_back_to_the_last_commit(crashed: Path) -> None:
    with closing(open_database(crashed)) as db:
        assert len(players.tracks(db)) == 1
        assert len(db.rows("SELECT * FROM channels")) == 1
    assert [file.name for file in crashed.parent.iterdir()] == ["lolslackbot.db"]


def test_a_body_that_fails_while_reading_after_a_crash_leaves_no_copy(crashed: Path, temporary: Path) -> None:
    with pytest.raises(ZeroDivisionError), read_only(crashed):
        assert list(temporary.iterdir())
        raise ZeroDivisionError
    assert list(temporary.iterdir()) == []


def test_a_fault_met_in_the_copy_names_the_file_and_not_the_copy(
    crashed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "newest", lambda: 0)
    with pytest.raises(ConfigError) as caught, read_only(crashed):
        pytest.fail("it was read")
    assert str(crashed) in str(caught.value)


def test_a_copy_that_finds_no_room_is_one_line(crashed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", no_room)
    with pytest.raises(RunAborted), read_only(crashed):
        pytest.fail("it was read")


@pytest.fixture
def held(path: Path) -> Iterator[Path]:
    """A database that another process keeps even readers out of."""
    with forgotten_shell(path, "EXCLUSIVE"):
        yield path


def test_who_must_look_although_readers_are_kept_out_sees_the_last_commit(held: Path) -> None:
    with pytest.raises(TemporaryError, match="is locked"), read_only(held):
        pytest.fail("it was read")
    with read_only(held, though_locked=True) as db:
        assert (len(players.tracks(db)), db.locked) == (1, True)
    with pytest.raises(TemporaryError, match="is locked"):
        open_database(held)


@pytest.mark.parametrize("odd", [b"", b"x" * 8192, None])
def test_a_copy_torn_by_who_holds_the_lock_is_not_taken_for_a_damaged_database(
    held: Path, monkeypatch: pytest.MonkeyPatch, odd: bytes | None
) -> None:
    def torn(source: str, copy: str) -> None:
        content = Path(source).read_bytes()
        Path(copy).write_bytes(content[:-4096] + b"x" * 4096 if odd is None else odd)

    monkeypatch.setattr(shutil, "copyfile", torn)
    with (
        pytest.raises(TemporaryError, match="is being written by another program"),
        read_only(held, though_locked=True),
    ):
        pytest.fail("it was read")


def test_a_fault_met_while_looking_is_not_taken_for_a_lock(path: Path) -> None:
    with pytest.raises(TemporaryError, match="mine"), read_only(path, though_locked=True) as db:
        assert not db.locked
        raise TemporaryError("mine")


def test_writing_is_tried_and_taken_back(path: Path) -> None:
    before = files_in(path.parent)
    with closing(open_database(path)) as db:
        db.try_writing()
        assert files_in(path.parent) == before
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(TemporaryError, match="is locked"):
                db.try_writing()
        path.rename(path.with_name("moved.db"))
        with pytest.raises(ConfigError, match="was moved"):
            db.try_writing()


def test_times_are_kept_as_text_that_sorts(path: Path) -> None:
    assert sql(path, "SELECT named_at > '2026-11-22T' FROM players") == [(1,)]
    assert text_of(START) > sql(path, "SELECT since FROM tracks")[0][0]


# Several names of one database


def test_a_link_names_the_same_locks_and_the_same_journal(crashed: Path, temporary: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere.db"
    link.symlink_to(crashed)
    with run_lock(crashed, "deliver"):
        assert is_at_work(link, "deliver")
        with pytest.raises(TemporaryError, match="another deliver is at work"), run_lock(link, "deliver"):
            pytest.fail("both are at work")
    with read_only(link) as db:  # a copy, with the journal that lies beside the file itself
        assert len(db.rows("SELECT * FROM channels")) == 1
    with closing(open_database(link)) as db:
        assert len(db.rows("SELECT * FROM channels")) == 1
    assert not Path(f"{crashed}-journal").exists()
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_symlink() or file.is_file()) == ["elsewhere.db"]


def test_a_link_to_nothing_makes_the_database_where_it_points(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (tmp_path / "a.db").symlink_to(home / "lolslackbot.db")
    create_database(tmp_path / "a.db").close()
    assert (home / "lolslackbot.db").is_file()
    assert (tmp_path / "a.db").is_symlink()


def test_a_hard_link_is_refused_by_both_names_and_nothing_is_made(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    os.link(path, other)
    before = files_in(path.parent)
    for name in (path, other):
        assert f"{name} has 2 names (hard links)" in fault(name)
        with pytest.raises(ConfigError, match="hard links"):
            create_database(name)
    assert files_in(path.parent) == before
    other.unlink()
    open_database(path).close()


def test_the_second_name_that_a_killed_restore_left_does_no_harm(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = path.with_name(f"{path.name}.before-20261123T120000.000000Z")
    os.link(path, kept)
    open_database(path).close()
    with read_only(path) as db:
        assert len(players.tracks(db)) == 1
    os.link(path, path.with_name("third.db"))
    assert "has 2 names" in fault(path)
    path.with_name("third.db").unlink()

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)  # a folder that may be entered and not read
    assert "has 2 names" in fault(path)


# Libraries


def test_a_sqlite_without_strict_tables_is_named_with_what_is_needed_and_nothing_is_made(
    path: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_in(home)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.36.0")
    new = tmp_path / "new" / "a.db"
    for opening in (open_database, _read, create_database, verify):
        for file in (path, new):
            with pytest.raises(ConfigError, match=r"^SQLite 3\.36\.0 is too old, 3\.37\.0 or newer is needed: "):
                opening(file)
    assert files_in(home) == before
    assert not new.parent.exists()


def test_among_many_writers__it_waits_its_turn_and_not_for_ever(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.among_many = True
    monkeypatch.setattr("lolslackbot.store.sqlite.BUSY_SECONDS", 10)
    with closing(sqlite3.connect(db.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        looked: list[float] = []

        def let_go(seconds: float) -> None:
            looked.append(seconds)
            if len(looked) == 3:
                other.execute("COMMIT")

        monkeypatch.setattr("lolslackbot.store.sqlite.time.sleep", let_go)
        with db.transaction():
            assert db.row("PRAGMA busy_timeout")[0] == 10_000  # type: ignore[index]
        assert len(looked) == 3
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("lolslackbot.store.sqlite.BUSY_SECONDS", -1)
        with pytest.raises(TemporaryError, match="is locked by another program"), db.transaction():
            pass
