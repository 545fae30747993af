"""A Slack Web API on loopback: what posts, edits, reads, reacts and tells who one is.

Arguments, answers and error codes are those of docs.slack.dev's pages on these methods.
"""

import base64
import binascii
import html
import json
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from random import Random
from typing import Any
from urllib.parse import parse_qsl

from lolslackbot.sandbox.blocks import check_blocks, fault_of, shown
from lolslackbot.sandbox.faults import Fault
from lolslackbot.sandbox.mishaps import JSON, Answer, Mishap
from lolslackbot.sandbox.server import Call, Handle, Loopback, Recorded

SCOPES = (  # the manifest's
    "chat:write",
    "channels:read",
    "groups:read",
    "channels:history",
    "groups:history",
    "reactions:write",
)
MAX_TEXT, MAX_EDITED_TEXT = 40_000, 4_000
MAX_PAGE = 999


@dataclass
class Channel:
    """A test may change any of it at any time."""

    id: str
    workspace: str = "default"
    name: str = "general"
    member: bool = True
    archived: bool = False
    private: bool = False


@dataclass(frozen=True)
class Workspace:
    """One installation of the app, with ids of its own."""

    name: str
    token: str
    team_id: str
    user_id: str
    bot_id: str
    app_id: str


@dataclass(kw_only=True)
class Post:
    """A message that stands in a channel. at: monotonic; `arguments` as the request carried them.

    edits: the arguments of each chat.update that took effect, oldest first; text and blocks are those of now.
    """

    channel: str
    workspace: str
    text: str
    ts: str
    blocks: list[Any] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    bot_id: str | None = None
    user: str | None = None  # who said it, where that was a person
    thread_ts: str | None = None  # of the message under which it stands
    subtype: str | None = None
    edited: bool = False
    reactions: tuple[str, ...] = ()
    at: float = field(default_factory=time.monotonic)
    wall: float = field(default_factory=time.time)
    arguments: dict[str, Any] = field(default_factory=dict, repr=False)
    edits: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    @property
    def key(self) -> str | None:
        """What stands under `key` in its metadata."""
        found = (self.metadata or {}).get("event_payload", {}).get("key")
        return found if isinstance(found, str) else None

    def as_message(self, *, all_metadata: bool = True) -> dict[str, Any]:
        """As the API shows it; without include_all_metadata only the event type comes back."""
        message: dict[str, Any] = {"type": "message", "ts": self.ts, "text": self.text}
        optional = {
            "bot_id": self.bot_id,
            "user": self.user,
            "thread_ts": self.thread_ts,
            "subtype": self.subtype,
            "edited": {"user": self.user, "ts": self.ts} if self.edited else None,
            "reactions": [{"name": name, "count": 1} for name in self.reactions],
        }
        message |= {name: value for name, value in optional.items() if value}
        if self.blocks:
            message["blocks"] = self.blocks
        if self.metadata:
            event_type = {"event_type": self.metadata.get("event_type")}
            message["metadata"] = self.metadata if all_metadata else event_type
        return message


@dataclass(kw_only=True)
class Request(Recorded):
    """One request to Slack. method: `chat.postMessage`; workspace: whose token; error: as answered."""

    method: str
    arguments: dict[str, Any]
    workspace: str | None = None
    error: str | None = None


class Refused(Exception):
    """`ok: false` with a code."""

    def __init__(self, code: str, **fields: Any) -> None:
        super().__init__(code)
        self.body = {"ok": False, "error": code, **fields}


