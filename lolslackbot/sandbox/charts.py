"""The block `data_visualization`: a pie, or bars, lines or areas over categories."""

from typing import Any

from lolslackbot.sandbox.faults import Fault, a_list, a_number, a_text, an_object, distinct, one_of

_TITLE, _AXIS_LABEL, _NAME = 50, 50, 20
_SEGMENTS, _SERIES, _POINTS = 6, 6, 20


def check_chart(block: dict[str, Any], at: str) -> None:
    a_text(block.get("title"), f"{at}/title", _TITLE)
    chart, at = an_object(block.get("chart"), f"{at}/chart"), f"{at}/chart"
    if one_of(chart.get("type"), f"{at}/type", "pie", "bar", "line", "area") == "pie":
        _check_pie(chart, at)
    else:
        _check_series(chart, at)


def chart_words(block: dict[str, Any]) -> str:
    """Its title, and a line for each series; a pie has one line."""
    chart = block["chart"]
    if chart["type"] == "pie":
        return f"{block['title']}\n{_point_words(chart['segments'])}"
    return "\n".join([block["title"], *(f"{each['name']}: {_point_words(each['data'])}" for each in chart["series"])])


def _check_pie(chart: dict[str, Any], at: str) -> None:
    for place, each in enumerate(a_list(chart.get("segments"), f"{at}/segments", 1, _SEGMENTS)):
        _label_of(each, f"{at}/segments/{place}")
        if each["value"] <= 0:
            raise Fault(f"{at}/segments/{place}/value", "must be greater than 0")


def _check_series(chart: dict[str, Any], at: str) -> None:
    categories = _categories(chart.get("axis_config"), f"{at}/axis_config")
    at = f"{at}/series"
    series = a_list(chart.get("series"), at, 1, _SERIES)
    distinct([_name_of(each, f"{at}/{place}", categories) for place, each in enumerate(series)], at)


def _categories(value: Any, at: str) -> list[str]:
    """The labels of the x-axis, in the order of the chart."""
    config = an_object(value, at)
    for name in ("x_label", "y_label"):
        a_text(config.get(name, "-"), f"{at}/{name}", _AXIS_LABEL)
    at = f"{at}/categories"
    found = a_list(config.get("categories"), at, 1, _POINTS)
    return distinct([a_text(each, f"{at}/{place}", _NAME) for place, each in enumerate(found)], at)


def _name_of(value: Any, at: str, categories: list[str]) -> str:
    """Of a series, whose points must be one for each category."""
    series = an_object(value, at)
    name = a_text(series.get("name"), f"{at}/name", _NAME)
    points = a_list(series.get("data"), f"{at}/data", 1, _POINTS)
    labels = [_label_of(each, f"{at}/data/{place}") for place, each in enumerate(points)]
    if sorted(labels) != sorted(categories):
        raise Fault(f"{at}/data", "must have exactly one point for each category")
    return name


def _label_of(value: Any, at: str) -> str:
    """Of a point or a segment, which has a value too."""
    point = an_object(value, at)
    a_number(point.get("value"), f"{at}/value")
    return a_text(point.get("label"), f"{at}/label", _NAME)


def _point_words(points: list[dict[str, Any]]) -> str:
    return ", ".join(f"{each['label']} {each['value']}" for each in points)
