"""What a person types or pastes: Riot IDs, channels, platforms, what `why` is asked about, rows of a CSV file."""

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import Formatter

from lolslackbot.errors import ConfigError, RunAborted
from lolslackbot.files import StrPath, refuse_special
from lolslackbot.messages.names import server_name
from lolslackbot.model import RiotId, is_match_id, plain_name
from lolslackbot.riot import routing
from lolslackbot.settings import is_workspace

MAX_LETTERS = 100  # of a name and of a tag: far more than Riot has, and what fits into a request
OTHER_IDS = {"U": "a person's", "W": "a person's", "D": "a direct message's", "T": "a workspace's"}
COLUMNS = ("riot_id", "platform", "channel", "workspace")
# What Slack's "Copy link" gives of a channel and of a message, and what its address bar has.
_SLACK_LINK = re.compile(
    r"https?://(?:[a-z0-9.-]+\.)?slack(?:-gov)?\.com/(?:archives|client/[A-Z0-9]+)/(?P<channel>[A-Z0-9]+)"
    r"(?:/p(?P<seconds>[0-9]{10})(?P<rest>[0-9]{6}))?(?:[/?#].*)?",
    re.IGNORECASE,
)
_CHANNEL_MENTION = re.compile(r"<#([A-Z0-9]+)(?:\|[^>]*)?>", re.IGNORECASE)
_LINK_IN_SLACK = re.compile(r"<(https?://[^|>]+)(?:\|[^>]*)?>")  # as it stands in a message's source
_GAME_ID = re.compile(r"[0-9]{1,18}")
_GAME_ID_IN_LINK = re.compile(r"[0-9]{8,18}")  # in an address of no known form: years and pages are shorter


@dataclass(frozen=True, slots=True)
class TrackRequest:
    """One track that somebody asked for, checked as far as that goes without asking Riot."""

    riot_id: RiotId
    channel_id: str
    platform: str | None
    workspace: str
    line: int | None = None  # where it stands in a file
    force: bool = False  # on that platform, whatever Riot says
    asked_by: str | None = None  # Slack's id of who asked for it in the channel; None: the operator


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row of a file is not done."""

    line: int | None
    error: RunAborted


@dataclass(frozen=True, slots=True)
class GameId:
    """The number of a match whose platform is not known."""

    number: int


@dataclass(frozen=True, slots=True)
class Post:
    """A message in Slack, as its link names it."""

    channel_id: str
    ts: str


@dataclass(frozen=True, slots=True)
class MatchId:
    match_id: str


@dataclass(frozen=True, slots=True)
class ChannelId:
    channel_id: str


Subject = RiotId | MatchId | GameId | Post | ChannelId


def read_riot_id(text: str) -> RiotId:
    """`GameName#TAG`, in any form in which it can be pasted. Raises ValueError with what is wrong."""
    name, hash_sign, tag = plain_name(re.sub("[＃﹟]", "#", text)).rpartition("#")
    name, tag = name.strip(), tag.strip()
    if not hash_sign or not name or not tag or "#" in name:
        raise ValueError(
            f"{text!r} is no Riot ID: it reads NAME#TAG, as the client's friends list shows it, "
            "and stands in quotes if it has a space"
        )
    if max(len(name), len(tag)) > MAX_LETTERS:
        raise ValueError(f"{text!r} is no Riot ID: it is far longer than any")
    if not (name + tag).isprintable() or {name, tag} & {".", ".."} or "/" in tag:
        raise ValueError(f"{text!r} is no Riot ID: no name or tag at Riot reads so")
    return RiotId(name, tag)


def read_channel_id(text: str) -> str:
    """A channel's id, also out of its link, of a message's link or of `<#C…|name>`. Raises ValueError.

    In lower case an id is known by the digit that comes second; `general` is a name.
    """
    typed = text.strip()
    link = _SLACK_LINK.fullmatch(_unwrapped(typed))
    mention = _CHANNEL_MENTION.fullmatch(typed)
    found = link["channel"].upper() if link else mention[1].upper() if mention else typed
    if re.fullmatch(r"[CGDUWT][0-9][A-Z0-9]*", found, re.ASCII | re.IGNORECASE):
        found = found.upper()
    if re.fullmatch(r"[CG][A-Z0-9]+", found):
        return found
    other = OTHER_IDS.get(found[:1]) if re.fullmatch(r"[A-Z][A-Z0-9]{5,}", found) else None
    raise ValueError(
        f"{text!r} is no channel id: it begins with C or G{f', and this is {other}' if other else ''}; "
        "in Slack, open the channel's details: the id stands at the bottom (the channel's link will do too)"
    )


def read_post(text: str) -> Post:
    """The message that Slack's "Copy link" leads to. Raises ValueError with what is wrong."""
    link = _SLACK_LINK.fullmatch(_unwrapped(text.strip()))
    if link is None or not link["seconds"]:
        raise ValueError(
            f'{text!r} is no link to a message: in Slack, choose "Copy link" in the message\'s menu; '
            "it reads https://WORKSPACE.slack.com/archives/C0123456789/p1700000000123456"
        )
    return Post(read_channel_id(text), f"{link['seconds']}.{link['rest']}")


