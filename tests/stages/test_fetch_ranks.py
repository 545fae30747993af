"""Ranks: whom league-v4 is asked for, when and how often, and what a message then says."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from fakes import FakeRiot
from support import START, FakeClock, a_match, add_player, participant, puuid, store_match

from lolslackbot.commands.why import why
from lolslackbot.errors import Exit
from lolslackbot.game import Outcome
from lolslackbot.rank import FLEX, OTHER, SOLO, Standing
from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.riot.limiter import Limiter, RateLimited
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.fetch_context import Limits
from lolslackbot.stages.fetch_matches import fetch_matches
from lolslackbot.stages.fetch_ranks import BASELINES_A_RUN, LOOKS
from lolslackbot.stages.run import Run
from lolslackbot.store import channels, listings, players, ranks
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database
from lolslackbot.transport import HttpAnswer

TICK = 180
GOLD = Standing("GOLD", "II", 45, 30, 20)
WON = Standing("GOLD", "II", 66, 31, 20)


@pytest.fixture
def riot() -> FakeRiot:
    return FakeRiot()


@pytest.fixture(autouse=True)
def _one_ranked_player(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """Player 1, whose rank was read two hours before START."""
    add_player(db)
    riot.ranks[puuid(1)] = {SOLO: GOLD}
    with db.transaction():
        ranks.record(db, 1, START - timedelta(hours=2), {SOLO: GOLD})


def fetch(db: Database, riot: FakeRiot, clock: FakeClock) -> Run:
    run = Run("fetch-matches", clock, 80)
    limiter = Limiter(CallLog(db), clock, 15)
    fetch_matches(db, riot, limiter, run, Limits(timedelta(hours=12), timedelta(seconds=10)))  # type: ignore[arg-type]
    return run


def tick(db: Database, riot: FakeRiot, clock: FakeClock) -> list[str]:
    """A tick of cron; the texts of the messages that it built."""
    before = set(map(tuple, db.rows("SELECT subject, channel_id FROM messages")))
    fetch(db, riot, clock)
    build_messages(db, Run("build-messages", clock, 80), "")
    clock.advance(TICK)
    rows = db.rows("SELECT subject, channel_id, text FROM messages ORDER BY happened_at, subject, channel_id")
    return [row["text"] for row in rows if (row["subject"], row["channel_id"]) not in before]


def play(riot: FakeRiot, clock: FakeClock, *numbers: int, match_id: str = "EUW1_1") -> str:
    return riot.add_game(match_id, *(numbers or (1,)), ended_at=clock.now() - timedelta(minutes=1))


def test_rank__said_with_the_game(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """Read in the run that fetches the game, and in the message of the same tick."""
    play(riot, clock)
    riot.ranks[puuid(1)] = {SOLO: WON}
    (text,) = tick(db, riot, clock)
    assert "Gold II 66 LP (+21)" in text
    assert riot.rank_calls == [puuid(1)]
    assert tick(db, riot, clock) == []
    assert riot.rank_calls == [puuid(1)]  # an idle tick asks for none


def test_rank__not_while_a_game_is_not_known(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """A match in the player's list that names only a friend may have counted too."""
    add_player(db, 2)
    store_match(db, a_match("EUW1_0", 2, ended_at=START - timedelta(minutes=70)))
    listings.record_page(db, 1, ["EUW1_0"], None, START)
    play(riot, clock)
    riot.ranks[puuid(1)] = {SOLO: WON}
    tick(db, riot, clock)
    (text,) = (text for text in tick(db, riot, clock) if "Player 1" in text)
    assert "LP" not in text


