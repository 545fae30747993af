"""System calls of one run of the command, recorded or tampered with by strace, which needs no hook in the program."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from proof.fork_server import Armament, Order, start_fork_server
from proof.worlds import World

CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")


class Tracer:
    """A `watch` for a run: strace holds on to the process, with these options, from before the command begins."""

    def __init__(self, *options: str, record: Path | None = None) -> None:
        self._options = options
        self._record = record or Path("/dev/null")
        self._strace: subprocess.Popen[str] | None = None

    def __call__(self, pid: int) -> None:
        command = ["strace", "-o", str(self._record), *self._options, "-p", str(pid)]
        self._strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self._strace.stderr
        said = self._strace.stderr.readline()
        if "attached" not in said:
            raise RuntimeError(f"strace does not get hold of the process: {said.strip()}")

    def finish(self) -> None:
        """Waits until everything is written down."""
        assert self._strace
        self._strace.communicate(timeout=60)


def run_traced(world: World, tracer: Tracer, *command: str, arms: Iterable[Armament] = ()) -> int:
    """Runs a command under strace: its exit status."""
    status = world.run(*command, arms=arms, watch=tracer)
    tracer.finish()
    return status


def count_calls(world: World, names: Sequence[str], *command: str) -> dict[str, int]:
    """How many of these system calls a run of the command makes."""
    record = world.folder / "calls.txt"
    run_traced(world, Tracer("-e", f"trace={','.join(names)}", record=record), *command)
    calls = [found[1] for line in record.read_text().splitlines() if (found := CALL.match(line))]
    return {name: calls.count(name) for name in names}


@cache
def missing() -> str | None:
    """Why system calls cannot be traced here, None if they can."""
    if not shutil.which("strace"):
        return "there is no strace here"
    tracer = Tracer("-e", "trace=close")
    try:
        with tempfile.TemporaryDirectory() as home, start_fork_server() as fork_server:
            fork_server.run(Order(("--version",), {"LOLSLACKBOT_HOME": home}), tracer)
            tracer.finish()
    except RuntimeError as error:
        return f"ptrace is denied here ({error})"
    return None
