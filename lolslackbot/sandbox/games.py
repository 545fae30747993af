"""Made-up match-v5 bodies: shapes as the official reference lists them, values from a seeded generator.

What is added up agrees: a side's deaths are the other side's champion kills, which are the players' kills
and a few executions by towers; damage is the sum of its kinds; times follow from the end and the length.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

Body = dict[str, Any]

RANKED = {420: "RANKED_SOLO_5x5", 440: "RANKED_FLEX_SR", 710: "RANKED_TEAM_5x5"}  # the last goes by other names too
BLUE, RED = 100, 200
LANES = ("TOP", "JUNGLE", "MIDDLE", "BOTTOM", "UTILITY")
VERSION = "16.23.812.4417"
OLD_VERSION = "13.20.641.2205"  # Riot IDs were not filled in yet


@dataclass(frozen=True)
class Mode:
    """What a queue decides. `size` players a team; Arena has many teams, Swarm one."""

    name: str = "CLASSIC"
    map_id: int = 11
    teams: int = 2
    size: int = 5
    bans: int = 0
    bots: bool = False

    @property
    def has_lanes(self) -> bool:
        """teamPosition is filled on Summoner's Rift only."""
        return self.name in ("CLASSIC", "SWIFTPLAY")


_DRAFT, _BLIND, _BOTS = Mode(bans=5), Mode(), Mode(bots=True)
_ARAM = Mode("ARAM", 12)
_PAIRS = Mode("CHERRY", 30, teams=8, size=2, bans=16)
MODES = {
    **dict.fromkeys((400, 420, 440, 700), _DRAFT),
    **dict.fromkeys((430, 490), _BLIND),
    **dict.fromkeys((830, 840, 850, 870, 880, 890), _BOTS),
    **dict.fromkeys((450, 720), _ARAM),
    480: Mode("SWIFTPLAY"),
    **dict.fromkeys((900, 1010, 1900), Mode("URF", bans=5)),
    1020: Mode("ONEFORALL"),
    1300: Mode("NEXUSBLITZ", 21),
    1400: Mode("ULTBOOK", bans=5),
    **dict.fromkeys((1700, 1710), _PAIRS),
    1750: Mode("CHERRY", 30, teams=6, size=3, bans=18),
    **{1800 + 10 * size: Mode("STRAWBERRY", 33, teams=1, size=size) for size in (1, 2, 3, 4)},
    2300: Mode("BRAWL", 35),
    2400: Mode("KIWI", 12),
    4310: Mode("JADE", bans=5),
}

# Data Dragon's keys and ids; match-v5 writes FiddleSticks where Data Dragon has Fiddlesticks.
CHAMPIONS = {
    266: "Aatrox", 103: "Ahri", 84: "Akali", 12: "Alistar", 22: "Ashe", 136: "AurelionSol", 200: "Belveth",
    51: "Caitlyn", 31: "Chogath", 36: "DrMundo", 9: "FiddleSticks", 86: "Garen", 59: "JarvanIV", 202: "Jhin",
    222: "Jinx", 897: "KSante", 145: "Kaisa", 96: "KogMaw", 7: "Leblanc", 64: "LeeSin", 99: "Lux",
    11: "MasterYi", 62: "MonkeyKing", 267: "Nami", 20: "Nunu", 421: "RekSai", 888: "Renata", 92: "Riven",
    13: "Ryze", 50: "Swain", 223: "TahmKench", 412: "Thresh", 4: "TwistedFate", 161: "Velkoz", 254: "Vi",
    19: "Warwick", 5: "XinZhao", 157: "Yasuo", 350: "Yuumi", 142: "Zoe",
}  # fmt: skip
STRANGERS = (
    "Grau wie Nebel", "月見うどん", "Zażółć Gęślą", "Тихий Омут", "떡볶이두그릇", "Crème Brûlée",
    "İnce Çay", "Ένα Λεπτό", "sept huîtres", "plainoldbread", "Ñandú Veloz", "Øl og Ost",
    "蓝色小板凳", "קפה בבוקר", "Třetí Pokus", "mid or afk jk", "Đường Dài", "0 and 11",
)  # fmt: skip


