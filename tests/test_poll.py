"""Whose list is asked next: where news is likelier, and nobody is forgotten."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support import START

from lolslackbot.poll import (
    LATEST,
    MANY,
    OFTEN,
    SHORTEST,
    TICK,
    Habits,
    Polled,
    expected_wait,
    groups,
    in_turn,
    take_turns,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EVEN = [1.0] * 24


def player(number: int = 1, asked: timedelta | None = 30 * MINUTE, played: timedelta | None = None) -> Polled:
    """asked, played: how long ago."""
    return Polled(
        number,
        None if asked is None else START - asked,
        None if played is None else START - played,
        Habits() if played is None else Habits().after(START - played),
    )


def order(*players: Polled, a_tick: int = 1) -> list[int]:
    return [each.player_id for each in in_turn(players, a_tick, START)]


def test_in_turn__who_was_never_asked_first() -> None:
    assert order(player(1, 2 * HOUR), player(2, None), player(3, MINUTE)) == [2, 1, 3]


def test_in_turn__who_is_alike_takes_turns() -> None:
    assert order(player(1, 20 * MINUTE), player(2, 40 * MINUTE), player(3, 30 * MINUTE)) == [2, 3, 1]


def test_in_turn__the_shorter_ago_somebody_played_the_sooner() -> None:
    played = {1: 30 * MINUTE, 2: DAY, 3: 7 * DAY, 4: 30 * DAY, 5: None}
    assert order(*(player(number, 20 * MINUTE, ago) for number, ago in played.items())) == [1, 2, 3, 4, 5]


def test_in_turn__nothing_can_come_right_after_a_game() -> None:
    """No game is so short; a few minutes later it is the likeliest of all."""
    just_now = replace(player(1, 9 * MINUTE, SHORTEST - MINUTE), asked_at=START - 9 * MINUTE)
    assert order(just_now, player(2, 10 * MINUTE)) == [2, 1]
    assert order(player(1, 9 * MINUTE, SHORTEST + 5 * MINUTE), player(2, 30 * MINUTE)) == [1, 2]


def test_in_turn__the_hours_in_which_somebody_plays() -> None:
    """Two who play as often: at this hour the one, twelve hours later the other."""
    now, other = Habits(), Habits()
    for day in range(1, 11):
        now = now.after(START - day * DAY)
        other = other.after(START - day * DAY + 12 * HOUR)
    one = Polled(1, START - HOUR, START - DAY, now)
    two = Polled(2, START - HOUR, START - 12 * HOUR, other)
    assert order(two, one) == [1, 2]
    later = [replace(each, asked_at=START + 11 * HOUR) for each in (one, two)]
    assert [each.player_id for each in in_turn(later, 1, START + 12 * HOUR)] == [2, 1]


def test_in_turn__another_answer_said_that_a_game_was_played() -> None:
    expected = replace(player(2, MINUTE), is_expected=True)
    assert order(player(1, HOUR, 30 * MINUTE), expected) == [2, 1]


@pytest.mark.parametrize(("number", "longest"), [(100, OFTEN), (3000, 3 * 36 * TICK)])
def test_in_turn__nobody_is_forgotten(number: int, longest: timedelta) -> None:
    """At least every three hours, or in every third round in which each is asked once: whichever is later."""
    playing = [player(each, 30 * MINUTE, 40 * MINUTE) for each in range(1, number)]
    assert order(*playing, player(number, longest), a_tick=85)[0] == number
    assert order(*playing, player(number, longest - MINUTE), a_tick=85)[0] != number


def test_in_turn__a_list_of_who_never_played_comes_at_last() -> None:
    """Ticks of one list each, among some who always have news."""
    playing = [player(each, 3 * MINUTE, 40 * MINUTE) for each in range(2, 12)]
    asked = {each.player_id: each for each in [player(1, timedelta(0)), *playing]}
    for tick in range(200):
        now = START + tick * TICK
        first = in_turn(list(asked.values()), 1, now)[0]
        if first.player_id == 1:
            break
        asked[first.player_id] = replace(first, asked_at=now, last_game_at=now - 40 * MINUTE)
    assert 20 < tick <= OFTEN / TICK


def test_expected_wait__grows_with_age_and_is_never_below_zero() -> None:
    for played in (None, 5 * MINUTE, 20 * MINUTE, HOUR, DAY, 40 * DAY, -HOUR):
        waits = [expected_wait(player(1, minutes * MINUTE, played), EVEN, START) for minutes in (0, 1, 5, 30, 90, 600)]
        assert waits == sorted(waits)
        assert waits[0] == 0


def test_expected_wait__of_a_sitting() -> None:
    """Three games in four are followed by another, which ends at any moment in between."""
    whole = expected_wait(player(1, LATEST, LATEST), EVEN, START)
    assert whole == pytest.approx(0.75 * (LATEST - SHORTEST).total_seconds() / 60 / 2, rel=0.05)


def test_habits__older_games_count_less() -> None:
    once = Habits().after(START - 14 * DAY)
    twice = once.after(START)
    assert twice.hours[START.hour] == pytest.approx(1.5)
    assert once.faded(START) == pytest.approx(0.5)
    assert (twice.faded(START), Habits().faded(START)) == (1.0, 0.0)
    late = twice.after(START - 3 * DAY)  # known late: it counts as fully, and makes nothing younger
    assert late.as_of == START
    assert late.hours[START.hour] == pytest.approx(2.5)


def test_take_turns__only_where_lists_do_not_all_fit() -> None:
    alike = [player(number, MINUTE) for number in range(MANY + 1)]
    assert not take_turns(alike)
    assert take_turns([*alike, player(99, 10 * MINUTE)])
    assert not take_turns([*alike[: MANY - 1], player(99, 10 * MINUTE)])
    assert not take_turns([])


def test_groups__by_when_they_played() -> None:
    everyone = [player(1, 3 * MINUTE, HOUR), player(2, 5 * MINUTE, HOUR), player(3, 9 * MINUTE, HOUR)]
    everyone += [player(4, HOUR, 3 * DAY), player(5, 2 * HOUR), player(6, None)]
    assert [(each.played, each.number, each.median) for each in groups(everyone, START)] == [
        ("within 2 hours", 3, 5 * MINUTE),
        ("within a week", 1, HOUR),
        ("longer ago or never", 1, 2 * HOUR),
    ]
