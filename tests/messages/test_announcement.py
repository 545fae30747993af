"""What a channel is told of a match: facts only, and nothing that is not so."""

from typing import Any

import pytest
from support import a_match, participant

from lolslackbot.game import Match, Outcome, Participant, PastGame
from lolslackbot.messages.announcement import Announcement, Name, RenderOptions
from lolslackbot.messages.announcement import announce as announce_for
from lolslackbot.model import Style

LINK = "https://x.example/{platform}/{server}/{game_id}/{match_id}"


def announce(match: Match, link: str = "", style: Style = Style.FULL) -> Announcement:
    return announce_for(match, RenderOptions(link), style)


def opening(match: Match) -> str:
    parts = announce(match).opening
    return "".join(part.text if isinstance(part, Name) else part for part in parts)


def headline(match: Match) -> str:
    told = announce(match)
    return " · ".join([opening(match), told.queue, told.length])


def facts(match: Match) -> list[str]:
    return [", ".join([line.how, *line.facts]) for line in announce(match).lines]


def both_sides(**changes: Any) -> Match:
    """Two friends who played against each other; the first won."""
    return a_match(participants=(participant(1), participant(2, team_id=200, win=False, deaths=9)), **changes)


# The headline


@pytest.mark.parametrize(
    ("outcome", "win", "expected"),
    [
        (Outcome.DECIDED, True, "won"),
        (Outcome.DECIDED, False, "lost"),
        (Outcome.SURRENDERED, True, "won by surrender"),
        (Outcome.SURRENDERED, False, "lost by surrender"),
        (Outcome.REMAKE, True, "had a remake"),  # match-v5 still gives one team `win`
        (Outcome.REMAKE, False, "had a remake"),
        (Outcome.NOBODY_WON, False, "had a game that nobody won"),
    ],
)
def test_the_headline_says_how_it_ended_for_them_what_it_was_and_how_long(
    outcome: Outcome, win: bool, expected: str
) -> None:
    match = a_match(outcome=outcome, participants=(participant(1, win=win), participant(2, win=win)))
    assert headline(match) == f"Player 1 and Player 2 {expected} · Ranked Solo/Duo · 31:11"


@pytest.mark.parametrize("outcome", [Outcome.DECIDED, Outcome.SURRENDERED])
def test_friends_on_both_sides_have_a_result_each(outcome: Outcome) -> None:
    match = both_sides(outcome=outcome)
    ending = " by surrender" if outcome is Outcome.SURRENDERED else ""
    assert headline(match) == f"Player 1 won{ending} against Player 2 · Ranked Solo/Duo · 31:11"
    assert [(group.mark, group.title) for group in announce(match).groups] == [
        ("🟢", f"Won{ending}"),
        ("🔴", f"Lost{ending}"),
    ]
    assert facts(match) == ["Ahri mid 7/2/9, 201 CS (6.4/min)", "Ahri mid 7/9/9, 201 CS (6.4/min)"]


@pytest.mark.parametrize(
    ("outcome", "expected"), [(Outcome.REMAKE, "had a remake"), (Outcome.NOBODY_WON, "had a game that nobody won")]
)
def test_where_nobody_won_sides_do_not_matter(outcome: Outcome, expected: str) -> None:
    match = both_sides(outcome=outcome)
    assert headline(match) == f"Player 1 and Player 2 {expected} · Ranked Solo/Duo · 31:11"
    assert [group.title for group in announce(match).groups] == [""]


@pytest.mark.parametrize(
    ("win", "placement", "place"),
    [(True, 1, "1st of 8"), (True, 4, "4th of 8"), (False, 5, "5th of 8")],
)
def test_arena_has_places_and_no_victory(win: bool, placement: int, place: str) -> None:
    played = participant(1, win=win, placement=placement, team_position="", creep_score=3)
    match = a_match(game_mode="CHERRY", queue_id=1700, participants=(played,), teams=8)
    assert headline(match) == f"Player 1 came {place} · Arena · 31:11"
    assert facts(match) == ["Ahri 7/2/9"]


def test_arenas_many_teams_are_no_sides() -> None:
    match = both_sides(game_mode="CHERRY", queue_id=1710)
    assert headline(match) == "Player 1 and Player 2 played · Arena · 31:11"
    assert [group.title for group in announce(match).groups] == [""]


def test_an_arena_remake_is_called_one() -> None:
    assert (
        headline(a_match(game_mode="CHERRY", queue_id=1700, outcome=Outcome.REMAKE))
        == "Player 1 had a remake · Arena · 31:11"
    )


