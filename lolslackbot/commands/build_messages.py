"""`build-messages`: the second stage."""

import click

from lolslackbot.commands.app import App
from lolslackbot.stages.run import Run
from lolslackbot.store import matches
from lolslackbot.store.database import Database


@click.command("build-messages")
@click.pass_obj
def build_messages_command(app: App) -> None:
    """Word a message for each fetched game and channel. Calls nobody.

    \b
    lolslackbot build-messages
    """

    def work(db: Database, run: Run) -> None:
        if matches.to_build(db):
            from lolslackbot.stages.build_messages import build_messages  # all that words need; most runs need none

            build_messages(db, run, app.settings.match_link, app.settings.ddragon_url)

    app.run("build-messages", work)
