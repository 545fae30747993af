"""Readings of league-v4, the games whose worth is still looked for, and what readings and games prove together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lolslackbot.clock import moment_of, text_of
from lolslackbot.game import Match
from lolslackbot.model import Player
from lolslackbot.rank import NAMES, QUEUES, Climb, History, RankedGame, Reading, Standing, Worth, climb, worths
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import players
from lolslackbot.store.database import Database, Row

A_TICK = timedelta(seconds=150)  # a little less: by then there was a further one, or will be none
KEPT_IN_MIND = timedelta(days=14)  # of readings and games, for what a game was worth


@dataclass(frozen=True, slots=True)
class WantedRank:
    """A game after which a player's rank is looked for."""

    match_id: str
    player: Player
    queue: str
    looks: int

    @classmethod
    def from_row(cls, row: Row, player: Player) -> "WantedRank":
        return cls(row["match_id"], player, QUEUES[row["queue_id"]], row["looks"])


def record(db: Database, player_id: int, asked_at: datetime, standings: Mapping[str, Standing | None]) -> None:
    """One answer: a reading for each queue. Inside a transaction."""
    record_asked(db, player_id, asked_at)
    for queue, standing in standings.items():
        db.write(
            """
            INSERT INTO rank_readings (player_id, queue, asked_at, tier, division, lp, wins, losses)
            VALUES (:player_id, :queue, :asked_at, :tier, :division, :lp, :wins, :losses)
            ON CONFLICT DO NOTHING
            """,
            player_id=player_id,
            queue=queue,
            asked_at=text_of(asked_at),
            tier=standing and standing.tier,
            division=standing and standing.division,
            lp=standing and standing.lp,
            wins=standing and standing.wins,
            losses=standing and standing.losses,
        )


def has_played(db: Database, player_id: int, standings: Mapping[str, Standing | None]) -> bool:
    """Whether more games are counted in any queue than when it was read last."""
    before = latest(db, player_id)
    return any(
        standing and (reading := before.get(queue)) and reading.standing and standing.games > reading.standing.games
        for queue, standing in standings.items()
    )


def record_asked(db: Database, player_id: int, now: datetime) -> None:
    """When league-v4 was last asked, whatever it answered. Inside a transaction."""
    db.write(
        "UPDATE players SET rank_asked_at = :now WHERE player_id = :player_id", player_id=player_id, now=text_of(now)
    )


def want(db: Database, match: Match) -> None:
    """The rank of each player in a stored match is looked for, where a channel wants it and there is one to compare.

    Inside a transaction.
    """
    if match.queue_id not in QUEUES or not match.outcome.is_decided:
        return
    db.write(
        """
        INSERT INTO rank_wanted (player_id, match_id, waits)
        SELECT DISTINCT player_id, match_id, CASE WHEN EXISTS (
            SELECT 1 FROM rank_readings
            WHERE rank_readings.player_id = participants.player_id AND queue = :queue AND tier IS NOT NULL
        ) THEN 1 ELSE 0 END
        FROM participants JOIN tracks USING (player_id) JOIN channels USING (channel_id)
        WHERE match_id = :match_id AND channels.ranks = 1
          AND EXISTS (SELECT 1 FROM rank_readings WHERE rank_readings.player_id = participants.player_id)
        """,
        match_id=match.match_id,
        queue=QUEUES[match.queue_id],
    )


def due(db: Database, share: Share = WHOLE) -> dict[int, list[WantedRank]]:
    """What is to be looked for, by player of a share, what was looked for least first."""
    rows = db.rows(
        """
        SELECT rank_wanted.*, queue_id FROM rank_wanted JOIN matches USING (match_id)
        WHERE found = 0 AND player_id % :shares = :share ORDER BY looks, matches.looked_at, player_id
        """,
        **share.values(),
    )
    known = {each.player_id: each for each in players.with_ids(db, {row["player_id"] for row in rows})}
    wanted: dict[int, list[WantedRank]] = {}
    for row in rows:
        wanted.setdefault(row["player_id"], []).append(WantedRank.from_row(row, known[row["player_id"]]))
    return wanted


def awaited(db: Database, now: datetime) -> set[str]:
    """The matches whose messages wait for a rank: until the tick after the one that stored them."""
    rows = db.rows(
        """
        SELECT DISTINCT match_id FROM rank_wanted JOIN matches USING (match_id)
        WHERE waits = 1 AND found = 0 AND state = 'stored' AND built_at IS NULL AND looked_at >= :stored_after
          AND looked_at >= COALESCE(
              (SELECT began_at FROM runs WHERE stage = 'fetch-matches' ORDER BY run_id DESC LIMIT 1), ''
          )
        """,
        stored_after=text_of(now - A_TICK),
    )
    return {row["match_id"] for row in rows}


def still_wanted(db: Database, match_id: str) -> int:
    """Of how many players the rank is still looked for after a match."""
    row = db.row("SELECT COUNT(*) FROM rank_wanted WHERE match_id = :match_id AND found = 0", match_id=match_id)
    assert row
    number: int = row[0]
    return number


