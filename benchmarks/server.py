"""
A synthetic endpoint, Messages and chat completions, in a process of its own: rendered before, sent on a clock.

    python -m benchmarks.server [certificate.pem]     prints its port, serves until its standard input closes

The question says what to send, as JSON: {"events": 500, "rate": 100, "size": 4}; a rate of 0 is flat out. The
first delta's text begins with the monotonic time at which it was sent. Who doesn't ask for a stream waits as long as
one would take, for the same text.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def frame(event: dict[str, object]) -> bytes:
    """Render one event as an HTTP chunk."""
    return chunk(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n")


def chunk(data: str) -> bytes:
    """Render one chunk of HTTP."""
    return b"%x\r\n%s\r\n" % (len(data), data.encode())


def delta(text: str) -> bytes:
    """Render one text delta of Messages."""
    return frame({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


def choice(text: str, *, kind: str = "chat.completion.chunk", ends: bool = False) -> dict[str, object]:
    """Return one object of chat completions: a delta of the stream, or the whole message."""
    of = "message" if kind == "chat.completion" else "delta"
    said = {"index": 0, of: {"role": "assistant", "content": text}, "finish_reason": "stop" if ends else None}
    return {"id": "c1", "object": kind, "created": 1, "model": "synthetic", "choices": [said]}


def chat_delta(text: str) -> bytes:
    """Render one text delta of chat completions."""
    return chunk(f"data: {json.dumps(choice(text))}\n\n")


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
HEAD = (
    STREAM
    + frame(
        {
            "type": "message_start",
            "message": {"id": "msg_1", "model": "synthetic", "content": [], "usage": {"input_tokens": 9}},
        }
    )
    + frame({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
)
TAIL = (
    frame({"type": "content_block_stop", "index": 0})
    + frame({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}})
    + frame({"type": "message_stop"})
    + b"0\r\n\r\n"
)
CHAT_TAIL = chunk(f"data: {json.dumps(choice('', ends=True))}\n\n") + chunk("data: [DONE]\n\n") + b"0\r\n\r\n"
AT_ONCE = 64
"""Events in one write, flat out: this process must not be what is measured."""


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET"):  # a list of models, which it has none of
                writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                continue
            length = next(int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length"))
            body = json.loads(await reader.readexactly(length))
            asked = body["messages"][-1]["content"]
            wanted = json.loads(asked[asked.index("{") : asked.rindex("}") + 1])  # others add words of their own
            if not body.get("stream"):
                await at_once(writer, wanted)
            elif b"/chat/completions" in head.partition(b"\r\n")[0]:
                await stream(writer, wanted, STREAM, chat_delta, CHAT_TAIL)
            else:
                await stream(writer, wanted, HEAD, delta, TAIL)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def stream(
    writer: asyncio.StreamWriter, wanted: dict[str, Any], head: bytes, render: Callable[[str], bytes], tail: bytes
) -> None:
    """Send the deltas that are wanted, as `render` makes them."""
    words = render(("word " * wanted["size"])[: wanted["size"]])
    writer.write(head)
    writer.write(render(f"{time.monotonic():.6f} "))
    await writer.drain()
    begun = time.monotonic()
    if wanted["rate"]:
        for number in range(1, wanted["events"]):
            await asyncio.sleep(begun + number / wanted["rate"] - time.monotonic())
            writer.write(words)
            await writer.drain()
    else:
        whole, rest = divmod(wanted["events"] - 1, AT_ONCE)
        block = words * AT_ONCE
        for _ in range(whole):
            writer.write(block)
            await writer.drain()
        writer.write(words * rest)
    writer.write(tail)
    await writer.drain()


async def at_once(writer: asyncio.StreamWriter, wanted: dict[str, Any]) -> None:
    """Send the same text as one message of chat completions, when a stream of it would have ended."""
    text = f"{time.monotonic():.6f} " + ("word " * wanted["size"])[: wanted["size"]] * (wanted["events"] - 1)
    await asyncio.sleep((wanted["events"] - 1) / wanted["rate"] if wanted["rate"] else 0)
    used = {"usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}}
    data = json.dumps(choice(text, kind="chat.completion", ends=True) | used).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data)
    writer.write(head + data)
    await writer.drain()


async def main() -> None:
    """Serve until standard input closes."""
    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
