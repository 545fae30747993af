"""What came to nothing, of late: what a person may want to ask for again."""

from datetime import timedelta

import pytest
from support import START, add_player

from lolslackbot.store import health, listings, matches, reasons
from lolslackbot.store.database import Database
from lolslackbot.store.reasons import Reason

DAY = timedelta(days=1)


def lost(db: Database) -> list[str]:
    return [story.match_id for story in health.lost_matches(db, START, START - DAY)]


def given_up(db: Database, match_id: str, reason: str | Reason, **ago: float) -> None:
    listings.record_page(db, 1, [match_id], None, START - DAY)
    matches.give_up(db, match_id, Reason(reason) if isinstance(reason, str) else reason, START - timedelta(**ago))


def test_what_nobody_misses_is_not_told_and_the_last_listed_comes_first(db: Database) -> None:
    add_player(db)
    for number, reason in enumerate(("not a valid match: no info", "closed: 403", "no longer news; the last answer")):
        given_up(db, f"EUW1_{number}", reason, hours=1)
    given_up(db, "EUW1_10", reasons.BEFORE_TRACKING, hours=1)
    given_up(db, "EUW1_11", reasons.UNTRACKED, hours=1)
    given_up(db, "EUW1_12", reasons.NO_LONGER_NEWS, hours=1)
    given_up(db, "EUW1_13", "not a valid match: no info", hours=25)
    assert lost(db) == ["EUW1_2", "EUW1_1", "EUW1_0"]
    given_up(db, "EUW1_14", reasons.NO_LONGER_NEWS, hours=-1)  # by a clock that was ahead
    assert lost(db)[0] == "EUW1_14"


def test_a_match_that_is_missing_is_told_once_it_is_not_looked_for_any_more(db: Database) -> None:
    add_player(db)
    listings.record_page(db, 1, ["EUW1_1", "EUW1_2"], None, START)
    matches.mark_missing(db, "EUW1_1", START, START + timedelta(minutes=10))
    assert lost(db) == []
    matches.mark_missing(db, "EUW1_1", START, None)
    assert lost(db) == ["EUW1_1"]


def test_only_the_last_listed_are_looked_at(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    add_player(db)
    for number in range(3):
        given_up(db, f"EUW1_{number}", "closed: 403", hours=1)
    monkeypatch.setattr(health, "LAST_LISTED", 2)
    assert lost(db) == ["EUW1_2", "EUW1_1"]
