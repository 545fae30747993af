"""Each sentence that states a fact, in the world that makes another one false: a world, a question, what is answered.

A row's `never` has the words that would be false in that world, though they are right in others.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import StringIO
from typing import NamedTuple

import pytest
from support import FakeClock, a_match, add_player, claim, scope_of, store_match

from lolslackbot.admin.pause import pause, resume
from lolslackbot.admin.retry import retry_channel, retry_matches, retry_message
from lolslackbot.admin.tracking import untrack
from lolslackbot.commands.status import show_status
from lolslackbot.errors import NotFound
from lolslackbot.health.status import status
from lolslackbot.health.why import why
from lolslackbot.model import Message, RiotId
from lolslackbot.settings import ChannelLimit, Secret, Settings
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import channels, holds, in_doubt, listings, matches, outbox, players, restores, runs
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database
from lolslackbot.store.locks import STAGES, run_lock
from lolslackbot.store.outbox import Claim
from lolslackbot.store.reasons import Reason

NEWS = timedelta(hours=12)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SETTINGS = Settings("/home/bot", "", slack_tokens={"default": Secret("xoxb-1")}, channel_limit=ChannelLimit(3, 3600))
RECEIPT = "1795449957.711267"
PLAYER = "Player 1#EUW"
NEXT = "waits for the next `lolslackbot deliver`"


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

    def pass_time(self, time: timedelta) -> None:
        self.clock.advance(time.total_seconds())

    def game(self, number: int = 1, ago: timedelta = 10 * MINUTE) -> Message:
        """A game that ended some time ago, built."""
        match_id = f"EUW1_{number}"
        store_match(self.db, a_match(match_id, ended_at=self.now - ago), self.now)
        build_messages(self.db, Run("build-messages", self.clock, 80), "")
        found = outbox.find(self.db, match_id, "C1")
        assert found
        return found[0]

    def claim(self, number: int = 1, ago: timedelta = 10 * MINUTE) -> Message:
        message = self.game(number, ago)
        assert claim(self.db, message, "t", self.now, self.now - 2 * DAY)
        return message

    def deliver(self, number: int = 1, ago: timedelta = 10 * MINUTE, receipt: str = RECEIPT) -> None:
        outbox.mark_delivered(self.db, Claim(self.claim(number, ago), "t"), receipt, self.now)

    def fail(self, number: int = 1, ago: timedelta = 10 * MINUTE, *, broken: bool = False) -> None:
        outbox.mark_failed(self.db, Claim(self.claim(number, ago), "t"), "is_archived", self.now, broken=broken)

    def doubt(self, number: int = 1, ago: timedelta = 10 * MINUTE) -> Message:
        message = self.claim(number, ago)
        outbox.mark_uncertain(self.db, Claim(message, "t"), "time-out", self.now)
        return message

    def release(self, number: int = 1) -> None:
        message = self.claim(number)
        with self.db.transaction():
            outbox.release(self.db, Claim(message, "t"), "ratelimited", self.now)

    def expire(self) -> None:
        outbox.expire(self.db, self.now, self.now)

    def restore(self) -> None:
        with self.db.transaction():
            restores.doubt_all(self.db, self.now)

    def untrack(self) -> None:
        untrack(self.db, RiotId("Player 1", "EUW"), None, self.now, "")

    def hold(self, scope: str, kind: str, reason: str, until: timedelta | None = None) -> None:
        with self.db.transaction():
            holds.put(self.db, scope_of(scope), kind, reason, self.now, until and self.now + until)

    def ran(self, stage: str, ago: timedelta, took: timedelta | None = SECOND) -> None:
        """A run that began some time ago; took None: it has not ended."""
        began = self.now - ago
        run_id = runs.begin(self.db, stage, began)
        if took is not None:
            runs.end(self.db, run_id, began + took, 0, f"{stage}: nothing to do")

    def works(self, stage: str) -> None:
        """A process holds the lock of that stage."""
        self.stack.enter_context(run_lock(self.db.path, stage))

    def listed(self, match_id: str = "EUW1_1") -> None:
        listings.record_page(self.db, 1, [match_id], None, self.now)

    def sql(self, sql: str) -> None:
        with self.db.transaction():
            self.db.write(sql)


@pytest.fixture
def world(db: Database, clock: FakeClock) -> Iterator[World]:
    add_player(db)
    with ExitStack() as stack:
        yield World(db, clock, stack)


class Row(NamedTuple):
    """In this world, to that question, something is said, and something else is not."""

    world: Callable[[World], object]
    ask: Callable[[World], str]
    said: str
    never: str = "\0"


def rows(*rows: Row) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=[row.world.__name__ for row in rows])


def tell(row: Row, world: World) -> None:
    row.world(world)
    told = row.ask(world)
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
    """After an hour in which Riot was asked for lists, where it was at all."""
    world.pass_time(HOUR)
    if players.listed_at(world.db, 1):
        listings.record_page(world.db, 1, [], None, world.now)
    return screen(world)


# What became of a message


def expired_unsent(world: World) -> None:
    world.game()
    world.expire()


def expired_after_an_attempt_of_unknown_outcome(world: World) -> None:
    message = world.doubt()
    with world.db.transaction():
        outbox.retry(world.db, message)
    world.expire()


def expired_after_an_attempt_that_was_put_back(world: World) -> None:
    world.release()
    world.expire()


def expired_after_a_restore(world: World) -> None:
    world.game()
    world.restore()
    world.pass_time(NEWS)
    world.expire()


def untracked_long_after_it_failed(world: World) -> None:
    world.fail()
    world.pass_time(10 * MINUTE)
    world.untrack()


def posted(world: World) -> None:
    world.deliver()


def posted_with_an_odd_receipt(world: World) -> None:
    world.deliver(receipt="odd")


def being_sent(world: World) -> None:
    world.works("deliver")
    world.claim()


def its_process_died(world: World) -> None:
    world.claim()


def uncertain(world: World) -> None:
    world.doubt()


def uncertain_and_its_history_is_closed(world: World) -> None:
    world.doubt()
    world.sql("UPDATE messages SET lookup_problem = 'x', error = 'it cannot be looked up: missing_scope'")


def uncertain_and_not_found_after_it_was_sent_again(world: World) -> None:
    world.doubt()
    world.sql("UPDATE messages SET resends = 1, lookup_misses = 2")


def uncertain_and_too_old(world: World) -> None:
    world.doubt()
    world.pass_time(NEWS)


def failed(world: World) -> None:
    world.fail()


def failed_in_a_channel_that_is_broken(world: World) -> None:
    world.fail(broken=True)


def failed_and_too_old(world: World) -> None:
    world.fail()
    world.pass_time(NEWS)


def failed_after_an_attempt_of_unknown_outcome(world: World) -> None:
    message = world.doubt()
    with world.db.transaction():
        outbox.retry(world.db, message)
    world.fail()


@rows(
    Row(expired_unsent, why_match, "C1: it was never sent, and will not be: no longer news"),
    Row(
        expired_after_an_attempt_of_unknown_outcome,
        why_match,
        "C1: it will not be sent again: no longer news; an earlier attempt may have reached Slack",
        "never",
    ),
    Row(
        expired_after_an_attempt_that_was_put_back,
        why_match,
        "C1: it will not be sent again: no longer news; attempts so far: 1",
        "never",
    ),
    Row(
        expired_after_a_restore,
        why_match,
        "C1: it will not be sent: no longer news; whether it was posted before the restore is not known",
        "never",
    ),
    Row(
        untracked_long_after_it_failed,
        why_match,
        "2026-11-23T12:10:00.000Z C1: expired: untracked",
        "2026-11-23T12:00:00.000Z C1: expired",
    ),
    Row(
        posted,
        why_match,
        "C1: posted at 2026-11-23T16:05:57.711Z, https://slack.com/archives/C1/p1795449957711267",
        "is in Slack",
    ),
    Row(posted_with_an_odd_receipt, why_match, "C1: posted, https://slack.com/archives/C1/podd"),
    Row(being_sent, why_match, "C1: it is being sent", "process"),
    Row(its_process_died, why_match, "C1: the process that was sending it ended before Slack answered", "is being"),
    Row(uncertain, why_match, "in Slack: time-out; `lolslackbot deliver` looks it up in the channel's history; "),
    Row(
        uncertain_and_its_history_is_closed,
        why_match,
        "C1: it cannot be looked up: missing_scope; `lolslackbot retry --message EUW1_1 C1` puts it back",
        "looks it up",
    ),
    Row(
        uncertain_and_not_found_after_it_was_sent_again,
        why_match,
        "it was not found in 2 look-ups, and is not looked up again; `lolslackbot retry",
        "looks it up",
    ),
    Row(uncertain_and_too_old, why_match, "; it is too old to be sent again", "puts it back"),
    Row(failed, why_match, "in Slack: is_archived; `lolslackbot retry --message EUW1_1 C1` puts it back to be sent"),
    Row(
        failed_in_a_channel_that_is_broken,
        why_match,
        "mend the channel in Slack, then `lolslackbot retry --channel C1`",
        "--message",
    ),
    Row(failed_and_too_old, why_match, "C1: it is not in Slack: is_archived; it is too old to be sent again", "retry"),
    Row(
        failed_after_an_attempt_of_unknown_outcome,
        why_match,
        "C1: Slack refused it: is_archived; an earlier attempt may have reached Slack",
        "it is not in Slack",
    ),
)
def test_what_became_of_a_message(world: World, row: Row) -> None:
    tell(row, world)


# What a message waits for


def waiting(world: World) -> None:
    world.game()


def waiting_at_the_limit(world: World) -> None:
    for number in (7, 8, 9):
        world.deliver(number)
        world.pass_time(MINUTE)
    world.game()


def waiting_behind_others_that_use_up_the_limit(world: World) -> None:
    world.deliver(9)
    world.pass_time(MINUTE)
    for number in (7, 8):
        world.game(number, HOUR)
    world.game()


def waiting_behind_more_than_the_limit(world: World) -> None:
    for number in (6, 7, 8):
        world.game(number, HOUR)
    world.game()


def waiting_behind_one_and_others_too_old(world: World) -> None:
    world.game(7, HOUR)
    world.game(8, 13 * HOUR)
    world.game()


def waiting_behind_two(world: World) -> None:
    for number in (7, 8):
        world.game(number, HOUR)
    world.game()


def waiting_while_everything_is_paused(world: World) -> None:
    world.game()
    world.hold("everything", "paused", "by hand")


def waiting_while_slack_limits_the_channel(world: World) -> None:
    world.release()
    world.hold("channel C1", "limited", "ratelimited", MINUTE)


def waiting_after_slack_limited_the_channel(world: World) -> None:
    world.release()
    world.hold("channel C1", "limited", "ratelimited", -MINUTE)


def waiting_while_the_workspace_is_held(world: World) -> None:
    world.game()
    world.hold("workspace default", "rejected", "token_revoked")


def waiting_without_a_token(world: World) -> None:
    world.game()
    world.settings = SETTINGS._replace(slack_tokens={"friends": Secret("xoxb-2")})


def waiting_for_too_long(world: World) -> None:
    world.game()
    world.pass_time(NEWS)


def waiting_in_a_channel_that_is_broken(world: World) -> None:
    world.game()
    world.hold("channel C1", "broken", "is_archived")


def waiting_since_a_run_that_ended_a_second_ago(world: World) -> None:
    world.game()
    world.ran("deliver", 10 * MINUTE, 10 * MINUTE - SECOND)


def waiting_for_a_run_at_work_for_long(world: World) -> None:
    world.game()
    world.ran("deliver", 10 * MINUTE, None)
    world.works("deliver")


@rows(
    Row(waiting, why_match, f"C1: it {NEXT}"),
    Row(
        waiting_at_the_limit,
        why_match,
        "C1: it waits; LOLSLACKBOT_CHANNEL_LIMIT allows 3 messages in 3600 s: not before 2026-11-23T13:00:00.000Z",
        NEXT,
    ),
    Row(
        waiting_behind_others_that_use_up_the_limit,
        why_match,
        "C1: it waits, behind 2 earlier messages; LOLSLACKBOT_CHANNEL_LIMIT allows 3 messages in 3600 s: not before "
        "2026-11-23T13:00:00.000Z",
        NEXT,
    ),
    Row(
        waiting_behind_more_than_the_limit,
        why_match,
        "C1: it waits, behind 3 earlier messages; LOLSLACKBOT_CHANNEL_LIMIT allows 3 messages in 3600 s: not before "
        "2026-11-23T13:00:00.000Z",
        NEXT,
    ),
    Row(waiting_behind_one_and_others_too_old, why_match, f"C1: it {NEXT}, behind 1 earlier message", "messages "),
    Row(waiting_behind_two, why_match, f"C1: it {NEXT}, behind 2 earlier messages"),
    Row(waiting_while_everything_is_paused, why_match, "C1: it waits; everything is paused since", NEXT),
    Row(waiting_while_everything_is_paused, why_channel, "\nEUW1_1, ended 2026-11-23T11:50:00.000Z: it waits", NEXT),
    Row(
        waiting_while_slack_limits_the_channel,
        why_match,
        "C1: it waits (ratelimited); channel C1 is limited until 2026-11-23T12:01:00.000Z: ratelimited",
        NEXT,
    ),
    Row(waiting_after_slack_limited_the_channel, why_match, f"C1: it {NEXT} (ratelimited)", "is limited"),
    Row(
        waiting_while_the_workspace_is_held,
        why_match,
        "C1: it waits; workspace default is rejected since 2026-11-23T12:00:00.000Z: token_revoked; put a new one",
        NEXT,
    ),
    Row(
        waiting_without_a_token,
        why_match,
        "C1: it waits; SLACK_BOT_TOKEN is not set, as far as this command sees",
        NEXT,
    ),
    Row(
        waiting_for_too_long,
        why_match,
        "C1: it is no longer news: the next `lolslackbot deliver` lets it expire",
        "waits",
    ),
    Row(
        waiting_in_a_channel_that_is_broken,
        why_match,
        "C1: the next `lolslackbot deliver` marks it failed; channel C1 is broken since",
        "waits",
    ),
    Row(waiting_since_a_run_that_ended_a_second_ago, why_match, f"C1: it {NEXT}", "did not run"),
    Row(waiting_since_a_run_that_ended_a_second_ago, why_channel, f": it {NEXT}", "did not run"),
    Row(
        waiting_for_a_run_at_work_for_long,
        why_match,
        "; deliver has been at work since 2026-11-23T11:50:00.000Z",
        "did not run",
    ),
)
def test_what_a_message_waits_for(world: World, row: Row) -> None:
    tell(row, world)


# What became of a match, and of a player's list


def asked_for_again(world: World) -> None:
    world.listed()
    matches.mark_missing(world.db, "EUW1_1", world.now, None)
    world.pass_time(HOUR)
    retry_matches(world.db, ["EUW1_1"], world.now).do()


def missing_then_in_trouble(world: World) -> None:
    world.listed()
    matches.mark_missing(world.db, "EUW1_1", world.now, world.now)
    matches.put_off(world.db, "EUW1_1", "503", world.now, world.now)


def another_host_is_limited(world: World) -> None:
    world.listed()
    for scope in ("riot asia", "riot europe match-ids"):
        world.hold(scope, "limited", "429", MINUTE)


def its_host_is_limited(world: World) -> None:
    world.listed()
    world.hold("riot europe match", "limited", "429", MINUTE)


def queues_are_wanted_now_but_were_not(world: World) -> None:
    channels.prefer(world.db, "C1", "aram", None)
    store_match(world.db, a_match("EUW1_1"), world.now)
    build_messages(world.db, Run("build-messages", world.clock, 80), "")
    channels.prefer(world.db, "C1", "all", None)


def never_listed(world: World) -> None:
    pass


def listed_without_a_game(world: World) -> None:
    listings.record_page(world.db, 1, [], None, world.now)


def the_clock_was_set_back(world: World) -> None:
    world.pass_time(DAY)
    listings.record_page(world.db, 1, [], None, world.now)
    world.pass_time(-DAY)
    clamp_future_times(world.db, world.now)


def untracked_with_a_problem(world: World) -> None:
    listings.record_problem(world.db, 1, "404", world.now)
    world.untrack()


def only_some_queues_are_wanted(world: World) -> None:
    channels.prefer(world.db, "C1", "aram", None)


def tracked_in_another_workspace(world: World) -> None:
    world.sql("UPDATE channels SET workspace = 'Friends'")


@rows(
    Row(
        asked_for_again,
        why_match,
        "2026-11-23T13:00:00.000Z put back to be asked for again; Riot had listed it for",
        "listed by",
    ),
    Row(asked_for_again, why_player, "EUW1_1, put back 2026-11-23T13:00:00.000Z: wanted", "listed 2026"),
    Row(missing_then_in_trouble, why_match, "Riot was last asked for it (404s: 1, failed attempts: 1)", "1 times"),
    Row(another_host_is_limited, why_match, "Riot is asked for it after 2026-11-23T12:00:00.000Z", "429"),
    Row(its_host_is_limited, why_match, "; riot europe match is limited until 2026-11-23T12:01:00.000Z: 429"),
    Row(its_host_is_limited, why_player, "Riot was last asked for the list at 2026-11-23T12:00:00.000Z", "429"),
    Row(queues_are_wanted_now_but_were_not, why_match, "C1: no message, since it wanted aram at that time", "wants"),
    Row(queues_are_wanted_now_but_were_not, why_match, " built: no channel gets it\n", "queued"),
    Row(never_listed, why_player, "\nno request for the list is on record\n", "never"),
    Row(never_listed, unknown_match, "nothing is known of EUW1_1: it was in no list that Riot gave of a tracked"),
    Row(the_clock_was_set_back, why_player, "\nno request for the list is on record\n", "never"),
    Row(listed_without_a_game, why_player, "\nno game in any of Riot's lists so far\n"),
    Row(
        untracked_with_a_problem,
        why_player,
        "\nwhen Riot was last asked for the list, it could not be had: 404\n",
        "cannot",
    ),
    Row(only_some_queues_are_wanted, why_player, " are announced in C1 (queues: aram)\n"),
    Row(
        tracked_in_another_workspace,
        why_player,
        '`lolslackbot track "Player 1#EUW" --channel C1 --workspace Friends` asks Riot and mends that',
    ),
)
def test_what_became_of_a_match_or_a_list(world: World, row: Row) -> None:
    tell(row, world)


# How things stand


def tracked_a_second_ago(world: World) -> None:
    world.sql("UPDATE tracks SET since = '2026-11-23T12:00:00.000Z'")
    world.pass_time(SECOND)


def listed_a_second_ago(world: World) -> None:
    listings.record_page(world.db, 1, [], None, world.now)
    world.pass_time(SECOND)


def one_listed_and_another_never(world: World) -> None:
    listed_a_second_ago(world)
    add_player(world.db, 2, since=world.now - 3 * MINUTE)


def an_older_match_was_asked_for_in_vain(world: World) -> None:
    world.listed("EUW1_1")
    matches.put_off(world.db, "EUW1_1", "503", world.now, world.now)
    world.pass_time(HOUR)
    world.listed("EUW1_2")


def every_stage_ended_a_second_ago(world: World) -> None:
    listings.record_page(world.db, 1, [], None, world.now)
    for stage in STAGES:
        world.ran(stage, 10 * MINUTE, 10 * MINUTE - SECOND)


def long_ago_a_run_began_well(world: World, ended: timedelta = 59 * MINUTE) -> None:
    listings.record_page(world.db, 1, [], None, world.now)
    for stage in STAGES:
        world.ran(stage, 3 * HOUR, 3 * HOUR - ended)
        runs.end(world.db, runs.begin(world.db, stage, world.now), world.now, 75, f"{stage}: nothing to do")


def long_ago_a_run_ended_well(world: World) -> None:
    long_ago_a_run_began_well(world, 61 * MINUTE)


def sending_at_this_moment(world: World) -> None:
    world.claim()
    world.ran("deliver", SECOND, None)
    world.works("deliver")


def sending_when_its_process_died(world: World) -> None:
    world.claim()


def found_after_a_restore(world: World) -> None:
    message = world.game()
    world.restore()
    in_doubt.mark_found(world.db, message, RECEIPT, world.now)


def the_clock_was_set_back_in_a_run(world: World) -> None:
    world.ran("deliver", MINUTE, -HOUR)


@rows(
    Row(
        tracked_a_second_ago,
        screen,
        "no request for a match list is on record\n",
        "asked for",
    ),
    Row(
        listed_a_second_ago,
        screen,
        "Riot was last asked for a match list 1 second ago; the stalest list was last asked for 1 second ago\n",
        "1 seconds",
    ),
    Row(
        one_listed_and_another_never,
        screen,
        "Riot was last asked for a match list 1 second ago; the stalest list has no request on record since its "
        "player was tracked 3 minutes ago\n",
        "stalest list was",
    ),
    Row(
        an_older_match_was_asked_for_in_vain,
        screen,
        "the oldest match not asked for yet was listed 0 seconds ago",
        "match that waits",
    ),
    Row(the_clock_was_set_back, screen, "no request for a match list is on record\n", "never"),
    Row(the_clock_was_set_back, screen_later, "no request for a list is on record, and", "ever,"),
    Row(every_stage_ended_a_second_ago, screen, "Nothing needs a person.", "no stage ran"),
    Row(
        every_stage_ended_a_second_ago,
        screen_later,
        "no stage ran since 2026-11-23T11:59:59.000Z; ",
        "2026-11-23T11:50",
    ),
    Row(long_ago_a_run_began_well, screen, "Nothing needs a person.", "no good end"),
    Row(
        long_ago_a_run_ended_well,
        screen,
        "deliver came to no good end since 2026-11-23T10:59:00.000Z",
        "since 2026-11-23T09",
    ),
    Row(sending_at_this_moment, screen, "Nothing needs a person.", "uncertain"),
    Row(sending_when_its_process_died, screen, "messages uncertain: 1"),
    Row(found_after_a_restore, screen, "Nothing needs a person.", "went out"),
    Row(posted, screen, "the last message went out 0 seconds ago"),
    Row(the_clock_was_set_back_in_a_run, screen, "  exit 0  nothing to do", "-3600"),
)
def test_how_things_stand(world: World, row: Row) -> None:
    tell(row, world)


# What will be tried again


def channel_again(world: World) -> str:
    return "\n".join(retry_channel(world.db, "C1", world.now, NEWS).sentences)


def message_again(world: World) -> str:
    return "\n".join(retry_message(world.db, "EUW1_1", "C1", world.now, NEWS).sentences)


def match_again(world: World) -> str:
    return "\n".join(retry_matches(world.db, ["EUW1_1"], world.now, NEWS).sentences)


def thirteen_failed_of_which_ten_are_old(world: World) -> None:
    for number in range(1, 14):
        world.fail(number, ago=HOUR if number > 10 else 13 * HOUR)


def failed_and_everything_is_paused(world: World) -> None:
    world.fail()
    world.hold("everything", "paused", "by hand")
    world.hold("channel C1", "limited", "ratelimited", MINUTE)


def given_up_long_ago(world: World) -> None:
    world.listed()
    matches.give_up(world.db, "EUW1_1", Reason("no longer news"), world.now, world.now - 13 * HOUR)


def given_up_as_no_match(world: World) -> None:
    world.listed()
    matches.give_up(world.db, "EUW1_1", Reason("not a valid match"), world.now)


@rows(
    Row(
        thirteen_failed_of_which_ten_are_old,
        channel_again,
        "of 13 failed messages 3 will be sent again\nEUW1_11:C1 will ",
    ),
    Row(
        thirteen_failed_of_which_ten_are_old,
        channel_again,
        "EUW1_10:C1 has expired and will not be sent: its game ended 2026-11-22T23:00:00.000Z",
        "EUW1_10:C1 will",
    ),
    Row(failed_and_too_old, message_again, "EUW1_1:C1 has expired and will not be sent", "again"),
    Row(uncertain_and_too_old, message_again, "EUW1_1:C1 has expired and will not be sent", "twice"),
    Row(uncertain, message_again, "EUW1_1:C1 will be sent again\nif Slack has it already, it will be there twice"),
    Row(
        failed_in_a_channel_that_is_broken,
        message_again,
        "EUW1_1:C1 will fail again: C1 is marked broken (is_archived); `lolslackbot retry --channel C1` tries",
        "will be sent",
    ),
    Row(
        failed_and_everything_is_paused,
        channel_again,
        "channel C1 is held back until 2026-11-23T12:01:00.000Z (ratelimited), and no longer: the next post tells "
        "whether Slack agrees\nEUW1_1:C1 will be sent again\nnot before everything is no longer paused",
    ),
    Row(
        given_up_long_ago,
        match_again,
        "match EUW1_1 is asked for again, but not announced: its game ended 2026-11-22T23:00:00.000Z",
    ),
    Row(given_up_as_no_match, match_again, "match EUW1_1 is asked for again", "but"),
)
def test_what_will_be_tried_again(world: World, row: Row) -> None:
    tell(row, world)


# Paused and resumed


def pause_channel(world: World) -> str:
    return pause(world.db, "C1", world.now)


def pause_everything(world: World) -> str:
    return pause(world.db, None, world.now)


def resume_channel(world: World) -> str:
    return resume(world.db, "C1", world.now)


def resume_everything(world: World) -> str:
    return resume(world.db, None, world.now)


def everything_is_paused(world: World) -> None:
    pause(world.db, None, world.now)


def channel_is_paused(world: World) -> None:
    pause(world.db, "C1", world.now)


def both_are_paused(world: World) -> None:
    everything_is_paused(world)
    channel_is_paused(world)


def channel_is_paused_and_its_token_refused(world: World) -> None:
    channel_is_paused(world)
    world.hold("workspace default", "rejected", "token_revoked")


def channel_is_broken(world: World) -> None:
    world.hold("channel C1", "broken", "is_archived")


@rows(
    Row(everything_is_paused, pause_channel, "goes on, once everything is resumed too: `lolslackbot resume`"),
    Row(channel_is_paused, pause_everything, "goes on, but channel C1 is paused: see `lolslackbot status`"),
    Row(everything_is_paused, resume_channel, "channel C1 was not paused; it goes on once everything does: ", "next"),
    Row(both_are_paused, resume_channel, "channel C1 goes on once everything does: `lolslackbot resume`", "next"),
    Row(both_are_paused, resume_everything, "deliver`, but channel C1 is paused: see `lolslackbot status`"),
    Row(
        channel_is_paused_and_its_token_refused,
        resume_channel,
        "deliver`, but workspace default is rejected: see `lolslackbot status`",
    ),
    Row(channel_is_broken, resume_channel, "channel C1 was not paused, but channel C1 is broken: see"),
)
def test_what_is_paused_and_goes_on(world: World, row: Row) -> None:
    tell(row, world)


# Channels by name


def failed_in_rift(world: World) -> None:
    channels.record_name(world.db, "C1", "rift")
    world.fail()


def broken_rift(world: World) -> None:
    channels.record_name(world.db, "C1", "rift")
    world.fail(broken=True)


def limited_rift(world: World) -> None:
    channels.record_name(world.db, "C1", "rift")
    world.release()
    world.hold("channel C1", "limited", "ratelimited", 2 * HOUR)


def uncertain_in_rift(world: World) -> None:
    channels.record_name(world.db, "C1", "rift")
    world.doubt()


@rows(
    Row(failed_in_rift, why_match, "\n#rift (C1): it is not in Slack"),
    Row(failed_in_rift, why_match, "`lolslackbot retry --message EUW1_1 C1`"),
    Row(failed_in_rift, why_player, "are announced in #rift (C1) (queues"),
    Row(failed_in_rift, why_channel, "#rift (C1) announces"),
    Row(failed_in_rift, screen, "messages failed in #rift (C1) within a day"),
    Row(broken_rift, screen, "channel #rift (C1) is broken since"),
    Row(broken_rift, screen, "`lolslackbot retry --channel C1`"),
    Row(limited_rift, screen, "channel #rift (C1) is held back until"),
    Row(limited_rift, screen, "channel #rift (C1)  2026-11-23T14:00:00.000Z  held back  ratelimited"),
    Row(limited_rift, why_match, "channel #rift (C1) is limited until"),
    Row(uncertain_in_rift, screen, "first EUW1_1 in #rift (C1) (time-out)"),
)
def test_a_channel_whose_name_is_known_is_shown_by_it_and_commands_have_its_id(world: World, row: Row) -> None:
    tell(row, world)


def test_a_name_is_written_only_where_it_is_new(db: Database) -> None:
    add_player(db)
    assert channels.names(db) == {}
    for name in ("rift", "rift", "summoners"):
        channels.record_name(db, "C1", name)
        assert channels.names(db) == {"C1": name}
    with db.transaction():  # a write would need another one
        channels.record_name(db, "C1", "summoners")
    channels.record_name(db, "C9", "nobodys")
    assert channels.names(db) == {"C1": "summoners"}
    assert channels.label("C9", channels.names(db)) == "C9"
