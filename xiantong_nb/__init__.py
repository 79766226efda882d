"""
xiantong-nb: ask language models from notebook cells.

    %load_ext xiantong_nb        then %%ask in any cell
    from xiantong_nb import ask  the same from Python; nothing here needs IPython to be running

Importing this module loads nothing but itself: every name below is fetched when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xiantong_nb.api import aask, ask, compare, connect, connections, dry_run, last, stream
    from xiantong_nb.comparison import Comparison
    from xiantong_nb.errors import (
        BadReply,
        Busy,
        EngineError,
        IncompleteReply,
        KeyRefused,
        NoAnswer,
        NotConnected,
        NotFound,
        NotSaved,
        OutOfCredit,
        ProviderError,
        RequestRefused,
        StoreBusy,
        StoreError,
        UnfitReply,
        UnknownModel,
        Unreachable,
        Unreadable,
        UsageError,
        XiantongError,
    )
    from xiantong_nb.notebook.panel import Picker
    from xiantong_nb.reply import Reply
    from xiantong_nb.results import Results

__version__ = "0.1.0"

_HOME = {
    "aask": "api",
    "ask": "api",
    "compare": "api",
    "connect": "api",
    "connections": "api",
    "dry_run": "api",
    "last": "api",
    "stream": "api",
    "Comparison": "comparison",
    "Picker": "notebook.panel",
    "Reply": "reply",
    "Results": "results",
    "BadReply": "errors",
    "Busy": "errors",
    "EngineError": "errors",
    "IncompleteReply": "errors",
    "KeyRefused": "errors",
    "NoAnswer": "errors",
    "NotConnected": "errors",
    "NotFound": "errors",
    "NotSaved": "errors",
    "OutOfCredit": "errors",
    "ProviderError": "errors",
    "RequestRefused": "errors",
    "StoreBusy": "errors",
    "StoreError": "errors",
    "UnfitReply": "errors",
    "UnknownModel": "errors",
    "Unreachable": "errors",
    "Unreadable": "errors",
    "UsageError": "errors",
    "XiantongError": "errors",
}

__all__ = [
    "BadReply",
    "Busy",
    "Comparison",
    "EngineError",
    "IncompleteReply",
    "KeyRefused",
    "NoAnswer",
    "NotConnected",
    "NotFound",
    "NotSaved",
    "OutOfCredit",
    "Picker",
    "ProviderError",
    "Reply",
    "RequestRefused",
    "Results",
    "StoreBusy",
    "StoreError",
    "UnfitReply",
    "UnknownModel",
    "Unreachable",
    "Unreadable",
    "UsageError",
    "XiantongError",
    "__version__",
    "aask",
    "ask",
    "compare",
    "connect",
    "connections",
    "dry_run",
    "last",
    "load_ipython_extension",
    "stream",
    "unload_ipython_extension",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """Register the magics: what `%load_ext xiantong_nb` calls."""
    from xiantong_nb.notebook import extension

    extension.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Remove the magics and hooks again."""
    from xiantong_nb.notebook import extension

    extension.unload(shell)
