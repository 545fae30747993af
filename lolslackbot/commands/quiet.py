"""What a run prints with `-q`, which cron mails: its own failures, and what `status` says needs a person.

Each is printed once, then once a day while it lasts. What was printed is remembered in a file.
"""

import fcntl
import hashlib
import logging
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zlib import crc32

from lolslackbot.errors import Exit, RunAborted
from lolslackbot.settings import Settings
from lolslackbot.stages.run import Run
from lolslackbot.store import runs
from lolslackbot.store.connect import read_only
from lolslackbot.store.database import Database
from lolslackbot.store.locks import STAGES

logger = logging.getLogger(__name__)

LATELY = timedelta(minutes=18)  # six ticks
ENOUGH = 3  # runs of a stage lately: cron is at work
AGAIN_AFTER = timedelta(days=1)
FORGOTTEN_AFTER = timedelta(hours=1)  # without it: what comes and goes stays one thing
SPARE_INTERVAL = timedelta(hours=1)  # between two mails where the home cannot remember them
TICK = timedelta(minutes=3)  # where nothing can remember, the first run of an hour speaks
NAME = "said-by-quiet-runs"
NEED, FAILURE = "n", "f"  # how their digests begin
MAX_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class News:
    """Whether the run's own output is printed, and which needs."""

    of_the_run: bool
    needs: list[str]


def news_of(run: Run, settings: Settings, now: datetime) -> News:
    """What to print about a run that has ended; it counts as printed from then on."""
    failures = [cause for cause in run.causes if cause.status not in (Exit.OK, Exit.LATER)]
    needs, says_all = _needs(run.stage, settings, now, bool(failures))
    covered = {key for cause in failures for key in cause.needs if key in needs}
    uncovered = {
        f"{run.stage} {int(cause.status)} {cause.problem}"
        for cause in failures
        if not cause.needs or not covered.issuperset(cause.needs)
    }
    about = {key: Topic(True, key) for key in (needs if says_all else covered)}
    topics = {*about.values(), *(Topic(False, key) for key in uncovered)}
    new = take_news(settings.home, topics, now, others_are_over=says_all)
    of_the_run = any(not topic.is_need or topic.key in covered for topic in new)
    return News(of_the_run, [needs[key] for key, topic in about.items() if topic in new])


def _needs(stage: str, settings: Settings, now: datetime, has_failed: bool) -> tuple[dict[str, str], bool]:
    """What `status` needs, by key, and whether this stage says all of it: the last one of a tick does.

    A need that the stages yet to come may meet is none. Empty where the database cannot be read.
    """
    try:
        with read_only(settings.database, though_locked=True) as db:
            says_all = _says_all(db, stage, now)
            if not says_all and not has_failed:
                return {}, False
            from lolslackbot.health.needs import NeedKind
            from lolslackbot.health.status import status

            needs = status(db, now, timedelta(seconds=settings.announce_within)).needs
            if all(need.kind is NeedKind.DATABASE_LOCKED for need in needs):  # a lock alone may be over in a moment
                return {}, says_all
            return {need.key: need.text for need in needs}, says_all
    except (RunAborted, OSError):
        logger.debug("what needs a person cannot be seen", exc_info=True)
        return {}, False


def _says_all(db: Database, stage: str, now: datetime) -> bool:
    """The last stage; another one, where cron starts it again and again and the last one comes to no end."""
    if stage == STAGES[-1]:
        return True
    own = runs.latest(db, stage, ENOUGH)
    last = runs.latest(db, STAGES[-1], ENOUGH)
    is_alone = not any(each.ended_at and each.ended_at > now - LATELY for each in last)
    return is_alone and len(own) == ENOUGH and own[-1].began_at > now - LATELY


# What was printed before


@dataclass(frozen=True, slots=True)
class Printed:
    """When something was printed, and since when it is over; None: it lasts, or nobody looks."""

    at: datetime
    gone: datetime | None


@dataclass(frozen=True, slots=True)
class Topic:
    """What may be printed: a need of `status`, or else a failure of a run."""

    is_need: bool
    key: str


Memory = dict[str, Printed]  # by a digest: what was said may hold anything


def take_news(home: str, lasting: Collection[Topic], now: datetime, *, others_are_over: bool = False) -> set[Topic]:
    """Which of the things that last may be printed now; they count as printed from then on.

    others_are_over: `lasting` has all needs that there are. A need that comes back after an hour is news again,
    anything else after a day only.

    The memory is a file in `home`. If that cannot be written, one in the system's temporary folder, and then news is at
    least an hour apart; if neither can, the first run of each hour prints.
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
    if not new or any(now - said.at < SPARE_INTERVAL for said in _without_the_past(in_spare, now).values()):
        return set()
    with _opened(spare, make=True) as descriptor:
        if descriptor is not None and _write(descriptor, changed):
            return new
    return new if now - now.replace(minute=0, second=0, microsecond=0) < TICK else set()


def _is_new(said: Printed | None, now: datetime) -> bool:
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
            updated[digest] = replace(said, gone=None)
        elif others_are_over and digest[0] == NEED:
            updated[digest] = replace(said, gone=said.gone or now)
    return {**known, **updated, **{_digest(key): Printed(now, None) for key in new}}


def _without_the_past(memory: Memory, now: datetime) -> Memory:
    """What still matters. Moments to come are from a clock that was set back: they silence nothing."""
    return {digest: said for digest, said in memory.items() if timedelta(0) <= now - said.at < AGAIN_AFTER}


def _newest(one: Memory, other: Memory) -> Memory:
    return {**one, **{digest: said for digest, said in other.items() if digest not in one or said.at > one[digest].at}}


def _digest(topic: Topic) -> str:
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
            memory[digest] = Printed(_moment(at), None if gone == "-" else _moment(gone))
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
