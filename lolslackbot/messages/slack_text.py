"""How words stand in Slack's text and in Block Kit: nothing that a name holds formats, links or pings.

Block Kit facts are from docs.slack.dev. Foreign text (names) stands in `text` elements of a rich_text block only, which
are shown as they are, so that no name can ping, link or format there. mrkdwn holds words of our own, escaped, and is
`verbatim`, so that nothing in it is looked for. Top-level `text` needs & < > escaped, and is sent with `mrkdwn` off.
"""

import html
import unicodedata
from collections.abc import Sequence
from typing import Any

from lolslackbot.messages.announcement import Name

Json = dict[str, Any]

MAX_NAME = 40  # characters; a Riot ID's name has at most 16, old names were longer
MAX_TEXT = 3000  # characters; Slack splits a longer `text` into several messages from about 4,000 on
MAX_URL = 2000  # characters; Slack takes 3,000 for a picture, and says nothing of links
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, bidirectional marks, surrogates, line breaks
# Letters and marks that are drawn as nothing: Hangul fillers, an empty Braille cell, joiners, variation selectors.
_BLANK = frozenset("\u034f\U0001d159\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | frozenset(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_RIGHT_TO_LEFT = {"R", "AL", "AN"}  # bidirectional classes
_APART, _TOGETHER = "\u2068", "\u2069"  # isolates: what is between them turns nothing around it
_HARMFUL = frozenset(' <>|"\\^`')  # in an address: ends it, or breaks out of its place
DETAILS = "Match details"


def sentences(lines: Sequence[str]) -> str:
    """Our own words, with whatever they quote, as the text of a message."""
    return cut([html.escape(visible(line), quote=False) for line in lines])


def visible(text: str) -> str:
    """Foreign text on one line, without what cannot be seen but turns or breaks the text around it."""
    if not text.isprintable():  # most is: nothing invisible in it, and no space but the common one
        text = "".join(
            " " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _INVISIBLE
        )
    return " ".join(text.split())


def clean(name: str) -> str:
    """A foreign name, visible, not too long, and if it is read from right to left, without effect on what follows."""
    words = visible(name)
    if all(c in _BLANK or c == " " for c in words):
        return "(no name)"
    words = words if len(words) <= MAX_NAME else words[: MAX_NAME - 1] + "…"
    turns = not words.isascii() and any(unicodedata.bidirectional(each) in _RIGHT_TO_LEFT for each in words)
    return f"{_APART}{words}{_TOGETHER}" if turns else words


def spoken_part(part: Name | str) -> str:
    return clean(part.text) if isinstance(part, Name) else _words(part)


def _words(words: str) -> str:
    """Words of ours between names, with the spaces around them."""
    return f"{' ' * words.startswith(' ')}{visible(words)}{' ' * words.endswith(' ')}"


def dotted(parts: Sequence[str]) -> str:
    """The first is clean already; empty ones are left out."""
    return " · ".join([*parts[:1], *(visible(part) for part in parts[1:] if part)])


def cut(lines: list[str]) -> str:
    """As many whole lines as there is room for; ten friends with the longest names have it."""
    while len("\n".join(lines)) > MAX_TEXT:
        lines = [*lines[:-2], "…"]
    return "\n".join(lines)


def safe_url(url: str) -> str:
    """A link or a picture's address as it is, '' for one that could break out of its place."""
    harmless = url.isprintable() and url.isascii() and _HARMFUL.isdisjoint(url)
    return url if harmless and len(url) <= MAX_URL else ""


# Block Kit


def mrkdwn(text: str) -> Json:
    """verbatim: Slack looks for no channels, people or links in it on its own."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def escaped(text: str) -> str:
    return html.escape(visible(text), quote=False)


def rich_section(elements: list[Json]) -> Json:
    return {"type": "rich_text_section", "elements": elements}


def rich(text: str, *, bold: bool = False, italic: bool = False) -> Json:
    style = {name: True for name, wanted in (("bold", bold), ("italic", italic)) if wanted}
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def rich_part(part: Name | str) -> Json:
    return rich(clean(part.text), bold=True) if isinstance(part, Name) else rich(_words(part))
