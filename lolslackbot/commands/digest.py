"""`digest`, which sums up a week for the channels, and `leaderboard`, which shows the same table here."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import click

from lolslackbot.admin.arguments import read_channel_id
from lolslackbot.clock import text_of
from lolslackbot.commands.app import App, checked, report_errors
from lolslackbot.console import show_json, show_line, show_table
from lolslackbot.location import is_server
from lolslackbot.messages.recap import Figures
from lolslackbot.model import Player
from lolslackbot.stages.run import Run
from lolslackbot.store import players
from lolslackbot.store.database import Database
from lolslackbot.week import Week, read_week

DAYS = 7  # of a leaderboard, unless said otherwise

_WEEK = click.option("--week", metavar="W", callback=checked(read_week), help="An ISO week, such as 2026-W48.")
_CHANNEL = click.option(
    "--channel", metavar="C", callback=checked(read_channel_id), help="This channel only; otherwise all."
)


@click.command("digest")
@_WEEK
@_CHANNEL
@click.option("--again", is_flag=True, help="Build it anew, though there is one already: it is posted once more.")
@click.pass_obj
def digest_command(app: App, week: Week | None, channel: str | None, again: bool) -> None:
    """Sum up a week in one message for each channel. Without --week: the last whole one.

    Calls nobody: the next `deliver` posts it. Run again, it builds nothing new. A channel without a game in that week
    gets none, and neither does one that wants none (`lolslackbot channels set C --digest off`).

    \b
    lolslackbot digest
    lolslackbot digest --week 2026-W48 --channel C0123456789
    """
    if week and week.ends > _now(app):
        raise click.UsageError(f"--week {week} is not over before {text_of(week.ends)}; see `lolslackbot leaderboard`")

    def work(db: Database, run: Run) -> None:
        from lolslackbot.stages.digest import Order, build_digests  # all that words need

        order = Order(week or Week.last_whole(run.clock.now()), channel, again)
        build_digests(db, run, order, app.settings.match_link)

    app.run("digest", work)


def _now(app: App) -> datetime:
    """Where hosts share a database, what time it is there."""
    with report_errors():
        if is_server(app.settings.database):
            with app.open_readonly():
                return app.clock.now()
    return app.clock.now()


@click.command("leaderboard")
@_CHANNEL
@_WEEK
@click.option("--days", type=click.IntRange(1, 366), help=f"The last so many days; {DAYS} without --week.")
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@click.pass_obj
def leaderboard_command(app: App, channel: str | None, week: Week | None, days: int | None, as_json: bool) -> None:
    """Show games, wins and LP of a week, friend by friend.

    \b
    lolslackbot leaderboard
    lolslackbot leaderboard --channel C0123456789 --week 2026-W48
    """
    if week and days:
        raise click.UsageError("--week and --days exclude each other")
    with report_errors(), app.open_readonly(though_locked=True) as db, db.snapshot():
        from lolslackbot.stages.digest import recap_of, tracked_channels

        moments = week.midnights if week else _last_days(app.clock.now(), days or DAYS)
        found = recap_of(db, [each for each, _ in tracked_channels(db, channel)], moments)
        known = players.with_puuids(db, [each.puuid for each in found.friends])
    if as_json:
        show_json([_json(each, known) for each in found.friends])
        return
    show_line(f"{text_of(moments[0])[:16]}Z to {text_of(moments[-1])[:16]}Z: {found.summary}")
    show_table([_row(each, known) for each in found.friends], "No games.")


def _last_days(now: datetime, days: int) -> tuple[datetime, datetime]:
    return now - timedelta(days=days), now


def _json(each: Figures, known: Mapping[str, Player]) -> dict[str, Any]:
    """The shape that `leaderboard --json` promises to programs; null is what is not known."""
    return {
        "player": str(known[each.puuid].riot_id),
        "games": each.games,
        "wins": each.wins,
        "losses": each.losses,
        "kills": each.kills,
        "deaths": each.deaths,
        "assists": each.assists,
        "pentakills": each.penta_kills if each.is_whole else None,
        "seconds": each.seconds,
        "lp": each.climb.lp if each.climb else None,
        "rank": each.climb.standing.text if each.climb else None,
        "queue": each.queue,
    }


def _row(each: Figures, known: Mapping[str, Player]) -> dict[str, Any]:
    from lolslackbot.messages.digest import duration, kda_of, lp_of

    return {
        "player": str(known[each.puuid].riot_id),
        "games": each.games,
        "W–L": f"{each.wins}–{each.losses}",
        "LP": lp_of(each) or None,
        "K/D/A": kda_of(each) or None,
        "time": duration(each.seconds),
        "rank": each.climb.standing.text if each.climb else None,
    }
