"""The README, the page on operating it, the example crontab and --help say the same as the code."""

import json
import os
import re
import shlex
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from support import (
    START,
    Command,
    Result,
    a_match,
    add_player,
    claim,
    example_jobs,
    participant,
    puuid,
    scope_of,
    store_match,
)

from lolslackbot.cli import COMMANDS, cli
from lolslackbot.game import Champion, Champions, Outcome
from lolslackbot.model import RiotId
from lolslackbot.sandbox.slack import SCOPES
from lolslackbot.settings import read_settings
from lolslackbot.store import champions, channels, claims, holds, listings, matches, outbox, players, reasons, runs
from lolslackbot.store.claims import Claim
from lolslackbot.store.connect import read_only
from lolslackbot.store.database import Database
from lolslackbot.store.outbox import Draft

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
SETUP = (ROOT / "docs" / "setup.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
LOOK = OPERATIONS.partition("## Look further into the data\n")[2].partition("\n## ")[0]
QUERIES = dict(re.findall(r"\*\*(.+)\*\*.*\n\n```sql\n((?:.+\n)+)```", LOOK))


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


def test_every_link_from_page_to_page_leads_to_a_file() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    targets = {
        page.parent / target for page in pages for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
    }
    assert len(targets) > 10
    assert [target for target in targets if not target.exists()] == []


def test_the_readme_has_riots_notice() -> None:
    notice = (
        "not endorsed by Riot Games and does not reflect the views or opinions of Riot Games or anyone officially "
        "involved in producing or managing Riot Games properties"
    )
    assert notice in " ".join(README.split())


def test_the_sandbox_s_token_may_do_what_the_manifest_asks_for_and_nothing_else() -> None:
    manifest = SETUP.partition("```yaml\n")[2].partition("```")[0]
    scopes = manifest.partition("bot:\n")[2].partition("settings:")[0]
    assert re.findall(r"- (\S+)", scopes) == list(SCOPES)


def test_the_example_crontab_chains_the_stages_quietly_every_three_minutes_and_sums_up_the_week_on_mondays() -> None:
    assert example_jobs() == [
        '*/3 * * * * "$BOT" -q answer; "$BOT" -q fetch-matches; "$BOT" -q build-messages; "$BOT" -q deliver',
        '0 9 * * 1 "$BOT" -q digest; "$BOT" -q deliver',
    ]


def test_the_example_crontab_works_with_spaces_in_its_paths(tmp_path: Path) -> None:
    job = example_jobs()[0].removeprefix("*/3 * * * * ")
    bot = tmp_path / "a bot of mine" / "lolslackbot"
    bot.parent.mkdir()
    bot.write_text('#!/bin/sh\necho "$# $2"\n')
    bot.chmod(0o755)
    said = subprocess.run(["/bin/sh", "-c", job], env={"BOT": str(bot)}, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == ["2 answer", "2 fetch-matches", "2 build-messages", "2 deliver"]


def test_the_env_file_made_by_hand_is_private_and_has_what_is_needed(tmp_path: Path) -> None:
    commands = SETUP.partition("```sh\nmkdir -p -m 700")[2].partition("```")[0]
    script = f"mkdir -p -m 700{commands}".replace("…", "abc")
    subprocess.run(["/bin/sh", "-ec", script], env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]}, check=True)
    env = tmp_path / ".config" / "lolslackbot" / "env"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (env, env.parent)] == [0o600, 0o700]
    settings = read_settings(str(env.parent), None, {})
    assert settings.riot_api_key == "RGAPI-abc"
    assert settings.slack_tokens == {"default": "xoxb-abc"}


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


def answer(db: Database, query: str) -> list[tuple[Any, ...]]:
    """What a query of the page says of a database, which it cannot write to."""
    with read_only(db.path) as looked_at:
        return [tuple(row) for row in looked_at.rows(QUERIES[query])]


def test_the_page_has_five_queries_each_under_a_name_of_its_own() -> None:
    assert OPERATIONS.count("```sql") == len(QUERIES) == 5, QUERIES


