"""What each answer of Slack leads to, and who may be posted to when: state, order and number of requests."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from fakes import FakeSlack
from support import START, FakeClock, a_match, add_player, claim, participant, scope_of, store_match

from lolslackbot.clock import text_of
from lolslackbot.commands.why import why
from lolslackbot.errors import ConfigError, Exit
from lolslackbot.health.status import status
from lolslackbot.model import Message
from lolslackbot.settings import ChannelLimit
from lolslackbot.shares import Share
from lolslackbot.slack.answers import ChannelInfo, History, Identity, Posted, SlackProblem, SlackVerdict
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.deliver import Limits, compared_first, deliver, dry_run, most_in_one_run
from lolslackbot.stages.reconcile import Policy
from lolslackbot.stages.run import Run
from lolslackbot.store import amendments, channels, claims, holds, in_doubt, outbox, players, restores, runs
from lolslackbot.store.claims import Claim
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database
from lolslackbot.store.outbox import Draft

POLICY = Policy(timedelta(minutes=10), resend=True)


def limits(messages: int = 30, seconds: int = 3600, policy: Policy = POLICY) -> Limits:
    return Limits(timedelta(hours=12), ChannelLimit(messages, seconds), policy)


LIMITS = limits()


@pytest.fixture
def slack() -> FakeSlack:
    return FakeSlack()


def games(db: Database, clock: FakeClock, *match_ids: str, players: tuple[int, ...] = (1,)) -> None:
    """Stored and built games, ended one minute after the other, the last one minute ago."""
    for number, match_id in enumerate(match_ids):
        ended_at = clock.now() - timedelta(minutes=len(match_ids) - number)
        store_match(db, a_match(match_id, *players, ended_at=ended_at), clock.now())
    build_messages(db, Run("build-messages", clock, 80), "")


def send(db: Database, slack: FakeSlack, clock: FakeClock, limits: Limits = LIMITS, max_seconds: float = 80) -> Run:
    """One run, three minutes after the one before."""
    run = Run("deliver", clock, max_seconds)
    slack.requests.clear()
    clamp_future_times(db, clock.now())
    try:
        deliver(db, lambda _: slack, run, limits)  # type: ignore[arg-type,return-value]
    finally:
        clock.advance(180)
    return run


def row(db: Database, match_id: str, channel_id: str = "C1") -> tuple[str, int, str | None]:
    found = db.row(
        "SELECT state, attempts, error FROM messages WHERE match_id = :match_id AND channel_id = :channel_id",
        match_id=match_id,
        channel_id=channel_id,
    )
    assert found
    return found["state"], found["attempts"], found["error"]


def test_messages_go_out_once_in_the_order_the_games_ended(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db)
    games(db, clock, "EUW1_3", "EUW1_1", "EUW1_2")
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_3:C1", "EUW1_1:C1", "EUW1_2:C1"]
    assert (run.status, run.counts["delivered"]) == (Exit.OK, 3)
    assert row(db, "EUW1_1") == ("delivered", 1, None)
    for _ in range(20):
        assert send(db, slack, clock).status is Exit.OK
        assert slack.keys == []


def test_a_channel_gets_one_message_a_second_and_stalls_no_other(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C2")
    games(db, clock, "EUW1_1", "EUW1_2", players=(1,))
    games(db, clock, "EUW1_3", players=(2,))
    send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_3:C2", "EUW1_2:C1"]
    assert len(clock.slept) == 1
    assert 1.0 <= clock.slept[0] < 1.01


@pytest.mark.parametrize("runs", [(80,), (0.5, 80)], ids=["one run", "the next run"])
@pytest.mark.parametrize(
    "outcome", [None, Posted(SlackVerdict.UNCERTAIN, "HTTP 503"), Posted(SlackVerdict.BLOCKS_REFUSED, "x")]
)
def test_a_channel_rests_a_second_from_the_answer_whatever_it_was(
    db: Database, slack: FakeSlack, clock: FakeClock, outcome: Posted | None, runs: tuple[float, ...]
) -> None:
    """Slack counts a post when it arrives, which is at the latest when it answers."""
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    if outcome:
        slack.outcomes["EUW1_1"] = [outcome]
    posts: list[tuple[datetime, datetime]] = []

    def takes_long(_: Message) -> None:
        began = clock.now()
        clock.advance(0.9)
        posts.append((began, clock.now()))

    slack.on_post = takes_long
    for seconds in runs:
        deliver(db, lambda _: slack, Run("deliver", clock, seconds), LIMITS)  # type: ignore[arg-type,return-value]
    assert len(posts) >= 2
    rests = [later[0] - earlier[1] for earlier, later in pairwise(posts)]
    assert min(rests) >= timedelta(seconds=1)


def test_the_claim_is_committed_before_slack_is_asked(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    seen = []
    slack.on_post = lambda message: seen.append(row(db, message.subject))
    send(db, slack, clock)
    assert seen == [("sending", 1, None)]


@pytest.mark.parametrize("verdict", [SlackVerdict.CHANNEL_BROKEN, SlackVerdict.MESSAGE_REFUSED])
def test_a_refused_message_fails_and_the_others_go_out_once(
    db: Database, slack: FakeSlack, clock: FakeClock, verdict: SlackVerdict
) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C2")
    add_player(db, 3, channel="C3")
    for number in (1, 2, 3):
        games(db, clock, f"EUW1_{number}", players=(number,))
    slack.outcomes["C2"] = [Posted(verdict, "channel_not_found")]
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C2", "EUW1_3:C3"]
    assert row(db, "EUW1_2", "C2") == ("failed", 1, "channel_not_found")
    assert (run.status, run.counts["failed"]) == (Exit.SOME_FAILED, 1)
    for _ in range(20):
        assert send(db, slack, clock).status is Exit.OK
        assert slack.keys == []


def test_a_broken_channel_fails_its_further_messages_without_a_call(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    slack.outcomes["C1"] = [Posted(SlackVerdict.CHANNEL_BROKEN, "is_archived")]
    send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1"]
    assert row(db, "EUW1_2") == ("failed", 0, "is_archived: the channel was marked broken")
    games(db, clock, "EUW1_3")
    run = send(db, slack, clock)
    assert slack.keys == []
    assert (run.status, row(db, "EUW1_3")[0]) == (Exit.SOME_FAILED, "failed")


def test_a_rejected_token_stops_its_workspace_and_no_other(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C2", workspace="friends")
    games(db, clock, "EUW1_1", "EUW1_2", players=(1,))
    games(db, clock, "EUW1_3", players=(2,))
    slack.outcomes["C1"] = [Posted(SlackVerdict.TOKEN_REJECTED, "token_revoked")]
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_3:C2"]
    assert run.status is Exit.REJECTED
    assert row(db, "EUW1_1") == ("pending", 1, "token_revoked")
    assert holds.find(db, scope_of("workspace default"), "rejected")
    assert send(db, slack, clock).status is Exit.OK
    assert row(db, "EUW1_2")[0] == "delivered"
    assert not holds.find(db, scope_of("workspace default"), "rejected")


def test_refused_blocks_go_out_as_plain_text_in_the_same_run(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    slack.outcomes["C1"] = [Posted(SlackVerdict.BLOCKS_REFUSED, "invalid_blocks")]
    run = send(db, slack, clock)
    assert [bool(message.blocks) for message in slack.requests] == [True, False]
    assert row(db, "EUW1_1") == ("delivered", 2, None)
    assert run.status is Exit.OK


def test_blocks_refused_where_there_are_none_is_a_refused_message(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    slack.outcomes["C1"] = [Posted(SlackVerdict.BLOCKS_REFUSED, "invalid_blocks")] * 3
    send(db, slack, clock)
    assert len(slack.requests) == 2
    assert row(db, "EUW1_1")[0] == "failed"


def test_too_fast_makes_the_channel_wait_across_runs(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C2")
    games(db, clock, "EUW1_1", players=(1,))
    games(db, clock, "EUW1_2", players=(2,))
    slack.outcomes["C1"] = [Posted(SlackVerdict.LIMITED, "ratelimited", wait=400)]
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C2"]
    assert (run.status, row(db, "EUW1_1")) == (Exit.LATER, ("pending", 1, "ratelimited"))
    run = send(db, slack, clock)
    assert slack.keys == []
    assert "channel C1 is limited until" in run.summary()
    send(db, slack, clock)
    assert slack.keys == []
    send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1"]


def test_a_second_channel_told_too_fast_makes_the_workspace_wait(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    for number in (1, 2, 3):
        add_player(db, number, channel=f"C{number}")
        games(db, clock, f"EUW1_{number}", players=(number,))
    add_player(db, 4, channel="C4", workspace="friends")
    games(db, clock, "EUW1_4", players=(4,))
    for channel in ("C1", "C2"):
        slack.outcomes[channel] = [Posted(SlackVerdict.LIMITED, "ratelimited", wait=200)]
    send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C2", "EUW1_4:C4"]
    send(db, slack, clock)
    assert slack.keys == []
    send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C2", "EUW1_3:C3"]


def test_a_used_up_allowance_makes_the_whole_workspace_wait(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    for number in (1, 2):
        add_player(db, number, channel=f"C{number}")
        games(db, clock, f"EUW1_{number}", players=(number,))
    slack.outcomes["C1"] = [Posted(SlackVerdict.WORKSPACE_LIMITED, "message_limit_exceeded", wait=3600)]
    assert send(db, slack, clock).status is Exit.LATER
    assert slack.keys == ["EUW1_1:C1"]


def test_a_clock_set_back_makes_nobody_wait_longer_than_slack_said(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    slack.outcomes["C1"] = [Posted(SlackVerdict.LIMITED, "ratelimited", wait=200)]
    send(db, slack, clock)
    clock.moment -= timedelta(hours=1)
    requests = []
    for _ in range(3):
        send(db, slack, clock)
        requests.append(slack.keys)
    assert requests == [[], [], ["EUW1_1:C1"]]


def test_a_slack_out_of_reach_costs_no_attempt_and_one_try_a_run(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    slack.outcomes["C1"] = [Posted(SlackVerdict.NOT_SENT, "Slack could not be reached: ConnectionRefusedError")]
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1"]
    assert run.status is Exit.LATER
    assert row(db, "EUW1_1")[:2] == ("pending", 0)
    send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C1"]


def test_no_way_out_of_this_machine_counts_nothing_and_needs_a_person(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    slack.outcomes["C1"] = [Posted(SlackVerdict.LOCAL_FAULT, "the proxy refuses the way to slack.com (407): …")]
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1"]
    assert run.status is Exit.UNUSABLE
    assert "the proxy refuses the way to slack.com (407): …" in run.summary()
    assert row(db, "EUW1_1")[:2] == ("pending", 0)
    send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C1"]


def test_an_unknown_outcome_is_uncertain_never_sent_again_and_holds_nobody_up(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    slack.outcomes["EUW1_1"] = [Posted(SlackVerdict.UNCERTAIN, "no whole answer: TimeoutError")]
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C1"]
    assert (run.status, run.counts["uncertain"]) == (Exit.SOME_FAILED, 1)
    assert row(db, "EUW1_1") == ("uncertain", 1, "no whole answer: TimeoutError")
    assert send(db, slack, clock).status is Exit.OK
    assert slack.keys == []


def test_after_a_few_unknown_outcomes_in_a_row_the_workspace_is_left_alone_for_the_run(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, *(f"EUW1_{number}" for number in range(1, 6)))
    slack.outcomes["C1"] = [Posted(SlackVerdict.UNCERTAIN, "HTTP 503")] * 3
    send(db, slack, clock)
    assert len(slack.keys) == 3
    assert row(db, "EUW1_4")[0] == "pending"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_run_stopped_with_a_message_in_the_air_leaves_it_uncertain(
    db: Database, slack: FakeSlack, clock: FakeClock, stop: type[BaseException]
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    slack.outcomes["EUW1_1"] = [stop()]
    with pytest.raises(stop):
        send(db, slack, clock)
    assert row(db, "EUW1_1") == ("uncertain", 1, f"interrupted: {stop.__name__}")
    assert row(db, "EUW1_2")[0] == "pending"


def test_an_unexpected_error_while_posting_leaves_it_uncertain_and_the_others_go_on(
    db: Database, slack: FakeSlack, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    slack.outcomes["EUW1_1"] = [KeyError("a bug of ours")]
    run = send(db, slack, clock)
    assert (row(db, "EUW1_1")[0], row(db, "EUW1_2")[0]) == ("uncertain", "delivered")
    assert run.status is Exit.SOME_FAILED
    assert "Traceback" in caplog.text


def test_what_a_dead_run_was_sending_is_uncertain_in_the_next(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    assert claim(db, outbox.next_messages(db)[0].message, "a dead one's", START, START - timedelta(days=1))
    run = send(db, slack, clock)
    assert slack.keys == []
    assert row(db, "EUW1_1") == ("uncertain", 1, in_doubt.DIED)
    assert run.status is Exit.SOME_FAILED
    assert send(db, slack, clock).status is Exit.OK


def test_old_news_expires_instead_of_going_out(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    clock.advance(12 * 3600)
    run = send(db, slack, clock)
    assert slack.keys == []
    assert row(db, "EUW1_1") == ("expired", 0, "no longer news")
    assert (run.status, run.counts["expired"]) == (Exit.OK, 1)


def test_a_message_that_turns_old_during_the_run_is_not_claimed(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    slack.on_post = lambda _: clock.advance(12 * 3600)
    run = send(db, slack, clock, max_seconds=10**6)
    assert slack.keys == ["EUW1_1:C1"]
    assert row(db, "EUW1_2") == ("expired", 0, "no longer news")
    assert run.counts["expired"] == 1


def test_no_channel_gets_more_than_its_limit_and_the_rest_waits(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C2")
    games(db, clock, *(f"EUW1_{number}" for number in range(1, 6)), players=(1,))
    games(db, clock, "EUW1_6", players=(2,))
    two = limits(2, 600)
    run = send(db, slack, clock, two)
    assert slack.keys == ["EUW1_1:C1", "EUW1_6:C2", "EUW1_2:C1"]
    assert run.status is Exit.OK
    assert "3 wait, channel C1 has had its 2 in 600 s" in run.summary()
    sent = []
    for _ in range(5):
        send(db, slack, clock, two)
        sent.append(slack.keys)
    assert sent == [[], [], [], ["EUW1_3:C1", "EUW1_4:C1"], []]


def test_a_refused_message_does_not_use_up_the_channels_limit(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    slack.outcomes["C1"] = [Posted(SlackVerdict.MESSAGE_REFUSED, "no_text")]
    send(db, slack, clock, limits(1, 600))
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C1"]


def test_a_missing_token_holds_up_its_workspace_only(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db, 1, channel="C1", workspace="friends")
    add_player(db, 2, channel="C2")
    games(db, clock, "EUW1_1", players=(1,))
    games(db, clock, "EUW1_2", players=(2,))

    def client(workspace: str) -> FakeSlack:
        if workspace == "friends":
            raise ConfigError("SLACK_BOT_TOKEN_FRIENDS is not set")
        return slack

    run = Run("deliver", clock, 80)
    deliver(db, client, run, LIMITS)  # type: ignore[arg-type]
    assert slack.keys == ["EUW1_2:C2"]
    assert row(db, "EUW1_1")[:2] == ("pending", 0)
    assert run.status is Exit.UNUSABLE
    assert "SLACK_BOT_TOKEN_FRIENDS is not set" in run.summary()


def test_a_run_out_of_time_says_so_and_the_next_one_goes_on(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2", "EUW1_3")
    slack.on_post = lambda _: clock.advance(6)
    run = send(db, slack, clock, max_seconds=10)
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C1"]
    assert (run.status, "out of time" in run.summary()) == (Exit.OK, True)
    assert (run.out_of_time, run.left_over) == (True, 1)
    run = send(db, slack, clock, max_seconds=10)
    assert (run.out_of_time, run.left_over) == (False, 0)
    assert slack.keys == ["EUW1_3:C1"]


@pytest.mark.parametrize(("seconds", "most"), [(0.5, 2), (1, 2), (2.5, 5), (3, 5), (80, 5)])
def test_how_many_the_time_budget_lets_go_is_what_a_run_without_delays_sends(
    db: Database, slack: FakeSlack, clock: FakeClock, seconds: float, most: int
) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C2")
    games(db, clock, "EUW1_1", "EUW1_2", "EUW1_3", players=(1,))
    games(db, clock, "EUW1_4", "EUW1_5", players=(2,))
    going, _ = dry_run(db, LIMITS, clock.now())
    assert most_in_one_run(going, seconds) == most
    send(db, slack, clock, max_seconds=seconds)
    assert len(slack.keys) == most


def test_a_dry_run_tells_what_goes_out_and_why_the_rest_does_not(db: Database, clock: FakeClock) -> None:
    for number in (1, 2, 3):
        add_player(db, number, channel=f"C{number}")
    games(db, clock, "EUW1_1", players=(1,))
    clock.advance(11.9 * 3600)
    games(db, clock, "EUW1_2", "EUW1_3", "EUW1_4", players=(1,))
    games(db, clock, "EUW1_5", players=(2,))
    games(db, clock, "EUW1_6", players=(3,))
    clock.advance(0.2 * 3600)
    with db.transaction():
        holds.put(db, scope_of("channel C2"), "broken", "is_archived", clock.now(), None)
        holds.put(db, scope_of("channel C3"), "limited", "ratelimited", clock.now(), clock.now() + timedelta(seconds=9))
    going, notes = dry_run(db, limits(2, 600), clock.now())
    assert [message.key for message in going] == ["EUW1_2:C1", "EUW1_3:C1"]
    assert [note.split(maxsplit=1) for note in notes] == [
        ["EUW1_1:C1", "expires: no longer news"],
        ["EUW1_4:C1", "waits: the others use up what the channel may get now"],
        ["EUW1_5:C2", "does not go now: channel C2 is broken until a person says otherwise: is_archived"],
        ["EUW1_6:C3", notes[3].split(maxsplit=1)[1]],
    ]
    assert "channel C3 is limited until" in notes[3]


def test_one_message_names_all_tracked_players_of_the_channel(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C1")
    add_player(db, 2, channel="C2")
    match = a_match("EUW1_1", participants=(participant(1), participant(2, champion_name="MonkeyKing")))
    store_match(db, match)
    build_messages(db, Run("build-messages", clock, 80), "")
    send(db, slack, clock)
    texts = {message.channel_id: message.text for message in slack.requests}
    assert "Player 1" in texts["C1"]
    assert "Player 2: Wukong" in texts["C1"]
    assert "Player 1" not in texts["C2"]


@pytest.mark.sqlite_only
def test_after_a_day_without_slack_no_channel_is_flooded_and_the_rest_expires_with_a_reason(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    channels = [f"C{number}" for number in range(1, 6)]
    for number, channel in enumerate(channels, 1):
        add_player(db, number, channel=channel)
    for number in range(100):  # a game of all five every fifteen minutes, for a day and an hour
        store_match(db, a_match(f"EUW1_{number}", 1, 2, 3, 4, 5, ended_at=clock.now()), clock.now())
        build_messages(db, Run("build-messages", clock, 80), "")
        for channel in channels:
            slack.outcomes[channel] = [Posted(SlackVerdict.NOT_SENT, "Slack could not be reached")] * 2
        send(db, slack, clock)
        assert len(slack.requests) <= 1  # one try a run
        clock.advance(900 - 180)
    slack.outcomes.clear()
    sent: dict[str, list[str]] = {channel: [] for channel in channels}
    for _ in range(40):  # two hours of ticks
        send(db, slack, clock)
        for message in slack.requests:
            sent[message.channel_id].append(message.key)
    for channel in channels:
        assert 0 < len(sent[channel]) <= 60  # two hours of 30
        assert len(set(sent[channel])) == len(sent[channel])
    left = db.rows("SELECT DISTINCT state, error FROM messages WHERE state <> 'delivered'")
    assert [tuple(each) for each in left] == [("expired", "no longer news")]


def test_a_token_refused_again_is_refused_since_the_first_time(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    since = clock.now()
    slack.outcomes["C1"] = [Posted(SlackVerdict.TOKEN_REJECTED, "token_revoked")] * 2
    for attempts in (1, 2):
        assert send(db, slack, clock).status is Exit.REJECTED
        assert slack.keys == ["EUW1_1:C1"]
        assert row(db, "EUW1_1") == ("pending", attempts, "token_revoked")
    hold = holds.find(db, scope_of("workspace default"), "rejected")
    assert hold
    assert (hold.since, hold.times) == (since, 1)


def test_a_claim_lost_to_somebody_else_is_an_error_that_stops_nobody(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")

    def take_over(message: Message) -> None:
        if message.subject == "EUW1_1":
            with db.transaction():
                db.write("UPDATE messages SET claim_token = 'another' WHERE state = 'sending'")

    slack.on_post = take_over
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C1"]
    assert (row(db, "EUW1_1")[0], row(db, "EUW1_2")[0]) == ("sending", "delivered")
    assert (run.status, run.counts["failed"]) == (Exit.SOME_FAILED, 1)


def test_a_message_reworded_after_it_was_picked_goes_out_in_its_new_words(
    db: Database, slack: FakeSlack, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    claim_next = claims.claim_next

    def reworded_first(*arguments: Any) -> Claim | None:
        with db.transaction():
            db.write("UPDATE messages SET text = 'new words'")
        return claim_next(*arguments)

    monkeypatch.setattr(claims, "claim_next", reworded_first)
    send(db, slack, clock)
    assert [message.text for message in slack.requests] == ["new words"]
    assert row(db, "EUW1_1")[:2] == ("delivered", 1)


def test_what_a_restore_put_in_doubt_expires_where_its_history_cannot_be_read(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    clock.advance(1)
    with db.transaction():
        assert restores.doubt_all(db, clock.now()) == 1
    error = "missing_scope (needed channels:history)"
    slack.histories["C1"] = SlackProblem(SlackVerdict.TOKEN_REJECTED, error, code="missing_scope")
    clock.advance(1)
    run = send(db, slack, clock)
    assert slack.keys == []
    assert row(db, "EUW1_1") == (
        "expired",
        0,
        "it may have been announced before the restore, and cannot be looked up: "
        "missing_scope (needed channels:history)",
    )
    assert run.counts["expired"] == 1


# The channel's history, before the first post there and after an outage

TS = "1700000000.000009"


def ended(db: Database, clock: FakeClock) -> None:
    """A run of `deliver` is on record, begun now."""
    runs.end(db, runs.begin(db, "deliver", clock.now()), clock.now(), 0, "")


def test_what_another_database_posted_already_counts_as_delivered(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    slack.histories["C1"] = {"EUW1_1:C1": TS}
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_2:C1"]
    assert row(db, "EUW1_1") == ("delivered", 0, in_doubt.FOUND)
    assert (run.status, run.counts["found delivered"], run.counts["delivered"]) == (Exit.OK, 1, 1)
    assert f"delivered, ts {TS}: {in_doubt.FOUND}" in "\n".join(why(db, "EUW1_1", clock.now()))


def test_a_channel_is_asked_for_its_history_once_and_not_while_nothing_waits(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C2")
    send(db, slack, clock)
    assert slack.reads == []
    games(db, clock, "EUW1_1")
    send(db, slack, clock)
    games(db, clock, "EUW1_2")
    send(db, slack, clock)
    assert slack.reads == ["auth.test", "C1"]


@pytest.mark.parametrize(("hours", "reads"), [(5.9, []), (6.1, ["auth.test", "C1"]), (-6.1, ["auth.test", "C1"])])
def test_after_six_hours_without_a_run_the_history_is_read_again(
    db: Database, slack: FakeSlack, clock: FakeClock, hours: float, reads: list[str]
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    send(db, slack, clock)
    ended(db, clock)
    clock.advance(hours * 3600)
    games(db, clock, "EUW1_2")
    slack.reads.clear()
    slack.histories["C1"] = {"EUW1_2:C1": TS}
    send(db, slack, clock)
    assert slack.reads == reads
    assert (slack.keys == []) == bool(reads)


def test_a_run_cut_off_after_an_outage_leaves_the_comparison_to_the_next(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    send(db, slack, clock)
    ended(db, clock)
    clock.advance(7 * 3600)
    runs.begin(db, "deliver", clock.now())  # and died at once
    clock.advance(180)
    games(db, clock, "EUW1_2")
    slack.histories["C1"] = {"EUW1_2:C1": TS}
    send(db, slack, clock)
    assert row(db, "EUW1_2")[0] == "delivered"
    assert slack.keys == []


LASTING = {
    "no scope": SlackProblem(SlackVerdict.TOKEN_REJECTED, "missing_scope (needed x)", code="missing_scope"),
    "not a member": SlackProblem(SlackVerdict.CHANNEL_BROKEN, "not_in_channel", code="not_in_channel"),
}


@pytest.mark.parametrize("problem", LASTING.values(), ids=LASTING)
def test_a_history_that_can_never_be_read_keeps_nothing_back(
    db: Database, slack: FakeSlack, clock: FakeClock, problem: SlackProblem
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    slack.histories["C1"] = problem
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C1"]
    assert (run.status, slack.reads) == (Exit.OK, ["auth.test", "C1"])


@pytest.mark.parametrize(
    ("problem", "status", "second_goes_on"),
    [
        (SlackProblem(SlackVerdict.UNCERTAIN, "HTTP 503"), Exit.LATER, True),
        (SlackProblem(SlackVerdict.NOT_SENT, "Slack could not be reached"), Exit.LATER, False),
        (SlackProblem(SlackVerdict.LIMITED, "ratelimited", wait=100), Exit.LATER, False),
        (SlackProblem(SlackVerdict.TOKEN_REJECTED, "invalid_auth", code="invalid_auth"), Exit.REJECTED, False),
    ],
)
def test_a_history_that_cannot_be_read_now_makes_its_channel_wait_and_loses_nothing(
    db: Database, slack: FakeSlack, clock: FakeClock, problem: SlackProblem, status: Exit, second_goes_on: bool
) -> None:
    add_player(db, 3, channel="C3")
    games(db, clock, "EUW1_3", players=(3,))
    send(db, slack, clock)  # C3 has been compared
    for number in (1, 2):
        add_player(db, number, channel=f"C{number}")
        games(db, clock, f"EUW1_{number}", players=(number,))
    games(db, clock, "EUW1_4", players=(3,))
    slack.histories["C1"] = problem
    run = send(db, slack, clock)
    expected = ["EUW1_4:C3"] * (status is not Exit.REJECTED) + ["EUW1_2:C2"] * second_goes_on
    assert sorted(slack.keys) == sorted(expected)
    assert (run.status, row(db, "EUW1_1")) == (status, ("pending", 0, None))
    assert "C1 waits for its history to be compared" in run.summary()
    slack.histories["C1"] = {"EUW1_1:C1": TS}
    send(db, slack, clock)
    assert row(db, "EUW1_1") == ("delivered", 0, in_doubt.FOUND)
    assert row(db, "EUW1_2", "C2")[0] == "delivered"


def test_without_a_token_nothing_is_compared_and_the_setting_is_named(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")

    def client(workspace: str) -> FakeSlack:
        raise ConfigError("SLACK_BOT_TOKEN is not set")

    run = Run("deliver", clock, 80)
    deliver(db, client, run, LIMITS)  # type: ignore[arg-type]
    assert (run.status, row(db, "EUW1_1")) == (Exit.UNUSABLE, ("pending", 0, None))
    assert "SLACK_BOT_TOKEN is not set" in run.summary()


def test_a_token_that_goes_missing_after_the_comparison_is_named_and_stops_its_workspace_only(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db, 1, channel="C1", workspace="friends")
    add_player(db, 2, channel="C2")
    games(db, clock, "EUW1_1", players=(1,))
    send(db, slack, clock)
    games(db, clock, "EUW1_2", "EUW1_3", players=(1,))
    games(db, clock, "EUW1_4", players=(2,))
    asked: list[str] = []

    def client(workspace: str) -> FakeSlack:
        asked.append(workspace)
        if workspace == "friends":
            raise ConfigError("SLACK_BOT_TOKEN_FRIENDS is not set")
        return slack

    run = Run("deliver", clock, 80)
    deliver(db, client, run, LIMITS)  # type: ignore[arg-type]
    assert asked.count("friends") == 1
    assert [row(db, f"EUW1_{number}")[:2] for number in (2, 3)] == [("pending", 0)] * 2
    assert row(db, "EUW1_4", "C2")[0] == "delivered"
    assert run.status is Exit.UNUSABLE
    assert "SLACK_BOT_TOKEN_FRIENDS is not set" in run.summary()


def test_a_comparison_that_breaks_is_an_error_that_stops_nobody_else(
    db: Database, slack: FakeSlack, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        add_player(db, number, channel=f"C{number}")
        games(db, clock, f"EUW1_{number}", players=(number,))
    reconcile = in_doubt.reconcile

    def breaks(db: Database, channel_id: str, *arguments: Any) -> Any:
        if channel_id == "C1":
            raise ZeroDivisionError("a bug")
        return reconcile(db, channel_id, *arguments)

    monkeypatch.setattr(in_doubt, "reconcile", breaks)
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_2:C2"]
    assert (run.status, row(db, "EUW1_1")[0]) == (Exit.SOME_FAILED, "pending")


def test_the_history_is_read_from_the_end_of_the_oldest_waiting_game_on(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2", "EUW1_3")
    send(db, slack, clock)
    assert slack.oldest == [START - timedelta(minutes=3 + 10)]


def test_a_dry_run_says_which_histories_are_compared_first(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C2")
    games(db, clock, "EUW1_1")
    send(db, slack, clock)
    assert compared_first(db, clock.now()) == set()
    games(db, clock, "EUW1_2", players=(1,))
    games(db, clock, "EUW1_3", players=(2,))
    assert compared_first(db, clock.now()) == {"C2"}
    ended(db, clock)
    assert compared_first(db, clock.now() + timedelta(hours=7)) == {"C1", "C2"}


class SlowSlack(FakeSlack):
    """Takes a second for each history, so that a run that reads one for ever comes to the end of its budget."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.passing = clock

    def history(self, channel_id: str, oldest: datetime, us: Identity) -> History:
        self.passing.advance(1)
        return super().history(channel_id, oldest, us)


