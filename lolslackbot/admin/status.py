"""What waits, what is held back and why, and what needs a person; all from the database."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from lolslackbot.clock import text_of
from lolslackbot.errors import Exit
from lolslackbot.store import holds, matches, messages, players, runs
from lolslackbot.store.database import Database
from lolslackbot.store.holds import Hold
from lolslackbot.store.locks import STAGES
from lolslackbot.store.runs import PastRun

TICKS_MISSED = timedelta(minutes=9)  # three ticks of cron
TOO_LONG = timedelta(hours=1)
LATELY = timedelta(days=1)


class Freshness(NamedTuple):
    """How old the oldest piece of each kind of work is, and when it last came to its end. None: there is none."""

    last_listed_at: datetime | None
    longest_unasked_since: datetime | None  # of the tracked players' lists
    wanted_since: datetime | None  # the oldest match whose body is still to be asked for
    waiting_since: datetime | None  # the oldest message that waits
    last_post_at: datetime | None

    def as_json(self) -> dict[str, str | None]:
        return {name: moment and text_of(moment) for name, moment in self._asdict().items()}


class Status(NamedTuple):
    """`problems` are sentences, each with what to do, by what tells them apart; none means healthy."""

    problems: dict[str, str]
    waiting: dict[str, int]
    holds: list[Hold]  # those that are over too: the last 429 of each scope
    freshness: Freshness
    now: datetime
    runs: dict[str, PastRun | None]  # the last of each stage

    @property
    def needs(self) -> list[str]:
        """What needs a person."""
        return list(self.problems.values())

    @property
    def alarming(self) -> dict[str, str]:
        """The problems to tell somebody of: not what a person did, nor what still may clear up by itself."""
        return {
            problem: said for problem, said in self.problems.items() if not problem.endswith((" paused", " uncertain"))
        }

    def as_json(self) -> dict[str, Any]:
        """The shape that `status --json` promises to programs."""
        return {
            "healthy": not self.needs,
            "needs": self.needs,
            "waiting": self.waiting,
            "freshness": self.freshness.as_json(),
            "runs": {
                stage: run
                and {
                    "began_at": text_of(run.began_at),
                    "ended_at": run.ended_at and text_of(run.ended_at),
                    "exit_status": run.exit_status,
                    "summary": run.summary,
                }
                for stage, run in self.runs.items()
            },
            "holds": [
                {
                    "scope": hold.scope,
                    "kind": hold.kind,
                    "reason": hold.reason,
                    "since": text_of(hold.since),
                    "until": hold.until and text_of(hold.until),
                    "in_force": self.in_force(hold),
                }
                for hold in self.holds
            ],
        }

    def in_force(self, hold: Hold) -> bool:
        return hold.until is None or hold.until > self.now


def status(db: Database, now: datetime) -> Status:
    """How things stand at `now`."""
    message_counts = messages.counts(db, now - LATELY)
    known = holds.all_known(db)
    freshness = Freshness(
        last_listed_at=players.last_listed_at(db),
        longest_unasked_since=players.longest_unasked_since(db),
        wanted_since=matches.wanted_since(db),
        waiting_since=messages.waiting_since(db),
        last_post_at=messages.last_post_at(db),
    )
    last_runs = {stage: next(iter(runs.latest(db, stage)), None) for stage in STAGES}
    return Status(
        problems={
            **{f"{hold.scope} {hold.kind}": _need_of(hold) for hold in known if hold.until is None},
            **{
                f"player {player.player_id} unlisted": f"player {player.riot_id}: {player.problem}"
                for player in players.to_list(db)
                if player.problem is not None
            },
            **_staleness(db, freshness.last_listed_at, now),
            **_silences(db, last_runs, now),
            **_refusals(last_runs),
            **_queues(freshness, known, now),
            **_doubts(message_counts),
        },
        waiting={
            "matches wanted": (counts := matches.counts(db))["wanted"],
            "matches missing, looked for again": counts["missing"],
            "matches to build": counts["to_build"],
            "messages pending": message_counts["pending"],
            "messages uncertain": message_counts["uncertain"],
            "messages failed in a day": message_counts["failed"],
        },
        holds=known,
        freshness=freshness,
        now=now,
        runs=last_runs,
    )


def _need_of(hold: Hold) -> str:
    """What a hold that no time lifts asks of a person."""
    channel = hold.scope.removeprefix("channel ")
    remedy = {
        "rejected": "renew the key or token; the next run tries it",
        "broken": f"mend the channel in Slack, then `lolslackbot retry --channel {channel}`",
        "paused": f"`lolslackbot resume{'' if hold.scope == holds.EVERYTHING else f' --channel {channel}'}` goes on",
    }[hold.kind]
    return f"{hold.scope} is {hold.kind} since {text_of(hold.since)}: {hold.reason}; {remedy}"


def _staleness(db: Database, last_listed_at: datetime | None, now: datetime) -> dict[str, str]:
    since = players.tracked_since(db, (player.player_id for player in players.to_list(db)))
    if since is None or now - max(since, last_listed_at or since) < TICKS_MISSED:
        return {}
    asked = f"since {text_of(last_listed_at)}" if last_listed_at else "ever"
    return {
        "lists unasked": f"Riot was not asked for any list {asked}: does cron run fetch-matches, and what does it say?"
    }


def _silences(db: Database, last_runs: dict[str, PastRun | None], now: datetime) -> dict[str, str]:
    """Stages that cron no longer starts, and runs that were killed or hang. Without any player nothing is missed."""
    recorded_since = runs.recorded_since(db)
    if recorded_since is None or not players.to_list(db):
        return {}
    needs = {}
    for stage, run in last_runs.items():
        last = run.began_at if run else recorded_since
        if now - last < TICKS_MISSED:
            continue
        if run and run.ended_at is None:
            what = f"began at {text_of(last)} and never ended: it was killed, or hangs"
        else:
            what = f"did not run since {text_of(last)}" if run else "never ran"
        needs[f"{stage} silent"] = f"{stage} {what}; see `crontab -l`, then run `lolslackbot {stage}` by hand"
    return needs


def _refusals(last_runs: dict[str, PastRun | None]) -> dict[str, str]:
    """Stages that cannot work at all. A refused key or token says so by its hold."""
    return {
        f"{stage} unusable": f"{stage} cannot work: {run.summary}"
        for stage, run in last_runs.items()
        if run and run.exit_status == Exit.UNUSABLE
    }


def _queues(freshness: Freshness, known: list[Hold], now: datetime) -> dict[str, str]:
    """What waits for long, although nothing that is said elsewhere holds it back."""
    needs = {}
    limited = any(hold.kind == "limited" and hold.until and hold.until > now for hold in known)
    paused = any(hold.kind == "paused" for hold in known)
    if freshness.waiting_since and now - freshness.waiting_since > TOO_LONG and not (limited or paused):
        needs["messages waiting"] = (
            f"messages wait since {text_of(freshness.waiting_since)}: `lolslackbot deliver --dry-run` says why"
        )
    if freshness.wanted_since and now - freshness.wanted_since > TOO_LONG and not limited:
        needs["matches waiting"] = (
            f"matches wait to be asked for since {text_of(freshness.wanted_since)}: `lolslackbot -v fetch-matches` "
            "says why; if the limits are spent each time, the key serves fewer players than are tracked"
        )
    return needs


def _doubts(counts: dict[str, int]) -> dict[str, str]:
    needs = {}
    if counts["uncertain"]:
        needs["messages uncertain"] = (
            f"{counts['uncertain']} messages may or may not be in Slack: look into the channels"
        )
    if counts["failed"]:
        needs["messages failed"] = f"{counts['failed']} messages failed within a day: the log says why"
    return needs