@pytest.mark.parametrize(("win", "expected"), [(True, "survived"), (False, "did not survive")])
def test_swarm_is_survived_or_not(win: bool, expected: str) -> None:
    played = participant(1, win=win, champion_name="Strawberry_Jinx", team_position="")
    match = a_match(game_mode="STRAWBERRY", queue_id=1810, participants=(played,))
    assert headline(match) == f"Player 1 {expected} · Swarm · 31:11"
    assert facts(match) == ["Jinx, 201 kills"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59, "0:59"), (60, "1:00"), (1871, "31:11"), (3599, "59:59"), (3600, "1:00:00"), (4205, "1:10:05")],
)
def test_a_length_reads_as_the_games_clock(seconds: int, text: str) -> None:
    assert headline(a_match(duration=seconds)).endswith(f" · {text}")


def test_an_unknown_queue_is_named_by_its_mode_else_by_its_number() -> None:
    assert headline(a_match(queue_id=9999, game_mode="NEWMODE")) == "Player 1 won · NEWMODE · 31:11"
    assert headline(a_match(queue_id=9999, game_mode="CLASSIC")) == "Player 1 won · queue 9999 · 31:11"


def test_urf_with_bans_is_no_arurf() -> None:
    assert headline(a_match(queue_id=900, game_mode="URF", bans=10)) == "Player 1 won · URF · 31:11"
    assert headline(a_match(queue_id=900, game_mode="URF")) == "Player 1 won · ARURF · 31:11"


@pytest.mark.parametrize(
    ("friends", "names"),
    [
        (1, "Player 1"),
        (2, "Player 1 and Player 2"),
        (3, "Player 1, Player 2 and Player 3"),
        (4, "Player 1, Player 2 and 2 others"),
        (10, "Player 1, Player 2 and 8 others"),
    ],
)
def test_opening__names_the_friends(friends: int, names: str) -> None:
    """The first line has room for three."""
    assert opening(a_match("EUW1_1", *range(1, friends + 1))) == f"{names} won"


def test_opening__friends_in_several_teams() -> None:
    friends = tuple(participant(n, placement=p, subteam=s) for n, p, s in ((1, 5, 1), (2, 1, 2), (3, 5, 1)))
    match = a_match(queue_id=1700, game_mode="CHERRY", participants=friends, teams=8)
    assert opening(match) == "Player 2 came 1st of 8, Player 1 and Player 3 came 5th of 8"


# The lines


def line(**changes: Any) -> str:
    (only,) = facts(a_match(participants=(participant(1, **changes),)))
    return only


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "Ahri mid 7/2/9, 201 CS (6.4/min)"),
        ({"creep_score": 0}, "Ahri mid 7/2/9, 0 CS (0.0/min)"),
        ({"creep_score": None}, "Ahri mid 7/2/9"),  # never made-up stats
        ({"team_position": ""}, "Ahri 7/2/9, 201 CS (6.4/min)"),
        ({"team_position": "INVALID"}, "Ahri 7/2/9, 201 CS (6.4/min)"),
        ({"team_position": "UTILITY", "champion_name": "MonkeyKing"}, "Wukong support 7/2/9, 201 CS (6.4/min)"),
        ({"team_position": "UTILITY", "vision_score": 54}, "Ahri support 7/2/9, vision score 54"),
        ({"team_position": "UTILITY", "vision_score": 0}, "Ahri support 7/2/9, 201 CS (6.4/min)"),
        ({"team_position": "JUNGLE", "vision_score": 54}, "Ahri jungle 7/2/9, 201 CS (6.4/min)"),
        ({"champion_name": "", "champion_id": 950}, "champion 950 mid 7/2/9, 201 CS (6.4/min)"),
        ({"kills": 0, "deaths": 0, "assists": 0}, "Ahri mid 0/0/0, 201 CS (6.4/min)"),
    ],
)
def test_a_line_says_what_is_known_of_a_player(changes: dict[str, Any], expected: str) -> None:
    assert line(**changes) == expected


@pytest.mark.parametrize(("mode", "queue"), [("ARAM", 450), ("KIWI", 2400), ("CHERRY", 1700), ("STRAWBERRY", 1810)])
def test_where_nobody_counts_creeps_none_are_told(mode: str, queue: int) -> None:
    assert "CS" not in facts(a_match(game_mode=mode, queue_id=queue))[0]


def test_a_remake_was_over_before_anything_counted() -> None:
    assert facts(a_match(outcome=Outcome.REMAKE)) == ["Ahri mid"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (8, "8th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
    ],
)
def test_places_are_ordinals(number: int, text: str) -> None:
    played = participant(1, placement=number)
    match = a_match(game_mode="CHERRY", queue_id=1700, participants=(played,))
    assert headline(match) == f"Player 1 came {text} · Arena · 31:11"


def test_each_friend_has_a_line_in_the_order_given_and_the_name_as_it_is() -> None:
    friends: tuple[Participant, ...] = tuple(participant(n, name=f"<!channel> {n}") for n in (3, 1, 2))
    match = a_match(participants=friends)
    assert [each.name for each in announce(match).lines] == ["<!channel> 3", "<!channel> 1", "<!channel> 2"]


