"""Tables and charts: the largest that Slack takes, the first that it refuses, and how both read."""

import math
from typing import Any

import pytest

from lolslackbot.sandbox.blocks import fault_of, shown

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}


def raw(text: Any = "x") -> dict[str, Any]:
    return {"type": "raw_text", "text": text}


def number(value: Any = 1, **more: Any) -> dict[str, Any]:
    return {"type": "raw_number", "value": value, "text": str(value), **more}


def rich(*leaves: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(leaves)}]}


def bold(text: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, "style": {"bold": True}}


def grid(rows: int, columns: int = 1, text: str = "x") -> list[list[dict[str, Any]]]:
    return [[raw(text)] * columns for _ in range(rows)]


def table(rows: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "table", "rows": grid(2) if rows is None else rows, **more}


def data_table(rows: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "data_table", "caption": "Week", "rows": grid(2) if rows is None else rows, **more}


def point(label: Any = "Mon", value: Any = 1) -> dict[str, Any]:
    return {"label": label, "value": value}


def series(name: Any = "Ahri", *labels: str, value: Any = 1) -> dict[str, Any]:
    return {"name": name, "data": [point(label, value) for label in labels or ("Mon",)]}


def chart(chart_type: Any = "bar", **more: Any) -> dict[str, Any]:
    found = {"type": chart_type, "series": [series()], "axis_config": {"categories": ["Mon"]}, **more}
    return {"type": "data_visualization", "title": "LP", "chart": found}


def pie(*segments: dict[str, Any]) -> dict[str, Any]:
    return {"type": "data_visualization", "title": "LP", "chart": {"type": "pie", "segments": list(segments)}}


def over(*categories: Any, **axis: Any) -> dict[str, Any]:
    """A line over these categories."""
    return chart("line", series=[series("Ahri", *categories)], axis_config={"categories": list(categories), **axis})


DAYS = [f"day {number}" for number in range(21)]
NAMES = [f"player {number}" for number in range(7)]


@pytest.mark.parametrize(
    "block",
    [
        table(grid(1)),
        table(grid(100)),
        table(grid(1, 20)),
        table([[rich(bold("x"))]]),
        table([[rich({"type": "emoji", "name": "tada"})]]),
        table([[raw("x" * 10_000)]]),
        table(grid(100, 20, "xxxxx")),
        table(
            [
                [
                    raw("x" * 5000),
                    rich(bold("x" * 3000), {"type": "link", "url": "https://x.example", "text": "x" * 2000}),
                ]
            ]
        ),
        table([[rich({"type": "link", "url": "x" * 10_000})]]),
        table(column_settings=[]),
        table(column_settings=[None] * 20),
        table(column_settings=[{}, {"align": "left"}, {"align": "center"}, {"align": "right", "is_wrapped": True}]),
        data_table(grid(2)),
        data_table(grid(101)),
        data_table(grid(2, 20)),
        data_table([[raw(), raw(), raw()], [number(0), number(-0.5), rich(bold("x"))]]),
        data_table([[raw()], [number(1, text="first")]]),
        data_table([[raw("x" * 9996)], [number(-1.5)]]),
        data_table(page_size=1, row_header_column_index=0),
        data_table(page_size=100, row_header_column_index=19),
        {**chart(), "title": "x" * 50},
        pie(point()),
        pie(*(point(day, 0.01) for day in DAYS[:6])),
        pie(point("x" * 20)),
        chart("bar"),
        chart("line"),
        chart("area"),
        chart(series=[series(name) for name in NAMES[:6]]),
        chart(series=[series("x" * 20, value=-2.5)]),
        chart(series=[series("Mon", "b", "a")], axis_config={"categories": ["a", "b"]}),
        over(*DAYS[:20]),
        over("x" * 20),
        over("Mon", x_label="x" * 50, y_label="x" * 50),
    ],
)
def test_what_slack_takes(block: dict[str, Any]) -> None:
    assert fault_of([SECTION, block]) is None


