"""
The file in which a table keeps its answers: a line each, on the disk before it counts.

    {"xiantong_table": 1}
    {"key": "3f9a...", "reply": {...}}

Lines are only ever added. What was cut by a crash is at most the last line, which is taken off by the next who opens
the file; one that can't be read anywhere else is left there and asked again. One program at a time holds it, by a lock
file beside it.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from xiantong_nb import disk, lock
from xiantong_nb.errors import NotSaved, StoreBusy, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VERSION = 1
_HEAD = json.dumps({"xiantong_table": _VERSION}).encode() + b"\n"
_PATIENCE = 1.0  # seconds for the lock: who holds it holds it for long
_HERE = "Choose another file for keep=."


class Ledger:
    """
    A context manager over such a file, which is made where there is none, for this user alone.

    `kept` is what it holds, by key; of several lines of one key the last. Raises `StoreBusy` where
    another program holds it, `Unreadable` for a file that is something else (it is left as it is), and `NotSaved`
    where it can't be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().absolute()
        self.kept: dict[str, dict[str, Any]] = {}
        self.notes: tuple[str, ...] = ()
        self._handle = -1
        self._torn = b""
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            with _said(self.path):
                if not self._stack.enter_context(lock.held(self.path, _PATIENCE)):
                    self.notes += (f"{self.path.parent} has no locks: let no other kernel keep a table in this file",)
                self._open()
        except lock.Held as held:
            who = f"process {held.pid}" if held.pid else "another program"
            msg = f"{self.path.name} is in use: {who} keeps a table in it."
            raise StoreBusy(msg, path=str(self.path), hint=f"Wait for it, or end it. {_HERE}") from None
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)
        self._stack.close()

    def add(self, lines: Mapping[str, dict[str, Any]]) -> None:
        """
        Keep what stands under these keys, all or none, unless they are kept; returns when it is on the disk.

        Raises `NotSaved`.
        """
        new = {key: line for key, line in lines.items() if key not in self.kept}
        if not new:
            return
        data = b"".join(json.dumps({"key": key} | line).encode() + b"\n" for key, line in new.items())
        with _said(self.path):
            size = os.fstat(self._handle).st_size
            try:
                self._write(data)
            except BaseException:
                os.ftruncate(self._handle, size)  # half a line would make one of it and the next
                raise
        self.kept |= new

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | disk.ALWAYS | getattr(os, "O_NONBLOCK", 0)
        is_new = not self.path.exists()
        self._handle = os.open(self.path, flags, 0o600)
        if not stat.S_ISREG(os.fstat(self._handle).st_mode):
            raise Unreadable(f"{self.path.name} is no ordinary file.", path=str(self.path), hint=_HERE)
        if is_new:
            disk.own_only(self._handle)
        whole = self._read()
        if not whole and not _HEAD.startswith(self._torn):
            raise self._other("it is no table that was kept")
        if whole:
            self._check(whole[0])
        if self._torn:
            os.ftruncate(self._handle, sum(map(len, whole)))
        if not whole:
            self._write(_HEAD)
            disk.sync_folder(self.path.parent)
        bad = 0
        for line in whole[1:]:
            try:
                told = json.loads(line)
                self.kept[str(told.pop("key"))] = told
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                bad += 1
        if bad:
            self.notes += (f"{bad} lines of {self.path.name} can't be read: those are asked again",)

    def _read(self) -> list[bytes]:
        """Return the whole lines; what has no end is put aside."""
        pieces = []
        while piece := os.read(self._handle, 1 << 20):
            pieces.append(piece)
        *lines, self._torn = b"".join(pieces).split(b"\n")
        return [line + b"\n" for line in lines]

    def _check(self, head: bytes) -> None:
        try:
            version = json.loads(head)["xiantong_table"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise self._other("it is no table that was kept") from None
        if version != _VERSION:
            raise self._other("a newer version of this package has written it")

    def _other(self, what: str) -> Unreadable:
        hint = f"It was left as it is. {_HERE}"
        return Unreadable(f"{self.path.name} can't be used: {what}.", path=str(self.path), hint=hint)

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:  # a write may take only a part
            left = left[os.write(self._handle, left) :]
        disk.sync(self._handle)


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    """Turn what the system refuses into the one error that says so."""
    try:
        yield
    except OSError as error:
        hint = "What stands in it is whole. Ask again with the same keep= to go on from there."
        raise NotSaved(f"{path.name} could not be written: {disk.words(error)}.", path=str(path), hint=hint) from None
