"""What can be said of a failure after a second look at the endpoint: the models that are there, a version too old."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xiantong_nb import ollama
from xiantong_nb.errors import NotFound, UnknownModel, XiantongError
from xiantong_nb.models import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from xiantong_nb.connection import Connection, Target
    from xiantong_nb.models import Listing, Model
    from xiantong_nb.transport import Transport

    Keep = Callable[[Connection, tuple[Model, ...]], Listing]

_TIME = 3.0  # seconds; it is a favour, and the failure is known
_FEW = 8


async def explained(error: XiantongError, target: Target, transport: Transport, keep: Keep) -> XiantongError:
    """
    Add to an error what the endpoint itself can tell, if it is quick: the nearest names of models, or all of a few.

    `keep` gets what it lists. The error is returned as it is where there is nothing to add.
    """
    if isinstance(error, NotFound):
        connection, version = await ollama.recognised(target.connection, transport)
        if isinstance(error, UnknownModel):
            pull = connection.preset.if_unknown.format(model=target.model)
            error.hint = f"{pull or error.hint} {await _names(connection, target.model, transport, keep)}".strip()
        elif ollama.is_too_old(version):
            since = ".".join(map(str, ollama.MESSAGES_SINCE))
            error.hint = f"Ollama {version} is too old: {since} or newer is needed. Update it: ollama.com/download"
    return error


async def _names(connection: Connection, model: str, transport: Transport, keep: Keep) -> str:
    from xiantong_nb.catalog import listed

    try:
        models = await listed(connection, transport, _TIME)
    except XiantongError:
        return "Write the model as this endpoint does."
    await asyncio.to_thread(keep, connection, models)  # a file: the loop has other streams to serve
    if len(models) <= _FEW:
        return f"It has: {', '.join(model.id for model in models) or 'none yet'}."
    near = nearest(models, model)
    more = f"%xiantong models {connection.slug} lists all {len(models)}."
    return f"Nearest: {', '.join(near)}. {more}" if near else more