@dataclass(frozen=True)
class Human:
    """Somebody with a puuid."""

    puuid: str
    game_name: str
    tag_line: str


@dataclass(frozen=True)
class Plan:
    """What is wanted of a game. `ended` in milliseconds, `duration` in seconds."""

    match_id: str
    queue: int
    ended: int
    duration: int
    win: bool = True
    remake: bool = False
    surrender: bool = False
    aborted: bool = False
    crashed: bool = False  # nobody won
    old_names: bool = False
    placement: int | None = None
    sides: dict[str, int] = field(default_factory=dict)
    stats: dict[str, dict[str, Any]] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """Seconds played: a remake is over in under four minutes."""
        return min(self.duration, 210) if self.remake else self.duration

    @property
    def number(self) -> int:
        """The game id."""
        return int(self.match_id.partition("_")[2])

    @property
    def mode(self) -> Mode:
        """An unknown queue is played like a normal game."""
        return MODES.get(self.queue, _BLIND)


@dataclass
class _Seat:
    """One place in a game while it is made up."""

    team: int  # index
    place: int  # within the team
    human: Human | None
    champion: tuple[int, str]
    kills: int = 0
    deaths: int = 0
    assists: int = 0


def make_body(plan: Plan, humans: list[Human], puuid_of: Callable[[str], str], rng: Random) -> Body:
    """A whole match. `puuid_of` makes puuids for strangers."""
    seats = _seated(plan, humans, puuid_of, rng)
    metadata = {
        "dataVersion": "2",
        "matchId": plan.match_id,
        "participants": [seat.human.puuid for seat in seats if seat.human],
    }
    if plan.aborted:
        return {"metadata": metadata, "info": {**_empty_shell(plan), **plan.info}}
    executed = _fight(plan, seats, rng)
    ours = next(seat.team for seat in seats if seat.human == humans[0])
    placements = _placements(plan, ours, rng)
    wins = _wins(plan, ours, placements)
    participants = [_participant(plan, seat, placements[seat.team], wins[seat.team], rng) for seat in seats]
    for number, participant in enumerate(participants, 1):
        participant["participantId"] = number
    if any(seat.kills for seat in seats) and not any(placements):
        rng.choice([each for each in participants if each["kills"]])["firstBloodKill"] = True
    for participant in participants:
        participant.update(plan.stats.get(participant["puuid"], {}))
    if any(placements):
        teams = _arena_teams(plan, participants, rng)
    else:
        teams = _teams(plan, participants, executed, wins, rng)
    info = {**_frame(plan, rng), "participants": participants, "teams": teams, **plan.info}
    return {"metadata": metadata, "info": info}


def make_active(plan: Plan, humans: list[Human], puuid_of: Callable[[str], str], rng: Random) -> Body:
    """The same game while it is played, as spectator-v5 shows it, without its times."""
    seats = _seated(plan, humans, puuid_of, rng)
    return {
        "gameId": plan.number,
        "platformId": plan.match_id.partition("_")[0],
        "gameMode": plan.mode.name,
        "gameType": "MATCHED",
        "gameQueueConfigId": plan.queue,
        "mapId": plan.mode.map_id,
        "bannedChampions": [],
        "observers": {"encryptionKey": "sandbox"},
        "participants": [_active(seat) for seat in seats],
    }


def _active(seat: _Seat) -> Body:
    human = seat.human
    return {
        "puuid": human.puuid if human else None,
        "riotId": f"{human.game_name}#{human.tag_line}" if human else f"{seat.champion[1]} Bot",
        "championId": seat.champion[0],
        "teamId": BLUE if seat.team == 0 else RED,
        "spell1Id": 4,
        "spell2Id": 14,
        "profileIconId": 29,
        "bot": human is None,
        "gameCustomizationObjects": [],
        "perks": {"perkIds": [], "perkStyle": 8000, "perkSubStyle": 8100},
    }


