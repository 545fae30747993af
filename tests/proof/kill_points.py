"""SIGKILL at every executed line, at every statement of SQL, and while every request is under way; once, then twice.

Afterwards cron goes on, and the judge compares Slack with the database.
"""

import json
import os
import re
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from types import FrameType
from typing import Any

from lolslackbot.sandbox import Mishap
from lolslackbot.sandbox.server import Handle
from lolslackbot.store import migrations
from proof import worlds
from proof.fork_server import Armament
from proof.frame import Part, Tally, sample
from proof.judge import look
from proof.worlds import World

PACKAGE = str(Path(sys.modules["lolslackbot"].__file__ or "").parent) + os.sep
EVERY_TIME = ("store/", "stages/", "admin/")  # of other files the first and the last time a line is executed
MOST_TIMES = 6  # of one line, and the last: a loop that goes on is the same loop
KILLED = -signal.SIGKILL
Line = tuple[str, int]


# In the process that is to die


@dataclass(frozen=True)
class TraceLines:
    """Writes down every executed line of the package, in order."""

    path: str

    def __call__(self) -> None:
        executed: list[Line] = []
        trace(lambda name, line: executed.append((name, line)))
        leave = os._exit

        def write_and_leave(status: int) -> None:
            sys.settrace(None)
            Path(self.path).write_text(json.dumps(executed))
            leave(status)

        os._exit = write_and_leave  # type: ignore[assignment]


@dataclass(frozen=True)
class KillAtLine:
    """Dies before that line is executed for the nth time."""

    name: str
    line: int
    nth: int

    def __call__(self) -> None:
        times = 0

        def check(name: str, line: int) -> None:
            nonlocal times
            if line == self.line and name == self.name:
                times += 1
                if times == self.nth:
                    die()

        trace(check)


@dataclass(frozen=True)
class KillAtCount:
    """Dies before the nth executed line of what matters most."""

    nth: int

    def __call__(self) -> None:
        times = 0

        def count(name: str, _line: int) -> None:
            nonlocal times
            times += name.startswith(EVERY_TIME)
            if times == self.nth:
                die()

        trace(count)


