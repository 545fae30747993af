"""What a part of the proof is, what it counts, and how one is found and run."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
SQLITE, POSTGRESQL = ENGINES = ("sqlite", "postgresql")
SHOWN = 5  # violations that are told in full


@dataclass
class Tally:
    """What came of a part's points. Any violation fails the part; the counts say of which kind they are."""

    points: int = 0
    duplicates: int = 0  # keys that stand in Slack more than once
    false_delivered: int = 0  # rows that say delivered, with a receipt that Slack does not know
    lost: int = 0  # messages that are neither in Slack nor on record with a reason
    most_uncertain: int = 0  # rows that one crash (or fault) made uncertain, at most
    notes: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)  # one sentence each, with the point that shows it
    seconds: float = 0  # filled in by `run`

    @property
    def holds(self) -> bool:
        return self.points > 0 and not self.violations


def nothing() -> str | None:
    """The needs of a part that runs anywhere."""
    return None


@dataclass(frozen=True)
class Part:
    """One row of the table. `prove` takes the share of its points to try, above 0 and up to 1.

    `needs` says what is missing here to run it, None if nothing is: then it is skipped with that note. `engine`: what
    keeps the database.
    """

    name: str
    what: str
    prove: Callable[[float], Tally]
    needs: Callable[[], str | None] = nothing
    engine: str = SQLITE


def all_parts() -> list[Part]:
    """Every part of every module in this folder, in the order of their files' names."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py"))
    modules = [import_module(f"proof.{name}") for name in names if name not in ("__init__", "frame")]
    return [part for module in modules for part in getattr(module, "PARTS", ())]


def run(name: str, share: float = 1.0) -> Tally:
    """Runs the part of that name in this process, and takes its time."""
    (part,) = [part for part in all_parts() if part.name == name]
    began = time.monotonic()
    tally = part.prove(share)
    tally.seconds = time.monotonic() - began
    return tally


def sample(points: Iterable[T], share: float) -> Sequence[T]:
    """That share of the points, at least one, spread evenly over them."""
    whole = list(points)
    wanted = max(1, round(len(whole) * share)) if whole else 0
    return [whole[number * len(whole) // wanted] for number in range(wanted)]
