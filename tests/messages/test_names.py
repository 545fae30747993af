"""Queues, champions, roles and servers as people say them; an unknown one gets something true."""

import pytest

from lolslackbot.messages.names import champion_name, queue_name, role_name, server_name


@pytest.mark.parametrize(
    ("queue", "mode", "name"),
    [
        (420, "CLASSIC", "Ranked Solo/Duo"),
        (440, "CLASSIC", "Ranked Flex"),
        (450, "ARAM", "ARAM"),
        (2400, "KIWI", "ARAM: Mayhem"),
        (9999, "ARAM", "ARAM"),  # newer than the table: its mode
        (9999, "CHERRY", "Arena"),
        (9999, "SWIFTPLAY", "Swiftplay"),
        (9999, "CLASSIC", "queue 9999"),  # a mode of many queues says nothing
        (0, "", "queue 0"),
        (9999, "<!channel>", "queue 9999"),
    ],
)
def test_a_queue_has_its_name_or_its_modes_or_its_number(queue: int, mode: str, name: str) -> None:
    assert queue_name(queue, mode) == name


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
