"""What needs a person, each need with the command that helps; and notes that ask nothing. Pure: facts in, needs out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from shlex import quote

from lolslackbot.clock import clock_fault, text_of
from lolslackbot.errors import Exit
from lolslackbot.health.facts import TOO_LONG, Facts, StageRuns
from lolslackbot.model import LookupProblem, MessageKind, ProblemKind
from lolslackbot.settings import token_name
from lolslackbot.store import channels, holds
from lolslackbot.store.health import UnsentMessage
from lolslackbot.store.holds import Hold, Scope, ScopeKind
from lolslackbot.store.locks import ANSWER
from lolslackbot.store.outbox import is_news
from lolslackbot.store.players import Track
from lolslackbot.store.runs import PastRun

TICKS_MISSED = timedelta(minutes=9)  # three ticks of cron
CLOCK_TOLERANCE = timedelta(minutes=1)  # a run that begins so much later than now: the clock was set back
FAR_BEHIND = timedelta(days=7)  # a player's newest game behind the newest of the others'
LOST_ALERT_THRESHOLD = 5  # lost matches within a day: fewer are Riot's usual oddities
MIN_FREE_BYTES = 100 * 2**20
HISTORY_SCOPES = ("channels:history", "groups:history")
REACTION_SCOPE = "reactions:write"
ENOUGH_RUNS = 5  # to see that a stage runs out of time again and again
CUT_OFF = "was cut off (killed, or unable to write)"
IN_THE_FUTURE = "in the future: this clock was ahead then, or is behind now; to compare it: `lolslackbot check`"
TO_MAKE_ROOM = "make room; `lolslackbot prune --older-than 90` forgets old games"


class NeedKind(StrEnum):
    """What sort of need. The value is the pattern of its key, which alerts and `-q` remember: it never changes."""

    DATABASE_LOCKED = "database locked"
    DISK_FULL = "disk full"
    CLOCK = "clock"
    REJECTED = "{} rejected"
    BROKEN = "{} broken"
    PAUSED = "{} paused"
    LIMITED = "{} limited"
    FOUND = "{} found"  # by `check`
    ALERT_CHANNEL_FOUND = "alert channel found"
    SPENT = "{} spent"
    ODD_LIMIT = "{} odd limit"
    PLAYER_UNLISTED = "player {} unlisted"
    PLAYER_MOVED = "player {} moved"
    SILENT = "{} silent"
    LISTS_UNASKED = "lists unasked"
    UNUSABLE = "{} unusable"
    UNWELL = "{} unwell"
    OUT_OF_TIME = "{} out of time"
    REQUESTS_UNREAD = "requests unread {}"
    MESSAGES_WAITING = "messages waiting"
    MATCHES_WAITING = "matches waiting"
    LISTS_WAITING = "lists waiting"
    HOST_WITHOUT_MATCHES = "host {} without matches"
    MATCHES_MISSING = "matches missing"
    MATCHES_GIVEN_UP = "matches given up"
    MESSAGES_FAILED = "messages failed {}"
    MESSAGES_UNCERTAIN = "messages uncertain"


# Not posted to the alert channel: what a person did, what may clear up by itself, and what is wrong with that channel.
_SILENT_KINDS = {NeedKind.PAUSED, NeedKind.MESSAGES_UNCERTAIN, NeedKind.ALERT_CHANNEL_FOUND}


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a person. subject: a scope, player id, stage, host or channel; '' where one is enough."""

    kind: NeedKind
    subject: str
    text: str  # for people only

    @property
    def key(self) -> str:
        """Tells this need from others, today and tomorrow."""
        return self.kind.value.format(self.subject)

    @property
    def alarming(self) -> bool:
        """Whether the alert channel hears of it."""
        return self.kind not in _SILENT_KINDS

    def concerns_channel(self, channel_id: str) -> bool:
        """Whether it is about that channel and nothing else."""
        return self.subject in (channel_id, str(holds.channel_scope(channel_id)))


