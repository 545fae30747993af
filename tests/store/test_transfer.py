"""From a file to a server and back: the same rows, one transaction, what was there kept."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from postgres_server import Server
from support import START, FakeClock, a_match, add_player, at_work, contents, store_match

from lolslackbot.admin.backup import backup, restore
from lolslackbot.clock import Clock
from lolslackbot.errors import ConfigError, TemporaryError
from lolslackbot.shares import Share
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import decisions, holds, migrations, runs, transfer
from lolslackbot.store.connect import create_database, open_database
from lolslackbot.store.database import Database
from lolslackbot.store.postgres import PostgresDatabase
from lolslackbot.store.sqlite import SqliteDatabase

OLD = Path(__file__).parent


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """A schema that is not there yet."""
    yield server.url("moved")
    with psycopg.connect(server.url(), autocommit=True) as connection:
        for (name,) in connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'moved%'").fetchall():
            connection.execute(f'DROP SCHEMA "{name}" CASCADE')


@pytest.fixture
def file(home: Path) -> Iterator[Database]:
    """A file with some of everything that is odd: a body, a channel that moved on, shares of a run."""
    with closing(create_database(home / "lolslackbot.db")) as db:
        add_player(db)
        add_player(db, 2, channel="C2")
        store_match(db, a_match("EUW1_1", 1, 2), body=bytes(range(256)))
        build_messages(db, Run("build-messages", FakeClock(), 80), "")
        with db.transaction():
            db.write("INSERT INTO channels (channel_id, moved_to) VALUES ('C0', 'C2')")
        shared_run(db)
        yield db


def shared_run(db: Database) -> None:
    """On record: first its beginning, then a share, then its end, which a server writes behind both."""
    whole = runs.begin(db, "deliver", START)
    runs.begin_share(db, "deliver", START, whole, Share(1, 2))
    runs.end(db, whole, START, 0, "a run, 100 % done")


def kept_schemas(db: Database) -> list[str]:
    rows = db.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'moved!_before!_%' ESCAPE '!'")
    return [row["nspname"] for row in rows]


def but_for_the_restore(rows: dict[str, list[tuple[object, ...]]]) -> dict[str, list[tuple[object, ...]]]:
    """`restore` itself leaves a decision, and what waits in doubt."""
    return {table: rows[table] for table in rows if table not in ("decisions", "restores", "messages")}


def test_a_file_and_a_server_hold_the_same_rows(file: Database, url: str, tmp_path: Path) -> None:
    before = contents(file)
    copy, again = tmp_path / "copy.db", tmp_path / "again.db"
    backup(file.path, copy)
    lines = restore(url, copy, FakeClock())
    assert lines[0] == f"{url} is now what {copy} was"
    assert not any("is kept as" in line for line in lines)  # there was nothing
    with closing(open_database(url)) as db:
        assert but_for_the_restore(contents(db)) == but_for_the_restore(before)
        assert kept_schemas(db) == []
        assert [each.command for each in decisions.by(db, "restore")] == ["restore"]
        assert db.rows("SELECT state FROM messages WHERE channel_id = 'C1'")[0]["state"] == "uncertain"
        everything = contents(db)
    assert backup(url, again).startswith(f"{again} is a verified copy of {url}, ")
    with closing(open_database(again)) as found:
        assert contents(found) == everything


def test_ids_given_afterwards_are_new_ones(file: Database, url: str, tmp_path: Path) -> None:
    backup(file.path, tmp_path / "copy.db")
    restore(url, tmp_path / "copy.db", FakeClock())
    with closing(open_database(url)) as db:
        assert add_player(db, 3).player_id == 3
        assert runs.begin(db, "deliver", START) == 3


def test_what_is_replaced_is_kept_with_todays_limits_in_its_place(file: Database, url: str, tmp_path: Path) -> None:
    backup(file.path, tmp_path / "copy.db")
    with closing(create_database(url)) as db:
        add_player(db, 9, channel="C9")
        shared_run(db)
        with db.transaction():
            holds.put(db, holds.riot_scope("europe", ""), "limited", "429", START, START)
        lines = restore(url, tmp_path / "copy.db", FakeClock())
        (kept,) = kept_schemas(db)
        assert f"the replaced one is kept as the schema {kept}" in lines
        assert db.rows("SELECT reason FROM holds")[0]["reason"] == "429"
        assert db.rows("SELECT COUNT(*) AS number FROM players")[0]["number"] == 2
        assert [row["part_of"] for row in db.rows("SELECT part_of FROM runs ORDER BY run_id")] == [None, 1]
        assert db.rows(f'SELECT game_name FROM "{kept}".players')[0]["game_name"] == "Player 9"
        assert not any(map(db.is_at_work, ("fetch-matches", "build-messages", "deliver", "digest")))


def test_while_a_stage_is_at_work_nothing_is_put_back(file: Database, url: str, tmp_path: Path) -> None:
    backup(file.path, tmp_path / "copy.db")
    create_database(url).close()
    with at_work(url, "deliver"), pytest.raises(TemporaryError, match="another deliver is at work"):
        restore(url, tmp_path / "copy.db", FakeClock())
    with closing(open_database(url)) as db:
        assert db.rows("SELECT * FROM players") == []


def test_a_restore_that_fails_in_the_middle_changes_nothing(
    file: Database, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(file.path, tmp_path / "copy.db")
    with closing(create_database(url)) as db:
        add_player(db, 9)
        before = contents(db)

        def fail(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(PostgresDatabase, "give_higher_ids", fail)
        with pytest.raises(KeyboardInterrupt):
            restore(url, tmp_path / "copy.db", FakeClock())
        assert contents(db) == before
        assert kept_schemas(db) == []


@pytest.mark.parametrize("number", sorted(migrations.STEPS))
def test_each_earlier_schema_can_move(number: int, url: str, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript((OLD / f"schema-{number}.sql").read_text("utf-8"))
    restore(url, old, FakeClock())
    with closing(open_database(url)) as db:
        add_player(db)
        store_match(db, a_match())
        build_messages(db, Run("build-messages", Clock(), 80), "")
        assert len(db.rows("SELECT * FROM messages")) == 1


def test_a_backup_that_cannot_be_written_leaves_nothing(file: Database, url: str, tmp_path: Path) -> None:
    create_database(url).close()
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        backup(url, tmp_path / "nowhere" / "copy.db")
    with pytest.raises(ConfigError, match="is a folder: name a file"):
        backup(url, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_only_a_server_is_loaded_into(file: Database, tmp_path: Path) -> None:
    assert isinstance(file, SqliteDatabase)
    with pytest.raises(AssertionError):
        transfer.load(file.path, file, START)
