"""Ranks as values, and what a game was worth: said only where two readings of league-v4 prove it. No I/O."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

TIERS = ("IRON", "BRONZE", "SILVER", "GOLD", "PLATINUM", "EMERALD", "DIAMOND", "MASTER", "GRANDMASTER", "CHALLENGER")
APEX = frozenset(("MASTER", "GRANDMASTER", "CHALLENGER"))  # no divisions, and one scale of points for all three
DIVISIONS = ("IV", "III", "II", "I")
SOLO, FLEX, OTHER = "RANKED_SOLO_5x5", "RANKED_FLEX_SR", "other ranked"  # league-v4 `queueType`
QUEUES = {420: SOLO, 440: FLEX, 710: OTHER}  # of match-v5's `queueId`; of the last one, Riot's name is not certain
NAMES = {SOLO: "solo", FLEX: "flex", OTHER: "team"}
_LONG_AGO, _FAR_AHEAD = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
SETTLED = timedelta(hours=1)  # after a game's end its win or loss is counted: minutes are what is seen


@dataclass(frozen=True, slots=True)
class Standing:
    """A player's place in one ranked queue (an entry of league-v4)."""

    tier: str
    division: str  # 'IV' to 'I'; '' in the apex tiers
    lp: int
    wins: int
    losses: int

    @property
    def games(self) -> int:
        """How many games of this season are counted."""
        return self.wins + self.losses

    @property
    def points(self) -> int:
        """The whole ladder on one scale, in LP: a division has 100, a tier 400, the apex tiers are one."""
        if self.tier in APEX:
            return 400 * TIERS.index("MASTER") + self.lp
        return 400 * TIERS.index(self.tier) + 100 * DIVISIONS.index(self.division) + self.lp

    @property
    def step(self) -> tuple[int, int]:
        """Tier and division, for comparing: LP alone moves nobody."""
        return TIERS.index(self.tier), DIVISIONS.index(self.division) if self.division else 0

    @property
    def text(self) -> str:
        """With its LP: `Gold II 45 LP`."""
        return f"{self} {self.lp} LP"

    def __str__(self) -> str:
        return f"{self.tier.capitalize()} {self.division}".strip()


@dataclass(frozen=True, slots=True)
class Reading:
    """What league-v4 said of one queue; standing None: it answered, and there was no entry."""

    asked_at: datetime  # before the request was sent: a game that ended later is certainly not in it
    standing: Standing | None


@dataclass(frozen=True, slots=True)
class RankedGame:
    """A game that counts in a ranked queue: no remake."""

    match_id: str
    ended_at: datetime
    won: bool


@dataclass(frozen=True, slots=True)
class Worth:
    """What is known of a player's rank after a game."""

    standing: Standing
    difference: int | None = None  # LP on the one scale; None: not proved
    games: int = 1  # that the difference is of
    before: Standing | None = None  # where exactly one game lies between
    is_placed: bool = False  # the first entry after none

    @property
    def steps(self) -> int:
        """Whether that one game changed tier or division: 1 up, -1 down, 0 neither."""
        if self.before is None:
            return 0
        return (self.standing.step > self.before.step) - (self.standing.step < self.before.step)

    def __str__(self) -> str:
        """As people say it: `Gold II 45 LP (+21)`."""
        if self.is_placed:
            return f"placed in {self.standing}"
        if self.difference is None:
            return self.standing.text
        difference = f"{self.difference:+}" if self.difference else "±0"
        said = f"({difference})" if self.games == 1 else f"{difference} in {self.games} games"
        return f"{self.standing.text}{' ' if self.games == 1 else ', '}{said}"


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a player in one ranked queue, each the oldest first."""

    readings: Sequence[Reading]
    games: Sequence[RankedGame]  # that count in that queue
    ends: Sequence[datetime]  # of all games of the player, in whatever queue
    unknown: Sequence[datetime] = ()  # of those of which queue or winner is not known


def worths(history: History) -> Mapping[str, Worth]:
    """What each game was worth, by match id, as far as it is proved.

    Wins and losses count the games between two readings, and nothing else does. Counting begins at a reading before
    which no game had ended for an hour: that one is not behind. From there on, n games more are the n that ended next;
    where the number, or who won, says otherwise, or a game is not known, counting begins anew. A dodge moves LP without
    a game; where it falls between the two readings around a game, it cannot be told from it.
    """
    found: dict[str, Worth] = {}
    for _ in _counted(history, found):
        pass
    return found


@dataclass(frozen=True, slots=True)
class Climb:
    """A player's way on the ladder, from one moment to another."""

    standing: Standing  # at its end
    lp: int  # gained or lost, on the one scale
    curve: tuple[int, ...]  # the same up to each moment; where it is not known there, as at the one before


