"""Champions, roles and servers as people say them, and a champion's picture; an unknown one gets something true."""

import re

from lolslackbot.game import Champion, Champions

NONE = Champions()
SHIPPED_VERSION = "16.15.1"  # of Data Dragon, which keeps the pictures of every version; until it told a newer one

# Where the name that people see is not match-v5's `championName`. For as long as Data Dragon has not been heard.
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


def server_name(platform: str) -> str:
    """`euw` for `euw1`: what public match-history sites have in their addresses."""
    return _SERVERS.get(platform) or platform.rstrip("0123456789")


def champion_name(champion_name: str, champion_id: int, champions: Champions = NONE) -> str:
    """`Wukong` for match-v5's `MonkeyKing`: as Data Dragon has it, else by the shipped table, else as it is."""
    known = _known(champion_name, champion_id, champions)
    plain = _plain(champion_name)
    return (known.name if known else _CHAMPIONS.get(plain, plain)) or f"champion {champion_id}"


def champion_picture(champion_name: str, champion_id: int, champions: Champions, address: str) -> str:
    """The address of a champion's square picture at Data Dragon; '' where none can be relied on."""
    if not address:
        return ""
    known = _known(champion_name, champion_id, champions)
    if known:
        image = known.image
    elif champions.version is None and re.fullmatch(r"[A-Za-z]+", _plain(champion_name)):
        image = {"FiddleSticks": "Fiddlesticks"}.get(_plain(champion_name), _plain(champion_name)) + ".png"
    else:
        return ""  # newer than the version we know: there is no picture of it yet
    return f"{address}/cdn/{champions.version or SHIPPED_VERSION}/img/champion/{image}"


def _plain(champion_name: str) -> str:
    """Swarm prefixes its champions."""
    return champion_name.removeprefix("Strawberry_")


def _known(champion_name: str, champion_id: int, champions: Champions) -> Champion | None:
    """By number; Swarm has numbers of its own, so there by the name, which upper and lower case differ in."""
    if champion_id in champions.by_id:
        return champions.by_id[champion_id]
    image = f"{_plain(champion_name)}.png".casefold()
    return next((each for each in champions.by_id.values() if each.image.casefold() == image), None)


def role_name(team_position: str) -> str:
    """`support` for UTILITY, '' where there are no roles."""
    return _ROLES.get(team_position, "")
