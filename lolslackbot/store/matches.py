"""The ledger of matches and its transitions: wanted -> stored, missing or given up."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from lolslackbot.clock import moment_of, text_of
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import players
from lolslackbot.store.database import Database, Row, in_clause
from lolslackbot.store.reasons import UNTRACKED, Reason, ReasonKind

logger = logging.getLogger(__name__)

LOOKS = 3  # at a match that answers 404; then it is over, unless its host gives no match at all
_WAITS_FOR_HOST = f"state = 'missing' AND not_found_count >= {LOOKS}"  # of those with a next look


def to_look_at(db: Database, now: datetime, share: Share = WHOLE) -> list[str]:
    """A share's matches whose body is due to be asked for: those that failed least first, then the newest first,
    platforms taking turns. Those of `to_probe` are left out.

    Numbers of two platforms say nothing about each other, so the newest of each come first.
    """
    rows = db.rows(
        f"""
        SELECT match_id FROM (
            SELECT match_id, failures,
                   ROW_NUMBER() OVER (PARTITION BY platform, failures ORDER BY game_id DESC) AS turn
            FROM matches
            WHERE next_look_at <= :now AND NOT ({_WAITS_FOR_HOST}) AND game_id % :shares = :share
        ) AS due
        ORDER BY failures, turn, match_id
        """,
        now=text_of(now),
        **share.values(),
    )
    return [row["match_id"] for row in rows]


class Waiting(NamedTuple):
    """A match that answered 404 as often as is usual, while its host gave no other one."""

    match_id: str
    platform: str
    missing_since: datetime


def to_probe(db: Database, now: datetime) -> list[Waiting]:
    """The matches whose host gave no match since their first 404, the longest unasked first.

    One of them is asked for to see whether the host is well, all once it is.
    """
    return _waiting(db, "next_look_at <= :now", now=text_of(now))


def waiting_for_host(db: Database) -> list[Waiting]:
    """Those of `to_probe`, due or not."""
    return _waiting(db, "next_look_at IS NOT NULL")


def _waiting(db: Database, which: str, **values: str) -> list[Waiting]:
    rows = db.rows(
        f"""
        SELECT match_id, platform, missing_since FROM matches
        WHERE {which} AND {_WAITS_FOR_HOST}
        ORDER BY looked_at, game_id DESC
        """,
        **values,
    )
    return [Waiting(row["match_id"], row["platform"], moment_of(row["missing_since"])) for row in rows]


def missing_since(db: Database, match_id: str) -> datetime | None:
    """When Riot first answered 404 for a match, None if it did not."""
    row = db.row("SELECT missing_since FROM matches WHERE match_id = :match_id", match_id=match_id)
    return moment_of(row["missing_since"]) if row and row["missing_since"] else None


def stop_waiting(db: Database, listed_before: datetime, reason: Reason) -> int:
    """Gives up those of `to_probe` that were listed before that moment; how many."""
    due = f"{_WAITS_FOR_HOST} AND next_look_at IS NOT NULL AND listed_at < :listed_before"
    if not db.row(f"SELECT 1 FROM matches WHERE {due} LIMIT 1", listed_before=text_of(listed_before)):
        return 0
    with db.transaction():
        given_up = db.change(
            f"""
            UPDATE matches SET state = 'given_up', reason = :reason, reason_kind = :reason_kind, next_look_at = NULL
            WHERE {due}
            RETURNING match_id
            """,
            **reason.columns(),
            listed_before=text_of(listed_before),
        )
    _tell_given_up(given_up, reason)
    return len(given_up)


def tracked_in_list(db: Database, match_id: str) -> set[int]:
    """The tracked players whose list a match stands in."""
    rows = db.rows(
        "SELECT DISTINCT player_id FROM listings JOIN tracks USING (player_id) WHERE match_id = :match_id",
        match_id=match_id,
    )
    return {row["player_id"] for row in rows}


class RetryState(NamedTuple):
    """How a match's calls went so far. failures: server faults in a row."""

    not_found_count: int
    failures: int
    listed_at: datetime


