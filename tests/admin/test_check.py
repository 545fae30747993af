"""What check finds, what it tells to do about it, how it ends, and what it heals; against the sandbox."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from support import Bot, FakeClock, Result

from lolslackbot.admin.check import Checking, exit_status
from lolslackbot.model import RiotId
from lolslackbot.sandbox import Mishap, Sandbox
from lolslackbot.settings import Secret, Settings
from lolslackbot.store import players, runs
from lolslackbot.store.database import Database
from lolslackbot.store.locks import STAGES

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
    """The lines about something."""
    return [line for line in result.out.splitlines() if line[6:].startswith(f"{what}:")]


def test_all_is_well(tracked: Bot) -> None:
    result = tracked.run("check")
    assert (result.status, result.err) == (0, "")
    assert {line[:5].strip() for line in result.out.splitlines()} == {"ok"}
    for what in ("files", "disk", "database", "cron deliver", "Riot key", "Slack workspace default", "channel C1"):
        assert found(result, what), result.out
    assert tracked.environment["RIOT_API_KEY"] not in result.out
    assert tracked.environment["SLACK_BOT_TOKEN"] not in result.out


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
        "remedy": "unarchive it, or untrack: `lolslackbot untrack NAME#TAG --channel C1`",
        "status": 1,
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
    bot.write("UPDATE runs SET began_at = '2026-01-01T00:00:00.000Z' WHERE stage = 'deliver'")


def cron_never(bot: Bot, sandbox: Sandbox) -> None:
    bot.write("DELETE FROM runs")


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
        (a_user_s_token, 1, "FAIL  Slack workspace default: the token is a person's, not the bot's"),
        (a_user_s_token, 1, "warn  Slack workspace default: Slack did not say which scopes the token has"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy_and_the_others_are_tried(
    tracked: Bot, sandbox: Sandbox, happens: Callable[[Bot, Sandbox], None], status: int, line: str
) -> None:
    happens(tracked, sandbox)
    result = tracked.run("check")
    assert any(each.startswith(line) for each in result.out.splitlines()), result.out
    assert (result.status, result.err) == (status, "")
    assert found(result, "database")
    assert found(result, "disk")


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
        "INSERT INTO holds (scope, kind, reason, since) "
        "VALUES ('channel C1', 'broken', 'not_in_channel', '2026-11-23T12:00:00.000Z')"
    )
    assert tracked.run("check").status == 1
    assert tracked.rows("SELECT scope FROM holds WHERE kind = 'broken'") == [("channel C1",)]
    sandbox.slack.channels["C1"].member = True
    result = tracked.run("check")
    assert "counts as well again" in found(result, "channel C1")[0]
    assert tracked.rows("SELECT scope FROM holds WHERE kind = 'broken'") == []
    assert "`check` by hand, channel C1: broken -> well" in tracked.run("why", "C1").out


@pytest.mark.parametrize("scopes", [{"chat:write", "channels:history"}, {"chat:write", "channels:read"}])
def test_what_reading_cannot_disprove_stays_broken(tracked: Bot, sandbox: Sandbox, scopes: set[str]) -> None:
    sandbox.slack.scopes["default"] = scopes
    tracked.write(
        "INSERT INTO holds (scope, kind, reason, since) "
        "VALUES ('channel C1', 'broken', 'restricted_action', '2026-11-23T12:00:00.000Z')"
    )
    result = tracked.run("check")
    assert result.status == 1
    assert found(result, "channel C1")[0].startswith(
        "FAIL  channel C1: the bot is in it, but it was marked broken: restricted_action"
    )
    assert tracked.rows("SELECT scope FROM holds WHERE kind = 'broken'") == [("channel C1",)]


def test_a_key_found_well_is_no_longer_held_back(tracked: Bot, sandbox: Sandbox) -> None:
    tracked.write(
        "INSERT INTO holds (scope, kind, reason, since) "
        "VALUES ('riot', 'rejected', '403 Forbidden', '2026-11-23T12:00:00.000Z')"
    )
    assert tracked.run("check").status == 0
    assert tracked.rows("SELECT scope FROM holds WHERE kind = 'rejected'") == []


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
        "INSERT INTO holds (scope, kind, reason, since) "
        "VALUES ('workspace Default', 'rejected', 'missing_scope', '2026-11-23T12:00:00.000Z')"
    )
    sandbox.slack.scopes["default"] = scopes
    tracked.run("check")
    assert (tracked.rows("SELECT scope FROM holds WHERE kind = 'rejected'") == []) == lifted


def test_where_nobody_is_tracked_the_key_is_tried_all_the_same(tracked: Bot) -> None:
    tracked.run("untrack", PLAYER)
    result = tracked.run("check")
    assert found(result, "Riot key") == ["ok    Riot key: Riot takes it"]
    assert result.status == 0


# What needs no servers


def nobody(*_: Any) -> Any:
    raise ZeroDivisionError("a bug")


def findings(db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, free: int) -> dict[str, Any]:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
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
