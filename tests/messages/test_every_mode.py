"""Every recorded match and every mode of the sandbox: a message that a player of that mode would call right."""
# ruff: noqa: E501 - a table of messages

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support import read_everyone

from lolslackbot.game import Match
from lolslackbot.messages.announcement import RenderOptions
from lolslackbot.messages.render import RenderedMessage, render
from lolslackbot.model import Style
from lolslackbot.riot.parsing import NotAMatch
from lolslackbot.sandbox.blocks import fault_of
from lolslackbot.sandbox.games import MODES, Human, Plan, make_body

WORDING = RenderOptions("https://x.example/{server}/{game_id}", "https://ddragon.example")
SAMPLES = Path(__file__).parents[3] / "shared" / "riot-samples"
NO_SAMPLES = f"there are no recorded answers beside the checkout (../shared/{SAMPLES.name})"

# What a channel is told that tracks the first player of the match, without the name.
RECORDED = {
    "EUW1_6834713231": None,  # empty: no message
    "EUW1_6511808246": "4th place of 4 · Arena · 16:58 | Samira with Dr. Mundo, 2/6/2",
    "JP1_445141671": "2nd place of 8 · Arena · 22:45 | Aatrox with Rell, 13/6/5",
    "KR_6604607115": "Arena · 16:50 | Shaco, 6/6/2",  # placement 0 for all
    "NA1_5370969615": "2nd place of 8 · Arena · 21:43 | Rammus with Nocturne, 4/7/12",
    "JP1_457196409": "Survived · Swarm · 16:34 | Jinx, level 38, 2473 kills",
    "EUN1_3968244806": "Victory · Normal Draft · 30:27 | Teemo top, 5/8/2, 234 CS (7.7/min), 19% of kills",
    "BR1_2619338540": "Remake · Ranked Solo/Duo · 3:23 | Aatrox top",
    "EUW1_7376970903": "Defeat · Ranked Solo/Duo · 31:25 | Ambessa top, 7/8/1, 223 CS (7.1/min), 50% of kills",
    "EUW1_7602474620": "Remake · Ranked Solo/Duo · 1:44 | Ambessa top",
    "JP1_450685262": "Defeat · Ranked Solo/Duo · 33:02 | Poppy top, 4/6/3, 205 CS (6.2/min), 50% of kills",
    "JP1_566638130": "Defeat · Ranked Solo/Duo · 27:50 | Gragas top, 3/6/7, 213 CS (7.7/min), 43% of kills",
    "KR_5384630363": "Victory by surrender · Ranked Solo/Duo · 16:05 | Lulu top, 1/1/5, 107 CS (6.7/min), 40% of kills",
    "KR_5520678133": "Victory by surrender · Ranked Solo/Duo · 15:59 | Sett top, 9/4/4, 77 CS (4.8/min), 65% of kills",
    "LA1_1568057368": "Defeat · Ranked Solo/Duo · 23:25 | Jax top, 3/3/2, 195 CS (8.3/min), 50% of kills",
    "NA1_5018382378": (
        "Victory by surrender · Ranked Solo/Duo · 18:37 | Soraka top, 1/0/5, 142 CS (7.6/min), 26% of kills – did not die"
    ),
    "TH2_24825892": "Victory by surrender · Ranked Solo/Duo · 22:06 | Darius top, 3/4/5, 125 CS (5.7/min), 23% of kills",
    "JP1_390607492": "Victory · Normal Blind · 32:25 | Lulu support, 1/5/22, 9 CS (0.3/min), 61% of kills",
    "EUW1_6852390800": "Defeat · Ranked Flex · 35:21 | Poppy top, 10/4/4, 244 CS (6.9/min), 39% of kills",
    "NA1_5421167767": "Victory by surrender · Ranked Flex · 24:11 | Cho'Gath top, 7/4/7, 157 CS (6.5/min), 36% of kills",
    "JP1_518437246": "Victory by surrender · ARAM · 8:58 | Jax, 9/6/9, 55% of kills, 18% of the team's damage",
    "TW2_74455132": "Defeat · ARAM · 21:30 | Talon, 14/14/24, 59% of kills, 23% of the team's damage",
    "EUW1_7261321891": "Victory · Swiftplay · 22:13 | Sett top, 8/4/3, 125 CS (5.6/min), 31% of kills",
    "JP1_491776434": "Victory by surrender · Quickplay · 26:48 | Kayle top, 6/3/3, 278 CS (10.4/min), 36% of kills",
    "NA1_4856024721": "Defeat · ARAM Clash · 25:08 | Draven, 13/16/9, 47% of kills, 16% of the team's damage",
    "JP1_391732436": "Victory · Co-op vs. AI Intermediate · 17:37 | Thresh support, 0/2/7, 33 CS (1.9/min)",
}


