"""
Files that several programs share: read whole, changed under a lock, replaced only by what has been checked.

    update: lock -> read -> change -> temp -> fsync -> read back -> keep copies -> rename -> fsync the folder

Whatever fails before the rename leaves the file as it was. A file that can't be read is never written over and
never deleted. The desktop app shares these files, takes no lock and truncates them in place: hence the patience
of readers, the look just before the rename, and the copies.
"""

from __future__ import annotations

import contextlib
import errno
import random
import re
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from xiantong_nb import disk
from xiantong_nb.errors import NotSaved, StoreBusy, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

COPIES = 3
"""How many good versions are kept beside a file."""

_LOCK_STEP = 0.01  # seconds between two tries
_TORN_STEP = (0.005, 0.020)  # seconds between two looks at a file that may be half written
_LEFT_BEHIND = 3600.0  # seconds
_RACES = 5  # how often a change starts over because a program that takes no lock wrote meanwhile


class Damaged(ValueError):
    """
    Bytes that are no such file: what is wrong with them, with nothing of their content.

    `newer` says that a newer program wrote them, so that reading them again will not help.
    """

    def __init__(self, what: str, *, newer: bool = False) -> None:
        super().__init__(what)
        self.newer = newer


class Codec(Protocol[T]):
    """How a file's bytes and its value become each other."""

    def decode(self, data: bytes) -> T:
        """Read; raises `Damaged`."""

    def encode(self, value: T) -> bytes:
        """Write; raises `ValueError` for a value that can't be written."""


@dataclass(frozen=True, slots=True)
class Saved(Generic[T]):
    """What stands in the file now, and what is worth saying about how it got there."""

    value: T
    notes: tuple[str, ...] = ()


class SharedFile(Generic[T]):
    """One such file. Reading takes no lock, since a replacement is all or nothing."""

    def __init__(self, path: Path, codec: Codec[T], *, lock_patience: float = 10.0, torn_patience: float = 0.5) -> None:
        self.path = path
        self._codec = codec
        self._lock_patience = lock_patience
        self._torn_patience = torn_patience

    def read(self) -> T | None:
        """Return what the file holds, None where there is none. Raises `Unreadable`; the file stays as it is."""
        found = self._read()
        return None if found is None else found[1]

    def update(self, change: Callable[[T | None], T]) -> Saved[T]:
        """
        Replace what the file holds by what `change` makes of it; an equal value writes nothing.

        What `change` raises leaves everything as it was. Raises `Unreadable`, `StoreBusy` when another program
        keeps the lock, and `NotSaved`: the file is then as it was.
        """
        notes: list[str] = []
        with _said(self.path):
            disk.make_folder(self.path.parent)
            self._tighten(self.path.parent.resolve(), notes)
        with self._locked():
            for _ in range(_RACES):
                found = self._read()
                if found is not None:  # and so is this user's own ordinary file
                    self._tighten(self.path, notes)
                value = change(found[1] if found else None)
                if (found and value == found[1]) or self._replace(found[0] if found else None, value, notes):
                    return Saved(value, tuple(notes))
        msg = f"{self.path.name} was not saved: another program kept writing it."
        raise NotSaved(msg, path=str(self.path), hint="Try again.")

    def copies(self) -> list[Path]:
        """Return the good copies, newest first."""
        try:
            found = [path for path in self.path.parent.iterdir() if self._number(path)]
        except OSError:
            return []
        return sorted(found, key=self._number, reverse=True)

    def _read(self) -> tuple[bytes, T] | None:
        """Read bytes and value; look again for a while where the bytes may be half of what is being written."""
        until = time.monotonic() + self._torn_patience
        seen, damaged = None, Damaged("")
        while True:
            try:
                data = disk.read(self.path)
            except (OSError, disk.Refused) as error:
                raise self._unreadable(_words(error)) from None
            if data is None:
                return None
            if data != seen:
                seen = data
                try:
                    return data, self._codec.decode(data)
                except Damaged as error:
                    damaged = Damaged(str(error), newer=error.newer)
            if damaged.newer or time.monotonic() >= until:
                raise self._unreadable(str(damaged))
            time.sleep(random.uniform(*_TORN_STEP))  # noqa: S311  # only so that two readers don't keep step

    def _unreadable(self, what: str) -> Unreadable:
        """Make the error, with the next step: the newest good copy, where there is one."""
        hint = "It was left as it is. Move it away to begin afresh"
        if copies := self.copies():
            with contextlib.suppress(OSError):
                when = datetime.fromtimestamp(copies[0].stat().st_mtime).astimezone()
                hint += f", or put its last good copy, of {when:%Y-%m-%d %H:%M}, in its place: {copies[0]}"
        return Unreadable(f"{self.path.name} can't be used: {what}.", path=str(self.path), hint=f"{hint}.")

    def _tighten(self, path: Path, notes: list[str]) -> None:
        """See that only this user gets into a folder or a file."""
        with _said(self.path):
            if disk.tighten(path):
                notes.append(f"{path} was open to other users of this machine until now")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """
        Hold the file's lock: a file beside it, never removed, since waiters would then lock two different ones.

        A new lock object each time: the lock is of the open file, so threads of a process exclude each other, too.
        """
        from filelock import FileLock, Timeout

        path = self.path.with_name(f"{self.path.name}.lock")
        lock = FileLock(
            path,
            timeout=self._lock_patience,
            mode=0o600,
            thread_local=False,
            poll_interval=_LOCK_STEP,
            fallback_to_soft=False,
        )
        with _said(self.path):
            try:
                lock.acquire()
            except Timeout:
                pid = _holder(path)
                who = f"process {pid}" if pid else "another program"
                msg, hint = (
                    f"{self.path.name} is locked by {who}.",
                    "Try again; if that does not help, end that program.",
                )
                raise StoreBusy(msg, path=str(self.path), hint=hint) from None
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                lock.release(force=True)

    def _replace(self, before: bytes | None, value: T, notes: list[str]) -> bool:
        """Write `value` in the place of `before`; False when that is no longer what stands there."""
        temps: list[Path] = []
        copies = self.copies()
        try:
            with _said(self.path):
                for path in self.path.parent.iterdir():
                    if disk.is_left_behind(path, self.path.name, _LEFT_BEHIND):
                        disk.discard(path)
                data = self._codec.encode(value)
                temps.append(disk.write_temp(self.path, data))
                if self._codec.decode(disk.read(temps[0]) or b"") != value:
                    raise OSError(errno.EIO, "what was written reads differently")
                # the new version, and the one found where another program wrote it
                for good in [*self._unkept(before, copies), data]:
                    temps.append(disk.write_temp(self.path, good))  # noqa: PERF401  # each is removed if the next fails
                if disk.read(self.path) != before:
                    return False
                last = self._number(copies[0]) if copies else 0
                for n, temp in enumerate(temps[1:], last + 1):
                    disk.replace(temp, self.path.with_name(f"{self.path.name}.good-{n}"))
                disk.replace(temps[0], self.path)
        finally:
            for temp in temps:
                disk.discard(temp)
        try:
            disk.sync_folder(self.path.parent)
        except OSError as error:
            notes.append(f"saved, but a power cut now could undo it ({_words(error)})")
        for old in self.copies()[COPIES:]:
            disk.discard(old)
        return True

    def _unkept(self, before: bytes | None, copies: list[Path]) -> list[bytes]:
        """Return the bytes that were found, unless they are the newest copy already."""
        if before is None:
            return []
        try:
            return [] if copies and disk.read(copies[0]) == before else [before]
        except (OSError, disk.Refused):
            return [before]

    def _number(self, path: Path) -> int:
        """Return the number of a good copy, which grows; 0 for anything else."""
        match = re.fullmatch(rf"{re.escape(self.path.name)}\.good-([1-9]\d{{0,17}})", path.name)
        return int(match[1]) if match else 0


