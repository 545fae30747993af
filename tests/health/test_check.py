"""What check finds, what it tells to do about it, how it ends, and what it heals; against the sandbox."""

import json
import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from support import Bot, FakeClock, Result, ends_just_now

from lolslackbot import logs
from lolslackbot.files import user_name
from lolslackbot.health import check
from lolslackbot.health.check import Checking, exit_status
from lolslackbot.model import RiotId
from lolslackbot.sandbox import Mishap, Sandbox
from lolslackbot.settings import Secret, Settings
from lolslackbot.store import database, players, runs
from lolslackbot.store.database import Database
from lolslackbot.store.locks import STAGES, run_lock

PLAYER = "Ahri Fan#EUW"


@pytest.fixture
def tracked(here: Bot, sandbox: Sandbox, db: Database) -> Bot:
    """A player in C1, each stage ran a moment ago; the sandbox's token may do everything."""
    sandbox.slack.add_channel("C1")
    now = datetime.now(UTC)
    puuid = sandbox.riot.add_player(PLAYER, platform="euw1").puuid
    players.track(db, puuid, RiotId("Ahri Fan", "EUW"), "euw1", "C1", "default", now)
    for stage in STAGES:
        runs.end(db, runs.begin(db, stage, now), now, 0, "")
    return here


def found(result: Result, what: str) -> list[str]:
    """The lines about something, whatever its name in Slack is."""
    return [line for line in unnamed(result).splitlines() if line[6:].startswith(f"{what}:")]


def unnamed(result: Result) -> str:
    """What it printed, without the name that the sandbox gives to channels."""
    return re.sub(r"#general \((C[A-Z0-9]+)\)", r"\1", result.out)


def test_all_is_well(tracked: Bot) -> None:
    result = tracked.run("check")
    assert (result.status, result.err) == (0, "")
    assert {line[:5].strip() for line in result.out.splitlines()} == {"ok"}
    for what in ("files", "disk", "database", "cron deliver", "Riot key", "Slack workspace default", "channel C1"):
        assert found(result, what), result.out
    assert tracked.environment["RIOT_API_KEY"] not in result.out
    assert tracked.environment["SLACK_BOT_TOKEN"] not in result.out


def test_the_first_line_names_the_database_and_the_user(tracked: Bot) -> None:
    assert (
        tracked.run("check").out.splitlines()[0]
        == f"ok    here: database {tracked.database}, user {user_name(os.geteuid())}"
    )
    assert tracked.run("status").out.splitlines()[0] == f"database {tracked.database}, user {user_name(os.geteuid())}"


# What check finds is what status says


def status_of(bot: Bot) -> list[str]:
    needs: list[str] = json.loads(bot.run("status", "--json").out)["needs"]
    return needs


def test_what_fails_is_a_need_until_it_is_found_well(tracked: Bot, sandbox: Sandbox) -> None:
    tracked.run("fetch-matches")
    assert status_of(tracked) == []
    sandbox.slack.channels["C1"].archived = True
    tracked.run("check")
    (need,) = status_of(tracked)
    assert re.fullmatch(
        r"channel #general \(C1\): it is archived, found by `check` at .*Z; unarchive it, or untrack: "
        '`lolslackbot untrack "NAME#TAG" --channel C1`, then `lolslackbot check`',
        need,
    )
    sandbox.slack.channels["C1"].archived = False
    tracked.run("check")
    assert status_of(tracked) == []


def test_what_is_held_back_already_is_one_need_and_what_nobody_is_tracked_in_is_none(
    tracked: Bot, sandbox: Sandbox
) -> None:
    tracked.run("fetch-matches")
    sandbox.slack.channels["C1"].archived = True
    tracked.write(
        "INSERT INTO holds (scope_kind, scope_id, endpoint, kind, reason, since, code) "
        "VALUES ('channel', 'C1', '', 'broken', 'is_archived', '2026-11-23T12:00:00.000Z', 'is_archived')"
    )
    tracked.run("check")
    (need,) = status_of(tracked)
    assert need.startswith("channel #general (C1) is broken since ")
    tracked.run("untrack", PLAYER)
    assert status_of(tracked) == []
    tracked.write("DELETE FROM holds")
    assert status_of(tracked) == []


