"""One question under way: sent and decoded on the loop, added up in the thread that reads it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xiantong_nb import loop
from xiantong_nb.connection import place
from xiantong_nb.errors import IncompleteReply, UnfitReply, UsageError, XiantongError, bare
from xiantong_nb.events import Event, Finished
from xiantong_nb.exchange import CONTENT, converse
from xiantong_nb.fitting import once
from xiantong_nb.interrupts import held
from xiantong_nb.prices import cost_of
from xiantong_nb.reply import Fold, Reply
from xiantong_nb.request import Image
from xiantong_nb.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from concurrent.futures import Future
    from contextlib import AbstractAsyncContextManager

    from xiantong_nb.connection import Listed, Target
    from xiantong_nb.exchange import Emit, Learnt
    from xiantong_nb.fitting import Asking
    from xiantong_nb.request import HttpCall, Request
    from xiantong_nb.shape import Shape
    from xiantong_nb.transport import Transport

    Explain = Callable[[XiantongError, Target, Transport], Awaitable[XiantongError]]
    Attach = Callable[[Request, Transport], Awaitable[tuple[Request, tuple[str, ...]]]]

_AT_ONCE = contextlib.nullcontext()


class Lane:
    """
    A question to one target.

        new --begin--> under way --the endpoint's end, its failure, stop(), end()--> ended

    `attach` is what must be had over the network before the question can go out, such as its images; it returns the
    request with them, and notes. The first end that is read is the end; `keep` gets the Reply then, unless the
    endpoint's failure is all there is. `asking` is how it is put: once, until the answer has its `shape`, or not at
    all, where a stored reply is told again `as_it_was`.
    """

    def __init__(
        self,
        target: Target,
        request: Request,
        *,
        transport: Callable[[], Transport],
        notes: tuple[str, ...] = (),
        others: tuple[str, ...] = (),
        attach: Attach | None = None,
        shape: Shape | None = None,
        asking: Asking = once,
        as_it_was: Mapping[str, Any] | None = None,
        explain: Explain | None = None,
        listed: Listed = lambda _: None,
        learnt: Learnt | None = None,
        keep: Callable[[Reply], None] = lambda _: None,
    ) -> None:
        self.target = target
        self.request = request
        self.notes = notes
        self.label = str(target)
        """What it is called beside others."""
        self.fold = Fold()
        self.reply: Reply | None = None
        """What has come, whole or partial, once it has ended."""
        self._wire = WIRES[target.connection.wire]
        self.url = self._wire.url(target.connection)
        """The final URL of the request."""
        self._place = place(target.connection, target.model, self.url, others)
        self._transport = transport
        self._attach = attach
        self._shape = shape
        self._asking = asking
        self._as_it_was = dict(as_it_was or {})
        self._unfit: UnfitReply | None = None
        self._explain = explain
        self._listed = listed
        self._learnt = learnt
        self._keep = keep
        self._future: Future[None] | None = None
        self._begun: float | None = None
        self._first: float | None = None
        self._ended: float | None = None

    def begin(
        self,
        put: Callable[[tuple[Lane, Event]], None],
        turn: AbstractAsyncContextManager[object] = _AT_ONCE,
    ) -> Future[None]:
        """
        Send the question once its `turn` has come; `put` gets every event, on the loop, last of all a Finished.

        Raises `UsageError` where it has gone out already.
        """
        if self._future is not None:
            raise UsageError("This question has gone out already: open another stream for another.")
        self._put = put
        with held():  # else an interrupt in between would leave a question that nobody can stop
            self._future = loop.submit(self._run(turn))
            self._future.add_done_callback(self._stopped)
        return self._future

    def take(self, event: Event) -> None:
        """Add one event up, in the reading thread; the first end makes the Reply."""
        self.fold.add(event)
        if self.fold.finished is not None:
            self._settle()

    def stop(self) -> None:
        """Close the connection, from any thread: the end comes after what came before. Twice does no harm."""
        if self._future is not None:
            self._future.cancel()

    def end(self, ended: str) -> Reply:
        """End here, unless it has ended: `ended` says why. Return what was taken as a Reply."""
        self._ended = self._ended or time.perf_counter()
        self.take(Finished(complete=False, error=IncompleteReply(ended, where=str(self._place))))
        self.stop()
        return self._settle()

    def so_far(self) -> Reply:
        """Return what has come until now as a Reply, without its price; once it has ended, the Reply."""
        return self.reply or self._told()

    @property
    def error(self) -> XiantongError | None:
        """What ended it early, or why its answer is not what was asked for, once it has ended."""
        return self.fold.error or self._unfit

    @property
    def sent(self) -> bool:
        """Whether it has gone out: its turn has come."""
        return self._begun is not None

    @property
    def only_failed(self) -> bool:
        """Whether the endpoint's failure is all there is: then there is no reply to speak of."""
        error = self.fold.error
        return error is not None and not isinstance(error, IncompleteReply) and not self.fold.has_content

    @property
    def first_token_seconds(self) -> float | None:
        """How long the first word took, in seconds since sending; None before it."""
        return None if self._first is None or self._begun is None else round(self._first - self._begun, 4)

    async def _run(self, turn: AbstractAsyncContextManager[object]) -> None:
        transport, ask = self._transport(), self._explain

        async def explain(error: XiantongError) -> XiantongError:
            return await ask(error, self.target, transport) if ask else error

        async def send(request: Request, emit: Emit) -> None:
            call = first if request is self.request else self._wire.encode(request, self.target.connection)
            await converse(call, self._place, transport, emit, wire=self._wire, learnt=self._learnt, explain=explain)

        async with turn:
            try:
                first = await self.prepare(transport)
            except XiantongError as error:
                self._emit(Finished(complete=False, error=bare(error)))
                return
            self._place = replace(self._place, size=len(first.body), options=_options(self.request))
            self._begun = time.perf_counter()
            await self._asking(self.request, send, self._emit)

    async def prepare(self, transport: Transport) -> HttpCall:
        """Have what goes along, and return the call that is sent; raises what the target can't take."""
        if self._attach is not None:
            self.request, notes = await self._attach(self.request, transport)
            self.notes += notes
            self._attach = None
        return self._wire.encode(self.request, self.target.connection)

    def _emit(self, event: Event) -> None:
        """Run on the loop: stamp the first word and the end where they happen, not where they are read."""
        if self._first is None and isinstance(event, CONTENT):
            self._first = time.perf_counter()
        elif isinstance(event, Finished):
            self._ended = time.perf_counter()
        self._put((self, event))

    def _stopped(self, future: Future[None]) -> None:
        """Give the end that a conversation can't give any more when it was stopped, or could not begin."""
        where = str(self._place)
        if future.cancelled():
            self._emit(Finished(complete=False, error=IncompleteReply("It was stopped.", where=where)))
        elif (error := future.exception()) is not None:
            msg = f"This package could not send the question ({type(error).__name__}: {error})."
            hint = "If reinstalling its dependencies does not help, please report it."
            self._emit(Finished(complete=False, error=XiantongError(msg, hint=hint, where=where)))

    def _settle(self) -> Reply:
        """Make the Reply of a question that has ended, and have it kept; once."""
        if self.reply is not None:
            return self.reply
        target, reply = self.target, self._told()
        model = reply.model or target.model
        # before the end, how much was written is a placeholder: a price of that would be a false one
        usage = reply.usage if reply.complete else replace(reply.usage, output_tokens=None)
        # a price stands under either name; whether it costs nothing, the one that was asked for decides
        names = (target.model,) if target.connection.preset.free else dict.fromkeys((model, target.model))
        for name in names:
            cost, source = cost_of(usage, name, target.connection, self._listed)
            if cost is not None:
                break
        data, unfit = self._shape.data(reply) if self._shape and reply.complete else (None, "")
        told: dict[str, Any] = {"model": model, "cost": cost, "cost_source": source, "data": data, "unfit": unfit}
        self.reply = replace(reply, **told | self._as_it_was)
        if unfit:
            hint = "It is in xiantong_nb.last(). Another model may do better, or a simpler schema."
            msg = f"The answer does not fit the schema: {unfit}."
            self._unfit = UnfitReply(msg, reply=self.reply, hint=hint, where=str(self._place))
        if not self.only_failed:
            self._keep(self.reply)
        return self.reply

    def _told(self) -> Reply:
        ended = self._ended or time.perf_counter()
        reply = self.fold.reply(
            connection=self.target.connection.slug,
            seconds=round(ended - (self._begun or ended), 4),
            first_token_seconds=self.first_token_seconds,
            parameters=_parameters(self.request),
            notes=(*self.notes, *self.fold.again),
        )
        return reply if self._place.key is None else reply.without(self._place.key)


def _parameters(request: Request) -> dict[str, Any]:
    """Return what was asked for beside the conversation."""
    told = {
        "system": request.system,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stop": list(request.stop),
        "effort": request.effort,
    }
    return {name: value for name, value in told.items() if value not in (None, "", [])}


def _options(request: Request) -> tuple[str, ...]:
    """Return the options that were sent, as a person writes them."""
    sent = {
        "--temperature": request.temperature is not None,
        "--stop": bool(request.stop),
        "--max-tokens": request.max_tokens is not None,
        "--system": bool(request.system),
        "--effort": bool(request.effort),
        "--schema": request.schema is not None,
        "--image": any(isinstance(block, Image) for message in request.messages for block in message.blocks),
    }
    return tuple(option for option, is_sent in sent.items() if is_sent)
