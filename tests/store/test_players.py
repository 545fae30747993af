"""Players and their tracks, and the lists that Riot gives of their matches."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from support import START, a_match, add_player, integrity_errors, participant, puuid, store_match

from lolslackbot.clock import text_of
from lolslackbot.errors import ConfigError
from lolslackbot.model import ProblemKind, RiotId
from lolslackbot.store import health, listings, matches, players, reasons
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database
from lolslackbot.store.reasons import Reason

AHRI = RiotId("Ahri", "EUW")
LATER = START + timedelta(hours=1)


def row_of(db: Database, player_id: int) -> dict[str, Any]:
    row = db.row("SELECT * FROM players WHERE player_id = :player_id", player_id=player_id)
    assert row
    return dict(row)


def states(db: Database) -> dict[str, str]:
    return {row["match_id"]: row["state"] for row in db.rows("SELECT * FROM matches")}


def entries(db: Database) -> list[tuple[int, str]]:
    return [tuple(row) for row in db.rows("SELECT player_id, match_id FROM listings ORDER BY 1, 2")]


def track(db: Database, number: int = 1, channel: str = "C1", now: datetime = START, **changes: str) -> bool:
    riot_id = RiotId(changes.get("name", f"Player {number}"), "EUW")
    platform, workspace = changes.get("platform", "euw1"), changes.get("workspace", "default")
    return players.track(db, puuid(number), riot_id, platform, channel, workspace, now)


# Tracking


def test_tracking_a_player_begins_now(db: Database) -> None:
    assert track(db)
    (found,) = players.tracks(db)
    assert (found.channel_id, found.workspace, found.since) == ("C1", "default", START)
    assert (found.player.puuid, str(found.player.riot_id), found.player.platform) == (puuid(1), "Player 1#EUW", "euw1")
    assert found.player.problem is None


def test_tracking_a_player_twice_changes_nothing(db: Database) -> None:
    track(db)
    before = players.tracks(db)
    assert not track(db, now=LATER)
    assert players.tracks(db) == before


def test_a_player_is_tracked_in_many_channels_and_a_channel_tracks_many_players(db: Database) -> None:
    assert track(db, 1, "C1")
    assert track(db, 1, "C2", LATER, workspace="acme")
    assert track(db, 2, "C1", LATER)
    found = [(each.player.puuid, each.channel_id, each.workspace, each.since) for each in players.tracks(db)]
    assert found == [
        (puuid(1), "C1", "default", START),
        (puuid(1), "C2", "acme", LATER),
        (puuid(2), "C1", "default", LATER),
    ]


def test_tracking_again_learns_the_name_and_the_platform_of_today(db: Database) -> None:
    track(db)
    (before,) = players.tracks(db)
    track(db, channel="C2", now=LATER, name="New Name", platform="na1")
    assert {each.player.player_id for each in players.tracks(db)} == {before.player.player_id}
    (player,) = players.poll_order(db)
    assert (player.riot_id.game_name, player.platform) == ("New Name", "na1")


def test_a_channel_of_another_workspace_is_refused_and_nothing_of_it_stays(db: Database) -> None:
    track(db)
    with pytest.raises(ConfigError, match="channel C1 belongs to workspace default, not to acme"):
        track(db, 2, workspace="acme")
    assert players.with_puuids(db, [puuid(2)]) == {}
    assert len(players.tracks(db)) == 1


def test_the_name_of_a_workspace_is_the_same_in_upper_case(db: Database) -> None:
    track(db, workspace="Acme")
    assert track(db, 2, workspace="ACME")
    assert {each.workspace for each in players.tracks(db)} == {"Acme"}


def test_untracking_forgets_one_track_and_keeps_player_channel_and_history(db: Database) -> None:
    track(db, 1, "C1")
    track(db, 1, "C2")
    track(db, 2, "C1")
    (player, *_) = players.poll_order(db)
    with db.transaction():
        players.untrack(db, player.player_id, "C1")
    assert [(each.player.puuid, each.channel_id) for each in players.tracks(db)] == [(puuid(1), "C2"), (puuid(2), "C1")]
    with db.transaction():
        players.untrack(db, player.player_id, "C2")
    assert [each.puuid for each in players.poll_order(db)] == [puuid(2)]
    assert players.with_puuids(db, [puuid(1)])[puuid(1)].player_id == player.player_id
    assert len(db.rows("SELECT * FROM channels")) == 2


def test_tracking_again_after_untracking_begins_anew(db: Database) -> None:
    player = add_player(db)
    with db.transaction():
        players.untrack(db, player.player_id, "C1")
    assert track(db, now=LATER)
    (found,) = players.tracks(db)
    assert found.since == LATER
    assert found.player.player_id == player.player_id


# Finding


def test_the_longest_unasked_is_listed_first_and_the_untracked_never(db: Database) -> None:
    one, two, three, four = (add_player(db, number) for number in (1, 2, 3, 4))
    listings.asked_in_vain(db, one.player_id, LATER)
    listings.record_page(db, two.player_id, [], None, START)
    listings.record_page(db, four.player_id, [], None, START - timedelta(days=1))
    assert players.poll_order(db) == [three, four, two, one]  # the third was never asked
    with db.transaction():
        players.untrack(db, four.player_id, "C1")
    assert players.poll_order(db) == [three, two, one]


def test_a_name_is_found_in_upper_and_lower_case(db: Database) -> None:
    player = add_player(db)
    assert players.with_riot_id(db, RiotId("PLAYER 1", "euw")) == player
    assert players.with_riot_id(db, RiotId("Player 1", "NA1")) is None
    assert players.with_riot_id(db, RiotId("Player", "EUW")) is None


def test_of_two_with_the_same_name_the_tracked_one_is_meant_or_the_last_to_be_named_so(db: Database) -> None:
    track(db, 1, now=START, name="Ahri")
    track(db, 2, now=LATER, name="Ahri")
    first, second = players.poll_order(db)
    assert players.with_riot_id(db, AHRI) == second
    with db.transaction():
        players.untrack(db, second.player_id, "C1")
    assert players.with_riot_id(db, AHRI) == first
    with db.transaction():
        players.untrack(db, first.player_id, "C1")
    assert players.with_riot_id(db, AHRI) == second


def test_of_many_puuids_the_known_ones_are_found(db: Database) -> None:
    one, two = add_player(db, 1), add_player(db, 2)
    assert players.with_puuids(db, [puuid(3), puuid(2), puuid(1)]) == {puuid(1): one, puuid(2): two}
    assert players.with_puuids(db, []) == {}


def test_players_are_tracked_since_the_first_of_their_tracks(db: Database) -> None:
    one = add_player(db, 1, since=LATER)
    add_player(db, 1, channel="C2", since=START)
    two = add_player(db, 2, since=START - timedelta(days=3))
    assert players.tracked_since(db, [one.player_id]) == START
    assert players.tracked_since(db, [one.player_id, two.player_id]) == START - timedelta(days=3)
    assert players.tracked_since(db, [999]) is None
    assert players.tracked_since(db, []) is None
    with db.transaction():
        players.untrack(db, two.player_id, "C1")
    assert players.tracked_since(db, [two.player_id]) is None


# Identity and names


def test_another_puuid_is_the_same_player(db: Database) -> None:
    player = add_player(db)
    listings.record_page(db, player.player_id, ["EUW1_1"], "other key", START)
    players.replace_puuid(db, player.player_id, puuid(9))
    assert players.with_puuids(db, [puuid(1), puuid(9)]) == {
        puuid(9): players.poll_order(db)[0],
    }
    assert players.poll_order(db)[0].player_id == player.player_id
    assert players.poll_order(db)[0].problem is None
    assert row_of(db, player.player_id)["problem_since"] is None
    assert len(players.tracks(db)) == 1
    assert entries(db) == [(player.player_id, "EUW1_1")]


def test_a_puuid_belongs_to_one_player(db: Database) -> None:
    player = add_player(db, 1)
    add_player(db, 2)
    with pytest.raises(integrity_errors()):
        players.replace_puuid(db, player.player_id, puuid(2))
    assert set(players.with_puuids(db, [puuid(1), puuid(2)])) == {puuid(1), puuid(2)}


@pytest.mark.parametrize(
    ("hours", "name"), [(-1, "Player 1"), (0, "Player 1"), (1, "New")], ids=["older", "of the same moment", "younger"]
)
def test_only_a_younger_match_renames(db: Database, hours: int, name: str) -> None:
    player = add_player(db, since=START)
    with db.transaction():
        players.rename(db, player, RiotId("New", "TAG"), START + timedelta(hours=hours))
    assert players.poll_order(db)[0].riot_id.game_name == name


def test_matches_stored_in_any_order_leave_the_name_of_the_youngest(db: Database) -> None:
    player = add_player(db)
    for hours, name in [(1, "Second"), (3, "Third"), (2, "Between"), (4, "")]:
        body = a_match(
            f"EUW1_{hours}", ended_at=START + timedelta(hours=hours), participants=(participant(1, name=name),)
        )
        store_match(db, body)
    assert row_of(db, player.player_id)["game_name"] == "Third"  # a body without a name says nothing
    assert row_of(db, player.player_id)["named_at"] == text_of(START + timedelta(hours=3))


def test_a_player_is_found_by_every_name_that_was_theirs(db: Database) -> None:
    player = add_player(db, since=START)
    with db.transaction():
        players.rename(db, player, RiotId("player 1", "EUW"), START + timedelta(hours=1))  # no other name
    assert players.renames(db) == []
    for hours, name in ((2, "Second"), (1, "Older"), (3, "Third")):
        with db.transaction():
            (known,) = players.with_puuids(db, [puuid(1)]).values()
            players.rename(db, known, RiotId(name, "EUW"), START + timedelta(hours=hours))
    players.track(db, puuid(1), RiotId("Fourth", "NEW"), "euw1", "C1", "default", LATER)
    assert [f"{each.old} -> {each.new}" for each in players.renames(db)] == [
        "Third#EUW -> Fourth#NEW",
        "Second#EUW -> Third#EUW",
        "player 1#EUW -> Second#EUW",
    ]
    for name in ("Player 1", "SECOND", "Third"):
        found = players.formerly(db, RiotId(name, "euw"))
        assert found
        assert str(found.riot_id) == "Fourth#NEW"
    assert players.formerly(db, RiotId("Older", "EUW")) is None


def test_a_list_asked_for_in_the_future_is_asked_for_first(db: Database) -> None:
    for number, moment in ((1, START), (2, LATER)):
        listings.record_page(db, add_player(db, number).player_id, [], None, moment)
    clamp_future_times(db, START)
    assert [player.player_id for player in players.poll_order(db)] == [2, 1]
    assert (health.last_listed_at(db), players.listed_at(db, 2)) == (START, None)


# Lists


def test_a_page_enters_the_ledger_once(db: Database) -> None:
    player = add_player(db)
    assert listings.record_page(db, player.player_id, ["EUW1_2", "EUW1_1"], None, START) == ["EUW1_2", "EUW1_1"]
    assert listings.record_page(db, player.player_id, ["EUW1_3", "EUW1_2", "EUW1_1"], None, LATER) == ["EUW1_3"]
    assert states(db) == dict.fromkeys(["EUW1_1", "EUW1_2", "EUW1_3"], "wanted")
    row = db.row("SELECT * FROM matches WHERE match_id = 'EUW1_2'")
    assert row
    assert (row["platform"], row["game_id"], row["reason"]) == ("euw1", 2, None)
    assert row["listed_at"] == row["next_look_at"] == text_of(START)
    assert row_of(db, player.player_id)["listed_at"] == text_of(LATER)


def test_the_same_id_twice_on_a_page_is_one_match(db: Database) -> None:
    player = add_player(db)
    assert listings.record_page(db, player.player_id, ["EUW1_1", "EUW1_1"], None, START) == ["EUW1_1"]
    assert entries(db) == [(player.player_id, "EUW1_1")]


def test_the_same_match_in_two_lists_is_wanted_once(db: Database) -> None:
    one, two = add_player(db, 1), add_player(db, 2)
    assert listings.record_page(db, one.player_id, ["EUW1_1"], None, START) == ["EUW1_1"]
    assert listings.record_page(db, two.player_id, ["EUW1_1"], None, LATER) == []
    assert states(db) == {"EUW1_1": "wanted"}
    assert entries(db) == [(one.player_id, "EUW1_1"), (two.player_id, "EUW1_1")]
    assert matches.to_look_at(db, LATER) == ["EUW1_1"]


def test_a_match_given_up_unasked_is_wanted_again_in_another_list(db: Database) -> None:
    one, two = add_player(db, 1), add_player(db, 2)
    listings.record_page(db, one.player_id, ["EUW1_2", "EUW1_1"], None, START)
    assert matches.give_up_older(db, "EUW1_2", reasons.BEFORE_TRACKING, None) == 1
    assert listings.record_page(db, one.player_id, ["EUW1_2", "EUW1_1"], None, START) == []  # the list it came from
    assert states(db)["EUW1_1"] == "given_up"
    assert listings.record_page(db, two.player_id, ["EUW1_1"], None, LATER) == ["EUW1_1"]
    row = db.row("SELECT * FROM matches WHERE match_id = 'EUW1_1'")
    assert row
    assert (row["state"], row["reason"], row["next_look_at"]) == ("wanted", None, text_of(LATER))


def test_a_match_given_up_after_a_look_stays_so_in_another_list(db: Database) -> None:
    one, two = add_player(db, 1), add_player(db, 2)
    listings.record_page(db, one.player_id, ["EUW1_1"], None, START)
    matches.give_up(db, "EUW1_1", Reason("closed"), START)
    assert listings.record_page(db, two.player_id, ["EUW1_1"], None, LATER) == []
    assert states(db) == {"EUW1_1": "given_up"}


@pytest.mark.parametrize("look", ["5xx", "404"])
def test_a_match_given_up_as_untracked_is_wanted_again_though_a_look_had_failed(db: Database, look: str) -> None:
    one, two = add_player(db, 1), add_player(db, 2)
    listings.record_page(db, one.player_id, ["EUW1_1"], None, START)
    if look == "5xx":
        matches.put_off(db, "EUW1_1", "HTTP 503", START, LATER)
    else:
        matches.mark_missing(db, "EUW1_1", START, LATER)
    with db.transaction():
        players.untrack(db, one.player_id, "C1")
        matches.give_up_untracked(db)
    assert listings.record_page(db, two.player_id, ["EUW1_1"], None, LATER) == ["EUW1_1"]


def test_a_page_is_entered_whole_or_not_at_all(db: Database) -> None:
    player = add_player(db)
    with pytest.raises(ValueError):
        listings.record_page(db, player.player_id, ["EUW1_1", "no id"], None, START)
    assert states(db) == {}
    assert row_of(db, player.player_id)["listed_at"] is None


def test_a_problem_is_kept_since_it_began_and_ends_with_a_good_list(db: Database) -> None:
    player = add_player(db)

    def problem() -> tuple[str | None, str | None, str | None]:
        row = row_of(db, player.player_id)
        return row["problem"], row["problem_since"], row["listed_at"]

    listings.record_problem(db, player.player_id, "404", START)
    assert problem() == ("404", text_of(START), text_of(START))
    listings.record_problem(db, player.player_id, "404", LATER)
    assert problem() == ("404", text_of(START), text_of(LATER))
    listings.record_problem(db, player.player_id, "other key", LATER)
    assert problem() == ("other key", text_of(LATER), text_of(LATER))
    assert players.poll_order(db)[0].problem == "other key"
    listings.asked_in_vain(db, player.player_id, LATER + timedelta(minutes=3))
    assert problem() == ("other key", text_of(LATER), text_of(LATER + timedelta(minutes=3)))
    listings.record_page(db, player.player_id, ["EUW1_1"], "an odd id", LATER)
    assert problem() == ("an odd id", text_of(LATER), text_of(LATER))
    listings.record_page(db, player.player_id, [], None, LATER)
    assert problem() == (None, None, text_of(LATER))


# Moves and new keys


def test_silent_is_who_had_no_game_since_was_tracked_since_then_and_was_not_asked_for_of_late(db: Database) -> None:
    days = {number: START - timedelta(days=number) for number in (3, 8, 14, 20)}
    for number in range(1, 7):
        add_player(db, number, since=days[20])
    add_player(db, 7, since=days[3])
    players.record_region(db, 1, None, days[8])
    players.record_region(db, 2, None, days[3])
    listings.record_problem(db, 3, "404", START)
    for number, ended_at in ((4, days[3]), (5, days[14])):
        store_match(db, a_match(f"EUW1_{number}", number, ended_at=ended_at))

    def silent(most: int) -> list[int]:
        asked_before = START - timedelta(days=7)
        return [each.player_id for each in players.silent(db, days[14], asked_before, most)]

    assert silent(9) == [5, 6, 1]
    assert silent(2) == [5, 6]


def test_the_region_is_kept_where_it_is_not_the_platform_and_tracking_there_ends_that(db: Database) -> None:
    player = add_player(db)

    def region() -> str | None:
        return players.poll_order(db)[0].region

    players.record_region(db, player.player_id, "na1", START)
    assert region() == "na1"
    players.record_region(db, player.player_id, None, LATER)  # Riot did not say this time
    assert (region(), players.poll_order(db)[0].region_asked_at) == ("na1", LATER)
    players.track(db, player.puuid, player.riot_id, "na1", "C1", "default", LATER)
    assert region() is None
    players.record_region(db, player.player_id, "na1", LATER)
    assert region() is None


def test_the_doubt_about_a_puuid_ends_with_a_list_a_known_problem_or_a_new_puuid(db: Database) -> None:
    for number in (1, 2, 3, 4, 5):
        add_player(db, number)
    with db.transaction():
        players.untrack(db, 5, "C1")
    players.doubt_puuids(db, good=[4])
    assert [each.player_id for each in players.doubted(db)] == [1, 2, 3]
    listings.asked_in_vain(db, 1, START)
    assert [each.player_id for each in players.doubted(db)] == [1, 2, 3]
    listings.record_page(db, 1, [], None, START)
    listings.record_problem(db, 2, "404", START, ProblemKind.NO_LIST)
    players.replace_puuid(db, 3, puuid(93))
    assert players.doubted(db) == []


# Habits


def test_each_game_tells_when_somebody_plays(db: Database) -> None:
    """Also one that is not announced: its end is known, for whoever it was listed for or is in it."""
    one, two = add_player(db, 1), add_player(db, 2)
    store_match(db, a_match("EUW1_1", 1, ended_at=START))
    listings.record_page(db, two.player_id, ["EUW1_2"], None, START)
    matches.give_up(db, "EUW1_2", reasons.NO_LONGER_NEWS, START, START - timedelta(hours=2))
    habits = {each.player_id: each.habits for each in players.polled(db)}
    assert {number: habits[number].hours.index(1.0) for number in habits} == {one.player_id: 12, two.player_id: 10}
    assert habits[one.player_id].as_of == START
    store_match(db, a_match("EUW1_3", 1, ended_at=START - timedelta(days=1)))
    again = {each.player_id: each for each in players.polled(db)}[one.player_id]
    assert (again.habits.hours[12], again.last_game_at) == (2.0, START)