def find_needs(facts: Facts) -> list[Need]:
    """All needs, one of each key."""
    needs = [
        *_machine(facts),
        *_clock(facts),
        *_lasting_holds(facts),
        *_findings(facts),
        *_long_limits(facts),
        *_spent_limits(facts),
        *_odd_limits(facts),
        *_players(facts),
        *_silent_stages(facts),
        *_unread_requests(facts),
        *_unpolled_lists(facts),
        *_unusable_stages(facts),
        *_failing_stages(facts),
        *_pressed_stages(facts),
        *_backlog(facts),
        *[need for number, need in _lost_matches(facts) if number >= LOST_ALERT_THRESHOLD],
        *_failed_messages(facts),
        *_messages_in_doubt(facts),
    ]
    unique: dict[str, Need] = {}
    for need in needs:
        unique.setdefault(need.key, need)
    return list(unique.values())


def find_notes(facts: Facts) -> list[str]:
    """Sentences that ask nothing of anybody."""
    return [
        *[need.text for number, need in _lost_matches(facts) if number < LOST_ALERT_THRESHOLD],
        *_old_doubts(facts),
        *_players_far_behind(facts),
        *_expired_messages(facts),
        *_turns(facts),
        *[f"{rename.old} is now called {rename.new}, since {text_of(rename.renamed_at)}" for rename in facts.renames],
        *[
            f"a backup was restored at {text_of(restore.decided_at)}: messages about earlier games are looked up in "
            "Slack before they are sent"
            for restore in facts.restores
        ],
    ]


# Disk, database, clock


def _machine(facts: Facts) -> Iterator[Need]:
    if facts.locked:
        text = "the database is locked by another program: close it (a forgotten sqlite3 shell?)"
        yield Need(NeedKind.DATABASE_LOCKED, "", f"{text}, then run `lolslackbot check`")
    if facts.free_bytes is not None and facts.free_bytes < MIN_FREE_BYTES:
        text = f"only {facts.free_bytes // 2**20} MiB free on the disk of {facts.folder}: {TO_MAKE_ROOM}"
        yield Need(NeedKind.DISK_FULL, "", text)


def _clock(facts: Facts) -> Iterator[Need]:
    """A clock that is wrong, or was."""
    future = [stage for stage, of in facts.stages.items() if of.last and of.last.began_at > facts.now + CLOCK_TOLERANCE]
    fetched = facts.stages["fetch-matches"].last_ended
    if future:
        yield Need(NeedKind.CLOCK, "", f"the last runs of {', '.join(future)} are {IN_THE_FUTURE}")
    elif fetched and fetched.ending.clock_ahead is not None:
        fault = clock_fault(timedelta(seconds=fetched.ending.clock_ahead), "Riot's")
        yield Need(NeedKind.CLOCK, "", f"{fault}: set it (`timedatectl set-ntp true`), then run `lolslackbot check`")


# Holds, limits, findings


def _lasting_holds(facts: Facts) -> Iterator[Need]:
    """Holds that do not end by themselves. A channel that nobody is tracked in needs nobody."""
    kinds = {"rejected": NeedKind.REJECTED, "broken": NeedKind.BROKEN, "paused": NeedKind.PAUSED}
    for hold in facts.holds:
        if hold.until is None and not _is_forsaken(facts, hold.scope):
            yield Need(kinds[hold.kind], str(hold.scope), describe_hold(hold, facts.names))


def _is_forsaken(facts: Facts, scope: Scope) -> bool:
    return scope.kind is ScopeKind.CHANNEL and scope.id not in facts.used_channels


def scope_label(scope: Scope, names: Mapping[str, str]) -> str:
    """A scope as people read it: `channel #rift (C0RIFT)`."""
    if scope.kind in (ScopeKind.CHANNEL, ScopeKind.ALERT_CHANNEL):
        return f"channel {channels.label(scope.id, names)}"
    return "Riot key" if scope.kind is ScopeKind.RIOT_KEY else str(scope)


