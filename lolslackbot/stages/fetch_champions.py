"""Data Dragon -> store, at most once a day: names and pictures of champions (called last by fetch-matches)."""

import logging
from datetime import timedelta

from lolslackbot.riot.answers import RiotRefusal
from lolslackbot.riot.data_dragon import DataDragon
from lolslackbot.stages.run import Run
from lolslackbot.store import champions
from lolslackbot.store.database import Database

logger = logging.getLogger(__name__)

EVERY = timedelta(days=1)
LEAST_SECONDS = 15.0  # with less left of the run, champions wait for the next one: games come first


def fetch_champions(db: Database, data_dragon: DataDragon, run: Run) -> None:
    """Fetches the newest version, and its champions if we lack them. A failure does not count as a failed item."""
    now, asked_at = run.clock.now(), champions.asked_at(db)
    if run.budget.left() < LEAST_SECONDS or (asked_at and timedelta(0) <= now - asked_at < EVERY):
        return
    champions.begin_asking(db, now)
    try:
        version = data_dragon.newest_version()
        if version == champions.known(db).version:
            champions.record_problem(db, None)
        else:
            champions.record(db, data_dragon.champions(version))
    except RiotRefusal as refusal:
        logger.info("no champions from Data Dragon, next try in a day: %s", refusal, exc_info=True)
        champions.record_problem(db, str(refusal))
    else:
        logger.info("Data Dragon is at version %s", version)
