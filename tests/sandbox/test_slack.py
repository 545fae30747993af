"""The loopback Slack: what it posts, what it refuses, what its history shows."""

import json
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from lolslackbot.sandbox import Sandbox
from lolslackbot.sandbox.blocks import shown
from lolslackbot.sandbox.slack import SCOPES

Call = Callable[..., Any]
KEY = {"event_type": "lol_match", "event_payload": {"key": "EUW1_1:C1"}}
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
TEXT = {"type": "plain_text", "text": "x"}
TABLE = {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}
EMPTY_TABLE = {"type": "table", "rows": []}


@pytest.fixture(autouse=True)
def _channel(sandbox: Sandbox) -> None:
    sandbox.slack.add_channel("C1")


def rich(element: Any) -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [element]}]}


def test_a_post_is_answered_and_shown(sandbox: Sandbox, call: Call) -> None:
    answer = call("chat.postMessage", channel="C1", text="a &lt; b", metadata=KEY, unfurl_links=False).json
    post = sandbox.slack.posts[0]
    assert (answer["ok"], answer["channel"], answer["ts"]) == (True, "C1", post.ts)
    assert answer["message"]["text"] == post.text == "a &lt; b"
    assert answer["message"]["bot_id"] == sandbox.slack.workspaces["default"].bot_id
    assert (post.key, post.workspace, post.arguments["unfurl_links"]) == ("EUW1_1:C1", "default", False)
    request = sandbox.slack.requests[0]
    assert (request.method, request.workspace, request.status, request.error) == (
        "chat.postMessage",
        "default",
        200,
        None,
    )
    assert abs(float(post.ts) - time.time()) < 60


def test_time_stamps_are_unique_and_increase(sandbox: Sandbox, call: Call) -> None:
    sandbox.slack.add_message("C1", "hello")
    stamps = [call("chat.postMessage", channel="C1", text="x").json["ts"] for _ in range(20)]
    stamps += [sandbox.slack.add_message("C1", "x").ts for _ in range(500)]
    assert stamps == sorted(set(stamps), key=float)
    assert all(len(stamp.partition(".")[2]) == 6 for stamp in stamps)


def test_a_skewed_clock_shifts_ts_and_date(sandbox: Sandbox, call: Call) -> None:
    sandbox.slack.clock_skew = -3600
    answer = call("chat.postMessage", channel="C1", text="x")
    assert 3540 < time.time() - float(answer.json["ts"]) < 3660
    assert 3540 < time.time() - parsedate_to_datetime(answer.headers["Date"]).timestamp() < 3660


