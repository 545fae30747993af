"""Things that go wrong one day: status names each, why explains it, and what they propose cures it.

Each story runs the very commands that stand between backticks in what was said, as a person would who types yes.
"""

import itertools
import json
import os
import re
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support import Bot, Command, Result, forgotten_shell, keys_in

from lolslackbot.clock import Clock, text_of
from lolslackbot.health.needs import LOST_ALERT_THRESHOLD
from lolslackbot.health.status import status
from lolslackbot.sandbox import Mishap, Player, Sandbox
from lolslackbot.stages import deliver
from lolslackbot.store import sqlite
from lolslackbot.store.connect import read_only
from lolslackbot.store.locks import run_lock

pytestmark = pytest.mark.sqlite_only

LONG_AGO = "2026-01-01T00:00:00.000Z"


class Story:
    """A group of one, Ahri Fan#EUW in C1, that cron serves: how things stand for it, and what it does about them."""

    def __init__(self, bot: Bot, sandbox: Sandbox) -> None:
        self.bot, self.sandbox = bot, sandbox
        self.expected: list[str] = []  # in Slack

    def begin(self) -> Player:
        self.sandbox.slack.add_channel("C1")
        player = self.sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
        assert self.bot.run("track", "Ahri Fan#EUW", "--channel", "C1").status == 0
        self.bot.write(f"UPDATE tracks SET since = '{LONG_AGO}'")
        self.tick()
        self.needs()
        return player

    def play(self, player: Player) -> str:
        """A game that ended a moment ago, and is to be announced."""
        match_id = self.sandbox.riot.add_game([player])
        self.expected.append(f"{match_id}:C1")
        return match_id

    def tick(self) -> list[int]:
        """What cron runs; how it ends."""
        return [result.status for result in self.bot.tick()]

    def told(self) -> dict[str, Any]:
        """What status says, to programs and to people alike."""
        told: dict[str, Any] = json.loads(self.bot.run("status", "--json").out)
        shown = self.bot.run("status")
        assert (shown.status, shown.err) == (1 if told["needs"] else 0, "")
        assert {*told["needs"], *told["notes"]} <= set(shown.out.splitlines())
        return told

    def needs(self, *keys: str) -> str:
        """Asserts that status has exactly these needs; their sentences."""
        with read_only(str(self.bot.database), though_locked=True) as db:
            assert [need.key for need in status(db, Clock().now()).needs] == list(keys)
        sentences: list[str] = self.told()["needs"]
        assert len(sentences) == len(keys)
        return unnamed("; ".join(sentences))

    def check(self, what: str) -> str:
        """The finding of check about something, and what to do."""
        out = unnamed(self.bot.run("check").out)
        (line,) = [line for line in out.splitlines() if line[6:].startswith(f"{what}:")]
        return line

    def why(self, about: str) -> str:
        result = self.bot.run("why", about)
        assert (result.status, result.err) == (0, "")
        return unnamed(result.out)

    def does(self, said: str, **words: str) -> list[Result]:
        """The commands that were proposed, with the `words` of this person for those that stand for any."""
        for word, meant in words.items():
            said = said.replace(word, meant)
        commands = re.findall(r"`lolslackbot ([^`]+)`", said)
        assert commands, said
        return [self.bot.run(*shlex.split(command), typed="y\n") for command in commands]

    def time_passes(self, **time: float) -> None:
        """Cron was not at work meanwhile."""
        then = text_of(datetime.now(UTC) - timedelta(**time))
        self.bot.write(f"UPDATE runs SET began_at = '{then}', ended_at = '{then}'")
        self.bot.write(f"UPDATE players SET listed_at = '{then}'")

    def is_well(self) -> None:
        """Everything arrived, once, and nothing needs anybody."""
        assert keys_in(self.sandbox, "C1") == self.expected
        self.needs()


def unnamed(said: str) -> str:
    """Channels by their ids alone: whether their names are known yet is tried elsewhere."""
    return re.sub(r"#general \((C[A-Z0-9]+)\)", r"\1", said)


@pytest.fixture
def story(in_process_bot: Bot, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setattr(deliver, "PACE", timedelta(0))
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)
    return Story(in_process_bot, sandbox)


