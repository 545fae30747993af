"""The outage the bot was built for, a day long: 500 messages wait, one channel is dead, one is told "too fast", a match
stays 404, and Slack is away for 480 ticks. Then it is back, and cron goes on.

Counted is what Slack holds and when it came: nothing twice, nothing lost, no flood; and Riot was not annoyed.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from support import a_match, participant, store_match

from lolslackbot.clock import Clock
from lolslackbot.model import RiotId
from lolslackbot.sandbox import Mishap, Player, Slack
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import players
from lolslackbot.store.connect import create_database
from proof import worlds
from proof.frame import Part, Tally
from proof.judge import look, messages_in
from proof.worlds import BUILD, DELIVER, FETCH, World

TICK_SECONDS = 180.0
TICKS = 480  # a day of cron
WAITING = 500
AFTERWARDS = 300  # ticks, in which everything must come to its end
CHANNELS = ("C1", "C2", "C3", "C4")
DEAD, TOO_FAST = "C2", "C3"
GAME_EVERY = 24  # ticks
TOO_FAST_EVERY = 10  # ticks
LIMIT, HOUR = 30, 3600  # LOLSLACKBOT_CHANNEL_LIMIT's default
RUN_SECONDS = 80  # the bot's clock goes on by its sleeps within a run, Slack's does not
MOST_LOOKS = 3  # at a match that Riot does not have
MOST_POSTS = 2  # for one message: it is sent again once at most


@dataclass(frozen=True)
class Absence:
    """How Slack is away, and how long a game is news meanwhile."""

    name: str
    begin: Callable[[Slack], object]
    end: Callable[[Slack], object]
    news_hours: int


ABSENCES = (
    Absence("out of reach", Slack.stop, Slack.start, 72),
    Absence("503", lambda slack: slack.misbehave(Mishap.status(503), method=None), Slack.behave, 12),
)


@dataclass
class Friends:
    """A player for each channel, and what is to become of their games."""

    world: World
    players: dict[str, Player]

    def finish_game(self, channel: str) -> str:
        """A game that has just ended; its id."""
        ended = datetime.now(UTC) + timedelta(seconds=self.world.ahead - 60)
        return self.world.sandbox.riot.add_game([self.players[channel]], ended=ended)

    def finish_games(self) -> None:
        """One in each channel, all to be announced."""
        self.world.expected += tuple(f"{self.finish_game(channel)}:{channel}" for channel in CHANNELS)


@contextmanager
def friends_waiting(absence: Absence, number: int) -> Iterator[Friends]:
    """So many messages wait; Riot has one match that it does not show."""
    now = datetime.now(UTC)
    with worlds.empty_world() as world:
        world.tick, world.pace = (FETCH, BUILD, DELIVER), 0
        world.environment = {"LOLSLACKBOT_ANNOUNCE_WITHIN": str(absence.news_hours * HOUR)}
        riot, slack = world.sandbox.riot, world.sandbox.slack
        riot.limits.application = "100000:1"  # by the machine's clock, while ticks pass in a moment
        friends = Friends(world, {each: riot.add_player(f"Player {each}#EUW", platform="euw1") for each in CHANNELS})
        with closing(create_database(world.database)) as db:
            for channel, player in friends.players.items():
                riot_id = RiotId(player.game_name, player.tag_line)
                players.track(db, player.puuid, riot_id, "euw1", channel, "default", now - timedelta(days=1))
            for place in range(number):
                channel = CHANNELS[place % len(CHANNELS)]
                who = participant(puuid=friends.players[channel].puuid)
                ended = now - timedelta(seconds=number - place)
                match = a_match(f"EUW1_{place + 1}", ended_at=ended, participants=(who,))
                store_match(db, match, now)
                world.expected += (f"{match.match_id}:{channel}",)
            build_messages(db, Run("build-messages", Clock(), 80), "")
        slack.add_channel(DEAD, archived=True)
        riot.misbehave(Mishap.status(404), path=friends.finish_game("C1"))
        yield friends


def live_through(friends: Friends, absence: Absence, ticks: int) -> list[str]:
    """The whole of it; what is wrong, the judge's findings aside."""
    world = friends.world
    slack = world.sandbox.slack
    absence.begin(slack)
    for number in range(ticks):
        if number % GAME_EVERY == 0:
            friends.finish_games()
        tick(world)
    absence.end(slack)
    for number in range(AFTERWARDS):
        if number % TOO_FAST_EVERY == 0:
            slack.misbehave(Mishap.limited(300), channel=TOO_FAST, times=1)
        tick(world)
        if world.is_settled():
            break
    return [*_wrong_ends(world, absence), *_floods(world), *_annoyances(world)]


def tick(world: World) -> None:
    """Cron's chain: three runs at one moment."""
    world.ahead += TICK_SECONDS
    for command in world.tick:
        world.run(*command)


def _wrong_ends(world: World, absence: Absence) -> list[str]:
    """Only the dead channel's fail, and only what is no news expires."""
    fine = {"delivered"} if absence.news_hours > 24 else {"delivered", "expired"}
    states = messages_in(world.database)
    return [
        f"{key} is {state}"
        for key, (state, _) in states.items()
        if state not in (fine | {"failed"} if key.endswith(DEAD) else fine)
    ]


def _floods(world: World) -> list[str]:
    """A channel that got more than its limit within an hour."""
    wrong = []
    for channel in CHANNELS:
        moments = sorted(float(post.ts) for post in world.sandbox.slack.posts if post.channel == channel)
        pairs = zip(moments, moments[LIMIT:], strict=False)
        if any(later - earlier < HOUR - RUN_SECONDS for earlier, later in pairs):
            wrong.append(f"{channel} was flooded")
    return wrong


def _annoyances(world: World) -> list[str]:
    """What was asked of either side more often than it may be."""
    slack, riot = world.sandbox.slack, world.sandbox.riot
    looks = Counter(each.path for each in riot.requests if each.endpoint == "match")
    tried = [each for each in slack.requests if each.method == "chat.postMessage" and each.status != 429]
    posts = Counter(str(each.arguments.get("metadata")) for each in tried)
    wrong = [f"{path} asked {times} times" for path, times in looks.items() if times > MOST_LOOKS]
    if world.ahead > 2 * HOUR and MOST_LOOKS not in looks.values():
        wrong.append("the missing match was not looked for again")
    return wrong + [f"{key} posted {times} times" for key, times in posts.items() if times > MOST_POSTS]


def prove(share: float) -> Tally:
    """A day for each way to be away. Points are ticks."""
    tally = Tally()
    ticks, number = max(2, round(TICKS * share)), max(8, round(WAITING * share))
    for absence in ABSENCES:
        with friends_waiting(absence, number) as friends:
            wrong = live_through(friends, absence, ticks)
            world = friends.world
            passed = round(world.ahead / TICK_SECONDS)
            tally.points += passed
            tally.violations += [f"{absence.name}: {each}" for each in wrong]
            world.judge("failed", "expired").enter(tally, absence.name)
            ends = look(world.database, "SELECT state, COUNT(*) FROM messages GROUP BY state ORDER BY state")
            told = ", ".join(f"{many} {state}" for state, many in ends)
            tally.notes.append(f"{absence.name}, {passed} ticks, then: {told}")
    return tally


PARTS = [Part("outage", "500 messages wait while Slack is away for a day of cron's ticks", prove)]
