"""The whole story of one match, of a player's last games, of what a channel gets; all from the database."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from shlex import quote

from lolslackbot import poll
from lolslackbot.clock import text_of
from lolslackbot.errors import NotFound
from lolslackbot.health.facts import hosts_without
from lolslackbot.health.needs import (
    CLOCK_TOLERANCE,
    CUT_OFF,
    FAR_BEHIND,
    IN_THE_FUTURE,
    TICKS_MISSED,
    describe_hold,
    track_command,
)
from lolslackbot.messages.slack_text import visible
from lolslackbot.model import MessageKind, Player, RiotId, platform_of
from lolslackbot.rank import NAMES
from lolslackbot.riot import routing
from lolslackbot.settings import Settings, token_name
from lolslackbot.slack.answers import permalink, posted_at
from lolslackbot.store import (
    amendments,
    channels,
    decisions,
    history,
    holds,
    in_doubt,
    live,
    outbox,
    players,
    ranks,
    reasons,
    requests,
    runs,
)
from lolslackbot.store.database import Database
from lolslackbot.store.history import MatchStory, MessageStory
from lolslackbot.store.holds import Hold, Scope
from lolslackbot.store.live import SeenGame
from lolslackbot.store.locks import ANSWER, STAGES
from lolslackbot.store.players import Track

START = "notice of its start"
LAST = 10  # games of a player, messages of a channel
DELIVER = "`lolslackbot deliver`"

Event = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class View:
    """What every story goes by. To be made, and the story read, in one `snapshot`.

    settings: those of `deliver`; None: the defaults, and no token is missed.
    """

    db: Database
    now: datetime
    settings: Settings | None = None

    @property
    def holds(self) -> list[Hold]:
        return holds.all_live(self.db, self.now)

    @property
    def oldest_news(self) -> datetime:
        """When games ended that only just are news."""
        return self.now - timedelta(seconds=(self.settings or Settings("", "")).announce_within)

    def label(self, channel_id: str) -> str:
        return channels.label(channel_id, channels.names(self.db))

    def held(self, *scopes: Scope) -> list[str]:
        """The holds in force on any of these scopes, in words."""
        names = channels.names(self.db)
        return [describe_hold(hold, names) for hold in self.holds if hold.scope in scopes]

    def is_broken(self, channel_id: str) -> bool:
        scope = holds.channel_scope(channel_id)
        return any(hold.scope == scope and hold.kind == "broken" for hold in self.holds)


# A match


def tell_match(view: View, match_id: str) -> Iterator[str]:
    """The story of a match, line by line. Raises NotFound."""
    story, seen = history.of_match(view.db, match_id), live.find(view.db, match_id)
    notices = history.of_subject(view.db, live.subject_of(match_id)) if seen else []
    if story is None and seen is None:
        raise NotFound(f"nothing is known of {match_id}: no player list had it")
    yield f"{match_id} is {_state(story) if story else 'not listed so far; not all games come to be'}"
    events = [*(_match_events(view, story) if story else ()), *(_live_events(view, seen, notices) if seen else ())]
    yield from _in_order(view, events)
    for message in notices:
        yield f"{view.label(message.channel_id)}: {START}: {_outcome(view, message)}"
    if story is None:
        return
    for channel_id, queues in story.unwanted:
        yield f"{view.label(channel_id)}: no message: its queues were {queues} then"
    yield from _next_step(view, story)
    for message in story.messages:
        yield f"{view.label(message.channel_id)}: {_outcome(view, message)}"


def tell_game(view: View, number: int) -> Iterator[str]:
    """The match of that number; where several platforms have one, all of them. Raises NotFound."""
    found = history.with_number(view.db, number)
    if not found:
        raise NotFound(f"nothing is known of a game {number}: no player list had it")
    if len(found) == 1:
        yield from tell_match(view, found[0])
        return
    yield f"{len(found)} platforms have a game {number}:"
    for match_id in found:
        yield f"`lolslackbot why {match_id}`"


def tell_post(view: View, channel_id: str, ts: str) -> Iterator[str]:
    """What a message in Slack is about: the story of its match, or of itself. Raises NotFound."""
    message = history.posted_as(view.db, channel_id, ts)
    if message is None:
        raise NotFound(f"nothing is known of a message {ts} in {channel_id}: this bot did not post it")
    match_id = live.match_of(message.subject) if message.kind is MessageKind.LIVE else message.match_id
    if match_id:
        yield from tell_match(view, match_id)
        return
    yield f"{message.subject}, {message.kind}"
    yield from _in_order(view, [(message.built_at, "built"), *_delivery(view, message), *_decided_on(view, message)])
    yield f"{view.label(message.channel_id)}: {_outcome(view, message)}"


def _match_events(view: View, story: MatchStory) -> Iterator[Event]:
    yield from _listing(view, story)
    yield from _decided(view, f"match {story.match_id}")
    platform = platform_of(story.match_id)
    hosts = [f"host {routing.match_region(platform)}"] if routing.knows(platform) else []
    for subject in (decisions.EVERYTHING, *hosts):
        yield from ((moment, text) for moment, text in _decided(view, subject) if moment >= story.listed_at)
    for message in story.messages:
        yield from _delivery(view, message)
        yield from _decided_on(view, message)


def _live_events(view: View, game: SeenGame, notices: Iterable[MessageStory]) -> Iterator[Event]:
    yield game.began_at, "the game began"
    yield game.seen_at, "seen in progress"
    for message in notices:
        yield from ((moment, f"{START}: {text}") for moment, text in _delivery(view, message))
        yield from _decided_on(view, message)


def _decided_on(view: View, message: MessageStory) -> Iterator[Event]:
    yield from _decided(view, f"message {message.subject}:{message.channel_id}")


def _listing(view: View, story: MatchStory) -> Iterator[Event]:
    names = ", ".join(map(str, story.listed_for)) or "nobody we know"
    is_retried = _is_retried(view, story)
    yield story.listed_at, f"put back to be fetched again; listed for {names}" if is_retried else f"listed for {names}"
    if story.ended_at:
        yield story.ended_at, "the game ended"
    if story.looked_at:
        counts = {"404s": story.not_found_count, "failed attempts": story.failures}
        failures = ", ".join(f"{name}: {number}" for name, number in counts.items() if number)
        yield story.looked_at, f"last requested from Riot{f' ({failures})' if failures else ''}"
    built = {message.built_at for message in story.messages}
    for moment in sorted(built | ({story.built_at} if story.built_at else set())):
        labels = [view.label(message.channel_id) for message in story.messages if message.built_at == moment]
        yield moment, f"queued for {', '.join(labels)}" if labels else "built: no channel gets it"


def _is_retried(view: View, story: MatchStory) -> bool:
    """Whether `listed_at` is when a retry put it back."""
    return any(
        decision.command == "retry" and decision.decided_at == story.listed_at
        for decision in decisions.about(view.db, f"match {story.match_id}")
    )


def _delivery(view: View, message: MessageStory) -> Iterator[Event]:
    label = view.label(message.channel_id)
    if message.claimed_at and message.attempts:
        claimed = "claimed, or in doubt since a restore" if message.restored else "claimed"
        yield message.claimed_at, f"{label}: {claimed} (attempts: {message.attempts})"
    if message.settled_at and (message.error or message.state != "pending"):  # else an end that `retry` undid
        state = "released" if message.state == "pending" else message.state
        receipt = f", ts {message.slack_ts}" if message.slack_ts else ""
        yield message.settled_at, f"{label}: {state}{receipt}{_error(message)}"


def _next_step(view: View, story: MatchStory) -> Iterator[str]:
    retry = f"`lolslackbot retry --match {story.match_id}`"
    if story.next_look_at and (host := _host_without(view, story.match_id)):
        yield (
            f"{host} has answered 404 for every match since {text_of(story.missing_since or story.listed_at)}: one is "
            f"retried every half hour, and this one once any is found, while it is news; to retry it now: {retry}"
        )
    elif story.next_look_at:
        held = view.held(*_riot_scopes(routing.match_region(story.platform), "match"))
        yield _joined(f"next request to Riot after {text_of(story.next_look_at)}", *held, _run(view, "fetch-matches"))
    elif reasons.is_missed(story.state, story.reason_kind, True, story.looked_at, view.now):
        yield f"to fetch it again: {retry}"
    if wanted := ranks.still_wanted(view.db, story.match_id):
        held = view.held(*_riot_scopes(story.platform, "league"))
        yield _joined(f"ranks still looked for after it: {wanted}", *held)
    if story.state == "stored" and story.built_at is None:
        rank = "for a rank, one tick at most, then " if story.match_id in ranks.awaited(view.db, view.now) else ""
        yield _joined(f"waiting {rank}for the next `lolslackbot build-messages`", _run(view, "build-messages"))


def _host_without(view: View, match_id: str) -> str | None:
    """The host that returns no match at all, if this match waits for it."""
    for host, waiting in hosts_without(view.db).items():
        if match_id in {match.match_id for match in waiting}:
            return host
    return None


# A message


def _outcome(view: View, message: MessageStory, *, brief: bool = False) -> str:
    """How a message stands, and what comes next. brief: holds and the last run are shown elsewhere."""
    run = "" if brief else _run(view, "deliver")
    match message.state:
        case "pending":
            return _pending(view, message, brief, run)
        case "sending" if view.db.is_at_work("deliver"):
            return "being sent now"
        case "sending":
            return _joined(f"its process died before Slack answered; the next {DELIVER} tries to look it up", run)
        case "uncertain":
            return _uncertain(view, message, run)
        case "failed":
            return _failed(view, message)
        case "expired":
            return _expired(message)
    assert message.slack_ts
    moment = posted_at(message.slack_ts)
    posted = f"posted{f' at {text_of(moment)}' if moment else ''}, {permalink(message.channel_id, message.slack_ts)}"
    return _joined(posted, _edit(view, message))


def _edit(view: View, message: MessageStory) -> str:
    """What it should say instead; '' for nothing."""
    edit = amendments.state_of(view.db, message.subject, message.channel_id)
    if edit is None:
        return ""
    is_dropped, error = edit
    if is_dropped:
        return f"an edit was dropped: {error}"
    return f"the next {DELIVER} edits it, since more is known of it now" + (f" ({error})" if error else "")


def _is_news(view: View, message: MessageStory) -> bool:
    return outbox.is_news(message, view.oldest_news, view.now)


def _pending(view: View, message: MessageStory, brief: bool, run: str) -> str:
    error = f" ({message.error})" if message.error else ""
    if not _is_news(view, message) or live.has_ended(view.db, message):
        return _joined(f"no longer news: the next {DELIVER} expires it{error}", run)
    channel = holds.channel_scope(message.channel_id)
    if view.is_broken(message.channel_id):
        return _joined(f"the next {DELIVER} marks it failed", *view.held(channel))
    ahead = outbox.number_ahead(view.db, message.subject, message.channel_id, view.oldest_news, view.now)
    behind = f", behind {ahead} earlier message{'s' * (ahead > 1)}" if ahead else ""
    if held := view.held(holds.EVERYTHING, channel, holds.workspace_scope(message.workspace)):
        return _joined(f"waiting{behind}{error}", *([] if brief else held))
    settings = view.settings or Settings("", "")
    if view.settings and message.workspace.lower() not in settings.slack_tokens:
        return f"waiting{behind}{error}; {token_name(message.workspace)} is not set in this environment"
    messages, seconds = settings.channel_limit.messages, settings.channel_limit.seconds
    until = outbox.full_until(view.db, message.channel_id, view.now, messages=messages, seconds=seconds, ahead=ahead)
    if until:
        limit = f"LOLSLACKBOT_CHANNEL_LIMIT allows {messages} messages in {seconds} s: not before {text_of(until)}"
        return _joined(f"waiting{behind}{error}", limit, run)
    return _joined(f"waiting for the next {DELIVER}{behind}{error}", run)


def _uncertain(view: View, message: MessageStory, run: str) -> str:
    retry = f"lolslackbot retry --message {quote(message.subject)} {message.channel_id}"
    again = f"if it is missing, run `{retry}`; if it is there, run `{retry} --found LINK`"
    if not _is_news(view, message):
        again = "too old to be sent again"
    if message.kind is MessageKind.LIVE:
        again = "it is not sent again"
    if message.is_unreadable:
        return _joined(message.error or "", again)
    doubt = f"may or may not be in Slack{_error(message)}"
    if message.lookup_misses >= in_doubt.ENOUGH_LOOKUPS and message.resends and not message.restored:
        return _joined(doubt, f"not found in {message.lookup_misses} look-ups, no more are made", again)
    return _joined(doubt, f"{DELIVER} looks it up in the channel's history", again, run)


def _failed(view: View, message: MessageStory) -> str:
    refused = f"not in Slack{_error(message)}"
    if message.may_be_out:
        refused = f"refused by Slack{_error(message)}; an earlier attempt may have reached Slack"
    if not _is_news(view, message):
        return _joined(refused, "too old to be sent again")
    if view.is_broken(message.channel_id):
        channel = f"`lolslackbot retry --channel {message.channel_id}`"
        return _joined(refused, f"fix the channel in Slack, then run {channel}")
    retry = f"`lolslackbot retry --message {quote(message.subject)} {message.channel_id}`"
    return _joined(refused, f"to send it again: {retry}")


def _expired(message: MessageStory) -> str:
    """Only what is known: an attempt of unknown outcome may have reached Slack, or the database a restore replaced."""
    if message.may_be_out:
        return f"expired{_error(message)}; an earlier attempt may have reached Slack"
    if message.restored:
        return f"expired{_error(message)}; unknown whether it was posted before the restore"
    if message.attempts:
        return f"expired{_error(message)}; attempts: {message.attempts}"
    return f"never sent{_error(message)}"


def _error(message: MessageStory) -> str:
    return f": {message.error}" if message.error else ""


# A player


def tell_player(view: View, riot_id: RiotId) -> Iterator[str]:
    """What is known of a player, and the last games. Raises NotFound."""
    player = players.with_riot_id(view.db, riot_id)
    if player is None and (player := players.formerly(view.db, riot_id)):
        yield f"{riot_id} is now called {player.riot_id}"
    if player is None:
        raise NotFound(f"nothing is known of {riot_id}: see `lolslackbot players`; a renamed player has the new name")
    tracks = [track for track in players.tracks(view.db) if track.player.player_id == player.player_id]
    yield f"{player.riot_id} ({player.platform}) is {'tracked' if tracks else 'no longer tracked'}"
    preferences = channels.preferences(view.db)
    for track in tracks:
        queues, label = preferences[track.channel_id].queues, view.label(track.channel_id)
        yield f"announced in {label}: games that end after {text_of(track.since)} (queues: {queues})"
    renames = [
        (rename.renamed_at, f"renamed from {rename.old} to {rename.new}")
        for rename in reversed(players.renames(view.db, player.player_id))
    ]
    yield from _in_order(view, [*_decided(view, f"player {player.player_id}"), *renames])
    for queue, reading in ranks.latest(view.db, player.player_id).items():
        assert reading.standing
        yield f"rank ({NAMES[queue]}): {reading.standing.text}, read at {text_of(reading.asked_at)}"
    if player.problem:
        yield f"the last poll of the player list failed: {player.problem}"
    elif tracks:
        polled_at = players.listed_at(view.db, player.player_id)
        last = (
            f"player list last polled at {text_of(polled_at)}" if polled_at else "no poll of the player list on record"
        )
        held = view.held(*_riot_scopes(routing.match_region(player.platform), "match-ids"))
        yield _joined(last, *held, _turn(view, player), _run(view, "fetch-matches"))
    games = history.of_player(view.db, player.player_id, LAST)
    for game in games:
        yield _game(view, game)
    if tracks:
        yield from _doubts_about_platform(view, tracks[0])
    if not games:
        yield "no game was listed so far"
    if not games and tracks:
        workspace = "" if tracks[0].workspace.lower() == "default" else f" --workspace {tracks[0].workspace}"
        command = f'lolslackbot track "{player.riot_id}" --channel {tracks[0].channel_id}{workspace}'
        yield f"if games are missing, {player.platform} may be the wrong platform; to ask Riot: `{command}`"


def _turn(view: View, player: Player) -> str:
    """When the list is asked for next, and why then; '' where all are in each tick."""
    polled = players.polled(view.db)
    newest = max((each.asked_at for each in polled if each.asked_at), default=None)
    if newest is None or not poll.take_turns(polled):
        return ""
    a_tick = sum(each.asked_at is not None and newest - each.asked_at < poll.TICK for each in polled)
    turn = [each.player_id for each in poll.in_turn(polled, a_tick, view.now)].index(player.player_id)
    played = f"played last until {text_of(player.last_game_at)}" if player.last_game_at else "no game is known"
    return f"lists take turns, likelier news first: {turn + 1} of {len(polled)}, about {a_tick} a run ({played})"


def _doubts_about_platform(view: View, track: Track) -> Iterator[str]:
    """Signs that a player's games are listed elsewhere."""
    player = track.player
    others = players.newest_game_of_others(view.db, player.player_id)
    if player.last_game_at and others and others - player.last_game_at >= FAR_BEHIND:
        newest = f"newest listed game ended {text_of(player.last_game_at)}"
        yield f"{newest}; the newest of the other players ended {text_of(others)}"
    if player.region and player.region_asked_at:
        region = f"plays on {player.region} (Riot, {text_of(player.region_asked_at)})"
        yield f"{region}: run {track_command(track, player.region)}"


