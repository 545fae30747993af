"""`check`: tries keys, tokens, channels and the local environment."""

import logging
import os
import sys

import click

from lolslackbot.admin.arguments import read_channel_id
from lolslackbot.clock import Budget
from lolslackbot.commands.app import App, checked, report_errors
from lolslackbot.console import ALARM, CAUTION, FINE, show_json, show_line
from lolslackbot.errors import Exit, worst
from lolslackbot.health.check import FAIL, OK, WARN, Checks
from lolslackbot.settings import load_settings_collecting_errors, unknown_settings
from lolslackbot.store.connect import exists

COLOURS = {OK: FINE, WARN: CAUTION, FAIL: ALARM}


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@click.option(
    "--post",
    "channel",
    metavar="C",
    callback=checked(read_channel_id),
    help="Post a test message there, find, edit and delete it.",
)
@click.option("--ping", is_flag=True, help="Ring LOLSLACKBOT_PING_URL too.")
@click.pass_obj
def check_command(app: App, as_json: bool, channel: str | None, ping: bool) -> None:
    """Try the keys, tokens, scopes and channels. One line each, with the remedy for what fails.

    It posts nothing but with --post. It stops holding back a channel or key that works again.

    \b
    lolslackbot check
    lolslackbot check --post C0123456789
    lolslackbot check --ping
    """
    with report_errors():
        status = show_check(app, as_json=as_json, post_to=channel, ping=ping)
    sys.exit(int(status))


def show_check(app: App, *, as_json: bool = False, post_to: str | None = None, ping: bool = False) -> Exit:
    """Tries everything, and prints what was found; the status to leave with."""
    app.settings, faults = load_settings_collecting_errors(app.home, app.database, os.environ)
    app.begin_log(to_file=exists(app.settings.database), usual=logging.CRITICAL)  # the findings say it
    budget = Budget(app.clock, app.settings.max_seconds)
    riot = lambda db: app.riot(db, budget.left)[0]  # noqa: E731 - made when the key is asked for
    unknown = unknown_settings(app.home, os.environ)
    slack = app.slack(budget.left)
    findings = Checks(app.settings, app.clock, riot, slack, faults, unknown, ping=ping, post_to=post_to).run()
    if as_json:
        show_json([finding.as_json() for finding in findings])
    else:
        for finding in findings:
            remedy = f"; {finding.remedy}" if finding.remedy else ""
            line = f"{finding.state:<5} {finding.label}: {finding.said}{remedy}"
            show_line(line, colour=COLOURS[finding.state], coloured=len(finding.state))
    return worst(*(finding.status for finding in findings))
