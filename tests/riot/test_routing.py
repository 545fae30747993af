"""Which host answers for which platform."""

import pytest

from lolslackbot.riot import routing


@pytest.mark.parametrize(
    ("platform", "region"),
    [
        *[(platform, "americas") for platform in ("br1", "la1", "la2", "na1")],
        *[(platform, "asia") for platform in ("jp1", "kr")],
        *[(platform, "europe") for platform in ("eun1", "euw1", "me1", "ru", "tr1")],
        *[(platform, "sea") for platform in ("sg2", "tw2", "vn2")],
        ("oc1", "sea"),  # old tables say americas, which answers 200 with an empty list
        *[(platform, "sea") for platform in ("ph2", "th2")],  # merged into sg2, but old match ids keep the prefix
    ],
)
def test_match_region__each_platform(platform: str, region: str) -> None:
    assert routing.match_region(platform) == region
    assert region in routing.MATCH_REGIONS
    assert routing.knows(platform)


@pytest.mark.parametrize("platform", ["pbe1", "euw", "EUW1", "europe", ""])
def test_match_region__unknown_platform(platform: str) -> None:
    assert not routing.knows(platform)
    with pytest.raises(KeyError):
        routing.match_region(platform)


def test_platforms__without_retired_ones() -> None:
    assert len(routing.PLATFORMS) == 15
    assert list(routing.PLATFORMS) == sorted(routing.PLATFORMS)
    assert not {"ph2", "th2", "pbe1"} & set(routing.PLATFORMS)
    assert all(routing.knows(platform) for platform in routing.PLATFORMS)


@pytest.mark.parametrize(
    ("platform", "region"),
    [
        ("na1", "americas"),
        ("kr", "asia"),
        ("euw1", "europe"),
        ("oc1", "asia"),  # account-v1 is not offered on sea
        ("th2", "americas"),
        (None, "americas"),
        ("", "americas"),
        ("nowhere", "americas"),
    ],
)
def test_account_region__never_sea(platform: str | None, region: str) -> None:
    assert routing.account_region(platform) == region
