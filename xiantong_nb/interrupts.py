"""Interrupts by Ctrl-C or a front end's button: several in haste are one, and one can be made to wait."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_HASTE = 0.3  # seconds


@contextlib.contextmanager
def one_interrupt() -> Iterator[Callable[[], None]]:
    """
    Take interrupts that follow each other in haste for one; give what raises one that was heard, but got lost.

    Python drops an exception that is raised while a finalizer runs, and some libraries catch all of them. So a loop
    that waits asks at each turn.

    A second one would leave half made what the first has begun: the output that stays here, the reply to the
    front end in ipykernel. So after an interrupt the handler stays until its moment is over: ipykernel sets
    its own again for the next cell, elsewhere it does what the one before it did.
    """
    found = _handler()
    if found is None:
        yield lambda: None
        return
    before = getattr(found, "before", found)
    deaf_until = 0.0

    def raise_lost() -> None:
        if deaf_until:
            raise KeyboardInterrupt

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal deaf_until
        now = time.monotonic()
        if now >= deaf_until:
            deaf_until = now + _HASTE
            before(number, frame)

    hear.before = before  # type: ignore[attr-defined]
    signal.signal(signal.SIGINT, hear)
    try:
        yield raise_lost
    finally:
        if not deaf_until:
            signal.signal(signal.SIGINT, found)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Let an interrupt wait for the end of the block, which must be short, however it ends."""
    found = _handler()
    if found is None:
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda *what: came.append(what))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, found)
        if came:
            found(*came[0])


def _handler() -> Callable[[int, FrameType | None], object] | None:
    """Return what hears interrupts; None in threads other than the main one, which signals never reach."""
    found = signal.getsignal(signal.SIGINT)
    return found if threading.current_thread() is threading.main_thread() and callable(found) else None
