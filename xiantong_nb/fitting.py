"""
A question whose answer must fit a schema: asked once more, and said so, where it does not.

    by the endpoint's own facility --refused--> in words --does not fit--> once more, with what was wrong
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from xiantong_nb.errors import RequestRefused
from xiantong_nb.events import Again, Event, Finished
from xiantong_nb.reply import Fold
from xiantong_nb.request import Message, Request, Text

if TYPE_CHECKING:
    from xiantong_nb.exchange import Emit
    from xiantong_nb.shape import Shape

Send = Callable[[Request, "Emit"], Awaitable[None]]
Asking = Callable[[Request, Send, "Emit"], Awaitable[None]]
"""How a question is put: which requests are sent, and what of their events is passed on, last of all a Finished."""

_FACILITY = ("output_config", "response_format", "json_schema", "schema", "structured output")
_CUT = ("max_tokens", "refusal", "model_context_window_exceeded")
"""Where another try would end in the same way."""


async def once(request: Request, send: Send, emit: Emit) -> None:
    """Ask once."""
    await send(request, emit)


def until_it_fits(shape: Shape | None) -> Asking:
    """Return the way of asking for an answer of this shape; of any shape, once is enough."""
    if shape is None:
        return once

    async def asking(request: Request, send: Send, emit: Emit) -> None:
        fold, may_repeat = await _heard(request, send, emit), True
        while (ended := fold.finished) is not None:
            other, reason = _other(request, fold, shape, may_repeat=may_repeat)
            if other is None:
                emit(ended)
                return
            may_repeat = may_repeat and isinstance(ended.error, RequestRefused)
            emit(Again(reason, ended if ended.complete else None))
            request = other
            fold = await _heard(request, send, emit)

    return asking


def in_words(request: Request, shape: Shape) -> Request:
    """Return the request with its schema told to the model, not to the endpoint."""
    *before, last = request.messages
    asked = replace(last, blocks=(*last.blocks, Text(shape.in_words)))
    return replace(request, schema=None, messages=(*before, asked))


def _other(request: Request, fold: Fold, shape: Shape, *, may_repeat: bool) -> tuple[Request | None, str]:
    """Return what is asked instead, and why; None where what came is the answer, or the end of it."""
    reply, error = fold.reply(), fold.error
    if isinstance(error, RequestRefused) and request.schema is not None and not fold.has_content:
        if any(word in error.message.lower() for word in _FACILITY):
            return in_words(request, shape), "the endpoint refused the schema: asked again in words"
    elif reply.complete and may_repeat and reply.stop_reason not in _CUT and (wrong := shape.data(reply)[1]):
        said = Message("assistant", (Text(reply.text.strip() or "(nothing)"),))
        mended = f"This does not fit: {wrong}.\n{shape.in_words}"
        messages = (*request.messages, said, Message("user", (Text(mended),)))
        return replace(request, messages=messages), f"the first answer did not fit ({wrong}): asked once more"
    return None, ""


async def _heard(request: Request, send: Send, emit: Emit) -> Fold:
    """Send a request, pass its events on but for the end, and return what they add up to."""
    fold = Fold()

    def hear(event: Event) -> None:
        fold.add(event)
        if not isinstance(event, Finished):
            emit(event)

    await send(request, hear)
    return fold
