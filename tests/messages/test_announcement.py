"""What a channel is told of a match: facts only, and nothing that is not so."""

from typing import Any

import pytest
from support import a_match, participant

from lolslackbot.messages.announcement import announce
from lolslackbot.model import Match, Outcome, Participant

LINK = "https://x.example/{platform}/{server}/{game_id}/{match_id}"


def headline(match: Match) -> str:
    return announce(match, "").headline


def facts(match: Match) -> list[str]:
    return [line.facts for line in announce(match, "").lines]


def both_sides(**changes: Any) -> Match:
    """Two friends who played against each other; the first won."""
    return a_match(participants=(participant(1), participant(2, team_id=200, win=False, deaths=9)), **changes)


# The headline


@pytest.mark.parametrize(
    ("outcome", "win", "expected"),
    [
        (Outcome.DECIDED, True, "Victory"),
        (Outcome.DECIDED, False, "Defeat"),
        (Outcome.SURRENDERED, True, "Victory by surrender"),
        (Outcome.SURRENDERED, False, "Defeat by surrender"),
        (Outcome.REMAKE, True, "Remake"),  # match-v5 still gives one team `win`
        (Outcome.REMAKE, False, "Remake"),
        (Outcome.NOBODY_WON, False, "No winner"),
    ],
)
def test_the_headline_says_how_it_ended_for_them_what_it_was_and_how_long(
    outcome: Outcome, win: bool, expected: str
) -> None:
    match = a_match(outcome=outcome, participants=(participant(1, win=win), participant(2, win=win)))
    assert headline(match) == f"{expected} · Ranked Solo/Duo · 31:11"


@pytest.mark.parametrize("outcome", [Outcome.DECIDED, Outcome.SURRENDERED])
def test_friends_on_both_sides_have_a_result_each(outcome: Outcome) -> None:
    match = both_sides(outcome=outcome)
    ending = " by surrender" if outcome is Outcome.SURRENDERED else ""
    assert headline(match) == "Friends on both sides · Ranked Solo/Duo · 31:11"
    assert facts(match) == [
        f"victory{ending}, Ahri mid, 7/2/9, 201 CS",
        f"defeat{ending}, Ahri mid, 7/9/9, 201 CS",
    ]


@pytest.mark.parametrize(("outcome", "expected"), [(Outcome.REMAKE, "Remake"), (Outcome.NOBODY_WON, "No winner")])
def test_where_nobody_won_sides_do_not_matter(outcome: Outcome, expected: str) -> None:
    match = both_sides(outcome=outcome)
    assert headline(match) == f"{expected} · Ranked Solo/Duo · 31:11"
    assert all(not each.startswith(("victory", "defeat")) for each in facts(match))


@pytest.mark.parametrize(
    ("win", "placement", "place"), [(True, 1, "1st place, "), (True, 4, "4th place, "), (False, 5, "5th place, ")]
)
def test_arena_has_places_and_no_victory(win: bool, placement: int, place: str) -> None:
    played = participant(1, win=win, placement=placement, team_position="", creep_score=3)
    match = a_match(game_mode="CHERRY", queue_id=1700, participants=(played,))
    assert headline(match) == "Arena · 31:11"
    assert facts(match) == [f"{place}Ahri, 7/2/9"]


def test_arenas_many_teams_are_no_sides() -> None:
    match = both_sides(game_mode="CHERRY", queue_id=1710)
    assert headline(match) == "Arena · 31:11"
    assert all("victory" not in each and "defeat" not in each for each in facts(match))


def test_an_arena_remake_is_called_one() -> None:
    assert headline(a_match(game_mode="CHERRY", queue_id=1700, outcome=Outcome.REMAKE)) == "Remake · Arena · 31:11"


@pytest.mark.parametrize(("win", "expected"), [(True, "Survived"), (False, "Defeated")])
def test_swarm_is_survived_or_not(win: bool, expected: str) -> None:
    played = participant(1, win=win, champion_name="Strawberry_Jinx", team_position="")
    match = a_match(game_mode="STRAWBERRY", queue_id=1810, participants=(played,))
    assert headline(match) == f"{expected} · Swarm · 31:11"
    assert facts(match) == ["Jinx, 7/2/9"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59, "0:59"), (60, "1:00"), (1871, "31:11"), (3599, "59:59"), (3600, "1:00:00"), (4205, "1:10:05")],
)
def test_a_length_reads_as_the_games_clock(seconds: int, text: str) -> None:
    assert headline(a_match(duration=seconds)).endswith(f" · {text}")


def test_an_unknown_queue_is_named_by_its_number() -> None:
    assert headline(a_match(queue_id=9999, game_mode="NEWMODE")) == "Victory · queue 9999 · 31:11"


# The lines


def line(**changes: Any) -> str:
    (only,) = facts(a_match(participants=(participant(1, **changes),)))
    return only


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "Ahri mid, 7/2/9, 201 CS"),
        ({"creep_score": 0}, "Ahri mid, 7/2/9, 0 CS"),
        ({"creep_score": None}, "Ahri mid, 7/2/9"),  # never made-up stats
        ({"team_position": ""}, "Ahri, 7/2/9, 201 CS"),
        ({"team_position": "INVALID"}, "Ahri, 7/2/9, 201 CS"),
        ({"team_position": "UTILITY", "champion_name": "MonkeyKing"}, "Wukong support, 7/2/9, 201 CS"),
        ({"champion_name": "", "champion_id": 950}, "champion 950 mid, 7/2/9, 201 CS"),
        ({"kills": 0, "deaths": 0, "assists": 0}, "Ahri mid, 0/0/0, 201 CS"),
        ({"placement": 2}, "2nd place, Ahri mid, 7/2/9, 201 CS"),
    ],
)
def test_a_line_says_what_is_known_of_a_player(changes: dict[str, Any], expected: str) -> None:
    assert line(**changes) == expected


@pytest.mark.parametrize(("mode", "queue"), [("ARAM", 450), ("KIWI", 2400), ("CHERRY", 1700), ("STRAWBERRY", 1810)])
def test_where_nobody_counts_creeps_none_are_told(mode: str, queue: int) -> None:
    assert "CS" not in facts(a_match(game_mode=mode, queue_id=queue))[0]


def test_a_remake_tells_no_creeps() -> None:
    assert facts(a_match(outcome=Outcome.REMAKE)) == ["Ahri mid, 7/2/9"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (8, "8th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
    ],
)
def test_places_are_ordinals(number: int, text: str) -> None:
    assert line(placement=number).startswith(f"{text} place, ")


def test_each_friend_has_a_line_in_the_order_given_and_the_name_as_it_is() -> None:
    friends: tuple[Participant, ...] = tuple(participant(n, name=f"<!channel> {n}") for n in (3, 1, 2))
    match = a_match(participants=friends)
    assert [each.name for each in announce(match, "").lines] == ["<!channel> 3", "<!channel> 1", "<!channel> 2"]


# The link


@pytest.mark.parametrize(
    ("match_id", "link"),
    [
        ("EUW1_7376970903", "https://x.example/euw1/euw/7376970903/EUW1_7376970903"),
        ("EUN1_1", "https://x.example/eun1/eune/1/EUN1_1"),
        ("KR_12", "https://x.example/kr/kr/12/KR_12"),
    ],
)
def test_the_link_is_the_template_filled_in(match_id: str, link: str) -> None:
    assert announce(a_match(match_id), LINK).link == link


@pytest.mark.parametrize("template", ["", "https://x.example/"])
def test_a_template_without_fields_stays_as_it_is(template: str) -> None:
    assert announce(a_match(), template).link == template
