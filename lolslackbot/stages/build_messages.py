"""Store -> messages -> store: each stored match becomes one pending message in each channel that tracks a player."""

import logging

from lolslackbot.messages.announcement import announce
from lolslackbot.messages.slack_text import blocks_json, plain_text
from lolslackbot.stages.run import Run
from lolslackbot.store import matches, messages
from lolslackbot.store.database import Database
from lolslackbot.store.messages import Draft

logger = logging.getLogger(__name__)

STAGE = "build-messages"


def build_messages(db: Database, run: Run, match_link: str) -> None:
    """Builds what is stored and not built yet, one commit a match. No remote call."""
    for match_id in matches.to_build(db):
        if run.budget.spent():
            run.note("out of time, the next run goes on")
            return
        with run.item(match_id):
            _build(db, run, match_id, match_link)


def _build(db: Database, run: Run, match_id: str, match_link: str) -> None:
    now = run.clock.now()
    drafts = [
        draft
        for listener in matches.listeners(db, match_id)
        if (draft := _draft(db, run, match_id, *listener, match_link))
    ]
    messages.add(db, match_id, drafts, now)
    built = [each for each in drafts if not each.error]
    run.count("built", len(built))
    logger.debug("built for %s", ", ".join(each.channel_id for each in built) or "no channel")


def _draft(db: Database, run: Run, match_id: str, channel_id: str, workspace: str, match_link: str) -> Draft | None:
    """The message in words; where wording fails, a draft that says so: the other channels get theirs.

    None where everybody in it was untracked at this very moment.
    """
    with run.item(channel_id):
        match = matches.as_heard_in(db, match_id, channel_id)
        if not match.participants:
            return None
        announcement = announce(match, match_link)
        return Draft(channel_id, workspace, plain_text(announcement), blocks_json(announcement))
    return Draft(channel_id, workspace, text="", blocks=None, error="it could not be worded: see the log")
