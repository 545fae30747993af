"""Each way a post can go wrong, with real processes: what Slack truly holds, the row, and the number of requests."""

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from support import Bot, a_match, add_player, keys_in, store_match

from lolslackbot.clock import Clock
from lolslackbot.sandbox import Mishap, Sandbox
from lolslackbot.slack import client
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store.database import Database

CHANNELS = ("C1", "C2", "C3", "C4", "C5")


@pytest.fixture
def waiting(subprocess_bot: Bot, sandbox: Sandbox, db: Database) -> Bot:
    """Five messages wait, one in each of five channels; what two runs do not find is believed absent."""
    now = datetime.now(UTC)
    for number, channel in enumerate(CHANNELS, 1):
        sandbox.slack.add_channel(channel)
        add_player(db, number, channel=channel, since=now - timedelta(days=1))
        match = a_match(f"EUW1_{number}", number, ended_at=now - timedelta(minutes=10 - number))
        store_match(db, match, now)
    build_messages(db, Run("build-messages", Clock(), 80), "")
    subprocess_bot.environment["LOLSLACKBOT_UNCERTAIN_AFTER"] = "0"
    return subprocess_bot


def settle(bot: Bot) -> None:
    """Runs until nothing is uncertain any more, or two runs could not change that."""
    for _ in range(2):
        if "uncertain" in states(bot):
            bot.run("deliver")


def states(bot: Bot) -> list[str]:
    return [state for (state,) in bot.rows("SELECT state FROM messages ORDER BY channel_id")]


def requests_to(sandbox: Sandbox, channel: str) -> int:
    return sum(
        request.method == "chat.postMessage" and request.arguments.get("channel") == channel
        for request in sandbox.slack.requests
    )


# What a request may meet so that nobody knows what became of it; `accepted`: Slack did post it.
OPEN: dict[str, Callable[[bool], Mishap]] = {
    "500": lambda accepted: Mishap.status(500, accepted=accepted),
    "502 HTML": lambda accepted: Mishap.html(502, accepted=accepted),
    "200 HTML": lambda accepted: Mishap.html(200, accepted=accepted),
    "cut JSON": lambda accepted: Mishap.bad_json(accepted=accepted),
    "empty": lambda accepted: Mishap.empty(accepted=accepted),
    "null": lambda accepted: Mishap.json(None, accepted=accepted),
    "a list": lambda accepted: Mishap.json([], accepted=accepted),
    "ok without ts": lambda accepted: Mishap.json({"ok": True, "channel": "C3"}, accepted=accepted),
    "internal_error": lambda accepted: Mishap.error("internal_error", accepted=accepted),
    "fatal_error": lambda accepted: Mishap.error("fatal_error", accepted=accepted),
    "an unknown code": lambda accepted: Mishap.error("something_new", accepted=accepted),
    "cut": lambda accepted: Mishap.cut(accepted=accepted),
    "cut headers": lambda accepted: Mishap.cut_headers(accepted=accepted),
    "cut body": lambda accepted: Mishap.cut_body(accepted=accepted),
    "reset": lambda accepted: Mishap.reset(accepted=accepted),
    "oversized": lambda accepted: Mishap.oversized(6_000_000, accepted=accepted),
    "redirect": lambda accepted: Mishap.redirect(302, "http://127.0.0.1:9/", accepted=accepted),
}


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("mishap", OPEN.values(), ids=OPEN)
def test_an_open_outcome_is_uncertain_holds_nobody_up_and_ends_with_one_message(
    waiting: Bot, sandbox: Sandbox, mishap: Callable[[bool], Mishap], accepted: bool
) -> None:
    sandbox.slack.misbehave(mishap(accepted), channel="C3", times=1)
    assert waiting.run("deliver").status == 1
    assert states(waiting) == ["delivered", "delivered", "uncertain", "delivered", "delivered"]
    assert requests_to(sandbox, "C3") == 1
    settle(waiting)
    assert states(waiting) == ["delivered"] * 5
    assert [len(keys_in(sandbox, channel)) for channel in CHANNELS] == [1] * 5
    assert requests_to(sandbox, "C3") == (1 if accepted else 2)


