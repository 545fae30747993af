"""The floors: the same remote calls, the same durable commits, the same compression, and nothing else.

Each is run in a process of its own, as the command is, on a copy of the database that the command has. A commit writes
the rows that the command's is about; what they say is made up. A call's answer is read as JSON, by `requests` or by
Slack's library, and not looked at. None knows of limits, of what happened before, or of mistakes.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest

import click  # noqa: F401 - the least that a command line needs

NOW = "2026-11-23T02:26:43.120Z"


def start() -> None:
    """What every command has to import."""


@contextmanager
def _a_run(database: str) -> Iterator[sqlite3.Connection]:
    """A connection whose commits survive power loss; the first and the last of them say that there was a run."""
    connection = sqlite3.connect(database, isolation_level=None)
    for pragma in ("journal_mode = DELETE", "synchronous = EXTRA", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    with _commit(connection):
        run = connection.execute("INSERT INTO runs (stage, began_at) VALUES ('floor', ?)", (NOW,)).lastrowid
    yield connection
    with _commit(connection):
        connection.execute("UPDATE runs SET ended_at = ?, exit_status = 0, summary = '' WHERE run_id = ?", (NOW, run))


@contextmanager
def _commit(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("COMMIT")


def fetch(database: str, url: str, key: str, puuids: Sequence[str], match_ids: Sequence[str]) -> None:
    """A commit after each call, that of a list even if nothing is new. Each list shows one match at most."""
    import requests

    from lolslackbot.store.bodies import pack

    session = requests.Session()
    session.trust_env = False
    session.headers["X-Riot-Token"] = key
    with _a_run(database) as connection:
        for puuid, match_id in zip_longest(puuids, match_ids):
            session.get(f"{url}/by-puuid/{puuid}/ids", params={"startTime": 0, "start": 0, "count": 100}).json()
            with _commit(connection):
                connection.execute("UPDATE players SET listed_at = ? WHERE puuid = ?", (NOW, puuid))
                if match_id:
                    _list(connection, match_id)
            if match_id:
                found = session.get(f"{url}/{match_id}")
                found.json()
                body = pack(found.content)
                with _commit(connection):
                    _store(connection, match_id, body)


def _list(connection: sqlite3.Connection, match_id: str) -> None:
    connection.execute(
        "INSERT INTO matches (match_id, platform, game_id, listed_at, next_look_at) VALUES (?, 'euw1', 1, ?, ?)",
        (match_id, NOW, NOW),
    )
    connection.execute("INSERT INTO listings VALUES (1, ?)", (match_id,))


def _store(connection: sqlite3.Connection, match_id: str, body: bytes) -> None:
    connection.execute(
        """
        UPDATE matches SET state = 'stored', looked_at = ?, next_look_at = NULL, ended_at = ?, body = ?
        WHERE match_id = ?
        """,
        (NOW, NOW, body, match_id),
    )
    connection.execute(
        """
        INSERT INTO participants (match_id, player_id, name, team_id, champion_id, champion_name, team_position,
                                  win, placement, kills, deaths, assists)
        VALUES (?, 1, 'Somebody', 100, 103, 'Ahri', 'MIDDLE', 1, 0, 7, 2, 9)
        """,
        (match_id,),
    )


def build(database: str, match_ids: Sequence[str], text: str, blocks: str) -> None:
    """A commit a message."""
    with _a_run(database) as connection:
        for match_id in match_ids:
            with _commit(connection):
                connection.execute(
                    """
                    INSERT INTO messages (
                        subject, kind, match_id, channel_id, workspace, text, blocks, happened_at, built_at
                    ) VALUES (?, 'game', ?, 'C0', 'default', ?, ?, ?, ?)
                    """,
                    (match_id, match_id, text, blocks, NOW, NOW),
                )
                connection.execute("UPDATE matches SET built_at = ? WHERE match_id = ?", (NOW, match_id))


def deliver(database: str, url: str, token: str, posts: Sequence[tuple[str, str]], text: str, blocks: str) -> None:
    """A commit before each post and one after it. posts: match id and channel."""
    import json

    from slack_sdk import WebClient

    client = WebClient(token=token, base_url=url)
    with _a_run(database) as connection:
        for post in posts:
            with _commit(connection):
                connection.execute(
                    """
                    UPDATE messages SET state = 'sending', claim_token = '0123456789abcdef', claimed_at = ?
                    WHERE match_id = ? AND channel_id = ?
                    """,
                    (NOW, *post),
                )
            client.chat_postMessage(channel=post[1], text=text, blocks=json.loads(blocks))
            with _commit(connection):
                connection.execute(
                    """
                    UPDATE messages SET state = 'delivered', claim_token = NULL, slack_ts = '1700000000.000100'
                    WHERE match_id = ? AND channel_id = ?
                    """,
                    post,
                )
