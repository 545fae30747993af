"""Cases on a PostgreSQL server that two hosts share, whose clocks differ, and a proxy that sees each statement."""

import os
import signal
import socket
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta, tzinfo
from enum import Enum
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from postgres_server import NoServer, Server, binaries, running

from lolslackbot.store import migrations, sqlite
from lolslackbot.store.connect import create_database
from lolslackbot.store.database import Database, Row
from proof import kill_points
from proof.fork_server import Armament, ForkServer, shared_fork_server
from proof.frame import Tally
from proof.kill_points import Point
from proof.worlds import Watch, World

LATER = 75
Make = Callable[[], AbstractContextManager[World]]
HOST = "127.0.0.1"
SCHEMA = "shared"
HOURS_OFF = (0.0, 1.0)  # each host's clock
LONG_AGO = "2000-01-01T00:00:00.000Z"
# Kinds of messages: https://www.postgresql.org/docs/current/protocol-message-formats.html
QUERY, READY, LEAVING = b"Q", b"Z", b"X"


def missing() -> str | None:
    """What a part on a server needs and is not here."""
    try:
        import psycopg  # noqa: F401

        binaries()
    except ImportError:
        return "psycopg is not installed"
    except NoServer as error:
        return str(error)
    return None


# Between a host and the server


class Moment(Enum):
    """How far a statement came."""

    BEFORE = "before it reaches the server"
    HALF_SENT = "in the middle of it"
    HANDED_ON = "when the server has it"
    ANSWERED = "when the server has answered"
    HALF_ANSWERED = "in the middle of the answer"


def nothing() -> None:
    """Nothing else happens."""


@dataclass(frozen=True)
class Incident:
    """What happens at one moment of the nth statement: something is done, and the connection ends, or goes on.

    instead: a statement that the server gets in its place.
    """

    nth: int
    moment: Moment
    action: Callable[[], object] = nothing
    ends: bool = True
    instead: str = ""


class Proxy:
    """Hands on what hosts and server say, a statement and its answer at a time."""

    def __init__(self, server: Server) -> None:
        self.statements: list[str] = []  # since `expect`
        self.met = False
        self._incident: Incident | None = None
        self._server = server
        self._lock = Lock()
        self._listening = socket.create_server((HOST, 0), backlog=64)
        self.port: int = self._listening.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def expect(self, incident: Incident | None) -> None:
        """Counts statements anew. The incident happens once."""
        with self._lock:
            self.statements, self._incident, self.met = [], incident, False

    def calm(self) -> None:
        """Nothing is to happen any more."""
        with self._lock:
            self._incident = None

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection((HOST, self._server.port)) as server:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _Relay(self, client, server).serve()

    def next_statement(self, sql: str) -> Incident | None:
        """Notes it; what is to happen to it."""
        with self._lock:
            self.statements.append(sql)
            incident = self._incident
            if incident is None or incident.nth != len(self.statements):
                return None
            self._incident, self.met = None, True
            return incident


