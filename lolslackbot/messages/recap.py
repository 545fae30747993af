"""What friends did in a week, or some other time: figures from their games, and what of it is worth telling. Pure.

In Arena the upper half of the teams counts as winners, as match-v5 says. Nothing is told of who did worst.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from lolslackbot.game import SWARM, Match, Outcome, Participant
from lolslackbot.messages.game_queues import queue_kind
from lolslackbot.messages.standout import SERIES, SERIES_KINDS, TAKEDOWNS, is_whole
from lolslackbot.rank import NAMES, QUEUES, Climb

TOGETHER = 3  # common games that make a pair
_NOT_AGAINST_PLAYERS = frozenset(("bots", "swarm"))  # kinds of queues


@dataclass(frozen=True, slots=True)
class Figures:
    """One friend's games, summed up. Numbers of None are not known."""

    puuid: str
    name: str
    games: int
    wins: int
    losses: int
    seconds: int
    fights: int  # games in which kills, deaths and assists count
    kills: int | None  # of all of these; None: there was none
    deaths: int | None
    assists: int | None
    penta_kills: int  # that are known
    is_whole: bool  # whether they are known of every game
    queues: tuple[str, ...]  # in which ranked games were played, the most in the first
    queue: str | None = None  # of these the one of `climb`
    climb: Climb | None = None  # as far as it is proved


@dataclass(frozen=True, slots=True)
class BestGame:
    """The won game with the most kills and assists for each death."""

    match_id: str
    participant: Participant


@dataclass(frozen=True, slots=True)
class Pair:
    """Two who played in one team."""

    names: tuple[str, str]
    games: int
    wins: int


@dataclass(frozen=True, slots=True)
class Series:
    """Games won in a row, in one kind of queue."""

    name: str
    kind: str
    wins: int


@dataclass(frozen=True, slots=True)
class Recap:
    """All games of that time; a match that some of the friends won and others lost counts as apart."""

    games: int
    wins: int
    losses: int
    apart: int
    remakes: int
    friends: tuple[Figures, ...]  # who played most comes first
    best_game: BestGame | None
    best_pair: Pair | None
    longest_series: Series | None

    @property
    def summary(self) -> str:
        """`31 games, 18 won, 11 lost`"""
        counts = {
            "game" if self.games == 1 else "games": self.games,
            "won": self.wins,
            "lost": self.losses,
            "against each other": self.apart,
            "remake" if self.remakes == 1 else "remakes": self.remakes,
        }
        return ", ".join(f"{number} {what}" for what, number in counts.items() if number) or "no games"

    @property
    def climber(self) -> Figures | None:
        """Who gained most LP, if anybody gained."""
        gained = [each for each in self.friends if each.climb and each.climb.lp > 0]
        return max(gained, key=lambda each: each.climb.lp if each.climb else 0, default=None)

    @property
    def with_pentakills(self) -> tuple[Figures, ...]:
        found = (each for each in self.friends if each.penta_kills)
        return tuple(sorted(found, key=lambda each: -each.penta_kills))


def recap(matches: Sequence[Match]) -> Recap:
    """The figures of matches, the oldest first; their participants are the friends whom it is about."""
    matches = _told_apart(matches)
    results = Counter(map(_result, matches))
    return Recap(
        games=len(matches),
        wins=results["won"],
        losses=results["lost"],
        apart=results["apart"],
        remakes=results["remake"],
        friends=_everyone(matches),
        best_game=_best_game(matches),
        best_pair=_best_pair(matches),
        longest_series=_longest_series(matches),
    )


def _result(match: Match) -> str:
    if not match.outcome.is_decided:
        return "remake" if match.outcome is Outcome.REMAKE else "nobody won"
    wins = {each.win for each in match.participants}
    return "apart" if len(wins) > 1 else "won" if wins == {True} else "lost"


# One friend


def _everyone(matches: Iterable[Match]) -> tuple[Figures, ...]:
    games: dict[str, list[tuple[Match, Participant]]] = defaultdict(list)
    for match in matches:
        for participant in match.participants:
            games[participant.puuid].append((match, participant))
    everyone = [_figures(each) for each in games.values()]
    return tuple(sorted(everyone, key=lambda each: (-each.games, -each.wins, -each.seconds, each.name.casefold())))


