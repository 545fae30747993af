"""The notices of games in progress: how they read, and (called by deliver) what becomes of them once a game has ended.

The game's message never waits for its notice, nor depends on it.
"""

import logging
from datetime import datetime, timedelta

from lolslackbot.messages.live import render_ended, render_live
from lolslackbot.model import DEFAULT_WORKSPACE
from lolslackbot.slack.answers import permalink
from lolslackbot.stages.run import Run
from lolslackbot.store import amendments, champions, live, outbox
from lolslackbot.store.database import Database
from lolslackbot.store.live import Notice, SeenGame
from lolslackbot.store.outbox import Draft

logger = logging.getLogger(__name__)

NO_RESULT = timedelta(hours=3)  # after it was seen; no game lasts so long


def draft_of(db: Database, match_id: str, channel_id: str, workspace: str) -> Draft | None:
    """A game in progress in words, None where the channel tracks nobody in it. In a transaction."""
    game = live.as_heard_in(db, match_id, channel_id)
    if game is None:
        return None
    rendered = render_live(game, champions.known(db))
    return Draft(channel_id, workspace, rendered.text, rendered.blocks)


def withdraw_ended(db: Database, now: datetime) -> int:
    """pending -> expired for the notices of games that are listed by now; of how many. One commit each."""
    withdrawn = 0
    for game in live.on(db):
        if any(
            each.state == "pending" and live.has_ended(db, each.message) for each in live.notices(db, game.match_id)
        ):
            with db.transaction():
                withdrawn += outbox.withdraw(db, live.subject_of(game.match_id), live.ENDED, now)
    return withdrawn


def amend_ended(db: Database, run: Run) -> None:
    """Each delivered notice is amended once: when the game's message is delivered there, or when none came in time.

    One commit a game. The first of several shares of a run does it for all.
    """
    if not run.share.has_named(DEFAULT_WORKSPACE):
        return
    for game in live.on(db):
        with run.item(live.subject_of(game.match_id)):
            _amend(db, game, run.clock.now())


def _amend(db: Database, game: SeenGame, now: datetime) -> None:
    notices = live.notices(db, game.match_id)
    is_over = now - game.seen_at >= NO_RESULT
    drafts = [draft for each in notices if (draft := _draft(db, game, each, is_over=is_over))]
    is_done = is_over or not any(_is_open(each) for each in notices)
    if not drafts and not is_done:
        return
    with db.transaction():
        for draft in drafts:
            amendments.put(db, live.subject_of(game.match_id), draft, now)
        if is_done:
            live.end(db, game.match_id, "finished" if any(each.result_ts for each in notices) else "over")
    logger.debug("%s has ended: %s", game.match_id, ", ".join(each.channel_id for each in drafts) or "nothing to amend")


def _is_open(notice: Notice) -> bool:
    """Whether its amendment is still to come."""
    if notice.state == "delivered":
        return notice.result_ts is None
    return notice.state in ("pending", "sending", "uncertain", "failed")  # which a person may have sent again


def _draft(db: Database, game: SeenGame, notice: Notice, *, is_over: bool) -> Draft | None:
    """How a delivered notice should read instead; None where it does so already, or there is nothing to say yet."""
    message = notice.message
    if notice.state != "delivered" or not (notice.result_ts or is_over):
        return None
    heard = live.as_heard_in(db, game.match_id, message.channel_id)
    if heard is None or amendments.state_of(db, message.subject, message.channel_id):
        return None
    rendered = render_ended(heard, permalink(message.channel_id, notice.result_ts) if notice.result_ts else "")
    if rendered.text == message.text:
        return None
    return Draft(message.channel_id, message.workspace, rendered.text, rendered.blocks)
