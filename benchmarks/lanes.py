"""P8: many lanes at once, painted in a kernel, and a table's many requests, against one alone."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.figure import Figure
from benchmarks.setting import asking, fresh, kernel, synthetic, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT, RATE, SECONDS, AT_ONCE = 16, 50, 10, 64
LANES = """
import json, time
from xiantong_nb.api import session
from xiantong_nb.chats import Origin
from xiantong_nb.comparing import Comparing
from xiantong_nb.notebook.live import Output
from xiantong_nb.notebook.side_by_side import DisplayLanes
from xiantong_nb.notebook.watching import watch
from xiantong_nb.options import Options
from xiantong_nb.question import Question

def figures(lanes, prompt):
    options, targets = Options(alone=True), ["anthropic:m"] * min(lanes, 8)
    made = [lane for _ in range(0, lanes, 8) for lane in session().compare(prompt, targets, options).lanes]
    comparing = Comparing(Question(prompt, options, Origin(), {}), made, [""] * len(made), lambda _: None)
    wall, cpu = time.monotonic(), time.process_time()
    made = watch(comparing, DisplayLanes(comparing.lanes, Output()))
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    assert made.complete, made.errors
    return wall, cpu
"""
TABLE = """
import time
from xiantong_nb import compare
def wall(count):
    begun = time.monotonic()
    made = compare([WANTED] * count, ["anthropic:m"], concurrency=64, progress=False, alone=True)
    assert made.complete
    return time.monotonic() - begun
wall(64)  # imports, and connections to keep warm
print([wall(1), wall(64)])
"""


def figures(trials: int = 3) -> Iterator[Figure]:
    question = wanted(RATE * SECONDS, RATE)
    with synthetic() as url:
        with kernel(**asking(url)) as made:

            def taken(count: int, prompt: str = question) -> tuple[float, float]:
                made.run(f"taken = figures({count}, {prompt!r})")
                return made.value("taken")

            made.run(LANES)
            taken(COUNT, wanted(5))  # imports, and connections to keep warm
            alone = statistics.median(taken(1)[0] for _ in range(trials))
            together = [taken(COUNT) for _ in range(trials)]
        note = f"{COUNT} lanes at {RATE} events/s"
        yield Figure.of("P8", "against one lane alone", [wall / alone for wall, _ in together], 1.05, "x", note)
        cores = [100 * cpu / wall for wall, cpu in together]
        yield Figure.of("P8 core", "painting included", cores, 35, "% of a core")
        script = f"WANTED = {question!r}\n{TABLE}"
        pairs = [fresh(script, **asking(url)) for _ in range(1)]
        ratios = [many / one for one, many in pairs]
        yield Figure.of("P8 table", f"{AT_ONCE} requests of a table at once, against one", ratios, 1.1, "x")
