"""Random histories: commands, kills, faults, restores and changes of mind in any order; then cron goes on.

After each command what must never happen is looked for; in the end, when all trouble is over, the judge compares Slack
with the database. A history that breaks a promise is made shorter, and told as a script that can be run again.

Left out is what the promises leave out: a person who tries an uncertain message again has looked into Slack first, and
does not where it stands there (else it is there twice, as `retry` says). Slack shows within eight minutes what it
accepted, and nobody tracks a player while the clock is wrong.
"""

import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from lolslackbot.clock import text_of
from lolslackbot.model import RiotId
from lolslackbot.sandbox import Mishap, Post
from lolslackbot.store import players
from lolslackbot.store.connect import create_database
from proof import worlds
from proof.fork_server import ForkServer, start_fork_server
from proof.frame import Part, Tally
from proof.judge import Finding, judge, look
from proof.kill_points import COMMITS, KILLED, AtStatements, KillAtCount, Point, at_request, die_at, go_on
from proof.remote_faults import NOWHERE, Fault, of_riot, of_slack
from proof.worlds import BUILD, DELIVER, FETCH, World

SEED = 1
HISTORIES, STEPS = 150, 16
BATCH = 9  # of one seed: after ten Hypothesis goes on with variations of what it has tried
SHRINKING = 60.0  # seconds
MINUTE, HOUR, DAY = 60, 3600, 86400
NEWS = timedelta(hours=12)
LATE = 8 * MINUTE  # after which Slack shows what it accepted
INEXACT = timedelta(minutes=2)  # a command's own time and sleeps
ROUNDS, ROUND = 8, 12 * MINUTE  # in which all must be settled, with so much time from command to command
TRACKED = {"Ann": ("C1", "C2"), "Ben": ("C2", "C3"), "Cleo": ()}
POST = "chat.postMessage"
UNREADABLE = "it may have been announced before the restore, and cannot be looked up"
HOLDS = "SELECT kind, trim(scope_kind || ' ' || scope_id || ' ' || endpoint) FROM holds"
FOR_GOOD = ("missing_scope", "channel_not_found", "is_archived", "not_in_channel")  # a later look-up does no better
LATENESS = ("no longer news", "pruned; it had failed", UNREADABLE)  # why a friend's game may go unannounced
REASONS = (*LATENESS, "before tracking", "untracked")  # with which nothing is left to try again
Pair = tuple[str, str]  # who is tracked where

STAGES = ("deliver", "fetch-matches", "build-messages")
LASTING = (
    "backup BACKUP",
    "restore BACKUP",
    "untrack Ann#EUW",
    "untrack Ann#EUW --channel C2",
    "track Ann#EUW --platform euw1 --channel C2",
    "track Ben#EUW --platform euw1 --channel C1",
    "track Cleo#EUW --platform euw1 --channel C1",
    "prune --older-than 1",
)
BY_HAND = (*LASTING, "pause", "pause --channel C2", "resume", "resume --channel C2", "deliver --dry-run", "status")
MOMENTS = ("before commit", "after commit", "before request", "after request")
AT = st.tuples(st.sampled_from(MOMENTS), st.integers(1, 5)) | st.tuples(st.just("line"), st.integers(1, 600))


_OPEN = ("a reset", "cut off", "500", "internal_error", "truncated JSON")
SLACK_FAULTS = (
    *(f"{name}, {when} it was applied" for name in _OPEN for when in ("after", "before")),
    *("429 with Retry-After", "429 without Retry-After", "invalid_auth", "missing_scope"),
    *("not_in_channel", "channel_not_found", "invalid_blocks", "msg_too_long"),
)
RIOT_FAULTS = (
    *(f"{name}, before it was applied" for name in ("cut off", "500", "truncated JSON", "an empty object")),
    *(f"status {code}" for code in (400, 401, 403, 404)),
    *("429 application with Retry-After", "429 method without Retry-After"),
)
KINDS = {each.name: each for each in (*of_riot(), *of_slack())}  # of the same name: Slack's


# What is seen


@dataclass(frozen=True)
class Game:
    names: tuple[str, ...]
    ended: datetime


@dataclass(frozen=True)
class Item:
    """A match or a message in the database. `open`: cron still has something to do about it."""

    state: str
    reason: str
    open: bool


