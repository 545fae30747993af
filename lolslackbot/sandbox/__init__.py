"""A Riot, its Data Dragon and a Slack on loopback, for tests, the demo and newcomers without keys.

It imports nothing else of the package: an independent witness cannot share a client's mistake.
"""

from lolslackbot.sandbox.data_dragon import DataDragon
from lolslackbot.sandbox.mishaps import Mishap
from lolslackbot.sandbox.riot import Active, Player, Rank, Riot
from lolslackbot.sandbox.slack import Channel, Post, Slack

__all__ = ["Active", "Channel", "DataDragon", "Mishap", "Player", "Post", "Rank", "Riot", "Sandbox", "Slack"]


class Sandbox:
    """The three servers; they run inside `with`, or between `start` and `stop`."""

    def __init__(self, seed: int = 1) -> None:
        self.riot = Riot(seed)
        self.slack = Slack(seed)
        self.data_dragon = DataDragon()

    def start(self) -> "Sandbox":
        """Listens from now on, on ports that the system picks the first time."""
        self.riot.start()
        self.slack.start()
        self.data_dragon.start()
        return self

    def stop(self) -> None:
        """Refuses connections from now on."""
        self.riot.stop()
        self.slack.stop()
        self.data_dragon.stop()

    def __enter__(self) -> "Sandbox":
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def settings(self) -> dict[str, str]:
        """The bot's settings that lead it here; only known once started."""
        if not (self.riot.port and self.slack.port):
            raise RuntimeError("the sandbox has no ports before it is started")
        return {
            "RIOT_API_KEY": self.riot.key,
            "SLACK_BOT_TOKEN": self.slack.workspaces["default"].token,
            "LOLSLACKBOT_RIOT_URL": f"http://127.0.0.1:{self.riot.port}/{{routing}}",
            "LOLSLACKBOT_SLACK_URL": f"http://127.0.0.1:{self.slack.port}/api/",
            "LOLSLACKBOT_DDRAGON_URL": f"http://127.0.0.1:{self.data_dragon.port}",
        }
