"""What is read of a channel, what is obeyed of it, and how each request ends: effect and answer once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fakes import FakeSlack
from support import FakeClock, add_player

from lolslackbot.clock import text_of
from lolslackbot.errors import ConfigError, Exit, Rejected, RunAborted, TemporaryError
from lolslackbot.health.status import status
from lolslackbot.model import Asked
from lolslackbot.slack.answers import Posted, Said, SlackProblem, SlackVerdict
from lolslackbot.stages import answer as stage
from lolslackbot.stages.answer import answer
from lolslackbot.stages.run import Run
from lolslackbot.store import channels, holds, requests, runs
from lolslackbot.store.channels import Change
from lolslackbot.store.clock_rollback import clamp_future_times
from lolslackbot.store.database import Database
from lolslackbot.store.requests import Request, ts_of

SCOPE = SlackProblem(SlackVerdict.TOKEN_REJECTED, "missing_scope", code="missing_scope")
LIMITED = SlackProblem(SlackVerdict.LIMITED, "ratelimited", wait=30)


@pytest.fixture
def slack(db: Database, clock: FakeClock) -> FakeSlack:
    """C1 may ask since a minute ago."""
    add_player(db, 1, channel="C1")
    channels.prefer(db, "C1", Change(requests=True), clock.now() - timedelta(minutes=1))
    slack = FakeSlack()
    slack.said_in["C1"] = []
    return slack


class Obeyed:
    """Answers everything, and keeps it; words that are in `faults` raise what stands there."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.words: list[str] = []
        self.faults: dict[str, Exception] = {}

    def __call__(self, request: Request, confirm: Callable[[str], None]) -> None:
        if fault := self.faults.get(request.asked.words):
            raise fault
        with self._db.transaction():
            confirm(f"done: {request.asked.words}")
        self.words.append(request.asked.words)


@pytest.fixture
def obeyed(db: Database) -> Obeyed:
    return Obeyed(db)


def ask(slack: FakeSlack, clock: FakeClock, *words: str, ago: float = 0, user: str = "U1", channel: str = "C1") -> None:
    """Said a millisecond after the other, the last one so many seconds ago."""
    asked = slack.said_in.setdefault(channel, [])
    assert isinstance(asked, list)
    for number, each in enumerate(words):
        at = clock.now() - timedelta(seconds=ago, milliseconds=len(words) - number)
        asked.append(Asked(ts_of(at), user, each))


def run(db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed, max_seconds: float = 80) -> Run:
    """One run, three minutes after the one before."""
    run = Run("answer", clock, max_seconds)
    slack.reads.clear()
    try:
        answer(db, lambda _: slack, run, obeyed)  # type: ignore[arg-type,return-value]
    finally:
        clock.advance(180)
    return run


def states(db: Database) -> dict[str, str]:
    return {row["words"]: row["state"] for row in db.rows("SELECT words, state FROM requests")}


def replies(db: Database) -> list[tuple[str, str]]:
    """Thread and text, in the order in which they were asked for."""
    rows = db.rows("SELECT thread_ts, text FROM messages WHERE kind = 'reply' ORDER BY subject")
    return [(row["thread_ts"], row["text"]) for row in rows]