def play(db: Database, number: int, ended_at: datetime, outcome: Outcome = Outcome.DECIDED, **changes: Any) -> None:
    """Game `number` of Player 1 and 2, against Player 3, on Wukong."""
    for player in (1, 2, 3):
        add_player(db, player)
    ours = {"champion_id": 62, "champion_name": "MonkeyKing", **changes}
    friends = participant(1, **ours), participant(2, **ours)
    other = participant(3, team_id=200, win=not friends[0].win, champion_name="Zyra", champion_id=143)
    match = a_match(f"EUW1_{number}", ended_at=ended_at, outcome=outcome, participants=(*friends, other))
    store_match(db, match, ended_at + timedelta(minutes=4))


def test_the_query_for_hours_counts_games_by_this_machine_s_clock(db: Database) -> None:
    evening, night = START.replace(hour=20, minute=59), START.replace(hour=23, minute=0)
    for number, ended_at in enumerate((evening, evening, night)):
        play(db, number, ended_at)
    play(db, 4, evening, Outcome.REMAKE)
    hours = [(f"{moment.astimezone():%H}", games, 67.0) for moment, games in ((evening, 2), (night, 1))]
    assert answer(db, "Games by the hour of the day") == sorted(hours)  # two of three friends won each


def test_the_query_for_pairs_names_who_won_most_of_ten_games_together(db: Database) -> None:
    for number in range(10):
        play(db, number, START, win=number < 7)
    play(db, 10, START, Outcome.REMAKE)
    assert answer(db, "The best pairs") == [("Player 1", "Player 2", 10, 7, 70.0)]


def test_the_query_for_champions_knows_the_names_that_people_see(db: Database) -> None:
    with db.transaction():
        champions.record(db, Champions("16.23.1", {62: Champion("Wukong", "MonkeyKing.png")}))
    for number in range(3):
        play(db, number, START, win=number < 2, kills=7, deaths=2, assists=10)
    by_wins = [("Wukong", 6, 4, 67.0, 8.5), ("Zyra", 3, 1, 33.0, 8.0)]
    assert answer(db, "Champions by wins") == by_wins


def post(db: Database, match_id: str, now: datetime) -> Claim:
    """Builds a message of a stored match, and claims it."""
    outbox.add(db, match_id, [Draft("C1", "default", "a game", None)], now)
    [(message, _)] = outbox.about(db, match_id)
    assert claim(db, message, now=now)
    return Claim(message, "t")


def test_the_query_for_waits_says_where_the_time_went(db: Database) -> None:
    for number, waited in ((1, 7.0), (2, 12.5)):
        play(db, number, START)
        posted_at = START + timedelta(minutes=waited)
        claimed = post(db, f"EUW1_{number}", START + timedelta(minutes=6))
        claims.mark_delivered(db, claimed, f"{posted_at.timestamp():.6f}", posted_at)
    with db.transaction():
        channels.record_name(db, "C1", "league")
    assert answer(db, "The longest waits") == [
        ("EUW1_2", "#league", 12.5, 4.0, 6.0),
        ("EUW1_1", "#league", 7.0, 4.0, 6.0),
    ]


def test_the_query_for_what_went_wrong_counts_reasons_of_the_last_month(db: Database) -> None:
    now = datetime.now(UTC)
    yesterday, long_ago = now - timedelta(days=1), now - timedelta(days=40)
    for number, ended_at in ((1, yesterday), (2, yesterday), (3, long_ago)):
        play(db, number, ended_at)
        claims.mark_failed(db, post(db, f"EUW1_{number}", ended_at), "msg_too_long", ended_at, broken=False)
    [player] = players.with_puuids(db, [puuid(1)]).values()
    listings.record_page(db, player.player_id, ["EUW1_4", "EUW1_5", "EUW1_6"], None, yesterday)
    matches.mark_missing(db, "EUW1_4", yesterday, None)
    matches.give_up(db, "EUW1_5", reasons.BEFORE_TRACKING, yesterday)  # nothing is wrong with that
    assert [(*row[:3], row[4]) for row in answer(db, "What went wrong in the last month")] == [
        ("game failed", "msg_too_long", 2, "EUW1_2"),
        ("match missing", "404", 1, "EUW1_4"),
    ]
