"""Ranks through the real commands: what Riot's sandbox says after a game, and what Slack then shows."""

from datetime import UTC, datetime, timedelta

import pytest
from support import Bot

from lolslackbot.clock import text_of
from lolslackbot.sandbox import Mishap, Player, Rank, Sandbox

GOLD = Rank("GOLD", "II", 45, wins=30, losses=20)


@pytest.fixture
def friends(subprocess_bot: Bot, sandbox: Sandbox) -> list[Player]:
    """Three friends in Gold II, tracked since yesterday, whose ranks were read then."""
    sandbox.slack.add_channel("C1")
    friends = [sandbox.riot.add_player(f"Friend {number}#EUW") for number in range(3)]
    for number, friend in enumerate(friends):
        sandbox.riot.set_rank(friend, GOLD)
        assert subprocess_bot.run("track", f"Friend {number}#EUW", "--channel", "C1").status == 0
    yesterday = text_of(datetime.now(UTC) - timedelta(days=1))
    subprocess_bot.write(f"UPDATE tracks SET since = '{yesterday}'")
    subprocess_bot.write(f"UPDATE rank_readings SET asked_at = '{yesterday}'")
    return friends


def play(sandbox: Sandbox, friends: list[Player]) -> str:
    ended = datetime.now(UTC) - timedelta(minutes=2)
    match: str = sandbox.riot.add_game(
        friends, queue=420, win=True, ended=ended, lp={each.puuid: 20 + n for n, each in enumerate(friends)}
    )
    return match


def test_each_friend_has_the_rank_and_what_the_game_was_worth(
    subprocess_bot: Bot, sandbox: Sandbox, friends: list[Player]
) -> None:
    play(sandbox, friends)
    assert [result.status for result in subprocess_bot.tick()] == [0, 0, 0]
    (post,) = sandbox.slack.posts
    for number in range(3):
        assert f"Gold II {65 + number} LP (+{20 + number})" in post.text
    assert (
        len([each for each in sandbox.riot.requests if each.endpoint == "league"]) == 6
    )  # at track, and after the game


def test_league_down_loses_nothing_but_the_rank(subprocess_bot: Bot, sandbox: Sandbox, friends: list[Player]) -> None:
    """The message goes out a tick later at most, and no run fails."""
    sandbox.riot.misbehave(Mishap.status(503), endpoint="league")
    play(sandbox, friends)
    assert [result.status for result in subprocess_bot.tick()] == [0, 0, 0]
    assert [result.status for result in subprocess_bot.tick()] == [0, 0, 0]
    (post,) = sandbox.slack.posts
    assert "Friend 0" in post.text
    assert " LP" not in post.text


def test_a_rank_that_cannot_be_had_fails_no_track(subprocess_bot: Bot, sandbox: Sandbox) -> None:
    """The next idle tick asks for it."""
    sandbox.slack.add_channel("C1")
    player = sandbox.riot.add_player("Ahri Fan#EUW")
    sandbox.riot.set_rank(player, GOLD)
    sandbox.riot.misbehave(Mishap.status(503), endpoint="league", times=1)
    assert subprocess_bot.run("track", "Ahri Fan#EUW", "--channel", "C1").status == 0
    assert subprocess_bot.rows("SELECT tier FROM rank_readings") == []
    assert subprocess_bot.run("fetch-matches").status == 0
    assert ("GOLD",) in subprocess_bot.rows("SELECT tier FROM rank_readings")


def test_a_dry_run_shows_an_edit(subprocess_bot: Bot, sandbox: Sandbox, friends: list[Player]) -> None:
    """With its text, and without making it."""
    play(sandbox, friends)
    subprocess_bot.tick()
    subprocess_bot.write(
        "INSERT INTO amendments (subject, channel_id, text, made_at) "
        "SELECT subject, channel_id, 'Gold I', built_at FROM messages"
    )
    shown = subprocess_bot.run("deliver", "--dry-run").out
    assert "would be edited, since more is known of it now:\n    Gold I\n" in shown
    assert sandbox.slack.posts[0].edits == ()


def test_a_platform_that_is_limited_is_left_alone(subprocess_bot: Bot, sandbox: Sandbox, friends: list[Player]) -> None:
    """A 429 there is remembered, no further call goes into it, and the regional host goes on."""
    sandbox.riot.misbehave(Mishap.status(429, headers={"Retry-After": "600"}), endpoint="league", times=1)
    play(sandbox, friends)
    for _ in range(3):
        assert subprocess_bot.run("fetch-matches").status == 0
    asked = [each for each in sandbox.riot.requests if each.endpoint == "league"]
    assert len(asked) == 3 + 1
    assert subprocess_bot.rows("SELECT scope_id, kind FROM holds") == [("euw1", "limited")]


@pytest.mark.parametrize("mishap", [None, Mishap.cut(accepted=True), Mishap.cut(accepted=False), Mishap.status(503)])
def test_a_rank_that_comes_late_edits_the_message(
    subprocess_bot: Bot, sandbox: Sandbox, friends: list[Player], mishap: Mishap | None
) -> None:
    """Of three friends one is seven minutes late: the message goes out with two ranks, and is edited to three."""
    late = friends[2]
    ended = datetime.now(UTC) - timedelta(minutes=2)
    sandbox.riot.set_rank(late, None)
    lp = {friends[0].puuid: 20, friends[1].puuid: 21}
    match = sandbox.riot.add_game(friends, queue=420, win=True, ended=ended, lp=lp)
    sandbox.riot.set_rank(late, GOLD)
    assert subprocess_bot.run("fetch-matches").status == 0
    assert subprocess_bot.run("build-messages").out == "build-messages: 1 waiting for a rank\n"
    assert "waiting for a rank, one tick at most, then for the next" in subprocess_bot.run("why", match).out
    assert subprocess_bot.run("deliver").out == "deliver: nothing to do\n"
    assert [result.status for result in subprocess_bot.tick()] == [0, 0, 0]
    (post,) = sandbox.slack.posts
    assert post.text.count(" LP (+") == 2
    sandbox.riot.set_rank(late, Rank("GOLD", "I", 3, wins=31, losses=20))
    if mishap:
        sandbox.slack.misbehave(mishap, method="chat.update", times=1)
    for _ in range(2):
        assert [result.status for result in subprocess_bot.tick()] == [0, 0, 0]
    (post,) = sandbox.slack.posts
    assert post.text.count(" LP (+") == 3
    assert "promoted to Gold I" in post.text
    assert post.blocks
    assert subprocess_bot.rows("SELECT * FROM amendments") == []
    assert subprocess_bot.rows("SELECT state, text FROM messages") == [("delivered", post.text)]
