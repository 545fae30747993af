"""A verified copy of a live database; and one put back, without announcing anything twice."""

import os
import tempfile
from contextlib import ExitStack, closing
from datetime import datetime

from lolslackbot.clock import Clock
from lolslackbot.errors import ConfigError, RunAborted
from lolslackbot.files import StrPath, fsync_path, keep_owner_and_mode, remove
from lolslackbot.location import is_server, shown
from lolslackbot.store import decisions, restores
from lolslackbot.store.connect import create_database, open_database, open_locked, read_only
from lolslackbot.store.copies import copy_database, swap
from lolslackbot.store.database import Database
from lolslackbot.store.locks import LOCKS, run_lock
from lolslackbot.store.sqlite import KEPT, KEPT_AT, make_folder, must_exist, verify


def backup(database: StrPath, target: StrPath) -> str:
    """Copies the database as it is at one moment, while others use it; what was done, in a sentence.

    The copy is a SQLite file, whichever engine keeps the database.
    """
    database, target = os.fspath(database), os.fspath(target)
    if os.path.isdir(target):
        raise ConfigError(f"{target} is a folder: name a file")
    if is_server(database):
        with read_only(database) as db:
            from lolslackbot.store.transfer import copy_to_file  # needs psycopg, as `read_only` has said

            copy_to_file(db, target)
    else:
        must_exist(database)
        if os.path.exists(target) and os.path.samefile(target, database):
            raise ConfigError(f"{target} is the database itself: name another file")
        copy_database(database, target)
    return f"{target} is a verified copy of {shown(database)}, {os.path.getsize(target)} bytes"


def restore(database: StrPath, source: StrPath, clock: Clock) -> list[str]:
    """Puts a backup in the database's place; returns what was done. Raises TemporaryError while a stage is at work.

    The replaced database is kept beside it. What the backup would announce anew is looked up in Slack first.
    """
    database, source = os.fspath(database), os.fspath(source)
    verify(source)
    lines, doubted = (_restore_on_server if is_server(database) else _restore_file)(database, source, clock)
    return [f"{shown(database)} is now what {source} was", *lines, _looked_up(doubted)]


def note_restored(database: StrPath, clock: Clock) -> str:
    """Makes a database safe to go on with that was put back by other means; what was done, in a sentence.

    Raises TemporaryError while a stage is at work.
    """
    with open_locked(database, *LOCKS) as db:
        clock.follow(db)
        now = clock.now()
        with db.transaction():
            doubted = restores.doubt_all(db, now)
            decisions.record(db, "restore", decisions.EVERYTHING, f"messages in doubt: {doubted}", now)
    return _looked_up(doubted)


def _looked_up(doubted: int) -> str:
    return f"looked up in Slack before it is announced: what waits ({doubted}), and every game that ended before now"


def _restore_file(database: str, source: str, clock: Clock) -> tuple[list[str], int]:
    """What was done, in lines; how many messages are doubted."""
    database = os.path.realpath(database)  # the file that a link names is replaced, not the link
    if os.path.exists(database):
        if os.path.samefile(source, database):
            raise ConfigError(f"{source} is the database itself: name another file")
        must_exist(database)
    make_folder(os.path.dirname(database))
    with ExitStack() as locks:
        for stage in LOCKS:
            locks.enter_context(run_lock(database, stage))
        fresh, now = f"{database}.restoring", clock.now()
        try:
            copy_database(source, fresh, a_backup=True)
            lines: list[str] = []
            with ExitStack() as stack:
                today = None
                if os.path.exists(database):
                    try:
                        today = stack.enter_context(closing(open_database(database)))
                    except RunAborted as fault:  # often the very reason for a restore
                        lines.append(f"its rate limits could not be read: {fault}")
                doubted = _prepare(fresh, today, now)
            if os.path.exists(database):
                keep_owner_and_mode(fresh, database)
            fsync_path(fresh)
            kept = f"{database}{KEPT}{now:{KEPT_AT}}"
            swap(database, fresh, kept)
            if os.path.exists(kept):
                lines.append(f"the replaced one is kept as {kept}")
        except OSError as error:
            raise ConfigError(f"{fresh} cannot be written: {error.strerror}") from error
        finally:
            remove(fresh)
    return lines, doubted


def _restore_on_server(database: str, source: str, clock: Clock) -> tuple[list[str], int]:
    """As `_restore_file`. One transaction puts it in the place of what is there."""
    with (
        tempfile.TemporaryDirectory(prefix="lolslackbot-") as folder,
        closing(create_database(database)) as today,
        ExitStack() as locks,
    ):
        from lolslackbot.store.transfer import is_empty, load

        clock.follow(today)
        for stage in LOCKS:
            locks.enter_context(today.run_lock(stage))
        fresh = os.path.join(folder, "restoring.db")
        copy_database(source, fresh, a_backup=True)
        now = clock.now()
        doubted = _prepare(fresh, None if is_empty(today) else today, now)
        kept = load(fresh, today, now)
    return ([f"the replaced one is kept as the schema {kept}"] if kept else []), doubted


def _prepare(fresh: str, today: Database | None, now: datetime) -> int:
    """Makes the copy safe to go on with, in one commit; how many messages are doubted. today: what it replaces."""
    with closing(open_database(fresh)) as restored, restored.transaction():
        if today:
            restores.keep_todays_records(today, restored)
        doubted = restores.doubt_all(restored, now, today)
        decisions.record(restored, "restore", decisions.EVERYTHING, f"messages in doubt: {doubted}", now)
    return doubted
