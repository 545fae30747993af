"""What one of several processes of a fetch-matches asks for, and what it heeds of the others."""

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest
from fakes import OTHER_KEY, FakeRiot
from support import START, FakeClock, add_player, puuid

from lolslackbot.errors import Exit, Rejected
from lolslackbot.model import Account, Window
from lolslackbot.riot.limiter import Limiter
from lolslackbot.shares import Share
from lolslackbot.stages.fetch_context import Limits
from lolslackbot.stages.fetch_matches import fetch_matches
from lolslackbot.stages.run import Peers, Run
from lolslackbot.stages.schedule import lists_in_a_run
from lolslackbot.store import holds, listings, matches, players, riot_hosts
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.connect import open_database
from lolslackbot.store.database import Database

JUST_NOW = START - timedelta(minutes=5)
FIRST, SECOND = Share.every(2)  # of the even numbers, of the odd ones


@pytest.fixture
def riot() -> FakeRiot:
    return FakeRiot()


class Others(Peers):
    """They look for more so many times yet; `meanwhile` happens each time."""

    def __init__(self, times: int = 0, meanwhile: Callable[[], object] = lambda: None) -> None:
        self._times, self._meanwhile = times, meanwhile
        self.was_told = False

    def find_no_more(self) -> None:
        self.was_told = True

    def may_find_more(self) -> bool:
        self._meanwhile()
        self._times -= 1
        return self._times >= 0


def fetch(db: Database, riot: FakeRiot, clock: FakeClock, share: Share, peers: Peers | None = None) -> Run:
    run = Run("fetch-matches", clock, 80, share, peers or Others())
    limiter = Limiter(CallLog(db, share), clock, 15)
    fetch_matches(db, riot, limiter, run, Limits(timedelta(hours=12), timedelta(seconds=10)))  # type: ignore[arg-type]
    return run


def test_it_asks_for_its_own_players_and_matches(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    for number in (1, 2, 3):
        add_player(db, number)
    riot.add_game("EUW1_10", 1, ended_at=JUST_NOW)
    riot.add_game("EUW1_11", 1, ended_at=JUST_NOW)
    run = fetch(db, riot, clock, SECOND)
    assert riot.calls == [puuid(1), "EUW1_11", puuid(3)]
    riot.calls.clear()
    assert fetch(db, riot, clock, FIRST).counts["fetched"] == 1
    assert riot.calls == ["EUW1_10", puuid(2)]
    assert run.status is Exit.OK


def test_what_others_list_last_is_fetched_yet(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db, 1)
    game = riot.add_game("EUW1_10", 1, ended_at=JUST_NOW)

    def list_it() -> None:
        with closing(open_database(db.path)) as other:
            listings.record_page(other, 1, [game], None, clock.now())

    others = Others(0, list_it)
    assert fetch(db, riot, clock, FIRST, others).counts["fetched"] == 1
    assert others.was_told


def test_it_waits_while_others_may_find_more_but_not_for_ever(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    began = clock.now()
    fetch(db, riot, clock, FIRST, Others(8))
    assert clock.now() - began == timedelta(seconds=2)
    began = clock.now()
    run = fetch(db, riot, clock, FIRST, Others(10**6))
    assert timedelta(seconds=80) <= clock.now() - began < timedelta(seconds=81)
    assert run.status is Exit.OK


def test_a_key_that_others_find_rejected_ends_it(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db, 2)

    def reject() -> None:
        with db.transaction():
            holds.put_first(db, holds.RIOT_KEY, "rejected", "403 Forbidden", clock.now())

    with pytest.raises(Rejected, match="Riot refuses RIOT_API_KEY"):
        fetch(db, riot, clock, FIRST, Others(3, reject))


def test_no_match_is_asked_for_while_another_share_has_a_doubted_player(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    """Until that one's list was asked for in this run, whatever came of it."""
    add_player(db, 1)
    add_player(db, 2)
    game = riot.add_game("EUW1_10", 1, 2, ended_at=JUST_NOW)
    players.doubt_puuids(db, good=[2])
    run = fetch(db, riot, clock, FIRST)
    assert (riot.calls, run.left_over) == ([puuid(2)], 1)
    riot.calls.clear()

    def asked_in_vain() -> None:
        listings.asked_in_vain(db, 1, clock.now())

    clock.advance(180)
    fetch(db, riot, clock, FIRST, Others(2, asked_in_vain))
    assert riot.calls == [puuid(2), game]


def test_a_player_whom_another_process_resolved_meanwhile_is_no_other_player(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    player = add_player(db, 2)
    riot.fail(puuid(2), OTHER_KEY)
    riot.accounts[str(player.riot_id)] = puuid(92)

    def account(*_: object) -> Account:
        players.replace_puuid(db, player.player_id, puuid(92))
        return Account(puuid(92), player.riot_id)

    riot.account = account  # type: ignore[method-assign,assignment]
    fetch(db, riot, clock, SECOND)
    (now,) = players.poll_order(db)
    assert (now.puuid, now.problem) == (puuid(92), None)


def test_of_matches_that_wait_for_their_host_one_is_tried_whoever_has_it(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, 1)
    games = [riot.add_game(f"EUW1_{number}", 1, ended_at=JUST_NOW) for number in (10, 11)]
    listings.record_page(db, 1, games, None, START)
    for game in games:
        for _ in range(matches.LOOKS):
            matches.mark_missing(db, game, START, START)
    clock.advance(1)
    with db.transaction():
        riot_hosts.record_probe(db, "europe", START - timedelta(hours=1))
    assert [each.match_id for each in matches.to_probe(db, clock.now())] == ["EUW1_11", "EUW1_10"]
    riot.bodies.clear()
    fetch(db, riot, clock, FIRST)
    assert [call for call in riot.calls if call in games] == []
    fetch(db, riot, clock, SECOND)
    assert [call for call in riot.calls if call in games] == ["EUW1_11"]


def test_where_lists_take_turns_each_share_has_its_part_of_the_allowance(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    log = CallLog(db)
    with db.transaction():
        log.put_windows("europe", "", [Window(seconds=120, calls=100)])
    limiter = Limiter(log, clock, 15)
    assert [lists_in_a_run("europe", limiter, 80, share) for share in (Share(), SECOND, Share(1, 8))] == [85, 42, 10]
    with db.transaction():
        log.put_windows("europe", "", [Window(seconds=10, calls=500)])
    assert [lists_in_a_run("europe", limiter, 80, share) for share in (Share(), Share(1, 8))] == [680, 425]  # by time
