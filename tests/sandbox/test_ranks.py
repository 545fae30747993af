"""The loopback league-v4: what an entry says, when it shows a game, and what is no game."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lolslackbot.sandbox import Mishap, Player, Rank, Sandbox

Get = Callable[..., Any]
Shown = Callable[[], Any]
GOLD = Rank("GOLD", "I", 90, wins=10, losses=8)
SOLO, FLEX = "RANKED_SOLO_5x5", "RANKED_FLEX_SR"


def path_of(player: Player, routing: str = "euw1") -> str:
    return f"/{routing}/lol/league/v4/entries/by-puuid/{player.puuid}"


@pytest.fixture
def shown(get: Get, ahri: Player) -> Shown:
    """Ahri's standings, by type of queue: (tier, division, LP, wins, losses)."""

    def shown() -> Any:
        names = ("tier", "rank", "leaguePoints", "wins", "losses")
        return {entry["queueType"]: tuple(entry.get(name) for name in names) for entry in get(path_of(ahri)).json}

    return shown


def test_an_entry(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    """All fields of the reference; flags are never set."""
    sandbox.riot.set_rank(ahri, GOLD)
    (entry,) = get(path_of(ahri)).json
    assert len(entry.pop("leagueId")) == 36
    assert entry == {
        "puuid": ahri.puuid,
        "queueType": SOLO,
        "tier": "GOLD",
        "rank": "I",
        "leaguePoints": 90,
        "wins": 10,
        "losses": 8,
        "hotStreak": False,
        "veteran": False,
        "freshBlood": False,
        "inactive": False,
    }


def test_who_was_never_ranked_has_an_empty_list(sandbox: Sandbox, ahri: Player, shown: Shown) -> None:
    """Games change nothing as long as no rank is given."""
    sandbox.riot.add_game([ahri])
    sandbox.riot.add_game([ahri], lp={ahri.puuid: 21})
    assert shown() == {}


def test_each_queue_has_its_entry(get: Get, sandbox: Sandbox, ahri: Player, shown: Shown) -> None:
    """Any text is a type of queue; Arena's has no tier, rank or league."""
    sandbox.riot.set_rank(ahri, GOLD)
    sandbox.riot.set_rank(ahri, Rank("MASTER", lp=312), FLEX)
    sandbox.riot.set_rank(ahri, Rank(None, lp=4000, wins=3), "CHERRY")
    assert shown() == {
        SOLO: ("GOLD", "I", 90, 10, 8),
        FLEX: ("MASTER", "I", 312, 0, 0),
        "CHERRY": (None, None, 4000, 3, 0),
    }
    assert not {"tier", "rank", "leagueId"} & get(path_of(ahri)).json[2].keys()


@pytest.mark.parametrize(("queue", "queue_type"), [(420, SOLO), (440, FLEX), (710, "RANKED_TEAM_5x5")])
def test_a_game_moves_lp_in_its_queue(
    sandbox: Sandbox, ahri: Player, shown: Shown, queue: int, queue_type: str
) -> None:
    """One win or loss more, as the match says of that player."""
    foe = sandbox.riot.add_player("Foe#EUW")
    sandbox.riot.set_rank(ahri, GOLD, queue_type)
    sandbox.riot.set_rank(ahri, GOLD, "OTHER")
    sandbox.riot.add_game([ahri], queue=queue, lp={ahri.puuid: 9})
    assert shown() == {queue_type: ("GOLD", "I", 99, 11, 8), "OTHER": ("GOLD", "I", 90, 10, 8)}
    sandbox.riot.add_game([foe, ahri], queue=queue, sides={ahri.puuid: 200}, lp={ahri.puuid: -17})
    assert shown()[queue_type] == ("GOLD", "I", 82, 11, 9)


def test_promotion_and_placement(sandbox: Sandbox, ahri: Player, shown: Shown) -> None:
    """The test says where they lead; wins and losses are counted on."""
    sandbox.riot.add_game([ahri], win=False, lp={ahri.puuid: Rank("GOLD", "IV", 5, wins=3, losses=1)})
    assert shown() == {SOLO: ("GOLD", "IV", 5, 3, 2)}
    sandbox.riot.add_game([ahri], lp={ahri.puuid: Rank("GOLD", "III", 1)})
    assert shown() == {SOLO: ("GOLD", "III", 1, 4, 2)}


def test_a_game_that_moves_no_lp(sandbox: Sandbox, ahri: Player) -> None:
    """Remakes, aborted games and other queues have none."""
    for details in ({"remake": True}, {"aborted": True}, {"queue": 450}):
        with pytest.raises(ValueError, match="moves no LP"):
            sandbox.riot.add_game([ahri], lp={ahri.puuid: 21}, **details)
    assert sandbox.riot.matches == {}


def test_an_entry_lags(sandbox: Sandbox, ahri: Player, shown: Shown) -> None:
    """By the server's clock; what is no game shows at once."""
    sandbox.riot.set_rank(ahri, GOLD)
    sandbox.riot.rank_lag = 300
    sandbox.riot.add_game([ahri], lp={ahri.puuid: Rank("PLATINUM", "IV", 10)})
    sandbox.riot.move_lp(ahri, -5)
    sandbox.riot.clock_skew = 290
    sandbox.riot.add_game([ahri], lp={ahri.puuid: 20})
    assert shown() == {SOLO: ("GOLD", "I", 85, 10, 8)}
    sandbox.riot.clock_skew = 310
    assert shown() == {SOLO: ("PLATINUM", "IV", 5, 11, 8)}
    sandbox.riot.clock_skew = 600
    assert shown() == {SOLO: ("PLATINUM", "IV", 25, 12, 8)}


def test_a_reset(sandbox: Sandbox, ahri: Player, shown: Shown) -> None:
    """Counts back to 0, or no entry, whatever was still to show."""
    sandbox.riot.set_rank(ahri, GOLD)
    sandbox.riot.rank_lag = 300
    sandbox.riot.add_game([ahri], lp={ahri.puuid: 20})
    sandbox.riot.set_rank(ahri, replace(GOLD, wins=0, losses=0))
    sandbox.riot.clock_skew = 310
    assert shown() == {SOLO: ("GOLD", "I", 90, 0, 0)}
    sandbox.riot.set_rank(ahri, None)
    sandbox.riot.move_lp(ahri, -5)
    assert shown() == {}


def test_ranks_are_on_the_players_platform(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    """Another platform has none, a region is refused, and a move begins anew."""
    sandbox.riot.set_rank(ahri, GOLD)
    assert get(path_of(ahri, "na1")).json == []
    answer = get(path_of(ahri, "europe"))
    assert (answer.status, answer.json["status"]["message"]) == (400, "Bad request - Invalid routing value europe")
    moved = sandbox.riot.move(ahri, "na1")
    assert get(path_of(moved, "na1")).json == get(path_of(moved)).json == []


def test_ranks_outlive_a_change_of_key(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    """Under the new puuid, also by an old Player value."""
    sandbox.riot.set_rank(ahri, GOLD)
    sandbox.riot.change_key("RGAPI-new")
    sandbox.riot.add_game([ahri], lp={ahri.puuid: 3})
    assert get(path_of(ahri)).status == 400
    (entry,) = get(path_of(sandbox.riot.current(ahri))).json
    assert (entry["puuid"], entry["leaguePoints"]) == (sandbox.riot.current(ahri).puuid, 93)


def test_limits_and_mishaps(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    """A platform has counts of its own, the endpoint a method limit, and all goes wrong as elsewhere."""
    sandbox.riot.limits.application, sandbox.riot.limits.method = "3:120", {"league": "2:60"}
    get("/europe/lol/match/v5/matches/EUW1_1")
    first = get(path_of(ahri))
    assert first.headers["X-App-Rate-Limit-Count"] == "1:120"
    assert first.headers["X-Method-Rate-Limit-Count"] == "1:60"
    sandbox.riot.misbehave(Mishap.status(503), endpoint="league", routing="euw1")
    answers = [get(path_of(ahri)), get(path_of(ahri)), get(path_of(ahri, "na1"))]
    assert [each.status for each in answers] == [503, 429, 200]
    assert answers[1].headers["X-Rate-Limit-Type"] == "method"
    assert [each.routing for each in sandbox.riot.refused] == ["euw1"]
