"""Players, and the channels that track them."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from lolslackbot.clock import moment_of, text_of
from lolslackbot.errors import Unusable
from lolslackbot.model import Player, RiotId
from lolslackbot.store import decisions
from lolslackbot.store.database import Database, Row, listed


class OtherWorkspace(Unusable):
    """A channel was to be tracked into as if it belonged to another workspace than it does."""


class Track(NamedTuple):
    """A player's games are announced in a channel, those that ended after `since`."""

    player: Player
    channel_id: str
    workspace: str
    since: datetime


def tracks(db: Database) -> list[Track]:
    """Every track, by player and channel."""
    rows = db.rows(
        """
        SELECT * FROM players JOIN tracks USING (player_id) JOIN channels USING (channel_id)
        ORDER BY player_id, channel_id
        """
    )
    return [Track(_player(row), row["channel_id"], row["workspace"], moment_of(row["since"])) for row in rows]


def to_list(db: Database) -> list[Player]:
    """The tracked players, the longest unasked first."""
    rows = db.rows(
        """
        SELECT * FROM players
        WHERE EXISTS (SELECT 1 FROM tracks WHERE tracks.player_id = players.player_id)
        ORDER BY listed_at IS NOT NULL, listed_at, player_id
        """
    )
    return [_player(row) for row in rows]


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
    for renaming in decisions.by(db, decisions.RENAMED):
        name, _, tag = renaming.change.partition(decisions.RENAMED_TO)[0].rpartition("#")
        if RiotId(name, tag).folded == riot_id.folded:
            row = db.row("SELECT * FROM players WHERE 'player ' || player_id = :subject", subject=renaming.subject)
            return _player(row) if row else None
    return None


def with_puuids(db: Database, puuids: Iterable[str]) -> dict[str, Player]:
    """Those of the players that we know, by puuid."""
    names, values = listed("puuid", puuids)
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
    db: Database, puuid: str, riot_id: RiotId, platform: str, channel_id: str, workspace: str, now: datetime
) -> bool:
    """Announces that player's games in that channel from `now` on; False if it was so already.

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
                named_at = excluded.named_at, platform = excluded.platform
            """,
            puuid=puuid,
            game_name=riot_id.game_name,
            tag_line=riot_id.tag_line,
            now=text_of(now),
            platform=platform,
        )
        return (
            db.write(
                """
                INSERT INTO tracks (player_id, channel_id, since)
                SELECT player_id, :channel_id, :now FROM players WHERE puuid = :puuid
                ON CONFLICT DO NOTHING
                """,
                channel_id=channel_id,
                now=text_of(now),
                puuid=puuid,
            )
            > 0
        )


def _add_channel(db: Database, channel_id: str, workspace: str) -> None:
    db.write(
        "INSERT INTO channels (channel_id, workspace) VALUES (:channel_id, :workspace) ON CONFLICT DO NOTHING",
        channel_id=channel_id,
        workspace=workspace,
    )
    row = db.row("SELECT workspace FROM channels WHERE channel_id = :channel_id", channel_id=channel_id)
    assert row
    if row["workspace"].lower() != workspace.lower():
        raise OtherWorkspace(f"channel {channel_id} belongs to workspace {row['workspace']}, not to {workspace}")


def workspace_of(db: Database, channel_id: str) -> str | None:
    """The workspace of a channel; None if it was never named in a track."""
    row = db.row("SELECT workspace FROM channels WHERE channel_id = :channel_id", channel_id=channel_id)
    return row["workspace"] if row else None


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
            "UPDATE players SET puuid = :puuid, problem = NULL, problem_since = NULL WHERE player_id = :player_id",
            player_id=player_id,
            puuid=puuid,
        )


def rename(db: Database, player: Player, riot_id: RiotId, seen_at: datetime) -> None:
    """Follows the name in a match, unless a younger match said otherwise. Inside a transaction."""
    if db.write(
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
        change = f"{player.riot_id}{decisions.RENAMED_TO}{riot_id}"
        decisions.record(db, decisions.RENAMED, f"player {player.player_id}", change, now)


def follow_clock(db: Database, now: datetime) -> None:
    """After the clock was set back, a list asked for in what is now the future is asked for first, not last."""
    if db.row("SELECT 1 FROM players WHERE listed_at > :now LIMIT 1", now=text_of(now)):
        with db.transaction():
            db.write("UPDATE players SET listed_at = NULL WHERE listed_at > :now", now=text_of(now))


def _player(row: Row) -> Player:
    return Player(
        player_id=row["player_id"],
        puuid=row["puuid"],
        riot_id=RiotId(row["game_name"], row["tag_line"]),
        platform=row["platform"],
        problem=row["problem"],
    )
