"""Behind a proxy that inspects TLS, or that wants a password: both clients go by the same variables."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import CERTIFICATE, CERTIFICATE_HASH, Bot, keys_in, tls_context

from lolslackbot.sandbox import Sandbox

PLAYER = "Ahri Fan#EUW"
STAGES = ("fetch-matches", "deliver")
PASSWORD = "S3cr3tPa55"


@pytest.fixture
def inspected(here: Bot, sandbox: Sandbox) -> Bot:
    """A friend whose game is over; from now on everything is behind a certificate that nobody trusts."""
    ahri = sandbox.riot.add_player(PLAYER, platform="euw1")
    sandbox.slack.add_channel("C1")
    assert here.run("track", PLAYER, "--channel", "C1", "--platform", "euw1").status == 0
    assert here.tick()[0].status == 0
    sandbox.riot.add_game([ahri], ended=datetime.now(UTC) + timedelta(seconds=1))
    for server in (sandbox.riot, sandbox.slack, sandbox.data_dragon):
        assert server._http
        server._http.socket = tls_context().wrap_socket(server._http.socket, server_side=True)
    for name in ("RIOT", "SLACK", "DDRAGON"):
        url = here.environment[f"LOLSLACKBOT_{name}_URL"]
        here.environment[f"LOLSLACKBOT_{name}_URL"] = url.replace("http:", "https:")
    return here


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
def test_each_variable_holds_for_both_clients(inspected: Bot, sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    name, _, folder = name.partition(" ")
    place = folder_of_authorities(tmp_path / "certs") if folder or name == "SSL_CERT_DIR" else str(CERTIFICATE)
    assert [result.status for result in inspected.tick(**{name: place})] == [0, 0, 0]
    assert len(keys_in(sandbox, "C1")) == 1
    check = inspected.run("check", **{name: place}).out
    assert "ok    Riot key: key accepted\n" in check
    assert "ok    Slack workspace default: token accepted\n" in check


def test_they_count_in_the_env_file_too(inspected: Bot, sandbox: Sandbox) -> None:
    (inspected.home / "env").write_text(f"SSL_CERT_FILE={CERTIFICATE}\n")
    (inspected.home / "env").chmod(0o600)
    assert [result.status for result in inspected.tick()] == [0, 0, 0]
    assert len(keys_in(sandbox, "C1")) == 1


def test_a_certificate_that_is_not_trusted_is_2_with_the_remedy_and_nothing_is_marked(
    waiting: Bot,
) -> None:
    before = waiting.rows("SELECT * FROM matches")
    for stage in STAGES:
        result = waiting.run(stage)
        assert result.status == 2
        told = [line for line in result.err.splitlines() if "is not trusted (self-signed certificate): " in line]
        assert len(told) == 1
        assert "SSL_CERT_FILE or REQUESTS_CA_BUNDLE, or a folder in SSL_CERT_DIR" in told[0]
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


def test_a_certificate_that_is_not_trusted_is_mailed_by_the_stage_that_met_it_and_by_no_other(
    waiting: Bot, tmp_path: Path
) -> None:
    mails = [waiting.run("-q", stage, TMPDIR=str(tmp_path)).err for _ in range(2) for stage in STAGES]
    assert ["fetch-matches cannot work" in mail for mail in mails] == [True, False, False, False]
    assert ["deliver cannot work" in mail for mail in mails] == [False, True, False, False]


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_authorities_that_are_not_there_are_named_by_their_variable(waiting: Bot, tmp_path: Path, name: str) -> None:
    for stage in STAGES:
        result = waiting.run(stage, **{name: str(tmp_path / "nowhere")})
        said = f"{name} names no certificates that can be read: No such file or directory"
        assert (result.status, said in result.out + result.err) == (2, True), stage


# Proxies, which loopback addresses never go through: the hosts have names here, and nothing leaves the machine


@contextmanager
def proxy(status: int) -> Iterator[tuple[int, list[str]]]:
    """Answers every CONNECT with a refusal; its port, and what it was asked."""
    asked: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(65536).decode())
                connection.sendall(f"HTTP/1.1 {status} {PASSWORD}\r\nContent-Length: 0\r\n\r\n".encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


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
def test_a_407_is_named_with_the_remedy_for_both_clients_and_no_password_is_shown(outside: Bot, name: str) -> None:
    with proxy(407) as (port, asked):
        (outside.home / "env").write_text(f"{name}=http://somebody:{PASSWORD}@127.0.0.1:{port}\n")
        results = [outside.run("-vv", stage) for stage in STAGES]
    assert [each.split(" ")[1] for each in asked] == ["europe.riot.invalid:443", "slack.invalid:443"]
    assert all("Proxy-Authorization: Basic c29tZWJvZHk6" in each for each in asked)
    for result in results:
        assert result.status == 2
        assert "(407): it wants user and password in HTTPS_PROXY, which reads http://" in result.err
        no_password_anywhere(outside, result.out, result.err)
    assert outside.rows("SELECT state, attempts FROM messages") == [("pending", 0)]


UNUSABLE = [
    ("socks5://somebody:S3cr3tPa55@127.0.0.1:1080", "HTTPS_PROXY cannot be used: it names a SOCKS proxy, and only an "),
    ("SOCKS5H://127.0.0.1:1080", "HTTPS_PROXY cannot be used: it names a SOCKS proxy, and only an HTTP proxy works: "),
    ("https://somebody:S3cr3tPa55@127.0.0.1:1", "HTTPS_PROXY cannot be used: it names a proxy for https, and only an "),
    (
        "http://somebody:S3cr3tPa55#x@127.0.0.1:1",
        "HTTPS_PROXY cannot be used: it must read http://HOST:PORT, with USER",
    ),
    (
        "http://somebody:S3cr3tPa55/x@127.0.0.1:1",
        "HTTPS_PROXY cannot be used: it must read http://HOST:PORT, with USER",
    ),
    ("somebody:S3cr3tPa55?x@127.0.0.1:1", "HTTPS_PROXY cannot be used: it must read http://HOST:PORT, with USER"),
    (
        "http://somebody:S3cr3tPa55@127.0.0.1:port",
        "HTTPS_PROXY cannot be used: it must read http://HOST:PORT, with USER",
    ),
    ("http://", "HTTPS_PROXY cannot be used: it must read http://HOST:PORT, with USER:PASSWORD@ before HOST"),
]


@pytest.mark.parametrize(("proxy_url", "words"), UNUSABLE)
def test_a_proxy_that_no_client_can_use_is_named_by_its_variable(outside: Bot, proxy_url: str, words: str) -> None:
    (outside.home / "env").write_text(f"HTTPS_PROXY='{proxy_url}'\n")
    for stage in (*STAGES, "check"):
        result = outside.run("-vv", stage)
        assert (result.status, words in result.out + result.err) == (2, True), result
        no_password_anywhere(outside, result.out, result.err)


def test_no_proxy_in_the_env_file_counts_and_the_environment_wins_in_any_case(outside: Bot) -> None:
    with proxy(407) as (port, asked):
        (outside.home / "env").write_text(f"HTTPS_PROXY=http://127.0.0.1:{port}\nNO_PROXY=riot.invalid,slack.invalid\n")
        assert [outside.run(stage).status for stage in STAGES] == [75, 75]
        (outside.home / "env").write_text(f"https_proxy=http://127.0.0.1:{port}\n")
        assert [outside.run(stage, HTTPS_PROXY="").status for stage in STAGES] == [75, 75]
        assert asked == []
