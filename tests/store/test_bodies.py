"""A whole answer comes back as it was, and costs less room than gzip would need."""

import gzip
import hashlib
import json
import zlib
from datetime import UTC, datetime

import pytest

from lolslackbot.sandbox import Sandbox
from lolslackbot.store import bodies


def answer() -> bytes:
    """A match as match-v5 answers it."""
    sandbox = Sandbox(seed=1)
    player = sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")
    match_id = sandbox.riot.add_game([player], ended=datetime(2026, 11, 22, tzinfo=UTC))
    return json.dumps(sandbox.riot.matches[match_id], separators=(",", ":")).encode()


@pytest.mark.parametrize("body", [b"", b"{}", "naïve \N{PILE OF POO}".encode(), bytes(range(256)) * 300, answer()])
def test_body__comes_back_unchanged(body: bytes) -> None:
    assert bodies.unpack(bodies.pack(body)) == body


def test_body__of_an_earlier_version() -> None:
    assert bodies.unpack(zlib.compress(answer(), 9)) == answer()


def test_body__smaller_than_gzip() -> None:
    assert len(bodies.pack(answer())) < 0.9 * len(gzip.compress(answer()))


def test_dictionary__never_changes() -> None:
    """Whatever was packed with another one could not be read any more."""
    assert hashlib.sha256(bodies._DICTIONARY).hexdigest()[:16] == "90705bb841d60c15"
