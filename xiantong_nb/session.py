"""
The one place where the parts meet: a question becomes a request, goes out, and its events come back.

    target --resolve--> Connection --encode--> HttpCall --transport--> bytes --sse--> Decoder --> Events
        --Feed--> the caller's thread --Fold--> Reply --> chat

A Session holds what a kernel keeps: the target in use, the chats, the last reply, the warm connections.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from xiantong_nb import connection as known
from xiantong_nb import loop, messages_api, retry
from xiantong_nb.chats import Chat, Origin, Turn
from xiantong_nb.errors import IncompleteReply, UsageError, XiantongError
from xiantong_nb.events import Answered, Event, Finished, TextDelta, ThinkingDelta, ToolDelta, Waiting
from xiantong_nb.failures import Place, request_id_of
from xiantong_nb.presets import PRICES
from xiantong_nb.reply import Fold, Reply
from xiantong_nb.request import Message, Request, Text
from xiantong_nb.sse import Parser

if TYPE_CHECKING:
    from concurrent.futures import Future

    from xiantong_nb.connection import Connection, Target
    from xiantong_nb.request import HttpCall
    from xiantong_nb.transport import Transport

Emit = Callable[[Event], None]
_PATIENCE = 0.25  # seconds; a wait without end could not be interrupted on Windows
_CONTENT = (TextDelta, ThinkingDelta, ToolDelta)


@dataclass(frozen=True, slots=True)
class Options:
    """
    How one question is asked. What is None or empty is not sent.

    `chat` names the conversation it continues; `new` forgets that one first; `alone` neither reads nor
    keeps any.
    """

    system: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    chat: str = "default"
    new: bool = False
    alone: bool = False

    def __post_init__(self) -> None:
        if self.max_tokens is not None and self.max_tokens < 1:
            raise UsageError(f"max_tokens must be 1 or more, not {self.max_tokens}.")
        if self.temperature is not None and not 0 <= self.temperature <= 2:  # noqa: PLR2004  # OpenAI's upper end
            raise UsageError(f"temperature must be between 0 and 2, not {self.temperature}.")
        if not self.chat:
            raise UsageError("A chat needs a name.")


class Session:
    """
    What one kernel (or program) keeps between questions.

    The parts that touch the world can be given: `environment` for variables, `engine_url` for where the
    embedded engine listens (it is started by the first call), `transport` for the network.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str] = os.environ,
        engine_url: Callable[[], str] | None = None,
        transport: Callable[[], Transport] | None = None,
    ) -> None:
        self._environment = environment
        self._engine_url = engine_url or _embedded_engine
        self._make_transport = transport or _real_transport
        self._transport: tuple[asyncio.AbstractEventLoop, Transport] | None = None
        self._chosen: Target | None = None
        self.chats: dict[str, Chat] = {}
        self.last: Reply | None = None

    def connections(self) -> dict[str, Connection]:
        """Return everything that can be asked now, by slug."""
        demo = known.demo()
        return {**known.from_environment(self._environment), demo.slug: demo}

    def default(self) -> Target | None:
        """Return the target in use: the chosen one, else the first connection the environment makes."""
        if self._chosen is not None:
            return self._chosen
        first = next((c for c in self.connections().values() if not c.preset.embedded), None)
        return known.resolve(first) if first else None

    def target(self, text: str = "") -> Target:
        """Read a target as a user writes it; raises `UsageError` where it names nothing."""
        return known.parse_target(text, self.connections(), self.default())

    def use(self, text: str) -> Target:
        """Make this the target of questions that name none."""
        self._chosen = self.target(text)
        return self._chosen

    def open(
        self, prompt: str, target: str = "", options: Options | None = None, origin: Origin | None = None
    ) -> Stream:
        """
        Prepare a question; it goes out when the Stream is entered.

        Raises `UsageError` for an empty prompt or an unknown target, `EngineError` when the embedded engine
        can't run here.
        """
        if not prompt.strip():
            raise UsageError("There is nothing to ask: the question is empty.")
        options, origin = options or Options(), origin or Origin()
        resolved = self.target(target)
        connection = self._located(resolved.connection)
        resolved = replace(resolved, connection=connection)
        chat = Chat() if options.alone else self.chats.setdefault(options.chat, Chat())
        if options.new:
            chat.turns.clear()
        dropped = chat.rewind(origin)
        question = Message("user", (Text(prompt),))
        request = Request(
            model=resolved.model,
            messages=(*chat.messages(str(resolved)), question),
            max_tokens=options.max_tokens or connection.preset.max_tokens,
            system=options.system,
            temperature=options.temperature,
            stop=options.stop,
        )

        def keep(reply: Reply) -> None:
            self.last = reply
            if reply.complete:
                chat.add(Turn(origin, str(resolved), question, Message("assistant", reply.blocks)))

        notes = [*resolved.notes, *_notes(options, chat, dropped)]
        return Stream(self, resolved, request, notes=tuple(notes), keep=keep)

    def probe(self, target: str, prompt: str, max_tokens: int) -> Stream:
        """Prepare a question that leaves no trace: neither in a chat nor as the last reply."""
        resolved = self.target(target)
        resolved = replace(resolved, connection=self._located(resolved.connection))
        request = Request(resolved.model, (Message("user", (Text(prompt),)),), max_tokens)
        return Stream(self, resolved, request, notes=resolved.notes, keep=lambda _: None)

    def transport(self) -> Transport:
        """Return the warm connections of the present loop; after a fork, new ones."""
        running = loop.running()
        if self._transport is None or self._transport[0] is not running:
            self._transport = (running, self._make_transport())
        return self._transport[1]

    def _located(self, connection: Connection) -> Connection:
        if connection.preset.embedded:
            return replace(connection, base_url=self._engine_url())
        return connection


