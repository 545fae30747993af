"""What status says: what waits, what is held back, and each thing that needs a person."""

import json
import os
from collections.abc import Callable
from datetime import timedelta

import pytest
from support import START, FakeClock, a_match, add_player, claim, ends_just_now, scope_of, store_match

from lolslackbot.clock import text_of
from lolslackbot.errors import Exit
from lolslackbot.files import user_name
from lolslackbot.health import facts
from lolslackbot.health.needs import PILE, TICKS_MISSED
from lolslackbot.health.status import status
from lolslackbot.model import LookupProblem, ProblemKind, RiotId, Window
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import decisions, holds, in_doubt, listings, matches, outbox, players, riot_hosts, runs
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.database import Database
from lolslackbot.store.locks import STAGES, run_lock
from lolslackbot.store.outbox import Claim
from lolslackbot.store.reasons import Reason

SINCE = "2026-11-23T12:00:00.000Z"


@pytest.fixture(autouse=True)
def _one_player_listed_now(db: Database) -> None:
    add_player(db)
    listings.record_page(db, 1, [], None, START)


def hold(db: Database, scope: str, kind: str, reason: str, seconds: float | None = None) -> None:
    with db.transaction():
        holds.put(
            db, scope_of(scope), kind, reason, START, None if seconds is None else START + timedelta(seconds=seconds)
        )


def claimed(db: Database, clock: FakeClock) -> outbox.Message:
    """The message of a fresh game, claimed."""
    store_match(db, a_match("EUW1_1"))
    build_messages(db, Run("build-messages", clock, 80), "")
    message = outbox.next_messages(db)[0].message
    assert claim(db, message, "t", START, START - timedelta(days=1))
    return message


def test_with_nothing_amiss_nothing_needs_a_person(db: Database) -> None:
    found = status(db, START)
    assert found.needs == []
    assert set(found.facts.waiting.values()) == {0}
    assert (found.facts.holds, found.facts.freshness.last_listed_at) == ([], START)


def test_a_user_without_a_name_is_told_by_number(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts.os, "geteuid", lambda: 4294967)
    assert status(db, START).facts.user == "user 4294967"


def test_without_any_player_there_is_nothing_to_be_stale(db: Database) -> None:
    with db.transaction():
        db.write("DELETE FROM tracks")
    assert status(db, START + timedelta(days=9)).needs == []


def test_a_run_that_ends_while_status_looks_is_not_taken_for_one_that_was_cut_off(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.begin(db, "deliver", START)
    monkeypatch.setattr(facts, "is_at_work", ends_just_now)
    found = status(db, START).facts.stages["deliver"]
    assert (found.at_work, found.cut_off) == (True, False)


@pytest.mark.parametrize(
    ("scope", "kind", "reason", "need"),
    [
        (
            "riot",
            "rejected",
            "403 Forbidden",
            f"riot is rejected since {SINCE}: 403 Forbidden; "
            "put a new one into `env`, RIOT_API_KEY from developer.riotgames.com, then `lolslackbot check`",
        ),
        (
            "workspace friends",
            "rejected",
            "token_revoked",
            f"workspace friends is rejected since {SINCE}: token_revoked; put a new one into `env`, "
            "SLACK_BOT_TOKEN_FRIENDS from the app's page, installed again, then `lolslackbot check`",
        ),
        (
            "channel C1",
            "broken",
            "is_archived",
            f"channel C1 is broken since {SINCE}: is_archived; "
            "mend the channel in Slack, then `lolslackbot retry --channel C1`",
        ),
        (
            "channel C1",
            "paused",
            "by hand",
            f"channel C1 is paused since {SINCE}: by hand; `lolslackbot resume --channel C1` goes on",
        ),
        (
            "everything",
            "paused",
            "by hand",
            f"everything is paused since {SINCE}: by hand; `lolslackbot resume` goes on",
        ),
    ],
)
def test_a_hold_that_no_time_lifts_needs_a_person_with_its_remedy(
    db: Database, scope: str, kind: str, reason: str, need: str
) -> None:
    hold(db, scope, kind, reason)
    found = status(db, START)
    assert found.needs == [need]
    assert found.facts.in_force(found.facts.holds[0])


def test_a_player_with_a_problem_needs_a_person(db: Database) -> None:
    listings.record_problem(db, 1, "Riot has no list: 404", START)
    assert status(db, START).needs == [
        "player Player 1#EUW: Riot has no list: 404; whoever has another name now: "
        '`lolslackbot untrack "Player 1#EUW"`, then `lolslackbot track "NAME#TAG" --channel C1`'
    ]
    add_player(db, channel="C2")  # one player in two channels is one problem
    listings.record_problem(db, 1, "2 match ids of odd form ('x')", START, ProblemKind.ODD_MATCH_IDS)
    assert status(db, START).needs == ["player Player 1#EUW: 2 match ids of odd form ('x'); the next run asks again"]


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        (None, "whoever has another name now: `lolslackbot untrack "),
        (ProblemKind.NO_LIST, "whoever has another name now: `lolslackbot untrack "),
        (ProblemKind.UNKNOWN_NAME, "whoever has another name now: `lolslackbot untrack "),
        (ProblemKind.NAME_TAKEN, "whoever has another name now: `lolslackbot untrack "),
        (ProblemKind.STILL_OTHER_KEY, "whoever has another name now: `lolslackbot untrack "),
        (ProblemKind.ODD_MATCH_IDS, "the next run asks again"),
        (ProblemKind.ODD_PUUID, "the name is asked for again once a day"),
    ],
)
def test_the_remedy_for_a_list_goes_by_the_kind_of_problem_and_not_by_its_words(
    db: Database, kind: ProblemKind | None, remedy: str
) -> None:
    listings.record_problem(db, 1, "Riot knows no Goddess#EUW", START, kind)
    (need,) = status(db, START).needs
    assert need.startswith(f"player Player 1#EUW: Riot knows no Goddess#EUW; {remedy}")


