"""Messages on one HTML page, much as Slack shows them, in light or dark as the reader's system is.

Slack documents what tables and charts hold, not how they look: that is a guess.
"""

import base64
import html
import json
import re
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil, floor
from typing import Any

Json = dict[str, Any]

# Of a chart, in its own units; a phone shows them as nine tenths of a pixel.
WIDTH, HEIGHT = 340, 194
LEFT, RIGHT, TOP, BOTTOM = 34, 334, 18, 158
TICKS = 5  # steps of the y-axis, at most
COLOURS = ("#3b82d6", "#c26a00", "#1f9460", "#d6458a", "#8b6fd8", "#7d7f85")  # one a series; on light and dark


@dataclass(frozen=True)
class Shown:
    """A message under its title."""

    title: str  # '' for the message alone
    text: str
    blocks: str | None = None  # Block Kit JSON; None: Slack shows the text
    at: str = "20:44"


def page(messages: Iterable[Shown], columns: int = 1) -> str:
    shown = "\n".join(map(message, messages))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Messages</title><style>{STYLE}</style>"
        f"<body style='columns: {columns}; max-width: {680 * columns}px'>{shown}</body></html>"
    )


def message(shown: Shown) -> str:
    blocks = "".join(map(block, json.loads(shown.blocks))) if shown.blocks else f"<p>{plain(shown.text)}</p>"
    article = f"""<article><b class=icon>LB</b><div>
<p class=from><b>match-reporter</b> <i>APP</i> <small>{shown.at}</small></p>{blocks}</div></article>"""
    as_text = f"<details><summary>as text</summary><pre>{shown.text}</pre></details>" if shown.blocks else ""
    return f"<h2>{html.escape(shown.title)}</h2>{article}{as_text}" if shown.title else article


def block(fields: Json) -> str:
    match fields["type"]:
        case "section":
            picture = fields.get("accessory")
            image = (
                f'<img src="{inline(picture["image_url"])}" alt="{html.escape(picture["alt_text"])}">'
                if picture
                else ""
            )
            return f"<div class=section><p>{text(fields['text'])}</p>{image}</div>"
        case "context":
            return f"<p class=context>{' '.join(map(text, fields['elements']))}</p>"
        case "rich_text":
            return "".join(map(rich, fields["elements"]))
        case "table" | "data_table":
            return table(fields)
        case "data_visualization" if fields["chart"]["type"] == "line":
            return line_chart(fields["title"], fields["chart"])
    raise ValueError(f"the gallery cannot show {fields['type']}")


# Words


def rich(element: Json) -> str:
    match element["type"]:
        case "rich_text_section":
            return f"<p>{''.join(map(rich, element['elements']))}</p>"
        case "rich_text_list":
            return f"<ul>{''.join(f'<li>{rich(each)}</li>' for each in element['elements'])}</ul>"
        case "link":
            return f'<a href="{html.escape(element["url"])}">{html.escape(element["text"])}</a>'
        case "text":
            words = html.escape(element["text"]).replace("\n", "<br>").replace("  ", " &nbsp;")
            for style, tag in (("bold", "b"), ("italic", "em")):
                words = f"<{tag}>{words}</{tag}>" if element.get("style", {}).get(style) else words
            return words
    raise ValueError(f"the gallery cannot show {element['type']}")


def text(element: Json) -> str:
    """A text object."""
    return html.escape(element["text"]) if element["type"] == "plain_text" else mrkdwn(element["text"])


def mrkdwn(words: str) -> str:
    words = re.sub(r"<!date\^\d+\^[^|]*\|[^>]*>", "Today at 8:41 PM", words)
    words = re.sub(r"<(https?:[^|>]*)\|([^>]*)>", r'<a href="\1">\2</a>', words)
    return re.sub(r"\*([^*]+)\*", r"<b>\1</b>", words).replace("\n", "<br>")


def plain(words: str) -> str:
    """The text of a message without blocks, in which & < > are escaped already."""
    return re.sub(r"(https?://\S+)", r'<a href="\1">\1</a>', words).replace("\n", "<br>")


def inline(address: str) -> str:
    """A picture of the sandbox, as part of the page."""
    with urllib.request.urlopen(address) as answer:
        return "data:image/png;base64," + base64.b64encode(answer.read()).decode()


# Tables


def table(fields: Json) -> str:
    """Its header and the first page of the rows below; a `table` has one page only."""
    header, *rows = fields["rows"]
    shown = rows[: fields.get("page_size")]
    settings = fields.get("column_settings")
    sides = [each["align"] for each in settings] if settings else list(map(side, rows[0]))
    caption = f"<caption>{html.escape(fields['caption'])}</caption>" if "caption" in fields else ""
    body = "".join(row(each, sides) for each in shown)
    pages = f"<p class=context>1–{len(shown)} of {len(rows)}</p>" if len(shown) < len(rows) else ""
    return f"<div class=table><table>{caption}<thead>{row(header, sides)}</thead>{body}</table></div>{pages}"


def side(cell: Json) -> str:
    """Of its column, where nothing else is said."""
    return "right" if cell["type"] == "raw_number" else "left"


def row(cells: Sequence[Json], sides: Sequence[str]) -> str:
    shown = (f"<td class={side}>{html.escape(cell['text'])}</td>" for cell, side in zip(cells, sides, strict=True))
    return f"<tr>{''.join(shown)}</tr>"


