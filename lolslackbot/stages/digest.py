"""Store -> messages -> store: a channel's week becomes one pending message. No remote call."""

import json
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lolslackbot.clock import text_of
from lolslackbot.errors import NotFound
from lolslackbot.game import Match, Participant
from lolslackbot.messages.announcement import RenderOptions
from lolslackbot.messages.digest import render_digest
from lolslackbot.messages.game_queues import wants
from lolslackbot.messages.recap import Figures, Recap, against_players, recap
from lolslackbot.model import MessageKind
from lolslackbot.riot.parsing import NotAMatch, read_match
from lolslackbot.stages.reconcile import WEEKS_BACK
from lolslackbot.stages.run import Run
from lolslackbot.store import champions, channels, history, in_doubt, outbox, participants, players, ranks, restores
from lolslackbot.store.database import Database
from lolslackbot.store.outbox import Draft
from lolslackbot.week import Week, read_week

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """Which digests are wanted. channel_id None: of every channel that wants them."""

    week: Week
    channel_id: str | None = None
    again: bool = False  # also where there is one already


def build_digests(db: Database, run: Run, order: Order, match_link: str) -> None:
    """Builds a channel's digest, one commit each. Raises NotFound for a channel in which nobody is tracked.

    match_link: template, '' for none.
    """
    wording = RenderOptions(match_link, champions=champions.known(db))
    for channel_id, workspace in tracked_channels(db, order.channel_id):
        if run.budget.spent():
            run.runs_out_of_time()
            return
        with run.item(str(order.week), channel_id):
            outcome = _build(db, order, channel_id, workspace, wording, run.clock.now())
            run.count(outcome)
            logger.debug("%s", outcome)


def tracked_channels(db: Database, channel_id: str | None) -> list[tuple[str, str]]:
    """Each with its workspace; or that one alone. Raises NotFound where nobody is tracked in it."""
    tracked = sorted({(track.channel_id, track.workspace) for track in players.tracks(db)})
    if channel_id is None:
        return tracked
    found = [each for each in tracked if each[0] == channels.current_id(db, channel_id)]
    if not found:
        raise NotFound(f"{channel_id} is not a tracked channel: see `lolslackbot channels`")
    return found


def _build(db: Database, order: Order, channel_id: str, workspace: str, wording: RenderOptions, now: datetime) -> str:
    """What came of it, for the summary."""
    subject, happened_at = f"week {order.week}", order.week.ends
    if order.again:
        subject, happened_at = f"{subject} again {text_of(now)}", now
    with db.transaction():  # from the first look on, so that nobody is untracked between that and the commit
        if not channels.preferences(db)[channel_id].digest:
            return "unwanted"
        if outbox.find(db, subject, channel_id):
            return "already built"
        if happened_at < now - WEEKS_BACK and restores.since(db, happened_at):
            logger.warning("%s may have had it before a restore; --again builds it all the same", channel_id)
            return "in doubt since a restore"
        draft = draft_of(db, order.week, channel_id, workspace, wording)
        if draft is None:
            return "without a game"
        outbox.add_other(db, subject, MessageKind.DIGEST, draft, happened_at, now)
        in_doubt.mark_restored_in_doubt(db, now)
    return "built"


def draft_of(db: Database, week: Week, channel_id: str, workspace: str, wording: RenderOptions) -> Draft | None:
    """A channel's week in words, None where it had no game. In a transaction, or a snapshot."""
    found = recap_of(db, [channel_id], week.midnights)
    if not found.games:
        return None
    rendered = render_digest(found, week, wording)
    return Draft(channel_id, workspace, rendered.text, rendered.blocks, plainer_blocks=rendered.plainer_blocks)


def week_of(subject: str) -> Week:
    """The week that a digest is about."""
    found = re.match(r"week (\S+)", subject)
    assert found, subject
    return read_week(found[1])


def recap_of(db: Database, channel_ids: Iterable[str], moments: Sequence[datetime]) -> Recap:
    """What friends did between the first of the moments and the last, as any of these channels heard of it."""
    preferences = channels.preferences(db)
    heard: dict[str, Match] = {}
    for channel_id in channel_ids:
        for each in participants.heard_in(db, channel_id, moments[0], moments[-1]):
            if each.is_built or wants(each.queues, each.match.queue_id, each.match.game_mode):
                known = heard.get(each.match.match_id)
                heard[each.match.match_id] = _joined(known, each.match) if known else each.match
    matches = sorted(heard.values(), key=lambda match: match.ended_at)
    found = recap([_completed(db, match) for match in matches])
    if not any(preferences[channel_id].ranks for channel_id in channel_ids):
        return found
    return replace(found, friends=_with_climbs(db, found.friends, moments))


def _joined(one: Match, other: Match) -> Match:
    """A match that two channels heard of, with the friends of both."""
    everyone = {each.puuid: each for each in (*one.participants, *other.participants)}
    return replace(one, participants=tuple(everyone.values()))


def _completed(db: Database, match: Match) -> Match:
    """With the pentakills that an earlier version did not keep, if Riot's answer is still here."""
    if not against_players(match) or all(each.penta_kills is not None for each in match.participants):
        return match
    body = history.body_of(db, match.match_id)
    if body is None:
        return match
    try:
        read = read_match(match.match_id, json.loads(body), [each.puuid for each in match.participants])
    except (ValueError, NotAMatch):
        logger.exception("the stored answer about %s cannot be read", match.match_id)
        return match
    said = {each.puuid: each.penta_kills for each in read.participants}

    def complete(each: Participant) -> Participant:
        return replace(each, penta_kills=said.get(each.puuid)) if each.penta_kills is None else each

    return replace(match, participants=tuple(map(complete, match.participants)))


def _with_climbs(db: Database, friends: Sequence[Figures], moments: Sequence[datetime]) -> tuple[Figures, ...]:
    known = players.with_puuids(db, [each.puuid for each in friends])
    ranked = {known[each.puuid].player_id: each.queues for each in friends if each.queues}
    climbs = ranks.climbs(db, ranked, moments)
    found = {puuid: climbs[each.player_id] for puuid, each in known.items() if each.player_id in climbs}
    return tuple(
        replace(each, queue=found[each.puuid][0], climb=found[each.puuid][1]) if each.puuid in found else each
        for each in friends
    )
