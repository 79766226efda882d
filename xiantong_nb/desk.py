"""
The desk behind a form: takes what its page asks, has it done elsewhere, and answers each request exactly once.

    take(dict) --slips--> Slip --> a turn: what is short, one after the other   --clerk--> send(answer)
                               --> an errand: asks an endpoint, can be ended    --clerk--> send(progress) send(answer)

It knows no user interface: `send` brings a dict to the page, from any thread. `take` returns at once, on any thread:
a page's messages come one by one, and what waited in front would keep Cancel from being heard.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

from xiantong_nb import shown, slips
from xiantong_nb.clerk import USUAL, Clerk
from xiantong_nb.errors import UsageError, XiantongError
from xiantong_nb.ticket import Ticket

if TYPE_CHECKING:
    from collections.abc import Callable

    from xiantong_nb.clerk import Answer, Times
    from xiantong_nb.session import Session
    from xiantong_nb.shown import Json

_ERRANDS, _TURNS = 4, 64
_CANCELLED = "It was cancelled."


class Desk:
    """What one form asks of a session. `greeting` is added to the answer to hello."""

    def __init__(
        self,
        session: Session,
        send: Callable[[Json], None],
        *,
        greeting: Json | None = None,
        times: Times = USUAL,
    ) -> None:
        self._clerk = Clerk(session, times)
        self._times = times
        self._send = send
        self._greeting = greeting or {}
        self._lock = threading.Lock()
        self._errands: dict[int | str, Ticket] = {}
        self._turns: deque[tuple[Ticket, Callable[[], Answer]]] = deque()
        self._serving = False
        self._closed = False

    def take(self, message: object) -> None:
        """Take one message of the page. What holds no id that an answer could carry is not answered."""
        key = slips.typed(message)
        number = slips.id_of(message)
        if number is None:
            return
        ticket = Ticket(number, self._out)
        try:
            slip = slips.read(message, key)
        except UsageError as error:
            ticket.answer("result", shown.failure(error))
            return

        def work() -> Answer:
            kind, told = self._clerk.do(slip, key, ticket)
            return kind, told | (self._greeting if isinstance(slip, slips.Hello) else {})

        match slip:
            case slips.Cancel(of=of):
                self._cancel(of)
                ticket.answer("cancelled", {})
            case slips.Test() | slips.Models():
                self._begin(slip.id, ticket, work)
            case _:
                self._queue(ticket, work)

    def look(self, *, changed: bool) -> None:
        """Do what time brings: forget a key that was kept for long; where something has changed, tell the page."""
        self._clerk.forget(old=True)
        if changed:
            self._queue(Ticket(None, self._out), self._clerk.news)

    def close(self) -> None:
        """End what is under way and forget keys; nothing is sent any more."""
        self._closed = True
        self._clerk.forget()
        for ticket in list(self._errands.values()):
            ticket.end("cancelled", "The wizard was closed.")

    def _out(self, message: Json) -> None:
        if not self._closed:
            self._send(message)

    def _queue(self, ticket: Ticket, work: Callable[[], Answer]) -> None:
        """Have it done when its turn comes, by a thread that ends when nobody waits any more."""
        with self._lock:
            full = len(self._turns) >= _TURNS
            if not full:
                self._turns.append((ticket, work))
            start, self._serving = not (full or self._serving), True
        if full:
            ticket.answer("result", _too_many())
        elif start:
            threading.Thread(target=self._serve, name="xiantong-desk", daemon=True).start()

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._turns:
                    self._serving = False
                    return
                ticket, work = self._turns.popleft()
            self._answer(ticket, work)

    def _begin(self, number: int | str, ticket: Ticket, work: Callable[[], Answer]) -> None:
        """Have it done beside everything else."""
        with self._lock:
            full = len(self._errands) >= _ERRANDS or number in self._errands
            if not full:
                self._errands[number] = ticket
        if full:
            ticket.answer("result", _too_many())
            return

        def run() -> None:
            ticket.limit(self._times.errand)
            with ticket.scope:
                self._answer(ticket, work)
            with self._lock:
                del self._errands[number]

        threading.Thread(target=run, name="xiantong-errand", daemon=True).start()

    def _cancel(self, of: int | str) -> None:
        """End a request that is under way, and forget the key of one that was answered."""
        if (ticket := self._errands.get(of)) is not None:
            ticket.end("cancelled", _CANCELLED)
        self._clerk.forget(of)  # after the end: what is only beginning looks whether it was ended

    def _answer(self, ticket: Ticket, work: Callable[[], Answer]) -> None:
        """Do the work, and answer whatever comes of it."""
        try:
            kind, told = work()
        except XiantongError as error:
            kind, told = "result", shown.failure(error)
        except CancelledError:
            ticket.end("cancelled", _CANCELLED)  # unless whoever cancelled it has said so
            return
        except Exception as error:  # noqa: BLE001  # the page gets its answer; an unknown error's text may hold anything
            failed = XiantongError(f"This package failed ({type(error).__name__}).", hint="Please report it.")
            kind, told = "result", shown.failure(failed)
        ticket.answer(kind, told)


def _too_many() -> Json:
    return shown.failure(XiantongError("Too many requests at once.", hint="Wait for the others, or cancel one."))
