"""The mistakes newcomers make: each is one line that says what is wrong and what to do; nothing is left half-done."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import Bot, Command, add_player, keys_in

from lolslackbot.sandbox import Mishap, Sandbox
from lolslackbot.store.database import Database

PLAYER = "Ahri Fan#EUW"
TRACK = ("track", PLAYER, "--channel", "C1")


# Typed or pasted wrongly: nobody is called, nothing is made

TYPED: list[tuple[tuple[str, ...], list[str]]] = [
    (("fetch-matches",), ["there is no database at ", "`lolslackbot track` makes one"]),
    (("deliver",), ["there is no database at ", "`lolslackbot track` makes one"]),
    (("track", "Ahri Fan", "--channel", "C1"), ["'NAME#TAG'", "'Ahri Fan' is no Riot ID", "it reads NAME#TAG"]),
    (("track", "Ahri", "Fan#EUW", "--channel", "C1"), ["'Ahri' is no Riot ID", "stands in quotes if it has a space"]),
    (("untrack", "Ahri Fan"), ["'Ahri Fan' is no Riot ID"]),
    (("track", PLAYER), ["--channel", "or --file"]),
    (("track", PLAYER, "--channel"), ["Option '--channel' requires an argument"]),  # an unquoted #general
    (("track", PLAYER, "--channel", "#general"), ["'#general' is no channel id", "open the channel's details"]),
    (("track", PLAYER, "--channel", "general"), ["'general' is no channel id"]),
    (
        ("track", PLAYER, "--channel", "https://example.org/C0123456789"),
        ["is no channel id", "the channel's link will do"],
    ),
    (("track", PLAYER, "--channel", "U0123456789"), ["is no channel id", "this is a person's"]),
    (("track", PLAYER, "--channel", "D0123456789"), ["is no channel id", "this is a direct message's"]),
    ((*TRACK, "--platform", "eu"), ["--platform", "'eu' is no platform", "euw1 (EUW)"]),
    (("status", "-q"), ["-q is an option of the whole program", "`lolslackbot -q status`"]),
    (("status", "--home", "x"), ["--home is an option of the whole program", "`lolslackbot --home … status`"]),
    (("channels", "set", "C1", "-v"), ["-v is an option of the whole program", "`lolslackbot -v channels set`"]),
    (("status", "--quickly"), ["No such option", "--quickly"]),
    (("status", "--database=x"), ["--database is an option of the whole program"]),
    (("restore",), ["give FILE or --in-place"]),
    (("retry", "--missing"), ["--yes"]),
    (("retry", "--message", "EUW1_1"), ["'--message' requires 2 arguments"]),
    ((*TRACK, "--workspace", "my friends"), ["--workspace", "letters, digits and _ only"]),
]


@pytest.mark.parametrize(("arguments", "words"), TYPED)
def test_what_is_typed_wrongly_is_named_with_what_it_should_be(
    in_process_bot: Bot, sandbox: Sandbox, arguments: tuple[str, ...], words: list[str]
) -> None:
    result = in_process_bot.run(*arguments)
    assert (result.status, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert [each for each in words if each not in result.err] == []
    assert not in_process_bot.home.exists()
    assert sandbox.riot.requests == []


MISPLACED = [
    ({"LOLSLACKBOT_ALERT_CHANNEL": "xoxb-1-topsecret"}, "LOLSLACKBOT_ALERT_CHANNEL cannot be used: "),
    ({"LOLSLACKBOT_MAX_SECONDS": "RGAPI-0000-topsecret"}, "LOLSLACKBOT_MAX_SECONDS cannot be used: "),
    ({"LOLSLACKBOT_SLACK_URL": "https://me:topsecret@slack.com/api/"}, "LOLSLACKBOT_SLACK_URL cannot be used: "),
    ({"LOLSLACKBOT_RIOT_URL": "https://r.example/?api_key=topsecret"}, "LOLSLACKBOT_RIOT_URL cannot be used: "),
    (
        {"LOLSLACKBOT_DATABASE": "mysql://me:topsecret@db/x"},
        "LOLSLACKBOT_DATABASE cannot be used: it looks like a",
    ),
    (
        {"LOLSLACKBOT_HOME": "$HOME/topsecret"},
        "LOLSLACKBOT_HOME cannot be used: it holds a variable like $HOME, which ",
    ),
]


@pytest.mark.parametrize(("environment", "words"), MISPLACED)
@pytest.mark.parametrize("arguments", [("status",), ("-vv", "deliver"), ("-q", "fetch-matches"), ("check",)])
def test_what_stands_in_the_wrong_setting_is_never_shown(
    in_process_command: Command, home: Path, arguments: tuple[str, ...], environment: dict[str, str], words: str
) -> None:
    at_home = "LOLSLACKBOT_HOME" not in environment
    result = in_process_command(*arguments, at_home=at_home, **environment)
    assert result.status == 2
    assert words in result.out + result.err
    assert "topsecret" not in result.out + result.err
    assert [path for path in home.glob("*") if "topsecret" in path.read_text()] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("track", PLAYER, "--channel", "xoxb-1-topsecret"), "'***' is no channel id"),
        (("untrack", "RGAPI-0-topsecret"), "'***' is no Riot ID"),
        (
            ("--database", "mysql://me:topsecret@db/x", "status"),
            "--database cannot be used: it looks like a URL of ",
        ),
        (("--home", "https://me:topsecret@db/x", "status"), "--home cannot be used: it looks like a URL: "),
    ],
)
def test_what_looks_like_a_key_or_token_is_not_repeated(
    in_process_command: Command, arguments: tuple[str, ...], words: str
) -> None:
    result = in_process_command(*arguments)
    assert result.status == 2
    assert words in result.out + result.err
    assert "topsecret" not in result.out + result.err


KEY, TOKEN = "RIOT_API_KEY", "SLACK_BOT_TOKEN"
RIGHT_KEY, RIGHT_TOKEN = "it takes the key from developer.riotgames.com", "it takes the 'Bot User OAuth Token'"
PASTED = [
    (KEY, "", "is not set: put it into the environment or into "),
    (KEY, "RGAPI-…", "holds a space, a line break or a character outside ASCII: copy it again"),  # as in the README
    (KEY, "“RGAPI-topsecret”", "holds a space, a line break or a character outside ASCII: copy it again"),
    (KEY, "RGAPI-top\nsecret", "holds a space, a line break or a character outside ASCII: copy it again"),
    (KEY, "xoxb-1-topsecret", f"holds a Slack token: {RIGHT_KEY}"),
    (KEY, "xoxe.xoxb-1-topsecret", f"holds a Slack token: {RIGHT_KEY}"),
    (TOKEN, "Bearer xoxb-topsecret", "holds a space, a line break or a character outside ASCII: copy it again"),
    (TOKEN, "RGAPI-topsecret", f"holds a Riot key: {RIGHT_TOKEN}"),
    (TOKEN, "xoxp-1-topsecret", f"holds a person's token: {RIGHT_TOKEN}"),
    (TOKEN, "xapp-1-topsecret", f"holds an app-level token: {RIGHT_TOKEN}"),
    (TOKEN, "xoxe.xoxb-topsecret", f"holds a token that expires (token rotation is on): {RIGHT_TOKEN}"),
    (TOKEN, "https://hooks.slack.com/services/topsecret", f"holds a link: {RIGHT_TOKEN}"),
]


@pytest.mark.parametrize(("name", "text", "words"), PASTED)
def test_what_is_pasted_wrongly_is_named_and_not_shown(
    in_process_bot: Bot, sandbox: Sandbox, name: str, text: str, words: str
) -> None:
    result = in_process_bot.run(*TRACK, **{name: text})
    assert (result.status, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert f"lolslackbot: {name} {words}" in result.err
    assert not text or text not in result.err
    assert "topsecret" not in result.err
    assert not in_process_bot.home.exists()
    assert sandbox.riot.requests == []


def test_an_env_file_from_windows_with_exports_and_quotes_is_read_and_a_wide_number_sign_too(
    in_process_bot: Bot, sandbox: Sandbox
) -> None:
    sandbox.riot.add_player("阿狸#KR1", platform="kr")
    in_process_bot.home.mkdir()
    key = in_process_bot.environment.pop(KEY)
    (in_process_bot.home / "env").write_bytes(f'\ufeffexport {KEY}="{key}"\r\n'.encode())
    assert in_process_bot.run("track", "阿狸＃KR1", "--channel", "C1").status == 0
    in_process_bot.environment[KEY] = f"'{key}'"  # as a tool that knows no quotes hands it on
    assert in_process_bot.run("track", "阿狸#KR1", "--channel", "C2").status == 0


def test_an_env_file_that_others_may_read_is_named_with_the_command_that_mends_it(
    in_process_bot: Bot, db: Database
) -> None:
    (in_process_bot.home / "env").touch(0o644)
    (in_process_bot.home / "env").chmod(0o644)
    env = in_process_bot.home / "env"
    assert f"warn  files: {env} is readable by others (mode 644); chmod 600 {env}\n" in in_process_bot.run("check").out


# What Riot does not know, or not any more


def test_a_wrong_tag_is_named(in_process_bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.add_player(PLAYER)
    result = in_process_bot.run("track", "Ahri Fan#EUN", "--channel", "C1")
    assert (result.status, result.out) == (1, "")
    assert result.err == "lolslackbot: Riot knows no Ahri Fan#EUN: check the spelling and the tag after the #\n"
    assert in_process_bot.rows("SELECT * FROM players") == in_process_bot.rows("SELECT * FROM channels") == []


def test_an_account_whose_platform_riot_does_not_know_is_tracked_with_the_one_that_is_named(
    in_process_bot: Bot, sandbox: Sandbox
) -> None:
    sandbox.riot.add_player(PLAYER)
    sandbox.riot.misbehave(Mishap.status(404), endpoint="region")
    result = in_process_bot.run(*TRACK)
    assert (result.status, result.out) == (1, "")
    assert result.err.endswith(f"Riot knows {PLAYER}, but not on which platform they play: name it with --platform\n")
    assert in_process_bot.rows("SELECT * FROM players") == []
    assert in_process_bot.run(*TRACK, "--platform", "euw1").status == 0


def test_a_wrong_platform_lists_nothing_and_why_says_so_with_the_command_that_mends_it(
    in_process_bot: Bot, sandbox: Sandbox
) -> None:
    ahri = sandbox.riot.add_player(PLAYER, platform="euw1")
    refused = in_process_bot.run(*TRACK, "--platform", "na1")
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.endswith(
        f"Riot says that {PLAYER} plays on euw1, not on na1: leave --platform out, or add --force\n"
    )
    assert in_process_bot.run(*TRACK, "--platform", "na1", "--force").status == 0
    match_id = sandbox.riot.add_game([ahri], ended=datetime.now(UTC) + timedelta(seconds=1))
    in_process_bot.run("fetch-matches")
    mend = 'track "Ahri Fan#EUW" --channel C1'
    assert f"na1 may be the wrong platform; to ask Riot: `lolslackbot {mend}`" in in_process_bot.run("why", PLAYER).out
    assert in_process_bot.run(*TRACK, "--platform", "euw1").status == 0
    in_process_bot.run("fetch-matches")
    assert in_process_bot.rows("SELECT match_id FROM matches") == [(match_id,)]


@pytest.mark.parametrize("status", [401, 403])
def test_an_expired_key_is_named_with_what_to_do(in_process_bot: Bot, sandbox: Sandbox, status: int) -> None:
    sandbox.riot.add_player(PLAYER, platform="euw1")
    in_process_bot.run(*TRACK)
    sandbox.riot.misbehave(Mishap.status(status), endpoint=None)
    for arguments in (("track", "Bear#EUW", "--channel", "C1"), ("fetch-matches",)):
        result = in_process_bot.run(*arguments)
        assert (result.status, len(result.err.splitlines())) == (77, 1)
        assert result.err.startswith(f"lolslackbot: Riot refuses RIOT_API_KEY ({status} ")
        assert "renew it at developer.riotgames.com; development keys end after 24 hours" in result.err
    assert len(in_process_bot.rows("SELECT * FROM players")) == 1


# A channel that nothing can be posted in


def unknown(sandbox: Sandbox) -> None:
    del sandbox.slack.channels["C1"]


NOT_FOUND = (
    "channel_not_found: compare the id with the channel's details in Slack, and /invite the bot if it is private"
)
HISTORY_ONLY = {"chat:write", "channels:history", "groups:history"}


def test_track_says_what_keeps_a_channel_from_hearing_anything(in_process_bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.add_player(PLAYER, platform="euw1")
    sandbox.slack.add_channel("C1")
    all_scopes = sandbox.slack.scopes["default"]
    cases = [
        (not_invited, all_scopes, "the bot is not in it: /invite it there"),
        (not_invited, HISTORY_ONLY, "Slack says not_in_channel: /invite the bot to the channel"),
        (archived, all_scopes, "it is archived: unarchive it in Slack"),
        (a_private_channel, all_scopes, f"Slack says {NOT_FOUND}"),
        (unknown, all_scopes, f"Slack says {NOT_FOUND}"),
        (unknown, HISTORY_ONLY, f"Slack says {NOT_FOUND}"),
    ]
    for mistake, scopes, words in cases:
        channel = sandbox.slack.add_channel("C1")
        channel.member, channel.archived, channel.private = True, False, False
        sandbox.slack.scopes["default"] = scopes
        mistake(sandbox)
        result = in_process_bot.run(*TRACK)
        assert result.status == 0
        assert " is announced in C1" in result.out
        assert result.err == f"lolslackbot: the bot cannot post in C1 yet: {words}\n"
    assert len(in_process_bot.rows("SELECT * FROM tracks")) == 1


def test_track_looks_at_each_channel_of_a_file_once(in_process_bot: Bot, sandbox: Sandbox, tmp_path: Path) -> None:
    for name in ("Ahri", "Bear", "Crab"):
        sandbox.riot.add_player(f"{name}#EUW", platform="euw1")
    sandbox.slack.add_channel("C1")
    rows = tmp_path / "players.csv"
    rows.write_text("riot_id,channel\nAhri#EUW,C1\nBear#EUW,C2\nCrab#EUW,C2\n")
    result = in_process_bot.run("track", "--file", str(rows))
    assert result.status == 0
    assert result.err.splitlines()[-1] == f"lolslackbot: the bot cannot post in C2 yet: Slack says {NOT_FOUND}"
    assert [request.method for request in sandbox.slack.requests] == ["conversations.info"] * 2


@pytest.mark.parametrize("why_not", ["no token", "revoked", "down", "other workspace", "silent scopes"])
def test_track_says_nothing_of_a_channel_that_nobody_can_tell_of(
    in_process_bot: Bot, sandbox: Sandbox, why_not: str
) -> None:
    sandbox.riot.add_player(PLAYER, platform="euw1")
    more: tuple[str, ...] = ()
    if why_not == "no token":
        in_process_bot.environment["SLACK_BOT_TOKEN"] = ""
    elif why_not == "revoked":
        sandbox.slack.revoke()
    elif why_not == "down":
        sandbox.slack.stop()
    elif why_not == "silent scopes":
        sandbox.slack.scopes["default"] = {"chat:write"}
    else:
        more = ("--workspace", "acme")
    result = in_process_bot.run(*TRACK, *more)
    assert (result.status, "nothing can be posted" in result.err) == (0, False)
    assert len(in_process_bot.rows("SELECT * FROM tracks")) == 1


# What Slack refuses


def not_invited(sandbox: Sandbox) -> None:
    sandbox.slack.channels["C1"].member = False


def a_private_channel(sandbox: Sandbox) -> None:
    sandbox.slack.channels["C1"].member, sandbox.slack.channels["C1"].private = False, True


def archived(sandbox: Sandbox) -> None:
    sandbox.slack.channels["C1"].archived = True


def no_scope(sandbox: Sandbox) -> None:
    sandbox.slack.scopes["default"] = {"channels:history"}


def removed(sandbox: Sandbox) -> None:
    sandbox.slack.revoke()


RETRY = "then `lolslackbot retry --channel C1`"
REFUSED = [
    (not_invited, 1, f"failed: not_in_channel; /invite the bot to the channel, {RETRY}", "failed"),
    (
        a_private_channel,
        1,
        "failed: channel_not_found; compare the id with the channel's details in Slack, and /invite the bot if it is "
        f"private, {RETRY}",
        "failed",
    ),
    (archived, 1, f"failed: is_archived; unarchive the channel, {RETRY}", "failed"),
    (
        no_scope,
        77,
        "default: missing_scope (needed chat:write); add that scope to the app, and install it again",
        "pending",
    ),
    (removed, 77, "default: invalid_auth; install the app again, and copy its Bot User OAuth Token", "pending"),
]


@pytest.mark.parametrize(("mistake", "status", "words", "state"), REFUSED)
def test_what_slack_refuses_is_named_with_what_to_do_and_goes_out_once_when_that_is_done(
    in_process_bot: Bot, sandbox: Sandbox, mistake: Callable[[Sandbox], None], status: int, words: str, state: str
) -> None:
    ahri = sandbox.riot.add_player(PLAYER, platform="euw1")
    channel = sandbox.slack.add_channel("C1")
    scopes = sandbox.slack.scopes["default"]
    in_process_bot.run(*TRACK)
    match_id = sandbox.riot.add_game([ahri], ended=datetime.now(UTC) + timedelta(seconds=1))
    for stage in ("fetch-matches", "build-messages"):
        in_process_bot.run(stage)
    mistake(sandbox)
    result = in_process_bot.run("deliver")
    assert result.status == status
    (line,) = [each for each in result.err.splitlines() if each.startswith("ERROR")]
    assert line.endswith(words)
    assert in_process_bot.rows("SELECT state FROM messages") == [(state,)]
    in_process_bot.rest()
    channel.member, channel.archived, sandbox.slack.scopes["default"] = True, False, scopes
    sandbox.slack.reinstate()
    if state == "failed":
        assert in_process_bot.run("retry", "--channel", "C1", "--yes").status == 0
    assert in_process_bot.run("deliver").status == 0
    assert keys_in(sandbox, "C1") == [f"{match_id}:C1"]


# Cron, which hands on neither PATH nor HOME nor a language


def test_with_an_empty_environment_it_works_and_prints_any_name(db: Database, home: Path) -> None:
    add_player(db)
    with db.transaction():
        db.write("UPDATE players SET game_name = '阿狸'")
    command = [sys.executable, "-m", "lolslackbot", "--home", str(home), "players"]
    result = subprocess.run(command, env={}, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    assert "阿狸#EUW" in result.stdout.decode()


# A machine without a language


POSIX = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_names_are_utf_8_in_a_locale_that_knows_none(subprocess_bot: Bot, sandbox: Sandbox, tmp_path: Path) -> None:
    for name in ("Zoë 阿狸#EUW", "Bär#EUW"):
        sandbox.riot.add_player(name, platform="euw1")
    rows = tmp_path / "spieler-é.csv"
    rows.write_text("riot_id,channel\nBär#EUW,C1\n", "utf-8")
    home = str(tmp_path / "zuhause-é")
    for arguments in (("track", "Zoë 阿狸#EUW", "--channel", "C1"), ("track", "--file", str(rows))):
        process = subprocess_bot.start("--home", home, *arguments, environment=POSIX)
        assert (process.communicate(timeout=60)[1].count("refused"), process.returncode) == (0, 0)
    (Path(home) / "env").write_text("LOLSLACKBOT_DATABASE=lol-é.db\n", "utf-8")
    (Path(home) / "lolslackbot.db").rename(Path(home) / "lol-é.db")
    (Path(home) / "env").chmod(0o600)
    listed = subprocess_bot.start("--home", home, "players", "--json", environment=POSIX)
    out, err = listed.communicate(timeout=60)
    assert (listed.returncode, err) == (0, "")
    assert [each["player"] for each in json.loads(out)] == ["Zoë 阿狸#EUW", "Bär#EUW"]


@pytest.mark.parametrize("locale", [{}, POSIX])
def test_an_argument_that_is_not_utf_8_is_one_line(home: Path, locale: dict[str, str]) -> None:
    command = [sys.executable.encode(), b"-m", b"lolslackbot", b"--home", bytes(home), b"untrack", b"Zo\xeb#EUW"]
    result = subprocess.run(command, env=locale, capture_output=True, check=False)
    assert (result.returncode, result.stdout, result.stderr.count(b"\n")) == (2, b"", 1)
    assert b"is not UTF-8" in result.stderr