def describe_hold(hold: Hold, names: Mapping[str, str]) -> str:
    """A hold that is in force: since or until when, why, and the remedy of one that does not end by itself."""
    label = scope_label(hold.scope, names)
    if hold.until:
        return f"{label} is {hold.kind} until {text_of(hold.until)}: {hold.reason}"
    return f"{label} is {hold.kind} (since {text_of(hold.since)}): {hold.reason}; {_remedy_of_hold(hold)}"


def _remedy_of_hold(hold: Hold) -> str:
    option = f" --channel {hold.scope.id}" if hold.scope.kind is ScopeKind.CHANNEL else ""
    match hold.kind:
        case "paused":
            return f"to continue: `lolslackbot resume{option}`"
        case "broken":
            return f"fix the channel in Slack, then run `lolslackbot retry{option}`"
    key = "RIOT_API_KEY from developer.riotgames.com"
    token = f"{token_name(hold.scope.id)} from the reinstalled Slack app"
    return f"put a new {key if _is_riots(hold) else token} into `env`, then run `lolslackbot check`"


def _is_riots(hold: Hold) -> bool:
    return hold.scope.kind in (ScopeKind.RIOT_KEY, ScopeKind.RIOT_HOST)


def _findings(facts: Facts) -> Iterator[Need]:
    """What `check` found, unless a hold reports it or a run disproved it since."""
    held = [hold.scope for hold in facts.holds if hold.until is None]
    fetched_at = facts.stages["fetch-matches"].last_good_at
    for found in facts.found:
        key_works = found.scope == holds.RIOT_KEY and fetched_at and fetched_at > found.found_at
        is_channel = found.scope.kind in (ScopeKind.CHANNEL, ScopeKind.ALERT_CHANNEL)
        concerned = holds.channel_scope(found.scope.id) if is_channel else found.scope
        if key_works or _is_forsaken(facts, found.scope) or any(scope.is_same(concerned) for scope in held):
            continue
        label = scope_label(found.scope, facts.names) if is_channel else found.what
        text = f"{label}: {found.said} (found by `check` at {text_of(found.found_at)}); {found.remedy or 'fix that'}"
        is_alerts = found.scope.kind is ScopeKind.ALERT_CHANNEL
        kind = NeedKind.ALERT_CHANNEL_FOUND if is_alerts else NeedKind.FOUND
        yield Need(kind, found.what, f"{text}, then run `lolslackbot check`")


def _long_limits(facts: Facts) -> Iterator[Need]:
    """A 429 that lasts: a person should know of it, and may know better."""
    for hold in facts.holds:
        if hold.until and _lasts(facts, hold):
            text = (
                f"{scope_label(hold.scope, facts.names)} is held back until {text_of(hold.until)}: {hold.reason}; "
                f"`lolslackbot {_stage_of(hold)}` continues then; to try now: `lolslackbot retry {_retry_of(hold)}`; "
                "if this recurs, something else uses up the allowance"
            )
            yield Need(NeedKind.LIMITED, str(hold.scope), text)


def _retry_of(hold: Hold) -> str:
    """The option that lifts a limit; a workspace's is lifted with any of its channels."""
    options = {ScopeKind.RIOT_HOST: f"--host {hold.scope.id}", ScopeKind.CHANNEL: f"--channel {hold.scope.id}"}
    return options.get(hold.scope.kind, "--channel C")


def _spent_limits(facts: Facts) -> Iterator[Need]:
    """Limits that our own call log enforces for long: what Riot's headers state may be wrong."""
    held = {hold.scope for hold in facts.holds if facts.in_force(hold)}  # these report it already
    for limit in facts.spent_limits:
        if limit.until - facts.now > TOO_LONG and limit.scope not in held:
            text = (
                f"{limit.reason} until {text_of(limit.until)}: `lolslackbot fetch-matches` continues then; "
                f"to try now: `lolslackbot retry --host {limit.host}`"
            )
            yield Need(NeedKind.SPENT, str(limit.scope), text)


