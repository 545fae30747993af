"""Says in the alert channel, once, that something needs a person, and once that it is well again."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from lolslackbot.health.facts import NEWS
from lolslackbot.health.status import status
from lolslackbot.messages.slack_text import sentences
from lolslackbot.model import DEFAULT_WORKSPACE, MessageKind
from lolslackbot.store import alerts, channels, outbox
from lolslackbot.store.alerts import Alert, AlertState
from lolslackbot.store.database import Database

logger = logging.getLogger(__name__)

CALM = timedelta(minutes=15)  # without a problem, until it counts as over: what comes and goes is told once
_WORDS = {AlertState.TOLD: "lolslackbot needs a person", AlertState.OVER: "lolslackbot is well again, this is over"}


def alert(
    db: Database, channel_id: str, now: datetime, announce_within: timedelta = NEWS, *, adding: bool = True
) -> bool:
    """Adds a message for each problem that began and each that is over; whether there is one. One commit.

    Withdraws what waits and is of no use any more. What is wrong with the alert channel itself is for `status` to say.
    adding: without, nothing new is said, as before a run that may itself cure what is wrong.
    """
    if not adding and not alerts.all_known(db):
        return False
    needs = [need for need in status(db, now, announce_within).needs if need.alarming]
    problems = {need.key: need.text for need in needs if not need.concerns_channel(channel_id)}
    if not problems and not alerts.all_known(db):
        return False
    added = []
    with db.transaction():
        channels.ensure(db, channel_id, DEFAULT_WORKSPACE)
        channel_id = channels.current_id(db, channel_id)
        known = alerts.all_known(db)
        for problem in problems.keys() & known.keys():
            if not _goes_on(db, known[problem], now):
                known.pop(problem)
        for problem, each in known.items():
            if problem not in problems and _is_over(db, each, now) and adding:
                added.append(replace(each, channel_id=channel_id, state=AlertState.OVER))
        if adding:
            new = [problem for problem in problems if problem not in known]
            added += [Alert(each, problems[each], now, channel_id, now, AlertState.TOLD) for each in new]
        for each in added:
            _tell(db, each, now)
    return bool(added)


def _goes_on(db: Database, each: Alert, now: datetime) -> bool:
    """Whether a problem that is there is the one that was told of. Its end, as long as nobody was told, was none."""
    if each.state is AlertState.OVER and not outbox.withdraw(db, each.subject, "it is back", now):
        alerts.remove(db, each)
        return False
    alerts.put(db, replace(each, seen_at=now, state=AlertState.TOLD))
    return True


def _is_over(db: Database, each: Alert, now: datetime) -> bool:
    """Whether the end of a problem that is not there is to be told: after a while, and where its beginning was."""
    if each.state is AlertState.OVER:
        if _state(db, each) != "pending":
            alerts.remove(db, each)
        return False
    if now - each.seen_at <= CALM:
        return False
    if outbox.withdraw(db, each.subject, "over before it was posted", now) or _state(db, each) in ("failed", "expired"):
        alerts.remove(db, each)
        return False
    return True


def _state(db: Database, each: Alert) -> str | None:
    found = outbox.find(db, each.subject, each.channel_id) if each.channel_id else None
    return found[1] if found else None


def _tell(db: Database, each: Alert, now: datetime) -> None:
    assert each.channel_id
    alerts.put(db, each)
    text = sentences([f"{_WORDS[each.state]}: {each.said}"])
    draft = outbox.Draft(each.channel_id, DEFAULT_WORKSPACE, text, None)
    outbox.add_other(db, each.subject, MessageKind.ALERT, draft, now, now)
    logger.info("to be posted to the alert channel: %s", text)
