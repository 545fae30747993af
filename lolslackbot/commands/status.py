"""`status`: how things stand."""

import sys
from datetime import datetime, timedelta

import click

from lolslackbot.clock import text_of
from lolslackbot.commands.app import App, report_errors
from lolslackbot.console import ALARM, FINE, ago, show_json, show_line, show_table
from lolslackbot.errors import Exit
from lolslackbot.health.facts import Facts, StageRuns
from lolslackbot.health.needs import CUT_OFF, scope_label
from lolslackbot.health.status import Status, status
from lolslackbot.store.holds import Hold


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def status_command(app: App, as_json: bool) -> None:
    """Show what waits, what fails, and what needs a person. Exit status 0: nothing does; 1: something does.

    \b
    lolslackbot status
    lolslackbot status --json
    """
    with report_errors(), app.open_readonly(though_locked=True) as db:
        found = status(db, app.clock.now(), timedelta(seconds=app.settings.announce_within))
    if as_json:
        show_json(found.as_json())
    else:
        show_status(found)
    sys.exit(int(Exit.SOME_FAILED if found.needs else Exit.OK))


def show_status(found: Status) -> None:
    """One screen."""
    facts = found.facts
    show_line(f"database {facts.database}, user {facts.user}")
    for need in found.needs:
        show_line(need, colour=ALARM)
    if not found.needs:
        show_line("Nothing needs a person.", colour=FINE)
    for note in found.notes:
        show_line(note)
    show_table([_row(stage, each, facts.now) for stage, each in facts.stages.items()], "")
    show_line(_freshness(facts))
    show_line(", ".join(f"{what}: {number}" for what, number in facts.waiting.items() if number) or "Nothing waits.")
    held = [hold for hold in facts.holds if hold.until is not None]
    if held:
        show_table([_held(hold, facts) for hold in held], "")


def _row(name: str, stage: StageRuns, now: datetime) -> dict[str, str]:
    run = stage.last
    seconds = (run.ended_at - run.began_at).total_seconds() if run and run.ended_at else -1.0
    return {
        "stage": name,
        "last run": ago(run.began_at, now) if run else "no run on record",
        "took": f"{seconds:.1f} s" if seconds >= 0 else "",  # less than 0: the clock was set back meanwhile
        "end": _end(stage),
        "summary": CUT_OFF if stage.cut_off else (run.summary or "").removeprefix(f"{run.stage}: ") if run else "",
        "last runs": _ends(stage, now),
    }


def _end(stage: StageRuns) -> str:
    if stage.last and stage.last.ended_at:
        return f"exit {stage.last.exit_status}"
    return "at work" if stage.at_work else "cut off" if stage.cut_off else ""


def _held(hold: Hold, facts: Facts) -> dict[str, str]:
    assert hold.until
    return {
        "held back": scope_label(hold.scope, facts.names),
        "until": text_of(hold.until),
        "now": "held back" if facts.in_force(hold) else "over",
        "reason": hold.reason,
    }


def _ends(stage: StageRuns, now: datetime) -> str:
    number = sum(stage.ends.values())
    if not stage.since or number < 2:
        return ""
    ends = ", ".join(f"{times} {f'exit {end}' if end.isdigit() else end}" for end, times in stage.ends.items())
    return f"{number} from {ago(stage.since, now)} on: {ends}"


def _freshness(facts: Facts) -> str:
    fresh = facts.freshness
    told = [
        (fresh.last_listed_at, "Riot was last asked for a match list"),
        (fresh.longest_unasked_since if fresh.last_listed_at else None, _stalest_list(facts.was_asked)),
        (fresh.wanted_since, "the oldest match not asked for yet was listed"),
        (fresh.waiting_since, "the oldest waiting message was built"),
        (fresh.last_post_at, "the last message went out"),
    ]
    known = [f"{what} {ago(moment, facts.now)}" for moment, what in told if moment]
    return "; ".join([*([] if fresh.last_listed_at else ["no request for a match list is on record"]), *known])


def _stalest_list(was_asked: bool) -> str:
    if was_asked:
        return "the stalest list was last asked for"
    return "the stalest list has no request on record since its player was tracked"