def _odd_limits(facts: Facts) -> Iterator[Need]:
    """Limits that Riot states and that are not believed: perhaps somebody stands between us and Riot."""
    for limit in facts.odd_limits:
        text = (
            f"Riot states a limit that is ignored: {limit}; run `lolslackbot check` to test the key; "
            f"to forget the limit: `lolslackbot retry --host {limit.routing}`"
        )
        yield Need(NeedKind.ODD_LIMIT, str(holds.riot_scope(limit.routing, limit.endpoint)), text)


def _lasts(facts: Facts, hold: Hold) -> bool:
    return hold.until is not None and hold.until - facts.now > TOO_LONG


def _stage_of(hold: Hold) -> str:
    return "fetch-matches" if _is_riots(hold) else "deliver"


# Players


def _players(facts: Facts) -> Iterator[Need]:
    """Players whose list cannot be had, or who play on another platform than the one that is polled."""
    for track in facts.tracks:
        player = track.player
        if player.problem:
            text = f"player {player.riot_id}: {player.problem}; {_remedy_of_list(track)}"
            yield Need(NeedKind.PLAYER_UNLISTED, str(player.player_id), text)
    for track in facts.tracks:
        player, asked_at = track.player, track.player.region_asked_at
        if player.region and asked_at and (player.last_game_at is None or player.last_game_at < asked_at):
            text = (
                f"player {player.riot_id} is tracked on {player.platform}, but plays on {player.region} (Riot, "
                f"{text_of(asked_at)}): run {track_command(track, player.region)}"
            )
            yield Need(NeedKind.PLAYER_MOVED, str(player.player_id), text)


def track_command(track: Track, platform: str) -> str:
    """The command that tracks a player on another platform."""
    return f'`lolslackbot track "{track.player.riot_id}" --channel {track.channel_id} --platform {platform}`'


def _remedy_of_list(track: Track) -> str:
    match track.player.problem_kind:
        case ProblemKind.ODD_MATCH_IDS:
            return "the next run polls the list again"
        case ProblemKind.ODD_PUUID:
            return "the name is looked up again once a day"
    return (
        f'if the player has a new name: `lolslackbot untrack "{track.player.riot_id}"`, then '
        f'`lolslackbot track "NAME#TAG" --channel {track.channel_id}`'
    )


def _players_far_behind(facts: Facts) -> Iterator[str]:
    """Players whose newest game is much older than the newest of the others'."""
    ends = {track.player.riot_id: track.player.last_game_at for track in facts.tracks if track.player.last_game_at}
    newest = max(ends.values(), default=facts.now)
    behind = sorted(((ended, riot_id) for riot_id, ended in ends.items() if newest - ended >= FAR_BEHIND), reverse=True)
    if behind:
        games = ", ".join(f"{riot_id} ended {text_of(ended)}" for ended, riot_id in behind)
        yield f"the newest listed game of {games}; the newest of all players ended {text_of(newest)}"


# Stages


def _silent_stages(facts: Facts) -> Iterator[Need]:
    """Stages that cron no longer starts, and runs that hang or were cut off. With nobody tracked nothing is missed."""
    since = facts.recorded_since
    if since is None or facts.tracked_since is None:
        return
    asked_since = min((each.since for each in facts.inboxes), default=since)
    missed = {
        stage: facts.now - (of.last_seen_at or (asked_since if stage == ANSWER else since))
        for stage, of in facts.stages.items()
    }
    silent = {stage: of for stage, of in facts.stages.items() if missed[stage] >= TICKS_MISSED}
    if len(silent) == len(facts.stages) and not any(of.at_work for of in silent.values()):
        last = max(of.last_seen_at for of in silent.values() if of.last_seen_at)
        cut_off = [f", {stage} {CUT_OFF}" for stage, of in silent.items() if of.cut_off]
        text = f"no stage has run since {text_of(last)}{''.join(cut_off)}; {_ask_cron(*facts.stages)}"
        yield Need(NeedKind.SILENT, "stages", text)
    else:
        for stage, of in silent.items():
            yield Need(NeedKind.SILENT, stage, f"{stage} {_silence(stage, of)}")
    for stage, of in facts.stages.items():
        for each in of.shares if stage not in silent else ():
            if each.at_work and facts.now - each.run.began_at >= TICKS_MISSED:
                share = f"{stage}, {each.run.share}"
                yield Need(NeedKind.SILENT, share, f"{share}, {_hangs(each.run)}")


