"""What a person sees: tables, JSON, the summary line, and the one line of an error.

A program that reads it gets whole lines and UTC; a terminal gets lines folded between words, local times and colours.
"""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import TextIOWrapper
from itertools import accumulate
from typing import Any, TextIO

import click

INDENT = 4
ALARM, CAUTION, FINE = "red", "yellow", "green"  # colours
_UNDECODED = re.compile("[\udc80-\udcff]+")  # how Python keeps bytes that are no letters in this locale
_UTC = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{3})?)?Z")
_WORD = r"\s*(?:`[^`]*`|\S)+"  # with the spaces before it; a command in backquotes is one: it is copied


# What looks like a Riot key or a Slack token, wherever it came from. Shorter ones are examples: `xoxb-…`.
_KEY_OR_TOKEN = re.compile(r"(?:RGAPI-|xox[a-z][.-]|xapp-)[A-Za-z0-9._%-]{6,}", re.IGNORECASE)
_USER_IN_URL = re.compile(r"(?<=://)(?!USER:PASSWORD@)[^\s/@]*:[^\s/@]+(?=@)")


def masked(text: str) -> str:
    """Without any key, token or password in a URL: one may have been put where it does not belong."""
    if "://" in text:
        text = _USER_IN_URL.sub("***", text)
    return _KEY_OR_TOKEN.sub("***", text)


def one_line(text: str) -> str:
    """Foreign text without what moves a terminal's cursor, and without any key or token."""
    if not text.isprintable():
        text = _UNDECODED.sub(lambda found: os.fsencode(found[0]).decode("utf-8", "replace"), text)
        text = "".join(c if c.isprintable() else " " for c in text)
    return masked(text)


def escape_unencodable() -> None:
    """What a terminal's encoding lacks (a name in another script) is shown by its number, and ends no command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def show_table(rows: Sequence[dict[str, Any]], empty: str) -> None:
    """Columns as wide as they need, headed by the names of the first row's keys.

    On a terminal that is too narrow the last columns stand below their row.
    """
    if not rows:
        click.echo(empty)
        return
    names, room = list(rows[0]), _room(sys.stdout)
    cells_of = [["" if cell is None else one_line(str(cell)) for cell in row.values()] for row in rows]
    table = [names, *([[local_times(cell) for cell in line] for line in cells_of] if room else cells_of)]
    widths = [max(width_of(line[column]) for line in table) for column in range(len(names))]
    fitting = max(1, sum(end - 2 <= room for end in accumulate(width + 2 for width in widths))) if room else len(names)
    for line in table:
        cells = zip(line[:fitting], widths, strict=False)
        click.echo("  ".join(cell + " " * (width - width_of(cell)) for cell, width in cells).rstrip())
        below = [f"{name}: {cell}" for name, cell in zip(names[fitting:], line[fitting:], strict=True) if cell]
        if below and line is not names:
            show_line(" " * INDENT + "; ".join(below))


def width_of(text: str) -> int:
    """How many of a terminal's columns a text takes: East Asian letters two each, accents none."""
    import unicodedata  # only tables and terminals wait for it

    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def folded(text: str, room: int) -> Iterator[str]:
    """The lines of a text on a terminal of so many columns; those after the first are indented further."""
    line, start = "", " " * (len(text) - len(text.lstrip()) + INDENT)
    for word in re.findall(_WORD, text):
        if line and width_of(line + word) > room:
            yield line
            line = start + word.lstrip()
        else:
            line += word
    yield line


def _room(stream: TextIO) -> int | None:
    """The columns of the terminal that a stream leads to; None for a file or a pipe."""
    if not stream.isatty():
        return None
    import shutil  # only a terminal waits for it

    return shutil.get_terminal_size().columns


def ago(moment: datetime, now: datetime) -> str:
    """`4 minutes ago`, in the largest unit that fits twice."""
    seconds = int((now - moment).total_seconds())
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    if seconds < 0:
        return "in the future (was the clock set back?)"
    return "1 second ago" if seconds == 1 else f"{seconds} seconds ago"


def show_json(value: Any) -> None:
    """Letters as they are, where the output has them; all that is not printable by its number."""
    import json  # only who asks for it waits for it

    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    lines = json.dumps(value, ensure_ascii=plain, indent=2).split("\n")  # within its strings there is none
    click.echo("\n".join("".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line) for line in lines))


def show_line(text: str, *, whole: bool = False, colour: str | None = None, coloured: int | None = None) -> None:
    """On a terminal: folded, with times as its people have them, and coloured; all of it, or the first letters.

    whole: as it is, since it is there to be copied.
    """
    line, room = one_line(text), _room(sys.stdout)
    if room is None or whole:
        click.echo(line)
        return
    first, *more = folded(local_times(line), room)
    if not colour or not _has_colours():
        coloured = 0
    head, tail = first[:coloured], first[len(first[:coloured]) :]
    click.echo(_in_colour(head, colour) + tail)
    for each in more:
        click.echo(_in_colour(each, colour) if coloured is None else each)


def show_error(text: str) -> None:
    line, room = one_line(f"lolslackbot: {text}"), _room(sys.stderr)
    for each in folded(local_times(line), room) if room else [line]:
        click.echo(each, file=sys.stderr)


def local_times(line: str) -> str:
    """UTC as the database and the log have it -> the time of day here, to the minute, with its zone at the first one.

    Only for a terminal: what is piped or mailed is compared with the log.
    """
    zone = ""

    def here(found: re.Match[str]) -> str:
        nonlocal zone
        try:
            moment = datetime.fromisoformat(found[0]).astimezone()
        except (ValueError, OverflowError):  # foreign text that only looks like a moment
            return found[0]
        before, zone = zone, moment.strftime("%Z")
        return f"{moment:%Y-%m-%d %H:%M}" + (f" {zone}" if zone != before else "")

    return _UTC.sub(here, line)


def _has_colours() -> bool:
    """https://no-color.org"""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _in_colour(text: str, colour: str | None) -> str:
    return click.style(text, fg=colour, bold=True) if text and colour else text
