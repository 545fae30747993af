"""What a game was worth: never a wrong number, and each number as soon as two readings prove it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import START

from lolslackbot.rank import DIVISIONS, TIERS, Climb, History, RankedGame, Reading, Standing, Worth, climb, worths

MINUTE = timedelta(minutes=1)
GOLD = Standing("GOLD", "II", 45, 30, 20)
HISTORIES = 5_000


def at(minutes: float) -> datetime:
    return START + minutes * MINUTE


def reading(minutes: float, standing: Standing | None) -> Reading:
    return Reading(at(minutes), standing)


def moved(standing: Standing, lp: int, wins: int = 0, losses: int = 0) -> Standing:
    """The same division, so much LP and so many games later."""
    return replace(standing, lp=standing.lp + lp, wins=standing.wins + wins, losses=standing.losses + losses)


def game(number: int, minutes: float, won: bool = True) -> RankedGame:
    return RankedGame(f"EUW1_{number}", at(minutes), won)


def found(readings: list[Reading], games: list[RankedGame], *ends: float) -> dict[str, Worth]:
    return dict(worths(History(readings, games, [*(each.ended_at for each in games), *map(at, ends)])))


# The scale


@pytest.mark.parametrize(
    ("standing", "points", "text"),
    [
        (Standing("IRON", "IV", 0, 0, 0), 0, "Iron IV"),
        (Standing("BRONZE", "IV", 0, 0, 0), 400, "Bronze IV"),
        (Standing("DIAMOND", "I", 99, 0, 0), 2799, "Diamond I"),
        (Standing("MASTER", "", 0, 0, 0), 2800, "Master"),
        (Standing("CHALLENGER", "", 1000, 0, 0), 3800, "Challenger"),
        (Standing("GRANDMASTER", "", 1000, 0, 0), 3800, "Grandmaster"),
    ],
)
def test_points__one_scale(standing: Standing, points: int, text: str) -> None:
    """The apex tiers share theirs: a step between them is no jump."""
    assert (standing.points, str(standing)) == (points, text)


@pytest.mark.parametrize(
    ("worth", "text"),
    [
        (Worth(GOLD, 21), "Gold II 45 LP (+21)"),
        (Worth(GOLD, -18), "Gold II 45 LP (-18)"),
        (Worth(GOLD, 0), "Gold II 45 LP (±0)"),
        (Worth(GOLD, 37, 3), "Gold II 45 LP, +37 in 3 games"),
        (Worth(GOLD), "Gold II 45 LP"),
        (Worth(GOLD, is_placed=True), "placed in Gold II"),
        (Worth(Standing("MASTER", "", 120, 0, 0), 20), "Master 120 LP (+20)"),
    ],
)
def test_worth__as_people_say_it(worth: Worth, text: str) -> None:
    assert str(worth) == text


@pytest.mark.parametrize(
    ("before", "now", "steps"),
    [
        (GOLD, moved(GOLD, 20, wins=1), 0),
        (GOLD, Standing("GOLD", "I", 1, 31, 20), 1),
        (GOLD, Standing("GOLD", "III", 85, 30, 21), -1),
        (Standing("DIAMOND", "I", 90, 0, 0), Standing("MASTER", "", 0, 1, 0), 1),
        (Standing("CHALLENGER", "", 900, 0, 0), Standing("GRANDMASTER", "", 920, 1, 0), -1),
    ],
)
def test_steps__up_and_down(before: Standing, now: Standing, steps: int) -> None:
    """By tier and division, whatever the LP say."""
    assert Worth(now, 1, 1, before).steps == steps


# One game


@pytest.mark.parametrize("difference", [21, 0, 44])
def test_worth__one_game(difference: int) -> None:
    """Whatever the difference: an aegis doubles it, or takes nothing."""
    now = moved(GOLD, difference, wins=1)
    assert found([reading(0, GOLD), reading(32, now)], [game(1, 30)]) == {"EUW1_1": Worth(now, difference, 1, GOLD)}


def test_worth__promotion_is_of_one_game() -> None:
    before, now = Standing("SILVER", "I", 90, 10, 10), Standing("GOLD", "IV", 11, 11, 10)
    (one,) = found([reading(0, before), reading(32, now)], [game(1, 30)]).values()
    assert (one.difference, one.steps) == (21, 1)


def test_worth__nobody_agrees() -> None:
    """Riot counted a win, and the match was lost: the rank alone."""
    now = moved(GOLD, 20, wins=1)
    assert found([reading(0, GOLD), reading(32, now)], [game(1, 30, won=False)]) == {"EUW1_1": Worth(now)}


def test_worth__not_there_yet() -> None:
    """A reading that is behind proves nothing; a later one does."""
    now = moved(GOLD, -18, losses=1)
    games = [game(1, 30, won=False)]
    assert found([reading(0, GOLD), reading(31, GOLD)], games) == {}
    assert found([reading(0, GOLD), reading(31, GOLD), reading(40, now)], games)["EUW1_1"].difference == -18


def test_worth__begun_before_the_end() -> None:
    """What was asked before a game ended says nothing about it, whenever it is answered."""
    assert found([reading(0, GOLD), reading(29, moved(GOLD, 20, wins=1))], [game(1, 30)]) == {}


def test_worth__dodge_between() -> None:
    """LP that moved without a game belong to none."""
    dodged, now = moved(GOLD, -5), moved(GOLD, 15, wins=1)
    assert found([reading(0, GOLD), reading(10, dodged), reading(40, now)], [game(1, 38)])["EUW1_1"].difference == 20


# Several games, and none that is known


def test_worth__several_games() -> None:
    """The sum at the last of them, nothing at the others."""
    now = moved(GOLD, 37, wins=2, losses=1)
    games = [game(1, 30), game(2, 70, won=False), game(3, 110)]
    assert found([reading(0, GOLD), reading(112, now)], games) == {"EUW1_3": Worth(now, 37, 3)}


def test_worth__two_have_ended_and_one_is_counted() -> None:
    """The first is counted first."""
    one, two = moved(GOLD, 20, wins=1), moved(GOLD, 2, wins=1, losses=1)
    games = [game(1, 30), game(2, 50, won=False)]
    told = found([reading(0, GOLD), reading(51, one), reading(54, two)], games)
    assert {match_id: each.difference for match_id, each in told.items()} == {"EUW1_1": 20, "EUW1_2": -18}


def test_worth__a_game_that_is_not_known() -> None:
    """More games than we know of: which one it was worth cannot be said."""
    now = moved(GOLD, 40, wins=2)
    assert found([reading(0, GOLD), reading(32, now)], [game(1, 30)]) == {}


def test_worth__counting_begins_when_all_has_settled() -> None:
    """A first reading soon after some game may be behind: it proves nothing."""
    now = moved(GOLD, 20, wins=1)
    assert found([reading(0, GOLD), reading(32, now)], [game(1, 30)], -59) == {}
    assert found([reading(0, GOLD), reading(32, now)], [game(1, 30)], -60) != {}


def test_worth__reset() -> None:
    """Fewer games than before: no difference, and counting begins anew."""
    fresh = Standing("SILVER", "IV", 0, 1, 0)
    assert found([reading(0, GOLD), reading(32, fresh)], [game(1, 30)]) == {}
    again = moved(fresh, 25, wins=1)
    later = [reading(0, GOLD), reading(200, fresh), reading(242, again)]
    assert found(later, [game(1, 30), game(2, 240)])["EUW1_2"].difference == 25


def test_worth__a_server_that_is_behind() -> None:
    """What was said before something newer is passed over."""
    one, two = moved(GOLD, 20, wins=1), moved(GOLD, 41, wins=2)
    readings = [reading(0, GOLD), reading(31, one), reading(34, GOLD), reading(37, one), reading(70, two)]
    told = found(readings, [game(1, 30), game(2, 68)])
    assert [each.difference for each in told.values()] == [20, 21]


def test_worth__placed() -> None:
    """The first entry after an answer without one."""
    now = Standing("SILVER", "III", 10, 3, 2)
    assert found([reading(0, None), reading(32, now)], [game(1, 30)]) == {"EUW1_1": Worth(now, is_placed=True)}


@pytest.mark.parametrize(
    "readings", [[], [reading(0, GOLD)], [reading(32, GOLD)], [reading(0, GOLD), reading(32, None)]]
)
def test_worth__nothing_is_said(readings: list[Reading]) -> None:
    """Without a reading on both sides, or where the entry is gone."""
    assert found(readings, [game(1, 30)]) == {}


# Random histories against a model that knows the truth


@dataclass
class Life:
    """What truly happened, what Riot says of it when, and what we know."""

    random: Random
    minutes: float = 0.0
    points: int = 1400
    wins: int = 50
    losses: int = 50
    games: list[RankedGame] = field(default_factory=list)  # that we know of
    ends: list[datetime] = field(default_factory=list)
    unknown: list[datetime] = field(default_factory=list)  # ends of games of which we know no more
    differences: dict[str, int] = field(default_factory=dict)
    shown: list[tuple[float, Standing]] = field(default_factory=list)  # from when on, and what
    spoilt: set[str] = field(default_factory=set)  # LP moved without a game beside these
    readings: list[Reading] = field(default_factory=list)

    @property
    def history(self) -> History:
        return History(self.readings, self.games, self.ends, self.unknown)

    def gained(self, after: datetime, until: datetime) -> int:
        """By all games that ended in between."""
        games = zip(self.ends, self.differences.values(), strict=True)
        return sum(difference for end, difference in games if after < end <= until)

    def standing(self) -> Standing:
        if self.points >= 2800:
            return Standing("MASTER", "", self.points - 2800, self.wins, self.losses)
        tier, rest = divmod(self.points, 400)
        return Standing(TIERS[tier], DIVISIONS[rest // 100], rest % 100, self.wins, self.losses)

    def show(self, delay: float) -> None:
        """Riot shows the present state after a while, in order."""
        since = max(self.minutes + delay, self.shown[-1][0] if self.shown else 0.0)
        self.shown.append((since, self.standing()))

    def said(self, stale: bool) -> Standing | None:
        """What Riot answers now; a server that is behind is so by less than an hour."""
        moment = self.minutes - (self.random.uniform(1, 20) if stale else 0)
        seen = [standing for since, standing in self.shown if since <= moment]
        return (seen or [self.shown[0][1]])[-1]

    def play(self, *, is_known: bool = True) -> None:
        self.minutes += self.random.uniform(16, 50)
        won, match_id = self.random.random() < 0.5, f"EUW1_{len(self.differences)}"
        change = self.random.choice([0, 18, 21, 44]) if won else -min(self.points, self.random.choice([0, 17, 22]))
        self.points += change
        self.wins, self.losses = self.wins + won, self.losses + (not won)
        self.differences[match_id] = change
        self.ends.append(at(self.minutes))
        if is_known:
            self.games.append(RankedGame(match_id, at(self.minutes), won))
        else:
            self.unknown.append(at(self.minutes))
        self.show(self.random.choice([0, 0, 1, 3, 12, 40]))

    def dodge(self) -> None:
        """LP move without a game."""
        self.minutes += self.random.uniform(1, 10)
        self.points = max(0, self.points - self.random.choice([5, 15]))
        self.spoil()
        self.show(0)

    def spoil(self) -> None:
        """The game before, of which Riot may not tell yet, and the next: no two readings need fall between."""
        self.spoilt |= {f"EUW1_{len(self.differences) - 1}", f"EUW1_{len(self.differences)}"}

    def reset(self) -> None:
        self.minutes += self.random.uniform(60, 600)
        self.points, self.wins, self.losses = 1000, self.random.randrange(3), 0
        self.spoil()
        self.show(0)

    def read(self) -> None:
        """One look in five fails, one in twenty is answered by a server that is behind."""
        self.minutes += self.random.uniform(0.1, 8)
        if self.random.random() < 0.8:
            self.readings.append(reading(self.minutes, self.said(stale=self.random.random() < 0.05)))

    def rest(self) -> None:
        self.minutes += self.random.uniform(30, 300)


def history(random: Random, *, dodges: bool = True) -> Life:
    """A day or two of somebody's games."""
    told = Life(random)
    told.show(0)
    told.read()
    events: list[Callable[[], None]] = [told.play, told.read, told.rest, told.dodge, told.reset]
    events.append(partial(told.play, is_known=False))
    for _ in range(told.random.randrange(4, 60)):
        (happens,) = told.random.choices(events, [10, 30, 3, dodges, 0.2, 0.3])
        happens()
    told.read()
    return told


