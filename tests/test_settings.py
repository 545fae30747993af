"""Settings: every value and fault as one table; a fault names its variable and shows no secret."""

import re
from pathlib import Path
from typing import Any

import pytest

from lolslackbot.errors import ConfigError
from lolslackbot.settings import (
    MATCH_LINK,
    ChannelLimit,
    FaultySetting,
    Secret,
    Settings,
    Unknown,
    default_home,
    empty_settings,
    read_settings,
    token_name,
    unknown_settings,
)

KEY = "RGAPI-00000000-aaaa-bbbb-cccc-121212121212"
TOKEN = "xoxb-1-2-abcdefABCDEF"


def read(home: Path, **environment: str) -> Settings:
    return read_settings(str(home), None, environment)


def fault_of(home: Path, **environment: str) -> str:
    """The one line that says what is wrong."""
    with pytest.raises(ConfigError) as caught:
        read(home, **environment)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.fixture
def env(home: Path) -> Path:
    """The `env` file, its folder made."""
    home.mkdir()
    return home / "env"


# Defaults and where things live


def test_without_any_setting_the_defaults_of_the_contract_hold(home: Path) -> None:
    settings = read(home)
    assert settings == Settings(
        home=str(home),
        database=f"{home}/lolslackbot.db",
        riot_api_key=None,
        slack_tokens={},
        max_seconds=80,
        max_wait=10,
        announce_within=43200,
        uncertain_after=600,
        resend_uncertain=True,
        channel_limit=ChannelLimit(30, 3600),
        keep_days=365,
        match_link=MATCH_LINK,
        riot_url="https://{routing}.api.riotgames.com",
        slack_url="https://slack.com/api/",
    )
    assert settings.log == f"{home}/lolslackbot.log"
    assert settings.secrets == ()


def test_reading_settings_makes_nothing(home: Path) -> None:
    read(home)
    assert not home.exists()


def test_the_home_folder_is_the_environments_or_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ahri")
    assert default_home({}, "/home/ahri/.config/lolslackbot") == "/home/ahri/.config/lolslackbot"
    assert default_home({"LOLSLACKBOT_HOME": ""}, "/app") == "/app"
    assert default_home({"LOLSLACKBOT_HOME": "/srv/bot"}, "/app") == "/srv/bot"
    assert default_home({"LOLSLACKBOT_HOME": "~/bot"}, "/app") == "/home/ahri/bot"


@pytest.mark.parametrize(
    ("option", "named", "expected"),
    [
        (None, None, "HOME/lolslackbot.db"),
        (None, "", "HOME/lolslackbot.db"),
        (None, "other.db", "HOME/other.db"),  # relative to home
        (None, "/srv/other.db", "/srv/other.db"),
        (None, "~/other.db", "/home/ahri/other.db"),
        ("/tmp/option.db", "/srv/other.db", "/tmp/option.db"),
        ("option.db", None, "option.db"),  # relative to where the command is given
    ],
)
def test_the_database_is_the_options_or_the_settings_or_the_homes(
    home: Path, monkeypatch: pytest.MonkeyPatch, option: str | None, named: str | None, expected: str
) -> None:
    monkeypatch.setenv("HOME", "/home/ahri")
    environment = {} if named is None else {"LOLSLACKBOT_DATABASE": named}
    settings = read_settings(str(home), option, environment)
    assert settings.database == expected.replace("HOME", str(home))


@pytest.mark.parametrize("name", ["LOLSLACKBOT_DATABASE", "LOLSLACKBOT_HOME"])
def test_the_home_of_a_user_who_does_not_exist_is_a_fault_that_names_the_variable(home: Path, name: str) -> None:
    environment = {name: "~no-such-user-at-all/bot"}
    with pytest.raises(ConfigError, match=name):
        read_settings(default_home(environment, str(home)), None, environment)


# Values

