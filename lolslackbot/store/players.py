"""Players, and the channels that track them."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lolslackbot.clock import moment_of, text_of
from lolslackbot.errors import ConfigError
from lolslackbot.model import Player, ProblemKind, RiotId
from lolslackbot.poll import Habits, Polled
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store import channels
from lolslackbot.store.database import Database, Row, in_clause, not_in

logger = logging.getLogger(__name__)


class OtherWorkspace(ConfigError):
    """A channel was to be tracked into as if it belonged to another workspace than it does."""


class Moved(OtherWorkspace):
    """A channel was named by an id that it no longer has."""


@dataclass(frozen=True, slots=True)
class Track:
    """A player's games are announced in a channel, those that ended after `since`."""

    player: Player
    channel_id: str
    workspace: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Rename:
    """A player's change of name."""

    player_id: int
    renamed_at: datetime
    old: RiotId
    new: RiotId

    @classmethod
    def from_row(cls, row: Row) -> "Rename":
        return cls(
            player_id=row["player_id"],
            renamed_at=moment_of(row["renamed_at"]),
            old=RiotId(row["old_game_name"], row["old_tag_line"]),
            new=RiotId(row["new_game_name"], row["new_tag_line"]),
        )


def tracks(db: Database) -> list[Track]:
    """Every track, by player and channel."""
    rows = db.rows(
        """
        SELECT * FROM players JOIN tracks USING (player_id) JOIN channels USING (channel_id)
        ORDER BY player_id, channel_id
        """
    )
    return [Track(_player(row), row["channel_id"], row["workspace"], moment_of(row["since"])) for row in rows]


def poll_order(db: Database, share: Share = WHOLE) -> list[Player]:
    """The tracked players of a share, the longest unasked first."""
    rows = db.rows(
        """
        SELECT * FROM players
        WHERE EXISTS (SELECT 1 FROM tracks WHERE tracks.player_id = players.player_id) AND player_id % :shares = :share
        ORDER BY listed_at IS NOT NULL, listed_at, player_id
        """,
        **share.values(),
    )
    return [_player(row) for row in rows]


def tracked_ids(db: Database) -> set[int]:
    """The players whom any channel tracks."""
    return {row["player_id"] for row in db.rows("SELECT DISTINCT player_id FROM tracks")}


def listed_at(db: Database, player_id: int) -> datetime | None:
    """When Riot was last asked for that player's list."""
    row = db.row("SELECT listed_at FROM players WHERE player_id = :player_id", player_id=player_id)
    return moment_of(row["listed_at"]) if row and row["listed_at"] else None


def with_riot_id(db: Database, riot_id: RiotId) -> Player | None:
    """The player of that name, upper and lower case alike; a tracked one, or the last to be named so, first."""
    rows = db.rows(
        """
        SELECT *, EXISTS (SELECT 1 FROM tracks WHERE tracks.player_id = players.player_id) AS tracked
        FROM players
        ORDER BY tracked DESC, named_at DESC
        """
    )
    return next((player for player in map(_player, rows) if player.riot_id.folded == riot_id.folded), None)


def formerly(db: Database, riot_id: RiotId) -> Player | None:
    """The player who had that name before, upper and lower case alike."""
    for each in renames(db):
        if each.old.folded == riot_id.folded:
            row = db.row("SELECT * FROM players WHERE player_id = :player_id", player_id=each.player_id)
            return _player(row) if row else None
    return None


def renames(db: Database, player_id: int | None = None) -> list[Rename]:
    """The changes of name of one player, or (None) of all, the newest first."""
    rows = db.rows(
        """
        SELECT * FROM renames WHERE :player_id IS NULL OR player_id = :player_id ORDER BY rename_id DESC
        """,
        player_id=player_id,
    )
    return [Rename.from_row(row) for row in rows]


def with_puuids(db: Database, puuids: Iterable[str]) -> dict[str, Player]:
    """Those of the players that we know, by puuid."""
    names, values = in_clause("puuid", puuids)
    rows = db.rows(f"SELECT * FROM players WHERE puuid IN {names}", **values)
    return {row["puuid"]: _player(row) for row in rows}


