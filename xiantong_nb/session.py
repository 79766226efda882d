"""
The one place where the parts meet: a question becomes a request, and its answer is kept.

    target --resolve--> Connection, chat --> Request --Stream--> Reply --> chat, last

A Session holds what a kernel keeps: the target in use, the chats, the last reply, the warm connections.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xiantong_nb import connection as known
from xiantong_nb import loop
from xiantong_nb.chats import Chat, Origin, Turn
from xiantong_nb.errors import UsageError
from xiantong_nb.request import Message, Request, Text
from xiantong_nb.streaming import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xiantong_nb.connection import Connection, Target
    from xiantong_nb.reply import Reply
    from xiantong_nb.transport import Transport

_CLOSING = 2.0  # seconds: closing asks nobody


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
        if self.max_tokens is not None and not (isinstance(self.max_tokens, int) and self.max_tokens >= 1):
            raise UsageError(f"max_tokens must be a whole number from 1, not {self.max_tokens!r}.")
        if self.temperature is not None and not _is_temperature(self.temperature):
            raise UsageError(f"temperature must be a number from 0 to 2, not {self.temperature!r}.")
        if not all(isinstance(text, str) and text for text in self.stop):
            raise UsageError("stop must be text that is not empty, or several such texts.")
        if not isinstance(self.system, str):
            raise UsageError(f"system must be text, not {type(self.system).__name__}.")
        if not (isinstance(self.chat, str) and self.chat):
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
        self._chosen = ""
        self.chats: dict[str, Chat] = {}
        self.last: Reply | None = None

    def connections(self) -> dict[str, Connection]:
        """Return everything that can be asked now, by slug."""
        demo = known.demo()
        return {**known.from_environment(self._environment), demo.slug: demo}

    def default(self) -> Target | None:
        """Return the target in use; raises `UsageError` where that can't be asked any more."""
        in_use = self._in_use()
        return self.target(in_use) if in_use else None

    def target(self, text: str = "") -> Target:
        """Read a target as a user writes it; raises `UsageError` where it names nothing."""
        return known.parse_target(text, self.connections(), self._in_use())

    def use(self, text: str) -> Target:
        """Make this the target of questions that name none."""
        target = self.target(text)
        self._chosen = str(target)
        return target

    def open(
        self, prompt: str, target: str = "", options: Options | None = None, origin: Origin | None = None
    ) -> Stream:
        """
        Prepare a question; it goes out when the Stream is entered.

        Raises `UsageError` for an empty prompt or an unknown target, `EngineError` when the embedded engine
        can't run here.
        """
        if not isinstance(prompt, str):
            raise UsageError(f"A question is text, not {type(prompt).__name__}.")
        if not prompt.strip():
            raise UsageError("There is nothing to ask: the question is empty.")
        options, origin = options or Options(), origin or Origin()
        resolved = self._located(target)
        chat = Chat() if options.alone else self.chats.setdefault(options.chat, Chat())
        past = Chat() if options.new else chat.before(origin)
        question = Message("user", (Text(prompt),))
        request = Request(
            model=resolved.model,
            messages=(*past.messages(str(resolved)), question),
            max_tokens=options.max_tokens or resolved.connection.preset.max_tokens,
            system=options.system,
            temperature=options.temperature,
            stop=options.stop,
        )

        def keep(reply: Reply) -> None:
            self.last = reply
            if reply.complete:  # only now: what fails costs nothing of the conversation
                chat.turns[:] = [] if options.new else chat.before(origin).turns
                chat.add(Turn(origin, str(resolved), question, Message("assistant", reply.blocks)))

        dropped = 0 if options.new else len(chat.turns) - len(past.turns)
        notes = [*resolved.notes, *_notes(options, past, dropped)]
        return Stream(resolved, request, transport=self._transport_here, notes=tuple(notes), keep=keep)

    def probe(self, target: str, prompt: str, max_tokens: int) -> Stream:
        """Prepare a question that leaves no trace: neither in a chat nor as the last reply."""
        resolved = self._located(target)
        request = Request(resolved.model, (Message("user", (Text(prompt),)),), max_tokens)
        return Stream(resolved, request, transport=self._transport_here, notes=resolved.notes)

    def close(self) -> None:
        """Close the connections that are kept warm; another question would make new ones."""
        kept, self._transport = self._transport, None
        if kept is not None and kept[0] is loop.started():  # else they are the parent's of this forked child
            loop.submit(kept[1].aclose()).result(_CLOSING)

    def _in_use(self) -> str:
        """Name what is asked by questions that name none: the chosen target, else the environment's first."""
        return self._chosen or next((c.slug for c in self.connections().values() if not c.preset.embedded), "")

    def _located(self, text: str) -> Target:
        """Read a target, and find out where the embedded engine listens, which starts it."""
        target = self.target(text)
        if target.connection.preset.embedded:
            return replace(target, connection=replace(target.connection, base_url=self._engine_url()))
        return target

    def _transport_here(self) -> Transport:
        """Return the warm connections of the running loop, made on it and only there; after a fork, new ones."""
        here = asyncio.get_running_loop()
        if self._transport is None or self._transport[0] is not here:
            self._transport = (here, self._make_transport())
        return self._transport[1]


def _is_temperature(value: object) -> bool:
    """Whether any provider takes it: OpenAI's range is the widest."""
    return isinstance(value, int | float) and 0 <= value <= 2  # noqa: PLR2004


def _notes(options: Options, chat: Chat, dropped: int) -> list[str]:
    """Say what the question continued, and what re-running its cell dropped."""
    notes = []
    if chat.turns:
        count = f"{len(chat.turns)} turn{'s' if len(chat.turns) > 1 else ''}"
        notes.append(f"chat {options.chat}, {count}, about {chat.about_tokens():,} tokens")
    if dropped:
        notes.append(f"re-run: dropped {dropped} turn{'s' if dropped > 1 else ''}")
    return notes


def _embedded_engine() -> str:
    from xiantong_nb import engine

    return engine.shared().base_url


def _real_transport() -> Transport:
    from xiantong_nb.transport import Transport

    return Transport()
