"""A week's message: the same in three forms, each within what Slack takes, whatever friends are called."""

import html
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import START, a_match, participant

from lolslackbot.game import Match, Outcome
from lolslackbot.messages.announcement import RenderOptions
from lolslackbot.messages.digest import MAX_LABEL, MAX_ROWS, MAX_SERIES, duration, render_digest, samples
from lolslackbot.messages.recap import Recap, recap
from lolslackbot.messages.render import RenderedMessage
from lolslackbot.messages.slack_text import MAX_TEXT
from lolslackbot.rank import SOLO, Climb, Standing
from lolslackbot.sandbox.blocks import fault_of, shown
from lolslackbot.settings import MATCH_LINK
from lolslackbot.week import Week

WEEK = Week(date(2026, 11, 23))
OPTIONS = RenderOptions(MATCH_LINK)
GOLD = Standing("GOLD", "II", 45, 12, 8)
HOSTILE = [
    "<!channel>",
    "<@U123|you>",
    "&lt;!here&gt;",
    "*bold* _it_ ~no~ `code`",
    "https://example.org|x",
    "קפה בבוקר",
    "\u202egnp.exe",
    "\u3164",
    "W" * 200,
    "🏳️‍🌈" * 20,
    "𝔄" * 40,
    "a\nb\tc",
    "",
]


def week(*played: Match, lp: dict[str, int] | None = None) -> Recap:
    """The week of these games; lp: who gained how much, by name."""
    found = recap([replace(each, match_id=f"EUW1_{number}") for number, each in enumerate(played)])
    return replace(found, friends=tuple(replace(each, **_climb((lp or {}).get(each.name))) for each in found.friends))


def _climb(lp: int | None) -> dict[str, Any]:
    return {} if lp is None else {"queue": SOLO, "climb": Climb(GOLD, lp, (0, 0, lp, lp, lp, lp, lp))}


def match(*names: str, first: int = 1, **changes: Any) -> Match:
    """A ranked game that friends of these names won."""
    friends = tuple(participant(number, name=name) for number, name in enumerate(names, first))
    return a_match(participants=friends, ended_at=START, **changes)


def render(found: Recap) -> RenderedMessage:
    return render_digest(found, WEEK, OPTIONS)


def blocks_of(rendered: RenderedMessage) -> list[list[Any]]:
    """Those of the rich form and of the plainer one."""
    assert rendered.plainer_blocks
    return [json.loads(rendered.blocks), json.loads(rendered.plainer_blocks)]


def read(rendered: RenderedMessage) -> list[str]:
    """What a reader sees, in each form."""
    return [*map(shown, blocks_of(rendered)), html.unescape(rendered.text)]


def test_digest__the_same_in_three_forms() -> None:
    found = week(match("Ahri Fan", "Tom"), match("Ahri Fan"), lp={"Ahri Fan": 87})
    rich, plainer, text = read(render(found))
    head = [
        "🗓️ The week of 23–29 November: 2 games, 2 won",
        "📈 Ahri Fan climbed most: +87 LP, to Gold II 45 LP (solo)",
        "🎮 Ahri Fan played most: 2 games, 1h 02m",
        "🏆 Ahri Fan had the best game: Ahri 7/2/9 · Match details <https://www.leagueofgraphs.com/match/euw/0>",
    ]
    table = [
        "Friend | Games | W–L | LP | K/D/A | Time",
        "Ahri Fan | 2 | 2–0 | +87 | 7.0/2.0/9.0 | 1h 02m",
        "Tom | 1 | 1–0 | – | 7.0/2.0/9.0 | 31m",
    ]
    assert plainer.splitlines() == head + table
    assert rich.splitlines() == [
        *head,
        "Friends, 23–29 November",
        *table,
        "LP on the ladder since Monday",
        "Ahri Fan: Mon 0, Tue 0, Wed 87, Thu 87, Fri 87, Sat 87, Sun 87",
    ]
    assert text.splitlines() == [
        *head[:3],
        "🏆 Ahri Fan had the best game: Ahri 7/2/9 https://www.leagueofgraphs.com/match/euw/0",
        "",
        "Ahri Fan: 2 games, 2–0, +87 LP, 7.0/2.0/9.0 a game, 1h 02m",
        "Tom: 1 game, 1–0, 7.0/2.0/9.0 a game, 31m",
    ]


def test_digest__all_that_is_worth_telling() -> None:
    """A pair, a series, pentakills; each on a line of its own."""
    penta = replace(match("A", "B"), participants=(participant(1, name="A", penta_kills=2), participant(2, name="B")))
    also = match("B", first=2)
    also = replace(also, participants=(replace(also.participants[0], penta_kills=1),))
    lines = read(render(week(penta, match("A", "B"), match("A", "B"), also)))[1].splitlines()
    assert "🤝 A and B won 3 of 3 together" in lines
    assert "🔥 B won 4 ranked games in a row" in lines
    assert "⭐ Pentakills: A 2, B" in lines


def test_digest__one_friend() -> None:
    """Alone, nobody played most, climbed most, or had the best game of all."""
    rendered = render(week(match("A"), lp={"A": 12}))
    assert read(rendered)[2].splitlines()[1:3] == [
        "📈 A climbed: +12 LP, to Gold II 45 LP (solo)",
        "🏆 Best game: Ahri 7/2/9 https://www.leagueofgraphs.com/match/euw/0",
    ]
    assert [fault_of(each) for each in blocks_of(rendered)] == [None, None]
    assert "played most" not in rendered.text + rendered.blocks