@pytest.mark.parametrize("outcome", [None, Posted(SlackVerdict.UNCERTAIN, "cut off")], ids=["pending", "uncertain"])
def test_comparison__message_built_by_a_clock_ahead(db: Database, clock: FakeClock, outcome: Posted | None) -> None:
    """A message that was built, and perhaps sent, while the clock was ahead is compared once and goes out."""
    add_player(db)
    slack = SlowSlack(clock)
    store_match(db, a_match("EUW1_1", ended_at=clock.now() - timedelta(minutes=1)), clock.now())
    clock.moment += timedelta(hours=1)
    build_messages(db, Run("build-messages", clock, 80), "")
    if outcome:
        slack.outcomes["EUW1_1"] = [outcome]
        send(db, slack, clock)
    clock.moment -= timedelta(hours=1)
    assert not any(send(db, slack, clock).out_of_time for _ in range(6))
    assert row(db, "EUW1_1")[0] == "delivered"


def test_comparison__made_by_a_clock_ahead(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """A comparison from the future does not cover what is built later: another database may have posted that."""
    add_player(db)
    games(db, clock, "EUW1_1")
    clock.moment += timedelta(hours=1)
    send(db, slack, clock)
    clock.moment -= timedelta(hours=1)
    games(db, clock, "EUW1_2")
    slack.histories["C1"] = {"EUW1_2:C1": TS}
    send(db, slack, clock)
    assert (slack.keys, row(db, "EUW1_2")) == ([], ("delivered", 0, in_doubt.FOUND))


def test_a_game_of_before_the_comparison_that_is_built_after_it_is_compared_too(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    send(db, slack, clock)
    slack.histories["C1"] = {"EUW1_2:C1": TS}
    for match_id, ended_at in (("EUW1_2", START - timedelta(minutes=30)), ("EUW1_3", START - timedelta(minutes=20))):
        store_match(db, a_match(match_id, ended_at=ended_at), clock.now())
    build_messages(db, Run("build-messages", clock, 80), "")
    slack.reads.clear()
    send(db, slack, clock)
    assert (slack.keys, row(db, "EUW1_2")) == (["EUW1_3:C1"], ("delivered", 0, in_doubt.FOUND))
    assert slack.reads == ["auth.test", "C1"]


# A broken channel is looked at again

WELL = ChannelInfo(is_archived=False, is_member=True)


def broken(db: Database, slack: FakeSlack, clock: FakeClock, code: str) -> None:
    """C1 refused EUW1_1 with that code, and has been compared."""
    add_player(db)
    games(db, clock, "EUW1_1")
    slack.outcomes["C1"] = [Posted(SlackVerdict.CHANNEL_BROKEN, code, code=code)]
    send(db, slack, clock)
    slack.reads.clear()


def test_a_broken_channel_is_looked_at_once_an_hour_and_heals_without_a_person(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    broken(db, slack, clock, "is_archived")
    slack.infos["C1"] = ChannelInfo(is_archived=True, is_member=True)
    for _ in range(41):  # two hours
        send(db, slack, clock)
        assert slack.keys == []
    assert slack.reads == ["info C1"] * 2
    slack.infos["C1"] = WELL
    for _ in range(21):
        send(db, slack, clock)
    assert slack.reads == ["info C1"] * 3
    games(db, clock, "EUW1_2")
    run = send(db, slack, clock)
    assert (slack.keys, run.status) == (["EUW1_2:C1"], Exit.OK)
    assert row(db, "EUW1_1")[0] == "failed"
    assert "deliver, channel C1: broken -> well" in "\n".join(why(db, "C1", clock.now()))
    assert any(need.key == "messages failed C1" for need in status(db, clock.now()).needs)


@pytest.mark.parametrize(
    ("code", "info", "history", "heals"),
    [
        ("is_archived", None, {}, False),
        ("not_in_channel", None, {}, True),
        ("channel_not_found", None, {}, True),
        ("not_in_channel", None, SlackProblem(SlackVerdict.CHANNEL_BROKEN, "not_in_channel"), False),
        ("not_in_channel", ChannelInfo(False, False), {}, False),
        ("restricted_action", WELL, {}, False),
    ],
)
def test_only_a_reason_that_is_surely_over_is_lifted(
    db: Database,
    slack: FakeSlack,
    clock: FakeClock,
    code: str,
    info: ChannelInfo | None,
    history: dict[str, str] | SlackProblem,
    heals: bool,
) -> None:
    broken(db, slack, clock, code)
    slack.histories["C1"] = history
    if info:
        slack.infos["C1"] = info
    clock.advance(3600)
    games(db, clock, "EUW1_2")
    send(db, slack, clock)
    assert (slack.keys == ["EUW1_2:C1"]) is heals
    assert bool(holds.find(db, scope_of("channel C1"), "broken")) is not heals


def test_each_run_looks_at_one_broken_channel_the_longest_unexamined_first(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    for number in (1, 2, 3):
        add_player(db, number, channel=f"C{number}")
        with db.transaction():
            holds.put(db, scope_of(f"channel C{number}"), "broken", "is_archived", clock.now(), None, "is_archived")
    with db.transaction():
        db.write("DELETE FROM tracks WHERE channel_id = 'C3'")  # nobody waits for that one
    clock.advance(3600)
    asked = []
    for _ in range(4):
        slack.reads.clear()
        send(db, slack, clock)
        asked.append([each for each in slack.reads if each.startswith("info")])
    assert asked == [["info C1"], ["info C2"], [], []]
    with db.transaction():
        db.write("UPDATE channels SET examined_at = '2099-01-01T00:00:00.000Z'")  # by a clock that was wrong
    slack.reads.clear()
    send(db, slack, clock)
    assert [each for each in slack.reads if each.startswith("info")] == ["info C1"]


def test_a_broken_channel_without_a_token_is_left_alone(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    broken(db, slack, clock, "is_archived")
    clock.advance(3600)

    def client(workspace: str) -> FakeSlack:
        raise ConfigError("SLACK_BOT_TOKEN is not set")

    run = Run("deliver", clock, 80)
    deliver(db, client, run, LIMITS)  # type: ignore[arg-type]
    assert run.status is Exit.OK
    assert holds.find(db, scope_of("channel C1"), "broken")


# A channel that Slack knows under another id


def moved(slack: FakeSlack, *match_ids: str) -> None:
    """What is posted is filed under C7."""
    for number, match_id in enumerate(match_ids):
        slack.outcomes[match_id] = [
            Posted(SlackVerdict.DELIVERED, slack_ts=f"1700000001.00000{number}", channel_id="C7")
        ]


def test_a_channel_moves_to_the_id_that_slack_files_its_messages_under_once_that_is_confirmed(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    moved(slack, "EUW1_1")
    slack.infos["C7"] = replace(WELL, channel_id="C7")
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C7"]
    assert (run.status, "Slack moved C1: it is C7 now" in run.summary()) == (Exit.OK, True)
    assert row(db, "EUW1_1", "C7")[0] == "delivered"
    assert [track.channel_id for track in players.tracks(db)] == ["C7"]
    assert "deliver, channel C1: C1 -> C7" in "\n".join(why(db, "C1", clock.now()))
    for _ in range(5):
        send(db, slack, clock)
        assert slack.keys == []


@pytest.mark.parametrize(
    "info",
    [
        None,
        ChannelInfo(False, True, "C1"),
        ChannelInfo(True, True, "C7"),
        ChannelInfo(False, False, "C7"),
        ChannelInfo(False, True),
    ],
)
def test_an_id_that_is_not_confirmed_is_kept_for_look_ups_only(
    db: Database, slack: FakeSlack, clock: FakeClock, info: ChannelInfo | None
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    moved(slack, "EUW1_1")
    if info:
        slack.infos["C7"] = info
    run = send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1", "EUW1_2:C1"]
    assert (run.status, row(db, "EUW1_1")[0]) == (Exit.OK, "delivered")
    assert channels.slack_id(db, "C1") == "C7"


def test_a_channel_does_not_move_into_another_workspace(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db, 1)
    add_player(db, 2, channel="C7", workspace="friends")
    games(db, clock, "EUW1_1")
    moved(slack, "EUW1_1")
    slack.infos["C7"] = replace(WELL, channel_id="C7")
    send(db, slack, clock)
    assert {track.channel_id for track in players.tracks(db)} == {"C1", "C7"}


def test_a_share_delivers_to_its_own_workspaces_and_leaves_the_rest_alone(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    """Also what is in doubt, in the air or to be edited there, and alerts of the default workspace."""
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C2", workspace="clan")
    games(db, clock, "EUW1_1", "EUW1_2", players=(1, 2))
    with db.transaction():
        db.write("UPDATE messages SET state = 'sending', claim_token = 'x', claimed_at = :at", at=text_of(clock.now()))
        db.write("UPDATE messages SET state = 'pending', claim_token = NULL WHERE subject = 'EUW1_1'")
        for channel in ("C1", "C2"):
            amendments.put(db, "EUW1_1", Draft(channel, "default", "newer", None), clock.now())
    clan, default = (share for share in Share.every(2) for name in ("clan", "default") if share.has_named(name))
    asked: list[Share] = []
    for share, channel in ((clan, "C2"), (default, "C1")):
        run = Run("deliver", clock, 80, share)
        slack.requests.clear()

        def alert(_db: Database, *, adding: bool, share: Share = share) -> bool:
            asked.append(share)
            return False

        deliver(db, lambda _: slack, run, LIMITS, alert)  # type: ignore[arg-type,return-value]
        assert slack.keys == [f"EUW1_1:{channel}"]
        assert (run.counts["delivered"], run.counts["uncertain"], run.counts["edited"]) == (1, 1, 1)
        assert run.left_over == 0
    assert set(asked) == {default}
