"""Generated bodies agree with themselves in what the bot reads, in every queue."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lolslackbot.sandbox import Player, Sandbox
from lolslackbot.sandbox.games import MODES

ENDED = datetime(2026, 11, 23, 12, tzinfo=UTC)


def body_of(sandbox: Sandbox, players: list[Player], **details: Any) -> Any:
    return sandbox.riot.matches[sandbox.riot.add_game(players, ended=ENDED, **details)]


def part_of(body: Any, player: Player) -> Any:
    return next(part for part in body["info"]["participants"] if part["puuid"] == player.puuid)


@pytest.mark.parametrize("queue", MODES)
def test_every_queue(sandbox: Sandbox, ahri: Player, queue: int) -> None:
    """Metadata and info name the same match, players, queue and end."""
    body, mode = body_of(sandbox, [ahri], queue=queue), MODES[queue]
    info, players = body["info"], body["info"]["participants"]
    assert (info["queueId"], info["gameMode"], info["mapId"]) == (queue, mode.name, mode.map_id)
    assert body["metadata"]["matchId"] == f"{info['platformId']}_{info['gameId']}"
    assert len(players) == mode.teams * mode.size
    assert body["metadata"]["participants"] == [part["puuid"] for part in players if part["puuid"] != "BOT"]
    assert info["gameDuration"] == max(part["timePlayed"] for part in players) == 1800
    assert info["gameEndTimestamp"] == ENDED.timestamp() * 1000
    assert all(bool(part["placement"]) == (mode.name == "CHERRY") for part in players)


def test_arena_teams_share_a_placement(sandbox: Sandbox, ahri: Player) -> None:
    """Each placement is had by the members of one team; the upper half wins."""
    players = body_of(sandbox, [ahri], queue=1700, win=False)["info"]["participants"]
    assert sorted(part["placement"] for part in players) == sorted(list(range(1, 9)) * 2)
    assert all(part["win"] == (part["placement"] <= 4) for part in players)
    assert part_of(body_of(sandbox, [ahri], queue=1700, placement=1), ahri)["placement"] == 1


def test_bots_have_no_place_in_the_metadata(sandbox: Sandbox, ahri: Player) -> None:
    """A game against bots: five of them, all called BOT."""
    body = body_of(sandbox, [ahri], queue=850)
    assert len(body["metadata"]["participants"]) == 5
    assert sum(part["puuid"] == "BOT" for part in body["info"]["participants"]) == 5
    with pytest.raises(ValueError, match="no place"):
        body_of(sandbox, [ahri], queue=850, sides={ahri.puuid: 200})


def test_win_is_that_of_the_first_player(sandbox: Sandbox, ahri: Player) -> None:
    """The other side has the other result."""
    foe = sandbox.riot.add_player("Foe#EUW")
    for win in (True, False):
        body = body_of(sandbox, [ahri, foe], win=win, sides={ahri.puuid: 200, foe.puuid: 100})
        assert (part_of(body, ahri)["win"], part_of(body, ahri)["teamId"]) == (win, 200)
        assert (part_of(body, foe)["win"], part_of(body, foe)["teamId"]) == (not win, 100)


def test_sixth_friend_plays_on_the_other_side(sandbox: Sandbox) -> None:
    """A team has five places."""
    friends = [sandbox.riot.add_player(f"F{number}#EUW") for number in range(6)]
    body = body_of(sandbox, friends)
    assert [part_of(body, friend)["teamId"] for friend in friends] == [100] * 5 + [200]


def test_remake_surrender_and_old_names(sandbox: Sandbox, ahri: Player) -> None:
    """The fields by which the bot tells them."""
    remake = body_of(sandbox, [ahri], remake=True)["info"]
    assert all(part["gameEndedInEarlySurrender"] for part in remake["participants"])
    assert remake["gameDuration"] < 240
    surrender = body_of(sandbox, [ahri], surrender=True)["info"]
    assert all(part["gameEndedInSurrender"] for part in surrender["participants"])
    old = part_of(body_of(sandbox, [ahri], old_names=True), ahri)
    assert (old["summonerName"], old["riotIdTagline"]) == ("Ahri Fan", "")
    assert "riotIdGameName" not in old


def test_aborted_game_is_an_empty_shell(sandbox: Sandbox, ahri: Player) -> None:
    """Only the end and the reason are stated."""
    info = dict(body_of(sandbox, [ahri], aborted=True)["info"])
    assert info.pop("gameEndTimestamp") == ENDED.timestamp() * 1000
    assert info.pop("endOfGameResult") == "Abort_Unexpected"
    assert not any(info.values())


def test_fields_can_be_overridden(sandbox: Sandbox, ahri: Player) -> None:
    """Even by what Riot would never send."""
    stats = {ahri.puuid: {"kills": 99, "item6": None}}
    body = body_of(sandbox, [ahri], queue=4711, stats=stats, info={"gameMode": "?"})
    assert (part_of(body, ahri)["kills"], part_of(body, ahri)["item6"], body["info"]["gameMode"]) == (99, None, "?")
