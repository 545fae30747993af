"""`python -m lolslackbot.sandbox` as a newcomer runs it."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

# What another shell may have: not the folder of an environment that is not active there.
BARE = {"PATH": "/usr/bin:/bin", **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}}


@pytest.fixture
def process(request: pytest.FixtureRequest) -> Iterator["subprocess.Popen[str]"]:
    every = getattr(request, "param", "0.2")
    command = [sys.executable, "-m", "lolslackbot.sandbox", "--seed", "2", "--every", every]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8") as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_what_to_paste_and_shows_the_posts(process: "subprocess.Popen[str]", number: int) -> None:
    assert process.stdout
    lines = [process.stdout.readline().rstrip("\n") for _ in range(15)]
    assert lines[0].startswith("# The first game")
    exports = {found[1]: found[2] for line in lines if (found := re.fullmatch(r"export (\w+)='(.*)'", line))}
    assert Path(exports["LOLSLACKBOT_HOME"]).is_dir()
    assert exports["RIOT_API_KEY"].startswith("RGAPI-")
    pasted = subprocess.run(
        ["/bin/sh", "-ec", "\n".join(lines[:-1])], env=BARE, capture_output=True, text=True, check=False
    )
    assert (pasted.returncode, pasted.stderr) == (0, "")
    assert pasted.stdout.count(" is announced in C0") == 3
    shutil.rmtree(exports["LOLSLACKBOT_HOME"])
    tracks = [shlex.split(line) for line in lines if line.startswith("lolslackbot track ")]
    assert len(tracks) == 3
    assert any(not track[2].isascii() for track in tracks)
    stages = ("answer", "fetch-matches", "build-messages", "deliver")
    assert lines[-1] == "; ".join(f"lolslackbot {stage}" for stage in stages)
    assert re.match(r"# (EUW1|NA1)_\d+ is over: ", process.stdout.readline())

    request = urllib.request.Request(
        exports["LOLSLACKBOT_SLACK_URL"] + "chat.postMessage",
        json.dumps({"channel": tracks[0][4], "text": "Ahri Fan won"}).encode(),
        {"Authorization": f"Bearer {exports['SLACK_BOT_TOKEN']}", "Content-Type": "application/json"},
    )
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5).close()
    shown = next(line for line in process.stdout if not line.startswith("# "))
    assert shown.endswith("#rift  Ahri Fan won\n")
    os.kill(process.pid, number)
    assert process.wait(5) == 0
    assert process.stdout.read().endswith("# The sandbox is closed.\n")


@pytest.mark.parametrize("process", ["2"], indirect=True)  # more than a tick takes
def test_what_is_typed_a_friend_says_and_the_bot_answers(process: "subprocess.Popen[str]") -> None:
    assert process.stdin
    assert process.stdout
    lines = [process.stdout.readline().rstrip("\n") for _ in range(15)]
    paste = partial(subprocess.run, env=BARE, capture_output=True, text=True, check=True)
    paste(["/bin/sh", "-ec", "\n".join(lines[:-1])])
    process.stdin.write(lines[1].partition("#rift: ")[2] + "\n")
    process.stdin.close()
    exports = [line for line in lines if line.startswith("export ")]
    tick = "lolslackbot -q answer; lolslackbot -q deliver"
    for line in process.stdout:
        if "↳" in line:
            break
        if line.startswith("# "):  # a game: what was typed has been said by now
            paste(["/bin/sh", "-c", "\n".join([*exports, tick])])
    assert line.endswith("#rift  ↳ Øl og Ost#EUW (EUW) is announced here from now on.\n")
    home = re.search(r"LOLSLACKBOT_HOME='(.*)'", "\n".join(lines))
    assert home
    shutil.rmtree(home[1])