@dataclass(frozen=True)
class Seen:
    """What a database says at one moment: messages and matches by key, tracks with their beginning, holds."""

    messages: dict[str, Item]
    matches: dict[str, Item]
    tracks: dict[Pair, str]
    holds: set[tuple[str, str]]
    restores: list[tuple[object, ...]]

    def is_paused(self, channel: str) -> bool:
        return bool({("paused", "everything"), ("paused", f"channel {channel}")} & self.holds)


def see(database: Path, now: datetime, *, hold: bool) -> Seen:
    looked_for_since = text_of(now - timedelta(days=1, minutes=10))
    messages = f"""
        SELECT match_id || ':' || channel_id, state, error, state IN ('pending', 'sending') OR (state = 'uncertain'
            AND claimed_at > '{looked_for_since}' AND NOT (lookup_misses > 1 AND ({hold} OR resends AND NOT restored)))
        FROM messages"""
    matches = """
        SELECT match_id, state, reason, next_look_at IS NOT NULL OR (state = 'stored' AND built_at IS NULL)
        FROM matches"""
    tracks = look(database, "SELECT game_name, channel_id, since FROM tracks JOIN players USING (player_id)")

    def items(sql: str) -> dict[str, Item]:
        rows = look(database, sql)
        return {str(key): Item(str(state), str(why or ""), bool(open_)) for key, state, why, open_ in rows}

    return Seen(
        items(messages),
        items(matches),
        {(str(name), str(channel)): str(since) for name, channel, since in tracks},
        {
            (str(kind), str(scope))
            for kind, scope in look(
                database, "SELECT kind, trim(scope_kind || ' ' || scope_id || ' ' || endpoint) FROM holds"
            )
        },
        look(database, "SELECT restored_at FROM restores ORDER BY restored_at"),
    )


@dataclass
class Ran:
    """One command with what came of it; `beside` is another one that ran meanwhile."""

    command: str
    beside: str = ""
    ends: list[tuple[int, str]] = field(default_factory=list)  # status and output of each
    posts: list[tuple[str, str | None]] = field(default_factory=list)  # key and mishap of each request to post
    posts_before: int | None = None  # of them, when the other command was over
    look_ups: list[str | None] = field(default_factory=list)  # the mishap of each other request to Slack

    @property
    def killed(self) -> bool:
        return self.ends[0][0] == KILLED

    def concerns(self, pair: Pair) -> bool:
        """Whether it tracks, or no longer tracks, that player there."""
        name, channel = pair
        for words in (self.command.split(), self.beside.split()):
            if words and words[0] in ("track", "untrack") and words[1] == f"{name}#EUW":
                return "--channel" not in words or words[-1] == channel
        return False


# Where histories take place


class Broken(AssertionError):
    """A promise was broken."""


class Enough(BaseException):
    """The time to make a history shorter is over."""


@dataclass
class Ground:
    """Histories take place here one after the other; what came of them, until one breaks a promise."""

    world: World
    other: ForkServer
    histories: int = 0
    steps: int = 0
    commands: int = 0
    kills: int = 0
    faults: int = 0
    most_uncertain: int = 0
    broken: tuple[Finding, list[str]] | None = None  # the shortest that does
    deadline: float = float("inf")

    def breaks(self, finding: Finding, script: list[str]) -> None:
        if not self.broken:
            self.deadline = time.monotonic() + SHRINKING
        if not self.broken or len(script) < len(self.broken[1]):
            self.broken = finding, list(script)
        raise Broken(str(finding))


@contextmanager
def ground() -> Iterator[Ground]:
    """A sandbox with three players, some of them tracked."""
    with worlds.empty_world() as world, start_fork_server() as other:
        since = datetime.now(UTC) - timedelta(days=1)
        with closing(create_database(world.database)) as db:
            for name, channels in TRACKED.items():
                account = world.sandbox.riot.add_player(f"{name}#EUW", platform="euw1")
                for channel in channels:
                    players.track(db, account.puuid, RiotId(name, "EUW"), "euw1", channel, "default", since)
        for endpoint in ("match-ids", "match"):  # limits that are known, and never met
            world.sandbox.riot.limits.method[endpoint] = "30000:600"
        world.sandbox.riot.limits.application = "30000:600"
        world.tick = (FETCH, BUILD, DELIVER)
        world.keep()
        yield Ground(world, other)


