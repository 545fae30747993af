"""All commands on one page: options and help; builds the clients; every end of a run becomes an exit status."""

import html
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, cast
from urllib.parse import quote

import click

from lolslackbot import __version__, logs
from lolslackbot.admin.backup import backup, restore
from lolslackbot.admin.facts import Facts, StageRuns
from lolslackbot.admin.needs import CUT_OFF
from lolslackbot.admin.pause import pause, resume
from lolslackbot.admin.prune import prune
from lolslackbot.admin.retry import retry_channel, retry_matches, retry_message, retry_missing
from lolslackbot.admin.status import Status, status
from lolslackbot.admin.tracking import (
    Tracker,
    Wish,
    prefer,
    read_channel_id,
    read_file,
    read_platform,
    read_riot_id,
    read_workspace,
    untrack,
)
from lolslackbot.admin.why import why
from lolslackbot.clock import Budget, Clock, text_of
from lolslackbot.console import ago, show_error, show_json, show_line, show_table
from lolslackbot.errors import Exit, NotFound, RunEnds, Unusable, worst
from lolslackbot.messages.queues import ALL, KINDS, read_queues
from lolslackbot.model import RiotId, Style
from lolslackbot.quiet import may_speak
from lolslackbot.settings import Settings, default_home, read_settings, read_settings_in_spite_of_faults
from lolslackbot.stages.run import Run, run_stage
from lolslackbot.store import channels, holds, players
from lolslackbot.store.database import Database, create_database, open_database, read_only

if TYPE_CHECKING:
    from lolslackbot.riot.client import RiotClient
    from lolslackbot.riot.limiter import Limiter
    from lolslackbot.slack.client import SlackClient
    from lolslackbot.stages.deliver import Limits as DeliveryLimits

# What only one command needs (a client and its library) is imported by that command: the others start fast.


BLOCK_KIT_BUILDER = "https://app.slack.com/block-kit-builder/#"


class Stopped(BaseException):
    """SIGTERM: like Ctrl-C, the run ends at once."""


