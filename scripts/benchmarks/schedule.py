"""How long news waits until a list is asked for, where not all can be: our order, round robin, and one that knows all.

A model of habits: of each three players one plays nearly every evening, one about weekly, one hardly ever; a sitting
has one to seven games. Riot lists a game as it ends, and what a tick lists it fetches. The order is our own code.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from benchmarks import frame
from lolslackbot.poll import TICK, Habits, Polled, in_turn

PLAYERS = (90, 300, 500, 1000)
A_TICK = 85  # lists: what 100 calls in two minutes leave beside matches
LEARNT, MEASURED = 7, 7  # days, one after the other
OFTEN = (0.9, 1 / 7, 1 / 30)  # how likely a player of each third plays on a day
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class Friend:
    """A player of the model: when their games end, and how many of these were fetched."""

    ends: Sequence[datetime]
    fetched: int = 0

    def waiting(self, now: datetime) -> Sequence[datetime]:
        return [end for end in self.ends[self.fetched : self.fetched + 8] if end <= now]


Order = Callable[[Sequence[Polled], Sequence[Friend], datetime], Sequence[int]]


def round_robin(players: Sequence[Polled], _friends: Sequence[Friend], _now: datetime) -> Sequence[int]:
    return [each.player_id for each in sorted(players, key=lambda each: each.asked_at or BEGIN)]


def ours(players: Sequence[Polled], _friends: Sequence[Friend], now: datetime) -> Sequence[int]:
    return [each.player_id for each in in_turn(players, A_TICK, now)]


def oracle(_players: Sequence[Polled], friends: Sequence[Friend], now: datetime) -> Sequence[int]:
    """Asks only whose game has ended, who waits longest first."""
    waiting = {number: found[0] for number, friend in enumerate(friends) if (found := friend.waiting(now))}
    return sorted(waiting, key=lambda number: waiting[number])


def evenings(third: int, random: Random, days: int) -> list[datetime]:
    """When somebody's games end."""
    usual, ends = random.gauss(20.5, 1.2), []
    for day in range(days):
        if random.random() < OFTEN[third]:
            hour = usual + random.gauss(0, 1) if random.random() < 0.85 else random.uniform(10, 24)
            moment = BEGIN + timedelta(days=day, hours=hour)
            for _ in range(random.randint(1, 7)):
                moment += random.uniform(4, 12) * MINUTE + random.uniform(22, 38) * MINUTE
                ends.append(moment)
    return sorted(ends)


def waits(order: Order, number: int) -> list[float]:
    """Minutes from each game's end, in the second week, to the tick that fetches it."""
    random, days = Random(1), LEARNT + (1 if frame.once else MEASURED)
    friends = [Friend(evenings(each % 3, random, days)) for each in range(number)]
    players = [Polled(each, None, None, Habits()) for each in range(number)]
    found: list[float] = []
    for tick in range(round(timedelta(days=days + 1) / TICK)):
        now = BEGIN + tick * TICK
        for each in order(players, friends, now)[:A_TICK]:
            ends = _ask(players, friends, each, now)
            found += [(now - end) / MINUTE for end in ends if end >= BEGIN + timedelta(days=LEARNT)]
    return sorted(found)


def _ask(players: list[Polled], friends: Sequence[Friend], number: int, now: datetime) -> Sequence[datetime]:
    """The games that one list brings."""
    player, friend = players[number], friends[number]
    ends = friend.waiting(now)
    friend.fetched += len(ends)
    habits = player.habits
    for end in ends:
        habits = habits.after(end)
    last = ends[-1] if ends else player.last_game_at
    players[number] = replace(player, asked_at=now, last_game_at=last, habits=habits)
    return ends


def main() -> None:
    print(f'{A_TICK} lists a tick of {TICK / MINUTE:.0f} minutes; minutes from "Riot lists it" to "fetched"\n')
    print("| players | | median | mean | 95th percentile |")
    print("|---|---|---|---|---|")
    for number in PLAYERS[:1] if frame.once else PLAYERS:
        for order in (round_robin, ours, oracle):
            found = waits(order, number)
            middle, late = statistics.median(found), found[int(len(found) * 0.95)]
            name = order.__name__.replace("_", " ")
            print(f"| {number} | {name} | {middle:.1f} | {statistics.mean(found):.1f} | {late:.1f} |", flush=True)
