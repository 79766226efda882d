"""
llama.cpp's servers for the toys, behind one loopback port; this runs in the engine's own process only.

The front reads a request, finds its model, and passes it to that toy's server; the answer goes back verbatim:
generation, framing, errors and cancelling are llama.cpp's. The front adds the list of models, the 404 for an
unknown one, and `pace`: it holds finished events back so that streaming can be seen; llama.cpp does not wait.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
import os
import re
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlsplit

import xllamacpp

from xiantong_nb.errors import EngineError
from xiantong_nb.toys import TOYS, Toy, write

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

HOST = "127.0.0.1"
SLOTS = 8  # answers at once, per toy
SLOT_CONTEXT = 32_768  # tokens: a long answer as history takes 17,000; each costs 80 bytes of memory
HEAD_LIMIT = 65_536  # bytes of request line and headers
BODY_LIMIT = 32 << 20  # bytes, as at Anthropic's own endpoint
PATIENCE = 60.0  # seconds for a client to send its request
LAST_CHUNK = b"\r\n0\r\n\r\n"
HOP_HEADERS = (b"connection:", b"keep-alive:", b"proxy-connection:", b"expect:")


class _Refused(Exception):
    """A request that the front answers itself: status, error type and message."""


@dataclass(frozen=True, slots=True)
class Options:
    """
    How to serve: the port (0: any), events per second (0: as they come), the key that is asked for.

    `verbosity` is llama.cpp's: from 3 on, its log shows the start and the end of each answer. With an
    `orphan_log` the process ends with its standard input, and removes that file if its parent just vanished.
    """

    port: int = 0
    pace: float = 0
    api_key: str | None = None
    verbosity: int = 3
    orphan_log: Path | None = None


@dataclass(slots=True)
class _Exchange:
    """One request, by its number and line, and how far its answer has come: for the log."""

    number: int
    line: str = "unread"
    events: int = 0
    status: str = ""

    def log(self, what: str) -> None:
        """Write a line that begins with the wall clock's seconds."""
        sys.stderr.write(f"{time.time():.3f} request {self.number}: {self.line}: {what}\n")
        sys.stderr.flush()


class _Asked(NamedTuple):
    """A request as it came: its line, its headers (lower-case names), its bytes."""

    method: str
    target: str
    headers: dict[str, str]
    head: bytes
    body: bytes


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Asked:
    """Read one request; raises _Refused, or IncompleteReadError when the client left in the middle."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise _Refused("431 Headers Too Large", "invalid_request_error", "the headers are too long") from None
    line, *rows = head[:-4].split(b"\r\n")
    words = line.decode("latin-1").split(" ")
    pairs = [row.decode("latin-1").partition(":") for row in rows]
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = headers.get("content-length", "0")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not all(colon for _, colon, _ in pairs):  # noqa: PLR2004 - method, target, version
        raise _Refused("400 Bad Request", "invalid_request_error", "this is not an HTTP/1.1 request")
    if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
        raise _Refused("400 Bad Request", "invalid_request_error", "send the body with a Content-Length")
    if int(length[:20]) > BODY_LIMIT:
        raise _Refused("413 Content Too Large", "request_too_large", f"more than {BODY_LIMIT >> 20} MiB")
    if "expect" in headers:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return _Asked(words[0], words[1], headers, head, await reader.readexactly(int(length)))


def _model(asked: _Asked) -> str:
    """Return the model that a request names in its JSON body or its query, or else the first toy."""
    try:
        body = json.loads(asked.body)
    except (ValueError, RecursionError):
        body = None  # llama.cpp says what is wrong with it
    named = parse_qs(urlsplit(asked.target).query).get("model", [TOYS[0].id])[0]
    return str(body.get("model") or named) if isinstance(body, dict) else named


def _models(api_key: str | None, asked: _Asked) -> dict[str, object]:
    """Return the list of models, for those who know the key: llama.cpp's own list asks for none."""
    bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
    given = asked.headers.get("x-api-key") or bearer
    if api_key and not hmac.compare_digest(given.encode(), api_key.encode()):
        raise _Refused("401 Unauthorized", "authentication_error", "Invalid API Key")
    rows = [{"id": toy.id, "type": "model", "object": "model", "display_name": toy.about} for toy in TOYS]
    return {"object": "list", "data": rows, "has_more": False, "first_id": TOYS[0].id, "last_id": TOYS[-1].id}


def _answer(status: str, value: object) -> bytes:
    """Return a whole HTTP answer with a JSON body."""
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


async def _relay(pace: float, up: asyncio.StreamReader, down: asyncio.StreamWriter, it: _Exchange) -> None:
    """Hand llama.cpp's answer on, byte for byte, until it ends; a stream's events at the pace."""
    clock, due, rest, sent, tail = asyncio.get_running_loop().time, 0.0, b"", 0, b""
    head = await up.readuntil(b"\r\n\r\n")
    it.status = head.split(b" ", 2)[1].decode("latin-1")
    down.write(head)
    streamed = b"text/event-stream" in head.lower()
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    # The answer's own end counts, not the connection's: a client may leave between the two.
    while tail != LAST_CHUNK and not (length and sent >= int(length[1])) and (data := await up.read(HEAD_LIMIT)):
        sent, tail = sent + len(data), (tail + data)[-len(LAST_CHUNK) :]
        # Events are cut at their blank line. The framing of chunks between them stays where it is:
        # a piece may begin with the end of the chunk before, which no client minds.
        *pieces, rest = (rest + data).split(b"\n\n") if streamed else (data, b"")
        for piece in pieces:
            if streamed and pace:
                due = max(due + 1 / pace, clock())
                await asyncio.sleep(due - clock())
            it.events += streamed
            down.write(piece + b"\n\n" if streamed else piece)
            await down.drain()
    down.write(rest)
    await down.drain()