def _game(view: View, game: MatchStory) -> str:
    listed = f"{'put back' if _is_retried(view, game) else 'listed'} {text_of(game.listed_at)}"
    moment = f"ended {text_of(game.ended_at)}" if game.ended_at else listed
    messages = [
        f"{view.label(message.channel_id)} {message.state}{f' ({message.error})' if message.error else ''}"
        for message in game.messages
    ]
    unwanted = [f"{view.label(channel_id)} did not want it" for channel_id, _ in game.unwanted]
    return _joined(f"{game.match_id}, {moment}: {_state(game)}", *messages, *unwanted)


# A channel


def tell_channel(view: View, channel_id: str) -> Iterator[str]:
    """What a channel gets, what holds it up, and its last messages. Raises NotFound."""
    preferences, scope = channels.preferences(view.db), holds.channel_scope(channel_id)
    if channel_id not in preferences:
        raise NotFound(f"nothing is known of {channel_id}: give a match id, NAME#TAG or the id of a tracked channel")
    if (current := channels.current_id(view.db, channel_id)) != channel_id:
        yield f"{channel_id} is {current} now: see `lolslackbot why {current}`"
        yield from _in_order(view, _decided(view, scope))
        return
    wants = preferences[channel_id]
    tracks = [track for track in players.tracks(view.db) if track.channel_id == channel_id]
    names = ", ".join(str(track.player.riot_id) for track in tracks) or "nobody"
    yield f"{view.label(channel_id)} announces {names}; {wants}"
    yield from _in_order(view, _decided(view, scope))
    yield from view.held(holds.EVERYTHING, scope, *(holds.workspace_scope(track.workspace) for track in tracks))
    if run := _run(view, "deliver"):
        yield run
    messages = history.of_channel(view.db, channel_id, LAST)
    for message in messages:
        yield f"{_heading(message)}: {_outcome(view, message, brief=True)}"
    if not messages:
        yield "no message so far"
    yield from _asked(view, channel_id)
    if wants.digest:
        yield _last_digest(view)


