"""One message a week and channel, with the right figures: killed at every commit, restored from every day."""

from proof import worlds
from proof.frame import Tally
from proof.kill_points import COMMITS, boundaries, conclude, crash, restored_weeks


def test_killed_at_every_commit_of_digest() -> None:
    with worlds.weekly() as world:
        world.reset()
        points = list(boundaries(world, *world.trial, only=COMMITS))
        tally = Tally()
        for point in points:
            world.reset()
            crash(world, tally, point, *world.trial)
            conclude(world, tally, point.name, crashes=1)
            tally.violations += worlds.wrong_digests(world)
    assert tally.violations == []
    assert tally.points >= 2 * 2  # before and after the commit of each channel's message


def test_killed_at_every_commit_and_request_while_slack_refuses_charts() -> None:
    """The form that it falls back on is in the database before the next claim: it goes out once, as a table."""
    with worlds.summed_up() as world:
        world.reset()
        points = list(boundaries(world, *world.trial, only=COMMITS))
        tally = Tally()
        for point in points:
            world.reset()
            crash(world, tally, point, *world.trial)
            conclude(world, tally, point.name, crashes=1)
            tally.violations += worlds.wrong_forms(world)
    assert tally.violations == []
    assert sum(bool(point.request) for point in points) >= 2  # one refused, one taken


def test_a_backup_of_each_day_of_the_week() -> None:
    """Whatever it lacks: one digest in the end, with the figures of the whole week."""
    tally = restored_weeks(1.0)
    assert tally.violations == []
    assert tally.points == 6
