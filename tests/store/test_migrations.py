"""Older databases: every step or none, by one of several processes, and what a kill half-way leaves."""

import logging
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import START, FakeClock, puuid

from lolslackbot.clock import text_of
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import alerts, findings, holds, migrations, outbox, players, reasons
from lolslackbot.store.alerts import AlertState
from lolslackbot.store.sqlite import create_database, open_database, read_only

pytestmark = pytest.mark.sqlite_only

STEPS = {
    1: "ALTER TABLE channels ADD COLUMN style TEXT NOT NULL DEFAULT 'full';",
    2: """
        -- Two statements and a trigger, whose body holds semicolons too.
        CREATE TABLE pauses (channel_id TEXT PRIMARY KEY) STRICT;
        CREATE TRIGGER forget AFTER DELETE ON channels BEGIN
            DELETE FROM pauses WHERE channel_id = OLD.channel_id;
            DELETE FROM tracks WHERE channel_id = OLD.channel_id;
        END;
    """,
}


SCHEMA_1 = (Path(__file__).parent / "schema-1.sql").read_text("utf-8")
MATCH = "EUW1_7000000001"
AT = text_of(START)
LATER = text_of(START + timedelta(hours=1))


@pytest.fixture
def path(home: Path) -> Path:
    """A database of schema 1 with a player whose match is built and announced in one channel."""
    home.mkdir()
    rows = f"""
        INSERT INTO players VALUES (1, '{puuid(1)}', 'Player 1', 'EUW', '{AT}', 'euw1', NULL, NULL, NULL);
        INSERT INTO channels VALUES ('C1', 'default');
        INSERT INTO tracks VALUES (1, 'C1', '2026-11-22T12:00:00.000Z');
        INSERT INTO matches (match_id, platform, game_id, state, listed_at, queue_id, game_mode, outcome, duration,
                             ended_at, body)
        VALUES ('{MATCH}', 'euw1', 7000000001, 'stored', '{AT}', 420, 'CLASSIC', 'decided', 1871, '{AT}', x'00');
        INSERT INTO participants
        VALUES ('{MATCH}', 1, 'Player 1', 100, 103, 'Ahri', 'MIDDLE', 1, 0, 7, 2, 9, 201);
    """
    with closing(sqlite3.connect(home / "lolslackbot.db")) as connection:
        connection.executescript(SCHEMA_1 + rows)
    return home / "lolslackbot.db"


def test_an_older_database_is_read_as_a_copy_and_stays_as_it_is(path: Path) -> None:
    before = path.read_bytes()
    with read_only(path) as db:
        assert db.rows("PRAGMA user_version")[0][0] == migrations.newest()
        assert db.rows("SELECT match_id FROM matches")[0]["match_id"] == MATCH
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def plan(monkeypatch: pytest.MonkeyPatch, steps: dict[int, str]) -> None:
    """The program knows `steps`, and so the schema after the last of them."""
    monkeypatch.setattr(migrations, "STEPS", steps)
    monkeypatch.setattr(migrations, "newest", lambda: max(steps) + 1)


