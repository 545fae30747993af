"""The outbox: one message for a match in a channel, claimed once, its outcome written against that claim only."""

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import support
from support import START, a_match, add_player, integrity_errors, scope_of, store_match

from lolslackbot.clock import text_of
from lolslackbot.model import LookupProblem, Message, MessageKind
from lolslackbot.store import channels, claims, holds, in_doubt, matches, outbox, players
from lolslackbot.store.claims import Claim
from lolslackbot.store.connect import open_database
from lolslackbot.store.database import Database
from lolslackbot.store.outbox import Dates, Draft

LATER = START + timedelta(minutes=10)
LONG_AGO = START - timedelta(days=1)
STATES = ["pending", "sending", "delivered", "failed", "uncertain", "expired"]
BLOCKS = '[{"type": "divider"}]'


def draft(channel: str = "C1", **changes: Any) -> Draft:
    return Draft(**{"channel_id": channel, "workspace": "default", "text": "text", "blocks": BLOCKS, **changes})


def message(match_id: str = "EUW1_1", channel: str = "C1", workspace: str = "default") -> Message:
    return Message(match_id, channel, workspace, "text", BLOCKS)


def row_of(db: Database, of: Message | None = None) -> dict[str, Any]:
    of = of or message()
    row = db.row(
        "SELECT * FROM messages WHERE subject = :subject AND channel_id = :channel_id",
        subject=of.subject,
        channel_id=of.channel_id,
    )
    assert row
    return dict(row)


def waits(
    db: Database, match_id: str = "EUW1_1", channel: str = "C1", ended_at: datetime = START, workspace: str = "default"
) -> Message:
    """A pending message."""
    add_player(db, channel=channel, workspace=workspace)
    if not db.row("SELECT 1 FROM matches WHERE match_id = :match_id", match_id=match_id):
        store_match(db, a_match(match_id, ended_at=ended_at))
    outbox.add(db, match_id, [draft(channel, workspace=workspace)], START)
    return message(match_id, channel, workspace)


def claim(db: Database, of: Message | None = None, token: str = "mine", now: datetime = START) -> bool:
    return support.claim(db, of or message(), token, now, LONG_AGO)


def release(db: Database, of: Message, token: str = "mine", /, **how: bool) -> None:
    with db.transaction():
        claims.release(db, Claim(of, token), "ratelimited", LATER, **how)


def in_state(db: Database, state: str, of: Message | None = None) -> Message:
    """Brings a waiting message into a state by the ways there are."""
    of = of or waits(db)
    if state == "expired":
        with db.transaction():
            outbox.expire_untracked(db, of.subject, of.channel_id, START)
    elif state != "pending":
        assert claim(db, of)
    match state:
        case "delivered":
            claims.mark_delivered(db, Claim(of, "mine"), "1.5", START)
        case "failed":
            claims.mark_failed(db, Claim(of, "mine"), "msg_too_long", START, broken=False)
        case "uncertain":
            claims.mark_uncertain(db, Claim(of, "mine"), "time-out", START)
    assert row_of(db, of)["state"] == state
    return of


# Building


def test_a_built_match_waits_in_each_channel(db: Database) -> None:
    add_player(db, channel="C1")
    add_player(db, channel="C2", workspace="acme")
    match = a_match("EUW1_1")
    store_match(db, match)
    outbox.add(db, "EUW1_1", [draft("C1"), draft("C2", workspace="acme", blocks=None)], LATER)
    row = row_of(db)
    assert row == {
        "subject": "EUW1_1",
        "kind": "game",
        "match_id": "EUW1_1",
        "channel_id": "C1",
        "workspace": "default",
        "state": "pending",
        "attempts": 0,
        "error": None,
        "slack_ts": None,
        "text": "text",
        "blocks": BLOCKS,
        "plainer_blocks": None,
        "happened_at": text_of(match.ended_at),
        "built_at": text_of(LATER),
        "claim_token": None,
        "claimed_at": None,
        "settled_at": None,
        "lookup_misses": 0,
        "resends": 0,
        "restored": 0,
        "unknown_since": None,
        "lookup_problem": None,
        "thread_ts": None,
    }
    assert outbox.waiting(db) == [
        (message("EUW1_1", "C1"), Dates(MessageKind.GAME, match.ended_at, LATER)),
        (replace(message("EUW1_1", "C2", "acme"), blocks=None), Dates(MessageKind.GAME, match.ended_at, LATER)),
    ]


