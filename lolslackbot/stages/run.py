"""One piece, one commit, the next piece: the guard around each, the counts, the exit status."""

import logging
import os
import select
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lolslackbot.clock import Budget, Clock
from lolslackbot.errors import Exit, RunAborted, Unreachable, worst
from lolslackbot.files import StrPath, foreign
from lolslackbot.location import is_server
from lolslackbot.logs import logging_about
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import holds, runs
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.connect import open_locked
from lolslackbot.store.database import Database

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run ends with another status than 0. `needs`: the keys of what status then says of it, if anything."""

    status: Exit
    problem: str  # a kind of failure, without ids: whether today's are those of yesterday
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one share of a run, as its process sends it."""

    began: bool
    counts: Counter[str]
    notes: list[str]
    causes: list[Cause]
    ending: runs.Ending
    ended_by: str | None
    status: Exit
    log_lines: list[str] = field(default_factory=list)  # that its process kept back


class Peers:
    """The processes that share a run, as one of them sees the others: by a pipe that each keeps open while it may find
    more to do for them, and that the kernel closes with a process that dies.
    """

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing

    def find_no_more(self) -> None:
        """This process finds nothing more for the others."""
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1

    def may_find_more(self) -> bool:
        """Whether any of them may, this one included."""
        readable, _, _ = select.select([self._reading], [], [], 0)  # nothing is ever written: then it is closed
        return not readable


class Run:
    """One run of a stage, or one process's share of it: what it counted, how it will end, how long it may take."""

    def __init__(
        self, stage: str, clock: Clock, max_seconds: float, share: Share = WHOLE, peers: Peers | None = None
    ) -> None:
        self.stage = stage
        self.share, self.peers = share, peers
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
        self.is_blind = False  # the database could not be reached, by which others would tell of it
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

    def result(self) -> Result:
        """For the run that this one has a share of."""
        return Result(self.began, self.counts, self.notes, self.causes, self.ending(), self.ended_by, self.status)

    def absorb(self, result: Result) -> None:
        """Adds what came of a share."""
        self.counts.update(result.counts)
        for text in result.notes:
            self.note(text)
        self.causes += result.causes
        self.status = worst(self.status, result.status)
        self.out_of_time |= result.ending.out_of_time
        if result.ending.left_over is not None:
            self.left_over = (self.left_over or 0) + result.ending.left_over
        self.clock_ahead = result.ending.clock_ahead or self.clock_ahead
        if result.ended_by and not result.began and result.status is Exit.LATER:
            self.note(result.ended_by)  # another run has that share
        elif result.ended_by:
            self.ended_by = self.ended_by or result.ended_by

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


Work = Callable[[Database, Run], None]


def run_stage(stage: str, database: StrPath, clock: Clock, max_seconds: float, work: Work) -> Run:
    """Does the stage's work under its lock; how it went. Raises nothing but what stops the process."""
    run = Run(stage, clock, max_seconds)
    with logging_about(stage), told_by(run):
        do_locked(run, database, work, lambda db: runs.begin(db, stage, clock.now()))
    return run


def do_locked(run: Run, database: StrPath, work: Work, begin: Callable[[Database], int]) -> None:
    """Does the work under the run's lock, and records it. begin: adds the record; its id."""
    clock = run.clock
    with open_locked(database, run.stage, share=run.share) as db:
        clock.follow(db)
        run.began = True
        db.among_many = not run.share.is_whole
        if run.share.number == 1 and not is_server(database) and (whose := foreign(os.fspath(database))):
            logger.warning("%s", whose)
        clamp_future_times(db, clock.now())
        run_id = begin(db)
        with ends_of(run):
            work(db, run)
        record_end(db, run, run_id)


def record_end(db: Database, run: Run, run_id: int) -> None:
    """Records how the run ends. One commit."""
    summary = "; ".join(filter(None, (run.summary(), run.ended_by)))
    runs.end(db, run_id, run.clock.now(), int(run.status), summary, run.ending())


@contextmanager
def told_by(run: Run) -> Iterator[None]:
    """`ends_of` all of a run, and the log says how it ended."""
    with ends_of(run):
        yield
    logger.debug("%s; exit %d", run.summary(), run.status)


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
def ends_of(run: Run) -> Iterator[None]:
    """An error that ends the run becomes its status and its one line; the first one stays."""
    try:
        yield
    except RunAborted as end:
        logger.debug("the run ends: %s", end, exc_info=True)
        run.ended_by = run.ended_by or str(end)
        run.is_blind |= isinstance(end, Unreachable)
        run.ends_with(end.exit_status, str(end), *_needs_of(run, end))
    except Exception as error:
        logger.exception("the run ends with an unexpected error")
        unexpected = f"unexpected {type(error).__name__}, see the log"
        run.ended_by = run.ended_by or unexpected
        run.ends_with(Exit.SOME_FAILED, unexpected)
