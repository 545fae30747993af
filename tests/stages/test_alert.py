"""The alert channel: told once that something needs a person, once that it is well again, and never in doubt."""

import logging
from datetime import timedelta

import pytest
from fakes import FakeSlack
from support import START, Bot, FakeClock, add_player, scope_of

from lolslackbot.errors import ConfigError
from lolslackbot.health.needs import NeedKind
from lolslackbot.health.status import status
from lolslackbot.slack.answers import Posted, SlackVerdict
from lolslackbot.stages.alert import CALM, alert
from lolslackbot.store import findings, holds, listings
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database
from lolslackbot.store.findings import Found
from lolslackbot.store.holds import Scope, ScopeKind

CHANNEL = "CALERTS"


@pytest.fixture(autouse=True)
def _one_player_listed_now(db: Database) -> None:
    add_player(db)
    listed(db, START)


def listed(db: Database, now: object) -> None:
    listings.record_page(db, 1, [], None, now)  # type: ignore[arg-type]


def put(db: Database, scope: str, kind: str, reason: str = "it says so") -> None:
    with db.transaction():
        holds.put(db, scope_of(scope), kind, reason, START, None)


def lift(db: Database, scope: str, kind: str) -> None:
    with db.transaction():
        holds.lift(db, scope_of(scope), kind)


def told(db: Database, slack: FakeSlack, clock: FakeClock) -> list[str]:
    """The posts of one run of deliver, three minutes after the one before."""
    before = len(slack.requests)
    clock.advance(180)
    listed(db, clock.now())
    clamp_future_times(db, clock.now())
    alert(db, lambda _: slack, CHANNEL, clock.now())  # type: ignore[arg-type,return-value]
    assert all((each.channel_id, each.workspace) == (CHANNEL, "default") for each in slack.requests)
    return [each.text for each in slack.requests[before:]]


