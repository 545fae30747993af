"""What prune forgets, what it keeps, and that nothing can be announced again by it."""

from datetime import datetime, timedelta

import pytest
from support import START, FakeClock, a_match, add_player, store_match

from lolslackbot.admin.prune import prune
from lolslackbot.admin.retry import retry_channel, retry_matches, retry_message
from lolslackbot.errors import NotFound, NotNow, Unusable
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import decisions, listings, messages
from lolslackbot.store.database import Database
from lolslackbot.store.locks import STAGES, run_lock

WITHIN = timedelta(hours=12)
LATER = START + timedelta(days=40)
STATES = ("pending", "delivered", "failed", "uncertain", "expired")


def built(db: Database, clock: FakeClock, state: str, ended_at: datetime = START) -> str:
    """A game whose message in C1 is in that state."""
    match_id = f"EUW1_{len(db.rows('SELECT 1 FROM matches')) + 1}"
    store_match(db, a_match(match_id, ended_at=ended_at), body=b"{}" * 3000)
    build_messages(db, Run("build-messages", clock, 80), "")
    message, _ = messages.find(db, match_id, "C1") or pytest.fail("not built")
    assert messages.claim(db, message, "t", START - timedelta(days=1), START)
    if state == "delivered":
        messages.mark_delivered(db, message, "t", "1700.5", START)
    elif state == "failed":
        messages.mark_failed(db, message, "t", "msg_too_long", START, broken=False)
    elif state == "uncertain":
        messages.mark_uncertain(db, message, "t", "time-out", START)
    else:
        with db.transaction():
            messages.put_back(db, message, "t", "ratelimited", START)
        if state == "expired":
            messages.expire(db, START + timedelta(seconds=1), START)
    return match_id


def pruned(db: Database, days: int = 30, now: datetime = LATER) -> str:
    return prune(db.path, days, WITHIN, now)


def left(db: Database, match_id: str) -> tuple[bool, bool, str]:
    """Whether the body and the text are still there, and the message's state."""
    row = db.row("SELECT * FROM matches JOIN messages USING (match_id) WHERE match_id = :id", id=match_id)
    assert row
    state = messages.find(db, match_id, "C1")
    assert state
    return row["body"] is not None, row["text"] != "", state[1]


@pytest.fixture(autouse=True)
def _player(db: Database) -> None:
    add_player(db)


@pytest.mark.parametrize("state", STATES)
def test_what_came_to_its_end_is_forgotten_and_what_still_waits_is_not(
    db: Database, clock: FakeClock, state: str
) -> None:
    match_id = built(db, clock, state)
    pruned(db)
    waits = state in ("pending", "uncertain")
    assert left(db, match_id) == (waits, waits, "expired" if state == "failed" else state)
    assert (db.row("SELECT 1 FROM participants") is not None) == waits


@pytest.mark.parametrize("state", STATES)
def test_what_is_not_that_old_is_kept_whole(db: Database, clock: FakeClock, state: str) -> None:
    match_id = built(db, clock, state)
    assert pruned(db, 41).startswith("forgot 0 bodies and 0 texts of games that ended over 41 days ago; ")
    assert left(db, match_id) == (True, True, state)
    assert decisions.about(db, decisions.EVERYTHING) == []


@pytest.mark.parametrize("state", ["delivered", "failed", "expired"])
def test_nothing_makes_it_announceable_again(db: Database, clock: FakeClock, state: str) -> None:
    match_id = built(db, clock, state)
    pruned(db)
    clock.moment = LATER
    assert listings.record_page(db, 1, [match_id], None, LATER) == []
    add_player(db, 2, channel="C1", since=START - timedelta(days=9))
    build_messages(db, Run("build-messages", clock, 80), "")
    with pytest.raises(NotFound):
        retry_matches(db, [match_id], LATER)
    with pytest.raises(NotFound):
        retry_message(db, match_id, "C1", LATER)
    with pytest.raises(NotFound):
        retry_channel(db, "C1", LATER)
    assert messages.queues(db) == []


def test_a_failed_one_says_why_it_failed(db: Database, clock: FakeClock) -> None:
    built(db, clock, "failed")
    pruned(db)
    row = db.row("SELECT error FROM messages")
    assert row
    assert row["error"] == "pruned; it had failed: msg_too_long"


def test_the_space_is_given_back_and_the_decision_kept(db: Database, clock: FakeClock) -> None:
    for _ in range(50):
        built(db, clock, "delivered")
    with db.transaction():
        db.write("UPDATE matches SET body = randomblob(9000)")
    before = db.path.stat().st_size
    said = pruned(db)
    freed = before - db.path.stat().st_size
    assert freed > 50 * 8000
    assert said == f"forgot 50 bodies and 50 texts of games that ended over 30 days ago; {freed} bytes are free again"
    (decision,) = decisions.about(db, decisions.EVERYTHING)
    assert (decision.command, decision.change) == ("prune", "50 bodies, 50 texts older than 30 days")
    assert pruned(db).startswith("forgot 0 bodies and 0 texts")


def test_what_is_still_news_is_never_forgotten(db: Database) -> None:
    with pytest.raises(Unusable, match="--older-than 1 is less than LOLSLACKBOT_ANNOUNCE_WITHIN"):
        prune(db.path, 1, timedelta(days=2), LATER)


@pytest.mark.parametrize("stage", STAGES)
def test_while_a_stage_is_at_work_it_is_for_later(db: Database, stage: str) -> None:
    with run_lock(db.path, stage), pytest.raises(NotNow, match="at work"):
        pruned(db)


def test_without_a_database_none_is_made(db: Database) -> None:
    other = db.path.with_name("other.db")
    with pytest.raises(Unusable, match="there is no database"):
        prune(other, 30, WITHIN, LATER)
    assert not other.exists()
