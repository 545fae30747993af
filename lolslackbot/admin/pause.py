"""Pauses delivery before its next claim, also of a run in progress, and resumes it. Nothing is lost."""

from datetime import datetime

from lolslackbot.errors import NotFound
from lolslackbot.store import channels, decisions, holds, players
from lolslackbot.store.database import Database
from lolslackbot.store.holds import Scope


def pause(db: Database, channel_id: str | None, now: datetime) -> str:
    """Holds back one channel, or everything, until `resume`; returns one line."""
    scope = _scope(db, channel_id)
    with db.transaction():
        if not holds.find(db, scope, "paused"):
            holds.put_first(db, scope, "paused", "by hand", now)
            decisions.record(db, "pause", scope, "paused", now)
    line = f"{scope} is paused: `lolslackbot resume{_option(channel_id)}` goes on"
    if channel_id is None:
        return line + _still_held(db, None, now)
    if holds.find(db, holds.EVERYTHING, "paused"):
        return f"{line}, once everything is resumed too: `lolslackbot resume`"
    return line


def resume(db: Database, channel_id: str | None, now: datetime) -> str:
    """Lifts a pause; returns one line. What grew too old meanwhile will expire, not flood the channel."""
    scope = _scope(db, channel_id)
    with db.transaction():
        lifted = holds.lift(db, scope, "paused")
        if lifted:
            decisions.record(db, "resume", scope, "paused -> going on", now)
    if channel_id and holds.find(db, holds.EVERYTHING, "paused"):
        was = "goes on" if lifted else "was not paused; it goes on"
        return f"{scope} {was} once everything does: `lolslackbot resume`"
    still = _still_held(db, channel_id, now)
    if not lifted:
        return f"{scope} was not paused{still}"
    return f"{scope} goes on with the next `lolslackbot deliver`{still}"


def _still_held(db: Database, channel_id: str | None, now: datetime) -> str:
    """What still waits, although it is not paused, or is paused by itself."""
    scopes = set(holds.delivery_scopes(db, channel_id))
    held = [hold for hold in holds.all_live(db, now) if hold.scope in scopes and hold.scope != holds.EVERYTHING]
    return (
        f", but {', '.join(f'{hold.scope} is {hold.kind}' for hold in held)}: see `lolslackbot status`" if held else ""
    )


def _scope(db: Database, channel_id: str | None) -> Scope:
    if channel_id is None:
        return holds.EVERYTHING
    if not players.knows_channel(db, channel_id):
        raise NotFound(f"{channel_id} is not a tracked channel: see `lolslackbot channels`")
    return holds.channel_scope(channels.current_id(db, channel_id))


def _option(channel_id: str | None) -> str:
    return f" --channel {channel_id}" if channel_id else ""