def retry_state(db: Database, match_id: str, now: datetime) -> RetryState | None:
    """How its calls went so far; None if it is not due (any more)."""
    row = db.row(
        "SELECT not_found_count, failures, listed_at FROM matches WHERE match_id = :match_id AND next_look_at <= :now",
        match_id=match_id,
        now=text_of(now),
    )
    return RetryState(row["not_found_count"], row["failures"], moment_of(row["listed_at"])) if row else None


def mark_missing(db: Database, match_id: str, now: datetime, next_look_at: datetime | None) -> None:
    """wanted, missing -> missing: Riot answered 404. next_look_at None: it is not looked for again."""
    with db.transaction():
        db.write(
            """
            UPDATE matches
            SET state = 'missing', reason = '404', reason_kind = NULL,
                not_found_count = not_found_count + 1, failures = 0, looked_at = :now,
                next_look_at = :next_look_at, missing_since = COALESCE(missing_since, :now)
            WHERE match_id = :match_id AND state IN ('wanted', 'missing')
            """,
            match_id=match_id,
            now=text_of(now),
            next_look_at=next_look_at and text_of(next_look_at),
        )


def put_off(db: Database, match_id: str, reason: str, now: datetime, next_look_at: datetime) -> None:
    """Stays wanted (or missing): the servers' fault, looked at again later."""
    with db.transaction():
        db.write(
            """
            UPDATE matches
            SET reason = :reason, reason_kind = NULL, failures = failures + 1,
                looked_at = :now, next_look_at = :next_look_at
            WHERE match_id = :match_id AND state IN ('wanted', 'missing')
            """,
            match_id=match_id,
            reason=reason,
            now=text_of(now),
            next_look_at=text_of(next_look_at),
        )


def give_up(db: Database, match_id: str, reason: Reason, now: datetime, ended_at: datetime | None = None) -> None:
    """wanted, missing -> given_up: it will not be announced, and why."""
    with db.transaction():
        db.write(
            """
            UPDATE matches
            SET state = 'given_up', reason = :reason, reason_kind = :reason_kind,
                looked_at = :now, next_look_at = NULL, ended_at = :ended_at
            WHERE match_id = :match_id AND state IN ('wanted', 'missing')
            """,
            match_id=match_id,
            **reason.columns(),
            now=text_of(now),
            ended_at=ended_at and text_of(ended_at),
        )
        if ended_at:
            players.record_last_game(db, match_id, ended_at)


def end_unasked(db: Database, match_id: str, reason: Reason) -> None:
    """wanted -> given_up, without a look. Inside a transaction."""
    db.write(
        """
        UPDATE matches SET state = 'given_up', reason = :reason, reason_kind = :reason_kind, next_look_at = NULL
        WHERE match_id = :match_id
        """,
        match_id=match_id,
        **reason.columns(),
    )


def give_up_older(db: Database, match_id: str, reason: Reason, oldest: datetime | None) -> int:
    """Gives up, unasked, the older ids of the lists this match came from; how many.

    A player plays one game after the other, so what is older in one list ended earlier. Ids that stand in the list
    of somebody tracked since before `oldest` as well are kept: for them it may be news. None: kept for nobody.
    """
    with db.transaction():
        older = db.change(
            """
            UPDATE matches
            SET state = 'given_up', reason = :reason, reason_kind = :reason_kind, next_look_at = NULL
            WHERE state = 'wanted' AND looked_at IS NULL
              AND platform = (SELECT platform FROM matches WHERE match_id = :match_id)
              AND game_id < (SELECT game_id FROM matches WHERE match_id = :match_id)
              AND match_id IN (
                  SELECT older.match_id
                  FROM listings JOIN listings AS older USING (player_id)
                  WHERE listings.match_id = :match_id
              )
              AND NOT EXISTS (
                  SELECT 1 FROM listings JOIN tracks USING (player_id)
                  WHERE listings.match_id = matches.match_id AND tracks.since < :oldest
              )
            RETURNING match_id
            """,
            match_id=match_id,
            **reason.columns(),
            oldest=oldest and text_of(oldest),
        )
    _tell_given_up(older, reason)
    return len(older)


