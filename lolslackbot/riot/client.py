"""One method per endpoint, one HTTP call per method, through the limiter; typed values out, RiotRefusal otherwise."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

from lolslackbot.clock import Clock, elapsed
from lolslackbot.game import ActiveGame
from lolslackbot.model import Account, RiotId, is_match_id, is_puuid, platform_of
from lolslackbot.rank import Standing
from lolslackbot.riot import answers, routing
from lolslackbot.riot.answers import RiotRefusal, RiotVerdict, unusable
from lolslackbot.riot.limiter import Limiter
from lolslackbot.riot.parsing import read_active_game, read_standings
from lolslackbot.riot.session import NO_ANSWER, NoRedirectSession, no_answer
from lolslackbot.transport import HttpAnswer, date_of, proxies_for

T = TypeVar("T")
logger = logging.getLogger(__name__)

CALL_SECONDS = 15.0  # from first to last byte; real answers take well under one
PAGE = 100  # match-v5: the most ids one list call gives

# Endpoints, as Riot counts them: the path pattern, whatever its parameters.
ACCOUNT, PLATFORM, MATCH_IDS, MATCH, LEAGUE = "account", "platform", "match-ids", "match", "league"
SPECTATOR = "spectator"
_LOGGED_HEADERS = ("x-app-rate-limit", "x-method-rate-limit", "x-rate-limit-type", "retry-after")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a player's match ids, newest first."""

    match_ids: tuple[str, ...]
    unroutable: tuple[str, ...]  # well-formed, but of a platform that has no host
    full: bool  # there may be a further one
    odd: str | None  # describes the malformed ids that were left out


@dataclass(frozen=True, slots=True)
class Answer:
    """What Riot sent: the bytes to keep and the JSON in them."""

    body: bytes
    document: Any


class RiotClient:
    """Calls raise RiotRefusal (an answer that cannot be used, or none) or RateLimited (nothing was sent).

    `match_ids`, `match`, `standings` and `active_game` are `with` statements: what is written inside is committed
    together with the call's end. An answer is read and judged before that transaction begins, so that none lasts longer
    for its content.
    """

    def __init__(
        self,
        key: str,
        url: str,
        limiter: Limiter,
        clock: Clock,
        time_left: Callable[[], float] = lambda: CALL_SECONDS,
        network: Mapping[str, str] = os.environ,
    ) -> None:
        """url: `https://{routing}.api.riotgames.com` or a stand-in; {routing} becomes the platform or region.

        time_left: seconds the run still has; no call outlasts them by more than a second. network: the variables that
        name proxies and authorities. Raises ConfigError where these cannot be used.
        """
        self._key, self._url, self._limiter, self._clock, self._time_left = key, url, limiter, clock, time_left
        self._session = NoRedirectSession(network)
        proxies_for(url.format(routing="europe"), network)  # a faulty one is named before any call is counted
        self.clock_ahead: timedelta | None = None  # of Riot's clock, by the last answer with a date

    def account(self, riot_id: RiotId, platform: str | None) -> Account:
        """account-v1 by Riot ID, asked at the host nearest to `platform`."""
        name, tag = (quote(part, safe="") for part in (riot_id.game_name, riot_id.tag_line))
        return self._account(platform, f"by-riot-id/{name}/{tag}")

    def account_of(self, puuid: str, platform: str) -> Account:
        """account-v1 by puuid: today's Riot ID of a player."""
        return self._account(platform, f"by-puuid/{quote(puuid, safe='')}")

    def _account(self, platform: str | None, path: str) -> Account:
        found = self._json(routing.account_region(platform), ACCOUNT, f"/riot/account/v1/accounts/{path}")
        puuid = _field(found, "puuid")
        if not is_puuid(puuid):
            raise RiotRefusal(RiotVerdict.ODD_IDS, f"200, but a puuid of {len(puuid)} characters instead of 78", 200)
        if not (found.get("gameName") and found.get("tagLine")):  # Riot may leave them out
            return Account(puuid, None)
        return Account(puuid, RiotId(_field(found, "gameName"), _field(found, "tagLine")))

    def platform(self, puuid: str) -> str:
        """account-v1 region by game: where the player plays League of Legends, as 'euw1'."""
        path = f"/riot/account/v1/region/by-game/lol/by-puuid/{quote(puuid, safe='')}"
        platform = _field(self._json(routing.account_region(None), PLATFORM, path), "region").lower()
        if not routing.knows(platform):
            raise unusable(f"the unknown platform {platform!r}")
        return platform

    @contextmanager
    def match_ids(self, puuid: str, platform: str, start_time: datetime, start: int) -> Iterator[Page]:
        """match-v5: the ids from the `start`-th on of games since `start_time`, at most PAGE of them."""
        path = f"/lol/match/v5/matches/by-puuid/{quote(puuid, safe='')}/ids"
        query = {"startTime": int(start_time.timestamp()), "start": start, "count": PAGE}
        with self._get(routing.match_region(platform), MATCH_IDS, path, _page, query) as page:
            yield page

    @contextmanager
    def match(self, match_id: str, read: Callable[[Answer], T]) -> Iterator[T]:
        """match-v5: one match, as `read` makes it of the answer. Its prefix says which host has it."""
        host = routing.match_region(platform_of(match_id))
        with self._get(host, MATCH, f"/lol/match/v5/matches/{match_id}", read) as found:
            yield found

    @contextmanager
    def standings(self, puuid: str, platform: str) -> Iterator[Mapping[str, Standing | None]]:
        """league-v4: a player's place in each ranked queue, None where there is none. Asked at the platform's host."""
        path = f"/lol/league/v4/entries/by-puuid/{quote(puuid, safe='')}"
        with self._get(platform, LEAGUE, path, lambda answer: read_standings(answer.document)) as found:
            yield found

    @contextmanager
    def active_game(self, puuid: str, platform: str) -> Iterator[ActiveGame]:
        """spectator-v5: the game that a player is in. Asked at the platform's host.

        Raises RiotRefusal, as usual, with NOT_FOUND: in no game, or in streamer mode.
        """
        path = f"/lol/spectator/v5/active-games/by-summoner/{quote(puuid, safe='')}"
        with self._get(platform, SPECTATOR, path, lambda answer: read_active_game(answer.document)) as found:
            yield found

    def _json(self, host: str, endpoint: str, path: str) -> Any:
        with self._get(host, endpoint, path, lambda answer: answer.document) as document:
            return document

    @contextmanager
    def _get(
        self,
        host: str,
        endpoint: str,
        path: str,
        read: Callable[[Answer], T],
        query: Mapping[str, int] | None = None,
    ) -> Iterator[T]:
        """Exactly one request; its end is committed together with what is written inside."""
        call = self._limiter.reserve(host, endpoint)
        try:
            answer = self._fetch(host, path, query)
        except NO_ANSWER as error:
            self._limiter.finish(call, host, endpoint, None)
            raise no_answer(error, self._url.format(routing=host)) from error
        if date := date_of(answer.headers):
            self.clock_ahead = self._clock.now() - date
        try:
            found = read(Answer(answer.body, answers.read_json(answer)))
        except Exception:
            self._limiter.finish(call, host, endpoint, answer)
            raise
        with self._limiter.finishing(call, host, endpoint, answer):
            yield found

    def _fetch(self, host: str, path: str, query: Mapping[str, int] | None) -> HttpAnswer:
        """The answer without our key: a proxy may quote the request, and parts of an answer are logged and stored."""
        began = self._clock.steady()
        seconds, decided_at = min(CALL_SECONDS, max(0.001, self._time_left() + 1)), elapsed()
        headers = {"X-Riot-Token": self._key, "Accept": "application/json"}
        try:
            answer = self._session.fetch(self._url.format(routing=host) + path, headers, seconds, query, decided_at)
        except NO_ANSWER as error:
            logger.debug("GET %s%s -> %r, %.0f ms", host, path, error, (self._clock.steady() - began) * 1000)
            raise
        answer = HttpAnswer(
            answer.status,
            {name: value.replace(self._key, "***") for name, value in answer.headers.items()},
            answer.body.replace(self._key.encode(), b"***"),
        )
        milliseconds = (self._clock.steady() - began) * 1000
        logger.debug("GET %s%s -> %d, %.0f ms%s", host, path, answer.status, milliseconds, _limits_of(answer))
        return answer