@pytest.mark.parametrize(
    ("block", "pointer"),
    [
        ({"type": "table"}, "/rows"),
        (table([]), "/rows"),
        (table(grid(101)), "/rows"),
        (table([[]]), "/rows/0"),
        (table(grid(1, 21)), "/rows/0"),
        (table(["x"]), "/rows/0"),
        (table([[raw()], [raw(), raw()]]), "/rows/1"),
        (table([["x"]]), "/rows/0/0"),
        (table([[None]]), "/rows/0/0"),
        (table([[number()]]), "/rows/0/0/type"),
        (table([[raw(), {"text": "x"}]]), "/rows/0/1/type"),
        (table([[raw(), raw("")]]), "/rows/0/1/text"),
        (table([[raw(5)]]), "/rows/0/0/text"),
        (table([[rich(bold(""))]]), "/rows/0/0"),
        (table([[rich(bold(5))]]), "/rows/0/0"),
        (table([[rich()]]), "/rows/0/0/elements"),
        (table([[{"type": "rich_text", "elements": []}]]), "/rows/0/0"),
        (table([[raw("x" * 10_001)]]), "/rows"),
        (table([[raw("x" * 5000), rich(bold("x" * 5001))]]), "/rows"),
        (table([[rich({"type": "link", "url": "x" * 10_001})]]), "/rows"),
        (table(column_settings=None), "/column_settings"),
        (table(column_settings=[None] * 21), "/column_settings"),
        (table(column_settings=["left"]), "/column_settings/0"),
        (table(column_settings=[None, {"align": "top"}]), "/column_settings/1/align"),
        (table(column_settings=[{"is_wrapped": 1}]), "/column_settings/0/is_wrapped"),
        (data_table(caption=""), "/caption"),
        (data_table(caption=None), "/caption"),
        (data_table(grid(1)), "/rows"),
        (data_table(grid(102)), "/rows"),
        (data_table(grid(2, 21)), "/rows/0"),
        (data_table([[raw()], [raw(), raw()]]), "/rows/1"),
        (data_table([[number()], [number()]]), "/rows/0/0/type"),
        (data_table([[rich(bold("x"))], [raw()]]), "/rows/0/0/type"),
        (data_table([[raw()], [raw("")]]), "/rows/1/0/text"),
        (data_table([[raw()], [rich()]]), "/rows/1/0/elements"),
        (data_table([[raw()], [number("1")]]), "/rows/1/0/value"),
        (data_table([[raw()], [number(True)]]), "/rows/1/0/value"),
        (data_table([[raw()], [number(None)]]), "/rows/1/0/value"),
        (data_table([[raw()], [number(math.nan)]]), "/rows/1/0/value"),
        (data_table([[raw()], [number(1, text="")]]), "/rows/1/0/text"),
        (data_table([[raw("x" * 9997)], [number(-1.5)]]), "/rows"),
        (data_table(page_size=0), "/page_size"),
        (data_table(page_size=101), "/page_size"),
        (data_table(page_size=True), "/page_size"),
        (data_table(row_header_column_index=-1), "/row_header_column_index"),
        (data_table(row_header_column_index=0.5), "/row_header_column_index"),
        ({**chart(), "title": ""}, "/title"),
        ({**chart(), "title": "x" * 51}, "/title"),
        ({"type": "data_visualization", "title": "LP"}, "/chart"),
        (chart("scatter"), "/chart/type"),
        (chart(["bar"]), "/chart/type"),
        (pie(), "/chart/segments"),
        (pie(*(point(day) for day in DAYS[:7])), "/chart/segments"),
        (pie(point("")), "/chart/segments/0/label"),
        (pie(point(), point("x" * 21)), "/chart/segments/1/label"),
        (pie(point("Mon", 0)), "/chart/segments/0/value"),
        (pie(point("Mon", -1)), "/chart/segments/0/value"),
        (pie(point("Mon", True)), "/chart/segments/0/value"),
        (chart(series=[]), "/chart/series"),
        (chart(series=[series(name) for name in NAMES]), "/chart/series"),
        (chart(series=[series(), series()]), "/chart/series"),
        (chart(series=[series("")]), "/chart/series/0/name"),
        (chart(series=[series("x" * 21)]), "/chart/series/0/name"),
        (chart(series=[series(value=None)]), "/chart/series/0/data/0/value"),
        (chart(series=[series(value=False)]), "/chart/series/0/data/0/value"),
        (chart(series=[series(value=math.inf)]), "/chart/series/0/data/0/value"),
        (chart(series=[{"name": "Ahri", "data": [None]}]), "/chart/series/0/data/0"),
        (chart(series=[{"name": "Ahri", "data": []}]), "/chart/series/0/data"),
        (chart(series=[series("Ahri", "Tue")]), "/chart/series/0/data"),
        (chart(series=[series(), series("Lux", "Mon", "Mon")]), "/chart/series/1/data"),
        (chart(axis_config={"categories": ["Mon", "Tue"]}), "/chart/series/0/data"),
        (chart(axis_config=None), "/chart/axis_config"),
        (chart(axis_config={"categories": []}), "/chart/axis_config/categories"),
        (over(*DAYS), "/chart/axis_config/categories"),
        (over("Mon", "Mon"), "/chart/axis_config/categories"),
        (over("Mon", ""), "/chart/axis_config/categories/1"),
        (over("x" * 21), "/chart/axis_config/categories/0"),
        (over("Mon", x_label=""), "/chart/axis_config/x_label"),
        (over("Mon", x_label="x" * 51), "/chart/axis_config/x_label"),
        (over("Mon", y_label="x" * 51), "/chart/axis_config/y_label"),
    ],
)
def test_what_slack_refuses(block: dict[str, Any], pointer: str) -> None:
    """In a sentence that ends with a pointer to what is wrong."""
    assert str(fault_of([SECTION, block])).endswith(f" [json-pointer:/blocks/1{pointer}]")


