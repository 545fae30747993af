"""The command, and `python -m lolslackbot`: answers Ctrl-C and SIGTERM before anything slow is imported."""

import gc
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

_STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def main() -> NoReturn:
    """The installed command. While nothing is open yet, and when all is closed again, a signal just ends it."""
    gc.set_threshold(50_000)  # what a start makes stays: to look through it for garbage again and again is in vain
    _just_end()
    from lolslackbot.cli import main as run

    try:
        run()
    except SystemExit as end:
        _leave(end.code)
    finally:
        _just_end()


def _leave(status: str | int | None) -> NoReturn:
    """All is closed and written by now: taking the interpreter apart would only take time."""
    _just_end()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # said already where it matters: each line is flushed
            stream.flush()
    os._exit(status if isinstance(status, int) else 1)


def _just_end() -> None:
    for number in _STATUS:
        signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    os._exit(_STATUS[signal.Signals(number)])


if __name__ == "__main__":
    main()
