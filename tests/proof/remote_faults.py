"""Every kind of answer, or of none, at each position of a delivery and of a fetch; then cron goes on.

The judge compares Slack with the database, and nothing in the bot's folder may hold a key or a token.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from lolslackbot.sandbox import Mishap
from proof.frame import Part, Tally, sample
from proof.judge import look, messages_in
from proof.worlds import (
    CHANNELS,
    DELIVER,
    World,
    amended,
    asked,
    listed,
    ranked,
    waiting,
    wrong_edits,
    wrong_ranks,
    wrong_replies,
)

NUMBER = 5  # messages of a delivery
LISTED = 2  # players of a fetch
MOST_LOOKS = 3  # at a match that Riot does not have
MOST_CALLS = 7  # for one match or one list, in the runs of one point: no kind of fault makes a loop
HOST = "127.0.0.1"
NOWHERE = f"http://{HOST}:9/"
CLOSES = frozenset(  # answers for a match that end it: JSON that is none, and a 403 while the key is good
    ("null", "a list", "an empty object", "a string", "a list of odd ids", "an object of another shape", "status 403")
)


@dataclass(frozen=True)
class Fault:
    """One kind. Of `mishap` and `environment` one is given: what a server plays, or what the trial runs under.

    leaves: what a post that meets it comes to. Only "open" may make it uncertain; after "later" it is delivered.
    """

    name: str
    mishap: Mishap | None = None
    environment: dict[str, str] = field(default_factory=dict)
    leaves: Literal["open", "later", "refused"] = "open"


def _open(accepted: bool) -> Iterator[Fault]:
    """What leaves a request's outcome open."""
    kinds = {
        "a reset": Mishap.reset(accepted=accepted),
        "cut off": Mishap.cut(accepted=accepted),
        "cut off within the headers": Mishap.cut_headers(accepted=accepted),
        "cut off within the body": Mishap.cut_body(accepted=accepted),
        "oversized": Mishap.oversized(6_000_000, accepted=accepted),
        "HTML with 200": Mishap.html(200, accepted=accepted),
        "HTML with 404": Mishap.html(404, accepted=accepted),
        "truncated JSON": Mishap.bad_json(accepted=accepted),
        "empty": Mishap.empty(accepted=accepted),
        "null": Mishap.json(None, accepted=accepted),
        "a list": Mishap.json([], accepted=accepted),
        "an empty object": Mishap.json({}, accepted=accepted),
        "500": Mishap.status(500, accepted=accepted),
        "502": Mishap.html(502, accepted=accepted),
        "503": Mishap.status(503, headers={"Retry-After": "1"}, accepted=accepted),
        "504": Mishap.empty(504, accepted=accepted),
        **{f"redirect {code}": Mishap.redirect(code, NOWHERE, accepted=accepted) for code in (301, 302, 303, 307, 308)},
    }
    for name, mishap in kinds.items():
        yield Fault(f"{name}, {'after' if accepted else 'before'} it was applied", mishap)


def _slow(accepted: bool) -> Iterator[Fault]:
    kinds = {
        "a time-out": Mishap.hang(60, accepted=accepted),
        "dripping headers": Mishap.drip(0.2, "headers", accepted=accepted),
        "a dripping body": Mishap.drip(0.2, "body", accepted=accepted),
    }
    for name, mishap in kinds.items():
        name = f"{name}, {'after' if accepted else 'before'} it was applied"
        yield Fault(name, mishap, {"LOLSLACKBOT_MAX_SECONDS": "1"})