def one_game(told: Life) -> dict[str, int]:
    """What each game was worth, where a number is said of it alone."""
    found = worths(told.history)
    return {
        match_id: worth.difference
        for match_id, worth in found.items()
        if worth.games == 1 and worth.difference is not None
    }


def wrongly_attributed(told: Life) -> list[str]:
    return [
        match_id
        for match_id, difference in one_game(told).items()
        if difference != told.differences[match_id] and match_id not in told.spoilt
    ]


@settings(max_examples=60, deadline=None)
@pytest.mark.random
@given(st.randoms(use_true_random=False))
def test_worths__never_a_wrong_number(random: Random) -> None:
    """The same histories, as Hypothesis varies and shortens them."""
    assert wrongly_attributed(history(random)) == []


@pytest.mark.random
def test_worths__random_histories(capsys: pytest.CaptureFixture[str]) -> None:
    """Games, dodges, resets, lag, failed and stale readings, games we do not know of: no number is wrong."""
    played = attributed = wrong = 0
    for seed in range(HISTORIES):
        told = history(Random(seed))
        attributed += len(one_game(told))
        wrong += len(wrongly_attributed(told))
        played += len(told.games)
    with capsys.disabled():
        share = f"{attributed} attributed ({attributed / played:.0%})"
        print(f"\n{HISTORIES} histories, {played} games, {share}, {wrong} wrong")
    assert wrong == 0
    assert attributed > played / 3


