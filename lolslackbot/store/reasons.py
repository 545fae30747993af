"""Why a match came to nothing, as the ledger keeps it, and which of these reasons somebody may want to undo."""

from datetime import datetime

BEFORE_TRACKING = "before tracking"
NO_LONGER_NEWS = "no longer news"
HOST_GAVE_NONE = "no longer news: Riot answered 404, and that host gave no match since"
NO_HOST = "unknown platform: no host to ask"
UNTRACKED = "untracked: it names nobody who is tracked"
UNWANTED = "unwanted: no channel that tracked a player in it wanted this queue"


def is_missed(state: str, reason: str | None, for_good: bool, looked_at: datetime | None, now: datetime) -> bool:
    """Whether a match came to nothing that may be worth asking for again; games before tracking and old ones are not.

    What seemed old in what is now the future was given up by a clock that was ahead.
    """
    if reason == NO_LONGER_NEWS:
        return looked_at is not None and looked_at > now
    return for_good and state in ("missing", "given_up") and reason not in (BEFORE_TRACKING, UNTRACKED)
