"""
Whether a value fits a JSON schema: the keywords of draft 2020-12 that describe data, each one function.

What can't be judged is refused beforehand, by `schema.checked`, and never passed over. `format` and the like only
describe, as in the standard. Tested against the package jsonschema, which comes with none of our dependencies.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from xiantong_nb.schema import is_number, resolved

Found = Iterator[tuple[str, str]]
"""Where something does not fit (`.items[2]`), and how."""


_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "number": is_number,
    "integer": lambda v: is_number(v) and v == math.floor(v),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}


def misfits(value: Any, schema: dict[str, Any], most: int = 5) -> list[str]:
    """Say, in at most so many sentences, how a JSON value does not fit a checked schema; nothing where it does."""
    try:
        found = [f"${where}: {what}" for where, what in _judge(value, schema, schema)]
    except RecursionError:
        return ["$: is nested too deeply, or the schema refers to itself"]
    return found[:most]


def _judge(value: Any, schema: Any, root: dict[str, Any]) -> Found:
    if isinstance(schema, bool):
        if not schema:
            yield "", "nothing may stand here"
        return
    for keyword, argument in schema.items():
        if keyword in _KEYWORDS:
            yield from _KEYWORDS[keyword](value, argument, schema, root)


def _fits(value: Any, schema: Any, root: dict[str, Any]) -> bool:
    return next(_judge(value, schema, root), None) is None


def _within(step: str, found: Found) -> Found:
    for where, what in found:
        yield step + where, what


def _types(value: Any, names: Any, *_: Any) -> Found:
    names = [names] if isinstance(names, str) else names
    if not any(_TYPES[name](value) for name in names):
        yield "", f"is {_brief(value)}, not of type {' or '.join(names)}"


def _bound(word: str, holds: Callable[[Any, Any], bool], size: Callable[[Any], Any], kind: str) -> Callable[..., Found]:
    """Return a keyword that compares a size with a figure, for values of one type."""

    def judge(value: Any, figure: Any, *_: Any) -> Found:
        if _TYPES[kind](value) and not holds(size(value), figure):
            yield "", f"is {_brief(value)}, {word} {figure}"

    return judge


def _properties(value: Any, named: Any, _: Any, root: dict[str, Any]) -> Found:
    for name, schema in named.items():
        if isinstance(value, dict) and name in value:
            yield from _within(f".{name}", _judge(value[name], schema, root))


def _required(value: Any, names: Any, *_: Any) -> Found:
    for name in names:
        if isinstance(value, dict) and name not in value:
            yield "", f"{name} is missing"


def _patterned(value: Any, patterns: Any, _: Any, root: dict[str, Any]) -> Found:
    for name in value if isinstance(value, dict) else ():
        for pattern, schema in patterns.items():
            if re.search(pattern, name):
                yield from _within(f".{name}", _judge(value[name], schema, root))


def _additional(value: Any, schema: Any, beside: Any, root: dict[str, Any]) -> Found:
    for name in value if isinstance(value, dict) else ():
        known = name in beside.get("properties", {})
        if not known and not any(re.search(p, name) for p in beside.get("patternProperties", {})):
            if schema is False:
                yield "", f"{name} is not foreseen"
            else:
                yield from _within(f".{name}", _judge(value[name], schema, root))


def _items(value: Any, schema: Any, beside: Any, root: dict[str, Any]) -> Found:
    if isinstance(value, list):
        first = len(beside.get("prefixItems", ()))
        for at, item in enumerate(value[first:], first):
            yield from _within(f"[{at}]", _judge(item, schema, root))


def _prefix(value: Any, schemas: Any, _: Any, root: dict[str, Any]) -> Found:
    for at, (item, schema) in enumerate(zip(value, schemas, strict=False) if isinstance(value, list) else ()):
        yield from _within(f"[{at}]", _judge(item, schema, root))


def _contains(value: Any, schema: Any, beside: Any, root: dict[str, Any]) -> Found:
    if isinstance(value, list):
        count = sum(_fits(item, schema, root) for item in value)
        if not beside.get("minContains", 1) <= count <= beside.get("maxContains", len(value)):
            yield "", f"holds {count} of the items that it must hold"


def _unique(value: Any, wanted: Any, *_: Any) -> Found:
    if wanted and isinstance(value, list) and any(_same(a, b) for n, a in enumerate(value) for b in value[:n]):
        yield "", "holds an item twice"


def _dependent(value: Any, groups: Any, *_: Any) -> Found:
    for name, others in groups.items():
        for other in others if isinstance(value, dict) and name in value else ():
            if other not in value:
                yield "", f"{other} is missing beside {name}"


def _all_of(value: Any, schemas: Any, _: Any, root: dict[str, Any]) -> Found:
    for schema in schemas:
        yield from _judge(value, schema, root)


def _some_of(value: Any, schemas: Any, root: dict[str, Any], *, one: bool) -> Found:
    count = sum(_fits(value, schema, root) for schema in schemas)
    if not count:
        nearest = min((list(_judge(value, schema, root)) for schema in schemas), key=len)
        yield from nearest[:1]
    elif one and count > 1:
        yield "", f"{_brief(value)} fits {count} forms of which only one may fit"


def _if(value: Any, schema: Any, beside: Any, root: dict[str, Any]) -> Found:
    yield from _judge(value, beside.get("then" if _fits(value, schema, root) else "else", True), root)


def _not(value: Any, schema: Any, _: Any, root: dict[str, Any]) -> Found:
    if _fits(value, schema, root):
        yield "", f"{_brief(value)} is what it must not be"


def _names(value: Any, schema: Any, _: Any, root: dict[str, Any]) -> Found:
    for name in value if isinstance(value, dict) else ():
        yield from _judge(name, schema, root)


def _one_of_these(value: Any, allowed: Any, *_: Any) -> Found:
    if not any(_same(value, each) for each in allowed):
        yield "", f"is {_brief(value)}, none of {', '.join(map(_brief, allowed))}"


def _multiple(value: Any, of: Any, *_: Any) -> Found:
    if is_number(value) and (value / of) % 1:
        yield "", f"is {_brief(value)}, no multiple of {of}"


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]} …"  # noqa: PLR2004  # it is a sentence for people


_KEYWORDS: dict[str, Callable[..., Found]] = {
    "type": _types,
    "enum": _one_of_these,
    "const": lambda value, only, *_: _one_of_these(value, [only]),
    "multipleOf": _multiple,
    "maximum": _bound("more than", lambda a, b: a <= b, lambda v: v, "number"),
    "exclusiveMaximum": _bound("not less than", lambda a, b: a < b, lambda v: v, "number"),
    "minimum": _bound("less than", lambda a, b: a >= b, lambda v: v, "number"),
    "exclusiveMinimum": _bound("not more than", lambda a, b: a > b, lambda v: v, "number"),
    "maxLength": _bound("longer than", lambda a, b: a <= b, len, "string"),
    "minLength": _bound("shorter than", lambda a, b: a >= b, len, "string"),
    "pattern": _bound("which does not match", lambda v, p: bool(re.search(p, v)), lambda v: v, "string"),
    "maxItems": _bound("longer than", lambda a, b: a <= b, len, "array"),
    "minItems": _bound("shorter than", lambda a, b: a >= b, len, "array"),
    "maxProperties": _bound("larger than", lambda a, b: a <= b, len, "object"),
    "minProperties": _bound("smaller than", lambda a, b: a >= b, len, "object"),
    "properties": _properties,
    "required": _required,
    "patternProperties": _patterned,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "dependentRequired": _dependent,
    "items": _items,
    "prefixItems": _prefix,
    "contains": _contains,
    "uniqueItems": _unique,
    "allOf": _all_of,
    "anyOf": lambda value, schemas, _, root: _some_of(value, schemas, root, one=False),
    "oneOf": lambda value, schemas, _, root: _some_of(value, schemas, root, one=True),
    "not": _not,
    "if": _if,
    "$ref": lambda value, ref, _, root: _judge(value, resolved(ref, root), root),
}
