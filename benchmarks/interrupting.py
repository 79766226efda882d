"""P12: from an interrupt to the idle kernel, at 200 events a second; with a real engine it is H1 of `make torture`."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.figure import Figure
from benchmarks.setting import asking, kernel, synthetic, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kernels import Kernel, Ran


def figures(trials: int = 15) -> Iterator[Figure]:
    with synthetic() as url, kernel(**asking(url)) as made:
        made.run(f"%%ask --alone\n{wanted(5)}")
        waits = interrupted(made, f"%%ask --alone\n{wanted(20_000, 200)}", lambda ran: len(ran.paints()) > 1, trials)
        bare = interrupted(made, "print('it sleeps', flush=True)\n__import__('time').sleep(60)", _prints, trials)
    note = f"a cell that only sleeps takes {statistics.median(bare):.1f} ms"
    yield Figure.of("P12", "from interrupt to idle", waits, 100, "ms", note)
    yield Figure.of("P12 worst", "the slowest of them", waits, 250, "ms", worst=True)


def interrupted(made: Kernel, code: str, until: Callable[[Ran], bool], trials: int) -> list[float]:
    """Interrupt a cell again and again; return how long each took to end, in ms."""
    waits = []
    for _ in range(trials):
        request = made.send(code)
        begun = made.wait(request, until=until)
        at = time.monotonic()
        made.interrupt()
        ran = made.wait(request, ran=begun)
        waits.append(1000 * (time.monotonic() - at))
        assert ran.status == "error", ran.text
    return waits


def _prints(ran: Ran) -> bool:
    return "it sleeps" in ran.text
