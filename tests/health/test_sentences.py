"""Each sentence of `status` and `why`, once: a world, a question, what is answered.

A row's `never` has words that would be false in that world, though they are right in others.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from io import StringIO
from typing import NamedTuple, Self

import pytest
from support import FakeClock, a_match, add_player, claim, scope_of, store_match

from lolslackbot.admin.pause import pause, resume
from lolslackbot.admin.retry import retry_channel, retry_matches, retry_message
from lolslackbot.admin.tracking import untrack
from lolslackbot.commands.status import show_status
from lolslackbot.commands.why import why
from lolslackbot.errors import Exit, NotFound
from lolslackbot.health import facts
from lolslackbot.health.status import status
from lolslackbot.model import LookupProblem, Message, ProblemKind, RiotId, Window
from lolslackbot.settings import ChannelLimit, Secret, Settings
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import (
    channels,
    claims,
    decisions,
    findings,
    holds,
    in_doubt,
    listings,
    matches,
    outbox,
    players,
    restores,
    runs,
)
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.claims import Claim
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database
from lolslackbot.store.findings import Found
from lolslackbot.store.locks import STAGES, run_lock
from lolslackbot.store.reasons import Reason

NEWS = timedelta(hours=12)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SETTINGS = Settings("/home/bot", "", slack_tokens={"default": Secret("xoxb-1")}, channel_limit=ChannelLimit(3, 3600))
RECEIPT = "1795449957.711267"
PLAYER = "Player 1#EUW"
NEXT = "waiting for the next `lolslackbot deliver`"
NOON = "2026-11-23T12:00:00.000Z"


@dataclass
class World:
    """Player 1 is tracked in C1; what happens to their games and messages there."""

    db: Database
    clock: FakeClock
    stack: ExitStack
    settings: Settings = SETTINGS

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def message(self, number: int = 1) -> Message:
        found = outbox.find(self.db, f"EUW1_{number}", "C1")
        assert found
        return found[0]

    # What happens; each is followed by what happens next.

    def pass_time(self, time: timedelta) -> Self:
        self.clock.advance(time.total_seconds())
        return self

    def game(self, number: int = 1, ago: timedelta = 10 * MINUTE) -> Self:
        """A game that ended some time ago, built."""
        store_match(self.db, a_match(f"EUW1_{number}", ended_at=self.now - ago), self.now)
        build_messages(self.db, Run("build-messages", self.clock, 80), "")
        return self

    def claim(self, number: int = 1, ago: timedelta = 10 * MINUTE) -> Self:
        message = self.game(number, ago).message(number)
        assert claim(self.db, message, "t", self.now, self.now - 2 * DAY)
        return self

    def deliver(self, number: int = 1, receipt: str = RECEIPT) -> Self:
        claims.mark_delivered(self.db, Claim(self.claim(number).message(number), "t"), receipt, self.now)
        return self

    def fail(self, number: int = 1, ago: timedelta = 10 * MINUTE, *, broken: bool = False) -> Self:
        message = self.claim(number, ago).message(number)
        claims.mark_failed(self.db, Claim(message, "t"), "is_archived", self.now, broken=broken)
        return self

    def doubt(self) -> Self:
        claims.mark_uncertain(self.db, Claim(self.claim().message(), "t"), "time-out", self.now)
        return self

    def doubt_unreadable(self, problem: LookupProblem) -> Self:
        in_doubt.record_lookup_error(self.db, self.doubt().message(), problem, "cannot be looked up: -", self.now)
        return self

    def doubt_then_retry(self) -> Self:
        message = self.doubt().message()
        with self.db.transaction():
            outbox.retry(self.db, message)
        return self

    def release(self) -> Self:
        message = self.claim().message()
        with self.db.transaction():
            claims.release(self.db, Claim(message, "t"), "ratelimited", self.now)
        return self

    def expire(self, by_a_clock_ahead: timedelta = timedelta(0)) -> Self:
        outbox.expire(self.db, self.now, self.now + by_a_clock_ahead)
        return self

    def restore(self) -> Self:
        with self.db.transaction():
            restores.doubt_all(self.db, self.now)
            decisions.record(self.db, "restore", decisions.EVERYTHING, "messages in doubt: 1", self.now)
        return self

    def untrack(self) -> Self:
        untrack(self.db, RiotId("Player 1", "EUW"), None, self.now, "")
        return self

    def hold(self, scope: str, kind: str, reason: str = "-", time: timedelta | None = None) -> Self:
        until = self.now + time if time else None
        with self.db.transaction():
            holds.put(self.db, scope_of(scope), kind, reason, self.now, until)
        return self

    def rename_to(self, name: str) -> Self:
        with self.db.transaction():
            players.rename(self.db, players.poll_order(self.db)[0], RiotId(name, "EUW"), self.now)
        return self

    def ran(
        self,
        stage: str,
        ago: timedelta = SECOND,
        took: timedelta | None = SECOND,
        exit_status: Exit = Exit.OK,
        ending: runs.Ending = runs.WHOLE,
    ) -> Self:
        """A run that began some time ago; took None: it has not ended."""
        began = self.now - ago
        run_id = runs.begin(self.db, stage, began)
        if took is not None:
            runs.end(self.db, run_id, began + took, int(exit_status), f"{stage}: nothing to do", ending)
        return self

    def ticked(self, ago: timedelta = SECOND, took: timedelta = SECOND) -> Self:
        for stage in STAGES:
            self.ran(stage, ago, took)
        return self

    def works(self, stage: str) -> Self:
        """A process holds the lock of that stage."""
        self.stack.enter_context(run_lock(self.db.path, stage))
        return self

    def listed(self, *match_ids: str) -> Self:
        listings.record_page(self.db, 1, list(match_ids), None, self.now)
        return self

    def unlisted(self, problem: str, kind: ProblemKind | None = None) -> Self:
        listings.record_problem(self.db, 1, problem, self.now, kind)
        return self

    def moved_to(self, platform: str) -> Self:
        players.record_region(self.db, 1, platform, self.now)
        return self

    def missing(self, match_id: str) -> Self:
        matches.mark_missing(self.db, match_id, self.now, None)
        return self

    def prefers(self, queues: str) -> Self:
        channels.prefer(self.db, "C1", channels.Change(queues=queues), self.now)
        return self

    def named(self, name: str) -> Self:
        channels.record_name(self.db, "C1", name)
        return self

    def locked(self) -> Self:
        self.db.locked = True
        return self

    def sql(self, sql: str) -> Self:
        with self.db.transaction():
            self.db.write(sql)
        return self


@pytest.fixture
def world(db: Database, clock: FakeClock) -> Iterator[World]:
    add_player(db)
    with ExitStack() as stack:
        yield World(db, clock, stack)


class Row(NamedTuple):
    """In this world, to that question, something is said, and something else is not."""

    world: Callable[[World], object]
    said: str
    never: str = "\0"
    ask: Callable[[World], str] | None = None  # None: that of the whole table


def rows(*rows: Row) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=[row.said.strip()[:50] for row in rows])


def tell(row: Row, world: World, ask: Callable[[World], str]) -> None:
    row.world(world)
    told = (row.ask or ask)(world)
    assert row.said in told
    assert row.never not in told


def why_match(world: World) -> str:
    return "\n".join(why(world.db, "EUW1_1", world.now, world.settings))


def why_channel(world: World) -> str:
    return "\n".join(why(world.db, "C1", world.now, world.settings))


def why_player(world: World) -> str:
    return "\n".join(why(world.db, PLAYER, world.now, world.settings))


def unknown_match(world: World) -> str:
    with pytest.raises(NotFound) as caught:
        why(world.db, "EUW1_1", world.now)
    return str(caught.value)


def screen(world: World) -> str:
    with redirect_stdout(StringIO()) as out:
        show_status(status(world.db, world.now))
    return out.getvalue()


def screen_later(world: World) -> str:
    """After an hour in which player lists were polled, if they were at all."""
    world.pass_time(HOUR)
    if players.listed_at(world.db, 1):
        world.listed()
    return screen(world)


# What became of a message


@rows(
    Row(lambda w: w.game().expire(), "C1: never sent: no longer news"),
    Row(
        lambda w: w.doubt_then_retry().expire(),
        "C1: expired: no longer news; an earlier attempt may have reached Slack",
        "never",
    ),
    Row(lambda w: w.release().expire(), "C1: expired: no longer news; attempts: 1", "never"),
    Row(
        lambda w: w.game().restore().pass_time(NEWS).expire(),
        "C1: expired: no longer news; unknown whether it was posted before the restore",
        "never",
    ),
    Row(
        lambda w: w.fail().pass_time(10 * MINUTE).untrack(),
        "2026-11-23T12:10:00.000Z C1: expired: untracked",
        f"{NOON} C1: expired",
    ),
    Row(
        World.deliver,
        "C1: posted at 2026-11-23T16:05:57.711Z, https://slack.com/archives/C1/p1795449957711267",
        "is in Slack",
    ),
    Row(lambda w: w.deliver(receipt="odd"), "C1: posted, https://slack.com/archives/C1/podd"),
    Row(lambda w: w.works("deliver").claim(), "C1: being sent now", "process"),
    Row(
        World.claim,
        "C1: its process died before Slack answered; the next `lolslackbot deliver` tries to look it up",
        "being sent",
    ),
    Row(
        World.doubt,
        "C1: may or may not be in Slack: time-out; `lolslackbot deliver` looks it up in the channel's history; if it "
        "is missing, run `lolslackbot retry --message EUW1_1 C1`; if it is there, run `lolslackbot retry --message "
        "EUW1_1 C1 --found LINK`",
    ),
    Row(
        lambda w: w.doubt_unreadable(LookupProblem.SCOPE_MISSING),
        "C1: cannot be looked up: -; if it is missing, run `lolslackbot retry --message EUW1_1 C1`",
        "looks it up",
    ),
    Row(
        lambda w: w.doubt().sql("UPDATE messages SET resends = 1, lookup_misses = 2"),
        "not found in 2 look-ups, no more are made; if it is missing, run",
        "looks it up",
    ),
    Row(lambda w: w.doubt().pass_time(NEWS), "; too old to be sent again", "`lolslackbot retry"),
    Row(World.fail, "C1: not in Slack: is_archived; to send it again: `lolslackbot retry --message EUW1_1 C1`"),
    Row(
        lambda w: w.fail(broken=True),
        "C1: not in Slack: is_archived; fix the channel in Slack, then run `lolslackbot retry --channel C1`",
        "--message",
    ),
    Row(lambda w: w.fail().pass_time(NEWS), "C1: not in Slack: is_archived; too old to be sent again", "retry"),
    Row(
        lambda w: w.doubt_then_retry().fail(),
        "C1: refused by Slack: is_archived; an earlier attempt may have reached Slack",
        "not in Slack",
    ),
)
def test_message__outcome(world: World, row: Row) -> None:
    """What became of a message, and what a person can do."""
    tell(row, world, why_match)


# What a message waits for


def at_the_limit(world: World) -> None:
    for number in (7, 8, 9):
        world.deliver(number).pass_time(MINUTE)
    world.game()


def without_a_token(world: World) -> None:
    world.game()
    world.settings = replace(SETTINGS, slack_tokens={"friends": Secret("xoxb-2")})


LIMIT = "LOLSLACKBOT_CHANNEL_LIMIT allows 3 messages in 3600 s: not before 2026-11-23T13:00:00.000Z"
ENDED_JUST_NOW = 10 * MINUTE, 10 * MINUTE - SECOND


@rows(
    Row(World.game, f"C1: {NEXT}"),
    Row(at_the_limit, f"C1: waiting; {LIMIT}", NEXT),
    Row(
        lambda w: w.deliver(9).pass_time(MINUTE).game(7, HOUR).game(8, HOUR).game(),
        f"C1: waiting, behind 2 earlier messages; {LIMIT}",
        NEXT,
    ),
    Row(
        lambda w: w.game(6, HOUR).game(7, HOUR).game(8, HOUR).game(),
        f"C1: waiting, behind 3 earlier messages; {LIMIT}",
        NEXT,
    ),
    Row(
        lambda w: w.game(7, HOUR).game(8, 13 * HOUR).game(),
        f"C1: {NEXT}, behind 1 earlier message",
        "messages ",
    ),
    Row(lambda w: w.game(7, HOUR).game(8, HOUR).game(), f"C1: {NEXT}, behind 2 earlier messages"),
    Row(
        lambda w: w.game().hold("everything", "paused", "by hand"),
        f"C1: waiting; everything is paused (since {NOON}): by hand; to continue: `lolslackbot resume`",
        NEXT,
    ),
    Row(
        lambda w: w.game().hold("everything", "paused", "by hand"),
        "by hand; to continue: `lolslackbot resume`\nEUW1_1, ended 2026-11-23T11:50:00.000Z: waiting",
        "waiting;",
        ask=why_channel,
    ),
    Row(
        lambda w: w.release().hold("channel C1", "limited", "ratelimited", MINUTE),
        "C1: waiting (ratelimited); channel C1 is limited until 2026-11-23T12:01:00.000Z: ratelimited",
        NEXT,
    ),
    Row(
        lambda w: w.release().hold("channel C1", "limited", "ratelimited", -MINUTE),
        f"C1: {NEXT} (ratelimited)",
        "is limited",
    ),
    Row(
        lambda w: w.game().hold("workspace default", "rejected", "token_revoked"),
        f"C1: waiting; workspace default is rejected (since {NOON}): token_revoked; put a new SLACK_BOT_TOKEN from the "
        "reinstalled Slack app into `env`, then run `lolslackbot check`",
        NEXT,
    ),
    Row(without_a_token, "C1: waiting; SLACK_BOT_TOKEN is not set in this environment", NEXT),
    Row(
        lambda w: w.game().pass_time(NEWS),
        "C1: no longer news: the next `lolslackbot deliver` expires it",
        "waiting",
    ),
    Row(
        lambda w: w.game().hold("channel C1", "broken", "is_archived"),
        f"C1: the next `lolslackbot deliver` marks it failed; channel C1 is broken (since {NOON}): is_archived; fix",
        "waiting",
    ),
    Row(lambda w: w.game().ran("deliver", *ENDED_JUST_NOW), f"C1: {NEXT}", "has not run"),
    Row(
        lambda w: w.game().ran("deliver", 10 * MINUTE, None).works("deliver"),
        "; deliver has been running since 2026-11-23T11:50:00.000Z",
        "has not run",
    ),
    Row(
        lambda w: w.game().ran("deliver", took=None),
        f"C1: {NEXT}; the last deliver was cut off (killed, or unable to write): run `lolslackbot check`",
    ),
    Row(
        lambda w: w.game().ran("deliver", exit_status=Exit.LATER),
        f"C1: {NEXT}; the last deliver ended with exit 75 (deliver: nothing to do)",
    ),
    Row(
        lambda w: w.game().ran("deliver", 10 * MINUTE),
        "\ndeliver has not run since 2026-11-23T11:50:01.000Z: see `crontab -l` and `lolslackbot check`\nEUW1_1",
        ask=why_channel,
    ),
)
def test_message__waits_for(world: World, row: Row) -> None:
    """What a pending message waits for, and when it goes out."""
    tell(row, world, why_match)


# Matches, players and their lists


def asked_for_again(world: World) -> None:
    world.listed("EUW1_1")
    matches.mark_missing(world.db, "EUW1_1", world.now, None)
    world.pass_time(HOUR)
    retry_matches(world.db, ["EUW1_1"], world.now).do()


def missing_then_failing(world: World) -> None:
    world.listed("EUW1_1")
    matches.mark_missing(world.db, "EUW1_1", world.now, world.now)
    matches.put_off(world.db, "EUW1_1", "503", world.now, world.now)


def another_host_is_limited(world: World) -> None:
    world.listed("EUW1_1")
    for scope in ("riot asia", "riot europe match-ids"):
        world.hold(scope, "limited", "429", MINUTE)


def its_host_is_limited(world: World) -> None:
    world.listed("EUW1_1")
    world.hold("riot europe match", "limited", "429", MINUTE)


def its_host_answers_404(world: World) -> None:
    world.listed("EUW1_1")
    for minutes in (0, 10, 60):
        matches.mark_missing(world.db, "EUW1_1", world.now + minutes * MINUTE, world.now)


def queues_were_not_wanted(world: World) -> None:
    channels.prefer(world.db, "C1", channels.Change(queues="aram"), world.now)
    store_match(world.db, a_match("EUW1_1"), world.now)
    build_messages(world.db, Run("build-messages", world.clock, 80), "")
    channels.prefer(world.db, "C1", channels.Change(queues="all"), world.now)


def the_clock_was_set_back(world: World) -> None:
    world.pass_time(DAY)
    world.listed()
    world.pass_time(-DAY)
    clamp_future_times(world.db, world.now)


def far_behind(world: World) -> None:
    add_player(world.db, 2)
    store_match(world.db, a_match("EUW1_1", 1, ended_at=world.now - 20 * DAY), world.now)
    store_match(world.db, a_match("EUW1_2", 2, ended_at=world.now), world.now)


@rows(
    Row(
        asked_for_again,
        "2026-11-23T13:00:00.000Z put back to be fetched again; listed for Player 1#EUW",
        "Z listed for",
    ),
    Row(asked_for_again, "EUW1_1, put back 2026-11-23T13:00:00.000Z: wanted", ask=why_player),
    Row(missing_then_failing, "last requested from Riot (404s: 1, failed attempts: 1)"),
    Row(
        lambda w: w.listed("EUW1_1").missing("EUW1_1"),
        "EUW1_1 is missing: Riot answered 404, not retried any more",
    ),
    Row(another_host_is_limited, f"next request to Riot after {NOON}", "429"),
    Row(its_host_is_limited, "; riot europe match is limited until 2026-11-23T12:01:00.000Z: 429"),
    Row(its_host_is_limited, f"player list last polled at {NOON}", "429", ask=why_player),
    Row(
        its_host_answers_404,
        f"europe has answered 404 for every match since {NOON}: one is retried every half hour, and this one once any "
        "is found, while it is news; to retry it now: `lolslackbot retry --match EUW1_1`",
    ),
    Row(queues_were_not_wanted, "C1: no message: its queues were aram then"),
    Row(queues_were_not_wanted, " built: no channel gets it\n", "queued"),
    Row(queues_were_not_wanted, ": stored: unwanted", ask=why_player),
    Row(lambda _: None, "\nno poll of the player list on record\n", "never", ask=why_player),
    Row(lambda _: None, "nothing is known of EUW1_1: no player list had it", ask=unknown_match),
    Row(the_clock_was_set_back, "\nno poll of the player list on record\n", "never", ask=why_player),
    Row(
        World.listed,
        "\nno game was listed so far\nif games are missing, euw1 may be the wrong platform; to ask Riot: "
        '`lolslackbot track "Player 1#EUW" --channel C1`',
        ask=why_player,
    ),
    Row(
        lambda w: w.sql("UPDATE channels SET workspace = 'Friends'"),
        "--channel C1 --workspace Friends`",
        ask=why_player,
    ),
    Row(
        lambda w: w.unlisted("404").untrack(),
        "is no longer tracked\n2026-11-23T12:00:00.000Z `untrack` by hand, player 1: ",
        "may be the wrong",
        ask=why_player,
    ),
    Row(
        lambda w: w.unlisted("404"),
        "\nthe last poll of the player list failed: 404\n",
        "last polled",
        ask=why_player,
    ),
    Row(
        lambda w: w.prefers("aram"),
        "announced in C1: games that end after 2026-11-22T12:00:00.000Z (queues: aram)\n",
        ask=why_player,
    ),
    Row(
        far_behind,
        "newest listed game ended 2026-11-03T12:00:00.000Z; the newest of the other players ended 2026-11-23T12:00",
        ask=why_player,
    ),
    Row(
        lambda w: w.moved_to("na1"),
        f'plays on na1 (Riot, {NOON}): run `lolslackbot track "Player 1#EUW" --channel C1 --platform na1`',
        ask=why_player,
    ),
    Row(lambda w: w.rename_to("Bear"), f"{PLAYER} is now called Bear#EUW\n", ask=why_player),
    Row(lambda w: w.rename_to("Bear"), f"{NOON} renamed from {PLAYER} to Bear#EUW", ask=why_player),
    Row(
        World.untrack,
        "C1 announces nobody; queues: all; style: full; ranks: on; digest: on; live: off; requests: off\n",
        ask=why_channel,
    ),
    Row(lambda _: None, "\nno message so far", ask=why_channel),
    Row(
        lambda w: w.game().expire(by_a_clock_ahead=DAY),
        "\nsome of these times are in the future: this clock was ahead then, or is behind now; to compare it: "
        "`lolslackbot check`\n",
    ),
)
def test_match_or_list(world: World, row: Row) -> None:
    """What became of a match and of a player's list."""
    tell(row, world, why_match)


