"""One run in several processes: each does its share under a lock of its own, and sends what came of it.

Processes, not threads: what must be true between them is kept in the database and by the kernel's locks already.
"""

import logging
import os
import pickle
import select
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import NoReturn

from lolslackbot.clock import Clock
from lolslackbot.errors import Exit, TemporaryError
from lolslackbot.files import StrPath
from lolslackbot.location import shown
from lolslackbot.logs import logging_about
from lolslackbot.shares import WHOLE, Share
from lolslackbot.stages.run import Peers, Result, Run, Work, do_locked, ends_of, record_end, run_stage, told_by
from lolslackbot.store import runs
from lolslackbot.store.connect import open_database, shared_lock
from lolslackbot.store.database import Database

logger = logging.getLogger(__name__)

GRACE = 20.0  # seconds beyond a run's own time, after which a process of it is held to be stuck
PATIENCE = 5.0  # seconds for a process to end that was asked to
_STOPS = (signal.SIGINT, signal.SIGTERM)
_HEADER = 8  # bytes that say how many follow
_Job = Callable[[Share, Peers], Result]


def run_shared(
    stage: str,
    database: StrPath,
    clock: Clock,
    max_seconds: float,
    work: Work,
    divide: Callable[[Database], Sequence[Share]],
    log_lines: list[str],
) -> Run:
    """As `run_stage`, by one process for each share. divide: says which; the whole is worked off here.

    log_lines: kept back by this process; those of the others are added. A share that another run has is passed over;
    that of a process which died is the next run's.
    """
    run = Run(stage, clock, max_seconds)
    shares: Sequence[Share] = ()
    with logging_about(stage), ends_of(run), closing(open_database(database)) as db:
        clock.follow(db)
        shares = divide(db)
    if WHOLE in shares:
        return run_stage(stage, database, clock, max_seconds, work)
    with logging_about(stage), told_by(run):
        if shares:
            _run_shares(run, database, work, shares, log_lines)
    return run


def _run_shares(run: Run, database: StrPath, work: Work, shares: Sequence[Share], log_lines: list[str]) -> None:
    """Raises TemporaryError where none of them is free."""
    with shared_lock(database, run.stage, shares[0].of):
        with closing(open_database(database)) as db:
            free = [share for share in shares if not db.is_at_work(run.stage, share)]
        if not free:
            raise TemporaryError(f"another {run.stage} is at work on {shown(database)}")
        for share in shares:
            if share not in free:
                run.ends_with(Exit.LATER)
                run.note(f"{share} is at work elsewhere")
        with closing(open_database(database)) as db:
            run_id = runs.begin(db, run.stage, run.clock.now())
        run.began = True

        def job(share: Share, peers: Peers) -> Result:
            before = len(log_lines)
            result = _do_share(run, database, work, run_id, share, peers)
            return replace(result, log_lines=log_lines[before:])

        dead: list[int] = []
        with ends_of(run):
            dead = _share_out(run, free, job, log_lines)
        with closing(open_database(database)) as db:
            db.forget_locks_of(dead)
            record_end(db, run, run_id)


def _do_share(whole: Run, database: StrPath, work: Work, run_id: int, share: Share, peers: Peers) -> Result:
    """What one process does."""
    run = Run(whole.stage, whole.clock, whole.max_seconds, share, peers)
    with logging_about(str(share)), told_by(run):
        do_locked(run, database, work, lambda db: runs.begin_share(db, run.stage, run.clock.now(), run_id, share))
    return run.result()


# Processes


@dataclass(frozen=True, slots=True)
class _Worker:
    """A process at work on a share, and the pipe by which it sends the result."""

    share: Share
    pid: int
    pipe: int


def _share_out(run: Run, shares: Sequence[Share], job: _Job, log_lines: list[str]) -> list[int]:
    """Starts a process for each share, and adds to the run what each sends. None outlives this; which were cut off."""
    workers: list[_Worker] = []
    dead: list[int] = []
    deadline = run.clock.steady() + run.max_seconds + GRACE
    try:
        with _signals_held():  # whenever a signal comes, a process that was begun is in the list
            reading, writing = os.pipe()
            for share in shares:
                workers.append(_start(share, Peers(reading, writing), job))
            os.close(reading)
            os.close(writing)
        while workers:
            sent = _receive(run.clock, workers[0], deadline)
            with _signals_held():
                worker = workers.pop(0)
                os.kill(worker.pid, signal.SIGKILL)  # it sent all that it will: only its end may be late
                status = _reap(worker)
            if sent is None:
                logger.error("run-%d, the process of %s, was cut off: exit %d", worker.pid, worker.share, status)
                dead.append(worker.pid)
            log_lines += _add(run, worker.share, sent)
    finally:
        with _signals_held():
            _end(run.clock, workers)
    return dead


def _start(share: Share, peers: Peers, job: _Job) -> _Worker:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _work_and_leave(share, peers, job, writing)
    os.close(writing)
    return _Worker(share, pid, reading)


def _work_and_leave(share: Share, peers: Peers, job: _Job, pipe: int) -> NoReturn:
    """The life of the process. Whatever ends it, it writes and closes nothing of its parent's."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        result = pickle.dumps(job(share, peers))
        with open(pipe, "wb") as sending:
            sending.write(len(result).to_bytes(_HEADER) + result)
    finally:
        os._exit(0)


def _receive(clock: Clock, worker: _Worker, deadline: float) -> bytes | None:
    """What a process sends; None where it dies before, or is stuck."""
    sent = bytearray()
    while select.select([worker.pipe], [], [], max(0.0, deadline - clock.steady()))[0]:
        part = os.read(worker.pipe, 65536)
        if not part:
            break
        sent += part
    result = bytes(sent[_HEADER:])
    return result if result and len(result) == int.from_bytes(sent[:_HEADER]) else None


def _add(run: Run, share: Share, sent: bytes | None) -> list[str]:
    """Adds what came of a share to the run; the lines of the log that its process kept back."""
    if sent is None:
        run.ends_with(Exit.SOME_FAILED, f"a process of {run.stage} was cut off")
        run.note(f"{share} was cut off, the next run goes on with it")
        return []
    result: Result = pickle.loads(sent)  # by a pipe that only our own process has
    run.absorb(result)
    return result.log_lines


def _end(clock: Clock, workers: Sequence[_Worker]) -> None:
    """Ends those that still work: they are asked to, and killed where they do not answer."""
    for worker in workers:
        os.kill(worker.pid, signal.SIGTERM)
    give_up = clock.steady() + PATIENCE
    for worker in workers:
        while select.select([worker.pipe], [], [], 0.01)[0] == [] and clock.steady() < give_up:
            clock.sleep(0.01)
        os.kill(worker.pid, signal.SIGKILL)
        _reap(worker)


def _reap(worker: _Worker) -> int:
    """Waits for the end of a process; its exit status, negative for a signal."""
    _, status = os.waitpid(worker.pid, 0)
    os.close(worker.pipe)
    return os.waitstatus_to_exitcode(status)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until this is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
