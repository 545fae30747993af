"""A message of unknown outcome: found in the channel's history, sent again once, or kept for a person."""

from datetime import timedelta

import pytest
from fakes import FakeSlack
from support import FakeClock, a_match, add_player, claim, scope_of, store_match

from lolslackbot.errors import ConfigError, Exit
from lolslackbot.model import LookupProblem
from lolslackbot.settings import ChannelLimit
from lolslackbot.slack.answers import Posted, SlackProblem, SlackVerdict
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.deliver import Limits, deliver
from lolslackbot.stages.reconcile import Policy
from lolslackbot.stages.run import Run
from lolslackbot.store import channels, holds, outbox
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database

LOST = Posted(SlackVerdict.UNCERTAIN, "no whole answer: TimeoutError")
KEY = "EUW1_1:C1"


@pytest.fixture
def slack(clock: FakeClock) -> FakeSlack:
    slack = FakeSlack()
    slack.clock = clock
    return slack


@pytest.fixture
def lost(db: Database, slack: FakeSlack, clock: FakeClock) -> str:
    """A message whose outcome nobody knows, three minutes after its claim."""
    add_player(db)
    store_match(db, a_match("EUW1_1"))
    build_messages(db, Run("build-messages", clock, 80), "")
    slack.outcomes["C1"] = [LOST]
    run = send(db, slack, clock)
    assert (run.status, state(db)) == (Exit.SOME_FAILED, "uncertain")
    assert slack.reads == ["auth.test", "C1"]  # before the first post there
    return KEY


def send(db: Database, slack: FakeSlack, clock: FakeClock, *, resend: bool = True, max_seconds: float = 80) -> Run:
    run = Run("deliver", clock, max_seconds)
    slack.requests.clear()
    slack.reads.clear()
    limits = Limits(timedelta(hours=12), ChannelLimit(30, 3600), Policy(timedelta(minutes=10), resend))
    clamp_future_times(db, clock.now())
    deliver(db, lambda _: slack, run, limits)  # type: ignore[arg-type,return-value]
    clock.advance(180)
    return run


def state(db: Database) -> str:
    row = db.row("SELECT state FROM messages")
    assert row
    return str(row["state"])


def test_what_stands_in_the_channel_is_delivered(db: Database, slack: FakeSlack, clock: FakeClock, lost: str) -> None:
    slack.histories["C1"] = {lost: "1700000000.000009"}
    run = send(db, slack, clock)
    assert slack.reads == ["auth.test", "C1"]
    assert slack.keys == []
    assert run.status is Exit.OK
    row = db.row("SELECT state, slack_ts, error FROM messages")
    assert row
    assert tuple(row) == ("delivered", "1700000000.000009", None)


