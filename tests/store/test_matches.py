"""The ledger of matches: from which state each transition goes, and that it goes from no other."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from support import START, a_match, add_player, participant, puuid, store_match

from lolslackbot.clock import text_of
from lolslackbot.game import Outcome
from lolslackbot.model import Player
from lolslackbot.store import bodies, listings, matches, outbox, participants, players, reasons
from lolslackbot.store.database import Database
from lolslackbot.store.matches import RetryState
from lolslackbot.store.outbox import Draft
from lolslackbot.store.reasons import Reason

LATER = START + timedelta(minutes=10)
ID = "EUW1_5"


def row_of(db: Database, match_id: str = ID) -> dict[str, Any]:
    row = db.row("SELECT * FROM matches WHERE match_id = :match_id", match_id=match_id)
    assert row
    return dict(row)


def listed(db: Database, player: Player, *match_ids: str, now: datetime = START) -> None:
    listings.record_page(db, player.player_id, match_ids, None, now)


def in_state(db: Database, state: str) -> None:
    """Brings the match ID into a state by the ways there are."""
    listed(db, add_player(db), ID)
    match state:
        case "stored":
            store_match(db, a_match(ID))
        case "missing":
            matches.mark_missing(db, ID, START, START)
        case "given_up":
            matches.give_up(db, ID, Reason("closed"), START)
    assert row_of(db)["state"] == state


# Which transition is allowed from where


TRANSITIONS: dict[str, Callable[[Database], object]] = {
    "mark_missing": lambda db: matches.mark_missing(db, ID, LATER, None),
    "put_off": lambda db: matches.put_off(db, ID, "HTTP 503", LATER, LATER),
    "give_up": lambda db: matches.give_up(db, ID, Reason("malformed"), LATER),
    "want_again": lambda db: _want_again(db),
    "give_up_untracked": lambda db: _give_up_untracked(db),
}
ALLOWED = {
    ("wanted", "mark_missing"): "missing",
    ("missing", "mark_missing"): "missing",
    ("wanted", "put_off"): "wanted",
    ("missing", "put_off"): "missing",
    ("wanted", "give_up"): "given_up",
    ("missing", "give_up"): "given_up",
    ("wanted", "give_up_untracked"): "given_up",
    ("missing", "give_up_untracked"): "given_up",
}


def _want_again(db: Database) -> None:
    with db.transaction():
        assert not matches.want_again(db, ID, LATER)


def _give_up_untracked(db: Database) -> None:
    with db.transaction():
        db.write("DELETE FROM tracks")
        matches.give_up_untracked(db)


@pytest.mark.parametrize("transition", TRANSITIONS)
@pytest.mark.parametrize("state", ["wanted", "missing", "stored", "given_up"])
def test_a_transition_goes_from_the_states_it_names_and_leaves_the_others_alone(
    db: Database, state: str, transition: str
) -> None:
    in_state(db, state)
    before = row_of(db)
    TRANSITIONS[transition](db)
    after = row_of(db)
    if (state, transition) in ALLOWED:
        assert after["state"] == ALLOWED[state, transition]
        assert after != before
    else:
        assert after == before


@pytest.mark.parametrize("state", ["wanted", "missing"])
def test_a_body_makes_a_wanted_or_missing_match_a_stored_one(db: Database, state: str) -> None:
    in_state(db, state)
    player = players.poll_order(db)[0]
    match = a_match(ID, 1, 2, outcome=Outcome.SURRENDERED)
    participants.store(db, match, bodies.pack(b'{"info": {}}'), {puuid(1): player}, LATER)
    row = row_of(db)
    assert row["state"] == "stored"
    assert (row["reason"], row["looked_at"], row["next_look_at"], row["built_at"]) == (None, text_of(LATER), None, None)
    assert (row["queue_id"], row["game_mode"], row["outcome"], row["duration"]) == (420, "CLASSIC", "surrendered", 1871)
    assert row["ended_at"] == text_of(match.ended_at)
    assert bodies.unpack(row["body"]) == b'{"info": {}}'
    assert [each["player_id"] for each in db.rows("SELECT * FROM participants")] == [player.player_id]


def test_a_match_given_up_while_its_body_was_asked_for_gets_no_participants(db: Database) -> None:
    in_state(db, "given_up")
    before = row_of(db)
    participants.store(db, a_match(ID), b"packed", players.with_puuids(db, [puuid(1)]), LATER)
    assert row_of(db) == before
    assert db.rows("SELECT * FROM participants") == []


def test_a_match_that_is_stored_already_stays_as_it_is(db: Database) -> None:
    in_state(db, "stored")
    before = row_of(db)
    participants.store(db, a_match(ID, duration=1), b"others", players.with_puuids(db, [puuid(1)]), LATER)
    assert row_of(db) == before


def test_a_body_is_stored_whole_or_not_at_all(db: Database) -> None:
    in_state(db, "wanted")
    broken = a_match(ID, participants=(participant(1, name="New"), participant(1, champion_name=None)))
    with pytest.raises(Exception, match="constraint"):
        participants.store(db, broken, b"{}", players.with_puuids(db, [puuid(1)]), LATER)
    assert row_of(db)["state"] == "wanted"
    assert db.rows("SELECT * FROM participants") == []
    assert players.poll_order(db)[0].riot_id.game_name == "Player 1"


def test_a_participant_without_a_name_has_the_one_we_know(db: Database) -> None:
    player = add_player(db)
    store_match(db, a_match(ID, participants=(participant(1, name="", tag_line=""),)))
    assert [each.name for each in participants.as_heard_in(db, participants.stored(db, ID), "C1").participants] == [
        player.riot_id.game_name
    ]


# Looking


def test_a_404_is_counted_and_ends_the_row_of_faults(db: Database) -> None:
    in_state(db, "wanted")
    matches.put_off(db, ID, "HTTP 503", START, START)
    matches.put_off(db, ID, "time-out", START, START)
    assert matches.retry_state(db, ID, START) == RetryState(0, 2, START)
    assert row_of(db)["reason"] == "time-out"
    matches.mark_missing(db, ID, START, LATER)
    assert matches.retry_state(db, ID, START) is None  # not due
    assert matches.retry_state(db, ID, LATER) == RetryState(1, 0, START)
    assert row_of(db)["reason"] == "404"
    matches.mark_missing(db, ID, LATER, None)
    assert row_of(db)["not_found_count"] == 2
    assert matches.retry_state(db, ID, LATER + timedelta(days=99)) is None
    assert matches.to_look_at(db, LATER + timedelta(days=99)) == []


def test_a_match_nobody_knows_is_not_due(db: Database) -> None:
    assert matches.retry_state(db, "EUW1_404", START) is None


def test_what_is_given_up_is_never_looked_at_and_keeps_its_reason(db: Database) -> None:
    in_state(db, "wanted")
    matches.give_up(db, ID, Reason("closed"), LATER, ended_at=START)
    row = row_of(db)
    assert (row["reason"], row["looked_at"], row["next_look_at"]) == ("closed", text_of(LATER), None)
    assert row["ended_at"] == text_of(START)
    assert matches.to_look_at(db, LATER + timedelta(days=99)) == []


def test_the_newest_match_of_each_platform_comes_first(db: Database) -> None:
    listed(db, add_player(db), "EUW1_10", "EUW1_9", "EUW1_11", "NA1_5", "NA1_6", "KR_1")
    assert matches.to_look_at(db, START) == ["EUW1_11", "KR_1", "NA1_6", "EUW1_10", "NA1_5", "EUW1_9"]


def test_a_match_that_was_put_off_waits(db: Database) -> None:
    listed(db, add_player(db), "EUW1_1", "EUW1_2")
    matches.put_off(db, "EUW1_2", "HTTP 503", START, LATER)
    assert matches.to_look_at(db, START) == ["EUW1_1"]
    assert matches.to_look_at(db, LATER) == ["EUW1_1", "EUW1_2"]


def test_those_that_failed_least_come_first_then_the_newest_platforms_taking_turns(db: Database) -> None:
    listed(db, add_player(db), "EUW1_1", "EUW1_2", "EUW1_3", "EUW1_4", "KR_8", "KR_9")
    for match_id in ("EUW1_4", "EUW1_4", "EUW1_3", "KR_9"):
        matches.put_off(db, match_id, "no answer", START, START)
    assert matches.to_look_at(db, START) == ["EUW1_2", "KR_8", "EUW1_1", "EUW1_3", "KR_9", "EUW1_4"]


def test_the_last_game_of_a_player_is_the_newest_whose_end_is_known_stored_or_given_up(db: Database) -> None:
    player = add_player(db)
    assert players.poll_order(db)[0].last_game_at is None
    store_match(db, a_match("EUW1_1", ended_at=START - timedelta(hours=2)))
    assert players.poll_order(db)[0].last_game_at == START - timedelta(hours=2)
    listed(db, player, "EUW1_2", "EUW1_3", "EUW1_4")
    matches.give_up(db, "EUW1_2", Reason("before tracking"), START, START - timedelta(hours=1))
    matches.give_up(db, "EUW1_3", Reason("closed"), START)
    matches.give_up(db, "EUW1_4", Reason("no longer news"), START, START - timedelta(hours=9))
    assert players.poll_order(db)[0].last_game_at == START - timedelta(hours=1)


# Before tracking


def given_up(db: Database) -> list[str]:
    rows = db.rows("SELECT match_id FROM matches WHERE state = 'given_up' ORDER BY game_id, platform")
    return [row["match_id"] for row in rows]


def test_older_ids_of_the_same_list_are_given_up_unasked(db: Database) -> None:
    listed(db, add_player(db, since=START), "EUW1_3", "EUW1_2", "EUW1_1", "EUW1_4")
    assert matches.give_up_older(db, "EUW1_3", reasons.BEFORE_TRACKING, START) == 2
    assert given_up(db) == ["EUW1_1", "EUW1_2"]
    row = row_of(db, "EUW1_1")
    assert (row["reason"], row["next_look_at"], row["looked_at"]) == ("before tracking", None, None)
    assert matches.to_look_at(db, START) == ["EUW1_4", "EUW1_3"]


def test_ids_of_other_platforms_and_other_lists_are_not_older(db: Database) -> None:
    one, two = add_player(db, 1, since=START), add_player(db, 2, since=START)
    listed(db, one, "EUW1_3", "NA1_1", "EUW1_2")
    listed(db, two, "EUW1_1")
    assert matches.give_up_older(db, "EUW1_3", reasons.BEFORE_TRACKING, START) == 1
    assert given_up(db) == ["EUW1_2"]


def test_older_ids_of_every_list_the_match_stands_in_are_given_up(db: Database) -> None:
    one, two = add_player(db, 1, since=START), add_player(db, 2, since=START)
    listed(db, one, "EUW1_3", "EUW1_2")
    listed(db, two, "EUW1_3", "EUW1_1")
    assert matches.give_up_older(db, "EUW1_3", reasons.BEFORE_TRACKING, START) == 2
    assert given_up(db) == ["EUW1_1", "EUW1_2"]


@pytest.mark.parametrize(
    ("oldest", "expected"),
    [
        (START - timedelta(hours=2), ["EUW1_1", "EUW1_2"]),  # the other was tracked later than that
        (START - timedelta(hours=1), ["EUW1_1", "EUW1_2"]),
        (START, ["EUW1_1"]),  # tracked since before: for them it may be news
        (None, ["EUW1_1", "EUW1_2"]),
    ],
)
def test_ids_that_another_tracked_player_may_need_are_kept(
    db: Database, oldest: datetime | None, expected: list[str]
) -> None:
    one, two = add_player(db, 1, since=START), add_player(db, 2, since=START - timedelta(hours=1))
    listed(db, one, "EUW1_3", "EUW1_2", "EUW1_1")
    listed(db, two, "EUW1_2")
    matches.give_up_older(db, "EUW1_3", reasons.BEFORE_TRACKING, oldest)
    assert given_up(db) == expected


def test_an_untracked_player_needs_no_ids(db: Database) -> None:
    one, two = add_player(db, 1, since=START), add_player(db, 2)
    listed(db, one, "EUW1_3", "EUW1_2")
    listed(db, two, "EUW1_2")
    with db.transaction():
        players.untrack(db, two.player_id, "C1")
    matches.give_up_older(db, "EUW1_3", reasons.BEFORE_TRACKING, START)
    assert given_up(db) == ["EUW1_2"]


def test_ids_that_were_asked_for_are_not_given_up_unasked(db: Database) -> None:
    listed(db, add_player(db), *(f"EUW1_{number}" for number in range(1, 6)))
    matches.put_off(db, "EUW1_1", "HTTP 503", START, LATER)
    matches.mark_missing(db, "EUW1_2", START, LATER)
    store_match(db, a_match("EUW1_3"))
    matches.give_up(db, "EUW1_4", Reason("closed"), START)
    assert matches.give_up_older(db, "EUW1_5", reasons.BEFORE_TRACKING, None) == 0
    states = [row["state"] for row in db.rows("SELECT state FROM matches ORDER BY game_id")]
    assert states == ["wanted", "missing", "stored", "given_up", "wanted"]
    assert row_of(db, "EUW1_4")["reason"] == "closed"


def test_what_stands_in_no_tracked_players_list_any_more_is_given_up(db: Database) -> None:
    one, two = add_player(db, 1), add_player(db, 2)
    listed(db, one, "EUW1_1", "EUW1_2", "EUW1_3", "EUW1_4")
    listed(db, two, "EUW1_2")
    store_match(db, a_match("EUW1_3"))
    matches.mark_missing(db, "EUW1_4", START, None)
    with db.transaction():
        players.untrack(db, one.player_id, "C1")
        matches.give_up_untracked(db)
    assert given_up(db) == ["EUW1_1"]
    assert row_of(db, "EUW1_1")["reason"] == reasons.UNTRACKED.text
    assert matches.to_look_at(db, START) == ["EUW1_2"]


def test_want_again_says_whether_it_was_so(db: Database) -> None:
    listed(db, add_player(db), "EUW1_2", "EUW1_1")
    matches.give_up_older(db, "EUW1_2", reasons.BEFORE_TRACKING, None)
    with db.transaction():
        assert matches.want_again(db, "EUW1_1", LATER)
        assert not matches.want_again(db, "EUW1_1", LATER)
        assert not matches.want_again(db, "EUW1_404", LATER)
    assert row_of(db, "EUW1_1")["state"] == "wanted"
    assert row_of(db, "EUW1_1")["next_look_at"] == text_of(LATER)


# Building


def test_stored_matches_are_built_in_the_order_the_games_ended(db: Database) -> None:
    add_player(db)
    for number, minutes in [(1, 30), (2, 10), (3, 20), (4, 10)]:
        store_match(db, a_match(f"EUW1_{number}", ended_at=START + timedelta(minutes=minutes)))
    listed(db, players.poll_order(db)[0], "EUW1_9")
    assert matches.to_build(db) == ["EUW1_2", "EUW1_4", "EUW1_3", "EUW1_1"]
    outbox.add(db, "EUW1_3", [Draft("C1", "default", "text", None)], START)
    outbox.add(db, "EUW1_2", [], START)
    assert matches.to_build(db) == ["EUW1_4", "EUW1_1"]
    assert (row_of(db, "EUW1_3")["built_at"], row_of(db, "EUW1_3")["reason"]) == (text_of(START), None)
    assert row_of(db, "EUW1_2")["reason"] == reasons.UNTRACKED.text


def test_a_channel_hears_of_a_match_that_ended_since_it_tracks_a_player_in_it(db: Database) -> None:
    match = a_match(ID, 1, 2)
    add_player(db, 1, channel="C3", since=match.ended_at)
    add_player(db, 2, channel="C1", workspace="acme", since=match.ended_at - timedelta(hours=1))
    add_player(db, 1, channel="C1", workspace="acme", since=match.ended_at)
    add_player(db, 1, channel="C2", since=match.ended_at + timedelta(milliseconds=1))
    add_player(db, 3, channel="C4", since=match.ended_at - timedelta(hours=1))
    store_match(db, match)
    assert [(each.channel_id, each.workspace) for each in participants.listeners(db, ID)] == [
        ("C1", "acme"),
        ("C3", "default"),
    ]


def test_a_channel_hears_of_those_participants_only_whom_it_tracks(db: Database) -> None:
    match = a_match(
        ID,
        outcome=Outcome.REMAKE,
        bans=10,
        participants=(
            participant(1, team_id=200, name="Blue"),
            participant(2, win=False, creep_score=None, placement=3),
            participant(3),
            participant(4),
        ),
    )
    for number in (1, 2):
        add_player(db, number, channel="C1", since=match.ended_at)
    add_player(db, 3, channel="C1", since=match.ended_at + timedelta(minutes=1))
    add_player(db, 4, channel="C2", since=match.ended_at)
    store_match(db, match)
    blue, red, _, other = match.participants
    blue, red = replace(blue, tag_line="EUW"), replace(red, tag_line="EUW")
    assert participants.as_heard_in(db, participants.stored(db, ID), "C1") == replace(
        match, participants=(red, blue)
    )  # by side
    assert participants.as_heard_in(db, participants.stored(db, ID), "C2") == replace(match, participants=(other,))
    assert participants.as_heard_in(db, participants.stored(db, ID), "C9") == replace(match, participants=())


def test_a_match_nobody_knows_is_heard_by_nobody(db: Database) -> None:
    assert participants.listeners(db, ID) == []
    with pytest.raises(AssertionError):
        participants.stored(db, ID)
