"""Small cases to break: a prepared home folder that is put back for each point, a sandbox, a fork server."""

import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support import a_match, add_player, store_match

from lolslackbot.clock import Clock
from lolslackbot.model import RiotId
from lolslackbot.rank import SOLO, Standing
from lolslackbot.sandbox import Mishap, Post, Rank, Sandbox
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import amendments, channels, players, ranks
from lolslackbot.store.connect import create_database
from lolslackbot.store.database import Database
from lolslackbot.store.outbox import Draft
from lolslackbot.week import Week
from proof.fork_server import TESTS, Armament, ForkServer, Order, shared_fork_server
from proof.judge import Finding, judge, key_in, look, messages_in, unsettled

RENAMED = {("messages", "ended_at"): "happened_at"}  # what a column of an earlier schema is called now
TICK = 900.0  # seconds from one run to the next: longer than an outcome is left uncertain
RUNS = 6  # in which everything must be settled
DELIVER, FETCH, BUILD, DIGEST = ("deliver",), ("fetch-matches",), ("build-messages",), ("digest",)
CHANNELS = ("C1", "C2", "C3", "C4", "C5", "C6")
Watch = Callable[[int], object]


@dataclass
class World:
    """A case. `trial` is the command to break; `tick` what cron runs afterwards, again and again."""

    sandbox: Sandbox
    fork_server: ForkServer
    folder: Path
    trial: tuple[str, ...] = DELIVER
    tick: tuple[tuple[str, ...], ...] = (DELIVER,)
    expected: tuple[str, ...] = ()  # the keys that must be announced in the end
    posts: Sequence[Post] = ()  # that stand in Slack at the beginning
    environment: dict[str, str] = field(default_factory=dict)
    pace: float = TICK  # seconds from one run to the next
    ahead: float = 0  # seconds that have passed so, for Slack and for the bot
    wrong: float = 0  # seconds by which the bot's clock is ahead of the true one
    beginning: float = 0  # what had passed when the home was prepared
    said: Callable[["World"], None] = lambda _world: None  # what people say anew at each beginning
    leaked: list[str] = field(default_factory=list)  # what commands said of the key and the token since the beginning

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def database(self) -> Path:
        return self.home / "lolslackbot.db"

    def keep(self) -> None:
        """The home as it is now, and what Slack holds, are the beginning from now on."""
        prepared = self.folder / "prepared"
        shutil.rmtree(prepared, ignore_errors=True)
        shutil.copytree(self.home, prepared)
        self.beginning = self.ahead
        self.posts = tuple(self.sandbox.slack.posts)

    def reset(self) -> None:
        """Everything as at the beginning."""
        shutil.rmtree(self.home)
        shutil.copytree(self.folder / "prepared", self.home)
        slack, riot = self.sandbox.slack, self.sandbox.riot
        slack.behave()
        riot.behave()
        slack.posts[:] = self.posts
        slack.requests.clear()
        riot.requests.clear()
        riot.refused.clear()
        self.ahead = self.beginning
        self.wrong = 0
        self.leaked.clear()
        slack.clock_skew = self.ahead
        self.said(self)

    def run(self, *arguments: str, arms: Iterable[Armament] = (), watch: Watch | None = None) -> int:
        """Runs a command, a tick after the last one by its own clock and by Slack's."""
        self.ahead += self.pace
        return self.run_beside(self.fork_server, *arguments, arms=arms, watch=watch)

    def run_beside(
        self, fork_server: ForkServer, *arguments: str, arms: Iterable[Armament] = (), watch: Watch | None = None
    ) -> int:
        """Runs a command at this very moment, in that process."""
        self.sandbox.slack.clock_skew = self.ahead
        environment = {**self.sandbox.settings, "LOLSLACKBOT_HOME": str(self.home), **self.environment}
        status = fork_server.run(Order(arguments, environment, self.ahead + self.wrong, tuple(arms)), watch)
        if self._tells(fork_server.output.encode()):
            self.leaked.append(f"the output of {arguments[0]} holds a secret")
        return status

    def settle(self) -> None:
        """Cron's ticks until nothing is left to do, and one more that must change nothing."""
        for _ in range(RUNS):
            quiet = self.is_settled()
            for command in self.tick:
                self.run(*command)
            if quiet:
                return

    def is_settled(self) -> bool:
        states = messages_in(self.database)
        open_ = {key for key, (state, _) in states.items() if state in ("pending", "sending", "uncertain")}
        return set(self.expected) <= set(states) and not open_ - self.for_a_person()

    def for_a_person(self) -> set[str]:
        """Sent again once and looked for in vain since: uncertain until a person decides, as the promise says."""
        columns = [name for (name,) in look(self.database, "SELECT name FROM pragma_table_info('messages')")]
        misses = "lookup_misses" if "lookup_misses" in columns else "absences"  # before schema 6
        rows = look(
            self.database,
            f"SELECT {key_in(self.database)} FROM messages WHERE state = 'uncertain' AND resends AND {misses} > 1",
        )
        return {str(key) for (key,) in rows}

    def unsettled(self) -> set[str]:
        return unsettled(self.database)

    def judge(self, *excuses: str) -> Finding:
        """What is untrue now that all is quiet. excuses: states in which a message may have ended unannounced."""
        held = self.for_a_person()
        found = judge(
            self.database, self.sandbox.slack.posts, [key for key in self.expected if key not in held], excuses
        )
        return replace(found, faults=[*found.faults, *self.leaks()])

    def leaks(self) -> list[str]:
        """What holds the key or the token: files of the home folder, backups, and what the commands said."""
        files = [*self.home.rglob("*"), *self.folder.glob("*.db*")]
        holding = [path.name for path in files if path.is_file() and self._tells(path.read_bytes())]
        return [*self.leaked, *(f"{name} holds a secret" for name in holding)]

    def _tells(self, text: bytes) -> bool:
        secrets = [self.sandbox.riot.key, *(each.token for each in self.sandbox.slack.workspaces.values())]
        return any(secret.encode() in text for secret in secrets)

    def calls_repeated(self) -> int:
        """Calls for a match beyond the first for each."""
        paths = [request.path for request in self.sandbox.riot.requests if request.endpoint == "match"]
        return len(paths) - len(set(paths))


