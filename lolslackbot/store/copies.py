"""Copies of the database file: made, verified, put in its place."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

from lolslackbot.errors import ConfigError
from lolslackbot.files import fsync_path, open_private, refuse_special, remove
from lolslackbot.store.sqlite import Faults, open_file, read_only, verify


def copy_database(source: str, target: str, *, a_backup: bool = False) -> None:
    """A consistent copy of a database in use, verified, private, and whole or not there at all. See `read_only`."""
    with (
        whole_file(target) as partial,
        read_only(source, a_backup=a_backup) as db,
        Faults(target),
        closing(sqlite3.connect(partial)) as copy,
    ):
        db.rows("BEGIN")
        db.rows("SELECT 1 FROM matches LIMIT 1")  # from here on nobody commits, so the copy is of one moment
        db.back_up(copy)


@contextmanager
def whole_file(target: str) -> Iterator[str]:
    """The name under which to make a private file that becomes `target` once it is written, and sound."""
    partial = f"{target}.partial"
    try:
        refuse_special(target)
        with suppress(FileNotFoundError):
            os.remove(partial)
        os.close(open_private(partial, os.O_RDONLY | os.O_NOFOLLOW))
        yield partial
        verify(partial)
        fsync_path(partial)
        os.replace(partial, target)
        fsync_path(os.path.dirname(target))
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        remove(partial)


def swap(database: str, fresh: str, kept: str) -> None:
    """Makes `fresh` the database, at once, and gives the one it replaces, if there is one, the name `kept`.

    The old one stays locked meanwhile: a journal that somebody began beside it would be taken for the new one's.
    """
    with ExitStack() as stack:
        try:
            if os.path.exists(database):
                _lock_or_free(database, kept, stack)
                os.link(database, kept)  # so that there is a database at every moment
            os.replace(fresh, database)
            fsync_path(os.path.dirname(database))
        except OSError as error:
            raise ConfigError(f"{database} cannot be replaced: {error.strerror}") from error


def _lock_or_free(database: str, kept: str, stack: ExitStack) -> None:
    """Locks out everybody else; where the file cannot even be opened, its journal goes with it to its new name."""
    try:
        stack.enter_context(closing(open_file(database, database))).rows("BEGIN EXCLUSIVE")
    except ConfigError:
        if os.path.exists(f"{database}-journal"):
            os.rename(f"{database}-journal", f"{kept}-journal")
