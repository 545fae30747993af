"""Eight starts of one stage at the same moment, of which the one that works is frozen before its request leaves."""

import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from functools import partial

from proof import worlds
from proof.fork_server import ForkServer, start_fork_server
from proof.frame import Part, Tally, sample
from proof.judge import look
from proof.worlds import DELIVER, World

ROUNDS = 50
STARTS = 8
STARTS_OF_A_SAMPLE = 3
LATER = 75
PATIENCE = 20  # seconds
CLAIMS = "SELECT subject, channel_id, state, claim_token, attempts, claimed_at FROM messages ORDER BY channel_id"


def freeze_before_the_post() -> None:
    """In each process: the one that has claimed a message stops there, and goes on when it is told to."""
    from lolslackbot.slack.client import SlackClient

    post = SlackClient.post

    def stop_first(*arguments, **keywords):  # type: ignore[no-untyped-def]
        SlackClient.post = post  # type: ignore[method-assign]
        os.kill(os.getpid(), signal.SIGSTOP)
        return post(*arguments, **keywords)

    SlackClient.post = stop_first  # type: ignore[method-assign]


class _Starts:
    """Eight processes that begin together. They are started from here, by threads that only wait for them."""

    def __init__(self, world: World, processes: list[ForkServer], pool: ThreadPoolExecutor) -> None:
        run = partial(world.run_beside, arms=[freeze_before_the_post])
        self._processes = {pool.submit(run, process, *DELIVER): process for process in processes}
        self.statuses: list[int] = []

    def all_but_one(self) -> list[ForkServer]:
        """Waits until only the frozen one is left; those that are, which are more where no lock keeps them out."""
        until = time.monotonic() + PATIENCE
        while len(left := self._left()) > 1 and time.monotonic() < until:
            wait(left, return_when="FIRST_COMPLETED", timeout=1)
        self.statuses = [each.result() for each in self._processes if each not in left]
        return [self._processes[each] for each in left]

    def finish(self, number: signal.Signals) -> None:
        """Tells the frozen one to go on, again and again (it may not have stopped yet), or kills it."""
        for future in self._left():
            while not future.done():
                with suppress(ProcessLookupError):  # it has just ended
                    os.kill(self._processes[future].pid, number)
                wait([future], timeout=0.02)

    def _left(self) -> set["Future[int]"]:
        return {each for each in self._processes if not each.done()}


def try_round(world: World, processes: list[ForkServer], pool: ThreadPoolExecutor, end: signal.Signals) -> list[str]:
    """One round; what is wrong, the judge's findings aside."""
    world.reset()
    starts = _Starts(world, processes, pool)
    frozen = starts.all_but_one()
    claims = _claims_once_frozen(world)
    wrong = [] if starts.statuses == [LATER] * (len(processes) - 1) else [f"the others ended with {starts.statuses}"]
    if sum(row[2] == "sending" for row in claims) != 1:
        wrong.append(f"the frozen one never held one message: {claims}")
    world.ahead += 2 * world.pace  # half an hour later it still holds its message
    for bystander in [each for each in processes if each not in frozen][:1]:
        if (status := world.run_beside(bystander, *DELIVER)) != LATER:
            wrong.append(f"a later run ended with {status}")
    posted = any(each.method == "chat.postMessage" for each in world.sandbox.slack.requests)
    if look(world.database, CLAIMS) != claims or posted:
        wrong.append("somebody touched what the frozen one holds")
    starts.finish(end)
    if end == signal.SIGKILL and (status := world.run(*DELIVER)) == LATER:
        wrong.append("the lock outlived its process")
    world.settle()
    return wrong


def _claims_once_frozen(world: World) -> list[tuple[object, ...]]:
    """The others may be done before the one that works has claimed anything."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and not any(row[2] == "sending" for row in look(world.database, CLAIMS)):
        time.sleep(0.005)
    return look(world.database, CLAIMS)


def prove(share: float) -> Tally:
    """Rounds; in one the frozen process goes on, in the next it is killed."""
    tally = Tally()
    starts = STARTS if share > 0.01 else STARTS_OF_A_SAMPLE
    ends = [signal.SIGCONT, signal.SIGKILL] * (ROUNDS // 2)
    with ExitStack() as stack:
        world = stack.enter_context(worlds.waiting(3))
        processes = [stack.enter_context(start_fork_server()) for _ in range(starts)]
        pool = stack.enter_context(ThreadPoolExecutor(starts))
        for number, end in enumerate(sample(ends, share), start=1):
            name = f"round {number}, {end.name}"
            wrong = try_round(world, processes, pool, end)
            tally.points += 1
            tally.violations += [f"{name}: {each}" for each in wrong]
            world.judge().enter(tally, name)
    return tally


PARTS = [Part("overlap", f"{STARTS} starts at once, one of them frozen between claim and send", prove)]
