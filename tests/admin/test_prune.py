"""What prune forgets, what it keeps, and that nothing can be announced again by it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import START, Command, FakeClock, a_match, add_player, at_work, claim, store_match

from lolslackbot.admin import prune as prune_module
from lolslackbot.admin.prune import prune, prune_a_little
from lolslackbot.admin.retry import retry_channel, retry_matches, retry_message
from lolslackbot.clock import text_of
from lolslackbot.errors import ConfigError, NotFound, TemporaryError
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import claims, decisions, listings, matches, outbox, runs
from lolslackbot.store.claims import Claim
from lolslackbot.store.database import Database
from lolslackbot.store.locks import LOCKS

WITHIN = timedelta(hours=12)
LATER = START + timedelta(days=40)
STATES = ("pending", "delivered", "failed", "uncertain", "expired")


def built(db: Database, clock: FakeClock, state: str, ended_at: datetime = START) -> str:
    """A game whose message in C1 is in that state."""
    match_id = f"EUW1_{len(db.rows('SELECT 1 FROM matches')) + 1}"
    store_match(db, a_match(match_id, ended_at=ended_at), body=b"{}" * 3000)
    build_messages(db, Run("build-messages", clock, 80), "")
    message, _ = outbox.find(db, match_id, "C1") or pytest.fail("not built")
    assert claim(db, message, "t", START, START - timedelta(days=1))
    if state == "delivered":
        claims.mark_delivered(db, Claim(message, "t"), "1700.5", START)
    elif state == "failed":
        claims.mark_failed(db, Claim(message, "t"), "msg_too_long", START, broken=False)
    elif state == "uncertain":
        claims.mark_uncertain(db, Claim(message, "t"), "time-out", START)
    else:
        with db.transaction():
            claims.release(db, Claim(message, "t"), "ratelimited", START)
        if state == "expired":
            outbox.expire(db, START + timedelta(seconds=1), START)
    return match_id


def pruned(db: Database, days: int = 30, now: datetime = LATER) -> str:
    return prune(db.path, days, WITHIN, FakeClock(now))


def left(db: Database, match_id: str) -> tuple[bool, bool, str]:
    """Whether the body and the text are still there, and the message's state."""
    row = db.row("SELECT * FROM matches JOIN messages USING (match_id) WHERE match_id = :id", id=match_id)
    assert row
    state = outbox.find(db, match_id, "C1")
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
    assert outbox.next_messages(db) == []


def test_a_failed_one_says_why_it_failed(db: Database, clock: FakeClock) -> None:
    built(db, clock, "failed")
    pruned(db)
    row = db.row("SELECT error FROM messages")
    assert row
    assert row["error"] == "pruned; it had failed: msg_too_long"


@pytest.mark.sqlite_only
def test_the_space_is_given_back_and_the_decision_kept(db: Database, clock: FakeClock) -> None:
    for _ in range(50):
        built(db, clock, "delivered")
    with db.transaction():
        db.write("UPDATE matches SET body = :body", body=os.urandom(9000))
    before = Path(db.path).stat().st_size
    said = pruned(db)
    freed = before - Path(db.path).stat().st_size
    assert freed > 50 * 8000
    assert said == f"forgot 50 bodies and 50 texts of games that ended over 30 days ago; {freed} bytes reclaimed"
    (decision,) = decisions.about(db, decisions.EVERYTHING)
    assert (decision.command, decision.change) == ("prune", "50 bodies, 50 texts older than 30 days")
    assert pruned(db).startswith("forgot 0 bodies and 0 texts")


def test_what_is_still_news_is_never_forgotten(db: Database) -> None:
    with pytest.raises(ConfigError, match="--older-than 1 is less than LOLSLACKBOT_ANNOUNCE_WITHIN"):
        prune(db.path, 1, timedelta(days=2), FakeClock(LATER))


@pytest.mark.parametrize("stage", LOCKS)
def test_while_a_stage_is_at_work_it_is_for_later(db: Database, stage: str) -> None:
    with at_work(db.path, stage), pytest.raises(TemporaryError, match="at work"):
        pruned(db)


