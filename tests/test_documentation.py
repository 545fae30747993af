"""The README, the page on operating it, the example crontab and --help say the same as the code."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from support import Command, Result, add_player, scope_of

from lolslackbot.cli import COMMANDS, cli
from lolslackbot.model import RiotId
from lolslackbot.sandbox.slack import SCOPES
from lolslackbot.settings import read_settings
from lolslackbot.store import holds, players, runs
from lolslackbot.store.database import Database

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")


def test_the_readme_lists_every_command() -> None:
    for name in COMMANDS:
        assert f"`lolslackbot {name}" in README, name


def test_the_readme_lists_every_setting_with_its_default() -> None:
    source = (ROOT / "lolslackbot" / "settings.py").read_text("utf-8")
    names = {f"LOLSLACKBOT_{name}" for name in re.findall(r'given\.\w+\(\s*"([A-Z_]+)"', source)}
    assert len(names) > 8
    for name in names | {"LOLSLACKBOT_HOME", "LOLSLACKBOT_DATABASE", "RIOT_API_KEY", "SLACK_BOT_TOKEN"}:
        assert f"`{name}`" in README, name
    settings = read_settings(Path("/home/x"), None, {})
    for value in (settings.match_link, settings.riot_url, settings.slack_url, settings.ddragon_url):
        assert f"`{value}`" in README
    for name, number in (
        ("MAX_SECONDS", settings.max_seconds),
        ("MAX_WAIT", settings.max_wait),
        ("KEEP_DAYS", settings.keep_days),
        ("ANNOUNCE_WITHIN", settings.announce_within),
        ("UNCERTAIN_AFTER", settings.uncertain_after),
    ):
        assert f"| `LOLSLACKBOT_{name}` | {number:g} |" in README, name


def test_the_readme_has_riots_notice() -> None:
    notice = (
        "not endorsed by Riot Games and does not reflect the views or opinions of Riot Games or anyone officially "
        "involved in producing or managing Riot Games properties"
    )
    assert notice in " ".join(README.split())


def test_the_sandbox_s_token_may_do_what_the_manifest_asks_for_and_nothing_else() -> None:
    manifest = README.partition("```yaml\n")[2].partition("```")[0]
    scopes = manifest.partition("bot:\n")[2].partition("settings:")[0]
    assert re.findall(r"- (\S+)", scopes) == list(SCOPES)


def jobs() -> list[str]:
    """The lines of the example crontab that cron runs."""
    lines = (ROOT / "crontab.example").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#") and not re.match("[A-Z]+[A-Z_]*=", line)]


def test_the_example_crontab_chains_the_stages_quietly_every_three_minutes_and_sums_up_the_week_on_mondays() -> None:
    assert jobs() == [
        '*/3 * * * * "$BOT" -q fetch-matches; "$BOT" -q build-messages; "$BOT" -q deliver',
        '0 9 * * 1 "$BOT" -q digest; "$BOT" -q deliver',
    ]


def test_the_example_crontab_works_with_spaces_in_its_paths(tmp_path: Path) -> None:
    job = jobs()[0].removeprefix("*/3 * * * * ")
    bot = tmp_path / "a bot of mine" / "lolslackbot"
    bot.parent.mkdir()
    bot.write_text('#!/bin/sh\necho "$# $2"\n')
    bot.chmod(0o755)
    said = subprocess.run(["/bin/sh", "-c", job], env={"BOT": str(bot)}, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == ["2 fetch-matches", "2 build-messages", "2 deliver"]


def test_every_command_and_option_has_help() -> None:
    for name, command in every_command(cli):
        assert command.help, name
        for parameter in command.params:
            assert isinstance(parameter, click.Argument) or getattr(parameter, "help", None), (name, parameter.name)


def every_command(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """The group itself, and each command below it, with the words that call it."""
    yield names, group
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command
        if isinstance(command, click.Group):
            yield from every_command(command, *names, name)
        else:
            yield (*names, name), command


def test_the_help_of_every_command_has_examples_that_parse(
    in_process_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    helps = {names: in_process_command(*names, "--help").out.splitlines() for names, _ in every_command(cli)}
    for _, each in every_command(cli):
        if each is not cli:
            monkeypatch.setattr(each, "callback", lambda *_, **__: None)
    for names, lines in helps.items():
        assert max(map(len, lines)) <= 80, names
        examples = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("  lolslackbot ")]
        assert examples, names
        for words in examples:
            assert all(name in words for name in names), words
            assert in_process_command(*words, at_home=False) == Result(0, "", ""), words


def test_the_list_of_commands_says_of_each_in_a_whole_sentence_what_it_does(in_process_command: Command) -> None:
    listed = in_process_command("--help").out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS)  # each on one line, as they stand in the code
    assert all(line.endswith(".") and not line.endswith("...") for line in listed), listed
    for names, each in every_command(cli):
        if names in [(name,) for name in COMMANDS]:
            assert (each.help or "").startswith(COMMANDS[names[0]][1]), names


def shape(value: Any) -> Any:
    """What programs may rely on: the keys, and what stands under them; of a list, its first element."""
    if isinstance(value, dict):
        return {key: {} if key == "ends" else shape(each) for key, each in value.items()}
    return [shape(each) for each in value[:1]] if isinstance(value, list) else type(value)


def test_the_json_of_status_and_check_has_the_shape_that_is_documented(
    in_process_command: Command, db: Database
) -> None:
    status, check = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", OPERATIONS, re.S))
    now = datetime.now(UTC)
    player = add_player(db, since=now)
    runs.end(db, runs.begin(db, "fetch-matches", now), now, 0, "fetch-matches: 1 listed")
    with db.transaction():
        holds.put(db, scope_of("channel C1"), "broken", "is_archived", now, None)
        players.rename(db, player, RiotId("Bear", "EUW"), now + timedelta(seconds=1))
    shown = json.loads(in_process_command("status", "--json").out)
    assert status["freshness"].keys() == shown["freshness"].keys()  # any of these may be null
    assert shape({**shown, "freshness": {}}) == shape({**status, "freshness": {}})
    assert shape(json.loads(in_process_command("check", "--json").out)) == shape(check)
