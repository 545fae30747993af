"""The power fails at each write, sync and removal of a run: what a worst-case file system may leave is reopened.

strace records one real run. Whatever it had not synced at the cut may be there, or not, or torn at 512 bytes; the same
holds for files that were made or removed in a folder not synced since. Of a message sent before, the claim may not be
gone, and of a call to Riot, that it was counted.
"""

import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from proof import worlds
from proof.frame import Part, Tally, sample
from proof.strace import Tracer, missing, run_traced

MESSAGES = 6
GAMES = 3  # each in a list of its own
SECTOR = 512  # bytes that a disk writes whole or not at all
RANDOM_DISKS = 6  # for each cut, beside all and nothing of data and of folders
DISKS = 4 + RANDOM_DISKS
LEAST_CUTS = 60  # of each mode, so that a sample too can show what it is able to see
MODES = {
    "as shipped": None,
    "WAL with NORMAL": (("WAL", "wal"), ("NORMAL", 1)),
    "DELETE with FULL": (("DELETE", "delete"), ("FULL", 2)),
}
CALLS = "openat,close,pwrite64,ftruncate,fsync,fdatasync,unlink,rename,sendto"
LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
DESCRIPTOR = re.compile(r"^\d+<((?:\\x[0-9a-f]{2})*)")
SENT = re.compile(rb'"key": ?"([^"]+)"|^GET (/\w+/lol/match/\S*)')  # a message's key, or a call to Riot


@dataclass(frozen=True)
class Pragmas:
    """In the process on trial: the journal and the syncs that others use."""

    journal: tuple[str, object]
    synchronous: tuple[str, object]

    def __call__(self) -> None:
        from lolslackbot.store import sqlite

        sqlite._PRAGMAS |= {"journal_mode": self.journal, "synchronous": self.synchronous}


@dataclass(frozen=True)
class Call:
    """What one system call did. `name`: the file's, '' for the folder; a send has what was sent instead."""

    what: str
    name: str
    offset: int = 0
    data: bytes = b""


@dataclass
class File:
    """What is surely on the disk, and what may be."""

    safe: bytes = b""
    pending: list[Call] = field(default_factory=list)

    def sync(self) -> None:
        self.safe, self.pending = self.after(self.pending), []

    def after(self, calls: Sequence[Call]) -> bytes:
        content = bytearray(self.safe)
        for call in calls:
            if call.what == "truncate":
                del content[call.offset :]
                content.extend(bytes(call.offset - len(content)))
            else:
                content.extend(bytes(max(0, call.offset - len(content))))
                content[call.offset : call.offset + len(call.data)] = call.data
        return bytes(content)


@dataclass
class Disk:
    """One folder of a file system that promises nothing but what was synced."""

    files: list[File] = field(default_factory=list)
    safe: dict[str, int] = field(default_factory=dict)  # names, and which of `files` they mean
    pending: list[tuple[str, int | None]] = field(default_factory=list)  # names made, or removed (None), since

    def names(self) -> dict[str, int]:
        """As the running system sees them."""
        return self._with(self.pending)

    def _with(self, changes: Sequence[tuple[str, int | None]]) -> dict[str, int]:
        names: dict[str, int | None] = {**self.safe, **dict(changes)}
        return {name: file for name, file in names.items() if file is not None}

    def apply(self, call: Call) -> None:
        names = self.names()
        if call.what == "sync" and not call.name:
            self.safe, self.pending = names, []
        elif call.what == "open" and call.name not in names:
            self.files.append(File())
            self.pending.append((call.name, len(self.files) - 1))
        elif call.what == "unlink" and call.name in names:
            self.pending.append((call.name, None))
        elif call.what == "sync":
            self.files[names[call.name]].sync()
        elif call.what in ("write", "truncate"):
            self.files[names[call.name]].pending.append(call)

    def left(self, random: Random) -> Iterator[dict[str, bytes]]:
        """The folders that a cut now may leave, by name and content."""
        for data in (False, True):
            for folder in (False, True):
                names = self._with(self.pending if folder else [])
                yield {
                    name: self.files[file].after(self.files[file].pending if data else [])
                    for name, file in names.items()
                }
        for _ in range(RANDOM_DISKS):
            names = self._with([each for each in self.pending if random.random() < 0.5])
            contents = {}
            for name, number in names.items():
                file = self.files[number]
                contents[name] = file.after([part for call in file.pending for part in _torn(call, random)])
            yield contents


