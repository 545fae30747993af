"""Two hosts share a database on a PostgreSQL server: either is killed, or stands still; then both at once, for long.

The clocks of the hosts are an hour apart. After each point the other host's cron goes on, and the judge compares Slack
with the database. A lease ends by being moved into the past.
"""

import linecache
import math
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from lolslackbot.clock import Clock
from lolslackbot.sandbox import Mishap
from lolslackbot.sandbox.limits import Limits, Ruling
from proof import kill_points, worlds
from proof.fork_server import Armament, Order
from proof.frame import POSTGRESQL, Part, Tally, sample
from proof.kill_points import PACKAGE, KillAtLine, Point, at_request, boundaries, lines, nothing_more
from proof.server_worlds import (
    HOURS_OFF,
    LATER,
    AtStatement,
    Make,
    Moment,
    SharedWorld,
    WrongClock,
    conclude,
    crash,
    is_stopped,
    kill,
    missing,
    on_server,
    short,
    statements_of,
    suffer,
)
from proof.worlds import World

Points = Callable[[SharedWorld], list[Point]]
DELIVERING: Make = worlds.waiting
FETCHING: Make = worlds.listed
HOSTS = range(len(HOURS_OFF))
PATIENCE = 60.0  # seconds


# Killed


def killed(
    make: Make, share: float, points_of: Points | None = None, wrong: Callable[[World], list[str]] = nothing_more
) -> Tally:
    """One host's command dies at each of its points; the other host goes on as soon as the lease is over.

    wrong: what the judge does not see.
    """
    tally = Tally()
    with on_server(make) as world:
        for number, point in enumerate(sample((points_of or deadly)(world), share)):
            world.reset()
            world.turn_to(number % 2)
            suffer(world, tally, point, [kill_points.KILLED])
            world.turn_to(1 - number % 2)
            tally.violations += [f"{point.name}: {each}" for each in _kept_out(world)]
            world.end_leases()
            conclude(world, tally, point.name)
            tally.violations += [f"{point.name}: {each}" for each in wrong(world)]
    return tally


def deadly(world: SharedWorld) -> list[Point]:
    """Each line and request, and each statement as it reaches the server and as it is answered."""
    world.reset()
    points = list(boundaries(world, *world.trial))  # requests: there are no statements of SQLite's
    world.reset()
    for nth, sql in enumerate(statements_of(world, *world.trial), 1):
        for moment in (Moment.BEFORE, Moment.ANSWERED):
            points.append(AtStatement(f"killed {moment.value}: {short(nth, sql)}", nth=nth, moment=moment, do=kill))
    world.reset()
    return [*points, *lines(world, *world.trial)]


def _kept_out(world: SharedWorld) -> list[str]:
    """What is wrong of a run beside a lease that is not over yet."""
    if not world.is_held():
        return []
    before = world.rows_now()
    status = world.run(*world.trial)
    wrong = [] if status == LATER else [f"a run beside a live lease ended with {status}"]
    return wrong if world.rows_now() == before else [*wrong, "a run beside a live lease changed something"]


# Frozen


@dataclass(frozen=True)
class Pause:
    """When the process goes on, so many seconds have passed for it. asleep: not by its steady clock and its alarm."""

    seconds: float
    asleep: bool

    def __call__(self) -> None:
        monotonic, gettime, passed = time.monotonic, time.clock_gettime, 0.0

        def wake(_signal: int, _frame: object) -> None:
            nonlocal passed
            passed += self.seconds
            if not self.asleep and signal.getitimer(signal.ITIMER_REAL)[0]:
                signal.raise_signal(signal.SIGALRM)

        time.clock_gettime = lambda clock: gettime(clock) + passed
        if not self.asleep:
            time.monotonic = lambda: monotonic() + passed
        signal.signal(signal.SIGCONT, wake)


@dataclass(frozen=True)
class StopAtLine:
    """Stops before that line is executed for the nth time."""

    name: str
    line: int
    nth: int

    def __call__(self) -> None:
        kill_points.die = lambda: os.kill(os.getpid(), signal.SIGSTOP)  # in this process only
        KillAtLine(self.name, self.line, self.nth)()


def stop(world: World) -> None:
    """The command that is at work stands still."""
    os.kill(world.fork_server.pid, signal.SIGSTOP)


PAUSES = (Pause(40, asleep=False), Pause(600, asleep=False), Pause(1200, asleep=True))  # in turn
TOO_LATE = "self.connected = True"  # after the last look at the clock: no program can notice that its machine slept


def impatient() -> None:
    """What a frozen transaction holds up is told at once, and the server ends it soon."""
    from lolslackbot.store import postgres

    postgres.LOCK_SECONDS = 0.2  # type: ignore[assignment]
    postgres.IDLE_SECONDS = 1


