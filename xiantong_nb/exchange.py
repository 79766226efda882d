"""
One question over the wire: sent, decoded, and sent again where that helps.

    HttpCall --transport--> bytes --sse--> data --Decoder--> Event --emit--> whoever paints
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xiantong_nb import retry
from xiantong_nb.errors import RequestRefused, XiantongError, bare
from xiantong_nb.events import Answered, Event, Finished, OpaqueBlock, TextDelta, ThinkingDelta, ToolDelta, Waiting
from xiantong_nb.sse import MAX_EVENT, Parser
from xiantong_nb.told import request_id_of

if TYPE_CHECKING:
    from xiantong_nb.failures import Place
    from xiantong_nb.request import HttpCall
    from xiantong_nb.transport import Answer, Transport
    from xiantong_nb.wires import Decoder, Form

Emit = Callable[[Event], None]
CONTENT = (TextDelta, ThinkingDelta, ToolDelta, OpaqueBlock)
"""The events that are part of an answer, not news about it."""

Learnt = dict[str, tuple[str, ...]]
"""By place, the words by which an endpoint refused spellings before it took one."""


async def converse(
    call: HttpCall,
    place: Place,
    transport: Transport,
    emit: Emit,
    *,
    wire: Form,
    learnt: Learnt | None = None,
    explain: Callable[[XiantongError], Awaitable[XiantongError]] | None = None,
    sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    chance: Callable[[], float] = random.random,
) -> None:
    """
    Ask once, and again where that helps; `emit` gets every event, last of all a Finished.

    A request goes out again only while nothing of an answer has been shown: after a wait where the endpoint is busy,
    at once where it refuses a spelling that this wire knows another of. Which one it took is `learnt`, for the next
    question to the same place. `explain` may add to the error that ends it. Failures are events, not exceptions, so
    that none carries this thread's frames into the caller's.
    """
    learnt = {} if learnt is None else learnt
    refusals = learnt.get(str(place), ())
    for said in refusals:
        call = wire.again(call, said) or call
    attempt, spelt, refused = 1, {call.body}, None
    while True:
        shown = False

        def show(event: Event) -> None:
            nonlocal shown
            shown = shown or isinstance(event, CONTENT)
            emit(event)

        ended = await _once(call, place, transport, show, wire)
        error = None if shown else ended.error
        if isinstance(error, RequestRefused):
            other = wire.again(call, error.message)
            if other is not None and other.body not in spelt:
                call, refused, refusals = other, refused or ended, (*refusals, error.message)
                spelt.add(call.body)
                continue
            ended = refused or ended  # what it said of the call as it was meant
            error = ended.error
        elif error is None and refusals:
            learnt[str(place)] = refusals
        wait = None if error is None else retry.delay(error, attempt, chance)
        if error is None or wait is None:
            if error is not None and explain is not None:
                ended = replace(ended, error=bare(await explain(error)))
            emit(ended)
            return
        emit(Waiting(wait, error.message, attempt))
        attempt += 1
        await sleep(wait)


async def _once(call: HttpCall, place: Place, transport: Transport, emit: Emit, wire: Form) -> Finished:
    """Send the call once, pass on its events, and return how it ended."""
    decoder: Decoder | None = None
    broken: XiantongError | None = None
    try:
        async with transport.send(call, place) as answer:
            request_id = place.clean(request_id_of(answer.headers) or "") or None
            emit(Answered(request_id))
            first = await anext(answer.chunks, b"")
            if not answer.is_stream or _begins_otherwise(first):
                body = first + await answer.body(MAX_EVENT)
                events, ended = wire.decode_whole(body, place, request_id=request_id)
                for event in events:
                    emit(event)
                return ended
            decoder = wire.decoder(place, request_id=request_id)
            await _read(first, answer, decoder, emit)
    except XiantongError as error:
        broken = bare(error)
    except Exception as error:  # noqa: BLE001  # a fault of this package must end the stream too
        msg = f"This package failed while it read the answer ({type(error).__name__}). Please report it."
        broken = XiantongError(msg, where=str(place))
    if decoder is None:
        return Finished(complete=False, error=broken)
    for event in decoder.left():
        emit(event)
    return decoder.end(broken)


def _begins_otherwise(first: bytes) -> bool:
    """Whether a body is no stream of events, whatever its headers say: none begins as JSON and web pages do."""
    return first.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"<", b"{", b"[")


async def _read(chunk: bytes, answer: Answer, decoder: Decoder, emit: Emit) -> None:
    """Pass on the events of a stream, from its first chunk to its end."""
    feed, decode, breath = Parser().feed, decoder.feed, _Breath()

    def pass_on(chunk: bytes) -> bool:
        """Return whether the stream has ended. With what httpx takes, this is where a fast stream's time goes."""
        news = False
        for data in feed(chunk):
            for event in decode(data):
                news = True
                emit(event)
        if not decoder.finished:
            answer.heard(news=news, told_all=decoder.told_all)
        return decoder.finished

    ended = pass_on(chunk)
    breath.begins()
    while not ended and (more := await anext(answer.chunks, b"")):
        if breath.is_due():
            await breath.take()
        ended = pass_on(more)
        breath.begins()
    if ended:
        await answer.drain()


class _Breath:
    """
    Lets the painting thread have the interpreter's lock when bytes come faster than they are read.

    Waiting for the network does that by itself. A reader that never waits is made to, for 1 ms in every 5:
    without it one paint took up to 0.8 s while 3,000 tokens a second came in.
    """

    _BUSY, _REST = 0.005, 0.001

    def __init__(self) -> None:
        self._now = time.monotonic
        self._rested = self._waits_since = self._now()

    def begins(self) -> None:
        """Note that the wait for the next bytes begins."""
        self._waits_since = self._now()

    def is_due(self) -> bool:
        """Bytes have come: whether they have come without a wait for too long."""
        now = self._now()
        if now - self._waits_since >= self._REST:
            self._rested = now
        return now - self._rested >= self._BUSY

    async def take(self) -> None:
        """Rest."""
        await asyncio.sleep(self._REST)
        self._rested = self._now()
