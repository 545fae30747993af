"""One method an endpoint, one call a method, through the limiter; typed values out, RiotRefusal otherwise."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from lolslackbot.clock import Clock
from lolslackbot.model import Account, RiotId, is_match_id, is_puuid, platform_of
from lolslackbot.riot import answers, routing
from lolslackbot.riot.answers import HttpAnswer, RiotRefusal, Verdict
from lolslackbot.riot.limiter import Limiter
from lolslackbot.transport import (
    BodyTooLarge,
    DeadlineExceeded,
    connect_seconds,
    date_of,
    deadline,
    fault_of_this_machine,
    proxies_for,
    read_capped,
    read_in_pieces,
    trusted,
)

if TYPE_CHECKING:
    import ssl

T = TypeVar("T")
logger = logging.getLogger(__name__)

CALL_SECONDS = 15.0  # from first to last byte; real answers take well under one
PAGE = 100  # match-v5: the most ids one list call gives

# Endpoints, as Riot counts them: the path pattern, whatever its parameters.
ACCOUNT, PLATFORM, MATCH_IDS, MATCH = "account", "platform", "match-ids", "match"
# What the libraries raise when nothing comes, or something that no header, length or encoding may be.
NO_ANSWER = (
    *(requests.RequestException, HTTPError, HTTPException, OSError, ValueError, OverflowError),
    *(DeadlineExceeded, BodyTooLarge),
)
_LOGGED = ("x-app-rate-limit", "x-method-rate-limit", "x-rate-limit-type", "retry-after")


class Page(NamedTuple):
    """One page of a player's match ids, newest first."""

    match_ids: tuple[str, ...]
    unroutable: tuple[str, ...]  # well-formed, but of a platform that has no host
    full: bool  # there may be a further one
    odd: str | None  # what was left out, since no match can be asked for by it


class Answer(NamedTuple):
    """What Riot sent: the bytes to keep and the JSON in them."""

    body: bytes
    document: Any


