"""
The painters of several answers at once: they are told of which lane each event is, and finish with a Comparison.

    DisplayLanes     any front end: one display id, a section of Markdown for each lane, in the end columns
    TerminalLanes    a terminal: a line that says how far all are, each lane printed when it has ended
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

from xiantong_nb import bundle, grid, safe
from xiantong_nb.notebook import display
from xiantong_nb.notebook.live import WAITING, Live, Output, result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xiantong_nb.comparison import Comparison, LaneResult
    from xiantong_nb.events import Event
    from xiantong_nb.lane import Lane

    Batch = list[tuple[Lane, Event]]

_TERMINAL_FRAME = 0.2  # seconds between two looks of a line of figures


class DisplayLanes:
    """One display id for all lanes; a lane is laid out anew only when something of it has changed."""

    def __init__(
        self, lanes: Sequence[Lane], output: Output, *, form: str = "md", parts: bundle.Parts = bundle.ALL
    ) -> None:
        self._form = form
        self._parts = parts
        self._marked = form == "md"
        self._live = {lane: Live(marked=self._marked, thinking=parts.thinking) for lane in lanes}
        self._sections: dict[Lane, str] = {}
        self._output = output

    def rest(self) -> float:
        """Until the next frame; not at all before the first."""
        return self._output.rest()

    def take(self, batch: Batch) -> None:
        """Filter what has come, and paint the first of it at once, the rest on the clock."""
        for lane, event in batch:
            self._live[lane].take((event,))
            self._sections.pop(lane, None)
        begun = any(live.size or live.waits_for() for live in self._live.values())
        if begun and self._output.rest() <= 0:
            shown = self._now()
            if shown != self._output.shown:
                self._output.paint(shown)

    def finish(self, comparison: Comparison) -> None:
        """Put the grid that stays in the place of the live text."""
        self._output.put(*final(comparison, self._form, self._parts))

    def withdraw(self) -> None:
        """Empty the output: an error follows it."""
        self._output.empty()

    def _now(self) -> dict[str, str]:
        for lane, live in self._live.items():
            if lane not in self._sections or live.waits_for():
                self._sections[lane] = self._section(lane, live)
        ended = [result(lane).state for lane in self._live if lane.reply]
        sections = [self._sections[lane] for lane in self._live]
        below = grid.finished(ended, len(sections))
        if self._marked:
            return {"text/markdown": grid.sections(sections, below)}
        return {"text/plain": "\n\n".join([*sections, below])}

    def _section(self, lane: Lane, live: Live) -> str:
        if lane.reply:
            ended = result(lane)
            return grid.section(ended, self._parts) if self._marked else grid.plain_lane(ended, self._parts)
        if self._marked:
            return grid.headed(lane.label, _doing(lane, live), live.content())
        parts = (grid.ruled(lane.label), live.content(), _doing(lane, live))
        return "\n\n".join(part for part in parts if part)


class TerminalLanes:
    """Prints each lane when it has ended; on a screen, a line below says how far the others are."""

    def __init__(self, lanes: Sequence[Lane], *, form: str = "md", parts: bundle.Parts = bundle.ALL) -> None:
        self._form = form
        self._parts = parts
        self._live = {lane: Live(marked=False) for lane in lanes}
        self._printed: set[str] = set()
        self._line = ""

    def rest(self) -> float:
        """Look a few times a second: that is enough for a line of figures."""
        return _TERMINAL_FRAME

    def take(self, batch: Batch) -> None:
        """Count what has come, and print the lanes that have ended; those that only failed wait for the end."""
        for lane, event in batch:
            self._live[lane].take((event,))
        for lane in self._live:
            if lane.reply and not lane.only_failed:
                self._print(result(lane))
        self._say(" · ".join(self._far(lane, live) for lane, live in self._live.items() if not lane.reply))

    def finish(self, comparison: Comparison) -> None:
        """Print what is not printed yet, and the line below all."""
        for lane in comparison.lanes:
            self._print(lane)
        self._say("")
        display.write(f"{grid.summary(comparison)}\n")

    def withdraw(self) -> None:
        """Take the line of figures away; failures were not printed."""
        self._say("")

    def _print(self, lane: LaneResult) -> None:
        if lane.label not in self._printed:
            self._printed.add(lane.label)
            self._say("")
            display.write(f"{_plain(lane, self._form, self._parts)}\n\n")

    def _far(self, lane: Lane, live: Live) -> str:
        said = live.waits_for() or (f"{live.size:,} characters" if live.size else "asked")
        return bundle.one_line(f"{lane.label} {said}")

    def _say(self, text: str) -> None:
        """Write the line over what it was; nothing where that can't be done."""
        text = text[: shutil.get_terminal_size().columns - 1]
        if text != self._line and sys.stdout.isatty():
            before, self._line = self._line, text
            display.write(f"\r{text.ljust(len(before))}" + ("" if text else "\r"))


def final(comparison: Comparison, form: str, parts: bundle.Parts = bundle.ALL) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (data, metadata) of the output that stays, in the form asked for."""
    data, metadata = grid.bundle(comparison, parts)
    if form == "md":
        return data, metadata
    plain = "\n\n".join([*(_plain(lane, form, parts) for lane in comparison.lanes), grid.summary(comparison)])
    if form == "json":
        return {"application/json": _trees(comparison), "text/plain": plain}, metadata
    return {"text/plain": plain}, metadata


def _plain(lane: LaneResult, form: str, parts: bundle.Parts) -> str:
    match form:
        case "raw":
            return f"{grid.ruled(lane.label)}\n\n{safe.terminal(lane.reply.text)}"
        case "json":
            return f"{grid.ruled(lane.label)}\n\n{display.as_json(lane.reply)['text/plain']}"
    return grid.plain_lane(lane, parts)


def _trees(comparison: Comparison) -> dict[str, Any]:
    """Return each lane's JSON, or its text where that is none."""
    shown = {lane.label: display.as_json(lane.reply) for lane in comparison.lanes}
    return {label: data.get("application/json", data["text/plain"]) for label, data in shown.items()}


def _doing(lane: Lane, live: Live) -> str:
    """Say what a lane does that has not ended."""
    if not live.size:
        return live.waits_for() or WAITING
    first = f" · first word {lane.first_token_seconds:.2f} s" if lane.first_token_seconds is not None else ""
    return f"{'thinking' if live.thinking else 'writing'}{first}"
