"""
What can be named now: commands, options and their values, connections, models of the last lists, variables.

It is read while somebody types: nobody is asked, and no property of a variable is computed.
"""

from __future__ import annotations

import inspect
import re
import types
from typing import TYPE_CHECKING, Any, NamedTuple

from xiantong_nb.api import session
from xiantong_nb.connection import Connection, named
from xiantong_nb.errors import XiantongError
from xiantong_nb.models import newest
from xiantong_nb.notebook.commands import COMMANDS
from xiantong_nb.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from xiantong_nb.notebook.commands import Place
    from xiantong_nb.notebook.line import Option

_EACH = ("TARGETS",)  # places where every further word is one of the same
# An endpoint names its models as it likes: what a line would not read as one word could bring options of its own.
_ONE_WORD = re.compile(r"\w[\w.:/@+~-]*")
_HOLDS_A_KEY = re.compile(r"(?:KEY|TOKEN)\Z")


class Offer(NamedTuple):
    """A word that can stand here, and of which kind it is, for front ends that show that."""

    text: str
    kind: str


def commands() -> list[Offer]:
    """Offer the commands of `%xiantong`."""
    return _offers("command", COMMANDS)


def flags(rows: Iterable[Option], *, given: Sequence[str]) -> list[Offer]:
    """Offer options, without those that were given and stand once."""
    there = {word.partition("=")[0] for word in given}
    return _offers("option", (row.flag for row in rows if row.repeated or row.flag not in there))


def values(row: Option, plain: Sequence[str], names: Mapping[str, Any]) -> list[Offer]:
    """Offer values of an option: its choices, or what is there of its kind; `plain` are the line's other words."""
    if row.choices:
        return _offers("value", (choice for choice in row.choices if choice != row.optional_value))
    match row.flag:
        case "--chat":
            return _chats()
        case "--model":
            return _models(_meant(plain))
        case "--key-env":
            return _offers("variable", filter(_HOLDS_A_KEY.search, session().environment))
        case "--system":
            return _offers("variable", (f"@{name}" for name in _own(names) if isinstance(names[name], str)))
    return []


def at_place(places: Sequence[Place], plain: Sequence[str], fragment: str) -> list[Offer]:
    """Offer what stands where so many plain words stand before."""
    at = len(plain)
    if places and at >= len(places) and places[-1][0] in _EACH:
        at = len(places) - 1
    if at >= len(places):
        return []
    name = places[at][0]
    found = _targets(fragment) if name in ("TARGET", "TARGETS") else _PLACES.get(name, list)()
    return [offer for offer in found if offer.text not in plain]


def of_user(owner: str, names: Mapping[str, Any]) -> list[Offer]:
    """Offer the user's variables, or what one of them, or a plain attribute of one, has; no property is computed."""
    if not owner:
        return _offers("variable", _own(names))
    first, *path = owner.split(".")
    if first not in names:
        return []
    value = names[first]
    for step in path:  # a property would be code that runs because somebody is typing
        value = inspect.getattr_static(value, step, None)
        if isinstance(value, types.MemberDescriptorType | property) or value is None:
            return []
    held = (n for n in dir(value) if not n.startswith("_") and not callable(inspect.getattr_static(value, n, None)))
    return _offers("attribute", held)


def _targets(fragment: str) -> list[Offer]:
    """Offer connections, models of the one in use, and models of the one that stands before a colon."""
    connections = {slug: c for slug, c in _connections().items() if c.fault is None}
    head = fragment.partition(":")[0]
    there, in_use = named(head, connections), _in_use()
    return [
        *_offers("connection", connections),
        *(_models(in_use) if in_use else []),
        *(Offer(f"{head}:{model.text}", model.kind) for model in (_models(there) if there else [])),
    ]


def _models(connection: Connection | None) -> list[Offer]:
    """Offer the models of a connection: those that were chosen for it, its aliases, those that were last listed."""
    if connection is None:
        return []
    preset, listing = connection.preset, session().lists.kept(connection)
    listed = listing.models if listing else ()
    aliases = [a for a in preset.aliases if preset.sure_of_aliases or newest(a, listed)]
    known = (connection.default_model, *connection.models, *preset.models, *aliases, *(model.id for model in listed))
    return _offers("model", filter(_ONE_WORD.fullmatch, dict.fromkeys(known)))


def _meant(plain: Sequence[str]) -> Connection | None:
    """Return the connection that a line is about: the one it names, one of a preset it names, or the one in use."""
    if not plain:
        return _in_use()
    if plain[0] in PRESETS:
        preset = PRESETS[plain[0]]
        return named(plain[0], _connections()) or Connection(preset.slug, preset, preset.base_url, preset.default_model)
    return named(plain[0], _connections())


def _connections() -> dict[str, Connection]:
    try:
        return session().connections()
    except XiantongError:
        return {}


def _in_use() -> Connection | None:
    try:
        target = session().default()
    except XiantongError:
        return None
    return target.connection if target else None


def _saved() -> list[Offer]:
    kept = session().here
    return _offers("connection", (s for s, c in _connections().items() if s in kept or (c.saved and not c.foreign)))


def _chats() -> list[Offer]:
    return _offers("chat", session().chats)


def _restorable() -> list[Offer]:
    store = session().store
    try:
        lost = _offers("connection", store.lost_keys())
    except XiantongError:
        lost = []
    return lost + _offers("file", store.files)


_PLACES: dict[str, Callable[[], list[Offer]]] = {
    "PRESET": lambda: _offers("preset", PRESETS),
    "CONNECTION": _saved,
    "NAME": lambda: _offers("connection", _connections()),
    "CHAT": _chats,
    "COMMAND": commands,
    "WHAT": _restorable,
}


def _own(names: Mapping[str, Any]) -> list[str]:
    """Return the names that a user gave: no modules, nothing that begins with an underscore."""
    return [n for n, value in names.items() if not n.startswith("_") and not isinstance(value, types.ModuleType)]


def _offers(kind: str, texts: Iterable[str]) -> list[Offer]:
    return [Offer(text, kind) for text in texts]
