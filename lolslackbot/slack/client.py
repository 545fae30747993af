"""Posts once, through the official SDK with everything off that could send a request a second time."""

import http.client
import json
import logging
import os
import ssl
import urllib.request
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from slack_sdk import WebClient

from lolslackbot.clock import Clock, elapsed
from lolslackbot.model import Message
from lolslackbot.slack.answers import (
    EVENT_TYPE,
    ChannelInfo,
    History,
    Identity,
    Posted,
    Said,
    SlackProblem,
    SlackVerdict,
    Standing,
    channel_info_of,
    judge_edit,
    judge_post,
    judge_reaction,
    judge_reply,
    judge_validation,
    keys_in,
    next_cursor,
    read_ok,
    said_in,
    standing_of,
)
from lolslackbot.transport import (
    HttpAnswer,
    connect_seconds,
    date_of,
    deadline,
    fault_of_this_machine,
    proxies_for,
    read_capped,
    read_in_pieces,
    refuse_later,
    trusted,
)

logger = logging.getLogger(__name__)

CALL_SECONDS = 20.0  # from first to last byte
LEAST_SECONDS = 5.0
PAGE = 200  # messages of a channel's history in one answer: at most what Slack advises
MOST_PAGES = 50
SDK_READS = 65536  # bytes of an answer; the answer to a post has a few thousand
_QUIET = logging.getLogger("slack_sdk")  # has a level of its own: without one, every call is written out for no log


