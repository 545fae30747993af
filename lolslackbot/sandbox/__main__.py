"""`python -m lolslackbot.sandbox`: try the whole bot without any key, token or account.

Prints what to paste into another shell, then plays games and shows what is posted, until Ctrl-C. What is typed here, a
friend says in a channel.
"""

import argparse
import os
import select
import shlex
import signal
import sys
import tempfile
import time
from random import Random
from threading import Event

from lolslackbot.sandbox import Sandbox

FIRST_GAME_SECONDS = 20.0  # time to paste: what ended before a player was tracked is never announced
LOOK_SECONDS = 0.2
QUEUES = (420, 440, 400, 450, 480, 1700, 1750)
PLAYERS = (
    ("Ahri Fan#EUW", "euw1", "C0RIFT"),
    ("Żółw Błotny#2137", "euw1", "C0RIFT"),
    ("Café au Lait#NA1", "na1", "C0OVERSEAS"),
)
SPOKEN_IN, BOT = "C0RIFT", "@match-reporter"
NEWCOMER = ("Øl og Ost#EUW", "euw1")  # whom nobody tracks yet


def main() -> int:
    """Runs until SIGINT or SIGTERM; exit status 0."""
    options = _options()
    over = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with Sandbox(seed=options.seed) as sandbox:
        _set_up(sandbox)
        first = min(FIRST_GAME_SECONDS, options.every)
        _say(f"# The first game ends {first:g} s from now, a further one every {options.every:g} s.")
        _say(f"# What you type here, a friend says in #rift: {BOT} track {NEWCOMER[0]}")
        _say("# Paste this into another shell; Ctrl-C here ends it all.")
        _say(_shell_lines(sandbox))
        _play(sandbox, Random(options.seed), first, options.every, over)
    _say("# The sandbox is closed.")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lolslackbot.sandbox", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="another seed, other games")
    parser.add_argument("--every", type=float, default=60.0, metavar="SECONDS", help="time between games")
    return parser.parse_args()


def _set_up(sandbox: Sandbox) -> None:
    sandbox.riot.limits.application = "20:1,100:120"  # as with a development or personal key
    sandbox.slack.add_channel("C0RIFT", name="rift")
    sandbox.slack.add_channel("C0OVERSEAS", name="overseas")
    for riot_id, platform in (*((riot_id, platform) for riot_id, platform, _ in PLAYERS), NEWCOMER):
        sandbox.riot.add_player(riot_id, platform)


def _shell_lines(sandbox: Sandbox) -> str:
    home = tempfile.mkdtemp(prefix="lolslackbot-sandbox-")
    settings = {**sandbox.settings, "LOLSLACKBOT_HOME": home}
    lines = [f'export PATH={shlex.quote(os.path.dirname(sys.executable))}:"$PATH"']
    lines += [f"export {name}='{value}'" for name, value in settings.items()]
    for riot_id, platform, channel in PLAYERS:
        lines.append(f"lolslackbot track {shlex.quote(riot_id)} --channel {channel} --platform {platform}")
    lines.append(f"lolslackbot channels set {SPOKEN_IN} --requests on")
    lines.append(
        "; ".join(f"lolslackbot {stage}" for stage in ("answer", "fetch-matches", "build-messages", "deliver"))
    )
    return "\n".join(lines)


def _play(sandbox: Sandbox, random: Random, first: float, every: float, over: Event) -> None:
    next_game, shown = time.monotonic() + first, 0
    keyboard = [sys.stdin.fileno()] if sys.stdin else []
    while not over.wait(min(LOOK_SECONDS, every)):
        for post in sandbox.slack.posts[shown:]:
            _say(sandbox.slack.line_of(post))
            shown += 1
        for line in _typed(keyboard):
            sandbox.slack.say(SPOKEN_IN, line.replace(BOT, "@bot"))
        if time.monotonic() >= next_game:
            next_game += every
            _play_one(sandbox, random)


def _typed(keyboard: list[int]) -> list[str]:
    """The lines that were typed since. keyboard: the file to read, if there is one; taken out at its end."""
    typed: list[str] = []
    for number in select.select(list(filter(_is_ours, keyboard)), [], [], 0)[0]:
        given = os.read(number, 65536)
        if not given:
            keyboard.remove(number)
        typed += given.decode("utf-8", "replace").splitlines()
    return typed


def _is_ours(keyboard: int) -> bool:
    """Not a terminal's, as long as this is in its background: whoever reads that is stopped."""
    return not os.isatty(keyboard) or os.tcgetpgrp(keyboard) == os.getpgrp()


def _play_one(sandbox: Sandbox, random: Random) -> None:
    platform = random.choice(sandbox.riot.players).platform
    friends = [player for player in sandbox.riot.players if player.platform == platform]
    team = random.sample(friends, random.randint(1, len(friends)))
    queue, duration = random.choice(QUEUES), random.randint(900, 2400)
    match_id = sandbox.riot.add_game(team, queue=queue, duration=duration, win=random.random() < 0.5)
    _say(f"# {match_id} is over: " + ", ".join(player.riot_id for player in team))


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
