"""Every figure: its name, what counts it, and how much of it is made in CI and in full."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.torture import (
    app_writer,
    bits,
    covered,
    crash,
    faulty,
    flood,
    fuzz,
    interrupts,
    keys,
    kill,
    model,
    modes,
    passing,
    stress,
    tables,
    talk,
    ways,
)
from tests.torture.hostile import counting

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.torture.figure import Figure


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of the given size."""

    name: str
    figure: Callable[..., Figure]
    ci: dict[str, Any] = field(default_factory=dict)
    full: dict[str, Any] = field(default_factory=dict)


ROWS = (
    Row("R1", kill.figure, {"memory": 200, "on_a_disk": 100}, {"memory": 8000, "on_a_disk": 2000}),
    Row("R2", crash.figure),
    Row("R3", stress.figure, {"processes": 8, "updates": 50}, {"processes": 16, "updates": 500}),
    Row("R4", app_writer.figure, {"seconds": 6, "rounds": 3}, {"seconds": 60, "rounds": 20}),
    Row("R5", faulty.figure, {"every_cause": False, "real": 18}, {"every_cause": True, "real": 100}),
    Row("R6", bits.figure, {"files": 1, "every_salt_bit": False}, {"files": 3, "every_salt_bit": True}),
    Row("R8", passing.figure, {"stores": 50}, {"stores": 500}),
    Row("R9", fuzz.figure, {"inputs": 20_000}, {"inputs": 1_000_000}),
    Row("R10", model.figure, {"least": 2_000}, {"least": 100_000}),
    Row("R11", modes.figure, {"saves": 200}, {"saves": 1000}),
    Row("R12", covered.figure),
    Row("S1", keys.leaks, {"tests": ("tests/test_leaks.py",)}, {"tests": ("tests", "--ignore=tests/test_torture.py")}),
    Row("S2", counting.figure, {"every": False, "frames": 4, "apart": 6}, {"every": True, "frames": 12, "apart": 1}),
    Row("S3", ways.redirects),
    Row("S4", keys.figure, {"keys": 30}, {"keys": 30}),
    Row("S5", ways.proxies),
    Row("H1", interrupts.figure, {"trials": 20}, {"trials": 200}),
    Row("H2", talk.cuts, {"step": 17}, {"step": 1}),
    Row("H3", talk.pieces, {"times": 500}, {"times": 10_000}),
    Row("H4", flood.figure, {"size": 64 * 2**20, "events": 50_000}, {"size": 2**30, "events": 1_000_000}),
    Row("H5", talk.retries),
    Row("H6", ways.silence),
    Row("T1", tables.figure, {"prompts": 60}, {"prompts": 500}),
)