@contextmanager
def begun() -> Iterator["History"]:
    """A history to go through by hand."""
    with ground() as here:
        yield History(here)


def step(*, begins: bool = False, **arguments: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Any]:
    """A step of a history, or its first, which is written down so that it can be taken again."""

    def written(function: Callable[..., None]) -> Any:
        @wraps(function)
        def take(history: "History", **values: Any) -> None:
            shown = ", ".join(f"{name}={value!r}" for name, value in values.items())
            history.script.append(f"history.{function.__name__}({shown})")
            history.ground.steps += not history.ground.broken
            function(history, **values)

        decorate: Any = initialize if begins else rule
        return decorate(**arguments)(take)

    return written


class History(RuleBasedStateMachine):
    """One history. Its public methods are its steps."""

    fault: Fault | None = None  # of Slack

    def __init__(self, here: Ground) -> None:
        super().__init__()
        if time.monotonic() > here.deadline:
            raise Enough
        self.ground, self.world = here, here.world
        self.slack, self.riot = self.world.sandbox.slack, self.world.sandbox.riot
        self.script: list[str] = []
        self.games: dict[str, Game] = {}
        self.hidden: list[tuple[Post, float]] = []  # and when Slack will show it
        self.backup = self.world.folder / "backup.db"
        here.histories += not here.broken
        self._begin()

    def _begin(self) -> None:
        self.world.reset()
        self.world.pace = MINUTE
        shutil.copy(self.world.database, self.backup)
        self.riot.matches.clear()
        self.riot._numbers.clear()  # so that the same history has the same ids
        for ids in self.riot.lists.values():
            ids.clear()
        self.slack.page_size = 2  # of a channel's history
        self.policy, self.hides = "resend", False
        self._end_trouble()
        self.seen = self._see(self.world.database)
        self.ever = set(self.seen.tracks.items())
        self._play("Ann", "Ben")

    @step(begins=True, uncertain=st.sampled_from(("resend", "hold")), late=st.booleans())
    def circumstances(self, uncertain: str, late: bool) -> None:
        """What is done with uncertain messages; whether Slack's history shows late what Slack accepted."""
        self.policy, self.hides = uncertain, late
        self._end_trouble()

    # What happens around the bot

    @step(what=st.deferred(lambda: st.sampled_from(tuple(EVENTS))))
    def happens(self, what: str) -> None:
        EVENTS[what](self)

    @step(
        kind=st.sampled_from(SLACK_FAULTS),
        method=st.sampled_from((POST, "conversations.history", None)),
        after=st.integers(0, 2),
        times=st.sampled_from((1, 2, None)),
    )
    def slack_fails(self, kind: str, method: str | None, after: int, times: int | None) -> None:
        """At the requests after so many of a tick, and after it; what was wrong with Slack before is over."""
        self._prepare("deliver")
        self.slack.behave()
        fault = self.fault = KINDS[kind]
        self.slack.misbehave(Mishap.slow(0), method, times=after)
        self.slack.misbehave(_mishap(fault), method, times=times)
        self._do(Ran("deliver"))

    @step(
        kind=st.sampled_from(RIOT_FAULTS),
        endpoint=st.sampled_from(("match", "match-ids", None)),
        after=st.integers(0, 2),
        times=st.sampled_from((1, 2, None)),
    )
    def riot_fails(self, kind: str, endpoint: str | None, after: int, times: int | None) -> None:
        self._prepare("fetch-matches")
        self.riot.behave()
        self.riot.misbehave(Mishap.slow(0), endpoint, times=after)
        self.riot.misbehave(_mishap(KINDS[kind]), endpoint, times=times)
        self._do(Ran("fetch-matches"))

    # What the bot is told to do

    @step(command=st.sampled_from(("tick", *STAGES, *BY_HAND, "retry")))
    def run(self, command: str) -> None:
        """`tick`: all three stages; `retry`: whatever there is to try again."""
        several = {"tick": [stage for (stage,) in self.world.tick], "retry": self._retries()}
        for each in several.get(command, [command]):
            self._do(Ran(each))

    @step(at=AT)
    def killed_delivering(self, at: tuple[str, int]) -> None:
        self._kill("deliver", at)

    @step(command=st.sampled_from((*STAGES[1:], *LASTING[:2], *LASTING)), at=AT)
    def killed(self, command: str, at: tuple[str, int]) -> None:
        self._kill(command, at)

    @step(
        stage=st.sampled_from(("deliver", "fetch-matches")),
        request=st.integers(1, 3),
        command=st.sampled_from((*STAGES, *(3 * STAGES[:1]), *BY_HAND)),
    )
    def meanwhile(self, stage: str, request: int, command: str) -> None:
        """Another command runs, from beginning to end, while a stage waits for that answer."""
        self._prepare(stage)
        ran = Ran(stage, command)
        asked = len(self.slack.requests)

        def run_beside() -> None:
            status = self.world.run_beside(self.ground.other, *self._words(command))
            ran.ends.append((status, self.ground.other.output))
            ran.posts_before = sum(each.method == POST for each in self.slack.requests[asked:])

        if self._can(command):
            mishap = Mishap.on_request(run_beside, accepted=True)
            handles = at_request(self.world, _service(stage), request, mishap)
            self._do(ran)
            for handle in handles:
                handle.stop()

    def teardown(self) -> None:
        if sys.exception() is None:
            self.end()

    def end(self) -> None:
        """All trouble is over, and cron goes on until all is quiet, and once more."""
        self._end_trouble()
        self.hides = False
        self.world.pace = ROUND
        for _, scope in sorted(hold for hold in self.seen.holds if hold[0] == "paused"):
            self._do(Ran(scope.replace("everything", "resume").replace("channel", "resume --channel")))
        for _ in range(ROUNDS):
            for command in self._retries():
                self._do(Ran(command))
            quiet = not self._unsettled()
            for (stage,) in self.world.tick:
                self._do(Ran(stage))
            if quiet:
                break
        self._conclude()

    # How that is done

    def _see(self, database: Path) -> Seen:
        return see(database, self._now(), hold=self.policy == "hold")

    def _now(self) -> datetime:
        """By the bot's clock."""
        return datetime.now(UTC) + timedelta(seconds=self.world.ahead + self.world.wrong)

    def _play(self, *names: str) -> None:
        accounts = [player for player in self.riot.players if player.game_name in names]
        ended = datetime.now(UTC) + timedelta(seconds=self.world.ahead)
        self.games[self.riot.add_game(accounts, ended=ended)] = Game(names, ended)

    def _kill(self, command: str, at: tuple[str, int]) -> None:
        self._prepare(command)
        self._do(Ran(command), _point(command, *at).run)

    def _prepare(self, stage: str) -> None:
        """What comes before that stage in a tick; without any news, it has some to bring."""
        if not any(item.state == "pending" for item in self.seen.messages.values()):
            self._play("Ann", "Ben")
        before = {"deliver": 2, "build-messages": 1}.get(stage, 0)
        for (earlier,) in self.world.tick[:before]:
            self._do(Ran(earlier))

    def _end_trouble(self) -> None:
        self.slack.behave()
        self.riot.behave()
        self.fault = None
        for channel in self.slack.channels.values():
            channel.member = True
        self.world.wrong = 0
        self.world.environment = {"LOLSLACKBOT_UNCERTAIN": self.policy, "LOLSLACKBOT_DDRAGON_URL": ""}

    def _can(self, command: str) -> bool:
        return not (command.startswith("track") and self.world.wrong)

    def _words(self, command: str) -> list[str]:
        return command.replace("BACKUP", str(self.backup)).split()

    def _retries(self) -> list[str]:
        """What a person who looks into Slack may try again."""
        posted = {post.key for post in self.slack.posts}
        messages = [
            key.split(":")
            for key, item in sorted(self.seen.messages.items())
            if item.state == "uncertain" and not item.open and key not in posted and key in self._owed()
        ]
        failed = {key.split(":")[1] for key, item in self.seen.messages.items() if item.state == "failed"}
        broken = {scope.split()[1] for kind, scope in self.seen.holds if kind == "broken"}
        matches = [
            match_id
            for match_id, item in sorted(self.seen.matches.items())
            if item.state in ("missing", "given_up") and not item.open and not item.reason.startswith(REASONS)
        ]
        return [
            *(f"retry --yes --message {match_id} {channel}" for match_id, channel in messages),
            *(f"retry --yes --channel {channel}" for channel in sorted(failed | broken)),
            *(f"retry --yes --match {match_id}" for match_id in matches),
        ]

    def _do(self, ran: Ran, run: Callable[..., int] = World.run) -> None:
        """Runs a command, and looks at what it may have done wrong."""
        if not self._can(ran.command):
            return
        for post, due in self.hidden:
            post.at = 0 if due <= self.world.ahead + self.world.pace else post.at
        posted, asked, asked_riot = len(self.slack.posts), len(self.slack.requests), len(self.riot.requests)
        status = run(self.world, *self._words(ran.command))
        ran.ends.insert(0, (status, self.world.fork_server.output))
        requests = self.slack.requests[asked:]
        ran.posts = [(_key(each.arguments), each.mishap) for each in requests if each.method == POST]
        ran.look_ups = [each.mishap for each in requests if each.method != POST]
        for post in self.slack.posts[posted:] if self.hides else ():
            post.at = float("inf")
            self.hidden.append((post, self.world.ahead + LATE))
        self._count(ran, [each.mishap for each in (*requests, *self.riot.requests[asked_riot:])])
        self._examine(ran)

    def _count(self, ran: Ran, mishaps: Sequence[str | None]) -> None:
        if not self.ground.broken:
            self.ground.commands += len(ran.ends)
            self.ground.kills += ran.killed
            self.ground.faults += sum(each not in (None, "slow", "on_request") for each in mishaps)

    # What must never happen

    def _examine(self, ran: Ran) -> None:
        try:
            before, self.seen = self.seen, self._see(self.world.database)
            found = judge(self.world.database, self.slack.posts) if ran.posts else Finding()
        except sqlite3.Error as error:
            self._break(Finding(faults=[f"the database cannot be read: {error}"]), ran.command)
            return
        self.ever |= set(self.seen.tracks.items())
        wrong = [*found.faults, *self._odd_ends(ran), *self._unwanted_posts(ran, before)]
        if self.seen.restores != before.restores:
            wrong += self._wrong_restore()
        else:
            rules = (self._forgotten, self._too_uncertain, self._failed, self._ended_early)
            wrong += [each for of_one in rules for each in of_one(ran, before)]
        found = replace(found, faults=wrong)
        if any(vars(found).values()):
            self._break(found, ran.command)

    def _break(self, found: Finding, where: str) -> None:
        self.ground.breaks(found, [*self.script, f"# then, in `{where}`"])

    def _odd_ends(self, ran: Ran) -> Iterator[str]:
        for status, output in ran.ends:
            if status not in (0, 1, 75, 77, KILLED) or re.search("unexpected|Traceback", output):
                yield f"it ended with {status} and said: {output.strip()}"

    def _unwanted_posts(self, ran: Ran, before: Seen) -> Iterator[str]:
        """Into what is paused; and with `hold` what is uncertain."""
        for number, (key, _) in enumerate(ran.posts):
            channel = key.partition(":")[2]
            was_paused = before.is_paused(channel) or (ran.posts_before or 0) < number
            if was_paused and self.seen.is_paused(channel):
                yield f"{key} was sent, though that is paused"
            item = before.messages.get(key)
            if self.policy == "hold" and item and item.state == "uncertain":
                yield f"{key} was sent again, though it is to be held"

    def _wrong_restore(self) -> Iterator[str]:
        if self.seen.tracks != self._see(self.backup).tracks:
            yield "the tracks are not those of the backup"

    def _forgotten(self, ran: Ran, before: Seen) -> Iterator[str]:
        for old, new in ((before.messages, self.seen.messages), (before.matches, self.seen.matches)):
            for key, item in old.items():
                if key not in new or (item.state == "delivered" and new[key].state != "delivered"):
                    yield f"{key} was {item.state}, and no longer is"
        for pair in dict(before.tracks.items() ^ self.seen.tracks.items()):
            if not ran.concerns(pair):
                yield f"the track {pair} changed"

    def _too_uncertain(self, ran: Ran, before: Seen) -> Iterator[str]:
        """Each kill and each fault that leaves an outcome open makes one message uncertain at most."""
        states = ("sending", "uncertain")
        fresh = [
            key
            for key, item in self.seen.messages.items()
            if item.state in states
            and not item.reason.startswith("it may have been announced before the restore")
            and (key not in before.messages or before.messages[key].state not in states)
        ]
        struck = self._struck(ran) if self.fault and self.fault.leaves == "open" else 0
        if ran.killed and not self.ground.broken:
            self.ground.most_uncertain = max(self.ground.most_uncertain, len(fresh) - struck)
        if len(fresh) > struck + ran.killed:
            yield f"{', '.join(fresh)} became uncertain, by {struck} faults and {int(ran.killed)} kills"

    def _struck(self, ran: Ran) -> int:
        """How many requests to post met Slack's fault."""
        return sum(self.fault is not None and mishap == _mishap(self.fault).name for _, mishap in ran.posts)

    def _failed(self, ran: Ran, before: Seen) -> Iterator[str]:
        """What was not refused, in a channel that is well."""
        refused = self.fault is not None and self.fault.leaves == "refused" and self._struck(ran)
        for key, item in self.seen.messages.items():
            channel = key.partition(":")[2]
            well = self.slack.channels[channel].member and ("broken", f"channel {channel}") not in self.seen.holds
            old = before.messages.get(key)
            if item.state == "failed" and not (old and old.state == "failed") and well and not refused:
                yield f"{key} is failed: {item.reason}"

    def _ended_early(self, ran: Ran, before: Seen) -> Iterator[str]:
        """What will not be announced any more since it is late, though it is not."""
        for old, new in ((before.messages, self.seen.messages), (before.matches, self.seen.matches)):
            for key, item in new.items():
                ended = item.state in ("expired", "given_up") and item.reason.startswith(LATENESS)
                if ended and (key not in old or old[key].state != item.state) and not self._may_end(key, item, ran):
                    yield f"{key} is {item.state}: {item.reason}"

    def _may_end(self, key: str, item: Item, ran: Ran) -> bool:
        match_id, _, channel = key.partition(":")
        if item.reason.startswith(UNREADABLE):
            fault = self.fault if self.fault and self.fault.name.startswith(FOR_GOOD) else None
            by_fault = fault is not None and _mishap(fault).name in ran.look_ups
            return not self.slack.channels[channel].member or by_fault
        age = self._now() - self.games[match_id].ended + INEXACT
        return age > (NEWS - timedelta(hours=1) if "; the last answer" in item.reason else NEWS)

    # What must have happened in the end

    def _unsettled(self) -> list[str]:
        known = {**self.seen.messages, **self.seen.matches}
        return [key for key, item in known.items() if item.open] + sorted(self._owed() - self.seen.messages.keys())

    def _owed(self) -> set[str]:
        """What had to be announced: a game of a player who is tracked since before its end, if it is not too late."""
        keys = {
            f"{match_id}:{channel}"
            for match_id, game in self.games.items()
            for (name, channel), since in self.seen.tracks.items()
            if name in game.names and since <= text_of(game.ended)
        }
        return {key for key in keys if not self._is_excused(key)}

    def _is_excused(self, key: str) -> bool:
        """By a reason that was looked at when it was given; or since its list was never asked for in time."""
        match_id = key.partition(":")[0]
        item = self.seen.messages.get(key) or self.seen.matches.get(match_id)
        if item is None:
            return self._now() - self.games[match_id].ended > NEWS
        return item.state in ("expired", "given_up") and item.reason.startswith(LATENESS)

    def _is_asked_for(self, key: str) -> bool:
        match_id, _, channel = key.partition(":")
        game = self.games[match_id]
        return any(
            name in game.names and channel == where and since <= text_of(game.ended)
            for (name, where), since in self.ever
        )

    def _conclude(self) -> None:
        owed = self._owed()
        found = judge(self.world.database, self.slack.posts, sorted(owed))
        wrong = [f"{key} is not settled" for key in self._unsettled()]
        wrong += [
            f"{post.key} was not asked for" for post in self.slack.posts if not self._is_asked_for(post.key or "")
        ]
        for key in sorted(owed - set(found.lost)):
            item = self.seen.messages.get(key)
            if not item or (item.state != "delivered" and (item.state != "uncertain" or item.open)):
                wrong.append(f"{key} is {item and (item.state, item.reason)}")
        found = replace(found, faults=[*found.faults, *wrong, *self.world.leaks()])
        if any(vars(found).values()):
            self._break(found, "the end")


