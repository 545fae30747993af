"""`digest`: which channels get a message about which week, what it counts, and what becomes of it."""

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from fakes import FakeSlack
from support import START, Bot, Command, FakeClock, a_match, add_player, claim, participant, puuid, store_match

from lolslackbot.admin.tracking import untrack
from lolslackbot.clock import Clock, text_of
from lolslackbot.errors import Exit, NotFound
from lolslackbot.game import Match
from lolslackbot.health.needs import NeedKind
from lolslackbot.health.status import status
from lolslackbot.messages.announcement import RenderOptions
from lolslackbot.model import MessageKind, RiotId
from lolslackbot.rank import SOLO, Standing
from lolslackbot.sandbox import Sandbox
from lolslackbot.sandbox.blocks import shown
from lolslackbot.settings import ChannelLimit
from lolslackbot.slack.answers import Posted, SlackVerdict
from lolslackbot.stages import digest as stage
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.deliver import Limits, deliver, dry_run
from lolslackbot.stages.digest import Order, build_digests, draft_of, recap_of
from lolslackbot.stages.reconcile import Policy
from lolslackbot.stages.run import Run
from lolslackbot.store import channels, holds, outbox, ranks, restores
from lolslackbot.store.channels import Change
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database
from lolslackbot.week import Week

MONDAY = Week.of(START).begins + timedelta(hours=9)  # when cron runs it
WEEK = Week.last_whole(MONDAY)
SUBJECT = f"week {WEEK}"
HOUR = timedelta(hours=1)
LIMITS = Limits(timedelta(hours=12), ChannelLimit(30, 3600), Policy(timedelta(minutes=10), resend=True))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(MONDAY)


@pytest.fixture
def slack() -> FakeSlack:
    return FakeSlack()


def add(db: Database, number: int = 1, channel: str = "C1") -> None:
    add_player(db, number, channel=channel, since=WEEK.begins - timedelta(days=30))


def play(db: Database, *numbers: int, ended: datetime = WEEK.ends - HOUR, game: int = 1, **changes: Any) -> Match:
    """A stored game of these players whose messages are built, and expired long since."""
    match = a_match(f"EUW1_{game}", *numbers, ended_at=ended, **changes)
    store_match(db, match, MONDAY)
    build_messages(db, Run("build-messages", FakeClock(MONDAY + timedelta(minutes=5)), 80), "")
    with db.transaction():
        db.write("UPDATE messages SET state = 'expired', error = 'x' WHERE kind = 'game' AND state = 'pending'")
    return match


def digest(db: Database, clock: FakeClock, **wanted: Any) -> Run:
    run = Run("digest", clock, 80)
    build_digests(db, run, Order(**{"week": WEEK, **wanted}), "")
    return run


def send(db: Database, slack: FakeSlack, clock: FakeClock) -> Run:
    run = Run("deliver", clock, 80)
    slack.requests.clear()
    clamp_future_times(db, clock.now())
    deliver(db, lambda _: slack, run, LIMITS)  # type: ignore[arg-type,return-value]
    clock.advance(180)
    return run


def digests(db: Database) -> list[tuple[str, str, str]]:
    rows = db.rows(
        "SELECT subject, channel_id, state FROM messages WHERE kind = 'digest' ORDER BY happened_at, channel_id"
    )
    return [(row["subject"], row["channel_id"], row["state"]) for row in rows]


def text(db: Database, subject: str = SUBJECT) -> str:
    found = outbox.find(db, subject, "C1")
    assert found
    return found[0].text


# Which channels, which games


def test_each_channel_that_had_a_game_gets_one_message(
    db: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, stage.__name__)
    for number, channel in enumerate(("C1", "C2", "C3"), 1):
        add(db, number, channel)
    channels.prefer(db, "C2", Change(digest=False), START)
    play(db, 1, 2)
    run = digest(db, clock)
    assert digests(db) == [(SUBJECT, "C1", "pending")]
    assert dict(run.counts) == {"built": 1, "unwanted": 1, "without a game": 1}
    assert run.status is Exit.OK
    ours = [record for record in caplog.records if record.name == stage.__name__]  # others log as their tests set them
    decided = [record.getMessage() for record in ours if record.levelno == logging.DEBUG]
    assert decided == ["built", "unwanted", "without a game"]
    assert text(db).startswith(f"🗓️ The week of {WEEK.dates}: 1 game, 1 won\n")


