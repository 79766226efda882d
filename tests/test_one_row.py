"""A provider is one row: what CONTRIBUTING.md says is done to a copy, and the provider keeps the contract of all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import kernel_env
from tests.kernels import Kernel

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
STEP = re.compile(r"in `([\w/]+\.py)`, at `(# [^`]+)`[^`]*```diff\n(.*?)```", re.DOTALL | re.IGNORECASE)
CONTRACT = {
    f"test_{step}[relay{wire}]"
    for step in ("connect", "test", "list", "ask", "image", "error_hint")
    for wire in ("", "-chat")
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package and its tests, with what the guide adds to them, each at its comment."""
    folder = tmp_path_factory.mktemp("one-row")
    for name in ("xiantong_nb", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    touched = []
    for name, mark, text in STEP.findall(GUIDE):
        path = folder / name
        before, found, after = path.read_text().partition(f"{mark}\n")
        assert found, f"{name} has no {mark}"
        start = before.rfind("\n") + 1
        added = re.sub(r"^\+", "", text, flags=re.MULTILINE)
        path.write_text(f"{before[:start]}{added}{before[start:]}{found}{after}")
        touched.append(name)
    assert len(touched) == GUIDE.count("```diff")
    assert [name for name in touched if not name.startswith("tests/")] == ["xiantong_nb/presets.py"], "one row alone"
    return folder


def test_it_keeps_the_contract(copy, tmp_path):
    """Connect, test, list, ask, image, error hint, on both its wires, by the command that the guide gives."""
    command = [sys.executable, "-m", "pytest", "tests/test_providers.py", "-k", "relay", "-v", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*command, f"--basetemp={tmp_path / 'pytest'}"],
        cwd=copy, env=os.environ | {"PYTHONPATH": str(copy)}, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-4000:]
    assert set(re.findall(r"::(\S+) PASSED", ran.stdout)) >= CONTRACT


def test_the_notebook_knows_it(copy, tmp_path):
    """Its help, Tab, its variable, and that no key of it may stand on a line."""
    kernel = Kernel(kernel_env(tmp_path) | {"PYTHONPATH": str(copy), "RELAY_API_KEY": "rly_" + "a1" * 12})
    try:
        kernel.run("%load_ext xiantong_nb")
        assert kernel.value("__import__('xiantong_nb').__file__").startswith(str(copy))
        assert "relay" in kernel.run("%xiantong connect?").text
        assert "relay" in kernel.tab("%xiantong connect rel").offered
        assert "https://relay.example.com/api" in kernel.run("%xiantong list").text
        refused = kernel.run(f"%xiantong connect relay --name rly_{'a1' * 12}")
        assert "This line holds what looks like a key" in refused.text
    finally:
        kernel.stop()
