"""
Keeps what pages say to forms out of debug logs: a key may be in it.

The package `comm` and ipykernel log whole messages at DEBUG, each by a logger of its own.
"""

from __future__ import annotations

import logging
from typing import Any


class _Unsaid(logging.Filter):
    """Replaces a record that holds a message to one of these comms by one that only says so."""

    def __init__(self) -> None:
        super().__init__()
        self.comms: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        # a single dict is not in a tuple
        told = record.args if isinstance(record.args, tuple) else (record.args,)
        if any(self._holds(each) for each in told):
            record.msg, record.args = "a message to a form (unsaid)", ()
        return True

    def _holds(self, message: Any) -> bool:
        """Say whether this is a message to one of them, or its content."""
        content = message.get("content", message) if isinstance(message, dict) else None
        return isinstance(content, dict) and content.get("comm_id") in self.comms


_unsaid = _Unsaid()


def keep_unsaid(comm: Any) -> None:
    """Keep the messages to a comm out of the logs from now on."""
    _unsaid.comms.add(comm.comm_id)
    kernel = getattr(comm, "kernel", None)
    for logger in (logging.getLogger("Comm"), getattr(kernel, "log", None)):
        if logger is not None:
            logger.addFilter(_unsaid)  # once, however often
