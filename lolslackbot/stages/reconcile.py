"""An unknown outcome is looked up in the channel's history (called by deliver): found, or sent again once, or kept."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from lolslackbot.errors import ConfigError, Exit
from lolslackbot.model import LookupProblem, Message, MessageKind
from lolslackbot.slack.answers import History, Identity, SlackProblem, SlackVerdict, remedy_of
from lolslackbot.stages.run import Run
from lolslackbot.store import channels, holds, in_doubt, outbox
from lolslackbot.store.database import Database
from lolslackbot.store.in_doubt import ENOUGH_LOOKUPS, Uncertain

if TYPE_CHECKING:
    from lolslackbot.slack.client import SlackClient

logger = logging.getLogger(__name__)

T = TypeVar("T")

MARGIN = timedelta(minutes=10)  # before the game's end: the clocks of Riot and Slack
WEEKS_BACK = timedelta(days=8)  # that a history is read for digests: a person may name any week
SKEW = timedelta(minutes=5)  # beyond it, what time has passed since a claim is not believed
LOOKED_FOR = timedelta(days=1)  # in each run; after that once a day, and again where one look found nothing


@dataclass(frozen=True, slots=True)
class Policy:
    """When "not in the channel" is believed, and whether the message then goes out once more."""

    after: timedelta
    resend: bool


class Histories:
    """The channels' histories, as one run reads them: one auth.test a workspace."""

    def __init__(self, db: Database, client: "Callable[[str], SlackClient]", run: Run) -> None:
        self._db, self._client, self._run = db, client, run
        self._us: dict[str, Identity] = {}
        self.stopped: set[str] = set()  # workspaces that answer no look-up now

    def us(self, workspace: str) -> Identity:
        """Who we are there. Raises SlackProblem, and ConfigError without a token."""
        if workspace not in self._us:
            self._us[workspace] = self._client(workspace).identity()
        return self._us[workspace]

    def read(self, workspace: str, channel_id: str, oldest: datetime, thread_ts: str | None = None) -> History:
        """Of a channel, or of a thread in it. Raises SlackProblem, and ConfigError without a token."""
        client, us = self._client(workspace), self.us(workspace)

        def read(known_as: str) -> History:
            return client.thread(known_as, thread_ts, us) if thread_ts else client.history(known_as, oldest, us)

        return self.by_either_id(channel_id, read)

    def by_either_id(self, channel_id: str, read: Callable[[str], T]) -> T:
        """By the id under which Slack filed what was posted there, if it gave one; or else by its own."""
        slack_id = channels.slack_id(self._db, channel_id)
        if slack_id:
            try:
                return read(slack_id)
            except SlackProblem as problem:
                if problem.verdict is not SlackVerdict.CHANNEL_BROKEN:
                    raise
                logger.debug("%s is not known as %s: %s", channel_id, slack_id, problem, exc_info=True)
        return read(channel_id)

    def failed(self, problem: SlackProblem | ConfigError, workspace: str) -> None:
        """The run ends with what that asks for; a token that is refused is held as such."""
        if isinstance(problem, ConfigError) or problem.verdict is SlackVerdict.LOCAL_FAULT:
            self._run.ends_with(Exit.UNUSABLE, str(problem), f"{self._run.stage} unusable")
        elif problem.lookup_problem is LookupProblem.TOKEN_REFUSED:
            scope = holds.workspace_scope(workspace)
            self._run.ends_with(Exit.REJECTED, str(problem), holds.key_of(scope, "rejected"))
            self._run.note(f"Slack refuses the token of workspace {workspace}: {problem}")
            logger.error("Slack refuses the token of workspace %s: %s; %s", workspace, problem, remedy_of(problem))
            with self._db.transaction():
                holds.put_first(self._db, scope, "rejected", str(problem), self._run.clock.now())
        elif problem.verdict in (SlackVerdict.LIMITED, SlackVerdict.NOT_SENT, SlackVerdict.UNCERTAIN):
            self._run.ends_with(Exit.LATER, str(problem))


