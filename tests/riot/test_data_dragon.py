"""Data Dragon's files: what is taken from them, what is refused, and that no key goes there."""

from typing import Any

import pytest
import requests
import responses
from support import FakeClock

from lolslackbot.game import Champion, Champions
from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.riot.data_dragon import DataDragon
from lolslackbot.transport import MAX_BODY

URL = "https://ddragon.example"
VERSIONS, CHAMPIONS = f"{URL}/api/versions.json", f"{URL}/cdn/16.23.1/data/en_US/champion.json"
WUKONG = {"id": "MonkeyKing", "key": "62", "name": "Wukong", "image": {"full": "MonkeyKing.png"}}


@pytest.fixture
def data_dragon(clock: FakeClock) -> DataDragon:
    return DataDragon(URL, clock, lambda: 60.0)


@responses.activate
def test_newest_version_and_its_champions(data_dragon: DataDragon) -> None:
    responses.get(VERSIONS, json=["16.23.1", "16.22.1", "lolpatch_7.20"])
    responses.get(CHAMPIONS, json={"data": {"MonkeyKing": WUKONG}})
    assert data_dragon.newest_version() == "16.23.1"
    assert data_dragon.champions("16.23.1") == Champions("16.23.1", {62: Champion("Wukong", "MonkeyKing.png")})
    for call in responses.calls:
        assert {name.lower() for name in call.request.headers} & {"x-riot-token", "authorization"} == set()


@responses.activate
@pytest.mark.parametrize(
    "odd",
    [
        None,
        {**WUKONG, "key": 62},
        {**WUKONG, "key": "sixty"},
        {**WUKONG, "name": " "},
        {**WUKONG, "name": None},
        {**WUKONG, "image": None},
        {**WUKONG, "image": {"full": "../../x.png"}},
        {**WUKONG, "image": {"full": "x.png|<!channel>"}},
    ],
)
def test_champions__malformed_entries_left_out(data_dragon: DataDragon, odd: Any) -> None:
    responses.get(CHAMPIONS, json={"data": {"Odd": odd, "MonkeyKing": WUKONG}})
    assert list(data_dragon.champions("16.23.1").by_id) == [62]
    responses.replace(responses.GET, CHAMPIONS, json={"data": {"Odd": odd}})
    with pytest.raises(RiotRefusal, match="no champions"):
        data_dragon.champions("16.23.1")


@responses.activate
@pytest.mark.parametrize("document", [{}, [], "x", [1], ["lolpatch_7.20"], ["../1.2"], ["1"]])
def test_newest_version__none(data_dragon: DataDragon, document: Any) -> None:
    responses.get(VERSIONS, json=document)
    with pytest.raises(RiotRefusal, match="no list of versions"):
        data_dragon.newest_version()


@responses.activate
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status": 403}, "403"),
        ({"status": 301, "headers": {"Location": "https://evil.example/"}}, "301"),
        ({"status": 200, "body": "<html>"}, "no JSON"),
        ({"body": b" " * (MAX_BODY + 1)}, "larger than"),
        ({"body": requests.ConnectionError("no way")}, "no usable answer"),
    ],
)
def test_refusal__after_one_request(data_dragon: DataDragon, answer: dict[str, Any], reason: str) -> None:
    responses.get(VERSIONS, **answer)
    with pytest.raises(RiotRefusal, match=reason) as refusal:
        data_dragon.newest_version()
    assert refusal.value.verdict in (RiotVerdict.UNAVAILABLE, RiotVerdict.FORBIDDEN)
    assert len(responses.calls) == 1
