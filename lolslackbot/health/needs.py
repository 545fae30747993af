"""What needs a person, and the command that helps; what is good to know. Pure: facts in, sentences out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from lolslackbot.clock import clock_fault, text_of
from lolslackbot.errors import Exit
from lolslackbot.health.facts import TOO_LONG, Facts, StageRuns
from lolslackbot.model import LookupProblem, ProblemKind
from lolslackbot.settings import token_name
from lolslackbot.store import channels, holds
from lolslackbot.store.findings import Found
from lolslackbot.store.health import Lost, Unlisted, Unsent
from lolslackbot.store.holds import Hold, Scope, ScopeKind
from lolslackbot.store.locks import STAGES

TICKS_MISSED = timedelta(minutes=9)  # three ticks of cron
OFF = timedelta(minutes=1)  # a run that begins so much later than now: the clock was set back
FAR_BEHIND = timedelta(days=7)  # a player's newest game behind the newest of the others'
PILE = 5  # matches that came to nothing within a day: fewer are Riot's usual oddities
ROOM = 100 * 2**20  # bytes: below that the disk is as good as full
HISTORY = ("channels:history", "groups:history")  # the scopes for looking messages up
ENOUGH_RUNS = 5  # to see that a stage runs out of time again and again
LOCKED = "database locked"
UNPOSTED = "alerts unposted"  # the alert channel cannot be told of that
ALERTS_FOUND = "alert channel found"  # nor of that
CUT_OFF = "was cut off (killed, or it could not write)"


def find_needs(facts: Facts) -> dict[str, str]:
    """Sentences, each with what to do, by what tells the problem apart."""
    return {
        **_house(facts),
        **_clock(facts),
        **_lasting_holds(facts),
        **_found(facts),
        **_long_limits(facts),
        **_spent_limits(facts),
        **_odd_limits(facts),
        **_unlisted(facts),
        **_moved(facts),
        **_silences(facts),
        **_staleness(facts),
        **_unusable(facts),
        **_unwell(facts),
        **_out_of_time(facts),
        **_queues(facts),
        **{what: said for what, number, said in _hosts_without(facts) if number >= PILE},
        **{what: said for what, number, said in _lost(facts.lost) if number >= PILE},
        **_failures(facts),
        **_doubts(facts),
        **_unposted(facts),
    }


def find_notes(facts: Facts) -> list[str]:
    """Sentences about what asks nothing of anybody."""
    return [
        *[said for _, number, said in _hosts_without(facts) if number < PILE],
        *[said for _, number, said in _lost(facts.lost) if number < PILE],
        *_old_doubts(facts),
        *_far_behind(facts),
        *_expired(facts.expired),
        *[f"{each.old} is called {each.new} since {text_of(each.renamed_at)}" for each in facts.renames],
        *[
            f"a backup was put back at {text_of(each.decided_at)}: what ended before is looked up before it goes out"
            for each in facts.restores
        ],
    ]


# The house


def _house(facts: Facts) -> dict[str, str]:
    needs = {}
    if facts.locked:
        needs[LOCKED] = (
            "the database is locked by another program: close it (a forgotten sqlite3 shell?); "
            "`lolslackbot check` tells when that is over"
        )
    if facts.free_bytes < ROOM:
        needs["disk full"] = (
            f"only {facts.free_bytes // 2**20} MiB are free on the disk of {facts.folder}: make room; "
            "`lolslackbot prune --older-than 90` forgets old games"
        )
    return needs


def _clock(facts: Facts) -> dict[str, str]:
    """What the runs tell of a clock that is wrong, or was."""
    to_come = [stage for stage, each in facts.stages.items() if each.last and each.last.began_at > facts.now + OFF]
    if to_come:
        return {
            "clock": f"by this clock the last runs of {', '.join(to_come)} are still to come: it was ahead then, or is "
            "behind now; `lolslackbot check` compares it with the servers'"
        }
    fetched = facts.stages["fetch-matches"].last_ended
    if fetched and fetched.clock_ahead is not None:
        said = clock_fault(timedelta(seconds=fetched.clock_ahead), "Riot's")
        return {"clock": f"{said}, says fetch-matches: set it (`timedatectl set-ntp true`), then `lolslackbot check`"}
    return {}


# What is held back


def _lasting_holds(facts: Facts) -> dict[str, str]:
    """What no time lifts. A channel that nobody is tracked in needs nobody."""
    return {
        f"{hold.scope} {hold.kind}": need_of(hold, facts.names)
        for hold in facts.holds
        if hold.until is None and not _is_forsaken(facts, hold.scope)
    }


def _is_forsaken(facts: Facts, scope: Scope) -> bool:
    return scope.kind is ScopeKind.CHANNEL and scope.id not in facts.tracked_channels


def _found(facts: Facts) -> dict[str, str]:
    """What `check` found and no run has disproved since; what is held back says so by its hold."""
    held = [hold.scope for hold in facts.holds if hold.until is None]
    fetched_at = facts.stages["fetch-matches"].last_good_at
    return {
        ALERTS_FOUND if each.scope.kind is ScopeKind.ALERT_CHANNEL else f"{each.what} found": (
            f"{_label_of(each, facts.names)}: {each.said}, found by `check` at {text_of(each.found_at)}; "
            f"{each.remedy or 'mend that'}, then `lolslackbot check`"
        )
        for each in facts.found
        if not any(scope.is_same(each.scope) for scope in held)
        and not _is_forsaken(facts, each.scope)
        and not (each.scope == holds.RIOT_KEY and fetched_at and fetched_at > each.found_at)
    }


def _label_of(found: Found, names: Mapping[str, str]) -> str:
    is_channel = found.scope.kind in (ScopeKind.CHANNEL, ScopeKind.ALERT_CHANNEL)
    return scope_label(found.scope, names) if is_channel else found.what


def scope_label(scope: Scope, names: Mapping[str, str]) -> str:
    """A scope as people read it: `channel #rift (C0RIFT)`."""
    is_channel = scope.kind in (ScopeKind.CHANNEL, ScopeKind.ALERT_CHANNEL)
    return f"channel {channels.label(scope.id, names)}" if is_channel else str(scope)


def need_of(hold: Hold, names: Mapping[str, str]) -> str:
    """What a hold that no time lifts asks of a person."""
    name, is_channel = hold.scope.id, hold.scope.kind is ScopeKind.CHANNEL
    remedy = {
        "rejected": f"put a new one into `env`, {_key_of(hold)}, then `lolslackbot check`",
        "broken": f"mend the channel in Slack, then `lolslackbot retry --channel {name}`",
        "paused": f"`lolslackbot resume{f' --channel {name}' if is_channel else ''}` goes on",
    }[hold.kind]
    return f"{scope_label(hold.scope, names)} is {hold.kind} since {text_of(hold.since)}: {hold.reason}; {remedy}"


def _key_of(hold: Hold) -> str:
    if _is_riots(hold):
        return "RIOT_API_KEY from developer.riotgames.com"
    return f"{token_name(hold.scope.id)} from the app's page, installed again"


def _is_riots(hold: Hold) -> bool:
    return hold.scope.kind in (ScopeKind.RIOT_KEY, ScopeKind.RIOT_HOST)


def _long_limits(facts: Facts) -> dict[str, str]:
    """A 429 that lasts: somebody should know, and may know better."""
    return {
        f"{hold.scope} {hold.kind}": f"{scope_label(hold.scope, facts.names)} is held back until "
        f"{text_of(hold.until)}: {hold.reason}; `lolslackbot {_stage_of(hold)}` goes on then{_sooner(hold)}; "
        "if it comes again, something else uses up the allowance"
        for hold in facts.holds
        if hold.until and _lasts(facts, hold)
    }


def _sooner(hold: Hold) -> str:
    """The command that lifts a limit; a workspace's is lifted with any of its channels."""
    name = hold.scope.id
    options = {ScopeKind.RIOT_HOST: f"--host {name}", ScopeKind.CHANNEL: f"--channel {name}"}
    option = options.get(hold.scope.kind, "--channel C")
    return f", `lolslackbot retry {option}` tries it now"


