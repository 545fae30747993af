"""The story of a match, a player, a channel: in order, and found however it is asked for.

The sentences are asserted in test_sentences.py.
"""

import json
from datetime import timedelta

import pytest
from support import START, Bot, FakeClock, a_match, add_player, claim, ends_just_now, store_match

from lolslackbot.clock import text_of
from lolslackbot.commands.why import why
from lolslackbot.errors import NotFound
from lolslackbot.health.status import status
from lolslackbot.model import Message
from lolslackbot.sandbox import Sandbox
from lolslackbot.settings import Secret, Settings
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import claims, decisions, listings, matches, outbox, players, reasons, riot_hosts, runs
from lolslackbot.store.claims import Claim
from lolslackbot.store.database import Database
from lolslackbot.store.locks import run_lock
from lolslackbot.store.sqlite import SqliteDatabase

AT = "2026-11-23T12:00:00.000Z"
ENDED = "2026-11-23T11:50:00.000Z"
MATCH = "EUW1_1"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def message(db: Database, clock: FakeClock) -> Message:
    """The message of a stored game that waits in C1."""
    add_player(db)
    store_match(db, a_match(MATCH))
    build_messages(db, Run("build-messages", clock, 80), "")
    return outbox.next_messages(db)[0].message


def decide(db: Database, command: str, subject: str, after: timedelta = timedelta(0)) -> None:
    with db.transaction():
        decisions.record(db, command, subject, f"{command} {subject}", START + after)


def test_match__from_listing_to_receipt(db: Database, message: Message) -> None:
    """A delivered match tells everything that happened, in order."""
    claim(db, message)
    claims.mark_delivered(db, Claim(message, "t"), "1795449957.711267", START + timedelta(seconds=1))
    assert why(db, "euw1_1", START) == [
        "EUW1_1 is stored",
        f"{ENDED} the game ended",
        f"{AT} listed for Player 1#EUW",
        f"{AT} last requested from Riot",
        f"{AT} queued for C1",
        f"{AT} C1: claimed (attempts: 1)",
        "2026-11-23T12:00:01.000Z C1: delivered, ts 1795449957.711267",
        "C1: posted at 2026-11-23T16:05:57.711Z, https://slack.com/archives/C1/p1795449957711267",
    ]


def test_match__decisions(db: Database, message: Message) -> None:
    """What a person decided about it, its message, its host and everything is told, since it was listed."""
    subjects = (f"match {MATCH}", f"message {MATCH}:C1", "host europe", "everything")
    for subject in (*subjects, "host asia", "match EUW1_2"):
        decide(db, "retry", subject, MINUTE)
    decide(db, "restore", "everything", -MINUTE)
    found = [line for line in why(db, MATCH, START + 2 * MINUTE) if "by hand" in line]
    assert sorted(found) == sorted(
        f"2026-11-23T12:01:00.000Z `retry` by hand, {subject}: retry {subject}" for subject in subjects
    )


def test_match__wanted(db: Database) -> None:
    """A match that is still to be fetched says when, and how the last run went."""
    listings.record_page(db, add_player(db).player_id, [MATCH], None, START)
    matches.put_off(db, MATCH, "503", START, START + 3 * MINUTE)
    runs.end(db, runs.begin(db, "fetch-matches", START), START, 75, "fetch-matches: nothing to do; 429")
    assert why(db, MATCH, START) == [
        "EUW1_1 is wanted: 503",
        f"{AT} listed for Player 1#EUW",
        f"{AT} last requested from Riot (failed attempts: 1)",
        "next request to Riot after 2026-11-23T12:03:00.000Z; the last fetch-matches ended with exit 75 "
        "(fetch-matches: nothing to do; 429)",
    ]


def test_match__missing(db: Database) -> None:
    """A missing match says whether it is retried."""
    listings.record_page(db, add_player(db).player_id, [MATCH], None, START)
    matches.mark_missing(db, MATCH, START, START + 10 * MINUTE)
    assert why(db, MATCH, START)[0] == "EUW1_1 is missing: Riot answered 404"
    matches.mark_missing(db, MATCH, START, None)
    assert why(db, MATCH, START)[-1] == f"to fetch it again: `lolslackbot retry --match {MATCH}`"


