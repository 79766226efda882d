"""H2, H3, H5: streams that are cut, cut up, or refused, and when they are asked for again."""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.decoding import CHAT, MESSAGES, decoded
from tests.fault_server import CLOSE, RESET, FaultServer, chunked, failure, head
from tests.torture.figure import Figure
from xiantong_nb.events import Finished, TextDelta, ThinkingDelta, ToolDelta
from xiantong_nb.exchange import converse
from xiantong_nb.failures import Place
from xiantong_nb.request import HttpCall
from xiantong_nb.transport import Transport
from xiantong_nb.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

SAMPLES = Path(__file__).parent.parent / "samples"
CUT = ("llmock-text", "aimock-thinking", "llamacpp-tool", "chat-llmock-text", "chat-llmock-tool")
FORMS = {
    "close": lambda data: [head() + data, CLOSE],
    "reset": lambda data: [head() + data, 0.0005, RESET],
    "chunk": lambda data: [head(transfer_encoding="chunked") + (chunked(data, end=False) if data else b""), CLOSE],
}


def wire_of(name: str):
    return CHAT if name.startswith("chat-") else MESSAGES


def _played(work: Callable[[FaultServer], Coroutine[Any, Any, None]]) -> None:
    """Do something with a fault server of its own."""
    server = FaultServer()
    try:
        asyncio.run(work(server))
    finally:
        server.close()


async def _said(url: str, name: str, transport: Transport, slept: list[float], chance: float = 0.0) -> list:
    """The events of one question to a server that plays what it was given."""
    events: list = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    form, address = WIRES[wire_of(name)], f"{url}/v1/messages"
    call, place = HttpCall("POST", address, {}, b"{}"), Place("gw", "m", address)
    await converse(call, place, transport, events.append, wire=form, sleep=sleep, chance=lambda: chance)
    return events


def cuts(*, step: int) -> Figure:
    """H2: each of five replies, cut after every byte (or every `step`th), in three ways, over sockets."""
    wrong, again, complete, count = [], 0, 0, 0

    async def work(server: FaultServer) -> None:
        nonlocal again, complete, count
        transport = Transport()
        for name in CUT:
            body = (SAMPLES / f"{name}.sse").read_bytes()
            whole_from = next(n for n in range(len(body) + 1) if decoded(wire_of(name), body[:n])[0].complete)
            for form, answer in FORMS.items():
                for at in range(0, whole_from, step):
                    server.seen.clear()
                    server.play(answer(body[:at]))
                    events = await _said(server.url, name, transport, [])
                    end = events[-1]
                    shown = any(isinstance(e, TextDelta | ThinkingDelta | ToolDelta) for e in events)
                    count += 1
                    complete += end.complete
                    again += shown and len(server.seen) > 1
                    if end.complete or end.error is None or not isinstance(end, Finished):
                        wrong.append(f"{name} cut by {form} at {at}")
        server.play([head() + body, CLOSE])  # the same reply, whole, is seen to be
        assert (await _said(server.url, name, transport, []))[-1].complete
        await transport.aclose()

    _played(work)
    value = f"{complete} marked complete, {len(wrong) - complete} without an error, {again} asked again after a word"
    return Figure(value, "0, 0, 0", not wrong and not again, (f"{count:,} cuts of {len(CUT)} replies", *wrong[:3]))


def pieces(*, times: int) -> Figure:
    """H3: every reply of ours in pieces of one byte, and in random ones, through the parser and the decoder."""
    chance, same = random.Random(20261123), 0
    bodies = [(path.stem, path.read_bytes()) for path in sorted(SAMPLES.glob("*.sse"))]
    bodies = [(name, body) for name, body in bodies if len(body) < 5_000]
    for n in range(times):
        name, body = bodies[n % len(bodies)]
        if n < len(bodies):
            chunks = [bytes([b]) for b in body]
        else:
            ends = sorted(chance.sample(range(len(body)), chance.randrange(1, min(60, len(body)))))
            chunks = [body[a:b] for a, b in zip([0, *ends], [*ends, len(body)], strict=True)]
        same += decoded(wire_of(name), *chunks)[0] == decoded(wire_of(name), body)[0]
    return Figure(f"{same:,} of {times:,} the same", "all", same == times, (f"{len(bodies)} replies",))


REFUSED, TRIED = (400, 401, 402, 403, 404, 405, 413, 422), (408, 409, 429, 500, 502, 503, 504, 529)


def retries() -> Figure:
    """H5: how often and after how long it is asked again, with a clock that does not run."""
    wrong, rules = [], 0
    at = email.utils.formatdate(time.time() + 30, usegmt=True)
    waits = {
        "": (0.375, 0.5), "retry-after: 7": (7, 7), "retry-after-ms: 1500": (1.5, 1.5), f"retry-after: {at}": (25, 30),
        "retry-after: -3": (0.375, 0.5), "retry-after: soon": (0.375, 0.5), "retry-after: 1000000000": None,
        "x-should-retry: false": None,
    }  # fmt: skip

    async def work(server: FaultServer) -> None:
        nonlocal rules
        transport = Transport()

        async def asked(answer: list, chance: float, least: float | None, most: float | None, count: int, what: str):
            nonlocal rules
            for name in ("messages", "chat-"):
                rules += 1
                server.seen.clear()
                server.play(answer)
                slept: list[float] = []
                await _said(server.url, name, transport, slept, chance)
                within = not slept if least is None else all(slept) and least <= slept[0] <= (most or 0)
                if least is not None and not what:
                    within = within and 0.75 <= slept[1] <= 1.0
                if not within or len(server.seen) != count or len(slept) != count - 1:
                    wrong.append(f"{what or 'no header'}: {len(server.seen)} requests, slept {slept}")

        for status in REFUSED:
            await asked(failure(status, {}), 0.5, None, None, 1, f"status {status}")
        for status in TRIED:
            for chance in (0.0, 0.5, 1.0):
                await asked(failure(status, {}), chance, 0.375, 0.5, 3, "")
        for header, wait in waits.items():
            name, _, value = header.partition(": ")
            headers = {name.replace("-", "_"): value} if name else {}
            least, most = wait or (None, None)
            await asked(failure(429, {}, **headers), 0.5, least, most, 3 if wait else 1, header)
        await transport.aclose()

    _played(work)
    return Figure(f"{len(wrong)} of {rules} wrong", "0", not wrong, tuple(wrong[:3]))
