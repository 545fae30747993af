"""The largest risk of repeating: an old copy of the database, put back."""

import shutil
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import Bot, a_match, add_player, keys_in, store_match

from lolslackbot.clock import Clock
from lolslackbot.sandbox import Mishap, Sandbox
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store.connect import open_database
from lolslackbot.store.database import Database

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def playing(subprocess_bot: Bot, sandbox: Sandbox, db: Database) -> Bot:
    """One tracked player; what two runs do not find in the channel is believed absent at once."""
    sandbox.slack.add_channel("C1")
    add_player(db, 1, since=datetime.now(UTC) - timedelta(days=1))
    subprocess_bot.environment["LOLSLACKBOT_UNCERTAIN_AFTER"] = "0"
    return subprocess_bot


def play(db: Database, *numbers: int) -> None:
    """Finished games, stored and built."""
    now = datetime.now(UTC)
    for number in numbers:
        store_match(db, a_match(f"EUW1_{number}", ended_at=now - timedelta(minutes=60 - number)), now)
    build_messages(db, Run("build-messages", Clock(), 80), "")


def states(bot: Bot) -> dict[str, str]:
    return dict(bot.rows("SELECT match_id, state FROM messages ORDER BY match_id"))


def test_nothing_that_an_old_copy_still_has_waiting_comes_again(
    playing: Bot, sandbox: Sandbox, db: Database, tmp_path: Path
) -> None:
    play(db, 1, 2, 3)
    copy = tmp_path / "backup.db"
    result = playing.run("backup", str(copy))
    assert (result.status, result.err) == (0, "")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert playing.run("deliver").status == 0
    db.close()
    restored = playing.run("restore", str(copy))
    assert (restored.status, restored.err) == (0, ""), restored
    assert set(states(playing).values()) == {"uncertain"}
    for _ in range(3):
        playing.run("deliver")
    assert states(playing) == dict.fromkeys(("EUW1_1", "EUW1_2", "EUW1_3"), "delivered")
    assert keys_in(sandbox, "C1") == ["EUW1_1:C1", "EUW1_2:C1", "EUW1_3:C1"]


def test_a_game_that_the_old_copy_does_not_even_know_is_looked_up_too(
    playing: Bot, sandbox: Sandbox, db: Database, tmp_path: Path
) -> None:
    copy = tmp_path / "backup.db"
    assert playing.run("backup", str(copy)).status == 0
    play(db, 1)
    playing.run("deliver")
    db.close()
    playing.run("restore", str(copy))
    assert states(playing) == {}
    with closing(open_database(playing.database)) as again:
        play(again, 1, 2)  # Riot lists them again
    assert set(states(playing).values()) == {"uncertain"}
    for _ in range(3):
        playing.run("deliver")
    assert keys_in(sandbox, "C1") == ["EUW1_1:C1", "EUW1_2:C1"]  # the second had never been announced
    assert set(states(playing).values()) == {"delivered"}


def test_without_the_scope_to_look_up_what_the_old_copy_has_waiting_expires(
    playing: Bot, sandbox: Sandbox, db: Database, tmp_path: Path
) -> None:
    play(db, 1)
    copy = tmp_path / "backup.db"
    playing.run("backup", str(copy))
    playing.run("deliver")
    db.close()
    playing.run("restore", str(copy))
    sandbox.slack.scopes["default"] = {"chat:write"}
    for _ in range(3):
        playing.run("deliver")
    assert states(playing) == {"EUW1_1": "expired"}
    assert len(sandbox.slack.posts) == 1


def test_what_ends_after_the_restore_goes_out_at_once(
    playing: Bot, sandbox: Sandbox, db: Database, tmp_path: Path
) -> None:
    copy = tmp_path / "backup.db"
    playing.run("backup", str(copy))
    db.close()
    playing.run("restore", str(copy))
    with closing(open_database(playing.database)) as again:
        now = datetime.now(UTC) + timedelta(seconds=1)
        store_match(again, a_match("EUW1_9", ended_at=now), now)
        build_messages(again, Run("build-messages", Clock(), 80), "")
    assert playing.run("deliver").status == 0
    assert keys_in(sandbox, "C1") == ["EUW1_9:C1"]
    asked = [request.method for request in sandbox.slack.requests]
    assert asked == ["auth.test", "conversations.history", "chat.postMessage"]  # the first post there