# How things stand


def one_polled_and_another_never(world: World) -> None:
    world.listed()
    world.pass_time(SECOND)
    add_player(world.db, 2, since=world.now - 3 * MINUTE)


def an_older_match_was_requested_in_vain(world: World) -> None:
    world.listed("EUW1_1")
    matches.put_off(world.db, "EUW1_1", "503", world.now, world.now)
    world.pass_time(HOUR)
    world.listed("EUW1_2")


def failing(world: World, ended: timedelta) -> None:
    """The last good run of each stage began three hours ago and ended then."""
    world.listed()
    for stage in STAGES:
        world.ran(stage, 3 * HOUR, 3 * HOUR - ended)
        world.ran(stage, timedelta(0), timedelta(0), Exit.LATER)


def found_after_a_restore(world: World) -> None:
    in_doubt.mark_found(world.db, world.game().restore().message(), RECEIPT, world.now)


ALL_WELL = "Nothing needs a person."


@rows(
    Row(lambda _: None, "\nno poll of a player list on record\n", "ago"),
    Row(the_clock_was_set_back, "\nno poll of a player list on record\n", "ago"),
    Row(
        lambda w: w.listed().pass_time(SECOND),
        "\nlast poll 1 second ago; stalest player list polled 1 second ago\n",
        "1 seconds",
    ),
    Row(
        one_polled_and_another_never,
        "\nlast poll 1 second ago; stalest player list not polled yet, tracked 3 minutes ago\n",
    ),
    Row(an_older_match_was_requested_in_vain, "oldest unfetched match listed 0 seconds ago"),
    Row(World.game, "oldest pending message built 0 seconds ago\nmessages pending: 1\n"),
    Row(World.deliver, "last message sent 0 seconds ago"),
    Row(found_after_a_restore, ALL_WELL, "last message sent"),
    Row(lambda w: w.listed().ticked(*ENDED_JUST_NOW), ALL_WELL, "no stage"),
    Row(lambda w: failing(w, 59 * MINUTE), ALL_WELL, "failing"),
    Row(lambda w: w.claim().ran("deliver", SECOND, None).works("deliver"), ALL_WELL, "uncertain"),
    Row(World.claim, "messages uncertain: 1"),
    Row(lambda w: w.ran("deliver", MINUTE, -HOUR), "  exit 0  deliver: nothing to do", "-3600"),
    Row(
        lambda w: w.hold("riot europe match", "limited", "429 method", MINUTE),
        "riot europe match  2026-11-23T12:01:00.000Z  held back  429 method",
    ),
    Row(lambda w: w.hold("riot europe", "limited", "429", -MINUTE), "2026-11-23T11:59:00.000Z  over  429"),
)
def test_status__screen(world: World, row: Row) -> None:
    """What is shown besides needs and notes."""
    tell(row, world, screen)


