"""Opting players in and out: Riot ID -> account-v1 -> a track, each player committed at once."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from lolslackbot.admin.arguments import TrackRequest
from lolslackbot.clock import Clock, text_of
from lolslackbot.errors import ConfigError, NotFound, Rejected, RunAborted, TemporaryError
from lolslackbot.messages.announcement import RenderOptions
from lolslackbot.messages.render import render
from lolslackbot.model import DEFAULT_WORKSPACE, Account, Player, RiotId
from lolslackbot.riot.answers import RENEW_KEY, RiotRefusal, RiotVerdict
from lolslackbot.riot.limiter import RateLimited
from lolslackbot.slack.answers import SlackProblem, SlackVerdict, remedy_of
from lolslackbot.stages.digest import draft_of, week_of
from lolslackbot.stages.live_notices import draft_of as live_draft_of
from lolslackbot.store import champions, channels, decisions, holds, live, matches, outbox, participants, players, ranks
from lolslackbot.store.database import Database
from lolslackbot.store.outbox import Draft

if TYPE_CHECKING:
    from lolslackbot.riot.client import RiotClient
    from lolslackbot.slack.client import SlackClient

logger = logging.getLogger(__name__)

T = TypeVar("T")

OF_LATE = timedelta(days=1)  # a row of a file whose region was asked for since then is not asked for again


class NoAnswer(TemporaryError):
    """Riot gave nothing usable about one player; the others may fare better."""


class NoPlatform(NoAnswer):
    """Riot does not say where a player plays: a person can."""


class PlaysNowhere(NotFound):
    """Riot knows the account, and no platform on which it plays: a person may."""


class OtherPlatform(ConfigError):
    """A player was to be tracked on another platform than Riot says."""

    def __init__(self, riot_id: RiotId, asked: str, named: str) -> None:
        super().__init__(
            f"Riot says that {riot_id} plays on {named}, not on {asked}: leave --platform out, or add --force"
        )
        self.riot_id, self.asked, self.named = riot_id, asked, named


@dataclass(frozen=True, slots=True)
class Tracked:
    """A player is announced in a channel. since: games that end after it."""

    riot_id: RiotId
    platform: str
    channel_id: str
    since: datetime
    is_new: bool
    moved_from: str | None = None  # the platform before
    is_sure: bool = True  # Riot said that they play on that platform

    def __str__(self) -> str:
        already = "" if self.is_new or self.moved_from else " already"
        line = f"{self.riot_id} ({self.platform}) is announced in {self.channel_id}{already}"
        line += f": games that end after {text_of(self.since)}"
        if self.moved_from:
            line += f"; moved from {self.moved_from}"
        return line if self.is_sure else f"{line}; Riot did not say where they play"


def _unconfirmed(_tracked: Tracked) -> None:
    """Nothing belongs into the same commit."""


class Tracker:
    """Opts players in. Of a file, asks Riot only for what was not asked of late, so that it can be run again."""

    def __init__(self, db: Database, riot: "RiotClient", clock: Clock, max_wait: float) -> None:
        self._db, self._riot, self._clock, self._max_wait = db, riot, clock, max_wait

    def track(self, request: TrackRequest, confirm: Callable[[Tracked], None] = _unconfirmed) -> Tracked:
        """What came of it. Raises subclasses of RunAborted with what is in the way.

        confirm: writes what belongs into the same commit.
        """
        known = players.with_riot_id(self._db, request.riot_id)
        if known and self._is_tracked(known, request):
            since = players.track_since(self._db, known.player_id, request.channel_id) or self._clock.now()
            tracked = Tracked(known.riot_id, known.platform, request.channel_id, since, is_new=False)
            with self._db.transaction():
                confirm(tracked)
            return tracked
        account = self._ask(
            request,
            lambda: self._riot.account(request.riot_id, request.platform),
            f"Riot knows no {request.riot_id}: check the spelling and the tag after the #",
        )
        if known and known.puuid != account.puuid:
            self._check_identity(request, known, account)
        platform, named = self._platform(request, account)
        tracked = self._record(request, account, platform, named, confirm)
        if request.asked_by is None:  # whoever waits in a channel need not wait for that
            self._read_rank(account.puuid, platform)
        return tracked

    def _platform(self, request: TrackRequest, account: Account) -> tuple[str, str | None]:
        """The platform to ask for games, and the one that Riot told, None if it did not."""
        try:
            named = self._ask(
                request,
                lambda: self._riot.platform(account.puuid),
                f"Riot knows {request.riot_id}, but not on which platform they play: name it with --platform",
            )
        except (NotFound, NoAnswer) as unknown:
            if request.asked_by and (before := self._tracked_on(account.puuid)):
                logger.warning("they stay on %s, where others hear of them: %s", before, unknown, exc_info=unknown)
                return before, None
            if request.platform:
                logger.warning("not known whether %s is right: %s", request.platform, unknown, exc_info=unknown)
                return request.platform, None
            if isinstance(unknown, NotFound):
                raise PlaysNowhere(str(unknown)) from unknown
            raise NoPlatform(
                f"Riot does not say on which platform {request.riot_id} plays ({unknown.__cause__}): "
                "name it with --platform, or try again later"
            ) from unknown
        if request.platform not in (None, named) and not request.force:
            raise OtherPlatform(request.riot_id, request.platform, named)
        return request.platform or named, named

    def _tracked_on(self, puuid: str) -> str | None:
        """The platform on which somebody is asked for already, whom no guess in some channel moves."""
        known = players.with_puuids(self._db, [puuid]).get(puuid)
        return known.platform if known and players.tracked_since(self._db, [known.player_id]) else None

    def _record(
        self,
        request: TrackRequest,
        account: Account,
        platform: str,
        named: str | None,
        confirm: Callable[[Tracked], None],
    ) -> Tracked:
        riot_id, channel_id, now = account.riot_id or request.riot_id, request.channel_id, self._clock.now()
        with self._db.transaction():
            before = players.with_puuids(self._db, [account.puuid]).get(account.puuid)
            is_new = players.track(
                self._db, account.puuid, riot_id, platform, channel_id, request.workspace, now, request.asked_by
            )
            player = players.with_puuids(self._db, [account.puuid])[account.puuid]
            if named:  # whoever insists on another platform is not told at once that it is another one
                players.record_region(self._db, player.player_id, platform, now)
            subject = f"player {player.player_id}"
            if is_new:
                decisions.record(self._db, "track", subject, f"in {channel_id}{_by(request.asked_by)}", now)
            moved = before is not None and before.platform != platform
            if before and moved:
                change = f"{before.platform} -> {platform}{_by(request.asked_by)}"
                decisions.record(self._db, "track", subject, change, now)
            since = players.track_since(self._db, player.player_id, channel_id) or now
            moved_from = before.platform if before and moved else None
            tracked = Tracked(riot_id, platform, channel_id, since, is_new, moved_from, is_sure=named is not None)
            confirm(tracked)
        return tracked

    def _read_rank(self, puuid: str, platform: str) -> None:
        """What later games are compared with. Where it cannot be had, `fetch-matches` asks for it."""
        asked_at = self._clock.now()
        try:
            with self._riot.standings(puuid, platform) as standings, self._db.transaction():
                player = players.with_puuids(self._db, [puuid])[puuid]
                ranks.record(self._db, player.player_id, asked_at, standings)
        except (RateLimited, RiotRefusal) as refusal:
            logger.info("no rank to begin with: %s", refusal, exc_info=True)

    def _is_tracked(self, known: Player, request: TrackRequest) -> bool:
        """Whether it is so already, as far as need be known without asking Riot."""
        asked = known.region_asked_at
        of_late = request.line is not None and asked is not None and timedelta(0) <= self._clock.now() - asked < OF_LATE
        if (
            known.problem
            or known.region
            or not (request.platform == known.platform or (of_late and not request.platform))
        ):
            return False
        return any(
            track.player == known
            and track.channel_id == request.channel_id
            and track.workspace.lower() == request.workspace.lower()
            for track in players.tracks(self._db)
        )

    def _check_identity(self, request: TrackRequest, known: Player, account: Account) -> None:
        """The name leads to another puuid: either the key changed, or the name went to somebody else."""
        try:
            self._within_limits(lambda: self._riot.account_of(known.puuid, known.platform))
        except RiotRefusal as refusal:
            if refusal.verdict is RiotVerdict.OTHER_KEY and not players.with_puuids(self._db, [account.puuid]):
                players.doubt_puuids(self._db)
                players.replace_puuid(self._db, known.player_id, account.puuid)
            elif refusal.verdict not in (RiotVerdict.OTHER_KEY, RiotVerdict.NOT_FOUND):
                raise _error_of(request, refusal) from refusal

    def _ask(self, request: TrackRequest, call: Callable[[], T], unknown: str) -> T:
        """unknown: what a 404 means."""
        try:
            return self._within_limits(call)
        except RiotRefusal as refusal:
            if refusal.verdict is RiotVerdict.NOT_FOUND:
                raise NotFound(unknown) from refusal
            raise _error_of(request, refusal) from refusal

    def _within_limits(self, call: Callable[[], T]) -> T:
        """Waits for a rate limit, for `max_wait` seconds at most."""
        while True:
            try:
                return call()
            except RateLimited as wait:
                seconds = (wait.until - self._clock.now()).total_seconds()
                if seconds > self._max_wait:
                    raise TemporaryError(f"{wait.reason}; try again after {text_of(wait.until)}") from wait
                self._clock.sleep(max(0.0, seconds) + 0.001)


def _by(asked_by: str | None) -> str:
    return f", asked for by {asked_by}" if asked_by else ""


def _error_of(request: TrackRequest, refusal: RiotRefusal) -> RunAborted:
    match refusal.verdict:
        case RiotVerdict.UNAUTHORIZED | RiotVerdict.FORBIDDEN:
            return Rejected(f"Riot refuses RIOT_API_KEY ({refusal}): {RENEW_KEY}")
        case RiotVerdict.LIMITED:
            return TemporaryError(f"Riot limits us ({refusal}): try again later")
        case RiotVerdict.LOCAL_FAULT:
            return ConfigError(str(refusal))
        case _:
            return NoAnswer(f"Riot gives no answer for {request.riot_id} ({refusal}): try again later")


def doubt_about(db: Database, slack: "SlackClient", channel_id: str) -> str | None:
    """What Slack has against a post in a channel, with the remedy; None where it does not say so for certain.

    Keeps the name that Slack gives the channel.

    Raises SlackProblem where Slack cannot be asked at all.
    """
    try:
        info = slack.look_up(channel_id)
    except SlackProblem as problem:
        unseen: SlackProblem | None = problem
        if problem.verdict is SlackVerdict.TOKEN_REJECTED:  # it lacks the scope for that, and may have the one for this
            unseen = slack.cannot_read(channel_id)
        elif problem.verdict is not SlackVerdict.CHANNEL_BROKEN:
            raise
        if unseen is None or unseen.verdict is not SlackVerdict.CHANNEL_BROKEN:
            return None
        return f"Slack says {unseen}: {remedy_of(unseen)}"
    if info.name:
        channels.record_name(db, channel_id, info.name)
    if info.is_archived:
        return "it is archived: unarchive it in Slack"
    return "the bot is not in it: /invite it there" if info.is_member is False else None


def untrack(
    db: Database,
    riot_id: RiotId,
    channel_id: str | None,
    now: datetime,
    match_link: str,
    pictures: str = "",
    asked_by: str | None = None,
) -> list[str]:
    """Opts a player out, of one channel or of all; the channels. Raises NotFound when nothing is tracked so.

    Pending messages that name others too are rendered again without this player; the others expire.
    match_link, pictures: as for `build_messages`. asked_by: Slack's id of who asked for it in the channel.
    """
    player = players.with_riot_id(db, riot_id) or players.formerly(db, riot_id)
    channel_id = channels.current_id(db, channel_id) if channel_id else None
    tracks = [
        track
        for track in players.tracks(db)
        if player and track.player == player and channel_id in (None, track.channel_id)
    ]
    if player is None or not tracks:
        raise NotFound(
            f"{riot_id} is not tracked{f' in {channel_id}' if channel_id else ''}: `lolslackbot players` lists who is, "
            "renamed players under their new name"
        )
    options = RenderOptions(match_link, pictures, champions.known(db))
    for track in tracks:
        with db.transaction():
            waiting = outbox.waiting_about(db, player.player_id, track.channel_id)
            players.untrack(db, player.player_id, track.channel_id)
            matches.give_up_untracked(db)
            change = f"in {track.channel_id}{_by(asked_by)}"
            decisions.record(db, "untrack", f"player {player.player_id}", change, now)
            for match_id in live.waiting_about(db, player.player_id, track.channel_id):
                _rerender_live(db, match_id, track, now)
            for match_id in waiting:
                _rerender(db, match_id, track, options, now)
            for subject in outbox.waiting_digests(db, track.channel_id):
                _rerender_digest(db, subject, track, options, now)
    return [track.channel_id for track in tracks]


def prefer(db: Database, channel_id: str, change: channels.Change, now: datetime) -> str:
    """Changes what a channel hears from now on; returns one line. Raises NotFound for a channel that is not tracked."""
    channel_id = channels.current_id(db, channel_id)
    with db.transaction():
        if change.requests:  # friends may be the first to track somebody there
            channels.ensure(db, channel_id, DEFAULT_WORKSPACE)
        if not channels.prefer(db, channel_id, change, now):
            raise NotFound(f"{channel_id} is not a tracked channel: see `lolslackbot channels`")
        wants = channels.preferences(db)[channel_id]
        decisions.record(db, "channels set", holds.channel_scope(channel_id), str(wants), now)
    hears = f"{channel_id} hears of {wants.queues} queues in {wants.style} style from now on"
    return f"{hears}; {', '.join(f'{name} {state}' for name, state in wants.switches.items())}"


def move_channel(db: Database, old: str, new: str, now: datetime) -> str:
    """Follows a channel whose id changed in Slack; returns one line. Raises NotFound and ConfigError."""
    with db.transaction():
        if not players.knows_channel(db, old):
            raise NotFound(f"{old} is not a tracked channel: see `lolslackbot channels`")
        if (current := channels.current_id(db, old)) != old:
            raise NotFound(f"{old} has moved to {current} already")
        if old == new:
            raise ConfigError(f"{old} is that id already")
        workspace, other = channels.workspace_of(db, old), channels.workspace_of(db, new)
        if other not in (None, workspace):
            raise ConfigError(f"channel {new} belongs to workspace {other}, not to {workspace}")
        channels.move(db, old, new)
        for channel_id in (old, new):
            decisions.record(db, "channels move", holds.channel_scope(channel_id), f"{old} -> {new}", now)
        hears = sum(track.channel_id == new for track in players.tracks(db))
    return f"{old} is {new} now: players announced there: {hears}; nothing is posted again"


def _rerender_digest(db: Database, subject: str, track: players.Track, options: RenderOptions, now: datetime) -> None:
    draft = draft_of(db, week_of(subject), track.channel_id, track.workspace, options)
    if draft is None:
        outbox.expire_untracked(db, subject, track.channel_id, now)
    else:
        outbox.replace_text(db, subject, draft)


def _rerender_live(db: Database, match_id: str, track: players.Track, now: datetime) -> None:
    """The notice that a game has begun."""
    draft = live_draft_of(db, match_id, track.channel_id, track.workspace)
    if draft is None:
        outbox.expire_untracked(db, live.subject_of(match_id), track.channel_id, now)
    else:
        outbox.replace_text(db, live.subject_of(match_id), draft)


def _rerender(db: Database, match_id: str, track: players.Track, options: RenderOptions, now: datetime) -> None:
    match = participants.as_heard_in(db, participants.stored(db, match_id), track.channel_id)
    if not match.participants:
        outbox.expire_untracked(db, match_id, track.channel_id, now)
        return
    rendered = render(match, options, channels.preferences(db)[track.channel_id].style)
    outbox.replace_text(db, match_id, Draft(track.channel_id, track.workspace, rendered.text, rendered.blocks))
