"""H4: endless lines, endless pings, bombs and floods of events: memory stays small, and it ends."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
import zlib
from typing import TYPE_CHECKING

from tests.fault_server import head
from tests.speech import SPEECHES, Speech
from tests.torture.figure import Figure, peak
from xiantong_nb.errors import XiantongError
from xiantong_nb.exchange import converse
from xiantong_nb.failures import Place
from xiantong_nb.request import HttpCall
from xiantong_nb.transport import Transport
from xiantong_nb.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_GROWTH = 64  # MiB
BLOCK = 2**20


def _line(speech: Speech, size: int) -> Iterator[bytes]:
    yield head() + speech.begun("a") + b"data: "
    for _ in range(size // BLOCK):
        yield b"x" * BLOCK


def _pings(speech: Speech, size: int) -> Iterator[bytes]:
    one = (
        b'data: {"type":"ping","pad":"' + b"x" * 900 + b'"}\n\n'
        if speech is SPEECHES[0]
        else b": " + b"x" * 900 + b"\n"
    )
    yield head() + speech.begun("a")
    many = one * (BLOCK // len(one))
    for _ in range(size // len(many)):
        yield many
    yield speech.end() + speech.done


def _bomb(speech: Speech, size: int) -> Iterator[bytes]:
    """A thousand to one, of an endless line."""
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(speech.begun("a") + b"data: ")
    for _ in range(size // BLOCK):
        packed += packer.compress(b"x" * BLOCK)
    yield head(content_encoding="gzip") + packed + packer.flush()


def _bomb_of_pings(speech: Speech, size: int) -> Iterator[bytes]:
    """A thousand to one, of lines that are fine."""
    pieces = _pings(speech, size)
    next(pieces)  # its head
    packer = zlib.compressobj(9, wbits=31)
    yield head(content_encoding="gzip") + packer.compress(speech.begun("a"))
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def _events(speech: Speech, size: int) -> Iterator[bytes]:
    one = speech.begun("a", "b").removeprefix(speech.begun("a"))
    yield head() + speech.begun("a")
    for _ in range(size // 1000):
        yield one * 1000
    yield speech.end() + speech.done


FLOODS = {"line": _line, "pings": _pings, "bomb": _bomb, "bomb of pings": _bomb_of_pings, "events": _events}


def _serve(pieces: Iterator[bytes]) -> int:
    """Play one answer, and return the port where."""
    server = socket.create_server(("127.0.0.1", 0))

    def play() -> None:
        connection, _ = server.accept()
        with server, connection:
            asked = b""
            while not asked.endswith(b"{}"):  # all of it: closing on unread bytes would break what is underway
                asked += connection.recv(65536)
            try:
                for piece in pieces:
                    connection.sendall(piece)
            except OSError:
                pass

    threading.Thread(target=play, daemon=True).start()
    return server.getsockname()[1]


def client(number: int, port: int) -> dict:
    """Ask, in a process of its own, and tell how much it grew by what came."""
    speech, seen = SPEECHES[number], 0
    url = f"http://127.0.0.1:{port}{speech.path}"

    def emit(event: object) -> None:
        nonlocal seen, last
        seen, last = seen + 1, event

    last: object = None

    async def work() -> None:
        transport = Transport()
        call, place = HttpCall("POST", url, {}, b"{}"), Place("gw", "m", url)
        await converse(call, place, transport, emit, wire=WIRES[speech.wire])
        await transport.aclose()

    before = peak(anew=True)
    begun = time.perf_counter()
    asyncio.run(work())
    seconds = time.perf_counter() - begun
    error = getattr(last, "error", None)
    return {
        "growth": peak() - before,
        "rate": seen / seconds,
        "seconds": seconds,
        "ended": "whole" if last.complete else type(error).__name__ if isinstance(error, XiantongError) else "untyped",
    }


def figure(*, size: int, events: int) -> Figure:
    """Each flood on each wire: `size` bytes, or `events` tiny events."""
    notes, worst, untyped, rates = [], 0.0, 0, []
    for name, flood in FLOODS.items():
        for number, speech in enumerate(SPEECHES):
            port = _serve(flood(speech, events if name == "events" else size))
            command = [sys.executable, "-m", "tests.torture.flood", str(number), str(port)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                return Figure(done.stderr[-500:], "ends", met=False)
            said = json.loads(done.stdout)
            worst = max(worst, said["growth"])
            untyped += said["ended"] != {"line": "BadReply", "bomb": "BadReply"}.get(name, "whole")
            notes.append(f"{name} by {speech.wire}: {said['ended']}, {said['growth']:.0f} MiB, {said['seconds']:.1f} s")
            if name == "events":
                rates.append(said["rate"])
    value = f"{worst:.0f} MiB growth, {untyped} ends of another kind, {min(rates):,.0f} events/s"
    met = worst <= MOST_GROWTH and not untyped
    return Figure(value, f"{MOST_GROWTH} MiB, 0, the rate stated (50,000 wanted)", met, tuple(notes))


if __name__ == "__main__":
    print(json.dumps(client(int(sys.argv[1]), int(sys.argv[2]))))
