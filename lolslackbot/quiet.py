"""What `-q` may say: cron mails every word, so an unchanged failure speaks once a day."""

import os
from contextlib import suppress
from datetime import datetime, timedelta

from lolslackbot.clock import moment_of, text_of
from lolslackbot.errors import Exit
from lolslackbot.system import refuse_special

AGAIN_AFTER = timedelta(days=1)


def may_speak(memory: str, status: Exit, problems: list[str], now: datetime) -> bool:
    """Whether a quiet run that ended so is to be heard of; remembers in the file `memory` that it was.

    A run that went well forgets, so that the next failure is news again. Without a folder for the file nothing is
    remembered, and nothing made.
    """
    if status is Exit.OK:
        with suppress(OSError):
            os.remove(memory)
        return False
    if status is Exit.LATER:
        return False
    import hashlib  # slow to import, and most runs end well

    kind = hashlib.sha256("\n".join([str(int(status)), *sorted(set(problems))]).encode()).hexdigest()
    said_at = _said_at(memory, kind)
    if said_at and timedelta(0) <= now - said_at < AGAIN_AFTER:
        return False
    with suppress(OSError):
        refuse_special(memory)
        descriptor = os.open(memory, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{kind} {text_of(now)}\n")
    return True


def _said_at(memory: str, kind: str) -> datetime | None:
    """When that very failure was last spoken of."""
    try:
        refuse_special(memory)
        with open(memory) as file:
            said, moment = file.read().split()
        return moment_of(moment) if said == kind else None
    except (OSError, ValueError):
        return None
