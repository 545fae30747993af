"""The loopback spectator-v5: games in progress, who is shown in them, and how they go."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lolslackbot.sandbox import Mishap, Player, Sandbox

Get = Callable[..., Any]


def path_of(player: Player, routing: str = "euw1") -> str:
    return f"/{routing}/lol/spectator/v5/active-games/by-summoner/{player.puuid}"


def number_of(match_id: str) -> int:
    return int(match_id.partition("_")[2])


def test_in_no_game(get: Get, ahri: Player) -> None:
    """The body has a shape of its own."""
    answer = get(path_of(ahri))
    assert answer.status == 404
    assert answer.json == {
        "httpStatus": 404,
        "errorCode": "NOT_FOUND",
        "message": "Not Found",
        "implementationDetails": "filtered",
    }


def test_in_a_game(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    """Everybody in it sees it, strangers too; at the platform's host only."""
    match_id = sandbox.riot.start_game([ahri], began=datetime.now(UTC) - timedelta(minutes=2))
    game = get(path_of(ahri)).json
    assert (game["platformId"], game["gameId"], game["gameType"]) == ("EUW1", number_of(match_id), "MATCHED")
    assert (game["gameQueueConfigId"], game["gameMode"], game["mapId"]) == (420, "CLASSIC", 11)
    assert 118 <= game["gameLength"] <= 125
    assert abs(game["gameStartTime"] / 1000 + game["gameLength"] - datetime.now(UTC).timestamp()) < 3
    assert len(game["participants"]) == 10
    (ours,) = (each for each in game["participants"] if each["puuid"] == ahri.puuid)
    assert (ours["riotId"], ours["teamId"], ours["bot"]) == ("Ahri Fan#EUW", 100, False)
    assert get(path_of(ahri, "kr")).status == 404
    assert get(path_of(ahri, "europe")).status == 400


@pytest.mark.parametrize(("phase", "length", "players"), [("loading", 0, 10), ("countdown", -30, 7)])
def test_before_it_begins(get: Get, sandbox: Sandbox, ahri: Player, phase: Any, length: int, players: int) -> None:
    match_id = sandbox.riot.start_game([ahri], phase=phase)
    game = sandbox.riot.active[match_id].shown(0)
    assert (game["gameLength"], len(game["participants"])) == (length, players)
    assert (game["gameStartTime"] == 0) == (phase == "loading")
    sandbox.riot.active[match_id].phase = "on"
    assert get(path_of(ahri)).json["gameLength"] > 0


def test_in_streamer_mode(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    """404 for that player; in the answers about others named like the champion."""
    friend = sandbox.riot.add_player("Friend#EUW")
    sandbox.riot.start_game([ahri, friend], hidden=[friend])
    assert get(path_of(friend)).status == 404
    (hidden,) = (each for each in get(path_of(ahri)).json["participants"] if each["puuid"] is None)
    assert "#" not in hidden["riotId"]
    assert hidden["riotId"] != "Friend"


def test_it_ends(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    """Under the id that it had; for a while it may be shown yet."""
    match_id = sandbox.riot.start_game([ahri])
    assert sandbox.riot.add_game([ahri], match_id=match_id, lingers=True) == match_id
    assert get(path_of(ahri)).status == 200
    assert get(f"/europe/lol/match/v5/matches/{match_id}").json["metadata"]["matchId"] == match_id
    sandbox.riot.stop_game(match_id)
    assert get(path_of(ahri)).status == 404
    again = sandbox.riot.start_game([ahri])
    sandbox.riot.add_game([ahri], match_id=again)
    assert get(path_of(ahri)).status == 404


def test_clash_ends_under_another_id(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    shown = sandbox.riot.start_game([ahri], queue=700, custom=True)
    assert get(path_of(ahri)).json["gameType"] == "CUSTOM"
    sandbox.riot.stop_game(shown)
    assert sandbox.riot.add_game([ahri], queue=700) != shown
    assert get(f"/europe/lol/match/v5/matches/{shown}").status == 404


def test_fields_are_a_tests_to_set(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    match_id = sandbox.riot.start_game([ahri])
    sandbox.riot.active[match_id].fields = {"gameLength": 0, "gameMode": "NEW"}
    game = get(path_of(ahri)).json
    assert (game["gameLength"], game["gameMode"]) == (0, "NEW")


def test_bots_and_sides(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    friend = sandbox.riot.add_player("Friend#EUW")
    sandbox.riot.start_game([ahri], queue=870)
    assert sum(each["bot"] for each in get(path_of(ahri)).json["participants"]) == 5
    sandbox.riot.active.clear()
    sandbox.riot.start_game([ahri, friend], sides={ahri.puuid: 200, friend.puuid: 100})
    sides = {each["puuid"]: each["teamId"] for each in get(path_of(ahri)).json["participants"]}
    assert (sides[ahri.puuid], sides[friend.puuid]) == (200, 100)


def test_another_key(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    """Its puuids are those of the new key, in games in progress too."""
    friend = sandbox.riot.add_player("Friend#EUW")
    sandbox.riot.start_game([ahri, friend], hidden=[friend])
    sandbox.riot.change_key("RGAPI-other")
    assert get(path_of(ahri)).status == 400
    assert get(path_of(sandbox.riot.current(ahri))).status == 200
    assert get(path_of(sandbox.riot.current(friend))).status == 404


def test_limits_and_mishaps(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    sandbox.riot.limits.method["spectator"] = "2:60"
    sandbox.riot.misbehave(Mishap.status(503), endpoint="spectator", times=1)
    assert [get(path_of(ahri)).status for _ in range(3)] == [503, 404, 429]