def _mishap(fault: Fault) -> Mishap:
    assert fault.mishap
    return fault.mishap


def _service(command: str) -> str:
    return "slack" if command.startswith("deliver") else "riot"


def _key(arguments: dict[str, Any]) -> str:
    """What a request to post carries in its metadata."""
    found = re.search(r"\w+_\d+:\w+", str(arguments.get("metadata")))
    return found[0] if found else ""


def _point(command: str, moment: str, nth: int) -> Point:
    where = f"{moment} {nth}"
    match moment:
        case "line":
            return Point(where, (KillAtCount(nth),))
        case "before commit":
            return Point(where, (AtStatements(partial(die_at, nth), go_on, COMMITS),))
        case "after commit":
            return Point(where, (AtStatements(go_on, partial(die_at, nth), COMMITS),))
    return Point(where, request=(_service(command), nth, moment.startswith("after")))


def _clock(wrong: int) -> Callable[[History], None]:
    return lambda history: setattr(history.world, "wrong", wrong)


def _member(channel: str, member: bool) -> Callable[[History], None]:
    return lambda history: setattr(history.slack.channels[channel], "member", member)


def _pass(seconds: int) -> Callable[[History], None]:
    return lambda history: setattr(history.world, "ahead", history.world.ahead + seconds)


EVENTS: dict[str, Callable[[History], None]] = {
    "all trouble ends": History._end_trouble,
    "ten minutes pass": _pass(10 * MINUTE),
    "an hour passes": _pass(HOUR),
    "five hours pass": _pass(5 * HOUR),
    "thirteen hours pass": _pass(13 * HOUR),
    "two days pass": _pass(2 * DAY),
    "Ann plays": lambda history: history._play("Ann"),
    "Ben plays": lambda history: history._play("Ben"),
    "Ben and Cleo play": lambda history: history._play("Ben", "Cleo"),
    "the clock is an hour ahead": _clock(HOUR),
    "the clock is an hour behind": _clock(-HOUR),
    "the clock is right": _clock(0),
    "Slack is out of reach": lambda history: history.world.environment.update(LOLSLACKBOT_SLACK_URL=NOWHERE),
    "the bot has to leave C2": _member("C2", False),
    "the bot is invited to C2": _member("C2", True),
}


