"""What can be said of a failure after a second look: the models that are there, where the one that was named is not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xiantong_nb.errors import UnknownModel, XiantongError
from xiantong_nb.models import nearest

if TYPE_CHECKING:
    from xiantong_nb.connection import Target
    from xiantong_nb.transport import Transport

_TIME = 3.0  # seconds; it is a favour, and the failure is known
_FEW = 8


async def explained(error: XiantongError, target: Target, transport: Transport) -> XiantongError:
    """
    Add to an error what the endpoint itself can tell, if it is quick: the nearest names of models, or all of a few.

    The error is returned as it is where there is nothing to add.
    """
    if isinstance(error, UnknownModel):
        error.hint = f"{error.hint} {await _names(target, transport)}".strip()
    return error


async def _names(target: Target, transport: Transport) -> str:
    from xiantong_nb.catalog import listed

    try:
        async with asyncio.timeout(_TIME):
            models = await listed(target.connection, transport)
    except (XiantongError, TimeoutError):
        return "Write the model as this endpoint does."
    if len(models) <= _FEW:
        return f"It has: {', '.join(model.id for model in models) or 'none yet'}."
    near = nearest(models, target.model)
    more = f"%xiantong models {target.connection.slug} lists all {len(models)}."
    return f"Nearest: {', '.join(near)}. {more}" if near else more
