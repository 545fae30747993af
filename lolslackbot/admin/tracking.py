"""Opting players in and out: Riot ID -> account-v1 -> a track, each player committed at once."""

import csv
import re
import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from lolslackbot.clock import Clock, text_of
from lolslackbot.errors import NotFound, NotNow, Rejected, RunEnds, Unusable
from lolslackbot.messages.announcement import Wording
from lolslackbot.messages.wording import word
from lolslackbot.model import Account, Player, RiotId, Style
from lolslackbot.riot import routing
from lolslackbot.riot.answers import RiotRefusal, Verdict
from lolslackbot.riot.limiter import NotYet
from lolslackbot.settings import is_workspace
from lolslackbot.store import champions, channels, decisions, holds, matches, messages, players
from lolslackbot.store.database import Database
from lolslackbot.store.messages import Draft

if TYPE_CHECKING:
    from lolslackbot.riot.client import RiotClient

T = TypeVar("T")

CHANNEL_ID = re.compile(r"[CG][A-Z0-9]+")
OTHER_IDS = {"U": "a person's", "W": "a person's", "D": "a direct message's", "T": "a workspace's"}
COLUMNS = ("riot_id", "platform", "channel", "workspace")


class Wish(NamedTuple):
    """One track that somebody asked for, checked as far as that goes without asking Riot."""

    riot_id: RiotId
    channel_id: str
    platform: str | None
    workspace: str
    line: int | None = None  # where it stands in a file


def read_riot_id(text: str) -> RiotId:
    """`GameName#TAG`. Raises ValueError with what is wrong."""
    typed = unicodedata.normalize("NFC", text).replace("＃", "#")  # as East Asian keyboards have it
    name, hash_sign, tag = typed.strip().rpartition("#")
    name, tag = name.strip(), tag.strip()
    if not hash_sign or not name or not tag or "#" in name:
        raise ValueError(
            f"{text!r} is no Riot ID: it reads NAME#TAG, as the client's friends list shows it, "
            "and stands in quotes if it has a space"
        )
    if len(name) > 40 or len(tag) > 10 or not (name + tag).isprintable() or {name, tag} & {".", ".."} or "/" in tag:
        raise ValueError(f"{text!r} is no Riot ID: names have at most 16 characters, tags at most 5")
    return RiotId(name, tag)


def read_channel_id(text: str) -> str:
    """A channel id. Raises ValueError with what is wrong."""
    if not CHANNEL_ID.fullmatch(text):
        other = OTHER_IDS.get(text[:1]) if re.fullmatch(r"[A-Z][A-Z0-9]{5,}", text) else None
        raise ValueError(
            f"{text!r} is no channel id: it begins with C or G{f', and this is {other}' if other else ''}; "
            "in Slack, open the channel's details and copy it there"
        )
    return text


def read_platform(text: str) -> str:
    """A platform as host names have it. Raises ValueError with those there are."""
    if text.lower() not in routing.PLATFORMS:
        raise ValueError(f"{text!r} is no platform: it is one of {', '.join(routing.PLATFORMS)}")
    return text.lower()


def read_workspace(text: str) -> str:
    """A workspace's name. Raises ValueError with what is wrong."""
    if not is_workspace(text):
        raise ValueError(f"{text!r} is no workspace name: letters, digits and _ only")
    return text


