"""What a person sees: tables, JSON, the summary line, and the one line of an error.

A program that reads it gets whole lines; a terminal gets them folded between words.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import TextIOWrapper
from itertools import accumulate
from typing import Any, TextIO

import click

INDENT = 4
_WORD = r"\s*(?:`[^`]*`|\S)+"  # with the spaces before it; a command in backquotes is one: it is copied


# What looks like a Riot key or a Slack token, wherever it came from. Shorter ones are examples: `xoxb-…`.
_KEY_OR_TOKEN = re.compile(r"(?:RGAPI-|xox[a-z][.-]|xapp-)[A-Za-z0-9._%-]{6,}", re.IGNORECASE)


def masked(text: str) -> str:
    """Without any key or token: one may have been put where it does not belong."""
    return _KEY_OR_TOKEN.sub("***", text)


def one_line(text: str) -> str:
    """Foreign text without what moves a terminal's cursor, and without any key or token."""
    return masked("".join(c if c.isprintable() else " " for c in text))


def show_any_letter() -> None:
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
    names = list(rows[0])
    table = [names, *[["" if cell is None else one_line(str(cell)) for cell in row.values()] for row in rows]]
    widths = [max(width_of(line[column]) for line in table) for column in range(len(names))]
    room = _room(sys.stdout)
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
    return f"{seconds} seconds ago" if seconds >= 0 else "in the future (was the clock set back?)"


def show_json(value: Any) -> None:
    import json  # only who asks for it waits for it

    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def show_line(text: str, *, whole: bool = False) -> None:
    """whole: never folded, since it is there to be copied."""
    _show(text, sys.stdout, whole)


def show_error(text: str) -> None:
    _show(f"lolslackbot: {text}", sys.stderr)


def _show(text: str, stream: TextIO, whole: bool = False) -> None:
    room = _room(stream)
    for line in folded(one_line(text), room) if room and not whole else [one_line(text)]:
        click.echo(line, file=stream)
