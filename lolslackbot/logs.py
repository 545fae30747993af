"""The log file and what a person sees of it on stderr: run, stage and item on every line, secrets masked."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TextIO

from lolslackbot.console import one_line
from lolslackbot.files import StrPath, make_private_folder, open_private, refuse_special

MAX_LOG = 5 * 1024 * 1024  # bytes; the run that finds more starts a new file
KEPT = 3  # older files; lolslackbot.log.1 is the newest of them
MAX_HELD = 200  # lines of one mail from cron; nobody reads more

_about: ContextVar[tuple[str, ...]] = ContextVar("about", default=())


@contextmanager
def logging_about(*words: str) -> Iterator[None]:
    """Puts `words` (a stage, a match id, a channel) on every log line written inside."""
    before = _about.set((*_about.get(), *words))
    try:
        yield
    finally:
        _about.reset(before)


class MaskingFormatter(logging.Formatter):
    """Masks every secret, and what looks like one, in the finished text: in messages, arguments and stack traces."""

    def __init__(self, pattern: str, secrets: Sequence[str], *, traces: bool) -> None:
        super().__init__(pattern, datefmt="%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        self._secrets = secrets
        self._traces = traces

    def format(self, record: logging.LogRecord) -> str:
        record.about = " ".join(_about.get()) or "-"
        record.message = record.getMessage()
        if self.usesTime():
            record.asctime = self.formatTime(record, self.datefmt)
        lines = [self.formatMessage(record)]
        if self._traces and record.exc_info:
            lines += self._masked(self.formatException(record.exc_info)).splitlines()
        # A trace is indented: whatever line a foreign name begins in it, it can be taken for no line of the log.
        return "\n  ".join(one_line(self._masked(line)) for line in lines)

    def _masked(self, text: str) -> str:
        return without_secrets(text, self._secrets)


def without_secrets(text: str, secrets: Sequence[str]) -> str:
    """The same, with `***` for each."""
    for secret in sorted(secrets, key=len, reverse=True):  # the longer first: one may begin another
        text = text.replace(secret, "***")
    return text


class HeldHandler(logging.Handler):
    """Keeps lines back until it is known whether this run may speak (`-q`)."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if len(self.lines) < MAX_HELD:
                self.lines.append(self.format(record))
        except Exception:  # noqa: BLE001 - a badly formed log call must not end the run
            self.handleError(record)


def log_to_stderr(level: int, secrets: Sequence[str]) -> None:
    """One line each, without stack traces: those are for the file."""
    handler = logging.StreamHandler()
    handler.setLevel(level)
    _add(handler, MaskingFormatter("%(levelname)s %(about)s: %(message)s", secrets, traces=False))


def hold_for_stderr(secrets: Sequence[str]) -> HeldHandler:
    """As `log_to_stderr` for warnings, but kept for the caller to print or to drop."""
    handler = HeldHandler()
    _add(handler, MaskingFormatter("%(levelname)s %(about)s: %(message)s", secrets, traces=False))
    return handler


def log_to_file(path: StrPath, secrets: Sequence[str]) -> None:
    """Everything from debug on, with stack traces, into a private file of bounded size. Raises OSError."""
    path = os.fspath(path)
    make_private_folder(os.path.dirname(path))
    refuse_special(path)
    with suppress(FileNotFoundError):  # there is none yet, or another command is rotating at this moment
        if os.path.getsize(path) > MAX_LOG:
            _rotate(path)
    descriptor = open_private(path, os.O_APPEND | os.O_WRONLY)
    os.fchmod(descriptor, 0o600)  # also that of a file somebody made
    stream = os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")
    pattern = "%(asctime)s.%(msecs)03dZ %(levelname)s run-%(process)d %(about)s: %(message)s"
    _add(_ClosingHandler(stream), MaskingFormatter(pattern, secrets, traces=True))


class _ClosingHandler(logging.StreamHandler[TextIO]):
    def close(self) -> None:
        super().close()
        self.stream.close()


def stop_logging() -> None:
    """Takes all handlers off again: a process that runs several commands (a test) begins each anew."""
    logger = logging.getLogger()
    for handler in [h for h in logger.handlers if isinstance(h.formatter, MaskingFormatter)]:
        logger.removeHandler(handler)
        handler.close()


def _rotate(path: str) -> None:
    for number in range(KEPT, 0, -1):
        newer = path if number == 1 else f"{path}.{number - 1}"
        with suppress(FileNotFoundError):
            os.replace(newer, f"{path}.{number}")


def _add(handler: logging.Handler, formatter: MaskingFormatter) -> None:
    logging.raiseExceptions = False  # a full disk must not print logging's own traceback
    handler.setFormatter(formatter)
    logger = logging.getLogger()
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    for library in ("urllib3", "slack_sdk"):  # their debug lines carry whole bodies, cookies and proxy passwords
        logging.getLogger(library).setLevel(logging.CRITICAL)  # what goes wrong in them is logged where it is caught
