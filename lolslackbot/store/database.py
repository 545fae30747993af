"""What every other module of the store asks of a database, whichever engine keeps it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from lolslackbot.errors import TemporaryError
from lolslackbot.shares import WHOLE, Share


class Row(Protocol):
    """One row of an answer: by column name or number, or as a mapping."""

    def __getitem__(self, key: int | str, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...

    def keys(self) -> Iterable[str]: ...


class CommitUnknown(TemporaryError):
    """The connection was lost while a commit was under way: it may have been made or not."""


class Database(ABC):
    """One connection. Reads go through `rows` and `row`; every write stands in a `transaction`.

    One text for each statement, in what SQLite and PostgreSQL both understand, with `:name` for values.
    """

    path: str  # what a person knows it by; never with a password
    among_many = False  # other processes write all the time
    locked = False  # read as a copy, since another program keeps readers out
    moment: Callable[[], datetime] | None = None  # the database's own clock, where that is the one all go by

    @abstractmethod
    def rows(self, sql: str, **values: Any) -> list[Row]:
        """All rows of a query, each a `Row`. Raises RunAborted when the database cannot be read."""

    def row(self, sql: str, **values: Any) -> Row | None:
        """The first row of a query, or None."""
        return next(iter(self.rows(sql, **values)), None)

    @abstractmethod
    def write(self, sql: str, **values: Any) -> None:
        """Runs one statement inside a `transaction`, by its end or the next read at the latest."""

    @abstractmethod
    def write_counted(self, sql: str, **values: Any) -> int:
        """As `write`, at once; how many rows it changed."""

    @abstractmethod
    def change(self, sql: str, **values: Any) -> list[Row]:
        """As `write`, with a statement that ends in RETURNING: what that says of each row it changed."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """Everything written inside is committed together, or not at all. Never open across a remote call.

        Inside another one it is a part of that. Nobody else writes from its first statement to its end. Raises
        CommitUnknown where a server did not tell what became of it.
        """

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[None]:
        """Everything read inside is of one moment. Never open across a remote call."""

    @abstractmethod
    def try_writing(self) -> None:
        """Writes, and takes it back. Raises RunAborted where a stage could write nothing."""

    @abstractmethod
    def run_lock(self, stage: str, share: Share = WHOLE) -> AbstractContextManager[None]:
        """One run of a stage at a time, or one of each share. Raises TemporaryError when another run has it."""

    @abstractmethod
    def is_at_work(self, stage: str, share: Share = WHOLE) -> bool:
        """Whether some process works on it at this moment, on the whole or any share.

        To be asked in the `snapshot` in which its record was read.
        """

    @abstractmethod
    def forget_locks_of(self, pids: Sequence[int]) -> None:
        """Frees what processes of this machine held that are dead for certain."""

    @abstractmethod
    def hold_lock(self) -> None:
        """Before a remote call: makes sure that the run lock outlasts it. Raises TemporaryError where it is lost."""

    @abstractmethod
    def reconnect(self) -> None:
        """After CommitUnknown: what was committed is known again. Raises TemporaryError."""

    @property
    @abstractmethod
    def folder(self) -> str | None:
        """Where its file lies; None: on another machine, as far as we know."""

    @abstractmethod
    def examine(self) -> Iterator[tuple[str, str]]:
        """Whether it is sound: what was seen, and what to do about that, '' where it is well. Raises RunAborted."""

    @abstractmethod
    def size(self) -> int:
        """Bytes on the disk."""

    @abstractmethod
    def reclaim(self) -> None:
        """Gives the space of what was deleted back, where that is not done by itself."""

    @abstractmethod
    def remove_replaced(self, before: datetime) -> int:
        """Removes what restores replaced before then; how many databases."""

    @abstractmethod
    def close(self) -> None: ...


def in_clause(name: str, values: Iterable[Any]) -> tuple[str, dict[str, Any]]:
    """The right side of an `IN`, and the values it names; of none, one in which nothing is. See `not_in`."""
    named = {f"{name}_{number}": value for number, value in enumerate(values)}
    return f"({', '.join(f':{each}' for each in named) or 'NULL'})", named


def not_in(column: str, name: str, values: Iterable[Any]) -> tuple[str, dict[str, Any]]:
    """A condition: a column is none of these values, and the values it names."""
    within, named = in_clause(name, values)
    return (f"{column} NOT IN {within}" if named else "TRUE"), named
