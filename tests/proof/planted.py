"""Bugs to plant into a command: each replaces functions or constants of the running package by faulty ones.

`proof.fork_server` plants the bug that the environment variable PLANTED names, before its first run of a command.
"""

import fcntl
import inspect
import pkgutil
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

PLANTED = "LOLSLACKBOT_PROOF_PLANTED"
Faulty = Callable[[Any], Any]  # from what stands there to what stands there instead
_late_claims: list[Callable[[], object]] = []


class _Undo(Exception):
    """Rolls a transaction back."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One attribute, as `package.module:name.name`, and what replaces it."""

    target: str
    faulty: Faulty

    def original(self) -> Any:
        """Raises where the package has no such attribute (any more)."""
        return pkgutil.resolve_name(self.target)

    def check(self) -> None:
        """Raises where there is nothing to replace, or what replaces it does not take the same arguments."""
        original = self.original()
        if not inspect.isfunction(original):
            return
        parameters = inspect.signature(original).parameters.values()
        named = {each.name: None for each in parameters if each.kind is each.KEYWORD_ONLY}
        inspect.signature(self.faulty(original)).bind(*[None] * (len(parameters) - len(named)), **named)

    def apply(self) -> None:
        owner, _, name = self.target.replace(":", ".").rpartition(".")
        setattr(pkgutil.resolve_name(owner), name, self.faulty(self.original()))


def plant(bug: str) -> None:
    """In the process that is about to run commands."""
    for patch in (BUGS | SERVER_BUGS)[bug]:
        patch.apply()


def always(value: Any) -> Faulty:
    """A function that does nothing and returns that value."""
    return lambda _: lambda *_, **__: value


def constant(value: Any) -> Faulty:
    """Another constant."""
    return lambda _: value


# The faulty functions


def in_the_history(_thread: Any) -> Any:
    """Where no reply stands."""
    return lambda self, channel_id, _thread_ts, us: self.history(channel_id, datetime.fromtimestamp(0, UTC), us)


def lock_let_go(lock: Any) -> Any:
    def faulty(descriptor: int, kind: int, taken: str) -> None:
        lock(descriptor, kind, taken)
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    return faulty


def claim_rolled_back(claim_next: Any) -> Any:
    def faulty(db: Any, *values: Any) -> Any:
        claim = None
        with suppress(_Undo), db.transaction():
            claim = claim_next(db, *values)
            raise _Undo
        _late_claims.append(partial(claim_next, db, *values))
        return claim

    return faulty


def claim_before_outcome(record_outcome: Any) -> Any:
    def faulty(*values: Any) -> None:
        _late_claims.pop()()
        record_outcome(*values)

    return faulty


def whoever_has_the_claim(end_claim: Any) -> Any:
    def faulty(db: Any, claim: Any, *values: Any, **more: Any) -> None:
        key = {"subject": claim.message.subject, "channel_id": claim.message.channel_id}
        row = db.row("SELECT claim_token FROM messages WHERE subject = :subject AND channel_id = :channel_id", **key)
        end_claim(db, replace(claim, token=row["claim_token"]), *values, **more)

    return faulty


def orphans_pending(recover: Any) -> Any:
    def faulty(db: Any, now: datetime, *share: Any) -> Any:
        orphans = recover(db, now, *share)
        with db.transaction():
            db.write("UPDATE messages SET state = 'pending' WHERE state = 'uncertain'")
        return orphans

    return faulty


def one_commit(stage: Any) -> Any:
    def faulty(self: Any) -> Any:
        with self._db.transaction():
            return stage(self)

    return faulty


def posted_twice(post: Any) -> Any:
    def faulty(self: Any, message: Any) -> Any:
        from lolslackbot.slack.answers import SlackVerdict

        posted = post(self, message)
        return post(self, message) if posted.verdict is SlackVerdict.UNCERTAIN else posted

    return faulty