def _asked(view: View, channel_id: str) -> Iterator[str]:
    """What people asked there last, and what came of it."""
    if requests.inbox(view.db, channel_id) is None:
        return
    if run := _run(view, ANSWER):
        yield run
    for story in requests.of_channel(view.db, channel_id, LAST):
        outcome = f"{story.state}{f': {story.reason}' if story.reason else ''}"
        yield f"asked by {story.asked.user_id} at {text_of(story.asked.at)}: {visible(story.asked.words)}: {outcome}"


def _last_digest(view: View) -> str:
    last = next(iter(runs.latest(view.db, "digest")), None)
    if last is None:
        return "no week was summed up so far: `lolslackbot digest` does it, see crontab.example"
    return f"`lolslackbot digest` last ran at {text_of(last.began_at)}: {last.summary or CUT_OFF}"


def _heading(message: MessageStory) -> str:
    if message.kind is MessageKind.GAME:
        return f"{message.subject}, ended {text_of(message.happened_at)}"
    if message.kind is MessageKind.LIVE:
        return f"{live.match_of(message.subject)}, seen in progress {text_of(message.happened_at)}"
    return f"{message.kind}: {message.subject}"


# All of them


def _state(story: MatchStory) -> str:
    if story.state == "missing":
        return "missing: Riot answered 404" + ("" if story.next_look_at else ", not retried any more")
    return story.state + (f": {story.reason}" if story.reason else "")


