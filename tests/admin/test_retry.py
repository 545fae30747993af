"""What a person puts back: the sentences first, then the change in one commit; and what there is not to try again."""

from datetime import timedelta

import pytest
from fakes import FakeSlack
from support import START, FakeClock, a_match, add_player, scope_of, store_match

from lolslackbot.admin.arguments import Post
from lolslackbot.admin.retry import (
    Plan,
    record_found,
    retry_channel,
    retry_host,
    retry_matches,
    retry_message,
    retry_missing,
)
from lolslackbot.errors import Exit, NotFound
from lolslackbot.messages.render import render
from lolslackbot.riot.limiter import Limiter, RateLimited
from lolslackbot.settings import ChannelLimit
from lolslackbot.slack.answers import Posted, SlackVerdict
from lolslackbot.stages import build_messages as building
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.deliver import Limits, deliver
from lolslackbot.stages.reconcile import Policy
from lolslackbot.stages.run import Run
from lolslackbot.store import channels, decisions, holds, listings, matches
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.database import Database
from lolslackbot.store.matches import RetryState
from lolslackbot.store.reasons import Reason
from lolslackbot.transport import HttpAnswer

LIMITS = Limits(timedelta(hours=12), ChannelLimit(30, 3600), Policy(timedelta(minutes=10), resend=True))
REFUSED = Posted(SlackVerdict.MESSAGE_REFUSED, "msg_too_long")
BROKEN = Posted(SlackVerdict.CHANNEL_BROKEN, "is_archived")
LOST = Posted(SlackVerdict.UNCERTAIN, "HTTP 503")


@pytest.fixture
def slack() -> FakeSlack:
    return FakeSlack()


def games(db: Database, clock: FakeClock, *match_ids: str, player: int = 1) -> None:
    """Stored and built games that ended one after the other."""
    for number, match_id in enumerate(match_ids):
        ended_at = clock.now() - timedelta(minutes=len(match_ids) - number)
        store_match(db, a_match(match_id, player, ended_at=ended_at), clock.now())
    build(db, clock)


def build(db: Database, clock: FakeClock) -> None:
    build_messages(db, Run("build-messages", clock, 80), "")


def send(db: Database, slack: FakeSlack, clock: FakeClock) -> Run:
    """One run, three minutes after the one before."""
    run = Run("deliver", clock, 80)
    slack.requests.clear()
    deliver(db, lambda _: slack, run, LIMITS)  # type: ignore[arg-type,return-value]
    clock.advance(180)
    return run


def everything(db: Database) -> list[tuple[object, ...]]:
    return [
        tuple(row)
        for table in ("messages", "matches", "holds")
        for row in db.rows(f"SELECT * FROM {table} ORDER BY 1, 2")
    ]


def message(db: Database, match_id: str, channel_id: str = "C1") -> tuple[str, int, str | None]:
    row = db.row(
        "SELECT state, attempts, error FROM messages WHERE match_id = :match_id AND channel_id = :channel_id",
        match_id=match_id,
        channel_id=channel_id,
    )
    assert row
    return row["state"], row["attempts"], row["error"]


def does_nothing_until_asked(db: Database, plan: Plan, before: list[tuple[object, ...]]) -> None:
    assert everything(db) == before
    plan.do()
    assert everything(db) != before


# Messages