@pytest.fixture
def ahri(story: Story) -> Player:
    return story.begin()


def test_a_dead_channel(story: Story, ahri: Player) -> None:
    story.sandbox.slack.channels["C1"].archived = True
    match = story.play(ahri)
    assert story.tick() == [0, 0, 1]
    need = story.needs("channel C1 broken")
    assert need in story.why("C1")
    assert "not in Slack: is_archived; fix the channel in Slack, then run `lolslackbot retry" in story.why(match)
    assert "FAIL  channel C1: it is archived" in story.check("channel C1")
    story.sandbox.slack.channels["C1"].archived = False
    story.does(need)
    assert story.tick() == [0, 0, 0]
    story.is_well()


def test_a_revoked_token(story: Story, ahri: Player) -> None:
    story.sandbox.slack.revoke()
    match = story.play(ahri)
    assert story.tick() == [0, 0, 77]
    need = story.needs("workspace default rejected")
    assert need in story.why("C1")
    assert f"waiting; {need}" in story.why(match)
    story.sandbox.slack.reinstate()
    story.bot.environment["SLACK_BOT_TOKEN"] = story.sandbox.slack.add_workspace("default")
    (checked,) = story.does(need)
    assert checked.status == 0
    story.needs()
    assert story.tick() == [0, 0, 0]
    story.is_well()


def test_an_expired_key(story: Story, ahri: Player) -> None:
    story.play(ahri)
    story.sandbox.riot.change_key("RGAPI-of-today")
    assert story.tick() == [77, 0, 0]
    need = story.needs("riot rejected")
    assert need in story.why("Ahri Fan#EUW")
    story.bot.environment["RIOT_API_KEY"] = "RGAPI-of-today"
    (checked,) = story.does(need)
    assert "key accepted" in checked.out
    story.needs()
    assert story.tick() == [0, 0, 0]
    story.is_well()


def test_404s_piling_up(story: Story, ahri: Player) -> None:
    matches = [story.play(ahri) for _ in range(LOST_ALERT_THRESHOLD)]
    for match in matches:
        story.sandbox.riot.misbehave(Mishap.status(404), path=match)
    assert story.tick() == [0, 0, 0]
    story.expected.insert(0, f"{story.sandbox.riot.add_game([ahri])}:C1")  # which the host has
    for _ in range(3):
        story.bot.write(f"UPDATE matches SET next_look_at = '{LONG_AGO}' WHERE next_look_at IS NOT NULL")
        assert story.tick() == [0, 0, 0]
        story.bot.write(f"UPDATE matches SET next_look_at = '{LONG_AGO}' WHERE next_look_at IS NOT NULL")
    need = story.needs("matches missing")
    for match in matches:
        assert f"{match} is missing: Riot answered 404, not retried any more\n" in story.why(match)
    assert f"{matches[0]}, listed" in story.why("Ahri Fan#EUW")
    calls = len(story.sandbox.riot.requests)
    story.tick()
    assert [each.endpoint for each in story.sandbox.riot.requests[calls:] if each.endpoint != "league"] == ["match-ids"]
    story.sandbox.riot.behave()
    story.does(need)
    assert story.tick() == [0, 0, 0]
    story.is_well()


def test_every_match_answering_404_for_hours(story: Story, ahri: Player) -> None:
    """An incident at Riot: nothing of that evening is lost."""
    story.sandbox.riot.misbehave(Mishap.status(404))
    matches = [story.play(ahri) for _ in range(LOST_ALERT_THRESHOLD)]
    for _ in range(3):
        assert story.tick() == [0, 0, 0]
        story.bot.write(f"UPDATE matches SET next_look_at = '{LONG_AGO}' WHERE next_look_at IS NOT NULL")
    need = story.needs("host europe without matches")
    for match in matches:
        assert "europe has answered 404 for every match since " in story.why(match)
    calls = len(story.sandbox.riot.requests)
    assert story.tick() == [0, 0, 0]
    assert [each.endpoint for each in story.sandbox.riot.requests[calls:] if each.endpoint != "league"] == ["match-ids"]
    story.sandbox.riot.behave()
    story.does(need)
    assert story.tick() == [0, 0, 0]
    story.is_well()


