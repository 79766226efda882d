"""What endpoints list, as a kernel knows it: as it was last, asked for, or asked again where a name hangs on it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from xiantong_nb import shelf
from xiantong_nb.errors import Unreachable, XiantongError
from xiantong_nb.prices import TABLE_DATE, has_table, table, with_prices

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

    def look(self, connection: Connection, *, fresh: bool = False) -> tuple[Listing, str]:
        """
        Return a list for a person to look at, and where it is from: the endpoint, the last time, or a dated table.

        `fresh` asks the endpoint, however new the last one is. Raises as `ask`, where nothing can stand in.
        """
        listing, source = self._found(connection, fresh=fresh)
        priced = with_prices(listing) if has_table(connection) else listing
        return priced, source + (f" Prices: the built-in table of {TABLE_DATE}." if priced != listing else "")

    def _found(self, connection: Connection, *, fresh: bool) -> tuple[Listing, str]:
        kept = self.kept(connection)
        if kept is not None and not fresh and time.time() - kept.at < shelf.FRESH:
            return kept, f"Listed {shelf.age(time.time() - kept.at)}; --refresh asks again."
        try:
            return self.ask(connection), "Listed just now."
        except XiantongError as error:
            if kept is not None:
                return kept, f"{error.message} This was listed {shelf.age(time.time() - kept.at)}."
            if has_table(connection) and isinstance(error, Unreachable):
                return table(), f"{error.message} This is the built-in table of {TABLE_DATE}."
            raise

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
