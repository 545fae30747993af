"""A database that was put back by other means than `restore`: what waits in it is looked up first."""

from datetime import UTC, datetime, timedelta

import pytest
from support import Bot, a_match, add_player, at_work, keys_in, store_match

from lolslackbot.clock import Clock
from lolslackbot.sandbox import Sandbox
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import decisions
from lolslackbot.store.database import Database


@pytest.fixture
def waiting(in_process_bot: Bot, sandbox: Sandbox, db: Database) -> Bot:
    """A message in C1 that was posted, and waits: the database is older than the post."""
    sandbox.slack.add_channel("C1")
    now = datetime.now(UTC)
    add_player(db, since=now - timedelta(days=1))
    store_match(db, a_match(ended_at=now - timedelta(minutes=5)), now)
    build_messages(db, Run("build-messages", Clock(), 80), "")
    in_process_bot.run("deliver")
    assert len(keys_in(sandbox, "C1")) == 1
    undone = "state = 'pending', slack_ts = NULL, attempts = 0, claimed_at = NULL, settled_at = NULL"
    in_process_bot.write(f"UPDATE messages SET {undone}")
    return in_process_bot


def test_what_waits_in_it_is_not_said_again(waiting: Bot, sandbox: Sandbox, db: Database) -> None:
    said = waiting.run("restore", "--in-place")
    assert (said.status, said.err) == (0, "")
    assert said.out == (
        "looked up in Slack before it is announced: what waits (1), and every game that ended before now\n"
    )
    assert waiting.rows("SELECT state FROM messages") == [("uncertain",)]
    waiting.run("deliver")
    assert waiting.rows("SELECT state FROM messages") == [("delivered",)]
    assert len(keys_in(sandbox, "C1")) == 1
    assert [each.change for each in decisions.by(db, "restore")] == ["messages in doubt: 1"]
    assert "a backup was restored at" in waiting.run("status").out


def test_not_while_a_stage_is_at_work(waiting: Bot) -> None:
    with at_work(waiting.location, "deliver"):
        assert waiting.run("restore", "--in-place").status == 75
    assert waiting.rows("SELECT state FROM messages") == [("pending",)]


def test_a_file_or_in_place_and_not_both(waiting: Bot) -> None:
    for arguments in (("restore",), ("restore", "x.db", "--in-place")):
        said = waiting.run(*arguments)
        assert said.status == 2
        assert "give FILE or --in-place" in said.err
