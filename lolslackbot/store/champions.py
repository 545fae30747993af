"""Champions as Data Dragon names and pictures them, and when it was last asked."""

from datetime import datetime

from lolslackbot.clock import moment_of, text_of
from lolslackbot.game import Champion, Champions
from lolslackbot.store.database import Database


def known(db: Database) -> Champions:
    """Those of the last answer; none before the first."""
    row = db.row("SELECT version FROM data_dragon")
    champions = db.rows("SELECT * FROM champions")
    by_id = {champion["champion_id"]: Champion(champion["name"], champion["image"]) for champion in champions}
    return Champions(row["version"] if row else None, by_id)


def asked_at(db: Database) -> datetime | None:
    """When Data Dragon was last asked, whether it answered or not."""
    row = db.row("SELECT asked_at FROM data_dragon")
    return moment_of(row["asked_at"]) if row else None


def begin_asking(db: Database, now: datetime) -> None:
    """Records that it is about to be asked; a run that dies meanwhile counts as no answer."""
    with db.transaction():
        db.write(
            """
            INSERT INTO data_dragon (only_row, asked_at, problem) VALUES (1, :now, 'no answer')
            ON CONFLICT (only_row) DO UPDATE SET asked_at = excluded.asked_at, problem = excluded.problem
            """,
            now=text_of(now),
        )


def record_problem(db: Database, problem: str | None) -> None:
    """Why there was no usable answer; None: there was, with nothing new. Known champions stay."""
    with db.transaction():
        db.write("UPDATE data_dragon SET problem = :problem", problem=problem)


def record(db: Database, champions: Champions) -> None:
    """Replaces the known champions by another version."""
    with db.transaction():
        db.write("UPDATE data_dragon SET problem = NULL, version = :version", version=champions.version)
        db.write("DELETE FROM champions")
        for champion_id, champion in champions.by_id.items():
            db.write(
                "INSERT INTO champions (champion_id, name, image) VALUES (:champion_id, :name, :image)",
                champion_id=champion_id,
                name=champion.name,
                image=champion.image,
            )