def main() -> NoReturn:
    """The installed command. Whatever happens, a person gets one line, and the caller an exit status."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = cli.main(prog_name="lolslackbot", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        status = Exit.UNUSABLE
    except click.ClickException as error:
        show_error(error.format_message())
        status = Exit.UNUSABLE
    except (KeyboardInterrupt, click.Abort):
        show_error("stopped by Ctrl-C")
        status = 130
    except Stopped:
        show_error("stopped by SIGTERM")
        status = 143
    except Exception as error:
        logging.getLogger(__name__).debug("the command ends with an unexpected error", exc_info=True)
        show_error(f"unexpected {type(error).__name__}: the log has more")  # its text may be anything
        status = Exit.SOME_FAILED
    sys.exit(int(status or 0))


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped


@dataclass
class App:
    """What every command is told before its own options."""

    home: Path
    database: Path | None
    verbose: int
    quiet: bool
    clock: Clock

    @cached_property
    def settings(self) -> Settings:
        return read_settings(self.home, self.database, os.environ)

    def begin_log(self, *, to_file: bool = True, usual: int = logging.WARNING) -> None:
        """Begins logging: to stderr as -v says (-q: held back; without either the `usual` level), and to the file."""
        level = {0: usual, 1: logging.INFO}.get(self.verbose, logging.DEBUG)
        if not self.quiet:
            logs.log_to_stderr(level, self.settings.secrets)
        if to_file:
            fault = None
            try:
                logs.log_to_file(self.settings.log, self.settings.secrets)
            except OSError as error:
                fault = f"no log, {self.settings.log} cannot be written: {error.strerror}"
            self._tell_of_log(fault)

    def _tell_of_log(self, fault: str | None) -> None:
        """No failure of the run. Remembered beside the database: who cannot write there has other troubles."""
        memory = self.settings.database.with_name("log.last-failure")
        status, problems = (Exit.SOME_FAILED, [fault]) if fault else (Exit.OK, [])
        if (not self.quiet or may_speak(memory, status, problems, self.clock.now())) and fault:
            show_error(fault)

    def run(self, stage: str, work: Callable[[Database, Run], None]) -> NoReturn:
        """Runs a stage as cron does: lock, work, one summary line, exit status."""
        try:
            settings = self.settings
        except Unusable as error:
            fault = str(error)
            self._leave(stage, error.exit_status, [fault], lambda: show_error(fault))
        held = logs.hold_for_stderr(settings.secrets) if self.quiet else None
        self.begin_log(to_file=settings.database.is_file())  # a stage without a database makes nothing
        run = run_stage(stage, settings.database, self.clock, settings.max_seconds, work)

        def speak() -> None:
            for line in held.lines if held else []:
                click.echo(line, err=True)
            if run.began:
                show_line(run.summary())
            if run.ended_by:
                show_error(run.ended_by)

        self._leave(stage, run.status, run.problems, speak)

    def _leave(self, stage: str, status: Exit, problems: list[str], speak: Callable[[], None]) -> NoReturn:
        memory = self.home / f"{stage}.last-failure"
        if not self.quiet or may_speak(memory, status, problems, self.clock.now()):
            speak()
        sys.exit(int(status))

    def riot(self, db: Database, time_left: Callable[[], float] | None = None) -> tuple["RiotClient", "Limiter"]:
        """The Riot client, with the limiter that all processes share through the database."""
        from lolslackbot.riot.client import CALL_SECONDS, RiotClient
        from lolslackbot.riot.limiter import Limiter
        from lolslackbot.store.limits import RiotLedger

        limiter = Limiter(RiotLedger(db), self.clock, CALL_SECONDS)
        key, url = self.settings.need_riot_key(), self.settings.riot_url
        return RiotClient(key, url, limiter, self.clock, time_left or (lambda: CALL_SECONDS)), limiter

    def slack(self, time_left: Callable[[], float]) -> Callable[[str], "SlackClient"]:
        """The Slack client of a workspace, made when it is first needed."""
        from lolslackbot.slack.client import SlackClient

        @cache
        def client(workspace: str) -> SlackClient:
            token = self.settings.need_slack_token(workspace)
            return SlackClient(token, self.settings.slack_url, self.clock, time_left)

        return client


@contextmanager
def person() -> Iterator[None]:
    """Around what a person runs: the error that ends it becomes one line and an exit status."""
    try:
        yield
    except RunEnds as end:
        show_error(str(end))
        sys.exit(int(end.exit_status))


def checked(read: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """An option's callback: its ValueError becomes click's one line, which names the option."""

    def callback(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Any:
        try:
            return None if text is None else read(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback


@contextmanager
def a_reader() -> Iterator[None]:
    """Around all that prints: whoever reads it may leave early, as `head` does. Then it ends as SIGPIPE ends others.

    That signal itself must not end us: writing to Slack and Riot raises it too.
    """
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still flushes in the end
        sys.exit(141)


class Commands(click.Group):
    """Lists its commands in the order of this page, the stages first, and not by the alphabet."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(self.commands)

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with a_reader():
            return super().make_context(*arguments, **more)

    def invoke(self, context: click.Context) -> Any:
        with a_reader():
            return super().invoke(context)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Folder of database, log and env file.")
@click.option("--database", type=click.Path(path_type=Path, dir_okay=False), help="Another database than the home's.")
@click.option("-v", "--verbose", count=True, help="Say more on stderr; -vv says all that the log file has.")
@click.option("-q", "--quiet", is_flag=True, help="For cron: speak of failures only, of the same one once a day.")
@click.version_option(__version__, prog_name="lolslackbot")
@click.pass_context
def cli(context: click.Context, home: Path | None, database: Path | None, verbose: int, quiet: bool) -> None:
    """Posts one Slack message for each finished League of Legends game of the players you track.

    Cron runs the three stages every 3 minutes: fetch-matches, build-messages, deliver. Each can be run by hand, alone,
    at any time, and again after a failure.

    \b
    lolslackbot track "Ahri Fan#EUW" --channel C0123456789
    lolslackbot -v fetch-matches
    lolslackbot --home ~/other status
    """
    if verbose and quiet:
        raise click.UsageError("-v and -q exclude each other")
    with person():
        chosen = home or default_home(os.environ, click.get_app_dir("lolslackbot"))
    context.obj = App(chosen.absolute(), database and database.absolute(), verbose, quiet, Clock())


@cli.command("fetch-matches")
@click.pass_obj
def fetch_matches_command(app: App) -> None:
    """Ask Riot for the games that tracked players finished.

    \b
    lolslackbot fetch-matches
    lolslackbot -q fetch-matches  # as cron does
    """

    def work(db: Database, run: Run) -> None:
        from lolslackbot.riot.data_dragon import DataDragon
        from lolslackbot.stages.fetch_champions import fetch_champions
        from lolslackbot.stages.fetch_matches import Limits, fetch_matches

        riot, limiter = app.riot(db, run.budget.left)
        within, wait = app.settings.announce_within, app.settings.max_wait
        fetch_matches(db, riot, limiter, run, Limits(timedelta(seconds=within), timedelta(seconds=wait)))
        if app.settings.ddragon_url:
            fetch_champions(db, DataDragon(app.settings.ddragon_url, app.clock, run.budget.left), run)

    app.run("fetch-matches", work)


