"""Ten players, nothing new: what a start and each stage of a tick take beyond their floors."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.frame import Place, Row, in_turn, keep, machine, place, show, wall
from lolslackbot.sandbox import Player

PLAYERS = 10
TIMES = 45
STAGES = ("fetch-matches", "build-messages", "deliver")


def main() -> None:
    print(machine())
    show(measure())


def measure() -> list[Row]:
    with place() as here:
        home, players = tracked(here, PLAYERS)
        floor = partial(here.floor, database=str(keep(home, "floors") / "lolslackbot.db"))
        start = partial(here.floor, "start")
        lists = partial(floor, "fetch", match_ids=[], **riot(here, players))
        nothing = partial(floor, "build", match_ids=[], text="", blocks="")
        no_post = partial(floor, "deliver", posts=[], text="", blocks="", **slack(here))
        pairs = {
            "`--help`": (partial(here.command, home, "--help"), start),
            "`status`": (partial(here.command, home, "status"), start),
            "`fetch-matches`, nothing new": (partial(here.command, home, "-q", "fetch-matches"), lists),
            "`build-messages`, nothing new": (partial(here.command, home, "-q", "build-messages"), nothing),
            "`deliver`, nothing new": (partial(here.command, home, "-q", "deliver"), no_post),
        }
        measured = list(dict.fromkeys(each for pair in pairs.values() for each in pair))
        took = dict(zip(measured, map(wall, in_turn(TIMES, *measured)), strict=True))
        return [
            Row(what, "s", took[ours], took[floor], 1.3 if what == "`--help`" else 1.6)
            for what, (ours, floor) in pairs.items()
        ]


def tracked(here: Place, number: int) -> tuple[Path, list[Player]]:
    """A home with so many players, each in a channel of its own, once a game of each was announced."""
    home, sandbox = here.folder / "home", here.sandbox
    players = [sandbox.riot.add_player(f"Player {each}#EUW", platform="euw1") for each in range(number)]
    wishes = here.folder / "players.csv"
    wishes.write_text("riot_id,platform,channel,workspace\n")
    with wishes.open("a") as file:
        for each, player in enumerate(players):
            sandbox.slack.add_channel(f"C{each}")
            file.write(f"{player.riot_id},euw1,C{each},\n")
    here.command(home, "track", "--file", str(wishes))
    for player in players:
        sandbox.riot.add_game([player])
    for stage in STAGES:
        here.command(home, stage)
    if len(sandbox.slack.posts) != number:
        raise SystemExit(f"{len(sandbox.slack.posts)} of {number} messages were delivered")
    return home, players


def riot(here: Place, players: Sequence[Player]) -> dict[str, object]:
    """What a floor needs to ask for the players' lists."""
    return {
        "url": here.settings["LOLSLACKBOT_RIOT_URL"].format(routing="europe") + "/lol/match/v5/matches",
        "key": here.settings["RIOT_API_KEY"],
        "puuids": [player.puuid for player in players],
    }


def slack(here: Place) -> dict[str, object]:
    """What a floor needs to post."""
    return {"url": here.settings["LOLSLACKBOT_SLACK_URL"], "token": here.settings["SLACK_BOT_TOKEN"]}
