"""Forgets old bodies, numbers and texts, never that a match is known and what became of it; gives the space back."""

import os
from contextlib import ExitStack, closing
from datetime import datetime, timedelta

from lolslackbot.errors import Unusable
from lolslackbot.store import decisions, matches, messages
from lolslackbot.store.database import must_exist, open_database
from lolslackbot.store.locks import STAGES, run_lock


def prune(database: str, days: int, announce_within: timedelta, now: datetime) -> str:
    """What ended more than `days` ago is kept by its ids, states and reasons only; what was done, in a sentence.

    Raises NotNow while any stage is at work, Unusable where that would forget what is still news.
    """
    must_exist(database)
    if timedelta(days=days) < announce_within:
        raise Unusable(
            f"--older-than {days} is less than LOLSLACKBOT_ANNOUNCE_WITHIN ({announce_within.total_seconds():g} s): "
            "it would forget what is still news"
        )
    with ExitStack() as stack:
        for stage in STAGES:
            stack.enter_context(run_lock(database, stage))
        db = stack.enter_context(closing(open_database(database)))
        before = os.path.getsize(database)
        with db.transaction():
            bodies = matches.prune(db, now - timedelta(days=days))
            texts = messages.prune(db, now - timedelta(days=days))
            if bodies or texts:
                decisions.record(
                    db, "prune", decisions.EVERYTHING, f"{bodies} bodies, {texts} texts older than {days} days", now
                )
        db.vacuum()
        freed = max(0, before - os.path.getsize(database))
    done = f"forgot {bodies} bodies and {texts} texts of games that ended over {days} days ago"
    return f"{done}; {freed} bytes are free again"
