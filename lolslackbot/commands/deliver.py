"""`deliver`: the third stage, and what it would do."""

import html
from datetime import timedelta
from urllib.parse import quote

import click

from lolslackbot.commands.app import App, holding_lock, report_errors
from lolslackbot.console import show_line
from lolslackbot.model import DEFAULT_WORKSPACE
from lolslackbot.settings import Settings
from lolslackbot.shares import WHOLE, Share
from lolslackbot.stages import deliver as stage
from lolslackbot.stages.deliver import Limits
from lolslackbot.stages.reconcile import Policy
from lolslackbot.stages.run import Run
from lolslackbot.store import alerts, amendments, channels
from lolslackbot.store.database import Database

BLOCK_KIT_BUILDER = "https://app.slack.com/block-kit-builder/#"


@click.command("deliver")
@click.option("--dry-run", is_flag=True, help="Print what would go out now; call nobody, change nothing.")
@click.option("--blocks", is_flag=True, help="With --dry-run: the blocks too, and a link that shows them in Slack.")
@click.pass_obj
def deliver_command(app: App, dry_run: bool, blocks: bool) -> None:
    """Post pending messages to Slack, each once.

    \b
    lolslackbot deliver --dry-run
    lolslackbot deliver
    """
    if blocks and not dry_run:
        raise click.UsageError("--blocks goes with --dry-run")
    if dry_run:
        with report_errors():
            show_dry_run(app, blocks)
        return

    def divide(db: Database) -> list[Share]:
        alerting = {DEFAULT_WORKSPACE} if app.settings.alert_channel else set()
        workspaces = channels.workspaces(db) | alerting
        shares = [each for each in Share.every(app.settings.workers) if any(map(each.has_named, workspaces))]
        return shares if len(shares) > 1 else [WHOLE]

    def work(db: Database, run: Run) -> None:
        stage.deliver(db, app.slack(holding_lock(db, run.budget.left)), run, delivery_limits(app.settings), alert)

    def alert(db: Database, *, adding: bool) -> bool:
        if not app.settings.alert_channel:
            alerts.forget(db, app.clock.now())
            return False
        from lolslackbot.stages.alert import alert  # all that `status` needs, for few

        within = timedelta(seconds=app.settings.announce_within)
        return alert(db, app.settings.alert_channel, app.clock.now(), within, adding=adding)

    app.run("deliver", work, divide)


def delivery_limits(settings: Settings) -> Limits:
    """The settings `deliver` goes by."""
    uncertain = Policy(timedelta(seconds=settings.uncertain_after), settings.resend_uncertain)
    return Limits(timedelta(seconds=settings.announce_within), settings.channel_limit, uncertain)


def show_dry_run(app: App, blocks: bool) -> None:
    """Each message that would go out now as it will read, then how many, and why others would not.

    blocks: their JSON too, with a link to Slack's Block Kit Builder, which shows what stands in the link itself.
    """
    app.begin_log(to_file=False)
    with app.open_readonly() as db, db.snapshot():
        going, notes = stage.dry_run(db, delivery_limits(app.settings), app.clock.now())
        compared = stage.compared_first(db, app.clock.now())
        edits = amendments.waiting(db, app.clock.now())
    for message in going:
        show_line(f"{message.channel_id} (workspace {message.workspace}), {message.subject}:")
        for line in html.unescape(message.text).splitlines():
            show_line(f"    {line}")
        if blocks:
            told = message.blocks or "no blocks: they were refused, it goes out as plain text"
            show_line(f"    {told}", whole=True)
        if blocks and message.blocks:
            document = '{"blocks": ' + message.blocks + "}"
            show_line(f"    {BLOCK_KIT_BUILDER}{quote(document, safe='')}", whole=True)
    for note in notes:
        show_line(note)
    for edit in edits:
        show_line(f"{edit.message.key} would be edited, since more is known of it now:")
        for line in html.unescape(edit.message.text).splitlines():
            show_line(f"    {line}")
    for channel in sorted(compared & {message.channel_id for message in going}):
        show_line(f"{channel}: its history is compared first, and what this bot already posted there goes out no more")
    show_line(f"deliver --dry-run: {len(going)} would go out now, {len(notes)} would not")
    seconds = app.settings.max_seconds
    if (most := stage.most_in_one_run(going, seconds)) < len(going):
        show_line(
            f"in one run at most {most} of the {len(going)}: LOLSLACKBOT_MAX_SECONDS is {seconds:g}, and a channel "
            "gets one message a second; slow answers make it fewer, the following runs send the rest"
        )
