"""One match: what its answer leads to in the ledger."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from lolslackbot.clock import text_of
from lolslackbot.game import Match
from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.riot.client import Answer
from lolslackbot.riot.limiter import RateLimited
from lolslackbot.riot.parsing import ForeignIds, NotAMatch, read_match, read_puuids
from lolslackbot.stages.fetch_context import FetchContext
from lolslackbot.stages.schedule import host_of_match
from lolslackbot.store import matches, participants, players, reasons, riot_hosts
from lolslackbot.store.bodies import pack
from lolslackbot.store.reasons import Reason

logger = logging.getLogger(__name__)

LOOK_AGAIN = (timedelta(minutes=10), timedelta(minutes=50))  # after a first and a second 404: fresh bodies can lag
# After server faults in a row; the longest is `LONGEST_BACK_OFF` of store/clock_rollback.py.
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (3, 6, 12, 24, 48, 60))


@dataclass(frozen=True, slots=True)
class MatchAnswer:
    """What an answer about a match holds: the match with all its humans and the packed body, or the problem."""

    match: Match | None
    packed: bytes
    problem: NotAMatch | ForeignIds | None = None


@dataclass(frozen=True, slots=True)
class _Result:
    """What was written about a match, reported once that is committed: in the summary and in the log."""

    counted: str
    number: int
    text: str


def read_answer(match_id: str, answer: Answer) -> MatchAnswer:
    """Judges an answer before any transaction begins. Raises RiotRefusal where it is none about that match."""
    try:
        match = read_match(match_id, answer.document, read_puuids(match_id, answer.document))
    except (NotAMatch, ForeignIds) as problem:
        return MatchAnswer(None, b"", problem)
    return MatchAnswer(match, pack(answer.body))


class MatchFetcher:
    """Asks for one match at a time."""

    def __init__(self, context: FetchContext) -> None:
        self._context, self._db, self._riot = context, context.db, context.riot
        self._run, self._schedule = context.run, context.schedule

    def fetch(self, match_id: str) -> None:
        """One call, and what becomes of the match in the same commit."""
        if matches.retry_state(self._db, match_id, self._context.now()) is None:  # given up meanwhile
            return
        host = host_of_match(match_id)
        with self._run.item(match_id, record=lambda error: self._postpone(match_id, error)):
            try:
                with self._riot.match(match_id, partial(read_answer, match_id)) as reading:
                    result = self._record(match_id, reading)
            except RateLimited as wait:
                logger.debug("%s", wait)
                self._schedule.matches.put_first(match_id)
            except RiotRefusal as refusal:
                self._refused(match_id, refusal)
            else:
                self._run.count(result.counted, result.number)
                logger.info("%s", result.text)
                self._context.record_answer(host)
                if host in self._schedule.waiting_hosts:
                    self._schedule.reload_matches()

    def _record(self, match_id: str, reading: MatchAnswer) -> _Result:
        """Writes what becomes of a match that Riot has."""
        match, problem = reading.match, reading.problem
        if isinstance(problem, ForeignIds):
            logger.warning("Riot hands out ids that are not encrypted for our key: %s", problem, exc_info=problem)
            self._postpone(match_id, f"odd ids: {problem}")
            self._run.failed("ids not encrypted for our key")
            return _Result("put off", 0, "put off: odd ids")
        if match is None:
            logger.warning("not a match: %s", problem, exc_info=problem)
            return self._end(match_id, Reason(str(problem)))
        known = players.with_puuids(self._db, (participant.puuid for participant in match.participants))
        riot_hosts.record_match(self._db, host_of_match(match_id), self._context.now())
        unsettled = self._schedule.unsettled_in(match_id, known.values())
        if untried := unsettled - self._schedule.tried:
            self._schedule.put_after_lists(match_id, untried)
            return _Result("asked again", 1, "asked again after the lists it stands in: it does not name their players")
        since = players.tracked_since(self._db, (player.player_id for player in known.values()))
        if since is None and unsettled:
            self._postpone(match_id, "it names nobody whom it is listed for, and their lists cannot be had")
            return _Result("put off", 1, "put off: it may name somebody by the puuid of another key")
        if reason := self._not_news(match, since):
            return self._end_with_older(match, reason)
        participants.store(self._db, match, reading.packed, known, self._context.now())
        return _Result("fetched", 1, f"stored; ended {text_of(match.ended_at)}")

    def _not_news(self, match: Match, since: datetime | None) -> Reason | None:
        """Why a match will not be announced, None if it will be. since: when anybody in it was first tracked."""
        if since is None:
            return reasons.UNTRACKED
        if match.ended_at < since:
            return reasons.BEFORE_TRACKING
        if match.ended_at < self._context.now() - self._context.limits.announce_within:
            return reasons.NO_LONGER_NEWS
        return None

    def _end_with_older(self, match: Match, reason: Reason) -> _Result:
        """Gives it up, and for most reasons the older unknown ids of the same lists, unasked."""
        result = self._end(match.match_id, reason, match.ended_at)
        if reason is reasons.UNTRACKED:
            return result
        is_before = reason is reasons.BEFORE_TRACKING
        older = matches.give_up_older(self._db, match.match_id, reason, match.ended_at if is_before else None)
        return _Result(reason.text if is_before else result.counted, 1 + older, result.text)

    def _end(self, match_id: str, reason: Reason, ended_at: datetime | None = None) -> _Result:
        matches.give_up(self._db, match_id, reason, self._context.now(), ended_at)
        return _Result("given up", 1, f"given up: {reason}")

    def _refused(self, match_id: str, refusal: RiotRefusal) -> None:
        host = host_of_match(match_id)
        match refusal.verdict:
            case RiotVerdict.LIMITED:
                self._run.count("answered 429")
                self._schedule.matches.put_first(match_id)
            case RiotVerdict.NOT_FOUND:
                self._missing(match_id, refusal)
            case RiotVerdict.FORBIDDEN:
                question = "%s: either this match is private or the key was rejected; checking with another call"
                logger.warning(question, refusal, exc_info=refusal)
                self._context.key.suspect(match_id, refusal)
            case RiotVerdict.LOCAL_FAULT:
                self._context.record_local_fault(host, refusal)
                self._schedule.matches.put_first(match_id)
            case verdict if self._context.key.is_rejected(verdict):
                self._context.reject_key(refusal)
            case _:
                self._context.record_fault(host, refusal)
                self._postpone(match_id, str(refusal))

    def _missing(self, match_id: str, refusal: RiotRefusal) -> None:
        """404: looked for again a little later, since a body can lag behind its id; then never again.

        But where the host gave no match since the first 404, it is the host's fault: see `Schedule`.
        """
        now, host = self._context.now(), host_of_match(match_id)
        state = matches.retry_state(self._db, match_id, now)
        if state is None:
            return
        again: datetime | None
        if state.not_found_count + 1 < matches.LOOKS:
            pause = LOOK_AGAIN[state.not_found_count]
            again, plan = now + pause, f"looked for again in {pause}"
        elif riot_hosts.find(self._db, host).returned_match_since(matches.missing_since(self._db, match_id)):
            again, plan = None, "for good"
        elif now > state.listed_at + self._context.limits.announce_within:
            self._context.give_up(match_id, reasons.HOST_GAVE_NONE)
            return
        else:
            again, plan = now, f"and {host} gave no match since the first 404: asked for again once it does"
            riot_hosts.record_probe(self._db, host, now)
        matches.mark_missing(self._db, match_id, now, again)
        self._run.count("missing")
        logger.info("missing (%s), %s", refusal, plan)

    def _postpone(self, match_id: str, reason: str) -> None:
        """Again after a back-off that grows, until it would be no news any more."""
        now = self._context.now()
        state = matches.retry_state(self._db, match_id, now)
        if state is None:
            return
        if state.not_found_count >= matches.LOOKS:
            riot_hosts.record_probe(self._db, host_of_match(match_id), now)
        again = now + BACK_OFF[min(state.failures, len(BACK_OFF) - 1)]
        if again > state.listed_at + self._context.limits.announce_within:
            self._context.give_up(match_id, Reason(f"{reasons.NO_LONGER_NEWS}; the last answer was: {reason}"))
        else:
            matches.put_off(self._db, match_id, reason, now, again)
