"""The figures of `make bench`: how they are told and put into README.md, and that they are taken at all."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import table
from benchmarks.figure import Figure, over

ROOT = Path(__file__).parent.parent


def figure(*values: float, goal: float | None = 10.0, worst: bool = False) -> Figure:
    return Figure.of("P0", "made up", values, goal, "ms", worst=worst)


def test_a_figure_is_the_median_or_the_worst_against_its_goal():
    assert (figure(9, 10, 30).value, figure(9, 10, 30).met) == (10, True)
    assert (figure(9, 10, 30, worst=True).value, figure(9, 10, 30, worst=True).met) == (30, False)
    assert figure(9, 10, 30).noise == pytest.approx(210)
    assert figure(0, 0).noise == 0
    assert figure(11, goal=None).met


def test_a_figure_says_its_goal_its_spread_and_that_it_missed():
    assert str(figure(9, 10, 30)) == "P0: 10 ms (<= 10)   made up; n=3, noise 210 %"
    assert str(figure(11)) == "P0: 11 ms (<= 10)   made up; n=1   MISSED"


@pytest.mark.parametrize(
    ("values", "met"), [((9, 10, 12.5), True), ((9, 10, 12.6), False), ((9, 10.1, 10.2), False), ((9, 9, 9), True)]
)
def test_several_runs_meet_a_goal_by_their_median_with_none_far_over_it(values, met):
    assert over("P0", [figure(value) for value in values]).endswith("MISSED") is not met


FIGURES = {
    "P1": {"value": 0.4234, "goal": 0.5, "unit": "x"},
    "P2": {"value": 12.3, "goal": 10, "unit": "ms"},
    "P99": {"value": 1, "goal": None, "unit": "x"},
}
PEERS = {
    "on": "2 cores", "date": "2026-11-27", "network": "loopback only", "reply": 8000, "seconds": 20, "trials": 5,
    "figures": {"P4 SDK": {"value": 0.3, "goal": 0.5, "unit": "x"}},
    "rows": [
        {"name": "slow 1.0", "load_x": 93.4, "streams": False, "messages": 1, "bytes": 9100, "x_reply": 1.14,
         "first_text_s": 20.04, "cpu_ms": 94.4},
        {"name": "eager 2.0", "load_x": 56.1, "streams": True, "messages": 4003, "bytes": 10_600_000, "x_reply": 1328.4,
         "first_text_s": 0.0031, "cpu_ms": 4799},
        {"name": "sdk 3.0", "load_x": 47},
    ],
}  # fmt: skip


def test_the_table_shows_what_was_measured_and_what_missed_its_goal():
    rows = table.figures_table(FIGURES).splitlines()[2:]
    assert rows == [f"| {table.WORDS['P1']} | 0.423 | ≤ 0.5 |", f"| {table.WORDS['P2']} | 12.3 ms, missed | ≤ 10 |"]
    assert table.peers_table(PEERS).splitlines()[2:] == [
        "| slow 1.0 | 93.4 | no | 1 | 1.14 | 20.0 s | 94 ms |",
        "| eager 2.0 | 56.1 | yes | 4,003 | 1,328 | 3 ms | 4,799 ms |",
        "| sdk 3.0 | 47 | no notebook output | | | | |",
    ]


def test_the_table_is_put_between_the_markers_of_a_page_and_nothing_else_of_it_changes():
    told = table.section({"on": "4 cores", "figures": FIGURES}, PEERS)
    before = "# A\n<!-- performance -->\nold \\1\n<!-- /performance -->\n# B\n"
    page = table.filled(before, told)
    assert page == f"# A\n<!-- performance -->\n{told}<!-- /performance -->\n# B\n"
    assert table.filled(page, told) == page
    assert table.WORDS["P4 SDK"] in page
    with pytest.raises(ValueError, match="0 places"):
        table.filled("# A", told)


def test_the_readme_has_the_place_for_it():
    assert table.filled((ROOT / "README.md").read_text(), "") != ""


def test_it_is_measured(tmp_path):
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "P1", "--to", str(results)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert re.search(r"^P1: \d\S* x \(<= 0\.5\)   .*n=9", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert re.search(r"^P1 heavy: 0 packages", done.stdout, re.MULTILINE)
    assert table.WORDS["P1"] in table.figures_table(json.loads(results.read_text())["figures"])
