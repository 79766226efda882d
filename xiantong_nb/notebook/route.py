"""Which of the kernel's threads hears a page: while a cell runs, the cell's own is deaf."""

from __future__ import annotations

import contextlib
from typing import Any


def free_route(comm: Any) -> None:
    """
    Let the page's own mark say which thread hears its next message on a comm; to be called after each send.

    ipykernel 7.4 has a page heard where the kernel last sent from, which during a cell is the thread that runs it: then
    a button would wait for the cell's end. Without this attribute the front end's own subshell hears it. It is private;
    where it is missing, or the comm is closed, all is as that host does it.
    """
    with contextlib.suppress(AttributeError):
        del comm._reply_subshell_id  # noqa: SLF001  # there is no other way to say it
