"""Shows that the proof can see: each of these bugs, put into a copy of the package, must be caught.

The same share of the proof is run on an unchanged copy as well, and must hold there.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import lolslackbot
from lolslackbot.store.database import open_database
from proof import cases, clocks, overlap, remote_faults, worlds
from proof.frame import Part, Tally, all_parts, sample
from proof.kill_points import boundaries, conclude, crash
from proof.worlds import World

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 120  # at most, for one bug
BEGAN = "the copy under test: "


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
class Change:
    """One text of a module, found in it exactly once, becomes another."""

    module: str
    before: str
    after: str

    def make(self, package: Path) -> None:
        path = package / self.module
        text = path.read_text("utf-8")
        found = text.count(self.before)
        assert found == 1, f"{self.module} has {found} times, not once: {self.before!r}"
        text = text.replace(self.before, self.after)
        compile(text, self.module, "exec")
        path.write_text(text, "utf-8")


@dataclass(frozen=True)
class Bug:
    """`part` is the part of the proof that must see it, `share` the points of it that are tried."""

    name: str
    part: str
    share: Callable[[], Tally]
    changes: tuple[Change, ...]


_POST = "            posted = client.post(message)\n"
_CLAIM = "        if not messages.claim(self._db, message, token"
_AFTERWARDS = "        self._record(message, token, posted)\n"
_LIMITED = 'SlackVerdict.LIMITED, "ratelimited"'
_ACCEPTED = ("cut off, after it was applied", "cut off, before it was applied")
_deaths = partial(crashes, worlds.waiting)
_open_outcome = partial(faults, *_ACCEPTED)
_too_fast = partial(faults, "429 with Retry-After")

BUGS = (
    Bug(
        "no lock around a run",
        "cases",
        cases.two_at_once,
        (Change("store/locks.py", "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass"),),
    ),
    Bug(
        "a lock that is given up before the work",
        "overlap",
        partial(overlap.prove, 1 / overlap.ROUNDS),
        (
            Change(
                "store/locks.py",
                "        yield\n    finally:\n        os.close(descriptor)",
                "        os.close(descriptor)\n        yield\n    finally:\n        pass",
            ),
        ),
    ),
    Bug(
        "the claim comes after the send",
        "killed-deliver",
        _deaths,
        (
            Change("stages/deliver.py", _POST, "            pass\n"),
            Change("stages/deliver.py", _CLAIM, f"        posted = client.post(message)\n{_CLAIM}"),
        ),
    ),
    Bug(
        "a commit that may not survive a power cut",
        "power-cuts",
        durable,
        (
            Change("store/database.py", '"journal_mode": ("DELETE", "delete")', '"journal_mode": ("WAL", "wal")'),
            Change("store/database.py", '"synchronous": ("EXTRA", 3)', '"synchronous": ("NORMAL", 1)'),
        ),
    ),
    Bug(
        "a post without an answer is sent again at once",
        "faults of Slack",
        _open_outcome,
        (
            Change(
                "stages/deliver.py",
                _POST,
                f"{_POST}            if posted.verdict is SlackVerdict.UNCERTAIN:\n    {_POST}",
            ),
        ),
    ),
    Bug(
        "an outcome is written whoever has the claim",
        "cases",
        cases.claim_taken_over,
        (Change("store/outbox.py", " AND state = 'sending' AND claim_token = :token", ""),),
    ),
    Bug(
        "a 429 counts as an unknown outcome",
        "faults of Slack",
        _too_fast,
        (Change("slack/answers.py", _LIMITED, 'SlackVerdict.UNCERTAIN, "ratelimited"'),),
    ),
    Bug(
        "a 429 counts as a failure",
        "faults of Slack",
        _too_fast,
        (Change("slack/answers.py", _LIMITED, 'SlackVerdict.MESSAGE_REFUSED, "ratelimited"'),),
    ),
    Bug(
        "news expire, what is old does not",
        "faults of Slack",
        _too_fast,
        (
            Change(
                "store/outbox.py",
                "\"state = 'pending' AND ended_at < :bound\"",
                "\"state = 'pending' AND ended_at > :bound\"",
            ),
        ),
    ),
    Bug(
        "redirects are followed",
        "faults of Slack",
        partial(faults, "redirect 302, before it was applied"),
        (Change("slack/client.py", "            _NoRedirect(),\n", ""),),
    ),
    Bug(
        "only the first page of a history is read",
        "cases",
        cases.long_history,
        (Change("slack/client.py", "            if cursor is None:\n", "            if True:\n"),),
    ),
    Bug(
        "a claim of a dead process is sent again at once",
        "killed-deliver",
        _deaths,
        (
            Change(
                "store/outbox.py",
                "SET state = 'uncertain', claim_token = NULL",
                "SET state = 'pending', claim_token = NULL",
            ),
        ),
    ),
    Bug(
        "one commit at the end of a run",
        "killed-deliver",
        _deaths,
        (
            Change(
                "stages/deliver.py",
                "    delivering.work()  # news first",
                "    with db.transaction():\n        delivering.work()  # news first",
            ),
        ),
    ),
    Bug(
        "the SDK sends lost requests again",
        "faults of Slack",
        _open_outcome,
        (Change("slack/client.py", " retry_handlers=[],", ""),),
    ),
    Bug(
        "a restore doubts nothing",
        "cases",
        cases.restored,
        (Change("admin/backup.py", "restores.doubt_all(restored, now, today)", "0"),),
    ),
    Bug(
        "a restore believes a clock that is behind",
        "clocks",
        partial(clocks.some, "restore", "a day back"),
        (Change("store/restores.py", "latest=max([text_of(now), *known])", "latest=text_of(now)"),),
    ),
    Bug(
        "what was claimed by a clock that was behind is not looked for",
        "clocks",
        partial(clocks.some, "deliver, a request lost", "a day back"),
        (Change("stages/reconcile.py", "return is_due or 0 < each.lookup_misses < RUNS or now", "return now"),),
    ),
    Bug(
        "the calls of earlier runs are forgotten",
        "cases",
        cases.limits_kept,
        (
            Change(
                "store/call_log.py",
                "before=text_of(now - longest_known - _OPEN_LONGER),",
                "before=text_of(now + longest_known),",
            ),
        ),
    ),
    Bug(
        "a match that Riot does not have is asked for ever",
        "cases",
        cases.missing_match,
        (
            Change(
                "stages/fetch_matches.py",
                'again, said = None, "for good"',
                'again, said = now + LOOKS_AGAIN[0], "for good"',
            ),
        ),
    ),
    Bug(
        "uncertain=hold is not heeded",
        "faults of Slack",
        _open_outcome,
        (Change("stages/reconcile.py", "if not self._policy.resend or (", "if ("),),
    ),
)


# How they are tried


def prove(share: float) -> Tally:
    """Each bug in a copy of its own; and each share that is used, once on an unchanged copy."""
    tally = Tally()
    sound: set[Callable[[], Tally]] = set()
    for bug in sample(BUGS, share):
        tally.points += 1
        if bug.share not in sound:
            sound.add(bug.share)
            tally.violations += [f"without a bug, {bug.part}: {each}" for each in found_in(bug, ())]
        if found_in(bug, bug.changes):
            by = "SQLite's settings, no power cuts here" if bug.share is durable and not power_cuts() else bug.part
            tally.notes.append(f"{bug.name}: caught by {by}")
        else:
            tally.violations.append(f"not caught: {bug.name}")
    return tally


def found_in(bug: Bug, changes: tuple[Change, ...]) -> list[str]:
    """What that share of the proof says of a copy with those changes."""
    with tempfile.TemporaryDirectory(prefix="lolslackbot-bug-") as temporary:
        copy = Path(temporary)
        for name in ("lolslackbot", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "schema.sql", copy)
        for change in changes:
            change.make(copy / "lolslackbot")
        path = os.pathsep.join([str(copy), str(copy / "tests")])
        ended = subprocess.run(
            [sys.executable, "-m", "proof.sensitivity", bug.name],
            cwd=copy,
            env={**_unmeasured(), "PYTHONPATH": path, "TMPDIR": temporary},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        began, _, said = ended.stdout.partition("\n")
        assert began == f"{BEGAN}{copy / 'lolslackbot' / '__init__.py'}", f"another package was tried: {ended.stderr}"
    if ended.returncode:
        return [f"the part itself failed: {ended.stderr.strip().splitlines()[-1:]}"]
    return [str(violation) for violation in json.loads(said)]


def _unmeasured() -> dict[str, str]:
    """Without what coverage adds: a scratch copy is not what is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


def main(name: str) -> None:
    """In the copy's process: one share of the proof, its violations on stdout."""
    print(f"{BEGAN}{lolslackbot.__file__}", flush=True)
    (bug,) = [each for each in BUGS if each.name == name]
    tally = bug.share()
    print(json.dumps(tally.violations or ([] if tally.points else ["nothing was tried"])))


PARTS = [Part("sensitivity", "bugs put into a copy of the package, each of which must be caught", prove)]

if __name__ == "__main__":
    main(sys.argv[1])