def _spent_limits(facts: Facts) -> dict[str, str]:
    """Limits that our own count keeps, and that last: what Riot's headers state may be wrong."""
    held = {hold.scope for hold in facts.holds if facts.in_force(hold)}  # that says it too
    return {
        f"{each.scope} spent": f"{each.reason} until {text_of(each.until)}: `lolslackbot fetch-matches` goes on then, "
        f"`lolslackbot retry --host {each.host}` tries it now"
        for each in facts.spent_limits
        if each.until - facts.now > TOO_LONG and each.scope not in held
    }


def _odd_limits(facts: Facts) -> dict[str, str]:
    """Limits that Riot states and that nobody would keep to: told, since somebody stands between us and Riot."""
    return {
        f"{holds.riot_scope(each.routing, each.endpoint)} odd limit": f"Riot states a limit that is not kept: {each}; "
        f"`lolslackbot check` tries whether it answers, `lolslackbot retry --host {each.routing}` forgets the limit"
        for each in facts.odd_limits
    }


def _lasts(facts: Facts, hold: Hold) -> bool:
    return hold.until is not None and hold.until - facts.now > TOO_LONG


def _stage_of(hold: Hold) -> str:
    return "fetch-matches" if _is_riots(hold) else "deliver"


def _unlisted(facts: Facts) -> dict[str, str]:
    """Players whose list cannot be had."""
    needs: dict[str, str] = {}
    for each in facts.unlisted:
        said = f"player {each.riot_id}: {each.problem}; {_remedy(each)}"
        needs.setdefault(f"player {each.player_id} unlisted", said)
    return needs