class _Relay:
    """One connection. Raises OSError when either end has left."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server

    def serve(self) -> None:
        (size,) = struct.unpack("!i", self._whole(self._client, 4))
        self._pass_on(struct.pack("!i", size) + self._whole(self._client, size - 4))
        while True:
            message = self._message(self._client)
            if message[:1] == LEAVING:
                self._server.sendall(message)
                return
            incident = self._proxy.next_statement(message[5:-1].decode()) if message[:1] == QUERY else None
            if incident is None:
                self._pass_on(message)
            elif not self._meet(incident, message):
                return

    def _meet(self, incident: Incident, message: bytes) -> bool:
        """Whether the connection goes on."""
        match incident.moment:
            case Moment.BEFORE:
                incident.action()
            case Moment.HALF_SENT:
                self._server.sendall(message[: len(message) // 2])
                incident.action()
            case Moment.HANDED_ON:
                self._server.sendall(message)
                incident.action()
                if incident.ends:
                    self._client.close()
                    self._answer()  # the server is done with it before its connection ends
            case Moment.ANSWERED | Moment.HALF_ANSWERED:
                self._server.sendall(message)
                answer = self._answer()
                incident.action()
                if incident.moment is Moment.HALF_ANSWERED:
                    answer = answer[: len(answer) // 2]
                if incident.moment is Moment.HALF_ANSWERED or not incident.ends:
                    self._client.sendall(answer)
                return not incident.ends
        if not incident.ends:
            self._pass_on(_query(incident.instead) if incident.instead else message)
        return not incident.ends

    def _pass_on(self, message: bytes) -> None:
        self._server.sendall(message)
        answer = self._answer()
        self._client.sendall(answer)
        if not _is_whole(answer):
            raise ConnectionResetError

    def _answer(self) -> bytes:
        """All that the server says until it is ready for more, or leaves."""
        answer = b""
        with suppress(ConnectionError):
            while not _is_whole(answer):
                answer += self._message(self._server)
        return answer

    def _message(self, end: socket.socket) -> bytes:
        head = self._whole(end, 5)
        return head + self._whole(end, struct.unpack("!i", head[1:])[0] - 4)

    @staticmethod
    def _whole(end: socket.socket, size: int) -> bytes:
        found = b""
        while len(found) < size:
            piece = end.recv(size - len(found))
            if not piece:
                raise ConnectionResetError
            found += piece
        return found


def _is_whole(answer: bytes) -> bool:
    """Whether its last message says that the server is ready for more."""
    return answer[-6:-1] == READY + struct.pack("!i", 5)


def _query(sql: str) -> bytes:
    text = sql.encode() + b"\0"
    return QUERY + struct.pack("!i", len(text) + 4) + text


# In a command's process


@dataclass(frozen=True)
class WrongClock:
    """Its machine's clock is so many hours ahead."""

    hours: float

    def __call__(self) -> None:
        from lolslackbot import clock
        from lolslackbot.store import postgres

        off = timedelta(hours=self.hours)

        class Wrong(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + off

        for module in (clock, postgres):
            module.datetime = Wrong  # type: ignore[attr-defined]


# Two hosts


@dataclass(kw_only=True)
class SharedWorld(World):
    """A case whose database is a schema on a server, and two hosts, of which one is at work: whose turn it is."""

    server: Server
    proxy: Proxy
    hosts: Sequence[ForkServer]
    rows: Mapping[str, Sequence[Row]]  # of each table at the beginning
    settings: Mapping[str, str] = field(default_factory=dict)  # of both hosts
    turn: int = 0
    is_copied: bool = False  # whether the copy is of now
    troubles: ExitStack = field(default_factory=ExitStack)  # what is wrong with the server, to be undone

    @property
    def home(self) -> Path:
        """Of both hosts."""
        return self.folder / "hosts"

    @property
    def database(self) -> Path:
        """A copy of the schema as it is now, for the judge."""
        path = self.folder / "copy.db"
        if not self.is_copied:
            from lolslackbot.store.transfer import copy_to_file

            with closing(self.open()) as db:
                copy_to_file(db, str(path))
            self.is_copied = True
        return path

    def open(self) -> Database:
        """The schema itself, past the proxy."""
        return create_database(self.server.url(SCHEMA))

    def turn_to(self, host: int) -> None:
        """That host runs the next commands."""
        self.turn = host
        self.fork_server = self.hosts[host]
        self.environment = self.environment_of(host)

    def environment_of(self, host: int) -> dict[str, str]:
        home = self.home / str(host)
        home.mkdir(parents=True, exist_ok=True)
        url = self.server.url(SCHEMA, self.proxy.port) + "&sslmode=disable&gssencmode=disable"
        return {**self.settings, "LOLSLACKBOT_HOME": str(home), "LOLSLACKBOT_DATABASE": url}

    def run_beside(
        self, fork_server: ForkServer, *arguments: str, arms: Iterable[Armament] = (), watch: Watch | None = None
    ) -> int:
        """As usual, by the clock of the host whose turn it is."""
        clock = WrongClock(HOURS_OFF[self.hosts.index(fork_server)])
        status = super().run_beside(fork_server, *arguments, arms=(clock, *arms), watch=watch)
        self.is_copied = False
        return status

    def reset(self) -> None:
        self.proxy.expect(None)
        with closing(self.open()) as db:
            self.fill(db)
        self.is_copied = False
        super().reset()
        self.turn_to(0)

    def fill(self, db: Any) -> None:
        """The prepared rows in place of those there are."""
        with db.transaction():
            db.write("; ".join(f"DELETE FROM {table}" for table in reversed(migrations.tables())))
            for table, rows in self.rows.items():
                db.insert(table, iter(rows))
            db.give_higher_ids()

    def rows_now(self) -> dict[str, list[tuple[object, ...]]]:
        """All there is, but for who is at work."""
        with closing(self.open()) as db, db.snapshot():
            tables = [table for table in migrations.tables() if table != "leases"]
            return {
                table: sorted((tuple(row) for row in db.rows(f"SELECT * FROM {table}")), key=repr) for table in tables
            }

    def is_held(self) -> bool:
        """Whether a run lock is held, or was by who died."""
        with closing(self.open()) as db:
            return db.row("SELECT 1 FROM leases WHERE until > :ended", ended=LONG_AGO) is not None

    def end_leases(self) -> None:
        """What half a minute does to those that nobody renews."""
        with closing(self.open()) as db, db.transaction():
            db.write("UPDATE leases SET until = :ended", ended=LONG_AGO)

    def end_troubles(self) -> None:
        """The server is up, and well again."""
        if self.server.process is None:
            self.server.start()
        self.troubles.close()

    def calls_refused(self) -> int:
        return len(self.sandbox.riot.refused)


@contextmanager
def shared(make: Make, server: Server) -> Iterator[SharedWorld]:
    """That case, with its database on the server."""
    with ExitStack() as stack:
        world = stack.enter_context(make())
        proxy = stack.enter_context(closing(Proxy(server)))
        hosts = (world.fork_server, shared_fork_server(2))
        with closing(sqlite.open_database(world.database)) as db:
            rows = {table: list(db.all_rows(table)) for table in migrations.tables()}
        usual = {each.name: getattr(world, each.name) for each in fields(World)}
        both = SharedWorld(**usual, server=server, proxy=proxy, hosts=hosts, rows=rows, settings=world.environment)
        (both.folder / "prepared" / "lolslackbot.db").unlink()
        both.home.mkdir()
        yield both


@contextmanager
def on_server(make: Make, *settings: str) -> Iterator[SharedWorld]:
    """The same, with a server of its own."""
    with running(settings) as server, shared(make, server) as world:
        yield world


@dataclass(frozen=True)
class AtStatement(Point):
    """A moment of the nth statement of a run; 0: before it connects. do: what happens then, with the world."""

    nth: int = 0
    moment: Moment = Moment.BEFORE
    do: Callable[[SharedWorld], object] | None = None
    ends: bool = True
    instead: str = ""

    def run(self, world: World, *command: str) -> int:
        assert isinstance(world, SharedWorld)
        action = partial(self.do, world) if self.do else nothing
        world.proxy.expect(Incident(self.nth, self.moment, action, self.ends, self.instead))
        if not self.nth:
            action()
        status = world.run(*command, arms=self.arms)
        world.proxy.calm()
        return status


def statements_of(world: SharedWorld, *command: str) -> list[str]:
    """What one run from here says to the server."""
    world.proxy.expect(None)
    world.run(*command)
    return [" ".join(sql.split()) for sql in world.proxy.statements]


def kill(world: SharedWorld) -> None:
    """The command that is at work dies."""
    os.kill(world.fork_server.pid, signal.SIGKILL)


def crash(world: SharedWorld) -> None:
    """The server crashes, and is back at once."""
    world.server.stop(signal.SIGQUIT)
    world.server.start()


def is_stopped(pid: int) -> bool:
    """Whether that process stands still."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False


# What is tried


def conclude(world: SharedWorld, tally: Tally, name: str) -> None:
    """Cron goes on until all is quiet; then the judge speaks."""
    kill_points.conclude(world, tally, name, crashes=1)
    if refused := world.calls_refused():
        tally.violations.append(f"{name}: {refused} calls into a known limit")


def suffer(world: SharedWorld, tally: Tally, point: Point, ends: Collection[int]) -> None:
    """One run that may end in one of those ways, and leave one message of unknown outcome at most."""
    before = world.unsettled()
    status = point.run(world, *world.trial)
    world.end_troubles()
    if status not in ends:
        tally.violations.append(f"{point.name}: it ended with {status}: {world.fork_server.output[-300:]}")
    if isinstance(point, AtStatement) and point.nth and not world.proxy.met:
        tally.violations.append(f"{point.name}: the run did not come to it")
    if "Traceback" in world.fork_server.output:
        tally.violations.append(f"{point.name}: an unexpected error: {world.fork_server.output[-1000:]}")
    fresh = len(world.unsettled() - before)
    tally.most_uncertain = max(tally.most_uncertain, fresh)
    if fresh > 1:
        tally.violations.append(f"{point.name}: {fresh} messages became uncertain")


def short(nth: int, sql: str) -> str:
    """A statement by its number and where it differs from others."""
    return f"statement {nth} {sql.rpartition('statement_timeout = 30000; ')[2][:40]}"
