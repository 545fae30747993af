"""Metrics as Prometheus' own library reads them."""

import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support import START, Command, FakeClock, a_match, add_player, scope_of, store_match

from lolslackbot import __version__
from lolslackbot.health.metrics import as_prometheus
from lolslackbot.health.status import status
from lolslackbot.store import holds, runs
from lolslackbot.store.database import Database


def samples(text: str) -> dict[tuple[str, ...], float]:
    """By name and the values of labels."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation.endswith(".")
        for sample in family.samples:
            found[(sample.name.removeprefix("lolslackbot_"), *sample.labels.values())] = sample.value
    return found


def test_each_metric_says_what_status_says(db: Database, clock: FakeClock) -> None:
    add_player(db)
    store_match(db, a_match())
    runs.end(db, runs.begin(db, "fetch-matches", START), START + timedelta(seconds=3), 0, "")
    runs.end(db, runs.begin(db, "deliver", START), START + timedelta(seconds=1), 75, "")
    with db.transaction():
        holds.put(db, scope_of("riot europe"), "limited", "429", START, START + timedelta(hours=1))
        holds.put(db, scope_of("riot asia"), "limited", "429", START, START + timedelta(hours=1))
        holds.put(db, scope_of("channel C1"), "paused", "by hand", START, None)
    found = status(db, START + timedelta(minutes=1))
    told = samples(as_prometheus(found, "1.2"))
    assert told["info", "1.2"] == 1
    assert told["needs",] == len(found.needs)
    assert told["last_run_timestamp_seconds", "fetch-matches"] == START.timestamp()
    assert told["last_run_duration_seconds", "fetch-matches"] == 3
    assert told["last_run_exit_status", "deliver"] == 75
    assert told["last_success_timestamp_seconds", "fetch-matches"] == (START + timedelta(seconds=3)).timestamp()
    assert ("last_success_timestamp_seconds", "deliver") not in told
    assert ("last_run_timestamp_seconds", "build-messages") not in told
    assert told["waiting", "matches to build"] == 1
    assert told["oldest_timestamp_seconds", "player list"] == found.facts.freshness.longest_unasked_since.timestamp()  # type: ignore[union-attr]
    assert (told["holds", "riot_host", "limited"], told["holds", "channel", "paused"]) == (2, 1)


def test_names_are_told_as_they_are(db: Database) -> None:
    odd = 'a "quoted" \\ version\n'
    assert samples(as_prometheus(status(db, START), odd))["info", odd] == 1


def test_the_file_is_whole_and_others_may_read_it(in_process_command: Command, db: Database, tmp_path: Path) -> None:
    file = tmp_path / "lolslackbot.prom"
    file.write_text("what was there")
    before = os.umask(0o077)
    try:
        said = in_process_command("status", "--prometheus", str(file))
    finally:
        os.umask(before)
    assert (said.status, said.out, said.err) == (0, "", "")
    assert samples(file.read_text())["info", __version__] == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.iterdir() if "prom" in path.name] == [file.name]


def test_it_ends_as_status_does(in_process_command: Command, db: Database, tmp_path: Path) -> None:
    with db.transaction():
        holds.put(db, scope_of("channel C1"), "broken", "is_archived", START, None, "is_archived")
        db.write("INSERT INTO channels (channel_id) VALUES ('C1')")
    add_player(db)
    assert in_process_command("status").status == 1
    assert in_process_command("status", "--prometheus", str(tmp_path / "x.prom")).status == 1


def test_a_file_that_cannot_be_written_is_named(in_process_command: Command, db: Database, tmp_path: Path) -> None:
    said = in_process_command("status", "--prometheus", str(tmp_path / "nowhere" / "x.prom"))
    assert (said.status, said.out) == (2, "")
    assert said.err.endswith("x.prom cannot be written: No such file or directory\n")


def test_what_is_no_file_is_left_alone(in_process_command: Command, db: Database, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    said = in_process_command("status", "--prometheus", str(tmp_path / "pipe"))
    assert (said.status, said.err.endswith("cannot be written: it is a FIFO, not a file\n")) == (2, True), said.err
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "link").symlink_to("x.prom")
    assert in_process_command("status", "--prometheus", str(tmp_path / "link")).status == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "x.prom").is_file()


def test_json_goes_with_it(in_process_command: Command, db: Database, tmp_path: Path) -> None:
    said = in_process_command("status", "--json", "--prometheus", str(tmp_path / "x.prom"))
    assert said.out.startswith("{")
    assert in_process_command("status", "--prometheus", str(tmp_path / "x.prom")).out == ""


@pytest.mark.skipif(os.system("command -v promtool >/dev/null") != 0, reason="promtool is not installed")
def test_promtool_has_nothing_to_say(db: Database) -> None:
    import subprocess

    text = as_prometheus(status(db, START), __version__)
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