class Comparison:
    """What this bot already posted in a channel, from another database, counts as delivered before the first post."""

    def __init__(self, db: Database, histories: Histories, run: Run, stopped: set[str]) -> None:
        """stopped: workspaces that get nothing more in this run; a token that is refused is added."""
        self._db, self._histories, self._run, self._stopped = db, histories, run, stopped
        self._open: set[str] = set()  # channels that wait for their history

    def is_open(self, channel: str) -> bool:
        """Whether the channel's history could not be read in this run: nothing is posted there."""
        return channel in self._open

    def compare(self, message: Message) -> None:
        """Reads the channel's history from the first thing on that a message is about that waits there.

        A history that can never be read keeps nothing back; one that cannot be read now makes its channel wait.
        """
        channel, workspace = message.channel_id, message.workspace
        self._open.add(channel)
        if workspace in self._histories.stopped:
            self._run.note(f"{channel} waits for its history to be compared")
            return
        try:
            oldest = outbox.compared_from(self._db, channel, self._run.clock.now() - WEEKS_BACK)
            found = self._histories.read(workspace, channel, oldest - MARGIN).ts_by_key
        except (SlackProblem, ConfigError) as problem:
            if not lookup_problem_of(problem).lasts:
                self._postpone(channel, workspace, problem)
                return
            logger.info("the history of %s cannot be compared: %s", channel, problem, exc_info=True)
            found = {}
        for each in in_doubt.reconcile(self._db, channel, found, self._run.clock.now()):
            logger.warning("%s: %s", each.key, in_doubt.FOUND)
            self._run.count("found delivered")
        self._open.discard(channel)

    def _postpone(self, channel: str, workspace: str, problem: SlackProblem | ConfigError) -> None:
        logger.warning("%s waits for its history to be compared: %s", channel, problem, exc_info=problem)
        self._run.note(f"{channel} waits for its history to be compared: {problem}")
        self._histories.failed(problem, workspace)
        if isinstance(problem, ConfigError) or problem.verdict is SlackVerdict.TOKEN_REJECTED:
            self._stopped.add(workspace)
        elif problem.verdict in (SlackVerdict.LIMITED, SlackVerdict.WORKSPACE_LIMITED):
            now = self._run.clock.now()
            with self._db.transaction():
                until = now + timedelta(seconds=problem.wait)
                holds.put(self._db, holds.channel_scope(channel), "limited", str(problem), now, until)
        if isinstance(problem, ConfigError) or problem.verdict is not SlackVerdict.UNCERTAIN:
            self._histories.stopped.add(workspace)  # it concerns more than this channel


