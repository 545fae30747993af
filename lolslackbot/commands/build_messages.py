"""`build-messages`: the second stage."""

from datetime import timedelta

import click

from lolslackbot.commands.app import App
from lolslackbot.stages.run import Run
from lolslackbot.store import matches, ranks, runs
from lolslackbot.store.database import Database


@click.command("build-messages")
@click.pass_obj
def build_messages_command(app: App) -> None:
    """Render a message for each fetched match and channel. Calls nobody.

    \b
    lolslackbot build-messages
    """

    def work(db: Database, run: Run) -> None:
        if matches.to_build(db) or ranks.to_amend(db):
            from lolslackbot.stages.build_messages import build_messages  # all that words need; most runs need none

            build_messages(db, run, app.settings.match_link, app.settings.ddragon_url)
        if app.settings.keep_days and not run.budget.spent() and runs.pruning_is_due(db, app.clock.now()):
            from lolslackbot.admin.prune import prune_a_little  # once a day

            within = timedelta(seconds=app.settings.announce_within)
            with run.item("prune"):
                forgotten = prune_a_little(
                    db, app.settings.keep_days, within, app.clock.now(), lambda: not run.budget.spent()
                )
                run.count("forgotten", forgotten)

    app.run("build-messages", work)
