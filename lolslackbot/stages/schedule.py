"""What a run of fetch-matches still has to ask, and in which order: matches before lists, hosts side by side."""

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from lolslackbot.model import Player, game_id_of, platform_of
from lolslackbot.poll import in_turn
from lolslackbot.riot import routing
from lolslackbot.riot.client import MATCH, MATCH_IDS
from lolslackbot.riot.limiter import Limiter
from lolslackbot.shares import WHOLE, Share
from lolslackbot.stages.run import Run
from lolslackbot.stages.upstream import HostHealth, KeySuspicion
from lolslackbot.store import matches, players, riot_hosts
from lolslackbot.store.database import Database

logger = logging.getLogger(__name__)

T = TypeVar("T")

LISTS = 0.85  # of what a run may ask a host; the rest is for matches
CALLS_A_SECOND = 10  # that one process makes: Riot takes a tenth of a second for each
PROBE_INTERVAL = timedelta(minutes=30)  # where a host gives no match at all


def host_of_match(match_id: str) -> str:
    """The host that is asked for a match."""
    return routing.match_region(platform_of(match_id))


def host_of_player(player: Player) -> str:
    """The host that is asked for a player's list."""
    return routing.match_region(player.platform)


def lists_in_order(db: Database, limiter: Limiter, seconds: float, now: datetime, share: Share = WHOLE) -> list[Player]:
    """A share's tracked players in the order in which their lists are asked for.

    As long as a host's lists fit into what a run may ask there, the longest unasked come first; else where news is
    likelier. seconds: that a run may take.
    """
    longest_unasked = players.poll_order(db, share)
    by_host: dict[str, list[Player]] = {}
    for player in longest_unasked:
        by_host.setdefault(host_of_player(player), []).append(player)
    turns = {host: iter(_in_turn(db, group, limiter, seconds, now, share)) for host, group in by_host.items()}
    return [next(turns[host_of_player(player)]) for player in longest_unasked]  # hosts take turns as before


def lists_in_a_run(host: str, limiter: Limiter, seconds: float, share: Share = WHOLE) -> int | None:
    """How many lists a share of a run can ask for there, and some matches; None where no limit is known."""
    allowance = limiter.allowance(host, MATCH_IDS, seconds)
    if allowance is None:
        return None
    return math.floor(LISTS * min(allowance / share.of, CALLS_A_SECOND * seconds))


def _in_turn(
    db: Database, group: Sequence[Player], limiter: Limiter, seconds: float, now: datetime, share: Share
) -> Sequence[Player]:
    a_run = lists_in_a_run(host_of_player(group[0]), limiter, seconds, share)
    if a_run is None or len(group) <= a_run:
        return group
    logger.debug("%d lists, of which a run asks for about %d: likelier news first", len(group), a_run)
    known = {player.player_id: player for player in group}
    polled = [each for each in players.polled(db, share) if each.player_id in known]
    return [known[each.player_id] for each in in_turn(polled, a_run, now)]


class Lanes(Generic[T]):
    """Items in one order, with a lane for each host: a full host does not hold up the others."""

    def __init__(self, host_of: Callable[[T], str], items: Iterable[T] = ()) -> None:
        """The items in the order in which they are due."""
        self._host_of = host_of
        self._lanes: dict[str, deque[tuple[int, T]]] = {}  # with each item's place in the common order
        self._first = 0
        for place, item in enumerate(items, start=1):
            self._lanes.setdefault(host_of(item), deque()).append((place, item))

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def hosts(self) -> list[str]:
        """The hosts for which something waits, the one whose first item is due first in front."""
        return [host for _, host in sorted((lane[0][0], host) for host, lane in self._lanes.items() if lane)]

    def take(self) -> T:
        """Removes what is due first of all. Raises IndexError when nothing waits."""
        return self.take_from(self.hosts()[0])

    def take_from(self, host: str) -> T:
        """Removes the first item of a host's lane."""
        return self._lanes[host].popleft()[1]

    def put_first(self, item: T) -> None:
        """The item is due before all others."""
        self._first -= 1
        self._lanes.setdefault(self._host_of(item), deque()).appendleft((self._first, item))

    def drop(self, unwanted: Callable[[T], bool]) -> None:
        """Removes the items for which `unwanted` is true."""
        for lane in self._lanes.values():
            kept = [entry for entry in lane if not unwanted(entry[1])]
            lane.clear()
            lane.extend(kept)