class Reconciler:
    """One run's look-ups of what is in doubt: one history for each channel and each thread."""

    def __init__(self, db: Database, histories: Histories, run: Run, policy: Policy) -> None:
        self._db, self._histories, self._run, self._policy = db, histories, run, policy

    def reconcile(self, claimed_before: datetime) -> int:
        """Looks up what is in doubt since before that moment; returns how many messages go out again."""
        again = 0
        unknown = [
            each for each in in_doubt.uncertain(self._db, claimed_before, self._run.share) if self._is_looked_for(each)
        ]
        unknown.sort(key=_where)
        for (_, channel, _), group in groupby(unknown, key=_where):
            if self._run.budget.spent():
                break
            with self._run.item(channel):
                again += self._reconcile_channel(list(group))
        return again

    def _is_looked_for(self, each: Uncertain) -> bool:
        """In a day's runs. By a clock that was wrong it may seem longer: so nothing is ever given up after one look."""
        if each.lookup_misses >= ENOUGH_LOOKUPS and each.resends and not each.restored:
            return False
        now = self._run.clock.now()
        is_due = each.looked_at is None or now - each.looked_at >= LOOKED_FOR
        return (
            is_due
            or 0 < each.lookup_misses < ENOUGH_LOOKUPS
            or now - each.unknown_since < LOOKED_FOR + self._policy.after
        )

    def _reconcile_channel(self, unknown: Sequence[Uncertain]) -> int:
        message = unknown[0].message
        if message.workspace in self._histories.stopped:
            return 0
        oldest = min(min(self._looked_for_from(each), each.claimed_at) for each in unknown) - MARGIN
        try:
            history = self._histories.read(message.workspace, message.channel_id, oldest, message.thread_ts)
        except (SlackProblem, ConfigError) as problem:
            self._cannot_tell(unknown, problem)
            return 0
        return sum(self._reconcile_message(each, history) for each in unknown)

    def _looked_for_from(self, each: Uncertain) -> datetime:
        """When it may have been posted at the earliest; for a digest within bounds, or other look-ups fail with it."""
        back = self._run.clock.now() - WEEKS_BACK
        return max(each.happened_at, back) if each.message.kind is MessageKind.DIGEST else each.happened_at

    def _cannot_tell(self, unknown: Sequence[Uncertain], problem: SlackProblem | ConfigError) -> None:
        """Stays uncertain, with the reason. What concerns more than one channel stops the workspace's look-ups."""
        logger.warning("cannot be looked up: %s", problem, exc_info=problem)
        for each in unknown:
            self._record_problem(each, problem)
        if isinstance(problem, ConfigError) or problem.verdict is not SlackVerdict.CHANNEL_BROKEN:
            self._histories.stopped.add(unknown[0].message.workspace)
        self._histories.failed(problem, unknown[0].message.workspace)

    def _record_problem(self, each: Uncertain, problem: SlackProblem | ConfigError) -> None:
        now, kind = self._run.clock.now(), lookup_problem_of(problem)
        if each.message.kind is MessageKind.LIVE and kind.lasts:
            self._expire_start(each, f"it may or may not be in Slack, and cannot be looked up: {problem}")
        elif each.restored and kind.lasts:
            error = f"it may have been announced before the restore, and cannot be looked up: {problem}"
            in_doubt.expire_restored(self._db, each.message, error, now)
            self._run.count("expired")
        else:
            error = f"it may or may not be in Slack, and cannot be looked up: {problem}"
            in_doubt.record_lookup_error(self._db, each.message, kind, error, now)

    def _expire_start(self, each: Uncertain, error: str) -> None:
        """A notice that a game has begun: one look is enough, for a lost one costs nothing, and a late one is noise."""
        in_doubt.expire_start(self._db, each.message, error, self._run.clock.now())
        self._run.count("expired")
        logger.info("%s: %s", each.message.key, error)

    def _reconcile_message(self, each: Uncertain, history: History) -> bool:
        """Whether it goes out again."""
        now = self._run.clock.now()
        slack_ts = in_doubt.posted_ts(self._db, each.message, history.ts_by_key)
        if slack_ts:
            in_doubt.mark_found(self._db, each.message, slack_ts, now)
            self._run.count("found delivered")
            logger.info("%s is in the channel, ts %s: delivered", each.message.key, slack_ts)
            return False
        if each.message.kind is MessageKind.LIVE:
            self._expire_start(each, "not found in the channel's history; the start of a game is not said again")
            return False
        in_doubt.record_lookup_miss(self._db, each.message, now)
        if not self._may_go_again(each, history, now):
            misses = each.lookup_misses + 1
            logger.info(
                "%s not found in the channel history (look-up %d of %d)", each.message.key, misses, ENOUGH_LOOKUPS
            )
            return False
        again = in_doubt.send_restored if each.restored else in_doubt.send_again
        again(self._db, each.message, now)
        waited = now - each.claimed_at
        logger.warning("%s not found in the channel history after %s: sending again", each.message.key, waited)
        return True

    def _may_go_again(self, each: Uncertain, history: History, now: datetime) -> bool:
        if not self._policy.resend or (each.resends and not each.restored) or each.lookup_misses + 1 < ENOUGH_LOOKUPS:
            return False
        if history.now is not None and abs(now - history.now) > SKEW:
            self._run.note(f"this machine's clock differs from Slack's by {abs(now - history.now)}: nothing is re-sent")
            return False
        return now - each.unknown_since >= self._policy.after


def _where(each: Uncertain) -> tuple[str, str, str]:
    """What is read to look it up: a channel's history, which has no replies, or one thread."""
    return each.message.workspace, each.message.channel_id, each.message.thread_ts or ""


def lookup_problem_of(problem: SlackProblem | ConfigError) -> LookupProblem:
    """What keeps a history from being read; ConfigError: there is no token."""
    return LookupProblem.TOKEN_REFUSED if isinstance(problem, ConfigError) else problem.lookup_problem
