"""What the bot makes of an allowance, beside a plain loop.

The sandbox refuses strictly, and counts every call that is sent into a limit it has stated.
"""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import requests

from benchmarks import frame
from lolslackbot.clock import Clock
from lolslackbot.model import RiotId
from lolslackbot.riot.limiter import Limiter
from lolslackbot.sandbox import Mishap, Sandbox
from lolslackbot.shares import Share
from lolslackbot.store import players
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.connect import create_database, open_database
from lolslackbot.transport import HttpAnswer

MATCHES = 250
WINDOWS = 10  # that a long run goes through
GAMES_EACH = 90
LIMITLESS = {"x-app-rate-limit": "90000:10", "x-method-rate-limit": "90000:10"}
ANSWER = HttpAnswer(200, LIMITLESS, b"")


@dataclass(frozen=True)
class Setting:
    """A key's limits, and how long Riot takes to answer."""

    name: str
    application: str
    seconds: float  # of one round trip
    model: Literal["fixed", "sliding"] = "sliding"


@dataclass(frozen=True)
class Outcome:
    """What one way of fetching made of it."""

    who: str
    calls: int
    refused: int  # sent into a limit that was known
    answered_429: int
    seconds: float


def play(sandbox: Sandbox, setting: Setting) -> str:
    """A player with MATCHES finished games, on a strict Riot; the puuid."""
    sandbox.riot.limits.application = setting.application
    sandbox.riot.limits.model = setting.model
    if setting.seconds:
        sandbox.riot.misbehave(Mishap.slow(setting.seconds), endpoint=None)
    player = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    ended = datetime.now(UTC) + timedelta(minutes=5)
    for number in range(MATCHES):
        sandbox.riot.add_game([player], ended=ended + timedelta(seconds=number))
    return player.puuid


@contextmanager
def tracked(setting: Setting) -> Iterator[tuple[Sandbox, list[str], dict[str, str]]]:
    """The sandbox, the command and its environment, with time to wait for every window, once the player is tracked."""
    with Sandbox(seed=1) as sandbox, tempfile.TemporaryDirectory() as home:
        play(sandbox, setting)
        environment = {
            "PATH": os.environ["PATH"],
            **sandbox.settings,
            "LOLSLACKBOT_DDRAGON_URL": "",
            "LOLSLACKBOT_MAX_SECONDS": "1000",
            "LOLSLACKBOT_MAX_WAIT": "500",
        }
        command = [sys.executable, "-m", "lolslackbot", "--home", home]
        track = [*command, "track", "Ahri Fan#EUW", "--channel", "C1", "--platform", "euw1"]
        subprocess.run(track, env=environment, check=True, stdout=subprocess.DEVNULL)
        yield sandbox, command, environment


def the_bot(setting: Setting) -> Outcome:
    """`fetch-matches`, once."""
    with tracked(setting) as (sandbox, command, environment):
        began = time.monotonic()
        subprocess.run([*command, "fetch-matches"], env=environment, check=True, stdout=subprocess.DEVNULL)
        return outcome("lolslackbot", sandbox, time.monotonic() - began)


def the_bot_killed(setting: Setting) -> Outcome:
    """The same, as processes that live three seconds and are then killed."""
    with tracked(setting) as (sandbox, command, environment):
        began = time.monotonic()
        done = False
        while not done:
            process = subprocess.Popen([*command, "-q", "fetch-matches"], env=environment)
            try:
                done = process.wait(timeout=3) == 0
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return outcome("lolslackbot, killed every 3 s", sandbox, time.monotonic() - began)