def test_a_series_has_as_many_points_as_categories_can_be() -> None:
    many = chart(series=[series("Ahri", *DAYS)], axis_config={"categories": DAYS[:20]})
    assert str(fault_of([many])) == "no more than 20 items allowed [json-pointer:/blocks/0/chart/series/0/data]"


@pytest.mark.parametrize(
    ("blocks", "place"),
    [
        ([table(), chart(), chart()], None),
        ([data_table()], None),
        ([table(), SECTION, table()], 2),
        ([data_table(), table()], 1),
        ([data_table(), data_table()], 1),
        ([chart(), pie(point()), SECTION, chart()], 3),
    ],
)
def test_one_table_and_two_charts_in_a_message(blocks: list[Any], place: int | None) -> None:
    fault = fault_of(blocks)
    assert fault is None if place is None else str(fault).endswith(f" [json-pointer:/blocks/{place}]")


@pytest.mark.parametrize("block", [SECTION, table(), data_table(), chart(), {"type": "image"}])
def test_what_a_workspace_does_not_know_is_refused_whatever_it_holds(block: dict[str, Any]) -> None:
    unknown = {block["type"]}
    expected = "failed to match any allowed schema [json-pointer:/blocks/1]"
    assert fault_of([{"type": "divider"}, block], unknown) == expected
    assert fault_of([{"type": "divider"}], unknown) is None


def test_tables_read_row_by_row() -> None:
    rows = [[raw("Player"), raw("LP")], [rich(bold("Ahri"), bold(" Fan\n#EUW")), number(-1.5)]]
    assert shown([table(rows[:1]), SECTION]) == "Player | LP\nhello"
    assert shown([data_table(rows)]) == "Week\nPlayer | LP\nAhri Fan #EUW | -1.5"
    assert shown([data_table([[raw("LP")], [number(0.5, text="50 %")]])]) == "Week\nLP\n50 %"


def test_charts_read_series_by_series() -> None:
    axis = {"categories": ["Mon", "Tue"]}
    lines = chart(
        "line", series=[series("Ahri", "Mon", "Tue"), series("Lux", "Mon", "Tue", value=0.5)], axis_config=axis
    )
    assert shown([lines]) == "LP\nAhri: Mon 1, Tue 1\nLux: Mon 0.5, Tue 0.5"
    assert shown([SECTION, pie(point("Won", 3), point("Lost", 2))]) == "hello\nLP\nWon 3, Lost 2"