def test_what_is_not_there_goes_out_once_more_after_two_runs_and_ten_minutes(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    sent_in = []
    for minute in range(3, 60, 3):
        send(db, slack, clock)
        if slack.keys:
            sent_in.append(minute)
    assert sent_in == [12]
    assert state(db) == "delivered"


def test_one_run_that_looks_is_not_enough_however_late(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    clock.advance(3600)
    send(db, slack, clock)
    assert slack.keys == []
    send(db, slack, clock)
    assert slack.keys == [lost]


def test_it_goes_out_again_once_at_most(db: Database, slack: FakeSlack, clock: FakeClock, lost: str) -> None:
    slack.outcomes["C1"] = [LOST] * 9
    sent = 0
    for _ in range(100):
        send(db, slack, clock)
        sent += len(slack.keys)
    assert sent == 1
    assert state(db) == "uncertain"
    assert slack.reads == []  # decided: only a person sends it again


def test_with_hold_it_never_goes_out_again(db: Database, slack: FakeSlack, clock: FakeClock, lost: str) -> None:
    for _ in range(20):
        send(db, slack, clock, resend=False)
        assert slack.keys == []
    assert state(db) == "uncertain"
    slack.histories["C1"] = {lost: "1700000000.000009"}  # shown late
    send(db, slack, clock, resend=False)
    assert state(db) == "delivered"


def test_found_late_counts_even_after_it_was_absent_once(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    send(db, slack, clock)
    slack.histories["C1"] = {lost: "1700000000.000009"}
    send(db, slack, clock)
    assert state(db) == "delivered"


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (SlackVerdict.TOKEN_REJECTED, Exit.OK),  # missing_scope: posting goes on without it
        (SlackVerdict.CHANNEL_BROKEN, Exit.OK),
        (SlackVerdict.UNCERTAIN, Exit.LATER),
        (SlackVerdict.LIMITED, Exit.LATER),
        (SlackVerdict.NOT_SENT, Exit.LATER),
        (SlackVerdict.LOCAL_FAULT, Exit.UNUSABLE),
    ],
)
def test_where_the_history_cannot_be_read_it_stays_uncertain_and_visible(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str, verdict: SlackVerdict, status: Exit
) -> None:
    error = "missing_scope (needed channels:history)"
    slack.histories["C1"] = SlackProblem(verdict, error, code="missing_scope" if status is Exit.OK else "")
    for _ in range(10):
        assert send(db, slack, clock).status is status
        assert slack.keys == []
    row = db.row("SELECT state, error, lookup_misses FROM messages")
    assert row
    assert (row["state"], row["lookup_misses"]) == ("uncertain", 0)
    assert "missing_scope" in row["error"]


def test_a_problem_of_one_channel_does_not_stop_the_look_up_in_another(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    for number in (1, 2):
        add_player(db, number, channel=f"C{number}")
        store_match(db, a_match(f"EUW1_{number}", number))
        slack.outcomes[f"C{number}"] = [LOST]
    build_messages(db, Run("build-messages", clock, 80), "")
    send(db, slack, clock)
    slack.histories["C1"] = SlackProblem(SlackVerdict.CHANNEL_BROKEN, "not_in_channel")
    send(db, slack, clock)
    assert slack.reads == ["auth.test", "C1", "C2"]
    slack.histories["C1"] = SlackProblem(SlackVerdict.LIMITED, "ratelimited")
    send(db, slack, clock)
    assert slack.reads == ["auth.test", "C1"]


def test_a_missing_token_leaves_it_uncertain(db: Database, slack: FakeSlack, clock: FakeClock, lost: str) -> None:
    def client(workspace: str) -> FakeSlack:
        raise ConfigError("SLACK_BOT_TOKEN is not set")

    run = Run("deliver", clock, 80)
    limits = Limits(timedelta(hours=12), ChannelLimit(30, 3600), Policy(timedelta(minutes=10), resend=True))
    deliver(db, client, run, limits)  # type: ignore[arg-type]
    assert (state(db), run.status) == ("uncertain", Exit.UNUSABLE)


def test_a_token_refused_at_the_look_up_is_told_and_held(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    slack.histories["C1"] = SlackProblem(SlackVerdict.TOKEN_REJECTED, "invalid_auth")
    for _ in range(2):
        assert send(db, slack, clock).status is Exit.REJECTED
    hold = holds.find(db, scope_of("workspace default"), "rejected")
    assert hold
    assert hold.times == 1


def test_a_clock_set_back_makes_a_look_up_wait_for_the_next_run_only(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    clock.moment -= timedelta(days=1)
    slack.histories["C1"] = {lost: "1700000000.000009"}
    send(db, slack, clock)
    send(db, slack, clock)
    assert state(db) == "delivered"


def test_a_clock_that_differs_from_slacks_re_sends_nothing(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    slack.clock = FakeClock(clock.now())  # stands still: ours was set forward
    clock.advance(24 * 3600 - 60)
    for _ in range(3):
        run = send(db, slack, clock)
        assert slack.keys == []
    assert "clock differs" in run.summary()
    assert state(db) == "uncertain"


def test_what_a_dead_run_left_is_looked_up_in_the_next(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db)
    store_match(db, a_match("EUW1_1"))
    build_messages(db, Run("build-messages", clock, 80), "")
    message = outbox.next_messages(db)[0].message
    assert claim(db, message, "a dead one's", clock.now(), clock.now() - timedelta(days=1))
    clock.advance(60)
    slack.histories["C1"] = {KEY: "1700000000.000009"}
    run = send(db, slack, clock)
    assert (state(db), run.status, slack.keys) == ("delivered", Exit.OK, [])


def test_news_goes_out_before_old_doubts_are_looked_into(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    store_match(db, a_match("EUW1_2", ended_at=clock.now()))
    build_messages(db, Run("build-messages", clock, 80), "")
    reads_at_post: list[int] = []
    slack.on_post = lambda _: reads_at_post.append(len(slack.reads))
    send(db, slack, clock)
    assert slack.keys == ["EUW1_2:C1"]
    assert reads_at_post == [0]


def test_a_run_out_of_time_looks_nothing_up(db: Database, slack: FakeSlack, clock: FakeClock, lost: str) -> None:
    send(db, slack, clock, max_seconds=0)
    assert slack.reads == []


def test_after_a_day_without_an_answer_slack_is_asked_once_a_day(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    slack.histories["C1"] = SlackProblem(SlackVerdict.TOKEN_REJECTED, "missing_scope", code="missing_scope")
    clock.advance(25 * 3600)
    for _ in range(2):
        asked = []
        for _ in range(3):
            send(db, slack, clock)
            asked.append(bool(slack.reads))
        assert asked == [True, False, False]
        assert state(db) == "uncertain"
        clock.advance(24 * 3600)


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=20000)])
def test_what_was_claimed_by_a_clock_that_was_behind_is_looked_for_until_it_is_believed(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str, ahead: timedelta
) -> None:
    clock.moment += ahead
    asked = []
    for _ in range(3):
        send(db, slack, clock)
        asked.append(bool(slack.reads))
    assert asked == [True, True, False]
    assert state(db) == "expired"  # not in the channel, and no news by the clock that is right


def test_a_clock_that_was_set_back_for_a_while_leaves_nothing_unknown(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    clock.moment -= timedelta(days=1)
    send(db, slack, clock)
    clock.moment += timedelta(days=1)
    slack.histories["C1"] = {lost: "1.2"}
    send(db, slack, clock)
    assert state(db) == "delivered"


def test_a_machine_that_slept_sends_nothing_again_before_ten_minutes_after_it_woke(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    store_match(db, a_match("EUW1_1"))
    build_messages(db, Run("build-messages", clock, 80), "")
    slack.outcomes["C1"] = [LOST]
    slack.on_post = lambda _: clock.advance(9 * 3600)  # between the request and the time-out
    send(db, slack, clock)
    slack.on_post = lambda _: None
    sent_in = []
    for minute in range(3, 30, 3):
        send(db, slack, clock)
        if slack.keys:
            sent_in.append(minute)
    assert sent_in == [12]


def test_what_a_run_that_died_asleep_left_is_unknown_from_the_next_run_on(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    store_match(db, a_match("EUW1_1"))
    build_messages(db, Run("build-messages", clock, 80), "")
    message = outbox.next_messages(db)[0].message
    assert claim(db, message, "a dead one's", clock.now(), clock.now() - timedelta(days=1))
    clock.advance(9 * 3600)
    sent_in = []
    for minute in range(0, 30, 3):
        send(db, slack, clock)
        if slack.keys:
            sent_in.append(minute)
    assert sent_in == [12]


def test_an_outcome_unknown_since_a_moment_that_is_still_to_come_is_so_from_now_on(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    with db.transaction():
        db.write("UPDATE messages SET unknown_since = '2026-12-01T00:00:00.000Z'")
    sent_in = []
    for minute in range(0, 30, 3):
        send(db, slack, clock)
        if slack.keys:
            sent_in.append(minute)
    assert sent_in == [12]


def test_what_was_unknown_in_an_older_database_waits_from_its_claim(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    with db.transaction():
        db.write("UPDATE messages SET unknown_since = NULL")
    clock.advance(600)
    send(db, slack, clock)
    send(db, slack, clock)
    assert slack.keys == [lost]


# Channels under another id


def test_it_is_looked_for_under_the_id_that_slack_gave_the_channel(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    channels.note_slack_id(db, "C1", "C7")
    slack.histories["C7"] = {lost: "1700000000.000009"}
    send(db, slack, clock)
    assert slack.reads == ["auth.test", "C7"]
    assert state(db) == "delivered"


def test_where_that_id_is_not_known_the_channel_s_own_is_asked(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    channels.note_slack_id(db, "C1", "C7")
    slack.histories["C7"] = SlackProblem(SlackVerdict.CHANNEL_BROKEN, "channel_not_found")
    slack.histories["C1"] = {lost: "1700000000.000009"}
    send(db, slack, clock)
    assert slack.reads == ["auth.test", "C7", "C1"]
    assert state(db) == "delivered"


def test_a_fault_under_that_id_proves_nothing(db: Database, slack: FakeSlack, clock: FakeClock, lost: str) -> None:
    channels.note_slack_id(db, "C1", "C7")
    slack.histories["C7"] = SlackProblem(SlackVerdict.UNCERTAIN, "HTTP 503")
    assert send(db, slack, clock).status is Exit.LATER
    assert slack.reads == ["auth.test", "C7"]
    assert state(db) == "uncertain"


def test_after_a_channel_moved_its_messages_are_found_by_the_keys_they_were_posted_with(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str
) -> None:
    with db.transaction():
        channels.move(db, "C1", "C8")
    slack.histories["C8"] = {lost: "1700000000.000009"}
    send(db, slack, clock)
    assert slack.reads == ["auth.test", "C8"]
    assert state(db) == "delivered"


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (SlackProblem(SlackVerdict.TOKEN_REJECTED, "missing_scope", code="missing_scope"), LookupProblem.SCOPE_MISSING),
        (SlackProblem(SlackVerdict.CHANNEL_BROKEN, "not_in_channel"), LookupProblem.CHANNEL_CLOSED),
        (SlackProblem(SlackVerdict.UNCERTAIN, "HTTP 503"), LookupProblem.NO_ANSWER),
    ],
)
def test_why_it_cannot_be_looked_up_is_on_record_as_long_as_that_is_so(
    db: Database, slack: FakeSlack, clock: FakeClock, lost: str, problem: SlackProblem, kind: LookupProblem
) -> None:
    slack.histories["C1"] = problem
    send(db, slack, clock)
    assert [row["lookup_problem"] for row in db.rows("SELECT lookup_problem FROM messages")] == [kind]
    slack.histories["C1"] = {}
    send(db, slack, clock)
    assert [row["lookup_problem"] for row in db.rows("SELECT lookup_problem FROM messages")] == [None]


def test_a_machine_that_slept_for_days_looks_at_once_when_it_wakes(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    store_match(db, a_match("EUW1_1"))
    build_messages(db, Run("build-messages", clock, 80), "")
    slack.outcomes["C1"] = [LOST]
    slack.on_post = lambda _: clock.advance(3 * 86400)
    send(db, slack, clock)
    slack.histories["C1"] = {KEY: "1700000000.000009"}
    send(db, slack, clock)
    assert state(db) == "delivered"
