"""What the parts of fetch-matches share: waiting for limits, what answers and faults mean for the rest of the run."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from lolslackbot.errors import Exit, Rejected, RunAborted
from lolslackbot.logs import logging_about
from lolslackbot.riot.answers import RENEW_KEY, RiotRefusal
from lolslackbot.riot.client import RiotClient
from lolslackbot.riot.limiter import Limiter, RateLimited
from lolslackbot.stages.run import Run
from lolslackbot.stages.schedule import Schedule
from lolslackbot.stages.upstream import FAULTS_IN_A_ROW, HostHealth, KeySuspicion
from lolslackbot.store import holds, matches
from lolslackbot.store.database import Database
from lolslackbot.store.reasons import Reason

logger = logging.getLogger(__name__)


LINGER = timedelta(seconds=0.25)  # where another process of this run has to go first


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings this stage goes by: how long a game is news, how long one wait for a limit may last."""

    announce_within: timedelta
    max_wait: timedelta


class WaitsTooLong(RunAborted):
    """What is left waits for a limit longer than this run may."""

    def __init__(self, wait: RateLimited) -> None:
        super().__init__(wait.reason)
        self.wait = wait


class FetchContext:
    """One run: its collaborators, and what it learned about the hosts and the key."""

    def __init__(self, db: Database, riot: RiotClient, limiter: Limiter, run: Run, limits: Limits) -> None:
        self.db, self.riot, self.limiter, self.run, self.limits = db, riot, limiter, run, limits
        self.health, self.key = HostHealth(), KeySuspicion()
        self.schedule = Schedule(db, run, limiter, self.health, self.key)
        self._looks_again = False  # after a short wait for a call of another process

    def now(self) -> datetime:
        return self.run.clock.now()

    def wait_for(self, host: str, endpoint: str) -> None:
        """Sleeps until a call may be made. Raises WaitsTooLong."""
        while wait := self.limiter.free_at(host, endpoint):
            self.wait(wait)

    def wait(self, wait: RateLimited) -> None:
        """Sleeps until a limit is over. Raises WaitsTooLong."""
        left = wait.until - self.now()
        is_short = wait.may_end_early and self.run.peers is not None
        if is_short:
            left = min(left, LINGER)
        if left > self.limits.max_wait or left.total_seconds() > self.run.budget.left():
            self.run.out_of_time |= left <= self.limits.max_wait
            raise WaitsTooLong(wait)
        self.limiter.give_back()
        if not (is_short and self._looks_again):  # looking again and again is no news
            logger.debug("waiting %.1f s: %s", left.total_seconds(), wait.reason)
        self._looks_again = is_short
        self.run.clock.sleep(max(0.0, left.total_seconds()) + 0.001)  # the database keeps whole milliseconds

    def give_up(self, match_id: str, reason: Reason, ended_at: datetime | None = None) -> None:
        """The match will not be announced. One commit, or a part of the one it stands in."""
        matches.give_up(self.db, match_id, reason, self.now(), ended_at)
        self.run.count("given up")
        logger.info("given up: %s", reason)

    def record_answer(self, host: str) -> None:
        """A good answer: the host is fine, the key is good, and suspects are closed matches."""
        is_first = not self.key.is_proven
        self._looks_again = False
        self.health.record_answer(host)
        for match_id, refusal in self.key.record_answer().items():
            with logging_about(match_id):
                self.give_up(match_id, Reason(f"closed: {refusal}, while the key is good"))
        if is_first and holds.find(self.db, holds.RIOT_KEY, "rejected"):
            with self.db.transaction():
                holds.lift(self.db, holds.RIOT_KEY, "rejected")

    def record_fault(self, host: str, refusal: RiotRefusal) -> None:
        """A server fault: the caller records what it means for the item."""
        logger.error("%s: %s", host, refusal, exc_info=refusal)
        self.health.record_fault(host, f"{host}: {refusal}")
        if self.health.is_open(host):
            self.run.note(f"no more calls to {host} in this run after {FAULTS_IN_A_ROW} faults in a row")

    def record_local_fault(self, host: str, refusal: RiotRefusal) -> None:
        """A proxy or a certificate on our side needs a person: nothing is marked, the host gets no more calls."""
        logger.error("%s: %s", host, refusal, exc_info=refusal)
        self.health.open_circuit(host)
        self.run.ends_with(Exit.UNUSABLE, str(refusal), f"{self.run.stage} unusable")
        self.run.note(str(refusal))

    def reject_key(self, refusal: RiotRefusal) -> None:
        """Raises Rejected. Nothing is marked failed; the next run tries one call."""
        with self.db.transaction():
            holds.put_first(self.db, holds.RIOT_KEY, "rejected", str(refusal), self.now())
        raise key_rejected(str(refusal)) from refusal


def key_rejected(reason: str) -> Rejected:
    """What ends a run whose key is refused."""
    return Rejected(f"Riot refuses RIOT_API_KEY ({reason}): {RENEW_KEY}")