def climb(history: History, moments: Sequence[datetime]) -> Climb | None:
    """The way from the first of the moments to the last, None where it is not proved.

    It is proved where both ends are, and where wins and losses between them are those of the games between them: so no
    reset lies there.
    """
    standings = _standings_at(history, moments)
    first, last = standings[0], standings[-1]
    if first is None or last is None:
        return None
    between = [game.won for game in history.games if moments[0] < game.ended_at <= moments[-1]]
    unknown = sum(moments[0] < end <= moments[-1] for end in history.unknown)
    won, lost = last.wins - first.wins - sum(between), last.losses - first.losses - between.count(False)
    if won < 0 or lost < 0 or won + lost > unknown:
        return None
    curve: list[int] = []
    for standing in standings[1:]:
        before = curve[-1] if curve else 0
        curve.append(standing.points - first.points if standing else before)
    return Climb(last, last.points - first.points, tuple(curve))


def _standings_at(history: History, moments: Sequence[datetime]) -> list[Standing | None]:
    """Where the player stood at each moment: as the last reading before says, or else the first one after.

    Only a reading counts in which are the games that had ended by then, and no other.
    """
    counted = list(_counted(history, {}))
    found: list[Standing | None] = []
    for moment in moments:
        right = [each for each in counted if each.last_end <= moment < each.next_end]
        before = [each for each in right if each.reading.asked_at <= moment]
        chosen = before[-1] if before else right[0] if right else None
        found.append(chosen.reading.standing if chosen else None)
    return found


@dataclass(frozen=True, slots=True)
class _Counted:
    """A reading, when the last game that is in it ended, and when the first one that is not."""

    reading: Reading
    last_end: datetime
    next_end: datetime


def _counted(history: History, found: dict[str, Worth]) -> Iterator[_Counted]:
    """The readings of which it is known which games are in them; adds what these were worth."""
    count: _Count | None = None
    for reading in history.readings:
        if count and count.is_stale(reading):
            continue
        goes_on = count is not None and count.read(reading, history, found)
        if not goes_on:
            is_settled = not any(reading.asked_at - SETTLED < end <= reading.asked_at for end in history.ends)
            count = _Count(reading) if is_settled else None
        if count:
            yield count.bounds(reading, history)


class _Count:
    """Readings from one on that is known to be whole."""

    def __init__(self, base: Reading) -> None:
        self._base = self._last = base
        self._seen = [base.standing]

    def bounds(self, reading: Reading, history: History) -> _Counted:
        """Which games are in the newest reading: those up to the base's, and as many more as it counts."""
        base, known = self._base, [game.ended_at for game in history.games]
        later = [end for end in known if end > base.asked_at]
        number = reading.standing.games - base.standing.games if reading.standing and base.standing else 0
        earlier = [end for end in (*known, *history.unknown) if end <= base.asked_at]
        not_in_it = [*later[number:], *(end for end in history.unknown if end > base.asked_at)]
        last_end = later[number - 1] if number else max(earlier, default=_LONG_AGO)
        return _Counted(reading, last_end, min(not_in_it, default=_FAR_AHEAD))

    def is_stale(self, reading: Reading) -> bool:
        """Whether it says what was said before something newer: a server that is behind."""
        return reading.standing in self._seen[:-1] and reading.standing != self._last.standing

    def read(self, reading: Reading, history: History, found: dict[str, Worth]) -> bool:
        """Adds what the reading proves; whether the count goes on."""
        if any(self._base.asked_at < end <= reading.asked_at for end in history.unknown):
            return False
        ended = [game for game in history.games if self._base.asked_at < game.ended_at <= reading.asked_at]
        before, now = self._last.standing, reading.standing
        if before is None or now is None:
            if now and ended:
                found[ended[-1].match_id] = Worth(now, is_placed=True)
            return before is None and now is None
        assert self._base.standing
        counted, known = now.games - self._base.standing.games, before.games - self._base.standing.games
        if counted < known or counted > len(ended):  # a reset; or a game that is not known here
            return False
        between = ended[known:counted]
        wins = sum(game.won for game in between)
        agrees = (now.wins - before.wins, now.losses - before.losses) == (wins, len(between) - wins)
        if between:
            found[between[-1].match_id] = _worth(before, now, len(between)) if agrees else Worth(now)
        self._last = reading
        self._seen.append(now)
        return agrees


def _worth(before: Standing, now: Standing, games: int) -> Worth:
    return Worth(now, now.points - before.points, games, before if games == 1 else None)
