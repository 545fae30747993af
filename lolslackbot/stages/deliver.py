"""Store -> slack -> store: claim and commit, one chat.postMessage, commit the outcome; then the next message."""

import logging
import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from lolslackbot.clock import text_of
from lolslackbot.errors import Exit, Unusable
from lolslackbot.model import Message
from lolslackbot.settings import ChannelLimit
from lolslackbot.slack.answers import Posted, Verdict, remedy_of
from lolslackbot.stages.run import Run
from lolslackbot.stages.settle import Policy, Settling
from lolslackbot.store import holds, messages
from lolslackbot.store.database import Database

if TYPE_CHECKING:
    from lolslackbot.slack.client import SlackClient

logger = logging.getLogger(__name__)

STAGE = "deliver"
PACE = timedelta(seconds=1)  # between two messages in one channel: what Slack allows besides short bursts
IN_DOUBT = "messages uncertain"  # the key under which status names them
UNCERTAIN_IN_A_ROW = 3  # then a workspace is left alone for this run

Client = Callable[[str], "SlackClient"]  # of a workspace; raises Unusable where it has no token


class Limits(NamedTuple):
    """The settings this stage goes by."""

    announce_within: timedelta
    channel_limit: ChannelLimit
    uncertain: Policy


def deliver(db: Database, client: Client, run: Run, limits: Limits) -> None:
    """Sends what waits and may go, once each; what may not, waits or ends with a reason."""
    now = run.clock.now()
    holds.follow_clock(db, now)
    messages.follow_clock(db, now)
    if orphans := messages.adopt_orphans(db, now):
        keys = ", ".join(each.key for each in orphans)
        logger.error("being sent when the last run died, so uncertain: %s", keys)
    with db.transaction():
        messages.doubt_restored(db, now)
    run.count("expired", messages.expire(db, now - limits.announce_within, now))
    for error, number in messages.fail_in_broken_channels(db, now).items():
        logger.error("%d failed without a call: %s", number, error)
        run.failed(error, number, *_broken(db))
    delivering = _Delivering(db, client, run, limits)
    delivering.work()  # news first: what is uncertain holds nobody up
    if Settling(db, client, run, limits.uncertain).settle(claimed_before=now):
        delivering.work()
    run.left_over = messages.count_pending(db)
    if left := [orphan for orphan in orphans if messages.is_uncertain(db, orphan)]:
        run.count("uncertain", len(left))
        run.ends_with(Exit.SOME_FAILED, messages.DIED, IN_DOUBT)


def _broken(db: Database) -> tuple[str, ...]:
    """Under which keys status names the channels that are broken."""
    return tuple(f"{hold.scope} broken" for hold in holds.all_known(db) if hold.kind == "broken")


def blocked(db: Database, queue: messages.Queue, limit: ChannelLimit, now: datetime) -> str | None:
    """Why the next message of a channel may not go out now, None if it may."""
    channel, workspace = queue.message.channel_id, queue.message.workspace
    scopes = (holds.EVERYTHING, holds.channel_scope(channel), holds.workspace_scope(workspace))
    for hold in holds.all_live(db, now):
        if hold.kind != "rejected" and hold.scope in scopes:
            until = f"until {text_of(hold.until)}" if hold.until else "until a person says otherwise"
            return f"{hold.scope} is {hold.kind} {until}: {hold.reason}"
    claims = messages.recent_claims(db, channel, limit.seconds, now)
    if len(claims) >= limit.messages:
        room_at = claims[limit.messages - 1] + timedelta(seconds=limit.seconds)
        return f"channel {channel} has had its {limit.messages} in {limit.seconds} s, the next at {text_of(room_at)}"
    return None


