"""How one question is asked, beside its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xiantong_nb.errors import UsageError

if TYPE_CHECKING:
    from xiantong_nb.request import Document, Image, Text
    from xiantong_nb.shape import Shape

EFFORTS = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Options:
    """
    How one question is asked. What is None or empty is not sent. `budget` is in USD: what could cost more is refused.

    `files` go before the question: texts, or documents that the endpoint reads. `schema` is what the answer has to
    fit, `effort` one of EFFORTS. `reuse` takes the stored reply to the same request, and stores a new one. `notes` are
    for the footer. `chat` names the chat it continues; `new` forgets that one first; `alone` reads and keeps none.
    """

    system: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    files: tuple[Text | Document, ...] = ()
    schema: Shape | None = None
    effort: str = ""
    reuse: bool = False
    notes: tuple[str, ...] = ()
    budget: float | None = None
    chat: str = "default"
    new: bool = False
    alone: bool = False

    def __post_init__(self) -> None:
        if self.max_tokens is not None and not (isinstance(self.max_tokens, int) and self.max_tokens >= 1):
            raise UsageError(f"max_tokens must be a whole number from 1, not {self.max_tokens!r}.")
        if self.temperature is not None and not _is_temperature(self.temperature):
            raise UsageError(f"temperature must be a number from 0 to 2, not {self.temperature!r}.")
        if self.budget is not None and not (isinstance(self.budget, int | float) and self.budget >= 0):
            raise UsageError(f"budget must be an amount in USD from 0, not {self.budget!r}.")
        if not all(isinstance(text, str) and text for text in self.stop):
            raise UsageError("stop must be text that is not empty, or several such texts.")
        if self.effort and self.effort not in EFFORTS:
            raise UsageError(f"effort must be one of {', '.join(EFFORTS)}, not {self.effort!r}.")
        if not isinstance(self.system, str):
            raise UsageError(f"system must be text, not {type(self.system).__name__}.")
        if not (isinstance(self.chat, str) and self.chat):
            raise UsageError("A chat needs a name.")


def _is_temperature(value: object) -> bool:
    """Whether any provider takes it: OpenAI's range is the widest."""
    return isinstance(value, int | float) and 0 <= value <= 2  # noqa: PLR2004
