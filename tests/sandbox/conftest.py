"""Plain HTTP to the sandbox, with nothing but the standard library: no client of the package takes part."""

import http.client
import json
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lolslackbot.sandbox import Player, Sandbox


class Answer:
    """One answer as it came over the wire."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=1) as running:
        yield running


@pytest.fixture
def ahri(sandbox: Sandbox) -> Player:
    return sandbox.riot.add_player("Ahri Fan#EUW", platform="euw1")


@pytest.fixture
def get(sandbox: Sandbox) -> Callable[..., Answer]:
    def get(path: str, key: str | None = "", verb: str = "GET") -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.riot.port, timeout=5)
        headers = {} if key is None else {"X-Riot-Token": key or sandbox.riot.key}
        connection.request(verb, path, headers=headers)
        try:
            return Answer(connection.getresponse())
        finally:
            connection.close()

    return get


@pytest.fixture
def call(sandbox: Sandbox) -> Callable[..., Answer]:
    """`call("chat.postMessage", channel="C1", …)`; form=True sends a form, token=None no token."""

    def call(
        method: str,
        token: str | None = "",
        form: bool = False,
        timeout: float = 5,
        **fields: Any,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.slack.port, timeout=timeout)
        token = sandbox.settings["SLACK_BOT_TOKEN"] if token == "" else token
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if form:
            body, headers["Content-Type"] = (
                urllib.parse.urlencode(fields),
                "application/x-www-form-urlencoded",
            )
        else:
            body, headers["Content-Type"] = json.dumps(fields), "application/json;charset=utf-8"
        try:
            connection.request("POST", f"/api/{method}", body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    return call
