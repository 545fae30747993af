"""A small group: what it costs, and in which order, stays what it was before work could be shared or took turns."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path

from proof.fork_server import Order, shared_fork_server
from proof.kill_points import AtStatements, go_on, write_down
from support import Bot

from lolslackbot.sandbox import Player, Sandbox

FRIENDS = 10
STAGES = ("fetch-matches", "build-messages", "deliver")
# Of two ticks and an idle one: the calls of each stage in their order (how many of a kind in a row), its commits, and
# what it prints. Taken from the version before processes could share a run.
EXPECTED = [
    (
        "fetch-matches",
        [
            ("match-ids", 1),
            ("match", 1),
            ("match-ids", 3),
            ("match", 1),
            ("match-ids", 4),
            ("match", 1),
            ("match-ids", 2),
            ("league", 5),
        ],
        41,
        "fetch-matches: 3 new, 10 listed, 3 fetched",
    ),
    ("build-messages", [], 8, "build-messages: 3 built"),
    ("deliver", [("auth.test", 1), ("conversations.history", 1), ("chat.postMessage", 3)], 10, "deliver: 3 delivered"),
    ("fetch-matches", [("match-ids", 10), ("league", 5)], 33, "fetch-matches: 10 listed"),
    ("build-messages", [], 2, "build-messages: nothing to do"),
    ("deliver", [], 3, "deliver: nothing to do"),
    (
        "fetch-matches",
        [("match-ids", 6), ("match", 1), ("match-ids", 4), ("league", 6)],
        37,
        "fetch-matches: 1 new, 10 listed, 1 fetched",
    ),
    ("build-messages", [], 3, "build-messages: 1 built"),
    ("deliver", [("chat.postMessage", 1)], 5, "deliver: 1 delivered"),
]


def test_calls_commits_and_output_are_those_of_before(home: Path, sandbox: Sandbox) -> None:
    sandbox.slack.add_channel("C1")
    friends = [sandbox.riot.add_player(f"Friend {number}#EUW", platform="euw1") for number in range(FRIENDS)]
    bot = Bot(home, dict(sandbox.settings))
    for each in friends:
        assert bot.run("track", f"{each.game_name}#EUW", "--channel", "C1", "--platform", "euw1").status == 0
    now = datetime.now(UTC) + timedelta(minutes=1)
    play(sandbox, [friends[:2], friends[3:4], friends[7:9]], now)
    seen = [run for _ in range(2) for run in tick(bot, sandbox)]
    play(sandbox, [friends[5:6]], now + timedelta(minutes=30))
    seen += tick(bot, sandbox)
    assert seen == EXPECTED


def play(sandbox: Sandbox, games: Sequence[Sequence[Player]], ended: datetime) -> None:
    for number, together in enumerate(games):
        sandbox.riot.add_game(list(together), ended=ended + timedelta(seconds=number))


def tick(bot: Bot, sandbox: Sandbox) -> list[tuple[str, list[tuple[str, int]], int, str]]:
    """Each stage: the calls in order, the commits, the output without what differs from day to day."""
    runs = []
    for stage in STAGES:
        sandbox.riot.requests.clear()
        sandbox.slack.requests.clear()
        sandbox.data_dragon.requests.clear()
        path = bot.home / "commits.json"
        path.unlink(missing_ok=True)
        arm = AtStatements(partial(write_down, str(path)), go_on, ("COMMIT",))
        server = shared_fork_server()
        status = server.run(Order(("--home", str(bot.home), stage), bot.environment, 0.0, (arm,)))
        assert (status, server.err) == (0, "")
        commits = len(path.read_text().splitlines()) if path.exists() else 0
        asked = [each.endpoint for each in sandbox.riot.requests] + [each.method for each in sandbox.slack.requests]
        in_a_row = [(kind, len(list(group))) for kind, group in groupby(asked)]
        runs.append((stage, in_a_row, commits, server.out.strip()))
    return runs