def test_a_post_that_is_applied_after_the_connection_broke_is_found(waiting: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.misbehave(Mishap.late(1), channel="C3", times=1)
    waiting.environment["LOLSLACKBOT_UNCERTAIN_AFTER"] = "60"
    assert waiting.run("deliver").status == 1
    settle(waiting)
    time.sleep(1)
    settle(waiting)
    assert states(waiting) == ["delivered"] * 5
    assert (len(keys_in(sandbox, "C3")), requests_to(sandbox, "C3")) == (1, 1)


@pytest.mark.parametrize("mishap", [Mishap.cut(accepted=False), Mishap.cut(accepted=True)])
def test_with_hold_an_open_outcome_is_never_sent_again(waiting: Bot, sandbox: Sandbox, mishap: Mishap) -> None:
    waiting.environment["LOLSLACKBOT_UNCERTAIN"] = "hold"
    sandbox.slack.misbehave(mishap, channel="C3", times=1, method="chat.postMessage")
    waiting.run("deliver")
    settle(waiting)
    held = len(keys_in(sandbox, "C3"))
    assert states(waiting)[2] == ("delivered" if held else "uncertain")
    assert requests_to(sandbox, "C3") == 1


def test_without_the_scope_to_look_an_open_outcome_stays_uncertain(waiting: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.scopes["default"] = {"chat:write"}
    sandbox.slack.misbehave(Mishap.cut(accepted=False), channel="C3", times=1)
    waiting.run("deliver")
    settle(waiting)
    assert states(waiting)[2] == "uncertain"
    assert "missing_scope" in waiting.rows("SELECT error FROM messages WHERE channel_id = 'C3'")[0][0]
    assert requests_to(sandbox, "C3") == 1


def test_the_history_is_read_to_its_last_page_and_other_bots_are_not_believed(waiting: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.page_size = 2
    sandbox.slack.misbehave(Mishap.cut(accepted=True), channel="C3", times=1)
    sandbox.slack.misbehave(Mishap.cut(accepted=False), channel="C4", times=1)
    waiting.run("deliver")
    for number in range(7):
        sandbox.slack.add_message("C3", f"chatter {number}")
    forged = {"event_type": "lolslackbot_match", "event_payload": {"key": "EUW1_4:C4"}}
    sandbox.slack.add_message("C4", "a forgery", metadata=forged, bot_id="BFORGED")
    settle(waiting)
    assert states(waiting) == ["delivered"] * 5
    assert (requests_to(sandbox, "C3"), requests_to(sandbox, "C4")) == (1, 2)


@pytest.mark.parametrize("mishap", [Mishap.hang(60, accepted=True), Mishap.drip(0.2, where="body", accepted=True)])
def test_a_slack_that_hangs_or_drips_does_not_hold_the_run(
    in_process_bot: Bot, waiting: Bot, sandbox: Sandbox, mishap: Mishap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LEAST_SECONDS", 1)
    sandbox.slack.misbehave(mishap, channel="C1", times=1)
    began = time.monotonic()
    result = in_process_bot.run("deliver", LOLSLACKBOT_MAX_SECONDS="3")
    assert time.monotonic() - began < 10  # not the minute the server would take
    assert result.status == 1
    assert states(waiting)[0] == "uncertain"
    waiting.run("deliver")
    assert states(waiting)[1:] == ["delivered"] * 4
    assert requests_to(sandbox, "C1") == 1


FAILED = ["channel_not_found", "is_archived", "not_in_channel", "msg_too_long", "no_text", "restricted_action"]


@pytest.mark.parametrize("code", FAILED)
def test_a_refusal_is_recorded_and_not_repeated(waiting: Bot, sandbox: Sandbox, code: str) -> None:
    sandbox.slack.misbehave(Mishap.error(code), channel="C3", times=1)
    assert waiting.run("deliver").status == 1
    assert states(waiting) == ["delivered", "delivered", "failed", "delivered", "delivered"]
    assert waiting.rows("SELECT error FROM messages WHERE channel_id = 'C3'") == [(code,)]
    assert "Traceback" in waiting.log
    assert waiting.run("deliver").status == 0
    assert requests_to(sandbox, "C3") == 1


@pytest.mark.parametrize(
    ("mishap", "status"),
    [
        (Mishap.limited(1), 75),
        (Mishap.error("ratelimited"), 75),
        (Mishap.error("invalid_auth"), 77),
        (Mishap.error("token_revoked"), 77),
        (Mishap.error("missing_scope"), 77),
    ],
)
def test_what_certainly_was_not_posted_and_may_pass_waits(
    waiting: Bot, sandbox: Sandbox, mishap: Mishap, status: int
) -> None:
    sandbox.slack.misbehave(mishap, channel="C1", times=1)
    assert waiting.run("deliver").status == status
    assert states(waiting)[0] == "pending"
    waiting.write("UPDATE holds SET until = '2020-01-01T00:00:00.000Z' WHERE kind = 'limited'")
    assert waiting.run("deliver").status == 0
    assert states(waiting) == ["delivered"] * 5
    assert [len(keys_in(sandbox, channel)) for channel in CHANNELS] == [1] * 5


def test_refused_blocks_go_out_as_plain_text_in_the_same_run(waiting: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.misbehave(Mishap.error("invalid_blocks"), channel="C1", times=1)
    assert waiting.run("deliver").status == 0
    post = next(post for post in sandbox.slack.posts if post.channel == "C1")
    assert not post.blocks
    assert waiting.rows("SELECT attempts, blocks FROM messages WHERE channel_id = 'C1'") == [(2, None)]


def test_a_slack_out_of_reach_loses_nothing(waiting: Bot, sandbox: Sandbox) -> None:
    result = waiting.run("deliver", LOLSLACKBOT_SLACK_URL="http://127.0.0.1:9/api/")
    assert result.status == 75
    assert waiting.rows("SELECT DISTINCT state, attempts FROM messages") == [("pending", 0)]
    assert waiting.run("deliver").status == 0
    assert len(sandbox.slack.posts) == 5


def test_the_outage_a_dead_channel_among_live_ones_repeats_nothing(waiting: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.misbehave(Mishap.error("channel_not_found"), channel="C2")
    assert waiting.run("deliver").status == 1
    for _ in range(3):
        assert waiting.run("deliver").status == 0
    assert [len(keys_in(sandbox, channel)) for channel in CHANNELS] == [1, 0, 1, 1, 1]
    assert len([request for request in sandbox.slack.requests if request.method == "chat.postMessage"]) == 5


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_killed_at_a_request_boundary_nothing_is_repeated_or_lost_and_at_most_one_is_uncertain(
    waiting: Bot, sandbox: Sandbox, number: int, accepted: bool
) -> None:
    process = waiting.start("deliver")
    channel = CHANNELS[number - 1]
    sandbox.slack.misbehave(
        Mishap.on_request(lambda: process.send_signal(signal.SIGKILL), accepted=accepted), channel=channel, times=1
    )
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    waiting.end_leases()
    assert waiting.run("deliver").status == (0 if accepted else 1)
    found = "delivered" if accepted else "uncertain"
    assert states(waiting) == [found if each == channel else "delivered" for each in CHANNELS]
    settle(waiting)
    assert states(waiting) == ["delivered"] * 5
    assert [len(keys_in(sandbox, each)) for each in CHANNELS] == [1] * 5


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_stopped_by_a_signal_it_ends_at_once_and_what_was_in_the_air_is_uncertain(
    waiting: Bot, sandbox: Sandbox, sent: signal.Signals, status: int
) -> None:
    process = waiting.start("deliver")
    sandbox.slack.misbehave(Mishap.on_request(lambda: process.send_signal(sent), accepted=True), channel="C2", times=1)
    sandbox.slack.misbehave(Mishap.hang(30, accepted=True), channel="C2", times=1)
    out, err = process.communicate(timeout=20)
    assert process.returncode == status, (out, err)
    assert "Traceback" not in out + err
    assert states(waiting)[:3] == ["delivered", "uncertain", "pending"]


@pytest.mark.parametrize("_round", range(3))
def test_delivers_at_once_send_each_message_once(waiting: Bot, sandbox: Sandbox, _round: int) -> None:
    sandbox.slack.misbehave(Mishap.slow(0.2))
    processes = [waiting.start("deliver") for _ in range(3)]
    results = [(*process.communicate(timeout=60), process.returncode) for process in processes]
    assert sorted(status for _, _, status in results) == [0, 75, 75]
    assert ["at work" in err and not out for out, err, status in results if status == 75] == [True, True]
    assert [len(keys_in(sandbox, channel)) for channel in CHANNELS] == [1] * 5


def test_a_run_frozen_between_claim_and_answer_keeps_its_message(waiting: Bot, sandbox: Sandbox) -> None:
    process = waiting.start("deliver")
    frozen = Event()

    def freeze() -> None:
        process.send_signal(signal.SIGSTOP)
        frozen.set()

    sandbox.slack.misbehave(Mishap.on_request(freeze, accepted=False), channel="C1", times=1)
    assert frozen.wait(60)
    assert waiting.run("deliver").status == 75
    assert [request.method for request in sandbox.slack.requests].count("chat.postMessage") == 1
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)
    assert [len(keys_in(sandbox, channel)) for channel in CHANNELS] == [1] * 5