@contextmanager
def empty_world() -> Iterator[World]:
    """A sandbox with channels, a database without players."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lolslackbot-world-")))
        sandbox = stack.enter_context(Sandbox(seed=1))
        for channel in CHANNELS:
            sandbox.slack.add_channel(channel)
        yield World(sandbox, shared_fork_server(), folder)


def _database(world: World) -> Database:
    return create_database(world.database)


def _store(db: Database, number: int, now: datetime) -> str:
    """A stored match of a player who is tracked in a channel of their own; the key of its message.

    The first channel's history was compared long ago, as it mostly is: what that comparison would find is posted twice.
    """
    channel = CHANNELS[number - 1]
    add_player(db, number, channel=channel, since=now - timedelta(days=1))
    if number == 1:
        with db.transaction():
            channels.mark_reconciled(db, channel, now - timedelta(days=1))
    match_id = f"EUW1_{number}"
    store_match(db, a_match(match_id, number, ended_at=now - timedelta(minutes=10 - number)), now)
    return f"{match_id}:{channel}"


@contextmanager
def stored(number: int = 2) -> Iterator[World]:
    """Matches whose messages are not built yet."""
    now = datetime.now(UTC)
    with empty_world() as world:
        with closing(_database(world)) as db:
            world.expected = tuple(_store(db, each, now) for each in range(1, number + 1))
        world.trial, world.tick = BUILD, (BUILD, DELIVER)
        world.keep()
        yield world


@contextmanager
def waiting(number: int = 2) -> Iterator[World]:
    """Messages that wait, each in a channel of its own."""
    now = datetime.now(UTC)
    with empty_world() as world:
        with closing(_database(world)) as db:
            world.expected = tuple(_store(db, each, now) for each in range(1, number + 1))
            build_messages(db, Run("build-messages", Clock(), 80), "")
        world.keep()
        yield world


@contextmanager
def uncertain() -> Iterator[World]:
    """Two messages of unknown outcome, of which Slack has one, the other to be sent again; a third one waits."""
    with waiting(3) as world:
        world.sandbox.slack.misbehave(Mishap.cut(accepted=True), channel="C1")
        world.sandbox.slack.misbehave(Mishap.cut(accepted=False), channel="C2")
        world.sandbox.slack.misbehave(Mishap.limited(1), channel="C3")
        world.run(*DELIVER)
        with closing(_database(world)) as db, db.transaction():
            db.write("UPDATE messages SET lookup_misses = 1 WHERE channel_id = 'C2'")
            db.write("DELETE FROM holds")
        world.keep()
        yield world


@contextmanager
def listed(number: int = 2) -> Iterator[World]:
    """Tracked players with a finished game each, of which the database knows nothing yet."""
    now = datetime.now(UTC)
    with empty_world() as world:
        keys = []
        with closing(_database(world)) as db:
            for channel in CHANNELS[:number]:
                player = world.sandbox.riot.add_player(f"Player {channel}#EUW", platform="euw1")
                riot_id, since = RiotId(player.game_name, player.tag_line), now - timedelta(days=1)
                players.track(db, player.puuid, riot_id, "euw1", channel, "default", since)
                keys.append(f"{world.sandbox.riot.add_game([player], ended=now - timedelta(minutes=9))}:{channel}")
        world.expected = tuple(keys)
        world.trial, world.tick = FETCH, (FETCH, BUILD, DELIVER)
        world.keep()
        yield world


@contextmanager
def listed_for_two() -> Iterator[World]:
    """The same of more players, for two processes that share the work."""
    with listed(4) as world:
        world.environment["LOLSLACKBOT_WORKERS"] = "2"
        yield world


@contextmanager
def waiting_in_two_workspaces() -> Iterator[World]:
    """Messages that wait in two workspaces, each of which is another process's."""
    with waiting(4) as world:
        slack = world.sandbox.slack
        world.environment = {"SLACK_BOT_TOKEN_CLAN": slack.add_workspace("clan"), "LOLSLACKBOT_WORKERS": "2"}
        for channel in CHANNELS[:4:2]:
            slack.add_channel(channel, workspace="clan")
        with closing(_database(world)) as db, db.transaction():
            for table in ("channels", "messages"):
                db.write(f"UPDATE {table} SET workspace = 'clan' WHERE channel_id IN ('C1', 'C3')")
        world.keep()
        yield world


