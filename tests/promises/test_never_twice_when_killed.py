"""Killed right before and right after every commit of a delivery: nothing twice, nothing lost, one doubt at most."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from support import Bot, a_match, add_player, keys_in, store_match

from lolslackbot.clock import Clock
from lolslackbot.sandbox import Sandbox
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store.database import Database

CHANNELS = ("C1", "C2")

# Runs the command, and kills it at its N-th commit: no hook in the package is needed.
KILLER = """
import contextlib, os, signal, sys
from lolslackbot import cli
from lolslackbot.store.database import Database

number, moment = int(sys.argv.pop(1)), sys.argv.pop(1)
commits = 0
real = Database.transaction

@contextlib.contextmanager
def counted(db):
    global commits
    with real(db):
        yield
        commits += 1
        if moment == "before" and commits == number:
            os.kill(os.getpid(), signal.SIGKILL)
    if moment == "after" and commits == number:
        os.kill(os.getpid(), signal.SIGKILL)

Database.transaction = counted
cli.main()
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_at_every_commit(bot: Bot, sandbox: Sandbox, db: Database, moment: str) -> None:
    now = datetime.now(UTC)
    for number, channel in enumerate(CHANNELS, 1):
        sandbox.slack.add_channel(channel)
        add_player(db, number, channel=channel, since=now - timedelta(days=1))
    bot.environment["LOLSLACKBOT_UNCERTAIN_AFTER"] = "0"
    killed, round_ = True, 0
    while killed:
        round_ += 1
        for number in range(1, len(CHANNELS) + 1):
            match_id = f"EUW1_{round_}{number}"
            store_match(db, a_match(match_id, number, ended_at=now - timedelta(minutes=10 - number)), now)
        build_messages(db, Run("build-messages", Clock(), 80), "")
        process = subprocess.run(
            [sys.executable, "-c", KILLER, str(round_), moment, "--home", str(bot.home), "deliver"],
            env={"PATH": "/usr/bin:/bin", **bot.environment},
            capture_output=True,
            timeout=60,
            check=False,
        )
        killed = process.returncode == -signal.SIGKILL
        assert len(bot.rows("SELECT 1 FROM messages WHERE state = 'sending'")) <= 1
        for _ in range(3):
            if bot.rows("SELECT 1 FROM messages WHERE state <> 'delivered'"):
                bot.run("deliver")
                assert len(bot.rows("SELECT 1 FROM messages WHERE state = 'uncertain'")) <= 1
        for number, channel in enumerate(CHANNELS, 1):
            assert keys_in(sandbox, channel) == [f"EUW1_{each}{number}:{channel}" for each in range(1, round_ + 1)]
    assert round_ > 2 * len(CHANNELS)  # a claim and an outcome for each message, at least
    assert set(bot.rows("SELECT state FROM messages")) == {("delivered",)}
