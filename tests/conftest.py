"""What every test has at hand: a home of its own, a store, a clock that only the test moves, a clean environment."""

import os
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from coverage import Coverage
from postgres_server import NoServer, Server, emptied, running
from proof.fork_server import ForkServer, start_fork_server
from support import Bot, Command, FakeClock, Result, Terminal

from lolslackbot import cli, logs
from lolslackbot.location import is_server
from lolslackbot.sandbox import Sandbox
from lolslackbot.store.connect import create_database, open_database
from lolslackbot.store.database import Database
from lolslackbot.transport import AUTHORITIES


@pytest.fixture(scope="session")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In place of the system's temporary folder, which remembers for an hour what quiet runs said."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> Iterator[None]:
    """No setting, key or proxy of the machine reaches a test, and no test's log handlers the next one."""
    monkeypatch.setenv("TMPDIR", str(temporary))
    for name in list(os.environ):
        ours = name.startswith(("LOLSLACKBOT_", "RIOT_", "SLACK_"))
        if ours or name.lower().endswith("_proxy") or name in AUTHORITIES:
            monkeypatch.delenv(name)
    yield
    logs.stop_logging()


ENGINES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))
# Whose tests run on both engines, unless they are marked with the one they are about.
ON_BOTH = ("store", "stages", "promises", "admin")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        marked = metafunc.definition.get_closest_marker("sqlite_only")
        if marked is None and metafunc.definition.path.parent.name in ON_BOTH:
            metafunc.parametrize("engine", ENGINES, indirect=True)


def _is_repetition(item: pytest.Item) -> bool:
    """Whether it goes through what other tests have gone through."""
    folder = item.path.parent.name
    again = folder != "store" and item.get_closest_marker("postgresql") is not None
    return again or folder == "promises" or item.get_closest_marker("random") is not None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On the server, each test but the store's own runs with the first of its cases; `-m postgresql` runs them all.

    Which answer of Riot's or Slack's it is makes no difference to the engine.
    """
    if config.getoption("markexpr") == "postgresql":
        return
    seen: set[tuple[Path, str]] = set()
    further = []
    for item in items:
        if item.get_closest_marker("postgresql") and item.path.parent.name != "store":
            test = (item.path, item.name.partition("[")[0])
            if test in seen:
                further.append(item)
            seen.add(test)
    if further:
        config.hook.pytest_deselected(items=further)
        dropped = set(further)
        items[:] = [item for item in items if item not in dropped]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Nothing is measured twice: it would take twice the time."""
    measured = Coverage.current()
    if measured is None or not _is_repetition(item):
        return (yield)
    measured.stop()
    try:
        return (yield)
    finally:
        measured.start()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """What keeps the database: 'sqlite' or 'postgresql'."""
    return getattr(request, "param", "sqlite")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server for all tests of one worker. Where there is none, a test is skipped; in CI it fails."""
    with ExitStack() as stack:
        try:
            running_server = stack.enter_context(running())
        except NoServer as missing:
            if "CI" in os.environ:
                raise
            pytest.skip(f"no PostgreSQL server: {missing}")
        yield running_server


@pytest.fixture
def schema(server: Server) -> str:
    """The URL of an empty schema with our tables, the same for each test of one worker."""
    return emptied(server, "test")


@pytest.fixture
def location(engine: str, home: Path, request: pytest.FixtureRequest) -> str:
    """Where the database is, or will be."""
    if engine == "sqlite":
        return str(home / "lolslackbot.db")
    url: str = request.getfixturevalue("schema")
    return url


@pytest.fixture
def db(location: str) -> Iterator[Database]:
    database = open_database(location) if is_server(location) else create_database(location)
    yield database
    database.close()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=1) as running:
        yield running


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """What forks commands, for all tests of one worker."""
    with start_fork_server() as process:
        yield process


@pytest.fixture
def subprocess_bot(home: Path, sandbox: Sandbox, fork_server: ForkServer, engine: str, location: str) -> Bot:
    """The real command against the sandbox."""
    return Bot(
        home, {**sandbox.settings, **({} if engine == "sqlite" else {"LOLSLACKBOT_DATABASE": location})}, fork_server
    )


@pytest.fixture
def in_process_bot(subprocess_bot: Bot, in_process_command: Command, monkeypatch: pytest.MonkeyPatch) -> Bot:
    """The bot, in this process: for what does not depend on there being several."""
    monkeypatch.setattr(
        subprocess_bot,
        "run",
        lambda *arguments, **extra: in_process_command(*arguments, **{**subprocess_bot.environment, **extra}),
    )
    return subprocess_bot


@pytest.fixture
def in_process_command(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    engine: str,
    location: str,
) -> Iterator[Command]:
    """`main` in this process, on the home folder; keywords are further environment variables.

    typed: what a person types on the terminal; without, there is none.
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: str, at_home: bool = True, typed: str | None = None, **environment: str) -> Result:
        with monkeypatch.context() as here, (tmp_path / "nothing").open("w+") as nothing:
            here.chdir(tmp_path)
            here.setenv("TMPDIR", str(tmp_path))  # where -q remembers if the home cannot be written
            if engine != "sqlite":
                here.setenv("LOLSLACKBOT_DATABASE", location)
            here.setattr(sys, "argv", ["lolslackbot", *(["--home", str(home)] if at_home else []), *arguments])
            here.setattr(sys, "stdin", nothing if typed is None else Terminal(typed))
            for name, value in environment.items():
                here.setenv(name, value)
            with pytest.raises(SystemExit) as left:
                cli.main()
        logs.stop_logging()
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return Result(left.value.code, said.out, said.err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
