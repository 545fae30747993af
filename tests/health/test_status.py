"""What needs a person, by kind: each need in the world that makes it, and in the one beside it that does not.

The sentences are asserted in test_sentences.py.
"""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from support import START, FakeClock, a_match, add_player, claim, ends_just_now, scope_of, store_match

from lolslackbot.clock import text_of
from lolslackbot.errors import Exit
from lolslackbot.files import user_name
from lolslackbot.health import facts
from lolslackbot.health.needs import LOST_ALERT_THRESHOLD, MIN_FREE_BYTES, TICKS_MISSED, Need, NeedKind
from lolslackbot.health.status import status
from lolslackbot.model import LookupProblem, Message, ProblemKind, RiotId, Window
from lolslackbot.shares import Share
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import (
    claims,
    decisions,
    findings,
    holds,
    in_doubt,
    listings,
    matches,
    outbox,
    players,
    riot_hosts,
    runs,
)
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.claims import Claim
from lolslackbot.store.database import Database
from lolslackbot.store.findings import Found
from lolslackbot.store.holds import Scope, ScopeKind
from lolslackbot.store.locks import STAGES, run_lock, shared_lock
from lolslackbot.store.reasons import Reason
from lolslackbot.store.sqlite import SqliteDatabase

SINCE = "2026-11-23T12:00:00.000Z"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _one_player_listed_now(db: Database) -> None:
    add_player(db)
    listings.record_page(db, 1, [], None, START)


def keys(db: Database, now: datetime = START, **options: timedelta) -> list[str]:
    return [need.key for need in status(db, now, **options).needs]


def keys_after(db: Database, **passed: float) -> list[str]:
    """The needs after some time, in which player lists were polled all along."""
    now = START + timedelta(**passed)
    listings.record_page(db, 1, [], None, now)
    return keys(db, now)


def hold(db: Database, scope: str, kind: str, reason: str = "-", seconds: float | None = None) -> None:
    until = None if seconds is None else START + timedelta(seconds=seconds)
    with db.transaction():
        holds.put(db, scope_of(scope), kind, reason, START, until)


def ran(
    db: Database,
    stage: str,
    status: Exit = Exit.OK,
    summary: str = "",
    minutes: float = 0,
    ending: runs.Ending = runs.WHOLE,
) -> None:
    """A run that began some minutes after START and took seven seconds."""
    began = START + timedelta(minutes=minutes)
    runs.end(db, runs.begin(db, stage, began), began + timedelta(seconds=7), int(status), summary, ending)


def ticked(db: Database, minutes: float = 0) -> None:
    for stage in STAGES:
        ran(db, stage, minutes=minutes)


def untrack(db: Database, player_id: int) -> None:
    with db.transaction():
        players.untrack(db, player_id, "C1")


def build(db: Database, clock: FakeClock, *match_ids: str) -> None:
    for match_id in match_ids:
        store_match(db, a_match(match_id))
    build_messages(db, Run("build-messages", clock, 80), "")


def claimed(db: Database, clock: FakeClock) -> Message:
    """The message of a fresh game, claimed."""
    build(db, clock, "EUW1_1")
    message = outbox.next_messages(db)[0].message
    assert claim(db, message, "t", START, START - DAY)
    return message


def test_needs__nothing_wrong(db: Database) -> None:
    """A database in which all is well needs nobody."""
    found = status(db, START)
    assert (found.needs, found.notes, found.facts.holds) == ([], [], [])
    assert set(found.facts.waiting.values()) == {0}
    assert found.facts.freshness.last_listed_at == START


def test_needs__nobody_tracked(db: Database) -> None:
    """Without any player nothing gets stale."""
    untrack(db, 1)
    assert keys(db, START + timedelta(days=9)) == []