def test_a_player_who_moved_is_a_need_with_the_exact_command_until_a_game_comes_or_the_track_is_moved(
    db: Database,
) -> None:
    add_player(db, channel="C2")
    players.record_region(db, 1, "na1", START)
    need = (
        f"player Player 1#EUW is tracked on euw1, but plays on na1, as Riot said at {SINCE}: "
        '`lolslackbot track "Player 1#EUW" --channel C1 --platform na1`'
    )
    assert status(db, START).needs == [need]
    store_match(db, a_match("EUW1_1", ended_at=START + timedelta(minutes=1)))
    assert need not in status(db, START).needs
    players.record_region(db, 1, "na1", START + timedelta(minutes=2))
    assert len(status(db, START).problems) == 1
    players.record_region(db, 1, "euw1", START + timedelta(minutes=3))
    assert status(db, START).needs == []


def missing_for_want_of_the_host(db: Database, number: int) -> None:
    for each in range(1, number + 1):
        listings.record_page(db, 1, [f"EUW1_{each}"], None, START)
        for minutes in (0, 10, 60):
            matches.mark_missing(db, f"EUW1_{each}", START + timedelta(minutes=minutes), START)


def test_a_host_that_gives_no_match_is_told_and_needs_a_person_once_many_wait(db: Database) -> None:
    words = (
        f"europe gave no match since {SINCE} and answers 404: {{}} wait, one is asked for every half-hour, "
        "and all once one comes; `lolslackbot retry --missing` asks for all"
    )
    missing_for_want_of_the_host(db, PILE - 1)
    assert (status(db, START).needs, status(db, START).notes) == ([], [words.format(PILE - 1)])
    missing_for_want_of_the_host(db, PILE)
    assert (status(db, START).needs, status(db, START).notes) == ([words.format(PILE)], [])
    riot_hosts.answered(db, "europe", START + timedelta(hours=2))
    assert (status(db, START).needs, status(db, START).notes) == ([], [])


def test_whose_newest_game_is_much_older_than_the_others_is_noted_without_a_guess(db: Database) -> None:
    for number in (2, 3):
        add_player(db, number)
    store_match(db, a_match("EUW1_1", 1, ended_at=START - timedelta(days=7)))
    store_match(db, a_match("EUW1_2", 2, ended_at=START - timedelta(days=6)))
    assert status(db, START).notes == []
    store_match(db, a_match("EUW1_3", 3, ended_at=START))
    assert status(db, START).notes == [
        "the newest game that Riot listed for Player 1#EUW ended 2026-11-16T12:00:00.000Z; "
        f"the newest of the others' ended {SINCE}"
    ]


def test_lists_that_nobody_asks_for_need_a_person_after_three_missed_ticks(db: Database) -> None:
    assert status(db, START + TICKS_MISSED - timedelta(seconds=1)).needs == []
    assert status(db, START + TICKS_MISSED).needs == [
        f"Riot was not asked for any list since {SINCE}, and no run is on record; "
        "`lolslackbot -v fetch-matches` says why"
    ]


