"""Many prompts from what data scientists hold: lists, columns of data frames, templates with columns as values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xiantong_nb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FIELD = re.compile(r"\{\{(?P<plain>[^{}\n]*)\}\}|\{(?P<name>[^{}\n]*)\}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question of a table; `values` are what its template was filled with, by column."""

    text: str
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)


def prompts_in(given: object, data: object = None) -> list[Prompt]:
    """
    Read the prompts of a table.

    `given` is text, or something to iterate over that holds texts, such as a list or a Series; with `data` it is a
    template, and `data` a DataFrame (pandas, polars), a dict of columns, or a list of dicts: `{column}` stands for
    the row's value, `{{column}}` for itself, and other braces for themselves. Raises `UsageError` for what is no text,
    a value that is missing, or a name that is no column.
    """
    if data is not None:
        if not isinstance(given, str):
            msg = f"With data, the prompt is a template, not {type(given).__name__}."
            raise UsageError(msg, hint='compare("Translate {text}", targets, data=frame)')
        return _filled(given, _columns(data))
    if isinstance(given, str):
        return [Prompt(_text(given, 0))]
    if _has_columns(given):
        hint = 'Name one, frame["text"], or write a template: compare("Translate {text}", targets, data=frame)'
        raise UsageError("A frame has several columns: which one holds the prompts is not known.", hint=hint)
    try:
        rows = list(given)  # type: ignore[call-overload]  # what can't be iterated over is told below
    except TypeError:
        raise UsageError(f"Prompts are a list of texts, not {type(given).__name__}.") from None
    if not rows:
        raise UsageError("There are no prompts to ask.")
    return [Prompt(_text(text, at)) for at, text in enumerate(rows)]


def filled(template: str, values: Mapping[str, Any]) -> str:
    """Put values in the place of their names; what is put in is not looked at again, and other braces stay."""

    def put(found: re.Match[str]) -> str:
        plain, name = found["plain"], found["name"]
        if plain is not None:
            return f"{{{plain}}}" if plain in values else found[0]
        return str(values[name]) if name in values else found[0]

    return _FIELD.sub(put, template)


def names_in(template: str) -> list[str]:
    """Return what a template names in braces, where that could be a name."""
    return [m["name"] for m in _FIELD.finditer(template) if m["name"] and m["name"].isidentifier()]


def _filled(template: str, columns: Mapping[str, list[Any]]) -> list[Prompt]:
    named = [name for name in columns if f"{{{name}}}" in template]
    if unknown := [name for name in names_in(template) if name not in columns]:
        msg = f"The template names {{{unknown[0]}}}, which is no column."
        raise UsageError(msg, hint=f"Columns are {', '.join(columns)}. For the braces themselves: {{{{{unknown[0]}}}}}")
    if not named:
        raise UsageError("The template names no column.", hint=f"Columns are {', '.join(columns)}, as {{name}}.")
    count = len(columns[named[0]])
    if not count:
        raise UsageError("There are no prompts to ask: the columns are empty.")
    made = []
    for at in range(count):
        values = {name: columns[name][at] for name in columns}
        for name in named:
            if _is_missing(values[name]):
                raise UsageError(f"Row {at} has no value for {{{name}}}.", hint="Drop such rows first.")
        made.append(Prompt(_text(filled(template, values), at), {name: _plain(values[name]) for name in columns}))
    return made


def _columns(data: object) -> dict[str, list[Any]]:
    """Return data as lists by column."""
    try:
        if isinstance(data, list | tuple) and data and all(isinstance(row, dict) for row in data):
            return {str(name): [row.get(name) for row in data] for name in data[0]}
        names: Iterable[Any] = data if isinstance(data, dict) else data.columns  # type: ignore[attr-defined]
        columns = {str(name): list(data[name]) for name in names}  # type: ignore[index]
    except (AttributeError, TypeError, KeyError):
        msg = f"data is a DataFrame, a dict of columns or a list of dicts, not {type(data).__name__}."
        raise UsageError(msg) from None
    if len({len(column) for column in columns.values()}) > 1:
        raise UsageError("The columns of data are not of one length.")
    return columns


def _has_columns(given: object) -> bool:
    return isinstance(given, dict) or hasattr(given, "columns")


def _text(text: object, at: int) -> str:
    """Return what is a question; raises `UsageError` for what is none."""
    if _is_missing(text):
        raise UsageError(f"Prompt {at} is missing.", hint="Drop such rows first.")
    if not isinstance(text, str):
        raise UsageError(f"Prompt {at} is no text but {type(text).__name__}.", hint="str(...) makes text of it.")
    if not text.strip():
        raise UsageError(f"Prompt {at} is empty.", hint="Drop such rows first.")
    return str(text)


def _is_missing(value: object) -> bool:
    """Whether there is no value: None, a NaN, and what pandas has in their place."""
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124  # what is no number equals nothing, not even itself
    except (TypeError, ValueError):
        return type(value).__name__ == "NAType"


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it: numbers of numpy as Python's, anything else as text."""
    value = value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
