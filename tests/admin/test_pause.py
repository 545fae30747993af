"""Pause and resume: before the next claim, also of a run at work; nothing is lost, and nothing old floods."""

from datetime import timedelta

import pytest
from fakes import FakeSlack
from support import START, FakeClock, a_match, add_player, scope_of, store_match

from lolslackbot.admin.pause import pause, resume
from lolslackbot.errors import Exit, NotFound
from lolslackbot.model import Message
from lolslackbot.settings import ChannelLimit
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.deliver import Limits, deliver
from lolslackbot.stages.reconcile import Policy
from lolslackbot.stages.run import Run
from lolslackbot.store import decisions, holds
from lolslackbot.store.connect import open_database
from lolslackbot.store.database import Database

LIMITS = Limits(timedelta(hours=12), ChannelLimit(30, 3600), Policy(timedelta(minutes=10), resend=True))


@pytest.fixture
def slack() -> FakeSlack:
    return FakeSlack()


@pytest.fixture(autouse=True)
def _two_channels(db: Database, clock: FakeClock) -> None:
    """Two messages wait in C1, then one in C2."""
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C2")
    for match_id, player, minutes in (("EUW1_1", 1, 9), ("EUW1_2", 1, 8), ("EUW1_3", 2, 7)):
        store_match(db, a_match(match_id, player, ended_at=clock.now() - timedelta(minutes=minutes)))
    build_messages(db, Run("build-messages", clock, 80), "")


def send(db: Database, slack: FakeSlack, clock: FakeClock) -> Run:
    run = Run("deliver", clock, 80)
    slack.requests.clear()
    deliver(db, lambda _: slack, run, LIMITS)  # type: ignore[arg-type,return-value]
    return run


def states(db: Database) -> dict[str, str]:
    return {row["match_id"]: row["state"] for row in db.rows("SELECT match_id, state FROM messages")}


def test_everything_paused_sends_nothing_loses_nothing_and_says_so(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    assert pause(db, None, clock.now()) == "everything is paused: `lolslackbot resume` goes on"
    run = send(db, slack, clock)
    assert slack.keys == []
    assert run.status is Exit.OK
    assert "2 wait, everything is paused until a person says otherwise: by hand" in run.summary()
    assert set(states(db).values()) == {"pending"}
    assert resume(db, None, START) == "everything goes on with the next `lolslackbot deliver`"
    send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_3:C2", "EUW1_2:C1"]


def test_a_paused_channel_waits_and_the_others_go_on(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    assert pause(db, "C1", clock.now()) == "channel C1 is paused: `lolslackbot resume --channel C1` goes on"
    send(db, slack, clock)
    assert slack.keys == ["EUW1_3:C2"]
    assert resume(db, "C1", START) == "channel C1 goes on with the next `lolslackbot deliver`"
    send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C1"]


@pytest.mark.parametrize(("channel", "sent"), [(None, ["EUW1_1:C1"]), ("C1", ["EUW1_1:C1", "EUW1_3:C2"])])
def test_a_pause_by_another_process_stops_a_run_at_work_before_its_next_claim(
    db: Database, slack: FakeSlack, clock: FakeClock, channel: str | None, sent: list[str]
) -> None:
    def pause_elsewhere(message: Message) -> None:
        other = open_database(db.path)
        pause(other, channel, clock.now())
        other.close()

    slack.on_post = pause_elsewhere
    send(db, slack, clock)
    assert slack.keys == sent
    assert states(db)["EUW1_1"] == "delivered"  # it was in the air
    assert states(db)["EUW1_2"] == "pending"


def test_paused_twice_is_paused_since_the_first_time(db: Database, clock: FakeClock) -> None:
    first = clock.now()
    pause(db, "C1", first)
    clock.advance(60)
    assert pause(db, "C1", clock.now()) == "channel C1 is paused: `lolslackbot resume --channel C1` goes on"
    hold = holds.find(db, scope_of("channel C1"), "paused")
    assert hold
    assert (hold.since, hold.until, hold.times) == (first, None, 1)
    assert resume(db, "C1", START).startswith("channel C1 goes on")


@pytest.mark.parametrize(("channel", "scope"), [(None, "everything"), ("C1", "channel C1")])
def test_what_is_not_paused_is_told_so(db: Database, channel: str | None, scope: str) -> None:
    assert resume(db, channel, START) == f"{scope} was not paused"
    assert holds.all_known(db) == []


def test_a_resumed_channel_waits_for_everything_to_be_resumed(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    pause(db, None, clock.now())
    pause(db, "C1", clock.now())
    assert resume(db, "C1", START) == "channel C1 goes on once everything does: `lolslackbot resume`"
    send(db, slack, clock)
    assert slack.keys == []


def test_everything_resumed_leaves_a_channel_paused_that_was_paused_by_itself(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    pause(db, "C1", clock.now())
    pause(db, None, clock.now())
    resume(db, None, START)
    send(db, slack, clock)
    assert slack.keys == ["EUW1_3:C2"]


def test_a_channel_of_nobodys_is_refused(db: Database, clock: FakeClock) -> None:
    for change in (pause, resume):
        with pytest.raises(NotFound, match="C9 is not a tracked channel: see `lolslackbot channels`") as caught:
            change(db, "C9", START)
        assert caught.value.exit_status is Exit.SOME_FAILED
    assert holds.all_known(db) == []


def test_what_grew_old_meanwhile_expires_and_what_is_new_goes_out(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    pause(db, None, clock.now())
    clock.advance(13 * 3600)
    store_match(db, a_match("EUW1_4", 1, ended_at=clock.now() - timedelta(minutes=5)), clock.now())
    build_messages(db, Run("build-messages", clock, 80), "")
    resume(db, None, START)
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_4:C1"]
    assert (run.status, run.counts["expired"]) == (Exit.OK, 3)
    assert states(db)["EUW1_1"] == "expired"


def test_resuming_everything_names_the_channels_that_are_still_paused(db: Database) -> None:
    add_player(db)
    pause(db, None, START)
    pause(db, "C1", START)
    assert resume(db, None, START) == (
        "everything goes on with the next `lolslackbot deliver`, but channel C1 is paused: see `lolslackbot status`"
    )


def test_both_are_kept_as_decisions_once(db: Database) -> None:
    add_player(db)
    for _ in range(2):
        pause(db, "C1", START)
    for _ in range(2):
        resume(db, "C1", START)
    assert [(each.command, each.change) for each in decisions.about(db, "channel C1")] == [
        ("pause", "paused"),
        ("resume", "paused -> going on"),
    ]