def read_file(path: str) -> list[Wish]:
    """All rows of a CSV file. Raises Unusable naming the first line at fault: then none of it is done."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return _read_rows(path, csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None


def _read_rows(path: str, rows: "csv.DictReader[str]") -> list[Wish]:
    wishes = []
    try:
        missing = {"riot_id", "channel"} - set(rows.fieldnames or ())
        unknown = set(rows.fieldnames or ()) - set(COLUMNS)
        if missing or unknown:
            fault = f"misses {', '.join(sorted(missing))}" if missing else f"has {', '.join(sorted(map(str, unknown)))}"
            raise Unusable(f"{path}: the first line {fault}; the columns are {','.join(COLUMNS)}")
        for row in rows:
            try:
                wishes.append(_read_row(row, rows.line_num))
            except ValueError as error:
                raise Unusable(f"{path}, line {rows.line_num}: {error}") from None
    except csv.Error as error:
        raise Unusable(f"{path}, line {rows.reader.line_num}: {error}") from None
    return wishes


def _read_row(row: dict[str, str], line: int) -> Wish:
    if None in row or None in row.values():
        raise ValueError("it has not as many columns as the first line")
    cells = {name: cell.strip() for name, cell in row.items()}
    return Wish(
        riot_id=read_riot_id(cells["riot_id"]),
        channel_id=read_channel_id(cells["channel"]),
        platform=read_platform(cells["platform"]) if cells.get("platform") else None,
        workspace=read_workspace(cells.get("workspace") or "default"),
        line=line,
    )


class Tracker:
    """Opts players in. Asks Riot only for what is not known yet, so that a file can be run again."""

    def __init__(self, db: Database, riot: "RiotClient", clock: Clock, max_wait: float) -> None:
        self._db, self._riot, self._clock, self._max_wait = db, riot, clock, max_wait

    def track(self, wish: Wish) -> str:
        """One line that says what is so now. Raises RunEnds subclasses with what is in the way."""
        known = players.with_riot_id(self._db, wish.riot_id)
        if known and self._is_tracked(known, wish):
            return f"{known.riot_id} ({known.platform}) is announced in {wish.channel_id} already"
        account = self._ask(
            wish,
            lambda: self._riot.account(wish.riot_id, wish.platform),
            f"Riot knows no {wish.riot_id}: look at the spelling and at the tag after the #",
        )
        if known and known.puuid != account.puuid:
            self._tell_apart(wish, known, account)
        platform = wish.platform or self._ask(
            wish,
            lambda: self._riot.platform(account.puuid),
            f"Riot knows {wish.riot_id}, but not on which platform they play: name it with --platform",
        )
        riot_id = account.riot_id or wish.riot_id
        now = self._clock.now()
        with self._db.transaction():
            if players.track(self._db, account.puuid, riot_id, platform, wish.channel_id, wish.workspace, now):
                player = players.with_puuids(self._db, [account.puuid])[account.puuid]
                decisions.record(self._db, "track", f"player {player.player_id}", f"in {wish.channel_id}", now)
        return f"{riot_id} ({platform}) is announced in {wish.channel_id}: games that end after {text_of(now)}"

    def _is_tracked(self, known: Player, wish: Wish) -> bool:
        if wish.platform not in (None, known.platform) or known.problem:
            return False
        return any(
            track.player == known
            and track.channel_id == wish.channel_id
            and track.workspace.lower() == wish.workspace.lower()
            for track in players.tracks(self._db)
        )

    def _tell_apart(self, wish: Wish, known: Player, account: Account) -> None:
        """The name leads to another puuid: either the key changed, or the name went to somebody else."""
        try:
            self._patiently(lambda: self._riot.account_of(known.puuid, known.platform))
        except RiotRefusal as refusal:
            if refusal.verdict is Verdict.OTHER_KEY and not players.with_puuids(self._db, [account.puuid]):
                players.replace_puuid(self._db, known.player_id, account.puuid)
            elif refusal.verdict not in (Verdict.OTHER_KEY, Verdict.NOT_FOUND):
                raise _in_words(wish, refusal) from refusal

    def _ask(self, wish: Wish, call: Callable[[], T], unknown: str) -> T:
        """unknown: what a 404 means."""
        try:
            return self._patiently(call)
        except RiotRefusal as refusal:
            if refusal.verdict is Verdict.NOT_FOUND:
                raise NotFound(unknown) from refusal
            raise _in_words(wish, refusal) from refusal

    def _patiently(self, call: Callable[[], T]) -> T:
        """Waits for a limit as long as one may wait for it."""
        while True:
            try:
                return call()
            except NotYet as wait:
                seconds = (wait.until - self._clock.now()).total_seconds()
                if seconds > self._max_wait:
                    raise NotNow(f"{wait.reason}; try again after {text_of(wait.until)}") from wait
                self._clock.sleep(max(0.0, seconds) + 0.001)


def _in_words(wish: Wish, refusal: RiotRefusal) -> RunEnds:
    match refusal.verdict:
        case Verdict.UNAUTHORIZED | Verdict.FORBIDDEN:
            return Rejected(
                f"Riot refuses RIOT_API_KEY ({refusal}): renew it at developer.riotgames.com; "
                "development keys end after 24 hours"
            )
        case Verdict.LIMITED:
            return NotNow(f"Riot limits us ({refusal}): try again later")
        case _:
            return NotNow(f"Riot gives no answer for {wish.riot_id} ({refusal}): try again later")


def untrack(
    db: Database, riot_id: RiotId, channel_id: str | None, now: datetime, match_link: str, pictures: str = ""
) -> list[str]:
    """Opts a player out, of one channel or of all; the channels. Raises NotFound when nothing is tracked so.

    Waiting messages that name others too are worded anew without this player; the others expire.
    match_link, pictures: as for `build_messages`.
    """
    player = players.with_riot_id(db, riot_id) or players.formerly(db, riot_id)
    tracks = [
        track
        for track in players.tracks(db)
        if player and track.player == player and channel_id in (None, track.channel_id)
    ]
    if player is None or not tracks:
        raise NotFound(
            f"{riot_id} is not tracked{f' in {channel_id}' if channel_id else ''}: `lolslackbot players` lists who is, "
            "renamed players by their new name"
        )
    wording = Wording(match_link, pictures, champions.known(db))
    for track in tracks:
        with db.transaction():
            waiting = messages.waiting_about(db, player.player_id, track.channel_id)
            players.untrack(db, player.player_id, track.channel_id)
            matches.give_up_untracked(db)
            decisions.record(db, "untrack", f"player {player.player_id}", f"in {track.channel_id}", now)
            for match_id in waiting:
                _word_anew(db, match_id, track, wording, now)
    return [track.channel_id for track in tracks]


def prefer(db: Database, channel_id: str, queues: str | None, style: Style | None, now: datetime) -> str:
    """Changes what a channel hears from now on; what is so now, in one line. Raises NotFound for no channel of ours."""
    with db.transaction():
        if not channels.prefer(db, channel_id, queues, style):
            raise NotFound(f"{channel_id} is no channel of ours: see `lolslackbot channels`")
        queues, style = channels.preferences(db)[channel_id]
        decisions.record(
            db, "channels set", holds.channel_scope(channel_id), f"queues {queues}, style {style.value}", now
        )
    return f"{channel_id} hears of {queues} queues in {style} style, from the next messages built on"


def _word_anew(db: Database, match_id: str, track: players.Track, wording: Wording, now: datetime) -> None:
    match = matches.as_heard_in(db, matches.stored(db, match_id), track.channel_id)
    if not match.participants:
        messages.expire_untracked(db, match_id, track.channel_id, now)
        return
    _, style = channels.preferences(db)[track.channel_id]
    worded = word(match, wording, style)
    messages.reword(db, match_id, Draft(track.channel_id, track.workspace, worded.text, worded.blocks))
