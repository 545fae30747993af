"""Stops delivery before its next claim, also of a run at work, and lets it go on; nothing is lost by it."""

from datetime import datetime

from lolslackbot.errors import NotFound
from lolslackbot.store import channels, decisions, holds, players
from lolslackbot.store.database import Database


def pause(db: Database, channel_id: str | None, now: datetime) -> str:
    """Holds one channel, or everything, back until `resume`; what is so now."""
    scope = _scope(db, channel_id)
    with db.transaction():
        if not holds.find(db, scope, "paused"):  # since the first time
            holds.put(db, scope, "paused", "by hand", now, None)
            decisions.record(db, "pause", scope, "paused", now)
    return f"{scope} is paused: `lolslackbot resume{_option(channel_id)}` goes on"


def resume(db: Database, channel_id: str | None, now: datetime) -> str:
    """Lifts a pause; what is so now. What grew too old meanwhile will expire, not flood the channel."""
    scope = _scope(db, channel_id)
    with db.transaction():
        lifted = holds.lift(db, scope, "paused")
        if lifted:
            decisions.record(db, "resume", scope, "paused -> going on", now)
    if not lifted:
        return f"{scope} was not paused"
    still = [hold.scope for hold in holds.all_live(db, now) if hold.kind == "paused" and hold.scope != holds.EVERYTHING]
    if channel_id is None and still:
        return f"{scope} goes on with the next `lolslackbot deliver`, but for {', '.join(still)}: still paused"
    if channel_id and holds.find(db, holds.EVERYTHING, "paused"):
        return f"{scope} goes on once everything does: `lolslackbot resume`"
    return f"{scope} goes on with the next `lolslackbot deliver`"


def _scope(db: Database, channel_id: str | None) -> str:
    if channel_id is None:
        return holds.EVERYTHING
    if not players.knows_channel(db, channel_id):
        raise NotFound(f"{channel_id} is no channel of ours: see `lolslackbot channels`")
    return holds.channel_scope(channels.current_id(db, channel_id))


def _option(channel_id: str | None) -> str:
    return f" --channel {channel_id}" if channel_id else ""
