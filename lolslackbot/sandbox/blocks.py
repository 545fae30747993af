"""Block Kit as far as a poster needs it: what Slack refuses, and what a reader sees.

Limits are those of docs.slack.dev's Block Kit reference.
"""

from collections.abc import Callable, Collection
from typing import Any

from lolslackbot.sandbox.charts import chart_words, check_chart
from lolslackbot.sandbox.faults import Fault, a_list, unfit
from lolslackbot.sandbox.tables import check_data_table, check_table, table_words
from lolslackbot.sandbox.texts import MAX_TEXT, is_list, is_rich_text, is_text, words

MAX_BLOCKS = 50
_FIELD_TEXT, _HEADER_TEXT = 2000, 150
_URL, _ALT_TEXT = 3000, 2000
# Block types whose faults are told to the point.
_CHECKS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "table": check_table,
    "data_table": check_data_table,
    "data_visualization": check_chart,
}
_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "table": table_words,
    "data_table": table_words,
    "data_visualization": chart_words,
}
# How many blocks of such types a message may have.
_AT_MOST = {("table", "data_table"): 1, ("data_visualization",): 2}


def fault_of(blocks: Any, unknown: Collection[str] = ()) -> str | None:
    """Why Slack refuses these blocks; None if it takes them."""
    try:
        check_blocks(blocks, unknown)
    except Fault as fault:
        return str(fault)
    return None


def check_blocks(blocks: Any, unknown: Collection[str] = ()) -> None:
    """Raises the first Fault that Slack finds. unknown: block types that the workspace does not know."""
    for place, block in enumerate(a_list(blocks, "", 0, MAX_BLOCKS)):
        _check_block(block, f"/{place}", unknown)
    for types, most in _AT_MOST.items():
        places = [place for place, block in enumerate(blocks) if block["type"] in types]
        if len(places) > most:
            raise Fault(f"/{places[most]}", f"no more than {most} of {' and '.join(types)} allowed in a message")


def shown(blocks: list[Any]) -> str:
    """The words of a message's blocks, a line or more for each."""
    texts = (_WORDS.get(block.get("type", ""), words)(block) for block in blocks)
    return "\n".join(text for text in texts if text)


def _check_block(block: Any, at: str, unknown: Collection[str]) -> None:
    block_type = str(block.get("type")) if isinstance(block, dict) else None
    if block_type is None or block_type in unknown:
        raise unfit(at)
    if block_type == "image":  # no picture can be loaded from here
        raise Fault(f"{at}/image_url", "downloading image failed")
    if block_type in _CHECKS:
        _CHECKS[block_type](block, at)
    elif not _is_block(block):
        raise unfit(at)


def _is_block(block: dict[str, Any]) -> bool:
    elements: Any = block.get("elements")
    match block.get("type"):
        case "divider":
            return True
        case "header":
            text: Any = block.get("text")
            return is_text(text, _HEADER_TEXT) and text["type"] == "plain_text"
        case "section":
            return _is_section(block)
        case "context":
            return is_list(elements, 10) and all(is_text(each) or _is_image(each) for each in elements)
        case "rich_text":
            return is_rich_text(block)
    return False


def _is_section(block: dict[str, Any]) -> bool:
    if "text" not in block and "fields" not in block:
        return False
    fields = block.get("fields", [{"type": "plain_text", "text": "-"}])
    return (
        ("text" not in block or is_text(block["text"], MAX_TEXT))
        and is_list(fields, 10)
        and all(is_text(each, _FIELD_TEXT) for each in fields)
        and ("accessory" not in block or _is_image(block["accessory"]))
    )


def _is_image(value: Any) -> bool:
    """An element, which Slack takes whatever its URL does; image blocks are another matter."""
    if not isinstance(value, dict) or value.get("type") != "image":
        return False
    limits = {"image_url": _URL, "alt_text": _ALT_TEXT}
    return all(isinstance(value.get(name), str) and 1 <= len(value[name]) <= most for name, most in limits.items())