def test_a_list_never_asked_for_needs_a_person_some_minutes_after_tracking_began(db: Database) -> None:
    with db.transaction():
        db.write("UPDATE players SET listed_at = NULL")
        db.write("UPDATE tracks SET since = :now", now=SINCE)
    assert status(db, START).needs == []
    assert status(db, START + TICKS_MISSED).needs == [
        "no request for a list is on record, and no run is on record; `lolslackbot -v fetch-matches` says why"
    ]


def test_a_first_player_tracked_long_after_the_last_list_is_given_three_ticks(db: Database) -> None:
    with db.transaction():
        db.write("DELETE FROM tracks")
    later = START + timedelta(days=9)
    add_player(db, 2, since=later)
    assert status(db, later + timedelta(minutes=1)).needs == []
    assert len(status(db, later + TICKS_MISSED).needs) == 1


def test_a_message_of_unknown_outcome_needs_a_person(db: Database, clock: FakeClock) -> None:
    message = claimed(db, clock)
    outbox.mark_uncertain(db, Claim(message, "t"), "HTTP 503", START)
    found = status(db, START)
    assert found.needs == [
        "messages may or may not be in Slack: 1, first EUW1_1 in C1 (HTTP 503); "
        "`lolslackbot deliver` looks them up, in two runs at least"
    ]
    assert found.facts.waiting["messages uncertain"] == 1


def test_a_failed_message_needs_a_person_for_a_day(db: Database, clock: FakeClock) -> None:
    message = claimed(db, clock)
    outbox.mark_failed(db, Claim(message, "t"), "msg_too_long", START, broken=False)
    found = status(db, START)
    assert found.needs == [
        "messages failed in C1 within a day: 1, the last EUW1_1: msg_too_long; "
        "`lolslackbot retry --channel C1` tries again"
    ]
    assert found.facts.waiting["messages failed in a day"] == 1
    listings.record_page(db, 1, [], None, START + timedelta(days=1))
    assert status(db, START + timedelta(days=1)).needs == []


def test_a_message_that_cannot_be_looked_up_is_left_to_a_person(db: Database, clock: FakeClock) -> None:
    message = claimed(db, clock)
    outbox.mark_uncertain(db, Claim(message, "t"), "HTTP 503", START)
    error = "it may or may not be in Slack, and cannot be looked up: missing_scope"
    in_doubt.record_lookup_error(db, message, LookupProblem.SCOPE_MISSING, error, START)
    (need,) = status(db, START).needs
    assert need.endswith(
        "add channels:history and groups:history and install the app again, and `lolslackbot deliver` looks them up; "
        "or look into the channel: `lolslackbot retry --message EUW1_1 C1` sends it again; if it is there, "
        '`lolslackbot retry --message EUW1_1 C1 --found LINK` says so, with what Slack\'s "Copy link" gives'
    )


def test_a_message_whose_channel_the_bot_cannot_read_is_left_to_a_person_without_talk_of_scopes(
    db: Database, clock: FakeClock
) -> None:
    message = claimed(db, clock)
    outbox.mark_uncertain(db, Claim(message, "t"), "HTTP 503", START)
    in_doubt.record_lookup_error(
        db, message, LookupProblem.CHANNEL_CLOSED, "cannot be looked up: not_in_channel", START
    )
    (need,) = status(db, START).needs
    assert "; look into the channel: `lolslackbot retry --message EUW1_1 C1` sends it again; " in need
    assert "history" not in need


def test_a_message_in_doubt_that_is_no_news_any_more_is_a_note(db: Database, clock: FakeClock) -> None:
    message = claimed(db, clock)
    outbox.mark_uncertain(db, Claim(message, "t"), "HTTP 503", START)
    in_doubt.record_lookup_error(db, message, LookupProblem.SCOPE_MISSING, "cannot be looked up: missing_scope", START)
    ran(db, "deliver", Exit.OK)
    old = START - timedelta(minutes=10) + timedelta(hours=3)
    found = [need for need in status(db, old, timedelta(hours=3)).needs if "may or may not" in need]
    assert len(found) == 1
    found = status(db, old + timedelta(seconds=1), timedelta(hours=3))
    assert [need for need in found.needs if "may or may not" in need] == []
    assert found.notes == [
        "whether 1 old messages are in Slack was never found out, the last EUW1_1 in C1; they do not go out again"
    ]