def limited_as(name: str) -> Faulty:
    """A 429 of Slack with that verdict."""

    def patch(judge_post: Any) -> Any:
        def faulty(answer: Any, channel_id: str) -> Any:
            from lolslackbot.slack.answers import Posted, SlackVerdict

            return Posted(SlackVerdict[name], "429") if answer.status == 429 else judge_post(answer, channel_id)

        return faulty

    return patch


def sdk_with_retries(init: Any) -> Any:
    return lambda self, *given, **named: init(self, *given, **{**named, "retry_handlers": None})


def claimed_though_old(claim_next: Any) -> Any:
    def faulty(db: Any, channel: str, workspace: str, token: str, _oldest: datetime, now: datetime) -> Any:
        return claim_next(db, channel, workspace, token, datetime(1970, 1, 1, tzinfo=UTC), now)

    return faulty


def claimed_though_paused(claim_next: Any) -> Any:
    def faulty(db: Any, *values: Any) -> Any:
        with db.transaction():
            db.write("DELETE FROM holds WHERE kind = 'paused'")
            return claim_next(db, *values)

    return faulty


def compared_with_nothing(reconcile: Any) -> Any:
    return lambda db, channel_id, _, now: reconcile(db, channel_id, {}, now)


def given_up_by_the_clock(_: Any) -> Any:
    def faulty(self: Any, each: Any) -> Any:
        from lolslackbot.stages.reconcile import LOOKED_FOR

        return self._run.clock.now() - each.unknown_since < LOOKED_FOR + self._policy.after

    return faulty


def started_again(_: Any) -> Any:
    def faulty(self: Any, each: Any, _error: str) -> None:
        pkgutil.resolve_name("lolslackbot.store.in_doubt:send_again")(self._db, each.message, self._run.clock.now())

    return faulty


def always_resend(may_go_again: Any) -> Any:
    def faulty(self: Any, *values: Any) -> Any:
        self._policy = replace(self._policy, resend=True)
        return may_go_again(self, *values)

    return faulty


def calls_forgotten(start_run: Any) -> Any:
    def faulty(self: Any, *values: Any) -> None:
        start_run(self, *values)
        self._db.write("DELETE FROM riot_calls")

    return faulty


def by_the_hosts_clock(_: Any) -> Any:
    def faulty(_self: Any) -> Any:
        return pkgutil.resolve_name("lolslackbot.store.postgres:datetime").now(UTC)

    return faulty


_DELIVER, _RECONCILE = "lolslackbot.stages.deliver:", "lolslackbot.stages.reconcile:"
_CLAIMS, _OUTBOX, _IN_DOUBT = (f"lolslackbot.store.{name}:" for name in ("claims", "outbox", "in_doubt"))
_CLIENT = "lolslackbot.slack.client:"

