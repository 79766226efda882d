"""
What `--schema` names: the form of an answer, and the answer read into it.

    a pydantic model, or a TypeAdapter    .data is what it makes of the answer
    a JSON schema as a dict               .data is the JSON that was read
    a dataclass, list[int] and the like   .data is an instance, made by msgspec
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from xiantong_nb import schema as schemas
from xiantong_nb.errors import UsageError
from xiantong_nb.fits import misfits

if TYPE_CHECKING:
    from collections.abc import Callable

    from xiantong_nb.reply import Reply


class Unfit(Exception):  # it says how, which is no failure of this program
    """An answer does not fit; the text says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The form of an answer: its JSON schema, and `make`, which turns JSON text into data or raises `Unfit`."""

    schema: dict[str, Any]
    make: Callable[[str], Any]

    @property
    def portable(self) -> dict[str, Any] | None:
        """The schema as an endpoint's own facility takes it, where it does."""
        return schemas.portable(self.schema)

    @property
    def in_words(self) -> str:
        """What is asked of a model whose endpoint has no such facility."""
        told = json.dumps(self.schema, ensure_ascii=False)
        return f"Answer with JSON alone, without a word around it, that fits this JSON schema:\n{told}"

    def data(self, reply: Reply) -> tuple[Any, str]:
        """Return what an answer holds and "", or None and how it does not fit."""
        return self.read(reply.text, *(code for _, code in reply.code_blocks))

    def read(self, text: str, *others: str) -> tuple[Any, str]:
        """Read a text as JSON of this form, or one of the `others`, such as a code block of it."""
        for candidate in (text.strip(), *others):
            try:
                json.loads(candidate, parse_constant=_no_number)
            except (ValueError, RecursionError):
                continue
            try:
                return self.make(candidate), ""
            except Unfit as misfit:
                return None, str(misfit)
        return None, "it is not JSON" if text.strip() else "it is empty"


def shape(value: Any, *, name: str = "schema") -> Shape:
    """Return the form that a value stands for; raises `UsageError`, naming `name`, for one that stands for none."""
    if isinstance(value, Shape):
        return value
    if isinstance(value, dict):
        schema = schemas.checked(value, name)
        return Shape(schema, lambda text: _judged(text, schema))
    for schema_of, read in (("model_json_schema", "model_validate_json"), ("json_schema", "validate_json")):
        if callable(getattr(value, schema_of, None)) and callable(getattr(value, read, None)):
            return Shape(getattr(value, schema_of)(), _made(getattr(value, read)))
    if isinstance(value, type) or hasattr(value, "__origin__"):
        with contextlib.suppress(TypeError):  # of a kind that msgspec does not know
            return Shape(msgspec.json.schema(value), _made(lambda text: msgspec.json.decode(text, type=value)))
    what = getattr(value, "__name__", type(value).__name__)
    hint = "Give a JSON schema as a dict, a pydantic model, or a dataclass."
    raise UsageError(f"{name} is no schema: {what}.", hint=hint)


def _judged(text: str, schema: dict[str, Any]) -> Any:
    value = json.loads(text)
    if wrong := misfits(value, schema):
        raise Unfit("; ".join(wrong))
    return value


def _made(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a reader whose failures are told in our way: a model's own validators raise what they like."""

    def make(text: str) -> Any:
        try:
            return read(text)
        except Exception as error:  # noqa: BLE001
            errors = getattr(error, "errors", None)  # pydantic's
            details = errors() if callable(errors) else ()
            told = [f"{'.'.join(('$', *map(str, each['loc'])))}: {each['msg']}" for each in details]
            raise Unfit("; ".join(told[:5]) or " ".join(f"{error}".split()) or type(error).__name__) from None

    return make


def _no_number(name: str) -> float:
    raise ValueError(name)