# The link


@pytest.mark.parametrize(
    ("match_id", "link"),
    [
        ("EUW1_7376970903", "https://x.example/euw1/euw/7376970903/EUW1_7376970903"),
        ("EUN1_1", "https://x.example/eun1/eune/1/EUN1_1"),
        ("KR_12", "https://x.example/kr/kr/12/KR_12"),
    ],
)
def test_the_link_is_the_template_filled_in(match_id: str, link: str) -> None:
    assert announce(a_match(match_id), LINK).link == link


@pytest.mark.parametrize("template", ["", "https://x.example/"])
def test_a_template_without_fields_stays_as_it_is(template: str) -> None:
    assert announce(a_match(), template).link == template


# Shares, partners, and what stands out


def said(match: Match) -> str:
    (only,) = announce(match).lines
    return only.standout


def test_a_share_of_the_kills_is_told_and_never_more_than_all() -> None:
    assert line(team_kills=20).endswith("201 CS (6.4/min), in 80% of kills")
    assert line(team_kills=10).endswith("in 100% of kills")
    assert line(team_kills=0) == line(team_kills=None) == "Ahri mid 7/2/9, 201 CS (6.4/min)"


@pytest.mark.parametrize(
    ("takedowns", "of", "share"), [(5, 8, "63%"), (3, 8, "38%"), (1, 200, "1%"), (1, 201, "0%"), (199, 200, "100%")]
)
def test_a_tie_is_rounded_up(takedowns: int, of: int, share: str) -> None:
    assert line(kills=takedowns, assists=0, team_kills=of).endswith(f" in {share} of kills")
    played = participant(1, damage=125, team_damage=1000)
    match = a_match(queue_id=450, game_mode="ARAM", participants=(played,))
    assert facts(match) == ["Ahri mid 7/2/9, 13% of the team's damage"]


@pytest.mark.parametrize(
    ("creeps", "seconds", "each_minute"),
    [(129, 1200, "6.5"), (5, 1200, "0.3"), (201, 1200, "10.1"), (15, 1200, "0.8"), (177, 1800, "5.9"), (0, 1, "0.0")],
)
def test_creeps_a_minute_are_rounded_exactly(creeps: int, seconds: int, each_minute: str) -> None:
    (told,) = facts(a_match(duration=seconds, participants=(participant(1, creep_score=creeps),)))
    assert told.endswith(f"{creeps} CS ({each_minute}/min)")


@pytest.mark.parametrize(("queue", "mode"), [(1700, "CHERRY"), (1830, "STRAWBERRY"), (890, "CLASSIC")])
def test_where_it_says_nothing_no_share_is_told(queue: int, mode: str) -> None:
    played = participant(1, team_kills=20, damage=1, team_damage=10)
    assert "%" not in facts(a_match(queue_id=queue, game_mode=mode, participants=(played,)))[0]


def test_aram_tells_the_damage_once() -> None:
    played = participant(1, team_position="", team_kills=20, damage=12, team_damage=100)
    match = a_match(queue_id=450, game_mode="ARAM", participants=(played,))
    assert facts(match) == ["Ahri 7/2/9, in 80% of kills, 12% of the team's damage"]
    match = a_match(queue_id=450, game_mode="ARAM", participants=(participant(1, damage=45, team_damage=100),))
    assert (facts(match), said(match)) == (["Ahri mid 7/2/9"], "45% of the team's damage")


def test_partners_who_are_strangers_are_named_by_their_champions_and_friends_are_not_repeated() -> None:
    arena = {"placement": 2, "subteam": 3, "team_position": ""}
    one = participant(1, champion_id=1, partners=((2, "MonkeyKing"), (3, "Leona")), **arena)
    two = participant(2, champion_id=2, champion_name="MonkeyKing", partners=((1, "Ahri"), (3, "Leona")), **arena)
    match = a_match(queue_id=1750, game_mode="CHERRY", participants=(one,), teams=6)
    assert facts(match) == ["Ahri with Wukong and Leona 7/2/9"]
    match = a_match(queue_id=1750, game_mode="CHERRY", participants=(one, two), teams=6)
    assert facts(match) == ["Ahri with Leona 7/2/9", "Wukong with Leona 7/2/9"]


def test_friends_in_several_arena_teams_stand_by_place() -> None:
    friends = tuple(participant(n, placement=p, subteam=s) for n, p, s in ((1, 5, 1), (2, 1, 2), (3, 5, 1)))
    told = announce(a_match(queue_id=1700, game_mode="CHERRY", participants=friends, teams=8))
    assert told.mark == "🏟️"
    assert [(group.title, len(group.lines)) for group in told.groups] == [("Came 1st of 8", 1), ("Came 5th of 8", 2)]


