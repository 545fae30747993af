"""Champions as Data Dragon shows them, and when it was asked."""

from datetime import datetime

from lolslackbot.clock import moment_of, text_of
from lolslackbot.model import Champion, Champions
from lolslackbot.store.database import Database


def known(db: Database) -> Champions:
    """Those of the last answer; none at all before the first."""
    row = db.row("SELECT version FROM data_dragon")
    rows = db.rows("SELECT * FROM champions")
    by_id = {each["champion_id"]: Champion(each["name"], each["image"]) for each in rows}
    return Champions(row["version"] if row else None, by_id)


def asked_at(db: Database) -> datetime | None:
    """When Data Dragon was last asked, whatever came of it."""
    row = db.row("SELECT asked_at FROM data_dragon")
    return moment_of(row["asked_at"]) if row else None


def begin_asking(db: Database, now: datetime) -> None:
    """It is going to be asked. Until an answer is recorded, it counts as one that did not come."""
    with db.transaction():
        db.write(
            """
            INSERT INTO data_dragon (only_row, asked_at, problem) VALUES (1, :now, :problem)
            ON CONFLICT (only_row) DO UPDATE SET asked_at = excluded.asked_at, problem = excluded.problem
            """,
            now=text_of(now),
            problem="no answer",
        )


def record_problem(db: Database, problem: str | None) -> None:
    """It brought nothing, or (None) nothing newer; what was known stays."""
    with db.transaction():
        db.write("UPDATE data_dragon SET problem = :problem", problem=problem)


def record(db: Database, champions: Champions) -> None:
    """Replaces what was known by another version of it."""
    with db.transaction():
        db.write("UPDATE data_dragon SET problem = NULL, version = :version", version=champions.version)
        db.write("DELETE FROM champions")
        for champion_id, champion in champions.by_id.items():
            db.write(
                "INSERT INTO champions VALUES (:champion_id, :name, :image)",
                champion_id=champion_id,
                name=champion.name,
                image=champion.image,
            )
