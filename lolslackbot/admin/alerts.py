"""Says in the alert channel, once, that something needs a person, and once that it is well again."""

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lolslackbot.admin.facts import NEWS
from lolslackbot.admin.status import status
from lolslackbot.messages.slack_text import sentences
from lolslackbot.model import Message
from lolslackbot.slack.answers import Verdict
from lolslackbot.store import alerts
from lolslackbot.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable

    from lolslackbot.slack.client import SlackClient

logger = logging.getLogger(__name__)

WORKSPACE = "default"
CALM = timedelta(minutes=15)  # without a problem, until it counts as over: what comes and goes is told once


def alert(
    db: Database,
    client: "Callable[[str], SlackClient]",
    channel_id: str,
    now: datetime,
    announce_within: timedelta = NEWS,
) -> None:
    """One post at most for all that began and all that is over, claimed before. One that is lost is not repeated."""
    problems = status(db, now, announce_within).alarming
    if not problems and not alerts.any_told(db):
        return
    lines = [f"lolslackbot needs a person: {said}" for said in alerts.begin(db, problems, now)]
    lines += [f"lolslackbot is well again, this is over: {said}" for said in alerts.end(db, now - CALM, now)]
    if lines:
        posted = client(WORKSPACE).post(Message("alert", channel_id, WORKSPACE, sentences(lines), None))
        if posted.verdict is Verdict.DELIVERED:
            logger.info("the alert channel was told: %s", "; ".join(lines))
        else:
            logger.error("the alert channel may not have been told (%s): %s", posted.error, "; ".join(lines))