def of_slack() -> Iterator[Fault]:
    for accepted in (False, True):
        yield from _open(accepted)
        yield from _slow(accepted)
        for code in ("internal_error", "fatal_error", "something_new"):
            moment = "after" if accepted else "before"
            yield Fault(f"{code}, {moment} it was applied", Mishap.error(code, accepted=accepted))
        yield Fault(f"ok without ts, accepted: {accepted}", Mishap.json({"ok": True}, accepted=accepted))
        odd = {"ok": "yes", "error": ["odd"], "ts": 12}
        yield Fault(f"odd JSON, accepted: {accepted}", Mishap.json(odd, accepted=accepted))
    yield Fault("429 with Retry-After", Mishap.limited(30), leaves="later")
    yield Fault("429 without Retry-After", Mishap.limited(), leaves="later")
    for code in ("ratelimited", "message_limit_exceeded", "invalid_auth", "token_revoked", "missing_scope"):
        yield Fault(code, Mishap.error(code), leaves="later")
    for code in ("channel_not_found", "is_archived", "not_in_channel", "msg_too_long", "invalid_blocks", "no_text"):
        yield Fault(code, Mishap.error(code), leaves="refused")
    for name, url in (
        ("refused", NOWHERE),
        ("a name that is not known", "https://slack.invalid/api/"),
        ("no TLS there", "https://127.0.0.1:{slack}/api/"),
    ):
        yield Fault(name, environment={"LOLSLACKBOT_SLACK_URL": url}, leaves="later")


def of_riot() -> Iterator[Fault]:
    yield from _open(accepted=False)
    yield from _slow(accepted=False)
    for code in (400, 401, 403, 404, 405, 415):
        yield Fault(f"status {code}", Mishap.status(code))
    for kind in ("application", "method", "service", None):
        yield Fault(f"429 {kind} with Retry-After", Mishap.limited(30, kind))
        yield Fault(f"429 {kind} without Retry-After", Mishap.limited(None, kind))
    yield Fault("a string", Mishap.json("odd"))
    yield Fault("a list of odd ids", Mishap.json(["", "../..", 7, None, "EUW1_"]))
    yield Fault("an object of another shape", Mishap.json({"metadata": [], "info": 3}))
    yield Fault("refused", environment={"LOLSLACKBOT_RIOT_URL": "http://127.0.0.1:9/{routing}"})
    yield Fault("a name that is not known", environment={"LOLSLACKBOT_RIOT_URL": "https://{routing}.riot.invalid"})
    yield Fault("no TLS there", environment={"LOLSLACKBOT_RIOT_URL": "https://127.0.0.1:{riot}/{routing}"})


def _under(world: World, fault: Fault, command: tuple[str, ...]) -> None:
    """One run that meets the fault."""
    ports = {"{slack}": str(world.sandbox.slack.port), "{riot}": str(world.sandbox.riot.port)}
    usual = world.environment
    changed = dict(fault.environment)
    for name, value in changed.items():
        for hole, port in ports.items():
            value = value.replace(hole, port)
        changed[name] = value
    world.environment = {**usual, **changed}
    world.run("-v", *command)
    world.environment = usual


def _leading_to(mishap: Mishap, port: int) -> Mishap:
    """A redirect leads to where it can be seen whether it is followed; another mishap stays as it is."""
    if mishap.answer is None or "Location" not in mishap.answer.headers:
        return mishap
    headers = {**mishap.answer.headers, "Location": f"http://{HOST}:{port}/elsewhere"}
    return replace(mishap, answer=replace(mishap.answer, headers=headers))


