"""The widgets of answers that come: an ear that hears the page, and a sheet for each question, to draw on."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from xiantong_nb.notebook.route import free_route

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STATIC = Path(__file__).parents[1] / "static"


class _Bare(anywidget.AnyWidget):
    """A widget without the layout that others open beside them: a question costs one widget less."""

    layout = traitlets.Any(None, allow_none=True).tag(sync=True)


class Ear(_Bare):
    """
    Invisible, and there as long as the kernel: hears that there is a page, and its buttons.

    Nothing is sent on it but the answers to greetings, and each time the route is freed, so that the page is heard
    while a cell runs. Where the host has no thread for that, it is heard when the cell has ended.
    """

    _esm = _STATIC / "live.js"
    _css = _STATIC / "live.css"

    def __init__(
        self,
        greeted: Callable[[], None],
        stop: Callable[[int, int | None], None],
        keep: Callable[[int], None],
        missed: Callable[[int], None],
    ) -> None:
        self._greeted = greeted
        self._stop = stop
        self._keep = keep
        self._missed = missed
        super().__init__()
        free_route(self.comm)
        self.on_msg(self._hear)

    def _hear(self, _: object, said: Any, __: object) -> None:
        """Take what the page says, in any thread; what is not understood is another version's."""
        match said:
            case {"hello": int(sheet)}:
                self._greeted()
                if "missed" in said:
                    self._missed(sheet)
                self.send({"hello": sheet})
                free_route(self.comm)
            case {"stop": int(sheet), "lane": int() | None as lane}:
                self._stop(sheet, lane)
            case {"keep": int(sheet)}:
                self._keep(sheet)


class Sheet(_Bare):
    """
    What a question's answers are drawn on: it is sent what is new, and says nothing.

    What a page says to a widget that is closed would be complained about in the kernel's log.
    """

    _esm = _STATIC / "live_sheet.js"

    ear = anywidget.WidgetTrait().tag(sync=True)
    number = traitlets.Int().tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, ear: Ear, number: int, labels: Sequence[str]) -> None:
        # each message names the sheet twice, and a short text is no longer than the usual name
        super().__init__(model_id=secrets.token_hex(4), ear=ear, number=number, labels=list(labels))

    def data(self) -> dict[str, Any]:
        """Return it as `display(..., raw=True)` takes it."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"text/plain": "answering …", "application/vnd.jupyter.widget-view+json": view}