def look_again(db: Database, wanted: WantedRank) -> None:
    """Not there yet. Inside a transaction."""
    db.write(
        "UPDATE rank_wanted SET looks = looks + 1 WHERE player_id = :player_id AND match_id = :match_id",
        player_id=wanted.player.player_id,
        match_id=wanted.match_id,
    )


def stop_old(db: Database, before: datetime) -> None:
    """What was stored before is looked for no more. One commit, if there is any."""
    stored_at = "(SELECT looked_at FROM matches WHERE matches.match_id = rank_wanted.match_id)"
    old = f"found = 0 AND {stored_at} < :before"
    if db.row(f"SELECT 1 FROM rank_wanted WHERE {old} LIMIT 1", before=text_of(before)):
        with db.transaction():
            db.write(f"DELETE FROM rank_wanted WHERE {old}", before=text_of(before))


def stop(db: Database, wanted: WantedRank) -> None:
    """Looked for often enough. Inside a transaction."""
    db.write(
        "DELETE FROM rank_wanted WHERE player_id = :player_id AND match_id = :match_id",
        player_id=wanted.player.player_id,
        match_id=wanted.match_id,
    )


def mark_found(db: Database, wanted: WantedRank) -> None:
    """It is known; messages that were built without are to be amended. Inside a transaction."""
    db.write(
        """
        UPDATE rank_wanted SET found = 1
        WHERE player_id = :player_id AND match_id = :match_id
          AND (SELECT built_at FROM matches WHERE matches.match_id = rank_wanted.match_id) IS NOT NULL
        """,
        player_id=wanted.player.player_id,
        match_id=wanted.match_id,
    )
    db.write(
        "DELETE FROM rank_wanted WHERE player_id = :player_id AND match_id = :match_id AND found = 0",
        player_id=wanted.player.player_id,
        match_id=wanted.match_id,
    )


def to_amend(db: Database) -> list[str]:
    """The matches whose messages were built without a rank that is known now."""
    return [row["match_id"] for row in db.rows("SELECT DISTINCT match_id FROM rank_wanted WHERE found = 1")]


def amended(db: Database, match_id: str) -> None:
    """All that was known is in its messages. Inside a transaction."""
    db.write("DELETE FROM rank_wanted WHERE match_id = :match_id AND found = 1", match_id=match_id)


def not_asked_since(db: Database, moment: datetime, most: int, share: Share = WHOLE) -> list[Player]:
    """A share's tracked players whose rank a channel wants and was not asked for since then.

    Of more than `most`, the longest unasked.
    """
    rows = db.rows(
        """
        SELECT player_id FROM players
        WHERE (rank_asked_at IS NULL OR rank_asked_at < :moment) AND problem_kind IS NULL
          AND player_id % :shares = :share
          AND EXISTS (
              SELECT 1 FROM tracks JOIN channels USING (channel_id)
              WHERE tracks.player_id = players.player_id AND channels.ranks = 1
          )
        ORDER BY rank_asked_at IS NOT NULL, rank_asked_at, player_id LIMIT :most
        """,
        moment=text_of(moment),
        most=most,
        **share.values(),
    )
    return players.with_ids(db, [row["player_id"] for row in rows])


def worth_of(db: Database, player_id: int, match_id: str, queue: str) -> Worth | None:
    """What a game was worth for a player, as far as it is proved by now.

    Nothing is proved before the game stands in the player's own list, which has all that ended before it.
    """
    row = db.row(
        """
        SELECT ended_at FROM listings JOIN matches USING (match_id)
        WHERE player_id = :player_id AND match_id = :match_id AND ended_at IS NOT NULL
        """,
        player_id=player_id,
        match_id=match_id,
    )
    if row is None:
        return None
    since = moment_of(row["ended_at"]) - KEPT_IN_MIND
    return worths(_history(db, player_id, queue, since)).get(match_id)


def climbs(
    db: Database, wanted: Mapping[int, Sequence[str]], moments: Sequence[datetime]
) -> dict[int, tuple[str, Climb]]:
    """Each player's way on the ladder from the first of the moments to the last, where it is proved.

    wanted: each player's queues; the way is that in the first one in which it is proved.
    """
    since, until = moments[0] - KEPT_IN_MIND, moments[-1] + KEPT_IN_MIND
    known = _games_between(db, since, until)
    found = {}
    for player_id, queues in wanted.items():
        for queue in queues:
            readings = [each for each in _readings(db, player_id, queue, since) if each.asked_at < until]
            if way := climb(_history_of(known.get(player_id, []), readings, queue), moments):
                found[player_id] = queue, way
                break
    return found


