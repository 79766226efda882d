"""
A server that plays scripted bytes, for what no real engine does on demand.

An answer is a list of steps: bytes are sent as they are (one TCP segment each), a number sleeps that many
seconds, CLOSE ends the connection, RESET breaks it. The server knows no HTTP beyond finding where a request
ends, so an answer can be as wrong as a test wants.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

CLOSE, RESET = object(), object()


@dataclass
class Seen:
    """One request as it arrived; `gone` is set when its client closed the connection."""

    head: str
    body: bytes
    gone: threading.Event = field(default_factory=threading.Event)
    gone_at: float = 0.0

    def leaves(self) -> None:
        self.gone_at = time.monotonic()
        self.gone.set()

    @property
    def json(self):
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None


class FaultServer:
    """Plays one answer per request, in order; the last one again and again."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._socket.getsockname()[1]}"
        self.seen: list[Seen] = []
        self.accepted = 0
        self._answers: list[list] = []
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def play(self, *answers: list) -> None:
        self._answers = list(answers)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._socket.close()
        self.drop()

    def drop(self) -> None:
        """Cut what is open."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(connection)
                self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        connection = accepted
        try:
            with self._secured(accepted) as connection:
                while (request := self._read(connection)) is not None:
                    with self._lock:
                        self.seen.append(request)
                        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                    if not self._answer(connection, answer, request):
                        return
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(accepted)

    def _secured(self, connection: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    @staticmethod
    def _read(connection: socket.socket) -> Seen | None:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        request = Seen(head.decode("latin-1"), b"")
        while len(body) < int(request.header("content-length") or 0):
            body += connection.recv(65536)
        request.body = body
        return request

    def _answer(self, connection: socket.socket, steps: list, request: Seen) -> bool:
        """Play the steps; return whether the connection stays open for another request."""
        for step in steps:
            if step is CLOSE:
                connection.shutdown(socket.SHUT_RDWR)
                return False
            if step is RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            if isinstance(step, bytes):
                try:
                    connection.sendall(step)
                except OSError:
                    request.leaves()
                    return False
            elif self._left(connection, float(step)):
                request.leaves()
                return False
        return True

    @staticmethod
    def _left(connection: socket.socket, seconds: float) -> bool:
        """Sleep, unless the client closes meanwhile: a read that gives nothing says so."""
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            connection.settimeout(rest)
            try:
                return connection.recv(1, socket.MSG_PEEK) == b""
            except TimeoutError:
                break
            except OSError:
                return True
            finally:
                connection.settimeout(None)
        return False


def head(status: int = 200, *, kind: str = "text/event-stream", length: int | None = None, **headers: str) -> bytes:
    """An answer's head. Without a length the end of the connection ends the body."""
    lines = [f"HTTP/1.1 {status} Whatever", f"content-type: {kind}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines.append("connection: close" if length is None else f"content-length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def failure(status: int, body: object, **headers: str) -> list:
    """A whole answer with a JSON body."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "application/json" if not isinstance(body, bytes) else "text/html"
    return [head(status, kind=kind, length=len(text), **headers) + text]


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    """A chunked body of these pieces; without its end it is cut."""
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + (b"0\r\n\r\n" if end else b"")


def sse(*events: dict) -> bytes:
    """Anthropic's framing of events."""
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e, ensure_ascii=False)}\n\n".encode() for e in events)


START = {
    "type": "message_start",
    "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
                "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}},
}  # fmt: skip
BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
BLOCK_END = {"type": "content_block_stop", "index": 0}
END = (
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 3},
    },
    {"type": "message_stop"},
)


def text(words: str) -> dict:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": words}}


def whole(*words: str) -> bytes:
    """The body of a whole, good stream that says `words`, one delta each."""
    return sse(START, BLOCK, *map(text, words), BLOCK_END, *END)


def good(*words: str) -> list:
    """A whole, good answer."""
    return [head() + whole(*words), CLOSE]


ENDLESS = [head() + sse(START, BLOCK, text("some words")), 60.0]
"""An answer that begins, and then says nothing more for a minute, unless its client leaves."""
