"""Hand-written stand-ins and short ways to what many tests need."""

import io
import os
import re
import resource
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from proof.fork_server import ForkServer, Order

from lolslackbot.clock import Clock, text_of
from lolslackbot.game import Match, Outcome, Participant
from lolslackbot.model import Message, Player, RiotId
from lolslackbot.riot.parsing import read_match, read_puuids
from lolslackbot.sandbox import Sandbox
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import claims, listings, migrations, participants, players
from lolslackbot.store.bodies import pack
from lolslackbot.store.connect import open_database, open_locked, shared_lock
from lolslackbot.store.database import Database
from lolslackbot.store.holds import Scope, ScopeKind

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class FakeClock(Clock):
    """Stands still until the test, or a sleep, moves it. `slept` keeps every sleep, in seconds."""

    def __init__(self, moment: datetime = START) -> None:
        self.moment = moment
        self.ticks = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    def steady(self) -> float:
        return self.ticks

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.moment += timedelta(seconds=seconds)
        self.ticks += seconds


def puuid(number: int) -> str:
    """A well-formed puuid: 78 characters, another one for each number."""
    return f"puuid-{number:04}-".ljust(78, "x")


def add_player(
    db: Database,
    number: int = 1,
    *,
    channel: str = "C1",
    platform: str = "euw1",
    since: datetime = START - timedelta(days=1),
    workspace: str = "default",
) -> Player:
    """Tracks `Player {number}#EUW` with `puuid(number)` in a channel since `since`."""
    riot_id = RiotId(f"Player {number}", "EUW")
    players.track(db, puuid(number), riot_id, platform, channel, workspace, since)
    return players.with_puuids(db, [puuid(number)])[puuid(number)]


def participant(number: int = 1, **changes: Any) -> Participant:
    """Player `number` on Ahri, who won on the blue side."""
    fields: dict[str, Any] = {
        "puuid": puuid(number),
        "name": f"Player {number}",
        "tag_line": "EUW",
        "team_id": 100,
        "champion_id": 103,
        "champion_name": "Ahri",
        "team_position": "MIDDLE",
        "win": True,
        "placement": 0,
        "kills": 7,
        "deaths": 2,
        "assists": 9,
        "creep_score": 201,
    }
    return Participant(**{**fields, **changes})


def a_match(match_id: str = "EUW1_7000000001", *numbers: int, **changes: Any) -> Match:
    """A ranked game of half an hour that players `numbers` (1) won, ended ten minutes before START."""
    fields: dict[str, Any] = {
        "match_id": match_id,
        "queue_id": 420,
        "game_mode": "CLASSIC",
        "outcome": Outcome.DECIDED,
        "duration": 1871,
        "ended_at": START - timedelta(minutes=10),
        "participants": tuple(participant(number) for number in numbers or (1,)),
    }
    return Match(**{**fields, **changes})


def read_everyone(match_id: str, document: Any) -> Match:
    """An answer of Riot's as a match with every human in it."""
    return read_match(match_id, document, read_puuids(match_id, document))


def store_match(db: Database, match: Match, now: datetime = START, body: bytes = b"{}") -> None:
    """Lists and stores a match for those of its participants that are known."""
    known = players.with_puuids(db, (each.puuid for each in match.participants))
    for player in known.values():
        listings.record_page(db, player.player_id, [match.match_id], None, now)
    participants.store(db, match, pack(body), known, now)


@dataclass
class Result:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str


CERTIFICATE = Path(__file__).resolve().parent / "certificate.pem"  # with its key; for 127.0.0.1, signed by itself
CERTIFICATE_HASH = "ca4db35a"  # `openssl x509 -hash`: what a folder of authorities has it under


def tls_context() -> ssl.SSLContext:
    """Of a server whose certificate nobody trusts who is not told to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


Command = Callable[..., Result]  # `main` in this process, on the home folder


@dataclass
class Bot:
    """The real command, in processes of its own, on one home folder. A fork server saves `run` the imports."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    fork_server: ForkServer | None = None

    def start(
        self,
        *arguments: str,
        before: Callable[[], object] | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
        **extra: str,
    ) -> "subprocess.Popen[str]":
        """Starts a command; `environment` and `extra` are further variables, `before` runs in the new process first."""
        return subprocess.Popen(
            [sys.executable, "-m", "lolslackbot", "--home", str(self.home), *arguments],
            env={**_bare_environment(), **self.environment, **environment, **extra},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=before,
        )

    def run(self, *arguments: str, **extra: str) -> Result:
        """Runs a command to its end. A second one at the same time is a process of the usual kind."""
        fork_server, self.fork_server = self.fork_server, None
        if fork_server:
            order = Order(("--home", str(self.home), *arguments), {**self.environment, **extra})
            status = fork_server.run(order)
            self.fork_server = fork_server
            return Result(status, fork_server.out, fork_server.err)
        process = self.start(*arguments, environment=extra)
        out, err = process.communicate(timeout=120)
        return Result(process.returncode, out, err)

    def run_on_full_disk(self, *arguments: str) -> Result:
        """Runs a command that can write half a kilobyte into a file: to SQLite that is a full disk."""
        process = self.start(
            *arguments,
            before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512)),
            PYTHONDONTWRITEBYTECODE="1",  # Python takes what fitted for the whole: every later start would fail
        )
        out, err = process.communicate(timeout=120)
        return Result(process.returncode, out, err)

    def tick(self, **extra: str) -> list[Result]:
        """The three stages as cron chains them."""
        return [self.run(stage, **extra) for stage in ("fetch-matches", "build-messages", "deliver")]

    def rest(self) -> None:
        """Every channel's last message is long ago: the next one need not wait for its second."""
        self.write("UPDATE messages SET claimed_at = '2026-01-01T00:00:00.000Z' WHERE claimed_at IS NOT NULL")

    def end_leases(self) -> None:
        """Half a minute has passed since a process was killed. Beside a file the kernel has freed its locks already."""
        if "LOLSLACKBOT_DATABASE" in self.environment:
            self.write("DELETE FROM leases")

    def is_at_work(self, stage: str) -> bool:
        with closing(open_database(self.location)) as db:
            return db.is_at_work(stage)

    @property
    def location(self) -> str:
        """Where the database is: a path, or the URL of a schema on a server."""
        return self.environment.get("LOLSLACKBOT_DATABASE") or str(self.database)

    @property
    def database(self) -> Path:
        return self.home / "lolslackbot.db"

    @property
    def log(self) -> str:
        return (self.home / "lolslackbot.log").read_text(encoding="utf-8")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What stands in the database."""
        if url := self.environment.get("LOLSLACKBOT_DATABASE"):
            with closing(open_database(url)) as db:
                return [tuple(row) for row in db.rows(sql)]
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()

    def write(self, sql: str) -> None:
        """Changes the database behind the bot's back, to let time pass for instance."""
        with closing(open_database(self.location)) as db, db.transaction():
            db.write(sql)


