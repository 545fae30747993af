"""Puts back what a person decides to try again: says first what it will do, then does it in one commit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lolslackbot.admin.arguments import Post
from lolslackbot.clock import FAR_OFF, Clock, text_of
from lolslackbot.errors import NotFound
from lolslackbot.model import Message, MessageKind
from lolslackbot.riot import limits
from lolslackbot.riot.limiter import Limiter
from lolslackbot.settings import Settings
from lolslackbot.slack.answers import posted_at
from lolslackbot.store import channels, decisions, findings, history, holds, in_doubt, matches, outbox
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.database import Database
from lolslackbot.store.holds import Hold

WITHIN = timedelta(seconds=Settings("", "").announce_within)  # how long a game is news, unless said otherwise


@dataclass(frozen=True, slots=True)
class Plan:
    """What a retry will do, as sentences; `do` does it."""

    sentences: list[str]
    do: Callable[[], None]


def retry_message(db: Database, subject: str, channel_id: str, now: datetime, within: timedelta = WITHIN) -> Plan:
    """failed or uncertain -> pending. Raises NotFound where there is nothing of the kind.

    within: how long after its end a game is news; what is older expires instead of going out.
    """
    channel_id = channels.current_id(db, channel_id)
    found = outbox.find(db, subject, channel_id)
    if found is None:
        raise NotFound(f"there is no message about {subject} in {channel_id}")
    message, state = found
    if state not in ("failed", "uncertain"):
        raise NotFound(f"the message about {subject} in {channel_id} is {state}: nothing to retry")
    broken = holds.find(db, holds.channel_scope(channel_id), "broken")
    sentences = _what_becomes_of(db, [message], now - within, now)
    if broken and _is_news(db, message, now - within, now):
        sentences = [
            f"{message.key} will fail again: {channel_id} is marked broken ({broken.reason}); "
            f"`lolslackbot retry --channel {channel_id}` tries the channel again too"
        ]
    elif state == "uncertain" and _is_news(db, message, now - within, now):
        sentences.append("it may be posted twice, if Slack already has it")
    return Plan(sentences, _in_one_commit(db, [(message, state)], now))


def record_found(db: Database, subject: str, channel_id: str, post: Post, now: datetime) -> Plan:
    """uncertain -> delivered, since a person found it in the channel. post: what the link to it names."""
    channel_id = channels.current_id(db, channel_id)
    found = outbox.find(db, subject, channel_id)
    if found is None:
        raise NotFound(f"there is no message about {subject} in {channel_id}")
    message, state = found
    if state != "uncertain":
        raise NotFound(f"the message about {subject} in {channel_id} is {state}: nothing to record")
    linked, slack_ts = post.channel_id, post.ts
    known_as = {channel_id, channels.slack_id(db, channel_id), *channels.former_ids(db, channel_id)}
    if linked not in known_as:
        raise NotFound(f"that link leads into {linked}, and the message about {subject} is one of {channel_id}")
    if other := in_doubt.with_receipt(db, channel_id, slack_ts):
        raise NotFound(f"that link leads to the message about {other}")

    def do() -> None:
        with db.transaction():
            in_doubt.mark_found(db, message, slack_ts, now)
            decisions.record(db, "retry", f"message {message.key}", f"{state} -> delivered, ts {slack_ts}", now)

    sentences = [f"the {state} message {message.key} counts as delivered, ts {slack_ts}"]
    posted, happened_at = posted_at(slack_ts), outbox.dates(db, message).happened_at
    if posted and posted < happened_at - FAR_OFF:
        sentences.append(
            f"is it the right link? what it leads to was posted at {text_of(posted)}, before "
            f"{_what_happened(message)} at {text_of(happened_at)}"
        )
    return Plan(sentences, do)


def retry_channel(db: Database, channel_id: str, now: datetime, within: timedelta = WITHIN) -> Plan:
    """The channel counts as well, no limit holds it back, and its failed messages go out again, if still news."""
    channel_id = channels.current_id(db, channel_id)
    workspace = channels.workspace_of(db, channel_id)
    if workspace is None:
        raise NotFound(f"{channel_id} is not a tracked channel: see `lolslackbot channels`")
    failed = outbox.of_channel(db, channel_id, "failed")
    broken = holds.find(db, holds.channel_scope(channel_id), "broken")
    limited = [
        hold
        for scope in (holds.channel_scope(channel_id), holds.workspace_scope(workspace))
        if (hold := holds.find(db, scope, "limited")) and hold.until and hold.until > now
    ]
    sentences = [f"{channel_id} was marked broken ({broken.reason}) and is unblocked"] if broken else []
    sentences += [
        f"{hold.scope} is held back until {hold.until and text_of(hold.until)} ({hold.reason}), and no longer: "
        "the next post tells whether Slack agrees"
        for hold in limited
    ]
    if not sentences and not failed:
        raise NotFound(f"{channel_id} is healthy and has no failed messages: nothing to retry")
    lifted = [*limited, broken] if broken else limited
    sentences += _what_becomes_of(db, failed, now - within, now, lifted)
    return Plan(sentences, _in_one_commit(db, [(message, "failed") for message in failed], now, lifted))


def retry_host(db: Database, host: str, clock: Clock) -> Plan:
    """What holds a host of Riot's back no longer does: one call goes there, and its answer decides."""
    now, ledger = clock.now(), CallLog(db)
    held = [hold for hold in holds.limited_host(db, host) if hold.until and hold.until > now]
    spent = Limiter(ledger, clock, 0).spent(host, now)
    odd = [each for each in ledger.windows_beyond(limits.LONGEST) if each.routing == host]
    if not (held or spent or odd):
        raise NotFound(f"nothing holds {host} back: nothing to retry")

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
            *[f"Riot states a limit that is ignored: {each}" for each in odd],
            f"that is lifted for {host}: the next `lolslackbot fetch-matches` makes one call there, "
            "and its answer decides what is held back then",
        ],
        do,
    )


