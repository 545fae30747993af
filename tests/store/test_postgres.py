"""A database on a server: what is promised of a file holds there too, and what a file cannot do is told from it."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from cutting_proxy import Proxy, Where, cutting
from postgres_server import Server, emptied, standby
from support import START, a_match, add_player, store_match

from lolslackbot.clock import Clock, elapsed
from lolslackbot.errors import ConfigError, RunAborted, TemporaryError, Unreachable
from lolslackbot.model import Message
from lolslackbot.shares import Share
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import claims, decisions, leases, migrations, outbox, postgres, runs
from lolslackbot.store.connect import create_database, open_database, read_only
from lolslackbot.store.database import CommitUnknown
from lolslackbot.store.postgres import PostgresDatabase, fault_of

LATER = timedelta(seconds=40)  # than any lease lasts


@pytest.fixture
def db(schema: str) -> Iterator[PostgresDatabase]:
    with closing(create_database(schema)) as database:
        assert isinstance(database, PostgresDatabase)
        yield database


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with cutting(server.port) as running:
        yield running


@pytest.fixture
def through_proxy(db: PostgresDatabase, server: Server, proxy: Proxy) -> Iterator[PostgresDatabase]:
    """Another connection to the same schema, which the proxy may cut."""
    with closing(open_database(server.url("test", proxy.port))) as other:
        assert isinstance(other, PostgresDatabase)
        yield other


def superuser(server: Server, *statements: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


# Opening


def test_a_schema_is_made_once_and_found_again(server: Server) -> None:
    url = server.url("made_here")
    with pytest.raises(ConfigError, match="there is no database at postgresql://tester@127.0.0.1:.*track"):
        open_database(url)
    for _ in range(2):
        create_database(url).close()
    with read_only(url) as db:
        made = {row["tablename"] for row in db.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'made_here'")}
    assert made == {*migrations.tables(), "schema_version"}
    superuser(server, "DROP SCHEMA made_here CASCADE")


def test_a_schema_of_others_is_left_alone(server: Server) -> None:
    superuser(server, "CREATE SCHEMA theirs", "CREATE TABLE theirs.players (name TEXT)")
    with pytest.raises(ConfigError, match="is not a lolslackbot database"):
        create_database(server.url("theirs"))
    superuser(server, "DROP SCHEMA theirs CASCADE")


def test_a_newer_schema_is_refused_and_an_older_one_upgraded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.url("ages")
    create_database(url).close()
    superuser(server, "UPDATE ages.schema_version SET version = 999")
    with pytest.raises(ConfigError, match=r"written by a newer lolslackbot \(schema 999"):
        open_database(url)
    newest = migrations.newest()
    superuser(server, f"UPDATE ages.schema_version SET version = {newest}")
    monkeypatch.setitem(migrations.STEPS, newest, "ALTER TABLE runs ADD COLUMN more INTEGER NOT NULL DEFAULT 7;")
    with pytest.raises(ConfigError, match=f"of an older version .schema {newest}."), read_only(url):
        pass
    with closing(open_database(url)) as db, db.transaction():
        run_id = runs.begin(db, "deliver", START)
        assert [row["more"] for row in db.rows("SELECT more FROM runs WHERE run_id = :id", id=run_id)] == [7]
    with read_only(url) as db:
        assert db.rows("SELECT version FROM schema_version")[0]["version"] == newest + 1
    superuser(server, "DROP SCHEMA ages CASCADE")


def test_without_psycopg_it_is_said_what_to_install(schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    import lolslackbot.store

    monkeypatch.delattr(lolslackbot.store, "postgres", raising=False)
    monkeypatch.setitem(sys.modules, "lolslackbot.store.postgres", None)
    with pytest.raises(ConfigError, match=r"needs psycopg: install lolslackbot\[postgres\]"):
        open_database(schema)


@pytest.mark.parametrize(
    ("setting", "text"),
    [("synchronous_commit = off", "has synchronous_commit off, so a claim could be lost in a power cut")],
)
def test_a_setting_that_breaks_a_promise_is_refused(server: Server, schema: str, setting: str, text: str) -> None:
    superuser(server, f"ALTER ROLE tester SET {setting}")
    try:
        with pytest.raises(ConfigError, match=text):
            open_database(schema)
    finally:
        superuser(server, f"ALTER ROLE tester RESET {setting.split()[0]}")


def test_a_database_that_is_not_utf8_is_refused(server: Server) -> None:
    with psycopg.connect(server.url().replace("/bot", "/postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(ConfigError, match="is a database in LATIN1: make one with ENCODING 'UTF8'"):
        create_database(server.url().replace("/bot", "/latin"))


def test_an_old_server_is_refused(schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "OLDEST", 99)
    with pytest.raises(ConfigError, match=r"is PostgreSQL \d+, 99 or newer is needed"):
        open_database(schema)


def test_what_examine_says_of_the_server(db: PostgresDatabase) -> None:
    with db.run_lock("deliver"):
        said = [each for each, _ in db.examine()]
    assert said[0].startswith(f"{db.path} is sound: PostgreSQL ")
    assert any("from the server's, by which all go" in each for each in said)
    assert any("fsync is off" in each for each in said)  # of this one
    assert said[-1].startswith(f"deliver is at work on {os.uname().nodename}, its lease ends at ")


# Rows and values


def test_a_row_is_read_as_that_of_a_file(db: PostgresDatabase) -> None:
    row = db.row(
        "SELECT 1 AS one, 'x' AS two, 1 = 1 AS three, SUM(a) AS four, AVG(a) AS five FROM (SELECT 3 AS a) AS b"
    )
    assert row is not None
    assert (tuple(row), row["two"], row[0], len(row), dict(row)["four"]) == ((1, "x", 1, 3, 3.0), "x", 1, 5, 3)
    assert list(row.keys()) == ["one", "two", "three", "four", "five"]
    with pytest.raises(KeyError):
        row["six"]


def test_odd_texts_are_kept_as_they_are(db: PostgresDatabase) -> None:
    name = "100 % :name 'quoted' \"and\" \\ 雪 -- no comment; \n"
    with db.transaction():
        db.write("UPDATE channels SET name = :name", name=name)
        db.write("INSERT INTO channels (channel_id, name) VALUES ('%', :name)", name=name)
    assert db.rows("SELECT name FROM channels WHERE channel_id LIKE '%' AND name = :name", name=name)[0]["name"] == name


def test_what_no_text_may_hold_there_is_replaced(db: PostgresDatabase) -> None:
    with db.transaction():
        db.write("INSERT INTO channels (channel_id, name) VALUES ('C1', :name)", name="a\0b")
    assert db.rows("SELECT name FROM channels")[0]["name"] == "a\N{REPLACEMENT CHARACTER}b"


# Transactions


def test_an_error_in_a_transaction_undoes_all_of_it(db: PostgresDatabase) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable), db.transaction():
        db.write("INSERT INTO channels (channel_id) VALUES ('C1')")
        db.write("DELETE FROM dragons")
    assert db.rows("SELECT * FROM channels") == []


def test_an_error_that_is_passed_over_commits_nothing(db: PostgresDatabase) -> None:
    with pytest.raises(RuntimeError, match="was passed over"), db.transaction():
        db.write("INSERT INTO channels (channel_id) VALUES ('C1')")
        with pytest.raises(psycopg.errors.UndefinedTable):
            db.rows("SELECT * FROM dragons")
    assert db.rows("SELECT * FROM channels") == []


def test_a_write_that_waited_is_made_before_the_next_read_or_at_the_end(db: PostgresDatabase, schema: str) -> None:
    with closing(open_database(schema)) as other:
        with db.transaction():
            db.write("INSERT INTO channels (channel_id) VALUES ('C1')")
            db.write("INSERT INTO channels (channel_id) VALUES ('C2')")
            assert len(db.rows("SELECT * FROM channels")) == 2
            db.write("DELETE FROM channels WHERE channel_id = 'C1'")
            assert other.rows("SELECT * FROM channels") == []
        assert [row["channel_id"] for row in other.rows("SELECT * FROM channels")] == ["C2"]
        with suppress(ZeroDivisionError), db.transaction():
            db.write("DELETE FROM channels")
            print(1 / 0)
        assert len(db.rows("SELECT * FROM channels")) == 1


def test_there_is_one_writer_at_a_time(db: PostgresDatabase, schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "LOCK_SECONDS", 0.1)
    with closing(open_database(schema)) as other, other.transaction():
        assert other.rows("SELECT * FROM channels") == []
        with (
            pytest.raises(TemporaryError, match=r"is kept by another transaction; the next run .*55P03"),
            db.transaction(),
        ):
            db.rows("SELECT * FROM channels")
            pytest.fail("there is another")
        assert db.rows("SELECT 1 AS one")[0]["one"] == 1  # reading goes on
    with db.transaction():
        assert db.rows("SELECT * FROM channels") == []


def test_a_snapshot_is_of_one_moment(db: PostgresDatabase, schema: str) -> None:
    with closing(open_database(schema)) as other, db.snapshot():
        assert db.rows("SELECT * FROM channels") == []
        with other.transaction():
            other.write("INSERT INTO channels (channel_id) VALUES ('C1')")
        assert db.rows("SELECT * FROM channels") == []
        with db.snapshot():
            assert db.rows("SELECT * FROM channels") == []
    assert len(db.rows("SELECT * FROM channels")) == 1


def test_a_transaction_that_stands_still_is_ended_by_the_server(
    db: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "IDLE_SECONDS", 0.1)
    # An older psycopg does not tell the server's code: then it may have been the commit that was lost.
    told = "idle-in-transaction|was lost in the middle of a commit"
    with pytest.raises(RunAborted, match=told), db.transaction():
        db.rows("SELECT * FROM channels")
        time.sleep(0.5)
        db.write("INSERT INTO channels (channel_id) VALUES ('C1')")
    db.reconnect()
    assert db.rows("SELECT * FROM channels") == []
    with pytest.raises(RunAborted, match="idle-in-transaction"), db.snapshot():
        db.rows("SELECT * FROM channels")
        time.sleep(0.5)
        db.rows("SELECT * FROM channels")


def test_a_signal_waits_for_the_answer(db: PostgresDatabase) -> None:
    # To this thread: the bot has no other, which the process's signals would go to while this one has them blocked.
    before = signal.signal(signal.SIGALRM, lambda *_: signal.pthread_kill(threading.get_ident(), signal.SIGINT))
    # A shell starts what is in the background without.
    ctrl_c = signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            db.rows("SELECT pg_sleep(0.4) AS slept")
            pytest.fail("the signal was lost")
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGINT, ctrl_c)
    assert time.monotonic() - began >= 0.4
    assert db.rows("SELECT 1 AS one")[0]["one"] == 1


def test_a_server_that_says_nothing_is_given_up(
    db: PostgresDatabase, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ANSWER_SECONDS", 0.3)
    with pytest.raises(Unreachable, match="no answer in 0.3 s"):
        db.rows("SELECT pg_sleep(5)")
    with pytest.raises(Unreachable):
        db.rows("SELECT 1")


def test_a_commit_that_the_server_refuses_was_not_made(db: PostgresDatabase, server: Server) -> None:
    superuser(
        server,
        """
        CREATE FUNCTION test.full() RETURNS TRIGGER LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$
        """,
        """
        CREATE CONSTRAINT TRIGGER full_at_commit AFTER INSERT ON test.channels
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION test.full()
        """,
    )
    try:
        with pytest.raises(ConfigError, match="the server's disk is full"), db.transaction():
            db.write("INSERT INTO channels (channel_id) VALUES ('C1')")
    finally:
        superuser(server, "DROP FUNCTION test.full() CASCADE")
    assert db.rows("SELECT * FROM channels") == []


# A connection that is lost


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_commit_without_an_answer_is_unknown(through_proxy: PostgresDatabase, proxy: Proxy, where: Where) -> None:
    proxy.cut("COMMIT", where)
    told = "was lost in the middle of a commit, which it may have made or not"
    with pytest.raises(CommitUnknown, match=told), through_proxy.transaction():
        through_proxy.write("INSERT INTO channels (channel_id) VALUES ('C1')")
    with pytest.raises(Unreachable), through_proxy.transaction():
        through_proxy.write("INSERT INTO channels (channel_id) VALUES ('C1')")
    with pytest.raises(Unreachable), through_proxy.snapshot():
        through_proxy.rows("SELECT * FROM channels")
    through_proxy.reconnect()
    with through_proxy.transaction():  # once the other one is over
        assert len(through_proxy.rows("SELECT * FROM channels")) == (1 if where == "after" else 0)


def test_a_connection_lost_elsewhere_is_no_unknown_commit(through_proxy: PostgresDatabase, proxy: Proxy) -> None:
    proxy.cut("INSERT", "before")
    with pytest.raises(Unreachable, match="cannot be reached") as caught, through_proxy.transaction():
        through_proxy.write("INSERT INTO channels (channel_id) VALUES ('C1')")
    assert not isinstance(caught.value, CommitUnknown)


def a_message(db: PostgresDatabase) -> Message:
    add_player(db)
    store_match(db, a_match())
    build_messages(db, Run("build-messages", Clock(), 80), "")
    with db.transaction():
        db.write("UPDATE channels SET reconciled_at = '2999-01-01T00:00:00.000Z'")
    return outbox.next_messages(db)[0].message


def claimed(db: PostgresDatabase) -> claims.Claim | None:
    return claims.claim_next(db, "C1", "default", "token", START - timedelta(hours=1), START)


def test_a_claim_whose_commit_was_made_is_told_of(
    db: PostgresDatabase, through_proxy: PostgresDatabase, proxy: Proxy
) -> None:
    message = a_message(db)
    proxy.cut("COMMIT", "after")
    claim = claimed(through_proxy)
    assert claim is not None
    assert (claim.message, claim.token, proxy.cuts) == (message, "token", 1)
    claims.mark_delivered(through_proxy, claim, "1.5", START)
    assert db.rows("SELECT state FROM messages")[0]["state"] == "delivered"


def test_a_claim_whose_commit_was_not_made_is_none(
    db: PostgresDatabase, through_proxy: PostgresDatabase, proxy: Proxy
) -> None:
    a_message(db)
    proxy.cut("COMMIT", "before")
    with pytest.raises(CommitUnknown):
        claimed(through_proxy)
    assert db.rows("SELECT state, attempts FROM messages")[0][0] == "pending"


def test_a_claim_that_cannot_be_read_again_is_none(
    db: PostgresDatabase, through_proxy: PostgresDatabase, proxy: Proxy
) -> None:
    a_message(db)
    proxy.cut("COMMIT", "after")
    proxy.refuses = True
    with pytest.raises(Unreachable):
        claimed(through_proxy)
    with db.transaction():  # once the other one is over
        assert db.rows("SELECT state FROM messages")[0]["state"] == "sending"  # the next run looks it up


def test_nothing_to_claim_and_a_lost_commit_is_nothing_claimed(through_proxy: PostgresDatabase, proxy: Proxy) -> None:
    proxy.cut("COMMIT", "after")
    with pytest.raises(CommitUnknown):
        claimed(through_proxy)


# Leases


def end_leases(db: PostgresDatabase, schema: str) -> None:
    """Half a minute passes in which their holder stands still."""
    with closing(open_database(schema)) as other, other.transaction():
        other.write("UPDATE leases SET until = '2020-01-01T00:00:00.000Z'")


def test_a_lease_that_ended_is_taken_and_its_holder_writes_nothing_more(db: PostgresDatabase, schema: str) -> None:
    with closing(open_database(schema)) as other, db.run_lock("deliver"):
        with pytest.raises(TemporaryError, match=rf"another deliver is at work on .* \({os.uname().nodename}\)"):
            other.run_lock("deliver").__enter__()
        end_leases(db, schema)
        assert not other.is_at_work("deliver")
        with other.run_lock("deliver"):
            with pytest.raises(TemporaryError, match="stood still for over 30 s, and lost its lock"), db.transaction():
                db.write("INSERT INTO channels (channel_id) VALUES ('C1')")
            assert other.is_at_work("deliver")
        with pytest.raises(TemporaryError, match="lost its lock"):
            db.hold_lock()


def test_a_lease_that_ended_is_lost_even_if_nobody_took_it(db: PostgresDatabase, schema: str) -> None:
    with db.run_lock("deliver"):
        end_leases(db, schema)
        with pytest.raises(TemporaryError, match="lost its lock"), db.transaction():
            db.write("INSERT INTO channels (channel_id) VALUES ('C1')")
    assert not db.is_at_work("deliver")
    assert db.rows("SELECT * FROM channels") == []


def test_a_lost_lease_that_is_passed_over_commits_nothing(db: PostgresDatabase, schema: str) -> None:
    with db.run_lock("deliver"):
        end_leases(db, schema)
        with pytest.raises(TemporaryError, match="lost its lock"), db.transaction():
            with suppress(TemporaryError):
                db.rows("SELECT * FROM channels")
            with suppress(TemporaryError):
                db.write_counted("INSERT INTO channels (channel_id) VALUES ('C1')")
            db.write("INSERT INTO channels (channel_id) VALUES ('C2')")
    assert db.rows("SELECT * FROM channels") == []


def test_a_machine_that_slept_looks_after_its_lease(db: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its steady clock slept, too; what has passed says so."""
    with db.run_lock("deliver"):
        with db.transaction():
            db.write("UPDATE leases SET until = '2000-01-01T00:00:00.000Z'")
        db.hold_lock()  # a moment later nobody asks
        now = elapsed()
        monkeypatch.setattr(postgres, "elapsed", lambda: now + 600)
        with pytest.raises(TemporaryError, match="lost its lock"):
            db.hold_lock()


