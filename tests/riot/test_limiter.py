"""Riot's limits, learnt from its headers and kept in the database: across processes, crashes and clocks."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import START, FakeClock

from lolslackbot.model import Window
from lolslackbot.riot import limits
from lolslackbot.riot.limiter import Limiter, RateLimited
from lolslackbot.riot.limits import APPLICATION
from lolslackbot.shares import Share
from lolslackbot.store import holds, migrations
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.connect import open_database
from lolslackbot.store.database import Database
from lolslackbot.store.sqlite import SqliteDatabase
from lolslackbot.transport import HttpAnswer

LONGEST_CALL = 15.0
EUROPE, ASIA = "europe", "asia"
MATCH, MATCH_IDS, ACCOUNT = "match", "match-ids", "account"
HOBBY = {"x_app_rate_limit": "20:1,100:120", "x_method_rate_limit": "2000:10"}
A_MOMENT = 0.001


def answered(status: int = 200, body: bytes = b"{}", /, **headers: str) -> HttpAnswer:
    """An answer with these headers; `_` stands for `-`."""
    return HttpAnswer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def limited(kind: str | None = None, retry_after: str | None = None, **headers: str) -> HttpAnswer:
    """A 429."""
    given = {"x_rate_limit_type": kind, "retry_after": retry_after}
    said = {name: value for name, value in given.items() if value is not None}
    return answered(429, b'{"status":{"message":"Rate limit exceeded"}}', **said, **headers)


@dataclass
class Process:
    """One process that calls Riot: its own connection and limiter, the common file and clock."""

    limiter: Limiter
    clock: FakeClock
    made: int = 0  # calls that went out

    def call(self, routing: str = EUROPE, endpoint: str = MATCH, answer: HttpAnswer | None = None) -> None:
        """One whole call, which takes no time."""
        self.finish(self.begin(routing, endpoint), routing, endpoint, answer)

    def begin(self, routing: str = EUROPE, endpoint: str = MATCH) -> int:
        """A call goes out and is still open."""
        call = self.limiter.reserve(routing, endpoint)
        self.made += 1
        return call

    def finish(self, call: int, routing: str = EUROPE, endpoint: str = MATCH, answer: HttpAnswer | None = None) -> None:
        self.limiter.finish(call, routing, endpoint, answer)

    def calls(self, number: int, endpoint: str = MATCH) -> None:
        """So many calls at once, answered without headers."""
        for _ in range(number):
            self.call(endpoint=endpoint, answer=answered())

    def refused(self, routing: str = EUROPE, endpoint: str = MATCH) -> RateLimited:
        """A call may not go: how it is refused. `free_at` says the same."""
        seen = self.limiter.free_at(routing, endpoint)
        with pytest.raises(RateLimited) as wait:
            self.limiter.reserve(routing, endpoint)
        assert seen is not None
        assert (seen.until, seen.reason, seen.refused) == (wait.value.until, wait.value.reason, wait.value.refused)
        return wait.value

    def waits(self, routing: str = EUROPE, endpoint: str = MATCH) -> float:
        """Seconds until a call may go there; 0 if one may go now."""
        wait = self.limiter.free_at(routing, endpoint)
        return (wait.until - self.clock.now()).total_seconds() if wait else 0.0


@pytest.fixture
def bot(db: Database, clock: FakeClock) -> Process:
    return Process(Limiter(CallLog(db), clock, LONGEST_CALL), clock)


@pytest.fixture
def other(db: Database, clock: FakeClock) -> Iterator[Process]:
    """Another process on the same file."""
    second = open_database(db.path)
    yield Process(Limiter(CallLog(second), clock, LONGEST_CALL), clock)
    second.close()


def windows(db: Database, endpoint: str = APPLICATION, routing: str = EUROPE) -> dict[int, int]:
    """Calls by seconds, as kept."""
    return {window.seconds: window.calls for window in CallLog(db).state(routing, endpoint)[endpoint].windows}


def kept_calls(db: Database) -> list[tuple[str, str, int]]:
    rows = db.rows("SELECT routing, endpoint, open FROM riot_calls ORDER BY call_id")
    return [(row["routing"], row["endpoint"], row["open"]) for row in rows]


# Before anything is known


def test_unknown_limits__one_call_at_a_time(bot: Process, other: Process) -> None:
    call = bot.begin()
    wait = other.refused()
    assert wait.reason == "waiting for the first response from europe"
    assert not wait.refused
    assert other.waits(endpoint=ACCOUNT) == LONGEST_CALL  # the application limit of the host is unknown, too
    assert other.waits(ASIA) == 0
    bot.finish(call, answer=answered())
    other.call(answer=answered())
    assert (bot.made, other.made) == (1, 1)


def test_unknown_method_limit__only_that_endpoint_waits(bot: Process, other: Process) -> None:
    bot.call(answer=answered(x_app_rate_limit="20:1"))
    bot.begin(endpoint=ACCOUNT)
    assert other.refused(endpoint=ACCOUNT).reason == "waiting for the first response from europe (account)"
    other.call(endpoint=MATCH_IDS)


def test_no_headers__calls_follow_one_another(bot: Process, db: Database) -> None:
    bot.calls(5)
    assert kept_calls(db) == [(EUROPE, MATCH, 0)] * 5
    assert windows(db) == {}


# Learning


def test_windows__of_host_and_endpoint(bot: Process, db: Database) -> None:
    bot.call(answer=answered(**HOBBY))
    assert windows(db) == {1: 20, 120: 100}
    assert windows(db, MATCH) == {10: 2000}
    assert windows(db, MATCH_IDS) == windows(db, routing=ASIA) == {}


@pytest.mark.parametrize("status", [404, 429, 503])
def test_windows__newest_header_of_any_answer_wins(bot: Process, db: Database, status: int) -> None:
    bot.call(answer=answered(**HOBBY))
    bot.call(answer=answered(status, x_app_rate_limit="500:10", x_method_rate_limit="5:10"))
    assert (windows(db), windows(db, MATCH)) == ({10: 500}, {10: 5})


@pytest.mark.parametrize("answer", [None, answered(), answered(x_app_rate_limit="garbage"), limited()])
def test_windows__stay_without_headers(bot: Process, db: Database, answer: HttpAnswer | None) -> None:
    bot.call(answer=answered(**HOBBY))
    bot.call(answer=answer)
    assert (windows(db), windows(db, MATCH)) == ({1: 20, 120: 100}, {10: 2000})


def test_full_window__closed_until_it_is_over(bot: Process, other: Process, clock: FakeClock) -> None:
    bot.call(answer=answered(x_app_rate_limit="3:10"))
    clock.advance(4)
    bot.calls(2)
    wait = other.refused()
    assert wait.reason == "rate limit 3/10 s exhausted for europe"
    assert wait.until == START + timedelta(seconds=10.1)
    assert other.refused(endpoint=ACCOUNT).until == wait.until  # the whole host
    other.call(ASIA)
    clock.advance(6.099)
    other.refused()
    clock.advance(A_MOMENT)
    other.call()
    assert other.refused().until == START + timedelta(seconds=14.1)
    assert (bot.made, other.made) == (3, 2)


def test_full_windows__the_last_to_open_decides(bot: Process, clock: FakeClock) -> None:
    bot.call(answer=answered(x_app_rate_limit="2:1,3:60", x_method_rate_limit="3:10"))
    bot.calls(1)
    assert bot.waits() == 1.1
    clock.advance(1.1)
    bot.calls(1)
    assert bot.waits() == bot.waits(endpoint=ACCOUNT) == 59.4


def test_full_endpoint__others_go_on(bot: Process) -> None:
    bot.call(answer=answered(x_app_rate_limit="100:120", x_method_rate_limit="2:10"))
    bot.calls(1)
    assert bot.refused().reason == "rate limit 2/10 s exhausted for europe (match)"
    bot.call(endpoint=MATCH_IDS)
    assert bot.made == 3


def test_allowance__gets_used(bot: Process, clock: FakeClock) -> None:
    """20 a second and 100 in two minutes: a hundred calls go within ten seconds, and again two minutes later."""
    went: list[float] = []
    while len(went) < 200:
        if wait := bot.waits():
            clock.sleep(wait + A_MOMENT)
        bot.call(answer=answered(x_app_rate_limit="20:1,100:120"))
        went.append(clock.ticks - 1000.0)
    assert went[99] < 10
    assert went[199] < 130


# Riot's own count


def test_foreign_calls__take_the_place_of_ours(bot: Process, clock: FakeClock) -> None:
    bot.call(answer=answered(x_app_rate_limit="10:60", x_app_rate_limit_count="7:60"))
    bot.calls(3)
    assert bot.waits() == 60.5
    clock.advance(60.5)
    bot.calls(10)
    assert bot.made == 14


@pytest.mark.parametrize(
    "headers",
    [
        [{"x_app_rate_limit": "10:60", "x_app_rate_limit_count": "10:60"}],
        [{"x_app_rate_limit": "10:60"}, {"x_app_rate_limit_count": "10:60"}],  # any header can be missing
        [{"x_app_rate_limit": "3:60"}, {}, {"x_app_rate_limit": "3:60", "x_app_rate_limit_count": "1:60"}],
        [{"x_app_rate_limit": "10:60", "x_app_rate_limit_count": "9:60"}, {"x_app_rate_limit": "10:60"}],
        [{"x_app_rate_limit": "10:60", "x_app_rate_limit_count": "9:60"}, {"x_app_rate_limit": "9:60"}],
    ],
    ids=["full", "count alone", "a count below ours gives nothing back", "no count", "the limit changes"],
)
def test_count__full_for_a_whole_window(bot: Process, clock: FakeClock, headers: list[dict[str, str]]) -> None:
    for each in headers:
        bot.call(answer=answered(**each))
    assert bot.waits() == 60.5
    clock.advance(60.5)
    bot.call()


def test_count__a_smaller_one_frees_nothing(bot: Process, clock: FakeClock) -> None:
    bot.call(answer=answered(x_app_rate_limit="10:60", x_app_rate_limit_count="6:60"))
    clock.advance(30)
    bot.call(answer=answered(x_app_rate_limit="10:60", x_app_rate_limit_count="3:60"))
    bot.calls(3)
    assert bot.made == 5
    assert bot.waits() == 30.5


def test_count__at_the_limit_holds_until_that_window_ends(bot: Process, clock: FakeClock) -> None:
    """Others took four of a window that has ended, then five of the next: the later five are not those of before."""
    bot.call(answer=answered(x_app_rate_limit="10:60", x_app_rate_limit_count="5:60"))
    clock.advance(40)
    for count in range(6, 11):
        bot.call(answer=answered(x_app_rate_limit="10:60", x_app_rate_limit_count=f"{count}:60"))
    clock.advance(20.5)
    bot.refused()  # it is 20 s ago that Riot said 10 of 10 in 60 s


def test_count__of_a_429(bot: Process, clock: FakeClock) -> None:
    """Another user of the key filled the window: it is not only Retry-After that keeps us away."""
    bot.call(answer=limited("application", "1", x_app_rate_limit="20:1,100:120", x_app_rate_limit_count="3:1,101:120"))
    clock.advance(1.5)
    assert not bot.refused().refused
    assert bot.waits() == 119.0


# A 429


@pytest.mark.parametrize(
    ("kind", "retry_after", "seconds", "whole_host"),
    [
        ("application", "7", 7.5, True),
        ("application", "0", 0.5, True),
        ("application", None, 120.5, True),  # until our own window has surely ended
        ("method", "7", 7.5, False),
        ("method", None, 30.5, False),
        ("service", "0", 0.5, False),
        ("service", None, 5.5, False),
        ("server", "21", 21.5, False),
        ("something new", "4", 4.5, False),
        (None, "4", 4.5, False),
        (None, None, 5.5, False),
    ],
)
def test_429__its_scope_backs_off_in_all_processes(
    bot: Process,
    other: Process,
    clock: FakeClock,
    kind: str | None,
    retry_after: str | None,
    seconds: float,
    whole_host: bool,
) -> None:
    bot.call(answer=answered(x_app_rate_limit="100:120", x_method_rate_limit="50:30"))
    bot.call(answer=limited(kind, retry_after))
    for process in (bot, other):
        wait = process.refused()
        assert wait.refused
        assert f"type {kind or 'none'}, Retry-After {retry_after or 'none'}: Rate limit exceeded" in wait.reason
        assert process.waits() == seconds
        assert process.waits(endpoint=MATCH_IDS) == (seconds if whole_host else 0)
        assert process.waits(ASIA) == 0
    clock.advance(seconds - A_MOMENT)
    other.refused()
    clock.advance(A_MOMENT)
    other.call()
    assert (bot.made, other.made) == (2, 1)


def test_back_off__grows_until_a_good_call(bot: Process, other: Process, clock: FakeClock) -> None:
    for seconds in (5.5, 10.5, 20.5, 40.5, 80.5, 160.5, 300.5, 300.5):
        bot.call(answer=limited())
        assert bot.waits() == seconds
        clock.advance(seconds)
    other.call(answer=answered(404))  # anything but a 429 shows that the limit is over
    bot.call(answer=limited())
    assert bot.waits() == 5.5
    assert (bot.made, other.made) == (9, 1)


@pytest.mark.parametrize(("endpoint", "answer"), [(MATCH, None), (MATCH_IDS, answered())])
def test_back_off__goes_on_growing(bot: Process, clock: FakeClock, endpoint: str, answer: HttpAnswer | None) -> None:
    """Neither silence nor the success of another endpoint ends it."""
    bot.call(answer=limited("service"))
    clock.advance(5.5)
    bot.call(endpoint=endpoint, answer=answer)
    bot.call(answer=limited("service"))
    assert bot.waits() == 10.5


@pytest.mark.parametrize(
    ("first", "late", "seconds"),
    [
        (limited(), answered(), 5.5),  # a call that was under way while the limit struck does not end the back-off
        (limited("application", "60"), limited("application", "1"), 60.5),  # nor cut it short
    ],
)
def test_back_off__late_answer_of_an_earlier_call(
    bot: Process, other: Process, db: Database, first: HttpAnswer, late: HttpAnswer, seconds: float
) -> None:
    bot.call(answer=answered(x_app_rate_limit="100:120", x_method_rate_limit="50:30"))
    call = other.begin()
    bot.call(answer=first)
    other.finish(call, answer=late)
    assert bot.waits() == seconds
    assert sum(state.refusals for state in CallLog(db).state(EUROPE, MATCH).values()) == 1 + (late.status == 429)


def test_429__in_the_log_and_the_database(bot: Process, db: Database, caplog: pytest.LogCaptureFixture) -> None:
    bot.call(answer=limited("service", "3"))
    [hold] = holds.all_known(db)
    assert (str(hold.scope), hold.kind, hold.times) == ("riot europe match", "limited", 1)
    assert hold.reason == "429 of type service, Retry-After 3: Rate limit exceeded"
    assert (hold.since, hold.until) == (START, START + timedelta(seconds=3.5))
    [line] = [record.getMessage() for record in caplog.records]
    assert line == f"backing off from europe (match) for 3.5 s: {hold.reason}"


@pytest.mark.parametrize(("seconds", "margin"), [(1, 0.1), (10, 0.1), (30, 0.3), (120, 0.5), (600, 0.5)])
def test_margin__follows_the_window(seconds: int, margin: float) -> None:
    """What clocks can differ by within it."""
    counts = limits.duration(Window(seconds=seconds, calls=1))
    assert counts.total_seconds() == pytest.approx(seconds + margin)


def test_endpoint_without_a_stated_limit__others_need_not_wait(bot: Process, other: Process, clock: FakeClock) -> None:
    """Once an answer came that stated one of the host, and none of the endpoint."""
    first = bot.begin()
    assert other.refused().reason == "waiting for the first response from europe"
    bot.finish(first, answer=answered(x_app_rate_limit="100:120"))
    call = bot.begin()
    other.call(answer=answered(x_app_rate_limit="100:120"))
    bot.finish(call, answer=answered(x_app_rate_limit="100:120"))
    clock.advance(11)
    bot.begin()
    assert other.refused().reason == "waiting for the first response from europe (match)"  # one may be stated by now


# Several processes of one run


@pytest.fixture
def sharing(db: Database, clock: FakeClock) -> Iterator[list[Process]]:
    """Three processes that share a run."""
    with ExitStack() as stack:
        files = [stack.enter_context(closing(open_database(db.path))) for _ in range(3)]
        yield [
            Process(Limiter(CallLog(file, share), clock, LONGEST_CALL), clock)
            for file, share in zip(files, Share.every(3), strict=True)
        ]


def test_share__a_call_of_a_process_that_was_stopped_counts_until_it_is_sent(
    sharing: list[Process], clock: FakeClock, bot: Process
) -> None:
    """However late that is: the others leave room for it, and so do other commands."""
    first, second, third = sharing
    first.call(answer=answered(x_app_rate_limit="3:10", x_method_rate_limit="50:10"))
    clock.advance(600)
    late = first.begin()  # and it is stopped
    for _ in range(3):
        clock.advance(600)
        second.calls(1)
        bot.calls(1)
        assert third.refused().reason == "rate limit 3/10 s exhausted for europe"
        assert bot.refused()
    clock.advance(10.1)
    first.finish(late, answer=answered())  # it woke, and was one of three
    third.calls(2)
    second.refused()
    clock.advance(10.1)
    second.calls(3)


def test_share__a_stopped_call_does_not_block_an_endpoint_without_a_known_limit(
    sharing: list[Process], clock: FakeClock
) -> None:
    first, second, _ = sharing
    second.call(endpoint=ACCOUNT, answer=answered(x_app_rate_limit="3:10"))
    first.begin()
    assert second.refused().reason == "waiting for the first response from europe (match)"
    clock.advance(LONGEST_CALL)
    second.call(answer=answered(x_app_rate_limit="3:10"))


def lots(db: Database, clock: FakeClock) -> Process:
    """One of two processes: of 12 calls it reserves 3 at once."""
    return Process(Limiter(CallLog(db), clock, LONGEST_CALL, 2), clock)


TWELVE = answered(x_app_rate_limit="12:10")


def open_calls(db: Database) -> int:
    return len(db.rows("SELECT 1 FROM riot_calls WHERE open = 1"))


def test_lot__one_commit_for_several_calls(db: Database, clock: FakeClock, other: Process) -> None:
    bot = lots(db, clock)
    bot.call(answer=TWELVE)
    bot.begin()
    assert open_calls(db) == 3
    changes = db.rows("SELECT total_changes()")[0][0]
    bot.begin()
    bot.begin()
    assert db.rows("SELECT total_changes()")[0][0] == changes
    bot.begin()
    assert open_calls(db) == 6
    other.calls(5)
    other.refused()  # what is reserved counts as made
    assert bot.waits() == 0
    bot.begin()
    bot.begin()
    bot.refused()
    assert (bot.made, other.made) == (7, 5)


def test_lot__only_where_all_of_it_fits(db: Database, clock: FakeClock) -> None:
    bot = lots(db, clock)
    bot.begin()
    assert open_calls(db) == 1  # nothing is known yet
    clock.advance(LONGEST_CALL + 11)
    bot.call(answer=TWELVE)
    Process(Limiter(CallLog(db), clock, LONGEST_CALL), clock).calls(9)
    bot.begin()
    assert open_calls(db) == 2
    bot.begin()
    assert open_calls(db) == 3
    bot.refused()


def test_full_window__that_an_open_call_fills_may_open_early(bot: Process, other: Process, clock: FakeClock) -> None:
    bot.call(answer=answered(x_app_rate_limit="2:10", x_method_rate_limit="90:10"))
    bot.begin()
    assert not other.refused().may_end_early  # the finished one leaves the window first
    clock.advance(11)
    call = bot.begin()
    assert other.refused().may_end_early  # both calls in it are open
    bot.finish(call, answer=answered())
    assert not other.refused().may_end_early


@pytest.mark.parametrize(("limit", "size"), [("500:10", 5), ("500:10,12:120", 3), ("5:10", 1), ("20:1", 5)])
def test_lot__is_a_small_part_of_each_window(db: Database, clock: FakeClock, limit: str, size: int) -> None:
    bot = lots(db, clock)
    bot.call(answer=answered(x_app_rate_limit=limit, x_method_rate_limit="900:10"))
    bot.begin()
    assert open_calls(db) == size


def test_lot__what_is_left_is_given_back(db: Database, clock: FakeClock, other: Process) -> None:
    bot = lots(db, clock)
    bot.call(answer=TWELVE)
    bot.begin()
    other.calls(8)
    other.refused()
    bot.limiter.give_back()
    bot.limiter.give_back()
    other.calls(2)
    other.refused()
    assert open_calls(db) == 1


def test_lot__another_endpoint_takes_its_place(db: Database, clock: FakeClock) -> None:
    bot = lots(db, clock)
    bot.call(answer=TWELVE)
    bot.begin()
    bot.begin(endpoint=MATCH_IDS)
    assert open_calls(db) == 4  # one of the first lot, and the second


@pytest.mark.parametrize("change", ["a 429", "a lower limit", "another client"])
def test_lot__what_becomes_known_meanwhile_counts(db: Database, clock: FakeClock, other: Process, change: str) -> None:
    """None of a lot is sent into a limit that is known by then."""
    bot = lots(db, clock)
    other.call(answer=TWELVE)
    call = other.begin()
    bot.begin()
    if change == "a 429":
        other.finish(call, answer=limited("application", "3"))
    elif change == "a lower limit":
        other.finish(call, answer=answered(x_app_rate_limit="3:10"))
    else:
        other.finish(call, answer=answered(x_app_rate_limit="12:10", x_app_rate_limit_count="12:10"))
    assert bot.refused().refused == (change == "a 429")
    assert open_calls(db) == 1
    clock.advance(LONGEST_CALL + 20)
    bot.begin()


def test_share__a_stopped_call_does_not_block_a_host_without_a_known_limit(
    sharing: list[Process], clock: FakeClock
) -> None:
    first, second, _ = sharing
    first.begin()
    assert second.refused().reason == "waiting for the first response from europe"
    clock.advance(LONGEST_CALL)
    second.call(answer=answered(x_app_rate_limit="3:10"))


def test_begin_run__of_a_share_ends_its_own_calls_and_those_of_other_divisions(
    sharing: list[Process], db: Database, clock: FakeClock, bot: Process
) -> None:
    for each in sharing:
        each.call(answer=answered(x_app_rate_limit="500:10"))
        each.begin()
    other_division = Limiter(CallLog(db, Share(1, 2)), clock, LONGEST_CALL)
    other_division.reserve(ASIA, MATCH)
    bot.begin("americas")
    clock.advance(7200)  # what is open stays, however old it is
    sharing[0].limiter.begin_run([MATCH, MATCH_IDS])
    rows = db.rows("SELECT routing, share, shares FROM riot_calls WHERE shares IS NOT NULL ORDER BY call_id")
    assert [(row["routing"], row["share"], row["shares"]) for row in rows] == [("europe", 1, 3), ("europe", 2, 3)]
    bot.limiter.begin_run([MATCH, MATCH_IDS])  # it holds the whole: nobody with a share is alive
    assert db.rows("SELECT 1 FROM riot_calls WHERE shares IS NOT NULL") == []


# Crashes


def test_orphaned_call__counts_until_it_can_be_over(bot: Process, other: Process, clock: FakeClock) -> None:
    bot.call(answer=answered(x_app_rate_limit="2:10", x_method_rate_limit="50:30"))
    bot.begin()  # and the process dies
    clock.advance(11)  # the first has left the window; when Riot counted the other one is not known
    other.call()
    assert other.waits() == 10.1
    clock.advance(10.1)
    other.call()
    assert other.waits() == LONGEST_CALL + 10.1 - 21.1
    assert (bot.made, other.made) == (2, 2)


def test_orphaned_first_call__blocks_only_as_long_as_it_can_last(
    bot: Process, other: Process, clock: FakeClock
) -> None:
    bot.begin()
    assert other.waits() == LONGEST_CALL
    clock.advance(LONGEST_CALL)
    other.call()


def test_begin_run__calls_of_a_dead_run_are_over(bot: Process, other: Process, db: Database, clock: FakeClock) -> None:
    bot.begin()
    clock.advance(1)
    other.limiter.begin_run([MATCH, MATCH_IDS])
    assert other.waits() == 1  # it may be on its way
    clock.advance(1)
    other.call(answer=answered(x_app_rate_limit="2:10"))
    assert other.waits() == 10.1  # it counts from the latest moment at which it can have arrived


def test_begin_run__calls_of_other_commands_stay_open(bot: Process, other: Process, db: Database) -> None:
    bot.call(endpoint=ACCOUNT, answer=answered(**HOBBY))
    call = bot.begin(endpoint=ACCOUNT)
    other.limiter.begin_run([MATCH, MATCH_IDS])
    assert kept_calls(db) == [(EUROPE, ACCOUNT, 0), (EUROPE, ACCOUNT, 1)]
    bot.finish(call, endpoint=ACCOUNT, answer=answered())
    assert kept_calls(db) == [(EUROPE, ACCOUNT, 0)] * 2


def test_refused_call__leaves_nothing_behind(bot: Process, db: Database) -> None:
    bot.call(answer=answered(x_app_rate_limit="1:10"))
    bot.refused()
    assert kept_calls(db) == [(EUROPE, MATCH, 0)]


def test_restart__nothing_is_forgotten(bot: Process, db: Database, clock: FakeClock) -> None:
    bot.call(answer=answered(x_app_rate_limit="2:10", x_app_rate_limit_count="2:10"))
    bot.call(ASIA, answer=limited("application", "30"))
    db.close()
    reopened = open_database(db.path)
    later = Process(Limiter(CallLog(reopened), clock, LONGEST_CALL), clock)
    assert later.waits() == 10.1
    assert later.waits(ASIA, ACCOUNT) == 30.5
    reopened.close()


# Keeping the call log small


def test_begin_run__drops_calls_beyond_any_window(bot: Process, db: Database, clock: FakeClock) -> None:
    bot.call(answer=answered(x_app_rate_limit="20:1,100:120,1:999999"))
    clock.advance(3600 + 120)
    bot.limiter.begin_run([MATCH])
    assert kept_calls(db) == [(EUROPE, MATCH, 0)]
    clock.advance(1)
    bot.limiter.begin_run([MATCH])
    assert kept_calls(db) == []


@pytest.mark.parametrize("header", ["x_app_rate_limit", "x_method_rate_limit"])
def test_begin_run__keeps_calls_of_a_day_long_window(bot: Process, clock: FakeClock, header: str) -> None:
    bot.call(endpoint=MATCH_IDS, answer=answered(**{header: "1:86400"}))
    clock.advance(80_000)
    bot.call(ASIA, answer=answered(x_method_rate_limit="2000:10"))
    bot.limiter.begin_run([MATCH, MATCH_IDS])
    bot.refused(endpoint=MATCH_IDS)


# The clock is set back


def test_clock_rollback__followed_by_the_next_run(bot: Process, other: Process, clock: FakeClock) -> None:
    """Nothing is blocked for longer than the longest window."""
    bot.call(answer=answered(x_app_rate_limit="3:120", x_app_rate_limit_count="2:120"))
    bot.begin()  # and the process dies
    clock.moment -= timedelta(hours=1)
    other.limiter.begin_run([MATCH_IDS])
    assert 0 < other.waits() <= 120.5 + LONGEST_CALL
    clock.advance(120.5 + LONGEST_CALL)
    other.call()


def test_clock_rollback__followed_by_the_next_call(bot: Process, other: Process, clock: FakeClock) -> None:
    bot.call(answer=answered(x_app_rate_limit="2:120", x_app_rate_limit_count="2:120"))
    clock.moment -= timedelta(hours=1)
    for process in (other, bot):
        with pytest.raises(RateLimited) as wait:
            process.limiter.reserve(EUROPE, MATCH)
    assert wait.value.until <= clock.now() + timedelta(seconds=120.5)
    clock.advance(120.5)
    bot.call()
    assert bot.made == 2


def test_clock_rollback__opens_no_full_window(bot: Process, clock: FakeClock) -> None:
    bot.call(answer=answered(x_app_rate_limit="2:120"))
    bot.calls(1)
    clock.moment -= timedelta(hours=1)
    bot.limiter.begin_run([MATCH])
    clock.advance(119)
    bot.refused()


@pytest.mark.parametrize("begins_a_run", [True, False])
def test_clock_rollback__back_off_lasts_its_length(bot: Process, clock: FakeClock, begins_a_run: bool) -> None:
    bot.call(endpoint=ACCOUNT, answer=limited("application", "30"))
    clock.moment -= timedelta(hours=1)
    if begins_a_run:
        bot.limiter.begin_run([MATCH])
    with pytest.raises(RateLimited):
        bot.limiter.reserve(EUROPE, ACCOUNT)
    assert bot.waits(endpoint=ACCOUNT) == 30.5
    clock.advance(30.5)
    bot.call(endpoint=ACCOUNT)


# No answer may close a scope for longer than a day


@pytest.mark.parametrize("name", ["x_app_rate_limit", "x_method_rate_limit"])
def test_window_of_years__reported_but_not_believed(bot: Process, db: Database, clock: FakeClock, name: str) -> None:
    bot.call(answer=answered(**{name: "1:99999999"}))
    assert bot.waits() == 0.0
    bot.call(answer=answered(**{name: "1:99999999,5:10"}))
    bot.calls(3)  # without headers: what was known stays
    assert bot.waits() == 10.1
    (odd,) = CallLog(db).windows_beyond(limits.LONGEST)
    assert (odd.routing, odd.calls, odd.seconds) == (EUROPE, 1, 99999999)
    clock.advance(11)
    bot.call(answer=answered(**{name: "1:99999999"}))  # the good one stays, too
    bot.calls(4)
    assert bot.waits() == 10.1
    clock.advance(11)
    bot.call(answer=answered(**{name: "5:10"}))
    assert CallLog(db).windows_beyond(limits.LONGEST) == []


def test_hold_of_years__of_an_earlier_version(bot: Process, db: Database, clock: FakeClock) -> None:
    """Holds nothing back for longer than a day from when it began."""
    with db.transaction():
        for endpoint in (APPLICATION, MATCH):
            CallLog(db).back_off(EUROPE, endpoint, "429", START - timedelta(hours=6), START + timedelta(days=9999))
        CallLog(db).put_windows(EUROPE, APPLICATION, [Window(99_999_999, 1)])
        CallLog(db).reserve(EUROPE, MATCH, START - timedelta(days=300))
    assert bot.waits() == 18 * 3600
    clock.advance(18 * 3600)
    assert bot.waits() == 0.0
    bot.call(answer=answered())


def test_retry_after_of_years__ends_after_a_day(bot: Process, clock: FakeClock) -> None:
    for _ in range(2):
        bot.call(answer=limited("application", "999999999"))
        assert bot.waits() == 86400
        clock.advance(86400)


# The promise itself: whatever happens, nothing is sent into a limit that the server has stated


Limits = dict[int, int]  # calls by seconds
Opened = tuple[float, int]  # when a fixed window was opened, and by which call
STATED = [{1: 2}, {2: 3, 10: 5}, {10: 4}, {3: 1}, {1: 3, 30: 8}]


@dataclass
class Arrival:
    """A call as the server saw it, and what its answer said."""

    moment: float
    ours: bool


@dataclass
class Scope:
    """One limit of a strict server, for the host or for an endpoint: what it counts and what it said of it."""

    fixed: bool
    limits: Limits
    arrivals: list[Arrival] = field(default_factory=list)
    opened: dict[int, Opened] = field(default_factory=dict)
    told: Limits = field(default_factory=dict)  # in the newest answer with headers
    told_of: int = 0  # arrivals that this answer counted

    def change(self, limits: Limits) -> None:
        """The server's limit is another one from now on; new windows begin empty."""
        self.opened = {seconds: self.opened[seconds] for seconds in self.opened if seconds in limits}
        self.limits = limits

    def arrive(self, moment: float, ours: bool) -> None:
        self.arrivals.append(Arrival(moment, ours))
        for seconds in self.limits:
            began, _ = self.opened.get(seconds, (float("-inf"), 0))
            if moment >= began + seconds:
                self.opened[seconds] = (moment, len(self.arrivals) - 1)

    def counted(self, seconds: int, moment: float) -> list[int]:
        """The arrivals in the window at that moment."""
        if self.fixed:
            began, first = self.opened.get(seconds, (float("-inf"), 0))
            return list(range(first, len(self.arrivals))) if moment < began + seconds else []
        return [n for n, each in enumerate(self.arrivals) if each.moment > moment - seconds]

    def overrun(self, told: Limits, told_of: int, moment: float) -> str | None:
        """How the call that arrived last broke a limit known when it was sent: by others only if they were told of."""
        for seconds in self.limits.keys() & told.keys():
            known = [n for n in self.counted(seconds, moment) if self.arrivals[n].ours or n < told_of]
            if len(known) > told[seconds]:
                return f"call {len(known)} of {told[seconds]} in {seconds} s"
        return None

    def headers(self, kind: str, moment: float) -> dict[str, str]:
        counts = {seconds: len(self.counted(seconds, moment)) for seconds in self.limits}
        return {
            f"x-{kind}-rate-limit": ",".join(f"{calls}:{seconds}" for seconds, calls in self.limits.items()),
            f"x-{kind}-rate-limit-count": ",".join(f"{count}:{seconds}" for seconds, count in counts.items()),
        }


