"""The alert channel: told once that something needs a person, once that it is well again, and never in doubt."""

import logging
from datetime import timedelta

import pytest
from fakes import FakeSlack
from support import START, FakeClock, add_player

from lolslackbot.admin.alerts import CALM, alert
from lolslackbot.slack.answers import Posted, Verdict
from lolslackbot.store import holds, listings
from lolslackbot.store.database import Database

CHANNEL = "CALERTS"


@pytest.fixture(autouse=True)
def _one_player_listed_now(db: Database) -> None:
    add_player(db)
    listed(db, START)


def listed(db: Database, now: object) -> None:
    listings.record_page(db, 1, [], None, now)  # type: ignore[arg-type]


def put(db: Database, scope: str, kind: str, reason: str = "it says so") -> None:
    with db.transaction():
        holds.put(db, scope, kind, reason, START, None)


def lift(db: Database, scope: str, kind: str) -> None:
    with db.transaction():
        holds.lift(db, scope, kind)


def told(db: Database, slack: FakeSlack, clock: FakeClock) -> list[str]:
    """The posts of one run of deliver, three minutes after the one before."""
    before = len(slack.requests)
    clock.advance(180)
    listed(db, clock.now())
    alert(db, lambda _: slack, CHANNEL, clock.now())  # type: ignore[arg-type,return-value]
    assert all((each.channel_id, each.workspace) == (CHANNEL, "default") for each in slack.requests)
    return [each.text for each in slack.requests[before:]]


def test_a_problem_is_told_once_and_its_end_once(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    assert told(db, slack, clock) == []
    put(db, "riot", "rejected", "403 Forbidden")
    assert told(db, slack, clock) == [
        "lolslackbot needs a person: riot is rejected since 2026-11-23T12:00:00.000Z: 403 Forbidden; "
        "put a new one into `env`, RIOT_API_KEY from developer.riotgames.com, then `lolslackbot check`"
    ]
    assert [told(db, slack, clock) for _ in range(20)] == [[]] * 20
    lift(db, "riot", "rejected")
    later = [each for _ in range(20) for each in told(db, slack, clock)]
    assert [each.partition(": ")[0] for each in later] == ["lolslackbot is well again, this is over"]


def test_several_at_once_are_one_post(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    put(db, "riot", "rejected")
    put(db, "channel C1", "broken", "<!channel> is_archived")
    (post,) = told(db, slack, clock)
    assert len(post.splitlines()) == 2
    assert "&lt;!channel&gt; is_archived" in post


def test_what_comes_and_goes_is_told_once(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    for _ in range(10):
        put(db, "channel C1", "broken")
        told(db, slack, clock)
        lift(db, "channel C1", "broken")
        told(db, slack, clock)
    assert len(slack.requests) == 1


def test_what_a_person_did_needs_nobody_to_be_told(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    put(db, "everything", "paused")
    assert told(db, slack, clock) == []


def test_one_that_is_lost_is_not_repeated(db: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    slack = FakeSlack()
    slack.outcomes[CHANNEL] = [Posted(Verdict.UNCERTAIN, error="time-out")]
    put(db, "riot", "rejected")
    with caplog.at_level(logging.ERROR):
        told(db, slack, clock)
    assert "may not have got this (time-out)" in caplog.text
    assert told(db, slack, clock) == []


def test_it_is_claimed_before_it_is_told(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    slack.outcomes[CHANNEL] = [KeyboardInterrupt()]
    put(db, "riot", "rejected")
    with pytest.raises(KeyboardInterrupt):
        told(db, slack, clock)
    assert told(db, slack, clock) == []


def test_a_clock_set_back_holds_no_end_up_for_ever(db: Database, clock: FakeClock) -> None:
    slack = FakeSlack()
    clock.advance(timedelta(days=30).total_seconds())
    put(db, "riot", "rejected")
    told(db, slack, clock)
    lift(db, "riot", "rejected")
    clock.advance(-timedelta(days=30).total_seconds())
    ends = [each for _ in range(CALM // timedelta(minutes=3) + 2) for each in told(db, slack, clock)]
    assert len(ends) == 1
