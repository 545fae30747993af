"""What is understood of what people ask, and what each request does and answers."""

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest
from fakes import NOT_FOUND, UNAUTHORIZED, UNAVAILABLE, FakeRiot, refused
from support import START, FakeClock, a_match, add_player, puuid, scope_of, store_match

from lolslackbot.admin.requests import Command, Misunderstood, Obeying, Policy, Verb, read_command
from lolslackbot.admin.tracking import Tracker, prefer
from lolslackbot.errors import ConfigError, Rejected, RunAborted, TemporaryError
from lolslackbot.model import Asked, RiotId
from lolslackbot.rank import SOLO, Standing
from lolslackbot.riot.answers import RiotVerdict
from lolslackbot.stages.build_messages import build_messages
from lolslackbot.stages.run import Run
from lolslackbot.store import channels, decisions, holds, players, ranks
from lolslackbot.store.connect import open_database
from lolslackbot.store.database import Database
from lolslackbot.store.requests import Request, ts_of

AHRI = RiotId("Ahri Fan", "EUW")


@pytest.mark.parametrize(
    "words",
    [
        "track Ahri Fan#EUW",
        "Track  Ahri\u00a0Fan #EUW",
        "TRACK “Ahri Fan#EUW”",
        "track: „Ahri Fan#EUW‟ ",
        "track 'Ahri Fan#EUW'",
        "track `Ahri Fan#EUW` :tada:",
        "track *Ahri Fan#EUW* :wave::skin-tone-3:",
        "track \u2066Ahri Fan\u2069#EUW\u200b",
        "track Ahri Fan＃EUW",
        "track Ahri Fan<#C0123|EUW>",
        "track Ahri Fan <#C0123|EUW>",
        "track <@U0FRIEND> Ahri Fan#EUW",
        "track Ahri Fan#EUW.",
        "track Ahri Fan#EUW!",
        "(track Ahri Fan#EUW)",
        "track (Ahri Fan#EUW)",
        "track _Ahri Fan#EUW_",
        "_track Ahri Fan#EUW_",
        "track ‘Ahri Fan’#EUW",
        "track ‚Ahri Fan#EUW‘",
        "track ＂Ahri Fan#EUW＂",
        "track Ahri Fan#EUW :pray::pray:",
        "track Ahri Fan#EUW :tada:.",
        "track Ahri Fan#EUW:tada:",
        "track Ahri Fan#EUW 🙏🏽",
        "track Ahri Fan#EUW❤️",
        ":wave::wave: track Ahri Fan#EUW",
    ],
)
def test_track__however_it_is_dressed_up(words: str) -> None:
    command = read_command(words)
    assert (command.verb, command.platform) == (Verb.TRACK, None)
    assert command.riot_id
    assert command.riot_id.folded == AHRI.folded


@pytest.mark.parametrize(
    ("words", "name", "tag"),
    [
        ("last Tom &amp; Jerry#1&lt;3", "Tom & Jerry", "1<3"),
        ("last D'Artagnan#KR1", "D'Artagnan", "KR1"),
        ("last <http://foo.gg|foo.gg>#NA1", "foo.gg", "NA1"),
        ("last :D:#NA1", ":D:", "NA1"),
        ("last _Foo#EUW", "_Foo", "EUW"),
        ("last Foo_#EUW", "Foo_", "EUW"),
        ("last สวัสดี#ป่า", "สวัสดี", "ป่า"),
        ("last हिन्दी#दी", "हिन्दी", "दी"),
    ],
)
def test_a_name_s_own_marks_are_kept(words: str, name: str, tag: str) -> None:
    assert read_command(words) == Command(Verb.LAST, RiotId(name, tag))


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("", Command(Verb.HELP)),
        ("  :wave: ", Command(Verb.HELP)),
        ("help!", Command(Verb.HELP)),
        ("list please", Command(Verb.LIST)),
        ("why?", Command(Verb.WHY)),
        ("track Ahri Fan#EUW euw1", Command(Verb.TRACK, AHRI, "euw1")),
        ("track Ahri Fan#EUW (NA).", Command(Verb.TRACK, AHRI, "na1")),
        ("track “Ahri Fan#EUW” KR", Command(Verb.TRACK, AHRI, "kr")),
        ("track Ahri Fan#EUW, NA", Command(Verb.TRACK, AHRI, "na1")),
        ("untrack Ahri Fan#EUW please", Command(Verb.UNTRACK, AHRI)),
        ("untrack Ahri Fan#EUW, please", Command(Verb.UNTRACK, AHRI)),
        ("last Ahri Fan#EUW?", Command(Verb.LAST, AHRI)),
        ("“list”", Command(Verb.LIST)),
        ("last Ahri Fan#EUW", Command(Verb.LAST, AHRI)),
    ],
)
def test_command(words: str, command: Command) -> None:
    assert read_command(words) == command


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("trakc Ahri Fan#EUW", "I do not know “trakc”. Did you mean “track NAME#TAG [SERVER]”?"),
        ("lst", "I do not know “lst”. Did you mean “list”?"),
        ("xyzzy", "I do not know “xyzzy”. Did you mean “help”?"),
        ("track", "Whom? Say it like this: track NAME#TAG [SERVER]"),
        ("untrack Ahri Fan", "Whom? Say it like this: untrack NAME#TAG"),
        (
            "track Ahri Fan#EUW mars",
            "I do not understand “Ahri Fan#EUW mars”. Say it like this: track NAME#TAG [SERVER]",
        ),
        ("last .#EUW", "I do not understand “.#EUW”. Say it like this: last NAME#TAG"),
    ],
)
def test_misunderstood__says_what_is_nearest(words: str, told: str) -> None:
    with pytest.raises(Misunderstood) as error:
        read_command(words)
    assert str(error.value) == told