def test_each_commit_moves_the_end_of_a_lease_on(db: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends() -> datetime:
        return datetime.fromisoformat(db.rows("SELECT until FROM leases")[0]["until"])

    with db.run_lock("deliver"), db.run_lock("digest"):
        first = ends()
        assert timedelta(seconds=28) < first - datetime.now(UTC) <= timedelta(seconds=30)
        with db.transaction():
            pass
        assert ends() >= first
        second = ends()
        db.hold_lock()  # it was moved on just now
        assert ends() == second
        monkeypatch.setattr(leases, "RENEWED_AFTER", timedelta(0))
        time.sleep(0.01)
        db.hold_lock()
        assert ends() > second


def test_shares_are_held_beside_each_other_and_nothing_else(db: PostgresDatabase, schema: str) -> None:
    with closing(open_database(schema)) as other, db.run_lock("deliver", Share(1, 3)):
        assert isinstance(other, PostgresDatabase)
        with other.run_lock("deliver", Share(2, 3)), other.run_lock("fetch-matches"):
            other.check_division("deliver", 3)
            with pytest.raises(TemporaryError, match="another deliver"):
                other.check_division("deliver", 2)
            for share in (Share(1, 3), Share(1, 1), Share(1, 2)):
                with pytest.raises(TemporaryError), other.run_lock("deliver", share):
                    pytest.fail("it is held")


def test_the_locks_of_a_dead_process_are_freed(db: PostgresDatabase, schema: str) -> None:
    pid = os.fork()
    if not pid:
        with closing(open_database(schema)) as own:
            lock = own.run_lock("deliver", Share(2, 3))
            lock.__enter__()
            os._exit(0)
    os.waitpid(pid, 0)
    assert db.is_at_work("deliver", Share(2, 3))
    db.forget_locks_of([])
    db.forget_locks_of([pid + 1])
    assert db.is_at_work("deliver")
    db.forget_locks_of([pid])
    assert not db.is_at_work("deliver")


def test_the_clock_is_the_servers(db: PostgresDatabase) -> None:
    clock = Clock()
    clock.follow(db)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=2)
    assert db._told
    db._told = (START, db._told[1])
    assert START < clock.now() < START + timedelta(minutes=5)
    with db.transaction():  # which tells the time anew
        assert clock.now() > START + timedelta(days=1)
    assert clock.now() > START + timedelta(days=1)


