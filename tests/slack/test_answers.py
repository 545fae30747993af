"""What each answer of Slack means: one row of the documentation's table is one row here."""

import json
from typing import Any

import pytest

from lolslackbot.model import Asked, LookupProblem
from lolslackbot.slack.answers import (
    ALLOWANCE_WAIT,
    EVENT_TYPE,
    LIMITED_WAIT,
    MOST_WORDS,
    ChannelInfo,
    Identity,
    Posted,
    Said,
    SlackProblem,
    SlackVerdict,
    describe_error,
    is_over,
    judge_edit,
    judge_post,
    judge_reaction,
    judge_reply,
    judge_validation,
    keys_in,
    next_cursor,
    posted_at,
    read_object,
    read_ok,
    said_in,
)
from lolslackbot.transport import HttpAnswer

OK = {"ok": True, "channel": "C1", "ts": "1700000000.000100", "message": {"text": "…"}}
US = Identity("B1", "A1")

CODES = {
    SlackVerdict.CHANNEL_BROKEN: """
        channel_not_found is_archived not_in_channel restricted_action restricted_action_read_only_channel
        restricted_action_thread_only_channel ekm_access_denied messages_tab_disabled team_not_found no_permission
        access_denied restricted_action_non_threadable_channel restricted_action_thread_locked cannot_reply_to_message
        slack_connect_file_link_sharing_blocked slack_connect_canvas_sharing_blocked
        slack_connect_lists_sharing_blocked
    """,
    SlackVerdict.TOKEN_REJECTED: """
        not_authed invalid_auth account_inactive token_revoked token_expired missing_scope not_allowed_token_type is_bot
        two_factor_setup_required team_access_not_granted enterprise_is_restricted accesslimited app_access_restricted
        org_login_required team_added_to_org deprecated_endpoint method_deprecated unknown_method as_user_not_supported
        send_on_behalf_not_allowed metadata_must_be_sent_from_app
    """,
    SlackVerdict.BLOCKS_REFUSED: "invalid_blocks invalid_blocks_format msg_blocks_too_long",
    SlackVerdict.MESSAGE_REFUSED: """
        no_text msg_too_long too_many_attachments attachment_payload_limit_exceeded too_many_contact_cards
        markdown_text_conflict invalid_metadata_format invalid_metadata_schema metadata_too_large missing_file_data
        draft_already_deleted draft_already_sent draft_has_conflict draft_not_found invalid_arguments invalid_arg_name
        invalid_array_arg invalid_charset invalid_form_data invalid_post_type missing_post_type invalid_json
        json_not_object
    """,
    SlackVerdict.LIMITED: "ratelimited rate_limited",
    SlackVerdict.WORKSPACE_LIMITED: "message_limit_exceeded",
    SlackVerdict.UNCERTAIN: """
        internal_error fatal_error service_unavailable request_timeout duplicate_message_not_found
        duplicate_channel_not_found a_code_of_next_year
    """,
}
ROWS = [(code, verdict) for verdict, codes in CODES.items() for code in codes.split()]


