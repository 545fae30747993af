"""Store -> slack -> store: claim and commit, one chat.postMessage, commit the outcome; then the next message."""

import logging
import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from lolslackbot.clock import text_of
from lolslackbot.errors import ConfigError, Exit
from lolslackbot.model import Message
from lolslackbot.settings import ChannelLimit
from lolslackbot.slack.answers import Posted, SlackProblem, Verdict, is_over, remedy_of
from lolslackbot.stages.reconcile import MARGIN, Histories, Policy, Settling, lookup_problem_of
from lolslackbot.stages.run import Run
from lolslackbot.store import channels, decisions, findings, holds, outbox, runs
from lolslackbot.store.database import Database

if TYPE_CHECKING:
    from lolslackbot.slack.client import SlackClient

logger = logging.getLogger(__name__)

STAGE = "deliver"
PACE = timedelta(seconds=1)  # from an answer to the next post in a channel: what Slack allows besides short bursts
IN_DOUBT = "messages uncertain"  # the key under which status names them
UNCERTAIN_IN_A_ROW = 3  # then a workspace is left alone for this run
OUTAGE = timedelta(hours=6)  # without a run: another installation of this bot may have stepped in meanwhile
EXAMINED_EVERY = timedelta(hours=1)  # a broken channel

Client = Callable[[str], "SlackClient"]  # of a workspace; raises ConfigError where it has no token


class Limits(NamedTuple):
    """The settings this stage goes by."""

    announce_within: timedelta
    channel_limit: ChannelLimit
    uncertain: Policy


def deliver(db: Database, client: Client, run: Run, limits: Limits) -> None:
    """Sends what waits and may go, once each; what may not, waits or ends with a reason."""
    now = run.clock.now()
    holds.repair_after_clock_rollback(db, now)
    outbox.repair_after_clock_rollback(db, now)
    if orphans := outbox.recover_orphaned_claims(db, now):
        keys = ", ".join(each.key for each in orphans)
        logger.error("being sent when the last run died, so uncertain: %s", keys)
    if was_away(db, now):
        channels.forget_reconciled(db)
    with db.transaction():
        outbox.mark_restored_in_doubt(db, now)
    run.count("expired", outbox.expire(db, now - limits.announce_within, now))
    delivering = _Delivering(db, client, run, limits)
    delivering.examine_broken_channel()
    for error, number in outbox.fail_in_broken_channels(db, now).items():
        logger.error("%d failed without a call: %s", number, error)
        run.failed(error, number, *_broken(db))
    delivering.work()  # news first: what is uncertain holds nobody up
    if Settling(db, delivering.histories, run, limits.uncertain).settle(claimed_before=now):
        delivering.work()
    run.left_over = outbox.count_pending(db)
    if left := [orphan for orphan in orphans if outbox.is_uncertain(db, orphan)]:
        run.count("uncertain", len(left))
        run.ends_with(Exit.SOME_FAILED, outbox.DIED, IN_DOUBT)


def _broken(db: Database) -> tuple[str, ...]:
    """Under which keys status names the channels that are broken."""
    return tuple(f"{hold.scope} broken" for hold in holds.all_known(db) if hold.kind == "broken")


def was_away(db: Database, now: datetime) -> bool:
    """Whether the last run is so long ago that each channel's history is compared before the next post there."""
    last = runs.last_ended(db, STAGE)
    return last is not None and abs(now - last.began_at) > OUTAGE


def compared_first(db: Database, now: datetime) -> set[str]:
    """The channels that are asked for their history before the next post there."""
    away = was_away(db, now)
    return {queue.message.channel_id for queue in outbox.queues(db) if away or not queue.reconciled}