def test_a_long_sleep_holds_the_lock(db: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, held = Clock(), []
    clock.follow(db)
    monkeypatch.setattr("lolslackbot.clock.AT_ONCE", 0.01)
    monkeypatch.setattr(db, "hold_lock", lambda: held.append(1))
    clock.sleep(0.035)
    assert len(held) == 4


# Faults


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (psycopg.errors.DiskFull("full"), ConfigError, "the server's disk is full; make room, nothing is lost"),
        (psycopg.errors.ReadOnlySqlTransaction("x"), TemporaryError, "is read-only, as a standby is; the next run"),
        (psycopg.errors.QueryCanceled("slow"), TemporaryError, "takes too long; the next run tries again"),
        (psycopg.errors.InsufficientPrivilege("no"), ConfigError, "does not let this user do that"),
        (psycopg.errors.InvalidPassword("no"), ConfigError, "does not let this user in"),
        (psycopg.errors.InvalidCatalogName("no"), ConfigError, "does not exist on that server"),
        (psycopg.errors.TooManyConnections("many"), Unreachable, "cannot be reached; the next run tries again (many)"),
        (psycopg.errors.AdminShutdown("over"), Unreachable, "cannot be reached"),
        (psycopg.InterfaceError("closed"), Unreachable, "cannot be reached"),
    ],
)
def test_each_fault_is_one_line_that_says_what_to_do(
    db: PostgresDatabase, error: psycopg.Error, kind: type[RunAborted], text: str
) -> None:
    fault = fault_of(error, db.server)
    assert type(fault) is kind
    assert text in str(fault)
    assert db.path in str(fault)


