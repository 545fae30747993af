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

# What a channel is told that tracks the first player of the match, without the link.
RECORDED = {
    "EUW1_6834713231": None,  # empty: no message
    "EUW1_6511808246": "🔴 NAME came 4th of 4 · Samira with Dr. Mundo 2/6/2 | Arena · 16:58",
    "JP1_445141671": "🥈 NAME came 2nd of 8 · Aatrox with Rell 13/6/5 | Arena · 22:45",
    "KR_6604607115": "🏟️ NAME played · Shaco 6/6/2 | Arena · 16:50",  # placement 0 for all
    "NA1_5370969615": "🥈 NAME came 2nd of 8 · Rammus with Nocturne 4/7/12 | Arena · 21:43",
    "JP1_457196409": "🟢 NAME survived · Jinx | Swarm · 16:34 · level 38 · 2473 kills",
    "EUN1_3968244806": "🟢 NAME won · Teemo top 5/8/2 | Normal Draft · 30:27 · 234 CS (7.7/min) · in 19% of kills",
    "BR1_2619338540": "⚪ NAME had a remake · Aatrox top | Ranked Solo/Duo · 3:23",
    "EUW1_7376970903": "🔴 NAME lost · Ambessa top 7/8/1 | Ranked Solo/Duo · 31:25 · 223 CS (7.1/min) · in 50% of kills",
    "EUW1_7602474620": "⚪ NAME had a remake · Ambessa top | Ranked Solo/Duo · 1:44",
    "JP1_450685262": "🔴 NAME lost · Poppy top 4/6/3 | Ranked Solo/Duo · 33:02 · 205 CS (6.2/min) · in 50% of kills",
    "JP1_566638130": "🔴 NAME lost · Gragas top 3/6/7 | Ranked Solo/Duo · 27:50 · 213 CS (7.7/min) · in 43% of kills",
    "KR_5384630363": "🟢 NAME won by surrender · Lulu top 1/1/5 | Ranked Solo/Duo · 16:05 · 107 CS (6.7/min) · in 40% of kills",
    "KR_5520678133": "🟢 NAME won by surrender · Sett top 9/4/4 | Ranked Solo/Duo · 15:59 · 77 CS (4.8/min) · in 65% of kills",
    "LA1_1568057368": "🔴 NAME lost · Jax top 3/3/2 | Ranked Solo/Duo · 23:25 · 195 CS (8.3/min) · in 50% of kills",
    "NA1_5018382378": "🟢 NAME won by surrender · Soraka top 1/0/5 · did not die | Ranked Solo/Duo · 18:37 · 142 CS (7.6/min) · in 26% of kills",
    "TH2_24825892": "🟢 NAME won by surrender · Darius top 3/4/5 | Ranked Solo/Duo · 22:06 · 125 CS (5.7/min) · in 23% of kills",
    "JP1_390607492": "🟢 NAME won · Lulu support 1/5/22 | Normal Blind · 32:25 · vision score 77 · in 61% of kills",
    "EUW1_6852390800": "🔴 NAME lost · Poppy top 10/4/4 | Ranked Flex · 35:21 · 244 CS (6.9/min) · in 39% of kills",
    "NA1_5421167767": "🟢 NAME won by surrender · Cho'Gath top 7/4/7 | Ranked Flex · 24:11 · 157 CS (6.5/min) · in 36% of kills",
    "JP1_518437246": "🟢 NAME won by surrender · Jax 9/6/9 | ARAM · 8:58 · in 55% of kills · 18% of the team's damage",
    "TW2_74455132": "🔴 NAME lost · Talon 14/14/24 | ARAM · 21:30 · in 59% of kills · 23% of the team's damage",
    "EUW1_7261321891": "🟢 NAME won · Sett top 8/4/3 | Swiftplay · 22:13 · 125 CS (5.6/min) · in 31% of kills",
    "JP1_491776434": "🟢 NAME won by surrender · Kayle top 6/3/3 | Quickplay · 26:48 · 278 CS (10.4/min) · in 36% of kills",
    "NA1_4856024721": "🔴 NAME lost · Draven 13/16/9 | ARAM Clash · 25:08 · in 47% of kills · 16% of the team's damage",
    "JP1_391732436": "🟢 NAME won · Thresh support 0/2/7 | Co-op vs. AI Intermediate · 17:37 · 33 CS (1.9/min)",
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
    first, second, _link = render(one, WORDING, Style.FULL).text.split("\n")
    assert f"{first.replace(match.participants[0].name, 'NAME')} | {second}" == expected
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


READS = {
    400: ("won", "Normal Draft"),
    420: ("won", "Ranked Solo/Duo"),
    450: ("won", "ARAM"),
    480: ("won", "Swiftplay"),
    700: ("won", "Clash"),
    720: ("won", "ARAM Clash"),
    890: ("won", "Co-op vs. AI Intermediate"),
    1020: ("won", "One for All"),
    1300: ("won", "Nexus Blitz"),
    1400: ("won", "Ultimate Spellbook"),
    1700: ("came 3rd of 8", "Arena"),
    1710: ("came 3rd of 8", "Arena"),
    1750: ("came 3rd of 6", "Arena"),
    1810: ("survived", "Swarm"),
    1840: ("survived", "Swarm"),
    1900: ("won", "URF"),
    2300: ("won", "Brawl"),
    2400: ("won", "ARAM: Mayhem"),
    9999: ("won", "queue 9999"),
    0: ("won", "Summoner's Rift"),
}
LANELESS = {450, 720, 1300, 1700, 1710, 1750, 1810, 1840, 2300, 2400}


@pytest.mark.parametrize("queue", READS)
def test_a_generated_game_of_each_mode_reads_right(queue: int) -> None:
    text = render(game(queue, 1, placement=3), WORDING, Style.FULL).text
    first, second, _link = text.split("\n")
    ending, name = READS[queue]
    assert first.partition(" ")[2].startswith(f"W {ending} · ")
    assert f"{second} · ".startswith(f"{name} · 31:11 · ")
    assert (" CS (" in text or " · vision score " in text) == (queue not in LANELESS)
    assert "custom" not in text.lower()


@pytest.mark.parametrize("queue", [420, 450, 480, 1900, 9999])
def test_a_remake_is_neither_won_nor_lost_in_any_mode(queue: int) -> None:
    for win in (True, False):
        text = render(game(queue, 2, remake=True, win=win), WORDING, Style.FULL).text
        assert text.startswith("⚪ W and W had a remake\n")
        assert not {"won", "lost"} & set(text.lower().split())


def test_after_a_crash_nobody_won() -> None:
    assert render(game(420, 2, crashed=True), WORDING, Style.FULL).text.startswith(
        "⚪ W and W had a game that nobody won\nRanked Solo/Duo · "
    )


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
