"""P12: from an interrupt to the idle kernel, while the demo engine streams without end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.figure import Figure
from benchmarks.setting import kernel

if TYPE_CHECKING:
    from collections.abc import Iterator


def figures(trials: int = 15) -> Iterator[Figure]:
    with kernel() as made:
        made.run("%%ask demo --alone\nhello")
        waits = []
        for _ in range(trials):
            request = made.send("%%ask demo --alone --max-tokens 8000\nAn endless answer, please.")
            begun = made.wait(request, until=lambda ran: len(ran.paints()) > 1)
            at = time.monotonic()
            made.interrupt()
            ran = made.wait(request, ran=begun)
            waits.append(1000 * (time.monotonic() - at))
            assert ran.status == "error", ran.text
    yield Figure.of("P12", "from interrupt to idle", waits, 100, "ms")
    yield Figure.of("P12 worst", "the slowest of them", waits, 250, "ms", worst=True)