@pytest.mark.parametrize(
    "path",
    sorted(SAMPLES.glob("match-q*.json")) or [pytest.param(None, marks=pytest.mark.skip(reason=NO_SAMPLES))],
    ids=lambda path: path.stem if path else "none",
)
def test_a_recorded_match_reads_right(path: Path) -> None:
    match_id = path.stem.rpartition("-")[2]
    expected = RECORDED[match_id]
    if expected is None:
        with pytest.raises(NotAMatch):
            read_everyone(match_id, json.loads(path.read_bytes()))
        return
    match = read_everyone(match_id, json.loads(path.read_bytes()))
    one = replace(match, participants=match.participants[:1])
    headline, line, _link = render(one, WORDING, Style.FULL).text.split("\n")
    assert f"{headline} | {line.partition(': ')[2]}" == expected
    assert line.partition(": ")[0] == match.participants[0].name
    for number in range(1, len(match.participants) + 1):
        sound(render(replace(match, participants=match.participants[:number]), WORDING, Style.FULL))


def sound(worded: RenderedMessage) -> None:
    """Slack takes it, as it is, in one message."""
    blocks = json.loads(worded.blocks)
    assert fault_of(blocks) is None, fault_of(blocks)
    assert 1 <= len(worded.text) <= 3000
    assert len(worded.blocks) < 12_000


def game(queue: int, friends: int, name: str = "W", **plan: Any) -> Match:
    """A game of the sandbox with as many friends as wanted or as it has room for, on all sides."""
    humans = [Human(f"friend-{number}-".ljust(78, "x"), name, "EUW") for number in range(friends)]
    sides = {human.puuid: 100 + 100 * (place % 2) for place, human in enumerate(humans)}
    made = Plan("EUW1_7000000001", queue, 1_790_000_000_000, 1871, sides=sides, **plan)
    body = make_body(made, humans, lambda each: each.encode().hex().ljust(78, "s")[-78:], Random(f"{queue} {friends}"))
    match = read_everyone(made.match_id, body)
    return replace(match, participants=tuple(each for each in match.participants if each.puuid.startswith("friend")))


HEADLINES = {
    **dict.fromkeys((400,), "Victory · Normal Draft · 31:11"),
    420: "Victory · Ranked Solo/Duo · 31:11",
    450: "Victory · ARAM · 31:11",
    480: "Victory · Swiftplay · 31:11",
    700: "Victory · Clash · 31:11",
    720: "Victory · ARAM Clash · 31:11",
    890: "Victory · Co-op vs. AI Intermediate · 31:11",
    1020: "Victory · One for All · 31:11",
    1300: "Victory · Nexus Blitz · 31:11",
    1400: "Victory · Ultimate Spellbook · 31:11",
    1700: "3rd place of 8 · Arena · 31:11",
    1710: "3rd place of 8 · Arena · 31:11",
    1750: "3rd place of 6 · Arena · 31:11",
    1810: "Survived · Swarm · 31:11",
    1840: "Survived · Swarm · 31:11",
    1900: "Victory · URF · 31:11",
    2300: "Victory · Brawl · 31:11",
    2400: "Victory · ARAM: Mayhem · 31:11",
    9999: "Victory · queue 9999 · 31:11",
    0: "Victory · Summoner's Rift · 31:11",
}
LANELESS = {450, 720, 1300, 1700, 1710, 1750, 1810, 1840, 2300, 2400}


@pytest.mark.parametrize("queue", HEADLINES)
def test_a_generated_game_of_each_mode_reads_right(queue: int) -> None:
    text = render(game(queue, 1, placement=3), WORDING, Style.FULL).text
    assert text.split("\n")[0] == HEADLINES[queue]
    assert (" CS (" in text) == (queue not in LANELESS)
    assert "vision" not in text.lower()
    assert "custom" not in text.lower()


@pytest.mark.parametrize("queue", [420, 450, 480, 1900, 9999])
def test_a_remake_is_neither_won_nor_lost_in_any_mode(queue: int) -> None:
    for win in (True, False):
        text = render(game(queue, 2, remake=True, win=win), WORDING, Style.FULL).text
        assert text.startswith("Remake · ")
        assert not {"victory", "defeat"} & set(text.lower().split())


def test_after_a_crash_nobody_won() -> None:
    assert render(game(420, 2, crashed=True), WORDING, Style.FULL).text.startswith("No winner · Ranked Solo/Duo · ")


@pytest.mark.parametrize("queue", sorted({*MODES, 9999}))
def test_slack_takes_every_mode_with_any_number_of_the_longest_names(queue: int) -> None:
    mode = MODES.get(queue)
    room = (mode.size if mode.bots else min(10, mode.teams * mode.size)) if mode else 10
    for friends in range(1, room + 1):
        for name in ("&" * 60, "<!channel>" * 6, "ж" * 40):
            plain = {} if mode and mode.bots else {"win": False}
            match = game(queue, friends if not (mode and mode.bots) else 1, name, **plain)
            for style in Style:
                sound(render(match, WORDING, style))