@pytest.mark.parametrize("state", STATES)
def test_a_message_that_exists_stays_as_it_is_when_its_match_is_built_again(db: Database, state: str) -> None:
    in_state(db, state)
    before = row_of(db)
    outbox.add(db, "EUW1_1", [draft("C1", text="other", error="other")], LATER)
    assert row_of(db) == before


def test_what_could_not_be_worded_failed_and_says_why(db: Database) -> None:
    add_player(db)
    store_match(db, a_match("EUW1_1"))
    outbox.add(db, "EUW1_1", [draft(text="", blocks=None, error="no words")], START)
    assert (row_of(db)["state"], row_of(db)["error"]) == ("failed", "no words")
    assert matches.to_build(db) == []


def test_all_messages_of_a_match_are_built_or_none(db: Database) -> None:
    add_player(db)
    store_match(db, a_match("EUW1_1"))
    with pytest.raises(integrity_errors()):
        outbox.add(db, "EUW1_1", [draft("C1"), draft("C404")], START)
    assert outbox.waiting(db) == []
    assert matches.to_build(db) == ["EUW1_1"]


# Which transition is allowed from where


def _fail_broken(db: Database) -> None:
    with db.transaction():
        holds.put(db, scope_of("channel C1"), "broken", "is_archived", START, None)
    outbox.fail_in_broken_channels(db, START)


def _in_transaction(change: Callable[[Database], object]) -> Callable[[Database], None]:
    def run(db: Database) -> None:
        with db.transaction():
            change(db)

    return run


TRANSITIONS: dict[str, Callable[[Database], object]] = {
    "claim": lambda db: claim(db, token="other", now=LATER),
    "expire": lambda db: outbox.expire(db, START + timedelta(seconds=1), START),
    "expire_untracked": _in_transaction(lambda db: outbox.expire_untracked(db, "EUW1_1", "C1", START)),
    "fail_in_broken_channels": _fail_broken,
    "recover_orphaned_claims": lambda db: in_doubt.recover_orphaned_claims(db, LATER),
    "reword": _in_transaction(lambda db: outbox.replace_text(db, "EUW1_1", draft(text="new"))),
    "mark_delivered": lambda db: claims.mark_delivered(db, Claim(message(), "mine"), "1.5", LATER),
    "mark_uncertain": lambda db: claims.mark_uncertain(db, Claim(message(), "mine"), "cut off", LATER),
    "mark_failed": lambda db: claims.mark_failed(db, Claim(message(), "mine"), "no_text", LATER, broken=False),
    "release": lambda db: release(db, message()),
    "mark_found": lambda db: in_doubt.mark_found(db, message(), "1.5", LATER),
    "record_lookup_miss": lambda db: in_doubt.record_lookup_miss(db, message(), LATER),
    "record_lookup_error": lambda db: in_doubt.record_lookup_error(
        db, message(), LookupProblem.SCOPE_MISSING, "missing_scope", LATER
    ),
    "send_again": lambda db: in_doubt.send_again(db, message(), LATER),
    "reconcile": lambda db: in_doubt.reconcile(db, "C1", {"EUW1_1:C1": "1.5"}, LATER),
}
ALLOWED = {
    ("pending", "claim"): "sending",
    ("pending", "expire"): "expired",
    ("pending", "expire_untracked"): "expired",
    ("pending", "fail_in_broken_channels"): "failed",
    ("pending", "reword"): "pending",
    ("pending", "reconcile"): "delivered",
    ("sending", "recover_orphaned_claims"): "uncertain",
    ("sending", "mark_delivered"): "delivered",
    ("sending", "mark_uncertain"): "uncertain",
    ("sending", "mark_failed"): "failed",
    ("sending", "release"): "pending",
    ("failed", "expire_untracked"): "expired",
    ("failed", "reword"): "failed",
    ("uncertain", "expire_untracked"): "uncertain",  # looked up still, but not sent again
    ("uncertain", "reword"): "uncertain",
    ("uncertain", "mark_found"): "delivered",
    ("uncertain", "record_lookup_miss"): "uncertain",
    ("uncertain", "record_lookup_error"): "uncertain",
    ("uncertain", "send_again"): "pending",
}
OUTCOMES = ("mark_delivered", "mark_uncertain", "mark_failed", "release")


