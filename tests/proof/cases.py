"""Cases that neither a kill nor a single fault brings about: each is tried as it is, once."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lolslackbot.sandbox import Mishap
from proof import worlds
from proof.fork_server import start_fork_server
from proof.frame import Part, Tally, sample
from proof.judge import look
from proof.worlds import DELIVER, FETCH, World

PAGE = 200  # messages of a history in one answer
MOST_LOOKS = 3  # at a match that Riot does not have
DAY = 86_400  # seconds
LONG = 16  # runs: four hours


def two_at_once() -> Tally:
    """A second delivery while the first one waits for Slack sends nothing."""
    with worlds.waiting() as world, start_fork_server() as other:
        slack = world.sandbox.slack
        asked = []

        def meanwhile() -> None:
            asked.append(len(slack.requests))
            world.run_beside(other, *DELIVER)
            asked.append(len(slack.requests))

        slack.misbehave(Mishap.on_request(meanwhile, accepted=True), times=1)
        world.run(*DELIVER)
        before, after = asked
        return _concluded(world, ["the second run went to Slack"] if after > before else [])


def claim_taken_over() -> Tally:
    """A run whose claim is another's by now leaves the message as it is."""
    with worlds.waiting() as world:
        here = "WHERE channel_id = 'C1'"

        def meanwhile() -> None:
            with closing(sqlite3.connect(world.database)) as connection, connection:
                connection.execute(f"UPDATE messages SET claim_token = 'another' {here}")

        slack = world.sandbox.slack
        slack.misbehave(replace(Mishap.limited(1), callback=meanwhile), channel="C1", times=1)
        world.run(*DELIVER)
        found = look(world.database, f"SELECT state, claim_token FROM messages {here}")
        wrong = [] if found == [("sending", "another")] else [f"another's claim is now {found}"]
        return _concluded(world, wrong)


def long_history() -> Tally:
    """What is looked for stands on a later page of the channel's history."""
    with worlds.uncertain() as world:
        for number in range(PAGE + 50):
            world.sandbox.slack.add_message("C1", f"Talk {number}")
        return _concluded(world)


def history_lags() -> Tally:
    """The first look-up does not find what Slack has: the history shows it later."""
    with worlds.waiting() as world:
        slack = world.sandbox.slack
        slack.misbehave(Mishap.cut(accepted=True), channel="C1", times=1)
        world.run(*DELIVER)
        nothing = Mishap.json({"ok": True, "messages": [], "has_more": False})
        slack.misbehave(nothing, method="conversations.history", channel="C1", times=1)
        world.run(*DELIVER)
        return _concluded(world)


def second_database() -> Tally:
    """Another database of this bot has posted a message that waits here."""
    with worlds.waiting() as world:
        world.run(*DELIVER)
        world.posts = [post for post in world.sandbox.slack.posts if post.channel == "C2"]
        world.reset()
        return _concluded(world)


def no_longer_news() -> Tally:
    """The machine was off for a day: what waits has expired."""
    with worlds.waiting() as world:
        world.ahead += DAY
        world.run(*DELIVER)
        return Tally(points=1, violations=[f"{post.key} is no news" for post in world.sandbox.slack.posts])


def paused() -> Tally:
    """Nothing goes out while delivery is paused; afterwards all does."""
    with worlds.waiting() as world:
        world.run("pause")
        world.run(*DELIVER)
        wrong = [f"{post.key} was posted" for post in world.sandbox.slack.posts]
        world.run("resume")
        return _concluded(world, wrong)


def restored() -> Tally:
    """A backup from before an announcement is put back."""
    with worlds.restorable() as world:
        world.run(*world.trial)
        return _concluded(world)


def game_ends_first() -> Tally:
    """The notice that a game has begun waits until that game has ended."""
    with worlds.telling_of_a_game() as world:
        riot = world.sandbox.riot
        (game,) = riot.active
        riot.add_game(riot.players, queue=400, match_id=game, ended=datetime.now(UTC) - timedelta(minutes=1))
        world.run(*FETCH)
        world.run(*DELIVER)
        return _concluded(world, [f"{post.key} is in Slack" for post in world.sandbox.slack.posts])


def missing_match() -> Tally:
    """A match that Riot never has is not asked for ever, while it has others."""
    with worlds.listed() as world:
        riot = world.sandbox.riot
        missing = world.expected[0].partition(":")[0]
        riot.misbehave(Mishap.status(404), endpoint="match", path=missing)
        for _ in range(LONG):
            world.run(*FETCH)
        asked = sum(request.endpoint == "match" and missing in request.path for request in riot.requests)
        wrong = [] if 0 < asked <= MOST_LOOKS else [f"asked {asked} times"]
        return Tally(points=1, violations=wrong + world.leaks())


def limits_kept() -> Tally:
    """Runs one after another share what Riot allows in a window."""
    with worlds.listed() as world:
        riot = world.sandbox.riot
        riot.limits.application = "3:3600"
        world.environment = {"LOLSLACKBOT_MAX_WAIT": "0"}
        for _ in range(3):
            world.ahead = world.beginning  # within the same moment
            world.run(*FETCH)
        wrong = [f"{len(riot.refused)} calls into a known limit"] if riot.refused else []
        if len(riot.requests) - len(riot.refused) != 3:
            wrong.append(f"{len(riot.requests)} calls, where three were allowed")
        return Tally(points=1, violations=wrong + world.leaks())


def _concluded(world: World, wrong: list[str] | None = None) -> Tally:
    """Cron goes on; then the judge speaks."""
    tally = Tally(points=1, violations=list(wrong or ()))
    world.sandbox.slack.behave()
    world.settle()
    world.judge().enter(tally, "in the end")
    return tally


CASES: tuple[Callable[[], Tally], ...] = (
    two_at_once,
    claim_taken_over,
    long_history,
    history_lags,
    second_database,
    no_longer_news,
    paused,
    restored,
    game_ends_first,
    missing_match,
    limits_kept,
)


def prove(share: float) -> Tally:
    """Each case once."""
    tally = Tally()
    for case in sample(CASES, share):
        one = case()
        tally.points += one.points
        tally.duplicates += one.duplicates
        tally.false_delivered += one.false_delivered
        tally.lost += one.lost
        tally.violations += [f"{case.__name__}: {violation}" for violation in one.violations]
    tally.notes.append("every part also looks for the key and the token in the home folder and in all output")
    return tally


PARTS = [
    Part(
        "cases",
        "two runs at once, long and late histories, expiry, a pause, a restore, a late notice, shared limits",
        prove,
    )
]