GOOD = [
    ("MAX_SECONDS", "1", "max_seconds", 1.0),
    ("MAX_SECONDS", " 170.5 ", "max_seconds", 170.5),
    ("MAX_SECONDS", "", "max_seconds", 80),
    ("MAX_SECONDS", "  ", "max_seconds", 80),
    ("MAX_WAIT", "0", "max_wait", 0.0),
    ("MAX_WAIT", "130", "max_wait", 130.0),
    ("MAX_WAIT", "", "max_wait", 10),
    ("ANNOUNCE_WITHIN", "1", "announce_within", 1.0),
    ("ANNOUNCE_WITHIN", "1e9", "announce_within", 1e9),
    ("ANNOUNCE_WITHIN", "", "announce_within", 43200),
    ("UNCERTAIN_AFTER", "0", "uncertain_after", 0.0),
    ("UNCERTAIN_AFTER", "3600", "uncertain_after", 3600.0),
    ("UNCERTAIN_AFTER", "", "uncertain_after", 600),
    ("UNCERTAIN", "resend", "resend_uncertain", True),
    ("UNCERTAIN", " hold ", "resend_uncertain", False),
    ("UNCERTAIN", "", "resend_uncertain", True),
    ("CHANNEL_LIMIT", "1/1", "channel_limit", ChannelLimit(1, 1)),
    ("CHANNEL_LIMIT", " 5/60 ", "channel_limit", ChannelLimit(5, 60)),
    ("CHANNEL_LIMIT", "999999999/999999999", "channel_limit", ChannelLimit(999999999, 999999999)),
    ("CHANNEL_LIMIT", "", "channel_limit", ChannelLimit(30, 3600)),
    ("WORKERS", "", "workers", 1),
    ("WORKERS", " 8 ", "workers", 8),
    ("KEEP_DAYS", "", "keep_days", 365),
    ("KEEP_DAYS", " 0 ", "keep_days", 0),
    ("KEEP_DAYS", "36500", "keep_days", 36500),
    ("ALERT_CHANNEL", " C0123456789 ", "alert_channel", "C0123456789"),
    ("ALERT_CHANNEL", "G0123456789", "alert_channel", "G0123456789"),
    ("ALERT_CHANNEL", "", "alert_channel", ""),
    ("MATCH_LINK", "", "match_link", ""),  # no link
    ("MATCH_LINK", " ", "match_link", ""),
    ("MATCH_LINK", "https://x.example/{platform}/{game_id}", "match_link", "https://x.example/{platform}/{game_id}"),
    ("MATCH_LINK", "http://x.example/?m={match_id}#top", "match_link", "http://x.example/?m={match_id}#top"),
    ("MATCH_LINK", "https://x.example/{server}", "match_link", "https://x.example/{server}"),
    ("MATCH_LINK", "https://x.example/", "match_link", "https://x.example/"),
    ("RIOT_URL", "", "riot_url", "https://{routing}.api.riotgames.com"),
    ("RIOT_URL", "https://{routing}.example/", "riot_url", "https://{routing}.example"),
    ("RIOT_URL", "https://proxy.example/riot/{routing}/", "riot_url", "https://proxy.example/riot/{routing}"),
    ("RIOT_URL", "http://127.0.0.1:8080/{routing}", "riot_url", "http://127.0.0.1:8080/{routing}"),
    ("RIOT_URL", "http://localhost:8080", "riot_url", "http://localhost:8080"),
    ("RIOT_URL", "http://LOCALHOST/{routing}", "riot_url", "http://LOCALHOST/{routing}"),
    ("SLACK_URL", "", "slack_url", "https://slack.com/api/"),
    ("DDRAGON_URL", "", "ddragon_url", ""),  # never asked
    ("DDRAGON_URL", "https://ddragon.example/", "ddragon_url", "https://ddragon.example"),
    ("DDRAGON_URL", "http://127.0.0.1:8080", "ddragon_url", "http://127.0.0.1:8080"),
    ("SLACK_URL", "https://slack.example/api", "slack_url", "https://slack.example/api/"),
    ("SLACK_URL", "https://slack.example/api//", "slack_url", "https://slack.example/api/"),
    ("SLACK_URL", "HTTPS://slack.example/api/", "slack_url", "HTTPS://slack.example/api/"),
    ("SLACK_URL", "https://slack.example:65535/api/", "slack_url", "https://slack.example:65535/api/"),
    ("SLACK_URL", "http://127.9.9.9:1/", "slack_url", "http://127.9.9.9:1/"),
    ("SLACK_URL", "http://[::1]:8080/api/", "slack_url", "http://[::1]:8080/api/"),
]


