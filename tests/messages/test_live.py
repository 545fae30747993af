"""The notice of a game in progress: who, what, on which side; and what it becomes."""

import json

import pytest

from lolslackbot.game import Champion, Champions, LiveFriend, LiveGame
from lolslackbot.messages.live import render_ended, render_live
from lolslackbot.messages.render import RenderedMessage
from lolslackbot.rank import Standing
from lolslackbot.sandbox.blocks import fault_of, shown

CHAMPIONS = Champions("16.23.1", {103: Champion("Ahri", "Ahri.png"), 62: Champion("Wukong", "MonkeyKing.png")})
A = LiveFriend("A", 100, 103, Standing("GOLD", "II", 45, 30, 20))
B, C = LiveFriend("B", 100, 62), LiveFriend("C", 200, 999)
LINK = "https://slack.com/archives/C1/p1700000000000001"


def game(*friends: LiveFriend, queue: int = 420, mode: str = "CLASSIC") -> LiveGame:
    return LiveGame("EUW1_5", queue, mode, friends)


def seen(message: RenderedMessage) -> str:
    """Its blocks as people see them; Slack takes them."""
    blocks = json.loads(message.blocks)
    assert fault_of(blocks) is None
    return shown(blocks)


@pytest.mark.parametrize(
    ("shown_game", "text"),
    [
        (game(A), "🎮 A is in a game · Ranked Solo/Duo · blue side · Ahri · Gold II 45 LP"),
        (game(C), "🎮 C is in a game · Ranked Solo/Duo · red side"),  # a champion that nobody has named yet
        (
            game(A, B),
            "🎮 A and B are in a game · Ranked Solo/Duo · blue side\nA · Ahri · Gold II 45 LP\nB · Wukong",
        ),
        (
            game(C, A, queue=400),
            "🎮 C and A are in a game · Normal Draft\n🟦 Blue side\nA · Ahri · Gold II 45 LP\n🟥 Red side\nC",
        ),
        (game(B, queue=0), "🎮 B is in a game · Summoner's Rift · blue side · Wukong"),  # a custom one, perhaps
        (game(B, C, queue=1750, mode="CHERRY"), "🎮 B and C are in a game · Arena\nB · Wukong\nC"),
        (game(C, queue=1830, mode="STRAWBERRY"), "🎮 C is in a game · Swarm"),
        (game(LiveFriend("D", 0, 62)), "🎮 D is in a game · Ranked Solo/Duo · Wukong"),
    ],
)
def test_notice(shown_game: LiveGame, text: str) -> None:
    """Text and blocks say the same."""
    message = render_live(shown_game, CHAMPIONS)
    assert message.text == text
    assert seen(message) == text


@pytest.mark.parametrize("queue", [420, 700, 720, 2400, 3270, 4310, 0])
def test_notice__promises_nothing(queue: int) -> None:
    """Clash, custom games and some modes never have a result under that id."""
    message = render_live(game(A, queue=queue), CHAMPIONS)
    assert not {"result", "follow", "soon", "later"} & set(message.text.lower().split())


def test_names_cannot_format_or_ping() -> None:
    friend = LiveFriend("<!channel> *x*", 100, 62)
    message = render_live(game(friend), CHAMPIONS)
    assert "&lt;!channel&gt; *x*" in message.text
    assert "<!channel> *x*" in seen(message)


def test_many_friends() -> None:
    """The first line names some, the lines below all."""
    message = render_live(game(*(LiveFriend(f"F{number}", 100, 62) for number in range(5))), CHAMPIONS)
    first, *lines = message.text.split("\n")
    assert first == "🎮 F0, F1 and 3 others are in a game · Ranked Solo/Duo · blue side"
    assert lines == [f"F{number} · Wukong" for number in range(5)]


def test_ended__leads_to_the_result() -> None:
    message = render_ended(game(A, B), LINK)
    assert message.text == f"🏁 A and B were in a game · Ranked Solo/Duo\n{LINK}"
    assert LINK in message.blocks
    assert seen(message).startswith("🏁 A and B were in a game · Ranked Solo/Duo · Result")


def test_ended__without_a_result() -> None:
    message = render_ended(game(A), "")
    assert message.text == "🏁 A was in a game · Ranked Solo/Duo · it is over"
    assert seen(message) == message.text
