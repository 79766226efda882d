"""P4: CPU per event of a stream that comes as fast as it can, against httpx that only reads it."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.figure import Figure
from benchmarks.setting import KEY, asking, fresh, synthetic, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = 10_000
_TIMED = """
def timed(go):
    import statistics, time
    go()  # the first brings imports, connections and what the interpreter learns of the loop
    taken = []
    for _ in range(5):
        begun = time.process_time()
        size = go()
        taken.append(1e6 * (time.process_time() - begun) / EVENTS)
        assert size >= LEAST, size
    return statistics.median(taken)
"""
_OURS = """
from pathlib import Path
from xiantong_nb.options import Options
from xiantong_nb.session import Session

session = Session(folder=Path("/nonexistent"), environment=dict(GIVEN))
def go():
    with session.open(WANTED, "", Options(alone=True)) as stream:
        return len(stream.result().text)
print(timed(go))
"""
_RAW = """
import httpx
LEAST = 100 * EVENTS  # bytes, as they are framed
client, body = httpx.Client(), {"stream": True, "messages": [{"role": "user", "content": WANTED}]}
def go():
    with client.stream("POST", URL + "/v1/messages", json=body) as answer:
        return sum(map(len, answer.iter_raw()))
print(timed(go))
"""
_ASYNC = """
import asyncio, httpx
LEAST = 100 * EVENTS
client, body = httpx.AsyncClient(), {"stream": True, "messages": [{"role": "user", "content": WANTED}]}
async def read():
    size = 0
    async with client.stream("POST", URL + "/v1/messages", json=body) as answer:
        async for chunk in answer.aiter_raw():
            size += len(chunk)
    return size
loop = asyncio.new_event_loop()
print(timed(lambda: loop.run_until_complete(read())))
"""
SDK = """
import anthropic
client = anthropic.Anthropic(base_url=URL, api_key=KEY)
def go():
    asked = {"model": "m", "max_tokens": 9999, "messages": [{"role": "user", "content": WANTED}]}
    with client.messages.create(stream=True, **asked) as stream:
        return sum(len(event.delta.text) for event in stream if event.type == "content_block_delta")
print(timed(go))
"""


def cost(script: str, url: str, *, python: str | None = None) -> float:
    """Return the CPU of one event in us, in a fresh process: the median of five streams."""
    given = {
        "EVENTS": EVENTS,
        "LEAST": 4 * (EVENTS - 1),
        "WANTED": wanted(EVENTS),
        "URL": url,
        "KEY": KEY,
        "GIVEN": asking(url),
    }
    told = "".join(f"{name} = {value!r}\n" for name, value in given.items())
    return fresh(f"{told}{_TIMED}{script}", **({"python": python} if python else {}))


def figures(trials: int = 5) -> Iterator[Figure]:
    with synthetic() as url:
        taken = [[cost(script, url) for script in (_OURS, _RAW, _ASYNC)] for _ in range(trials)]
    ours, raw, raw_async = (statistics.median(each) for each in zip(*taken, strict=True))
    note = f"{ours:.1f} us an event, httpx {raw:.1f}, its asynchronous client {raw_async:.1f}"
    yield Figure.of(
        "P4", "whole path but the display, against httpx unparsed", [o / r for o, r, _ in taken], 2.0, "x", note
    )
    yield Figure.of("P4 async", "against httpx's asynchronous client, unparsed", [o / a for o, _, a in taken], 1.6, "x")


def against_sdk(python: str, trials: int = 3) -> tuple[float, float]:
    """Return the us of an event of ours and of the official SDK, in an environment that has it."""
    with synthetic() as url:
        taken = [(cost(_OURS, url), cost(SDK, url, python=python)) for _ in range(trials)]
    ours, theirs = zip(*taken, strict=True)
    return statistics.median(ours), statistics.median(theirs)