def test_rank__late(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """A message waits one tick for it, and goes out without."""
    play(riot, clock)
    assert tick(db, riot, clock) == []
    riot.ranks[puuid(1)] = {SOLO: WON}
    (text,) = tick(db, riot, clock)
    assert "(+21)" in text


def test_rank__never_comes(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """One tick later than it would be, six looks, and then it is left alone."""
    play(riot, clock)
    texts = [tick(db, riot, clock) for _ in range(10)]
    assert [len(each) for each in texts] == [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert "LP" not in texts[1][0]
    assert len(riot.rank_calls) == LOOKS


def test_rank__one_call_for_several_games(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """The sum stands at the last of them."""
    riot.add_game("EUW1_1", 1, ended_at=clock.now() - timedelta(minutes=40))
    riot.add_game("EUW1_2", 1, ended_at=clock.now() - timedelta(minutes=2))
    riot.ranks[puuid(1)] = {SOLO: Standing("GOLD", "I", 5, 32, 20)}
    fetch(db, riot, clock)
    clock.advance(TICK)
    first, second = tick(db, riot, clock)
    assert "LP" not in first
    assert "Gold I 5 LP, +60 in 2 games" in second
    assert len(riot.rank_calls) == 2


@pytest.mark.parametrize("verdict", [RiotVerdict.UNAVAILABLE, RiotVerdict.NOT_FOUND, RiotVerdict.FORBIDDEN])
def test_refused__nothing_but_the_rank_is_lost(
    db: Database, riot: FakeRiot, clock: FakeClock, verdict: RiotVerdict
) -> None:
    """The run is as good as without, and one call in it is enough to see that the host gives nothing."""
    add_player(db, 2)
    with db.transaction():
        ranks.record(db, 2, START - timedelta(hours=2), {SOLO: GOLD})
    riot.fail(f"rank of {puuid(1)}", RiotRefusal(verdict, "no"))
    riot.fail(f"rank of {puuid(2)}", RiotRefusal(verdict, "no"))
    play(riot, clock, 1, 2)
    assert fetch(db, riot, clock).status is Exit.OK
    assert len(riot.rank_calls) == 1
    clock.advance(TICK)
    (text,) = tick(db, riot, clock)
    assert "LP" not in text


def test_not_asked__the_log_says_why(
    db: Database, riot: FakeRiot, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A host that gave nothing, and a limit; the story of the match says that a rank is looked for."""
    add_player(db, 2)
    with db.transaction():
        ranks.record(db, 2, START - timedelta(hours=2), {SOLO: GOLD})
    match = play(riot, clock, 1, 2)
    riot.fail(f"rank of {puuid(1)}", RiotRefusal(RiotVerdict.UNAVAILABLE, "503"))
    with caplog.at_level(logging.DEBUG):
        fetch(db, riot, clock)
        assert "Player 2#EUW: its rank is not asked for now: euw1 gave nothing before" in caplog.text
        Limiter(CallLog(db), clock, 15).finish(1, "euw1", "league", HttpAnswer(429, {"retry-after": "60"}, b"{}"))
        fetch(db, riot, clock)
        assert "its rank is not asked for now: 429" in caplog.text
    story = why(db, match, clock.now())
    assert any(line.startswith("ranks still looked for after it: 2; ") and "euw1" in line for line in story)


def test_limited__not_counted_as_a_look(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    play(riot, clock)
    riot.fail(f"rank of {puuid(1)}", RiotRefusal(RiotVerdict.LIMITED, "429"))
    fetch(db, riot, clock)
    assert db.rows("SELECT looks FROM rank_wanted")[0]["looks"] == 0


def test_local_fault__no_rank_is_asked_for(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """What is wrong on this machine is said once."""
    riot.fail(puuid(1), RiotRefusal(RiotVerdict.LOCAL_FAULT, "the certificate is not trusted"))
    clock.advance(timedelta(days=2).total_seconds())
    assert fetch(db, riot, clock).status is Exit.UNUSABLE
    assert riot.rank_calls == []


def test_limited__by_another_process(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """A call that may not be sent after all is looked for in the next run."""
    play(riot, clock)
    riot.fail(f"rank of {puuid(1)}", RateLimited(clock.now() + timedelta(minutes=1), "full"), None)
    fetch(db, riot, clock)
    riot.ranks[puuid(1)] = {SOLO: WON}
    clock.advance(TICK)
    (text,) = tick(db, riot, clock)
    assert "(+21)" in text


def test_limited__for_long(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """After twenty minutes nobody waits for the rank any more."""
    play(riot, clock)
    riot.fail(f"rank of {puuid(1)}", RiotRefusal(RiotVerdict.LIMITED, "429"))
    texts = [tick(db, riot, clock) for _ in range(9)]
    assert [len(each) for each in texts] == [0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert db.rows("SELECT * FROM rank_wanted") == []


def test_unexpected_error__recorded(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """It is looked for again, and the run says that something failed."""
    play(riot, clock)
    riot.fail(f"rank of {puuid(1)}", ZeroDivisionError())
    assert fetch(db, riot, clock).status is Exit.SOME_FAILED
    assert db.rows("SELECT looks FROM rank_wanted")[0]["looks"] == 1


# Whose rank is looked for


@pytest.mark.parametrize(
    "changes", [{"queue_id": 450, "game_mode": "ARAM"}, {"queue_id": 400}, {"outcome": Outcome.REMAKE}]
)
def test_wanted__ranked_games_only(db: Database, changes: dict[str, Any]) -> None:
    store_match(db, a_match(**changes))
    assert db.rows("SELECT * FROM rank_wanted") == []


def test_wanted__channels_that_want_it(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """Two channels, one reading; the one that does not want ranks hears none."""
    add_player(db, 1, channel="C2")
    channels.prefer(db, "C2", channels.Change(ranks=False), START)
    play(riot, clock)
    riot.ranks[puuid(1)] = {SOLO: WON}
    one, two = tick(db, riot, clock)
    assert ("LP" in one, "LP" in two) == (True, False)
    assert len(riot.rank_calls) == 1
    channels.prefer(db, "C1", channels.Change(ranks=False), START)
    play(riot, clock, match_id="EUW1_2")
    assert len(tick(db, riot, clock)) == 2
    assert len(riot.rank_calls) == 1


def test_wanted__without_a_rank_nobody_waits(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """Whoever has none yet may be placed by this game, which is said if it is known at once."""
    with db.transaction():
        db.write("DELETE FROM rank_readings")
        ranks.record(db, 1, START - timedelta(hours=2), {SOLO: None})
    riot.ranks[puuid(1)] = {SOLO: None}
    play(riot, clock)
    assert len(tick(db, riot, clock)) == 1
    riot.ranks[puuid(1)] = {SOLO: Standing("SILVER", "III", 10, 3, 2)}
    play(riot, clock, match_id="EUW1_2")
    (text,) = tick(db, riot, clock)
    assert "placed in Silver III" in text


def test_wanted__queue_of_the_game(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """Solo and flex are told apart."""
    with db.transaction():
        ranks.record(db, 1, START - timedelta(hours=2), {FLEX: Standing("IRON", "IV", 0, 1, 1)})
    riot.ranks[puuid(1)] = {SOLO: WON, FLEX: Standing("IRON", "IV", 0, 1, 1)}
    play(riot, clock)
    (text,) = tick(db, riot, clock)
    assert "Gold II 66 LP (+21)" in text


# Baselines


def test_baseline__once_a_day_when_nothing_else_is_left(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    clock.advance(timedelta(hours=22, minutes=1).total_seconds())
    fetch(db, riot, clock)
    assert riot.rank_calls == [puuid(1)]
    clock.advance(timedelta(hours=23).total_seconds())
    fetch(db, riot, clock)
    assert len(riot.rank_calls) == 1


def test_baseline__some_in_each_run(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    for number in range(2, BASELINES_A_RUN + 5):
        add_player(db, number)
    fetch(db, riot, clock)
    assert len(riot.rank_calls) == BASELINES_A_RUN
    fetch(db, riot, clock)
    assert len(set(riot.rank_calls)) == BASELINES_A_RUN + 3


def test_baseline__refused_is_not_repeated_in_each_tick(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db, 2)
    riot.fail(f"rank of {puuid(2)}", RiotRefusal(RiotVerdict.UNAVAILABLE, "503"))
    for _ in range(3):
        fetch(db, riot, clock)
    assert riot.rank_calls == [puuid(2)]


# Words, thinning, clocks


def test_words__promotion_stands_out(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    with db.transaction():
        ranks.record(db, 1, START - timedelta(minutes=90), {SOLO: Standing("GOLD", "I", 90, 30, 20)})
    riot.ranks[puuid(1)] = {SOLO: Standing("PLATINUM", "IV", 11, 31, 20)}
    play(riot, clock)
    (text,) = tick(db, riot, clock)
    assert text.split("\n")[0].endswith(" · promoted to Platinum IV")
    blocks = json.loads(db.rows("SELECT blocks FROM messages")[0]["blocks"])
    assert "📈" in json.dumps(blocks, ensure_ascii=False)


def test_words__demotion_stands_out(db: Database, clock: FakeClock) -> None:
    with db.transaction():
        ranks.record(db, 1, START - timedelta(minutes=90), {SOLO: Standing("GOLD", "IV", 5, 30, 20)})
        ranks.record(db, 1, START, {SOLO: Standing("SILVER", "I", 75, 30, 21)})
    ended_at = START - timedelta(minutes=1)
    store_match(db, a_match(ended_at=ended_at, participants=(participant(1, win=False, deaths=11, kills=1),)))
    clock.advance(TICK)
    build_messages(db, Run("build-messages", clock, 80), "")
    text = db.rows("SELECT text FROM messages")[0]["text"]
    assert text.split("\n")[0].endswith(" · demoted to Silver I")


def test_prune__keeps_the_last_of_each_day(db: Database) -> None:
    with db.transaction():
        db.write("DELETE FROM rank_readings")
        for hours in (0, 1, 2, 26):
            ranks.record(db, 1, START + timedelta(hours=hours), {SOLO: GOLD, OTHER: None})
        assert ranks.prune(db, START + timedelta(days=9)) == 4
    kept = db.rows("SELECT DISTINCT asked_at FROM rank_readings ORDER BY asked_at")
    assert [row["asked_at"][:13] for row in kept] == ["2026-11-23T14", "2026-11-24T14"]


def test_clock_ahead__its_readings_are_forgotten(db: Database, clock: FakeClock) -> None:
    """Which games they follow is not known."""
    with db.transaction():
        ranks.record(db, 1, START + timedelta(days=1), {SOLO: GOLD})
    clamp_future_times(db, clock.now())
    assert len(db.rows("SELECT * FROM rank_readings")) == 1
    assert db.rows("SELECT rank_asked_at FROM players")[0]["rank_asked_at"] is None


# News of a game by another answer


@pytest.mark.parametrize(
    ("now", "is_expected"), [(WON, True), (GOLD, False), (Standing("GOLD", "II", 30, 30, 20), False)]
)
def test_more_games_than_before_mean_that_the_list_has_news(
    db: Database, riot: FakeRiot, clock: FakeClock, now: Standing, is_expected: bool
) -> None:
    """LP alone move without a game. The next list says which one it was."""
    with db.transaction():
        db.write("UPDATE players SET rank_asked_at = NULL")
    riot.ranks[puuid(1)] = {SOLO: now}
    fetch(db, riot, clock)
    assert [each.is_expected for each in players.polled(db)] == [is_expected]
    clock.advance(TICK)
    fetch(db, riot, clock)
    assert [each.is_expected for each in players.polled(db)] == [False]


def test_a_game_expected_by_a_clock_that_was_ahead_is_not_expected_for_ever(db: Database, clock: FakeClock) -> None:
    with db.transaction():
        players.expect_game(db, 1, START + timedelta(days=365))
    clamp_future_times(db, clock.now())
    assert [each.is_expected for each in players.polled(db)] == [False]
