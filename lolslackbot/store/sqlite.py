"""A database in a SQLite file, opened so that a commit survives power loss; its faults become one clear line."""

import logging
import os
import re
import sqlite3
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import datetime
from typing import Any

from lolslackbot.errors import ConfigError, RunAborted, TemporaryError
from lolslackbot.files import (
    NotAFile,
    StrPath,
    make_private_folder,
    no_file_can_be_opened,
    open_private,
    refuse_special,
    remove,
    with_owner,
)
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import locks, migrations
from lolslackbot.store.database import Database, Row

logger = logging.getLogger(__name__)

SQLITE = (3, 37, 0)  # the first with STRICT tables; RETURNING is older
BUSY_SECONDS = 10
LOOK_AGAIN_SECONDS = 0.002
_SQLITES_OWN = ("-journal", "-wal")  # files beside a database that SQLite opens where they are there
KEPT = ".before-"  # what a restore replaced, beside the database; the moment follows
KEPT_AT = "%Y%m%dT%H%M%S.%fZ"  # sorts as it happened
_KEPT_NAME = re.compile(re.escape(KEPT) + r"([0-9]{8}T[0-9]{6}\.[0-9]{6}Z)(-journal)?")

# WAL with synchronous=NORMAL and SQLite's default (DELETE with FULL) lose a committed claim in a power cut; DELETE
# with EXTRA, which also syncs the directory, does not, keeps everything in one file, and is not exposed to the
# corruption of several WAL connections before SQLite 3.51.3.
_PRAGMAS: dict[str, tuple[str, object]] = {
    "journal_mode": ("DELETE", "delete"),
    "synchronous": ("EXTRA", 3),
    "foreign_keys": ("ON", 1),
    "fullfsync": ("ON", 1),  # macOS: fsync alone stays in the drive's cache
    "trusted_schema": ("OFF", 0),
}


class SqliteDatabase(Database):
    """One connection to a file."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self._connection = connection
        self.path = path
        self._faults = Faults(path)

    def rows(self, sql: str, **values: Any) -> list[Row]:
        with self._faults:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, **values: Any) -> Row | None:
        with self._faults:
            row: Row | None = self._connection.execute(sql, values).fetchone()
            return row

    def write(self, sql: str, **values: Any) -> None:
        self.write_counted(sql, **values)

    def write_counted(self, sql: str, **values: Any) -> int:
        assert self._connection.in_transaction, "a write outside a transaction commits by itself"
        with self._faults:
            return self._connection.execute(sql, values).rowcount

    def change(self, sql: str, **values: Any) -> list[Row]:
        assert self._connection.in_transaction, "a write outside a transaction commits by itself"
        return self.rows(sql, **values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """IMMEDIATE, since a read that turns into a write later fails at once when another process writes."""
        if self._connection.in_transaction:
            yield
            return
        with self._faults:
            self._begin()
        try:
            yield
            with self._faults:
                self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()

    def _begin(self) -> None:
        """As soon as no other process writes. Raises an OperationalError after BUSY_SECONDS.

        Among several that write all the time SQLite's own waiting is unfair: it looks ten times a second in the end,
        and whoever has just written is there first. So whoever shares a run looks at short intervals.
        """
        if not self.among_many:
            self._connection.execute("BEGIN IMMEDIATE")
            return
        until = time.monotonic() + BUSY_SECONDS
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            while not self._has_begun(give_up=time.monotonic() > until):
                time.sleep(LOOK_AGAIN_SECONDS)
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")

    def _has_begun(self, *, give_up: bool) -> bool:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if give_up or error.sqlite_errorname != "SQLITE_BUSY":
                raise
            return False
        return True

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Nobody commits in between."""
        if self._connection.in_transaction:
            yield
            return
        with self._faults:
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.rollback()  # there is nothing to commit

    def try_writing(self) -> None:
        with self._faults:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.execute(f"PRAGMA user_version = {migrations.version(self._connection)}")
            finally:
                self._connection.rollback()

    def run_lock(self, stage: str, share: Share = WHOLE) -> AbstractContextManager[None]:
        return locks.run_lock(self.path, stage, share)

    def is_at_work(self, stage: str, share: Share = WHOLE) -> bool:
        return locks.is_at_work(self.path, stage, share)

    def forget_locks_of(self, pids: Sequence[int]) -> None:
        """The kernel has."""

    def hold_lock(self) -> None:
        """The kernel does."""

    def reconnect(self) -> None:
        """A file's commit is never unknown."""

    @property
    def folder(self) -> str | None:
        return os.path.dirname(os.path.realpath(self.path))

    def size(self) -> int:
        return os.path.getsize(self.path)

    def reclaim(self) -> None:
        """Needs room for a copy meanwhile; all or nothing."""
        with self._faults:
            self._connection.execute("VACUUM")

    def examine(self) -> Iterator[tuple[str, str]]:
        verify(self.path)
        yield f"{self.path} is sound, {self.size()} bytes", ""

    def remove_replaced(self, before: datetime) -> int:
        oldest = f"{before:{KEPT_AT}}"
        old = [(each, named) for each, named in kept_beside(self.path) if named[1] < oldest]
        for each, _ in old:
            remove(each.path)
        return sum(named[2] is None for _, named in old)

    def all_rows(self, table: str) -> Iterator[Row]:
        """Of a whole table, in no order, one after the other."""
        with self._faults:
            yield from self._connection.execute(f"SELECT * FROM {table}")

    def defer_references(self) -> None:
        """Within a transaction: they are looked at when it ends."""
        with self._faults:
            self._connection.execute("PRAGMA defer_foreign_keys = ON")

    def back_up(self, target: sqlite3.Connection) -> None:
        """Copies every page."""
        with self._faults:
            self._connection.backup(target)

    def close(self) -> None:
        self._connection.close()


