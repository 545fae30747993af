"""What each answer of Riot means: status and body in, a verdict out."""

from typing import Any

import pytest

from lolslackbot.riot.answers import RiotRefusal, RiotVerdict, message_of, read_json
from lolslackbot.transport import HttpAnswer

DECRYPTING = b'{"status": {"message": "Bad Request - Exception decrypting abcdef", "status_code": 400}}'
FORBIDDEN = b'{"status":{"message":"Forbidden","status_code":403}}'
NOT_FOUND = b'{"status":{"status_code":404,"message":"Data not found - match file not found"}}'
OTHER_SHAPE = b'{"httpStatus":404,"errorCode":"NOT_FOUND","message":"Not Found","implementationDetails":"filtered"}'
TOO_FAST = b'{"status":{"message":"Rate limit exceeded","status_code":429}}'
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


def answer(status: int, body: bytes = b"", **headers: str) -> HttpAnswer:
    return HttpAnswer(status, headers, body)


@pytest.mark.parametrize(
    ("status", "body", "verdict", "words"),
    [
        (400, DECRYPTING, RiotVerdict.OTHER_KEY, "400 Bad Request - Exception decrypting abcdef"),
        (400, b"exception DECRYPTING it", RiotVerdict.OTHER_KEY, "400 exception DECRYPTING it"),
        (400, b'{"status":{"message":"unknown apikey"}}', RiotVerdict.UNAVAILABLE, "400 unknown apikey"),
        (400, b"", RiotVerdict.UNAVAILABLE, "400 (no message)"),
        (401, b'{"status":{"message":"Unknown apikey"}}', RiotVerdict.UNAUTHORIZED, "401 Unknown apikey"),
        (
            401,
            DECRYPTING,
            RiotVerdict.UNAUTHORIZED,
            "401 Bad Request - Exception decrypting abcdef",
        ),  # the status decides
        (403, FORBIDDEN, RiotVerdict.FORBIDDEN, "403 Forbidden"),
        (403, HTML, RiotVerdict.FORBIDDEN, "403 <html><body><h1>502 Bad Gateway</h1></body></html>"),
        (404, NOT_FOUND, RiotVerdict.NOT_FOUND, "404 Data not found - match file not found"),
        (404, OTHER_SHAPE, RiotVerdict.NOT_FOUND, "404 Not Found"),
        (429, TOO_FAST, RiotVerdict.LIMITED, "429 Rate limit exceeded"),
        (429, b"server rate limit exceeded", RiotVerdict.LIMITED, "429 server rate limit exceeded"),
        (500, b"", RiotVerdict.UNAVAILABLE, "500 (no message)"),
        (502, HTML, RiotVerdict.UNAVAILABLE, "502 <html><body><h1>502 Bad Gateway</h1></body></html>"),
        (503, TOO_FAST, RiotVerdict.UNAVAILABLE, "503 Rate limit exceeded"),  # 503 is no rate limit
        (504, b"{", RiotVerdict.UNAVAILABLE, "504 {"),
        (405, b"", RiotVerdict.UNAVAILABLE, "405 (no message)"),
        (415, b"", RiotVerdict.UNAVAILABLE, "415 (no message)"),
        (301, b"", RiotVerdict.UNAVAILABLE, "301 (no message)"),
        (204, b"", RiotVerdict.UNAVAILABLE, "204 (no message)"),
        (206, b"[]", RiotVerdict.UNAVAILABLE, "206 []"),
        (299, b"[1]", RiotVerdict.UNAVAILABLE, "299 [1]"),
    ],
)
def test_refusal__verdict_and_words(status: int, body: bytes, verdict: RiotVerdict, words: str) -> None:
    with pytest.raises(RiotRefusal) as refusal:
        read_json(answer(status, body))
    assert refusal.value.verdict is verdict
    assert refusal.value.status == status
    assert str(refusal.value) == words


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b"[]", []),
        (b'{"a": 1}', {"a": 1}),
        (b"null", None),  # JSON all the same: what it is good for is the caller's business
        ('"ñ"'.encode(), "ñ"),
        (b'"\\ud800"', "\ud800"),
        (b"1e400", float("inf")),
    ],
)
def test_json__read(body: bytes, document: Any) -> None:
    assert read_json(answer(200, body)) == document


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'["EUW1_1", "EUW1_',  # cut off
        HTML,
        b"[NaN]",  # Python would read these three, no other JSON reader does
        b"[Infinity]",
        b"-Infinity",
        b"\xff\xfe\xfd",
        b'"\xff"',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"9" * 5_000,  # more digits than Python turns into a number
        b"[] []",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_no_json__unavailable(body: bytes) -> None:
    with pytest.raises(RiotRefusal, match="^200, but no JSON: ") as refusal:
        read_json(answer(200, body))
    assert refusal.value.verdict is RiotVerdict.UNAVAILABLE
    assert refusal.value.status == 200
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "(no message)"),
        (b"   \n", "(no message)"),
        (b'{"status": {"message": ""}}', "(no message)"),
        (b'{"message": "x"}', "x"),
        (b'{"status": {"message": "a\\nb\\u0000c"}}', "a b c"),  # one line
        (b'{"status": {"message": "\\ud800!"}}', "!"),  # can be stored and printed
        (b'{"status": {"message": 5}}', "5"),
        (b'{"status": {"message": "' + b"x" * 500 + b'"}}', "x" * 200),
        (b"y" * 500, "y" * 200),
        (b"\xff\xfeabc", "\N{REPLACEMENT CHARACTER}" * 2 + "abc"),
        (b'{"status": {}}', '{"status": {}}'),
        (b'{"status": "down"}', '{"status": "down"}'),
        (b'{"status": null}', '{"status": null}'),
        (b"{}", "{}"),
        (b"[]", "[]"),
        (b"7", "7"),
        (b"null", "null"),
        (b'"status"', '"status"'),
        (b"[" * 100_000, "[" * 200),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_message_of__one_short_line(body: bytes, words: str) -> None:
    message = message_of(answer(500, body))
    assert message == words
    assert len(message) <= 200
    assert message.isprintable()
    message.encode("utf-8")
