"""Store -> slack -> store: claim and commit, one chat.postMessage, commit the outcome; then the next message."""

import logging
import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, assert_never

from lolslackbot.clock import text_of
from lolslackbot.errors import ConfigError, Exit
from lolslackbot.model import DEFAULT_WORKSPACE, Message
from lolslackbot.settings import ChannelLimit
from lolslackbot.slack.answers import Posted, SlackVerdict, is_over, remedy_of
from lolslackbot.stages.reconcile import Comparison, Histories, Policy, Reconciler
from lolslackbot.stages.run import Run
from lolslackbot.store import amendments, channels, claims, decisions, findings, holds, in_doubt, live, outbox, runs
from lolslackbot.store.amendments import Amendment
from lolslackbot.store.claims import Claim
from lolslackbot.store.database import Database
from lolslackbot.store.outbox import NextMessage

if TYPE_CHECKING:
    from lolslackbot.slack.client import SlackClient

logger = logging.getLogger(__name__)

STAGE = "deliver"
PACE = timedelta(seconds=1)  # from an answer to the next post in a channel: what Slack allows besides short bursts
IN_DOUBT = "messages uncertain"  # the key of the need that names them
UNCERTAIN_IN_A_ROW = 3  # then a workspace gets nothing more in this run
OUTAGE = timedelta(hours=6)  # without a run: another installation of this bot may have stepped in meanwhile
AMENDED_WITHIN = timedelta(hours=1)  # then nobody looks at it any more
EXAMINED_EVERY = timedelta(hours=1)  # a broken channel

Client = Callable[[str], "SlackClient"]  # of a workspace; raises ConfigError where it has no token


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings this stage goes by."""

    announce_within: timedelta
    channel_limit: ChannelLimit
    uncertain: Policy


class Alerting(Protocol):
    """Withdraws messages about the bot itself that are of no use now; if `adding`, adds some. Whether it added any."""

    def __call__(self, db: Database, *, adding: bool) -> bool: ...


def no_alerts(db: Database, *, adding: bool) -> bool:
    """There is no alert channel."""
    return False


def deliver(db: Database, client: Client, run: Run, limits: Limits, alert: Alerting = no_alerts) -> None:
    """Sends what is pending and may go, once each; the rest waits, or ends with a reason."""
    now = run.clock.now()
    orphans = in_doubt.recover_orphaned_claims(db, now, run.share)
    if orphans:
        keys = ", ".join(message.key for message in orphans)
        logger.error("in flight when the previous run died, outcome unknown: %s", keys)
    if was_away(db, now):
        channels.forget_reconciled(db)
    with db.transaction():
        in_doubt.mark_restored_in_doubt(db, now)
    run.count("expired", outbox.expire(db, now - limits.announce_within, now))
    if not run.share.has_named(DEFAULT_WORKSPACE):  # where alerts go
        alert = no_alerts
    with run.item("live"):
        run.count("expired", _withdraw_ended_notices(db, now))
    with run.item("alert"):
        alert(db, adding=False)
    delivering = _Delivering(db, client, run, limits)
    delivering.examine_broken_channel()
    delivering.fail_in_broken_channels()
    delivering.send_pending()  # news first: what is in doubt holds nobody up
    if Reconciler(db, delivering.histories, run, limits.uncertain).reconcile(claimed_before=now):
        delivering.send_pending()
    with run.item("alert"):
        if alert(db, adding=True):  # what this run found, too
            delivering.send_pending()
    _amend_ended_notices(db, run)
    run.count("edits dropped", amendments.drop_old(db, now - AMENDED_WITHIN, now))
    delivering.amend()
    run.left_over = outbox.count_pending(db, run.share)
    if left := [message for message in orphans if in_doubt.is_uncertain(db, message)]:
        run.count("uncertain", len(left))
        run.ends_with(Exit.SOME_FAILED, in_doubt.DIED, IN_DOUBT)


def _withdraw_ended_notices(db: Database, now: datetime) -> int:
    if not live.on(db):
        return 0
    from lolslackbot.stages.live_notices import withdraw_ended  # loads all that words need, for few

    return withdraw_ended(db, now)


def _amend_ended_notices(db: Database, run: Run) -> None:
    if live.on(db):
        from lolslackbot.stages.live_notices import amend_ended

        amend_ended(db, run)


def was_away(db: Database, now: datetime) -> bool:
    """Whether the last run is so long ago that each channel's history is compared before the next post there."""
    last = runs.last_ended(db, STAGE)
    return last is not None and abs(now - last.began_at) > OUTAGE