def test_more_than_five_friends_and_compact_style_get_short_lines() -> None:
    assert facts(a_match("EUW1_1", *range(1, 7))) == ["Ahri mid 7/2/9"] * 6
    (only,) = announce(a_match(), style=Style.COMPACT).lines
    assert (only.how, only.facts) == ("Ahri mid 7/2/9", ())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"penta_kills": 1, "deaths": 0}, "pentakill"),  # the rarest thing only
        ({"penta_kills": 2}, "2 pentakills"),
        ({"deaths": 0}, "did not die"),
        ({"deaths": 0, "kills": 1, "assists": 3}, ""),
        ({"damage": 40, "team_damage": 100}, "40% of the team's damage"),
        ({"damage": 39, "team_damage": 100}, ""),
        ({"damage": 0, "team_damage": 0}, ""),
        ({"deaths": 13, "kills": 3, "assists": 5}, "won all the same"),
        ({"deaths": 13, "kills": 3, "assists": 5, "win": False}, "a rough one"),
        ({"deaths": 13, "kills": 3, "assists": 10, "win": False}, ""),
        ({"deaths": 9, "kills": 0, "assists": 0, "win": False}, ""),
    ],
)
def test_what_stands_out_is_told_in_a_few_words(changes: dict[str, Any], expected: str) -> None:
    assert said(a_match(participants=(participant(1, **changes),))) == expected


def test_standout__mark() -> None:
    """A star, but for what was rough."""
    marks = [
        announce(a_match(participants=(participant(1, **changes),))).lines[0].mark
        for changes in ({}, {"penta_kills": 1}, {"deaths": 20})
    ]
    assert marks == ["", "⭐", "🩹"]


@pytest.mark.parametrize(("damage", "expected"), [(395, "40% of the team's damage"), (385, ""), (394, "")])
def test_damage_that_stands_out_is_rounded_half_up(damage: int, expected: str) -> None:
    assert said(a_match(participants=(participant(1, damage=damage, team_damage=1000),))) == expected


@pytest.mark.parametrize("changes", [{"damage": 40, "team_damage": 100}, {"deaths": 0}])
@pytest.mark.parametrize(
    ("outcome", "seconds", "stands_out"),
    [
        (Outcome.SURRENDERED, 228, False),
        (Outcome.SURRENDERED, 899, False),
        (Outcome.SURRENDERED, 900, True),
        (Outcome.DECIDED, 240, False),
        (Outcome.DECIDED, 599, False),
        (Outcome.DECIDED, 600, True),
    ],
)
def test_what_an_early_end_made_does_not_stand_out(
    outcome: Outcome, seconds: int, stands_out: bool, changes: dict[str, Any]
) -> None:
    match = a_match(outcome=outcome, duration=seconds, participants=(participant(1, **changes),))
    assert bool(said(match)) is stands_out


def test_a_pentakill_stands_out_however_early_the_end() -> None:
    match = a_match(outcome=Outcome.SURRENDERED, duration=228, participants=(participant(1, penta_kills=1),))
    assert said(match) == "pentakill"


def past(results: str, queue: int = 420) -> tuple[PastGame, ...]:
    """W won, L lost, R remade; the newest first."""
    outcomes = {"R": Outcome.REMAKE}
    return tuple(PastGame(queue, "CLASSIC", outcomes.get(each, Outcome.DECIDED), each == "W") for each in results)


@pytest.mark.parametrize(
    ("before", "win", "expected"),
    [
        (past("W"), True, ""),
        (past("WW"), True, "3 ranked wins in a row"),
        (past("WRWL"), True, "3 ranked wins in a row"),  # a remake neither goes on with a series nor ends it
        (past("WW", 440), True, "3 ranked wins in a row"),
        (past("W") + past("LL", 450) + past("W"), True, "3 ranked wins in a row"),
        (past("WW", 450), True, ""),
        (past("LL"), False, "3 ranked losses in a row"),
        (past("LLLW"), True, "first ranked win after 3 losses"),
        (past("WWWW"), False, "first ranked loss after 4 wins"),
        (past("LL"), True, ""),
    ],
)
def test_a_series_in_the_same_kind_of_queue_stands_out(before: Any, win: bool, expected: str) -> None:
    assert said(a_match(participants=(participant(1, win=win, past=before),))) == expected
    assert said(a_match(outcome=Outcome.REMAKE, participants=(participant(1, win=win, past=before),))) == ""


def test_the_picture_is_of_the_friend_who_stands_out() -> None:
    friends = (participant(1), participant(2, champion_name="MonkeyKing", champion_id=62, penta_kills=1))
    told = announce_for(a_match(participants=friends), RenderOptions("", "https://d.example"))
    assert (told.pictured, told.picture) == ("Wukong", "https://d.example/cdn/16.15.1/img/champion/MonkeyKing.png")