def _remedy(each: Unlisted) -> str:
    match each.kind:
        case ProblemKind.ODD_MATCH_IDS:
            return "the next run asks again"
        case ProblemKind.ODD_PUUID:
            return "the name is asked for again once a day"
    return (
        f'whoever has another name now: `lolslackbot untrack "{each.riot_id}"`, then '
        f'`lolslackbot track "NAME#TAG" --channel {each.channel_id}`'
    )


def _moved(facts: Facts) -> dict[str, str]:
    """Players whose games are asked for where they play no more."""
    needs: dict[str, str] = {}
    for each in facts.moved:
        needs.setdefault(
            f"player {each.player_id} moved",
            f"player {each.riot_id} is tracked on {each.platform}, but plays on {each.region}, as Riot said at "
            f"{text_of(each.asked_at)}: "
            f'`lolslackbot track "{each.riot_id}" --channel {each.channel_id} --platform {each.region}`',
        )
    return needs


# The stages


def _silences(facts: Facts) -> dict[str, str]:
    """Stages that cron no longer starts, and runs that were cut off or hang. Without any player nothing is missed."""
    since = facts.recorded_since
    if since is None or facts.tracked_since is None:
        return {}
    silent = {
        stage: each for stage, each in facts.stages.items() if facts.now - (each.last_seen_at or since) >= TICKS_MISSED
    }
    if len(silent) == len(STAGES) and not any(each.at_work for each in silent.values()):
        last = max(each.last_seen_at for each in silent.values() if each.last_seen_at)
        cut_off = [f", {stage} {CUT_OFF}" for stage, each in silent.items() if each.cut_off]
        return {
            "stages silent": f"no stage ran since {text_of(last)}{''.join(cut_off)}; `crontab -l` and "
            f"`lolslackbot check` say why; by hand: {', '.join(f'`lolslackbot {stage}`' for stage in STAGES)}"
        }
    return {f"{stage} silent": f"{stage} {_silence(stage, each)}" for stage, each in silent.items()}


def _silence(stage: str, each: StageRuns) -> str:
    by_hand = f"`crontab -l` and `lolslackbot check` say why; by hand: `lolslackbot {stage}`"
    if each.last is None:
        return f"never ran; {by_hand}"
    if each.at_work:
        end = "end its process, which the log names (run-…)"
        began = text_of(each.last.began_at)
        return f"began at {began} and has not ended: it hangs; {end}, then `lolslackbot {stage}`"
    last = text_of(each.last.ended_at or each.last.began_at)
    return f"{f'{CUT_OFF} and ' if each.cut_off else ''}did not run since {last}; {by_hand}"


def _staleness(facts: Facts) -> dict[str, str]:
    """Lists that nobody asks for, although nothing that is said elsewhere keeps us from it."""
    since, last = facts.tracked_since, facts.freshness.last_listed_at
    restored = [each.decided_at for each in facts.restores]  # what the backup knows is older
    if since is None or facts.now - max([since, last or since, *restored]) < TICKS_MISSED:
        return {}
    fetching = facts.stages["fetch-matches"]
    is_silent = fetching.last_seen_at and facts.now - fetching.last_seen_at >= TICKS_MISSED
    if is_silent or _riot_waits(facts):
        return {}
    unasked = f"Riot was not asked for any list since {text_of(last)}" if last else "no request for a list is on record"
    ended = fetching.last_ended
    said = f"though fetch-matches ran: {ended.summary}" if ended else "and no run is on record"
    return {"lists unasked": f"{unasked}, {said}; `lolslackbot -v fetch-matches` says why"}


def _unusable(facts: Facts) -> dict[str, str]:
    """Stages that cannot work at all. A refused key or token says so by its hold."""
    return {
        f"{stage} unusable": f"{stage} cannot work: {each.last_ended.summary}; mend that, then `lolslackbot {stage}`"
        for stage, each in facts.stages.items()
        if each.last_ended and each.last_ended.exit_status == Exit.UNUSABLE
    }


