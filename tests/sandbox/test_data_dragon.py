"""The sandbox's Data Dragon: what it serves, and that it misbehaves on request."""

import urllib.error
import urllib.request

import pytest

from lolslackbot.sandbox import Mishap, Sandbox


def read(sandbox: Sandbox, path: str) -> bytes:
    with urllib.request.urlopen(sandbox.settings["LOLSLACKBOT_DDRAGON_URL"] + path) as answer:
        return bytes(answer.read())


def test_it_serves_versions_champions_and_pictures(sandbox: Sandbox) -> None:
    assert read(sandbox, "/api/versions.json").startswith(b'["16.23.1", ')
    assert b'"key": "62", "name": "Wukong"' in read(sandbox, "/cdn/16.23.1/data/en_US/champion.json")
    assert read(sandbox, "/cdn/16.23.1/img/champion/Fiddlesticks.png").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "path", ["/", "/cdn/1.1.1/data/en_US/champion.json", "/cdn/16.23.1/img/champion/FiddleSticks.png"]
)
def test_what_is_not_there_is_forbidden(sandbox: Sandbox, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        read(sandbox, path)


def test_it_misbehaves_where_it_is_told_to(sandbox: Sandbox) -> None:
    sandbox.data_dragon.misbehave(Mishap.status(503), "versions", times=1)
    with pytest.raises(urllib.error.HTTPError, match="503"):
        read(sandbox, "/api/versions.json")
    assert read(sandbox, "/api/versions.json")
    assert [request.status for request in sandbox.data_dragon.requests] == [503, 200]
