"""A digest's figures are those of an independent count over Riot's raw answers, in fifty random months.

The count is written from what the figures mean, shares no code with the bot, and knows neither its database nor its
words beyond how a figure is spelt. Where ties leave more than one answer right, each of them is taken.
"""

import html
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support import Bot, Command, read_everyone, store_match

from lolslackbot.model import RiotId
from lolslackbot.sandbox import Player, Rank, Sandbox
from lolslackbot.sandbox.blocks import fault_of, shown
from lolslackbot.store import players, sqlite
from lolslackbot.store.database import Database

pytestmark = pytest.mark.sqlite_only

Json = dict[str, Any]

WORLDS = 50
FETCHED = 5  # of them through the real `track` and `fetch-matches`, which take a few times as long
WEEKS = 5
A_MONTH_AND_MORE = "5000000"  # seconds for which a game is news
# Berlin, Los Angeles, Kolkata and Auckland, as POSIX writes them: a machine need not know them by name.
ZONES = (
    "UTC0",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "PST8PDT,M3.2.0,M11.1.0",
    "IST-5:30",
    "NZST-12NZDT,M9.5.0,M4.1.0/3",
)
NAMES = (
    "Ahri Fan#EUW", "Ahri Fan#ONE", "🦊 Fuchs#EUW", "<!channel>#EUW", "*bold*#EUW", "_Bär_ & ~Co~#EUW", "螃蟹#JP1",
    "🐸🎲 `x`#0001", "<@U1>#EUW", ":tada:#EUW",
)  # fmt: skip
KINDS = {
    420: "ranked", 440: "ranked", 450: "aram", 400: "normal", 1700: "arena", 1830: "swarm", 880: "bots", 700: "clash",
}  # fmt: skip
SEATS = {1830: 3}  # friends that have room in a game, where that is fewer than five
SIDES = {880: (100,), 1700: (100, 200)}  # that friends take, where it is not mostly the first
WISHES = ("ranked", "aram,arena", "ranked,450", "normal,420", "swarm,bots", "clash,arena,normal", "1700,440,aram")
SERIES = {"ranked": "ranked", "normal": "normal", "aram": "ARAM", "clash": "Clash"}  # kinds that have some, in words
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


# The count


@dataclass(frozen=True)
class Game:
    """What a channel heard of: a raw answer, and what it says of the channel's friends in it, by Riot ID."""

    body: Json
    friends: dict[str, Json]

    @property
    def info(self) -> Json:
        info: Json = self.body["info"]
        return info

    @property
    def kind(self) -> str:
        return KINDS[self.info["queueId"]]

    @property
    def seconds(self) -> int:
        return int(self.info["gameDuration"])

    @property
    def is_decided(self) -> bool:
        return not self.has_flag("gameEndedInEarlySurrender")

    @property
    def is_against_players(self) -> bool:
        return self.kind not in ("bots", "swarm")

    @property
    def has_scores(self) -> bool:
        """Whether kills and deaths mean something."""
        return self.is_decided and self.info["gameMode"] != "STRAWBERRY"

    def has_flag(self, name: str) -> bool:
        return any(each[name] for each in self.info["participants"])

    def wins(self) -> set[bool]:
        """What the channel's friends came to: both, if they played against each other."""
        return {each["win"] for each in self.friends.values()}

    def are_together(self, one: str, other: str) -> bool:
        if not {one, other} <= self.friends.keys():
            return False
        names = ("teamId", "playerSubteamId") if self.kind == "arena" else ("teamId",)
        return all(self.friends[one][name] == self.friends[other][name] for name in names)


def end_of(body: Json) -> int:
    """In milliseconds, as Riot advises: `gameEndTimestamp` can lie well after the real end, in Swarm by minutes."""
    longest = max(each["timePlayed"] for each in body["info"]["participants"])
    return int(body["info"]["gameStartTimestamp"]) + 1000 * int(longest)


