"""Riot -> store: lists of match ids into the ledger, then the bodies of those that are wanted; one commit a call."""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from lolslackbot.clock import FAR_OFF, clock_fault, text_of
from lolslackbot.errors import Exit, Rejected, RunAborted
from lolslackbot.logs import logging_about
from lolslackbot.model import OTHER_KEY_KINDS, Match, Player, ProblemKind, platform_of
from lolslackbot.riot import routing
from lolslackbot.riot.answers import RENEW_KEY, RiotRefusal, Verdict
from lolslackbot.riot.client import ACCOUNT, MATCH, MATCH_IDS, PAGE, PLATFORM, Answer, RiotClient
from lolslackbot.riot.limiter import Limiter, RateLimited
from lolslackbot.riot.parsing import ForeignIds, NotAMatch, read_match, read_puuids
from lolslackbot.stages.lanes import Lanes
from lolslackbot.stages.run import Run
from lolslackbot.store import holds, listings, matches, players, reasons, riot_hosts
from lolslackbot.store.database import Database

logger = logging.getLogger(__name__)

STAGE = "fetch-matches"
PAGES = 3  # of one player's list in one run
LIST_MARGIN = timedelta(hours=6)  # which time `startTime` compares with is not documented; games last under two hours
LOOKS_AGAIN = (timedelta(minutes=10), timedelta(minutes=50))  # after a first and a second 404: fresh bodies can lag
PROBES = timedelta(minutes=30)  # between two, where a host gives no match at all
RESOLVES = timedelta(days=1)  # between two, of a Riot ID that led to nothing under a new key
SILENCE = timedelta(days=14)  # without a game; then Riot is asked whether the player moved
REGIONS = timedelta(days=7)  # between two such questions
REGIONS_A_RUN = 5
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (3, 6, 12, 24, 48, 60))  # after server faults in a row
SUSPECTS = 2  # matches that answer 403 in a row; then a call is made that no closed match can spoil
FAULTS_IN_A_ROW = 3  # then a host is left alone for this run


class Limits(NamedTuple):
    """The settings this stage goes by: seconds a game is news, seconds one wait for a limit may last."""

    announce_within: timedelta
    max_wait: timedelta


class _Fate(NamedTuple):
    """What was written of a match, and is told once that is committed: in the summary and in the log."""

    counted: str
    number: int
    said: str


class _Reading(NamedTuple):
    """What an answer about a match holds: the match with all its humans and the packed body, or the problem."""

    match: Match | None
    packed: bytes
    problem: NotAMatch | ForeignIds | None = None


class _Turn(NamedTuple):
    """The host and the endpoint to ask next."""

    host: str
    endpoint: str


class _WaitsTooLong(RunAborted):
    """What is left waits for a limit longer than this run may."""

    def __init__(self, wait: RateLimited) -> None:
        super().__init__(wait.reason)
        self.wait = wait


def fetch_matches(db: Database, riot: RiotClient, limiter: Limiter, run: Run, limits: Limits) -> None:
    """Asks what is due while the allowance and the time last. Raises Rejected when the key is refused."""
    holds.repair_after_clock_rollback(db, run.clock.now())
    matches.repair_after_clock_rollback(db, run.clock.now(), PAUSES[-1])
    players.repair_after_clock_rollback(db, run.clock.now())
    riot_hosts.repair_after_clock_rollback(db, run.clock.now())
    limiter.begin_run((MATCH, MATCH_IDS))
    _Fetching(db, riot, limiter, run, limits).work()


def read_answer(match_id: str, answer: Answer) -> _Reading:
    """Judges an answer before any transaction begins. Raises RiotRefusal where it is none about that match."""
    from lolslackbot.store.bodies import pack  # slow to import, and most runs have no match to store

    try:
        match = read_match(match_id, answer.document, read_puuids(match_id, answer.document))
    except (NotAMatch, ForeignIds) as problem:
        return _Reading(None, b"", problem)
    return _Reading(match, pack(answer.body))


def _host_of_match(match_id: str) -> str:
    return routing.match_region(platform_of(match_id))


