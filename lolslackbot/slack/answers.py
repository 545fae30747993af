"""What each answer of Slack to a post means: status, headers and body in, a verdict out. Pure.

The error codes are those of docs.slack.dev, chat.postMessage, with codes that left that list in recent years.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, TypeGuard

from lolslackbot.model import Asked, LookupProblem
from lolslackbot.transport import HttpAnswer, date_of, one_line, parse_json


class SlackVerdict(Enum):
    """What became of one request to post. All but DELIVERED and UNCERTAIN: it is certainly not in Slack."""

    DELIVERED = auto()
    CHANNEL_BROKEN = auto()  # fails again until somebody changes the channel
    TOKEN_REJECTED = auto()  # nothing of this workspace will go out
    MESSAGE_REFUSED = auto()  # this message fails again as it is
    BLOCKS_REFUSED = auto()  # as plain text it may pass
    LIMITED = auto()  # too fast: this channel waits
    WORKSPACE_LIMITED = auto()  # its plan's allowance is used up: the workspace waits long
    NOT_SENT = auto()  # the request never left
    LOCAL_FAULT = auto()  # nor did this one: this machine's proxy or certificates need a person
    UNCERTAIN = auto()  # it may or may not be in Slack


@dataclass(frozen=True, slots=True)
class Posted:
    """The outcome of one request: the verdict, Slack's `ts` if delivered, else the error in a few words."""

    verdict: SlackVerdict
    error: str = ""
    slack_ts: str = ""
    wait: float = 0  # seconds, with LIMITED and WORKSPACE_LIMITED
    code: str = ""  # Slack's error code, if it gave one
    channel_id: str = ""  # under which it was delivered, where that is not the channel it was posted to