def _slack_point(world: World, fault: Fault, position: int, policy: str) -> list[str]:
    """The fault meets the position-th message; what is wrong in the end, the judge's findings aside."""
    world.reset()
    world.environment = {"LOLSLACKBOT_UNCERTAIN": policy}
    slack = world.sandbox.slack
    channel = CHANNELS[position]
    handle = None
    if fault.mishap:
        mishap = _leading_to(fault.mishap, world.sandbox.riot.port)
        handle = slack.misbehave(mishap, channel=channel, times=1)
    else:  # those before it are out already
        for later in CHANNELS[position:NUMBER]:
            slack.misbehave(Mishap.limited(1), channel=later, times=1)
        world.run("deliver")
    _under(world, fault, ("deliver",))
    if handle and not handle.fired:  # its time was up before: so the next run meets it
        _under(world, fault, ("deliver",))
    wrong = world.leaks()
    if handle and not handle.fired:
        wrong.append("the fault was not met")
    if world.sandbox.riot.requests:
        wrong.append("a redirect was followed")
    if fault.leaves != "open" and world.unsettled():
        wrong.append("uncertain, though it certainly is not in Slack")
    slack.behave()
    world.settle()
    states = messages_in(world.database)
    posted = {post.key for post in slack.posts}
    for key, (state, _) in states.items():
        if key in posted and state != "delivered":
            wrong.append(f"{key} is {state}, and in Slack")
        if key.rpartition(":")[2] != channel and state != "delivered":
            wrong.append(f"{key} is {state}, held up by another one")
        if fault.leaves == "later" and state != "delivered":
            wrong.append(f"{key} is {state}, though that fault passes")
        if state in ("pending", "sending") or (state == "uncertain" and policy == "resend"):
            wrong.append(f"{key} is still {state}")
    sent = [each for each in slack.requests if each.method == "chat.postMessage"]
    if policy == "hold" and fault.leaves == "open" and len(sent) > NUMBER:
        wrong.append(f"{len(sent)} requests for {NUMBER} messages, none of which may go out again")
    return wrong


def try_slack(world: World, tally: Tally, fault: Fault, position: int, policy: str) -> None:
    """One point of `slack`."""
    expected = world.expected
    wrong = _slack_point(world, fault, position, policy)
    states = messages_in(world.database)
    world.expected = tuple(key for key in expected if policy == "resend" or states[key][0] != "uncertain")
    excuses = ["failed"] * (fault.leaves == "refused")
    _conclude(world, tally, f"{fault.name}, message {position + 1}, {policy}", wrong, *excuses)
    world.expected = expected


def slack(share: float) -> Tally:
    """Each kind at each of five messages, and both ways to treat an unknown outcome."""
    tally = Tally()
    points = [
        (fault, position, policy) for fault in of_slack() for position in range(NUMBER) for policy in ("resend", "hold")
    ]
    with waiting(NUMBER) as world:
        for fault, position, policy in sample(points, share):
            try_slack(world, tally, fault, position, policy)
        tally.notes.append(f"{len(list(of_slack()))} kinds")
    return tally


def _forget_waits(world: World) -> None:
    """Riot's waits pass: they run by the machine's clock, the bot's runs by one that is ticks ahead."""
    world.sandbox.riot._holds.clear()


def _riot_point(world: World, fault: Fault, endpoint: str, position: int) -> list[str]:
    world.reset()
    riot = world.sandbox.riot
    _forget_waits(world)
    handle = None
    if fault.mishap:
        if position:
            riot.misbehave(Mishap.slow(0), endpoint=endpoint, times=position)
        mishap = _leading_to(fault.mishap, world.sandbox.slack.port)
        handle = riot.misbehave(mishap, endpoint=endpoint, times=1)
    _under(world, fault, ("fetch-matches",))
    if handle and not handle.fired:  # its time was up before: so the next run meets it
        _under(world, fault, ("fetch-matches",))
    wrong = world.leaks()
    if handle and not handle.fired:
        wrong.append("the fault was not met")
    if world.sandbox.slack.requests:
        wrong.append("a redirect was followed")
    if riot.refused:
        wrong.append(f"{len(riot.refused)} calls into a known limit")
    riot.behave()
    _forget_waits(world)
    world.settle()
    paths = [request.path for request in riot.requests if request.endpoint == "match"]
    most = MOST_LOOKS if fault.name == "status 404" else MOST_CALLS
    wrong += [f"{path} asked {paths.count(path)} times" for path in set(paths) if paths.count(path) > most]
    return wrong


def riot(share: float) -> Tally:
    """Each kind at each list and each match of a fetch: none is lost, none asked again and again."""
    tally = Tally()
    points = [
        (fault, endpoint, position)
        for fault in of_riot()
        for endpoint in ("match-ids", "match")
        for position in range(LISTED)
    ]
    with listed(LISTED) as world:
        for fault, endpoint, position in sample(points, share):
            try_riot(world, tally, fault, endpoint, position)
        tally.notes.append(f"{len(list(of_riot()))} kinds")
    return tally


