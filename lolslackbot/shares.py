"""Which of several processes works off what: each has its share of a stage's work, by a stable hash. Pure."""

from dataclasses import dataclass
from typing import Self
from zlib import crc32


@dataclass(frozen=True, slots=True)
class Share:
    """One of so many shares; the only one is the whole."""

    number: int = 1  # from 1 on
    of: int = 1

    @classmethod
    def every(cls, number: int) -> list[Self]:
        """All of so many shares."""
        return [cls(each, number) for each in range(1, number + 1)]

    @property
    def is_whole(self) -> bool:
        return self.of == 1

    def has(self, number: int) -> bool:
        """Whether the player or game of that number belongs to it: in SQL, `number % :shares = :share`."""
        return number % self.of == self.number - 1

    def has_named(self, name: str) -> bool:
        """Whether what is known by that name belongs to it, upper and lower case alike."""
        return self.has(crc32(name.lower().encode()))

    def values(self) -> dict[str, int]:
        """For SQL: `:share` counts from 0."""
        return {"share": self.number - 1, "shares": self.of}

    def __str__(self) -> str:
        return f"share {self.number} of {self.of}"


WHOLE = Share()