def state(path: Path) -> tuple[int, list[Any]]:
    """The schema version and the columns and tables that the steps make."""
    with closing(sqlite3.connect(path)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        made = connection.execute(
            """
            SELECT name FROM sqlite_schema WHERE name IN ('pauses', 'forget')
            UNION SELECT name FROM pragma_table_info('channels') WHERE name = 'style'
            """
        )
        return version, [name for (name,) in made]


def run(path: Path, script: str) -> "subprocess.Popen[str]":
    """A process that opens `path` after it has changed the steps it knows."""
    opening = f"""
from pathlib import Path
from lolslackbot.store import migrations
from lolslackbot.store.sqlite import open_database
path = Path({str(path)!r})
migrations.STEPS = {STEPS!r}
migrations.newest = lambda: 3
"""
    return subprocess.Popen(
        [sys.executable, "-c", opening + script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_this_schema_needs_no_upgrade(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert set(migrations.STEPS) == set(range(1, migrations.newest()))
    with caplog.at_level(logging.INFO):
        create_database(home / "lolslackbot.db").close()
    assert "upgrading" not in caplog.text


def shape(path: Path) -> dict[str, Any]:
    """Every table with its columns, and every index, whatever the order they were made in."""
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        columns = {
            table: sorted(tuple(row[1:]) for row in connection.execute(f"PRAGMA table_info({table})"))
            for table in tables
        }
        indices = connection.execute("SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' ORDER BY name")
        return {**columns, "indices": indices.fetchall()}


def test_a_database_of_schema_1_gets_the_shape_of_a_new_one_and_its_matches_their_messages(
    path: Path, tmp_path: Path, clock: FakeClock
) -> None:
    create_database(tmp_path / "new.db").close()
    with closing(open_database(path)) as db:
        assert db.rows("PRAGMA user_version")[0][0] == migrations.newest()
        build_messages(db, Run("build-messages", clock, 80), "")
        assert [row["text"] for row in db.rows("SELECT text FROM messages")] == [
            "🟢 Player 1 won · Ahri mid 7/2/9\nRanked Solo/Duo · 31:11 · 201 CS (6.4/min)"
        ]
    assert shape(path) == shape(tmp_path / "new.db")


@pytest.mark.parametrize("number", range(1, migrations.newest()))
def test_a_database_of_each_earlier_schema_gets_the_shape_of_a_new_one(tmp_path: Path, number: int) -> None:
    create_database(tmp_path / "new.db").close()
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.executescript((Path(__file__).parent / f"schema-{number}.sql").read_text("utf-8"))
    open_database(tmp_path / "old.db").close()
    assert shape(tmp_path / "old.db") == shape(tmp_path / "new.db")


def test_an_older_database_is_brought_up_step_by_step_and_keeps_its_rows(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plan(monkeypatch, STEPS)
    with caplog.at_level(logging.INFO), closing(open_database(path)) as db:
        assert [row["style"] for row in db.rows("SELECT style FROM channels")] == ["full"]
        assert len(db.rows("SELECT * FROM tracks")) == 1
    assert state(path) == (3, ["forget", "pauses", "style"])
    assert [record.getMessage() for record in caplog.records if "upgrading" in record.message] == [
        f"upgrading {path} from schema 1 to 2",
        f"upgrading {path} from schema 2 to 3",
    ]


def test_each_earlier_schema_is_brought_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan(monkeypatch, {1: STEPS[1]})
    open_database(path).close()
    assert state(path) == (2, ["style"])
    plan(monkeypatch, STEPS)
    open_database(path).close()
    assert state(path) == (3, ["forget", "pauses", "style"])


def test_a_database_is_made_and_upgraded_by_the_same_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan(monkeypatch, STEPS)
    monkeypatch.setattr(migrations, "schema", lambda: SCHEMA_1)  # while another process is ahead of us
    create_database(home / "lolslackbot.db").close()
    assert state(home / "lolslackbot.db") == (3, ["forget", "pauses", "style"])


@pytest.mark.parametrize("fault", ["CREATE TABLE players (x);", "INSERT INTO nowhere VALUES (1);", "no SQL at all;"])
def test_a_step_that_fails_takes_all_of_them_back(path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    plan(monkeypatch, {**STEPS, 3: f"DELETE FROM tracks;\n{fault}"})
    before = path.read_bytes()
    with pytest.raises(sqlite3.Error):
        open_database(path)
    assert path.read_bytes() == before
    plan(monkeypatch, STEPS)
    open_database(path).close()
    assert state(path) == (3, ["forget", "pauses", "style"])


def test_a_step_that_does_not_end_in_a_semicolon_is_a_bug_and_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(monkeypatch, {1: STEPS[1] + "DELETE FROM tracks"})
    with pytest.raises(AssertionError, match="semicolon"):
        open_database(path)
    assert state(path) == (1, [])


def test_a_process_killed_half_way_leaves_the_old_version(path: Path) -> None:
    killed = run(
        path,
        """
import os, signal, sqlite3
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
rows = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000)"
migrations.STEPS[2] += f"INSERT INTO pauses {rows} SELECT x || zeroblob(100) FROM n;" + chr(10) + "SELECT die();"
migrations.upgrade(connection, str(path))
""",
    )
    assert killed.communicate(timeout=60) == ("", "")
    assert killed.returncode == -signal.SIGKILL
    assert path.with_name("lolslackbot.db-journal").exists()
    assert state(path) == (1, [])
    with closing(open_database(path)) as db:
        assert len(players.tracks(db)) == 1


def test_of_two_processes_one_upgrades_and_the_other_finds_it_done(path: Path) -> None:
    started = [run(path, 'print(open_database(path).rows("PRAGMA user_version")[0][0])') for _ in range(3)]
    for process in started:
        assert process.communicate(timeout=60) == ("3\n", "")
    assert state(path) == (3, ["forget", "pauses", "style"])


def test_a_process_that_waited_for_the_lock_does_no_step_twice(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan(monkeypatch, STEPS)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        versions = iter([1, 3])  # before it has the lock, and under it
        open_database(path).close()
        monkeypatch.setattr(migrations, "version", lambda _: next(versions))
        migrations.upgrade(connection, str(path))
        assert not connection.in_transaction
    assert state(path)[0] == 3


def test_making_the_schema_leaves_a_file_that_holds_something(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
        migrations.create(connection)
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("bookmarks",)]
        assert migrations.version(connection) == 0


def test_making_the_schema_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half = migrations.schema().partition("CREATE TABLE tracks")[0] + "CREATE TABLE players (x);"
    monkeypatch.setattr(migrations, "schema", lambda: half)
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError):
            migrations.create(connection)
        assert migrations.is_empty(connection)
        assert migrations.version(connection) == 0
        assert connection.execute("PRAGMA application_id").fetchone()[0] == 0


def test_the_schema_is_found_beside_the_modules_or_one_folder_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lolslackbot"
    (package / "store").mkdir(parents=True)
    monkeypatch.setattr(migrations, "__file__", str(package / "store" / "migrations.py"))
    read = migrations.schema.__wrapped__
    with pytest.raises(FileNotFoundError, match=r"schema\.sql is neither in .*/lolslackbot nor beside it"):
        read()
    (tmp_path / "schema.sql").write_text("-- a checkout")
    assert read() == "-- a checkout"
    (package / "schema.sql").write_text("-- installed")
    assert read() == "-- installed"


def test_the_schema_states_its_version_and_whose_it_is() -> None:
    assert f"PRAGMA application_id = {migrations.APPLICATION_ID};" in migrations.schema()
    assert f"PRAGMA user_version = {migrations.newest()};" in migrations.schema()


def test_schema_6_keeps_holds_findings_names_and_reasons(tmp_path: Path) -> None:
    """What schema 5 kept as text is the same thing as data."""
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.executescript((Path(__file__).parent / "schema-5.sql").read_text("utf-8"))
        connection.executescript(f"""
            INSERT INTO players (player_id, puuid, game_name, tag_line, named_at, platform)
            VALUES (7, '{puuid(7)}', 'New', 'EUW', '{AT}', 'euw1');
            INSERT INTO decisions (decided_at, command, subject, change) VALUES
                ('{AT}', 'renamed', 'player 7', 'Old Name#1 -> Mid#2'),
                ('{AT}', 'pause', 'everything', 'paused'),
                ('{LATER}', 'renamed', 'player 7', 'Mid#2 -> New#EUW');
            INSERT INTO findings VALUES
                ('Riot key', 'riot', 'refused', 'renew it', '{AT}'),
                ('Slack workspace acme', 'workspace acme', 'refused', 'renew it', '{AT}'),
                ('channel C1', 'channel C1', 'archived', '', '{AT}'),
                ('channel C9', 'alerts', 'archived', '', '{AT}');
        """)
        for scope in SCOPES:
            connection.execute("INSERT INTO holds VALUES (?, 'limited', 'why', ?, NULL, 3, 'code')", (scope, AT))
        for number, reason in enumerate(REASONS):
            connection.execute(
                "INSERT INTO matches (match_id, platform, game_id, state, reason, listed_at) "
                "VALUES (?, 'euw1', ?, 'given_up', ?, ?)",
                (f"EUW1_{number}", number, reason, AT),
            )
        connection.commit()
    with closing(open_database(tmp_path / "old.db")) as db:
        assert sorted(str(hold.scope) for hold in holds.all_known(db)) == sorted(SCOPES)
        assert {(hold.kind, hold.reason, hold.times, hold.code) for hold in holds.all_known(db)} == {
            ("limited", "why", 3, "code")
        }
        assert {(each.what, str(each.scope)) for each in findings.all_known(db)} == {
            ("Riot key", "riot"),
            ("Slack workspace acme", "workspace acme"),
            ("channel C1", "channel C1"),
            ("channel C9", "channel C9"),
        }
        assert [(str(each.old), str(each.new)) for each in players.renames(db, 7)] == [
            ("Mid#2", "New#EUW"),
            ("Old Name#1", "Mid#2"),
        ]
        assert [row["command"] for row in db.rows("SELECT command FROM decisions")] == ["pause"]
        kinds = {row["reason"]: row["reason_kind"] for row in db.rows("SELECT reason, reason_kind FROM matches")}
        assert kinds == REASONS


SCOPES = ("everything", "riot", "riot europe", "riot europe match", "channel C1", "workspace default")
REASONS = {each.text: each.kind for each in vars(reasons).values() if isinstance(each, reasons.Reason)} | {
    "closed: 403": None
}


def test_schema_7_keeps_messages_and_what_the_alert_channel_was_told(tmp_path: Path) -> None:
    """Each message keeps its key and its state, and its match what was said of it."""
    states = ("pending", "sending", "delivered", "failed", "uncertain", "expired")
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.executescript((Path(__file__).parent / "schema-6.sql").read_text("utf-8"))
        connection.execute("INSERT INTO channels (channel_id) VALUES ('C1')")
        for number, state in enumerate(states):
            connection.execute(
                "INSERT INTO matches (match_id, platform, game_id, listed_at) VALUES (?, 'euw1', ?, ?)",
                (f"EUW1_{number}", number, AT),
            )
            connection.execute(
                """
                INSERT INTO messages (match_id, channel_id, workspace, state, error, text, ended_at, built_at, slack_ts,
                                      claim_token, attempts)
                VALUES (?, 'C1', 'default', ?, 'why', 'words', ?, ?, '1.2', ?, 3)
                """,
                (f"EUW1_{number}", state, AT, LATER, "token" if state == "sending" else None),
            )
        for state in ("due", "told", "over"):
            connection.execute(
                "INSERT INTO alerts (problem, said, since, seen_at, state) VALUES (?, 'words', ?, ?, ?)",
                (f"{state} problem", AT, LATER, state),
            )
        connection.commit()
    with closing(open_database(tmp_path / "old.db")) as db:
        assert [tuple(row) for row in db.rows("SELECT subject, kind, match_id, state FROM messages")] == [
            (f"EUW1_{number}", "game", f"EUW1_{number}", state) for number, state in enumerate(states)
        ]
        found = outbox.find(db, "EUW1_0", "C1")
        assert found
        assert (found[0].key, outbox.dates(db, found[0]).happened_at) == ("EUW1_0:C1", START)
        assert {each.problem: each.state for each in alerts.all_known(db).values()} == {
            "told problem": AlertState.TOLD,
            "over problem": AlertState.TOLD,
        }
