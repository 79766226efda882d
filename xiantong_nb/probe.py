"""
The staged test of a connection: a tiny real question on the path of every other, timed stage by stage.

Of an endpoint that only its owner knows, a test that fails by the key or the path is made again with the other header
and the other wire, where that may be: it says what would have worked. One that answers as Ollama does is tested as
Ollama is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from xiantong_nb import ollama
from xiantong_nb.base_url import normalised, spoken
from xiantong_nb.bundle import one_line
from xiantong_nb.errors import (
    BadReply,
    IncompleteReply,
    KeyRefused,
    NotFound,
    ProviderError,
    UnknownModel,
    XiantongError,
)
from xiantong_nb.events import Answered, Event, Finished, Started, TextDelta, ThinkingDelta
from xiantong_nb.presets import AuthHeader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xiantong_nb.connection import Connection, Target
    from xiantong_nb.presets import Wire
    from xiantong_nb.session import Session

STAGES = ("reached", "authenticated", "model answered", "first token", "finished")
_PROMPT = "Reply with the word: hello"
_MAX_TOKENS = 16
_NAME = 120  # characters of what a model calls itself


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage passed, `seconds` after sending; `said` adds what is worth knowing."""

    name: str
    seconds: float
    said: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test went: the stages passed, and what stopped it at the next one, if anything did."""

    target: str
    url: str
    stages: tuple[Stage, ...]
    error: XiantongError | None = None
    instead: Connection | None = None
    """The same connection in a way that does work."""
    options: str = ""
    """What would make it so, as options of `connect` and `edit`."""

    @property
    def passed(self) -> bool:
        """Whether every stage was."""
        return self.error is None and len(self.stages) == len(STAGES)

    @property
    def failed_at(self) -> str:
        """The name of the stage that was not passed, or nothing."""
        return "" if self.passed else STAGES[len(self.stages)]


def test(session: Session, target: str | Target = "", *, show: Callable[[Stage], None] = lambda _: None) -> Outcome:
    """
    Ask `target` a few tokens; `show` gets each stage as it is passed.

    Raises `UsageError` or `EngineError` when there is nothing to send to; what the endpoint does wrong is in
    the Outcome.
    """
    target = session.target(target) if isinstance(target, str) else target
    as_said = target.connection
    connection, version = session.run(lambda transport: ollama.recognised(as_said, transport))
    target = replace(target, connection=connection)
    outcome = _test(session, target, show, f"Ollama {version}" if version else "")
    if outcome.error is None:
        return outcome
    for other in _other_ways(as_said, outcome.error):
        if _test(session, replace(target, connection=other), lambda _: None).passed:
            options = _options(as_said, other)
            known = f"{outcome.error.hint} " if version else ""
            outcome.error.hint = f"{known}With {options} it works."
            return replace(outcome, instead=other, options=options)
    return outcome


def _test(session: Session, target: Target, show: Callable[[Stage], None], about: str = "") -> Outcome:
    passed: list[Stage] = []
    told = {STAGES[0]: about}

    def reach(name: str, said: str = "") -> None:
        """Pass a stage, and those before it: an endpoint may say several things at once."""
        while len(passed) <= STAGES.index(name):
            at = STAGES[len(passed)]
            words = said if at == name and said else told.get(at, "")
            stage = Stage(at, time.perf_counter() - begun, words)
            passed.append(stage)
            show(stage)

    with session.probe(target, _PROMPT, _MAX_TOKENS) as stream:
        begun = time.perf_counter()
        keyless = stream.target.connection.key is None
        for event in stream:
            _passes(event, reach, keyless=keyless)
        error = stream.lane.error
        if isinstance(error, ProviderError) and not passed:
            reach("reached" if isinstance(error, KeyRefused | BadReply) else "authenticated")
        return Outcome(str(stream.target), stream.lane.url, tuple(passed), error)


def _other_ways(connection: Connection, error: XiantongError) -> Iterator[Connection]:
    """Give the ways of asking the same endpoint that may work where this one failed so."""
    preset = connection.preset
    by_key = isinstance(error, KeyRefused)
    by_path = isinstance(error, NotFound | BadReply | IncompleteReply) and not isinstance(error, UnknownModel)
    if not preset.guessed or not (by_key or by_path):
        return
    headers = [h for h in get_args(AuthHeader) if h != connection.auth_header] if connection.key else []
    if by_key:
        yield from (replace(connection, auth_header=header) for header in headers)
    for wire in preset.wires:
        if wire != connection.wire:
            for base_url in _base_urls(connection, wire):
                other = replace(connection, wire=wire, base_url=base_url)
                yield other
                yield from (replace(other, auth_header=header) for header in headers)


def _base_urls(connection: Connection, wire: Wire) -> tuple[str, ...]:
    """Give the base URLs that an endpoint may have for a wire: with `/v1` at the end, and with its path as it is."""
    place = connection.base_url
    return tuple(dict.fromkeys((spoken(place, connection.wire, wire), normalised(place, name="It", wire=wire))))


def _options(connection: Connection, other: Connection) -> str:
    said = [f"--api {other.wire}"] if other.wire != connection.wire else []
    said += [f"--base-url {other.base_url}"] if len(_base_urls(connection, other.wire)) > 1 else []
    said += [f"--auth-header {other.auth_header}"] if other.auth_header != connection.auth_header else []
    return " ".join(said)


def _passes(event: Event, reach: Callable[[str, str], None], *, keyless: bool) -> None:
    match event:
        case Answered():
            reach("authenticated", "no key needed" if keyless else "")
        case Started(model):
            reach("model answered", one_line(model)[:_NAME])
        case TextDelta() | ThinkingDelta():
            reach("first token", "")
        case Finished(complete=True):
            reach("finished", "")