@dataclass
class OpenCall:
    """A call under way: what was known of the limits when it was sent, and what came back so far."""

    number: int
    endpoint: str
    sent: float
    told: dict[str, Limits]
    told_of: dict[str, int]
    answer: HttpAnswer | None = None
    counted: dict[str, int] = field(default_factory=dict)
    arrived: bool = False


class World:
    """Two processes, a strict server, other users of the same key, and a clock; `steps` says what happens."""

    def __init__(self, fixed: bool) -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.row_factory = sqlite3.Row
        migrations.create(connection)
        self.db = SqliteDatabase(connection, "in memory")
        self.clock = FakeClock()
        self.limiters = [Limiter(CallLog(self.db), self.clock, LONGEST_CALL) for _ in range(2)]
        self.scopes = {scope: Scope(fixed, STATED[0]) for scope in (APPLICATION, MATCH, MATCH_IDS, ACCOUNT)}
        self.open: list[OpenCall | None] = [None, None]

    def close(self) -> None:
        self.db.close()

    def change(self, scope: str, limits: Limits) -> None:
        self.scopes[scope].change(limits)

    def send(self, process: int, endpoint: str, patient: bool) -> None:
        """The process, once it has ended what it does, sends a call; `patient`: at the first moment it may."""
        self.end(process, "all")
        for _ in range(6 if patient else 1):
            try:
                number = self.limiters[process].reserve(EUROPE, endpoint)
            except RateLimited as wait:
                if patient:
                    self.advance((wait.until - self.clock.now()).total_seconds() + A_MOMENT)
            else:
                both = {scope: self.scopes[scope] for scope in (APPLICATION, endpoint)}
                told = {scope: dict(each.told) for scope, each in both.items()}
                told_of = {scope: each.told_of for scope, each in both.items()}
                self.open[process] = OpenCall(number, endpoint, self.clock.ticks, told, told_of)
                return

    def arrive(self, process: int) -> None:
        """The call reaches the server, which counts it and would refuse what is too much."""
        call = self.open[process]
        if call is None or call.arrived:
            return
        call.arrived = True
        headers: dict[str, str] = {}
        now, full = self.clock.ticks, None
        for scope, kind in ((APPLICATION, "app"), (call.endpoint, "method")):
            server = self.scopes[scope]
            server.arrive(now, ours=True)
            call.counted[scope] = len(server.arrivals)
            overrun = server.overrun(call.told[scope], call.told_of[scope], now)
            assert overrun is None, f"sent into a known limit of {scope or 'the host'}: {overrun}"
            headers |= server.headers(kind, now)
            if any(len(server.counted(seconds, now)) > calls for seconds, calls in server.limits.items()):
                full = full or {"app": "application"}.get(kind, kind)
        if full:
            headers |= {"x-rate-limit-type": full, "retry-after": "1"}
        call.answer = HttpAnswer(429 if full else 200, headers, b"{}")

    def end(self, process: int, heard: str) -> None:
        """The process hears "all" of the answer, no "headers", or "nothing"."""
        call = self.open[process]
        if call is None:
            return
        self.arrive(process)
        assert call.answer
        answer = {"all": call.answer, "headers": HttpAnswer(call.answer.status, {}, b""), "nothing": None}[heard]
        self.limiters[process].finish(call.number, EUROPE, call.endpoint, answer)
        if heard == "all":
            for scope, counted in call.counted.items():
                server, kind = self.scopes[scope], "method" if scope else "app"
                server.told = dict(limits.read_pairs(call.answer.headers[f"x-{kind}-rate-limit"]))
                server.told_of = max(server.told_of, counted)
        self.open[process] = None

    def crash(self, process: int, restart: bool) -> None:
        """The process dies; what it sent has arrived before, or never will. The next run may begin at once."""
        self.open[process] = None
        if restart and process == 0:
            self.limiters[0].begin_run([MATCH, MATCH_IDS])

    def others(self, endpoint: str, number: int) -> None:
        """Somebody else uses the key."""
        for _ in range(number):
            for scope in (APPLICATION, endpoint):
                self.scopes[scope].arrive(self.clock.ticks, ours=False)

    def advance(self, seconds: float) -> None:
        """Time passes; a call that lasts too long is ended by its deadline, just before which it may arrive."""
        goal = self.clock.ticks + seconds
        for process, call in enumerate(self.open):
            if call and call.sent + LONGEST_CALL <= goal:
                self.clock.advance(max(0.0, call.sent + LONGEST_CALL - self.clock.ticks))
                self.end(process, "nothing")
        self.clock.advance(max(0.0, goal - self.clock.ticks))

    def set_back(self, seconds: float) -> None:
        """The wall clock is set back, and seen to be so by the next run."""
        self.clock.moment -= timedelta(seconds=seconds)
        self.limiters[0].begin_run([])