@pytest.mark.parametrize("transition", TRANSITIONS)
@pytest.mark.parametrize("state", STATES)
def test_a_transition_goes_from_the_states_it_names_and_leaves_the_others_alone(
    db: Database, state: str, transition: str
) -> None:
    in_state(db, state)
    before = row_of(db)
    if (state, transition) in ALLOWED:
        TRANSITIONS[transition](db)
        assert row_of(db)["state"] == ALLOWED[state, transition]
        assert row_of(db) != before
    elif transition in OUTCOMES:
        with pytest.raises(RuntimeError, match="the claim of EUW1_1:C1 is no longer ours"):
            TRANSITIONS[transition](db)
        assert row_of(db) == before
    else:
        TRANSITIONS[transition](db)
        assert row_of(db) == before


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_is_written_against_its_own_claim_only(db: Database, outcome: str) -> None:
    in_state(db, "sending", waits(db))
    with db.transaction():
        db.write("UPDATE messages SET claim_token = 'somebody else'")
    before = row_of(db)
    with pytest.raises(RuntimeError, match="no longer ours"):
        TRANSITIONS[outcome](db)
    assert row_of(db) == before


def test_an_outcome_that_comes_too_late_breaks_no_channel(db: Database) -> None:
    waits(db)
    with pytest.raises(RuntimeError):
        claims.mark_failed(db, Claim(message(), "mine"), "is_archived", LATER, broken=True)
    assert holds.all_known(db) == []


# Claiming


def test_a_claim_is_committed_with_its_token_and_moment_and_counted(db: Database) -> None:
    waits(db)
    assert claim(db, now=LATER)
    with closing(open_database(db.path)) as other:
        row = row_of(other)
    assert (row["state"], row["claim_token"], row["claimed_at"]) == ("sending", "mine", text_of(LATER))
    assert (row["attempts"], row["settled_at"]) == (1, None)


