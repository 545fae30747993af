"""What a person sees: tables, JSON, the summary line, and the one line of an error."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click


def one_line(text: str) -> str:
    """Foreign text without what moves a terminal's cursor."""
    return "".join(c if c.isprintable() else " " for c in text)


def show_table(rows: Sequence[dict[str, Any]], empty: str) -> None:
    """Columns as wide as they need, headed by the names of the first row's keys."""
    if not rows:
        click.echo(empty)
        return
    table = [list(rows[0]), *[["" if cell is None else one_line(str(cell)) for cell in row.values()] for row in rows]]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


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


def show_line(text: str) -> None:
    click.echo(one_line(text))


def show_error(text: str) -> None:
    click.echo(f"lolslackbot: {one_line(text)}", err=True)
