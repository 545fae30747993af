"""Where the database is: the path of a SQLite file, or the URL of a PostgreSQL server."""

import os
import re
from dataclasses import dataclass
from urllib.parse import unquote

SCHEMES = ("postgresql://", "postgres://")  # libpq takes both
DEFAULT_SCHEMA = "lolslackbot"
_ENCODED = "a / @ : ? # % or space in a user, a password or a name is written as %2F %40 %3A %3F %23 %25 %20"


def is_server(location: str | os.PathLike[str]) -> bool:
    """Whether that is a server's URL; else it is the path of a file."""
    return os.fspath(location).startswith(SCHEMES)


def shown(location: str | os.PathLike[str]) -> str:
    """What a person knows it by: never with a password."""
    location = os.fspath(location)
    return Server.at(location).shown if is_server(location) else location


@dataclass(frozen=True, slots=True)
class Server:
    """A database on a server. `url` is what libpq connects to, password included; `secrets`: that, in each form."""

    url: str
    schema: str
    secrets: tuple[str, ...]
    shown: str

    @classmethod
    def at(cls, location: str) -> "Server":
        """`postgresql://[USER[:PASSWORD]@]HOST[:PORT][,…]/DATABASE[?…]`; `schema` among the parameters is ours.

        Raises ValueError, which shows nothing of it, where it names no database or a schema that cannot be, or where
        libpq would take a part of the password for something else.
        """
        if re.search(r"%(?![0-9A-Fa-f]{2})|%00|[\s#\x00-\x1f]", location):
            raise ValueError(_ENCODED)
        head, _, query = location.partition("?")
        scheme, _, rest = head.partition("://")
        place, _, database = rest.partition("/")
        user_part, at, hosts = place.rpartition("@")
        user, _, password = user_part.partition(":")
        if "@" in database or "@" in user_part or hosts.count("[") != hosts.count("]"):
            raise ValueError(_ENCODED)
        given = [part.partition("=")[::2] for part in query.split("&") if part]
        parameters = {unquote(name): unquote(value) for name, value in given}
        schema = parameters.get("schema", DEFAULT_SCHEMA)
        if not (database or "dbname" in parameters):
            raise ValueError("it names no database: write postgresql://USER@HOST/DATABASE")
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,29}", schema):  # a restore keeps what it replaces under a longer name
            raise ValueError(f"its schema {schema!r} is not of lower-case letters, digits and underscores, at most 30")
        if schema.startswith("pg_"):
            raise ValueError(f"its schema {schema!r} begins with pg_, which the server keeps for itself")
        # As they are written: libpq reads them itself.
        theirs = "&".join(f"{name}={value}" for name, value in given if unquote(name) != "schema")
        written = [password, *(value for name, value in given if unquote(name) == "password")]
        return cls(
            url=f"{head}?{theirs}" if theirs else head,
            schema=schema,
            secrets=tuple(dict.fromkeys(form for each in written if each for form in (each, unquote(each)))),
            shown=f"{scheme}://{user}{at}{hosts}/{database}{f'?schema={schema}' if schema != DEFAULT_SCHEMA else ''}",
        )