def the_bot_lowered(setting: Setting) -> Outcome:
    """A third of the matches in, the limit is half of what it was; the answer that shows it is the only sign."""
    with tracked(setting) as (sandbox, command, environment):

        def lower() -> None:
            sandbox.riot.limits.application = "10:1,25:6"

        sandbox.riot.misbehave(Mishap.on_request(lower), path=the_nth_asked(sandbox, MATCHES // 3), times=1)
        return until_done("lolslackbot, limit halved on the way", sandbox, command, environment)


def the_bot_overloaded(setting: Setting) -> Outcome:
    """Now and then a service behind Riot's door is overloaded: a 429 that does not say how long."""
    with tracked(setting) as (sandbox, command, environment):
        for number in (20, 60, 100):
            sandbox.riot.misbehave(Mishap.limited(kind="service"), path=the_nth_asked(sandbox, number), times=1)
        return until_done("lolslackbot, three 429s of the service", sandbox, command, environment)


def the_bot_set_back(setting: Setting) -> Outcome:
    """The first process has a clock that is an hour ahead; then it is set right."""
    with tracked(setting) as (sandbox, command, environment):
        ahead = (
            "import datetime, sys; from lolslackbot import clock, cli; real = clock.Clock.now; "
            "clock.Clock.now = lambda self: real(self) + datetime.timedelta(hours=1); cli.main()"
        )
        process = subprocess.Popen([sys.executable, "-c", ahead, *command[3:], "-q", "fetch-matches"], env=environment)
        try:
            process.wait(timeout=4)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return until_done("lolslackbot, clock set back an hour", sandbox, command, environment)


def the_nth_asked(sandbox: Sandbox, number: int) -> str:
    """The id of the match that is asked for then: lists, and what is asked for, begin with the newest."""
    (match_ids,) = sandbox.riot.lists.values()
    return match_ids[number]


def until_done(who: str, sandbox: Sandbox, command: list[str], environment: dict[str, str]) -> Outcome:
    """Runs until nothing is left to ask for; what ends early for a while goes on after a moment."""
    began = time.monotonic()
    while len({each.path for each in sandbox.riot.requests if each.endpoint == "match"}) < MATCHES:
        subprocess.run([*command, "-q", "fetch-matches"], env=environment)
        time.sleep(1)
    return outcome(who, sandbox, time.monotonic() - began)


def several(setting: Setting, workers: int, windows: int) -> None:
    """A long run in several processes: how long the calls of so many whole windows take, until the next one may go."""
    limit, seconds = map(int, setting.application.split(":"))
    windows = 1 if frame.once else windows
    wanted = windows * limit + 1
    with Sandbox(seed=1) as sandbox, tempfile.TemporaryDirectory() as home:
        sandbox.riot.limits.application = setting.application
        sandbox.riot.limits.model = setting.model
        many(sandbox, Path(home), wanted + limit // 2)
        sandbox.riot.misbehave(Mishap.slow(setting.seconds), endpoint=None)
        environment = {
            "PATH": os.environ["PATH"],
            **sandbox.settings,
            "LOLSLACKBOT_DDRAGON_URL": "",
            "LOLSLACKBOT_MAX_SECONDS": "1000",
            "LOLSLACKBOT_WORKERS": str(workers),
        }
        command = [sys.executable, "-m", "lolslackbot", "--home", home, "fetch-matches"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 1.5 * windows * seconds  # enough to see how many a second it makes
        while len(sandbox.riot.requests) < wanted and time.monotonic() < until:
            time.sleep(0.1)
        asked = [each.at for each in sandbox.riot.requests][:wanted]
        process.terminate()
        process.wait()
        allowed = (len(asked) - 1) // limit * seconds or (len(asked) - 1) * seconds / limit
        took = asked[-1] - asked[0]
        refused = len(sandbox.riot.refused)
    share = min(1.0, allowed / took)
    print(f"  {workers:9} {len(asked):6} {took:8.1f} {len(asked) / took:9.1f} {share:17.1%} {refused:13}", flush=True)


def many(sandbox: Sandbox, home: Path, number: int) -> None:
    """Tracked players with so many finished games together, of which the database knows nothing yet."""
    now = datetime.now(UTC)
    with closing(create_database(home / "lolslackbot.db")) as db, db.transaction():
        for each in range(math.ceil(number / GAMES_EACH)):
            player = sandbox.riot.add_player(f"Fan {each}#EUW", platform="euw1")
            riot_id = RiotId(player.game_name, player.tag_line)
            players.track(db, player.puuid, riot_id, "euw1", "C1", "default", now - timedelta(days=1))
            for game in range(GAMES_EACH):
                sandbox.riot.add_game([player], ended=now - timedelta(minutes=game))


def writers(number: int) -> None:
    """What it costs to count a call and its end, where so many processes do that with answers of 100 ms, or of none."""
    for pause in (0.1, 0.0):
        with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(number) as pool:
            path = str(Path(folder) / "lolslackbot.db")
            with closing(create_database(path)) as db:  # what the limits are is known from the first answer on
                first = Limiter(CallLog(db), Clock(), 15)
                first.finish(first.reserve("europe", "match"), "europe", "match", ANSWER)
            began = time.monotonic()
            tasks = [pool.submit(write, path, share, pause) for share in Share.every(number)]
            spent = sorted(each for task in tasks for each in task.result())
            seconds = time.monotonic() - began
        middle, late = (spent[round((len(spent) - 1) * part)] * 1000 for part in (0.5, 0.99))
        calls = len(spent) / seconds
        print(
            f"  {number:9} {pause * 1000:10.0f} {calls:9.0f} {middle:8.1f} {late:8.1f} {spent[-1] * 1000:8.1f}",
            flush=True,
        )


def write(path: str, share: Share, pause: float) -> list[float]:
    """The seconds that each of some calls spent in the database, beginning and end together."""
    spent = []
    with closing(open_database(path)) as db:
        db.among_many = not share.is_whole
        limiter = Limiter(CallLog(db, share), Clock(), 15, share.of)
        for _ in range(20 if frame.once else 200):
            began = time.perf_counter()
            call = limiter.reserve("europe", "match")
            reserved = time.perf_counter()
            time.sleep(pause)
            answered = time.perf_counter()
            limiter.finish(call, "europe", "match", ANSWER)
            spent.append(reserved - began + time.perf_counter() - answered)
    return spent


def a_plain_loop(setting: Setting) -> Outcome:
    """What a client without a limiter does: on a 429 it sleeps as long as Retry-After says, and tries again."""
    with Sandbox(seed=1) as sandbox:
        puuid = play(sandbox, setting)
        url = sandbox.settings["LOLSLACKBOT_RIOT_URL"].format(routing="europe") + "/lol/match/v5/matches"
        session = requests.Session()
        session.trust_env = False
        session.headers["X-Riot-Token"] = sandbox.settings["RIOT_API_KEY"]
        began = time.monotonic()
        for path in [f"/by-puuid/{puuid}/ids", *(f"/{match_id}" for match_id in sandbox.riot.lists[puuid])]:
            while (answer := session.get(url + path)).status_code == 429:
                time.sleep(int(answer.headers.get("Retry-After", "1")))
        return outcome("a plain loop", sandbox, time.monotonic() - began)


def outcome(who: str, sandbox: Sandbox, seconds: float) -> Outcome:
    asked = sandbox.riot.requests
    return Outcome(who, len(asked), len(sandbox.riot.refused), sum(each.status == 429 for each in asked), seconds)


def least_seconds(setting: Setting, calls: int) -> float:
    """The least time in which the windows allow so many calls, one after the other."""
    pairs = [tuple(map(int, pair.split(":"))) for pair in setting.application.split(",")]
    by_windows = []
    for limit, seconds in pairs:
        full, rest = divmod(calls - 1, limit)
        by_windows.append(full * seconds + (rest + 1) * setting.seconds)
    return max(*by_windows, calls * setting.seconds)


def show(setting: Setting, outcomes: list[Outcome]) -> None:
    print(f"\n{setting.name}: {setting.application}, {setting.seconds * 1000:.0f} ms, strict {setting.model} windows")
    print(f"  {'':38} {'calls':>6} {'429s':>5} {'into a limit':>13} {'seconds':>8} {'of the allowance':>17}")
    for each in outcomes:
        share = least_seconds(setting, each.calls - each.answered_429) / each.seconds
        print(
            f"  {each.who:38} {each.calls:6} {each.answered_429:5} {each.refused:13} {each.seconds:8.1f} {share:17.1%}"
        )


def main() -> None:
    hobby = Setting("A hobby key", "20:1,100:120", 0.06)
    fixed = Setting("A hobby key", "20:1,100:120", 0.06, model="fixed")
    scaled = Setting("A hobby key, its windows scaled down", "20:1,50:6", 0.02)
    troubled = Setting("The same, in trouble", "20:1,50:6", 0)
    production = Setting("A production key", "500:10", 0.1)
    with ThreadPoolExecutor() as side_by_side:
        runs = [
            (hobby, [side_by_side.submit(the_bot, hobby), side_by_side.submit(a_plain_loop, hobby)]),
            (fixed, [side_by_side.submit(the_bot, fixed), side_by_side.submit(a_plain_loop, fixed)]),
        ]
        for setting, futures in runs:
            show(setting, [future.result() for future in futures])
    show(scaled, [the_bot(scaled), the_bot_killed(scaled), a_plain_loop(scaled)])
    show(troubled, [the_bot_lowered(troubled), the_bot_overloaded(troubled), the_bot_set_back(troubled)])
    show(production, [the_bot(production), a_plain_loop(production)])
    print(f"\nThe same key, up to {WINDOWS} whole windows of calls, in several processes")
    print("  processes  calls  seconds  a second  of the allowance  into a limit")
    for workers, windows in ((1, 1), (2, 1), (4, 1), (8, WINDOWS)):
        several(production, workers, windows)
    print("\nWhat the database costs of a call, in ms (answers in ms)")
    print("  processes    answers  a second   median     99 %  longest")
    for number in (1, 8):
        writers(number)