@contextmanager
def at_work(location: str, stage: str, *shares: Share) -> Iterator[None]:
    """Somebody is, on the whole or on these shares of it."""
    with ExitStack() as stack:
        if shares:
            stack.enter_context(shared_lock(location, stage, shares[0].of))
        for share in shares or (WHOLE,):
            stack.enter_context(open_locked(location, stage, share=share))
        yield


def contents(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows, by table."""
    return {table: sorted(map(tuple, db.rows(f"SELECT * FROM {table}")), key=repr) for table in migrations.tables()}


def integrity_errors() -> tuple[type[Exception], ...]:
    """What an engine raises where a row breaks a constraint."""
    from psycopg import IntegrityError

    return sqlite3.IntegrityError, IntegrityError


def ends_just_now(db: Database, _stage: str) -> bool:
    """Stands in for `Database.is_at_work` where a run comes to its end at this very moment.

    It lets go of its lock once its end is committed, which it can't be while somebody reads.
    """
    with closing(sqlite3.connect(db.path, timeout=0)) as connection:
        try:
            connection.execute("UPDATE runs SET ended_at = began_at, exit_status = 0 WHERE ended_at IS NULL")
            connection.commit()
        except sqlite3.OperationalError:
            return True
    return False


_SHELL = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN " + sys.argv[2])
connection.execute("DELETE FROM tracks")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def forgotten_shell(database: Path | str, how: str) -> Iterator[None]:
    """Another process holds the database: IMMEDIATE keeps writers out, EXCLUSIVE readers too.

    Another one, since to copy a file ends all locks that the same process has on it.
    """
    command = [sys.executable, "-S", "-c", _SHELL, str(database), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout
        assert shell.stdout.readline() == "held\n"
        try:
            yield
        finally:
            shell.communicate()


def keys_in(sandbox: Sandbox, channel: str) -> list[str]:
    """What Slack truly holds in a channel, by key, in the order it came."""
    return [post.key for post in sandbox.slack.posts if post.channel == channel and post.key]


def _bare_environment() -> dict[str, str]:
    """Without what coverage adds: it doubles the time of a process, and the same lines run in-process elsewhere."""
    return {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "TMPDIR", "LANG") if name in os.environ}


def claim(
    db: Database, message: Message, token: str = "t", now: datetime = START, oldest: datetime | None = None
) -> bool:
    """Claims the next message of a channel, which must be this one; False if none may be sent.

    The channel counts as compared for this claim only.
    """
    channel, since = message.channel_id, oldest or now - timedelta(days=2)
    row = db.row("SELECT reconciled_at FROM channels WHERE channel_id = :channel", channel=channel)
    assert row
    with db.transaction():
        reconciled = "UPDATE channels SET reconciled_at = :moment WHERE channel_id = :channel"
        db.write(reconciled, moment=text_of(now + timedelta(days=1000)), channel=channel)
        claimed = claims.claim_next(db, channel, message.workspace, token, since, now)
        db.write(reconciled, moment=row["reconciled_at"], channel=channel)
    assert claimed is None or claimed.message == message
    return claimed is not None


def example_jobs() -> list[str]:
    """The lines of the example crontab that cron runs."""
    lines = (Path(__file__).resolve().parent.parent / "crontab.example").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#") and not re.match("[A-Z]+[A-Z_]*=", line)]


def scope_of(text: str) -> Scope:
    """The scope that reads so: `everything`, `riot`, `riot europe match`, `channel C1`, `workspace default`."""
    kind, *names = text.split()
    kinds = {"riot": ScopeKind.RIOT_HOST if names else ScopeKind.RIOT_KEY}
    return Scope(kinds.get(kind) or ScopeKind(kind), *names)


def children_of(pid: int) -> list[int]:
    """The processes that a process started; a slim Linux has no `ps`."""
    if Path("/proc/self/stat").exists():
        pairs = [pair for stat in Path("/proc").glob("[0-9]*/stat") for pair in _pid_and_parent(stat)]
    else:
        listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = [(int(child), int(parent)) for child, parent in map(str.split, listed.splitlines())]
    return [child for child, parent in pairs if parent == pid]


def _pid_and_parent(stat: Path) -> list[tuple[int, int]]:
    """Nothing where the process has just ended. What stands in brackets is its name, which may hold anything."""
    with suppress(OSError):
        before, _, after = stat.read_text(errors="replace").rpartition(") ")
        return [(int(before.split()[0]), int(after.split()[1]))]
    return []


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False
