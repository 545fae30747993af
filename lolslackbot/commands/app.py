"""Shared command context: settings, log, database, clients, and how a command ends."""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import click

from lolslackbot import logs
from lolslackbot.clock import Clock
from lolslackbot.console import show_error, show_line
from lolslackbot.errors import ConfigError, Exit, RunAborted
from lolslackbot.files import with_owner
from lolslackbot.location import Server, is_server
from lolslackbot.ping import Ping
from lolslackbot.settings import (
    NO_URL_AS_HOME,
    Settings,
    default_home,
    fault_of_location,
    is_url,
    load_settings_collecting_errors,
    read_settings,
    utf8,
)
from lolslackbot.shares import WHOLE, Share
from lolslackbot.store.connect import exists, open_database, read_only
from lolslackbot.store.database import Database
from lolslackbot.store.locks import STAGES

if TYPE_CHECKING:
    from lolslackbot.riot.client import RiotClient
    from lolslackbot.riot.limiter import Limiter
    from lolslackbot.slack.client import SlackClient
    from lolslackbot.stages.run import Run

logger = logging.getLogger(__name__)


class App:
    """The global options, and what they lead to."""

    def __init__(self, home: str | None, database: str | None, verbose: int, quiet: bool) -> None:
        self.verbose, self.quiet = verbose, quiet
        self.clock = Clock()
        self.home = os.devnull  # until it is known: nothing can be kept there
        try:
            if database and (fault := fault_of_location(database)):
                raise ConfigError(f"--database cannot be used: {fault}")
            if database and is_server(database) and Server.at(database).secrets:
                raise ConfigError(
                    "--database cannot be used: its password would stand in the list of processes; "
                    "set LOLSLACKBOT_DATABASE in the `env` file, or keep the password in ~/.pgpass"
                )
            if home and is_url(home):
                raise ConfigError(f"--home cannot be used: {NO_URL_AS_HOME}")
            self.home = absolute(home or default_home(os.environ, click.get_app_dir("lolslackbot")))
            if os.path.exists(self.home) and not os.path.isdir(self.home):
                raise ConfigError(f"{'--home' if home else 'the home'} cannot be used: {self.home} is not a folder")
            self.database = database if not database or is_server(database) else absolute(database)
            if self.database and os.path.isdir(self.database):
                raise ConfigError(f"--database cannot be used: {self.database} is a folder")
        except ConfigError as error:
            fault = str(error)
            self._leave_unbegun(error.exit_status, {fault}, lambda: show_error(fault))

    @cached_property
    def settings(self) -> Settings:
        return read_settings(self.home, self.database, os.environ)

    @contextmanager
    def open_readonly(self, *, though_locked: bool = False) -> Iterator[Database]:
        """The database, for a command that changes nothing; also while another program does not let go of it."""
        with read_only(self.settings.database, though_locked=though_locked) as db:
            self.clock.follow(db)
            yield db

    @contextmanager
    def open_readwrite(self) -> Iterator[Database]:
        """The database, for a command that changes it; what goes wrong from then on is in the log."""
        with closing(open_database(self.settings.database)) as db:
            self.clock.follow(db)
            self.begin_log()
            yield db

    def begin_log(self, *, to_file: bool = True, usual: int = logging.WARNING) -> None:
        """Begins logging: to stderr as -v says (-q: held back; without either the `usual` level), and to the file."""
        level = {0: usual, 1: logging.INFO}.get(self.verbose, logging.DEBUG)
        if not self.quiet:
            logs.log_to_stderr(level, self.settings.secrets)
        if to_file:
            try:
                logs.log_to_file(self.settings.log, self.settings.secrets)
            except OSError as error:
                if not self.quiet:  # else `check` says it
                    told = f"no log, {self.settings.log} cannot be written: {error.strerror}"
                    show_error(with_owner(told, self.settings.log, error))

    def run(
        self,
        stage: str,
        work: "Callable[[Database, Run], None]",
        divide: Callable[[Database], Sequence[Share]] | None = None,
    ) -> NoReturn:
        """Runs a stage as cron does: lock, work, one summary line, exit status.

        divide: the shares among which several processes divide the work, where they can.
        """
        from lolslackbot.stages.run import run_stage

        try:
            settings = self.settings
        except ConfigError as error:
            fault = str(error)
            self._ring_about_settings(stage, fault)
            self._leave_unbegun(error.exit_status, {fault}, lambda: show_error(fault))
        held = logs.hold_for_stderr(settings.secrets) if self.quiet else None
        self.begin_log(to_file=exists(settings.database))  # a stage without a database makes nothing
        ping = _ping_of(stage, settings)
        if ping:
            ping.begin()
        if divide and settings.workers > 1:
            from lolslackbot.stages.workers import run_shared

            kept = held.lines if held else []
            run = run_shared(stage, settings.database, self.clock, settings.max_seconds, work, divide, kept)
        else:
            run = run_stage(stage, settings.database, self.clock, settings.max_seconds, work)

        if ping:
            summary = logs.without_secrets("; ".join(filter(None, (run.summary(), run.ended_by))), settings.secrets)
            ping.end(summary, failed=run.status in (Exit.UNUSABLE, Exit.REJECTED))

        def speak() -> None:
            for line in held.lines if held else []:
                click.echo(line, err=True)
            if run.began:
                show_line(run.summary())
            if run.ended_by:
                show_error(run.ended_by)

        if not run.began and (run.is_blind or run.status is not Exit.LATER):
            self._leave_unbegun(run.status, set(run.problems), speak)
        if self.quiet:
            self._speak_quietly(run, speak)
        else:
            speak()
        sys.exit(int(run.status))

    def _ring_about_settings(self, stage: str, fault: str) -> None:
        """Where a setting is at fault, by those that are not."""
        settings, _ = load_settings_collecting_errors(self.home, self.database, os.environ)
        if ping := _ping_of(stage, settings):
            ping.begin()
            ping.end(logs.without_secrets(fault, settings.secrets), failed=True)

    def _leave_unbegun(self, status: Exit, problems: set[str], speak: Callable[[], None]) -> NoReturn:
        """After a run that could not begin: what stops one stage stops the others, and is said by one."""
        from lolslackbot.commands.quiet import Topic, take_news

        if not self.quiet or take_news(self.home, {Topic(False, each) for each in problems}, self.clock.now()):
            speak()
        sys.exit(int(status))

    def _speak_quietly(self, run: "Run", speak: Callable[[], None]) -> None:
        """Says what is news of this run's failures, and of what status needs."""
        from lolslackbot.commands.quiet import news_of

        news = news_of(run, self.settings, self.clock.now())
        if news.of_the_run:
            speak()
        for need in news.needs:
            show_error(f"needs a person: {need}")

    def riot(
        self, db: Database, time_left: Callable[[], float] | None = None, share: Share = WHOLE
    ) -> tuple["RiotClient", "Limiter"]:
        """The Riot client, with the limiter that all processes share through the database."""
        from lolslackbot.riot.client import CALL_SECONDS, RiotClient
        from lolslackbot.riot.limiter import Limiter
        from lolslackbot.store.call_log import CallLog

        limiter = Limiter(CallLog(db, share), self.clock, CALL_SECONDS, share.of)
        key, url = self.settings.need_riot_key(), self.settings.riot_url
        left, network = holding_lock(db, time_left or (lambda: CALL_SECONDS)), self.settings.network
        return RiotClient(key, url, limiter, self.clock, left, network), limiter

    def slack(self, time_left: Callable[[], float]) -> Callable[[str], "SlackClient"]:
        """The Slack client of a workspace, made when it is first needed."""

        @cache
        def client(workspace: str) -> "SlackClient":
            from lolslackbot.slack.client import SlackClient

            token = self.settings.need_slack_token(workspace)
            return SlackClient(token, self.settings.slack_url, self.clock, time_left, self.settings.network)

        return client


