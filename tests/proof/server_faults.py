"""A PostgreSQL server that crashes, refuses, or whose connections end, at each statement of a run.

Each statement passes through a proxy of ours, which knows how far it came. Then the other host's cron goes on.
"""

import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import Any

from postgres_server import running

from lolslackbot.store import migrations
from proof import worlds
from proof.frame import POSTGRESQL, Part, Tally, sample
from proof.server_worlds import (
    LATER,
    SCHEMA,
    AtStatement,
    Make,
    Moment,
    SharedWorld,
    conclude,
    crash,
    missing,
    shared,
    short,
    statements_of,
    suffer,
)

WHOLES: tuple[Make, ...] = (worlds.waiting, worlds.listed)
CONNECTIONS = 12  # that the server lets in
UNUSABLE = 2
STATES = {  # SQLSTATE of what a server may say to any statement, and how a run ends then
    "25006": LATER,  # read-only
    "40001": LATER,  # serialization failure
    "40P01": LATER,  # deadlock
    "53100": UNUSABLE,  # disk full
    "53200": LATER,  # out of memory
    "55P03": LATER,  # lock timeout
    "57014": LATER,  # statement timeout
    "58030": LATER,  # I/O error
}
STATEMENT_SECONDS = 1
LOCK_SECONDS = 0.2
Points = Callable[[str, list[str]], Iterator[AtStatement]]  # of a command, and of what it says


def tried(points_of: Points, share: float, makes: Sequence[Make] = WHOLES) -> Tally:
    """One fault at each of the points; then the other host goes on."""
    tally = Tally()
    with running((f"max_connections={CONNECTIONS}",)) as server:
        for make in makes:
            with shared(make, server) as world:
                world.reset()
                statements = statements_of(world, *world.trial)
                for number, point in enumerate(sample(points_of(world.trial[0], statements), share)):
                    world.reset()
                    world.turn_to(number % 2)
                    suffer(world, tally, point, _ends(point, statements))
                    world.turn_to(1 - number % 2)
                    world.end_leases()
                    conclude(world, tally, point.name)
    return tally


def _ends(point: AtStatement, statements: list[str]) -> Collection[int]:
    """How the run may end: also well, if all that fails is to let go of its lock, or if a commit was made."""
    refused = next((status for state, status in STATES.items() if state in point.instead), LATER)
    letting_go = len(statements) - statements[::-1].index("COMMIT", 1)
    return (0, refused) if point.nth > letting_go or point.moment is not Moment.BEFORE else (refused,)


# The connection


def cuts(command: str, statements: list[str]) -> Iterator[AtStatement]:
    """At each moment of each commit, then of the others."""
    for nth, sql in sorted(enumerate(statements, 1), key=lambda each: each[1] != "COMMIT"):
        for moment in Moment:
            yield AtStatement(f"{command}, cut {moment.value}: {short(nth, sql)}", nth=nth, moment=moment)


# The server


def crashes(command: str, statements: list[str]) -> Iterator[AtStatement]:
    """Before each statement, when the server has it, before its answer and after; the server is back soon, or later."""
    for nth, sql in enumerate(statements, 1):
        for do in (crash, fall):
            for moment in (Moment.BEFORE, Moment.HANDED_ON, Moment.ANSWERED):
                name = f"{command}, {do.__name__} {moment.value}: {short(nth, sql)}"
                yield AtStatement(name, nth=nth, moment=moment, do=do)
            name = f"{command}, {do.__name__} after the answer: {short(nth, sql)}"
            yield AtStatement(name, nth=nth, moment=Moment.ANSWERED, do=do, ends=False)


def fall(world: SharedWorld) -> None:
    """The server crashes, and stays away until the run is over."""
    world.server.stop(signal.SIGQUIT)


def restart(world: SharedWorld) -> None:
    """In good order."""
    world.server.stop(signal.SIGINT)
    world.server.start()


