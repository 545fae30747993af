"""The loopback Riot: keys, routing values, lists and what its bodies are filed under."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from lolslackbot.sandbox import Player, Sandbox

Get = Callable[..., Any]


def ids_path(player: Player, region: str = "europe", query: str = "") -> str:
    return f"/{region}/lol/match/v5/matches/by-puuid/{player.puuid}/ids{query}"


def match_path(match_id: str, region: str = "europe") -> str:
    return f"/{region}/lol/match/v5/matches/{match_id}"


def account_path(riot_id: str, region: str = "europe") -> str:
    name, _, tag = riot_id.rpartition("#")
    return f"/{region}/riot/account/v1/accounts/by-riot-id/{quote(name, safe='')}/{quote(tag, safe='')}"


def test_an_account_is_found_whatever_the_case(get: Get, ahri: Player) -> None:
    answer = get(account_path("aHRI fan#euw"))
    assert answer.json == {"puuid": ahri.puuid, "gameName": "Ahri Fan", "tagLine": "EUW"}
    assert re.fullmatch(r"[A-Za-z0-9_-]{78}", ahri.puuid)
    assert answer.headers["Content-Type"] == "application/json;charset=utf-8"


@pytest.mark.parametrize("name", ["Żółw/Błotny", "100%25", "a?b&c", "夜 猫"])
def test_a_path_is_decoded_exactly_once(get: Get, sandbox: Sandbox, name: str) -> None:
    player = sandbox.riot.add_player(f"{name}#X")
    assert get(account_path(player.riot_id)).json["puuid"] == player.puuid
    assert get(account_path(quote(name, safe="") + "#X")).status == 404


def test_an_account_and_its_platform_are_found_by_puuid(get: Get, ahri: Player) -> None:
    assert get(f"/asia/riot/account/v1/accounts/by-puuid/{ahri.puuid}").json["gameName"] == "Ahri Fan"
    found = get(f"/americas/riot/account/v1/region/by-game/lol/by-puuid/{ahri.puuid}").json
    assert found == {"puuid": ahri.puuid, "game": "lol", "region": "euw1"}


@pytest.mark.parametrize(
    ("path", "routing"),
    [
        (account_path("Ahri Fan#EUW", "sea"), "sea"),
        (account_path("Ahri Fan#EUW", "euw1"), "euw1"),
        (match_path("EUW1_1", "euw1"), "euw1"),
        (match_path("EUW1_1", "mars"), "mars"),
    ],
)
def test_a_wrong_kind_of_routing_value_is_a_400(get: Get, ahri: Player, path: str, routing: str) -> None:
    answer = get(path)
    assert answer.status == 400
    assert answer.json["status"]["message"] == f"Bad request - Invalid routing value {routing}"


def test_the_wrong_region_has_an_empty_list_and_no_match(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    match_id = sandbox.riot.add_game([ahri])
    assert get(ids_path(ahri)).json == [match_id]
    assert get(ids_path(ahri, "americas")).json == []
    assert get(match_path(match_id)).json["metadata"]["matchId"] == match_id
    assert get(match_path(match_id, "americas")).status == 404


def test_a_missing_key_is_a_401_and_a_wrong_one_a_403(get: Get, ahri: Player) -> None:
    assert get(ids_path(ahri), key=None).status == 401
    answer = get(ids_path(ahri), key="RGAPI-other")
    assert (answer.status, answer.json) == (403, {"status": {"message": "Forbidden", "status_code": 403}})
    assert get(ids_path(ahri) + "?api_key=x", key=None).status == 401
    assert get("/europe/lol/nothing/v1").status == 403
    assert get(ids_path(ahri), verb="POST").status == 405


def test_lists_are_newest_first_and_filled_up_in_between(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    now = datetime.now(UTC)
    first = sandbox.riot.add_game([ahri], ended=now - timedelta(hours=3))
    third = sandbox.riot.add_game([ahri], ended=now)
    second = sandbox.riot.add_game([ahri], ended=now - timedelta(hours=1))
    assert get(ids_path(ahri)).json == [third, second, first]
    numbers = [int(each.removeprefix("EUW1_7")) for each in (first, third, second)]
    assert numbers == sorted(numbers)


def test_list_filters(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    now = datetime.now(UTC)
    old = sandbox.riot.add_game([ahri], queue=450, ended=now - timedelta(days=2))
    new = sandbox.riot.add_game([ahri])
    sandbox.riot.add_game([ahri], listed=False)
    yesterday = int((now - timedelta(days=1)).timestamp())
    expected = {
        "": [new, old],
        f"?startTime={yesterday}": [new],
        f"?endTime={yesterday}": [old],
        "?queue=450": [old],
        "?type=ranked": [new],
        "?type=normal": [old],
        "?start=1": [old],
        "?count=1": [new],
        "?count=0": [],
    }
    assert {query: get(ids_path(ahri, query=query)).json for query in expected} == expected
    sandbox.riot.ignore_filters = True
    assert get(ids_path(ahri, query=f"?startTime={yesterday}")).json == [new, old]
    sandbox.riot.lists[ahri.puuid].insert(0, "EUW1_1")
    assert get(ids_path(ahri)).json == ["EUW1_1", new, old]


def test_twenty_ids_by_default_and_a_hundred_at_most(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    sandbox.riot.lists[ahri.puuid] = [f"EUW1_{number}" for number in range(150, 0, -1)]
    assert len(get(ids_path(ahri)).json) == 20
    assert len(get(ids_path(ahri, query="?count=100")).json) == 100
    assert get(ids_path(ahri, query="?count=100&start=100")).json[-1] == "EUW1_1"
    for query in ("?count=101", "?start=-1", "?startTime=today", "?type=fun"):
        assert get(ids_path(ahri, query=query)).status == 400


def test_a_new_key_changes_every_puuid(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    match_id = sandbox.riot.add_game([ahri], stats={ahri.puuid: {"kills": 42}})
    before, old_key = get(match_path(match_id)).json, sandbox.riot.key
    sandbox.riot.change_key("RGAPI-new")
    assert sandbox.settings["RIOT_API_KEY"] == "RGAPI-new"
    assert get(account_path(ahri.riot_id), key=old_key).status == 403
    answer = get(ids_path(ahri))
    assert answer.status == 400
    assert answer.json["status"]["message"] == f"Bad Request - Exception decrypting {ahri.puuid}"
    now = sandbox.riot.current(ahri)
    assert get(account_path(ahri.riot_id)).json["puuid"] == now.puuid != ahri.puuid
    assert get(ids_path(now)).json == [match_id]
    after = get(match_path(match_id)).json
    assert not set(before["metadata"]["participants"]) & set(after["metadata"]["participants"])
    assert [each["kills"] for each in after["info"]["participants"] if each["puuid"] == now.puuid] == [42]
    again = sandbox.riot.add_game([ahri])  # an old Player value still means the account
    assert get(ids_path(now)).json == [again, match_id]


def test_move__same_puuid_and_an_empty_list(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    sandbox.riot.add_game([ahri])
    moved = sandbox.riot.move(ahri, "na1")
    assert moved.puuid == ahri.puuid
    assert get(f"/europe/riot/account/v1/region/by-game/lol/by-puuid/{ahri.puuid}").json["region"] == "na1"
    for region in ("europe", "americas"):
        assert get(f"/{region}/lol/match/v5/matches/by-puuid/{ahri.puuid}/ids").json == []
    assert sandbox.riot.add_game([moved]).startswith("NA1_")
    with pytest.raises(ValueError, match="no platform 'moon'"):
        sandbox.riot.move(ahri, "moon")


def test_a_body_is_what_the_test_makes_of_it(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    match_id = sandbox.riot.add_game([ahri])
    sandbox.riot.matches[match_id]["info"]["gameMode"] = "NEW"
    assert get(match_path(match_id)).json["info"]["gameMode"] == "NEW"
    sandbox.riot.matches[match_id] = b"{"
    assert get(match_path(match_id)).body == b"{"
    sandbox.riot.matches[match_id] = None
    assert get(match_path(match_id)).body == b"null"
    del sandbox.riot.matches[match_id]
    answer = get(match_path(match_id))
    assert answer.json == {"status": {"message": "Data not found - match file not found", "status_code": 404}}


def test_every_request_is_recorded(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    get(account_path("Ahri Fan#EUW"))
    get(ids_path(ahri, query="?count=5"))
    get("/europe/x")
    first, second, third = sandbox.riot.requests
    assert (first.endpoint, first.routing, first.status) == ("account", "europe", 200)
    assert first.path == "/riot/account/v1/accounts/by-riot-id/Ahri Fan/EUW"
    assert first.raw == account_path("Ahri Fan#EUW")
    assert (second.endpoint, second.query, second.mishap) == ("match-ids", {"count": "5"}, None)
    assert second.headers["x-riot-token"] == sandbox.riot.key
    assert (third.endpoint, third.method) == ("unknown", "GET")
    assert first.at <= second.at <= time.monotonic()
    assert abs(first.wall - time.time()) < 60


def test_ports_are_known_once_started_and_kept(get: Get, sandbox: Sandbox, ahri: Player) -> None:
    with pytest.raises(RuntimeError):
        _ = Sandbox().settings
    port = sandbox.riot.port
    sandbox.riot.stop()
    with pytest.raises(ConnectionRefusedError):
        get(ids_path(ahri))
    sandbox.riot.start()
    assert sandbox.riot.port == port
    assert get(ids_path(ahri)).status == 200