def compared_first(db: Database, now: datetime) -> set[str]:
    """The channels whose history is read before the next post there."""
    away = was_away(db, now)
    return {each.message.channel_id for each in outbox.next_messages(db) if away or not each.compared}


def blocked(db: Database, message: Message, limit: ChannelLimit, now: datetime) -> str | None:
    """Why the next message of a channel may not go out now, None if it may."""
    channel = message.channel_id
    if reason := held(db, message, now):
        return reason
    if room_at := outbox.full_until(db, channel, now, messages=limit.messages, seconds=limit.seconds):
        return f"channel {channel} has had its {limit.messages} in {limit.seconds} s, the next at {text_of(room_at)}"
    return None


def held(db: Database, message: Message, now: datetime) -> str | None:
    """What holds a message's channel or workspace back now, None if nothing does."""
    scopes = (holds.EVERYTHING, holds.channel_scope(message.channel_id), holds.workspace_scope(message.workspace))
    for hold in holds.all_live(db, now):
        if hold.kind != "rejected" and hold.scope in scopes:
            until = f"until {text_of(hold.until)}" if hold.until else "until a person says otherwise"
            return f"{hold.scope} is {hold.kind} {until}: {hold.reason}"
    return None


def record_outcome(db: Database, claim: Claim, posted: Posted, now: datetime) -> None:
    """Commits what became of a claim's one request; what certainly did not arrive is pending or failed afterwards."""
    match posted.verdict:
        case SlackVerdict.DELIVERED:
            claims.mark_delivered(db, claim, posted.slack_ts, now)
        case SlackVerdict.UNCERTAIN:
            claims.mark_uncertain(db, claim, posted.error, now)
        case SlackVerdict.CHANNEL_BROKEN:
            claims.mark_failed(db, claim, posted.error, now, broken=True, code=posted.code)
        case SlackVerdict.BLOCKS_REFUSED if claim.message.blocks:
            claims.release(db, claim, posted.error, now, plainer=True)
        case SlackVerdict.MESSAGE_REFUSED | SlackVerdict.BLOCKS_REFUSED:
            claims.mark_failed(db, claim, posted.error, now, broken=False)
        case SlackVerdict.TOKEN_REJECTED:
            with db.transaction():
                claims.release(db, claim, posted.error, now)
                holds.put_first(db, holds.workspace_scope(claim.message.workspace), "rejected", posted.error, now)
        case SlackVerdict.LIMITED | SlackVerdict.WORKSPACE_LIMITED:
            until = now + timedelta(seconds=posted.wait)
            with db.transaction():
                claims.release(db, claim, posted.error, now)
                for scope in _limited_scopes(db, claim.message, posted, now):
                    holds.put(db, scope, "limited", posted.error, now, until)
        case SlackVerdict.NOT_SENT | SlackVerdict.LOCAL_FAULT:
            claims.release(db, claim, posted.error, now, counted=False)
        case _:
            assert_never(posted.verdict)


def _limited_scopes(db: Database, message: Message, posted: Posted, now: datetime) -> list[holds.Scope]:
    """Its channel; if a second channel was limited meanwhile, the whole workspace too."""
    channel, workspace = holds.channel_scope(message.channel_id), holds.workspace_scope(message.workspace)
    others = outbox.limited_channels(db, message.workspace, now) - {message.channel_id}
    return [channel, workspace] if others or posted.verdict is SlackVerdict.WORKSPACE_LIMITED else [channel]