def _decided(view: View, subject: str | Scope) -> Iterator[Event]:
    for decision in decisions.about(view.db, subject):
        who = decision.command if decision.command in (ANSWER, *STAGES) else f"`{decision.command}` by hand"
        yield decision.decided_at, f"{who}, {decision.subject}: {decision.change}"


def _in_order(view: View, events: Iterable[Event]) -> Iterator[str]:
    moment = view.now
    for moment, text in sorted(events, key=lambda event: event[0]):
        yield f"{text_of(moment)} {text}"
    if moment > view.now + CLOCK_TOLERANCE:
        yield f"some of these times are {IN_THE_FUTURE}"


def _run(view: View, stage: str) -> str:
    """How the last run of a stage went, where that explains why things wait; else ''."""
    last = next(iter(runs.latest(view.db, stage)), None)
    if last is None:
        return ""
    is_long_ago = view.now - (last.ended_at or last.began_at) >= TICKS_MISSED
    if last.ended_at is None and view.db.is_at_work(stage):
        return f"{stage} has been running since {text_of(last.began_at)}" if is_long_ago else ""
    if is_long_ago:
        since = text_of(last.ended_at or last.began_at)
        return f"{stage} has not run since {since}: see `crontab -l` and `lolslackbot check`"
    if last.ended_at is None:
        return f"the last {stage} {CUT_OFF}: run `lolslackbot check`"
    return f"the last {stage} ended with exit {last.exit_status} ({last.summary})" if last.exit_status else ""


def _riot_scopes(host: str, endpoint: str) -> tuple[Scope, ...]:
    """What can hold up a request: the key, the host, and that endpoint of it."""
    return holds.RIOT_KEY, holds.riot_scope(host), holds.riot_scope(host, endpoint)


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))
