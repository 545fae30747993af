"""The values that pass between Riot, the store, the rendering and Slack. No I/O."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

DEFAULT_WORKSPACE = "default"  # of channels and tokens that name none


class LookupProblem(StrEnum):
    """Why a channel's history cannot be read, so that nobody knows whether a message stands there."""

    SCOPE_MISSING = "scope_missing"  # until the app gets a history scope
    CHANNEL_CLOSED = "channel_closed"  # to the bot: it is not a member, or the channel is gone
    TOKEN_REFUSED = "token_refused"  # or there is none
    NO_ANSWER = "no_answer"  # a limit, a fault, a time-out: a later run may read it

    @property
    def lasts(self) -> bool:
        """Whether no later run can read it either, unless a person changes something in Slack."""
        return self in (LookupProblem.SCOPE_MISSING, LookupProblem.CHANNEL_CLOSED)


class Style(StrEnum):
    """How much a channel wants to read about a game."""

    FULL = "full"
    COMPACT = "compact"


class ProblemKind(StrEnum):
    """Why a player's list cannot be had, or not whole."""

    NO_LIST = "no_list"  # 404
    ODD_MATCH_IDS = "odd_match_ids"  # some ids in it are not match ids
    # The puuid was encrypted for another key, and asking for it again by Riot ID brought no better one:
    UNKNOWN_NAME = "other_key_unknown_name"  # Riot knows nobody of that name
    NAME_TAKEN = "other_key_name_taken"  # the name leads to another player of ours
    ODD_PUUID = "other_key_odd_puuid"  # Riot gave something that is not a puuid
    STILL_OTHER_KEY = "other_key_still"  # Riot refuses that puuid, too


OTHER_KEY_KINDS = frozenset(
    (ProblemKind.UNKNOWN_NAME, ProblemKind.NAME_TAKEN, ProblemKind.ODD_PUUID, ProblemKind.STILL_OTHER_KEY)
)


@dataclass(frozen=True, slots=True)
class RiotId:
    """A player's name as people write it: `GameName#TAG`. It changes; a puuid does not."""

    game_name: str
    tag_line: str

    def __str__(self) -> str:
        return f"{self.game_name}#{self.tag_line}"

    @property
    def folded(self) -> str:
        """For comparing: Riot treats upper and lower case alike, and what cannot be seen tells no two names apart."""
        return plain_name(str(self)).casefold()


@dataclass(frozen=True, slots=True)
class Account:
    """account-v1: who a Riot ID belongs to. Riot may leave the names out."""

    puuid: str
    riot_id: RiotId | None


@dataclass(frozen=True, slots=True)
class Player:
    """A League account we know, tracked or once tracked."""

    player_id: int
    puuid: str
    riot_id: RiotId
    platform: str
    problem: str | None = None
    problem_kind: ProblemKind | None = None  # None with a problem: an earlier version recorded it
    resolved_at: datetime | None = None  # when account-v1 was last asked for the puuid again
    last_game_at: datetime | None = None  # end of the newest game known
    region_asked_at: datetime | None = None  # when Riot was last asked where this player plays
    region: str | None = None  # its answer where that is not `platform`


class MessageKind(StrEnum):
    """What a message is about."""

    GAME = "game"  # a finished match; its subject is the match id
    LIVE = "live"  # a match that has begun
    DIGEST = "digest"  # a channel's week
    REPLY = "reply"  # to what somebody asked in the channel, in its thread
    ALERT = "alert"  # a problem that needs a person, or its end


@dataclass(frozen=True, slots=True)
class Message:
    """A message on its way: what Slack is to be sent. Its identity is (subject, channel)."""

    subject: str
    channel_id: str
    workspace: str
    text: str
    blocks: str | None  # Block Kit JSON
    kind: MessageKind = MessageKind.GAME
    thread_ts: str | None = None  # Slack's ts of the message under which it stands; None: in the channel itself

    @classmethod
    def from_row(cls, row: Any) -> "Message":
        """The message in a row of the table `messages`."""
        kind = MessageKind(row["kind"])
        return cls(
            row["subject"],
            row["channel_id"],
            row["workspace"],
            row["text"],
            row["blocks"],
            kind,
            row["thread_ts"],
        )

    @property
    def key(self) -> str:
        """The idempotency key: finds this message again in a channel's history. Unique, and without anything secret."""
        return f"{self.subject}:{self.channel_id}"


@dataclass(frozen=True, slots=True)
class Asked:
    """A message in a channel that begins with the bot's name. words: what follows."""

    slack_ts: str
    user_id: str
    words: str

    @property
    def at(self) -> datetime:
        """When it was said, by Slack's clock."""
        return datetime.fromtimestamp(float(self.slack_ts), UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """One rate limit of Riot's: at most `calls` in any `seconds`."""

    seconds: int
    calls: int
    foreign_calls: int = 0  # counted by Riot beyond ours: another user of the same key
    foreign_calls_at: datetime | None = None  # when Riot said so


@dataclass(frozen=True, slots=True)
class ScopeState:
    """What is known of one rate limit scope: a whole host (application limit) or one endpoint there (method limit)."""

    windows: tuple[Window, ...] = ()  # the shortest first; empty until an answer states them
    retry_at: datetime | None = None  # the last 429 lets nothing go before; may be in the past
    reason: str = ""  # of the last 429
    refusals: int = 0  # 429s in a row


def plain_name(text: str) -> str:
    """A name as Riot composes it, without what comes along when it is copied: marks of direction, odd spaces."""
    if not text.isascii() or not text.isprintable():
        shown = (" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in ("Cf", "Cc"))
        text = unicodedata.normalize("NFC", "".join(shown))
    return " ".join(text.split())


def is_puuid(text: str) -> bool:
    """Whether that is a puuid as account-v1 gives it; ids of 36 characters are not encrypted for our key."""
    return re.fullmatch(r"[A-Za-z0-9_-]{78}", text) is not None


def is_match_id(text: str) -> bool:
    """Whether that is a match id, platform and `gameId`; 18 digits fit SQLite's INTEGER."""
    return re.fullmatch(r"[A-Z]{1,8}[0-9]{0,2}_[0-9]{1,18}", text) is not None


def platform_of(match_id: str) -> str:
    """The platform in a match id, as host names have it: `EUW1_123` was played on `euw1`."""
    return match_id.partition("_")[0].lower()


def game_id_of(match_id: str) -> int:
    """Riot's `gameId`, the number in a match id."""
    return int(match_id.partition("_")[2])
