"""How things stand: the facts, what needs a person, and notes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lolslackbot.clock import text_of
from lolslackbot.health.facts import NEWS, Facts, OpenShare, StageRuns, read_facts
from lolslackbot.health.needs import Need, find_needs, find_notes
from lolslackbot.store.database import Database
from lolslackbot.store.holds import Hold


@dataclass(frozen=True, slots=True)
class Status:
    """No needs: all is well. notes: sentences that ask nothing of anybody."""

    facts: Facts
    needs: list[Need]
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        """The shape that `status --json` promises to programs; see docs/operations.md."""
        return {
            "healthy": not self.needs,
            "database": self.facts.database,
            "user": self.facts.user,
            "needs": [need.text for need in self.needs],
            "notes": self.notes,
            "waiting": self.facts.waiting,
            "freshness": self.facts.freshness.as_json(),
            "runs": {stage: _runs_as_json(of, self.facts.is_shared) for stage, of in self.facts.stages.items()},
            "holds": [self._hold_as_json(hold) for hold in self.facts.holds],
        }

    def _hold_as_json(self, hold: Hold) -> dict[str, Any]:
        return {
            "scope": str(hold.scope),
            "kind": hold.kind,
            "reason": hold.reason,
            "since": text_of(hold.since),
            "until": hold.until and text_of(hold.until),
            "in_force": self.facts.in_force(hold),
        }


def _runs_as_json(stage: StageRuns, is_shared: bool) -> dict[str, Any] | None:
    if stage.last is None:
        return None
    return {
        "state": "at work" if stage.at_work else "cut off" if stage.cut_off else "ended",
        "began_at": text_of(stage.last.began_at),
        "ended_at": stage.last.ended_at and text_of(stage.last.ended_at),
        "exit_status": stage.last.exit_status,
        "summary": stage.last.summary,
        "ends": stage.ends,
        **({"host": stage.last.host} if is_shared else {}),
        **({"shares": [_share_as_json(each) for each in stage.shares]} if stage.shares else {}),
    }


def _share_as_json(share: OpenShare) -> dict[str, str]:
    """Of those that have not ended."""
    return {
        "share": str(share.run.share),
        "state": "at work" if share.at_work else "cut off",
        "began_at": text_of(share.run.began_at),
    }


def status(db: Database, now: datetime, announce_within: timedelta = NEWS) -> Status:
    """How things stand at `now`. announce_within: how long a game is news."""
    with db.snapshot():
        facts = read_facts(db, now, announce_within)
    return Status(facts, find_needs(facts), find_notes(facts))