def test_digest__only_remakes() -> None:
    """Nothing counts, and nothing is made up."""
    rendered = render(week(match("A", "B", outcome=Outcome.REMAKE, duration=180)))
    for form in read(rendered):
        assert "1 game, 1 remake" in form.splitlines()[0]
        assert "played most" not in form
    assert "A | 1 | 0–0 | – | 3m" in read(rendered)[1]
    assert read(rendered)[2].splitlines()[-1] == "B: 1 game, 0–0, 3m"


def test_digest__without_ranks_there_is_no_column_and_no_chart() -> None:
    rich, plainer = blocks_of(render(week(match("A"))))
    assert [each["type"] for each in rich] == ["rich_text", "data_table"]
    assert [each["type"] for each in plainer] == ["rich_text", "table"]
    assert "LP" not in shown(rich)


def test_digest__nobody_who_fell_is_said_to_have_climbed() -> None:
    rich, plainer, text = read(render(week(match("A", "B"), lp={"A": -20, "B": 0})))
    assert "climbed" not in rich + plainer + text
    assert "A | 1 | 1–0 | -20 | 7.0/2.0/9.0 | 31m" in plainer
    assert "B: 1 game, 1–0, ±0 LP, 7.0/2.0/9.0 a game, 31m" in text


# Limits


def test_chart__of_more_than_six_friends_those_who_climbed_most() -> None:
    names = [f"Friend {number}" for number in range(8)]
    rich = blocks_of(render(week(match(*names), lp={name: number for number, name in enumerate(names)})))[0]
    series = rich[-1]["chart"]["series"]
    assert [each["name"] for each in series] == [f"Friend {number}" for number in range(7, 1, -1)]
    assert len(series) == MAX_SERIES


def test_chart__lines_have_short_names_and_no_two_the_same() -> None:
    names = [f"{'W' * 30}{number}" for number in range(4)] + ["🏳️‍🌈" * 9, "קפה בבוקר" * 4]
    rich = blocks_of(render(week(match(*names), lp=dict.fromkeys(names, 5))))[0]
    labels = [each["name"] for each in rich[-1]["chart"]["series"]]
    assert len(set(labels)) == 6
    assert all(len(label.encode("utf-16-le")) // 2 <= MAX_LABEL for label in labels)
    assert {"W" * 20, f"{'W' * 18} 2", f"{'W' * 18} 3", f"{'W' * 18} 4"} < set(labels)


@pytest.mark.parametrize(("number", "rows", "more"), [(99, 100, None), (100, 100, 1), (500, 100, 401)])
def test_table__of_more_friends_than_fit_those_who_played_most(number: int, rows: int, more: int | None) -> None:
    played = [match(f"Friend {each}", first=each) for each in range(1, number + 1)]
    rendered = render(week(*played, match("Friend 7", first=7)))
    for form in blocks_of(rendered):
        assert fault_of(form) is None
        assert len(form[1]["rows"]) == rows <= MAX_ROWS
        assert form[1]["rows"][1][0]["text"] == "Friend 7"
        assert (f"and {more} more" in shown(form)) == (more is not None)
    assert len(rendered.text) <= MAX_TEXT


def test_text__as_many_whole_lines_as_there_is_room_for() -> None:
    rendered = render(week(*(match(f"Friend {each}", first=each) for each in range(1, 501))))
    *_, last, rest = rendered.text.splitlines()
    assert last.endswith("31m")
    told = sum(line.startswith("Friend ") for line in rendered.text.splitlines())
    assert rest == f"and {500 - told} more"
    assert len(rendered.text) + len(last) > MAX_TEXT


def test_table__no_more_characters_than_slack_takes() -> None:
    """Names of 200 letters are cut; the table has as many rows as there is room for."""
    names = [f"{'𝔄' * 60}{number}" for number in range(99)]
    played = [match(name, first=each, duration=10**7) for each, name in enumerate(names, 1)]
    rendered = render(week(*played, lp=dict.fromkeys(names, 1000)))
    for form in blocks_of(rendered):
        assert fault_of(form) is None
        assert 60 < len(form[1]["rows"]) < 100
        assert "more" in shown(form)


@pytest.mark.parametrize("name", HOSTILE)
def test_digest__names_neither_format_nor_ping(name: str) -> None:
    """They stand where Slack shows text as it is, and escaped in the plain text."""
    rendered = render(week(match(name, "Tom"), match(name, "Tom"), match(name, "Tom"), lp={name: 12}))
    for form in blocks_of(rendered):
        assert fault_of(form) is None
        assert "mrkdwn" not in _types(form)
    assert not {"<", ">"} & set(rendered.text)
    assert "\u202e" not in rendered.text + rendered.blocks


def _types(value: Any) -> list[str]:
    if isinstance(value, list):
        return [each for one in value for each in _types(one)]
    if isinstance(value, dict):
        return [str(value.get("type")), *(each for one in value.values() for each in _types(one))]
    return []


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=10), st.integers(-3000, 3000))
def test_digest__whatever_friends_are_called(names: list[str], lp: int) -> None:
    played = [match(*names), match(*names[:5]), match(*names[:2])]
    rendered = render(week(*played, lp=dict.fromkeys(names, lp)))
    assert [fault_of(each) for each in blocks_of(rendered)] == [None, None]
    assert len(rendered.text) <= MAX_TEXT


def test_samples__what_slack_takes() -> None:
    """What `check` puts before Slack has what a digest may have."""
    charts, table = (json.loads(each) for each in samples().values())
    assert [each["type"] for each in charts] == ["rich_text", "data_table", "data_visualization"]
    assert [each["type"] for each in table] == ["rich_text", "table"]
    assert [fault_of(charts), fault_of(table)] == [None, None]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0m"), (29, "0m"), (30, "1m"), (3569, "59m"), (3570, "1h 00m"), (26400, "7h 20m")],
)
def test_duration(seconds: int, words: str) -> None:
    assert duration(seconds) == words
