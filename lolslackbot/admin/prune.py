"""Forgets old bodies, numbers and texts, never that a match is known and what became of it.

A few at a time, so that no commit keeps others waiting. By hand all that is old is forgotten and the space given back;
by itself some of it each day, whose space is then used for new games.
"""

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import datetime, timedelta

from lolslackbot.errors import ConfigError
from lolslackbot.store import amendments, decisions, matches, outbox, ranks, runs
from lolslackbot.store.copies import remove_kept
from lolslackbot.store.database import Database, must_exist, open_database
from lolslackbot.store.locks import LOCKS, run_lock

logger = logging.getLogger(__name__)

BATCH = 200  # games in one commit: a fraction of a second
BATCHES = 20  # in one run by itself; what is left then is for the next day


def prune(database: str, days: int, announce_within: timedelta, now: datetime) -> str:
    """What ended more than `days` ago is kept by its ids, states and reasons only; what was done, in a sentence.

    Raises TemporaryError while any stage is at work, ConfigError where that would forget what is still news.
    """
    must_exist(database)
    if timedelta(days=days) < announce_within:
        raise ConfigError(
            f"--older-than {days} is less than LOLSLACKBOT_ANNOUNCE_WITHIN ({announce_within.total_seconds():g} s): "
            "it would forget what is still news"
        )
    before = now - timedelta(days=days)
    with ExitStack() as stack:
        for stage in LOCKS:
            stack.enter_context(run_lock(database, stage))
        db = stack.enter_context(closing(open_database(database)))
        size = os.path.getsize(database)
        bodies = texts = 0
        while any(batch := _forget(db, before)):
            bodies, texts = bodies + batch[0], texts + batch[1]
        decided, kept = _tidy(db, before)
        if bodies or texts:
            change = f"{bodies} bodies, {texts} texts older than {days} days"
            with db.transaction():
                decisions.record(db, "prune", decisions.EVERYTHING, change, now)
        db.vacuum()
        freed = max(0, size - os.path.getsize(database))
    done = [f"forgot {bodies} bodies and {texts} texts of games that ended over {days} days ago"]
    done += [f"{decided} decisions of that time too"] if decided else []
    done += [f"removed {kept} databases that restores had replaced"] if kept else []
    return "; ".join([*done, f"{freed} bytes reclaimed"])


def prune_a_little(
    db: Database, days: int, announce_within: timedelta, now: datetime, has_time: Callable[[], bool]
) -> int:
    """Forgets some of what ended more than `days` ago, and is no news; of how many games. No lock is needed.

    What waits, is being built, or may be tried again is left alone, whatever other stages do meanwhile.
    """
    runs.begin_pruning(db, now)
    before = now - max(timedelta(days=days), announce_within)
    bodies = 0
    for _ in range(BATCHES):
        if not has_time() or not any(batch := _forget(db, before)):
            break
        bodies += batch[0]
        logger.info("forgot %d bodies and %d texts of games that ended over %d days ago", *batch, days)
    decided, kept = _tidy(db, before)
    logger.debug("forgot %d decisions, removed %d databases that restores had replaced", decided, kept)
    return bodies


def _forget(db: Database, before: datetime) -> tuple[int, int]:
    """Bodies and texts, a batch of each; how many. One commit."""
    with db.transaction():
        return matches.prune(db, before, BATCH), outbox.prune(db, before, BATCH)


def _tidy(db: Database, before: datetime) -> tuple[int, int]:
    """Decisions, and databases that restores replaced; how many. Readings of ranks are thinned."""
    with db.transaction():
        decided = decisions.prune(db, before)
        ranks.prune(db, before)
        amendments.prune(db, before)
    return decided, remove_kept(db.path, before)
