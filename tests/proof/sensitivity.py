"""Shows that the proof can see: each of these bugs, planted in the processes of the proof, must be caught.

The same share of the proof is run without a bug as well, and must hold there.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lolslackbot.store.database import open_database
from proof import cases, clocks, overlap, planted, remote_faults, worlds
from proof.frame import Part, Tally, all_parts, sample
from proof.kill_points import boundaries, conclude, crash
from proof.worlds import World

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 120  # at most, for one bug


# Small shares of the parts


def crashes(make: Callable[[], AbstractContextManager[World]]) -> Tally:
    """Killed at each request of one run."""
    tally = Tally()
    with make() as world:
        world.reset()
        for point in [each for each in boundaries(world, *world.trial) if each.request]:
            world.reset()
            crash(world, tally, point, *world.trial)
            conclude(world, tally, point.name, crashes=1)
    return tally


def faults(*names: str) -> Tally:
    """These kinds of fault, at the second message, resend and hold."""
    tally = Tally()
    with worlds.waiting(remote_faults.NUMBER) as world:
        for fault in [each for each in remote_faults.of_slack() if each.name in names]:
            for policy in ("resend", "hold"):
                remote_faults.try_slack(world, tally, fault, 1, policy)
    return tally


def durable() -> Tally:
    """Power cuts where they can be played here; else what SQLite says of the connection."""
    if part := power_cuts():
        return part.prove(0.001)
    with worlds.waiting(1) as world, closing(open_database(world.database)) as db:
        kept = {name: next(iter(db.rows(f"PRAGMA {name}")[0])) for name in ("journal_mode", "synchronous")}
    wrong = [] if kept == {"journal_mode": "delete", "synchronous": 3} else [f"SQLite keeps {kept}"]
    return Tally(points=1, violations=wrong)


def power_cuts() -> Part | None:
    """That part, where it can be run."""
    found = [part for part in all_parts() if part.name == "power-cuts" and part.needs() is None]
    return found[0] if found else None


# The bugs


@dataclass(frozen=True)
class Bug:
    """`part` is the part of the proof that must see it, `share` the points of it that are tried."""

    plant: Callable[[], None]
    part: str
    share: Callable[[], Tally]

    @property
    def name(self) -> str:
        return self.plant.__name__.replace("_", " ")


_deaths = partial(crashes, worlds.waiting)
_open_outcome = partial(faults, "cut off, after it was applied", "cut off, before it was applied")
_too_fast = partial(faults, "429 with Retry-After")

BUGS = (
    Bug(planted.no_lock, "cases", cases.two_at_once),
    Bug(planted.lock_released_before_the_work, "overlap", partial(overlap.prove, 1 / overlap.ROUNDS)),
    Bug(planted.claim_after_the_post, "killed-deliver", _deaths),
    Bug(planted.commits_that_a_power_cut_takes_back, "power-cuts", durable),
    Bug(planted.unanswered_post_repeated, "faults of Slack", _open_outcome),
    Bug(planted.outcome_without_the_claim, "cases", cases.claim_taken_over),
    Bug(planted.limit_is_unknown_outcome, "faults of Slack", _too_fast),
    Bug(planted.limit_is_failure, "faults of Slack", _too_fast),
    Bug(planted.news_expires, "faults of Slack", _too_fast),
    Bug(planted.redirects_followed, "faults of Slack", partial(faults, "redirect 302, before it was applied")),
    Bug(planted.first_page_only, "cases", cases.long_history),
    Bug(planted.orphans_sent_again, "killed-deliver", _deaths),
    Bug(planted.one_commit_at_the_end, "killed-deliver", _deaths),
    Bug(planted.sdk_retries, "faults of Slack", _open_outcome),
    Bug(planted.restore_doubts_nothing, "cases", cases.restored),
    Bug(planted.restore_believes_its_clock, "clocks", partial(clocks.some, "restore", "a day back")),
    Bug(
        planted.look_up_ends_by_the_clock,
        "clocks",
        partial(clocks.some, "deliver, a request lost", "a day back"),
    ),
    Bug(planted.calls_of_earlier_runs_forgotten, "cases", cases.limits_kept),
    Bug(planted.missing_asked_for_ever, "cases", cases.missing_match),
    Bug(planted.hold_not_heeded, "faults of Slack", _open_outcome),
)


# How they are tried


def prove(share: float) -> Tally:
    """Each bug in processes of its own; and each share that is used, once without a bug."""
    tally = Tally()
    sound: set[Callable[[], Tally]] = set()
    for bug in sample(BUGS, share):
        tally.points += 1
        if bug.share not in sound:
            sound.add(bug.share)
            tally.violations += [f"without a bug, {bug.part}: {each}" for each in found(bug, is_planted=False)]
        if found(bug, is_planted=True):
            by = "SQLite's settings, no power cuts here" if bug.share is durable and not power_cuts() else bug.part
            tally.notes.append(f"{bug.name}: caught by {by}")
        else:
            tally.violations.append(f"not caught: {bug.name}")
    return tally


def found(bug: Bug, *, is_planted: bool) -> list[str]:
    """What that share of the proof says, with the bug or without."""
    number = BUGS.index(bug)
    with tempfile.TemporaryDirectory(prefix="lolslackbot-bug-") as temporary:
        ended = subprocess.run(
            [sys.executable, "-m", "proof.sensitivity", str(number)],
            cwd=temporary,
            env={
                **_unmeasured(),
                "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
                "TMPDIR": temporary,
                planted.VARIABLE: bug.plant.__name__ if is_planted else "",
            },
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    if ended.returncode:
        return [f"the part itself failed: {ended.stderr.strip().splitlines()[-1:]}"]
    return [str(violation) for violation in json.loads(ended.stdout)]


def _unmeasured() -> dict[str, str]:
    """Without what coverage adds: it would slow down what is tried."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


def main(number: int) -> None:
    """In a process of its own: one share of the proof, its violations on stdout."""
    planted.plant()
    tally = BUGS[number].share()
    print(json.dumps(tally.violations or ([] if tally.points else ["nothing was tried"])))


PARTS = [Part("sensitivity", "bugs planted in the package, each of which must be caught", prove)]

if __name__ == "__main__":
    main(int(sys.argv[1]))