def league(share: float) -> Tally:
    """Each kind at the reading of a rank: no message is lost by it, and no rank is wrong."""
    tally = Tally()
    with ranked() as world:
        for fault in sample(of_riot(), share):
            try_riot(world, tally, fault, "league", 0)
            tally.violations += [f"{fault.name}: {each}" for each in wrong_ranks(world)]
    return tally


def edits(share: float) -> Tally:
    """Each kind at the edit of a message: it is never posted again, and never blank."""
    tally = Tally()
    with amended() as world:
        for fault in sample(of_slack(), share):
            world.reset()
            if fault.mishap:
                mishap = _leading_to(fault.mishap, world.sandbox.riot.port)
                world.sandbox.slack.misbehave(mishap, method="chat.update", times=1)
            _under(world, fault, DELIVER)
            wrong = world.leaks()
            world.sandbox.slack.behave()
            world.settle()
            wrong += wrong_edits(world)
            left = look(world.database, "SELECT 1 FROM amendments WHERE dropped_at IS NULL AND next_at IS NULL")
            wrong += ["it is still to be edited"] if left and fault.leaves != "refused" else []
            _conclude(world, tally, fault.name, wrong)
    return tally


def requests(share: float) -> Tally:
    """Each kind at each call that answering makes: each request has its effect and its answer once, all the same."""
    tally = Tally()
    methods = ("auth.test", "conversations.history", "reactions.add")
    points = [("slack", fault, method) for fault in of_slack() for method in methods]
    points += [("riot", fault, "account") for fault in of_riot() if " 404" not in fault.name]  # which is an answer
    with asked() as world:
        for service, fault, method in sample(points, share):
            world.reset()
            _forget_waits(world)
            if fault.mishap and service == "slack":
                mishap = _leading_to(fault.mishap, world.sandbox.riot.port)
                world.sandbox.slack.misbehave(mishap, method=method, times=1)
            elif fault.mishap:
                mishap = _leading_to(fault.mishap, world.sandbox.slack.port)
                world.sandbox.riot.misbehave(mishap, endpoint=method, times=1)
            _under(world, fault, world.trial)
            wrong = world.leaks()
            world.sandbox.slack.behave()
            world.sandbox.riot.behave()
            _forget_waits(world)
            world.settle()
            _conclude(world, tally, f"{fault.name}, {method}", wrong + wrong_replies(world))
    return tally


def try_riot(world: World, tally: Tally, fault: Fault, endpoint: str, position: int) -> None:
    """One point of `riot`."""
    expected = world.expected
    wrong = _riot_point(world, fault, endpoint, position)
    sql = "SELECT match_id FROM matches WHERE state = 'given_up' AND reason > ''"
    given_up = {str(match) for (match,) in look(world.database, sql)}
    if given_up and not (endpoint == "match" and fault.name.partition(",")[0] in CLOSES):
        wrong.append(f"{', '.join(given_up)} given up, though that fault passes")
    world.expected = tuple(key for key in expected if key.partition(":")[0] not in given_up)
    _conclude(world, tally, f"{fault.name}, {endpoint} {position + 1}", wrong)
    world.expected = expected


def _conclude(world: World, tally: Tally, name: str, wrong: list[str], *excuses: str) -> None:
    tally.points += 1
    world.judge(*excuses).enter(tally, name)
    tally.violations += [f"{name}: {each}" for each in wrong]


PARTS = [
    Part("faults of Slack", "each kind of answer to each of five messages, resend and hold", slack),
    Part("faults of Riot", "each kind of answer to each list and match of a fetch", riot),
    Part("faults of league-v4", "each kind of answer to the reading of a rank", league),
    Part("faults of answering", "each kind of answer to each call that answering requests makes", requests),
    Part("faults of chat.update", "each kind of answer to the edit of a message", edits),
]
