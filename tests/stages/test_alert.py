"""The alert channel: told once that something needs a person, once that it is well again, by messages of the outbox."""

import re
import shlex
from datetime import timedelta
from functools import partial

import pytest
from fakes import FakeSlack
from support import START, Bot, FakeClock, a_match, add_player, scope_of, store_match

from lolslackbot.clock import Clock
from lolslackbot.health.needs import NeedKind
from lolslackbot.health.status import status
from lolslackbot.settings import ChannelLimit
from lolslackbot.slack.answers import ChannelInfo, Posted, SlackVerdict
from lolslackbot.stages.alert import CALM, alert
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.deliver import Alerting, Limits, deliver
from lolslackbot.stages.reconcile import Policy
from lolslackbot.stages.run import Run
from lolslackbot.store import findings, holds, listings
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database
from lolslackbot.store.findings import Found
from lolslackbot.store.holds import Scope, ScopeKind

CHANNEL = "CALERTS"
LIMITS = Limits(timedelta(hours=12), ChannelLimit(30, 3600), Policy(timedelta(minutes=10), resend=True))
BEGAN, OVER = "lolslackbot needs a person", "lolslackbot is well again, this is over"
NOT_THERE = Posted(SlackVerdict.CHANNEL_BROKEN, error="is_archived", code="is_archived")


@pytest.fixture(autouse=True)
def _one_player_listed_now(db: Database) -> None:
    add_player(db)
    listed(db, START)


@pytest.fixture
def slack() -> FakeSlack:
    return FakeSlack()


def listed(db: Database, now: object) -> None:
    listings.record_page(db, 1, [], None, now)  # type: ignore[arg-type]


def put(db: Database, scope: str, kind: str, reason: str = "it says so") -> None:
    with db.transaction():
        holds.put(db, scope_of(scope), kind, reason, START, None)


def lift(db: Database, scope: str, kind: str) -> None:
    with db.transaction():
        holds.lift(db, scope_of(scope), kind)


def saying(clock: FakeClock) -> Alerting:
    return partial(alert, channel_id=CHANNEL, now=clock.now())


def told(db: Database, slack: FakeSlack, clock: FakeClock, runs: int = 1) -> list[str]:
    """The posts of so many runs of deliver, each three minutes after the one before."""
    before = len(slack.requests)
    for _ in range(runs):
        clock.advance(180)
        listed(db, clock.now())
        clamp_future_times(db, clock.now())
        deliver(db, lambda _: slack, Run("deliver", clock, 80), LIMITS, saying(clock))  # type: ignore[arg-type,return-value]
    assert all((each.channel_id, each.workspace) == (CHANNEL, "default") for each in slack.requests)
    return [each.text for each in slack.requests[before:]]


def kinds(posts: list[str]) -> list[str]:
    return [each.partition(": ")[0] for each in posts]


def states(db: Database) -> list[str]:
    return [
        row["state"] for row in db.rows("SELECT state FROM messages WHERE kind = 'alert' ORDER BY built_at, subject")
    ]


def needs(db: Database, clock: FakeClock) -> dict[str, str]:
    return {need.key: need.text for need in status(db, clock.now()).needs}


