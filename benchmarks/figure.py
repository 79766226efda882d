"""One measured figure: its value against its goal, how often it was taken, and how much that varied."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

SLACK = 1.25
"""How far over its goal a single run may be, where the median of all is within."""


@dataclass(frozen=True, slots=True)
class Figure:
    """`values` in `unit`, of which `value` is told; at most `goal`, if there is one."""

    name: str
    what: str
    value: float
    goal: float | None
    unit: str
    values: tuple[float, ...]
    note: str = ""

    @classmethod
    def of(
        cls, name: str, what: str, values: Sequence[float], goal: float | None, unit: str, note: str = "", *,
        worst: bool = False,
    ) -> Figure:  # fmt: skip
        """Tell the median of `values`, or the `worst`."""
        value = max(values) if worst else statistics.median(values)
        return cls(name, what, value, goal, unit, tuple(values), note)

    @property
    def noise(self) -> float:
        """How far the values lie apart, in percent of the median."""
        middle = statistics.median(self.values)
        return 100 * (max(self.values) - min(self.values)) / middle if middle else 0.0

    @property
    def met(self) -> bool:
        return self.goal is None or self.value <= self.goal

    def __str__(self) -> str:
        goal = f" (<= {self.goal:g})" if self.goal is not None else ""
        spread = f"n={len(self.values)}, noise {self.noise:.0f} %" if len(self.values) > 1 else "n=1"
        said = "; ".join(part for part in (self.what, self.note, spread) if part)
        return f"{self.name}: {self.value:.3g} {self.unit}{goal}   {said}{'' if self.met else '   MISSED'}"

    def row(self) -> dict[str, Any]:
        """Return it for a file of results."""
        return {
            "value": self.value,
            "goal": self.goal,
            "unit": self.unit,
            "what": self.what,
            "n": len(self.values),
            "noise_percent": self.noise,
            "note": self.note,
        }


def meets(values: Sequence[float], goal: float | None) -> bool:
    """Whether the median of several runs is within a goal, and none over it by more than the slack."""
    return goal is None or (statistics.median(values) <= goal and max(values) <= SLACK * goal)


def over(name: str, runs: Sequence[Figure]) -> str:
    """Say how one figure of several runs came out: the median within the goal, none over it by more than the slack."""
    values = sorted(run.value for run in runs)
    middle, goal = statistics.median(values), runs[0].goal
    told = f"{name}: {middle:.3g} {runs[0].unit}   median of {len(runs)} runs, {values[0]:.3g} to {values[-1]:.3g}"
    if goal is None:
        return told
    missed = "" if meets(values, goal) else "   MISSED"
    return f"{told} (<= {goal:g}, none over {SLACK * goal:.3g}){missed}"
