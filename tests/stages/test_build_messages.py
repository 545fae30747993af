"""One message a match and channel, once; a fault in one stops no other."""

import json
from datetime import timedelta

import pytest
from support import START, FakeClock, a_match, add_player, contents, participant, store_match

from lolslackbot.errors import Exit
from lolslackbot.messages.render import render
from lolslackbot.model import Style
from lolslackbot.stages import build_messages as stage
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import channels, listings, matches, reasons
from lolslackbot.store.database import Database
from lolslackbot.store.reasons import Reason


def build(db: Database, clock: FakeClock, max_seconds: float = 80) -> Run:
    run = Run("build-messages", clock, max_seconds)
    build_messages(db, run, "https://example.org/{platform}/{game_id}")
    return run


def built(db: Database) -> list[tuple[str, str, str]]:
    rows = db.rows("SELECT match_id, channel_id, state FROM messages ORDER BY match_id, channel_id")
    return [(row["match_id"], row["channel_id"], row["state"]) for row in rows]


def test_each_channel_that_tracks_a_player_in_it_gets_one_message(db: Database, clock: FakeClock) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C1")
    add_player(db, 2, channel="C2", workspace="friends")
    add_player(db, 3, channel="C3")
    store_match(db, a_match("EUW1_1", 1, 2))
    run = build(db, clock)
    assert built(db) == [("EUW1_1", "C1", "pending"), ("EUW1_1", "C2", "pending")]
    assert (run.status, run.summary()) == (Exit.OK, "build-messages: 2 built")
    assert db.row("SELECT workspace FROM messages WHERE channel_id = 'C2'")["workspace"] == "friends"  # type: ignore[index]


def test_a_second_run_changes_nothing(db: Database, clock: FakeClock) -> None:
    add_player(db)
    store_match(db, a_match())
    build(db, clock)
    before = contents(db)
    assert build(db, clock).summary() == "build-messages: nothing to do"
    assert contents(db) == before


def test_a_channel_that_tracks_the_player_only_since_after_the_game_hears_nothing(
    db: Database, clock: FakeClock
) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 1, channel="C2", since=START)
    add_player(db, 2, channel="C1", since=START)
    store_match(db, a_match("EUW1_1", 1, 2, ended_at=START - timedelta(seconds=1)))
    build(db, clock)
    assert built(db) == [("EUW1_1", "C1", "pending")]
    assert "Player 2" not in db.row("SELECT text FROM messages")["text"]  # type: ignore[index]


def test_a_match_nobody_is_to_hear_of_has_its_reason_on_record(db: Database, clock: FakeClock) -> None:
    add_player(db)
    store_match(db, a_match())
    with db.transaction():
        db.write("DELETE FROM tracks")
    build(db, clock)
    assert built(db) == []
    row = db.row("SELECT state, reason FROM matches")
    assert row
    assert (row["state"], row["reason"]) == ("stored", "untracked: it names nobody who is tracked")


def test_a_message_that_cannot_be_worded_is_failed_and_stops_no_other(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 1, channel="C2")
    store_match(db, a_match("EUW1_1"))
    store_match(db, a_match("EUW1_2"))
    real = render
    calls = iter([True, False, False, False])

    def sometimes(*arguments: object) -> object:
        if next(calls):
            raise ValueError("a bug of ours")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(stage, "render", sometimes)
    run = build(db, clock)
    assert [state for _, _, state in built(db)] == ["failed", "pending", "pending", "pending"]
    assert (run.status, run.counts["built"], run.counts["failed"]) == (Exit.SOME_FAILED, 3, 1)
    assert "a bug of ours" in caplog.text


def test_a_run_out_of_time_says_so_and_the_next_one_goes_on(db: Database, clock: FakeClock) -> None:
    add_player(db)
    store_match(db, a_match())
    run = build(db, clock, max_seconds=0)
    assert (run.status, built(db)) == (Exit.OK, [])
    assert "out of time" in run.summary()
    assert (run.out_of_time, run.left_over) == (True, 1)
    run = build(db, clock)
    assert (run.out_of_time, run.left_over) == (False, 0)
    assert len(built(db)) == 1