@pytest.mark.parametrize(
    ("changes", "arguments", "code"),
    [
        ({}, {"channel": "C9"}, "channel_not_found"),
        ({}, {"channel": None}, "channel_not_found"),
        ({"workspace": "other"}, {}, "channel_not_found"),
        ({"archived": True}, {}, "is_archived"),
        ({"member": False}, {}, "not_in_channel"),
        ({"member": False, "private": True}, {}, "channel_not_found"),
        ({}, {"text": ""}, "no_text"),
        ({}, {"text": ["x"]}, "invalid_arguments"),
        ({}, {"text": "x" * 40_001}, "msg_too_long"),
        ({}, {"metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        ({}, {"blocks": "["}, "invalid_blocks"),
    ],
)
def test_what_is_refused(sandbox: Sandbox, call: Call, changes: Any, arguments: Any, code: str) -> None:
    for name, value in changes.items():
        setattr(sandbox.slack.channels["C1"], name, value)
    answer = call("chat.postMessage", **{"channel": "C1", "text": "x", **arguments})
    assert (answer.status, answer.json["ok"], answer.json["error"]) == (200, False, code)
    assert sandbox.slack.posts == []
    assert sandbox.slack.requests[-1].error == code


@pytest.mark.parametrize(
    "blocks",
    [
        {"type": "divider"},
        [{"type": "divider"}] * 51,
        ["divider"],
        [{"type": "news"}],
        [{"type": "section"}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
        [{"type": "section", "fields": [TEXT] * 11}],
        [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
        [{"type": "context", "elements": []}],
        [rich({"type": "text", "text": ""})],
        [rich("x")],
        [{"type": "rich_text", "elements": [{"type": "section", "elements": []}]}],
        [{"type": "image", "image_url": "http://127.0.0.1/x.png", "alt_text": "x"}],
    ],
)
def test_blocks_refused(sandbox: Sandbox, call: Call, blocks: Any) -> None:
    answer = call("chat.postMessage", channel="C1", text="x", blocks=blocks).json
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {answer['errors'][0]}"]
    assert sandbox.slack.posts == []


def test_a_table_is_posted_edited_and_read(sandbox: Sandbox, call: Call) -> None:
    ts = call("chat.postMessage", channel="C1", text="x", blocks=[SECTION, TABLE]).json["ts"]
    assert sandbox.slack.transcript().endswith("#general  hello\n    x")
    two = json.dumps([TABLE, TABLE])
    assert call("chat.update", channel="C1", ts=ts, text="x", blocks=two).json["error"] == "invalid_blocks"
    assert call("chat.update", form=True, channel="C1", ts=ts, text="x", blocks=json.dumps([TABLE])).json["ok"]
    assert sandbox.slack.posts[0].blocks == [TABLE]


def test_blocks_that_the_workspace_does_not_know_yet(sandbox: Sandbox, call: Call) -> None:
    ts = call("chat.postMessage", channel="C1", text="x", blocks=[TABLE]).json["ts"]
    sandbox.slack.unknown_blocks.add("table")
    for method in ("chat.postMessage", "chat.update"):
        answer = call(method, channel="C1", ts=ts, text="x", blocks=[SECTION, TABLE]).json
        assert answer["error"] == "invalid_blocks"
        assert answer["errors"] == ["failed to match any allowed schema [json-pointer:/blocks/1]"]
        assert call(method, channel="C1", ts=ts, text="x", blocks=[SECTION]).json["ok"]
    answer = call("blocks.validate", blocks=[SECTION, TABLE]).json
    assert (answer["error"], answer["errors"][0]["pointer"]) == ("invalid_blocks", "/1")
    sandbox.slack.unknown_blocks.clear()
    assert call("blocks.validate", blocks=[SECTION, TABLE]).json["ok"]


def test_methods_that_are_not_there(sandbox: Sandbox, call: Call) -> None:
    sandbox.slack.methods_unknown.add("blocks.validate")
    answer = call("blocks.validate", blocks=[TABLE]).json
    assert (answer["ok"], answer["error"], answer["req_method"]) == (False, "unknown_method", "blocks.validate")
    assert call("chat.postMessage", channel="C1", text="x").json["ok"]


@pytest.mark.parametrize("form", [True, False])
@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize(
    ("name", "value", "pointer"),
    [
        ("blocks", [SECTION, TABLE], None),
        ("blocks", [], None),
        ("blocks", [EMPTY_TABLE], "/0/rows"),
        ("blocks", [SECTION, {"type": "news"}], "/1"),
        ("blocks", {"type": "divider"}, ""),
        ("blocks", "[", ""),
        ("message", {"text": "x", "blocks": [TABLE]}, None),
        ("message", {"blocks": [SECTION, EMPTY_TABLE]}, "/blocks/1/rows"),
        ("message", {"text": "x"}, "/blocks"),
        ("message", [TABLE], "/blocks"),
        ("view", {"type": "modal", "blocks": [TABLE]}, ""),
    ],
)
def test_validation_posts_nothing(
    sandbox: Sandbox, call: Call, form: bool, as_text: bool, name: str, value: Any, pointer: str | None
) -> None:
    """What is wrong is pointed at, seen from the argument."""
    sandbox.slack.scopes["default"].clear()
    answer = call("blocks.validate", form=form, **{name: json.dumps(value) if form or as_text else value}).json
    if pointer is None:
        assert answer == {"ok": True}
    else:
        (error,) = answer.pop("errors")
        assert answer == {"ok": False, "error": f"invalid_{name}"}
        assert (error["pointer"], error["code"]) == (pointer, "failed_constraint")
        assert error["message"]
        assert "json-pointer" not in error["message"]
    assert sandbox.slack.posts == []


@pytest.mark.parametrize(
    "arguments",
    [{}, {"blocks": None}, {"blocks": ""}, {"blocks": [TABLE], "message": {"blocks": [TABLE]}}, {"text": "x"}],
)
def test_exactly_one_thing_is_validated(call: Call, arguments: Any) -> None:
    answer = call("blocks.validate", **arguments).json
    assert answer["error"] == "invalid_arguments"
    assert answer["response_metadata"]["messages"] == ["must provide exactly one of `blocks`, `view`, or `message`"]


def test_validation_needs_a_good_token(sandbox: Sandbox, call: Call) -> None:
    assert call("blocks.validate", token=None, blocks=[TABLE]).json["error"] == "not_authed"
    assert call("blocks.validate", token="xoxb-1", blocks=[TABLE]).json["error"] == "invalid_auth"
    sandbox.slack.revoke()
    assert call("blocks.validate", blocks=[TABLE]).json["error"] == "invalid_auth"


def test_tokens(sandbox: Sandbox, call: Call) -> None:
    assert call("auth.test", token=None).json["error"] == "not_authed"
    assert call("auth.test", token="xoxb-1").json["error"] == "invalid_auth"
    assert call("nothing.here").json["error"] == "unknown_method"
    sandbox.slack.revoke("default")
    assert call("chat.postMessage", channel="C1", text="x").json["error"] == "invalid_auth"
    sandbox.slack.reinstate("default")
    assert call("chat.postMessage", channel="C1", text="x").json["ok"]


def test_workspaces_do_not_see_each_other(sandbox: Sandbox, call: Call) -> None:
    token = sandbox.slack.add_workspace("friends")
    sandbox.slack.add_channel("C2", workspace="friends", name="rift")
    assert call("chat.postMessage", channel="C2", text="x").json["error"] == "channel_not_found"
    assert call("chat.postMessage", token=token, channel="C2", text="x").json["ok"]
    here, there = call("auth.test").json, call("auth.test", token=token).json
    for name in ("team_id", "bot_id", "app_id", "user_id"):
        assert here[name] != there[name]
    assert sandbox.slack.requests[-1].workspace == "friends"
    with pytest.raises(ValueError, match="workspace"):
        sandbox.slack.add_channel("C3", workspace="nobody")


def test_scopes(sandbox: Sandbox, call: Call) -> None:
    sandbox.slack.add_channel("G1", private=True)
    calls = [
        ("chat:write", "chat.postMessage", "C1"),
        ("chat:write", "chat.update", "C1"),
        ("channels:read", "conversations.info", "C1"),
        ("groups:read", "conversations.info", "G1"),
        ("channels:history", "conversations.history", "C1"),
        ("groups:history", "conversations.history", "G1"),
    ]
    ts = call("chat.postMessage", channel="C1", text="x").json["ts"]
    assert call("auth.test").headers["x-oauth-scopes"] == ",".join(sorted(SCOPES))
    for scope, method, channel in calls:
        sandbox.slack.scopes["default"].discard(scope)
        answer = call(method, channel=channel, text="x", ts=ts).json
        assert (answer["error"], answer["needed"]) == ("missing_scope", scope)
        assert scope not in answer["provided"]
        sandbox.slack.scopes["default"].add(scope)
        assert call(method, channel=channel, text="x", ts=ts).json["ok"]


def test_history_shows_metadata_only_when_asked(sandbox: Sandbox, call: Call) -> None:
    call("chat.postMessage", channel="C1", text="x", metadata=KEY)
    sandbox.slack.add_message("C1", "hi", metadata=KEY, bot_id="B9")
    shown = call("conversations.history", form=True, channel="C1", include_all_metadata="1").json
    foreign, own = shown["messages"]
    assert own["metadata"] == foreign["metadata"] == KEY
    assert (own["bot_id"], foreign["bot_id"]) == (sandbox.slack.workspaces["default"].bot_id, "B9")
    assert own["app_id"] == sandbox.slack.workspaces["default"].app_id
    assert "app_id" not in foreign
    plain = call("conversations.history", channel="C1").json["messages"]
    assert [each["metadata"] for each in plain] == [{"event_type": "lol_match"}] * 2
    assert len(sandbox.slack.posts) == 1


def test_history_pages_are_complete_and_newest_first(sandbox: Sandbox, call: Call) -> None:
    stamps = [sandbox.slack.add_message("C1", str(number)).ts for number in range(25)]
    sandbox.slack.page_size = 7
    found: list[str] = []
    cursor = ""
    for _ in range(4):
        page = call("conversations.history", form=True, channel="C1", limit=10, cursor=cursor).json
        found += [each["ts"] for each in page["messages"]]
        sandbox.slack.add_message("C1", "news in between must not shift the pages")
        cursor = page.get("response_metadata", {}).get("next_cursor", "")
        assert page["has_more"] == bool(cursor)
    assert found == stamps[::-1]
    assert cursor == ""


def test_history_bounds_are_exclusive_unless_inclusive(sandbox: Sandbox, call: Call) -> None:
    for ts in ("100.000001", "100.000002", "100.000003"):
        sandbox.slack.add_message("C1", "x", ts=ts)

    def between(**arguments: Any) -> list[str]:
        messages = call("conversations.history", form=True, channel="C1", **arguments).json["messages"]
        return [each["ts"][-1] for each in messages]

    assert between(oldest="100.000001") == ["3", "2"]
    assert between(oldest="100.000001", inclusive="1") == ["3", "2", "1"]
    assert between(oldest="100.000001", latest="100.000003") == ["2"]
    assert between(latest="100.000002", inclusive="true") == ["2", "1"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"limit": 0}, "invalid_limit"),
        ({"limit": 1000}, "invalid_limit"),
        ({"limit": "x"}, "invalid_limit"),
        ({"cursor": "x"}, "invalid_cursor"),
        ({"oldest": "x"}, "invalid_ts_oldest"),
        ({"channel": "C9"}, "channel_not_found"),
    ],
)
def test_history_refuses(sandbox: Sandbox, call: Call, arguments: Any, code: str) -> None:
    sandbox.slack.add_message("C1", "x")
    assert call("conversations.history", **{"channel": "C1", **arguments}).json["error"] == code


def test_mrkdwn_reads_as_a_reader_sees_it() -> None:
    text = "🟢 *Victory*\nARAM\n<!date^1^{time}|noon UTC> <https://x.example/?a=1&amp;b=2|Details> 2*3*4 &lt;!here&gt;"
    assert shown([{"type": "section", "text": {"type": "mrkdwn", "text": text}}]) == (
        "🟢 Victory\nARAM\nnoon UTC Details <https://x.example/?a=1&b=2> 2*3*4 <!here>"
    )


def test_an_edit_is_what_everyone_sees(sandbox: Sandbox, call: Call) -> None:
    """The answer, the history and `posts` show the newest content, and how often it was edited."""
    posted = call("chat.postMessage", channel="C1", text="one", blocks=[SECTION], metadata=KEY).json
    before = sandbox.slack.posts[0]
    for text in ("two", "three"):
        answer = call("chat.update", channel="C1", ts=posted["ts"], text=text, blocks=[SECTION, SECTION]).json
    (after,) = sandbox.slack.posts
    assert (answer["ok"], answer["channel"], answer["ts"], answer["text"]) == (True, "C1", posted["ts"], "three")
    assert (
        answer["message"] == call("conversations.history", channel="C1", include_all_metadata=True).json["messages"][0]
    )
    assert (after.ts, after.text, after.blocks, after.key) == (before.ts, "three", [SECTION] * 2, "EUW1_1:C1")
    assert [edit["text"] for edit in after.edits] == ["two", "three"]
    assert (before.text, before.edits) == ("one", ())
    assert sandbox.slack.transcript().endswith("hello\n    hello")


def test_text_without_blocks_removes_them(sandbox: Sandbox, call: Call) -> None:
    """What is left out is not kept, but for the metadata."""
    ts = call("chat.postMessage", channel="C1", text="one", blocks=[SECTION], metadata=KEY).json["ts"]
    assert "blocks" not in call("chat.update", form=True, channel="C1", ts=ts, text="two").json["message"]
    assert (sandbox.slack.posts[0].blocks, sandbox.slack.posts[0].metadata) == ([], KEY)
    other = {"event_type": "x", "event_payload": {}}
    for metadata, shown_now in ((other, other), ({}, None)):
        message = call("chat.update", channel="C1", ts=ts, text="two", metadata=metadata).json["message"]
        assert message.get("metadata") == shown_now


@pytest.mark.parametrize(
    ("changes", "arguments", "code"),
    [
        ({}, {"channel": "C9"}, "channel_not_found"),
        ({"workspace": "other"}, {}, "channel_not_found"),
        ({"member": False, "private": True}, {}, "channel_not_found"),
        ({"member": False}, {}, "no_permission"),
        ({"archived": True}, {}, "is_inactive"),
        ({}, {"ts": "1.000001"}, "message_not_found"),
        ({}, {"ts": None}, "message_not_found"),
        ({}, {"text": ""}, "no_text"),
        ({}, {"text": "x" * 4001}, "msg_too_long"),
        ({}, {"blocks": [{"type": "news"}]}, "invalid_blocks"),
        ({}, {"metadata": {"event_type": "x"}}, "invalid_metadata_format"),
    ],
)
def test_edits_refused(sandbox: Sandbox, call: Call, changes: Any, arguments: Any, code: str) -> None:
    """A refused edit changes nothing."""
    ts = call("chat.postMessage", channel="C1", text="x").json["ts"]
    for name, value in changes.items():
        setattr(sandbox.slack.channels["C1"], name, value)
    answer = call("chat.update", **{"channel": "C1", "ts": ts, "text": "y", **arguments})
    assert (answer.status, answer.json["ok"], answer.json["error"]) == (200, False, code)
    assert (sandbox.slack.posts[0].text, sandbox.slack.posts[0].edits) == ("x", ())


def test_only_own_messages_can_be_edited_and_only_for_so_long(sandbox: Sandbox, call: Call) -> None:
    """Others' messages never, own ones within the window, none that is gone."""
    foreign = sandbox.slack.add_message("C1", "hi").ts
    assert call("chat.update", channel="C1", ts=foreign, text="x").json["error"] == "cant_update_message"
    ts = call("chat.postMessage", channel="C1", text="x").json["ts"]
    sandbox.slack.edit_window = 60
    assert call("chat.update", channel="C1", ts=ts, text="x").json["ok"]
    sandbox.slack.clock_skew = 61
    assert call("chat.update", channel="C1", ts=ts, text="x").json["error"] == "edit_window_closed"
    sandbox.slack.posts.clear()
    assert call("chat.update", channel="C1", ts=ts, text="x").json["error"] == "message_not_found"


@pytest.mark.parametrize("answers", [True, False])
def test_a_channel_that_got_another_id_files_under_that_one(sandbox: Sandbox, call: Call, answers: bool) -> None:
    sandbox.slack.add_message("C1", "before")
    sandbox.slack.move_channel("C1", "C7", answers=answers)
    answer = call("chat.postMessage", channel="C1", text="after").json
    assert answer.get("channel") == ("C7" if answers else None)
    assert answer.get("error") == (None if answers else "channel_not_found")
    history = call("conversations.history", channel="C7").json
    assert [each["text"] for each in history["messages"]] == (["after"] if answers else []) + ["before"]


# Threads and reactions


def test_a_thread_is_in_no_history(sandbox: Sandbox, call: Call) -> None:
    asked = sandbox.slack.say("C1", "@bot list", user="U0ONE")
    reply = call("chat.postMessage", channel="C1", text="nobody", thread_ts=asked.ts, metadata=KEY).json
    (shown,) = call("conversations.history", form=True, channel="C1").json["messages"]
    bot = sandbox.slack.workspaces["default"].user_id
    assert (shown["ts"], shown["user"], shown["text"]) == (asked.ts, "U0ONE", f"<@{bot}> list")
    thread = call("conversations.replies", form=True, channel="C1", ts=asked.ts, include_all_metadata="1").json
    assert [each["ts"] for each in thread["messages"]] == [asked.ts, reply["ts"]]
    assert (thread["messages"][1]["metadata"], thread["messages"][1]["thread_ts"]) == (KEY, asked.ts)
    assert [post.text for post in sandbox.slack.replies("C1", asked.ts)] == ["nobody"]
    sandbox.slack.remove(asked)
    assert call("conversations.history", form=True, channel="C1").json["messages"] == []
    assert call("conversations.replies", form=True, channel="C1", ts=asked.ts).json["ok"]


def test_thread_pages_are_complete_and_oldest_first(sandbox: Sandbox, call: Call) -> None:
    asked = sandbox.slack.say("C1", "@bot list")
    for number in range(5):
        call("chat.postMessage", channel="C1", text=str(number), thread_ts=asked.ts)
    found: list[str] = []
    cursor = ""
    for _ in range(3):
        page = call("conversations.replies", form=True, channel="C1", ts=asked.ts, limit=2, cursor=cursor).json
        found += [each["text"] for each in page["messages"]]
        cursor = page.get("response_metadata", {}).get("next_cursor", "")
    assert found[1:] == [str(number) for number in range(5)]
    assert cursor == ""


@pytest.mark.parametrize(
    ("change", "arguments", "code"),
    [
        ({}, {"ts": "1700000000.000100"}, "thread_not_found"),
        ({"member": False}, {"ts": "1700000000.000100"}, "not_in_channel"),
    ],
)
def test_replies_refuses(
    sandbox: Sandbox, call: Call, change: dict[str, Any], arguments: dict[str, Any], code: str
) -> None:
    for name, value in change.items():
        setattr(sandbox.slack.channels["C1"], name, value)
    assert call("conversations.replies", form=True, channel="C1", **arguments).json["error"] == code


def test_a_reaction_shows_once(sandbox: Sandbox, call: Call) -> None:
    asked = sandbox.slack.say("C1", "@bot list")

    def react(**changes: Any) -> str | None:
        arguments = {"channel": "C1", "timestamp": asked.ts, "name": "eyes", **changes}
        error: str | None = call("reactions.add", form=True, **arguments).json.get("error")
        return error

    assert [react(), react()] == [None, "already_reacted"]
    assert sandbox.slack.reactions("C1", asked.ts) == ("eyes",)
    assert react(name="not a name") == "invalid_name"
    assert react(timestamp="1.5") == "message_not_found"
    (shown,) = call("conversations.history", form=True, channel="C1").json["messages"]
    assert shown["reactions"] == [{"name": "eyes", "count": 1}]
    sandbox.slack.channels["C1"].archived = True
    assert react() == "is_archived"
    sandbox.slack.scopes["default"].discard("reactions:write")
    assert react() == "missing_scope"
