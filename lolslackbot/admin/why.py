"""The whole story of one match, of a player's last games, of what a channel gets; all from the database."""

from collections.abc import Iterator
from datetime import datetime

from lolslackbot.admin.facts import hosts_without
from lolslackbot.admin.needs import CUT_OFF, FAR_BEHIND, OFF, TICKS_MISSED, need_of
from lolslackbot.clock import text_of
from lolslackbot.errors import NotFound
from lolslackbot.model import RiotId, is_match_id
from lolslackbot.store import channels, decisions, holds, players, reasons, runs, stories
from lolslackbot.store.database import Database
from lolslackbot.store.holds import Hold
from lolslackbot.store.locks import is_at_work
from lolslackbot.store.stories import MatchStory, MessageStory

LAST = 10  # games of a player, messages of a channel

Told = tuple[datetime, str]


def why(db: Database, about: str, now: datetime) -> list[str]:
    """The story, line by line. about: a match id, a Riot ID or a channel. Raises NotFound where nothing is known."""
    with db.one_moment():
        if "#" in about:
            name, _, tag = about.rpartition("#")
            return list(_player(db, RiotId(name.strip(), tag.strip()), now))
        if is_match_id(about.upper()):
            return list(_match(db, about.upper(), now))
        return list(_channel(db, about, now))


# A match


def _match(db: Database, match_id: str, now: datetime) -> Iterator[str]:
    story = stories.of_match(db, match_id)
    if story is None:
        raise NotFound(f"nothing is known of {match_id}: Riot never listed it for a player who was tracked then")
    yield f"{match_id} is {_state(story)}"
    told = [*_ledger(story), *_decided(db, f"match {match_id}")]
    told += [each for each in _decided(db, decisions.EVERYTHING) if each[0] >= story.listed_at]
    for message in story.messages:
        told += [*_outbox(message), *_decided(db, f"message {match_id}:{message.channel_id}")]
    yield from _in_order(told, now)
    for channel_id, queues in story.unwanted:
        yield f"{channel_id} hears nothing of it: it wants {queues}"
    if story.next_look_at and (host := _host_without(db, match_id)):
        yield (
            f"{host} gave no match since its first 404 at {text_of(story.missing_since or story.listed_at)}: one such "
            "match is asked for every half-hour, and this one once any comes, while it is news; "
            f"`lolslackbot retry --match {match_id}` asks for it at once"
        )
    elif story.next_look_at:
        last_run = _last_run(db, "fetch-matches", now)
        yield f"Riot is asked for it after {text_of(story.next_look_at)}{_held(db, now, 'riot') or last_run}"
    elif reasons.is_missed(story.state, story.reason, True, story.looked_at, now):
        yield f"`lolslackbot retry --match {match_id}` asks Riot for it again"
    if story.state == "stored" and story.built_at is None:
        last_run = _last_run(db, "build-messages", now)
        yield f"its messages are made by the next `lolslackbot build-messages`{last_run}"
    for message in story.messages:
        scopes = holds.channel_scope(message.channel_id), holds.workspace_scope(message.workspace)
        held = _held(db, now, holds.EVERYTHING, *scopes)
        yield _what_next(message, held or _last_run(db, "deliver", now))


def _host_without(db: Database, match_id: str) -> str | None:
    """The host that a match waits for, since it gives none at all."""
    hosts = hosts_without(db).items()
    return next((host for host, waiting in hosts if match_id in {each.match_id for each in waiting}), None)


def _state(story: MatchStory) -> str:
    if story.state == "missing":
        return "missing: Riot answered 404" + ("" if story.next_look_at else " and is not asked again")
    return story.state + (f": {story.reason}" if story.reason else "")


def _ledger(story: MatchStory) -> Iterator[Told]:
    names = ", ".join(map(str, story.listed_for)) or "nobody we know"
    yield story.listed_at, f"listed by Riot, for {names}"
    if story.ended_at:
        yield story.ended_at, "the game ended"
    if story.looked_at:
        failed = [f"{story.looks} times 404"] * bool(story.looks) + [f"{story.failures} faults"] * bool(story.failures)
        yield story.looked_at, f"Riot was asked for it{' (so far ' + ', '.join(failed) + ')' if failed else ''}"
    if story.built_at:
        yield story.built_at, f"messages made: {len(story.messages)}"


def _outbox(message: MessageStory) -> Iterator[Told]:
    channel = message.channel_id
    if message.claimed_at and message.attempts:
        yield message.claimed_at, f"{channel}: claimed, attempt {message.attempts}"
    if message.settled_at and (message.error or message.state != "pending"):  # else it is an end that `retry` undid
        receipt = f", ts {message.slack_ts}" if message.slack_ts else ""
        error = f": {message.error}" if message.error else ""
        yield message.settled_at, f"{channel}: {message.state}{receipt}{error}"


def _what_next(message: MessageStory, held: str = "") -> str:
    channel, error = message.channel_id, f": {message.error}" if message.error else ""
    match message.state:
        case "pending":
            return f"{channel}: it waits for the next `lolslackbot deliver`{held}{error}"
        case "sending":
            return f"{channel}: it is being sent, or the process that did so died; the next `lolslackbot deliver` tells"
        case "uncertain":
            return (
                f"{channel}: it may or may not be in Slack{error}; `lolslackbot deliver` looks it up in the channel's "
                f"history; `lolslackbot retry --message {message.match_id} {channel}` sends it again"
            )
        case "failed":
            again = f"`lolslackbot retry --message {message.match_id} {channel}` tries again"
            return f"{channel}: it is not in Slack{error}; {again}"
        case "expired":
            return f"{channel}: it never went out, and will not{error}"
    return f"{channel}: it is in Slack"


