"""
What is saved: connections with their keys, in the files that kernels and the desktop app share.

    config.json + notebook.json (settings) + credentials.enc + notebook.enc (vault) --entry.read--> Connection
    Connection --entry.write--> both: the key first, and taken back when the settings can't be written
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from xiantong_nb import entry as entries
from xiantong_nb.base_url import origin, without_version
from xiantong_nb.errors import StoreError, bare
from xiantong_nb.settings import Settings
from xiantong_nb.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from xiantong_nb.connection import Connection, Target
    from xiantong_nb.entry import Images
    from xiantong_nb.files import SharedFile
    from xiantong_nb.secret import Secret
    from xiantong_nb.settings import Json
    from xiantong_nb.vault import StoredKey


class Store:
    """The connections saved in one folder. Reading takes no lock; every change is one locked replacement."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = environment
        self._settings = Settings(folder)
        self._vault = Vault(folder)
        self.identity = self._vault.identity
        files = (self._settings.config, self._settings.own_file, self._vault.file, self._vault.kept)
        self.files: dict[str, SharedFile[Any]] = {file.path.name: file for file in files}

    def connections(self) -> dict[str, Connection]:
        """
        Return the saved connections by slug, those of the app alone among them.

        Raises `Unreadable` where the settings can't be read. Where only the keys can't, the connections that
        need one have that as their fault.
        """
        found, own = self._settings.entries(), self._settings.own()
        if not found:
            return {}
        keys: Mapping[str, StoredKey] | StoreError
        try:
            keys = self._vault.keys()
        except StoreError as error:
            keys = bare(error)
        return {slug: entries.read(raw, own.get(slug), keys, self._environment) for slug, raw in found.items()}

    def default(self) -> str:
        """Return the slug that everyone asks when nothing is named, or nothing. Raises `Unreadable`."""
        return self._settings.default()

    def put(
        self, connection: Connection, *, images: Images = "", default: bool = False, tested: bool = False
    ) -> tuple[str, ...]:
        """
        Save a connection with its key; `tested` notes that a test has just passed.

        Returns notes worth showing. Raises `StoreError`: then nothing has changed.
        """
        slug, now = connection.slug, _now()
        before = self.connections().get(slug)
        moved = before is not None and without_version(before.base_url) != without_version(connection.base_url)

        def write(raw: Json | None) -> Json:
            kept = {name: value for name, value in (raw or {}).items() if not (moved and name in _OF_AN_ENDPOINT)}
            written = entries.write(kept, connection, images=images, now=now)
            return written | ({"lastUsedAt": now} if tested else {})

        own = entries.write_own(connection)
        if connection.key is None or connection.key_variable:
            notes = self._settings.put(slug, write, own, default=default)
            return (*notes, *self._forget_key(slug))
        undo, notes = self._vault.put(slug, connection.key, origin(connection.base_url))
        with _undone(undo):
            return (*notes, *self._settings.put(slug, write, own, default=default))

    def adopt(self, raw: Json, key: Secret | None, base_url: str) -> tuple[str, ...]:
        """
        Save a new entry as it is, with its key, if it has one.

        Returns notes worth showing. Raises `StoreError`: then nothing has changed.
        """
        undo, notes = self._vault.put(raw["slug"], key, origin(base_url)) if key else (_nothing, ())
        with _undone(undo):
            return (*notes, *self._settings.put(raw["slug"], lambda _: raw, {}, default=False))

    def config(self) -> Json | None:
        """Return the whole of config.json, None where there is none. Raises `Unreadable`."""
        return self._settings.config.read()

    def keys(self) -> dict[str, StoredKey]:
        """Return the saved keys, by slug. Raises `Unreadable`."""
        return self._vault.keys()

    def openable_keys(self) -> list[tuple[str, Secret]]:
        """Return every key that can be opened, with its slug, whoever saved it and whether or not it can be used."""
        return self._vault.openable()

    def remove(self, slug: str) -> tuple[str, ...]:
        """Remove a connection and its key; raises `StoreError` with the key still there when that can't be written."""
        return (*self._vault.remove(slug), *self._settings.remove(slug))

    def rename(self, slug: str, name: str) -> tuple[str, ...]:
        """Change the name that is shown; the slug never changes, since the app's sessions hold on to it."""
        return self._settings.change(slug, lambda raw: {**raw, "name": name})

    def use(self, target: Target, *, model: bool) -> tuple[str, ...]:
        """Make a connection everyone's default, and the target's model that connection's where `model` says so."""

        def chosen(raw: Json) -> Json:
            return entries.with_default_model(raw, target.model) if model else raw

        return self._settings.change(target.connection.slug, chosen, default=True)

    def tested(self, slug: str) -> tuple[str, ...]:
        """Note that a test has just passed."""
        return self._settings.change(slug, lambda raw: {**raw, "lastUsedAt": _now()})

    def lost_keys(self) -> dict[str, StoredKey]:
        """Return the keys, by slug, that were saved here and that another program removed or changed."""
        return {slug: stored for slug, stored in self.keys().items() if stored.lost}

    def restore_key(self, slug: str) -> tuple[str, ...]:
        """Put back the key that was saved here. Raises `UsageError` where none is kept, and `StoreError`."""
        return self._vault.restore(slug)

    def accept_key(self, slug: str) -> tuple[str, ...]:
        """Keep from now on what another program left of a key. Raises as `restore_key`."""
        return self._vault.accept(slug)

    def opened_by(self) -> str:
        """Say which dialect and derivation the file of keys is sealed with; nothing where there is none."""
        return self._vault.opened_by()

    def bind(self, connection: Connection) -> tuple[str, ...]:
        """Note for which endpoint a key is that was saved without saying so."""
        return self._vault.bind(connection.slug, origin(connection.base_url))

    def _forget_key(self, slug: str) -> tuple[str, ...]:
        """Remove a key that the connection no longer uses; that it can't be is no reason not to save."""
        try:
            return self._vault.remove(slug)
        except StoreError as error:
            return (f"A key of {slug} that is no longer used could not be removed: {error.message}",)


@contextlib.contextmanager
def _undone(undo: Callable[[], object]) -> Iterator[None]:
    """Take back what came before, if what comes now fails; what failed first is what is said."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(StoreError):
            undo()
        raise


def _nothing() -> None:
    """Nothing came before."""


_OF_AN_ENDPOINT = ("models", "modelSelectionMode", "customEndpoint", "lastUsedAt")


def _now() -> int:
    """Return the time in ms since 1970, as the app writes it."""
    return time.time_ns() // 1_000_000