async def _left(reader: asyncio.StreamReader) -> None:
    """Wait until the client has closed its side; what it still sends has no meaning and is dropped."""
    while await reader.read(HEAD_LIMIT):
        pass


def _onward(asked: _Asked) -> bytes:
    """Return the request as llama.cpp gets it: the same, but for this connection only."""
    rows = [row for row in asked.head[:-4].split(b"\r\n") if not row.lower().startswith(HOP_HEADERS)]
    return b"\r\n".join([*rows, b"Connection: close", b"", asked.body])


async def _converse(relay: Coroutine[None, None, None], reader: asyncio.StreamReader, it: _Exchange) -> None:
    """Relay an answer to its end, or to where its client goes away, and log which it was."""
    answer, left = asyncio.ensure_future(relay), asyncio.ensure_future(_left(reader))
    try:
        await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done() and not answer.exception():
            it.log(f"finished after {it.events} events" if it.events else f"finished with {it.status}")
        elif left.done() or isinstance(answer.exception(), ConnectionError):
            it.log(f"cancelled: the client went away after {it.events} events")
        else:
            it.log(f"broken off: {answer.exception()!r}")
    finally:
        for task in (answer, left):
            task.cancel()
        await asyncio.gather(answer, left, return_exceptions=True)


async def _connection(
    options: Options,
    ports: dict[str, int],
    it: _Exchange,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Answer the one request of a connection; nothing a client sends gets further than this."""
    try:
        async with asyncio.timeout(PATIENCE):
            asked = await _read(reader, writer)
        it.line = f"{asked.method} {urlsplit(asked.target).path}"
        if it.line == "GET /v1/models":
            writer.write(_answer("200 OK", _models(options.api_key, asked)))
            it.log("finished with 200")
            return
        toy = _model(asked)
        if toy not in ports:
            what = f"model '{toy}' not found; the toys are {', '.join(ports)}"
            raise _Refused("404 Not Found", "not_found_error", what)  # noqa: TRY301 - answered below, like all of them
        it.line += f" {toy}"
        it.log("started")
        up_reader, up = await asyncio.open_connection(HOST, ports[toy])
        try:
            up.write(_onward(asked))
            await _converse(_relay(options.pace, up_reader, writer, it), reader, it)
        finally:
            # A closed connection is how llama.cpp learns that nobody listens any more; it cancels the task.
            up.transport.abort()
    except _Refused as refused:
        status, kind, message = refused.args
        writer.write(_answer(status, {"type": "error", "error": {"type": kind, "message": message}}))
        it.log(f"refused with {status}")
    except (OSError, ValueError, asyncio.IncompleteReadError) as exc:  # TimeoutError is an OSError
        it.log(f"broken off: {exc!r}")
    finally:
        writer.close()


def _load(toy: Toy, folder: Path, options: Options) -> tuple[xllamacpp.Server, int]:
    """Start llama.cpp's server for a toy on a free port; raises EngineError."""
    path = folder / f"{toy.id}.gguf"
    write(toy, path)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {toy.id}
    params.hostnames = [HOST]
    params.port = 0
    params.api_keys = [options.api_key] if options.api_key else []
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * SLOT_CONTEXT
    params.ctx_shift = True  # what never ends outgrows every context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # too small to be shared out
    params.n_threads_http = 2 * SLOTS  # an answer holds a thread as long as it streams
    params.cache_ram_mib = 0  # old prompts are quicker to read again than worth their memory
    params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE  # read whole: the file goes away
    params.fit_params = params.warmup = params.ui = False
    params.endpoint_slots = True
    params.verbosity = options.verbosity
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as exc:
        raise EngineError(f"llama.cpp could not load {toy.id}: {exc}") from exc
    return server, urlsplit(server.listening_address).port or 0


async def _serve(options: Options, ready: Callable[[str], None]) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def end(*_: object) -> None:
        loop.call_soon_threadsafe(stop.set)

    def watch(log: Path) -> None:
        # The parent asks by one byte. Without it, the pipe ended because the parent did, even by SIGKILL.
        if not os.read(0, 1):
            log.unlink(missing_ok=True)
        end()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    if options.orphan_log:
        threading.Thread(target=watch, args=[options.orphan_log], name="parent", daemon=True).start()
    ports, numbers = dict[str, int](), itertools.count(1)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Coroutine[None, None, None]:
        return _connection(options, ports, _Exchange(next(numbers)), reader, writer)

    try:
        listener = await asyncio.start_server(accept, HOST, options.port, limit=HEAD_LIMIT, start_serving=False)
    except OSError as exc:
        what = f"Port {options.port} is not to be had: {os.strerror(exc.errno or 0).lower()}."
        raise EngineError(what, hint="Choose another --port; 0 takes a free one.") from exc
    servers = []
    with tempfile.TemporaryDirectory(prefix="xiantong-toys-") as folder:
        for toy in TOYS:
            server, ports[toy.id] = _load(toy, Path(folder), options)
            servers.append(server)
    await listener.start_serving()
    ready(f"http://{HOST}:{listener.sockets[0].getsockname()[1]}")
    await stop.wait()
    # Not by return: taking llama.cpp's servers down in order means waiting for every running answer.
    os._exit(0)


def serve(options: Options, ready: Callable[[str], None]) -> None:
    """Serve the toys until told to end, then exit with 0; calls `ready` with the URL; raises EngineError."""
    asyncio.run(_serve(options, ready))
