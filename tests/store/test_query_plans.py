"""What a tick and `status` ask of a database costs the same however much it knows: no statement reads a whole table.

Small tables are read whole: those of players, channels, holds, limits, decisions and runs do not grow with games.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from support import Bot

from lolslackbot.sandbox import Mishap, Sandbox

pytestmark = pytest.mark.sqlite_only

GROWS = ("matches", "listings", "participants", "messages", "unwanted", "live_games", "live_participants")
ONCE_A_DAY = ("DELETE FROM live_participants", "DELETE FROM live_games")  # a row for each game that was seen live
PARTIAL = (
    "messages_waiting",
    "messages_unsettled",
    "messages_failed",
    "messages_expired",
    "matches_to_build",
    "matches_to_fetch",
    "live_games_on",
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement that is executed, in full."""
    statements: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: object, **more: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **more)  # type: ignore[call-overload]
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    yield statements
    monkeypatch.undo()


def reads_all(plan: str) -> bool:
    """SCAN of a growing table; the few rows of a partial index are not all."""
    words = plan.split()
    return words[0] == "SCAN" and words[1] in GROWS and not any(index in words for index in PARTIAL)


def test_no_statement_of_a_tick_or_of_status_reads_all_that_is_known(
    in_process_bot: Bot, sandbox: Sandbox, asked: list[str]
) -> None:
    sandbox.slack.add_channel("C1")
    ahri = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    in_process_bot.run("track", "Ahri Fan#EUW", "--channel", "C1")
    in_process_bot.run("channels", "set", "C1", "--live", "on")
    sandbox.slack.misbehave(Mishap.cut(accepted=True), times=1)
    asked.clear()
    for minutes in (1, 2, 3):
        sandbox.riot.add_game([ahri], ended=datetime.now(UTC) + timedelta(minutes=minutes))
        sandbox.riot.active.clear()
        sandbox.riot.start_game([ahri])
        for stage in ("fetch-matches", "build-messages", "deliver"):
            in_process_bot.run(stage)
    in_process_bot.run("status")
    with closing(sqlite3.connect(in_process_bot.database)) as connection:
        for statement in dict.fromkeys(asked):
            if statement.startswith(("--", "PRAGMA", "BEGIN", "COMMIT", "ROLLBACK", *ONCE_A_DAY)):
                continue
            plans = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
            assert not [plan for plan in plans if reads_all(plan)], " ".join(statement.split())
