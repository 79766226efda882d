"""Connections that environment variables alone make, for this process, saved nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xiantong_nb.base_url import is_loopback, normalised, refuse_clear_text
from xiantong_nb.connection import Connection
from xiantong_nb.errors import UsageError, bare
from xiantong_nb.presets import PRESETS, Preset
from xiantong_nb.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping


def from_environment(env: Mapping[str, str]) -> dict[str, Connection]:
    """
    Return the connections that environment variables alone make, by slug.

    A preset's key goes to its own base URL, or to the one in the variable that belongs to the same preset:
    that is the user's own choice. Where a value can't be used, the connection has a `fault` that names the variable.
    """
    found = {}
    for preset in PRESETS.values():
        try:
            made = _from_variables(preset, env)
        except UsageError as error:
            fault = bare(error)
            made = Connection(preset.slug, preset, preset.base_url, preset.default_model, fault=fault, name=preset.name)
        if made is not None:
            found[preset.slug] = made
    return found


def _from_variables(preset: Preset, env: Mapping[str, str]) -> Connection | None:
    variable = preset.base_url_variable
    given = env.get(variable, "").strip() if variable else ""
    base_url = normalised(given, name=variable) if given else preset.base_url
    name, header = next(
        ((name, header) for name, header in preset.key_variables if env.get(name, "").strip()),
        ("", preset.auth_header),
    )
    if not name and not given:
        return None
    if not name and not is_loopback(base_url):
        keys = " or ".join(name for name, _ in preset.key_variables)
        msg = f"{variable} is on another machine, and no key is set for it."
        raise UsageError(msg, hint=f"Set {keys} too; only a server on this machine is asked without a key.")
    key = Secret.from_user(env[name], name=name) if name else None
    if key is not None:
        refuse_clear_text(base_url, name=variable)
    return Connection(
        slug=preset.slug,
        preset=preset,
        base_url=base_url,
        default_model=env.get(preset.model_variable, "").strip() or preset.default_model,
        auth_header=header,
        key=key,
        key_from=name,
        name=preset.name,
    )
