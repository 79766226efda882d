"""The keys of connections, sealed in credentials.enc, which the desktop app and other kernels share."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xiantong_nb.errors import UsageError
from xiantong_nb.files import Saved, SharedFile
from xiantong_nb.identity import Identity
from xiantong_nb.sealed import Envelope, Opened, with_credential
from xiantong_nb.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ACCOUNT = "llm_api_key::"
_LONGEST_SLUG = 200
_OF_A_TEST = "__test-"  # the app keeps a key there for the moment of a test


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A saved key and the origin that it belongs to, empty where the app saved it; or what is wrong with it."""

    key: Secret | None
    origin: str
    fault: str = ""


class Vault:
    """The keys in one folder, by slug. Everything else in the file is the app's, and stays as it is."""

    def __init__(self, folder: Path, identity: Identity | None = None) -> None:
        self._envelope = Envelope(identity or Identity(os.environ))
        self.file: SharedFile[Opened] = SharedFile(folder / "credentials.enc", self._envelope)

    def keys(self) -> dict[str, StoredKey]:
        """Return the saved keys by slug. Raises `Unreadable`."""
        opened = self.file.read()
        accounts = opened.payload["credentials"] if opened else {}
        return {
            slug: _read(slug, fields)
            for account, fields in accounts.items()
            if account.startswith(_ACCOUNT) and not (slug := account.removeprefix(_ACCOUNT)).startswith(_OF_A_TEST)
        }

    def put(self, slug: str, key: Secret, origin: str) -> tuple[Callable[[], object], tuple[str, ...]]:
        """
        Save a key for an origin; returns how to take that back, and notes. Raises `StoreError`.

        Taking it back leaves alone what another program has saved in its place meanwhile.
        """
        if not is_slug(slug):
            raise UsageError(f"{slug!r} is no name that a key can be saved under.")
        before: dict[str, Any] | None = None
        value = {"value": key.reveal(), "origin": origin}

        def with_key(fields: object) -> dict[str, Any]:
            nonlocal before
            before = fields if isinstance(fields, dict) else None
            return (before or {}) | value

        def undo() -> None:
            def as_before(fields: object) -> object:
                mine = isinstance(fields, dict) and fields.items() >= value.items()
                return before if mine else fields

            self._change(slug, as_before)

        return undo, self._change(slug, with_key).notes

    def bind(self, slug: str, origin: str) -> tuple[str, ...]:
        """Add the origin to a key that has none."""

        def bound(fields: object) -> object:
            return {**fields, "origin": fields.get("origin") or origin} if isinstance(fields, dict) else fields

        return self._change(slug, bound).notes

    def remove(self, slug: str) -> tuple[str, ...]:
        """Remove a key; where there is none, nothing happens. Raises `StoreError`."""
        if self.file.read() is None:
            return ()
        return self._change(slug, lambda _: None).notes

    def _change(self, slug: str, change: Callable[[object], Any]) -> Saved[Opened]:
        def changed(opened: Opened | None) -> Opened:
            opened = opened or self._envelope.new()
            account = _ACCOUNT + slug
            return with_credential(opened, account, change(opened.payload["credentials"].get(account)))

        return self.file.update(changed)


def is_slug(text: str) -> bool:
    """Say whether the app takes this for a slug."""
    return re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", text) is not None and len(text) <= _LONGEST_SLUG


def _read(slug: str, fields: object) -> StoredKey:
    """Read one account; a wrong one is the fault of its own connection only."""
    value, origin = (fields.get("value"), fields.get("origin")) if isinstance(fields, dict) else (None, None)
    if not isinstance(value, str):
        return StoredKey(None, "", f"The saved key of {slug} is not text.")
    try:
        key = Secret.from_user(value, name=f"credentials.enc for {slug}")
    except UsageError as error:
        return StoredKey(None, "", error.message)
    return StoredKey(key, origin if isinstance(origin, str) else "")