@pytest.mark.parametrize(("name", "text", "attribute", "expected"), GOOD)
def test_a_good_value_is_taken(home: Path, name: str, text: str, attribute: str, expected: Any) -> None:
    settings = read(home, **{f"LOLSLACKBOT_{name}": text})
    assert getattr(settings, attribute) == expected


SECONDS = "a number of seconds, at least"
NOT_A_URL = "is not a URL"
NO_HTTPS = "begins with https://"
LOOPBACK = "plain http is allowed for loopback addresses only"
EXTRAS = "no user, query or fragment"
LIMIT = "MESSAGES/SECONDS"

BAD = [
    ("MAX_SECONDS", "0", f"{SECONDS} 1"),
    *(("WORKERS", each, "it must be a whole number of processes") for each in ("0", "-1", "1.5", "65", "many", "٣")),
    *(("KEEP_DAYS", each, "it must be a whole number of days") for each in ("-1", "1.5", "36501", "never", "٣")),
    ("MAX_SECONDS", "-1", f"{SECONDS} 1"),
    ("MAX_SECONDS", "soon", f"{SECONDS} 1"),
    ("MAX_SECONDS", "80s", f"{SECONDS} 1"),
    ("MAX_SECONDS", "nan", f"{SECONDS} 1"),
    ("MAX_SECONDS", "inf", f"{SECONDS} 1"),
    ("MAX_SECONDS", "1e10", f"{SECONDS} 1"),
    ("MAX_WAIT", "-0.1", f"{SECONDS} 0"),
    ("MAX_WAIT", "ten", f"{SECONDS} 0"),
    ("ANNOUNCE_WITHIN", "0.5", f"{SECONDS} 1"),
    ("UNCERTAIN_AFTER", "-1", f"{SECONDS} 0"),
    ("UNCERTAIN", "Hold", "resend or hold"),
    ("UNCERTAIN", "never", "resend or hold"),
    ("CHANNEL_LIMIT", "30", LIMIT),
    ("CHANNEL_LIMIT", "0/3600", LIMIT),
    ("CHANNEL_LIMIT", "30/0", LIMIT),
    ("CHANNEL_LIMIT", "-1/60", LIMIT),
    ("CHANNEL_LIMIT", "30 / 60", LIMIT),
    ("CHANNEL_LIMIT", "30/60/1", LIMIT),
    ("CHANNEL_LIMIT", "1.5/60", LIMIT),
    ("CHANNEL_LIMIT", "9999999999/1", LIMIT),
    ("ALERT_CHANNEL", "#general", "a channel's id"),
    ("ALERT_CHANNEL", "general", "a channel's id"),
    ("ALERT_CHANNEL", "U0123456789", "a channel's id"),
    ("MATCH_LINK", "www.example.org", NO_HTTPS),
    ("MATCH_LINK", "ftp://x.example/{match_id}", NO_HTTPS),
    ("MATCH_LINK", "https://", NO_HTTPS),
    ("MATCH_LINK", "https:///{match_id}", NO_HTTPS),
    ("MATCH_LINK", "https://:443/{match_id}", NO_HTTPS),
    ("MATCH_LINK", "https://x.example/a b", NO_HTTPS),
    ("MATCH_LINK", "https://x.example/<!channel>", NO_HTTPS),
    ("MATCH_LINK", "https://x.example/|{match_id}", NO_HTTPS),
    ("MATCH_LINK", "https://x.example/{region}", "{game_id}, {match_id}, {platform}, {server} and no other braces"),
    ("MATCH_LINK", "https://x.example/{}", "no other braces"),
    ("MATCH_LINK", "https://x.example/{match_id!r}", "no other braces"),
    ("MATCH_LINK", "https://x.example/{match_id:>9}", "no other braces"),
    ("MATCH_LINK", "https://x.example/{match_id.__class__}", "no other braces"),
    ("MATCH_LINK", "https://x.example/{match_id[0]}", "no other braces"),
    ("MATCH_LINK", "https://x.example/{match_id", "its braces do not match"),
    ("MATCH_LINK", "https://x.example/}", "its braces do not match"),
    ("RIOT_URL", "https://{platform}.api.riotgames.com", "may hold {routing}"),
    ("RIOT_URL", "https://{routing", "its braces do not match"),
    ("RIOT_URL", "http://{routing}.api.riotgames.com", LOOPBACK),
    ("RIOT_URL", "http://192.168.0.1/{routing}", LOOPBACK),
    ("RIOT_URL", "http://localhost.example/{routing}", LOOPBACK),
    ("RIOT_URL", "http://127.0.0.1.example/{routing}", LOOPBACK),
    ("RIOT_URL", "http://0.0.0.0/{routing}", LOOPBACK),
    ("RIOT_URL", "{routing}.api.riotgames.com", NO_HTTPS),
    ("DDRAGON_URL", "ddragon.example", NO_HTTPS),
    ("DDRAGON_URL", "http://ddragon.example", LOOPBACK),
    ("DDRAGON_URL", "https://me@ddragon.example", EXTRAS),
    ("SLACK_URL", "slack.com/api", NO_HTTPS),
    ("SLACK_URL", "file:///etc/passwd", NO_HTTPS),
    ("SLACK_URL", "https:slack.com", NO_HTTPS),
    ("SLACK_URL", "https://slack .com/api", NO_HTTPS),
    ("SLACK_URL", "https://:443/api", NO_HTTPS),
    ("SLACK_URL", "https://[::1/api", NOT_A_URL),
    ("SLACK_URL", "https://slack.com:https/api", NOT_A_URL),
    ("SLACK_URL", "https://slack.com:65536/api", NOT_A_URL),
    ("SLACK_URL", "https://slack.com:999999/api", NOT_A_URL),
    ("SLACK_URL", "https://slack.com\\@evil.example/api", EXTRAS),
    ("SLACK_URL", "https://slack.com／evil.example/api", NOT_A_URL),
    ("SLACK_URL", "http://[::2]/api", LOOPBACK),
    ("SLACK_URL", "http://[127.0.0.1]/api", NOT_A_URL),
    ("SLACK_URL", "http://slack.com/api/", LOOPBACK),
    ("SLACK_URL", "https://me@slack.com/api/", EXTRAS),
    ("SLACK_URL", "https://slack.com/api/?a=b", EXTRAS),
    ("SLACK_URL", "https://slack.com/api/#a", EXTRAS),
]


