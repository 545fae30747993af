"""What needs a person, and the command that helps; what is good to know. Pure: facts in, sentences out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from lolslackbot.admin.facts import Facts, StageRuns
from lolslackbot.clock import clock_fault, text_of
from lolslackbot.errors import Exit
from lolslackbot.settings import token_name
from lolslackbot.store import holds
from lolslackbot.store.decisions import RENAMED_TO
from lolslackbot.store.holds import Hold
from lolslackbot.store.locks import STAGES
from lolslackbot.store.standing import Lost

TICKS_MISSED = timedelta(minutes=9)  # three ticks of cron
TOO_LONG = timedelta(hours=1)
OFF = timedelta(minutes=1)  # a run that begins so much later than now: the clock was set back
PILE = 5  # matches that came to nothing within a day: fewer are Riot's usual oddities
ROOM = 100 * 2**20  # bytes: below that the disk is as good as full
ENOUGH_RUNS = 5  # to see that a stage runs out of time again and again
LOCKED = "database locked"
UNPOSTED = "alerts unposted"  # the alert channel cannot be told of that
CUT_OFF = "was cut off (killed, or it could not write)"


def find_needs(facts: Facts) -> dict[str, str]:
    """Sentences, each with what to do, by what tells the problem apart."""
    return {
        **_house(facts),
        **_clock(facts),
        **{f"{hold.scope} {hold.kind}": need_of(hold) for hold in facts.holds if hold.until is None},
        **_long_limits(facts),
        **_unlisted(facts),
        **_silences(facts),
        **_staleness(facts),
        **_unusable(facts),
        **_unwell(facts),
        **_out_of_time(facts),
        **_queues(facts),
        **{what: said for what, number, said in _lost(facts.lost) if number >= PILE},
        **_failures(facts),
        **_doubts(facts),
        **_unposted(facts),
    }


def find_notes(facts: Facts) -> list[str]:
    """Sentences about what asks nothing of anybody."""
    return [
        *[said for _, number, said in _lost(facts.lost) if number < PILE],
        *_expired(facts.expired),
        *[
            f"{each.change.replace(RENAMED_TO, ' is called ')} since {text_of(each.decided_at)}"
            for each in facts.new_names
        ],
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


def need_of(hold: Hold) -> str:
    """What a hold that no time lifts asks of a person."""
    what, _, name = hold.scope.partition(" ")
    remedy = {
        "rejected": f"put a new one into `env`, {_key_of(hold)}, then `lolslackbot check`",
        "broken": f"mend the channel in Slack, then `lolslackbot retry --channel {name}`",
        "paused": f"`lolslackbot resume{f' --channel {name}' if what == 'channel' else ''}` goes on",
    }[hold.kind]
    return f"{hold.scope} is {hold.kind} since {text_of(hold.since)}: {hold.reason}; {remedy}"


def _key_of(hold: Hold) -> str:
    if _is_riots(hold):
        return "RIOT_API_KEY from developer.riotgames.com"
    return f"{token_name(hold.scope.removeprefix('workspace '))} from the app's page, installed again"


def _is_riots(hold: Hold) -> bool:
    return hold.scope.partition(" ")[0] == holds.RIOT_KEY


def _long_limits(facts: Facts) -> dict[str, str]:
    """A 429 that lasts: nobody can lift it, but somebody should know."""
    return {
        f"{hold.scope} {hold.kind}": f"{hold.scope} is held back until {text_of(hold.until)}: {hold.reason}; "
        f"`lolslackbot {_stage_of(hold)}` goes on then; if it comes again, something else uses up the allowance"
        for hold in facts.holds
        if hold.until and _lasts(facts, hold)
    }


def _lasts(facts: Facts, hold: Hold) -> bool:
    return hold.until is not None and hold.until - facts.now > TOO_LONG


def _stage_of(hold: Hold) -> str:
    return "fetch-matches" if _is_riots(hold) else "deliver"


def _unlisted(facts: Facts) -> dict[str, str]:
    """Players whose list cannot be had."""
    needs: dict[str, str] = {}
    for each in facts.unlisted:
        renamed = (
            f'whoever has another name now: `lolslackbot untrack "{each.riot_id}"`, then '
            f'`lolslackbot track "NAME#TAG" --channel {each.channel_id}`'
        )
        remedy = "the next run asks again" if "odd" in each.problem else renamed
        needs.setdefault(f"player {each.player_id} unlisted", f"player {each.riot_id}: {each.problem}; {remedy}")
    return needs


# The stages


def _silences(facts: Facts) -> dict[str, str]:
    """Stages that cron no longer starts, and runs that were cut off or hang. Without any player nothing is missed."""
    since = facts.recorded_since
    if since is None or facts.tracked_since is None:
        return {}
    silent = {
        stage: each
        for stage, each in facts.stages.items()
        if facts.now - (each.last.began_at if each.last else since) >= TICKS_MISSED
    }
    if len(silent) == len(STAGES) and not any(each.at_work for each in silent.values()):
        last = max(each.last.began_at for each in silent.values() if each.last)
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
    last = text_of(each.last.began_at)
    if each.at_work:
        end = "end its process, which the log names (run-…)"
        return f"began at {last} and has not ended: it hangs; {end}, then `lolslackbot {stage}`"
    return f"{f'{CUT_OFF} and ' if each.cut_off else ''}did not run since {last}; {by_hand}"


def _staleness(facts: Facts) -> dict[str, str]:
    """Lists that nobody asks for, although nothing that is said elsewhere keeps us from it."""
    since, last = facts.tracked_since, facts.freshness.last_listed_at
    if since is None or facts.now - max(since, last or since) < TICKS_MISSED:
        return {}
    fetching = facts.stages["fetch-matches"]
    is_silent = fetching.last and facts.now - fetching.last.began_at >= TICKS_MISSED
    if is_silent or _riot_waits(facts):
        return {}
    asked = f"since {text_of(last)}" if last else "ever"
    ended = fetching.last_ended
    said = f"though fetch-matches ran: {ended.summary}" if ended else "and no run is on record"
    return {
        "lists unasked": f"Riot was not asked for any list {asked}, {said}; `lolslackbot -v fetch-matches` says why"
    }


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
    needs = {}
    for stage, each in facts.stages.items():
        last, since = each.last_ended, each.last_good_at or facts.recorded_since
        if last is None or since is None or last.began_at - since <= TOO_LONG or stage in explained:
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
    for stage, waiting in _waits_for_long(facts).items():
        if not _is_pressed(facts, stage, facts.stages[stage]):  # else its time budget is why
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
    return any(_is_riots(hold) and facts.in_force(hold) for hold in facts.holds)


def _lost(lost: Sequence[Lost]) -> list[tuple[str, int, str]]:
    """What tells it apart, how many, and what a person can do: few are nobody's fault, many are."""
    found = []
    if missing := [story.match_id for story in lost if story.state == "missing"]:
        said = f"{len(missing)} matches are missing within a day, the last {missing[0]}: Riot answers 404"
        found.append(("matches missing", len(missing), f"{said}; `lolslackbot retry --missing` asks again"))
    if given_up := [story for story in lost if story.state == "given_up"]:
        last = given_up[0]
        said = f"{len(given_up)} matches were given up within a day, the last {last.match_id}: {last.reason}"
        again = f"`lolslackbot retry --match {last.match_id}` asks again"
        found.append(("matches given up", len(given_up), f"{said}; {again}"))
    return found


