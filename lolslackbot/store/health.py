"""How things stand, for `status`: how much waits and since when, what was last, and what went wrong."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from lolslackbot.clock import moment_of, text_of
from lolslackbot.model import LookupProblem, ProblemKind
from lolslackbot.store.database import Database, Row, listed
from lolslackbot.store.holds import Scope, ScopeKind
from lolslackbot.store.reasons import is_missed

LAST_LISTED = 1000


class Unlisted(NamedTuple):
    """A tracked player whose list cannot be had, in a channel that waits for it."""

    player_id: int
    riot_id: str
    channel_id: str
    problem: str
    kind: ProblemKind | None  # None: an earlier version recorded it


class Moved(NamedTuple):
    """A tracked player who, as Riot says, plays on another platform than we ask for."""

    player_id: int
    riot_id: str
    channel_id: str
    platform: str
    region: str
    asked_at: datetime


class LastGame(NamedTuple):
    """The end of the newest game known of a tracked player."""

    riot_id: str
    ended_at: datetime


class Lost(NamedTuple):
    """A match that will not be announced."""

    match_id: str
    state: str
    reason: str


class Unsent(NamedTuple):
    """A message that failed, or that Slack may or may not have. error None: its run died."""

    match_id: str
    channel_id: str
    state: str
    error: str | None
    ended_at: datetime  # its game
    lookup_problem: LookupProblem | None


def counts(db: Database, failed_after: datetime) -> dict[str, int]:
    """How many matches and messages wait for what, are of unknown outcome, and failed since that moment."""
    row = db.row(
        """
        SELECT
            (SELECT COUNT(*) FROM matches WHERE next_look_at IS NOT NULL AND state = 'wanted') AS wanted,
            (SELECT COUNT(*) FROM matches WHERE next_look_at IS NOT NULL AND state = 'missing') AS missing,
            (SELECT COUNT(*) FROM matches WHERE state = 'stored' AND built_at IS NULL) AS to_build,
            (SELECT COUNT(*) FROM messages WHERE state = 'pending') AS pending,
            (SELECT COUNT(*) FROM messages WHERE state IN ('sending', 'uncertain')) AS uncertain,
            (SELECT COUNT(*) FROM messages WHERE state = 'failed' AND ended_at > :after) AS failed
        """,
        after=text_of(failed_after),
    )
    assert row
    return dict(row)


def tracked_since(db: Database) -> datetime | None:
    """Since when anybody is tracked who is now."""
    return _moment(db, "SELECT MIN(since) FROM tracks")


def last_listed_at(db: Database) -> datetime | None:
    """When Riot was last asked for anybody's list."""
    return _moment(db, "SELECT MAX(listed_at) FROM players")


def longest_unasked(db: Database) -> tuple[datetime, bool] | None:
    """Since when the list waits that waits longest, and whether it was asked for then; else it was tracked then."""
    row = db.row(
        """
        SELECT CASE WHEN listed_at > since THEN listed_at ELSE since END AS waits_since, listed_at > since AS was_asked
        FROM players JOIN (SELECT player_id, MIN(since) AS since FROM tracks GROUP BY player_id) USING (player_id)
        ORDER BY waits_since LIMIT 1
        """
    )
    return (moment_of(row["waits_since"]), bool(row["was_asked"])) if row else None


def wanted_since(db: Database) -> datetime | None:
    """When the oldest match was listed that was not asked for yet."""
    return _moment(
        db,
        """
        SELECT MIN(listed_at) FROM matches
        WHERE next_look_at IS NOT NULL AND state = 'wanted' AND looked_at IS NULL
        """,
    )


def waiting_since(db: Database, held: Iterable[Scope] = ()) -> datetime | None:
    """When the oldest message that waits was made; left out are those of a channel or workspace that is `held`."""
    held = list(held)
    channel_ids, values = listed("channel", (scope.id for scope in held if scope.kind is ScopeKind.CHANNEL))
    workspaces, more = listed("workspace", (scope.id for scope in held if scope.kind is ScopeKind.WORKSPACE))
    return _moment(
        db,
        f"""
        SELECT MIN(built_at) FROM messages
        WHERE state = 'pending'
          AND channel_id NOT IN {channel_ids} AND workspace NOT IN {workspaces}
        """,
        **values,
        **more,
    )


def last_post_at(db: Database) -> datetime | None:
    """When the message that Slack accepted last was claimed; looked for from the end of each channel.

    One that was never sent from here (attempts 0) was found in Slack after a restore: it went out earlier.
    """
    return _moment(
        db,
        """
        SELECT MAX((
            SELECT claimed_at FROM messages
            WHERE messages.channel_id = channels.channel_id AND claimed_at IS NOT NULL AND state = 'delivered'
              AND attempts > 0
            ORDER BY claimed_at DESC LIMIT 1
        ))
        FROM channels
        """,
    )


