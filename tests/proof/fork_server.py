"""A process that has imported everything once, and forks itself for each run of a command: 30 ms instead of 400.

It is single-threaded, so that forking is safe; the sandbox and its threads live in the process that commands it.
"""

import ctypes
import gc
import importlib
import os
import pickle
import pkgutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from proof.planted import PLANTED, plant

PR_SET_PTRACER = 0x59616D61
TESTS = Path(__file__).resolve().parent.parent
PATIENCE = 120  # seconds that a command may take
Armament = Callable[[], object]  # called in the new process before the command begins; it can be pickled


@dataclass(frozen=True)
class Order:
    """One run of the command.

    ahead: by how many seconds its clock is later than the machine's, and its sleeps take no time. None: as usual.
    """

    arguments: tuple[str, ...]
    environment: dict[str, str]
    ahead: float | None = None
    arms: tuple[Armament, ...] = ()


@dataclass
class ForkServer:
    """Runs commands. `pid` is the process at work, for whoever wants to kill it."""

    connection: Connection
    pid: int = 0
    out: str = ""  # what the last command said
    err: str = ""

    @property
    def output(self) -> str:
        return self.out + self.err

    def run(self, order: Order, watch: Callable[[int], object] | None = None) -> int:
        """Runs a command to its end: its exit status, negative for a signal. `watch` is told its pid first."""
        self.connection.send_bytes(pickle.dumps(order))
        self.pid = self.connection.recv()
        if watch:
            watch(self.pid)
        self.connection.send("go")
        if not self.connection.poll(PATIENCE):
            os.kill(self.pid, signal.SIGKILL)
        status, self.out, self.err = self.connection.recv()
        assert isinstance(status, int)
        return status


@contextmanager
def start_fork_server() -> Iterator[ForkServer]:
    """One of its own, without what coverage or a proxy would add."""
    ours, theirs = socket.socketpair()
    environment = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG", PLANTED) if name in os.environ}
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "proof.fork_server", str(theirs.fileno())],
            env={**environment, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]), "PYTHONHASHSEED": "0"},
            pass_fds=[theirs.fileno()],
        )
    connection = Connection(ours.detach())
    try:
        yield ForkServer(connection)
    finally:
        connection.close()
        process.wait(timeout=30)


_shared: dict[tuple[str | None, int], tuple[ForkServer, ExitStack]] = {}


def shared_fork_server(number: int = 1) -> ForkServer:
    """One of each number for all worlds of this process, started anew where another bug is to be planted."""
    bug = os.environ.get(PLANTED)
    for other in [key for key in _shared if key[0] != bug]:
        _shared.pop(other)[1].close()
    if (bug, number) not in _shared:
        stack = ExitStack()
        _shared[bug, number] = (stack.enter_context(start_fork_server()), stack)
    return _shared[bug, number][0]


@dataclass
class ShiftedClock:
    """The command's clock, some time ahead; its sleeps pass at once, on both of its faces."""

    ahead: float
    slept: float = field(default=0, init=False)

    def install(self) -> None:
        from datetime import timedelta

        from lolslackbot.clock import Clock

        now, steady = Clock.now, Clock.steady
        shift = self

        def sleep(_clock: Clock, seconds: float) -> None:
            shift.slept += seconds

        Clock.now = lambda clock: now(clock) + timedelta(seconds=shift.ahead + shift.slept)  # type: ignore[method-assign,assignment]
        Clock.steady = lambda clock: steady(clock) + shift.slept  # type: ignore[method-assign,assignment]
        Clock.sleep = sleep  # type: ignore[method-assign,assignment]


def serve(connection: Connection) -> None:
    """Forks for each order until the other end is closed."""
    while True:
        try:
            order = pickle.loads(connection.recv_bytes())
        except EOFError:
            return
        outputs = [os.memfd_create(name) for name in ("out", "err")]
        wait, go = os.pipe()
        pid = os.fork()
        if not pid:
            connection.close()
            os.close(go)
            _become(order, outputs, wait)
        os.close(wait)
        connection.send(pid)
        connection.recv()
        os.close(go)
        _, status = os.waitpid(pid, 0)
        said = [os.pread(output, 1 << 20, 0).decode("utf-8", "replace") for output in outputs]
        for output in outputs:
            os.close(output)
        connection.send((os.waitstatus_to_exitcode(status), *said))


def _become(order: Order, outputs: list[int], wait: int) -> NoReturn:
    """The command itself, in a process that ends with it."""
    status: object = 70  # not one of the command's own
    try:
        nowhere = os.open(os.devnull, os.O_RDONLY)
        _let_be_traced()
        for target, source in enumerate((nowhere, *outputs)):
            os.dup2(source, target)
        os.read(wait, 1)  # until the other end is closed: whoever wants to watch is ready
        os.environ.update(order.environment)
        sys.argv = ["lolslackbot", *order.arguments]
        if order.ahead is not None:
            ShiftedClock(order.ahead).install()
        from lolslackbot import cli

        for arm in order.arms:
            arm()
        cli.main()
    except SystemExit as end:
        status = end.code
    except BaseException:  # noqa: BLE001 - nothing of the fork may go on as its parent
        import traceback

        traceback.print_exc()
    finally:
        sys.settrace(None)
        with suppress(OSError):  # a disk that was made to fail
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 70)


def _let_be_traced() -> None:
    """By a process that is not its parent, where Linux is set up to ask for that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)


def _import_everything() -> None:
    """What commands import when they need it: as another user they may not be able to."""
    import difflib  # noqa: F401
    import encodings.idna
    import encodings.utf_8_sig  # noqa: F401
    import sqlite3  # noqa: F401
    import time
    import traceback  # noqa: F401
    import urllib.request  # noqa: F401

    import click

    import lolslackbot
    from lolslackbot.cli import COMMANDS, cli

    time.strptime("", "")  # it has a module of its own
    for module in pkgutil.walk_packages(lolslackbot.__path__, "lolslackbot."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in COMMANDS:
        cli.get_command(click.Context(cli), name)


if __name__ == "__main__":
    _import_everything()
    if bug := os.environ.pop(PLANTED, None):
        plant(bug)
    gc.freeze()
    serve(Connection(int(sys.argv[1])))
