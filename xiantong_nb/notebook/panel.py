"""
The picker and the wizard of connections as a widget: its traits out, its page's messages to a desk.

What is synced is saved with the notebook, so only what all may read, and is still true later, is a trait: how it began
and which target it showed. Everything else, and a key above all, travels in custom messages.
"""

from __future__ import annotations

import secrets
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from xiantong_nb import shown
from xiantong_nb.api import session
from xiantong_nb.desk import Desk
from xiantong_nb.draft import Draft
from xiantong_nb.errors import UsageError
from xiantong_nb.notebook.route import free_route
from xiantong_nb.notebook.unsaid import keep_unsaid
from xiantong_nb.watch import Watch

if TYPE_CHECKING:
    from xiantong_nb.shown import Json

_STATIC = Path(__file__).parent.parent / "static"
_KERNEL = secrets.token_hex(8)
_INSTEAD = {
    "list": "%xiantong list shows what can be asked, %xiantong use TARGET chooses, %xiantong connect --text adds",
    "form": "%xiantong connect --text asks the same by prompts",
    "edit": "%xiantong edit NAME --text asks the same by prompts",
}
_watch = Watch(session())


class Picker(anywidget.AnyWidget):
    """
    Choose what to ask, by mouse or keyboard; add, change, test and remove connections.

        picker = Picker()
        picker                               as the last line of a cell shows it
        picker.observe(print, "target")      hears each change of what is asked

    `target` is what this kernel asks where nothing is named, as `connection:model`. It follows whatever changes that:
    this picker, another one, a magic, another kernel, the desktop app. From Python: `%xiantong use TARGET`.

    `start` is "list", or "form", which shows the wizard, or "edit", which shows the settings of the saved connection
    `slug`. `draft` prefills the wizard with what was said already, `default` ticks "everyone's default".
    """

    _esm = _STATIC / "panel.js"
    _css = _STATIC / "panel.css"

    start = traitlets.Enum(tuple(_INSTEAD), "list").tag(sync=True)
    target = traitlets.Unicode(read_only=True).tag(sync=True)
    draft = traitlets.Dict().tag(sync=True)
    default = traitlets.Bool().tag(sync=True)

    def __init__(
        self, start: str = "list", *, draft: Draft | None = None, slug: str = "", default: bool = False
    ) -> None:
        if start not in _INSTEAD:
            raise UsageError(f"A picker can't start with {start!r}.", hint=f"It can with {', '.join(_INSTEAD)}.")
        self.set_trait("target", shown.in_use(session()))
        super().__init__(start=start, draft=shown.draft(draft or Draft(), slug), default=default)
        self._desk = Desk(session(), self._say, greeting={"instance": secrets.token_hex(8), "kernel": _KERNEL})
        keep_unsaid(self.comm)
        self.on_msg(self._hear)
        free_route(self.comm)
        _watch.add(self._desk)

    def close(self) -> None:
        """End it: the page shows it no more, what is under way stops, and a key that was typed is forgotten."""
        if hasattr(self, "_desk"):
            _watch.drop(self._desk)
            self._desk.close()
        super().close()

    def __repr__(self) -> str:
        asks = f"asks {self.target}" if self.target else "nothing is in use yet"
        return f"<Picker: {asks}. Where no widget is shown: {_INSTEAD[self.start]}.>"

    def _hear(self, _widget: object, message: Any, _buffers: object) -> None:
        self._desk.take(message)

    def _say(self, message: Json) -> None:
        """Bring a message to the page, from any thread; `target` follows what it tells."""
        self.send(message)
        if "state" in message:
            try:
                self.set_trait("target", message["state"]["target"])
            except Exception:  # noqa: BLE001  # whatever a person's observer raises; the page goes on
                traceback.print_exc()
        free_route(self.comm)
