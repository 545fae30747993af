"""Lost matches: what a person may want to ask for again."""

from datetime import timedelta

from support import START, add_player

from lolslackbot.store import health, listings, matches, reasons
from lolslackbot.store.database import Database
from lolslackbot.store.reasons import Reason

DAY = timedelta(days=1)


def lost(db: Database) -> list[str]:
    return [match.match_id for match in health.lost_matches(db, START, START - DAY)]


def given_up(db: Database, match_id: str, reason: Reason, **ago: float) -> None:
    listings.record_page(db, 1, [match_id], None, START - DAY)
    matches.give_up(db, match_id, reason, START - timedelta(**ago))


INVALID, CLOSED = Reason("not a valid match: no info"), Reason("closed: 403")


def test_lost_matches__only_what_is_missed(db: Database) -> None:
    """Newest first; not what nobody misses, nor what was lost before."""
    add_player(db)
    for number, reason in enumerate((INVALID, CLOSED, Reason("no longer news; the last answer"))):
        given_up(db, f"EUW1_{number}", reason, hours=1)
    for number, reason in enumerate((reasons.BEFORE_TRACKING, reasons.UNTRACKED, reasons.NO_LONGER_NEWS), 10):
        given_up(db, f"EUW1_{number}", reason, hours=1)
    given_up(db, "EUW1_13", INVALID, hours=25)
    assert lost(db) == ["EUW1_2", "EUW1_1", "EUW1_0"]
    given_up(db, "EUW1_14", reasons.NO_LONGER_NEWS, hours=-1)  # by a clock that was ahead
    assert lost(db)[0] == "EUW1_14"


def test_lost_matches__missing_for_good(db: Database) -> None:
    """A missing match is lost once it is not retried any more."""
    add_player(db)
    listings.record_page(db, 1, ["EUW1_1", "EUW1_2"], None, START)
    matches.mark_missing(db, "EUW1_1", START, START + timedelta(minutes=10))
    assert lost(db) == []
    matches.mark_missing(db, "EUW1_1", START, None)
    assert lost(db) == ["EUW1_1"]