class NoRedirectSession(requests.Session):
    """A redirect would carry the key to another host: it comes back as the 3xx it is, its target not even read.

    network: where the authorities to trust are named. Raises ConfigError for one that cannot be read.
    """

    def __init__(self, network: Mapping[str, str]) -> None:
        super().__init__()
        self.trust_env = False  # neither proxies nor passwords from files nobody thinks of
        if context := trusted(network):
            self.mount("https://", _Trusting(context))

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class _Trusting(HTTPAdapter):
    """Trusts what its context trusts, where requests would add authorities of its own."""

    def __init__(self, context: "ssl.SSLContext") -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._context, **more)

    def proxy_manager_for(self, *arguments: Any, **more: Any) -> Any:
        return super().proxy_manager_for(*arguments, ssl_context=self._context, **more)

    def cert_verify(self, conn: Any, *_: Any, **__: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


class RiotClient:
    """Calls raise RiotRefusal (an answer, or none, that brings nothing) or RateLimited (a limit: nothing was sent).

    `match_ids` and `match` are `with` statements: what is written inside is committed together with the call's end.
    An answer is read and judged before that transaction begins, so that none lasts longer for what is in it.
    Their `call` is one that was reserved moments ago, the last thing before.
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

        time_left: seconds the run still has; no call outlasts them by more than a second. network: the proxies and
        authorities there are. Raises ConfigError where these cannot be used.
        """
        self._time_left = time_left
        self._url = url
        self._limiter = limiter
        self._clock = clock
        self._key = key
        self._network = network
        self._session = NoRedirectSession(network)
        self._headers = {"X-Riot-Token": key, "Accept": "application/json"}
        self._proxies: dict[str, dict[str, str]] = {}  # by host, as the environment says
        proxies_for(url.format(routing="europe"), network)  # one that is at fault is named before a call is counted
        self.clock_ahead: timedelta | None = None  # of Riot's, by the last answer that said what time it was

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
            raise RiotRefusal(Verdict.ODD_IDS, f"200, but a puuid of {len(puuid)} characters instead of 78", 200)
        if not (found.get("gameName") and found.get("tagLine")):  # Riot may leave them out
            return Account(puuid, None)
        return Account(puuid, RiotId(_field(found, "gameName"), _field(found, "tagLine")))

    def platform(self, puuid: str) -> str:
        """account-v1 region by game: where the player plays League of Legends, as 'euw1'."""
        path = f"/riot/account/v1/region/by-game/lol/by-puuid/{quote(puuid, safe='')}"
        platform = _field(self._json(routing.account_region(None), PLATFORM, path), "region").lower()
        if not routing.knows(platform):
            raise RiotRefusal(Verdict.UNAVAILABLE, f"200, but the unknown platform {platform!r}", 200)
        return platform

    def reserve(self, host: str, endpoint: str) -> int:
        """A `call` to be made next, counted in the commit this stands in. Raises RateLimited."""
        return self._limiter.reserve(host, endpoint)

    @contextmanager
    def match_ids(
        self, puuid: str, platform: str, start_time: datetime, start: int, call: int | None = None
    ) -> Iterator[Page]:
        """match-v5: the ids from the `start`-th on of games since `start_time`, at most PAGE of them."""
        path = f"/lol/match/v5/matches/by-puuid/{quote(puuid, safe='')}/ids"
        query = {"startTime": int(start_time.timestamp()), "start": start, "count": PAGE}
        host = routing.match_region(platform)
        if call is None:
            call = self.reserve(host, MATCH_IDS)
        with self._get(call, host, MATCH_IDS, path, _page, query) as page:
            yield page

    @contextmanager
    def match(self, match_id: str, read: Callable[[Answer], T], call: int | None = None) -> Iterator[T]:
        """match-v5: one match, as `read` makes it of the answer. Its prefix says which host has it."""
        host = routing.match_region(platform_of(match_id))
        if call is None:
            call = self.reserve(host, MATCH)
        with self._get(call, host, MATCH, f"/lol/match/v5/matches/{match_id}", read) as found:
            yield found

    def _json(self, host: str, endpoint: str, path: str) -> Any:
        call = self._limiter.reserve(host, endpoint)
        with self._get(call, host, endpoint, path, lambda answer: answer.document) as document:
            return document

    @contextmanager
    def _get(
        self,
        call: int,
        host: str,
        endpoint: str,
        path: str,
        read: Callable[[Answer], T],
        query: Mapping[str, int] | None = None,
    ) -> Iterator[T]:
        """Exactly one request, the reserved `call`; its end is committed with what is made of its answer inside."""
        began = self._clock.steady()
        try:
            answer = self._send(self._url.format(routing=host), path, query)
        except NO_ANSWER as error:
            logger.debug("GET %s%s -> %r, %.0f ms", host, path, error, self._milliseconds(began))
            self._limiter.settle(call, host, endpoint, None)
            raise _no_answer(error, self._url.format(routing=host)) from error
        logger.debug(
            "GET %s%s -> %d, %.0f ms%s", host, path, answer.status, self._milliseconds(began), _limits_of(answer)
        )
        if date := date_of(answer.headers):
            self.clock_ahead = self._clock.now() - date
        try:
            found = read(Answer(answer.body, answers.read_json(answer)))
        except Exception:
            self._limiter.settle(call, host, endpoint, answer)
            raise
        with self._limiter.settling(call, host, endpoint, answer):
            yield found

    def _send(self, url: str, path: str, query: Mapping[str, int] | None) -> HttpAnswer:
        if url not in self._proxies:
            self._proxies[url] = dict(proxies_for(url, self._network))
        # Prepared by itself: merged with a session's settings, a call would take a sixth longer, and send cookies back.
        request = requests.Request("GET", url + path, headers=self._headers, params=query).prepare()
        seconds = min(CALL_SECONDS, max(0.001, self._time_left() + 1))
        with (
            deadline(seconds),
            self._session.send(
                request,
                timeout=(connect_seconds(seconds), CALL_SECONDS),
                allow_redirects=False,
                proxies=self._proxies[url],
                stream=True,
            ) as response,
        ):
            read_in_pieces(getattr(response.raw, "_original_response", None))  # what urllib3 reads from
            body = read_capped(response.iter_content(65536))
            # A proxy may quote the request, and parts of an answer go into errors and the database.
            headers = {k.lower(): v.replace(self._key, "***") for k, v in response.headers.items()}
            return HttpAnswer(response.status_code, headers, body.replace(self._key.encode(), b"***"))

    def _milliseconds(self, began: float) -> float:
        return (self._clock.steady() - began) * 1000


def _page(answer: Answer) -> Page:
    found = answer.document
    if not isinstance(found, list):
        raise RiotRefusal(Verdict.UNAVAILABLE, "200, but no list", 200)
    if len(found) > PAGE:
        raise RiotRefusal(Verdict.UNAVAILABLE, f"200, but {len(found)} match ids instead of at most {PAGE}", 200)
    good: list[str] = []
    odd: list[Any] = []
    for each in found:
        (good if isinstance(each, str) and is_match_id(each) else odd).append(each)
    return Page(
        match_ids=tuple(each for each in good if routing.knows(platform_of(each))),
        unroutable=tuple(each for each in good if not routing.knows(platform_of(each))),
        full=len(found) >= PAGE,
        odd=f"{len(odd)} match ids of odd form ({_shown(odd[0])})" if odd else None,
    )


def _shown(value: Any) -> str:
    """In a few characters; of what holds others, only what it is: it may be nested too deeply to be written."""
    if isinstance(value, list | dict):
        return f"a {type(value).__name__}"
    return repr(value[:60] if isinstance(value, str) else value)[:60]


def _field(found: Any, name: str) -> str:
    value = found.get(name) if isinstance(found, dict) else None
    if not isinstance(value, str) or not value:
        raise RiotRefusal(Verdict.UNAVAILABLE, f"200, but without {name}", 200)
    return value.encode("utf-8", "replace").decode()


def _no_answer(error: Exception, url: str) -> RiotRefusal:
    """What to raise where a call to `url` brought no answer."""
    if fault := fault_of_this_machine(error, urlsplit(url).hostname or ""):
        return RiotRefusal(Verdict.LOCAL_FAULT, fault)
    return RiotRefusal(Verdict.UNAVAILABLE, f"no usable answer: {_cause(error)}")


def _cause(error: Exception) -> str:
    """One short line; requests' own texts carry whole object representations."""
    if isinstance(error, DeadlineExceeded | BodyTooLarge):
        return str(error)
    return type(error).__name__


def _limits_of(answer: HttpAnswer) -> str:
    """Riot's limits with their counts, and of a 429 its type, Retry-After and message."""
    stated = [
        f"{name}: {answer.headers[name]}"
        + (f" ({answer.headers[name + '-count']} used)" if name + "-count" in answer.headers else "")
        for name in _LOGGED
        if name in answer.headers
    ]
    if answer.status != 200:
        stated.append(answers.message_of(answer))
    return "".join(f"; {each}" for each in stated)
