"""Champions, roles and servers as people say them; an unknown one gets something true."""

import pytest

from lolslackbot.game import Champion, Champions
from lolslackbot.messages.names import champion_name, champion_picture, role_name, server_name


@pytest.mark.parametrize(
    ("riots", "name"),
    [
        ("Ahri", "Ahri"),
        ("MonkeyKing", "Wukong"),
        ("FiddleSticks", "Fiddlesticks"),  # match-v5 writes it so, Data Dragon does not
        ("Fiddlesticks", "Fiddlesticks"),
        ("Nunu", "Nunu & Willump"),
        ("KSante", "K'Sante"),
        ("Strawberry_Jinx", "Jinx"),
        ("Strawberry_MissFortune", "Miss Fortune"),
        ("NewChampion", "NewChampion"),
        ("", "champion 103"),
        ("Strawberry_", "champion 103"),
    ],
)
def test_a_champion_has_the_name_that_the_game_shows(riots: str, name: str) -> None:
    assert champion_name(riots, 103) == name


@pytest.mark.parametrize(
    ("position", "role"),
    [
        ("TOP", "top"),
        ("JUNGLE", "jungle"),
        ("MIDDLE", "mid"),
        ("BOTTOM", "bot"),
        ("UTILITY", "support"),
        ("", ""),
        ("Invalid", ""),
    ],
)
def test_a_role_is_what_players_call_it(position: str, role: str) -> None:
    assert role_name(position) == role


@pytest.mark.parametrize(
    ("platform", "server"),
    [
        ("euw1", "euw"),
        ("eun1", "eune"),
        ("na1", "na"),
        ("kr", "kr"),
        ("ru", "ru"),
        ("la1", "lan"),
        ("la2", "las"),
        ("oc1", "oce"),
        ("me1", "mena"),
        ("jp1", "jp"),
        ("vn2", "vn"),
    ],
)
def test_a_server_is_what_players_call_it(platform: str, server: str) -> None:
    assert server_name(platform) == server


KNOWN = Champions("16.23.1", {62: Champion("Wukong the New", "MonkeyKing.png"), 222: Champion("Jinx", "Jinx.png")})
ADDRESS = "https://ddragon.example"


@pytest.mark.parametrize(
    ("riots", "number", "name", "picture"),
    [
        ("MonkeyKing", 62, "Wukong the New", "/cdn/16.23.1/img/champion/MonkeyKing.png"),
        ("renamed", 62, "Wukong the New", "/cdn/16.23.1/img/champion/MonkeyKing.png"),  # the number counts
        ("Strawberry_Jinx", 3151, "Jinx", "/cdn/16.23.1/img/champion/Jinx.png"),  # Swarm has numbers of its own
        ("jinx", 0, "Jinx", "/cdn/16.23.1/img/champion/Jinx.png"),
        ("TooNew", 999, "TooNew", ""),  # there is no picture of it in that version
    ],
)
def test_data_dragon_knows_names_and_pictures_better(riots: str, number: int, name: str, picture: str) -> None:
    assert champion_name(riots, number, KNOWN) == name
    assert champion_picture(riots, number, KNOWN, ADDRESS) == (picture and ADDRESS + picture)
    assert champion_picture(riots, number, KNOWN, "") == ""


@pytest.mark.parametrize(
    ("riots", "image"), [("Ahri", "Ahri.png"), ("FiddleSticks", "Fiddlesticks.png"), ("", ""), ("../x", "")]
)
def test_before_it_was_heard_pictures_are_of_a_shipped_version(riots: str, image: str) -> None:
    expected = f"{ADDRESS}/cdn/16.15.1/img/champion/{image}" if image else ""
    assert champion_picture(riots, 1, Champions(), ADDRESS) == expected
