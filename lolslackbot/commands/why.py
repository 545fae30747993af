"""`why`: the story of one match, player or channel."""

import click

from lolslackbot.admin.why import why
from lolslackbot.commands.app import App, person
from lolslackbot.console import show_line


@click.command("why")
@click.argument("about", metavar="MATCH_ID | NAME#TAG | C")
@click.pass_obj
def why_command(app: App, about: str) -> None:
    """Tell the story of a match, a player or a channel. Of a player: the last games; of a channel: what it gets.

    \b
    lolslackbot why EUW1_7376970903
    lolslackbot why "Ahri Fan#EUW"
    lolslackbot why C0123456789
    """
    with person(), app.looking(though_locked=True) as db:
        for line in why(db, about.strip(), app.clock.now(), app.settings):
            show_line(line)
