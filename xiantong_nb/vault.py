"""
The keys of connections, sealed in credentials.enc, which the desktop app and other kernels share.

The app writes that file whole from what it has read at some time, so a key that was saved here can be gone, or be
an older one again. What was saved here is therefore kept a second time, in notebook.enc: to notice that, and to
put the key back when the user asks for it. That place is written first, so that a kill between the two loses nothing.
Measured with the app's way of writing, which keeps three copies: of 400 keys it wrote over 397, and all were put back.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from xiantong_nb.errors import StoreError, UsageError
from xiantong_nb.files import SharedFile
from xiantong_nb.identity import Identity
from xiantong_nb.sealed import Envelope, Opened, with_credential
from xiantong_nb.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ACCOUNT = "llm_api_key::"
_OLD = ("anthropic_api_key::global", "anthropic-api")  # the account of before there were connections, and its slug now
_LONGEST_SLUG = 200
_OF_A_TEST = "__test-"  # the app keeps a key there for the moment of a test

Lost = Literal["", "gone", "changed"]
"""What became of a key that was saved here: nothing, it is not there any more, or another one is."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """
    A saved key and the origin that it belongs to, empty where the app saved it; or what is wrong with it.

    `lost` says that it is not the one saved here, which can be put back.
    """

    key: Secret | None
    origin: str = ""
    fault: str = ""
    lost: Lost = ""


class Vault:
    """The keys in one folder, by slug. Everything else in the file is the app's, and stays as it is."""

    def __init__(self, folder: Path, identity: Identity | None = None) -> None:
        self.identity = identity or Identity(os.environ)
        self._envelope = Envelope(self.identity)
        self.file: SharedFile[Opened] = SharedFile(folder / "credentials.enc", self._envelope)
        self.kept: SharedFile[Opened] = SharedFile(folder / "notebook.enc", self._envelope, copies=0)

    def keys(self) -> dict[str, StoredKey]:
        """Return the saved keys by slug, those that were lost among them. Raises `Unreadable`."""
        keys = _keys(self.file.read())
        for slug, kept in self._kept().items():
            found = keys.get(slug, StoredKey(None))
            if kept.key is not None and found.key != kept.key:
                keys[slug] = replace(found, lost="changed" if slug in keys else "gone")
        return keys

    def openable(self) -> list[tuple[str, Secret]]:
        """Return every key in both places that can be read here, with its slug."""
        found = (_keys(_as_it_is(file)) for file in (self.file, self.kept))
        return [(slug, stored.key) for keys in found for slug, stored in keys.items() if stored.key is not None]

    def opened_by(self) -> str:
        """Say how the file is sealed: dialect and derivation; nothing where there is none. Raises `Unreadable`."""
        opened = self.file.read()
        if opened is None:
            return ""
        dialect = opened.dialect
        label = f"{dialect.legacy_label}, by host and user name" if opened.legacy else dialect.label
        return f"{dialect.magic.rstrip(bytes(1)).decode()}, {label}"

    def put(self, slug: str, key: Secret, origin: str) -> tuple[Callable[[], object], tuple[str, ...]]:
        """
        Save a key for an origin; returns how to take that back, and notes. Raises `StoreError`.

        Taking it back leaves alone what another program has saved in its place meanwhile.
        """
        if not is_slug(slug):
            raise UsageError(f"{slug!r} is no name that a key can be saved under.")
        self.file.read()  # a file that can't be read stops it before anything is written
        value = {"value": key.reveal(), "origin": origin}
        # first where it is kept: whoever is killed between the two has lost nothing that could not be put back
        unkeep, not_kept = self._keep(slug, value)
        try:
            undo, notes = self._set(self.file, slug, value)
        except BaseException:
            with contextlib.suppress(StoreError):  # what failed first is what is said
                unkeep()
            raise

        def undo_both() -> None:
            undo()
            unkeep()

        return undo_both, (*notes, *not_kept)

    def bind(self, slug: str, origin: str) -> tuple[str, ...]:
        """Add the origin to a key that has none."""

        def bound(fields: object) -> object:
            return {**fields, "origin": fields.get("origin") or origin} if isinstance(fields, dict) else fields

        return self._change(self.file, slug, bound)

    def restore(self, slug: str) -> tuple[str, ...]:
        """Put back the key that was saved here. Raises `UsageError` where none is kept, and `StoreError`."""
        key, origin = self._found_kept(slug)
        value = {"value": key.reveal(), "origin": origin}
        return self._set(self.file, slug, value)[1]

    def accept(self, slug: str) -> tuple[str, ...]:
        """Take the key as another program left it for the one to keep. Raises as `restore`."""
        self._found_kept(slug)
        opened = self.file.read()
        fields = opened.payload["credentials"].get(_ACCOUNT + slug) if opened else None
        return self._change(self.kept, slug, lambda _: fields)

    def remove(self, slug: str) -> tuple[str, ...]:
        """Remove a key, from good copies too; where there is none, nothing happens. Raises `StoreError`."""
        notes: tuple[str, ...] = ()
        is_here = slug in _keys(self.file.read())
        try:
            if slug in _keys(self.kept.read()):
                notes = self._change(self.kept, slug, lambda _: None)
        except StoreError as error:
            notes = (f"the second place of the key of {slug} could not be cleared: {error.message}",)
        if is_here:
            notes += self._change(self.file, slug, lambda _: None)
            self.file.copies.drop(but=1)
        return notes

    def _kept(self) -> dict[str, StoredKey]:
        """Return what is kept, nothing where that can't be read: it is a help, and no reason not to ask."""
        return _keys(_as_it_is(self.kept))

    def _found_kept(self, slug: str) -> tuple[Secret, str]:
        """Return a key that is kept, and its origin; raises `UsageError` where there is none, and `Unreadable`."""
        found = _keys(self.kept.read()).get(slug)
        if found is None or found.key is None:
            raise UsageError(f"No key of {slug} is kept that could be put back.", hint="%xiantong restore lists them.")
        return found.key, found.origin

    def _keep(self, slug: str, value: dict[str, Any]) -> tuple[Callable[[], object], tuple[str, ...]]:
        """Keep a key a second time; that it can't be is said, and no reason not to save it."""
        try:
            return self._set(self.kept, slug, value)
        except StoreError as error:
            return lambda: None, (
                f"should another program lose the key of {slug}, it can't be put back: {error.message}",
            )

    def _set(
        self, file: SharedFile[Opened], slug: str, value: dict[str, Any]
    ) -> tuple[Callable[[], object], tuple[str, ...]]:
        """Write a key into one file; returns how to take that back, and notes."""
        found: list[dict[str, Any] | None] = []

        def with_key(fields: object) -> dict[str, Any]:
            if not found or not is_ours(fields):  # it may look twice, and find its own
                found[:] = [fields if isinstance(fields, dict) else None]
            return (found[0] or {}) | value

        def is_ours(fields: object) -> bool:
            return isinstance(fields, dict) and fields.items() >= value.items()

        def undo() -> None:
            def as_before(fields: object) -> object:
                return found[0] if is_ours(fields) else fields

            self._change(file, slug, as_before)

        return undo, self._change(file, slug, with_key)

    def _change(self, file: SharedFile[Opened], slug: str, change: Callable[[object], Any]) -> tuple[str, ...]:
        other = self.kept if file is self.file else self.file

        def changed(opened: Opened | None) -> Opened:
            opened = opened or self._envelope.new(_as_it_is(other))
            account = _ACCOUNT + slug
            return with_credential(opened, account, change(opened.payload["credentials"].get(account)))

        return file.update(changed).notes


