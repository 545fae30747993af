"""A Riot API on loopback: account-v1, match-v5, league-v4 and spectator-v5, with keys, routing, limits and faults.

Paths, error bodies and routing values are those of the official reference (developer.riotgames.com/apis).
"""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from random import Random
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote
from uuid import NAMESPACE_OID, uuid5

from lolslackbot.sandbox.games import RANKED, Human, Plan, as_hidden, make_active, make_body
from lolslackbot.sandbox.limits import Limits, Ruling, Scope
from lolslackbot.sandbox.mishaps import JSON, Answer, Mishap
from lolslackbot.sandbox.server import Call, Handle, Loopback, Recorded

REGIONS = {
    "americas": ("br1", "la1", "la2", "na1"),
    "asia": ("jp1", "kr"),
    "europe": ("eun1", "euw1", "me1", "ru", "tr1"),
    "sea": ("oc1", "sg2", "tw2", "vn2", "ph2", "th2"),
}
REGION_OF = {platform: region for region, platforms in REGIONS.items() for platform in platforms}
ACCOUNT_REGIONS = ("americas", "asia", "europe")  # account-v1 is not offered at sea

_ENDPOINTS = [
    (name, re.compile(pattern), regions)
    for name, pattern, regions in (
        ("account", r"/riot/account/v1/accounts/by-riot-id/([^/]+)/([^/]+)", ACCOUNT_REGIONS),
        ("account-by-puuid", r"/riot/account/v1/accounts/by-puuid/([^/]+)", ACCOUNT_REGIONS),
        ("region", r"/riot/account/v1/region/by-game/(lol|tft)/by-puuid/([^/]+)", ACCOUNT_REGIONS),
        ("match-ids", r"/lol/match/v5/matches/by-puuid/([^/]+)/ids", tuple(REGIONS)),
        ("match", r"/lol/match/v5/matches/([^/]+)", tuple(REGIONS)),
        ("league", r"/lol/league/v4/entries/by-puuid/([^/]+)", tuple(REGION_OF)),
        ("spectator", r"/lol/spectator/v5/active-games/by-summoner/([^/]+)", tuple(REGION_OF)),
    )
]
_MESSAGES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Data not found",
    405: "Method not allowed",
    415: "Unsupported media type",
    429: "Rate limit exceeded",
    500: "Internal server error",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway timeout",
}


@dataclass(frozen=True)
class Player:
    """An account as the present key sees it."""

    puuid: str
    game_name: str
    tag_line: str
    platform: str

    @property
    def riot_id(self) -> str:
        """`GameName#TAG`."""
        return f"{self.game_name}#{self.tag_line}"


@dataclass(frozen=True)
class Rank:
    """A player's entry for one type of queue. tier None: an entry without one, as Arena has."""

    tier: str | None
    division: str = "I"
    lp: int = 0
    wins: int = 0
    losses: int = 0

    def as_entry(self, puuid: str, queue_type: str) -> dict[str, Any]:
        """As the API shows it."""
        league: dict[str, Any] = {}
        if self.tier is not None:
            league_id = str(uuid5(NAMESPACE_OID, f"{queue_type} {self.tier}"))
            league = {"leagueId": league_id, "tier": self.tier, "rank": self.division}
        return {
            **league,
            "puuid": puuid,
            "queueType": queue_type,
            "leaguePoints": self.lp,
            "wins": self.wins,
            "losses": self.losses,
            **dict.fromkeys(("hotStreak", "veteran", "freshBlood", "inactive"), False),
        }


_Change = Callable[[Rank | None], Rank | None]


@dataclass(kw_only=True)
class Request(Recorded):
    """One request to Riot. `path` is percent-decoded, without routing value; `raw` is the target as sent."""

    method: str
    routing: str
    endpoint: str
    path: str
    raw: str
    query: dict[str, str]
    parameters: tuple[str, ...] = field(default=(), repr=False)
    ruling: Ruling = field(default_factory=lambda: Ruling({}), repr=False)