def tracked_since(db: Database, player_ids: Iterable[int]) -> datetime | None:
    """Since when the first of these players is tracked anywhere; None if none of them is."""
    rows = [
        db.row("SELECT MIN(since) AS since FROM tracks WHERE player_id = :player_id", player_id=player_id)
        for player_id in player_ids
    ]
    return min((moment_of(row["since"]) for row in rows if row and row["since"]), default=None)


def track(
    db: Database,
    puuid: str,
    riot_id: RiotId,
    platform: str,
    channel_id: str,
    workspace: str,
    now: datetime,
    tracked_by: str | None = None,
) -> bool:
    """Announces that player's games in that channel from `now` on; False if it was so already.

    tracked_by: Slack's id of who asked for it in the channel; None: the operator.

    Raises OtherWorkspace when the channel belongs to another workspace.
    """
    with db.transaction():
        _add_channel(db, channel_id, workspace)
        for known in with_puuids(db, [puuid]).values():
            _record_name(db, known, riot_id, now)
        db.write(
            """
            INSERT INTO players (puuid, game_name, tag_line, named_at, platform)
            VALUES (:puuid, :game_name, :tag_line, :now, :platform)
            ON CONFLICT (puuid) DO UPDATE
            SET game_name = excluded.game_name, tag_line = excluded.tag_line,
                named_at = excluded.named_at, platform = excluded.platform, region = NULL
            """,
            puuid=puuid,
            game_name=riot_id.game_name,
            tag_line=riot_id.tag_line,
            now=text_of(now),
            platform=platform,
        )
        return (
            db.write_counted(
                """
                INSERT INTO tracks (player_id, channel_id, since, tracked_by)
                SELECT player_id, :channel_id, :now, :tracked_by FROM players WHERE puuid = :puuid
                ON CONFLICT DO NOTHING
                """,
                channel_id=channel_id,
                now=text_of(now),
                puuid=puuid,
                tracked_by=tracked_by,
            )
            > 0
        )


def _add_channel(db: Database, channel_id: str, workspace: str) -> None:
    channels.ensure(db, channel_id, workspace)
    row = db.row("SELECT workspace, moved_to FROM channels WHERE channel_id = :channel_id", channel_id=channel_id)
    assert row
    if row["moved_to"]:
        raise Moved(f"channel {channel_id} has moved: its id is {row['moved_to']} now")
    if row["workspace"].lower() != workspace.lower() and not channels.assign(db, channel_id, workspace):
        raise OtherWorkspace(f"channel {channel_id} belongs to workspace {row['workspace']}, not to {workspace}")


def knows_channel(db: Database, channel_id: str) -> bool:
    """Whether that channel was ever named in a track."""
    return db.row("SELECT 1 FROM channels WHERE channel_id = :channel_id", channel_id=channel_id) is not None


def untrack(db: Database, player_id: int, channel_id: str) -> None:
    """Forgets a track; the player and the history stay. Inside a transaction."""
    db.write(
        "DELETE FROM tracks WHERE player_id = :player_id AND channel_id = :channel_id",
        player_id=player_id,
        channel_id=channel_id,
    )


def replace_puuid(db: Database, player_id: int, puuid: str) -> None:
    """The same player under another key. Identity, tracks and history stay."""
    with db.transaction():
        db.write(
            """
            UPDATE players
            SET puuid = :puuid, problem = NULL, problem_since = NULL, problem_kind = NULL, puuid_doubted = 0
            WHERE player_id = :player_id
            """,
            player_id=player_id,
            puuid=puuid,
        )


def doubt_puuids(db: Database, good: Iterable[int] = ()) -> None:
    """One puuid belongs to another key, so all may: each tracked player's list is asked for before any match.

    A list, a known problem or a new puuid ends the doubt. good: players whose puuid is beyond it.
    """
    others, values = not_in("player_id", "good", good)
    with db.transaction():
        db.write(
            f"""
            UPDATE players SET puuid_doubted = 1
            WHERE {others}
              AND EXISTS (SELECT 1 FROM tracks WHERE tracks.player_id = players.player_id)
            """,
            **values,
        )


