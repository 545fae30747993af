"""The few errors that end a run, each with its exit status; everything else concerns one item only."""

from enum import IntEnum


class Exit(IntEnum):
    """What a command tells its caller. Where several apply, the more pressing one wins: see `worst`."""

    OK = 0
    SOME_FAILED = 1  # some items failed; the rest was done
    UNUSABLE = 2  # wrong usage or settings; database missing, full, read-only, corrupt or too new
    LATER = 75  # an upstream is down or limiting us, or another run is at work: the next tick goes on
    REJECTED = 77  # a key or token was refused


_PRESSING = (Exit.OK, Exit.LATER, Exit.SOME_FAILED, Exit.REJECTED, Exit.UNUSABLE)


def worst(*statuses: Exit) -> Exit:
    """The status to leave with when several apply: 2 > 77 > 1 > 75 > 0."""
    return max(statuses, key=_PRESSING.index, default=Exit.OK)


class RunAborted(Exception):
    """The run cannot go on. Its text is one clear line for a person; no per-item guard swallows it."""

    exit_status = Exit.SOME_FAILED


class ConfigError(RunAborted):
    """Usage, a setting, a file or the database needs a person's hand before anything can work."""

    exit_status = Exit.UNUSABLE


class TemporaryError(RunAborted):
    """Something passes by itself: a limit, an upstream that is down, another run at work."""

    exit_status = Exit.LATER


class Unreachable(TemporaryError):
    """The database is on a server that does not answer: nothing can be seen or recorded until it does."""


class Rejected(RunAborted):
    """The Riot key or a Slack token was refused; nothing was marked failed."""

    exit_status = Exit.REJECTED


class NotFound(RunAborted):
    """What the person named is not known, to us or to Riot."""

    exit_status = Exit.SOME_FAILED
