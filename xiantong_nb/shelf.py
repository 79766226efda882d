"""The last list of each endpoint's models, kept on the disk: read without a network, safe to delete."""

from __future__ import annotations

import contextlib
import hashlib
import time
from typing import TYPE_CHECKING

import msgspec

from xiantong_nb import disk
from xiantong_nb.models import Listing, Model

if TYPE_CHECKING:
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
    """The lists in one folder; a list that can't be read or written is one that is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "cache"

    def kept(self, connection: Connection) -> Listing | None:
        """Return the last list of an endpoint, or None."""
        if connection.preset.embedded:
            return None
        try:
            data = disk.read(self._path(connection))
            kept = msgspec.json.decode(data, type=_Kept) if data is not None and len(data) < _LARGEST else None
        except (OSError, ValueError, RecursionError, disk.Refused):
            return None
        if kept is None or kept.base_url != connection.base_url:
            return None
        return Listing(kept.models, min(kept.at, time.time()))

    def keep(self, connection: Connection, models: tuple[Model, ...]) -> Listing:
        """Keep a list, if that is possible, and return it with its time."""
        listing = Listing(models, time.time())
        # the embedded engine has another address each time, and looking at a list is no reason to make a home folder
        if connection.preset.embedded or not self._folder.parent.is_dir():
            return listing
        with contextlib.suppress(OSError, disk.Refused):
            disk.make_folder(self._folder)
            disk.put(self._path(connection), msgspec.json.encode(_Kept(connection.base_url, listing.at, models)))
        return listing

    def _path(self, connection: Connection) -> Path:
        # neither a slug nor a URL is a file's name: they stand in files that others write, too
        name = hashlib.sha256(f"{connection.slug} {connection.base_url}".encode("utf-8", "replace")).hexdigest()
        return self._folder / f"models-{name[:16]}.json"


def age(seconds: float) -> str:
    """Return how long ago, in words."""
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"
