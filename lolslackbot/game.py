"""Games as values: a match, its participants, champions. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lolslackbot.rank import Standing, Worth

ARENA = "CHERRY"  # game modes, by match-v5's names
SWARM = "STRAWBERRY"


class Outcome(StrEnum):
    """How a whole game ended. Who won it stands with each participant."""

    DECIDED = "decided"
    SURRENDERED = "surrendered"
    REMAKE = "remake"  # neither won nor lost, although match-v5 still gives one team `win`
    NOBODY_WON = "nobody_won"  # after a crash of the game

    @property
    def is_decided(self) -> bool:
        """Whether somebody won."""
        return self in (Outcome.DECIDED, Outcome.SURRENDERED)


@dataclass(frozen=True, slots=True)
class PastGame:
    """How an earlier game ended for a player, as far as a series of wins or losses needs it."""

    queue_id: int
    game_mode: str
    outcome: Outcome
    win: bool


@dataclass(frozen=True, slots=True)
class Participant:
    """One human in a match, with what a message says of them (match-v5 `info.participants`).

    Numbers of None are not known: the answer lacked them, or they mean nothing in that mode.
    """

    puuid: str
    name: str  # '' when the body has none
    tag_line: str
    team_id: int
    champion_id: int
    champion_name: str  # Data Dragon's id, not the name people see
    team_position: str
    win: bool
    placement: int  # Arena: 1 is first; 0 elsewhere
    kills: int
    deaths: int
    assists: int
    creep_score: int | None
    level: int | None = None
    damage: int | None = None  # to champions
    team_damage: int | None = None  # of the whole team, bots and strangers too
    team_kills: int | None = None
    penta_kills: int | None = None
    vision_score: int | None = None
    subteam: int = 0  # Arena: who played together; 0 elsewhere
    partners: tuple[tuple[int, str], ...] = ()  # Arena: champion_id and champion_name of the others in the subteam
    rank: Worth | None = None  # after this game; None where nothing is proved, or the channel does not want it
    past: tuple[PastGame, ...] = ()  # the newest first, without a gap as far as it goes; only as a channel hears it


@dataclass(frozen=True, slots=True)
class Match:
    """One finished game, as far as messages need it."""

    match_id: str
    queue_id: int
    game_mode: str
    outcome: Outcome
    duration: int  # seconds
    ended_at: datetime
    participants: tuple[Participant, ...]
    teams: int = 0  # Arena: how many there were; 0 elsewhere
    bans: int = 0  # turns to ban a champion, also those passed up


@dataclass(frozen=True, slots=True)
class Champion:
    """A champion as Data Dragon shows it."""

    name: str  # the one people see
    image: str  # file name of its picture


@dataclass(frozen=True, slots=True)
class Champions:
    """Data Dragon's champions by `champion_id`, as of one of its versions; None: it never answered."""

    version: str | None = None
    by_id: Mapping[int, Champion] = field(default_factory=dict)


# Games in progress


@dataclass(frozen=True, slots=True)
class Seat:
    """A player in a game in progress whom spectator-v5 names: not one in streamer mode, whose puuid it leaves out."""

    puuid: str
    team_id: int  # 100 blue, 200 red
    champion_id: int


@dataclass(frozen=True, slots=True)
class ActiveGame:
    """A game in progress, as spectator-v5 shows it."""

    match_id: str  # as match-v5 will call it; Clash and custom games never get there under it
    queue_id: int  # 0 where Riot names none, as of custom games
    game_mode: str
    began_at: datetime | None  # None: it has not begun, as long as players load or count down
    seats: tuple[Seat, ...]


@dataclass(frozen=True, slots=True)
class LiveFriend:
    """A friend in a game in progress, as a channel hears of it."""

    name: str
    team_id: int
    champion_id: int
    rank: Standing | None = None  # in the game's queue; None where it has none, or the channel does not want it


@dataclass(frozen=True, slots=True)
class LiveGame:
    """A game in progress with those friends in it whom a channel tracks."""

    match_id: str
    queue_id: int
    game_mode: str
    friends: tuple[LiveFriend, ...]