def library_version() -> str:
    """That of the SQLite which this Python has."""
    return sqlite3.sqlite_version


def must_exist(path: StrPath) -> None:
    """Raises ConfigError when there is no database, or one with several names."""
    path = os.fspath(path)
    _must_have_one_name(path, _must_be_there(path))


def _check_library() -> None:
    """An older SQLite would call a sound database malformed."""
    if sqlite3.sqlite_version_info < SQLITE:
        needed = ".".join(map(str, SQLITE))
        raise ConfigError(
            f"SQLite {sqlite3.sqlite_version} is too old, {needed} or newer is needed: "
            "it comes with Python, or with the system that Python uses; upgrade that"
        )


def _must_be_there(path: str) -> os.stat_result:
    _check_library()
    try:
        for each in (path, *(os.path.realpath(path) + end for end in _SQLITES_OWN)):
            refuse_special(each)
        file = os.stat(path)
    except NotAFile as error:
        named = "" if error.filename == path else f"{error.filename}: "
        raise ConfigError(f"the database {path} cannot be used: {named}{error.strerror}") from error
    except PermissionError as error:
        raise ConfigError(with_owner(f"the database {path} cannot be reached by this user", path)) from error
    except OSError:
        file = None
    if not (file and stat.S_ISREG(file.st_mode)):
        raise ConfigError(f"there is no database at {path}: `lolslackbot track` makes one")
    return file


def _must_have_one_name(path: str, file: os.stat_result) -> None:
    """Refuses a file with hard links: locks lie beside one name only, and so does the journal of a crashed commit.

    A restore gives the database a second name for a moment (`swap`). Where it dies in that moment the name stays, and
    does no harm: nobody writes to the file by it.
    """
    if file.st_nlink > 1 and (names := file.st_nlink - _names_by_restore(path, file)) > 1:
        raise ConfigError(
            f"the database {path} has {names} names (hard links), and SQLite keeps its journal beside one of them: "
            f"remove the others (`find / -xdev -samefile {path}` lists them)"
        )


def _names_by_restore(path: str, file: os.stat_result) -> int:
    return sum(each.inode() == file.st_ino for each, _ in kept_beside(path))