def test_a_player_who_moved_to_another_region(story: Story, ahri: Player) -> None:
    moved = story.sandbox.riot.move(ahri, "na1")
    story.bot.write(f"UPDATE players SET region_asked_at = '{LONG_AGO}'")  # the week after
    assert story.tick() == [0, 0, 0]
    need = story.needs("player 1 moved")
    assert "plays on na1 (Riot, " in story.why("Ahri Fan#EUW")
    (tracked,) = story.does(need)
    assert "(na1) is announced in C1: games that end after 2026-01-01T00:00:00.000Z; moved from euw1" in tracked.out
    story.play(moved)
    assert story.tick() == [0, 0, 0]
    story.is_well()


def test_a_new_key_names_every_friend_in_the_first_shared_game(story: Story, ahri: Player) -> None:
    bear = story.sandbox.riot.add_player("Bear#EUW", platform="euw1")
    assert story.bot.run("track", "Bear#EUW", "--channel", "C1").status == 0
    story.tick()
    story.sandbox.riot.change_key("RGAPI-of-today")
    story.bot.environment["RIOT_API_KEY"] = "RGAPI-of-today"
    match = story.sandbox.riot.add_game([ahri, bear])
    story.expected.append(f"{match}:C1")
    assert story.tick() == [0, 0, 0]
    assert "Ahri Fan" in story.sandbox.slack.posts[-1].text
    assert "Bear" in story.sandbox.slack.posts[-1].text
    story.is_well()


@pytest.mark.parametrize("passes", [True, False], ids=["that passes", "that is wrong"])
def test_a_429_for_days(story: Story, ahri: Player, passes: bool) -> None:
    story.play(ahri)
    refusal = Mishap.limited(3 * 86400, "application")
    story.sandbox.riot.misbehave(refusal, endpoint="match-ids", times=1)
    assert story.tick() == [75, 0, 0]
    calls = len(story.sandbox.riot.requests)
    assert story.tick() == [75, 0, 0]
    assert len(story.sandbox.riot.requests) == calls
    need = story.needs("riot europe limited")
    assert "Retry-After 259200" in need
    assert [(hold["scope"], hold["in_force"]) for hold in story.told()["holds"]] == [("riot europe", True)]
    assert "riot europe is limited until" in story.why("Ahri Fan#EUW")
    if passes:
        story.bot.write(f"UPDATE holds SET since = '{LONG_AGO}', until = '{LONG_AGO}'")
    did = story.does(need)
    assert [each.status for each in did] == ([0, 1] if passes else [75, 0]), did
    assert story.tick() == [0, 0, 0]
    story.is_well()


