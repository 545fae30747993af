"""`init`: from nothing to a bot that is ready for cron, each answer tried as it is given."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TypeVar

import click

from lolslackbot import logs
from lolslackbot.admin.arguments import TrackRequest, read_channel_id, read_platform, read_riot_id
from lolslackbot.admin.setup import MANIFEST, cron_lines, install_lines, systemd_lines, write_env
from lolslackbot.admin.tracking import NoAnswer, OtherPlatform, Tracker, doubt_about
from lolslackbot.commands.app import App, absolute, checked, report_errors
from lolslackbot.commands.check import show_check
from lolslackbot.console import show_error, show_line
from lolslackbot.errors import ConfigError, Exit, NotFound, Rejected
from lolslackbot.health.check import NOBODY
from lolslackbot.model import RiotId
from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.settings import (
    Secret,
    load_settings_collecting_errors,
    read_riot_key,
    read_settings,
    read_slack_token,
)
from lolslackbot.slack.answers import SlackProblem, SlackVerdict
from lolslackbot.store import players
from lolslackbot.store.connect import create_database, exists
from lolslackbot.store.database import Database

T = TypeVar("T")
KEY, TOKEN = "RIOT_API_KEY", "SLACK_BOT_TOKEN"


class Wrong(Exception):
    """An answer that cannot be right; the text says why, and what to do."""


def read_riot_ids(*texts: str) -> list[RiotId]:
    return [read_riot_id(text) for text in texts]


@click.command("init")
@click.option("--channel", metavar="C", callback=checked(read_channel_id), help="Slack channel id, or its link.")
@click.option(
    "--player",
    "friends",
    metavar="NAME#TAG",
    multiple=True,
    callback=checked(read_riot_ids),
    help="A friend; may be given again.",
)
@click.option("--platform", metavar="P", callback=checked(read_platform), help="Of the friends; default: ask Riot.")
@click.option("--no-verify", is_flag=True, help="Try nothing, as without a network.")
@click.option("--cron", is_flag=True, help="Put the lines for cron into the crontab.")
@click.option("--yes", is_flag=True, help="Do not ask before the crontab is changed.")
@click.pass_obj
def init_command(
    app: App, channel: str | None, friends: list[RiotId], platform: str | None, no_verify: bool, cron: bool, yes: bool
) -> None:
    """Set the bot up: key, token, channel and friends.

    Each answer is tried as it is given, and asked for again with the reason
    if it fails. What is there is kept unless answered anew. Without a
    terminal nothing is asked: the key and the token come from the variables
    RIOT_API_KEY and SLACK_BOT_TOKEN, since others could read an option in the
    list of processes; the rest comes from options.

    \b
    lolslackbot init
    lolslackbot init --channel C0123456789 --player "Ahri Fan#EUW" --cron --yes
    """
    with report_errors():
        _Setup(app, verify=not no_verify).run(channel, friends, platform)
        offer_schedule(app, install=cron, sure=yes)
        status = Exit.OK if no_verify else _check(app)
    sys.exit(int(status))


def _check(app: App) -> Exit:
    click.echo()
    logs.stop_logging()  # `check` begins anew
    return show_check(app)


class _Setup:
    """One conversation, or none where nobody is there to answer."""

    def __init__(self, app: App, *, verify: bool) -> None:
        self._app, self._verify = app, verify
        self._is_asked = sys.stdin.isatty() and sys.stdout.isatty()
        app.settings, _ = load_settings_collecting_errors(app.home, app.database, os.environ)

    def run(self, channel: str | None, friends: list[RiotId], platform: str | None) -> None:
        app = self._app
        show_line(f"The answers go into {app.settings.env}, which only you can read.")
        answers = {}
        key = self._secret(KEY, "Riot API key (a personal one, from developer.riotgames.com)", self._try_key)
        if key:
            answers[KEY] = key
        if self._is_asked and not app.settings.slack_tokens.get("default"):
            show_line("At api.slack.com/apps choose Create New App, From a manifest, your workspace, and paste:")
            click.echo(f"\n{MANIFEST}")
            show_line("Install it, copy the Bot User OAuth Token, and /invite the bot in the channel.")
        token = self._secret(TOKEN, "Slack Bot User OAuth Token (xoxb-…)", self._try_token)
        if token:
            answers[TOKEN] = token
        if answers:
            write_env(app.settings.env, answers)
            show_line(f"{app.settings.env} is written.")
        app.settings = read_settings(app.home, app.database, os.environ)
        if channel or friends or self._is_asked:
            self._track(channel, friends, platform)

    # Key and token

    def _secret(self, name: str, question: str, attempt: Callable[[Secret], None]) -> Secret | None:
        """An answer that is to be kept; None where what the file has stays."""
        read = read_riot_key if name == KEY else read_slack_token
        known = self._app.settings.riot_api_key if name == KEY else self._app.settings.slack_tokens.get("default")
        if not self._is_asked:
            if known is None:
                raise ConfigError(f"{name} is not set, and there is no terminal to ask on: put it into the environment")
            try:
                attempt(known)
            except Wrong as wrong:
                raise Rejected(f"{name}: {wrong}") from wrong
            return known if name in os.environ else None

        def parse(text: str) -> Secret:
            secret = read(text) if text else known
            if secret is None:
                raise Wrong(f"{name} is needed")
            attempt(secret)
            return secret

        kept = " [Enter keeps the one there is]" if known else ""
        secret = self._ask(f"{question}{kept}", parse, hidden=True)
        return None if secret == known and name not in os.environ else secret

    def _ask(self, question: str, parse: Callable[[str], T], *, hidden: bool = False) -> T:
        """Asks until the answer is right; what is hidden is neither echoed nor repeated."""
        while True:
            text = click.prompt(question, default="", show_default=False, hide_input=hidden)
            try:
                return parse(text.strip())
            except (Wrong, ConfigError, ValueError) as wrong:
                show_error(str(wrong))

    def _try_key(self, key: Secret) -> None:
        if not self._verify:
            return
        from lolslackbot.riot.client import RiotClient
        from lolslackbot.riot.limiter import Limiter, RateLimited
        from lolslackbot.store.call_log import CallLog

        settings, clock = self._app.settings, self._app.clock
        with self._counting() as db:
            limiter = Limiter(CallLog(db), clock, 15)
            riot = RiotClient(key, settings.riot_url, limiter, clock, network=settings.network)
            try:
                riot.account(NOBODY, None)
            except RateLimited:
                pass  # whoever is limited was let in
            except RiotRefusal as refusal:
                if refusal.verdict in (RiotVerdict.FORBIDDEN, RiotVerdict.UNAUTHORIZED):
                    raise Wrong(f"Riot refuses it ({refusal}): copy it again, a development key lasts a day") from None
                if refusal.verdict not in (RiotVerdict.NOT_FOUND, RiotVerdict.ODD_IDS, RiotVerdict.OTHER_KEY):
                    show_error(f"Riot could not be asked: {refusal}")
                    return
        show_line("Riot accepts it.")

    @contextmanager
    def _counting(self) -> Iterator[Database]:
        """Where the call counts: in the database if there is one."""
        with ExitStack() as stack:
            location = self._app.settings.database
            if not exists(location):
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lolslackbot-"))
                yield stack.enter_context(closing(create_database(os.path.join(folder, "calls.db"))))
                return
            yield stack.enter_context(closing(create_database(location)))  # on a server nothing need be there yet

    def _try_token(self, token: Secret) -> None:
        if not self._verify:
            return
        from lolslackbot.slack.client import SlackClient

        settings = self._app.settings
        slack = SlackClient(token, settings.slack_url, self._app.clock, network=settings.network)
        try:
            standing = slack.standing()
        except SlackProblem as problem:
            if problem.verdict is SlackVerdict.TOKEN_REJECTED:
                raise Wrong(f"Slack refuses it ({problem}): install the app, and copy the token again") from None
            show_error(f"Slack could not be asked: {problem}")
            return
        if not standing.is_bot:
            raise Wrong("this is a person's token: copy the Bot User OAuth Token (xoxb-…)")
        if standing.scopes is not None and "chat:write" not in standing.scopes:
            raise Wrong("it lacks chat:write, so it cannot post: make the app from the manifest, and install it again")
        show_line("Slack accepts it.")

    # Channel and friends

    def _track(self, channel: str | None, friends: list[RiotId], platform: str | None) -> None:
        app = self._app
        if channel is None and not self._is_asked:
            raise ConfigError("--player needs --channel: where a friend's games are to be announced")
        with closing(create_database(app.settings.database)) as db:
            app.clock.follow(db)
            app.begin_log()
            tracker = Tracker(db, app.riot(db)[0], app.clock, app.settings.max_wait)
            known = sorted({track.channel_id for track in players.tracks(db)})
            if channel is None and known and not friends:
                question = f"Channel id for more friends [Enter: none; tracked now: {', '.join(known)}]"
                channel = self._ask(question, lambda text: self._channel(db, text) if text else None)
                if channel is None:
                    return
            elif channel is None:
                channel = self._ask(
                    "Channel id (at the bottom of its details in Slack)", lambda text: self._channel(db, text)
                )
            elif self._verify:
                self._doubt(db, channel)
            for friend in friends:
                show_line(str(tracker.track(TrackRequest(friend, channel, platform, "default"))))
            if self._is_asked and not friends:
                self._ask_for_friends(tracker, channel, platform)

    def _channel(self, db: Database, text: str) -> str:
        channel = read_channel_id(text)
        if self._verify and (doubt := self._seen(db, channel)):
            raise Wrong(f"the bot cannot post in {channel} yet: {doubt}; then answer again")
        return channel

    def _doubt(self, db: Database, channel: str) -> None:
        if doubt := self._seen(db, channel):
            show_error(f"the bot cannot post in {channel} yet: {doubt}")

    def _seen(self, db: Database, channel: str) -> str | None:
        try:
            return doubt_about(db, self._app.slack(lambda: 15.0)("default"), channel)
        except SlackProblem as problem:
            show_error(f"whether the bot can post in {channel} is not known: {problem}")
            return None

    def _ask_for_friends(self, tracker: Tracker, channel: str, platform: str | None) -> None:
        """Until an empty answer."""

        def parse(text: str) -> bool:
            if not text:
                return False
            try:
                show_line(str(tracker.track(TrackRequest(read_riot_id(text), channel, platform, "default"))))
            except (NotFound, NoAnswer, OtherPlatform, players.OtherWorkspace) as error:
                raise Wrong(str(error)) from error
            return True

        while self._ask("A friend's Riot ID, as Ahri Fan#EUW [Enter: no more]", parse):
            pass


# What starts the stages


def command() -> str:
    """This installation's own command, as cron must call it."""
    called = shutil.which(sys.argv[0]) or sys.argv[0]
    beside = os.path.join(os.path.dirname(sys.executable), "lolslackbot")
    own = called if os.path.basename(called) == "lolslackbot" else beside
    return absolute(own)


def offer_schedule(app: App, *, install: bool, sure: bool) -> None:
    """Prints the lines for cron and for systemd, and puts those for cron into the crontab if that is wanted."""
    lines = cron_lines(command(), app.home)
    _show_block("For cron (`crontab -e`; `lolslackbot init --cron` adds them):", lines)
    _show_block(
        "Or for systemd, in the folder that lolslackbot was installed from:", systemd_lines(command(), app.home)
    )
    if not install:
        return
    if not sure and not (sys.stdin.isatty() and click.confirm("Put the lines for cron into your crontab?")):
        show_line("The crontab stays as it is.")
        return
    install_lines(lines)
    show_line("They are in your crontab, between two marked lines.")


def _show_block(title: str, lines: str) -> None:
    show_line(title)
    click.echo(f"\n{lines}")
