"""Two processes that share a run: either is killed, or the one that started them; one freezes and wakes much later."""

import json
import os
import pickle
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from support import children_of

from lolslackbot.sandbox.limits import Limits
from lolslackbot.shares import Share
from lolslackbot.store.locks import is_at_work
from proof import worlds
from proof.fork_server import Armament, ForkServer, Order, start_fork_server
from proof.frame import Part, Tally, sample
from proof.judge import look
from proof.kill_points import (
    EVERY_TIME,
    MOST_TIMES,
    AtStatements,
    KillAtLine,
    Line,
    Point,
    TraceLines,
    conclude,
    die_at,
    go_on,
    trace,
    write_down,
)
from proof.worlds import World

STARTER = 0  # the process that starts the others, beside their numbers
PROCESSES = (STARTER, 1, 2)
PATIENCE = 30.0  # seconds
FROZEN = 1800.0  # seconds, by the clock of the others
LATER = 75
TRIES = 5  # points one after the other, of which a process need not come to each


@dataclass(frozen=True)
class InProcess:
    """Arms one of the processes that share a run."""

    number: int
    arm: Armament

    def __call__(self) -> None:
        from lolslackbot.stages import workers

        begin: Callable[..., Any] = workers._work_and_leave
        connect = sqlite3.connect

        def armed(share: Share, *rest: Any) -> None:
            sys.settrace(None)
            sqlite3.connect = connect
            if share.number == self.number:
                self.arm()
            begin(share, *rest)

        workers._work_and_leave = armed  # type: ignore[assignment]
        if self.number == STARTER:
            self.arm()


@dataclass(frozen=True)
class FreezeAtLine:
    """Stops there for the nth time, once it has written its pid; the process that started it is killed."""

    name: str
    line: int
    nth: int
    path: str

    def __call__(self) -> None:
        from proof import kill_points

        kill_points.die = self.freeze  # in this process only
        KillAtLine(self.name, self.line, self.nth)()

    def freeze(self) -> None:
        sys.settrace(None)
        os.kill(os.getppid(), signal.SIGKILL)
        Path(self.path + ".new").write_text(str(os.getpid()))
        Path(self.path + ".new").rename(self.path)
        os.kill(os.getpid(), signal.SIGSTOP)


@dataclass(frozen=True)
class TraceShare:
    """As `TraceLines`, for a process that is killed as soon as it has sent its result."""

    path: str

    def __call__(self) -> None:
        executed: list[Line] = []
        trace(lambda name, line: executed.append((name, line)))
        dumps = pickle.dumps

        def write_and_dump(result: object) -> bytes:
            Path(self.path).write_text(json.dumps(executed))
            return dumps(result)

        pickle.dumps = write_and_dump  # type: ignore[assignment]


def lines_of(world: World, number: int) -> list[Line]:
    """The executed lines of one of the processes, in order."""
    path = world.folder / "lines.json"
    world.reset()
    trace_all = TraceLines if number == STARTER else TraceShare
    world.run(*world.trial, arms=[InProcess(number, trace_all(str(path)))])
    return [(name, line) for name, line in json.loads(path.read_text())]


def points_of(world: World, number: int) -> Iterator[Point]:
    """Each line and each change of the database of one of the processes."""
    path = world.folder / "statements.json"
    path.unlink(missing_ok=True)
    world.reset()
    world.run(*world.trial, arms=[InProcess(number, AtStatements(partial(write_down, str(path)), go_on))])
    for nth, sql in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        yield Point(f"{sql[:30]}, before", (InProcess(number, AtStatements(partial(die_at, nth), go_on)),))
        yield Point(f"{sql[:30]}, after", (InProcess(number, AtStatements(go_on, partial(die_at, nth))),))
    times: dict[Line, int] = {}
    for name, line in lines_of(world, number):
        nth = times[name, line] = times.get((name, line), 0) + 1
        if nth == 1 or (nth <= MOST_TIMES and name.startswith(EVERY_TIME)):
            yield Point(f"{name}:{line}, time {nth}", (InProcess(number, KillAtLine(name, line, nth)),))