class SlackClient:
    """One workspace's bot. No call raises for what Slack, or the way to it, does: the verdict says it."""

    def __init__(
        self,
        token: str,
        url: str,
        clock: Clock,
        time_left: Callable[[], float] = lambda: CALL_SECONDS,
        network: Mapping[str, str] = os.environ,
    ) -> None:
        """url: `https://slack.com/api/` or a stand-in. time_left: seconds the run still has.

        network: the proxies and authorities there are. Raises ConfigError where these cannot be used.
        """
        self._host = urlsplit(url).hostname or ""
        self._clock = clock
        self._time_left = time_left
        # The SDK's default retries a lost connection, and so posts twice what Slack had accepted.
        self._sdk = _OneRequestClient(
            token=token, base_url=url, timeout=int(CALL_SECONDS), retry_handlers=[], logger=_QUIET
        )
        self._sdk.proxies, self._sdk.trusted = proxies_for(url, network), trusted(network)

    def post(self, message: Message) -> Posted:
        """chat.postMessage: exactly one request, or none at all (NOT_SENT)."""
        blocks = _blocks_of(message)
        if isinstance(blocks, Posted):
            return blocks
        answer = self._call(
            "chat.postMessage",
            lambda: self._sdk.chat_postMessage(
                channel=message.channel_id,
                thread_ts=message.thread_ts,
                text=message.text,
                blocks=blocks,
                mrkdwn=False,  # a name must not format
                unfurl_links=False,
                unfurl_media=False,
                metadata=_metadata_of(message),
            ),
        )
        if isinstance(answer, Posted):
            return answer
        return (judge_reply if message.thread_ts else judge_post)(answer, message.channel_id)

    def update(self, message: Message, channel_id: str, slack_ts: str) -> Posted:
        """chat.update: a message that was delivered as `slack_ts` reads anew, text and blocks in full. One request."""
        blocks = _blocks_of(message)
        if isinstance(blocks, Posted):
            return blocks
        answer = self._call(
            "chat.update",
            lambda: self._sdk.chat_update(
                channel=channel_id,
                ts=slack_ts,
                text=message.text,
                blocks=blocks or [],  # an empty list takes them away
                metadata=_metadata_of(message),
            ),
        )
        return answer if isinstance(answer, Posted) else judge_edit(answer, channel_id)

    def delete(self, channel_id: str, slack_ts: str) -> Posted:
        """chat.delete: a message of ours is taken away. One request."""
        answer = self._call("chat.delete", lambda: self._sdk.chat_delete(channel=channel_id, ts=slack_ts))
        return answer if isinstance(answer, Posted) else judge_edit(answer, channel_id)

    def react(self, channel_id: str, slack_ts: str, emoji: str) -> Posted:
        """reactions.add: shows an emoji on a message. One request."""
        answer = self._call(
            "reactions.add", lambda: self._sdk.reactions_add(channel=channel_id, timestamp=slack_ts, name=emoji)
        )
        return answer if isinstance(answer, Posted) else judge_reaction(answer)

    def identity(self) -> Identity:
        """auth.test: who we are in this workspace. Raises SlackProblem."""
        document, _ = self._read("auth.test", self._sdk.auth_test)
        bot_id, app_id, user_id = (document.get(name) for name in ("bot_id", "app_id", "user_id"))
        if not isinstance(bot_id, str) or not bot_id:
            raise SlackProblem(SlackVerdict.UNCERTAIN, "auth.test answers without a bot_id")
        return Identity(bot_id, app_id if isinstance(app_id, str) else "", user_id if isinstance(user_id, str) else "")

    def standing(self) -> Standing:
        """auth.test: what our token is, and may. Raises SlackProblem."""
        document, answer = self._read("auth.test", self._sdk.auth_test)
        return standing_of(document, answer)

    def channel_info(self, channel_id: str) -> ChannelInfo | None:
        """conversations.info, which needs channels:read or groups:read; None where Slack does not tell."""
        try:
            return self.look_up(channel_id)
        except SlackProblem as problem:
            logger.debug("no conversations.info of %s: %s", channel_id, problem)
            return None

    def look_up(self, channel_id: str) -> ChannelInfo:
        """conversations.info. Raises SlackProblem."""
        document, _ = self._read("conversations.info", lambda: self._sdk.conversations_info(channel=channel_id))
        return channel_info_of(document)

    def cannot_read(self, channel_id: str) -> SlackProblem | None:
        """Why conversations.history, which a member with that scope may read, cannot be read; None if it can."""
        try:
            self._read("conversations.history", lambda: self._sdk.conversations_history(channel=channel_id, limit=1))
        except SlackProblem as problem:
            return problem
        return None

    def refusal_of(self, blocks: str) -> str | None:
        """blocks.validate: why Slack refuses these blocks (JSON), None if it takes them. It posts nothing.

        Raises SlackProblem, with the code `unknown_method` where a workspace lacks it.
        """
        method = "blocks.validate"
        answer = self._call(method, lambda: self._sdk.api_call(method, data={"blocks": blocks}))
        if isinstance(answer, Posted):
            raise SlackProblem(answer.verdict, answer.error, code=answer.code, wait=answer.wait)
        return judge_validation(answer)

    def history(self, channel_id: str, oldest: datetime, us: Identity) -> History:
        """conversations.history: our messages in a channel since `oldest`, read to the last page.

        Raises SlackProblem where any page cannot be read: then nothing can be said of what was not found.
        """
        return self._all_pages("conversations.history", partial(self._history_page, channel_id, oldest), us)

    def thread(self, channel_id: str, thread_ts: str, us: Identity) -> History:
        """conversations.replies: our messages in a thread, which a channel's history does not have.

        Raises SlackProblem as `history` does. A message that is gone without a trace has no thread.
        """
        try:
            return self._all_pages("conversations.replies", partial(self._thread_page, channel_id, thread_ts), us)
        except SlackProblem as problem:
            if problem.code != "thread_not_found":
                raise
            return History({}, None)

    def said(self, channel_id: str, between: tuple[str, str | None], cursor: str | None, us: Identity) -> Said:
        """conversations.history: a page of what was said between two messages, each a ts; None: up to now.

        Raises SlackProblem.
        """
        oldest, latest = between
        document, _ = self._read(
            "conversations.history",
            lambda: self._sdk.conversations_history(
                channel=channel_id, oldest=oldest, latest=latest, limit=PAGE, cursor=cursor
            ),
        )
        return said_in(document, us)

    def _all_pages(self, method: str, page: Callable[[str | None], None], us: Identity) -> History:
        found: dict[str, str] = {}
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            if self._time_left() <= 0:
                raise SlackProblem(SlackVerdict.UNCERTAIN, "the run's time is up before the history is read")
            document, answer = self._read(method, partial(page, cursor))
            found |= keys_in(document, us)
            cursor = next_cursor(document)
            if cursor is None:
                return History(found, date_of(answer.headers))
        raise SlackProblem(SlackVerdict.UNCERTAIN, f"the history is longer than {MOST_PAGES} pages")

    def _history_page(self, channel_id: str, oldest: datetime, cursor: str | None) -> None:
        self._sdk.conversations_history(
            channel=channel_id,
            oldest=f"{oldest.timestamp():.6f}",
            inclusive=True,
            include_all_metadata=True,  # without it the key is left out
            limit=PAGE,
            cursor=cursor,
        )

    def _thread_page(self, channel_id: str, thread_ts: str, cursor: str | None) -> None:
        self._sdk.conversations_replies(
            channel=channel_id, ts=thread_ts, include_all_metadata=True, limit=PAGE, cursor=cursor
        )

    def _read(self, method: str, call: Callable[[], object]) -> tuple[dict[str, Any], HttpAnswer]:
        """The answer to a call that only reads. Raises SlackProblem for any that is not ok."""
        answer = self._call(method, call)
        if isinstance(answer, Posted):
            raise SlackProblem(answer.verdict, answer.error, code=answer.code, wait=answer.wait)
        return read_ok(answer), answer

    def _call(self, method: str, call: Callable[[], object]) -> HttpAnswer | Posted:
        """What was answered, or why nothing was. The SDK's reading of an answer is not asked: ours is stricter."""
        began = self._clock.steady()
        lost: Exception | None = None
        # A post that is cut short is uncertain, so it gets a few seconds even at the end of a run.
        least = LEAST_SECONDS if method == "chat.postMessage" else 1
        seconds, decided_at = min(CALL_SECONDS, max(least, self._time_left())), elapsed()
        self._sdk.begin(seconds, decided_at)
        try:
            with deadline(seconds, decided_at):
                call()
        except Exception as error:  # noqa: BLE001 - whatever it is: only what reached Slack, and what came back, counts
            lost = error
        milliseconds = (self._clock.steady() - began) * 1000
        # Whoever only reads says itself what came of it.
        failed = logging.WARNING if method == "chat.postMessage" else logging.INFO
        answer = self._sdk.answer
        if answer is not None:
            request_id = answer.headers.get("x-slack-req-id", "none")
            level = logging.DEBUG if lost is None else failed
            line = "POST %s -> %d, %.0f ms; request %s"
            logger.log(level, line, method, answer.status, milliseconds, request_id, exc_info=lost)
            return answer
        if lost and not self._sdk.connected and (fault := fault_of_this_machine(lost, self._host)):
            logger.log(failed, "POST %s -> no way out of this machine, %.0f ms", method, milliseconds, exc_info=lost)
            return Posted(SlackVerdict.LOCAL_FAULT, fault)
        verdict = SlackVerdict.UNCERTAIN if self._sdk.connected else SlackVerdict.NOT_SENT
        what = "no whole answer" if self._sdk.connected else "Slack could not be reached"
        reason = getattr(lost, "reason", None)
        cause = reason if isinstance(reason, Exception) else lost  # URLError wraps the error that tells more
        logger.log(failed, "POST %s -> %s, %.0f ms", method, what, milliseconds, exc_info=lost)
        return Posted(verdict, f"{what}: {type(cause).__name__}")


