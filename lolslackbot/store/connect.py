"""Opens the database, wherever it is: a SQLite file, or a schema on a PostgreSQL server."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from lolslackbot.errors import ConfigError
from lolslackbot.files import StrPath
from lolslackbot.location import is_server
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import locks, sqlite
from lolslackbot.store.database import Database

if TYPE_CHECKING:
    from types import ModuleType


def _postgres() -> "ModuleType":
    """psycopg is an extra, and takes long to import. Raises ConfigError where it is missing."""
    try:
        from lolslackbot.store import postgres
    except ImportError as error:
        raise ConfigError(
            f"a database on a PostgreSQL server needs psycopg: install lolslackbot[postgres] ({error})"
        ) from error
    return postgres


def exists(location: StrPath) -> bool:
    """Whether there is a file, or a server is named, which is to be asked."""
    return is_server(location) or os.path.isfile(location)


def open_database(location: StrPath) -> Database:
    """The database, brought up to this schema if it is older.

    Raises ConfigError when there is none (none is made), or when it is not ours, too new, read-only or corrupt;
    TemporaryError when a server cannot be reached.
    """
    if is_server(location):
        db: Database = _postgres().open_server(os.fspath(location))
        return db
    return sqlite.open_database(location)


def create_database(location: StrPath) -> Database:
    """As `open_database`, but makes it if there is none. All or nothing."""
    if is_server(location):
        db: Database = _postgres().create_on_server(os.fspath(location))
        return db
    return sqlite.create_database(location)


@contextmanager
def read_only(location: StrPath, *, though_locked: bool = False) -> Iterator[Database]:
    """The database, for looking only. though_locked: also a file that another program does not let go of."""
    if is_server(location):
        with closing(_postgres().open_server(os.fspath(location), read_only=True)) as db:
            yield db
    else:
        with sqlite.read_only(location, though_locked=though_locked) as db:
            yield db


@contextmanager
def open_locked(location: StrPath, *stages: str, share: Share = WHOLE) -> Iterator[Database]:
    """The database, and run locks for as long as it is open. Raises TemporaryError when another run has one.

    A file's lock is taken before it is opened: a restore may have put another in its place since.
    """
    if is_server(location):
        with closing(open_database(location)) as db, ExitStack() as stack:
            for stage in stages:
                stack.enter_context(db.run_lock(stage, share))
            yield db
    else:
        sqlite.must_exist(location)  # where there is no database, no lock file is made
        with ExitStack() as stack:
            for stage in stages:
                stack.enter_context(locks.run_lock(location, stage, share))
            yield stack.enter_context(closing(open_database(location)))


@contextmanager
def shared_lock(location: StrPath, stage: str, number: int) -> Iterator[None]:
    """Whoever takes a share meanwhile takes one of so many. Raises TemporaryError while it is held otherwise.

    On a server the first share that is taken decides.
    """
    if is_server(location):
        with closing(_postgres().open_server(os.fspath(location))) as db:
            db.check_division(stage, number)
        yield
    else:
        with locks.shared_lock(location, stage, number):
            yield
