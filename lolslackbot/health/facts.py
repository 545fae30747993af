"""What `status` is computed from: one snapshot of the database, the free disk space, and who holds a run lock."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from lolslackbot.clock import Clock, text_of
from lolslackbot.files import user_name
from lolslackbot.poll import Group, groups, take_turns
from lolslackbot.riot import limits, routing
from lolslackbot.store import (
    alerts,
    channels,
    decisions,
    findings,
    health,
    holds,
    matches,
    players,
    requests,
    riot_hosts,
    runs,
)
from lolslackbot.store.alerts import Alert
from lolslackbot.store.call_log import CallLog, StatedLimit
from lolslackbot.store.database import Database
from lolslackbot.store.decisions import Decision
from lolslackbot.store.findings import Found
from lolslackbot.store.health import LostMatch, UnsentMessage
from lolslackbot.store.holds import Hold, Scope
from lolslackbot.store.locks import ANSWER, STAGES
from lolslackbot.store.matches import Waiting
from lolslackbot.store.players import Rename, Track
from lolslackbot.store.requests import Inbox
from lolslackbot.store.runs import PastRun

LATELY = timedelta(days=1)
LAST_RUNS = 20  # an hour of cron
TOO_LONG = timedelta(hours=1)
NEWS = timedelta(hours=12)  # the default of LOLSLACKBOT_ANNOUNCE_WITHIN


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the oldest piece of each kind of work is, and when it last ended. None: there is none."""

    last_listed_at: datetime | None
    longest_unasked_since: datetime | None  # of the tracked players' lists
    wanted_since: datetime | None  # the oldest match that was not requested yet
    waiting_since: datetime | None  # the oldest pending message
    last_post_at: datetime | None

    def as_json(self) -> dict[str, str | None]:
        return {name: (moment := getattr(self, name)) and text_of(moment) for name in self.__slots__}


class Spent(NamedTuple):
    """An exhausted rate limit whose window is longer than TOO_LONG."""

    scope: Scope
    host: str
    reason: str
    until: datetime


class OpenShare(NamedTuple):
    """A share of a stage's work that has begun and not ended."""

    run: PastRun
    at_work: bool  # else its process was cut off


@dataclass(frozen=True, slots=True)
class StageRuns:
    """The last runs of a stage."""

    last: PastRun | None
    last_ended: PastRun | None
    last_good_at: datetime | None
    at_work: bool
    ends: dict[str, int]  # how many of the LAST_RUNS that are over ended so: by exit status, or `cut off`
    since: datetime | None  # when the oldest of these began
    pressed: list[PastRun]  # those of them that ran out of time, newest first
    shares: list[OpenShare]  # where several processes share the work

    @property
    def last_seen_at(self) -> datetime | None:
        """When the last run ended; if it did not, when it began."""
        return (self.last.ended_at or self.last.began_at) if self.last else None

    @property
    def cut_off(self) -> bool:
        """Whether the last run is over without having ended."""
        return self.last is not None and self.last.ended_at is None and not self.at_work


@dataclass(frozen=True, slots=True)
class Facts:
    """How things stand at `now`. "Of late": within LATELY."""

    now: datetime
    database: str
    user: str  # who looks
    announce_within: timedelta  # how long a game is news
    folder: str | None  # of the database; None: it is on a server
    free_bytes: int | None
    locked: bool
    holds: list[Hold]  # also those that are over
    odd_limits: list[StatedLimit]  # stated by Riot, and not believed
    spent_limits: list[Spent]
    tracks: list[Track]
    hosts_without: dict[str, list[Waiting]]  # by host: the matches that answered 404 while the host gave no other
    stages: dict[str, StageRuns]
    recorded_since: datetime | None  # the oldest run on record
    freshness: Freshness
    was_polled: bool  # whether freshness.longest_unasked_since is a poll; if not, the player was tracked then
    unexplained_since: datetime | None  # the oldest pending message that no hold explains
    waiting: dict[str, int]
    lost: list[LostMatch]  # of late, the newest first
    failed: list[UnsentMessage]  # of late
    in_doubt: list[UnsentMessage]
    expired: dict[str, int]  # messages, of late, by reason
    alerts: list[Alert]  # what the alert channel was told of
    renames: list[Rename]  # of late
    restores: list[Decision]  # of late
    found: list[Found]  # by `check`, and not disproved since
    names: Mapping[str, str]  # of channels, by id
    poll_groups: list[Group]  # where not all lists are asked for in each tick
    inboxes: list[Inbox]  # channels in which people may ask

    @property
    def tracked_since(self) -> datetime | None:
        """When the first track began; None: nobody is tracked."""
        return min((track.since for track in self.tracks), default=None)

    @property
    def used_channels(self) -> set[str]:
        """Those with tracks, and those that alerts went to."""
        alerted = {each.channel_id for each in self.alerts if each.channel_id}
        return {track.channel_id for track in self.tracks} | alerted

    @property
    def is_shared(self) -> bool:
        """The database is on a server, which several machines may use."""
        return self.folder is None

    def in_force(self, hold: Hold) -> bool:
        return hold.until is None or hold.until > self.now