class _OneRequestClient(WebClient):
    """The one place where the SDK's insides are touched: how it sends a request (tested, range pinned).

    Instead of urllib's default opener, which follows redirects (with the token, to other hosts) and takes proxies
    meant for something else, calls use one of their own, and keep what happened on the wire.
    """

    answer: HttpAnswer | None = None
    connected = False
    seconds = CALL_SECONDS  # that a call may take
    decided_at = 0.0
    proxies: Mapping[str, str] = {}
    trusted: ssl.SSLContext | None = None  # None: the system's authorities
    _opener: urllib.request.OpenerDirector | None = None  # for all calls: certificates take long to read

    def begin(self, seconds: float, decided_at: float) -> None:
        """Forgets the call before."""
        self.seconds, self.decided_at = seconds, decided_at
        self.answer = None
        self.connected = False

    def note_connected(self) -> None:
        """From here on something of the request may have reached Slack. Raises DeadlineExceeded if that is too late."""
        refuse_later(self.decided_at, self.seconds)
        self.connected = True

    def _perform_urllib_http_request_internal(self, url: str, req: urllib.request.Request) -> dict[str, Any]:
        if self._opener is None:
            self._opener = urllib.request.build_opener(
                urllib.request.ProxyHandler(dict(self.proxies)),
                _NoRedirect(),
                _Http(self),
                _Https(self),
            )
        try:
            response = self._opener.open(req, timeout=self.timeout)
        except HTTPError as error:  # any status but 2xx: an answer like others
            response = error
        with response:
            body = read_capped(iter(lambda: response.read(65536), b""))
            if getattr(response, "length", None):  # cut: http.client does not mind when it is read in pieces
                body = b"(cut) " + body  # the status may say enough; that is no JSON any more
            # A proxy may quote the request, and parts of an answer go into errors and the database.
            body = body.replace(str(self.token).encode(), b"***")
            headers = {name.lower(): value.replace(str(self.token), "***") for name, value in response.headers.items()}
            self.answer = HttpAnswer(response.status, headers, body)
        # The SDK reads a body without any bound; what it makes of a large one is not asked, and so it gets none.
        shown = body.decode("utf-8", "replace") if len(body) <= SDK_READS else '{"ok": true}'
        return {"status": self.answer.status, "headers": headers, "body": shown}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """A 3xx stays the answer that it is."""


