"""What holds work back: begun, made longer, over, lifted, and moved with a clock that was set back."""

from contextlib import closing
from datetime import datetime, timedelta

import pytest
from support import START, integrity_errors, scope_of

from lolslackbot.store import holds
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.connect import open_database
from lolslackbot.store.database import Database
from lolslackbot.store.holds import Hold

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def put(
    db: Database, until: datetime | None, now: datetime = START, scope: str = "riot europe", **changes: str
) -> None:
    with db.transaction():
        holds.put(db, scope_of(scope), changes.get("kind", "limited"), changes.get("reason", "429"), now, until)


def only(db: Database) -> Hold:
    (hold,) = holds.all_known(db)
    return hold


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (holds.riot_scope("europe"), "riot europe"),
        (holds.riot_scope("europe", "match"), "riot europe match"),
        (holds.channel_scope("C1"), "channel C1"),
        (holds.workspace_scope("default"), "workspace default"),
        (holds.RIOT_KEY, "riot"),
    ],
)
def test_scopes_read_as_the_schema_says(scope: holds.Scope, text: str) -> None:
    assert str(scope) == text


def test_a_hold_says_why_since_when_and_until_when(db: Database) -> None:
    put(db, START + MINUTE)
    assert only(db) == Hold(scope_of("riot europe"), "limited", "429", START, START + MINUTE, 1)
    assert holds.find(db, scope_of("riot europe"), "limited") == only(db)
    assert holds.find(db, scope_of("riot europe"), "broken") is None
    assert holds.find(db, scope_of("riot asia"), "limited") is None


def test_a_hold_is_in_force_until_its_moment_and_known_afterwards(db: Database) -> None:
    put(db, START + MINUTE)
    put(db, None, scope="channel C1", kind="broken")
    live = [[str(hold.scope) for hold in holds.all_live(db, START + wait)] for wait in (0 * MINUTE, MINUTE, 999 * HOUR)]
    assert live == [["channel C1", "riot europe"], ["channel C1"], ["channel C1"]]
    assert len(holds.all_known(db)) == 2


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (START + MINUTE, START + HOUR, START + HOUR),
        (START + HOUR, START + MINUTE, START + HOUR),  # a longer hold stays
        (START + HOUR, START + HOUR, START + HOUR),
        (START + HOUR, None, None),
        (None, None, None),
        (None, START + HOUR, None),  # what has no end is not cut short
    ],
)
def test_of_two_holds_the_longer_one_stays(
    db: Database, first: datetime | None, second: datetime | None, kept: datetime | None
) -> None:
    put(db, first)
    put(db, second, START + timedelta(seconds=1), reason="429 again")
    hold = only(db)
    assert hold.until == kept
    assert (hold.reason, hold.times) == ("429 again", 2)


def test_holds_of_several_kinds_stand_side_by_side(db: Database) -> None:
    put(db, START + MINUTE, scope="channel C1")
    put(db, None, scope="channel C1", kind="broken")
    assert [hold.kind for hold in holds.all_known(db)] == ["broken", "limited"]
    assert {hold.times for hold in holds.all_known(db)} == {1}


def test_a_kind_that_the_schema_does_not_know_is_a_bug(db: Database) -> None:
    with pytest.raises(integrity_errors()):
        put(db, None, kind="tired")


def test_a_lifted_hold_is_forgotten(db: Database) -> None:
    put(db, None, kind="rejected")
    put(db, None, scope="channel C1", kind="broken")
    with db.transaction():
        assert holds.lift(db, scope_of("riot europe"), "rejected")
        assert not holds.lift(db, scope_of("riot europe"), "rejected")
        assert not holds.lift(db, scope_of("channel C1"), "limited")
    assert [str(hold.scope) for hold in holds.all_known(db)] == ["channel C1"]


def test_a_limit_that_is_over_makes_the_next_one_no_longer(db: Database) -> None:
    put(db, START + MINUTE)
    put(db, START + MINUTE)
    with db.transaction():
        holds.went_well(db, [scope_of("riot europe")], START)
    assert only(db).times == 2  # not over yet
    with db.transaction():
        holds.went_well(db, [scope_of("riot asia")], START + MINUTE)
        holds.went_well(db, [scope_of("riot europe")], START + MINUTE)
    assert only(db).times == 0
    put(db, START + HOUR)
    assert only(db).times == 1


def test_what_is_broken_or_rejected_does_not_end_by_going_well(db: Database) -> None:
    put(db, None, kind="rejected")
    with db.transaction():
        holds.went_well(db, [scope_of("riot europe")], START + HOUR)
    assert only(db).times == 1


# A clock set back


def test_after_the_clock_was_set_back_a_hold_lasts_its_length_from_now(db: Database) -> None:
    put(db, START + MINUTE)
    clamp_future_times(db, START - 24 * HOUR)
    assert (only(db).since, only(db).until) == (START - 24 * HOUR, START - 24 * HOUR + MINUTE)
    assert holds.all_live(db, START - 23 * HOUR) == []


def test_holds_of_the_past_and_those_without_end_stay(db: Database) -> None:
    put(db, START + HOUR)
    put(db, None, START + HOUR, scope="channel C1", kind="broken")
    before = holds.all_known(db)
    clamp_future_times(db, START)
    assert holds.all_known(db) == before


def test_only_the_holds_of_the_future_move(db: Database) -> None:
    put(db, START + HOUR, START - HOUR, scope="riot asia")
    put(db, START + 3 * HOUR, START + HOUR)
    clamp_future_times(db, START)
    asia, europe = holds.all_known(db)
    assert (asia.since, asia.until) == (START - HOUR, START + HOUR)
    assert (europe.since, europe.until) == (START, START + 2 * HOUR)


def test_where_no_hold_moves_nothing_is_written(db: Database) -> None:
    put(db, START + HOUR)
    with closing(open_database(db.path)) as other, other.transaction():  # a lock would be waited for
        clamp_future_times(db, START)


def test_a_limit_kept_for_years_lasts_a_day_from_its_beginning_and_is_written_so(db: Database) -> None:
    with db.transaction():
        for scope, kind in (("riot europe", "limited"), ("channel C1", "paused")):
            db.write(
                "INSERT INTO holds "
                "VALUES (:scope_kind, :scope_id, :endpoint, :kind, 'x', :since, '2058-01-01T00:00:00.000Z', 3, NULL)",
                **scope_of(scope).columns(),
                kind=kind,
                since="2026-11-23T12:00:00.000Z",
            )
    paused, limited = holds.all_known(db)
    assert limited.until == START + 24 * HOUR
    assert paused.until
    assert paused.until.year == 2058
    clamp_future_times(db, START + HOUR)
    assert [row["until"] for row in db.rows("SELECT until FROM holds ORDER BY scope_kind DESC")] == [
        "2026-11-24T12:00:00.000Z",
        "2058-01-01T00:00:00.000Z",
    ]


def test_the_limits_of_a_host_are_its_own_and_its_endpoints(db: Database) -> None:
    for scope in ("riot europe", "riot europe match", "riot europewest", "riot asia match", "riot"):
        put(db, START + HOUR, scope=scope)
    assert [str(hold.scope) for hold in holds.limited_host(db, "europe")] == ["riot europe", "riot europe match"]
