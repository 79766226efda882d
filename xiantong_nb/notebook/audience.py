"""Who is in front of a cell: a terminal, a console that talks to a kernel, a page, or nobody."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Audience(Enum):
    """Where a cell was typed, which decides how an answer is painted and a question asked."""

    TERMINAL = "IPython itself, which prints and has no messages"
    CONSOLE = "jupyter console or qtconsole: prints what comes, and never replaces an output"
    PAGE = "a front end that replaces outputs, and may show forms and widgets"
    NOBODY = "what runs notebooks as programs: only what stays is looked at"

    @property
    def reads_lines(self) -> bool:
        """Whether it is shown lines of text, each once."""
        return self in (Audience.TERMINAL, Audience.CONSOLE)


def in_front(request: Mapping[str, Any] | None, environment: Mapping[str, str]) -> Audience:
    """
    Tell who sent an execute_request; None is a shell without a kernel.

    Nothing in the protocol says whether a front end takes `update_display_data`, and consoles (jupyter_console 6.6)
    drop it without a word. They are those whose requests allow questions to a person, but say nothing of a cell, as
    every notebook does, in a kernel that no Jupyter server started: a server names its session in the environment.
    """
    if request is None:
        return Audience.TERMINAL
    if not request.get("content", {}).get("allow_stdin"):
        return Audience.NOBODY
    if request.get("metadata") or environment.get("JPY_SESSION_NAME"):
        return Audience.PAGE
    return Audience.CONSOLE
