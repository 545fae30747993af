"""Queues as people say them, and what a channel wants to hear of; an unknown one gets something true."""

import pytest

from lolslackbot.messages.game_queues import KINDS, queue_kind, queue_name, read_queues, wants


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
        (0, "CLASSIC", "Summoner's Rift"),  # never a custom game: those do not come
        (4, "CLASSIC", "Ranked Solo/Duo"),  # retired
        (1750, "CHERRY", "Arena"),
        (9999, "<!channel>", "queue 9999"),
        (9999, "", "queue 9999"),
        (9999, "_", "queue 9999"),
        (9999, "SNOWURF", "SNOWURF"),  # in no table: as Riot calls it
        (9999, "NEW_MODE", "NEW MODE"),
        (0, "NEWMODE", "NEWMODE"),
        (710, "CLASSIC", "Ranked 5s"),  # 2026
        (1740, "CHERRY", "Arena"),
        (2450, "KIWI_JADE", "Classic Mayhem"),
        (3280, "KIWI_JADE", "Classic Mayhem"),
        (3270, "KIWI", "ARAM: Mayhem"),
        (4310, "JADE", "League Classic"),
        (3260, "JADE", "League Classic"),
        (3262, "JADE", "League Classic"),
        (9999, "JADE", "League Classic"),
    ],
)
def test_a_queue_has_its_name_or_its_modes_or_its_number(queue: int, mode: str, name: str) -> None:
    assert queue_name(queue, mode) == name


@pytest.mark.parametrize(("bans", "name"), [(0, "ARURF"), (9, "ARURF"), (10, "URF")])
def test_queue_900_is_urf_where_champions_were_banned(bans: int, name: str) -> None:
    assert queue_name(900, "URF", bans) == name
    assert queue_name(420, "CLASSIC", bans) == "Ranked Solo/Duo"


@pytest.mark.parametrize(
    ("queue", "mode", "kind"),
    [
        (420, "CLASSIC", "ranked"),
        (440, "CLASSIC", "ranked"),
        (480, "SWIFTPLAY", "normal"),
        (450, "ARAM", "aram"),
        (2400, "KIWI", "aram"),
        (710, "CLASSIC", "ranked"),
        (2450, "KIWI_JADE", "aram"),
        (4310, "JADE", "events"),
        (720, "ARAM", "clash"),
        (1750, "CHERRY", "arena"),
        (1840, "STRAWBERRY", "swarm"),
        (890, "CLASSIC", "bots"),
        (1020, "ONEFORALL", "events"),
        (9999, "CHERRY", "arena"),  # newer than the table: by its mode
        (9999, "CLASSIC", "other"),
    ],
)
def test_a_queue_is_of_a_kind(queue: int, mode: str, kind: str) -> None:
    assert queue_kind(queue, mode) == kind
    assert kind in KINDS
    for wish, heard in (("all", True), (kind, True), (str(queue), True), ("7777", False)):
        assert wants(read_queues(wish), queue, mode) is heard
    assert not wants(",".join(each for each in KINDS if each != kind), queue, mode)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("all", "all"),
        (" Ranked , ARAM", "ranked,aram"),
        ("1750,aram,0450,ranked", "ranked,aram,450,1750"),
        ("arena,all", "all"),
    ],
)
def test_a_wish_is_kept_in_one_form(text: str, kept: str) -> None:
    assert read_queues(text) == kept


@pytest.mark.parametrize("text", ["", " , ", "ranked;aram", "-450", "rankd", "1" * 10, "<!channel>"])
def test_a_wish_that_names_no_queue_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="it takes all, ranked, normal, aram, .* or Riot's queue ids"):
        read_queues(text)
