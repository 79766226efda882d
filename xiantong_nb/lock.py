"""
The lock of a shared file: a file beside it, locked while that is changed.

It is never removed: then waiters would lock two different files.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from xiantong_nb import disk

if TYPE_CHECKING:
    from collections.abc import Iterator

_STEP = 0.01  # seconds between two tries
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


class Held(Exception):  # another program's doing, which is no failure of this one
    """Another program keeps the lock; `pid` is its process, where the system tells (Linux)."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(pid)
        self.pid = pid


def beside(path: Path) -> Path:
    """Return the lock file of a shared file."""
    return path.with_name(f"{path.name}.lock")


@contextlib.contextmanager
def held(path: Path, patience: float) -> Iterator[bool]:
    """
    Hold the lock of the file at `path`; gives False where its file system has no locks, and then holds nothing.

    Waits up to `patience` seconds, then raises `Held`; `OSError` for a lock file that can't be made or is a link.
    The lock is of the open file, so threads of a process exclude each other, too.
    """
    from filelock import unlock_descriptor

    handle = _acquired(beside(path), time.monotonic() + patience)
    if handle is None:
        yield False
        return
    if handle < 0:
        raise Held(holder(path))
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):
            unlock_descriptor(handle)  # a child that was forked meanwhile has the file open, too
        _close(handle)  # which unlocks it where that has failed


def _acquired(path: Path, until: float) -> int | None:
    """Return the open and locked file, -1 when another program keeps it, None where there are no locks."""
    from filelock import lock_descriptor

    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | disk.ALWAYS, 0o600)
        is_mine = False
        try:
            disk.own_only(handle)
            # one that was removed meanwhile would keep nobody out
            is_mine = lock_descriptor(handle, blocking=False) and bool(os.fstat(handle).st_nlink)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return None
        finally:
            if not is_mine:
                _close(handle)
        if is_mine:
            return handle
        if time.monotonic() >= until:
            return -1
        time.sleep(_STEP)


def _close(handle: int) -> None:
    with contextlib.suppress(OSError):
        os.close(handle)


def holder(path: Path) -> int | None:
    """Return the process that holds the lock of the file at `path`, where the system tells (Linux)."""
    try:
        inode = beside(path).stat().st_ino
        held = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" not in line]
        return next(int(row[4]) for row in held if row[1] == "FLOCK" and int(row[5].rpartition(":")[2]) == inode)
    except (OSError, StopIteration, IndexError, ValueError):
        return None