@pytest.mark.parametrize(("name", "text", "remedy"), BAD)
def test_a_fault_names_its_variable_and_what_it_may_be(home: Path, name: str, text: str, remedy: str) -> None:
    fault = fault_of(home, **{f"LOLSLACKBOT_{name}": text})
    assert fault.startswith(f"LOLSLACKBOT_{name} cannot be used: ")
    assert remedy in fault


@pytest.mark.parametrize("text", ["https://slack.com/api/?", "https://slack.com/api/#", "https://@slack.com/api/"])
def test_an_empty_query_fragment_or_user_is_refused_too(home: Path, text: str) -> None:
    assert EXTRAS in fault_of(home, LOLSLACKBOT_SLACK_URL=text)


@pytest.mark.parametrize("name", ["MATCH_LINK", "RIOT_URL"])
def test_doubled_braces_are_other_braces(home: Path, name: str) -> None:
    field = "{{match_id}}" if name == "MATCH_LINK" else "{{routing}}"
    assert "no other braces" in fault_of(home, **{f"LOLSLACKBOT_{name}": f"https://x.example/{field}"})


NAMES = sorted({name for name, _, _ in BAD} | {"HOME", "DATABASE"})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "form", ["{}", "https://me:{}@h.example/", "https://h.example/?t={}", "~{}", "a://{}", "$x/{}"]
)
def test_the_value_of_a_faulty_setting_is_never_shown(home: Path, name: str, form: str) -> None:
    environment = {f"LOLSLACKBOT_{name}": form.format("hunter2hunter2")}
    harmless = {"HOME": "{ha", "DATABASE": "{", "MATCH_LINK": "h"}.get(name, "")
    if form[0] in harmless:
        return  # nearly anything is a path, and a link may say more
    with pytest.raises(ConfigError) as caught:
        read_settings(default_home(environment, str(home)), None, environment)
    assert str(caught.value).startswith(f"LOLSLACKBOT_{name} cannot be used: ")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["HOME", "DATABASE"])
