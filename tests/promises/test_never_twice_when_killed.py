"""Killed right before and right after every commit of a delivery: nothing twice, nothing lost, one doubt at most."""

from proof import worlds
from proof.frame import Tally
from proof.kill_points import COMMITS, boundaries, conclude, crash


def test_killed_at_every_commit() -> None:
    """Two channels with a message each: Slack has each once in the end, wherever the run died."""
    tally = Tally()
    with worlds.waiting() as world:
        world.reset()
        points = [point for point in boundaries(world, *world.trial, only=COMMITS) if not point.request]
        for point in points:
            world.reset()
            crash(world, tally, point, *world.trial)
            conclude(world, tally, point.name, crashes=1)
    assert tally.violations == []
    assert tally.points >= 2 * 2 * 2  # before and after the commits of claim and outcome of each message
