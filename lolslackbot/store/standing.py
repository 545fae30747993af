"""How things stand, for `status`: how much waits and since when, what was last, and what went wrong."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from lolslackbot.clock import moment_of, text_of
from lolslackbot.store.database import Database, listed
from lolslackbot.store.reasons import is_missed

LAST_LISTED = 1000


class Unlisted(NamedTuple):
    """A tracked player whose list cannot be had, in a channel that waits for it."""

    player_id: int
    riot_id: str
    channel_id: str
    problem: str


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


def longest_unasked_since(db: Database) -> datetime | None:
    """When Riot was asked for the list that it was asked for longest ago: since it was tracked, if not since then."""
    return _moment(
        db,
        """
        SELECT MIN(CASE WHEN listed_at > since THEN listed_at ELSE since END)
        FROM players JOIN (SELECT player_id, MIN(since) AS since FROM tracks GROUP BY player_id) USING (player_id)
        """,
    )


def wanted_since(db: Database) -> datetime | None:
    """When the oldest match was listed that was not asked for yet."""
    return _moment(
        db,
        """
        SELECT MIN(listed_at) FROM matches
        WHERE next_look_at IS NOT NULL AND state = 'wanted' AND looked_at IS NULL
        """,
    )


def waiting_since(db: Database, held: Iterable[str] = ()) -> datetime | None:
    """When the oldest message that waits was made; left out are those of a channel or workspace that is `held`."""
    scopes, values = listed("scope", held)
    return _moment(
        db,
        f"""
        SELECT MIN(built_at) FROM messages
        WHERE state = 'pending'
          AND 'channel ' || channel_id NOT IN {scopes} AND 'workspace ' || workspace NOT IN {scopes}
        """,
        **values,
    )


def last_post_at(db: Database) -> datetime | None:
    """When the message that Slack accepted last was claimed; looked for from the end of each channel."""
    return _moment(
        db,
        """
        SELECT MAX((
            SELECT claimed_at FROM messages
            WHERE messages.channel_id = channels.channel_id AND claimed_at IS NOT NULL AND state = 'delivered'
            ORDER BY claimed_at DESC LIMIT 1
        ))
        FROM channels
        """,
    )


def unlisted(db: Database) -> list[Unlisted]:
    """The tracked players whose list cannot be had, by player and channel."""
    rows = db.rows(
        """
        SELECT player_id, game_name || '#' || tag_line, channel_id, problem
        FROM players JOIN tracks USING (player_id)
        WHERE problem IS NOT NULL
        ORDER BY player_id, channel_id
        """
    )
    return [Unlisted(*row) for row in rows]


def failed(db: Database, after: datetime) -> list[Unsent]:
    """The messages that failed of games that ended after that moment, in the order the games ended."""
    rows = db.rows(
        """
        SELECT match_id, channel_id, state, error FROM messages
        WHERE state = 'failed' AND ended_at > :after
        ORDER BY ended_at
        """,
        after=text_of(after),
    )
    return [Unsent(*row) for row in rows]


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
        SELECT match_id, channel_id, state, error FROM messages
        WHERE state IN ('sending', 'uncertain')
        ORDER BY ended_at
        """
    )
    return [Unsent(*row) for row in rows]


def came_to_nothing(db: Database, now: datetime, after: datetime) -> list[Lost]:
    """The matches that Riot was asked for since that moment in vain, and `is_missed`; the newest first.

    Only the last listed are looked at: bodies make this a large table.
    """
    rows = db.rows(
        """
        SELECT match_id, state, reason, looked_at, next_look_at FROM matches
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
        if is_missed(row["state"], row["reason"], row["next_look_at"] is None, moment_of(row["looked_at"]), now)
    ]


def _moment(db: Database, query: str, **values: object) -> datetime | None:
    row = db.row(query, **values)
    return moment_of(row[0]) if row and row[0] else None
