"""The questions of `%%ask` as Python functions; they paint nothing."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

from xiantong_nb.session import Options, Session, Stream

if TYPE_CHECKING:
    from xiantong_nb.connection import Connection
    from xiantong_nb.reply import Reply


@functools.cache
def session() -> Session:
    """Return this process's session: the one that the magics use too."""
    return Session()


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
        for _ in under_way.batches(lambda: 0.5):
            pass
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
    stop = given.get("stop", ())
    given["stop"] = (stop,) if isinstance(stop, str) else tuple(stop)
    given.setdefault("alone", "chat" not in given)
    return Options(**given)
