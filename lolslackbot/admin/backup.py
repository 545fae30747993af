"""A verified copy of a live database; and one put back, without announcing anything twice."""

from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path

from lolslackbot.errors import RunEnds, Unusable
from lolslackbot.store import decisions, restores
from lolslackbot.store.database import (
    copy_database,
    make_folder,
    must_exist,
    open_database,
    remove,
    settle_file,
    swap,
    verify,
)
from lolslackbot.store.locks import STAGES, run_lock


def backup(database: Path, target: Path) -> str:
    """Copies the database as it is at one moment, while others use it; what was done, in a sentence."""
    must_exist(database)
    if target.is_dir():
        raise Unusable(f"{target} is a folder: name a file")
    if target.exists() and target.samefile(database):
        raise Unusable(f"{target} is the database itself: name another file")
    copy_database(database, target)
    return f"{target} is a verified copy of {database}, {target.stat().st_size} bytes"


def restore(database: Path, source: Path, now: datetime) -> list[str]:
    """Puts a backup in the database's place; what was done, in sentences. Raises NotNow while any stage is at work.

    The replaced database is kept beside it. What the backup would announce anew is looked up in Slack first.
    """
    verify(source)
    if database.exists() and source.samefile(database):
        raise Unusable(f"{source} is the database itself: name another file")
    make_folder(database.parent)
    with ExitStack() as locks:
        for stage in STAGES:
            locks.enter_context(run_lock(database, stage))
        fresh = database.with_name(f"{database.name}.restoring")
        try:
            copy_database(source, fresh)
            said, doubted = _prepare(database, fresh, now)
            kept = database.with_name(f"{database.name}.before-{now:%Y%m%dT%H%M%S.%fZ}")
            swap(database, fresh, kept)
            if kept.exists():
                said.append(f"the replaced one is kept as {kept}")
        except OSError as error:
            raise Unusable(f"{fresh} cannot be written: {error.strerror}") from error
        finally:
            remove(fresh)
    return [
        f"{database} is now what {source} was",
        *said,
        f"looked up in Slack before it is announced: what waits ({doubted}), and every game that ended before now",
    ]


def _prepare(database: Path, fresh: Path, now: datetime) -> tuple[list[str], int]:
    """Makes the copy safe to go on with, in one commit; what has to be said, and how many messages are doubted."""
    said: list[str] = []
    with closing(open_database(fresh)) as restored, ExitStack() as stack:
        today = None
        if database.exists():
            try:
                today = stack.enter_context(closing(open_database(database)))
            except RunEnds as fault:  # often the very reason for a restore
                said.append(f"its rate limits could not be read: {fault}")
        with restored.transaction():
            if today:
                restores.keep_limits(today, restored)
            doubted = restores.doubt_all(restored, now, today)
            decisions.record(restored, "restore", decisions.EVERYTHING, f"messages in doubt: {doubted}", now)
    settle_file(fresh)
    return said, doubted
