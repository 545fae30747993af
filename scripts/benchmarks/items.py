"""What a match or a message more takes beyond its floor, on the processor and on the disk; and many channels."""

import gzip
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.frame import Cost, Measured, Place, Row, as_json, in_turn, keep, machine, per_item, place, show, wall
from benchmarks.idle import STAGES, riot, slack, tracked
from lolslackbot.sandbox import Mishap

PLAYERS = 101  # each in a channel of their own, with one new game
STORED = 300  # matches whose room on the disk is measured
CHANNELS = 30
TIMES = 21
ROUND_TRIP = 0.2  # seconds
QUIET = {"LOLSLACKBOT_DDRAGON_URL": ""}


def main() -> None:
    print(machine())
    show([*items(), on_disk(), channels()])


def items() -> list[Row]:
    """A processor's time for one item more: a run with many, less a run with one."""
    with place() as here:
        here.sandbox.riot.limits.application = "100000:1"
        many, players = tracked(here, PLAYERS)
        one = keep(many, "one")
        ended = datetime.now(UTC) + timedelta(minutes=1)
        match_ids = [here.sandbox.riot.add_game([player], ended=ended) for player in players[1:]]
        for stage in STAGES:  # all but the last one's game are old news there
            here.command(one, stage, **QUIET)
        match_ids.insert(0, here.sandbox.riot.add_game([players[0]], ended=ended))
        kept: dict[str, tuple[Path, Path]] = {}
        for stage in STAGES:
            kept[stage] = keep(many, f"many-{stage}"), keep(one, f"one-{stage}")
            for home in (many, one):
                here.command(home, stage, **QUIET)
        words = worded(kept["deliver"][0])
        posts = [(match_id, f"C{number}") for number, match_id in enumerate(match_ids)]
        ids = {"match_ids": match_ids}, {"match_ids": match_ids[:1]}
        floors: dict[str, tuple[str, Mapping[str, object], Sequence[Mapping[str, object]]]] = {
            "fetch-matches": ("fetch", riot(here, players), ids),
            "build-messages": ("build", words, ids),
            "deliver": ("deliver", {**slack(here), **words}, ({"posts": posts}, {"posts": posts[:1]})),
        }
        taken = []
        for stage, (name, values, numbers) in floors.items():
            ours = [a_run(here, home, stage) for home in kept[stage]]
            bare = [a_floor(here, kept[stage][0], name, **values, **number) for number in numbers]
            many_ours, one_ours, many_bare, one_bare = in_turn(TIMES, *ours, *bare)
            taken.append((per_item(many_ours, one_ours, PLAYERS - 1), per_item(many_bare, one_bare, PLAYERS - 1)))
        fetched, built, delivered = taken
        return [
            Row("a match fetched and stored, CPU", "s", *fetched, 1.7),
            Row("a message built and delivered, CPU", "s", built[0] + delivered[0], built[1] + delivered[1], 1.7),
            Row("… its building alone", "s", *built),
            Row("… its delivery alone", "s", *delivered),
        ]


def a_run(here: Place, kept: Path, stage: str) -> Measured:
    """A stage on a copy of that home."""

    def run() -> Cost:
        return here.command(a_copy(here, kept), "-q", stage, **QUIET)

    return run


def a_floor(here: Place, kept: Path, name: str, **values: object) -> Measured:
    """A floor on a copy of that home."""

    def run() -> Cost:
        return here.floor(name, database=str(a_copy(here, kept) / "lolslackbot.db"), **values)

    return run


def a_copy(here: Place, kept: Path) -> Path:
    copy = here.folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(kept, copy)
    return copy


def worded(home: Path) -> dict[str, str]:
    """Text and blocks of a message that waits there."""
    with closing(sqlite3.connect(home / "lolslackbot.db")) as db:
        text, blocks = db.execute("SELECT text, blocks FROM messages WHERE state = 'pending'").fetchone()
        return {"text": str(text), "blocks": str(blocks)}


def on_disk() -> Row:
    """Bytes for a match more, beside its body as gzip has it."""
    with place() as here:
        here.sandbox.riot.limits.application = "100000:1"
        home, (player,) = tracked(here, 1)
        before = (home / "lolslackbot.db").stat().st_size
        ended = datetime.now(UTC) + timedelta(minutes=2)
        games = here.sandbox.riot
        match_ids = [games.add_game([player], ended=ended + timedelta(seconds=number)) for number in range(STORED)]
        here.command(home, "-q", "fetch-matches", **QUIET)
        grown = (home / "lolslackbot.db").stat().st_size - before
        zipped = sum(len(gzip.compress(as_json(games.matches[match_id]))) for match_id in match_ids)
        return Row("bytes on the disk for a match", "bytes", grown / STORED, zipped / STORED, 1.15)


def channels() -> Row:
    """A message in each channel, while Slack takes its time."""
    with place() as here:
        home, players = tracked(here, CHANNELS)
        for player in players:
            here.sandbox.riot.add_game([player], ended=datetime.now(UTC) + timedelta(minutes=1))
        for stage in STAGES[:2]:
            here.command(home, stage, **QUIET)
        here.sandbox.slack.misbehave(Mishap.slow(ROUND_TRIP))
        (costs,) = in_turn(2, a_run(here, home, "deliver"))
        what = f"{CHANNELS} channels, {ROUND_TRIP * 1000:.0f} ms each"
        return Row(what, "s", wall(costs), CHANNELS * ROUND_TRIP, 1.15)
