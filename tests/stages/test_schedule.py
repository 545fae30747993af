"""What waits for a call: one order, a lane for each host."""

from datetime import timedelta

import pytest
from fakes import FakeRiot
from support import START, FakeClock, add_player, puuid

from lolslackbot.model import Player
from lolslackbot.riot.client import MATCH_IDS
from lolslackbot.riot.limiter import Limiter
from lolslackbot.stages.fetch_context import Limits
from lolslackbot.stages.fetch_matches import fetch_matches
from lolslackbot.stages.run import Run
from lolslackbot.stages.schedule import Lanes, lists_in_a_run, lists_in_order
from lolslackbot.store import listings, players
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.database import Database
from lolslackbot.transport import HttpAnswer


def lanes(*items: str) -> Lanes[str]:
    """Items named after their host: `a1` waits for host `a`."""
    return Lanes(lambda item: item[0], items)


def test_what_is_due_first_stands_in_front() -> None:
    assert lanes("b1", "a1", "b2", "c1").hosts() == ["b", "a", "c"]


def test_each_lane_keeps_its_order_whatever_the_others_do() -> None:
    waiting = lanes("b1", "a1", "b2", "a2")
    assert [waiting.take_from("a"), waiting.take_from("a")] == ["a1", "a2"]
    assert [waiting.take(), waiting.take()] == ["b1", "b2"]
    assert not waiting


def test_a_lane_without_its_first_one_may_lose_its_turn() -> None:
    waiting = lanes("a1", "b1", "a2")
    waiting.take()
    assert waiting.hosts() == ["b", "a"]


def test_what_is_put_first_comes_next_the_last_one_before_the_others() -> None:
    waiting = lanes("a1", "b1")
    waiting.put_first("b0")
    waiting.put_first("c0")
    assert waiting.hosts() == ["c", "b", "a"]
    assert [waiting.take(), waiting.take(), waiting.take()] == ["c0", "b0", "a1"]


def test_what_is_dropped_is_gone_and_the_rest_keeps_its_order() -> None:
    waiting = lanes("a1", "b1", "a2", "b2", "a3")
    waiting.drop(lambda item: item in ("a1", "b1", "b2"))
    assert waiting.hosts() == ["a"]
    assert [waiting.take(), waiting.take()] == ["a2", "a3"]


def test_nothing_waits() -> None:
    assert not lanes()
    assert lanes().hosts() == []
    with pytest.raises(IndexError):
        lanes().take()


# Whose list comes first


@pytest.fixture
def limiter(db: Database, clock: FakeClock) -> Limiter:
    return Limiter(CallLog(db), clock, 15)


def allow(limiter: Limiter, limits: str, host: str = "europe") -> None:
    """Riot states its limits there."""
    call = limiter.reserve(host, MATCH_IDS)
    limiter.finish(call, host, MATCH_IDS, HttpAnswer(200, {"x-app-rate-limit": limits}, b"{}"))


def tracked(db: Database, number: int) -> list[Player]:
    """So many players, the last one the longest unasked; the first one played an hour ago."""
    everyone = [add_player(db, each) for each in range(1, number + 1)]
    for each, player in enumerate(everyone):
        listings.asked_in_vain(db, player.player_id, START - timedelta(minutes=3 + each))
    with db.transaction():
        db.write(
            "UPDATE players SET last_game_at = :moment WHERE player_id = 1",
            moment=(START - timedelta(minutes=30)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        )
    return everyone


def names(ordered: list[Player]) -> list[int]:
    return [player.player_id for player in ordered]


def test_a_run_asks_for_so_many_lists_and_some_matches(limiter: Limiter) -> None:
    assert lists_in_a_run("europe", limiter, 80) is None
    allow(limiter, "20:1,100:120")
    assert (lists_in_a_run("europe", limiter, 80), lists_in_a_run("europe", limiter, 150)) == (85, 106)
    assert lists_in_a_run("asia", limiter, 80) is None


@pytest.mark.parametrize("limits", [None, "100:120", "20:1,12:120"])
def test_as_long_as_all_lists_fit_the_longest_unasked_come_first(
    db: Database, clock: FakeClock, limiter: Limiter, limits: str | None
) -> None:
    """Nothing changes for ten friends, whoever of them played."""
    tracked(db, 10)
    if limits:
        allow(limiter, limits)
    assert (
        names(lists_in_order(db, limiter, 80, clock.now())) == names(players.poll_order(db)) == list(range(10, 0, -1))
    )


def test_where_they_do_not_likelier_news_comes_first(db: Database, clock: FakeClock, limiter: Limiter) -> None:
    tracked(db, 20)
    allow(limiter, "10:120")
    assert names(lists_in_order(db, limiter, 80, clock.now())) == [1, *range(20, 1, -1)]


def test_each_host_has_an_order_of_its_own(db: Database, clock: FakeClock, limiter: Limiter) -> None:
    """One that has room is asked as before, in its turns."""
    tracked(db, 20)
    add_player(db, 21, platform="kr")
    add_player(db, 22, platform="kr")
    listings.asked_in_vain(db, 21, START - timedelta(minutes=2))
    listings.asked_in_vain(db, 22, START - timedelta(hours=9))
    allow(limiter, "10:120")
    assert names(lists_in_order(db, limiter, 80, clock.now())) == [22, 1, *range(20, 1, -1), 21]


def test_a_run_asks_for_the_likelier_lists(db: Database, clock: FakeClock, limiter: Limiter) -> None:
    riot = FakeRiot()
    tracked(db, 20)
    allow(limiter, "10:120")
    run = Run("fetch-matches", clock, 80)
    fetch_matches(db, riot, limiter, run, Limits(timedelta(hours=12), timedelta(seconds=10)))  # type: ignore[arg-type]
    assert riot.calls[:2] == [puuid(1), puuid(20)]