# A player


def _player(db: Database, riot_id: RiotId, now: datetime) -> Iterator[str]:
    player = players.with_riot_id(db, riot_id)
    if player is None and (player := players.formerly(db, riot_id)):
        yield f"{riot_id} is called {player.riot_id} now"
    if player is None:
        raise NotFound(
            f"nothing is known of {riot_id}: `lolslackbot players` lists who is tracked, "
            "renamed players by their new name"
        )
    tracks = [track for track in players.tracks(db) if track.player.player_id == player.player_id]
    yield f"{player.riot_id} ({player.platform}) is {'tracked' if tracks else 'not tracked any more'}"
    for track in tracks:
        yield f"games that end after {text_of(track.since)} are announced in {track.channel_id}"
    yield from _in_order(_decided(db, f"player {player.player_id}"), now)
    if player.problem:
        yield f"Riot's list cannot be had: {player.problem}"
    elif tracks:
        asked = players.listed_at(db, player.player_id)
        last = f"was last asked for the list at {text_of(asked)}" if asked else "was never asked for the list"
        yield f"Riot {last}{_held(db, now, 'riot') or _last_run(db, 'fetch-matches', now)}"
    games = stories.of_player(db, player.player_id, LAST)
    for game in games:
        ended = f"ended {text_of(game.ended_at)}" if game.ended_at else f"listed {text_of(game.listed_at)}"
        yield f"{game.match_id}, {ended}: {_state(game)}{_fates(game)}"
    others = players.newest_game_of_others(db, player.player_id) if tracks else None
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
        yield "Riot has listed no game yet"
    if not games and tracks:
        mend = f'`lolslackbot track "{player.riot_id}" --channel {tracks[0].channel_id}` asks Riot and mends that'
        yield f"if there were games, {player.platform} may be the wrong platform: {mend}"


def _fates(game: MatchStory) -> str:
    fates = [f"{each.channel_id} {each.state}{f' ({each.error})' if each.error else ''}" for each in game.messages]
    fates += [f"{channel_id} does not want it" for channel_id, _ in game.unwanted]
    return "".join(f"; {fate}" for fate in fates)


# A channel


def _channel(db: Database, channel_id: str, now: datetime) -> Iterator[str]:
    if channel_id not in (preferences := channels.preferences(db)):
        raise NotFound(
            f"nothing is known of {channel_id}: it takes a match id, NAME#TAG or the id of a channel of ours"
        )
    queues, style = preferences[channel_id]
    tracks = [track for track in players.tracks(db) if track.channel_id == channel_id]
    names = ", ".join(str(track.player.riot_id) for track in tracks) or "nobody any more"
    yield f"{channel_id} hears of {names}; queues: {queues}; style: {style}"
    yield from _in_order(_decided(db, holds.channel_scope(channel_id)), now)
    found = stories.of_channel(db, channel_id, LAST)
    workspaces = [holds.workspace_scope(track.workspace) for track in tracks]
    held = _that_hold(db, now, holds.EVERYTHING, holds.channel_scope(channel_id), *workspaces)
    for hold in held:
        yield _words(hold)
    if not held and (last_run := _last_run(db, "deliver", now)):
        yield f"what waits goes out with the next `lolslackbot deliver`{last_run}"
    for message in found:
        yield f"{message.match_id}, ended {text_of(message.ended_at)}: {_what_next(message)}"
    if not found:
        yield "no message was made for it yet"


# All of them


def _decided(db: Database, subject: str) -> Iterator[Told]:
    for decision in decisions.about(db, subject):
        if decision.command == decisions.RENAMED:
            yield decision.decided_at, f"a new name: {decision.change}"
        else:
            yield decision.decided_at, f"`{decision.command}` by hand, {decision.subject}: {decision.change}"


def _in_order(told: list[Told] | Iterator[Told], now: datetime) -> Iterator[str]:
    moment = now
    for moment, said in sorted(told, key=lambda each: each[0]):
        yield f"{text_of(moment)} {said}"
    if moment > now + OFF:
        wrong = "by this clock some of that is still to come: it was ahead then, or is behind now"
        yield f"{wrong}; `lolslackbot check` compares it with the servers'"


def _last_run(db: Database, stage: str, now: datetime) -> str:
    """When that stage was last at work, where that explains why things wait."""
    last = next(iter(runs.latest(db, stage)), None)
    if last is None:
        return ""
    if now - last.began_at >= TICKS_MISSED:
        return f"; {stage} did not run since {text_of(last.began_at)}: `crontab -l` and `lolslackbot check` say why"
    if last.ended_at is None:
        return "" if is_at_work(db.path, stage) else f"; the last {stage} {CUT_OFF}: `lolslackbot check` says why"
    return f"; the last {stage} ended with {last.exit_status}, {last.summary}" if last.exit_status else ""


def _held(db: Database, now: datetime, *scopes: str) -> str:
    return "".join(f"; {_words(hold)}" for hold in _that_hold(db, now, *scopes))


def _that_hold(db: Database, now: datetime, *scopes: str) -> list[Hold]:
    return [
        hold
        for hold in holds.all_live(db, now)
        if hold.scope in scopes or ("riot" in scopes and hold.scope.startswith("riot "))
    ]


def _words(hold: Hold) -> str:
    return (
        need_of(hold)
        if hold.until is None
        else f"{hold.scope} is {hold.kind} until {text_of(hold.until)}: {hold.reason}"
    )
