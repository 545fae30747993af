"""The blocks `table` and `data_table`."""

from typing import Any

from lolslackbot.sandbox.faults import Fault, a_list, a_number, a_text, a_whole_number, an_object, one_of, unfit
from lolslackbot.sandbox.texts import is_rich_text, leaves, words

_ROWS, _COLUMNS, _PAGE = 100, 20, 100
_CHARACTERS = 10_000  # over all cells
_TEXTS = ("raw_text", "rich_text")


def check_table(block: dict[str, Any], at: str) -> None:
    _check_rows(block.get("rows"), f"{at}/rows", 1, _ROWS, _TEXTS, _TEXTS)
    settings = a_list(block.get("column_settings", []), f"{at}/column_settings", 0, _COLUMNS)
    for place, each in enumerate(settings):
        if each is not None:  # a column without settings
            _check_setting(each, f"{at}/column_settings/{place}")


def check_data_table(block: dict[str, Any], at: str) -> None:
    """The first row is the header; it comes on top of the rows that are allowed."""
    a_text(block.get("caption"), f"{at}/caption")
    _check_rows(block.get("rows"), f"{at}/rows", 2, 1 + _ROWS, ("raw_text",), (*_TEXTS, "raw_number"))
    a_whole_number(block.get("page_size", 1), f"{at}/page_size", 1, _PAGE)
    a_whole_number(block.get("row_header_column_index", 0), f"{at}/row_header_column_index", 0)


def table_words(block: dict[str, Any]) -> str:
    """Its caption, if it has one, and a line for each row."""
    rows = [" | ".join(_cell_words(cell) for cell in row) for row in block["rows"]]
    return "\n".join([block["caption"], *rows] if "caption" in block else rows)


def _check_rows(
    value: Any, at: str, least: int, most: int, first_kinds: tuple[str, ...], kinds: tuple[str, ...]
) -> None:
    rows = a_list(value, at, least, most)
    for place, row in enumerate(rows):
        _check_row(row, f"{at}/{place}", kinds if place else first_kinds)
        if len(row) != len(rows[0]):
            raise Fault(f"{at}/{place}", "must have as many cells as the first row")
    if sum(_length(cell) for row in rows for cell in row) > _CHARACTERS:
        raise Fault(at, f"no more than {_CHARACTERS} characters allowed over all cells")


def _check_row(value: Any, at: str, kinds: tuple[str, ...]) -> None:
    for place, cell in enumerate(a_list(value, at, 1, _COLUMNS)):
        _check_cell(an_object(cell, f"{at}/{place}"), f"{at}/{place}", kinds)


def _check_cell(cell: dict[str, Any], at: str, kinds: tuple[str, ...]) -> None:
    match one_of(cell.get("type"), f"{at}/type", *kinds):
        case "raw_text":
            a_text(cell.get("text"), f"{at}/text")
        case "raw_number":
            a_number(cell.get("value"), f"{at}/value")
            a_text(cell.get("text"), f"{at}/text")
        case "rich_text":
            if not is_rich_text(cell):
                raise unfit(at)
            if not any(leaves(cell)):
                raise Fault(f"{at}/elements", "must be more than 0 characters")


def _check_setting(value: Any, at: str) -> None:
    setting = an_object(value, at)
    one_of(setting.get("align", "left"), f"{at}/align", "left", "center", "right")
    if not isinstance(setting.get("is_wrapped", False), bool):
        raise Fault(f"{at}/is_wrapped", "must be true or false")


def _length(cell: dict[str, Any]) -> int:
    """In characters; of a link without a text its address, which then is what is read."""
    if cell["type"] == "rich_text":
        return sum(len(leaf.get("text") or str(leaf.get("url", ""))) for leaf in leaves(cell))
    return len(cell["text"])


def _cell_words(cell: dict[str, Any]) -> str:
    """In one line. A number comes with the text that stands for it."""
    text = cell["text"] if cell["type"] == "raw_number" else words(cell)
    return " ".join(text.splitlines())
