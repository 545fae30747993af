"""`status`: how things stand."""

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta

import click

from lolslackbot import __version__
from lolslackbot.clock import text_of
from lolslackbot.commands.app import App, absolute, report_errors
from lolslackbot.console import ALARM, FINE, ago, show_json, show_line, show_table
from lolslackbot.errors import ConfigError, Exit
from lolslackbot.files import write_whole
from lolslackbot.health.facts import Facts, StageRuns
from lolslackbot.health.needs import CUT_OFF, scope_label
from lolslackbot.health.status import Status, status
from lolslackbot.store.holds import Hold
from lolslackbot.store.runs import PastRun


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@click.option("--prometheus", "file", type=click.Path(), help="Write metrics for node_exporter into this .prom file.")
@click.pass_obj
def status_command(app: App, as_json: bool, file: str | None) -> None:
    """Show what waits, what fails, and what needs a person. Exit status 0: nothing does; 1: something does.

    \b
    lolslackbot status
    lolslackbot status --json
    lolslackbot status --prometheus /var/lib/node_exporter/lolslackbot.prom
    """
    with report_errors(), app.open_readonly(though_locked=True) as db:
        found = status(db, app.clock.now(), timedelta(seconds=app.settings.announce_within))
        if file:
            write_metrics(absolute(file), found)
    if as_json:
        show_json(found.as_json())
    elif not file:
        show_status(found)
    sys.exit(int(Exit.SOME_FAILED if found.needs else Exit.OK))


def write_metrics(path: str, found: Status) -> None:
    """Written beside and renamed: the collector never reads a half."""
    from lolslackbot.health.metrics import as_prometheus

    try:
        write_whole(path, as_prometheus(found, __version__))
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def show_status(found: Status) -> None:
    """One screen."""
    facts = found.facts
    show_line(f"database {facts.database}, user {facts.user}")
    for need in found.needs:
        show_line(need.text, colour=ALARM)
    if not found.needs:
        show_line("Nothing needs a person.", colour=FINE)
    for note in found.notes:
        show_line(note)
    rows = [row for stage, runs in facts.stages.items() for row in _stage_rows(stage, runs, facts)]
    show_table(rows, "")
    show_line(_freshness(facts))
    show_line(", ".join(f"{name}: {number}" for name, number in facts.waiting.items() if number) or "Nothing waits.")
    if limits := [_limit_row(hold, facts) for hold in facts.holds if hold.until is not None]:
        show_table(limits, "")


def _stage_rows(name: str, stage: StageRuns, facts: Facts) -> Iterator[dict[str, str]]:
    now = facts.now
    yield {**_stage_row(name, stage, now), **_host(facts, stage.last)}
    for share in stage.shares:
        yield {
            "stage": f"  {share.run.share}",
            "last run": ago(share.run.began_at, now),
            "took": "",
            "end": "at work" if share.at_work else "cut off",
            "summary": "",
            "last runs": "",
            **_host(facts, share.run),
        }


def _host(facts: Facts, run: PastRun | None) -> dict[str, str]:
    """Where it ran, if several machines may use the database."""
    return {"on": run.host or "" if run else ""} if facts.is_shared else {}


def _stage_row(name: str, stage: StageRuns, now: datetime) -> dict[str, str]:
    run = stage.last
    seconds = (run.ended_at - run.began_at).total_seconds() if run and run.ended_at else -1.0
    return {
        "stage": name,
        "last run": ago(run.began_at, now) if run else "no run on record",
        "took": f"{seconds:.1f} s" if seconds >= 0 else "",  # less than 0: the clock was set back meanwhile
        "end": _end(stage),
        "summary": CUT_OFF if stage.cut_off else (run and run.summary) or "",
        "last runs": _ends(stage, now),
    }


def _end(stage: StageRuns) -> str:
    if stage.last and stage.last.ended_at:
        return f"exit {stage.last.exit_status}"
    return "at work" if stage.at_work else "cut off" if stage.cut_off else ""


def _ends(stage: StageRuns, now: datetime) -> str:
    number = sum(stage.ends.values())
    if not stage.since or number < 2:
        return ""
    ends = ", ".join(f"{times} {f'exit {end}' if end.isdigit() else end}" for end, times in stage.ends.items())
    return f"{number}, first {ago(stage.since, now)}: {ends}"


def _limit_row(hold: Hold, facts: Facts) -> dict[str, str]:
    assert hold.until
    return {
        "held back": scope_label(hold.scope, facts.names),
        "until": text_of(hold.until),
        "now": "held back" if facts.in_force(hold) else "over",
        "reason": hold.reason,
    }


def _freshness(facts: Facts) -> str:
    fresh = facts.freshness
    stalest = "stalest player list polled" if facts.was_polled else "stalest player list not polled yet, tracked"
    moments = {
        "last poll": fresh.last_listed_at,
        stalest: fresh.longest_unasked_since if fresh.last_listed_at else None,
        "oldest unfetched match listed": fresh.wanted_since,
        "oldest pending message built": fresh.waiting_since,
        "last message sent": fresh.last_post_at,
    }
    parts = [] if fresh.last_listed_at else ["no poll of a player list on record"]
    return "; ".join([*parts, *(f"{event} {ago(moment, facts.now)}" for event, moment in moments.items() if moment)])
