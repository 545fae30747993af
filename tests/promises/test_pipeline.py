"""From Riot's answer to one message in Slack: the real commands, as cron runs them, against the sandbox."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support import Bot, keys_in

from lolslackbot.sandbox import Sandbox


def ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def track(bot: Bot, name: str, channel: str) -> None:
    result = bot.run("track", name, "--channel", channel)
    assert result.status == 0, result


def backdate(bot: Bot) -> None:
    """Lets the players be tracked since yesterday, so that games of the last hour are theirs."""
    bot.write("UPDATE tracks SET since = '2020-01-01T00:00:00.000Z'")


def files(home: Path) -> dict[str, str]:
    return {str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in home.rglob("*")}


def test_each_channel_gets_exactly_its_messages_in_the_order_the_games_ended(home: Path, sandbox: Sandbox) -> None:
    bot = Bot(home, sandbox.settings)  # each command in a process that begins from nothing, as cron's do
    for channel in ("C1", "C2"):
        sandbox.slack.add_channel(channel)
    ahri = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    bear = sandbox.riot.add_player("Bär & Co#NA1", platform="na1")
    crab = sandbox.riot.add_player("螃蟹#EUW", platform="euw1")
    track(bot, "Ahri Fan#EUW", "C1")
    track(bot, "ahri fan#euw", "C2")
    track(bot, "Bär & Co#NA1", "C2")
    track(bot, "螃蟹#EUW", "C1")
    backdate(bot)
    third = sandbox.riot.add_game([ahri], ended=ago(10))
    first = sandbox.riot.add_game([ahri, crab], ended=ago(40))
    second = sandbox.riot.add_game([bear], ended=ago(30))
    fourth = sandbox.riot.add_game([crab], ended=ago(5))

    assert [result.status for result in bot.tick()[:2]] == [0, 0]
    assert keys_in(sandbox, "C1") == [f"{match}:C1" for match in (first, third, fourth)]
    assert keys_in(sandbox, "C2") == [f"{match}:C2" for match in (first, second, third)]
    shared = next(post for post in sandbox.slack.posts if post.key == f"{first}:C1")
    assert "Ahri Fan" in shared.text
    assert "螃蟹" in shared.text

    before = bot.rows("SELECT match_id, state, looked_at, built_at FROM matches"), bot.rows("SELECT * FROM messages")
    results = bot.tick()
    assert [result.status for result in results] == [0, 0, 0]
    assert len(sandbox.slack.posts) == 6
    after = bot.rows("SELECT match_id, state, looked_at, built_at FROM matches"), bot.rows("SELECT * FROM messages")
    assert after == before


def test_a_dry_run_shows_the_messages_and_changes_no_byte_and_needs_no_token(
    subprocess_bot: Bot, sandbox: Sandbox
) -> None:
    ahri = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    track(subprocess_bot, "Ahri Fan#EUW", "C1")
    backdate(subprocess_bot)
    match = sandbox.riot.add_game([ahri], ended=ago(10))
    subprocess_bot.run("fetch-matches")
    subprocess_bot.run("build-messages")
    before = files(subprocess_bot.home)
    requests = len(sandbox.slack.requests), len(sandbox.riot.requests)
    result = subprocess_bot.run("deliver", "--dry-run", SLACK_BOT_TOKEN="")
    assert result.status == 0
    assert "C1" in result.out
    assert match in result.out
    assert "Ahri Fan" in result.out
    assert "1 would go out now" in result.out
    assert files(subprocess_bot.home) == before
    assert (len(sandbox.slack.requests), len(sandbox.riot.requests)) == requests


def test_a_player_tracked_today_brings_no_old_game_and_tracking_twice_changes_nothing(
    subprocess_bot: Bot, sandbox: Sandbox
) -> None:
    sandbox.slack.add_channel("C1")
    ahri = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    for minutes in (300, 200, 100):
        sandbox.riot.add_game([ahri], ended=ago(minutes))
    track(subprocess_bot, "Ahri Fan#EUW", "C1")
    player = "SELECT player_id, puuid, game_name, tag_line, platform, region, listed_at, problem FROM players"
    before = subprocess_bot.rows("SELECT * FROM tracks"), subprocess_bot.rows(player)
    track(subprocess_bot, "Ahri Fan#EUW", "C1")
    assert (subprocess_bot.rows("SELECT * FROM tracks"), subprocess_bot.rows(player)) == before
    subprocess_bot.tick()
    subprocess_bot.tick()
    assert sandbox.slack.posts == []
    assert {reason for (reason,) in subprocess_bot.rows("SELECT reason FROM matches")} == {"before tracking"}


def test_two_games_between_two_ticks_both_arrive(subprocess_bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.add_channel("C1")
    ahri = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    track(subprocess_bot, "Ahri Fan#EUW", "C1")
    subprocess_bot.tick()
    later = datetime.now(UTC) + timedelta(seconds=1)
    games = [sandbox.riot.add_game([ahri], ended=later + timedelta(seconds=number)) for number in (0, 1)]
    subprocess_bot.tick()
    assert keys_in(sandbox, "C1") == [f"{game}:C1" for game in games]


def test_a_second_workspace_is_posted_to_with_its_own_token(subprocess_bot: Bot, sandbox: Sandbox) -> None:
    token = sandbox.slack.add_workspace("friends")
    sandbox.slack.add_channel("C1")
    sandbox.slack.add_channel("C2", workspace="friends")
    ahri = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    subprocess_bot.environment["SLACK_BOT_TOKEN_FRIENDS"] = token
    track(subprocess_bot, "Ahri Fan#EUW", "C1")
    assert subprocess_bot.run("track", "Ahri Fan#EUW", "--channel", "C2", "--workspace", "friends").status == 0
    backdate(subprocess_bot)
    sandbox.riot.add_game([ahri], ended=ago(10))
    subprocess_bot.tick()
    assert sorted((post.channel, post.workspace) for post in sandbox.slack.posts) == [
        ("C1", "default"),
        ("C2", "friends"),
    ]


def test_an_untracked_player_is_announced_no_more_and_leaves_shared_messages(
    subprocess_bot: Bot, sandbox: Sandbox
) -> None:
    sandbox.slack.add_channel("C1")
    ahri = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    bear = sandbox.riot.add_player("Bear#EUW", platform="euw1")
    for name in ("Ahri Fan#EUW", "Bear#EUW"):
        track(subprocess_bot, name, "C1")
    backdate(subprocess_bot)
    shared = sandbox.riot.add_game([ahri, bear], ended=ago(20))
    alone = sandbox.riot.add_game([ahri], ended=ago(10))
    subprocess_bot.run("fetch-matches")
    subprocess_bot.run("build-messages")
    result = subprocess_bot.run("untrack", "AHRI FAN#euw")
    assert (result.status, result.out) == (0, "AHRI FAN#euw is no longer announced in C1\n")
    subprocess_bot.run("deliver")
    assert keys_in(sandbox, "C1") == [f"{shared}:C1"]
    assert "Ahri Fan" not in sandbox.slack.posts[0].text
    assert "Ahri Fan" not in str(sandbox.slack.posts[0].blocks)
    assert subprocess_bot.rows(f"SELECT state, error FROM messages WHERE match_id = '{alone}'") == [
        ("expired", "untracked")
    ]
    assert subprocess_bot.run("untrack", "Ahri Fan#EUW").status == 1


def test_a_file_of_players_is_tracked_row_by_row_and_can_be_run_again(
    subprocess_bot: Bot, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    sandbox.riot.add_player("Bear#NA1", platform="na1")
    path = tmp_path / "players.csv"
    path.write_text(
        "riot_id,platform,channel,workspace\nAhri Fan#EUW,,C1,\nNobody#XX,,C1,\nBear#NA1,na1,C2,friends\n", "utf-8"
    )
    result = subprocess_bot.run("track", "--file", str(path))
    assert result.status == 1
    assert "Nobody#XX" in result.err
    assert subprocess_bot.rows(
        "SELECT game_name, platform, channel_id, workspace FROM players JOIN tracks USING (player_id) "
        "JOIN channels USING (channel_id) ORDER BY channel_id"
    ) == [
        ("Ahri Fan", "euw1", "C1", "default"),
        ("Bear", "na1", "C2", "friends"),
    ]
    calls = len(sandbox.riot.requests)
    subprocess_bot.run("track", "--file", str(path))
    assert len(sandbox.riot.requests) == calls + 1  # the unknown one only