class Slack(Loopback[Request]):
    """`posts` is what the bot posted and everyone sees; a test may take some away.

    An edit puts a new Post in the place of the old one, which a test may still hold.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.posts: list[Post] = []
        self.channels: dict[str, Channel] = {}
        self.workspaces: dict[str, Workspace] = {}
        self.scopes: dict[str, set[str]] = {}
        self.page_size = MAX_PAGE  # Slack may answer fewer messages than asked for
        self.edit_window = math.inf  # seconds for which a workspace lets messages be edited
        self.unknown_blocks: set[str] = set()  # block types that no workspace knows yet: refused
        self.methods_unknown: set[str] = set()  # methods that answer unknown_method
        self._random = Random(seed)
        self._foreign: list[Post] = []
        self._revoked: set[str] = set()
        self._stamps: set[int] = set()
        self._moved: dict[str, str] = {}  # ids that a channel had, and still answers to
        self._methods: dict[str, Callable[[Request, Workspace], dict[str, Any]]] = {
            "chat.postMessage": self._post_message,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "reactions.add": self._react,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.info": self._info,
            "blocks.validate": self._validate,
            "auth.test": self._auth_test,
        }
        self.add_workspace("default")

    # What a test sets up

    def add_workspace(self, name: str) -> str:
        """Installs the app in a further workspace; answers its token."""
        with self._lock:
            token = f"xoxb-{self._digits()}-{self._digits()}-{self._digits()}"
            ids = [f"{letter}0{self._digits()[:9]}" for letter in "TUBA"]
            self.workspaces[name] = Workspace(name, token, *ids)
            self.scopes[name] = set(SCOPES)
            return token

    def add_channel(
        self,
        channel: str,
        workspace: str = "default",
        name: str = "general",
        *,
        member: bool = True,
        archived: bool = False,
        private: bool = False,
    ) -> Channel:
        """A new channel; member: the bot is in it."""
        with self._lock:
            if workspace not in self.workspaces:
                raise ValueError(f"no workspace {workspace!r}")
            self.channels[channel] = Channel(channel, workspace, name, member, archived, private)
            return self.channels[channel]

    def move_channel(self, old: str, new: str, *, answers: bool = True) -> None:
        """The channel gets another id, as when it is converted. answers: to the old one too."""
        with self._lock:
            channel = self.channels.pop(old)
            channel.id, self.channels[new] = new, channel
            if answers:
                self._moved[old] = new
            for post in (*self.posts, *self._foreign):
                post.channel = new if post.channel == old else post.channel

    def add_message(
        self,
        channel: str,
        text: str,
        metadata: dict[str, Any] | None = None,
        bot_id: str | None = None,
        ts: str | None = None,
        **more: Any,
    ) -> Post:
        """Somebody else's message: in the history, not in `posts`. more: other fields of `Post`."""
        with self._lock:
            workspace = self.channels[channel].workspace
            post = Post(
                channel=channel,
                workspace=workspace,
                text=text,
                ts=ts or self._stamp(),
                metadata=metadata,
                bot_id=bot_id,
                **more,
            )
            self._foreign.append(post)
            return post

    def say(self, channel: str, text: str, user: str = "U0FRIEND1", **more: Any) -> Post:
        """A person says something; `@bot` stands for the mention of the bot."""
        bot = self.workspaces[self.channels[channel].workspace].user_id
        return self.add_message(channel, text.replace("@bot", f"<@{bot}>"), user=user, **more)

    def forget_others(self) -> None:
        """All that the bot did not say is gone."""
        with self._lock:
            self._foreign.clear()

    def remove(self, post: Post) -> None:
        """Somebody deletes what they said."""
        with self._lock:
            self._foreign.remove(post)

    def replies(self, channel: str, thread_ts: str) -> list[Post]:
        """What the bot said in a thread, oldest first."""
        with self._lock:
            return [post for post in self.posts if post.channel == channel and post.thread_ts == thread_ts]

    def reactions(self, channel: str, ts: str) -> tuple[str, ...]:
        """The emoji that the bot put on a message."""
        with self._lock:
            return next(post.reactions for post in self._foreign if post.channel == channel and post.ts == ts)

    def revoke(self, workspace: str = "default") -> None:
        """Its token answers invalid_auth from now on."""
        self._revoked.add(workspace)

    def reinstate(self, workspace: str = "default") -> None:
        """Its token is good again."""
        self._revoked.discard(workspace)

    def misbehave(
        self,
        mishap: Mishap,
        method: str | None = "chat.postMessage",
        channel: str | None = None,
        times: int | None = None,
        workspace: str | None = None,
    ) -> Handle[Request]:
        """Plays a mishap on requests to a method (None: any), `times` times (None: always); oldest first."""

        def meets(request: Request) -> bool:
            return (
                method in (None, request.method)
                and channel in (None, request.arguments.get("channel"))
                and workspace in (None, request.workspace)
            )

        return self._add(mishap, meets, times)

    def transcript(self, channel: str | None = None) -> str:
        """The accepted posts, as a reader of the channel sees them."""
        with self._lock:
            return "\n".join(self.line_of(post) for post in self.posts if channel in (None, post.channel))

    def line_of(self, post: Post) -> str:
        """One post as in a chat: when, where, what; further lines are indented."""
        when = datetime.fromtimestamp(float(post.ts)).strftime("%H:%M:%S")
        name = self.channels[post.channel].name if post.channel in self.channels else post.channel
        text = shown(post.blocks) if post.blocks else html.unescape(post.text)
        return f"[{when}] #{name}  {'↳ ' if post.thread_ts else ''}" + text.replace("\n", "\n    ")

    def _digits(self) -> str:
        return str(self._random.randrange(10**11, 10**12))

    def _stamp(self) -> str:
        """Unique, and increasing while the clock is."""
        stamp = int(self._time() * 1_000_000)
        while stamp in self._stamps:
            stamp += 1
        self._stamps.add(stamp)
        return f"{stamp // 1_000_000}.{stamp % 1_000_000:06}"

    # How a request is answered

    def _read(self, call: Call) -> Request:
        path, _, query = call.target.partition("?")
        workspace = self._workspace_of(call.headers)
        return Request(
            headers=call.headers,
            method=path.removeprefix("/api/"),
            arguments={**dict(parse_qsl(query)), **_arguments(call)},
            workspace=workspace.name if workspace else None,
        )

    def _workspace_of(self, headers: dict[str, str]) -> Workspace | None:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        return next((each for each in self.workspaces.values() if each.token == token), None)

    def _work(self, request: Request) -> Answer:
        headers = {"x-slack-req-id": f"sandbox-{len(self.requests)}"}
        try:
            workspace = self._authorised(request)
            headers["x-oauth-scopes"] = ",".join(sorted(self.scopes[workspace.name]))
            if request.method not in self._methods or request.method in self.methods_unknown:
                raise Refused("unknown_method", req_method=request.method)
            body = {"ok": True, **self._methods[request.method](request, workspace)}
        except Refused as refused:
            body = refused.body
        request.error = body.get("error")
        return Answer(200, json.dumps(body).encode(), headers)

    def _unapplied(self, request: Request) -> Answer:
        request.error = "internal_error"  # the code that says the least
        return Answer(200, json.dumps({"ok": False, "error": request.error}).encode())

    def _finish(self, request: Request, answer: Answer) -> Answer:
        """The code that the client is told, when a mishap tells one."""
        if request.mishap:
            found = re.search(rb'"error": "(\w+)"', answer.body or b"") if request.status else None
            request.error = found[1].decode() if found else None
        return answer

    def _usual_body(self, request: Request, status: int) -> tuple[bytes, str]:
        if status == 429:
            return b'{"ok": false, "error": "ratelimited"}', JSON
        return f"{status}".encode(), "text/plain"  # what stands before Slack rather than Slack

    def _authorised(self, request: Request) -> Workspace:
        if "authorization" not in request.headers:
            raise Refused("not_authed")
        if request.workspace is None or request.workspace in self._revoked:
            raise Refused("invalid_auth")
        return self.workspaces[request.workspace]

    def _channel(self, request: Request, scope: str = "", private_scope: str = "") -> Channel:
        """The channel that is meant, if this token may know of it and has the scope for it."""
        workspace = request.workspace or ""
        named = str(request.arguments.get("channel", ""))
        channel = self.channels.get(self._moved.get(named, named))
        private = channel is not None and channel.private
        self._need(workspace, private_scope if private and private_scope else scope)
        if channel is None or channel.workspace != workspace or (private and not channel.member):
            raise Refused("channel_not_found")
        return channel

    def _need(self, workspace: str, scope: str) -> None:
        have = self.scopes[workspace]
        if scope not in have:
            raise Refused("missing_scope", needed=scope, provided=",".join(sorted(have)))

    def _auth_test(self, request: Request, workspace: Workspace) -> dict[str, Any]:
        return {
            "url": f"https://{workspace.name}.slack.com/",
            "team": workspace.name,
            "user": "lolslackbot",
            "team_id": workspace.team_id,
            "user_id": workspace.user_id,
            "bot_id": workspace.bot_id,
            "app_id": workspace.app_id,
        }

    def _info(self, request: Request, workspace: Workspace) -> dict[str, Any]:
        channel = self._channel(request, "channels:read", "groups:read")
        return {"channel": _described(channel)}

    def _post_message(self, request: Request, workspace: Workspace) -> dict[str, Any]:
        channel = self._channel(request, "chat:write")
        if channel.archived:
            raise Refused("is_archived")
        if not channel.member:
            raise Refused("not_in_channel")
        text, blocks, metadata = _checked_message(request.arguments, self.unknown_blocks)
        post = Post(
            channel=channel.id,
            workspace=workspace.name,
            text=text,
            ts=self._stamp(),
            blocks=blocks,
            metadata=metadata,
            bot_id=workspace.bot_id,
            thread_ts=request.arguments.get("thread_ts"),
            arguments=request.arguments,
        )
        self.posts.append(post)
        return {"channel": channel.id, "ts": post.ts, "message": self._message(post)}

    def _update(self, request: Request, workspace: Workspace) -> dict[str, Any]:
        """Text without blocks removes the blocks; metadata stays if left out, an empty object removes it."""
        channel = self._channel(request, "chat:write")
        if channel.archived:
            raise Refused("is_inactive")
        if not channel.member:
            raise Refused("no_permission")
        old = next(
            (post for post in self._visible(channel, threads=True) if post.ts == request.arguments.get("ts")), None
        )
        if old is None:
            raise Refused("message_not_found")
        if old not in self.posts:
            raise Refused("cant_update_message")
        if self._time() - float(old.ts) > self.edit_window:
            raise Refused("edit_window_closed")
        text, blocks, metadata = _checked_message(request.arguments, self.unknown_blocks, MAX_EDITED_TEXT)
        new = replace(
            old,
            text=text,
            blocks=blocks,
            metadata=old.metadata if metadata is None else metadata,
            edits=(*old.edits, request.arguments),
        )
        self.posts[self.posts.index(old)] = new
        return {"channel": channel.id, "ts": new.ts, "text": text, "message": self._message(new)}

    def _delete(self, request: Request, workspace: Workspace) -> dict[str, Any]:
        channel = self._channel(request, "chat:write")
        old = next(
            (post for post in self._visible(channel, threads=True) if post.ts == request.arguments.get("ts")), None
        )
        if old is None:
            raise Refused("message_not_found")
        if old not in self.posts:
            raise Refused("cant_delete_message")
        self.posts.remove(old)
        return {"channel": channel.id, "ts": old.ts}

    def _react(self, request: Request, workspace: Workspace) -> dict[str, Any]:
        """Of the bot's own reactions each emoji shows once."""
        channel = self._channel(request, "reactions:write")
        if channel.archived:
            raise Refused("is_archived")
        name, stamp = request.arguments.get("name"), request.arguments.get("timestamp")
        if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9_+-]+", name):
            raise Refused("invalid_name")
        post = next((post for post in self._visible(channel, threads=True) if post.ts == stamp), None)
        if post is None:
            raise Refused("message_not_found")
        if name in post.reactions:
            raise Refused("already_reacted")
        post.reactions += (name,)
        return {}

    def _validate(self, request: Request, workspace: Workspace) -> dict[str, Any]:
        """Needs no scope and posts nothing."""
        name, value = _payload(request.arguments)
        try:
            if name == "view":
                raise Fault("", "no views here")
            if name == "message":
                value = value.get("blocks") if isinstance(value, dict) else None
            check_blocks(value, self.unknown_blocks)
        except Fault as fault:
            pointer = f"/blocks{fault.at}" if name == "message" else fault.at
            error = {"pointer": pointer, "code": "failed_constraint", "message": fault.message}
            raise Refused(f"invalid_{name}", errors=[error]) from fault
        return {}

    def _history(self, request: Request, workspace: Workspace) -> dict[str, Any]:
        channel = self._channel(request, "channels:history", "groups:history")
        if not channel.member:
            raise Refused("not_in_channel")
        arguments = request.arguments
        limit = _limit(arguments.get("limit", 100))
        cursor = _cursor(arguments.get("cursor"))
        found = [post for post in self._visible(channel) if _within(post.ts, arguments)]
        found = [post for post in found if cursor is None or Decimal(post.ts) <= cursor]
        return {**self._page(found, limit, arguments), "pin_count": 0}

    def _page(self, found: list[Post], limit: int, arguments: dict[str, Any]) -> dict[str, Any]:
        """As many of these as the answer has room for, and where the next one begins."""
        page = found[: min(limit, self.page_size)]
        all_metadata = _is_true(arguments.get("include_all_metadata"))
        answer: dict[str, Any] = {
            "messages": [self._message(post, all_metadata=all_metadata) for post in page],
            "has_more": len(page) < len(found),
        }
        if len(page) < len(found):
            next_cursor = base64.b64encode(f"next_ts:{found[len(page)].ts}".encode()).decode()
            answer["response_metadata"] = {"next_cursor": next_cursor}
        return answer

    def _replies(self, request: Request, workspace: Workspace) -> dict[str, Any]:
        """A thread, the message that it began with in front."""
        channel = self._channel(request, "channels:history", "groups:history")
        if not channel.member:
            raise Refused("not_in_channel")
        arguments = request.arguments
        cursor, stamp = _cursor(arguments.get("cursor")), arguments.get("ts")
        everything = self._visible(channel, threads=True)[::-1]
        if not any(post.ts == stamp or post.thread_ts == stamp for post in everything):
            raise Refused("thread_not_found")
        found = [post for post in everything if stamp in (post.ts, post.thread_ts)]
        found = [post for post in found if cursor is None or Decimal(post.ts) >= cursor]
        return self._page(found, _limit(arguments.get("limit", 100)), arguments)

    def _message(self, post: Post, *, all_metadata: bool = True) -> dict[str, Any]:
        message = post.as_message(all_metadata=all_metadata)
        workspace = self.workspaces[post.workspace]
        if post.bot_id == workspace.bot_id:
            return {
                **message,
                "user": workspace.user_id,
                "app_id": workspace.app_id,
                "team": workspace.team_id,
            }
        return message

    def _visible(self, channel: Channel, *, threads: bool = False) -> list[Post]:
        """The channel's messages, newest first. threads: also those that stand in one."""
        messages = [
            post
            for post in (*self.posts, *self._foreign)
            if post.channel == channel.id and (threads or post.thread_ts in (None, post.ts))
        ]
        return sorted(messages, key=lambda post: Decimal(post.ts), reverse=True)


