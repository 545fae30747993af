"""The path of a file, or the URL of a server: what is shown of it, and what is asked of it."""

import pytest

from lolslackbot.location import Server, is_server, shown


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("/home/bot/lolslackbot.db", "/home/bot/lolslackbot.db"),
        ("postgresql://db/bot", "postgresql://db/bot"),
        ("postgres://me:p%40ss@db:5433/bot", "postgres://me@db:5433/bot"),
        (
            "postgresql://me@one:5432,two:5433/bot?target_session_attrs=read-write",
            "postgresql://me@one:5432,two:5433/bot",
        ),
        (
            "postgresql://me@db/bot?sslmode=verify-full&schema=club&password=secret",
            "postgresql://me@db/bot?schema=club",
        ),
        ("postgresql:///bot?host=/run/postgresql", "postgresql:///bot"),
    ],
)
def test_what_is_shown_holds_no_password(location: str, seen: str) -> None:
    assert shown(location) == seen
    assert is_server(location) == location.startswith("postgres")


def test_libpq_gets_all_but_what_is_ours() -> None:
    server = Server.at("postgresql://me:p%40ss@db/bot?schema=club&sslmode=verify-full&host=/a%20b")
    assert (server.schema, server.secrets) == ("club", ("p%40ss", "p@ss"))
    assert server.url == "postgresql://me:p%40ss@db/bot?sslmode=verify-full&host=/a%20b"
    plus = Server.at("postgresql://db/bot?password=a+b")
    assert (plus.url, plus.secrets) == ("postgresql://db/bot?password=a+b", ("a+b",))
    assert Server.at("postgresql://db/bot").secrets == ()
    assert Server.at("postgresql://db/bot").schema == "lolslackbot"


@pytest.mark.parametrize(
    ("location", "fault"),
    [
        ("postgresql://db", "it names no database: write postgresql://USER@HOST/DATABASE"),
        ("postgresql://db/", "it names no database: write postgresql://USER@HOST/DATABASE"),
        ("postgresql://db/bot?schema=My%20Club", "its schema 'My Club' is not of lower-case letters, digits"),
        ('postgresql://db/bot?schema=a"b', "its schema 'a\"b' is not of lower-case letters, digits"),
        ("postgresql://db/bot?schema=", "its schema '' is not of lower-case letters, digits"),
        ("postgresql://db/bot?schema=" + "a" * 31, "at most 30"),
        ("postgresql://db/bot?schema=pg_bot", "begins with pg_"),
        ("postgresql://bot:sec/retpw@db/bot", "a / @ : ? # % or space in a user"),
        ("postgresql://bot:s@cretpw@db/bot", "is written as %2F %40"),
        ("postgresql://bot:se%cretpw@db/bot", "is written as %2F %40"),
        ("postgresql://bot:se%00cretpw@db/bot", "is written as %2F %40"),
        ("postgresql://bot:se cretpw@db/bot", "is written as %2F %40"),
        ("postgresql://bot:se#cretpw@db/bot", "is written as %2F %40"),
        ("postgresql://bot:se?cretpw@db/bot", "it names no database"),
        ("postgresql://bot:secretpw@[::1/bot", "is written as %2F %40"),
    ],
)
def test_what_cannot_be_is_refused(location: str, fault: str) -> None:
    with pytest.raises(ValueError) as caught:
        Server.at(location)
    assert fault in str(caught.value)
    assert "cretpw" not in str(caught.value)
