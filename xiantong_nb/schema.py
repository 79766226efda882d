"""A JSON schema before it is used: looked through for what can't be judged, and as endpoints take it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from xiantong_nb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_UNJUDGED = (
    "$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor", "unevaluatedItems", "unevaluatedProperties",
    "dependentSchemas", "dependencies", "additionalItems",
)  # fmt: skip
_TYPE_NAMES = ("object", "array", "string", "number", "integer", "boolean", "null")
# which keywords hold what; the others only describe
_SCHEMA = ("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else")
_LIST = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAP = ("properties", "patternProperties", "$defs", "definitions")
_COUNT = (
    "maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties", "minContains", "maxContains",
)  # fmt: skip
_NUMBER = ("maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "multipleOf")

# what Anthropic's own facility takes (structured outputs, November 2026); OpenAI's and those of local servers take more
_PORTABLE = (
    "type", "properties", "required", "items", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "definitions",
    "title", "description", "additionalProperties",
)  # fmt: skip
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
_LIMITS = (*_COUNT, *_NUMBER, "pattern", "uniqueItems", "format")
_SAID = ("default", "examples", "$schema", "$id", "$comment", "discriminator", "deprecated", "readOnly", "writeOnly")


def checked(schema: Any, name: str) -> dict[str, Any]:
    """Return a schema that can be judged by; raises `UsageError`, naming `name` and the place, for any other."""
    try:
        fault = next(_faults(schema, schema, ""), None) if isinstance(schema, dict) else ("", "is no schema")
        json.dumps(schema)
    except (TypeError, ValueError) as error:
        fault = fault or ("", f"is not JSON ({error})")
    except RecursionError:
        fault = ("", "is nested too deeply")
    if fault is not None:
        hint = "Give a JSON schema as a dict, or a pydantic model. A line takes quotes away; a variable keeps them."
        raise UsageError(f"{name}{fault[0]} {fault[1]}.", hint=hint)
    return dict(schema)


def resolved(ref: str, root: dict[str, Any]) -> Any:
    """Return what a reference within the schema stands for, None where there is nothing (RFC 6901)."""
    if ref != "#" and not ref.startswith("#/"):
        return None
    found: Any = root
    for part in ref.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found


def portable(schema: dict[str, Any]) -> dict[str, Any] | None:
    """
    Return a schema as every endpoint with a facility of its own takes it, None for one that can't be said so.

    Objects are closed; limits such as `minimum` are told in the description, since they are judged afterwards.
    """
    if isinstance(schema.get("$ref"), str) and isinstance(root := resolved(schema["$ref"], schema), dict):
        schema = {name: part for name, part in schema.items() if name != "$ref"} | root
    return _ported(schema) if schema.get("type") == "object" else None


def _ported(schema: Any) -> dict[str, Any] | None:
    if not isinstance(schema, dict) or any(k not in (*_PORTABLE, "oneOf", *_LIMITS, *_SAID) for k in schema):
        return None
    if schema.get("additionalProperties", False) is not False:  # a map of any names: no facility has it
        return None
    made: dict[str, Any] = {}
    limits: list[str] = []
    for keyword, value in schema.items():
        part: Any = value
        if keyword in _MAP:
            part = {name: _ported(each) for name, each in value.items()}
            if None in part.values():
                return None
        elif keyword in _LIST:  # one of them alone is more than a facility can promise
            part, keyword = [_ported(each) for each in value], keyword.replace("oneOf", "anyOf")  # noqa: PLW2901
            if None in part:
                return None
        elif keyword == "items" and (part := _ported(value)) is None:
            return None
        elif keyword in _LIMITS and not (keyword == "format" and value in _FORMATS):
            limits.append(f"{keyword}: {value}")
            continue
        elif keyword in _SAID:
            continue
        made[keyword] = part
    if made.get("type") == "object":
        made |= {"properties": made.get("properties", {}), "additionalProperties": False}
    if limits:
        made["description"] = f"{made.get('description', '')} ({', '.join(limits)})".strip()
    return made


def _faults(schema: Any, root: dict[str, Any], where: str) -> Iterator[tuple[str, str]]:
    """Find what stands where something else should, and what can't be judged: (place, what is wrong)."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield where, "is no schema"
        return
    for keyword, value in schema.items():
        place = f"{where}.{keyword}"
        if not isinstance(keyword, str):
            yield where, f"has a name that is no text ({keyword!r})"
        elif keyword in _UNJUDGED:
            yield place, "is a keyword that is not judged here"
        elif keyword in _SCHEMA:
            yield from _faults(value, root, place)
        elif keyword in _LIST and isinstance(value, list) and value:
            for at, each in enumerate(value):
                yield from _faults(each, root, f"{place}[{at}]")
        elif keyword in _MAP and isinstance(value, dict):
            for name, each in value.items():
                yield from _faults(each, root, f"{place}.{name}")
            if keyword == "patternProperties" and not all(map(_is_pattern, value)):
                yield place, "has a name that is no pattern"
        elif not _FORMS.get(keyword, lambda _: True)(value):
            yield place, "is not what this keyword takes"
        elif keyword == "$ref" and not isinstance(resolved(value, root), dict | bool):
            yield place, f"leads nowhere in the schema ({value})"


def is_number(value: Any) -> bool:
    """Say whether a JSON value is a number: true is none, though Python counts with it."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError):
        return False
    return True


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _are_types(value: Any) -> bool:
    names = [value] if isinstance(value, str) else value
    return bool(_are_names(names) and names and set(names) <= set(_TYPE_NAMES))


_FORMS: dict[str, Callable[[Any], bool]] = {
    "type": _are_types,
    "enum": lambda value: isinstance(value, list),
    "required": _are_names,
    "dependentRequired": lambda value: isinstance(value, dict) and all(map(_are_names, value.values())),
    "pattern": _is_pattern,
    "multipleOf": lambda value: is_number(value) and value > 0,
    "$ref": lambda value: isinstance(value, str),
    **dict.fromkeys(_COUNT, lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0),
    **{name: is_number for name in _NUMBER if name != "multipleOf"},
    **dict.fromkeys((*_LIST, *_MAP), lambda _: False),  # which are well only in the form that is taken above
}
