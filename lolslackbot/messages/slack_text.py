"""The one place where words become Slack text: an announcement -> plain text and Block Kit.

Block Kit facts are from docs.slack.dev. Foreign text (names) stands in `text` elements of a rich_text block only, which
are shown as they are, so that no name can ping, link or format there. mrkdwn holds words of our own, escaped, and is
`verbatim`, so that nothing in it is looked for. Top-level `text` needs & < > escaped, and is sent with `mrkdwn` off.
"""

import html
import json
import unicodedata
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from lolslackbot.messages.announcement import Announcement, Group, Line, Name
from lolslackbot.model import Style

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
_DETAILS = "Match details"


def plain_text(announcement: Announcement) -> str:
    """The whole message without blocks: what notifications and screen readers get, and the fallback."""
    lines = announcement.lines
    opening = "".join(map(_spoken_part, announcement.opening))
    first, second = [f"{announcement.mark} {opening}"], [announcement.queue, announcement.length]
    said: list[str] = []
    if len(lines) == 1:
        first += [lines[0].how, lines[0].standout]
        second += lines[0].facts
    else:
        for group in announcement.groups:
            said += [visible(group.title), *map(_spoken, group.lines)]
    said = [_dotted(first), _dotted(second), *said, _url(announcement.link)]
    return _cut([html.escape(line, quote=False) for line in said if line])


def blocks_json(announcement: Announcement) -> str:
    """The message as Block Kit JSON."""
    blocks = _compact(announcement) if announcement.style is Style.COMPACT else _full(announcement)
    return json.dumps(blocks)


def sentences(lines: Sequence[str]) -> str:
    """Our own words, with whatever they quote, as the text of a message."""
    return _cut([html.escape(visible(line), quote=False) for line in lines])


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


def _spoken_part(part: Name | str) -> str:
    return clean(part.text) if isinstance(part, Name) else _words(part)


def _words(words: str) -> str:
    """Words of ours between names, with the spaces around them."""
    return f"{' ' * words.startswith(' ')}{visible(words)}{' ' * words.endswith(' ')}"


def _dotted(parts: Sequence[str]) -> str:
    """The first is clean already; empty ones are left out."""
    return " · ".join([*parts[:1], *(visible(part) for part in parts[1:] if part)])


def _spoken(line: Line) -> str:
    facts = visible(", ".join([line.how, *line.facts]))
    return f"{clean(line.name)}: {facts}" + (f" – {visible(line.standout)}" if line.standout else "")


def _cut(lines: list[str]) -> str:
    """As many whole lines as there is room for; ten friends with the longest names have it."""
    while len("\n".join(lines)) > MAX_TEXT:
        lines = [*lines[:-2], "…"]
    return "\n".join(lines)


def _url(url: str) -> str:
    """A link or a picture's address as it is, '' for one that could break out of its place."""
    harmless = url.isprintable() and url.isascii() and _HARMFUL.isdisjoint(url)
    return url if harmless and len(url) <= MAX_URL else ""


# Block Kit


def _full(announcement: Announcement) -> list[Json]:
    """Who and how; then what it was, when, and where to read more, with a picture beside it."""
    elements = [_section(_first(announcement))]
    if len(announcement.lines) == 1:
        facts = announcement.lines[0].facts
        elements[0]["elements"] += [_text(f"\n{visible(' · '.join(facts))}")] if facts else []
    else:
        elements += [element for group in announcement.groups for element in _of_group(group)]
    what = " · ".join([f"*{_escaped(announcement.queue)}*", _escaped(announcement.length)])
    more = " · ".join(each for each in (_when(announcement), _more(announcement)) if each)
    foot: Json = {"type": "section", "text": _mrkdwn(f"{what}\n{more}")}
    if picture := _url(announcement.picture):
        # As an accessory it never hinders the message: Slack fetches an image block's while the call is handled.
        foot["accessory"] = {"type": "image", "image_url": picture, "alt_text": clean(announcement.pictured)}
    return [{"type": "rich_text", "elements": elements}, foot]


def _first(announcement: Announcement) -> list[Json]:
    """The first line: it is what people see of a message at a glance."""
    told = [_text(f"{announcement.mark} "), *map(_part, announcement.opening)]
    if len(announcement.lines) == 1:
        line = announcement.lines[0]
        told += [_text(f" · {visible(line.how)}"), *_starred(line)]
    return told


def _part(part: Name | str) -> Json:
    return _text(clean(part.text), bold=True) if isinstance(part, Name) else _text(_words(part))


def _of_group(group: Group) -> list[Json]:
    title = [_section([_text(f"{group.mark} "), _text(visible(group.title), bold=True)])] if group.title else []
    lines = [_section(_told(line)) for line in group.lines]
    return [*title, {"type": "rich_text_list", "style": "bullet", "elements": lines}]


def _compact(announcement: Announcement) -> list[Json]:
    """One block, a line for each."""
    elements = _first(announcement)
    elements.append(_text(f" · {visible(announcement.queue)} · {visible(announcement.length)}"))
    if url := _url(announcement.link):
        elements += [_text(" · "), {"type": "link", "url": url, "text": _DETAILS}]
    for group in announcement.groups if len(announcement.lines) > 1 else ():
        if group.title:
            elements += [_text(f"\n{group.mark} "), _text(visible(group.title), bold=True)]
        for line in group.lines:
            elements += [_text("\n"), *_told(line)]
    return [{"type": "rich_text", "elements": [_section(elements)]}]


def _told(line: Line) -> list[Json]:
    facts = visible(" · ".join([line.how, *line.facts]))
    return [_text(clean(line.name), bold=True), _text(f"  {facts}"), *_starred(line)]


def _starred(line: Line) -> list[Json]:
    return [_text(f" · {line.mark}\u00a0"), _text(visible(line.standout), italic=True)] if line.standout else []


def _when(announcement: Announcement) -> str:
    """The game's end, in each reader's own time."""
    ended = announcement.ended_at.astimezone(UTC)
    return f"<!date^{int(ended.timestamp())}^{{date_short_pretty}} at {{time}}|{ended:%Y-%m-%d %H:%M} UTC>"


def _more(announcement: Announcement) -> str:
    url = _url(announcement.link)
    return f"<{_escaped(url)}|{_DETAILS}>" if url else ""


def _mrkdwn(text: str) -> Json:
    """verbatim: Slack looks for no channels, people or links in it on its own."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _escaped(text: str) -> str:
    return html.escape(visible(text), quote=False)


def _section(elements: list[Json]) -> Json:
    return {"type": "rich_text_section", "elements": elements}


def _text(text: str, *, bold: bool = False, italic: bool = False) -> Json:
    style = {name: True for name, wanted in (("bold", bold), ("italic", italic)) if wanted}
    return {"type": "text", "text": text, **({"style": style} if style else {})}
