"""`check --post`: a message is posted, found, edited and deleted; each step's failure says what it means."""

import pytest
from support import Bot, FakeClock, keys_in

from lolslackbot.health.trial import LOOKS_FOR, Step, try_channel
from lolslackbot.sandbox import Mishap, Sandbox
from lolslackbot.slack.client import SlackClient
from lolslackbot.store.database import Database


@pytest.fixture
def checked(in_process_bot: Bot, sandbox: Sandbox, db: Database) -> Bot:
    sandbox.slack.add_channel("C1")
    return in_process_bot


def lines(bot: Bot, *arguments: str) -> list[str]:
    said = bot.run("check", "--post", "C1", *arguments).out.splitlines()
    return [line.replace("post to C1: ", "") for line in said if "  post to C1: " in line]


def methods(sandbox: Sandbox) -> list[str]:
    return [
        request.method for request in sandbox.slack.requests if request.method.startswith(("chat", "conversations.h"))
    ]


def test_it_is_posted_found_edited_and_gone_again(checked: Bot, sandbox: Sandbox) -> None:
    said = lines(checked)
    assert said[0] == "ok    a test message was posted"
    assert said[1].startswith("ok    it was found by its metadata 0.")
    assert said[2:] == ["ok    it was edited", "ok    it was deleted"]
    assert methods(sandbox) == ["chat.postMessage", "conversations.history", "chat.update", "chat.delete"]
    posted = sandbox.slack.requests[-5:]
    assert "this is a test, and goes away by itself" in str(posted)
    assert (sandbox.slack.posts, keys_in(sandbox, "C1")) == ([], [])


def test_without_being_asked_nothing_is_posted(checked: Bot, sandbox: Sandbox) -> None:
    checked.run("check")
    assert "chat.postMessage" not in methods(sandbox)


def test_the_workspace_is_that_of_the_channel(checked: Bot, sandbox: Sandbox, db: Database) -> None:
    checked.environment["SLACK_BOT_TOKEN_ACME"] = sandbox.slack.add_workspace("acme")
    sandbox.slack.add_channel("C7", workspace="acme")
    with db.transaction():
        db.write("INSERT INTO channels (channel_id, workspace) VALUES ('C7', 'acme')")
    assert "ok    post to C7: it was deleted" in checked.run("check", "--post", "C7").out


def test_a_channel_that_takes_nothing(checked: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.channels["C1"].member = False
    (said,) = lines(checked)
    assert said.startswith("FAIL  not posted: not_in_channel; nothing can be announced here; ")


def test_a_post_of_unknown_outcome(checked: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.misbehave(Mishap.cut(accepted=True), method="chat.postMessage", times=1)
    (said,) = lines(checked)
    assert said.startswith("FAIL  whether it was posted is not known: no whole answer")
    assert "if it stands in the channel, delete it" in said


def test_without_the_scope_nothing_is_found(checked: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.scopes["default"] = {"chat:write"}
    said = lines(checked)
    assert said[1].startswith("FAIL  the channel's history cannot be read: missing_scope")
    assert "a message of unknown outcome stays uncertain, and waits for you; add the history scopes" in said[1]
    assert said[2:] == ["ok    it was edited", "ok    it was deleted"]


def test_a_history_that_is_out_of_reach_for_now(checked: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.misbehave(Mishap.status(503), method="conversations.history", times=1)
    assert lines(checked)[1].endswith("waits for you; try again later")


def test_an_edit_and_a_deletion_that_are_refused(checked: Bot, sandbox: Sandbox) -> None:
    sandbox.slack.edit_window = -1
    sandbox.slack.misbehave(Mishap.json({"ok": False, "error": "cant_delete_message"}), method="chat.delete")
    said = lines(checked)
    assert said[2].startswith("FAIL  not edited: edit_window_closed; what comes late, like ranks, cannot be added to")
    assert said[3].startswith("FAIL  not deleted: cant_delete_message; the test message stays: delete it by hand")


def trial(sandbox: Sandbox, clock: FakeClock) -> list[Step]:
    slack = SlackClient(sandbox.settings["SLACK_BOT_TOKEN"], sandbox.settings["LOLSLACKBOT_SLACK_URL"], clock)
    return list(try_channel(slack, "C1", "default", clock))


NOTHING = Mishap.json({"ok": True, "messages": [], "has_more": False})


def test_a_history_that_lags_is_waited_for(sandbox: Sandbox, clock: FakeClock) -> None:
    sandbox.slack.add_channel("C1")
    sandbox.slack.misbehave(NOTHING, method="conversations.history", times=3)
    assert trial(sandbox, clock)[1].said == "it was found by its metadata 3.0 s later"


def test_a_history_that_never_shows_it_is_no_proof(sandbox: Sandbox, clock: FakeClock) -> None:
    sandbox.slack.add_channel("C1")
    sandbox.slack.misbehave(NOTHING, method="conversations.history")
    found = trial(sandbox, clock)[1]
    assert not found.went_well
    assert found.said.startswith(f"its metadata is not in the channel's history after {LOOKS_FOR:g} s; ")
    assert sum(clock.slept) == LOOKS_FOR
    assert sandbox.slack.posts == []
