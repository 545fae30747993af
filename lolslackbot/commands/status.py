"""`status`: how things stand."""

import sys
from datetime import datetime, timedelta

import click

from lolslackbot.admin.facts import Facts, StageRuns
from lolslackbot.admin.needs import CUT_OFF, scope_label
from lolslackbot.admin.status import Status, status
from lolslackbot.clock import text_of
from lolslackbot.commands.app import App, person
from lolslackbot.console import ago, show_json, show_line
from lolslackbot.errors import Exit


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def status_command(app: App, as_json: bool) -> None:
    """Say how things stand, and what needs a person. Exit status 0: nothing does; 1: something does.

    \b
    lolslackbot status
    lolslackbot status --json
    """
    with person(), app.looking(though_locked=True) as db:
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
    for line in [*(found.needs or ["Nothing needs a person."]), *found.notes]:
        show_line(line)
    for stage, each in facts.stages.items():
        show_line(f"{stage}: {_told(each, facts.now)}")
        if each.since and sum(each.ends.values()) > 1:
            show_line(
                f"    the last {sum(each.ends.values())} runs, from {ago(each.since, facts.now)} on: {_ends(each)}"
            )
    show_line(_freshness(facts))
    show_line(", ".join(f"{what}: {number}" for what, number in facts.waiting.items() if number) or "Nothing waits.")
    for hold in facts.holds:
        if hold.until is not None:
            state = "held back until" if facts.in_force(hold) else "was held back until"
            show_line(f"{scope_label(hold.scope, facts.names)} {state} {text_of(hold.until)}: {hold.reason}")


def _told(stage: StageRuns, now: datetime) -> str:
    run = stage.last
    if run is None:
        return "no run on record"
    if run.ended_at is None:
        return f"began {ago(run.began_at, now)} and {'is at work' if stage.at_work else CUT_OFF}"
    summary = (run.summary or "").removeprefix(f"{run.stage}: ")
    seconds = (run.ended_at - run.began_at).total_seconds()
    took = f", {seconds:.1f} s" if seconds >= 0 else ""  # else the clock was set back meanwhile
    return f"{ago(run.began_at, now)}{took}, exit {run.exit_status}: {summary}"


def _ends(stage: StageRuns) -> str:
    return ", ".join(f"{number} {f'exit {end}' if end.isdigit() else end}" for end, number in stage.ends.items())


def _freshness(facts: Facts) -> str:
    fresh = facts.freshness
    told = [
        (fresh.last_listed_at, "Riot was last asked for a match list"),
        (fresh.longest_unasked_since, _stalest_list(facts.was_asked)),
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
