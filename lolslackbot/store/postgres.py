"""A database on a PostgreSQL server, which several hosts may share.

Nothing is kept in a session (settings, locks, prepared statements), so that it works through pgbouncer in transaction
mode. https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import logging
import signal
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any
from zlib import crc32

import psycopg
from psycopg import sql
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lolslackbot.clock import elapsed
from lolslackbot.errors import ConfigError, RunAborted, TemporaryError, Unreachable
from lolslackbot.location import Server
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import decisions, leases, migrations, restores
from lolslackbot.store.database import CommitUnknown, Database, Row
from lolslackbot.store.dialect import schema_statements, with_parameters

logger = logging.getLogger(__name__)

OLDEST = 14  # server version
LOCK_SECONDS = 10  # to wait for another's transaction
STATEMENT_SECONDS = 30
IDLE_SECONDS = 15  # within a transaction: then the server ends the session
ANSWER_SECONDS = 45.0  # a server that says nothing for so long is gone
KEPT = "_before_"  # what a restore replaced: a schema of that name; the moment follows
KEPT_AT = "%Y%m%dt%H%M%S%fz"  # sorts as it happened
FETCHED = 500  # rows at a time, of a whole table

_CONNECTION: Mapping[str, Any] = {
    "application_name": "lolslackbot",
    "client_encoding": "UTF8",
    "connect_timeout": 10,
    # A host that vanished is noticed in half a minute, not in the system's two hours:
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
_STOPS = (signal.SIGINT, signal.SIGTERM)
_WITHIN = (psycopg.pq.TransactionStatus.INTRANS, psycopg.pq.TransactionStatus.INERROR)
_NOW = "SELECT clock_timestamp(), NULL"
_FORM = """ AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""  # as `text_of` writes it
_TEXT = f"to_char(clock_timestamp(){_FORM}"
_LATER = f"to_char((clock_timestamp() + INTERVAL '{leases.LASTS.total_seconds():g} s'){_FORM}"


class _TakenBack(Exception):
    """What was tried is not to be committed."""


