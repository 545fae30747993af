"""An unknown outcome is looked up in the channel's history (called by deliver): found, or sent again once, or kept."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from lolslackbot.errors import ConfigError, Exit
from lolslackbot.model import LookupProblem
from lolslackbot.slack.answers import History, Identity, SlackProblem, Verdict, remedy_of
from lolslackbot.stages.run import Run
from lolslackbot.store import channels, holds, outbox
from lolslackbot.store.database import Database
from lolslackbot.store.outbox import Uncertain

if TYPE_CHECKING:
    from lolslackbot.slack.client import SlackClient

logger = logging.getLogger(__name__)

RUNS = outbox.ENOUGH_LOOKUPS
MARGIN = timedelta(minutes=10)  # before the game's end: the clocks of Riot and Slack
SKEW = timedelta(minutes=5)  # beyond it, what time has passed since a claim is not believed
LOOKED_FOR = timedelta(days=1)  # in each run; after that once a day, and again where one look found nothing


class Policy(NamedTuple):
    """When "not in the channel" is believed, and whether the message then goes out once more."""

    after: timedelta
    resend: bool


class Histories:
    """The channels' histories, as one run reads them: one auth.test a workspace."""

    def __init__(self, db: Database, client: "Callable[[str], SlackClient]", run: Run) -> None:
        self._db, self._client, self._run = db, client, run
        self._us: dict[str, Identity] = {}
        self.stopped: set[str] = set()  # workspaces that answer no look-up now

    def read(self, workspace: str, channel_id: str, oldest: datetime) -> History:
        """Raises SlackProblem, and ConfigError without a token."""
        client = self._client(workspace)
        if workspace not in self._us:
            self._us[workspace] = client.identity()
        slack_id = channels.slack_id(self._db, channel_id)
        if slack_id:
            try:
                return client.history(slack_id, oldest, self._us[workspace])
            except SlackProblem as problem:
                if problem.verdict is not Verdict.CHANNEL_BROKEN:
                    raise
                logger.debug("%s is not known as %s: %s", channel_id, slack_id, problem, exc_info=True)
        return client.history(channel_id, oldest, self._us[workspace])

    def failed(self, problem: SlackProblem | ConfigError, workspace: str) -> None:
        """The run ends with what that asks for; a token that is refused is held as such."""
        if isinstance(problem, ConfigError) or problem.verdict is Verdict.LOCAL_FAULT:
            self._run.ends_with(Exit.UNUSABLE, str(problem), f"{self._run.stage} unusable")
        elif problem.lookup_problem is LookupProblem.TOKEN_REFUSED:
            self._run.ends_with(Exit.REJECTED, str(problem), f"{holds.workspace_scope(workspace)} rejected")
            self._run.note(f"Slack refuses the token of workspace {workspace}: {problem}")
            logger.error("the token of workspace %s is refused: %s; %s", workspace, problem, remedy_of(problem))
            with self._db.transaction():
                scope = holds.workspace_scope(workspace)
                if not holds.find(self._db, scope, "rejected"):  # since the first refusal
                    holds.put(self._db, scope, "rejected", str(problem), self._run.clock.now(), None)
        elif problem.verdict in (Verdict.LIMITED, Verdict.NOT_SENT, Verdict.UNCERTAIN):
            self._run.ends_with(Exit.LATER, str(problem))


class Settling:
    """One run's look-ups: one history a channel."""

    def __init__(self, db: Database, histories: Histories, run: Run, policy: Policy) -> None:
        self._db, self._histories, self._run, self._policy = db, histories, run, policy

    def settle(self, claimed_before: datetime) -> int:
        """Looks up what is uncertain since before that moment; how many messages go out again."""
        again = 0
        unknown = [each for each in outbox.uncertain(self._db, claimed_before) if self._is_looked_for(each)]
        for channel, group in groupby(unknown, key=lambda each: each.message.channel_id):
            if self._run.budget.spent():
                break
            with self._run.item(channel):
                again += self._settle_channel(list(group))
        return again

    def _is_looked_for(self, each: Uncertain) -> bool:
        """In a day's runs. By a clock that was wrong it may seem longer: so nothing is ever given up after one look."""
        if each.lookup_misses >= RUNS and each.resends and not each.restored:
            return False
        now = self._run.clock.now()
        is_due = each.looked_at is None or now - each.looked_at >= LOOKED_FOR
        return is_due or 0 < each.lookup_misses < RUNS or now - each.unknown_since < LOOKED_FOR + self._policy.after

    def _settle_channel(self, unknown: Sequence[Uncertain]) -> int:
        message = unknown[0].message
        if message.workspace in self._histories.stopped:
            return 0
        oldest = min(min(each.ended_at, each.claimed_at) for each in unknown) - MARGIN
        try:
            history = self._histories.read(message.workspace, message.channel_id, oldest)
        except (SlackProblem, ConfigError) as problem:
            self._cannot_tell(unknown, problem)
            return 0
        return sum(self._settle_message(each, history) for each in unknown)

    def _cannot_tell(self, unknown: Sequence[Uncertain], problem: SlackProblem | ConfigError) -> None:
        """Stays uncertain, with the reason. What concerns more than one channel stops the workspace's look-ups."""
        logger.warning("cannot be looked up: %s", problem, exc_info=problem)
        for each in unknown:
            self._record_problem(each, problem)
        if isinstance(problem, ConfigError) or problem.verdict is not Verdict.CHANNEL_BROKEN:
            self._histories.stopped.add(unknown[0].message.workspace)
        self._histories.failed(problem, unknown[0].message.workspace)

    def _record_problem(self, each: Uncertain, problem: SlackProblem | ConfigError) -> None:
        now, kind = self._run.clock.now(), lookup_problem_of(problem)
        if each.restored and kind.lasts:
            error = f"it may have been announced before the restore, and cannot be looked up: {problem}"
            outbox.expire_restored(self._db, each.message, error, now)
            self._run.count("expired")
        else:
            error = f"it may or may not be in Slack, and cannot be looked up: {problem}"
            outbox.record_lookup_error(self._db, each.message, kind, error, now)

    def _settle_message(self, each: Uncertain, history: History) -> bool:
        """Whether it goes out again."""
        now = self._run.clock.now()
        slack_ts = outbox.posted_ts(self._db, each.message, history.ts_by_key)
        if slack_ts:
            outbox.mark_found(self._db, each.message, slack_ts, now)
            self._run.count("found delivered")
            logger.info("%s is in the channel, ts %s: delivered", each.message.key, slack_ts)
            return False
        outbox.record_lookup_miss(self._db, each.message, now)
        if not self._may_go_again(each, history, now):
            logger.info("%s is not in the channel (%d. run that looked)", each.message.key, each.lookup_misses + 1)
            return False
        again = outbox.send_restored if each.restored else outbox.send_again
        again(self._db, each.message, now)
        logger.warning("%s is not in the channel after %s: goes out again", each.message.key, now - each.claimed_at)
        return True

    def _may_go_again(self, each: Uncertain, history: History, now: datetime) -> bool:
        if not self._policy.resend or (each.resends and not each.restored) or each.lookup_misses + 1 < RUNS:
            return False
        if history.now is not None and abs(now - history.now) > SKEW:
            self._run.note(f"this machine's clock differs from Slack's by {abs(now - history.now)}: nothing is re-sent")
            return False
        return now - each.unknown_since >= self._policy.after


def lookup_problem_of(problem: SlackProblem | ConfigError) -> LookupProblem:
    """What keeps a history from being read; ConfigError: there is no token."""
    return LookupProblem.TOKEN_REFUSED if isinstance(problem, ConfigError) else problem.lookup_problem
