"""Tells a dead man's switch that `deliver` ran. Whoever keeps it hears when cron dies, which the bot cannot tell.

The protocol of healthchecks.io: `URL/start`, then `URL`, or `URL/fail`; the summary as body.
"""

import logging
import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from lolslackbot.errors import ConfigError
from lolslackbot.transport import deadline, proxies_for, trusted

logger = logging.getLogger(__name__)

SECONDS = 2.4  # for one; a run is later by two of them at most
BODY = 10_000  # characters
_LOOK_AGAIN = 0.005


class Ping:
    """The two pings of a run. None of them raises, or changes what came of it."""

    def __init__(self, url: str, network: Mapping[str, str]) -> None:
        self._url, self._network = url, network
        self._sending: tuple[int, float] | None = None  # the process, and since when

    def begin(self) -> None:
        """Says that a run begins; that is on its way while the run is."""
        self._start("/start", "")

    def end(self, summary: str, *, failed: bool) -> None:
        """Says that the run is over, and waits until that is said, or took too long."""
        self._finish()  # the beginning must not come after the end
        self._start("/fail" if failed else "", summary)
        self._finish()

    def _start(self, path: str, body: str) -> None:
        """In a process of its own, which can be killed: to look a name up cannot be interrupted."""
        pid = os.fork()
        if not pid:
            try:
                if fault := send(self._url + path, body, self._network):
                    logger.warning("the ping failed: %s", fault)
            finally:
                os._exit(0)
        self._sending = pid, time.monotonic()

    def _finish(self) -> None:
        if self._sending is None:
            return
        pid, began = self._sending
        self._sending = None
        while os.waitpid(pid, os.WNOHANG) == (0, 0):
            if time.monotonic() - began > SECONDS:
                logger.warning("the ping failed: no answer in %g s", SECONDS)
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return
            time.sleep(_LOOK_AGAIN)


def send(url: str, body: str, network: Mapping[str, str]) -> str | None:
    """One POST, no redirect; why it failed, None if it did not. Of the URL only the host is told."""
    import urllib.request  # loads all of http.client
    from urllib.error import HTTPError
    from urllib.parse import urlsplit

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            """A 3xx stays the answer that it is."""

    host = urlsplit(url).hostname
    try:
        handlers: list[Any] = [urllib.request.ProxyHandler(dict(proxies_for(url, network))), NoRedirect]
        if context := trusted(network):
            handlers.append(urllib.request.HTTPSHandler(context=context))
        text = body[:BODY].encode("utf-8", "replace")
        headers = {"User-Agent": "lolslackbot", "Content-Type": "text/plain; charset=utf-8"}
        request = urllib.request.Request(url, data=text, headers=headers)
        with deadline(SECONDS), urllib.request.build_opener(*handlers).open(request, timeout=SECONDS):
            return None
    except HTTPError as error:
        error.close()
        return f"{host} answered {error.code}"
    except ConfigError as error:
        return str(error)
    except Exception as error:
        logger.debug("no answer from %s", host, exc_info=True)
        reason = getattr(error, "reason", None)
        return f"{host}: {type(reason if isinstance(reason, Exception) else error).__name__}"