# Charts


def line_chart(title: str, chart: Json) -> str:
    axes, series = chart["axis_config"], list(zip(chart["series"], COLOURS[: len(chart["series"])], strict=True))
    places = [
        LEFT + (place + 0.5) * (RIGHT - LEFT) / len(axes["categories"]) for place in range(len(axes["categories"]))
    ]
    marks = ticks([point["value"] for each, _ in series for point in each["data"]])
    drawn = [
        *(grid_line(mark, height(mark, marks)) for mark in marks),
        *(label(place, BOTTOM + 14, "middle", each) for place, each in zip(places, axes["categories"], strict=True)),
        label(LEFT - 6, TOP - 8, "end", axes["y_label"]),
        label((LEFT + RIGHT) / 2, HEIGHT - 4, "middle", axes["x_label"]),
        *(line(each["data"], places, marks, colour) for each, colour in series),
    ]
    legend = (f"<span><i style='background:{colour}'></i>{html.escape(each['name'])}</span>" for each, colour in series)
    name = html.escape(title)
    return (
        f"<figure><figcaption>{name}</figcaption><svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{name}'>"
        f"{''.join(drawn)}</svg><p class=legend>{''.join(legend)}</p></figure>"
    )


def ticks(values: Sequence[float]) -> list[int]:
    """Round numbers around all values and 0, at equal distances of 1, 2 or 5 and noughts."""
    low, high = min(0, *values), max(0, *values)
    step = next(each for each in steps() if ceil(high / each) - floor(low / each) <= TICKS)
    return list(range(step * floor(low / step), step * max(ceil(high / step), 1) + 1, step))


def steps() -> Iterator[int]:
    return (digit * 10**noughts for noughts in count() for digit in (1, 2, 5))


def height(value: float, marks: Sequence[int]) -> float:
    return BOTTOM - (value - marks[0]) / (marks[-1] - marks[0]) * (BOTTOM - TOP)


def grid_line(value: int, y: float) -> str:
    kind = "axis" if value == 0 else "grid"
    return f"<path class='{kind}' d='M{LEFT} {y:.1f}H{RIGHT}'/>" + label(LEFT - 6, y + 3.5, "end", str(value))


def label(x: float, y: float, anchor: str, words: str) -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'>{html.escape(words)}</text>"


def line(points: Sequence[Json], places: Sequence[float], marks: Sequence[int], colour: str) -> str:
    way = " ".join(f"{x:.1f},{height(point['value'], marks):.1f}" for x, point in zip(places, points, strict=True))
    return f"<polyline points='{way}' stroke='{colour}'/>"


STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1d1c1d; --dim: #616061; --link: #1264a3; --line: #ddd }
@media (prefers-color-scheme: dark) {
  :root { --back: #1a1d21; --text: #d1d2d3; --dim: #9a9b9d; --link: #1d9bd1; --line: #35373b } }
body { background: var(--back); color: var(--text); font: 15px/1.467 Lato, "Noto Sans", sans-serif; margin: 16px auto;
  column-gap: 32px; padding: 0 16px }
h2 { font-size: 13px; color: var(--dim); border-top: 1px solid var(--line); margin: 22px 0 8px; padding-top: 8px }
article { break-inside: avoid; display: flex; gap: 8px } article + article { margin-top: 22px }
article > div { flex: 1; min-width: 0 }
.icon { background: #4a154b; color: #fff; border-radius: 6px; width: 36px; height: 36px; line-height: 36px;
  text-align: center; font-size: 13px; flex: none }
p { margin: 0 0 4px; overflow-wrap: anywhere } .from { margin: 0 } .from i { font: 10px sans-serif; padding: 1px 3px;
  border-radius: 2px; background: var(--line) } small, .context { color: var(--dim); font-size: 12px }
.section { display: flex; justify-content: space-between; gap: 12px; margin: 4px 0 8px }
.section img { width: 88px; height: 88px; border-radius: 4px; flex: none }
.context { font-size: 13px; margin-top: 8px } ul { margin: 0 0 4px; padding-left: 24px } li p { margin: 0 }
a { color: var(--link); text-decoration: none } details { margin: 6px 0 0 44px; color: var(--dim); font-size: 12px }
pre { white-space: pre-wrap; overflow-wrap: anywhere }
.table { overflow-x: auto; margin: 8px 0 } table { border-collapse: collapse; font-size: 13px; white-space: nowrap }
td { border: 1px solid var(--line); padding: 4px 8px } thead, caption, figcaption { font-weight: bold }
.right { text-align: right; font-variant-numeric: tabular-nums }
caption, figcaption { font-size: 13px; text-align: left; padding-bottom: 4px }
figure { border: 1px solid var(--line); border-radius: 8px; margin: 8px 0; max-width: 480px; padding: 8px 12px }
svg { display: block; width: 100% } svg text { font-size: 10px; fill: var(--dim) }
path { stroke: var(--line) } .axis { stroke: var(--dim) }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round }
.legend { display: flex; flex-wrap: wrap; font-size: 12px; gap: 2px 12px; margin: 6px 0 0 }
.legend i { border-radius: 2px; display: inline-block; height: 10px; margin-right: 5px; width: 10px }
@media (max-width: 500px) { .section img { width: 56px; height: 56px } }
"""