@cli.command("build-messages")
@click.pass_obj
def build_messages_command(app: App) -> None:
    """Word a message for each fetched game and channel. Calls nobody.

    \b
    lolslackbot build-messages
    """

    def work(db: Database, run: Run) -> None:
        from lolslackbot.stages.build_messages import build_messages

        build_messages(db, run, app.settings.match_link, app.settings.ddragon_url)

    app.run("build-messages", work)


@cli.command("deliver")
@click.option("--dry-run", is_flag=True, help="Print what would go out now; call nobody, change nothing.")
@click.option("--blocks", is_flag=True, help="With --dry-run: the blocks too, and a link that shows them in Slack.")
@click.pass_obj
def deliver_command(app: App, dry_run: bool, blocks: bool) -> None:
    """Post what waits to Slack, each message once.

    \b
    lolslackbot deliver --dry-run
    lolslackbot deliver
    """
    if blocks and not dry_run:
        raise click.UsageError("--blocks goes with --dry-run")
    if dry_run:
        with person():
            show_dry_run(app, blocks)
        return

    def work(db: Database, run: Run) -> None:
        from lolslackbot.admin.alerts import alert
        from lolslackbot.stages.deliver import deliver

        client = app.slack(run.budget.left)
        deliver(db, client, run, delivery_limits(app.settings))
        if app.settings.alert_channel:
            with run.item("alert"):
                alert(db, client, app.settings.alert_channel, app.clock.now())

    app.run("deliver", work)


def delivery_limits(settings: Settings) -> "DeliveryLimits":
    """The settings `deliver` goes by."""
    from lolslackbot.stages.deliver import Limits
    from lolslackbot.stages.settle import Policy

    uncertain = Policy(timedelta(seconds=settings.uncertain_after), settings.resend_uncertain)
    return Limits(timedelta(seconds=settings.announce_within), settings.channel_limit, uncertain)


def show_dry_run(app: App, blocks: bool) -> None:
    """Each message that would go out now as it will read, then how many, and why others would not.

    blocks: their JSON too, with a link to Slack's Block Kit Builder, which shows what stands in the link itself.
    """
    from lolslackbot.stages.deliver import dry_run

    app.begin_log(to_file=False)
    with read_only(app.settings.database) as db:
        going, notes = dry_run(db, delivery_limits(app.settings), app.clock.now())
    for message in going:
        show_line(f"{message.channel_id} (workspace {message.workspace}), {message.match_id}:")
        for line in html.unescape(message.text).splitlines():
            show_line(f"    {line}")
        if blocks:
            show_line(f"    {message.blocks or 'no blocks: they were refused, it goes out as plain text'}")
        if blocks and message.blocks:
            document = '{"blocks": ' + message.blocks + "}"
            show_line(f"    {BLOCK_KIT_BUILDER}{quote(document, safe='')}")
    for note in notes:
        show_line(note)
    show_line(f"deliver --dry-run: {len(going)} would go out now, {len(notes)} would not")


@cli.command("track")
@click.argument("riot_id", metavar="NAME#TAG", required=False, callback=checked(read_riot_id))
@click.option("--channel", metavar="C", callback=checked(read_channel_id), help="Slack channel id, C… or G….")
@click.option("--platform", metavar="P", callback=checked(read_platform), help="euw1, na1, kr, …; Riot knows it too.")
@click.option("--workspace", metavar="W", callback=checked(read_workspace), help="Slack workspace, if several.")
@click.option(
    "--file", "path", type=click.Path(path_type=Path, dir_okay=False), help="CSV: riot_id,platform,channel,workspace."
)
@click.pass_obj
def track_command(
    app: App,
    riot_id: RiotId | None,
    channel: str | None,
    platform: str | None,
    workspace: str | None,
    path: Path | None,
) -> None:
    """Announce a player's games in a channel, from now on. Makes the database if there is none.

    \b
    lolslackbot track "Ahri Fan#EUW" --channel C0123456789
    lolslackbot track --file players.csv
    """
    if path and (riot_id or channel or platform or workspace):
        raise click.UsageError("--file brings its own players, channels, platforms and workspaces")
    if not path and not (riot_id and channel):
        raise click.UsageError('it takes "NAME#TAG" and --channel, or --file')
    with person():
        wishes = (
            read_file(path)
            if path
            else [Wish(cast(RiotId, riot_id), cast(str, channel), platform, workspace or "default")]
        )
        app.settings.need_riot_key()
        with closing(create_database(app.settings.database)) as db:
            app.begin_log()
            tracker = Tracker(db, app.riot(db)[0], app.clock, app.settings.max_wait)
            status = track_all(tracker, path, wishes) if path else track_one(tracker, wishes[0])
    sys.exit(int(status))