def doubted(db: Database, asked_before: datetime | None = None) -> list[Player]:
    """The tracked players whose puuid may belong to another key; of those only whose list was not asked for since."""
    rows = db.rows(
        """
        SELECT * FROM players
        WHERE puuid_doubted = 1 AND EXISTS (SELECT 1 FROM tracks WHERE tracks.player_id = players.player_id)
          AND (:before IS NULL OR listed_at IS NULL OR listed_at < :before)
        ORDER BY player_id
        """,
        before=asked_before and text_of(asked_before),
    )
    return [_player(row) for row in rows]


def resolved(db: Database, player_id: int, now: datetime) -> None:
    """account-v1 was asked for the puuid again."""
    with db.transaction():
        db.write(
            "UPDATE players SET resolved_at = :now WHERE player_id = :player_id", player_id=player_id, now=text_of(now)
        )


def record_last_game(db: Database, match_id: str, ended_at: datetime) -> None:
    """The end of a match became known, for each player whom it was listed for or who is in it. Inside a transaction."""
    rows = db.rows(
        """
        SELECT player_id, habits, last_game_at FROM players
        WHERE player_id IN (
            SELECT player_id FROM listings WHERE match_id = :match_id
            UNION
            SELECT player_id FROM participants WHERE match_id = :match_id
        )
        """,
        match_id=match_id,
    )
    for row in rows:
        db.write(
            "UPDATE players SET last_game_at = :last_game_at, habits = :habits WHERE player_id = :player_id",
            player_id=row["player_id"],
            last_game_at=max(text_of(ended_at), row["last_game_at"] or ""),
            habits=_text_of_habits(_habits(row["habits"]).after(ended_at)),
        )


def _habits(text: str | None) -> Habits:
    if text is None:
        return Habits()
    found = json.loads(text)
    return Habits(tuple(found["hours"]), moment_of(found["as_of"]))


def _text_of_habits(habits: Habits) -> str:
    assert habits.as_of
    return json.dumps({"as_of": text_of(habits.as_of), "hours": [round(count, 3) for count in habits.hours]})


def expect_game(db: Database, player_id: int, now: datetime) -> None:
    """Another answer of Riot's said that a game was played: the list is asked for next. Inside a transaction."""
    db.write(
        "UPDATE players SET expected_at = :now WHERE player_id = :player_id", player_id=player_id, now=text_of(now)
    )


def polled(db: Database, share: Share = WHOLE) -> list[Polled]:
    """What tells whose list is asked next, of a share's tracked players, the longest unasked first."""
    rows = db.rows(
        """
        SELECT player_id, listed_at, last_game_at, habits, expected_at FROM players
        WHERE EXISTS (SELECT 1 FROM tracks WHERE tracks.player_id = players.player_id) AND player_id % :shares = :share
        ORDER BY listed_at IS NOT NULL, listed_at, player_id
        """,
        **share.values(),
    )
    return [
        Polled(
            player_id=row["player_id"],
            asked_at=_moment(row["listed_at"]),
            last_game_at=_moment(row["last_game_at"]),
            habits=_habits(row["habits"]),
            is_expected=row["expected_at"] is not None and row["expected_at"] >= (row["listed_at"] or ""),
        )
        for row in rows
    ]


def silent(
    db: Database, quiet_since: datetime, asked_before: datetime, most: int, share: Share = WHOLE
) -> list[Player]:
    """A share's tracked players without a game since `quiet_since`, though tracked since then, whose region was last
    asked for before `asked_before`; the longest unasked first.
    """
    rows = db.rows(
        """
        SELECT * FROM players
        WHERE problem IS NULL AND player_id % :shares = :share
          AND (last_game_at IS NULL OR last_game_at <= :quiet_since)
          AND (region_asked_at IS NULL OR region_asked_at <= :asked_before)
          AND (SELECT MIN(since) FROM tracks WHERE tracks.player_id = players.player_id) <= :quiet_since
        ORDER BY region_asked_at IS NOT NULL, region_asked_at, player_id
        LIMIT :most
        """,
        quiet_since=text_of(quiet_since),
        asked_before=text_of(asked_before),
        most=most,
        **share.values(),
    )
    return [_player(row) for row in rows]


