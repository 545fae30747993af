"""Puts back what a person decides to try again: says first what it will do, then does it in one commit."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from lolslackbot.errors import NotFound
from lolslackbot.model import Message
from lolslackbot.store import channels, decisions, findings, holds, matches, messages, players
from lolslackbot.store.database import Database
from lolslackbot.store.holds import Hold


class Plan(NamedTuple):
    """What a retry will do, as sentences; `do` does it."""

    sentences: list[str]
    do: Callable[[], None]


def retry_message(db: Database, match_id: str, channel_id: str, now: datetime) -> Plan:
    """failed or uncertain -> pending. Raises NotFound where there is nothing of the kind."""
    channel_id = channels.current_id(db, channel_id)
    found = messages.find(db, match_id, channel_id)
    if found is None:
        raise NotFound(f"there is no message about {match_id} in {channel_id}")
    message, state = found
    if state not in ("failed", "uncertain"):
        raise NotFound(f"the message about {match_id} in {channel_id} is {state}: there is nothing to try again")
    doubt = "; if Slack has it after all, it will stand there twice" if state == "uncertain" else ""
    return Plan(
        [f"the {state} message {message.key} goes out again, if it still is news{doubt}"],
        _in_one_commit(db, [(message, state)], now),
    )


def record_found(db: Database, match_id: str, channel_id: str, link: tuple[str, str], now: datetime) -> Plan:
    """uncertain -> delivered, since a person found it in the channel. link: the channel and the `ts` in its link."""
    channel_id = channels.current_id(db, channel_id)
    found = messages.find(db, match_id, channel_id)
    if found is None:
        raise NotFound(f"there is no message about {match_id} in {channel_id}")
    message, state = found
    if state != "uncertain":
        raise NotFound(f"the message about {match_id} in {channel_id} is {state}: there is nothing to find")
    linked, slack_ts = link
    known_as = {channel_id, channels.slack_id(db, channel_id), *channels.former_ids(db, channel_id)}
    if linked not in known_as:
        raise NotFound(f"that link leads into {linked}, and the message about {match_id} is one of {channel_id}")
    if other := messages.with_receipt(db, channel_id, slack_ts):
        raise NotFound(f"that link leads to the message about {other}")

    def do() -> None:
        with db.transaction():
            messages.mark_found(db, message, slack_ts, now)
            decisions.record(db, "retry", f"message {message.key}", f"{state} -> delivered, ts {slack_ts}", now)

    return Plan([f"the {state} message {message.key} counts as delivered, ts {slack_ts}"], do)


def retry_channel(db: Database, channel_id: str, now: datetime) -> Plan:
    """The channel counts as well, and its failed messages go out again, those that still are news."""
    channel_id = channels.current_id(db, channel_id)
    if not players.knows_channel(db, channel_id):
        raise NotFound(f"{channel_id} is no channel of ours: see `lolslackbot channels`")
    failed = messages.of_channel(db, channel_id, "failed")
    hold = holds.find(db, holds.channel_scope(channel_id), "broken")
    sentences = [f"{channel_id} was marked broken ({hold.reason}) and counts as well again"] if hold else []
    sentences += [f"the failed message {message.key} goes out again, if it still is news" for message in failed]
    if not sentences:
        raise NotFound(f"{channel_id} is well and none of its messages failed: there is nothing to try again")
    return Plan(sentences, _in_one_commit(db, [(message, "failed") for message in failed], now, hold))


def retry_matches(db: Database, match_ids: list[str], now: datetime) -> Plan:
    """missing or given_up -> wanted. Raises NotFound where there is nothing of the kind."""
    states = {match_id: matches.state_of(db, match_id) for match_id in match_ids}
    for match_id, state in states.items():
        if state not in ("missing", "given_up"):
            known = f"is {state}: there is nothing to try again" if state else "was never listed"
            raise NotFound(f"match {match_id} {known}")

    def do() -> None:
        with db.transaction():
            for match_id, state in states.items():
                matches.retry(db, match_id, now)
                decisions.record(db, "retry", f"match {match_id}", f"{state} -> wanted", now)

    return Plan([f"match {match_id} is asked for again" for match_id in match_ids], do)


def retry_missing(db: Database, now: datetime) -> Plan:
    """All that Riot answered 404 for."""
    missing = matches.missing(db)
    if not missing:
        raise NotFound("no match is missing: there is nothing to try again")
    return retry_matches(db, missing, now)


def _in_one_commit(
    db: Database, again: list[tuple[Message, str]], now: datetime, hold: Hold | None = None
) -> Callable[[], None]:
    def do() -> None:
        with db.transaction():
            if hold:
                holds.lift(db, hold.scope, "broken")
                findings.forget(db, hold.scope)
                decisions.record(db, "retry", hold.scope, "broken -> well", now)
            for message, state in again:
                messages.retry(db, message)
                decisions.record(db, "retry", f"message {message.key}", f"{state} -> pending", now)

    return do
