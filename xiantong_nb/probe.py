"""The staged test of a connection: a tiny real question on the path of every other, timed stage by stage."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xiantong_nb.errors import BadReply, KeyRefused, ProviderError, XiantongError
from xiantong_nb.events import Answered, Event, Finished, Started, TextDelta, ThinkingDelta

if TYPE_CHECKING:
    from collections.abc import Callable

    from xiantong_nb.connection import Target
    from xiantong_nb.session import Session

STAGES = ("reached", "authenticated", "model answered", "first token", "finished")
_PROMPT = "Reply with the word: hello"
_MAX_TOKENS = 16


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
    passed: list[Stage] = []

    def reach(name: str, said: str = "") -> None:
        """Pass a stage, and those before it: an endpoint may say several things at once."""
        while len(passed) <= STAGES.index(name):
            stage = Stage(STAGES[len(passed)], time.perf_counter() - begun, said if STAGES[len(passed)] == name else "")
            passed.append(stage)
            show(stage)

    with session.probe(target, _PROMPT, _MAX_TOKENS) as stream:
        begun = time.perf_counter()
        keyless = stream.target.connection.key is None
        for event in stream:
            _passes(event, reach, keyless=keyless)
        error = stream.fold.error
        if isinstance(error, ProviderError) and not passed:
            reach("reached" if isinstance(error, KeyRefused | BadReply) else "authenticated")
        url = stream.url
        return Outcome(str(stream.target), url, tuple(passed), error)


def _passes(event: Event, reach: Callable[[str, str], None], *, keyless: bool) -> None:
    match event:
        case Answered():
            reach("authenticated", "no key needed" if keyless else "")
        case Started(model):
            reach("model answered", model)
        case TextDelta() | ThinkingDelta():
            reach("first token", "")
        case Finished(complete=True):
            reach("finished", "")
