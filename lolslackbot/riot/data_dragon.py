"""Data Dragon: Riot's static files, open to all. Its own session, so that the key never goes there."""

import logging
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from lolslackbot.clock import Clock
from lolslackbot.game import Champion, Champions
from lolslackbot.riot.answers import read_json, unusable
from lolslackbot.riot.session import NO_ANSWER, NoRedirectSession, no_answer
from lolslackbot.transport import proxies_for

logger = logging.getLogger(__name__)

CALL_SECONDS = 10.0  # from first to last byte
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)+")  # becomes part of URLs; old versions begin with lolpatch_
_IMAGE = re.compile(r"[A-Za-z0-9_]+\.png")


class DataDragon:
    """Calls raise RiotRefusal for an answer that cannot be used, or none."""

    def __init__(
        self, url: str, clock: Clock, time_left: Callable[[], float], network: Mapping[str, str] = os.environ
    ) -> None:
        """url: `https://ddragon.leagueoflegends.com` or a stand-in. time_left: seconds the run still has.

        network: the variables that name proxies and authorities. Raises ConfigError where these cannot be used.
        """
        self._url, self._clock, self._time_left = url, clock, time_left
        self._session = NoRedirectSession(network)
        proxies_for(url, network)

    def newest_version(self) -> str:
        """The first usable one in `/api/versions.json`, a list with the newest first."""
        found = self._get("/api/versions.json")
        versions = [version for version in found if _is_version(version)] if isinstance(found, list) else []
        if not versions:
            raise unusable("no list of versions")
        return str(versions[0])

    def champions(self, version: str) -> Champions:
        """`champion.json` of a version; malformed entries are left out."""
        found = self._get(f"/cdn/{version}/data/en_US/champion.json")
        data = found.get("data") if isinstance(found, dict) else None
        entries = data.values() if isinstance(data, dict) else ()
        by_id = dict(champion for fields in entries if (champion := _champion(fields)))
        if not by_id:
            raise unusable("no champions")
        return Champions(version, by_id)

    def _get(self, path: str) -> Any:
        """Exactly one request."""
        began = self._clock.steady()
        seconds = min(CALL_SECONDS, max(0.001, self._time_left()))
        try:
            answer = self._session.fetch(self._url + path, {"Accept": "application/json"}, seconds)
        except NO_ANSWER as error:
            logger.debug("GET %s -> %r, %.0f ms", path, error, (self._clock.steady() - began) * 1000)
            raise no_answer(error, self._url) from error
        logger.debug("GET %s -> %d, %.0f ms", path, answer.status, (self._clock.steady() - began) * 1000)
        return read_json(answer)


def _is_version(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 20 and _VERSION.fullmatch(value) is not None


def _champion(fields: Any) -> tuple[int, Champion] | None:
    """`{"key": "62", "name": "Wukong", "image": {"full": "MonkeyKing.png"}}`; None for any other form."""
    if not isinstance(fields, Mapping) or not isinstance(fields.get("image"), Mapping):
        return None
    key, name, image = fields.get("key"), fields.get("name"), fields["image"].get("full")
    if not (isinstance(key, str) and re.fullmatch(r"[0-9]{1,9}", key) and isinstance(name, str) and name.strip()):
        return None
    if not isinstance(image, str) or not _IMAGE.fullmatch(image):
        return None
    return int(key), Champion(name.encode("utf-8", "replace").decode(), image)
