"""Tries in a real channel what the guarantees rest on: a message is posted, found again, edited and deleted.

Guarantee 2 says that a message of unknown outcome is found by its metadata in the channel's history. Whether that is so
here, and how soon, nobody knows before it was tried.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from lolslackbot.clock import Budget, Clock, text_of
from lolslackbot.model import LookupProblem, Message
from lolslackbot.slack.answers import Posted, SlackProblem, SlackVerdict, remedy_of

if TYPE_CHECKING:
    from lolslackbot.slack.client import SlackClient

LOOKS_FOR = 20.0  # seconds
PAUSE = 1.0  # seconds between two looks
BEFORE = timedelta(minutes=10)  # Slack's clock may be behind ours


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one step, and what to do about it; '' where it went well."""

    said: str
    went_well: bool = True
    remedy: str = ""


def try_channel(slack: "SlackClient", channel_id: str, workspace: str, clock: Clock) -> Iterator[Step]:
    """Posts one marked message, finds it, edits it, and deletes it again."""
    message = Message(
        subject=f"check {text_of(clock.now())}",
        channel_id=channel_id,
        workspace=workspace,
        text="lolslackbot check: this is a test, and goes away by itself",
        blocks=None,
    )
    posted = slack.post(message)
    if posted.verdict is not SlackVerdict.DELIVERED:
        said = f"not posted: {posted.error}; nothing can be announced here"
        if posted.verdict is SlackVerdict.UNCERTAIN:
            said = f"whether it was posted is not known: {posted.error}; if it stands in the channel, delete it"
        yield Step(said, False, remedy_of(posted))
        return
    yield Step("a test message was posted")
    place = posted.channel_id or channel_id
    yield _find(slack, replace(message, channel_id=place), message.key, clock)
    edited = slack.update(replace(message, text=f"{message.text} (edited)"), place, posted.slack_ts)
    yield _made(edited, "it was edited", "not edited", "what comes late, like ranks, cannot be added to a message")
    deleted = slack.delete(place, posted.slack_ts)
    yield _made(deleted, "it was deleted", "not deleted", "the test message stays: delete it by hand")


def _made(posted: Posted, done: str, not_done: str, means: str) -> Step:
    if posted.verdict is SlackVerdict.DELIVERED:
        return Step(done)
    return Step(f"{not_done}: {posted.error}; {means}", False)


def _find(slack: "SlackClient", message: Message, key: str, clock: Clock) -> Step:
    """Looks until it is there."""
    began, budget = clock.steady(), Budget(clock, LOOKS_FOR)
    try:
        us = slack.identity()
        while key not in slack.history(message.channel_id, clock.now() - BEFORE, us).ts_by_key:
            if budget.spent():
                return Step(
                    f"its metadata is not in the channel's history after {LOOKS_FOR:g} s; where that lasts for longer "
                    "than LOLSLACKBOT_UNCERTAIN_AFTER, a message of unknown outcome may be sent twice",
                    False,
                    "try again; LOLSLACKBOT_UNCERTAIN=hold excludes it",
                )
            clock.sleep(PAUSE)
    except SlackProblem as problem:
        lasting = problem.lookup_problem is LookupProblem.SCOPE_MISSING
        return Step(
            f"the channel's history cannot be read: {problem}; "
            "a message of unknown outcome stays uncertain, and waits for you",
            False,
            "add the history scopes (see README, Set up)" if lasting else "try again later",
        )
    return Step(f"it was found by its metadata {clock.steady() - began:.1f} s later")