class SlackProblem(Exception):
    """A call that only reads brought nothing; the verdict says whether that is a limit, the token, or else."""

    def __init__(self, verdict: SlackVerdict, error: str, *, code: str = "", wait: float = 0) -> None:
        super().__init__(error)
        self.verdict, self.code, self.wait = verdict, code, wait

    @property
    def lookup_problem(self) -> LookupProblem:
        """What it means for looking a message up in a channel's history."""
        if self.code in _LASTING:
            return LookupProblem.SCOPE_MISSING
        return {
            SlackVerdict.CHANNEL_BROKEN: LookupProblem.CHANNEL_CLOSED,
            SlackVerdict.TOKEN_REJECTED: LookupProblem.TOKEN_REFUSED,
        }.get(self.verdict, LookupProblem.NO_ANSWER)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are in a workspace (auth.test). Only what this bot or this app posted is ours."""

    bot_id: str
    app_id: str
    user_id: str = ""  # by which people mention us; '' where Slack did not say


@dataclass(frozen=True, slots=True)
class Said:
    """A page of what was said in a channel. Of what was not asked of us only when it was said."""

    asked: tuple[Asked, ...]
    newest: str | None  # a ts; None: nothing was said
    oldest: str | None
    cursor: str | None  # where the next page begins, with older ones; None: this is the last


@dataclass(frozen=True, slots=True)
class Standing:
    """What our token is in a workspace (auth.test), and what time it was for Slack. None: Slack did not say."""

    is_bot: bool
    scopes: frozenset[str] | None
    now: datetime | None


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """A channel (conversations.info). A field that Slack left out is unknown: None."""

    is_archived: bool | None
    is_member: bool | None
    channel_id: str | None = None
    name: str | None = None  # without '#'


@dataclass(frozen=True, slots=True)
class History:
    """Our messages in a channel, `ts` by key, and what time it was for Slack (None if it did not say)."""

    ts_by_key: Mapping[str, str]
    now: datetime | None


EVENT_TYPE = "lolslackbot_match"  # of the metadata by which a message is found again
LIMITED_WAIT = 60.0  # seconds, where Slack says "too fast" without saying how long
LONGEST_WAIT = 86400.0  # however long Slack says
ALLOWANCE_WAIT = 3600.0
MOST_WORDS = 500  # characters of what somebody asks: no name at Riot is so long

_CODES: dict[SlackVerdict, str] = {
    SlackVerdict.CHANNEL_BROKEN: """
        channel_not_found is_archived not_in_channel restricted_action restricted_action_read_only_channel
        restricted_action_thread_only_channel restricted_action_non_threadable_channel restricted_action_thread_locked
        cannot_reply_to_message ekm_access_denied messages_tab_disabled team_not_found no_permission access_denied
        slack_connect_file_link_sharing_blocked slack_connect_canvas_sharing_blocked
        slack_connect_lists_sharing_blocked
    """,
    SlackVerdict.TOKEN_REJECTED: """
        not_authed invalid_auth account_inactive token_revoked token_expired missing_scope not_allowed_token_type
        is_bot two_factor_setup_required team_access_not_granted enterprise_is_restricted accesslimited
        app_access_restricted org_login_required team_added_to_org deprecated_endpoint method_deprecated
        unknown_method as_user_not_supported send_on_behalf_not_allowed metadata_must_be_sent_from_app
    """,
    SlackVerdict.BLOCKS_REFUSED: "invalid_blocks invalid_blocks_format msg_blocks_too_long",
    SlackVerdict.MESSAGE_REFUSED: """
        no_text msg_too_long too_many_attachments attachment_payload_limit_exceeded too_many_contact_cards
        markdown_text_conflict invalid_metadata_format invalid_metadata_schema metadata_too_large missing_file_data
        draft_already_deleted draft_already_sent draft_has_conflict draft_not_found invalid_arguments invalid_arg_name
        invalid_array_arg invalid_charset invalid_form_data invalid_post_type missing_post_type invalid_json
        json_not_object
    """,
    SlackVerdict.LIMITED: "ratelimited rate_limited",
    SlackVerdict.WORKSPACE_LIMITED: "message_limit_exceeded",
}
_REMEDIES = {
    "not_in_channel": "/invite the bot to the channel",
    "channel_not_found": "compare the id with the channel's details in Slack, and /invite the bot if it is private",
    "is_archived": "unarchive the channel",
    "missing_scope": "add that scope to the app, and install it again",
}
# Slack says of internal_error and fatal_error that part of the work may be done; like every code that is not
# listed, and every answer that is not Slack's, they leave the outcome open.
_MEANING = {code: verdict for verdict, codes in _CODES.items() for code in codes.split()}

# docs.slack.dev, chat.update: the message stays as it is, however often it is asked.
_EDIT_REFUSED = {
    "message_not_found",
    "cant_update_message",
    "edit_window_closed",
    "is_inactive",
    "cant_broadcast_message",
}
# These refuse a message in a thread, and nothing else in that channel.
_THREAD_REFUSED = {
    "cannot_reply_to_message",
    "restricted_action_non_threadable_channel",
    "restricted_action_thread_locked",
}
# docs.slack.dev, reactions.add: there is nothing to show, or nothing to show it on.
_REACTION_REFUSED = {
    "already_reacted",
    "bad_timestamp",
    "invalid_name",
    "message_not_found",
    "no_item_specified",
    "not_reactable",
    "thread_locked",
    "too_many_emoji",
    "too_many_reactions",
}
_LASTING = {"missing_scope", "not_allowed_token_type", "deprecated_endpoint", "method_deprecated", "unknown_method"}
_UNSEEN = {"channel_not_found", "not_in_channel"}
_ARCHIVED = "is_archived"

_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}")
_TS_OF_TODAY = re.compile(r"[0-9]{10}\.[0-9]{6}")  # as long as all are of that length, they sort as texts do
_USER_ID = re.compile(r"[UW][A-Z0-9]{1,30}")
# Round the mention: marks of Slack's, quotes, and what phones and keyboards add unseen.
_DRESSING = "\\s*_~`\"'\u2018-\u201f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_MENTION = re.compile(rf"[{_DRESSING}]*<@(?P<user>[UW][A-Z0-9]+)(?:\|[^>]*)?>[{_DRESSING}:,;.!\u2013\u2014\u2026-]*")
_CHANNEL_ID = re.compile(r"[A-Z][A-Z0-9]{1,30}")


def judge_post(answer: HttpAnswer, channel_id: str) -> Posted:
    """What a post to `channel_id` that was answered so has come to."""
    if answer.status == 429:
        return Posted(SlackVerdict.LIMITED, "ratelimited", wait=_retry_after(answer))
    document = read_object(answer)
    if document is None or not 200 <= answer.status < 500 or 300 <= answer.status < 400:
        return Posted(SlackVerdict.UNCERTAIN, f"HTTP {answer.status}, {_excerpt(answer)}")
    if document.get("ok") is True:
        return _judge_success(document, channel_id)
    code = document.get("error")
    verdict = _MEANING.get(code, SlackVerdict.UNCERTAIN) if isinstance(code, str) else SlackVerdict.UNCERTAIN
    wait = {SlackVerdict.LIMITED: _retry_after(answer), SlackVerdict.WORKSPACE_LIMITED: ALLOWANCE_WAIT}.get(verdict, 0)
    return Posted(verdict, describe_error(document), wait=wait, code=code if isinstance(code, str) else "")


def judge_edit(answer: HttpAnswer, channel_id: str) -> Posted:
    """What an edit that was answered so has come to; UNCERTAIN: it may be made again."""
    posted = judge_post(answer, channel_id)
    return replace(posted, verdict=SlackVerdict.MESSAGE_REFUSED) if posted.code in _EDIT_REFUSED else posted


def judge_reply(answer: HttpAnswer, channel_id: str) -> Posted:
    """What a post in a thread that was answered so has come to; a thread that takes none breaks no channel."""
    posted = judge_post(answer, channel_id)
    return replace(posted, verdict=SlackVerdict.MESSAGE_REFUSED) if posted.code in _THREAD_REFUSED else posted


def judge_reaction(answer: HttpAnswer) -> Posted:
    """What reactions.add that was answered so has come to; DELIVERED: it shows. It may be made again."""
    document = read_object(answer)
    if answer.status == 200 and document is not None and document.get("ok") is True:
        return Posted(SlackVerdict.DELIVERED)
    posted = judge_post(answer, "")
    refused = posted.code in _REACTION_REFUSED
    return replace(posted, verdict=SlackVerdict.MESSAGE_REFUSED) if refused else posted


def remedy_of(posted: Posted | SlackProblem) -> str:
    """What a person can do about a channel that is broken, or a token that is refused."""
    other = (
        "fix the channel in Slack"
        if posted.verdict is SlackVerdict.CHANNEL_BROKEN
        else "install the app again, and copy its Bot User OAuth Token"
    )
    return _REMEDIES.get(posted.code, other)


def _judge_success(document: Mapping[str, Any], channel_id: str) -> Posted:
    slack_ts, answered = document.get("ts"), document.get("channel")
    if not is_slack_ts(slack_ts):
        return Posted(SlackVerdict.UNCERTAIN, "ok, but without a ts")
    # A channel that was converted or merged answers under another id; the message is there all the same.
    if not isinstance(answered, str) or answered == channel_id or not _CHANNEL_ID.fullmatch(answered):
        answered = ""
    return Posted(SlackVerdict.DELIVERED, slack_ts=slack_ts, channel_id=answered)


def is_slack_ts(value: object) -> TypeGuard[str]:
    """Whether that is a message's `ts`, wherever it comes from."""
    return isinstance(value, str) and _TS.fullmatch(value) is not None


