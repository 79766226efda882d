"""P12: from an interrupt to the idle kernel, at 200 events a second; with a real engine it is H1 of `make torture`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.figure import Figure
from benchmarks.setting import asking, kernel, synthetic, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator


def figures(trials: int = 15) -> Iterator[Figure]:
    with synthetic() as url, kernel(**asking(url)) as made:
        made.run(f"%%ask --alone\n{wanted(5)}")
        waits = []
        for _ in range(trials):
            request = made.send(f"%%ask --alone\n{wanted(20_000, 200)}")
            begun = made.wait(request, until=lambda ran: len(ran.paints()) > 1)
            at = time.monotonic()
            made.interrupt()
            ran = made.wait(request, ran=begun)
            waits.append(1000 * (time.monotonic() - at))
            assert ran.status == "error", ran.text
    yield Figure.of("P12", "from interrupt to idle", waits, 100, "ms")
    yield Figure.of("P12 worst", "the slowest of them", waits, 250, "ms", worst=True)
