"""Where the database is: the path of a SQLite file, or the URL of a PostgreSQL server."""

import os
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode

SCHEMES = ("postgresql://", "postgres://")  # libpq takes both
DEFAULT_SCHEMA = "lolslackbot"


def is_server(location: str | os.PathLike[str]) -> bool:
    """Whether that is a server's URL; else it is the path of a file."""
    return os.fspath(location).startswith(SCHEMES)


def shown(location: str | os.PathLike[str]) -> str:
    """What a person knows it by: never with a password."""
    location = os.fspath(location)
    return Server.at(location).shown if is_server(location) else location


@dataclass(frozen=True, slots=True)
class Server:
    """A database on a server. `url` is what libpq connects to, password included."""

    url: str
    schema: str
    password: str | None
    shown: str

    @classmethod
    def at(cls, location: str) -> "Server":
        """`postgresql://[USER[:PASSWORD]@]HOST[:PORT][,…]/DATABASE[?…]`; `schema` among the parameters is ours.

        Raises ValueError where it names no database or a schema that cannot be.
        """
        head, _, query = location.partition("?")
        scheme, _, rest = head.partition("://")
        place, _, database = rest.partition("/")
        user_part, at, hosts = place.rpartition("@")
        user, _, password = user_part.partition(":")
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        schema = parameters.pop("schema", DEFAULT_SCHEMA)
        if not (database or "dbname" in parameters):
            raise ValueError("it names no database: write postgresql://USER@HOST/DATABASE")
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,29}", schema):  # a restore keeps what it replaces under a longer name
            raise ValueError(f"its schema {schema!r} is not of lower-case letters, digits and underscores, at most 30")
        secret = parameters.get("password") or unquote(password) or None
        named = {"schema": schema} if schema != DEFAULT_SCHEMA else {}
        return cls(
            url=f"{head}?{urlencode(parameters, quote_via=quote)}" if parameters else head,
            schema=schema,
            password=secret,
            shown=f"{scheme}://{user}{at}{hosts}/{database}{'?' if named else ''}{urlencode(named)}",
        )
