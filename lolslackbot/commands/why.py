"""`why`: the story of one match, player or channel."""

import click

from lolslackbot.commands.app import App, checked, report_errors
from lolslackbot.console import show_line
from lolslackbot.health.why import why


@click.command("why")
@click.argument("about", metavar="MATCH | NAME#TAG | C", callback=checked(str))
@click.pass_obj
def why_command(app: App, about: str) -> None:
    """Tell the story of a match, a player or a channel. Of a player: the last games; of a channel: what it gets.

    MATCH is a match id, the number in it, or a link to the match, or to our message about it in Slack.

    \b
    lolslackbot why EUW1_7376970903
    lolslackbot why "Ahri Fan#EUW"
    lolslackbot why C0123456789
    lolslackbot why https://acme.slack.com/archives/C0123456789
    """
    with report_errors(), app.open_readonly(though_locked=True) as db:
        for line in why(db, about, app.clock.now(), app.settings):
            show_line(line)
