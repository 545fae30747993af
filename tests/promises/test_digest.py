"""One message a week and channel, with the right figures: killed at every commit, restored import pytest
from every day."""

from collections.abc import Callable

import pytest
from proof import worlds
from proof.frame import Tally
from proof.kill_points import COMMITS, Point, boundaries, conclude, crash, restored_weeks
from proof.worlds import World

pytestmark = pytest.mark.sqlite_only


def kill(world: World, wrong: Callable[[World], list[str]]) -> list[Point]:
    """Kills the run that is tried at each commit and request, and lets cron go on; where it was killed."""
    world.reset()
    points, tally = list(boundaries(world, *world.trial, only=COMMITS)), Tally()
    for point in points:
        world.reset()
        crash(world, tally, point, *world.trial)
        conclude(world, tally, point.name, crashes=1)
        tally.violations += wrong(world)
    assert tally.violations == []
    assert tally.points == len(points)
    return points


def test_killed_at_every_commit_of_digest() -> None:
    with worlds.weekly() as world:
        points = kill(world, worlds.wrong_digests)
    assert len(points) >= 2 * 2  # before and after the commit of each channel's message


def test_killed_at_every_commit_and_request_while_slack_refuses_charts() -> None:
    """The form that it falls back on is in the database before the next claim: it goes out once, as a table."""
    with worlds.summed_up() as world:
        points = kill(world, worlds.wrong_forms)
    assert sum(bool(point.request) for point in points) >= 2  # one refused, one taken


def test_a_backup_of_each_day_of_the_week() -> None:
    """Whatever it lacks: one digest in the end, with the figures of the whole week."""
    tally = restored_weeks(1.0)
    assert tally.violations == []
    assert tally.points == 6
