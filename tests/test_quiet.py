"""What `-q` may say: an unchanged failure once a day, a new one at once, success and passing trouble never."""

from datetime import timedelta
from pathlib import Path

import pytest
from support import START, FakeClock

from lolslackbot.errors import Exit
from lolslackbot.quiet import may_speak

DEAD = ["channel_not_found"]
DAY = 86400


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "deliver.last-failure"


@pytest.mark.parametrize("status", [Exit.OK, Exit.LATER])
@pytest.mark.parametrize("problems", [[], DEAD])
def test_success_and_what_passes_by_itself_are_silent(memory: Path, status: Exit, problems: list[str]) -> None:
    assert not may_speak(memory, status, problems, START)
    assert not memory.exists()


@pytest.mark.parametrize("status", [Exit.SOME_FAILED, Exit.UNUSABLE, Exit.REJECTED])
def test_an_unchanged_failure_is_spoken_of_once_a_day(memory: Path, clock: FakeClock, status: Exit) -> None:
    spoken = []
    for tick in range(3 * 480):
        if may_speak(memory, status, DEAD, clock.now()):
            spoken.append(tick)
        clock.advance(180)
    assert spoken == [0, 480, 960]


def test_the_day_counts_from_when_it_was_last_spoken_of(memory: Path) -> None:
    assert may_speak(memory, Exit.SOME_FAILED, DEAD, START)
    assert not may_speak(memory, Exit.SOME_FAILED, DEAD, START + timedelta(seconds=DAY - 1))
    assert may_speak(memory, Exit.SOME_FAILED, DEAD, START + timedelta(seconds=DAY))


@pytest.mark.parametrize(
    ("status", "problems"),
    [
        (Exit.SOME_FAILED, ["is_archived"]),
        (Exit.SOME_FAILED, [*DEAD, "is_archived"]),
        (Exit.SOME_FAILED, []),
        (Exit.REJECTED, DEAD),
    ],
)
def test_a_changed_failure_is_spoken_of_at_once(memory: Path, status: Exit, problems: list[str]) -> None:
    assert may_speak(memory, Exit.SOME_FAILED, DEAD, START)
    assert may_speak(memory, status, problems, START)
    assert not may_speak(memory, status, problems, START)


def test_the_same_problems_in_another_order_and_number_are_no_news(memory: Path) -> None:
    assert may_speak(memory, Exit.SOME_FAILED, ["a", "b"], START)
    assert not may_speak(memory, Exit.SOME_FAILED, ["b", "a", "b"], START)


def test_after_a_success_the_next_failure_is_news_again(memory: Path) -> None:
    assert may_speak(memory, Exit.SOME_FAILED, DEAD, START)
    assert not may_speak(memory, Exit.OK, [], START)
    assert not memory.exists()
    assert may_speak(memory, Exit.SOME_FAILED, DEAD, START)


def test_what_passes_by_itself_changes_no_memory(memory: Path) -> None:
    assert may_speak(memory, Exit.SOME_FAILED, DEAD, START)
    assert not may_speak(memory, Exit.LATER, [], START)
    assert not may_speak(memory, Exit.SOME_FAILED, DEAD, START)


def test_a_clock_set_back_silences_nothing(memory: Path) -> None:
    assert may_speak(memory, Exit.SOME_FAILED, DEAD, START)
    assert may_speak(memory, Exit.SOME_FAILED, DEAD, START - timedelta(days=30))
    assert not may_speak(memory, Exit.SOME_FAILED, DEAD, START - timedelta(days=30))


@pytest.mark.parametrize("content", [b"", b"one-word", b"a b c", b"\xff\xfe", b"0" * 64 + b" yesterday"])
def test_a_memory_that_cannot_be_understood_is_none(memory: Path, content: bytes) -> None:
    memory.write_bytes(content)
    assert may_speak(memory, Exit.SOME_FAILED, DEAD, START)
    assert not may_speak(memory, Exit.SOME_FAILED, DEAD, START)


def test_a_damaged_moment_of_the_same_failure_is_none(memory: Path) -> None:
    assert may_speak(memory, Exit.SOME_FAILED, DEAD, START)
    memory.write_text(memory.read_text().replace("2026", "now!"))
    assert may_speak(memory, Exit.SOME_FAILED, DEAD, START)


def test_without_a_folder_it_speaks_and_makes_nothing(tmp_path: Path) -> None:
    memory = tmp_path / "none" / "deliver.last-failure"
    assert may_speak(memory, Exit.UNUSABLE, DEAD, START)
    assert may_speak(memory, Exit.UNUSABLE, DEAD, START)
    assert not may_speak(memory, Exit.OK, [], START)
    assert not list(tmp_path.iterdir())


def test_a_memory_that_cannot_be_removed_is_no_error(memory: Path) -> None:
    memory.mkdir()
    assert not may_speak(memory, Exit.OK, [], START)
    assert may_speak(memory, Exit.SOME_FAILED, DEAD, START)


def test_the_memory_holds_no_words_of_the_failure(memory: Path) -> None:
    may_speak(memory, Exit.SOME_FAILED, ["xoxb-topsecret"], START)
    assert "topsecret" not in memory.read_text()