def _arguments(call: Call) -> dict[str, Any]:
    """Of a JSON or a form body; what is neither is none."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        return dict(parse_qsl(call.body.decode("utf-8", "replace")))
    try:
        found = json.loads(call.body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _checked_message(
    arguments: dict[str, Any], unknown_blocks: set[str], max_text: int = MAX_TEXT
) -> tuple[str, list[Any], dict[str, Any] | None]:
    text, blocks = arguments.get("text") or "", _unpacked(arguments.get("blocks"))
    if not text and not blocks:
        raise Refused("no_text")
    if not isinstance(text, str):
        raise Refused("invalid_arguments")
    if len(text) > max_text:
        raise Refused("msg_too_long")
    if fault := fault_of(blocks, unknown_blocks) if blocks else None:
        raise Refused("invalid_blocks", errors=[fault], response_metadata={"messages": [f"[ERROR] {fault}"]})
    metadata = _unpacked(arguments.get("metadata"))
    if metadata not in (None, {}) and not _is_metadata(metadata):
        raise Refused("invalid_metadata_format")
    return text, blocks or [], metadata


def _payload(arguments: dict[str, Any]) -> tuple[str, Any]:
    """The one thing that is to be validated, and its name."""
    names = ("blocks", "view", "message")
    given = [(name, _unpacked(arguments[name])) for name in names if arguments.get(name) not in (None, "")]
    if len(given) != 1:
        text = "must provide exactly one of `blocks`, `view`, or `message`"
        raise Refused("invalid_arguments", response_metadata={"messages": [text]})
    return given[0]


def _unpacked(value: Any) -> Any:
    """A form carries lists and objects as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _is_metadata(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("event_type"), str)
        and isinstance(value.get("event_payload"), dict)
    )


