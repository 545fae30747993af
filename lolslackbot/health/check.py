"""Tries the real keys, tokens, scopes and channels, and the local environment: one finding each, with its remedy."""

import logging
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from lolslackbot.clock import FAR_OFF, Clock, clock_fault, text_of
from lolslackbot.errors import Exit, RunAborted
from lolslackbot.files import user_name
from lolslackbot.health.facts import free_bytes
from lolslackbot.health.needs import (
    CLOCK_TOLERANCE,
    CUT_OFF,
    HISTORY_SCOPES,
    MIN_FREE_BYTES,
    REACTION_SCOPE,
    TICKS_MISSED,
    TO_MAKE_ROOM,
    add_scopes,
    scope_label,
)
from lolslackbot.location import is_server, shown
from lolslackbot.model import DEFAULT_WORKSPACE, RiotId
from lolslackbot.ping import send
from lolslackbot.riot.answers import RENEW_KEY, RiotRefusal, RiotVerdict
from lolslackbot.riot.limiter import RateLimited
from lolslackbot.settings import FaultySetting, Settings, Unknown, empty_settings, token_name
from lolslackbot.shares import WHOLE, Share
from lolslackbot.slack.answers import ChannelInfo, SlackProblem, SlackVerdict, Standing, is_over
from lolslackbot.store import channels, decisions, findings, holds, players, requests, runs
from lolslackbot.store.connect import open_database
from lolslackbot.store.database import Database
from lolslackbot.store.findings import Found
from lolslackbot.store.holds import Scope, ScopeKind
from lolslackbot.store.locks import LOCKS, STAGES, lock_file
from lolslackbot.store.requests import Inbox

if TYPE_CHECKING:
    from lolslackbot.riot.client import RiotClient
    from lolslackbot.slack.client import SlackClient

logger = logging.getLogger(__name__)

