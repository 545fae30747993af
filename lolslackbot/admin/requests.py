"""What friends ask of the bot in a channel: the grammar, what each request does, and the words of the answer."""

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lolslackbot.admin.arguments import TrackRequest, read_platform, read_riot_id
from lolslackbot.admin.tracking import (
    NoAnswer,
    NoPlatform,
    OtherPlatform,
    PlaysNowhere,
    Tracked,
    Tracker,
    untrack,
)
from lolslackbot.clock import Clock, text_of
from lolslackbot.errors import ConfigError, NotFound, Rejected, RunAborted, TemporaryError
from lolslackbot.messages.names import server_name
from lolslackbot.messages.slack_text import sentences
from lolslackbot.model import Player, RiotId
from lolslackbot.slack.answers import permalink
from lolslackbot.store import channels, holds, outbox, players, ranks
from lolslackbot.store.database import Database
from lolslackbot.store.requests import Request

UNANSWERED = 3  # requests in a row of which Riot says nothing; then the others wait for the next run
NEAR = 0.5  # how alike a word is to the command that was meant, at least

_QUOTES = re.compile("[\"“”„‟«»‹›＂`*~]|(?<![^ ])['‘’‚‛]|['‘’‛](?![^ ])")  # round a name, or Slack's own marks
_QUOTED_NAME = re.compile("(?<![^ ])['‘’‚‛]([^'‘’‛#]+)['‘’‛](?=#)")
_ITALICS = re.compile("(?<![^ ])_([^_]+)_(?![^ ])")
_EMOJIS = r"(?::[a-z0-9_+'-]+:)+"
_EMOJI = re.compile(rf"(?<![^ ]){_EMOJIS}(?![^ .,:;!?)])")
_AFTER_TAG = re.compile(rf"(?:{_EMOJIS}|[.,:;!?)\]_])+$")
_CHANNEL_LINK = re.compile(r" ?<#[A-Z0-9]+\|([^>]*)>")  # a tag by which a channel is called, too
_MENTION = re.compile(r"<[@!][^>]*>")
_LINK = re.compile(r"<[^|>]+\|([^>]+)>|<([^|>]+)>")
_NAMED = re.compile(r"(?P<name>[^#]+)#\s*(?P<tag>\S+)(?:\s+(?P<more>.*))?")


class Verb(StrEnum):
    TRACK = "track"
    UNTRACK = "untrack"
    LIST = "list"
    LAST = "last"
    WHY = "why"
    HELP = "help"


_ABOUT_A_PLAYER = (Verb.TRACK, Verb.UNTRACK, Verb.LAST)
_FORMS = {
    Verb.TRACK: "track NAME#TAG [SERVER]",
    Verb.UNTRACK: "untrack NAME#TAG",
    Verb.LIST: "list",
    Verb.LAST: "last NAME#TAG",
    Verb.WHY: "why",
    Verb.HELP: "help",
}
_MEANINGS = {
    Verb.TRACK: "announce a player's games here",
    Verb.UNTRACK: "stop that; for whoever asked for it, and the operator",
    Verb.LIST: "who is announced here",
    Verb.LAST: "a player's last game here",
    Verb.WHY: "what this channel hears of, and what is in the way",
    Verb.HELP: "this",
}


@dataclass(frozen=True, slots=True)
class Command:
    """What was asked, as far as it was understood."""

    verb: Verb
    riot_id: RiotId | None = None
    platform: str | None = None


class Misunderstood(ValueError):
    """The text says what would have been understood."""


def read_command(words: str) -> Command:
    """`track Ahri Fan#EUW euw`, however Slack and phones dress it up. Raises Misunderstood."""
    text = _undressed(words)
    first, _, rest = text.lstrip("([").partition(" ")
    if not first:
        return Command(Verb.HELP)
    try:
        verb = Verb(first.casefold().strip(".,:;!?_)]"))
    except ValueError:
        raise Misunderstood(_did_you_mean(first)) from None
    if verb not in _ABOUT_A_PLAYER:
        return Command(verb)
    found = _NAMED.fullmatch(rest.strip())
    if found is None:
        raise Misunderstood(f"Whom? Say it like this: {_FORMS[verb]}")
    try:
        riot_id = read_riot_id(f"{found['name'].lstrip('([')}#{_AFTER_TAG.sub('', _plain(found['tag']))}")
        named = _plain(found["more"] or "").strip(" ()[].,:;!?_")
        platform = read_platform(named) if named and verb is Verb.TRACK else None
    except ValueError:
        raise Misunderstood(f"I do not understand “{rest.strip()}”. Say it like this: {_FORMS[verb]}") from None
    return Command(verb, riot_id, platform)