class PostgresRow:
    """As `sqlite3.Row`."""

    __slots__ = ("_numbers", "_values")

    def __init__(self, numbers: Mapping[str, int], values: tuple[Any, ...]) -> None:
        self._numbers, self._values = numbers, values

    def __getitem__(self, key: int | str, /) -> Any:
        return self._values[self._numbers[key] if isinstance(key, str) else key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def keys(self) -> list[str]:
        return list(self._numbers)


class _Flag(Dumper):
    """A bool is 0 or 1 in a column, as SQLite has it, and either in a condition."""

    def dump(self, flag: bool) -> bytes:
        return b"1" if flag else b"0"


class _Text(Dumper):
    """A text, without what PostgreSQL cannot keep."""

    def dump(self, text: str) -> bytes:
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode()


class _Truth(Loader):
    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


class _Number(Loader):
    """A sum or an average, which PostgreSQL makes a numeric."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return float(text) if "." in text else int(text)


class _Connection(psycopg.Connection[Any]):
    """One that waits for a server's answer, but not for ever."""

    def wait(self, gen: Generator[Any, Any, Any], *arguments: Any, **options: Any) -> Any:
        return super().wait(_bounded(gen, time.monotonic() + ANSWER_SECONDS), *arguments, **options)


def _bounded(steps: Generator[Any, Any, Any], until: float) -> Generator[Any, Any, Any]:
    try:
        awaited = next(steps)
        while True:
            ready = yield awaited
            if time.monotonic() > until:
                raise psycopg.OperationalError(f"no answer in {ANSWER_SECONDS:g} s")
            awaited = steps.send(ready)
    except StopIteration as end:
        return end.value


class PostgresDatabase(Database):
    """One connection. A write transaction holds an advisory lock to its end: one writer at a time, as in SQLite."""

    def __init__(self, connection: _Connection, server: Server) -> None:
        self.path = server.shown
        self.server = server
        self._connection = connection
        self._faults = Faults(server)
        self._holder = leases.Holder()
        self._told: tuple[datetime, float] | None = None  # the server's time, and when it was that
        self._renewed: int | None = None  # leases, as this transaction began; None: there were none to renew
        self.moment = self._moment
        self._settings = (
            f'SET LOCAL search_path = "{server.schema}"',
            f"SET LOCAL statement_timeout = {STATEMENT_SECONDS * 1000}",
        )
        self._within = False  # a transaction or a snapshot, which the server may not have been told of yet
        self._opening: Sequence[str] = ()  # what begins it there
        self._waiting: list[str] = []  # writes that the server was not told of yet

    def _moment(self) -> datetime:
        """The server's time: as it told when the last transaction began there, and what has passed since."""
        if self._opening or self._told is None:
            self._tell_server()
        assert self._told
        told, at = self._told
        return told + timedelta(seconds=elapsed() - at)

    # Statements

    def rows(self, sql: str, **values: Any) -> list[Row]:
        return self._rows_of(self._tell_server(self._bound(sql, values)))

    def write(self, sql: str, **values: Any) -> None:
        """The server is told of it with the next statement that has an answer, or with COMMIT."""
        assert self._within, "a write outside a transaction commits by itself"
        self._waiting.append(self._bound(sql, values))

    def write_counted(self, sql: str, **values: Any) -> int:
        assert self._within, "a write outside a transaction commits by itself"
        return self._tell_server(self._bound(sql, values)).rowcount

    def change(self, sql: str, **values: Any) -> list[Row]:
        assert self._within, "a write outside a transaction commits by itself"
        return self.rows(sql, **values)

    def _bound(self, sql: str, values: Mapping[str, Any]) -> str:
        with self._faults:
            return psycopg.ClientCursor(self._connection).mogrify(with_parameters(sql).encode(), values)

    def _tell_server(self, *statements: str) -> psycopg.ClientCursor[Any]:
        """All that waits and these, in one message, since a message to the server is what costs. The last one's answer.

        Raises TemporaryError where a lease was lost, and so does whatever follows in that transaction: nothing of it is
        committed, for COMMIT never comes with an opening.
        """
        self._check_leases()
        opening, waiting = self._opening, self._waiting
        self._opening, self._waiting = (), []
        before = opening if self._within else self._settings
        if not opening and self._told is None:
            before = opening = (*before, _NOW)
        with self._faults:
            cursor = self._execute([*before, *waiting, *statements])
            if opening:
                for _ in opening[1:]:
                    cursor.nextset()
                self._note_time(cursor)
            while cursor.nextset():
                pass
        return cursor

    def _execute(self, statements: Sequence[str]) -> psycopg.ClientCursor[Any]:
        """A cursor with the answer to each. A signal waits until it is here."""
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        try:
            return psycopg.ClientCursor(self._connection).execute("; ".join(statements).encode())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)

    def _note_time(self, answer: psycopg.ClientCursor[Any]) -> None:
        told = answer.fetchone()
        assert told
        now, self._renewed = told
        self._told = now, elapsed()
        self._check_leases()

    def _check_leases(self) -> None:
        if self._renewed is not None and self._told:
            leases.note_renewed(self, self._holder, self._renewed, self._told[0])

    @staticmethod
    def _rows_of(cursor: psycopg.ClientCursor[Any]) -> list[Row]:
        found = cursor.pgresult  # its names directly: a cursor's `description` takes as long as a query
        assert found
        numbers = {(found.fname(number) or b"").decode(): number for number in range(found.nfields)}
        return [PostgresRow(numbers, values) for values in cursor.fetchall()]

    # Transactions

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """It begins with its first statement, as soon as no other writes, and that sees all that was committed."""
        if self._within:
            yield
            return
        opening = (
            "BEGIN",
            *self._settings,
            f"SET LOCAL lock_timeout = {LOCK_SECONDS * 1000}",
            _idle(),
            f"SELECT pg_advisory_xact_lock({migrations.APPLICATION_ID}, {_lock_number(self.server.schema)})",
            *(_renewal(self._holder.owner) if self._holder.leases else [_NOW]),
        )
        with self._opened_by(opening):
            yield
            if self._opening and self._waiting:
                self._tell_server()
            if not self._opening:
                self._commit()

    @contextmanager
    def _opened_by(self, opening: Sequence[str]) -> Iterator[None]:
        """What is not committed in it never was."""
        self._within, self._opening, self._renewed = True, opening, None
        try:
            yield
        finally:
            self._within, self._opening, self._waiting, self._renewed = False, (), [], None
            with suppress(psycopg.Error):  # where the server is gone, so is the transaction
                if self._connection.info.transaction_status in _WITHIN:
                    self._execute(["ROLLBACK"])

    def _commit(self) -> None:
        if self._connection.info.transaction_status is psycopg.pq.TransactionStatus.INERROR:
            raise RuntimeError("an error in a transaction was passed over: it cannot be committed")
        self._check_leases()
        try:
            self._execute([*self._waiting, "COMMIT"])
        except psycopg.Error as error:
            if self._connection.closed and error.sqlstate != _STOOD_STILL:
                raise CommitUnknown(
                    f"the database {self.path} was lost in the middle of a commit, which it may have made or not"
                ) from error
            with self._faults:
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        if self._within:
            yield
            return
        with self._opened_by(("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", *self._settings, _idle(), _NOW)):
            yield

    def try_writing(self) -> None:
        with suppress(_TakenBack), self.transaction():
            self.write_counted("UPDATE schema_version SET version = version")
            raise _TakenBack

    def reconnect(self) -> None:
        self.close()
        with self._faults:
            self._connection = _connect(self.server)

    def close(self) -> None:
        self._connection.close()

    # Locks

    @contextmanager
    def run_lock(self, stage: str, share: Share = WHOLE) -> Iterator[None]:
        with self.transaction():
            leases.take(self, self._holder, stage, share, self._moment())
        self._holder.leases += 1
        try:
            yield
        finally:
            with suppress(RunAborted), self.transaction():  # where it is lost, it ends by itself
                leases.end(self, self._holder, stage, share)
            self._holder.leases -= 1

    def is_at_work(self, stage: str, share: Share = WHOLE) -> bool:
        return leases.is_live(self, stage, share, self._moment())

    def check_division(self, stage: str, number: int) -> None:
        """Raises TemporaryError while somebody works on that stage otherwise than on one of so many shares."""
        leases.check_division(self, stage, number, self._moment())

    def forget_locks_of(self, pids: Sequence[int]) -> None:
        if pids:
            with self.transaction():
                leases.forget_dead(self, pids)

    def hold_lock(self) -> None:
        if self._holder.is_due(self._moment()):
            with self.transaction():
                self._tell_server()

    # Space, and what was replaced

    @property
    def folder(self) -> str | None:
        return None

    def size(self) -> int:
        (row,) = self.rows(
            """
            SELECT CAST(COALESCE(SUM(pg_total_relation_size(pg_class.oid)), 0) AS BIGINT) AS bytes
            FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname = :schema AND relkind = 'r'
            """,
            schema=self.server.schema,
        )
        return int(row["bytes"])

    def reclaim(self) -> None:
        """Autovacuum does."""

    def remove_replaced(self, before: datetime) -> int:
        prefix = f"{self.server.schema}{KEPT}"
        old = self.rows(
            "SELECT nspname FROM pg_namespace WHERE nspname > :prefix AND nspname < :before",
            prefix=prefix,
            before=f"{prefix}{before:{KEPT_AT}}",
        )
        with self.transaction():
            for row in old:
                self.drop(row["nspname"])
        return len(old)

    def all_rows(self, table: str) -> Iterator[Row]:
        """Of a whole table, in no order, a few at a time. Inside a `snapshot`."""
        self._tell_server(f"DECLARE whole CURSOR FOR SELECT * FROM {table}")
        while rows := self._rows_of(self._tell_server(f"FETCH {FETCHED} FROM whole")):
            yield from rows
        self._tell_server("CLOSE whole")

    def begin_anew(self, now: datetime) -> str:
        """Within a transaction: empty tables in place of those there are, and the leases that are held.

        The schema under which the others are kept.
        """
        self.write("SET LOCAL statement_timeout = 0")  # of a copy, which may be large
        own, kept = self.server.schema, f"{self.server.schema}{KEPT}{now:{KEPT_AT}}"
        self.write(f'ALTER SCHEMA "{own}" RENAME TO "{kept}"')
        _make(self)
        self.write(f'INSERT INTO leases SELECT * FROM "{kept}".leases')
        return kept

    def drop(self, schema: str) -> None:
        """Within a transaction."""
        self.write(f'DROP SCHEMA "{schema}" CASCADE')

    def insert(self, table: str, rows: Iterator[Row]) -> None:
        """Many rows, whose keys are the columns."""
        first = next(rows, None)
        if first is None:
            return
        columns = sql.SQL(", ").join(map(sql.Identifier, first.keys()))
        copy = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
        self._tell_server()
        with self._faults, self._connection.cursor() as cursor, cursor.copy(copy) as target:
            for row in chain([first], rows):
                target.write_row(tuple(row))

    def give_higher_ids(self) -> None:
        """After rows were inserted with ids of their own."""
        for row in self.rows(
            """
            SELECT table_name, column_name FROM information_schema.columns
            WHERE table_schema = :schema AND is_identity = 'YES'
            """,
            schema=self.server.schema,
        ):
            table, column = row["table_name"], row["column_name"]
            self.rows(
                f"""
                SELECT setval(pg_get_serial_sequence(:table, :column), COALESCE(MAX({column}), 0) + 1, FALSE)
                FROM {table}
                """,
                table=table,
                column=column,
            )

    def examine(self) -> Iterator[tuple[str, str]]:
        began = time.monotonic()
        facts = self.facts()
        milliseconds = (time.monotonic() - began) * 1000
        yield f"{self.path} is sound: PostgreSQL {facts['version']}, {self.size()} bytes", ""
        yield f"the server answers; a query takes {milliseconds:.1f} ms", ""
        off = datetime.now(UTC) - self._moment()
        yield f"this machine's clock is {off.total_seconds():+.1f} s from the server's, by which all go", ""
        for name in ("fsync", "full_page_writes"):
            if facts[name] != "on":
                yield f"{name} is {facts[name]} on that server", "a power cut there may lose what was committed"
        for row in self.rows("SELECT * FROM leases ORDER BY stage, share"):
            yield f"{row['stage']} is at work on {leases.host_of(row['owner'])}, its lease ends at {row['until']}", ""

    def facts(self) -> dict[str, str]:
        """What a person may ask of the server: its version, and settings that a promise depends on."""
        (row,) = self.rows(
            """
            SELECT current_setting('server_version') AS version, current_setting('server_encoding') AS encoding,
                   current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync') AS fsync,
                   current_setting('full_page_writes') AS full_page_writes
            """
        )
        return {name: row[name] for name in row.keys()}  # noqa: SIM118 - no dict


