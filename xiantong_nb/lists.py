"""What endpoints list, as a kernel knows it: as it was last, asked for, or asked again where a name hangs on it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from xiantong_nb import shelf
from xiantong_nb.errors import Unreachable, XiantongError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from xiantong_nb.connection import Connection
    from xiantong_nb.models import Listing
    from xiantong_nb.transport import Transport

    Run = Callable[[Callable[[Transport], Coroutine[Any, Any, Any]]], Any]

_LONG, _SHORT = 30.0, 5.0  # seconds: for a person who looks, and on the way of a question


class Lists:
    """
    The lists of every endpoint that is asked.

    `folder` says where they are kept, `run` does what needs the network, `running` says where an embedded engine
    listens.
    """

    def __init__(self, folder: Callable[[], Path], run: Run, running: Callable[[Connection], Connection]) -> None:
        self._shelf = shelf.Shelf(folder)
        self._run = run
        self._running = running
        self._without: set[tuple[str, str]] = set()
        self.kept = self._shelf.kept
        """What an endpoint listed when it was last asked, or None; nothing goes over the network."""
        self.keep = self._shelf.keep
        """Keep what one has just listed."""

    def ask(self, connection: Connection, *, patience: float = _LONG) -> Listing:
        """
        Ask an endpoint which models it lists, and keep that.

        Raises what a question would, `NotFound` where it has no list, `Unreachable` after `patience` seconds.
        """
        from xiantong_nb.catalog import listed

        if connection.fault is not None:
            raise connection.fault
        connection = self._running(connection)
        return self.keep(connection, self._run(lambda transport: listed(connection, transport, patience)))

    def deciding(self, connection: Connection) -> Listing | None:
        """
        Return a list that a name can be decided by: of today, else asked for, else the last there was, or None.

        An endpoint that is there and gives none is not asked for it again by this process.
        """
        kept, place = self.kept(connection), (connection.slug, connection.base_url)
        if connection.preset.embedded or place in self._without or (kept and time.time() - kept.at < shelf.FRESH):
            return kept
        try:
            return self.ask(connection, patience=_SHORT)
        except XiantongError as error:
            if not isinstance(error, Unreachable) or error.kind == "silent":
                self._without.add(place)
            return kept