@pytest.mark.parametrize("text", ["$HOME/bot", "${HOME}/bot", "/srv/$USER/bot"])
def test_a_variable_that_cron_does_not_expand_is_refused_with_that_reason(home: Path, name: str, text: str) -> None:
    environment = {f"LOLSLACKBOT_{name}": text}
    with pytest.raises(ConfigError) as caught:
        read_settings(default_home(environment, str(home)), None, environment)
    assert str(caught.value) == (
        f"LOLSLACKBOT_{name} cannot be used: it holds a variable like $HOME, which neither cron nor the `env` file "
        "expands: write the path in full"
    )


@pytest.mark.parametrize(
    "text",
    [
        "mysql://me:pw@db/bot",
        "sqlite:///x.db",
        "file:x.db",
        "HTTPS://x",
        "sqlite:x",
        "host=db password=pw",
        "postgres:me:pw@db/bot",
    ],
)
def test_a_database_that_looks_like_a_url_is_refused(home: Path, text: str) -> None:
    fault = fault_of(home, LOLSLACKBOT_DATABASE=text)
    assert fault == (
        "LOLSLACKBOT_DATABASE cannot be used: it looks like a URL of no kind that is known: "
        "write a path, or postgresql://USER@HOST/DATABASE"
    )


def test_a_home_that_looks_like_a_url_is_refused(home: Path) -> None:
    environment = {"LOLSLACKBOT_HOME": "https://me:topsecret@host/bot"}
    with pytest.raises(FaultySetting) as caught:
        default_home(environment, str(home))
    assert str(caught.value) == ("LOLSLACKBOT_HOME cannot be used: it looks like a URL: write the path of a folder")


@pytest.mark.parametrize("text", ["a:b.db", "/srv/a:/b.db", "cost$.db", "./file.db", "~/x.db"])
def test_an_odd_path_is_a_path(home: Path, text: str) -> None:
    assert read(home, LOLSLACKBOT_DATABASE=text).database


# Names


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("LOLSLACKBOT_MAX_SECOND", "LOLSLACKBOT_MAX_SECONDS"),
        ("LOLSLACKBOT_ANOUNCE_WITHIN", "LOLSLACKBOT_ANNOUNCE_WITHIN"),
        ("LOLSLACKBOT_RIOT_API_KEY", "RIOT_API_KEY"),
        ("LOLSLACKBOT_DB", None),
        ("LOLSLACKBOT_", None),
        ("SLACK_TOKEN", "SLACK_BOT_TOKEN"),
        ("SLACK_BOT_TOKENS", "SLACK_BOT_TOKEN"),
        ("SLACKBOT_TOKEN", "SLACK_BOT_TOKEN"),
        ("SLACK_BOT_TOKEN_A-B", "SLACK_BOT_TOKEN"),
        ("RIOT_KEY", "RIOT_API_KEY"),
        ("RIOT_API_TOKEN", "RIOT_API_KEY"),
    ],
)
def test_a_misspelt_setting_is_found_with_the_likely_right_name(env: Path, name: str, likely: str | None) -> None:
    assert unknown_settings(str(env.parent), {name: "x"}) == [Unknown(name, "the environment", likely)]
    if name.isidentifier():
        env.write_text(f"{name}=x\n")
        assert unknown_settings(str(env.parent), {}) == [Unknown(name, str(env), likely)]