def _torn(call: Call, random: Random) -> Iterator[Call]:
    """The sectors of a write that reach the disk."""
    if call.what == "truncate":
        if random.random() < 0.5:
            yield call
        return
    start = 0
    while start < len(call.data):
        end = start + SECTOR - (call.offset + start) % SECTOR
        if random.random() < 0.5:
            yield Call("write", call.name, call.offset + start, call.data[start:end])
        start = end


def read_calls(record: Path, home: Path) -> Iterator[Call]:
    """What a run did to the database, its journal and its folder, and what it sent, in order."""
    for line in record.read_text().splitlines():
        found = LINE.match(line)
        if not found or int(found[3]) < 0:
            continue
        call, arguments = found[1], found[2]
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in TEXT.findall(arguments)]
        if call == "sendto":
            yield from (Call("send", (found[1] or found[2]).decode()) for found in SENT.finditer(texts[0]))
            continue
        descriptor = DESCRIPTOR.match(arguments)
        by_name = call in ("openat", "unlink")
        raw = texts[0] if by_name else bytes.fromhex(descriptor[1].replace("\\x", "")) if descriptor else b""
        path = Path(raw.decode())
        if path == home and call in ("fsync", "fdatasync"):
            yield Call("sync", "")
        elif path.parent == home and re.fullmatch(r"lolslackbot\.db(-journal|-wal)?", path.name):
            yield from _of_file(call, path.name, arguments, texts)


def _of_file(call: str, name: str, arguments: str, texts: Sequence[bytes]) -> Iterator[Call]:
    match call:
        case "openat" if "O_CREAT" in arguments:
            yield Call("open", name)
        case "pwrite64":
            yield Call("write", name, int(arguments.rsplit(", ", 1)[1]), texts[-1])
        case "ftruncate":
            yield Call("truncate", name, int(arguments.rsplit(", ", 1)[1]))
        case "fsync" | "fdatasync":
            yield Call("sync", name)
        case "unlink":
            yield Call("unlink", name)


def cuts(
    calls: Sequence[Call], database: bytes, share: float
) -> Iterator[tuple[int, frozenset[str], dict[str, bytes]]]:
    """Moments, what had been sent by then, and a folder that may be left: that share of them, LEAST_CUTS at least."""
    total = len(calls) * DISKS
    chosen = set(sample(range(total), min(1.0, max(share, LEAST_CUTS / total))))
    disk = Disk([File(database)], {"lolslackbot.db": 0})
    sent: frozenset[str] = frozenset()
    for number, call in enumerate(calls, 1):
        if call.what == "send":
            sent |= {call.name}
        else:
            disk.apply(call)
        wanted = [disk_number for disk_number in range(DISKS) if (number - 1) * DISKS + disk_number in chosen]
        if wanted:
            left = list(deepcopy(disk).left(Random(number)))
            yield from ((number, sent, left[disk_number]) for disk_number in wanted)


Remembers = Callable[[sqlite3.Connection, frozenset[str]], tuple[list[str], list[str]]]