def retry_matches(db: Database, match_ids: list[str], now: datetime, within: timedelta = WITHIN) -> Plan:
    """missing or given_up -> wanted. Raises NotFound where there is nothing of the kind."""
    states = {match_id: matches.state_of(db, match_id) for match_id in match_ids}
    for match_id, state in states.items():
        if state not in ("missing", "given_up"):
            known = f"is {state}: nothing to retry" if state else "was never listed"
            raise NotFound(f"match {match_id} {known}")

    def do() -> None:
        with db.transaction():
            for match_id, state in states.items():
                matches.retry(db, match_id, now)
                decisions.record(db, "retry", f"match {match_id}", f"{state} -> wanted", now)

    return Plan([_asked_again(db, match_id, now - within) for match_id in match_ids], do)


def retry_missing(db: Database, now: datetime, within: timedelta = WITHIN) -> Plan:
    """All that Riot answered 404 for."""
    missing = matches.missing(db)
    if not missing:
        raise NotFound("no match is missing: nothing to retry")
    return retry_matches(db, missing, now, within)


def _asked_again(db: Database, match_id: str, oldest: datetime) -> str:
    story = history.of_match(db, match_id)
    if story and story.ended_at and story.ended_at < oldest:
        return f"match {match_id} is asked for again, but not announced: its game ended {text_of(story.ended_at)}"
    return f"match {match_id} is asked for again"


def _what_becomes_of(
    db: Database, again: Sequence[Message], oldest: datetime, now: datetime, lifted: Sequence[Hold] = ()
) -> list[str]:
    """What will be sent and what has expired, counted and named; and what keeps it waiting. All in one channel.

    oldest: when games ended that only just are news. lifted: holds that no longer count.
    """
    news = [message for message in again if _is_news(db, message, oldest, now)]
    sentences = []
    if len(again) > 1:
        sentences.append(f"of {len(again)} failed messages {len(news)} will be sent again")
    sentences += [f"{each.key} will be sent again{'' if each.text else ', once it is built again'}" for each in news]
    if news:
        sentences += _kept_waiting(db, news[0], now, lifted)
    for each in again:
        if each not in news:
            sentences.append(f"{each.key} has expired and will not be sent: {_since(db, each)}")
    return sentences


def _is_news(db: Database, message: Message, oldest: datetime, now: datetime) -> bool:
    return outbox.is_news(outbox.dates(db, message), oldest, now)


def _what_happened(message: Message) -> str:
    return {
        MessageKind.GAME: "its game ended",
        MessageKind.LIVE: "its game was first seen",
        MessageKind.DIGEST: "its week ended",
        MessageKind.REPLY: "it was answered",
        MessageKind.ALERT: "it was found",
    }[message.kind]


def _since(db: Database, message: Message) -> str:
    """From when on it was news."""
    dates = outbox.dates(db, message)
    if message.kind is MessageKind.DIGEST:
        return f"it was made {text_of(dates.built_at)}"
    return f"{_what_happened(message)} {text_of(dates.happened_at)}"


def _kept_waiting(db: Database, message: Message, now: datetime, lifted: Sequence[Hold]) -> list[str]:
    """What keeps the messages of that channel from being sent now."""
    scopes = holds.EVERYTHING, holds.channel_scope(message.channel_id), holds.workspace_scope(message.workspace)
    return [
        f"not before {hold.scope} is no longer {hold.kind}" + (f" ({text_of(hold.until)})" if hold.until else "")
        for hold in holds.all_live(db, now)
        if hold.scope in scopes and hold.kind != "broken" and hold not in lifted
    ]


def _in_one_commit(
    db: Database, again: list[tuple[Message, str]], now: datetime, held: Sequence[Hold] = ()
) -> Callable[[], None]:
    def do() -> None:
        with db.transaction():
            for hold in held:
                holds.lift(db, hold.scope, hold.kind)
                findings.forget(db, hold.scope)
                decisions.record(db, "retry", hold.scope, f"{hold.kind} -> well", now)
            for message, state in again:
                outbox.retry(db, message)
                decisions.record(db, "retry", f"message {message.key}", f"{state} -> pending", now)

    return do
