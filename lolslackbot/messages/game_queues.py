"""Queues as people say them, their kinds, and what a channel wants to hear of; an unknown one gets something true."""

import re

ALL = "all"
ARURF = 900  # Riot uses the number for URF too, in which players ban and pick
BANS = 10  # a turn for each player
KINDS = ("ranked", "normal", "aram", "arena", "clash", "swarm", "bots", "events", "other")

# Kind and name by the queue ids of Riot's queues.json and, where that list is late, as met in matches. Retired ones
# stay, since old games are asked for too. An id that is missing here goes by its game mode.
_QUEUES = {
    2: ("normal", "Normal Blind"),
    4: ("ranked", "Ranked Solo/Duo"),
    6: ("ranked", "Ranked Premade"),
    8: ("normal", "Normal 3v3"),
    9: ("ranked", "Ranked 3v3"),
    14: ("normal", "Normal Draft"),
    31: ("bots", "Co-op vs. AI Intro"),
    32: ("bots", "Co-op vs. AI Beginner"),
    33: ("bots", "Co-op vs. AI Intermediate"),
    41: ("ranked", "Ranked 3v3"),
    42: ("ranked", "Ranked Teams"),
    61: ("normal", "Team Builder"),
    65: ("aram", "ARAM"),
    67: ("bots", "ARAM vs. AI"),
    70: ("events", "One for All"),
    72: ("events", "Snowdown Showdown 1v1"),
    73: ("events", "Snowdown Showdown 2v2"),
    75: ("events", "Hexakill"),
    76: ("events", "URF"),
    78: ("events", "One for All: Mirror Mode"),
    83: ("bots", "URF vs. AI"),
    91: ("bots", "Doom Bots"),
    92: ("bots", "Doom Bots"),
    93: ("bots", "Doom Bots"),
    96: ("events", "Ascension"),
    98: ("events", "Hexakill"),
    100: ("aram", "ARAM"),
    300: ("events", "Legend of the Poro King"),
    310: ("events", "Nemesis Draft"),
    313: ("events", "Black Market Brawlers"),
    315: ("events", "Nexus Siege"),
    317: ("events", "Definitely Not Dominion"),
    318: ("events", "ARURF"),
    325: ("events", "All Random"),
    400: ("normal", "Normal Draft"),
    410: ("ranked", "Ranked Dynamic"),
    420: ("ranked", "Ranked Solo/Duo"),
    430: ("normal", "Normal Blind"),
    440: ("ranked", "Ranked Flex"),
    450: ("aram", "ARAM"),
    460: ("normal", "Normal 3v3"),
    470: ("ranked", "Ranked 3v3"),
    480: ("normal", "Swiftplay"),
    490: ("normal", "Quickplay"),
    600: ("events", "Blood Hunt Assassin"),
    610: ("events", "Dark Star: Singularity"),
    700: ("clash", "Clash"),
    710: ("ranked", "Ranked 5s"),
    720: ("clash", "ARAM Clash"),
    800: ("bots", "Co-op vs. AI 3v3"),
    810: ("bots", "Co-op vs. AI 3v3"),
    820: ("bots", "Co-op vs. AI 3v3"),
    830: ("bots", "Co-op vs. AI Intro"),
    840: ("bots", "Co-op vs. AI Beginner"),
    850: ("bots", "Co-op vs. AI Intermediate"),
    870: ("bots", "Co-op vs. AI Intro"),
    880: ("bots", "Co-op vs. AI Beginner"),
    890: ("bots", "Co-op vs. AI Intermediate"),
    ARURF: ("events", "ARURF"),
    910: ("events", "Ascension"),
    920: ("events", "Legend of the Poro King"),
    940: ("events", "Nexus Siege"),
    950: ("bots", "Doom Bots"),
    960: ("bots", "Doom Bots"),
    980: ("events", "Star Guardian Invasion"),
    990: ("events", "Star Guardian Invasion: Onslaught"),
    1000: ("events", "PROJECT: Hunters"),
    1010: ("events", "Snow ARURF"),
    1020: ("events", "One for All"),
    1030: ("events", "Odyssey Extraction"),
    1040: ("events", "Odyssey Extraction"),
    1050: ("events", "Odyssey Extraction"),
    1060: ("events", "Odyssey Extraction"),
    1070: ("events", "Odyssey Extraction"),
    1200: ("events", "Nexus Blitz"),
    1300: ("events", "Nexus Blitz"),
    1400: ("events", "Ultimate Spellbook"),
    1700: ("arena", "Arena"),
    1710: ("arena", "Arena"),
    1740: ("arena", "Arena"),
    1750: ("arena", "Arena"),
    1810: ("swarm", "Swarm"),
    1820: ("swarm", "Swarm"),
    1830: ("swarm", "Swarm"),
    1840: ("swarm", "Swarm"),
    1900: ("events", "URF"),
    2000: ("other", "Tutorial"),
    2010: ("other", "Tutorial"),
    2020: ("other", "Tutorial"),
    2300: ("events", "Brawl"),
    2400: ("aram", "ARAM: Mayhem"),
    2450: ("aram", "Classic Mayhem"),
    3200: ("aram", "ARAM: Mayhem"),
    3220: ("aram", "ARAM: Mayhem"),
    3260: ("events", "League Classic"),
    3262: ("events", "League Classic"),
    3270: ("aram", "ARAM: Mayhem"),
    3280: ("aram", "Classic Mayhem"),
    4210: ("bots", "Doom Bots"),
    4220: ("bots", "Doom Bots"),
    4240: ("bots", "Doom Bots"),
    4250: ("bots", "Doom Bots"),
    4260: ("bots", "Doom Bots"),
    4310: ("events", "League Classic"),
}

