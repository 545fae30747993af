"""What waits for a call, in one order, with a lane for each host: a full host does not hold up the others."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """Looking at the first of each lane costs as much as there are hosts, however much waits."""

    def __init__(self, host_of: Callable[[T], str], items: Iterable[T] = ()) -> None:
        """The items in the order in which they are due."""
        self._host_of = host_of
        self._lanes: dict[str, deque[tuple[int, T]]] = {}  # with each item's place in the common order
        self._first = 0
        for place, item in enumerate(items, start=1):
            self._lanes.setdefault(host_of(item), deque()).append((place, item))

    def __bool__(self) -> bool:
        return any(self._lanes.values())

    def __len__(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    def hosts(self) -> list[str]:
        """The hosts for which something waits, the one whose first item is due first in front."""
        return [host for _, host in sorted((lane[0][0], host) for host, lane in self._lanes.items() if lane)]

    def take(self) -> T:
        """Removes what is due first of all. Raises IndexError when nothing waits."""
        return self.take_from(self.hosts()[0])

    def take_from(self, host: str) -> T:
        """Removes the first item of a host's lane."""
        return self._lanes[host].popleft()[1]

    def put_first(self, item: T) -> None:
        """The item is due before all others."""
        self._first -= 1
        self._lanes.setdefault(self._host_of(item), deque()).appendleft((self._first, item))

    def drop(self, unwanted: Callable[[T], bool]) -> None:
        """Removes the items for which `unwanted` is true."""
        for lane in self._lanes.values():
            kept = [each for each in lane if not unwanted(each[1])]
            lane.clear()
            lane.extend(kept)
