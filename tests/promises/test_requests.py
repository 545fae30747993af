"""What friends ask in the channel, through the real commands: done once, answered once, whatever happens."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from proof import worlds
from proof.frame import Tally
from proof.kill_points import COMMITS, boundaries, conclude, crash
from support import Bot

from lolslackbot.sandbox import Mishap, Post, Sandbox
from lolslackbot.store.requests import ts_of


@pytest.fixture
def bot(subprocess_bot: Bot, sandbox: Sandbox) -> Bot:
    """C1 may ask; Ahri Fan is known to Riot, and Café is announced there."""
    sandbox.slack.add_channel("C1")
    sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    sandbox.riot.add_player("Café#NA1", platform="na1")
    assert subprocess_bot.run("track", "Café#NA1", "--channel", "C1").status == 0
    assert subprocess_bot.run("channels", "set", "C1", "--requests", "on").status == 0
    subprocess_bot.write("UPDATE inboxes SET since = '2026-01-01T00:00:00.000Z', read_to = '1700000000.000000'")
    return subprocess_bot


def tick(bot: Bot, **extra: str) -> list[int]:
    return [bot.run("answer", **extra).status, *(result.status for result in bot.tick(**extra))]


def told(sandbox: Sandbox, post: Post, channel: str = "C1") -> list[str]:
    return [reply.text for reply in sandbox.slack.replies(channel, post.ts)]


def test_the_next_tick_answers_in_the_thread_and_the_player_is_tracked(bot: Bot, sandbox: Sandbox) -> None:
    asked = sandbox.slack.say("C1", "@bot track Ahri Fan#EUW", user="U0ONE")
    assert tick(bot) == [0, 0, 0, 0]
    assert told(sandbox, asked) == ["Ahri Fan#EUW (EUW) is announced here from now on."]
    assert sandbox.slack.reactions("C1", asked.ts) == ("eyes",)
    assert ("Ahri Fan", "U0ONE") in bot.rows("SELECT game_name, tracked_by FROM tracks JOIN players USING (player_id)")
    assert "asked by U0ONE" in bot.run("why", "C1").out
    assert re.search(rf"answer C1 {asked.ts}: U0ONE asked at .*: 'track Ahri Fan#EUW'\n", bot.log)
    assert re.search(rf"INFO run-\S+ answer C1 {asked.ts}: answered\n", bot.log)
    assert "asked for by U0ONE" in bot.run("why", "Ahri Fan#EUW").out
    assert tick(bot) == [0, 0, 0, 0]
    assert len(sandbox.slack.posts) == 1


def test_killed_at_every_commit_and_request() -> None:
    """Each request has its effect once and its answer once, wherever the run died."""
    tally = Tally()
    with worlds.asked() as world:
        world.reset()
        for point in list(boundaries(world, *world.trial, only=COMMITS)):
            world.reset()
            crash(world, tally, point, *world.trial)
            conclude(world, tally, point.name, crashes=1)
            tally.violations += [f"{point.name}: {each}" for each in worlds.wrong_reactions(world)]
    assert tally.violations == []
    assert tally.points >= 2 * 8


def test_three_hundred_requests_of_twenty_people(bot: Bot, sandbox: Sandbox) -> None:
    """Five of each are obeyed, of the rest each person hears once; nobody's flood is another's."""
    people = [f"U0{number:02}" for number in range(20)]
    now = datetime.now(UTC)
    for number in range(300):
        ts = ts_of(now - timedelta(seconds=300 - number / 2))
        sandbox.slack.say("C1", "@bot list", user=people[number % 20], ts=ts)
    assert bot.run("answer").out == "answer: 100 answered, 200 refused\n"
    per_person = Counter(bot.rows("SELECT user_id FROM requests WHERE state = 'answered'"))
    assert set(per_person.values()) == {5}
    hints = bot.rows("SELECT COUNT(*) FROM messages WHERE kind = 'reply' AND text LIKE 'That is more than%'")
    assert hints == [(20,)]
    assert bot.rows("SELECT COUNT(*) FROM messages") == [(120,)]


def test_what_is_no_request_has_no_effect(bot: Bot, sandbox: Sandbox) -> None:
    """Edits, bots, threads, notices, what was deleted, what only mentions the bot; and nothing of it is kept."""
    slack = sandbox.slack
    first = slack.say("C1", "hello all")
    for words, more in (
        ("@bot track Ahri Fan#EUW", {"edited": True}),
        ("@bot track Ahri Fan#EUW", {"bot_id": "B0OTHER"}),
        ("@bot track Ahri Fan#EUW", {"thread_ts": first.ts}),
        ("@bot track Ahri Fan#EUW", {"subtype": "channel_topic"}),
        ("ask @bot track Ahri Fan#EUW", {}),
        ("a secret of theirs", {}),
    ):
        slack.say("C1", words, **more)
    slack.remove(slack.say("C1", "@bot track Ahri Fan#EUW"))
    assert bot.run("-vv", "answer").out == "answer: nothing to do\n"
    assert bot.rows("SELECT * FROM requests") == []
    assert "secret" not in bot.log
    late = slack.say("C1", "@bot list")
    bot.run("answer")
    late.edited, late.text = True, late.text.replace("list", "track Ahri Fan#EUW")
    bot.run("answer")
    assert bot.rows("SELECT words FROM requests") == [("list",)]


@pytest.mark.parametrize("loss", ["archived", "member", "scope"])
def test_a_channel_that_is_lost_holds_up_no_other(bot: Bot, sandbox: Sandbox, loss: str) -> None:
    slack = sandbox.slack
    slack.add_channel("C2", private=True)
    assert bot.run("channels", "set", "C2", "--requests", "on").status == 0
    bot.write("UPDATE inboxes SET since = '2026-01-01T00:00:00.000Z'")
    there, here = slack.say("C1", "@bot list"), slack.say("C2", "@bot list")
    match loss:
        case "archived":
            slack.channels["C1"].archived = True
        case "member":
            slack.channels["C1"].member = False
        case "scope":
            slack.scopes["default"].discard("channels:history")
    status = bot.run("answer").status
    bot.run("deliver")
    assert told(sandbox, here, "C2") == ["Nobody is announced here yet. track NAME#TAG [SERVER]"]
    assert told(sandbox, there) == []
    if loss != "archived":  # which can be read, and not be answered in
        assert status == 1
        shown = bot.run("status")
        assert (shown.status, "what people ask in" in shown.out) == (1, True)
        assert "requests in C1: what people say there cannot be read" in bot.run("check").out


def test_an_answer_of_unknown_outcome_is_looked_up_in_its_thread(bot: Bot, sandbox: Sandbox) -> None:
    asked = sandbox.slack.say("C1", "@bot list")
    sandbox.slack.misbehave(Mishap.cut(accepted=True), times=1)
    assert bot.run("answer").status == 0
    assert bot.run("deliver").status == 1
    assert bot.run("deliver").out == "deliver: 1 found delivered\n"
    assert len(told(sandbox, asked)) == 1
    assert [each.method for each in sandbox.slack.requests].count("conversations.replies") == 1


def test_an_answer_that_never_came_is_sent_once_more(bot: Bot, sandbox: Sandbox) -> None:
    asked = sandbox.slack.say("C1", "@bot list")
    sandbox.slack.misbehave(Mishap.cut(accepted=False), times=1)
    assert [bot.run("answer").status, bot.run("deliver").status] == [0, 1]
    for _ in range(2):
        bot.run("deliver", LOLSLACKBOT_UNCERTAIN_AFTER="0")
    assert len(told(sandbox, asked)) == 1


def test_an_old_backup_put_back_obeys_nothing_twice_and_nothing_old(bot: Bot, sandbox: Sandbox) -> None:
    """Neither what was obeyed since it was made, nor what was asked before it was put back."""
    copy = str(bot.home.parent / "copy.db")
    assert bot.run("backup", copy).status == 0
    asked = sandbox.slack.say("C1", "@bot track Ahri Fan#EUW", user="U0ONE")
    tick(bot)
    undone = sandbox.slack.say("C1", "@bot untrack Ahri Fan#EUW", user="U0ONE")
    tick(bot)
    unread = sandbox.slack.say("C1", "@bot track Ahri Fan#EUW", user="U0ONE")
    assert bot.run("restore", copy).status == 0
    new = sandbox.slack.say("C1", "@bot last Café#NA1", ts=ts_of(datetime.now(UTC) + timedelta(minutes=1)))
    assert tick(bot) == [0, 0, 0, 0]
    assert [len(told(sandbox, each)) for each in (asked, undone, unread, new)] == [1, 1, 0, 1]
    assert bot.rows("SELECT game_name FROM tracks JOIN players USING (player_id)") == [("Café",)]


def test_thousands_of_messages_are_read_over_several_runs_in_order(bot: Bot, sandbox: Sandbox) -> None:
    """As Slack's limits and the run's time allow; nothing is obeyed out of order meanwhile."""
    now = datetime.now(UTC)
    for number in range(2000):
        words = "@bot list" if number % 500 == 250 else f"chat {number}"
        sandbox.slack.say("C1", words, user=f"U{number}", ts=ts_of(now - timedelta(seconds=1200 - number / 2)))
    sandbox.slack.misbehave(Mishap.slow(0), method="conversations.history", times=4)
    sandbox.slack.misbehave(Mishap.limited(1), method="conversations.history", times=1)
    assert bot.run("answer").status == 75
    assert bot.rows("SELECT COUNT(*) FROM requests WHERE state = 'answered'") == [(0,)]
    ((down_to,),) = [bot.rows("SELECT down_to FROM inboxes")]
    assert bot.run("answer").out == "answer: 4 answered\n"
    answered = bot.rows("SELECT slack_ts FROM requests ORDER BY settled_at, slack_ts")
    assert answered == sorted(answered)
    reads = [each.arguments for each in sandbox.slack.requests if each.method == "conversations.history"]
    assert [each.get("latest") for each in reads] == [None] * 5 + [*down_to] * 6 + [None]  # from where it was cut off
    assert len(reads) == 5 + 6 + 1  # and one more look for what was said since


def test_where_no_channel_may_ask_there_is_no_call_and_no_commit(bot: Bot, sandbox: Sandbox) -> None:
    """And the other stages make no more than before."""
    assert bot.run("channels", "set", "C1", "--requests", "off", "--live", "off").status == 0
    sandbox.slack.say("C1", "@bot list")
    tick(bot)
    before, runs = len(sandbox.slack.requests), bot.rows("SELECT * FROM runs")
    written = None if "LOLSLACKBOT_DATABASE" in bot.environment else bot.database.read_bytes()
    shown = bot.run("answer")
    assert (shown.status, shown.out) == (
        0,
        "answer: nothing to do; no channel may ask, see `lolslackbot channels set --help`\n",
    )
    assert bot.run("-q", "answer").out == ""
    assert len(sandbox.slack.requests) == before
    assert bot.rows("SELECT * FROM runs") == runs
    assert written is None or bot.database.read_bytes() == written


def test_without_a_key_only_what_needs_riot_waits(bot: Bot, sandbox: Sandbox) -> None:
    waits, done = sandbox.slack.say("C1", "@bot track Ahri Fan#EUW"), sandbox.slack.say("C1", "@bot list")
    assert bot.run("answer", RIOT_API_KEY="").status == 2
    sandbox.riot.misbehave(Mishap.status(401), endpoint=None, times=1)
    assert bot.run("answer").status == 77
    assert bot.run("answer").status == 0
    bot.run("deliver")
    assert [len(told(sandbox, each)) for each in (waits, done)] == [1, 1]


def test_operators_are_a_setting(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.say("C1", "@bot untrack Café#NA1", user="U0ONE")
    sandbox.slack.say("C1", "@bot untrack Café#NA1", user="U0BOSS")
    assert bot.run("answer", LOLSLACKBOT_OPERATORS="U0X, u0boss").out == "answer: 2 answered\n"
    assert bot.rows("SELECT * FROM tracks") == []
    refused = bot.run("answer", LOLSLACKBOT_OPERATORS="@boss")
    assert (refused.status, "LOLSLACKBOT_OPERATORS cannot be used" in refused.err) == (2, True)
