"""One answer while it comes, for whatever paints it: filtered, repaired, and what it waits for meanwhile."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from xiantong_nb import bundle, safe
from xiantong_nb.comparison import LaneResult
from xiantong_nb.events import Again, Answered, Event, TextDelta, ThinkingDelta, Waiting
from xiantong_nb.interrupts import held
from xiantong_nb.notebook.repair import repair

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xiantong_nb.lane import Lane

WAITING = "waiting for the first word …"
_SILENCE = 1.0  # seconds without a word before a view says that it is waiting

# Repainting the whole text costs the page in proportion to its length: at 10 Hz JupyterLab falls behind near
# 12 kB. So the pause grows with the text (measured: 23 % of a core in the page at 30 kB).
_BYTES_PER_SECOND, _LONGEST = 20_000, 5.0
RATE = 10.0
"""Frames per second of a notebook's live text, at most, unless `%config Xiantong.rate` says another figure.

At twenty, a page is 33 ms behind instead of 53, for twice the messages.
"""


class Wait:
    """What an answer waits for before its first word; `asked` is said with it."""

    def __init__(self, asked: str = "") -> None:
        self._asked = asked
        self._counting: CountDown | None = None
        self._begun = time.monotonic()

    def take(self, event: Waiting | Answered) -> None:
        """Take why it goes out again, or that it did."""
        self._counting = CountDown(event) if isinstance(event, Waiting) else None

    def again(self, reason: str) -> None:
        """Wait for a first word once more, and say why from now on."""
        self._asked = ": ".join(part for part in (self._asked, safe.terminal(reason)) if part)
        self._counting, self._begun = None, -_SILENCE

    def said(self) -> str:
        """Say it: at once for a retry, after a moment for a slow word."""
        if self._counting is not None:
            return f"{self._counting.reason} {self._counting.left()}"
        if time.monotonic() - self._begun <= _SILENCE:
            return ""
        return f"{self._asked}: {WAITING}" if self._asked else WAITING


class Live:
    """
    What has come of one answer, `marked` as Markdown or as text for a terminal; `asked` is said while it waits.

    Without `thinking` its reasoning is left out.
    """

    def __init__(self, asked: str = "", *, marked: bool = True, thinking: bool = True) -> None:
        self.size = 0
        """Characters of text and reasoning."""
        self.thinking = False
        """Whether it is reasoning that comes."""
        self._marked = marked
        self._with_thinking = thinking
        self._text = safe.MarkdownFilter() if marked else safe.TerminalFilter()
        self._reasoning = safe.MarkdownFilter()
        self._settled: list[str] = []
        self._thought: list[str] = []
        self._wait = Wait(asked)

    def take(self, events: Iterable[Event]) -> bool:
        """Take what has come; returns whether there is more to show than before."""
        before = self.size
        for event in events:
            match event:
                case Again(reason):
                    self._begin_again(reason)
                case TextDelta(_, text):
                    self._settled.append(self._text.feed(text))
                    self.size += len(text)
                    self.thinking = False
                case ThinkingDelta(_, text) if self._with_thinking:
                    self._thought.append(self._reasoning.feed(text))
                    self.size += len(text)
                    self.thinking = True
                case Waiting() | Answered():
                    self._wait.take(event)
        return self.size != before

    def content(self) -> str:
        """Return what can be shown of it now, when more is to come."""
        if isinstance(self._text, safe.TerminalFilter):
            return "".join(self._settled)
        text = "".join(self._settled) + self._text.peek(repair)
        thinking = bundle.details("".join(self._thought) + self._reasoning.peek(repair), shown=not text)
        return f"{thinking}\n\n{text}" if thinking else text

    def waits_for(self) -> str:
        """Say what it waits for, before the first word."""
        return "" if self.size else self._wait.said()

    def _begin_again(self, reason: str) -> None:
        """Forget what came, and say why while the next words are waited for."""
        self._text, self._reasoning = type(self._text)(), safe.MarkdownFilter()
        self._settled, self._thought, self.size = [], [], 0
        self._wait.again(reason)


class CountDown:
    """Why a request goes out again, and in how many seconds from now, as plain text."""

    def __init__(self, waiting: Waiting) -> None:
        self.reason = safe.terminal(waiting.reason)
        self._until = time.monotonic() + waiting.seconds

    def left(self) -> str:
        """Return how long it still takes."""
        seconds = math.ceil(self._until - time.monotonic())
        return f"Trying again {f'in {seconds} s' if seconds > 0 else 'now'} …"


class Output:
    """One output of a cell, which is replaced each time, at most `rate` times per second."""

    def __init__(self, rate: float = RATE) -> None:
        self.frame = 1 / rate
        """Seconds between two frames, at least."""
        self.shown: dict[str, Any] = {}
        self._handle: Any = None
        self._next_frame = 0.0

    def rest(self) -> float:
        """Return the seconds until it may be replaced again; not above zero when it may."""
        return self._next_frame - time.monotonic()

    def paint(self, data: dict[str, str]) -> None:
        """Show something that will be replaced soon: the later, the longer it is."""
        self.put(data, {})
        # what was painted decides, not what has come since: text that grows faster would push the frame away for ever
        pause = min(max(sum(map(len, data.values())) / _BYTES_PER_SECOND, self.frame), _LONGEST)
        self._next_frame = time.monotonic() + pause

    def put(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Show something now."""
        from IPython.display import display

        self.shown = data
        if self._handle is None:
            with held():  # an output without its handle could not be replaced any more
                self._handle = display(data, metadata=metadata, raw=True, display_id=True)
        else:
            self._handle.update(data, metadata=metadata, raw=True)

    def empty(self) -> None:
        """Empty it, if there is one: no front end can take an output away again."""
        if self.shown:
            self.put(dict.fromkeys(self.shown, ""), {})


def result(lane: Lane) -> LaneResult:
    """Return a lane that has ended as a value."""
    if lane.reply is None:
        msg = f"{lane.label} has not ended"
        raise ValueError(msg)
    return LaneResult(lane.label, (), lane.reply, lane.error)