def nested(depth: int) -> Any:
    """Too deep for `str`, however it came to be."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def answer(body: Any, status: int = 200, /, **headers: str) -> HttpAnswer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpAnswer(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def judge(body: Any, status: int = 200, /, **headers: str) -> Posted:
    return judge_post(answer(body, status, **headers), "C1")


# Posting


@pytest.mark.parametrize("status", [200, 400, 403, 404])
@pytest.mark.parametrize(("code", "verdict"), ROWS)
def test_each_code_leads_to_its_verdict_whatever_status_below_500_carries_it(
    code: str, verdict: SlackVerdict, status: int
) -> None:
    posted = judge({"ok": False, "error": code}, status)
    assert (posted.verdict, posted.error, posted.slack_ts) == (verdict, code, "")


@pytest.mark.parametrize("status", [100, 301, 302, 303, 307, 308, 500, 502, 503, 504, 599])
@pytest.mark.parametrize(
    "body",
    [OK, {"ok": False, "error": "channel_not_found"}, {"ok": False, "error": "ratelimited"}, b"<html>", b""],
    ids=["ok", "channel_not_found", "ratelimited", "HTML", "empty"],
)
def test_redirects_and_server_errors_leave_the_outcome_open_whatever_they_say(status: int, body: Any) -> None:
    posted = judge(body, status)
    assert posted.verdict is SlackVerdict.UNCERTAIN
    assert posted.error.startswith(f"HTTP {status}, ")


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        *((code, SlackVerdict.MESSAGE_REFUSED) for code in ("message_not_found", "cant_update_message", "is_inactive")),
        ("edit_window_closed", SlackVerdict.MESSAGE_REFUSED),
        ("channel_not_found", SlackVerdict.CHANNEL_BROKEN),
        ("ratelimited", SlackVerdict.LIMITED),
        ("update_failed", SlackVerdict.UNCERTAIN),
    ],
)
def test_edit__each_code_leads_to_its_verdict(code: str, verdict: SlackVerdict) -> None:
    """What is refused for good is; what is not known is made again."""
    answer = HttpAnswer(200, {}, json.dumps({"ok": False, "error": code}).encode())
    assert judge_edit(answer, "C1").verdict is verdict


@pytest.mark.parametrize("ts", ["no ts", "999999999999.1"])
def test_posted_at__no_time_that_a_calendar_has(ts: str) -> None:
    assert posted_at(ts) is None


def test_ok_with_channel_and_ts_is_delivered() -> None:
    assert judge(OK) == Posted(SlackVerdict.DELIVERED, slack_ts="1700000000.000100")
    assert judge({**OK, "warning": "superfluous_charset"}).verdict is SlackVerdict.DELIVERED
    assert judge(b"\xef\xbb\xbf" + json.dumps(OK).encode()).verdict is SlackVerdict.DELIVERED


def test_ok_with_ts_is_delivered_and_another_channel_id_is_kept() -> None:
    moved = judge({**OK, "channel": "C2"})
    assert moved == Posted(SlackVerdict.DELIVERED, slack_ts="1700000000.000100", channel_id="C2")
    for odd in (None, {"id": "C2"}, "", "#league", "C2\n", "C" * 99, 7):
        assert judge({**OK, "channel": odd}) == Posted(SlackVerdict.DELIVERED, slack_ts="1700000000.000100")
    assert judge({"ok": True, "ts": "1.5"}).verdict is SlackVerdict.DELIVERED


ODD_BODIES: dict[str, Any] = {
    "empty": b"",
    "cut off": b'{"ok":tr',
    "HTML": b"<html>maintenance</html>",
    "null": b"null",
    "list": [OK],
    "string": "ok",
    "number": 1,
    "not UTF-8": b'{"ok": true, "ts": "1.5\xff", "channel": "C1"}',
    "deep": b"[" * 100_000,
    "a number without end": b"9" * 5000,
    "two answers": json.dumps(OK).encode() * 2,
    "no ok": {},
    "ok false without error": {"ok": False},
    "ok as text": {**OK, "ok": "true"},
    "ok as number": {**OK, "ok": 1},
    "ok null": {**OK, "ok": None},
    "error as list": {"ok": False, "error": ["channel_not_found"]},
    "error as object": {"ok": False, "error": {"code": "channel_not_found"}},
    "error null": {"ok": False, "error": None},
    "error in upper case": {"ok": False, "error": "CHANNEL_NOT_FOUND"},
    "no ts": {"ok": True, "channel": "C1"},
    "ts null": {**OK, "ts": None},
    "ts as number": {**OK, "ts": 1700000000.0001},
    "ts empty": {**OK, "ts": ""},
    "ts odd": {**OK, "ts": "soon"},
    "ts with a line break": {**OK, "ts": "1.5\n"},
    "ts of endless digits": {**OK, "ts": "1" * 5000 + ".5"},
    "ts of endless fractions": {**OK, "ts": "1." + "5" * 5000},
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
def test_what_is_not_clearly_an_answer_leaves_the_outcome_open_in_one_line(body: Any) -> None:
    posted = judge(body)
    assert posted.verdict is SlackVerdict.UNCERTAIN
    assert posted.error
    assert posted.error.isprintable()
    assert len(posted.error) <= 300
    assert not posted.slack_ts


def test_every_verdict_of_an_answer_stands_in_the_table() -> None:
    nothing_came = {SlackVerdict.NOT_SENT, SlackVerdict.LOCAL_FAULT}
    assert set(CODES) | {SlackVerdict.DELIVERED} | nothing_came == set(SlackVerdict)
    assert len(ROWS) == len(dict(ROWS))


# Limits


@pytest.mark.parametrize("body", [b"", b"<html>", {"ok": False, "error": "ratelimited"}, OK])
def test_a_429_is_too_fast_whatever_it_says(body: Any) -> None:
    assert judge(body, 429, retry_after="30") == Posted(SlackVerdict.LIMITED, "ratelimited", wait=30)


@pytest.mark.parametrize(
    ("stated", "wait"),
    [
        ("1", 1),
        (" 30 ", 30),
        ("99999", 86400),
        (None, LIMITED_WAIT),
        ("", LIMITED_WAIT),
        ("1.5", LIMITED_WAIT),
        ("-1", LIMITED_WAIT),
        ("soon", LIMITED_WAIT),
        ("٣", LIMITED_WAIT),
        ("Mon, 23 Nov 2026 12:00:00 GMT", LIMITED_WAIT),
        ("999999", 86400),
        ("9" * 400, 86400),  # beyond any number: to Python an infinite one
        ("86399", 86399),
    ],
)
def test_the_wait_is_what_slack_states_in_whole_seconds_or_a_minute(stated: str | None, wait: float) -> None:
    headers = {} if stated is None else {"retry_after": stated}
    assert judge(b"", 429, **headers).wait == wait
    assert judge({"ok": False, "error": "rate_limited"}, **headers).wait == wait


def test_a_used_up_allowance_waits_long() -> None:
    posted = judge({"ok": False, "error": "message_limit_exceeded"}, retry_after="1")
    assert (posted.verdict, posted.wait) == (SlackVerdict.WORKSPACE_LIMITED, ALLOWANCE_WAIT)


@pytest.mark.parametrize(("code", "verdict"), ROWS)
def test_only_limits_state_a_wait(code: str, verdict: SlackVerdict) -> None:
    waits = verdict in (SlackVerdict.LIMITED, SlackVerdict.WORKSPACE_LIMITED)
    assert bool(judge({"ok": False, "error": code}, retry_after="7").wait) is waits


# The error in words


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"error": "is_archived"}, "is_archived"),
        ({}, "no error code"),
        ({"error": ""}, "no error code"),
        ({"error": "missing_scope", "needed": "chat:write"}, "missing_scope (needed chat:write)"),
        ({"error": "invalid_blocks", "errors": ["a", "b"]}, "invalid_blocks (a; b)"),
        ({"error": "invalid_blocks", "errors": [], "needed": ""}, "invalid_blocks"),
        ({"error": "invalid_blocks", "errors": "not a list"}, "invalid_blocks"),
        ({"error": "x", "errors": [{"a": 1}], "needed": "s"}, "x ({'a': 1}; needed s)"),
        ({"error": nested(10_000)}, "something deeply nested"),
        ({"error": "two\nlines\x1b[2J\u202e\ud800"}, "two lines [2J"),
    ],
)
def test_the_error_is_slacks_code_with_what_it_adds_in_one_line(document: dict[str, Any], text: str) -> None:
    assert describe_error(document) == text


def test_a_long_error_is_cut() -> None:
    assert len(describe_error({"error": "x" * 9999})) == 200
    assert len(judge(b"y" * 9999, 502).error) < 150


def test_an_unreadable_body_is_quoted_shortly() -> None:
    assert judge(b"<html>\n<h1>Bad \xff gateway", 502).error == "HTTP 502, <html> <h1>Bad \ufffd gateway"
    assert judge(b" \n ", 502).error == "HTTP 502, an empty body"


@pytest.mark.parametrize(("body", "expected"), [({"a": 1}, {"a": 1}), ([], None), (b"{", None), (b"\xff", None)])
def test_an_object_is_read_or_none(body: Any, expected: Any) -> None:
    assert read_object(answer(body)) == expected


# Answers to calls that only read


def test_an_answer_that_says_ok_is_read() -> None:
    assert read_ok(answer({"ok": True, "bot_id": "B1"})) == {"ok": True, "bot_id": "B1"}


@pytest.mark.parametrize(
    ("given", "verdict", "error"),
    [
        (answer({"ok": False, "error": "missing_scope", "needed": "x"}), SlackVerdict.TOKEN_REJECTED, "missing_scope"),
        (answer({"ok": False, "error": "not_in_channel"}), SlackVerdict.CHANNEL_BROKEN, "not_in_channel"),
        (answer(b"", 429), SlackVerdict.LIMITED, "ratelimited"),
        (answer(b"", 503), SlackVerdict.UNCERTAIN, "HTTP 503"),
        (answer(b"<html>"), SlackVerdict.UNCERTAIN, "HTTP 200, <html>"),
        (answer([]), SlackVerdict.UNCERTAIN, "HTTP 200, []"),
        (answer({"ok": True, "ts": "1.5", "channel": ""}, 201), SlackVerdict.UNCERTAIN, ""),
        (answer({"ok": True}, 302), SlackVerdict.UNCERTAIN, "HTTP 302"),
    ],
)
def test_any_other_answer_is_a_problem_with_its_verdict(given: HttpAnswer, verdict: SlackVerdict, error: str) -> None:
    with pytest.raises(SlackProblem) as caught:
        read_ok(given)
    assert caught.value.verdict is verdict
    assert str(caught.value).startswith(error)


def test_blocks_that_slack_takes() -> None:
    assert judge_validation(answer({"ok": True})) is None


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (
            [{"pointer": "/1/rows", "code": "failed_constraint", "message": "too many"}],
            "too many, failed_constraint, /1/rows",
        ),
        ([{"pointer": "/1"}, {"pointer": "/2"}], "/1"),
        (["odd"], "invalid_blocks"),
        ([], "invalid_blocks"),
        (None, "invalid_blocks"),
        ("odd", "invalid_blocks"),
    ],
)
def test_blocks_that_slack_refuses(errors: Any, said: str) -> None:
    """blocks.validate tells which part, and why; however it tells it, they are refused."""
    assert judge_validation(answer({"ok": False, "error": "invalid_blocks", "errors": errors})) == said


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (answer({"ok": False, "error": "unknown_method"}), "unknown_method"),
        (answer({"ok": False, "error": "invalid_auth"}), "invalid_auth"),
        (answer(b"", 503), ""),
        (answer(b"<html>"), ""),
    ],
)
def test_an_answer_that_does_not_say_whether_slack_takes_blocks(given: HttpAnswer, code: str) -> None:
    with pytest.raises(SlackProblem) as caught:
        judge_validation(given)
    assert caught.value.code == code


def post(key: Any = "EUW1_1:C1", ts: Any = "1.5", bot: Any = "B1", app: Any = "A1", **changes: Any) -> dict[str, Any]:
    metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": key}}
    return {"ts": ts, "bot_id": bot, "app_id": app, "metadata": metadata, **changes}


FOREIGN: dict[str, Any] = {
    "another bot's with our metadata": post(bot="B2", app="A2"),
    "a user's": {"ts": "1.5", "user": "U1", "text": "EUW1_1:C1"},
    "without metadata": {"ts": "1.5", "bot_id": "B1"},
    "of another event": post(metadata={"event_type": "other", "event_payload": {"key": "EUW1_1:C1"}}),
    "metadata odd": post(metadata="EUW1_1:C1"),
    "payload missing": post(metadata={"event_type": EVENT_TYPE}),
    "payload odd": post(metadata={"event_type": EVENT_TYPE, "event_payload": ["key"]}),
    "key odd": post(key=7),
    "key empty": post(key=""),
    "ts missing": post(ts=None),
    "ts odd": post(ts="soon"),
    "ts of endless digits": post(ts="9" * 5000 + ".5"),
    "no object": "EUW1_1:C1",
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_only_a_message_of_ours_with_a_key_is_found(foreign: Any) -> None:
    assert keys_in({"messages": [foreign, post("EUW1_2:C1", "2.5")]}, US) == {"EUW1_2:C1": "2.5"}


@pytest.mark.parametrize(
    ("us", "theirs", "ours"),
    [
        (US, post(app="A2"), True),  # the bot counts
        (US, post(bot=None), True),  # the app counts
        (Identity("B1", ""), post(bot="B2", app=""), False),
        (Identity("B1", ""), post(bot="B2", app=None), False),
        (Identity("B1", ""), post(app=None), True),
    ],
)
def test_a_message_is_ours_by_bot_or_by_app(us: Identity, theirs: dict[str, Any], ours: bool) -> None:
    assert bool(keys_in({"messages": [theirs]}, us)) is ours


@pytest.mark.parametrize("document", [{}, {"messages": None}, {"messages": {"0": post()}}])
def test_a_history_without_messages_proves_nothing(document: dict[str, Any]) -> None:
    with pytest.raises(SlackProblem) as caught:
        keys_in(document, US)
    assert caught.value.verdict is SlackVerdict.UNCERTAIN


@pytest.mark.parametrize(
    ("document", "cursor"),
    [
        ({}, None),
        ({"has_more": False, "response_metadata": {"next_cursor": ""}}, None),
        ({"response_metadata": None}, None),
        ({"response_metadata": {"next_cursor": 7}}, None),
        ({"has_more": True, "response_metadata": {"next_cursor": "bmV4dA=="}}, "bmV4dA=="),
    ],
)
def test_the_next_page_is_where_the_cursor_says(document: dict[str, Any], cursor: str | None) -> None:
    assert next_cursor(document) == cursor


def test_more_without_a_way_to_it_proves_nothing() -> None:
    with pytest.raises(SlackProblem) as caught:
        next_cursor({"has_more": True, "response_metadata": {"next_cursor": ""}})
    assert caught.value.verdict is SlackVerdict.UNCERTAIN


# Whether a channel is well again

WELL = ChannelInfo(is_archived=False, is_member=True)


@pytest.mark.parametrize(
    ("code", "info", "readable", "over"),
    [
        ("not_in_channel", WELL, False, True),
        ("channel_not_found", None, True, True),
        ("not_in_channel", None, False, False),
        ("not_in_channel", ChannelInfo(False, None), True, True),
        ("not_in_channel", ChannelInfo(False, False), True, False),
        ("not_in_channel", ChannelInfo(True, True), True, False),
        ("is_archived", WELL, False, True),
        ("is_archived", None, True, False),  # an archived channel can be read
        ("is_archived", ChannelInfo(None, True), True, False),
        ("is_archived", ChannelInfo(False, None), False, False),
        ("restricted_action", WELL, True, False),
        (None, WELL, True, False),
        ("", WELL, True, False),
    ],
)
def test_a_refusal_is_over_where_what_slack_shows_proves_it(
    code: str | None, info: ChannelInfo | None, readable: bool, over: bool
) -> None:
    assert is_over(code, info, readable=readable) is over


@pytest.mark.parametrize(
    ("verdict", "code", "problem"),
    [
        (SlackVerdict.TOKEN_REJECTED, "missing_scope", LookupProblem.SCOPE_MISSING),
        (SlackVerdict.TOKEN_REJECTED, "not_allowed_token_type", LookupProblem.SCOPE_MISSING),
        (SlackVerdict.TOKEN_REJECTED, "invalid_auth", LookupProblem.TOKEN_REFUSED),
        (SlackVerdict.CHANNEL_BROKEN, "not_in_channel", LookupProblem.CHANNEL_CLOSED),
        (SlackVerdict.LIMITED, "", LookupProblem.NO_ANSWER),
        (SlackVerdict.UNCERTAIN, "internal_error", LookupProblem.NO_ANSWER),
    ],
)
def test_what_keeps_a_history_from_being_read_is_known_by_code(
    verdict: SlackVerdict, code: str, problem: LookupProblem
) -> None:
    assert SlackProblem(verdict, "words that say missing_scope", code=code).lookup_problem is problem


def test_a_problem_carries_the_code_and_the_wait() -> None:
    with pytest.raises(SlackProblem) as caught:
        read_ok(answer({"ok": False, "error": "missing_scope", "needed": "x"}))
    assert caught.value.code == "missing_scope"
    with pytest.raises(SlackProblem) as caught:
        read_ok(answer(b"", 429, retry_after="30"))
    assert (caught.value.code, caught.value.wait) == ("", 30)


# What is asked of the bot

BOT = Identity("B1", "A1", "U0BOT")
TS = "1700000000.000100"


def said(**message: Any) -> dict[str, Any]:
    return {"ts": TS, "user": "U1", "text": "<@U0BOT> list", **message}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<@U0BOT> list", "list"),
        ("<@U0BOT|match-reporter>: track A#1", "track A#1"),
        ("  <@U0BOT>", ""),
        ("<@U0BOT>,\nlist", "list"),
        ("<@U0BOT>! list", "list"),
        ("<@U0BOT> \u2013 list", "list"),
        ("\u200e<@U0BOT>\u200f: list", "list"),
        ("*<@U0BOT>* list", "list"),
        ("\u201c<@U0BOT> list\u201d", "list\u201d"),
        ("<@U0BOT> " + "x" * 9000, "x" * MOST_WORDS),
    ],
)
def test_said_in__what_begins_with_our_name(text: str, words: str) -> None:
    assert said_in({"messages": [said(text=text)]}, BOT) == Said((Asked(TS, "U1", words),), TS, TS, None)


@pytest.mark.parametrize(
    "message",
    [
        said(text="list <@U0BOT>"),
        said(text="<@U0OTHER> list"),
        said(text="U0BOT list"),
        said(text=None),
        said(user=None),
        said(user="B1"),
        said(user="U0BOT"),
        said(bot_id="B9"),
        said(subtype="channel_join"),
        said(edited={"user": "U1", "ts": "1700000001.000000"}),
        said(thread_ts="1600000000.000100"),
        said(subtype="thread_broadcast", thread_ts="1600000000.000100"),
    ],
)
def test_said_in__what_is_not_asked_of_us(message: dict[str, Any]) -> None:
    assert said_in({"messages": [message]}, BOT) == Said((), TS, TS, None)


def test_said_in__a_message_under_which_others_stand_is_in_the_channel() -> None:
    assert said_in({"messages": [said(thread_ts=TS)]}, BOT).asked


def test_said_in__how_far_a_page_goes() -> None:
    stamps = ["1700000000.000300", "1700000000.000200", "1700000000.000100"]
    page = {"messages": [{"ts": each} for each in stamps] + [{"ts": 7}, "odd", {"ts": "1.5"}], "has_more": True}
    cursor = {"response_metadata": {"next_cursor": "x"}}
    assert said_in(page | cursor, BOT) == Said((), stamps[0], stamps[2], "x")
    assert said_in({"messages": []}, BOT) == Said((), None, None, None)
    assert said_in({"messages": []} | cursor, BOT) == Said((), None, None, "x")


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"messages": None},
        {"messages": [{"ts": TS}], "has_more": True},
    ],
)
def test_said_in__nothing_to_go_on_from(document: dict[str, Any]) -> None:
    with pytest.raises(SlackProblem):
        said_in(document, BOT)


def test_said_in__where_slack_does_not_say_who_we_are_nobody_is_understood() -> None:
    assert said_in({"messages": [said(text="<@> list")]}, Identity("B1", "A1")).asked == ()


@pytest.mark.parametrize(
    "code", ["cannot_reply_to_message", "restricted_action_thread_locked", "restricted_action_non_threadable_channel"]
)
def test_reply__a_thread_that_takes_none_breaks_no_channel(code: str) -> None:
    refused = answer({"ok": False, "error": code})
    assert judge_reply(refused, "C1").verdict is SlackVerdict.MESSAGE_REFUSED
    assert judge_post(refused, "C1").verdict is SlackVerdict.CHANNEL_BROKEN


@pytest.mark.parametrize(
    ("document", "status", "verdict"),
    [
        ({"ok": True}, 200, SlackVerdict.DELIVERED),
        ({"ok": False, "error": "already_reacted"}, 200, SlackVerdict.MESSAGE_REFUSED),
        ({"ok": False, "error": "message_not_found"}, 200, SlackVerdict.MESSAGE_REFUSED),
        ({"ok": False, "error": "too_many_reactions"}, 200, SlackVerdict.MESSAGE_REFUSED),
        ({"ok": False, "error": "is_archived"}, 200, SlackVerdict.CHANNEL_BROKEN),
        ({"ok": False, "error": "missing_scope"}, 200, SlackVerdict.TOKEN_REJECTED),
        ({"ok": False, "error": "internal_error"}, 200, SlackVerdict.UNCERTAIN),
        ({"ok": False}, 429, SlackVerdict.LIMITED),
        ({"ok": True}, 500, SlackVerdict.UNCERTAIN),
        ([], 200, SlackVerdict.UNCERTAIN),
    ],
)
def test_reaction(document: Any, status: int, verdict: SlackVerdict) -> None:
    assert judge_reaction(answer(document, status)).verdict is verdict