def forgotten(
    contents: dict[str, bytes], sent: frozenset[str], folder: Path, remembers: Remembers
) -> tuple[list[str], list[str]]:
    """After the power is back: what was sent and is forgotten, and what is wrong with the file."""
    for path in folder.iterdir():
        path.unlink()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    try:
        with closing(sqlite3.connect(folder / "lolslackbot.db")) as connection:
            faults = [str(row[0]) for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
            gone, false = remembers(connection, sent)
    except sqlite3.Error as error:
        return [], [str(error)]
    return gone, faults + false


def claims(connection: sqlite3.Connection, sent: frozenset[str]) -> tuple[list[str], list[str]]:
    """The messages sent whose claim is gone, and those that are said to be delivered and were not sent."""
    states = dict(connection.execute("SELECT subject || ':' || channel_id, state FROM messages"))
    false = [f"{key} says delivered" for key, state in states.items() if state == "delivered" and key not in sent]
    return [f"the claim of {key}" for key in sorted(sent) if states.get(key, "pending") == "pending"], false


def counts(connection: sqlite3.Connection, sent: frozenset[str]) -> tuple[list[str], list[str]]:
    """The calls to Riot that were made and are not counted; none is said to have brought what was not asked for."""
    (counted,) = connection.execute("SELECT COUNT(*) FROM riot_calls").fetchone()
    asked = {path.rpartition("/")[2] for path in sent}
    stored = [each for (each,) in connection.execute("SELECT match_id FROM matches WHERE state = 'stored'")]
    false = [f"{match_id} says stored" for match_id in stored if match_id not in asked]
    return [f"{len(sent) - counted} calls"] if counted < len(sent) else [], false


@dataclass(frozen=True)
class Trial:
    """A run to cut short, how much it sends, and what it must know of that ever after."""

    what: str
    make: Callable[[], AbstractContextManager[worlds.World]]
    sends: int
    remembers: Remembers


TRIALS = (
    Trial("a claim", lambda: worlds.waiting(MESSAGES), MESSAGES, claims),
    Trial("a call's count", lambda: worlds.listed(GAMES), 2 * GAMES, counts),
)


def deliveries(share: float) -> Tally:
    """Only the shipped mode, only the claims of a delivery."""
    cut, gone, broken = _try_mode(TRIALS[0], None, share)
    return Tally(points=cut, duplicates=len(gone), violations=gone + broken)


def prove(share: float) -> Tally:
    """The shipped mode forgets nothing; those known to forget are seen to do so."""
    tally = Tally()
    for trial in TRIALS:
        for mode, pragmas in MODES.items():
            cut, gone, broken = _try_mode(trial, pragmas, share)
            tally.notes.append(f"{mode}: {cut} cuts, {len(gone)} with {trial.what} gone, {len(broken)} corrupt")
            if pragmas is None:
                tally.points += cut
                tally.duplicates += len(gone) if trial.remembers is claims else 0
                tally.violations += gone + broken
            elif not gone:
                tally.violations.append(f"{mode} never loses {trial.what} here: so this proves nothing")
    return tally


def _try_mode(
    trial: Trial, pragmas: tuple[tuple[str, object], ...] | None, share: float
) -> tuple[int, list[str], list[str]]:
    """How many cuts, those with something forgotten, and those with a file that is damaged or untrue."""
    gone, broken = [], []
    with trial.make() as world, tempfile.TemporaryDirectory() as folder:
        world.reset()
        database = world.database.read_bytes()
        record = world.folder / "calls.txt"
        tracer = Tracer("-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", record=record)
        run_traced(world, tracer, *world.trial, arms=[Pragmas(*pragmas)] if pragmas else [])
        calls = list(read_calls(record, world.home))
        assert sum(call.what == "send" for call in calls) == trial.sends
        tried = 0
        for number, sent, contents in cuts(calls, database, share):
            tried += 1
            lost, faults = forgotten(contents, sent, Path(folder), trial.remembers)
            where = f"cut after call {number} ({calls[number - 1].what} {calls[number - 1].name})"
            gone += [f"{where}: gone is {', '.join(lost)}"] if lost else []
            broken += [f"{where}: {'; '.join(faults)}"] if faults else []
    return tried, gone, broken


PARTS = [Part("power-cuts", "the power fails at each write and sync of a delivery and of a fetch", prove, missing)]
