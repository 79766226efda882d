"""The lock of a shared file: a file beside it, locked while that is changed, and never removed."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path
from typing import TYPE_CHECKING

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
    A new lock object each time: the lock is of the open file, so threads of a process exclude each other, too.
    It stays: were it removed, waiters would lock two different files.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(
        beside(path),
        timeout=patience,
        mode=0o600,
        thread_local=False,
        poll_interval=_STEP,
        fallback_to_soft=False,
    )
    exists = True
    try:
        lock.acquire()
    except Timeout:
        raise Held(holder(path)) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        exists = False
    try:
        yield exists
    finally:
        with contextlib.suppress(OSError):
            lock.release(force=True)


def holder(path: Path) -> int | None:
    """Return the process that holds the lock of the file at `path`, where the system tells (Linux)."""
    try:
        inode = beside(path).stat().st_ino
        held = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" not in line]
        return next(int(row[4]) for row in held if row[1] == "FLOCK" and int(row[5].rpartition(":")[2]) == inode)
    except (OSError, StopIteration, IndexError, ValueError):
        return None
