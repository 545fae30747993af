"""Riot -> store: lists of match ids, the matches that are wanted, ranks, then games in progress; one commit a call."""

import logging
from datetime import timedelta

from lolslackbot.clock import FAR_OFF, clock_fault, text_of
from lolslackbot.errors import Exit
from lolslackbot.model import Player
from lolslackbot.riot import routing
from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.riot.client import ACCOUNT, MATCH, MATCH_IDS, PLATFORM, RiotClient
from lolslackbot.riot.limiter import Limiter, RateLimited
from lolslackbot.stages.fetch_context import LINGER, FetchContext, Limits, WaitsTooLong, key_rejected
from lolslackbot.stages.fetch_list import ListFetcher
from lolslackbot.stages.fetch_match import MatchFetcher
from lolslackbot.stages.fetch_ranks import RankFetcher
from lolslackbot.stages.run import Run
from lolslackbot.store import holds, live, matches, players, reasons
from lolslackbot.store.database import Database

logger = logging.getLogger(__name__)

STAGE = "fetch-matches"
SILENCE = timedelta(days=14)  # without a game; then Riot is asked whether the player moved
REGION_INTERVAL = timedelta(days=7)  # between two such questions
REGIONS_A_RUN = 5
HEED_INTERVAL = 1.0  # seconds from one look at what other processes found to the next


def fetch_matches(db: Database, riot: RiotClient, limiter: Limiter, run: Run, limits: Limits) -> None:
    """Asks what is due while the allowance and the time last. Raises Rejected when the key is refused."""
    now = run.clock.now()
    limiter.begin_run((MATCH, MATCH_IDS))
    run.count("given up", matches.stop_waiting(db, now - limits.announce_within, reasons.HOST_GAVE_NONE))
    context = FetchContext(db, riot, limiter, run, limits)
    fetching = _Fetching(context)
    try:
        fetching.try_rejected_key()
        fetching.work_off()
        fetching.ask_for_regions()
    except WaitsTooLong as over:
        run.ends_with(Exit.LATER if over.wait.refused else Exit.OK)
        run.note(f"{over.wait.reason}; goes on after {text_of(over.wait.until)}")
    RankFetcher(context).fetch()
    if may_be_playing := live.to_ask(db, run.share):
        from lolslackbot.stages.fetch_live import LiveFetcher  # loads all that words need, for few

        LiveFetcher(context).fetch(may_be_playing)
    limiter.give_back()
    run.left_over = len(context.schedule.matches)  # lists take turns: those left over are the next run's first
    _report_troubles(context)
    if (ahead := riot.clock_ahead) is not None and abs(ahead) >= FAR_OFF:
        run.clock_ahead = ahead.total_seconds()
        run.note(clock_fault(ahead, "Riot's"))


def _report_troubles(context: FetchContext) -> None:
    """A host that is down: that passes. Faults among good answers are failures."""
    for trouble in context.health.troubles():
        if trouble.is_down:
            context.run.count("put off", len(trouble.faults))
            context.run.ends_with(Exit.LATER)
            context.run.note(f"in trouble: {trouble.faults[-1]}")
        else:
            for fault in trouble.faults:
                context.run.failed(fault)