def is_over(code: str | None, info: ChannelInfo | None, *, readable: bool) -> bool:
    """Whether what Slack shows of a channel proves that the error `code` of an earlier post there is over."""
    if info and (info.is_archived or info.is_member is False):
        return False
    is_seen = readable or (info is not None and info.is_member is True)
    if code == _ARCHIVED:
        return is_seen and info is not None and info.is_archived is False
    return is_seen and code in _UNSEEN


def judge_validation(answer: HttpAnswer) -> str | None:
    """blocks.validate: why Slack refuses the blocks, None if it takes them. Raises SlackProblem for other answers."""
    document = read_object(answer) or {}
    if document.get("error") != "invalid_blocks":
        read_ok(answer)
        return None
    errors = document.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    said = [_shown(first[name]) for name in ("message", "code", "pointer") if first.get(name)]
    return _line(", ".join(said)) or "invalid_blocks"


def read_ok(answer: HttpAnswer) -> dict[str, Any]:
    """The object of an answer that says ok. Raises SlackProblem for any other."""
    document = read_object(answer) if answer.status == 200 else None
    if document is not None and document.get("ok") is True:
        return document
    posted = judge_post(answer, "")
    if posted.verdict is SlackVerdict.DELIVERED:
        raise SlackProblem(SlackVerdict.UNCERTAIN, f"HTTP {answer.status}, {_excerpt(answer)}")
    raise SlackProblem(posted.verdict, posted.error, code=posted.code, wait=posted.wait)


def permalink(channel_id: str, slack_ts: str) -> str:
    """The link of a message, as Slack's "Copy link" gives it; slack.com leads to the workspace that has it."""
    return f"https://slack.com/archives/{channel_id}/p{slack_ts.replace('.', '')}"


def posted_at(slack_ts: str) -> datetime | None:
    """When Slack took a message, by its `ts`; None where that is no time, or one that no calendar has."""
    try:
        return datetime.fromtimestamp(float(slack_ts), UTC) if _TS.fullmatch(slack_ts) else None
    except ValueError:
        return None


def keys_in(document: Mapping[str, Any], us: Identity) -> dict[str, str]:
    """conversations.history: `ts` by the key in the metadata of the messages that this bot posted.

    Any app of the workspace may post the same metadata, so who posted it counts. Raises SlackProblem if the answer
    has no list of messages.
    """
    posts = document.get("messages")
    if not isinstance(posts, list):
        raise SlackProblem(SlackVerdict.UNCERTAIN, "a history without messages")
    found = {}
    for post in posts:
        if isinstance(post, dict) and _is_ours(post, us):
            key, slack_ts = _key_of(post.get("metadata")), post.get("ts")
            if key and is_slack_ts(slack_ts):
                found[key] = slack_ts
    return found


