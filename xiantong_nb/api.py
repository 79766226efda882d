"""The questions of `%%ask` as Python functions; they paint nothing."""

from __future__ import annotations

import asyncio
import atexit
import dataclasses
from typing import TYPE_CHECKING, Any

from xiantong_nb.errors import UsageError
from xiantong_nb.session import Options, Session

if TYPE_CHECKING:
    from xiantong_nb.connection import Connection
    from xiantong_nb.reply import Reply
    from xiantong_nb.streaming import Stream


_SESSION = Session()
atexit.register(_SESSION.close)


def session() -> Session:
    """Return this process's session: the one that the magics use too."""
    return _SESSION


def ask(prompt: str, target: str = "", **options: Any) -> Reply:
    """
    Ask and wait for the whole answer.

    `target` is `connection`, `connection:model` or a model of the connection in use; nothing is the target
    in use. Options are those of `%%ask`: `system`, `max_tokens`, `temperature`, `stop` (a string or several),
    `chat`, `new`, `alone`. From Python a question stands alone unless `chat` names a conversation.

    Raises a `XiantongError`: `UsageError` for the call, `Unreachable` or a `ProviderError` for the endpoint,
    `IncompleteReply` (with `.reply`) for an answer that broke off.
    """
    with stream(prompt, target, **options) as under_way:
        return under_way.result()


def stream(prompt: str, target: str = "", **options: Any) -> Stream:
    """
    Ask, and iterate over the events as they come.

        with stream("hello", "demo") as events:
            for event in events:
                if isinstance(event, TextDelta):
                    print(event.text, end="")
        reply = events.result()

    Leaving the block early stops the model. Options as for `ask`.
    """
    return session().open(prompt, target, _options(options))


async def aask(prompt: str, target: str = "", **options: Any) -> Reply:
    """Ask without blocking the caller's event loop; cancelling it stops the model. As `ask` otherwise."""
    under_way = await asyncio.to_thread(stream, prompt, target, **options)  # the engine may have to start
    with under_way:
        await under_way.wait()
        return under_way.result()


def last() -> Reply | None:
    """Return the latest Reply of this process, whole or partial; None before the first."""
    return session().last


def connections() -> dict[str, Connection]:
    """Return what can be asked now, by slug."""
    return session().connections()


def _options(given: dict[str, Any]) -> Options:
    known = [f.name for f in dataclasses.fields(Options)]
    if unknown := [name for name in given if name not in known]:
        raise UsageError(f"There is no option {unknown[0]!r}.", hint=f"Options are {', '.join(known)}.")
    stop = given.get("stop") or ()
    alone = given.get("alone", "chat" not in given)
    return Options(**given | {"stop": (stop,) if isinstance(stop, str) else tuple(stop), "alone": alone})
