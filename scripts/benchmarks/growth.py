"""The same tick, with ten new games, on databases that know ever more matches and messages, as `prune` leaves them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.frame import Cost, cpu, keep, machine, peak, place, wall
from benchmarks.idle import PLAYERS, STAGES, tracked
from benchmarks.items import QUIET

KNOWN = (0, 100, 10_000, 1_000_000)
TIMES = 7
COMMANDS = (*STAGES, "status")
AN_HOUR = 3600
FIRST = 6_000_000_000  # as long as the ids of today


def main() -> None:
    print(machine())
    with place() as here:
        here.sandbox.riot.limits.application = "100000:1"
        home, players = tracked(here, PLAYERS)
        homes = {known: keep(home, f"knows-{known}") for known in KNOWN}
        for known, each in homes.items():
            remember(each / "lolslackbot.db", known)
        costs: dict[tuple[str, int], list[Cost]] = {}
        for number in range(TIMES + 1):
            for player in players:
                here.sandbox.riot.add_game([player], ended=datetime.now(UTC) + timedelta(seconds=1))
            for known, each in homes.items():
                for command in COMMANDS:
                    cost = here.command(each, "-q", command, **QUIET)
                    if number:  # the first time everything is cold
                        costs.setdefault((command, known), []).append(cost)
        show(costs)


def remember(database: Path, known: int) -> None:
    """So many matches, each announced once, one an hour."""
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.executemany(
            """
            INSERT INTO matches (match_id, platform, game_id, state, listed_at, queue_id, game_mode, outcome, duration,
                                 ended_at, built_at)
            VALUES (:match_id, 'euw1', :game_id, 'stored', :at, 420, 'CLASSIC', 'decided', 1871, :at, :at)
            """,
            _games(known),
        )
        db.executemany("INSERT INTO listings VALUES (:player_id, :match_id)", _games(known))
        db.executemany(
            """
            INSERT INTO participants (match_id, player_id, name, team_id, champion_id, champion_name, team_position,
                                      win, placement, kills, deaths, assists, creep_score)
            VALUES (:match_id, :player_id, 'Somebody', 100, 103, 'Ahri', 'MIDDLE', 1, 0, 7, 2, 9, 201)
            """,
            _games(known),
        )
        db.executemany(
            """
            INSERT INTO messages (match_id, channel_id, workspace, state, attempts, slack_ts, text, ended_at, built_at,
                                  claimed_at, settled_at)
            VALUES (:match_id, :channel_id, 'default', 'delivered', 1, '1.2', '', :at, :at, :at, :at)
            """,
            _games(known),
        )
        db.commit()


def _games(number: int) -> Iterator[dict[str, object]]:
    end = datetime.now(UTC).timestamp() - 100 * AN_HOUR
    for game in range(number):
        moment = datetime.fromtimestamp(end - game // PLAYERS * AN_HOUR, UTC)
        yield {
            "match_id": f"EUW1_{FIRST + number - game}",
            "game_id": FIRST + number - game,
            "player_id": game % PLAYERS + 1,
            "channel_id": f"C{game % PLAYERS}",
            "at": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }


def show(costs: dict[tuple[str, int], list[Cost]]) -> None:
    """A row for each command and size; ratios to the database that knows nothing."""
    print("| | known | ms | ratio | CPU ms | ratio | most memory, MiB | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for (command, known), each in sorted(costs.items(), key=lambda item: (COMMANDS.index(item[0][0]), item[0][1])):
        cells = [f"`{command}`", f"{known}"]
        for figure, unit in ((wall, 1000), (cpu, 1000), (peak, 1)):
            value, empty = figure(each), figure(costs[command, KNOWN[0]])
            cells += [f"{value * unit:.4g}", f"{value / empty:.2f}"]
        print(f"| {' | '.join(cells)} |")
