"""Words as Slack text: whatever a player calls himself, it pings nobody, formats nothing and stays on its line."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lolslackbot.messages.announcement import Announcement, Group, Line, Name
from lolslackbot.messages.render import blocks_json, plain_text
from lolslackbot.messages.slack_text import MAX_NAME, MAX_TEXT, clean
from lolslackbot.model import Style
from lolslackbot.sandbox.blocks import fault_of

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


ENDED = datetime(2026, 11, 23, 20, 41, tzinfo=UTC)
LINK = "https://x.example/?a=1&b=2"
DATE = f"<!date^{int(ENDED.timestamp())}^{{date_short_pretty}} at {{time}}|2026-11-23 20:41 UTC>"
STYLES = list(Style)

# Names that mean something to a chat, a terminal, a page, a database, a template or a text's direction.
MARKUP = [
    "<!channel>",
    "<!here>",
    "<!everyone>",
    "<!here|x>",
    "<@U1>",
    "<@U1|x>",
    "<#C1>",
    "<#C1|x>",
    "<!subteam^S1>",
    "<!subteam^S1|x>",
    "<https://x>",
    "<https://x|y>",
    "<mailto:a@b>",
    "<!date^1^{time}|x>",
    "<tel:1>",
    "@channel",
    "@here",
    "@everyone",
    "@someone",
    "#general",
    "https://x.example",
    "www.x.example",
    "mailto:a@b.example",
    "*b*",
    "_i_",
    "~s~",
    "`c`",
    "```c```",
    ":skull:",
    ":+1:",
    ">quote",
    "&gt;",
    "&lt;",
    "&amp;",
    "&lt;!here&gt;",
    "&#60;!here&#62;",
    "%3C!here%3E",
    "<script>",
    "</text>",
    "]]>",
    "{name}",
    "{0}",
    "%s",
    "${x}",
    "';",
    "DROP",
    '"',
    "\\",
    "/",
    "|",
    "^",
    "•",
    "-",
    "1.",
    "[x](y)",
    "![x](y)",
]
CONTROLS = [chr(c) for c in (*range(32), *range(127, 160), *range(0x200B, 0x2010), *range(0x2028, 0x202F))]
CONTROLS += [chr(c) for c in (*range(0x2060, 0x2070), 0xFEFF, 0xAD, 0x61C, 0xD800, 0xDFFF, 0xE000, 0x10FFFF, 0xFFF9)]
CORPUS = [
    *MARKUP,
    *(f"a{each}b" for each in CONTROLS),
    *(f"{each}<!channel>{each}" for each in CONTROLS),
    "",
    " ",
    "x" * 5000,
    "<" * 5000,
    "&" * 5000,
    "W" * 16,
    "קפה בבוקר",
    "مرحبا",
    "👩‍👩‍👧",
    "Z̷̢͔a̸l̴g̵o̶",
]


def said(*names: str, link: str = "", style: Style = Style.FULL) -> Announcement:
    """What is said of one friend, or of two and more."""
    lines = tuple(Line(name, "Ahri 7/2/9", ("in 50% of kills",), "") for name in names)
    opening = (Name(names[0]), " won" if len(names) == 1 else " and others won")
    return Announcement("🟢", opening, "ARAM", "20:00", ENDED, (Group("", "", lines),), link, "", "", style)


def leaves(announcement: Announcement) -> list[dict[str, Any]]:
    """Every text, link and so on of the message, in order."""

    def below(value: Any) -> list[dict[str, Any]]:
        parts = value.get("elements") or [each for each in (value.get("text"), value.get("accessory")) if each]
        inner = [part for part in parts if isinstance(part, dict)]
        return [leaf for part in inner for leaf in below(part)] if inner else [value]

    return [leaf for block in json.loads(blocks_json(announcement)) for leaf in below(block)]


@pytest.mark.parametrize(("name", "shown", "text"), HOSTILE)
def test_a_name_is_shown_as_it_is_and_can_do_nothing(name: str, shown: str, text: str) -> None:
    assert clean(name) == shown
    assert plain_text(said(name)) == f"🟢 {text} won · Ahri 7/2/9\nARAM · 20:00 · in 50% of kills"
    assert plain_text(said(name, "B")).split("\n")[2] == f"{text}: Ahri 7/2/9, in 50% of kills"
    assert {"type": "text", "text": shown, "style": {"bold": True}} in leaves(said(name))


def test_a_name_that_is_read_from_right_to_left_turns_nothing_around_it() -> None:
    assert clean("קפה") == "\u2068קפה\u2069"
    assert clean("\u202eabc\u2066") == "abc"


@pytest.mark.parametrize("style", STYLES)
def test_of_hundreds_of_hostile_names_none_is_live_or_breaks_anything(style: Style) -> None:
    assert len(set(CORPUS)) > 200
    for name in CORPUS:
        plain = said("Ahri Fan", link=LINK, style=style)
        hostile = said(name, link=LINK, style=style)
        text = plain_text(hostile)
        assert not set(text) & {"<", ">"}, name
        assert re.sub(r"&(amp|lt|gt);", "", text).count("&") == 0, name
        assert len(text.splitlines()) == 3, name
        text.encode()
        assert fault_of(json.loads(blocks_json(hostile))) is None, name
        # Apart from the name nothing differs: the same elements, the same link, the same mrkdwn.
        known = {"type": "text", "text": "Ahri Fan", "style": {"bold": True}}
        replaced = {"type": "text", "text": clean(name), "style": {"bold": True}}
        assert leaves(hostile) == [replaced if each == known else each for each in leaves(plain)], name


@pytest.mark.parametrize("style", STYLES)
def test_no_champion_queue_or_result_gets_out_of_its_place_either(style: Style) -> None:
    for words in ("<!channel>", "a\nb", "*x*", "<https://evil.example|x>"):
        groups = tuple(Group("🟢", words, (Line("N", words, (words, words), words, "⭐"),)) for _ in range(2))
        picture = "https://p.example/x.png"
        hostile = Announcement("🟢", (words,), words, words, ENDED, groups, LINK, picture, words, style)
        assert "<" not in plain_text(hostile)
        assert fault_of(json.loads(blocks_json(hostile))) is None
        for leaf in leaves(hostile):
            if leaf["type"] == "mrkdwn":
                assert leaf["verbatim"] is True
                assert re.findall(r"<[^>]*>", leaf["text"]) == [DATE, f"<{LINK.replace('&', '&amp;')}|Match details>"]
            elif leaf["type"] == "link":
                assert (leaf["url"], leaf["text"]) == (LINK, "Match details")
            else:
                assert leaf["type"] in ("text", "image")


@pytest.mark.parametrize(
    "url", ["https://x/a|b", "https://x/a>b", "https://x/a b", "https://x/\n", "https://x/" + "a" * 3000]
)
def test_an_address_that_could_break_out_is_left_out(url: str) -> None:
    hostile = replace(said("A"), link=url, picture=url)
    assert blocks_json(hostile) == blocks_json(said("A"))
    assert plain_text(hostile) == plain_text(said("A"))


def test_the_text_has_a_line_for_who_won_the_game_each_friend_and_link() -> None:
    assert plain_text(said("A", "B", link=LINK)).split("\n") == [
        "🟢 A and others won",
        "ARAM · 20:00",
        "A: Ahri 7/2/9, in 50% of kills",
        "B: Ahri 7/2/9, in 50% of kills",
        "https://x.example/?a=1&amp;b=2",
    ]


def test_the_blocks_are_who_and_how_and_the_game_beside_a_picture() -> None:
    line = Line("A", "Ahri 7/2/9", ("in 50% of kills",), "pentakill", "⭐")
    groups, picture = (Group("", "", (line,)),), "https://p.example/x.png"
    message = Announcement("🟢", (Name("A"), " won"), "ARAM", "20:00", ENDED, groups, LINK, picture, "Ahri", Style.FULL)
    assert json.loads(blocks_json(message)) == [
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "text", "text": "🟢 "},
                        {"type": "text", "text": "A", "style": {"bold": True}},
                        {"type": "text", "text": " won"},
                        {"type": "text", "text": " · Ahri 7/2/9"},
                        {"type": "text", "text": " · ⭐\u00a0"},
                        {"type": "text", "text": "pentakill", "style": {"italic": True}},
                        {"type": "text", "text": "\nin 50% of kills"},
                    ],
                }
            ],
        },
        {
            "type": "section",
            "text": {
                "type": "mrkdwn",
                "text": f"*ARAM* · 20:00\n{DATE} · <https://x.example/?a=1&amp;b=2|Match details>",
                "verbatim": True,
            },
            "accessory": {"type": "image", "image_url": "https://p.example/x.png", "alt_text": "Ahri"},
        },
    ]


def test_several_friends_are_a_list_below_who_won() -> None:
    (friends, game) = json.loads(blocks_json(said("A", "B")))
    assert [each["type"] for each in friends["elements"]] == ["rich_text_section", "rich_text_list"]
    assert len(friends["elements"][1]["elements"]) == 2
    assert game["text"]["text"].startswith("*ARAM* · 20:00\n")


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("A",), "🟢 A won · Ahri 7/2/9 · ARAM · 20:00 · Match details"),
        (
            ("A", "B"),
            "🟢 A and others won · ARAM · 20:00 · Match details\n"
            "A  Ahri 7/2/9 · in 50% of kills\nB  Ahri 7/2/9 · in 50% of kills",
        ),
    ],
)
def test_compact_style_is_one_block_without_a_picture(names: tuple[str, ...], text: str) -> None:
    (block,) = json.loads(blocks_json(said(*names, link=LINK, style=Style.COMPACT)))
    assert "".join(each["text"] for each in block["elements"][0]["elements"]) == text


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.text(st.characters(codec=None), max_size=120), min_size=1, max_size=10), st.sampled_from(STYLES))
def test_no_name_at_all_gets_out_of_its_place(names: list[str], style: Style) -> None:
    announcement = said(*names, link="https://x.example/", style=style)
    text = plain_text(announcement)
    lines = 3 if len(names) == 1 else len(names) + 3
    assert len(text.split("\n")) == len(text.splitlines()) == lines
    assert not {"<", ">"} & set(text)
    text.encode()  # it can be stored and sent
    assert all(1 <= len(clean(name)) <= MAX_NAME + 2 for name in names)
    assert fault_of(json.loads(blocks_json(announcement))) is None
    assert blocks_json(announcement).isascii()


def test_what_is_too_long_for_slack_is_cut_between_lines() -> None:
    text = plain_text(said(*["&" * 500] * 40, link="https://x.example/" + "x" * 200))
    assert MAX_TEXT - 300 < len(text) <= MAX_TEXT
    assert text.split("\n")[-1] == "…"
    assert re.sub(r"&(amp|lt|gt);", "", text).count("&") == 0


@pytest.mark.parametrize(
    "name", ["\u3164", "\u2800\u2800", "\u115f \u1160", "\uffa0", "\ufe0f", "\u034f\u200b", "\U0001d159", "\U000e0100"]
)
def test_a_name_of_blank_letters_only_is_no_name(name: str) -> None:
    assert clean(name) == "(no name)"
    assert clean(f"a{name}").startswith("a")