# What each does


@pytest.fixture
def riot() -> FakeRiot:
    """Knows players 1 to 3."""
    riot = FakeRiot()
    riot.accounts = {f"Player {number}#EUW": puuid(number) for number in (1, 2, 3)}
    return riot


@pytest.fixture
def ask(db: Database, riot: FakeRiot, clock: FakeClock) -> Callable[..., str]:
    """What the answer reads to what somebody asks in C1."""
    policy = Policy(frozenset({"U0BOSS"}), "", "")
    obeying = Obeying(db, lambda: Tracker(db, riot, clock, 1), clock, policy)  # type: ignore[arg-type]
    with db.transaction():
        channels.ensure(db, "C1", "default")

    def ask(words: str, user: str = "U0FRIEND", channel: str = "C1") -> str:
        said: list[str] = []

        def confirm(text: str) -> None:
            db.write("UPDATE channels SET name = :text", text=text)  # in a transaction, or it fails
            said.append(text)

        asked = Asked(ts_of(clock.now()), user, words)
        obeying.obey(Request(asked, channel, "default", clock.now()), confirm)
        (text,) = said
        return text

    return ask


def test_track__asks_for_the_account_and_where_it_plays_and_nothing_else(
    ask: Callable[..., str], db: Database, riot: FakeRiot
) -> None:
    assert ask("track Player 1#EUW") == "Player 1#EUW (EUW) is announced here from now on."
    (track,) = players.tracks(db)
    assert (track.channel_id, track.since) == ("C1", START)
    assert players.tracked_by(db, track.player.player_id, "C1") == "U0FRIEND"
    assert riot.calls == ["Player 1#EUW", f"platform of {puuid(1)}"]
    assert riot.rank_calls == []
    (decision,) = decisions.about(db, f"player {track.player.player_id}")
    assert decision.change == "in C1, asked for by U0FRIEND"


def test_track__again_and_by_somebody_else(ask: Callable[..., str], db: Database, clock: FakeClock) -> None:
    ask("track Player 1#EUW")
    clock.advance(3600)
    assert ask("track player 1#euw EUW", user="U0OTHER") == "Player 1#EUW (EUW) is announced here already."
    (track,) = players.tracks(db)
    assert (track.since, players.tracked_by(db, track.player.player_id, "C1")) == (START, "U0FRIEND")


def test_track__moved(ask: Callable[..., str], db: Database, riot: FakeRiot) -> None:
    add_player(db, 1)
    riot.platforms[puuid(1)] = "na1"
    assert ask("track Player 1#EUW") == "Player 1#EUW (NA) is announced here, moved from EUW."


def test_track__riot_does_not_say_where(ask: Callable[..., str], riot: FakeRiot) -> None:
    told = "Riot does not say where Player 1#EUW plays. Add the server: track Player 1#EUW EUW"
    for fault in (NOT_FOUND, UNAVAILABLE):
        riot.fail(f"platform of {puuid(1)}", fault)
        assert ask("track Player 1#EUW") == told
    assert ask("track Player 1#EUW EUW").endswith(
        "announced here from now on. Riot did not say where they play, so that is a guess."
    )


