"""The log tells why, without a secret; a person gets one clear line; cron gets no flood of mail."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import Bot

from lolslackbot.sandbox import Mishap, Player, Sandbox

CANARIES = {"RIOT_API_KEY": "RGAPI-canary-1f3a", "SLACK_BOT_TOKEN": "xoxb-canary-77c2"}


def play(bot: Bot, sandbox: Sandbox, player: Player | None = None) -> str:
    sandbox.slack.add_channel("C1")
    player = player or sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    assert bot.run("track", "Ahri Fan#EUW", "--channel", "C1").status == 0
    return sandbox.riot.add_game([player], ended=datetime.now(UTC) + timedelta(seconds=1))


def test_one_search_follows_a_match_from_its_listing_to_its_message(here: Bot, sandbox: Sandbox) -> None:
    match = play(here, sandbox)
    here.tick()
    story = "\n".join(line for line in here.log.splitlines() if match in line)
    chapters = ("new:", f"matches/{match} -> 200", "stored", "built for C1", "postMessage -> 200", "delivered, ts")
    assert re.search(".*".join(map(re.escape, chapters)), story, re.DOTALL), story


def test_one_search_finds_what_is_decided_of_many_at_once_and_by_hand(here: Bot, sandbox: Sandbox) -> None:
    match = play(here, sandbox)
    here.tick()
    before = len(here.log)
    fate = "UPDATE messages SET error = '-', state = '{}', claim_token = {}, ended_at = '{}'"
    here.write(fate.format("sending", "'dead'", "2026-01-01T00:00:00.000Z"))
    here.run("deliver")
    here.write(fate.format("failed", "NULL", "2026-01-01T00:00:00.000Z"))
    here.run("retry", "--message", match, "C1", "--yes")
    here.run("deliver")
    here.write(fate.format("pending", "NULL", "2100-01-01T00:00:00.000Z"))
    here.run("untrack", "Ahri Fan#EUW")
    story = "\n".join(line for line in here.log[before:].splitlines() if match in line)
    for chapter in (
        f"being sent when the last run died, so uncertain: {match}:C1",
        f"retry, message {match}:C1: ",
        f"{match}:C1 is expired: no longer news",
        f"untrack: {match}:C1 is expired: untracked",
    ):
        assert chapter in story, story


def test_a_closed_match_and_what_was_before_tracking_are_found_by_their_ids(here: Bot, sandbox: Sandbox) -> None:
    now = datetime.now(UTC)
    ahri = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    older = [sandbox.riot.add_game([ahri], ended=now - timedelta(minutes=minutes)) for minutes in (90, 45)]
    closed = play(here, sandbox, ahri)
    sandbox.riot.misbehave(Mishap.status(403), path=closed)
    here.run("fetch-matches")
    log = here.log
    assert re.search(rf" fetch-matches [^:]*{closed}: given up: closed: 403 Forbidden, while the key is good", log)
    assert f"fetch-matches {older[1]}: given up: before tracking" in log
    assert f"{older[0]} is given up: before tracking" in log


ENTRY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ run-\d+ ([^:]+): (.*)")
CALL = re.compile(r"(GET|POST) \S+ -> .+, \d+ ms.*")


@dataclass
class Entry:
    """One line of the log, and the stack trace that follows it. about: the stage and the item."""

    about: str
    said: str
    trace: list[str]


def entries(log: str) -> list[Entry]:
    found: list[Entry] = []
    for line in log.splitlines():
        if parts := ENTRY.fullmatch(line):
            found.append(Entry(parts[1], parts[2], []))
        else:
            found[-1].trace.append(line.removeprefix("  "))
    return found


def riot(mishap: Mishap, endpoint: str | None = "match") -> Callable[[Sandbox], object]:
    return lambda sandbox: sandbox.riot.misbehave(mishap, endpoint=endpoint)


def slack(mishap: Mishap) -> Callable[[Sandbox], object]:
    return lambda sandbox: sandbox.slack.misbehave(mishap)


LIMIT = "Rate limit exceeded"
CAUSES: list[tuple[Callable[[Sandbox], object], int, str, str, str]] = [
    (riot(Mishap.status(500)), 1, "fetch-matches MATCH", "europe: 500 Internal server error", "RiotRefusal: 500 "),
    (riot(Mishap.cut()), 1, "fetch-matches MATCH", "europe: no usable answer: ConnectionError", "RiotRefusal: no "),
    (
        riot(Mishap.status(403)),
        0,
        "fetch-matches MATCH",
        "403 Forbidden: this match is closed, or ",
        "RiotRefusal: 403",
    ),
    (
        riot(Mishap.status(403), None),
        77,
        "fetch-matches",
        "the run ends: Riot refuses RIOT_API_KEY (403 ",
        "Rejected: ",
    ),
    (
        riot(Mishap.status(401), None),
        77,
        "fetch-matches",
        "the run ends: Riot refuses RIOT_API_KEY (401 ",
        "Rejected: ",
    ),
    (
        riot(Mishap.status(404), "match-ids"),
        0,
        "fetch-matches Ahri Fan#EUW",
        "flagged: Riot has no list: 404 ",
        "RiotRefusal: 404 ",
    ),
    (
        riot(Mishap.limited(60, "application")),
        75,
        "fetch-matches MATCH",
        f"GET europe/lol/match/v5/matches/MATCH -> 429, N ms; x-rate-limit-type: application; retry-after: 60; {LIMIT}",
        "",
    ),
    (
        riot(Mishap.limited(60, "method"), "match-ids"),
        75,
        "fetch-matches Ahri Fan#EUW",
        f"nothing more to europe (match-ids) for 60.5 s: 429 of type method, Retry-After 60: {LIMIT}",
        "",
    ),
    (slack(Mishap.error("is_archived")), 1, "deliver MATCH C1", "failed: is_archived; unarchive the channel", ""),
    (
        slack(Mishap.error("is_archived")),
        1,
        "deliver MATCH C1",
        "POST chat.postMessage -> 200, N ms",
        "The server resp",
    ),
    (
        slack(Mishap.cut()),
        1,
        "deliver MATCH C1",
        "POST chat.postMessage -> no whole answer, N ms",
        "RemoteDisconnected",
    ),
    (slack(Mishap.cut()), 1, "deliver MATCH C1", "uncertain, it may or may not be in Slack: no whole answer", ""),
    (
        slack(Mishap.error("invalid_auth")),
        77,
        "deliver MATCH C1",
        "the token of workspace default is refused: inval",
        "",
    ),
    (slack(Mishap.limited(60)), 75, "deliver MATCH C1", "channel C1 waits for 60 s: ratelimited", ""),
]


@pytest.mark.parametrize(("fault", "status", "about", "said", "trace"), CAUSES)
def test_the_log_of_a_failing_run_names_the_cause(
    here: Bot, sandbox: Sandbox, fault: Callable[[Sandbox], object], status: int, about: str, said: str, trace: str
) -> None:
    match = play(here, sandbox)
    fault(sandbox)
    assert max(result.status for result in here.tick()) == status
    log = entries(here.log)
    (cause,) = [
        each
        for each in log
        if each.about == about.replace("MATCH", match)
        and re.sub(r"\d+ ms", "N ms", each.said).startswith(said.replace("MATCH", match))
    ]
    assert bool(cause.trace) == bool(trace)
    assert not trace or any(trace in line for line in cause.trace)
    assert all(each.trace[:1] in ([], ["Traceback (most recent call last):"]) for each in log)
    calls = [each.said for each in log if CALL.fullmatch(each.said) and not each.said.startswith("GET /")]
    assert len(calls) == len(sandbox.riot.requests) + len(sandbox.slack.requests)  # but for Data Dragon's


def test_what_a_person_runs_is_in_the_log_with_command_and_item_and_with_the_cause_of_its_failure(
    here: Bot, sandbox: Sandbox
) -> None:
    assert here.run("track", "Nobody#EUW", "--channel", "C1").status == 1
    sandbox.riot.misbehave(Mishap.status(403), endpoint=None)
    assert here.run("check").status == 77
    told = [(each.about, each.said, bool(each.trace)) for each in entries(here.log)]
    assert (
        "track",
        "the command ends: Riot knows no Nobody#EUW: look at the spelling and at the tag after the #",
        True,
    ) in told
    assert ("check", "Riot key: 403 Forbidden", True) in told
    assert [about for about, said, _ in told if "by-riot-id/Nobody/EUW -> 404" in said] == ["track Nobody#EUW"]


@pytest.mark.parametrize(
    "fault",
    [Mishap.status(500), Mishap.cut(accepted=True), Mishap.html(200), Mishap.json([]), Mishap.error("is_archived")],
)
def test_every_squelched_error_is_in_the_log_with_its_stack_trace_and_none_on_the_terminal(
    here: Bot, sandbox: Sandbox, fault: Mishap
) -> None:
    play(here, sandbox)
    for stage in ("fetch-matches", "build-messages"):
        here.run(stage)
    sandbox.slack.misbehave(fault)
    result = here.run("deliver")
    assert result.status == 1
    assert "Traceback" in here.log
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
def test_no_secret_reaches_the_terminal_the_log_or_the_database(here: Bot, sandbox: Sandbox, fault: Mishap) -> None:
    play(here, sandbox)
    here.tick()
    here.environment |= CANARIES  # unknown to the sandbox: every answer refuses them, or meets the fault
    sandbox.riot.misbehave(fault)
    sandbox.slack.misbehave(fault, method=None)
    here.write("UPDATE messages SET state = 'pending', slack_ts = NULL")
    here.rest()
    results = [here.run("-vv", stage) for stage in ("fetch-matches", "deliver")]
    results.append(here.run("-vv", "track", "New#EUW", "--channel", "C1"))
    told = "".join(result.out + result.err for result in results)
    for path in here.home.iterdir():
        told += path.read_bytes().decode("utf-8", "replace")
    for name in CANARIES:
        assert CANARIES[name] not in told
        assert sandbox.settings[name] not in told


def test_a_foreign_host_never_sees_a_header_of_ours(here: Bot, sandbox: Sandbox) -> None:
    match = play(here, sandbox)
    with Sandbox(seed=2) as foreign:
        elsewhere = foreign.settings["LOLSLACKBOT_RIOT_URL"].format(routing="europe")
        sandbox.riot.misbehave(Mishap.redirect(302, elsewhere), endpoint=None)
        sandbox.slack.misbehave(Mishap.redirect(307, foreign.settings["LOLSLACKBOT_SLACK_URL"] + "chat.postMessage"))
        assert here.run("fetch-matches").status == 75
        sandbox.riot.behave()
        assert here.run("fetch-matches").status == 0
        here.run("build-messages")
        assert here.run("deliver").status == 1
        assert (foreign.riot.requests, foreign.slack.requests) == ([], [])
    assert here.rows("SELECT match_id, state FROM messages") == [(match, "uncertain")]


def test_proxies_of_the_environment_are_not_used_for_loopback(here: Bot, sandbox: Sandbox) -> None:
    play(here, sandbox)
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    assert [result.status for result in here.tick(**proxies)] == [0, 0, 0]
    assert len(sandbox.slack.posts) == 1


def test_quietly_a_failure_speaks_once_and_success_and_limits_never(here: Bot, sandbox: Sandbox) -> None:
    play(here, sandbox)
    here.run("fetch-matches")
    here.run("build-messages")
    sandbox.slack.misbehave(Mishap.limited(60), times=1)
    silent = here.run("-q", "deliver")
    assert (silent.status, silent.out, silent.err) == (75, "", "")
    here.write("DELETE FROM holds")
    here.rest()
    sandbox.slack.revoke("default")
    spoken = here.run("-q", "deliver")
    assert spoken.status == 77
    assert "invalid_auth" in spoken.err
    for _ in range(2):
        here.rest()
        again = here.run("-q", "deliver")
        assert (again.status, again.out, again.err) == (77, "", "")
    sandbox.slack.reinstate("default")
    here.rest()
    fine = here.run("-q", "deliver")
    assert (fine.status, fine.out, fine.err) == (0, "", "")
    assert len(sandbox.slack.posts) == 1


GOOD = ("track", "Ahri Fan#EUW", "--channel", "C1")
WRONG: list[tuple[tuple[str, ...], dict[str, str], str]] = [
    (("track",), {}, "--file"),
    ((*GOOD, "--file", "players.csv"), {}, "--file"),
    (("track", "--file", "/nowhere/players.csv"), {}, "players.csv"),
    (("-v", "-q", "deliver"), {}, "-q"),
    (("--nonsense", "deliver"), {}, "--nonsense"),
    (("deliver", "--nonsense"), {}, "--nonsense"),
    (("frobnicate",), {}, "frobnicate"),
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
    here: Bot, arguments: tuple[str, ...], environment: dict[str, str], named: str
) -> None:
    result = here.run(*arguments, **environment)
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert named in result.err
    assert not here.home.exists()
    for value in environment.values():
        if named.startswith(("RIOT_API", "SLACK_BOT")) and value:
            assert value not in result.err


def test_a_line_at_fault_in_a_file_is_named_and_the_others_are_done(
    here: Bot, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    path = tmp_path / "players.csv"
    path.write_text("riot_id,channel\nBear,C1\nAhri Fan#EUW,C1\n", "utf-8")
    for _ in range(2):  # it can be run again
        result = here.run("track", "--file", str(path))
        assert (result.status, result.out) == (2, "track: 1 of 2 rows are tracked\n")
        assert f"{path}, line 2: 'Bear' is no Riot ID" in result.err
        assert here.rows("SELECT game_name FROM players") == [("Ahri Fan",)]


@pytest.mark.parametrize("name", ["LOLSLACKBOT_MAX_WAIT", "RIOT_API_KEY"])
def test_the_env_file_is_read_and_the_environment_wins(here: Bot, sandbox: Sandbox, name: str) -> None:
    here.home.mkdir()
    good = here.environment.get(name, "10")
    here.environment.pop(name, None)
    (here.home / "env").write_text(f"{name}=with a space\n")
    result = here.run(*GOOD)
    assert result.status == 2
    assert name in result.err
    sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    assert here.run(*GOOD, **{name: good}).status == 0


def test_an_unknown_riot_id_and_a_refused_key_each_say_what_to_do(here: Bot, sandbox: Sandbox) -> None:
    unknown = here.run("track", "Nobody#EUW", "--channel", "C1")
    assert (unknown.status, unknown.out) == (1, "")
    assert "Riot knows no Nobody#EUW" in unknown.err
    refused = here.run(*GOOD, RIOT_API_KEY="RGAPI-expired")
    assert refused.status == 77
    assert "renew it" in refused.err
    down = here.run(*GOOD, LOLSLACKBOT_RIOT_URL="http://127.0.0.1:9/{routing}")
    assert down.status == 75


def test_the_alert_channel_hears_once_of_a_key_that_is_refused_and_nothing_else_changes(
    here: Bot, sandbox: Sandbox
) -> None:
    sandbox.slack.add_channel("C1")
    sandbox.slack.add_channel("CALERTS")
    sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    here.environment["LOLSLACKBOT_ALERT_CHANNEL"] = "CALERTS"
    assert here.run("track", "Ahri Fan#EUW", "--channel", "C1", "--platform", "euw1").status == 0
    sandbox.riot.misbehave(Mishap.status(403), endpoint=None)
    for _ in range(3):
        fetched, _, delivered = here.tick()
        assert (fetched.status, delivered.status) == (77, 0)
        assert here.run("deliver", "--dry-run").status == 0
    (post,) = [each for each in sandbox.slack.posts if each.channel == "CALERTS"]
    assert "lolslackbot needs a person: Riot key is rejected" in post.text
    assert len(sandbox.slack.posts) == 1
