"""Whatever holds work back, in one table: why, since when, until when."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from lolslackbot.clock import moment_of, text_of
from lolslackbot.store.database import Database, Row, listed

RIOT_KEY = "riot"
EVERYTHING = "everything"
LONGEST = timedelta(days=1)  # that a limit holds anything back, whatever an answer said


def riot_scope(routing: str, endpoint: str = "") -> str:
    """The scope of a 429: one endpoint at a host, or without `endpoint` the whole host."""
    return f"riot {routing} {endpoint}".strip()


def channel_scope(channel_id: str) -> str:
    return f"channel {channel_id}"


def workspace_scope(workspace: str) -> str:
    return f"workspace {workspace}"


def delivery_scopes(db: Database, channel_id: str | None = None) -> list[str]:
    """Everything that can keep messages from one channel, or (None) from any: all, workspaces, channels."""
    rows = db.rows(
        "SELECT channel_id, workspace FROM channels WHERE :channel_id IS NULL OR channel_id = :channel_id",
        channel_id=channel_id,
    )
    scopes = [scope for row in rows for scope in (channel_scope(row["channel_id"]), workspace_scope(row["workspace"]))]
    return [EVERYTHING, *scopes]


class Hold(NamedTuple):
    """One reason why something waits. `until` None: until it is lifted."""

    scope: str
    kind: str
    reason: str
    since: datetime
    until: datetime | None
    times: int
    code: str | None = None  # broken: Slack's error code


def all_live(db: Database, now: datetime) -> list[Hold]:
    """Every hold in force at `now`."""
    return [hold for hold in all_known(db) if hold.until is None or hold.until > now]


def all_known(db: Database) -> list[Hold]:
    """Every hold, those that are over included: they explain the past."""
    return [_hold(row) for row in db.rows("SELECT * FROM holds ORDER BY scope, kind")]


def limited_host(db: Database, routing: str) -> list[Hold]:
    """The limits of a host and of its endpoints, those that are over included."""
    rows = db.rows(
        "SELECT * FROM holds WHERE kind = 'limited' AND (scope = :scope OR scope LIKE :scope || ' %') ORDER BY scope",
        scope=riot_scope(routing),
    )
    return [_hold(row) for row in rows]


def find(db: Database, scope: str, kind: str) -> Hold | None:
    """The hold of that scope and kind, in force or over."""
    row = db.row("SELECT * FROM holds WHERE scope = :scope AND kind = :kind", scope=scope, kind=kind)
    return _hold(row) if row else None


def limited(db: Database, scopes: Sequence[str]) -> list[Hold]:
    """Until when these scopes were told to wait; some of that may be over."""
    names, values = listed("scope", scopes)
    return [_hold(row) for row in db.rows(f"SELECT * FROM holds WHERE kind = 'limited' AND scope IN {names}", **values)]


def put(
    db: Database, scope: str, kind: str, reason: str, now: datetime, until: datetime | None, code: str | None = None
) -> None:
    """Holds `scope` back; a longer hold that is there stays. Inside a transaction."""
    db.write(
        """
        INSERT INTO holds (scope, kind, reason, since, until, code)
        VALUES (:scope, :kind, :reason, :now, :until, :code)
        ON CONFLICT (scope, kind) DO UPDATE
        SET reason = excluded.reason,
            code = excluded.code,
            since = excluded.since,
            until = CASE WHEN until IS NULL OR excluded.until < until THEN until ELSE excluded.until END,
            times = times + 1
        """,
        scope=scope,
        kind=kind,
        reason=reason,
        now=text_of(now),
        until=until and text_of(until),
        code=code,
    )


def lift(db: Database, scope: str, kind: str) -> bool:
    """Forgets a hold; whether there was one. Inside a transaction."""
    return db.write("DELETE FROM holds WHERE scope = :scope AND kind = :kind", scope=scope, kind=kind) > 0


def went_well(db: Database, scopes: Sequence[str], now: datetime) -> None:
    """A limit that is over and was not met again no longer makes the next one longer. Inside a transaction."""
    names, values = listed("scope", scopes)
    db.write(
        f"UPDATE holds SET times = 0 WHERE kind = 'limited' AND scope IN {names} AND times > 0 AND until <= :now",
        now=text_of(now),
        **values,
    )


def repair_after_clock_rollback(db: Database, now: datetime) -> None:
    """`rebase` in a commit of its own, where there is anything to do."""
    if _to_rebase(db, now):
        with db.transaction():
            rebase(db, now)


def rebase(db: Database, now: datetime) -> None:
    """After the clock was set back, a hold begun in what is now the future lasts its length from now, no longer.

    A limit that an earlier version kept for longer than LONGEST is cut to that. Inside a transaction.
    """
    for hold in _to_rebase(db, now):
        assert hold.until is not None
        since = min(hold.since, now)
        db.write(
            "UPDATE holds SET since = :since, until = :until WHERE scope = :scope AND kind = :kind",
            since=text_of(since),
            until=text_of(since + (hold.until - hold.since)),
            scope=hold.scope,
            kind=hold.kind,
        )


def _to_rebase(db: Database, now: datetime) -> list[Hold]:
    rows = db.rows(
        """
        SELECT * FROM holds
        WHERE until IS NOT NULL AND (since > :now OR kind = 'limited' AND until > :latest)
        """,
        now=text_of(now),
        latest=text_of(now + LONGEST),
    )
    return [_hold(row) for row in rows]


def _hold(row: Row) -> Hold:
    since, until = moment_of(row["since"]), moment_of(row["until"]) if row["until"] else None
    if until and row["kind"] == "limited":
        until = min(until, since + LONGEST)
    return Hold(
        scope=row["scope"],
        kind=row["kind"],
        reason=row["reason"],
        since=since,
        until=until,
        times=row["times"],
        code=row["code"],
    )