def frozen(make: Make, share: float, points_of: Points | None = None) -> Tally:
    """One host stands still at each point, until the other has done its work; what it does when it goes on."""
    tally = Tally()
    with on_server(make) as world, ThreadPoolExecutor(1) as pool:
        for number, point in enumerate(sample((points_of or freezing)(world), share)):
            world.reset()
            world.turn_to(number % 2)
            arms: tuple[Armament, ...] = (impatient, PAUSES[number % len(PAUSES)], *point.arms)
            wrong = _try_frozen(world, replace(point, arms=arms), pool)
            tally.violations += [f"{point.name}: {each}" for each in wrong]
            conclude(world, tally, point.name)
    return tally


def freezing(world: SharedWorld) -> list[Point]:
    """Lines, statements once they are answered, and requests once they took effect."""
    points: list[Point] = []
    world.reset()
    for point in boundaries(world, *world.trial):
        if point.request and point.request[2]:
            points.append(StopAtRequest(f"frozen at {point.name}", request=point.request))
    world.reset()
    for nth, sql in enumerate(statements_of(world, *world.trial), 1):
        name = f"frozen {Moment.ANSWERED.value}: {short(nth, sql)}"
        points.append(AtStatement(name, nth=nth, moment=Moment.ANSWERED, do=stop, ends=False))
    world.reset()
    for point in lines(world, *world.trial):
        (arm,) = point.arms
        assert isinstance(arm, KillAtLine)
        if linecache.getline(PACKAGE + arm.name, arm.line).strip() != TOO_LATE:
            points.append(Point(f"frozen at {point.name}", (StopAtLine(arm.name, arm.line, arm.nth),)))
    return points


@dataclass(frozen=True)
class StopAtRequest(Point):
    """Stands still while the request is under way."""

    def run(self, world: World, *command: str) -> int:
        assert self.request
        service, nth, accepted = self.request
        handles = at_request(world, service, nth, Mishap.on_request(lambda: stop(world), accepted=accepted))
        status = world.run(*command, arms=self.arms)
        for handle in handles:
            handle.stop()
        return status


def _try_frozen(world: SharedWorld, point: Point, pool: ThreadPoolExecutor) -> Iterator[str]:
    """What is wrong, the judge's findings aside."""
    own = world.turn
    running = pool.submit(point.run, world, *world.trial)
    if not _stands_still(world, running):
        yield f"the run did not come to it: {running.result()}"
        return
    pid = world.fork_server.pid
    held, finished = world.is_held(), _is_recorded(world)
    world.turn_to(1 - own)
    if (status := world.run(*world.trial, arms=[impatient])) != LATER and held:
        yield f"a run beside a live lease ended with {status}"
    _wait_for_room(world)
    world.end_leases()
    world.settle()
    before, posts = world.rows_now(), len(world.sandbox.slack.posts)
    os.kill(pid, signal.SIGCONT)
    status, output = running.result(PATIENCE), world.hosts[own].output
    if held and not (status == LATER or (finished and status == 0)):
        yield f"it ended with {status}"
    if "Traceback" in output:
        yield f"an unexpected error: {output[-1000:]}"
    if held and world.rows_now() != before:
        yield "it changed something after its lease was over"
    if len(world.sandbox.slack.posts) != posts:
        yield "it posted something after its lease was over"
    world.is_copied = False


def _stands_still(world: SharedWorld, running: "Future[int]") -> bool:
    """Waits for that; False: the run has ended instead."""
    until = time.monotonic() + PATIENCE
    while not is_stopped(world.fork_server.pid):
        assert time.monotonic() < until, "the process neither stops nor ends"
        if running.done():
            return False
        time.sleep(0.005)
    return True


def _is_recorded(world: SharedWorld) -> bool:
    """Whether the run had done all its work."""
    with closing(world.open()) as db:
        return (
            db.row("SELECT 1 FROM runs WHERE stage = :stage AND ended_at IS NOT NULL", stage=world.trial[0]) is not None
        )


def _wait_for_room(world: SharedWorld) -> None:
    """Until the server has ended the transaction in which somebody stands still, if it may write."""
    until = time.monotonic() + PATIENCE
    with closing(world.open()) as db:
        while db.row("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"):
            assert time.monotonic() < until, "the server does not end an idle transaction"
            time.sleep(0.02)


# Both at once, for long


TICKS = 200
GAMES = 3  # of a tick, at most
STRICT = "12:1,30:3"
TICKS_APART = (60.0, 900.0)  # seconds


@dataclass
class Passing(Limits):
    """Strict limits, for which time passes as for the bot."""

    world: World | None = None

    def count(self, routing: str, endpoint: str, at: float) -> Ruling:
        assert self.world
        return super().count(routing, endpoint, at + self.world.ahead)


@dataclass(frozen=True)
class Later:
    """Its time of day, and the database's, is so many seconds later; sleeps take their time."""

    seconds: float

    def __call__(self) -> None:
        now, later = Clock.now, timedelta(seconds=self.seconds)
        Clock.now = lambda clock: now(clock) + later  # type: ignore[method-assign,assignment]


