"""Each figure of saved files and of streams at CI size, in a process of its own; `make torture` makes all of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.torture.figure import Figure
from tests.torture.rows import ROWS

NEEDS = {"R2": "strace", "R4": "node", "R5": "strace", "R8": "node", "S2": "chromium"}


@pytest.mark.skipif(sys.platform != "linux", reason="they look at what Linux tells of processes and system calls")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [row.name for row in ROWS if row.name not in ("R12", "S1")])  # tests themselves
def test_figure(name):
    needs = NEEDS.get(name, "")
    if needs and shutil.which(needs) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{needs} is not installed")
    if name == "R11" and os.geteuid() != 0:
        pytest.skip("only root can read as another user")
    command = [sys.executable, "-m", "tests.torture", "--ci", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1780, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{name}: ")


def test_a_missed_goal_is_said_and_ends_in_1(monkeypatch, capsys):
    from tests.torture import __main__ as torture
    from tests.torture.rows import Row

    rows = (Row("X1", lambda: Figure("1 lost", "0", met=False)), Row("X2", lambda: Figure("0 lost", "0", met=True)))
    monkeypatch.setattr(torture, "ROWS", rows)
    assert torture.main([]) == 1
    assert torture.main(["X2"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("X1: 1 lost (goal 0)   MISSED")
    assert "MISSED" not in said[1]


def test_every_figure_has_a_name_of_its_own():
    assert len({row.name for row in ROWS}) == len(ROWS)
