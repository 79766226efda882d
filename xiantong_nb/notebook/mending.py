"""The commands that look at what is saved and mend it, and that bring it over from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xiantong_nb.api import session
from xiantong_nb.copies import when
from xiantong_nb.errors import StoreError, UsageError

if TYPE_CHECKING:
    import argparse

    from xiantong_nb.notebook.screen import Screen

_MARKS = {"ok": "ok", "note": "note", "wrong": "WRONG"}


def doctor(screen: Screen, asked: argparse.Namespace) -> None:
    """Check files, machine, environment and every endpoint; say what is wrong and what mends it."""
    from xiantong_nb import doctor as checks

    found = list(checks.findings(session(), test=not asked.no_test))
    screen.table(("", "what", "is"), [(_MARKS[each.state], each.about, each.says) for each in found])
    mends = [each for each in found if each.mend]
    for each in mends:
        screen.say(f"{each.about}: {each.mend}")
    wrong = sum(each.state == "wrong" for each in found)
    screen.say(f"{wrong} thing{'s are' if wrong > 1 else ' is'} wrong." if wrong else "Nothing is wrong.")


def restore(screen: Screen, asked: argparse.Namespace) -> None:
    """Put back a key that another program lost, or the last good copy of a file; alone, list what could be."""
    store, what = session().store, asked.what
    if what is None:
        _restorable(screen)
        return
    if what not in store.files:
        if asked.accept:
            notes = store.accept_key(what)
            screen.say(f"The key of {what} stays as another program left it.")
        else:
            notes = store.restore_key(what)
            screen.say(f"The key of {what} is back.")
        screen.say_all(notes)
        return
    if asked.accept:
        raise UsageError("--accept is for a connection's key, not for a file.")
    file = store.files[what]
    try:
        file.read()
    except StoreError:
        screen.say_all(file.restore())
    else:
        raise UsageError(
            f"{what} can be read: there is nothing to restore.", hint=f"Its copies stand beside {file.path}."
        )


def import_(screen: Screen, asked: argparse.Namespace) -> None:
    """Bring connections and keys over from the open-source original's folder; shows first what it will do."""
    from xiantong_nb import importer

    plan = importer.plan(session(), Path(asked.path).expanduser() if asked.path else None)
    screen.say(f"From {plan.source}:")
    screen.table(
        ("there", "here", "provider", "URL", "model", "key", "what happens"),
        [(i.there, i.slug, i.provider, i.base_url, i.model, i.key_shown, i.says) for i in plan.items],
    )
    screen.say_all(plan.notes)
    count = len(plan.wanted)
    if not count:
        screen.say("There is nothing to bring over.")
        return
    if not asked.yes:
        several = f"these {count} connections" if count > 1 else "this connection"
        answer = screen.ask(f"Bring {several} over? [y/N] ", missing="%xiantong import --yes brings them over.")
        if answer.lower() not in ("y", "yes"):
            screen.say("Nothing was changed.")
            return
    for slug, notes in importer.carry_out(plan, session()):
        screen.say(f"{slug} is here.")
        screen.say_all(notes)
    screen.say("Nothing was changed there. %xiantong doctor tests them.")


def _restorable(screen: Screen) -> None:
    """List the keys that were lost and the files that have copies, with what can be read."""
    store = session().store
    rows: list[tuple[str, str, str]] = []
    try:
        for slug, stored in store.lost_keys().items():
            what = "its key was removed" if stored.lost == "gone" else "its key was changed"
            rows.append((slug, f"{what} by another program", f"%xiantong restore {slug}"))
    except StoreError as error:
        screen.say(error.message)
    for name, file in store.files.items():
        copies = file.copies.all()
        if not copies:
            continue
        try:
            file.read()
        except StoreError:
            good = file.good_copy()
            rows.append((name, "can't be read", f"%xiantong restore {name}" if good else "no copy can be read either"))
        else:
            rows.append((name, f"can be read; {len(copies)} good copies, the newest of {when(copies[0])}", ""))
    if rows:
        screen.table(("what", "state", "put it back"), rows)
    else:
        screen.say("Nothing is lost, and there are no copies yet.")