def as_hidden(participant: Body) -> Body:
    """In streamer mode: without puuid, and named after the champion."""
    return {**participant, "puuid": None, "riotId": CHAMPIONS.get(participant["championId"], "Champion")}


def _empty_shell(plan: Plan) -> Body:
    """A game without data: only its end is known, and queue 0 does not mean a custom game."""
    texts = ("gameMode", "gameName", "gameType", "gameVersion", "platformId", "tournamentCode")
    numbers = ("gameCreation", "gameDuration", "gameId", "gameStartTimestamp", "mapId", "queueId")
    return {
        **dict.fromkeys(texts, ""),
        **dict.fromkeys(numbers, 0),
        "endOfGameResult": "Abort_Unexpected",
        "gameEndTimestamp": plan.ended,
        "participants": [],
        "teams": [],
    }


def _frame(plan: Plan, rng: Random) -> Body:
    pauses = rng.randint(39, 280) if plan.mode.teams == 1 else 0  # Swarm stops while a card is chosen
    start = plan.ended - 1000 * (plan.length + pauses)
    return {
        "endOfGameResult": "GameComplete",
        "gameCreation": start - rng.randint(10_000, 230_000),
        "gameDuration": plan.length,
        "gameEndTimestamp": plan.ended,
        "gameId": plan.number,
        "gameMode": plan.mode.name,
        "gameName": f"teambuilder-match-{plan.number}",
        "gameStartTimestamp": start,
        "gameType": "MATCHED_GAME",
        "gameVersion": OLD_VERSION if plan.old_names else VERSION,
        "mapId": plan.mode.map_id,
        "platformId": plan.match_id.partition("_")[0],
        "queueId": plan.queue,
        "tournamentCode": "",
    }


def _seated(plan: Plan, humans: list[Human], puuid_of: Callable[[str], str], rng: Random) -> list[_Seat]:
    """The players in their teams, at random places; strangers, or bots in the second team, fill the rest."""
    mode = plan.mode
    teams: list[list[Human | None]] = [[] for _ in range(mode.teams)]
    first = {BLUE: 0, RED: 1}[plan.sides.get(humans[0].puuid, BLUE)]
    for human in humans:
        wanted = {BLUE: 0, RED: 1}.get(plan.sides.get(human.puuid, 0), first) % mode.teams
        order = [wanted, *(team for team in range(mode.teams) if team != wanted)]
        free = [team for team in order if len(teams[team]) < mode.size]
        if not free or (mode.bots and free[0]):
            raise ValueError(f"queue {plan.queue} has no place for {len(humans)} such players")
        teams[free[0]].append(human)
    names = iter(rng.sample(STRANGERS, len(STRANGERS)))
    for index, team in enumerate(teams):
        while len(team) < mode.size:
            name = next(names)
            tag_line = rng.choice(("EUW", "0001", "日本", "1337"))
            stranger = Human(puuid_of(f"{name} of {plan.match_id}"), name, tag_line)
            team.append(None if mode.bots and index else stranger)
        rng.shuffle(team)
    return [
        _Seat(team, place, human, champion)
        for (team, place, human), champion in zip(
            ((team, place, human) for team, each in enumerate(teams) for place, human in enumerate(each)),
            _champions(mode, rng),
            strict=True,
        )
    ]


def _champions(mode: Mode, rng: Random) -> list[tuple[int, str]]:
    """One for each seat."""
    if mode.name == "STRAWBERRY":  # Swarm has ids of its own
        return [(3000 + number, f"Strawberry_{name}") for number, name in _SWARM[: mode.size]]
    if mode.name == "ONEFORALL":
        return [pick for pick in rng.sample(list(CHAMPIONS.items()), mode.teams) for _ in range(mode.size)]
    return rng.sample(list(CHAMPIONS.items()), mode.teams * mode.size)