def test_run_again_it_builds_nothing(db: Database, clock: FakeClock) -> None:
    add(db)
    play(db, 1)
    digest(db, clock)
    before = text(db)
    play(db, 1, game=2)
    assert dict(digest(db, clock).counts) == {"already built": 1}
    assert (len(digests(db)), text(db)) == (1, before)


def test_again_it_is_a_message_of_its_own(db: Database, clock: FakeClock) -> None:
    add(db)
    play(db, 1)
    digest(db, clock)
    digest(db, clock, again=True)
    clock.advance(60)
    digest(db, clock, again=True)
    assert [subject for subject, *_ in digests(db)] == [
        SUBJECT,
        f"{SUBJECT} again {text_of(MONDAY)}",
        f"{SUBJECT} again {text_of(MONDAY + timedelta(minutes=1))}",
    ]


@pytest.mark.parametrize(
    ("ended", "counts"),
    [
        (WEEK.begins - timedelta(milliseconds=1), False),
        (WEEK.begins, True),
        (WEEK.ends - timedelta(milliseconds=1), True),
        (WEEK.ends, False),
    ],
)
def test_a_game_belongs_to_the_week_in_which_it_ended(
    db: Database, clock: FakeClock, ended: datetime, counts: bool
) -> None:
    add(db)
    play(db, 1, ended=ended)
    digest(db, clock)
    assert bool(digests(db)) == counts


def test_built_late_it_counts_that_week_and_no_other(db: Database, clock: FakeClock) -> None:
    add(db)
    play(db, 1)
    play(db, 1, game=2, ended=MONDAY + HOUR)
    clock.advance(6 * 24 * 3600)
    digest(db, clock)
    assert "1 game, 1 won" in text(db)


def test_what_a_channel_did_not_hear_of_does_not_count(db: Database, clock: FakeClock) -> None:
    """A queue that it did not want then, a game before a player was tracked, a player who is tracked no more."""
    for number in (1, 2, 3):
        add(db, number)
    channels.prefer(db, "C1", Change(queues="ranked"), START)
    play(db, 1, queue_id=450, game_mode="ARAM")
    channels.prefer(db, "C1", Change(queues="aram"), START)
    play(db, 1, game=2)
    add_player(db, 4, since=WEEK.ends - HOUR / 2)
    channels.prefer(db, "C1", Change(queues="all"), START)
    play(db, 1, 3, 4, game=3)
    untrack(db, riot_id(3), None, MONDAY, "")
    digest(db, clock)
    assert "1 game, 1 won" in text(db)
    assert [line.partition(":")[0] for line in text(db).splitlines()[3:]] == ["Player 1"]


def riot_id(number: int) -> RiotId:
    return RiotId(f"Player {number}", "EUW")


def test_a_game_that_is_not_built_yet_counts_as_the_channel_wants_it(db: Database, clock: FakeClock) -> None:
    add(db)
    store_match(db, a_match("EUW1_1", ended_at=WEEK.ends - HOUR), MONDAY)
    store_match(db, a_match("EUW1_2", ended_at=WEEK.ends - HOUR, queue_id=450, game_mode="ARAM"), MONDAY)
    channels.prefer(db, "C1", Change(queues="ranked"), START)
    digest(db, clock)
    assert "1 game, 1 won" in text(db)


def test_one_channel_only(db: Database, clock: FakeClock) -> None:
    for number, channel in enumerate(("C1", "C2"), 1):
        add(db, number, channel)
    play(db, 1, 2)
    digest(db, clock, channel_id="C2")
    assert [channel for _, channel, _ in digests(db)] == ["C2"]
    with pytest.raises(NotFound, match="C9 is not a tracked channel"):
        digest(db, clock, channel_id="C9")