def _page(answer: Answer) -> Page:
    found = answer.document
    if not isinstance(found, list):
        raise unusable("no list")
    if len(found) > PAGE:
        raise unusable(f"{len(found)} match ids instead of at most {PAGE}")
    good = [match_id for match_id in found if isinstance(match_id, str) and is_match_id(match_id)]
    malformed = [value for value in found if not (isinstance(value, str) and is_match_id(value))]
    return Page(
        match_ids=tuple(match_id for match_id in good if routing.knows(platform_of(match_id))),
        unroutable=tuple(match_id for match_id in good if not routing.knows(platform_of(match_id))),
        full=len(found) >= PAGE,
        odd=f"{len(malformed)} malformed match ids (first: {_shown(malformed[0])})" if malformed else None,
    )


def _shown(value: Any) -> str:
    """At most 60 characters; of a container only its type, since it may be nested too deeply to be written."""
    if isinstance(value, list | dict):
        return f"a {type(value).__name__}"
    return repr(value[:60] if isinstance(value, str) else value)[:60]


def _field(found: Any, name: str) -> str:
    value = found.get(name) if isinstance(found, dict) else None
    if not isinstance(value, str) or not value:
        raise unusable(f"no {name}")
    return value.encode("utf-8", "replace").decode()


def _limits_of(answer: HttpAnswer) -> str:
    """Riot's limits with their counts, and of a 429 its type, Retry-After and message."""
    stated = [
        f"{name}: {answer.headers[name]}"
        + (f" ({answer.headers[name + '-count']} used)" if name + "-count" in answer.headers else "")
        for name in _LOGGED_HEADERS
        if name in answer.headers
    ]
    if answer.status != 200:
        stated.append(answers.message_of(answer))
    return "".join(f"; {part}" for part in stated)
