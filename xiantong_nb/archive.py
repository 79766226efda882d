"""A Reply, and an error, as what JSON can hold, and back."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any, get_args, get_type_hints

import msgspec

from xiantong_nb import errors
from xiantong_nb.reply import Reply
from xiantong_nb.request import Block

_KINDS: dict[str, type[Block]] = {kind.__name__: kind for kind in get_args(Block)}
_FIELDS = get_type_hints(Reply)


def reply_out(reply: Reply) -> dict[str, Any]:
    """Return a reply as a dict of its fields; each block of the answer stands under its kind."""
    blocks = [{type(block).__name__: dataclasses.asdict(block)} for block in reply.blocks]
    return dataclasses.asdict(replace(reply, data=None)) | {"blocks": blocks, "data": _builtin(reply.data)}


def _builtin(data: Any) -> Any:
    """Return what a schema made of an answer as JSON has it; pydantic's models do that themselves."""
    dumped: Any = msgspec.to_builtins(
        data, enc_hook=lambda value: value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)
    )
    return dumped


def reply_in(written: dict[str, Any]) -> Reply:
    """Make a reply again. Fields that are missing have their defaults; raises `ValueError` for what is no reply."""
    if unknown := written.keys() - _FIELDS.keys():
        msg = f"a reply has no {min(unknown)}"
        raise ValueError(msg)
    blocks = tuple(map(_block, msgspec.convert(written.get("blocks", []), list[dict[str, Any]])))
    told = {name: msgspec.convert(value, _FIELDS[name]) for name, value in written.items() if name != "blocks"}
    return Reply(blocks=blocks, **told)


def _block(written: dict[str, Any]) -> Block:
    ((kind, fields),) = written.items()
    if kind not in _KINDS:
        msg = "a block is of no known kind"
        raise ValueError(msg)
    block: Block = msgspec.convert(fields, _KINDS[kind])
    return block


def error_out(error: errors.XiantongError) -> dict[str, str]:
    """Return an error as a dict: its class, what it says, where it happened, what to do."""
    return {"kind": type(error).__name__, "message": error.message, "where": error.where, "hint": error.hint}


def error_in(written: dict[str, str] | None) -> errors.XiantongError | None:
    """Make an error again; of a kind that is not known, one of the tree's root."""
    if written is None:
        return None
    kind = getattr(errors, written.get("kind", ""), None)
    kind = kind if isinstance(kind, type) and issubclass(kind, errors.XiantongError) else errors.XiantongError
    return kind(written.get("message", ""), where=written.get("where", ""), hint=written.get("hint", ""))