def test_a_message_is_in_doubt_from_the_moment_at_which_nobody_sends_it_any_more(
    db: Database, clock: FakeClock
) -> None:
    claimed(db, clock)
    with run_lock(db.path, "deliver"):
        runs.begin(db, "deliver", START)
        assert status(db, START).needs == []
    (need,) = status(db, START).needs
    assert need.startswith("messages may or may not be in Slack: 1, first EUW1_1 in C1 (its run died); ")


def test_a_failed_message_in_a_broken_channel_is_told_by_the_channel(db: Database, clock: FakeClock) -> None:
    outbox.mark_failed(db, Claim(claimed(db, clock), "t"), "is_archived", START, broken=True)
    (need,) = status(db, START).needs
    assert need.startswith("channel C1 is broken")


def test_everything_that_waits_is_counted_and_needs_nobody(db: Database, clock: FakeClock) -> None:
    store_match(db, a_match("EUW1_1"))
    build_messages(db, Run("build-messages", clock, 80), "")
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


def test_the_last_429_of_each_scope_is_shown_also_when_it_is_over_and_needs_nobody(db: Database) -> None:
    hold(db, "riot europe", "limited", "429 application", 120)
    hold(db, "riot europe match", "limited", "429 method", 5)
    found = status(db, START + timedelta(seconds=60))
    assert found.needs == []
    assert [(str(each.scope), found.facts.in_force(each)) for each in found.facts.holds] == [
        ("riot europe", True),
        ("riot europe match", False),
    ]


def test_the_json_has_the_promised_shape(db: Database) -> None:
    hold(db, "everything", "paused", "by hand")
    hold(db, "riot europe", "limited", "429 application", 30)
    ran(db, "fetch-matches", Exit.LATER, "fetch-matches: 2 listed")
    runs.begin(db, "deliver", START)
    found = status(db, START + timedelta(seconds=60))
    assert json.loads(json.dumps(found.as_json())) == {
        "healthy": False,
        "database": str(db.path),
        "user": user_name(os.geteuid()),
        "needs": found.needs,
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
            {
                "scope": "everything",
                "kind": "paused",
                "reason": "by hand",
                "since": SINCE,
                "until": None,
                "in_force": True,
            },
            {
                "scope": "riot europe",
                "kind": "limited",
                "reason": "429 application",
                "since": SINCE,
                "until": "2026-11-23T12:00:30.000Z",
                "in_force": False,
            },
        ],
    }


def test_the_json_says_that_riot_was_never_asked(db: Database) -> None:
    with db.transaction():
        db.write("UPDATE players SET listed_at = NULL")
        db.write("UPDATE tracks SET since = :now", now=SINCE)
    shown = status(db, START).as_json()
    assert (shown["healthy"], shown["freshness"]["last_listed_at"]) == (True, None)


# Runs and queues


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


def needs_after(db: Database, **passed: float) -> list[str]:
    """What status says after some time, in which Riot was asked for lists all along."""
    now = START + timedelta(**passed)
    listings.record_page(db, 1, [], None, now)
    return status(db, now).needs


def test_a_stage_that_has_not_run_for_three_ticks_needs_a_person(db: Database) -> None:
    for stage in ("fetch-matches", "build-messages"):
        ran(db, stage)
    assert needs_after(db, minutes=8) == []
    remedy = "`crontab -l` and `lolslackbot check` say why; by hand: `lolslackbot {0}`"
    ran(db, "build-messages", minutes=3)
    assert needs_after(db, minutes=9, seconds=7) == [
        "fetch-matches did not run since 2026-11-23T12:00:07.000Z; " + remedy.format("fetch-matches"),
        "deliver never ran; " + remedy.format("deliver"),
    ]


def test_where_no_stage_runs_that_is_one_problem(db: Database) -> None:
    for minutes, stage in enumerate(STAGES):
        ran(db, stage, minutes=minutes)
    runs.begin(db, "build-messages", START + timedelta(minutes=3))
    assert needs_after(db, minutes=12) == [
        "no stage ran since 2026-11-23T12:03:00.000Z, build-messages was cut off (killed, or it could not write); "
        "`crontab -l` and `lolslackbot check` say why; by hand: `lolslackbot fetch-matches`, "
        "`lolslackbot build-messages`, `lolslackbot deliver`"
    ]