class Schedule:
    """A share's wanted matches and players whose list is due; and whose puuid may be another key's."""

    def __init__(self, db: Database, run: Run, limiter: Limiter, health: HostHealth, key: KeySuspicion) -> None:
        self._db, self._clock, self._limiter, self._health, self._key = db, run.clock, limiter, health, key
        self._share, self._began = run.share, run.clock.now()
        self.tried: set[int] = set()  # players whose list was asked for in this run
        self._settled: set[int] = set()  # those whose puuid is good, or known to be of no use
        self._doubted = {player.player_id: host_of_player(player) for player in self._doubted_of_share()}
        self.waiting_hosts: set[str] = set()  # gave no match since the first 404 of one that waits
        ordered = lists_in_order(db, limiter, run.max_seconds, run.clock.now(), run.share)
        doubted_first = sorted(ordered, key=lambda player: player.player_id not in self._doubted)
        self.players = Lanes(host_of_player, doubted_first)
        self.reload_matches()

    def __len__(self) -> int:
        return len(self.matches) + len(self.players)

    def reload_matches(self) -> None:
        """Reads what is wanted now, in its order among all: a list is not always in that order."""
        probes = (match_id for match_id in self._probes() if self._share.has(game_id_of(match_id)))
        due = [*matches.to_look_at(self._db, self._clock.now(), self._share), *probes]
        self.matches = Lanes(host_of_match, (match_id for match_id in due if match_id not in self._key))

    def _probes(self) -> Iterator[str]:
        """Of the matches that a host may lack only for now: one every half-hour, and all once it gave another."""
        self.waiting_hosts.clear()
        now = self._clock.now()
        for waiting in matches.to_probe(self._db, now):
            host = routing.match_region(waiting.platform)
            known = riot_hosts.find(self._db, host)
            if known.returned_match_since(waiting.missing_since):
                yield waiting.match_id
            elif host not in self.waiting_hosts:
                self.waiting_hosts.add(host)
                if known.probed_at is None or now - known.probed_at >= PROBE_INTERVAL:
                    yield waiting.match_id

    def heads(self) -> Iterator[tuple[str, str]]:
        """Host and endpoint of what can be asked next, in the order in which it is due."""
        doubted = {*self._doubted.values(), *self._doubted_by_others()} if self.matches else set()
        for host in self.matches.hosts():
            if not self._health.is_open(host) and not self._may_name_a_doubted_player(host, doubted):
                yield host, MATCH
        for host in self.players.hosts():
            if not self._health.is_open(host):
                yield host, MATCH_IDS

    def _may_name_a_doubted_player(self, host: str, doubted: Iterable[str]) -> bool:
        """Whether a match there may name somebody whose puuid under a new key can be had first."""
        return any(
            each == host or not self._limiter.free_at(each, MATCH_IDS)
            for each in doubted
            if not self._health.is_open(each)
        )

    def _doubted_of_share(self) -> list[Player]:
        return [player for player in players.doubted(self._db) if self._share.has(player.player_id)]

    def _doubted_by_others(self) -> set[str]:
        """The hosts of players whose puuid any process came to doubt, and whose list is still to be asked for."""
        if self._share.is_whole:
            return set()
        return {host_of_player(player) for player in players.doubted(self._db, asked_before=self._began)}

    def drop_what_is_over(self) -> bool:
        """Drops matches that were given up and players that were untracked meanwhile; whether there were any."""
        now: datetime = self._clock.now()
        waiting = (each.match_id for each in matches.to_probe(self._db, now))
        due = {*matches.to_look_at(self._db, now, self._share), *waiting}
        tracked = players.tracked_ids(self._db)
        number = len(self)
        self.matches.drop(lambda match_id: match_id not in due)
        self.players.drop(lambda player: player.player_id not in tracked)
        return len(self) < number

    # A new key: puuids are encrypted for one key family

    def settle(self, player: Player) -> None:
        """The puuid is good, or known to be of no use: no match need wait for this player."""
        self._settled.add(player.player_id)
        self.stop_doubting(player)

    def stop_doubting(self, player: Player) -> None:
        """No match waits for this player any longer in this run."""
        self._doubted.pop(player.player_id, None)

    def doubt_all(self) -> None:
        """The key changed: no match is asked for before every tracked player's list was."""
        players.doubt_puuids(self._db, self._settled)
        for player in self._doubted_of_share():
            if player.player_id not in self.tried or player.player_id in self._doubted:
                self._doubted[player.player_id] = host_of_player(player)

    def unsettled_in(self, match_id: str, named: Iterable[Player]) -> set[int]:
        """The tracked players whose list has a match that does not name them, if their puuid may be another key's."""
        known = {player.player_id for player in named}
        return matches.tracked_in_list(self._db, match_id) - known - self._settled

    def put_after_lists(self, match_id: str, player_ids: Iterable[int]) -> None:
        """Asks for a match again once those players' lists were asked for."""
        for player in players.with_ids(self._db, player_ids):
            self.drop_player(player)
            self.players.put_first(player)
            self._doubted[player.player_id] = host_of_player(player)
        self.matches.put_first(match_id)

    def drop_player(self, player: Player) -> None:
        self.players.drop(lambda other: other.player_id == player.player_id)