_SWARM = ((151, "Jinx"), (678, "Leona"), (155, "Yasuo"), (233, "Briar"))


def _fight(plan: Plan, seats: list[_Seat], rng: Random) -> list[int]:
    """Deals out kills, deaths and assists; answers the executions among each team's enemies."""
    teams = [[seat for seat in seats if seat.team == team] for team in range(plan.mode.teams)]
    if len(teams) == 1:
        for seat in seats:
            seat.deaths = rng.randint(0, 3)
        return [0]
    for team, members in enumerate(teams):
        others = [seat for seat in seats if seat.team != team]
        for _ in range(rng.randint(0, 2) if plan.remake else rng.randint(3, 7) * len(members)):
            killer = rng.choice(members)
            killer.kills += 1
            rng.choice(others).deaths += 1
            for helper in members:
                helper.assists += helper is not killer and rng.random() < 0.4
    executed = [0 if plan.remake or len(teams) > 2 else rng.choice((0, 0, 0, 1, 2)) for _ in teams]
    for team, number in enumerate(executed):
        for _ in range(number):
            rng.choice(teams[1 - team]).deaths += 1
    return executed


def _placements(plan: Plan, ours: int, rng: Random) -> list[int]:
    """Each team's in Arena, 0 elsewhere. The upper half counts as won."""
    number = plan.mode.teams
    if plan.mode.name != "CHERRY":
        return [0] * number
    mine = plan.placement or rng.randint(1, number // 2) + (0 if plan.win else number // 2)
    others = [place for place in range(1, number + 1) if place != mine]
    rng.shuffle(others)
    return [*others[:ours], mine, *others[ours:]]


def _wins(plan: Plan, ours: int, placements: list[int]) -> list[bool]:
    """Also a remake has a winner, and Arena has half of the teams."""
    if any(placements):
        return [place <= plan.mode.teams // 2 for place in placements]
    if plan.crashed:
        return [False] * plan.mode.teams
    return [plan.win if team == ours else not plan.win for team in range(plan.mode.teams)]


def _participant(plan: Plan, seat: _Seat, placement: int, win: bool, rng: Random) -> Body:
    mode, minutes = plan.mode, plan.length / 60
    lane = LANES[seat.place] if mode.has_lanes else ""
    arena_team = BLUE if win else RED
    fields: Body = {
        **dict.fromkeys(_NUMBERS, 0),
        **dict.fromkeys(_FLAGS, False),
        **_identity(plan, seat, rng),
        **_multikills(seat.kills, rng),
        **_creeps(lane, seat.human is None, minutes, rng),
        **_damage(minutes, rng),
        **_equipment(mode, rng),
        "championId": seat.champion[0],
        "championName": seat.champion[1],
        "champLevel": max(1, min(18, round(minutes * 0.6))),
        "kills": seat.kills,
        "deaths": seat.deaths,
        "assists": seat.assists,
        "goldEarned": 500 + round(380 * minutes) + 300 * seat.kills,
        "goldSpent": 500 + round(350 * minutes),
        "gameEndedInEarlySurrender": plan.remake,
        "teamEarlySurrendered": plan.remake and not win,
        "gameEndedInSurrender": plan.surrender,
        "individualPosition": lane or "Invalid",
        "lane": {"UTILITY": "BOTTOM"}.get(lane, lane) or "NONE",
        "placement": placement,
        "positionAssignedByMatchmaking": lane,
        "playerSubteamId": seat.team + 1 if placement else 0,
        "role": "SUPPORT" if lane in ("", "UTILITY") else "SOLO",
        "subteamPlacement": placement,
        "teamId": arena_team if placement else (BLUE, RED)[seat.team],
        "teamPosition": lane,
        "timePlayed": plan.length - max(placement - 1, 0) * plan.length // 30,  # Arena: until knocked out
        "win": win,
    }
    if seat.human:
        taken = seat.kills + seat.assists
        fields["challenges"] = {"kda": taken / max(seat.deaths, 1), "killingSprees": 0, "takedowns": taken}
    return fields


def _identity(plan: Plan, seat: _Seat, rng: Random) -> Body:
    """Bots are all called BOT; since patch 15.4 summonerName is empty, before 13.23 the Riot ID was."""
    if seat.human is None:
        nameless = {"puuid": "BOT", "summonerId": "BOT", "profileIcon": 0, "summonerLevel": 1}
        return {
            **nameless,
            "summonerName": f"{seat.champion[1]} bot",
            "riotIdGameName": "",
            "riotIdTagline": "",
        }
    human = seat.human
    known = {
        "puuid": human.puuid,
        "summonerId": human.puuid[:47],
        "profileIcon": rng.randint(1, 6000),
        "summonerLevel": rng.randint(30, 900),
    }
    if plan.old_names:
        return {**known, "summonerName": human.game_name, "riotIdName": "", "riotIdTagline": ""}
    return {**known, "summonerName": "", "riotIdGameName": human.game_name, "riotIdTagline": human.tag_line}


def _multikills(kills: int, rng: Random) -> Body:
    """A triple kill counts as a double kill too, and so on."""
    largest = min(kills, rng.choices((1, 2, 3, 4, 5), (60, 25, 10, 4, 1))[0])
    names = ("doubleKills", "tripleKills", "quadraKills", "pentaKills")
    return {"largestMultiKill": largest, **{name: int(largest >= size) for size, name in enumerate(names, 2)}}


def _creeps(lane: str, is_bot: bool, minutes: float, rng: Random) -> Body:
    """CS is the sum of the two; a jungler's monsters are not in the first."""
    total = round(minutes * rng.uniform(5, 8.5)) if lane not in ("", "UTILITY") else round(minutes)
    monsters = round(total * (0.8 if lane == "JUNGLE" else 0.03))
    vision = round(minutes * rng.uniform(0.3, 2)) if lane and not is_bot else 0
    return {"totalMinionsKilled": total - monsters, "neutralMinionsKilled": monsters, "visionScore": vision}


def _damage(minutes: float, rng: Random) -> Body:
    fields: Body = {"totalHeal": round(minutes * rng.randint(50, 400))}
    kinds = ("physical", "magic", "true")
    for what, share in (("DamageDealt", 4), ("DamageDealtToChampions", 1), ("DamageTaken", 1)):
        parts = {kind: round(share * minutes * rng.randint(20, 400)) for kind in kinds}
        if what == "DamageDealtToChampions":  # part of all damage dealt
            parts = {kind: min(value, fields[f"{kind}DamageDealt"]) for kind, value in parts.items()}
        fields.update({f"{kind}{what}": value for kind, value in parts.items()})
        fields[f"total{what}"] = sum(parts.values())
    return fields


def _equipment(mode: Mode, rng: Random) -> Body:
    """Item ids have six digits in Arena, where runes are all 0."""
    arena = mode.name == "CHERRY"
    items = {f"item{place}": rng.randint(3001, 3190) + 220_000 * arena for place in range(6)}
    runes = [0 if arena or mode.teams == 1 else rng.choice((8005, 8010, 8112, 8214, 8437)) for _ in range(6)]
    selections = [{"perk": rune, "var1": 0, "var2": 0, "var3": 0} for rune in runes]
    style = [{"description": "primaryStyle", "selections": selections[:4], "style": runes[0] // 100 * 100}]
    style += [{"description": "subStyle", "selections": selections[4:], "style": runes[4] // 100 * 100}]
    return {
        **items,
        "item6": 3340,
        **{f"playerAugment{number}": rng.randint(1, 300) * arena for number in range(1, 7)},
        "perks": {"statPerks": {"defense": 5001, "flex": 5008, "offense": 5005}, "styles": style},
        "summoner1Id": 2202 if arena else 4,
        "summoner2Id": 2201 if arena else rng.choice((7, 12, 14, 3)),
        "missions": {f"playerScore{number}": 0 for number in range(12)},
        "PlayerBehavior": {"PlayerBehavior_IsHeroInCombat": 0},
    }


def _teams(plan: Plan, players: list[Body], executed: list[int], wins: list[bool], rng: Random) -> list[Body]:
    """champion.kills may be one or two more than what the players' kills add up to."""
    teams: list[Body] = []
    for team, win in enumerate(wins):
        team_id = (BLUE, RED)[team]
        ours = [each for each in players if each["teamId"] == team_id]
        kills = dict.fromkeys(_OBJECTIVES, 0)
        kills["champion"] = sum(each["kills"] for each in ours) + executed[team]
        if not plan.remake and len(wins) > 1:
            kills["tower"], kills["inhibitor"] = rng.randint(5, 11) if win else rng.randint(0, 4), int(win)
        if not plan.remake and plan.mode.map_id == 11:
            kills["dragon"], kills["baron"] = rng.randint(0, 4), rng.randint(0, 1)
        objectives: Body = {name: {"first": False, "kills": number} for name, number in kills.items()}
        objectives["champion"]["first"] = any(each["firstBloodKill"] for each in ours)
        turns = range(1 + plan.mode.bans * team, 1 + plan.mode.bans * (team + 1))
        bans = [_ban(turn, rng) for turn in turns]
        teams.append({"teamId": team_id, "win": win, "bans": bans, "objectives": objectives})
    for name in ("tower", "inhibitor", "dragon", "baron"):
        able = [each["objectives"][name] for each in teams if each["objectives"][name]["kills"]]
        if able:
            rng.choice(able)["first"] = True
    return teams


def _ban(turn: int, rng: Random) -> Body:
    """championId -1: no ban."""
    return {"championId": rng.choice((-1, *CHAMPIONS)), "pickTurn": turn}


def _arena_teams(plan: Plan, participants: list[Body], rng: Random) -> list[Body]:
    """Two entries with the ids 100 and 0, whose `win` says nothing of anybody."""
    none: Body = {name: {"first": False, "kills": 0} for name in _OBJECTIVES}
    kills = sum(each["kills"] for each in participants if each["teamId"] == BLUE)
    blue = {**none, "champion": {"first": False, "kills": kills}}
    bans = [_ban(turn, rng) for turn in range(1, plan.mode.bans + 1)]
    return [
        {"teamId": BLUE, "win": True, "bans": bans, "objectives": blue},
        {"teamId": 0, "win": False, "bans": [], "objectives": none},
    ]


_OBJECTIVES = ("champion", "tower", "inhibitor", "baron", "dragon", "riftHerald", "horde", "atakhan")
_FLAGS = (
    "causedGameEndFromIGNBSurrender",
    "eligibleForProgression",
    "firstBloodAssist",
    "firstBloodKill",
    "firstTowerKill",
    "gameEndedInIGNBSurrender",
    "teamIGNBSurrendered",
    "wasSevereTransgressor",
)
_NUMBERS = (
    "allInPings",
    "baronKills",
    "bountyLevel",
    "champExperience",
    "championTransform",
    "damageDealtToObjectives",
    "damageSelfMitigated",
    "dragonKills",
    "inhibitorKills",
    "killingSprees",
    "longestTimeSpentLiving",
    "objectivesStolen",
    "roleBoundItem",
    "timeCCingOthers",
    "totalTimeSpentDead",
    "turretKills",
    "unrealKills",
    "visionWardsBoughtInGame",
    "wardsKilled",
    "wardsPlaced",
)
