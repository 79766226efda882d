"""A connection put into this process's environment for the programs that it starts, and taken out of it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from xiantong_nb.connection import Connection

NAMES = ("ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_MODEL")


class Handover:
    """
    What was put into an environment, and what stood there before.

    What was put there is ours: it is no connection of the user's own, so `before` gives the environment without it.
    """

    def __init__(self, env: MutableMapping[str, str]) -> None:
        self._env = env
        self._old: dict[str, str | None] = {}
        self._put: dict[str, str | None] = {}

    def put(self, wanted: Mapping[str, str]) -> None:
        """Set the four variables; one that is not wanted is taken out."""
        for name in NAMES:
            if name not in self._old or self._env.get(name) != self._put[name]:  # the user may have set it since
                self._old[name] = self._env.get(name)
            self._set(name, wanted.get(name) or None)
            self._put[name] = self._env.get(name)

    def undo(self) -> bool:
        """Put back what stood there before; False where nothing was put. What was changed since stays."""
        done = bool(self._old)
        for name, old in self._old.items():
            if self._env.get(name) == self._put[name]:
                self._set(name, old)
        self._old, self._put = {}, {}
        return done

    def before(self, env: Mapping[str, str]) -> Mapping[str, str]:
        """Return an environment as the user made it."""
        ours = {name for name in self._old if env.get(name) == self._put[name]}
        if not ours:
            return env
        theirs = {name: old for name in ours if (old := self._old[name]) is not None}
        return {name: value for name, value in env.items() if name not in ours} | theirs

    def _set(self, name: str, value: str | None) -> None:
        if value is None:
            self._env.pop(name, None)
        else:
            self._env[name] = value


def shown(connection: Connection, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return variables as they may be shown: the key masked."""
    key = connection.key
    return {
        name: key.shown if key is not None and value and key.is_in(value) else value for name, value in wanted.items()
    }
