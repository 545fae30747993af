"""What check finds, the remedy it names, how it ends, and what it heals; against the sandbox."""

import json
import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support import Bot, FakeClock, Result, ends_just_now, scope_of

from lolslackbot import logs
from lolslackbot.errors import worst
from lolslackbot.files import user_name
from lolslackbot.health import check
from lolslackbot.health.check import Checks, Finding
from lolslackbot.health.needs import MIN_FREE_BYTES
from lolslackbot.model import RiotId
from lolslackbot.sandbox import Mishap, Sandbox
from lolslackbot.settings import Secret, Settings
from lolslackbot.store import channels, holds, players, runs, sqlite
from lolslackbot.store.database import Database
from lolslackbot.store.locks import STAGES, run_lock
from lolslackbot.store.sqlite import SqliteDatabase

PLAYER = "Ahri Fan#EUW"
LONG_AGO = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def tracked(in_process_bot: Bot, sandbox: Sandbox, db: Database) -> Bot:
    """A player in C1, each stage ran a moment ago; the sandbox's token may do everything."""
    sandbox.slack.add_channel("C1")
    now = datetime.now(UTC)
    puuid = sandbox.riot.add_player(PLAYER, platform="euw1").puuid
    players.track(db, puuid, RiotId("Ahri Fan", "EUW"), "euw1", "C1", "default", now)
    for stage in STAGES:
        runs.end(db, runs.begin(db, stage, now), now, 0, "")
    return in_process_bot


def unnamed(text: str) -> str:
    """Without the name that the sandbox gives to channels."""
    return re.sub(r"#general \((C[A-Z0-9]+)\)", r"\1", text)


def found(result: Result, what: str) -> list[str]:
    """The lines about something."""
    return [line for line in unnamed(result.out).splitlines() if line[6:].startswith(f"{what}:")]


def needs(bot: Bot) -> list[str]:
    """What status needs afterwards."""
    told: list[str] = json.loads(bot.run("status", "--json").out)["needs"]
    return [unnamed(need) for need in told]


def hold(db: Database, scope: str, kind: str, code: str = "") -> None:
    with db.transaction():
        holds.put(db, scope_of(scope), kind, code or "-", datetime.now(UTC), None, code or None)


def is_held(db: Database, scope: str, kind: str) -> bool:
    return holds.find(db, scope_of(scope), kind) is not None


def write_env(bot: Bot, text: str) -> str:
    env = bot.home / "env"
    env.write_text(text)
    env.chmod(0o600)
    return str(env)


def test_all_is_well(tracked: Bot, sandbox: Sandbox) -> None:
    """Every line is ok, no secret is printed, nothing is posted, and one call is counted."""
    result = tracked.run("check")
    assert (result.status, result.err) == (0, "")
    assert {line[:5].strip() for line in result.out.splitlines()} == {"ok"}
    for what in ("files", "disk", "database", "cron deliver", "Riot key", "Slack workspace default", "channel C1"):
        assert found(result, what), result.out
    for secret in ("RIOT_API_KEY", "SLACK_BOT_TOKEN"):
        assert tracked.environment[secret] not in result.out
    assert (sandbox.slack.posts, len(sandbox.riot.requests)) == ([], 1)
    assert tracked.rows("SELECT COUNT(*) FROM riot_calls WHERE endpoint = 'account'") == [(1,)]
    first = f"database {tracked.database}, user {user_name(os.geteuid())}"
    assert result.out.splitlines()[0] == f"ok    here: {first}"
    assert tracked.run("status").out.splitlines()[0] == first


def test_json__shape(tracked: Bot, sandbox: Sandbox) -> None:
    """The shape that docs/operations.md promises to programs."""
    sandbox.slack.channels["C1"].archived = True
    result = tracked.run("check", "--json")
    assert [finding for finding in json.loads(result.out) if finding["what"] == "channel C1"] == [
        {
            "what": "channel C1",
            "state": "fail",
            "said": "it is archived",
            "remedy": 'unarchive it, or untrack: `lolslackbot untrack "NAME#TAG" --channel C1`',
            "status": 1,
            "name": "general",
        }
    ]
    assert result.status == 1


# Digests


DIGESTS = "digests in workspace default"


