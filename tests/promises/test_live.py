"""Games in progress through the real commands: one notice a game, whatever dies or fails in between."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
from proof import worlds
from proof.frame import Tally
from proof.kill_points import COMMITS, boundaries, conclude, crash, nothing_more
from proof.worlds import World
from support import Bot, keys_in

from lolslackbot.clock import text_of
from lolslackbot.sandbox import Mishap, Player, Sandbox


@pytest.fixture
def friends(subprocess_bot: Bot, sandbox: Sandbox) -> list[Player]:
    """Two friends, tracked since yesterday in a channel that wants live notices, whose lists were read."""
    sandbox.slack.add_channel("C1")
    friends = [sandbox.riot.add_player(f"Friend {number}#EUW") for number in (1, 2)]
    for friend in friends:
        assert subprocess_bot.run("track", friend.riot_id, "--channel", "C1").status == 0
    assert subprocess_bot.run("channels", "set", "C1", "--live", "on").status == 0
    yesterday = text_of(datetime.now(UTC) - timedelta(days=1))
    subprocess_bot.write(f"UPDATE tracks SET since = '{yesterday}'")
    assert [result.status for result in subprocess_bot.tick()] == [0, 0, 0]
    return friends


def asked(sandbox: Sandbox) -> int:
    return len([each for each in sandbox.riot.requests if each.endpoint == "spectator"])


def statuses(bot: Bot) -> list[int]:
    return [result.status for result in bot.tick()]


def test_a_game_is_announced_once_and_leads_to_its_message(
    subprocess_bot: Bot, sandbox: Sandbox, friends: list[Player]
) -> None:
    """While it counts down nothing is said; then one notice; after the game its message, to which the notice leads."""
    game = sandbox.riot.start_game(friends, queue=400, phase="countdown")
    assert statuses(subprocess_bot) == [0, 0, 0]
    assert sandbox.slack.posts == []
    sandbox.riot.active[game].phase = "on"
    for _ in range(2):
        assert statuses(subprocess_bot) == [0, 0, 0]
    (notice,) = sandbox.slack.posts
    assert notice.key == f"live {game}:C1"
    assert notice.text.startswith("🎮 Friend 1 and Friend 2 are in a game · Normal Draft · blue side\nFriend 1 · ")
    subprocess_bot.rest()
    sandbox.riot.add_game(friends, queue=400, match_id=game, lingers=True)
    for _ in range(2):
        assert statuses(subprocess_bot) == [0, 0, 0]
    notice, result = sandbox.slack.posts
    assert result.key == f"{game}:C1"
    assert notice.text.startswith("🏁 Friend 1 and Friend 2 were in a game · Normal Draft")
    assert f"p{result.ts.replace('.', '')}" in notice.text
    assert len(notice.edits) == 1
    assert subprocess_bot.rows("SELECT state FROM live_games") == [("finished",)]


def test_nobody_is_asked_about_where_no_channel_wants_it(
    subprocess_bot: Bot, sandbox: Sandbox, friends: list[Player]
) -> None:
    before = asked(sandbox)
    assert subprocess_bot.run("channels", "set", "C1", "--live", "off").status == 0
    sandbox.riot.start_game(friends)
    assert statuses(subprocess_bot) == [0, 0, 0]
    assert (asked(sandbox) - before, sandbox.slack.posts) == (0, [])


def test_who_is_in_streamer_mode_is_not_named(subprocess_bot: Bot, sandbox: Sandbox, friends: list[Player]) -> None:
    """Nor is the champion, whose name Riot gives in place of theirs, taken for a friend."""
    sandbox.riot.start_game(friends, hidden=friends[1:])
    statuses(subprocess_bot)
    (notice,) = sandbox.slack.posts
    assert notice.text.startswith("🎮 Friend 1 is in a game")
    assert "\n" not in notice.text


@pytest.mark.parametrize("queue", [700, 2400, 4310])
def test_a_game_without_a_result_is_over_in_the_end(
    subprocess_bot: Bot, sandbox: Sandbox, friends: list[Player], queue: int
) -> None:
    """Clash gets another id; ARAM: Mayhem and League Classic never come to match-v5."""
    game = sandbox.riot.start_game(friends, queue=queue, custom=queue == 700)
    statuses(subprocess_bot)
    sandbox.riot.stop_game(game)
    if queue == 700:
        sandbox.riot.add_game(friends, queue=queue)
    subprocess_bot.rest()
    long_ago = text_of(datetime.now(UTC) - timedelta(hours=3, minutes=1))
    subprocess_bot.write(f"UPDATE live_games SET seen_at = '{long_ago}'")
    statuses(subprocess_bot)
    assert len(sandbox.slack.posts) == 1 + (queue == 700)
    assert sandbox.slack.posts[0].text.endswith(" · it is over")


@pytest.mark.parametrize(
    "mishap",
    [
        Mishap.status(400),
        Mishap.status(401),
        Mishap.status(403),
        Mishap.status(429, headers={"Retry-After": "600"}),
        Mishap.status(500),
        Mishap.status(503),
        Mishap.cut(accepted=True),
        Mishap.cut(accepted=False),
    ],
    ids=str,
)
def test_a_fault_of_spectator_changes_nothing_else(
    subprocess_bot: Bot, sandbox: Sandbox, friends: list[Player], mishap: Mishap
) -> None:
    """No exit status, and no other message; status calls for nobody."""
    sandbox.riot.misbehave(mishap, endpoint="spectator")
    sandbox.riot.add_game(friends, queue=400, ended=datetime.now(UTC) - timedelta(minutes=1))
    sandbox.riot.start_game(friends)
    assert statuses(subprocess_bot) == [0, 0, 0]
    assert statuses(subprocess_bot) == [0, 0, 0]
    (post,) = sandbox.slack.posts
    assert "won" in post.text
    assert subprocess_bot.run("status").status == 0


def test_a_platform_that_is_limited_is_left_alone(subprocess_bot: Bot, sandbox: Sandbox, friends: list[Player]) -> None:
    """Its limit is learnt and kept: no call goes into it."""
    sandbox.riot.limits.method["spectator"] = "2:600"
    sandbox.riot.start_game(friends[:1])
    for _ in range(4):
        assert statuses(subprocess_bot) == [0, 0, 0]
    assert sandbox.riot.refused == []
    assert keys_in(sandbox, "C1") == [] or len(sandbox.slack.posts) == 1


def test_a_slack_that_gives_no_answer_gets_the_notice_once(
    subprocess_bot: Bot, sandbox: Sandbox, friends: list[Player]
) -> None:
    """What arrived is found, what did not is never sent again; neither keeps the result back."""
    for accepted in (True, False):
        sandbox.slack.misbehave(Mishap.cut(accepted=accepted), times=1)
        game = sandbox.riot.start_game(friends, queue=400)
        assert statuses(subprocess_bot) == [0, 0, 1]
        subprocess_bot.rest()
        assert statuses(subprocess_bot) == [0, 0, 0]
        assert subprocess_bot.run("status").status == 0
        sandbox.riot.add_game(friends, queue=400, match_id=game)
        assert statuses(subprocess_bot) == [0, 0, 0]
        subprocess_bot.rest()
        keys = [key for key in keys_in(sandbox, "C1") if game in key]
        assert keys == [f"live {game}:C1", f"{game}:C1"][not accepted :]
    states = subprocess_bot.rows("SELECT state FROM messages WHERE kind = 'live' ORDER BY happened_at")
    assert states == [("delivered",), ("expired",)]


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (worlds.playing, nothing_more),
        (worlds.telling_of_a_game, worlds.wrong_notices),
        (worlds.ending_a_game, worlds.wrong_endings),
    ],
)
def test_killed_at_every_commit_and_request(
    make: Callable[[], AbstractContextManager[World]], wrong: Callable[[World], list[str]]
) -> None:
    """Never a second notice, and in the end each leads to its game's message."""
    tally = Tally()
    with make() as world:
        world.reset()
        points = list(boundaries(world, *world.trial, only=COMMITS))
        for point in points:
            world.reset()
            crash(world, tally, point, *world.trial)
            conclude(world, tally, point.name, crashes=1)
            tally.violations += [f"{point.name}: {each}" for each in wrong(world)]
    assert tally.violations == []
    assert tally.points == len(points) > 0