DIFFERENCE = 21  # LP that the game of `ranked` was worth
GOLD = Rank("GOLD", "II", 45, wins=30, losses=20)


@contextmanager
def ranked() -> Iterator[World]:
    """A tracked player whose rank was read yesterday, and a ranked game since, which was worth `DIFFERENCE`."""
    with listed(1) as world:
        riot = world.sandbox.riot
        (player,) = riot.players
        riot.set_rank(player, GOLD)
        ended = datetime.now(UTC) - timedelta(minutes=3)
        match_id = riot.add_game([player], queue=420, win=True, ended=ended, lp={player.puuid: DIFFERENCE})
        with closing(_database(world)) as db, db.transaction():
            standing = Standing("GOLD", "II", GOLD.lp, GOLD.wins, GOLD.losses)
            ranks.record(db, 1, ended - timedelta(hours=9), {SOLO: standing})
        world.expected = (*world.expected, f"{match_id}:{CHANNELS[0]}")
        world.keep()
        yield world


NEWER = "It reads so now"


@contextmanager
def amended() -> Iterator[World]:
    """A delivered message that is to be edited, and one that waits."""
    with waiting(2) as world:
        world.sandbox.slack.misbehave(Mishap.limited(1), channel=CHANNELS[1])
        world.run(*DELIVER)
        with closing(_database(world)) as db, db.transaction():
            db.write("DELETE FROM holds")
            amendments.put(db, "EUW1_1", Draft(CHANNELS[0], "default", NEWER, None), datetime.now(UTC))
            db.write("UPDATE messages SET blocks = NULL WHERE subject = 'EUW1_1'")
        world.keep()
        yield world


