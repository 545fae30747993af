"""Files: whether one can be opened, and whose it is. What root makes in a user's folder belongs to that user."""

import errno
import os
import stat
from contextlib import suppress

StrPath = str | os.PathLike[str]

_SPECIAL = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class NotAFile(OSError):
    """A FIFO, device or socket stands where a file is to be."""


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


def open_private(path: str, flags: int, like: str | None = None) -> int:
    """Opens a file, which is made private where there is none. Raises OSError.

    One that root makes belongs to whom the file `like` belongs to, else to whom its folder does: that user could not
    open it otherwise. Only one that is made here, since any other may be a link to anywhere.
    """
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)  # it may be gone again by now
    if os.geteuid() == 0:
        owner = os.stat(like if like and os.path.exists(like) else os.path.dirname(path) or ".")
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def make_private_folder(path: str) -> None:
    """Makes a folder, and those it lies in, where there is none. Raises OSError.

    What root makes in a user's folder is that user's.
    """
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    if parent and not os.path.isdir(parent):
        make_private_folder(parent)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if os.path.isdir(path):  # another process was faster
            return
        raise
    if os.geteuid() == 0:
        owner = os.stat(parent or ".")
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        finally:
            os.close(descriptor)


def write_whole(path: str, text: str) -> None:
    """Writes a file that others may read, and that is there whole or as before at each moment.

    Raises OSError, also where something other than a file stands there.
    """
    refuse_special(path)
    path = os.path.realpath(path)
    partial = f"{path}.{os.getpid()}.partial"
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with open(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o644)  # whatever the umask says
            file.write(text)
        os.replace(partial, path)
    finally:
        remove(partial)


def remove(path: str) -> None:
    """Removes a file of ours where it can be: on a failing disk it stays, and the next attempt begins with it."""
    with suppress(OSError):
        os.remove(path)


def fsync_path(path: str) -> None:
    """Waits until a file, or a folder's list of files, is on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep_owner_and_mode(fresh: str, replaced: str) -> None:
    """Gives `fresh` the owner and mode of the file that it is to replace. Raises OSError."""
    before = os.stat(replaced)
    descriptor = os.open(fresh, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        now = os.fstat(descriptor)
        if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid) and os.geteuid() == 0:
            os.fchown(descriptor, before.st_uid, before.st_gid)
        os.fchmod(descriptor, before.st_mode & 0o777)
    finally:
        os.close(descriptor)


def foreign(path: str) -> str:
    """Whose file, or folder, that is and what to do, where it is another user's than this one's; else ''."""
    owner = _owner(path)
    if owner is None or owner == os.geteuid():
        return ""
    return f"{path} belongs to {user_name(owner)}, and this is {_me()}: {_remedy(path, owner)}"


def with_owner(text: str, path: str, error: OSError | None = None) -> str:
    """The text of an error, with whose the file or its folder is, where that may be its cause."""
    if error and not isinstance(error, PermissionError):
        return text
    return "; ".join(filter(None, (text, foreign(path) or foreign(os.path.dirname(path)))))


def user_name(uid: int) -> str:
    """As people call a user."""
    import pwd  # seldom needed

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _me() -> str:
    return user_name(os.geteuid())


def _owner(path: str) -> int | None:
    """None where it cannot be seen, as in a folder that this user may not enter."""
    try:
        return os.stat(path).st_uid
    except OSError:
        return None


def _remedy(path: str, owner: int) -> str:
    """A file in a folder of this user's is given back; all else is for its owner to run."""
    if _owner(os.path.dirname(path)) == os.geteuid() != 0:
        import shlex

        return f"`sudo chown {_me()} {shlex.quote(os.fspath(path))}`"
    return f"run it as {user_name(owner)}"
