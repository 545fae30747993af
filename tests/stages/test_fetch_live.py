"""Games in progress: whom spectator-v5 is asked about, what becomes a notice, and how that ends."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from fakes import FakeRiot, FakeSlack, refused
from support import START, FakeClock, a_match, add_player, puuid, store_match

from lolslackbot.admin.retry import retry_message
from lolslackbot.admin.tracking import move_channel, untrack
from lolslackbot.commands.why import why
from lolslackbot.errors import Exit
from lolslackbot.game import ActiveGame, Champion, Champions, Seat
from lolslackbot.health.needs import NeedKind
from lolslackbot.health.status import status
from lolslackbot.model import RiotId, ScopeState, Window
from lolslackbot.rank import SOLO, Standing
from lolslackbot.riot.answers import RiotVerdict
from lolslackbot.riot.client import SPECTATOR
from lolslackbot.riot.limiter import Limiter, RateLimited
from lolslackbot.settings import ChannelLimit
from lolslackbot.shares import WHOLE, Share
from lolslackbot.slack.answers import Posted, SlackProblem, SlackVerdict, permalink
from lolslackbot.stages import deliver as delivery
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.fetch_context import Limits
from lolslackbot.stages.fetch_live import FRESH
from lolslackbot.stages.fetch_matches import fetch_matches
from lolslackbot.stages.reconcile import Policy
from lolslackbot.stages.run import Run
from lolslackbot.store import amendments, champions, channels, listings, live, ranks, restores
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database
from lolslackbot.transport import HttpAnswer

TICK = 180
GAME, KEY = "EUW1_5", "live EUW1_5:C1"
SENDING = delivery.Limits(timedelta(hours=12), ChannelLimit(30, 3600), Policy(timedelta(minutes=10), resend=True))
LOST = Posted(SlackVerdict.UNCERTAIN, "no whole answer: TimeoutError")


@pytest.fixture
def riot() -> FakeRiot:
    return FakeRiot()


@pytest.fixture
def slack(clock: FakeClock) -> FakeSlack:
    slack = FakeSlack()
    slack.clock = clock
    return slack


@pytest.fixture(autouse=True)
def _a_channel_with_live_notices(db: Database, riot: FakeRiot) -> None:
    """That tracks player 1."""
    add_player(db)
    listen(db, "C1")
    with db.transaction():
        champions.begin_asking(db, START)
        champions.record(db, Champions("16.23.1", {103: Champion("Ahri", "Ahri.png"), 62: Champion("Wukong", "x.png")}))
        ranks.record(db, 1, START, {SOLO: Standing("GOLD", "II", 45, 30, 20)})


def listen(db: Database, channel: str, **changes: object) -> None:
    channels.prefer(db, channel, channels.Change(live=True, **changes), START)  # type: ignore[arg-type]


def play(riot: FakeRiot, *numbers: int, began_at: datetime | None = START, queue: int = 420, **changes: str) -> str:
    """Players are in a game by now: the first on the blue side, the others on the red one."""
    seats = tuple(Seat(puuid(number), 200 if place else 100, 103) for place, number in enumerate(numbers or (1,)))
    fields = {"match_id": GAME, "game_mode": "CLASSIC", **changes}
    game = ActiveGame(queue_id=queue, began_at=began_at, seats=seats, **fields)
    riot.active |= {seat.puuid: game for seat in seats}
    return game.match_id


def fetch(db: Database, riot: FakeRiot, clock: FakeClock, share: Share = WHOLE) -> Run:
    run = Run("fetch-matches", clock, 80, share)
    limiter = Limiter(CallLog(db), clock, 15)
    fetch_matches(db, riot, limiter, run, Limits(timedelta(hours=12), timedelta(seconds=10)))  # type: ignore[arg-type]
    clock.advance(TICK)
    return run


def send(db: Database, slack: FakeSlack, clock: FakeClock) -> Run:
    run = Run("deliver", clock, 80)
    slack.requests.clear()
    slack.edits.clear()
    clamp_future_times(db, clock.now())
    delivery.deliver(db, lambda _: slack, run, SENDING)  # type: ignore[arg-type,return-value]
    return run


def finish(db: Database, slack: FakeSlack, clock: FakeClock, *numbers: int) -> None:
    """The game has ended; its own message is built and sent."""
    store_match(db, a_match(GAME, *numbers, ended_at=clock.now() - timedelta(minutes=1)), clock.now())
    clock.advance(TICK)  # it waits for a rank
    build_messages(db, Run("build-messages", clock, 80), "")
    send(db, slack, clock)


def texts(db: Database, channel: str = "C1") -> list[str]:
    rows = db.rows("SELECT text FROM messages WHERE channel_id = :channel AND kind = 'live'", channel=channel)
    return [row["text"] for row in rows]


def states(db: Database) -> list[str]:
    return [row["state"] for row in db.rows("SELECT state FROM messages WHERE kind = 'live' ORDER BY channel_id")]


def game_state(db: Database) -> str:
    found = live.find(db, GAME)
    assert found
    return found.state


# Who is asked about


def test_asked__nobody_where_no_channel_wants_it(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    channels.prefer(db, "C1", channels.Change(live=False), START)
    play(riot)
    fetch(db, riot, clock)
    assert (riot.live_calls, texts(db)) == ([], [])


def test_asked__only_who_is_tracked_where_it_is_wanted(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """Not those whose puuid is known to be wrong."""
    for number, channel in ((2, "C2"), (3, "C1"), (4, "C1"), (5, "C1")):
        add_player(db, number, channel=channel)
    with db.transaction():
        db.write("UPDATE players SET puuid_doubted = 1 WHERE player_id = 3")
        db.write("UPDATE players SET problem = 'x', problem_kind = 'no_list' WHERE player_id = 4")
    riot.lists = {puuid(number): [] for number in range(1, 6)}
    riot.fail(puuid(3), refused(RiotVerdict.UNAVAILABLE, 503))
    riot.fail(puuid(4), refused(RiotVerdict.NOT_FOUND, 404))
    fetch(db, riot, clock)
    assert sorted(riot.live_calls) == [puuid(1), puuid(5)]


def test_asked__all_in_turn_where_not_all_fit(
    db: Database, riot: FakeRiot, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A quarter of what the platform allows is left for ranks; within a few ticks everybody was asked."""
    for number in range(2, 11):
        add_player(db, number)
    log = CallLog(db)
    with db.transaction():
        log.save_state("euw1", "", ScopeState(), ScopeState((Window(180, 4),)), clock.now())
    asked = []
    with caplog.at_level(logging.DEBUG):
        for _ in range(4):
            riot.live_calls.clear()
            fetch(db, riot, clock)
            asked.append(tuple(riot.live_calls))
    assert [len(each) for each in asked] == [3] * 4
    assert len({each for run in asked for each in run}) == 10
    assert "what is left of the allowance of euw1 is for ranks" in caplog.text


