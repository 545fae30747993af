"""What all parts share: the command as a user has it installed, what a process of it costs, medians, and the table."""

import json
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lolslackbot.sandbox import Sandbox

once = False  # measure each once, whatever a part asks for
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Waits for one process and says what it took. A small one: a child is charged with the memory of who starts it.
LAUNCHER = """
import os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""

# As pip writes it.
COMMAND = """#!{python}
import sys
from lolslackbot.__main__ import main
if __name__ == '__main__':
    sys.exit(main())
"""


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds on the clock, seconds of a processor (its own and the kernel's), most memory."""

    wall: float
    cpu: float
    peak: float  # MiB


Measured = Callable[[], Cost]


@dataclass(frozen=True)
class Row:
    """One line of the table. `most` is what the ratio is to be, at most."""

    what: str
    unit: str
    ours: float
    floor: float
    most: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.floor


class Place:
    """A folder to measure in: an environment with what a user's has and no more, and a sandbox."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder, self.sandbox = folder, sandbox
        self._python = _environment(folder / "environment")
        self.settings: Mapping[str, str] = {"PATH": os.environ["PATH"], **sandbox.settings}

    def command(self, home: Path, *arguments: str, **extra: str) -> Cost:
        """Runs the real command. `status` may end with 1: somebody is needed."""
        return self._run([str(self._python.with_name("lolslackbot")), "--home", str(home), *arguments], extra)

    def floor(self, name: str, **values: Any) -> Cost:
        """Runs one of `floors` in a process of its own, in the same environment."""
        code = f"from benchmarks import floors; floors.{name}(**{values!r})"
        return self._run([str(self._python), "-c", code], {})

    def _run(self, command: Sequence[str], extra: Mapping[str, str]) -> Cost:
        return run(command, {**self.settings, **extra}, (0, 1))


def run(command: Sequence[str], environment: Mapping[str, str], fine: Collection[int]) -> Cost:
    """What a process takes, and those that it starts: of these the one with the most memory. fine: exit statuses."""
    launched = [sys.executable, "-I", "-S", "-c", LAUNCHER, *command]
    said = subprocess.run(launched, env=environment, check=True, capture_output=True, text=True)
    status, wall, cpu, peak = said.stdout.split()
    if int(status) not in fine:
        raise SystemExit(f"{' '.join(command)} ended with {status}: {said.stderr}")
    return Cost(float(wall), float(cpu), int(peak) / (2**20 if sys.platform == "darwin" else 2**10))


@contextmanager
def place() -> Iterator[Place]:
    """A fresh one, with a sandbox that runs."""
    with tempfile.TemporaryDirectory(prefix="lolslackbot-bench-") as folder, Sandbox(seed=1) as sandbox:
        yield Place(Path(folder), sandbox)


def _environment(home: Path) -> Path:
    """A virtual environment that finds the package and its dependencies, without the tools of the developers' one."""
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    found = [sysconfig.get_path("purelib"), str(ROOT), str(HERE.parent)]
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "bench.pth").write_text("".join(f"{each}\n" for each in found))
    command = home / "bin" / "lolslackbot"
    command.write_text(COMMAND.format(python=python))
    command.chmod(0o755)
    return python


def keep(home: Path, name: str) -> Path:
    """The home as it is now, beside it."""
    kept = home.with_name(name)
    shutil.copytree(home, kept)
    return kept


def in_turn(times: int, *measured: Measured) -> list[list[Cost]]:
    """What each takes, A B C, B C A, …, after one run of each that is not counted: what runs before has its effect."""
    costs: list[list[Cost]] = [[] for _ in measured]
    for each in () if once else measured:
        each()
    for first in range(1 if once else times):
        for number in range(len(measured)):
            place = (first + number) % len(measured)
            costs[place].append(measured[place]())
    return costs


def wall(costs: Sequence[Cost]) -> float:
    return statistics.median(each.wall for each in costs)


def cpu(costs: Sequence[Cost]) -> float:
    return statistics.median(each.cpu for each in costs)


def per_item(many: Sequence[Cost], one: Sequence[Cost], more: int) -> float:
    """Seconds of a processor for one item more, by runs with one item and runs with so many more."""
    return (cpu(many) - cpu(one)) / more


def show(rows: Sequence[Row]) -> None:
    """As Markdown, so that it can stand in the documentation as it is."""
    print("| | ours | floor | ratio | at most |")
    print("|---|---|---|---|---|")
    for row in rows:
        scale, unit = (1000, "ms") if row.unit == "s" else (1, row.unit)
        most = "" if row.most is None else f"{row.most:g}" if row.ratio <= row.most else f"**missed:** {row.most:g}"
        ours, floor = (f"{value * scale:.4g} {unit}" for value in (row.ours, row.floor))
        print(f"| {row.what} | {ours} | {floor} | {row.ratio:.2f} | {most} |")


def machine() -> str:
    """What the figures depend on, in one line."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(sqlite3.connect(Path(folder, "x"), isolation_level=None)) as db,
    ):
        db.execute("PRAGMA synchronous = EXTRA")
        db.execute("CREATE TABLE t (a)")
        began = time.perf_counter()
        for _ in range(50):
            db.execute("INSERT INTO t VALUES (1)")
        commit = (time.perf_counter() - began) / 50 * 1000
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    cpus = f"{os.cpu_count()} × {names[0] if names else platform.machine()}"
    python = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return f"{cpus}; {platform.system()}; {python}; a durable commit takes the disk {commit:.1f} ms"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def as_json(value: Any) -> bytes:
    """As the sandbox's Riot sends it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
