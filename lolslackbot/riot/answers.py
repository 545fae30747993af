"""What each answer of Riot means: status, headers and body in, a verdict out. Pure."""

from enum import Enum, auto
from typing import Any, NamedTuple

from lolslackbot.transport import parse_json

RENEW_KEY = "renew it at developer.riotgames.com; development keys end after 24 hours"


class Verdict(Enum):
    """Why a call brought nothing. What follows from it for a match or a list is the stage's business."""

    NOT_FOUND = auto()  # 404: no such thing, or not to be seen
    OTHER_KEY = auto()  # 400: the puuid was encrypted for another key
    UNAUTHORIZED = auto()  # 401: the key, but at times Riot's own trouble
    FORBIDDEN = auto()  # 403: the key, or this one match is closed
    LIMITED = auto()  # 429
    ODD_IDS = auto()  # 200, but with ids that are not encrypted for our key
    LOCAL_FAULT = auto()  # nothing was sent: this machine's proxy or certificates need a person
    UNAVAILABLE = auto()  # everything that may be better later: 5xx, 3xx, silence, HTML, cut JSON


class RiotRefusal(Exception):
    """A call that was made and brought nothing usable."""

    def __init__(self, verdict: Verdict, what: str, status: int | None = None) -> None:
        super().__init__(what)
        self.verdict = verdict
        self.status = status


class HttpAnswer(NamedTuple):
    """An answer as it came: header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def read_json(answer: HttpAnswer) -> Any:
    """The JSON of a good answer; any other raises RiotRefusal with what it means."""
    if answer.status != 200:
        raise RiotRefusal(_verdict(answer), f"{answer.status} {message_of(answer)}", answer.status)
    try:
        return parse_json(answer.body)
    except ValueError as error:
        raise RiotRefusal(Verdict.UNAVAILABLE, f"200, but no JSON: {error}", 200) from error


def message_of(answer: HttpAnswer) -> str:
    """Riot's own words for a refusal, for the log and `status`: one line of at most 200 characters."""
    try:
        document = parse_json(answer.body)
        words = document["status"]["message"] if "status" in document else document["message"]
    except (ValueError, KeyError, TypeError):
        words = None
    if isinstance(words, int | float):
        words = str(words)
    if not isinstance(words, str):
        words = answer.body[:200].decode("utf-8", "replace")  # a proxy's HTML, or nothing
    return "".join(c if c.isprintable() else " " for c in words[:200]).strip() or "(no message)"


def _verdict(answer: HttpAnswer) -> Verdict:
    match answer.status:
        case 400 if "decrypt" in message_of(answer).lower():
            return Verdict.OTHER_KEY
        case 401:
            return Verdict.UNAUTHORIZED
        case 403:
            return Verdict.FORBIDDEN
        case 404:
            return Verdict.NOT_FOUND
        case 429:
            return Verdict.LIMITED
        case _:
            return Verdict.UNAVAILABLE