PROCESSES = st.integers(0, 1)
ENDPOINTS = st.sampled_from([MATCH, MATCH_IDS])
SCOPES = st.sampled_from([APPLICATION, MATCH, ACCOUNT])
MOMENTS = st.sampled_from([0.0, 0.001, 0.2, 0.5, 0.9, 1.0, 1.4, 1.5, 2.0, 3.1, 5.0, 9.6, 10.0, 10.4, 14.9, 16.0, 31.0])
SEND = st.tuples(st.just("send"), PROCESSES, ENDPOINTS, st.booleans())
ARRIVE = st.tuples(st.just("arrive"), PROCESSES)
END = st.tuples(st.just("end"), PROCESSES, st.sampled_from(["all", "all", "headers", "nothing"]))
CRASH = st.tuples(st.just("crash"), PROCESSES, st.booleans())
ADVANCE = st.tuples(st.just("advance"), MOMENTS)
CHANGE = st.tuples(st.just("change"), SCOPES, st.sampled_from(STATED))
SET_BACK = st.tuples(st.just("set_back"), MOMENTS)
OTHERS = st.tuples(st.just("others"), ENDPOINTS, st.integers(1, 3))
START_WITH = st.lists(CHANGE, max_size=3)


def play(fixed: bool, steps: list[tuple[Any, ...]]) -> None:
    with closing(World(fixed)) as world:
        for name, *values in steps:
            if name == "send" and values[0] == 1:
                values[1] = ACCOUNT  # the second process is another command, with an endpoint of its own
            getattr(world, name)(*values)