def test_without_a_database_none_is_made(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with pytest.raises(ConfigError, match="there is no database"):
        prune(str(other), 30, WITHIN, FakeClock(LATER))
    assert not other.exists()


def test_many_are_forgotten_a_few_in_each_commit(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune_module, "BATCH", 2)
    for _ in range(5):
        built(db, clock, "delivered")
    assert pruned(db).startswith("forgot 5 bodies and 5 texts")


def test_old_decisions_are_forgotten(db: Database) -> None:
    with db.transaction():
        for command, when in (("pause", START), ("resume", LATER)):
            decisions.record(db, command, decisions.EVERYTHING, "paused", when)
    assert "; 1 decisions of that time too; " in pruned(db)
    assert [each.command for each in decisions.about(db, decisions.EVERYTHING)] == ["resume"]


@pytest.mark.sqlite_only
def test_databases_that_restores_replaced_long_ago_are_removed(db: Database) -> None:
    folder = Path(db.path).parent
    old, new = (f"{Path(db.path).name}.before-{moment}T120000.000000Z" for moment in ("20261123", "20261230"))
    others = [
        "lolslackbot.db.before-",
        "lolslackbot.db.before-1.2",
        "lolslackbot.db.before-20200101",
        "other.db.before-20200101T000000.000000Z",
        "lolslackbot.db.2020",
    ]
    for name in (old, f"{old}-journal", new, *others):
        (folder / name).write_text("")
    assert "; removed 1 databases that restores had replaced; " in pruned(db)
    left_over = {path.name for path in folder.iterdir()} - {f"lolslackbot.db.{stage}.lock" for stage in LOCKS}
    assert left_over == {Path(db.path).name, new, *others}


# By itself


def by_itself(db: Database, now: datetime = LATER, days: int = 30, within: timedelta = WITHIN) -> int:
    return prune_a_little(db, days, within, now, lambda: True)


@pytest.mark.parametrize("state", STATES)
def test_by_itself_the_same_is_forgotten_and_nothing_is_announceable_again(
    db: Database, clock: FakeClock, state: str
) -> None:
    match_id = built(db, clock, state)
    waits = state in ("pending", "uncertain")
    assert by_itself(db) == (0 if waits else 1)
    assert left(db, match_id) == (waits, waits, "expired" if state == "failed" else state)
    assert listings.record_page(db, 1, [match_id], None, LATER) == []
    before = outbox.next_messages(db)
    add_player(db, 2, channel="C1", since=START - timedelta(days=9))
    build_messages(db, Run("build-messages", clock, 80), "")
    assert outbox.next_messages(db) == before


def test_what_is_not_built_yet_is_kept_whole(db: Database) -> None:
    store_match(db, a_match("EUW1_1", ended_at=START))
    assert by_itself(db) == 0
    assert db.row("SELECT 1 FROM matches WHERE body IS NOT NULL") is not None


def test_by_itself_only_so_many_are_forgotten_in_a_run(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune_module, "BATCH", 2)
    monkeypatch.setattr(prune_module, "BATCHES", 2)
    for _ in range(7):
        built(db, clock, "delivered")
    assert [by_itself(db) for _ in range(3)] == [4, 3, 0]


def test_without_time_nothing_is_forgotten(db: Database, clock: FakeClock) -> None:
    built(db, clock, "delivered")
    assert prune_a_little(db, 30, WITHIN, LATER, lambda: False) == 0


def test_by_itself_nothing_that_is_still_news_is_forgotten(db: Database, clock: FakeClock) -> None:
    built(db, clock, "delivered")
    assert by_itself(db, within=timedelta(days=41)) == 0
    assert by_itself(db, within=timedelta(days=39)) == 1


def test_it_happens_once_a_day_whatever_the_clock_did(db: Database) -> None:
    assert runs.pruning_is_due(db, LATER)
    by_itself(db)
    for later, due in ((0, False), (86_399, False), (86_400, True), (-1, True)):
        assert runs.pruning_is_due(db, LATER + timedelta(seconds=later)) is due


def test_a_run_that_dies_in_it_does_not_begin_again_on_that_day(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(db, clock, "delivered")
    monkeypatch.setattr(matches, "prune", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        by_itself(db)
    assert not runs.pruning_is_due(db, LATER)


@pytest.mark.parametrize(("days", "said"), [("30", "1 forgotten"), ("0", "nothing to do"), ("365", "nothing to do")])
def test_build_messages_forgets_once_a_day_as_the_setting_says(
    in_process_command: Command, db: Database, clock: FakeClock, days: str, said: str
) -> None:
    match_id, ended_at = built(db, clock, "delivered"), text_of(datetime.now(UTC) - timedelta(days=40))
    with db.transaction():
        db.write("UPDATE matches SET ended_at = :ended_at", ended_at=ended_at)
        db.write("UPDATE messages SET happened_at = :ended_at", ended_at=ended_at)
    for expected in (said, "nothing to do"):
        result = in_process_command("build-messages", LOLSLACKBOT_KEEP_DAYS=days)
        assert (result.status, result.out) == (0, f"build-messages: {expected}\n")
    assert left(db, match_id)[0] == (days != "30")
