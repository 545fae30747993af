"""A channel that Slack gave another id: everything goes over, and nothing can be announced a second time."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support import START, FakeClock, a_match, add_player, claim, scope_of, store_match

from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import amendments, channels, claims, findings, holds, in_doubt, outbox, players
from lolslackbot.store.claims import Claim
from lolslackbot.store.database import Database
from lolslackbot.store.findings import Found


def built(db: Database, clock: FakeClock, *match_ids: str, players: tuple[int, ...] = (1,)) -> None:
    for match_id in match_ids:
        store_match(db, a_match(match_id, *players), clock.now())
    build_messages(db, Run("build-messages", clock, 80), "")


def move(db: Database, old: str = "C1", new: str = "C2") -> None:
    with db.transaction():
        channels.move(db, old, new)


def set_state(db: Database, channel: str, state: str) -> None:
    with db.transaction():
        db.write(
            "UPDATE messages SET state = :state, slack_ts = '1.5', error = 'x' WHERE channel_id = :channel",
            state=state,
            channel=channel,
        )


def states(db: Database) -> list[tuple[str, str, str]]:
    rows = db.rows("SELECT match_id, channel_id, state FROM messages ORDER BY 1, 2")
    return [(row["match_id"], row["channel_id"], row["state"]) for row in rows]


def test_players_settings_and_messages_go_over(db: Database, clock: FakeClock) -> None:
    player = add_player(db)
    channels.prefer(db, "C1", channels.Change(queues="ranked", ranks=False), START)
    built(db, clock, "EUW1_1")
    with db.transaction():
        db.write("INSERT INTO unwanted VALUES ('EUW1_1', 'C1', 'aram')")
        amendments.put(db, "EUW1_1", outbox.Draft("C1", "default", "newer", None), START)
    move(db)
    assert [(track.player.puuid, track.channel_id) for track in players.tracks(db)] == [(player.puuid, "C2")]
    assert channels.preferences(db)["C2"] == channels.preferences(db)["C1"]
    assert states(db) == [("EUW1_1", "C2", "pending")]
    for table in ("unwanted", "amendments"):
        assert [row["channel_id"] for row in db.rows(f"SELECT channel_id FROM {table}")] == ["C2"]
    assert (channels.current_id(db, "C1"), channels.current_id(db, "C2")) == ("C2", "C2")
    assert channels.former_ids(db, "C2") == ["C1"]
    assert not outbox.next_messages(db)[0].compared


def test_what_was_delivered_is_not_built_again(db: Database, clock: FakeClock) -> None:
    add_player(db)
    built(db, clock, "EUW1_1")
    set_state(db, "C1", "delivered")
    move(db)
    with db.transaction():  # as when another channel's message is worded again
        db.write("UPDATE matches SET built_at = NULL")
    build_messages(db, Run("build-messages", clock, 80), "")
    assert states(db) == [("EUW1_1", "C2", "delivered")]


def test_a_message_that_is_built_for_the_old_id_meanwhile_is_one_for_the_new(db: Database, clock: FakeClock) -> None:
    add_player(db)
    store_match(db, a_match("EUW1_1"))
    move(db)
    drafts = [outbox.Draft("C1", "default", "text", None)] * 2
    outbox.add(db, "EUW1_1", drafts, START)
    assert states(db) == [("EUW1_1", "C2", "pending")]


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("delivered", "pending", "delivered"),
        ("uncertain", "failed", "uncertain"),
        ("delivered", "expired", "delivered"),
        ("pending", "delivered", "delivered"),
        ("failed", "pending", "pending"),
        ("delivered", "uncertain", "uncertain"),
        ("expired", "pending", "pending"),
    ],
)
def test_of_two_messages_about_one_match_the_one_that_may_be_in_slack_stays(
    db: Database, clock: FakeClock, old: str, new: str, kept: str
) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 2, channel="C2")
    built(db, clock, "EUW1_1", players=(1, 2))
    set_state(db, "C1", old)
    set_state(db, "C2", new)
    move(db)
    assert states(db) == [("EUW1_1", "C2", kept)]
    assert [track.channel_id for track in players.tracks(db)] == ["C2", "C2"]


def test_a_player_tracked_under_both_ids_stays_tracked_since_the_moment_of_the_new(
    db: Database, clock: FakeClock
) -> None:
    add_player(db, 1, channel="C1", since=START - timedelta(days=2))
    add_player(db, 1, channel="C2", since=START - timedelta(days=1))
    move(db)
    (track,) = players.tracks(db)
    assert (track.channel_id, track.since) == ("C2", START - timedelta(days=1))


def test_a_pause_goes_over_and_what_was_wrong_with_the_old_id_is_over(db: Database, clock: FakeClock) -> None:
    add_player(db)
    findings.replace(db, (), [Found("channel C1", scope_of("channel C1"), "it is archived", "", START)])
    with db.transaction():
        holds.put(db, scope_of("channel C1"), "paused", "by hand", START, None)
        holds.put(db, scope_of("channel C1"), "broken", "channel_not_found", START, None, "channel_not_found")
        holds.put(db, scope_of("channel C1"), "limited", "ratelimited", START, START + timedelta(hours=1))
    move(db)
    assert [(str(hold.scope), hold.kind, hold.since) for hold in holds.all_known(db)] == [
        ("channel C2", "paused", START)
    ]
    assert findings.all_known(db) == []


def test_a_channel_can_move_on_and_back(db: Database, clock: FakeClock) -> None:
    add_player(db)
    built(db, clock, "EUW1_1")
    move(db, "C1", "C2")
    move(db, "C2", "C3")
    assert (channels.current_id(db, "C1"), channels.former_ids(db, "C3")) == ("C3", ["C1", "C2"])
    message = outbox.next_messages(db)[0].message
    assert in_doubt.posted_ts(db, message, {"EUW1_1:C1": "1.5"}) == "1.5"
    assert in_doubt.posted_ts(db, message, {"EUW1_9:C1": "1.5", "EUW1_1:C9": "1.5"}) is None
    move(db, "C3", "C1")
    assert (channels.current_id(db, "C1"), channels.former_ids(db, "C1")) == ("C1", ["C2", "C3"])
    assert states(db) == [("EUW1_1", "C1", "pending")]


def test_nobody_is_tracked_under_an_id_that_a_channel_no_longer_has(db: Database) -> None:
    add_player(db)
    move(db)
    with pytest.raises(players.Moved, match="channel C1 has moved: its id is C2 now"):
        add_player(db, 2, channel="C1")


# What check found


def test_the_findings_of_the_last_check_are_kept_one_a_thing_until_it_works_again(
    db: Database, clock: FakeClock
) -> None:
    first = Found("channel C1", scope_of("channel C1"), "it is archived", "unarchive it", START)
    key = Found("Riot key", scope_of("riot"), "Riot refuses it", "renew it", START)
    findings.replace(db, (), [first, key, replace(key, said="Riot refuses it still")])
    assert [(each.what, each.said) for each in findings.all_known(db)] == [
        ("Riot key", "Riot refuses it still"),
        ("channel C1", "it is archived"),
    ]
    findings.replace(db, [scope_of("riot"), scope_of("channel C2")], [])
    assert findings.all_known(db) == [first]
    add_player(db)
    built(db, clock, "EUW1_1")
    message = outbox.next_messages(db)[0].message
    assert claim(db, message, "t", START, START - timedelta(days=1))
    claims.mark_delivered(db, Claim(message, "t"), "1.5", START)
    assert findings.all_known(db) == []


def test_a_channel_of_which_nothing_was_said_yet_goes_to_the_workspace_that_is_named(db: Database) -> None:
    with db.transaction():
        channels.ensure(db, "C9", "default")  # friends may ask there
    add_player(db, 1, channel="C9", workspace="two")
    assert channels.workspace_of(db, "C9") == "two"
    with pytest.raises(players.OtherWorkspace):
        add_player(db, 2, channel="C9", workspace="three")
