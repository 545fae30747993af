"""Between a server and a SQLite file: a backup of what is there, and a file put in its place."""

from contextlib import closing
from datetime import datetime

from lolslackbot.store import migrations
from lolslackbot.store.copies import whole_file
from lolslackbot.store.database import Database
from lolslackbot.store.postgres import PostgresDatabase
from lolslackbot.store.sqlite import create_database, open_database


def copy_to_file(db: Database, target: str) -> None:
    """A copy of one moment, verified, private, and whole or not there at all."""
    assert isinstance(db, PostgresDatabase)
    with (
        whole_file(target) as partial,
        closing(create_database(partial)) as copy,
        db.snapshot(),
        copy.transaction(),
    ):
        copy.defer_references()  # a channel may have moved to one further on
        for table in _copied():
            for row in db.all_rows(table):
                columns = list(row.keys())
                places = ", ".join(f":{column}" for column in columns)
                values = dict(zip(columns, row, strict=True))
                copy.write(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", **values)


def load(source: str, db: Database, now: datetime) -> str | None:
    """Replaces all that is on a server by a file of ours, in one transaction.

    The schema under which what was there is kept; None: that was nothing.
    """
    assert isinstance(db, PostgresDatabase)
    with closing(open_database(source)) as file, db.transaction():
        was_empty = is_empty(db)
        kept = db.begin_anew(now)
        for table in _copied():
            db.insert(table, file.all_rows(table))
        db.give_higher_ids()
        if was_empty:
            db.drop(kept)
    return None if was_empty else kept


def is_empty(db: Database) -> bool:
    """Whether there is no row: nothing has ever been done with it."""
    return not any(db.row(f"SELECT 1 FROM {table} LIMIT 1") for table in _copied())


def _copied() -> list[str]:
    """The tables, each after those it refers to; not who is at work on them."""
    return [table for table in migrations.tables() if table != "leases"]
