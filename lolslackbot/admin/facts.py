"""What status goes by: read from the database at one moment, with the room on its disk and who holds a run lock."""

import os
from datetime import datetime, timedelta
from typing import NamedTuple

from lolslackbot.clock import text_of
from lolslackbot.store import alerts, decisions, holds, runs, standing
from lolslackbot.store.alerts import Unposted
from lolslackbot.store.database import Database
from lolslackbot.store.decisions import Decision
from lolslackbot.store.holds import Hold
from lolslackbot.store.locks import STAGES, is_at_work
from lolslackbot.store.runs import PastRun
from lolslackbot.store.standing import Lost, Unlisted, Unsent

LATELY = timedelta(days=1)
LAST_RUNS = 20  # an hour of cron


class Freshness(NamedTuple):
    """How old the oldest piece of each kind of work is, and when it last came to its end. None: there is none."""

    last_listed_at: datetime | None
    longest_unasked_since: datetime | None  # of the tracked players' lists
    wanted_since: datetime | None  # the oldest match whose body is still to be asked for
    waiting_since: datetime | None  # the oldest message that waits
    last_post_at: datetime | None

    def as_json(self) -> dict[str, str | None]:
        return {name: moment and text_of(moment) for name, moment in self._asdict().items()}


class StageRuns(NamedTuple):
    """The last runs of a stage."""

    last: PastRun | None
    last_ended: PastRun | None
    last_good_at: datetime | None
    at_work: bool
    ends: dict[str, int]  # of the LAST_RUNS that are over: how many, by exit status or `cut off`
    since: datetime | None  # when the oldest of these began
    pressed: list[PastRun]  # of these, those that ran out of time, newest first

    @property
    def cut_off(self) -> bool:
        """Whether the last run is over without having ended."""
        return self.last is not None and self.last.ended_at is None and not self.at_work


class Facts(NamedTuple):
    """How things stand at `now`."""

    now: datetime
    folder: str  # of the database
    free_bytes: int
    locked: bool
    holds: list[Hold]  # those that are over too
    tracked_since: datetime | None  # None: nobody is tracked
    unlisted: list[Unlisted]
    stages: dict[str, StageRuns]
    recorded_since: datetime | None  # the oldest run that is known
    freshness: Freshness
    unexplained_since: datetime | None  # the oldest message that waits although no hold is known
    waiting: dict[str, int]
    lost: list[Lost]  # of late, the newest first
    failed: list[Unsent]  # of late
    doubted: list[Unsent]
    expired: dict[str, int]  # messages, of late, by reason
    unposted: Unposted | None  # alerts
    new_names: list[Decision]  # of late
    restores: list[Decision]

    def in_force(self, hold: Hold) -> bool:
        return hold.until is None or hold.until > self.now


def read_facts(db: Database, now: datetime) -> Facts:
    """One look at everything."""
    with db.one_moment():
        return _read(db, now)


def _read(db: Database, now: datetime) -> Facts:
    known = holds.all_known(db)
    held = [hold.scope for hold in known if hold.until is None or hold.until > now]
    counts = standing.counts(db, now - LATELY)
    expired = standing.expired(db, now - LATELY)
    return Facts(
        now=now,
        folder=os.path.dirname(db.path),
        free_bytes=free_bytes(os.path.dirname(db.path)),
        locked=db.locked,
        holds=known,
        tracked_since=standing.tracked_since(db),
        unlisted=standing.unlisted(db),
        stages={stage: _runs_of(db, stage) for stage in STAGES},
        recorded_since=runs.recorded_since(db),
        freshness=Freshness(
            last_listed_at=standing.last_listed_at(db),
            longest_unasked_since=standing.longest_unasked_since(db),
            wanted_since=standing.wanted_since(db),
            waiting_since=standing.waiting_since(db),
            last_post_at=standing.last_post_at(db),
        ),
        unexplained_since=None if holds.EVERYTHING in held else standing.waiting_since(db, held),
        waiting={
            "matches wanted": counts["wanted"],
            "matches missing, looked for again": counts["missing"],
            "matches to build": counts["to_build"],
            "messages pending": counts["pending"],
            "messages uncertain": counts["uncertain"],
            "messages failed in a day": counts["failed"],
            "messages expired in a day": sum(expired.values()),
        },
        lost=standing.came_to_nothing(db, now, now - LATELY),
        failed=standing.failed(db, now - LATELY) if counts["failed"] else [],
        doubted=standing.in_doubt(db) if counts["uncertain"] else [],
        expired=expired,
        unposted=alerts.unposted(db),
        new_names=_of_late(db, decisions.RENAMED, now),
        restores=_of_late(db, "restore", now),
    )


def free_bytes(folder: str) -> int:
    """The room on the disk of a folder."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _runs_of(db: Database, stage: str) -> StageRuns:
    latest = runs.latest(db, stage, LAST_RUNS)
    at_work = bool(latest) and latest[0].ended_at is None and is_at_work(db.path, stage)
    over = latest[1:] if at_work else latest
    ends: dict[str, int] = {}
    for run in over:
        end = "cut off" if run.exit_status is None else str(run.exit_status)
        ends[end] = ends.get(end, 0) + 1
    return StageRuns(
        last=latest[0] if latest else None,
        last_ended=next((run for run in latest if run.ended_at), None),
        last_good_at=runs.last_good(db, stage),
        at_work=at_work,
        ends=dict(sorted(ends.items())),
        since=over[-1].began_at if over else None,
        pressed=[run for run in over if run.out_of_time],
    )


def _of_late(db: Database, command: str, now: datetime) -> list[Decision]:
    return [decision for decision in decisions.by(db, command) if decision.decided_at > now - LATELY]