def test_track__a_guess_moves_nobody_of_whom_others_hear(
    ask: Callable[..., str], db: Database, riot: FakeRiot, clock: FakeClock
) -> None:
    player = add_player(db, 1, channel="C2")
    for channel, fault, words in (
        ("C1", NOT_FOUND, "track Player 1#EUW NA"),
        ("C3", UNAVAILABLE, "track Player 1#EUW"),
    ):
        with db.transaction():
            channels.ensure(db, channel, "default")
        riot.fail(f"platform of {puuid(1)}", fault)
        assert ask(words, channel=channel) == (
            "Player 1#EUW (EUW) is announced here from now on. Riot did not say where they play, so that is a guess."
        )
    assert {track.player.platform for track in players.tracks(db)} == {"euw1"}
    with db.transaction():
        for channel in ("C1", "C2", "C3"):
            players.untrack(db, player.player_id, channel)
    riot.fail(f"platform of {puuid(1)}", UNAVAILABLE)
    assert ask("track Player 1#EUW NA") == (
        "Player 1#EUW (NA) is announced here, moved from EUW. Riot did not say where they play, so that is a guess."
    )
    assert decisions.about(db, f"player {player.player_id}")[-1].change == "euw1 -> na1, asked for by U0FRIEND"


def test_track__a_limit_of_one_host_keeps_nobody_of_another_waiting(ask: Callable[..., str], riot: FakeRiot) -> None:
    for number in (1, 2):
        riot.fail(f"Player {number}#EUW", refused(RiotVerdict.LIMITED))
        with pytest.raises(TemporaryError):
            ask(f"track Player {number}#EUW")
    assert "announced here" in ask("track Player 3#EUW")


def test_track__elsewhere_or_unknown(ask: Callable[..., str], db: Database) -> None:
    assert ask("track Player 1#EUW NA") == "Riot says that Player 1#EUW plays on EUW, not on NA."
    assert ask("track &lt;!here&gt;#EUW").startswith("Riot knows no &lt;!here&gt;#EUW. Is it spelled right")
    assert players.tracks(db) == []


def test_track__its_answer_fails(
    ask: Callable[..., str], db: Database, riot: FakeRiot, clock: FakeClock, location: str
) -> None:
    """Then nothing was done, either."""
    obeying = Obeying(db, lambda: Tracker(db, riot, clock, 1), clock, Policy(frozenset(), "", ""))  # type: ignore[arg-type]

    def fail(_text: str) -> None:
        raise ZeroDivisionError

    for words in ("track Player 1#EUW", "list", "last Player 1#EUW"):
        with pytest.raises(ZeroDivisionError):
            obeying.obey(Request(Asked(ts_of(START), "U1", words), "C1", "default", START), fail)
    with closing(open_database(location)) as other:
        assert players.tracks(other) == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (UNAVAILABLE, TemporaryError),
        (refused(RiotVerdict.LIMITED), TemporaryError),
        (UNAUTHORIZED, Rejected),
        (refused(RiotVerdict.LOCAL_FAULT), ConfigError),
    ],
)
def test_track__has_to_wait(ask: Callable[..., str], riot: FakeRiot, fault: Exception, error: type[RunAborted]) -> None:
    """And so has what is asked about the same player after it; nobody else."""
    riot.fail("Player 1#EUW", fault)
    with pytest.raises(error):
        ask("track Player 1#EUW")
    with pytest.raises(TemporaryError, match="an earlier request about Player 1#EUW waits"):
        ask("untrack Player 1#EUW")
    assert ask("list") == "Nobody is announced here yet. track NAME#TAG [SERVER]"
    assert ask("untrack Player 2#EUW") == "Player 2#EUW is not announced here. “list” shows who is."


def test_track__riot_is_asked_no_more_once_it_gave_no_answer_three_times(
    ask: Callable[..., str], riot: FakeRiot
) -> None:
    riot.accounts |= {f"Player {number}#EUW": puuid(number) for number in (4, 5)}
    for number in (1, 2, 4, 5):
        riot.fail(f"Player {number}#EUW", UNAVAILABLE)
    for number in (1, 2):
        with pytest.raises(TemporaryError):
            ask(f"track Player {number}#EUW")
    assert "announced here" in ask("track Player 3#EUW")  # so it was about them
    for number in (4, 5):
        with pytest.raises(TemporaryError):
            ask(f"track Player {number}#EUW")
    riot.accounts["Player 6#EUW"], riot.accounts["Player 7#EUW"] = puuid(6), puuid(7)
    riot.fail("Player 6#EUW", UNAVAILABLE)
    with pytest.raises(TemporaryError):
        ask("track Player 6#EUW")
    with pytest.raises(TemporaryError):
        ask("track Player 7#EUW")
    assert "Player 7#EUW" not in riot.calls