def trace(notice: Callable[[str, int], object]) -> None:
    """Calls `notice` before each line of the package, the sandbox aside (which is never run in that process)."""

    def of_line(frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            notice(frame.f_code.co_filename.removeprefix(PACKAGE), frame.f_lineno)
        return of_line

    def of_call(frame: FrameType, _event: str, _argument: Any) -> Any:
        return of_line if frame.f_code.co_filename.startswith(PACKAGE) else None

    sys.settrace(of_call)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


CHANGES = ("INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT", "CREATE", "ALTER", "DROP")
COMMITS = ("COMMIT",)
COMMENTS = re.compile(r"^(\s*--.*\n)*\s*")  # before a statement of schema.sql or of an upgrade


@dataclass(frozen=True)
class AtStatements:
    """Calls `before` and `after` around each statement that changes something, with its number from 1 on."""

    before: Callable[[int, str], object]
    after: Callable[[int, str], object]
    only: tuple[str, ...] = CHANGES  # how a statement must begin to count

    def __call__(self) -> None:
        number = 0
        arms = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                nonlocal number
                if not COMMENTS.sub("", sql).startswith(arms.only):
                    return super().execute(sql, *values)
                number += 1
                mine = number
                arms.before(mine, sql)
                cursor = super().execute(sql, *values)
                arms.after(mine, sql)
                return cursor

        sqlite3.connect = partial(sqlite3.connect, factory=Connection)  # type: ignore[assignment]


def write_down(path: str, _number: int, sql: str) -> None:
    with Path(path).open("a") as file:
        file.write(json.dumps(" ".join(sql.split())) + "\n")


def die_at(nth: int, number: int, _sql: str) -> None:
    if number == nth:
        die()


def go_on(_number: int, _sql: str) -> None:
    """Nothing happens here."""


# Where to kill


@dataclass(frozen=True)
class Point:
    """One moment of one run. `request`: the nth of a service, before or after it took effect there."""

    name: str
    arms: tuple[Armament, ...] = ()
    request: tuple[str, int, bool] | None = None

    def run(self, world: World, *command: str) -> int:
        """Runs a command, which dies at this point if it comes to it."""
        handles: list[Handle[Any]] = []
        if self.request:
            service, nth, accepted = self.request
            kill = Mishap.on_request(lambda: os.kill(world.fork_server.pid, signal.SIGKILL), accepted=accepted)
            handles = at_request(world, service, nth, kill)
        status = world.run(*command, arms=self.arms)
        for handle in handles:
            handle.stop()
        return status


def at_request(world: World, service: str, nth: int, mishap: Mishap) -> list[Handle[Any]]:
    """Plays a mishap on the nth request to a service from here."""
    services: dict[str, Callable[..., Handle[Any]]] = {
        "slack": partial(world.sandbox.slack.misbehave, method=None),
        "riot": partial(world.sandbox.riot.misbehave, endpoint=None),
    }
    misbehave = services[service]
    return [misbehave(Mishap.slow(0), times=nth - 1), misbehave(mishap, times=1)]


def lines(world: World, *command: str) -> Iterator[Point]:
    """The executed lines of one run from here: each time of those that matter most, of others the first and last."""
    path = world.folder / "lines.json"
    world.run(*command, arms=[TraceLines(str(path))])
    executed = [(name, line) for name, line in json.loads(path.read_text())]
    times: dict[Line, int] = {}
    total = Counter(executed)
    for name, line in executed:
        nth = times[name, line] = times.get((name, line), 0) + 1
        if nth in (1, total[name, line]) or (nth <= MOST_TIMES and name.startswith(EVERY_TIME)):
            yield Point(f"{name}:{line}, time {nth}", (KillAtLine(name, line, nth),))


def boundaries(world: World, *command: str, only: tuple[str, ...] = CHANGES) -> Iterator[Point]:
    """Before and after each statement that begins so, and each request, of one run from here."""
    path = world.folder / "statements.json"
    path.unlink(missing_ok=True)
    services: dict[str, Any] = {"slack": world.sandbox.slack, "riot": world.sandbox.riot}
    asked = {name: len(service.requests) for name, service in services.items()}
    world.run(*command, arms=[AtStatements(partial(write_down, str(path)), go_on, only)])
    statements = path.read_text().splitlines() if path.exists() else []
    for number, sql in enumerate(statements, 1):
        yield Point(f"before statement {number} {sql[:30]}", (AtStatements(partial(die_at, number), go_on, only),))
        yield Point(f"after statement {number} {sql[:30]}", (AtStatements(go_on, partial(die_at, number), only),))
    for name, service in services.items():
        for number in range(1, len(service.requests) - asked[name] + 1):
            yield Point(f"request {number} to {name}, before it is applied", request=(name, number, False))
            yield Point(f"request {number} to {name}, after it was applied", request=(name, number, True))


# What is tried


def nothing_more(_world: World) -> list[str]:
    """Beside what the judge sees nothing can be wrong."""
    return []


def once(
    make: Callable[[], AbstractContextManager[World]],
    share: float,
    wrong: Callable[[World], list[str]] = nothing_more,
) -> Tally:
    """Killed at each point of one run; then cron goes on. wrong: what the judge does not see."""
    tally = Tally()
    with make() as world:
        world.reset()
        points = list(boundaries(world, *world.trial))
        world.reset()
        points += lines(world, *world.trial)
        for number, point in enumerate(sample(points, share)):
            world.reset()
            crash(world, tally, point, *world.trial)
            if world.trial[0] == "restore" and number % 2:  # a person may do it again, or not
                world.run(*world.trial)
            conclude(world, tally, point.name, crashes=1)
            tally.violations += [f"{point.name}: {each}" for each in wrong(world)]
    return tally


def upgrades_killed(share: float) -> Tally:
    """Killed at each line and statement of an upgrade from each earlier schema: all of it is done, or nothing."""
    tally = Tally()
    for number in migrations.STEPS:
        with worlds.older(number) as world:
            world.reset()
            before = _schema(world)
            points = list(boundaries(world, *world.trial))
            after = _schema(world)
            world.reset()
            points = [*points, *lines(world, *world.trial)]
            for point in sample(points, share):
                world.reset()
                crash(world, tally, point, *world.trial)
                if _schema(world) not in (before, after):
                    tally.violations.append(f"schema {number}, {point.name}: the upgrade is half done")
                conclude(world, tally, f"schema {number}, {point.name}", crashes=1)
    return tally


def restored_weeks(share: float) -> Tally:
    """Whatever the backup lacks: each channel has one digest in the end, with the figures of the whole week."""
    tally = Tally()
    for day, posted in sample(list(product((1, 2, 3), (True, False))), share):
        with worlds.weekly_restorable(day, posted) as world:
            world.reset()
            world.run(*world.trial)
            name = f"day {day}, {'posted' if posted else 'waiting'}"
            conclude(world, tally, name, crashes=0)
            tally.violations += [f"{name}: {each}" for each in worlds.wrong_digests(world)]
    return tally


def no_step() -> str | None:
    return None if migrations.STEPS else "there is no step from an earlier schema yet"


def _schema(world: World) -> list[tuple[object, ...]]:
    """Version, tables and indexes as they stand in the file."""
    sql = "SELECT name, sql FROM sqlite_schema ORDER BY name"
    return look(world.database, "PRAGMA user_version") + look(world.database, sql)


def twice(make: Callable[[], AbstractContextManager[World]], share: float) -> Tally:
    """Killed at each commit and request of a run, and again at each of the runs that put it right: all pairs."""
    tally = Tally()
    with make() as world:
        world.reset()
        firsts = list(boundaries(world, *world.trial, only=COMMITS))
        for first in sample(firsts, share**0.5):
            for again, second in sample(_seconds(world, first), share**0.5):
                world.reset()
                first.run(world, *world.trial)  # judged by itself in another part
                for _ in range(again):
                    _tick(world)
                crash(world, tally, second, *world.tick[0])
                conclude(world, tally, f"{first.name}; run {again + 1} after it: {second.name}", crashes=2)
    return tally


def _seconds(world: World, first: Point) -> Iterator[tuple[int, Point]]:
    """After a first crash: how many ticks go well, and a second crash in the next, until there is nothing to do."""
    for again in range(worlds.RUNS):
        world.reset()
        first.run(world, *world.trial)
        for _ in range(again):
            _tick(world)
        if world.is_settled():
            return
        yield from ((again, second) for second in boundaries(world, *world.tick[0], only=COMMITS))


def _tick(world: World) -> None:
    for command in world.tick:
        world.run(*command)


def crash(world: World, tally: Tally, point: Point, *command: str) -> bool:
    """One kill, and what it alone may leave: one message of unknown outcome. Whether the run came to that point."""
    before = world.unsettled()
    if point.run(world, *command) != KILLED:
        tally.violations.append(f"{point.name}: the run did not come to it")
        return False
    fresh = len(world.unsettled() - before)
    tally.most_uncertain = max(tally.most_uncertain, fresh)
    if fresh > 1:
        tally.violations.append(f"{point.name}: {fresh} messages became uncertain")
    return True


def conclude(world: World, tally: Tally, name: str, crashes: int) -> None:
    """Cron goes on until all is quiet; then the judge speaks."""
    tally.points += 1
    try:
        world.settle()
        world.judge().enter(tally, name)
    except sqlite3.Error as error:
        tally.violations.append(f"{name}: the database cannot be read: {error}")
    if (repeated := world.calls_repeated()) > crashes:
        tally.violations.append(f"{name}: {repeated} calls for matches were repeated")


PARTS = [
    Part("killed-fetch-matches", "SIGKILL at each line, statement and request of it", partial(once, worlds.listed)),
    Part("killed-build-messages", "SIGKILL at each line and statement of it", partial(once, worlds.stored)),
    Part("killed-deliver", "SIGKILL at each line, statement and request of it", partial(once, worlds.waiting)),
    Part(
        "killed-ranks",
        "the same for fetch-matches with a rank to read",
        partial(once, worlds.ranked, wrong=worlds.wrong_ranks),
    ),
    Part(
        "killed-amending",
        "the same for deliver with a message to edit",
        partial(once, worlds.amended, wrong=worlds.wrong_edits),
    ),
    Part("killed-live", "the same for fetch-matches with a game in progress", partial(once, worlds.playing)),
    Part(
        "killed-live-notice",
        "the same for deliver with the notice of such a game",
        partial(once, worlds.telling_of_a_game, wrong=worlds.wrong_notices),
    ),
    Part(
        "killed-live-ending",
        "the same for deliver once such a game has ended",
        partial(once, worlds.ending_a_game, wrong=worlds.wrong_endings),
    ),
    Part(
        "killed-digest",
        "SIGKILL at each line and statement of it",
        partial(once, worlds.weekly, wrong=worlds.wrong_digests),
    ),
    Part(
        "killed-delivering-a-digest",
        "the same of a delivery to a Slack that knows no charts",
        partial(once, worlds.summed_up, wrong=worlds.wrong_forms),
    ),
    Part("restored-week", "a backup from each day of a week is put back, before and after its digest", restored_weeks),
    Part(
        "killed-answer",
        "SIGKILL at each line, statement and request of it, with two requests",
        partial(once, worlds.asked, wrong=worlds.wrong_reactions),
    ),
    Part(
        "killed-replying",
        "the same of the deliver that posts both answers",
        partial(once, worlds.answered, wrong=worlds.wrong_reactions),
    ),
    Part("killed-settling", "the same while unknown outcomes are looked up", partial(once, worlds.uncertain)),
    Part("killed-restore", "SIGKILL at each line and statement of it", partial(once, worlds.restorable)),
    Part("killed-upgrade", "SIGKILL at each line and statement, from each earlier schema", upgrades_killed, no_step),
    Part("killed-twice-deliver", "killed, and killed again while it recovers", partial(twice, worlds.waiting)),
    Part("killed-twice-fetch", "the same for fetch-matches", partial(twice, partial(worlds.listed, 1))),
]
