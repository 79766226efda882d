"""
Server-sent events: bytes in, the data of each event out.

    chunk of bytes --feed--> lines (CR, LF or CRLF) --> fields --blank line--> data

Implements WHATWG HTML 9.2.5 "Parsing an event stream" and 9.2.6 "Interpreting an event stream". No I/O, and
no idea of what the events mean. Two deviations, both on purpose: `event`, `id` and `retry` are dropped, since
both wires say in the data what it is and nothing here reconnects; and both a line and an event have a size
limit, since the other side is not trusted to stop.
"""

from __future__ import annotations

import re

from xiantong_nb.errors import BadReply

MAX_LINE = 8 * 2**20
MAX_EVENT = 64 * 2**20
_BOM = b"\xef\xbb\xbf"
_WHOLE = re.compile(rb"(?:event:.*\n)?data: ?(.*)\n\n").fullmatch
"""One event, as nearly every chunk is while a model writes: line by line takes a third longer."""


class Parser:
    """Feed it chunks of any size; a character or a line end cut in two is put together again."""

    def __init__(self) -> None:
        self._tail: list[bytes] = []  # pieces of a line whose end has not come
        self._tail_size = 0
        self._after_cr = False  # an LF that comes next belongs to the CR before it
        self._fresh = True  # nothing seen yet: a BOM may come
        self._data: list[bytes] = []
        self._data_size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """
        Return the data of each event that `chunk` completes.

        An event whose blank line never comes is never returned (9.2.6: incomplete events are discarded).
        Raises `BadReply` when a line or an event outgrows its limit.
        """
        events: list[bytes] = []
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[:1] == b"\n":
                chunk = chunk[1:]
        if self._fresh:
            head = b"".join(self._tail) + chunk
            if len(head) < len(_BOM) and _BOM.startswith(head):
                self._tail, self._tail_size = [head], len(head)
                return events
            self._fresh = False
            self._tail, self._tail_size = [], 0
            chunk = head.removeprefix(_BOM)
        if b"\r" in chunk:
            if chunk[-1:] == b"\r":
                self._after_cr = True
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not (self._tail or self._data) and len(chunk) <= MAX_LINE and (whole := _WHOLE(chunk)):
            return [whole[1]]
        lines = chunk.split(b"\n")
        if self._tail:
            self._keep(lines[0])
            if len(lines) == 1:
                return events
            lines[0] = b"".join(self._tail)
            self._tail, self._tail_size = [], 0
        if last := lines.pop():
            self._keep(last)
        for line in lines:
            if line[:5] == b"data:" or line == b"data":
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
                self._data_size += len(line)
                if self._data_size > MAX_EVENT:
                    raise _too_large("event", MAX_EVENT)
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data, self._data_size = [], 0
            # 9.2.6: a comment (empty field) and any other field are ignored
        return events

    def _keep(self, piece: bytes) -> None:
        """Keep a piece of a line until its end comes."""
        self._tail.append(piece)
        self._tail_size += len(piece)
        if self._tail_size > MAX_LINE:
            raise _too_large("line", MAX_LINE)


def _too_large(what: str, limit: int) -> BadReply:
    return BadReply(
        f"The endpoint sent one {what} of more than {limit // 2**20} MiB; the stream was closed.",
        status=200,
        kind="too_large",
        hint="This is not how a model answers: check the base URL.",
    )
