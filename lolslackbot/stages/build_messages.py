"""Store -> messages -> store: each stored match becomes one pending message in each channel that tracks a player."""

import logging

from lolslackbot.game import Match
from lolslackbot.messages.announcement import RenderOptions
from lolslackbot.messages.game_queues import wants
from lolslackbot.messages.render import render
from lolslackbot.stages.run import Run
from lolslackbot.store import amendments, champions, matches, outbox, participants, ranks
from lolslackbot.store.database import Database
from lolslackbot.store.outbox import Draft
from lolslackbot.store.participants import Listener

logger = logging.getLogger(__name__)

STAGE = "build-messages"


def build_messages(db: Database, run: Run, match_link: str, pictures: str = "") -> None:
    """Builds what is stored and not built yet, one commit a match. No remote call.

    match_link: template, '' for none. pictures: Data Dragon's address, '' for none.
    """
    wording = RenderOptions(match_link, pictures, champions.known(db))
    awaited = ranks.awaited(db, run.clock.now())
    due = [match_id for match_id in matches.to_build(db) if match_id not in awaited]
    run.count("waiting for a rank", len(awaited))
    run.left_over = len(due)
    for match_id in due:
        if run.budget.spent():
            run.runs_out_of_time()
            return
        run.left_over -= 1
        with run.item(match_id):
            _build(db, run, match_id, wording)
    for match_id in ranks.to_amend(db):
        if run.budget.spent():
            return
        with run.item(match_id):
            _amend(db, run, match_id, wording)


def _amend(db: Database, run: Run, match_id: str, wording: RenderOptions) -> None:
    """What was built without a rank that is known now reads anew: where it may be in Slack already, by an edit."""
    with db.transaction():
        match = participants.stored(db, match_id)
        listeners = {each.channel_id: each for each in participants.listeners(db, match_id)}
        for message, state in outbox.about(db, match_id):
            listener = listeners.get(message.channel_id)
            draft = _draft(db, run, match, listener, wording) if listener else None
            if draft is None or draft.error or draft.text == message.text:
                continue
            if state in ("sending", "delivered", "uncertain"):
                amendments.put(db, match_id, draft, run.clock.now())
                run.count("amended")
            else:
                outbox.replace_text(db, match_id, draft)
        ranks.amended(db, match_id)


def _build(db: Database, run: Run, match_id: str, wording: RenderOptions) -> None:
    with db.transaction():  # from the first look on, so that nobody is untracked between that and the commit
        match = participants.stored(db, match_id)
        queue = match.queue_id, match.game_mode
        listeners = participants.listeners(db, match_id)
        unwanted = [each for each in listeners if not wants(each.queues, *queue)]
        drafts = [_draft(db, run, match, each, wording) for each in listeners if each not in unwanted]
        outbox.add(db, match_id, drafts, run.clock.now(), unwanted)
    built = [each for each in drafts if not each.error]
    run.count("built", len(built))
    run.count("unwanted", len(unwanted))
    logger.debug("built for %s", ", ".join(each.channel_id for each in built) or "no channel")
    for each in unwanted:
        logger.info("%s hears nothing of it: it wants %s, this is queue %d (%s)", each.channel_id, each.queues, *queue)


def _draft(db: Database, run: Run, match: Match, listener: Listener, wording: RenderOptions) -> Draft:
    """The message in words; where wording fails, a draft that says so: the other channels get theirs."""
    channel_id, workspace = listener.channel_id, listener.workspace
    with run.item(channel_id):
        worded = render(participants.as_heard_in(db, match, channel_id), wording, listener.style)
        return Draft(channel_id, workspace, worded.text, worded.blocks)
    return Draft(channel_id, workspace, text="", blocks=None, error="it could not be worded: see the log")
