"""The commands track, untrack, players and channels."""

import logging
import sys
from contextlib import closing
from dataclasses import replace
from typing import Any, cast

import click

from lolslackbot.admin.arguments import (
    Fault,
    TrackRequest,
    read_channel_id,
    read_file,
    read_platform,
    read_riot_id,
    read_workspace,
)
from lolslackbot.admin.tracking import (
    NoAnswer,
    OtherPlatform,
    Tracker,
    doubt_about,
    move_channel,
    prefer,
    untrack,
)
from lolslackbot.clock import text_of
from lolslackbot.commands.app import App, checked, report_errors
from lolslackbot.console import CAUTION, show_error, show_json, show_line, show_table
from lolslackbot.errors import Exit, NotFound, worst
from lolslackbot.logs import logging_about
from lolslackbot.messages.game_queues import ALL, KINDS, read_queues
from lolslackbot.model import RiotId, Style
from lolslackbot.rank import NAMES
from lolslackbot.slack.answers import SlackProblem
from lolslackbot.store import channels, holds, players, ranks, requests
from lolslackbot.store.connect import create_database
from lolslackbot.store.database import Database

logger = logging.getLogger(__name__)

CHANNEL_SECONDS = 5.0  # for one look at a channel that is tracked into
UNANSWERED = 3  # rows in a row of which Riot says nothing; then the rest waits


