"""Why Slack refuses a block, and the checks that blocks share: each answers the value that it was given, if it is fit.

`at` is a JSON pointer to that value, from the list of blocks on: `/1/rows/0`.
"""

import math
from typing import Any


class Fault(Exception):
    """The first thing that Slack refuses."""

    def __init__(self, at: str, message: str) -> None:
        super().__init__(f"{message} [json-pointer:/blocks{at}]")
        self.at = at
        self.message = message


def unfit(at: str) -> Fault:
    """What Slack says of whatever it does not know."""
    return Fault(at, "failed to match any allowed schema")


def a_list(value: Any, at: str, least: int, most: int) -> list[Any]:
    if not isinstance(value, list):
        raise Fault(at, "must be a list")
    if len(value) < least:
        raise Fault(at, f"no fewer than {least} items allowed")
    if len(value) > most:
        raise Fault(at, f"no more than {most} items allowed")
    return value


def an_object(value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Fault(at, "must be an object")
    return value


def a_text(value: Any, at: str, most: float = math.inf) -> str:
    if not isinstance(value, str):
        raise Fault(at, "must be a string")
    if not value:
        raise Fault(at, "must be more than 0 characters")
    if len(value) > most:
        raise Fault(at, f"must be less than {most + 1} characters")
    return value


def a_number(value: Any, at: str) -> float:
    """JSON has no infinity and no NaN, though Python reads them."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Fault(at, "must be a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise Fault(at, "must be a number")
    return value


def a_whole_number(value: Any, at: str, least: int, most: float = math.inf) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Fault(at, "must be a whole number")
    if not least <= value <= most:
        raise Fault(at, f"must be between {least} and {most}" if most < math.inf else f"must be at least {least}")
    return value


def one_of(value: Any, at: str, *choices: str) -> str:
    if value not in choices:
        raise Fault(at, f"must be one of {', '.join(choices)}")
    return str(value)


def distinct(values: list[str], at: str) -> list[str]:
    if len(set(values)) < len(values):
        raise Fault(at, "must not repeat")
    return values
