"""What each answer of Riot means: status and body in, a verdict out. Pure."""

from enum import Enum, auto
from typing import Any

from lolslackbot.transport import HttpAnswer, one_line, parse_json

RENEW_KEY = "renew it at developer.riotgames.com; development keys end after 24 hours"


class RiotVerdict(Enum):
    """Why a call brought nothing. What follows for a match or a list is decided by the stage."""

    NOT_FOUND = auto()  # 404: does not exist, or is not visible
    OTHER_KEY = auto()  # 400: the puuid was encrypted for another key
    UNAUTHORIZED = auto()  # 401: the key is bad, or Riot itself is in trouble
    FORBIDDEN = auto()  # 403: the key is bad, or this one match is private
    LIMITED = auto()  # 429
    ODD_IDS = auto()  # 200, but the ids are not encrypted for our key
    LOCAL_FAULT = auto()  # nothing was sent: this machine's proxy or certificates need a person
    UNAVAILABLE = auto()  # anything that may pass: 5xx, 3xx, no answer, HTML, truncated JSON


_VERDICTS = {
    401: RiotVerdict.UNAUTHORIZED,
    403: RiotVerdict.FORBIDDEN,
    404: RiotVerdict.NOT_FOUND,
    429: RiotVerdict.LIMITED,
}


class RiotRefusal(Exception):
    """A call that was made and brought nothing usable. `status`: of the HTTP answer, None if there was none."""

    def __init__(self, verdict: RiotVerdict, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.status = status


def unusable(reason: str) -> RiotRefusal:
    """A 200 whose content cannot be used: Riot may do better later."""
    return RiotRefusal(RiotVerdict.UNAVAILABLE, f"200, but {reason}", 200)


def read_json(answer: HttpAnswer) -> Any:
    """The JSON of a 200. Raises RiotRefusal for anything else."""
    if answer.status != 200:
        raise RiotRefusal(_verdict(answer), f"{answer.status} {message_of(answer)}", answer.status)
    try:
        return parse_json(answer.body)
    except ValueError as error:
        raise unusable(f"no JSON: {error}") from error


def message_of(answer: HttpAnswer) -> str:
    """Riot's own words for a refusal, for the log and `status`: one line of at most 200 characters."""
    try:
        document = parse_json(answer.body)
        message = document["status"]["message"] if "status" in document else document["message"]
    except (ValueError, KeyError, TypeError):
        message = None
    if isinstance(message, int | float):
        message = str(message)
    if not isinstance(message, str):
        message = answer.body[:200].decode("utf-8", "replace")  # HTML of a proxy, or nothing
    return one_line(message) or "(no message)"


def _verdict(answer: HttpAnswer) -> RiotVerdict:
    # Riot has no error code: only its own words tell a puuid of another key from any other bad request.
    if answer.status == 400 and "decrypt" in message_of(answer).lower():
        return RiotVerdict.OTHER_KEY
    return _VERDICTS.get(answer.status, RiotVerdict.UNAVAILABLE)
