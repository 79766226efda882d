"""Loading and unloading: what is registered with the shell, and taken away again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xiantong_nb.notebook.magics import AskMagics

_REPLY = ("xiantong_nb.reply", "Reply")
_loaded: dict[int, AskMagics] = {}


def load(shell: Any) -> None:
    """Register magics, the display rule for replies and the hook that knows the cell; twice does no harm."""
    if id(shell) in _loaded:
        return
    from xiantong_nb.notebook.magics import AskMagics

    magics = _loaded[id(shell)] = AskMagics(shell)
    shell.register_magics(magics)
    shell.events.register("pre_run_cell", magics.cell_begins)
    # by name, so that the class is not imported before there is a reply
    shell.display_formatter.ipython_display_formatter.for_type_by_name(*_REPLY, magics.shown_already)


def unload(shell: Any) -> None:
    """Take everything away again; without a load before it, nothing."""
    magics = _loaded.pop(id(shell), None)
    if magics is None:
        return
    shell.events.unregister("pre_run_cell", magics.cell_begins)
    formatter = shell.display_formatter.ipython_display_formatter
    formatter.deferred_printers.pop(_REPLY, None)
    for kind in [k for k in formatter.type_printers if (k.__module__, k.__name__) == _REPLY]:
        formatter.pop(kind)
    for kind, names in magics.magics.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
