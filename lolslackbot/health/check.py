"""Tries the real keys, tokens, scopes and channels, and the house they live in: one finding each, with its remedy."""

import logging
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lolslackbot.clock import FAR_OFF, Clock, clock_fault, text_of
from lolslackbot.errors import Exit, RunAborted, worst
from lolslackbot.files import user_name
from lolslackbot.health.facts import free_bytes
from lolslackbot.health.needs import CUT_OFF, HISTORY, OFF, ROOM, TICKS_MISSED, add_scopes, scope_label
from lolslackbot.model import RiotId
from lolslackbot.settings import FaultySetting, Settings, Unknown, empty_settings, token_name
from lolslackbot.slack.answers import ChannelInfo, SlackProblem, Standing, Verdict, is_over
from lolslackbot.stages.alert import WORKSPACE as ALERTS_IN
from lolslackbot.store import channels, decisions, findings, holds, players, runs
from lolslackbot.store.database import Database, open_database, verify
from lolslackbot.store.findings import Found
from lolslackbot.store.holds import Scope, ScopeKind
from lolslackbot.store.locks import STAGES, is_at_work, lock_file

if TYPE_CHECKING:
    from lolslackbot.riot.client import RiotClient
    from lolslackbot.slack.client import SlackClient

logger = logging.getLogger(__name__)

OK, WARN, FAIL = "ok", "warn", "FAIL"
NEEDED = "chat:write"
NOBODY = RiotId("lolslackbot", "check")  # asked for where nobody is tracked: a 404 proves the key as well


class Finding(NamedTuple):
    """One line: what was tried, how it is, what to do about it, and what exit status that asks for."""

    what: str
    state: str
    said: str
    remedy: str = ""
    status: Exit = Exit.OK
    scope: Scope | None = None  # of what may hold work back: kept for `status`
    name: str = ""  # of the channel that it is about, where Slack told it

    def as_json(self) -> dict[str, Any]:
        """The shape that `check --json` promises to programs: docs/operations.md has it."""
        shape = {**self._asdict(), "state": self.state.lower(), "status": int(self.status)}
        del shape["scope"]
        return shape

    @property
    def label(self) -> str:
        """What was tried, as people read it."""
        return scope_label(self.scope, {self.scope.id: self.name}) if self.scope and self.name else self.what