def test_a_failed_message_goes_out_again_once(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    slack.outcomes["C1"] = [REFUSED]
    send(db, slack, clock)
    assert message(db, "EUW1_1") == ("failed", 1, "msg_too_long")
    before = everything(db)
    plan = retry_message(db, "EUW1_1", "C1", START)
    assert plan.sentences == ["EUW1_1:C1 will be sent again"]
    does_nothing_until_asked(db, plan, before)
    assert message(db, "EUW1_1") == ("pending", 1, None)
    send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1"]
    assert message(db, "EUW1_1") == ("delivered", 2, None)
    send(db, slack, clock)
    assert slack.keys == []


def test_an_uncertain_message_is_put_back_with_a_warning_of_doubles(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    slack.outcomes["C1"] = [LOST]
    send(db, slack, clock)
    before = everything(db)
    plan = retry_message(db, "EUW1_1", "C1", START)
    assert plan.sentences == [
        "EUW1_1:C1 will be sent again",
        "it may be posted twice, if Slack already has it",
    ]
    does_nothing_until_asked(db, plan, before)
    send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1"]
    assert message(db, "EUW1_1") == ("delivered", 2, None)


def test_what_was_found_delivered_between_the_question_and_the_answer_is_not_sent_again(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    slack.outcomes["C1"] = [LOST]
    send(db, slack, clock)
    plan = retry_message(db, "EUW1_1", "C1", START)
    with db.transaction():
        db.write("UPDATE messages SET state = 'delivered', slack_ts = '1.1'")
    plan.do()
    assert message(db, "EUW1_1")[0] == "delivered"


@pytest.mark.parametrize("gone", ["DELETE FROM messages", "UPDATE messages SET state = 'delivered', slack_ts = '1.1'"])
def test_a_message_without_words_that_changed_between_question_and_answer_is_left_alone(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    add_player(db)
    with monkeypatch.context() as broken:
        broken.setattr(building, "render", lambda *_: 1 / 0)
        games(db, clock, "EUW1_1")
    plan = retry_message(db, "EUW1_1", "C1", START)
    with db.transaction():
        db.write(gone)
    plan.do()
    assert matches.to_build(db) == []


@pytest.mark.parametrize("state", ["pending", "delivered", "expired", "sending"])
def test_a_message_that_neither_failed_nor_is_uncertain_is_refused(db: Database, clock: FakeClock, state: str) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    with db.transaction():
        db.write(
            "UPDATE messages SET state = :state, claim_token = :token, claimed_at = happened_at, slack_ts = '1.1', "
            "error = 'x'",
            state=state,
            token="t" if state == "sending" else None,
        )
    before = everything(db)
    with pytest.raises(NotFound) as caught:
        retry_message(db, "EUW1_1", "C1", START)
    assert str(caught.value) == f"the message about EUW1_1 in C1 is {state}: nothing to retry"
    assert caught.value.exit_status is Exit.SOME_FAILED
    assert everything(db) == before


@pytest.mark.parametrize(("match_id", "channel"), [("EUW1_9", "C1"), ("EUW1_1", "C9")])
def test_a_message_that_there_is_not_is_refused(db: Database, clock: FakeClock, match_id: str, channel: str) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    with pytest.raises(NotFound, match=f"there is no message about {match_id} in {channel}"):
        retry_message(db, match_id, channel, START)


def test_a_message_whose_wording_failed_is_worded_again_and_the_others_stay(
    db: Database, slack: FakeSlack, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_player(db, 1, channel="C1")
    add_player(db, 1, channel="C2")
    real = render
    answers = iter([ZeroDivisionError("a bug of ours"), None])

    def sometimes(*arguments: object) -> object:
        if fault := next(answers):
            raise fault
        return real(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr(building, "render", sometimes)
        games(db, clock, "EUW1_1")
    assert message(db, "EUW1_1", "C1") == ("failed", 0, "it could not be worded: see the log")
    send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C2"]
    plan = retry_message(db, "EUW1_1", "C1", START)
    assert plan.sentences == ["EUW1_1:C1 will be sent again, once it is built again"]
    plan.do()
    assert matches.to_build(db) == ["EUW1_1"]
    build(db, clock)
    assert message(db, "EUW1_1", "C1") == ("pending", 0, None)
    send(db, slack, clock)
    assert slack.keys == ["EUW1_1:C1"]
    assert "Player 1" in slack.requests[0].text
    assert message(db, "EUW1_1", "C2")[:2] == ("delivered", 1)


def test_a_message_that_is_no_longer_news_is_not_promised_to_go_out(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    slack.outcomes["C1"] = [BROKEN]
    send(db, slack, clock)
    clock.advance(24 * 3600)
    plan = retry_channel(db, "C1", clock.now())
    plan.do()
    send(db, slack, clock)
    assert message(db, "EUW1_1")[0] == "expired"
    assert plan.sentences == [
        "C1 was marked broken (is_archived) and is unblocked",
        "EUW1_1:C1 has expired and will not be sent: its game ended 2026-11-23T11:59:00.000Z",
    ]


# Channels


def test_a_broken_channel_is_well_again_and_its_failed_messages_go_out_in_order(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_2", "EUW1_1")
    slack.outcomes["C1"] = [BROKEN]
    send(db, slack, clock)
    assert [message(db, match_id)[0] for match_id in ("EUW1_1", "EUW1_2")] == ["failed", "failed"]
    before = everything(db)
    plan = retry_channel(db, "C1", START)
    assert plan.sentences == [
        "C1 was marked broken (is_archived) and is unblocked",
        "of 2 failed messages 2 will be sent again",
        "EUW1_2:C1 will be sent again",
        "EUW1_1:C1 will be sent again",
    ]
    does_nothing_until_asked(db, plan, before)
    assert holds.find(db, scope_of("channel C1"), "broken") is None
    send(db, slack, clock)
    assert slack.keys == ["EUW1_2:C1", "EUW1_1:C1"]
    assert [message(db, match_id)[0] for match_id in ("EUW1_1", "EUW1_2")] == ["delivered", "delivered"]


def test_failed_messages_of_a_channel_that_is_well_go_out_again_but_uncertain_ones_do_not(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    slack.outcomes["C1"] = [REFUSED, LOST]
    send(db, slack, clock)
    plan = retry_channel(db, "C1", START)
    assert plan.sentences == ["EUW1_1:C1 will be sent again"]
    plan.do()
    assert (message(db, "EUW1_1")[0], message(db, "EUW1_2")[0]) == ("pending", "uncertain")


def test_a_broken_channel_without_failed_messages_is_well_again(db: Database, clock: FakeClock) -> None:
    add_player(db)
    with db.transaction():
        holds.put(db, scope_of("channel C1"), "broken", "not_in_channel", START, None)
    plan = retry_channel(db, "C1", START)
    assert plan.sentences == ["C1 was marked broken (not_in_channel) and is unblocked"]
    plan.do()
    assert holds.all_known(db) == []


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("C1", "C1 is healthy and has no failed messages: nothing to retry"),
        ("C9", "C9 is not a tracked channel: see `lolslackbot channels`"),
    ],
)
def test_a_channel_with_nothing_to_try_again_is_refused(db: Database, channel: str, words: str) -> None:
    add_player(db)
    with pytest.raises(NotFound) as caught:
        retry_channel(db, channel, START)
    assert str(caught.value) == words


@pytest.mark.parametrize("scope", ["channel C1", "workspace default"])
def test_a_persons_word_lifts_what_slack_limited(db: Database, slack: FakeSlack, clock: FakeClock, scope: str) -> None:
    add_player(db)
    games(db, clock, "EUW1_1")
    with db.transaction():
        holds.put(db, scope_of(scope), "limited", "ratelimited", START, START + timedelta(hours=20))
    assert send(db, slack, clock).counts["delivered"] == 0
    before = everything(db)
    plan = retry_channel(db, "C1", clock.now())
    assert plan.sentences == [
        f"{scope} is held back until 2026-11-24T08:00:00.000Z (ratelimited), and no longer: "
        "the next post tells whether Slack agrees"
    ]
    does_nothing_until_asked(db, plan, before)
    (decision,) = decisions.about(db, scope)
    assert (decision.command, decision.change) == ("retry", "limited -> well")
    assert send(db, slack, clock).counts["delivered"] == 1
    with pytest.raises(NotFound, match="C1 is healthy"):
        retry_channel(db, "C1", clock.now())


def test_a_limit_that_is_over_is_nothing_to_lift(db: Database, clock: FakeClock) -> None:
    add_player(db)
    with db.transaction():
        holds.put(db, scope_of("channel C1"), "limited", "ratelimited", START, START + timedelta(minutes=1))
    clock.advance(60)
    with pytest.raises(NotFound, match="C1 is healthy"):
        retry_channel(db, "C1", clock.now())


# Hosts


def limiter_of(db: Database, clock: FakeClock) -> Limiter:
    return Limiter(CallLog(db), clock, 15)


def answered(db: Database, clock: FakeClock, status: int = 200, /, **headers: str) -> None:
    """One call to europe, which is answered at once."""
    limiter = limiter_of(db, clock)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    limiter.finish(limiter.reserve("europe", "match"), "europe", "match", HttpAnswer(status, named, b"{}"))


@pytest.mark.parametrize("kind", ["application", "service"])
def test_one_call_to_a_host_that_was_held_back_decides(db: Database, clock: FakeClock, kind: str) -> None:
    refusal = {"x_rate_limit_type": kind, "retry_after": "999999999"}
    answered(db, clock, 429, x_app_rate_limit="20:1,100:120", **refusal)
    before = everything(db)
    plan = retry_host(db, "europe", clock)
    scope = "riot europe" if kind == "application" else "riot europe match"
    assert plan.sentences == [
        f"{scope} is held back until 2026-11-24T12:00:00.000Z: 429 of type {kind}, Retry-After 999999999, "
        "capped at one day: {}",
        "that is lifted for europe: the next `lolslackbot fetch-matches` makes one call there, and its answer decides "
        "what is held back then",
    ]
    does_nothing_until_asked(db, plan, before)
    (decision,) = decisions.about(db, "host europe")
    assert (decision.command, decision.change) == ("retry", "held back -> one call")
    limiter = limiter_of(db, clock)
    call = limiter.reserve("europe", "match")
    with pytest.raises(RateLimited, match="waiting for the first response from"):
        limiter.reserve("europe", "match")
    limiter.finish(call, "europe", "match", HttpAnswer(429, {"x-rate-limit-type": kind, "retry-after": "60"}, b"{}"))
    held = limiter.free_at("europe", "match")
    assert held
    assert held.until - clock.now() == timedelta(seconds=60.5)


def test_a_window_that_is_full_for_hours_lets_one_call_go(db: Database, clock: FakeClock) -> None:
    header = {"x_app_rate_limit": "1:80000"}
    answered(db, clock, **header)
    assert limiter_of(db, clock).free_at("europe", "match")
    plan = retry_host(db, "europe", clock)
    assert plan.sentences[0] == "rate limit 1/80000 s exhausted for europe until 2026-11-24T10:13:20.500Z"
    plan.do()
    answered(db, clock, **header)
    assert limiter_of(db, clock).free_at("europe", "match")  # Riot says it again: so it is


def test_a_limit_that_cannot_be_is_forgotten(db: Database, clock: FakeClock) -> None:
    answered(db, clock, x_app_rate_limit="20:1,100:99999999")
    plan = retry_host(db, "europe", clock)
    assert plan.sentences[0] == "Riot states a limit that is ignored: 100 calls in 99999999 s to europe"
    plan.do()
    with pytest.raises(NotFound, match="^nothing holds europe back: nothing to retry$"):
        retry_host(db, "europe", clock)


def test_another_host_is_left_as_it_is(db: Database, clock: FakeClock) -> None:
    answered(db, clock, 429, retry_after="600", x_app_rate_limit="100:120")
    for host in ("asia", "eu"):
        with pytest.raises(NotFound):
            retry_host(db, host, clock)
    with db.transaction():
        holds.put(db, scope_of("riot asia"), "limited", "429", START, START + timedelta(hours=1))
    retry_host(db, "asia", clock).do()
    assert [str(hold.scope) for hold in holds.all_known(db)] == ["riot europe match"]
    assert CallLog(db).state("europe", "")[""].windows


# Matches


def listed(db: Database, *match_ids: str) -> None:
    listings.record_page(db, add_player(db).player_id, match_ids, None, START)


def test_a_missing_and_a_given_up_match_are_asked_for_again_as_if_listed_now(db: Database, clock: FakeClock) -> None:
    listed(db, "EUW1_1", "EUW1_2")
    matches.mark_missing(db, "EUW1_1", START, None)
    matches.give_up(db, "EUW1_2", Reason("no longer news"), START)
    clock.advance(3600)
    before = everything(db)
    plan = retry_matches(db, ["EUW1_1", "EUW1_2"], clock.now())
    assert plan.sentences == ["match EUW1_1 is asked for again", "match EUW1_2 is asked for again"]
    does_nothing_until_asked(db, plan, before)
    assert matches.to_look_at(db, clock.now()) == ["EUW1_2", "EUW1_1"]
    assert matches.retry_state(db, "EUW1_1", clock.now()) == RetryState(0, 0, clock.now())
    assert [tuple(row) for row in db.rows("SELECT state, reason FROM matches")] == [("wanted", None)] * 2


def test_all_missing_matches_and_no_others_are_asked_for_again(db: Database, clock: FakeClock) -> None:
    listed(db, "EUW1_1", "EUW1_2", "EUW1_3", "EUW1_4")
    for match_id in ("EUW1_1", "EUW1_3"):
        matches.mark_missing(db, match_id, START, None)
    matches.give_up(db, "EUW1_2", Reason("before tracking"), START)
    plan = retry_missing(db, clock.now())
    assert plan.sentences == ["match EUW1_1 is asked for again", "match EUW1_3 is asked for again"]
    plan.do()
    assert [matches.state_of(db, f"EUW1_{number}") for number in (1, 2, 3, 4)] == [
        *("wanted", "given_up", "wanted", "wanted")
    ]


@pytest.mark.parametrize(
    ("match_id", "words"),
    [
        ("EUW1_1", "match EUW1_1 is wanted: nothing to retry"),
        ("EUW1_2", "match EUW1_2 is stored: nothing to retry"),
        ("EUW1_9", "match EUW1_9 was never listed"),
    ],
)
def test_a_match_that_is_neither_missing_nor_given_up_is_refused(db: Database, match_id: str, words: str) -> None:
    listed(db, "EUW1_1")
    store_match(db, a_match("EUW1_2"))
    before = everything(db)
    with pytest.raises(NotFound) as caught:
        retry_matches(db, [match_id], START)
    assert str(caught.value) == words
    assert everything(db) == before


def test_where_no_match_is_missing_there_is_nothing_to_try_again(db: Database) -> None:
    listed(db, "EUW1_1")
    with pytest.raises(NotFound, match="no match is missing: nothing to retry"):
        retry_missing(db, START)


def test_what_is_retried_is_kept_as_decisions_and_what_is_only_shown_is_not(db: Database) -> None:
    player = add_player(db)
    listings.record_page(db, player.player_id, ["EUW1_5"], None, START)
    matches.mark_missing(db, "EUW1_5", START, None)
    plan = retry_matches(db, ["EUW1_5"], START)
    assert decisions.about(db, "match EUW1_5") == []
    plan.do()
    (decision,) = decisions.about(db, "match EUW1_5")
    assert (decision.command, decision.change, decision.decided_at) == ("retry", "missing -> wanted", START)


# What a person found in the channel

LINK = Post("C1", "1700000000.123456")


@pytest.fixture
def unknown(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """Nobody knows whether EUW1_1 is in C1; EUW1_2 is."""
    add_player(db)
    games(db, clock, "EUW1_1", "EUW1_2")
    slack.outcomes["EUW1_1"] = [LOST]
    send(db, slack, clock)


@pytest.mark.usefixtures("unknown")
def test_an_uncertain_message_that_a_person_found_counts_as_delivered(
    db: Database, slack: FakeSlack, clock: FakeClock
) -> None:
    before = everything(db)
    plan = record_found(db, "EUW1_1", "C1", LINK, START)
    assert plan.sentences == [
        "the uncertain message EUW1_1:C1 counts as delivered, ts 1700000000.123456",
        "is it the right link? what it leads to was posted at 2023-11-14T22:13:20.123Z, before its game ended at "
        "2026-11-23T11:58:00.000Z",
    ]
    does_nothing_until_asked(db, plan, before)
    row = db.row("SELECT state, slack_ts, error, lookup_problem FROM messages WHERE match_id = 'EUW1_1'")
    assert row
    assert tuple(row) == ("delivered", "1700000000.123456", None, None)
    assert [each.change for each in decisions.about(db, "message EUW1_1:C1")] == [
        "uncertain -> delivered, ts 1700000000.123456"
    ]
    for _ in range(5):
        send(db, slack, clock)
        assert slack.keys == []


@pytest.mark.usefixtures("unknown")
@pytest.mark.parametrize(
    ("match_id", "link", "said"),
    [
        ("EUW1_9", LINK, "there is no message about EUW1_9 in C1"),
        ("EUW1_2", LINK, "the message about EUW1_2 in C1 is delivered: nothing to record"),
        ("EUW1_1", Post("C2", "1.5"), "that link leads into C2, and the message about EUW1_1 is one of C1"),
        ("EUW1_1", Post("C1", "1700000000.000002"), "that link leads to the message about EUW1_2"),
    ],
)
def test_a_link_that_cannot_be_meant_is_refused_in_one_line(db: Database, match_id: str, link: Post, said: str) -> None:
    before = everything(db)
    with pytest.raises(NotFound) as caught:
        record_found(db, match_id, "C1", link, START)
    assert str(caught.value) == said
    assert everything(db) == before


@pytest.mark.usefixtures("unknown")
def test_a_link_into_the_channel_s_other_ids_is_taken(db: Database) -> None:
    channels.note_slack_id(db, "C1", "C7")
    record_found(db, "EUW1_1", "C1", Post("C7", "1.5"), START)
    with db.transaction():
        channels.move(db, "C1", "C8")
    record_found(db, "EUW1_1", "C1", Post("C1", "1.5"), START).do()
    row = db.row("SELECT state, slack_ts FROM messages WHERE match_id = 'EUW1_1' AND channel_id = 'C8'")
    assert row
    assert tuple(row) == ("delivered", "1.5")