# Needs


def long_limit_spent(world: World) -> None:
    call_log = CallLog(world.db)
    with world.db.transaction():
        call_log.put_windows("europe", "", [Window(86_400, 1)])
        call_log.finish(call_log.reserve("europe", "match-ids", world.now), world.now)


def odd_limit(world: World) -> None:
    with world.db.transaction():
        CallLog(world.db).put_windows("europe", "", [Window(99_999_999, 1)])


def found(scope: str, remedy: str = "unarchive it") -> Callable[[World], None]:
    return lambda w: findings.replace(w.db, [], [Found(scope, scope_of(scope), "it is archived", remedy, w.now)])


def pressed(world: World) -> None:
    world.listed()
    for back in range(5, 0, -1):
        ending = runs.Ending(out_of_time=True, left_over=40, max_seconds=1)
        world.ran("deliver", back * SECOND, SECOND, ending=ending)


def lost(number: int, lose: Callable[[World, str], object]) -> Callable[[World], None]:
    def happens(world: World) -> None:
        world.listed(*(f"EUW1_{each}" for each in range(1, number + 1)))
        for each in range(1, number + 1):
            lose(world, f"EUW1_{each}")

    return happens


def missing_for_want_of_the_host(world: World, match_id: str) -> None:
    for minutes in (0, 10, 60):
        matches.mark_missing(world.db, match_id, world.now + minutes * MINUTE, world.now)