@settings(max_examples=80, deadline=None)
@given(
    fixed=st.booleans(),
    limits_at_first=START_WITH,
    steps=st.lists(SEND | SEND | SEND | ARRIVE | END | CRASH | ADVANCE | CHANGE | SET_BACK, min_size=10, max_size=60),
)
def test_never_exceeds_a_known_limit__crashes_and_new_limits(
    fixed: bool, limits_at_first: list[tuple[Any, ...]], steps: list[tuple[Any, ...]]
) -> None:
    play(fixed, limits_at_first + steps)


@settings(max_examples=50, deadline=None)
@given(
    fixed=st.booleans(),
    limits_at_first=START_WITH,
    before=st.lists(OTHERS | ADVANCE, min_size=1, max_size=6),
    steps=st.lists(SEND | SEND | SEND | ARRIVE | END | ADVANCE | SET_BACK, min_size=10, max_size=60),
)
def test_never_exceeds_a_known_limit__other_users_of_the_key(
    fixed: bool,
    limits_at_first: list[tuple[Any, ...]],
    before: list[tuple[Any, ...]],
    steps: list[tuple[Any, ...]],
) -> None:
    play(fixed, limits_at_first + before + steps)


@pytest.mark.parametrize("fixed", [True, False], ids=["fixed", "sliding"])
@pytest.mark.parametrize(
    "fault", ["a call counts from its start", "a window is shorter than Riot's", "Riot's own count is ignored"]
)
def test_strict_server__notices_a_wrong_limiter(fixed: bool, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two properties above are worth something only if their server sees what would break them."""
    learns = ("send", 0, MATCH, True), ("end", 0, "all")
    sends = ("send", 0, MATCH, True), ("end", 0, "headers")
    steps: list[tuple[Any, ...]] = [*learns, *sends, *sends, *sends]
    if fault == "a call counts from its start":
        reserve = CallLog.reserve
        early = timedelta(seconds=LONGEST_CALL)
        monkeypatch.setattr(CallLog, "reserve", lambda self, r, e, at: reserve(self, r, e, at - early))
        monkeypatch.setattr(CallLog, "finish", lambda self, *_: None)
        slow = sends[0], ("advance", 1.4), sends[1]
        steps = [*learns, ("advance", 2.0), *slow, ("advance", 0.2), *sends, *sends]
    elif fault == "a window is shorter than Riot's":
        monkeypatch.setattr(limits, "MARGIN", timedelta(seconds=-0.5))
    else:
        monkeypatch.setattr(limits, "correct", lambda window, *_: window)
        steps = [("others", MATCH, 1), *steps]
    with pytest.raises(AssertionError, match="sent into a known limit of"):
        play(fixed, steps)
