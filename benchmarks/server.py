"""
A synthetic Messages endpoint in a process of its own: bytes rendered beforehand, sent on a clock.

    python -m benchmarks.server [certificate.pem]     prints its port, serves until its standard input closes

The question says what to send, as JSON: {"events": 500, "rate": 100, "size": 4}; a rate of 0 is flat out. The
first delta's text begins with the monotonic time at which it was sent.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time


def frame(event: dict[str, object]) -> bytes:
    """Render one event as an HTTP chunk."""
    data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


def delta(text: str) -> bytes:
    """Render one text delta."""
    return frame({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
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
            wanted = json.loads(body["messages"][-1]["content"])
            words = delta(("word " * wanted["size"])[: wanted["size"]])
            writer.write(HEAD)
            writer.write(delta(f"{time.monotonic():.6f} "))
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
            writer.write(TAIL)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


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