def test_a_mistake_of_ours_stays_one(db: PostgresDatabase) -> None:
    assert fault_of(psycopg.errors.UndefinedTable("dragons"), db.server) is None


def test_a_password_is_never_shown(server: Server) -> None:
    superuser(server, "CREATE ROLE keeper LOGIN PASSWORD 'topsecret'")
    url = server.url("kept").replace("tester@", "keeper:topsecret@")
    with pytest.raises(ConfigError, match="does not let this user do that: it has to own the schema") as caught:
        create_database(url)
    assert "topsecret" not in f"{caught.value!r} {caught.value.__cause__!r}"
    with pytest.raises(Unreachable) as gone:
        create_database(url.replace(f":{server.port}/", ":1/"))
    assert "topsecret" not in str(gone.value)
    assert "postgresql://keeper@127.0.0.1:1/bot?schema=kept" in str(gone.value)
    superuser(server, "DROP ROLE keeper")


def test_a_read_only_server_is_for_later(db: PostgresDatabase, server: Server, schema: str) -> None:
    superuser(server, "ALTER ROLE tester SET default_transaction_read_only = on")
    try:
        with closing(open_database(schema)) as other:
            with pytest.raises(TemporaryError, match="is read-only, as a standby is"):
                other.try_writing()
            with pytest.raises(TemporaryError, match="is read-only, as a standby is"), other.transaction():
                other.write("DELETE FROM channels")
    finally:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER ROLE tester RESET default_transaction_read_only")
    db.try_writing()