def test_what_is_a_setting_or_another_programs_is_not_found(env: Path) -> None:
    source = (Path(__file__).resolve().parent.parent / "README.md").read_text("utf-8")
    known = {name for name in re.findall(r"`([A-Z][A-Z_]+[A-Z])`", source) if "_" in name} - {"CHANNEL_LIMIT"}
    assert known >= {"LOLSLACKBOT_MAX_SECONDS", "RIOT_API_KEY", "SLACK_BOT_TOKEN", "SSL_CERT_FILE", "HTTPS_PROXY"}
    more = {"SLACK_BOT_TOKEN_ACME", "https_proxy", "no_proxy", "LOLSLACKBOT_HOME"}
    assert unknown_settings(str(env.parent), dict.fromkeys(known | more, "x")) == []
    env.write_text("".join(f"{name}=x\n" for name in known | more))
    assert unknown_settings(str(env.parent), {"PATH": "x", "SLACK_WEBHOOK_URL": "x", "RIOT_GAMES": "x"}) == []
    env.write_text("PATH=x\n")  # that file is ours
    assert unknown_settings(str(env.parent), {}) == [Unknown("PATH", str(env), None)]


# The way out


def test_the_variables_of_the_way_out_count_in_the_env_file_and_the_environment_wins_in_any_case(env: Path) -> None:
    env.write_text("HTTPS_PROXY=http://me:pw@file:1\nno_proxy=file\nSSL_CERT_FILE=file\nOTHER=file\n")
    assert dict(read(env.parent).network) == {
        "HTTPS_PROXY": "http://me:pw@file:1",
        "no_proxy": "file",
        "SSL_CERT_FILE": "file",
    }
    settings = read(env.parent, https_proxy="http://you:word@here:1", NO_PROXY="", SSL_CERT_FILE="here")
    assert dict(settings.network) == {"https_proxy": "http://you:word@here:1", "NO_PROXY": "", "SSL_CERT_FILE": "here"}
    assert set(settings.secrets) == {"you:word", "word", "eW91OndvcmQ="}
    assert "word" not in repr(settings)


# Keys and tokens


@pytest.mark.parametrize("text", [KEY, f"  {KEY}\n", f"'{KEY}'", f' " {KEY}" '])
def test_the_key_is_taken_without_the_white_space_and_quotes_around_it(home: Path, text: str) -> None:
    settings = read(home, RIOT_API_KEY=text)
    assert settings.need_riot_key() == KEY
    assert settings.secrets == (KEY,)


@pytest.mark.parametrize("text", ["", "  ", "\n", "''"])
def test_an_empty_key_or_token_is_none_and_the_line_says_where_to_put_it(home: Path, text: str) -> None:
    settings = read(home, RIOT_API_KEY=text, SLACK_BOT_TOKEN=text, SLACK_BOT_TOKEN_ACME=text)
    with pytest.raises(ConfigError) as caught:
        settings.need_riot_key()
    assert str(caught.value) == f"RIOT_API_KEY is not set: put it into the environment or into {home / 'env'}"
    for workspace, name in [("default", "SLACK_BOT_TOKEN"), ("Acme", "SLACK_BOT_TOKEN_ACME")]:
        with pytest.raises(ConfigError) as caught:
            settings.need_slack_token(workspace)
        assert str(caught.value).startswith(f"{name} is not set: ")
        assert str(home / "env") in str(caught.value)


@pytest.mark.parametrize("name", ["RIOT_API_KEY", "SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN_ACME"])
@pytest.mark.parametrize("inner", [" ", "\n", "\r\n", "\t", "\x00", "é", "’", "\u202e"])
def test_what_no_header_can_carry_is_refused_without_being_shown(home: Path, name: str, inner: str) -> None:
    fault = fault_of(home, **{name: f"xoxb-top{inner}secret"})
    assert fault.startswith(name)
    assert "top" not in fault
    assert "secret" not in fault


