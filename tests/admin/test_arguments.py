"""What a person types, on the command line or in a file: read, or refused with what is wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lolslackbot.admin.arguments import (
    ChannelId,
    GameId,
    MatchId,
    Post,
    TrackRequest,
    read_channel_id,
    read_file,
    read_match_id,
    read_platform,
    read_post,
    read_riot_id,
    read_subject,
    read_workspace,
)
from lolslackbot.errors import ConfigError, Exit
from lolslackbot.model import RiotId
from lolslackbot.riot.routing import PLATFORMS

GOOD: list[tuple[Callable[[str], Any], str, Any]] = [
    (read_riot_id, "Ahri Fan#EUW", RiotId("Ahri Fan", "EUW")),
    (read_riot_id, "  Ahri Fan # EUW ", RiotId("Ahri Fan", "EUW")),
    (read_riot_id, "Тень#ru1", RiotId("Тень", "ru1")),
    (read_riot_id, "阿狸#KR1", RiotId("阿狸", "KR1")),
    (read_riot_id, "e\u0301#EUW", RiotId("é", "EUW")),  # as the client composes it
    (read_riot_id, "a/b?c&d%#EUW", RiotId("a/b?c&d%", "EUW")),
    (read_riot_id, "...#EUW", RiotId("...", "EUW")),
    (read_riot_id, "x" * 40 + "#" + "y" * 10, RiotId("x" * 40, "y" * 10)),
    (read_riot_id, "a name of 22 letters..#EUW", RiotId("a name of 22 letters..", "EUW")),
    (read_riot_id, "阿狸＃KR1", RiotId("阿狸", "KR1")),
    (read_riot_id, "Ahri﹟EUW", RiotId("Ahri", "EUW")),
    (read_riot_id, "Ahri\u00a0Fan#EUW\u00a0", RiotId("Ahri Fan", "EUW")),
    (read_riot_id, "Ahri\u3000Fan\u202f #EUW", RiotId("Ahri Fan", "EUW")),
    (read_riot_id, "\u2068Ahri Fan\u2069#\u2066EUW\u2069", RiotId("Ahri Fan", "EUW")),
    (read_riot_id, "\ufeffAh\u200bri\u202e#E\u200eUW", RiotId("Ahri", "EUW")),
    (read_riot_id, "Ah\nri#EUW\r\n", RiotId("Ah ri", "EUW")),
    (read_riot_id, "Ahri#\x1bEUW", RiotId("Ahri", "EUW")),
    (read_riot_id, "\u3164#EUW", RiotId("\u3164", "EUW")),  # a letter to Riot, and blank to us
    (read_match_id, " euw1_7376970903 ", "EUW1_7376970903"),
    (read_channel_id, "C0123456789", "C0123456789"),
    (read_channel_id, "G1", "G1"),
    (read_channel_id, "CAB12CD34", "CAB12CD34"),
    (read_channel_id, " C0123\n", "C0123"),
    (read_channel_id, "c0123456789", "C0123456789"),
    (read_channel_id, "g0ab", "G0AB"),
    (read_channel_id, "https://acme.slack.com/archives/C0123456789", "C0123456789"),
    (read_channel_id, "https://acme.slack.com/archives/c0123456789/", "C0123456789"),
    (read_channel_id, "https://acme.enterprise.slack.com/archives/C0123?name=x", "C0123"),
    (read_channel_id, "https://acme.slack.com/archives/C0123/p1700000000000100", "C0123"),
    (read_channel_id, "https://acme.slack.com/archives/C0123/p1700000000000100?thread_ts=1.2&cid=C0123", "C0123"),
    (read_channel_id, "<https://acme.slack.com/archives/C0123|the channel>", "C0123"),
    (read_channel_id, "https://app.slack.com/client/T0123/C0456/thread/C0456-1.2", "C0456"),
    (read_channel_id, "<#C0123|lol-results>", "C0123"),
    (read_channel_id, "<#c0123>", "C0123"),
    (read_platform, "euw1", "euw1"),
    (read_platform, "EUW1", "euw1"),
    (read_platform, "kr", "kr"),
    (read_platform, " euw ", "euw1"),
    *[
        (read_platform, name, platform)
        for name, platform in {
            "BR": "br1",
            "EUNE": "eun1",
            "EUW": "euw1",
            "JP": "jp1",
            "KR": "kr",
            "LAN": "la1",
            "LAS": "la2",
            "MENA": "me1",
            "NA": "na1",
            "OCE": "oc1",
            "RU": "ru",
            "SG": "sg2",
            "TR": "tr1",
            "TW": "tw2",
            "VN": "vn2",
            "PH": "sg2",  # merged into it
            "TH": "sg2",
            "ph2": "sg2",
        }.items()
    ],
    (read_workspace, "default", "default"),
    (read_workspace, "Acme_2", "Acme_2"),
]


@pytest.mark.parametrize(("read", "text", "value"), GOOD)
def test_what_is_good_is_read(read: Callable[[str], Any], text: str, value: Any) -> None:
    assert read(text) == value


RIOT_ID, NOT_AT_RIOT, TOO_LONG = "it reads NAME#TAG", "no name or tag at Riot reads so", "it is far longer than any"
CHANNEL, WORKSPACE = "is no channel id: it begins with C or G", "is no workspace name: letters, digits and _ only"

BAD: list[tuple[Callable[[str], Any], str, str]] = [
    (read_riot_id, "", RIOT_ID),
    (read_riot_id, "Ahri Fan", RIOT_ID),
    (read_riot_id, "#EUW", RIOT_ID),
    (read_riot_id, "  #EUW", RIOT_ID),
    (read_riot_id, "Ahri#", RIOT_ID),
    (read_riot_id, "Ahri# ", RIOT_ID),
    (read_riot_id, "#", RIOT_ID),
    (read_riot_id, "Ahri#Fan#EUW", RIOT_ID),
    (read_riot_id, "\u200b#EUW", RIOT_ID),
    (read_riot_id, "x" * 101 + "#EUW", TOO_LONG),
    (read_riot_id, "Ahri#" + "y" * 101, TOO_LONG),
    (read_riot_id, "Ahri\ud800#EUW", NOT_AT_RIOT),
    (read_riot_id, ".#EUW", NOT_AT_RIOT),
    (read_riot_id, "..#EUW", NOT_AT_RIOT),
    (read_riot_id, "Ahri#E/W", NOT_AT_RIOT),
    (read_match_id, "7376970903", "is no match id: it reads EUW1_7376970903"),
    (read_channel_id, "", CHANNEL),
    (read_channel_id, "general", CHANNEL),
    (read_channel_id, "#general", CHANNEL),
    (read_channel_id, "C", CHANNEL),
    (read_channel_id, "#general", "the id stands at the bottom (the channel's link will do too)"),
    (read_channel_id, "C0123 C0456", CHANNEL),
    (read_channel_id, "https://example.org/archives/C0123", CHANNEL),
    (read_channel_id, "https://notslack.com/archives/C0123", CHANNEL),
    (read_channel_id, "https://acme.slack.com/archives/D0123456789", "and this is a direct message's"),
    (read_channel_id, "<@U0123456789>", CHANNEL),
    (read_channel_id, "\u212a0123", CHANNEL),  # a kelvin sign
    (read_channel_id, "D0123456789", CHANNEL),
    (read_channel_id, "U0123456789", CHANNEL),
    (read_channel_id, "C٠١٢", CHANNEL),
    (read_platform, "", "is no platform: it is one of "),
    (read_platform, "eu", ", euw1 (EUW), "),
    (read_platform, "europe", "is no platform"),
    (read_workspace, "", WORKSPACE),
    (read_workspace, "my team", WORKSPACE),
    (read_workspace, "a-b", WORKSPACE),
    (read_workspace, "é", WORKSPACE),
]


@pytest.mark.parametrize(("read", "text", "fault"), BAD)
def test_what_is_not_good_is_refused_with_what_is_wrong(read: Callable[[str], Any], text: str, fault: str) -> None:
    with pytest.raises(ValueError) as caught:
        read(text)
    line = str(caught.value)
    assert fault in line
    assert line.startswith(repr(text))
    assert line.isprintable()


@pytest.mark.parametrize("tag", [".", ".."])
def test_a_tag_that_changes_the_path_is_refused(tag: str) -> None:
    with pytest.raises(ValueError):
        read_riot_id(f"Ahri#{tag}")


def test_every_platform_is_one() -> None:
    assert [read_platform(platform) for platform in PLATFORMS] == list(PLATFORMS)


# What `why` is asked about

OURS = "https://example.org/v2/{server}-{game_id}"
SUBJECTS: list[tuple[str, str, Any]] = [
    ("EUW1_7376970903", "", MatchId("EUW1_7376970903")),
    (" kr_1 ", "", MatchId("KR_1")),
    ("7376970903", "", GameId(7376970903)),
    ("Ahri Fan#EUW", "", RiotId("Ahri Fan", "EUW")),
    ("\u2068Ahri\u2069＃EUW", "", RiotId("Ahri", "EUW")),
    ("C0123", "", ChannelId("C0123")),
    ("c0123", "", ChannelId("C0123")),
    ("<#C0123|general>", "", ChannelId("C0123")),
    ("https://acme.slack.com/archives/C0123", "", ChannelId("C0123")),
    ("https://acme.slack.com/archives/C0123/p1700000000000100", "", Post("C0123", "1700000000.000100")),
    ("<https://acme.slack.com/archives/C0123/p1700000000000100?thread_ts=1.2>", "", Post("C0123", "1700000000.000100")),
    ("https://example.org/v2/euw-12", OURS, MatchId("EUW1_12")),
    ("https://EXAMPLE.org/v2/oce-12/?tab=1#top", OURS, MatchId("OC1_12")),
    ("https://example.org/v2/moon-12", OURS, GameId(12)),
    ("https://x.org/12", "https://x.org/{game_id}", GameId(12)),
    ("https://x.org/12/show#top", "https://x.org/{game_id}/show", GameId(12)),
    ("https://x.org/euw/7376970903", "https://x.org", MatchId("EUW1_7376970903")),
    ("https://x.org/euw1_12", "https://x.org/{match_id}", MatchId("EUW1_12")),
    ("https://x.org/euw1/12/euw1", "https://x.org/{platform}/{game_id}/{platform}", MatchId("EUW1_12")),
    ("https://www.leagueofgraphs.com/match/euw/7376970903", "", MatchId("EUW1_7376970903")),
    ("https://www.leagueofgraphs.com/fr/match/eune/7376970903#participant3", "", MatchId("EUN1_7376970903")),
    ("https://blitz.gg/lol/match/na1/Ahri-EUW/7376970903", "", MatchId("NA1_7376970903")),
    (
        "https://matchhistory.euw.leagueoflegends.com/en/#match-details/EUW1/7376970903/1",
        "",
        MatchId("EUW1_7376970903"),
    ),
    ("https://xdx.gg/match/PH2_7376970903", "", MatchId("PH2_7376970903")),
    ("https://x.gg/match/ph2/7376970903", "", MatchId("PH2_7376970903")),
    ("https://x.gg/2026/game?id=7376970903", "", GameId(7376970903)),
]


@pytest.mark.parametrize(("text", "match_link", "subject"), SUBJECTS)
def test_what_why_is_asked_about_is_read_as_it_is_pasted(text: str, match_link: str, subject: Any) -> None:
    assert read_subject(text, match_link) == subject


@pytest.mark.parametrize(
    "text", ["", "#", "general", "#general", "Ahri", "EUW1_", "https://x.gg/2026", "https://op.gg"]
)
def test_what_why_cannot_be_asked_about_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_subject(text, OURS)


POSTS = [
    "https://friends.slack.com/archives/C0123/p1700000000123456",
    " https://friends.slack.com/archives/C0123/p1700000000123456?thread_ts=1690000000.000001&cid=C0123\n",
    "https://friends.enterprise.slack.com/archives/C0123/p1700000000123456",
    "<https://friends.slack.com/archives/c0123/p1700000000123456|found>",
]


@pytest.mark.parametrize("link", POSTS)
def test_a_link_names_the_channel_and_the_message(link: str) -> None:
    assert read_post(link) == Post("C0123", "1700000000.123456")


@pytest.mark.parametrize(
    "link",
    [
        "",
        "C0123",
        "1700000000.123456",
        "https://friends.slack.com/archives/C0123",
        "https://friends.slack.com/archives/C0123/p123456",
        "https://friends.slack.com/archives/C0123/p" + "1" * 5000,
        "https://friends.slack.com/archives/C0123/p17000000001234५६",
        "https://friends.slack.com/archives/C0123/p1700000000123456 and more",
        "https://example.org/archives/C0123/p1700000000123456",
        "javascript://x/archives/C0123/p1700000000123456",
    ],
)
def test_what_is_no_link_to_a_message_is_told_so(link: str) -> None:
    with pytest.raises(ValueError, match="is no link to a message: in Slack, choose"):
        read_post(link)


# Files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "players.csv"


AHRI = TrackRequest(RiotId("Ahri Fan", "EUW"), "C1", "euw1", "acme", line=2)
FILES = [
    ("riot_id,platform,channel,workspace\nAhri Fan#EUW,euw1,C1,acme\n", [AHRI]),
    ("workspace,channel,platform,riot_id\nacme,C1,euw1,Ahri Fan#EUW\n", [AHRI]),
    ("\ufeffriot_id,platform,channel,workspace\r\nAhri Fan#EUW,EUW1,C1,acme\r\n", [AHRI]),
    ("riot_id,platform,channel,workspace\n Ahri Fan#EUW , euw1 , C1 , acme \n", [AHRI]),
    ('riot_id,platform,channel,workspace\n"Ahri Fan#EUW","euw1","C1","acme"', [AHRI]),
    ('riot_id,channel\n"a,b#EUW",C1\n', [TrackRequest(RiotId("a,b", "EUW"), "C1", None, "default", line=2)]),
    (
        "riot_id,channel\nAhri Fan#EUW,C1\n\n\n",
        [TrackRequest(RiotId("Ahri Fan", "EUW"), "C1", None, "default", line=2)],
    ),
    (
        "riot_id,platform,channel,workspace\nAhri Fan#EUW,,C1,\nLux#NA1,na1,G2, \n",
        [
            TrackRequest(RiotId("Ahri Fan", "EUW"), "C1", None, "default", line=2),
            TrackRequest(RiotId("Lux", "NA1"), "G2", "na1", "default", line=3),
        ],
    ),
    (
        "riot_id,channel\n,\n , \nAhri Fan#EUW,C1\n",
        [TrackRequest(RiotId("Ahri Fan", "EUW"), "C1", None, "default", line=4)],
    ),
    ("riot_id,channel\n", []),
    (
        " Riot_ID , Channel \nAhri Fan#EUW,C1\n",
        [TrackRequest(RiotId("Ahri Fan", "EUW"), "C1", None, "default", line=2)],
    ),
]


@pytest.mark.parametrize(("text", "wishes"), FILES)
def test_a_file_is_read_row_by_row(path: Path, text: str, wishes: list[TrackRequest]) -> None:
    path.write_bytes(text.encode())
    assert read_file(path) == (wishes, [])


COLUMNS = "the columns are riot_id,platform,channel,workspace"
NOT_AS_MANY = "it has not as many columns as the first line"
FAULTS = [
    ("", f": the first line misses channel, riot_id; {COLUMNS}"),
    ("riot_id,platform\nAhri#EUW,euw1\n", f": the first line misses channel; {COLUMNS}"),
    ("Ahri#EUW,C1\n", f": the first line misses channel, riot_id; {COLUMNS}"),
    ("riot_id;channel\nAhri#EUW;C1\n", f": its columns stand apart by ';': save it with commas; {COLUMNS}"),
    ("riot_id\tchannel\nAhri#EUW\tC1\n", f": its columns stand apart by tabs: save it with commas; {COLUMNS}"),
    ("riot_id,channel,team,colour\nAhri#EUW,C1,x,y\n", f": the first line has colour, team; {COLUMNS}"),
    ('"riot_id,channel\n', ", line 1: unexpected end of data"),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS)
def test_a_file_without_the_right_first_line_is_refused(path: Path, text: str, fault: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_file(path)
    assert str(caught.value).startswith(f"{path}{fault}")
    assert str(caught.value).isprintable()


BAD_ROWS = [
    ("Ahri,C1", "'Ahri' is no Riot ID"),
    (",C1", "'' is no Riot ID"),
    ("Ahri#EUW,general", "'general' is no channel id"),
    ("Ahri#EUW,", "'' is no channel id"),
    ("Ahri#EUW,C1,moon", "'moon' is no platform"),
    ("Ahri#EUW,C1,,a b", "'a b' is no workspace name"),
    ("Ahri#EUW", NOT_AS_MANY),
    ("Ahri#EUW,C1,euw1,default,more", NOT_AS_MANY),
    ('"Ahri"#EUW,C1', "',' expected after '\"'"),
    ("x" * 200_000 + ",C1", "field larger than field limit"),
]


@pytest.mark.parametrize(("row", "fault"), BAD_ROWS)
def test_a_row_at_fault_is_named_by_its_line_and_the_others_are_read(path: Path, row: str, fault: str) -> None:
    row += "," * (3 - row.count(",")) if fault != NOT_AS_MANY else ""
    path.write_text(f"riot_id,channel,platform,workspace\nAhri#EUW,C1,,\n{row}\nLux#EUW,C2,,\n")
    wishes, faults = read_file(path)
    assert [(str(wish.riot_id), wish.line) for wish in wishes] == [("Ahri#EUW", 2), ("Lux#EUW", 4)]
    assert [fault.line for fault in faults] == [3]
    assert str(faults[0].error).startswith(fault)
    assert str(faults[0].error).isprintable()
    assert faults[0].error.exit_status is Exit.UNUSABLE


def test_a_quote_that_is_not_closed_takes_what_stands_below_it_with_it(path: Path) -> None:
    path.write_text('riot_id,channel\nAhri#EUW,C1\n"Lux#EUW,C2\nBear#EUW,C3\n')
    wishes, faults = read_file(path)
    assert [wish.line for wish in wishes] == [2]
    assert [(fault.line, str(fault.error)) for fault in faults] == [(4, "unexpected end of data")]


@pytest.mark.parametrize(
    "content", ["riot_id,channel\nAhri é#EUW,C1\n".encode("cp1252"), "riot_id,channel\n".encode("utf-16")]
)
def test_a_file_that_is_not_utf_8_is_named(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_file(path)
    assert str(caught.value) == f"{path} cannot be read: it is not UTF-8"


def test_a_file_that_cannot_be_read_is_named_with_the_reason(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"players\.csv cannot be read: No such file or directory"):
        read_file(path)
    path.mkdir()
    with pytest.raises(ConfigError, match=r"players\.csv cannot be read: Is a directory"):
        read_file(path)
