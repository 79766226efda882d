"""
The table of how fast it is in README.md, from what was measured last: nothing in it is typed by hand.

    python -m benchmarks.table      writes between the two markers of README.md
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parents[1] / "README.md"
MARKED = re.compile(r"(<!-- performance -->\n).*?(<!-- /performance -->)", re.DOTALL)
Results = dict[str, Any]

WORDS = {
    "P1": "CPU time of `%load_ext`, `import httpx` being 1",
    "P2": "From the server's first word to the notebook",
    "P2 first ask": "The same, a kernel's first question",
    "P3": "A second question's time to its first word, the first being 1",
    "P4": "CPU time of an event, `httpx` that only reads it being 1",
    "P4 SDK": "CPU time of an event, the official SDK's stream being 1",
    "P5 8 kB": "Sent to the page by the widget, 2.05 replies and 640 B a message being 1",
    "P5 growth": "Bytes sent for ten times the text",
    "P6": "Sent without widgets, beyond two copies of the reply",
    "P7": "From the server's first word to the terminal",
    "P8": "16 answers side by side, the slowest alone being 1",
    "P8 core": "Processor for these, painting included",
    "P8 table": "64 requests of a table at once, one being 1",
    "P9": "Opening the store of keys, one derivation of its key being 1",
    "P10": "From a cell's run to a form that can be used",
    "Tab": "Tab, with 500 models",
    "P11": "Memory for a long reply, its text being 1",
    "P12": "From an interrupt to an idle kernel",
    "P12 worst": "The slowest of them",
}
"""The figures that are shown, in short words."""


def number(value: float) -> str:
    """Return three digits that count: 9.22, 28, 1,330."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def figures_table(figures: Results) -> str:
    """Return our own figures with their goals; one that missed its goal says so."""
    lines = ["| | Measured | Goal |", "|---|---|---|"]
    for name, words in WORDS.items():
        if name not in figures:
            continue
        one = figures[name]
        goal = "" if one["goal"] is None else f"≤ {number(one['goal'])}"
        missed = ", missed" if one["goal"] is not None and one["value"] > one["goal"] else ""
        unit = "" if one["unit"] == "x" else f" {one['unit']}"
        lines.append(f"| {words} | {number(one['value'])}{unit}{missed} | {goal} |")
    return "\n".join(lines)


def peers_table(peers: Results) -> str:
    """Return what others need for the same reply, a line each."""
    lines = [
        "| | Loading, `import httpx` being 1 | Streams | Messages | Sent, the reply being 1 | First text after | CPU |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in peers["rows"]:
        cells = [row["name"], number(row["load_x"]), *["no notebook output", "", "", "", ""]]
        if "bytes" in row:
            first = row["first_text_s"]
            cells[2:] = [
                "yes" if row["streams"] else "no",
                f"{row['messages']:,}",
                number(row["x_reply"]),
                f"{first:.1f} s" if first >= 1 else f"{1000 * first:.0f} ms",
                f"{row['cpu_ms']:,.0f} ms",
            ]
        lines.append(f"| {' | '.join(cells)} |".replace("  ", " "))
    return "\n".join(lines)


def section(latest: Results, peers: Results) -> str:
    """Return what README.md says between the markers, of whichever results there are."""
    parts = []
    figures = latest.get("figures", {}) | peers.get("figures", {})
    if figures:
        on = f"{latest['on']}, `make bench`" if latest else f"{peers['on']}, `make bench-peers`"
        parts += [f"Measured ({on}), medians; ratios are of one run.", figures_table(figures)]
    if peers:
        reply = f"a reply of {number(peers['reply'] / 1000)} kB that takes {peers['seconds']} s"
        runs = f"one run each, loading the median of {peers['trials']}"
        on = f"`make bench-peers`, {peers['date']}, {peers['on']}, network: {peers['network']}"
        parts += [f"What others need for the same work, {reply}; {runs} ({on}).", peers_table(peers)]
    return "\n\n".join(parts) + "\n"


def filled(readme: str, told: str) -> str:
    """Return the page with `told` between its markers; ValueError where it has none."""
    page, found = MARKED.subn(lambda marked: f"{marked[1]}{told}{marked[2]}", readme)
    if found != 1:
        raise ValueError(f"{found} places between <!-- performance --> and <!-- /performance -->, 1 is needed")
    return page


def read(name: str) -> Results:
    """Return the results of that name; empty where nothing was measured."""
    path = RESULTS / name
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def main() -> int:
    """Write README.md's table."""
    latest, peers = read("latest.json"), read("peers.json")
    if not latest and not peers:
        print("Nothing was measured: `make bench` and `make bench-peers` first")
        return 1
    README.write_text(filled(README.read_text("utf-8"), section(latest, peers)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
