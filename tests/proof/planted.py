"""Bugs that can be planted in a process: each replaces functions or attributes of the package by wrong ones.

The proof's processes plant the one that the environment variable PLANTED_BUG names, before any command begins.
"""

import os
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from lolslackbot.clock import text_of
from lolslackbot.model import Message
from lolslackbot.slack import client as slack
from lolslackbot.slack.answers import Posted, SlackVerdict
from lolslackbot.slack.client import SlackClient
from lolslackbot.stages import deliver, reconcile, run
from lolslackbot.store import database, in_doubt, locks, matches, outbox, restores
from lolslackbot.store.call_log import CallLog
from lolslackbot.store.database import Database
from lolslackbot.store.outbox import Claim

VARIABLE = "PLANTED_BUG"


def plant() -> None:
    """Plants the bug that the environment names, if it names one."""
    if name := os.environ.get(VARIABLE):
        PLANTS[name]()


def swap(owner: Any, name: str, wrong: object) -> Any:
    """Replaces what must be there; returns what it was."""
    right = getattr(owner, name)
    setattr(owner, name, wrong)
    return right


def no_lock() -> None:
    swap(locks, "_lock", lambda _descriptor, _taken: None)


def lock_released_before_the_work() -> None:
    @contextmanager
    def released(path: str, stage: str) -> Iterator[None]:
        with held(path, stage):
            pass
        yield

    held = swap(run, "run_lock", released)


def claim_after_the_post() -> None:
    def post_first(self: Any, channel: str, workspace: str) -> None:
        waiting = [each.message for each in outbox.next_messages(self._db) if each.message.channel_id == channel]
        posted = self._client(workspace).post(waiting[0])
        oldest = self._now() - self._limits.announce_within
        if claim := outbox.claim_next(self._db, channel, workspace, "token", oldest, self._now()):
            deliver.record_outcome(self._db, claim, posted, self._now())
            self._react(claim.message, posted)

    swap(deliver._Delivering, "_send_next", post_first)


def commits_that_a_power_cut_takes_back() -> None:
    pragmas = {"journal_mode": ("WAL", "wal"), "synchronous": ("NORMAL", 1)}
    swap(database, "_PRAGMAS", {**database._PRAGMAS, **pragmas})


def _after_post(change: Callable[[SlackClient, Message, Posted], Posted]) -> None:
    def post(self: SlackClient, message: Message) -> Posted:
        return change(self, message, right(self, message))

    right = swap(SlackClient, "post", post)


def unanswered_post_repeated() -> None:
    right = SlackClient.post
    _after_post(
        lambda self, message, posted: right(self, message) if posted.verdict is SlackVerdict.UNCERTAIN else posted
    )


def _as_if(verdict: SlackVerdict) -> None:
    def change(_client: SlackClient, _message: Message, posted: Posted) -> Posted:
        return Posted(verdict, posted.error) if posted.verdict is SlackVerdict.LIMITED else posted

    _after_post(change)


def limit_is_unknown_outcome() -> None:
    _as_if(SlackVerdict.UNCERTAIN)


def limit_is_failure() -> None:
    _as_if(SlackVerdict.MESSAGE_REFUSED)


def outcome_without_the_claim() -> None:
    def end(
        db: Database, claim: Claim, state: str, error: str | None, now: datetime, slack_ts: str | None = None
    ) -> None:
        db.write(
            """
            UPDATE messages
            SET state = :state, error = :error, slack_ts = :slack_ts, claim_token = NULL, settled_at = :now
            WHERE match_id = :match_id AND channel_id = :channel_id
            """,
            match_id=claim.message.match_id,
            channel_id=claim.message.channel_id,
            state=state,
            error=error,
            slack_ts=slack_ts,
            now=text_of(now),
        )

    swap(outbox, "_end_claim", end)


def news_expires() -> None:
    def expire(db: Database, oldest: datetime, now: datetime) -> int:
        young = "state = 'pending' AND ended_at > :bound"
        return outbox._end(db, "expired", "no longer news", young, text_of(oldest), now)

    swap(outbox, "expire", expire)


def redirects_followed() -> None:
    swap(slack, "_NoRedirect", urllib.request.HTTPRedirectHandler)


def first_page_only() -> None:
    swap(slack, "next_cursor", lambda _document: None)


def orphans_sent_again() -> None:
    def resend(db: Database, _now: datetime) -> list[Message]:
        with db.transaction():
            db.write("UPDATE messages SET state = 'pending', claim_token = NULL WHERE state = 'sending'")
        return []

    swap(in_doubt, "recover_orphaned_claims", resend)


def one_commit_at_the_end() -> None:
    def together(self: Any) -> None:
        with self._db.transaction():
            right(self)

    right = swap(deliver._Delivering, "send_pending", together)


def sdk_retries() -> None:
    def with_retries(*arguments: Any, **options: Any) -> None:
        right(*arguments, **{**options, "retry_handlers": None})

    right = swap(slack._OneRequestClient, "__init__", with_retries)


def restore_doubts_nothing() -> None:
    swap(restores, "doubt_all", lambda *_: 0)


def restore_believes_its_clock() -> None:
    def doubt(restored: Database, now: datetime, _today: Database | None = None) -> int:
        restored.write("INSERT INTO restores (restored_at) VALUES (:now) ON CONFLICT DO NOTHING", now=text_of(now))
        restored.write("UPDATE messages SET restored = 0")
        return in_doubt.mark_restored_in_doubt(restored, now)

    swap(restores, "doubt_all", doubt)


def look_up_ends_by_the_clock() -> None:
    def is_looked_for(self: Any, uncertain: in_doubt.Uncertain) -> bool:
        return bool(self._run.clock.now() - uncertain.unknown_since < reconcile.LOOKED_FOR)

    swap(reconcile.Reconciler, "_is_looked_for", is_looked_for)


def calls_of_earlier_runs_forgotten() -> None:
    def start_run(self: Any, *arguments: Any) -> None:
        right(self, *arguments)
        self._db.write("DELETE FROM riot_calls")

    right = swap(CallLog, "start_run", start_run)


def missing_asked_for_ever() -> None:
    def mark(db: Database, match_id: str, now: datetime, _again: datetime | None) -> None:
        right(db, match_id, now, now + timedelta(minutes=10))

    right = swap(matches, "mark_missing", mark)


def hold_not_heeded() -> None:
    def may_go_again(self: Any, *arguments: Any) -> bool:
        self._policy = replace(self._policy, resend=True)
        return bool(right(self, *arguments))

    right = swap(reconcile.Reconciler, "_may_go_again", may_go_again)


PLANTS: dict[str, Callable[[], None]] = {
    wrong.__name__: wrong
    for wrong in (
        no_lock,
        lock_released_before_the_work,
        claim_after_the_post,
        commits_that_a_power_cut_takes_back,
        unanswered_post_repeated,
        outcome_without_the_claim,
        limit_is_unknown_outcome,
        limit_is_failure,
        news_expires,
        redirects_followed,
        first_page_only,
        orphans_sent_again,
        one_commit_at_the_end,
        sdk_retries,
        restore_doubts_nothing,
        restore_believes_its_clock,
        look_up_ends_by_the_clock,
        calls_of_earlier_runs_forgotten,
        missing_asked_for_ever,
        hold_not_heeded,
    )
}
