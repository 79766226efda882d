"""What can be said of a failure after a second look: the models that are there, where the one that was named is not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xiantong_nb.errors import UnknownModel, XiantongError

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
        from xiantong_nb.catalog import listed, nearest

        try:
            async with asyncio.timeout(_TIME):
                models = await listed(target.connection, transport)
        except (XiantongError, TimeoutError):
            return error
        names = [m.id for m in models] if len(models) <= _FEW else nearest(models, target.model)
        if names:
            which = "It has" if len(models) <= _FEW else "Nearest"
            error.hint = f"{error.hint.removesuffix('.')}. {which}: {', '.join(names)}."
    return error