def _silence(stage: str, of: StageRuns) -> str:
    if of.last is None:
        return f"has never run; {_ask_cron(stage)}"
    if of.at_work:
        return f"{_hangs(of.last)}, then run `lolslackbot {stage}`"
    last = text_of(of.last.ended_at or of.last.began_at)
    return f"{f'{CUT_OFF} and ' if of.cut_off else ''}has not run since {last}; {_ask_cron(stage)}"


def _hangs(run: PastRun) -> str:
    return f"began at {text_of(run.began_at)} and has not ended: it hangs; end its process (run-… in the log)"


def _ask_cron(*stages: str) -> str:
    commands = ", ".join(f"`lolslackbot {stage}`" for stage in stages)
    return f"see `crontab -l` and `lolslackbot check`; to run {'it' if len(stages) == 1 else 'them'} now: {commands}"


def _unread_requests(facts: Facts) -> Iterator[Need]:
    """Channels in which people may ask, and are not heard."""
    for inbox in facts.inboxes:
        if inbox.problem:
            label = channels.label(inbox.channel_id, facts.names)
            text = (
                f"what people ask in {label} cannot be read: Slack says {inbox.problem}; `lolslackbot check` says what "
                f"is missing, `lolslackbot channels set {inbox.channel_id} --requests off` ends it"
            )
            yield Need(NeedKind.REQUESTS_UNREAD, inbox.channel_id, text)


def _unpolled_lists(facts: Facts) -> Iterator[Need]:
    """Player lists that have gone stale with no other reported cause."""
    since, last = facts.tracked_since, facts.freshness.last_listed_at
    restored = [restore.decided_at for restore in facts.restores]  # what the backup knows is older
    if since is None or facts.now - max([since, last or since, *restored]) < TICKS_MISSED:
        return
    fetching = facts.stages["fetch-matches"]
    is_silent = fetching.last_seen_at and facts.now - fetching.last_seen_at >= TICKS_MISSED
    if is_silent or _riot_waits(facts):
        return
    polled = f"no player list was polled since {text_of(last)}" if last else "no poll of a player list is on record"
    run = (
        f"although fetch-matches ran ({fetching.last_ended.summary})"
        if fetching.last_ended
        else "and no run is on record"
    )
    yield Need(NeedKind.LISTS_UNASKED, "", f"{polled}, {run}; run `lolslackbot -v fetch-matches` to see why")


def _unusable_stages(facts: Facts) -> Iterator[Need]:
    """Stages that cannot work at all. A rejected key or token is reported by its hold."""
    for stage, of in facts.stages.items():
        if of.last_ended and of.last_ended.exit_status == Exit.UNUSABLE:
            text = f"{stage} cannot work ({of.last_ended.summary}); fix that, then run `lolslackbot {stage}`"
            yield Need(NeedKind.UNUSABLE, stage, text)


def _failing_stages(facts: Facts) -> Iterator[Need]:
    """Stages that have been failing for long with no other reported cause."""
    explained = {_stage_of(hold) for hold in facts.holds if _lasts(facts, hold)}
    for stage, of in facts.stages.items():
        last, since = of.last_ended, of.last_good_at or facts.recorded_since
        if last is None or since is None or last.began_at - since <= TOO_LONG or stage in explained:
            continue
        is_reported = stage == "deliver" and facts.failed and last.exit_status == Exit.SOME_FAILED
        if last.exit_status in (Exit.SOME_FAILED, Exit.LATER) and not is_reported:
            text = f"{stage} has been failing since {text_of(since)} (last: exit {last.exit_status}, {last.summary})"
            yield Need(NeedKind.UNWELL, stage, f"{text}; run `lolslackbot check` to test what it needs")


