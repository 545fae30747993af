"""The whole story of one match, of a player's last games, of what a channel gets; all from the database."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from lolslackbot.admin.arguments import ChannelId, GameId, MatchId, Post, read_subject
from lolslackbot.clock import text_of
from lolslackbot.errors import NotFound
from lolslackbot.health.facts import hosts_without
from lolslackbot.health.needs import CUT_OFF, FAR_BEHIND, OFF, TICKS_MISSED, need_of, scope_label
from lolslackbot.model import RiotId, platform_of
from lolslackbot.riot import routing
from lolslackbot.settings import Settings, token_name
from lolslackbot.slack.answers import permalink, posted_at
from lolslackbot.stages.deliver import full_until
from lolslackbot.stages.reconcile import RUNS
from lolslackbot.store import channels, decisions, history, holds, outbox, players, reasons, runs
from lolslackbot.store.database import Database
from lolslackbot.store.history import MatchStory, MessageStory
from lolslackbot.store.holds import Hold, Scope
from lolslackbot.store.locks import STAGES, is_at_work

LAST = 10  # games of a player, messages of a channel
DELIVER = "`lolslackbot deliver`"
_TAKES = (
    "give a match id or its number, NAME#TAG, a channel's id, or the link of a match, a message or a channel; "
    "in Slack, a channel's id stands at the bottom of its details"
)

Told = tuple[datetime, str]


def why(db: Database, about: str, now: datetime, settings: Settings | None = None) -> list[str]:
    """The story, line by line. Raises NotFound where nothing is known.

    about: a match, a player or a channel, in any form that `read_subject` takes.
    settings: those that `deliver` goes by; without them the defaults count, and no token is missed.
    """
    try:
        subject = read_subject(about, settings.match_link if settings else "")
    except ValueError:
        raise NotFound(f"nothing is known of {about}: {_TAKES}") from None
    with db.snapshot():
        story = _Why(db, now, settings)
        match subject:
            case RiotId():
                return list(story.player(subject))
            case MatchId(match_id):
                return list(story.match(match_id))
            case GameId(number):
                return list(story.game(number))
            case Post(channel_id, ts):
                return list(story.post(channel_id, ts))
            case ChannelId(channel_id):
                return list(story.channel(channel_id))


class _Why:
    """What all stories need: the holds and names of this moment, and the settings that `deliver` goes by."""

    def __init__(self, db: Database, now: datetime, settings: Settings | None) -> None:
        self._db, self._now = db, now
        self._tokens = None if settings is None else settings.slack_tokens
        settings = settings or Settings("", "")
        self._oldest_news = now - timedelta(seconds=settings.announce_within)
        self._limit = settings.channel_limit
        self._names = channels.names(db)
        self._holds = holds.all_live(db, now)
        self._is_told = False  # what holds messages up, before they are listed

    # A match

    def game(self, number: int) -> Iterator[str]:
        """Each platform counts its games on its own."""
        found = history.with_number(self._db, number)
        if not found:
            raise NotFound(f"nothing is known of a game {number}: it was in no list that Riot gave of a tracked player")
        if len(found) == 1:
            yield from self.match(found[0])
            return
        yield f"{len(found)} platforms have a game {number}:"
        for match_id in found:
            yield f"`lolslackbot why {match_id}`"

    def post(self, channel_id: str, ts: str) -> Iterator[str]:
        match_id = history.posted_as(self._db, channel_id, ts)
        if match_id is None:
            raise NotFound(f"nothing is known of a message {ts} in {channel_id}: none of ours was confirmed as that")
        yield from self.match(match_id)

    def match(self, match_id: str) -> Iterator[str]:
        story = history.of_match(self._db, match_id)
        if story is None:
            raise NotFound(f"nothing is known of {match_id}: it was in no list that Riot gave of a tracked player")
        yield f"{match_id} is {_state(story)}"
        told = [*self._ledger(story), *self._decided(f"match {match_id}")]
        host = f"host {routing.match_region(platform_of(match_id))}" if routing.knows(platform_of(match_id)) else ""
        for subject in (decisions.EVERYTHING, host):
            told += [each for each in self._decided(subject) if each[0] >= story.listed_at]
        for message in story.messages:
            told += [*self._outbox(message), *self._decided(f"message {match_id}:{message.channel_id}")]
        yield from self._in_order(told)
        for channel_id, queues in story.unwanted:
            yield f"{self._label(channel_id)}: no message, since it wanted {queues} at that time"
        yield from self._next_step(story)
        for message in story.messages:
            yield f"{self._label(message.channel_id)}: {self._fate(message)}"

    def _ledger(self, story: MatchStory) -> Iterator[Told]:
        names = ", ".join(map(str, story.listed_for)) or "nobody we know"
        was_listed = f"put back to be asked for again; Riot had listed it for {names}"
        yield story.listed_at, was_listed if self._is_retried(story) else f"listed by Riot, for {names}"
        if story.ended_at:
            yield story.ended_at, "the game ended"
        if story.looked_at:
            vain = [f"404s: {story.not_found_count}"] * bool(story.not_found_count)
            vain += [f"failed attempts: {story.failures}"] * bool(story.failures)  # since the last 404
            yield story.looked_at, f"Riot was last asked for it{' (' + ', '.join(vain) + ')' if vain else ''}"
        built = {message.built_at for message in story.messages}
        for moment in sorted(built | ({story.built_at} if story.built_at else set())):
            labels = [self._label(each.channel_id) for each in story.messages if each.built_at == moment]
            yield moment, f"queued for {', '.join(labels)}" if labels else "built: no channel gets it"

    def _is_retried(self, story: MatchStory) -> bool:
        """Whether it is since a retry that it counts as listed."""
        return any(
            each.command == "retry" and each.decided_at == story.listed_at
            for each in decisions.about(self._db, f"match {story.match_id}")
        )

    def _outbox(self, message: MessageStory) -> Iterator[Told]:
        label = self._label(message.channel_id)
        if message.claimed_at and message.attempts:
            what = "claimed, or in doubt since a restore" if message.restored else "claimed"
            yield message.claimed_at, f"{label}: {what} (attempts so far: {message.attempts})"
        if message.settled_at and (message.error or message.state != "pending"):  # else an end that `retry` undid
            state = "put back" if message.state == "pending" else message.state
            receipt = f", ts {message.slack_ts}" if message.slack_ts else ""
            yield message.settled_at, f"{label}: {state}{receipt}{_error(message)}"

    def _next_step(self, story: MatchStory) -> Iterator[str]:
        if story.next_look_at and (host := self._host_without(story.match_id)):
            yield (
                f"{host} gave no match since its first 404 at {text_of(story.missing_since or story.listed_at)}: one "
                "such match is asked for every half-hour, and this one once any comes, while it is news; "
                f"`lolslackbot retry --match {story.match_id}` asks for it at once"
            )
        elif story.next_look_at:
            held = self._held(*_riot_scopes(story.platform, "match"))
            last_run = self._last_run("fetch-matches")
            yield f"Riot is asked for it after {text_of(story.next_look_at)}{held}{last_run}"
        elif reasons.is_missed(story.state, story.reason_kind, True, story.looked_at, self._now):
            yield f"`lolslackbot retry --match {story.match_id}` asks Riot for it again"
        if story.state == "stored" and story.built_at is None:
            last_run = self._last_run("build-messages")
            yield f"the next `lolslackbot build-messages` makes its messages{last_run}"

    def _host_without(self, match_id: str) -> str | None:
        """The host that a match waits for, since it gives none at all."""
        hosts = hosts_without(self._db).items()
        return next((host for host, waiting in hosts if match_id in {each.match_id for each in waiting}), None)

    # A message

    def _fate(self, message: MessageStory) -> str:
        """How a message stands, and what comes next."""
        match message.state:
            case "pending":
                return self._pending(message)
            case "sending":
                if is_at_work(self._db.path, "deliver"):
                    return "it is being sent"
                lost = "the process that was sending it ended before Slack answered"
                return f"{lost}; the next {DELIVER} tries to look it up{self._last_delivery()}"
            case "uncertain":
                return self._uncertain(message)
            case "failed":
                return self._failed(message)
            case "expired":
                return _expired(message)
        assert message.slack_ts
        moment = posted_at(message.slack_ts)
        at = f" at {text_of(moment)}" if moment else ""
        return f"posted{at}, {permalink(message.channel_id, message.slack_ts)}"

    def _pending(self, message: MessageStory) -> str:
        error = f" ({message.error})" if message.error else ""
        last_run = self._last_delivery()
        if message.ended_at < self._oldest_news:
            return f"it is no longer news: the next {DELIVER} lets it expire{error}{last_run}"
        if broken := self._hold(holds.channel_scope(message.channel_id), "broken"):
            return f"the next {DELIVER} marks it failed; {self._words(broken)}"
        ahead = outbox.number_ahead(self._db, message.match_id, message.channel_id, self._oldest_news)
        behind = f", behind {ahead} earlier message{'s' * (ahead > 1)}" if ahead else ""
        if held := self._held(*_slack_scopes(message)):
            return f"it waits{behind}{error}{'' if self._is_told else held}"
        if self._tokens is not None and message.workspace.lower() not in self._tokens:
            return f"it waits{behind}{error}; {token_name(message.workspace)} is not set, as far as this command sees"
        until = full_until(self._db, message.channel_id, self._limit, self._now, ahead)
        if until:
            limit = f"LOLSLACKBOT_CHANNEL_LIMIT allows {self._limit.messages} messages in {self._limit.seconds} s"
            return f"it waits{behind}{error}; {limit}: not before {text_of(until)}{last_run}"
        return f"it waits for the next {DELIVER}{behind}{error}{last_run}"

    def _uncertain(self, message: MessageStory) -> str:
        retry = f"lolslackbot retry --message {message.match_id} {message.channel_id}"
        again = f"; `{retry}` puts it back to be sent again, or with `--found LINK` records that it is there"
        if message.ended_at < self._oldest_news:
            again = "; it is too old to be sent again"
        doubt = f"it may or may not be in Slack{_error(message)}"
        if message.is_unreadable:
            return f"{message.error}{again}"
        if message.lookup_misses >= RUNS and message.resends and not message.restored:
            return f"{doubt}; it was not found in {message.lookup_misses} look-ups, and is not looked up again{again}"
        return f"{doubt}; {DELIVER} looks it up in the channel's history{again}{self._last_delivery()}"

    def _failed(self, message: MessageStory) -> str:
        said = f"it is not in Slack{_error(message)}"
        if message.may_be_out:
            said = f"Slack refused it{_error(message)}; an earlier attempt may have reached Slack"
        if message.ended_at < self._oldest_news:
            return f"{said}; it is too old to be sent again"
        if self._hold(holds.channel_scope(message.channel_id), "broken"):
            return f"{said}; mend the channel in Slack, then `lolslackbot retry --channel {message.channel_id}`"
        return f"{said}; `lolslackbot retry --message {message.match_id} {message.channel_id}` puts it back to be sent"

    # A player

    def player(self, riot_id: RiotId) -> Iterator[str]:
        player = players.with_riot_id(self._db, riot_id)
        if player is None and (player := players.formerly(self._db, riot_id)):
            yield f"{riot_id} is called {player.riot_id} now"
        if player is None:
            raise NotFound(
                f"nothing is known of {riot_id}: `lolslackbot players` lists who is tracked, "
                "renamed players by their new name"
            )
        tracks = [track for track in players.tracks(self._db) if track.player.player_id == player.player_id]
        preferences = channels.preferences(self._db)
        yield f"{player.riot_id} ({player.platform}) is {'tracked' if tracks else 'not tracked any more'}"
        for track in tracks:
            queues, _ = preferences[track.channel_id]
            label = self._label(track.channel_id)
            yield f"games that end after {text_of(track.since)} are announced in {label} (queues: {queues})"
        renames = [
            (each.renamed_at, f"a new name: {each.old} -> {each.new}")
            for each in reversed(players.renames(self._db, player.player_id))
        ]
        yield from self._in_order([*self._decided(f"player {player.player_id}"), *renames])
        asked = players.listed_at(self._db, player.player_id)
        if player.problem:
            yield f"when Riot was last asked for the list, it could not be had: {player.problem}"
        elif tracks:
            last = (
                f"Riot was last asked for the list at {text_of(asked)}"
                if asked
                else "no request for the list is on record"
            )
            held = self._held(*_riot_scopes(player.platform, "match-ids"))
            yield f"{last}{held}{self._last_run('fetch-matches')}"
        games = history.of_player(self._db, player.player_id, LAST)
        for game in games:
            yield f"{game.match_id}, {self._when(game)}: {_state(game)}{self._fates(game)}"
        others = players.newest_game_of_others(self._db, player.player_id) if tracks else None
        if player.last_game_at and others and others - player.last_game_at >= FAR_BEHIND:
            yield (
                f"the newest game that Riot listed for {player.riot_id} ended {text_of(player.last_game_at)}; "
                f"the newest of the others' ended {text_of(others)}"
            )
        if tracks and player.region and player.region_asked_at:
            yield (
                f"Riot said at {text_of(player.region_asked_at)} that {player.riot_id} plays on {player.region}: "
                f'`lolslackbot track "{player.riot_id}" --channel {tracks[0].channel_id} --platform {player.region}`'
            )
        if not games:
            yield "no game in any of Riot's lists so far"
        if not games and tracks:
            workspace = "" if tracks[0].workspace.lower() == "default" else f" --workspace {tracks[0].workspace}"
            options = f"--channel {tracks[0].channel_id}{workspace}"
            mend = f'`lolslackbot track "{player.riot_id}" {options}` asks Riot and mends that'
            yield f"if there were games, {player.platform} may be the wrong platform: {mend}"

    def _when(self, game: MatchStory) -> str:
        if game.ended_at:
            return f"ended {text_of(game.ended_at)}"
        return f"{'put back' if self._is_retried(game) else 'listed'} {text_of(game.listed_at)}"

    def _fates(self, game: MatchStory) -> str:
        fates = [f"{self._label(each.channel_id)} {_short_fate(each)}" for each in game.messages]
        fates += [f"{self._label(channel_id)} did not want it" for channel_id, _ in game.unwanted]
        return "".join(f"; {fate}" for fate in fates)

    # A channel

    def channel(self, channel_id: str) -> Iterator[str]:
        if channel_id not in (preferences := channels.preferences(self._db)):
            raise NotFound(
                f"nothing is known of {channel_id}: give a match id, NAME#TAG or the id of a tracked channel"
            )
        if (current := channels.current_id(self._db, channel_id)) != channel_id:
            yield f"{channel_id} is {current} now: see `lolslackbot why {current}`"
            yield from self._in_order(self._decided(holds.channel_scope(channel_id)))
            return
        queues, style = preferences[channel_id]
        tracks = [track for track in players.tracks(self._db) if track.channel_id == channel_id]
        names = ", ".join(str(track.player.riot_id) for track in tracks) or "nobody any more"
        yield f"{self._label(channel_id)} announces {names}; queues: {queues}; style: {style}"
        yield from self._in_order(self._decided(holds.channel_scope(channel_id)))
        workspaces = [holds.workspace_scope(track.workspace) for track in tracks]
        for hold in self._live(holds.EVERYTHING, holds.channel_scope(channel_id), *workspaces):
            yield self._words(hold)
        if last_run := self._last_delivery():
            yield last_run.removeprefix("; ")
        self._is_told = True
        found = history.of_channel(self._db, channel_id, LAST)
        for message in found:
            yield f"{message.match_id}, ended {text_of(message.ended_at)}: {self._fate(message)}"
        if not found:
            yield "no message was made for it yet"

    # All of them

    def _label(self, channel_id: str) -> str:
        return channels.label(channel_id, self._names)

    def _decided(self, subject: str | Scope) -> Iterator[Told]:
        for decision in decisions.about(self._db, subject):
            if decision.command in STAGES:
                yield decision.decided_at, f"{decision.command}, {decision.subject}: {decision.change}"
            else:
                yield decision.decided_at, f"`{decision.command}` by hand, {decision.subject}: {decision.change}"

    def _in_order(self, told: list[Told] | Iterator[Told]) -> Iterator[str]:
        moment = self._now
        for moment, said in sorted(told, key=lambda each: each[0]):
            yield f"{text_of(moment)} {said}"
        if moment > self._now + OFF:
            wrong = "by this clock some of that is still to come: it was ahead then, or is behind now"
            yield f"{wrong}; `lolslackbot check` compares it with the servers'"

    def _last_delivery(self) -> str:
        return "" if self._is_told else self._last_run("deliver")

    def _last_run(self, stage: str) -> str:
        """When that stage was last at work, where that explains why things wait."""
        last = next(iter(runs.latest(self._db, stage)), None)
        if last is None:
            return ""
        is_long_ago = self._now - (last.ended_at or last.began_at) >= TICKS_MISSED
        if last.ended_at is None and is_at_work(self._db.path, stage):
            return f"; {stage} has been at work since {text_of(last.began_at)}" if is_long_ago else ""
        if is_long_ago:
            silent = f"{stage} did not run since {text_of(last.ended_at or last.began_at)}"
            return f"; {silent}: see `crontab -l` and `lolslackbot check`"
        if last.ended_at is None:
            return f"; the last {stage} {CUT_OFF}: see `lolslackbot check`"
        return f"; the last {stage} ended with {last.exit_status}, {last.summary}" if last.exit_status else ""

    def _held(self, *scopes: Scope) -> str:
        return "".join(f"; {self._words(hold)}" for hold in self._live(*scopes))

    def _live(self, *scopes: Scope) -> list[Hold]:
        return [hold for hold in self._holds if hold.scope in scopes]

    def _hold(self, scope: Scope, kind: str) -> Hold | None:
        return next((hold for hold in self._holds if (hold.scope, hold.kind) == (scope, kind)), None)

    def _words(self, hold: Hold) -> str:
        if hold.until is None:
            return need_of(hold, self._names)
        scope = scope_label(hold.scope, self._names)
        return f"{scope} is {hold.kind} until {text_of(hold.until)}: {hold.reason}"


def _riot_scopes(platform: str, endpoint: str) -> tuple[Scope, ...]:
    """What can keep us from asking for something: the key, the host, and that endpoint of it."""
    region = routing.match_region(platform)
    return holds.RIOT_KEY, holds.riot_scope(region), holds.riot_scope(region, endpoint)


def _slack_scopes(message: MessageStory) -> tuple[Scope, ...]:
    return holds.EVERYTHING, holds.channel_scope(message.channel_id), holds.workspace_scope(message.workspace)


def _state(story: MatchStory) -> str:
    if story.state == "missing":
        return "missing: Riot answered 404" + ("" if story.next_look_at else " and is not asked again")
    return story.state + (f": {story.reason}" if story.reason else "")


def _error(message: MessageStory) -> str:
    return f": {message.error}" if message.error else ""


def _short_fate(message: MessageStory) -> str:
    return message.state + (f" ({message.error})" if message.error else "")


def _expired(message: MessageStory) -> str:
    """Only what is known: an attempt of unknown outcome may have reached Slack, or the database a restore replaced."""
    if message.may_be_out:
        return f"it will not be sent again{_error(message)}; an earlier attempt may have reached Slack"
    if message.restored:
        return f"it will not be sent{_error(message)}; whether it was posted before the restore is not known"
    if message.attempts:
        return f"it will not be sent again{_error(message)}; attempts so far: {message.attempts}"
    return f"it was never sent, and will not be{_error(message)}"
