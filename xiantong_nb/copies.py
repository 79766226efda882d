"""What is kept beside a shared file: its last good versions, and what stood there before one of them was put back."""

from __future__ import annotations

import itertools
import os
import re
import time
from datetime import datetime
from typing import TYPE_CHECKING

from xiantong_nb import disk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Copies:
    """The good versions of one file, each in a file of its own with a number that grows; `most` of them are kept."""

    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._most = most

    def all(self) -> list[Path]:
        """Return them, newest first."""
        try:
            found = [path for path in self._path.parent.iterdir() if self._number(path)]
        except OSError:
            return []
        return sorted(found, key=self._number, reverse=True)

    def due(self, before: bytes | None, after: bytes) -> list[bytes]:
        """Return what is to be kept of a change: the new version, and the one found where another program wrote it."""
        if not self._most:
            return []
        return [after] if before is None or self._is_newest(before) else [before, after]

    def add(self, temps: Sequence[Path]) -> None:
        """Take these files as the newest ones."""
        last = next(map(self._number, self.all()), 0)
        for number, temp in enumerate(temps, last + 1):
            disk.replace(temp, self._path.with_name(f"{self._path.name}.good-{number}"))

    def drop(self, but: int | None = None) -> None:
        """Remove all but the newest ones."""
        for path in self.all()[self._most if but is None else but :]:
            disk.discard(path)

    def _is_newest(self, data: bytes) -> bool:
        try:
            return any(disk.read(path) == data for path in self.all()[:1])
        except (OSError, disk.Refused):
            return False

    def _number(self, path: Path) -> int:
        """Return the number of a good copy, 0 for anything else."""
        match = re.fullmatch(rf"{re.escape(self._path.name)}\.good-([1-9]\d{{0,17}})", path.name)
        return int(match[1]) if match else 0


def set_aside(path: Path, restored: bytes) -> Path | None:
    """
    Keep what stands at `path` under another name, once for each content, and return which.

    None where nothing stands there, or the same is kept already, or it is what is `restored`. What is no file of
    this user's, or can't be read, goes away itself; a file stays until it is replaced. Raises `OSError`.
    """
    stem = f"{path.name}.corrupt-{time.strftime('%Y%m%dT%H%M%S')}"
    tails = itertools.chain([""], (f"-{n}" for n in itertools.count(2)))
    aside = next(a for tail in tails if not os.path.lexists(a := path.with_name(f"{stem}{tail}")))
    try:
        found = disk.read(path)
    except (OSError, disk.Refused):
        path.rename(aside)
        return aside
    kept = (each for each in path.parent.glob(f"{path.name}.corrupt-*") if each.is_file())
    if found in (None, restored) or any(each.read_bytes() == found for each in kept):
        return None
    disk.put(aside, found or b"")
    return aside


def when(path: Path) -> str:
    """Return the local time of a file's last change, for people; nothing where it has gone."""
    try:
        return f"{datetime.fromtimestamp(path.stat().st_mtime).astimezone():%Y-%m-%d %H:%M:%S}"
    except OSError:
        return ""
