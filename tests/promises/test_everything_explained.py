"""The log tells why, without a secret; a person gets one clear line; cron gets no flood of mail."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from support import Bot

from lolslackbot.sandbox import Mishap, Player, Sandbox

CANARIES = {"RIOT_API_KEY": "RGAPI-canary-1f3a", "SLACK_BOT_TOKEN": "xoxb-canary-77c2"}


def play(bot: Bot, sandbox: Sandbox, player: Player | None = None) -> str:
    sandbox.slack.add_channel("C1")
    player = player or sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    assert bot.run("track", "Ahri Fan#EUW", "--channel", "C1").status == 0
    return sandbox.riot.add_game([player], ended=datetime.now(UTC) + timedelta(seconds=1))


def test_log__follows_a_match(in_process_bot: Bot, sandbox: Sandbox) -> None:
    """One search follows a match from its listing to its message."""
    match = play(in_process_bot, sandbox)
    in_process_bot.tick()
    story = "\n".join(line for line in in_process_bot.log.splitlines() if match in line)
    chapters = ("new:", f"matches/{match} -> 200", "stored", "built for C1", "postMessage -> 200", "delivered, ts")
    assert re.search(".*".join(map(re.escape, chapters)), story, re.DOTALL), story


def test_log__decisions_about_many_and_by_hand(in_process_bot: Bot, sandbox: Sandbox) -> None:
    """One search also finds what is decided about many matches at once, and by hand."""
    match = play(in_process_bot, sandbox)
    in_process_bot.tick()
    before = len(in_process_bot.log)
    fate = "UPDATE messages SET error = '-', state = '{}', claim_token = {}, happened_at = '{}'"
    in_process_bot.write(fate.format("sending", "'dead'", "2026-01-01T00:00:00.000Z"))
    in_process_bot.run("deliver")
    in_process_bot.write(fate.format("failed", "NULL", "2026-01-01T00:00:00.000Z"))
    in_process_bot.run("retry", "--message", match, "C1", "--yes")
    in_process_bot.run("deliver")
    in_process_bot.write(fate.format("pending", "NULL", "2100-01-01T00:00:00.000Z"))
    in_process_bot.run("untrack", "Ahri Fan#EUW")
    story = "\n".join(line for line in in_process_bot.log[before:].splitlines() if match in line)
    for chapter in (
        f"in flight when the previous run died, outcome unknown: {match}:C1",
        f"retry, message {match}:C1: ",
        f"{match}:C1 is expired: no longer news",
        f"untrack: {match}:C1 is expired: untracked",
    ):
        assert chapter in story, story


def test_log__matches_given_up(in_process_bot: Bot, sandbox: Sandbox) -> None:
    """A closed match and what was before tracking are found by their ids."""
    now = datetime.now(UTC)
    ahri = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    older = [sandbox.riot.add_game([ahri], ended=now - timedelta(minutes=minutes)) for minutes in (90, 45)]
    closed = play(in_process_bot, sandbox, ahri)
    sandbox.riot.misbehave(Mishap.status(403), path=closed)
    in_process_bot.run("fetch-matches")
    log = in_process_bot.log
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


FETCH, PLAYER, DELIVER = "fetch-matches MATCH", "fetch-matches Ahri Fan#EUW", "deliver MATCH C1"
REJECTED = "the run ends: Riot refuses RIOT_API_KEY ({} "
LIMITED = (
    "GET europe/lol/match/v5/matches/MATCH -> 429, N ms; x-rate-limit-type: application; retry-after: 60; Rate limit"
)
HELD = "backing off from europe (match-ids) for 60.5 s: 429 of type method, Retry-After 60: Rate limit exceeded"
DEAD = Mishap.error("is_archived")
# What goes wrong, the worst exit status, and the line of the log that names the cause, with its stack trace.
CAUSES: list[tuple[Callable[[Sandbox], object], int, str, str, str]] = [
    (riot(Mishap.status(500)), 1, FETCH, "europe: 500 Internal server error", "RiotRefusal: 500 "),
    (riot(Mishap.cut()), 1, FETCH, "europe: no usable answer: ConnectionError", "RiotRefusal: no "),
    (riot(Mishap.status(403)), 0, FETCH, "403 Forbidden: either this match is private or ", "RiotRefusal: 403"),
    (riot(Mishap.status(403), None), 77, "fetch-matches", REJECTED.format(403), "Rejected: "),
    (riot(Mishap.status(401), None), 77, "fetch-matches", REJECTED.format(401), "Rejected: "),
    (riot(Mishap.status(404), "match-ids"), 0, PLAYER, "flagged: Riot has no list: 404 ", "RiotRefusal: 404 "),
    (riot(Mishap.limited(60, "application")), 75, FETCH, LIMITED, ""),
    (riot(Mishap.limited(60, "method"), "match-ids"), 75, PLAYER, HELD, ""),
    (slack(DEAD), 1, DELIVER, "failed: is_archived; unarchive the channel", ""),
    (slack(DEAD), 1, DELIVER, "POST chat.postMessage -> 200, N ms", "The server resp"),
    (slack(Mishap.cut()), 1, DELIVER, "POST chat.postMessage -> no whole answer, N ms", "RemoteDisconnected"),
    (slack(Mishap.cut()), 1, DELIVER, "outcome unknown, the message may or may not be in Slack: no whole answer", ""),
    (slack(Mishap.error("invalid_auth")), 77, DELIVER, "Slack refuses the token of workspace default: inval", ""),
    (slack(Mishap.limited(60)), 75, DELIVER, "C1 waits for 60 s: ratelimited", ""),
]


@pytest.mark.parametrize(("fault", "status", "about", "said", "trace"), CAUSES)
def test_log__names_the_cause(
    in_process_bot: Bot,
    sandbox: Sandbox,
    fault: Callable[[Sandbox], object],
    status: int,
    about: str,
    said: str,
    trace: str,
) -> None:
    """The log of a failing run names the cause, with its stack trace, and every call that was made."""
    match = play(in_process_bot, sandbox)
    fault(sandbox)
    assert max(result.status for result in in_process_bot.tick()) == status
    log = entries(in_process_bot.log)
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


def test_log__commands_by_hand(in_process_bot: Bot, sandbox: Sandbox) -> None:
    """What a person runs is in the log with command, item and the cause of its failure."""
    assert in_process_bot.run("track", "Nobody#EUW", "--channel", "C1").status == 1
    sandbox.riot.misbehave(Mishap.status(403), endpoint=None)
    assert in_process_bot.run("check").status == 77
    told = [(each.about, each.said, bool(each.trace)) for each in entries(in_process_bot.log)]
    assert (
        "track",
        "the command ends: Riot knows no Nobody#EUW: check the spelling and the tag after the #",
        True,
    ) in told
    assert ("check", "Riot key: 403 Forbidden", True) in told
    assert [about for about, said, _ in told if "by-riot-id/Nobody/EUW -> 404" in said] == ["track Nobody#EUW"]


@pytest.mark.parametrize(
    "fault",
    [Mishap.status(500), Mishap.cut(accepted=True), Mishap.html(200), Mishap.json([]), Mishap.error("is_archived")],
)
def test_log__stack_traces(in_process_bot: Bot, sandbox: Sandbox, fault: Mishap) -> None:
    """Every squelched error is in the log with its stack trace, and none is on the terminal."""
    play(in_process_bot, sandbox)
    for stage in ("fetch-matches", "build-messages"):
        in_process_bot.run(stage)
    sandbox.slack.misbehave(fault)
    result = in_process_bot.run("deliver")
    assert result.status == 1
    assert "Traceback" in in_process_bot.log
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
def test_secrets__stay_secret(in_process_bot: Bot, sandbox: Sandbox, fault: Mishap) -> None:
    """No key or token reaches the terminal, the log or the database, whatever fails."""
    play(in_process_bot, sandbox)
    in_process_bot.tick()
    in_process_bot.environment |= CANARIES  # unknown to the sandbox: every answer refuses them, or meets the fault
    sandbox.riot.misbehave(fault)
    sandbox.slack.misbehave(fault, method=None)
    in_process_bot.write("UPDATE messages SET state = 'pending', slack_ts = NULL")
    in_process_bot.rest()
    results = [in_process_bot.run("-vv", stage) for stage in ("fetch-matches", "deliver")]
    results.append(in_process_bot.run("-vv", "track", "New#EUW", "--channel", "C1"))
    told = "".join(result.out + result.err for result in results)
    for path in in_process_bot.home.iterdir():
        told += path.read_bytes().decode("utf-8", "replace")
    for name in CANARIES:
        assert CANARIES[name] not in told
        assert sandbox.settings[name] not in told


def test_secrets__foreign_host(in_process_bot: Bot, sandbox: Sandbox) -> None:
    """A host that a redirect names never gets a request of ours."""
    match = play(in_process_bot, sandbox)
    with Sandbox(seed=2) as foreign:
        elsewhere = foreign.settings["LOLSLACKBOT_RIOT_URL"].format(routing="europe")
        sandbox.riot.misbehave(Mishap.redirect(302, elsewhere), endpoint=None)
        sandbox.slack.misbehave(Mishap.redirect(307, foreign.settings["LOLSLACKBOT_SLACK_URL"] + "chat.postMessage"))
        assert in_process_bot.run("fetch-matches").status == 75
        sandbox.riot.behave()
        assert in_process_bot.run("fetch-matches").status == 0
        in_process_bot.run("build-messages")
        assert in_process_bot.run("deliver").status == 1
        assert (foreign.riot.requests, foreign.slack.requests) == ([], [])
    assert in_process_bot.rows("SELECT match_id, state FROM messages") == [(match, "uncertain")]


def test_proxies__not_for_loopback(in_process_bot: Bot, sandbox: Sandbox) -> None:
    """Proxies of the environment are not used for loopback."""
    play(in_process_bot, sandbox)
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    assert [result.status for result in in_process_bot.tick(**proxies)] == [0, 0, 0]
    assert len(sandbox.slack.posts) == 1


def test_quiet__failure_once_success_never(in_process_bot: Bot, sandbox: Sandbox) -> None:
    """With -q a failure speaks once; success and limits never do."""
    play(in_process_bot, sandbox)
    in_process_bot.run("fetch-matches")
    in_process_bot.run("build-messages")
    sandbox.slack.misbehave(Mishap.limited(60), times=1)
    silent = in_process_bot.run("-q", "deliver")
    assert (silent.status, silent.out, silent.err) == (75, "", "")
    in_process_bot.write("DELETE FROM holds")
    in_process_bot.rest()
    sandbox.slack.revoke("default")
    spoken = in_process_bot.run("-q", "deliver")
    assert spoken.status == 77
    assert "invalid_auth" in spoken.err
    for _ in range(2):
        in_process_bot.rest()
        again = in_process_bot.run("-q", "deliver")
        assert (again.status, again.out, again.err) == (77, "", "")
    sandbox.slack.reinstate("default")
    in_process_bot.rest()
    fine = in_process_bot.run("-q", "deliver")
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
    (GOOD, {"LOLSLACKBOT_MAX_SECONDS": "soon"}, "LOLSLACKBOT_MAX_SECONDS"),
    (GOOD, {"LOLSLACKBOT_CHANNEL_LIMIT": "0/3600"}, "LOLSLACKBOT_CHANNEL_LIMIT"),
    (GOOD, {"LOLSLACKBOT_SLACK_URL": "https://user:pw@slack.com/api/"}, "LOLSLACKBOT_SLACK_URL"),
]


@pytest.mark.parametrize(("arguments", "environment", "named"), WRONG)
def test_wrong_input__one_line(
    in_process_bot: Bot, arguments: tuple[str, ...], environment: dict[str, str], named: str
) -> None:
    """Wrong input is one line that names it, shows no secret, and nothing is written."""
    result = in_process_bot.run(*arguments, **environment)
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert named in result.err
    assert not in_process_bot.home.exists()
    assert not any(value in result.err for name, value in environment.items() if name.startswith("SLACK_BOT"))


def test_track__unknown_name_or_rejected_key(in_process_bot: Bot, sandbox: Sandbox) -> None:
    """An unknown Riot ID and a rejected key each say what to do."""
    unknown = in_process_bot.run("track", "Nobody#EUW", "--channel", "C1")
    assert (unknown.status, unknown.out) == (1, "")
    assert "Riot knows no Nobody#EUW" in unknown.err
    refused = in_process_bot.run(*GOOD, RIOT_API_KEY="RGAPI-expired")
    assert refused.status == 77
    assert "renew it" in refused.err
    down = in_process_bot.run(*GOOD, LOLSLACKBOT_RIOT_URL="http://127.0.0.1:9/{routing}")
    assert down.status == 75


def test_alert__rejected_key_once(in_process_bot: Bot, sandbox: Sandbox) -> None:
    """The alert channel hears of a rejected key once, and nothing else changes."""
    sandbox.slack.add_channel("C1")
    sandbox.slack.add_channel("CALERTS")
    sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    in_process_bot.environment["LOLSLACKBOT_ALERT_CHANNEL"] = "CALERTS"
    assert in_process_bot.run("track", "Ahri Fan#EUW", "--channel", "C1", "--platform", "euw1").status == 0
    sandbox.riot.misbehave(Mishap.status(403), endpoint=None)
    for _ in range(3):
        fetched, _, delivered = in_process_bot.tick()
        assert (fetched.status, delivered.status) == (77, 0)
        assert in_process_bot.run("deliver", "--dry-run").status == 0
    (post,) = [each for each in sandbox.slack.posts if each.channel == "CALERTS"]
    assert "lolslackbot needs a person: Riot key is rejected" in post.text
    assert len(sandbox.slack.posts) == 1