def missing(world: World, match_id: str) -> None:
    matches.mark_missing(world.db, match_id, world.now, None)


def given_up(world: World, match_id: str) -> None:
    matches.give_up(world.db, match_id, Reason("not a valid match"), world.now)


def backlog_waits(world: World) -> World:
    world.game(1)
    world.listed("EUW1_2")
    add_player(world.db, 2)
    listings.record_page(world.db, 2, [], None, world.now)
    return world.pass_time(HOUR + SECOND)


WHY_FETCH = (
    "run `lolslackbot -v fetch-matches` to see why; if the rate limit is exhausted each time, the key serves fewer "
    "players"
)
RETRY = "lolslackbot retry --message EUW1_1 C1"
BY_HAND = (
    f"check the channel: if it is missing, run `{RETRY}`; if it is there, run `{RETRY} --found LINK` (LINK: what "
    'Slack\'s "Copy link" gives)\n'
)
DOUBT = "\n1 message has an unknown delivery status (first: EUW1_1 in C1: "


@rows(
    Row(
        lambda w: w.hold("riot", "rejected", "403 Forbidden"),
        f"\nRiot key is rejected (since {NOON}): 403 Forbidden; put a new RIOT_API_KEY from developer.riotgames.com "
        "into `env`, then run `lolslackbot check`\n",
    ),
    Row(
        lambda w: w.hold("workspace friends", "rejected", "token_revoked"),
        f"\nworkspace friends is rejected (since {NOON}): token_revoked; put a new SLACK_BOT_TOKEN_FRIENDS from the "
        "reinstalled Slack app into `env`, then run `lolslackbot check`\n",
    ),
    Row(
        lambda w: w.hold("channel C1", "broken", "is_archived"),
        f"\nchannel C1 is broken (since {NOON}): is_archived; fix the channel in Slack, then run "
        "`lolslackbot retry --channel C1`\n",
    ),
    Row(
        lambda w: w.hold("channel C1", "paused", "by hand"), "by hand; to continue: `lolslackbot resume --channel C1`\n"
    ),
    *[
        Row(
            partial(World.hold, scope=scope, kind="limited", reason="429", time=2 * HOUR),
            f"\n{scope} is held back until 2026-11-23T14:00:00.000Z: 429; `lolslackbot {stage}` continues then; to try "
            f"now: `lolslackbot retry {option}`; if this recurs, something else uses up the allowance\n",
        )
        for scope, stage, option in (
            ("riot kr match", "fetch-matches", "--host kr"),
            ("channel C1", "deliver", "--channel C1"),
            ("workspace default", "deliver", "--channel C"),
        )
    ],
    Row(
        long_limit_spent,
        " until 2026-11-24T12:00:00.500Z: `lolslackbot fetch-matches` continues then; to try now: "
        "`lolslackbot retry --host europe`\n",
    ),
    Row(
        odd_limit,
        "\nRiot states a limit that is ignored: 1 calls in 99999999 s to europe; run `lolslackbot check` to test the "
        "key; to forget the limit: `lolslackbot retry --host europe`\n",
    ),
    Row(
        found("channel C1"),
        f"\nchannel C1: it is archived (found by `check` at {NOON}); unarchive it, then run `lolslackbot check`\n",
    ),
    Row(found("workspace w", ""), "; fix that, then run `lolslackbot check`\n"),
    Row(
        lambda w: w.unlisted("404"),
        '\nplayer Player 1#EUW: 404; if the player has a new name: `lolslackbot untrack "Player 1#EUW"`, then '
        '`lolslackbot track "NAME#TAG" --channel C1`\n',
    ),
    Row(
        lambda w: w.unlisted("odd", ProblemKind.ODD_MATCH_IDS),
        ": odd; the next run polls the list again\n",
    ),
    Row(
        lambda w: w.unlisted("odd", ProblemKind.ODD_PUUID),
        ": odd; the name is looked up again once a day\n",
    ),
    Row(
        lambda w: w.moved_to("na1"),
        f"\nplayer Player 1#EUW is tracked on euw1, but plays on na1 (Riot, {NOON}): run `lolslackbot track "
        '"Player 1#EUW" --channel C1 --platform na1`\n',
    ),
    Row(
        lambda w: w.listed().ticked(*ENDED_JUST_NOW).ran("deliver", timedelta(0), None),
        f"\nno stage has run since {NOON}, deliver was cut off (killed, or unable to write); see `crontab -l` and "
        "`lolslackbot check`; to run them now: `lolslackbot fetch-matches`, `lolslackbot build-messages`, "
        "`lolslackbot deliver`\n",
        ask=screen_later,
    ),
    Row(
        lambda w: w.listed().ran("fetch-matches").ran("build-messages").pass_time(10 * MINUTE),
        "\ndeliver has never run; see `crontab -l` and `lolslackbot check`; to run it now: `lolslackbot deliver`\n",
        ask=lambda w: screen(w.ran("fetch-matches")),
    ),
    Row(
        lambda w: w.ticked().ran("deliver", took=None).pass_time(HOUR).ran("fetch-matches"),
        "\ndeliver was cut off (killed, or unable to write) and has not run since 2026-11-23T11:59:59.000Z; see `cron",
    ),
    Row(
        lambda w: w.ran("deliver", took=None).works("deliver").pass_time(HOUR),
        "\ndeliver began at 2026-11-23T11:59:59.000Z and has not ended: it hangs; end its process (run-… in the log), "
        "then run `lolslackbot deliver`\n",
    ),
    Row(
        lambda w: w.listed().pass_time(HOUR).ticked(),
        f"\nno player list was polled since {NOON}, although fetch-matches ran (fetch-matches: nothing to do); run "
        "`lolslackbot -v fetch-matches` to see why\n",
    ),
    Row(
        the_clock_was_set_back,
        "\nno poll of a player list is on record, and no run is on record; run ",
        "never",
        ask=screen_later,
    ),
    Row(
        lambda w: w.ran("deliver", exit_status=Exit.UNUSABLE),
        "\ndeliver cannot work (deliver: nothing to do); fix that, then run `lolslackbot deliver`\n",
    ),
    Row(
        lambda w: failing(w, 61 * MINUTE),
        "\ndeliver has been failing since 2026-11-23T10:59:00.000Z (last: exit 75, deliver: nothing to do); run "
        "`lolslackbot check` to test what it needs\n",
        "since 2026-11-23T09",
    ),
    Row(
        pressed,
        "\ndeliver ran out of time in 5 of its last 5 runs, leaving 40 items: raise LOLSLACKBOT_MAX_SECONDS (1 now, a "
        "tick has 180), then run `lolslackbot deliver`\n",
    ),
    Row(backlog_waits, f"\nmessages have been waiting since {NOON}; run `lolslackbot deliver --dry-run` to see why\n"),
    Row(backlog_waits, f"\nmatches have been waiting to be fetched since {NOON}; {WHY_FETCH}\n"),
    Row(
        lambda w: backlog_waits(w).listed(),
        f"\na player list has been waiting to be polled since {NOON}; {WHY_FETCH}\n",
    ),
    Row(
        lost(5, missing_for_want_of_the_host),
        f"\neurope has answered 404 for every match since {NOON}: 5 matches waiting, one is retried every half hour "
        "and all once one is found; to retry all now: `lolslackbot retry --missing`\n",
    ),
    Row(
        lost(5, missing),
        "\n5 matches missing in the last 24 h (latest: EUW1_5): Riot answers 404; to ask again: "
        "`lolslackbot retry --missing`\n",
    ),
    Row(
        lost(1, given_up),
        "\n1 match given up in the last 24 h (latest: EUW1_1: not a valid match); to ask again: "
        "`lolslackbot retry --match EUW1_1`\n",
    ),
    Row(
        lambda w: w.fail(1, HOUR).fail(2),
        "\n2 messages to C1 failed in the last 24 h (latest: EUW1_2: is_archived); to resend: "
        "`lolslackbot retry --channel C1`\n",
    ),
    Row(World.doubt, f"{DOUBT}time-out); run `lolslackbot deliver` to look it up (takes at least two runs)\n"),
    Row(World.claim, f"{DOUBT}its run died); "),
    Row(
        lambda w: w.doubt_unreadable(LookupProblem.SCOPE_MISSING),
        f"add channels:history and groups:history and reinstall the app, then run `lolslackbot deliver`; or {BY_HAND}",
    ),
    Row(
        lambda w: w.doubt_unreadable(LookupProblem.CHANNEL_CLOSED),
        f"{DOUBT}cannot be looked up: -); {BY_HAND}",
        "history",
    ),
    Row(
        lambda w: w.ran("deliver", -HOUR),
        "\nthe last runs of deliver are in the future: this clock was ahead then, or is behind now; to compare it: ",
    ),
    Row(
        lambda w: w.ran("fetch-matches", ending=runs.Ending(clock_ahead=-3600.4)),
        "\nthis clock is 1:00:00 behind Riot's: set it (`timedatectl set-ntp true`), then run `lolslackbot check`\n",
    ),
    Row(
        World.locked,
        "\nthe database is locked by another program: close it (a forgotten sqlite3 shell?), then run "
        "`lolslackbot check`\n",
    ),
)
def test_need(world: World, row: Row) -> None:
    """Each need, with the command that helps."""
    tell(row, world, screen)