def test_facts__user_without_a_name(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user id that the system has no name for is shown as a number."""
    monkeypatch.setattr(os, "geteuid", lambda: 4294967)
    assert status(db, START).facts.user == "user 4294967"


def test_facts__run_ends_during_snapshot(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends while status reads is not taken for one that was cut off."""
    runs.begin(db, "deliver", START)
    monkeypatch.setattr(SqliteDatabase, "is_at_work", ends_just_now)
    stage = status(db, START).facts.stages["deliver"]
    assert (stage.at_work, stage.cut_off) == (True, False)


# Keys: alerts and `-q` remember them across versions

KEYS = [
    (NeedKind.DATABASE_LOCKED, "", "database locked"),
    (NeedKind.DISK_FULL, "", "disk full"),
    (NeedKind.CLOCK, "", "clock"),
    (NeedKind.REJECTED, "riot", "riot rejected"),
    (NeedKind.BROKEN, "channel C1", "channel C1 broken"),
    (NeedKind.PAUSED, "everything", "everything paused"),
    (NeedKind.LIMITED, "riot europe match", "riot europe match limited"),
    (NeedKind.FOUND, "Slack workspace {0}", "Slack workspace {0} found"),
    (NeedKind.ALERT_CHANNEL_FOUND, "channel C9", "alert channel found"),
    (NeedKind.SPENT, "riot europe", "riot europe spent"),
    (NeedKind.ODD_LIMIT, "riot europe", "riot europe odd limit"),
    (NeedKind.PLAYER_UNLISTED, "3", "player 3 unlisted"),
    (NeedKind.PLAYER_MOVED, "3", "player 3 moved"),
    (NeedKind.SILENT, "stages", "stages silent"),
    (NeedKind.LISTS_UNASKED, "", "lists unasked"),
    (NeedKind.UNUSABLE, "deliver", "deliver unusable"),
    (NeedKind.UNWELL, "deliver", "deliver unwell"),
    (NeedKind.OUT_OF_TIME, "deliver", "deliver out of time"),
    (NeedKind.REQUESTS_UNREAD, "C1", "requests unread C1"),
    (NeedKind.MESSAGES_WAITING, "", "messages waiting"),
    (NeedKind.MATCHES_WAITING, "", "matches waiting"),
    (NeedKind.LISTS_WAITING, "", "lists waiting"),
    (NeedKind.HOST_WITHOUT_MATCHES, "europe", "host europe without matches"),
    (NeedKind.MATCHES_MISSING, "", "matches missing"),
    (NeedKind.MATCHES_GIVEN_UP, "", "matches given up"),
    (NeedKind.MESSAGES_FAILED, "C1", "messages failed C1"),
    (NeedKind.MESSAGES_UNCERTAIN, "", "messages uncertain"),
]


def test_key__never_changes() -> None:
    """Every kind has the key under which earlier versions stored it."""
    assert [Need(kind, subject, "").key for kind, subject, _ in KEYS] == [key for _, _, key in KEYS]
    assert [kind for kind, _, _ in KEYS] == list(NeedKind)


def test_alarming__all_but_three() -> None:
    """A person's own doing, what may clear up, and the alert channel itself raise no alert."""
    silent = [kind for kind in NeedKind if not Need(kind, "", "").alarming]
    assert silent == [NeedKind.PAUSED, NeedKind.ALERT_CHANNEL_FOUND, NeedKind.MESSAGES_UNCERTAIN]


# Holds, limits, findings


def test_hold__channel_without_players(db: Database) -> None:
    """A channel that nobody is tracked in needs nobody, neither by its hold nor by what check found."""
    hold(db, "channel C9", "broken")
    findings.replace(db, [], [Found("channel C9", scope_of("channel C9"), "archived", "", START)])
    assert keys(db) == []


@pytest.mark.parametrize("scope", ["riot kr", "riot kr match", "channel C1", "workspace default"])
def test_limit__lasts_over_an_hour(db: Database, scope: str) -> None:
    """A long limit needs a person, a short one nobody."""
    hold(db, scope, "limited", seconds=3660)
    assert keys_after(db, minutes=1) == []
    assert keys_after(db, seconds=59) == [f"{scope} limited"]


def test_limit__over_or_in_force(db: Database) -> None:
    """The last 429 of each scope stays on record when it is over."""
    hold(db, "riot europe", "limited", "429 application", 120)
    hold(db, "riot europe match", "limited", "429 method", 5)
    found = status(db, START + timedelta(seconds=60))
    assert found.needs == []
    assert [(str(each.scope), found.facts.in_force(each)) for each in found.facts.holds] == [
        ("riot europe", True),
        ("riot europe match", False),
    ]


def test_limit__long_window_exhausted(db: Database) -> None:
    """A long window that is spent is one need, unless a hold of the same scope says it or it is soon over."""
    call_log = CallLog(db)
    with db.transaction():
        call_log.put_windows("europe", "", [Window(120, 100), Window(86_400, 1)])
        call_log.put_windows("kr", "match", [Window(86_400, 100)])
        call_log.finish(call_log.reserve("europe", "match-ids", START), START)
    listings.record_page(db, 1, ["EUW1_2"], None, START)
    ticked(db, 119)
    assert keys(db, START + timedelta(hours=2)) == ["riot europe spent"]
    hold(db, "riot europe", "limited", seconds=86_400)
    assert keys(db, START + timedelta(hours=2)) == ["riot europe limited"]
    with db.transaction():
        holds.lift(db, scope_of("riot europe"), "limited")
    ticked(db, 23 * 60 + 29)
    assert keys(db, START + timedelta(hours=23, minutes=30)) == []


ALERTS = Scope(ScopeKind.ALERT_CHANNEL, "C9")


def test_finding__until_disproved(db: Database) -> None:
    """What check found is a need, unless a hold reports it or a later run proved the key."""
    found = [
        Found("channel C1", scope_of("channel C1"), "archived", "", START),
        Found("channel C9", ALERTS, "archived", "", START),
        Found("Riot key", scope_of("riot"), "403", "", START),
        Found("Slack workspace friends", scope_of("workspace friends"), "revoked", "", START),
    ]
    findings.replace(db, [], found)
    assert keys(db) == ["Riot key found", "Slack workspace friends found", "channel C1 found", "alert channel found"]
    hold(db, "channel C1", "broken")
    hold(db, "workspace FRIENDS", "rejected")
    ticked(db)
    assert keys_after(db, minutes=1) == ["channel C1 broken", "workspace FRIENDS rejected", "alert channel found"]


# Players


def test_player__problem(db: Database) -> None:
    """A player whose list cannot be had is one need, however many channels wait for it."""
    add_player(db, channel="C2")
    listings.record_problem(db, 1, "404", START)
    assert keys(db) == ["player 1 unlisted"]


@pytest.mark.parametrize("kind", [None, *ProblemKind])
def test_player__remedy_by_kind_not_words(db: Database, kind: ProblemKind | None) -> None:
    """The text of a problem may hold any name: only its kind decides what to do."""
    listings.record_problem(db, 1, "Riot knows no Goddess#EUW", START, kind)
    (need,) = status(db, START).needs
    by_itself = kind in (ProblemKind.ODD_MATCH_IDS, ProblemKind.ODD_PUUID)
    assert ("`lolslackbot untrack " in need.text) != by_itself


def test_player__moved(db: Database) -> None:
    """A player who plays elsewhere is a need until a game comes or Riot says otherwise."""
    add_player(db, channel="C2")
    players.record_region(db, 1, "na1", START)
    assert keys(db) == ["player 1 moved"]
    store_match(db, a_match("EUW1_1", ended_at=START + timedelta(minutes=1)))
    assert keys(db) == []
    players.record_region(db, 1, "na1", START + timedelta(minutes=2))
    assert keys(db) == ["player 1 moved"]
    players.record_region(db, 1, "euw1", START + timedelta(minutes=3))
    assert keys(db) == []


# Stages


def test_stage__silent(db: Database) -> None:
    """A stage that missed three ticks needs a person."""
    ran(db, "fetch-matches")
    ran(db, "build-messages")
    assert keys_after(db, minutes=8) == []
    ran(db, "build-messages", minutes=3)
    assert keys_after(db, minutes=9, seconds=7) == ["fetch-matches silent", "deliver silent"]


def test_stage__all_silent(db: Database) -> None:
    """Where no stage runs that is one need, unless one of them hangs."""
    ticked(db)
    runs.begin(db, "build-messages", START + timedelta(minutes=3))
    assert keys_after(db, minutes=12) == ["stages silent"]
    with run_lock(db.path, "build-messages"):
        assert keys_after(db, minutes=12) == [f"{stage} silent" for stage in STAGES]


def test_stage__cut_off_or_at_work(db: Database) -> None:
    """A run that was cut off is told from one at work, by its lock."""
    ran(db, "fetch-matches")
    for stage in ("build-messages", "deliver"):
        runs.begin(db, stage, START)
    with run_lock(db.path, "deliver"):
        shown = status(db, START + timedelta(minutes=2)).as_json()["runs"]
    assert [shown[stage]["state"] for stage in STAGES] == ["ended", "cut off", "at work"]
    assert [shown[stage]["ends"] for stage in STAGES] == [{"0": 1}, {"cut off": 1}, {}]


def test_stage__ends_are_counted(db: Database) -> None:
    """How the last twenty runs ended, the one at work left out."""
    for minutes, end in enumerate([Exit.OK] * 18 + [Exit.LATER] * 2 + [Exit.SOME_FAILED, Exit.REJECTED]):
        ran(db, "deliver", end, minutes=minutes)
    runs.begin(db, "deliver", START + timedelta(minutes=30))
    ran(db, "deliver", minutes=33)
    assert status(db, START).facts.stages["deliver"].ends == {"0": 15, "1": 1, "75": 2, "77": 1, "cut off": 1}


def test_stage__failing_for_an_hour(db: Database) -> None:
    """A stage that never ends well needs a person after an hour, unless a hold says why."""
    ticked(db)
    for stage in ("build-messages", "deliver"):
        ran(db, stage, minutes=60)
    ran(db, "fetch-matches", Exit.LATER, minutes=60)
    assert keys_after(db, minutes=62) == []
    ran(db, "fetch-matches", Exit.REJECTED, minutes=61)
    assert keys_after(db, minutes=62) == []  # its hold says why
    ran(db, "fetch-matches", Exit.LATER, minutes=61)
    assert keys_after(db, minutes=62) == ["fetch-matches unwell"]
    hold(db, "riot europe", "limited", seconds=3 * 86400)
    assert keys_after(db, minutes=62) == ["riot europe limited"]


def test_stage__failures_reported_by_message(db: Database, clock: FakeClock) -> None:
    """A deliver that fails only since messages fail is no other need."""
    ticked(db)
    for stage in STAGES:
        ran(db, stage, Exit.SOME_FAILED if stage == "deliver" else Exit.OK, minutes=61)
    assert keys_after(db, minutes=62) == ["deliver unwell"]
    claims.mark_failed(db, Claim(claimed(db, clock), "t"), "msg_too_long", START, broken=False)
    assert keys_after(db, minutes=62) == ["messages failed C1"]


def test_stage__unusable_with_backlog(db: Database, clock: FakeClock) -> None:
    """A stage that cannot work is one need with all that waits for it."""
    build(db, clock, "EUW1_1")
    ticked(db)
    ticked(db, 61)
    assert keys_after(db, minutes=62) == ["messages waiting"]
    ran(db, "deliver", Exit.UNUSABLE, minutes=61)
    assert keys_after(db, minutes=62) == ["deliver unusable"]


PRESSED = runs.Ending(out_of_time=True, left_over=28, max_seconds=1)


def ended(db: Database, stage: str, *endings: runs.Ending) -> None:
    """Ticks with such runs of a stage, the last at START."""
    for back, ending in zip(reversed(range(len(endings))), endings, strict=True):
        for each in STAGES:
            ran(db, each, minutes=-3 * back, ending=ending if each == stage else runs.WHOLE)


def leaving(*numbers: int | None) -> list[runs.Ending]:
    return [replace(PRESSED, left_over=number) for number in numbers]


@pytest.mark.parametrize(
    ("endings", "expected"),
    [
        (leaving(10, 14, 20, 28, 40), ["deliver out of time"]),
        ([PRESSED] * 4, []),  # too few to tell
        ([*[PRESSED] * 9, runs.WHOLE], []),  # that is over
        ([PRESSED, PRESSED, runs.WHOLE, runs.WHOLE, runs.WHOLE, PRESSED], []),  # not in most of them
        (leaving(40, 28, 20, 14, 10), []),  # it catches up
        (leaving(1, 1, 1, 1, 0), []),
        (leaving(None, None, None, None, None), []),
    ],
)
def test_stage__out_of_time(db: Database, endings: list[runs.Ending], expected: list[str]) -> None:
    """A stage that is mostly out of time while its backlog does not shrink needs a larger budget."""
    ended(db, "deliver", *endings)
    assert keys(db) == expected


def test_stage__out_of_time_explains_backlog(db: Database) -> None:
    """What waits for long is blamed on the time budget, where that is the cause."""
    listings.record_page(db, 1, ["EUW1_2"], None, START - timedelta(hours=2))
    listings.record_page(db, 1, [], None, START)
    ended(db, "fetch-matches", *leaving(3, 2, 2, 1, 1))
    assert keys(db) == ["fetch-matches out of time"]
    with db.transaction():
        db.write("UPDATE runs SET out_of_time = 0")
    assert keys(db) == ["matches waiting"]


# Lists


def test_lists__never_polled(db: Database) -> None:
    """The first three ticks after tracking began are granted."""
    untrack(db, 1)
    later = START + timedelta(days=9)
    add_player(db, 2, since=later)
    assert keys(db, later + timedelta(minutes=1)) == []
    assert keys(db, later + TICKS_MISSED) == ["lists unasked"]


def test_lists__unpolled(db: Database) -> None:
    """Lists that nobody polls need a person after three missed ticks; a run is no excuse, a limit is."""
    assert keys(db, START + TICKS_MISSED - timedelta(seconds=1)) == []
    assert keys(db, START + TICKS_MISSED) == ["lists unasked"]
    ticked(db, 8)
    assert keys(db, START + timedelta(minutes=9)) == ["lists unasked"]
    hold(db, "riot europe", "limited", seconds=600)
    assert keys(db, START + timedelta(minutes=9)) == []


def test_lists__stale_after_restore(db: Database) -> None:
    """The lists of a backup that was just restored are given three ticks."""
    restored_at = START + timedelta(hours=2)
    ticked(db, 119)
    with db.transaction():
        decisions.record(db, "restore", decisions.EVERYTHING, "-", restored_at)
    assert keys(db, restored_at + timedelta(minutes=1)) == []
    ticked(db, 128)
    assert "lists unasked" in keys(db, restored_at + TICKS_MISSED)


def test_lists__one_waits_while_others_are_polled(db: Database) -> None:
    """One stale list is a need of its own, counted from the last time its player was tracked."""
    second = add_player(db, 2)
    listings.record_page(db, second.player_id, [], None, START)
    assert keys_after(db, minutes=60) == []
    assert keys_after(db, minutes=61) == ["lists waiting"]
    untrack(db, second.player_id)
    add_player(db, 2, since=START + timedelta(minutes=30))
    assert keys_after(db, minutes=61) == []


# Matches and messages


def test_backlog__unless_explained(db: Database, clock: FakeClock) -> None:
    """What waits for over an hour needs a person, unless what holds it up is known."""
    build(db, clock, "EUW1_1")
    listings.record_page(db, 1, ["EUW1_2"], None, START)
    assert keys_after(db, minutes=59) == []
    assert keys_after(db, minutes=61) == ["messages waiting", "matches waiting"]
    hold(db, "riot europe", "limited", seconds=7200)
    assert keys_after(db, minutes=61) == ["messages waiting"]
    hold(db, "workspace default", "rejected")
    assert keys_after(db, minutes=61) == ["workspace default rejected"]


@pytest.mark.parametrize("scope", ["everything", "channel C1", "channel C2"])
def test_backlog__held_channel(db: Database, clock: FakeClock, scope: str) -> None:
    """Messages of a held channel are explained by its hold, others are not."""
    build(db, clock, "EUW1_1")
    hold(db, scope, "paused")
    assert ("messages waiting" in keys_after(db, minutes=61)) == (scope == "channel C2")


def test_waiting__counts(db: Database, clock: FakeClock) -> None:
    """Everything that waits is counted and needs nobody."""
    build(db, clock, "EUW1_1")
    store_match(db, a_match("EUW1_2"))
    listings.record_page(db, 1, ["EUW1_3", "EUW1_4", "EUW1_5"], None, START)
    matches.mark_missing(db, "EUW1_4", START, START + timedelta(minutes=10))
    matches.mark_missing(db, "EUW1_5", START, None)
    found = status(db, START)
    assert found.needs == []
    assert found.facts.waiting == {
        "matches wanted": 1,
        "matches missing, looked for again": 1,
        "matches to build": 1,
        "messages pending": 1,
        "messages uncertain": 0,
        "messages failed in a day": 0,
        "messages expired in a day": 0,
    }


def missing_for_want_of_the_host(db: Database, match_id: str) -> None:
    listings.record_page(db, 1, [match_id], None, START)
    for minutes in (0, 10, 60):
        matches.mark_missing(db, match_id, START + timedelta(minutes=minutes), START)


def missing(db: Database, match_id: str) -> None:
    matches.mark_missing(db, match_id, START, None)


def given_up(db: Database, match_id: str) -> None:
    matches.give_up(db, match_id, Reason("not a valid match: no info"), START)


@pytest.mark.parametrize(
    ("lose", "key"),
    [
        (missing, "matches missing"),
        (given_up, "matches given up"),
        (missing_for_want_of_the_host, "host europe without matches"),
    ],
)
def test_lost_matches__few_or_many(db: Database, lose: Callable[[Database, str], None], key: str) -> None:
    """A few lost matches are a note, five within a day need a person; those of yesterday nobody."""
    for number in range(1, LOST_ALERT_THRESHOLD + 1):
        assert (keys(db), len(status(db, START).notes)) == ([], number > 1)
        listings.record_page(db, 1, [f"EUW1_{number}"], None, START)
        lose(db, f"EUW1_{number}")
    assert (keys(db), status(db, START).notes) == ([key], [])
    if lose is missing_for_want_of_the_host:
        riot_hosts.record_match(db, "europe", START + timedelta(hours=2))
    listings.record_page(db, 1, [], None, START + DAY)
    assert keys(db, START + DAY) == []


def test_message__failed(db: Database, clock: FakeClock) -> None:
    """A failed message needs a person for a day, unless its channel is broken."""
    claims.mark_failed(db, Claim(claimed(db, clock), "t"), "msg_too_long", START, broken=False)
    assert keys(db) == ["messages failed C1"]
    assert status(db, START).facts.waiting["messages failed in a day"] == 1
    hold(db, "channel C1", "broken")
    assert keys(db) == ["channel C1 broken"]
    with db.transaction():
        holds.lift(db, scope_of("channel C1"), "broken")
    listings.record_page(db, 1, [], None, START + DAY)
    assert keys(db, START + DAY) == []


def test_message__in_doubt(db: Database, clock: FakeClock) -> None:
    """A message of unknown outcome needs a person while it is news, then it is a note."""
    message = claimed(db, clock)
    claims.mark_uncertain(db, Claim(message, "t"), "HTTP 503", START)
    in_doubt.record_lookup_error(db, message, LookupProblem.SCOPE_MISSING, "-", START)
    assert keys(db) == ["messages uncertain"]
    assert status(db, START).facts.waiting["messages uncertain"] == 1
    old = START - timedelta(minutes=10) + timedelta(hours=3)
    ticked(db, 170)
    listings.record_page(db, 1, [], None, old)
    assert keys(db, old, announce_within=timedelta(hours=3)) == ["messages uncertain"]
    found = status(db, old + timedelta(seconds=1), timedelta(hours=3))
    assert (found.needs, len(found.notes)) == ([], 1)


def test_message__in_doubt_once_its_process_is_gone(db: Database, clock: FakeClock) -> None:
    """A message that is being sent is in no doubt; when nobody sends it any more, it is."""
    claimed(db, clock)
    with run_lock(db.path, "deliver"):
        runs.begin(db, "deliver", START)
        assert keys(db) == []
    assert keys(db) == ["messages uncertain"]


def expired_at(db: Database, moment: datetime, match_id: str) -> None:
    with db.transaction():
        sql = "UPDATE messages SET settled_at = :at WHERE match_id = :match_id"
        db.write(sql, at=text_of(moment), match_id=match_id)


def test_message__expired(db: Database, clock: FakeClock) -> None:
    """What expired within a day is counted by reason, and needs nobody."""
    build(db, clock, *(f"EUW1_{number}" for number in range(1, 5)))
    with db.transaction():
        outbox.expire_untracked(db, "EUW1_4", "C1", START)
    outbox.expire(db, START, START)
    expired_at(db, START - timedelta(days=1, minutes=1), "EUW1_1")
    found = status(db, START)
    assert (found.needs, found.facts.waiting["messages expired in a day"]) == ([], 3)
    assert found.facts.expired == {"no longer news": 2, "untracked": 1}


# Disk, database, clock


def test_disk__nearly_full(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the minimum of free space the disk needs a person."""
    for free, expected in ((MIN_FREE_BYTES, []), (MIN_FREE_BYTES - 1, ["disk full"])):
        monkeypatch.setattr(facts, "free_bytes", lambda _, free=free: free)
        assert keys(db) == expected


def test_clock__runs_in_the_future(db: Database) -> None:
    """Runs more than a minute ahead of now tell of a clock that was ahead."""
    ticked(db, 2)
    ran(db, "build-messages")  # after the clock was set right
    assert keys_after(db, minutes=1) == []
    assert keys_after(db, seconds=59) == ["clock"]


def test_clock__differs_from_riots(db: Database) -> None:
    """A wrong clock is a need until a run finds it right; a run at work does not count."""
    ran(db, "fetch-matches", ending=runs.Ending(clock_ahead=-3600.4))
    with run_lock(db.path, "fetch-matches"):
        runs.begin(db, "fetch-matches", START)
        assert keys_after(db, minutes=1) == ["clock"]
    ran(db, "fetch-matches")
    assert keys_after(db, minutes=1) == []


# Notes and JSON


def test_notes__renames_and_restores(db: Database) -> None:
    """New names and restores are noted for a day."""
    with db.transaction():
        players.rename(db, players.poll_order(db)[0], RiotId("Bear", "EUW"), START)
        decisions.record(db, "restore", decisions.EVERYTHING, "-", START)
    found = status(db, START)
    assert (len(found.notes), found.as_json()["notes"]) == (2, found.notes)
    assert status(db, START + DAY).notes == []


def test_notes__player_far_behind(db: Database) -> None:
    """A player whose newest game is a week older than the newest of the others is noted."""
    for number, days in ((1, 7), (2, 6)):
        add_player(db, number)
        store_match(db, a_match(f"EUW1_{number}", number, ended_at=START - timedelta(days=days)))
    assert status(db, START).notes == []
    add_player(db, 3)
    store_match(db, a_match("EUW1_3", 3, ended_at=START))
    assert len(status(db, START).notes) == 1


def a_hold(scope: str, kind: str, reason: str, until: str | None) -> dict[str, Any]:
    shape = {"scope": scope, "kind": kind, "reason": reason, "since": SINCE, "until": until}
    return {**shape, "in_force": until is None}


def test_json__shape(db: Database) -> None:
    """The shape that docs/operations.md promises to programs."""
    hold(db, "everything", "paused", "by hand")
    hold(db, "riot europe", "limited", "429 application", 30)
    ran(db, "fetch-matches", Exit.LATER, "fetch-matches: 2 listed")
    runs.begin(db, "deliver", START)
    found = status(db, START + timedelta(seconds=60))
    assert json.loads(json.dumps(found.as_json())) == {
        "healthy": False,
        "database": str(db.path),
        "user": user_name(os.geteuid()),
        "needs": [need.text for need in found.needs],
        "notes": [],
        "waiting": found.facts.waiting,
        "freshness": {
            "last_listed_at": SINCE,
            "longest_unasked_since": SINCE,
            "wanted_since": None,
            "waiting_since": None,
            "last_post_at": None,
        },
        "runs": {
            "fetch-matches": {
                "state": "ended",
                "began_at": SINCE,
                "ended_at": "2026-11-23T12:00:07.000Z",
                "exit_status": 75,
                "summary": "fetch-matches: 2 listed",
                "ends": {"75": 1},
            },
            "build-messages": None,
            "deliver": {
                "state": "cut off",
                "began_at": SINCE,
                "ended_at": None,
                "exit_status": None,
                "summary": None,
                "ends": {"cut off": 1},
            },
        },
        "holds": [
            a_hold("everything", "paused", "by hand", None),
            a_hold("riot europe", "limited", "429 application", "2026-11-23T12:00:30.000Z"),
        ],
    }


def test_json__never_polled(db: Database) -> None:
    """Before the first poll all is well, and nothing is made up."""
    untrack(db, 1)
    add_player(db, 2, since=START)
    with db.transaction():
        db.write("UPDATE players SET listed_at = NULL")
    shown = status(db, START).as_json()
    assert (shown["healthy"], shown["freshness"]["last_listed_at"]) == (True, None)


def test_silent__a_share_that_hangs_while_others_go_on(db: Database) -> None:
    ticked(db, 60)
    whole = runs.begin(db, "fetch-matches", START)
    runs.begin_share(db, "fetch-matches", START, whole, Share(2, 3))
    ran(db, "fetch-matches", minutes=60)
    with shared_lock(db.path, "fetch-matches", 3), run_lock(db.path, "fetch-matches", Share(2, 3)):
        assert keys_after(db, minutes=61) == ["fetch-matches, share 2 of 3 silent"]
        (need,) = status(db, START + timedelta(minutes=61)).needs
        assert need.text == (
            "fetch-matches, share 2 of 3, began at 2026-11-23T12:00:00.000Z and has not ended: it hangs; "
            "end its process (run-… in the log)"
        )
    assert keys_after(db, minutes=61) == []  # it was cut off: the next run takes its share