# Modes by match-v5's `gameMode`. CLASSIC is left out: many queues have it.
_MODES = {
    "ARAM": ("aram", "ARAM"),
    "ARURF": ("events", "ARURF"),
    "BRAWL": ("events", "Brawl"),
    "CHERRY": ("arena", "Arena"),
    "JADE": ("events", "League Classic"),
    "KIWI": ("aram", "ARAM: Mayhem"),
    "KIWI_JADE": ("aram", "Classic Mayhem"),
    "NEXUSBLITZ": ("events", "Nexus Blitz"),
    "ONEFORALL": ("events", "One for All"),
    "STRAWBERRY": ("swarm", "Swarm"),
    "SWIFTPLAY": ("normal", "Swiftplay"),
    "ULTBOOK": ("events", "Ultimate Spellbook"),
    "URF": ("events", "URF"),
}


def queue_name(queue_id: int, game_mode: str, bans: int = 0) -> str:
    """`Ranked Solo/Duo`; for a queue newer than the table its mode, its map, or its number: never a guess.

    Queue 0 is no custom game: those never come from match-v5. bans: turns to ban a champion.
    """
    if queue_id == 0 and game_mode == "CLASSIC":
        return "Summoner's Rift"
    if queue_id == ARURF and bans >= BANS:
        return "URF"
    name = _found(queue_id, game_mode)[1]
    if not name and game_mode != "CLASSIC" and re.fullmatch(r"[A-Z0-9_]{1,40}", game_mode):
        name = game_mode.replace("_", " ").strip()
    return name or f"queue {queue_id}"


def queue_kind(queue_id: int, game_mode: str) -> str:
    """One of KINDS."""
    return _found(queue_id, game_mode)[0]


def _found(queue_id: int, game_mode: str) -> tuple[str, str]:
    return _QUEUES.get(queue_id) or _MODES.get(game_mode) or ("other", "")


def read_queues(text: str) -> str:
    """What a channel wants to hear of, as it is kept: `all`, or kinds and queue ids. Raises ValueError."""
    wanted = [word.strip().lower() for word in text.split(",") if word.strip()]
    wrong = [word for word in wanted if word not in (ALL, *KINDS) and not re.fullmatch(r"[0-9]{1,9}", word)]
    if wrong or not wanted:
        known = ", ".join((ALL, *KINDS))
        raise ValueError(f"{text!r} names no queues: it takes {known} or Riot's queue ids, by comma, as in ranked,450")
    numbers = sorted({str(int(word)) for word in wanted if word.isdecimal()}, key=int)
    return ALL if ALL in wanted else ",".join([*(kind for kind in KINDS if kind in wanted), *numbers])


def wants(queues: str, queue_id: int, game_mode: str) -> bool:
    """Whether a channel that wants `queues` hears of a game."""
    return not {ALL, queue_kind(queue_id, game_mode), str(queue_id)}.isdisjoint(queues.split(","))
