"""How long an answer is waited for, stage by stage."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Patience in seconds: for the connection, for the first byte of the answer, between two bytes, between two words.

    A server on this machine may load a model before its first byte, hence the longer `first_byte_local`. `quiet`
    is for endpoints that send signs of life and nothing else, `tail` for what may follow a whole answer.
    """

    connect: float = 5.0
    first_byte: float = 60.0
    first_byte_local: float = 600.0
    idle: float = 60.0
    quiet: float = 300.0
    tail: float = 2.0


class Guard:
    """One time-out for a whole exchange, moved on as bytes come (a new one per chunk would cost more)."""

    def __init__(self, timeout: asyncio.Timeout, limits: Limits, *, local: bool) -> None:
        first_byte = limits.first_byte_local if local else limits.first_byte
        self._timeout = timeout
        self._idle, self._tail = limits.idle, limits.tail
        self._quiet = max(limits.quiet, first_byte) if local else limits.quiet
        self._moves = 0.0  # when the next byte moves the time-out on
        self._now = asyncio.get_running_loop().time
        self._no_news_since: float | None = None
        self.broken = f"did not begin to answer within {first_byte:g} s"

    def alive(self) -> None:
        """Bytes have come."""
        now = self._now()
        if now >= self._moves:
            self._moves = now + self._idle / 60
            self._timeout.reschedule(now + self._idle)
            self.broken = f"sent nothing more for {self._idle:g} s"

    def heard(self, *, news: bool, told_all: bool) -> None:
        """Note whether what has come was news; raises `TimeoutError` where there has been none for too long."""
        if news:
            self._no_news_since = None
        elif self._no_news_since is None:
            self._no_news_since = self._now()
        elif self._now() - self._no_news_since > self._quiet:
            self.broken = f"sent signs of life and nothing else for {self._quiet:g} s"
            raise TimeoutError
        if told_all:
            self._timeout.reschedule(self._now() + self._tail)
