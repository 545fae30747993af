"""A channel's week -> the message that sums it up, in three forms: charts and a table, a table alone, plain text.

Limits are those of docs.slack.dev (data_visualization, data_table, table) and, where that is silent, of what others saw
Slack take. Names stand in cells and labels, which are shown as they are.
"""

import html
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from lolslackbot.messages.announcement import Name, RenderOptions, link_to
from lolslackbot.messages.names import champion_name
from lolslackbot.messages.recap import Figures, Recap
from lolslackbot.messages.render import RenderedMessage
from lolslackbot.messages.rounding import one_decimal
from lolslackbot.messages.slack_text import (
    DETAILS,
    MAX_TEXT,
    Json,
    clean,
    rich,
    rich_part,
    rich_section,
    safe_url,
    spoken_part,
    visible,
)
from lolslackbot.messages.standout import SERIES_KINDS
from lolslackbot.rank import NAMES, SOLO, Climb, Standing
from lolslackbot.week import DAYS, Week

MAX_ROWS = 100  # of a table, its header included
MAX_CELLS = 10_000  # characters in all cells of a table
MAX_SERIES = 6  # lines in a chart
MAX_LABEL = 20  # characters; each line has a name of its own
UNKNOWN = "–"  # an empty cell would make Slack refuse the whole message
_PAGE = 10  # rows that a reader sees at once

Part = Name | str


@dataclass(frozen=True, slots=True)
class Highlight:
    """One thing worth telling, and where to read more of it."""

    mark: str
    parts: tuple[Part, ...]
    link: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """What the table says of one friend. `name` is foreign text; the rest is ours."""

    name: str
    games: int
    cells: tuple[str, ...]


def render_digest(recap: Recap, week: Week, options: RenderOptions) -> RenderedMessage:
    """Renders a week with at least one game."""
    opening = Highlight("🗓️", (f"The week of {week.dates}: {recap.summary}",))  # seen at a glance
    highlights = [opening, *_highlights(recap, options)]
    header = header_of(recap)
    rows = [row_of(each, header) for each in recap.friends]
    shown = _within_limits(header, rows)
    said = {"type": "rich_text", "elements": [rich_section(_lines(highlights))]}
    rest = list(map(_context, _more(len(rows) - len(shown))))
    chart = _chart(recap.friends)
    rich_form = [said, _data_table(week, header, shown), *rest, *([chart] if chart else [])]
    plainer_form = [said, _table(header, shown), *rest]
    return RenderedMessage(_text(highlights, header, rows), json.dumps(rich_form), json.dumps(plainer_form))


def samples() -> dict[str, str]:
    """The blocks of a made-up week in each form, by what the form is called: for asking Slack whether it takes them."""
    won = Climb(Standing("GOLD", "II", 45, 12, 8), 21, (0, 0, 21, 21, 21, 21, 21))
    friend = Figures("", "Ahri Fan", 1, 1, 0, 1871, 1, 7, 2, 9, 1, is_whole=True, queues=(SOLO,), queue=SOLO, climb=won)
    week = Recap(1, 1, 0, 0, 0, (friend,), best_game=None, best_pair=None, longest_series=None)
    rendered = render_digest(week, Week(date(2026, 11, 23)), RenderOptions())
    return {"charts and tables": rendered.blocks, "a table": rendered.plainer_blocks or ""}


# What is told


def _highlights(recap: Recap, options: RenderOptions) -> Iterator[Highlight]:
    """Only what somebody may be glad to read."""
    several = len(recap.friends) > 1
    if (climber := recap.climber) and climber.climb:
        queue = f" ({NAMES[climber.queue]})" if climber.queue else ""
        way = f" climbed{' most' * several}: {climber.climb.lp:+} LP, to {climber.climb.standing.text}{queue}"
        yield Highlight("📈", (Name(climber.name), way))
    if several and recap.games > recap.remakes:
        most = recap.friends[0]
        played = f" played most: {_number(most.games, 'game')}, {duration(most.seconds)}"
        yield Highlight("🎮", (Name(most.name), played))
    if best := recap.best_game:
        each = best.participant
        champion = champion_name(each.champion_name, each.champion_id, options.champions)
        played = f"{champion} {each.kills}/{each.deaths}/{each.assists}"
        said = (Name(each.name), f" had the best game: {played}") if several else (f"Best game: {played}",)
        yield Highlight("🏆", said, link_to(options.match_link, best.match_id))
    if pair := recap.best_pair:
        one, other = pair.names
        yield Highlight("🤝", (Name(one), " and ", Name(other), f" won {pair.wins} of {pair.games} together"))
    if series := recap.longest_series:
        yield Highlight("🔥", (Name(series.name), f" won {series.wins} {SERIES_KINDS[series.kind]} games in a row"))
    if recap.with_pentakills:
        yield Highlight("⭐", ("Pentakills: ", *_counted(recap.with_pentakills)))


def _counted(friends: Sequence[Figures]) -> Iterator[Part]:
    """`A, B 2`"""
    for number, each in enumerate(friends):
        yield from [", "] if number else []
        yield Name(each.name)
        yield from [f" {each.penta_kills}"] if each.penta_kills > 1 else []


def header_of(recap: Recap) -> tuple[str, ...]:
    """The table's columns, what people look for first in front: a phone shows four. No LP where nobody's are known."""
    has_lp = any(each.climb for each in recap.friends)
    return ("Friend", "Games", "W–L", *(["LP"] if has_lp else []), "K/D/A", "Time")


