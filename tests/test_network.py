"""Behind a proxy that inspects TLS, or that wants a password: both clients go by the same variables."""

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from raw_server import RawServer, answering
from support import CERTIFICATE, CERTIFICATE_HASH, Bot, keys_in, tls_context

from lolslackbot.sandbox import Sandbox

PLAYER = "Ahri Fan#EUW"
STAGES = ("fetch-matches", "deliver")
PASSWORD = "S3cr3tPa55"


@pytest.fixture
def inspected(in_process_bot: Bot, sandbox: Sandbox) -> Bot:
    """A friend whose game is over; from now on everything is behind a certificate that nobody trusts."""
    ahri = sandbox.riot.add_player(PLAYER, platform="euw1")
    sandbox.slack.add_channel("C1")
    assert in_process_bot.run("track", PLAYER, "--channel", "C1", "--platform", "euw1").status == 0
    assert in_process_bot.tick()[0].status == 0
    sandbox.riot.add_game([ahri], ended=datetime.now(UTC) + timedelta(seconds=1))
    for server in (sandbox.riot, sandbox.slack, sandbox.data_dragon):
        assert server._http
        server._http.socket = tls_context().wrap_socket(server._http.socket, server_side=True)
    for name in ("RIOT", "SLACK", "DDRAGON"):
        url = in_process_bot.environment[f"LOLSLACKBOT_{name}_URL"]
        in_process_bot.environment[f"LOLSLACKBOT_{name}_URL"] = url.replace("http:", "https:")
    return in_process_bot


@pytest.fixture
def waiting(inspected: Bot) -> Bot:
    """The message about that game is yet to be posted."""
    for stage in ("fetch-matches", "build-messages"):
        assert inspected.run(stage, SSL_CERT_FILE=str(CERTIFICATE)).status == 0
    return inspected


def folder_of_authorities(where: Path) -> str:
    where.mkdir()
    (where / f"{CERTIFICATE_HASH}.0").write_bytes(CERTIFICATE.read_bytes())
    return str(where)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "REQUESTS_CA_BUNDLE folder"])
def test_authorities__each_variable_for_both_clients(
    inspected: Bot, sandbox: Sandbox, tmp_path: Path, name: str
) -> None:
    name, _, folder = name.partition(" ")
    place = folder_of_authorities(tmp_path / "certs") if folder or name == "SSL_CERT_DIR" else str(CERTIFICATE)
    assert [result.status for result in inspected.tick(**{name: place})] == [0, 0, 0]
    assert len(keys_in(sandbox, "C1")) == 1
    check = inspected.run("check", **{name: place}).out
    assert "ok    Riot key: key accepted\n" in check
    assert "ok    Slack workspace default: token accepted\n" in check


def test_authorities__in_the_env_file(inspected: Bot, sandbox: Sandbox) -> None:
    (inspected.home / "env").write_text(f"SSL_CERT_FILE={CERTIFICATE}\n")
    (inspected.home / "env").chmod(0o600)
    assert [result.status for result in inspected.tick()] == [0, 0, 0]
    assert len(keys_in(sandbox, "C1")) == 1


def test_untrusted_certificate__status_2_and_nothing_marked(
    waiting: Bot,
) -> None:
    before = waiting.rows("SELECT * FROM matches")
    for stage in STAGES:
        result = waiting.run(stage)
        assert result.status == 2
        assert result.err.count("is not trusted (self-signed certificate): ") == 1
    assert waiting.rows("SELECT state, attempts FROM messages") == [("pending", 0)]
    assert waiting.rows("SELECT * FROM matches") == before
    assert waiting.rows("SELECT DISTINCT problem FROM players") == [(None,)]
    check = waiting.run("check")
    assert check.status == 2
    for what in ("Riot key", "Slack workspace default"):
        assert f"FAIL  {what}: the certificate of 127.0.0.1 is not trusted" in check.out
    track = waiting.run("track", "Bear#EUW", "--channel", "C1")
    assert (track.status, len(track.err.splitlines())) == (2, 1)
    assert "the certificate of 127.0.0.1 is not trusted" in track.err


