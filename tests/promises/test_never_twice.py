"""Each way a post can go wrong, with real processes: what Slack truly holds, the row, and the number of requests."""

import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from support import Bot

from lolslackbot.sandbox import Mishap, Sandbox

CHANNELS = ("C1", "C2", "C3", "C4", "C5")


@pytest.fixture
def waiting(bot: Bot, sandbox: Sandbox) -> Bot:
    """Five messages wait, one in each of five channels."""
    for number, channel in enumerate(CHANNELS):
        sandbox.slack.add_channel(channel)
        player = sandbox.riot.add_player(f"Player {number}#EUW", platform="euw1")
        assert bot.run("track", f"Player {number}#EUW", "--channel", channel, "--platform", "euw1").status == 0
        sandbox.riot.add_game([player], ended=datetime.now(UTC) + timedelta(seconds=number))
    assert bot.run("fetch-matches").status == 0
    assert bot.run("build-messages").status == 0
    return bot


def states(bot: Bot) -> list[str]:
    return [state for (state,) in bot.rows("SELECT state FROM messages ORDER BY channel_id")]


def requests_to(sandbox: Sandbox, channel: str) -> int:
    return sum(
        request.method == "chat.postMessage" and request.arguments.get("channel") == channel
        for request in sandbox.slack.requests
    )


UNCERTAIN = [
    ("500", lambda: Mishap.status(500), 0),
    ("503 html", lambda: Mishap.html(502), 0),
    ("200 html", lambda: Mishap.html(200), 0),
    ("cut JSON", Mishap.bad_json, None),
    ("empty", Mishap.empty, None),
    ("null", lambda: Mishap.json(None), None),
    ("a list", lambda: Mishap.json([]), None),
    ("ok without ts", lambda: Mishap.json({"ok": True, "channel": "C3"}), None),
    ("ok for another channel", lambda: Mishap.json({"ok": True, "channel": "C9", "ts": "1.2"}), None),
    ("internal_error", lambda: Mishap.error("internal_error"), 0),
    ("fatal_error", lambda: Mishap.error("fatal_error"), 0),
    ("an unknown code", lambda: Mishap.error("something_new"), 0),
    ("cut before", lambda: Mishap.cut(accepted=False), 0),
    ("cut after", lambda: Mishap.cut(accepted=True), 1),
    ("cut headers", lambda: Mishap.cut_headers(accepted=True), 1),
    ("cut body", lambda: Mishap.cut_body(accepted=True), 1),
    ("reset before", lambda: Mishap.reset(accepted=False), 0),
    ("reset after", lambda: Mishap.reset(accepted=True), 1),
    ("applied late", lambda: Mishap.late(0.5), 1),
    ("oversized", lambda: Mishap.oversized(6_000_000), None),
    ("redirect", lambda: Mishap.redirect(302, "http://127.0.0.1:9/"), 0),
]


@pytest.mark.parametrize(("mishap", "held"), [row[1:] for row in UNCERTAIN], ids=[row[0] for row in UNCERTAIN])
def test_an_open_outcome_is_uncertain_and_never_sent_again(
    waiting: Bot, sandbox: Sandbox, mishap: Callable[[], Mishap], held: int | None
) -> None:
    sandbox.slack.misbehave(mishap(), channel="C3", times=1)
    assert waiting.run("deliver").status == 1
    assert states(waiting) == ["delivered", "delivered", "uncertain", "delivered", "delivered"]
    assert waiting.run("deliver").status == 0
    time.sleep(0.6 if "late" in str(mishap) else 0)
    assert requests_to(sandbox, "C3") == 1
    if held is not None:
        assert len(sandbox.keys_in("C3")) == held
    assert [len(sandbox.keys_in(channel)) for channel in CHANNELS if channel != "C3"] == [1, 1, 1, 1]


@pytest.mark.parametrize("mishap", [Mishap.hang(60, accepted=True), Mishap.drip(0.2, where="body", accepted=True)])
def test_a_slack_that_hangs_or_drips_does_not_hold_the_run(waiting: Bot, sandbox: Sandbox, mishap: Mishap) -> None:
    sandbox.slack.misbehave(mishap, channel="C1", times=1)
    began = time.monotonic()
    result = waiting.run("deliver", LOLSLACKBOT_MAX_SECONDS="2")
    assert time.monotonic() - began < 30  # not the minute the server would take
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
    assert [len(sandbox.keys_in(channel)) for channel in CHANNELS] == [1] * 5


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
    for _ in range(20):
        assert waiting.run("deliver").status == 0
    assert [len(sandbox.keys_in(channel)) for channel in CHANNELS] == [1, 0, 1, 1, 1]
    assert len([request for request in sandbox.slack.requests if request.method == "chat.postMessage"]) == 5


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("number", [1, 3, 5])
def test_killed_at_a_request_boundary_nothing_is_repeated_and_at_most_one_is_uncertain(
    waiting: Bot, sandbox: Sandbox, number: int, accepted: bool
) -> None:
    process = waiting.start("deliver")
    channel = CHANNELS[number - 1]
    sandbox.slack.misbehave(
        Mishap.on_request(lambda: process.send_signal(signal.SIGKILL), accepted=accepted), channel=channel, times=1
    )
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert waiting.run("deliver").status == 1
    for _ in range(2):
        assert waiting.run("deliver").status == 0
    assert states(waiting) == ["uncertain" if each == channel else "delivered" for each in CHANNELS]
    assert [len(sandbox.keys_in(each)) for each in CHANNELS] == [
        int(accepted) if each == channel else 1 for each in CHANNELS
    ]
    assert requests_to(sandbox, channel) == 1


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


def test_two_delivers_at_once_send_each_message_once(waiting: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.misbehave(Mishap.slow(0.2))
    processes = [waiting.start("deliver") for _ in range(3)]
    results = [(*process.communicate(timeout=60), process.returncode) for process in processes]
    assert sorted(status for _, _, status in results) == [0, 75, 75]
    assert ["at work" in err and not out for out, err, status in results if status == 75] == [True, True]
    assert [len(sandbox.keys_in(channel)) for channel in CHANNELS] == [1] * 5


def test_a_run_frozen_between_claim_and_answer_keeps_its_message(waiting: Bot, sandbox: Sandbox) -> None:
    process = waiting.start("deliver")
    frozen: list[subprocess.Popen[str]] = []

    def freeze() -> None:
        process.send_signal(signal.SIGSTOP)
        frozen.append(process)

    sandbox.slack.misbehave(Mishap.on_request(freeze, accepted=False), channel="C1", times=1)
    while not frozen:
        time.sleep(0.01)
    assert waiting.run("deliver").status == 75
    assert len(sandbox.slack.requests) == 1
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)
    assert [len(sandbox.keys_in(channel)) for channel in CHANNELS] == [1] * 5
