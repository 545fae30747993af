"""A match, as a channel wants to hear of it -> the message that Slack will be sent: plain text and Block Kit."""

import html
import json
from dataclasses import dataclass
from datetime import UTC

from lolslackbot.game import Match
from lolslackbot.messages.announcement import Announcement, Group, Line, RenderOptions, announce
from lolslackbot.messages.slack_text import (
    DETAILS,
    Json,
    clean,
    cut,
    dotted,
    escaped,
    mrkdwn,
    rich,
    rich_part,
    rich_section,
    safe_url,
    spoken_part,
    visible,
)
from lolslackbot.model import Style


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """A message: `text` is complete without `blocks` (Block Kit JSON)."""

    text: str
    blocks: str
    plainer_blocks: str | None = None  # what takes their place if Slack refuses them


def render(match: Match, options: RenderOptions, style: Style) -> RenderedMessage:
    """Renders a match; its participants are those whom the channel tracks, at least one."""
    announcement = announce(match, options, style)
    return RenderedMessage(plain_text(announcement), blocks_json(announcement))


def plain_text(announcement: Announcement) -> str:
    """The whole message without blocks: what notifications and screen readers get, and the fallback."""
    lines = announcement.lines
    opening = "".join(map(spoken_part, announcement.opening))
    first, second = [f"{announcement.mark} {opening}"], [announcement.queue, announcement.length]
    said: list[str] = []
    if len(lines) == 1:
        first += [lines[0].how, lines[0].standout]
        second += lines[0].facts
    else:
        for group in announcement.groups:
            said += [visible(group.title), *map(_spoken, group.lines)]
    said = [dotted(first), dotted(second), *said, safe_url(announcement.link)]
    return cut([html.escape(line, quote=False) for line in said if line])


def blocks_json(announcement: Announcement) -> str:
    """The message as Block Kit JSON."""
    blocks = _compact(announcement) if announcement.style is Style.COMPACT else _full(announcement)
    return json.dumps(blocks)


def _spoken(line: Line) -> str:
    facts = visible(", ".join([line.how, *line.facts]))
    return f"{clean(line.name)}: {facts}" + (f" – {visible(line.standout)}" if line.standout else "")


# Block Kit


def _full(announcement: Announcement) -> list[Json]:
    """Who and how; then what it was, when, and where to read more, with a picture beside it."""
    elements = [rich_section(_first(announcement))]
    if len(announcement.lines) == 1:
        facts = announcement.lines[0].facts
        elements[0]["elements"] += [rich(f"\n{visible(' · '.join(facts))}")] if facts else []
    else:
        elements += [element for group in announcement.groups for element in _of_group(group)]
    what = " · ".join([f"*{escaped(announcement.queue)}*", escaped(announcement.length)])
    more = " · ".join(each for each in (_when(announcement), _more(announcement)) if each)
    foot: Json = {"type": "section", "text": mrkdwn(f"{what}\n{more}")}
    if picture := safe_url(announcement.picture):
        # As an accessory it never hinders the message: Slack fetches an image block's while the call is handled.
        foot["accessory"] = {"type": "image", "image_url": picture, "alt_text": clean(announcement.pictured)}
    return [{"type": "rich_text", "elements": elements}, foot]


def _first(announcement: Announcement) -> list[Json]:
    """The first line: it is what people see of a message at a glance."""
    told = [rich(f"{announcement.mark} "), *map(rich_part, announcement.opening)]
    if len(announcement.lines) == 1:
        line = announcement.lines[0]
        told += [rich(f" · {visible(line.how)}"), *_starred(line)]
    return told


def _of_group(group: Group) -> list[Json]:
    title = [rich_section([rich(f"{group.mark} "), rich(visible(group.title), bold=True)])] if group.title else []
    lines = [rich_section(_told(line)) for line in group.lines]
    return [*title, {"type": "rich_text_list", "style": "bullet", "elements": lines}]


def _compact(announcement: Announcement) -> list[Json]:
    """One block, a line for each."""
    elements = _first(announcement)
    elements.append(rich(f" · {visible(announcement.queue)} · {visible(announcement.length)}"))
    if url := safe_url(announcement.link):
        elements += [rich(" · "), {"type": "link", "url": url, "text": DETAILS}]
    for group in announcement.groups if len(announcement.lines) > 1 else ():
        if group.title:
            elements += [rich(f"\n{group.mark} "), rich(visible(group.title), bold=True)]
        for line in group.lines:
            elements += [rich("\n"), *_told(line)]
    return [{"type": "rich_text", "elements": [rich_section(elements)]}]


def _told(line: Line) -> list[Json]:
    facts = visible(" · ".join([line.how, *line.facts]))
    return [rich(clean(line.name), bold=True), rich(f"  {facts}"), *_starred(line)]


def _starred(line: Line) -> list[Json]:
    return [rich(f" · {line.mark}\u00a0"), rich(visible(line.standout), italic=True)] if line.standout else []


def _when(announcement: Announcement) -> str:
    """The game's end, in each reader's own time."""
    ended = announcement.ended_at.astimezone(UTC)
    return f"<!date^{int(ended.timestamp())}^{{date_short_pretty}} at {{time}}|{ended:%Y-%m-%d %H:%M} UTC>"


def _more(announcement: Announcement) -> str:
    url = safe_url(announcement.link)
    return f"<{escaped(url)}|{DETAILS}>" if url else ""
