"""The turns of one connection: as many questions at once as it bears, fewer after it was busy."""

from __future__ import annotations

import asyncio
import math
from collections import deque

_LATER = 0.02  # seconds: a loop calls early by up to a tick of its clock, 15.6 ms on Windows before Python 3.13


class Gate:
    """
    A context manager per question, entered on the loop alone.

    `most` is the number at once while nothing goes wrong. Each time the endpoint is busy the number is halved, down to
    one, and nobody enters until it wants to be asked again; answers raise it, by about one for as many as go at once.
    That is how TCP shares a line: what many senders do, each without knowing of the others.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._width = float(most)
        self._inside = 0
        self._closed_until = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def width(self) -> int:
        """How many may go at once now."""
        return int(self._width)

    async def __aenter__(self) -> None:
        now = asyncio.get_running_loop().time
        while self._inside >= self.width or now() < self._closed_until:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            finally:
                self._waiting.remove(turn)
        self._inside += 1

    async def __aexit__(self, *_: object) -> None:
        self._inside -= 1
        self._wake()

    def busy(self, seconds: float) -> None:
        """Note that the endpoint wants to be asked again after this time: of several at one moment, one counts."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._closed_until:
            self._width = max(self._width / 2, 1.0)
        self._closed_until = max(self._closed_until, loop.time() + seconds)
        loop.call_at(self._closed_until + _LATER, self._wake)

    def answered(self) -> None:
        """Note an answer."""
        self._width = min(self._width + 1 / self._width, float(self.most))
        self._wake()

    def close(self) -> None:
        """Let nobody in any more."""
        self._closed_until = math.inf

    def _wake(self) -> None:
        """Have all look whether it is their turn, in their order; they are few."""
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(None)
