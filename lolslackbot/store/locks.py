"""Kernel locks beside the database: one run of a stage at a time, or one of each share, whoever starts it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lolslackbot.errors import ConfigError, TemporaryError
from lolslackbot.files import StrPath, open_private, with_owner
from lolslackbot.shares import WHOLE, Share

STAGES = ("fetch-matches", "build-messages", "deliver")  # of a tick
ANSWER = "answer"  # before these, where a channel may ask
LOCKS = (ANSWER, *STAGES, "digest")  # all that write by themselves


@contextmanager
def run_lock(database: StrPath, stage: str, share: Share = WHOLE) -> Iterator[None]:
    """Holds a kernel lock, which dies with its process. Raises TemporaryError when another run has it.

    The whole is held alone. A share is held beside the others of as many shares: how many these are, `shared_lock`
    keeps in the stage's lock file.

    flock, not lockf: that one is lost as soon as any descriptor of the file is closed. The files are never removed: a
    lock on a removed file excludes nobody.
    """
    with _opened(database, stage) as whole:
        taken = f"another {stage} is at work on {database}"
        if share.is_whole:
            _lock(whole, fcntl.LOCK_EX, taken)
            yield
            return
        _lock(whole, fcntl.LOCK_SH, taken)
        if _number_in(whole) != share.of:
            raise TemporaryError(taken)
        with _opened(database, stage, share) as own:
            _lock(own, fcntl.LOCK_EX, f"{share} is at work elsewhere")
            yield


@contextmanager
def shared_lock(database: StrPath, stage: str, number: int) -> Iterator[None]:
    """Whoever takes a share meanwhile takes one of so many. Raises TemporaryError while it is held otherwise."""
    taken = f"another {stage} is at work on {database}"
    with _opened(database, stage) as whole:
        _lock(whole, fcntl.LOCK_SH, taken)
        if _number_in(whole) != number:
            _lock(whole, fcntl.LOCK_EX, taken)
            os.ftruncate(whole, os.pwrite(whole, f"{number}\n".encode(), 0))
            _lock(whole, fcntl.LOCK_SH, taken)  # for a moment it was free
            if _number_in(whole) != number:
                raise TemporaryError(taken)
        yield


def is_at_work(database: StrPath, stage: str, share: Share = WHOLE) -> bool:
    """Whether some process works on it at this moment, on the whole or any share; what cannot be looked at may be.

    To be asked where a run seems to be under way: for the moment of looking, no run of that stage could begin. And in
    the `snapshot` in which its record was read: a run lets go of its lock when its end is committed.
    """
    if _is_held(lock_file(database, stage, share)):
        return True
    return share.is_whole and any(
        _is_held(lock_file(database, stage, each)) for each in Share.every(_shares_of(database, stage)) if each != WHOLE
    )


def lock_file(database: StrPath, stage: str, share: Share = WHOLE) -> str:
    """Beside the file itself, by whichever link it was named."""
    own = "" if share.is_whole else f".{share.number}-of-{share.of}"
    return f"{os.path.realpath(database)}.{stage}{own}.lock"


@contextmanager
def _opened(database: StrPath, stage: str, share: Share = WHOLE) -> Iterator[int]:
    path = lock_file(database, stage, share)
    try:
        descriptor = open_private(path, os.O_RDWR, like=os.fspath(database))
    except OSError as error:
        raise ConfigError(
            with_owner(f"the lock file {path} cannot be opened: {error.strerror}", path, error)
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int, taken: str) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TemporaryError(taken) from None


def _is_held(path: str) -> bool:
    """Whether one process has that lock for itself."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return not isinstance(error, FileNotFoundError)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _shares_of(database: StrPath, stage: str) -> int:
    """Into how many shares the stage's work was last divided; 1: never."""
    with suppress(OSError):
        descriptor = os.open(lock_file(database, stage), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _number_in(descriptor)
        finally:
            os.close(descriptor)
    return 1


def _number_in(descriptor: int) -> int:
    first, _, _ = os.pread(descriptor, 8, 0).partition(b"\n")
    return int(first) if first.isdigit() and int(first) else 1
