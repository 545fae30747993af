"""Texts within blocks: what Slack takes as one, and how it reads."""

import html
import re
from collections.abc import Iterator
from typing import Any

MAX_TEXT = 3000
_RICH_ELEMENTS = 50
# What a rich_text leaf needs besides its type.
_LEAVES = {
    "text": {"text"},
    "link": {"url"},
    "emoji": {"name"},
    "date": {"timestamp", "format"},
    "user": {"user_id"},
    "usergroup": {"usergroup_id"},
    "channel": {"channel_id"},
    "broadcast": {"range"},
}


def is_list(value: Any, most: int) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= most


def is_text(value: Any, most: int = MAX_TEXT) -> bool:
    return (
        isinstance(value, dict)
        and value.get("type") in ("plain_text", "mrkdwn")
        and isinstance(value.get("text"), str)
        and 1 <= len(value["text"]) <= most
    )


def is_rich_text(block: Any) -> bool:
    """A block of rich text, which a table may have as a cell."""
    return (
        isinstance(block, dict)
        and block.get("type") == "rich_text"
        and is_list(block.get("elements"), _RICH_ELEMENTS)
        and all(_is_rich(each) for each in block["elements"])
    )


def leaves(element: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a rich text says, piece by piece."""
    for each in element["elements"]:
        if each["type"] in _LEAVES:
            yield each
        else:
            yield from leaves(each)


def words(block: dict[str, Any]) -> str:
    """Depth first, in the order that Slack shows; mrkdwn is unescaped, plain text is taken as it is."""
    if "elements" in block:
        between = {"context": "  ", "rich_text": "\n", "rich_text_list": "\n"}.get(block.get("type", ""), "")
        return between.join(words(each) for each in block["elements"] if isinstance(each, dict))
    if block.get("type") == "section":
        return "\n".join(words(each) for each in (block.get("text"), *block.get("fields", ())) if each)
    text = block.get("text", "")
    if isinstance(text, dict):
        return words(text)
    if block.get("type") == "link":
        return f"{text} <{block.get('url')}>" if text else str(block.get("url"))
    return _read_mrkdwn(text) if block.get("type") == "mrkdwn" else str(text)


def _is_rich(value: Any) -> bool:
    """A rich_text_section, _list, _quote or _preformatted; a text in it has at least one character."""
    if not isinstance(value, dict) or not isinstance(value.get("elements"), list):
        return False
    if not str(value.get("type", "")).startswith("rich_text_"):
        return False
    return all(_is_rich(each) or _is_rich_leaf(each) for each in value["elements"])


def _is_rich_leaf(element: Any) -> bool:
    if not isinstance(element, dict):
        return False
    needed = _LEAVES.get(str(element.get("type")))
    return needed is not None and needed <= element.keys() and _is_filled(element.get("text", "-"))


def _is_filled(text: Any) -> bool:
    return isinstance(text, str) and text != ""


def _read_mrkdwn(text: str) -> str:
    """Dates as their fallback, links as text and address, bold as plain."""
    text = re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", text)
    text = re.sub(r"<(https?:[^|>]*)\|([^>]*)>", r"\2 &lt;\1&gt;", text)
    return html.unescape(re.sub(r"(?m)(^|\s)\*([^*\n]+)\*(?=\s|$)", r"\1\2", text))