def test_worths__all_that_can_be_told() -> None:
    """With a reading between each two games, and none lost, each game has its number."""
    for seed in range(300):
        told = Life(Random(seed))
        told.show(0)
        told.minutes = 61
        told.readings.append(reading(told.minutes, told.said(stale=False)))
        for _ in range(10):
            told.play()
            told.minutes = max(told.minutes, told.shown[-1][0]) + 1
            told.readings.append(reading(told.minutes, told.said(stale=False)))
        found = worths(told.history)
        assert {match_id: each.difference for match_id, each in found.items()} == told.differences


# The way from one moment to another


def way(readings: list[Reading], games: list[RankedGame], *minutes: float) -> Climb | None:
    ends = [each.ended_at for each in games]
    return climb(History(readings, games, ends), list(map(at, minutes)))


def test_climb__between_readings() -> None:
    """Where somebody stood at a moment, the reading before says, or the first one after, if no game lies between."""
    first, last = moved(GOLD, 20, wins=1), moved(GOLD, 5, wins=1, losses=1)
    games = [game(1, 30), game(2, 130, won=False)]
    readings = [reading(0, GOLD), reading(35, first), reading(135, last)]
    assert way(readings, games, 10, 100, 140) == Climb(last, 5, (20, 5))
    assert way(readings, games, 10, 130, 200) == Climb(last, 5, (5, 5))
    assert way(readings, games, 31, 200) == Climb(last, -15, (-15,))


