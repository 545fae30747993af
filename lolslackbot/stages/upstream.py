"""What one run learns about Riot: which hosts are in trouble, and whether the key is good. Decisions only, no I/O."""

from collections import Counter
from dataclasses import dataclass

from lolslackbot.riot.answers import RiotRefusal, RiotVerdict

FAULTS_IN_A_ROW = 3  # open the circuit: the host gets no more calls in this run
SUSPECTS = 2  # matches that answered 403 in a row; then a call is made that no closed match can spoil


@dataclass(frozen=True, slots=True)
class Trouble:
    """The server faults of one host. is_down: the host as a whole; else single calls failed among good ones."""

    faults: list[str]
    is_down: bool


class HostHealth:
    """A circuit breaker for each host."""

    def __init__(self) -> None:
        self._faults: dict[str, list[str]] = {}
        self._in_a_row: Counter[str] = Counter()  # since the last good answer
        self._answering: set[str] = set()

    def record_answer(self, host: str) -> None:
        self._answering.add(host)
        self._in_a_row[host] = 0

    def record_fault(self, host: str, fault: str) -> None:
        self._faults.setdefault(host, []).append(fault)
        self._in_a_row[host] += 1

    def open_circuit(self, host: str) -> None:
        """At once: this machine cannot reach the host."""
        self._in_a_row[host] = FAULTS_IN_A_ROW

    def is_open(self, host: str) -> bool:
        """Whether the host gets no more calls in this run."""
        return self._in_a_row[host] >= FAULTS_IN_A_ROW

    def troubles(self) -> list[Trouble]:
        """A host without a good answer in this run is down, too."""
        return [
            Trouble(faults, is_down=self.is_open(host) or host not in self._answering)
            for host, faults in self._faults.items()
        ]


class KeySuspicion:
    """Whether a 403 on a match is about that match or about the key: only a 200 given after it clears the key."""

    def __init__(self) -> None:
        self._suspects: dict[str, RiotRefusal] = {}  # by match id
        self.is_proven = False  # by a good answer in this run

    def __bool__(self) -> bool:
        """Whether any match is suspect."""
        return bool(self._suspects)

    def __contains__(self, match_id: object) -> bool:
        return match_id in self._suspects

    def suspect(self, match_id: str, refusal: RiotRefusal) -> None:
        """The match answered 403."""
        self._suspects[match_id] = refusal

    @property
    def needs_proof(self) -> bool:
        """Whether so many are suspect that a call has to tell now."""
        return len(self._suspects) >= SUSPECTS

    @property
    def first(self) -> RiotRefusal:
        """The first refusal that is still unexplained."""
        return next(iter(self._suspects.values()))

    def record_answer(self) -> dict[str, RiotRefusal]:
        """A good answer proves the key: returns the suspects, which are closed matches after all."""
        self.is_proven = True
        closed, self._suspects = self._suspects, {}
        return closed

    def is_rejected(self, verdict: RiotVerdict) -> bool:
        """Whether a refusal of something that is never closed means that the key is rejected.

        A 401 with a key that another call just proved good is a server fault.
        """
        return verdict is RiotVerdict.FORBIDDEN or (verdict is RiotVerdict.UNAUTHORIZED and not self.is_proven)
