"""Global options, the command registry, exit codes."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

import click

from lolslackbot import __version__
from lolslackbot.console import escape_unencodable, show_error
from lolslackbot.errors import Exit

# Where each is found, and what it does. A command is imported when it is called: the others need not wait for it.
COMMANDS = {
    "init": ("init", "Set the bot up: key, token, channel and friends."),
    "answer": ("answer", "Answer what people asked in the channels that may ask."),
    "fetch-matches": ("fetch_matches", "Ask Riot for new matches of the tracked players."),
    "build-messages": ("build_messages", "Render a message for each fetched match and channel."),
    "deliver": ("deliver", "Post pending messages to Slack, each once."),
    "digest": ("digest", "Sum up a week in one message for each channel."),
    "track": ("tracking", "Announce a player's games in a channel from now on."),
    "untrack": ("tracking", "Stop announcing a player's games."),
    "players": ("tracking", "List the tracked players and their channels."),
    "channels": ("tracking", "List the channels and what each hears of."),
    "status": ("status", "Show what waits, what fails, and what needs a person."),
    "leaderboard": ("digest", "Show games, wins and LP of a week, friend by friend."),
    "why": ("why", "Tell the story of a match, a player or a channel."),
    "check": ("check", "Try the keys, tokens, scopes and channels."),
    "pause": ("maintenance", "Stop delivering before the next message."),
    "resume": ("maintenance", "Continue after `pause`; messages that grew too old expire."),
    "retry": ("maintenance", "Try again what you name."),
    "prune": ("maintenance", "Delete stored data of old games and reclaim space."),
    "backup": ("maintenance", "Write a verified copy of the database to FILE."),
    "restore": ("maintenance", "Put a backup back without announcing anything twice."),
}


class Stopped(BaseException):
    """SIGTERM: like Ctrl-C, the run ends at once."""


def main() -> NoReturn:
    """The installed command. Whatever happens, it prints one line and leaves with an exit status."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    escape_unencodable()
    try:
        status = cli.main(prog_name="lolslackbot", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        status = Exit.UNUSABLE
    except click.ClickException as error:
        show_error(_usage(error))
        status = Exit.UNUSABLE
    except (KeyboardInterrupt, click.Abort):
        show_error("stopped by Ctrl-C")
        status = 130
    except Stopped:
        show_error("stopped by SIGTERM")
        status = 143
    except Exception as error:
        import logging  # by now it is

        logging.getLogger(__name__).debug("the command ends with an unexpected error", exc_info=True)
        status, said = _unexpected(error)
        show_error(said)
    sys.exit(int(status or 0))


def _usage(error: click.ClickException) -> str:
    """What was typed wrongly, and where it would be right."""
    if isinstance(error, click.NoSuchOption) and error.ctx and error.ctx.parent:
        ours = next((each for each in cli.params if error.option_name in each.opts), None)
        if isinstance(ours, click.Option):
            value = "" if ours.is_flag or ours.count else " …"
            _, _, command = error.ctx.command_path.partition(" ")
            return (
                f"{error.option_name} is an option of the whole program: it stands before the command, as in "
                f"`lolslackbot {error.option_name}{value} {command}`"
            )
    return error.format_message()


def _unexpected(error: Exception) -> tuple[Exit, str]:
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return Exit.UNUSABLE, "no more files can be opened: raise the limit (`ulimit -n`)"
    return Exit.SOME_FAILED, f"unexpected {type(error).__name__}: the log has more"  # its text may be anything


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Stopped


@contextmanager
def exit_quietly_on_broken_pipe() -> Iterator[None]:
    """Around all that prints: whoever reads it may leave early, as `head` does. Then it ends as SIGPIPE ends others.

    That signal itself must not end us: writing to Slack and Riot raises it too.
    """
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still flushes in the end
        sys.exit(141)


class Commands(click.Group):
    """Loads a command when it is called, and lists all of them without loading any, in the order of this page."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.commands = {name: click.Command(name) for name in COMMANDS}  # names only, to find what was meant

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"lolslackbot.commands.{COMMANDS[name][0]}")
        command = getattr(module, f"{name.replace('-', '_')}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with exit_quietly_on_broken_pipe():
            return super().make_context(*arguments, **more)

    def invoke(self, context: click.Context) -> Any:
        with exit_quietly_on_broken_pipe():
            return super().invoke(context)


def _show_version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    """What a report of a fault should name."""
    if not asked or context.resilient_parsing:
        return
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from lolslackbot.store.sqlite import library_version

    parts = [f"Python {platform.python_version()}", f"SQLite {library_version()}"]
    for library in ("slack-sdk", "psycopg"):
        with suppress(PackageNotFoundError):  # psycopg is an extra
            parts.append(f"{library} {version(library)}")
    click.echo(f"lolslackbot {__version__} ({', '.join(parts)})")
    context.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
# What click would refuse of these two, it would say in every tick: whoever uses them says it, once a day with -q.
@click.option("--home", type=click.Path(readable=False), help="Folder with database, log and env file.")
@click.option("--database", type=click.Path(readable=False), help="Use this database, not the one in the home folder.")
@click.option("-v", "--verbose", count=True, help="Print more on stderr; -vv prints all that the log has.")
@click.option("-q", "--quiet", is_flag=True, help="For cron: print only what needs a person, each once a day.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version of the bot and of what it stands on.",
)
@click.pass_context
def cli(context: click.Context, home: str | None, database: str | None, verbose: int, quiet: bool) -> None:
    """Post one Slack message for each League of Legends game that tracked players finish.

    Cron runs three stages every 3 minutes: fetch-matches, build-messages, deliver. Any of them can be run by hand, at
    any time, and again after a failure.

    \b
    lolslackbot track "Ahri Fan#EUW" --channel C0123456789
    lolslackbot -v fetch-matches
    lolslackbot --home ~/other status
    """
    if verbose and quiet:
        raise click.UsageError("-v and -q exclude each other")
    from lolslackbot.commands.app import App  # --help and --version need none of it

    context.obj = App(home, database, verbose, quiet)
