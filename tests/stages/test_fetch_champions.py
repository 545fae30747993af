"""Data Dragon is asked at most once a day, last of all, and whatever it answers nothing fails."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from support import START, Bot, FakeClock

from lolslackbot.errors import Exit
from lolslackbot.riot.data_dragon import DataDragon
from lolslackbot.sandbox import Mishap, Sandbox
from lolslackbot.stages.fetch_champions import fetch_champions
from lolslackbot.stages.run import Run
from lolslackbot.store import champions
from lolslackbot.store.database import Database


@pytest.fixture
def served() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def fetch(db: Database, clock: FakeClock, served: Sandbox, max_seconds: float = 80) -> tuple[list[str], Run]:
    """The paths that were asked for."""
    before = len(served.data_dragon.requests)
    run = Run("fetch-matches", clock, max_seconds)
    address = served.settings["LOLSLACKBOT_DDRAGON_URL"]
    fetch_champions(db, DataDragon(address, clock, run.budget.left), run)
    return [request.path for request in served.data_dragon.requests[before:]], run


def test_champions__once_a_day_if_newer(db: Database, clock: FakeClock, served: Sandbox) -> None:
    paths, run = fetch(db, clock, served)
    assert paths == ["/api/versions.json", "/cdn/16.23.1/data/en_US/champion.json"]
    assert (run.status, run.counts) == (Exit.OK, {})
    assert champions.known(db).version == "16.23.1"
    assert champions.known(db).by_id[62].name == "Wukong"
    clock.advance(86_399)
    assert fetch(db, clock, served)[0] == []
    clock.advance(2)
    assert fetch(db, clock, served)[0] == ["/api/versions.json"]
    served.data_dragon.versions.insert(0, "16.24.1")
    del served.data_dragon.champions["Ahri"]
    clock.advance(86_401)
    assert len(fetch(db, clock, served)[0]) == 2
    assert (champions.known(db).version, 103 in champions.known(db).by_id) == ("16.24.1", False)


@pytest.mark.parametrize("path", ["versions", "champion.json"])
@pytest.mark.parametrize(
    "mishap", [Mishap.status(503), Mishap.html(), Mishap.cut(), Mishap.cut_body(), Mishap.redirect(302, "/x")]
)
def test_unusable_answer__next_try_in_a_day(
    db: Database, clock: FakeClock, served: Sandbox, caplog: pytest.LogCaptureFixture, mishap: Mishap, path: str
) -> None:
    handle = served.data_dragon.misbehave(mishap, path)
    with caplog.at_level(logging.INFO):
        _, run = fetch(db, clock, served)
    assert (run.status, run.counts, run.problems, handle.fired) == (Exit.OK, {}, [], 1)
    assert "no champions from Data Dragon" in caplog.text
    assert champions.known(db).version is None
    assert db.row("SELECT problem FROM data_dragon")["problem"]  # type: ignore[index]
    served.data_dragon.behave()
    assert fetch(db, clock, served)[0] == []
    clock.advance(86_401)
    fetch(db, clock, served)
    assert champions.known(db).version == "16.23.1"
    assert db.row("SELECT problem FROM data_dragon")["problem"] is None  # type: ignore[index]


def test_little_time_left__not_asked(db: Database, clock: FakeClock, served: Sandbox) -> None:
    assert fetch(db, clock, served, max_seconds=14)[0] == []
    assert champions.asked_at(db) is None


def test_clock_rollback__asked(db: Database, clock: FakeClock, served: Sandbox) -> None:
    champions.begin_asking(db, START + timedelta(days=30))
    assert fetch(db, clock, served)[0]


def test_command__last_and_without_the_key(subprocess_bot: Bot, sandbox: Sandbox) -> None:
    player = sandbox.riot.add_player("Ahri Fan#EUW")
    sandbox.slack.add_channel("C1")
    assert subprocess_bot.run("track", player.riot_id, "--channel", "C1").status == 0
    sandbox.riot.add_game([player], stats={player.puuid: {"championId": 62, "championName": "MonkeyKing"}})
    assert subprocess_bot.run("fetch-matches", LOLSLACKBOT_DDRAGON_URL="").status == 0
    assert sandbox.data_dragon.requests == []
    assert subprocess_bot.run("fetch-matches").status == 0
    asked = sandbox.data_dragon.requests
    assert len(asked) == 2
    assert asked[0].at > sandbox.riot.requests[-1].at
    assert all(sandbox.riot.key not in str(request.headers) for request in asked)
    assert [subprocess_bot.run(stage).status for stage in ("build-messages", "deliver")] == [0, 0]
    (post,) = sandbox.slack.posts
    port = sandbox.data_dragon.port
    assert post.blocks[1]["accessory"] == {
        "type": "image",
        "image_url": f"http://127.0.0.1:{port}/cdn/16.23.1/img/champion/MonkeyKing.png",
        "alt_text": "Wukong",
    }


def test_unreachable__no_failure(subprocess_bot: Bot, sandbox: Sandbox) -> None:
    player = sandbox.riot.add_player("Ahri Fan#EUW")
    subprocess_bot.run("track", player.riot_id, "--channel", "C1")
    sandbox.data_dragon.stop()
    result = subprocess_bot.run("fetch-matches")
    assert (result.status, result.err) == (0, "")