# What a restore replaced


def test_what_was_replaced_long_ago_is_removed(db: PostgresDatabase, server: Server) -> None:
    names = ("test_before_20260101t000000000000z", "test_before_20260301t000000000000z", "test_before_x", "testbefore")
    superuser(server, *(f"CREATE SCHEMA {name}" for name in names))
    assert db.remove_replaced(datetime(2026, 2, 1, tzinfo=UTC)) == 1
    left = [row["nspname"] for row in db.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'test%before%'")]
    assert sorted(left) == sorted(names[1:])
    superuser(server, *(f"DROP SCHEMA {name}" for name in names[1:]))


# Another server than before


def test_what_waits_is_in_doubt_once_the_server_is_another(db: PostgresDatabase, server: Server, schema: str) -> None:
    a_message(db)
    superuser(server, "UPDATE test.schema_version SET origin = '1/00000001'")
    with read_only(schema) as other:
        assert other.rows("SELECT state FROM messages")[0]["state"] == "pending"
    for _ in range(2):
        open_database(schema).close()
    assert db.rows("SELECT state FROM messages")[0]["state"] == "uncertain"
    (decision,) = decisions.by(db, "restore")
    assert decision.change == "another server or timeline than before: messages in doubt: 1"


def test_whoever_comes_second_to_another_server_doubts_nothing_more(db: PostgresDatabase) -> None:
    postgres._doubt_what_waits(db)
    assert decisions.by(db, "restore") == []


def test_a_promoted_standby_is_another_server(server: Server) -> None:
    """The real thing: a copy of the server that follows it for a while, and then takes its place."""
    with closing(create_database(emptied(server, "test"))) as db:
        assert isinstance(db, PostgresDatabase)
        a_message(db)
    with standby(server) as second:
        with pytest.raises(TemporaryError, match="is read-only, as a standby is"):
            create_database(second.url("other"))
        with read_only(second.url("test")) as db:
            assert db.rows("SELECT state FROM messages")[0]["state"] == "pending"
        superuser(second, "SELECT pg_promote()")
        with closing(open_database(second.url("test"))) as db:
            assert db.rows("SELECT state FROM messages")[0]["state"] == "uncertain"
            assert len(decisions.by(db, "restore")) == 1
    with closing(open_database(server.url("test"))) as db:
        assert db.rows("SELECT state FROM messages")[0]["state"] == "pending"
