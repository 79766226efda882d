"""
Painting an answer while it comes, and leaving one output that stays.

A painter takes batches of events and paints on a frame clock, in the cell's thread only: `take(batch)`, then
`finish(reply)`, or `withdraw()` when there is none; `rest()` says for how long new text need not wake it. Three so far:

    DisplayPainter    any front end: one display id, the whole filtered text each time, less often as it grows
    TerminalPainter   a terminal: text is printed as it comes and never painted again
    NoPainter         --quiet
"""

from __future__ import annotations

import json
import math
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

from xiantong_nb import bundle, safe
from xiantong_nb.events import Again, Answered, Event, TextDelta, ThinkingDelta, Waiting
from xiantong_nb.notebook.edge import held
from xiantong_nb.notebook.repair import repair

if TYPE_CHECKING:
    from xiantong_nb.reply import Reply

# Repainting the whole text costs the page in proportion to its length: at 10 Hz JupyterLab falls behind near
# 12 kB. So the pause grows with the text (measured: 23 % of a core in the page at 30 kB).
_BYTES_PER_SECOND, _LONGEST = 20_000, 5.0
RATE = 10.0
"""Frames per second of a notebook's live text, at most, unless `%config Xiantong.rate` says another figure."""
_TERMINAL_FRAME = 1 / 30
_SILENCE = 1.0  # seconds without a word before the view says that it is waiting


class Painter(Protocol):
    """What shows one answer."""

    def rest(self) -> float:
        """Return the seconds until the next frame: before it, new text needs nobody's attention."""

    def take(self, batch: list[Event]) -> None:
        """Take what has come, perhaps nothing, and paint if it is time."""

    def finish(self, reply: Reply) -> None:
        """Leave the output that stays."""

    def withdraw(self) -> None:
        """Take back what was shown of waiting, when no answer has come of it."""


class NoPainter:
    """Shows nothing."""

    def rest(self) -> float:
        """Nothing is painted, so only the end matters."""
        return _LONGEST

    def take(self, batch: list[Event]) -> None:
        """Ignore it."""

    def finish(self, reply: Reply) -> None:
        """Leave nothing."""

    def withdraw(self) -> None:
        """Nothing was shown."""


