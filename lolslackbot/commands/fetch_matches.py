"""`fetch-matches`: the first stage."""

from datetime import timedelta

import click

from lolslackbot.commands.app import App
from lolslackbot.shares import WHOLE, Share
from lolslackbot.stages.run import Run
from lolslackbot.store import holds
from lolslackbot.store.database import Database


@click.command("fetch-matches")
@click.pass_obj
def fetch_matches_command(app: App) -> None:
    """Ask Riot for new matches of the tracked players.

    \b
    lolslackbot fetch-matches
    lolslackbot -q fetch-matches  # as cron does
    """

    def divide(db: Database) -> list[Share]:
        from lolslackbot.riot import client  # noqa: F401 - takes long to load: once for all, before they are processes
        from lolslackbot.stages import fetch_matches  # noqa: F401

        if holds.find(db, holds.RIOT_KEY, "rejected"):  # one call tells whether it is good again
            return [WHOLE]
        return Share.every(app.settings.workers)

    def work(db: Database, run: Run) -> None:
        from lolslackbot.riot.data_dragon import DataDragon  # what they call Riot with takes long to load
        from lolslackbot.stages.fetch_champions import fetch_champions
        from lolslackbot.stages.fetch_context import Limits
        from lolslackbot.stages.fetch_matches import fetch_matches

        riot, limiter = app.riot(db, run.budget.left, run.share)
        within, wait = app.settings.announce_within, app.settings.max_wait
        fetch_matches(db, riot, limiter, run, Limits(timedelta(seconds=within), timedelta(seconds=wait)))
        if app.settings.ddragon_url and run.share.number == 1:
            url, network = app.settings.ddragon_url, app.settings.network
            fetch_champions(db, DataDragon(url, app.clock, run.budget.left, network), run)

    app.run("fetch-matches", work, divide)
