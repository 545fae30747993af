"""What a person sees, and the few values that everything else is made of: errors, clock, model."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO, TextIOWrapper
from typing import Any

import pytest
from support import START, FakeClock

from lolslackbot.clock import Budget, Clock, moment_of, text_of
from lolslackbot.console import ALARM, masked, one_line, show_error, show_json, show_line, show_table, width_of
from lolslackbot.errors import ConfigError, Exit, NotFound, Rejected, RunAborted, TemporaryError, worst
from lolslackbot.model import Message, RiotId, game_id_of, is_match_id, is_puuid, platform_of

# Console


def test_a_table_has_columns_as_wide_as_they_need(capsys: pytest.CaptureFixture[str]) -> None:
    show_table([{"player": "Ahri#EUW", "problem": None}, {"player": "Li", "problem": 404}], "nobody")
    assert capsys.readouterr().out == "player    problem\nAhri#EUW\nLi        404\n"


def test_a_table_without_rows_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_table([], "nobody is tracked")
    assert capsys.readouterr().out == "nobody is tracked\n"


@pytest.mark.parametrize("hostile", ["\n", "\r", "\x07", "\x9b", "\u202e", "\u2028"])
def test_a_hostile_name_in_a_table_moves_no_cursor(capsys: pytest.CaptureFixture[str], hostile: str) -> None:
    show_table([{"player": f"A{hostile}B"}], "nobody")
    assert capsys.readouterr().out == "player\nA B\n"


@pytest.mark.parametrize(
    ("text", "columns"),
    [("", 0), ("Ahri", 4), ("Żółw", 4), ("阿狸", 4), ("＃", 2), ("🦊Fox", 5), ("e\u0301", 1), ("ยิ่ง", 2), ("ｱ", 1)],
)
def test_a_letter_takes_as_many_columns_as_a_terminal_gives_it(text: str, columns: int) -> None:
    assert width_of(text) == columns


def test_wide_and_narrow_letters_stand_in_the_same_columns(capsys: pytest.CaptureFixture[str]) -> None:
    show_table([{"player": "阿狸#KR1", "style": "full"}, {"player": "Ahri#EUW", "style": "full"}], "nobody")
    assert capsys.readouterr().out == "player    style\n阿狸#KR1  full\nAhri#EUW  full\n"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes stdout and stderr a terminal of so many columns."""

    def set_up(columns: int) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        for stream in (sys.stdout, sys.stderr):
            monkeypatch.setattr(stream, "isatty", lambda: True)

    return set_up


@pytest.mark.parametrize("value", [[], {"name": "Ahri ★", "since": None}, [{"a": [1, 2]}]])
def test_json_is_readable_by_programs_and_people(capsys: pytest.CaptureFixture[str], value: Any) -> None:
    show_json(value)
    out = capsys.readouterr().out
    assert json.loads(out) == value
    assert "\\u" not in out


HOSTILE = "\x1b[31m \x9b\x07\u202e\u2066\u200b\u2028\ud800\U000e0041"


def test_json_holds_nothing_that_moves_a_cursor_and_means_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"name": f"Ahri ★ 阿狸{HOSTILE}\n", HOSTILE: [None]}
    show_json(value)
    out = capsys.readouterr().out
    assert all(line.isprintable() for line in out.split("\n"))
    assert "Ahri ★ 阿狸" in out
    assert json.loads(out) == value


def test_json_is_json_on_an_output_that_lacks_the_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(printed, encoding="ascii", errors="backslashreplace"))
    show_json(["é 阿狸 🦊"])
    assert json.loads(printed.getvalue()) == ["é 阿狸 🦊"]


# What a terminal gets besides


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine stands in Germany."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


TIMES = [
    ("limited until 2026-11-23T12:01:59.999Z: 429", "limited until 2026-11-23 13:01 CET: 429"),
    ("since 2026-07-23T22:30Z", "since 2026-07-24 00:30 CEST"),
    ("2026-11-23T12:01:00Z to 2026-11-23T12:05:00.000Z", "2026-11-23 13:01 CET to 2026-11-23 13:05"),
    ("2026-10-24T12:00:00Z, 2026-10-26T12:00:00Z", "2026-10-24 14:00 CEST, 2026-10-26 13:00 CET"),
    ("2026-13-23 and 12026-11-23T12:01:00Z are none", "2026-13-23 and 12026-11-23T12:01:00Z are none"),
]


