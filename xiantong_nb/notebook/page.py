"""The page in front of the kernel, as far as it has spoken: whether it shows widgets, and which buttons are pressed."""

from __future__ import annotations

import importlib
import itertools
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from xiantong_nb.notebook.widgets import Ear, Sheet

    Stop = Callable[[int | None], None]


# anywidget (0.11) gives a widget two seconds, and complains in the page of one that was closed before it was ready.
_LAID_OUT = 3.0


class Page:
    """
    The page, which need not exist: a kernel that nobody looks at never hears of one.

    `called` asks for it, and `there` says whether it has answered. Widgets take a tenth of a second to import, so a
    thread does it, once a question is on its way.
    """

    def __init__(self) -> None:
        self._calling: threading.Thread | None = None
        self._widgets: ModuleType | None = None
        self._ear: Ear | None = None
        self._there = False
        self._stops: dict[int, Stop] = {}
        self._keeps: set[int] = set()
        self._missed: set[int] = set()
        self._numbers = itertools.count(1)

    def called(self) -> None:
        """Ask for it, unless it was asked; takes no time."""
        if not self._hears and (self._calling is None or self._ear is not None):
            self._ear, self._there = None, False
            self._calling = threading.Thread(target=self._call, name="xiantong-page", daemon=True)
            self._calling.start()

    @property
    def there(self) -> bool:
        """Whether it has said that it shows widgets."""
        return self._there and self._hears

    def sheet(self, labels: Sequence[str], stop: Stop) -> Sheet:
        """
        Return something to draw answers on.

        `stop` is called when a button is pressed, in any thread, with a lane's place or None for all. Interrupts are
        to be held until the caller has it, or nobody would take it off.
        """
        if self._widgets is None or self._ear is None:
            msg = "the page has not answered"
            raise RuntimeError(msg)
        number = next(self._numbers)
        self._stops[number] = stop
        made: Sheet = self._widgets.Sheet(self._ear, number, labels)
        return made

    def disturbs_nobody(self, sheet: Sheet) -> bool:
        """Whether the page has said since it was last asked that nobody would mind if this one were drawn anew."""
        said = sheet.number in self._keeps
        self._keeps.discard(sheet.number)
        return said

    def missed(self, sheet: Sheet) -> bool:
        """Whether the page has said since it was last asked that the first of what was sent to this one is lost."""
        said = sheet.number in self._missed
        self._missed.discard(sheet.number)
        return said

    def remove(self, sheet: Sheet) -> None:
        """Take a sheet off, once the page has surely laid it out; what is displayed must be something else by now."""
        self._stops.pop(sheet.number, None)
        closing = threading.Timer(_LAID_OUT, sheet.close)
        closing.daemon = True
        closing.start()

    def close(self) -> None:
        """Hear nothing any more."""
        if self._ear is not None:
            self._ear.close()

    @property
    def _hears(self) -> bool:
        return self._ear is not None and self._ear.comm is not None

    def _call(self) -> None:
        try:
            self._widgets = importlib.import_module("xiantong_nb.notebook.widgets")
        except ImportError:
            return  # nothing is lost but the widgets
        self._ear = self._widgets.Ear(self._greeted, self._stop, self._keeps.add, self._missed.add)

    def _greeted(self) -> None:
        self._there = True

    def _stop(self, number: int, lane: int | None) -> None:
        if (stop := self._stops.get(number)) is not None:
            stop(lane)
