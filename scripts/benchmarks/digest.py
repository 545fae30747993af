"""A week summed up, in a database that knows a year and in one that knows that week alone: only the week costs."""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from benchmarks.frame import Place, Row, in_turn, machine, place, show, wall
from lolslackbot.clock import text_of
from lolslackbot.rank import DIVISIONS, TIERS
from lolslackbot.store.connect import create_database
from lolslackbot.week import Week

MATCHES, FRIENDS = 100_000, 500
YEAR = timedelta(days=365)
BODY = 4500  # bytes, packed


def main() -> None:
    print(machine(), "\n")
    with place() as here:
        week = Week.last_whole(datetime.now(UTC))
        whole = filled(here, "year", week.ends - YEAR, MATCHES)
        alone = filled(here, "week", week.begins, round(MATCHES * timedelta(weeks=1) / YEAR))
        digest = ("digest", "--again")
        ours, floor = in_turn(5, lambda: here.command(whole, *digest), lambda: here.command(alone, *digest))
        what = f"a week of {FRIENDS} friends, {MATCHES} matches known"
        show([Row(what, "s", wall(ours), wall(floor), 1.15)])
        peak = max(each.peak for each in ours)
        print(f"\n{wall(ours):.2f} s of 2, {peak:.0f} MiB of 100")


def filled(here: Place, name: str, since: datetime, matches: int) -> Path:
    """A home whose database knows that many games, evenly spread, and a rank of each friend after each of theirs."""
    home = here.folder / name
    home.mkdir()
    create_database(home / "lolslackbot.db").close()
    with closing(sqlite3.connect(home / "lolslackbot.db")) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("INSERT INTO channels (channel_id) VALUES ('C1')")
        _add_friends(db, since)
        _add_games(db, since, matches)
        db.commit()
    return home


def _add_friends(db: sqlite3.Connection, since: datetime) -> None:
    friends = range(1, FRIENDS + 1)
    db.executemany(
        "INSERT INTO players (player_id, puuid, game_name, tag_line, named_at, platform) VALUES (?, ?, ?, ?, ?, ?)",
        [(each, f"{each:078}", f"Friend {each}", "EUW", text_of(since), "euw1") for each in friends],
    )
    db.executemany("INSERT INTO tracks VALUES (?, 'C1', ?)", [(each, text_of(since)) for each in friends])
    db.executemany(
        "INSERT INTO rank_readings VALUES (?, 'RANKED_SOLO_5x5', ?, 'GOLD', 'IV', 0, 0, 0)",
        [(each, text_of(since - timedelta(days=1))) for each in friends],
    )


def _add_games(db: sqlite3.Connection, since: datetime, matches: int) -> None:
    random, ranks = Random(1), {each: (400 * TIERS.index("GOLD"), 0, 0) for each in range(1, FRIENDS + 1)}
    apart = YEAR / MATCHES
    for number in range(matches):
        ended, match_id = since + number * apart, f"EUW1_{7_000_000_000 + number}"
        moment, queue = text_of(ended), random.choice((420, 440, 450))
        values = (match_id, 7_000_000_000 + number, moment, moment, queue, moment, os.urandom(BODY), moment)
        db.execute(
            """
            INSERT INTO matches (
                match_id, platform, game_id, state, listed_at, looked_at, queue_id, game_mode, outcome, duration,
                ended_at, body, built_at
            )
            VALUES (?, 'euw1', ?, 'stored', ?, ?, ?, 'CLASSIC', 'decided', 1800, ?, ?, ?)
            """,
            values,
        )
        for friend in random.sample(range(1, FRIENDS + 1), random.choice((1, 1, 2, 3))):
            won = random.random() < 0.5
            db.execute("INSERT INTO listings VALUES (?, ?)", (friend, match_id))
            db.execute(
                """
                INSERT INTO participants (
                    match_id, player_id, name, team_id, champion_id, champion_name, team_position, win, placement,
                    kills, deaths, assists, penta_kills
                )
                VALUES (?, ?, ?, 100, 103, 'Ahri', 'MIDDLE', ?, 0, ?, 4, 7, 0)
                """,
                (match_id, friend, f"Friend {friend}", int(won), random.randrange(20)),
            )
            if queue == 420:
                read = _read(ranks, friend, won, ended)
                db.execute("INSERT INTO rank_readings VALUES (?, 'RANKED_SOLO_5x5', ?, ?, ?, ?, ?, ?)", read)


def _read(ranks: dict[int, tuple[int, int, int]], friend: int, won: bool, ended: datetime) -> tuple[object, ...]:
    """What league-v4 says two minutes after a game that moved the friend's rank."""
    points, wins, losses = ranks[friend]
    points = min(2399, max(0, points + (20 if won else -20)))
    ranks[friend] = points, wins + won, losses + (not won)
    tier, rest = divmod(points, 400)
    asked_at = text_of(ended + timedelta(minutes=2))
    return friend, asked_at, TIERS[tier], DIVISIONS[rest // 100], rest % 100, *ranks[friend][1:]