def test_untrusted_certificate__mailed_once_by_its_stage(waiting: Bot, tmp_path: Path) -> None:
    mails = [waiting.run("-q", stage, TMPDIR=str(tmp_path)).err for _ in range(2) for stage in STAGES]
    assert ["fetch-matches cannot work" in mail for mail in mails] == [True, False, False, False]
    assert ["deliver cannot work" in mail for mail in mails] == [False, True, False, False]


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_authorities__missing_file(waiting: Bot, tmp_path: Path, name: str) -> None:
    for stage in STAGES:
        result = waiting.run(stage, **{name: str(tmp_path / "nowhere")})
        said = f"cannot read certificates from {name}: No such file or directory"
        assert (result.status, said in result.out + result.err) == (2, True), stage


# Proxies, which loopback addresses never go through: the hosts have names here, and nothing leaves the machine


def refusing_proxy() -> AbstractContextManager[RawServer]:
    """Answers every CONNECT with a 407, whose reason must not be shown."""
    return answering(f"HTTP/1.1 407 {PASSWORD}\r\nContent-Length: 0\r\n\r\n".encode())


@pytest.fixture
def outside(waiting: Bot) -> Bot:
    """Nobody but a proxy knows where these hosts are."""
    waiting.environment["LOLSLACKBOT_RIOT_URL"] = "https://{routing}.riot.invalid"
    waiting.environment["LOLSLACKBOT_SLACK_URL"] = "https://slack.invalid/api/"
    waiting.environment["LOLSLACKBOT_DDRAGON_URL"] = ""
    return waiting


def no_password_anywhere(bot: Bot, *said: str) -> None:
    kept = [path.read_bytes() for path in bot.home.iterdir() if path.name != "env"]
    for text in (PASSWORD, "S3cr3t", "c29tZWJvZHk6"):  # the last: `somebody:` as a header has it
        assert [each for each in said if text in each] == []
        assert [each for each in kept if text.encode() in each] == []


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_proxy__407_is_named_and_no_password_shown(outside: Bot, name: str) -> None:
    with refusing_proxy() as proxy:
        (outside.home / "env").write_text(f"{name}=http://somebody:{PASSWORD}@127.0.0.1:{proxy.port}\n")
        results = [outside.run("-vv", stage) for stage in STAGES]
    assert [each.split(" ")[1] for each in proxy.requests] == ["europe.riot.invalid:443", "slack.invalid:443"]
    assert all("Proxy-Authorization: Basic c29tZWJvZHk6" in each for each in proxy.requests)
    for result in results:
        assert result.status == 2
        assert "(407): set user and password in HTTPS_PROXY" in result.err
        no_password_anywhere(outside, result.out, result.err)
    assert outside.rows("SELECT state, attempts FROM messages") == [("pending", 0)]


@pytest.mark.parametrize(
    "proxy_url", ["socks5://somebody:S3cr3tPa55@127.0.0.1:1080", "http://somebody:S3cr3tPa55#x@127.0.0.1:1"]
)
def test_proxy__unusable_url(outside: Bot, proxy_url: str) -> None:
    """Named by its variable; test_transport has every form."""
    (outside.home / "env").write_text(f"HTTPS_PROXY='{proxy_url}'\n")
    for stage in (*STAGES, "check"):
        result = outside.run("-vv", stage)
        assert (result.status, "HTTPS_PROXY cannot be used: " in result.out + result.err) == (2, True), result
        no_password_anywhere(outside, result.out, result.err)


def test_proxy__no_proxy_and_the_environment_win(outside: Bot) -> None:
    """NO_PROXY in the env file counts; a variable of the environment wins over one of the env file in any case."""
    with refusing_proxy() as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        (outside.home / "env").write_text(f"HTTPS_PROXY={url}\nNO_PROXY=riot.invalid,slack.invalid\n")
        assert [outside.run(stage).status for stage in STAGES] == [75, 75]
        (outside.home / "env").write_text(f"https_proxy={url}\n")
        assert [outside.run(stage, HTTPS_PROXY="").status for stage in STAGES] == [75, 75]
        assert proxy.requests == []
