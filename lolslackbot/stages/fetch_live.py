"""Games that friends have just begun: spectator-v5, at the platform's host, after all else."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from lolslackbot.errors import Exit
from lolslackbot.game import ActiveGame
from lolslackbot.messages.game_queues import wants
from lolslackbot.model import MessageKind, Player
from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.riot.client import SPECTATOR
from lolslackbot.riot.limiter import RateLimited
from lolslackbot.stages.fetch_context import FetchContext
from lolslackbot.stages.live_notices import draft_of
from lolslackbot.store import live, matches, outbox, players, restores
from lolslackbot.store.live import Hearer

logger = logging.getLogger(__name__)

TICK = timedelta(minutes=3)  # cron's
FRESH = timedelta(minutes=10)  # since it began; later it is no news that it did
LEFT_FOR_RANKS = 4  # one call in so many of what a platform allows in a tick
IN_VAIN = 3  # answers in a row that say nothing; then the host is left alone in this run
_OF_THE_HOST = (RiotVerdict.LIMITED, RiotVerdict.UNAUTHORIZED, RiotVerdict.FORBIDDEN, RiotVerdict.LOCAL_FAULT)


class LiveFetcher:
    """Never waits, and fails nobody: a game that is not seen now is seen in the next run, or not announced."""

    def __init__(self, context: FetchContext) -> None:
        self._context, self._db, self._run = context, context.db, context.run
        self._left_alone: set[str] = set()  # hosts that gave nothing in this run
        self._in_vain: Counter[str] = Counter()  # answers in a row that said nothing, by host
        self._asked: Counter[str] = Counter()  # by host
        self._in_a_game: set[int] = set()  # players whom an answer about a friend named

    def fetch(self, everyone: Sequence[Player]) -> None:
        """everyone: those whom a channel with live notices tracks.

        Not in a run that had no time for its games, or that found something wrong on this machine.
        """
        if self._run.status is Exit.UNUSABLE or self._run.out_of_time:
            return
        by_host: dict[str, list[Player]] = {}
        for player in everyone:
            by_host.setdefault(player.platform, []).append(player)
        for host, here in by_host.items():
            most = self._most(host, len(here))
            for player in _in_turn(here, most, self._context.now()):
                if player.player_id not in self._in_a_game:
                    self._ask(player, most)

    def _most(self, host: str, wanted: int) -> int:
        """How many calls may go to a host in this run."""
        allowed = self._context.limiter.allowance(host, SPECTATOR, TICK.total_seconds())
        return wanted if allowed is None else min(wanted, max(1, allowed - allowed // LEFT_FOR_RANKS))

    def _ask(self, player: Player, most: int) -> None:
        if reason := self._kept_from(player.platform, most):
            logger.debug("%s: not asked now whether in a game: %s", player.riot_id, reason)
            return
        self._asked[player.platform] += 1
        with self._run.item(str(player.riot_id)):
            try:
                with (
                    self._context.riot.active_game(player.puuid, player.platform) as game,
                    self._db.transaction(),
                ):
                    outcome, built = self._seen(game)
            except RateLimited as wait:
                logger.debug("%s", wait)
            except RiotRefusal as refusal:
                self._refused(player, refusal)
            else:
                self._in_vain[player.platform] = 0
                self._run.count("begun", built)
                logger.info("in %s: %s", game.match_id, outcome)

    def _kept_from(self, host: str, most: int) -> str | None:
        """Why a host is not asked in this run, None if it may be."""
        if self._run.budget.spent():
            return "no time is left"
        if host in self._left_alone:
            return f"{host} gave nothing before"
        if self._asked[host] >= most:
            return f"what is left of the allowance of {host} is for ranks"
        wait = self._context.limiter.free_at(host, SPECTATOR)
        return str(wait) if wait else None

    def _refused(self, player: Player, refusal: RiotRefusal) -> None:
        if refusal.verdict is RiotVerdict.NOT_FOUND:
            self._in_vain[player.platform] = 0
            logger.debug("in no game to be seen: %s", refusal)
            return
        logger.warning("not known whether in a game: %s", refusal, exc_info=refusal)
        self._in_vain[player.platform] += refusal.verdict is RiotVerdict.UNAVAILABLE
        if refusal.verdict in _OF_THE_HOST or self._in_vain[player.platform] >= IN_VAIN:
            self._left_alone.add(player.platform)

    def _seen(self, game: ActiveGame) -> tuple[str, int]:
        """What comes of an answer, in words, and how many notices were built. Inside a transaction."""
        now = self._context.now()
        if game.began_at is None:
            return "it has not begun yet", 0
        tracked = players.tracked_ids(self._db)
        found = players.with_puuids(self._db, [seat.puuid for seat in game.seats]).values()
        friends = [player for player in found if player.player_id in tracked]
        self._in_a_game.update(player.player_id for player in friends)
        if game.began_at < now - FRESH:
            return "it began too long ago", 0
        if matches.state_of(self._db, game.match_id):
            return "it is listed already", 0
        if restores.since(self._db, game.began_at):
            return "it may have been announced before the restore", 0
        if not live.add(self._db, game, game.began_at, friends, now):
            return "it is known already", 0
        hearers = live.hearers(self._db, game.match_id)
        built = sum(
            self._build(game, each, now) for each in hearers if wants(each.queues, game.queue_id, game.game_mode)
        )
        return f"seen for the first time, {built} notices for {len(hearers)} channels", built

    def _build(self, game: ActiveGame, hearer: Hearer, now: datetime) -> bool:
        """Whether a channel gets a notice; where wording fails, the others get theirs."""
        with self._run.item(hearer.channel_id):
            draft = draft_of(self._db, game.match_id, hearer.channel_id, hearer.workspace)
            assert draft
            return outbox.add_other(self._db, live.subject_of(game.match_id), MessageKind.LIVE, draft, now, now)
        return False


def _in_turn(everyone: list[Player], most: int, now: datetime) -> list[Player]:
    """All of them, beginning where the tick before ended if `most` were asked there."""
    tick = int(now.timestamp() // TICK.total_seconds())
    step = most if most < len(everyone) else 1  # nobody is always first, whom a fault would hit alone
    first = tick * step % len(everyone)
    return everyone[first:] + everyone[:first]