def test_asked__not_twice_about_one_game(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """Whom the answer about a friend named is not asked about."""
    add_player(db, 2)
    play(riot, 1, 2)
    fetch(db, riot, clock)
    assert len(riot.live_calls) == 1


def test_asked__by_shares(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """Each about its own players; a game that both see is announced once."""
    add_player(db, 2)
    play(riot, 1, 2)
    for number in (1, 2):
        fetch(db, riot, clock, Share(number, 2))
    assert sorted(riot.live_calls) == [puuid(1), puuid(2)]
    assert len(texts(db)) == 1


def test_asked__not_in_a_run_without_time(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    play(riot)
    run = Run("fetch-matches", clock, 0)
    limiter = Limiter(CallLog(db), clock, 15)
    limits = Limits(timedelta(hours=12), timedelta(seconds=10))
    fetch_matches(db, riot, limiter, run, limits)  # type: ignore[arg-type]
    assert riot.live_calls == []


def test_asked__no_more_once_the_time_is_over(
    db: Database, riot: FakeRiot, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    listen(db, "C1", ranks=False)

    @contextmanager
    def slow() -> Iterator[None]:
        clock.advance(50)
        with db.transaction():
            yield

    riot.transaction = slow
    for number in (1, 2, 3):
        add_player(db, number)
        play(riot, number, match_id=f"EUW1_{number}")
    with caplog.at_level(logging.DEBUG):
        fetch(db, riot, clock)
    assert len(riot.live_calls) == 2
    assert "no time is left" in caplog.text


def test_asked__not_where_this_machine_is_at_fault(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    riot.fail(puuid(1), refused(RiotVerdict.LOCAL_FAULT))
    assert fetch(db, riot, clock).status is Exit.UNUSABLE
    assert riot.live_calls == []


@pytest.mark.parametrize(
    ("verdict", "asked"),
    [
        (RiotVerdict.LIMITED, 1),
        (RiotVerdict.UNAUTHORIZED, 1),
        (RiotVerdict.FORBIDDEN, 1),
        (RiotVerdict.LOCAL_FAULT, 1),
        (RiotVerdict.UNAVAILABLE, 3),
        (RiotVerdict.ODD_IDS, 4),
        (RiotVerdict.OTHER_KEY, 4),
    ],
)
def test_refused__nobody_fails(
    db: Database, riot: FakeRiot, clock: FakeClock, verdict: RiotVerdict, asked: int
) -> None:
    """A host that gives nothing is left alone in that run, at once or after three; one may concern one player."""
    for number in (1, 2, 3, 4):
        add_player(db, number)
        riot.fail(f"game of {puuid(number)}", refused(verdict))
    assert fetch(db, riot, clock).status is Exit.OK
    assert len(riot.live_calls) == asked


def test_refused__one_players_bad_answer_hides_nobody_elses_game(
    db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock
) -> None:
    for number in range(2, 9):
        add_player(db, number)
    for number in (1, 3, 4, 6, 7):
        riot.fail(f"game of {puuid(number)}", refused(RiotVerdict.UNAVAILABLE))
    play(riot, 8)
    fetch(db, riot, clock)
    assert len(texts(db)) == 1


def test_refused__by_the_limit(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    riot.fail(f"game of {puuid(1)}", RateLimited(clock.now() + timedelta(minutes=1), "full"))
    assert fetch(db, riot, clock).status is Exit.OK


def test_asked__at_a_limit_it_knows(
    db: Database, riot: FakeRiot, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    answer = HttpAnswer(429, {"retry-after": "600"}, b"{}")
    Limiter(CallLog(db), clock, 15).finish(1, "euw1", SPECTATOR, answer)
    with caplog.at_level(logging.DEBUG):
        assert fetch(db, riot, clock).status is Exit.OK
    assert riot.live_calls == []
    assert "not asked now whether in a game: 429" in caplog.text


# What becomes a notice


def test_notice__once(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    """Who, what, on which side, and the rank; however often the game is seen."""
    play(riot)
    run = fetch(db, riot, clock)
    assert run.counts["begun"] == 1
    (text,) = texts(db)
    assert text == "🎮 Player 1 is in a game · Ranked Solo/Duo · blue side · Ahri · Gold II 45 LP"
    assert send(db, slack, clock).status is Exit.OK
    assert slack.keys == [KEY]
    for _ in range(3):
        fetch(db, riot, clock)
        send(db, slack, clock)
        assert slack.requests == []


def test_notice__names_those_whom_the_channel_tracks(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """Two friends in one game are one notice; a friend of another channel is none of this one's."""
    add_player(db, 2)
    add_player(db, 3, channel="C2")
    add_player(db, 2, channel="C2")
    add_player(db, 1, channel="C3")
    listen(db, "C2", ranks=False)
    play(riot, 1, 2, 3, 4)
    fetch(db, riot, clock)
    (one,), (two,) = texts(db), texts(db, "C2")
    assert "Player 1 and Player 2 are in a game" in one
    assert "Player 3" not in one
    assert "Player 2 and Player 3 are in a game" in two
    assert ("LP" in one, "LP" in two) == (True, False)
    assert texts(db, "C3") == []


@pytest.mark.parametrize(
    ("began_at", "built"),
    [(None, 0), (START - FRESH - timedelta(seconds=1), 0), (START - FRESH, 1), (START + timedelta(minutes=1), 1)],
)
def test_notice__of_games_that_have_just_begun(
    db: Database, riot: FakeRiot, clock: FakeClock, began_at: datetime | None, built: int
) -> None:
    """A countdown waits for the next tick; of one that lasts longer nobody is told."""
    play(riot, began_at=began_at)
    fetch(db, riot, clock)
    assert len(texts(db)) == built
    play(riot, began_at=clock.now())
    fetch(db, riot, clock)
    assert len(texts(db)) == 1


def test_notice__not_of_a_game_that_is_listed(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """A finished game is shown for minutes yet."""
    listings.record_page(db, 1, [play(riot)], None, START)
    fetch(db, riot, clock)
    assert texts(db) == []


def test_notice__of_queues_that_the_channel_wants(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db, 1, channel="C2")
    listen(db, "C1", queues="aram")
    listen(db, "C2")
    play(riot)
    fetch(db, riot, clock)
    assert (texts(db), len(texts(db, "C2"))) == ([], 1)


def test_notice__not_of_a_game_from_before_a_restore(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    """The database that was replaced may have announced it."""
    with db.transaction():
        restores.doubt_all(db, START + timedelta(seconds=1))
    clock.advance(60)
    play(riot)
    fetch(db, riot, clock)
    assert texts(db) == []
    play(riot, match_id="EUW1_6", began_at=clock.now())
    fetch(db, riot, clock)
    assert len(texts(db)) == 1


def test_notice__that_waits_when_a_backup_is_put_back_never_goes_out(
    db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock
) -> None:
    play(riot)
    fetch(db, riot, clock)
    with db.transaction():
        restores.doubt_all(db, clock.now())
    send(db, slack, clock)
    assert (slack.requests, states(db)) == ([], ["uncertain"])
    clock.advance(TICK)
    send(db, slack, clock)
    assert (slack.requests, states(db)) == ([], ["expired"])


def test_notice__of_a_backup_is_not_amended_again(
    db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock
) -> None:
    """Whatever it reads by now: games in progress when a backup was made are over."""
    announce(db, riot, slack, clock)
    with db.transaction():
        restores.doubt_all(db, clock.now())
    clock.advance(3 * 3600)
    send(db, slack, clock)
    assert (slack.edits, game_state(db)) == ([], "over")


def test_notice__ten_minutes_late_is_none(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    play(riot)
    fetch(db, riot, clock)
    clock.advance(600)
    send(db, slack, clock)
    assert (slack.requests, states(db)) == ([], ["expired"])


def test_notice__that_cannot_be_worded_keeps_nobody_elses_back(
    db: Database, riot: FakeRiot, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_player(db, 1, channel="C2")
    listen(db, "C2")
    play(riot)
    heard = live.as_heard_in

    def broken(db: Database, match_id: str, channel_id: str) -> object:
        if channel_id == "C1":
            raise ZeroDivisionError
        return heard(db, match_id, channel_id)

    monkeypatch.setattr(live, "as_heard_in", broken)
    assert fetch(db, riot, clock).status is Exit.SOME_FAILED
    assert (texts(db), len(texts(db, "C2"))) == ([], 1)


# An unknown outcome


def lose(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    """A notice of which nobody knows whether it is in Slack."""
    play(riot)
    fetch(db, riot, clock)
    slack.outcomes["C1"] = [LOST]
    assert send(db, slack, clock).status is Exit.SOME_FAILED
    assert states(db) == ["uncertain"]
    clock.advance(TICK)


def test_unknown__found(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    lose(db, riot, slack, clock)
    slack.histories["C1"] = {KEY: "1700000000.000009"}
    assert send(db, slack, clock).status is Exit.OK
    assert (slack.requests, states(db)) == ([], ["delivered"])


def test_unknown__looked_up_once_and_never_sent_again(
    db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock
) -> None:
    lose(db, riot, slack, clock)
    assert not any(need.kind is NeedKind.MESSAGES_UNCERTAIN for need in status(db, clock.now()).needs)
    assert any("; it is not sent again" in line for line in why(db, "C1", clock.now()))
    for _ in range(4):
        assert send(db, slack, clock).status is Exit.OK
        assert (slack.requests, states(db)) == ([], ["expired"])
        clock.advance(TICK)
    assert any("an earlier attempt may have reached Slack" in line for line in why(db, "C1", clock.now()))


def test_unknown__cannot_be_looked_up(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    """What passes is tried again, what lasts is the end of it."""
    lose(db, riot, slack, clock)
    slack.histories["C1"] = SlackProblem(SlackVerdict.LIMITED, "ratelimited")
    send(db, slack, clock)
    assert states(db) == ["uncertain"]
    clock.advance(TICK)
    slack.histories["C1"] = SlackProblem(SlackVerdict.TOKEN_REJECTED, "missing_scope", code="missing_scope")
    send(db, slack, clock)
    assert states(db) == ["expired"]


# How it ends


def announce(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock, *numbers: int) -> None:
    """The notice is delivered; half an hour passes."""
    play(riot, *numbers)
    fetch(db, riot, clock)
    send(db, slack, clock)
    riot.active.clear()
    clock.advance(1800)


def test_end__leads_to_the_games_message(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    """In the run that delivers that; by one edit, and nothing more afterwards."""
    announce(db, riot, slack, clock)
    send(db, slack, clock)
    assert slack.edits == []
    finish(db, slack, clock)
    assert slack.keys == [f"{GAME}:C1"]
    ((message, channel, ts),) = slack.edits
    link = permalink("C1", "1700000000.000001")
    assert (message.key, channel, ts) == (KEY, "C1", "1700000000.000001")
    assert message.text == f"🏁 Player 1 was in a game · Ranked Solo/Duo\n{link}"
    assert link in json.dumps(json.loads(message.blocks or ""))
    assert (game_state(db), states(db)) == ("finished", ["delivered"])
    clock.advance(TICK)
    send(db, slack, clock)
    assert (slack.requests, slack.edits) == ([], [])


def test_end__each_channel_for_itself(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    """One channel's message fails: its notice is over in the end; the other's is amended at once, and once."""
    add_player(db, 1, channel="C2")
    listen(db, "C2")
    announce(db, riot, slack, clock)
    slack.outcomes["C2"] = [Posted(SlackVerdict.MESSAGE_REFUSED, "msg_too_long")]
    finish(db, slack, clock)
    assert [message.channel_id for message, _, _ in slack.edits] == ["C1"]
    assert game_state(db) == "on"
    clock.advance(TICK)
    send(db, slack, clock)
    assert slack.edits == []
    clock.advance(3 * 3600)
    send(db, slack, clock)
    assert [message.text for message, _, _ in slack.edits] == [
        "🏁 Player 1 was in a game · Ranked Solo/Duo · it is over"
    ]
    assert game_state(db) == "finished"


def test_end__no_result(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    """Three hours after it was seen it is over, whatever it was."""
    announce(db, riot, slack, clock)
    clock.advance(2 * 3600)
    send(db, slack, clock)
    assert slack.edits == []
    clock.advance(3600)
    send(db, slack, clock)
    assert "it is over" in slack.edits[0][0].text
    assert game_state(db) == "over"
    finish(db, slack, clock)
    assert (len(slack.requests), slack.edits) == (1, [])


def test_end__a_notice_that_waits_is_withdrawn(
    db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock
) -> None:
    """The result goes out alone."""
    play(riot)
    fetch(db, riot, clock)
    listings.record_page(db, 1, [GAME], None, clock.now())
    going, notes = delivery.dry_run(db, SENDING, clock.now())
    assert (going, notes) == ([], [f"{KEY} expires: {live.ENDED}"])
    assert any("no longer news" in line for line in why(db, "C1", clock.now()))
    finish(db, slack, clock)
    assert (slack.keys, slack.edits, states(db)) == ([f"{GAME}:C1"], [], ["expired"])
    assert game_state(db) == "finished"


def test_end__an_unknown_outcome_is_waited_for(
    db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock
) -> None:
    """Found in the channel in the run that sends the result: it is amended like any other."""
    lose(db, riot, slack, clock)
    slack.histories["C1"] = SlackProblem(SlackVerdict.LIMITED, "ratelimited")
    finish(db, slack, clock)
    assert (slack.edits, game_state(db)) == ([], "on")
    slack.histories["C1"] = {KEY: "1700000000.000009"}
    clock.advance(TICK)
    send(db, slack, clock)
    assert [(message.key, ts) for message, _, ts in slack.edits] == [(KEY, "1700000000.000009")]


def test_end__an_edit_that_fails_is_made_again_for_an_hour(
    db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock
) -> None:
    announce(db, riot, slack, clock)
    slack.edit_outcomes = [LOST, LOST]
    finish(db, slack, clock)
    for edits in (1, 1, 0):
        clock.advance(TICK)
        send(db, slack, clock)
        assert len(slack.edits) == edits


def test_end__nobody_is_tracked_any_more(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    announce(db, riot, slack, clock)
    untrack(db, RiotId("Player 1", "EUW"), None, clock.now(), "")
    clock.advance(3 * 3600)
    send(db, slack, clock)
    assert (slack.edits, game_state(db)) == ([], "over")


def test_end__one_share_sees_to_it(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    announce(db, riot, slack, clock)
    clock.advance(3 * 3600)
    for number in (1, 2):
        run = Run("deliver", clock, 80, Share(number, 2))
        delivery.deliver(db, lambda _: slack, run, SENDING)  # type: ignore[arg-type,return-value]
    assert game_state(db) == "over"
    assert len(slack.edits) + len(amendments.waiting(db, clock.now())) == 1


# Other commands


def test_untrack__a_waiting_notice_is_worded_again_or_expires(db: Database, riot: FakeRiot, clock: FakeClock) -> None:
    add_player(db, 2)
    play(riot, 1, 2)
    fetch(db, riot, clock)
    untrack(db, RiotId("Player 1", "EUW"), None, clock.now(), "")
    (text,) = texts(db)
    assert text == "🎮 Player 2 is in a game · Ranked Solo/Duo · red side · Ahri"
    untrack(db, RiotId("Player 2", "EUW"), None, clock.now(), "")
    assert states(db) == ["expired"]


def test_move__the_notice_goes_along(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    """What was delivered under the old id is amended under the new one; nothing is said again."""
    announce(db, riot, slack, clock)
    move_channel(db, "C1", "C9", clock.now())
    play(riot, began_at=clock.now())
    fetch(db, riot, clock)
    assert len(texts(db, "C9")) == 1
    finish(db, slack, clock)
    assert [(message.key, channel) for message, channel, _ in slack.edits] == [("live EUW1_5:C9", "C9")]


def test_retry__of_a_notice(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    """A person may send one again that failed, while it is news."""
    play(riot)
    fetch(db, riot, clock)
    slack.outcomes["C1"] = [Posted(SlackVerdict.MESSAGE_REFUSED, "msg_too_long")]
    send(db, slack, clock)
    assert retry_message(db, f"live {GAME}", "C1", clock.now()).sentences == [f"{KEY} will be sent again"]
    clock.advance(600)
    (told,) = retry_message(db, f"live {GAME}", "C1", clock.now()).sentences
    assert told.startswith(f"{KEY} has expired and will not be sent: its game was first seen ")


def fail_at_first(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    """The notice fails, and a person has it sent again."""
    play(riot)
    fetch(db, riot, clock)
    slack.outcomes["C1"] = [Posted(SlackVerdict.MESSAGE_REFUSED, "msg_too_long")]
    send(db, slack, clock)
    assert game_state(db) == "on"
    retry_message(db, f"live {GAME}", "C1", clock.now()).do()


def test_retry__leads_to_the_games_message_all_the_same(
    db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock
) -> None:
    fail_at_first(db, riot, slack, clock)
    send(db, slack, clock)
    assert states(db) == ["delivered"]
    finish(db, slack, clock)
    assert [message.key for message, _, _ in slack.edits] == [KEY]


def test_retry__not_once_the_game_is_listed(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    fail_at_first(db, riot, slack, clock)
    listings.record_page(db, 1, [GAME], None, clock.now())
    send(db, slack, clock)
    assert (slack.keys, states(db)) == ([], ["expired"])


def test_retry__of_a_notice_that_nobody_sends_again(
    db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock
) -> None:
    play(riot)
    fetch(db, riot, clock)
    slack.outcomes["C1"] = [Posted(SlackVerdict.MESSAGE_REFUSED, "msg_too_long")]
    send(db, slack, clock)
    clock.advance(3 * 3600)
    send(db, slack, clock)
    assert (states(db), game_state(db)) == (["failed"], "over")


def test_why__tells_of_notices(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    """Of a match before and after it is listed, of a channel, and of a message by its link."""
    announce(db, riot, slack, clock)
    story = why(db, GAME, clock.now())
    assert story[0] == f"{GAME} is not listed so far; not all games come to be"
    assert any(line.endswith(" seen in progress") for line in story)
    assert any("C1: notice of its start: posted" in line for line in story)
    assert any(line.startswith(f"{GAME}, seen in progress ") for line in why(db, "C1", clock.now()))
    assert why(db, permalink("C1", "1700000000.000001"), clock.now()) == story
    finish(db, slack, clock)
    story = why(db, GAME, clock.now())
    assert story[0] == f"{GAME} is stored"
    assert any("notice of its start: C1: delivered" in line for line in story)


def test_prune__forgets_games_that_came_to_an_end(
    db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock
) -> None:
    announce(db, riot, slack, clock)
    later = clock.now() + timedelta(days=400)
    with db.transaction():
        assert live.prune(db, later) == 0
    finish(db, slack, clock)
    with db.transaction():
        assert live.prune(db, later) == 1
    assert (live.find(db, GAME), db.rows("SELECT * FROM live_participants")) == (None, [])


def test_clock_ahead__its_games_end_in_time(db: Database, riot: FakeRiot, slack: FakeSlack, clock: FakeClock) -> None:
    """A game seen in what is now the future is over three hours from now."""
    announce(db, riot, slack, clock)
    clock.advance(-86400)
    send(db, slack, clock)
    clock.advance(3 * 3600)
    send(db, slack, clock)
    assert game_state(db) == "over"
