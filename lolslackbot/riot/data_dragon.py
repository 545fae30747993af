"""Data Dragon: Riot's static files, open to all. Its own session, so that the key never goes there."""

import logging
import os
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from lolslackbot.clock import Clock
from lolslackbot.model import Champion, Champions
from lolslackbot.riot.answers import HttpAnswer, RiotRefusal, Verdict, read_json
from lolslackbot.riot.client import NO_ANSWER, NoRedirectSession
from lolslackbot.transport import (
    connect_seconds,
    deadline,
    fault_of_this_machine,
    proxies_for,
    read_capped,
    read_in_pieces,
)

logger = logging.getLogger(__name__)

CALL_SECONDS = 10.0  # from first to last byte
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)+")  # goes into addresses; old ones begin with lolpatch_
_IMAGE = re.compile(r"[A-Za-z0-9_]+\.png")


class DataDragon:
    """Calls raise RiotRefusal for any answer, or none, that brings nothing."""

    def __init__(
        self, url: str, clock: Clock, time_left: Callable[[], float], network: Mapping[str, str] = os.environ
    ) -> None:
        """url: `https://ddragon.leagueoflegends.com` or a stand-in. time_left: seconds the run still has.

        network: the proxies and authorities there are. Raises ConfigError where these cannot be used.
        """
        self._url, self._clock, self._time_left = url, clock, time_left
        self._session = NoRedirectSession(network)
        self._proxies = dict(proxies_for(url, network))
        self._session.headers = {"Accept": "application/json"}

    def newest_version(self) -> str:
        """`/api/versions.json` is a list, the newest first."""
        found = self._get("/api/versions.json")
        versions = [each for each in found if _is_version(each)] if isinstance(found, list) else []
        if not versions:
            raise RiotRefusal(Verdict.UNAVAILABLE, "200, but no list of versions", 200)
        return str(versions[0])

    def champions(self, version: str) -> Champions:
        """`champion.json` of a version; what is odd in it is left out."""
        found = self._get(f"/cdn/{version}/data/en_US/champion.json")
        data = found.get("data") if isinstance(found, dict) else None
        entries = data.values() if isinstance(data, dict) else ()
        by_id = dict(champion for each in entries if (champion := _champion(each)))
        if not by_id:
            raise RiotRefusal(Verdict.UNAVAILABLE, "200, but no champions", 200)
        return Champions(version, by_id)

    def _get(self, path: str) -> Any:
        """Exactly one request."""
        began = self._clock.steady()
        try:
            answer = self._send(self._url + path)
        except NO_ANSWER as error:
            logger.debug("GET %s -> %r, %.0f ms", path, error, (self._clock.steady() - began) * 1000)
            fault = fault_of_this_machine(error, urlsplit(self._url).hostname or "")
            raise RiotRefusal(
                Verdict.LOCAL_FAULT if fault else Verdict.UNAVAILABLE,
                fault or f"no usable answer: {type(error).__name__}",
            ) from error
        logger.debug("GET %s -> %d, %.0f ms", path, answer.status, (self._clock.steady() - began) * 1000)
        return read_json(answer)

    def _send(self, url: str) -> HttpAnswer:
        seconds = min(CALL_SECONDS, max(0.001, self._time_left()))
        with (
            deadline(seconds),
            self._session.get(
                url,
                timeout=(connect_seconds(seconds), CALL_SECONDS),
                allow_redirects=False,
                proxies=self._proxies,
                stream=True,
            ) as response,
        ):
            read_in_pieces(getattr(response.raw, "_original_response", None))  # what urllib3 reads from
            body = read_capped(response.iter_content(65536))
            return HttpAnswer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)


def _is_version(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 20 and _VERSION.fullmatch(value) is not None


def _champion(fields: Any) -> tuple[int, Champion] | None:
    """`{"key": "62", "name": "Wukong", "image": {"full": "MonkeyKing.png"}}`, or None for what is not so."""
    if not isinstance(fields, Mapping) or not isinstance(fields.get("image"), Mapping):
        return None
    key, name, image = fields.get("key"), fields.get("name"), fields["image"].get("full")
    if not (isinstance(key, str) and re.fullmatch(r"[0-9]{1,9}", key) and isinstance(name, str) and name.strip()):
        return None
    if not isinstance(image, str) or not _IMAGE.fullmatch(image):
        return None
    return int(key), Champion(name.encode("utf-8", "replace").decode(), image)
