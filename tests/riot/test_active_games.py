"""spectator-v5: whether a game has begun, and who in it may be named."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.riot.parsing import read_active_game
from lolslackbot.sandbox import Player, Riot

BEGAN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def answer() -> dict[str, Any]:
    """A game that two friends are in since a minute."""
    riot = Riot(1)
    friends: list[Player] = [riot.add_player(f"Friend {number}#EUW") for number in (1, 2)]
    game = riot.active[riot.start_game(friends, began=BEGAN)]
    return game.shown(BEGAN.timestamp() + 60)


def test_a_game_in_progress(answer: dict[str, Any]) -> None:
    game = read_active_game(answer)
    assert (game.match_id, game.queue_id, game.game_mode) == (f"EUW1_{answer['gameId']}", 420, "CLASSIC")
    assert game.began_at == BEGAN
    first = answer["participants"][0]
    assert (game.seats[0].puuid, game.seats[0].team_id) == (first["puuid"], first["teamId"])
    assert game.seats[0].champion_id == first["championId"]
    assert len(game.seats) == 10


@pytest.mark.parametrize(
    ("changes", "has_begun"),
    [
        ({"gameStartTime": 0, "gameLength": 0}, False),
        ({"gameStartTime": 0}, False),
        ({"gameLength": -30}, False),
        ({"gameLength": 0}, False),
        ({"gameLength": None}, False),
        ({"gameStartTime": 10**17}, False),
        ({"gameLength": 1}, True),
    ],
)
def test_loading_and_countdown(answer: dict[str, Any], changes: dict[str, Any], has_begun: bool) -> None:
    assert (read_active_game({**answer, **changes}).began_at is not None) == has_begun


@pytest.mark.parametrize(
    ("changes", "has_begun"),
    [
        ({}, False),
        ({"gameMode": "NEW"}, True),  # of which nobody knows how many it takes
        ({"gameType": "CUSTOM"}, True),
        ({"gameType": "CUSTOM", "gameQueueConfigId": None}, True),
    ],
)
def test_players_are_missing(answer: dict[str, Any], changes: dict[str, Any], has_begun: bool) -> None:
    answer["participants"] = answer["participants"][:7]
    assert (read_active_game({**answer, **changes}).began_at is not None) == has_begun


def test_a_custom_game_has_no_queue(answer: dict[str, Any]) -> None:
    del answer["gameQueueConfigId"]
    assert read_active_game(answer).queue_id == 0


@pytest.mark.parametrize("puuid", [None, "", "x" * 36, 5])
def test_who_is_in_streamer_mode_is_left_out(answer: dict[str, Any], puuid: object) -> None:
    """Riot names such a player like the champion."""
    hidden = {**answer["participants"][0], "puuid": puuid, "riotId": "Ahri"}
    answer["participants"][0] = hidden
    game = read_active_game(answer)
    assert game.began_at is not None
    assert len(game.seats) == 9


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"gameId": 5}, {"platformId": "EUW1", "gameId": 5}, {"platformId": "x/y", "gameId": 5}],
)
def test_no_game(document: Any) -> None:
    with pytest.raises(RiotRefusal) as refusal:
        read_active_game(document)
    assert refusal.value.verdict is RiotVerdict.UNAVAILABLE


def test_odd_participants_are_left_out(answer: dict[str, Any]) -> None:
    answer["participants"] += [None, "x", {}]
    answer["participants"][0] = {"puuid": answer["participants"][0]["puuid"], "teamId": "blue", "championId": None}
    game = read_active_game(answer)
    assert len(game.seats) == 10
    assert (game.seats[0].team_id, game.seats[0].champion_id) == (0, 0)