def blocked(db: Database, queue: outbox.Queue, limit: ChannelLimit, now: datetime) -> str | None:
    """Why the next message of a channel may not go out now, None if it may."""
    channel, workspace = queue.message.channel_id, queue.message.workspace
    scopes = (holds.EVERYTHING, holds.channel_scope(channel), holds.workspace_scope(workspace))
    for hold in holds.all_live(db, now):
        if hold.kind != "rejected" and hold.scope in scopes:
            until = f"until {text_of(hold.until)}" if hold.until else "until a person says otherwise"
            return f"{hold.scope} is {hold.kind} {until}: {hold.reason}"
    if room_at := outbox.full_until(db, channel, now, messages=limit.messages, seconds=limit.seconds):
        return f"channel {channel} has had its {limit.messages} in {limit.seconds} s, the next at {text_of(room_at)}"
    return None


class _Delivering:
    """One run over all channels, each at its own pace."""

    def __init__(self, db: Database, client: Client, run: Run, limits: Limits) -> None:
        self._db, self._client, self._run, self._limits = db, client, run, limits
        self._stopped: set[str] = set()  # workspaces that get nothing more in this run
        self._uncertain_in_a_row: dict[str, int] = {}
        self._uncompared: set[str] = set()  # channels that wait for their history
        self.histories = Histories(db, client, run)

    def work(self) -> None:
        while self._another_round():
            pass

    def _another_round(self) -> bool:
        """The next message of each channel that may be posted to now, the longest finished game first.

        False: nothing more goes out in this run.
        """
        sent, rests = False, []
        for queue in outbox.queues(self._db):
            if self._run.budget.spent():
                self._run.runs_out_of_time()
                return False
            if not self._may_go(queue):
                continue
            if not queue.reconciled:
                with self._run.item(queue.message.channel_id):
                    self._compare(queue)
                sent = True  # what waits now, the next round sees
                continue
            if rest := _rest(queue.last_answer, self._run.clock.now()):
                rests.append(rest)
                continue
            with self._run.item(queue.message.match_id, queue.message.channel_id):
                self._send(queue.message)
            sent = True
        if rests and not sent:
            self._run.clock.sleep(min(rests).total_seconds() + 0.001)
        return sent or bool(rests)

    def _may_go(self, queue: outbox.Queue) -> bool:
        """Looked at anew before each post: what came of the one before it may concern other channels too."""
        if queue.message.workspace in self._stopped or queue.message.channel_id in self._uncompared:
            return False
        with self._db.snapshot():
            reason = blocked(self._db, queue, self._limits.channel_limit, self._run.clock.now())
        if reason:
            self._run.note(f"{queue.waiting} wait, {reason}")
        return reason is None

    def _compare(self, queue: outbox.Queue) -> None:
        """What this bot already posted in the channel, from another database, counts as delivered.

        A history that can never be read keeps nothing back; one that cannot be read now makes its channel wait.
        """
        channel, workspace = queue.message.channel_id, queue.message.workspace
        self._uncompared.add(channel)
        if workspace in self.histories.stopped:
            self._run.note(f"{channel} waits for its history to be compared")
            return
        try:
            found = self.histories.read(workspace, channel, queue.ended_at - MARGIN).ts_by_key
        except (SlackProblem, ConfigError) as problem:
            if not lookup_problem_of(problem).lasts:
                self._cannot_compare(channel, workspace, problem)
                return
            logger.info("the history of %s cannot be compared: %s", channel, problem, exc_info=True)
            found = {}
        for message in outbox.reconcile(self._db, channel, found, self._run.clock.now()):
            logger.warning("%s: %s", message.key, outbox.FOUND)
            self._run.count("found delivered")
        self._uncompared.discard(channel)

    def _cannot_compare(self, channel: str, workspace: str, problem: SlackProblem | ConfigError) -> None:
        logger.warning("%s waits for its history to be compared: %s", channel, problem, exc_info=problem)
        self._run.note(f"{channel} waits for its history to be compared: {problem}")
        self.histories.failed(problem, workspace)
        if isinstance(problem, ConfigError) or problem.verdict is Verdict.TOKEN_REJECTED:
            self._stopped.add(workspace)
        elif problem.verdict in (Verdict.LIMITED, Verdict.WORKSPACE_LIMITED):
            now = self._run.clock.now()
            with self._db.transaction():
                until = now + timedelta(seconds=problem.wait)
                holds.put(self._db, holds.channel_scope(channel), "limited", str(problem), now, until)
        if isinstance(problem, ConfigError) or problem.verdict is not Verdict.UNCERTAIN:
            self.histories.stopped.add(workspace)  # it concerns more than this channel

    def examine_broken_channel(self) -> None:
        """Asks Slack about one broken channel, once an hour each, and lifts the hold if its reason is over."""
        now = self._run.clock.now()
        due = channels.to_examine(self._db, now, EXAMINED_EVERY)
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
            unread = client.cannot_read(channel) if info is None or info.is_member is None else None
            readable = (info is None or info.is_member is None) and unread is None
            if hold and is_over(hold.code, info, readable=readable):
                with self._db.transaction():
                    holds.lift(self._db, hold.scope, "broken")
                    findings.forget(self._db, hold.scope)
                    decisions.record(self._db, STAGE, hold.scope, "broken -> well", now)
                logger.warning("%s is well again: it was broken with %s", channel, hold.reason)
                self._run.note(f"{channel} is well again")

    def _send(self, message: Message) -> None:
        try:
            client = self._client(message.workspace)
        except ConfigError as error:
            logger.exception("%s", error)
            self._stop(message.workspace, Exit.UNUSABLE, str(error), f"{STAGE} unusable")
            return
        token = os.urandom(8).hex()
        now = self._run.clock.now()
        if not outbox.claim(self._db, message, token, now - self._limits.announce_within, now):
            self._run.count("expired", outbox.expire(self._db, now - self._limits.announce_within, now))
            return
        try:
            posted = client.post(message)
        except BaseException as error:  # SIGTERM and Ctrl-C too: the request may have left
            outbox.mark_uncertain(
                self._db, message, token, f"interrupted: {type(error).__name__}", self._run.clock.now()
            )
            raise
        self._record(message, token, posted)

    def _record(self, message: Message, token: str, posted: Posted) -> None:
        now = self._run.clock.now()
        if posted.verdict is not Verdict.UNCERTAIN:
            self._uncertain_in_a_row[message.workspace] = 0
        match posted.verdict:
            case Verdict.DELIVERED:
                outbox.mark_delivered(self._db, message, token, posted.slack_ts, now)
                self._run.count("delivered")
                logger.info("delivered, ts %s", posted.slack_ts)
                if posted.channel_id:
                    self._follow(message, posted.channel_id)
            case Verdict.CHANNEL_BROKEN:
                outbox.mark_failed(self._db, message, token, posted.error, now, broken=True, code=posted.code)
                again = f"then `lolslackbot retry --channel {message.channel_id}`"
                need = f"{holds.channel_scope(message.channel_id)} broken"
                self._failed(posted.error, need, f"; {remedy_of(posted)}, {again}")
                self._run.count("failed", sum(outbox.fail_in_broken_channels(self._db, now).values()))
            case Verdict.BLOCKS_REFUSED if message.blocks:
                logger.warning("blocks refused, goes out as plain text: %s", posted.error)
                self._put_back(message, token, posted.error, without_blocks=True)
            case Verdict.MESSAGE_REFUSED | Verdict.BLOCKS_REFUSED:
                outbox.mark_failed(self._db, message, token, posted.error, now, broken=False)
                self._failed(posted.error, f"messages failed {message.channel_id}")
            case Verdict.TOKEN_REJECTED:
                self._token_rejected(message, token, posted)
            case Verdict.LIMITED | Verdict.WORKSPACE_LIMITED:
                self._limited(message, token, posted)
            case Verdict.NOT_SENT:
                self._put_back(message, token, posted.error, counted=False)
                self._stop(message.workspace, Exit.LATER, posted.error)
            case Verdict.LOCAL_FAULT:
                logger.error("%s", posted.error)
                self._put_back(message, token, posted.error, counted=False)
                self._stop(message.workspace, Exit.UNUSABLE, posted.error, f"{STAGE} unusable")
            case _:  # UNCERTAIN; and nothing else may ever leave a message claimed
                outbox.mark_uncertain(self._db, message, token, posted.error, now)
                self._uncertain(message.workspace, posted.error)

    def _follow(self, message: Message, slack_id: str) -> None:
        """The message was filed under another channel id: the channel moves there once Slack shows that channel."""
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
                decisions.record(
                    self._db, STAGE, holds.channel_scope(each), f"{channel} -> {slack_id}", self._run.clock.now()
                )
        self._run.note(f"Slack moved {channel}: it is {slack_id} now")

    def _failed(self, error: str, need: str, remedy: str = "") -> None:
        logger.error("failed: %s%s", error, remedy)
        self._run.failed(error, 1, need)

    def _put_back(
        self, message: Message, token: str, error: str, *, counted: bool = True, without_blocks: bool = False
    ) -> None:
        with self._db.transaction():
            outbox.release(
                self._db, message, token, error, self._run.clock.now(), counted=counted, without_blocks=without_blocks
            )

    def _token_rejected(self, message: Message, token: str, posted: Posted) -> None:
        now, error = self._run.clock.now(), posted.error
        scope = holds.workspace_scope(message.workspace)
        with self._db.transaction():
            outbox.release(self._db, message, token, error, now)
            if not holds.find(self._db, scope, "rejected"):  # since the first refusal
                holds.put(self._db, scope, "rejected", error, now, None)
        logger.error("the token of workspace %s is refused: %s; %s", message.workspace, error, remedy_of(posted))
        self._stop(
            message.workspace,
            Exit.REJECTED,
            f"Slack refuses the token of workspace {message.workspace}: {error}",
            f"{scope} rejected",
        )

    def _limited(self, message: Message, token: str, posted: Posted) -> None:
        """Too fast. A second channel told so meanwhile means that the whole workspace is."""
        now = self._run.clock.now()
        until = now + timedelta(seconds=posted.wait)
        scope = holds.channel_scope(message.channel_id)
        others = outbox.limited_channels(self._db, message.workspace, now) - {message.channel_id}
        with self._db.transaction():
            outbox.release(self._db, message, token, posted.error, now)
            holds.put(self._db, scope, "limited", posted.error, now, until)
            if others or posted.verdict is Verdict.WORKSPACE_LIMITED:
                scope = holds.workspace_scope(message.workspace)
                holds.put(self._db, scope, "limited", posted.error, now, until)
        logger.warning("%s waits for %.0f s: %s", scope, posted.wait, posted.error)
        self._run.ends_with(Exit.LATER)

    def _uncertain(self, workspace: str, error: str) -> None:
        logger.error("uncertain, it may or may not be in Slack: %s", error)
        self._run.count("uncertain")
        self._run.ends_with(Exit.SOME_FAILED, error, IN_DOUBT)
        self._uncertain_in_a_row[workspace] = self._uncertain_in_a_row.get(workspace, 0) + 1
        if self._uncertain_in_a_row[workspace] >= UNCERTAIN_IN_A_ROW:
            self._stop(workspace, Exit.LATER, f"workspace {workspace} is left alone for this run: {error}")

    def _stop(self, workspace: str, status: Exit, note: str, *needs: str) -> None:
        self._stopped.add(workspace)
        self._run.ends_with(status, note, *needs)
        self._run.note(note)


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
    for queue in outbox.queues(db):
        channel = queue.message.channel_id
        reasons[channel] = blocked(db, queue, limits.channel_limit, now)
        claims = outbox.recent_claims(db, channel, limits.channel_limit.seconds, now)
        room[channel] = limits.channel_limit.messages - len(claims)
    for message, ended_at in outbox.waiting(db):
        if ended_at < now - limits.announce_within:
            notes.append(f"{message.key} expires: no longer news")
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
    return sum(min(number, room) for number in Counter(each.channel_id for each in going).values())
