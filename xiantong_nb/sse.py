"""
Server-sent events: bytes in, events out.

    chunk of bytes --feed--> lines (CR, LF or CRLF) --> fields --blank line--> ServerSentEvent

Implements WHATWG HTML 9.2.5 "Parsing an event stream" and 9.2.6 "Interpreting an event stream". No I/O, and
no idea of what the events mean. Two deviations, both on purpose: `id` and `retry` are dropped, since
nothing here reconnects; and both a line and an event have a size limit, since the other side is not
trusted to stop.
"""

from __future__ import annotations

from dataclasses import dataclass

from xiantong_nb.errors import BadReply

MAX_LINE = 8 * 2**20
MAX_EVENT = 64 * 2**20
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event: its name (`message` unless said) and its data, undecoded."""

    name: str
    data: bytes


class Parser:
    """Feed it chunks of any size; a character or a line end cut in two is put together again."""

    def __init__(self) -> None:
        self._tail: list[bytes] = []  # pieces of a line whose end has not come
        self._tail_size = 0
        self._after_cr = False  # an LF that comes next belongs to the CR before it
        self._fresh = True  # nothing seen yet: a BOM may come
        self._name = ""
        self._data: list[bytes] = []
        self._data_size = 0

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """
        Return the events that `chunk` completes.

        An event whose blank line never comes is never returned (9.2.6: incomplete events are discarded).
        Raises `BadReply` when a line or an event outgrows its limit.
        """
        events: list[ServerSentEvent] = []
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
        first, newline, rest = chunk.partition(b"\n")
        self._tail_size += len(first)
        if self._tail_size > MAX_LINE:
            raise _too_large("line", MAX_LINE)
        if not newline:
            self._tail.append(first)
            return events
        lines = rest.split(b"\n")
        if self._tail:
            self._tail.append(first)
            first = b"".join(self._tail)
        last = lines.pop()
        self._line(first, events)
        for line in lines:
            self._line(line, events)
        if len(last) > MAX_LINE:
            raise _too_large("line", MAX_LINE)
        self._tail = [last] if last else []
        self._tail_size = len(last)
        return events

    def _line(self, line: bytes, events: list[ServerSentEvent]) -> None:
        if not line:
            if self._data:
                events.append(ServerSentEvent(self._name or "message", b"\n".join(self._data)))
            self._name, self._data, self._data_size = "", [], 0
            return
        field, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if field == b"data":
            self._data_size += len(value) + 1
            if self._data_size > MAX_EVENT:
                raise _too_large("event", MAX_EVENT)
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        # 9.2.6: a comment (empty field) and any other field are ignored


def _too_large(what: str, limit: int) -> BadReply:
    return BadReply(
        f"The endpoint sent one {what} of more than {limit // 2**20} MiB; the stream was closed.",
        status=200,
        kind="too_large",
        hint="This is not how a model answers: check the base URL.",
    )