def _ping_of(stage: str, settings: Settings) -> Ping | None:
    """What the last stage of a tick rings, None if nothing is to be rung."""
    return Ping(settings.ping_url, settings.network) if stage == STAGES[-1] and settings.ping_url else None


def holding_lock(db: Database, time_left: Callable[[], float]) -> Callable[[], float]:
    """`time_left`, which is asked before each call: the run lock is held for that long, too."""

    def hold_and_tell() -> float:
        db.hold_lock()
        return time_left()

    return hold_and_tell


def absolute(path: str) -> str:
    """A path that means the same wherever we are. Its `..` stay: which folder that is, a link may decide."""
    path = path.rstrip("/") or "/"
    if os.path.isabs(path):
        return path
    try:
        return os.path.join(os.getcwd(), path)
    except FileNotFoundError:
        raise ConfigError(f"{path} is in no folder: the current one was removed; cd to another") from None


@contextmanager
def report_errors() -> Iterator[None]:
    """Turns the error that ends a command into one line and an exit status."""
    with logs.logging_about(click.get_current_context().command.name or ""):
        try:
            yield
        except RunAborted as end:
            logger.debug("the command ends: %s", end, exc_info=True)
            show_error(str(end))
            sys.exit(int(end.exit_status))


def checked(read: Callable[..., Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """The callback of what is text: its ValueError becomes click's one line, which names the option or argument.

    read: gets the text, or each of several.
    """

    def callback(_context: click.Context, _parameter: click.Parameter, given: str | tuple[str, ...] | None) -> Any:
        try:
            return None if given is None else read(*map(utf8, (given,) if isinstance(given, str) else given))
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback
