"""What a person types, on the command line or in a file: read, or refused with what is wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lolslackbot.admin.tracking import (
    Wish,
    read_channel_id,
    read_file,
    read_platform,
    read_riot_id,
    read_workspace,
)
from lolslackbot.errors import Unusable
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
    (read_channel_id, "C0123456789", "C0123456789"),
    (read_channel_id, "G1", "G1"),
    (read_platform, "euw1", "euw1"),
    (read_platform, "EUW1", "euw1"),
    (read_platform, "kr", "kr"),
    (read_workspace, "default", "default"),
    (read_workspace, "Acme_2", "Acme_2"),
]


@pytest.mark.parametrize(("read", "text", "value"), GOOD)
def test_what_is_good_is_read(read: Callable[[str], Any], text: str, value: Any) -> None:
    assert read(text) == value


RIOT_ID, RIOT_ID_LENGTHS = "it reads NAME#TAG", "names have at most 16 characters, tags at most 5"
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
    (read_riot_id, "x" * 41 + "#EUW", RIOT_ID_LENGTHS),
    (read_riot_id, "Ahri#" + "y" * 11, RIOT_ID_LENGTHS),
    (read_riot_id, "Ah\nri#EUW", RIOT_ID_LENGTHS),
    (read_riot_id, "Ahri\u202e#EUW", RIOT_ID_LENGTHS),
    (read_riot_id, "Ahri#\x1bEUW", RIOT_ID_LENGTHS),
    (read_riot_id, ".#EUW", RIOT_ID_LENGTHS),
    (read_riot_id, "..#EUW", RIOT_ID_LENGTHS),
    (read_riot_id, "Ahri#E/W", RIOT_ID_LENGTHS),
    (read_channel_id, "", CHANNEL),
    (read_channel_id, "general", CHANNEL),
    (read_channel_id, "#general", CHANNEL),
    (read_channel_id, "C", CHANNEL),
    (read_channel_id, "c0123456789", CHANNEL),
    (read_channel_id, "C0123 ", CHANNEL),
    (read_channel_id, "C0123\n", CHANNEL),
    (read_channel_id, "D0123456789", CHANNEL),
    (read_channel_id, "U0123456789", CHANNEL),
    (read_channel_id, "C٠١٢", CHANNEL),
    (read_platform, "", "is no platform: it is one of "),
    (read_platform, "euw", ", euw1, "),
    (read_platform, "europe", "is no platform"),
    (read_platform, "ph2", "is no platform"),  # retired: nobody lives there
    (read_platform, "euw1 ", "is no platform"),
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


# Files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "players.csv"


AHRI = Wish(RiotId("Ahri Fan", "EUW"), "C1", "euw1", "acme", line=2)
FILES = [
    ("riot_id,platform,channel,workspace\nAhri Fan#EUW,euw1,C1,acme\n", [AHRI]),
    ("workspace,channel,platform,riot_id\nacme,C1,euw1,Ahri Fan#EUW\n", [AHRI]),
    ("\ufeffriot_id,platform,channel,workspace\r\nAhri Fan#EUW,EUW1,C1,acme\r\n", [AHRI]),
    ("riot_id,platform,channel,workspace\n Ahri Fan#EUW , euw1 , C1 , acme \n", [AHRI]),
    ('riot_id,platform,channel,workspace\n"Ahri Fan#EUW","euw1","C1","acme"', [AHRI]),
    ('riot_id,channel\n"a,b#EUW",C1\n', [Wish(RiotId("a,b", "EUW"), "C1", None, "default", line=2)]),
    ("riot_id,channel\nAhri Fan#EUW,C1\n\n\n", [Wish(RiotId("Ahri Fan", "EUW"), "C1", None, "default", line=2)]),
    (
        "riot_id,platform,channel,workspace\nAhri Fan#EUW,,C1,\nLux#NA1,na1,G2, \n",
        [
            Wish(RiotId("Ahri Fan", "EUW"), "C1", None, "default", line=2),
            Wish(RiotId("Lux", "NA1"), "G2", "na1", "default", line=3),
        ],
    ),
    ("riot_id,channel\n", []),
]


@pytest.mark.parametrize(("text", "wishes"), FILES)
def test_a_file_is_read_row_by_row(path: Path, text: str, wishes: list[Wish]) -> None:
    path.write_bytes(text.encode())
    assert read_file(path) == wishes


COLUMNS = "the columns are riot_id,platform,channel,workspace"
NOT_AS_MANY = "it has not as many columns as the first line"
FAULTS = [
    ("", f": the first line misses channel, riot_id; {COLUMNS}"),
    ("riot_id,platform\nAhri#EUW,euw1\n", f": the first line misses channel; {COLUMNS}"),
    ("Ahri#EUW,C1\n", f": the first line misses channel, riot_id; {COLUMNS}"),
    ("riot_id;channel\nAhri#EUW;C1\n", f": the first line misses channel, riot_id; {COLUMNS}"),
    ("riot_id,channel,team,colour\nAhri#EUW,C1,x,y\n", f": the first line has colour, team; {COLUMNS}"),
    ("riot_id,channel\nAhri#EUW,C1\nAhri,C1\n", ", line 3: 'Ahri' is no Riot ID"),
    ("riot_id,channel\n,C1\n", ", line 2: '' is no Riot ID"),
    ("riot_id,channel\nAhri#EUW,general\n", ", line 2: 'general' is no channel id"),
    ("riot_id,channel\nAhri#EUW,\n", ", line 2: '' is no channel id"),
    ("riot_id,channel,platform\nAhri#EUW,C1,euw\n", ", line 2: 'euw' is no platform"),
    ("riot_id,channel,workspace\nAhri#EUW,C1,a b\n", ", line 2: 'a b' is no workspace name"),
    ("riot_id,channel\nAhri#EUW\n", f", line 2: {NOT_AS_MANY}"),
    ("riot_id,channel\nAhri#EUW,C1,euw1\n", f", line 2: {NOT_AS_MANY}"),
]


ODD_CSV = [
    ('riot_id,channel\n"Ahri#EUW,C1\n', ", line 2: unexpected end of data"),
    ('riot_id,channel\n"Ahri"#EUW,C1\n', ", line 2: ',' expected after '\"'"),
    ('"riot_id,channel\n', ", line 1: unexpected end of data"),
    ("riot_id,channel\n" + "x" * 200_000 + ",C1\n", ", line 2: field larger than field limit"),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS)
def test_the_first_line_at_fault_is_named(path: Path, text: str, fault: str) -> None:
    path.write_text(text)
    with pytest.raises(Unusable) as caught:
        read_file(path)
    assert str(caught.value).startswith(f"{path}{fault}")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(("text", "fault"), ODD_CSV)
def test_the_line_that_is_no_csv_is_named(path: Path, text: str, fault: str) -> None:
    path.write_text(text)
    with pytest.raises(Unusable) as caught:
        read_file(path)
    assert str(caught.value).startswith(f"{path}{fault}")


@pytest.mark.parametrize(("text", "fault"), [(text, fault.partition(": ")[2]) for text, fault in ODD_CSV])
def test_what_is_no_csv_is_refused_in_one_line(path: Path, text: str, fault: str) -> None:
    path.write_text(text)
    with pytest.raises(Unusable) as caught:
        read_file(path)
    assert fault in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "content", ["riot_id,channel\nAhri é#EUW,C1\n".encode("cp1252"), "riot_id,channel\n".encode("utf-16")]
)
def test_a_file_that_is_not_utf_8_is_named(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Unusable) as caught:
        read_file(path)
    assert str(caught.value) == f"{path} cannot be read: it is not UTF-8"


def test_a_file_that_cannot_be_read_is_named_with_the_reason(path: Path) -> None:
    with pytest.raises(Unusable, match=r"players\.csv cannot be read: No such file or directory"):
        read_file(path)
    path.mkdir()
    with pytest.raises(Unusable, match=r"players\.csv cannot be read: Is a directory"):
        read_file(path)