@dataclass(frozen=True)
class _Listed:
    """What the list endpoint knows of a game; times in milliseconds."""

    ended: int
    created: int
    queue: int


@dataclass
class Active:
    """A game in progress, and a test's to change. `fields` go over what spectator-v5 would say by itself.

    phase: 'loading' (no times), 'countdown' (a negative length, and not all players) or 'on'.
    """

    body: dict[str, Any]
    began: float  # by this server's clock
    phase: Literal["loading", "countdown", "on"] = "on"
    hidden: frozenset[str] = frozenset()  # puuids of who is in streamer mode
    fields: dict[str, Any] = field(default_factory=dict)

    def shown(self, now: float) -> dict[str, Any]:
        """As the API shows it."""
        everyone = [as_hidden(each) if each["puuid"] in self.hidden else each for each in self.body["participants"]]
        began, length = round(self.began * 1000), round(now - self.began)
        if self.phase == "loading":
            began = length = 0
        elif self.phase == "countdown":
            length, everyone = -30, everyone[:-3]
        return {**self.body, "participants": everyone, "gameStartTime": began, "gameLength": length, **self.fields}


class Riot(Loopback[Request]):
    """`matches`, `lists` and `active` are what it serves, and a test's to change; a value of bytes is sent as it is."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.key = f"RGAPI-{_hashed(seed, 'key')[:32]}"
        self.limits = Limits()
        self.ignore_filters = False  # as in February 2026, when lists came back a year deep
        self.matches: dict[str, Any] = {}
        self.lists: dict[str, list[str]] = {}
        self.active: dict[str, Active] = {}  # games in progress, by match id
        self.queue_types = dict(RANKED)  # what league-v4 calls them, by queue
        self.rank_lag = 0.0  # seconds, by this server's clock, until an entry shows a game that is added from now on
        self.refused: list[Request] = []  # sent although a window was full or a Retry-After had not passed
        self._seed = seed
        self._players: dict[str, Player] = {}  # by person, a name that no key change touches
        self._people: dict[str, str] = {}  # person by puuid, of any key
        self._games: dict[str, _Listed] = {}  # whatever a test makes of the body
        self._ranks: dict[str, dict[str, list[tuple[float, _Change]]]] = {}  # by person, type of queue; since when
        self._numbers: dict[str, int] = {}  # newest game id by platform
        self._holds: dict[Scope, float] = {}

    # What a test sets up

    def add_player(self, riot_id: str, platform: str = "euw1") -> Player:
        """A new account with an empty list."""
        if platform not in REGION_OF:
            raise ValueError(f"no platform {platform!r}")
        with self._lock:
            person = f"player {len(self._players)}"
            game_name, _, tag_line = riot_id.rpartition("#")
            self._players[person] = Player(self._puuid(person), game_name, tag_line, platform)
            self.lists[self._players[person].puuid] = []
            return self._players[person]

    @property
    def players(self) -> list[Player]:
        """All accounts, with the puuids that are good now."""
        with self._lock:
            return list(self._players.values())

    def current(self, player: Player) -> Player:
        """The same account as it is now, after a change of key or name."""
        with self._lock:
            return self._players[self._people[player.puuid]]

    def rename(self, player: Player, riot_id: str) -> Player:
        """Changes a Riot ID; past games keep the old one."""
        with self._lock:
            game_name, _, tag_line = riot_id.rpartition("#")
            renamed = replace(self.current(player), game_name=game_name, tag_line=tag_line)
            self._players[self._people[player.puuid]] = renamed
            return renamed

    def move(self, player: Player, platform: str) -> Player:
        """Moves an account to another platform: the puuid stays, list and ranks there begin anew."""
        if platform not in REGION_OF:
            raise ValueError(f"no platform {platform!r}")
        with self._lock:
            moved = replace(self.current(player), platform=platform)
            self._players[self._people[player.puuid]] = moved
            self.lists[moved.puuid] = []
            self._ranks.pop(self._people[player.puuid], None)
            return moved

    def set_rank(self, player: Player, rank: Rank | None, queue_type: str = RANKED[420]) -> None:
        """What the entry says at once, whatever was still to show. None: no entry (unplaced, reset)."""
        self._change_rank(player.puuid, queue_type, lambda _: rank)

    def move_lp(self, player: Player, lp: int, queue_type: str = RANKED[420]) -> None:
        """A dodge, decay or correction: LP move at once, wins and losses do not."""
        self._change_rank(player.puuid, queue_type, lambda rank: rank and replace(rank, lp=rank.lp + lp))

    def change_key(self, key: str) -> None:
        """Another project's key: puuids are encrypted per key, so every one of them changes."""
        with self._lock:
            good = {self._puuid(person): person for person in set(self._people.values())}
            self.key = key
            new = {puuid: self._puuid(person) for puuid, person in good.items()}
            for person, player in self._players.items():
                self._players[person] = replace(player, puuid=new[player.puuid])
            self.lists = {new.get(puuid, puuid): ids for puuid, ids in self.lists.items()}
            self.matches = {match_id: _translated(body, new) for match_id, body in self.matches.items()}
            for game in self.active.values():
                game.body = _translated(game.body, new)
                game.hidden = frozenset(new.get(puuid, puuid) for puuid in game.hidden)

    def add_game(
        self,
        players: Sequence[Player],
        *,
        queue: int = 420,
        ended: datetime | None = None,
        duration: int = 1800,
        listed: bool = True,
        win: bool = True,
        remake: bool = False,
        surrender: bool = False,
        aborted: bool = False,
        old_names: bool = False,
        placement: int | None = None,
        sides: dict[str, int] | None = None,
        stats: dict[str, dict[str, Any]] | None = None,
        info: dict[str, Any] | None = None,
        lp: Mapping[str, int | Rank] | None = None,
        match_id: str | None = None,
        lingers: bool = False,
    ) -> str:
        """A finished game of these players and as many strangers as the queue needs; answers its id.

        `win` and `placement` (Arena) are those of the first player's team; `sides` (100, 200) and `stats`
        (fields to override) go by puuid; `info` overrides fields of the body's info.

        `lp`, by puuid, counts a win or a loss in league-v4 after `rank_lag`: a number is added to the LP of who has
        an entry; of a Rank, tier, division and LP are taken (promotion, demotion, placement).

        match_id: of `start_game`, which is over by this; `lingers`: but shown for a while yet. Of Clash spectator-v5
        shows another id than the game gets in the end.
        """
        if lp and (remake or aborted or queue not in self.queue_types):
            raise ValueError(f"a game of queue {queue} that moves no LP")
        with self._lock:
            now = [self.current(player) for player in players]
            match_id = match_id or self._next_id({each.platform for each in now})
            if not lingers:
                self.active.pop(match_id, None)
            plan = Plan(
                match_id=match_id,
                queue=queue,
                ended=round((ended.timestamp() if ended else time.time()) * 1000),
                duration=duration,
                win=win,
                remake=remake,
                surrender=surrender,
                aborted=aborted,
                old_names=old_names,
                placement=placement,
                sides={self._now(puuid): side for puuid, side in (sides or {}).items()},
                stats={self._now(puuid): fields for puuid, fields in (stats or {}).items()},
                info=info or {},
            )
            humans = [Human(each.puuid, each.game_name, each.tag_line) for each in now]
            body = make_body(plan, humans, self._puuid, Random(f"{self._seed} {match_id}"))
            created = body["info"]["gameCreation"] or plan.ended - duration * 1000
            self.matches[match_id], self._games[match_id] = body, _Listed(plan.ended, created, queue)
            if listed:
                for each in now:
                    self._list(each.puuid, match_id)
            won = {each["puuid"]: each["win"] for each in body["info"]["participants"]}
            for puuid, moved in (lp or {}).items():
                change = partial(_played, lp=moved, won=won[self._now(puuid)])
                self._change_rank(puuid, self.queue_types[queue], change, self.rank_lag)
            return match_id

    def start_game(
        self,
        players: Sequence[Player],
        *,
        queue: int = 420,
        began: datetime | None = None,
        phase: Literal["loading", "countdown", "on"] = "on",
        hidden: Sequence[Player] = (),
        custom: bool = False,
        sides: dict[str, int] | None = None,
    ) -> str:
        """A game in progress, from a minute ago on where nothing else is said; answers its id.

        hidden: who is in streamer mode. custom: as Clash is shown too. It is shown until `stop_game` or `add_game`.
        """
        with self._lock:
            now = [self.current(player) for player in players]
            match_id = self._next_id({each.platform for each in now})
            plan = Plan(match_id, queue, 0, 0, sides={self._now(puuid): side for puuid, side in (sides or {}).items()})
            humans = [Human(each.puuid, each.game_name, each.tag_line) for each in now]
            body = make_active(plan, humans, self._puuid, Random(f"{self._seed} {match_id}"))
            if custom:
                body["gameType"] = "CUSTOM"
            start = began.timestamp() if began else self._time() - 60
            puuids = frozenset(self.current(player).puuid for player in hidden)
            self.active[match_id] = Active(body, start, phase, puuids)
            return match_id

    def stop_game(self, match_id: str) -> None:
        """It is over, and shown no more."""
        with self._lock:
            self.active.pop(match_id, None)

    def misbehave(
        self,
        mishap: Mishap,
        endpoint: str | None = "match",
        path: str | None = None,
        routing: str | None = None,
        times: int | None = None,
    ) -> Handle[Request]:
        """Plays a mishap on requests to an endpoint (None: any), `times` times (None: always); oldest first.

        path: a regular expression searched in the decoded path.
        """

        def meets(request: Request) -> bool:
            return (
                endpoint in (None, request.endpoint)
                and routing in (None, request.routing)
                and (path is None or re.search(path, request.path) is not None)
            )

        return self._add(mishap, meets, times)

    def _puuid(self, person: str) -> str:
        puuid = _hashed(self._seed, f"{self.key} {person}")[:78]
        self._people[puuid] = person
        return puuid

    def _now(self, puuid: str) -> str:
        return self._puuid(self._people[puuid]) if puuid in self._people else puuid

    def _next_id(self, platforms: set[str]) -> str:
        if len(platforms) != 1:
            raise ValueError("a game has players, all of one platform")
        prefix = platforms.pop().upper()
        start = 7_000_000_000 + self._seed % 1000 * 1_000_000
        step = Random(f"{self._numbers} {prefix}").randint(1, 999)
        self._numbers[prefix] = self._numbers.get(prefix, start) + step
        return f"{prefix}_{self._numbers[prefix]}"

    def _list(self, puuid: str, match_id: str) -> None:
        """Newest first: a game added late with an early time fills a gap in between, as lagging lists do."""
        ids = self.lists.setdefault(puuid, [])
        ended = self._games[match_id].ended
        ages = {each: self._games[each].ended for each in ids if each in self._games}
        older = (place for place, each in enumerate(ids) if each in ages and ages[each] <= ended)
        ids.insert(next(older, len(ids)), match_id)

    def _change_rank(self, puuid: str, queue_type: str, change: _Change, lag: float = 0) -> None:
        with self._lock:
            since = self._time() + lag if lag else 0
            ranks = self._ranks.setdefault(self._people[puuid], {})
            ranks.setdefault(queue_type, []).append((since, change))

    # How a request is answered

    def _read(self, call: Call) -> Request:
        raw_path, _, raw_query = call.target.partition("?")
        routing, slash, rest = raw_path.lstrip("/").partition("/")
        endpoint, parameters = _endpoint(slash + rest)
        return Request(
            headers=call.headers,
            method=call.verb,
            routing=routing,
            endpoint=endpoint,
            path=unquote(slash + rest),
            raw=call.target,
            query=dict(parse_qsl(raw_query, keep_blank_values=True)),
            parameters=parameters,
        )

    def _refuse(self, request: Request) -> Answer | None:
        if request.routing not in REGIONS and request.routing not in REGION_OF:
            return None  # in truth there is no such host
        request.ruling = self.limits.count(request.routing, request.endpoint, request.at)
        scopes = ((request.routing, ""), (request.routing, request.endpoint))
        held = any(request.at < self._holds.get(scope, 0) for scope in scopes)
        if held or request.ruling.full:
            self.refused.append(request)
        if not request.ruling.full:
            return None
        headers = {"X-Rate-Limit-Type": request.ruling.full}
        if self.limits.retry_after:
            headers["Retry-After"] = str(request.ruling.retry_after)
        return Answer(429, None, headers)

    def _finish(self, request: Request, answer: Answer) -> Answer:
        """Limit headers on all that the API itself says; `server` 429s and web pages come from below it."""
        kind = answer.headers.get("X-Rate-Limit-Type")
        wait = answer.headers.get("Retry-After", "")
        if answer.status == 429 and wait.isdecimal():
            scope = (request.routing, "" if kind == "application" else request.endpoint)
            self._holds[scope] = max(self._holds.get(scope, 0), time.monotonic() + int(wait))
        if kind == "server" or answer.content_type != JSON:
            return answer
        return replace(answer, headers={**request.ruling.headers, **answer.headers})

    def _usual_body(self, request: Request, status: int) -> tuple[bytes, str]:
        return _error(status).body or b"", JSON

    def _unapplied(self, request: Request) -> Answer:
        return self._work(request)  # a GET has no effect to hold back

    def _work(self, request: Request) -> Answer:
        regions = next((regions for name, _, regions in _ENDPOINTS if name == request.endpoint), ())
        if request.routing not in REGIONS and request.routing not in REGION_OF:
            return _error(400, f"Bad request - Invalid routing value {request.routing}")
        if "x-riot-token" not in request.headers:
            return _error(401)
        if request.headers["x-riot-token"] != self.key or request.endpoint == "unknown":
            return _error(403)
        if request.routing not in regions:
            return _error(400, f"Bad request - Invalid routing value {request.routing}")
        if request.method != "GET":
            return _error(405)
        match request.endpoint:
            case "account":
                return self._account_by_riot_id(*request.parameters)
            case "match":
                return self._match(request.routing, request.parameters[0])
        return self._of_player(request)

    def _account_by_riot_id(self, game_name: str, tag_line: str) -> Answer:
        wanted = f"{game_name}#{tag_line}"
        for player in self._players.values():
            if player.riot_id.casefold() == wanted.casefold():
                return _account(player)
        message = f"Data not found - No results found for player with riot id {wanted}"
        return _json({"status": {"status_code": 404, "message": message}}, 404)

    def _of_player(self, request: Request) -> Answer:
        """The endpoints that take a puuid, which must be of the present key."""
        puuid = request.parameters[-1]
        if self._now(puuid) != puuid or puuid not in self._people:
            return _error(400, f"Bad Request - Exception decrypting {puuid}")
        player = self._players.get(self._people[puuid])
        at_home = player is not None and request.routing in (player.platform, REGION_OF[player.platform])
        if request.endpoint == "match-ids":
            return self._ids(self.lists.get(puuid, []) if at_home else [], request)
        if request.endpoint == "league":
            return _json(self._entries(puuid) if at_home else [])
        if request.endpoint == "spectator":
            return self._active(puuid if at_home else "")
        if player is None:  # a stranger: plays, but has no account
            return _error(404)
        if request.endpoint == "account-by-puuid":
            return _account(player)
        return _json({"puuid": puuid, "game": request.parameters[0], "region": player.platform})

    def _ids(self, ids: list[str], request: Request) -> Answer:
        try:
            numbers = {name: int(value) for name, value in request.query.items() if name != "type"}
        except ValueError:
            return _error(400)
        kind = request.query.get("type", "")
        start, count = numbers.get("start", 0), numbers.get("count", 20)
        if start < 0 or not 0 <= count <= 100 or kind not in ("", "ranked", "normal", "tourney", "tutorial"):
            return _error(400)
        kept = ids if self.ignore_filters else [each for each in ids if self._passes(each, numbers, kind)]
        return _json(kept[start : start + count])

    def _passes(self, match_id: str, numbers: dict[str, int], kind: str) -> bool:
        if match_id not in self._games:  # an id that a test wrote into the list
            return True
        game = self._games[match_id]
        return (
            numbers.get("startTime", 0) * 1000 <= game.created <= numbers.get("endTime", 1 << 40) * 1000
            and numbers.get("queue", game.queue) == game.queue
            and kind in ("", "ranked" if game.queue in RANKED else "normal")
        )

    def _entries(self, puuid: str) -> list[dict[str, Any]]:
        """What shows by now: each change builds on those before it that show too."""
        entries, now = [], self._time()
        for queue_type, changes in self._ranks.get(self._people[puuid], {}).items():
            rank: Rank | None = None
            for since, change in changes:
                rank = change(rank) if since <= now else rank
            if rank:
                entries.append(rank.as_entry(puuid, queue_type))
        return entries

    def _active(self, puuid: str) -> Answer:
        """404, whose body has a shape of its own, also for who is in streamer mode."""
        now = self._time()
        for game in self.active.values():
            shown = game.shown(now)
            if any(each["puuid"] == puuid for each in shown["participants"]):
                return _json(shown)
        detail = {"errorCode": "NOT_FOUND", "message": "Not Found", "implementationDetails": "filtered"}
        return _json({"httpStatus": 404, **detail}, 404)

    def _match(self, routing: str, match_id: str) -> Answer:
        region = REGION_OF.get(match_id.partition("_")[0].lower())
        if region != routing or match_id not in self.matches:
            return _error(404, "Data not found - match file not found")
        body = self.matches[match_id]
        return Answer(200, body) if isinstance(body, bytes) else _json(body)


