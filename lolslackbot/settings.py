"""Environment and `env` file, read once into one frozen value; a fault names its variable and the remedy."""

import os
import re
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, NamedTuple, TypeVar

from lolslackbot.errors import ConfigError
from lolslackbot.files import StrPath, refuse_special, with_owner
from lolslackbot.location import Server, is_server
from lolslackbot.transport import AUTHORITIES, PROXIES, is_loopback, proxy_secrets

T = TypeVar("T")

PREFIX = "LOLSLACKBOT_"
MAY_BE_EMPTY = (PREFIX + "MATCH_LINK", PREFIX + "DDRAGON_URL")  # there it means: none
MOST_WORKERS = 64
CLOSE = 0.75  # from there on a name counts as a misspelt one, of 0 to 1
DDRAGON_URL = "https://ddragon.leagueoflegends.com"
MATCH_LINK = "https://www.leagueofgraphs.com/match/{server}/{game_id}"
NO_URL = "it looks like a URL of no kind that is known: write a path, or postgresql://USER@HOST/DATABASE"
NO_URL_AS_HOME = "it looks like a URL: write the path of a folder"
_KEY = "the key from developer.riotgames.com, which begins with RGAPI-"
_TOKEN = "the 'Bot User OAuth Token', which begins with xoxb-"
# What stands near the right one where it is copied from, or belongs into another setting, by how it begins.
_NO_KEY: Mapping[tuple[str, ...], str] = {("xox", "xapp-"): "a Slack token"}
_NO_TOKEN: Mapping[tuple[str, ...], str] = {
    ("RGAPI-",): "a Riot key",
    ("xoxp-", "xoxs-", "xoxc-"): "a person's token",
    ("xapp-",): "an app-level token",
    ("xoxe-", "xoxe."): "a token that expires (token rotation is on)",
    ("http://", "https://"): "a link",
}


class FaultySetting(ConfigError):
    """A setting that cannot be used; `setting` is its name, '' where the whole `env` file cannot be read."""

    def __init__(self, setting: str, text: str) -> None:
        super().__init__(text)
        self.setting = setting


class Secret(str):
    """A key or token. Only a client that sends it uses its text; everywhere else it shows as ***."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"


@dataclass(frozen=True, slots=True)
class ChannelLimit:
    """At most `messages` in `seconds` per channel."""

    messages: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a command may be told from outside, checked."""

    home: str
    database: str
    riot_api_key: Secret | None = None
    slack_tokens: Mapping[str, Secret] = field(default_factory=dict)  # by workspace in lower case
    max_seconds: float = 80
    max_wait: float = 10
    workers: int = 1
    announce_within: float = 43200
    uncertain_after: float = 600
    resend_uncertain: bool = True
    channel_limit: ChannelLimit = ChannelLimit(30, 3600)
    keep_days: int = 365  # 0 for ever
    alert_channel: str = ""  # '' for none
    operators: frozenset[str] = frozenset()  # Slack's ids of people who may undo what others asked for
    ping_url: str = ""  # '' for none
    match_link: str = MATCH_LINK
    riot_url: str = "https://{routing}.api.riotgames.com"
    slack_url: str = "https://slack.com/api/"
    ddragon_url: str = DDRAGON_URL  # '' for never
    network: Mapping[str, str] = field(
        default_factory=dict
    )  # the proxies and certificate authorities there are, by variable

    @property
    def log(self) -> str:
        return os.path.join(self.home, "lolslackbot.log")

    @property
    def env(self) -> str:
        """The file that `read_settings` reads."""
        return os.path.join(self.home, "env")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        passwords = Server.at(self.database).secrets if is_server(self.database) else ()
        _, _, ping = self.ping_url.partition("://")[2].partition("/")  # whoever knows it can ring
        others = (ping, *self.slack_tokens.values(), *proxy_secrets(self.network), *passwords)
        return tuple(secret for secret in (self.riot_api_key, *others) if secret)

    def need_riot_key(self) -> Secret:
        """The Riot API key; without one, a line that says where to put it."""
        if self.riot_api_key is None:
            raise ConfigError(f"RIOT_API_KEY is not set: put it into the environment or into {self.env}")
        return self.riot_api_key

    def need_slack_token(self, workspace: str) -> Secret:
        """The bot token of a workspace; without one, a line that says where to put it."""
        token = self.slack_tokens.get(workspace.lower())
        if token is None:
            raise ConfigError(
                f"{token_name(workspace)} is not set: put the bot token of that workspace "
                f"into the environment or into {self.env}"
            )
        return token