def impatient() -> None:
    """What a process frozen in a commit holds up is told at once."""
    from lolslackbot.store import sqlite

    sqlite.BUSY_SECONDS = 0.2  # type: ignore[assignment]


def killed(make: Callable[[], AbstractContextManager[World]], share: float) -> Tally:
    """One of three processes dies at each of its points; then cron goes on."""
    tally, missed = Tally(), 0
    with make() as world:
        for number in PROCESSES:
            points = list(points_of(world, number))
            for start in sample(range(len(points)), share):
                missed += not any(killed_at(world, tally, number, point) for point in points[start : start + TRIES])
        if missed > tally.points:
            tally.violations.append(f"only {tally.points} of {missed + tally.points} points were come to")
    return tally


def killed_at(world: World, tally: Tally, number: int, point: Point) -> bool:
    """False where the process does not come to it this time: how often it does depends on the others."""
    world.reset()
    name = f"{'the starter' if number == STARTER else f'process {number}'}, {point.name}"
    before = world.unsettled()
    status = point.run(world, *world.trial)
    wait_for_all(world)
    if status != -signal.SIGKILL and "was cut off" not in world.fork_server.output:
        return False
    fresh = len(world.unsettled() - before)
    tally.most_uncertain = max(tally.most_uncertain, fresh)
    if fresh > 1:
        tally.violations.append(f"{name}: {fresh} messages became uncertain")
    conclude(world, tally, name, crashes=1)
    return True


def wait_for_all(world: World, but: Share | None = None) -> None:
    """Until no process holds a share any more, that one aside: those of a dead starter go on."""
    shares = [share for share in Share.every(2) if share != but]
    until = time.monotonic() + PATIENCE
    while any(is_at_work(world.database, world.trial[0], share) for share in shares):
        assert time.monotonic() < until, "a process does not end"
        time.sleep(0.005)


def frozen(make: Callable[[], AbstractContextManager[World]], share: float) -> Tally:
    """A process freezes at each of its lines, and its starter dies; others go on without its share; it wakes later."""
    tally = Tally()
    first, _ = Share.every(2)
    with make() as world:
        lines = [each for each in dict.fromkeys(lines_of(world, first.number)) if each[0].startswith(EVERY_TIME)]
        for start in sample(range(len(lines)), share):
            any(frozen_at(world, tally, first, *line) for line in lines[start : start + TRIES])
    return tally


def frozen_at(world: World, tally: Tally, first: Share, name: str, line: int) -> bool:
    """False where the process does not come to it this time."""
    world.reset()
    path = world.folder / "frozen.pid"
    path.unlink(missing_ok=True)
    world.run(*world.trial, arms=[impatient, InProcess(first.number, FreezeAtLine(name, line, 1, str(path)))])
    wait_for_all(world, but=first)
    if not path.exists():
        return False
    pid = int(path.read_text())
    held = is_at_work(world.database, world.trial[0], first)
    world.ahead += FROZEN
    for _ in range(2):
        for command in world.tick:
            status = world.run(*command, arms=[impatient])
            if held and command == world.trial and status != LATER:
                tally.violations.append(f"{name}:{line}: a run beside the frozen process ended with {status}")
    os.kill(pid, signal.SIGCONT)
    wait_until_gone(pid)
    conclude(world, tally, f"frozen at {name}:{line}", crashes=1)
    return True


def wait_until_gone(pid: int) -> None:
    """It is nobody's child here: its starter is dead."""
    until = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}").exists() and " Z " not in _state(pid):
        assert time.monotonic() < until, "the process that was frozen does not end"
        time.sleep(0.005)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return " Z "


def no_proc() -> str | None:
    return None if Path("/proc/self/stat").exists() else "there is no /proc here"