def kept_beside(path: str) -> list[tuple["os.DirEntry[str]", re.Match[str]]]:
    """What restores replaced, beside the database; a copy that somebody named much like that is none of ours."""
    folder, name = os.path.split(os.path.realpath(path))
    try:
        with os.scandir(folder) as entries:
            beside = [(each, each.name.removeprefix(name)) for each in entries if each.name.startswith(name)]
    except OSError:  # a folder that may be entered and not read: as if there were none
        return []
    return [(each, named) for each, rest in beside if (named := _KEPT_NAME.fullmatch(rest))]


def open_database(path: StrPath) -> SqliteDatabase:
    """The database at `path`, brought up to this schema if it is older.

    Raises ConfigError when there is none (none is made), or when it is not ours, too new, read-only or corrupt.
    """
    must_exist(path)
    return open_file(os.fspath(path), os.fspath(path))


def open_file(path: str, display_path: str) -> SqliteDatabase:
    """The database in a file that is there. display_path: the path in errors, when `path` is a temporary copy."""
    with Faults(display_path):
        connection = _connect(path, "rw")
    try:
        with Faults(display_path):
            _check_identity(connection, display_path)
            _set_up(connection)
            migrations.upgrade(connection, display_path)
    except BaseException:
        connection.close()
        raise
    return SqliteDatabase(connection, display_path)


def create_database(path: StrPath) -> SqliteDatabase:
    """As `open_database`, but makes the file, private to the user, if there is none. All or nothing."""
    path = os.fspath(path)
    _check_library()
    make_folder(os.path.dirname(path))
    try:
        refuse_special(path)
        os.close(open_private(path, os.O_RDONLY))
    except OSError as error:
        raise ConfigError(with_owner(f"the database {path} cannot be made: {error.strerror}", path, error)) from error
    must_exist(path)
    with Faults(path), closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        if not migrations.is_empty(connection):
            _check_identity(connection, path)
        _set_up(connection)
        migrations.create(connection)
    return open_database(path)


def make_folder(folder: str) -> None:
    """Makes a folder private to the user, if there is none."""
    try:
        make_private_folder(folder)
    except OSError as error:
        raise ConfigError(f"the folder {folder} cannot be made: {error.strerror}") from error


