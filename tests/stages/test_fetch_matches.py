"""Which call comes next, and what each answer leads to: state and number of calls."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import pytest
from fakes import (
    FORBIDDEN,
    LOCAL_FAULT,
    NOT_FOUND,
    OTHER_KEY,
    UNAUTHORIZED,
    UNAVAILABLE,
    FakeRiot,
    body_of,
    refused,
)
from support import START, FakeClock, add_player, puuid

from lolslackbot.errors import Exit, Rejected
from lolslackbot.model import ProblemKind, Window
from lolslackbot.riot.answers import RiotVerdict
from lolslackbot.riot.client import Page
from lolslackbot.riot.limiter import Limiter, RateLimited
from lolslackbot.stages import fetch_match as fetching
from lolslackbot.stages.fetch_context import Limits
from lolslackbot.stages.fetch_matches import fetch_matches
from lolslackbot.stages.run import Run
from lolslackbot.store import holds, listings, matches, players
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database

HALF_A_DAY = timedelta(hours=12)
JUST_NOW = START - timedelta(minutes=5)


@pytest.fixture
def riot() -> FakeRiot:
    return FakeRiot()


def fetch(db: Database, riot: FakeRiot, clock: FakeClock, max_seconds: float = 80) -> Run:
    """One run, three minutes after the one before."""
    run = Run("fetch-matches", clock, max_seconds)
    limiter = Limiter(CallLog(db), clock, 15)
    riot.calls.clear()
    clamp_future_times(db, clock.now())
    try:
        fetch_matches(db, riot, limiter, run, Limits(HALF_A_DAY, timedelta(seconds=10)))  # type: ignore[arg-type]
    finally:
        clock.advance(180)
    return run


def state(db: Database, match_id: str) -> tuple[str, str | None]:
    row = db.row("SELECT state, reason FROM matches WHERE match_id = :match_id", match_id=match_id)
    assert row
    return row["state"], row["reason"]


def test_a_new_game_is_listed_then_stored(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    game = riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    run = fetch(db, riot, clock)
    assert riot.calls == [puuid(1), game]
    assert state(db, game) == ("stored", None)
    assert (run.status, run.counts["fetched"]) == (Exit.OK, 1)


def test_a_second_run_asks_for_the_list_only(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    fetch(db, riot, clock)
    fetch(db, riot, clock)
    assert riot.calls == [puuid(1)]


def test_the_players_longest_unasked_come_first_and_nobody_starves(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    for number in (1, 2, 3):
        add_player(db, number)
    listings.asked_in_vain(db, 1, START - timedelta(minutes=1))
    fetch(db, riot, clock)
    assert riot.calls == [puuid(2), puuid(3), puuid(1)]


def test_news_comes_before_further_lists_and_the_newest_first(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db, 1)
    add_player(db, 2)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW - timedelta(hours=1))
    riot.add_game("EUW1_2", 1, ended_at=JUST_NOW)
    fetch(db, riot, clock)
    assert riot.calls == [puuid(1), "EUW1_2", "EUW1_1", puuid(2)]


def test_a_full_page_is_followed_by_another_three_at_most(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    for number in range(1, 451):
        riot.add_game(f"EUW1_{number}", 1, ended_at=JUST_NOW - timedelta(days=40))
    fetch(db, riot, clock)
    assert riot.calls.count(puuid(1)) == 3
    assert db.row("SELECT COUNT(*) AS n FROM matches")["n"] == 300  # type: ignore[index]


def test_a_player_tracked_today_brings_no_old_game_and_one_call_tells(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, since=START)
    for number in range(1, 21):
        riot.add_game(f"EUW1_{number}", 1, ended_at=START - timedelta(hours=21 - number))
    run = fetch(db, riot, clock)
    assert riot.calls == [puuid(1), "EUW1_20"]
    assert db.row("SELECT COUNT(*) AS n FROM matches WHERE state = 'given_up'")["n"] == 20  # type: ignore[index]
    assert state(db, "EUW1_1") == ("given_up", "before tracking")
    assert (run.status, run.counts["before tracking"], run.counts["given up"]) == (Exit.OK, 20, 0)
    assert run.summary() == "fetch-matches: 20 new, 1 listed, 20 before tracking"
    fetch(db, riot, clock)
    assert riot.calls == [puuid(1)]


def test_an_old_id_that_another_tracked_player_may_need_is_still_asked_for(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, 2, since=START - timedelta(days=9))
    add_player(db, 1, since=START)
    riot.add_game("EUW1_1", 1, 2, ended_at=START - timedelta(hours=3))
    riot.add_game("EUW1_2", 1, ended_at=START - timedelta(hours=2))
    fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "stored"


def test_an_id_given_up_unasked_is_wanted_when_a_late_list_of_another_player_has_it(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, 1, since=START)
    add_player(db, 2, since=START - timedelta(days=9))
    riot.add_game("EUW1_1", 1, 2, ended_at=START - timedelta(hours=3))
    riot.add_game("EUW1_2", 1, ended_at=START - timedelta(hours=2))
    late = riot.lists.pop(puuid(2))
    fetch(db, riot, clock)
    assert state(db, "EUW1_1") == ("given_up", "before tracking")
    riot.lists[puuid(2)] = late
    fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "stored"


def test_a_game_that_ended_too_long_ago_is_no_longer_news_nor_is_what_is_older(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, since=START - timedelta(days=30))
    for number in range(1, 4):
        riot.add_game(f"EUW1_{number}", 1, ended_at=START - timedelta(days=3))
    fetch(db, riot, clock)
    assert riot.calls == [puuid(1), "EUW1_3"]
    assert state(db, "EUW1_1") == ("given_up", "no longer news")


def test_two_games_between_two_runs_both_arrive(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    fetch(db, riot, clock)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.add_game("EUW1_2", 1, ended_at=JUST_NOW)
    fetch(db, riot, clock)
    assert {state(db, f"EUW1_{number}")[0] for number in (1, 2)} == {"stored"}


def test_a_game_that_turns_up_late_and_below_known_ones_is_not_missed(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    for number in (1, 2, 3):
        riot.add_game(f"EUW1_{number}", 1, ended_at=JUST_NOW)
    riot.lists[puuid(1)].remove("EUW1_2")
    fetch(db, riot, clock)
    riot.lists[puuid(1)] = ["EUW1_3", "EUW1_2", "EUW1_1"]
    fetch(db, riot, clock)
    assert state(db, "EUW1_2")[0] == "stored"


def test_a_404_is_looked_at_three_times_after_10_and_60_minutes_then_never(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.add_game("EUW1_2", 1, ended_at=JUST_NOW)
    riot.lists[puuid(1)] = ["EUW1_1", "EUW1_2"]
    riot.fail("EUW1_2", UNAVAILABLE, None)  # so that it comes after the first 404
    asked_at = []
    for _ in range(100):
        now = clock.now()
        fetch(db, riot, clock)
        if "EUW1_1" in riot.calls:
            asked_at.append((now - START).total_seconds() / 60)
    assert asked_at == [0, 12, 63]
    assert state(db, "EUW1_1") == ("missing", "404")


def test_a_body_that_comes_late_is_stored_on_a_later_look(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.fail("EUW1_1", NOT_FOUND, None)
    for _ in range(5):
        fetch(db, riot, clock)
    assert state(db, "EUW1_1") == ("stored", None)


def test_a_404_of_one_match_does_not_hold_up_the_others(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.lists[puuid(1)].insert(0, "EUW1_2")
    run = fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "stored"
    assert (run.status, run.counts["missing"]) == (Exit.OK, 1)


@pytest.mark.sqlite_only
def test_server_faults_are_tried_again_with_growing_pauses_until_it_is_no_news(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.fail("EUW1_1", UNAVAILABLE)
    asked_at = []
    for _ in range(300):
        now = clock.now()
        fetch(db, riot, clock)
        asked_at += [(now - START).total_seconds() / 60] * riot.calls.count("EUW1_1")
    pauses = [later - earlier for earlier, later in itertools.pairwise(asked_at)]
    assert pauses[:6] == [3, 6, 12, 24, 48, 60]
    assert set(pauses[6:]) == {60}
    assert asked_at[-1] < 12 * 60
    assert state(db, "EUW1_1") == ("given_up", "no longer news; the last answer was: 503")


def test_a_single_fault_among_good_answers_is_a_failure(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.add_game("EUW1_2", 1, ended_at=JUST_NOW)
    riot.fail("EUW1_2", UNAVAILABLE)
    run = fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "stored"
    assert run.status is Exit.SOME_FAILED


def test_a_host_in_trouble_is_left_alone_after_a_few_faults_and_the_others_go_on(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    for number in range(1, 7):
        add_player(db, number)
        riot.fail(puuid(number), UNAVAILABLE)
    add_player(db, 7, platform="kr")
    run = fetch(db, riot, clock)
    assert len(riot.calls) == 4
    assert puuid(7) in riot.calls
    assert run.status is Exit.LATER


def test_a_list_that_answers_404_is_flagged_and_the_others_go_on(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, 1)
    add_player(db, 2)
    riot.fail(puuid(1), NOT_FOUND)
    game = riot.add_game("EUW1_1", 2, ended_at=JUST_NOW)
    run = fetch(db, riot, clock)
    assert state(db, game)[0] == "stored"
    assert run.status is Exit.OK
    assert "404" in (players.poll_order(db)[0].problem or "")
    riot.faults.clear()
    fetch(db, riot, clock)
    assert players.poll_order(db)[0].problem is None


@pytest.mark.parametrize("refusal", [FORBIDDEN, UNAUTHORIZED])
def test_a_refused_key_stops_the_run_and_marks_nothing_failed(
    db: Database, riot: FakeRiot, clock: FakeClock, refusal: Exception
) -> None:
    for number in (1, 2):
        add_player(db, number)
        riot.fail(puuid(number), refusal)
    with pytest.raises(Rejected):
        fetch(db, riot, clock)
    assert len(riot.calls) == 1
    assert holds.find(db, holds.RIOT_KEY, "rejected")
    riot.faults.clear()
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "stored"
    assert not holds.find(db, holds.RIOT_KEY, "rejected")


def test_after_a_refused_key_each_run_tries_one_call_and_not_a_match(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.lists[puuid(1)] = ["EUW1_1"]
    riot.fail("EUW1_1", UNAVAILABLE)
    fetch(db, riot, clock)
    riot.fail(puuid(1), FORBIDDEN)
    riot.fail("EUW1_1", FORBIDDEN)
    for calls in (["EUW1_1", puuid(1)], [puuid(1)], [puuid(1)]):
        with pytest.raises(Rejected):
            fetch(db, riot, clock)
        assert riot.calls == calls
    assert state(db, "EUW1_1") == ("wanted", "503")


def test_a_closed_match_is_given_up_once_another_call_proves_the_key_good(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, 1)
    add_player(db, 2)
    riot.add_game("EUW1_3", 1, ended_at=JUST_NOW)
    riot.lists[puuid(1)] = ["EUW1_2", "EUW1_4", "EUW1_1", "EUW1_3"]  # in whatever order
    for number in (4, 2, 1):
        riot.fail(f"EUW1_{number}", FORBIDDEN)
    run = fetch(db, riot, clock)
    # The first is cleared by the match that was due; two in a row by the list that was due.
    assert riot.calls == [puuid(1), "EUW1_4", "EUW1_3", "EUW1_2", "EUW1_1", puuid(2)]
    assert {state(db, f"EUW1_{number}") for number in (4, 2, 1)} == {("given_up", "closed: 403, while the key is good")}
    assert state(db, "EUW1_3")[0] == "stored"
    assert run.status is Exit.OK
    fetch(db, riot, clock)
    assert sorted(riot.calls) == [puuid(1), puuid(2)]


def test_the_only_match_there_is_may_be_closed(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db, 1)
    riot.lists[puuid(1)] = ["EUW1_1"]
    riot.fail("EUW1_1", FORBIDDEN)
    assert fetch(db, riot, clock).status is Exit.OK
    assert riot.calls == [puuid(1), "EUW1_1", puuid(1)]
    assert state(db, "EUW1_1")[0] == "given_up"


def test_a_list_that_fails_leaves_the_proof_to_an_account(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db, 1)
    riot.lists[puuid(1)] = ["EUW1_1"]
    riot.fail("EUW1_1", FORBIDDEN)
    riot.fail(puuid(1), None, UNAVAILABLE)
    fetch(db, riot, clock)
    assert riot.calls == [puuid(1), "EUW1_1", puuid(1), f"account of {puuid(1)}"]
    assert state(db, "EUW1_1")[0] == "given_up"


def test_a_403_that_no_other_call_clears_rejects_the_key_and_holds_up_no_other_match(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.lists[puuid(1)] = ["EUW1_1"]
    riot.fail("EUW1_1", FORBIDDEN)
    riot.fail(puuid(1), None, UNAVAILABLE)
    riot.fail(f"account of {puuid(1)}", UNAVAILABLE)
    with pytest.raises(Rejected):
        fetch(db, riot, clock)
    assert state(db, "EUW1_1") == ("wanted", None)


def test_an_id_of_a_platform_without_a_host_keeps_its_row_and_its_reason(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    real = riot.match_ids

    @contextmanager
    def with_another(*arguments: Any) -> Iterator[Page]:
        with real(*arguments) as page:
            yield dataclasses.replace(page, unroutable=("XX9_5",))

    riot.match_ids = with_another  # type: ignore[method-assign,assignment]
    for _ in range(2):
        fetch(db, riot, clock)
        assert state(db, "XX9_5") == ("given_up", "unknown platform: no host to ask")


def test_odd_ids_on_any_page_are_flagged(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    pages = iter([Page((), (), True, "1 match ids of odd form ('x')"), Page((), (), False, None)])
    riot.match_ids = lambda *_: nullcontext(next(pages))  # type: ignore[method-assign,assignment]
    fetch(db, riot, clock)
    assert players.poll_order(db)[0].problem == "1 match ids of odd form ('x')"


def test_odd_ids_for_a_puuid_of_another_key_are_flagged(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    riot.fail(puuid(1), OTHER_KEY)
    riot.fail("Player 1#EUW", refused(RiotVerdict.ODD_IDS, 200))
    fetch(db, riot, clock)
    assert "odd" in (players.poll_order(db)[0].problem or "")
    assert players.poll_order(db)[0].puuid == puuid(1)


def test_a_clock_set_back_delays_no_look_beyond_the_longest_pause(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, since=START - timedelta(days=9))
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW - timedelta(days=1))
    riot.fail("EUW1_1", UNAVAILABLE, None)
    fetch(db, riot, clock)
    clock.moment -= timedelta(days=1)
    for _ in range(21):
        fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "stored"


def test_a_401_with_a_key_just_proved_good_is_like_a_server_fault(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, 1)
    add_player(db, 2)
    riot.lists[puuid(1)] = ["EUW1_1"]
    riot.fail("EUW1_1", UNAUTHORIZED)
    riot.fail(puuid(2), UNAUTHORIZED)
    run = fetch(db, riot, clock)
    assert run.status is Exit.SOME_FAILED
    assert state(db, "EUW1_1") == ("wanted", "401")


def test_a_puuid_of_another_key_is_resolved_again_once_and_identity_stays(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    player = add_player(db, 1)
    riot.fail(puuid(1), OTHER_KEY)
    riot.accounts["Player 1#EUW"] = puuid(91)
    riot.add_game("EUW1_1", 91, ended_at=JUST_NOW)
    run = fetch(db, riot, clock)
    assert riot.calls == [puuid(1), "Player 1#EUW", puuid(91), "EUW1_1"]
    assert players.poll_order(db)[0].player_id == player.player_id
    assert (run.status, state(db, "EUW1_1")[0]) == (Exit.OK, "stored")


def test_a_new_puuid_that_is_refused_as_well_is_flagged_and_not_resolved_again(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, 1)
    riot.accounts["Player 1#EUW"] = puuid(91)
    for number in (1, 91):
        riot.fail(puuid(number), OTHER_KEY)
    run = fetch(db, riot, clock)
    assert riot.calls == [puuid(1), "Player 1#EUW", puuid(91)]
    assert (players.poll_order(db)[0].puuid, of_problem(db)[0]) == (puuid(91), ProblemKind.STILL_OTHER_KEY)
    assert run.counts["flagged"] == 1
    fetch(db, riot, clock)
    assert riot.calls == [puuid(91)]


def test_a_riot_id_that_leads_to_no_usable_puuid_is_flagged_and_not_resolved_every_run(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, 1)
    riot.fail(puuid(1), OTHER_KEY)
    fetch(db, riot, clock)
    assert riot.calls == [puuid(1), "Player 1#EUW"]
    assert "track it anew" in (players.poll_order(db)[0].problem or "")
    fetch(db, riot, clock)
    assert riot.calls == [puuid(1)]


def test_a_riot_id_that_now_is_another_tracked_player_takes_nothing_from_them(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, 1)
    add_player(db, 2)
    riot.fail(puuid(1), OTHER_KEY)
    riot.accounts["Player 1#EUW"] = puuid(2)
    fetch(db, riot, clock)
    assert [player.puuid for player in sorted(players.poll_order(db), key=lambda each: each.player_id)] == [
        puuid(1),
        puuid(2),
    ]


@pytest.mark.parametrize(("refusal", "status"), [(UNAVAILABLE, Exit.LATER), (FORBIDDEN, None), (UNAUTHORIZED, None)])
def test_trouble_while_resolving_again_is_trouble_of_its_own_kind(
    db: Database, riot: FakeRiot, clock: FakeClock, refusal: Exception, status: Exit | None
) -> None:
    add_player(db, 1)
    riot.fail(puuid(1), OTHER_KEY)
    riot.fail("Player 1#EUW", refusal)
    if status is None:
        with pytest.raises(Rejected):
            fetch(db, riot, clock)
    else:
        assert fetch(db, riot, clock).status is status
    assert players.poll_order(db)[0].problem is None  # so it is tried again


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        "blocked",
        {"status": {"message": "blocked by policy"}},
        {"metadata": {}, "info": {"participants": []}},
        body_of("EUW1_9", 1, ended_at=JUST_NOW),
    ],
)
def test_an_answer_that_does_not_name_the_match_ends_none_and_leaves_the_host_alone(
    db: Database, riot: FakeRiot, clock: FakeClock, body: object
) -> None:
    add_player(db)
    wanted = [riot.add_game(f"EUW1_{number}", 1, ended_at=JUST_NOW) for number in range(10, 40)]
    good, riot.bodies = riot.bodies, dict.fromkeys(wanted, body)
    run = fetch(db, riot, clock)
    assert run.status is Exit.LATER
    assert {state(db, match_id)[0] for match_id in wanted} == {"wanted"}
    assert sum(call in wanted for call in riot.calls) == 3
    riot.bodies = good
    clock.advance(3600)
    fetch(db, riot, clock)
    assert {state(db, match_id)[0] for match_id in wanted} == {"stored"}


def test_a_participant_listed_twice_costs_neither_tries_nor_the_game(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, 2, 1, ended_at=JUST_NOW)
    assert fetch(db, riot, clock).status is Exit.OK
    assert state(db, "EUW1_1") == ("stored", None)
    assert len(db.rows("SELECT * FROM participants")) == 1


def test_an_answer_is_read_and_packed_before_the_transaction_begins(
    db: Database, riot: FakeRiot, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what a server sends cannot keep the other stages from writing."""
    inside = False
    transaction = riot.transaction

    @contextmanager
    def noted() -> Iterator[None]:
        nonlocal inside
        inside = True
        with transaction():
            yield
        inside = False

    def outside(work: Callable[..., Any]) -> Callable[..., Any]:
        def checked(*arguments: Any) -> Any:
            assert not inside
            read.append(work)
            return work(*arguments)

        return checked

    read: list[object] = []
    riot.transaction = noted
    for module, name in ((fetching, "read_puuids"), (fetching, "read_match"), (fetching, "pack")):
        monkeypatch.setattr(module, name, outside(getattr(module, name)))
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "stored"
    assert len(read) == 3


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"metadata": {"matchId": "EUW1_1"}}, "not a valid match: no info"),
        ({"metadata": {"matchId": "EUW1_1"}, "info": {"participants": []}}, "nothing in it"),
    ],
)
def test_an_answer_that_is_no_match_is_given_up_with_the_reason(
    db: Database, riot: FakeRiot, clock: FakeClock, body: object, reason: str
) -> None:
    add_player(db)
    riot.add_game("EUW1_2", 1, ended_at=JUST_NOW)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.bodies["EUW1_1"] = body
    run = fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "given_up"
    assert (state(db, "EUW1_1")[1] or "").startswith(reason)
    assert state(db, "EUW1_2")[0] == "stored"
    assert run.status is Exit.OK


