"""Posts once, through the official SDK with everything off that could send a request a second time."""

import http.client
import json
import logging
import ssl
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

from slack_sdk import WebClient

from lolslackbot.clock import Clock
from lolslackbot.model import Message
from lolslackbot.slack.answers import HttpAnswer, Posted, Verdict, judge_post
from lolslackbot.transport import deadline, proxies_for, read_capped

logger = logging.getLogger(__name__)

CALL_SECONDS = 20.0  # from first to last byte
LEAST_SECONDS = 5.0
EVENT_TYPE = "lolslackbot_match"  # of the metadata by which a message is found again


class SlackClient:
    """One workspace's bot. No call raises for what Slack, or the way to it, does: the verdict says it."""

    def __init__(
        self, token: str, url: str, clock: Clock, time_left: Callable[[], float] = lambda: CALL_SECONDS
    ) -> None:
        """url: `https://slack.com/api/` or a stand-in. time_left: seconds the run still has."""
        self._clock = clock
        self._time_left = time_left
        # The SDK's default retries a lost connection, and so posts twice what Slack had accepted.
        self._sdk = _OneRequestClient(token=token, base_url=url, timeout=int(CALL_SECONDS), retry_handlers=[])

    def post(self, message: Message) -> Posted:
        """chat.postMessage: exactly one request, or none at all (NOT_SENT)."""
        try:
            blocks = json.loads(message.blocks) if message.blocks else None
        except ValueError as error:
            return Posted(Verdict.BLOCKS_REFUSED, f"the stored blocks are no JSON: {error}")
        answer = self._call(
            "chat.postMessage",
            lambda: self._sdk.chat_postMessage(
                channel=message.channel_id,
                text=message.text,
                blocks=blocks,
                mrkdwn=False,  # a name must not format
                unfurl_links=False,
                unfurl_media=False,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": message.key}},
            ),
        )
        return answer if isinstance(answer, Posted) else judge_post(answer, message.channel_id)

    def _call(self, method: str, call: Callable[[], object]) -> HttpAnswer | Posted:
        """What was answered, or why nothing was. The SDK's reading of an answer is not asked: ours is stricter."""
        self._sdk.begin()
        began = self._clock.steady()
        lost: Exception | None = None
        # A post that is cut short is uncertain, so it gets a few seconds even at the end of a run.
        seconds = min(CALL_SECONDS, max(LEAST_SECONDS, self._time_left()))
        try:
            with deadline(seconds):
                call()
        except Exception as error:  # noqa: BLE001 - whatever it is: only what reached Slack, and what came back, counts
            lost = error
        milliseconds = (self._clock.steady() - began) * 1000
        answer = self._sdk.answer
        if answer is not None:
            request_id = answer.headers.get("x-slack-req-id", "none")
            level = logging.WARNING if lost else logging.DEBUG
            line = "POST %s -> %d, %.0f ms; request %s"
            logger.log(level, line, method, answer.status, milliseconds, request_id, exc_info=lost)
            return answer
        verdict = Verdict.UNCERTAIN if self._sdk.connected else Verdict.NOT_SENT
        what = "no whole answer" if self._sdk.connected else "Slack could not be reached"
        cause = getattr(lost, "reason", None) or lost
        logger.warning("POST %s -> %s, %.0f ms", method, what, milliseconds, exc_info=lost)
        return Posted(verdict, f"{what}: {type(cause).__name__}")


class _OneRequestClient(WebClient):
    """The one place where the SDK's insides are touched: how it sends a request (tested, range pinned).

    Instead of urllib's default opener, which follows redirects (with the token, to other hosts) and takes proxies
    meant for something else, each call uses one of its own, and keeps what happened on the wire.
    """

    answer: HttpAnswer | None = None
    connected = False

    def begin(self) -> None:
        """Forgets the call before."""
        self.answer = None
        self.connected = False

    def note_connected(self) -> None:
        """From here on something of the request may have reached Slack."""
        self.connected = True

    def _perform_urllib_http_request_internal(self, url: str, req: urllib.request.Request) -> dict[str, Any]:
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler(dict(proxies_for(url))),
            _NoRedirect(),
            _Http(self.note_connected),
            _Https(self.note_connected),
        )
        try:
            response = opener.open(req, timeout=self.timeout)
        except HTTPError as error:  # any status but 2xx: an answer like others
            response = error
        with response:
            body = read_capped(iter(lambda: response.read(65536), b""))
            headers = {name.lower(): value for name, value in response.headers.items()}
            self.answer = HttpAnswer(response.status, headers, body)
        return {"status": self.answer.status, "headers": headers, "body": body.decode("utf-8", "replace")}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """A 3xx stays the answer that it is."""


class _Http(urllib.request.HTTPHandler):
    def __init__(self, connected: Callable[[], None]) -> None:
        super().__init__()
        self._connected = connected

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_noting(http.client.HTTPConnection, self._connected), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, connected: Callable[[], None]) -> None:
        super().__init__()
        self._connected = connected

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        context = ssl.create_default_context()
        return self.do_open(_noting(http.client.HTTPSConnection, self._connected), req, context=context)


def _noting(connection: type[http.client.HTTPConnection], connected: Callable[[], None]) -> Any:
    """A connection that says when it stands: up to then (DNS, TCP, proxy, TLS) nothing of the request was sent."""

    class Noting(connection):  # type: ignore[valid-type,misc]
        def connect(self) -> None:
            super().connect()
            connected()

    return Noting
