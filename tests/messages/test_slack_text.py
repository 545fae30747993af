"""Words as Slack text: whatever a player calls himself, it pings nobody, formats nothing and stays on its line."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lolslackbot.messages.announcement import Announcement, Line
from lolslackbot.messages.slack_text import MAX_NAME, blocks_json, clean, plain_text

HOSTILE = [
    # name, as it is shown, as it stands in top-level text
    ("Ahri Fan", "Ahri Fan", "Ahri Fan"),
    ("Тень ★ 阿狸", "Тень ★ 阿狸", "Тень ★ 阿狸"),
    ("<!channel>", "<!channel>", "&lt;!channel&gt;"),
    ("<!here|x>", "<!here|x>", "&lt;!here|x&gt;"),
    ("<@U1>", "<@U1>", "&lt;@U1&gt;"),
    ("<!subteam^S1>", "<!subteam^S1>", "&lt;!subteam^S1&gt;"),
    ("<https://x|y>", "<https://x|y>", "&lt;https://x|y&gt;"),
    ("@here", "@here", "@here"),  # inert without link_names
    ("&amp;", "&amp;", "&amp;amp;"),
    ("&lt;!channel&gt;", "&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;"),
    ("*bold* _it_ ~x~ `c` :skull:", "*bold* _it_ ~x~ `c` :skull:", "*bold* _it_ ~x~ `c` :skull:"),
    ('"quoted" \\ back', '"quoted" \\ back', '"quoted" \\ back'),
    ("two\nlines", "two lines", "two lines"),
    ("a\r\n\tb\u2028c\u2029d\x0be\x85f", "a b c d e f", "a b c d e f"),
    ("\x00\x07\x1b[31mred\x7f", "[31mred", "[31mred"),
    ("\u202egnp.exe", "gnp.exe", "gnp.exe"),
    ("\u2066a\u2069\u200bb\u200e", "ab", "ab"),
    ("\ufeffa\u00adb", "ab", "ab"),
    ("\ud800x", "x", "x"),
    ("\ue000x\U0010ffffx", "xx", "xx"),
    ("  a   b  ", "a b", "a b"),
    ("\u3000a\u00a0b", "a b", "a b"),
    ("", "(no name)", "(no name)"),
    (" \n\u200b", "(no name)", "(no name)"),
    ("x" * 500, "x" * 39 + "…", "x" * 39 + "…"),
    ("x" * 40, "x" * 40, "x" * 40),
    ("<" * 500, "<" * 39 + "…", "&lt;" * 39 + "…"),
]


def said(*names: str, headline: str = "Victory · ARAM · 20:00", link: str = "") -> Announcement:
    return Announcement(headline, tuple(Line(name, "Ahri, 7/2/9") for name in names), link)


def elements(announcement: Announcement) -> list[dict[str, Any]]:
    """The elements of the one section of the one block."""
    (block,) = json.loads(blocks_json(announcement))
    assert block["type"] == "rich_text"
    (section,) = block["elements"]
    assert section["type"] == "rich_text_section"
    assert set(block) == set(section) == {"type", "elements"}
    found: list[dict[str, Any]] = section["elements"]
    return found


@pytest.mark.parametrize(("name", "shown", "text"), HOSTILE)
def test_a_name_is_shown_as_it_is_and_can_do_nothing(name: str, shown: str, text: str) -> None:
    assert clean(name) == shown
    assert plain_text(said(name)) == f"Victory · ARAM · 20:00\n{text}: Ahri, 7/2/9"
    assert {"type": "text", "text": shown, "style": {"bold": True}} in elements(said(name))


def test_the_text_has_a_line_for_headline_each_friend_and_link() -> None:
    text = plain_text(said("A", "B", link="https://x.example/?a=1&b=2"))
    assert text.split("\n") == [
        "Victory · ARAM · 20:00",
        "A: Ahri, 7/2/9",
        "B: Ahri, 7/2/9",
        "https://x.example/?a=1&amp;b=2",
    ]


def test_without_headline_or_link_there_is_no_empty_line() -> None:
    assert plain_text(said("A", headline="")) == "A: Ahri, 7/2/9"


def test_our_own_words_are_escaped_like_the_others() -> None:
    assert plain_text(Announcement("A & B", (Line("N", "Nunu & Willump"),), "")) == "A &amp; B\nN: Nunu &amp; Willump"


def test_the_blocks_are_one_rich_text_with_names_in_bold_and_the_link_by_its_name() -> None:
    assert elements(said("A", "B", link="https://x.example/?a=1&b=2")) == [
        {"type": "text", "text": "Victory · ARAM · 20:00", "style": {"bold": True}},
        {"type": "text", "text": "\n"},
        {"type": "text", "text": "A", "style": {"bold": True}},
        {"type": "text", "text": ": Ahri, 7/2/9"},
        {"type": "text", "text": "\n"},
        {"type": "text", "text": "B", "style": {"bold": True}},
        {"type": "text", "text": ": Ahri, 7/2/9"},
        {"type": "text", "text": "\n"},
        {"type": "link", "url": "https://x.example/?a=1&b=2", "text": "Match details"},
    ]


def test_without_a_link_the_blocks_have_none() -> None:
    assert {element["type"] for element in elements(said("A", "B"))} == {"text"}


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.text(st.characters(codec=None), max_size=120), min_size=1, max_size=10))
def test_no_name_at_all_gets_out_of_its_place(names: list[str]) -> None:
    announcement = said(*names, link="https://x.example/")
    text = plain_text(announcement)
    assert len(text.split("\n")) == len(text.splitlines()) == len(names) + 2
    assert not {"<", ">"} & set(text)
    text.encode()  # it can be stored and sent
    assert all(1 <= len(clean(name)) <= MAX_NAME for name in names)
    found = elements(announcement)
    assert len(found) == 3 + 3 * len(names)
    assert all(element["text"] for element in found)  # Slack refuses an empty one
    assert {element["type"] for element in found} == {"text", "link"}
    assert blocks_json(announcement).isascii()


def test_a_whole_team_stays_far_below_slacks_limits() -> None:
    announcement = said(*["<" * 500] * 10, link="https://x.example/" + "x" * 200)
    assert len(plain_text(announcement)) < 3000
    assert sum(len(element["text"]) for element in elements(announcement)) < 3000
