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
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from xiantong_nb import disk, lock
from xiantong_nb.copies import Copies, set_aside, when
from xiantong_nb.errors import NotSaved, StoreBusy, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

COPIES = 3
"""How many good versions are kept beside a file."""

_TORN_STEP = (0.005, 0.020)  # seconds between two looks at a file that may be half written
_LEFT_BEHIND = 3600.0  # seconds
_RACES = 5  # how often a change starts over because a program that takes no lock wrote meanwhile
_SECOND_LOOK = (0.05, 0.15)  # seconds until a change made without a lock is looked at again


class Damaged(ValueError):
    """
    Bytes that are no such file: what is wrong with them, with nothing of their content.

    `hint` is what else may be done about it. `newer` says that a newer program wrote them, so that reading them
    again will not help.
    """

    def __init__(self, what: str, *, hint: str = "", newer: bool = False) -> None:
        super().__init__(what)
        self.hint = hint
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
    """
    One such file. Reading takes no lock, since a replacement is all or nothing.

    `copies` is how many good versions are kept beside it. The patiences are in seconds: of waiting for the lock,
    and for another program to finish what it is writing.
    """

    def __init__(
        self,
        path: Path,
        codec: Codec[T],
        *,
        copies: int = COPIES,
        lock_patience: float = 10.0,
        torn_patience: float = 0.5,
    ) -> None:
        self.path = path
        self.copies = Copies(path, copies)
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

        `change` is called again when another program wrote meanwhile. What it raises leaves everything as it was.
        Raises `Unreadable`, `StoreBusy` when another program keeps the lock, and `NotSaved`: the file is then as
        it was.
        """
        notes: list[str] = []
        with self._changing(notes) as is_locked:
            for _ in range(_RACES):
                found = self._read()
                if found is not None:  # and so is this user's own ordinary file
                    self._tighten(self.path, notes)
                value = change(found[1] if found else None)
                if (found and value == found[1]) or (
                    self._replace(found[0] if found else None, value, notes) and (is_locked or self._stays(value))
                ):
                    return Saved(value, tuple(notes))
        msg = f"{self.path.name} was not saved: another program kept writing it."
        raise NotSaved(msg, path=str(self.path), hint="Try again.")

    def good_copy(self) -> Path | None:
        """Return the newest copy that can be read here."""
        for path in self.copies.all():
            with contextlib.suppress(OSError, disk.Refused, Damaged):
                self._codec.decode(disk.read(path) or b"")
                return path
        return None

    def restore(self) -> tuple[str, ...]:
        """
        Put the newest good copy in the file's place; what stood there is moved aside, once for each content.

        Returns notes. Raises `StoreError` when no copy can be read here, or where it can't be written.
        """
        notes: list[str] = []
        with self._changing(notes), _said(self.path):
            copy = self.good_copy()
            if copy is None:
                msg = f"There is no good copy of {self.path.name} that can be read here."
                raise NotSaved(msg, path=str(self.path), hint="It was left as it is.")
            data = disk.read(copy) or b""
            notes.append(f"Put back: {self.path.name} as it was on {when(copy)}")
            if aside := set_aside(self.path, data):
                notes.append(f"What stood there is now {aside}")
            disk.put(self.path, data)
            disk.sync_folder(self.path.parent)
        return tuple(notes)

    def _read(self) -> tuple[bytes, T] | None:
        """Read bytes and value; look again for a while where the bytes may be half of what is being written."""
        until = time.monotonic() + self._torn_patience
        seen, damaged = None, Damaged("")
        while True:
            try:
                data = disk.read(self.path)
            except disk.Refused as error:
                raise self._unreadable(str(error)) from None
            except OSError as error:
                raise self._unreadable(disk.words(error), _NEXT.get(error.errno or 0, "Try again.")) from None
            if data is None:
                return None
            if data != seen:
                seen = data
                try:
                    return data, self._codec.decode(data)
                except Damaged as error:
                    damaged = Damaged(str(error), hint=error.hint, newer=error.newer)
            if damaged.newer or time.monotonic() >= until:
                raise self._unreadable(str(damaged), self._step_after(damaged))
            time.sleep(random.uniform(*_TORN_STEP))  # noqa: S311  # only so that two readers don't keep step

    def _step_after(self, damaged: Damaged) -> str:
        """Say what to do about it: put the newest good copy back, where there is one that can be read here."""
        copy = None if damaged.newer else self.good_copy()
        if copy is None:
            return damaged.hint
        return f"%xiantong restore {self.path.name} puts back its last good copy, of {when(copy)}."

    def _unreadable(self, what: str, step: str = "") -> Unreadable:
        hint = f"It was left as it is. {step or 'Move it away to begin afresh.'}"
        return Unreadable(f"{self.path.name} can't be used: {what}.", path=str(self.path), hint=hint)

    def _tighten(self, path: Path, notes: list[str]) -> None:
        """See that only this user gets into a folder or a file."""
        with _said(self.path):
            if disk.tighten(path):
                notes.append(f"{path} was open to other users of this machine until now")

    @contextlib.contextmanager
    def _changing(self, notes: list[str]) -> Iterator[bool]:
        """Make the folder, hold the lock; gives False where there is none to be had."""
        with _said(self.path):
            disk.make_folder(self.path.parent)
            self._tighten(self.path.parent.resolve(), notes)
        with contextlib.ExitStack() as stack:
            try:
                with _said(self.path):
                    is_locked = stack.enter_context(lock.held(self.path, self._lock_patience))
            except lock.Held as held:
                who = f"process {held.pid}" if held.pid else "another program"
                hint = "Try again; if that does not help, end that program."
                raise StoreBusy(f"{self.path.name} is locked by {who}.", path=str(self.path), hint=hint) from None
            if not is_locked:
                notes.append(f"{self.path.parent} has no locks: of two changes at the same moment one may be lost")
            yield is_locked

    def _stays(self, value: T) -> bool:
        """Look again, a moment after a change without a lock, whether another program has written over it."""
        time.sleep(random.uniform(*_SECOND_LOOK))  # noqa: S311  # only so that two writers don't keep step
        return self.read() == value

    def _replace(self, before: bytes | None, value: T, notes: list[str]) -> bool:
        """Write `value` in the place of `before`; False when that is no longer what stands there."""
        temps: list[Path] = []
        try:
            with _said(self.path):
                for path in self.path.parent.iterdir():
                    if disk.is_left_behind(path, self.path.name, _LEFT_BEHIND):
                        disk.discard(path)
                data = self._codec.encode(value)
                temps.append(disk.write_temp(self.path, data))
                if self._codec.decode(disk.read(temps[0]) or b"") != value:
                    raise OSError(errno.EIO, "what was written reads differently")
                for good in self.copies.due(before, data):
                    temps.append(disk.write_temp(self.path, good))  # noqa: PERF401  # each is removed if the next fails
                if disk.read(self.path) != before:
                    return False
                self.copies.add(temps[1:])
                disk.replace(temps[0], self.path)
        finally:
            for temp in temps:
                disk.discard(temp)
        try:
            disk.sync_folder(self.path.parent)
        except OSError as error:
            notes.append(f"saved, but a power cut now could undo it ({disk.words(error)})")
        self.copies.drop()
        return True


_FREE = "Free some space and try again; what was there still is."
_OWN = "Make the folder your own, or set XIANTONG_HOME to another one."
_NEXT = {
    errno.ENOSPC: _FREE,
    errno.EDQUOT: _FREE,
    errno.EROFS: "Set XIANTONG_HOME to a folder that can be written.",
    errno.EACCES: _OWN,
    errno.EPERM: _OWN,
    errno.ENOENT: "Try again; if that does not help, set XIANTONG_HOME to another folder.",
    errno.ENOTDIR: "What stands in the folder's place is none: remove it, or set XIANTONG_HOME to another one.",
    errno.ELOOP: "The file whose name ends in .lock is a link: remove it.",
}


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    """Turn what fails on the way to a save into the one error that says so."""
    try:
        yield
    except (OSError, ValueError, RecursionError, disk.Refused) as error:
        if isinstance(error, OSError | disk.Refused):
            what = disk.words(error)
        else:
            what = "it can't be written as JSON that the desktop app reads"
        hint = _NEXT.get(getattr(error, "errno", None) or 0, "What was there still is; try again.")
        raise NotSaved(f"{path.name} was not saved: {what}.", path=str(path), hint=hint) from None