def _pressed_stages(facts: Facts) -> Iterator[Need]:
    """Stages whose time budget is too small for what there is to do."""
    for stage, of in facts.stages.items():
        if _is_pressed(facts, stage):
            last = of.pressed[0]
            left = f", leaving {last.ending.left_over} items" if last.ending.left_over else ""
            text = (
                f"{stage} ran out of time in {len(of.pressed)} of its last {sum(of.ends.values())} runs{left}: raise "
                f"LOLSLACKBOT_MAX_SECONDS ({last.ending.max_seconds or 0:g} now, a tick has 180), "
                f"then run `lolslackbot {stage}`"
            )
            yield Need(NeedKind.OUT_OF_TIME, stage, text)


def _is_pressed(facts: Facts, stage: str) -> bool:
    """Whether it ran out of time in most of its last runs, and its backlog does not shrink or waits for long."""
    of = facts.stages[stage]
    number = sum(of.ends.values())
    if (
        not (of.last_ended and of.last_ended.ending.out_of_time)
        or number < ENOUGH_RUNS
        or len(of.pressed) * 2 <= number
    ):
        return False
    now, before = of.pressed[0].ending.left_over or 0, of.pressed[-1].ending.left_over or 0
    return 0 < now >= before or any(waiting == stage for waiting, _ in _waits_for_long(facts))


# Matches and messages


def _backlog(facts: Facts) -> Iterator[Need]:
    """What has been waiting for long with no other reported cause."""
    failing = {need.subject for need in (*_unusable_stages(facts), *_failing_stages(facts))}
    for stage, need in _waits_for_long(facts):
        if stage not in failing and not _is_pressed(facts, stage):
            yield need


def _waits_for_long(facts: Facts) -> Iterator[tuple[str, Need]]:
    """What has been waiting for long, each with the stage that is to do it."""
    fresh = facts.freshness
    if since := _long_ago(facts, facts.unexplained_since):
        text = f"messages have been waiting since {since}; run `lolslackbot deliver --dry-run` to see why"
        yield "deliver", Need(NeedKind.MESSAGES_WAITING, "", text)
    if _riot_waits(facts):
        return
    remedy = (
        "run `lolslackbot -v fetch-matches` to see why; if the rate limit is exhausted each time, the key serves fewer "
        "players"
    )
    if since := _long_ago(facts, fresh.wanted_since):
        text = f"matches have been waiting to be fetched since {since}; {remedy}"
        yield "fetch-matches", Need(NeedKind.MATCHES_WAITING, "", text)
    if (since := _long_ago(facts, fresh.longest_unasked_since)) and not _long_ago(facts, fresh.last_listed_at):
        text = f"a player list has been waiting to be polled since {since}; {remedy}"
        yield "fetch-matches", Need(NeedKind.LISTS_WAITING, "", text)


def _long_ago(facts: Facts, since: datetime | None) -> str | None:
    return text_of(since) if since and facts.now - since > TOO_LONG else None


def _riot_waits(facts: Facts) -> bool:
    return bool(facts.spent_limits) or any(_is_riots(hold) and facts.in_force(hold) for hold in facts.holds)


def _lost_matches(facts: Facts) -> Iterator[tuple[int, Need]]:
    """How many, and the need that it is if they are many: a few are nobody's fault."""
    for host, waiting in facts.hosts_without.items():
        text = (
            f"{host} has answered 404 for every match since {text_of(waiting[0].missing_since)}: "
            f"{_count(waiting, 'match', 'matches')} waiting, one is retried every half hour and all once one is found; "
            "to retry all now: `lolslackbot retry --missing`"
        )
        yield len(waiting), Need(NeedKind.HOST_WITHOUT_MATCHES, host, text)
    missing = [match for match in facts.lost if match.state == "missing"]
    given_up = [match for match in facts.lost if match.state == "given_up"]
    if missing:
        text = f"{_count(missing, 'match', 'matches')} missing in the last 24 h (latest: {missing[0].match_id})"
        text += ": Riot answers 404; to ask again: `lolslackbot retry --missing`"
        yield len(missing), Need(NeedKind.MATCHES_MISSING, "", text)
    if given_up:
        last = given_up[0]
        text = f"{_count(given_up, 'match', 'matches')} given up in the last 24 h (latest: {last.match_id}: "
        text += f"{last.reason}); to ask again: `lolslackbot retry --match {last.match_id}`"
        yield len(given_up), Need(NeedKind.MATCHES_GIVEN_UP, "", text)