def track_one(tracker: Tracker, wish: Wish) -> Exit:
    show_line(tracker.track(wish))
    return Exit.OK


def track_all(tracker: Tracker, path: Path, wishes: list[Wish]) -> Exit:
    """Each row on its own: one that cannot be tracked as it stands does not stop the others."""
    faults: list[tuple[int | None, RunEnds]] = []
    try:
        with click.progressbar(wishes, label="tracking", file=sys.stderr) as bar:
            for wish in bar:
                try:
                    tracker.track(wish)
                except (NotFound, players.OtherWorkspace) as fault:
                    faults.append((wish.line, fault))
    finally:  # also when a later row ends it
        for line, each in faults:
            show_error(f"{path}, line {line}: {each}")
    show_line(f"track: {len(wishes) - len(faults)} of {len(wishes)} rows are tracked")
    return worst(*(each.exit_status for _, each in faults))


@cli.command("untrack")
@click.argument("riot_id", metavar="NAME#TAG", callback=checked(read_riot_id))
@click.option("--channel", metavar="C", callback=checked(read_channel_id), help="This channel only; otherwise all.")
@click.pass_obj
def untrack_command(app: App, riot_id: RiotId, channel: str | None) -> None:
    """Announce a player's games no longer.

    \b
    lolslackbot untrack "Ahri Fan#EUW"
    lolslackbot untrack "Ahri Fan#EUW" --channel C0123456789
    """
    with person():
        with closing(open_database(app.settings.database)) as db:
            app.begin_log()
            untracked = untrack(
                db, riot_id, channel, app.clock.now(), app.settings.match_link, app.settings.ddragon_url
            )
        show_line(f"{riot_id} is no longer announced in {', '.join(untracked)}")


@cli.command("players")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def players_command(app: App, as_json: bool) -> None:
    """List the tracked players, and where each is announced. Also says what keeps Riot's list from us.

    \b
    lolslackbot players
    lolslackbot players --json
    """
    with person(), read_only(app.settings.database) as db:
        rows = [
            {
                "player": str(track.player.riot_id),
                "platform": track.player.platform,
                "channel": track.channel_id,
                "workspace": track.workspace,
                "since": text_of(track.since),
                "problem": track.player.problem,
            }
            for track in players.tracks(db)
        ]
    show_json(rows) if as_json else show_table(rows, "no player is tracked: `lolslackbot track` begins")


