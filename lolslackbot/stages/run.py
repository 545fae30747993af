"""One piece, one commit, the next piece: the guard around each, the counts, the exit status."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from lolslackbot.clock import Budget, Clock
from lolslackbot.errors import Exit, RunAborted, worst
from lolslackbot.files import StrPath, foreign
from lolslackbot.logs import logging_about
from lolslackbot.store import holds, runs
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database, must_exist, open_database
from lolslackbot.store.locks import run_lock

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run ends with another status than 0. `needs`: the keys of what status then says of it, if anything."""

    status: Exit
    problem: str  # a kind of failure, without ids: whether today's are those of yesterday
    needs: tuple[str, ...]


class Run:
    """One run of a stage: what it counted, how it will end, how long it may take."""

    def __init__(self, stage: str, clock: Clock, max_seconds: float) -> None:
        self.stage = stage
        self.clock = clock
        self.max_seconds = max_seconds
        self.budget = Budget(clock, max_seconds)
        self.began = False  # it held the lock and an open database
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []  # what the summary adds: what waits, and until when
        self.causes: list[Cause] = []
        self.out_of_time = False  # it spent its budget while something was still due
        self.left_over: int | None = None  # items that were due and not done; None: not counted
        self.clock_ahead: float | None = None  # seconds this clock is ahead of the server's, where that is too far
        self.ended_by: str | None = None  # the one line of the error that ended the run early
        self.status = Exit.OK

    def count(self, what: str, number: int = 1) -> None:
        """Adds to the summary."""
        self.counts[what] += number

    def note(self, text: str) -> None:
        """Adds a remark to the summary, once."""
        if text not in self.notes:
            self.notes.append(text)

    def runs_out_of_time(self) -> None:
        """The time budget is spent, and something is still due."""
        self.out_of_time = True
        self.note("out of time, the next run goes on")

    def ending(self) -> runs.Ending:
        """What kept it from doing all there was to do."""
        return runs.Ending(self.out_of_time, self.left_over, self.max_seconds, self.clock_ahead)

    @property
    def problems(self) -> list[str]:
        return [cause.problem for cause in self.causes]

    def ends_with(self, status: Exit, problem: str | None = None, *needs: str) -> None:
        """Something worth another exit status than 0 happened; the most pressing one stays.

        needs: the keys under which status says it too.
        """
        self.status = worst(self.status, status)
        if problem:
            self.causes.append(Cause(status, problem, needs))

    def failed(self, problem: str, number: int = 1, *needs: str) -> None:
        """Items failed."""
        self.count("failed", number)
        self.ends_with(Exit.SOME_FAILED, problem, *needs)

    @contextmanager
    def item(self, *names: str, record: Callable[[str], None] | None = None) -> Iterator[None]:
        """The guard around one item: an error is recorded, logged with its stack trace, and the next item follows.

        record: takes the error in a few words and commits it, so that the item does not come back for ever.
        """
        with logging_about(*names):
            try:
                yield
            except RunAborted:
                raise
            except Exception as error:
                logger.exception("%s failed", " ".join(names))
                self.failed(f"{type(error).__name__}: {error}")
                if record:
                    record(f"unexpected {type(error).__name__}")

    def summary(self) -> str:
        """The one line a stage prints."""
        counts = ", ".join(f"{number} {what}" for what, number in self.counts.items() if number)
        return f"{self.stage}: " + "; ".join([counts or "nothing to do", *self.notes])


def run_stage(
    stage: str, database: StrPath, clock: Clock, max_seconds: float, work: Callable[[Database, Run], None]
) -> Run:
    """Does the stage's work under its lock; how it went. Raises nothing but what stops the process."""
    run = Run(stage, clock, max_seconds)
    with logging_about(stage):
        with _ends_of(run):
            must_exist(database)  # before the lock file: where there is no database, nothing is made
            with run_lock(database, stage), closing(open_database(database)) as db:
                run.began = True
                if whose := foreign(db.path):
                    logger.warning("%s", whose)
                clamp_future_times(db, clock.now())
                run_id = runs.begin(db, stage, clock.now())
                with _ends_of(run):
                    work(db, run)
                summary = "; ".join(filter(None, (run.summary(), run.ended_by)))
                runs.end(db, run_id, clock.now(), int(run.status), summary, run.ending())
        logger.debug("%s; exit %d", run.summary(), run.status)
    return run


def _needs_of(run: Run, end: RunAborted) -> tuple[str, ...]:
    """Under which keys status says what ended a run."""
    if not run.began:
        return ()
    match end.exit_status:
        case Exit.UNUSABLE:
            return (f"{run.stage} unusable",)
        case Exit.REJECTED:
            return (f"{holds.RIOT_KEY} rejected",)
        case _:
            return ()


@contextmanager
def _ends_of(run: Run) -> Iterator[None]:
    """An error that ends the run becomes its status and its one line; the first one stays."""
    try:
        yield
    except RunAborted as end:
        logger.debug("the run ends: %s", end, exc_info=True)
        run.ended_by = run.ended_by or str(end)
        run.ends_with(end.exit_status, str(end), *_needs_of(run, end))
    except Exception as error:
        logger.exception("the run ends with an unexpected error")
        unexpected = f"unexpected {type(error).__name__}, see the log"
        run.ended_by = run.ended_by or unexpected
        run.ends_with(Exit.SOME_FAILED, unexpected)