class _Delivering:
    """One run over all channels, each at its own pace."""

    def __init__(self, db: Database, client: Client, run: Run, limits: Limits) -> None:
        self._db, self._client, self._run, self._limits = db, client, run, limits
        self._stopped: set[str] = set()  # workspaces that get nothing more in this run
        self._uncertain_in_a_row: Counter[str] = Counter()  # by workspace
        self.histories = Histories(db, client, run)
        self._comparison = Comparison(db, self.histories, run, self._stopped)

    def _now(self) -> datetime:
        return self._run.clock.now()

    def send_pending(self) -> None:
        """Rounds over the channels, until nothing more goes out in this run."""
        while self._another_round():
            pass

    def _another_round(self) -> bool:
        """The next message of each channel that may be posted to now, what happened first in front."""
        progress, rests = False, []
        for following in outbox.next_messages(self._db, self._run.share):
            if self._run.budget.spent():
                self._run.runs_out_of_time()
                return False
            if not self._may_go(following):
                continue
            message = following.message
            if not following.compared:
                with self._run.item(message.channel_id):
                    self._comparison.compare(message)
            elif rest := _rest(following.last_answer, self._now()):
                rests.append(rest)
                continue
            else:
                with self._run.item(message.subject, message.channel_id):
                    self._send_next(message.channel_id, message.workspace)
            progress = True
        if rests and not progress:
            self._run.clock.sleep(min(rests).total_seconds() + 0.001)
        return progress or bool(rests)

    def _may_go(self, following: NextMessage) -> bool:
        """Asked before each post: the outcome of the one before may concern other channels too."""
        message = following.message
        if message.workspace in self._stopped or self._comparison.is_open(message.channel_id):
            return False
        with self._db.snapshot():
            reason = blocked(self._db, message, self._limits.channel_limit, self._now())
        if reason:
            self._run.note(f"{following.waiting} wait, {reason}")
        return reason is None

    def _send_next(self, channel: str, workspace: str) -> None:
        """One message: claim, one request, outcome."""
        try:
            client = self._client(workspace)
        except ConfigError as error:
            logger.exception("%s", error)
            self._stop(workspace, Exit.UNUSABLE, str(error), f"{STAGE} unusable")
            return
        now = self._now()
        oldest = now - self._limits.announce_within
        claim = claims.claim_next(self._db, channel, workspace, os.urandom(8).hex(), oldest, now)
        if claim is None:
            self._run.count("expired", outbox.expire(self._db, oldest, now))
            return
        try:
            posted = client.post(claim.message)
        except BaseException as error:  # SIGTERM and Ctrl-C too: the request may have left
            claims.mark_uncertain(self._db, claim, f"interrupted: {type(error).__name__}", self._now())
            raise
        record_outcome(self._db, claim, posted, self._now())
        self._react(claim.message, posted)

    def _react(self, message: Message, posted: Posted) -> None:
        """What an outcome means for the rest of the run: counts, exit status, and who gets nothing more."""
        channel, workspace = message.channel_id, message.workspace
        if posted.verdict is not SlackVerdict.UNCERTAIN:
            self._uncertain_in_a_row[workspace] = 0
        match posted.verdict:
            case SlackVerdict.DELIVERED:
                self._run.count("delivered")
                logger.info("delivered, ts %s", posted.slack_ts)
                if posted.channel_id:
                    self._follow(message, posted.channel_id)
            case SlackVerdict.UNCERTAIN:
                self._count_uncertain(workspace, posted.error)
            case SlackVerdict.CHANNEL_BROKEN:
                again = f"then `lolslackbot retry --channel {channel}`"
                logger.error("failed: %s; %s, %s", posted.error, remedy_of(posted), again)
                self._run.failed(posted.error, 1, holds.key_of(holds.channel_scope(channel), "broken"))
                self._run.count("failed", sum(outbox.fail_in_broken_channels(self._db, self._now()).values()))
            case SlackVerdict.BLOCKS_REFUSED if message.blocks:
                logger.warning("blocks refused, sending plainer ones or plain text: %s", posted.error)
            case SlackVerdict.MESSAGE_REFUSED | SlackVerdict.BLOCKS_REFUSED:
                logger.error("failed: %s", posted.error)
                self._run.failed(posted.error, 1, f"messages failed {channel}")
            case SlackVerdict.TOKEN_REJECTED:
                refused = f"Slack refuses the token of workspace {workspace}: {posted.error}"
                logger.error("%s; %s", refused, remedy_of(posted))
                self._stop(
                    workspace, Exit.REJECTED, refused, holds.key_of(holds.workspace_scope(workspace), "rejected")
                )
            case SlackVerdict.LIMITED | SlackVerdict.WORKSPACE_LIMITED:
                logger.warning("%s waits for %.0f s: %s", channel, posted.wait, posted.error)
                self._run.ends_with(Exit.LATER)
            case SlackVerdict.NOT_SENT:
                self._stop(workspace, Exit.LATER, posted.error)
            case SlackVerdict.LOCAL_FAULT:
                logger.error("%s", posted.error)
                self._stop(workspace, Exit.UNUSABLE, posted.error, f"{STAGE} unusable")
            case _:
                assert_never(posted.verdict)

    def _count_uncertain(self, workspace: str, error: str) -> None:
        logger.error("outcome unknown, the message may or may not be in Slack: %s", error)
        self._run.count("uncertain")
        self._run.ends_with(Exit.SOME_FAILED, error, IN_DOUBT)
        self._uncertain_in_a_row[workspace] += 1
        if self._uncertain_in_a_row[workspace] >= UNCERTAIN_IN_A_ROW:
            self._stop(workspace, Exit.LATER, f"workspace {workspace} gets nothing more in this run: {error}")

    def _stop(self, workspace: str, status: Exit, note: str, *needs: str) -> None:
        self._stopped.add(workspace)
        self._run.ends_with(status, note, *needs)
        self._run.note(note)

    def _follow(self, message: Message, slack_id: str) -> None:
        """Slack filed the message under another channel id: the channel moves there once Slack shows that channel."""
        channel = message.channel_id
        logger.warning("%s was posted to %s and filed under %s", message.key, channel, slack_id)
        channels.note_slack_id(self._db, channel, slack_id)
        info = self._client(message.workspace).channel_info(slack_id)
        is_there = info and info.channel_id == slack_id and not info.is_archived and info.is_member is not False
        if not is_there or channels.workspace_of(self._db, slack_id) not in (None, message.workspace):
            logger.warning("Slack does not confirm %s: posts still go to %s", slack_id, channel)
            return
        with self._db.transaction():
            channels.move(self._db, channel, slack_id)
            for each in (channel, slack_id):
                change = f"{channel} -> {slack_id}"
                decisions.record(self._db, STAGE, holds.channel_scope(each), change, self._now())
        self._run.note(f"Slack moved {channel}: it is {slack_id} now")

    # Amendments

    def amend(self) -> None:
        """One edit each, after all posts: it holds nobody up, and one that failed is made again in the next run."""
        for amendment in amendments.waiting(self._db, self._now()):
            message = amendment.message
            if not self._run.share.has_named(message.workspace):
                continue
            if self._run.budget.spent():
                return
            stopped = "its workspace gets nothing more in this run" if message.workspace in self._stopped else None
            if reason := stopped or held(self._db, message, self._now()):
                logger.debug("%s is not edited now: %s", message.key, reason)
                continue
            with self._run.item(message.subject, message.channel_id):
                self._edit(amendment)

    def _edit(self, amendment: Amendment) -> None:
        message = amendment.message
        try:
            client = self._client(message.workspace)
        except ConfigError as error:
            self._stop(message.workspace, Exit.UNUSABLE, str(error), f"{STAGE} unusable")
            return
        slack_id = channels.slack_id(self._db, message.channel_id) or message.channel_id
        edited = client.update(message, slack_id, amendment.slack_ts)
        match edited.verdict:
            case SlackVerdict.DELIVERED:
                amendments.applied(self._db, amendment)
                self._run.count("edited")
                return
            case SlackVerdict.CHANNEL_BROKEN | SlackVerdict.MESSAGE_REFUSED | SlackVerdict.BLOCKS_REFUSED:
                logger.warning("the edit is dropped: %s", edited.error)
                amendments.drop(self._db, amendment, edited.error, self._now())
                self._run.count("edits dropped")
                return
            case SlackVerdict.LIMITED | SlackVerdict.WORKSPACE_LIMITED:
                amendments.pause(self._db, message.workspace, self._now() + timedelta(seconds=edited.wait))
                self._stopped.add(message.workspace)
            case SlackVerdict.TOKEN_REJECTED | SlackVerdict.LOCAL_FAULT | SlackVerdict.NOT_SENT:
                self._stopped.add(message.workspace)  # the next post says why, and what helps
            case SlackVerdict.UNCERTAIN:
                pass
            case _:
                assert_never(edited.verdict)
        logger.warning("not known to be edited, again in the next run: %s", edited.error)
        amendments.put_off(self._db, amendment, edited.error)

    # Broken channels

    def fail_in_broken_channels(self) -> None:
        """Messages of broken channels fail without a call."""
        for error, number in outbox.fail_in_broken_channels(self._db, self._now()).items():
            logger.error("%d failed without a call: %s", number, error)
            broken = [hold for hold in holds.all_known(self._db) if hold.kind == "broken"]
            self._run.failed(error, number, *(holds.key_of(hold.scope, hold.kind) for hold in broken))

    def examine_broken_channel(self) -> None:
        """Asks Slack about one broken channel, once an hour each, and lifts the hold if its reason is over."""
        now = self._now()
        due = channels.to_examine(self._db, now, EXAMINED_EVERY, self._run.share)
        if due is None or self._run.budget.spent():
            return
        channel, workspace = due
        channels.mark_examined(self._db, channel, now)
        with self._run.item(channel):
            try:
                client = self._client(workspace)
            except ConfigError as error:
                logger.debug("%s is not examined: %s", channel, error, exc_info=True)
                return
            hold = holds.find(self._db, holds.channel_scope(channel), "broken")
            info = client.channel_info(channel)
            is_open = info is None or info.is_member is None
            readable = is_open and client.cannot_read(channel) is None
            if hold and is_over(hold.code, info, readable=readable):
                with self._db.transaction():
                    holds.lift(self._db, hold.scope, "broken")
                    findings.forget(self._db, hold.scope)
                    decisions.record(self._db, STAGE, hold.scope, "broken -> well", now)
                logger.warning("%s works again: it was broken with %s", channel, hold.reason)
                self._run.note(f"{channel} works again")


