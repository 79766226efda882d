"""
The painter of answers in a page that shows widgets: each frame it is sent what is new of all lanes, and nothing else.

It begins as another painter, on the same output, and takes over when the page has said that it is there. In the end the
output is the other painter's own, so that nothing is left of the widget. Until then a notebook that is saved would hold
no text of the answer, so a long one is put beside the sheet now and then: when the page says that nobody has selected
anything in it, since it is drawn anew, and twice as late each time, since it is all of the text.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Generic

from xiantong_nb import bundle, grid
from xiantong_nb.comparison import Comparison, LaneResult
from xiantong_nb.interrupts import held
from xiantong_nb.notebook.live import result
from xiantong_nb.notebook.news import News
from xiantong_nb.notebook.watching import Answer, Item

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xiantong_nb.bundle import Parts
    from xiantong_nb.events import Event
    from xiantong_nb.lane import Lane
    from xiantong_nb.notebook.live import Output
    from xiantong_nb.notebook.page import Page
    from xiantong_nb.notebook.watching import Painter
    from xiantong_nb.notebook.widgets import Sheet

_PATIENCE = 2.0  # seconds from the first word: a view that changes later would disturb who reads
_UNFOLDS = 0.2  # seconds in which the page makes a sheet ready, while the text before it is still to be seen
_KEPT = 20.0  # seconds of an answer before it is put beside the sheet for the first time
_QUICK = 4  # frames that come twice as fast: later ones are as good at their usual pace, and cost less


class PagePainter(Generic[Item, Answer]):
    """
    Draws on a sheet of the page, once there is one.

    `before` paints until then, and in the end, on `output`, which says how often. `pairs` gives what comes with its
    lanes, `shown` says what of it is shown.
    """

    def __init__(
        self,
        before: Painter[Item, Answer],
        output: Output,
        page: Page,
        lanes: Sequence[Lane],
        pairs: Callable[[list[Item]], list[tuple[Lane, Event]]],
        shown: Parts,
    ) -> None:
        self._before = before
        self._output = output
        self._page = page
        self._pairs = pairs
        self._news = {lane: News(lane, shown, alone=len(lanes) == 1) for lane in lanes}
        self._shown = shown
        self._sheet: Sheet | None = None
        self._drawing = False
        self._ready = 0.0
        self._first = True
        self._frames = 0
        self._next_frame = 0.0
        self._until: float | None = None
        self._drawn_since = self._keep_at = 0.0

    def rest(self) -> float:
        """Until the next frame. The question has left by now, so the page is asked for."""
        if self._drawing:
            return self._next_frame - time.monotonic()
        self._page.called()
        return self._before.rest()

    def take(self, batch: list[Item]) -> None:
        """Take what has come, and send the first of it at once, the rest on the clock."""
        for lane, event in self._pairs(batch):
            self._news[lane].take(event)
        if not self._drawing:
            self._begin()
        if not self._drawing:
            self._before.take(batch)
        elif self._next_frame <= (now := time.monotonic()):
            self._send()
            if self._sheet is not None and now >= self._keep_at and self._page.disturbs_nobody(self._sheet):
                self._keep_at = 2 * now - self._drawn_since
                self._output.put({**self._sheet.data(), "text/markdown": self._so_far()}, {})

    def finish(self, answer: Answer) -> None:
        """Send the last, put the output that stays in the place of the sheet, and only then take that off."""
        try:
            if self._drawing:
                self._send()
        finally:
            try:
                self._before.finish(answer)
            finally:
                self._end()

    def withdraw(self) -> None:
        """Empty the output: an error follows it."""
        if self._drawing:
            self._output.put({"text/markdown": ""}, {})
        else:
            self._before.withdraw()
        self._end()

    def _begin(self) -> None:
        """Lay a sheet ready once the page is there, if that is in time; draw on it when there is something to show."""
        now = time.monotonic()
        if self._until is None and any(news.begun for news in self._news.values()):
            self._until = now + _PATIENCE
        shows = len(self._news) > 1 or any(news.shows for news in self._news.values())
        if self._sheet is None and shows and self._page.there and (self._until is None or now < self._until):
            with held():
                self._sheet = self._page.sheet([lane.label for lane in self._news], self._stop)
            self._ready = now + _UNFOLDS if self._output.shown else now
        if self._sheet is not None and now >= self._ready:
            self._drawing, self._drawn_since, self._keep_at = True, now, now + _KEPT
            self._send()  # what is sent first is there when the sheet is shown
            self._output.put(self._sheet.data(), {})

    def _send(self) -> None:
        if self._sheet is None:
            return
        if self._page.missed(self._sheet):
            self._first = True
            for news in self._news.values():
                news.tell_again()
        if message := self._message():
            self._sheet.send(message)
            self._frames += 1
            self._next_frame = time.monotonic() + self._output.frame * (0.5 if self._frames < _QUICK else 1)

    def _message(self) -> dict[str, Any]:
        """Return what is new of all lanes, as the page takes it; nothing where nothing is."""
        lanes = {at: new for at, news in enumerate(self._news.values()) if (new := news.told())}
        message: dict[str, Any] = {"lanes": lanes} if lanes else {}
        if len(self._news) > 1 and any("s" in new for new in lanes.values()):
            ended = [result(lane).state for lane in self._news if lane.reply]
            message["said"] = grid.finished(ended, len(self._news))
        if message and self._first:
            message["first"], self._first = True, False
        return message

    def _so_far(self) -> str:
        """Return what has come, as the output of an interrupt would have it."""
        lanes = list(self._news)
        if len(lanes) == 1:
            return bundle.bundle(lanes[0].so_far(), self._shown)[0]["text/markdown"]
        results = tuple(LaneResult(lane.label, (), lane.so_far(), lane.error) for lane in lanes)
        return grid.markdown(Comparison("", results), self._shown)

    def _stop(self, at: int | None) -> None:
        """Stop one lane, or all; in any thread."""
        lanes = list(self._news)
        for lane in lanes if at is None else lanes[at : at + 1]:
            lane.stop()

    def _end(self) -> None:
        if self._sheet is not None:
            self._page.remove(self._sheet)
            self._sheet = None
