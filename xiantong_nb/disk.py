"""One file on the disk, without surprises: only this user's own is read, what is written is really there."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_SIZE = 64 * 1024 * 1024
"""More than this is none of our files, in bytes; it is refused before it is read."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
ALWAYS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""How every file is opened: no link is followed, no child gets it, no byte is translated."""

_REPLACE_TRIES, _REPLACE_PAUSE = 20, 0.05


class Refused(Exception):  # it says what stands there, which is no failure of this program
    """What stands in a file's place is not taken for it; the text says why."""


def words(error: OSError | Refused) -> str:
    """Return what went wrong with a file, in the system's own words where it was the system."""
    return (error.strerror or type(error).__name__).lower() if isinstance(error, OSError) else str(error)


def read(path: Path) -> bytes | None:
    """
    Return what a file holds, None where there is none.

    Raises `Refused` for a link, a pipe, a device, another user's file, one with a second name or of more than
    64 MiB, without waiting for any of them, and `OSError` for what the system refuses.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | ALWAYS)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise Refused("it is a link, which could lead elsewhere") from None
        raise
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise Refused("it is no ordinary file")
        if found.st_uid != _own(found):
            raise Refused("it belongs to another user")
        if found.st_nlink > 1:
            raise Refused("it has a second name (a hard link)")
        data = bytearray()
        if found.st_size <= MAX_SIZE:
            while piece := os.read(handle, 1 << 20):
                data += piece
        if max(found.st_size, len(data)) > MAX_SIZE:
            raise Refused("it is larger than 64 MiB")
        return bytes(data)
    finally:
        os.close(handle)


def write_temp(path: Path, data: bytes) -> Path:
    """
    Write a file beside `path`, on to the disk itself, and return where; nobody else can read it at any moment.

    Raises `OSError`, with nothing left behind.
    """
    temp = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(6)}.tmp")
    handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | ALWAYS, 0o600)
    try:
        try:
            own_only(handle)
            left = memoryview(data)
            while left:  # a write may take only a part
                left = left[os.write(handle, left) :]
            sync(handle)
        finally:
            os.close(handle)
    except BaseException:
        discard(temp)
        raise
    return temp


def put(path: Path, data: bytes) -> None:
    """Put a file with this content at `path`, in one step. Raises `OSError`, with nothing left behind."""
    temp = write_temp(path, data)
    try:
        replace(temp, path)
    except BaseException:
        discard(temp)
        raise


def discard(path: Path) -> None:
    """Remove a file, if that is possible."""
    with contextlib.suppress(OSError):
        path.unlink()


def is_left_behind(path: Path, name: str, age: float) -> bool:
    """
    Say whether this is a temp file for `name` that its writer has left behind.

    That of this process is, as long as it holds the lock; that of another once it is `age` seconds old.
    """
    parts = path.name.removeprefix(f".{name}.").split(".")
    if not path.name.startswith(f".{name}.") or len(parts) != len(("pid", "random", "tmp")) or parts[-1] != "tmp":
        return False
    try:
        found = path.lstat()
    except FileNotFoundError:  # its writer was just done with it
        return False
    old = time.time() - found.st_mtime > age
    return stat.S_ISREG(found.st_mode) and found.st_uid == _own(found) and (parts[0] == str(os.getpid()) or old)


def replace(temp: Path, path: Path) -> None:
    """Put a file in the place of another, in one step; on Windows a reader may be in the way for a moment."""
    for left in range(_REPLACE_TRIES if os.name == "nt" else 0, -1, -1):
        try:
            temp.replace(path)
        except PermissionError:
            if not left:
                raise
            time.sleep(_REPLACE_PAUSE)
        else:
            return


def make_folder(folder: Path) -> None:
    """Make a folder that only this user gets into, whatever the umask."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)


def tighten(path: Path) -> bool:
    """
    Take group's and others' rights away; says whether there were any.

    What is shared on purpose is left alone: another user's, a folder such as /tmp, a link, nothing at all.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    mode = stat.S_IMODE(found.st_mode)
    shared = found.st_uid != _own(found) or mode & (stat.S_ISVTX | stat.S_ISGID) or stat.S_ISLNK(found.st_mode)
    if os.name != "posix" or shared or not mode & _OTHERS:
        return False
    path.chmod(mode & ~_OTHERS)
    return True


def own_only(handle: int) -> None:
    """Give a file to this user alone: a strange umask may even have taken this user's own rights."""
    if os.name == "posix" and stat.S_IMODE(os.fstat(handle).st_mode) != 0o600:  # noqa: PLR2004  # a mode is a number
        os.fchmod(handle, 0o600)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; Windows has no such call."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync(handle: int) -> None:
    """Wait until a file is on the disk; macOS's own fsync stops at the disk's memory."""
    if os.name == "posix":
        import fcntl

        if full := getattr(fcntl, "F_FULLFSYNC", None):
            with contextlib.suppress(OSError):
                fcntl.fcntl(handle, full)
                return
    os.fsync(handle)


def _own(found: os.stat_result) -> int:
    """Return this user's number; on Windows, which has none, that of what was found."""
    return os.geteuid() if hasattr(os, "geteuid") else found.st_uid