def summary_of(games: list[Game]) -> str:
    """`31 games, 18 won, 11 lost, 1 against each other, 1 remake`"""
    outcomes = Counter(tuple(sorted(each.wins())) if each.is_decided else None for each in games)
    remakes = outcomes[None]
    numbers = {
        "won": outcomes[True,],
        "lost": outcomes[False,],
        "against each other": outcomes[False, True],
        "remake" if remakes == 1 else "remakes": remakes,
    }
    parts = [f"{number} {words}" for words, number in numbers.items() if number]
    return ", ".join([games_in_words(len(games)), *parts])


def figures_of(games: list[Game]) -> dict[str, Json]:
    """By Riot ID, what `leaderboard --json` has to say of them."""
    return {friend: _figures(friend, games) for friend in {name for game in games for name in game.friends}}


def _figures(friend: str, games: list[Game]) -> Json:
    mine = [game for game in games if friend in game.friends]
    decided = [game for game in mine if game.is_decided]
    wins = sum(game.friends[friend]["win"] for game in decided)
    scored = [game.friends[friend] for game in mine if game.has_scores]
    pentakills = [game.friends[friend]["pentaKills"] for game in decided if game.is_against_players]
    sums = {name: sum(each[name] for each in scored) if scored else None for name in ("kills", "deaths", "assists")}
    return {
        "player": friend,
        "games": len(mine),
        "wins": wins,
        "losses": len(decided) - wins,
        **sums,
        "pentakills": sum(pentakills),
        "seconds": sum(game.seconds for game in mine),
    }


def place_of(figures: Json) -> tuple[int, int, int]:
    """The higher, the further up."""
    return figures["games"], figures["wins"], figures["seconds"]


def most_played(figures: dict[str, Json], games: list[Game]) -> set[tuple[str, str, str]]:
    if len(figures) < 2 or not any(game.is_decided for game in games):
        return set()
    first = max(map(place_of, figures.values()))
    return {
        (friend, str(each["games"]), time_in_words(each["seconds"]))
        for friend, each in figures.items()
        if place_of(each) == first
    }


def best_games(games: list[Game]) -> set[tuple[str, str, str]]:
    """Friend, `4/1/13` and the game's number."""
    found: dict[tuple[str, str, str], tuple[Fraction, int]] = {}
    for game in games:
        least = 900 if game.has_flag("gameEndedInSurrender") else 600
        if not (game.is_decided and game.is_against_players and game.seconds >= least):
            continue
        for friend, each in game.friends.items():
            kills, deaths, assists = each["kills"], each["deaths"], each["assists"]
            if each["win"] and kills + assists >= 5:
                said = friend, f"{kills}/{deaths}/{assists}", str(game.info["gameId"])
                found[said] = Fraction(kills + assists, max(deaths, 1)), kills
    return best(found)


def best_pairs(games: list[Game]) -> set[tuple[frozenset[str], str, str]]:
    """The two friends, games won and games played."""
    found: dict[tuple[frozenset[str], str, str], tuple[Fraction, int]] = {}
    friends = {name for game in games for name in game.friends}
    for one, other in combinations(sorted(friends), 2):
        common = [game for game in games if game.is_decided and game.are_together(one, other)]
        won = sum(game.friends[one]["win"] for game in common)
        if won and len(common) >= 3:
            found[frozenset((one, other)), str(won), str(len(common))] = Fraction(won, len(common)), len(common)
    return best(found)


def longest_series(games: list[Game]) -> set[tuple[str, str, str]]:
    """Friend, length and kind of queue."""
    running: Counter[tuple[str, str]] = Counter()
    longest: Counter[tuple[str, str]] = Counter()
    for game in sorted(games, key=lambda game: end_of(game.body)):
        for friend, each in game.friends.items() if game.is_decided and game.kind in SERIES else ():
            series = friend, game.kind
            running[series] = running[series] + 1 if each["win"] else 0
            longest[series] = max(longest[series], running[series])
    return best({(friend, str(n), SERIES[kind]): (n,) for (friend, kind), n in longest.items() if n >= 3})


def best(found: dict[Any, Any]) -> set[Any]:
    """All that nothing is better than."""
    return {each for each, worth in found.items() if worth == max(found.values())}


def games_in_words(number: int) -> str:
    return "1 game" if number == 1 else f"{number} games"


