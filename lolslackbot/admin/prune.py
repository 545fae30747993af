"""Forgets old bodies, numbers and texts, never that a match is known and what became of it.

A few at a time, so that no commit keeps others waiting. By hand all that is old is forgotten and the space given back;
by itself some of it each day, whose space is then used for new games.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from lolslackbot.clock import Clock
from lolslackbot.errors import ConfigError
from lolslackbot.files import StrPath
from lolslackbot.store import amendments, decisions, live, matches, outbox, ranks, requests, runs
from lolslackbot.store.connect import open_locked
from lolslackbot.store.database import Database
from lolslackbot.store.locks import LOCKS

logger = logging.getLogger(__name__)

BATCH = 200  # games in one commit: a fraction of a second
BATCHES = 20  # in one run by itself; what is left then is for the next day


def prune(database: StrPath, days: int, announce_within: timedelta, clock: Clock) -> str:
    """What ended more than `days` ago is kept by its ids, states and reasons only; what was done, in a sentence.

    Raises TemporaryError while any stage is at work, ConfigError where that would forget what is still news.
    """
    if timedelta(days=days) < announce_within:
        raise ConfigError(
            f"--older-than {days} is less than LOLSLACKBOT_ANNOUNCE_WITHIN ({announce_within.total_seconds():g} s): "
            "it would forget what is still news"
        )
    with open_locked(database, *LOCKS) as db:
        clock.follow(db)
        now = clock.now()
        before = now - timedelta(days=days)
        size = db.size()
        bodies = texts = 0
        while any(batch := _forget(db, before)):
            bodies, texts = bodies + batch[0], texts + batch[1]
        decided, kept = _tidy(db, before)
        if bodies or texts:
            change = f"{bodies} bodies, {texts} texts older than {days} days"
            with db.transaction():
                decisions.record(db, "prune", decisions.EVERYTHING, change, now)
        db.reclaim()
        freed = max(0, size - db.size())
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
    """Decisions, and databases that restores replaced; how many. Requests too; readings of ranks are thinned."""
    with db.transaction():
        decided = decisions.prune(db, before)
        ranks.prune(db, before)
        amendments.prune(db, before)
        requests.prune(db, before)
        live.prune(db, before)
    return decided, db.remove_replaced(before)
