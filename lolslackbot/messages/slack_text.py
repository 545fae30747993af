"""The one place where words become Slack text: an announcement -> plain text and Block Kit.

Block Kit facts are from docs.slack.dev: `text` elements of a rich_text block are shown as they are, so no name can
ping, link or format there; top-level `text` needs & < > escaped, and is sent with `mrkdwn` off.
"""

import html
import json
import unicodedata
from typing import Any

from lolslackbot.messages.announcement import Announcement

MAX_NAME = 40  # characters; a Riot ID's name has at most 16, old names were longer
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, bidirectional marks, surrogates, line breaks


def plain_text(announcement: Announcement) -> str:
    """The whole message without blocks: what notifications and screen readers get, and the fallback."""
    lines = [f"{clean(line.name)}: {visible(line.facts)}" for line in announcement.lines]
    return "\n".join(
        html.escape(text, quote=False) for text in (announcement.headline, *lines, announcement.link) if text
    )


def blocks_json(announcement: Announcement) -> str:
    """The message as Block Kit JSON: one rich_text block."""
    elements: list[dict[str, Any]] = [_text(announcement.headline, bold=True)]
    for line in announcement.lines:
        elements += [_text("\n"), _text(clean(line.name), bold=True), _text(f": {visible(line.facts)}")]
    if announcement.link:
        elements += [_text("\n"), {"type": "link", "url": announcement.link, "text": "Match details"}]
    section = {"type": "rich_text_section", "elements": elements}
    return json.dumps([{"type": "rich_text", "elements": [section]}])


def visible(text: str) -> str:
    """Foreign text on one line, without what cannot be seen but turns or breaks the text around it."""
    seen = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _INVISIBLE)
    return " ".join(seen.split())


def clean(name: str) -> str:
    """A foreign name, visible and not too long."""
    words = visible(name)
    return (words if len(words) <= MAX_NAME else words[: MAX_NAME - 1] + "…") or "(no name)"


def _text(text: str, *, bold: bool = False) -> dict[str, Any]:
    return {"type": "text", "text": text, **({"style": {"bold": True}} if bold else {})}