def _unwell(facts: Facts) -> dict[str, str]:
    """Stages that run, but to no good end, and nothing else says why."""
    explained = {_stage_of(hold) for hold in facts.holds if _lasts(facts, hold)}
    failures_told = {"deliver"} if facts.failed else set()
    needs = {}
    for stage, each in facts.stages.items():
        last, since = each.last_ended, each.last_good_at or facts.recorded_since
        if last is None or since is None or last.began_at - since <= TOO_LONG or stage in explained:
            continue
        if last.exit_status == Exit.SOME_FAILED and stage in failures_told:
            continue
        if last.exit_status in (Exit.SOME_FAILED, Exit.LATER):
            said = f"the last one: exit {last.exit_status}, {last.summary}"
            needs[f"{stage} unwell"] = (
                f"{stage} came to no good end since {text_of(since)}; {said}; `lolslackbot check` tries what it needs"
            )
    return needs


def _out_of_time(facts: Facts) -> dict[str, str]:
    """Stages whose time budget is too small for what there is to do."""
    needs = {}
    for stage, each in facts.stages.items():
        if not _is_pressed(facts, stage, each):
            continue
        last, number = each.pressed[0], sum(each.ends.values())
        left = f" with {last.left_over} items left over" if last.left_over else ""
        needs[f"{stage} out of time"] = (
            f"{stage} ran out of time in {len(each.pressed)} of its last {number} runs, the last one{left}: "
            f"LOLSLACKBOT_MAX_SECONDS is {last.max_seconds or 0:g}; raise it (a tick has 180 seconds), "
            f"then `lolslackbot {stage}`"
        )
    return needs


def _is_pressed(facts: Facts, stage: str, each: StageRuns) -> bool:
    """Whether it ran out of time in most of its last runs, and its queue does not shrink or waits for long."""
    number = sum(each.ends.values())
    if not (each.last_ended and each.last_ended.out_of_time) or number < ENOUGH_RUNS or len(each.pressed) * 2 <= number:
        return False
    now, before = each.pressed[0].left_over or 0, each.pressed[-1].left_over or 0
    return 0 < now >= before or bool(_waits_for_long(facts)[stage])


# What is on its way


def _queues(facts: Facts) -> dict[str, str]:
    """What waits for long, although nothing that is said elsewhere holds it back."""
    needs = {}
    why_else = {**_unusable(facts), **_unwell(facts)}
    for stage, waiting in _waits_for_long(facts).items():
        is_explained = f"{stage} unusable" in why_else or f"{stage} unwell" in why_else
        if not is_explained and not _is_pressed(facts, stage, facts.stages[stage]):  # else its time budget is why
            needs.update(waiting)
    return needs


def _waits_for_long(facts: Facts) -> dict[str, dict[str, str]]:
    """The same, by the stage that is to do it."""
    fresh, to_fetch, to_deliver = facts.freshness, {}, {}
    if since := _long_ago(facts, facts.unexplained_since):
        to_deliver["messages waiting"] = f"messages wait since {since}: `lolslackbot deliver --dry-run` says why"
    if not _riot_waits(facts):
        remedy = (
            "`lolslackbot -v fetch-matches` says why; if the limits are spent each time, the key serves fewer players"
        )
        if since := _long_ago(facts, fresh.wanted_since):
            to_fetch["matches waiting"] = f"matches wait to be asked for since {since}: {remedy}"
        if (since := _long_ago(facts, fresh.longest_unasked_since)) and not _long_ago(facts, fresh.last_listed_at):
            to_fetch["lists waiting"] = f"a list waits to be asked for since {since}: {remedy}"
    return {"deliver": to_deliver, "fetch-matches": to_fetch, "build-messages": {}}


def _long_ago(facts: Facts, since: datetime | None) -> str | None:
    return text_of(since) if since and facts.now - since > TOO_LONG else None


def _riot_waits(facts: Facts) -> bool:
    return bool(facts.spent_limits) or any(_is_riots(hold) and facts.in_force(hold) for hold in facts.holds)


def _lost(lost: Sequence[Lost]) -> list[tuple[str, int, str]]:
    """What tells it apart, how many, and what a person can do: few are nobody's fault, many are."""
    found = []
    if missing := [story.match_id for story in lost if story.state == "missing"]:
        said = f"matches missing within a day: {len(missing)}, such as {missing[0]}: Riot answers 404"
        found.append(("matches missing", len(missing), f"{said}; `lolslackbot retry --missing` asks again"))
    if given_up := [story for story in lost if story.state == "given_up"]:
        last = given_up[0]
        said = f"matches given up within a day: {len(given_up)}, such as {last.match_id}: {last.reason}"
        again = f"`lolslackbot retry --match {last.match_id}` asks again"
        found.append(("matches given up", len(given_up), f"{said}; {again}"))
    return found