A_MINUTE = 60.0  # from one run to the next: a notice is news for ten


@contextmanager
def playing() -> Iterator[World]:
    """Two friends in a game that has just begun, in a channel that wants to hear of that."""
    with empty_world() as world:
        riot = world.sandbox.riot
        friends = [riot.add_player(f"Player {number}#EUW") for number in (1, 2)]
        since = datetime.now(UTC) - timedelta(days=1)
        with closing(_database(world)) as db:
            for each in friends:
                riot_id = RiotId(each.game_name, each.tag_line)
                players.track(db, each.puuid, riot_id, "euw1", CHANNELS[0], "default", since)
            channels.prefer(db, CHANNELS[0], channels.Change(live=True), since)
        game = riot.start_game(friends, queue=400)
        began = round((since + timedelta(days=2)).timestamp() * 1000)  # however long the trials take
        riot.active[game].fields = {"gameStartTime": began, "gameLength": 30}
        world.expected = (f"live {game}:{CHANNELS[0]}",)
        world.trial, world.tick, world.pace = FETCH, (FETCH, BUILD, DELIVER), A_MINUTE
        world.keep()
        yield world


@contextmanager
def telling_of_a_game() -> Iterator[World]:
    """The notice of a game in progress waits."""
    with playing() as world:
        world.run(*FETCH)
        world.expected, world.trial, world.tick = (), DELIVER, (DELIVER,)
        world.keep()
        yield world


@contextmanager
def ending_a_game() -> Iterator[World]:
    """The notice was delivered, the game has ended, and its own message waits."""
    with playing() as world:
        riot = world.sandbox.riot
        world.run(*FETCH)
        world.run(*DELIVER)
        (game,) = riot.active
        riot.add_game(riot.players, queue=400, match_id=game, ended=datetime.now(UTC) - timedelta(minutes=1))
        world.run(*FETCH)
        world.run(*BUILD)
        world.expected = (*world.expected, f"{game}:{CHANNELS[0]}")
        world.trial, world.tick, world.pace = DELIVER, (DELIVER,), TICK
        world.keep()
        yield world


def wrong_notices(world: World) -> list[str]:
    """Notices that are in Slack and not known to be, or the other way round, and those that were sent again."""
    posted = {post.key for post in world.sandbox.slack.posts}
    states = messages_in(world.database)
    again = look(world.database, "SELECT subject FROM messages WHERE kind = 'live' AND attempts > 1")
    wrong = [f"{key} is {state}" for key, (state, _) in states.items() if (state == "delivered") != (key in posted)]
    return wrong + [f"{subject} was sent again" for (subject,) in again]


def wrong_endings(world: World) -> list[str]:
    """Of `ending_a_game`: a notice that does not lead to the message of its game."""
    notice, *results = world.sandbox.slack.posts
    link = results[0].ts.replace(".", "") if results else "nowhere"
    return [] if link in notice.text else [f"the notice reads {notice.text!r}"]


WEEKLY: tuple[tuple[str, ...], ...] = (DIGEST, DELIVER)


@contextmanager
def weekly(number: int = 2) -> Iterator[World]:
    """Channels whose last week is over, and not summed up yet."""
    week = Week.last_whole(datetime.now(UTC))
    with empty_world() as world:
        with closing(_database(world)) as db:
            for day in (1, 2, 3):
                _store_in(db, CHANNELS[:number], day, week.begins + timedelta(days=day))
        world.expected = tuple(f"week {week}:{channel}" for channel in CHANNELS[:number])
        world.trial, world.tick = DIGEST, WEEKLY
        world.keep()
        yield world


