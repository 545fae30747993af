"""The commands pause, resume, retry, prune, backup and restore."""

import os
import sys
from datetime import timedelta

import click

from lolslackbot.admin.arguments import Post, read_channel_id, read_match_id, read_post
from lolslackbot.admin.backup import backup, note_restored, restore
from lolslackbot.admin.pause import pause, resume
from lolslackbot.admin.prune import prune
from lolslackbot.admin.retry import (
    record_found,
    retry_channel,
    retry_host,
    retry_matches,
    retry_message,
    retry_missing,
)
from lolslackbot.commands.app import App, absolute, checked, report_errors
from lolslackbot.console import show_line
from lolslackbot.riot.routing import HOSTS
from lolslackbot.store.connect import exists


@click.command("pause")
@click.option("--channel", metavar="C", callback=checked(read_channel_id), help="This channel only; otherwise all.")
@click.pass_obj
def pause_command(app: App, channel: str | None) -> None:
    """Stop delivering before the next message. A run in progress stops too; nothing is lost.

    \b
    lolslackbot pause
    lolslackbot pause --channel C0123456789
    """
    with report_errors(), app.open_readwrite() as db:
        show_line(pause(db, channel, app.clock.now()))


@click.command("resume")
@click.option("--channel", metavar="C", callback=checked(read_channel_id), help="This channel only; otherwise all.")
@click.pass_obj
def resume_command(app: App, channel: str | None) -> None:
    """Continue after `pause`; messages that grew too old expire.

    \b
    lolslackbot resume
    lolslackbot resume --channel C0123456789
    """
    with report_errors(), app.open_readwrite() as db:
        show_line(resume(db, channel, app.clock.now()))


def read_message(subject: str, channel: str) -> tuple[str, str]:
    """Subject and channel id; one word is a match id. Raises ValueError with what is wrong."""
    return subject.strip() if " " in subject.strip() else read_match_id(subject), read_channel_id(channel)


@click.command("retry")
@click.option(
    "--match",
    "match_id",
    metavar="ID",
    callback=checked(read_match_id),
    help="Ask Riot again for a match that is missing or was given up.",
)
@click.option(
    "--message",
    nargs=2,
    metavar="MATCH_ID C",
    callback=checked(read_message),
    help="Send a failed or uncertain message again.",
)
@click.option(
    "--found",
    metavar="LINK",
    callback=checked(read_post),
    help='With --message: record it as delivered, by the link that Slack\'s "Copy link" gives. Sends nothing.',
)
@click.option(
    "--channel",
    metavar="C",
    callback=checked(read_channel_id),
    help="Unblock a channel and resend its failed messages.",
)
@click.option(
    "--host",
    type=click.Choice(HOSTS, case_sensitive=False),
    metavar="HOST",
    help="Make one call to a host that is held back.",
)
@click.option("--missing", is_flag=True, help="Ask Riot again for all matches it answered 404 for.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.pass_obj
def retry_command(
    app: App,
    match_id: str | None,
    message: tuple[str, str] | None,
    found: Post | None,
    channel: str | None,
    host: str | None,
    missing: bool,
    yes: bool,
) -> None:
    """Try again what you name. Shows what it will do and asks first.

    \b
    lolslackbot retry --channel C0123456789
    lolslackbot retry --message EUW1_7376970903 C0123456789
    lolslackbot retry --host europe
    lolslackbot retry --missing --yes
    """
    if sum(map(bool, (match_id, message, channel, host, missing))) != 1:
        raise click.UsageError("give one of --match, --message, --channel, --host and --missing")
    if found and not message:
        raise click.UsageError("--found goes with --message")
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("confirmation needs a terminal: pass --yes")
    with report_errors(), app.open_readwrite() as db:
        now, within = app.clock.now(), timedelta(seconds=app.settings.announce_within)
        if message and found:
            plan = record_found(db, *message, found, now)
        elif message:
            plan = retry_message(db, *message, now, within)
        elif channel:
            plan = retry_channel(db, channel, now, within)
        elif host:
            plan = retry_host(db, host, app.clock)
        elif match_id:
            plan = retry_matches(db, [match_id], now, within)
        else:
            plan = retry_missing(db, now, within)
        for sentence in plan.sentences:
            show_line(sentence)
        if yes or click.confirm("Do it?"):
            plan.do()
        else:
            show_line("nothing was changed")


@click.command("prune")
@click.option(
    "--older-than", "days", type=click.IntRange(min=1), required=True, metavar="DAYS", help="Days since the game ended."
)
@click.pass_obj
def prune_command(app: App, days: int) -> None:
    """Delete stored data of old games and reclaim space.

    The games stay known, so none is announced again; pending messages are kept.

    \b
    lolslackbot prune --older-than 90
    """
    with report_errors():
        app.begin_log(to_file=exists(app.settings.database))
        within = timedelta(seconds=app.settings.announce_within)
        show_line(prune(app.settings.database, days, within, app.clock))


@click.command("backup")
@click.argument("file", type=click.Path())
@click.pass_obj
def backup_command(app: App, file: str) -> None:
    """Write a verified copy of the database to FILE. The database may be in use; FILE is replaced.

    \b
    lolslackbot backup ~/lolslackbot-monday.db
    """
    with report_errors():
        app.begin_log(to_file=exists(app.settings.database))
        show_line(backup(app.settings.database, absolute(file)))


@click.command("restore")
@click.argument("file", type=click.Path(), required=False)
@click.option("--in-place", is_flag=True, help="Instead of FILE: it was put back by other means, as by pg_restore.")
@click.pass_obj
def restore_command(app: App, file: str | None, in_place: bool) -> None:
    """Put a backup back without announcing anything twice. The replaced database is kept beside it.

    \b
    lolslackbot restore ~/lolslackbot-monday.db
    lolslackbot restore --in-place
    """
    if in_place == (file is not None):
        raise click.UsageError("give FILE or --in-place")
    with report_errors():
        app.begin_log(to_file=os.path.isdir(app.home))
        if file is None:
            show_line(note_restored(app.settings.database, app.clock))
            return
        for sentence in restore(app.settings.database, absolute(file), app.clock):
            show_line(sentence)