def test_a_run_that_was_cut_off_is_told_from_one_at_work(db: Database) -> None:
    ran(db, "fetch-matches", minutes=9)
    for stage in ("build-messages", "deliver"):
        runs.begin(db, stage, START)
    with run_lock(db.path, "deliver"):
        shown = status(db, START + timedelta(minutes=2)).as_json()["runs"]
        assert [shown[stage]["state"] for stage in STAGES] == ["ended", "cut off", "at work"]
        assert [shown[stage]["ends"] for stage in STAGES] == [{"0": 1}, {"cut off": 1}, {}]
        assert needs_after(db, minutes=9) == [
            f"build-messages was cut off (killed, or it could not write) and did not run since {SINCE}; "
            "`crontab -l` and `lolslackbot check` say why; by hand: `lolslackbot build-messages`",
            f"deliver began at {SINCE} and has not ended: it hangs; end its process, which the log names (run-…), "
            "then `lolslackbot deliver`",
        ]


def test_the_ends_of_the_last_runs_are_counted(db: Database) -> None:
    for minutes, end in enumerate([Exit.OK] * 18 + [Exit.LATER] * 2 + [Exit.SOME_FAILED, Exit.REJECTED]):
        ran(db, "deliver", end, minutes=minutes)
    runs.begin(db, "deliver", START + timedelta(minutes=30))
    ran(db, "deliver", minutes=33)
    ends = status(db, START).facts.stages["deliver"].ends
    assert ends == {"0": 15, "1": 1, "75": 2, "77": 1, "cut off": 1}


def test_runs_that_are_still_to_come_tell_of_a_clock_that_was_ahead(db: Database) -> None:
    for stage in STAGES:
        ran(db, stage, minutes=2)
    ran(db, "build-messages")  # after the clock was set right
    assert needs_after(db, minutes=1) == []
    assert needs_after(db, seconds=59) == [
        "by this clock the last runs of fetch-matches, deliver are still to come: it was ahead then, or is behind now; "
        "`lolslackbot check` compares it with the servers'"
    ]


def test_a_clock_that_differs_from_riots_is_told_until_a_run_finds_it_right(db: Database) -> None:
    ran(db, "fetch-matches", ending=runs.Ending(clock_ahead=-3600.4))
    with run_lock(db.path, "fetch-matches"):
        runs.begin(db, "fetch-matches", START)
        assert needs_after(db, minutes=1) == [
            "this clock is 1:00:00 behind Riot's, says fetch-matches: set it (`timedatectl set-ntp true`), "
            "then `lolslackbot check`"
        ]
    ran(db, "fetch-matches", Exit.OK, "fetch-matches: 1 listed")
    assert needs_after(db, minutes=1) == []


def test_a_stage_that_runs_but_to_no_good_end_needs_a_person_after_an_hour(db: Database) -> None:
    ran(db, "fetch-matches")
    for stage in ("build-messages", "deliver"):
        ran(db, stage, minutes=60)
    ran(db, "fetch-matches", Exit.LATER, "fetch-matches: 1 put off; in trouble: europe", minutes=60)
    assert needs_after(db, minutes=62) == []
    ran(db, "fetch-matches", Exit.REJECTED, minutes=61)
    assert needs_after(db, minutes=62) == []  # its hold says why
    ran(db, "fetch-matches", Exit.LATER, "fetch-matches: 1 put off; in trouble: europe", minutes=61)
    assert needs_after(db, minutes=62) == [
        "fetch-matches came to no good end since 2026-11-23T12:00:07.000Z; the last one: exit 75, fetch-matches: 1 "
        "put off; in trouble: europe; `lolslackbot check` tries what it needs"
    ]
    hold(db, "riot europe", "limited", "429 application", 3 * 86400)
    (need,) = needs_after(db, minutes=62)  # that says why
    assert need.startswith("riot europe is held back until 2026-11-24T12:00:00.000Z: 429 application; ")


@pytest.mark.parametrize(
    ("scope", "stage", "option"),
    [
        ("riot kr", "fetch-matches", "--host kr"),
        ("riot kr match", "fetch-matches", "--host kr"),
        ("channel C1", "deliver", "--channel C1"),
        ("workspace default", "deliver", "--channel C"),
    ],
)
def test_a_limit_that_lasts_needs_a_person_and_a_short_one_nobody(
    db: Database, scope: str, stage: str, option: str
) -> None:
    hold(db, scope, "limited", "429", 3660)
    assert needs_after(db, minutes=1) == []
    assert needs_after(db, seconds=59) == [
        f"{scope} is held back until 2026-11-23T13:01:00.000Z: 429; `lolslackbot {stage}` goes on then, "
        f"`lolslackbot retry {option}` tries it now; if it comes again, something else uses up the allowance"
    ]


