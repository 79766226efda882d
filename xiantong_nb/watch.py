"""
Notices that what is saved, or in use, has changed, by whomever: another kernel, the desktop app, a magic of this one.

A task on the loop looks at four files' times and sizes about once a second, while anybody wants to know. Nothing is
read; whoever is told reads what it needs, elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from typing import TYPE_CHECKING, Protocol

from xiantong_nb import loop
from xiantong_nb.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Hashable
    from concurrent.futures import Future

    from xiantong_nb.session import Session


class Listener(Protocol):
    """Who wants to know; it is held weakly, so that the watch ends with the last of them."""

    def look(self, *, changed: bool) -> None:
        """Hear, about once a second, whether something has changed; on the loop's thread, so not for long."""


class Watch:
    """The watch over what one session sees; it looks every `seconds`."""

    def __init__(self, session: Session, seconds: float = 1.0) -> None:
        self._session = session
        self._seconds = seconds
        self._lock = threading.Lock()
        self._listeners: weakref.WeakSet[Listener] = weakref.WeakSet()
        self._task: Future[None] | None = None

    @property
    def runs(self) -> bool:
        """Whether it looks now."""
        return self._task is not None

    def add(self, listener: Listener) -> None:
        """Tell it from now on."""
        with self._lock:
            self._listeners.add(listener)
            if self._task is None:
                self._task = loop.submit(self._look())

    def drop(self, listener: Listener) -> None:
        """Tell it no more."""
        with self._lock:
            self._listeners.discard(listener)

    async def _look(self) -> None:
        seen = marks(self._session)
        while True:
            await asyncio.sleep(self._seconds)
            now = marks(self._session)
            if not self._tell(changed=now != seen):
                return
            seen = now

    def _tell(self, *, changed: bool) -> bool:
        """Tell all there are; False where there is none any more. No coroutine's frame holds them between two looks."""
        with self._lock:
            listeners = list(self._listeners)
            if not listeners:
                self._task = None
        for listener in listeners:
            listener.look(changed=changed)
        return bool(listeners)


def marks(session: Session) -> Hashable:
    """Return what is different after anything has changed that is listed or chosen from."""
    files: list[tuple[int, int, int] | None] = []
    for file in session.store.files.values():
        found = None
        with contextlib.suppress(OSError):
            told = file.path.stat()
            found = (told.st_mtime_ns, told.st_size, told.st_ino)
        files.append(found)
    here = tuple((slug, id(connection)) for slug, connection in list(session.here.items()))
    names = [name for row in PRESETS.values() for name, _ in row.key_variables]
    variables = session.variables
    return tuple(files), session.chosen, here, tuple(bool(variables.get(name)) for name in names)
