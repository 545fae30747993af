"""What cron mails: what `-q` prints follows from what `status` needs, and from failures that status does not know."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import Bot, Command, forgotten_shell

from lolslackbot.clock import Clock
from lolslackbot.commands import quiet as mail
from lolslackbot.commands.quiet import NAME
from lolslackbot.sandbox import Mishap, Player, Sandbox
from lolslackbot.stages import deliver
from lolslackbot.store import matches, sqlite

STAGES = ("fetch-matches", "build-messages", "deliver")


class Cron:
    """Ticks of cron, three minutes apart by a clock of its own; what each mails."""

    def __init__(self, bot: Bot, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bot, self.sandbox = bot, sandbox
        self.now = self.began = datetime.now(UTC)
        monkeypatch.setattr(Clock, "now", lambda _: self.now)

    def tick(self, *stages: str, expected: tuple[int, ...] | None = None) -> str:
        """What the stages of one tick print, and so cron mails."""
        self.now += timedelta(minutes=3)
        ahead = (self.now - self.began).total_seconds()
        self.sandbox.riot.clock_skew = self.sandbox.slack.clock_skew = ahead
        results = [self.bot.run("-q", stage) for stage in stages or STAGES]
        assert expected in (None, tuple(result.status for result in results))
        return "".join(result.out + result.err for result in results)

    def mails(self, ticks: int, *stages: str) -> list[str]:
        return [mail for _ in range(ticks) if (mail := self.tick(*stages))]

    def play(self, player: Player) -> str:
        return self.sandbox.riot.add_game([player], ended=self.now)


@pytest.fixture
def cron(in_process_bot: Bot, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cron:
    monkeypatch.setattr(deliver, "PACE", timedelta(0))
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)
    spare = tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setenv("TMPDIR", str(spare))
    return Cron(in_process_bot, sandbox, monkeypatch)


@pytest.fixture
def ahri(cron: Cron) -> Player:
    cron.sandbox.slack.add_channel("C1")
    player = cron.sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    assert cron.bot.run("track", "Ahri Fan#EUW", "--channel", "C1").status == 0
    assert cron.tick(expected=(0, 0, 0)) == ""
    return player


def test_a_flagged_player_is_one_mail_though_every_run_exits_0(cron: Cron, ahri: Player) -> None:
    cron.sandbox.riot.misbehave(Mishap.status(404), endpoint="match-ids", times=10**6)
    first = cron.tick(expected=(0, 0, 0))
    needs = [line.removeprefix("lolslackbot: needs a person: ") for line in first.splitlines()]
    assert needs == cron.bot.run("status").out.splitlines()[1:2]
    assert cron.mails(20) == []


def test_a_dead_channel_is_one_mail_however_many_games_fail_in_it(cron: Cron, ahri: Player) -> None:
    cron.sandbox.slack.channels["C1"].archived = True
    mails = []
    for _ in range(4):
        cron.play(ahri)
        mails += cron.mails(4)
    (mail_,) = mails
    assert "deliver: 1 failed" in mail_
    assert "ERROR deliver" in mail_
    assert "lolslackbot: needs a person: channel #general (C1) is broken (since" in mail_


def test_a_need_that_lasts_is_said_again_after_a_day_though_no_run_fails(cron: Cron, ahri: Player) -> None:
    cron.sandbox.slack.channels["C1"].archived = True
    cron.play(ahri)
    assert len(cron.mails(2)) == 1
    cron.now += timedelta(hours=23)
    cron.mails(1)
    cron.now += timedelta(hours=1)
    again = cron.tick(expected=(0, 0, 0))
    assert "channel #general (C1) is broken" in again
    assert "deliver: " not in again


def test_mail_goes_by_how_long_news_is_news_as_status_does(cron: Cron, ahri: Player) -> None:
    """An outcome that nobody can find out needs a person for as long as the game is news."""
    cron.bot.environment["LOLSLACKBOT_ANNOUNCE_WITHIN"] = "172800"
    cron.sandbox.slack.scopes["default"] -= {"channels:history", "groups:history"}
    cron.sandbox.slack.misbehave(Mishap.status(500), times=1)
    cron.play(ahri)
    assert len(cron.mails(5)) == 1
    cron.now += timedelta(hours=25)
    assert "an unknown delivery status" in cron.tick()


def test_a_rejected_key_is_one_mail_though_three_stages_run(cron: Cron, ahri: Player) -> None:
    cron.sandbox.riot.change_key("RGAPI-of-today")
    (mail_,) = cron.mails(10)
    assert mail_.count("Riot key is rejected (since") == 1
    assert mail_.count("Riot refuses RIOT_API_KEY") == 1


def test_a_failure_that_status_does_not_know_is_said_once(
    cron: Cron, ahri: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise KeyError("a bug of ours")

    monkeypatch.setattr(matches, "to_build", fails)
    (mail_,) = cron.mails(10)
    assert "unexpected KeyError, see the log" in mail_


def test_a_stage_that_cron_does_not_start_any_more_is_mailed_by_the_others(cron: Cron, ahri: Player) -> None:
    mails = cron.mails(12, "fetch-matches", "build-messages")
    assert len(mails) == 1
    assert mails[0].startswith("lolslackbot: needs a person: deliver has not run since")


def test_after_a_night_without_the_machine_the_stages_to_come_are_not_missed(cron: Cron, ahri: Player) -> None:
    cron.now += timedelta(hours=9)
    assert cron.mails(10) == []


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_lock_that_lasts_is_mailed_and_one_that_passes_is_not(cron: Cron, ahri: Player, how: str) -> None:
    with forgotten_shell(cron.bot.database, how):
        assert cron.mails(2) == []
        (mail_,) = cron.mails(8)
    assert "no stage has run since" in mail_ or "has not run since" in mail_


def broken_settings(bot: Bot) -> None:
    (bot.home / "env").write_text("LOLSLACKBOT_MAX_SECONDS=soon\n")


def no_database(bot: Bot) -> None:
    bot.database.unlink()


def no_sqlite(bot: Bot) -> None:
    bot.database.write_bytes(b"no database" * 1000)


@pytest.mark.parametrize("breaks", [broken_settings, no_database, no_sqlite])
def test_what_stops_all_stages_before_they_begin_is_one_mail_with_one_line(
    cron: Cron, ahri: Player, breaks: Callable[[Bot], None]
) -> None:
    breaks(cron.bot)
    (mail_,) = cron.mails(25)
    assert len(mail_.splitlines()) == 1
    cron.now += timedelta(days=1)
    assert cron.mails(2) == [mail_]


def test_a_database_that_is_lost_while_it_is_looked_at_is_no_error(
    cron: Cron, ahri: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise OSError(2, "No such file")

    monkeypatch.setattr(mail, "read_only", gone)
    assert cron.tick(expected=(0, 0, 0)) == ""


# In real processes: a disk that is full, a home that is read-only


def test_a_full_disk_is_one_mail(subprocess_bot: Bot, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.slack.add_channel("C1")
    sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    assert subprocess_bot.run("track", "Ahri Fan#EUW", "--channel", "C1").status == 0
    spare = tmp_path / "spare"
    spare.mkdir()
    subprocess_bot.environment["TMPDIR"] = str(spare)
    results = [subprocess_bot.run_on_full_disk("-q", "build-messages") for _ in range(3)]
    assert [result.status for result in results] == [2, 2, 2]
    assert len(results[0].err.splitlines()) == 1
    assert "the disk is full" in results[0].err or "cannot be" in results[0].err
    assert [result.out + result.err for result in results[1:]] == ["", ""]


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        ((), {"LOLSLACKBOT_HOME": "~nobody-of-that-name/bot"}, "LOLSLACKBOT_HOME"),
        ((), {"LOLSLACKBOT_HOME": "a-file"}, "a-file is not a folder"),
        (("--home", "a-file"), {}, "a-file is not a folder"),
    ],
)
def test_a_home_that_there_cannot_be_is_one_mail(
    in_process_command: Command, tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], words: str
) -> None:
    (tmp_path / "a-file").touch()
    said = [
        in_process_command(*arguments, "-q", stage, at_home=False, **environment, TMPDIR=str(tmp_path))
        for stage in STAGES
    ]
    assert [result.status for result in said] == [2, 2, 2]
    assert [bool(result.err) for result in said] == [True, False, False]
    assert words in said[0].err
    assert not list(tmp_path.rglob(NAME))


def test_a_database_that_is_a_folder_is_one_mail(in_process_command: Command, tmp_path: Path) -> None:
    said = [in_process_command("-q", "--database", str(tmp_path), stage, TMPDIR=str(tmp_path)) for stage in STAGES]
    assert [result.status for result in said] == [2, 2, 2]
    assert [result.err for result in said] == [
        f"lolslackbot: --database cannot be used: {tmp_path} is a folder\n",
        "",
        "",
    ]
