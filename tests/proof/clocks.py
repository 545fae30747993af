"""The clock is wrong for some runs, or a time zone changes its offset; then all is right again, and cron goes on.

A clock set back loses nothing; one set ahead may let a game expire as old. Neither ever makes a second message.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product

from lolslackbot.sandbox import Mishap
from proof import worlds
from proof.frame import Part, Tally, sample
from proof.judge import messages_in
from proof.worlds import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Jump:
    """`error` is by how much the clock is wrong. `zone` is the TZ to run in, as POSIX writes one."""

    name: str
    error: Callable[[], timedelta] = timedelta
    zone: Callable[[], str | None] = lambda: None


def zone_that_changes(to_summer: bool) -> str:
    """A time zone in which summer time begins, or ends, between the first run from now and the second."""
    change = datetime.now(UTC) + timedelta(seconds=1.5 * worlds.TICK) + (HOUR if to_summer else 2 * HOUR)
    other = change + 100 * DAY
    begins, ends = (change, other) if to_summer else (other, change)
    return f"STD-1DST-2,{_rule(begins)},{_rule(ends)}"


def _rule(moment: datetime) -> str:
    return f"{moment.timetuple().tm_yday - 1}/{moment:%H:%M:%S}"


JUMPS = (
    Jump("a day back", lambda: -DAY),
    Jump("an hour back", lambda: -HOUR),
    Jump("1970", lambda: EPOCH - datetime.now(UTC)),
    Jump("an hour ahead", lambda: HOUR),
    Jump("a day ahead", lambda: DAY),
    Jump("a year ahead", lambda: 365 * DAY),
    Jump("summer time begins", zone=partial(zone_that_changes, True)),
    Jump("summer time ends", zone=partial(zone_that_changes, False)),
)
WRONG = {"at first": (True,), "for three runs": (True, True, True), "after the first run": (False, True, True)}


@dataclass(frozen=True)
class Case:
    """A command, in a world where it has work; `cut` is whether Slack applied the request whose answer is lost."""

    name: str
    make: Callable[[], AbstractContextManager[World]]
    cut: bool | None = None


CASES = (
    Case("deliver", worlds.waiting),
    Case("deliver, an answer lost", worlds.waiting, cut=True),
    Case("deliver, a request lost", worlds.waiting, cut=False),
    Case("settling", worlds.uncertain),
    Case("fetch-matches", worlds.listed),
    Case("build-messages", worlds.stored),
    Case("restore", worlds.restorable),
)


def try_point(world: World, case: Case, jump: Jump, wrong: tuple[bool, ...]) -> list[str]:
    """What is wrong in the end, the judge's findings aside."""
    world.reset()
    usual, zone, error = world.environment, jump.zone(), jump.error().total_seconds()
    if zone:
        world.environment = {**usual, "TZ": zone}
    if case.cut is not None:
        world.sandbox.slack.misbehave(Mishap.cut(accepted=case.cut), channel="C2", times=1)
    for number, is_wrong in enumerate(wrong):
        world.wrong = error if is_wrong else 0
        for command in world.tick if number else (world.trial,):
            world.run(*command, arms=[time.tzset])
    world.wrong = 0
    world.sandbox.riot.behave()
    world.settle()
    world.environment = usual
    if error > 0:
        return []
    states = messages_in(world.database)
    return [f"{key} is {states.get(key)}" for key in world.expected if states.get(key, ("",))[0] != "delivered"]


def prove(share: float) -> Tally:
    """Each jump of the clock, at each of some moments, under each command."""
    return _tried(sample(product(CASES, JUMPS, WRONG), share))


def some(case: str, jump: str) -> Tally:
    """One jump under one command."""
    return _tried([point for point in product(CASES, JUMPS, WRONG) if (point[0].name, point[1].name) == (case, jump)])


def _tried(points: Sequence[tuple[Case, Jump, str]]) -> Tally:
    tally = Tally()
    for case in CASES:
        mine = [(jump, when) for each, jump, when in points if each is case]
        if not mine:
            continue
        with case.make() as world:
            for jump, when in mine:
                name = f"{case.name}: {jump.name}, {when}"
                tally.points += 1
                tally.violations += [f"{name}: {each}" for each in try_point(world, case, jump, WRONG[when])]
                world.judge(*["expired"] * (jump.error() > timedelta(0))).enter(tally, name)
    return tally


PARTS = [Part("clocks", "the clock jumps by an hour to a year or to 1970, summer time begins and ends", prove)]
