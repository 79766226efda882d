"""
Questions under way as the thread that asked reads them: several at once, or one.

That thread rests between frames, and only the last end wakes it: woken by each token, it and the loop's thread fought
for the interpreter's lock (0.67 s of CPU became 0.14 s for 3,000 tokens).
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Self

from xiantong_nb import loop
from xiantong_nb.errors import IncompleteReply, UnfitReply, UsageError
from xiantong_nb.interrupts import held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from xiantong_nb.connection import Target
    from xiantong_nb.events import Event
    from xiantong_nb.lane import Lane
    from xiantong_nb.reply import Reply


class Lanes:
    """
    Questions under way at once, read from one queue.

    None knows of the others: one that fails, waits or is stopped leaves them as they are. `at_once` is the number of
    requests that one connection has to bear, unless said all of them; further ones wait for their turn.
    """

    def __init__(self, lanes: Sequence[Lane], at_once: int = 0) -> None:
        self.lanes = tuple(lanes)
        self._at_once = at_once or len(self.lanes)
        self._feed: loop.Feed[tuple[Lane, Event]] = loop.Feed()
        self._going = set(self.lanes)
        self._futures: list[Future[None]] = []
        self._batch: Iterator[tuple[Lane, Event]] = iter(())

    def begin(self) -> None:
        """Send them all; raises `UsageError` where they have gone out already."""
        turns = {lane.target.connection.slug: asyncio.Semaphore(self._at_once) for lane in self.lanes}
        try:
            for lane in self.lanes:
                future = lane.begin(self._feed.put, turns[lane.target.connection.slug])
                future.add_done_callback(functools.partial(self._ends, lane))
                self._futures.append(future)
        except KeyboardInterrupt:
            self.end("interrupted")
            raise

    def batches(self, rest: Callable[[], float] = lambda: 0.0) -> Iterator[list[tuple[Lane, Event]]]:
        """
        Give the events of all in batches until the last end, an empty one where a quarter of a second brings none.

        `rest()` says for how many seconds nothing but the last end needs to wake the caller.
        """
        self._must_be_sent()
        while any(lane.fold.finished is None for lane in self.lanes):
            self._feed.rest(rest())
            self._feed.wait()
            yield self._take()

    async def wait(self) -> None:
        """Take the events until the end, on the caller's own event loop."""
        await asyncio.wait([asyncio.wrap_future(future) for future in self._must_be_sent()])
        self._take()

    def end(self, ended: str) -> None:
        """End those here that have not ended; what had come is taken, and perhaps the end itself."""
        with held():
            came = self._feed.get()
            for lane in self.lanes:
                lane.stop()  # before anything that takes time: the models write on meanwhile
            for lane, event in (*self._batch, *came):
                lane.take(event)
            for lane in self.lanes:
                lane.end(ended)

    def _take(self) -> list[tuple[Lane, Event]]:
        """Add up what has come, and return it; an interrupt waits meanwhile, or it would lose what left the queue."""
        with held():
            batch = self._feed.get()
            self._batch = iter(batch)  # what a failure leaves of it is taken at the end
            for lane, event in self._batch:
                lane.take(event)
        return batch

    def _ends(self, lane: Lane, _: Future[None]) -> None:
        """Run when it is over. The last one wakes the reader, which would rest no more if each did."""
        self._going.discard(lane)
        if not self._going:
            self._feed.wake()

    def _must_be_sent(self) -> list[Future[None]]:
        if not self._futures:
            raise UsageError("The question has not gone out.", hint="It goes out by `with stream(...) as events:`.")
        return self._futures


class Stream:
    """
    One question under way: a context manager over its events.

    Iterate it for single events, or `batches(rest)` for what a painter wants, or go straight to `result()`.
    Leaving the block closes the connection, which stops the model. Closing is explicit since IPython keeps
    the frames of failed cells, and with them whatever a generator would hold open.

    Events are added up in the caller's thread, as they are read.
    """

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self._lanes = Lanes([lane])

    @property
    def target(self) -> Target:
        """What is asked."""
        return self.lane.target

    @property
    def reply(self) -> Reply | None:
        """What has come, whole or partial, once the stream has ended."""
        return self.lane.reply

    @property
    def only_failed(self) -> bool:
        """Whether the endpoint's failure is all there is: then there is no reply to speak of."""
        return self.lane.only_failed

    def __enter__(self) -> Self:
        self._lanes.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.partial("not read to its end")

    def __iter__(self) -> Iterator[Event]:
        for batch in self.batches():
            yield from batch

    def batches(self, rest: Callable[[], float] = lambda: 0.0) -> Iterator[list[Event]]:
        """As those of `Lanes`, for one."""
        for batch in self._lanes.batches(rest):
            yield [event for _, event in batch]

    async def wait(self) -> None:
        """Take the events until the end, on the caller's own event loop."""
        await self._lanes.wait()

    def stop(self) -> None:
        """Close the connection, from any thread: the end comes after what came before. Twice does no harm."""
        self.lane.stop()

    def partial(self, ended: str) -> Reply:
        """End here, unless it has ended: `ended` says why. Return what was read as a Reply."""
        self._lanes.end(ended)
        return self.lane.end(ended)

    def result(self) -> Reply:
        """
        Return the Reply, after reading what has not been read.

        Raises `IncompleteReply`, holding it, when the stream broke after something had come, the endpoint's own error
        when nothing had, and `UnfitReply` for a whole answer that is not what its schema asks for.
        """
        for _ in self._lanes.batches(lambda: loop.STEP):
            pass
        reply, error = self.partial("not read to its end"), self.lane.error
        if error is None:
            return reply
        if self.lane.only_failed or isinstance(error, UnfitReply):
            raise error
        msg = f"The answer is incomplete: {error.message}"
        hint = error.hint or "Run the cell again; what came is in xiantong_nb.last()."
        raise IncompleteReply(msg, reply=reply, hint=hint, where=error.where)
