"""
One background event loop for everything that waits, and the hand-over of its results to other threads.

The thread of a cell only takes events from a queue, so an interrupt leaves it at once; cancelling the task
closes the socket. A forked child gets a loop of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import threading
import time
from collections import deque
from concurrent.futures import wait
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future
    from contextvars import Token

T = TypeVar("T")

STEP = 0.25
"""The longest wait in one piece, in seconds: Windows can't interrupt a wait for a lock."""

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def running() -> asyncio.AbstractEventLoop:
    """Return the loop, started on first use in a daemon thread."""
    global _loop  # noqa: PLW0603  # one loop per process is this module's whole purpose
    with _lock:
        if _loop is None:
            made = asyncio.new_event_loop()
            threading.Thread(target=made.run_forever, name="xiantong-loop", daemon=True).start()
            _loop = made  # only now: what is given to a loop that does not run would wait forever
        return _loop


def started() -> asyncio.AbstractEventLoop | None:
    """Return the loop of this process, if it has one yet."""
    return _loop


def submit(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Start `work` on the loop. The future can be waited for, and cancelled, from any thread."""
    future = asyncio.run_coroutine_threadsafe(work, running())
    if (scope := _scope.get()) is not None:
        scope.add(future)
    return future


def result(work: Coroutine[Any, Any, T]) -> T:
    """
    Do `work` on the loop and wait for it; an interrupt leaves at once and cancels it.

    Its failure is raised without its frames and causes: those of requests hold headers, and so keys.
    """
    future = submit(work)
    try:
        while not future.done():
            wait([future], STEP)
        failure = future.exception()
        if failure is None:
            return future.result()
    finally:
        future.cancel()
    failure.__traceback__ = failure.__context__ = failure.__cause__ = None
    raise failure


def _forget() -> None:
    """In a forked child the thread is gone while the loop object looks alive: a submit would hang."""
    global _loop, _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _loop = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class Scope:
    """
    What one thread does within `with scope:`, so that another thread can end it.

    Cancelled is all that it has going on the loop, and at once whatever it still starts there: work that waits in
    several places, one after the other, need not know that it can be ended.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._going: set[Future[Any]] = set()
        self._token: Token[Scope | None] | None = None
        self.cancelled = False

    def __enter__(self) -> Self:
        self._token = _scope.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _scope.reset(self._token)

    def add(self, future: Future[Any]) -> None:
        """Take in what was started; when the scope is cancelled, so is this."""
        with self._lock:
            self._going.add(future)
            if self.cancelled:
                future.cancel()
        future.add_done_callback(self._drop)

    def cancel(self) -> None:
        """End it, from any thread; twice does no harm."""
        with self._lock:
            self.cancelled = True
            going = list(self._going)
        for future in going:
            future.cancel()

    def _drop(self, future: Future[Any]) -> None:
        with self._lock:
            self._going.discard(future)


_scope: ContextVar[Scope | None] = ContextVar("xiantong_scope", default=None)


class Feed(Generic[T]):
    """
    A queue from the loop to one other thread: many small puts, few large gets.

    A reader that rests between two gets is woken some ten times a second instead of once per item, which
    would have both threads fight for the interpreter's lock.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[T] = queue.SimpleQueue()
        self._came: deque[T] = deque()
        self._urgent = threading.Event()
        self.put = self._queue.put
        """Add one item; never blocks."""

    def wake(self) -> None:
        """End the reader's rest, now and later."""
        self._urgent.set()

    def rest(self, seconds: float) -> None:
        """Sleep, unless the reader is woken, or was before; in steps."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._urgent.wait(min(left, STEP)):
            pass

    def wait(self, timeout: float = STEP) -> None:
        """Return when there is something to get, at the latest after `timeout` seconds; an interrupt loses nothing."""
        if not self._came:
            with contextlib.suppress(queue.Empty):
                # no line of Python stands between leaving the queue and being kept here, so no interrupt does
                self._came.extend(map(self._queue.get, (True,), (timeout,)))

    def get(self) -> list[T]:
        """Return everything there is; a thread that can be interrupted gets and takes it within `held()`."""
        items = [*self._came, *[self._queue.get_nowait() for _ in range(self._queue.qsize())]]
        self._came.clear()
        return items