def test_the_replaced_database_is_kept_and_todays_limits_too(playing: Bot, db: Database, tmp_path: Path) -> None:
    copy = tmp_path / "backup.db"
    playing.run("backup", str(copy))
    db.close()
    playing.write("INSERT INTO riot_windows VALUES ('europe', '', 120, 100, 0, NULL)")
    playing.write("INSERT INTO riot_calls (routing, endpoint, counts_at) VALUES ('europe', 'match', '2026-01-01')")
    playing.write("INSERT INTO riot_hosts (routing, match_answered_at) VALUES ('sea', '2026-01-01T00:00:00.000Z')")
    until = "2099-01-01T00:00:00.000Z"
    playing.write(
        f"INSERT INTO holds VALUES ('riot_host', 'europe', '', 'limited', '429', '{until}', '{until}', 1, NULL)"
    )
    before = playing.database.read_bytes()
    assert playing.run("restore", str(copy)).status == 0
    (kept,) = playing.home.glob("lolslackbot.db.before-*")
    assert kept.read_bytes() == before
    assert kept.stat().st_mode & 0o777 == playing.database.stat().st_mode & 0o777 == 0o600
    assert playing.rows("SELECT routing, seconds FROM riot_windows") == [("europe", 120)]
    assert len(playing.rows("SELECT * FROM riot_calls")) == 1
    assert ("sea", "2026-01-01T00:00:00.000Z", None) in playing.rows("SELECT * FROM riot_hosts")
    assert playing.rows("SELECT scope_kind, scope_id FROM holds") == [("riot_host", "europe")]


def test_a_restore_waits_for_no_stage_at_work(playing: Bot, sandbox: Sandbox, db: Database, tmp_path: Path) -> None:
    play(db, 1)
    copy = tmp_path / "backup.db"
    playing.run("backup", str(copy))
    process = playing.start("deliver")
    refused: list[int] = []
    sandbox.slack.misbehave(
        Mishap.on_request(lambda: refused.append(playing.run("restore", str(copy)).status), accepted=True), times=1
    )
    process.communicate(timeout=60)
    assert refused == [75]
    assert states(playing) == {"EUW1_1": "delivered"}


@pytest.mark.parametrize("content", [b"", b"no database, but long enough to be one" * 100, None])
def test_what_is_no_backup_is_refused_and_changes_nothing(
    playing: Bot, db: Database, tmp_path: Path, content: bytes | None
) -> None:
    db.close()
    wrong = tmp_path / "wrong.db"
    if content is not None:
        wrong.write_bytes(content)
    before = playing.database.read_bytes()
    result = playing.run("restore", str(wrong))
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert str(wrong) in result.err
    assert playing.database.read_bytes() == before
    assert list(playing.home.glob("*.before-*")) == []


def test_a_damaged_database_is_replaced_and_a_missing_one_made(
    playing: Bot, sandbox: Sandbox, db: Database, tmp_path: Path
) -> None:
    play(db, 1)
    copy = tmp_path / "backup.db"
    playing.run("backup", str(copy))
    db.close()
    playing.database.write_bytes(b"garbage, a whole page of it" * 200)
    result = playing.run("restore", str(copy))
    assert result.status == 0, result
    assert "its rate limits could not be read" in result.out
    assert states(playing) == {"EUW1_1": "uncertain"}
    shutil.rmtree(playing.home)
    assert playing.run("restore", str(copy)).status == 0
    assert states(playing) == {"EUW1_1": "uncertain"}


def test_a_journal_of_the_replaced_database_is_not_taken_for_the_new_ones(
    playing: Bot, db: Database, tmp_path: Path
) -> None:
    play(db, 1)
    copy = tmp_path / "backup.db"
    playing.run("backup", str(copy))
    db.close()
    process = playing.start("fetch-matches")  # any process will do: what counts is a journal left behind
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    writer = sqlite3.connect(playing.database, isolation_level=None)
    writer.execute("PRAGMA cache_size = 1")
    writer.execute("BEGIN IMMEDIATE")
    for number in range(2000):
        writer.execute("INSERT INTO channels (channel_id, workspace) VALUES (?, 'half')", [f"D{number:0200}"])
    journal = playing.database.with_name("lolslackbot.db-journal")
    hot = journal.read_bytes(), playing.database.read_bytes()
    writer.close()
    journal.write_bytes(hot[0])
    playing.database.write_bytes(hot[1])
    assert playing.run("restore", str(copy)).status == 0
    assert not journal.exists()
    assert playing.rows("PRAGMA integrity_check") == [("ok",)]
    assert playing.rows("SELECT COUNT(*) FROM channels") == [(1,)]


def test_a_backup_over_itself_or_a_folder_is_refused(playing: Bot, tmp_path: Path) -> None:
    for target in (playing.database, tmp_path):
        result = playing.run("backup", str(target))
        assert result.status == 2
        assert len(result.err.splitlines()) == 1
    assert playing.run("restore", str(playing.database)).status == 2
