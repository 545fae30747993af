"""Queues, modes, champions and roles as people say them; an unknown one gets something true."""

# Queue ids of queues.json and, where that list is late, as met in matches. Retired ones stay: old games are asked too.
_QUEUES = {
    400: "Normal Draft",
    420: "Ranked Solo/Duo",
    430: "Normal Blind",
    440: "Ranked Flex",
    450: "ARAM",
    480: "Swiftplay",
    490: "Quickplay",
    700: "Clash",
    720: "ARAM Clash",
    830: "Co-op vs. AI Intro",
    840: "Co-op vs. AI Beginner",
    850: "Co-op vs. AI Intermediate",
    870: "Co-op vs. AI Intro",
    880: "Co-op vs. AI Beginner",
    890: "Co-op vs. AI Intermediate",
    900: "ARURF",
    1010: "Snow ARURF",
    1020: "One for All",
    1200: "Nexus Blitz",
    1300: "Nexus Blitz",
    1400: "Ultimate Spellbook",
    1700: "Arena",
    1710: "Arena",
    1750: "Arena",
    1810: "Swarm",
    1820: "Swarm",
    1830: "Swarm",
    1840: "Swarm",
    1900: "URF",
    2000: "Tutorial",
    2010: "Tutorial",
    2020: "Tutorial",
    2300: "Brawl",
    2400: "ARAM: Mayhem",
}

_MODES = {
    "ARAM": "ARAM",
    "ARURF": "ARURF",
    "BRAWL": "Brawl",
    "CHERRY": "Arena",
    "KIWI": "ARAM: Mayhem",
    "NEXUSBLITZ": "Nexus Blitz",
    "ONEFORALL": "One for All",
    "STRAWBERRY": "Swarm",
    "SWIFTPLAY": "Swiftplay",
    "ULTBOOK": "Ultimate Spellbook",
    "URF": "URF",
}

# Where the game's name for a champion is not Data Dragon's id for it.
_CHAMPIONS = {
    "AurelionSol": "Aurelion Sol",
    "Belveth": "Bel'Veth",
    "Chogath": "Cho'Gath",
    "DrMundo": "Dr. Mundo",
    "FiddleSticks": "Fiddlesticks",
    "JarvanIV": "Jarvan IV",
    "Kaisa": "Kai'Sa",
    "Khazix": "Kha'Zix",
    "KogMaw": "Kog'Maw",
    "KSante": "K'Sante",
    "Leblanc": "LeBlanc",
    "LeeSin": "Lee Sin",
    "MasterYi": "Master Yi",
    "MissFortune": "Miss Fortune",
    "MonkeyKing": "Wukong",
    "Nunu": "Nunu & Willump",
    "RekSai": "Rek'Sai",
    "Renata": "Renata Glasc",
    "TahmKench": "Tahm Kench",
    "TwistedFate": "Twisted Fate",
    "Velkoz": "Vel'Koz",
    "XinZhao": "Xin Zhao",
}

# How players call their server, where that is not the platform without its digit.
_SERVERS = {"eun1": "eune", "la1": "lan", "la2": "las", "me1": "mena", "oc1": "oce"}

_ROLES = {"TOP": "top", "JUNGLE": "jungle", "MIDDLE": "mid", "BOTTOM": "bot", "UTILITY": "support"}


def queue_name(queue_id: int, game_mode: str) -> str:
    """`Ranked Solo/Duo`; for a queue newer than the table its mode, or its number: never a guess."""
    return _QUEUES.get(queue_id) or _MODES.get(game_mode) or f"queue {queue_id}"


def server_name(platform: str) -> str:
    """`euw` for `euw1`: what public match-history sites have in their addresses."""
    return _SERVERS.get(platform) or platform.rstrip("0123456789")


def champion_name(champion_name: str, champion_id: int) -> str:
    """`Wukong` for match-v5's `MonkeyKing`. Swarm prefixes its champions."""
    plain = champion_name.removeprefix("Strawberry_")
    return _CHAMPIONS.get(plain, plain) or f"champion {champion_id}"


def role_name(team_position: str) -> str:
    """`support` for UTILITY, '' where there are no roles."""
    return _ROLES.get(team_position, "")