def latest(db: Database, player_id: int) -> dict[str, Reading]:
    """The newest reading of each queue in which a player has a rank."""
    rows = db.rows(
        """
        SELECT rank_readings.* FROM rank_readings JOIN (
            SELECT queue, MAX(asked_at) AS asked_at FROM rank_readings WHERE player_id = :player_id GROUP BY queue
        ) AS newest USING (queue, asked_at)
        WHERE player_id = :player_id AND tier IS NOT NULL
        """,
        player_id=player_id,
    )
    found = {row["queue"]: Reading(moment_of(row["asked_at"]), _standing(row)) for row in rows}
    return {queue: found[queue] for queue in NAMES if queue in found}


def _readings(db: Database, player_id: int, queue: str, since: datetime) -> list[Reading]:
    rows = db.rows(
        """
        SELECT * FROM rank_readings
        WHERE player_id = :player_id AND queue = :queue AND asked_at > :since ORDER BY asked_at
        """,
        player_id=player_id,
        queue=queue,
        since=text_of(since),
    )
    return [Reading(moment_of(row["asked_at"]), _standing(row)) for row in rows]


def _standing(row: Row) -> Standing | None:
    if row["tier"] is None:
        return None
    return Standing(row["tier"], row["division"], row["lp"], row["wins"], row["losses"])


def _games_between(db: Database, since: datetime, until: datetime) -> dict[int, list[Row]]:
    """Every player's games of that time, as `_history` has them, the oldest first."""
    games: dict[int, dict[str, Row]] = {}
    for query in _GAMES:
        for row in db.rows(query, since=text_of(since), until=text_of(until)):
            games.setdefault(row["player_id"], {}).setdefault(row["match_id"], row)
    return {
        player_id: sorted(rows.values(), key=lambda row: (row["moment"], row["game_id"]))
        for player_id, rows in games.items()
    }


# Those with a result first; then those of which only a list tells, ended or not.
_GAMES = (
    """
    SELECT player_id, matches.match_id, game_id, queue_id, outcome, win, ended_at AS moment
    FROM matches CROSS JOIN participants
    WHERE participants.match_id = matches.match_id AND ended_at > :since AND ended_at < :until
    """,
    """
    SELECT player_id, matches.match_id, game_id, queue_id, outcome, NULL AS win, ended_at AS moment
    FROM matches CROSS JOIN listings
    WHERE listings.match_id = matches.match_id AND ended_at > :since AND ended_at < :until
    """,
    """
    SELECT player_id, matches.match_id, game_id, queue_id, outcome, NULL AS win, listed_at AS moment
    FROM matches CROSS JOIN listings
    WHERE listings.match_id = matches.match_id AND ended_at IS NULL AND listed_at > :since AND listed_at < :until
    """,
)


def _history(db: Database, player_id: int, queue: str, since: datetime) -> History:
    """What is known of a player in a queue since then."""
    rows = db.rows(
        """
        SELECT matches.match_id, queue_id, outcome, win, COALESCE(ended_at, listed_at) AS moment
        FROM (
            SELECT match_id FROM listings WHERE player_id = :player_id
            UNION
            SELECT match_id FROM participants WHERE player_id = :player_id
        ) AS own JOIN matches USING (match_id)
        LEFT JOIN participants ON participants.match_id = matches.match_id AND participants.player_id = :player_id
        WHERE COALESCE(ended_at, listed_at) > :since
        ORDER BY moment, game_id
        """,
        player_id=player_id,
        since=text_of(since),
    )
    return _history_of(rows, _readings(db, player_id, queue, since), queue)


def _history_of(rows: Iterable[Row], readings: Sequence[Reading], queue: str) -> History:
    """rows: a player's games, in whatever queue, the oldest first."""
    games, ends, unknown = [], [], []
    for row in rows:
        moment = moment_of(row["moment"])
        ends.append(moment)
        if row["win"] is None:
            unknown.append(moment)
        elif QUEUES.get(row["queue_id"]) == queue and row["outcome"] in ("decided", "surrendered"):
            games.append(RankedGame(row["match_id"], moment, bool(row["win"])))
    return History(readings, games, ends, unknown)


def forget_future(db: Database, now: datetime) -> None:
    """Drops readings of a clock that was ahead: which games they follow is not known. One commit, if there are any."""
    ahead = "asked_at > :now"
    if db.row(f"SELECT 1 FROM rank_readings WHERE {ahead} LIMIT 1", now=text_of(now)):
        with db.transaction():
            db.write(f"DELETE FROM rank_readings WHERE {ahead}", now=text_of(now))


def prune(db: Database, before: datetime) -> int:
    """Forgets old readings, but for the last of each day; how many. Inside a transaction."""
    return db.write_counted(
        """
        DELETE FROM rank_readings
        WHERE asked_at < :before AND EXISTS (
            SELECT 1 FROM rank_readings AS later
            WHERE later.player_id = rank_readings.player_id AND later.queue = rank_readings.queue
              AND later.asked_at > rank_readings.asked_at
              AND substr(later.asked_at, 1, 10) = substr(rank_readings.asked_at, 1, 10)
        )
        """,
        before=text_of(before),
    )