def test_names_are_those_of_today(db: Database, clock: FakeClock) -> None:
    add(db)
    play(db, 1)
    renamed = participant(1, name="New Name", tag_line="NA1")
    store_match(db, a_match("EUW1_9", ended_at=MONDAY, participants=(renamed,)), MONDAY)
    digest(db, clock)
    assert "New Name: 1 game" in text(db)


def test_a_channel_that_fails_does_not_hold_up_the_others(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for number, channel in enumerate(("C1", "C2"), 1):
        add(db, number, channel)
    play(db, 1, 2)
    real = stage.draft_of

    def failing(db: Database, week: Week, channel_id: str, *more: Any) -> Any:
        if channel_id == "C1":
            raise ZeroDivisionError("odd figures")
        return real(db, week, channel_id, *more)

    monkeypatch.setattr(stage, "draft_of", failing)
    run = digest(db, clock)
    assert (run.status, dict(run.counts)) == (Exit.SOME_FAILED, {"failed": 1, "built": 1})
    assert "ZeroDivisionError: odd figures" in caplog.text
    monkeypatch.undo()
    assert dict(digest(db, clock).counts) == {"built": 1, "already built": 1}  # nothing is lost


def test_out_of_time_it_goes_on_next_time(db: Database, clock: FakeClock) -> None:
    for number, channel in enumerate(("C1", "C2"), 1):
        add(db, number, channel)
    play(db, 1, 2)
    run = Run("digest", clock, 0)
    build_digests(db, run, Order(WEEK), "")
    assert (digests(db), run.out_of_time) == ([], True)
    digest(db, clock)
    assert len(digests(db)) == 2


# What old games lack


def test_pentakills_of_old_games_come_from_the_stored_answers(db: Database, clock: FakeClock) -> None:
    add(db)
    with Sandbox(seed=1) as sandbox:
        friend = sandbox.riot.add_player("Player 1#EUW")
        match_id = sandbox.riot.add_game([friend], ended=WEEK.ends - HOUR, stats={friend.puuid: {"pentaKills": 2}})
        body = json.dumps(sandbox.riot.matches[match_id]).replace(friend.puuid, puuid(1)).encode()
    match = a_match(match_id, participants=(participant(1, penta_kills=None),), ended_at=WEEK.ends - HOUR)
    store_match(db, match, MONDAY, body)
    digest(db, clock)
    assert "⭐ Pentakills: Player 1 2" in text(db)


@pytest.mark.parametrize("body", [b"{}", b"not JSON", None])
def test_pentakills_that_nobody_knows_are_unknown(
    db: Database, clock: FakeClock, body: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer was pruned, or cannot be read: the digest goes out, and says nothing of them."""
    add(db)
    match = a_match(participants=(participant(1, penta_kills=None),), ended_at=WEEK.ends - HOUR)
    store_match(db, match, MONDAY, body or b"")
    if body is None:
        with db.transaction():
            db.write("UPDATE matches SET body = NULL")
    digest(db, clock)
    assert "Pentakills" not in text(db)
    (friend,) = recap_of(db, ["C1"], WEEK.midnights).friends
    assert (friend.penta_kills, friend.is_whole) == (0, False)
    assert ("cannot be read" in caplog.text) == (body is not None)


# Ranks


GOLD = Standing("GOLD", "II", 45, 30, 20)


def read_rank(db: Database, moment: datetime, standing: Standing) -> None:
    with db.transaction():
        ranks.record(db, 1, moment, {SOLO: standing})


def test_lp_of_the_week_as_readings_prove_them(db: Database, clock: FakeClock) -> None:
    add(db)
    read_rank(db, WEEK.begins - 5 * HOUR, GOLD)
    play(db, 1, ended=WEEK.begins + 20 * HOUR)
    read_rank(db, WEEK.begins + 21 * HOUR, replace(GOLD, lp=66, wins=31))
    play(db, 1, ended=WEEK.ends - HOUR / 4, game=2)
    read_rank(db, WEEK.ends + HOUR / 4, replace(GOLD, lp=88, wins=32))  # the last game of the week, read on Monday
    digest(db, clock)
    assert "📈 Player 1 climbed: +43 LP, to Gold II 88 LP (solo)" in text(db)
    (message, _) = outbox.find(db, SUBJECT, "C1") or (None, None)
    assert message
    chart = shown(json.loads(message.blocks or ""))
    assert "Player 1: Mon 21, Tue 21, Wed 21, Thu 21, Fri 21, Sat 21, Sun 43" in chart
    channels.prefer(db, "C1", Change(ranks=False), START)
    assert "LP" not in (draft_of(db, WEEK, "C1", "default", RenderOptions()) or message).text


def test_no_lp_where_no_reading_proves_them(db: Database, clock: FakeClock) -> None:
    add(db)
    read_rank(db, WEEK.begins - 5 * HOUR, GOLD)
    play(db, 1)
    digest(db, clock)
    assert "LP" not in text(db)


# Until it is posted


def test_it_is_posted_before_the_games_of_the_new_week(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add(db)
    play(db, 1)
    store_match(db, a_match("EUW1_2", ended_at=MONDAY - HOUR), MONDAY)
    build_messages(db, Run("build-messages", FakeClock(MONDAY + timedelta(minutes=5)), 80), "")
    digest(db, clock)
    send(db, slack, clock)
    assert slack.keys == [f"{SUBJECT}:C1", "EUW1_2:C1"]


@pytest.mark.parametrize(("hours", "state"), [(47.9, "delivered"), (48.1, "expired")])
def test_it_is_worth_saying_for_two_days_after_it_was_made(
    db: Database, slack: FakeSlack, clock: FakeClock, hours: float, state: str
) -> None:
    """However long its week is over: it may be made late."""
    add(db)
    play(db, 1)
    clock.advance(5 * 24 * 3600)
    digest(db, clock)
    clock.advance(hours * 3600)
    going, notes = dry_run(db, LIMITS, clock.now())
    assert (bool(going), notes) == (
        state == "delivered",
        [] if going else [f"{SUBJECT}:C1 expires: no longer news"],
    )
    send(db, slack, clock)
    assert digests(db)[0][2] == state


@pytest.mark.parametrize("refused", [0, 1, 2, 3])
def test_refused_blocks_move_it_to_its_next_form(
    db: Database, slack: FakeSlack, clock: FakeClock, refused: int
) -> None:
    """Charts, then a table alone, then plain text; each form in the database before its claim."""
    add(db)
    play(db, 1)
    digest(db, clock)
    slack.outcomes["C1"] = [Posted(SlackVerdict.BLOCKS_REFUSED, "invalid_blocks")] * refused
    kept: list[str | None] = []
    slack.on_post = lambda message: kept.append(db.row("SELECT blocks FROM messages WHERE kind = 'digest'")["blocks"])  # type: ignore[index]
    send(db, slack, clock)
    forms = ["data_table", "table", None]
    sent = [message.blocks for message in slack.requests]
    assert sent == kept
    assert [blocks and json.loads(blocks)[1]["type"] for blocks in sent] == forms[: refused + 1]
    row = db.row("SELECT state, attempts, plainer_blocks FROM messages WHERE kind = 'digest'")
    assert row
    state = "failed" if refused == 3 else "delivered"
    assert (row["state"], row["attempts"], bool(row["plainer_blocks"])) == (state, min(refused + 1, 3), refused == 0)


def test_a_form_that_slack_refused_is_not_tried_again_by_a_later_run(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add(db)
    play(db, 1)
    digest(db, clock)
    slack.outcomes["C1"] = [
        Posted(SlackVerdict.BLOCKS_REFUSED, "invalid_blocks"),
        Posted(SlackVerdict.LIMITED, "ratelimited", wait=60),
    ]
    send(db, slack, clock)
    (going,), _ = dry_run(db, LIMITS, clock.now())
    assert json.loads(going.blocks or "")[1]["type"] == "table"
    send(db, slack, clock)
    assert [json.loads(message.blocks or "")[1]["type"] for message in slack.requests] == ["table"]


def test_whoever_is_untracked_is_not_named_any_more(db: Database, clock: FakeClock) -> None:
    """A digest that waits is built anew; one that is about nobody else expires."""
    add(db, 1)
    add(db, 2)
    play(db, 1, 2)
    digest(db, clock)
    digest(db, clock, again=True)
    untrack(db, riot_id(1), None, MONDAY, "")
    row = db.rows("SELECT text, blocks, plainer_blocks FROM messages WHERE kind = 'digest' AND state = 'pending'")
    assert len(row) == 2
    assert not any("Player 1" in each for one in row for each in one)
    untrack(db, riot_id(2), None, MONDAY, "")
    assert {state for *_, state in digests(db)} == {"expired"}


def test_a_clock_that_was_ahead_delays_no_digest(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """Made by a clock a year ahead, it counts as made when the clock is right again, and is news for two days."""
    add(db)
    play(db, 1)
    ahead = FakeClock(MONDAY + timedelta(days=365))
    digest(db, ahead)
    clamp_future_times(db, clock.now())
    assert outbox.waiting(db)[0][1].built_at == clock.now()
    send(db, slack, clock)
    assert digests(db)[0][2] == "delivered"


def test_one_that_fails_needs_a_person(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """Also when it was made days after its week."""
    add(db)
    play(db, 1)
    clock.advance(5 * 24 * 3600)
    digest(db, clock)
    slack.outcomes["C1"] = [Posted(SlackVerdict.MESSAGE_REFUSED, "msg_too_long")]
    send(db, slack, clock)
    assert [need.text for need in status(db, clock.now()).needs if need.kind is NeedKind.MESSAGES_FAILED] == [
        f"1 message to C1 failed in the last 24 h (latest: {SUBJECT}: msg_too_long); to resend: "
        "`lolslackbot retry --channel C1`"
    ]


# After a restore


def test_made_again_after_a_restore_it_is_looked_up_first(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """The database that was replaced may have posted it, though nothing here says so."""
    add(db)
    play(db, 1)
    with db.transaction():
        restores.doubt_all(db, MONDAY)
    digest(db, clock)
    assert digests(db) == [(SUBJECT, "C1", "uncertain")]
    slack.histories["C1"] = {f"{SUBJECT}:C1": "1795449957.711267"}
    clock.advance(180)
    send(db, slack, clock)
    assert (digests(db)[0][2], slack.requests) == ("delivered", [])


OLD = Week(WEEK.monday - timedelta(weeks=20))


def test_a_week_of_long_ago_holds_up_no_other_message(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """A history of half a year may be too long to be read: eight days of it are, for a digest; all else as before."""
    add_player(db, since=OLD.begins)
    play(db, 1, ended=OLD.ends - HOUR)
    digest(db, clock, week=OLD)
    slack.outcomes["C1"] = [Posted(SlackVerdict.UNCERTAIN, "HTTP 503")]
    send(db, slack, clock)
    send(db, slack, clock)
    assert [row["state"] for row in db.rows("SELECT state FROM messages WHERE kind = 'digest'")] == ["uncertain"]
    assert slack.oldest
    assert min(slack.oldest) > MONDAY - timedelta(days=8, minutes=11)


def test_a_week_of_long_ago_is_not_built_after_a_restore(db: Database, clock: FakeClock) -> None:
    """What was posted of it then cannot be looked up any more. A person may want it all the same."""
    add_player(db, since=OLD.begins)
    play(db, 1, ended=OLD.ends - HOUR)
    with db.transaction():
        restores.doubt_all(db, MONDAY - timedelta(days=30))
    assert dict(digest(db, clock, week=OLD).counts) == {"in doubt since a restore": 1}
    assert dict(digest(db, clock, week=OLD, again=True).counts) == {"built": 1}
    assert dict(digest(db, clock).counts) == {"without a game": 1}


def test_a_claim_takes_the_digest_while_it_is_news(db: Database, clock: FakeClock) -> None:
    add(db)
    play(db, 1)
    digest(db, clock)
    ((message, dates),) = outbox.waiting(db)
    assert (message.kind, dates.happened_at, dates.built_at) == (MessageKind.DIGEST, WEEK.ends, MONDAY)
    assert not claim(db, message, now=MONDAY + timedelta(hours=49))
    assert claim(db, message, now=MONDAY + timedelta(hours=47))


def test_a_paused_channel_keeps_it(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add(db)
    play(db, 1)
    digest(db, clock)
    with db.transaction():
        holds.put(db, holds.channel_scope("C1"), "paused", "by hand", MONDAY, None)
    send(db, slack, clock)
    assert digests(db)[0][2] == "pending"


# The commands


def test_the_week_of_a_command_must_be_over(in_process_command: Command, db: Database) -> None:
    add(db)
    for week, words in (("2999-W01", "is not over before 29"), ("2026-W60", "is no week: give year and ISO week")):
        result = in_process_command("digest", "--week", week)
        assert (result.status, result.out) == (2, "")
        assert words in result.err


def test_the_command_sums_up_the_last_whole_week(in_process_bot: Bot, db: Database) -> None:
    week = Week.last_whole(Clock().now())
    add_player(db, since=week.begins - timedelta(days=9))
    store_match(db, a_match(ended_at=week.ends - HOUR), week.ends)
    assert in_process_bot.run("digest").out == "digest: 1 built\n"
    assert in_process_bot.run("digest", "-q").status == 2
    quiet = in_process_bot.run("-q", "digest")
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")
    assert in_process_bot.rows("SELECT subject FROM messages") == [(f"week {week}",)]
    assert "digest: 1 already built" in in_process_bot.run("why", "C1").out
    assert in_process_bot.run("digest", "--channel", "C9").status == 1


@pytest.mark.sqlite_only
def test_without_a_database_it_makes_nothing(in_process_bot: Bot) -> None:
    result = in_process_bot.run("digest")
    assert (result.status, result.out) == (2, "")
    assert not in_process_bot.home.exists()


@pytest.mark.parametrize("arguments", [(), ("--days", "30"), ("--channel", "C1", "--days", "30")])
def test_the_leaderboard_shows_the_same_table(in_process_bot: Bot, db: Database, arguments: tuple[str, ...]) -> None:
    now = Clock().now()
    for number, channel in ((1, "C1"), (2, "C2"), (1, "C2")):
        add_player(db, number, channel=channel, since=now - timedelta(days=60))
    store_match(db, a_match("EUW1_1", 1, 2, ended_at=now - timedelta(days=6)), now)
    store_match(db, a_match("EUW1_2", 1, ended_at=now - timedelta(days=8)), now)
    result = in_process_bot.run("leaderboard", *arguments)
    assert result.status == 0
    head, titles, first, *rest = result.out.splitlines()
    games = 2 if arguments else 1
    assert head.endswith(f": {games} game{'s' * (games > 1)}, {games} won")
    assert titles.split() == ["player", "games", "W–L", "LP", "K/D/A", "time", "rank"]
    assert first.startswith(f"Player 1#EUW  {games}")
    assert len(rest) == (0 if "C1" in arguments else 1)
    told = json.loads(in_process_bot.run("leaderboard", "--json", *arguments).out)
    assert told[0] == {
        "player": "Player 1#EUW",
        "games": games,
        "wins": games,
        "losses": 0,
        "kills": 7 * games,
        "deaths": 2 * games,
        "assists": 9 * games,
        "pentakills": None,
        "seconds": 1871 * games,
        "lp": None,
        "rank": None,
        "queue": None,
    }


def test_a_leaderboard_of_nothing(in_process_bot: Bot, db: Database) -> None:
    add(db)
    assert in_process_bot.run("leaderboard", "--week", "2020-W01").out.splitlines()[1:] == ["No games."]
    assert in_process_bot.run("leaderboard", "--json").out == "[]\n"
    assert in_process_bot.run("leaderboard", "--channel", "C9").status == 1
    both = in_process_bot.run("leaderboard", "--week", "2020-W01", "--days", "3")
    assert (both.status, "exclude each other" in both.err) == (2, True)