def test_a_limit_that_cannot_be_is_told_and_the_usual_ones_are_not(db: Database) -> None:
    with db.transaction():
        CallLog(db).put_windows("europe", "", [Window(120, 100), Window(99_999_999, 1)])
        CallLog(db).put_windows("kr", "match", [Window(86_400, 100)])
    assert status(db, START).problems["riot europe odd limit"] == (
        "Riot states a limit that is not kept: 1 calls in 99999999 s to europe; `lolslackbot check` tries whether it "
        "answers, `lolslackbot retry --host europe` forgets the limit"
    )
    assert "riot kr match odd limit" not in status(db, START).problems


def test_a_long_limit_that_is_spent_is_one_need_that_names_the_host(db: Database) -> None:
    ledger = CallLog(db)
    with db.transaction():
        ledger.put_windows("europe", "", [Window(120, 100), Window(86_400, 1)])
        ledger.finish(ledger.reserve("europe", "match-ids", START), START)
    listings.record_page(db, 1, ["EUW1_2"], None, START)
    for stage in STAGES:
        ran(db, stage, minutes=119)
    ran(
        db,
        "fetch-matches",
        summary="fetch-matches: nothing to do; rate limit 1/86400 s exhausted for europe",
        minutes=119,
    )
    assert status(db, START + timedelta(hours=2)).needs == [
        "rate limit 1/86400 s exhausted for europe until 2026-11-24T12:00:00.500Z: `lolslackbot fetch-matches` goes on "
        "then, `lolslackbot retry --host europe` tries it now"
    ]
    hold(db, "riot europe", "limited", "429", 86_400)
    (need,) = status(db, START + timedelta(hours=2)).needs
    assert need.startswith("riot europe is held back until 2026-11-24T12:00:00.000Z: 429; ")
    with db.transaction():
        holds.lift(db, scope_of("riot europe"), "limited")
    for stage in STAGES:
        ran(db, stage, minutes=23 * 60 + 29)
    assert status(db, START + timedelta(hours=23, minutes=30)).needs == []


def test_after_a_restore_the_lists_of_the_backup_are_not_stale_at_once(db: Database) -> None:
    restored_at = START + timedelta(hours=2)
    for stage in STAGES:
        ran(db, stage, minutes=119)
    with db.transaction():
        decisions.record(db, "restore", decisions.EVERYTHING, "messages in doubt: 0", restored_at)
    assert status(db, restored_at + timedelta(minutes=1)).needs == []
    ran(db, "fetch-matches", minutes=128)
    (need,) = (each for each in status(db, restored_at + TICKS_MISSED).needs if each.startswith("Riot"))
    assert need.startswith(f"Riot was not asked for any list since {SINCE}, though fetch-matches ran")


def test_a_stage_that_comes_to_no_good_end_is_one_need_with_what_waits_for_it(db: Database, clock: FakeClock) -> None:
    store_match(db, a_match("EUW1_1"))
    build_messages(db, Run("build-messages", clock, 80), "")
    for stage in STAGES:
        ran(db, stage)
        ran(db, stage, minutes=61)
    ran(db, "deliver", Exit.UNUSABLE, "deliver: SLACK_BOT_TOKEN is not set", minutes=61)
    assert [need.partition(":")[0] for need in needs_after(db, minutes=62)] == ["deliver cannot work"]


def test_failures_that_are_told_are_no_other_need_of_the_stage(db: Database, clock: FakeClock) -> None:
    for stage in STAGES:
        ran(db, stage)
        ran(db, stage, Exit.SOME_FAILED if stage == "deliver" else Exit.OK, f"{stage}: 1 failed", minutes=61)
    (need,) = needs_after(db, minutes=62)
    assert need.startswith("deliver came to no good end since")
    outbox.mark_failed(db, Claim(claimed(db, clock), "t"), "msg_too_long", START, broken=False)
    (need,) = needs_after(db, minutes=62)
    assert need.startswith("messages failed in C1 within a day: 1")


