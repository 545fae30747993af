"""What `-q` may say: cron mails every word, so each thing is said once, then once a day while it lasts."""

import fcntl
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zlib import crc32

AGAIN_AFTER = timedelta(days=1)
FORGOTTEN_AFTER = timedelta(hours=1)  # without it: what comes and goes stays one thing
SPARE_PAUSE = timedelta(hours=1)  # between two mails where the home cannot remember them
TICK = timedelta(minutes=3)  # where nothing can remember, the first run of an hour speaks
NAME = "said-by-quiet-runs"
NEED, FAILURE = "n", "f"  # how their digests begin
MAX_BYTES = 100_000


class Said(NamedTuple):
    """When something was said, and since when it is no longer so; None: it is, or nobody looks."""

    at: datetime
    gone: datetime | None


class Topic(NamedTuple):
    """What may be said: a need of `status`, or else a failure of a run."""

    is_need: bool
    key: str


Memory = dict[str, Said]  # by a digest: what was said may hold anything


def to_say(home: str, lasting: Collection[Topic], now: datetime, *, others_are_over: bool = False) -> set[Topic]:
    """Which of the things that are so now may be said; it counts as said from then on.

    others_are_over: `lasting` has all needs that there are. One that comes back after an hour without it is news again,
    all else after a day only.

    The memory is a file in `home`. Where that cannot be written, the system's temporary folder has one, and there is
    an hour between two times; where that cannot be written either, the first run of an hour speaks.
    """
    place, spare = os.path.join(home, NAME), _spare(home)
    with _opened(place, make=bool(lasting)) as descriptor:
        in_spare = _read(spare)
        old = _newest(_read(place), in_spare)
        known = _without_the_past(old, now)
        new = {key for key in lasting if _is_new(known.get(_digest(key)), now)}
        changed = _updated(known, lasting, new, now, others_are_over)
        if changed == old or (descriptor is not None and _write(descriptor, changed)):
            return new
    if not new or any(now - said.at < SPARE_PAUSE for said in _without_the_past(in_spare, now).values()):
        return set()
    with _opened(spare, make=True) as descriptor:
        if descriptor is not None and _write(descriptor, changed):
            return new
    return new if now - now.replace(minute=0, second=0, microsecond=0) < TICK else set()


def _is_new(said: Said | None, now: datetime) -> bool:
    if said is None or now - said.at >= AGAIN_AFTER:
        return True
    return said.gone is not None and now - said.gone >= FORGOTTEN_AFTER


def _updated(
    known: Memory, lasting: Collection[Topic], new: Collection[Topic], now: datetime, others_are_over: bool
) -> Memory:
    digests = {_digest(key) for key in lasting}
    updated = {}
    for digest, said in known.items():
        if digest in digests:
            updated[digest] = said._replace(gone=None)
        elif others_are_over and digest[0] == NEED:
            updated[digest] = said._replace(gone=said.gone or now)
    return {**known, **updated, **{_digest(key): Said(now, None) for key in new}}


def _without_the_past(memory: Memory, now: datetime) -> Memory:
    """What still matters. Moments to come are from a clock that was set back: they silence nothing."""
    return {digest: said for digest, said in memory.items() if timedelta(0) <= now - said.at < AGAIN_AFTER}


def _newest(one: Memory, other: Memory) -> Memory:
    return {**one, **{digest: said for digest, said in other.items() if digest not in one or said.at > one[digest].at}}


def _digest(topic: Topic) -> str:
    import hashlib  # slow to import, and most runs have nothing to say

    digest = hashlib.sha256(topic.key.encode(errors="backslashreplace")).hexdigest()
    return f"{NEED if topic.is_need else FAILURE}{digest[:16]}"


def _spare(home: str) -> str:
    folder = os.environ.get("TMPDIR") or "/tmp"
    return os.path.join(folder, f"lolslackbot-{os.geteuid()}-{crc32(os.fsencode(home)):08x}")


@contextmanager
def _opened(path: str, *, make: bool) -> Iterator[int | None]:
    """The file, locked; None where it cannot be written or is nothing of ours: a link, a pipe, another user's."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_CREAT if make else 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError:
        yield None
        return
    try:
        is_ours = _is_ours(descriptor)
        if is_ours:  # a stranger's may stay locked for ever
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor if is_ours else None
    finally:
        os.close(descriptor)


def _is_ours(descriptor: int) -> bool:
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


def _read(path: str) -> Memory:
    """What stands there; lines that cannot be understood are none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return {}
    try:
        text = os.read(descriptor, MAX_BYTES).decode("ascii", "replace") if _is_ours(descriptor) else ""
    except OSError:
        text = ""
    finally:
        os.close(descriptor)
    memory = {}
    for line in text.splitlines():
        digest, _, moments = line.partition(" ")
        at, _, gone = moments.partition(" ")
        if (
            len(digest) == 17
            and at.isdigit()
            and len(at) <= 10
            and (gone == "-" or (gone.isdigit() and len(gone) <= 10))
        ):
            memory[digest] = Said(_moment(at), None if gone == "-" else _moment(gone))
    return memory


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(int(text), UTC)


def _write(descriptor: int, memory: Memory) -> bool:
    """Whether it could be written, all of it."""
    lines = (
        f"{digest} {_seconds(said.at)} {_seconds(said.gone) if said.gone else '-'}\n" for digest, said in memory.items()
    )
    data = "".join(lines).encode()
    try:
        written = os.pwrite(descriptor, data, 0)
        os.ftruncate(descriptor, written)
    except OSError:
        return False
    return written == len(data)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