def test_match__waits_for_its_host(db: Database) -> None:
    """Once its host returns any match, it is a usual missing one."""
    listings.record_page(db, add_player(db).player_id, [MATCH], None, START)
    for minutes in (0, 10, 60):
        matches.mark_missing(db, MATCH, START + minutes * MINUTE, START)
    assert why(db, MATCH, START)[-1].startswith("europe has answered 404 for every match")
    riot_hosts.record_match(db, "europe", START + timedelta(hours=2))
    assert why(db, MATCH, START)[-1] == f"next request to Riot after {AT}"


def test_match__given_up(db: Database) -> None:
    """A match that will not be announced says why, and offers no retry where nobody misses it."""
    listings.record_page(db, add_player(db).player_id, [MATCH], None, START)
    matches.give_up(db, MATCH, reasons.BEFORE_TRACKING, START)
    assert why(db, MATCH, START)[::2] == ["EUW1_1 is given_up: before tracking", f"{AT} last requested from Riot"]


def test_match__not_built(db: Database) -> None:
    """A stored match without messages says who makes them."""
    add_player(db)
    store_match(db, a_match(MATCH))
    assert why(db, MATCH, START)[-1] == "waiting for the next `lolslackbot build-messages`"


def test_match__end_undone_by_retry(db: Database, message: Message) -> None:
    """An end that a retry undid is not told as it would read now."""
    claim(db, message)
    claims.mark_failed(db, Claim(message, "t"), "is_archived", START, broken=False)
    with db.transaction():
        outbox.retry(db, message)
    assert why(db, MATCH, START)[-2:] == [
        f"{AT} C1: claimed (attempts: 1)",
        "C1: waiting for the next `lolslackbot deliver`",
    ]


