"""
What is new of one lane since it was last told, as the page takes it.

The text goes out as the model wrote it, but for characters that no display should get: the page makes text nodes of it,
and finds in it the Markdown that the output that stays will have.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from xiantong_nb import grid, safe
from xiantong_nb.events import Again, Answered, TextDelta, ThinkingDelta, Waiting, about_tokens
from xiantong_nb.notebook.live import WAITING, Wait, result

if TYPE_CHECKING:
    from xiantong_nb.bundle import Parts
    from xiantong_nb.events import Event
    from xiantong_nb.lane import Lane

_FIGURES = 1.0  # seconds between two looks at the figures of a lane that is under way


class News:
    """What has been told of a lane, and what has not; `alone` when it is the only one."""

    def __init__(self, lane: Lane, shown: Parts, *, alone: bool) -> None:
        self.begun = False
        """Whether a word of it has come."""
        self._lane = lane
        self._parts = shown
        self._alone = alone
        self._wait = Wait(lane.label if alone else "")
        self._text, self._thinking = _Part(), _Part()
        self._again = False
        self._state = "waiting"
        self._shown: dict[str, Any] = {}
        self._look_again = 0.0
        self._first = 0.0

    @property
    def shows(self) -> bool:
        """Whether there is something to show: a word, or what is waited for."""
        return self.begun or bool(self._wait.said())

    def take(self, event: Event) -> None:
        """Take what has come."""
        match event:
            case Again(reason):
                self._text, self._thinking, self._again = _Part(), _Part(), True
                self._state, self._look_again, self.begun = "waiting", 0.0, False
                self._wait.again(reason)
            case TextDelta(_, text):
                self._come(self._text, text, "answering")
            case ThinkingDelta(_, text) if self._parts.thinking:
                self._come(self._thinking, text, "thinking")
            case Waiting() | Answered():
                self._wait.take(event)

    def told(self) -> dict[str, Any]:
        """Return what is new, as the page takes it: whether all begins `a`new, `t`ext, thin`k`ing, `s`tatus."""
        news = {"a": self._again, "t": self._text.told(), "k": self._thinking.told(), "s": self._stands()}
        self._again = False
        return {name: new for name, new in news.items() if new}

    def tell_again(self) -> None:
        """Have all of it told as new."""
        self._text.tell_again()
        self._thinking.tell_again()
        self._again, self._shown, self._look_again = True, {}, 0.0

    def _come(self, part: _Part, text: str, state: str) -> None:
        part.take(text)
        if self._state != state:
            self._state, self._look_again = state, 0.0
        if not self.begun:
            self.begun, self._first = True, time.monotonic()

    def _stands(self) -> dict[str, Any]:
        """Return how it stands, if that is to be told now: figures that run are told once a second."""
        now = time.monotonic()
        ended = self._lane.reply is not None
        if (self._alone and ended) or (now < self._look_again and not ended):
            return {}
        status = self._ended() if ended else {"state": self._state, "said": self._under_way()}
        if status == self._shown:
            return {}
        self._shown, self._look_again = status, now + _FIGURES
        return status

    def _under_way(self) -> str:
        if not self.begun:
            return self._wait.said() or WAITING
        parts = [f"{self._state} …"]
        if (first := self._lane.first_token_seconds) is not None:
            parts.append(f"first word {first:.2f} s")
        tokens = about_tokens(self._text.sent + self._thinking.sent)
        if (seconds := time.monotonic() - self._first) >= _FIGURES:
            parts.append(f"about {tokens:,} tokens, {tokens / seconds:,.0f}/s")
        return " · ".join(parts)

    def _ended(self) -> dict[str, Any]:
        ended = result(self._lane)
        said = {"state": ended.state, "said": grid.status(ended, self._parts)}
        return said | {"mark": grid.ending(ended), "told": grid.reasons(ended)}


class _Part:
    """Text that grows: `sent` characters of it were told."""

    def __init__(self) -> None:
        self.sent = 0
        self._clean = safe.CleanFilter()
        self._new: list[str] = []
        self._told: list[str] = []

    def take(self, text: str) -> None:
        self._new.append(self._clean.feed(text))

    def told(self) -> tuple[int, str] | None:
        """Return how much was told before, and what is new."""
        text, self._new = "".join(self._new), []
        if not text:
            return None
        self._told.append(text)
        before, self.sent = self.sent, self.sent + len(text)
        return before, text

    def tell_again(self) -> None:
        self._new, self._told, self.sent = [*self._told, *self._new], [], 0