def _count(items: Sequence[object], singular: str, plural: str) -> str:
    return f"{len(items)} {singular if len(items) == 1 else plural}"


def _failed_messages(facts: Facts) -> Iterator[Need]:
    """By channel; a broken one is reported by its hold."""
    broken = {hold.scope for hold in facts.holds if hold.kind == "broken"}
    for channel in sorted({message.channel_id for message in facts.failed} & facts.used_channels):
        here = [message for message in facts.failed if message.channel_id == channel]
        if holds.channel_scope(channel) not in broken:
            text = (
                f"{_count(here, 'message', 'messages')} to {channels.label(channel, facts.names)} failed in the last "
                f"24 h (latest: {here[-1].subject}: {here[-1].error}); to resend: `lolslackbot retry --channel "
                f"{channel}`"
            )
            yield Need(NeedKind.MESSAGES_FAILED, channel, text)


def _messages_in_doubt(facts: Facts) -> Iterator[Need]:
    """Messages of unknown outcome that still are news."""
    in_doubt = [message for message in facts.in_doubt if not _is_over(facts, message)]
    if in_doubt:
        unreadable = [message for message in in_doubt if message.lookup_problem]
        first = (unreadable or in_doubt)[0]
        text = (
            f"{_count(in_doubt, 'message has', 'messages have')} an unknown delivery status (first: {first.subject} "
            f"in {channels.label(first.channel_id, facts.names)}: {first.error or 'its run died'}); "
            f"{_remedy_of_doubt(first)}"
        )
        yield Need(NeedKind.MESSAGES_UNCERTAIN, "", text)


def _remedy_of_doubt(message: UnsentMessage) -> str:
    look_up = "run `lolslackbot deliver`"
    if message.lookup_problem is None:
        return f"{look_up} to look it up (takes at least two runs)"
    retry = f"lolslackbot retry --message {quote(message.subject)} {message.channel_id}"
    by_hand = (
        f"check the channel: if it is missing, run `{retry}`; if it is there, run `{retry} --found LINK` (LINK: what "
        'Slack\'s "Copy link" gives)'
    )
    if message.lookup_problem is LookupProblem.SCOPE_MISSING:
        return f"{add_scopes(HISTORY_SCOPES)}, then {look_up}; or {by_hand}"
    return by_hand


def add_scopes(scopes: Sequence[str]) -> str:
    """The remedy for scopes that the Slack app lacks."""
    return f"add {' and '.join(scopes)} and reinstall the app"


def _is_over(facts: Facts, message: UnsentMessage) -> bool:
    if message.kind is MessageKind.LIVE:  # the next run looks it up, and that is the end of it
        return True
    is_old = message.state == "uncertain" and not is_news(message, facts.now - facts.announce_within, facts.now)
    return is_old or message.channel_id not in facts.used_channels


def _old_doubts(facts: Facts) -> Iterator[str]:
    old = [message for message in facts.in_doubt if _is_over(facts, message)]
    if old:
        yield (
            f"{_count(old, 'old message has', 'old messages have')} an unknown delivery status (latest: "
            f"{old[-1].subject} in {old[-1].channel_id}); not sent again"
        )


def _turns(facts: Facts) -> Iterator[str]:
    """How old lists are, where a tick cannot ask for all."""
    said = [
        f"{group.number} who played {group.played}: {group.median.total_seconds() / 60:.0f} min ago"
        for group in facts.poll_groups
    ]
    if said:
        yield f"player lists take turns, likelier news first; half of them were polled since: {'; '.join(said)}"


def _expired_messages(facts: Facts) -> Iterator[str]:
    if facts.expired:
        reasons = ", ".join(f"{number} {reason}" for reason, number in facts.expired.items())
        yield f"messages expired in the last 24 h: {sum(facts.expired.values())} ({reasons})"