def test_ids_that_are_not_encrypted_for_our_key_are_not_taken_for_players(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.bodies["EUW1_1"]["info"]["participants"][0]["puuid"] = "0" * 36
    assert fetch(db, riot, clock).status is Exit.SOME_FAILED
    assert state(db, "EUW1_1")[0] == "wanted"
    riot.bodies["EUW1_1"]["info"]["participants"][0]["puuid"] = puuid(1)
    fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "stored"


def test_an_unexpected_error_in_one_item_is_recorded_and_stops_nothing(
    db: Database, riot: FakeRiot, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    add_player(db, 1)
    add_player(db, 2)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.add_game("EUW1_2", 1, ended_at=JUST_NOW)
    riot.fail("EUW1_2", KeyError("a bug of ours"))
    riot.fail(puuid(2), ZeroDivisionError("another"))
    run = fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "stored"
    assert state(db, "EUW1_2") == ("wanted", "unexpected KeyError")
    assert (run.status, run.counts["failed"]) == (Exit.SOME_FAILED, 2)
    assert "a bug of ours" in caplog.text
    assert "Traceback" in caplog.text


def test_a_new_name_in_a_match_renames_the_player(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.bodies["EUW1_1"]["info"]["participants"][0] |= {"riotIdGameName": "Renamed", "riotIdTagline": "NEW"}
    fetch(db, riot, clock)
    assert str(players.poll_order(db)[0].riot_id) == "Renamed#NEW"


def test_a_run_out_of_time_says_so_and_the_next_one_goes_on(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    for number in (1, 2, 3):
        add_player(db, number)
    answer = riot.match_ids

    def slow(*arguments: object) -> object:
        clock.advance(30)
        return answer(*arguments)  # type: ignore[arg-type]

    riot.match_ids = slow  # type: ignore[method-assign,assignment]
    run = fetch(db, riot, clock, max_seconds=50)
    assert len(riot.calls) == 2
    assert (run.status, "out of time" in run.summary()) == (Exit.OK, True)
    fetch(db, riot, clock, max_seconds=50)
    assert riot.calls[0] == puuid(3)


def test_untracked_while_it_was_wanted_is_given_up_without_a_call(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, 1)
    add_player(db, 2)
    riot.add_game("EUW1_1", 1, 2, ended_at=JUST_NOW)
    riot.add_game("EUW1_2", 1, 2, ended_at=JUST_NOW)

    def untrack_everybody(*_: object) -> object:
        with db.transaction():
            db.write("DELETE FROM tracks")
        raise UNAVAILABLE

    riot.match = untrack_everybody  # type: ignore[method-assign,assignment]
    fetch(db, riot, clock)
    del riot.match
    fetch(db, riot, clock)
    assert {state(db, f"EUW1_{number}")[1] for number in (1, 2)} == {"untracked: it names nobody who is tracked"}


# Limits met on the way


def hold(db: Database, clock: FakeClock, host: str, endpoint: str, seconds: float) -> None:
    """A 429 of that endpoint, `seconds` of which are left."""
    with db.transaction():
        CallLog(db).back_off(host, endpoint, "429 method", clock.now(), clock.now() + timedelta(seconds=seconds))


def test_a_short_limit_is_waited_for(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    hold(db, clock, "europe", "match-ids", 7)
    run = fetch(db, riot, clock)
    assert clock.slept == [7.001]
    assert riot.calls == [puuid(1)]
    assert (run.status, run.counts["listed"]) == (Exit.OK, 1)


def test_a_long_hold_after_a_429_ends_the_run_without_a_call_and_says_when_it_goes_on(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    hold(db, clock, "europe", "match-ids", 60)
    run = fetch(db, riot, clock)
    assert (riot.calls, clock.slept) == ([], [])
    assert run.status is Exit.LATER
    assert "429 method; goes on after 2026-11-23T12:01:00.000Z" in run.summary()


def test_our_own_count_of_a_full_window_ends_the_run_without_a_failure(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    ledger = CallLog(db)
    with db.transaction():
        ledger.put_windows("europe", "", [Window(120, 1)])
        ledger.finish(ledger.reserve("europe", "match-ids", clock.now()), clock.now())
    run = fetch(db, riot, clock)
    assert (riot.calls, clock.slept) == ([], [])
    assert run.status is Exit.OK
    assert "rate limit 1/120 s exhausted for europe; goes on after" in run.summary()


@pytest.mark.parametrize("seconds", [0, 80])
def test_what_was_given_up_or_untracked_meanwhile_is_not_waited_for(
    db: Database, riot: FakeRiot, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """Neither with a limit that is full then, nor with the time that is over: nothing is left for the next run."""
    add_player(db, since=START)
    for number in range(1, 21):
        riot.add_game(f"EUW1_{number}", 1, ended_at=START - timedelta(hours=21 - number))

    answer = riot.match

    def last_answer(match_id: str, read: Any) -> Any:
        hold(db, clock, "europe", "", 60)
        clock.advance(seconds)
        with db.transaction():
            db.write("DELETE FROM tracks WHERE player_id = 2")
        return answer(match_id, read)

    add_player(db, 2)
    monkeypatch.setattr(riot, "match", last_answer)
    run = fetch(db, riot, clock)
    assert (riot.calls, clock.slept) == ([puuid(1), "EUW1_20"], [])
    assert (run.status, run.notes) == (Exit.OK, [])


def test_a_limit_that_outlasts_the_run_is_not_waited_for(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    hold(db, clock, "europe", "match-ids", 8)
    run = fetch(db, riot, clock, max_seconds=5)
    assert (riot.calls, clock.slept, run.status) == ([], [], Exit.LATER)


def test_other_hosts_go_on_while_one_is_limited(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db, 1)
    add_player(db, 2, platform="kr")
    hold(db, clock, "europe", "", 60)
    run = fetch(db, riot, clock)
    assert riot.calls == [puuid(2)]
    assert (run.status, run.counts["listed"]) == (Exit.LATER, 1)


def test_an_endpoint_that_is_limited_does_not_hold_up_the_other_one(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db, 1)
    add_player(db, 2)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.add_game("EUW1_2", 1, ended_at=JUST_NOW)
    hold(db, clock, "europe", "match", 60)
    fetch(db, riot, clock)
    assert riot.calls == [puuid(1), puuid(2)]
    assert state(db, "EUW1_1") == ("wanted", None)


@pytest.mark.parametrize("asked", [puuid(1), "EUW1_1"])
def test_a_call_that_another_process_forestalled_is_made_once_the_limit_allows(
    db: Database, riot: FakeRiot, clock: FakeClock, asked: str
) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.fail(asked, RateLimited(START + timedelta(seconds=3), "waiting for the first answer from europe"), None)
    run = fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "stored"
    assert riot.calls.count(asked) == 2
    assert (run.status, run.counts["failed"]) == (Exit.OK, 0)


@pytest.mark.parametrize("asked", [puuid(1), "EUW1_1"])
def test_a_429_costs_one_call_is_no_failure_and_is_waited_for(
    db: Database, riot: FakeRiot, clock: FakeClock, asked: str
) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    endpoint = "match" if asked == "EUW1_1" else "match-ids"
    answer = riot._asked

    def limited_once(what: str) -> None:
        answer(what)
        if what == asked and not clock.slept:
            hold(db, clock, "europe", endpoint, 5)  # as the client records it
            raise refused(RiotVerdict.LIMITED, 429)

    riot._asked = limited_once  # type: ignore[method-assign]
    run = fetch(db, riot, clock)
    assert clock.slept == [5.001]
    assert riot.calls.count(asked) == 2
    assert state(db, "EUW1_1")[0] == "stored"
    assert (run.status, run.counts["answered 429"], run.counts["failed"]) == (Exit.OK, 1, 0)


def test_a_limit_met_between_two_pages_is_waited_for(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    for number in range(1, 151):
        riot.add_game(f"EUW1_{number}", 1, ended_at=JUST_NOW - timedelta(days=40))
    answer = riot._asked

    def limited_after_the_first(what: str) -> None:
        answer(what)
        if not clock.slept:
            hold(db, clock, "europe", "match-ids", 2)

    riot._asked = limited_after_the_first  # type: ignore[method-assign]
    fetch(db, riot, clock)
    assert clock.slept == [2.001]
    assert riot.calls[:2] == [puuid(1)] * 2
    assert db.row("SELECT COUNT(*) AS n FROM matches")["n"] == 150  # type: ignore[index]


def test_a_limit_met_while_resolving_again_leaves_the_player_for_the_next_run(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.fail(puuid(1), OTHER_KEY)
    riot.fail("Player 1#EUW", RateLimited(START + timedelta(seconds=3), "spent"))
    run = fetch(db, riot, clock)
    assert riot.calls == [puuid(1), "Player 1#EUW"]
    assert (run.status, players.poll_order(db)[0].problem) == (Exit.OK, None)
    riot.fail("Player 1#EUW", None)
    riot.accounts["Player 1#EUW"] = puuid(91)
    fetch(db, riot, clock)
    assert players.poll_order(db)[0].puuid == puuid(91)


# Odd answers


def test_ids_of_odd_form_are_flagged_and_the_good_ones_go_on(
    db: Database, riot: FakeRiot, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    answer = riot.match_ids

    @contextmanager
    def with_odd(*arguments: Any) -> Iterator[Page]:
        with answer(*arguments) as page:
            yield dataclasses.replace(page, odd="1 match ids of odd form ('x')")

    riot.match_ids = with_odd  # type: ignore[method-assign,assignment]
    fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "stored"
    assert players.poll_order(db)[0].problem == "1 match ids of odd form ('x')"
    assert "the list holds 1 match ids of odd form" in caplog.text


def test_an_odd_puuid_for_a_riot_id_is_flagged_and_not_stored_over_a_good_one(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.fail(puuid(1), OTHER_KEY)
    riot.fail("Player 1#EUW", refused(RiotVerdict.ODD_IDS, 200))
    run = fetch(db, riot, clock)
    player = players.poll_order(db)[0]
    assert player.puuid == puuid(1)
    assert "Riot hands out odd ones" in (player.problem or "")
    assert (run.status, run.counts["flagged"]) == (Exit.OK, 1)


@pytest.mark.parametrize("fault", [None, NOT_FOUND])
def test_a_match_untracked_while_its_body_was_on_the_way_stays_given_up(
    db: Database, riot: FakeRiot, clock: FakeClock, fault: Exception | None
) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.fail("EUW1_1", fault)
    answer = riot.match

    def untracked_meanwhile(match_id: str, read: Any) -> object:
        with db.transaction():
            db.write("DELETE FROM tracks")
            matches.give_up_untracked(db)
        return answer(match_id, read)

    riot.match = untracked_meanwhile  # type: ignore[method-assign,assignment]
    run = fetch(db, riot, clock)
    assert state(db, "EUW1_1") == ("given_up", "untracked: it names nobody who is tracked")
    assert db.row("SELECT 1 FROM participants") is None
    assert (run.status, run.counts["missing"]) == (Exit.OK, 0)


def test_a_match_listed_by_a_clock_that_was_set_back_since_is_asked_for_at_once(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    player = add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    listings.record_page(db, player.player_id, ["EUW1_1"], None, START + timedelta(minutes=50))
    fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "stored"


def test_order__hosts_take_turns_and_matches_go_first(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """Each host's first match, then its next one; lists after all matches."""
    european, korean = add_player(db), add_player(db, 2, platform="kr")
    for number, match_id in ((1, "EUW1_1"), (1, "EUW1_2"), (2, "KR_7")):
        riot.add_game(match_id, number, ended_at=JUST_NOW)
    listings.record_page(db, european.player_id, ["EUW1_2", "EUW1_1"], None, START)
    listings.record_page(db, korean.player_id, ["KR_7"], None, START)
    fetch(db, riot, clock)
    assert riot.calls == ["EUW1_2", "KR_7", "EUW1_1", puuid(1), puuid(2)]


def test_order__match_before_next_list(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """What a list shows is asked for before the next list."""
    add_player(db)
    add_player(db, 2, platform="kr")
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    fetch(db, riot, clock)
    assert riot.calls == [puuid(1), "EUW1_1", puuid(2)]


def test_matches__given_up_by_another_process(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """A match that was due is not asked for once nobody in it is tracked."""
    add_player(db)
    for match_id in ("EUW1_1", "EUW1_2"):
        riot.add_game(match_id, 1, ended_at=JUST_NOW)
    answer = riot.match

    def untracked_meanwhile(match_id: str, read: Any) -> object:
        with db.transaction():
            db.write("DELETE FROM tracks")
            matches.give_up_untracked(db)
        return answer(match_id, read)

    riot.match = untracked_meanwhile  # type: ignore[method-assign,assignment]
    run = fetch(db, riot, clock)
    assert riot.calls[-1] == "EUW1_2"
    assert state(db, "EUW1_1") == ("given_up", "untracked: it names nobody who is tracked")
    assert run.status is Exit.OK


def test_a_refused_match_that_is_given_up_meanwhile_is_not_put_off(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)

    def untracked_meanwhile(match_id: str, read: Any) -> object:
        with db.transaction():
            db.write("DELETE FROM tracks")
            matches.give_up_untracked(db)
        raise UNAVAILABLE

    riot.match = untracked_meanwhile  # type: ignore[method-assign,assignment]
    fetch(db, riot, clock)
    assert state(db, "EUW1_1") == ("given_up", "untracked: it names nobody who is tracked")


def test_a_closed_match_whose_players_were_all_untracked_meanwhile_cannot_clear_the_key(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.lists[puuid(1)] = ["EUW1_1"]

    def untracked_meanwhile(match_id: str, read: Any) -> object:
        with db.transaction():
            db.write("DELETE FROM tracks")
        raise FORBIDDEN

    riot.match = untracked_meanwhile  # type: ignore[method-assign,assignment]
    with pytest.raises(Rejected):
        fetch(db, riot, clock)
    assert state(db, "EUW1_1") == ("wanted", None)


def test_what_cannot_be_asked_before_the_time_is_up_is_said_to_be_left(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    answer = riot.match_ids

    def slow(*arguments: Any) -> Any:
        clock.advance(90)
        return answer(*arguments)

    riot.match_ids = slow  # type: ignore[method-assign,assignment]
    run = fetch(db, riot, clock)
    assert riot.calls == [puuid(1)]
    assert (run.status, "out of time, the next run goes on" in run.summary()) == (Exit.OK, True)
    assert (run.out_of_time, run.left_over) == (True, 1)
    assert (fetch(db, riot, clock, max_seconds=200).left_over) == 0


def test_a_run_whose_time_is_up_with_everything_done_says_nothing_of_it(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    answer = riot.match_ids

    def slow(*arguments: Any) -> Any:
        clock.advance(90)
        return answer(*arguments)

    riot.match_ids = slow  # type: ignore[method-assign,assignment]
    run = fetch(db, riot, clock)
    assert "out of time" not in run.summary()


def test_a_401_on_the_first_call_of_a_run_rejects_the_key_also_on_a_match(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.lists[puuid(1)] = ["EUW1_1"]
    riot.fail("EUW1_1", UNAVAILABLE, UNAUTHORIZED)
    fetch(db, riot, clock)
    with pytest.raises(Rejected):
        fetch(db, riot, clock)
    assert riot.calls == ["EUW1_1"]
    assert state(db, "EUW1_1") == ("wanted", "503")
    assert holds.find(db, holds.RIOT_KEY, "rejected")


# The clock


def test_a_clock_that_differs_from_riots_is_told_in_the_summary(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    for ahead, told in (
        (None, ""),
        (timedelta(minutes=-4, seconds=-59), ""),
        (timedelta(days=365), "; this clock is 365 days, 0:00:00 ahead of Riot's"),
        (timedelta(hours=-1, milliseconds=-400), "; this clock is 1:00:00 behind Riot's"),
    ):
        riot.clock_ahead = ahead
        run = fetch(db, riot, clock)
        assert run.summary() == f"fetch-matches: 1 listed{told}"
        assert run.clock_ahead == (ahead.total_seconds() if told and ahead else None)


def test_who_was_asked_for_while_the_clock_was_ahead_does_not_starve(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    for number in (1, 2):
        add_player(db, number)
    clock.advance(86400)
    fetch(db, riot, clock)
    clock.advance(-86400)
    listings.asked_in_vain(db, 1, clock.now())
    fetch(db, riot, clock)
    assert riot.calls == [puuid(2), puuid(1)]


# This machine's way out


@pytest.mark.parametrize("what", ["list", "match", "account"])
def test_no_way_out_of_this_machine_marks_nothing_and_needs_a_person(
    db: Database, riot: FakeRiot, clock: FakeClock, what: str
) -> None:
    add_player(db, 1)
    add_player(db, 2)
    add_player(db, 3, platform="kr")
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.fail({"list": puuid(1), "match": "EUW1_1", "account": "Player 1#EUW"}[what], LOCAL_FAULT)
    if what == "account":
        riot.fail(puuid(1), OTHER_KEY)
    run = fetch(db, riot, clock)
    assert (run.status, run.counts["failed"], run.counts["put off"]) == (Exit.UNUSABLE, 0, 0)
    assert "no answer" in run.summary()
    assert puuid(2) not in riot.calls  # that host is left alone at once
    assert puuid(3) in riot.calls  # the others are not
    assert {player.problem for player in players.poll_order(db)} == {None}
    assert {row["failures"] for row in db.rows("SELECT failures FROM matches")} <= {0}
    riot.faults.clear()
    after = fetch(db, riot, clock)
    assert after.status is Exit.OK
    assert state(db, "EUW1_1") == ("stored", None)


# A host that gives no match at all


def minutes_of_looks(db: Database, riot: FakeRiot, clock: FakeClock, minutes: int) -> dict[int, list[str]]:
    """What was asked for besides lists in each run of the next so many minutes, by minutes since START."""
    asked = {}
    for _ in range(minutes // 3):
        minute = round((clock.now() - START).total_seconds() / 60)
        assert fetch(db, riot, clock).status is Exit.OK
        if calls := [call for call in riot.calls if call in riot.lists[puuid(1)]]:
            asked[minute] = calls
    return asked


def test_while_a_host_gives_no_match_one_of_them_is_asked_for_every_half_hour_and_all_once_one_comes(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    games = [riot.add_game(f"EUW1_{number}", 1, ended_at=JUST_NOW) for number in (1, 2, 3)]
    for game in games:
        riot.fail(game, NOT_FOUND)
    usual = minutes_of_looks(db, riot, clock, 66)
    assert (list(usual), {len(calls) for calls in usual.values()}) == ([0, 12, 63], {3})
    probes = minutes_of_looks(db, riot, clock, 4 * 60)
    assert list(probes) == [93, 123, 153, 183, 213, 243, 273, 303]
    assert {len(calls) for calls in probes.values()} == {1}
    assert {call for calls in probes.values() for call in calls} == set(games)  # each in its turn
    assert {state(db, game)[0] for game in games} == {"missing"}
    riot.faults.clear()
    minutes_of_looks(db, riot, clock, 30)
    assert {state(db, game)[0] for game in games} == {"stored"}


def test_a_new_match_that_comes_brings_back_those_that_waited_for_the_host_in_the_same_run(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    waiting = [riot.add_game(f"EUW1_{number}", 1, ended_at=JUST_NOW) for number in (1, 2)]
    for game in waiting:
        riot.fail(game, NOT_FOUND)
    minutes_of_looks(db, riot, clock, 66)
    riot.fail("EUW1_1", None)
    riot.add_game("EUW1_3", 1, ended_at=clock.now())
    fetch(db, riot, clock)
    assert riot.calls[1:] == ["EUW1_3", "EUW1_2", "EUW1_1"]
    assert state(db, "EUW1_1")[0] == "stored"
    assert state(db, "EUW1_2") == ("missing", "404")  # for good now: the host gave others
    assert minutes_of_looks(db, riot, clock, 120) == {}


def test_what_a_host_did_not_give_while_it_was_news_is_given_up(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    games = [riot.add_game(f"EUW1_{number}", 1, ended_at=JUST_NOW) for number in (1, 2)]
    for game in games:
        riot.fail(game, NOT_FOUND)
    minutes_of_looks(db, riot, clock, 66)
    clock.advance(10.5 * 3600)
    assert min(minutes_of_looks(db, riot, clock, 9)) == 11 * 60 + 36
    clock.advance(1200)
    assert minutes_of_looks(db, riot, clock, 6) == {}
    for game in games:
        assert state(db, game) == (
            "given_up",
            "no longer news: Riot answered 404, and that host gave no match since",
        )


def test_a_look_that_is_no_news_any_more_gives_up_without_another_one(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.fail("EUW1_1", NOT_FOUND)
    for _ in range(2):
        fetch(db, riot, clock)
        clock.advance(600)
    clock.advance(13 * 3600)
    fetch(db, riot, clock)
    assert riot.calls.count("EUW1_1") == 1
    assert state(db, "EUW1_1")[0] == "given_up"


def test_a_probe_that_meets_a_server_fault_is_not_repeated_within_the_half_hour(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    for number in (1, 2):
        riot.fail(riot.add_game(f"EUW1_{number}", 1, ended_at=JUST_NOW), NOT_FOUND)
    minutes_of_looks(db, riot, clock, 90)
    for number in (1, 2):
        riot.fail(f"EUW1_{number}", UNAVAILABLE)
    asked = [sum(call.startswith("EUW1") for call in riot.calls) for _ in range(10) if fetch(db, riot, clock)]
    assert sum(asked) == 1


def test_a_host_that_gives_matches_says_nothing_of_another_one(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db, 1)
    add_player(db, 2, platform="kr")
    riot.fail(riot.add_game("EUW1_1", 1, ended_at=JUST_NOW), NOT_FOUND)
    riot.fail(riot.add_game("KR_1", 2, ended_at=JUST_NOW), NOT_FOUND, None)
    minutes_of_looks(db, riot, clock, 90)
    assert state(db, "KR_1")[0] == "stored"
    assert minutes_of_looks(db, riot, clock, 30) == {93: ["EUW1_1"]}


def test_a_probe_waits_for_a_limit_as_any_match_does(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db)
    riot.fail(riot.add_game("EUW1_1", 1, ended_at=JUST_NOW), NOT_FOUND)
    minutes_of_looks(db, riot, clock, 90)
    clock.advance(1800)
    hold(db, clock, "europe", "match", 5)
    run = fetch(db, riot, clock)
    assert riot.calls == [puuid(1), "EUW1_1"]
    assert run.counts["missing"] == 1


def test_a_clock_set_back_makes_no_404_final_and_delays_no_probe(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    fetch(db, riot, clock)
    riot.fail(riot.add_game("EUW1_2", 1, ended_at=JUST_NOW), NOT_FOUND)
    with db.transaction():
        db.write("UPDATE riot_hosts SET match_answered_at = '2027-01-01T00:00:00.000Z'")
    minutes_of_looks(db, riot, clock, 96)
    assert state(db, "EUW1_2")[0] == "missing"
    with db.transaction():
        db.write("UPDATE riot_hosts SET probed_at = '2027-01-01T00:00:00.000Z'")
        db.write("UPDATE matches SET missing_since = '2027-01-01T00:00:00.000Z' WHERE missing_since IS NOT NULL")
    fetch(db, riot, clock)
    assert "EUW1_2" in riot.calls
    riot.add_game("EUW1_3", 1, ended_at=clock.now())
    fetch(db, riot, clock)
    assert riot.calls[1:] == ["EUW1_3", "EUW1_2"]
    assert db.row("SELECT next_look_at FROM matches WHERE match_id = 'EUW1_2'")["next_look_at"] is None  # type: ignore[index]


# A new key


def under_a_new_key(riot: FakeRiot, *numbers: int) -> None:
    """Puuids of these players are 90 higher now, in lists, bodies and accounts."""
    for number in numbers:
        riot.fail(puuid(number), OTHER_KEY)
        riot.accounts[f"Player {number}#EUW"] = puuid(90 + number)


def names_in(db: Database, match_id: str) -> list[str]:
    rows = db.rows("SELECT name FROM participants WHERE match_id = :match_id ORDER BY name", match_id=match_id)
    return [row["name"] for row in rows]


def test_under_a_new_key_a_shared_game_is_asked_for_once_every_player_was_and_names_them_all(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    for number in (1, 2):
        add_player(db, number)
    add_player(db, 3, platform="kr")
    fetch(db, riot, clock)
    under_a_new_key(riot, 1, 2, 3)
    riot.add_game("EUW1_1", 91, 92, ended_at=JUST_NOW)
    fetch(db, riot, clock)
    asked = riot.calls.index("EUW1_1")
    assert all(riot.calls.index(f"Player {number}#EUW") < asked for number in (1, 2, 3))
    assert {each.puuid for each in players.poll_order(db)} == {puuid(91), puuid(92), puuid(93)}
    assert names_in(db, "EUW1_1") == ["Player 91", "Player 92"]
    assert players.doubted(db) == []


def test_a_match_that_was_wanted_before_the_key_changed_is_asked_for_again_after_the_lists(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    for number in (1, 2):
        add_player(db, number)
    riot.add_game("EUW1_1", 1, 2, ended_at=JUST_NOW)
    riot.fail("EUW1_1", UNAVAILABLE, None)
    fetch(db, riot, clock)
    under_a_new_key(riot, 1, 2)
    riot.add_game("EUW1_1", 91, 92, ended_at=JUST_NOW)
    fetch(db, riot, clock)
    assert riot.calls[0] == "EUW1_1"
    assert riot.calls.count("EUW1_1") == 2
    assert names_in(db, "EUW1_1") == ["Player 91", "Player 92"]


def test_a_run_that_ends_amid_a_key_change_leaves_no_match_to_the_next_one_before_the_players(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    for number in (1, 2):
        add_player(db, number)
    fetch(db, riot, clock)
    under_a_new_key(riot, 1, 2)
    riot.add_game("EUW1_1", 91, 92, ended_at=JUST_NOW)
    riot.fail("Player 2#EUW", RateLimited(START + timedelta(seconds=3), "spent"), None)
    fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "wanted"
    assert "EUW1_1" not in riot.calls
    fetch(db, riot, clock)
    assert riot.calls[-1] == "EUW1_1"
    assert names_in(db, "EUW1_1") == ["Player 91", "Player 92"]


def test_a_list_that_cannot_be_had_amid_a_key_change_holds_the_matches_up_for_no_longer_than_it_is_asked_for(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    for number in (1, 2):
        add_player(db, number)
    fetch(db, riot, clock)
    under_a_new_key(riot, 1, 2)
    riot.fail(puuid(2), UNAVAILABLE)
    riot.add_game("EUW1_1", 91, 92, ended_at=JUST_NOW)
    fetch(db, riot, clock)
    assert riot.calls[-1] == "EUW1_1"
    assert names_in(db, "EUW1_1") == ["Player 91"]


def test_a_match_that_names_nobody_is_put_off_while_the_lists_it_stands_in_cannot_be_had(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    riot.fail("EUW1_1", UNAVAILABLE, None)
    fetch(db, riot, clock)
    riot.fail(puuid(1), UNAVAILABLE)
    riot.add_game("EUW1_1", 91, ended_at=JUST_NOW)
    fetch(db, riot, clock)
    assert riot.calls == ["EUW1_1", puuid(1), "EUW1_1"]
    assert state(db, "EUW1_1")[0] == "wanted"
    under_a_new_key(riot, 1)
    for _ in range(3):
        fetch(db, riot, clock)
    assert state(db, "EUW1_1")[0] == "stored"


def of_problem(db: Database) -> tuple[ProblemKind | None, str]:
    player = players.poll_order(db)[0]
    return player.problem_kind, player.problem or ""


def test_the_first_true_cause_is_kept_and_the_name_asked_for_once_a_day(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.fail(puuid(1), OTHER_KEY)
    asked = []
    for hours in range(0, 48, 3):
        fetch(db, riot, clock)
        clock.advance(3 * 3600 - 180)
        asked += [hours] * riot.calls.count("Player 1#EUW")
        assert of_problem(db) == (
            ProblemKind.UNKNOWN_NAME,
            "the puuid belongs to another key, and Riot knows no Player 1#EUW: track it anew",
        )
    assert asked == [0, 24]
    riot.accounts["Player 1#EUW"] = puuid(91)
    fetch(db, riot, clock)
    assert players.poll_order(db)[0].puuid == puuid(91)
    assert of_problem(db) == (None, "")


def test_each_way_in_which_a_name_leads_to_no_good_puuid_has_its_kind(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    add_player(db)
    riot.fail(puuid(1), OTHER_KEY)
    riot.accounts["Player 1#EUW"] = puuid(1)
    fetch(db, riot, clock)
    assert of_problem(db)[0] is ProblemKind.STILL_OTHER_KEY
    add_player(db, 2)
    riot.accounts["Player 1#EUW"] = puuid(2)
    clock.advance(86400)
    fetch(db, riot, clock)
    assert of_problem(db)[0] is ProblemKind.NAME_TAKEN
    riot.fail("Player 1#EUW", refused(RiotVerdict.ODD_IDS, 200))
    clock.advance(86400)
    fetch(db, riot, clock)
    assert of_problem(db)[0] is ProblemKind.ODD_PUUID
    riot.fail(puuid(1), NOT_FOUND)
    fetch(db, riot, clock)
    assert of_problem(db)[0] is ProblemKind.NO_LIST


# Where players play


def quiet_player(db: Database, number: int = 1) -> None:
    add_player(db, number, since=START - timedelta(days=14))


def test_who_was_silent_for_14_days_is_asked_for_the_region_once_a_week(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    quiet_player(db)
    add_player(db, 2, since=START - timedelta(days=13, hours=20))
    days = []
    for hour in range(0, 15 * 24, 6):
        fetch(db, riot, clock)
        days += [hour / 24] * riot.calls.count(f"platform of {puuid(1)}")
        clock.advance(6 * 3600 - 180)
    assert days == [0, 7, 14]
    assert players.poll_order(db)[0].region is None


def test_a_player_of_whom_a_game_is_known_of_late_is_not_asked_for_the_region(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    quiet_player(db)
    riot.add_game("EUW1_1", 1, ended_at=JUST_NOW)
    fetch(db, riot, clock)
    assert riot.calls == [puuid(1), "EUW1_1"]


def test_where_a_silent_player_moved_to_is_kept_and_told(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    quiet_player(db)
    riot.platforms[puuid(1)] = "na1"
    run = fetch(db, riot, clock)
    player = players.poll_order(db)[0]
    assert (player.platform, player.region, player.region_asked_at) == ("euw1", "na1", START)
    assert run.summary() == "fetch-matches: 1 listed, 1 moved"


def test_a_few_are_asked_for_the_region_in_one_run_and_the_others_in_the_next(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    for number in range(1, 8):
        quiet_player(db, number)
    asked = [[call for call in riot.calls if "platform" in call] for _ in range(3) if fetch(db, riot, clock)]
    assert [len(calls) for calls in asked] == [5, 2, 0]


def test_the_region_is_never_waited_for(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    quiet_player(db)
    hold(db, clock, "americas", "", 5)
    run = fetch(db, riot, clock)
    assert (riot.calls, clock.slept, run.status) == ([puuid(1)], [], Exit.OK)
    riot.fail(f"platform of {puuid(1)}", RateLimited(START, "another process was faster"), None)
    for _ in range(2):
        fetch(db, riot, clock)
        assert riot.calls == [puuid(1), f"platform of {puuid(1)}"]


@pytest.mark.parametrize(
    ("refusal", "kept", "asked"),
    [
        (NOT_FOUND, True, 2),
        (UNAVAILABLE, True, 1),
        (FORBIDDEN, True, 1),
        (refused(RiotVerdict.LIMITED, 429), False, 1),
        (ValueError("odd"), True, 2),
    ],
)
def test_a_region_that_riot_does_not_tell_fails_nothing_else(
    db: Database, riot: FakeRiot, clock: FakeClock, refusal: Exception, kept: bool, asked: int
) -> None:
    for number in (1, 2):
        quiet_player(db, number)
        riot.fail(f"platform of {puuid(number)}", refusal)
    run = fetch(db, riot, clock)
    assert sum("platform" in call for call in riot.calls) == asked
    assert (players.poll_order(db)[0].region_asked_at is not None) == kept
    assert run.status is (Exit.SOME_FAILED if isinstance(refusal, ValueError) else Exit.OK)
    assert not holds.find(db, holds.RIOT_KEY, "rejected")


def test_regions_and_names_asked_for_while_the_clock_was_ahead_are_asked_for_again(
    db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    quiet_player(db)
    with db.transaction():
        db.write("UPDATE players SET region_asked_at = '2027-01-01T00:00:00.000Z', resolved_at = region_asked_at")
    fetch(db, riot, clock)
    player = players.poll_order(db)[0]
    assert (player.region_asked_at, player.resolved_at) == (START, None)