# What it refuses


def refusals(command: str, statements: list[str]) -> Iterator[AtStatement]:
    """Each error of the server at each statement; then what makes it say so, where no transaction is open."""
    for nth, sql in enumerate(statements, 1):
        if sql == "ROLLBACK":
            continue  # which no server refuses
        for state in STATES:
            name = f"{command}, {state}: {short(nth, sql)}"
            yield AtStatement(name, nth=nth, ends=False, instead=RAISE.format(state))
    yield AtStatement(f"{command}, no connection is left", do=fill_up)
    for nth, sql in enumerate(statements, 1):
        if sql == "COMMIT":
            name = f"{command}, cut {Moment.ANSWERED.value}, and no connection is left: {short(nth, sql)}"
            yield AtStatement(name, nth=nth, moment=Moment.ANSWERED, do=fill_up)
        for what, do in CAUSES.items():
            if sql.startswith(("SET LOCAL", "BEGIN")) and not (sql.startswith("SET") and do in ONLY_WRITING):
                name = f"{command}, {what}: {short(nth, sql)}"
                yield AtStatement(name, (impatient,), nth=nth, do=do, ends=False)


RAISE = "DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{}'; END $$"


def impatient() -> None:
    """Its statements, and its waits for locks, end soon."""
    from lolslackbot.store import postgres

    postgres.STATEMENT_SECONDS = STATEMENT_SECONDS
    postgres.LOCK_SECONDS = LOCK_SECONDS  # type: ignore[assignment]


def connect(world: SharedWorld) -> Any:
    """A session of somebody else's, which ends with the trouble that it makes."""
    import psycopg

    return world.troubles.enter_context(closing(psycopg.connect(world.server.url(), autocommit=True)))


def fill_up(world: SharedWorld) -> None:
    """Others take all connections."""
    import psycopg

    with suppress(psycopg.OperationalError):
        while True:
            connect(world)


def make_read_only(world: SharedWorld) -> None:
    """As a standby is."""
    _set_read_only(world, "on")
    world.troubles.callback(_set_read_only, world, "off")


def _set_read_only(world: SharedWorld, value: str) -> None:
    import psycopg

    with closing(psycopg.connect(world.server.url(), autocommit=True)) as admin:
        admin.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}".encode())
        admin.execute("SELECT pg_reload_conf()")
        while admin.execute("SHOW default_transaction_read_only").fetchone() != (value,):
            time.sleep(0.01)
    time.sleep(0.05)  # other sessions are told when this one is


def hold_write_lock(world: SharedWorld) -> None:
    """Another session is in a transaction for long."""
    from lolslackbot.store.postgres import _lock_number

    connect(world).execute(f"SELECT pg_advisory_lock({migrations.APPLICATION_ID}, {_lock_number(SCHEMA)})")


def lock_tables(world: SharedWorld) -> None:
    """Somebody changes the tables."""
    tables = ", ".join(f"{SCHEMA}.{table}" for table in migrations.tables())
    connect(world).execute(f"BEGIN; LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")


CAUSES = {
    "read-only": make_read_only,
    "another holds the write lock": hold_write_lock,
    "another holds the tables": lock_tables,
    "restarted": restart,
}
ONLY_WRITING = (make_read_only, hold_write_lock)


PARTS = [
    Part(
        "server-cut-off",
        "the connection ends before, within and after each statement and each commit of a deliver and a fetch-matches",
        partial(tried, cuts),
        missing,
        POSTGRESQL,
    ),
    Part(
        "server-crashes",
        "the server crashes before and after each statement and each commit of both, and is back at once or later",
        partial(tried, crashes),
        missing,
        POSTGRESQL,
    ),
    Part(
        "server-refuses",
        "disk full, read-only, locked, no connection left, time-outs, restarts: at each statement of both",
        partial(tried, refusals),
        missing,
        POSTGRESQL,
    ),
]