def _hosts_without(facts: Facts) -> list[tuple[str, int, str]]:
    """Hosts of Riot's that give no match: what tells it apart, how many wait, and what becomes of them."""
    return [
        (
            f"host {host} without matches",
            len(waiting),
            f"{host} gave no match since {text_of(waiting[0].missing_since)} and answers 404: {len(waiting)} wait, one "
            "is asked for every half-hour, and all once one comes; `lolslackbot retry --missing` asks for all",
        )
        for host, waiting in facts.hosts_without.items()
    ]


def _far_behind(facts: Facts) -> list[str]:
    """Players whose newest game is much older than the newest of the others'."""
    if not facts.last_games:
        return []
    newest = facts.last_games[0].ended_at
    behind = [each for each in facts.last_games if newest - each.ended_at >= FAR_BEHIND]
    if not behind:
        return []
    games = ", ".join(f"{each.riot_id} ended {text_of(each.ended_at)}" for each in behind)
    return [f"the newest game that Riot listed for {games}; the newest of the others' ended {text_of(newest)}"]


def _expired(expired: Mapping[str, int]) -> list[str]:
    if not expired:
        return []
    told = ", ".join(f"{number} {reason}" for reason, number in expired.items())
    return [f"messages that expired within a day, unannounced: {sum(expired.values())} ({told})"]


def _failures(facts: Facts) -> dict[str, str]:
    """By channel; one that is broken says so, and what to do, by its hold."""
    broken = {hold.scope for hold in facts.holds if hold.kind == "broken"}
    needs = {}
    for channel in sorted({each.channel_id for each in facts.failed} & facts.tracked_channels):
        here = [each for each in facts.failed if each.channel_id == channel]
        if holds.channel_scope(channel) not in broken:
            needs[f"messages failed {channel}"] = (
                f"messages failed in {channels.label(channel, facts.names)} within a day: {len(here)}, "
                f"the last {here[-1].match_id}: {here[-1].error}; `lolslackbot retry --channel {channel}` tries again"
            )
    return needs


def _doubts(facts: Facts) -> dict[str, str]:
    """Messages of unknown outcome; one that is being sent at this moment is none, nor one that is no news any more."""
    at_work = facts.stages["deliver"].at_work
    doubted = [
        each for each in facts.doubted if (each.state == "uncertain" or not at_work) and not _is_over(facts, each)
    ]
    if not doubted:
        return {}
    untold = [each for each in doubted if each.lookup_problem]
    first = (untold or doubted)[0]
    return {
        "messages uncertain": f"messages may or may not be in Slack: {len(doubted)}, first {first.match_id} in "
        f"{channels.label(first.channel_id, facts.names)} ({first.error or 'its run died'}); {_remedy_of_doubt(first)}"
    }


def _remedy_of_doubt(each: Unsent) -> str:
    look_up = "`lolslackbot deliver` looks them up"
    if each.lookup_problem is None:
        return f"{look_up}, in two runs at least"
    retry = f"lolslackbot retry --message {each.match_id} {each.channel_id}"
    by_hand = (
        f"look into the channel: `{retry}` sends it again; if it is there, `{retry} --found LINK` says so, with what "
        'Slack\'s "Copy link" gives'
    )
    if each.lookup_problem is LookupProblem.SCOPE_MISSING:
        return f"{add_scopes(HISTORY)}, and {look_up}; or {by_hand}"
    return by_hand


def add_scopes(scopes: Sequence[str]) -> str:
    """The remedy for scopes that the app lacks."""
    return f"add {' and '.join(scopes)} and install the app again"


def _is_over(facts: Facts, each: Unsent) -> bool:
    is_old = each.state == "uncertain" and facts.now - each.ended_at > facts.announce_within
    return is_old or each.channel_id not in facts.tracked_channels


def _old_doubts(facts: Facts) -> list[str]:
    if not (doubted := [each for each in facts.doubted if _is_over(facts, each)]):
        return []
    last = doubted[-1]
    return [
        f"whether {len(doubted)} old messages are in Slack was never found out, the last {last.match_id} in "
        f"{last.channel_id}; they do not go out again"
    ]


def _unposted(facts: Facts) -> dict[str, str]:
    """Alerts that could not be posted."""
    if not (each := facts.unposted):
        return {}
    return {
        UNPOSTED: f"the alert channel {each.channel_id} (LOLSLACKBOT_ALERT_CHANNEL) could not be posted to: "
        f"{each.error}; alerts that wait since {text_of(each.since)}: {each.number}; `lolslackbot check` says what it "
        "needs, `lolslackbot deliver` posts them then"
    }
