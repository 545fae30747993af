"""match-v5 JSON to a match: every trap that answers of Riot have shown, made by hand in small."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import puuid, read_everyone

from lolslackbot.game import Outcome
from lolslackbot.model import is_puuid
from lolslackbot.riot.answers import RiotRefusal, RiotVerdict
from lolslackbot.riot.parsing import ForeignIds, NotAMatch, read_match, read_puuids

MATCH_ID = "EUW1_7000000001"
BEGAN = 1_763_900_000_000  # ms
GONE = object()  # a field that is to be left out
BOT = {"puuid": "BOT", "summonerName": "Ryze bot", "win": False, "timePlayed": 1871}


def without(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not GONE}


def a_player(number: int = 1, **changes: Any) -> dict[str, Any]:
    """What match-v5 says of one participant, as far as it is read."""
    fields = {
        "puuid": puuid(number),
        "riotIdGameName": f"Player {number}",
        "riotIdTagline": "EUW",
        "summonerName": "",
        "championId": 103,
        "championName": "Ahri",
        "teamId": 100,
        "teamPosition": "MIDDLE",
        "win": True,
        "placement": 0,
        "kills": 7,
        "deaths": 2,
        "assists": 9,
        "totalMinionsKilled": 180,
        "neutralMinionsKilled": 21,
        "timePlayed": 1871,
        "gameEndedInEarlySurrender": False,
        "gameEndedInSurrender": False,
    }
    return without({**fields, **changes})


def body(*players: Any, **changes: Any) -> dict[str, Any]:
    """A whole answer with these participants; `changes` are of `info`."""
    info = {
        "gameMode": "CLASSIC",
        "queueId": 420,
        "gameDuration": 1871,
        "gameStartTimestamp": BEGAN,
        "gameEndTimestamp": BEGAN + 1_871_000,
        "participants": list(players) or [a_player(1), a_player(2, win=False, teamId=200)],
    }
    return {"metadata": {"matchId": MATCH_ID}, "info": without({**info, **changes})}


def moment(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def test_match__all_that_a_message_needs() -> None:
    match = read_everyone(MATCH_ID, body())
    assert match.match_id == MATCH_ID
    assert (match.queue_id, match.game_mode, match.outcome) == (420, "CLASSIC", Outcome.DECIDED)
    assert match.duration == 1871
    assert match.ended_at == moment(BEGAN + 1_871_000)
    winner, loser = match.participants
    assert (winner.puuid, winner.name, winner.tag_line) == (puuid(1), "Player 1", "EUW")
    assert (winner.champion_id, winner.champion_name, winner.team_position) == (103, "Ahri", "MIDDLE")
    assert (winner.kills, winner.deaths, winner.assists, winner.creep_score) == (7, 2, 9, 201)
    assert (winner.team_id, winner.win, winner.placement) == (100, True, 0)
    assert (loser.team_id, loser.win) == (200, False)


def test_match__unknown_fields_ignored() -> None:
    document = body(a_player(PlayerScore0=1.5, missions={}, challenges=None, new=[[]]), gameModeMutators=["x"])
    assert read_everyone(MATCH_ID, {**document, "more": 1}) == read_everyone(MATCH_ID, body(a_player()))


# When and how long


@pytest.mark.parametrize(
    ("players", "info", "duration", "ended_at"),
    [
        # Seconds where gameEndTimestamp is there, milliseconds where it is not; timePlayed is seconds always.
        ([{}], {}, 1871, BEGAN + 1_871_000),
        ([{}], {"gameDuration": 966_759, "gameEndTimestamp": GONE}, 1871, BEGAN + 1_871_000),
        ([{"timePlayed": GONE}], {"gameDuration": 966_759, "gameEndTimestamp": GONE}, 966, BEGAN + 966_000),
        ([{"timePlayed": 0}], {"gameDuration": 966_759, "gameEndTimestamp": GONE}, 966, BEGAN + 966_000),
        ([{"timePlayed": GONE}], {"gameDuration": 1500}, 1500, BEGAN + 1_500_000),
        # The longest counts: in Arena a player leaves the game when knocked out.
        ([{"timePlayed": 700}, {"timePlayed": 1303}, {"timePlayed": "x"}], {}, 1303, BEGAN + 1_303_000),
        # gameEndTimestamp can lie well after the real end.
        ([{}], {"gameEndTimestamp": BEGAN + 9_999_000}, 1871, BEGAN + 1_871_000),
        # Only where start or length is missing it is the best there is.
        ([{}], {"gameStartTimestamp": 0}, 1871, BEGAN + 1_871_000),
        ([{}], {"gameStartTimestamp": GONE}, 1871, BEGAN + 1_871_000),
        # Floats.
        ([{"timePlayed": 1871.0}], {"gameStartTimestamp": float(BEGAN)}, 1871, BEGAN + 1_871_000),
    ],
)
def test_duration_and_end__every_shape(
    players: list[dict[str, Any]], info: dict[str, Any], duration: int, ended_at: int
) -> None:
    participants = [a_player(number, **each) for number, each in enumerate(players)]
    match = read_everyone(MATCH_ID, body(*participants, **info))
    assert match.duration == duration
    assert match.ended_at == moment(ended_at)


@pytest.mark.parametrize(
    ("players", "info", "reason"),
    [
        ({}, {"gameStartTimestamp": GONE, "gameEndTimestamp": GONE}, "does not say when it ended"),
        ({}, {"gameStartTimestamp": -5, "gameEndTimestamp": 0}, "does not say when it ended"),
        ({}, {"gameStartTimestamp": "now", "gameEndTimestamp": None}, "does not say when it ended"),
        ({"timePlayed": GONE}, {"gameDuration": GONE}, "gameDuration is not a whole number"),
        ({"timePlayed": GONE}, {"gameDuration": 0.5}, "gameDuration is not a whole number"),
        ({"timePlayed": 2**53}, {}, "it ended at"),  # a year beyond every calendar
        ({}, {"gameStartTimestamp": 2**52}, "it ended at"),
        ({"timePlayed": 0}, {"gameDuration": 0, "gameEndTimestamp": 2**53}, "it ended at"),
    ],
)
def test_end__missing_or_impossible(players: dict[str, Any], info: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotAMatch, match=reason):
        read_everyone(MATCH_ID, body(a_player(**players), **info))


# Outcome


@pytest.mark.parametrize(
    ("mode", "players", "outcome"),
    [
        ("CLASSIC", [{"win": True}, {"win": False}], Outcome.DECIDED),
        ("CLASSIC", [{"win": True, "gameEndedInSurrender": True}, {"win": False}], Outcome.SURRENDERED),
        # A remake still gives one team `win`, and says surrender as well.
        (
            "CLASSIC",
            [{"gameEndedInEarlySurrender": True, "gameEndedInSurrender": True}, {"win": False}],
            Outcome.REMAKE,
        ),
        ("CLASSIC", [{"win": False, "gameEndedInEarlySurrender": True}, {"win": False}], Outcome.REMAKE),
        ("CLASSIC", [{"win": False}, {"win": False}], Outcome.NOBODY_WON),  # after a crash of the game
        ("CLASSIC", [{"win": False, "gameEndedInSurrender": True}], Outcome.NOBODY_WON),
        ("ARAM", [{"win": False}], Outcome.NOBODY_WON),
        ("CHERRY", [{"win": False}, {"win": False}], Outcome.DECIDED),  # placements decide
        ("CHERRY", [{"win": True}, {"win": False}], Outcome.DECIDED),
        ("STRAWBERRY", [{"win": False}], Outcome.DECIDED),  # nobody survived
        ("STRAWBERRY", [{"win": True}], Outcome.DECIDED),
        ("CLASSIC", [{"gameEndedInEarlySurrender": "true", "gameEndedInSurrender": 1}], Outcome.DECIDED),
        ("CLASSIC", [{"gameEndedInEarlySurrender": GONE, "gameEndedInSurrender": GONE}], Outcome.DECIDED),
    ],
)
def test_outcome__flags_of_the_participants(mode: str, players: list[dict[str, Any]], outcome: Outcome) -> None:
    participants = [a_player(number, **each) for number, each in enumerate(players)]
    assert read_everyone(MATCH_ID, body(*participants, gameMode=mode)).outcome is outcome


@pytest.mark.parametrize("result", ["Abort_Unexpected", "Abort_TooFewPlayers", "GameComplete", "", None, GONE])
def test_outcome__end_of_game_result_ignored(result: object) -> None:
    """In June 2024 thousands of whole games were marked as aborted."""
    assert read_everyone(MATCH_ID, body(endOfGameResult=result)).outcome is Outcome.DECIDED


def test_outcome__a_bot_won() -> None:
    match = read_everyone(MATCH_ID, body(a_player(win=False), {**BOT, "win": True}))
    assert match.outcome is Outcome.DECIDED
    assert [each.win for each in match.participants] == [False]


def test_outcome__short_game_is_no_remake() -> None:
    match = read_everyone(MATCH_ID, body(a_player(timePlayed=120), gameDuration=120))
    assert (match.outcome, match.duration) == (Outcome.DECIDED, 120)


def test_arena__placements() -> None:
    """Eighteen players in teams of three, whose team ids mean nothing."""
    players = [a_player(n, placement=n // 3 + 1, win=n < 9, teamId=0) for n in range(18)]
    match = read_everyone(MATCH_ID, body(*players, gameMode="CHERRY", queueId=1750))
    assert Counter(each.placement for each in match.participants) == dict.fromkeys(range(1, 7), 3)
    assert match.outcome is Outcome.DECIDED
    assert match.queue_id == 1750


# Participants


def test_participants__bots_dropped() -> None:
    match = read_everyone(MATCH_ID, body(BOT, a_player(1), BOT, a_player(2), BOT))
    assert [each.puuid for each in match.participants] == [puuid(1), puuid(2)]
    assert read_everyone(MATCH_ID, body(BOT, {**BOT, "win": True})).participants == ()


def test_participants__only_those_asked_for() -> None:
    bot = {**BOT, "teamId": 100, "kills": 4}
    document = body(bot, a_player(1, kills=1), a_player(2, kills=2), a_player(3, kills=3))
    assert read_puuids(MATCH_ID, document) == [puuid(1), puuid(2), puuid(3)]
    [player] = read_match(MATCH_ID, document, {puuid(2), puuid(9)}).participants
    assert (player.puuid, player.kills, player.team_kills) == (puuid(2), 2, 10)


@pytest.mark.parametrize(
    ("names", "name", "tag_line"),
    [
        ({}, "Player 1", "EUW"),
        ({"summonerName": "Old"}, "Player 1", "EUW"),
        ({"riotIdGameName": GONE, "riotIdName": "", "riotIdTagline": "", "summonerName": "Old"}, "Old", ""),
        ({"riotIdGameName": "", "summonerName": "Old"}, "Old", "EUW"),
        ({"riotIdGameName": GONE, "riotIdTagline": GONE, "summonerName": GONE}, "", ""),
        ({"riotIdGameName": None, "riotIdTagline": 7}, "", ""),
        ({"riotIdGameName": "Ñandú 龍 \U0001f600"}, "Ñandú 龍 \U0001f600", "EUW"),
        ({"riotIdGameName": "a\ud800b", "riotIdTagline": "\udfff"}, "a?b", "?"),  # JSON can spell a lone surrogate
    ],
)
def test_names__old_and_new(names: dict[str, Any], name: str, tag_line: str) -> None:
    [player] = read_everyone(MATCH_ID, body(a_player(**names))).participants
    assert (player.name, player.tag_line) == (name, tag_line)
    f"{player.name}{player.tag_line}".encode()


def test_text__lone_surrogates_replaced() -> None:
    document = json.loads(json.dumps(body(a_player(championName="\ud800", teamPosition="\ud800"), gameMode="\ud800")))
    match = read_everyone(MATCH_ID, document)
    [player] = match.participants
    assert (match.game_mode, player.champion_name, player.team_position) == ("?", "?", "?")


@pytest.mark.parametrize(
    ("field", "value", "attribute", "read"),
    [
        ("kills", 3.0, "kills", 3),
        ("kills", 0, "kills", 0),
        ("kills", 2**53, "kills", 2**53),
        ("totalMinionsKilled", GONE, "creep_score", None),
        ("neutralMinionsKilled", GONE, "creep_score", None),
        ("totalMinionsKilled", "180", "creep_score", None),
        ("totalMinionsKilled", 0, "creep_score", 21),
        ("teamId", GONE, "team_id", 0),
        ("teamId", None, "team_id", 0),
        ("teamId", 2**60, "team_id", 0),
        ("placement", GONE, "placement", 0),
        ("placement", True, "placement", 0),
        ("teamPosition", GONE, "team_position", ""),
        ("championName", GONE, "champion_name", ""),
        ("championName", ["Ahri"], "champion_name", ""),
    ],
)
def test_optional_field__default(field: str, value: Any, attribute: str, read: Any) -> None:
    [player] = read_everyone(MATCH_ID, body(a_player(**{field: value}))).participants
    assert getattr(player, attribute) == read


@pytest.mark.parametrize("field", ["kills", "deaths", "assists", "championId"])
@pytest.mark.parametrize(
    "value",
    [GONE, None, "7", True, 2.5, 2**53 + 1, 10**400, -(2**60), 1e300, float("inf"), float("-inf"), [], {}],
    ids=lambda value: repr(value)[:12],
)
def test_required_number__never_made_up(field: str, value: Any) -> None:
    with pytest.raises(NotAMatch, match=f"{field} is not a whole number"):
        read_everyone(MATCH_ID, body(a_player(**{field: value})))


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        *[(field, -1, f"{field} is below zero") for field in ("kills", "deaths", "assists")],
        *[("win", value, "win is neither true nor false") for value in (GONE, None, 1, "true")],
        *[("puuid", value, "a participant without puuid") for value in (GONE, None, 7, [], True)],
    ],
)
def test_invalid_participant__makes_no_match(field: str, value: Any, reason: str) -> None:
    with pytest.raises(NotAMatch, match=reason):
        read_everyone(MATCH_ID, body(a_player(1), a_player(2, **{field: value})))


@pytest.mark.parametrize(
    ("field", "attribute"),
    [
        ("totalMinionsKilled", "creep_score"),
        ("neutralMinionsKilled", "creep_score"),
        ("champLevel", "level"),
        ("pentaKills", "penta_kills"),
        ("totalDamageDealtToChampions", "damage"),
        ("totalDamageDealtToChampions", "team_damage"),
    ],
)
def test_optional_number__below_zero(field: str, attribute: str) -> None:
    [player] = read_everyone(MATCH_ID, body(a_player(**{field: -1}))).participants
    assert getattr(player, attribute) is None


@pytest.mark.parametrize(
    ("odd", "length"),
    [
        ("0b1f3c9e-5a66-4f0e-9c53-8d1a2b3c4d5e", 36),  # not encrypted for our key
        ("", 0),
        ("bot", 3),
        (puuid(1)[:-1], 77),
        (puuid(1) + "x", 79),
        (puuid(1)[:-1] + "ü", 78),
        (puuid(1) + "\n", 79),
    ],
)
def test_puuid__of_another_key(odd: str, length: int) -> None:
    with pytest.raises(ForeignIds, match=f"a puuid of {length} characters instead of 78"):
        read_everyone(MATCH_ID, body(a_player(1), a_player(2, puuid=odd)))


# What is no match


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"metadata": {"matchId": MATCH_ID}}, "no info"),
        ({"metadata": {"matchId": MATCH_ID}, "info": "x"}, "no info"),
        ({"metadata": {"matchId": MATCH_ID}, "info": {}}, "no list of participants"),
        (body(*[a_player()] * 101), "101 participants"),
        (body(a_player(1), a_player(1, kills=8)), "a participant is listed twice, each time with other numbers"),
        (body(participants=None), "no list of participants"),
        (body(participants={}), "no list of participants"),
        (body(participants="BOT"), "no list of participants"),
        (body(participants=[None]), "no list of participants"),
        (body(a_player(), "BOT"), "no list of participants"),
        (body(queueId=GONE), "queueId is not a whole number"),
        (body(queueId="420"), "queueId is not a whole number"),
        (body(queueId=2**63), "queueId is not a whole number"),
    ],
)
def test_invalid_match__reason(document: Any, reason: str) -> None:
    with pytest.raises(NotAMatch, match=f"^not a valid match: .*{reason}"):
        read_everyone(MATCH_ID, document)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "text",
        7,
        {},
        {"status": "maintenance"},
        {"metadata": None, "info": {}},
        {"metadata": [], "info": {}},
        {"metadata": {}, "info": {}},
        body() | {"metadata": {"matchId": "EUW1_7000000002"}},
        body() | {"metadata": {"matchId": MATCH_ID.lower()}},
        body() | {"metadata": {"matchId": [MATCH_ID]}},
    ],
)
def test_answer__about_something_else(document: Any) -> None:
    with pytest.raises(RiotRefusal, match="^200, but it does not name the match asked for$") as refusal:
        read_everyone(MATCH_ID, document)
    assert refusal.value.verdict is RiotVerdict.UNAVAILABLE


def test_participant_listed_twice__counts_once() -> None:
    twice = [a_player(1, teamId=100), a_player(2, teamId=100), a_player(1, teamId=100, participantId=11)]
    told = read_everyone(MATCH_ID, body(*twice, BOT, BOT))
    assert told.participants == read_everyone(MATCH_ID, body(*twice[:2])).participants
    assert read_puuids(MATCH_ID, body(*twice)) == [each["puuid"] for each in twice[:2]]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (
            body(gameMode="", queueId=0, gameDuration=0, gameStartTimestamp=0, participants=[]),
            "an aborted game without data",
        ),
        (body(a_player(timePlayed=0), gameDuration=0), "a game that nobody played"),
        (body(a_player(win=False), endOfGameResult="Abort_TooFewPlayers"), "a game that nobody played"),
    ],
)
def test_empty_game__nothing_to_announce(document: Any, reason: str) -> None:
    with pytest.raises(NotAMatch, match=f"^nothing in it: {reason}$"):
        read_everyone(MATCH_ID, document)


# Shares and teams


DAMAGE = "totalDamageDealtToChampions"


def test_team_sums__bots_and_strangers_included() -> None:
    bot = {**BOT, "teamId": 100, "kills": 1, DAMAGE: 50}
    match = read_everyone(
        MATCH_ID,
        body(a_player(1, **{DAMAGE: 100}, pentaKills=1, champLevel=18), bot, a_player(2, teamId=200, kills=90)),
    )
    one, two = match.participants
    assert (one.damage, one.team_damage, one.team_kills, one.penta_kills, one.level) == (100, 150, 8, 1, 18)
    assert (two.damage, two.team_damage, two.team_kills, two.penta_kills) == (None, None, 90, None)
    assert (match.teams, one.subteam, one.partners) == (0, 0, ())


@pytest.mark.parametrize(
    ("teams", "bans"),
    [
        ([{"bans": [{"championId": 1, "pickTurn": 1}] * 5}, {"bans": [{"championId": -1, "pickTurn": 6}] * 5}], 10),
        ([{"bans": []}, {}], 0),
        ([], 0),
        (GONE, 0),
        ({"bans": [1]}, 0),
        ([None, {"bans": 10}, {"bans": [{}]}], 1),
    ],
)
def test_bans__unused_turns_counted(teams: object, bans: int) -> None:
    assert read_everyone(MATCH_ID, body(teams=teams)).bans == bans


def test_arena__teams_and_partners() -> None:
    teams = [(1, 266, "Aatrox"), (1, 526, "Rell"), (2, 62, "MonkeyKing"), (2, 1, "Annie")]
    players = [
        a_player(n, playerSubteamId=team, championId=champion, championName=name)
        for n, (team, champion, name) in enumerate(teams)
    ]
    match = read_everyone(MATCH_ID, body(*players, gameMode="CHERRY", queueId=1700))
    assert match.teams == 2
    assert [each.partners for each in match.participants] == [
        ((526, "Rell"),),
        ((266, "Aatrox"),),
        ((1, "Annie"),),
        ((62, "MonkeyKing"),),
    ]
    assert {each.team_kills for each in match.participants} == {None}


# Answers that Riot really gave

SAMPLES = Path(__file__).parents[3] / "shared" / "riot-samples"
NO_SAMPLES = f"there are no recorded answers beside the checkout (../shared/{SAMPLES.name})"
ABORTED = {"EUW1_6834713231"}
REMAKES = {"BR1_2619338540", "EUW1_7602474620"}


@pytest.mark.parametrize(
    "path",
    sorted(SAMPLES.glob("match-q*.json")) or [pytest.param(None, marks=pytest.mark.skip(reason=NO_SAMPLES))],
    ids=lambda path: path.stem if path else "none",
)
def test_recorded_matches(path: Path) -> None:
    document = json.loads(path.read_bytes())
    match_id = path.stem.rpartition("-")[2]
    if match_id in ABORTED:
        with pytest.raises(NotAMatch, match="nothing in it"):
            read_everyone(match_id, document)
        return
    match = read_everyone(match_id, document)
    info = document["info"]
    humans = [each for each in info["participants"] if each["puuid"] != "BOT"]
    assert [each.puuid for each in match.participants] == [each["puuid"] for each in humans]
    assert sorted(each.puuid for each in match.participants) == sorted(document["metadata"]["participants"])
    assert all(is_puuid(each.puuid) and each.champion_id > 0 for each in match.participants)
    assert all(each.name for each in match.participants)
    assert (match.outcome is Outcome.REMAKE) == (match_id in REMAKES)
    assert match.outcome is not Outcome.NOBODY_WON
    assert 60 < match.duration < 2 * 3600
    # Riot's own end, where it is given, lies at the computed one or (Swarm, which can be paused) minutes later.
    late = timedelta(milliseconds=info.get("gameEndTimestamp", match.ended_at.timestamp() * 1000)) - timedelta(
        seconds=match.ended_at.timestamp()
    )
    assert timedelta(seconds=-4) < late < timedelta(minutes=5)