def _host_of_player(player: Player) -> str:
    return routing.match_region(player.platform)


class _Fetching:
    """One run: what is still to be asked, and what was learnt of the hosts and the key on the way."""

    def __init__(self, db: Database, riot: RiotClient, limiter: Limiter, run: Run, limits: Limits) -> None:
        self._db, self._riot, self._limiter, self._run, self._limits = db, riot, limiter, run, limits
        self._suspects: dict[str, RiotRefusal] = {}  # matches that answered 403, until another call tells why
        self._waiting: set[str] = set()  # hosts that gave no match since the first 404 of one that waits
        self._doubted = {each.player_id: _host_of_player(each) for each in players.doubted(db)}
        self._tried: set[int] = set()  # players whose list was asked for in this run
        self._settled: set[int] = set()  # those of them whose puuid is good, or known to be of no use
        run.count("given up", matches.stop_waiting(db, self._now() - limits.announce_within, reasons.HOST_GAVE_NONE))
        self._wanted = self._due()
        doubted_first = sorted(players.poll_order(db), key=lambda each: each.player_id not in self._doubted)
        self._players = Lanes(_host_of_player, doubted_first)
        self._good_answers = 0  # in this run: each proves the key
        self._answering: set[str] = set()  # hosts that gave a good answer
        self._faults: dict[str, list[str]] = {}  # by host, in this run
        self._in_a_row: dict[str, int] = {}  # server faults since the last good answer of a host
        self._resolved: set[int] = set()  # players whose Riot ID was resolved again in this run

    def _now(self) -> datetime:
        return self._run.clock.now()

    def _due(self) -> Lanes[str]:
        due = Lanes(_host_of_match, [*matches.to_look_at(self._db, self._now()), *self._probes()])
        due.drop(self._suspects.__contains__)
        return due

    def _probes(self) -> Iterator[str]:
        """Of the matches that a host may lack only for now: one every half-hour, and all once it gave another."""
        self._waiting.clear()
        for each in matches.to_probe(self._db, self._now()):
            host = routing.match_region(each.platform)
            known = riot_hosts.find(self._db, host)
            if known.gave_a_match_since(each.missing_since):
                yield each.match_id
            elif host not in self._waiting:
                self._waiting.add(host)
                if known.probed_at is None or self._now() - known.probed_at >= PROBES:
                    yield each.match_id

    def work(self) -> None:
        """Wanted matches before further lists, so that the news comes first."""
        try:
            if holds.find(self._db, holds.RIOT_KEY, "rejected") and self._players:
                self._list(self._players.take())  # one call tells whether the key is well again
            while (turn := self._next()) or self._suspects:
                if turn is None or len(self._suspects) >= SUSPECTS:
                    self._prove_key()
                elif turn.endpoint == MATCH:
                    self._look_at(self._wanted.take_from(turn.host))
                else:
                    self._list(self._players.take_from(turn.host))
            self._ask_for_regions()
        except _WaitsTooLong as over:
            status = Exit.LATER if over.wait.refused else Exit.OK
            self._run.ends_with(status)
            self._run.note(f"{over.wait.reason}; goes on after {text_of(over.wait.until)}")
        self._run.left_over = len(self._wanted)  # lists take turns: those left over are the next run's first
        self._sum_up_faults()
        if (ahead := self._riot.clock_ahead) is not None and abs(ahead) >= FAR_OFF:
            self._run.clock_ahead = ahead.total_seconds()
            self._run.note(clock_fault(ahead, "Riot's"))

    def _next(self) -> _Turn | None:
        """What to ask next, of what can be asked now; None: all done."""
        while not self._run.budget.spent():
            waits: list[RateLimited] = []
            for host, endpoint in self._heads():
                wait = self._limiter.free_at(host, endpoint)
                if wait is None:
                    return _Turn(host, endpoint)
                waits.append(wait)
            if not waits:
                return None
            if not self._forget_what_is_over():
                self._wait(min(waits, key=lambda each: each.until))
        self._forget_what_is_over()
        if self._wanted or self._players:
            self._run.runs_out_of_time()
        return None

    def _forget_what_is_over(self) -> bool:
        """Whether something that waited need not be asked for any more: given up, or untracked, meanwhile."""
        now = self._now()
        due = {*matches.to_look_at(self._db, now), *(each.match_id for each in matches.to_probe(self._db, now))}
        tracked = {player.player_id for player in players.poll_order(self._db)}
        number = len(self._wanted) + len(self._players)
        self._wanted.drop(lambda match_id: match_id not in due)
        self._players.drop(lambda player: player.player_id not in tracked)
        return len(self._wanted) + len(self._players) < number

    def _heads(self) -> Iterator[tuple[str, str]]:
        """Where something waits: matches before lists, what is due first in front."""
        for endpoint, lanes in ((MATCH, self._wanted), (MATCH_IDS, self._players)):
            for host in lanes.hosts():
                if not self._left_alone(host) and not (endpoint == MATCH and self._names_missing(host)):
                    yield host, endpoint

    def _names_missing(self, host: str) -> bool:
        """Whether a match there may name somebody whose puuid under a new key can be had first."""
        return any(
            each == host or not self._limiter.free_at(each, MATCH_IDS)
            for each in set(self._doubted.values())
            if not self._left_alone(each)
        )

    def _wait(self, wait: RateLimited) -> None:
        left = wait.until - self._now()
        if left > self._limits.max_wait or left.total_seconds() > self._run.budget.left():
            self._run.out_of_time |= left <= self._limits.max_wait
            raise _WaitsTooLong(wait)
        logger.debug("waiting %.1f s: %s", left.total_seconds(), wait.reason)
        self._run.clock.sleep(max(0.0, left.total_seconds()) + 0.001)  # the database keeps whole milliseconds

    # Lists

    def _list(self, player: Player) -> None:
        """One player's list, page by page, each into the ledger at once."""
        self._tried.add(player.player_id)
        with self._run.item(str(player.riot_id), record=lambda _: self._asked_in_vain(player)):
            host = _host_of_player(player)
            try:
                self._read_pages(player)
                self._settle(player)
            except RateLimited as wait:  # another process was faster: again when the limit allows
                logger.debug("%s", wait)
                self._players.put_first(player)
            except RiotRefusal as refusal:
                self._list_refused(player, host, refusal)

    def _read_pages(self, player: Player) -> None:
        since = self._now() - self._limits.announce_within - LIST_MARGIN
        host = _host_of_player(player)
        odd: str | None = None
        for number in range(PAGES):
            self._wait_for(host, MATCH_IDS)
            with self._riot.match_ids(player.puuid, player.platform, since, number * PAGE) as page:
                odd = page.odd or odd
                wanted = listings.record_page(
                    self._db, player.player_id, page.match_ids, odd, self._now(), page.unroutable
                )
                if wanted:  # in their order among all: lists are not always in it
                    self._wanted = self._due()
            self._went_well(host)
            self._run.count("new", len(wanted))
            logger.debug("%d ids listed, new: %s", len(page.match_ids), ", ".join(wanted) or "none")
            if page.odd:
                logger.warning("the list holds %s", page.odd)
            if not page.full:
                break
        self._run.count("listed")

    def _wait_for(self, host: str, endpoint: str) -> None:
        while wait := self._limiter.free_at(host, endpoint):
            self._wait(wait)

    def _list_refused(self, player: Player, host: str, refusal: RiotRefusal) -> None:
        match refusal.verdict:
            case Verdict.LIMITED:
                self._run.count("answered 429")
                self._players.put_first(player)
            case Verdict.NOT_FOUND:
                self._flag(player, ProblemKind.NO_LIST, f"Riot has no list: {refusal}", refusal)
            case Verdict.OTHER_KEY:
                self._resolve_again(player, refusal)
            case Verdict.FORBIDDEN:
                self._key_rejected(refusal)
            case Verdict.UNAUTHORIZED if not self._good_answers:
                self._key_rejected(refusal)
            case Verdict.LOCAL_FAULT:
                self._cannot_get_out(host, refusal)
                self._players.put_first(player)
            case _:
                self._fault(host, refusal)
                self._asked_in_vain(player)

    def _asked_in_vain(self, player: Player) -> None:
        """Matches wait no longer in this run for this player, whose puuid is doubted still."""
        listings.asked_in_vain(self._db, player.player_id, self._now())
        self._doubted.pop(player.player_id, None)

    def _settle(self, player: Player) -> None:
        """The puuid is good, or known to be of no use: no match need wait for this player."""
        self._settled.add(player.player_id)
        self._doubted.pop(player.player_id, None)

    def _flag(self, player: Player, kind: ProblemKind, problem: str, refusal: RiotRefusal) -> None:
        logger.warning("flagged: %s", problem, exc_info=refusal)
        listings.record_problem(self._db, player.player_id, problem, self._now(), kind)
        self._settle(player)
        self._run.count("flagged")

    def _resolve_again(self, player: Player, refusal: RiotRefusal) -> None:
        """The key belongs to another project now, in which the same person has another puuid."""
        known = player.problem_kind in OTHER_KEY_KINDS
        if known and player.problem and player.resolved_at and self._now() - player.resolved_at < RESOLVES:
            self._flag(player, player.problem_kind or ProblemKind.STILL_OTHER_KEY, player.problem, refusal)
            return
        if player.player_id in self._resolved:
            problem = f"the puuid belongs to another key, and so does what the Riot ID leads to: {refusal}"
            self._flag(player, ProblemKind.STILL_OTHER_KEY, problem, refusal)
            return
        if not known:
            self._doubt_all()
        logger.warning(
            "the puuid belongs to another key (%s): resolving %s again", refusal, player.riot_id, exc_info=refusal
        )
        try:
            self._wait_for(routing.account_region(player.platform), ACCOUNT)
            account = self._riot.account(player.riot_id, player.platform)
        except RateLimited as wait:  # `_doubted` keeps matches until the next run asks
            logger.debug("%s", wait)
        except RiotRefusal as error:
            self._account_refused(player, error)
        else:
            self._take_puuid(player, account.puuid, refusal)

    def _doubt_all(self) -> None:
        """The key changed: no match is asked for before every tracked player's puuid was."""
        players.doubt_puuids(self._db, self._settled)
        for each in players.doubted(self._db):
            if each.player_id not in self._tried or each.player_id in self._doubted:
                self._doubted[each.player_id] = _host_of_player(each)

    def _take_puuid(self, player: Player, puuid: str, refusal: RiotRefusal) -> None:
        """What the Riot ID leads to under this key."""
        self._resolved.add(player.player_id)
        players.resolved(self._db, player.player_id, self._now())
        if puuid == player.puuid:
            problem = f"the puuid belongs to another key, and so does what the Riot ID leads to: {refusal}"
            self._flag(player, ProblemKind.STILL_OTHER_KEY, problem, refusal)
        elif players.with_puuids(self._db, [puuid]):
            problem = f"the puuid belongs to another key, and {player.riot_id} is another player now"
            self._flag(player, ProblemKind.NAME_TAKEN, problem, refusal)
        else:
            players.replace_puuid(self._db, player.player_id, puuid)
            for renewed in players.with_puuids(self._db, [puuid]).values():
                self._players.put_first(renewed)
                self._doubted.pop(renewed.player_id, None)

    def _account_refused(self, player: Player, error: RiotRefusal) -> None:
        if error.verdict in (Verdict.NOT_FOUND, Verdict.ODD_IDS):
            players.resolved(self._db, player.player_id, self._now())
        if error.verdict is Verdict.NOT_FOUND:
            problem = f"the puuid belongs to another key, and Riot knows no {player.riot_id}: track it anew"
            self._flag(player, ProblemKind.UNKNOWN_NAME, problem, error)
        elif error.verdict is Verdict.ODD_IDS:
            problem = f"the puuid belongs to another key, and Riot hands out odd ones: {error}"
            self._flag(player, ProblemKind.ODD_PUUID, problem, error)
        elif error.verdict is Verdict.FORBIDDEN or (error.verdict is Verdict.UNAUTHORIZED and not self._good_answers):
            self._key_rejected(error)
        elif error.verdict is Verdict.LOCAL_FAULT:
            self._cannot_get_out(routing.account_region(player.platform), error)
        else:
            self._fault(routing.account_region(player.platform), error)
            self._asked_in_vain(player)

    # Where players play

    def _ask_for_regions(self) -> None:
        """Whoever was silent for long may have moved: asked with what the allowance leaves over, never waited for."""
        if self._wanted or self._players:
            return
        host, now = routing.account_region(None), self._now()
        for player in players.silent(self._db, now - SILENCE, now - REGIONS, REGIONS_A_RUN):
            if self._run.budget.spent() or self._left_alone(host) or self._limiter.free_at(host, PLATFORM):
                return
            with self._run.item(str(player.riot_id), record=lambda _, silent=player: self._region_is(silent, None)):  # type: ignore[misc]
                if not self._ask_for_region(player):
                    return

    def _ask_for_region(self, player: Player) -> bool:
        """Whether to ask for further ones."""
        try:
            region = self._riot.platform(player.puuid)
        except RateLimited as wait:
            logger.debug("%s", wait)
            return False
        except RiotRefusal as refusal:
            logger.warning("Riot does not say where this player plays: %s", refusal, exc_info=refusal)
            if refusal.verdict is not Verdict.LIMITED:
                self._region_is(player, None)
            return refusal.verdict is Verdict.NOT_FOUND
        self._region_is(player, region)
        if region != player.platform:
            logger.warning("plays on %s now, not on %s", region, player.platform)
            self._run.count("moved")
        return True

    def _region_is(self, player: Player, region: str | None) -> None:
        players.record_region(self._db, player.player_id, region, self._now())

    # Matches

    def _look_at(self, match_id: str) -> None:
        """One match call, and what becomes of the match in one commit."""
        looks = matches.looks(self._db, match_id, self._now())
        if looks is None:  # given up meanwhile
            return
        with self._run.item(match_id, record=lambda error: self._put_off(match_id, error)):
            try:
                with self._riot.match(match_id, partial(read_answer, match_id)) as reading:
                    fate = self._take(match_id, reading)
            except RateLimited as wait:
                logger.debug("%s", wait)
                self._wanted.put_first(match_id)
            except RiotRefusal as refusal:
                self._match_refused(match_id, refusal)
            else:
                self._tell(fate)
                self._went_well(_host_of_match(match_id))
                if _host_of_match(match_id) in self._waiting:
                    self._wanted = self._due()

    def _take(self, match_id: str, reading: _Reading) -> _Fate:
        """Writes what becomes of a match that Riot has."""
        match, problem = reading.match, reading.problem
        if isinstance(problem, ForeignIds):
            logger.warning("Riot hands out ids that are not encrypted for our key: %s", problem, exc_info=problem)
            self._put_off(match_id, f"odd ids: {problem}")
            self._run.failed("ids not encrypted for our key")
            return _Fate("put off", 0, "put off: odd ids")
        if match is None:
            logger.warning("not a match: %s", problem, exc_info=problem)
            return self._end(match_id, str(problem))
        known = players.with_puuids(self._db, (each.puuid for each in match.participants))
        riot_hosts.answered(self._db, _host_of_match(match_id), self._now())
        if self._lists_first(match_id, known.values()):
            return _Fate("asked again", 1, "asked again after the lists it stands in: it does not name their players")
        since = players.tracked_since(self._db, (player.player_id for player in known.values()))
        if since is None and self._unsettled(match_id, known.values()):
            self._put_off(match_id, "it names nobody whom it is listed for, and their lists cannot be had")
            return _Fate("put off", 1, "put off: it may name somebody by the puuid of another key")
        if reason := self._not_news(match, since):
            fate = self._end(match_id, reason, match.ended_at)
            if reason == reasons.UNTRACKED:
                return fate
            is_before = reason == reasons.BEFORE_TRACKING
            number = 1 + matches.give_up_older(self._db, match_id, reason, match.ended_at if is_before else None)
            return fate._replace(counted=reason if is_before else fate.counted, number=number)
        matches.store(self._db, match, reading.packed, known, self._now())
        return _Fate("fetched", 1, f"stored; ended {text_of(match.ended_at)}")

    def _unsettled(self, match_id: str, known: Iterable[Player]) -> set[int]:
        """The tracked players in whose list it stands, but who are not in it, if their puuid may be another key's."""
        return matches.tracked_in_list(self._db, match_id) - {each.player_id for each in known} - self._settled

    def _lists_first(self, match_id: str, known: Iterable[Player]) -> bool:
        """Puts a match back until it is known whether a new key is why it does not name whom it is listed for."""
        untried = self._unsettled(match_id, known) - self._tried
        if not untried:
            return False
        for player in players.with_ids(self._db, untried):
            self._players.drop(lambda each, first=player: each.player_id == first.player_id)  # type: ignore[misc]
            self._players.put_first(player)
            self._doubted[player.player_id] = _host_of_player(player)
        self._wanted.put_first(match_id)
        return True

    def _not_news(self, match: Match, since: datetime | None) -> str | None:
        """Why a match will not be announced, None if it will be."""
        if since is None:
            return reasons.UNTRACKED
        if match.ended_at < since:
            return reasons.BEFORE_TRACKING
        if match.ended_at < self._now() - self._limits.announce_within:
            return reasons.NO_LONGER_NEWS
        return None

    def _give_up(self, match_id: str, reason: str) -> None:
        self._tell(self._end(match_id, reason))

    def _end(self, match_id: str, reason: str, ended_at: datetime | None = None) -> _Fate:
        matches.give_up(self._db, match_id, reason, self._now(), ended_at)
        return _Fate("given up", 1, f"given up: {reason}")

    def _tell(self, fate: _Fate) -> None:
        self._run.count(fate.counted, fate.number)
        logger.info("%s", fate.said)

    def _match_refused(self, match_id: str, refusal: RiotRefusal) -> None:
        match refusal.verdict:
            case Verdict.LIMITED:
                self._run.count("answered 429")
                self._wanted.put_first(match_id)
            case Verdict.NOT_FOUND:
                self._missing(match_id, refusal)
            case Verdict.FORBIDDEN:
                said = "%s: this match is closed, or the key is refused: the next calls tell"
                logger.warning(said, refusal, exc_info=refusal)
                self._suspects[match_id] = refusal
            case Verdict.UNAUTHORIZED if not self._good_answers:
                self._key_rejected(refusal)
            case Verdict.LOCAL_FAULT:
                self._cannot_get_out(_host_of_match(match_id), refusal)
                self._wanted.put_first(match_id)
            case _:
                self._fault(_host_of_match(match_id), refusal)
                self._put_off(match_id, str(refusal))

    def _missing(self, match_id: str, refusal: RiotRefusal) -> None:
        """404: looked for again a little later, since a body can lag behind its id; then never again.

        But where the host gave no match since the first 404, it is the host's fault: see `_probes`.
        """
        looks, now, host = matches.looks(self._db, match_id, self._now()), self._now(), _host_of_match(match_id)
        if looks is None:
            return
        number, _, listed_at = looks
        if number + 1 < matches.LOOKS:
            again, said = now + LOOKS_AGAIN[number], f"looked for again in {LOOKS_AGAIN[number]}"
        elif riot_hosts.find(self._db, host).gave_a_match_since(matches.missing_since(self._db, match_id)):
            again, said = None, "for good"
        elif now > listed_at + self._limits.announce_within:
            self._give_up(match_id, reasons.HOST_GAVE_NONE)
            return
        else:
            again, said = now, f"and {host} gave no match since the first 404: asked for again once it does"
            riot_hosts.probed(self._db, host, now)
        matches.mark_missing(self._db, match_id, now, again)
        self._run.count("missing")
        logger.info("missing (%s), %s", refusal, said)

    def _put_off(self, match_id: str, reason: str) -> None:
        """Again after a pause that grows, until it would be no news any more."""
        looks = matches.looks(self._db, match_id, self._now())
        if looks is None:
            return
        number, failures, listed_at = looks
        if number >= matches.LOOKS:
            riot_hosts.probed(self._db, _host_of_match(match_id), self._now())
        again = self._now() + PAUSES[min(failures, len(PAUSES) - 1)]
        if again > listed_at + self._limits.announce_within:
            self._give_up(match_id, f"{reasons.NO_LONGER_NEWS}; the last answer was: {reason}")
        else:
            matches.put_off(self._db, match_id, reason, self._now(), again)

    # Hosts and the key

    def _went_well(self, host: str) -> None:
        self._good_answers += 1
        self._answering.add(host)
        self._in_a_row[host] = 0
        for match_id, refusal in self._suspects.items():
            with logging_about(match_id):
                self._give_up(match_id, f"closed: {refusal}, while the key is good")
        self._suspects.clear()
        if self._good_answers == 1 and holds.find(self._db, holds.RIOT_KEY, "rejected"):
            with self._db.transaction():
                holds.lift(self._db, holds.RIOT_KEY, "rejected")

    def _fault(self, host: str, refusal: RiotRefusal) -> None:
        """A server fault: recorded by the caller, logged here; after a few in a row the host is left alone."""
        logger.error("%s: %s", host, refusal, exc_info=refusal)
        self._faults.setdefault(host, []).append(f"{host}: {refusal}")
        self._in_a_row[host] = self._in_a_row.get(host, 0) + 1
        if self._left_alone(host):
            self._run.note(f"{host} is left alone for this run after {FAULTS_IN_A_ROW} faults in a row")

    def _cannot_get_out(self, host: str, refusal: RiotRefusal) -> None:
        """A proxy or a certificate on our side needs a person: nothing is marked, the host is left alone at once."""
        logger.error("%s: %s", host, refusal, exc_info=refusal)
        self._in_a_row[host] = FAULTS_IN_A_ROW
        self._run.ends_with(Exit.UNUSABLE, str(refusal), f"{STAGE} unusable")
        self._run.note(str(refusal))

    def _left_alone(self, host: str) -> bool:
        return self._in_a_row.get(host, 0) >= FAULTS_IN_A_ROW

    def _sum_up_faults(self) -> None:
        """A host without a good answer in this run is down: that passes. Faults among good answers are failures."""
        for host, faults in self._faults.items():
            if self._left_alone(host) or host not in self._answering:
                self._run.count("put off", len(faults))
                self._run.ends_with(Exit.LATER)
                self._run.note(f"in trouble: {faults[-1]}")
            else:
                for fault in faults:
                    self._run.failed(fault)

    def _prove_key(self) -> None:
        """After a 403 on a match: calls that are never closed by themselves, a list and an account.

        A 200 clears the key, and so gives the suspects up; without one the key counts as refused.
        """
        refusal = next(iter(self._suspects.values()))
        anyone = next(iter(players.poll_order(self._db)), None)
        if anyone:
            self._players.drop(lambda each: each.player_id == anyone.player_id)
            self._list(anyone)
            if self._suspects:
                self._ask_for_account(anyone)
        if self._suspects:
            self._key_rejected(refusal)

    def _ask_for_account(self, player: Player) -> None:
        host = routing.account_region(player.platform)
        self._wait_for(host, ACCOUNT)
        try:
            self._riot.account_of(player.puuid, player.platform)
        except (RateLimited, RiotRefusal) as refusal:
            logger.info("no proof that the key is good: %s", refusal, exc_info=True)
        else:
            self._went_well(host)

    def _key_rejected(self, refusal: RiotRefusal) -> None:
        """Nothing is marked failed; the next run tries one call."""
        reason = str(refusal)
        with self._db.transaction():
            if not holds.find(self._db, holds.RIOT_KEY, "rejected"):  # since the first refusal
                holds.put(self._db, holds.RIOT_KEY, "rejected", reason, self._now(), None)
        raise Rejected(f"Riot refuses RIOT_API_KEY ({reason}): {RENEW_KEY}") from refusal
