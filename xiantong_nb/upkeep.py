"""What is done with a connection once it is there: find it to change it, choose it, note that it works."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xiantong_nb.connection import named
from xiantong_nb.errors import StoreError, UsageError

if TYPE_CHECKING:
    from xiantong_nb.connection import Connection, Target
    from xiantong_nb.session import Session


def saved(session: Session, name: str, *, broken: bool = False) -> Connection:
    """
    Return the saved connection of this name.

    Raises `UsageError` for any other, and for those of the app alone; its fault for one that nobody can use, unless
    `broken` ones will do.
    """
    connections = session.connections()
    found = named(name, connections)
    if found is None or not found.saved:
        msg = f"{name} is not a saved connection."
        known = [c.slug for c in connections.values() if c.saved and not c.foreign]
        raise UsageError(msg, hint=f"Saved: {', '.join(known)}." if known else "%xiantong connect saves one.")
    if found.foreign and found.fault and not broken:
        raise found.fault
    if found.foreign:
        raise UsageError(f"{found.slug} is the desktop app's own: it is left alone.", hint="Change it in the app.")
    return found


def choose(session: Session, text: str, *, everyone: bool = False) -> Target:
    """
    Make a target what questions ask that name none, of this process or, where it is saved, of `everyone`.

    Returns it with notes worth showing. Raises `UsageError` for what can't be asked, and `StoreError`.
    """
    target = session.target(text)
    if everyone:
        if not target.connection.saved:
            raise UsageError(f"{target.connection.slug} is not saved.", hint="%xiantong connect saves a connection.")
        of_a_model = named(text, session.connections()) is None
        target = replace(target, notes=(*target.notes, *session.store.use(target, model=of_a_model)))
    session.prefer(str(target))
    return target


def noted(session: Session, connection: Connection) -> tuple[str, ...]:
    """Note that a test of it has passed, where it is saved; returns notes, also where that can't be written."""
    if not connection.saved:
        return ()
    try:
        return session.store.tested(connection.slug)
    except StoreError as error:
        return (f"It passed; that could not be noted: {error.message}",)