BUGS: dict[str, tuple[Patch, ...]] = {
    "replies looked up in the history": (Patch(_CLIENT + "SlackClient.thread", in_the_history),),
    "notices sent again": (Patch(_RECONCILE + "Reconciler._expire_start", started_again),),
    "notices of games that ended not withdrawn": (Patch("lolslackbot.store.live:has_ended", always(False)),),
    "notices lead nowhere": (Patch("lolslackbot.stages.live_notices:amend_ended", always(None)),),
    "requests not settled": (Patch("lolslackbot.store.requests:settle", always(None)),),
    "no run lock": (Patch("lolslackbot.store.locks:_lock", always(None)),),
    "run lock released at once": (Patch("lolslackbot.store.locks:_lock", lock_let_go),),
    "claim committed after the post": (
        Patch(_CLAIMS + "claim_next", claim_rolled_back),
        Patch(_DELIVER + "record_outcome", claim_before_outcome),
    ),
    "commits lost in a power cut": (
        Patch(
            "lolslackbot.store.sqlite:_PRAGMAS",
            lambda pragmas: {**pragmas, "journal_mode": ("WAL", "wal"), "synchronous": ("NORMAL", 1)},
        ),
    ),
    "uncertain post sent again at once": (Patch(_CLIENT + "SlackClient.post", posted_twice),),
    "claim token ignored": (Patch(_CLAIMS + "_end_claim", whoever_has_the_claim),),
    "outcome not recorded": (Patch(_DELIVER + "record_outcome", always(None)),),
    "orphaned claims not recovered": (Patch(_IN_DOUBT + "recover_orphaned_claims", always([])),),
    "orphaned claims sent again at once": (Patch(_IN_DOUBT + "recover_orphaned_claims", orphans_pending),),
    "one commit for all posts": (Patch(_DELIVER + "_Delivering.send_pending", one_commit),),
    "one commit for all fetches": (Patch("lolslackbot.stages.fetch_matches:_Fetching.work_off", one_commit),),
    "429 of Slack uncertain": (Patch(_CLIENT + "judge_post", limited_as("UNCERTAIN")),),
    "429 of Slack final": (Patch(_CLIENT + "judge_post", limited_as("MESSAGE_REFUSED")),),
    "redirects followed": (Patch(_CLIENT + "_NoRedirect", constant(urllib.request.HTTPRedirectHandler)),),
    "Slack SDK retries": (Patch(_CLIENT + "_OneRequestClient.__init__", sdk_with_retries),),
    "only one page of history read": (Patch(_CLIENT + "next_cursor", always(None)),),
    "look-up result ignored": (Patch(_IN_DOUBT + "posted_ts", always(None)),),
    "one look-up believed": (Patch(_RECONCILE + "ENOUGH_LOOKUPS", constant(1)),),
    "look-ups given up by a wrong clock": (Patch(_RECONCILE + "Reconciler._is_looked_for", given_up_by_the_clock),),
    "uncertain=hold ignored": (Patch(_RECONCILE + "Reconciler._may_go_again", always_resend),),
    "first comparison without history": (Patch(_IN_DOUBT + "reconcile", compared_with_nothing),),
    "expiry ignored": (Patch(_OUTBOX + "expire", always(0)), Patch(_CLAIMS + "claim_next", claimed_though_old)),
    "pause ignored": (
        Patch(_DELIVER + "blocked", always(None)),
        Patch(_CLAIMS + "claim_next", claimed_though_paused),
    ),
    "restore doubts nothing": (Patch("lolslackbot.store.restores:doubt_all", always(0)),),
    "restore trusts its clock": (Patch("lolslackbot.store.restores:_LATEST_END", constant("SELECT NULL AS latest")),),
    "rate limit windows ignored": (Patch("lolslackbot.riot.limiter:Limiter._full", always(None)),),
    "429 of Riot ignored": (Patch("lolslackbot.riot.limits:back_off", lambda _: lambda state, *_: state),),
    "calls of earlier runs forgotten": (Patch("lolslackbot.store.call_log:CallLog.start_run", calls_forgotten),),
    "missing match asked for ever": (
        Patch("lolslackbot.store.matches:LOOKS", constant(10**6)),
        Patch("lolslackbot.stages.fetch_match:LOOK_AGAIN", lambda pauses: pauses * 1000),
    ),
}

_LEASES, _POSTGRES = "lolslackbot.store.leases:", "lolslackbot.store.postgres:"

SERVER_BUGS: dict[str, tuple[Patch, ...]] = {  # seen only where several hosts share a database
    "lost lease passed over": (Patch(_LEASES + "note_renewed", always(None)),),
    "sent after standing still": (
        Patch("lolslackbot.transport:refuse_later", always(None)),
        Patch(_CLIENT + "refuse_later", always(None)),
    ),
    "unknown commit taken for made": (Patch(_CLAIMS + "_stands", always(True)),),
    "leases by each host's clock": (Patch(_POSTGRES + "PostgresDatabase._moment", by_the_hosts_clock),),
}
