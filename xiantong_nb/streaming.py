"""One question under way, as the thread that asked sees it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from xiantong_nb import loop
from xiantong_nb.connection import place
from xiantong_nb.errors import IncompleteReply, UnfitReply, UsageError, XiantongError
from xiantong_nb.events import Event, Finished
from xiantong_nb.exchange import CONTENT, Emit, converse
from xiantong_nb.fitting import Asking, once
from xiantong_nb.prices import cost_of
from xiantong_nb.reply import Fold, Reply
from xiantong_nb.request import Image
from xiantong_nb.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from concurrent.futures import Future

    from xiantong_nb.connection import Listed, Target
    from xiantong_nb.exchange import Learnt
    from xiantong_nb.request import HttpCall, Request
    from xiantong_nb.shape import Shape
    from xiantong_nb.transport import Transport

    Explain = Callable[[XiantongError, Target, Transport], Awaitable[XiantongError]]


class Stream:
    """
    A question under way: a context manager over its events.

    Iterate it for single events, or `batches(rest)` for what a painter wants, or go straight to `result()`.
    Leaving the block closes the connection, which stops the model. Closing is explicit since IPython keeps
    the frames of failed cells, and with them whatever a generator would hold open.

        new --with--> under way --the endpoint's end, its failure, cancel(), partial(), end of the block--> ended

    Events are added up in the caller's thread, as they are read. The first end that is read is the end. `asking` is how
    it is put: once, until the answer has its `shape`, or not at all, where a stored reply is told again `as_it_was`.
    """

    def __init__(
        self,
        target: Target,
        request: Request,
        *,
        transport: Callable[[], Transport],
        notes: tuple[str, ...] = (),
        others: tuple[str, ...] = (),
        explain: Explain | None = None,
        listed: Listed = lambda _: None,
        learnt: Learnt | None = None,
        shape: Shape | None = None,
        asking: Asking = once,
        as_it_was: Mapping[str, Any] | None = None,
        keep: Callable[[Reply], None] = lambda _: None,
    ) -> None:
        self.target = target
        self.request = request
        self.notes = notes
        self.fold = Fold()
        connection = target.connection
        self._wire = WIRES[connection.wire]
        self.url = self._wire.url(connection)
        """The final URL of the request."""
        self.reply: Reply | None = None
        """What has come, whole or partial, once the stream has ended."""
        self._place = place(connection, target.model, self.url, others)
        self._transport = transport
        self._explain = explain
        self._listed = listed
        self._learnt = learnt
        self._shape = shape
        self._asking = asking
        self._as_it_was = dict(as_it_was or {})
        self._keep = keep
        self._feed: loop.Feed[Event] = loop.Feed()
        self._future: Future[None] | None = None
        self._begun = 0.0
        self._first: float | None = None
        self._ended: float | None = None

    def __enter__(self) -> Self:
        if self._future is not None:
            raise UsageError("This question has gone out already: open another stream for another.")
        call = self.call()
        self._place = replace(self._place, size=len(call.body), options=_options(self.request))
        self._begun = time.perf_counter()
        self._future = loop.submit(self._run(call))
        self._future.add_done_callback(self._stopped)
        return self

    def call(self, request: Request | None = None) -> HttpCall:
        """Return what goes on the wire. Raises `UsageError` for what this wire can't say."""
        return self._wire.encode(request or self.request, self.target.connection)

    def __exit__(self, *_: object) -> None:
        self.partial("not read to its end")

    def __iter__(self) -> Iterator[Event]:
        for batch in self.batches():
            yield from batch

    def batches(self, rest: Callable[[], float] = lambda: 0.0) -> Iterator[list[Event]]:
        """
        Give the events in batches until the end, an empty one where a quarter of a second brings none.

        `rest()` says for how many seconds nothing but the end needs to wake the caller.
        """
        self._must_be_sent()
        while self.fold.finished is None:
            self._feed.rest(rest())
            batch = self._feed.get()
            for event in batch:
                self.fold.add(event)
            yield batch
        self._settle()

    async def wait(self) -> None:
        """Take the events until the end, on the caller's own event loop."""
        await asyncio.wait([asyncio.wrap_future(self._must_be_sent())])
        for event in self._feed.get(0):
            self.fold.add(event)
        self._settle()

    def cancel(self) -> None:
        """Close the connection, from any thread: the end comes after what came before. Twice does no harm."""
        if self._future is not None:
            self._future.cancel()

    def partial(self, ended: str) -> Reply:
        """End here, unless it has ended: `ended` says why. Return what was read as a Reply."""
        self._ended = self._ended or time.perf_counter()
        for event in self._feed.get(0):  # what had come, and perhaps the end itself: the first end counts
            self.fold.add(event)
        self.fold.add(Finished(complete=False, error=IncompleteReply(ended, where=str(self._place))))
        self.cancel()
        return self._settle()

    def result(self) -> Reply:
        """
        Return the Reply, after reading what has not been read.

        Raises `IncompleteReply`, holding it, when the stream broke after something had come, and the
        endpoint's own error when nothing had.
        """
        for _ in self.batches(lambda: loop.STEP):
            pass
        reply, error = self._settle(), self.fold.error
        if error is None and not reply.unfit:
            return reply
        if error is None:
            msg = f"The answer does not fit the schema: {reply.unfit}."
            hint = "It is in xiantong_nb.last(). Another model may do better, or a simpler schema."
            raise UnfitReply(msg, reply=reply, hint=hint, where=str(self._place))
        if self.only_failed:
            raise error
        msg = f"The answer is incomplete: {error.message}"
        hint = error.hint or "Run the cell again; what came is in xiantong_nb.last()."
        raise IncompleteReply(msg, reply=reply, hint=hint, where=error.where)

    async def _run(self, first: HttpCall) -> None:
        ask = self._explain

        async def send(request: Request, emit: Emit) -> None:
            transport = self._transport()

            async def explain(error: XiantongError) -> XiantongError:
                return await ask(error, self.target, transport) if ask else error

            call = first if request is self.request else self.call(request)
            await converse(call, self._place, transport, emit, wire=self._wire, learnt=self._learnt, explain=explain)

        await self._asking(self.request, send, self._emit)

    def _must_be_sent(self) -> Future[None]:
        if self._future is None:
            raise UsageError("The question has not gone out.", hint="It goes out by `with stream(...) as events:`.")
        return self._future

    def _emit(self, event: Event) -> None:
        """Run on the loop: stamp the first word and the end where they happen, not where they are read."""
        if self._first is None and isinstance(event, CONTENT):
            self._first = time.perf_counter()
        elif isinstance(event, Finished):
            self._ended = time.perf_counter()
        self._feed.put(event, urgent=isinstance(event, Finished))

    def _stopped(self, future: Future[None]) -> None:
        """Give the end that a conversation can't give any more when it was cancelled, or could not begin."""
        where = str(self._place)
        if future.cancelled():
            self._emit(Finished(complete=False, error=IncompleteReply("It was cancelled.", where=where)))
        elif (error := future.exception()) is not None:
            msg = f"This package could not send the question ({type(error).__name__}: {error})."
            hint = "If reinstalling its dependencies does not help, please report it."
            self._emit(Finished(complete=False, error=XiantongError(msg, hint=hint, where=where)))

    @property
    def only_failed(self) -> bool:
        """Whether the endpoint's failure is all there is: then there is no reply to speak of."""
        error = self.fold.error
        return error is not None and not isinstance(error, IncompleteReply) and not self.fold.has_content

    def _settle(self) -> Reply:
        """Make the Reply of a stream that has ended, and have it kept; once."""
        if self.reply is not None:
            return self.reply
        target = self.target
        ended = self._ended or time.perf_counter()
        reply = self.fold.reply(
            connection=target.connection.slug,
            seconds=round(ended - self._begun, 4),
            first_token_seconds=round(self._first - self._begun, 4) if self._first else None,
            parameters=_parameters(self.request),
            notes=(*self.notes, *self.fold.again),
        )
        model = reply.model or target.model
        # a price stands under either name; whether it costs nothing, the one that was asked for decides
        names = (target.model,) if target.connection.preset.free else dict.fromkeys((model, target.model))
        for name in names:
            cost, source = cost_of(reply.usage, name, target.connection, self._listed)
            if cost is not None:
                break
        data, unfit = self._shape.data(reply) if self._shape and reply.complete else (None, "")
        told: dict[str, Any] = {"model": model, "cost": cost, "cost_source": source, "data": data, "unfit": unfit}
        self.reply = replace(reply, **told | self._as_it_was)
        if not self.only_failed:
            self._keep(self.reply)
        return self.reply


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