def _store_in(db: Database, heard_in: Sequence[str], day: int, ended_at: datetime) -> None:
    """A game of friends, each tracked in a channel of their own, that all these channels heard of."""
    for friend, channel in enumerate(heard_in, 1):
        add_player(db, friend, channel=channel, since=ended_at - timedelta(days=9))
    store_match(db, a_match(f"EUW1_{day}", *range(1, 1 + len(heard_in)), ended_at=ended_at), ended_at)
    with db.transaction():
        db.write("UPDATE matches SET built_at = ended_at")


@contextmanager
def summed_up() -> Iterator[World]:
    """A digest that waits for a Slack that knows no charts yet: a second later it goes out as a table."""
    with weekly(1) as world:
        world.run(*DIGEST)
        world.sandbox.slack.unknown_blocks = {"data_table", "data_visualization"}
        world.trial = DELIVER
        world.keep()
        yield world


def wrong_digests(world: World) -> list[str]:
    """What posts say of a week that is not so."""
    told = {post.key: post.text.partition("\n")[0] for post in world.sandbox.slack.posts}
    return [f"{key}: {line}" for key, line in told.items() if not line.endswith(": 3 games, 3 won")]


def wrong_forms(world: World) -> list[str]:
    """Digests of `summed_up` that are no tables."""
    forms = {post.key: [each["type"] for each in post.blocks] for post in world.sandbox.slack.posts}
    wrong = [f"{key}: {form}" for key, form in forms.items() if form != ["rich_text", "table"]]
    return wrong + wrong_digests(world)


@contextmanager
def weekly_restorable(day: int, posted: bool) -> Iterator[World]:
    """A backup from that day of the week, and a database that has summed up the week, and posted it or not."""
    with weekly() as world:
        backup = world.folder / f"backup-{day}.db"
        with closing(_database(world)) as db, db.transaction():
            db.write(
                "UPDATE matches SET state = 'wanted', next_look_at = listed_at WHERE match_id > :last",
                last=f"EUW1_{day}",
            )
        world.run("backup", str(backup))
        with closing(_database(world)) as db, db.transaction():
            db.write("UPDATE matches SET state = 'stored', next_look_at = NULL")
        world.run(*DIGEST)
        if posted:
            world.run(*DELIVER)
        world.trial = ("restore", str(backup))
        world.keep()
        yield world


ASK = (("answer",), DELIVER)
MAYBE = 240.0  # seconds from one run to the next: within half an hour an unknown outcome is looked up twice


@contextmanager
def asked() -> Iterator[World]:
    """A channel in which friends ask: for a player to be tracked, and for another's last game."""
    with empty_world() as world:
        world.sandbox.riot.add_player("Player 1#EUW", platform="euw1")
        with closing(_database(world)) as db:
            add_player(db, 2)
            now = datetime.now(UTC) - timedelta(minutes=1)
            channels.prefer(db, CHANNELS[0], channels.Change(requests=True), now)
            with db.transaction():
                channels.mark_reconciled(db, CHANNELS[0], now)
        world.trial, world.tick, world.pace, world.said = ASK[0], ASK, MAYBE, _ask
        world.keep()
        yield world


REPLIES = {
    "@bot track Player 1#EUW": "Player 1#EUW (EUW) is announced here from now on.",
    "@bot last Player 2#EUW": "No game of Player 2#EUW is on record here yet.",
}


def _ask(world: World) -> None:
    """The requests anew: half an hour later they would not be obeyed."""
    slack = world.sandbox.slack
    slack.forget_others()
    asked = [slack.say(CHANNELS[0], words, user=f"U{number}") for number, words in enumerate(REPLIES)]
    world.expected = tuple(f"reply {post.ts}:{CHANNELS[0]}" for post in asked)


@contextmanager
def answered() -> Iterator[World]:
    """The same once the requests are done: their answers wait."""
    with asked() as world:
        world.trial, world.said = DELIVER, _answer
        yield world


