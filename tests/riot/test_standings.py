"""league-v4 entries: every absent or odd field has a meaning, and none is made up."""

from typing import Any

import pytest

from lolslackbot.rank import FLEX, OTHER, SOLO, Standing
from lolslackbot.riot.answers import RiotRefusal
from lolslackbot.riot.parsing import read_standings

GONE = object()


def entry(**changes: Any) -> dict[str, Any]:
    fields = {"queueType": SOLO, "tier": "GOLD", "rank": "II", "leaguePoints": 45, "wins": 30, "losses": 20, **changes}
    return {name: value for name, value in fields.items() if value is not GONE}


def test_entry__each_queue() -> None:
    """Those without an entry are known to have none."""
    assert read_standings([entry()]) == {SOLO: Standing("GOLD", "II", 45, 30, 20), FLEX: None, OTHER: None}
    assert read_standings([]) == {SOLO: None, FLEX: None, OTHER: None}


def test_entry__apex_has_no_division() -> None:
    assert read_standings([entry(tier="MASTER", rank="I", leaguePoints=812)])[SOLO] == Standing(
        "MASTER", "", 812, 30, 20
    )


@pytest.mark.parametrize("queue", ["RANKED_TEAM_5x5", "RANKED_5v5", "RANKED_PREMADE_5X5"])
def test_entry__ranked_queue_of_another_name(queue: str) -> None:
    """The queue of five friends, whatever Riot calls it; of two such, neither is known."""
    assert read_standings([entry(queueType=queue)])[OTHER] == Standing("GOLD", "II", 45, 30, 20)
    assert OTHER not in read_standings([entry(queueType=queue), entry(queueType="RANKED_NEW")])


@pytest.mark.parametrize(
    "odd",
    [
        entry(queueType="CHERRY", tier=GONE, rank=GONE),
        entry(queueType="RANKED_TFT", tier="GOLD"),
        entry(queueType="RANKED_TFT_DOUBLE_UP", tier=GONE),
        entry(queueType=GONE),
        entry(tier=GONE),
        "no entry",
    ],
)
def test_entry__passed_over(odd: Any) -> None:
    """What is of no ranked queue on the Rift, or has no tier."""
    assert read_standings([odd]) == {SOLO: None, FLEX: None, OTHER: None}


@pytest.mark.parametrize(
    "changes",
    [
        {"tier": "WOOD"},
        {"rank": "V"},
        {"rank": GONE},
        {"leaguePoints": GONE},
        {"wins": GONE},
        {"losses": -1},
        {"wins": "30"},
    ],
)
def test_entry__not_understood(changes: dict[str, Any]) -> None:
    """As if that queue had not been read: neither a rank nor none."""
    assert read_standings([entry(**changes)]) == {FLEX: None, OTHER: None}
    assert read_standings([entry(**changes)] * 2) == {FLEX: None, OTHER: None}
    assert OTHER not in read_standings([entry(queueType="RANKED_NEW", **changes)])


@pytest.mark.parametrize("document", [None, {}, "[]", 7])
def test_answer__no_list(document: Any) -> None:
    with pytest.raises(RiotRefusal, match="no list"):
        read_standings(document)