def time_in_words(seconds: int) -> str:
    """`7h 05m`"""
    hours, minutes = divmod((seconds + 30) // 60, 60)
    return f"{hours}h {minutes:02}m" if hours else f"{minutes}m"


def scores_in_words(friend: str, figures: Json, games: list[Game]) -> str:
    """`4.1/6.5/7.9` a game, half up; '' where they count in none."""
    number = sum(friend in game.friends and game.has_scores for game in games)
    tenths = [(20 * figures[name] + number) // (2 * number) for name in ("kills", "deaths", "assists") if number]
    return "/".join(f"{each // 10}.{each % 10}" for each in tenths)


# What happens


class World:
    """A random month, and the bot that is to sum it up. Games come in two halves, between which wishes may change."""

    def __init__(self, seed: int, sandbox: Sandbox, bot: Bot, run: Command, most_games: int = 120) -> None:
        self.rng, self.sandbox, self.bot, self._run = Random(seed), sandbox, bot, run
        rng, today = self.rng, date.today()
        monday = today - timedelta(days=today.weekday())
        self.mondays = [monday - timedelta(weeks=weeks) for weeks in range(WEEKS, 0, -1)]
        self._queues = rng.sample(list(KINDS), rng.choice((1, 2, 3, 5, 8)))
        self._luck = rng.choice((0.1, 0.5, 0.7, 0.9))
        self._most = rng.choice((3, 4, 8, 20))
        platform = rng.choice(("euw1", "kr", "na1"))
        self.friends = [sandbox.riot.add_player(name, platform) for name in rng.sample(NAMES, rng.randint(2, 8))]
        self._plans = [self._plan(ended) for ended in self._ends(most_games)]
        self.channels = [f"C{number}" for number in range(rng.randint(1, 3))]
        self.since = {
            (channel, friend.puuid): self._since()
            for channel in self.channels
            for friend in rng.sample(self.friends, rng.randint(1, len(self.friends)))
        }
        self._wishes = {channel: self._two_wishes() for channel in self.channels}
        self.halves: list[list[str]] = []  # ids of the matches in it

    def _two_wishes(self) -> tuple[str, str]:
        """What a channel wants to hear of, in either half."""
        first, second = (self.rng.choice(("all", "all", self.rng.choice(WISHES))) for _ in range(2))
        return first, self.rng.choice((first, second))

    def _ends(self, most: int) -> list[datetime]:
        """When games end, also exactly where one week becomes the next, and a millisecond before."""
        borders = [self.midnight(self.mondays[0] + timedelta(weeks=weeks)) for weeks in range(WEEKS + 1)]
        moments = {border - each for border in borders for each in (0, 1) if self.rng.random() < 0.5}
        number = 20 + int((most - 19) * self.rng.random() ** 6)
        while len(moments) < number:
            moments.add(self.rng.randrange(borders[0], borders[-1]))
        return [moment_of(each) for each in sorted(moments)]

    def _plan(self, ended: datetime) -> Json:
        """How a game goes, as `add_game` takes it."""
        rng = self.rng
        queue = rng.choice(self._queues)
        who = rng.sample(self.friends, rng.randint(1, min(len(self.friends), SEATS.get(queue, 5))))
        duration = rng.choice((rng.randint(1000, 2600), rng.randint(1000, 2600), 599, 600, 899, 900))
        plan = {
            "players": who,
            "queue": queue,
            "ended": ended,
            "duration": duration,
            "win": rng.random() < self._luck,
            "remake": rng.random() < 0.08,
            "surrender": rng.random() < 0.2,
            "sides": {each.puuid: rng.choice(SIDES.get(queue, (100, 100, 100, 200))) for each in who},
            "stats": {each.puuid: self._stats() for each in who},
        }
        if queue == 1830 and rng.random() < 0.5:  # without the pauses by which Swarm's two ends differ
            length = min(duration, 210) if plan["remake"] else duration
            plan["info"] = {"gameStartTimestamp": milliseconds(ended) - 1000 * length}
        return plan

    def _stats(self) -> Json:
        """Small numbers in some worlds, so that games are as good as each other."""
        most = self._most
        return {
            "kills": self.rng.randint(0, most),
            "deaths": self.rng.randint(0, self.rng.choice((2, 7))),
            "assists": self.rng.randint(0, most),
            "pentaKills": self.rng.choices((0, 1, 2), (90, 8, 2))[0],
        }

    def _since(self) -> int:
        """Long ago, or a moment within the month, also the one in which a game ended and the one after that."""
        if self.rng.random() < 0.7:
            return milliseconds(LONG_AGO)
        return milliseconds(self.rng.choice(self._plans)["ended"]) + self.rng.choice((0, 1, self.rng.randint(2, 10**9)))

    def midnight(self, day: date) -> int:
        return milliseconds(datetime.fromtimestamp(time.mktime((day.year, day.month, day.day, 0, 0, 0, 0, 0, -1)), UTC))

    def live(self, load: Callable[[], None]) -> None:
        """The month passes. load: brings the sandbox's games into the database."""
        middle = self.rng.randrange(len(self._plans))
        for half, plans in enumerate((self._plans[:middle], self._plans[middle:])):
            for channel, wishes in self._wishes.items():
                ranks = "off" if self.rng.random() < 0.3 else "on"
                self.succeed("channels", "set", channel, "--queues", wishes[half], "--ranks", ranks)
            self.halves.append([self.sandbox.riot.add_game(**plan) for plan in plans])
            load()
            self.succeed("build-messages")
            assert self.bot.rows("SELECT match_id FROM matches WHERE state = 'stored' AND built_at IS NULL") == []

    def succeed(self, *arguments: str, **environment: str) -> str:
        result = self._run(*arguments, **environment)
        assert result.status == 0, result
        return result.out

    def heard(self, channel: str, week: int) -> list[Game]:
        """The games of a week that a channel heard of."""
        begins, ends = (self.midnight(self.mondays[0] + timedelta(weeks=each)) for each in (week, week + 1))
        since = {puuid: moment for (where, puuid), moment in self.since.items() if where == channel}
        games = [
            self._game(match_id, since)
            for half, wish in zip(self.halves, self._wishes[channel], strict=True)
            for match_id in half
            if is_wanted(wish, self.sandbox.riot.matches[match_id]["info"]["queueId"])
        ]
        return [game for game in games if game.friends and begins <= end_of(game.body) < ends]

    def everything(self) -> list[Game]:
        """All games, with all friends."""
        since = {friend.puuid: 0 for friend in self.friends}
        return [self._game(match_id, since) for half in self.halves for match_id in half]

    def _game(self, match_id: str, since: dict[str, int]) -> Game:
        """A game with those in it whose puuids are given, each with the moment from which on games count."""
        body = self.sandbox.riot.matches[match_id]
        everyone = {each["puuid"]: each for each in body["info"]["participants"]}
        names = {friend.puuid: friend.riot_id for friend in self.friends}
        heard = (puuid for puuid in everyone if puuid in since and since[puuid] <= end_of(body))
        return Game(body, {names[puuid]: everyone[puuid] for puuid in heard})


def is_wanted(wish: str, queue: int) -> bool:
    return not {"all", KINDS[queue], str(queue)}.isdisjoint(wish.split(","))


def milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def moment_of(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def text_of(milliseconds: int) -> str:
    return f"{moment_of(milliseconds):%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"


# What the bot says


def check(world: World) -> None:
    """Every channel's every week."""
    weeks = [f"{monday:%G-W%V}" for monday in world.mondays]
    for week in weeks:
        world.succeed("digest", "--week", week)
    rows = world.bot.rows(
        "SELECT subject, channel_id, text, blocks, plainer_blocks FROM messages WHERE kind = 'digest'"
    )
    digests = {(subject, channel): forms for subject, channel, *forms in rows}
    for channel in world.channels:
        for number, week in enumerate(weeks):
            games = world.heard(channel, number)
            said = world.succeed("leaderboard", "--channel", channel, "--week", week, "--json")
            check_leaderboard(json.loads(said), figures_of(games))
            forms = digests.pop((f"week {week}", channel), None)
            assert (forms is not None) == bool(games)
            if forms:
                check_digest(forms, games)
    assert digests == {}


def check_leaderboard(said: list[Json], figures: dict[str, Json]) -> None:
    """In the right order, with the right numbers; LP are another matter."""
    for each in said:
        assert {name: each[name] for name in figures[each["player"]]} == figures[each["player"]]
    assert len(said) == len(figures)
    places = [place_of(each) for each in said]
    assert places == sorted(places, reverse=True)


def check_digest(forms: list[str], games: list[Game]) -> None:
    """All three forms: within Slack's limits, and with the same figures."""
    figures, (text, *both_blocks) = figures_of(games), forms
    assert len(text) <= 3000
    assert "<" not in text
    lines = html.unescape(text).splitlines()
    check_words(lines, games, figures)
    rows = [line.removesuffix(" LP").replace(" a game", "").partition(": ")[0::2] for line in lines[-len(figures) :]]
    check_rows(rows, figures, games, games_in_words)
    for each in both_blocks:
        form = json.loads(each)
        assert fault_of(form) is None
        check_words(shown(form).splitlines(), games, figures)
        (table,) = (block for block in form if block["type"] in ("table", "data_table"))
        cells = [[cell["text"] for cell in row] for row in table["rows"][1:]]
        check_rows([(row[0], ", ".join(row[1:])) for row in cells], figures, games, str)


def check_rows(rows: list[Any], figures: dict[str, Json], games: list[Game], number: Callable[[int], str]) -> None:
    """A row is a name and figures with commas between; beside ours, those may be LP and rank."""
    friends = [friend_of(name, figures) for name, _ in rows]
    assert sorted(friends) == sorted(figures)
    places = [place_of(figures[friend]) for friend in friends]
    assert places == sorted(places, reverse=True)
    for friend, (_, said) in zip(friends, rows, strict=True):
        each = figures[friend]
        scores = scores_in_words(friend, each, games)
        expected = [number(each["games"]), f"{each['wins']}–{each['losses']}", scores, time_in_words(each["seconds"])]
        if not scores:
            expected.remove(scores)
            assert not re.search(r"\d/\d", said)
        assert [part for part in said.split(", ") if part in expected] == expected


def check_words(lines: list[str], games: list[Game], figures: dict[str, Json]) -> None:
    """The summary and the highlights, of which each is there if, and only if, there is something to tell."""

    def said(pattern: str) -> list[Any]:
        found = [re.fullmatch(r"\S+ " + pattern, line) for line in lines]
        return [match.groups() for match in found if match]

    def friend(name: str) -> str:
        return friend_of(name, figures)

    assert lines[0].partition(": ")[2] == summary_of(games)
    most = said(r"(.+) played most: (\d+) games?, (.+)")
    check_one([(friend(name), *rest) for name, *rest in most], most_played(figures, games))
    top = said(r"(.+ had the b|B)est game: .* (\d+/\d+/\d+) .*/(\d+)>?")
    names = [name.removesuffix(" had the b") if len(figures) > 1 else next(iter(figures)) for name, *_ in top]
    check_one([(friend(name), *rest) for name, (_, *rest) in zip(names, top, strict=True)], best_games(games))
    pair = said(r"(.+) and (.+) won (\d+) of (\d+) together")
    check_one([(frozenset(map(friend, (one, other))), *rest) for one, other, *rest in pair], best_pairs(games))
    series = said(r"(.+) won (\d+) (\S+) games in a row")
    check_one([(friend(name), *rest) for name, *rest in series], longest_series(games))
    pentakills = [name for (names,) in said(r"Pentakills?: (.+)") for name in names.split(", ")]
    parts = [re.fullmatch(r"(.+?)(?: (\d+))?", each) for each in pentakills]  # a number, if it is more than one
    assert {friend(each[1]): int(each[2] or 1) for each in parts if each} == {
        name: each["pentakills"] for name, each in figures.items() if each["pentakills"]
    }


def check_one(said: list[Any], right: set[Any]) -> None:
    """One of the right ones, nothing if there is none."""
    assert len(said) == bool(right), right
    assert set(said) <= right


def friend_of(name: str, figures: dict[str, Json]) -> str:
    """Whom a name stands for; with the tag, if two have it."""
    (friend,) = (each for each in figures if name in (each, each.rpartition("#")[0]))
    return friend


# The worlds


@pytest.fixture(autouse=True)
def _zone(seed: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine stands there, and its disk need not survive a power cut."""
    monkeypatch.setitem(sqlite._PRAGMAS, "synchronous", ("OFF", 0))
    monkeypatch.setitem(sqlite._PRAGMAS, "journal_mode", ("MEMORY", "memory"))
    with pytest.MonkeyPatch.context() as here:
        here.setenv("TZ", ZONES[seed % len(ZONES)])
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("seed", range(FETCHED))
def test_a_fetched_month_adds_up(seed: int, sandbox: Sandbox, in_process_bot: Bot) -> None:
    bot = in_process_bot
    world = World(seed, sandbox, bot, bot.run, most_games=40)
    names = {friend.puuid: friend.riot_id for friend in world.friends}
    sandbox.riot.set_rank(world.friends[0], Rank("GOLD", "II", 45, wins=30, losses=20))
    for channel in world.channels:
        sandbox.slack.add_channel(channel)
    for (channel, puuid), since in world.since.items():
        world.succeed("track", names[puuid], "--channel", channel)
        player = f"player_id = (SELECT player_id FROM players WHERE puuid = '{puuid}')"
        bot.write(f"UPDATE tracks SET since = '{text_of(since)}' WHERE {player} AND channel_id = '{channel}'")

    def fetch() -> None:
        known: list[Any] | None = None
        while known != (known := bot.rows("SELECT match_id, state FROM matches ORDER BY match_id")):
            world.succeed("fetch-matches", LOLSLACKBOT_ANNOUNCE_WITHIN=A_MONTH_AND_MORE)

    world.live(fetch)
    check(world)


@pytest.mark.parametrize("seed", range(FETCHED, WORLDS))
def test_a_stored_month_adds_up(seed: int, home: Path, db: Database, in_process_command: Command) -> None:
    """What Riot answers is put into the database at once."""
    world = World(seed, Sandbox(seed), Bot(home), in_process_command)
    track(db, world)

    def store() -> None:
        with db.transaction():
            for match_id in world.halves[-1]:
                match = read_everyone(match_id, world.sandbox.riot.matches[match_id])
                store_match(db, match, datetime.now(UTC) - timedelta(days=1))

    world.live(store)
    climb(db, world)
    check(world)


def track(db: Database, world: World) -> None:
    friends: dict[str, Player] = {friend.puuid: friend for friend in world.friends}
    with db.transaction():
        for (channel, puuid), since in world.since.items():
            friend = friends[puuid]
            riot_id = RiotId(friend.game_name, friend.tag_line)
            players.track(db, puuid, riot_id, friend.platform, channel, "default", moment_of(since))


def climb(db: Database, world: World) -> None:
    """Half of the friends have ranks, read each midnight: LP join the figures, and alter none."""
    with db.transaction():
        for friend in world.rng.sample(world.friends, len(world.friends) // 2):
            _read_ranks(db, world, friend)


def _read_ranks(db: Database, world: World, friend: Player) -> None:
    """As Riot would have told them: each solo game counts, and moves LP by one."""
    played = [game for game in world.everything() if friend.riot_id in game.friends and game.info["queueId"] == 420]
    decided = {end_of(game.body): game.friends[friend.riot_id]["win"] for game in played if game.is_decided}
    for day in range(7 * WEEKS + 1):
        asked_at = world.midnight(world.mondays[0] + timedelta(days=day))
        so_far = [won for ended, won in decided.items() if ended < asked_at]
        wins, losses = 30 + so_far.count(True), 20 + so_far.count(False)
        db.write(
            """
            INSERT INTO rank_readings
            SELECT player_id, 'RANKED_SOLO_5x5', :asked_at, 'GOLD', 'II', :lp, :wins, :losses FROM players
            WHERE puuid = :puuid
            """,
            asked_at=text_of(asked_at),
            lp=wins - losses,
            wins=wins,
            losses=losses,
            puuid=friend.puuid,
        )