@dataclass(slots=True)
class Checking:
    """What the checks need. `riot` and `slack` make the clients, and raise ConfigError without a key or token.

    faults: what of the settings could not be read; what needs that is not tried. unknown: what is set for nothing.
    """

    settings: Settings
    clock: Clock
    riot: "Callable[[Database], RiotClient]"
    slack: "Callable[[str], SlackClient]"
    faults: Sequence[FaultySetting] = ()
    unknown: Sequence[Unknown] = ()
    findings: list[Finding] = field(default_factory=list)
    _db: Database | None = None
    _writable: bool = False
    _ahead: dict[str, timedelta] = field(default_factory=dict)  # of which servers' clocks
    _tracked_in: set[str] = field(default_factory=set)  # channels

    def all(self) -> list[Finding]:
        """Every check, whatever the others find."""
        self.findings.append(Finding("here", OK, f"database {self.settings.database}, user {user_name(os.geteuid())}"))
        self.findings += [Finding("settings", FAIL, str(fault), status=Exit.UNUSABLE) for fault in self.faults]
        self.findings += [Finding("settings", WARN, said) for said in empty_settings(self.settings.env)]
        for name, place, likely in self.unknown:
            remedy = f"the right name may be {likely}" if likely else "take it out"
            self.findings.append(
                Finding("settings", WARN, f"{name} in {place} is no setting, and counts for nothing", remedy)
            )
        self._guarded("files", self._files)
        self._guarded("disk", self._disk)
        with ExitStack() as stack:
            self._guarded("database", partial(self._database, stack), "LOLSLACKBOT_DATABASE")
            self._guarded("cron", self._cron)
            self._guarded("pause", self._pauses)
            self._guarded("Riot key", self._riot_key, "RIOT_API_KEY", "LOLSLACKBOT_RIOT_URL", scope=holds.RIOT_KEY)
            tracks = players.tracks(self._db) if self._db else []
            named = {(each.workspace.lower(), each.channel_id) for each in tracks}
            self._tracked_in = {each.channel_id for each in tracks}
            if self.settings.alert_channel:
                named.add((ALERTS_IN, self.settings.alert_channel))
            for workspace in sorted({name for name, _ in named} | {"default"} | set(self.settings.slack_tokens)):
                theirs = sorted(channel_id for name, channel_id in named if name == workspace)
                check, scope = partial(self._workspace, workspace, theirs), holds.workspace_scope(workspace)
                needed = token_name(workspace), "LOLSLACKBOT_SLACK_URL"
                self._guarded(f"Slack workspace {workspace}", check, *needed, scope=scope)
            self._guarded("findings", self._keep)
        self._guarded("clock", self._clock)
        return self.findings

    def _keep(self) -> Iterator[Finding]:
        """What fails is kept until it is looked at again, so that `status` does not say the opposite.

        Not what only the settings of whoever runs this check lack; nor is anything forgotten that was not seen.
        """
        if self._db and self._writable:
            known = [each for each in self.findings if each.scope and each.status is not Exit.UNUSABLE]
            now, seen = self.clock.now(), {each.scope for each in known if each.scope and each.state in (OK, FAIL)}
            failed = [
                Found(each.what, each.scope, each.said, each.remedy, now)
                for each in known
                if each.scope and each.state == FAIL
            ]
            alerts = Scope(ScopeKind.ALERT_CHANNEL, self.settings.alert_channel or "")
            seen |= {
                each.scope
                for each in findings.all_known(self._db)
                if each.scope.kind is ScopeKind.ALERT_CHANNEL and each.scope != alerts
            }
            findings.replace(self._db, seen, failed)
        yield from ()

    def _guarded(
        self, what: str, check: Callable[[], Iterator[Finding]], *needed: str, scope: Scope | None = None
    ) -> None:
        """needed: the settings that it goes by. scope: what work it may hold back."""
        if any(fault.setting in ("", *needed) for fault in self.faults if needed):
            self.findings.append(Finding(what, WARN, "not tried: a setting that it needs is at fault"))
            return
        try:
            for finding in check():
                self.findings.append(finding._replace(scope=scope))
        except RunAborted as end:
            logger.debug("%s: %s", what, end, exc_info=True)
            self.findings.append(Finding(what, FAIL, str(end), status=end.exit_status, scope=scope))
        except Exception as error:
            logger.exception("checking %s failed", what)
            told = f"unexpected {type(error).__name__}: the log has more"
            self.findings.append(Finding(what, FAIL, told, status=Exit.SOME_FAILED))

    # The house

    def _files(self) -> Iterator[Finding]:
        home = self.settings.home
        for path in (home, self.settings.env, self.settings.database, self.settings.log):
            if os.path.exists(path) and (mode := stat.S_IMODE(os.stat(path).st_mode)) & 0o077:
                private = "700" if os.path.isdir(path) else "600"
                remedy = f"chmod {private} {path}"
                yield Finding("files", WARN, f"others may read {path} (mode {mode:o})", remedy)
        yield from self._owners()
        if told := self._log_fault():
            yield Finding("log", FAIL, told, "make it writable: it is what explains a failure", Exit.SOME_FAILED)
        if not any(finding.what == "files" for finding in self.findings):
            yield Finding("files", OK, f"{home} is private")

    def _owners(self) -> Iterator[Finding]:
        """The home is its owner's to use, and what lies in it belongs to the same user."""
        home = self.settings.home
        if not os.path.isdir(home):
            return
        owner = os.stat(home).st_uid
        if owner != os.geteuid():
            said = f"{home} belongs to {user_name(owner)}, and this is {user_name(os.geteuid())}"
            yield Finding("files", WARN, said, f"run it as {user_name(owner)}")
        database = os.path.realpath(self.settings.database)
        locks = [lock_file(database, stage) for stage in STAGES]
        for path in (self.settings.env, database, *locks, self.settings.log):
            if os.path.exists(path) and (its := os.stat(path).st_uid) != owner:
                said = f"{path} belongs to {user_name(its)}, and {home} to {user_name(owner)}"
                yield Finding("files", WARN, said, f"chown {user_name(owner)} {path}")

    def _log_fault(self) -> str | None:
        """Why the log cannot be written; None if it can, or nothing is there yet."""
        log = self.settings.log
        try:
            os.close(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC))
        except FileNotFoundError:
            home = self.settings.home
            return f"no log can be made in {home}" if os.path.isdir(home) and not os.access(home, os.W_OK) else None
        except OSError as error:
            return f"the log {log} cannot be written: {error.strerror}"
        return None

    def _disk(self) -> Iterator[Finding]:
        folder = os.path.dirname(os.path.realpath(self.settings.database))
        while not os.path.isdir(folder):  # the nearest that is there
            folder = os.path.dirname(folder)
        free = free_bytes(folder)
        said = f"{free // 2**20} MiB are free on the disk of {folder}"
        if free < ROOM:
            remedy = "make room; `lolslackbot prune --older-than 90` forgets old games"
            yield Finding("disk", FAIL, said, remedy, Exit.SOME_FAILED)
        else:
            yield Finding("disk", OK, said)

    def _database(self, stack: ExitStack) -> Iterator[Finding]:
        path = self.settings.database
        db = stack.enter_context(closing(open_database(path)))  # sees that it is ours, not too new, keeps its promises
        verify(path)
        self._db = db
        db.try_writing()
        self._writable = True
        yield Finding("database", OK, f"{path} is sound, {os.path.getsize(path)} bytes")

    def _cron(self) -> Iterator[Finding]:
        for stage in STAGES if self._db else ():
            assert self._db
            with self._db.snapshot():  # a run that ends just now is not one that was cut off
                finding = self._last_run(self._db, stage)
            yield finding

    def _last_run(self, db: Database, stage: str) -> Finding:
        what, last = f"cron {stage}", next(iter(runs.latest(db, stage)), None)
        if last is None:
            return Finding(what, WARN, "no run is on record", "see crontab.example")
        ran = f"it last ran at {text_of(last.began_at)}"
        age = self.clock.now() - (last.ended_at or last.began_at)
        at_work = last.ended_at is None and is_at_work(db.path, stage)
        if at_work and age > TICKS_MISSED:
            began = f"it has been at work since {text_of(last.began_at)}: it hangs"
            return Finding(what, FAIL, began, "`lolslackbot status` says what that needs", Exit.SOME_FAILED)
        if age > TICKS_MISSED:
            return Finding(what, FAIL, ran, "see `crontab -l` and the mail of cron", Exit.SOME_FAILED)
        if last.began_at - self.clock.now() > OFF:
            return Finding(what, WARN, f"{ran}, which is still to come by this clock", "see clock")
        if last.ended_at is None and not at_work:
            return Finding(what, WARN, f"{ran} and {CUT_OFF}", "the log says more, if it could be written")
        if last.exit_status in (None, Exit.OK, Exit.LATER):
            return Finding(what, OK, f"{ran}, {'is at work' if last.ended_at is None else f'exit {last.exit_status}'}")
        said = f"{ran}, exit {last.exit_status}: {last.summary}"
        return Finding(what, WARN, said, "`lolslackbot status` says what that needs")

    def _pauses(self) -> Iterator[Finding]:
        for hold in holds.all_known(self._db) if self._db else ():
            if hold.kind == "paused":
                option = "" if hold.scope == holds.EVERYTHING else f" --{hold.scope}"
                said = f"{hold.scope} is paused since {text_of(hold.since)}"
                yield Finding("pause", WARN, said, f"`lolslackbot resume{option}` goes on")

    # Riot

    def _riot_key(self) -> Iterator[Finding]:
        self.settings.need_riot_key()
        db = self._db
        if db is None or not self._writable:
            yield Finding("Riot key", WARN, "not tried: without a database to write to no call can be counted")
            return
        from lolslackbot.riot.answers import RENEW_KEY, RiotRefusal
        from lolslackbot.riot.answers import Verdict as Answer
        from lolslackbot.riot.limiter import RateLimited

        riot = self.riot(db)
        anyone = next(iter(players.poll_order(db)), None)
        try:
            if anyone:
                riot.account_of(anyone.puuid, anyone.platform)
            else:
                riot.account(NOBODY, None)
        except RateLimited as wait:
            yield Finding("Riot key", WARN, f"not asked: {wait} until {text_of(wait.until)}", status=Exit.LATER)
            return
        except RiotRefusal as refusal:
            logger.debug("Riot key: %s", refusal, exc_info=True)
            match refusal.verdict:
                case Answer.FORBIDDEN | Answer.UNAUTHORIZED:
                    yield Finding("Riot key", FAIL, f"Riot refuses it: {refusal}", RENEW_KEY, Exit.REJECTED)
                    return
                case Answer.LIMITED:
                    yield Finding("Riot key", WARN, f"Riot limits it now: {refusal}", status=Exit.LATER)
                    return
                case Answer.LOCAL_FAULT:
                    yield Finding("Riot key", FAIL, str(refusal), status=Exit.UNUSABLE)
                    return
                case Answer.OTHER_KEY:
                    said = "Riot takes it, but the players were tracked with the key of another project"
                    yield Finding("Riot key", OK, f"{said}: the next run resolves them again")
                case Answer.NOT_FOUND | Answer.ODD_IDS:
                    yield Finding("Riot key", OK, "Riot takes it")
                case _:
                    yield Finding("Riot key", WARN, f"Riot does not answer: {refusal}", status=Exit.LATER)
                    return
        else:
            yield Finding("Riot key", OK, "Riot takes it")
        if riot.clock_ahead is not None:
            self._ahead["Riot's"] = riot.clock_ahead
        self._lift(holds.RIOT_KEY, "rejected")

    # Slack

    def _workspace(self, workspace: str, channel_ids: list[str]) -> Iterator[Finding]:
        what = f"Slack workspace {workspace}"
        try:
            slack = self.slack(workspace)
            standing = slack.standing()
        except SlackProblem as problem:
            logger.debug("%s: %s", what, problem, exc_info=True)
            yield self._refused(what, problem)
            return
        yield self._token(what, standing)
        yield from self._scopes(what, standing)
        if standing.is_bot and (standing.scopes is None or NEEDED in standing.scopes):
            self._lift(holds.workspace_scope(workspace), "rejected")
        if standing.now:
            self._ahead.setdefault("Slack's", self.clock.now() - standing.now)
        for channel_id in channel_ids:
            kind = ScopeKind.CHANNEL if channel_id in self._tracked_in else ScopeKind.ALERT_CHANNEL
            scope = Scope(kind, channel_id)
            self._guarded(f"channel {channel_id}", partial(self._channel, slack, channel_id), scope=scope)

    def _refused(self, what: str, problem: SlackProblem) -> Finding:
        if problem.verdict is Verdict.TOKEN_REJECTED:
            remedy = "install the app again and copy its Bot User OAuth Token"
            return Finding(what, FAIL, f"Slack refuses the token: {problem}", remedy, Exit.REJECTED)
        if problem.verdict is Verdict.LOCAL_FAULT:
            return Finding(what, FAIL, str(problem), status=Exit.UNUSABLE)
        return Finding(what, WARN, f"Slack does not answer: {problem}", "try again later", Exit.LATER)

    def _token(self, what: str, standing: Standing) -> Finding:
        if not standing.is_bot:
            remedy = "copy the Bot User OAuth Token (xoxb-…), not the user's (xoxp-…)"
            return Finding(what, FAIL, "the token is a person's, not the bot's", remedy, Exit.SOME_FAILED)
        return Finding(what, OK, "Slack takes the token")

    def _scopes(self, what: str, standing: Standing) -> Iterator[Finding]:
        if standing.scopes is None:
            yield Finding(what, WARN, "Slack did not say which scopes the token has")
            return
        if NEEDED not in standing.scopes:
            remedy = f"add the bot scope {NEEDED} and install the app again"
            yield Finding(what, FAIL, f"the token lacks {NEEDED}: it cannot post", remedy, Exit.SOME_FAILED)
        if missing := [scope for scope in HISTORY if scope not in standing.scopes]:
            said = "messages of unknown outcome cannot all be looked up, and wait for you"
            yield Finding(what, WARN, said, add_scopes(missing))

    def _channel(self, slack: "SlackClient", channel_id: str) -> Iterator[Finding]:
        info = slack.channel_info(channel_id)
        if info and info.name and self._db and self._writable:
            channels.record_name(self._db, channel_id, info.name)
        known = channels.names(self._db) if self._db else {}
        name = info.name if info and info.name else known.get(channel_id, "")
        finding = self._seen(slack, channel_id, info)._replace(name=name)
        if channel_id == self.settings.alert_channel and finding.state != OK:
            other = "or name another in LOLSLACKBOT_ALERT_CHANNEL"
            finding = finding._replace(said=f"{finding.said}; alerts go there", remedy=f"{finding.remedy}; {other}")
        yield finding

    def _seen(self, slack: "SlackClient", channel_id: str, info: ChannelInfo | None) -> Finding:
        what, is_tracked = f"channel {channel_id}", channel_id in self._tracked_in
        invite = f"in Slack, /invite the bot there{', or track into another channel' if is_tracked else ''}"
        unread = slack.cannot_read(channel_id)
        if info and info.is_archived:
            untrack = f', or untrack: `lolslackbot untrack "NAME#TAG" --channel {channel_id}`' if is_tracked else ""
            return Finding(what, FAIL, "it is archived", f"unarchive it{untrack}", Exit.SOME_FAILED)
        if info and info.is_member is False:
            return Finding(what, FAIL, "the bot is not in it", invite, Exit.SOME_FAILED)
        if unread is None or (info and info.is_member):
            return self._well(channel_id, lambda code: is_over(code, info, readable=unread is None))
        if unread.verdict is Verdict.CHANNEL_BROKEN:
            return Finding(what, FAIL, f"Slack says {unread}", invite, Exit.SOME_FAILED)
        if unread.verdict is Verdict.TOKEN_REJECTED:
            said = "whether the bot is in it cannot be seen without a history scope or channels:read"
            return Finding(what, WARN, said, "add channels:history and groups:history")
        return Finding(what, WARN, f"Slack does not tell: {unread}", "try again later", Exit.LATER)

    def _well(self, channel_id: str, is_over: Callable[[str | None], bool]) -> Finding:
        """is_over: whether the error, by its code, for which it may have been marked broken surely is."""
        what = f"channel {channel_id}"
        broken = holds.find(self._db, holds.channel_scope(channel_id), "broken") if self._db else None
        if broken is None:
            return Finding(what, OK, "the bot is in it")
        again = f"`lolslackbot retry --channel {channel_id}` sends its failed messages again"
        if not is_over(broken.code):
            said = f"the bot is in it, but it was marked broken: {broken.reason}"
            return Finding(what, FAIL, said, f"if that is over: {again}", Exit.SOME_FAILED)
        self._lift(broken.scope, "broken")
        return Finding(
            what, OK, f"the bot is in it; it was marked broken ({broken.reason}) and counts as well again", again
        )

    def _lift(self, scope: Scope, kind: str) -> None:
        """Whatever case the scope's name is written in: settings and tracks name workspaces as they like."""
        db = self._db if self._writable else None
        for hold in holds.all_known(db) if db else ():
            if db and hold.kind == kind and hold.scope.is_same(scope):
                with db.transaction():
                    holds.lift(db, hold.scope, kind)
                    decisions.record(db, "check", hold.scope, f"{kind} -> well", self.clock.now())

    # The clock

    def _clock(self) -> Iterator[Finding]:
        if not self._ahead:
            yield Finding("clock", WARN, "no server said what time it is")
            return
        whose, ahead = max(self._ahead.items(), key=lambda each: abs(each[1]))
        if abs(ahead) < OFF:
            yield Finding("clock", OK, f"at most {abs(ahead).total_seconds():.0f} s from {' and '.join(self._ahead)}")
            return
        far = abs(ahead) >= FAR_OFF
        remedy = "set it, and let the system keep it (`timedatectl set-ntp true`)"
        status = Exit.SOME_FAILED if far else Exit.OK
        yield Finding("clock", FAIL if far else WARN, clock_fault(ahead, whose), remedy, status)


def exit_status(findings: list[Finding]) -> Exit:
    """The most pressing status of all findings."""
    return worst(*(finding.status for finding in findings))
