"""Opting in and out: which calls it costs, who is taken for whom, what is waited for, what becomes of messages."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fakes import FORBIDDEN, NOT_FOUND, OTHER_KEY, UNAUTHORIZED, UNAVAILABLE, FakeRiot, refused
from support import START, FakeClock, a_match, add_player, claim, puuid, store_match

from lolslackbot.admin.arguments import TrackRequest
from lolslackbot.admin.tracking import Tracker, prefer, untrack
from lolslackbot.errors import ConfigError, Exit, NotFound, RunAborted, TemporaryError
from lolslackbot.model import Account, RiotId
from lolslackbot.rank import SOLO, Standing
from lolslackbot.riot.answers import RiotVerdict
from lolslackbot.riot.limiter import RateLimited
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import channels, claims, decisions, in_doubt, listings, matches, outbox, players, ranks, restores
from lolslackbot.store.claims import Claim
from lolslackbot.store.database import Database

ONE = "Player 1#EUW"
MAX_WAIT = 10.0


@pytest.fixture
def riot() -> FakeRiot:
    """Knows players 1 and 2."""
    riot = FakeRiot()
    riot.accounts = {f"Player {number}#EUW": puuid(number) for number in (1, 2)}
    return riot


@pytest.fixture
def track(db: Database, riot: FakeRiot, clock: FakeClock) -> Callable[..., str]:
    """Tracks a player in a channel; the calls of that attempt are in `riot.calls`."""

    def do(
        name: str = ONE, channel: str = "C1", platform: str | None = None, workspace: str = "default", **more: Any
    ) -> str:
        riot.calls.clear()
        game_name, _, tag = name.partition("#")
        wish = TrackRequest(RiotId(game_name, tag), channel, platform, workspace, **more)
        return str(Tracker(db, riot, clock, MAX_WAIT).track(wish))  # type: ignore[arg-type]

    return do


def tracked(db: Database) -> list[tuple[str, str, str, str]]:
    """Number of the puuid, name, platform and channel of every track."""
    return [
        (each.player.puuid[6:10].lstrip("0"), str(each.player.riot_id), each.player.platform, each.channel_id)
        for each in players.tracks(db)
    ]


# Tracking


def test_a_new_player_costs_an_account_and_a_platform_call(
    db: Database, riot: FakeRiot, track: Callable[..., str]
) -> None:
    assert track() == f"{ONE} (euw1) is announced in C1: games that end after 2026-11-23T12:00:00.000Z"
    assert riot.calls == [ONE, f"platform of {puuid(1)}"]
    assert tracked(db) == [("1", ONE, "euw1", "C1")]
    assert players.tracks(db)[0].since == START


@pytest.mark.parametrize("refusal", [UNAVAILABLE, NOT_FOUND, RateLimited(START, "full")])
def test_rank__begins_with_track_and_fails_none(
    db: Database, riot: FakeRiot, track: Callable[..., str], refusal: Exception
) -> None:
    """What cannot be had is left to fetch-matches."""
    gold = Standing("GOLD", "II", 45, 30, 20)
    riot.ranks = {puuid(1): {SOLO: gold}, puuid(2): {SOLO: gold}}
    riot.fail(f"rank of {puuid(2)}", refusal)
    track("Player 1#EUW")
    track("Player 2#EUW")
    assert [(row["player_id"], row["lp"]) for row in db.rows("SELECT * FROM rank_readings")] == [(1, 45)]
    assert [player.player_id for player in ranks.not_asked_since(db, START, 9)] == [2]


def test_a_stated_platform_that_contradicts_riot_needs_force(
    db: Database, riot: FakeRiot, track: Callable[..., str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        track(platform="kr")
    assert str(caught.value) == (f"Riot says that {ONE} plays on euw1, not on kr: leave --platform out, or add --force")
    assert tracked(db) == []
    assert track(platform="kr", force=True).startswith(f"{ONE} (kr) is announced in C1: ")
    assert tracked(db) == [("1", ONE, "kr", "C1")]
    assert (players.poll_order(db)[0].region, players.poll_order(db)[0].region_asked_at) == (None, START)


@pytest.mark.parametrize("refusal", [NOT_FOUND, UNAVAILABLE, OTHER_KEY])
def test_a_stated_platform_stands_where_riot_does_not_say_one(
    db: Database, riot: FakeRiot, track: Callable[..., str], refusal: Exception
) -> None:
    riot.fail(f"platform of {puuid(1)}", refusal)
    assert track(platform="kr").endswith("; Riot did not say where they play")
    assert tracked(db) == [("1", ONE, "kr", "C1")]


def test_who_moved_is_moved_by_tracking_again_without_a_platform_and_keeps_history_and_since(
    db: Database, riot: FakeRiot, clock: FakeClock, track: Callable[..., str]
) -> None:
    track()
    players.record_region(db, 1, "na1", START)
    riot.platforms[puuid(1)] = "na1"
    clock.advance(86400)
    assert track() == (
        f"{ONE} (na1) is announced in C1: games that end after 2026-11-23T12:00:00.000Z; moved from euw1"
    )
    assert tracked(db) == [("1", ONE, "na1", "C1")]
    assert players.tracks(db)[0].since == START
    assert players.poll_order(db)[0].region is None
    assert [each.change for each in decisions.about(db, "player 1")] == ["in C1", "euw1 -> na1"]


def test_tracking_again_says_since_when_and_asks_riot_where_they_play(
    db: Database, riot: FakeRiot, clock: FakeClock, track: Callable[..., str]
) -> None:
    track()
    clock.advance(60)
    assert track() == f"{ONE} (euw1) is announced in C1 already: games that end after 2026-11-23T12:00:00.000Z"
    assert riot.calls == [ONE, f"platform of {puuid(1)}"]


def test_a_row_of_a_file_that_was_asked_for_of_late_costs_no_call_when_the_file_is_run_again(
    db: Database, riot: FakeRiot, clock: FakeClock, track: Callable[..., str]
) -> None:
    track(line=2)
    clock.advance(3600)
    track(line=2)
    assert riot.calls == []
    clock.advance(86400)
    track(line=2)
    assert riot.calls == [ONE, f"platform of {puuid(1)}"]


def test_a_new_key_that_tracking_meets_makes_every_other_puuid_doubtful(
    db: Database, riot: FakeRiot, clock: FakeClock, track: Callable[..., str]
) -> None:
    track()
    track("Player 2#EUW")
    riot.accounts[ONE] = puuid(91)
    riot.fail(f"account of {puuid(1)}", OTHER_KEY)
    track(channel="C2")
    assert [each.riot_id.game_name for each in players.doubted(db)] == ["Player 2"]


@pytest.mark.parametrize("name", [ONE, "PLAYER 1#euw"])
@pytest.mark.parametrize("platform", ["euw1"])
@pytest.mark.parametrize("workspace", ["default", "Default"])
def test_what_is_tracked_already_costs_no_call_and_changes_nothing(
    db: Database,
    riot: FakeRiot,
    clock: FakeClock,
    track: Callable[..., str],
    name: str,
    platform: str | None,
    workspace: str,
) -> None:
    track()
    before = [tuple(row) for row in db.rows("SELECT * FROM players JOIN tracks USING (player_id)")]
    clock.advance(60)
    assert track(name, platform=platform, workspace=workspace) == (
        f"{ONE} (euw1) is announced in C1 already: games that end after 2026-11-23T12:00:00.000Z"
    )
    assert riot.calls == []
    assert [tuple(row) for row in db.rows("SELECT * FROM players JOIN tracks USING (player_id)")] == before


def test_a_known_player_is_tracked_in_a_further_channel_as_the_same_one(
    db: Database, track: Callable[..., str]
) -> None:
    track()
    track(channel="C2")
    assert tracked(db) == [("1", ONE, "euw1", "C1"), ("1", ONE, "euw1", "C2")]
    assert len({each.player.player_id for each in players.tracks(db)}) == 1


def test_a_wrong_platform_is_corrected_by_tracking_again_with_the_right_one(
    db: Database, riot: FakeRiot, clock: FakeClock, track: Callable[..., str]
) -> None:
    track(platform="na1", force=True)
    clock.advance(60)
    track(platform="euw1")
    assert riot.calls == [ONE, f"platform of {puuid(1)}"]
    assert tracked(db) == [("1", ONE, "euw1", "C1")]
    assert players.tracks(db)[0].since == START  # tracked since the first time


def test_a_player_with_a_problem_is_asked_for_again(db: Database, riot: FakeRiot, track: Callable[..., str]) -> None:
    track()
    listings.record_problem(db, 1, "Riot has no list: 404", START)
    track()
    assert riot.calls == [ONE, f"platform of {puuid(1)}"]


def test_names_that_riot_leaves_out_are_those_that_were_asked_for(
    db: Database, riot: FakeRiot, track: Callable[..., str]
) -> None:
    riot.account = lambda riot_id, platform: Account(puuid(1), None)  # type: ignore[method-assign]
    track()
    assert tracked(db) == [("1", ONE, "euw1", "C1")]


def test_a_channel_of_another_workspace_is_refused_and_nothing_is_tracked(
    db: Database, track: Callable[..., str]
) -> None:
    track()
    with pytest.raises(ConfigError, match="channel C1 belongs to workspace default, not to friends") as caught:
        track("Player 2#EUW", workspace="friends")
    assert caught.value.exit_status is Exit.UNUSABLE
    assert tracked(db) == [("1", ONE, "euw1", "C1")]
    assert db.row("SELECT COUNT(*) AS n FROM players")["n"] == 1  # type: ignore[index]


# The name leads to another puuid


def test_under_a_new_key_the_puuid_is_replaced_and_identity_and_tracks_are_kept(
    db: Database, riot: FakeRiot, clock: FakeClock, track: Callable[..., str]
) -> None:
    track()
    before = players.tracks(db)[0]
    riot.accounts[ONE] = puuid(91)
    riot.fail(f"account of {puuid(1)}", OTHER_KEY)
    clock.advance(60)
    track(channel="C2")
    assert riot.calls == [ONE, f"account of {puuid(1)}", f"platform of {puuid(91)}"]
    assert tracked(db) == [("91", ONE, "euw1", "C1"), ("91", ONE, "euw1", "C2")]
    after = players.tracks(db)[0]
    assert (after.player.player_id, after.since) == (before.player.player_id, before.since)


def test_where_the_old_puuid_still_answers_they_are_two_players(
    db: Database, riot: FakeRiot, clock: FakeClock, track: Callable[..., str]
) -> None:
    track()
    riot.accounts[ONE] = puuid(91)
    clock.advance(60)
    track(channel="C2")
    assert riot.calls == [ONE, f"account of {puuid(1)}", f"platform of {puuid(91)}"]
    assert tracked(db) == [("1", ONE, "euw1", "C1"), ("91", ONE, "euw1", "C2")]
    track(channel="C2")
    assert riot.calls == [ONE, f"platform of {puuid(91)}"]  # the name is the younger player's now


def test_a_puuid_is_not_replaced_by_that_of_another_known_player(
    db: Database, riot: FakeRiot, track: Callable[..., str]
) -> None:
    track()
    track("Player 2#EUW")
    riot.accounts[ONE] = puuid(2)
    riot.fail(f"account of {puuid(1)}", OTHER_KEY)
    track(channel="C2")
    assert sorted(tracked(db)) == [("1", ONE, "euw1", "C1"), ("2", ONE, "euw1", "C1"), ("2", ONE, "euw1", "C2")]


def test_an_old_puuid_that_is_gone_does_not_stand_in_the_way_of_the_names_new_owner(
    db: Database, riot: FakeRiot, clock: FakeClock, track: Callable[..., str]
) -> None:
    track()
    riot.accounts[ONE] = puuid(91)
    riot.fail(f"account of {puuid(1)}", NOT_FOUND)
    clock.advance(60)
    track(channel="C2")
    assert ("91", ONE, "euw1", "C2") in tracked(db)


# Limits


ASKED = [ONE, f"platform of {puuid(1)}"]


@pytest.mark.parametrize("asked", ASKED)
def test_a_limit_is_waited_for_and_the_call_made_once(
    db: Database, riot: FakeRiot, clock: FakeClock, track: Callable[..., str], asked: str
) -> None:
    riot.fail(asked, RateLimited(START + timedelta(seconds=MAX_WAIT), "spent"), None)
    track()
    assert clock.slept == [MAX_WAIT + 0.001]
    assert riot.calls.count(asked) == 2  # the first one was held back before it left
    assert len(tracked(db)) == 1


def test_a_limit_that_is_just_over_costs_no_wait(riot: FakeRiot, clock: FakeClock, track: Callable[..., str]) -> None:
    riot.fail(ONE, RateLimited(START - timedelta(seconds=5), "spent"), None)
    track()
    assert clock.slept == [0.001]


def test_a_limit_is_waited_for_while_telling_players_apart(
    db: Database, riot: FakeRiot, clock: FakeClock, track: Callable[..., str]
) -> None:
    track()
    riot.accounts[ONE] = puuid(91)
    riot.fail(f"account of {puuid(1)}", RateLimited(START + timedelta(seconds=3), "spent"), OTHER_KEY)
    track(channel="C2")
    assert clock.slept == [3.001]
    assert [each[0] for each in tracked(db)] == ["91", "91"]


@pytest.mark.parametrize("asked", ASKED)
def test_a_limit_longer_than_one_may_wait_ends_it_with_the_time_to_try_again(
    db: Database, riot: FakeRiot, clock: FakeClock, track: Callable[..., str], asked: str
) -> None:
    riot.fail(asked, RateLimited(START + timedelta(seconds=MAX_WAIT + 0.1), "20 calls in 1 s to americas are spent"))
    with pytest.raises(TemporaryError) as caught:
        track()
    assert str(caught.value) == "20 calls in 1 s to americas are spent; try again after 2026-11-23T12:00:10.100Z"
    assert caught.value.exit_status is Exit.LATER
    assert clock.slept == []
    assert tracked(db) == []


# Refusals

LIMITED = refused(RiotVerdict.LIMITED, 429)
ODD_IDS = refused(RiotVerdict.ODD_IDS, 200)
RENEW = "Riot refuses RIOT_API_KEY ({}): renew it at developer.riotgames.com; development keys end after 24 hours"
LATER = f"Riot gives no answer for {ONE} ({{}}): try again later"
NO_PLATFORM = f"Riot does not say on which platform {ONE} plays ({{}}): name it with --platform, or try again later"
REFUSALS = [
    (UNAUTHORIZED, Exit.REJECTED, RENEW.format(401)),
    (FORBIDDEN, Exit.REJECTED, RENEW.format(403)),
    (LIMITED, Exit.LATER, "Riot limits us (429): try again later"),
    (UNAVAILABLE, Exit.LATER, LATER.format(503)),
    (ODD_IDS, Exit.LATER, LATER.format(200)),
    (OTHER_KEY, Exit.LATER, LATER.format(400)),
]


@pytest.mark.parametrize(
    ("asked", "refusal", "status", "words"),
    [
        (ASKED[0], NOT_FOUND, 1, f"Riot knows no {ONE}: check the spelling and the tag after the #"),
        (ASKED[1], NOT_FOUND, 1, f"Riot knows {ONE}, but not on which platform they play: name it with --platform"),
        *[(ASKED[0], *each) for each in REFUSALS],
        *[(ASKED[1], *each) for each in REFUSALS[:3]],
        *[
            (ASKED[1], refusal, Exit.LATER, NO_PLATFORM.format(refusal))
            for refusal in (UNAVAILABLE, ODD_IDS, OTHER_KEY)
        ],
    ],
)
def test_every_refusal_is_one_line_with_its_exit_status_and_tracks_nobody(
    db: Database, riot: FakeRiot, track: Callable[..., str], asked: str, refusal: Exception, status: int, words: str
) -> None:
    riot.fail(asked, refusal)
    with pytest.raises(RunAborted) as caught:
        track()
    assert (str(caught.value), caught.value.exit_status) == (words, status)
    assert riot.calls == ASKED[: ASKED.index(asked) + 1]
    assert db.row("SELECT 1 FROM players") is None


@pytest.mark.parametrize(
    ("refusal", "status"), [(UNAVAILABLE, Exit.LATER), (LIMITED, Exit.LATER), (FORBIDDEN, Exit.REJECTED)]
)
def test_players_that_cannot_be_told_apart_now_stay_as_they_are(
    db: Database, riot: FakeRiot, track: Callable[..., str], refusal: Exception, status: Exit
) -> None:
    track()
    riot.accounts[ONE] = puuid(91)
    riot.fail(f"account of {puuid(1)}", refusal)
    with pytest.raises(RunAborted) as caught:
        track(channel="C2")
    assert caught.value.exit_status is status
    assert tracked(db) == [("1", ONE, "euw1", "C1")]


# Untracking


def build(db: Database, clock: FakeClock, match_id: str, *numbers: int) -> None:
    """A stored and built game of those players."""
    store_match(db, a_match(match_id, *numbers))
    build_messages(db, Run("build-messages", clock, 80), "")


def message(db: Database, match_id: str, channel_id: str = "C1") -> tuple[str, str | None]:
    row = db.row(
        "SELECT state, error FROM messages WHERE match_id = :match_id AND channel_id = :channel_id",
        match_id=match_id,
        channel_id=channel_id,
    )
    assert row
    return row["state"], row["error"]


def text(db: Database, match_id: str, channel_id: str = "C1") -> str:
    row = db.row(
        "SELECT text, blocks FROM messages WHERE match_id = :match_id AND channel_id = :channel_id",
        match_id=match_id,
        channel_id=channel_id,
    )
    assert row
    return str(row["text"]) + str(row["blocks"])


def test_untracked_in_one_channel_the_other_one_goes_on(db: Database, clock: FakeClock) -> None:
    for channel in ("C1", "C2"):
        add_player(db, channel=channel)
    build(db, clock, "EUW1_1", 1)
    assert untrack(db, RiotId("PLAYER 1", "euw"), "C1", START, "") == ["C1"]
    assert tracked(db) == [("1", ONE, "euw1", "C2")]
    assert message(db, "EUW1_1", "C1") == ("expired", "untracked")
    assert message(db, "EUW1_1", "C2") == ("pending", None)


def test_untracked_without_a_channel_is_untracked_in_all(db: Database, clock: FakeClock) -> None:
    for channel in ("C1", "C2"):
        add_player(db, channel=channel)
    add_player(db, 2)
    build(db, clock, "EUW1_1", 1)
    assert untrack(db, RiotId("Player 1", "EUW"), None, START, "") == ["C1", "C2"]
    assert tracked(db) == [("2", "Player 2#EUW", "euw1", "C1")]
    assert {message(db, "EUW1_1", channel) for channel in ("C1", "C2")} == {("expired", "untracked")}


def test_a_waiting_message_that_names_others_is_worded_without_the_untracked_one(
    db: Database, clock: FakeClock
) -> None:
    add_player(db, 1)
    add_player(db, 2)
    build(db, clock, "EUW1_1", 1, 2)
    assert "Player 1" in text(db, "EUW1_1")
    untrack(db, RiotId("Player 1", "EUW"), "C1", START, "https://example.org/{game_id}")
    assert message(db, "EUW1_1") == ("pending", None)
    assert "Player 1" not in text(db, "EUW1_1")
    assert "Player 2" in text(db, "EUW1_1")
    assert "https://example.org/1" in text(db, "EUW1_1")


def test_what_was_sent_already_stays_as_it_is(db: Database, clock: FakeClock) -> None:
    add_player(db)
    build(db, clock, "EUW1_1", 1)
    before = text(db, "EUW1_1")
    message_ = outbox.next_messages(db)[0].message
    assert claim(db, message_, "t", START, START - timedelta(days=1))
    claims.mark_delivered(db, Claim(message_, "t"), "1700000000.000001", START)
    untrack(db, RiotId("Player 1", "EUW"), None, START, "")
    assert (message(db, "EUW1_1"), text(db, "EUW1_1")) == (("delivered", None), before)


def test_wanted_matches_that_stand_in_no_tracked_list_are_given_up(db: Database) -> None:
    one, two = add_player(db, 1), add_player(db, 2)
    listings.record_page(db, one.player_id, ["EUW1_1", "EUW1_2"], None, START)
    listings.record_page(db, two.player_id, ["EUW1_2"], None, START)
    untrack(db, one.riot_id, None, START, "")
    assert matches.state_of(db, "EUW1_1") == "given_up"
    assert matches.state_of(db, "EUW1_2") == "wanted"
    assert matches.to_look_at(db, START) == ["EUW1_2"]


@pytest.mark.parametrize(
    ("name", "channel", "words"),
    [
        ("Nobody", None, "Nobody#EUW is not tracked: "),
        ("Nobody", "C1", "Nobody#EUW is not tracked in C1: "),
        ("Player 1", "C2", "Player 1#EUW is not tracked in C2: "),
    ],
)
def test_what_is_not_tracked_so_is_refused_and_nothing_changes(
    db: Database, name: str, channel: str | None, words: str
) -> None:
    add_player(db)
    with pytest.raises(NotFound) as caught:
        untrack(db, RiotId(name, "EUW"), channel, START, "")
    where = "`lolslackbot players` lists who is, renamed players under their new name"
    assert (str(caught.value), caught.value.exit_status) == (words + where, Exit.SOME_FAILED)
    assert len(tracked(db)) == 1


def test_a_message_that_waits_is_worded_anew_even_if_its_channel_has_changed_its_mind_since(
    db: Database, clock: FakeClock
) -> None:
    for number in (1, 2):
        add_player(db, number, channel="C1")
    match = a_match("EUW1_1", 1, 2)
    store_match(db, match)
    build_messages(db, Run("build-messages", clock, 80), "")
    prefer(db, "C1", channels.Change(queues="aram"), START)
    with db.transaction():  # as a retry does for another channel's message
        db.write("UPDATE matches SET built_at = NULL")
    build_messages(db, Run("build-messages", clock, 80), "")
    assert db.rows("SELECT 1 FROM unwanted")
    untrack(db, RiotId("Player 1", "EUW"), "C1", START, "")
    [message] = db.rows("SELECT state, text FROM messages")
    assert message["state"] == "pending"
    assert ("Player 1" in message["text"], "Player 2" in message["text"]) == (False, True)


def test_an_old_name_will_do_to_untrack(db: Database) -> None:
    player = add_player(db)
    with db.transaction():
        players.rename(db, player, RiotId("Bear", "EUW"), START)
    assert untrack(db, RiotId("Player 1", "EUW"), None, START, "") == ["C1"]
    assert players.tracks(db) == []


def test_untracked_twice_is_refused_the_second_time(db: Database) -> None:
    player = add_player(db)
    untrack(db, player.riot_id, None, START, "")
    with pytest.raises(NotFound):
        untrack(db, player.riot_id, None, START, "")


def test_what_a_restore_put_in_doubt_waits_too_and_is_announced_no_more(db: Database, clock: FakeClock) -> None:
    player = add_player(db)
    build(db, clock, "EUW1_1", 1)
    with db.transaction():
        assert restores.doubt_all(db, START) == 1
    untrack(db, player.riot_id, None, START, "")
    found = outbox.find(db, "EUW1_1", "C1")
    assert found
    in_doubt.record_lookup_miss(db, found[0], START)
    in_doubt.send_restored(db, found[0], START)
    assert message(db, "EUW1_1")[0] != "pending"


@pytest.mark.parametrize("back", ["send_again", "retry"])
def test_what_goes_out_once_more_does_not_name_who_was_untracked_meanwhile(
    db: Database, clock: FakeClock, back: str
) -> None:
    player = add_player(db)
    build(db, clock, "EUW1_1", 1)
    claimed = outbox.next_messages(db)[0].message
    assert claim(db, claimed, "t", START, START - timedelta(days=1))
    if back == "retry":
        claims.mark_failed(db, Claim(claimed, "t"), "msg_too_long", START, broken=False)
    else:
        claims.mark_uncertain(db, Claim(claimed, "t"), "HTTP 503", START)
    untrack(db, player.riot_id, None, START, "")
    if back == "retry":
        with db.transaction():
            outbox.retry(db, claimed)
    else:
        in_doubt.send_again(db, claimed, START)
    assert message(db, "EUW1_1")[0] != "pending"


# What was decided


def test_tracking_and_untracking_and_a_channel_s_wishes_are_kept_as_decisions(db: Database) -> None:
    player = add_player(db)
    untrack(db, player.riot_id, None, START, "")
    add_player(db)
    prefer(db, "C1", channels.Change(queues="aram"), START)
    assert [(each.command, each.change) for each in decisions.about(db, f"player {player.player_id}")] == [
        ("untrack", "in C1")
    ]
    assert [(each.command, each.change) for each in decisions.about(db, "channel C1")] == [
        ("channels set", "queues: aram; style: full; ranks: on; digest: on; live: off; requests: off")
    ]