def verify(path: StrPath) -> None:
    """Raises ConfigError unless `path` is a sound database of ours that this program can read."""
    path = os.fspath(path)
    _check_library()
    try:
        refuse_special(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if not os.path.isfile(path):
        raise ConfigError(f"there is no file {path}")
    with Faults(path), closing(_connect(path, "ro")) as connection:
        _check_identity(connection, path)
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise ConfigError(f"the database {path} is damaged: {found}")


@contextmanager
def read_only(path: StrPath, *, though_locked: bool = False, a_backup: bool = False) -> Iterator[SqliteDatabase]:
    """The database for looking only: nothing of it is written, neither an upgrade nor a crashed run's roll-back.

    Where reading needs one of these, a private copy is read instead, and thrown away. though_locked: so too where
    another program does not let go of it. a_backup: nobody writes to it, so it may have any number of names.
    """
    path = os.fspath(path)
    file = _must_be_there(path)
    if not a_backup:
        _must_have_one_name(path, file)
    locked = False
    with Faults(path), closing(_connect(path, "ro")) as connection:
        connection.row_factory = sqlite3.Row
        try:
            needs_copy = _needs_copy(connection, path)
        except sqlite3.OperationalError as error:
            locked = though_locked and isinstance(fault_of(error, path), TemporaryError)
            if not locked:
                raise
            needs_copy = True
        if not needs_copy:
            connection.execute("PRAGMA query_only = ON")
            yield SqliteDatabase(connection, path)
            return
    with ExitStack() as stack:
        copy = _copy_for_reading(path, stack)
        try:
            db = stack.enter_context(closing(open_file(copy, path)))
            if locked:
                _check_pages(db)
        except ConfigError as fault:
            if locked:
                raise TemporaryError(
                    f"the database {path} is being written by another program: try again later"
                ) from fault
            raise
        db.locked = locked
        yield db


def _check_pages(db: SqliteDatabase) -> None:
    found = db.rows("PRAGMA quick_check(1)")[0][0]
    if found != "ok":
        raise ConfigError(f"the database {db.path} is damaged: {found}")


def _copy_for_reading(path: str, stack: ExitStack) -> str:
    import shutil  # slow to import, and seldom needed
    import tempfile

    try:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lolslackbot-"))
        copy = os.path.join(folder, os.path.basename(path))
        real = os.path.realpath(path)  # SQLite keeps the journal beside the file itself, whatever link names it
        for suffix in ("-journal", ""):  # in this order: a journal of changes that the file lacks does no harm
            if os.path.exists(f"{real}{suffix}"):
                shutil.copyfile(f"{real}{suffix}", f"{copy}{suffix}")
    except OSError as error:
        raise ConfigError(f"{path} can only be read as a copy, and that fails: {error.strerror}") from error
    return copy


def _needs_copy(connection: sqlite3.Connection, path: str) -> bool:
    try:
        _check_identity(connection, path)
        return migrations.version(connection) < migrations.newest()
    except sqlite3.OperationalError as error:
        # A hot journal: a process died in its commit, and a read-only connection may not roll it back.
        if error.sqlite_errorname in ("SQLITE_READONLY_ROLLBACK", "SQLITE_READONLY_RECOVERY", "SQLITE_CANTOPEN"):
            return True
        raise


def _connect(path: str, mode: str) -> sqlite3.Connection:
    quoted = re.sub("[%?#]", lambda mark: f"%{ord(mark[0]):02x}", os.fspath(path))  # what ends a path in a URI
    return sqlite3.connect(f"file://{quoted}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def _set_up(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    for name, (value, meaning) in _PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {value}")
        kept = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if kept != meaning:
            raise ConfigError(f"SQLite does not keep PRAGMA {name} = {value}, so a claim could be lost in a power cut")


def _check_identity(connection: sqlite3.Connection, path: str) -> None:
    if migrations.is_empty(connection):
        raise ConfigError(f"{path} is empty: `lolslackbot track` makes a database of it")
    if connection.execute("PRAGMA application_id").fetchone()[0] != migrations.APPLICATION_ID:
        raise ConfigError(f"{path} is not a lolslackbot database")
    if migrations.version(connection) > migrations.newest():
        raise ConfigError(migrations.too_new(path, migrations.version(connection)))


_LOCKED = "is locked by another program: close it (a forgotten sqlite3 shell?); the next run tries again"
_REMEDIES = {
    "SQLITE_BUSY": (TemporaryError, _LOCKED),
    "SQLITE_LOCKED": (TemporaryError, _LOCKED),
    "SQLITE_FULL": (ConfigError, "cannot be written: the disk is full; make room, nothing is lost"),
    "SQLITE_READONLY_DBMOVED": (ConfigError, "was moved or deleted during the run: put it back"),
    "SQLITE_READONLY": (ConfigError, "is read-only for this user"),
    "SQLITE_CANTOPEN": (ConfigError, "cannot be opened by this user"),
    "SQLITE_PERM": (ConfigError, "cannot be opened by this user"),
    "SQLITE_NOTADB": (ConfigError, "is not a SQLite database"),
    "SQLITE_CORRUPT": (ConfigError, "is damaged: put a backup in its place"),
    "SQLITE_IOERR": (ConfigError, "cannot be read or written: look at the disk and its file system"),
}
_PERMISSIONS = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")


def fault_of(error: sqlite3.Error, path: str) -> RunAborted | None:
    """What a SQLite error means to a person, or None for a mistake of ours (a bug stays a bug)."""
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith("SQLITE_CANTOPEN") and no_file_can_be_opened():
        return ConfigError(f"the database {path} cannot be opened: this process may open no more files (`ulimit -n`)")
    for prefix, (kind, what) in _REMEDIES.items():
        if name.startswith(prefix):
            told = f"the database {path} {what} ({name})"
            return kind(with_owner(told, path) if prefix in _PERMISSIONS else told)
    return None


class Faults:
    """`with` it, a fault of SQLite's becomes one line for a person. A class, since every statement goes through it."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, sqlite3.Error) and (fault := fault_of(error, self._path)):
            raise fault from error
