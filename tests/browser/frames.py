"""What a reader sees of an output, frame by frame: its height, its text, and where the line that is read stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.browser.apps import CELLS

if TYPE_CHECKING:
    from tests.browser.apps import Book

WATCH = f"""
(number) => {{
  const cell = ({CELLS})[number].node;
  let scroller = cell.parentElement;
  while (!/auto|scroll/.test(getComputedStyle(scroller).overflowY)) scroller = scroller.parentElement;
  window.watched = {{ on: true, frames: [], scroller, line: null }};
  const look = () => {{
    const output = cell.querySelector(".jp-OutputArea");
    const line = window.watched.line === null ? null
      : [...output.querySelectorAll("li")].find((one) => one.textContent.trim() === window.watched.line);
    window.watched.frames.push([
      output?.offsetHeight ?? 0,
      output?.textContent.length ?? 0,
      cell.querySelector(".xt-live") !== null,
      line ? line.getBoundingClientRect().top : null,
      line ? String(getSelection()).trim() : "",
    ]);
    if (window.watched.on) requestAnimationFrame(look);
  }};
  requestAnimationFrame(look);
}}
"""
READ = """
(nth) => {
  const line = document.querySelectorAll(".xt-live li")[nth];
  window.watched.line = line.textContent.trim();
  getSelection().selectAllChildren(line);
  window.watched.scroller.scrollTop +=
    line.getBoundingClientRect().top - window.watched.scroller.getBoundingClientRect().top - 200;
}
"""


@dataclass(frozen=True)
class Frame:
    """
    One animation frame.

    Height and the top of the line that is read are in pixels, `size` in characters; `live` says whether it is the live
    view, `selected` what is selected.
    """

    height: int
    size: int
    live: bool
    line: float | None
    selected: str


class Frames:
    """Looks at the output of a cell in every animation frame, from now on."""

    def __init__(self, book: Book, number: int) -> None:
        self._page = book.page
        self._page.evaluate(WATCH, number)

    def wait_height(self, pixels: int) -> None:
        """Wait until the output is this high."""
        self._page.wait_for_function("(pixels) => window.watched.frames.at(-1)?.[0] > pixels", arg=pixels)

    def read(self, nth: int) -> None:
        """Be a reader: scroll to one of the items, and select it."""
        self._page.evaluate(READ, nth)

    @property
    def line(self) -> str:
        """The item that is read."""
        return self._page.evaluate("() => window.watched.line")

    def end(self) -> list[Frame]:
        """Look no more; return all frames since there was something to see."""
        self._page.evaluate("() => { window.watched.on = false; }")
        frames = [Frame(*one) for one in self._page.evaluate("() => window.watched.frames")]
        first = next(at for at, frame in enumerate(frames) if frame.size)
        return frames[first:]
