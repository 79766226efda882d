"""One request of a page under way: it can say how far it is, can be ended, and is answered once, whoever is first."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from xiantong_nb import loop
from xiantong_nb.slips import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from xiantong_nb.kinds import Kind
    from xiantong_nb.shown import Json


class Ticket:
    """
    The answer that a request will get. Without a number it is news, which nobody has asked for.

    What works for it on the loop does so within `scope`, and stops when it is ended.
    """

    def __init__(self, number: int | str | None, send: Callable[[Json], None]) -> None:
        self.number = number
        self.scope = loop.Scope()
        self._send = send
        self._lock = threading.Lock()
        self._answered = False
        self._limit: Future[None] | None = None

    def say(self, told: Json) -> None:
        """Send how far it is; nothing after the answer."""
        with self._lock:
            if not self._answered:
                self._send(self._message("progress", told))

    def answer(self, kind: str, told: Json) -> None:
        """Send the answer, unless it has been sent; one without a kind is not sent at all."""
        with self._lock:
            before, self._answered = self._answered, True
            if kind and not before:
                self._send(self._message(kind, told))
        if self._limit is not None:
            self._limit.cancel()

    def end(self, kind: Kind, message: str, hint: str = "") -> None:
        """Answer now that it was ended, and stop what works for it."""
        told = {"ok": False, "kind": kind, "field": "", "message": message, "hint": hint, "where": ""}
        self.answer("result", told)
        self.scope.cancel()

    def limit(self, seconds: float) -> None:
        """End it when so much time has passed from now; a later limit takes the place of an earlier one."""
        if self._limit is not None:
            self._limit.cancel()
        self._limit = loop.submit(self._expire(seconds))

    async def _expire(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        hint = "Try it again. If it stays so, check the base URL, and the server's own log."
        self.end("timeout", f"There was no answer within {seconds:.0f} s.", hint)

    def _message(self, kind: str, told: Json) -> Json:
        re = {} if self.number is None else {"re": self.number}
        return {"v": VERSION, **re, "type": kind, **told}
