"""Claims: pending -> sending -> delivered, failed, uncertain, or back to pending.

What never sends twice: the claim is committed before Slack is called, and its token is asked for when its outcome is
recorded.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from lolslackbot.clock import text_of
from lolslackbot.model import Message, MessageKind
from lolslackbot.store import findings, holds
from lolslackbot.store.database import CommitUnknown, Database
from lolslackbot.store.holds import Scope, ScopeKind
from lolslackbot.store.outbox import IS_NEWS, news_bounds

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A message in state `sending`, and the token without which nobody may record its outcome."""

    message: Message
    token: str


def claim_next(
    db: Database, channel_id: str, workspace: str, token: str, oldest: datetime, now: datetime
) -> Claim | None:
    """pending -> sending for a channel's next message, in a commit that survives power loss, before Slack is called.

    None: nothing may be sent there now. oldest: a game that ended before is no longer news. Where a commit got no
    answer, the claim is read again: it is only told of once it is known to stand.
    """
    claim = None
    try:
        with db.transaction():
            claim = _claim(db, channel_id, workspace, token, oldest, now)
    except CommitUnknown:
        db.reconnect()
        if claim is None or not _stands(db, claim):
            raise
        logger.warning("%s is claimed: the commit was made, though its answer was lost", claim.message.key)
    return claim


def _stands(db: Database, claim: Claim) -> bool:
    """Read in a transaction of its own: what is under way elsewhere is over by then."""
    with db.transaction():
        found = db.row(
            """
            SELECT 1 FROM messages
            WHERE subject = :subject AND channel_id = :channel_id AND state = 'sending' AND claim_token = :token
            """,
            subject=claim.message.subject,
            channel_id=claim.message.channel_id,
            token=claim.token,
        )
    return found is not None


def _claim(db: Database, channel_id: str, workspace: str, token: str, oldest: datetime, now: datetime) -> Claim | None:
    """Inside a transaction."""
    rows = db.change(
        f"""
        UPDATE messages
        SET state = 'sending', claim_token = :token, claimed_at = :now, attempts = attempts + 1,
            settled_at = NULL, lookup_problem = NULL
        WHERE (subject, channel_id) = (
            SELECT subject, channel_id FROM messages
            WHERE channel_id = :channel_id AND state = 'pending'
            ORDER BY happened_at, subject LIMIT 1           -- what happened first goes first
        )
        AND {IS_NEWS}
        AND workspace = :workspace                          -- the one whose token is going to be used
        AND EXISTS (                                        -- compared with the channel's history, if need be
            SELECT 1 FROM channels
            WHERE channels.channel_id = messages.channel_id AND reconciled_at IS NOT NULL
              AND NOT (happened_at <= reconciled_at AND reconciled_at < built_at)
        )
        AND NOT EXISTS (                                    -- not paused meanwhile
            SELECT 1 FROM holds
            WHERE kind = 'paused'
              AND (scope_kind = 'everything' OR scope_kind = 'channel' AND scope_id = :channel_id)
        )
        RETURNING *
        """,
        channel_id=channel_id,
        workspace=workspace,
        token=token,
        now=text_of(now),
        **news_bounds(oldest, now),
    )
    return Claim(Message.from_row(rows[0]), token) if rows else None


def mark_delivered(db: Database, claim: Claim, slack_ts: str, now: datetime) -> None:
    """sending -> delivered, with Slack's receipt. Token and channel are well, whatever was said of them before."""
    with db.transaction():
        _end_claim(db, claim, "delivered", None, now, slack_ts=slack_ts)
        holds.lift(db, holds.workspace_scope(claim.message.workspace), "rejected")
        channel_id = claim.message.channel_id
        scopes = [holds.workspace_scope(claim.message.workspace), holds.channel_scope(channel_id)]
        if claim.message.kind is MessageKind.ALERT:
            scopes.append(Scope(ScopeKind.ALERT_CHANNEL, channel_id))
        for scope in scopes:
            findings.forget(db, scope)


def mark_uncertain(db: Database, claim: Claim, error: str, now: datetime) -> None:
    """sending -> uncertain: Slack may have it."""
    with db.transaction():
        _end_claim(db, claim, "uncertain", error, now)
        db.write(
            """
            UPDATE messages SET unknown_since = :now
            WHERE subject = :subject AND channel_id = :channel_id AND state = 'uncertain'
            """,
            subject=claim.message.subject,
            channel_id=claim.message.channel_id,
            now=text_of(now),
        )


def mark_failed(db: Database, claim: Claim, error: str, now: datetime, *, broken: bool, code: str = "") -> None:
    """sending -> failed: certainly not posted. broken: the channel's fault, so it is marked, in the same commit.

    code: Slack's, by which the channel is known to be well again.
    """
    with db.transaction():
        _end_claim(db, claim, "failed", error, now)
        if broken:
            holds.put(db, holds.channel_scope(claim.message.channel_id), "broken", error, now, None, code or None)


def release(
    db: Database, claim: Claim, error: str, now: datetime, *, counted: bool = True, plainer: bool = False
) -> None:
    """sending -> pending: certainly not posted. Not counted: no request was made at all.

    plainer: with plainer blocks, or none.
    """
    with db.transaction():
        _end_claim(db, claim, "pending", error, now)
        db.write(
            """
            UPDATE messages
            SET attempts = attempts - :uncounted,
                blocks = CASE WHEN :plainer = 1 THEN plainer_blocks ELSE blocks END,
                plainer_blocks = CASE WHEN :plainer = 1 THEN NULL ELSE plainer_blocks END
            WHERE subject = :subject AND channel_id = :channel_id
            """,
            subject=claim.message.subject,
            channel_id=claim.message.channel_id,
            uncounted=0 if counted else 1,
            plainer=int(plainer),
        )


def _end_claim(
    db: Database,
    claim: Claim,
    state: str,
    error: str | None,
    now: datetime,
    slack_ts: str | None = None,
) -> None:
    changed = db.write_counted(
        """
        UPDATE messages
        SET state = :state, error = :error, slack_ts = :slack_ts, claim_token = NULL, settled_at = :now
        WHERE subject = :subject AND channel_id = :channel_id AND state = 'sending' AND claim_token = :token
        """,
        subject=claim.message.subject,
        channel_id=claim.message.channel_id,
        token=claim.token,
        state=state,
        error=error,
        slack_ts=slack_ts,
        now=text_of(now),
    )
    if changed != 1:
        raise RuntimeError(f"the claim of {claim.message.key} is no longer ours")