def test_the_text_says_who_did_what_and_where_to_read_more(db: Database, clock: FakeClock) -> None:
    add_player(db)
    store_match(db, a_match("EUW1_7", participants=(participant(1, name="Ahri & <!here>"),)))
    build(db, clock)
    text = db.row("SELECT text FROM messages")["text"]  # type: ignore[index]
    assert text == (
        "🟢 Ahri &amp; &lt;!here&gt; won · Ahri mid 7/2/9\n"
        "Ranked Solo/Duo · 31:11 · 201 CS (6.4/min)\n"
        "https://example.org/euw1/7"
    )


# What a channel wants to hear


def test_a_row_that_cannot_be_read_fails_the_messages_that_name_it_and_stops_no_other(
    db: Database, clock: FakeClock
) -> None:
    one = add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C2")
    store_match(db, a_match("EUW1_1", 1, 2))
    with db.transaction():
        db.write("UPDATE participants SET partners = '[' WHERE player_id = :one", one=one.player_id)
    run = build(db, clock)
    assert built(db) == [("EUW1_1", "C1", "failed"), ("EUW1_1", "C2", "pending")]
    assert run.status == Exit.SOME_FAILED
    assert build(db, clock).summary() == "build-messages: nothing to do"


def test_a_channel_hears_only_of_the_queues_it_wants_and_the_rest_is_on_record(db: Database, clock: FakeClock) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 1, channel="C2")
    channels.prefer(db, "C2", channels.Change(queues="ranked,1700"), START)
    store_match(db, a_match("EUW1_1", queue_id=450, game_mode="ARAM"))
    store_match(db, a_match("EUW1_2", queue_id=440))
    run = build(db, clock)
    assert built(db) == [("EUW1_1", "C1", "pending"), ("EUW1_2", "C1", "pending"), ("EUW1_2", "C2", "pending")]
    assert [tuple(row) for row in db.rows("SELECT * FROM unwanted")] == [("EUW1_1", "C2", "ranked,1700")]
    assert (run.status, run.summary()) == (Exit.OK, "build-messages: 3 built, 1 unwanted")


def test_a_match_that_no_channel_wants_has_its_reason_and_does_not_come_when_it_is_wanted_later(
    db: Database, clock: FakeClock
) -> None:
    add_player(db)
    channels.prefer(db, "C1", channels.Change(queues="arena"), START)
    store_match(db, a_match("EUW1_1"))
    build(db, clock)
    assert built(db) == []
    assert db.row("SELECT reason FROM matches")["reason"] == reasons.UNWANTED.text  # type: ignore[index]
    channels.prefer(db, "C1", channels.Change(queues="all"), START)
    with db.transaction():
        db.write("UPDATE matches SET built_at = NULL")  # as when another channel's message is worded again
    build(db, clock)
    assert built(db) == []


def test_each_channel_gets_its_style(db: Database, clock: FakeClock) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 1, channel="C2")
    channels.prefer(db, "C2", channels.Change(style=Style.COMPACT), START)
    store_match(db, a_match("EUW1_1"))
    build(db, clock)
    full, compact = (json.loads(row["blocks"]) for row in db.rows("SELECT blocks FROM messages ORDER BY channel_id"))
    assert [each["type"] for each in full] == ["rich_text", "section"]
    assert [each["type"] for each in compact] == ["rich_text"]


# Series


def series(db: Database, clock: FakeClock, *wins: bool | str) -> str:
    """What stands out of the last of these games; a text: that game could not be had, and why."""
    add_player(db)
    for number, win in enumerate(wins, 1):
        match_id = f"EUW1_{number}"
        if isinstance(win, str):
            listings.record_page(db, 1, [match_id], None, START)
            matches.give_up(db, match_id, Reason(win), START)
        else:
            ended_at = START - timedelta(minutes=60 - number)
            store_match(db, a_match(match_id, participants=(participant(1, win=win),), ended_at=ended_at))
    build(db, clock)
    text = db.row("SELECT text FROM messages ORDER BY match_id DESC")["text"]  # type: ignore[index]
    _won, _how, *stands_out = text.split("\n")[0].split(" · ")
    return str("".join(stands_out))


def test_a_series_is_counted_in_the_database(db: Database, clock: FakeClock) -> None:
    assert series(db, clock, False, True, True, True, True) == "4 ranked wins in a row"


def test_a_game_that_is_not_known_ends_what_is_counted(db: Database, clock: FakeClock) -> None:
    assert series(db, clock, True, True, "closed", True, True) == ""


def test_the_end_of_a_series_is_told_too(db: Database, clock: FakeClock) -> None:
    assert series(db, clock, False, False, False, True) == "first ranked win after 3 losses"
