"""Kernel locks beside the database: one run of a stage at a time, whoever starts it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from lolslackbot.errors import ConfigError, TemporaryError
from lolslackbot.files import StrPath, open_private, with_owner

STAGES = ("fetch-matches", "build-messages", "deliver")  # of a tick
LOCKS = (*STAGES, "digest")  # all that write by themselves


@contextmanager
def run_lock(database: StrPath, stage: str) -> Iterator[None]:
    """Holds the stage's kernel lock, which dies with its process. Raises TemporaryError when another run has it.

    flock, not lockf: that one is lost as soon as any descriptor of the file is closed. The file is never removed: a
    lock on a removed file excludes nobody.
    """
    path = lock_file(database, stage)
    try:
        descriptor = open_private(path, os.O_RDWR, like=os.fspath(database))
    except OSError as error:
        raise ConfigError(
            with_owner(f"the lock file {path} cannot be opened: {error.strerror}", path, error)
        ) from error
    try:
        _lock(descriptor, f"another {stage} is at work on {database}")
        yield
    finally:
        os.close(descriptor)


def is_at_work(database: StrPath, stage: str) -> bool:
    """Whether some process holds the stage's lock at this moment; one that cannot be looked at may be held.

    To be asked where a run seems to be under way: for the moment of looking, no run of that stage could begin. And in
    the `snapshot` in which its record was read: a run lets go of its lock when its end is committed.
    """
    try:
        descriptor = os.open(lock_file(database, stage), os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return not isinstance(error, FileNotFoundError)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def lock_file(database: StrPath, stage: str) -> str:
    """Beside the file itself, by whichever link it was named."""
    return f"{os.path.realpath(database)}.{stage}.lock"


def _lock(descriptor: int, taken: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TemporaryError(taken) from None