def test_a_problem_is_told_once_and_its_end_once(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    assert told(db, slack, clock) == []
    put(db, "riot", "rejected", "403 Forbidden")
    assert told(db, slack, clock) == [f"lolslackbot needs a person: {text}" for text in needs(db, clock).values()]
    assert [told(db, slack, clock) for _ in range(20)] == [[]] * 20
    lift(db, "riot", "rejected")
    later = [each for _ in range(20) for each in told(db, slack, clock)]
    assert [each.partition(": ")[0] for each in later] == ["lolslackbot is well again, this is over"]


def test_several_at_once_are_one_post(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    put(db, "riot", "rejected")
    put(db, "channel C1", "broken", "<!channel> is_archived")
    (post,) = told(db, slack, clock)
    assert len(post.splitlines()) == 2
    assert "&lt;!channel&gt; is_archived" in post


def test_what_comes_and_goes_is_told_once(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    for _ in range(10):
        put(db, "channel C1", "broken")
        told(db, slack, clock)
        lift(db, "channel C1", "broken")
        told(db, slack, clock)
    assert len(slack.requests) == 1


def test_what_a_person_did_needs_nobody_to_be_told(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    put(db, "everything", "paused")
    assert told(db, slack, clock) == []


def test_one_that_is_lost_is_not_repeated(db: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    slack = FakeSlack()
    slack.outcomes[CHANNEL] = [Posted(SlackVerdict.UNCERTAIN, error="time-out")]
    put(db, "riot", "rejected")
    with caplog.at_level(logging.ERROR):
        told(db, slack, clock)
    assert "may not have got this (time-out)" in caplog.text
    assert told(db, slack, clock) == []


def test_it_is_claimed_before_it_is_told(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    slack.outcomes[CHANNEL] = [KeyboardInterrupt()]
    put(db, "riot", "rejected")
    with pytest.raises(KeyboardInterrupt):
        told(db, slack, clock)
    assert told(db, slack, clock) == []


def test_a_clock_set_back_holds_no_end_up_for_ever(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    clock.advance(timedelta(days=30).total_seconds())
    put(db, "riot", "rejected")
    told(db, slack, clock)
    lift(db, "riot", "rejected")
    clock.advance(-timedelta(days=30).total_seconds())
    ends = [each for _ in range(CALM // timedelta(minutes=3) + 2) for each in told(db, slack, clock)]
    assert len(ends) == 1


# One that certainly was not posted

NOT_THERE = Posted(SlackVerdict.CHANNEL_BROKEN, error="not_in_channel")
REFUSED = [
    NOT_THERE,
    Posted(SlackVerdict.TOKEN_REJECTED, error="invalid_auth"),
    Posted(SlackVerdict.MESSAGE_REFUSED, error="msg_too_long"),
    Posted(SlackVerdict.BLOCKS_REFUSED, error="invalid_blocks"),
    Posted(SlackVerdict.LIMITED, error="ratelimited", wait=30),
    Posted(SlackVerdict.WORKSPACE_LIMITED, error="ratelimited", wait=30),
    Posted(SlackVerdict.NOT_SENT, error="connection refused"),
]


def needs(db: Database, clock: FakeClock) -> dict[str, str]:
    return {need.key: need.text for need in status(db, clock.now()).needs}


@pytest.mark.parametrize("refusal", REFUSED)
def test_one_that_was_not_posted_stays_due_and_status_names_channel_and_reason(
    db: Database, clock: FakeClock, refusal: Posted
) -> None:
    slack = FakeSlack()
    slack.outcomes[CHANNEL] = [refusal]
    put(db, "riot", "rejected")
    (first,) = told(db, slack, clock)
    assert (
        f"channel CALERTS (LOLSLACKBOT_ALERT_CHANNEL) cannot be posted to: {refusal.error}; "
        in (needs(db, clock)[NeedKind.ALERTS_UNPOSTED.value])
    )
    assert told(db, slack, clock) == [first]
    assert NeedKind.ALERTS_UNPOSTED.value not in needs(db, clock)
    assert told(db, slack, clock) == []


def test_the_end_of_a_problem_stays_due_as_well(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    put(db, "riot", "rejected")
    told(db, slack, clock)
    lift(db, "riot", "rejected")
    slack.outcomes[CHANNEL] = [NOT_THERE]
    ends = [each for _ in range(10) for each in told(db, slack, clock)]
    assert [each.partition(":")[0] for each in ends] == ["lolslackbot is well again, this is over"] * 2
    assert needs(db, clock) == {}


def test_a_problem_that_is_back_before_its_end_was_posted_was_never_over(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    put(db, "riot", "rejected")
    told(db, slack, clock)
    lift(db, "riot", "rejected")
    slack.outcomes[CHANNEL] = [NOT_THERE] * 3
    assert len([each for _ in range(8) for each in told(db, slack, clock)]) == 3
    put(db, "riot", "rejected")
    assert told(db, slack, clock) == []
    assert list(needs(db, clock)) == ["riot rejected"]


def test_what_was_over_before_anybody_could_be_told_is_not_told(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    put(db, "riot", "rejected")
    slack.outcomes[CHANNEL] = [NOT_THERE] * 100
    told(db, slack, clock)
    lift(db, "riot", "rejected")
    for _ in range(CALM // timedelta(minutes=3) + 1):
        told(db, slack, clock)
    slack.outcomes.clear()
    assert (told(db, slack, clock), needs(db, clock)) == ([], {})


def test_that_the_channel_is_dead_is_no_alert_for_it(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    put(db, "riot", "rejected")
    slack.outcomes[CHANNEL] = [NOT_THERE]
    told(db, slack, clock)
    (post,) = told(db, slack, clock)
    assert len(post.splitlines()) == 1


def test_what_check_found_of_the_alert_channel_is_no_alert_and_over_with_the_first_post(
    db: Database, clock: FakeClock
) -> None:
    slack = FakeSlack()
    found = Found(
        f"channel {CHANNEL}",
        Scope(ScopeKind.ALERT_CHANNEL, CHANNEL),
        "it is archived; alerts go there",
        "unarchive it",
        START,
    )
    findings.replace(db, [], [found])
    assert list(needs(db, clock)) == [NeedKind.ALERT_CHANNEL_FOUND.value]
    assert told(db, slack, clock) == []
    put(db, "riot", "rejected")
    (post,) = told(db, slack, clock)
    assert "archived" not in post
    assert NeedKind.ALERT_CHANNEL_FOUND.value not in needs(db, clock)


def test_a_channel_that_was_posted_to_too_fast_is_left_alone_until_slack_said(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    put(db, "riot", "rejected")
    slack.outcomes[CHANNEL] = [Posted(SlackVerdict.LIMITED, error="ratelimited", wait=600)]
    assert [len(told(db, slack, clock)) for _ in range(5)] == [1, 0, 0, 0, 1]


def test_without_a_token_nothing_is_claimed(db: Database, clock: FakeClock) -> None:
    def no_token(_workspace: str) -> FakeSlack:
        raise ConfigError("SLACK_BOT_TOKEN is not set")

    put(db, "riot", "rejected")
    with pytest.raises(ConfigError):
        alert(db, no_token, CHANNEL, clock.now())  # type: ignore[arg-type]
    assert len(told(db, FakeSlack(), clock)) == 1


def test_without_an_alert_channel_nothing_waits_for_it_any_more(
    in_process_bot: Bot, db: Database, clock: FakeClock
) -> None:
    slack = FakeSlack()
    put(db, "riot", "rejected")
    slack.outcomes[CHANNEL] = [NOT_THERE]
    told(db, slack, clock)
    in_process_bot.run("deliver")
    assert in_process_bot.rows("SELECT * FROM alerts") == []
