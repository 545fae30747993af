"""Whose list of matches is asked next, where not all can be asked in one tick. Pure.

Each player is expected to finish so many games an hour: more in the hours of the day in which they mostly play, most
within the hour after a game. What has ended since a list was asked for waits since then; the player whose games are
expected to have waited longest, all of them together, comes next. So whoever hardly ever plays is asked rarely.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

MANY = 50  # players; the lists of fewer fit into what any key allows in a tick
TICK = timedelta(minutes=3)  # from one run to the next, by cron
HOURS = 24
HALF_LIFE = timedelta(days=14)  # of what a game says of the hours in which somebody plays
_DAYS = HALF_LIFE / timedelta(days=1) / math.log(2)  # that count, all in all
SHORTEST = timedelta(minutes=15)  # from one game's end to the next one's: no shorter game counts for anything
LATEST = timedelta(minutes=60)  # from one game's end to the next one's, if it is played at once
PLAYS_ON = 0.75  # how likely that is
_SHORTEST, _LATEST = (each / timedelta(minutes=1) for each in (SHORTEST, LATEST))
_OWN = 0.7  # how far somebody's own hours are believed, beside those of all
_RARE = 0.05  # games a day that are expected of whoever never played
_LOOKED_BACK = 6  # hours for which a rate is told apart by the hour
OFTEN = timedelta(hours=3)  # nobody waits longer than that, or than three rounds in which each is asked once


@dataclass(frozen=True, slots=True)
class Habits:
    """How many games ended in each hour of the day (UTC), as of a moment; older ones count less and less."""

    hours: tuple[float, ...] = (0.0,) * HOURS
    as_of: datetime | None = None  # None: no game is known

    def after(self, ended_at: datetime) -> "Habits":
        """With one more game."""
        faded = self.faded(ended_at)
        hours = [count * faded for count in self.hours]
        hours[ended_at.hour] += 1
        return Habits(tuple(hours), max(ended_at, self.as_of or ended_at))

    def faded(self, now: datetime) -> float:
        """What is left of a game that counted fully then."""
        return 0.5 ** max(0.0, (now - self.as_of) / HALF_LIFE) if self.as_of else 0.0


@dataclass(frozen=True, slots=True)
class Polled:
    """A player whose list may have news."""

    player_id: int
    asked_at: datetime | None  # None: never
    last_game_at: datetime | None
    habits: Habits
    is_expected: bool = False  # another answer of Riot's said that a game was played since


def in_turn(players: Sequence[Polled], a_tick: int, now: datetime) -> list[Polled]:
    """The players in the order in which they are due. a_tick: how many lists can be asked in one."""
    longest = max(OFTEN, 3 * TICK * math.ceil(len(players) / max(1, a_tick)))
    typical = _typical(players)

    def due(player: Polled) -> tuple[float, float, int]:
        if player.asked_at is None or player.is_expected:
            return -math.inf, -math.inf, player.player_id
        age = (now - player.asked_at) / timedelta(minutes=1)
        waited = math.inf if now - player.asked_at >= longest else expected_wait(player, typical, now)
        return -waited, -age, player.player_id

    return sorted(players, key=due)


def take_turns(players: Iterable[Polled]) -> bool:
    """Whether not all lists are asked for in each tick. Of few players they are, unless a host is in trouble."""
    asked = [player.asked_at for player in players if player.asked_at]
    return len(asked) > MANY and max(asked) - min(asked) > 2 * TICK


_GROUPS = (
    ("within 2 hours", timedelta(hours=2)),
    ("within a day", timedelta(days=1)),
    ("within a week", timedelta(days=7)),
    ("longer ago or never", timedelta.max),
)


@dataclass(frozen=True, slots=True)
class Group:
    """Players by when they played last, and how old their lists are: half of them younger than that."""

    played: str
    number: int
    median: timedelta


def groups(players: Iterable[Polled], now: datetime) -> list[Group]:
    """Those in which there is somebody whose list was asked for, who played last in front."""
    ages: dict[str, list[timedelta]] = {}
    for player in players:
        since = now - player.last_game_at if player.last_game_at else timedelta.max
        if player.asked_at:
            played = next(name for name, until in _GROUPS if since <= until)
            ages.setdefault(played, []).append(now - player.asked_at)
    return [
        Group(name, len(ages[name]), sorted(ages[name])[len(ages[name]) // 2]) for name, _ in _GROUPS if name in ages
    ]


def _typical(players: Iterable[Polled]) -> list[float]:
    """How much more is played in each hour of the day than on average, by all of them."""
    hours = [1.0 + sum(counts) for counts in zip(*(player.habits.hours for player in players), strict=True)]
    everything = sum(hours)
    return [HOURS * count / everything for count in hours]


def expected_wait(player: Polled, typical: Sequence[float], now: datetime) -> float:
    """Minutes for which games that ended since the list was asked for are expected to have waited, added up.

    typical: how much more is played in each hour of the day than on average.
    """
    assert player.asked_at
    age = (now - player.asked_at).total_seconds() / 60
    since_last = (now - player.last_game_at).total_seconds() / 60 if player.last_game_at else math.inf
    if since_last < 0:  # by a clock that is behind
        since_last = math.inf
    # Nothing ends within SHORTEST of the last end; the next game of a sitting ends at any moment from then to LATEST.
    furthest = min(age, since_last - _SHORTEST)
    if furthest <= 0:
        return 0.0
    nearest = max(0.0, since_last - _LATEST)
    sitting = PLAYS_ON / (_LATEST - _SHORTEST) * (furthest**2 - nearest**2) / 2 if nearest < furthest else 0.0
    return sitting + _usual_wait(player.habits, typical, furthest, now)


def _usual_wait(habits: Habits, typical: Sequence[float], age: float, now: datetime) -> float:
    """The same by the hours of the day alone: the rate of each hour, times its length, times how long ago it is."""
    hours, faded = habits.hours, habits.faded(now) / _DAYS
    average = sum(hours) / HOURS
    waited = 0.0
    for number in range(_LOOKED_BACK):
        begin = 60.0 * number
        end = age if number == _LOOKED_BACK - 1 else min(age, begin + 60)
        hour = (now.hour - number) % HOURS
        own = (hours[hour] + (hours[hour - 1] + hours[(hour + 1) % HOURS]) / 2) / 2
        games = (_OWN * own + (1 - _OWN) * average * typical[hour]) * faded + _RARE / HOURS * typical[hour]
        waited += games / 60 * (end**2 - begin**2) / 2
        if end >= age:
            break
    return waited