@cli.group("channels", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def channels_command(context: click.Context, as_json: bool) -> None:
    """List the channels, and what each wants to hear. Also says how many players each hears of, and what is wrong.

    \b
    lolslackbot channels
    lolslackbot channels set C0123456789 --style compact
    """
    app = context.find_object(App)
    assert app
    if context.invoked_subcommand:
        if as_json:
            raise click.UsageError("--json lists the channels; it goes with no further command")
        return
    with person(), read_only(app.settings.database) as db:
        tracks, wishes = players.tracks(db), channels.preferences(db)
        rows = [
            {
                "channel": channel_id,
                "workspace": workspace,
                "players": sum(track.channel_id == channel_id for track in tracks),
                "queues": wishes[channel_id][0],
                "style": wishes[channel_id][1].value,
                "problem": hold.reason if (hold := holds.find(db, holds.channel_scope(channel_id), "broken")) else None,
            }
            for channel_id, workspace in sorted({(track.channel_id, track.workspace) for track in tracks})
        ]
    show_json(rows) if as_json else show_table(rows, "no channel is told anything: `lolslackbot track` begins")


@channels_command.command("set")
@click.argument("channel", metavar="C", callback=checked(read_channel_id))
@click.option(
    "--queues",
    metavar="Q,…",
    callback=checked(read_queues),
    help=f"What it hears of: {ALL}, or some of {', '.join(KINDS)} and Riot's queue ids, by comma.",
)
@click.option("--style", type=click.Choice([each.value for each in Style]), help="How much it reads about a game.")
@click.pass_obj
def channels_set_command(app: App, channel: str, queues: str | None, style: str | None) -> None:
    """Say what a channel wants to hear, from now on.

    \b
    lolslackbot channels set C0123456789 --queues ranked,clash --style compact
    """
    if queues is None and style is None:
        raise click.UsageError("it takes --queues, --style or both")
    with person(), closing(open_database(app.settings.database)) as db:
        app.begin_log()
        show_line(prefer(db, channel, queues, Style(style) if style else None, app.clock.now()))


@cli.command("pause")
@click.option("--channel", metavar="C", callback=checked(read_channel_id), help="This channel only; otherwise all.")
@click.pass_obj
def pause_command(app: App, channel: str | None) -> None:
    """Stop delivering before the next message. A run at work stops too; nothing is lost.

    \b
    lolslackbot pause
    lolslackbot pause --channel C0123456789
    """
    with person(), closing(open_database(app.settings.database)) as db:
        app.begin_log()
        show_line(pause(db, channel, app.clock.now()))


@cli.command("resume")
@click.option("--channel", metavar="C", callback=checked(read_channel_id), help="This channel only; otherwise all.")
@click.pass_obj
def resume_command(app: App, channel: str | None) -> None:
    """Go on after `pause`; what grew too old meanwhile expires.

    \b
    lolslackbot resume
    lolslackbot resume --channel C0123456789
    """
    with person(), closing(open_database(app.settings.database)) as db:
        app.begin_log()
        show_line(resume(db, channel, app.clock.now()))


@cli.command("check")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def check_command(app: App, as_json: bool) -> None:
    """Try the real keys, tokens, scopes and channels. One line each, with the remedy for what fails.

    It posts nothing. A channel or key that it finds well again is no longer held back.

    \b
    lolslackbot check
    """
    from lolslackbot.admin.check import Checking, exit_status

    with person(), logs.logging_about("check"):
        app.settings, faults = read_settings_in_spite_of_faults(app.home, app.database, os.environ)
        app.begin_log(to_file=app.settings.database.is_file(), usual=logging.CRITICAL)  # the findings say it
        budget = Budget(app.clock, app.settings.max_seconds)
        riot = lambda db: app.riot(db, budget.left)[0]  # noqa: E731 - made when the key is asked for
        findings = Checking(app.settings, app.clock, riot, app.slack(budget.left), faults).all()
    if as_json:
        show_json([finding.as_json() for finding in findings])
    else:
        for finding in findings:
            remedy = f"; {finding.remedy}" if finding.remedy else ""
            show_line(f"{finding.state:<5} {finding.what}: {finding.said}{remedy}")
    sys.exit(int(exit_status(findings)))


@cli.command("retry")
@click.option("--match", "match_id", metavar="ID", help="Ask Riot again for a match that is missing or was given up.")
@click.option("--message", nargs=2, metavar="MATCH_ID C", help="Send a failed or uncertain message again.")
@click.option("--channel", metavar="C", callback=checked(read_channel_id), help="It is well; its failed messages too.")
@click.option("--missing", is_flag=True, help="Ask Riot again for all matches it answered 404 for.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.pass_obj
def retry_command(
    app: App, match_id: str | None, message: tuple[str, str] | None, channel: str | None, missing: bool, yes: bool
) -> None:
    """Put back what you decide to try again. Shows what it will do and asks first.

    \b
    lolslackbot retry --channel C0123456789
    lolslackbot retry --message EUW1_7376970903 C0123456789
    lolslackbot retry --missing --yes
    """
    if sum(map(bool, (match_id, message, channel, missing))) != 1:
        raise click.UsageError("it takes one of --match, --message, --channel and --missing")
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("it asks first, and there is no terminal to ask on: add --yes")
    with person(), closing(open_database(app.settings.database)) as db:
        app.begin_log()
        now = app.clock.now()
        if message:
            plan = retry_message(db, *message, now)
        elif channel:
            plan = retry_channel(db, channel, now)
        elif match_id:
            plan = retry_matches(db, [match_id], now)
        else:
            plan = retry_missing(db, now)
        for sentence in plan.sentences:
            show_line(sentence)
        if yes or click.confirm("Do it?"):
            plan.do()
        else:
            show_line("nothing was changed")


@cli.command("prune")
@click.option(
    "--older-than", "days", type=click.IntRange(min=1), required=True, metavar="DAYS", help="Since their end."
)
@click.pass_obj
def prune_command(app: App, days: int) -> None:
    """Forget the bodies and texts of old games. Gives the space back; the games stay known.

    Nothing becomes announceable again by it; what still waits is kept whole.

    \b
    lolslackbot prune --older-than 90
    """
    with person():
        app.begin_log(to_file=app.settings.database.is_file())
        within = timedelta(seconds=app.settings.announce_within)
        show_line(prune(app.settings.database, days, within, app.clock.now()))


@cli.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup_command(app: App, file: Path) -> None:
    """Copy the database into FILE, and verify the copy. It may be in use; an older FILE is replaced.

    \b
    lolslackbot backup ~/lolslackbot-monday.db
    """
    with person():
        app.begin_log(to_file=app.settings.database.is_file())
        show_line(backup(app.settings.database, file.absolute()))


@cli.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def restore_command(app: App, file: Path) -> None:
    """Put a backup back, without announcing anything twice. The replaced database is kept beside it.

    \b
    lolslackbot restore ~/lolslackbot-monday.db
    """
    with person():
        app.begin_log(to_file=app.home.is_dir())
        for sentence in restore(app.settings.database, file.absolute(), app.clock.now()):
            show_line(sentence)


@cli.command("status")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def status_command(app: App, as_json: bool) -> None:
    """Say how things stand, and what needs a person. Exit status 0: nothing does; 1: something does.

    \b
    lolslackbot status
    lolslackbot status --json
    """
    with person(), read_only(app.settings.database, though_locked=True) as db:
        found = status(db, app.clock.now())
    if as_json:
        show_json(found.as_json())
    else:
        show_status(found)
    sys.exit(int(Exit.SOME_FAILED if found.needs else Exit.OK))


@cli.command("why")
@click.argument("about", metavar="MATCH_ID | NAME#TAG | C")
@click.pass_obj
def why_command(app: App, about: str) -> None:
    """Tell the story of a match, a player or a channel. Of a player: the last games; of a channel: what it gets.

    \b
    lolslackbot why EUW1_7376970903
    lolslackbot why "Ahri Fan#EUW"
    lolslackbot why C0123456789
    """
    with person(), read_only(app.settings.database, though_locked=True) as db:
        for line in why(db, about.strip(), app.clock.now()):
            show_line(line)


def show_status(found: Status) -> None:
    """One screen."""
    facts = found.facts
    for line in [*(found.needs or ["Nothing needs a person."]), *found.notes]:
        show_line(line)
    for stage, each in facts.stages.items():
        show_line(f"{stage}: {_told(each, facts.now)}")
        if each.since and sum(each.ends.values()) > 1:
            show_line(
                f"    the last {sum(each.ends.values())} runs, from {ago(each.since, facts.now)} on: {_ends(each)}"
            )
    show_line(_freshness(facts))
    counts = ", ".join(f"{number} {what}" for what, number in facts.waiting.items() if number)
    show_line(f"waiting: {counts or 'nothing'}")
    for hold in facts.holds:
        if hold.until is not None:
            state = "held back until" if facts.in_force(hold) else "was held back until"
            show_line(f"{hold.scope} {state} {text_of(hold.until)}: {hold.reason}")


def _told(stage: StageRuns, now: datetime) -> str:
    run = stage.last
    if run is None:
        return "no run on record"
    if run.ended_at is None:
        return f"began {ago(run.began_at, now)} and {'is at work' if stage.at_work else CUT_OFF}"
    summary = (run.summary or "").removeprefix(f"{run.stage}: ")
    seconds = (run.ended_at - run.began_at).total_seconds()
    return f"{ago(run.began_at, now)}, {seconds:.1f} s, exit {run.exit_status}: {summary}"


def _ends(stage: StageRuns) -> str:
    return ", ".join(f"{number} {f'exit {end}' if end.isdigit() else end}" for end, number in stage.ends.items())


def _freshness(facts: Facts) -> str:
    fresh = facts.freshness
    told = [
        (fresh.last_listed_at, "Riot was last asked for a list"),
        (fresh.longest_unasked_since, "the list that waits longest was asked for"),
        (fresh.wanted_since, "the oldest match that waits was listed"),
        (fresh.waiting_since, "the oldest message that waits was made"),
        (fresh.last_post_at, "the last message went out"),
    ]
    return "; ".join(f"{what} {ago(moment, facts.now)}" for moment, what in told if moment) or "Riot was never asked"