def read_match_id(text: str) -> str:
    """A match id, whatever case it is written in. Raises ValueError with what is wrong."""
    if not is_match_id(text.strip().upper()):
        raise ValueError(f"{text!r} is no match id: it reads EUW1_7376970903, as `lolslackbot why` has it")
    return text.strip().upper()


def read_platform(text: str) -> str:
    """A platform as host names have it, also from a server's short name (`EUW`). Raises ValueError with those known."""
    known = {name: platform for platform in routing.PLATFORMS for name in (platform, server_name(platform))}
    merged = {name: "sg2" for retired in routing.RETIRED for name in (retired, server_name(retired))}
    platform = {**merged, **known}.get(text.strip().lower())
    if platform is None:
        names = ", ".join(f"{each} ({server_name(each).upper()})" for each in routing.PLATFORMS)
        raise ValueError(f"{text!r} is no platform: it is one of {names}")
    return platform


def read_workspace(text: str) -> str:
    """A workspace's name. Raises ValueError with what is wrong."""
    if not is_workspace(text):
        raise ValueError(f"{text!r} is no workspace name: letters, digits and _ only")
    return text


def read_subject(text: str, match_link: str = "") -> Subject:
    """What `why` is asked about: a match, a player, a channel, or a link to any of these. Raises ValueError.

    match_link: the template of the links that our own messages have.
    """
    typed = _unwrapped(text.strip())
    if is_match_id(typed.upper()):
        return MatchId(typed.upper())
    if _GAME_ID.fullmatch(typed) and typed.isascii():
        return GameId(int(typed))
    if link := _SLACK_LINK.fullmatch(typed):
        return read_post(typed) if link["seconds"] else ChannelId(read_channel_id(typed))
    if re.match(r"https?://", typed, re.IGNORECASE):
        if found := _match_in(typed, match_link):
            return found
        raise ValueError(f"{text!r} names no match: paste the match id, or a link that ends in its number")
    if "#" in typed.replace("＃", "#").replace("﹟", "#")[1:] and not _CHANNEL_MENTION.fullmatch(typed):
        return read_riot_id(typed)
    return ChannelId(read_channel_id(typed))


def _unwrapped(text: str) -> str:
    """A link without the angle brackets that Slack keeps around it."""
    link = _LINK_IN_SLACK.fullmatch(text)
    return link[1] if link else text


def _match_in(link: str, template: str) -> MatchId | GameId | None:
    """The match that a link names: by our own template, else by what its path holds on most match-history sites."""
    ours = re.fullmatch(f"{_template(template)}(?:[/?#].*)?", link, re.IGNORECASE) if template else None
    if ours:
        parts = ours.groupdict()
        if parts.get("match_id"):
            return MatchId(parts["match_id"].upper())
        if parts.get("game_id"):
            return _match_of(parts.get("platform") or parts.get("server") or "", parts["game_id"])
    words = re.split(r"[/?#&=]+", link.partition("://")[2])
    for word in words:
        if is_match_id(word.upper()):
            return MatchId(word.upper())
    number = next((word for word in words if word.isascii() and _GAME_ID_IN_LINK.fullmatch(word)), None)
    platforms = [platform for word in words[1:] if (platform := _platform_or_none(word))]
    return _match_of(platforms[0] if platforms else "", number) if number else None


