"""Why a match came to nothing, as the ledger keeps it, and which of these reasons somebody may want to undo."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ReasonKind(StrEnum):
    """The reasons that decide what happens to a match later; any other has no kind."""

    BEFORE_TRACKING = "before_tracking"
    NO_LONGER_NEWS = "no_longer_news"
    HOST_GAVE_NONE = "host_gave_none"
    NO_HOST = "no_host"
    UNTRACKED = "untracked"
    UNWANTED = "unwanted"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a match is not announced. text: for people only."""

    text: str
    kind: ReasonKind | None = None

    def __str__(self) -> str:
        return self.text

    def columns(self) -> dict[str, str | None]:
        """The values of `matches.reason` and `matches.reason_kind`."""
        return {"reason": self.text, "reason_kind": self.kind and self.kind.value}


BEFORE_TRACKING = Reason("before tracking", ReasonKind.BEFORE_TRACKING)
NO_LONGER_NEWS = Reason("no longer news", ReasonKind.NO_LONGER_NEWS)
HOST_GAVE_NONE = Reason(
    "no longer news: Riot answered 404, and that host gave no match since", ReasonKind.HOST_GAVE_NONE
)
NO_HOST = Reason("unknown platform: no host to ask", ReasonKind.NO_HOST)
UNTRACKED = Reason("untracked: it names nobody who is tracked", ReasonKind.UNTRACKED)
UNWANTED = Reason("unwanted: no channel that tracked a player in it wanted this queue", ReasonKind.UNWANTED)


def is_missed(state: str, kind: str | None, for_good: bool, looked_at: datetime | None, now: datetime) -> bool:
    """Whether a match came to nothing that may be worth asking for again; games before tracking and old ones are not.

    What seemed old in what is now the future was given up by a clock that was ahead.
    """
    if kind == ReasonKind.NO_LONGER_NEWS:
        return looked_at is not None and looked_at > now
    return (
        for_good and state in ("missing", "given_up") and kind not in (ReasonKind.BEFORE_TRACKING, ReasonKind.UNTRACKED)
    )
