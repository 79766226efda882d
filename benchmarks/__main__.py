"""
Measure, and print each figure as `P1: value (goal)`: ratios and counts of one run, medians, with n and the spread.

    python -m benchmarks [P1 P4 ...] [--runs 3] [--to FILE]

They go to the file, benchmarks/results/latest.json if none is named, several runs with the median of each. Ends in 1
where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

from benchmarks import display, flat_out, interrupting, lanes, loading, memory, opening, pages, words
from benchmarks.figure import Figure, meets, over
from benchmarks.setting import cores

RESULTS = Path(__file__).parent / "results" / "latest.json"
PATHS = (
    (("P1",), loading),
    (("P2", "P3", "P7"), words),
    (("P4",), flat_out),
    (("P5", "P6"), display),
    (("P8",), lanes),
    (("P9",), opening),
    (("P10", "TAB"), pages),
    (("P11",), memory),
    (("P12",), interrupting),
)
"""What each module measures."""


def measure(names: list[str]) -> list[Figure]:
    """Measure what is named, or everything, and print each figure as it comes."""
    print(cores(), flush=True)
    taken = []
    for told, path in PATHS:
        if not names or set(names) & set(told):
            for figure in path.figures():
                print(figure, flush=True)
                taken.append(figure)
    return taken


def main(arguments: list[str]) -> int:
    """Measure as often as is wanted; several runs are told together."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure; see benchmarks/README.md.")
    parser.add_argument("names", nargs="*", metavar="P1", type=str.upper)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--to", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    on = cores()
    runs = [measure(asked.names) for _ in range(asked.runs)]
    by_name = {figure.name: [one for run in runs for one in run if one.name == figure.name] for figure in runs[0]}
    if asked.runs > 1:
        print(f"\nAll {asked.runs} runs:")
        for name, figures in by_name.items():
            print(over(name, figures))
    asked.to.parent.mkdir(exist_ok=True)
    rows = {
        name: figures[0].row()
        | {"value": statistics.median(f.value for f in figures), "runs": [f.value for f in figures]}
        for name, figures in by_name.items()
    }
    asked.to.write_text(json.dumps({"on": on, "figures": rows}, indent=2) + "\n")
    return 0 if all(meets(row["runs"], row["goal"]) for row in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
