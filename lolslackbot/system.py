"""What the system hands over: text in UTF-8, whatever the locale says, and files that are files."""

import errno
import os
import stat

_SPECIAL = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class NotAFile(OSError):
    """A FIFO, device or socket stands where a file is to be."""


def utf8(text: str) -> str:
    """An argument or environment variable as UTF-8, whatever the locale took its bytes for. Raises ValueError."""
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        raise ValueError(f"{text!r} is not UTF-8, which is what lolslackbot reads in every locale") from None


def native_path(text: str) -> str:
    """A path out of UTF-8 text, as this locale hands it to the system."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def refuse_special(path: str) -> None:
    """Raises NotAFile where something stands at `path`, or behind its links, that is neither file nor folder.

    To open a FIFO takes until somebody opens its other end; a device swallows what it is to keep.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    for is_kind, name in _SPECIAL:
        if is_kind(mode):
            raise NotAFile(errno.EINVAL, f"it is {name}, not a file", path)


def no_file_can_be_opened() -> bool:
    """Whether this process has come to its limit: SQLite does not say so. It opens up to three files at a time."""
    opened: list[int] = []
    try:
        for _ in range(3):
            opened.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return True
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return False