class Stream:
    """
    One question under way: a context manager over its events.

    Iterate it for single events, or `batches(rest)` for what a painter wants; then `result()`. Leaving
    the block closes the connection, which stops the model. Closing is explicit since IPython keeps the
    frames of failed cells, and with them whatever a generator would hold open.
    """

    def __init__(
        self,
        session: Session,
        target: Target,
        request: Request,
        *,
        notes: tuple[str, ...],
        keep: Callable[[Reply], None],
    ) -> None:
        self.target = target
        self.request = request
        self.notes = notes
        self.fold = Fold()
        connection = target.connection
        call = messages_api.encode(request, connection)
        self._place = Place(connection.slug, target.model, call.url, connection.key_from)
        self._call = call
        self._session = session
        self._keep = keep
        self._feed: loop.Feed[Event] = loop.Feed()
        self._future: Future[None] | None = None
        self._begun = 0.0
        self._first: float | None = None
        self._ended: float | None = None
        self._reply: Reply | None = None

    def __enter__(self) -> Self:
        self._begun = time.perf_counter()
        work = converse(self._call, self._place, self._session.transport(), self._emit)
        self._future = loop.submit(work)
        self._future.add_done_callback(self._stopped)
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()
        if self._reply is None and self.fold.finished is not None:
            self._finish()
        elif self._reply is None:
            self.partial("not read to its end")

    def __iter__(self) -> Iterator[Event]:
        for batch in self.batches():
            yield from batch

    def batches(self, rest: Callable[[], float] = lambda: 0.0) -> Iterator[list[Event]]:
        """
        Give the events in batches until the end, an empty one where a quarter of a second brings none.

        `rest()` says for how many seconds nothing but the end needs to wake the caller.
        """
        while self.fold.finished is None:
            self._feed.rest(rest())
            batch = self._feed.get(_PATIENCE)
            for event in batch:
                self.fold.add(event)
            yield batch

    @property
    def reply(self) -> Reply | None:
        """What has come, whole or partial, once the stream has ended."""
        return self._reply

    async def wait(self) -> None:
        """Take the events until the end, on the caller's own event loop; cancelling it stops the model."""
        assert self._future is not None  # noqa: S101  # only inside the block
        await asyncio.wrap_future(self._future)
        while self.fold.finished is None:
            for event in self._feed.get(0):
                self.fold.add(event)

    @property
    def url(self) -> str:
        """The final URL of the request."""
        return self._place.url

    def cancel(self) -> None:
        """Stop: the connection closes, nothing more comes. Safe to call twice, and after the end."""
        if self._future is not None:
            self._future.cancel()

    def partial(self, ended: str) -> Reply:
        """End here: return what has come as an incomplete Reply, kept as the last one."""
        self._ended = self._ended or time.perf_counter()
        return self._finish(ended=ended, complete=False)

    def result(self) -> Reply:
        """
        Return the Reply once the stream has ended.

        Raises `IncompleteReply`, holding it, when the stream broke after something had come, and the
        endpoint's own error when nothing had.
        """
        if self._reply is None:
            self._finish()
        reply, error = self._reply, self.fold.error
        assert reply is not None  # noqa: S101  # _finish has just made it
        if error is None:
            return reply
        bare(error)
        if not self.fold.has_content:
            raise error
        msg = f"The answer is incomplete: {error.message}"
        hint = error.hint or "Run the cell again; what came is in xiantong_nb.last()."
        raise IncompleteReply(msg, reply=reply, hint=hint, where=error.where or str(self._place))

    def _emit(self, event: Event) -> None:
        """Run on the loop: stamp the first word and the end where they happen, not where they are read."""
        if self._first is None and isinstance(event, _CONTENT):
            self._first = time.perf_counter()
        elif isinstance(event, Finished):
            self._ended = time.perf_counter()
        self._feed.put(event, urgent=isinstance(event, Finished))

    def _stopped(self, future: Future[None]) -> None:
        """Make sure that every stream ends with an event, whatever went wrong in this package."""
        if future.cancelled():
            self._feed.put(Finished(complete=False, error=IncompleteReply("It was cancelled.")), urgent=True)
        elif (error := future.exception()) is not None:
            msg = f"This package failed while it read the answer ({type(error).__name__}). Please report it."
            self._feed.put(Finished(complete=False, error=XiantongError(msg, where=str(self._place))), urgent=True)

    def _finish(self, **also: Any) -> Reply:
        target, request = self.target, self.request
        ended = self._ended or time.perf_counter()
        reply = self.fold.reply(
            connection=target.connection.slug,
            seconds=round(ended - self._begun, 4),
            first_token_seconds=round(self._first - self._begun, 4) if self._first else None,
            parameters=_parameters(request),
            notes=self.notes,
            **also,
        )
        reply = replace(reply, model=reply.model or target.model)
        cost, source = cost_of(reply, target.connection)
        self._reply = replace(reply, cost=cost, cost_source=source)
        self._keep(self._reply)
        return self._reply


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
            shown = shown or isinstance(event, _CONTENT)
            emit(event)

        error = await _once(call, place, transport, show)
        if error is None:
            return
        wait = None if shown else retry.delay(error, attempt, chance)
        if wait is None:
            emit(Finished(complete=False, error=error))
            return
        emit(Waiting(wait, error.message, attempt))
        await sleep(wait)


