"""`why`: the story of one match, player or channel."""

import json
from datetime import datetime

import click

from lolslackbot.admin.arguments import ChannelId, GameId, MatchId, Post, Subject, read_subject
from lolslackbot.commands.app import App, checked, report_errors
from lolslackbot.console import show_json, show_line
from lolslackbot.errors import ConfigError, NotFound
from lolslackbot.health.why import View, tell_channel, tell_game, tell_match, tell_player, tell_post
from lolslackbot.model import RiotId
from lolslackbot.settings import Settings
from lolslackbot.store import history
from lolslackbot.store.database import Database

_TAKES = (
    "give a match id or its number, NAME#TAG, a channel's id, or the link of a match, a message or a channel; "
    "Slack shows a channel's id at the bottom of its details"
)


@click.command("why")
@click.argument("about", metavar="MATCH | NAME#TAG | C", callback=checked(str))
@click.option("--json", "as_json", is_flag=True, help="Output Riot's stored answer about MATCH.")
@click.pass_obj
def why_command(app: App, about: str, as_json: bool) -> None:
    """Tell the story of a match, a player or a channel. Of a player: the last games; of a channel: what it gets.

    MATCH is a match id, the number in it, or a link to the match, or to our message about it in Slack.

    \b
    lolslackbot why EUW1_7376970903
    lolslackbot why EUW1_7376970903 --json
    lolslackbot why "Ahri Fan#EUW"
    lolslackbot why C0123456789
    lolslackbot why https://acme.slack.com/archives/C0123456789
    """
    with report_errors(), app.open_readonly(though_locked=True) as db:
        if as_json:
            show_json(json.loads(stored_answer(db, about, app.settings)))
        else:
            for line in why(db, about, app.clock.now(), app.settings):
                show_line(line)


def why(db: Database, about: str, now: datetime, settings: Settings | None = None) -> list[str]:
    """The story, line by line. Raises NotFound where nothing is known."""
    subject = _subject(about, settings)
    with db.snapshot():
        view = View(db, now, settings)
        match subject:
            case RiotId():
                return list(tell_player(view, subject))
            case MatchId(match_id):
                return list(tell_match(view, match_id))
            case GameId(number):
                return list(tell_game(view, number))
            case Post(channel_id, ts):
                return list(tell_post(view, channel_id, ts))
            case ChannelId(channel_id):
                return list(tell_channel(view, channel_id))


def stored_answer(db: Database, about: str, settings: Settings | None = None) -> bytes:
    """Riot's answer about one match. Raises ConfigError for anything else, NotFound where none is stored."""
    match _subject(about, settings):
        case MatchId(match_id):
            found = [match_id]
        case GameId(number):
            found = history.with_number(db, number)
        case Post(channel_id, ts):
            message = history.posted_as(db, channel_id, ts)
            found = [message.match_id] if message and message.match_id else []
        case _:
            raise ConfigError(f"--json needs a match: {about} is none")
    if len(found) > 1:
        raise ConfigError(f"--json needs one match of {', '.join(found)}")
    body = history.body_of(db, found[0]) if found else None
    if body is None:
        raise NotFound(f"no stored answer about {about}: it was pruned, or never fetched")
    return body


def _subject(about: str, settings: Settings | None) -> Subject:
    try:
        return read_subject(about, settings.match_link if settings else "")
    except ValueError:
        raise NotFound(f"nothing is known of {about}: {_TAKES}") from None