def test_last_run__ends_during_snapshot(db: Database, message: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends just now is not told as cut off."""
    runs.begin(db, "deliver", START)
    monkeypatch.setattr(SqliteDatabase, "is_at_work", ends_just_now)
    assert why(db, MATCH, START)[-1] == "C1: waiting for the next `lolslackbot deliver`"


def test_last_run__at_work(db: Database, message: Message) -> None:
    """A run at work explains nothing until it takes long."""
    runs.begin(db, "deliver", START)
    with run_lock(db.path, "deliver"):
        assert why(db, MATCH, START)[-1] == "C1: waiting for the next `lolslackbot deliver`"


# Players and channels


def test_player__last_games(db: Database, message: Message) -> None:
    """A player's story: tracks, decisions, the list, and what became of each game."""
    listings.record_page(db, 1, ["EUW1_2"], None, START + MINUTE)
    decide(db, "track", "player 1")
    assert why(db, "player 1#euw", START) == [
        "Player 1#EUW (euw1) is tracked",
        "announced in C1: games that end after 2026-11-22T12:00:00.000Z (queues: all)",
        f"{AT} `track` by hand, player 1: track player 1",
        "player list last polled at 2026-11-23T12:01:00.000Z",
        "EUW1_2, listed 2026-11-23T12:01:00.000Z: wanted",
        f"EUW1_1, ended {ENDED}: stored; C1 pending",
    ]


def test_player__nothing_odd(db: Database) -> None:
    """Who plays where they are tracked, as much as the others, has no doubts about the platform."""
    for number in (1, 2):
        add_player(db, number)
        store_match(db, a_match(f"EUW1_{number}", number))
    players.record_region(db, 1, "euw1", START)
    assert len(why(db, "Player 1#EUW", START)) == 4


def test_channel__holds_before_messages(db: Database, message: Message) -> None:
    """What a channel gets, what was decided, what holds it up, and its messages."""
    decide(db, "pause", "channel C1")
    assert why(db, "C1", START) == [
        "C1 announces Player 1#EUW; queues: all; style: full; ranks: on; digest: on; live: off; requests: off",
        f"{AT} `pause` by hand, channel C1: pause channel C1",
        f"EUW1_1, ended {ENDED}: waiting for the next `lolslackbot deliver`",
        "no week was summed up so far: `lolslackbot digest` does it, see crontab.example",
    ]


# What people paste


@pytest.mark.parametrize(
    "about",
    [
        "EUW1_404",
        "No Body#EUW",
        "C404",
        "general",
        "",
        "#",
        "EUW1_",
        "2",
        "https://example.org/1",
        "#general",
        "<#D01|x>",
    ],
)
def test_unknown(db: Database, about: str) -> None:
    """Where nothing is known it says so."""
    with pytest.raises(NotFound, match="^nothing is known of "):
        why(db, about, START)


@pytest.mark.parametrize(("link", "template"), [("1", "{game_id}"), ("euw/1", "{server}/{game_id}")])
def test_match__by_number_or_link(db: Database, message: Message, link: str, template: str) -> None:
    """A match is found by its number and by the link in our message."""
    told = why(db, MATCH, START)
    settings = Settings("", "", slack_tokens={"default": Secret("x")}, match_link=f"https://example.org/{template}")
    assert why(db, "1", START) == told
    assert why(db, f"https://example.org/{link}", START, settings) == told


def test_match__number_of_two_platforms(db: Database, message: Message) -> None:
    """A number that two platforms have lists both."""
    listings.record_page(db, 1, ["NA1_1"], None, START)
    assert why(db, "1", START) == [
        "2 platforms have a game 1:",
        "`lolslackbot why EUW1_1`",
        "`lolslackbot why NA1_1`",
    ]


def test_match__by_slack_link(db: Database, message: Message) -> None:
    """A message is found by its link in Slack."""
    claim(db, message)
    claims.mark_delivered(db, Claim(message, "t"), "1700000000.000100", START)
    link = "https://acme.slack.com/archives/C1/p1700000000000100"
    assert why(db, link, START) == why(db, MATCH, START)
    for unknown in (link[:-1] + "1", link.replace("C1", "C2")):
        with pytest.raises(NotFound, match="^nothing is known of a message "):
            why(db, unknown, START)


def test_player_and_channel__as_pasted(db: Database, message: Message) -> None:
    """A player and a channel are found in the forms in which they are pasted."""
    for pasted in ("Player\u00a01＃EUW", "\u2068player 1\u2069#euw"):
        assert why(db, pasted, START) == why(db, "Player 1#EUW", START)
    for pasted in ("c1", "<#C1|general>", "https://acme.slack.com/archives/C1"):
        assert why(db, pasted, START) == why(db, "C1", START)


# The stored answer


def test_json__stored_answer_until_pruned(in_process_bot: Bot, sandbox: Sandbox) -> None:
    """`why MATCH --json` prints what Riot answered; once that is pruned, one line says so."""
    sandbox.slack.add_channel("C1")
    player = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    in_process_bot.run("track", "Ahri Fan#EUW", "--channel", "C1")
    in_process_bot.write("UPDATE tracks SET since = '2026-01-01T00:00:00.000Z'")
    match_id = sandbox.riot.add_game([player])
    in_process_bot.tick()
    link = f"https://acme.slack.com/archives/C1/p{sandbox.slack.posts[0].ts.replace('.', '')}"
    for about in (match_id, match_id.partition("_")[2], link):
        result = in_process_bot.run("why", about, "--json")
        assert (result.status, result.err) == (0, "")
        assert json.loads(result.out) == sandbox.riot.matches[match_id]
    in_process_bot.write("UPDATE matches SET body = NULL")
    for about in (match_id, "EUW1_404", "404", link[:-1] + ("1" if link[-1] == "0" else "0")):
        result = in_process_bot.run("why", about, "--json")
        assert (result.status, result.out, len(result.err.splitlines())) == (1, "", 1)
        assert "no stored answer about" in result.err


def test_json__not_one_match(in_process_bot: Bot, sandbox: Sandbox, db: Database) -> None:
    """What is no match, or two, has no answer."""
    listings.record_page(db, add_player(db).player_id, ["EUW1_1", "NA1_1"], None, START)
    for about in ("C1", "Player 1#EUW", "1"):
        result = in_process_bot.run("why", about, "--json")
        assert (result.status, result.out) == (2, "")
        assert "--json needs " in result.err


# Lists that take turns


def test_player__whose_turn_it_is(db: Database) -> None:
    """Where not all lists fit into a run: which place, how many a run asks for, and what makes it likely."""
    for number in range(1, 62):
        add_player(db, number)
        listings.asked_in_vain(db, number, START - timedelta(minutes=1 + 8 * (number > 40)))
    played = text_of(START - timedelta(minutes=30))
    with db.transaction():
        db.write("UPDATE players SET last_game_at = :played WHERE player_id = 50", played=played)

    def turn(number: int) -> str:
        return next(line for line in why(db, f"Player {number}#EUW", START) if "take turns" in line)

    assert f"likelier news first: 1 of 61, about 40 a run (played last until {played})" in turn(50)
    assert "likelier news first: 22 of 61, about 40 a run (no game is known)" in turn(1)
    assert [note for note in status(db, START).notes if "take turns" in note] == [
        "player lists take turns, likelier news first; half of them were polled since: "
        "1 who played within 2 hours: 9 min ago; 60 who played longer ago or never: 1 min ago"
    ]
