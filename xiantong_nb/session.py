"""
The one place where the parts meet: a question becomes a request, and its answer is kept.

    target --resolve--> Connection, chat --> Request --Stream--> Reply --> chat, last

A Session holds what a kernel keeps: the target in use, the chats, the last reply, the warm connections.
"""

from __future__ import annotations

import asyncio
import functools
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from xiantong_nb import connection as known
from xiantong_nb import home, loop
from xiantong_nb.advice import explained
from xiantong_nb.base_url import origin
from xiantong_nb.chats import Chat, Origin
from xiantong_nb.comparing import Comparing, refuse_number
from xiantong_nb.environment import from_environment
from xiantong_nb.errors import StoreError, XiantongError
from xiantong_nb.handover import Handover
from xiantong_nb.lane import Lane
from xiantong_nb.lists import Lists
from xiantong_nb.options import Options
from xiantong_nb.question import Question
from xiantong_nb.request import Message, Request, Text
from xiantong_nb.store import Store
from xiantong_nb.streaming import Stream
from xiantong_nb.used import Used

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, MutableMapping, Sequence
    from pathlib import Path

    from xiantong_nb.comparison import Comparison
    from xiantong_nb.connection import Connection, Listed, Target
    from xiantong_nb.exchange import Learnt
    from xiantong_nb.question import Keys
    from xiantong_nb.reply import Reply
    from xiantong_nb.request import Typed
    from xiantong_nb.results import Results
    from xiantong_nb.transport import Transport

    Ready = tuple[Sequence[Target], Mapping[str, Connection], Keys]

T = TypeVar("T")
_CLOSING = 2.0  # seconds: closing asks nobody


