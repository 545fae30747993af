"""Shows that the proof on a server can see: each bug that only several hosts show must be caught by a part of it."""

import inspect
from collections.abc import Iterator
from functools import partial

from lolslackbot import transport
from proof.frame import POSTGRESQL, Part, Tally
from proof.kill_points import Point, boundaries
from proof.planted import SERVER_BUGS
from proof.sensitivity import Watch, can_be_planted, try_bugs
from proof.server_faults import cuts, tried
from proof.server_worlds import AtStatement, Moment, SharedWorld, missing
from proof.two_hosts import DELIVERING, StopAtLine, freezing, frozen, killed


def _requests(world: SharedWorld) -> list[Point]:
    """The first one, of either host."""
    world.reset()
    return list(boundaries(world, *world.trial))[:2]


def _decided(world: SharedWorld) -> list[Point]:
    """Lines between the decision to post and the post, each for the first time."""
    source, first = inspect.getsourcelines(transport.deadline)
    arms = {StopAtLine("transport.py", line, 1) for line in range(first, first + len(source))}
    return [point for point in freezing(world) if arms.intersection(point.arms)]


def _lost_commits(command: str, statements: list[str]) -> Iterator[AtStatement]:
    """Which the server never got."""
    for point in cuts(command, statements):
        if statements[point.nth - 1] == "COMMIT" and point.moment is Moment.BEFORE:
            yield point


_frozen = partial(frozen, DELIVERING, 1, _decided)
WATCHES = {
    "lost lease passed over": Watch(_frozen, "violations"),
    "sent after standing still": Watch(_frozen, "violations"),
    "unknown commit taken for made": Watch(partial(tried, _lost_commits, 1, [DELIVERING])),
    "leases by each host's clock": Watch(partial(killed, DELIVERING, 1, _requests), "violations"),
}


def prove(share: float) -> Tally:
    """Plants one bug after the other."""
    assert WATCHES.keys() == SERVER_BUGS.keys()
    can_be_planted(SERVER_BUGS)
    return try_bugs(WATCHES, share)


PARTS = [
    Part(
        "server-sensitivity",
        "planted bugs that only several hosts show, each of which must be caught",
        prove,
        missing,
        POSTGRESQL,
    )
]
