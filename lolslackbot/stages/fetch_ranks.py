"""Players' ranks after ranked games, and once a day: league-v4, at the platform's host, after matches and lists."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from lolslackbot.errors import Exit
from lolslackbot.model import Player
from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.riot.client import LEAGUE
from lolslackbot.riot.limiter import RateLimited
from lolslackbot.stages.fetch_context import FetchContext
from lolslackbot.store import players, ranks
from lolslackbot.store.ranks import WantedRank

logger = logging.getLogger(__name__)

LOOKS = 6  # after one game, one in each run
LOOKED_FOR = timedelta(minutes=20)  # after it was stored, however few looks there were
BASELINE_INTERVAL = timedelta(days=1)
BASELINES_A_RUN = 10


class RankFetcher:
    """Never waits, and fails nobody: what cannot be had now is looked for in the next run, or not said."""

    def __init__(self, context: FetchContext) -> None:
        self._context, self._db, self._run = context, context.db, context.run
        self._left_alone: set[str] = set()  # hosts that gave nothing in this run

    def fetch(self) -> None:
        """After games first; if nothing else is left to do, those that were not asked for a day.

        Not in a run that found something wrong on this machine: that needs a person.
        """
        if self._run.status is Exit.UNUSABLE:
            return
        now = self._context.now()
        ranks.stop_old(self._db, now - LOOKED_FOR)
        for wanted in ranks.due(self._db, self._run.share).values():
            self._ask(wanted[0].player, wanted)
        if not len(self._context.schedule):
            for player in ranks.not_asked_since(self._db, now - BASELINE_INTERVAL, BASELINES_A_RUN, self._run.share):
                self._ask(player, ())

    def _ask(self, player: Player, wanted: Sequence[WantedRank]) -> None:
        host, riot = player.platform, self._context.riot
        if reason := self._kept_from(host):
            logger.debug("%s: its rank is not asked for now: %s", player.riot_id, reason)
            return
        asked_at = self._context.now()
        with self._run.item(str(player.riot_id), record=lambda _: self._in_vain(player, wanted)):
            try:
                with riot.standings(player.puuid, player.platform) as standings, self._db.transaction():
                    if not wanted and ranks.has_played(self._db, player.player_id, standings):
                        players.expect_game(self._db, player.player_id, asked_at)
                    ranks.record(self._db, player.player_id, asked_at, standings)
                    found = [each for each in wanted if self._settle(each)]
            except RateLimited as wait:
                logger.debug("%s", wait)
            except RiotRefusal as refusal:
                logger.warning("no rank: %s", refusal, exc_info=refusal)
                self._left_alone.add(host)
                if refusal.verdict is not RiotVerdict.LIMITED:
                    self._in_vain(player, wanted)
            else:
                logger.info("rank read; known after %s", ", ".join(each.match_id for each in found) or "no game")

    def _kept_from(self, host: str) -> str | None:
        """Why a host is not asked in this run, None if it may be."""
        if self._run.budget.spent():
            return "no time is left"
        if host in self._left_alone:
            return f"{host} gave nothing before"
        wait = self._context.limiter.free_at(host, LEAGUE)
        return str(wait) if wait else None

    def _settle(self, wanted: WantedRank) -> bool:
        """Whether it is known now what a game was worth."""
        if ranks.worth_of(self._db, wanted.player.player_id, wanted.match_id, wanted.queue):
            ranks.mark_found(self._db, wanted)
            return True
        self._look_again(wanted)
        return False

    def _look_again(self, wanted: WantedRank) -> None:
        if wanted.looks + 1 >= LOOKS:
            ranks.stop(self._db, wanted)
        else:
            ranks.look_again(self._db, wanted)

    def _in_vain(self, player: Player, wanted: Sequence[WantedRank]) -> None:
        with self._db.transaction():
            ranks.record_asked(self._db, player.player_id, self._context.now())
            for each in wanted:
                self._look_again(each)