class FullDisk(sqlite3.Connection):
    """Whatever is to be written finds no room."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if re.match(r"\s*(INSERT|UPDATE|DELETE|PRAGMA user_version =)", sql):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL"
            raise error
        return super().execute(sql, *values)


@contextmanager
def full_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as here:
        here.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=FullDisk))
        here.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=3, f_frsize=2**20))
        yield


def test_a_full_disk(story: Story, ahri: Player) -> None:
    match = story.play(ahri)
    for stage in ("fetch-matches", "build-messages"):
        story.bot.run(stage)
    story.time_passes(minutes=30)
    with full_disk():
        for result in story.bot.tick():
            assert result.status == 2
            assert "cannot be written: the disk is full; make room, nothing is lost (SQLITE_FULL)" in result.err
        need = story.needs("disk full", "stages silent")
        assert "deliver has not run since" in story.why(match)
        assert story.check("disk").startswith("FAIL  disk: 3 MiB free")
        assert "the disk is full" in story.check("database")
    pruned, *_ = story.does(need)
    assert pruned.status == 0
    assert story.tick() == [0, 0, 0]
    story.is_well()


def test_a_cron_that_stopped(story: Story, ahri: Player) -> None:
    story.play(ahri)
    story.time_passes(hours=3)
    need = story.needs("stages silent")
    assert "fetch-matches has not run since" in story.why("Ahri Fan#EUW")
    assert "deliver has not run since" in story.why("C1")
    assert story.check("cron deliver").startswith("FAIL  cron deliver: last run at ")
    assert [result.status for result in story.does(need)] == [1, 0, 0, 0]  # check saw what it was
    story.is_well()


def test_a_clock_that_is_wrong(story: Story, ahri: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    expired, given_up = story.play(ahri), story.sandbox.riot.add_game([ahri], listed=False)
    for stage in ("fetch-matches", "build-messages"):
        story.bot.run(stage)
    story.sandbox.riot.lists[ahri.puuid].insert(0, given_up)
    with monkeypatch.context() as ahead:
        ahead.setattr(Clock, "now", lambda _: datetime.now(UTC) + timedelta(hours=13))
        assert story.tick() == [0, 0, 0]
        need = story.needs("clock")
        (checked,) = story.does(need)
        assert checked.status == 1
        assert re.search("^FAIL  clock: this clock is 13:00:0. ahead of (Riot|Slack)'s; set it", checked.out, re.M)
    assert story.sandbox.slack.posts == []
    need = story.needs("clock")
    assert re.search(r"C1\)?: expired: no longer news\nsome of these times are in the future", story.why(expired))
    given, lost = story.told()["notes"]
    assert (given_up in given, "1 no longer news" in lost) == (True, True)
    (checked,) = story.does(need)
    assert checked.status == 0
    story.does(given)
    story.expected = [f"{given_up}:C1"]  # what had expired, has
    story.play(ahri)
    assert story.tick() == [0, 0, 0]
    story.is_well()


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_database_locked_by_a_forgotten_shell(story: Story, ahri: Player, how: str) -> None:
    match = story.play(ahri)
    for stage in ("fetch-matches", "build-messages"):
        story.bot.run(stage)
    story.time_passes(minutes=30)
    with forgotten_shell(story.bot.database, how):
        for result in story.bot.tick():
            assert result.status == 75
            assert "is locked by another program: close it (a forgotten sqlite3 shell?)" in result.err
        need = story.needs(*["database locked"] * (how == "EXCLUSIVE"), "stages silent")
        assert "deliver has not run since" in story.why(match)
        assert "is locked by another program: close it (a forgotten" in story.check("database")
    story.does(need)
    story.is_well()


def test_a_broken_match_body(story: Story, ahri: Player) -> None:
    match = story.play(ahri)
    body = story.sandbox.riot.matches[match]
    story.sandbox.riot.matches[match] = {**body, "info": {"participants": "?"}}
    assert story.tick() == [0, 0, 0]
    told = story.told()
    assert (told["needs"], len(told["notes"])) == ([], 1)
    assert story.why(match).startswith(f"{match} is given_up: not a valid match: no list of participants\n")
    assert f"{match}, listed" in story.why("Ahri Fan#EUW")
    story.sandbox.riot.matches[match] = body
    story.does(*told["notes"])
    assert story.tick() == [0, 0, 0]
    assert story.told()["notes"] == []
    story.is_well()


def test_a_renamed_player(story: Story, ahri: Player) -> None:
    story.sandbox.riot.rename(ahri, "Bear#EUW")
    match = story.play(ahri)
    assert story.tick() == [0, 0, 0]
    (note,) = story.told()["notes"]
    assert note.startswith("Ahri Fan#EUW is now called Bear#EUW, ")
    assert story.why("Ahri Fan#EUW").startswith("Ahri Fan#EUW is now called Bear#EUW\nBear#EUW (euw1) is tracked\n")
    assert "listed for Bear#EUW\n" in story.why(match)
    assert "Bear" in story.sandbox.slack.posts[-1].text
    story.is_well()


def test_a_player_renamed_while_the_key_changed(story: Story, ahri: Player) -> None:
    story.sandbox.riot.rename(ahri, "Bear#EUW")
    story.sandbox.riot.change_key("RGAPI-of-today")
    story.bot.environment["RIOT_API_KEY"] = "RGAPI-of-today"
    assert story.tick() == [0, 0, 0]
    need = story.needs("player 1 unlisted")
    assert "the last poll of the player list failed: " in story.why("Ahri Fan#EUW")
    assert story.tick() == [0, 0, 0]
    assert story.needs("player 1 unlisted") == need  # the first true cause stays
    assert [result.status for result in story.does(need, **{"NAME#TAG": "Bear#EUW"})] == [0, 0]
    story.bot.write(f"UPDATE tracks SET since = '{LONG_AGO}'")
    story.play(story.sandbox.riot.current(ahri))
    assert story.tick() == [0, 0, 0]
    story.is_well()


def test_a_restored_backup(story: Story, ahri: Player, tmp_path: Path) -> None:
    match = story.play(ahri)
    for stage in ("fetch-matches", "build-messages"):
        story.bot.run(stage)
    assert story.bot.run("backup", str(tmp_path / "copy.db")).status == 0
    story.tick()
    assert story.bot.run("restore", str(tmp_path / "copy.db")).status == 0
    need = story.needs("messages uncertain")
    assert match in need
    assert len(story.told()["notes"]) == 1
    assert "`restore` by hand, everything: messages in doubt: 1" in story.why(match)
    assert f"{match}, ended" in story.why("C1")
    story.does(need)
    story.is_well()
    story.play(ahri)
    assert story.tick() == [0, 0, 0]
    story.is_well()


def test_a_cron_under_another_user(story: Story, ahri: Player, in_process_command: Command, tmp_path: Path) -> None:
    """Two databases for one channel: each game stands there once, also if the other one is worked by hand."""
    other = Bot(tmp_path / "root", story.bot.environment)
    theirs = partial(in_process_command, at_home=False, **other.environment)

    def by_hand(*arguments: str) -> Result:
        return theirs("--home", str(other.home), *arguments)

    assert by_hand("track", "Ahri Fan#EUW", "--channel", "C1").status == 0
    other.write(f"UPDATE tracks SET since = '{LONG_AGO}'")
    first = story.play(ahri)
    story.tick()
    for stage in ("fetch-matches", "build-messages"):
        by_hand(stage)
    shown = by_hand("deliver", "--dry-run").out
    assert "C1: its history is compared first, and what this bot already posted there goes out no more" in shown
    result = by_hand("deliver")
    assert (result.status, "1 found delivered" in result.out) == (0, True)
    assert "found in the channel's history: another run of this bot had posted it" in by_hand("why", first).out
    second = story.play(ahri)
    story.tick()
    for table in ("runs SET began_at = ", "runs SET ended_at = "):
        other.write(f"UPDATE {table}'{LONG_AGO}'")
    other.write(f"UPDATE players SET listed_at = '{LONG_AGO}'")
    told = by_hand("status").out.splitlines()
    assert told[0].startswith(f"database {other.database}, user ")
    assert story.bot.run("status").out.startswith(f"database {story.bot.database}, user ")
    (need,) = [line for line in told if line.startswith("no stage has run since")]
    for proposed in re.findall(r"`lolslackbot ([^`]+)`", need):
        by_hand(*shlex.split(proposed))
    assert other.rows(f"SELECT state FROM messages WHERE match_id = '{second}'") == [("delivered",)]
    story.is_well()


def test_an_unknown_outcome_without_the_scope_to_look(story: Story, ahri: Player) -> None:
    story.sandbox.slack.scopes["default"] = {"chat:write"}
    story.sandbox.slack.misbehave(Mishap.cut(accepted=True), times=1)
    match = story.play(ahri)
    assert story.tick() == [0, 0, 1]
    assert story.tick() == [0, 0, 0]
    need = story.needs("messages uncertain")
    for shown in (need, story.bot.run("check").out):
        assert "add channels:history and groups:history and reinstall the app" in shown
    assert f"`lolslackbot retry --message {match} C1`" in story.why(match)
    ts = story.sandbox.slack.posts[-1].ts
    link = f"https://friends.slack.com/archives/C1/p{ts.replace('.', '')}"
    (found,) = re.findall(r"`lolslackbot (retry [^`]*--found LINK)`", need)
    assert story.bot.run(*shlex.split(found.replace("LINK", link)), typed="y\n").status == 0
    assert f"C1: delivered, ts {ts}" in story.why(match)
    story.tick()
    story.is_well()


def test_a_dead_channel_that_came_back_by_itself(story: Story, ahri: Player) -> None:
    story.sandbox.slack.channels["C1"].archived = True
    lost = story.play(ahri)
    assert story.tick() == [0, 0, 1]
    story.needs("channel C1 broken")
    story.sandbox.slack.channels["C1"].archived = False
    then = text_of(datetime.now(UTC) - timedelta(hours=1))
    story.bot.write(f"UPDATE holds SET since = '{then}'")  # an hour passes
    story.play(ahri)
    assert story.tick() == [0, 0, 0]
    need = story.needs("messages failed C1")
    assert lost in need
    assert "deliver, channel C1: broken -> well" in story.why("C1")
    story.does(need)
    story.tick()
    story.expected.sort(reverse=True)
    story.is_well()


def test_a_channel_that_slack_gave_another_id(story: Story, ahri: Player) -> None:
    first, second = story.play(ahri), story.play(ahri)
    story.sandbox.slack.move_channel("C1", "C7")
    for _ in range(3):
        assert story.tick() == [0, 0, 0]
    assert sorted(keys_in(story.sandbox, "C7")) == sorted([f"{first}:C1", f"{second}:C7"])
    assert "C7: delivered, ts " in story.why(first)
    assert "C1 is C7 now" in story.why("C1")
    story.needs()


def test_a_channel_with_another_id_that_the_bot_may_not_look_at(story: Story, ahri: Player) -> None:
    slack = story.sandbox.slack
    slack.scopes["default"] = {"chat:write", "channels:history"}
    story.play(ahri)
    slack.move_channel("C1", "C7")
    assert story.tick() == [0, 0, 0]
    slack.misbehave(Mishap.cut(accepted=True), times=1)
    story.play(ahri)
    assert story.tick() == [0, 0, 1]
    for _ in range(3):
        assert story.tick() == [0, 0, 0]
    assert keys_in(story.sandbox, "C7") == story.expected  # posted to C1 still, found in C7
    story.needs()


def test_a_channel_that_has_another_id_and_slack_does_not_say_so(story: Story, ahri: Player) -> None:
    slack = story.sandbox.slack
    first = story.play(ahri)
    assert story.tick() == [0, 0, 0]
    slack.move_channel("C1", "C7", answers=False)
    story.play(ahri)
    assert story.tick() == [0, 0, 1]
    story.needs("channel C1 broken")
    moved = story.bot.run("channels", "move", "C1", "C7")
    assert (moved.status, moved.err) == (0, "")
    assert moved.out.startswith("C1 is C7 now: players announced there: 1")
    story.does(story.needs("messages failed C7"))
    story.bot.write("UPDATE matches SET built_at = NULL")  # whatever is built again is in the outbox
    assert story.tick() == [0, 0, 0]
    assert [key.partition(":")[0] for key in keys_in(story.sandbox, "C7")] == [
        key.partition(":")[0] for key in story.expected
    ]
    assert f"{first}, ended" in story.why("C7")
    assert story.bot.run("pause", "--channel", "C1").out.startswith("channel C7 is paused")
    assert story.bot.run("resume", "--channel", "C1").out.startswith("channel C7 goes on")
    assert story.bot.run("channels", "set", "C1", "--style", "compact").out.startswith("C7 hears of ")
    assert story.bot.run("track", "Ahri Fan#EUW", "--channel", "C1").status == 2
    story.needs()
    assert story.bot.run("untrack", "Ahri Fan#EUW", "--channel", "C1").out.endswith(" announced in C7\n")


@pytest.mark.parametrize(
    ("old", "new", "status", "said"),
    [
        ("C9", "C7", 1, "C9 is not a tracked channel"),
        ("C1", "C1", 2, "C1 is that id already"),
        ("C1", "C8", 2, "channel C8 belongs to workspace friends, not to default"),
        ("C2", "C7", 1, "C2 has moved to C1 already"),
        ("C1", "league", 2, "is no channel id"),
    ],
)
def test_a_channel_moves_only_where_that_can_be_meant(
    story: Story, ahri: Player, old: str, new: str, status: int, said: str
) -> None:
    story.bot.write("INSERT INTO channels (channel_id, workspace) VALUES ('C8', 'friends')")
    story.bot.write("INSERT INTO channels (channel_id, moved_to) VALUES ('C2', 'C1')")
    result = story.bot.run("channels", "move", old, new)
    assert result.status == status
    assert said in result.err
    with run_lock(str(story.bot.database), "deliver"):
        assert story.bot.run("channels", "move", "C1", "C7").status == 75


def test_an_alert_channel_that_cannot_be_posted_to(story: Story, ahri: Player) -> None:
    story.sandbox.slack.add_channel("CALERTS").member = False
    story.bot.environment["LOLSLACKBOT_ALERT_CHANNEL"] = "CALERTS"
    key = story.bot.environment["RIOT_API_KEY"]
    story.sandbox.riot.change_key("RGAPI-of-today")
    assert story.tick() == [77, 0, 1]
    need = story.needs("channel CALERTS broken", "riot rejected").partition("; Riot key")[0]
    assert "FAIL  channel CALERTS: the bot is not a member; alerts go there" in story.check("channel CALERTS")
    assert need in unnamed(story.bot.run("-q", "deliver").err)
    assert story.bot.run("-q", "deliver").err == ""
    story.sandbox.slack.channels["CALERTS"].member = True
    story.does(need)
    assert story.bot.run("deliver").status == 0
    (post,) = story.sandbox.slack.posts
    assert (post.channel, "RIOT_API_KEY from developer.riotgames.com" in post.text) == ("CALERTS", True)
    story.needs("riot rejected")
    story.sandbox.riot.change_key(key)
    assert story.tick() == [0, 0, 0]
    story.is_well()


def test_news_that_expires_during_a_pause(story: Story, ahri: Player) -> None:
    story.bot.run("pause")
    match = story.play(ahri)
    assert story.tick() == [0, 0, 0]
    story.bot.write(f"UPDATE messages SET happened_at = '{LONG_AGO}'")
    mail = story.bot.run("-q", "deliver")
    need = story.needs("everything paused")
    assert (mail.status, mail.err) == (0, f"lolslackbot: needs a person: {need}\n")
    told = story.told()
    assert len(told["notes"]) == 1
    assert told["waiting"]["messages expired in a day"] == 1
    assert "1 expired" in told["runs"]["deliver"]["summary"]
    assert "expired: no longer news" in story.why(match)
    story.does(need)
    story.expected = []
    story.play(ahri)
    assert story.tick() == [0, 0, 0]
    story.is_well()


def test_a_time_budget_that_is_too_small(story: Story, ahri: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    slept, looks = [0.0], itertools.count()
    monkeypatch.setattr(deliver, "PACE", timedelta(seconds=3))
    monkeypatch.setattr(Clock, "sleep", lambda _, seconds: slept.append(seconds))
    monkeypatch.setattr(Clock, "steady", lambda _: next(looks) / 1000 + sum(slept))  # however slow the machine is
    monkeypatch.setattr(Clock, "now", lambda _: datetime.now(UTC) + timedelta(seconds=sum(slept)))
    mails = ""
    for _ in range(6):
        for _ in range(3):
            story.play(ahri)
        for stage in ("fetch-matches", "build-messages"):
            story.bot.run(stage)
        ran = story.bot.run("-q", "deliver", LOLSLACKBOT_MAX_SECONDS="1")
        slept.append(3)
        assert ran.status == 0
        mails += ran.err
    need = story.needs("deliver out of time")
    assert "in 6 of its last 7 runs, leaving 12 items" in need
    assert mails.count("needs a person: deliver ran out of time") == 1
    assert "in one run at most 1 of the 12" in story.bot.run("deliver", "--dry-run", LOLSLACKBOT_MAX_SECONDS="1").out
    story.does(need)
    story.is_well()


def test_a_player_whose_list_cannot_be_had(story: Story, ahri: Player) -> None:
    story.sandbox.riot.misbehave(Mishap.status(404), endpoint="match-ids", times=2)
    mails = [story.bot.run("-q", stage) for _ in range(2) for stage in ("fetch-matches", "deliver")]
    need = story.needs("player 1 unlisted")
    assert [(mail.status, mail.err) for mail in mails] == [
        (0, ""),
        (0, f"lolslackbot: needs a person: {need}\n"),
        (0, ""),
        (0, ""),
    ]
    assert "Riot has no list: 404" in story.why("Ahri Fan#EUW")
    assert [result.status for result in story.does(need, **{"NAME#TAG": "Ahri Fan#EUW"})] == [0, 0]
    story.tick()
    story.is_well()
