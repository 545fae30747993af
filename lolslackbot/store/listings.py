"""The lists that Riot gives of a player's matches: each id into the ledger, each problem onto the player."""

from collections.abc import Sequence
from datetime import datetime

from lolslackbot.clock import text_of
from lolslackbot.model import ProblemKind, game_id_of, platform_of
from lolslackbot.store import matches, reasons
from lolslackbot.store.database import Database


def record_page(
    db: Database,
    player_id: int,
    match_ids: Sequence[str],
    problem: str | None,
    now: datetime,
    unroutable: Sequence[str] = (),
) -> list[str]:
    """Enters a page of a player's list into the ledger; the ids that are wanted because of it.

    unroutable: ids of a platform that no host answers for; they are given up at once.
    """
    with db.transaction():
        wanted = [match_id for match_id in match_ids if _enter(db, player_id, match_id, now)]
        for match_id in unroutable:
            if _enter(db, player_id, match_id, now):
                matches.end_unasked(db, match_id, reasons.NO_HOST)
        _asked(db, player_id, problem, now, ProblemKind.ODD_MATCH_IDS if problem else None)
        return wanted


def record_problem(db: Database, player_id: int, problem: str, now: datetime, kind: ProblemKind | None = None) -> None:
    """The player's list cannot be had, and a person should know."""
    with db.transaction():
        _asked(db, player_id, problem, now, kind)


def asked_in_vain(db: Database, player_id: int, now: datetime) -> None:
    """The list did not come, by no fault of the player's: the others are asked first now."""
    with db.transaction():
        db.write(
            "UPDATE players SET listed_at = :now WHERE player_id = :player_id", player_id=player_id, now=text_of(now)
        )


def _enter(db: Database, player_id: int, match_id: str, now: datetime) -> bool:
    new = db.write_counted(
        """
        INSERT INTO matches (match_id, platform, game_id, listed_at, next_look_at)
        VALUES (:match_id, :platform, :game_id, :now, :now)
        ON CONFLICT DO NOTHING
        """,
        match_id=match_id,
        platform=platform_of(match_id),
        game_id=game_id_of(match_id),
        now=text_of(now),
    )
    listed = db.write_counted(
        "INSERT INTO listings (player_id, match_id) VALUES (:player_id, :match_id) ON CONFLICT DO NOTHING",
        player_id=player_id,
        match_id=match_id,
    )
    # Given up unasked because of another player's list: for this player it may be news.
    return bool(new) or (bool(listed) and matches.want_again(db, match_id, now))


def _asked(db: Database, player_id: int, problem: str | None, now: datetime, kind: ProblemKind | None) -> None:
    db.write(
        """
        UPDATE players
        SET listed_at = :now,
            problem = :problem,
            problem_kind = :kind,
            puuid_doubted = 0,
            problem_since = CASE
                WHEN :problem IS NULL THEN NULL
                WHEN problem = :problem THEN problem_since
                ELSE :now
            END
        WHERE player_id = :player_id
        """,
        player_id=player_id,
        problem=problem,
        kind=kind and kind.value,
        now=text_of(now),
    )