def test_climb__a_reading_after_the_end_counts_until_the_next_game() -> None:
    """The last game of a week is often read when the week is over; what is played next belongs to the next."""
    now = moved(GOLD, 20, wins=1)
    assert way([reading(0, GOLD), reading(65, now)], [game(1, 50)], 10, 60) == Climb(now, 20, (20,))
    after = moved(GOLD, 41, wins=2)
    assert way([reading(0, GOLD), reading(95, after)], [game(1, 50), game(2, 90)], 10, 60) is None


def test_climb__a_moment_that_nothing_is_known_of_repeats_the_one_before() -> None:
    games = [game(1, 30), game(2, 130)]
    readings = [reading(0, GOLD), reading(135, moved(GOLD, 40, wins=2))]
    assert way(readings, games, 10, 100, 140) == Climb(moved(GOLD, 40, wins=2), 40, (0, 40))


@pytest.mark.parametrize(
    "readings",
    [
        [],
        [reading(0, GOLD)],  # nothing after the game
        [reading(65, moved(GOLD, 20, wins=1))],  # nothing before it
        [reading(0, None), reading(65, moved(GOLD, 20, wins=1))],  # placed: there was no way yet
        [reading(0, GOLD), reading(65, Standing("SILVER", "I", 0, 1, 0))],  # a reset
        [reading(0, GOLD), reading(65, moved(GOLD, 20, losses=1))],  # another game than the one we know
    ],
)
def test_climb__not_proved(readings: list[Reading]) -> None:
    assert way(readings, [game(1, 50)], 10, 120) is None


def test_climb__a_reset_in_which_as_many_games_are_counted() -> None:
    """Three games, a reset, then four more: wins and losses are none of those that were played."""
    before, after = Standing("GOLD", "II", 45, 2, 1), Standing("SILVER", "I", 10, 3, 1)
    games = [game(number, 100 * number, won=number < 4) for number in range(1, 5)]
    assert way([reading(0, before), reading(500, after)], games, 10, 600) is None


def test_climb__never_a_wrong_number() -> None:
    """Between any two moments it is what games brought, or none: resets, lag, stale and failed readings."""
    told_of = asked = 0
    for seed in range(HISTORIES // 5):
        told = history(Random(seed), dodges=False)
        first, last = sorted((told.random.uniform(0, told.minutes), told.random.uniform(0, told.minutes)))
        moments = [at(first), at((first + last) / 2), at(last)]
        found = climb(told.history, moments)
        asked += 1
        if found:
            told_of += 1
            assert found.lp == found.curve[-1] == told.gained(moments[0], moments[-1]), seed
    assert told_of > asked / 4
