"""Platforms (game server clusters) and the regional hosts that answer for them (Riot's routing values)."""

_PLATFORMS = {
    "americas": ("br1", "la1", "la2", "na1"),
    "asia": ("jp1", "kr"),
    "europe": ("eun1", "euw1", "me1", "ru", "tr1"),
    "sea": ("oc1", "sg2", "tw2", "vn2"),
}
# Merged into sg2 in January 2025: no player lives there any more, old match ids still say so.
RETIRED = {"ph2": "sea", "th2": "sea"}

REGIONS = {platform: region for region, platforms in _PLATFORMS.items() for platform in platforms}
PLATFORMS = tuple(sorted(REGIONS))

# Accounts are global: any of the three answers for any player, so one is as good as another.
MATCH_REGIONS = tuple(_PLATFORMS)
HOSTS = (*MATCH_REGIONS, *PLATFORMS)  # every routing value that a call can go to
_ACCOUNTS_ANYWHERE = "americas"


def match_region(platform: str) -> str:
    """The regional host for a platform's matches. Raises KeyError for an unknown platform.

    The wrong one does not fail: it answers 200 with an empty list.
    """
    return REGIONS.get(platform) or RETIRED[platform]


def knows(platform: str) -> bool:
    """Whether `match_region` has an answer."""
    return platform in REGIONS or platform in RETIRED


def account_region(platform: str | None) -> str:
    """The regional host for account-v1, which is not offered on `sea`."""
    region = REGIONS.get(platform or "", _ACCOUNTS_ANYWHERE)
    return "asia" if region == "sea" else region
