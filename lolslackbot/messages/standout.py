"""The one thing about a player's game worth talking about, if there is one. Pure; facts only."""

from dataclasses import dataclass
from enum import Enum, auto
from itertools import takewhile

from lolslackbot.game import Match, Outcome, Participant, PastGame
from lolslackbot.messages.game_queues import queue_kind
from lolslackbot.messages.rounding import percent

SERIES_KINDS = {"ranked": "ranked", "normal": "normal", "aram": "ARAM", "clash": "Clash"}  # queues with winners
SERIES = 3  # games in a row
TAKEDOWNS = 5  # without which it is no feat not to die
# Seconds before which an early end makes feats: a remake can be voted from 3:00 on, a surrender on the Rift from 15:00.
_WHOLE = {Outcome.DECIDED: 600, Outcome.SURRENDERED: 900}
ROUGH = 10  # deaths, and more than kills and assists together
CARRIED = 40  # percent of the damage of a team of five; a fifth would be an even share


class Feat(Enum):
    """What can stand out, the rarest first."""

    PENTAKILL = auto()
    PROMOTED = auto()
    DEMOTED = auto()
    DEATHLESS = auto()
    CARRIED = auto()
    SERIES = auto()
    ROUGH = auto()


@dataclass(frozen=True, slots=True)
class Standout:
    """A feat, and a few words for it."""

    feat: Feat
    text: str

    @property
    def mark(self) -> str:
        """An emoji before the words."""
        return {Feat.ROUGH: "🩹", Feat.PROMOTED: "📈", Feat.DEMOTED: "📉"}.get(self.feat, "⭐")


def standout(match: Match, participant: Participant) -> Standout | None:
    """The rarest feat only, so that it stays worth reading; None for nothing."""
    if not match.outcome.is_decided:
        return None
    kind = queue_kind(match.queue_id, match.game_mode)
    against_players = kind not in ("bots", "swarm")
    whole = is_whole(match)
    texts = {
        Feat.PENTAKILL: _pentakill(participant) if against_players else "",
        Feat.PROMOTED: _moved(participant, 1, "promoted to"),
        Feat.DEMOTED: _moved(participant, -1, "demoted to"),
        Feat.DEATHLESS: _deathless(participant) if against_players and whole else "",
        Feat.CARRIED: _carried(participant) if against_players and whole else "",
        Feat.SERIES: _series(kind, participant),
        Feat.ROUGH: _rough(participant) if against_players and whole else "",
    }
    return next((Standout(feat, text) for feat, text in texts.items() if text), None)


def is_whole(match: Match) -> bool:
    """Whether a decided match went on long enough for a feat."""
    return match.duration >= _WHOLE[match.outcome]


def _pentakill(participant: Participant) -> str:
    if not participant.penta_kills:
        return ""
    return "pentakill" if participant.penta_kills == 1 else f"{participant.penta_kills} pentakills"


def _moved(participant: Participant, steps: int, words: str) -> str:
    """Another tier or division, by this game alone."""
    return f"{words} {participant.rank.standing}" if participant.rank and participant.rank.steps == steps else ""


def _deathless(participant: Participant) -> str:
    takedowns = participant.kills + participant.assists
    return "did not die" if participant.deaths == 0 and takedowns >= TAKEDOWNS else ""


def _carried(participant: Participant) -> str:
    if participant.damage is None or not participant.team_damage:
        return ""
    share = percent(participant.damage, participant.team_damage)
    return f"{share}% of the team's damage" if CARRIED <= share <= 100 else ""


def _rough(participant: Participant) -> str:
    """Kindly: everybody sees the numbers."""
    if participant.deaths < ROUGH or participant.deaths <= participant.kills + participant.assists:
        return ""
    return "won all the same" if participant.win else "a rough one"


def _series(kind: str, participant: Participant) -> str:
    """Wins or losses in a row, or the end of such a series, in the same kind of queue."""
    if kind not in SERIES_KINDS:
        return ""
    before = [each.win for each in participant.past if _counts(each, kind)]
    same = len(list(takewhile(lambda win: win == participant.win, before))) + 1
    other = len(list(takewhile(lambda win: win != participant.win, before)))
    one, another = ("win", "losses") if participant.win else ("loss", "wins")
    if same >= SERIES:
        return f"{same} {SERIES_KINDS[kind]} {'wins' if participant.win else 'losses'} in a row"
    if other >= SERIES:
        return f"first {SERIES_KINDS[kind]} {one} after {other} {another}"
    return ""


def _counts(game: PastGame, kind: str) -> bool:
    """A remake neither goes on with a series nor ends it."""
    return game.outcome.is_decided and queue_kind(game.queue_id, game.game_mode) == kind
