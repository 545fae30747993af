"""`answer`: before the other stages, where a channel may ask."""

import sys
from contextlib import suppress

import click

from lolslackbot.commands.app import App, holding_lock
from lolslackbot.console import show_line
from lolslackbot.errors import Exit, RunAborted
from lolslackbot.stages.run import Run
from lolslackbot.store import requests
from lolslackbot.store.connect import exists, read_only
from lolslackbot.store.database import Database


@click.command("answer")
@click.pass_obj
def answer_command(app: App) -> None:
    """Answer what people asked in the channels that may ask.

    Which these are is set by `lolslackbot channels set C --requests on`; where there is none, nothing is done at all.

    \b
    lolslackbot answer
    lolslackbot -q answer  # as cron does
    """
    if not may_anybody_ask(app):
        if not app.quiet:
            show_line("answer: nothing to do; no channel may ask, see `lolslackbot channels set --help`")
        sys.exit(int(Exit.OK))

    def work(db: Database, run: Run) -> None:
        from lolslackbot.admin.requests import Obeying, Policy
        from lolslackbot.admin.tracking import Tracker
        from lolslackbot.stages import answer

        def tracker() -> Tracker:
            return Tracker(db, app.riot(db, run.budget.left)[0], app.clock, app.settings.max_wait)

        settings = app.settings
        policy = Policy(settings.operators, settings.match_link, settings.ddragon_url)
        obeying = Obeying(db, tracker, app.clock, policy)
        answer.answer(db, app.slack(holding_lock(db, run.budget.left)), run, obeying.obey)

    app.run("answer", work)


def may_anybody_ask(app: App) -> bool:
    """Writes nothing, so that a tick costs no commit where nobody may. What is wrong, the run says."""
    with suppress(RunAborted):
        database = app.settings.database
        if exists(database):
            with read_only(database) as db:
                return bool(requests.inboxes(db))
    return True
