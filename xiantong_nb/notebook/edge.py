"""Where errors leave for the notebook: one short block instead of a traceback."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING

from xiantong_nb.errors import XiantongError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_HASTE = 0.3  # seconds


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """
    Let our errors and interrupts pass, each with its own short rendering.

    `_render_traceback_` is set on the instance, which IPython asks for (measured with 9.18): the front end
    gets an `error` with class and message, Run All stops, nbclient saves it, and no frame, nor a key in
    one, is ever rendered. On the class it would hide the user's own line when `ask()` fails in their code.
    """
    try:
        yield
    except XiantongError as error:
        _render(error, f"{type(error).__name__}: {error}")
        raise
    except KeyboardInterrupt as stop:
        _render(stop, " ".join(["KeyboardInterrupt: stopped.", *getattr(stop, "__notes__", ())]))
        raise


@contextlib.contextmanager
def one_interrupt() -> Iterator[None]:
    """
    Take interrupts that follow each other in haste for one.

    A second one would leave half made what the first has begun: the output that stays here, the reply to the
    front end in ipykernel. So after an interrupt the handler stays until its moment is over: ipykernel sets
    its own again for the next cell, elsewhere it does what the one before it did.
    """
    found = _handler()
    if found is None:
        yield
        return
    before = getattr(found, "before", found)
    deaf_until = 0.0

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal deaf_until
        now = time.monotonic()
        if now >= deaf_until:
            deaf_until = now + _HASTE
            before(number, frame)

    hear.before = before  # type: ignore[attr-defined]
    signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        if not deaf_until:
            signal.signal(signal.SIGINT, found)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Let an interrupt wait for the end of the block, which must be short."""
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


def _render(error: BaseException, text: str) -> None:
    error._render_traceback_ = lambda: [text]  # type: ignore[attr-defined]  # IPython's protocol