class DisplayPainter:
    """One display id, updated with the text so far, in the end with the bundle that stays."""

    def __init__(
        self, *, form: str = "md", asked: str = "", parts: bundle.Parts = bundle.ALL, rate: float = RATE
    ) -> None:
        self._form = form
        self._asked = asked
        self._parts = parts
        self._shortest = 1 / rate
        self._as_markdown = form in ("md", "code")
        self._text = safe.MarkdownFilter() if self._as_markdown else safe.TerminalFilter()
        self._thinking = safe.MarkdownFilter()
        self._settled: list[str] = []
        self._thought: list[str] = []
        self._size = 0
        self._waiting: _CountDown | None = None
        self._dirty = False
        self._next_frame = 0.0
        self._begun = time.monotonic()
        self._handle: Any = None
        self._shown_waiting = ""

    def rest(self) -> float:
        """Until the next frame; not at all before the first word."""
        return self._next_frame - time.monotonic()

    def take(self, batch: list[Event]) -> None:
        """Filter what has come, and paint the first of it at once, the rest on the clock."""
        for event in batch:
            match event:
                case Again(reason):
                    self._begin_again(reason)
                case TextDelta(_, text):
                    self._settled.append(self._text.feed(text))
                    self._size += len(text)
                    self._dirty = True
                case ThinkingDelta(_, text) if self._parts.thinking:
                    self._thought.append(self._thinking.feed(text))
                    self._size += len(text)
                    self._dirty = True
                case Waiting() | Answered():
                    self._waiting = _CountDown(event) if isinstance(event, Waiting) else None
        now = time.monotonic()
        if self._size == 0:
            self._paint_waiting(now)
        elif self._dirty and now >= self._next_frame:
            self._show(self._live())

    def _begin_again(self, reason: str) -> None:
        """Forget what came, and say why."""
        self._text, self._thinking = type(self._text)(), safe.MarkdownFilter()
        self._settled, self._thought, self._size, self._waiting = [], [], 0, None
        self._asked = f"{self._asked}: {safe.terminal(reason)}"
        self._begun = -_SILENCE  # say so at once

    def finish(self, reply: Reply) -> None:
        """Put the bundle that stays in the place of the live text."""
        data, metadata = final(reply, self._form, self._parts)
        self._put(data, metadata)

    def withdraw(self) -> None:
        """Empty the output: an error follows it, and no front end can take an output away again."""
        if self._handle is not None:
            self._put({self._live_type(): ""}, {})

    def _paint_waiting(self, now: float) -> None:
        """Say what is being waited for: at once for a retry, after a moment for a slow first word."""
        if self._waiting is not None:
            said = f"{self._waiting.reason} {self._waiting.left()}"
        elif now - self._begun > _SILENCE:
            said = f"{self._asked}: waiting for the first word …"
        else:
            return
        if self._as_markdown:
            said = f"*{bundle.entities(said)}*"
        if said != self._shown_waiting:
            self._shown_waiting = said
            self._put({self._live_type(): said}, {})

    def _live(self) -> str:
        if isinstance(self._text, safe.TerminalFilter):
            return "".join(self._settled)
        text = repair("".join(self._settled) + self._text.peek())
        thinking = bundle.details(repair("".join(self._thought) + self._thinking.peek()), shown=not text)
        return f"{thinking}\n\n{text}" if thinking else text

    def _live_type(self) -> str:
        return "text/markdown" if self._as_markdown else "text/plain"

    def _show(self, content: str) -> None:
        self._dirty = False
        self._put({self._live_type(): content}, {})
        # what was painted decides, not what has come since: text that grows faster would push the frame away for ever
        pause = min(max(len(content) / _BYTES_PER_SECOND, self._shortest), _LONGEST)
        self._next_frame = time.monotonic() + pause

    def _put(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        from IPython.display import display

        if self._handle is None:
            with held():  # an output without its handle could not be replaced any more
                self._handle = display(data, metadata=metadata, raw=True, display_id=True)
        else:
            self._handle.update(data, metadata=metadata, raw=True)


class TerminalPainter:
    """Prints text as it comes, without what a terminal would obey, and the footer under it."""

    def __init__(self, *, form: str = "md", parts: bundle.Parts = bundle.ALL) -> None:
        self._form = form
        self._parts = parts
        self._filter = safe.TerminalFilter()
        self._part = ""
        self._waiting: _CountDown | None = None
        self._counted = ""

    def rest(self) -> float:
        """Thirty times a second is as smooth as once per word, and cheaper."""
        return _TERMINAL_FRAME if self._part else 0.0

    def take(self, batch: list[Event]) -> None:
        """Print what has come."""
        pieces = []
        for event in batch:
            match event:
                case TextDelta(_, text) if self._form != "json":  # half of it could not be laid out
                    pieces.append(self._enter("text") + self._filter.feed(text))
                case ThinkingDelta(_, text) if self._form == "md" and self._parts.thinking:
                    pieces.append(self._enter("thinking") + self._filter.feed(text))
                case Again(reason):
                    pieces.append(f"{self._filter.end()}\n\n[{safe.terminal(reason)}]\n\n")
                    self._part = ""
                case Waiting() | Answered():
                    pieces.append(self._counted_out())
                    if isinstance(event, Waiting):
                        self._waiting = _CountDown(event)
                        pieces.append(f"{self._waiting.reason}\n")
        pieces.append(self._count())
        if any(pieces):
            _write("".join(pieces))

    def finish(self, reply: Reply) -> None:
        """Print the end: what is still held back, and what must be said of an answer that is not whole."""
        told = self._counted_out()
        told += self._filter.end() if self._form != "json" else _json(reply)["text/plain"]
        if mark := bundle.ending(reply):
            told += f"\n\n[{mark}]"
        if self._form in ("md", "code") and (under := bundle.footer(reply, self._parts)):
            told += f"\n\n{under}"
        _write(told + "\n")

    def withdraw(self) -> None:
        """End the line that was begun; what a terminal has shown stays."""
        _write(self._counted_out())

    def _count(self) -> str:
        """Return the line of a count-down as it is now, over what it was: on a screen only, a file has it once."""
        said = self._waiting.left() if self._waiting else ""
        if said == self._counted or (self._counted and not sys.stdout.isatty()):
            return ""
        before, self._counted = self._counted, said
        return f"\r{said.ljust(len(before))}" if before else said

    def _counted_out(self) -> str:
        """End the line of a count-down, if there is one."""
        counted, self._counted, self._waiting = self._counted, "", None
        return "\n" if counted else ""

    def _enter(self, part: str) -> str:
        """Return the heading where reasoning begins, and where it gives way to the answer."""
        before, self._part = self._part, part
        if part == before or (part == "text" and not before):
            return ""
        return self._filter.end() + ("[thinking]\n" if part == "thinking" else "\n\n[answer]\n")


class _CountDown:
    """Why a request goes out again, and in how many seconds from now, as plain text."""

    def __init__(self, waiting: Waiting) -> None:
        self.reason = safe.terminal(waiting.reason)
        self._until = time.monotonic() + waiting.seconds

    def left(self) -> str:
        seconds = math.ceil(self._until - time.monotonic())
        return f"Trying again {f'in {seconds} s' if seconds > 0 else 'now'} …"


def _write(text: str) -> None:
    """Print to a terminal that may not know every character, such as one that was set to ASCII."""
    coding = sys.stdout.encoding or "utf-8"
    print(text.encode(coding, "replace").decode(coding), end="", flush=True)  # noqa: T201  # this is the display


def final(reply: Reply, form: str, parts: bundle.Parts = bundle.ALL) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (data, metadata) of the output that stays, in the form asked for."""
    data, metadata = bundle.bundle(reply, parts)
    match form:
        case "text":
            return {"text/plain": data["text/plain"]}, metadata
        case "raw":
            return {"text/plain": safe.terminal(reply.text)}, metadata
        case "json":
            return _json(reply), metadata
    return data, metadata


def _json(reply: Reply) -> dict[str, Any]:
    """Show JSON as a tree where the front end has one; text that is no JSON is shown as it is."""
    text = reply.text.strip()
    for candidate in (text, reply.code):
        try:
            found = json.loads(candidate)
        except ValueError:
            continue
        pretty = safe.terminal(json.dumps(found, indent=2, ensure_ascii=False))
        tree = {"application/json": found} if isinstance(found, dict | list) else {}
        return {**tree, "text/plain": pretty}
    return {"text/plain": safe.terminal(text) + "\n\n[this answer is not JSON]"}