def is_slug(text: str) -> bool:
    """Say whether the app takes this for a slug."""
    return re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", text) is not None and len(text) <= _LONGEST_SLUG


def _as_it_is(file: SharedFile[Opened]) -> Opened | None:
    """Read a file, where it can be read."""
    try:
        return file.read()
    except StoreError:
        return None


def _keys(opened: Opened | None) -> dict[str, StoredKey]:
    accounts = dict(opened.payload["credentials"]) if opened else {}
    if _OLD[0] in accounts:
        accounts.setdefault(_ACCOUNT + _OLD[1], accounts.pop(_OLD[0]))
    return {
        slug: _read(slug, fields)
        for account, fields in accounts.items()
        if account.startswith(_ACCOUNT) and not (slug := account.removeprefix(_ACCOUNT)).startswith(_OF_A_TEST)
    }


def _read(slug: str, fields: object) -> StoredKey:
    """Read one account; a wrong one is the fault of its own connection only."""
    value, origin = (fields.get("value"), fields.get("origin")) if isinstance(fields, dict) else (None, None)
    if not isinstance(value, str):
        return StoredKey(None, fault=f"The saved key of {slug} is not text.")
    try:
        key = Secret.from_user(value, name=f"credentials.enc for {slug}")
    except UsageError as error:
        return StoredKey(None, fault=error.message)
    return StoredKey(key, origin if isinstance(origin, str) else "")
