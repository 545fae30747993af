"""What a person sees: tables, JSON, the summary line, and the one line of an error.

A terminal gets local times and colours; a file or a pipe gets UTC, as the log has it.
"""

import json
import os
import re
import sys
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from io import TextIOWrapper
from typing import Any, TextIO

import click

ALARM, CAUTION, FINE = "red", "yellow", "green"  # colours
_UNDECODED = re.compile("[\udc80-\udcff]+")  # how Python keeps bytes that are no letters in this locale
_UTC = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{3})?)?Z")


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
    """Columns as wide as they need, headed by the names of the first row's keys."""
    if not rows:
        click.echo(empty)
        return
    table = [list(rows[0]), *([_shown("" if cell is None else str(cell)) for cell in row.values()] for row in rows)]
    widths = [max(map(width_of, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = zip(line, widths, strict=True)
        click.echo("  ".join(cell + " " * (width - width_of(cell)) for cell, width in cells).rstrip())


def width_of(text: str) -> int:
    """How many of a terminal's columns a text takes: East Asian letters two each, accents none."""
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def _shown(text: str, stream: TextIO | None = None) -> str:
    """As `stream` (stdout) gets it: a terminal with local times, others with UTC."""
    line = one_line(text)
    return local_times(line) if (stream or sys.stdout).isatty() else line


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
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    lines = json.dumps(value, ensure_ascii=plain, indent=2).split("\n")  # within its strings there is none
    click.echo("\n".join("".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line) for line in lines))


def show_line(text: str, *, whole: bool = False, colour: str | None = None, coloured: int | None = None) -> None:
    """On a terminal with local times, and coloured; all of it, or the first letters.

    whole: as it is, since it is there to be copied.
    """
    if whole or not sys.stdout.isatty():
        click.echo(one_line(text))
        return
    line = _shown(text)
    head, tail = line[:coloured], line[len(line[:coloured]) :]
    click.echo((click.style(head, fg=colour, bold=True) if head and colour and _has_colours() else head) + tail)


def show_error(text: str) -> None:
    click.echo(_shown(f"lolslackbot: {text}", sys.stderr), file=sys.stderr)


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