async def _once(call: HttpCall, place: Place, transport: Transport, emit: Emit) -> XiantongError | None:
    """Send the call once and pass on its events; return what failed instead of a last event."""
    try:
        async with transport.send(call, place) as answer:
            request_id = request_id_of(answer.headers)
            emit(Answered(request_id))
            if not answer.is_stream:
                for event in messages_api.decode_whole(await answer.whole(), place, request_id=request_id):
                    emit(event)
                return None
            parser, decoder = Parser(), messages_api.Decoder(place, request_id=request_id)
            async for chunk in answer.chunks():
                for sent in parser.feed(chunk):
                    for event in decoder.feed(sent):
                        emit(event)
                if decoder.finished:
                    return None
            for event in decoder.end():
                emit(event)
    except XiantongError as error:
        return error
    return None


def cost_of(reply: Reply, connection: Connection) -> tuple[float | None, str]:
    """Return (USD, whose figure): the endpoint's own, else the dated table's, else (None, "")."""
    usage, preset = reply.usage, connection.preset
    if usage.cost is not None:
        return usage.cost, f"{connection.slug}'s figure"
    if preset.embedded:
        return 0.0, "a toy, free"
    price = PRICES.get(reply.model) if preset.priced_by_table and connection.base_url == preset.base_url else None
    if price is None or usage.input_tokens is None or usage.output_tokens is None:
        return None, ""
    read, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    long = min(usage.cache_write_1h_tokens or 0, written)
    if read and price.read is None:
        return None, ""
    millionths = usage.input_tokens * price.input + usage.output_tokens * price.output + read * (price.read or 0)
    return (millionths + (written - long) * price.write_5m + long * price.write_1h) / 1e6, "list price"


def bare(error: XiantongError) -> XiantongError:
    """Drop the frames and causes of an error that comes from the loop's thread: they hold requests."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def _notes(options: Options, chat: Chat, dropped: int) -> list[str]:
    """Say what the question continued, and what re-running its cell dropped."""
    notes = []
    if chat.turns:
        count = f"{len(chat.turns)} turn{'s' if len(chat.turns) > 1 else ''}"
        notes.append(f"chat {options.chat}, {count}, about {chat.about_tokens():,} tokens")
    if dropped:
        notes.append(f"re-run: dropped {dropped} turn{'s' if dropped > 1 else ''}")
    return notes


def _parameters(request: Request) -> dict[str, Any]:
    """Return what was asked for beside the conversation."""
    told = {name: value for name, value in asdict(request).items() if name not in ("model", "messages")}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in told.items()
        if value not in (None, "", ())
    }


def _embedded_engine() -> str:
    from xiantong_nb import engine

    return engine.shared().base_url


def _real_transport() -> Transport:
    from xiantong_nb.transport import Transport

    return Transport()
