"""The same work on a PostgreSQL server and in a SQLite file: a stage without news, one match and one message more.

Of the server's own work nothing is counted: it has a machine of its own.
"""

import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks.frame import ROOT, Cost, Measured, Place, Row, in_turn, keep, machine, per_item, place, show, wall
from benchmarks.idle import PLAYERS as IDLE_PLAYERS
from benchmarks.idle import STAGES, tracked
from benchmarks.items import PLAYERS, QUIET, a_copy
from lolslackbot.store.connect import create_database
from lolslackbot.store.postgres import PostgresDatabase
from lolslackbot.store.transfer import load

sys.path.insert(0, str(ROOT / "tests"))

from postgres_server import Server, running

TIMES = 21
MOST = 2.0  # times what it takes in a file


def main() -> None:
    print(machine())
    with running() as server:
        show([*idle(server), *items(server)])


def filled(server: Server, home: Path) -> str:
    """The URL of a schema with what stands in that home's file."""
    url = server.url("bench")
    with closing(create_database(url)) as db:
        assert isinstance(db, PostgresDatabase)
        if kept := load(str(home / "lolslackbot.db"), db, datetime.now(UTC)):
            with db.transaction():
                db.drop(kept)
    return url


def idle(server: Server) -> list[Row]:
    """A tick without news."""
    with place() as here:
        home, _ = tracked(here, IDLE_PLAYERS)
        url = filled(server, home)
        on_server = keep(home, "on-server")
        rows = []
        for stage in STAGES:
            in_file = partial(here.command, home, "-q", stage)
            there = partial(here.command, on_server, "-q", stage, LOLSLACKBOT_DATABASE=url)
            took_there, took_in_file = map(wall, in_turn(TIMES, there, in_file))
            rows.append(Row(f"`{stage}`, nothing new", "s", took_there, took_in_file, MOST))
        return rows


def items(server: Server) -> list[Row]:
    """A processor's time for one item more, on our side: a run with many, less a run with one."""
    with place() as here:
        here.sandbox.riot.limits.application = "100000:1"
        many, players = tracked(here, PLAYERS)
        one = keep(many, "one")
        ended = datetime.now(UTC) + timedelta(minutes=1)
        for player in players[1:]:
            here.sandbox.riot.add_game([player], ended=ended)
        for stage in STAGES:  # all but the last one's game are old news there
            here.command(one, stage, **QUIET)
        here.sandbox.riot.add_game([players[0]], ended=ended)
        taken = []
        for stage in STAGES:
            kept = [keep(many, f"many-{stage}"), keep(one, f"one-{stage}")]
            runs: list[Measured] = [
                run(here, stage, home) for run in (partial(there, server), in_file) for home in kept
            ]
            many_there, one_there, many_here, one_here = in_turn(TIMES, *runs)
            taken.append((per_item(many_there, one_there, PLAYERS - 1), per_item(many_here, one_here, PLAYERS - 1)))
            for home in (many, one):
                here.command(home, stage, **QUIET)
        fetched, built, delivered = taken
        return [
            Row("a match fetched and stored, CPU", "s", *fetched, MOST),
            Row("a message built and delivered, CPU", "s", built[0] + delivered[0], built[1] + delivered[1], MOST),
        ]


def in_file(here: Place, stage: str, kept: Path) -> Callable[[], Cost]:
    def run() -> Cost:
        return here.command(a_copy(here, kept), "-q", stage, **QUIET)

    return run


def there(server: Server, here: Place, stage: str, kept: Path) -> Callable[[], Cost]:
    def run() -> Cost:
        url = filled(server, kept)
        return here.command(a_copy(here, kept), "-q", stage, LOLSLACKBOT_DATABASE=url, **QUIET)

    return run