class _Switch(click.Choice[str]):
    """on, off -> True, False."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(value, param, ctx) == "on"


_SWITCH = _Switch(("on", "off"))


@click.command("track")
@click.argument("riot_id", metavar="NAME#TAG", required=False, callback=checked(read_riot_id))
@click.option(
    "--channel", metavar="C", callback=checked(read_channel_id), help="Slack channel id, C… or G…, or its link."
)
@click.option("--platform", metavar="P", callback=checked(read_platform), help="euw1, EUW, kr, …; default: ask Riot.")
@click.option("--workspace", metavar="W", callback=checked(read_workspace), help="Slack workspace, if several.")
@click.option("--file", "path", type=click.Path(dir_okay=False), help="CSV: riot_id,platform,channel,workspace.")
@click.option("--force", is_flag=True, help="Use --platform even if Riot names another one.")
@click.pass_obj
def track_command(
    app: App,
    riot_id: RiotId | None,
    channel: str | None,
    platform: str | None,
    workspace: str | None,
    path: str | None,
    force: bool,
) -> None:
    """Announce a player's games in a channel from now on. Creates the database if there is none.

    \b
    lolslackbot track "Ahri Fan#EUW" --channel C0123456789
    lolslackbot track --file players.csv
    """
    if path and (riot_id or channel or platform or workspace):
        raise click.UsageError("--file cannot be combined with NAME#TAG, --channel, --platform or --workspace")
    if not path and not (riot_id and channel):
        raise click.UsageError('give "NAME#TAG" and --channel, or --file')
    with report_errors():
        if path:
            requests, bad = read_file(path)
        else:
            requests, bad = (
                [TrackRequest(cast(RiotId, riot_id), cast(str, channel), platform, workspace or "default")],
                [],
            )
        if bad and not requests:
            sys.exit(int(track_all(None, str(path), requests, bad)))  # no key and no database is needed for that
        app.settings.need_riot_key()
        with closing(create_database(app.settings.database)) as db:
            app.clock.follow(db)
            app.begin_log()
            requests = [replace(request, force=force) for request in requests]
            tracker = Tracker(db, app.riot(db)[0], app.clock, app.settings.max_wait)
            status = track_all(tracker, path, requests, bad) if path else track_one(tracker, requests[0])
            warn_of_channels(app, db, requests)
    sys.exit(int(status))


def track_one(tracker: Tracker, request: TrackRequest) -> Exit:
    with logging_about(str(request.riot_id)):
        show_line(str(tracker.track(request)))
    return Exit.OK


def track_all(tracker: Tracker | None, path: str, requests: list[TrackRequest], bad: list[Fault]) -> Exit:
    """Each row on its own: one that cannot be read, or not be tracked as it stands, does not stop the others."""
    faults = list(bad)
    done = unanswered = 0
    try:
        with click.progressbar(requests, label="tracking", file=sys.stderr) as bar:
            for request in bar:
                with logging_about(str(request.riot_id)):
                    try:
                        assert tracker
                        tracker.track(request)
                        done, unanswered = done + 1, 0
                    except (NotFound, NoAnswer, OtherPlatform, players.OtherWorkspace) as error:
                        logger.debug("not tracked: %s", error, exc_info=True)
                        faults.append(Fault(request.line, error))
                        unanswered = unanswered + 1 if type(error) is NoAnswer else 0
                if unanswered >= UNANSWERED:  # Riot is down for all of them
                    break
    finally:  # also when a later row ends it
        for fault in sorted(faults, key=lambda fault: fault.line or 0):
            show_error(f"{path}, line {fault.line}: {fault.error}")
    show_line(f"track: {done} of {len(requests) + len(bad)} rows are tracked")
    return worst(*(fault.error.exit_status for fault in faults))


def warn_of_channels(app: App, db: Database, requests: list[TrackRequest]) -> None:
    """Says where nothing could be posted as things are. In a workspace without a token nobody can be asked."""
    slack = app.slack(lambda: CHANNEL_SECONDS)
    for workspace, channel_id in sorted({(request.workspace.lower(), request.channel_id) for request in requests}):
        if workspace not in app.settings.slack_tokens:
            continue
        try:
            doubt = doubt_about(db, slack(workspace), channel_id)
        except SlackProblem as problem:
            logger.info("%s: whether the bot can post there is not known: %s", channel_id, problem, exc_info=True)
            return
        if doubt:
            show_error(f"the bot cannot post in {channel_id} yet: {doubt}")


@click.command("untrack")
@click.argument("riot_id", metavar="NAME#TAG", callback=checked(read_riot_id))
@click.option("--channel", metavar="C", callback=checked(read_channel_id), help="This channel only; otherwise all.")
@click.pass_obj
def untrack_command(app: App, riot_id: RiotId, channel: str | None) -> None:
    """Stop announcing a player's games.

    \b
    lolslackbot untrack "Ahri Fan#EUW"
    lolslackbot untrack "Ahri Fan#EUW" --channel C0123456789
    """
    with report_errors():
        with app.open_readwrite() as db:
            untracked = untrack(
                db, riot_id, channel, app.clock.now(), app.settings.match_link, app.settings.ddragon_url
            )
        show_line(f"{riot_id} is no longer announced in {', '.join(untracked)}")


@click.command("players")
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@click.pass_obj
def players_command(app: App, as_json: bool) -> None:
    """List the tracked players and their channels. Shows what keeps a player from being polled.

    \b
    lolslackbot players
    lolslackbot players --json
    """
    with report_errors(), app.open_readonly() as db:
        rows = [
            {
                "player": str(track.player.riot_id),
                "platform": track.player.platform,
                "channel": track.channel_id,
                "workspace": track.workspace,
                "since": text_of(track.since),
                "last_game": track.player.last_game_at and text_of(track.player.last_game_at),
                "rank": rank_of(db, track.player.player_id),
                "problem": track.player.problem,
            }
            for track in players.tracks(db)
        ]
    if as_json:
        show_json(rows)
    else:  # to the minute: it leaves room for names
        short = [
            {
                ("last game" if name == "last_game" else name): f"{str(cell)[:16]}Z"
                if name in ("since", "last_game") and cell
                else cell
                for name, cell in row.items()
            }
            for row in rows
        ]
        show_table(short, "No players tracked yet. Start with `lolslackbot track`.")


def rank_of(db: Database, player_id: int) -> str | None:
    """The rank in the first queue in which a player has one, as it was last read."""
    for queue, reading in ranks.latest(db, player_id).items():
        return f"{reading.standing.text} ({NAMES[queue]})" if reading.standing else None
    return None


@click.group("channels", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@click.pass_context
def channels_command(context: click.Context, as_json: bool) -> None:
    """List the channels and what each hears of. Shows players and problems too.

    \b
    lolslackbot channels
    lolslackbot channels set C0123456789 --style compact
    """
    app = context.find_object(App)
    assert app
    if context.invoked_subcommand:
        if as_json:
            raise click.UsageError("--json cannot be combined with a subcommand")
        return
    with report_errors(), app.open_readonly() as db:
        tracks, wishes, names = players.tracks(db), channels.preferences(db), channels.names(db)
        everything = holds.find(db, holds.EVERYTHING, "paused")
        paused = {channel_id: holds.find(db, holds.channel_scope(channel_id), "paused") for channel_id in wishes}
        rows: list[dict[str, Any]] = [
            {
                "channel": channel_id,
                "name": names.get(channel_id),
                "workspace": workspace,
                "players": sum(track.channel_id == channel_id for track in tracks),
                "queues": wishes[channel_id].queues,
                "style": wishes[channel_id].style.value,
                **wishes[channel_id].switches,
                "paused": text_of(pause.since) if (pause := paused[channel_id] or everything) else None,
                "problem": hold.reason if (hold := holds.find(db, holds.channel_scope(channel_id), "broken")) else None,
            }
            for channel_id, workspace in sorted(
                {(track.channel_id, track.workspace) for track in tracks}
                | {(inbox.channel_id, inbox.workspace) for inbox in requests.inboxes(db)}
            )
        ]
    if as_json:
        show_json(rows)
        return
    named = [{**row, "name": row["name"] and f"#{row['name']}"} for row in rows]
    show_table(named, "No channels yet. Start with `lolslackbot track`.")
    if everything:
        show_line(
            f"everything is paused since {text_of(everything.since)}: `lolslackbot resume` continues", colour=CAUTION
        )


@channels_command.command("set")
@click.argument("channel", metavar="C", callback=checked(read_channel_id))
@click.option(
    "--queues",
    metavar="Q,…",
    callback=checked(read_queues),
    help=f"What to announce: {ALL}, or some of {', '.join(KINDS)} and Riot's queue ids, separated by commas.",
)
@click.option("--style", type=click.Choice([each.value for each in Style]), help="How much to say about a game.")
@click.option("--ranks", type=_SWITCH, help="Whether to say a player's rank after ranked games.")
@click.option("--digest", type=_SWITCH, help="Whether to sum up each week in one message.")
@click.option("--live", type=_SWITCH, help="Whether to say that a game has begun.")
@click.option("--requests", type=_SWITCH, help="Whether people there may ask the bot: `answer` reads what they say.")
@click.pass_obj
def channels_set_command(app: App, /, channel: str, style: str | None, **changes: Any) -> None:
    """Choose what a channel hears of from now on.

    \b
    lolslackbot channels set C0123456789 --queues ranked,clash --style compact
    """
    change = channels.Change(style=Style(style) if style else None, **changes)
    if change == channels.Change():
        raise click.UsageError("give --queues, --style, --ranks, --digest, --live, --requests or several of them")
    with report_errors(), app.open_readwrite() as db:
        show_line(prefer(db, channel, change, app.clock.now()))


@channels_command.command("move")
@click.argument("old", metavar="OLD", callback=checked(read_channel_id))
@click.argument("new", metavar="NEW", callback=checked(read_channel_id))
@click.pass_obj
def channels_move_command(app: App, old: str, new: str) -> None:
    """Follow a channel whose id changed in Slack. Players, settings and messages move too; nothing is posted again.

    \b
    lolslackbot channels move C0123456789 C9876543210
    """
    with report_errors(), app.open_readwrite() as db, db.run_lock("deliver"):
        show_line(move_channel(db, old, new, app.clock.now()))