class _Fetching:
    """One run, in the order in which it asks."""

    def __init__(self, context: FetchContext) -> None:
        self._context, self._db, self._run, self._schedule = context, context.db, context.run, context.schedule
        self._lists, self._matches = ListFetcher(context), MatchFetcher(context)
        self._heeds_at = 0.0  # by the steady clock
        self._has_looked_last = False

    def try_rejected_key(self) -> None:
        """One call tells whether a key that was rejected is good again."""
        if holds.find(self._db, holds.RIOT_KEY, "rejected") and self._schedule.players:
            self._lists.fetch(self._schedule.players.take())

    def work_off(self) -> None:
        """Wanted matches before further lists, so that news comes first."""
        key, schedule = self._context.key, self._schedule
        while (turn := self._next()) or key:
            if turn is None or key.needs_proof:
                self._prove_key()
                continue
            host, endpoint = turn
            if endpoint == MATCH:
                self._matches.fetch(schedule.matches.take_from(host))
            else:
                self._lists.fetch(schedule.players.take_from(host))

    def _next(self) -> tuple[str, str] | None:
        """Host and endpoint of the next call, once it may be made; None: all done, or no time left."""
        while not self._run.budget.spent():
            self._heed_others()
            waits: list[RateLimited] = []
            for host, endpoint in self._schedule.heads():
                wait = self._context.limiter.free_at(host, endpoint)
                if wait is None:
                    return host, endpoint
                waits.append(wait)
            if waits:
                self._wait(min(waits, key=lambda wait: wait.until))
            elif not self._others_may_find_more():
                return None
        self._schedule.drop_what_is_over()
        if len(self._schedule):
            self._run.runs_out_of_time()
        return None

    def _wait(self, wait: RateLimited) -> None:
        if self._run.peers or not self._schedule.drop_what_is_over():
            self._context.wait(wait)

    # Several processes at work

    def _heed_others(self) -> None:
        """Once a second: matches of this share that others found, what was untracked, and whether the key is good."""
        if self._run.peers is None or self._run.clock.steady() < self._heeds_at:
            return
        self._heeds_at = self._run.clock.steady() + HEED_INTERVAL
        if rejected := holds.find(self._db, holds.RIOT_KEY, "rejected"):
            raise key_rejected(rejected.reason)
        self._schedule.reload_matches()
        self._schedule.drop_what_is_over()

    def _others_may_find_more(self) -> bool:
        """Whether lists of others may still have matches of this share, or had since the last look."""
        peers = self._run.peers
        if peers is None or self._has_looked_last:
            return False
        peers.find_no_more()  # none of this process's own lists can be asked for any more
        self._has_looked_last = not peers.may_find_more()
        if not self._has_looked_last:
            self._context.limiter.give_back()
            self._run.clock.sleep(LINGER.total_seconds())
        self._heeds_at = 0.0
        return True

    # The key

    def _prove_key(self) -> None:
        """After a 403 on a match: calls that are never closed by themselves, a list and an account.

        A 200 clears the key, and closes the suspects; without one the key counts as rejected.
        """
        key = self._context.key
        refusal = key.first
        player = next(iter(players.poll_order(self._db, self._run.share) or players.poll_order(self._db)), None)
        if player:
            self._schedule.drop_player(player)
            self._lists.fetch(player)
            if key:
                self._ask_for_account(player)
        if key:
            self._context.reject_key(refusal)

    def _ask_for_account(self, player: Player) -> None:
        host = routing.account_region(player.platform)
        self._context.wait_for(host, ACCOUNT)
        try:
            self._context.riot.account_of(player.puuid, player.platform)
        except (RateLimited, RiotRefusal) as refusal:
            logger.info("no proof that the key is good: %s", refusal, exc_info=True)
        else:
            self._context.record_answer(host)

    # Where players play

    def ask_for_regions(self) -> None:
        """A player without games for long may have moved: asked with what the allowance leaves, never waited for."""
        if len(self._schedule):
            return
        host, now = routing.account_region(None), self._context.now()
        for player in players.silent(self._db, now - SILENCE, now - REGION_INTERVAL, REGIONS_A_RUN, self._run.share):
            if self._run.budget.spent() or self._context.health.is_open(host):
                return
            if self._context.limiter.free_at(host, PLATFORM) or not self._ask_for_region(player):
                return

    def _ask_for_region(self, player: Player) -> bool:
        """Whether to ask for further ones."""
        with self._run.item(str(player.riot_id), record=lambda _: self._record_region(player, None)):
            try:
                region = self._context.riot.platform(player.puuid)
            except RateLimited as wait:
                logger.debug("%s", wait)
                return False
            except RiotRefusal as refusal:
                logger.warning("Riot does not say where this player plays: %s", refusal, exc_info=refusal)
                if refusal.verdict is not RiotVerdict.LIMITED:
                    self._record_region(player, None)
                return refusal.verdict is RiotVerdict.NOT_FOUND
            self._record_region(player, region)
            if region != player.platform:
                logger.warning("plays on %s now, not on %s", region, player.platform)
                self._run.count("moved")
        return True

    def _record_region(self, player: Player, region: str | None) -> None:
        players.record_region(self._db, player.player_id, region, self._context.now())
