"""Values of simple variables as text for a question, without any that could be a key."""

from __future__ import annotations

import re
import types
from typing import TYPE_CHECKING, Any

from xiantong_nb.secret import looks_like_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NAME = re.compile(r"[^\W\d]\w*")
_OF_KEYS = re.compile(r"key|token|secret|passw|pwd|credential|auth|cookie|bearer|private", re.IGNORECASE)
_OPAQUE = re.compile(r"(?=[A-Za-z0-9+=]*\d)(?=[A-Za-z0-9+=]*[A-Za-z])[A-Za-z0-9+=]{20,}")
_WRITTEN = re.compile(
    r"(?:passw(?:or)?d|secret|api_?key|access_?key|auth_?token|access_?token)\w*[\"']?\]?\s*[=:]\s*[\"'][^\"'\s]{8,}[\"']"
    r"|://[^/\s:@]+:[^/\s:@]{3,}@",
    re.IGNORECASE,
)
_SECRET_VARIABLE = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS)\Z", re.IGNORECASE)
_NO_WORD = 8  # characters: a shorter value of a variable would be found in ordinary words

_LONG = 200  # characters of one value
_ITEMS = 12  # of one list or dict, columns of one table
_COUNT = 30  # variables of one place
_SCALARS = (type(None), bool, int, float, complex, str)
_SHAPED = {"numpy", "pandas", "polars", "pyarrow", "scipy", "torch", "jax", "jaxlib", "tensorflow", "xarray"}


def values(source: str, local: Mapping[str, Any], secret: Callable[[str], bool]) -> tuple[dict[str, str], list[str]]:
    """
    Return the variables that some code names, as (text by name, names that were left out).

    Left out is what by its name or its text could be a key; `secret` says whether a text holds a known one. A value of
    a type that is not Python's own is told by its type, and its shape where it has one: no code of others runs.
    """
    named = dict.fromkeys(name for name in _NAME.findall(source) if name in local and not name.startswith("_"))
    told: dict[str, str] = {}
    left_out: list[str] = []
    for name in named:
        text = _text(local[name])
        if not text:
            continue
        if _OF_KEYS.search(name) or _holds_a_key(local[name], text, secret):
            left_out.append(name)
        elif len(told) < _COUNT:
            told[name] = text if len(text) <= _LONG else f"{text[:_LONG]} … ({len(text):,} characters)"
    return told, left_out


def has_key(text: str) -> bool:
    """Say whether code or a message holds a key by its shape, a password given to such a name, or one in a URL."""
    return looks_like_key(text) or _WRITTEN.search(text) is not None


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """Return the values of the variables that, by their names, hold keys or passwords; where one is, is no secret."""
    named = (value for name, value in environment.items() if _SECRET_VARIABLE.search(name))
    return [value for value in named if len(value) >= _NO_WORD and not value.startswith(("/", "~", "."))]


def _holds_a_key(value: Any, text: str, secret: Callable[[str], bool]) -> bool:
    named = isinstance(value, dict) and any(isinstance(key, str) and _OF_KEYS.search(key) for key in value)
    return named or has_key(text) or _OPAQUE.search(text) is not None or secret(text)


def _text(value: Any) -> str:
    """Return a value as text; nothing for what is code, not data."""
    kind = type(value)
    if kind in _SCALARS:
        return repr(value)
    if kind in (list, tuple, set, frozenset, dict):
        inside = [*value.keys(), *value.values()] if kind is dict else list(value)
        if len(value) <= _ITEMS and all(type(each) in _SCALARS for each in inside):
            return repr(value)
        return f"{kind.__name__} of {len(value):,}"
    if kind in (bytes, bytearray):
        return f"{kind.__name__} of {len(value):,}"
    if kind.__module__.partition(".")[0] in _SHAPED:
        return _shape(value)
    return "" if callable(value) or isinstance(value, types.ModuleType) else f"a {kind.__module__}.{kind.__qualname__}"


def _shape(value: Any) -> str:
    """Tell an array or a table by what it looks like, not by what is in it."""
    told = f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"
    shape, dtype, columns = (getattr(value, name, None) for name in ("shape", "dtype", "columns"))
    if isinstance(shape, tuple):
        told += f", shape {tuple(shape)}"
    if dtype is not None and len(str(dtype)) < _LONG:
        told += f", {dtype}"
    if columns is not None:
        named = [str(column) for column in columns]
        told += f", columns {', '.join(named[:_ITEMS])}{', …' if len(named) > _ITEMS else ''}"
    return told
