"""One player's match list: its pages into the ledger; and the puuid anew, where it is another key's."""

import logging
from datetime import timedelta

from lolslackbot.model import OTHER_KEY_KINDS, Player, ProblemKind
from lolslackbot.riot import routing
from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.riot.client import ACCOUNT, MATCH_IDS, PAGE
from lolslackbot.riot.limiter import RateLimited
from lolslackbot.stages.fetch_context import FetchContext
from lolslackbot.stages.schedule import host_of_player
from lolslackbot.store import listings, players

logger = logging.getLogger(__name__)

PAGES = 3  # of one player's list in one run
LIST_MARGIN = timedelta(hours=6)  # which time `startTime` compares with is not documented; games last under two hours
RESOLVE_INTERVAL = timedelta(days=1)  # of a Riot ID that led to nothing under a new key


class ListFetcher:
    """Polls one player at a time."""

    def __init__(self, context: FetchContext) -> None:
        self._context, self._db, self._riot = context, context.db, context.riot
        self._run, self._schedule = context.run, context.schedule
        self._resolved: set[int] = set()  # players whose Riot ID was resolved again in this run

    def fetch(self, player: Player) -> None:
        """One player's list, page by page, each into the ledger at once."""
        self._schedule.tried.add(player.player_id)
        with self._run.item(str(player.riot_id), record=lambda _: self._record_no_answer(player)):
            try:
                self._read_pages(player)
                self._schedule.settle(player)
            except RateLimited as wait:  # another process was faster: again when the limit allows
                logger.debug("%s", wait)
                self._schedule.players.put_first(player)
            except RiotRefusal as refusal:
                self._refused(player, refusal)

    def _read_pages(self, player: Player) -> None:
        since = self._context.now() - self._context.limits.announce_within - LIST_MARGIN
        host = host_of_player(player)
        odd: str | None = None
        for number in range(PAGES):
            self._context.wait_for(host, MATCH_IDS)
            with self._riot.match_ids(player.puuid, player.platform, since, number * PAGE) as page:
                odd = page.odd or odd
                wanted = listings.record_page(
                    self._db, player.player_id, page.match_ids, odd, self._context.now(), page.unroutable
                )
            if wanted:
                self._schedule.reload_matches()
            self._context.record_answer(host)
            self._run.count("new", len(wanted))
            logger.debug("%d ids listed, new: %s", len(page.match_ids), ", ".join(wanted) or "none")
            if page.odd:
                logger.warning("the list holds %s", page.odd)
            if not page.full:
                break
        self._run.count("listed")

    def _refused(self, player: Player, refusal: RiotRefusal) -> None:
        match refusal.verdict:
            case RiotVerdict.LIMITED:
                self._run.count("answered 429")
                self._schedule.players.put_first(player)
            case RiotVerdict.NOT_FOUND:
                self._flag(player, ProblemKind.NO_LIST, f"Riot has no list: {refusal}", refusal)
            case RiotVerdict.OTHER_KEY:
                self._resolve_again(player, refusal)
            case RiotVerdict.LOCAL_FAULT:
                self._context.record_local_fault(host_of_player(player), refusal)
                self._schedule.players.put_first(player)
            case verdict if self._context.key.is_rejected(verdict):
                self._context.reject_key(refusal)
            case _:
                self._context.record_fault(host_of_player(player), refusal)
                self._record_no_answer(player)

    def _record_no_answer(self, player: Player) -> None:
        """The others are asked first now; a doubted puuid stays so, and no match waits for it any longer."""
        listings.asked_in_vain(self._db, player.player_id, self._context.now())
        self._schedule.stop_doubting(player)

    def _flag(self, player: Player, kind: ProblemKind, problem: str, refusal: RiotRefusal) -> None:
        logger.warning("flagged: %s", problem, exc_info=refusal)
        listings.record_problem(self._db, player.player_id, problem, self._context.now(), kind)
        self._schedule.settle(player)
        self._run.count("flagged")

    # The puuid is encrypted for another key: the Riot ID leads to today's

    def _resolve_again(self, player: Player, refusal: RiotRefusal) -> None:
        known = player.problem_kind if player.problem_kind in OTHER_KEY_KINDS else None
        resolved_ago = self._context.now() - player.resolved_at if player.resolved_at else RESOLVE_INTERVAL
        if known and player.problem and resolved_ago < RESOLVE_INTERVAL:
            self._flag(player, known, player.problem, refusal)
            return
        if player.player_id in self._resolved:
            self._flag_other_key(player, refusal)
            return
        if not known:
            self._schedule.doubt_all()
        logger.warning(
            "the puuid belongs to another key (%s): resolving %s again", refusal, player.riot_id, exc_info=refusal
        )
        try:
            self._context.wait_for(routing.account_region(player.platform), ACCOUNT)
            account = self._riot.account(player.riot_id, player.platform)
        except RateLimited as wait:  # matches wait for this player until the next run asks
            logger.debug("%s", wait)
        except RiotRefusal as error:
            self._account_refused(player, error)
        else:
            self._take_puuid(player, account.puuid, refusal)

    def _take_puuid(self, player: Player, puuid: str, refusal: RiotRefusal) -> None:
        """What the Riot ID leads to under this key."""
        self._resolved.add(player.player_id)
        players.resolved(self._db, player.player_id, self._context.now())
        if puuid == player.puuid:
            self._flag_other_key(player, refusal)
        elif any(each.player_id != player.player_id for each in players.with_puuids(self._db, [puuid]).values()):
            problem = f"the puuid belongs to another key, and {player.riot_id} is another player now"
            self._flag(player, ProblemKind.NAME_TAKEN, problem, refusal)
        else:
            players.replace_puuid(self._db, player.player_id, puuid)
            for renewed in players.with_puuids(self._db, [puuid]).values():
                self._schedule.players.put_first(renewed)
                self._schedule.stop_doubting(renewed)

    def _flag_other_key(self, player: Player, refusal: RiotRefusal) -> None:
        problem = f"the puuid belongs to another key, and so does what the Riot ID leads to: {refusal}"
        self._flag(player, ProblemKind.STILL_OTHER_KEY, problem, refusal)

    def _account_refused(self, player: Player, error: RiotRefusal) -> None:
        host = routing.account_region(player.platform)
        if error.verdict in (RiotVerdict.NOT_FOUND, RiotVerdict.ODD_IDS):
            players.resolved(self._db, player.player_id, self._context.now())
        match error.verdict:
            case RiotVerdict.NOT_FOUND:
                problem = f"the puuid belongs to another key, and Riot knows no {player.riot_id}: track it anew"
                self._flag(player, ProblemKind.UNKNOWN_NAME, problem, error)
            case RiotVerdict.ODD_IDS:
                problem = f"the puuid belongs to another key, and Riot hands out odd ones: {error}"
                self._flag(player, ProblemKind.ODD_PUUID, problem, error)
            case RiotVerdict.LOCAL_FAULT:
                self._context.record_local_fault(host, error)
            case verdict if self._context.key.is_rejected(verdict):
                self._context.reject_key(error)
            case _:
                self._context.record_fault(host, error)
                self._record_no_answer(player)
