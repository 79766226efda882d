"""What is done with a connection once it is there: find it to change it, remove it, choose it, note that it works."""

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
    Return the saved connection of this name, as this process keeps it where its last change could not be written.

    Raises `UsageError` for any other, and for those of the app alone; its fault for one that nobody can use, unless
    `broken` ones will do.
    """
    connections = session.connections()
    found = named(name, connections)
    if found is not None and is_saved(session, found.slug):
        found = replace(found, saved=True)
    if found is None or not found.saved:
        msg = f"{name} is not a saved connection."
        known = [c.slug for c in connections.values() if c.saved and not c.foreign]
        raise UsageError(msg, hint=f"Saved: {', '.join(known)}." if known else "%xiantong connect saves one.")
    if found.foreign and found.fault and not broken:
        raise found.fault
    if found.foreign:
        raise UsageError(f"{found.slug} is the desktop app's own: it is left alone.", hint="Change it in the app.")
    return found


def is_saved(session: Session, slug: str) -> bool:
    """Say whether a connection of this slug is saved for all, whatever this process keeps of it for itself."""
    found = session.saved().get(slug)
    return found is not None and not found.foreign


def remove(session: Session, name: str) -> tuple[str, tuple[str, ...]]:
    """
    Remove a connection and its key, from the files and from this process; returns its slug, and notes.

    Raises `UsageError` as `saved`, and `StoreError` where the files can't be written: then it stays in both.
    """
    only_here = name in session.here and not is_saved(session, name)
    slug = name if only_here else saved(session, name, broken=True).slug
    notes = () if only_here else session.store.remove(slug)
    session.here.pop(slug, None)
    if session.chosen.partition(":")[0] == slug:
        session.prefer("")
    return slug, notes


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
