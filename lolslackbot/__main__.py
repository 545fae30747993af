"""The command, and `python -m lolslackbot`: answers Ctrl-C and SIGTERM before anything slow is imported."""

import os
import signal
from types import FrameType
from typing import NoReturn

_STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def main() -> NoReturn:
    """The installed command. While nothing is open yet, and when all is closed again, a signal just ends it."""
    _just_end()
    from lolslackbot.cli import main as run

    try:
        run()
    finally:
        _just_end()


def _just_end() -> None:
    for number in _STATUS:
        signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    os._exit(_STATUS[signal.Signals(number)])


if __name__ == "__main__":
    main()