def test_lists_that_are_not_asked_for_although_fetch_matches_runs(db: Database) -> None:
    ran(db, "build-messages", minutes=8)
    ran(db, "deliver", minutes=8)
    ran(db, "fetch-matches", Exit.LATER, "fetch-matches: nothing to do; 429", minutes=8)
    later = START + timedelta(minutes=9)
    assert status(db, later).needs == [
        f"Riot was not asked for any list since {SINCE}, though fetch-matches ran: fetch-matches: nothing to do; 429; "
        "`lolslackbot -v fetch-matches` says why"
    ]
    hold(db, "riot europe", "limited", "429 application", 600)
    assert status(db, later).needs == []


def test_a_stage_that_cannot_work_needs_a_person(db: Database) -> None:
    ran(db, "deliver", Exit.UNUSABLE, "deliver: nothing to do; there is no SLACK_BOT_TOKEN")
    assert needs_after(db, minutes=1) == [
        "deliver cannot work: deliver: nothing to do; there is no SLACK_BOT_TOKEN; mend that, "
        "then `lolslackbot deliver`"
    ]


def test_a_queue_that_only_grows_needs_a_person_unless_what_holds_it_is_known(db: Database, clock: FakeClock) -> None:
    store_match(db, a_match("EUW1_1"))
    build_messages(db, Run("build-messages", clock, 80), "")
    listings.record_page(db, 1, ["EUW1_2"], None, START)
    assert needs_after(db, minutes=59) == []
    late = needs_after(db, minutes=61)
    assert [need.partition(": ")[0] for need in late] == [
        f"messages wait since {SINCE}",
        f"matches wait to be asked for since {SINCE}",
    ]
    hold(db, "riot europe", "limited", "429 application", 7200)
    assert needs_after(db, minutes=61) == late[:1]
    hold(db, "workspace default", "rejected", "token_revoked")
    assert [need[:17] for need in needs_after(db, minutes=61)] == ["workspace default"]


@pytest.mark.parametrize("scope", ["everything", "channel C1", "channel C2"])
def test_messages_that_wait_in_a_channel_that_is_held_are_told_by_that(
    db: Database, clock: FakeClock, scope: str
) -> None:
    store_match(db, a_match("EUW1_1"))
    build_messages(db, Run("build-messages", clock, 80), "")
    hold(db, scope, "paused", "by hand")
    assert any(need.startswith("messages wait") for need in needs_after(db, minutes=61)) == (scope == "channel C2")


def test_a_list_that_waits_for_long_while_others_are_asked_for_needs_a_person(db: Database) -> None:
    listings.record_page(db, add_player(db, 2).player_id, [], None, START)
    assert needs_after(db, minutes=60) == []
    assert needs_after(db, minutes=61) == [
        f"a list waits to be asked for since {SINCE}: `lolslackbot -v fetch-matches` says why; if the limits are spent "
        "each time, the key serves fewer players"
    ]
    with db.transaction():
        db.write("UPDATE tracks SET since = '2026-11-23T12:30:00.000Z' WHERE player_id = 2")  # tracked again
    assert needs_after(db, minutes=61) == []


# The house


def test_a_disk_that_is_as_good_as_full_needs_a_person(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "free_bytes", lambda _: 100 * 2**20)
    assert status(db, START).needs == []
    monkeypatch.setattr(facts, "free_bytes", lambda _: 100 * 2**20 - 1)
    assert status(db, START).needs == [
        f"only 99 MiB are free on the disk of {db.path.parent}: make room; `lolslackbot prune --older-than 90` forgets "
        "old games"
    ]


def test_a_database_that_is_locked_needs_a_person(db: Database) -> None:
    db.locked = True
    (need,) = status(db, START).needs
    assert need.startswith("the database is locked by another program: close it (a forgotten sqlite3 shell?)")


# What came to nothing, and what is good to know

LOST = [
    (
        lambda db, match_id: matches.mark_missing(db, match_id, START, None),
        "matches missing within a day: {0}, such as EUW1_{0}: Riot answers 404; `lolslackbot retry --missing` asks "
        "again",
    ),
    (
        lambda db, match_id: matches.give_up(db, match_id, Reason("not a valid match: no info"), START),
        "matches given up within a day: {0}, such as EUW1_{0}: not a valid match: no info; "
        "`lolslackbot retry --match EUW1_{0}` asks again",
    ),
]


@pytest.mark.parametrize(("lose", "told"), LOST)
def test_a_few_matches_that_came_to_nothing_are_noted_and_a_pile_needs_a_person(
    db: Database, lose: Callable[[Database, str], None], told: str
) -> None:
    for number in range(1, PILE + 1):
        assert status(db, START).needs == []
        assert status(db, START).notes == ([told.format(number - 1)] if number > 1 else [])
        listings.record_page(db, 1, [f"EUW1_{number}"], None, START)
        lose(db, f"EUW1_{number}")
    assert (status(db, START).needs, status(db, START).notes) == ([told.format(PILE)], [])
    listings.record_page(db, 1, [], None, START + timedelta(days=1))
    assert status(db, START + timedelta(days=1)).needs == []


