"""The log tells why, without a secret; a person gets one clear line; cron gets no flood of mail."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import Bot

from lolslackbot.sandbox import Mishap, Sandbox

CANARIES = {"RIOT_API_KEY": "RGAPI-canary-1f3a", "SLACK_BOT_TOKEN": "xoxb-canary-77c2"}


def play(bot: Bot, sandbox: Sandbox) -> str:
    sandbox.slack.add_channel("C1")
    player = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    assert bot.run("track", "Ahri Fan#EUW", "--channel", "C1").status == 0
    return sandbox.riot.add_game([player], ended=datetime.now(UTC) + timedelta(seconds=1))


def test_one_search_follows_a_match_from_its_listing_to_its_message(bot: Bot, sandbox: Sandbox) -> None:
    match = play(bot, sandbox)
    bot.tick()
    story = "\n".join(line for line in bot.log.splitlines() if match in line)
    for chapter in ("new:", f"matches/{match} -> 200", "stored", "built for C1", "delivered, ts"):
        assert chapter in story, chapter


@pytest.mark.parametrize(
    "fault",
    [Mishap.status(500), Mishap.cut(accepted=True), Mishap.html(200), Mishap.json([]), Mishap.error("is_archived")],
)
def test_every_squelched_error_is_in_the_log_with_its_stack_trace_and_none_on_the_terminal(
    bot: Bot, sandbox: Sandbox, fault: Mishap
) -> None:
    play(bot, sandbox)
    for stage in ("fetch-matches", "build-messages"):
        bot.run(stage)
    sandbox.slack.misbehave(fault)
    result = bot.run("deliver")
    assert result.status == 1
    assert "Traceback" in bot.log
    assert "Traceback" not in result.out + result.err


@pytest.mark.parametrize(
    "fault",
    [
        Mishap.status(401),
        Mishap.status(403),
        Mishap.status(500),
        Mishap.redirect(302, "http://127.0.0.1:9/"),
        Mishap.cut(accepted=True),
        Mishap.bad_json(),
        Mishap.limited(1, "application"),
        Mishap.error("invalid_auth"),
    ],
)
def test_no_secret_reaches_the_terminal_the_log_or_the_database(bot: Bot, sandbox: Sandbox, fault: Mishap) -> None:
    play(bot, sandbox)
    bot.tick()
    bot.environment |= CANARIES  # unknown to the sandbox: every answer refuses them, or meets the fault
    sandbox.riot.misbehave(fault)
    sandbox.slack.misbehave(fault, method=None)
    bot.write("UPDATE messages SET state = 'pending', slack_ts = NULL")
    results = [bot.run("-vv", stage) for stage in ("fetch-matches", "deliver")]
    results.append(bot.run("-vv", "track", "New#EUW", "--channel", "C1"))
    told = "".join(result.out + result.err for result in results)
    for path in bot.home.iterdir():
        told += path.read_bytes().decode("utf-8", "replace")
    for name in CANARIES:
        assert CANARIES[name] not in told
        assert sandbox.settings[name] not in told


def test_a_foreign_host_never_sees_a_header_of_ours(bot: Bot, sandbox: Sandbox) -> None:
    match = play(bot, sandbox)
    with Sandbox(seed=2) as foreign:
        elsewhere = foreign.settings["LOLSLACKBOT_RIOT_URL"].format(routing="europe")
        sandbox.riot.misbehave(Mishap.redirect(302, elsewhere), endpoint=None)
        sandbox.slack.misbehave(Mishap.redirect(307, foreign.settings["LOLSLACKBOT_SLACK_URL"] + "chat.postMessage"))
        assert bot.run("fetch-matches").status == 75
        sandbox.riot.behave()
        assert bot.run("fetch-matches").status == 0
        bot.run("build-messages")
        assert bot.run("deliver").status == 1
        assert (foreign.riot.requests, foreign.slack.requests) == ([], [])
    assert bot.rows("SELECT match_id, state FROM messages") == [(match, "uncertain")]


def test_proxies_of_the_environment_are_not_used_for_loopback(bot: Bot, sandbox: Sandbox) -> None:
    play(bot, sandbox)
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    assert [result.status for result in bot.tick(**proxies)] == [0, 0, 0]
    assert len(sandbox.slack.posts) == 1


def test_quietly_a_failure_speaks_once_and_success_and_limits_never(bot: Bot, sandbox: Sandbox) -> None:
    play(bot, sandbox)
    bot.run("fetch-matches")
    bot.run("build-messages")
    sandbox.slack.misbehave(Mishap.limited(60), times=1)
    silent = bot.run("-q", "deliver")
    assert (silent.status, silent.out, silent.err) == (75, "", "")
    bot.write("DELETE FROM holds")
    sandbox.slack.revoke("default")
    spoken = bot.run("-q", "deliver")
    assert spoken.status == 77
    assert "invalid_auth" in spoken.err
    for _ in range(2):
        again = bot.run("-q", "deliver")
        assert (again.status, again.out, again.err) == (77, "", "")
    sandbox.slack.reinstate("default")
    fine = bot.run("-q", "deliver")
    assert (fine.status, fine.out, fine.err) == (0, "", "")
    assert len(sandbox.slack.posts) == 1


GOOD = ("track", "Ahri Fan#EUW", "--channel", "C1")
WRONG: list[tuple[tuple[str, ...], dict[str, str], str]] = [
    (("track",), {}, "--file"),
    (("track", "Ahri Fan", "--channel", "C1"), {}, "NAME#TAG"),
    (("track", "Ahri Fan#EUW"), {}, "--channel"),
    (("track", "Ahri Fan#EUW", "--channel", "#general"), {}, "--channel"),
    (("track", "Ahri Fan#EUW", "--channel", "general"), {}, "--channel"),
    ((*GOOD, "--platform", "euw"), {}, "--platform"),
    ((*GOOD, "--workspace", "my friends"), {}, "--workspace"),
    ((*GOOD, "--file", "players.csv"), {}, "--file"),
    (("track", "--file", "/nowhere/players.csv"), {}, "players.csv"),
    (("untrack", "Ahri Fan"), {}, "NAME#TAG"),
    (("-v", "-q", "deliver"), {}, "-q"),
    (("--nonsense", "deliver"), {}, "--nonsense"),
    (("deliver", "--nonsense"), {}, "--nonsense"),
    (("frobnicate",), {}, "frobnicate"),
    (GOOD, {"RIOT_API_KEY": ""}, "RIOT_API_KEY"),
    (GOOD, {"RIOT_API_KEY": "with space"}, "RIOT_API_KEY"),
    (GOOD, {"SLACK_BOT_TOKEN": "xoxp-a-users"}, "SLACK_BOT_TOKEN"),
    (GOOD, {"SLACK_BOT_TOKEN_FRIENDS": "xoxb-\nx"}, "SLACK_BOT_TOKEN_FRIENDS"),
    *[
        (GOOD, {f"LOLSLACKBOT_{name}": value}, f"LOLSLACKBOT_{name}")
        for name, value in (
            ("MAX_SECONDS", "soon"),
            ("MAX_SECONDS", "0"),
            ("MAX_WAIT", "-1"),
            ("MAX_WAIT", "nan"),
            ("ANNOUNCE_WITHIN", "12h"),
            ("UNCERTAIN_AFTER", "x"),
            ("UNCERTAIN", "maybe"),
            ("CHANNEL_LIMIT", "30"),
            ("CHANNEL_LIMIT", "0/3600"),
            ("MATCH_LINK", "https://example.org/{nonsense}"),
            ("MATCH_LINK", "javascript:alert(1)"),
            ("RIOT_URL", "http://example.org/{routing}"),
            ("RIOT_URL", "ftp://127.0.0.1"),
            ("SLACK_URL", "http://example.org/api/"),
            ("SLACK_URL", "https://user:pw@slack.com/api/"),
        )
    ],
]


@pytest.mark.parametrize(("arguments", "environment", "named"), WRONG)
def test_wrong_input_is_one_line_that_names_it_and_writes_nothing(
    bot: Bot, arguments: tuple[str, ...], environment: dict[str, str], named: str
) -> None:
    result = bot.run(*arguments, **environment)
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert named in result.err
    assert not bot.home.exists()
    for value in environment.values():
        if named.startswith(("RIOT_API", "SLACK_BOT")) and value:
            assert value not in result.err


def test_a_line_at_fault_in_a_file_stops_all_of_it(bot: Bot, sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "players.csv"
    path.write_text("riot_id,channel\nAhri Fan#EUW,C1\nBear,C1\n", "utf-8")
    result = bot.run("track", "--file", str(path))
    assert result.status == 2
    assert f"{path}, line 3: 'Bear' is no Riot ID" in result.err
    assert not bot.home.exists()
    assert sandbox.riot.requests == []


@pytest.mark.parametrize("name", ["LOLSLACKBOT_MAX_WAIT", "RIOT_API_KEY"])
def test_the_env_file_is_read_and_the_environment_wins(bot: Bot, sandbox: Sandbox, name: str) -> None:
    bot.home.mkdir()
    good = bot.environment.get(name, "10")
    bot.environment.pop(name, None)
    (bot.home / "env").write_text(f"{name}=with a space\n")
    result = bot.run(*GOOD)
    assert result.status == 2
    assert name in result.err
    sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    assert bot.run(*GOOD, **{name: good}).status == 0


def test_an_unknown_riot_id_and_a_refused_key_each_say_what_to_do(bot: Bot, sandbox: Sandbox) -> None:
    unknown = bot.run("track", "Nobody#EUW", "--channel", "C1")
    assert (unknown.status, unknown.out) == (1, "")
    assert "Riot knows no Nobody#EUW" in unknown.err
    refused = bot.run(*GOOD, RIOT_API_KEY="RGAPI-expired")
    assert refused.status == 77
    assert "renew it" in refused.err
    down = bot.run(*GOOD, LOLSLACKBOT_RIOT_URL="http://127.0.0.1:9/{routing}")
    assert down.status == 75


def test_the_alert_channel_hears_once_of_a_key_that_is_refused_and_nothing_else_changes(
    bot: Bot, sandbox: Sandbox
) -> None:
    sandbox.slack.add_channel("C1")
    sandbox.slack.add_channel("CALERTS")
    sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    bot.environment["LOLSLACKBOT_ALERT_CHANNEL"] = "CALERTS"
    assert bot.run("track", "Ahri Fan#EUW", "--channel", "C1", "--platform", "euw1").status == 0
    sandbox.riot.misbehave(Mishap.status(403), endpoint=None)
    for _ in range(3):
        fetched, _, delivered = bot.tick()
        assert (fetched.status, delivered.status) == (77, 0)
        assert bot.run("deliver", "--dry-run").status == 0
    (post,) = [each for each in sandbox.slack.posts if each.channel == "CALERTS"]
    assert "lolslackbot needs a person: riot is rejected since" in post.text
    assert len(sandbox.slack.posts) == 1