def test_need__disk_full(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is nearly full names the folder and how to make room."""
    monkeypatch.setattr(facts, "free_bytes", lambda _: 3 * 2**20)
    room = "MiB free on the disk of /"
    assert f"\nonly 3 {room}" in screen(world)
    assert ": make room; `lolslackbot prune --older-than 90` forgets old games\n" in screen(world)


# Notes


@rows(
    Row(lambda w: w.rename_to("Bear"), f"\n{PLAYER} is now called Bear#EUW, since {NOON}\n"),
    Row(
        World.restore,
        f"\na backup was restored at {NOON}: messages about earlier games are looked up in Slack before they are sent",
    ),
    Row(
        far_behind,
        "\nthe newest listed game of Player 1#EUW ended 2026-11-03T12:00:00.000Z; the newest of all players ended "
        f"{NOON}\n",
    ),
    Row(lambda w: w.game().expire(), "\nmessages expired in the last 24 h: 1 (1 no longer news)\n"),
    Row(
        lambda w: w.doubt().pass_time(NEWS),
        "\n1 old message has an unknown delivery status (latest: EUW1_1 in C1); not sent again\n",
        "needs a person",
    ),
)
def test_note(world: World, row: Row) -> None:
    """What is good to know and asks nothing."""
    tell(row, world, screen)


# What retry, pause and resume promise


def retry_of_channel(world: World) -> str:
    return "\n".join(retry_channel(world.db, "C1", world.now, NEWS).sentences)


def retry_of_message(world: World) -> str:
    return "\n".join(retry_message(world.db, "EUW1_1", "C1", world.now, NEWS).sentences)


def retry_of_match(world: World) -> str:
    return "\n".join(retry_matches(world.db, ["EUW1_1"], world.now, NEWS).sentences)


def thirteen_failed_of_which_ten_are_old(world: World) -> None:
    for number in range(1, 14):
        world.fail(number, ago=HOUR if number > 10 else 13 * HOUR)


def failed_and_everything_is_paused(world: World) -> None:
    world.fail()
    world.hold("everything", "paused", "by hand")
    world.hold("channel C1", "limited", "ratelimited", MINUTE)


def given_up_for(reason: str, ended: timedelta | None) -> Callable[[World], None]:
    def happens(world: World) -> None:
        world.listed("EUW1_1")
        matches.give_up(world.db, "EUW1_1", Reason(reason), world.now, world.now - ended if ended else None)

    return happens


@rows(
    Row(
        thirteen_failed_of_which_ten_are_old,
        "of 13 failed messages 3 will be sent again\nEUW1_11:C1 will ",
        ask=retry_of_channel,
    ),
    Row(
        thirteen_failed_of_which_ten_are_old,
        "EUW1_10:C1 has expired and will not be sent: its game ended 2026-11-22T23:00:00.000Z",
        "EUW1_10:C1 will",
        ask=retry_of_channel,
    ),
    Row(lambda w: w.fail().pass_time(NEWS), "EUW1_1:C1 has expired and will not be sent", "again"),
    Row(lambda w: w.doubt().pass_time(NEWS), "EUW1_1:C1 has expired and will not be sent", "twice"),
    Row(World.doubt, "EUW1_1:C1 will be sent again\nit may be posted twice, if Slack already has it"),
    Row(
        lambda w: w.fail(broken=True),
        "EUW1_1:C1 will fail again: C1 is marked broken (is_archived); `lolslackbot retry --channel C1` tries",
        "will be sent",
    ),
    Row(
        failed_and_everything_is_paused,
        "channel C1 is held back until 2026-11-23T12:01:00.000Z (ratelimited), and no longer: the next post tells "
        "whether Slack agrees\nEUW1_1:C1 will be sent again\nnot before everything is no longer paused",
        ask=retry_of_channel,
    ),
    Row(
        given_up_for("no longer news", 13 * HOUR),
        "match EUW1_1 is asked for again, but not announced: its game ended 2026-11-22T23:00:00.000Z",
        ask=retry_of_match,
    ),
    Row(given_up_for("not a valid match", None), "match EUW1_1 is asked for again", "but", ask=retry_of_match),
)
def test_retry__promise(world: World, row: Row) -> None:
    """What will be tried again."""
    tell(row, world, retry_of_message)


def pausing(channel_id: str | None) -> Callable[[World], str]:
    return lambda w: pause(w.db, channel_id, w.now)


def resuming(channel_id: str | None) -> Callable[[World], str]:
    return lambda w: resume(w.db, channel_id, w.now)


ALL, ONE = pausing(None), pausing("C1")


def both_are_paused(world: World) -> None:
    ALL(world)
    ONE(world)


@rows(
    Row(ALL, "goes on, once everything is resumed too: `lolslackbot resume`", ask=pausing("C1")),
    Row(ONE, "goes on, but channel C1 is paused: see `lolslackbot status`", ask=pausing(None)),
    Row(ALL, "channel C1 was not paused; it goes on once everything does: ", "next"),
    Row(both_are_paused, "channel C1 goes on once everything does: `lolslackbot resume`", "next"),
    Row(both_are_paused, "deliver`, but channel C1 is paused: see `lolslackbot status`", ask=resuming(None)),
    Row(
        lambda w: ONE(w.hold("workspace default", "rejected", "token_revoked")),
        "deliver`, but workspace default is rejected: see `lolslackbot status`",
    ),
    Row(
        lambda w: w.hold("channel C1", "broken", "is_archived"),
        "channel C1 was not paused, but channel C1 is broken: see",
    ),
)
def test_pause__promise(world: World, row: Row) -> None:
    """What is paused, and what goes on."""
    tell(row, world, resuming("C1"))


# Channels by name


def limited(world: World) -> World:
    return world.named("rift").release().hold("channel C1", "limited", "ratelimited", 2 * HOUR)


@rows(
    Row(lambda w: w.named("rift").fail(), "\n#rift (C1): not in Slack", ask=why_match),
    Row(lambda w: w.named("rift").fail(), "`lolslackbot retry --message EUW1_1 C1`", ask=why_match),
    Row(lambda w: w.named("rift").fail(), "announced in #rift (C1): ", ask=why_player),
    Row(lambda w: w.named("rift").fail(), "#rift (C1) announces", ask=why_channel),
    Row(lambda w: w.named("rift").fail(), "1 message to #rift (C1) failed"),
    Row(lambda w: w.named("rift").fail(broken=True), "channel #rift (C1) is broken"),
    Row(lambda w: w.named("rift").fail(broken=True), "`lolslackbot retry --channel C1`"),
    Row(limited, "channel #rift (C1) is held back until"),
    Row(limited, "channel #rift (C1)  2026-11-23T14:00:00.000Z  held back  ratelimited"),
    Row(limited, "channel #rift (C1) is limited until", ask=why_match),
    Row(lambda w: w.named("rift").doubt(), "first: EUW1_1 in #rift (C1): time-out"),
)
def test_channel__shown_by_name(world: World, row: Row) -> None:
    """A channel whose name is known is shown by it; commands have its id."""
    tell(row, world, screen)
