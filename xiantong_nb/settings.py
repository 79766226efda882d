"""
The settings that every kernel and the desktop app share: config.json, and notebook.json beside it.

config.json is the app's: only `llmConnections[]` and `defaultLlmConnection` are touched, everything else, and its
order, is kept. notebook.json holds, by slug, what the app would drop from an entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xiantong_nb import strict_json
from xiantong_nb.errors import UsageError
from xiantong_nb.files import Damaged, SharedFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Json = dict[str, Any]

_LIST, _DEFAULT = "llmConnections", "defaultLlmConnection"
_OWN = "connections"
# without these the app's validator takes the whole file for none
_REQUIRED: Json = {"workspaces": [], "activeWorkspaceId": None, "activeSessionId": None}


class JsonObject:
    """
    The form of both files: one JSON object, UTF-8, indented by two as the app writes it.

    `member` is the one member that is read here, which must be of this kind where it is there.
    """

    def __init__(self, member: str, kind: type) -> None:
        self._member, self._kind = member, kind

    def decode(self, data: bytes) -> Json:
        """Read it; raises `Damaged` for anything that the app's own JSON reader would refuse or misread."""
        value = strict_json.read(data)
        if not isinstance(value, dict):
            raise Damaged("it is not a JSON object")
        if not isinstance(value.get(self._member, self._kind()), self._kind):
            raise Damaged(f"its {self._member} are no {self._kind.__name__}")
        return value

    def encode(self, value: Json) -> bytes:
        """Write it strictly: what Python alone would read back must not get into a shared file."""
        return strict_json.write(value, indent=2)


class Settings:
    """Saved connections as they stand in the files; what they mean is for others."""

    def __init__(self, folder: Path) -> None:
        self.config: SharedFile[Json] = SharedFile(folder / "config.json", JsonObject(_LIST, list))
        self.own_file: SharedFile[Json] = SharedFile(folder / "notebook.json", JsonObject(_OWN, dict))

    def entries(self) -> dict[str, Json]:
        """Return the entries by slug; of two with one slug the first, as the app does. Raises `Unreadable`."""
        found: dict[str, Json] = {}
        for entry in (self.config.read() or {}).get(_LIST, []):
            if slug := _slug(entry):
                found.setdefault(slug, entry)
        return found

    def own(self) -> dict[str, Any]:
        """Return what notebook.json holds, by slug. Raises `Unreadable`."""
        return dict((self.own_file.read() or {}).get(_OWN, {}))

    def default(self) -> str:
        """Return the slug that everyone asks when nothing is named, or nothing."""
        slug = (self.config.read() or {}).get(_DEFAULT)
        return slug if isinstance(slug, str) else ""

    def put(self, slug: str, change: Callable[[Json | None], Json], own: Json, *, default: bool) -> tuple[str, ...]:
        """
        Write the entry of `slug`, made by `change` from what stands there, and what notebook.json has of it.

        The first connection becomes the default, another one where `default` says so. Returns notes worth
        showing. Raises `StoreError`; then config.json is as it was.
        """

        def with_entry(config: Json | None) -> Json:
            made = dict(config or {})
            entries = made.get(_LIST, [])
            at = _index(entries, slug)
            entry = change(entries[at] if at is not None else None)
            made[_LIST] = [*entries, entry] if at is None else [*entries[:at], entry, *entries[at + 1 :]]
            if default:
                made[_DEFAULT] = slug
            elif _index(made[_LIST], made.get(_DEFAULT)) is None:  # the app's writers mend it so, too
                made[_DEFAULT] = _first(made[_LIST])
            return {**made, **{name: value for name, value in _REQUIRED.items() if name not in made}}

        before = self.own().get(slug, {})
        notes = self._put_own(slug, own)
        try:
            return (*notes, *self.config.update(with_entry).notes)
        except BaseException:
            self._put_own(slug, before)
            raise

    def change(self, slug: str, change: Callable[[Json], Json], *, default: bool = False) -> tuple[str, ...]:
        """Change one entry that exists; raises `UsageError` when another program has removed it meanwhile."""

        def changed(config: Json | None) -> Json:
            made = dict(config or {})
            entries = made.get(_LIST, [])
            at = _index(entries, slug)
            if at is None:
                raise UsageError(f"{slug} is not saved any more.", hint="%xiantong list shows what is.")
            made[_LIST] = [*entries[:at], change(entries[at]), *entries[at + 1 :]]
            return made | ({_DEFAULT: slug} if default else {})

        return self.config.update(changed).notes

    def remove(self, slug: str) -> tuple[str, ...]:
        """Remove an entry; where it was the default, the first that remains is."""

        def without(config: Json | None) -> Json:
            made = dict(config or {})
            made[_LIST] = [entry for entry in made.get(_LIST, []) if _slug(entry) != slug]
            if made.get(_DEFAULT) == slug:
                del made[_DEFAULT]
                if first := _first(made[_LIST]):
                    made[_DEFAULT] = first
            return made

        notes = self.config.update(without).notes
        return (*notes, *self._put_own(slug, {}))

    def _put_own(self, slug: str, own: Json) -> tuple[str, ...]:
        """Write what notebook.json has of a connection; nothing to write, and nothing there, makes no file."""
        if self.own().get(slug, {}) == own:
            return ()

        def with_own(file: Json | None) -> Json:
            made = dict(file or {})
            kept = {name: value for name, value in made.get(_OWN, {}).items() if name != slug}
            return made | {_OWN: kept | ({slug: own} if own else {})}

        return self.own_file.update(with_own).notes


def _slug(entry: object) -> str:
    slug = entry.get("slug") if isinstance(entry, dict) else None
    return slug if isinstance(slug, str) else ""


def _index(entries: list[Any], slug: object) -> int | None:
    return next((n for n, entry in enumerate(entries) if slug and _slug(entry) == slug), None)


def _first(entries: list[Any]) -> str:
    return next((slug for entry in entries if (slug := _slug(entry))), "")