class _Delivering:
    """One run over all channels, each at its own pace."""

    def __init__(self, db: Database, client: Client, run: Run, limits: Limits) -> None:
        self._db, self._client, self._run, self._limits = db, client, run, limits
        self._stopped: set[str] = set()  # workspaces that get nothing more in this run
        self._uncertain_in_a_row: dict[str, int] = {}

    def work(self) -> None:
        while self._another_round():
            pass

    def _another_round(self) -> bool:
        """The next message of each channel that may be posted to now, the longest finished game first.

        False: nothing more goes out in this run.
        """
        sent, rests = False, []
        for queue in messages.queues(self._db):
            if self._run.budget.spent():
                self._run.runs_out_of_time()
                return False
            if not self._may_go(queue):
                continue
            if rest := _rest(queue.last_claim, self._run.clock.now()):
                rests.append(rest)
                continue
            with self._run.item(queue.message.match_id, queue.message.channel_id):
                self._send(queue.message)
            sent = True
        if rests and not sent:
            self._run.clock.sleep(min(rests).total_seconds() + 0.001)
        return sent or bool(rests)

    def _may_go(self, queue: messages.Queue) -> bool:
        """Looked at anew before each post: what came of the one before it may concern other channels too."""
        if queue.message.workspace in self._stopped:
            return False
        with self._db.one_moment():
            reason = blocked(self._db, queue, self._limits.channel_limit, self._run.clock.now())
        if reason:
            self._run.note(f"{queue.waiting} wait, {reason}")
        return reason is None

    def _send(self, message: Message) -> None:
        try:
            client = self._client(message.workspace)
        except Unusable as error:
            logger.exception("%s", error)
            self._stop(message.workspace, Exit.UNUSABLE, str(error), f"{STAGE} unusable")
            return
        token = os.urandom(8).hex()
        now = self._run.clock.now()
        if not messages.claim(self._db, message, token, now - self._limits.announce_within, now):
            self._run.count("expired", messages.expire(self._db, now - self._limits.announce_within, now))
            return
        try:
            posted = client.post(message)
        except BaseException as error:  # SIGTERM and Ctrl-C too: the request may have left
            messages.mark_uncertain(
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
                messages.mark_delivered(self._db, message, token, posted.slack_ts, now)
                self._run.count("delivered")
                logger.info("delivered, ts %s", posted.slack_ts)
            case Verdict.CHANNEL_BROKEN:
                messages.mark_failed(self._db, message, token, posted.error, now, broken=True)
                again = f"then `lolslackbot retry --channel {message.channel_id}`"
                need = f"{holds.channel_scope(message.channel_id)} broken"
                self._failed(posted.error, need, f"; {remedy_of(posted)}, {again}")
                self._run.count("failed", sum(messages.fail_in_broken_channels(self._db, now).values()))
            case Verdict.BLOCKS_REFUSED if message.blocks:
                logger.warning("blocks refused, goes out as plain text: %s", posted.error)
                self._put_back(message, token, posted.error, without_blocks=True)
            case Verdict.MESSAGE_REFUSED | Verdict.BLOCKS_REFUSED:
                messages.mark_failed(self._db, message, token, posted.error, now, broken=False)
                self._failed(posted.error, f"messages failed {message.channel_id}")
            case Verdict.TOKEN_REJECTED:
                self._token_rejected(message, token, posted)
            case Verdict.LIMITED | Verdict.WORKSPACE_LIMITED:
                self._limited(message, token, posted)
            case Verdict.NOT_SENT:
                self._put_back(message, token, posted.error, counted=False)
                self._stop(message.workspace, Exit.LATER, posted.error)
            case _:  # UNCERTAIN; and nothing else may ever leave a message claimed
                messages.mark_uncertain(self._db, message, token, posted.error, now)
                self._uncertain(message.workspace, posted.error)

    def _failed(self, error: str, need: str, remedy: str = "") -> None:
        logger.error("failed: %s%s", error, remedy)
        self._run.failed(error, 1, need)

    def _put_back(
        self, message: Message, token: str, error: str, *, counted: bool = True, without_blocks: bool = False
    ) -> None:
        with self._db.transaction():
            messages.put_back(
                self._db, message, token, error, self._run.clock.now(), counted=counted, without_blocks=without_blocks
            )

    def _token_rejected(self, message: Message, token: str, posted: Posted) -> None:
        now, error = self._run.clock.now(), posted.error
        scope = holds.workspace_scope(message.workspace)
        with self._db.transaction():
            messages.put_back(self._db, message, token, error, now)
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
        others = messages.limited_channels(self._db, message.workspace, now) - {message.channel_id}
        with self._db.transaction():
            messages.put_back(self._db, message, token, posted.error, now)
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


def _rest(last_claim: datetime | None, now: datetime) -> timedelta:
    """How long a channel still rests; a claim later than now means that the clock was set back."""
    since = now - last_claim if last_claim else PACE
    return PACE - since if timedelta(0) <= since < PACE else timedelta(0)


def dry_run(db: Database, limits: Limits, now: datetime) -> tuple[list[Message], list[str]]:
    """What would go out now, in order, and why the rest would not. Changes nothing."""
    going: list[Message] = []
    notes: list[str] = []
    room: dict[str, int] = {}
    reasons: dict[str, str | None] = {}
    for queue in messages.queues(db):
        channel = queue.message.channel_id
        reasons[channel] = blocked(db, queue, limits.channel_limit, now)
        claims = messages.recent_claims(db, channel, limits.channel_limit.seconds, now)
        room[channel] = limits.channel_limit.messages - len(claims)
    for message, ended_at in messages.waiting(db):
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
