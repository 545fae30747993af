"""20,000 players in four regions, eight processes, a production key: is every list asked for in its turn?"""

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import frame
from lolslackbot.model import RiotId
from lolslackbot.sandbox import Player, Sandbox
from lolslackbot.store import players
from lolslackbot.store.connect import create_database

PLAYERS = 20_000
REGIONS = {"europe": "euw1", "americas": "na1", "asia": "kr", "sea": "oc1"}
LIMIT = "500:10"  # at each region
WORKERS = 8
TICKS = 10
SECONDS = 20.0  # of each tick, one right after the other: harder than every 3 minutes, when all windows are empty
GAMES = 0.004  # of the players have a new game in a tick


def main() -> None:
    number = PLAYERS // 20 if frame.once else PLAYERS
    print(f"\n{number} players in {len(REGIONS)} regions at {LIMIT} each, {WORKERS} processes, ticks of {SECONDS:g} s")
    print(f"  {frame.machine()}")
    heads = ("tick", "lists", "matches", "a second", "never asked", "into a limit", "MiB")
    print("  {:>4} {:>6} {:>8} {:>9} {:>12} {:>13} {:>5}".format(*heads))
    with Sandbox(seed=1) as sandbox, tempfile.TemporaryDirectory() as home:
        sandbox.riot.limits.application = LIMIT
        sandbox.riot.limits.model = "sliding"
        everyone = track(sandbox, Path(home), number)
        times: Counter[str] = Counter()
        for tick in range(1, 3 if frame.once else TICKS + 1):
            play(sandbox, everyone, tick)
            cost = fetch(home, sandbox)
            asked = Counter(each.endpoint for each in sandbox.riot.requests if each.routing in REGIONS)
            times.update(each.path for each in sandbox.riot.requests if each.endpoint == "match-ids")
            print(
                f"  {tick:4} {asked['match-ids']:6} {asked['match']:8} {sum(asked.values()) / cost.wall:9.0f} "
                f"{number - len(times):12} {len(sandbox.riot.refused):13} {cost.peak:5.0f}",
                flush=True,
            )
            sandbox.riot.requests.clear()
    often = Counter(times.values())
    print("  lists by how often they were asked for: " + ", ".join(f"{n} × {often[n]}" for n in sorted(often)))


def track(sandbox: Sandbox, home: Path, number: int) -> list[Player]:
    """All of them, each in one of a few channels, since a day."""
    platforms = list(REGIONS.values())
    since = datetime.now(UTC) - timedelta(days=1)
    everyone = []
    with closing(create_database(home / "lolslackbot.db")) as db, db.transaction():
        for each in range(number):
            platform = platforms[each % len(platforms)]
            player = sandbox.riot.add_player(f"Fan {each}#{platform}", platform=platform)
            riot_id = RiotId(player.game_name, player.tag_line)
            players.track(db, player.puuid, riot_id, platform, f"C{each % 50}", "default", since)
            everyone.append(player)
    return everyone


def play(sandbox: Sandbox, everyone: list[Player], tick: int) -> None:
    step = round(1 / GAMES)
    for player in everyone[tick % step :: step]:
        sandbox.riot.add_game([player], ended=datetime.now(UTC))


def fetch(home: str, sandbox: Sandbox) -> frame.Cost:
    environment: Mapping[str, str] = {
        "PATH": os.environ["PATH"],
        **sandbox.settings,
        "LOLSLACKBOT_DDRAGON_URL": "",
        "LOLSLACKBOT_WORKERS": str(WORKERS),
        "LOLSLACKBOT_MAX_SECONDS": str(SECONDS),
    }
    began = time.monotonic()
    cost = frame.run([sys.executable, "-m", "lolslackbot", "--home", home, "fetch-matches"], environment, (0, 75))
    return frame.Cost(time.monotonic() - began, cost.cpu, cost.peak)