@pytest.mark.parametrize(("text", "here"), TIMES)
def test_a_terminal_gets_the_time_of_day_here_and_a_pipe_the_logs(
    capsys: pytest.CaptureFixture[str], terminal: Callable[[int], None], berlin: None, text: str, here: str
) -> None:
    show_line(text)
    show_table([{"when": text}], "")
    show_error(text)
    assert capsys.readouterr() == (f"{text}\nwhen\n{text}\n", f"lolslackbot: {text}\n")
    terminal(200)
    show_line(text)
    show_table([{"when": text}], "")
    show_error(text)
    assert capsys.readouterr() == (f"{here}\nwhen\n{here}\n", f"lolslackbot: {here}\n")
    show_line(text, whole=True)  # to be copied
    show_json([text])
    assert capsys.readouterr().out == f'{text}\n[\n  "{text}"\n]\n'


@pytest.mark.parametrize("text", ["2026-02-31T25:00:00Z", "0000-01-01T00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_that_is_no_time_stays_as_it_is(
    capsys: pytest.CaptureFixture[str], terminal: Callable[[int], None], berlin: None, text: str
) -> None:
    terminal(80)
    show_line(f"said {text}")
    assert capsys.readouterr().out == f"said {text}\n"


RED, END = "\x1b[31m\x1b[1m", "\x1b[0m"


def test_on_a_terminal_what_is_to_stand_out_does(
    capsys: pytest.CaptureFixture[str], terminal: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal(20)
    show_line("it needs a person now", colour=ALARM)
    assert capsys.readouterr().out == f"{RED}it needs a person now{END}\n"
    show_line("FAIL  the key is refused", colour=ALARM, coloured=4)
    assert capsys.readouterr().out == f"{RED}FAIL{END}  the key is refused\n"
    show_line("plain")
    assert capsys.readouterr().out == "plain\n"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), ("COLUMNS", "")])
def test_without_colours_nothing_is_coloured(
    capsys: pytest.CaptureFixture[str],
    terminal: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    if value:  # else it is a pipe
        terminal(80)
        monkeypatch.setenv(name, value)
    show_line("it needs a person", colour=ALARM)
    show_line("FAIL  it", colour=ALARM, coloured=4)
    assert capsys.readouterr().out == "it needs a person\nFAIL  it\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("a path of \udcc3\udca9 and \udcff", "a path of é and \ufffd"),  # in a locale without letters
        ("Ahri ★ 阿狸", "Ahri ★ 阿狸"),
        ("two\nlines\r\n", "two lines  "),
        ("\x1b[2Jgone", " [2Jgone"),
        ("bell\x07 \x9b31m", "bell   31m"),
        ("\u202eright to left", " right to left"),
        ("\u2028\u2029\ud800", "   "),
        ("", ""),
    ],
)
def test_foreign_text_moves_no_cursor(capsys: pytest.CaptureFixture[str], text: str, line: str) -> None:
    assert one_line(text) == line
    show_line(text)
    show_error(text)
    out, err = capsys.readouterr()
    assert out == f"{line}\n"
    assert err == f"lolslackbot: {line}\n"


# Errors


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], 0),
        ([0], 0),
        ([0, 75], 75),
        ([75, 1], 1),
        ([1, 77, 75], 77),
        ([77, 2, 1], 2),
        ([0, 75, 1, 77, 2], 2),
    ],
)
def test_of_several_statuses_the_more_pressing_one_wins(statuses: list[int], expected: int) -> None:
    assert worst(*map(Exit, statuses)) == expected
    assert worst(*map(Exit, reversed(statuses))) == expected


@pytest.mark.parametrize(
    ("kind", "status"), [(RunAborted, 1), (NotFound, 1), (ConfigError, 2), (TemporaryError, 75), (Rejected, 77)]
)
def test_an_error_that_ends_a_run_knows_its_exit_status(kind: type[RunAborted], status: int) -> None:
    error = kind("why")
    assert isinstance(error, RunAborted)
    assert error.exit_status == status
    assert str(error) == "why"


# Clock


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 23, 2, 26, 43, 120_000, tzinfo=UTC), "2026-11-23T02:26:43.120Z"),
        (datetime(2026, 11, 23, 2, 26, 43, 999_999, tzinfo=UTC), "2026-11-23T02:26:43.999Z"),  # never a later moment
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00.000Z"),
        (datetime(2026, 11, 23, 2, 0, tzinfo=timezone(timedelta(hours=9))), "2026-11-22T17:00:00.000Z"),
    ],
)
def test_a_moment_is_kept_as_utc_text_with_milliseconds(moment: datetime, text: str) -> None:
    assert text_of(moment) == text
    assert text_of(moment_of(text)) == text
    assert timedelta(0) <= moment - moment_of(text) < timedelta(milliseconds=1)