def _idle() -> str:
    """A session in which this process stands still must not hold up others for ever."""
    return f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_SECONDS * 1000}"


def _renewal(owner: str) -> list[str]:
    """Moves the end of that connection's leases on, those that have not ended; the time, and how many these are."""
    held = f"owner = '{owner}' AND until > {_TEXT}"
    return [
        f"UPDATE leases SET until = {_LATER} WHERE {held}",
        f"SELECT clock_timestamp(), COUNT(*) FROM leases WHERE {held}",
    ]


def _lock_number(schema: str) -> int:
    """One advisory lock for each schema: numbers from -2**31 on."""
    return crc32(schema.encode()) - 2**31


def open_server(location: str, *, read_only: bool = False) -> PostgresDatabase:
    """The database at that URL, brought up to this schema if it is older. Raises ConfigError or TemporaryError."""
    db = _open(location)
    try:
        found = _identity(db)
        if found is None:
            raise ConfigError(f"there is no database at {db.path}: `lolslackbot track` makes one")
        if found.version > migrations.newest():
            raise ConfigError(migrations.too_new(db.path, found.version))
        if found.version < migrations.newest() and read_only:
            raise ConfigError(f"{db.path} is of an older version (schema {found.version}): the next run upgrades it")
        if found.version < migrations.newest():
            _upgrade(db)
        if found.is_elsewhere and not read_only:
            _doubt_what_waits(db)
    except BaseException:
        db.close()
        raise
    return db


