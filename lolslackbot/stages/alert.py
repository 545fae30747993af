"""Says in the alert channel, once, that something needs a person, and once that it is well again."""

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lolslackbot.health.facts import NEWS
from lolslackbot.health.status import status
from lolslackbot.messages.slack_text import sentences
from lolslackbot.model import DEFAULT_WORKSPACE, Message
from lolslackbot.slack.answers import Posted, SlackVerdict
from lolslackbot.store import alerts, findings, holds
from lolslackbot.store.alerts import Alert
from lolslackbot.store.database import Database
from lolslackbot.store.holds import Scope, ScopeKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from lolslackbot.slack.client import SlackClient

logger = logging.getLogger(__name__)

WORKSPACE = DEFAULT_WORKSPACE
LIMITED = (SlackVerdict.LIMITED, SlackVerdict.WORKSPACE_LIMITED)
CALM = timedelta(minutes=15)  # without a problem, until it counts as over: what comes and goes is told once


def alert(
    db: Database,
    client: "Callable[[str], SlackClient]",
    channel_id: str,
    now: datetime,
    announce_within: timedelta = NEWS,
) -> None:
    """One post at most for all that began and all that is over, claimed before.

    One of unknown outcome is not repeated; one that certainly was not posted is due again in a later run.
    """
    problems = {need.key: need.text for need in status(db, now, announce_within).needs if need.alarming}
    if not problems and not alerts.any_known(db):
        return
    alerts.record(db, problems, now - CALM, now)
    if _is_limited(db, channel_id, now):
        return
    slack = client(WORKSPACE)
    claimed = alerts.claim(db)
    if not claimed:
        return
    lines = [_line(each) for each in claimed]
    posted = slack.post(Message("alert", channel_id, WORKSPACE, sentences(lines), None))
    told = "; ".join(lines)
    match posted.verdict:
        case SlackVerdict.DELIVERED:
            logger.info("posted to the alert channel: %s", told)
            with db.transaction():
                findings.forget(db, Scope(ScopeKind.ALERT_CHANNEL, channel_id))
        case SlackVerdict.UNCERTAIN:
            logger.error("the alert channel may not have got this (%s): %s", posted.error, told)
        case _:
            logger.error("not posted to the alert channel %s (%s): %s", channel_id, posted.error, told)
            _put_back(db, claimed, channel_id, posted, now)


def _line(each: Alert) -> str:
    return f"lolslackbot {'is well again, this is over' if each.is_over else 'needs a person'}: {each.said}"


def _put_back(db: Database, claimed: list[Alert], channel_id: str, posted: Posted, now: datetime) -> None:
    with db.transaction():
        alerts.release(db, claimed, channel_id, posted.error, now)
        if posted.verdict in LIMITED:
            until = now + timedelta(seconds=posted.wait)
            holds.put(db, holds.channel_scope(channel_id), "limited", posted.error, now, until)


def _is_limited(db: Database, channel_id: str, now: datetime) -> bool:
    scopes = (holds.channel_scope(channel_id), holds.workspace_scope(WORKSPACE))
    return any(hold.kind == "limited" and hold.scope in scopes for hold in holds.all_live(db, now))
