"""R12: every branch of the modules that hold keys is taken by the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.torture.figure import Figure

MODULES = ("files", "vault", "sealed", "settings", "secret")
TESTS = (
    "files", "vault", "store", "broken_files", "sealed", "settings", "secret", "app_store", "doctor", "session",
    "entry", "wizard", "importer",
)  # fmt: skip


def figure() -> Figure:
    """Run the tests of these modules under coverage, branches counted; no line is excluded by a comment."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "COVERAGE_FILE": f"{folder}/data"}
        python = [sys.executable, "-m"]
        tests = [f"tests/test_{name}.py" for name in TESTS]
        run = [*python, "coverage", "run", "--branch", "-m", "pytest", "-q", "-p", "no:randomly", *tests]
        done = subprocess.run(run, env=env, capture_output=True, text=True, check=False)
        report = Path(folder, "report.json")
        wanted = ",".join(f"xiantong_nb/{name}.py" for name in MODULES)
        told = [*python, "coverage", "json", "-q", "-o", str(report), f"--include={wanted}"]
        subprocess.run(told, env=env, capture_output=True, check=False)
        files = json.loads(report.read_text())["files"] if report.exists() else {}
    shares = {Path(name).stem: each["summary"]["percent_covered"] for name, each in files.items()}
    pragmas = sum("pragma" in Path(f"xiantong_nb/{name}.py").read_text() for name in MODULES)
    value = f"{min(shares.values(), default=0):g} % at least, {pragmas} pragmas"
    met = done.returncode == 0 and set(shares) == set(MODULES) and min(shares.values()) == 100 and not pragmas
    notes = [f"{name} {share:g} %" for name, share in sorted(shares.items())]
    return Figure(value, "100 %, 0", met, (*notes, done.stdout.strip().splitlines()[-1]))
