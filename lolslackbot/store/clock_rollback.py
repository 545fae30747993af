"""After the clock was set back, what happened in what is now the future must hold nothing up."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lolslackbot.clock import text_of
from lolslackbot.store import holds, ranks, requests
from lolslackbot.store.database import Database
from lolslackbot.store.in_doubt import UNSETTLED

LONGEST_BACK_OFF = timedelta(hours=1)  # between two calls for one match


@dataclass(frozen=True, slots=True)
class _Clamp:
    """A column, the last moment it may have, what it becomes beyond that, and the rows that count (by an index)."""

    table: str
    column: str
    becomes: str
    where: str = "TRUE"
    bound: str = ":now"

    @property
    def rows(self) -> str:
        return f"{self.where} AND {self.column} > {self.bound}"


_UNCERTAIN = f"{UNSETTLED} AND state = 'uncertain'"
_CLAMPS = (
    # Asked for first, not last. `last_game_at` is Riot's time, not this clock's.
    _Clamp("players", "listed_at", "NULL"),
    _Clamp("players", "resolved_at", "NULL"),
    _Clamp("players", "region_asked_at", "NULL"),
    _Clamp("players", "rank_asked_at", "NULL"),
    _Clamp("players", "expected_at", "NULL"),
    _Clamp("channels", "examined_at", "NULL"),
    # A comparison goes by which came first, it or the message: else it never counts, or counts for what came later.
    _Clamp("channels", "reconciled_at", "NULL"),
    _Clamp("messages", "built_at", ":now", "state = 'pending'"),
    _Clamp("messages", "built_at", ":now", _UNCERTAIN),
    _Clamp("riot_hosts", "match_answered_at", "NULL"),  # no 404 is final by it
    _Clamp("riot_hosts", "probed_at", "NULL"),
    # A first look waits for nothing, any other for the longest back-off at most.
    _Clamp("matches", "next_look_at", ":now", "looked_at IS NULL AND listed_at > :now"),
    _Clamp("matches", "next_look_at", ":latest", bound=":latest"),
    _Clamp("matches", "listed_at", ":now", "next_look_at IS NOT NULL"),
    _Clamp("matches", "missing_since", ":now", "next_look_at IS NOT NULL"),
    # In doubt since now at the latest; when it was last looked for is unknown, whichever clock that was.
    _Clamp("messages", "settled_at", "NULL", _UNCERTAIN),
    _Clamp("messages", "claimed_at", ":now", _UNCERTAIN),
    _Clamp("messages", "unknown_since", ":now", _UNCERTAIN),
    _Clamp("live_games", "seen_at", ":now", "state = 'on'"),
    _Clamp("alerts", "seen_at", ":now"),
    _Clamp("amendments", "made_at", ":now"),
    _Clamp("amendments", "next_at", "NULL", bound=":latest"),
    # What is said from now on is read and obeyed.
    _Clamp("inboxes", "since", ":now"),
    _Clamp("inboxes", "read_to", ":now_ts", bound=":now_ts"),
)

# One question for all of them: it is asked in every run, and nearly always the answer is none.
_NEEDED = " UNION ALL ".join(
    f"SELECT {number} AS number WHERE EXISTS (SELECT 1 FROM {clamp.table} WHERE {clamp.rows})"
    for number, clamp in enumerate(_CLAMPS)
)


def clamp_future_times(db: Database, now: datetime) -> None:
    """Writes only where there is something to repair; one commit each.

    Holds keep their length, so they move instead (`holds.rebase`). Calls to Riot are the limiter's: they count within
    the transaction that reserves the next one.
    """
    values = {"now": text_of(now), "latest": text_of(now + LONGEST_BACK_OFF), "now_ts": requests.ts_of(now)}
    for needed in db.rows(_NEEDED, **values):
        clamp = _CLAMPS[needed["number"]]
        with db.transaction():
            db.write(f"UPDATE {clamp.table} SET {clamp.column} = {clamp.becomes} WHERE {clamp.rows}", **values)
    ranks.forget_future(db, now)
    holds.rebase_all(db, now)