def test_each_workspace_has_its_own_token_by_its_name_in_any_case(home: Path) -> None:
    settings = read(
        home,
        SLACK_BOT_TOKEN="xoxb-0",
        SLACK_BOT_TOKEN_ACME="xoxb-1",
        SLACK_BOT_TOKEN_team_2="xoxb-2",
        SLACK_BOT_TOKEN_="xoxb-nobody",
        SLACK_BOT_TOKENS="xoxb-nobody",
        **{"SLACK_BOT_TOKEN_A-B": "xoxb-nobody"},
    )
    assert dict(settings.slack_tokens) == {"default": "xoxb-0", "acme": "xoxb-1", "team_2": "xoxb-2"}
    assert settings.need_slack_token("default") == "xoxb-0"
    assert settings.need_slack_token("Acme") == "xoxb-1"
    assert settings.need_slack_token("TEAM_2") == "xoxb-2"
    assert set(settings.secrets) == {"xoxb-0", "xoxb-1", "xoxb-2"}


@pytest.mark.parametrize(
    ("workspace", "name"),
    [("default", "SLACK_BOT_TOKEN"), ("DEFAULT", "SLACK_BOT_TOKEN"), ("acme_1", "SLACK_BOT_TOKEN_ACME_1")],
)
def test_a_workspaces_setting_is_its_name_in_upper_case(workspace: str, name: str) -> None:
    assert token_name(workspace) == name


@pytest.mark.parametrize("kind", ["xoxp-", "xapp-", "xoxs-", "xoxc-"])
@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN_ACME"])
def test_another_kind_of_token_is_refused_without_being_shown(home: Path, name: str, kind: str) -> None:
    fault = fault_of(home, **{name: f"{kind}1-topsecret"})
    assert fault.startswith(name)
    assert "xoxb-" in fault
    assert "topsecret" not in fault


def test_settings_show_no_secret(home: Path) -> None:
    settings = read(home, RIOT_API_KEY=KEY, SLACK_BOT_TOKEN=TOKEN)
    assert KEY not in repr(settings)
    assert TOKEN not in repr(settings)
    assert f"{settings.riot_api_key!r}" == "***"
    assert "%r" % Secret("x") == "***"  # noqa: UP031 - as logging does


# The env file


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (f"RIOT_API_KEY={KEY}", KEY),
        (f"RIOT_API_KEY = {KEY}", KEY),
        (f"  RIOT_API_KEY={KEY}  ", KEY),
        (f"export RIOT_API_KEY={KEY}", KEY),
        (f"export   RIOT_API_KEY={KEY}", KEY),
        (f'RIOT_API_KEY="{KEY}"', KEY),
        (f"RIOT_API_KEY='{KEY}'", KEY),
        (f"RIOT_API_KEY='{KEY}' # renewed on Monday", KEY),
        (f"RIOT_API_KEY={KEY} # renewed on Monday", KEY),
        (f"RIOT_API_KEY={KEY}\t# renewed on Monday", KEY),
        ("RIOT_API_KEY=a#b", "a#b"),  # within a line, # begins a comment only after a space
        ("RIOT_API_KEY='a#b'", "a#b"),
        ("RIOT_API_KEY=a=b", "a=b"),
        ("RIOT_API_KEY=a'b", "a'b"),
        ("RIOT_API_KEY='a\"b'", 'a"b'),
        (f"# the key\n\n   \nRIOT_API_KEY={KEY}", KEY),
        (f"  # RIOT_API_KEY=old\nRIOT_API_KEY={KEY}", KEY),
        (f"RIOT_API_KEY=old\nRIOT_API_KEY={KEY}", KEY),  # the last one holds, as in a shell
        (f"\ufeffRIOT_API_KEY={KEY}", KEY),
        (f"# made on Windows\r\nRIOT_API_KEY={KEY}\r\n", KEY),
        (f"\ufeffRIOT_API_KEY='{KEY}'\r\n\r\n", KEY),
        ("RIOT_API_KEY=", None),
        ("RIOT_API_KEY=''", None),
        ("RIOT_API_KEY=# later", None),
        ("RIOT_API_KEY= # later", None),
        (f"UNKNOWN=1\nRIOT_API_KEY={KEY}", KEY),
        ("", None),
    ],
)
def test_the_env_file_may_be_written_as_people_write_such_files(env: Path, line: str, value: str | None) -> None:
    env.write_bytes(line.encode())
    assert read(env.parent).riot_api_key == value


