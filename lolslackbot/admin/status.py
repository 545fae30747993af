"""What waits, what is held back and why, and what needs a person; all from the database."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lolslackbot.clock import text_of
from lolslackbot.store import holds, matches, messages, players
from lolslackbot.store.database import Database
from lolslackbot.store.holds import Hold

TICKS_MISSED = timedelta(minutes=9)  # three ticks of cron
LATELY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Status:
    """`needs` are sentences, each with what to do; none means healthy."""

    needs: list[str]
    waiting: dict[str, int]
    holds: list[Hold]  # those that are over too: the last 429 of each scope
    last_listed_at: datetime | None
    now: datetime

    def as_json(self) -> dict[str, Any]:
        """The shape that `status --json` promises to programs."""
        return {
            "healthy": not self.needs,
            "needs": self.needs,
            "waiting": self.waiting,
            "last_listed_at": self.last_listed_at and text_of(self.last_listed_at),
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
    last_listed_at = players.last_listed_at(db)
    return Status(
        needs=[
            *(_need_of(hold) for hold in known if hold.until is None),
            *(
                f"player {player.riot_id}: {player.problem}"
                for player in players.to_list(db)
                if player.problem is not None
            ),
            *_staleness(db, last_listed_at, now),
            *_doubts(message_counts),
        ],
        waiting={
            "matches wanted": (counts := matches.counts(db))["wanted"],
            "matches missing, looked for again": counts["missing"],
            "matches to build": counts["to_build"],
            "messages pending": message_counts["pending"],
            "messages uncertain": message_counts["uncertain"],
            "messages failed in a day": message_counts["failed"],
        },
        holds=known,
        last_listed_at=last_listed_at,
        now=now,
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


def _staleness(db: Database, last_listed_at: datetime | None, now: datetime) -> list[str]:
    since = players.tracked_since(db, (player.player_id for player in players.to_list(db)))
    if since is None or now - max(since, last_listed_at or since) < TICKS_MISSED:
        return []
    asked = f"since {text_of(last_listed_at)}" if last_listed_at else "ever"
    return [f"Riot was not asked for any list {asked}: is cron running fetch-matches, and what does it say?"]


def _doubts(counts: dict[str, int]) -> list[str]:
    needs = []
    if counts["uncertain"]:
        needs.append(f"{counts['uncertain']} messages may or may not be in Slack: look into the channels")
    if counts["failed"]:
        needs.append(f"{counts['failed']} messages failed within a day: the log says why")
    return needs
