"""Shows that the proof can see: each planted bug must be caught by a small share of the part that watches for it.

The same share is tried once without a bug, and must hold.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

from proof import cases, clocks, power_cuts, remote_faults, worlds
from proof.frame import Part, Tally, sample
from proof.kill_points import boundaries, conclude, crash, nothing_more
from proof.planted import BUGS, PLANTED, Patch
from proof.strace import missing
from proof.worlds import World

Share = Callable[[], Tally]


def deaths(
    make: Callable[[], AbstractContextManager[World]] = worlds.waiting,
    wrong: Callable[[World], list[str]] = nothing_more,
) -> Tally:
    """Killed at each request of one run. wrong: what the judge does not see."""
    tally = Tally()
    with make() as world:
        world.reset()
        for point in [point for point in boundaries(world, *world.trial) if point.request]:
            world.reset()
            crash(world, tally, point, *world.trial)
            conclude(world, tally, point.name, crashes=1)
            tally.violations += [f"{point.name}: {each}" for each in wrong(world)]
    return tally


def requests_alone() -> Tally:
    """Nothing goes wrong at all."""
    tally = Tally()
    with worlds.asked() as world:
        world.reset()
        conclude(world, tally, "requests", crashes=0)
        tally.violations += worlds.wrong_replies(world)
    return tally


def slack_faults(*names: str) -> Tally:
    """These kinds of fault, at the second message, resend and hold."""
    tally = Tally()
    with worlds.waiting(remote_faults.NUMBER) as world:
        for fault in [fault for fault in remote_faults.of_slack() if fault.name in names]:
            for policy in ("resend", "hold"):
                remote_faults.try_slack(world, tally, fault, 1, policy)
    return tally


def riot_faults(*names: str) -> Tally:
    """These kinds of fault, at the first match."""
    tally = Tally()
    with worlds.listed(remote_faults.LISTED) as world:
        for fault in [fault for fault in remote_faults.of_riot() if fault.name in names]:
            remote_faults.try_riot(world, tally, fault, "match", 0)
    return tally


@dataclass(frozen=True, slots=True)
class Watch:
    """What must catch a bug: a share of the proof, and the count that shows it there."""

    share: Share
    shows: Literal["duplicates", "lost", "violations"] = "duplicates"


_fetch_deaths = partial(deaths, worlds.listed)
_lost_answers = partial(slack_faults, "cut off, after it was applied", "cut off, before it was applied")
_too_fast = partial(slack_faults, "429 with Retry-After")
_redirected = partial(slack_faults, "redirect 302, before it was applied")
_riot_too_fast = partial(riot_faults, "429 application with Retry-After")
_power_cuts = partial(power_cuts.deliveries, 0.001)
_clock_behind = partial(clocks.some, "restore", "a day back")
_lost_request = partial(clocks.some, "deliver, a request lost", "a day back")

WATCHES = {
    "no run lock": Watch(cases.two_at_once, "violations"),
    "run lock released at once": Watch(cases.two_at_once, "violations"),
    "claim committed after the post": Watch(deaths),
    "commits lost in a power cut": Watch(_power_cuts),
    "uncertain post sent again at once": Watch(_lost_answers),
    "claim token ignored": Watch(cases.claim_taken_over, "violations"),
    "outcome not recorded": Watch(deaths, "violations"),
    "orphaned claims not recovered": Watch(deaths, "violations"),
    "orphaned claims sent again at once": Watch(deaths),
    "one commit for all posts": Watch(deaths),
    "one commit for all fetches": Watch(_fetch_deaths, "violations"),
    "429 of Slack uncertain": Watch(_too_fast, "violations"),
    "429 of Slack final": Watch(_too_fast, "lost"),
    "redirects followed": Watch(_redirected, "violations"),
    "Slack SDK retries": Watch(_lost_answers),
    "only one page of history read": Watch(cases.long_history),
    "look-up result ignored": Watch(_lost_answers),
    "one look-up believed": Watch(cases.history_lags),
    "look-ups given up by a wrong clock": Watch(_lost_request, "violations"),
    "uncertain=hold ignored": Watch(_lost_answers, "violations"),
    "first comparison without history": Watch(cases.second_database),
    "expiry ignored": Watch(cases.no_longer_news, "violations"),
    "pause ignored": Watch(cases.paused, "violations"),
    "restore doubts nothing": Watch(cases.restored),
    "restore trusts its clock": Watch(_clock_behind),
    "rate limit windows ignored": Watch(cases.limits_kept, "violations"),
    "429 of Riot ignored": Watch(_riot_too_fast, "violations"),
    "calls of earlier runs forgotten": Watch(cases.limits_kept, "violations"),
    "missing match asked for ever": Watch(cases.missing_match, "violations"),
    "replies looked up in the history": Watch(partial(deaths, worlds.answered)),
    "notices sent again": Watch(partial(deaths, worlds.telling_of_a_game, worlds.wrong_notices), "violations"),
    "notices of games that ended not withdrawn": Watch(cases.game_ends_first, "violations"),
    "notices lead nowhere": Watch(partial(deaths, worlds.ending_a_game, worlds.wrong_endings), "violations"),
    "requests not settled": Watch(requests_alone, "violations"),
}


def prove(share: float) -> Tally:
    """All of them, one after the other."""
    assert WATCHES.keys() == BUGS.keys()
    can_be_planted(BUGS)
    return try_bugs(WATCHES, share)


def try_bugs(watches: Mapping[str, Watch], share: float) -> Tally:
    """Plants one bug after the other; tries each share that is used once without a bug."""
    tally = Tally()
    sound: set[Share] = set()
    for bug in sample(sorted(watches), share):
        watch = watches[bug]
        if watch.share is _power_cuts and (lack := missing()):
            tally.notes.append(f"{bug}: not tried, {lack}")
            continue
        tally.points += 1
        if watch.share not in sound:
            sound.add(watch.share)
            tally.violations += [f"without a bug: {violation}" for violation in watch.share().violations]
        with planted(bug):
            found = watch.share()
        if not getattr(found, watch.shows):
            tally.violations.append(f"not caught: {bug}")
    return tally


def can_be_planted(bugs: Mapping[str, tuple[Patch, ...]]) -> None:
    """Raises where the package has changed so that one of them would only break it."""
    for patch in [patch for patches in bugs.values() for patch in patches]:
        patch.check()


@contextmanager
def planted(bug: str) -> Iterator[None]:
    """Commands run with that bug; the worlds are prepared without."""
    os.environ[PLANTED] = bug
    try:
        yield
    finally:
        del os.environ[PLANTED]


PARTS = [Part("sensitivity", "planted bugs, each of which must be caught", prove)]