OK, WARN, FAIL = "ok", "warn", "FAIL"
A_WEEK = timedelta(days=7, hours=12)  # between two digests, with some delay
POST_SCOPE = "chat:write"
NOBODY = RiotId("lolslackbot", "check")  # looked up where nobody is tracked: a 404 proves the key as well


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was tried, how it is, what to do about it, and the exit status that it asks for."""

    what: str
    state: str
    said: str
    remedy: str = ""
    status: Exit = Exit.OK
    scope: Scope | None = None  # what it may hold up: kept for `status`
    name: str = ""  # of the channel that it is about, if Slack gave it

    def as_json(self) -> dict[str, Any]:
        """The shape that `check --json` promises to programs; see docs/operations.md."""
        return {
            "what": self.what,
            "state": self.state.lower(),
            "said": self.said,
            "remedy": self.remedy,
            "status": int(self.status),
            "name": self.name,
        }

    @property
    def label(self) -> str:
        """What was tried, as people read it."""
        return scope_label(self.scope, {self.scope.id: self.name}) if self.scope and self.name else self.what


def _ok(what: str, said: str, remedy: str = "") -> Finding:
    return Finding(what, OK, said, remedy)


def _warn(what: str, said: str, remedy: str = "", status: Exit = Exit.OK) -> Finding:
    return Finding(what, WARN, said, remedy, status)


def _fail(what: str, said: str, remedy: str = "", status: Exit = Exit.SOME_FAILED) -> Finding:
    return Finding(what, FAIL, said, remedy, status)


@dataclass(slots=True)
class Checks:
    """What the checks need, and what the earlier ones leave to the later ones.

    `riot` and `slack` make the clients, and raise ConfigError without a key or token.
    faults: settings that cannot be read; what needs them is not tried. unknown: names that are no settings.
    """

    settings: Settings
    clock: Clock
    riot: "Callable[[Database], RiotClient]"
    slack: "Callable[[str], SlackClient]"
    faults: Sequence[FaultySetting] = ()
    unknown: Sequence[Unknown] = ()
    ping: bool = False  # ring the dead man's switch too
    post_to: str | None = None  # a channel, in which a message is posted and deleted
    db: Database | None = None  # open, and sound
    writable: bool = False
    reached: "dict[str, SlackClient]" = field(default_factory=dict)  # workspaces
    scopes: dict[str, frozenset[str] | None] = field(default_factory=dict)  # of their tokens; None: Slack does not say
    ahead: dict[str, timedelta] = field(default_factory=dict)  # this clock, of the servers'
    stack: ExitStack = field(default_factory=ExitStack)  # closes the database

    @property
    def writable_db(self) -> Database | None:
        return self.db if self.writable else None

    def run(self) -> list[Finding]:
        """Every check, whatever the others find."""
        with self.stack:
            found = [
                _ok("here", f"database {shown(self.settings.database)}, user {user_name(os.geteuid())}"),
                *_settings(self),
                *self.guard("files", _files),
                *self.guard("disk", _disk),
                *self.guard("database", _database, "LOLSLACKBOT_DATABASE"),
                *self.guard("cron", _cron),
                *self.guard("pause", _pauses),
                *self.guard("Riot key", _riot_key, "RIOT_API_KEY", "LOLSLACKBOT_RIOT_URL", scope=holds.RIOT_KEY),
                *_slack(self),
                *(self.guard("ping", _ping, "LOLSLACKBOT_PING_URL") if self.ping else []),
                *_post(self),
            ]
            found += self.guard("findings", partial(_keep, found=found))
        return [*found, *self.guard("clock", _clock)]

    def guard(
        self, what: str, check: "Callable[[Checks], Iterator[Finding]]", *needed: str, scope: Scope | None = None
    ) -> list[Finding]:
        """Runs one check; an error is a finding, too. needed: settings. scope: what a fault may hold up."""
        if any(fault.setting in ("", *needed) for fault in self.faults if needed):
            return [_warn(what, "not tried: a setting that it needs is invalid")]
        found = []
        try:
            for finding in check(self):
                found.append(replace(finding, scope=scope))
        except RunAborted as end:
            logger.debug("%s: %s", what, end, exc_info=True)
            found.append(replace(_fail(what, str(end), status=end.exit_status), scope=scope))
        except Exception as error:
            logger.exception("checking %s failed", what)
            found.append(_fail(what, f"unexpected {type(error).__name__}: see the log"))
        return found


def _keep(checks: Checks, found: Sequence[Finding]) -> Iterator[Finding]:
    """Keeps what failed until it is checked again, so that `status` does not claim the opposite.

    Not what only the settings of whoever runs this check lack; and nothing is forgotten that was not seen.
    """
    if db := checks.writable_db:
        known = [finding for finding in found if finding.status is not Exit.UNUSABLE]
        alerts = Scope(ScopeKind.ALERT_CHANNEL, checks.settings.alert_channel)
        former = {old.scope for old in findings.all_known(db) if old.scope.kind is alerts.kind and old.scope != alerts}
        seen = {finding.scope for finding in known if finding.scope and finding.state != WARN}
        failed = [
            Found(finding.what, finding.scope, finding.said, finding.remedy, checks.clock.now())
            for finding in known
            if finding.scope and finding.state == FAIL
        ]
        findings.replace(db, seen | former, failed)
    yield from ()


# Settings, files, disk, database, cron, pauses


def _settings(checks: Checks) -> Iterator[Finding]:
    for fault in checks.faults:
        yield _fail("settings", str(fault), status=Exit.UNUSABLE)
    for sentence in empty_settings(checks.settings.env):
        yield _warn("settings", sentence)
    for unknown in checks.unknown:
        remedy = f"rename it to {unknown.likely}" if unknown.likely else "remove it"
        yield _warn("settings", f"{unknown.name} in {unknown.place} is not a setting", remedy)


def _files(checks: Checks) -> Iterator[Finding]:
    settings = checks.settings
    faults = [*_open_files(settings), *_foreign_files(settings)]
    yield from faults
    if fault := _log_fault(settings):
        yield _fail("log", fault, "make it writable: it is what explains a failure")
    if not faults:
        yield _ok("files", f"{settings.home} is private")


def _database_files(settings: Settings) -> list[str]:
    return [] if is_server(settings.database) else [settings.database]


def _open_files(settings: Settings) -> Iterator[Finding]:
    """Files that others may read."""
    for path in (settings.home, settings.env, *_database_files(settings), settings.log):
        if os.path.exists(path) and (mode := stat.S_IMODE(os.stat(path).st_mode)) & 0o077:
            private = "700" if os.path.isdir(path) else "600"
            yield _warn("files", f"{path} is readable by others (mode {mode:o})", f"chmod {private} {path}")


def _foreign_files(settings: Settings) -> Iterator[Finding]:
    """A home that is another user's, and files in it that are not its owner's."""
    home = settings.home
    if not os.path.isdir(home):
        return
    owner, user = os.stat(home).st_uid, os.geteuid()
    name = user_name(owner)
    if owner != user:
        yield _warn("files", f"{home} belongs to {name}, this is {user_name(user)}", f"run it as {name}")
    shares = Share.every(settings.workers)
    database = [os.path.realpath(path) for path in _database_files(settings)]
    locks = {lock_file(path, stage, share) for path in database for stage in LOCKS for share in (WHOLE, *shares)}
    for path in (settings.env, *database, *sorted(locks), settings.log):
        if os.path.exists(path) and (other := os.stat(path).st_uid) != owner:
            said = f"{path} belongs to {user_name(other)}, {home} to {name}"
            yield _warn("files", said, f"chown {name} {path}")


def _log_fault(settings: Settings) -> str | None:
    """Why the log cannot be written; None if it can, or nothing is there yet."""
    try:
        os.close(os.open(settings.log, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC))
    except FileNotFoundError:
        is_closed = os.path.isdir(settings.home) and not os.access(settings.home, os.W_OK)
        return f"{settings.home} is not writable, so there is no log" if is_closed else None
    except OSError as error:
        return f"{settings.log} cannot be written: {error.strerror}"
    return None


def _folder_of(path: str) -> str:
    return os.path.dirname(os.path.realpath(path))


def _disk(checks: Checks) -> Iterator[Finding]:
    folder = checks.settings.home if is_server(checks.settings.database) else _folder_of(checks.settings.database)
    while not os.path.isdir(folder):  # the nearest that is there
        folder = os.path.dirname(folder)
    free = free_bytes(folder)
    said = f"{free // 2**20} MiB free on the disk of {folder}"
    yield _ok("disk", said) if free >= MIN_FREE_BYTES else _fail("disk", said, TO_MAKE_ROOM)


def _database(checks: Checks) -> Iterator[Finding]:
    db = checks.stack.enter_context(closing(open_database(checks.settings.database)))  # ours, and not too new
    checks.clock.follow(db)
    seen = list(db.examine())
    checks.db = db
    db.try_writing()
    checks.writable = True
    for said, remedy in seen:
        yield _warn("database", said, remedy) if remedy else _ok("database", said)


def _cron(checks: Checks) -> Iterator[Finding]:
    for stage in STAGES if checks.db else ():
        assert checks.db
        with checks.db.snapshot():  # a run that ends just now is not one that was cut off
            finding = _last_run(checks, checks.db, stage)
        yield finding
    if checks.db and (last := next(iter(runs.latest(checks.db, "digest")), None)):  # never, where nobody set it up
        said = f"last run at {text_of(last.began_at)}"
        if checks.clock.now() - last.began_at > A_WEEK:
            yield _warn("cron digest", said, "see crontab.example")
        else:
            yield _ok("cron digest", said)


def _last_run(checks: Checks, db: Database, stage: str) -> Finding:
    what, now = f"cron {stage}", checks.clock.now()
    last = next(iter(runs.latest(db, stage)), None)
    if last is None:
        return _warn(what, "no run on record", "see crontab.example")
    ran = f"last run at {text_of(last.began_at)}"
    is_long_ago = now - (last.ended_at or last.began_at) > TICKS_MISSED
    if last.began_at - now > CLOCK_TOLERANCE:
        return _warn(what, f"{ran}, which is in the future", "see clock")
    if last.ended_at is None and db.is_at_work(stage):
        if is_long_ago:
            return _fail(what, f"running since {text_of(last.began_at)}: it hangs", "see `lolslackbot status`")
        return _ok(what, f"{ran}, still running")
    if is_long_ago:
        return _fail(what, ran, "see `crontab -l` and cron's mail")
    if last.ended_at is None:
        return _warn(what, f"{ran} {CUT_OFF}", "see the log, if it could be written")
    if last.exit_status in (Exit.OK, Exit.LATER):
        return _ok(what, f"{ran}, exit {last.exit_status}")
    return _warn(what, f"{ran}, exit {last.exit_status}: {last.summary}", "see `lolslackbot status`")


def _pauses(checks: Checks) -> Iterator[Finding]:
    for hold in holds.all_known(checks.db) if checks.db else ():
        if hold.kind == "paused":
            option = f" --channel {hold.scope.id}" if hold.scope.kind is ScopeKind.CHANNEL else ""
            said = f"{hold.scope} is paused (since {text_of(hold.since)})"
            yield _warn("pause", said, f"to continue: `lolslackbot resume{option}`")


def _post(checks: Checks) -> list[Finding]:
    """In whose workspace the channel is, the database knows; of one that it does not know, the default one."""
    channel_id = checks.post_to
    if channel_id is None:
        return []
    workspace = (channels.workspace_of(checks.db, channel_id) if checks.db else None) or DEFAULT_WORKSPACE
    needed = (token_name(workspace), "LOLSLACKBOT_SLACK_URL")
    what = f"post to {channel_id}"
    return checks.guard(what, partial(_trial, what=what, channel_id=channel_id, workspace=workspace), *needed)


def _trial(checks: Checks, what: str, channel_id: str, workspace: str) -> Iterator[Finding]:
    from lolslackbot.health.trial import try_channel  # few ask for it

    for step in try_channel(checks.slack(workspace), channel_id, workspace, checks.clock):
        yield _ok(what, step.said) if step.went_well else _fail(what, step.said, step.remedy)


def _ping(checks: Checks) -> Iterator[Finding]:
    url = checks.settings.ping_url
    if not url:
        yield _fail("ping", "LOLSLACKBOT_PING_URL is not set", "set it to the URL of a check at healthchecks.io, say")
    elif fault := send(url, "`lolslackbot check` tries it", checks.settings.network):
        yield _fail("ping", f"{fault}", "see whether the URL is still right, and from here in reach")
    else:
        yield _ok("ping", "it was answered: `deliver` rings it at the end of each run")


# Riot

_REJECTED_KEY = (FAIL, "rejected by Riot: {}", RENEW_KEY, Exit.REJECTED)
_ACCEPTED_KEY = (OK, "key accepted", "", Exit.OK)
_RIOT_ANSWERS: dict[RiotVerdict, tuple[str, str, str, Exit]] = {
    RiotVerdict.FORBIDDEN: _REJECTED_KEY,
    RiotVerdict.UNAUTHORIZED: _REJECTED_KEY,
    RiotVerdict.LIMITED: (WARN, "rate limited by Riot: {}", "", Exit.LATER),
    RiotVerdict.LOCAL_FAULT: (FAIL, "{}", "", Exit.UNUSABLE),
    RiotVerdict.UNAVAILABLE: (WARN, "no answer from Riot: {}", "", Exit.LATER),
    RiotVerdict.NOT_FOUND: _ACCEPTED_KEY,
    RiotVerdict.ODD_IDS: _ACCEPTED_KEY,
    RiotVerdict.OTHER_KEY: (
        OK,
        "key accepted; it is another project's than the one the players were tracked with: the next run resolves them "
        "again",
        "",
        Exit.OK,
    ),
}


def _riot_key(checks: Checks) -> Iterator[Finding]:
    checks.settings.need_riot_key()
    db = checks.writable_db
    if db is None:
        yield _warn("Riot key", "not tried: calls cannot be counted without a writable database")
        return
    riot = checks.riot(db)
    try:
        _request_account(riot, db)
        answer, words = _ACCEPTED_KEY, ""
    except RateLimited as wait:
        yield _warn("Riot key", f"not tried: {wait} until {text_of(wait.until)}", status=Exit.LATER)
        return
    except RiotRefusal as refusal:
        logger.debug("Riot key: %s", refusal, exc_info=True)
        answer, words = _RIOT_ANSWERS[refusal.verdict], str(refusal)
    state, said, remedy, status = answer
    yield Finding("Riot key", state, said.format(words), remedy, status)
    if state == OK:
        if riot.clock_ahead is not None:
            checks.ahead["Riot's"] = riot.clock_ahead
        _lift(checks, holds.RIOT_KEY, "rejected")


def _request_account(riot: "RiotClient", db: Database) -> None:
    anyone = next(iter(players.poll_order(db)), None)
    if anyone:
        riot.account_of(anyone.puuid, anyone.platform)
    else:
        riot.account(NOBODY, None)


# Slack


def _slack(checks: Checks) -> Iterator[Finding]:
    """Each workspace, then the channels that it is used for."""
    tracks = players.tracks(checks.db) if checks.db else []
    inboxes = requests.inboxes(checks.db) if checks.db else []
    tracked = {track.channel_id for track in tracks} | {inbox.channel_id for inbox in inboxes}
    used = {(track.workspace.lower(), track.channel_id) for track in tracks}
    used |= {(inbox.workspace.lower(), inbox.channel_id) for inbox in inboxes}
    if checks.settings.alert_channel:
        used.add((DEFAULT_WORKSPACE, checks.settings.alert_channel))
    for workspace in sorted({name for name, _ in used} | {DEFAULT_WORKSPACE} | set(checks.settings.slack_tokens)):
        needed, scope = (token_name(workspace), "LOLSLACKBOT_SLACK_URL"), holds.workspace_scope(workspace)
        check = partial(_workspace, workspace=workspace)
        yield from checks.guard(f"Slack workspace {workspace}", check, *needed, scope=scope)
        for channel_id in sorted(channel_id for name, channel_id in used if name == workspace):
            if slack := checks.reached.get(workspace):
                is_tracked = channel_id in tracked
                scope = Scope(ScopeKind.CHANNEL if is_tracked else ScopeKind.ALERT_CHANNEL, channel_id)
                check = partial(_channel, slack=slack, channel_id=channel_id, is_tracked=is_tracked)
                yield from checks.guard(f"channel {channel_id}", check, scope=scope)
        for inbox in inboxes if workspace in checks.reached else ():
            if inbox.workspace.lower() == workspace:
                check = partial(_requests, slack=checks.reached[workspace], inbox=inbox)
                yield from checks.guard(f"requests in {inbox.channel_id}", check)
        if workspace in checks.reached and _wants_digests(checks, workspace):
            check = partial(_digest_forms, slack=checks.reached[workspace], workspace=workspace)
            yield from checks.guard(f"digests in workspace {workspace}", check)


def _requests(checks: Checks, slack: "SlackClient", inbox: Inbox) -> Iterator[Finding]:
    """Whether what people ask there can be read, and shown to be seen. Nothing of it is looked at."""
    what = f"requests in {inbox.channel_id}"
    if problem := slack.cannot_read(inbox.channel_id):
        yield _warn(what, f"what people say there cannot be read: {problem}", add_scopes(HISTORY_SCOPES))
        return
    scopes = checks.scopes[inbox.workspace.lower()]
    if scopes is not None and REACTION_SCOPE not in scopes:
        said = f"people may ask; without {REACTION_SCOPE} no reaction shows that it was seen"
        yield _warn(what, said, add_scopes([REACTION_SCOPE]))
    else:
        yield _ok(what, "people may ask, and a reaction shows that it was seen")


def _wants_digests(checks: Checks, workspace: str) -> bool:
    wanted = channels.preferences(checks.db) if checks.db else {}
    tracks = players.tracks(checks.db) if checks.db else []
    return any(track.workspace.lower() == workspace and wanted[track.channel_id].digest for track in tracks)


def _digest_forms(checks: Checks, slack: "SlackClient", workspace: str) -> Iterator[Finding]:
    """Whether Slack takes each form of a digest: what it refuses goes out in a plainer one."""
    from lolslackbot.messages.digest import samples

    what = f"digests in workspace {workspace}"
    for form, blocks in samples().items():
        try:
            refusal = slack.refusal_of(blocks)
        except SlackProblem as problem:
            logger.debug("%s: %s", what, problem, exc_info=True)
            if problem.code == "unknown_method":
                yield _ok(what, "no blocks.validate here, so what Slack takes shows when it is posted")
            else:
                yield _warn(what, f"whether Slack takes {form} is not known: {problem}", "try again later")
            return
        if refusal:
            yield _warn(what, f"Slack refuses {form} ({refusal}); they go out in a plainer form")
        else:
            yield _ok(what, f"Slack takes {form}")


def _workspace(checks: Checks, workspace: str) -> Iterator[Finding]:
    what = f"Slack workspace {workspace}"
    try:
        slack = checks.slack(workspace)
        standing = slack.standing()
    except SlackProblem as problem:
        logger.debug("%s: %s", what, problem, exc_info=True)
        yield _refused(what, problem)
        return
    checks.reached[workspace], checks.scopes[workspace] = slack, standing.scopes
    yield _token(what, standing)
    yield from _scopes(what, standing)
    if standing.is_bot and (standing.scopes is None or POST_SCOPE in standing.scopes):
        _lift(checks, holds.workspace_scope(workspace), "rejected")
    if standing.now:
        checks.ahead.setdefault("Slack's", checks.clock.now() - standing.now)


def _refused(what: str, problem: SlackProblem) -> Finding:
    match problem.verdict:
        case SlackVerdict.TOKEN_REJECTED:
            remedy = "reinstall the app and copy its Bot User OAuth Token"
            return _fail(what, f"token rejected by Slack: {problem}", remedy, Exit.REJECTED)
        case SlackVerdict.LOCAL_FAULT:
            return _fail(what, str(problem), status=Exit.UNUSABLE)
        case _:
            return _warn(what, f"no answer from Slack: {problem}", "try again later", Exit.LATER)


def _token(what: str, standing: Standing) -> Finding:
    if standing.is_bot:
        return _ok(what, "token accepted")
    return _fail(what, "this is a user token", "copy the Bot User OAuth Token (xoxb-…), not the user's (xoxp-…)")


def _scopes(what: str, standing: Standing) -> Iterator[Finding]:
    if standing.scopes is None:
        yield _warn(what, "Slack did not report the token's scopes")
        return
    if POST_SCOPE not in standing.scopes:
        yield _fail(what, f"the token lacks {POST_SCOPE}: it cannot post", add_scopes([POST_SCOPE]))
    if missing := [scope for scope in HISTORY_SCOPES if scope not in standing.scopes]:
        said = f"cannot look up all unknown deliveries without {' and '.join(missing)}; they will need manual review"
        yield _warn(what, said, add_scopes(missing))


def _channel(checks: Checks, slack: "SlackClient", channel_id: str, is_tracked: bool) -> Iterator[Finding]:
    info = slack.channel_info(channel_id)
    if info and info.name and checks.writable_db:
        channels.record_name(checks.writable_db, channel_id, info.name)
    known = channels.names(checks.db) if checks.db else {}
    name = info.name if info and info.name else known.get(channel_id, "")
    finding = replace(_membership(checks, slack, channel_id, info, is_tracked), name=name)
    if channel_id == checks.settings.alert_channel and finding.state != OK:
        remedy = f"{finding.remedy}; or set another LOLSLACKBOT_ALERT_CHANNEL"
        finding = replace(finding, said=f"{finding.said}; alerts go there", remedy=remedy)
    yield finding


def _membership(
    checks: Checks, slack: "SlackClient", channel_id: str, info: ChannelInfo | None, is_tracked: bool
) -> Finding:
    """Whether the bot can post there, as far as Slack shows it."""
    what = f"channel {channel_id}"
    invite = f"in Slack, /invite the bot{' or track into another channel' if is_tracked else ''}"
    unreadable = slack.cannot_read(channel_id)
    if info and info.is_archived:
        untrack = f', or untrack: `lolslackbot untrack "NAME#TAG" --channel {channel_id}`' if is_tracked else ""
        return _fail(what, "it is archived", f"unarchive it{untrack}")
    if info and info.is_member is False:
        return _fail(what, "the bot is not a member", invite)
    if unreadable is None or (info and info.is_member):
        return _broken_or_ok(checks, channel_id, info, readable=unreadable is None)
    match unreadable.verdict:
        case SlackVerdict.CHANNEL_BROKEN:
            return _fail(what, f"Slack answers {unreadable}", invite)
        case SlackVerdict.TOKEN_REJECTED:
            return _warn(
                what, "membership is not visible without a history scope or channels:read", add_scopes(HISTORY_SCOPES)
            )
        case _:
            return _warn(what, f"no answer from Slack: {unreadable}", "try again later", Exit.LATER)


def _broken_or_ok(checks: Checks, channel_id: str, info: ChannelInfo | None, *, readable: bool) -> Finding:
    """A channel that looks fine. Marked broken, it stays so unless what Slack shows proves that its error is over."""
    what = f"channel {channel_id}"
    broken = holds.find(checks.db, holds.channel_scope(channel_id), "broken") if checks.db else None
    if broken is None:
        return _ok(what, "the bot is a member")
    retry = f"`lolslackbot retry --channel {channel_id}`"
    if not is_over(broken.code, info, readable=readable):
        said = f"the bot is a member, but the channel is broken ({broken.reason})"
        return _fail(what, said, f"if that is fixed, run {retry}")
    _lift(checks, broken.scope, "broken")
    said = f"the bot is a member; no longer broken ({broken.reason})"
    return _ok(what, said, f"to resend its failed messages: {retry}")


def _lift(checks: Checks, scope: Scope, kind: str) -> None:
    """Ignores the case of the scope's name: people write workspaces in upper and lower case."""
    if db := checks.writable_db:
        for hold in holds.all_known(db):
            if hold.kind == kind and hold.scope.is_same(scope):
                with db.transaction():
                    holds.lift(db, hold.scope, kind)
                    decisions.record(db, "check", hold.scope, f"{kind} -> well", checks.clock.now())


# The clock


def _clock(checks: Checks) -> Iterator[Finding]:
    if not checks.ahead:
        yield _warn("clock", "no server reported its time")
        return
    whose, ahead = max(checks.ahead.items(), key=lambda item: abs(item[1]))
    if abs(ahead) < CLOCK_TOLERANCE:
        yield _ok("clock", f"within {abs(ahead).total_seconds():.0f} s of {' and '.join(checks.ahead)}")
        return
    remedy = "set it, and keep it synchronised (`timedatectl set-ntp true`)"
    report = _fail if abs(ahead) >= FAR_OFF else _warn
    yield report("clock", clock_fault(ahead, whose), remedy)