def row_of(each: Figures, header: Sequence[str]) -> Row:
    """The friend's cells under the columns of a header, from the third on."""
    cells = {
        "W–L": f"{each.wins}–{each.losses}",
        "LP": lp_of(each) or UNKNOWN,
        "K/D/A": kda_of(each) or UNKNOWN,
        "Time": duration(each.seconds),
    }
    return Row(each.name, each.games, tuple(cells[title] for title in header[2:]))


def kda_of(each: Figures) -> str:
    """Kills, deaths and assists a game, `6.1/4.0/7.9`; '' where they count in none."""
    totals = (each.kills, each.deaths, each.assists)
    return "/".join(one_decimal(number or 0, each.fights) for number in totals) if each.fights else ""


def lp_of(each: Figures) -> str:
    """`+87`, `±0`; '' where it is not known."""
    if each.climb is None:
        return ""
    return f"{each.climb.lp:+}" if each.climb.lp else "±0"


def duration(seconds: int) -> str:
    """`7h 20m`"""
    hours, minutes = divmod((seconds + 30) // 60, 60)
    return f"{hours}h {minutes:02}m" if hours else f"{minutes}m"


def _number(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


# Plain text


def _text(highlights: Iterable[Highlight], header: Sequence[str], rows: Sequence[Row]) -> str:
    """All that the blocks say, as far as there is room: highlights first, then who played most."""
    head = [
        f"{each.mark} {''.join(map(spoken_part, each.parts))} {safe_url(each.link)}".rstrip() for each in highlights
    ]
    head, friends = (
        [html.escape(line, quote=False) for line in lines] for lines in (head, [_spoken(row, header) for row in rows])
    )
    kept = len(friends)
    while len(text := "\n".join([*head, "", *friends[:kept], *_more(len(friends) - kept)])) > MAX_TEXT and kept:
        kept -= 1
    return text


def _more(left_out: int) -> list[str]:
    return [f"and {left_out} more"] if left_out else []


def _spoken(row: Row, header: Sequence[str]) -> str:
    named = {"LP": "{} LP", "K/D/A": "{} a game"}
    cells = [named.get(title, "{}").format(cell) for title, cell in zip(header[2:], row.cells, strict=True)]
    known = [cell for cell in cells if not cell.startswith(UNKNOWN)]
    return f"{clean(row.name)}: {', '.join([_number(row.games, 'game'), *known])}"


# Block Kit


def _lines(highlights: Sequence[Highlight]) -> list[Json]:
    elements: list[Json] = []
    for number, each in enumerate(highlights):
        begin = "\n" if number else ""
        elements += [rich(f"{begin}{each.mark} "), *map(rich_part, each.parts)]
        if url := safe_url(each.link):
            elements += [rich(" · "), {"type": "link", "url": url, "text": DETAILS}]
    return elements


def _context(words: str) -> Json:
    return {"type": "context", "elements": [{"type": "plain_text", "text": words}]}


def _within_limits(header: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    """As many of the first rows as one table takes."""
    room = MAX_CELLS - sum(map(len, header))
    shown: list[Row] = []
    for row in rows[: MAX_ROWS - 1]:
        room -= sum(map(units, (clean(row.name), str(row.games), *row.cells)))
        if room < 0:
            break
        shown.append(row)
    return shown


def _data_table(week: Week, header: Sequence[str], rows: Sequence[Row]) -> Json:
    """Readers can sort it, by games as numbers, and turn its pages."""
    return {
        "type": "data_table",
        "caption": f"Friends, {week.dates}",
        "page_size": _PAGE,
        "row_header_column_index": 0,
        "rows": [
            list(map(_cell, header)),
            *(
                [
                    _cell(clean(row.name)),
                    {"type": "raw_number", "value": row.games, "text": str(row.games)},
                    *map(_cell, row.cells),
                ]
                for row in rows
            ),
        ],
    }


def _table(header: Sequence[str], rows: Sequence[Row]) -> Json:
    return {
        "type": "table",
        "column_settings": [{"align": "left" if number == 0 else "right"} for number in range(len(header))],
        "rows": [
            list(map(_cell, header)),
            *([_cell(clean(row.name)), _cell(str(row.games)), *map(_cell, row.cells)] for row in rows),
        ],
    }


def _cell(text: str) -> Json:
    return {"type": "raw_text", "text": text}


def _chart(friends: Iterable[Figures]) -> Json | None:
    """The ladder from day to day, of those who climbed most; None where nobody's way is known."""
    known = [(each, each.climb) for each in friends if each.climb]
    known.sort(key=lambda pair: -pair[1].lp)
    drawn = known[:MAX_SERIES]
    if not drawn:
        return None
    labels = _labels([each.name for each, _ in drawn])
    series = [
        {"name": label, "data": [{"label": day, "value": lp} for day, lp in zip(DAYS, way.curve, strict=True)]}
        for label, (_, way) in zip(labels, drawn, strict=True)
    ]
    axes = {"categories": list(DAYS), "x_label": "End of each day; a day off repeats the last", "y_label": "LP"}
    return {
        "type": "data_visualization",
        "title": "LP on the ladder since Monday",
        "chart": {"type": "line", "series": series, "axis_config": axes},
    }


def _labels(names: Iterable[str]) -> list[str]:
    """Short names, no two alike."""
    labels: list[str] = []
    for name in names:
        label, number = _short(name, ""), 1
        while label in labels:
            number += 1
            label = _short(name, f" {number}")
        labels.append(label)
    return labels


def _short(name: str, end: str) -> str:
    words = visible(name)
    while units(clean(words) + end) > MAX_LABEL:
        words = words[:-1]
    return clean(words) + end


def units(text: str) -> int:
    """Characters as JavaScript counts them: an emoji has two."""
    return len(text.encode("utf-16-le")) // 2