class Session:
    """
    What one kernel (or program) keeps between questions.

    The parts that touch the world can be given: `environment` for variables, `folder` for the saved connections
    (else where the environment says), `engine_url` for where the embedded engine listens (it is started by
    the first call), `transport` for the network.
    """

    def __init__(
        self,
        *,
        environment: MutableMapping[str, str] = os.environ,
        folder: Path | None = None,
        engine_url: Callable[[], str] | None = None,
        transport: Callable[[], Transport] | None = None,
    ) -> None:
        self.environment = environment
        self.handover = Handover(environment)
        """What of a connection was put into that environment."""
        self._folder = folder
        self._engine_url = engine_url or _embedded_engine
        self._make_transport = transport or _real_transport
        self._transport: tuple[asyncio.AbstractEventLoop, Transport] | None = None
        self.chosen = ""  # what questions of this process ask that name nothing; empty is everyone's default
        self.here: dict[str, Connection] = {}
        """The connections of this process alone: where nothing can be saved, or nothing shall be."""
        self.chats: dict[str, Chat] = {}
        self.last: Reply | Comparison | Results | None = None
        self.used = Used()
        """What this process has asked, and what it cost."""
        self.lists = Lists(lambda: self.store.folder, self.run, self._running)
        self._learnt: Learnt = {}

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment as the user made it: a key that was handed over is no connection's own."""
        return self.handover.before(self.environment)

    @property
    def store(self) -> Store:
        """What is saved, in the folder that the environment names now."""
        return Store(self._folder or home.folder(self.environment), self.variables)

    def connections(self) -> dict[str, Connection]:
        """
        Return everything that can be asked now, by slug: this process's own, what is saved, what the environment holds.

        Raises `Unreadable` where the settings can't be read.
        """
        return from_environment(self.variables) | self.store.connections() | self._own()

    def saved(self) -> dict[str, Connection]:
        """Return what is saved, by slug; nothing where that can't be read."""
        try:
            return self.store.connections()
        except StoreError:
            return {}

    def default(self) -> Target | None:
        """Return the target in use, by what is known of it; raises `UsageError` where that can't be asked any more."""
        in_use = self.in_use(self._readable(""))
        return self._read(in_use, self.lists.kept) if in_use else None

    def target(self, text: str = "") -> Target:
        """
        Read a target as a user writes it; raises `UsageError` where it names nothing.

        An endpoint is asked for its list where only that says what a name means. Settings that can't be read stop
        what they may name, and no more: what the environment holds, and demo, can be asked by name.
        """
        return self._read(text, self.lists.deciding)

    def _read(self, text: str, listed: Listed) -> Target:
        connections = self._readable(text)
        return known.parse_target(text, connections, self.in_use(connections), listed)

    def _readable(self, text: str) -> Mapping[str, Connection]:
        try:
            return self.connections()
        except StoreError:  # what is there without the settings, if that is named
            if known.named((text or self.chosen).partition(":")[0], self.unsaved()) is None:
                raise
            return self.unsaved()

    def run(self, ask: Callable[[Transport], Coroutine[Any, Any, T]]) -> T:
        """Do what needs the network, on the loop, and wait for what comes of it."""

        async def here() -> T:
            try:
                transport = self._transport_here()
            except Exception as error:  # noqa: BLE001  # whatever an installation that is broken raises
                msg = f"This package can't reach the network ({type(error).__name__}: {error})."
                raise XiantongError(msg, hint="Reinstall its dependencies.") from None
            return await ask(transport)

        return loop.result(here())

    def use(self, text: str) -> Target:
        """Make this the target of questions that name none."""
        target = self.target(text)
        self.prefer(str(target))
        return target

    def prefer(self, text: str) -> None:
        """Make this the target of questions that name none, whether or not it can be asked; nothing undoes a choice."""
        self.chosen = text

    def open(
        self, prompt: Typed, target: str = "", options: Options | None = None, origin: Origin | None = None
    ) -> Stream:
        """
        Prepare a question; it goes out when the Stream is entered.

        Raises `UsageError` for an empty prompt or an unknown target, `EngineError` when the embedded engine
        can't run here.
        """
        question = Question(prompt, options or Options(), origin or Origin(), self.chats)

        def keep(reply: Reply) -> None:
            self.last = reply
            self.used.add(reply)
            if reply.complete and not question.options.alone:  # only now: what fails costs nothing of the conversation
                question.goes_on(lane, reply)

        (lane,) = self.lanes(question, self.ready([target]), keep, alone=True)
        return Stream(lane)

    def compare(
        self, prompt: Typed, targets: Sequence[str], options: Options | None = None, origin: Origin | None = None
    ) -> Comparing:
        """
        Prepare a question to several targets at once; it goes out when what is returned is entered.

        All are asked with the chat as it is, which none changes. Raises as `open` does, before anything is sent: for
        any target that is not known, and where all together could exceed a budget.
        """
        refuse_number(len(targets))
        question = Question(prompt, options or Options(), origin or Origin(), self.chats)
        lanes = self.lanes(question, self.ready(targets), self.used.add, alone=False)
        return Comparing(question, lanes, targets, functools.partial(setattr, self, "last"))

    def ready(self, targets: Sequence[str]) -> Ready:
        """Read all targets; return them, all that can be asked, and all keys. Raises for any that can't be asked."""
        named = [self._bound(target) for target in [self.target(text) for text in targets]]
        askable = self._readable(targets[0])
        return named, askable, self.keys(askable)

    def keys(self, known: Mapping[str, Connection]) -> Keys:
        """Return the keys that no question may hold, with their slugs: those in use, and all that can be opened."""
        used = [(slug, connection.key) for slug, connection in known.items() if connection.key is not None]
        return (*used, *self.store.openable_keys())

    def lanes(self, question: Question, ready: Ready, keep: Callable[[Reply], None], *, alone: bool) -> list[Lane]:
        """Make a lane for each target that is `ready`, none of them sent; `keep` gets each Reply."""
        return question.lanes(*ready, self.lists.deciding, self.store.folder, self._lane, keep, alone=alone)

    def hand_over(self, text: str = "") -> tuple[Target, dict[str, str]]:
        """Return a target, running, and the variables by which other programs ask it; raises `UsageError`."""
        target = self._located(self._bound(self.target(text)))
        return target, target.connection.environment(target.model)

    def probe(self, target: str | Target, prompt: str, max_tokens: int) -> Stream:
        """
        Prepare a question that leaves no trace: neither in a chat nor as the last reply.

        A Target need not be one of a connection that is saved.
        """
        found = self._bound(self.target(target) if isinstance(target, str) else target)
        request = Request(found.model, (Message("user", (Text(prompt),)),), max_tokens)
        return Stream(self._lane(found, request, notes=found.notes))

    def close(self) -> None:
        """Close the connections that are kept warm; another question would make new ones."""
        kept, self._transport = self._transport, None
        if kept is not None and kept[0] is loop.started():  # else they are the parent's of this forked child
            loop.submit(kept[1].aclose()).result(_CLOSING)

    def in_use(self, connections: Mapping[str, Connection]) -> str:
        """Name what is asked by questions that name none: the chosen target, the saved default, the first there is."""
        if self.chosen:
            return self.chosen
        mine = [c.slug for c in connections.values() if not c.preset.embedded and not c.foreign]
        if any(connections[slug].saved for slug in mine) and (default := self.store.default()) in mine:
            return default
        return next((s for s in mine if connections[s].saved), next(iter(mine), ""))

    def _own(self) -> dict[str, Connection]:
        """Return what this process has for itself, the embedded engine last."""
        demo = known.demo()
        return self.here | {demo.slug: demo}

    def unsaved(self) -> dict[str, Connection]:
        """Return what can be asked although it is saved nowhere."""
        return from_environment(self.variables) | self._own()

    def _located(self, target: Target) -> Target:
        """Find out where the embedded engine listens, which starts it."""
        return replace(target, connection=self._running(target.connection))

    def _bound(self, target: Target) -> Target:
        """Bind a key that was saved without saying for which endpoint to the one that it is now used for."""
        connection = target.connection
        if not connection.unbound:
            return target
        place = origin(connection.base_url)
        try:
            notes = (f"the key of {connection.slug} now belongs to {place}", *self.store.bind(connection))
        except StoreError as error:
            notes = (f"the key of {connection.slug} could not be bound to {place}: {error.message}",)
        return replace(target, notes=(*target.notes, *notes))

    def _lane(self, target: Target, request: Request, *, located: bool = True, **more: Any) -> Lane:
        """Prepare a question to one target with what this session knows of endpoints; `located` starts an engine."""
        return Lane(
            self._located(target) if located else target,
            request,
            transport=self._transport_here,
            explain=functools.partial(explained, keep=self.lists.keep),
            listed=self.lists.kept,
            learnt=self._learnt,
            **more,
        )

    def _running(self, connection: Connection) -> Connection:
        return replace(connection, base_url=self._engine_url()) if connection.preset.embedded else connection

    def _transport_here(self) -> Transport:
        """Return the warm connections of the running loop, made on it and only there; after a fork, new ones."""
        here = asyncio.get_running_loop()
        if self._transport is None or self._transport[0] is not here:
            self._transport = (here, self._make_transport())
        return self._transport[1]


def _embedded_engine() -> str:
    from xiantong_nb import engine

    return engine.shared().base_url


def _real_transport() -> Transport:
    from xiantong_nb.transport import Transport

    return Transport()
