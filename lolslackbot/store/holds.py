"""What holds work back, in one table: why, since when, until when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lolslackbot.clock import moment_of, text_of
from lolslackbot.store.database import Database, Row

LONGEST = timedelta(days=1)  # a limit never holds anything back for longer, whatever an answer said


class ScopeKind(StrEnum):
    """What sort of thing is held back, or found to be wrong."""

    EVERYTHING = "everything"
    WORKSPACE = "workspace"
    CHANNEL = "channel"
    ALERT_CHANNEL = "alert_channel"  # a channel that gets alerts only
    RIOT_KEY = "riot_key"
    RIOT_HOST = "riot_host"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a hold or a finding is about. endpoint: one endpoint of a Riot host; '' is all of it."""

    kind: ScopeKind
    id: str = ""
    endpoint: str = ""

    @classmethod
    def from_row(cls, row: Row) -> "Scope":
        return cls(ScopeKind(row["scope_kind"]), row["scope_id"], row["endpoint"])

    def __str__(self) -> str:
        """As people read it: `channel C1`, `riot europe match`."""
        name = {ScopeKind.RIOT_KEY: "riot", ScopeKind.RIOT_HOST: "riot", ScopeKind.ALERT_CHANNEL: "channel"}
        return " ".join(filter(None, (name.get(self.kind, self.kind.value), self.id, self.endpoint)))

    def is_same(self, other: "Scope") -> bool:
        """Whether both name the same thing: people write workspaces in upper and lower case."""
        return (self.kind, self.id.casefold(), self.endpoint) == (other.kind, other.id.casefold(), other.endpoint)

    def columns(self) -> dict[str, str]:
        """The values that tell this scope's rows from others."""
        return {"scope_kind": self.kind.value, "scope_id": self.id, "endpoint": self.endpoint}


RIOT_KEY = Scope(ScopeKind.RIOT_KEY)
EVERYTHING = Scope(ScopeKind.EVERYTHING)
_THIS_SCOPE = "scope_kind = :scope_kind AND scope_id = :scope_id AND endpoint = :endpoint"


def riot_scope(routing: str, endpoint: str = "") -> Scope:
    """The scope of a 429: one endpoint at a host, or without `endpoint` the whole host."""
    return Scope(ScopeKind.RIOT_HOST, routing, endpoint)


def channel_scope(channel_id: str) -> Scope:
    return Scope(ScopeKind.CHANNEL, channel_id)


def workspace_scope(workspace: str) -> Scope:
    return Scope(ScopeKind.WORKSPACE, workspace)


def delivery_scopes(db: Database, channel_id: str | None = None) -> list[Scope]:
    """Everything that can keep messages from one channel, or (None) from any: all, workspaces, channels."""
    rows = db.rows(
        "SELECT channel_id, workspace FROM channels WHERE :channel_id IS NULL OR channel_id = :channel_id",
        channel_id=channel_id,
    )
    scopes = [scope for row in rows for scope in (channel_scope(row["channel_id"]), workspace_scope(row["workspace"]))]
    return [EVERYTHING, *scopes]


@dataclass(frozen=True, slots=True)
class Hold:
    """One reason why something waits. `until` None: until it is lifted."""

    scope: Scope
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
    return [_hold(row) for row in db.rows("SELECT * FROM holds ORDER BY scope_kind, scope_id, endpoint, kind")]


def limited_host(db: Database, routing: str) -> list[Hold]:
    """The limits of a host and of its endpoints, those that are over included."""
    rows = db.rows(
        "SELECT * FROM holds WHERE kind = 'limited' AND scope_kind = :kind AND scope_id = :routing ORDER BY endpoint",
        kind=ScopeKind.RIOT_HOST,
        routing=routing,
    )
    return [_hold(row) for row in rows]


def find(db: Database, scope: Scope, kind: str) -> Hold | None:
    """The hold of that scope and kind, in force or over."""
    row = db.row(f"SELECT * FROM holds WHERE {_THIS_SCOPE} AND kind = :kind", kind=kind, **scope.columns())
    return _hold(row) if row else None


def limited(db: Database, scopes: Sequence[Scope]) -> list[Hold]:
    """Until when these scopes were told to wait; some of that may be over."""
    return [hold for hold in all_known(db) if hold.kind == "limited" and hold.scope in scopes]


def put(
    db: Database, scope: Scope, kind: str, reason: str, now: datetime, until: datetime | None, code: str | None = None
) -> None:
    """Holds `scope` back; a longer hold that is there stays. Inside a transaction."""
    db.write(
        """
        INSERT INTO holds (scope_kind, scope_id, endpoint, kind, reason, since, until, code)
        VALUES (:scope_kind, :scope_id, :endpoint, :kind, :reason, :now, :until, :code)
        ON CONFLICT (scope_kind, scope_id, endpoint, kind) DO UPDATE
        SET reason = excluded.reason,
            code = excluded.code,
            since = excluded.since,
            until = CASE
                WHEN holds.until IS NULL OR excluded.until < holds.until THEN holds.until ELSE excluded.until
            END,
            times = holds.times + 1
        """,
        kind=kind,
        reason=reason,
        now=text_of(now),
        until=until and text_of(until),
        code=code,
        **scope.columns(),
    )


def put_first(db: Database, scope: Scope, kind: str, reason: str, now: datetime) -> None:
    """Holds `scope` back until it is lifted, since the first time: a hold that is there stays. Inside a transaction."""
    if not find(db, scope, kind):
        put(db, scope, kind, reason, now, None)


def key_of(scope: Scope, kind: str) -> str:
    """The key of the need that a hold is: `channel C1 broken`."""
    return f"{scope} {kind}"


def lift(db: Database, scope: Scope, kind: str) -> bool:
    """Forgets a hold; whether there was one. Inside a transaction."""
    return db.write_counted(f"DELETE FROM holds WHERE {_THIS_SCOPE} AND kind = :kind", kind=kind, **scope.columns()) > 0


def went_well(db: Database, scopes: Sequence[Scope], now: datetime) -> None:
    """A limit that is over and was not met again no longer makes the next one longer. Inside a transaction."""
    for scope in scopes:
        db.write(
            f"UPDATE holds SET times = 0 WHERE {_THIS_SCOPE} AND kind = 'limited' AND times > 0 AND until <= :now",
            now=text_of(now),
            **scope.columns(),
        )


def rebase_all(db: Database, now: datetime) -> None:
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
            f"UPDATE holds SET since = :since, until = :until WHERE {_THIS_SCOPE} AND kind = :kind",
            since=text_of(since),
            until=text_of(since + (hold.until - hold.since)),
            kind=hold.kind,
            **hold.scope.columns(),
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
        scope=Scope.from_row(row),
        kind=row["kind"],
        reason=row["reason"],
        since=since,
        until=until,
        times=row["times"],
        code=row["code"],
    )