class _Http(urllib.request.HTTPHandler):
    def __init__(self, client: _OneRequestClient) -> None:
        super().__init__()
        self._connection = _noting(http.client.HTTPConnection, client)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, client: _OneRequestClient) -> None:
        super().__init__()
        self._connection = _noting(http.client.HTTPSConnection, client)
        self._trusted = client.trusted

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        if self._trusted is None:
            self._trusted = ssl.create_default_context()
        return self.do_open(self._connection, req, context=self._trusted)


def _noting(connection: type[http.client.HTTPConnection], client: _OneRequestClient) -> Any:
    """A connection that says when it stands: up to then (DNS, TCP, proxy, TLS) nothing of the request was sent.

    Until then each address has a share of the call's time: where the first is dead, the next is tried.
    """

    class Noting(connection):  # type: ignore[valid-type,misc]
        timeout: float

        def connect(self) -> None:
            whole, self.timeout = self.timeout, connect_seconds(client.seconds)
            super().connect()
            self.sock.settimeout(whole)
            client.note_connected()

        def getresponse(self) -> http.client.HTTPResponse:
            response: http.client.HTTPResponse = super().getresponse()
            read_in_pieces(response)
            return response

    return Noting


def _blocks_of(message: Message) -> Any | Posted:
    """The blocks as they are sent, None for none; what becomes of a message whose stored ones cannot be read."""
    try:
        return json.loads(message.blocks) if message.blocks else None
    except ValueError as error:
        return Posted(SlackVerdict.BLOCKS_REFUSED, f"the stored blocks are no JSON: {error}")


def _metadata_of(message: Message) -> dict[str, Any]:
    """By which it is found again; an edit keeps it."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": message.key}}
