"""Block Kit as far as a poster needs it: what Slack refuses, and what a reader sees.

Limits are those of docs.slack.dev's Block Kit reference.
"""

import html
import re
from typing import Any

MAX_BLOCKS = 50
_SECTION_TEXT, _FIELD_TEXT, _HEADER_TEXT = 3000, 2000, 150
_URL, _ALT_TEXT = 3000, 2000
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


def fault_of(blocks: Any) -> str | None:
    """Why Slack refuses these blocks; None if it takes them."""
    if not isinstance(blocks, list):
        return "invalid blocks: no list"
    if len(blocks) > MAX_BLOCKS:
        return f"no more than {MAX_BLOCKS} items allowed [json-pointer:/blocks]"
    for place, block in enumerate(blocks):
        if isinstance(block, dict) and block.get("type") == "image":  # no picture can be loaded from here
            return f"downloading image failed [json-pointer:/blocks/{place}/image_url]"
        if not _is_block(block):
            return f"failed to match any allowed schema [json-pointer:/blocks/{place}]"
    return None


def shown(blocks: list[Any]) -> str:
    """The words of a message's blocks, a line or more for each."""
    return "\n".join(text for text in (_words(block) for block in blocks) if text)


def _is_block(block: Any) -> bool:
    if not isinstance(block, dict):
        return False
    elements: Any = block.get("elements")
    match block.get("type"):
        case "divider":
            return True
        case "header":
            text: Any = block.get("text")
            return _is_text(text, _HEADER_TEXT) and text["type"] == "plain_text"
        case "section":
            return _is_section(block)
        case "context":
            return _is_list(elements, 10) and all(_is_text(each) or _is_image(each) for each in elements)
        case "rich_text":
            return _is_list(elements) and all(_is_rich(each) for each in elements)
    return False


def _is_section(block: dict[str, Any]) -> bool:
    if "text" not in block and "fields" not in block:
        return False
    fields = block.get("fields", [{"type": "plain_text", "text": "-"}])
    return (
        ("text" not in block or _is_text(block["text"], _SECTION_TEXT))
        and _is_list(fields, 10)
        and all(_is_text(each, _FIELD_TEXT) for each in fields)
        and ("accessory" not in block or _is_image(block["accessory"]))
    )


def _is_list(value: Any, most: int = MAX_BLOCKS) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= most


def _is_text(value: Any, most: int = _SECTION_TEXT) -> bool:
    return (
        isinstance(value, dict)
        and value.get("type") in ("plain_text", "mrkdwn")
        and isinstance(value.get("text"), str)
        and 1 <= len(value["text"]) <= most
    )


def _is_image(value: Any) -> bool:
    """An element, which Slack takes whatever its URL does; image blocks are another matter."""
    if not isinstance(value, dict) or value.get("type") != "image":
        return False
    limits = {"image_url": _URL, "alt_text": _ALT_TEXT}
    return all(isinstance(value.get(name), str) and 1 <= len(value[name]) <= most for name, most in limits.items())


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
    return needed is not None and needed <= element.keys() and element.get("text") != ""


def _words(block: dict[str, Any]) -> str:
    """Depth first, in the order that Slack shows; mrkdwn is unescaped, plain text is taken as it is."""
    if "elements" in block:
        between = {"context": "  ", "rich_text": "\n", "rich_text_list": "\n"}.get(block.get("type", ""), "")
        return between.join(_words(each) for each in block["elements"] if isinstance(each, dict))
    if block.get("type") == "section":
        return "\n".join(_words(each) for each in (block.get("text"), *block.get("fields", ())) if each)
    text = block.get("text", "")
    if isinstance(text, dict):
        return _words(text)
    if block.get("type") == "link":
        return f"{text} <{block.get('url')}>" if text else str(block.get("url"))
    return _read_mrkdwn(text) if block.get("type") == "mrkdwn" else str(text)


def _read_mrkdwn(text: str) -> str:
    """Dates as their fallback, links as text and address, bold as plain."""
    text = re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", text)
    text = re.sub(r"<(https?:[^|>]*)\|([^>]*)>", r"\2 &lt;\1&gt;", text)
    return html.unescape(re.sub(r"(?m)(^|\s)\*([^*\n]+)\*(?=\s|$)", r"\1\2", text))
