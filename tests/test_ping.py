"""The dead man's switch: what it hears, and that nothing about it changes a run."""

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from raw_server import RawServer, answering
from support import CERTIFICATE, Bot, Command

from lolslackbot import ping
from lolslackbot.ping import Ping, send
from lolslackbot.store.database import Database

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"
SWITCH = "hc-0123-secret"


@pytest.fixture
def switch() -> Iterator[RawServer]:
    with answering(OK) as server:
        yield server


def heard(switch: RawServer) -> list[str]:
    return [request.split()[1] for request in switch.requests]


def body(request: str) -> str:
    return request.partition("\r\n\r\n")[2]


@pytest.fixture
def delivering(in_process_bot: Bot, db: Database, switch: RawServer) -> Bot:
    in_process_bot.environment["LOLSLACKBOT_PING_URL"] = f"{switch.root}/{SWITCH}/"
    return in_process_bot


def test_it_hears_the_beginning_and_the_end_with_the_summary(delivering: Bot, switch: RawServer) -> None:
    said = delivering.run("-q", "deliver")
    assert (said.status, said.out, said.err) == (0, "", "")
    assert heard(switch) == [f"/{SWITCH}/start", f"/{SWITCH}"]
    assert [body(request) for request in switch.requests] == ["", "deliver: nothing to do"]
    assert all(request.startswith("POST ") for request in switch.requests)


def test_only_deliver_rings(delivering: Bot, switch: RawServer) -> None:
    for arguments in (("fetch-matches",), ("build-messages",), ("digest",), ("deliver", "--dry-run"), ("status",)):
        delivering.run(*arguments)
    assert switch.requests == []


def test_a_person_is_needed_at_once_and_hears_it(delivering: Bot, switch: RawServer) -> None:
    Path(delivering.database).write_bytes(b"no database" * 100)
    assert delivering.run("deliver").status == 2
    assert heard(switch) == [f"/{SWITCH}/start", f"/{SWITCH}/fail"]
    assert body(switch.requests[1]).startswith("deliver: nothing to do; ")
    assert "not a SQLite database" in body(switch.requests[1])


def test_a_setting_at_fault_is_rung_too(delivering: Bot, switch: RawServer) -> None:
    assert delivering.run("deliver", LOLSLACKBOT_MAX_SECONDS="soon").status == 2
    assert delivering.run("fetch-matches", LOLSLACKBOT_MAX_SECONDS="soon").status == 2
    assert heard(switch) == [f"/{SWITCH}/start", f"/{SWITCH}/fail"]
    assert "LOLSLACKBOT_MAX_SECONDS" in body(switch.requests[1])


def test_a_limit_is_no_reason_to_wake_anybody(delivering: Bot, db: Database, switch: RawServer) -> None:
    with db.run_lock("deliver"):
        assert delivering.run("deliver").status == 75
    assert heard(switch) == [f"/{SWITCH}/start", f"/{SWITCH}"]
    assert "another deliver is at work" in body(switch.requests[1])


def hangs(connection: socket.socket) -> None:
    time.sleep(1)


FAULTS = {
    "404": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "127.0.0.1 answered 404"),
    "500": (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "127.0.0.1 answered 500"),
    "a redirect": (
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n",
        "127.0.0.1 answered 302",
    ),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n", "127.0.0.1: BadStatusLine"),
    "nothing": (b"", "127.0.0.1: RemoteDisconnected"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_it_answers_the_run_is_the_same(
    in_process_bot: Bot, db: Database, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    reply, told = FAULTS[fault]
    with answering(reply) as switch:
        said = in_process_bot.run("deliver", LOLSLACKBOT_PING_URL=f"{switch.root}/{SWITCH}")
        assert (said.status, said.out, said.err) == (0, "deliver: nothing to do\n", "")
        assert send(f"{switch.root}/{SWITCH}", "x", {}) == told
        assert len(switch.requests) == 3
    assert SWITCH not in caplog.text
    assert SWITCH not in in_process_bot.log


def test_a_switch_that_is_gone_is_a_line_in_the_log(in_process_bot: Bot, db: Database) -> None:
    said = in_process_bot.run("-q", "deliver", LOLSLACKBOT_PING_URL=f"http://127.0.0.1:1/{SWITCH}")
    assert (said.status, said.out, said.err) == (0, "", "")
    assert "the ping failed: 127.0.0.1: ConnectionRefusedError" in in_process_bot.log
    assert SWITCH not in in_process_bot.log


def test_a_switch_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ping, "SECONDS", 0.2)
    with answering(hangs) as slow:
        assert send(f"{slow.root}/{SWITCH}", "", {}) == "127.0.0.1: DeadlineExceeded"


def test_one_that_cannot_be_interrupted_is_killed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As a look-up of a name is, which ends when it likes."""

    def uninterruptible(*_: object) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        while True:
            time.sleep(1)

    monkeypatch.setattr(ping, "SECONDS", 0.2)
    monkeypatch.setattr(ping, "send", uninterruptible)
    ringing = Ping("http://127.0.0.1:1/x", {})
    ringing.begin()
    ringing.end("", failed=True)
    assert caplog.messages == ["the ping failed: no answer in 0.2 s"] * 2


def test_a_proxy_that_cannot_be_used_is_named() -> None:
    assert send("https://hc.example/x", "", {"https_proxy": "socks5://127.0.0.1:1"}) == (
        "HTTPS_PROXY cannot be used: socks5 proxies are not supported, only http://[USER:PASSWORD@]HOST:PORT"
    )


def test_authorities_hold_for_it_too(tmp_path: Path) -> None:
    missing = send("https://127.0.0.1:1/x", "", {"SSL_CERT_FILE": str(tmp_path / "none.pem")})
    assert missing == "cannot read certificates from SSL_CERT_FILE: No such file or directory"
    assert send("https://127.0.0.1:1/x", "", {"SSL_CERT_FILE": str(CERTIFICATE)}) == "127.0.0.1: ConnectionRefusedError"


def test_check_rings_it_if_asked_to(delivering: Bot, switch: RawServer) -> None:
    assert "  ping: " not in delivering.run("check").out
    assert "ok    ping: it was answered" in delivering.run("check", "--ping").out
    assert heard(switch) == [f"/{SWITCH}"]
    gone = delivering.run("check", "--ping", LOLSLACKBOT_PING_URL="http://127.0.0.1:1/x")
    assert "FAIL  ping: 127.0.0.1: ConnectionRefusedError; see whether the URL is still right" in gone.out
    unset = delivering.run("check", "--ping", LOLSLACKBOT_PING_URL="")
    assert "FAIL  ping: LOLSLACKBOT_PING_URL is not set" in unset.out


@pytest.mark.parametrize(
    "url", ["ftp://hc.example/x", "https://me:pw@hc.example/x", "https://hc.example/x?y", "x", "http://"]
)
def test_a_url_that_cannot_be_is_refused(in_process_command: Command, url: str) -> None:
    said = in_process_command("deliver", LOLSLACKBOT_PING_URL=url)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("lolslackbot: LOLSLACKBOT_PING_URL cannot be used: it ")
