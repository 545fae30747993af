"""The figures of a week, and what of it is worth telling."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support import START, a_match, participant

from lolslackbot.game import Match, Outcome, Participant
from lolslackbot.messages.recap import BestGame, Figures, Pair, Series, recap
from lolslackbot.rank import FLEX, SOLO, Climb, Standing

HOUR = timedelta(hours=1)
A, B, C = (participant(number, name=name) for number, name in enumerate("ABC", 1))


def games(*of: Match | tuple[Participant, ...]) -> list[Match]:
    """One after the other; participants alone are of a ranked game that was decided."""
    return [
        replace(
            each if isinstance(each, Match) else match(*each),
            match_id=f"EUW1_{number}",
            ended_at=START + number * HOUR,
        )
        for number, each in enumerate(of)
    ]


def match(*participants: Participant, **changes: Any) -> Match:
    return a_match(participants=participants, **changes)


def lost(each: Participant) -> Participant:
    return replace(each, win=False)


def friend(found: tuple[Figures, ...], name: str) -> Figures:
    return next(each for each in found if each.name == name)


def test_recap__results() -> None:
    """Each match counts once; where friends were on both sides it is apart, a remake is neither."""
    remake, crash = match(A, outcome=Outcome.REMAKE), match(A, outcome=Outcome.NOBODY_WON)
    found = recap(games((A, B), (lost(A),), (A, lost(B)), remake, crash, match(A, outcome=Outcome.SURRENDERED)))
    assert (found.games, found.wins, found.losses, found.apart, found.remakes) == (6, 2, 1, 1, 1)
    assert found.summary == "6 games, 2 won, 1 lost, 1 against each other, 1 remake"


@pytest.mark.parametrize(
    ("played", "summary"),
    [
        ([], "no games"),
        ([match(A)], "1 game, 1 won"),
        ([match(A, outcome=Outcome.REMAKE)] * 2, "2 games, 2 remakes"),
        ([match(A, outcome=Outcome.NOBODY_WON)], "1 game"),
    ],
)
def test_recap__summary(played: list[Match], summary: str) -> None:
    assert recap(games(*played)).summary == summary


def test_recap__figures_of_a_friend() -> None:
    """Who played most comes first. In a remake nothing counts but that it was played, and how long."""
    played = games((A, B), (lost(A),), match(A, outcome=Outcome.REMAKE, duration=200))
    first, second = recap(played).friends
    assert (first.name, first.games, first.wins, first.losses, first.seconds) == ("A", 3, 1, 1, 2 * 1871 + 200)
    assert (first.kills, first.deaths, first.assists) == (14, 4, 18)
    assert (second.name, second.games, second.wins, second.losses, second.kills) == ("B", 1, 1, 0, 7)


def test_recap__kills_count_against_players_and_bots_and_not_in_swarm() -> None:
    swarm = match(A, queue_id=1830, game_mode="STRAWBERRY")
    bots = match(B, queue_id=880)
    found = recap(games(swarm, bots)).friends
    assert (friend(found, "A").kills, friend(found, "B").kills) == (None, 7)


def test_recap__pentakills_that_are_not_known_are_not_none() -> None:
    """Old games lack them: unknown, never 0."""
    penta = replace(A, penta_kills=2)
    found = recap(
        games((penta, replace(B, penta_kills=0)), (A, replace(B, penta_kills=1)), (replace(C, penta_kills=0),))
    )
    assert [(each.name, each.penta_kills, each.is_whole) for each in found.friends] == [
        ("A", 2, False),
        ("B", 1, True),
        ("C", 0, True),
    ]
    assert [each.name for each in found.with_pentakills] == ["A", "B"]


@pytest.mark.parametrize(
    "changes", [{"queue_id": 880}, {"queue_id": 1830, "game_mode": "STRAWBERRY"}, {"outcome": Outcome.REMAKE}]
)
def test_recap__pentakills_against_nobody_are_none(changes: dict[str, Any]) -> None:
    (found,) = recap(games(match(replace(A, penta_kills=1), **changes))).friends
    assert (found.penta_kills, found.is_whole) == (0, True)


def test_recap__ranked_queues_by_how_often() -> None:
    flex, aram = match(A, queue_id=440), match(A, queue_id=450, game_mode="ARAM")
    (found,) = recap(games((A,), flex, flex, aram, match(A, queue_id=700))).friends
    assert found.queues == (FLEX, SOLO)


def test_recap__friends_of_one_name_get_their_tags() -> None:
    """Upper and lower case are one to Riot."""
    other = participant(2, name="a", tag_line="NA1")
    found = recap(games((A, other), (C,)))
    assert sorted(each.name for each in found.friends) == ["A#EUW", "C", "a#NA1"]


def test_recap__climber() -> None:
    """Who gained most; nobody, where nobody gained."""
    found = recap(games((A, B, C)))
    way = Climb(Standing("GOLD", "I", 5, 9, 9), 20, (20,))
    climbs = {"A": way, "B": replace(way, lp=31), "C": replace(way, lp=-40)}
    climbed = replace(found, friends=tuple(replace(each, climb=climbs[each.name]) for each in found.friends))
    assert climbed.climber
    assert climbed.climber.name == "B"
    fallen = tuple(replace(each, climb=replace(way, lp=0)) for each in found.friends)
    assert replace(found, friends=fallen).climber is None
    assert found.climber is None


# The best game


def best(*played: Match | tuple[Participant, ...]) -> BestGame | None:
    return recap(games(*played)).best_game


def test_best_game__takedowns_for_each_death_of_a_won_one() -> None:
    great, deathless = replace(A, kills=20, deaths=1, assists=9), replace(B, kills=4, deaths=0, assists=9)
    found = best((great, deathless), (lost(replace(C, kills=30, deaths=1)),))
    assert found == BestGame("EUW1_0", great)
    assert best((replace(deathless, assists=26),), (great,)) == BestGame("EUW1_0", replace(deathless, assists=26))


@pytest.mark.parametrize(
    "played",
    [
        match(replace(A, kills=2, deaths=0, assists=2)),  # no feat
        match(A, duration=599),
        match(A, duration=899, outcome=Outcome.SURRENDERED),
        match(A, queue_id=880),
        match(A, queue_id=1830, game_mode="STRAWBERRY"),
        match(A, outcome=Outcome.REMAKE),
        match(lost(A)),
    ],
)
def test_best_game__none(played: Match) -> None:
    assert best(played) is None


# Pairs and series


def test_best_pair__greatest_share_of_three_games_or_more() -> None:
    together = [(A, B), (A, B), (lost(A), lost(B)), (B, C), (B, C), (A, lost(C))]
    assert recap(games(*together)).best_pair == Pair(("A", "B"), 3, 2)
    assert recap(games(*together, (B, C))).best_pair == Pair(("B", "C"), 3, 3)
    assert recap(games(*together[:2])).best_pair is None


def test_best_pair__of_equal_ones_the_one_that_played_more() -> None:
    assert recap(games(*[(A, B)] * 3, *[(B, C)] * 4)).best_pair == Pair(("B", "C"), 4, 4)


def test_best_pair__nobody_is_shamed() -> None:
    assert recap(games(*[(lost(A), lost(B))] * 3)).best_pair is None


def test_best_pair__in_one_team() -> None:
    """Opponents are no pair; in Arena everybody is on one side, and only a subteam plays together."""
    assert recap(games(*[(A, replace(B, team_id=200))] * 3)).best_pair is None
    arena = [replace(A, subteam=1), replace(B, subteam=1), replace(C, subteam=2)]
    found = recap(games(*[match(*arena, queue_id=1700, game_mode="CHERRY")] * 3)).best_pair
    assert found == Pair(("A", "B"), 3, 3)


def test_longest_series__of_wins_in_one_kind_of_queue() -> None:
    aram = match(A, queue_id=450, game_mode="ARAM")
    flex = match(A, queue_id=440)
    remake = match(A, outcome=Outcome.REMAKE)
    assert recap(games((A,), aram, flex, remake, match(lost(B)), (A,))).longest_series == Series("A", "ranked", 3)
    assert recap(games((A,), (A,), (lost(A),), (A,), (A,))).longest_series is None
    assert recap(games(*[(lost(A),)] * 4)).longest_series is None
    assert recap(games(*[match(A, queue_id=880)] * 4)).longest_series is None


def test_longest_series__ends_with_a_loss_and_counts_anew() -> None:
    assert recap(games(*[(A,)] * 3, (lost(A),), *[(A,)] * 4)).longest_series == Series("A", "ranked", 4)
