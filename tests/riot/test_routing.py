"""Which host answers for which platform."""

import pytest

from lolslackbot.riot import routing


@pytest.mark.parametrize(
    ("platform", "region"),
    [
        ("br1", "americas"),
        ("la1", "americas"),
        ("la2", "americas"),
        ("na1", "americas"),
        ("jp1", "asia"),
        ("kr", "asia"),
        ("eun1", "europe"),
        ("euw1", "europe"),
        ("me1", "europe"),
        ("ru", "europe"),
        ("tr1", "europe"),
        ("oc1", "sea"),  # old tables say americas, which answers 200 with an empty list
        ("sg2", "sea"),
        ("tw2", "sea"),
        ("vn2", "sea"),
        ("ph2", "sea"),  # merged into sg2, but old match ids keep the prefix
        ("th2", "sea"),
    ],
)
def test_each_platform_has_its_regional_host_for_matches(platform: str, region: str) -> None:
    assert routing.match_region(platform) == region
    assert region in routing.MATCH_REGIONS
    assert routing.knows(platform)


@pytest.mark.parametrize("platform", ["pbe1", "euw", "EUW1", "europe", ""])
def test_an_unknown_platform_is_never_guessed(platform: str) -> None:
    assert not routing.knows(platform)
    with pytest.raises(KeyError):
        routing.match_region(platform)


def test_a_player_can_live_on_every_platform_but_the_retired_ones() -> None:
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
def test_accounts_are_asked_for_near_the_player_and_never_on_sea(platform: str | None, region: str) -> None:
    assert routing.account_region(platform) == region