def test_a_key_that_check_found_refused_is_no_need_once_a_run_went_well(tracked: Bot, sandbox: Sandbox) -> None:
    tracked.run("fetch-matches")
    key_refused(tracked, sandbox)
    tracked.run("check")
    (need,) = status_of(tracked)
    assert need.startswith("Riot key: Riot refuses it: 403")
    sandbox.riot.behave()
    tracked.run("fetch-matches")
    assert status_of(tracked) == []


def test_what_only_this_user_s_settings_lack_is_no_need_and_what_was_not_seen_is_not_forgotten(
    tracked: Bot, sandbox: Sandbox
) -> None:
    tracked.run("fetch-matches")
    sandbox.slack.channels["C1"].archived = True
    tracked.run("check")
    (need,) = status_of(tracked)
    token_missing(tracked, sandbox)
    key_missing(tracked, sandbox)
    assert tracked.run("check").status == 2
    assert status_of(tracked) == [need]


def test_a_channel_that_a_message_reached_is_no_need(tracked: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.misbehave(Mishap.error("channel_not_found"), method="conversations.history", times=1)
    sandbox.slack.misbehave(Mishap.error("channel_not_found"), method="conversations.info", times=1)
    tracked.run("check")
    assert any(need.startswith("channel C1: Slack says channel_not_found") for need in status_of(tracked))
    tracked.write("UPDATE tracks SET since = '2026-01-01T00:00:00.000Z'")
    sandbox.riot.add_game([sandbox.riot.players[0]])
    tracked.tick()
    assert len(sandbox.slack.posts) == 1
    assert status_of(tracked) == []


# Settings


def test_a_misspelt_setting_is_named_with_the_right_one_where_it_stands(tracked: Bot) -> None:
    env = tracked.home / "env"
    env.write_text("SLACK_TOKEN=xoxb-1-2\nCOLOUR=red\n")
    env.chmod(0o600)
    result = tracked.run("check", LOLSLACKBOT_MAX_SECOND="1")
    assert result.status == 0
    assert found(result, "settings") == [
        f"warn  settings: COLOUR in {env} is no setting, and counts for nothing; take it out",
        f"warn  settings: SLACK_TOKEN in {env} is no setting, and counts for nothing; "
        "the right name may be SLACK_BOT_TOKEN",
        "warn  settings: LOLSLACKBOT_MAX_SECOND in the environment is no setting, and counts for nothing; "
        "the right name may be LOLSLACKBOT_MAX_SECONDS",
    ]
    env.write_text("nonsense\n")
    assert "it must read NAME=value" in tracked.run("check").out


def test_it_posts_nothing_and_reserves_its_call(tracked: Bot, sandbox: Sandbox) -> None:
    calls = len(sandbox.riot.requests)
    tracked.run("check")
    assert sandbox.slack.posts == []
    assert len(sandbox.riot.requests) == calls + 1
    assert tracked.rows("SELECT COUNT(*) FROM riot_calls WHERE endpoint = 'account'")[0][0] >= 1


def test_the_json_has_the_promised_shape(tracked: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.channels["C1"].archived = True
    result = tracked.run("check", "--json")
    (channel,) = [each for each in json.loads(result.out) if each["what"] == "channel C1"]
    assert channel == {
        "what": "channel C1",
        "state": "fail",
        "said": "it is archived",
        "remedy": 'unarchive it, or untrack: `lolslackbot untrack "NAME#TAG" --channel C1`',
        "status": 1,
        "name": "general",
    }
    assert result.status == 1


def key_refused(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.misbehave(Mishap.status(403), endpoint=None)


def key_limited(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.misbehave(Mishap.limited(120, "application"), endpoint=None)


def riot_down(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.misbehave(Mishap.status(503), endpoint=None)


def riot_unknown_account(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.misbehave(Mishap.status(404), endpoint=None)


def key_missing(bot: Bot, sandbox: Sandbox) -> None:
    del bot.environment["RIOT_API_KEY"]


def token_revoked(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.revoke()


def token_missing(bot: Bot, sandbox: Sandbox) -> None:
    del bot.environment["SLACK_BOT_TOKEN"]


def slack_down(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.misbehave(Mishap.status(503), method=None)


def no_history(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.scopes["default"] = {"chat:write"}


def no_posting(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.scopes["default"] = {"channels:history", "groups:history"}


def not_invited(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.channels["C1"].member = False


def not_invited_and_only_history(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.scopes["default"] = {"chat:write", "channels:history", "groups:history"}
    sandbox.slack.channels["C1"].member = False


def clock_wrong(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.clock_skew = 600


def clock_a_little_wrong(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.clock_skew = -120


def readable(bot: Bot, sandbox: Sandbox) -> None:
    bot.home.chmod(0o755)


def cron_stopped(bot: Bot, sandbox: Sandbox) -> None:
    then = "2026-01-01T00:00:00.000Z"
    bot.write(f"UPDATE runs SET began_at = '{then}', ended_at = '{then}' WHERE stage = 'deliver'")


def cron_never(bot: Bot, sandbox: Sandbox) -> None:
    bot.write("DELETE FROM runs")


def cron_in_trouble(bot: Bot, sandbox: Sandbox) -> None:
    bot.write("UPDATE runs SET exit_status = 1, summary = 'deliver: 1 failed' WHERE stage = 'deliver'")


def cron_cut_off(bot: Bot, sandbox: Sandbox) -> None:
    bot.write("UPDATE runs SET exit_status = NULL, ended_at = NULL WHERE stage = 'deliver'")


def cron_to_come(bot: Bot, sandbox: Sandbox) -> None:
    bot.write("UPDATE runs SET began_at = '2099-01-01T00:00:00.000Z' WHERE stage = 'deliver'")


def key_of_another_project(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.change_key("RGAPI-of-another-project")
    bot.environment["RIOT_API_KEY"] = "RGAPI-of-another-project"


def slack_does_not_tell(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.scopes["default"] = {"chat:write", "channels:history", "groups:history"}
    sandbox.slack.misbehave(Mishap.status(503), method="conversations.history")


def riots_clock(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.riot.clock_skew = -86400


def no_clock(bot: Bot, sandbox: Sandbox) -> None:
    key_refused(bot, sandbox)
    token_revoked(bot, sandbox)


def no_dates(bot: Bot, sandbox: Sandbox) -> None:
    account = json.dumps({"puuid": "p" * 78, "gameName": "Ahri Fan", "tagLine": "EUW"})
    sandbox.riot.misbehave(Mishap.status(200, account, {"Date": "?"}), endpoint=None)
    sandbox.slack.misbehave(Mishap.status(200, '{"ok": true, "bot_id": "B1"}', {"Date": "?"}), method="auth.test")


def another_workspace_s_clock(bot: Bot, sandbox: Sandbox) -> None:
    token_missing(bot, sandbox)
    bot.environment["SLACK_BOT_TOKEN_FRIENDS"] = sandbox.slack.add_workspace("friends")
    sandbox.slack.clock_skew = 86400


def a_user_s_token(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.misbehave(Mishap.json({"ok": True, "user_id": "U1"}), method="auth.test")


@pytest.mark.parametrize(
    ("happens", "status", "line"),
    [
        (key_refused, 77, "FAIL  Riot key: Riot refuses it: 403"),
        (key_limited, 75, "warn  Riot key: Riot limits it now: 429"),
        (riot_down, 75, "warn  Riot key: Riot does not answer: 503"),
        (riot_unknown_account, 0, "ok    Riot key: Riot takes it"),
        (key_missing, 2, "FAIL  Riot key: RIOT_API_KEY is not set: put it into the environment or into "),
        (token_revoked, 77, "FAIL  Slack workspace default: Slack refuses the token: invalid_auth"),
        (token_missing, 2, "FAIL  Slack workspace default: SLACK_BOT_TOKEN is not set"),
        (slack_down, 75, "warn  Slack workspace default: Slack does not answer: HTTP 503"),
        (no_history, 0, "warn  Slack workspace default: messages of unknown outcome cannot all be looked up"),
        (no_history, 0, "warn  channel C1: whether the bot is in it cannot be seen without a history scope"),
        (no_posting, 1, "FAIL  Slack workspace default: the token lacks chat:write: it cannot post"),
        (not_invited, 1, "FAIL  channel C1: the bot is not in it; in Slack, /invite the bot there"),
        (not_invited_and_only_history, 1, "FAIL  channel C1: Slack says not_in_channel"),
        (clock_wrong, 1, "FAIL  clock: this clock is "),
        (clock_a_little_wrong, 0, "warn  clock: this clock is "),
        (readable, 0, "warn  files: others may read "),
        (cron_stopped, 1, "FAIL  cron deliver: it last ran at 2026-01-01"),
        (cron_never, 0, "warn  cron deliver: no run is on record"),
        (cron_in_trouble, 0, "warn  cron deliver: it last ran at 20"),
        (cron_in_trouble, 0, "warn  cron deliver: … exit 1: deliver: 1 failed; `lolslackbot status` says what"),
        (cron_cut_off, 0, "warn  cron deliver: … was cut off (killed, or it could not write); the log says more"),
        (cron_to_come, 0, "warn  cron deliver: it last ran at 2099-01-01T00:00:00.000Z, which is still to come"),
        (key_of_another_project, 0, "ok    Riot key: Riot takes it, but the players were tracked with the key of"),
        (slack_does_not_tell, 75, "warn  channel C1: Slack does not tell: HTTP 503"),
        (riots_clock, 1, "FAIL  clock: this clock is 1 day, 0:00:0… ahead of Riot's; set it"),
        (no_clock, 77, "warn  clock: no server said what time it is"),
        (no_dates, 0, "warn  clock: no server said what time it is"),
        (another_workspace_s_clock, 2, "FAIL  clock: this clock is … behind Slack's; set it"),
        (a_user_s_token, 1, "FAIL  Slack workspace default: the token is a person's, not the bot's"),
        (a_user_s_token, 1, "warn  Slack workspace default: Slack did not say which scopes the token has"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy_and_the_others_are_tried(
    tracked: Bot, sandbox: Sandbox, happens: Callable[[Bot, Sandbox], None], status: int, line: str
) -> None:
    happens(tracked, sandbox)
    result = tracked.run("check")
    pattern = re.escape(line).replace("…", ".*")
    assert any(re.match(pattern, each) for each in unnamed(result).splitlines()), result.out
    assert (result.status, result.err) == (status, "")
    assert found(result, "database")
    assert found(result, "disk")


def test_a_log_that_cannot_be_written_is_a_finding(tracked: Bot) -> None:
    log = tracked.home / "lolslackbot.log"
    log.unlink(missing_ok=True)
    log.mkdir(mode=0o700)
    result = tracked.run("check")
    assert found(result, "log") == [
        f"FAIL  log: the log {log} cannot be written: Is a directory; make it writable: it is what explains a failure"
    ]
    assert result.status == 1


def test_a_log_that_cannot_be_made_is_a_finding(tracked: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)  # root may write anywhere
    monkeypatch.setattr(logs, "log_to_file", lambda *_: None)
    (tracked.home / "lolslackbot.log").unlink(missing_ok=True)
    result = tracked.run("check")
    assert found(result, "log")[0].startswith(f"FAIL  log: no log can be made in {tracked.home}; ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_of_several_users_are_named_with_the_remedy(tracked: Bot) -> None:
    tracked.run("check")
    home, name = tracked.home, user_name(65534)
    os.chown(home, 65534, 65534)
    os.chown(tracked.database, 65534, 65534)
    result = tracked.run("check")
    assert found(result, "files") == [
        f"warn  files: {home} belongs to {name}, and this is root; run it as {name}",
        f"warn  files: {home / 'lolslackbot.log'} belongs to root, and {home} to {name}; "
        f"chown {name} {home / 'lolslackbot.log'}",
    ]
    assert result.status == 0


def test_a_run_that_ends_just_now_is_not_one_that_was_cut_off(
    tracked: Bot, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    cron_cut_off(tracked, sandbox)
    monkeypatch.setattr(check, "is_at_work", ends_just_now)
    assert found(tracked.run("check"), "cron deliver")[0].endswith(", is at work")


def test_a_run_that_hangs_is_not_told_as_one_that_cron_did_not_start(tracked: Bot, sandbox: Sandbox) -> None:
    then = "2026-01-01T00:00:00.000Z"
    tracked.write(f"UPDATE runs SET began_at = '{then}', ended_at = NULL, exit_status = NULL WHERE stage = 'deliver'")
    with run_lock(tracked.database, "deliver"):
        result = tracked.run("check")
    assert found(result, "cron deliver") == [
        f"FAIL  cron deliver: it has been at work since {then}: it hangs; `lolslackbot status` says what that needs"
    ]
    assert result.status == 1


def test_a_long_run_that_ended_just_now_is_no_cron_that_stopped(tracked: Bot, sandbox: Sandbox) -> None:
    tracked.write("UPDATE runs SET began_at = '2026-01-01T00:00:00.000Z' WHERE stage = 'deliver'")
    result = tracked.run("check")
    assert found(result, "cron deliver") == ["ok    cron deliver: it last ran at 2026-01-01T00:00:00.000Z, exit 0"]


def test_a_channel_is_shown_by_the_name_that_slack_gives_or_last_gave(tracked: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.channels["C1"].name = "rift"
    tracked.write(
        "INSERT INTO holds (scope_kind, scope_id, endpoint, kind, reason, since) "
        "VALUES ('channel', 'C1', '', 'broken', 'restricted_action', '2026-11-23T12:00:00.000Z')"
    )
    assert "\nFAIL  channel #rift (C1): the bot is in it, but it was marked broken" in tracked.run("check").out
    assert "channel #rift (C1) is broken since " in tracked.run("status").out
    assert tracked.run("why", "C1").out.startswith("#rift (C1) announces Ahri Fan#EUW")
    assert "\nC1       #rift  default" in tracked.run("channels").out
    sandbox.slack.channels["C1"].name = "summoners"
    sandbox.slack.scopes["default"] = {"chat:write", "channels:history"}
    assert "\nFAIL  channel #rift (C1): the bot is in it" in tracked.run("check").out
    sandbox.slack.scopes["default"].add("channels:read")
    (channel,) = [each for each in json.loads(tracked.run("check", "--json").out) if each["what"] == "channel C1"]
    assert channel["name"] == "summoners"


def test_a_limit_that_is_known_is_not_called_into(tracked: Bot, sandbox: Sandbox) -> None:
    key_limited(tracked, sandbox)
    tracked.run("check")
    calls = len(sandbox.riot.requests)
    result = tracked.run("check")
    assert found(result, "Riot key")[0].startswith("warn  Riot key: not asked: ")
    assert (result.status, len(sandbox.riot.requests)) == (75, calls)


def test_a_channel_found_well_is_no_longer_held_back(tracked: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.channels["C1"].member = False
    tracked.write(
        "INSERT INTO holds (scope_kind, scope_id, endpoint, kind, reason, since, code) "
        "VALUES ('channel', 'C1', '', 'broken', 'not_in_channel', '2026-11-23T12:00:00.000Z', 'not_in_channel')"
    )
    assert tracked.run("check").status == 1
    assert tracked.rows("SELECT scope_id FROM holds WHERE kind = 'broken'") == [("C1",)]
    sandbox.slack.channels["C1"].member = True
    result = tracked.run("check")
    assert "counts as well again" in found(result, "channel C1")[0]
    assert tracked.rows("SELECT scope_id FROM holds WHERE kind = 'broken'") == []
    assert "`check` by hand, channel C1: broken -> well" in tracked.run("why", "C1").out


@pytest.mark.parametrize("scopes", [{"chat:write", "channels:history"}, {"chat:write", "channels:read"}])
def test_what_reading_cannot_disprove_stays_broken(tracked: Bot, sandbox: Sandbox, scopes: set[str]) -> None:
    sandbox.slack.scopes["default"] = scopes
    tracked.write(
        "INSERT INTO holds (scope_kind, scope_id, endpoint, kind, reason, since, code) "
        "VALUES ('channel', 'C1', '', 'broken', 'restricted_action', '2026-11-23T12:00:00.000Z', 'restricted_action')"
    )
    result = tracked.run("check")
    assert result.status == 1
    assert found(result, "channel C1")[0].startswith(
        "FAIL  channel C1: the bot is in it, but it was marked broken: restricted_action"
    )
    assert tracked.rows("SELECT scope_id FROM holds WHERE kind = 'broken'") == [("C1",)]


def test_a_key_found_well_is_no_longer_held_back(tracked: Bot, sandbox: Sandbox) -> None:
    tracked.write(
        "INSERT INTO holds (scope_kind, scope_id, endpoint, kind, reason, since) "
        "VALUES ('riot_key', '', '', 'rejected', '403 Forbidden', '2026-11-23T12:00:00.000Z')"
    )
    assert tracked.run("check").status == 0
    assert tracked.rows("SELECT scope_id FROM holds WHERE kind = 'rejected'") == []


def test_without_a_database_the_rest_is_tried_all_the_same(here: Bot) -> None:
    result = here.run("check")
    assert result.status == 2
    assert "there is no database" in found(result, "database")[0]
    assert found(result, "disk")
    assert found(result, "Riot key")[0].startswith("warn  Riot key: not tried")
    assert found(result, "Slack workspace default") == ["ok    Slack workspace default: Slack takes the token"]
    del here.environment["RIOT_API_KEY"]
    assert "RIOT_API_KEY is not set" in here.run("check").out


@pytest.mark.parametrize(("scopes", "lifted"), [({"chat:write"}, True), ({"channels:history"}, False)])
def test_a_token_that_cannot_post_stays_rejected_and_one_that_can_is_tried_again(
    tracked: Bot, sandbox: Sandbox, scopes: set[str], lifted: bool
) -> None:
    tracked.write(
        "INSERT INTO holds (scope_kind, scope_id, endpoint, kind, reason, since) "
        "VALUES ('workspace', 'Default', '', 'rejected', 'missing_scope', '2026-11-23T12:00:00.000Z')"
    )
    sandbox.slack.scopes["default"] = scopes
    tracked.run("check")
    assert (tracked.rows("SELECT scope_id FROM holds WHERE kind = 'rejected'") == []) == lifted


def test_where_nobody_is_tracked_the_key_is_tried_all_the_same(tracked: Bot) -> None:
    tracked.run("untrack", PLAYER)
    result = tracked.run("check")
    assert found(result, "Riot key") == ["ok    Riot key: Riot takes it"]
    assert result.status == 0


# What needs no servers


def test_a_run_at_work_is_no_run_cut_off(tracked: Bot, sandbox: Sandbox) -> None:
    cron_cut_off(tracked, sandbox)
    with run_lock(tracked.database, "deliver"):
        assert found(tracked.run("check"), "cron deliver")[0].endswith(", is at work")


def test_a_database_that_another_program_holds_is_read_but_no_call_is_counted_in_it(
    tracked: Bot, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0)
    tracked.write(
        "INSERT INTO holds (scope_kind, scope_id, endpoint, kind, reason, since) "
        "VALUES ('workspace', 'default', '', 'rejected', 'x', '2026-01-01T00:00:00.000Z')"
    )
    with closing(sqlite3.connect(tracked.database, isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        result = tracked.run("check")
    assert "is locked by another program: close it (a forgotten sqlite3 shell?)" in found(result, "database")[0]
    assert found(result, "Riot key") == [
        "warn  Riot key: not tried: without a database to write to no call can be counted"
    ]
    assert found(result, "channel C1") == ["ok    channel C1: the bot is in it"]
    assert (result.status, result.err, sandbox.riot.requests) == (75, "", [])


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


@pytest.mark.parametrize(("environment", "told"), FAULTY)
def test_a_setting_at_fault_is_one_finding_and_what_does_not_need_it_is_tried(
    tracked: Bot, sandbox: Sandbox, environment: dict[str, str], told: list[str]
) -> None:
    tracked.environment |= environment
    result = tracked.run("check", "--json")
    assert (result.status, result.err) == (2, "")
    findings = json.loads(result.out)
    assert [each["what"] for each in findings if each["what"] == "settings" or "not tried" in each["said"]] == told
    assert findings[0]["what"] == "here"
    for name, finding in zip(environment, findings[1:], strict=False):
        assert (finding["what"], finding["state"], finding["status"]) == ("settings", "fail", 2)
        assert finding["said"].startswith(name)
    tried = {each["what"] for each in findings if each["state"] == "ok"}
    assert {"files", "disk", "database", "Riot key", "Slack workspace default"} - tried == set(told) - {"settings"}
    assert len(sandbox.riot.requests) == ("Riot key" not in told)


def test_an_env_file_that_cannot_be_read_is_one_finding_too(tracked: Bot, sandbox: Sandbox) -> None:
    (tracked.home / "env").write_text("what is this?\n")
    (tracked.home / "env").chmod(0o600)
    result = tracked.run("check")
    assert (result.status, result.err) == (2, "")
    assert found(result, "settings") == [f"FAIL  settings: {tracked.home / 'env'}, line 1: it must read NAME=value"]
    assert result.out.count("not tried: a setting that it needs is at fault") == 3
    assert found(result, "disk")[0].startswith("ok")
    assert (sandbox.riot.requests, sandbox.slack.requests) == ([], [])


def nobody(*_: Any) -> Any:
    raise ZeroDivisionError("a bug")


def findings(db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, free: int) -> dict[str, Any]:
    monkeypatch.setattr(check, "free_bytes", lambda _: free)
    checking = Checking(Settings(db.path.parent, db.path, Secret("a key")), clock, nobody, nobody)
    assert exit_status(checking.all()) == 1
    return {finding.what: finding for finding in checking.findings}


def test_a_full_disk_is_a_failure_with_its_remedy(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert findings(db, clock, monkeypatch, 99 * 2**20)["disk"].state == "FAIL"
    assert findings(db, clock, monkeypatch, 101 * 2**20)["disk"].state == "ok"


def test_a_check_that_breaks_is_a_failure_of_its_own(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = findings(db, clock, monkeypatch, 2**40)
    assert told["Riot key"].said == "unexpected ZeroDivisionError: the log has more"
    assert told["Slack workspace default"].state == "FAIL"
    assert "a bug" in caplog.text


# The alert channel and empty settings


def test_the_alert_channel_is_tried_though_nobody_is_tracked_there(tracked: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.add_channel("CALERTS")
    tracked.environment["LOLSLACKBOT_ALERT_CHANNEL"] = "CALERTS"
    assert found(tracked.run("check"), "channel CALERTS") == ["ok    channel CALERTS: the bot is in it"]
    sandbox.slack.channels["CALERTS"].member = False
    result = tracked.run("check")
    (line,) = found(result, "channel CALERTS")
    assert result.status == 1
    assert line.startswith("FAIL  channel CALERTS: ")
    assert "alerts go there" in line
    assert line.endswith("; or name another in LOLSLACKBOT_ALERT_CHANNEL")


def test_an_archived_alert_channel_is_a_need_until_it_is_seen_well_and_untrack_is_no_remedy(
    tracked: Bot, sandbox: Sandbox
) -> None:
    tracked.run("fetch-matches")
    sandbox.slack.add_channel("CALERTS", archived=True)
    settings = {"LOLSLACKBOT_ALERT_CHANNEL": "CALERTS"}
    remedy = "alerts go there; unarchive it; or name another in LOLSLACKBOT_ALERT_CHANNEL"
    assert found(tracked.run("check", **settings), "channel CALERTS") == [
        f"FAIL  channel CALERTS: it is archived; {remedy}"
    ]
    (need,) = status_of(tracked)
    assert need.startswith("channel CALERTS: it is archived; alerts go there, found by `check` at ")
    for seen_well in (True, False):
        sandbox.slack.channels["CALERTS"].archived = not seen_well
        tracked.run("check", **settings)
        assert bool(status_of(tracked)) != seen_well
    tracked.run("check")  # the setting was taken out
    assert status_of(tracked) == []


def test_a_setting_without_a_value_is_named_by_line_where_that_says_nothing(tracked: Bot) -> None:
    (tracked.home / "env").write_text("LOLSLACKBOT_MATCH_LINK=\n\nLOLSLACKBOT_ALERT_CHANNEL= # #ops\n")
    (tracked.home / "env").chmod(0o600)
    result = tracked.run("check")
    assert result.status == 0
    assert found(result, "settings") == [
        f"warn  settings: {tracked.home / 'env'}, line 3: LOLSLACKBOT_ALERT_CHANNEL is empty, so it counts as not set"
    ]


def test_a_value_that_begins_with_a_hash_is_a_fault_and_the_other_lines_count(tracked: Bot) -> None:
    key = tracked.environment.pop("RIOT_API_KEY")
    (tracked.home / "env").write_text(f"LOLSLACKBOT_ALERT_CHANNEL=#ops\nRIOT_API_KEY={key}\n")
    result = tracked.run("check")
    assert result.status == 2
    (line,) = found(result, "settings")
    assert line.startswith(f"FAIL  settings: {tracked.home / 'env'}, line 1: LOLSLACKBOT_ALERT_CHANNEL: ")
    assert "ops" not in line
    assert found(result, "Riot key") == ["ok    Riot key: Riot takes it"]


def test_an_env_file_that_cannot_be_read_has_no_empty_settings(tracked: Bot) -> None:
    (tracked.home / "env").mkdir()
    (line,) = found(tracked.run("check"), "settings")
    assert line.startswith("FAIL  settings: ")
