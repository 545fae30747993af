"""Puts back what a person decides to try again: says first what it will do, then does it in one commit."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from lolslackbot.clock import Clock, text_of
from lolslackbot.errors import NotFound
from lolslackbot.model import Message
from lolslackbot.riot import limits
from lolslackbot.riot.limiter import Limiter
from lolslackbot.store import decisions, holds, matches, messages, players
from lolslackbot.store.database import Database
from lolslackbot.store.holds import Hold
from lolslackbot.store.limits import RiotLedger


class Plan(NamedTuple):
    """What a retry will do, as sentences; `do` does it."""

    sentences: list[str]
    do: Callable[[], None]


def retry_message(db: Database, match_id: str, channel_id: str, now: datetime) -> Plan:
    """failed or uncertain -> pending. Raises NotFound where there is nothing of the kind."""
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


def retry_channel(db: Database, channel_id: str, now: datetime) -> Plan:
    """The channel counts as well, no limit holds it back, and its failed messages go out again that still are news."""
    workspace = players.workspace_of(db, channel_id)
    if workspace is None:
        raise NotFound(f"{channel_id} is no channel of ours: see `lolslackbot channels`")
    failed = messages.of_channel(db, channel_id, "failed")
    broken = holds.find(db, holds.channel_scope(channel_id), "broken")
    limited = [
        hold
        for scope in (holds.channel_scope(channel_id), holds.workspace_scope(workspace))
        if (hold := holds.find(db, scope, "limited")) and hold.until and hold.until > now
    ]
    sentences = [f"{channel_id} was marked broken ({broken.reason}) and counts as well again"] if broken else []
    sentences += [
        f"{hold.scope} is held back until {hold.until and text_of(hold.until)} ({hold.reason}), and no longer: "
        "the next post tells whether Slack agrees"
        for hold in limited
    ]
    sentences += [f"the failed message {message.key} goes out again, if it still is news" for message in failed]
    if not sentences:
        raise NotFound(f"{channel_id} is well and none of its messages failed: there is nothing to try again")
    held = [*limited, broken] if broken else limited
    return Plan(sentences, _in_one_commit(db, [(message, "failed") for message in failed], now, held))


def retry_host(db: Database, host: str, clock: Clock) -> Plan:
    """What holds a host of Riot's back no longer does: one call goes there, and its answer decides."""
    now, ledger = clock.now(), RiotLedger(db)
    held = [hold for hold in holds.limited_host(db, host) if hold.until and hold.until > now]
    spent = Limiter(ledger, clock, 0).spent(host)
    odd = [each for each in ledger.windows_beyond(limits.LONGEST) if each.routing == host]
    if not (held or spent or odd):
        raise NotFound(f"nothing holds {host} back: there is nothing to try again")

    def do() -> None:
        with db.transaction():
            for hold in held:
                holds.lift(db, hold.scope, "limited")
            ledger.forget_windows(host)
            decisions.record(db, "retry", f"host {host}", "held back -> one call", now)

    return Plan(
        [
            *[f"{each.scope} is held back until {each.until and text_of(each.until)}: {each.reason}" for each in held],
            *[f"{wait.reason} until {text_of(wait.until)}" for wait in spent.values()],
            *[f"Riot states a limit that is not kept: {each}" for each in odd],
            f"that is lifted for {host}: the next `lolslackbot fetch-matches` makes one call there, "
            "and its answer decides what is held back then",
        ],
        do,
    )


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
    db: Database, again: list[tuple[Message, str]], now: datetime, held: Sequence[Hold] = ()
) -> Callable[[], None]:
    def do() -> None:
        with db.transaction():
            for hold in held:
                holds.lift(db, hold.scope, hold.kind)
                decisions.record(db, "retry", hold.scope, f"{hold.kind} -> well", now)
            for message, state in again:
                messages.retry(db, message)
                decisions.record(db, "retry", f"message {message.key}", f"{state} -> pending", now)

    return do