# How many are tried


def explore(here: Ground, number: int, *, shorten: bool = True) -> None:
    """So many histories, or as many as it takes to break a promise; that one is then made shorter for a while."""
    while here.histories < number and not here.broken:
        chosen = settings(
            max_examples=min(BATCH, max(2, number - here.histories)),
            stateful_step_count=STEPS,
            phases=(Phase.generate, Phase.shrink) if shorten else (Phase.generate,),
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )
        with suppress(Broken, Enough, Flaky):
            run_state_machine_as_test(seed(SEED + here.histories)(lambda: History(here)), settings=chosen)  # type: ignore[arg-type]


def prove(share: float, *, shorten: bool = True) -> Tally:
    """That share of the histories."""
    with ground() as here:
        explore(here, max(1, round(HISTORIES * share)), shorten=shorten)
    tally = Tally(points=here.histories, most_uncertain=here.most_uncertain)
    if here.broken:
        finding, script = here.broken
        finding.enter(tally, f"history {here.histories} (seed {SEED})")
        tally.violations.append("\n    ".join(("with proof.histories.begun() as history:", *script)))
    tally.notes.append(
        f"{here.histories} histories, {here.steps} steps, {here.commands} commands, {here.kills} kills that struck, "
        f"{here.faults} faults that struck (seed {SEED})"
    )
    return tally


PARTS = [Part("histories", "random commands, kills, faults, restores and changes of mind, one after the other", prove)]
