"""What an endpoint lists, as of now, as it was kept, or of a dated table; and in words which of these it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from xiantong_nb import shelf
from xiantong_nb.errors import Unreachable, XiantongError
from xiantong_nb.prices import TABLE_DATE, table

if TYPE_CHECKING:
    from xiantong_nb.connection import Connection
    from xiantong_nb.models import Listing
    from xiantong_nb.session import Session


def listing_of(session: Session, connection: Connection, *, fresh: bool) -> tuple[Listing, str]:
    """
    Return an endpoint's list and where it is from; `fresh` asks the endpoint, however new the kept one is.

    Raises what a question would, where nothing is kept that could stand in.
    """
    kept = session.listing(connection)
    if kept is None or fresh or time.time() - kept.at > shelf.FRESH:
        try:
            return session.models(connection), "Listed just now."
        except XiantongError as error:
            if kept is None and not (connection.preset.priced_by_table and isinstance(error, Unreachable)):
                raise
            if kept is None:
                return table(), f"{error.message} This is the built-in table of {TABLE_DATE}."
            return kept, f"{error.message} This was listed {shelf.age(time.time() - kept.at)}."
    return kept, f"Listed {shelf.age(time.time() - kept.at)}; --refresh asks again."
