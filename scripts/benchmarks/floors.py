"""The floors: the same remote calls, the same durable commits, the same compression, and nothing else.

Each is run in a process of its own, as the command is. None knows of limits, of what happened before, or of mistakes.
"""

import sqlite3
from collections.abc import Sequence

import click  # noqa: F401 - the least that a command line needs


def start() -> None:
    """What every command has to import."""


def _opened(database: str) -> sqlite3.Connection:
    """Commits survive power loss, as those of the bot do."""
    connection = sqlite3.connect(database, isolation_level=None)
    for pragma in ("journal_mode = DELETE", "synchronous = EXTRA", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE IF NOT EXISTS kept (text TEXT, blocks TEXT, body BLOB)")
    return connection


def _commit(connection: sqlite3.Connection, text: str = "", blocks: str = "", body: bytes = b"") -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO kept VALUES (?, ?, ?)", (text, blocks, body))
    connection.execute("COMMIT")


def fetch(database: str, url: str, key: str, puuids: Sequence[str], match_ids: Sequence[str], since: int) -> None:
    """A commit before the first call, one after each, which also counts the next, and one for the end."""
    import zlib

    import requests

    connection = _opened(database)
    session = requests.Session()
    session.trust_env = False
    session.headers["X-Riot-Token"] = key
    _commit(connection)
    for puuid in puuids:
        found = session.get(f"{url}/by-puuid/{puuid}/ids", params={"startTime": since, "start": 0, "count": 100})
        _commit(connection, found.text)
    for match_id in match_ids:
        _commit(connection, body=zlib.compress(session.get(f"{url}/{match_id}").content, 9))
    _commit(connection)


def build(database: str, messages: int, text: str, blocks: str) -> None:
    """A commit a message, and one for the end."""
    connection = _opened(database)
    for _ in range(messages):
        _commit(connection, text, blocks)
    _commit(connection)


def deliver(database: str, url: str, token: str, channels: Sequence[str], text: str, blocks: str) -> None:
    """A commit before each post and one after it, and one for the end."""
    import json

    from slack_sdk import WebClient

    connection = _opened(database)
    client = WebClient(token=token, base_url=url)
    for channel in channels:
        _commit(connection)
        client.chat_postMessage(channel=channel, text=text, blocks=json.loads(blocks))
        _commit(connection)
    _commit(connection)
