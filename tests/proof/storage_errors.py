"""A disk that is full or failing at every write, once and from then on; and a kill at every system call.

Statements fail inside the process; system calls are made to fail by strace, under the real SQLite.
"""

import signal
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from proof import worlds
from proof.frame import Part, Tally, sample
from proof.kill_points import CHANGES, AtStatements, Point, conclude, crash, go_on, write_down
from proof.strace import Tracer, count_calls, missing
from proof.worlds import World

UNUSABLE = 2  # the exit status of a run that cannot use its database
ERRORS = {"SQLITE_FULL": "database or disk is full", "SQLITE_IOERR_WRITE": "disk I/O error"}
FAILING = {"pwrite64": ("ENOSPC", "EIO"), "fdatasync": ("EIO",), "fsync": ("EIO",), "unlink": ("EIO",)}
SYNCS = ("fdatasync", "fsync")
OUTPUT = {"write": ("ENOSPC", "EIO")}  # the log, and what the command says: no status is promised for these
ANY = range(256)
DEADLY = ("pwrite64", "fdatasync", "unlink", "openat", "close", "connect", "sendto", "recvfrom", "write")
AT_MOST = 40  # of the calls of one name in one run: they are much alike

WORLDS: dict[str, Callable[[], AbstractContextManager[World]]] = {
    "fetch-matches": partial(worlds.listed, 1),
    "build-messages": worlds.stored,
    "deliver": worlds.waiting,
    "settling": worlds.uncertain,
    "restore": worlds.restorable,
}


@dataclass(frozen=True)
class FailAt:
    """Fails the nth statement that changes something, as SQLite does; and all later ones if `lasting`."""

    nth: int
    error: str
    lasting: bool

    def __call__(self, number: int, _sql: str) -> None:
        if number == self.nth or (self.lasting and number > self.nth):
            error = sqlite3.OperationalError(ERRORS[self.error])
            error.sqlite_errorname = self.error
            raise error


def failing_statements(share: float) -> Tally:
    """Each statement of each stage fails."""
    tally = Tally()
    for stage, make in WORLDS.items():
        with make() as world:
            world.reset()
            path = world.folder / "statements.json"
            world.run(*world.trial, arms=[AtStatements(partial(write_down, str(path)), go_on, CHANGES)])
            number = len(path.read_text().splitlines())
            points = [
                FailAt(nth, error, lasting)
                for nth in range(1, number + 1)
                for error in ERRORS
                for lasting in (False, True)
            ]
            for point in sample(points, share):
                world.reset()
                name = f"{stage}: {point.error} at statement {point.nth}{' and on' * point.lasting}"
                ends = (0, UNUSABLE) if stage == "restore" and point.nth == number else (UNUSABLE,)
                suffer(world, tally, Point(name, (AtStatements(point, go_on, CHANGES),)), ends)
    return tally


def suffer(world: World, tally: Tally, point: Point, ends: Collection[int], watch: Tracer | None = None) -> None:
    """One run on a bad disk, which must end with its own status and one line; then the disk is well again.

    ends: its own statuses. `restore` can do without the database that it replaces (its last statement), and SQLite
    passes over a folder that cannot be synced when a journal is made: then all may end well.
    """
    name = point.name
    before = world.unsettled()
    status = world.run(*world.trial, arms=point.arms, watch=watch)
    if watch:
        watch.finish()
    if status not in ends:
        tally.violations.append(f"{name}: exit status {status}: {world.fork_server.output[-300:]}")
    if "Traceback" in world.fork_server.output:
        tally.violations.append(f"{name}: a traceback: {world.fork_server.output[-300:]}")
    fresh = len(world.unsettled() - before)
    tally.most_uncertain = max(tally.most_uncertain, fresh)
    if fresh > 1:
        tally.violations.append(f"{name}: {fresh} messages became uncertain")
    conclude(world, tally, name, crashes=1)


def failing_calls(share: float) -> Tally:
    """Each write, sync and removal that SQLite makes fails, and each write of the log."""
    tally = Tally()
    for stage, make in WORLDS.items():
        with make() as world:
            world.reset()
            errors = {**FAILING, **OUTPUT}
            numbers = count_calls(world, tuple(errors), *world.trial)
            points = [
                (call, error, nth, lasting)
                for call, number in numbers.items()
                for error in errors[call]
                for nth in sample(range(1, number + 1), min(1, AT_MOST / max(number, 1)))
                for lasting in ("", "+")
            ]
            for call, error, nth, lasting in sample(points, share):
                world.reset()
                name = f"{stage}: {error} at {call} {nth}{lasting}{' of the output' * (call in OUTPUT)}"
                tracer = Tracer("-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={nth}{lasting}")
                well = stage == "restore" or (call in SYNCS and not lasting)
                ends = ANY if call in OUTPUT else (0, UNUSABLE) if well else (UNUSABLE,)
                suffer(world, tally, Point(name), ends, tracer)
    return tally


@dataclass(frozen=True)
class AtCall(Point):
    """The nth system call of that name kills its process."""

    call: str = ""
    nth: int = 0

    def run(self, world: World, *command: str) -> int:
        inject = f"inject={self.call}:signal=KILL:when={self.nth}"
        tracer = Tracer("-e", f"trace={self.call}", "-e", inject)
        status = world.run(*command, watch=tracer)
        tracer.finish()
        return status


def killing_calls(share: float) -> Tally:
    """Killed as each system call that others can see is made: in the middle of commits, and of requests."""
    tally, missed = Tally(), 0
    for stage, make in WORLDS.items():
        with make() as world:
            world.reset()
            for point in sample(_deadly(world, stage), share):
                world.reset()
                attempt = Tally()
                if crash(world, attempt, point, *world.trial):
                    tally.violations += attempt.violations
                    tally.most_uncertain = max(tally.most_uncertain, attempt.most_uncertain)
                    conclude(world, tally, point.name, crashes=1)
                else:
                    missed += 1  # a run makes a few calls more or less than another
    if missed:
        tally.notes.append(f"{missed} runs ended before the call that was to kill them")
    if missed > tally.points / 10:
        tally.violations.append("too few runs came to the call that was to kill them")
    return tally


def _deadly(world: World, stage: str) -> Iterator[Point]:
    for call, number in count_calls(world, DEADLY, *world.trial).items():
        for nth in sample(range(1, number + 1), min(1, AT_MOST / max(number, 1))):
            yield AtCall(f"{stage}: {signal.SIGKILL.name} at {call} {nth}", call=call, nth=nth)


PARTS = [
    Part("disk-statements", "each statement finds the disk full or failing, once and lasting", failing_statements),
    Part("disk-calls", "each write, sync and unlink fails under SQLite, once and lasting", failing_calls, missing),
    Part("killed-system-calls", "SIGKILL as each system call is made, of all stages", killing_calls, missing),
]
