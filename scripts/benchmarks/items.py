"""What one match more and one message more take beyond a bare loop, on the disk too; and thirty channels at once."""

import gzip
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks.frame import Cost, Measured, Place, Row, as_json, in_turn, machine, per_item, place, show, wall
from benchmarks.idle import tracked
from lolslackbot.sandbox import Mishap

PLAYERS = 30  # each in a channel of their own, with one new game
STORED = 300  # matches whose room on the disk is measured
TIMES = 9
ROUND_TRIP = 0.2  # seconds
QUIET = {"LOLSLACKBOT_DDRAGON_URL": ""}


def main() -> None:
    print(machine())
    with place() as here:
        here.sandbox.riot.limits.application = "100000:1"
        show([*items(here), on_disk(here), channels(here)])


def items(here: Place) -> list[Row]:
    """A processor's time for one item more: a run with items, less one without."""
    home, players = tracked(here, PLAYERS)
    ended = datetime.now(UTC) + timedelta(minutes=1)
    match_ids = [here.sandbox.riot.add_game([player], ended=ended) for player in players]
    listed = keep(home, "listed")
    here.command(home, "fetch-matches", **QUIET)
    fetched = keep(home, "fetched")
    here.command(home, "build-messages", **QUIET)
    built = keep(home, "built")
    here.command(home, "deliver", **QUIET)
    delivered = keep(home, "delivered")
    text, blocks = worded(built)
    floor = partial(here.floor, database=str(here.folder / "floors.db"))
    riot = {
        "url": here.settings["LOLSLACKBOT_RIOT_URL"].format(routing="europe") + "/lol/match/v5/matches",
        "key": here.settings["RIOT_API_KEY"],
        "puuids": [player.puuid for player in players],
        "since": int(datetime.now(UTC).timestamp()) - 18 * 3600,
    }
    slack = {
        "url": here.settings["LOLSLACKBOT_SLACK_URL"],
        "token": here.settings["SLACK_BOT_TOKEN"],
        "text": text,
        "blocks": blocks,
    }
    in_channels = [f"C{number}" for number in range(PLAYERS)]
    some = {
        "a match fetched and stored, CPU": (
            a_run(here, listed, "fetch-matches"),
            a_run(here, fetched, "fetch-matches"),
            partial(floor, "fetch", match_ids=match_ids, **riot),
            partial(floor, "fetch", match_ids=[], **riot),
        ),
        "a message built, CPU": (
            a_run(here, fetched, "build-messages"),
            a_run(here, built, "build-messages"),
            partial(floor, "build", messages=PLAYERS, text=text, blocks=blocks),
            partial(floor, "build", messages=0, text=text, blocks=blocks),
        ),
        "a message delivered, CPU": (
            a_run(here, built, "deliver"),
            a_run(here, delivered, "deliver"),
            partial(floor, "deliver", channels=in_channels, **slack),
            partial(floor, "deliver", channels=[], **slack),
        ),
    }
    rows = []
    for what, measured in some.items():
        ours, ours_idle, bare, bare_idle = in_turn(TIMES, *measured)
        rows.append(Row(what, "s", per_item(ours, ours_idle, PLAYERS), per_item(bare, bare_idle, PLAYERS), 1.5))
    return rows


def keep(home: Path, name: str) -> Path:
    """The home as it is now."""
    kept = home.with_name(name)
    shutil.copytree(home, kept)
    return kept


def a_run(here: Place, kept: Path, stage: str) -> Measured:
    """A stage on a copy of that home."""

    def run() -> Cost:
        shutil.rmtree(here.folder / "copy", ignore_errors=True)
        shutil.copytree(kept, here.folder / "copy")
        return here.command(here.folder / "copy", "-q", stage, **QUIET)

    return run


def worded(home: Path) -> tuple[str, str]:
    """Text and blocks of a message that waits there."""
    with closing(sqlite3.connect(home / "lolslackbot.db")) as db:
        text, blocks = db.execute("SELECT text, blocks FROM messages WHERE state = 'pending'").fetchone()
        return str(text), str(blocks)


def on_disk(here: Place) -> Row:
    """Bytes for a match more, beside its body as gzip has it."""
    home, riot = here.folder / "home", here.sandbox.riot
    player = next(each for each in riot.players if each.game_name == "Player 0")
    before = (home / "lolslackbot.db").stat().st_size
    ended = datetime.now(UTC) + timedelta(minutes=2)
    match_ids = [riot.add_game([player], ended=ended + timedelta(seconds=number)) for number in range(STORED)]
    here.command(home, "-q", "fetch-matches", **QUIET)
    grown = (home / "lolslackbot.db").stat().st_size - before
    zipped = sum(len(gzip.compress(as_json(riot.matches[match_id]))) for match_id in match_ids)
    return Row("bytes on the disk for a match", "bytes", grown / STORED, zipped / STORED, 1.15)


def channels(here: Place) -> Row:
    """A message in each channel, while Slack takes its time."""
    here.sandbox.slack.misbehave(Mishap.slow(ROUND_TRIP))
    (costs,) = in_turn(2, a_run(here, here.folder / "built", "deliver"))
    return Row(f"{PLAYERS} channels, {ROUND_TRIP * 1000:.0f} ms each", "s", wall(costs), PLAYERS * ROUND_TRIP, 1.15)
