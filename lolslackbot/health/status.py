"""What waits, what is held back and why, and what needs a person."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from lolslackbot.clock import text_of
from lolslackbot.health.facts import NEWS, Facts, StageRuns, read_facts
from lolslackbot.health.needs import ALERTS_FOUND, UNPOSTED, find_needs, find_notes
from lolslackbot.store.database import Database
from lolslackbot.store.holds import Hold


class Status(NamedTuple):
    """`problems` are sentences, each with what to do, by what tells them apart; none means healthy."""

    facts: Facts
    problems: dict[str, str]
    notes: list[str]  # what is good to know, and what may be tried again

    @property
    def needs(self) -> list[str]:
        """What needs a person."""
        return list(self.problems.values())

    @property
    def alarming(self) -> dict[str, str]:
        """The problems to post to the alert channel: not what a person did, nor what still may clear up by itself."""
        return {
            problem: said
            for problem, said in self.problems.items()
            if problem not in (UNPOSTED, ALERTS_FOUND) and not problem.endswith((" paused", " uncertain"))
        }

    def as_json(self) -> dict[str, Any]:
        """The shape that `status --json` promises to programs: docs/operations.md has it."""
        return {
            "healthy": not self.needs,
            "database": self.facts.database,
            "user": self.facts.user,
            "needs": self.needs,
            "notes": self.notes,
            "waiting": self.facts.waiting,
            "freshness": self.facts.freshness.as_json(),
            "runs": {stage: _runs_as_json(each) for stage, each in self.facts.stages.items()},
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


def _runs_as_json(stage: StageRuns) -> dict[str, Any] | None:
    if stage.last is None:
        return None
    return {
        "state": "at work" if stage.at_work else "cut off" if stage.cut_off else "ended",
        "began_at": text_of(stage.last.began_at),
        "ended_at": stage.last.ended_at and text_of(stage.last.ended_at),
        "exit_status": stage.last.exit_status,
        "summary": stage.last.summary,
        "ends": stage.ends,
    }


def status(db: Database, now: datetime, announce_within: timedelta = NEWS) -> Status:
    """How things stand at `now`. announce_within: how long a game is news."""
    facts = read_facts(db, now, announce_within)
    return Status(facts, find_needs(facts), find_notes(facts))