def _figures(games: Sequence[tuple[Match, Participant]]) -> Figures:
    newest = games[-1][1]
    decided = [each.win for match, each in games if match.outcome.is_decided]
    counted = [each for match, each in games if _counts_kills(match)]
    pentakills = [each.penta_kills for match, each in games if against_players(match)]
    ranked = Counter(QUEUES[match.queue_id] for match, _ in games if is_ranked(match))

    def total(number: Callable[[Participant], int]) -> int | None:
        return sum(map(number, counted)) if counted else None

    return Figures(
        puuid=newest.puuid,
        name=newest.name,
        games=len(games),
        wins=sum(decided),
        losses=decided.count(False),
        seconds=sum(match.duration for match, _ in games),
        fights=len(counted),
        kills=total(lambda each: each.kills),
        deaths=total(lambda each: each.deaths),
        assists=total(lambda each: each.assists),
        penta_kills=sum(filter(None, pentakills)),
        is_whole=None not in pentakills,
        queues=tuple(sorted((queue for queue in NAMES if ranked[queue]), key=lambda queue: -ranked[queue])),
    )


def is_ranked(match: Match) -> bool:
    """Whether it moves somebody on the ladder."""
    return match.queue_id in QUEUES and match.outcome.is_decided


def against_players(match: Match) -> bool:
    """Whether feats count in it: it was played to an end, and not against bots or a swarm."""
    return match.outcome.is_decided and queue_kind(match.queue_id, match.game_mode) not in _NOT_AGAINST_PLAYERS


def _counts_kills(match: Match) -> bool:
    """A remake is over before anything counts, and in Swarm nobody fights players."""
    return match.outcome is not Outcome.REMAKE and match.game_mode != SWARM


# What is worth telling


def _best_game(matches: Iterable[Match]) -> BestGame | None:
    found = [
        BestGame(match.match_id, each)
        for match in matches
        if against_players(match) and is_whole(match)
        for each in match.participants
        if each.win and each.kills + each.assists >= TAKEDOWNS
    ]
    return max(found, key=_quality, default=None)


def _quality(game: BestGame) -> tuple[float, int]:
    each = game.participant
    return (each.kills + each.assists) / max(each.deaths, 1), each.kills


def _best_pair(matches: Iterable[Match]) -> Pair | None:
    """Who won the greatest share of their common games; of as great ones, of the most games."""
    wins: dict[tuple[str, str], list[bool]] = defaultdict(list)
    names: dict[str, str] = {}
    for match in matches:
        for one, other in combinations(match.participants, 2):
            if match.outcome.is_decided and (one.team_id, one.subteam) == (other.team_id, other.subteam):
                wins[min(one.puuid, other.puuid), max(one.puuid, other.puuid)].append(one.win)
                names |= {one.puuid: one.name, other.puuid: other.name}
    pairs = [
        Pair((names[one], names[other]), len(won), sum(won))
        for (one, other), won in wins.items()
        if len(won) >= TOGETHER and any(won)
    ]
    return max(pairs, key=lambda pair: (pair.wins / pair.games, pair.games), default=None)


def _longest_series(matches: Iterable[Match]) -> Series | None:
    """A remake neither goes on with a series nor ends it."""
    running: Counter[tuple[str, str]] = Counter()
    longest: Series | None = None
    for match in matches:
        kind = queue_kind(match.queue_id, match.game_mode)
        if kind not in SERIES_KINDS or not match.outcome.is_decided:
            continue
        for each in match.participants:
            running[each.puuid, kind] = running[each.puuid, kind] + 1 if each.win else 0
            wins = running[each.puuid, kind]
            if wins >= SERIES and (longest is None or wins > longest.wins):
                longest = Series(each.name, kind, wins)
    return longest


def _told_apart(matches: Sequence[Match]) -> list[Match]:
    """Where two friends have one name, each gets the tag to it."""
    friends = {each.puuid: each.name.casefold() for match in matches for each in match.participants}
    number = Counter(friends.values())

    def called(each: Participant) -> Participant:
        is_only_one = number[friends[each.puuid]] == 1
        return each if is_only_one else replace(each, name=f"{each.name}#{each.tag_line}")

    return [replace(match, participants=tuple(map(called, match.participants))) for match in matches]