def create_on_server(location: str) -> PostgresDatabase:
    """As `open_server`, but makes the schema if it is not there. All or nothing."""
    with closing(_open(location)) as db:
        if _identity(db) is None:
            with db.transaction():
                if _identity(db) is None:
                    if db.rows("SELECT 1 FROM pg_tables WHERE schemaname = :schema", schema=db.server.schema):
                        raise ConfigError(f"{db.path} is not a lolslackbot database: another schema is needed")
                    _make(db)
    return open_server(location)


def _open(location: str) -> PostgresDatabase:
    server = Server.at(location)
    with Faults(server):
        db = PostgresDatabase(_connect(server), server)
    try:
        _check_settings(db)
    except BaseException:
        db.close()
        raise
    return db


def _connect(server: Server) -> _Connection:
    try:
        conninfo = make_conninfo("", **{**_CONNECTION, **conninfo_to_dict(server.url)})
        connection = _Connection.connect(conninfo, autocommit=True, prepare_threshold=None)
    except psycopg.ProgrammingError:  # its words may hold a part of the password
        raise ConfigError(f"the URL of the database {server.shown} has a parameter that libpq does not take") from None
    adapters = connection.adapters
    adapters.register_dumper(bool, _Flag)
    adapters.register_dumper(str, _Text)
    adapters.register_loader("bool", _Truth)
    adapters.register_loader("numeric", _Number)
    return connection