def test_new_names_and_restores_of_the_last_day_are_noted(db: Database) -> None:
    with db.transaction():
        players.rename(db, players.poll_order(db)[0], RiotId("Bear", "EUW"), START)
        decisions.record(db, "restore", decisions.EVERYTHING, "messages in doubt: 2", START)
    found = status(db, START)
    assert found.notes == [
        f"Player 1#EUW is called Bear#EUW since {SINCE}",
        f"a backup was put back at {SINCE}: what ended before is looked up before it goes out",
    ]
    assert found.as_json()["notes"] == found.notes
    assert status(db, START + timedelta(days=1)).notes == []


# Time budgets


PRESSED = runs.Ending(out_of_time=True, left_over=28, max_seconds=1)


def several(db: Database, stage: str, *endings: runs.Ending) -> None:
    """Ticks with such runs of a stage, the last at START."""
    for back, ending in zip(reversed(range(len(endings))), endings, strict=True):
        for each in STAGES:
            ran(db, each, minutes=-3 * back, ending=ending if each == stage else runs.WHOLE)


def test_a_stage_that_is_always_out_of_time_while_its_queue_grows_names_the_setting_and_its_value(db: Database) -> None:
    several(db, "deliver", *(PRESSED._replace(left_over=number) for number in (10, 14, 20, 28, 40)))
    assert status(db, START).needs == [
        "deliver ran out of time in 5 of its last 5 runs, the last one with 40 items left over: "
        "LOLSLACKBOT_MAX_SECONDS is 1; raise it (a tick has 180 seconds), then `lolslackbot deliver`"
    ]


@pytest.mark.parametrize(
    "endings",
    [
        [PRESSED] * 4,  # too few to tell
        [*[PRESSED] * 9, runs.WHOLE],  # that is over
        [PRESSED, PRESSED, runs.WHOLE, runs.WHOLE, runs.WHOLE, PRESSED],  # not in most of them
        [PRESSED._replace(left_over=number) for number in (40, 28, 20, 14, 10)],  # it catches up
        [PRESSED._replace(left_over=number) for number in (1, 1, 1, 1, 0)],
        [PRESSED._replace(left_over=None)] * 5,
    ],
)
def test_a_stage_that_catches_up_needs_nobody(db: Database, endings: list[runs.Ending]) -> None:
    several(db, "deliver", *endings)
    assert status(db, START).needs == []


def test_what_waits_for_long_is_blamed_on_the_time_budget_and_not_on_the_key(db: Database) -> None:
    listings.record_page(db, 1, ["EUW1_2"], None, START - timedelta(hours=2))
    listings.record_page(db, 1, [], None, START)
    several(db, "fetch-matches", *[PRESSED._replace(left_over=number) for number in (3, 2, 2, 1, 1)])
    (need,) = status(db, START).needs
    assert need.startswith("fetch-matches ran out of time in 5 of its last 5 runs")
    with db.transaction():
        db.write("UPDATE runs SET out_of_time = 0")
    (need,) = status(db, START).needs
    assert "the key serves fewer players" in need


# What expired


def expired_at(db: Database, moment: timedelta, *match_ids: str) -> None:
    with db.transaction():
        for match_id in match_ids:
            db.write(
                "UPDATE messages SET settled_at = :at WHERE match_id = :match_id",
                at=text_of(START + moment),
                match_id=match_id,
            )


def test_what_expired_within_a_day_is_counted_with_its_reasons_and_needs_nobody(db: Database, clock: FakeClock) -> None:
    for number in range(1, 5):
        store_match(db, a_match(f"EUW1_{number}"))
    build_messages(db, Run("build-messages", clock, 80), "")
    with db.transaction():
        outbox.expire_untracked(db, "EUW1_4", "C1", START)
    outbox.expire(db, START, START)
    expired_at(db, -timedelta(days=1, minutes=1), "EUW1_1")
    found = status(db, START)
    assert (found.needs, found.facts.waiting["messages expired in a day"]) == ([], 3)
    assert found.notes == ["messages that expired within a day, unannounced: 3 (2 no longer news, 1 untracked)"]
