"""The last list of each endpoint's models, in memory and on the disk: read without a network, safe to delete."""

from __future__ import annotations

import contextlib
import hashlib
import time
from typing import TYPE_CHECKING

import msgspec

from xiantong_nb import disk
from xiantong_nb.models import Listing, Model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xiantong_nb.connection import Connection

FRESH = 24 * 3600.0
"""Seconds for which a list is taken as it is; an older one is asked for again where somebody looks at it."""
_LARGEST = 16 * 1024 * 1024


class _Kept(msgspec.Struct):
    """One file: whose list it is, so that another endpoint of the same name does not get it."""

    base_url: str
    at: float
    models: tuple[Model, ...]


class Shelf:
    """
    The lists in one folder. A file that can't be read is one that is not there.

    Each is read once, and again when another process has written it. Where nothing can be written, what this process
    has asked for is known to it alone.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder
        self._known: dict[Path, tuple[tuple[int, int] | None, Listing]] = {}

    def kept(self, connection: Connection) -> Listing | None:
        """Return the last list of an endpoint, or None."""
        if connection.preset.embedded:  # it has another address each time
            return None
        path = self._path(connection)
        stamp, (known_stamp, known) = _stamp(path), self._known.get(path, (None, None))
        if stamp == known_stamp or stamp is None:
            return known
        try:
            data = disk.read(path)
            kept = msgspec.json.decode(data, type=_Kept) if data is not None and len(data) < _LARGEST else None
        except (OSError, ValueError, RecursionError, disk.Refused):
            return known
        if kept is None or kept.base_url != connection.base_url:
            return known
        listing = Listing(kept.models, min(kept.at, time.time()))
        self._known[path] = stamp, listing
        return listing

    def keep(self, connection: Connection, models: tuple[Model, ...]) -> Listing:
        """Keep a list, and return it with its time."""
        listing, path = Listing(models, time.time()), self._path(connection)
        if connection.preset.embedded:
            return listing
        if path.parent.parent.is_dir():  # looking at a list is no reason to make a home folder
            with contextlib.suppress(OSError, disk.Refused):
                disk.make_folder(path.parent)
                disk.put(path, msgspec.json.encode(_Kept(connection.base_url, listing.at, models)))
        self._known[path] = _stamp(path), listing
        return listing

    def _path(self, connection: Connection) -> Path:
        # neither a slug nor a URL is a file's name: they stand in files that others write, too
        name = hashlib.sha256(f"{connection.slug} {connection.base_url}".encode("utf-8", "replace")).hexdigest()
        return self._folder() / "cache" / f"models-{name[:16]}.json"


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes with a file, or None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def age(seconds: float) -> str:
    """Return how long ago, in words."""
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"
