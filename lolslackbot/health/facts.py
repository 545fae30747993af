"""What status goes by: read from the database at one moment, with the room on its disk and who holds a run lock."""

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from lolslackbot.clock import Clock, text_of
from lolslackbot.files import user_name
from lolslackbot.riot import limits, routing
from lolslackbot.riot.limiter import Limiter
from lolslackbot.store import alerts, channels, decisions, findings, health, holds, matches, players, riot_hosts, runs
from lolslackbot.store.alerts import Unposted
from lolslackbot.store.call_log import CallLog, StatedLimit
from lolslackbot.store.database import Database
from lolslackbot.store.decisions import Decision
from lolslackbot.store.findings import Found
from lolslackbot.store.health import LastGame, Lost, Moved, Unlisted, Unsent
from lolslackbot.store.holds import Hold, Scope
from lolslackbot.store.locks import STAGES, is_at_work
from lolslackbot.store.matches import Waiting
from lolslackbot.store.players import Rename
from lolslackbot.store.runs import PastRun

LATELY = timedelta(days=1)
LAST_RUNS = 20  # an hour of cron
TOO_LONG = timedelta(hours=1)
NEWS = timedelta(hours=12)  # LOLSLACKBOT_ANNOUNCE_WITHIN, where a test does not say


class Freshness(NamedTuple):
    """How old the oldest piece of each kind of work is, and when it last came to its end. None: there is none."""

    last_listed_at: datetime | None
    longest_unasked_since: datetime | None  # of the tracked players' lists
    wanted_since: datetime | None  # the oldest match whose body is still to be asked for
    waiting_since: datetime | None  # the oldest message that waits
    last_post_at: datetime | None

    def as_json(self) -> dict[str, str | None]:
        return {name: moment and text_of(moment) for name, moment in self._asdict().items()}


class Spent(NamedTuple):
    """A limit whose calls are spent, at a host with a window longer than TOO_LONG."""

    scope: Scope
    host: str
    reason: str
    until: datetime


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
    def last_seen_at(self) -> datetime | None:
        """When the last run ended; of one that did not, when it began."""
        return self.last and (self.last.ended_at or self.last.began_at)

    @property
    def cut_off(self) -> bool:
        """Whether the last run is over without having ended."""
        return self.last is not None and self.last.ended_at is None and not self.at_work


class Facts(NamedTuple):
    """How things stand at `now`."""

    now: datetime
    database: str
    user: str  # who looks
    announce_within: timedelta  # how long a game is news
    folder: str  # of the database
    free_bytes: int
    locked: bool
    holds: list[Hold]  # those that are over too
    odd_limits: list[StatedLimit]  # that Riot states, and that cannot be
    spent_limits: list[Spent]
    tracked_since: datetime | None  # None: nobody is tracked
    unlisted: list[Unlisted]
    moved: list[Moved]
    last_games: list[LastGame]  # the newest first
    hosts_without: dict[str, list[Waiting]]  # matches that answered 404 while their host gave no other, by host
    stages: dict[str, StageRuns]
    recorded_since: datetime | None  # the oldest run that is known
    freshness: Freshness
    was_asked: bool  # whether freshness.longest_unasked_since is a request; else the player was tracked then
    unexplained_since: datetime | None  # the oldest message that waits although no hold is known
    waiting: dict[str, int]
    lost: list[Lost]  # of late, the newest first
    failed: list[Unsent]  # of late
    doubted: list[Unsent]
    expired: dict[str, int]  # messages, of late, by reason
    unposted: Unposted | None  # alerts
    renames: list[Rename]  # of late
    restores: list[Decision]
    tracked_channels: set[str]
    found: list[Found]  # by `check`, and not seen to work since
    names: Mapping[str, str]  # of channels, by id

    def in_force(self, hold: Hold) -> bool:
        return hold.until is None or hold.until > self.now


def read_facts(db: Database, now: datetime, announce_within: timedelta = NEWS) -> Facts:
    """One look at everything."""
    with db.snapshot():
        return _read(db, now, announce_within)


def _read(db: Database, now: datetime, announce_within: timedelta) -> Facts:
    known = holds.all_known(db)
    held = [hold.scope for hold in known if hold.until is None or hold.until > now]
    counts = health.counts(db, now - LATELY)
    longest_unasked = health.longest_unasked(db)
    stages = {stage: _runs_of(db, stage) for stage in STAGES}
    doubted = health.in_doubt(db) if counts["uncertain"] else []
    if stages["deliver"].at_work:  # one that is being sent at this moment is in no doubt
        doubted = [each for each in doubted if each.state == "uncertain"]
    expired = health.expired(db, now - LATELY)
    folder = os.path.dirname(os.path.realpath(db.path))
    return Facts(
        now=now,
        database=str(db.path),
        user=user_name(os.geteuid()),
        announce_within=announce_within,
        folder=folder,
        free_bytes=free_bytes(folder),
        locked=db.locked,
        holds=known,
        odd_limits=CallLog(db).windows_beyond(limits.LONGEST),
        spent_limits=_spent_limits(db, now),
        tracked_since=health.tracked_since(db),
        unlisted=health.unlisted(db),
        moved=health.moved(db),
        last_games=health.last_games(db),
        hosts_without=hosts_without(db),
        stages=stages,
        recorded_since=runs.recorded_since(db),
        freshness=Freshness(
            last_listed_at=health.last_listed_at(db),
            longest_unasked_since=longest_unasked and longest_unasked[0],
            wanted_since=health.wanted_since(db),
            waiting_since=health.waiting_since(db),
            last_post_at=health.last_post_at(db),
        ),
        was_asked=longest_unasked is not None and longest_unasked[1],
        unexplained_since=None if holds.EVERYTHING in held else health.waiting_since(db, held),
        waiting={
            "matches wanted": counts["wanted"],
            "matches missing, looked for again": counts["missing"],
            "matches to build": counts["to_build"],
            "messages pending": counts["pending"],
            "messages uncertain": len(doubted),
            "messages failed in a day": counts["failed"],
            "messages expired in a day": sum(expired.values()),
        },
        lost=health.came_to_nothing(db, now, now - LATELY),
        failed=health.failed(db, now - LATELY) if counts["failed"] else [],
        doubted=doubted,
        expired=expired,
        unposted=alerts.unposted(db),
        renames=[each for each in players.renames(db) if each.renamed_at > now - LATELY],
        restores=_of_late(db, "restore", now),
        tracked_channels=health.tracked_channels(db),
        found=findings.all_known(db),
        names=channels.names(db),
    )


def hosts_without(db: Database) -> dict[str, list[Waiting]]:
    """The matches that wait for their host to give any, by host, the longest missing first."""
    found: dict[str, list[Waiting]] = {}
    for each in sorted(matches.waiting_for_host(db), key=lambda each: each.missing_since):
        host = routing.match_region(each.platform)
        if not riot_hosts.find(db, host).gave_a_match_since(each.missing_since):
            found.setdefault(host, []).append(each)
    return found


def _spent_limits(db: Database, now: datetime) -> list[Spent]:
    """By host; usual windows are far too short to be looked at."""
    ledger = CallLog(db)
    limiter = Limiter(ledger, Clock(), 0)
    return [
        Spent(holds.riot_scope(host, endpoint), host, wait.reason, wait.until)
        for host in sorted({each.routing for each in ledger.windows_beyond(TOO_LONG)})
        for endpoint, wait in limiter.spent(host, now).items()
    ]


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