def _described(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": not channel.private,
        "is_group": False,
        "is_archived": channel.archived,
        "is_member": channel.member,
        "is_private": channel.private,
    }


def _is_true(value: Any) -> bool:
    return value in (True, 1, "1", "true", "True")


def _limit(value: Any) -> int:
    try:
        limit = int(value)
    except (TypeError, ValueError):
        limit = 0
    if not 1 <= limit <= MAX_PAGE:
        raise Refused("invalid_limit")
    return limit


def _cursor(value: Any) -> Decimal | None:
    """The time of the first message of the page that it stands for."""
    if not value:
        return None
    try:
        return Decimal(base64.b64decode(value, validate=True).decode().removeprefix("next_ts:"))
    except (binascii.Error, ValueError, InvalidOperation) as error:
        raise Refused("invalid_cursor") from error


def _within(ts: str, arguments: dict[str, Any]) -> bool:
    """Both ends are exclusive unless `inclusive`."""
    moment = Decimal(ts)
    oldest, latest = _moment(arguments, "oldest"), _moment(arguments, "latest")
    if _is_true(arguments.get("inclusive")) and moment in (oldest, latest):
        return True
    return (oldest is None or moment > oldest) and (latest is None or moment < latest)


def _moment(arguments: dict[str, Any], name: str) -> Decimal | None:
    value = arguments.get(name)
    if value in (None, ""):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise Refused(f"invalid_ts_{name}") from error