def _undressed(words: str) -> str:
    """Without what Slack makes of a text, and what phones add to it."""
    text = _CHANNEL_LINK.sub(r"#\1", words)
    text = _LINK.sub(lambda link: link[1] or link[2], _MENTION.sub(" ", text))
    text = html.unescape(text).translate({0xFF03: "#", 0xFE5F: "#"})
    text = " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())
    text = _ITALICS.sub(r"\1", _QUOTED_NAME.sub(r"\1", _EMOJI.sub(" ", text)))
    return " ".join(_QUOTES.sub("", text).split())


def _plain(text: str) -> str:
    """Without emoji that are characters, their colours of skin, and what asks for a picture."""
    return "".join(c for c in text if unicodedata.category(c) != "So" and not re.match("[\ufe0e\ufe0f🏻-🏿]", c))


def _did_you_mean(word: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word.casefold(), list(Verb), 1, NEAR)
    meant = Verb(near[0]) if near else Verb.HELP
    return f"I do not know “{word[:40]}”. Did you mean “{_FORMS[meant]}”?"


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that requests go by. match_link, pictures: as for `build_messages`."""

    operators: frozenset[str]
    match_link: str
    pictures: str


class Obeying:
    """One run's requests. Each has its effect, if it has one, and its answer in one commit."""

    def __init__(self, db: Database, tracker: Callable[[], Tracker], clock: Clock, policy: Policy) -> None:
        """tracker: raises ConfigError where there is no key."""
        self._db, self._make_tracker, self._clock, self._policy = db, tracker, clock, policy
        self._tracker: Tracker | None = None
        self._unanswered = 0
        self._riot_is_away: RunAborted | None = None
        self._postponed: set[tuple[str, str]] = set()  # channel and player of requests that wait for the next run

    def obey(self, request: Request, confirm: Callable[[str], None]) -> None:
        """confirm: writes the answer, in a transaction. Raises RunAborted where it has to wait."""
        try:
            command = read_command(request.asked.words)
        except Misunderstood as misunderstood:
            self._say(confirm, str(misunderstood))
            return
        about = (request.channel_id, command.riot_id.folded if command.riot_id else "")
        if about in self._postponed:  # what was asked first comes first
            raise TemporaryError(f"an earlier request about {command.riot_id} waits")
        try:
            self._do(command, request, confirm)
        except RunAborted:
            if command.riot_id:
                self._postponed.add(about)
            raise

    def _do(self, command: Command, request: Request, confirm: Callable[[str], None]) -> None:
        match command.verb:
            case Verb.TRACK:
                self._track(command, request, confirm)
            case Verb.UNTRACK:
                self._untrack(command, request, confirm)
            case Verb.LIST:
                self._say(confirm, *self._list(request.channel_id))
            case Verb.LAST:
                with self._db.transaction():
                    confirm(self._last(command, request.channel_id))
            case Verb.WHY:
                self._say(confirm, *self._why(request.channel_id))
            case Verb.HELP:
                self._say(confirm, "I understand:", *(f"{_FORMS[each]}: {_MEANINGS[each]}" for each in Verb))

    def _say(self, confirm: Callable[[str], None], *lines: str) -> None:
        with self._db.transaction():
            confirm(sentences(lines))

    # track, untrack

    def _track(self, command: Command, request: Request, confirm: Callable[[str], None]) -> None:
        assert command.riot_id
        asked = TrackRequest(
            command.riot_id,
            request.channel_id,
            command.platform,
            request.workspace,
            asked_by=request.asked.user_id,
        )
        try:
            self._ask_riot(lambda tracker: tracker.track(asked, lambda tracked: confirm(sentences([_told(tracked)]))))
        except (NoPlatform, PlaysNowhere):
            self._say(
                confirm,
                f"Riot does not say where {command.riot_id} plays. Add the server: track {command.riot_id} EUW",
            )
        except OtherPlatform as other:
            named, wrong = (server_name(each).upper() for each in (other.named, other.asked))
            self._say(confirm, f"Riot says that {other.riot_id} plays on {named}, not on {wrong}.")
        except NotFound:
            self._say(confirm, f"Riot knows no {command.riot_id}. Is it spelled right, and the tag after the #?")

    def _ask_riot(self, track: Callable[[Tracker], Tracked]) -> None:
        """Raises what `track` raises; once Riot does not answer, only that it does not."""
        if self._riot_is_away:
            raise self._riot_is_away
        try:
            self._tracker = self._tracker or self._make_tracker()
            track(self._tracker)
        except (NoPlatform, PlaysNowhere, OtherPlatform, NotFound):
            self._unanswered = 0
            raise
        except (TemporaryError, Rejected, ConfigError) as problem:
            self._unanswered += type(problem) is NoAnswer
            of_all = isinstance(problem, (Rejected, ConfigError))  # a limit is one host's, which costs no call
            if of_all or (type(problem) is NoAnswer and self._unanswered >= UNANSWERED):
                self._riot_is_away = problem
            raise
        self._unanswered = 0

    def _untrack(self, command: Command, request: Request, confirm: Callable[[str], None]) -> None:
        assert command.riot_id
        with self._db.transaction():
            player = self._player_here(command.riot_id, request.channel_id)
            if player is None:
                self._say(confirm, f"{command.riot_id} is not announced here. “list” shows who is.")
                return
            asked_by = players.tracked_by(self._db, player.player_id, request.channel_id)
            if request.asked.user_id not in {asked_by, *self._policy.operators}:
                self._say(confirm, f"Only whoever asked for {player.riot_id} here can stop that, or the operator.")
                return
            untrack(
                self._db,
                player.riot_id,
                request.channel_id,
                self._clock.now(),
                self._policy.match_link,
                self._policy.pictures,
                asked_by=request.asked.user_id,
            )
            self._say(confirm, f"{player.riot_id} is no longer announced here.")

    def _player_here(self, riot_id: RiotId, channel_id: str) -> Player | None:
        player = players.with_riot_id(self._db, riot_id) or players.formerly(self._db, riot_id)
        if player and players.track_since(self._db, player.player_id, channel_id):
            return player
        return None

    # list, last, why

    def _list(self, channel_id: str) -> Sequence[str]:
        tracked = [track.player for track in players.tracks(self._db) if track.channel_id == channel_id]
        if not tracked:
            return [f"Nobody is announced here yet. {_FORMS[Verb.TRACK]}"]
        says_ranks = channels.preferences(self._db)[channel_id].ranks
        return ["Announced here:", *(self._line_of(player, says_ranks) for player in tracked)]

    def _line_of(self, player: Player, says_ranks: bool) -> str:
        readings = ranks.latest(self._db, player.player_id).values() if says_ranks else ()
        standing = next((each.standing.text for each in readings if each.standing), None)
        return f"{player.riot_id} ({', '.join(filter(None, (server_name(player.platform).upper(), standing)))})"

    def _last(self, command: Command, channel_id: str) -> str:
        assert command.riot_id
        player = self._player_here(command.riot_id, channel_id)
        if player is None:
            return sentences([f"{command.riot_id} is not announced here. “list” shows who is."])
        found = outbox.last_about(self._db, player.player_id, channel_id)
        if found is None or not found[0].text:
            return sentences([f"No game of {player.riot_id} is on record here yet."])
        message, state, slack_ts = found
        if state == "delivered" and slack_ts:
            return f"{message.text}\n{permalink(channel_id, slack_ts)}"
        return f"{message.text}\n{sentences([f'({state} here)'])}"

    def _why(self, channel_id: str) -> Sequence[str]:
        now, scopes = self._clock.now(), (holds.EVERYTHING, holds.channel_scope(channel_id), holds.RIOT_KEY)
        wants = channels.preferences(self._db)[channel_id]
        tracked = sum(track.channel_id == channel_id for track in players.tracks(self._db))
        lines = [
            f"{tracked} {'player is' if tracked == 1 else 'players are'} announced here; {wants}",
            *(
                f"{hold.scope} is {hold.kind} since {text_of(hold.since)}: {hold.reason}"
                for hold in holds.all_live(self._db, now)
                if hold.scope in scopes
            ),
        ]
        waiting = outbox.count_games_waiting(self._db, channel_id)
        return [*lines, f"Games that wait to be posted here: {waiting or 'none'}"]


def _told(tracked: Tracked) -> str:
    who = f"{tracked.riot_id} ({server_name(tracked.platform).upper()})"
    unsure = "" if tracked.is_sure else " Riot did not say where they play, so that is a guess."
    if tracked.moved_from:
        return f"{who} is announced here, moved from {server_name(tracked.moved_from).upper()}.{unsure}"
    if not tracked.is_new:
        return f"{who} is announced here already."
    return f"{who} is announced here from now on.{unsure}"
