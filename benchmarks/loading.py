"""P1: what loading the extension costs, against `import httpx` in the same run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.figure import Figure
from benchmarks.setting import fresh

if TYPE_CHECKING:
    from collections.abc import Iterator

LOAD = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
begun, wall = time.process_time(), time.perf_counter()
{}
print([1000 * (time.process_time() - begun), 1000 * (time.perf_counter() - wall)])
"""
HEAVY = ("httpx", "cryptography", "anywidget", "msgspec", "pydantic", "pandas")
FOUND = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
before = set(sys.modules)
InteractiveShell.instance().run_line_magic("load_ext", "xiantong_nb")
print(len({name.partition(".")[0] for name in set(sys.modules) - before} & set(HEAVY)))
"""


def load(statement: str, *, python: str | None = None) -> list[float]:
    """Return [CPU ms, wall ms] of a statement in a fresh IPython."""
    return fresh(LOAD.format(statement), **({"python": python} if python else {}))


def figures(trials: int = 9) -> Iterator[Figure]:
    ours, theirs = [], []
    for _ in range(trials):  # in turn, so that other work on the machine disturbs both alike
        ours.append(load('shell.run_line_magic("load_ext", "xiantong_nb")')[0])
        theirs.append(load("import httpx")[0])
    base = sorted(theirs)[trials // 2]
    ratios = [each / base for each in ours]
    note = f"{base / 1000 * sorted(ratios)[trials // 2] * 1000:.1f} ms CPU"
    yield Figure.of("P1", "%load_ext against import httpx", ratios, 0.5, "x", note)
    found = fresh(f"HEAVY = {HEAVY!r}\n{FOUND}")
    yield Figure.of("P1 heavy", f"of {', '.join(HEAVY)} loaded", [found], 0, "packages")