_FREE = "Free some space and try again; what was there still is."
_OWN = "Make the folder your own, or set XIANTONG_HOME to another one."
_NEAR = "Set XIANTONG_HOME to a folder on a disk of this machine."
_NEXT = {
    errno.ENOSPC: _FREE,
    errno.EDQUOT: _FREE,
    errno.EROFS: "Set XIANTONG_HOME to a folder that can be written.",
    errno.EACCES: _OWN,
    errno.EPERM: _OWN,
    errno.ENOLCK: _NEAR,
    errno.ENOSYS: _NEAR,
    errno.EOPNOTSUPP: _NEAR,
    errno.ELOOP: "The file whose name ends in .lock is a link: remove it.",
}


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    """Turn what fails on the way to a save into the one error that says so."""
    try:
        yield
    except (OSError, ValueError, RecursionError, disk.Refused) as error:
        is_json = not isinstance(error, OSError | disk.Refused)
        what = "it can't be written as JSON that the desktop app reads" if is_json else _words(error)
        hint = _NEXT.get(getattr(error, "errno", None) or 0, "What was there still is; try again.")
        raise NotSaved(f"{path.name} was not saved: {what}.", path=str(path), hint=hint) from None


def _words(error: Exception) -> str:
    """Return what went wrong, in the system's own words where they are its."""
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return str(error)


def _holder(lock: Path) -> int | None:
    """Return the process that holds a lock, where the system tells (Linux)."""
    try:
        inode = lock.stat().st_ino
        held = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" not in line]
        return next(int(row[4]) for row in held if row[1] == "FLOCK" and int(row[5].rpartition(":")[2]) == inode)
    except (OSError, StopIteration, IndexError, ValueError):
        return None
