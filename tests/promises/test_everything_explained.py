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


def test_log__follows_a_match(here: Bot, sandbox: Sandbox) -> None:
    """One search follows a match from its listing to its message."""
    match = play(here, sandbox)
    here.tick()
    story = "\n".join(line for line in here.log.splitlines() if match in line)
    chapters = ("new:", f"matches/{match} -> 200", "stored", "built for C1", "postMessage -> 200", "delivered, ts")
    assert re.search(".*".join(map(re.escape, chapters)), story, re.DOTALL), story


def test_log__decisions_about_many_and_by_hand(here: Bot, sandbox: Sandbox) -> None:
    """One search also finds what is decided about many matches at once, and by hand."""
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
        f"in flight when the previous run died, outcome unknown: {match}:C1",
        f"retry, message {match}:C1: ",
        f"{match}:C1 is expired: no longer news",
        f"untrack: {match}:C1 is expired: untracked",
    ):
        assert chapter in story, story


def test_log__matches_given_up(here: Bot, sandbox: Sandbox) -> None:
    """A closed match and what was before tracking are found by their ids."""
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
    here: Bot, sandbox: Sandbox, fault: Callable[[Sandbox], object], status: int, about: str, said: str, trace: str
) -> None:
    """The log of a failing run names the cause, with its stack trace, and every call that was made."""
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


def test_log__commands_by_hand(here: Bot, sandbox: Sandbox) -> None:
    """What a person runs is in the log with command, item and the cause of its failure."""
    assert here.run("track", "Nobody#EUW", "--channel", "C1").status == 1
    sandbox.riot.misbehave(Mishap.status(403), endpoint=None)
    assert here.run("check").status == 77
    told = [(each.about, each.said, bool(each.trace)) for each in entries(here.log)]
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
def test_log__stack_traces(here: Bot, sandbox: Sandbox, fault: Mishap) -> None:
    """Every squelched error is in the log with its stack trace, and none is on the terminal."""
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
def test_secrets__stay_secret(here: Bot, sandbox: Sandbox, fault: Mishap) -> None:
    """No key or token reaches the terminal, the log or the database, whatever fails."""
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


def test_secrets__foreign_host(here: Bot, sandbox: Sandbox) -> None:
    """A host that a redirect names never gets a request of ours."""
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


def test_proxies__not_for_loopback(here: Bot, sandbox: Sandbox) -> None:
    """Proxies of the environment are not used for loopback."""
    play(here, sandbox)
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    assert [result.status for result in here.tick(**proxies)] == [0, 0, 0]
    assert len(sandbox.slack.posts) == 1


def test_quiet__failure_once_success_never(here: Bot, sandbox: Sandbox) -> None:
    """With -q a failure speaks once; success and limits never do."""
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
    (GOOD, {"LOLSLACKBOT_MAX_SECONDS": "soon"}, "LOLSLACKBOT_MAX_SECONDS"),
    (GOOD, {"LOLSLACKBOT_CHANNEL_LIMIT": "0/3600"}, "LOLSLACKBOT_CHANNEL_LIMIT"),
    (GOOD, {"LOLSLACKBOT_SLACK_URL": "https://user:pw@slack.com/api/"}, "LOLSLACKBOT_SLACK_URL"),
]


@pytest.mark.parametrize(("arguments", "environment", "named"), WRONG)
def test_wrong_input__one_line(here: Bot, arguments: tuple[str, ...], environment: dict[str, str], named: str) -> None:
    """Wrong input is one line that names it, shows no secret, and nothing is written."""
    result = here.run(*arguments, **environment)
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert named in result.err
    assert not here.home.exists()
    assert not any(value in result.err for name, value in environment.items() if name.startswith("SLACK_BOT"))


def test_track__unknown_name_or_rejected_key(here: Bot, sandbox: Sandbox) -> None:
    """An unknown Riot ID and a rejected key each say what to do."""
    unknown = here.run("track", "Nobody#EUW", "--channel", "C1")
    assert (unknown.status, unknown.out) == (1, "")
    assert "Riot knows no Nobody#EUW" in unknown.err
    refused = here.run(*GOOD, RIOT_API_KEY="RGAPI-expired")
    assert refused.status == 77
    assert "renew it" in refused.err
    down = here.run(*GOOD, LOLSLACKBOT_RIOT_URL="http://127.0.0.1:9/{routing}")
    assert down.status == 75


def test_alert__rejected_key_once(here: Bot, sandbox: Sandbox) -> None:
    """The alert channel hears of a rejected key once, and nothing else changes."""
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