def _endpoint(raw_path: str) -> tuple[str, tuple[str, ...]]:
    """Each part of the path is decoded once, by itself, so that an encoded slash stays within its part."""
    for name, pattern, _ in _ENDPOINTS:
        if found := pattern.fullmatch(raw_path):
            return name, tuple(unquote(part) for part in found.groups())
    return "unknown", ()


def _played(before: Rank | None, lp: int | Rank, won: bool) -> Rank | None:
    """Who was not placed stays so, unless a Rank is given; its wins and losses are then those before this game."""
    if isinstance(lp, Rank):
        after = replace(lp, wins=before.wins, losses=before.losses) if before else lp
    elif before:
        after = replace(before, lp=before.lp + lp)
    else:
        return None
    return replace(after, wins=after.wins + won, losses=after.losses + (not won))


def _hashed(seed: int, text: str) -> str:
    """86 characters of A-Z a-z 0-9 _ and -, the same for the same seed and text."""
    return base64.urlsafe_b64encode(hashlib.sha512(f"{seed} {text}".encode()).digest()).decode().rstrip("=")


def _translated(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _translated(each, words) for key, each in value.items()}
    if isinstance(value, list):
        return [_translated(each, words) for each in value]
    return words.get(value, value) if isinstance(value, str) else value


def _account(player: Player) -> Answer:
    return _json({"puuid": player.puuid, "gameName": player.game_name, "tagLine": player.tag_line})


def _error(status: int, message: str | None = None) -> Answer:
    text = message or _MESSAGES.get(status, "Error")
    return _json({"status": {"message": text, "status_code": status}}, status)


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), content_type=JSON)