def _template(template: str) -> str:
    """The pattern of the links that a template makes."""
    forms = {"match_id": "[A-Z]+[0-9]*_[0-9]{1,18}", "game_id": "[0-9]{1,18}"}
    pattern, seen = "", set()
    for literal, name, _, _ in Formatter().parse(template):
        pattern += re.escape(literal)
        if name:
            pattern += f"(?P={name})" if name in seen else f"(?P<{name}>{forms.get(name, '[A-Z]+[0-9]*')})"
            seen.add(name)
    return pattern


def _match_of(platform: str, number: str) -> MatchId | GameId:
    known = _platform_or_none(platform)
    return MatchId(f"{known.upper()}_{number}") if known else GameId(int(number))


def _platform_or_none(text: str) -> str | None:
    """As `read_platform`, for addresses of games that were played before servers were merged too."""
    if routing.knows(text.lower()):
        return text.lower()
    try:
        return read_platform(text)
    except ValueError:
        return None


# Files


def read_file(path: StrPath) -> tuple[list[TrackRequest], list[Fault]]:
    """All rows of a CSV file, and those that are at fault. Raises ConfigError where it is no such file at all."""
    path = os.fspath(path)
    try:
        refuse_special(path)
        with open(path, encoding="utf-8-sig", newline="") as file:
            return _read_rows(path, csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None


def _read_rows(path: str, rows: "csv.DictReader[str]") -> tuple[list[TrackRequest], list[Fault]]:
    try:
        _check_columns(path, rows)
    except csv.Error as error:
        raise ConfigError(f"{path}, line {rows.reader.line_num}: {error}") from None
    wishes: list[TrackRequest] = []
    bad: list[Fault] = []
    for row in _each(rows):
        try:
            if isinstance(row, csv.Error):
                raise ValueError(str(row))
            if any(isinstance(cell, list) or (cell or "").strip() for cell in row.values()):  # else an empty line
                wishes.append(_read_row(row, rows.reader.line_num))
        except ValueError as error:
            bad.append(Fault(rows.reader.line_num, ConfigError(str(error))))
    return wishes, bad


def _check_columns(path: str, rows: "csv.DictReader[str]") -> None:
    names = rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or ()]
    if len(names) == 1 and (mark := next((each for each in ";\t" if each in names[0]), None)):
        said = "tabs" if mark == "\t" else f"'{mark}'"
        raise ConfigError(
            f"{path}: its columns stand apart by {said}: save it with commas; the columns are {','.join(COLUMNS)}"
        )
    missing, unknown = {"riot_id", "channel"} - set(names), set(names) - set(COLUMNS)
    if missing or unknown:
        fault = f"misses {', '.join(sorted(missing))}" if missing else f"has {', '.join(sorted(unknown))}"
        raise ConfigError(f"{path}: the first line {fault}; the columns are {','.join(COLUMNS)}")


def _each(rows: "csv.DictReader[str]") -> "Iterator[dict[str, str] | csv.Error]":
    """The rows; one that is no CSV does not hide those below it."""
    while True:
        try:
            yield next(rows)
        except csv.Error as error:
            yield error
        except StopIteration:
            return


def _read_row(row: dict[str, str], line: int) -> TrackRequest:
    if None in row or None in row.values():
        raise ValueError("it has not as many columns as the first line")
    cells = {name: cell.strip() for name, cell in row.items()}
    return TrackRequest(
        riot_id=read_riot_id(cells["riot_id"]),
        channel_id=read_channel_id(cells["channel"]),
        platform=read_platform(cells["platform"]) if cells.get("platform") else None,
        workspace=read_workspace(cells.get("workspace") or "default"),
        line=line,
    )