def _answer(world: World) -> None:
    _ask(world)
    world.run(*ASK[0])


def wrong_replies(world: World) -> list[str]:
    """What became of the requests of `asked` that should not; that each has one reply, the judge sees."""
    wrong = []
    for key, text in zip(world.expected, REPLIES.values(), strict=True):
        thread = key.removeprefix("reply ").partition(":")[0]
        posts = [post for post in world.sandbox.slack.posts if post.key == key]
        wrong += [f"{key} stands in {post.thread_ts}" for post in posts if post.thread_ts != thread]
        wrong += [f"{key} reads {post.text!r}" for post in posts if post.text != text]
    tracked = look(world.database, "SELECT COUNT(*), MAX(tracked_by) FROM tracks")
    wrong += [f"tracked: {tracked}"] if tracked != [(2, "U0")] else []
    states = {state for (state,) in look(world.database, "SELECT state FROM requests")}
    return wrong + ([f"requests are {states}"] if states != {"answered"} else [])


def wrong_reactions(world: World) -> list[str]:
    """Also requests that do not show that they were seen."""
    slack = world.sandbox.slack
    stamps = [key.removeprefix("reply ").partition(":")[0] for key in world.expected]
    unseen = [stamp for stamp in stamps if slack.reactions(CHANNELS[0], stamp) != ("eyes",)]
    return wrong_replies(world) + [f"{stamp} was not shown to be seen" for stamp in unseen]


def wrong_ranks(world: World) -> list[str]:
    """What posts say of a rank that is not so."""
    told = [each for post in world.sandbox.slack.posts for each in re.findall(r" LP \(([^)]*)\)", post.text)]
    return [f"a wrong rank: {each}" for each in told if each != f"+{DIFFERENCE}"]


def wrong_edits(world: World) -> list[str]:
    """What became of the message of `amended` that should not."""
    (key, *_) = world.expected
    posts = [post for post in world.sandbox.slack.posts if post.key == key]
    wrong = [f"{len(posts)} messages instead of one"] if len(posts) != 1 else []
    wrong += ["a blank message" for post in posts if not post.text]
    wrong += [f"it reads {post.text!r}" for post in posts if post.edits and post.text != NEWER]
    return wrong


def schema_before(number: int) -> Path:
    """The schema of that number as it once was."""
    return TESTS / "store" / f"schema-{number}.sql"


@contextmanager
def older(number: int) -> Iterator[World]:
    """Messages that wait, and of unknown outcome, of which Slack has one, in a database of that earlier schema."""
    with uncertain() as world:
        _rewrite(world.database, schema_before(number).read_text("utf-8"))
        world.trial = DELIVER
        world.keep()
        yield world


def _rewrite(database: Path, schema: str) -> None:
    """The same rows under another schema, as far as it has their tables and columns."""
    old = database.with_name("older.db")
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(schema)
        connection.execute("ATTACH ? AS new", (str(database),))
        for (table,) in connection.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall():
            known = {row[1] for row in connection.execute(f"PRAGMA new.table_info({table})")}
            columns = [row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")]
            named = {each: RENAMED.get((table, each), each) for each in columns}
            named = {then: now for then, now in named.items() if now in known}
            if named:
                then, now = ", ".join(named), ", ".join(named.values())
                connection.execute(f"INSERT INTO main.{table} ({then}) SELECT {now} FROM new.{table}")
        connection.commit()
    old.replace(database)


@contextmanager
def restorable() -> Iterator[World]:
    """A backup from before one of its two messages was announced, and the database that announced it."""
    with waiting(2) as world:
        backup = world.folder / "backup.db"
        world.run("backup", str(backup))
        world.sandbox.slack.misbehave(Mishap.limited(1), channel="C2")
        world.run(*DELIVER)
        with closing(_database(world)) as db, db.transaction():
            db.write("DELETE FROM holds")
        world.trial = ("restore", str(backup))
        world.keep()
        yield world