def _rest(last_answer: datetime | None, now: datetime) -> timedelta:
    """How long a channel still rests; an answer later than now means that the clock was set back.

    Counted from the answer: Slack counts a post when it arrives, which is anywhere between the claim and that.
    """
    since = now - last_answer if last_answer else PACE
    return PACE - since if timedelta(0) <= since < PACE else timedelta(0)


def dry_run(db: Database, limits: Limits, now: datetime) -> tuple[list[Message], list[str]]:
    """What would go out now, in order, and why the rest would not. Changes nothing."""
    going: list[Message] = []
    notes: list[str] = []
    room: dict[str, int] = {}
    reasons: dict[str, str | None] = {}
    for following in outbox.next_messages(db):
        channel = following.message.channel_id
        reasons[channel] = blocked(db, following.message, limits.channel_limit, now)
        claims = outbox.recent_claims(db, channel, limits.channel_limit.seconds, now)
        room[channel] = limits.channel_limit.messages - len(claims)
    for message, dates in outbox.waiting(db):
        if not outbox.is_news(dates, now - limits.announce_within, now):
            notes.append(f"{message.key} expires: no longer news")
        elif live.has_ended(db, message):
            notes.append(f"{message.key} expires: {live.ENDED}")
        elif reason := reasons[message.channel_id]:
            notes.append(f"{message.key} does not go now: {reason}")
        elif room[message.channel_id] <= 0:
            notes.append(f"{message.key} waits: the others use up what the channel may get now")
        else:
            room[message.channel_id] -= 1
            going.append(message)
    return going, notes


def most_in_one_run(going: Sequence[Message], seconds: float) -> int:
    """How many of those a run of so many seconds can send: one per channel and second, if each call took no time."""
    room = math.ceil(seconds / PACE.total_seconds()) if PACE else len(going)
    return sum(min(number, room) for number in Counter(message.channel_id for message in going).values())
