"""What `-q` may say: each thing once, then once a day while it lasts, whatever can be written."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from support import START, FakeClock

from lolslackbot.commands import quiet
from lolslackbot.commands.quiet import NAME, Topic, take_news

DEAD = Topic(True, "channel C1 broken")
KEY = Topic(True, "riot rejected")
BUG = Topic(False, "deliver 1 KeyError")
DAY = 86400


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def spare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's temporary folder."""
    folder = tmp_path / "spare"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def nothing_fits(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The folders whose disk is full: a file can be made, and nothing written into it."""
    full: set[str] = set()
    pwrite = os.pwrite

    def no_room(descriptor: int, data: bytes, offset: int) -> int:
        if str(Path(f"/proc/self/fd/{descriptor}").readlink().parent) in full:
            raise OSError(28, "No space left on device")
        return pwrite(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", no_room)
    return full


def ticks(home: Path, clock: FakeClock, number: int, *topics: Topic, every: float = 180) -> list[int]:
    """In which of so many ticks something was said of topics that last."""
    said = []
    for tick in range(number):
        if take_news(str(home), topics, clock.now(), others_are_over=True):
            said.append(tick)
        clock.advance(every)
    return said


def test_with_nothing_to_say_nothing_is_made(home: Path) -> None:
    assert take_news(str(home), [], START, others_are_over=True) == set()
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("topic", [DEAD, BUG])
def test_what_lasts_is_said_once_a_day(home: Path, clock: FakeClock, topic: Topic) -> None:
    assert ticks(home, clock, 3 * 480, topic) == [0, 480, 960]


def test_each_thing_has_its_own_day(home: Path, clock: FakeClock) -> None:
    assert take_news(str(home), [DEAD], clock.now()) == {DEAD}
    clock.advance(3600)
    assert take_news(str(home), [DEAD, KEY], clock.now()) == {KEY}
    clock.advance(DAY - 3600)
    assert take_news(str(home), [DEAD, KEY], clock.now()) == {DEAD}


def test_good_runs_in_between_make_no_failure_news(home: Path, clock: FakeClock) -> None:
    said = []
    for tick in range(960):
        failing = [BUG] if tick % 60 == 0 else []
        if take_news(str(home), failing, clock.now(), others_are_over=True):
            said.append(tick)
        clock.advance(180)
    assert said == [0, 480]


def test_a_need_that_comes_and_goes_is_one_and_after_an_hour_without_it_is_news(home: Path, clock: FakeClock) -> None:
    assert ticks(home, clock, 1, KEY) == [0]
    assert ticks(home, clock, 19) == []
    assert ticks(home, clock, 5, KEY) == []
    assert ticks(home, clock, 20) == []
    assert ticks(home, clock, 5, KEY) == [0]


def test_a_run_that_does_not_see_all_ends_nothing(home: Path, clock: FakeClock) -> None:
    assert take_news(str(home), [KEY], clock.now()) == {KEY}
    clock.advance(7200)
    assert take_news(str(home), [], clock.now()) == set()
    assert take_news(str(home), [KEY], clock.now()) == set()


def test_a_clock_set_back_silences_nothing(home: Path) -> None:
    before = START - timedelta(days=30)
    assert take_news(str(home), [KEY], START) == {KEY}
    assert take_news(str(home), [KEY], before) == {KEY}
    assert take_news(str(home), [KEY], before) == set()


@pytest.mark.parametrize("content", [b"", b"one-word", b"a b c", b"\xff\xfe", b"n" * 17 + b" yesterday -", b"\0" * 99])
def test_a_memory_that_cannot_be_understood_is_none(home: Path, content: bytes) -> None:
    (home / NAME).write_bytes(content)
    assert take_news(str(home), [KEY], START) == {KEY}
    assert take_news(str(home), [KEY], START) == set()


def test_the_memory_is_private_and_small_and_holds_no_words(home: Path, clock: FakeClock) -> None:
    for number in range(100):
        take_news(str(home), [Topic(False, f"xoxb-topsecret {number}")], clock.now())
        clock.advance(DAY / 10)
    memory = home / NAME
    assert memory.stat().st_mode & 0o777 == 0o600
    assert "topsecret" not in memory.read_text()
    assert len(memory.read_text().splitlines()) <= 11


# A home that cannot be written


def unwritable(home: Path) -> None:
    """As a read-only home is, also for root: the memory is a folder."""
    (home / NAME).mkdir()


def test_where_the_home_cannot_remember_the_temporary_folder_does(home: Path, spare: Path, clock: FakeClock) -> None:
    unwritable(home)
    assert ticks(home, clock, 3 * 480, DEAD) == [0, 480, 960]
    assert [each.stat().st_mode & 0o777 for each in spare.iterdir()] == [0o600]


def test_without_a_home_it_is_the_same_and_none_is_made(tmp_path: Path, clock: FakeClock) -> None:
    nowhere = tmp_path / "nowhere"
    assert ticks(nowhere, clock, 481, BUG) == [0, 480]
    assert not nowhere.exists()


def test_then_there_is_an_hour_between_two_mails_whatever_they_say(home: Path, clock: FakeClock) -> None:
    unwritable(home)
    assert take_news(str(home), [DEAD], clock.now()) == {DEAD}
    said = []
    for tick in range(41):
        if new := take_news(str(home), [DEAD, Topic(False, f"of tick {tick}")], clock.now()):
            said.append((tick, len(new)))
        clock.advance(180)
    assert said == [(20, 1), (40, 1)]


def test_on_a_full_disk_the_old_memory_still_counts(home: Path, nothing_fits: set[str], clock: FakeClock) -> None:
    assert take_news(str(home), [DEAD], clock.now()) == {DEAD}
    nothing_fits.add(str(home))
    assert ticks(home, clock, 481, DEAD, KEY) == [0, 480]


def test_once_the_home_can_be_written_again_what_was_said_meanwhile_counts(
    home: Path, nothing_fits: set[str], clock: FakeClock
) -> None:
    nothing_fits.add(str(home))
    assert ticks(home, clock, 10, KEY) == [0]
    nothing_fits.clear()
    assert ticks(home, clock, 100, KEY) == []


def test_where_nothing_can_be_written_the_first_run_of_an_hour_speaks(
    home: Path, spare: Path, nothing_fits: set[str], clock: FakeClock
) -> None:
    nothing_fits.update((str(home), str(spare)))
    assert ticks(home, clock, 60, DEAD) == [0, 20, 40]
    clock.advance(60)
    assert ticks(home, clock, 60, DEAD) == [0, 20, 40]


def test_what_is_written_in_part_is_not_relied_on(
    home: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, data, offset: pwrite(descriptor, data[:5], offset))
    assert ticks(home, clock, 40, DEAD) == [0, 20]


def test_a_memory_that_cannot_be_read_is_none(home: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    assert take_news(str(home), [KEY], clock.now()) == {KEY}

    def fails(_descriptor: int, _number: int) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "read", fails)
        assert take_news(str(home), [KEY], clock.now()) == {KEY}


@pytest.mark.parametrize("what", ["link", "pipe", "stranger's"])
def test_what_others_put_into_the_temporary_folder_is_not_used(
    home: Path, spare: Path, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwritable(home)
    trap, victim = Path(quiet._spare(str(home))), tmp_path / "victim"
    victim.write_text("precious")
    if what == "link":
        trap.symlink_to(victim)
    elif what == "pipe":
        os.mkfifo(trap)
    else:
        trap.write_text("precious")
        monkeypatch.setattr(quiet, "_spare", lambda _: str(trap))
        user = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert take_news(str(home), [KEY], START) == {KEY}
    assert take_news(str(home), [KEY], START + timedelta(minutes=3)) == set()
    assert victim.read_text() == "precious"


def test_a_stranger_s_file_is_not_waited_for(home: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever made it may hold its lock for ever, and every quiet run would hang."""
    (home / NAME).touch()
    monkeypatch.setattr(quiet, "_is_ours", lambda _: False)
    monkeypatch.setattr("fcntl.flock", lambda *_: pytest.fail("waited for a stranger's lock"))
    clock.moment = START.replace(minute=0)
    assert take_news(str(home), {DEAD}, clock.now()) == {DEAD}