def test_alert__told_once_and_its_end_once(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    assert told(db, slack, clock) == []
    put(db, "riot", "rejected", "403 Forbidden")
    assert told(db, slack, clock) == [f"{BEGAN}: {text}" for text in needs(db, clock).values()]
    assert told(db, slack, clock, 20) == []
    lift(db, "riot", "rejected")
    assert kinds(told(db, slack, clock, 20)) == [OVER]
    assert db.rows("SELECT * FROM alerts") == []


def test_alert__each_problem_by_itself(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """Its subject is the problem and since when; its text formats nothing and pings nobody."""
    put(db, "riot", "rejected")
    put(db, "channel C1", "broken", "<!channel> is_archived")
    assert len(told(db, slack, clock)) == 2
    assert {each.key.split(" since ")[0] for each in slack.requests} == {"riot rejected", "channel C1 broken"}
    assert any("&lt;!channel&gt; is_archived" in each.text for each in slack.requests)


def test_alert__comes_and_goes(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """What is back before a quarter of an hour has passed was never over."""
    for _ in range(10):
        put(db, "channel C1", "broken")
        told(db, slack, clock)
        lift(db, "channel C1", "broken")
        told(db, slack, clock)
    assert len(slack.requests) == 1


def test_alert__again_after_its_end(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """A problem that comes back after its end was told is a new one."""
    for _ in range(2):
        put(db, "riot", "rejected")
        assert kinds(told(db, slack, clock)) == [BEGAN]
        lift(db, "riot", "rejected")
        assert kinds(told(db, slack, clock, 7)) == [OVER]


def test_alert__back_right_after_its_end_was_told(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """A new problem too, of which the channel is told."""
    put(db, "riot", "rejected")
    told(db, slack, clock)
    lift(db, "riot", "rejected")
    assert kinds(told(db, slack, clock, 6)) == [OVER]
    put(db, "riot", "rejected")
    assert kinds(told(db, slack, clock)) == [BEGAN]


def test_alert__not_of_what_a_person_did(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    put(db, "channel C1", "paused")
    assert told(db, slack, clock) == []


def test_alert__has_the_guarantees_of_every_message(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """One of unknown outcome is looked up, by its key, before it is sent again."""
    slack.outcomes[CHANNEL] = [Posted(SlackVerdict.UNCERTAIN, error="time-out")]
    put(db, "riot", "rejected")
    told(db, slack, clock)
    assert states(db) == ["uncertain"]
    slack.histories[CHANNEL] = {slack.requests[0].key: "1700000000.000001"}
    assert told(db, slack, clock, 5) == []
    assert states(db) == ["delivered"]


def test_alert__killed_while_it_is_posted(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    slack.outcomes[CHANNEL] = [KeyboardInterrupt()]
    put(db, "riot", "rejected")
    with pytest.raises(KeyboardInterrupt):
        told(db, slack, clock)
    assert states(db) == ["uncertain"]
    slack.histories[CHANNEL] = {slack.requests[0].key: "1700000000.000001"}
    assert told(db, slack, clock, 5) == []


def test_alert__not_of_what_the_run_cures(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """Messages that waited while the machine was off go out, and nobody is alarmed."""
    store_match(db, a_match("EUW1_1", ended_at=clock.now()), clock.now())
    build_messages(db, Run("build-messages", clock, 80), "")
    clock.advance(7200)
    listed(db, clock.now())
    assert "messages waiting" in needs(db, clock)
    deliver(db, lambda _: slack, Run("deliver", clock, 80), LIMITS, saying(clock))  # type: ignore[arg-type,return-value]
    assert slack.keys == ["EUW1_1:C1"]


def test_alert__clock_set_back(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """Holds no end up for ever."""
    clock.advance(timedelta(days=30).total_seconds())
    put(db, "riot", "rejected")
    told(db, slack, clock)
    lift(db, "riot", "rejected")
    clock.advance(-timedelta(days=30).total_seconds())
    assert kinds(told(db, slack, clock, CALM // timedelta(minutes=3) + 2)) == [OVER]


@pytest.mark.parametrize(
    "refusal",
    [
        Posted(SlackVerdict.TOKEN_REJECTED, error="invalid_auth"),
        Posted(SlackVerdict.LIMITED, error="ratelimited", wait=30),
        Posted(SlackVerdict.NOT_SENT, error="connection refused"),
    ],
)
def test_alert__not_posted_waits(db: Database, slack: FakeSlack, clock: FakeClock, refusal: Posted) -> None:
    """What certainly was not posted goes out with the next run."""
    slack.outcomes[CHANNEL] = [refusal]
    put(db, "riot", "rejected")
    (first,) = told(db, slack, clock)
    assert (told(db, slack, clock)[0], states(db)[0]) == (first, "delivered")


def test_alert__broken_channel(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """Status names the channel, it is no alert for itself, and it is examined like any other."""
    slack.outcomes[CHANNEL] = [NOT_THERE]
    put(db, "riot", "rejected")
    told(db, slack, clock)
    assert f"channel {CHANNEL} broken" in needs(db, clock)
    assert told(db, slack, clock, 3) == []
    assert states(db) == ["failed"]
    slack.infos[CHANNEL] = ChannelInfo(is_archived=False, is_member=True, name="")
    clock.advance(3600)
    told(db, slack, clock)
    assert f"channel {CHANNEL} broken" not in needs(db, clock)
    assert NeedKind.MESSAGES_FAILED.value.format(CHANNEL) in needs(db, clock)


def test_alert__refused(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """One that Slack refuses is named in status; nobody is told of the end of what nobody was told of."""
    slack.outcomes[CHANNEL] = [Posted(SlackVerdict.MESSAGE_REFUSED, error="msg_too_long")]
    put(db, "riot", "rejected")
    told(db, slack, clock)
    assert "msg_too_long" in needs(db, clock)[NeedKind.MESSAGES_FAILED.value.format(CHANNEL)]
    lift(db, "riot", "rejected")
    assert (told(db, slack, clock, 8), db.rows("SELECT * FROM alerts")) == ([], [])


def test_alert__over_before_it_was_posted(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """Neither its beginning nor its end is told."""
    put(db, f"channel {CHANNEL}", "paused")
    put(db, "riot", "rejected")
    told(db, slack, clock)
    lift(db, "riot", "rejected")
    told(db, slack, clock, 7)
    lift(db, f"channel {CHANNEL}", "paused")
    assert (told(db, slack, clock), states(db)) == ([], ["expired"])


def test_alert__back_before_its_end_was_posted(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """Then it was never over."""
    put(db, "riot", "rejected")
    told(db, slack, clock)
    lift(db, "riot", "rejected")
    put(db, f"channel {CHANNEL}", "paused")
    told(db, slack, clock, 7)
    assert states(db) == ["delivered", "pending"]
    put(db, "riot", "rejected")
    lift(db, f"channel {CHANNEL}", "paused")
    assert (told(db, slack, clock), states(db)) == ([], ["delivered", "expired"])


def test_alert__a_day_old_expires(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """An alert is news for a day, however long a game is."""
    put(db, f"channel {CHANNEL}", "paused")
    put(db, "riot", "rejected")
    told(db, slack, clock)
    clock.advance(timedelta(hours=23).total_seconds())
    told(db, slack, clock)
    assert states(db) == ["pending"]
    clock.advance(timedelta(hours=1).total_seconds())
    told(db, slack, clock)
    assert states(db) == ["expired"]


def test_alert__what_check_found_of_its_channel(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """It is no alert, and over with the first post."""
    scope = Scope(ScopeKind.ALERT_CHANNEL, CHANNEL)
    findings.replace(db, [], [Found(f"channel {CHANNEL}", scope, "it is archived", "unarchive it", START)])
    assert list(needs(db, clock)) == [NeedKind.ALERT_CHANNEL_FOUND.value]
    assert told(db, slack, clock) == []
    put(db, "riot", "rejected")
    assert len(told(db, slack, clock)) == 1
    assert NeedKind.ALERT_CHANNEL_FOUND.value not in needs(db, clock)


def test_alert__no_channel_for_it_any_more(
    in_process_bot: Bot, db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    """Without LOLSLACKBOT_ALERT_CHANNEL nothing waits for it."""
    put(db, f"channel {CHANNEL}", "paused")
    put(db, "riot", "rejected")
    told(db, slack, clock)
    in_process_bot.run("deliver")
    assert in_process_bot.rows("SELECT * FROM alerts") == []
    assert states(db) == ["expired"]


def test_alert__named_by_the_commands(
    in_process_bot: Bot, db: Database, slack: FakeSlack, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its story, what would go out, and trying again, by its subject."""
    monkeypatch.setattr(Clock, "now", lambda _: clock.now())
    slack.outcomes[CHANNEL] = [Posted(SlackVerdict.MESSAGE_REFUSED, error="msg_too_long")]
    put(db, "riot", "rejected")
    told(db, slack, clock)
    subject = slack.requests[0].subject
    story = in_process_bot.run("why", CHANNEL).out
    assert f"alert: {subject}: not in Slack: msg_too_long; to send it again: `lolslackbot retry --message" in story
    (command,) = re.findall(r"`lolslackbot (retry --message [^`]+)`", story)
    assert f"{subject}:{CHANNEL} will be sent again" in in_process_bot.run(*shlex.split(command), "--yes").out
    assert f"{CHANNEL} (workspace default), {subject}:" in in_process_bot.run("deliver", "--dry-run").out
    told(db, slack, clock)
    (ts,) = (row["slack_ts"] for row in db.rows("SELECT slack_ts FROM messages"))
    post = in_process_bot.run("why", f"https://friends.slack.com/archives/{CHANNEL}/p{ts.replace('.', '')}")
    assert post.out.startswith(f"{subject}, alert\n")
    assert "posted at" in post.out
    no_match = in_process_bot.run(
        "why", f"https://friends.slack.com/archives/{CHANNEL}/p{ts.replace('.', '')}", "--json"
    )
    assert no_match.status == 1
