"""A game in progress, as a channel wants to hear of it -> the notice that Slack will be sent, and how it ends. Pure.

Nothing here promises a result: remakes, Clash, custom games and some modes have none that Riot gives out.
"""

import html
import json
from collections.abc import Sequence
from itertools import groupby

from lolslackbot.game import ARENA, SWARM, Champions, LiveFriend, LiveGame
from lolslackbot.messages.announcement import Name, names_of
from lolslackbot.messages.game_queues import queue_name
from lolslackbot.messages.render import RenderedMessage
from lolslackbot.messages.slack_text import (
    Json,
    cut,
    rich,
    rich_part,
    rich_section,
    safe_url,
    spoken_part,
    visible,
)

_SIDES = {100: "blue side", 200: "red side"}  # spectator-v5 `teamId`
_TITLES = {"blue side": "🟦 Blue side", "red side": "🟥 Red side"}
RESULT = "Result"

_Lines = list[list[Name | str]]  # the first one tells all but details; names are foreign text, the rest is ours


def render_live(game: LiveGame, champions: Champions) -> RenderedMessage:
    """The notice that a game has begun; its friends are those whom the channel tracks, at least one.

    spectator-v5 gives champions by number only: one that Data Dragon has not named yet is left out.
    """
    sides = _sides(game)
    first = [*_opening("🎮", game, "is", "are"), *_told([each for each, _ in sides if len(sides) == 1])]
    if len(game.friends) == 1:
        return _rendered([[*first, *_told(_facts(game.friends[0], champions))]])
    lines: _Lines = [first]
    for side, members in sides:
        lines += [[_TITLES[side]]] if len(sides) > 1 and side else []
        lines += [[Name(each.name), *_told(_facts(each, champions))] for each in members]
    return _rendered(lines)


def render_ended(game: LiveGame, link: str) -> RenderedMessage:
    """What takes the notice's place. link: to the game's own message in that channel; '' where none came."""
    opening = _opening("🏁", game, "was", "were")
    return _rendered([opening], link) if link else _rendered([[*opening, *_told(["it is over"])]])


def _opening(mark: str, game: LiveGame, one: str, several: str) -> list[Name | str]:
    verb = one if len(game.friends) == 1 else several
    names = names_of([each.name for each in game.friends])
    return [f"{mark} ", *names, f" {verb} in a game", *_told([queue_name(game.queue_id, game.game_mode)])]


def _sides(game: LiveGame) -> list[tuple[str, list[LiveFriend]]]:
    """The friends by side, blue first; '' where there are none."""

    def side(friend: LiveFriend) -> str:
        return "" if game.game_mode in (ARENA, SWARM) else _SIDES.get(friend.team_id, "")

    return [(name, list(members)) for name, members in groupby(sorted(game.friends, key=side), key=side)]


def _facts(friend: LiveFriend, champions: Champions) -> list[str]:
    known = champions.by_id.get(friend.champion_id)
    return [known.name if known else "", friend.rank.text if friend.rank else ""]


def _told(facts: Sequence[str]) -> list[str]:
    """Facts after what was said before, with a dot before each; empty ones are left out."""
    return [f" · {visible(each)}" for each in facts if each]


def _rendered(lines: _Lines, link: str = "") -> RenderedMessage:
    url = safe_url(link)
    spoken = ["".join(map(spoken_part, line)) for line in lines]
    text = cut([html.escape(line, quote=False) for line in spoken] + ([url] if url else []))
    elements: list[Json] = []
    for line in lines:
        elements += [*([rich("\n")] if elements else []), *map(rich_part, line)]
    if url:
        elements += [rich(" · "), {"type": "link", "url": url, "text": RESULT}]
    blocks = [{"type": "rich_text", "elements": [rich_section(elements)]}]
    return RenderedMessage(text, json.dumps(blocks))