def test_texts_of_moments_sort_as_they_happened() -> None:
    moments = [START + timedelta(milliseconds=step) for step in (0, 1, 999, 1000, 3_600_000, 86_400_000)]
    assert sorted(map(text_of, reversed(moments))) == [text_of(moment) for moment in moments]


def test_the_systems_clock_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    clock = Clock()
    assert clock.now().tzinfo is UTC
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
    assert clock.steady() <= clock.steady()
    clock.sleep(1.5)
    assert slept == [1.5]


def test_a_budget_is_spent_once_its_seconds_are_over(clock: FakeClock) -> None:
    budget = Budget(clock, 80)
    assert (budget.left(), budget.spent()) == (80, False)
    clock.advance(79)
    assert (budget.left(), budget.spent()) == (1, False)
    clock.advance(1)
    assert (budget.left(), budget.spent()) == (0, True)
    clock.advance(100)
    assert (budget.left(), budget.spent()) == (0, True)


def test_a_budget_does_not_follow_the_time_of_day(clock: FakeClock) -> None:
    budget = Budget(clock, 80)
    clock.moment -= timedelta(days=1)
    assert budget.left() == 80


# Model


@pytest.mark.parametrize(
    ("match_id", "platform", "game_id"),
    [("EUW1_7376970903", "euw1", 7376970903), ("KR_1", "kr", 1), ("OC1_999999999999999999", "oc1", 10**18 - 1)],
)
def test_a_match_id_tells_its_platform_and_number(match_id: str, platform: str, game_id: int) -> None:
    assert is_match_id(match_id)
    assert platform_of(match_id) == platform
    assert game_id_of(match_id) == game_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "EUW1",
        "EUW1_",
        "_1",
        "euw1_1",
        "EUW1_1 ",
        "EUW1_x",
        "EUW1_1234567890123456789",
        "EUW1_١",
        "E1W_1",
        "E" * 9 + "1_1",
        "EUW123_1",
    ],
)
def test_what_is_no_match_id_is_seen(text: str) -> None:
    assert not is_match_id(text)


@pytest.mark.parametrize(
    ("text", "good"), [("a" * 78, True), ("A-_9" * 19 + "xx", True), ("a" * 36, False), ("é" * 78, False)]
)
def test_a_puuid_has_78_characters(text: str, good: bool) -> None:
    assert bool(is_puuid(text)) is good


@pytest.mark.parametrize(
    "pasted", ["Zoe\u0308 Fan#EUW", "\u2068ZOË\u00a0fan\u2069#euw", "Zoë\u200b  Fan#EUW", "Zoë Fan#EUW\u00ad"]
)
def test_riot_ids_are_the_same_however_they_were_copied(pasted: str) -> None:
    name, _, tag = pasted.partition("#")
    assert RiotId(name, tag).folded == RiotId("Zoë Fan", "EUW").folded


def test_riot_ids_are_compared_without_upper_and_lower_case() -> None:
    assert str(RiotId("Ahri Fan", "EUW")) == "Ahri Fan#EUW"
    assert RiotId("STRASSE", "euw").folded == RiotId("straße", "EUW").folded
    assert RiotId("Ahri", "EUW").folded != RiotId("Ahri", "NA1").folded


def test_a_messages_key_is_its_match_and_channel() -> None:
    assert Message("EUW1_1", "C1", "default", "text", None).key == "EUW1_1:C1"


@pytest.mark.parametrize(
    "secret",
    [
        "RGAPI-00000000-aaaa-bbbb-cccc-121212121212",
        "rgapi-0123456789",
        "xoxb-1-2-abcdef",
        "xoxp-123456",
        "xoxe.xoxb-1-abcdef",
        "xapp-1-A1-abcdef",
    ],
)
def test_what_looks_like_a_key_or_token_is_never_shown(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert masked(f"it's '{secret}', and {secret}@x") == "it's '***', and ***@x"
    show_error(f"'{secret}' is no channel id")
    show_line(f"said {secret}")
    show_table([{"error": secret}], "")
    said = capsys.readouterr()
    assert (said.err, said.out.split()) == ("lolslackbot: '***' is no channel id\n", ["said", "***", "error", "***"])


def test_a_password_in_a_url_is_never_shown() -> None:
    assert masked("'https://me:topsecret@host/x' and http://:topsecret@h") == "'https://***@host/x' and http://***@h"
    plain = "http://USER:PASSWORD@HOST:PORT, https://slack.com:443/a@b"
    assert masked(plain) == plain


@pytest.mark.parametrize("text", ["RGAPI-…", "xoxb-…", "which begins with RGAPI-", "xoxb-", "the xoxo-xo", "RGAPI-x"])
def test_how_one_begins_may_be_said(text: str) -> None:
    assert masked(text) == text