def token_name(workspace: str) -> str:
    """The setting that holds a workspace's bot token."""
    return "SLACK_BOT_TOKEN" if workspace.lower() == "default" else f"SLACK_BOT_TOKEN_{workspace.upper()}"


def read_settings(home: StrPath, database: str | None, environment: Mapping[str, str]) -> Settings:
    """The settings for `home`: its `env` file, overruled by the environment; `database` overrules both.

    Raises FaultySetting with one line that names the variable at fault. Reads, creates nothing.
    """
    home = os.fspath(home)
    return _settings(home, database, _merged(_env_file(os.path.join(home, "env")), _ours(environment)))


def load_settings_collecting_errors(
    home: str, database: str | None, environment: Mapping[str, str]
) -> tuple[Settings, list[FaultySetting]]:
    """As `read_settings`, but what is at fault counts as not set, and all of it is told."""
    faults: list[FaultySetting] = []
    values = _merged(_env_file(os.path.join(home, "env"), faults), _ours(environment))
    while True:
        try:
            return _settings(home, database, values), faults
        except FaultySetting as fault:
            faults.append(fault)
            del values[fault.setting]


def _merged(file: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment wins, over a proxy also that the file names in another case."""
    proxies = {name.lower() for name in environment} & set(PROXIES)
    return {**{name: text for name, text in file.items() if name.lower() not in proxies}, **environment}


def _network(values: Mapping[str, str]) -> dict[str, str]:
    """The variables of the way out; a proxy may hold a password."""
    names = (*AUTHORITIES, *PROXIES, *(name.upper() for name in PROXIES))
    return {name: Secret(values[name]) for name in names if name in values}


class Unknown(NamedTuple):
    """A name that is set and means nothing: where, and which setting may be meant."""

    name: str
    place: str
    likely: str | None


def unknown_settings(home: str, environment: Mapping[str, str]) -> list[Unknown]:
    """What looks like a setting, in the environment or in `env`, and is none.

    The environment has other programs' names too: there, only one of ours or one that is nearly ours counts.
    """
    from difflib import get_close_matches

    known = _known_names()
    right = {name.removeprefix(PREFIX): name for name in known}  # what they have in common would make all alike
    path = os.path.join(home, "env")
    unknown = []
    for place, names in ((path, _env_file(path, [])), ("the environment", environment)):
        for name in sorted(name for name in names if not _is_known(name, known)):
            close = get_close_matches(name.upper().removeprefix(PREFIX), right, 1, CLOSE)
            likely = right[close[0]] if close else None
            ours = name.startswith(PREFIX) or (likely and name.startswith(("RIOT", "SLACK")))
            if ours or place == path:
                unknown.append(Unknown(name, place, likely))
    return unknown


def _is_known(name: str, known: Container[str]) -> bool:
    return (
        name in known
        or name in PROXIES
        or (name.startswith("SLACK_BOT_TOKEN_") and is_workspace(name.removeprefix("SLACK_BOT_TOKEN_")))
    )


def _known_names() -> set[str]:
    """Every name that reading the settings asks for."""
    asked = _Asked()
    _settings("/", None, asked)
    return {*asked.names, PREFIX + "HOME", "SLACK_BOT_TOKEN", *AUTHORITIES, *(name.upper() for name in PROXIES)}


class _Asked(dict[str, str]):
    """Sets nothing, and notes what is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return default


def _settings(home: str, database: str | None, values: Mapping[str, str]) -> Settings:
    given = _Given(values)
    named = values.get(PREFIX + "DATABASE")
    return Settings(
        home=home,
        database=database or _database(home, named or "lolslackbot.db"),
        riot_api_key=read_riot_key(values.get("RIOT_API_KEY", "")),
        slack_tokens=_slack_tokens(values),
        max_seconds=given.seconds("MAX_SECONDS", 80, least=1),
        max_wait=given.seconds("MAX_WAIT", 10, least=0),
        workers=given.read("WORKERS", 1, _workers),
        announce_within=given.seconds("ANNOUNCE_WITHIN", 43200, least=1),
        uncertain_after=given.seconds("UNCERTAIN_AFTER", 600, least=0),
        resend_uncertain=given.read("UNCERTAIN", True, _uncertain),
        channel_limit=given.read("CHANNEL_LIMIT", ChannelLimit(30, 3600), _channel_limit),
        keep_days=given.read("KEEP_DAYS", 365, _days),
        alert_channel=given.read("ALERT_CHANNEL", "", _channel_id, empty=""),
        operators=given.read("OPERATORS", frozenset(), _operators),
        ping_url=given.read("PING_URL", "", _ping_url, empty=""),
        match_link=given.read("MATCH_LINK", MATCH_LINK, _match_link, empty=""),
        riot_url=given.read("RIOT_URL", "https://{routing}.api.riotgames.com", _riot_url),
        slack_url=given.read("SLACK_URL", "https://slack.com/api/", _slack_url),
        ddragon_url=given.read("DDRAGON_URL", DDRAGON_URL, _ddragon_url, empty=""),
        network=_network(values),
    )


def _ours(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings in the environment; what is not UTF-8 stays as it is, for its reader to refuse."""
    found = {
        name: text
        for name, text in environment.items()
        if name.startswith((PREFIX, "RIOT_", "SLACK_")) or name in AUTHORITIES or name.lower() in PROXIES
    }
    for name, text in found.items():
        with suppress(ValueError):
            found[name] = utf8(text)
    return found


def default_home(environment: Mapping[str, str], app_dir: str) -> str:
    """Where everything lives unless `--home` says otherwise."""
    named = _ours(environment).get(PREFIX + "HOME")
    return _path("HOME", named) if named else app_dir


def utf8(text: str) -> str:
    """An argument or environment variable as UTF-8, whatever the locale took its bytes for. Raises ValueError."""
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        raise ValueError(f"{text!r} is not UTF-8, which is what lolslackbot reads in every locale") from None


def _path(name: str, text: str) -> str:
    path = os.path.expanduser(os.fsdecode(text.encode("utf-8", "surrogateescape")))  # as this locale hands it over
    fault = None
    if path.startswith("~"):
        fault = "there is no such user"
    elif re.search(r"\$[A-Za-z_{]", path):
        fault = "it holds a variable like $HOME, which neither cron nor the `env` file expands: write the path in full"
    elif is_url(path):
        fault = NO_URL_AS_HOME if name == "HOME" else fault_of_location(path)
    if fault:
        raise FaultySetting(PREFIX + name, f"{PREFIX}{name} cannot be used: {fault}")
    return path


def _database(home: str, text: str) -> str:
    """A path in the home, or the URL of a server as it is."""
    if not is_server(text):
        return os.path.join(home, _path("DATABASE", text))
    if fault := fault_of_location(text):
        raise FaultySetting(PREFIX + "DATABASE", f"{PREFIX}DATABASE cannot be used: {fault}")
    return text


def fault_of_location(location: str) -> str | None:
    """Why that cannot be where the database is; shows nothing of it, since it may hold a password."""
    if not is_server(location):
        return NO_URL if is_url(location) else None
    try:
        Server.at(location)
    except ValueError as error:
        return str(error)
    return None


def is_url(path: str) -> bool:
    """Whether what was given for a path looks like a URL, or like libpq's words, which may hold a password."""
    url = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/|(file|sqlite|postgres|postgresql):", path, re.IGNORECASE)
    return bool(url or re.search(r"(^|\s)(host|user|password|dbname|service)\s*=", path))


class _Given:
    """Reads one setting after the other, naming it in any fault."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def read(self, name: str, default: T, parse: Callable[[str], T], empty: T | None = None) -> T:
        text = self._values.get(PREFIX + name)
        if text is None:
            return default
        if not text.strip():
            return default if empty is None else empty
        try:
            return parse(text.strip())
        except ValueError as error:
            # Never the value: a key or password may stand in the wrong place.
            raise FaultySetting(PREFIX + name, f"{PREFIX}{name} cannot be used: {error}") from None

    def seconds(self, name: str, default: float, least: float) -> float:
        def parse(text: str) -> float:
            try:
                value = float(text)
            except ValueError:
                value = float("nan")
            if not least <= value <= 10**9:
                raise ValueError(f"it must be a number of seconds, at least {least:g}")
            return value

        return self.read(name, default, parse)


def _channel_limit(text: str) -> ChannelLimit:
    messages, _, seconds = text.partition("/")
    if not all(part.isascii() and part.isdigit() and 0 < int(part[:10]) < 10**9 for part in (messages, seconds)):
        raise ValueError("it must be MESSAGES/SECONDS, both at least 1, for example 30/3600")
    return ChannelLimit(int(messages), int(seconds))


def _workers(text: str) -> int:
    if not re.fullmatch("[0-9]{1,2}", text) or not 1 <= int(text) <= MOST_WORKERS:
        raise ValueError(f"it must be a whole number of processes, from 1 to {MOST_WORKERS}")
    return int(text)


def _days(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > 36500:
        raise ValueError("it must be a whole number of days, 36500 at most; 0: nothing is ever forgotten")
    return int(text)


def _channel_id(text: str) -> str:
    if not re.fullmatch(r"[CG][A-Z0-9]+", text):
        raise ValueError(
            "it must be a channel's id, C… or G…: it stands at the bottom of the channel's details in Slack"
        )
    return text


def _uncertain(text: str) -> bool:
    if text not in ("resend", "hold"):
        raise ValueError("it must be resend or hold")
    return text == "resend"


def _template(text: str, allowed: set[str]) -> None:
    """Raises ValueError unless every {field} of a URL template is one that will be filled in."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        raise ValueError("its braces do not match") from None
    for literal, name, spec, conversion in parts:
        if "{" in literal or "}" in literal or (name is not None and name not in allowed) or spec or conversion:
            raise ValueError(
                f"it may hold {', '.join('{' + each + '}' for each in sorted(allowed))} and no other braces"
            )


def _url(text: str) -> str:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("it is not a URL") from None
    if parts.scheme not in ("http", "https") or not host or not _in_one_piece(text):
        raise ValueError("it must be a URL that begins with https://")
    if any(mark in text for mark in "@?#"):
        raise ValueError("it must have no user, query or fragment")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("plain http is allowed for loopback addresses only; use https")
    return text


def _in_one_piece(text: str) -> bool:
    return text.isprintable() and " " not in text


def _riot_url(text: str) -> str:
    _template(text, {"routing"})
    _url(text.format(routing="europe"))
    return text.rstrip("/")


def _slack_url(text: str) -> str:
    return _url(text).rstrip("/") + "/"


def _ddragon_url(text: str) -> str:
    return _url(text).rstrip("/")


def _operators(text: str) -> frozenset[str]:
    names = {each.strip().upper() for each in text.split(",") if each.strip()}
    for name in names:
        if not re.fullmatch(r"[UW][A-Z0-9]+", name):
            raise ValueError(
                "it takes Slack's ids of people, U…, separated by commas: in Slack, open a person's profile and "
                'choose "Copy member ID"'
            )
    return frozenset(names)


def _ping_url(text: str) -> str:
    """Plain http too: nothing secret goes there but the URL itself, which a switch of one's own may have."""
    from urllib.parse import urlsplit

    if text.startswith("http://") and urlsplit(text).hostname:
        _url(f"https{text[4:]}")
    else:
        _url(text)
    return text.rstrip("/")


def _match_link(text: str) -> str:
    _template(text, {"platform", "server", "game_id", "match_id"})
    shown = text.format(platform="euw1", server="euw", game_id="1", match_id="EUW1_1")
    harmless = _in_one_piece(shown) and not set(shown) & set('<>|"\\^`')
    from urllib.parse import urlsplit

    if not (harmless and shown.startswith(("https://", "http://")) and urlsplit(shown).hostname):
        raise ValueError("it must be a URL that begins with https:// (or empty: no link)")
    return text


def is_workspace(text: str) -> bool:
    """Whether that can be the name of a workspace: `[A-Za-z0-9_]+`, since it becomes part of a setting's name."""
    return text.isascii() and text.replace("_", "0").isalnum()


def _secret(name: str, text: str | None, right: str, wrong: Mapping[tuple[str, ...], str]) -> Secret | None:
    """A key or token, without ever putting it into an error. Quotes around it came along from a shell or an editor.

    right: what it is; wrong: what else it might be, by how that begins.
    """
    text = (text or "").strip().strip("'\"").strip()
    if not text:
        return None
    if not (text.isascii() and _in_one_piece(text)):  # else it is no header value, or prints itself in an error
        raise FaultySetting(name, f"{name} holds a space, a line break or a character outside ASCII: copy it again")
    for beginnings, what in wrong.items():
        if text.startswith(beginnings):
            raise FaultySetting(name, f"{name} holds {what}: it takes {right}")
    return Secret(text)


def read_riot_key(text: str) -> Secret | None:
    """A Riot key as a person gives it. Raises FaultySetting, which does not show it; None for none."""
    return _secret("RIOT_API_KEY", text, _KEY, _NO_KEY)


def read_slack_token(text: str) -> Secret | None:
    """The same for the token of the default workspace."""
    return _secret("SLACK_BOT_TOKEN", text, _TOKEN, _NO_TOKEN)


def _slack_tokens(values: Mapping[str, str]) -> dict[str, Secret]:
    tokens = {}
    for name, text in values.items():
        workspace = "default" if name == "SLACK_BOT_TOKEN" else name.removeprefix("SLACK_BOT_TOKEN_").lower()
        if name != "SLACK_BOT_TOKEN" and not (name.startswith("SLACK_BOT_TOKEN_") and is_workspace(workspace)):
            continue
        token = _secret(name, text, _TOKEN, _NO_TOKEN)
        if token:
            tokens[workspace] = token
    return tokens


def empty_settings(path: str) -> list[str]:
    """The lines of an `env` file that name a setting without a value where that says nothing, in words."""
    try:
        lines = _env_lines(path, [])
    except FaultySetting:  # told elsewhere
        return []
    return [
        f"{path}, line {number}: {name} is empty, so it counts as not set"
        for number, name, value in lines
        if not value and name not in MAY_BE_EMPTY
    ]


def _env_file(path: str, faults: list[FaultySetting] | None = None) -> dict[str, str]:
    """The values of an `env` file. The first fault is raised, unless there is a list that takes them all."""
    found: list[FaultySetting] = []
    try:
        lines = _env_lines(path, found)
    except FaultySetting as fault:
        lines = []
        found.append(fault)
    if found and faults is None:
        raise found[0]
    (faults if faults is not None else []).extend(found)
    return {name: value for _, name, value in lines}


def _env_lines(path: str, faults: list[FaultySetting]) -> list[tuple[int, str, str]]:
    """NAME=value lines, each with its number; a value may stand in quotes; # begins a comment, within a line only
    after a space. Lines at fault are left out and told in `faults`.
    """
    try:
        refuse_special(path)
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FaultySetting("", with_owner(f"{path} cannot be read: {error.strerror}", path, error)) from None
    except UnicodeDecodeError:
        raise FaultySetting("", f"{path} cannot be read: it is not UTF-8") from None
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, rest = line.removeprefix("export ").partition("=")
        value = _env_value(rest.strip())
        # Never the line itself: it may hold a key.
        if not equals or not (name.isascii() and name.strip().isidentifier()) or value is None:
            faults.append(FaultySetting("", f"{path}, line {number}: it must read NAME=value"))
        elif re.match(r"#\S", rest):
            said = "its value begins with #, which begins a comment; leave the # away, or put the value in quotes"
            faults.append(FaultySetting(name.strip(), f"{path}, line {number}: {name.strip()}: {said}"))
        else:
            lines.append((number, name.strip(), value))
    return lines


def _env_value(text: str) -> str | None:
    """The value after the equals sign, None if its quotes do not close."""
    if text[:1] in ("'", '"'):
        quoted = re.fullmatch(r"(['\"])(.*?)\1(?:\s+#.*|\s*)", text)
        return quoted[2] if quoted else None
    return re.split(r"(?:^|\s+)#", text, maxsplit=1)[0].strip()
