"""Edits of delivered messages: the newest text, one at a time, and never a second message."""

import logging
from datetime import timedelta

import pytest
from fakes import FakeSlack
from support import START, FakeClock, a_match, add_player, store_match

from lolslackbot.commands.why import why
from lolslackbot.errors import ConfigError, Exit
from lolslackbot.model import DEFAULT_WORKSPACE
from lolslackbot.rank import SOLO, Standing
from lolslackbot.settings import ChannelLimit
from lolslackbot.slack.answers import Posted, SlackVerdict
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.deliver import Limits, deliver
from lolslackbot.stages.reconcile import Policy
from lolslackbot.stages.run import Run
from lolslackbot.store import amendments, holds, ranks
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database
from lolslackbot.store.outbox import Draft

LIMITS = Limits(timedelta(hours=12), ChannelLimit(30, 3600), Policy(timedelta(minutes=10), resend=True))
GOLD, WON = Standing("GOLD", "II", 45, 30, 20), Standing("GOLD", "II", 66, 31, 20)


@pytest.fixture
def slack() -> FakeSlack:
    return FakeSlack()


@pytest.fixture(autouse=True)
def _a_game_that_is_announced(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """Without its rank, which is still looked for."""
    add_player(db)
    with db.transaction():
        ranks.record(db, 1, START - timedelta(hours=2), {SOLO: GOLD})
    store_match(db, a_match(ended_at=START - timedelta(minutes=1)), clock.now())
    clock.advance(180)
    build(db, clock)
    send(db, slack, clock)
    assert states(db) == ["delivered"]


def build(db: Database, clock: FakeClock) -> Run:
    run = Run("build-messages", clock, 80)
    build_messages(db, run, "")
    return run


def send(db: Database, slack: FakeSlack, clock: FakeClock) -> Run:
    run = Run("deliver", clock, 80)
    slack.requests.clear()
    slack.edits.clear()
    clamp_future_times(db, clock.now())
    deliver(db, lambda _: slack, run, LIMITS)  # type: ignore[arg-type,return-value]
    clock.advance(180)
    return run


def rank_comes(db: Database, clock: FakeClock) -> None:
    """As fetch-matches records it; then its messages are built anew."""
    with db.transaction():
        ranks.record(db, 1, clock.now(), {SOLO: WON})
        (wanted,) = ranks.due(db)[1]
        ranks.mark_found(db, wanted)
    build(db, clock)


def states(db: Database) -> list[str]:
    return [row["state"] for row in db.rows("SELECT state FROM messages")]


def text(db: Database) -> str:
    return str(db.rows("SELECT text FROM messages")[0]["text"])


def test_edit__rank_that_comes_late(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """Once, in full, on the message's own `ts`; nothing is posted."""
    rank_comes(db, clock)
    run = send(db, slack, clock)
    ((message, channel, ts),) = slack.edits
    assert (channel, ts, message.key) == ("C1", "1700000000.000001", "EUW1_7000000001:C1")
    assert "Gold II 66 LP (+21)" in message.text
    assert message.blocks is not None
    assert (run.status, run.counts["edited"], slack.requests) == (Exit.OK, 1, [])
    assert text(db) == message.text
    send(db, slack, clock)
    assert (slack.edits, states(db)) == ([], ["delivered"])


def test_edit__not_where_nothing_changed(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    rank_comes(db, clock)
    send(db, slack, clock)
    build(db, clock)
    send(db, slack, clock)
    assert slack.edits == []


@pytest.mark.parametrize(
    "outcome",
    [
        Posted(SlackVerdict.UNCERTAIN, "time-out"),
        Posted(SlackVerdict.NOT_SENT, "refused"),
        Posted(SlackVerdict.TOKEN_REJECTED, "invalid_auth"),
        Posted(SlackVerdict.LOCAL_FAULT, "no certificate"),
    ],
)
def test_edit__not_known_to_be_there(db: Database, slack: FakeSlack, clock: FakeClock, outcome: Posted) -> None:
    """Made again in the next run: the same text twice changes nothing."""
    rank_comes(db, clock)
    slack.edit_outcomes = [outcome]
    send(db, slack, clock)
    assert (len(slack.edits), states(db)) == (1, ["delivered"])
    assert any(
        f"edits it, since more is known of it now ({outcome.error})" in line for line in why(db, "C1", clock.now())
    )
    send(db, slack, clock)
    assert len(slack.edits) == 1
    assert "LP" in text(db)


@pytest.mark.parametrize(
    "verdict", [SlackVerdict.CHANNEL_BROKEN, SlackVerdict.MESSAGE_REFUSED, SlackVerdict.BLOCKS_REFUSED]
)
def test_edit__refused_for_good(db: Database, slack: FakeSlack, clock: FakeClock, verdict: SlackVerdict) -> None:
    """Dropped with its reason; neither the message nor its channel is worse for it."""
    rank_comes(db, clock)
    slack.edit_outcomes = [Posted(verdict, "cant_update_message")]
    assert send(db, slack, clock).status is Exit.OK
    send(db, slack, clock)
    assert (slack.edits, states(db), holds.all_known(db)) == ([], ["delivered"], [])
    assert any("an edit was dropped: cant_update_message" in line for line in why(db, "C1", clock.now()))


def test_edit__without_a_token(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """The run says so, and the edit waits."""

    def no_token(_workspace: str) -> FakeSlack:
        raise ConfigError("SLACK_BOT_TOKEN is not set")

    rank_comes(db, clock)
    run = Run("deliver", clock, 80)
    deliver(db, no_token, run, LIMITS)  # type: ignore[arg-type]
    assert run.status is Exit.UNUSABLE
    assert len(amendments.waiting(db, clock.now())) == 1


def test_edit__too_fast(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """Edits wait as long as Slack says; messages do not."""
    rank_comes(db, clock)
    slack.edit_outcomes = [Posted(SlackVerdict.LIMITED, "ratelimited", wait=300)]
    send(db, slack, clock)
    store_match(db, a_match("EUW1_2", queue_id=400, ended_at=clock.now()), clock.now())
    build(db, clock)
    send(db, slack, clock)
    assert (len(slack.requests), slack.edits) == (1, [])
    send(db, slack, clock)
    assert len(slack.edits) == 1


def test_edit__after_an_hour(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """Nobody looks at it any more."""
    rank_comes(db, clock)
    slack.edit_outcomes = [Posted(SlackVerdict.UNCERTAIN, "time-out")]
    send(db, slack, clock)
    clock.advance(3600)
    send(db, slack, clock)
    assert slack.edits == []
    assert any("an edit was dropped: an hour old: time-out" in line for line in why(db, "C1", clock.now()))


def test_edit__only_the_newest(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    with db.transaction():
        for words in ("older", "newer"):
            amendments.put(db, "EUW1_7000000001", Draft("C1", DEFAULT_WORKSPACE, words, None), clock.now())
    send(db, slack, clock)
    assert [message.text for message, _, _ in slack.edits] == ["newer"]


def test_edit__message_that_lost_its_blocks(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """It stays without."""
    with db.transaction():
        db.write("UPDATE messages SET blocks = NULL")
    rank_comes(db, clock)
    send(db, slack, clock)
    assert slack.edits[0][0].blocks is None


@pytest.mark.parametrize("scope", [holds.EVERYTHING, holds.channel_scope("C1")])
def test_edit__paused(
    db: Database, slack: FakeSlack, clock: FakeClock, scope: holds.Scope, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says why it is not made."""
    caplog.set_level(logging.DEBUG)
    rank_comes(db, clock)
    with db.transaction():
        holds.put(db, scope, "paused", "by hand", clock.now(), None)
    send(db, slack, clock)
    assert slack.edits == []
    assert f"is not edited now: {scope} is paused" in caplog.text


@pytest.mark.parametrize(("state", "edits"), [("pending", 0), ("failed", 0), ("uncertain", 0)])
def test_edit__of_delivered_messages_only(
    db: Database, slack: FakeSlack, clock: FakeClock, state: str, edits: int
) -> None:
    """What certainly is not in Slack is worded anew; what may be there is edited once it is known to be."""
    with db.transaction():
        db.write("UPDATE messages SET state = :state, error = 'why', unknown_since = claimed_at", state=state)
    rank_comes(db, clock)
    assert ("LP" in text(db)) == (state != "uncertain")
    assert len(amendments.waiting(db, clock.now())) == edits
    if state == "uncertain":
        slack.histories["C1"] = {"EUW1_7000000001:C1": "1700000000.000001"}
        send(db, slack, clock)
        assert len(slack.edits) == 1


def test_edit__pruned(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    rank_comes(db, clock)
    slack.edit_outcomes = [Posted(SlackVerdict.MESSAGE_REFUSED, "message_not_found")]
    send(db, slack, clock)
    with db.transaction():
        assert amendments.prune(db, clock.now() + timedelta(days=1)) == 1
    assert amendments.state_of(db, "EUW1_7000000001", "C1") is None