@pytest.mark.parametrize(
    "line",
    [
        "TOPSECRET",
        "=TOPSECRET",
        "1NAME=TOPSECRET",
        "NA ME=TOPSECRET",
        "RIOT-API-KEY=TOPSECRET",
        "RIOT_API_KEY: TOPSECRET",
        'RIOT_API_KEY="TOPSECRET',
        "RIOT_API_KEY='TOPSECRET\"",
        "RIOT_API_KEY='TOPSECRET'x",
        "setenv RIOT_API_KEY TOPSECRET",
        "export",
    ],
)
def test_a_bad_line_is_named_by_its_number_without_its_content(env: Path, line: str) -> None:
    env.write_text(f"# a comment\n\n{line}\nRIOT_API_KEY=good\n")
    fault = fault_of(env.parent)
    assert fault == f"{env}, line 3: it must read NAME=value"


def test_a_fault_of_a_value_in_the_env_file_names_its_variable(env: Path) -> None:
    env.write_text("LOLSLACKBOT_MAX_SECONDS=never\n")
    assert fault_of(env.parent).startswith("LOLSLACKBOT_MAX_SECONDS cannot be used: ")


def test_the_environment_wins_over_the_env_file(env: Path) -> None:
    env.write_text(
        "RIOT_API_KEY=from-file\nSLACK_BOT_TOKEN=xoxb-file\nLOLSLACKBOT_MAX_WAIT=1\nLOLSLACKBOT_DATABASE=f\n"
    )
    settings = read(env.parent, RIOT_API_KEY="from-environment", LOLSLACKBOT_DATABASE="e")
    assert settings.riot_api_key == "from-environment"
    assert settings.need_slack_token("default") == "xoxb-file"
    assert settings.max_wait == 1
    assert settings.database == f"{env.parent}/e"


def test_an_env_file_that_is_not_utf_8_is_named_without_its_content(env: Path) -> None:
    env.write_bytes(b"RIOT_API_KEY=TOP\xffSECRET\n")
    assert fault_of(env.parent) == f"{env} cannot be read: it is not UTF-8"


def test_an_env_file_that_cannot_be_read_is_named_with_the_reason(env: Path) -> None:
    env.mkdir()
    assert fault_of(env.parent) == f"{env} cannot be read: Is a directory"


def test_a_home_that_is_no_folder_is_a_fault_too(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    assert fault_of(tmp_path / "home").endswith("cannot be read: Not a directory")


@pytest.mark.parametrize("line", ["LOLSLACKBOT_ALERT_CHANNEL=#ops", "export SLACK_BOT_TOKEN=#xoxb-secret # ours"])
def test_a_value_that_begins_with_a_hash_is_a_fault_that_names_file_line_and_setting(env: Path, line: str) -> None:
    env.write_text(f"\n{line}\n")
    name = line.removeprefix("export ").partition("=")[0]
    with pytest.raises(FaultySetting) as fault:
        read(env.parent)
    assert fault.value.setting == name
    assert str(fault.value).startswith(f"{env}, line 2: {name}: its value begins with #")
    assert "ops" not in str(fault.value)
    assert "secret" not in str(fault.value)


def test_a_value_in_quotes_may_begin_with_a_hash(env: Path) -> None:
    env.write_text("RIOT_API_KEY='#1'\n")
    assert read(env.parent).riot_api_key == "#1"


def test_a_setting_that_may_be_empty_is(env: Path) -> None:
    env.write_text("LOLSLACKBOT_MATCH_LINK=\nLOLSLACKBOT_DDRAGON_URL=  # none\n")
    settings = read(env.parent)
    assert (settings.match_link, settings.ddragon_url) == ("", "")
    assert empty_settings(str(env)) == []
