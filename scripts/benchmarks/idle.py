"""Ten players, nothing new: what a start and each stage of a tick take beyond their floors."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.frame import Place, Row, in_turn, machine, place, show, wall
from lolslackbot.sandbox import Player

PLAYERS = 10
TIMES = 21
STAGES = ("fetch-matches", "build-messages", "deliver")


def main() -> None:
    print(machine())
    show(measure())


def measure() -> list[Row]:
    with place() as here:
        home, players = tracked(here, PLAYERS)
        floors = here.folder / "floors.db"
        start = partial(here.floor, "start")
        nothing = partial(here.floor, "build", database=str(floors), messages=0, text="", blocks="")
        pairs = {
            "`--help`": (partial(here.command, home, "--help"), start),
            "`status`": (partial(here.command, home, "status"), start),
            "`fetch-matches`, nothing new": (partial(here.command, home, "-q", "fetch-matches"), lists(here, players)),
            "`build-messages`, nothing new": (partial(here.command, home, "-q", "build-messages"), nothing),
            "`deliver`, nothing new": (partial(here.command, home, "-q", "deliver"), posts_nothing(here)),
        }
        costs = in_turn(TIMES, *(each for pair in pairs.values() for each in pair))
        return [
            Row(what, "s", wall(ours), wall(floor), 1.3)
            for what, ours, floor in zip(pairs, costs[::2], costs[1::2], strict=True)
        ]


def tracked(here: Place, number: int) -> tuple[Path, list[Player]]:
    """A home with so many players, each in a channel of its own, once a game of each was announced."""
    home, sandbox = here.folder / "home", here.sandbox
    players = [sandbox.riot.add_player(f"Player {each}#EUW", platform="euw1") for each in range(number)]
    for each, player in enumerate(players):
        sandbox.slack.add_channel(f"C{each}")
        here.command(home, "track", player.riot_id, "--channel", f"C{each}", "--platform", "euw1")
    for player in players:
        sandbox.riot.add_game([player])
    for stage in STAGES:
        here.command(home, stage)
    if len(sandbox.slack.posts) != number:
        raise SystemExit(f"{len(sandbox.slack.posts)} of {number} messages were delivered")
    return home, players


def lists(here: Place, players: Sequence[Player]) -> partial:
    """The floor of asking for their lists."""
    return partial(
        here.floor,
        "fetch",
        database=str(here.folder / "floors.db"),
        url=here.settings["LOLSLACKBOT_RIOT_URL"].format(routing="europe") + "/lol/match/v5/matches",
        key=here.settings["RIOT_API_KEY"],
        puuids=[player.puuid for player in players],
        match_ids=[],
        since=int(datetime.now(UTC).timestamp()) - 18 * 3600,
    )


def posts_nothing(here: Place) -> partial:
    """The floor of having nothing to post; it loads Slack's library all the same."""
    slack = {"url": here.settings["LOLSLACKBOT_SLACK_URL"], "token": here.settings["SLACK_BOT_TOKEN"]}
    database = str(here.folder / "floors.db")
    return partial(here.floor, "deliver", database=database, channels=[], text="", blocks="", **slack)
