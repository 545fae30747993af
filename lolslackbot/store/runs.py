"""When each stage ran, and how it ended: what freshness is measured by."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from lolslackbot.clock import moment_of, text_of
from lolslackbot.shares import Share
from lolslackbot.store.database import Database, Row

KEPT = 1000  # of one stage: two days of cron; what is older explains nothing any more
_WHOLE = "stage = :stage AND part_of IS NULL"  # not those of single shares


@dataclass(frozen=True, slots=True)
class Ending:
    """What kept a run from doing all there was to do."""

    out_of_time: bool = False  # it had spent its time budget
    left_over: int | None = None  # items that were due and not done; None: not counted
    max_seconds: float | None = None  # its time budget
    clock_ahead: float | None = None  # seconds this clock was ahead of Riot's, where that is too far


WHOLE = Ending()  # of a run of which no more is known


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run of a stage. `ended_at` None: at work, or cut off (killed, or it could not write)."""

    stage: str
    began_at: datetime
    ended_at: datetime | None
    exit_status: int | None
    summary: str | None
    ending: Ending = WHOLE
    share: Share | None = None  # of the work, where several processes shared it; None: the run as a whole
    host: str | None = None  # the machine it ran on

    @classmethod
    def from_row(cls, row: Row) -> Self:
        return cls(
            stage=row["stage"],
            began_at=moment_of(row["began_at"]),
            ended_at=moment_of(row["ended_at"]) if row["ended_at"] else None,
            exit_status=row["exit_status"],
            summary=row["summary"],
            ending=Ending(bool(row["out_of_time"]), row["left_over"], row["max_seconds"], row["clock_ahead"]),
            share=Share(row["share"], row["shares"]) if row["part_of"] else None,
            host=row["host"],
        )


def begin(db: Database, stage: str, now: datetime) -> int:
    """Records that a run is at work, and drops the oldest beyond `KEPT`; its id. One commit."""
    with db.transaction():
        run_id = _add(db, stage, now, None, None)
        db.write(
            f"""
            DELETE FROM runs
            WHERE {_WHOLE}
              AND run_id <= (SELECT run_id FROM runs WHERE {_WHOLE} ORDER BY run_id DESC LIMIT 1 OFFSET :kept)
            """,
            stage=stage,
            kept=KEPT,
        )
        return run_id


def begin_share(db: Database, stage: str, now: datetime, whole: int, share: Share) -> int:
    """Records that a process has begun its share of a run; the id of that record. One commit."""
    with db.transaction():
        return _add(db, stage, now, whole, share)


def _add(db: Database, stage: str, now: datetime, whole: int | None, share: Share | None) -> int:
    (row,) = db.change(
        """
        INSERT INTO runs (stage, began_at, part_of, share, shares, host)
        VALUES (:stage, :now, :whole, :share, :shares, :host)
        RETURNING run_id
        """,
        stage=stage,
        now=text_of(now),
        whole=whole,
        share=share and share.number,
        shares=share and share.of,
        host=os.uname().nodename,
    )
    run_id: int = row["run_id"]
    return run_id


def end(db: Database, run_id: int, now: datetime, exit_status: int, summary: str, ending: Ending = WHOLE) -> None:
    """Records how a run ended. One commit."""
    with db.transaction():
        db.write(
            """
            UPDATE runs
            SET ended_at = :now, exit_status = :exit_status, summary = :summary, out_of_time = :out_of_time,
                left_over = :left_over, max_seconds = :max_seconds, clock_ahead = :clock_ahead
            WHERE run_id = :run_id
            """,
            now=text_of(now),
            run_id=run_id,
            exit_status=exit_status,
            summary=summary,
            out_of_time=int(ending.out_of_time),
            left_over=ending.left_over,
            max_seconds=ending.max_seconds,
            clock_ahead=ending.clock_ahead,
        )


def pruning_is_due(db: Database, now: datetime) -> bool:
    """Whether old games were not forgotten by themselves within a day; by a clock that was ahead counts as long ago."""
    row = db.row("SELECT began_at FROM prunings")
    return not (row and timedelta(0) <= now - moment_of(row["began_at"]) < timedelta(days=1))


def begin_pruning(db: Database, now: datetime) -> None:
    """Records that old games are about to be forgotten. One commit."""
    with db.transaction():
        db.write(
            """
            INSERT INTO prunings (only_row, began_at) VALUES (1, :now)
            ON CONFLICT (only_row) DO UPDATE SET began_at = excluded.began_at
            """,
            now=text_of(now),
        )


def latest(db: Database, stage: str, number: int = 1) -> list[PastRun]:
    """The last runs of a stage, newest first."""
    rows = db.rows(f"SELECT * FROM runs WHERE {_WHOLE} ORDER BY run_id DESC LIMIT :number", stage=stage, number=number)
    return [PastRun.from_row(row) for row in rows]


def last_ended(db: Database, stage: str) -> PastRun | None:
    """The last run of a stage that came to its end, whatever that was; the one at work is none."""
    row = db.row(
        f"SELECT * FROM runs WHERE {_WHOLE} AND ended_at IS NOT NULL ORDER BY run_id DESC LIMIT 1", stage=stage
    )
    return PastRun.from_row(row) if row else None


def last_good(db: Database, stage: str) -> datetime | None:
    """When the last run of a stage ended that ended with exit 0."""
    row = db.row(
        f"SELECT ended_at FROM runs WHERE {_WHOLE} AND exit_status = 0 ORDER BY run_id DESC LIMIT 1", stage=stage
    )
    return moment_of(row["ended_at"]) if row else None


def unended_shares(db: Database, stage: str) -> list[PastRun]:
    """The last record of each share, as they are divided now, where that has not ended: at work, or cut off."""
    rows = db.rows(
        """
        SELECT * FROM runs
        WHERE ended_at IS NULL AND run_id IN (
            SELECT MAX(run_id) FROM runs
            WHERE stage = :stage AND shares = (
                SELECT shares FROM runs WHERE stage = :stage AND shares IS NOT NULL ORDER BY run_id DESC LIMIT 1
            )
            GROUP BY share
        )
        ORDER BY share
        """,
        stage=stage,
    )
    return [PastRun.from_row(row) for row in rows]


def recorded_since(db: Database) -> datetime | None:
    """When the oldest run that is still known began."""
    row = db.row("SELECT began_at FROM runs ORDER BY run_id LIMIT 1")
    return moment_of(row["began_at"]) if row else None
