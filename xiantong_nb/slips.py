"""
What the page of a form may ask: one slip each, checked for form and size before anything is done with it.

The key is no part of a slip. It is taken off the message first and kept apart, so that nothing that is handed on,
compared or shown holds it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from xiantong_nb.draft import Draft, Problem
from xiantong_nb.entry import Images
from xiantong_nb.errors import UsageError, bare
from xiantong_nb.presets import AuthHeader, Wire
from xiantong_nb.secret import Secret, cleaned, looks_like_key

VERSION = 1
_KEY = "api_key"
_LONGEST_KEY = 10_000  # characters, with what comes along when one is pasted

Text = Annotated[str, Meta(max_length=2000)]
Id = Annotated[int, Meta(ge=0, le=2**53)] | Annotated[str, Meta(min_length=1, max_length=64)]


class Described(Struct, frozen=True, forbid_unknown_fields=True):
    """A connection as a form describes it: a Draft without its key. `slug` is that of the saved one being edited."""

    slug: Text = ""
    preset: Text = ""
    base_url: Text = ""
    name: Text = ""
    model: Text = ""
    api: Literal["", Wire] = ""
    auth_header: Literal["", AuthHeader] | None = None
    images: Images = ""
    key_variable: Text = ""
    no_key: bool = False
    allow_http: bool | None = None
    ask_key: bool = False

    def draft(self, key: Secret | None = None) -> Draft:
        """Return it as a Draft, with its key, if there is one."""
        said = msgspec.structs.asdict(self)
        del said["slug"]
        return Draft(**said | {"auth_header": self.auth_header or None, "key": key})

    def wrong(self) -> Problem | None:
        """Return what no field may hold: a key that belongs into its own, or characters that can't be seen."""
        for name in ("preset", "base_url", "name", "model", "key_variable"):
            text, field = getattr(self, name), _FIELDS.get(name, "key")
            if looks_like_key(text):
                return Problem(field, "That looks like a key.", "It goes into the field of the key, and nowhere else.")
            if not text.isprintable():
                return Problem(field, "That holds characters that can't be seen.", "Type it, or copy it again.")
        return None


_FIELDS: dict[str, Any] = {name: name for name in ("preset", "base_url", "name", "model")}


class Slip(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag=str.lower):
    """One request; its answer carries `id`, as `re`. The messages are the protocol's, in lower case."""

    v: Literal[1]
    id: Id


class Hello(Slip, frozen=True):
    """A page shows the form, and wants to know whether a kernel is behind it."""


class Reload(Slip, frozen=True):
    """What there is now."""


class Check(Slip, frozen=True):
    """Whether this is a connection, as far as one can say without asking anybody."""

    draft: Described


class Models(Slip, frozen=True):
    """Which models it lists. `of` is an earlier test, whose key may be used again at the same endpoint."""

    draft: Described
    of: Id | None = None


class Test(Slip, frozen=True):
    """Whether it answers: either a draft (`of` as for Models), or the saved connection `slug` as it is."""

    draft: Described | None = None
    slug: Text = ""
    of: Id | None = None


class Save(Slip, frozen=True):
    """Save what was tested as `of`, or, `untested`, what is described."""

    draft: Described
    of: Id | None = None
    default: bool = False
    untested: bool = False


class Cancel(Slip, frozen=True):
    """End the request `of`, and forget the key that came with it."""

    of: Id


class Use(Slip, frozen=True):
    """Ask this target from now on; `default` means everyone."""

    target: Text
    default: bool = False


class Remove(Slip, frozen=True):
    """Remove a connection and its key."""

    slug: Text


class Rename(Slip, frozen=True):
    """Change the name that is shown."""

    slug: Text
    name: Text


_ANY = Hello | Reload | Check | Models | Test | Save | Cancel | Use | Remove | Rename
_WITH_KEY = (Models, Test, Save)


@dataclass(frozen=True, slots=True)
class Typed:
    """What came for the key: the key as it can be sent, with notes on what was around it, or why it is none."""

    key: Secret | None = None
    notes: tuple[str, ...] = ()
    fault: UsageError | None = None

    def __bool__(self) -> bool:
        return self.key is not None or self.fault is not None


def typed(message: object) -> Typed:
    """Take the key out of a message, which no longer holds it then; an empty one is none. Never raises."""
    text = message.pop(_KEY, "") if isinstance(message, dict) else ""
    if text in ("", None):
        return Typed()
    if not isinstance(text, str) or len(text) > _LONGEST_KEY:
        return Typed(fault=UsageError("What was entered is no key.", hint="Copy the key alone."))
    try:
        return Typed(*cleaned(text, name="the field"))
    except UsageError as error:
        return Typed(fault=bare(error))


def id_of(message: object) -> int | str | None:
    """Return the id that an answer can carry, or None where there is none."""
    try:
        return msgspec.convert(message.get("id"), Id) if isinstance(message, dict) else None
    except ValueError:
        return None


def read(message: object, key: Typed) -> Slip:
    """Read a message whose key was taken out. Raises `UsageError`, which quotes nothing of it, for what it can't be."""
    try:
        slip: Slip = msgspec.convert(message, _ANY)
    except ValueError as error:  # of the form, or half a character; its text may quote what stands there
        place = re.search(r" - at `\$\.?([\w.]*)`$", str(error))
        where = f", at {place[1]}" if place and place[1] else ""
        raise _foreign(f"The page sent something that this version does not know{where}.") from None
    if key and not isinstance(slip, _WITH_KEY):
        raise _foreign("The page sent a key where none belongs.")
    return slip


def _foreign(message: str) -> UsageError:
    return UsageError(message, hint="Reload the page and run the cell again.")
