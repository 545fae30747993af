"""The story of a match, a player, a channel: each turn it can take is told, with its time and what comes next."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from support import START, FakeClock, a_match, add_player, claim, ends_just_now, scope_of, store_match

from lolslackbot.errors import NotFound
from lolslackbot.health.why import why
from lolslackbot.model import Message, RiotId
from lolslackbot.settings import Secret, Settings
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import channels, decisions, holds, listings, matches, outbox, players, reasons, riot_hosts, runs
from lolslackbot.store.database import Database
from lolslackbot.store.locks import run_lock
from lolslackbot.store.outbox import Claim

AT = "2026-11-23T12:00:00.000Z"
ENDED = "2026-11-23T11:50:00.000Z"
SINCE = "2026-11-22T12:00:00.000Z"
MATCH = "EUW1_1"


@pytest.fixture
def message(db: Database, clock: FakeClock) -> Message:
    """The message of a stored game that waits in C1."""
    add_player(db)
    store_match(db, a_match(MATCH))
    build_messages(db, Run("build-messages", clock, 80), "")
    return outbox.next_messages(db)[0].message


# A match


def test_a_match_delivered_is_told_from_its_listing_to_its_receipt(db: Database, message: Message) -> None:
    claim(db, message)
    outbox.mark_delivered(db, Claim(message, "t"), "1795449957.711267", START + timedelta(seconds=1))
    assert why(db, "euw1_1", START) == [
        "EUW1_1 is stored",
        f"{ENDED} the game ended",
        f"{AT} listed by Riot, for Player 1#EUW",
        f"{AT} Riot was last asked for it",
        f"{AT} queued for C1",
        f"{AT} C1: claimed (attempts so far: 1)",
        "2026-11-23T12:00:01.000Z C1: delivered, ts 1795449957.711267",
        "C1: posted at 2026-11-23T16:05:57.711Z, https://slack.com/archives/C1/p1795449957711267",
    ]


def test_a_receipt_that_is_no_moment_is_shown_without_one(db: Database, message: Message) -> None:
    claim(db, message)
    outbox.mark_delivered(db, Claim(message, "t"), "999999999999.000001", START)
    assert "C1: posted, https://slack.com/archives/C1/p999999999999000001" in why(db, "euw1_1", START)


def died(db: Database, message: Message) -> None:
    claim(db, message)


def unsure(db: Database, message: Message) -> None:
    claim(db, message)
    outbox.mark_uncertain(db, Claim(message, "t"), "time-out", START)


def refused(db: Database, message: Message) -> None:
    claim(db, message)
    outbox.mark_failed(db, Claim(message, "t"), "is_archived", START, broken=False)


def too_old(db: Database, message: Message) -> None:
    outbox.expire(db, START, START)


def paused(db: Database, message: Message) -> None:
    with db.transaction():
        holds.put(db, scope_of("channel C1"), "paused", "by hand", START, None)


@pytest.mark.parametrize(
    ("happens", "line"),
    [
        (lambda *_: None, "C1: it waits for the next `lolslackbot deliver`"),
        (
            paused,
            f"C1: it waits; channel C1 is paused since {AT}: by hand; `lolslackbot resume --channel C1` goes on",
        ),
        (
            died,
            "C1: the process that was sending it ended before Slack answered; the next `lolslackbot deliver` tries to "
            "look it up",
        ),
        (
            unsure,
            "C1: it may or may not be in Slack: time-out; `lolslackbot deliver` looks it up in the channel's history; "
            "`lolslackbot retry --message EUW1_1 C1` puts it back to be sent again, or with `--found LINK` records "
            "that it is there",
        ),
        (
            refused,
            "C1: it is not in Slack: is_archived; `lolslackbot retry --message EUW1_1 C1` puts it back to be sent",
        ),
        (too_old, "C1: it was never sent, and will not be: no longer news"),
    ],
)
def test_the_last_line_says_what_becomes_of_the_message(
    db: Database, message: Message, happens: Callable[[Database, Message], None], line: str
) -> None:
    happens(db, message)
    assert why(db, MATCH, START)[-1] == line


def test_what_a_person_decided_stands_in_the_story(db: Database, message: Message) -> None:
    with db.transaction():
        decisions.record(db, "retry", f"match {MATCH}", "given_up -> wanted", START)
        decisions.record(db, "retry", f"message {MATCH}:C1", "failed -> pending", START)
    told = why(db, MATCH, START)
    assert f"{AT} `retry` by hand, match EUW1_1: given_up -> wanted" in told
    assert f"{AT} `retry` by hand, message EUW1_1:C1: failed -> pending" in told


def test_a_wanted_match_says_when_riot_is_asked_and_what_holds_that_up(db: Database) -> None:
    player = add_player(db)
    listings.record_page(db, player.player_id, [MATCH], None, START)
    matches.put_off(db, MATCH, "503", START, START + timedelta(minutes=3))
    with db.transaction():
        holds.put(db, scope_of("riot"), "rejected", "403 Forbidden", START, None)
    assert why(db, MATCH, START) == [
        "EUW1_1 is wanted: 503",
        f"{AT} listed by Riot, for Player 1#EUW",
        f"{AT} Riot was last asked for it (failed attempts: 1)",
        f"Riot is asked for it after 2026-11-23T12:03:00.000Z; riot is rejected since {AT}: 403 Forbidden; "
        "put a new one into `env`, RIOT_API_KEY from developer.riotgames.com, then `lolslackbot check`",
    ]


def test_a_match_that_was_not_asked_for_yet_says_what_keeps_it(db: Database) -> None:
    listings.record_page(db, add_player(db).player_id, [MATCH], None, START)
    runs.end(db, runs.begin(db, "fetch-matches", START), START, 75, "fetch-matches: nothing to do; 429")
    assert why(db, MATCH, START) == [
        "EUW1_1 is wanted",
        f"{AT} listed by Riot, for Player 1#EUW",
        f"Riot is asked for it after {AT}; the last fetch-matches ended with 75, fetch-matches: nothing to do; 429",
    ]


def test_a_missing_match_says_whether_it_is_looked_for_again(db: Database) -> None:
    player = add_player(db)
    listings.record_page(db, player.player_id, [MATCH], None, START)
    matches.mark_missing(db, MATCH, START, START + timedelta(minutes=10))
    assert why(db, MATCH, START)[0] == "EUW1_1 is missing: Riot answered 404"
    matches.mark_missing(db, MATCH, START, None)
    told = why(db, MATCH, START)
    assert told[0] == "EUW1_1 is missing: Riot answered 404 and is not asked again"
    assert told[-2] == f"{AT} Riot was last asked for it (404s: 2)"
    assert told[-1] == f"`lolslackbot retry --match {MATCH}` asks Riot for it again"


def test_a_match_that_will_not_be_announced_says_why(db: Database) -> None:
    player = add_player(db)
    listings.record_page(db, player.player_id, [MATCH], None, START)
    matches.give_up(db, MATCH, reasons.BEFORE_TRACKING, START)
    assert why(db, MATCH, START)[0] == "EUW1_1 is given_up: before tracking"


def test_a_stored_match_without_messages_says_who_makes_them(db: Database) -> None:
    add_player(db)
    store_match(db, a_match(MATCH))
    assert why(db, MATCH, START)[-1] == "the next `lolslackbot build-messages` makes its messages"


def test_a_channel_that_does_not_want_it_is_named(db: Database, clock: FakeClock) -> None:
    add_player(db)
    channels.prefer(db, "C1", "aram", None)
    store_match(db, a_match(MATCH))
    build_messages(db, Run("build-messages", clock, 80), "")
    assert why(db, MATCH, START)[-1] == "C1: no message, since it wanted aram at that time"
    assert why(db, "Player 1#EUW", START)[-1].endswith("; C1 did not want it")


def test_a_run_that_ends_just_now_is_not_told_as_cut_off(
    db: Database, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.begin(db, "deliver", START)
    monkeypatch.setattr("lolslackbot.health.why.is_at_work", ends_just_now)
    assert why(db, MATCH, START)[-1] == "C1: it waits for the next `lolslackbot deliver`"


def test_why_a_message_still_waits_is_told_by_the_last_run(db: Database, message: Message) -> None:
    waits = "C1: it waits for the next `lolslackbot deliver`"
    run_id = runs.begin(db, "deliver", START)
    with run_lock(db.path, "deliver"):
        assert why(db, MATCH, START)[-1] == waits
    assert why(db, MATCH, START)[-1] == (
        f"{waits}; the last deliver was cut off (killed, or it could not write): see `lolslackbot check`"
    )
    runs.end(db, run_id, START, 75, "deliver: nothing to do; Slack could not be reached")
    assert why(db, MATCH, START)[-1] == (
        f"{waits}; the last deliver ended with 75, deliver: nothing to do; Slack could not be reached"
    )
    runs.end(db, run_id, START, 0, "deliver: 1 delivered")
    assert why(db, MATCH, START)[-1] == waits
    silent = f"; deliver did not run since {AT}: see `crontab -l` and `lolslackbot check`"
    assert why(db, MATCH, START + timedelta(minutes=9))[-1] == waits + silent
    assert why(db, "C1", START + timedelta(minutes=9))[1:] == [
        silent.removeprefix("; "),
        f"EUW1_1, ended {ENDED}: it waits for the next `lolslackbot deliver`",
    ]


def test_what_ended_by_a_clock_that_was_ahead_is_told_so(db: Database, message: Message) -> None:
    outbox.expire(db, START, START + timedelta(days=365))
    assert why(db, MATCH, START)[-3:] == [
        "2027-11-23T12:00:00.000Z C1: expired: no longer news",
        "by this clock some of that is still to come: it was ahead then, or is behind now; "
        "`lolslackbot check` compares it with the servers'",
        "C1: it was never sent, and will not be: no longer news",
    ]


def test_an_end_that_a_retry_undid_is_not_told_as_it_would_read_now(db: Database, message: Message) -> None:
    claim(db, message)
    outbox.mark_failed(db, Claim(message, "t"), "is_archived", START, broken=False)
    with db.transaction():
        outbox.retry(db, message)
    assert why(db, MATCH, START)[-2:] == [
        f"{AT} C1: claimed (attempts so far: 1)",
        "C1: it waits for the next `lolslackbot deliver`",
    ]


def test_what_was_decided_about_everything_since_it_was_listed_stands_in_its_story(
    db: Database, message: Message
) -> None:
    for hours in (-1, 1):
        with db.transaction():
            at = START + timedelta(hours=hours)
            decisions.record(db, "restore", decisions.EVERYTHING, f"messages in doubt: {hours}", at)
    told = "\n".join(why(db, MATCH, START + timedelta(hours=2)))
    assert "`restore` by hand, everything: messages in doubt: 1" in told
    assert "-1 messages" not in told


# A player


def test_a_player_s_last_games_and_what_became_of_each(db: Database, message: Message) -> None:
    listings.record_page(db, 1, ["EUW1_2"], None, START + timedelta(minutes=1))
    with db.transaction():
        decisions.record(db, "track", "player 1", "in C1", START)
    assert why(db, "player 1#euw", START) == [
        "Player 1#EUW (euw1) is tracked",
        f"games that end after {SINCE} are announced in C1 (queues: all)",
        f"{AT} `track` by hand, player 1: in C1",
        "Riot was last asked for the list at 2026-11-23T12:01:00.000Z",
        "EUW1_2, listed 2026-11-23T12:01:00.000Z: wanted",
        f"EUW1_1, ended {ENDED}: stored; C1 pending",
    ]


def test_a_player_whose_list_cannot_be_had_says_so(db: Database) -> None:
    player = add_player(db)
    assert why(db, "Player 1#EUW", START)[2:] == [
        "no request for the list is on record",
        "no game in any of Riot's lists so far",
        "if there were games, euw1 may be the wrong platform: "
        '`lolslackbot track "Player 1#EUW" --channel C1` asks Riot and mends that',
    ]
    listings.record_problem(db, player.player_id, "404: Riot has no list", START)
    assert (
        why(db, "Player 1#EUW", START)[2]
        == "when Riot was last asked for the list, it could not be had: 404: Riot has no list"
    )


def test_a_player_is_found_by_an_old_name(db: Database) -> None:
    player = add_player(db)
    with db.transaction():
        players.rename(db, player, RiotId("Bear", "EUW"), START)
    assert why(db, "player 1#euw", START)[:4] == [
        "player 1#euw is called Bear#EUW now",
        "Bear#EUW (euw1) is tracked",
        f"games that end after {SINCE} are announced in C1 (queues: all)",
        f"{AT} a new name: Player 1#EUW -> Bear#EUW",
    ]


def test_a_player_once_tracked_is_still_explained(db: Database, message: Message) -> None:
    with db.transaction():
        db.write("DELETE FROM tracks")
    told = why(db, "Player 1#EUW", START)
    assert told[0] == "Player 1#EUW (euw1) is not tracked any more"
    assert told[1].startswith("EUW1_1, ended")


# A channel


def test_a_channel_says_what_it_gets_and_what_holds_it_up(db: Database, message: Message) -> None:
    with db.transaction():
        holds.put(db, scope_of("everything"), "paused", "by hand", START, None)
        decisions.record(db, "pause", "channel C1", "paused", START)
    assert why(db, "C1", START) == [
        "C1 announces Player 1#EUW; queues: all; style: full",
        f"{AT} `pause` by hand, channel C1: paused",
        f"everything is paused since {AT}: by hand; `lolslackbot resume` goes on",
        f"EUW1_1, ended {ENDED}: it waits",
    ]


def test_a_channel_says_what_holds_its_workspace_up(db: Database, message: Message) -> None:
    with db.transaction():
        holds.put(db, scope_of("workspace default"), "limited", "ratelimited", START, START + timedelta(minutes=1))
    assert why(db, "C1", START)[1] == "workspace default is limited until 2026-11-23T12:01:00.000Z: ratelimited"


def test_a_channel_that_nobody_is_announced_in_any_more(db: Database) -> None:
    add_player(db)
    with db.transaction():
        db.write("DELETE FROM tracks")
    assert why(db, "C1", START) == [
        "C1 announces nobody any more; queues: all; style: full",
        "no message was made for it yet",
    ]


@pytest.mark.parametrize("about", ["EUW1_404", "No Body#EUW", "C404", "general", "", "#", "EUW1_"])
def test_where_nothing_is_known_it_says_so(db: Database, about: str) -> None:
    with pytest.raises(NotFound, match="^nothing is known of "):
        why(db, about, START)


# What people paste


def test_a_match_is_found_by_its_number_and_by_the_link_in_our_message(db: Database, message: Message) -> None:
    told = why(db, MATCH, START)
    assert why(db, "1", START) == told
    for link, template in (("1", "{game_id}"), ("euw/1", "{server}/{game_id}")):
        settings = Settings("", "", slack_tokens={"default": Secret("x")}, match_link=f"https://example.org/{template}")
        assert why(db, f"https://example.org/{link}", START, settings) == told


def test_a_number_that_two_platforms_have_lists_both(db: Database, message: Message) -> None:
    listings.record_page(db, 1, ["NA1_1"], None, START)
    assert why(db, "1", START) == [
        "2 platforms have a game 1:",
        "`lolslackbot why EUW1_1`",
        "`lolslackbot why NA1_1`",
    ]


def test_a_message_is_found_by_its_link_in_slack(db: Database, message: Message) -> None:
    claim(db, message)
    outbox.mark_delivered(db, Claim(message, "t"), "1700000000.000100", START)
    link = "https://acme.slack.com/archives/C1/p1700000000000100"
    assert why(db, link, START) == why(db, MATCH, START)
    for unknown in (link[:-1] + "1", link.replace("C1", "C2")):
        with pytest.raises(NotFound, match="^nothing is known of a message "):
            why(db, unknown, START)


def test_a_player_and_a_channel_are_found_as_they_are_pasted(db: Database, message: Message) -> None:
    for pasted in ("Player\u00a01＃EUW", "\u2068player 1\u2069#euw"):
        assert why(db, pasted, START) == why(db, "Player 1#EUW", START)
    for pasted in ("c1", "<#C1|general>", "https://acme.slack.com/archives/C1"):
        assert why(db, pasted, START) == why(db, "C1", START)


@pytest.mark.parametrize("about", ["2", "https://example.org/1", "#general", "<#D0123456|x>"])
def test_what_is_pasted_and_not_known_is_said(db: Database, about: str) -> None:
    with pytest.raises(NotFound, match="^nothing is known of "):
        why(db, about, START)


def test_a_match_that_waits_for_its_host_says_so_and_since_when(db: Database) -> None:
    player = add_player(db)
    listings.record_page(db, player.player_id, [MATCH], None, START)
    for minutes in (0, 10, 60):
        matches.mark_missing(db, MATCH, START + timedelta(minutes=minutes), START)
    assert why(db, MATCH, START)[-1] == (
        f"europe gave no match since its first 404 at {AT}: one such match is asked for every half-hour, and this one "
        f"once any comes, while it is news; `lolslackbot retry --match {MATCH}` asks for it at once"
    )
    riot_hosts.answered(db, "europe", START + timedelta(hours=2))
    assert why(db, MATCH, START)[-1] == f"Riot is asked for it after {AT}"


def test_a_player_who_moved_or_is_far_behind_the_others_is_told_so(db: Database) -> None:
    for number in (1, 2):
        add_player(db, number)
    store_match(db, a_match("EUW1_1", 1, ended_at=START - timedelta(days=20)))
    store_match(db, a_match("EUW1_2", 2, ended_at=START))
    players.record_region(db, 1, "na1", START)
    told = why(db, "Player 1#EUW", START)
    assert (
        "the newest game that Riot listed for Player 1#EUW ended 2026-11-03T12:00:00.000Z; "
        f"the newest of the others' ended {AT}"
    ) in told
    assert (
        f"Riot said at {AT} that Player 1#EUW plays on na1: "
        '`lolslackbot track "Player 1#EUW" --channel C1 --platform na1`'
    ) in told
    assert not any("newest" in line or "Riot said" in line for line in why(db, "Player 2#EUW", START))


def test_what_a_person_decided_about_its_host_is_part_of_a_matchs_story(db: Database) -> None:
    listings.record_page(db, add_player(db).player_id, [MATCH], None, START)
    with db.transaction():
        for host in ("europe", "asia"):
            decisions.record(db, "retry", f"host {host}", "held back -> one call", START + timedelta(minutes=1))
    told = "\n".join(why(db, MATCH, START + timedelta(minutes=2)))
    assert "`retry` by hand, host europe: held back -> one call" in told
    assert "asia" not in told
