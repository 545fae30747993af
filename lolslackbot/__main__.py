"""The command, and `python -m lolslackbot`: answers Ctrl-C and SIGTERM before anything slow is imported."""

import io
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def main() -> NoReturn:
    """The installed command. While nothing is open yet, and when all is closed again, a signal just ends it."""
    _let_signals_end()
    _open_closed_streams()
    sys.stdout, sys.stderr = _patient(1, sys.stdout), _patient(2, sys.stderr)
    try:
        from lolslackbot.cli import main as run

        run()
    except SystemExit as end:
        _leave(end.code)
    except OSError as error:  # while modules are loaded: else `run` tells of it
        print(f"lolslackbot: it cannot be started: {error.strerror}", file=sys.stderr)
        _leave(2)
    finally:
        _let_signals_end()


class _Patient(io.FileIO):
    """An output that may be full or gone: what it does not take is lost, and the work goes on.

    But for a reader of stdout that has left: `cli` ends then as other tools do.
    """

    def write(self, data: "Buffer") -> int:
        try:
            return super().write(data)
        except OSError as error:
            if isinstance(error, BrokenPipeError) and self.fileno() == 1:
                raise
            return memoryview(data).nbytes


def _patient(number: int, usual: TextIO | None) -> TextIO:
    raw = _Patient(number, "w", closefd=False)
    encoding = usual.encoding if usual else "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=True)


def _open_closed_streams() -> None:
    """With `>&-` the next file to be opened, the database perhaps, would take its place, and what is printed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process


def _leave(status: str | int | None) -> NoReturn:
    """All is closed and written by now. An output that takes no more must not print an error at exit."""
    _let_signals_end()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # said already where it matters: each line is flushed
            stream.flush()
    os._exit(status if isinstance(status, int) else 1)


def _let_signals_end() -> None:
    """A signal ends the process at once, without a traceback."""
    for number in _STATUS:
        signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    os._exit(_STATUS[signal.Signals(number)])


if __name__ == "__main__":
    main()