def test_digests__each_form_is_put_before_slack(tracked: Bot, sandbox: Sandbox) -> None:
    """It posts nothing, and asks where a channel wants digests only."""
    result = tracked.run("check")
    assert found(result, DIGESTS) == [
        f"ok    {DIGESTS}: Slack takes charts and tables",
        f"ok    {DIGESTS}: Slack takes a table",
    ]
    assert sandbox.slack.posts == []
    tracked.run("channels", "set", "C1", "--digest", "off")
    assert found(tracked.run("check"), DIGESTS) == []


def test_digests__forms_that_slack_refuses(tracked: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.unknown_blocks = {"data_visualization"}
    result = tracked.run("check")
    charts, table = found(result, DIGESTS)
    assert charts.startswith(f"warn  {DIGESTS}: Slack refuses charts and tables (failed to match")
    assert charts.endswith("they go out in a plainer form")
    assert (table, result.status) == (f"ok    {DIGESTS}: Slack takes a table", 0)


@pytest.mark.parametrize(
    ("lacking", "line"),
    [
        (True, "ok    {}: no blocks.validate here, so what Slack takes shows when it is posted"),
        (False, "warn  {}: whether Slack takes charts and tables is not known: HTTP 503, 503; try again later"),
    ],
)
def test_digests__slack_does_not_say(tracked: Bot, sandbox: Sandbox, lacking: bool, line: str) -> None:
    """No failure: what it refuses falls back on a plainer form when it is posted."""
    if lacking:
        sandbox.slack.methods_unknown = {"blocks.validate"}
    else:
        sandbox.slack.misbehave(Mishap.status(503), method="blocks.validate")
    result = tracked.run("check")
    assert (found(result, DIGESTS), result.status) == ([line.format(DIGESTS)], 0)


@pytest.mark.parametrize(
    ("days", "line"), [(1, "ok    cron digest: last run at "), (9, "warn  cron digest: last run at ")]
)
def test_digests__when_they_were_last_made(tracked: Bot, db: Database, days: int, line: str) -> None:
    """Who never set it up is not told that it is missing; who did, when it stops."""
    assert found(tracked.run("check"), "cron digest") == []
    runs.begin(db, "digest", datetime.now(UTC) - timedelta(days=days))
    (told,) = found(tracked.run("check"), "cron digest")
    assert told.startswith(line)


# What check finds is what status says


def test_finding__need_until_it_works(tracked: Bot, sandbox: Sandbox, db: Database) -> None:
    """A failing channel is one need until it is seen to work; a hold reports it alone; untracked it is none."""
    tracked.run("fetch-matches")
    sandbox.slack.channels["C1"].archived = True
    tracked.run("check")
    assert [need.partition(" (")[0] for need in needs(tracked)] == ["channel C1: it is archived"]
    hold(db, "channel C1", "broken", "is_archived")
    assert [need.partition(" (")[0] for need in needs(tracked)] == ["channel C1 is broken"]
    tracked.run("untrack", PLAYER)
    assert needs(tracked) == []
    tracked.run("track", PLAYER, "--channel", "C1")
    sandbox.slack.channels["C1"].archived = False
    tracked.run("check")
    assert needs(tracked) == []


def test_finding__key_until_a_good_run(tracked: Bot, sandbox: Sandbox) -> None:
    """A key that was found rejected is no need once a run went well."""
    tracked.run("fetch-matches")
    key_refused(tracked, sandbox)
    tracked.run("check")
    assert [need.partition(" 403")[0] for need in needs(tracked)] == ["Riot key: rejected by Riot:"]
    sandbox.riot.behave()
    tracked.run("fetch-matches")
    assert needs(tracked) == []


def test_finding__channel_until_a_post(tracked: Bot, sandbox: Sandbox) -> None:
    """A channel that a message reached works."""
    for method in ("conversations.history", "conversations.info"):
        sandbox.slack.misbehave(Mishap.error("channel_not_found"), method=method, times=1)
    tracked.run("check")
    assert any(need.startswith("channel C1: Slack answers channel_not_found") for need in needs(tracked))
    tracked.write(f"UPDATE tracks SET since = '{LONG_AGO}'")
    sandbox.riot.add_game([sandbox.riot.players[0]])
    tracked.tick()
    assert len(sandbox.slack.posts) == 1
    assert needs(tracked) == []


def test_finding__settings_of_another_user(tracked: Bot, sandbox: Sandbox) -> None:
    """What only this user's settings lack is no need, and what was not seen is not forgotten."""
    tracked.run("fetch-matches")
    sandbox.slack.channels["C1"].archived = True
    tracked.run("check")
    (need,) = needs(tracked)
    token_missing(tracked, sandbox)
    key_missing(tracked, sandbox)
    assert tracked.run("check").status == 2
    assert needs(tracked) == [need]


# What can be wrong


def key_refused(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.misbehave(Mishap.status(403), endpoint=None)


def key_limited(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.misbehave(Mishap.limited(120, "application"), endpoint=None)


def riot_answers(status: int) -> Callable[[Bot, Sandbox], object]:
    return lambda _, sandbox: sandbox.riot.misbehave(Mishap.status(status), endpoint=None)


def key_missing(bot: Bot, sandbox: Sandbox) -> None:
    del bot.environment["RIOT_API_KEY"]


def key_of_another_project(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.change_key("RGAPI-of-another-project")
    bot.environment["RIOT_API_KEY"] = "RGAPI-of-another-project"


def token_revoked(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.revoke()


def token_missing(bot: Bot, sandbox: Sandbox) -> None:
    del bot.environment["SLACK_BOT_TOKEN"]


def token_of_a_user(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.misbehave(Mishap.json({"ok": True, "user_id": "U1"}), method="auth.test")


def slack_down(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.misbehave(Mishap.status(503), method=None)


def scopes(*names: str) -> Callable[[Bot, Sandbox], None]:
    return lambda _, sandbox: sandbox.slack.scopes.update(default=set(names))


def not_invited(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.channels["C1"].member = False


def not_invited_and_only_history(bot: Bot, sandbox: Sandbox) -> None:
    scopes("chat:write", "channels:history", "groups:history")(bot, sandbox)
    not_invited(bot, sandbox)


def history_fails(bot: Bot, sandbox: Sandbox) -> None:
    scopes("chat:write", "channels:history", "groups:history")(bot, sandbox)
    sandbox.slack.misbehave(Mishap.status(503), method="conversations.history")


def slacks_clock(seconds: int) -> Callable[[Bot, Sandbox], None]:
    return lambda _, sandbox: setattr(sandbox.slack, "clock_skew", seconds)


def riots_clock(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.clock_skew = -86400


def no_clock(bot: Bot, sandbox: Sandbox) -> None:
    key_refused(bot, sandbox)
    token_revoked(bot, sandbox)


def no_dates(bot: Bot, sandbox: Sandbox) -> None:
    account = json.dumps({"puuid": "p" * 78, "gameName": "Ahri Fan", "tagLine": "EUW"})
    sandbox.riot.misbehave(Mishap.status(200, account, {"Date": "?"}), endpoint=None)
    sandbox.slack.misbehave(Mishap.status(200, '{"ok": true, "bot_id": "B1"}', {"Date": "?"}), method="auth.test")


def another_workspaces_clock(bot: Bot, sandbox: Sandbox) -> None:
    token_missing(bot, sandbox)
    bot.environment["SLACK_BOT_TOKEN_FRIENDS"] = sandbox.slack.add_workspace("friends")
    sandbox.slack.clock_skew = 86400


def readable(bot: Bot, sandbox: Sandbox) -> None:
    bot.home.chmod(0o755)


def paused(bot: Bot, sandbox: Sandbox) -> None:
    bot.run("pause", "--channel", "C1")


def last_run(changes: str) -> Callable[[Bot, Sandbox], None]:
    """deliver's last run, with these columns."""
    return lambda bot, _: bot.write(f"UPDATE runs SET {changes} WHERE stage = 'deliver'")


def cron_never(bot: Bot, sandbox: Sandbox) -> None:
    bot.write("DELETE FROM runs")


CUT_OFF = last_run("exit_status = NULL, ended_at = NULL")


@pytest.mark.parametrize(
    ("happens", "status", "line"),
    [
        (key_refused, 77, "FAIL  Riot key: rejected by Riot: 403 …; renew it at developer.riotgames.com"),
        (riot_answers(401), 77, "FAIL  Riot key: rejected by Riot: 401"),
        (key_limited, 75, "warn  Riot key: rate limited by Riot: 429"),
        (riot_answers(503), 75, "warn  Riot key: no answer from Riot: 503"),
        (riot_answers(404), 0, "ok    Riot key: key accepted"),
        (key_of_another_project, 0, "ok    Riot key: key accepted; it is another project's than the one the players"),
        (key_missing, 2, "FAIL  Riot key: RIOT_API_KEY is not set: put it into the environment or into "),
        (token_revoked, 77, "FAIL  Slack workspace default: token rejected by Slack: invalid_auth; reinstall the app"),
        (token_missing, 2, "FAIL  Slack workspace default: SLACK_BOT_TOKEN is not set"),
        (token_of_a_user, 1, "FAIL  Slack workspace default: this is a user token; copy the Bot User OAuth Token"),
        (token_of_a_user, 1, "warn  Slack workspace default: Slack did not report the token's scopes"),
        (slack_down, 75, "warn  Slack workspace default: no answer from Slack: HTTP 503"),
        (
            scopes("chat:write"),
            0,
            "warn  Slack workspace default: cannot look up all unknown deliveries without channels:history and "
            "groups:history; they will need manual review; add channels:history and groups:history and reinstall",
        ),
        (scopes("chat:write"), 0, "warn  channel C1: membership is not visible without a history scope or channels:re"),
        (
            scopes("channels:history", "groups:history"),
            1,
            "FAIL  Slack workspace default: the token lacks chat:write: it cannot post; add chat:write and reinstall",
        ),
        (not_invited, 1, "FAIL  channel C1: the bot is not a member; in Slack, /invite the bot or track into another"),
        (not_invited_and_only_history, 1, "FAIL  channel C1: Slack answers not_in_channel"),
        (history_fails, 75, "warn  channel C1: no answer from Slack: HTTP 503"),
        (slacks_clock(600), 1, "FAIL  clock: this clock is "),
        (slacks_clock(-120), 0, "warn  clock: this clock is "),
        (riots_clock, 1, "FAIL  clock: this clock is 1 day, 0:00:0… ahead of Riot's; set it"),
        (another_workspaces_clock, 2, "FAIL  clock: this clock is … behind Slack's; set it"),
        (no_clock, 77, "warn  clock: no server reported its time"),
        (no_dates, 0, "warn  clock: no server reported its time"),
        (readable, 0, "warn  files: … is readable by others (mode 755); chmod 700 "),
        (paused, 0, "warn  pause: channel C1 is paused (since …); to continue: `lolslackbot resume --channel C1`"),
        (cron_never, 0, "warn  cron deliver: no run on record; see crontab.example"),
        (
            last_run(f"began_at = '{LONG_AGO}', ended_at = '{LONG_AGO}'"),
            1,
            f"FAIL  cron deliver: last run at {LONG_AGO}; see `crontab -l` and cron's mail",
        ),
        (last_run(f"began_at = '{LONG_AGO}'"), 0, f"ok    cron deliver: last run at {LONG_AGO}, exit 0"),  # it was long
        (
            last_run("exit_status = 1, summary = 'deliver: 1 failed'"),
            0,
            "warn  cron deliver: last run at …, exit 1: deliver: 1 failed; see `lolslackbot status`",
        ),
        (CUT_OFF, 0, "warn  cron deliver: … was cut off (killed, or unable to write); see the log"),
        (
            last_run("began_at = '2099-01-01T00:00:00.000Z'"),
            0,
            "warn  cron deliver: last run at 2099-01-01T00:00:00.000Z, which is in the future; see clock",
        ),
    ],
)
def test_fault__named_with_remedy(
    tracked: Bot, sandbox: Sandbox, happens: Callable[[Bot, Sandbox], object], status: int, line: str
) -> None:
    """What is wrong is named with its remedy, and everything else is tried."""
    happens(tracked, sandbox)
    result = tracked.run("check")
    pattern = re.escape(line).replace("…", ".*")
    assert any(re.match(pattern, each) for each in unnamed(result.out).splitlines()), result.out
    assert (result.status, result.err) == (status, "")
    assert found(result, "database")
    assert found(result, "disk")


# Riot and Slack


def test_key__nobody_tracked(tracked: Bot) -> None:
    """Where nobody is tracked the key is tried all the same."""
    tracked.run("untrack", PLAYER)
    assert found(tracked.run("check"), "Riot key") == ["ok    Riot key: key accepted"]


def test_key__known_limit(tracked: Bot, sandbox: Sandbox) -> None:
    """No call is made into a known limit."""
    key_limited(tracked, sandbox)
    tracked.run("check")
    calls = len(sandbox.riot.requests)
    result = tracked.run("check")
    assert found(result, "Riot key")[0].startswith("warn  Riot key: not tried: ")
    assert (result.status, len(sandbox.riot.requests)) == (75, calls)


def test_key__accepted_again(tracked: Bot, db: Database) -> None:
    """A key that works is no longer held back."""
    hold(db, "riot", "rejected")
    assert tracked.run("check").status == 0
    assert not is_held(db, "riot", "rejected")


@pytest.mark.parametrize(("names", "lifted"), [({"chat:write"}, True), ({"channels:history"}, False)])
def test_token__accepted_again(tracked: Bot, sandbox: Sandbox, db: Database, names: set[str], lifted: bool) -> None:
    """A token that can post is no longer held back, in whatever case its workspace is written."""
    hold(db, "workspace Default", "rejected")
    sandbox.slack.scopes["default"] = names
    tracked.run("check")
    assert is_held(db, "workspace Default", "rejected") != lifted


def test_channel__works_again(tracked: Bot, sandbox: Sandbox, db: Database) -> None:
    """A channel that is seen to work is no longer broken, and `why` tells who found that."""
    sandbox.slack.channels["C1"].member = False
    hold(db, "channel C1", "broken", "not_in_channel")
    assert tracked.run("check").status == 1
    assert is_held(db, "channel C1", "broken")
    sandbox.slack.channels["C1"].member = True
    assert found(tracked.run("check"), "channel C1") == [
        "ok    channel C1: the bot is a member; no longer broken (not_in_channel); to resend its failed messages: "
        "`lolslackbot retry --channel C1`"
    ]
    assert not is_held(db, "channel C1", "broken")
    assert "`check` by hand, channel C1: broken -> well" in tracked.run("why", "C1").out


@pytest.mark.parametrize("name", ["channels:history", "channels:read"])
def test_channel__broken_beyond_sight(tracked: Bot, sandbox: Sandbox, db: Database, name: str) -> None:
    """An error that reading cannot disprove stays."""
    scopes("chat:write", name)(tracked, sandbox)
    hold(db, "channel C1", "broken", "restricted_action")
    result = tracked.run("check")
    assert found(result, "channel C1") == [
        "FAIL  channel C1: the bot is a member, but the channel is broken (restricted_action); if that is fixed, run "
        "`lolslackbot retry --channel C1`"
    ]
    assert (result.status, is_held(db, "channel C1", "broken")) == (1, True)


def test_channel__shown_by_name(tracked: Bot, sandbox: Sandbox, db: Database) -> None:
    """A channel is shown by the name that Slack gives, or gave last."""
    sandbox.slack.channels["C1"].name = "rift"
    hold(db, "channel C1", "broken", "restricted_action")
    assert "\nFAIL  channel #rift (C1): the bot is a member" in tracked.run("check").out
    for command, shown in (
        (("status",), "channel #rift (C1) is broken"),
        (("why", "C1"), "#rift (C1) announces Ahri Fan#EUW"),
        (("channels",), "\nC1       #rift  default"),
    ):
        assert shown in tracked.run(*command).out
    sandbox.slack.channels["C1"].name = "summoners"
    sandbox.slack.scopes["default"] = {"chat:write", "channels:history"}
    assert "\nFAIL  channel #rift (C1): the bot is a member" in tracked.run("check").out
    sandbox.slack.scopes["default"].add("channels:read")
    shown = json.loads(tracked.run("check", "--json").out)
    assert [finding["name"] for finding in shown if finding["what"] == "channel C1"] == ["summoners"]


def test_alert_channel__tried(tracked: Bot, sandbox: Sandbox) -> None:
    """The alert channel is tried though nobody is tracked there; a fault is a need until it works or is not set."""
    tracked.run("fetch-matches")
    sandbox.slack.add_channel("CALERTS")
    setting = {"LOLSLACKBOT_ALERT_CHANNEL": "CALERTS"}
    assert found(tracked.run("check", **setting), "channel CALERTS") == ["ok    channel CALERTS: the bot is a member"]
    sandbox.slack.channels["CALERTS"].archived = True
    result = tracked.run("check", **setting)
    assert (result.status, found(result, "channel CALERTS")) == (
        1,
        [
            "FAIL  channel CALERTS: it is archived; alerts go there; unarchive it; or set another "
            "LOLSLACKBOT_ALERT_CHANNEL"
        ],
    )
    assert [need.partition(" (")[0] for need in needs(tracked)] == ["channel CALERTS: it is archived; alerts go there"]
    for archived in (False, True):
        sandbox.slack.channels["CALERTS"].archived = archived
        tracked.run("check", **setting)
        assert bool(needs(tracked)) == archived
    tracked.run("check")  # the setting was taken out
    assert needs(tracked) == []


# Settings


def test_settings__misspelt_or_empty(tracked: Bot) -> None:
    """What is no setting, or has no value, is named with its place."""
    env = write_env(
        tracked, "SLACK_TOKEN=xoxb-1-2\nCOLOUR=red\nLOLSLACKBOT_MATCH_LINK=\nLOLSLACKBOT_ALERT_CHANNEL= # #x\n"
    )
    result = tracked.run("check", LOLSLACKBOT_MAX_SECOND="1")
    assert result.status == 0
    assert found(result, "settings") == [
        f"warn  settings: {env}, line 4: LOLSLACKBOT_ALERT_CHANNEL is empty, so it counts as not set",
        f"warn  settings: COLOUR in {env} is not a setting; remove it",
        f"warn  settings: SLACK_TOKEN in {env} is not a setting; rename it to SLACK_BOT_TOKEN",
        "warn  settings: LOLSLACKBOT_MAX_SECOND in the environment is not a setting; rename it to "
        "LOLSLACKBOT_MAX_SECONDS",
    ]


# Variables at fault, and the findings that say so or were not tried because of it.
FAULTY: list[tuple[dict[str, str], list[str]]] = [
    ({"LOLSLACKBOT_MAX_SECONDS": "soon", "LOLSLACKBOT_UNCERTAIN": "maybe"}, ["settings", "settings"]),
    ({"RIOT_API_KEY": "with space"}, ["settings", "Riot key"]),
    ({"LOLSLACKBOT_RIOT_URL": "x"}, ["settings", "Riot key"]),
    ({"SLACK_BOT_TOKEN": "xoxp-a-users"}, ["settings", "Slack workspace default"]),
    ({"SLACK_BOT_TOKEN_FRIENDS": "xoxp-a-users"}, ["settings"]),
    ({"LOLSLACKBOT_SLACK_URL": "x"}, ["settings", "Slack workspace default"]),
    ({"LOLSLACKBOT_DATABASE": "~nobody-of-that-name/x"}, ["settings", "database", "Riot key"]),
]


@pytest.mark.parametrize(("environment", "whats"), FAULTY)
def test_settings__invalid(tracked: Bot, sandbox: Sandbox, environment: dict[str, str], whats: list[str]) -> None:
    """An invalid setting is one finding, and what does not need it is tried."""
    tracked.environment |= environment
    result = tracked.run("check", "--json")
    assert (result.status, result.err) == (2, "")
    shown = json.loads(result.out)
    assert [each["what"] for each in shown if each["what"] == "settings" or "not tried" in each["said"]] == whats
    assert shown[0]["what"] == "here"
    for name, finding in zip(environment, shown[1:], strict=False):
        assert (finding["what"], finding["state"], finding["status"]) == ("settings", "fail", 2)
        assert finding["said"].startswith(name)
    tried = {finding["what"] for finding in shown if finding["state"] == "ok"}
    assert {"files", "disk", "database", "Riot key", "Slack workspace default"} - tried == set(whats) - {"settings"}
    assert len(sandbox.riot.requests) == ("Riot key" not in whats)


def test_settings__unreadable_env(tracked: Bot, sandbox: Sandbox) -> None:
    """An `env` that cannot be read is one finding, and nothing that needs a setting is tried."""
    env = write_env(tracked, "what is this?\n")
    result = tracked.run("check")
    assert (result.status, result.err) == (2, "")
    assert found(result, "settings") == [f"FAIL  settings: {env}, line 1: it must read NAME=value"]
    assert result.out.count("not tried: a setting that it needs is invalid") == 3
    assert found(result, "disk")[0].startswith("ok")
    assert (sandbox.riot.requests, sandbox.slack.requests) == ([], [])
    (tracked.home / "env").unlink()
    (tracked.home / "env").mkdir()
    assert len(found(tracked.run("check"), "settings")) == 1


def test_settings__value_with_a_hash(tracked: Bot) -> None:
    """A value that begins with a hash is a fault, not printed; the other lines count."""
    env = write_env(
        tracked, f"LOLSLACKBOT_ALERT_CHANNEL=#ops\nRIOT_API_KEY={tracked.environment.pop('RIOT_API_KEY')}\n"
    )
    result = tracked.run("check")
    (line,) = found(result, "settings")
    assert (result.status, "ops" in line) == (2, False)
    assert line.startswith(f"FAIL  settings: {env}, line 1: LOLSLACKBOT_ALERT_CHANNEL: ")
    assert found(result, "Riot key") == ["ok    Riot key: key accepted"]


# Files, database, runs


def test_log__not_writable(tracked: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that cannot be written, or made, is a finding."""
    log = tracked.home / "lolslackbot.log"
    log.unlink(missing_ok=True)
    log.mkdir(mode=0o700)
    result = tracked.run("check")
    assert found(result, "log") == [
        f"FAIL  log: {log} cannot be written: Is a directory; make it writable: it is what explains a failure"
    ]
    assert result.status == 1
    log.rmdir()
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)  # root may write anywhere
    monkeypatch.setattr(logs, "log_to_file", lambda *_: None)
    (line,) = found(tracked.run("check"), "log")
    assert line.startswith(f"FAIL  log: {tracked.home} is not writable, so there is no log; ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files__of_several_users(tracked: Bot) -> None:
    """A home of another user, and files in it that are not its owner's, are named with the remedy."""
    tracked.run("check")
    home, log, name = tracked.home, tracked.home / "lolslackbot.log", user_name(65534)
    os.chown(home, 65534, 65534)
    os.chown(tracked.database, 65534, 65534)
    result = tracked.run("check")
    assert found(result, "files") == [
        f"warn  files: {home} belongs to {name}, this is root; run it as {name}",
        f"warn  files: {log} belongs to root, {home} to {name}; chown {name} {log}",
    ]
    assert result.status == 0


def test_database__missing(in_process_bot: Bot) -> None:
    """Without a database the rest is tried all the same."""
    result = in_process_bot.run("check")
    assert result.status == 2
    assert "there is no database" in found(result, "database")[0]
    assert found(result, "disk")
    assert found(result, "Riot key") == [
        "warn  Riot key: not tried: calls cannot be counted without a writable database"
    ]
    assert found(result, "Slack workspace default") == ["ok    Slack workspace default: token accepted"]
    del in_process_bot.environment["RIOT_API_KEY"]
    assert "RIOT_API_KEY is not set" in in_process_bot.run("check").out


def test_database__locked(tracked: Bot, sandbox: Sandbox, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that another program holds is read, but no call is counted in it and no hold lifted."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)
    hold(db, "workspace default", "rejected")
    with closing(sqlite3.connect(tracked.database, isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        result = tracked.run("check")
    assert "is locked by another program: close it (a forgotten sqlite3 shell?)" in found(result, "database")[0]
    assert found(result, "Riot key")[0].startswith("warn  Riot key: not tried")
    assert found(result, "channel C1") == ["ok    channel C1: the bot is a member"]
    assert (result.status, result.err, sandbox.riot.requests) == (75, "", [])


def test_run__at_work(tracked: Bot, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run at work was not cut off, nor one that ends just now."""
    CUT_OFF(tracked, sandbox)
    with run_lock(str(tracked.database), "deliver"):
        assert found(tracked.run("check"), "cron deliver")[0].endswith(", still running")
    monkeypatch.setattr(SqliteDatabase, "is_at_work", ends_just_now)
    assert found(tracked.run("check"), "cron deliver")[0].endswith(", still running")


def test_run__hangs(tracked: Bot, sandbox: Sandbox) -> None:
    """A run that hangs is not told as one that cron did not start."""
    last_run(f"began_at = '{LONG_AGO}', ended_at = NULL, exit_status = NULL")(tracked, sandbox)
    with run_lock(str(tracked.database), "deliver"):
        result = tracked.run("check")
    assert found(result, "cron deliver") == [
        f"FAIL  cron deliver: running since {LONG_AGO}: it hangs; see `lolslackbot status`"
    ]
    assert result.status == 1


def nobody(*_: Any) -> Any:
    raise ZeroDivisionError("a bug")


def findings(db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, free: int) -> dict[str, Finding]:
    """What a check finds whose clients cannot be made."""
    monkeypatch.setattr(check, "free_bytes", lambda _: free)
    found = Checks(Settings(str(db.path), str(db.path), Secret("a key")), clock, nobody, nobody).run()
    assert worst(*(finding.status for finding in found)) == 1
    return {finding.what: finding for finding in found}


def test_disk__nearly_full(db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is nearly full is a failure with its remedy."""
    full = findings(db, clock, monkeypatch, MIN_FREE_BYTES - 1)["disk"]
    assert (full.state, "`lolslackbot prune" in full.remedy) == ("FAIL", True)
    assert findings(db, clock, monkeypatch, MIN_FREE_BYTES)["disk"].state == "ok"


def test_check__breaks(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A check that breaks is a failure of its own, with its stack trace in the log."""
    found = findings(db, clock, monkeypatch, 2**40)
    assert found["Riot key"].said == "unexpected ZeroDivisionError: see the log"
    assert found["Slack workspace default"].state == "FAIL"
    assert "a bug" in caplog.text


# Channels that may ask


@pytest.fixture
def asking(tracked: Bot, db: Database) -> Bot:
    """C1 may ask, since a while."""
    channels.prefer(db, "C1", channels.Change(requests=True), datetime.now(UTC) - timedelta(minutes=1))
    return tracked


@pytest.mark.parametrize(
    ("scopes", "said"),
    [
        (set(), "ok    requests in C1: people may ask, and a reaction shows that it was seen"),
        (
            {"reactions:write"},
            "warn  requests in C1: people may ask; without reactions:write no reaction shows that it was seen; "
            "add reactions:write and reinstall the app",
        ),
        (
            {"channels:history"},
            "warn  requests in C1: what people say there cannot be read: missing_scope (needed channels:history); "
            "add channels:history and groups:history and reinstall the app",
        ),
    ],
)
def test_requests__what_is_missing(asking: Bot, sandbox: Sandbox, scopes: set[str], said: str) -> None:
    sandbox.slack.scopes["default"] -= scopes
    assert [line.partition(" (needed")[0] for line in found(asking.run("check"), "requests in C1")] == [
        said.partition(" (needed")[0]
    ]


def test_requests__where_nobody_may_ask_there_is_no_line(tracked: Bot) -> None:
    assert found(tracked.run("check"), "requests in C1") == []


def test_requests__a_channel_without_players_is_looked_at_too(asking: Bot, db: Database) -> None:
    with db.transaction():
        db.write("DELETE FROM tracks")
    shown = asking.run("check")
    assert found(shown, "channel C1") == ["ok    channel C1: the bot is a member"]
    assert len(found(shown, "requests in C1")) == 1


def test_requests__are_answered_and_told_of(asking: Bot, sandbox: Sandbox) -> None:
    """In this process, from the command to the story."""
    sandbox.slack.say("C1", "@bot list", user="U0ONE")
    assert asking.run("answer").out == "answer: 1 answered\n"
    told = asking.run("why", "C1").out
    assert "asked by U0ONE at 2" in told
    assert told.count(": list: answered") == 1
    assert re.search(r"^answer +.*1 answered", asking.run("status").out, re.MULTILINE)


def test_requests__where_nobody_may_ask_nothing_is_done(tracked: Bot, sandbox: Sandbox) -> None:
    before = len(sandbox.slack.requests)
    assert tracked.run("answer").out.startswith("answer: nothing to do; no channel may ask")
    assert tracked.run("-q", "answer").out == ""
    assert len(sandbox.slack.requests) == before