# Three runs at once, under strict limits, in real time


LIMIT = "12:1,30:3"
RUNS = 3
ROUNDS = 24


def at_once(share: float) -> Tally:
    """Three runs of two processes each begin together; now and then one of the nine is killed, or stopped a while."""
    tally = Tally()
    with ExitStack() as stack:
        world = stack.enter_context(worlds.listed_for_two())
        servers = [stack.enter_context(start_fork_server()) for _ in range(RUNS)]
        pool = stack.enter_context(ThreadPoolExecutor(RUNS))
        games = play_more(world, 40)
        for number in sample(range(ROUNDS), share):
            world.reset()
            world.sandbox.riot.limits = Limits(application=LIMIT, model="sliding")  # nothing was called yet
            chance = random.Random(number)
            while not is_fetched(world, games):
                runs = [pool.submit(run_in_real_time, world, server) for server in servers]
                while not all(run.done() for run in runs):
                    wait(runs, timeout=chance.uniform(0.1, 1.0))
                    disturb(servers, chance)
                wait_for_all(world)
            refused = len(world.sandbox.riot.refused)
            if refused:
                tally.violations.append(f"round {number}: {refused} calls into a known limit")
            world.sandbox.riot.limits = Limits()
            conclude(world, tally, f"round {number}", crashes=1000)  # a call of a killed process may be made again
    return tally


def play_more(world: World, number: int) -> set[str]:
    """Further games of the tracked players, all of which are to be announced; the ids of all games."""
    riot, now = world.sandbox.riot, datetime.now(UTC)
    everyone = list(zip(riot.players, worlds.CHANNELS, strict=False))
    for each in range(number):
        player, channel = everyone[each % len(everyone)]
        match_id = riot.add_game([player], ended=now - timedelta(minutes=8, seconds=each))
        world.expected = (*world.expected, f"{match_id}:{channel}")
    world.environment["LOLSLACKBOT_CHANNEL_LIMIT"] = "1000/60"
    return {match_id for match_ids in riot.lists.values() for match_id in match_ids}


def is_fetched(world: World, games: set[str]) -> bool:
    return {
        match_id for (match_id,) in look(world.database, "SELECT match_id FROM matches WHERE state = 'stored'")
    } == games


def run_in_real_time(world: World, server: ForkServer) -> int:
    environment = {**world.sandbox.settings, "LOLSLACKBOT_HOME": str(world.home), **world.environment}
    return server.run(Order(world.trial, environment))


def disturb(servers: list[ForkServer], chance: random.Random) -> None:
    """Kills one of the processes, or stops it for a moment."""
    processes = [pid for server in servers for pid in (server.pid, *children_of(server.pid)) if pid]
    if not processes:
        return
    pid = chance.choice(processes)
    with suppress(ProcessLookupError):
        if chance.random() < 0.3:
            os.kill(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(chance.uniform(0, 0.5))
            os.kill(pid, signal.SIGCONT)


PARTS = [
    Part(
        "killed-sharing-fetch",
        "SIGKILL of either of two processes of a fetch-matches, or of their starter, at each line and statement",
        partial(killed, worlds.listed_for_two),
    ),
    Part(
        "killed-sharing-deliver",
        "the same of a deliver to two workspaces",
        partial(killed, worlds.waiting_in_two_workspaces),
    ),
    Part(
        "sharing-at-once",
        f"{RUNS} runs at once under strict limits, in real time; their processes are killed and stopped at random",
        at_once,
        no_proc,
    ),
    Part(
        "frozen-fetching",
        "one of two processes stops at each line and wakes half an hour later, its starter dead",
        partial(frozen, worlds.listed_for_two),
        no_proc,
    ),
    Part(
        "frozen-delivering",
        "the same of a deliver to two workspaces",
        partial(frozen, worlds.waiting_in_two_workspaces),
        no_proc,
    ),
]