def record_region(db: Database, player_id: int, region: str | None, now: datetime) -> None:
    """Where Riot says that a player plays, kept where that is not the player's platform; None: it did not say."""
    with db.transaction():
        db.write(
            """
            UPDATE players SET region_asked_at = :now, region = CASE
                WHEN :region IS NULL THEN region
                WHEN :region = platform THEN NULL
                ELSE :region
            END
            WHERE player_id = :player_id
            """,
            player_id=player_id,
            region=region,
            now=text_of(now),
        )


def with_ids(db: Database, player_ids: Iterable[int]) -> list[Player]:
    """The players of those ids."""
    names, values = in_clause("player_id", player_ids)
    return [
        _player(row)
        for row in db.rows(f"SELECT * FROM players WHERE player_id IN {names} ORDER BY player_id", **values)
    ]


def newest_game_of_others(db: Database, player_id: int) -> datetime | None:
    """The end of the newest game known of any other tracked player."""
    row = db.row(
        """
        SELECT MAX(last_game_at) AS latest FROM players JOIN tracks USING (player_id)
        WHERE player_id <> :player_id
        """,
        player_id=player_id,
    )
    return _moment(row["latest"]) if row else None


def track_since(db: Database, player_id: int, channel_id: str) -> datetime | None:
    """Since when a player is tracked in that channel; None if not."""
    row = db.row(
        "SELECT since FROM tracks WHERE player_id = :player_id AND channel_id = :channel_id",
        player_id=player_id,
        channel_id=channel_id,
    )
    return moment_of(row["since"]) if row else None


def tracked_by(db: Database, player_id: int, channel_id: str) -> str | None:
    """Slack's id of who asked in that channel for that player; None: the operator did, or nobody."""
    row = db.row(
        "SELECT tracked_by FROM tracks WHERE player_id = :player_id AND channel_id = :channel_id",
        player_id=player_id,
        channel_id=channel_id,
    )
    return row["tracked_by"] if row else None


def rename(db: Database, player: Player, riot_id: RiotId, seen_at: datetime) -> None:
    """Follows the name in a match, unless a younger match said otherwise. Inside a transaction."""
    if db.write_counted(
        """
        UPDATE players SET game_name = :game_name, tag_line = :tag_line, named_at = :seen_at
        WHERE player_id = :player_id AND named_at < :seen_at
        """,
        player_id=player.player_id,
        game_name=riot_id.game_name,
        tag_line=riot_id.tag_line,
        seen_at=text_of(seen_at),
    ):
        _record_name(db, player, riot_id, seen_at)


def _record_name(db: Database, player: Player, riot_id: RiotId, now: datetime) -> None:
    """So that the old name still finds the player."""
    if player.riot_id.folded != riot_id.folded:
        db.write(
            """
            INSERT INTO renames (player_id, renamed_at, old_game_name, old_tag_line, new_game_name, new_tag_line)
            VALUES (:player_id, :now, :old_game_name, :old_tag_line, :new_game_name, :new_tag_line)
            """,
            player_id=player.player_id,
            now=text_of(now),
            old_game_name=player.riot_id.game_name,
            old_tag_line=player.riot_id.tag_line,
            new_game_name=riot_id.game_name,
            new_tag_line=riot_id.tag_line,
        )
        logger.info("player %d is called %s now, and was %s", player.player_id, riot_id, player.riot_id)


def _player(row: Row) -> Player:
    return Player(
        player_id=row["player_id"],
        puuid=row["puuid"],
        riot_id=RiotId(row["game_name"], row["tag_line"]),
        platform=row["platform"],
        problem=row["problem"],
        problem_kind=ProblemKind(row["problem_kind"]) if row["problem_kind"] else None,
        resolved_at=_moment(row["resolved_at"]),
        last_game_at=_moment(row["last_game_at"]),
        region_asked_at=_moment(row["region_asked_at"]),
        region=row["region"],
    )


def _moment(text: str | None) -> datetime | None:
    return moment_of(text) if text else None