def give_up_untracked(db: Database) -> None:
    """Gives up the wanted ids that stand in the list of no tracked player any more. Inside a transaction."""
    given_up = db.change(
        """
        UPDATE matches
        SET state = 'given_up', reason = :reason, reason_kind = :reason_kind, next_look_at = NULL
        WHERE next_look_at IS NOT NULL
          AND NOT EXISTS (
              SELECT 1 FROM listings JOIN tracks USING (player_id) WHERE listings.match_id = matches.match_id
          )
        RETURNING match_id
        """,
        **UNTRACKED.columns(),
    )
    _tell_given_up(given_up, UNTRACKED)


def _tell_given_up(rows: Sequence[Row], reason: Reason) -> None:
    for row in rows:
        logger.debug("%s is given up: %s", row["match_id"], reason)


def want_again(db: Database, match_id: str, now: datetime) -> bool:
    """given_up unasked, or since nobody in it was tracked, -> wanted; whether it was so. Inside a transaction."""
    return (
        db.write_counted(
            """
            UPDATE matches SET state = 'wanted', reason = NULL, reason_kind = NULL, next_look_at = :now
            WHERE match_id = :match_id AND state = 'given_up' AND (looked_at IS NULL OR reason_kind = :untracked)
            """,
            match_id=match_id,
            now=text_of(now),
            untracked=ReasonKind.UNTRACKED,
        )
        > 0
    )


def state_of(db: Database, match_id: str) -> str | None:
    """The state of a match, None if it was never listed."""
    row = db.row("SELECT state FROM matches WHERE match_id = :match_id", match_id=match_id)
    return row["state"] if row else None


def missing(db: Database) -> list[str]:
    """The matches that Riot answered 404 for."""
    return [
        row["match_id"] for row in db.rows("SELECT match_id FROM matches WHERE state = 'missing' ORDER BY match_id")
    ]


def retry(db: Database, match_id: str, now: datetime) -> None:
    """missing, given_up -> wanted, as if it were listed now, since a person says so. Inside a transaction."""
    db.write(
        """
        UPDATE matches
        SET state = 'wanted', reason = NULL, reason_kind = NULL,
            not_found_count = 0, failures = 0, listed_at = :now, next_look_at = :now,
            missing_since = NULL
        WHERE match_id = :match_id AND state IN ('missing', 'given_up')
        """,
        match_id=match_id,
        now=text_of(now),
    )


def to_build(db: Database) -> list[str]:
    """The stored matches without messages yet, in the order the games ended."""
    rows = db.rows(
        "SELECT match_id FROM matches WHERE state = 'stored' AND built_at IS NULL ORDER BY ended_at, match_id"
    )
    return [row["match_id"] for row in rows]


def prune(db: Database, before: datetime, most: int) -> int:
    """Forgets the bodies and numbers of up to `most` built matches that ended before; how many.

    Those of which a message still waits are kept. The row stays, with its state and `built_at`: nothing can make the
    match new again. Inside a transaction.
    """
    forgotten = db.change(
        """
        UPDATE matches SET body = NULL
        WHERE match_id IN (
            SELECT match_id FROM matches
            WHERE body IS NOT NULL AND ended_at < :before AND state = 'stored' AND built_at IS NOT NULL
              AND NOT EXISTS (
                  SELECT 1 FROM messages
                  WHERE messages.match_id = matches.match_id AND messages.state IN ('pending', 'sending', 'uncertain')
              )
            LIMIT :most
        )
        RETURNING match_id
        """,
        before=text_of(before),
        most=most,
    )
    if not forgotten:
        return 0
    within, ids = in_clause("match", (row["match_id"] for row in forgotten))
    db.write(f"DELETE FROM participants WHERE match_id IN {within}", **ids)
    db.write(f"DELETE FROM unwanted WHERE match_id IN {within}", **ids)
    return len(forgotten)