def test_untrack__by_whoever_asked_or_the_operator(ask: Callable[..., str], db: Database) -> None:
    add_player(db, 2)
    ask("track Player 1#EUW")
    only = "Only whoever asked for Player {}#EUW here can stop that, or the operator."
    assert ask("untrack Player 1#EUW", user="U0OTHER") == only.format(1)
    assert ask("untrack Player 2#EUW") == only.format(2)  # the operator had tracked that one
    assert ask("untrack player 1#euw") == "Player 1#EUW is no longer announced here."
    assert ask("untrack Player 2#EUW", user="U0BOSS") == "Player 2#EUW is no longer announced here."
    assert players.tracks(db) == []
    assert decisions.about(db, "player 1")[-1].change == "in C1, asked for by U0BOSS"


def test_untrack__of_this_channel_only(ask: Callable[..., str], db: Database) -> None:
    add_player(db, 1, channel="C2")
    assert ask("untrack Player 1#EUW", user="U0BOSS") == "Player 1#EUW is not announced here. “list” shows who is."
    ask("track Player 1#EUW")
    ask("untrack Player 1#EUW")
    assert [track.channel_id for track in players.tracks(db)] == ["C2"]


def test_list__who_is_announced_here_with_their_ranks(ask: Callable[..., str], db: Database) -> None:
    assert ask("list") == "Nobody is announced here yet. track NAME#TAG [SERVER]"
    player = add_player(db, 1)
    add_player(db, 2, platform="na1")
    add_player(db, 3, channel="C2")
    with db.transaction():
        ranks.record(db, player.player_id, START, {SOLO: Standing("GOLD", "II", 45, 30, 20)})
    assert ask("list") == "Announced here:\nPlayer 1#EUW (EUW, Gold II 45 LP)\nPlayer 2#EUW (NA)"
    prefer(db, "C1", channels.Change(ranks=False), START)
    assert ask("list") == "Announced here:\nPlayer 1#EUW (EUW)\nPlayer 2#EUW (NA)"


def test_last__what_was_said_of_the_last_game_and_where(
    ask: Callable[..., str], db: Database, clock: FakeClock
) -> None:
    assert ask("last Player 1#EUW") == "Player 1#EUW is not announced here. “list” shows who is."
    add_player(db, 1)
    assert ask("last Player 1#EUW") == "No game of Player 1#EUW is on record here yet."
    for number in (1, 2):
        store_match(db, a_match(f"EUW1_{number}", ended_at=START + timedelta(minutes=number)), START)
    build_messages(db, Run("build-messages", clock, 80), "")
    waiting = ask("last Player 1#EUW")
    assert waiting.startswith("🟢 Player 1 won")
    assert waiting.endswith("\n(pending here)")
    with db.transaction():
        db.write(
            "UPDATE messages SET state = 'delivered', slack_ts = '1700000000.000100', text = 'newest' "
            "WHERE subject = 'EUW1_2'"
        )
    assert ask("last Player 1#EUW") == "newest\nhttps://slack.com/archives/C1/p1700000000000100"


def test_why__what_the_channel_hears_and_what_is_in_the_way(ask: Callable[..., str], db: Database) -> None:
    add_player(db, 1)
    with db.transaction():
        holds.put(db, scope_of("channel C1"), "paused", "by a person", START, None)
        holds.put(db, scope_of("channel C2"), "paused", "of no concern", START, None)
    assert ask("why").splitlines() == [
        "1 player is announced here; queues: all; style: full; ranks: on; digest: on; live: off; requests: off",
        "channel C1 is paused since 2026-11-23T12:00:00.000Z: by a person",
        "Games that wait to be posted here: none",
    ]


def test_help__names_every_command(ask: Callable[..., str]) -> None:
    told = ask("").splitlines()
    assert [line.split()[0].strip(":") for line in told[1:]] == list(Verb)


def test_a_hint_is_an_answer_too(ask: Callable[..., str]) -> None:
    assert ask("frobnicate <b>") == "I do not know “frobnicate”. Did you mean “help”?"
