"""
Ollama's own routes, beside the wires it speaks: its version, what is pulled, what each model can.

Shapes of Ollama's `api/types.go`, 0.13 to 0.33; other servers that answer on them are taken for it.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from xiantong_nb import tolerant
from xiantong_nb.base_url import without_version
from xiantong_nb.connection import auth_header, place
from xiantong_nb.errors import XiantongError
from xiantong_nb.models import Model, leaves_the_machine
from xiantong_nb.presets import PRESETS
from xiantong_nb.request import HttpCall

if TYPE_CHECKING:
    from xiantong_nb.connection import Connection
    from xiantong_nb.transport import Transport

MESSAGES_SINCE = (0, 14)
_LARGEST = 4 * 1024 * 1024
_SHOWN = 40  # models that are looked at one by one
_AT_ONCE = 4
_NAME = 200  # characters


async def recognised(connection: Connection, transport: Transport) -> tuple[Connection, str]:
    """
    Return a connection with Ollama's facts, and the version, where that is what answers; else as it is, and nothing.

    Only where it may be Ollama: by its preset, or at an address that only its owner knows, without a key.
    """
    preset = connection.preset
    if not preset.own_routes and (not preset.guessed or connection.key is not None):
        return connection, ""
    found = await version(connection, transport)
    if not found or preset.own_routes:
        return connection, found
    return replace(connection, preset=next(row for row in PRESETS.values() if row.own_routes == "ollama")), found


async def version(connection: Connection, transport: Transport, *, patience: float = 2.0) -> str:
    """Return its version as it says it, or nothing where nothing like Ollama answers in `patience` seconds."""
    try:
        async with asyncio.timeout(patience):
            found = await _asked(connection, transport, "GET", "/api/version")
    except (XiantongError, TimeoutError):
        return ""
    said = tolerant.text(found.get("version"))
    return said if re.fullmatch(r"\d+\.\d+[\w.+-]*", said) else ""


def is_too_old(said: str) -> bool:
    """Say whether this version has no Messages wire yet; one built from source says 0.0.0, and nobody knows."""
    numbers = tuple(int(n) for n in re.findall(r"\d+", said)[:2])
    return (0, 0) < numbers < MESSAGES_SINCE


async def pulled(connection: Connection, transport: Transport) -> tuple[Model, ...]:
    """Return what is pulled, with context and image input. Raises what a question would."""
    where = place(connection, "", connection.base_url)
    found = await _asked(connection, transport, "GET", "/api/tags")
    listed = [tolerant.members(item) for item in tolerant.items(found.get("models"))]
    names = [name for item in listed if (name := tolerant.text(item.get("name") or item.get("model")))]
    turn = asyncio.Semaphore(_AT_ONCE)

    async def looked_at(name: str) -> dict[str, Any]:
        async with turn:
            try:
                return await _asked(connection, transport, "POST", "/api/show", {"model": name})
            except XiantongError:
                return {}

    told = await asyncio.gather(*(looked_at(name) for name in names[:_SHOWN]))
    return tuple(
        model
        for name, item, more in zip(names, listed, [*told, *({} for _ in names[_SHOWN:])], strict=False)
        if (model := _model(where.clean(name, _NAME), item, more)) is not None
    )


def _model(name: str, item: dict[str, Any], more: dict[str, Any]) -> Model | None:
    can = tolerant.items(more.get("capabilities")) or tolerant.items(item.get("capabilities"))
    if can and "completion" not in can:
        return None  # it embeds, or draws
    about = tolerant.members(more.get("model_info"))
    contexts = [tolerant.count(value) for key, value in about.items() if key.endswith(".context_length")]
    remote = bool(item.get("remote_host") or item.get("remote_model")) or leaves_the_machine(name)
    return Model(name, context=next(iter(contexts), None), images="vision" in can if can else None, local=not remote)


async def _asked(
    connection: Connection, transport: Transport, method: str, path: str, body: dict[str, str] | None = None
) -> dict[str, Any]:
    url = f"{without_version(connection.base_url)}{path}"
    headers = {"accept": "application/json", "accept-encoding": "identity", **auth_header(connection)}
    call = HttpCall(method, url, headers, msgspec.json.encode(body) if body else b"")
    async with transport.send(call, place(connection, "", url)) as answer:
        data = await answer.body(_LARGEST)
    try:
        return tolerant.members(msgspec.json.decode(data))
    except (ValueError, RecursionError):
        return {}
