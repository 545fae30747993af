"""What status says: what waits, what is held back, and each thing that needs a person."""

import json
from datetime import timedelta

import pytest
from support import START, FakeClock, a_match, add_player, store_match

from lolslackbot.admin.status import TICKS_MISSED, status
from lolslackbot.errors import Exit
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import holds, listings, matches, messages, runs
from lolslackbot.store.database import Database

SINCE = "2026-11-23T12:00:00.000Z"


@pytest.fixture(autouse=True)
def _one_player_listed_now(db: Database) -> None:
    add_player(db)
    listings.record_page(db, 1, [], None, START)


def hold(db: Database, scope: str, kind: str, reason: str, seconds: float | None = None) -> None:
    with db.transaction():
        holds.put(db, scope, kind, reason, START, None if seconds is None else START + timedelta(seconds=seconds))


def claimed(db: Database, clock: FakeClock) -> messages.Message:
    """The message of a fresh game, claimed."""
    store_match(db, a_match("EUW1_1"))
    build_messages(db, Run("build-messages", clock, 80), "")
    message = messages.queues(db)[0].message
    assert messages.claim(db, message, "t", START - timedelta(days=1), START)
    return message


def test_with_nothing_amiss_nothing_needs_a_person(db: Database) -> None:
    found = status(db, START)
    assert found.needs == []
    assert set(found.waiting.values()) == {0}
    assert (found.holds, found.freshness.last_listed_at) == ([], START)


def test_without_any_player_there_is_nothing_to_be_stale(db: Database) -> None:
    with db.transaction():
        db.write("DELETE FROM tracks")
    assert status(db, START + timedelta(days=9)).needs == []


@pytest.mark.parametrize(
    ("scope", "kind", "reason", "need"),
    [
        (
            "riot",
            "rejected",
            "403 Forbidden",
            f"riot is rejected since {SINCE}: 403 Forbidden; renew the key or token; the next run tries it",
        ),
        (
            "workspace friends",
            "rejected",
            "token_revoked",
            f"workspace friends is rejected since {SINCE}: token_revoked; "
            "renew the key or token; the next run tries it",
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
    assert found.in_force(found.holds[0])


def test_a_player_with_a_problem_needs_a_person(db: Database) -> None:
    listings.record_problem(db, 1, "Riot has no list: 404", START)
    assert status(db, START).needs == ["player Player 1#EUW: Riot has no list: 404"]


def test_lists_that_nobody_asks_for_need_a_person_after_three_missed_ticks(db: Database) -> None:
    assert status(db, START + TICKS_MISSED - timedelta(seconds=1)).needs == []
    assert status(db, START + TICKS_MISSED).needs == [
        f"Riot was not asked for any list since {SINCE}: does cron run fetch-matches, and what does it say?"
    ]


def test_a_list_never_asked_for_needs_a_person_some_minutes_after_tracking_began(db: Database) -> None:
    with db.transaction():
        db.write("UPDATE players SET listed_at = NULL")
        db.write("UPDATE tracks SET since = :now", now=SINCE)
    assert status(db, START).needs == []
    assert status(db, START + TICKS_MISSED).needs == [
        "Riot was not asked for any list ever: does cron run fetch-matches, and what does it say?"
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
    messages.mark_uncertain(db, message, "t", "HTTP 503", START)
    found = status(db, START)
    assert found.needs == ["1 messages may or may not be in Slack: look into the channels"]
    assert found.waiting["messages uncertain"] == 1


def test_a_failed_message_needs_a_person_for_a_day(db: Database, clock: FakeClock) -> None:
    message = claimed(db, clock)
    messages.mark_failed(db, message, "t", "msg_too_long", START, broken=False)
    found = status(db, START)
    assert found.needs == ["1 messages failed within a day: the log says why"]
    assert found.waiting["messages failed in a day"] == 1
    listings.record_page(db, 1, [], None, START + timedelta(days=1))
    assert status(db, START + timedelta(days=1)).needs == []


def test_everything_that_waits_is_counted_and_needs_nobody(db: Database, clock: FakeClock) -> None:
    store_match(db, a_match("EUW1_1"))
    build_messages(db, Run("build-messages", clock, 80), "")
    store_match(db, a_match("EUW1_2"))
    listings.record_page(db, 1, ["EUW1_3", "EUW1_4", "EUW1_5"], None, START)
    matches.mark_missing(db, "EUW1_4", START, START + timedelta(minutes=10))
    matches.mark_missing(db, "EUW1_5", START, None)
    found = status(db, START)
    assert found.needs == []
    assert found.waiting == {
        "matches wanted": 1,
        "matches missing, looked for again": 1,
        "matches to build": 1,
        "messages pending": 1,
        "messages uncertain": 0,
        "messages failed in a day": 0,
    }


def test_the_last_429_of_each_scope_is_shown_also_when_it_is_over_and_needs_nobody(db: Database) -> None:
    hold(db, "riot europe", "limited", "429 application", 120)
    hold(db, "riot europe match", "limited", "429 method", 5)
    found = status(db, START + timedelta(seconds=60))
    assert found.needs == []
    assert [(each.scope, found.in_force(each)) for each in found.holds] == [
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
        "needs": found.needs,
        "waiting": found.waiting,
        "freshness": {
            "last_listed_at": SINCE,
            "longest_unasked_since": SINCE,
            "wanted_since": None,
            "waiting_since": None,
            "last_post_at": None,
        },
        "runs": {
            "fetch-matches": {
                "began_at": SINCE,
                "ended_at": "2026-11-23T12:00:07.000Z",
                "exit_status": 75,
                "summary": "fetch-matches: 2 listed",
            },
            "build-messages": None,
            "deliver": {"began_at": SINCE, "ended_at": None, "exit_status": None, "summary": None},
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


def ran(db: Database, stage: str, status: Exit = Exit.OK, summary: str = "") -> None:
    """A run that began at START and took seven seconds."""
    runs.end(db, runs.begin(db, stage, START), START + timedelta(seconds=7), int(status), summary)


def needs_after(db: Database, **passed: float) -> list[str]:
    """What status says after some time, in which Riot was asked for lists all along."""
    now = START + timedelta(**passed)
    listings.record_page(db, 1, [], None, now)
    return status(db, now).needs


def test_a_stage_that_has_not_run_for_three_ticks_needs_a_person(db: Database) -> None:
    for stage in ("fetch-matches", "build-messages"):
        ran(db, stage)
    assert needs_after(db, minutes=8) == []
    remedy = "see `crontab -l`, then run `lolslackbot {0}` by hand"
    assert needs_after(db, minutes=9) == [
        f"fetch-matches did not run since {SINCE}; " + remedy.format("fetch-matches"),
        f"build-messages did not run since {SINCE}; " + remedy.format("build-messages"),
        "deliver never ran; " + remedy.format("deliver"),
    ]


def test_a_run_that_was_killed_is_told_from_one_at_work(db: Database) -> None:
    for stage in ("fetch-matches", "build-messages", "deliver"):
        runs.begin(db, stage, START)
    assert needs_after(db, minutes=2) == []
    assert needs_after(db, minutes=9)[0].startswith(
        f"fetch-matches began at {SINCE} and never ended: it was killed, or hangs"
    )


def test_a_stage_that_cannot_work_needs_a_person(db: Database) -> None:
    ran(db, "deliver", Exit.UNUSABLE, "deliver: nothing to do; there is no SLACK_BOT_TOKEN")
    assert needs_after(db, minutes=1) == ["deliver cannot work: deliver: nothing to do; there is no SLACK_BOT_TOKEN"]


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
    assert needs_after(db, minutes=61) == []