def said_in(document: Mapping[str, Any], us: Identity) -> Said:
    """conversations.history: what was asked of us, and how far the page goes.

    Raises SlackProblem if the answer has no list of messages.
    """
    posts = document.get("messages")
    if not isinstance(posts, list):
        raise SlackProblem(SlackVerdict.UNCERTAIN, "a history without messages")
    messages = [post for post in posts if isinstance(post, dict) and _is_ts_of_today(post.get("ts"))]
    cursor, stamps = next_cursor(document), [post["ts"] for post in messages]
    asked = tuple(found for post in messages if (found := _asked_of(post, us)))
    return Said(asked, max(stamps, default=None), min(stamps, default=None), cursor)


def _is_ts_of_today(value: object) -> bool:
    return isinstance(value, str) and _TS_OF_TODAY.fullmatch(value) is not None


def _asked_of(post: Mapping[str, Any], us: Identity) -> Asked | None:
    """What a person asked of us in the channel itself: no thread, no edit, no bot, no notice of Slack's own."""
    user, text = post.get("user"), post.get("text")
    if (
        post.get("subtype")
        or post.get("bot_id")
        or post.get("edited")
        or post.get("thread_ts", post["ts"]) != post["ts"]
    ):
        return None
    if not isinstance(text, str) or not isinstance(user, str) or not _USER_ID.fullmatch(user) or user == us.user_id:
        return None
    mention = _MENTION.match(text)
    if mention is None or mention["user"] != us.user_id:
        return None
    return Asked(post["ts"], user, text[mention.end() :][:MOST_WORDS])


def _is_ours(post: Mapping[str, Any], us: Identity) -> bool:
    return post.get("bot_id") == us.bot_id or bool(us.app_id and post.get("app_id") == us.app_id)


def _key_of(metadata: Any) -> str | None:
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return None
    payload = metadata.get("event_payload")
    key = payload.get("key") if isinstance(payload, dict) else None
    return key if isinstance(key, str) else None


def next_cursor(document: Mapping[str, Any]) -> str | None:
    """Where the next page begins, None after the last. Raises SlackProblem where there is more, but no way to it."""
    metadata = document.get("response_metadata")
    cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
    if isinstance(cursor, str) and cursor:
        return cursor
    if document.get("has_more"):
        raise SlackProblem(SlackVerdict.UNCERTAIN, "a history that has more, but no cursor")
    return None


def standing_of(document: Mapping[str, Any], answer: HttpAnswer) -> Standing:
    """auth.test: a person's token has no bot_id; the scopes stand in a header."""
    stated = answer.headers.get("x-oauth-scopes")
    scopes = None if stated is None else frozenset(scope.strip() for scope in stated.split(",") if scope.strip())
    return Standing(bool(document.get("bot_id")), scopes, date_of(answer.headers))


def channel_info_of(document: Mapping[str, Any]) -> ChannelInfo:
    """conversations.info: whether the channel is archived, whether the bot is in it, and its name."""
    channel = document.get("channel")
    found = channel if isinstance(channel, dict) else {}
    archived, member = (
        found.get(name) if isinstance(found.get(name), bool) else None for name in ("is_archived", "is_member")
    )
    channel_id, name = found.get("id"), found.get("name")
    return ChannelInfo(
        archived,
        member,
        channel_id if isinstance(channel_id, str) else None,
        name if isinstance(name, str) and name else None,
    )


def read_object(answer: HttpAnswer) -> dict[str, Any] | None:
    """The JSON object in an answer, or None."""
    try:
        document = parse_json(answer.body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def describe_error(document: Mapping[str, Any]) -> str:
    """Slack's code with what it adds to it, in one line: `missing_scope (needed chat:write)`."""
    errors, needed, code = document.get("errors"), document.get("needed"), document.get("error")
    details = [_shown(each) for each in errors[:5]] if isinstance(errors, list) else []
    if needed:
        details.append(f"needed {_shown(needed)}")
    text = _shown(code) if code else "no error code"
    return _line(f"{text} ({'; '.join(details)})" if details else text)


def _shown(value: Any) -> str:
    try:
        return str(value)
    except RecursionError:  # what can be read can be nested too deeply to be written
        return "something deeply nested"


def _retry_after(answer: HttpAnswer) -> float:
    stated = answer.headers.get("retry-after", "").strip()
    if not re.fullmatch(r"[0-9]+", stated):
        return LIMITED_WAIT
    return min(max(1.0, float(stated)), LONGEST_WAIT)  # more digits than a number has make an infinite one


def _excerpt(answer: HttpAnswer) -> str:
    return _line(answer.body[:100].decode("utf-8", "replace")) or "an empty body"


def _line(text: str) -> str:
    return one_line(text)
