"""
The painters of one answer, which paint it while it comes and leave one output that stays.

    DisplayPainter    any front end: one display id, the whole filtered text each time, less often as it grows
    TerminalPainter   a terminal: text is printed as it comes and never painted again
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from xiantong_nb import bundle, safe, strict_json, tolerant
from xiantong_nb.events import Again, Answered, Event, TextDelta, ThinkingDelta, Waiting
from xiantong_nb.files import Damaged
from xiantong_nb.notebook.live import CountDown, Live

if TYPE_CHECKING:
    from xiantong_nb.notebook.live import Output
    from xiantong_nb.reply import Reply

_TERMINAL_FRAME = 1 / 30


class DisplayPainter:
    """One display id, updated with the text so far, in the end with the bundle that stays."""

    def __init__(self, output: Output, *, form: str = "md", asked: str = "", parts: bundle.Parts = bundle.ALL) -> None:
        self._form = form
        self._parts = parts
        self._marked = form in ("md", "code")
        self._live = Live(asked, marked=self._marked, thinking=parts.thinking)
        self._output = output
        self._dirty = False

    def rest(self) -> float:
        """Until the next frame; not at all before the first word."""
        return self._output.rest()

    def take(self, batch: list[Event]) -> None:
        """Filter what has come, and paint the first of it at once, the rest on the clock."""
        self._dirty |= self._live.take(batch)
        if said := self._live.waits_for():
            self._paint_waiting(said)
        elif self._dirty and self._output.rest() <= 0:
            self._dirty = False
            self._output.paint({self._kind: self._live.content()})

    def finish(self, reply: Reply) -> None:
        """Put the bundle that stays in the place of the live text."""
        self._output.put(*final(reply, self._form, self._parts))

    def withdraw(self) -> None:
        """Empty the output: an error follows it."""
        self._output.empty()

    def _paint_waiting(self, said: str) -> None:
        shown = {self._kind: f"*{bundle.entities(said)}*" if self._marked else said}
        if shown != self._output.shown:
            self._output.put(shown, {})

    @property
    def _kind(self) -> str:
        return "text/markdown" if self._marked else "text/plain"


class TerminalPainter:
    """Prints text as it comes, without what a terminal would obey, and the footer under it."""

    def __init__(self, *, form: str = "md", parts: bundle.Parts = bundle.ALL) -> None:
        self._form = form
        self._parts = parts
        self._filter = safe.TerminalFilter()
        self._part = ""
        self._waiting: CountDown | None = None
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
                        self._waiting = CountDown(event)
                        pieces.append(f"{self._waiting.reason}\n")
        pieces.append(self._count())
        if any(pieces):
            write("".join(pieces))

    def finish(self, reply: Reply) -> None:
        """Print the end: what is still held back, and what must be said of an answer that is not whole."""
        told = self._counted_out()
        told += self._filter.end() if self._form != "json" else as_json(reply)["text/plain"]
        if self._form in ("md", "code") and (beside := bundle.plain_beside(reply)):
            told += f"\n\n{beside}"
        if mark := bundle.ending(reply):
            told += f"\n\n[{mark}]"
        if self._form in ("md", "code") and (under := bundle.footer(reply, self._parts)):
            told += f"\n\n{under}"
        write(told + "\n")

    def withdraw(self) -> None:
        """End the line that was begun; what a terminal has shown stays."""
        write(self._counted_out())

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


def write(text: str) -> None:
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
            return as_json(reply), metadata
    return data, metadata


def as_json(reply: Reply) -> dict[str, Any]:
    """Show JSON as a tree where the front end has one; text that is no JSON is shown as it is."""
    text = reply.text.strip()
    for candidate in (text, reply.code):
        try:
            found = _readable(tolerant.whole(strict_json.read(candidate.encode())))
            pretty = safe.terminal(json.dumps(found, indent=2, ensure_ascii=False))
        except (Damaged, RecursionError):
            continue
        tree = {"application/json": found} if isinstance(found, dict | list) else {}
        return {**tree, "text/plain": pretty}
    return {"text/plain": safe.terminal(text) + "\n\n[this answer is not JSON]"}


def _readable(value: Any) -> Any:
    """Return JSON whose texts a viewer only shows."""
    match value:
        case str():
            return safe.terminal(value)
        case list():
            return [_readable(v) for v in value]
        case dict():
            return {_readable(k): _readable(v) for k, v in value.items()}
    return value