def read_facts(db: Database, now: datetime, announce_within: timedelta = NEWS) -> Facts:
    """Reads everything; to be called in one `snapshot`."""
    known = holds.all_known(db)
    held = [hold.scope for hold in known if hold.until is None or hold.until > now]
    stalest = health.stalest_list(db)
    inboxes = requests.inboxes(db)
    stages = {stage: _runs_of(db, stage) for stage in ((ANSWER, *STAGES) if inboxes else STAGES)}
    failed, expired = health.failed(db, now - LATELY), health.expired(db, now - LATELY)
    in_doubt = [  # one that is being sent at this moment is not
        message for message in health.in_doubt(db) if message.state == "uncertain" or not stages["deliver"].at_work
    ]
    waiting = health.matches_waiting(db)
    polled = players.polled(db)
    folder = db.folder
    return Facts(
        now=now,
        database=db.path,
        user=user_name(os.geteuid()),
        announce_within=announce_within,
        folder=folder,
        free_bytes=free_bytes(folder) if folder else None,
        locked=db.locked,
        holds=known,
        odd_limits=CallLog(db).windows_beyond(limits.LONGEST),
        spent_limits=_spent_limits(db, now),
        tracks=players.tracks(db),
        hosts_without=hosts_without(db),
        stages=stages,
        recorded_since=runs.recorded_since(db),
        freshness=Freshness(
            last_listed_at=health.last_listed_at(db),
            longest_unasked_since=stalest and stalest[0],
            wanted_since=health.wanted_since(db),
            waiting_since=health.waiting_since(db),
            last_post_at=health.last_post_at(db),
        ),
        was_polled=stalest is not None and stalest[1],
        unexplained_since=None if holds.EVERYTHING in held else health.waiting_since(db, held),
        waiting={
            "matches wanted": waiting["wanted"],
            "matches missing, looked for again": waiting["missing"],
            "matches to build": waiting["to_build"],
            "messages pending": health.pending(db),
            "messages uncertain": len(in_doubt),
            "messages failed in a day": len(failed),
            "messages expired in a day": sum(expired.values()),
        },
        lost=health.lost_matches(db, now, now - LATELY),
        failed=failed,
        in_doubt=in_doubt,
        expired=expired,
        alerts=list(alerts.all_known(db).values()),
        renames=[rename for rename in players.renames(db) if rename.renamed_at > now - LATELY],
        restores=[restore for restore in decisions.by(db, "restore") if restore.decided_at > now - LATELY],
        found=findings.all_known(db),
        names=channels.names(db),
        poll_groups=groups(polled, now) if take_turns(polled) else [],
        inboxes=inboxes,
    )


def hosts_without(db: Database) -> dict[str, list[Waiting]]:
    """The matches that wait until their host returns any match, by host, the longest missing first."""
    found: dict[str, list[Waiting]] = {}
    for match in sorted(matches.waiting_for_host(db), key=lambda match: match.missing_since):
        host = routing.match_region(match.platform)
        if not riot_hosts.find(db, host).returned_match_since(match.missing_since):
            found.setdefault(host, []).append(match)
    return found


def _spent_limits(db: Database, now: datetime) -> list[Spent]:
    """Only of hosts with a window longer than TOO_LONG: the usual ones are over in minutes."""
    call_log = CallLog(db)
    if not (long_windows := call_log.windows_beyond(TOO_LONG)):
        return []
    from lolslackbot.riot.limiter import Limiter

    limiter = Limiter(call_log, Clock(), 0)
    return [
        Spent(holds.riot_scope(host, endpoint), host, wait.reason, wait.until)
        for host in sorted({window.routing for window in long_windows})
        for endpoint, wait in limiter.spent(host, now).items()
    ]


def free_bytes(folder: str) -> int:
    """The free space on the disk of a folder."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _runs_of(db: Database, stage: str) -> StageRuns:
    latest = runs.latest(db, stage, LAST_RUNS)
    at_work = bool(latest) and latest[0].ended_at is None and db.is_at_work(stage)
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
        pressed=[run for run in over if run.ending.out_of_time],
        shares=[OpenShare(run, db.is_at_work(stage, run.share)) for run in runs.unended_shares(db, stage) if run.share],
    )
