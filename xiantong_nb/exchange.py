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

_BUSY, _REST = 0.005, 0.001  # seconds of reading without a wait, and of the wait that follows

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
            if not shown:
                shown = isinstance(event, CONTENT)
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
            hide = _hider(place)
            if not answer.is_stream or _begins_otherwise(first):
                body = hide(first + await answer.body(MAX_EVENT))
                events, ended = wire.decode_whole(body, place, request_id=request_id)
                for event in events:
                    emit(event)
                return ended
            decoder = wire.decoder(place, request_id=request_id)
            await _read(first, answer, decoder, emit, hide)
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


def _hider(place: Place) -> Callable[[bytes], bytes]:
    """Return what takes the key out of data: some gateways answer with the one they refuse, as if a model said it."""
    if place.key is None or place.key.is_word:
        return bytes
    key, shown = place.key.reveal().encode(), place.key.shown.encode()
    return lambda data: data.replace(key, shown)


async def _read(chunk: bytes, answer: Answer, decoder: Decoder, emit: Emit, hide: Callable[[bytes], bytes]) -> None:
    """
    Pass on the events of a stream, from its first chunk to its end.

    When bytes come faster than they are read, the painting thread would never have the interpreter's lock: waiting for
    the network gives it away, so a reader that never waits is made to. Without it one paint took up to 0.8 s while
    3,000 tokens a second came in.
    """
    feed, decode, now, quiet = Parser().feed, decoder.feed, time.monotonic, False

    def pass_on(chunk: bytes) -> bool:
        """Return whether the stream has ended. With what httpx takes, this is where a fast stream's time goes."""
        nonlocal quiet
        news = False
        for data in feed(chunk):
            for event in decode(hide(data)):
                news = True
                emit(event)
        if decoder.finished:
            return True
        if quiet or not news or decoder.told_all:
            answer.heard(news=news, told_all=decoder.told_all)
            quiet = not news
        return False

    ended = pass_on(chunk)
    if not ended:
        rested = waits = now()
        async for more in answer.chunks:
            came = now()
            if came - waits >= _REST:
                rested = came
            elif came - rested >= _BUSY:
                await asyncio.sleep(_REST)
                rested = now()
            if ended := pass_on(more):
                break
            waits = now()
    if ended:
        await answer.drain()