def chained(share: float) -> Tally:
    """Games are played; at each tick the crons of both hosts begin, and something may die: a command, or the server."""
    tally, chance, deaths = Tally(), random.Random(1), 0
    with on_server(partial(worlds.listed, len(worlds.CHANNELS))) as world, ThreadPoolExecutor(len(HOSTS)) as pool:
        world.reset()
        world.sandbox.riot.limits = Passing(application=STRICT, model="sliding", world=world)
        for number in range(max(3, round(TICKS * share))):
            world.ahead += chance.uniform(*TICKS_APART)
            _play(world, chance)
            before = world.unsettled()
            at_work: dict[int, int] = {}
            crons = [pool.submit(_cron, world, host, at_work) for host in HOSTS]
            died = _disturb(world, crons, at_work, chance)
            tally.violations += [f"tick {number}: {each}" for cron in crons for each in cron.result()]
            world.end_leases()
            world.is_copied = False
            deaths += died
            fresh = len(world.unsettled() - before)
            tally.most_uncertain = max(tally.most_uncertain, math.ceil(fresh / max(died, 1)))
            if fresh > died:
                tally.violations.append(f"tick {number}: {fresh} messages became uncertain by {died} deaths")
            tally.points += 1
        refused = world.calls_refused()
        world.sandbox.riot.limits = Limits()
        world.settle()
        world.judge().enter(tally, "in the end")
        if refused:
            tally.violations.append(f"{refused} calls into a known limit")
        held = len(world.for_a_person())
        tally.notes.append(f"{len(world.expected)} games, {deaths} deaths, {held} messages left for a person")
    return tally


def _play(world: SharedWorld, chance: random.Random) -> None:
    """Some of the players end a game each."""
    riot, ended = world.sandbox.riot, datetime.now(UTC) + timedelta(seconds=world.ahead - chance.uniform(20, 50))
    for number in chance.sample(range(len(riot.players)), chance.randint(0, GAMES)):
        match_id = riot.add_game([riot.players[number]], ended=ended)
        world.expected = (*world.expected, f"{match_id}:{worlds.CHANNELS[number]}")


def _cron(world: SharedWorld, host: int, at_work: dict[int, int]) -> list[str]:
    """A host's line of the crontab; what is wrong of it. at_work: told its pid while a command runs."""
    wrong = []
    world.sandbox.slack.clock_skew = world.ahead
    environment = {**world.sandbox.settings, **world.environment_of(host)}
    arms = (Later(world.ahead), WrongClock(HOURS_OFF[host]))
    for command in world.tick:
        status = world.hosts[host].run(Order(command, environment, arms=arms), partial(at_work.__setitem__, host))
        at_work.pop(host, None)
        output = world.hosts[host].output
        if status not in (0, 1, LATER, kill_points.KILLED) or "Traceback" in output:
            wrong.append(f"{command[0]} of host {host} ended with {status}: {output[-1000:]}")
    return wrong


def _disturb(
    world: SharedWorld, crons: Sequence["Future[list[str]]"], at_work: dict[int, int], chance: random.Random
) -> int:
    """Now and then a command or the server dies, until both crons are done; how many did."""
    died = 0
    while not all(cron.done() for cron in crons):
        wait(crons, timeout=chance.uniform(0.05, 1.0))
        what = chance.random()
        if what < 0.4 and (pid := at_work.get(chance.choice(HOSTS))):
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, signal.SIGKILL)
                died += 1
        elif what < 0.5:
            crash(world)
            died += len(HOSTS)
        elif what < 0.7:
            world.end_leases()  # of a dead one; a live one ends, too
            died += len(HOSTS)
    return died


PARTS = [
    Part(
        "two-hosts-killed-deliver",
        "SIGKILL of a deliver of either host at each line, statement and request; the other host goes on",
        partial(killed, DELIVERING),
        missing,
        POSTGRESQL,
    ),
    Part("two-hosts-killed-fetch", "the same of a fetch-matches", partial(killed, FETCHING), missing, POSTGRESQL),
    Part(
        "two-hosts-killed-answer",
        "the same of an answer to two requests",
        partial(killed, worlds.asked, wrong=worlds.wrong_replies),
        missing,
        POSTGRESQL,
    ),
    Part(
        "two-hosts-killed-live",
        "the same of a fetch-matches with a game in progress",
        partial(killed, worlds.playing),
        missing,
        POSTGRESQL,
    ),
    Part(
        "two-hosts-frozen-deliver",
        "a deliver stands still at each line, statement and request until the other host has done its work",
        partial(frozen, DELIVERING),
        missing,
        POSTGRESQL,
    ),
    Part("two-hosts-frozen-fetch", "the same of a fetch-matches", partial(frozen, FETCHING), missing, POSTGRESQL),
    Part("two-hosts-frozen-answer", "the same of an answer", partial(frozen, worlds.asked), missing, POSTGRESQL),
    Part(
        "two-hosts-at-once",
        f"the crons of both hosts for {TICKS} ticks under strict limits; commands and the server are killed at random",
        chained,
        missing,
        POSTGRESQL,
    ),
]
