"""A verified copy of a live database; and one put back, without announcing anything twice."""

import os
from contextlib import ExitStack, closing
from datetime import datetime

from lolslackbot.errors import ConfigError, RunAborted
from lolslackbot.files import StrPath, keep_owner_and_mode
from lolslackbot.store import decisions, restores
from lolslackbot.store.copies import copy_database, fsync_path, remove, swap
from lolslackbot.store.database import KEPT, KEPT_AT, make_folder, must_exist, open_database, verify
from lolslackbot.store.locks import LOCKS, run_lock


def backup(database: StrPath, target: StrPath) -> str:
    """Copies the database as it is at one moment, while others use it; what was done, in a sentence."""
    database, target = os.fspath(database), os.fspath(target)
    must_exist(database)
    if os.path.isdir(target):
        raise ConfigError(f"{target} is a folder: name a file")
    if os.path.exists(target) and os.path.samefile(target, database):
        raise ConfigError(f"{target} is the database itself: name another file")
    copy_database(database, target)
    return f"{target} is a verified copy of {database}, {os.path.getsize(target)} bytes"


def restore(database: StrPath, source: StrPath, now: datetime) -> list[str]:
    """Puts a backup in the database's place; returns what was done. Raises TemporaryError while a stage is at work.

    The replaced database is kept beside it. What the backup would announce anew is looked up in Slack first.
    """
    database, source = os.fspath(database), os.fspath(source)
    verify(source)
    database = os.path.realpath(database)  # the file that a link names is replaced, not the link
    if os.path.exists(database):
        if os.path.samefile(source, database):
            raise ConfigError(f"{source} is the database itself: name another file")
        must_exist(database)
    make_folder(os.path.dirname(database))
    with ExitStack() as locks:
        for stage in LOCKS:
            locks.enter_context(run_lock(database, stage))
        fresh = f"{database}.restoring"
        try:
            copy_database(source, fresh, a_backup=True)
            lines, doubted = _prepare(database, fresh, now)
            kept = f"{database}{KEPT}{now:{KEPT_AT}}"
            swap(database, fresh, kept)
            if os.path.exists(kept):
                lines.append(f"the replaced one is kept as {kept}")
        except OSError as error:
            raise ConfigError(f"{fresh} cannot be written: {error.strerror}") from error
        finally:
            remove(fresh)
    return [
        f"{database} is now what {source} was",
        *lines,
        f"looked up in Slack before it is announced: what waits ({doubted}), and every game that ended before now",
    ]


def _prepare(database: str, fresh: str, now: datetime) -> tuple[list[str], int]:
    """Makes the copy safe to go on with, in one commit; what has to be lines, and how many messages are doubted."""
    lines: list[str] = []
    with closing(open_database(fresh)) as restored, ExitStack() as stack:
        today = None
        if os.path.exists(database):
            try:
                today = stack.enter_context(closing(open_database(database)))
            except RunAborted as fault:  # often the very reason for a restore
                lines.append(f"its rate limits could not be read: {fault}")
        with restored.transaction():
            if today:
                restores.keep_todays_records(today, restored)
            doubted = restores.doubt_all(restored, now, today)
            decisions.record(restored, "restore", decisions.EVERYTHING, f"messages in doubt: {doubted}", now)
    if os.path.exists(database):
        keep_owner_and_mode(fresh, database)
    fsync_path(fresh)
    return lines, doubted
