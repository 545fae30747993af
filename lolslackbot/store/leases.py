"""Run locks as rows, for a database that several hosts share: each ends by itself unless its holder renews it.

Whoever holds one renews it in each of its transactions, by the database's clock. A process that stood still for longer
finds its lease over, and can commit nothing. All of this stands in transactions, of which there is one at a time.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lolslackbot.clock import text_of
from lolslackbot.errors import TemporaryError
from lolslackbot.shares import Share
from lolslackbot.store.database import Database, Row

LASTS = timedelta(seconds=30)  # from the last commit of its holder
RENEWED_AFTER = timedelta(seconds=5)  # before a remote call, which takes 20 s at most


def _new_owner() -> str:
    return f"{_process(os.getpid())}{os.urandom(8).hex()}"


def _process(pid: int) -> str:
    """How the owners of that process's leases begin."""
    return f"{os.uname().nodename}:{pid}:"


def host_of(owner: str) -> str:
    """The machine on which a lease's holder runs."""
    return owner.split(":")[0]


@dataclass(slots=True)
class Holder:
    """One connection, and how many leases it holds."""

    owner: str = field(default_factory=_new_owner)
    leases: int = 0
    renewed_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether its leases might end during a remote call."""
        return self.leases > 0 and (self.renewed_at is None or now - self.renewed_at > RENEWED_AFTER)


def take(db: Database, holder: Holder, stage: str, share: Share, now: datetime) -> None:
    """Takes the whole alone, a share beside the others of as many. Raises TemporaryError where it is held otherwise."""
    for row in _live(db, stage, now):
        held = Share(row["share"], row["shares"])
        if held == share and not share.is_whole:
            raise TemporaryError(f"{share} is at work elsewhere")
        if held.of != share.of or share.is_whole:
            raise TemporaryError(_taken(db, stage, row["owner"]))
    db.write("DELETE FROM leases WHERE stage = :stage AND until <= :now", stage=stage, now=text_of(now))
    db.write(
        """
        INSERT INTO leases (stage, share, shares, owner, until) VALUES (:stage, :share, :shares, :owner, :until)
        """,
        stage=stage,
        share=share.number,
        shares=share.of,
        owner=holder.owner,
        until=text_of(now + LASTS),
    )


def note_renewed(db: Database, holder: Holder, renewed: int, now: datetime) -> None:
    """So many were renewed. Raises TemporaryError where one has ended: another may have gone on with that work."""
    if renewed != holder.leases:
        raise TemporaryError(
            f"this process stood still for over {LASTS.total_seconds():g} s, and lost its lock on {db.path}: "
            "nothing more is written, the next run goes on"
        )
    holder.renewed_at = now


def end(db: Database, holder: Holder, stage: str, share: Share) -> None:
    """Lets go of one."""
    db.write(
        "DELETE FROM leases WHERE owner = :owner AND stage = :stage AND share = :share",
        owner=holder.owner,
        stage=stage,
        share=share.number,
    )


def check_division(db: Database, stage: str, number: int, now: datetime) -> None:
    """Raises TemporaryError while somebody works on that stage otherwise than on one of so many shares."""
    for row in _live(db, stage, now):
        if row["shares"] != number:
            raise TemporaryError(_taken(db, stage, row["owner"]))


def forget_dead(db: Database, pids: Sequence[int]) -> None:
    """Ends the leases of processes of this machine that are dead for certain."""
    for pid in pids:
        begin = _process(pid)
        db.write("DELETE FROM leases WHERE SUBSTR(owner, 1, :length) = :begin", length=len(begin), begin=begin)


def is_live(db: Database, stage: str, share: Share, now: datetime) -> bool:
    """Whether somebody holds it; of the whole: it, or any share."""
    return any(share.is_whole or Share(row["share"], row["shares"]) == share for row in _live(db, stage, now))


def _live(db: Database, stage: str, now: datetime) -> list[Row]:
    return db.rows("SELECT * FROM leases WHERE stage = :stage AND until > :now", stage=stage, now=text_of(now))


def _taken(db: Database, stage: str, owner: str) -> str:
    return f"another {stage} is at work on {db.path} ({host_of(owner)})"