def _expired(expired: Mapping[str, int]) -> list[str]:
    if not expired:
        return []
    told = ", ".join(f"{number} {reason}" for reason, number in expired.items())
    return [f"{sum(expired.values())} messages expired within a day and were not announced: {told}"]


def _failures(facts: Facts) -> dict[str, str]:
    """By channel; one that is broken says so, and what to do, by its hold."""
    broken = {hold.scope for hold in facts.holds if hold.kind == "broken"}
    needs = {}
    for channel in sorted({each.channel_id for each in facts.failed}):
        here = [each for each in facts.failed if each.channel_id == channel]
        if holds.channel_scope(channel) not in broken:
            needs[f"messages failed {channel}"] = (
                f"messages failed in {channel} within a day: {len(here)}, the last {here[-1].match_id}: "
                f"{here[-1].error}; `lolslackbot retry --channel {channel}` tries again"
            )
    return needs


def _doubts(facts: Facts) -> dict[str, str]:
    """Messages of unknown outcome; one that is being sent at this moment is none."""
    at_work = facts.stages["deliver"].at_work
    doubted = [each for each in facts.doubted if each.state == "uncertain" or not at_work]
    if not doubted:
        return {}
    untold = [each for each in doubted if each.error and "cannot be looked up" in each.error]
    first = (untold or doubted)[0]
    again = f"look into the channel; `lolslackbot retry --message {first.match_id} {first.channel_id}` sends it again"
    remedy = again if untold else "`lolslackbot deliver` looks them up, in two runs at least"
    return {
        "messages uncertain": f"messages may or may not be in Slack: {len(doubted)}, first {first.match_id} in "
        f"{first.channel_id} ({first.error or 'its run died'}); {remedy}"
    }


def _unposted(facts: Facts) -> dict[str, str]:
    """Alerts that could not be posted."""
    if not (each := facts.unposted):
        return {}
    return {
        UNPOSTED: f"the alert channel {each.channel_id} (LOLSLACKBOT_ALERT_CHANNEL) could not be posted to: "
        f"{each.error}; alerts that wait since {text_of(each.since)}: {each.number}; `lolslackbot check` says what it "
        "needs, `lolslackbot deliver` posts them then"
    }
