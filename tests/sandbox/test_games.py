"""Generated bodies agree with themselves, in every queue."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lolslackbot.sandbox import Player, Sandbox
from lolslackbot.sandbox.games import CHAMPIONS, MODES, STRANGERS

ENDED = datetime(2026, 11, 23, 12, tzinfo=UTC)
TEAM_QUEUES = [queue for queue, mode in MODES.items() if mode.teams == 2]
PARTICIPANT_FIELDS = (
    *("puuid", "riotIdGameName", "riotIdTagline", "summonerName", "championName", "championId", "champLevel"),
    *(
        "kills",
        "deaths",
        "assists",
        "goldEarned",
        "visionScore",
        "totalMinionsKilled",
        "neutralMinionsKilled",
    ),
    *("totalDamageDealtToChampions", "totalDamageTaken", "totalHeal", "doubleKills", "tripleKills"),
    *("quadraKills", "pentaKills", "largestMultiKill", "firstBloodKill", "teamId", "win", "teamPosition"),
    *(
        "individualPosition",
        "lane",
        "role",
        "timePlayed",
        "item0",
        "item6",
        "summoner1Id",
        "summoner2Id",
        "perks",
    ),
    *("gameEndedInSurrender", "gameEndedInEarlySurrender", "teamEarlySurrendered", "placement", "missions"),
    *(
        "subteamPlacement",
        "playerSubteamId",
        "playerAugment1",
        "playerAugment6",
        "positionAssignedByMatchmaking",
    ),
)


def body_of(sandbox: Sandbox, players: list[Player], **details: Any) -> Any:
    return sandbox.riot.matches[sandbox.riot.add_game(players, ended=ENDED, **details)]


def mine(body: Any, player: Player) -> Any:
    return next(each for each in body["info"]["participants"] if each["puuid"] == player.puuid)


@pytest.mark.parametrize("queue", MODES)
def test_every_queue(sandbox: Sandbox, ahri: Player, queue: int) -> None:
    body, mode = body_of(sandbox, [ahri], queue=queue), MODES[queue]
    info, players = body["info"], body["info"]["participants"]
    assert (info["queueId"], info["gameMode"], info["mapId"]) == (queue, mode.name, mode.map_id)
    assert body["metadata"]["matchId"] == f"{info['platformId']}_{info['gameId']}"
    assert len(players) == mode.teams * mode.size
    assert body["metadata"]["participants"] == [each["puuid"] for each in players if each["puuid"] != "BOT"]
    assert info["gameDuration"] == max(each["timePlayed"] for each in players) == 1800
    assert info["gameEndTimestamp"] == ENDED.timestamp() * 1000
    assert info["gameCreation"] < info["gameStartTimestamp"] <= info["gameEndTimestamp"] - 1_800_000
    for player in players:
        assert set(PARTICIPANT_FIELDS) <= player.keys()
        assert player["largestMultiKill"] <= max(player["kills"], 1)
        assert (player["doubleKills"] > 0) == (player["largestMultiKill"] >= 2)
        kinds = ("physical", "magic", "true")
        for what in ("DamageDealt", "DamageDealtToChampions", "DamageTaken"):
            assert player[f"total{what}"] == sum(player[f"{kind}{what}"] for kind in kinds)
        assert bool(player["teamPosition"]) == (mode.map_id == 11 and mode.name in ("CLASSIC", "SWIFTPLAY"))
        assert bool(player["placement"]) == (mode.name == "CHERRY")


@pytest.mark.parametrize("queue", TEAM_QUEUES)
def test_team_games_add_up(sandbox: Sandbox, ahri: Player, queue: int) -> None:
    body = body_of(sandbox, [ahri], queue=queue)
    players, teams = body["info"]["participants"], body["info"]["teams"]
    assert [team["teamId"] for team in teams] == [100, 200]
    assert sorted(team["win"] for team in teams) == [False, True]
    for team, other in (teams, teams[::-1]):
        ours = [each for each in players if each["teamId"] == team["teamId"]]
        theirs = [each for each in players if each["teamId"] == other["teamId"]]
        kills = team["objectives"]["champion"]["kills"]
        assert 0 <= kills - sum(each["kills"] for each in ours) <= 2
        assert kills == sum(each["deaths"] for each in theirs)
        assert {each["win"] for each in ours} == {team["win"]}
        assert len(team["bans"]) == MODES[queue].bans
    assert sum(each["firstBloodKill"] for each in players) == 1
    assert sum(team["objectives"]["champion"]["first"] for team in teams) == 1


@pytest.mark.parametrize(("queue", "teams", "size"), [(1700, 8, 2), (1710, 8, 2), (1750, 6, 3)])
def test_arena(sandbox: Sandbox, ahri: Player, queue: int, teams: int, size: int) -> None:
    friend = sandbox.riot.add_player("Friend#EUW")
    body = body_of(sandbox, [ahri, friend], queue=queue, win=False)
    players = body["info"]["participants"]
    assert sorted(each["placement"] for each in players) == sorted(list(range(1, teams + 1)) * size)
    for player in players:
        assert player["win"] == (player["placement"] <= teams // 2)
        same = {each["placement"] for each in players if each["playerSubteamId"] == player["playerSubteamId"]}
        assert same == {player["placement"]} == {player["subteamPlacement"]}
    assert mine(body, ahri)["playerSubteamId"] == mine(body, friend)["playerSubteamId"]
    assert not mine(body, ahri)["win"]
    assert [team["teamId"] for team in body["info"]["teams"]] == [100, 0]
    assert len(body["info"]["teams"][0]["bans"]) == teams * size
    assert mine(body_of(sandbox, [friend, ahri], queue=queue, placement=1), ahri)["placement"] == 1


def test_swarm_is_one_team(sandbox: Sandbox, ahri: Player) -> None:
    body = body_of(sandbox, [ahri], queue=1830, win=False)
    assert [(each["teamId"], each["win"]) for each in body["info"]["participants"]] == [(100, False)] * 3
    assert len(body["info"]["teams"]) == 1
    assert all(each["championName"].startswith("Strawberry_") for each in body["info"]["participants"])


def test_bots_are_called_bot_and_not_in_the_metadata(sandbox: Sandbox, ahri: Player) -> None:
    body = body_of(sandbox, [ahri], queue=850)
    assert len(body["metadata"]["participants"]) == 5
    bots = [each for each in body["info"]["participants"] if each["puuid"] == "BOT"]
    assert len(bots) == 5
    assert all("challenges" not in bot and bot["summonerName"].endswith(" bot") for bot in bots)
    with pytest.raises(ValueError, match="no place"):
        body_of(sandbox, [ahri], queue=850, sides={ahri.puuid: 200})


def test_win_is_that_of_the_first_player(sandbox: Sandbox, ahri: Player) -> None:
    foe = sandbox.riot.add_player("Foe#EUW")
    for win in (True, False):
        body = body_of(sandbox, [ahri, foe], win=win, sides={ahri.puuid: 200, foe.puuid: 100})
        assert (mine(body, ahri)["win"], mine(body, ahri)["teamId"]) == (win, 200)
        assert (mine(body, foe)["win"], mine(body, foe)["teamId"]) == (not win, 100)


def test_a_sixth_friend_plays_on_the_other_side(sandbox: Sandbox) -> None:
    friends = [sandbox.riot.add_player(f"F{number}#EUW") for number in range(6)]
    body = body_of(sandbox, friends)
    assert [mine(body, each)["teamId"] for each in friends] == [100] * 5 + [200]
    with pytest.raises(ValueError, match="no place"):
        body_of(sandbox, friends, queue=1840)


def test_a_remake_has_a_winner_and_a_team_with_a_leaver(sandbox: Sandbox, ahri: Player) -> None:
    body = body_of(sandbox, [ahri], remake=True)
    players = body["info"]["participants"]
    assert all(each["gameEndedInEarlySurrender"] for each in players)
    assert all(each["teamEarlySurrendered"] != each["win"] for each in players)
    assert body["info"]["gameDuration"] < 240
    assert body["info"]["endOfGameResult"] == "GameComplete"


def test_a_surrender_is_said_by_all(sandbox: Sandbox, ahri: Player) -> None:
    players = body_of(sandbox, [ahri], surrender=True)["info"]["participants"]
    assert all(each["gameEndedInSurrender"] for each in players)


def test_an_aborted_game_is_an_empty_shell(sandbox: Sandbox, ahri: Player) -> None:
    body = body_of(sandbox, [ahri], aborted=True)
    info = dict(body["info"])
    assert info.pop("gameEndTimestamp") == ENDED.timestamp() * 1000
    assert info.pop("endOfGameResult") == "Abort_Unexpected"
    assert not any(info.values())
    assert len(body["metadata"]["participants"]) == 10


def test_old_games_carry_summoner_names_only(sandbox: Sandbox, ahri: Player) -> None:
    player = mine(body_of(sandbox, [ahri], old_names=True), ahri)
    assert (player["summonerName"], player["riotIdTagline"]) == ("Ahri Fan", "")
    assert "riotIdGameName" not in player


def test_fields_can_be_overridden(sandbox: Sandbox, ahri: Player) -> None:
    body = body_of(
        sandbox, [ahri], queue=4711, stats={ahri.puuid: {"kills": 99, "item6": None}}, info={"gameMode": "?"}
    )
    assert (mine(body, ahri)["kills"], mine(body, ahri)["item6"], body["info"]["gameMode"]) == (99, None, "?")
    assert body["info"]["teams"][0]["objectives"]["champion"]["kills"] >= 99


def test_names_that_need_care_are_among_them() -> None:
    assert {9: "FiddleSticks", 62: "MonkeyKing"}.items() <= CHAMPIONS.items()
    assert not all(name.isascii() for name in STRANGERS)