def test_of_two_connections_only_one_gets_the_message(db: Database) -> None:
    of = waits(db)
    together = threading.Barrier(8)
    won: list[str] = []

    def try_it(token: str) -> None:
        with closing(open_database(db.path)) as connection:
            together.wait(10)
            if claim(connection, of, token):
                won.append(token)

    threads = [threading.Thread(target=try_it, args=(f"token {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(won) == 1
    assert (row_of(db)["claim_token"], row_of(db)["attempts"]) == (won[0], 1)


def test_the_claim_returns_the_text_that_is_sent(db: Database) -> None:
    """A message that was rendered again after it was chosen goes out as it is now."""
    of = waits(db)
    with db.transaction():
        outbox.replace_text(db, "EUW1_1", draft(text="new", blocks=None))
    assert claim(db, replace(of, text="new", blocks=None))


@pytest.mark.parametrize(("seconds", "claimed"), [(-1, True), (0, True), (1, False)])
def test_a_message_that_is_no_longer_news_is_not_claimed(db: Database, seconds: int, claimed: bool) -> None:
    of = waits(db)
    assert support.claim(db, of, "mine", START, START + timedelta(seconds=seconds)) is claimed


def test_the_game_that_ended_first_is_claimed_first(db: Database) -> None:
    """Also where a later one was built before; other channels and ended messages do not matter."""
    later = waits(db, "EUW1_2", ended_at=LATER)
    same_moment, earlier = waits(db, "EUW1_1", ended_at=LATER), waits(db, "EUW1_9")
    waits(db, "EUW1_0", "C2")
    assert claim(db, earlier)
    assert claim(db, same_moment)
    assert claim(db, later)
    assert not claim(db, later)


@pytest.mark.parametrize(
    ("compared", "built", "claimed"),
    [(None, 0, False), (1, 0, True), (1, 2, False), (3, 2, True)],
    ids=["never", "built before", "built after, of a game over by then", "compared again"],
)
def test_claim__channel_not_compared(db: Database, compared: int | None, built: int, claimed: bool) -> None:
    """Nothing is claimed before its channel's history was compared as it has to be."""
    hour = timedelta(hours=1)
    waits(db)
    with db.transaction():
        db.write("UPDATE messages SET built_at = :at", at=text_of(START + built * hour))
        db.write(
            "UPDATE channels SET reconciled_at = :at", at=None if compared is None else text_of(START + compared * hour)
        )
    taken = claims.claim_next(db, "C1", "default", "mine", LONG_AGO, LATER)
    assert (taken is not None) == claimed


def test_claim__other_workspace(db: Database) -> None:
    """The token of one workspace never sends what belongs to another."""
    waits(db)
    with db.transaction():
        channels.mark_reconciled(db, "C1", LATER)
    assert claims.claim_next(db, "C1", "acme", "mine", LONG_AGO, LATER) is None


# Outcomes


def test_a_delivered_message_keeps_its_receipt(db: Database) -> None:
    in_state(db, "sending")
    claims.mark_delivered(db, Claim(message(), "mine"), "1700000000.000100", LATER)
    row = row_of(db)
    assert (row["state"], row["slack_ts"], row["error"]) == ("delivered", "1700000000.000100", None)
    assert (row["claim_token"], row["claimed_at"], row["settled_at"]) == (None, text_of(START), text_of(LATER))
    assert row["attempts"] == 1


def test_a_refused_message_keeps_its_reason_and_leaves_the_channel_well(db: Database) -> None:
    in_state(db, "sending")
    claims.mark_failed(db, Claim(message(), "mine"), "msg_too_long", LATER, broken=False)
    row = row_of(db)
    assert (row["state"], row["error"], row["claim_token"]) == ("failed", "msg_too_long", None)
    assert holds.all_known(db) == []


def test_a_dead_channel_is_marked_broken_with_the_outcome(db: Database) -> None:
    in_state(db, "sending")
    claims.mark_failed(db, Claim(message(), "mine"), "is_archived", LATER, broken=True)
    assert row_of(db)["state"] == "failed"
    (hold,) = holds.all_known(db)
    assert (str(hold.scope), hold.kind, hold.reason, hold.since, hold.until) == (
        "channel C1",
        "broken",
        "is_archived",
        LATER,
        None,
    )


def test_an_uncertain_message_keeps_its_claims_moment(db: Database) -> None:
    in_state(db, "sending")
    claims.mark_uncertain(db, Claim(message(), "mine"), "time-out", LATER)
    row = row_of(db)
    assert (row["state"], row["error"], row["claimed_at"]) == ("uncertain", "time-out", text_of(START))
    assert row["claim_token"] is None


@pytest.mark.parametrize(
    ("how", "attempts", "blocks"),
    [({}, 1, BLOCKS), ({"counted": False}, 0, BLOCKS), ({"plainer": True}, 1, None)],
)
def test_what_was_certainly_not_posted_waits_again(
    db: Database, how: dict[str, Any], attempts: int, blocks: str | None
) -> None:
    of = in_state(db, "sending")
    release(db, of, **how)
    row = row_of(db)
    assert (row["state"], row["error"], row["attempts"], row["blocks"]) == ("pending", "ratelimited", attempts, blocks)
    assert row["claim_token"] is None
    assert claim(db, replace(of, blocks=blocks), "again")
    assert row_of(db)["attempts"] == attempts + 1


def test_each_claim_that_made_a_request_is_counted(db: Database) -> None:
    of = waits(db)
    for counted in (True, False, True, False):
        assert claim(db, of)
        release(db, of, counted=counted)
    assert row_of(db)["attempts"] == 2


def test_only_the_message_that_was_claimed_is_put_back(db: Database) -> None:
    one, two = waits(db, "EUW1_1"), waits(db, "EUW1_2")
    claim(db, one)
    release(db, one, counted=False, plainer=True)
    assert row_of(db, two)["blocks"] == BLOCKS
    assert row_of(db, two)["attempts"] == 0


def test_orphans_of_a_dead_process_are_uncertain(db: Database) -> None:
    of = in_state(db, "sending")
    other = waits(db, "EUW1_2")
    assert in_doubt.recover_orphaned_claims(db, LATER) == [of]
    row = row_of(db)
    assert (row["state"], row["error"], row["settled_at"]) == ("uncertain", in_doubt.DIED, text_of(LATER))
    assert (row["attempts"], row["claimed_at"], row["claim_token"]) == (1, text_of(START), None)
    assert row_of(db, other)["state"] == "pending"
    assert in_doubt.recover_orphaned_claims(db, LATER) == []
    with pytest.raises(RuntimeError, match="no longer ours"):  # should the dead process not be dead
        claims.mark_delivered(db, Claim(of, "mine"), "1.5", LATER)


def test_a_delivered_message_proves_that_the_token_is_well(db: Database) -> None:
    of = in_state(db, "sending")
    with db.transaction():
        holds.put(db, holds.workspace_scope("default"), "rejected", "invalid_auth", START, None)
        holds.put(db, holds.workspace_scope("acme"), "rejected", "invalid_auth", START, None)
    claims.mark_delivered(db, Claim(of, "mine"), "1.5", LATER)
    assert [str(hold.scope) for hold in holds.all_known(db)] == ["workspace acme"]


# Looking up


def test_uncertain_messages_are_looked_up_by_channel_except_those_of_this_run(db: Database) -> None:
    for match_id, channel, workspace, minutes in [
        ("EUW1_1", "C2", "default", 0),
        ("EUW1_2", "C1", "default", 5),
        ("EUW1_3", "C1", "default", 0),
        ("EUW1_4", "C9", "acme", 0),
    ]:
        in_state(db, "uncertain", waits(db, match_id, channel, START - timedelta(minutes=9 - minutes), workspace))
    in_state(db, "delivered", waits(db, "EUW1_5"))
    this_run = waits(db, "EUW1_6")
    assert claim(db, this_run, now=LATER)
    claims.mark_uncertain(db, Claim(this_run, "mine"), "time-out", LATER)
    found = in_doubt.uncertain(db, LATER)
    assert [each.message.subject for each in found] == ["EUW1_4", "EUW1_3", "EUW1_2", "EUW1_1"]
    assert {(each.claimed_at, each.lookup_misses, each.resends) for each in found} == {(START, 0, 0)}
    assert found[1].happened_at == START - timedelta(minutes=9)
    assert in_doubt.uncertain(db, START) == []


def test_what_is_found_in_the_channel_is_delivered_with_that_receipt(db: Database) -> None:
    of = in_state(db, "uncertain")
    assert in_doubt.is_uncertain(db, of)
    in_doubt.mark_found(db, of, "1.5", LATER)
    row = row_of(db)
    assert (row["state"], row["slack_ts"], row["error"], row["settled_at"]) == (
        "delivered",
        "1.5",
        None,
        text_of(LATER),
    )
    assert not in_doubt.is_uncertain(db, of)
    assert not in_doubt.is_uncertain(db, message("EUW1_404"))


def test_runs_that_did_not_find_it_are_counted_until_it_goes_out_again(db: Database) -> None:
    of = in_state(db, "uncertain")
    in_doubt.record_lookup_error(db, of, LookupProblem.SCOPE_MISSING, "missing_scope", LATER)
    in_doubt.record_lookup_miss(db, of, LATER)
    in_doubt.record_lookup_miss(db, of, LATER)
    (found,) = in_doubt.uncertain(db, LATER)
    assert (found.lookup_misses, found.resends, row_of(db)["error"]) == (2, 0, "missing_scope")
    in_doubt.send_again(db, of, LATER)
    row = row_of(db)
    assert (row["state"], row["lookup_misses"], row["resends"], row["attempts"]) == ("pending", 0, 1, 1)
    assert row["error"] == "not in the channel, goes out again"
    assert in_doubt.uncertain(db, LATER) == []
    assert claim(db, of)
    assert row_of(db)["attempts"] == 2


def test_a_message_goes_out_again_once_at_most(db: Database) -> None:
    of = in_state(db, "uncertain")
    in_doubt.send_again(db, of, LATER)
    assert claim(db, of)
    claims.mark_uncertain(db, Claim(of, "mine"), "time-out", LATER)
    in_doubt.send_again(db, of, LATER)
    assert row_of(db)["state"] == "uncertain"


# Ending without a call


def test_old_messages_expire_with_a_reason_and_news_stays(db: Database) -> None:
    old = [waits(db, f"EUW1_{number}", ended_at=START - timedelta(seconds=number)) for number in (1, 2)]
    news = waits(db, "EUW1_9", ended_at=START)
    assert outbox.expire(db, START, START) == 2
    for each in old:
        row = row_of(db, each)
        assert (row["state"], row["error"], row["settled_at"]) == ("expired", "no longer news", text_of(START))
    assert row_of(db, news)["state"] == "pending"
    assert outbox.expire(db, START, START) == 0


def test_a_message_about_nobody_who_is_tracked_expires(db: Database) -> None:
    one, other = waits(db, "EUW1_1", "C1"), waits(db, "EUW1_1", "C2")
    with db.transaction():
        outbox.expire_untracked(db, "EUW1_1", "C1", START)
    assert (row_of(db, one)["state"], row_of(db, one)["error"]) == ("expired", "untracked")
    assert row_of(db, other)["state"] == "pending"


def test_messages_of_broken_channels_fail_without_a_call_and_others_wait(db: Database) -> None:
    dead = [waits(db, "EUW1_1", "C1"), waits(db, "EUW1_2", "C1"), waits(db, "EUW1_1", "C2"), waits(db, "EUW1_1", "C3")]
    well, limited = waits(db, "EUW1_1", "C4"), waits(db, "EUW1_1", "C5")
    with db.transaction():
        for channel, reason in [("C1", "is_archived"), ("C2", "is_archived"), ("C3", "channel_not_found")]:
            holds.put(db, holds.channel_scope(channel), "broken", reason, START, None)
        holds.put(db, holds.channel_scope("C5"), "limited", "ratelimited", START, LATER)
        holds.put(db, holds.channel_scope("C9"), "broken", "is_archived", START, None)
    assert outbox.fail_in_broken_channels(db, START) == {
        "is_archived: the channel was marked broken": 3,
        "channel_not_found: the channel was marked broken": 1,
    }
    assert {row_of(db, each)["state"] for each in dead} == {"failed"}
    assert row_of(db, dead[3])["error"] == "channel_not_found: the channel was marked broken"
    assert row_of(db, dead[3])["attempts"] == 0
    assert {row_of(db, each)["state"] for each in (well, limited)} == {"pending"}
    assert outbox.fail_in_broken_channels(db, START) == {}


def test_where_nothing_ends_nothing_is_written(db: Database) -> None:
    waits(db, ended_at=START)
    with db.transaction():
        holds.put(db, holds.channel_scope("C9"), "broken", "is_archived", START, None)
    with closing(open_database(db.path)) as other, other.transaction():  # a lock would be waited for
        assert outbox.expire(db, START, START) == 0
        assert outbox.fail_in_broken_channels(db, START) == {}
        assert in_doubt.recover_orphaned_claims(db, START) == []


# Queues


def test_the_queue_of_the_longest_finished_game_comes_first(db: Database) -> None:
    for match_id, channel, minutes in [
        ("EUW1_5", "C1", 30),
        ("EUW1_4", "C1", 10),
        ("EUW1_3", "C2", 5),
        ("EUW1_2", "C2", 5),
        ("EUW1_1", "C3", 20),
    ]:
        waits(db, match_id, channel, START + timedelta(minutes=minutes))
    found = [(each.message.subject, each.message.channel_id, each.waiting) for each in outbox.next_messages(db)]
    assert found == [("EUW1_2", "C2", 2), ("EUW1_4", "C1", 2), ("EUW1_1", "C3", 1)]
    in_order = [each.subject for each, _ in outbox.waiting(db)]
    assert in_order == ["EUW1_2", "EUW1_3", "EUW1_4", "EUW1_1", "EUW1_5"]


def test_a_queue_has_what_waits_only_and_knows_the_last_answer_of_its_channel(db: Database) -> None:
    one, two = waits(db, "EUW1_1"), waits(db, "EUW1_2", ended_at=LATER)
    other = waits(db, "EUW1_1", "C2", workspace="acme")
    assert [each.last_answer for each in outbox.next_messages(db)] == [None, None]
    in_state(db, "delivered", one)
    first, second = outbox.next_messages(db)
    assert (first.message, first.last_answer) == (other, None)
    assert (second.message, second.waiting, second.last_answer) == (two, 1, START)
    in_state(db, "failed", two)
    assert [each.message for each in outbox.next_messages(db)] == [other]


def test_messages_that_wait_are_found_by_the_player_they_name(db: Database) -> None:
    in_state(db, "delivered", waits(db, "EUW1_2", "C1"))
    waits(db, "EUW1_1", "C1")
    waits(db, "EUW1_1", "C2")
    player = players.poll_order(db)[0]
    assert outbox.waiting_about(db, player.player_id, "C1") == ["EUW1_1"]
    assert outbox.waiting_about(db, player.player_id, "C9") == []
    assert outbox.waiting_about(db, 999, "C1") == []


def test_wording_anew_changes_the_one_message(db: Database) -> None:
    one, other = waits(db, "EUW1_1", "C1"), waits(db, "EUW1_1", "C2")
    with db.transaction():
        outbox.replace_text(db, "EUW1_1", draft("C1", text="new", blocks=None))
    assert (row_of(db, one)["text"], row_of(db, one)["blocks"]) == ("new", None)
    assert (row_of(db, other)["text"], row_of(db, other)["blocks"]) == ("text", BLOCKS)


# How many went out of late


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        ("pending", False),
        ("sending", True),
        ("delivered", True),
        ("failed", False),  # certainly not in Slack
        ("uncertain", True),
        ("expired", False),
    ],
)
def test_claims_count_whose_message_is_or_may_be_in_the_channel(db: Database, state: str, counts: bool) -> None:
    in_state(db, state)
    assert outbox.recent_claims(db, "C1", 60, START) == ([START] if counts else [])
    assert outbox.recent_claims(db, "C2", 60, START) == []


def test_what_was_put_back_does_not_count(db: Database) -> None:
    release(db, in_state(db, "sending"))
    assert outbox.recent_claims(db, "C1", 60, START) == []


@pytest.mark.parametrize(
    ("seconds", "counts"),
    [
        (0, True),
        (59.999, True),
        (60, False),
        (3600, False),
        (-30, True),  # the clock was set back a little: rather wait
        (-60, False),
        (-86400, False),  # the clock was set back by a day: not held back for a day
    ],
)
def test_claims_count_for_as_long_as_the_limit_says(db: Database, seconds: float, counts: bool) -> None:
    in_state(db, "delivered")
    now = START + timedelta(seconds=seconds)
    assert outbox.recent_claims(db, "C1", 60, now) == ([START] if counts else [])


def test_recent_claims_are_the_newest_first(db: Database) -> None:
    for number in (1, 3, 2):
        of = waits(db, f"EUW1_{number}")
        assert claim(db, of, now=START + timedelta(seconds=number))
    assert outbox.recent_claims(db, "C1", 60, LATER - timedelta(minutes=9, seconds=30)) == [
        START + timedelta(seconds=number) for number in (3, 2, 1)
    ]


def test_the_channels_of_a_workspace_that_were_told_too_fast_are_known(db: Database) -> None:
    for channel, workspace in [("C1", "default"), ("C2", "default"), ("C3", "acme"), ("C4", "default")]:
        waits(db, "EUW1_1", channel, workspace=workspace)
    with db.transaction():
        for channel, until in [("C1", LATER), ("C2", START), ("C3", LATER)]:
            holds.put(db, holds.channel_scope(channel), "limited", "ratelimited", START, until)
        holds.put(db, holds.channel_scope("C4"), "broken", "is_archived", START, None)
    assert outbox.limited_channels(db, "default", START) == {"C1"}
    assert outbox.limited_channels(db, "acme", START) == {"C3"}
    assert outbox.limited_channels(db, "acme", LATER) == set()