def unlisted(db: Database) -> list[Unlisted]:
    """The tracked players whose list cannot be had, by player and channel."""
    rows = db.rows(
        """
        SELECT player_id, game_name || '#' || tag_line, channel_id, problem, problem_kind
        FROM players JOIN tracks USING (player_id)
        WHERE problem IS NOT NULL
        ORDER BY player_id, channel_id
        """
    )
    return [Unlisted(*row)._replace(kind=ProblemKind(row[-1]) if row[-1] else None) for row in rows]


def moved(db: Database) -> list[Moved]:
    """Who plays elsewhere, as Riot said, and had no game known here since, by player and channel."""
    rows = db.rows(
        """
        SELECT player_id, game_name || '#' || tag_line, channel_id, platform, region, region_asked_at
        FROM players JOIN tracks USING (player_id)
        WHERE region <> platform AND region_asked_at IS NOT NULL
          AND (last_game_at IS NULL OR last_game_at < region_asked_at)
        ORDER BY player_id, channel_id
        """
    )
    return [Moved(*row)._replace(asked_at=moment_of(row[-1])) for row in rows]


def last_games(db: Database) -> list[LastGame]:
    """Of the tracked players of whom any is known, the newest first."""
    rows = db.rows(
        """
        SELECT game_name || '#' || tag_line, last_game_at FROM players
        WHERE last_game_at IS NOT NULL
          AND EXISTS (SELECT 1 FROM tracks WHERE tracks.player_id = players.player_id)
        ORDER BY last_game_at DESC, player_id
        """
    )
    return [LastGame(row[0], moment_of(row[1])) for row in rows]


def failed(db: Database, after: datetime) -> list[Unsent]:
    """The messages that failed of games that ended after that moment, in the order the games ended."""
    rows = db.rows(
        """
        SELECT match_id, channel_id, state, error, ended_at, lookup_problem FROM messages
        WHERE state = 'failed' AND ended_at > :after
        ORDER BY ended_at
        """,
        after=text_of(after),
    )
    return [_unsent(row) for row in rows]


def expired(db: Database, after: datetime) -> dict[str, int]:
    """How many messages expired since that moment, by reason, the most frequent first."""
    rows = db.rows(
        """
        SELECT error, COUNT(*) AS number FROM messages
        WHERE state = 'expired' AND settled_at > :after
        GROUP BY error ORDER BY number DESC, error
        """,
        after=text_of(after),
    )
    return {row["error"]: row["number"] for row in rows}


def in_doubt(db: Database) -> list[Unsent]:
    """The messages that Slack may or may not have, in the order the games ended."""
    rows = db.rows(
        """
        SELECT match_id, channel_id, state, error, ended_at, lookup_problem FROM messages
        WHERE state IN ('sending', 'uncertain')
        ORDER BY ended_at
        """
    )
    return [_unsent(row) for row in rows]


def _unsent(row: Row) -> Unsent:
    return Unsent(
        match_id=row["match_id"],
        channel_id=row["channel_id"],
        state=row["state"],
        error=row["error"],
        ended_at=moment_of(row["ended_at"]),
        lookup_problem=LookupProblem(row["lookup_problem"]) if row["lookup_problem"] else None,
    )


def tracked_channels(db: Database) -> set[str]:
    """The channels in which somebody is tracked."""
    return {row["channel_id"] for row in db.rows("SELECT DISTINCT channel_id FROM tracks")}


def came_to_nothing(db: Database, now: datetime, after: datetime) -> list[Lost]:
    """The matches that Riot was asked for since that moment in vain, and `is_missed`; the newest first.

    Only the last listed are looked at: bodies make this a large table.
    """
    rows = db.rows(
        """
        SELECT match_id, state, reason, reason_kind, looked_at, next_look_at FROM matches
        WHERE rowid > (SELECT MAX(rowid) FROM matches) - :last AND looked_at > :after
          AND state IN ('missing', 'given_up')
        ORDER BY game_id DESC
        """,
        last=LAST_LISTED,
        after=text_of(after),
    )
    return [
        Lost(row["match_id"], row["state"], row["reason"])
        for row in rows
        if is_missed(row["state"], row["reason_kind"], row["next_look_at"] is None, moment_of(row["looked_at"]), now)
    ]


def _moment(db: Database, query: str, **values: object) -> datetime | None:
    row = db.row(query, **values)
    return moment_of(row[0]) if row and row[0] else None
