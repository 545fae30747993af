"""A Riot and a Slack that a test scripts by hand; they keep every call. For the stages' own decisions."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any, TypeVar

from support import FakeClock, puuid

from lolslackbot.game import ActiveGame
from lolslackbot.model import Account, Asked, Message, RiotId
from lolslackbot.rank import Standing
from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.riot.client import PAGE, Answer, Page
from lolslackbot.slack.answers import ChannelInfo, History, Identity, Posted, Said, SlackProblem
from lolslackbot.slack.answers import SlackVerdict as PostVerdict

T = TypeVar("T")
Fault = Exception | Callable[[], Exception | None]


def refused(verdict: RiotVerdict, status: int | None = None) -> RiotRefusal:
    """A refusal as the client raises it."""
    return RiotRefusal(verdict, f"{status or 'no answer'}", status)


UNAVAILABLE = refused(RiotVerdict.UNAVAILABLE, 503)
NOT_FOUND = refused(RiotVerdict.NOT_FOUND, 404)
FORBIDDEN = refused(RiotVerdict.FORBIDDEN, 403)
UNAUTHORIZED = refused(RiotVerdict.UNAUTHORIZED, 401)
OTHER_KEY = refused(RiotVerdict.OTHER_KEY, 400)
LOCAL_FAULT = refused(RiotVerdict.LOCAL_FAULT)


def body_of(match_id: str, *numbers: int, ended_at: datetime, duration: int = 1800) -> dict[str, Any]:
    """A match-v5 answer, as small as it reads: players `numbers` won on the blue side."""
    return {
        "metadata": {"matchId": match_id, "participants": [puuid(number) for number in numbers]},
        "info": {
            "gameMode": "CLASSIC",
            "queueId": 420,
            "gameStartTimestamp": int(ended_at.timestamp() * 1000) - duration * 1000,
            "gameEndTimestamp": int(ended_at.timestamp() * 1000),
            "gameDuration": duration,
            "participants": [
                {
                    "puuid": puuid(number),
                    "riotIdGameName": f"Player {number}",
                    "riotIdTagline": "EUW",
                    "championId": 103,
                    "championName": "Ahri",
                    "teamId": 100,
                    "teamPosition": "MIDDLE",
                    "win": True,
                    "kills": 7,
                    "deaths": 2,
                    "assists": 9,
                    "totalMinionsKilled": 190,
                    "neutralMinionsKilled": 11,
                    "timePlayed": duration,
                }
                for number in numbers
            ],
        },
    }


class FakeRiot:
    """Answers from `lists` (by puuid), `bodies` (by match id) and `accounts` (by Riot ID); faults go first."""

    def __init__(self) -> None:
        self.lists: dict[str, list[str]] = {}
        self.bodies: dict[str, Any] = {}
        self.accounts: dict[str, str] = {}
        self.rank_calls: list[str] = []  # puuids
        self.ranks: dict[str, dict[str, Standing | None]] = {}  # by puuid
        self.active: dict[str, ActiveGame] = {}  # by puuid
        self.live_calls: list[str] = []  # puuids
        self.platforms: dict[str, str] = {}  # by puuid; 'euw1' where nothing else is said
        self.faults: dict[str, list[Exception | None]] = {}  # by what is asked for; the last one stays
        self.calls: list[str] = []
        self.clock_ahead: timedelta | None = None
        self.transaction: Callable[[], AbstractContextManager[None]] = nullcontext  # which the real one opens

    def fail(self, asked: str, *faults: Exception | None) -> None:
        """What asking for a puuid, a match id or a Riot ID, raises, call by call."""
        self.faults[asked] = list(faults)

    def add_game(self, match_id: str, *numbers: int, ended_at: datetime) -> str:
        """A finished game, listed for its players."""
        self.bodies[match_id] = body_of(match_id, *numbers, ended_at=ended_at)
        for number in numbers:
            self.lists.setdefault(puuid(number), []).insert(0, match_id)
        return match_id

    def _fault(self, asked: str) -> Exception | None:
        faults = self.faults.get(asked, [])
        return faults.pop(0) if len(faults) > 1 else (faults[0] if faults else None)

    def _asked(self, what: str) -> None:
        self.calls.append(what)
        if fault := self._fault(what):
            raise fault

    @contextmanager
    def match_ids(self, puuid: str, platform: str, start_time: datetime, start: int) -> Iterator[Page]:
        self._asked(puuid)
        ids = self.lists.get(puuid, [])[start : start + PAGE]
        yield Page(tuple(ids), (), len(ids) == PAGE, None)

    @contextmanager
    def match(self, match_id: str, read: Callable[[Answer], T]) -> Iterator[T]:
        self._asked(match_id)
        if match_id not in self.bodies:
            raise NOT_FOUND
        found = read(Answer(json.dumps(self.bodies[match_id]).encode(), self.bodies[match_id]))
        with self.transaction():
            yield found

    @contextmanager
    def standings(self, puuid: str, platform: str) -> Iterator[Mapping[str, Standing | None]]:
        self.rank_calls.append(puuid)
        if fault := self._fault(f"rank of {puuid}"):
            raise fault
        with self.transaction():
            yield self.ranks.get(puuid, {})

    @contextmanager
    def active_game(self, puuid: str, platform: str) -> Iterator[ActiveGame]:
        self.live_calls.append(puuid)
        if fault := self._fault(f"game of {puuid}"):
            raise fault
        if puuid not in self.active:
            raise NOT_FOUND
        with self.transaction():
            yield self.active[puuid]

    def account(self, riot_id: RiotId, platform: str | None) -> Account:
        self._asked(str(riot_id))
        if str(riot_id) not in self.accounts:
            raise NOT_FOUND
        return Account(self.accounts[str(riot_id)], riot_id)

    def account_of(self, puuid: str, platform: str) -> Account:
        self._asked(f"account of {puuid}")
        return Account(puuid, None)

    def platform(self, puuid: str) -> str:
        self._asked(f"platform of {puuid}")
        return self.platforms.get(puuid, "euw1")


class FakeSlack:
    """Delivers everything, unless `outcomes` (by match id, then by channel id, call by call) says otherwise."""

    def __init__(self) -> None:
        self.outcomes: dict[str, list[Posted | BaseException]] = {}
        self.requests: list[Message] = []
        self.edits: list[tuple[Message, str, str]] = []  # with channel and `ts`
        self.edit_outcomes: list[Posted] = []  # of the next edits; then all succeed
        self.histories: dict[str, dict[str, str] | SlackProblem] = {}  # by channel
        self.reads: list[str] = []
        self.oldest: list[datetime] = []  # how far back histories were read
        self.infos: dict[str, ChannelInfo] = {}  # by channel; of the others Slack does not tell
        self.said_in: dict[str, list[Asked] | SlackProblem] = {}  # by channel: what was asked there
        self.page = 100  # messages of it in one answer
        self.threads: dict[str, dict[str, str] | SlackProblem] = {}  # by the `ts` of what began one
        self.reacted: list[tuple[str, str]] = []  # channel and `ts`
        self.reaction_outcomes: list[Posted] = []  # of the next reactions; then all succeed
        self.clock: FakeClock | None = None
        self.on_post: Callable[[Message], None] = lambda _: None

    def post(self, message: Message) -> Posted:
        self.requests.append(message)
        self.on_post(message)
        for name in (message.subject, message.channel_id):
            if self.outcomes.get(name):
                outcome = self.outcomes[name].pop(0)
                if isinstance(outcome, BaseException):
                    raise outcome
                return outcome
        return Posted(PostVerdict.DELIVERED, slack_ts=f"1700000000.{len(self.requests):06}")

    def update(self, message: Message, channel_id: str, slack_ts: str) -> Posted:
        self.edits.append((message, channel_id, slack_ts))
        return self.edit_outcomes.pop(0) if self.edit_outcomes else Posted(PostVerdict.DELIVERED, slack_ts=slack_ts)

    def identity(self) -> Identity:
        self.reads.append("auth.test")
        return Identity("B1", "A1", "U0BOT")

    def said(self, channel_id: str, between: tuple[str, str | None], cursor: str | None, us: Identity) -> Said:
        self.reads.append(f"said {channel_id}")
        found = self.said_in.get(channel_id, [])
        if isinstance(found, SlackProblem):
            raise found
        newest = sorted(found, key=lambda asked: asked.slack_ts, reverse=True)
        oldest, latest = between
        within = [each for each in newest if oldest < each.slack_ts and (latest is None or each.slack_ts < latest)]
        within = [each for each in within if cursor is None or each.slack_ts <= cursor]
        page, rest = within[: self.page], within[self.page :]
        stamps = [each.slack_ts for each in page]
        following = rest[0].slack_ts if rest else None
        return Said(tuple(page), max(stamps, default=None), min(stamps, default=None), following)

    def thread(self, channel_id: str, thread_ts: str, us: Identity) -> History:
        self.reads.append(f"thread {thread_ts}")
        found = self.threads.get(thread_ts, {})
        if isinstance(found, SlackProblem):
            raise found
        return History(found, self.clock.now() if self.clock else None)

    def react(self, channel_id: str, slack_ts: str, emoji: str) -> Posted:
        self.reacted.append((channel_id, slack_ts))
        return self.reaction_outcomes.pop(0) if self.reaction_outcomes else Posted(PostVerdict.DELIVERED)

    def history(self, channel_id: str, oldest: datetime, us: Identity) -> History:
        self.reads.append(channel_id)
        self.oldest.append(oldest)
        found = self.histories.get(channel_id, {})
        if isinstance(found, SlackProblem):
            raise found
        return History(found, self.clock.now() if self.clock else None)

    def channel_info(self, channel_id: str) -> ChannelInfo | None:
        self.reads.append(f"info {channel_id}")
        return self.infos.get(channel_id)

    def cannot_read(self, channel_id: str) -> SlackProblem | None:
        self.reads.append(f"can read {channel_id}")
        found = self.histories.get(channel_id, {})
        return found if isinstance(found, SlackProblem) else None

    @property
    def keys(self) -> list[str]:
        """What was requested, in order."""
        return [message.key for message in self.requests]
