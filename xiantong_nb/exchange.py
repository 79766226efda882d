"""
One question over the wire: sent, decoded, and sent again where that helps.

    HttpCall --transport--> bytes --sse--> ServerSentEvent --Decoder--> Event --emit--> whoever paints
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from xiantong_nb import retry
from xiantong_nb.errors import XiantongError, bare
from xiantong_nb.events import Answered, Event, Finished, OpaqueBlock, TextDelta, ThinkingDelta, ToolDelta, Waiting
from xiantong_nb.failures import request_id_of
from xiantong_nb.messages_stream import Decoder, decode_whole
from xiantong_nb.sse import MAX_EVENT, Parser

if TYPE_CHECKING:
    from xiantong_nb.failures import Place
    from xiantong_nb.request import HttpCall
    from xiantong_nb.transport import Transport

Emit = Callable[[Event], None]
CONTENT = (TextDelta, ThinkingDelta, ToolDelta, OpaqueBlock)
"""The events that are part of an answer, not news about it."""


async def converse(
    call: HttpCall,
    place: Place,
    transport: Transport,
    emit: Emit,
    *,
    sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    chance: Callable[[], float] = random.random,
) -> None:
    """
    Ask once, and again where that helps; `emit` gets every event, last of all a Finished.

    A request goes out again only while nothing of an answer has been shown. Failures are events, not
    exceptions, so that none carries this thread's frames into the caller's.
    """
    for attempt in range(1, retry.RETRIES + 2):
        shown = False

        def show(event: Event) -> None:
            nonlocal shown
            shown = shown or isinstance(event, CONTENT)
            emit(event)

        ended = await _once(call, place, transport, show)
        wait = None if shown or ended.error is None else retry.delay(ended.error, attempt, chance)
        if wait is None:
            emit(ended)
            return
        emit(Waiting(wait, ended.error.message if ended.error else "", attempt))
        await sleep(wait)


async def _once(call: HttpCall, place: Place, transport: Transport, emit: Emit) -> Finished:
    """Send the call once, pass on its events, and return how it ended."""
    try:
        async with transport.send(call, place) as answer:
            request_id = place.clean(request_id_of(answer.headers) or "") or None
            emit(Answered(request_id))
            if not answer.is_stream:
                body = await answer.body(MAX_EVENT)
                events, ended = decode_whole(body, place, request_id=request_id)
                for event in events:
                    emit(event)
                return ended
            parser, decoder, breath = Parser(), Decoder(place, request_id=request_id), _Breath()
            async for chunk in answer.chunks:
                await breath.taken()
                for sent in parser.feed(chunk):
                    for event in decoder.feed(sent):
                        emit(event)
                if decoder.finished:
                    await answer.drain()
                    break
                breath.begins()
            return decoder.end()
    except XiantongError as error:
        return Finished(complete=False, error=bare(error))
    except Exception as error:  # noqa: BLE001  # a fault of this package must end the stream too
        msg = f"This package failed while it read the answer ({type(error).__name__}). Please report it."
        return Finished(complete=False, error=XiantongError(msg, where=str(place)))


class _Breath:
    """
    Lets the painting thread have the interpreter's lock when bytes come faster than they are read.

    Waiting for the network does that by itself. A reader that never waits is made to, for 1 ms in every 5:
    without it one paint took up to 0.8 s while 3,000 tokens a second came in.
    """

    _BUSY, _REST = 0.005, 0.001

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._rested = self._waits_since = self._now()

    def begins(self) -> None:
        """Note that the wait for the next bytes begins."""
        self._waits_since = self._now()

    async def taken(self) -> None:
        """Note that bytes have come, and rest if they came without a wait for too long."""
        now = self._now()
        if now - self._waits_since >= self._REST:
            self._rested = now
        elif now - self._rested >= self._BUSY:
            await asyncio.sleep(self._REST)
            self._rested = self._now()
