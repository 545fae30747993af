"""What a quiet run says, so that cron mails it: its own failures, and what `status` says needs a person."""

import logging
from datetime import datetime, timedelta
from typing import NamedTuple

from lolslackbot.errors import Exit, RunAborted
from lolslackbot.quiet import Topic, to_say
from lolslackbot.settings import Settings
from lolslackbot.stages.run import Run
from lolslackbot.store import runs
from lolslackbot.store.database import Database, read_only
from lolslackbot.store.locks import STAGES

logger = logging.getLogger(__name__)

LATELY = timedelta(minutes=18)  # six ticks
ENOUGH = 3  # runs of a stage lately: cron is at work


class News(NamedTuple):
    """Whether the run's own output is to be shown, and which needs."""

    of_the_run: bool
    needs: list[str]


def news_of(run: Run, settings: Settings, now: datetime) -> News:
    """What may be said of a run that has ended; it counts as said from then on."""
    failures = [cause for cause in run.causes if cause.status not in (Exit.OK, Exit.LATER)]
    needs, says_all = _needs(run.stage, settings, now, bool(failures))
    covered = {key for cause in failures for key in cause.needs if key in needs}
    uncovered = {
        f"{run.stage} {int(cause.status)} {cause.problem}"
        for cause in failures
        if not cause.needs or not covered.issuperset(cause.needs)
    }
    about = {key: Topic(True, key) for key in (needs if says_all else covered)}
    topics = {*about.values(), *(Topic(False, key) for key in uncovered)}
    new = to_say(settings.home, topics, now, others_are_over=says_all)
    of_the_run = any(not topic.is_need or topic.key in covered for topic in new)
    return News(of_the_run, [needs[key] for key, topic in about.items() if topic in new])


def _needs(stage: str, settings: Settings, now: datetime, has_failed: bool) -> tuple[dict[str, str], bool]:
    """What `status` needs, by key, and whether this stage says all of it: the last one of a tick does.

    A need that the stages yet to come may meet is none. Empty where the database cannot be read.
    """
    try:
        with read_only(settings.database, though_locked=True) as db:
            says_all = _says_all(db, stage, now)
            if not says_all and not has_failed:
                return {}, False
            from lolslackbot.health.needs import NeedKind
            from lolslackbot.health.status import status

            needs = status(db, now, timedelta(seconds=settings.announce_within)).needs
            if all(need.kind is NeedKind.DATABASE_LOCKED for need in needs):  # a lock alone may be over in a moment
                return {}, says_all
            return {need.key: need.text for need in needs}, says_all
    except (RunAborted, OSError):
        logger.debug("what needs a person cannot be seen", exc_info=True)
        return {}, False


def _says_all(db: Database, stage: str, now: datetime) -> bool:
    """The last stage; another one, where cron starts it again and again and the last one comes to no end."""
    if stage == STAGES[-1]:
        return True
    own = runs.latest(db, stage, ENOUGH)
    last = runs.latest(db, STAGES[-1], ENOUGH)
    is_alone = not any(each.ended_at and each.ended_at > now - LATELY for each in last)
    return is_alone and len(own) == ENOUGH and own[-1].began_at > now - LATELY