def test_each_request_is_obeyed_once_and_answered_in_its_thread(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    ask(slack, clock, "one", "two")
    done = run(db, slack, clock, obeyed)
    assert (done.summary(), done.status) == ("answer: 2 answered", Exit.OK)
    assert obeyed.words == ["one", "two"]
    stamps = [asked.slack_ts for asked in slack.said_in["C1"]]  # type: ignore[union-attr]
    assert replies(db) == list(zip(stamps, ["done: one", "done: two"], strict=True))
    assert slack.reacted == [("C1", each) for each in stamps]
    (first, _) = db.rows("SELECT * FROM messages ORDER BY subject")
    assert (first["subject"], first["channel_id"], first["kind"]) == (f"reply {stamps[0]}", "C1", "reply")
    ask(slack, clock, "three")
    run(db, slack, clock, obeyed)
    run(db, slack, clock, obeyed)
    assert obeyed.words == ["one", "two", "three"]
    assert len(slack.reacted) == 3


def test_nothing_is_asked_where_nobody_may(db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed) -> None:
    channels.prefer(db, "C1", Change(requests=False), clock.now())
    ask(slack, clock, "one")
    assert run(db, slack, clock, obeyed).summary() == "answer: nothing to do"
    assert slack.reads == []


def test_the_cursor_is_slack_s_own_and_a_minute_is_read_again(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    """Also a message that Slack shows late, between two that were read."""
    asked = slack.said_in["C1"]
    assert isinstance(asked, list)
    first = ts_of(clock.now() - timedelta(seconds=1))[:-1] + "7"
    asked.append(Asked(first, "U1", "first"))
    run(db, slack, clock, obeyed)
    (inbox,) = requests.inboxes(db)
    assert (inbox.read_to, inbox.newest, inbox.down_to) == (first, None, None)
    asked.append(Asked(requests.ts_before(first, timedelta(seconds=30)), "U1", "late"))
    asked.append(Asked(requests.ts_before(first, timedelta(seconds=61)), "U1", "too late"))
    run(db, slack, clock, obeyed)
    assert obeyed.words == ["first", "late"]


def test_many_are_read_page_by_page_and_obeyed_oldest_first(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    slack.page = 2
    words = [str(number) for number in range(7)]
    for number, each in enumerate(words):
        ask(slack, clock, each, ago=30 - number, user=f"U{number}")
    run(db, slack, clock, obeyed)
    assert obeyed.words == words
    assert slack.reads.count("said C1") == 4


def test_a_reading_that_is_cut_off_goes_on_in_the_next_run(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is obeyed before all of it was read, since the oldest comes first; what was said since comes after it."""
    slack.page = 2
    for number in range(6):
        ask(slack, clock, str(number), ago=30 - number, user=f"U{number}")
    whole = slack.said

    def refuse_the_second(*arguments: object) -> object:
        if slack.reads.count("said C1"):
            raise LIMITED
        return whole(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(slack, "said", refuse_the_second)
    first = run(db, slack, clock, obeyed)
    assert (first.status, obeyed.words) == (Exit.LATER, [])
    (inbox,) = requests.inboxes(db)
    assert inbox.down_to
    assert inbox.newest
    monkeypatch.setattr(slack, "said", whole)
    ask(slack, clock, "6", user="U6")
    run(db, slack, clock, obeyed)
    assert obeyed.words == [str(number) for number in range(7)]
    (inbox,) = requests.inboxes(db)
    assert (inbox.newest, inbox.down_to) == (None, None)


def test_no_time_is_left(db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed) -> None:
    ask(slack, clock, "one")
    assert run(db, slack, clock, obeyed, max_seconds=0).out_of_time
    run(db, slack, clock, obeyed)
    with_none = Run("answer", clock, 80)
    ask(slack, clock, "two", "three")

    def slow(request: Request, confirm: Callable[[str], None]) -> None:
        obeyed(request, confirm)
        clock.advance(90)

    answer(db, lambda _: slack, with_none, slow)  # type: ignore[arg-type,return-value]
    assert with_none.out_of_time
    assert obeyed.words == ["one", "two"]


# What is not obeyed


def test_said_before_requests_were_switched_on(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    channels.prefer(db, "C1", Change(requests=False), clock.now())
    ask(slack, clock, "before", ago=5)
    channels.prefer(db, "C1", Change(requests=True), clock.now())
    ask(slack, clock, "at that moment", ago=-1)
    run(db, slack, clock, obeyed)
    assert obeyed.words == ["at that moment"]
    assert states(db) == {"before": "ignored", "at that moment": "answered"}


def test_switched_on_by_a_clock_that_was_ahead(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    """Once it is right, what is said from then on is read and obeyed."""
    channels.prefer(db, "C1", Change(requests=False), clock.now())
    channels.prefer(db, "C1", Change(requests=True), clock.now() + timedelta(days=365))
    clamp_future_times(db, clock.now())
    ask(slack, clock, "one", ago=-1)
    run(db, slack, clock, obeyed)
    assert obeyed.words == ["one"]


def test_switched_on_twice_is_switched_on_once(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    (before,) = requests.inboxes(db)
    channels.prefer(db, "C1", Change(requests=True), clock.now() + timedelta(hours=1))
    assert requests.inboxes(db) == [before]


def test_older_than_half_an_hour_when_first_read(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    clock.advance(3 * 3600)
    ask(slack, clock, "old", ago=1801)
    ask(slack, clock, "just in time", ago=1799)
    assert run(db, slack, clock, obeyed).summary() == "answer: 1 ignored, 1 answered"
    assert obeyed.words == ["just in time"]
    assert db.rows("SELECT reason FROM requests WHERE words = 'old'")[0]["reason"] == stage.TOO_OLD


def test_said_before_a_restore(db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed) -> None:
    """What the database that was replaced obeyed, this one cannot know."""
    ask(slack, clock, "before", ago=5)
    with db.transaction():
        db.write("INSERT INTO restores VALUES (:now)", now=text_of(clock.now()))
    ask(slack, clock, "after", ago=-1)
    run(db, slack, clock, obeyed)
    assert obeyed.words == ["after"]


def test_five_of_one_person_in_ten_minutes_and_one_hint(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    words = [str(number) for number in range(8)]
    ask(slack, clock, *words)
    ask(slack, clock, "mine", user="U2", ago=-1)
    assert run(db, slack, clock, obeyed).summary() == "answer: 6 answered, 3 refused"
    assert obeyed.words == [*words[:5], "mine"]
    assert [text for _, text in replies(db) if text == stage.TOO_MANY] == [stage.TOO_MANY]
    clock.advance(600)
    ask(slack, clock, "again")
    run(db, slack, clock, obeyed)
    assert obeyed.words[-1] == "again"


def test_of_five_those_that_wait_count_and_those_that_are_read_late(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    wait = [f"track {number}" for number in range(3)]
    for each in wait:
        obeyed.faults[each] = TemporaryError("Riot is away")
    ask(slack, clock, *wait, *(f"list {number}" for number in range(4)))
    run(db, slack, clock, obeyed)
    assert obeyed.words == ["list 0", "list 1"]
    obeyed.faults.clear()
    add_player(db, 1, channel="C2")
    channels.prefer(db, "C2", Change(requests=True), clock.now() - timedelta(minutes=9))
    ask(slack, clock, "earlier, elsewhere", channel="C2", ago=400)
    run(db, slack, clock, obeyed)
    assert sorted(obeyed.words) == ["earlier, elsewhere", "list 0", "list 1", "track 0", "track 1"]


# What has to wait, and what fails


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (TemporaryError("later"), Exit.LATER),
        (ConfigError("no key"), Exit.UNUSABLE),
        (Rejected("refused"), Exit.REJECTED),
    ],
)
def test_what_cannot_be_done_now_is_done_later(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed, fault: RunAborted, status: Exit
) -> None:
    ask(slack, clock, "one", "two")
    obeyed.faults["one"] = fault
    assert run(db, slack, clock, obeyed).status is status
    assert obeyed.words == ["two"]
    assert db.rows("SELECT reason FROM requests WHERE words = 'one'")[0]["reason"] == str(fault)
    rejected = holds.find(db, holds.RIOT_KEY, "rejected")
    assert (rejected is not None) == (status is Exit.REJECTED)
    obeyed.faults.clear()
    run(db, slack, clock, obeyed)
    assert obeyed.words == ["two", "one"]


def test_what_could_not_be_done_for_half_an_hour_is_told_so(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    ask(slack, clock, "one")
    obeyed.faults["one"] = TemporaryError("later")
    for _ in range(12):
        run(db, slack, clock, obeyed)
    assert [text for _, text in replies(db)] == [stage.TOO_LATE]
    assert states(db) == {"one": "answered"}


def test_an_error_of_ours_holds_up_nobody_and_is_tried_again(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    ask(slack, clock, "one", "two")
    obeyed.faults["one"] = ZeroDivisionError("of ours")
    done = run(db, slack, clock, obeyed)
    assert (done.status, obeyed.words) == (Exit.SOME_FAILED, ["two"])
    assert db.rows("SELECT reason FROM requests WHERE words = 'one'")[0]["reason"] == "unexpected ZeroDivisionError"


@pytest.mark.parametrize(
    "problem", [SCOPE, SlackProblem(SlackVerdict.CHANNEL_BROKEN, "not_in_channel", code="not_in_channel")]
)
def test_a_channel_that_cannot_be_read_is_told_of_and_holds_up_no_other(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed, problem: SlackProblem
) -> None:
    add_player(db, 1, channel="C2")
    channels.prefer(db, "C2", Change(requests=True), clock.now() - timedelta(minutes=1))
    slack.said_in["C1"] = problem
    ask(slack, clock, "two", channel="C2")
    done = run(db, slack, clock, obeyed)
    assert (done.status, obeyed.words) == (Exit.SOME_FAILED, ["two"])
    assert [inbox.problem for inbox in requests.inboxes(db)] == [str(problem), None]
    slack.said_in["C1"] = []
    assert run(db, slack, clock, obeyed).status is Exit.OK
    assert [inbox.problem for inbox in requests.inboxes(db)] == [None, None]


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (LIMITED, Exit.LATER),
        (SlackProblem(SlackVerdict.NOT_SENT, "could not be reached"), Exit.LATER),
        (SlackProblem(SlackVerdict.LOCAL_FAULT, "no way out"), Exit.UNUSABLE),
        (SlackProblem(SlackVerdict.TOKEN_REJECTED, "invalid_auth", code="invalid_auth"), Exit.REJECTED),
    ],
)
def test_what_concerns_the_workspace_stops_its_readings(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed, problem: SlackProblem, status: Exit
) -> None:
    add_player(db, 1, channel="C2")
    channels.prefer(db, "C2", Change(requests=True), clock.now())
    slack.said_in["C1"] = problem
    assert run(db, slack, clock, obeyed).status is status
    assert slack.reads == ["auth.test", "said C1"]
    assert [inbox.problem for inbox in requests.inboxes(db)] == [None, None]


def test_a_history_that_cannot_be_had_holds_up_no_other_channel_for_long(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    """Several in a row are the workspace's fault; then the other channels come first in the next runs."""
    for number in range(2, 6):
        add_player(db, 1, channel=f"C{number}")
        channels.prefer(db, f"C{number}", Change(requests=True), clock.now() - timedelta(minutes=1))
    slack.said_in["C1"] = SlackProblem(SlackVerdict.UNCERTAIN, "HTTP 500")
    ask(slack, clock, "here", channel="C2")
    assert run(db, slack, clock, obeyed).status is Exit.LATER
    assert obeyed.words == ["here"]
    for number in range(1, 5):
        slack.said_in[f"C{number}"] = SlackProblem(SlackVerdict.UNCERTAIN, "HTTP 500")
    begun = set()
    for _ in range(5):
        ask(slack, clock, f"at {clock.now()}", channel="C5")
        assert run(db, slack, clock, obeyed).status is Exit.LATER
        read = [each for each in slack.reads if each.startswith("said")]
        assert len(read) <= 5
        begun.add(read[0])
    assert begun == {f"said C{number}" for number in range(1, 6)}
    assert len(obeyed.words) > 3


def test_an_empty_page_is_not_the_last_one(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(ts_of(clock.now() - timedelta(seconds=5)), "U1", "one")
    pages = [
        Said((), None, None, "second"),
        Said((asked,), asked.slack_ts, asked.slack_ts, "third"),
        Said((), None, None, "fourth"),
        Said((), None, None, None),
    ]
    monkeypatch.setattr(slack, "said", lambda *_: pages.pop(0) if len(pages) > 1 else pages[0])
    assert run(db, slack, clock, obeyed).status is Exit.OK
    assert obeyed.words == ["one"]


def test_a_history_that_leads_nowhere_is_left_to_the_next_run(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack, "said", lambda *_: Said((), None, None, "again"))
    assert run(db, slack, clock, obeyed).status is Exit.LATER


def test_without_a_token_the_run_says_so(db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed) -> None:
    def without(_workspace: str) -> FakeSlack:
        raise ConfigError("SLACK_BOT_TOKEN is not set")

    done = Run("answer", clock, 80)
    answer(db, without, done, obeyed)  # type: ignore[arg-type]
    assert done.status is Exit.UNUSABLE
    ask(slack, clock, "one")
    slack.reaction_outcomes = [Posted(SlackVerdict.UNCERTAIN, "HTTP 500")]
    run(db, slack, clock, obeyed)
    answer(db, without, Run("answer", clock, 80), obeyed)  # type: ignore[arg-type]
    assert db.rows("SELECT reaction FROM requests")[0]["reaction"] is None


def test_a_channel_that_moved_is_read_by_the_id_that_slack_files_under(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    channels.note_slack_id(db, "C1", "C9")
    ask(slack, clock, "one", channel="C9")
    run(db, slack, clock, obeyed)
    assert obeyed.words == ["one"]
    slack.said_in["C9"] = SlackProblem(SlackVerdict.CHANNEL_BROKEN, "channel_not_found", code="channel_not_found")
    ask(slack, clock, "two")
    run(db, slack, clock, obeyed)
    assert obeyed.words == ["one", "two"]


# Reactions


@pytest.mark.parametrize(
    ("outcome", "shown", "again"),
    [
        (Posted(SlackVerdict.MESSAGE_REFUSED, "already_reacted", code="already_reacted"), "already_reacted", 0),
        (Posted(SlackVerdict.CHANNEL_BROKEN, "is_archived", code="is_archived"), "is_archived", 0),
        (Posted(SlackVerdict.TOKEN_REJECTED, "missing_scope", code="missing_scope"), "missing_scope", 0),
        (Posted(SlackVerdict.UNCERTAIN, "HTTP 500"), "eyes", 1),
        (Posted(SlackVerdict.LIMITED, "ratelimited", wait=30), "eyes", 1),
        (Posted(SlackVerdict.TOKEN_REJECTED, "invalid_auth", code="invalid_auth"), "eyes", 1),
    ],
)
def test_a_reaction_that_fails_fails_nothing_else(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed, outcome: Posted, shown: str, again: int
) -> None:
    ask(slack, clock, "one")
    slack.reaction_outcomes = [outcome]
    assert run(db, slack, clock, obeyed).status is Exit.OK
    run(db, slack, clock, obeyed)
    assert len(slack.reacted) == 1 + again
    assert db.rows("SELECT reaction FROM requests")[0]["reaction"] == shown


def test_without_the_scope_slack_is_asked_once_in_a_run(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    ask(slack, clock, "one", "two")
    slack.reaction_outcomes = [Posted(SlackVerdict.TOKEN_REJECTED, "missing_scope", code="missing_scope")]
    run(db, slack, clock, obeyed)
    assert len(slack.reacted) == 1
    assert {row["reaction"] for row in db.rows("SELECT reaction FROM requests")} == {"missing_scope"}


def test_a_reaction_that_fails_by_a_mistake_of_ours_holds_up_nothing(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(slack, clock, "one")
    slack.reaction_outcomes = [Posted(SlackVerdict.UNCERTAIN, "HTTP 500")]
    run(db, slack, clock, obeyed)
    monkeypatch.setattr(slack, "react", lambda *_: 1 / 0)
    ask(slack, clock, "two")
    assert run(db, slack, clock, obeyed).status is Exit.SOME_FAILED
    assert states(db) == {"one": "answered", "two": "answered"}


def test_where_slack_is_slow_no_further_reaction_is_tried_in_that_run(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    ask(slack, clock, "one", "two")
    slack.reaction_outcomes = [Posted(SlackVerdict.LIMITED, "ratelimited", wait=30)]
    run(db, slack, clock, obeyed)
    assert len(slack.reacted) == 1
    run(db, slack, clock, obeyed)
    assert len(slack.reacted) == 3


# Switched off, moved


def test_what_waits_when_requests_are_switched_off_is_dropped(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    ask(slack, clock, "one")
    obeyed.faults["one"] = TemporaryError("later")
    run(db, slack, clock, obeyed)
    channels.prefer(db, "C1", Change(requests=False), clock.now())
    assert states(db) == {"one": "ignored"}
    assert requests.inbox(db, "C1") is None


def test_a_channel_that_moves_keeps_its_requests(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    ask(slack, clock, "one")
    run(db, slack, clock, obeyed)
    (before,) = requests.inboxes(db)
    with db.transaction():
        channels.move(db, "C1", "C2")
    (inbox,) = requests.inboxes(db)
    assert (inbox.channel_id, inbox.read_to, inbox.since) == ("C2", before.read_to, before.since)
    assert [story.asked.words for story in requests.of_channel(db, "C2", 10)] == ["one"]
    slack.said_in["C2"] = slack.said_in.pop("C1")
    run(db, slack, clock, obeyed)
    assert obeyed.words == ["one"]
    assert channels.preferences(db)["C2"].requests


def test_a_request_ends_once(db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed) -> None:
    ask(slack, clock, "one")
    obeyed.faults["one"] = TemporaryError("later")
    run(db, slack, clock, obeyed)
    (request,) = requests.waiting(db)
    with db.transaction():
        requests.settle(db, request, clock.now())
    with pytest.raises(RuntimeError, match="waits no more"):
        requests.ignore(db, request, "again", clock.now())


def test_old_requests_are_forgotten_and_obeyed_no_more(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    ask(slack, clock, "one", "two")
    obeyed.faults["two"] = TemporaryError("later")
    run(db, slack, clock, obeyed)
    with db.transaction():
        requests.prune(db, clock.now())
    assert states(db) == {"one": "answered", "two": "waiting"}  # a minute is read again
    with db.transaction():
        requests.prune(db, clock.now() + timedelta(days=1))
    assert states(db) == {"two": "waiting"}
    clock.advance(25 * 3600)
    run(db, slack, clock, obeyed)
    assert obeyed.words == ["one"]


# What status says


def needs(db: Database, clock: FakeClock) -> dict[str, str]:
    return {need.key: need.text for need in status(db, clock.now()).needs}


def test_status__a_channel_that_cannot_be_read(
    db: Database, slack: FakeSlack, clock: FakeClock, obeyed: Obeyed
) -> None:
    slack.said_in["C1"] = SCOPE
    done = run(db, slack, clock, obeyed)
    assert [cause.needs for cause in done.causes] == [("requests unread C1",)]
    assert needs(db, clock)["requests unread C1"].startswith("what people ask in C1 cannot be read: Slack says missing")


def test_status__answer_runs_no_more(db: Database, slack: FakeSlack, clock: FakeClock) -> None:
    """From when requests were switched on: before, nobody missed it."""
    for each in ("fetch-matches", "build-messages", "deliver"):
        for ago in (60, 0):
            runs.end(db, runs.begin(db, each, clock.now() - timedelta(minutes=ago)), clock.now(), 0, "")
    assert "answer silent" not in needs(db, clock)
    clock.advance(8.5 * 60)
    assert needs(db, clock)["answer silent"].startswith("answer has never run; see `crontab -l`")
    channels.prefer(db, "C1", Change(requests=False), clock.now())
    assert "answer silent" not in needs(db, clock)