def _check_settings(db: PostgresDatabase) -> None:
    if (number := db._connection.info.server_version) < OLDEST * 10000:
        raise ConfigError(f"the server of {db.path} is PostgreSQL {number // 10000}, {OLDEST} or newer is needed")
    facts = db.facts()
    if facts["encoding"] != "UTF8":
        raise ConfigError(f"{db.path} is a database in {facts['encoding']}: make one with ENCODING 'UTF8'")
    if facts["synchronous_commit"] == "off":
        raise ConfigError(
            f"{db.path} has synchronous_commit off, so a claim could be lost in a power cut: "
            "ALTER ROLE … SET synchronous_commit = on"
        )


@dataclass(frozen=True, slots=True)
class _Identity:
    """What stands in `schema_version`. Origin: which server wrote it, and on which timeline; now: which one this is.

    A server that was promoted, or that a dump was loaded into, may lack what the one before it committed last.
    https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES
    """

    version: int
    origin: str | None
    now: str | None  # None: a standby, which nobody writes to

    @property
    def is_elsewhere(self) -> bool:
        return self.now is not None and self.origin != self.now


_ORIGIN = """
    CASE WHEN pg_is_in_recovery() THEN NULL ELSE
        (SELECT system_identifier FROM pg_control_system())
        || '/' || SUBSTR(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
    END
"""


def _identity(db: PostgresDatabase) -> _Identity | None:
    """None where there is no schema of ours."""
    (row,) = db.rows("SELECT to_regclass(:table) AS found", table=f'"{db.server.schema}".schema_version')
    if row["found"] is None:
        return None
    kept = db.row(f"SELECT version, origin, {_ORIGIN} AS now FROM schema_version")
    return _Identity(kept["version"], kept["origin"], kept["now"]) if kept else None


def _doubt_what_waits(db: PostgresDatabase) -> None:
    """As after a restore: what waits may have been announced, which this server need not know of."""
    with db.transaction():
        found = _identity(db)
        if found is None or not found.is_elsewhere:  # another process was here first
            return
        now = db._moment()
        doubted = restores.doubt_all(db, now)
        change = f"another server or timeline than before: messages in doubt: {doubted}"
        decisions.record(db, "restore", decisions.EVERYTHING, change, now)
        db.write("UPDATE schema_version SET origin = :origin", origin=found.now)
        logger.warning("%s: %s", db.path, change)


def _make(db: PostgresDatabase) -> None:
    """Within a transaction."""
    db.write(f'CREATE SCHEMA IF NOT EXISTS "{db.server.schema}"')
    for statement in schema_statements(migrations.schema()):
        db.write(statement)
    db.write("CREATE TABLE schema_version (version BIGINT NOT NULL, origin TEXT)")
    db.write(f"INSERT INTO schema_version (version, origin) VALUES (:newest, {_ORIGIN})", newest=migrations.newest())


def _upgrade(db: PostgresDatabase) -> None:
    with db.transaction():
        found = _identity(db)
        assert found
        for number in range(found.version, migrations.newest()):
            logger.info("upgrading %s from schema %d to %d", db.path, number, number + 1)
            for statement in schema_statements(migrations.STEPS[number]):
                db.write(statement)
            db.write("UPDATE schema_version SET version = :number", number=number + 1)


_STOOD_STILL = "25P03"  # the session was ended before this message came
_PASSING = "the next run tries again"
_REMEDIES: dict[str, tuple[type[RunAborted], str]] = {  # by SQLSTATE or the class it is of
    "55P03": (TemporaryError, f"is kept by another transaction; {_PASSING}"),
    "57014": (TemporaryError, f"takes too long; {_PASSING}"),
    _STOOD_STILL: (TemporaryError, f"has ended a transaction in which this process stood still; {_PASSING}"),
    "25006": (TemporaryError, f"is read-only, as a standby is; {_PASSING}"),
    "53100": (ConfigError, "cannot be written: the server's disk is full; make room, nothing is lost"),
    "28": (ConfigError, "does not let this user in"),
    "3D": (ConfigError, "does not exist on that server"),
    "42501": (ConfigError, "does not let this user do that: it has to own the schema"),
}


def fault_of(error: psycopg.Error, server: Server) -> RunAborted | None:
    """What an error of the server or the connection means to a person, or None for a mistake of ours."""
    said = " ".join(str(error).splitlines())
    for secret in server.secrets:
        said = said.replace(secret, "***")
    state = error.sqlstate or ""
    for known, (kind, what) in _REMEDIES.items():
        if state.startswith(known):
            return kind(f"the database {server.shown} {what} ({state}: {said})")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Unreachable(f"the database {server.shown} cannot be reached; {_PASSING} ({said})")
    return None


class Faults:
    """`with` it, a fault of the server's becomes one line for a person."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, psycopg.Error) and (fault := fault_of(error, self._server)):
            raise fault from error
