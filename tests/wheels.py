"""
Builds sdist and wheel, installs the wheel in empty environments, and takes the first steps in each.

    python -m tests.wheels [--only 3.12]

An environment is a Python found on this machine with the lowest or the newest dependencies that pyproject.toml allows;
of the lowest, those that have a wheel for that Python. Nothing of this project is on its path, and no Node. A line says
how each went; exits with 1 where one failed. Needs uv (of the group `build`) and what that may download.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import traceback
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import KEYS
from tests.first_steps import Step, elsewhere, journey, unseen
from tests.kernels import Kernel
from xiantong_nb.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parent.parent
KEY = "sk-CANARY-0123456789-wxyz"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLACES = (
    "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "~/.pyenv/versions/{}.*/bin",
    "~/.local/share/uv/python/cpython-{}.*/bin",
)  # fmt: skip
"""Where Pythons are, besides PATH."""
NEEDED = "ipykernel>=7.0"
"""What brings a kernel; the front end here has its own environment."""
RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}
EVERY_MODULE = """
import importlib, pkgutil, xiantong_nb
names = [m.name for m in pkgutil.walk_packages(xiantong_nb.__path__, "xiantong_nb.") if not m.name.endswith("__main__")]
for name in names: importlib.import_module(name)
print(xiantong_nb.__file__, len(names))
"""
EXTRAS = (
    Step("import numpy\ndots = numpy.zeros((5, 7, 3))"),  # which Pillow makes a PNG
    Step("%%ask toy-1 --alone --dry-run --image dots\nWhat is this?", ("Not sent: house:toy-1", "image/")),
    Step("print(made.to_frame().shape[0], 'rows')", ("3 rows",)),
    Step("%%ask demo:toy-3 --alone\nhello", ("toy-3 · demo",)),
)
"""What `images`, `frame` and `demo` are for."""
QUIETLY = "import warnings\nwith warnings.catch_warnings(action='error'):\n    {}\nprint('no warning')"
OLD = (
    Step("from xiantong_nb import rendered\nprint(rendered.html('so $x_1$ is'))", ("so $x_1$ is",)),  # markdown-it-py 3
    Step("import xiantong_nb\nxiantong_nb.Comparison.from_json('[]')", ("This is not a comparison",)),  # msgspec 0.20
    Step("print('printed', 6 * 7)"),
    Step("%%ask --alone --dry-run --cells 1\nWhat is it?", ("printed 42\n</output>",)),  # IPython 9.0
    Step(QUIETLY.format("import pandas"), ("no warning",)),  # pandas 2.2.0
)
"""What has failed with older dependencies than are allowed."""


class Failed(Exception):
    """A command that failed, with what it said."""


@dataclass(frozen=True)
class Built:
    """The two files."""

    sdist: Path
    wheel: Path


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def bare(home: Path) -> dict[str, str]:
    """An environment with nothing on PATH, Node least of all, and nothing of whoever runs this."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("LANG", "LC_", "SSL_", "SYSTEMROOT"))}
    return {**kept, "PATH": str(home / "nothing"), "HOME": str(home), "IPYTHONDIR": str(home / "ipython")}


def build(folder: Path) -> Built:
    """Build the sdist, and the wheel from what is in the sdist alone."""
    hatch = (sys.executable, "-m", "hatchling", "build", "-d", str(folder), "-t")
    run(*hatch, "sdist", env=bare(folder))
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as tarred, tempfile.TemporaryDirectory() as unpacked:
        tarred.extractall(unpacked, filter="data")
        (sources,) = Path(unpacked).iterdir()
        run(*hatch, "wheel", cwd=sources, env=bare(folder))
    (wheel,) = folder.glob("*.whl")
    return Built(sdist, wheel)


def pythons(version: str) -> Iterator[Path]:
    """Give what may be a Python of this version."""
    if on_path := shutil.which(f"python{version}"):
        yield Path(on_path)
    for place in PLACES:
        path = Path(place.format(version)).expanduser()
        yield from sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor) / f"python{version}")))


def found(version: str) -> Path | None:
    """Return the first of them that runs: a name on PATH may stand for none."""
    for path in pythons(version):
        try:
            told = run(path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
        except (Failed, OSError):
            continue
        if told.strip() == version:
            return path
    return None


def install(python: Path, built: Built, resolution: str, place: Path) -> Path:
    """Install the wheel in a new environment; returns that one's Python."""
    uv = Path(sys.executable).with_name("uv")
    run(uv, "venv", "--quiet", "--no-config", "--python", python, place)
    installed = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # the requirements are named beside the wheel, since "direct" means those that are named
    run(
        uv, "pip", "install", "--quiet", "--no-config", "--python", installed, "--only-binary", ":all:",
        "--resolution", resolution, "-r", ROOT / "pyproject.toml", "--all-extras", NEEDED, built.wheel,
    )  # fmt: skip
    run(uv, "pip", "check", "--quiet", "--no-config", "--python", installed)
    return installed


def take(kernel: Kernel, steps: Sequence[Step]) -> list[str]:
    """Take steps in a kernel, and type the key where one asks for it; returns what was not seen."""
    shown = [
        kernel.run(step.cell, answers=[KEY] if "--ask-key" in step.cell else None).text.replace("\x1b", "")
        for step in steps
    ]
    missing = unseen(steps, shown)
    return [*missing, *(["the key was shown"] if KEY in "".join(shown) else [])]


def play(python: Path, url: str, home: Path) -> list[str]:
    """Take all steps in two kernels of an environment; returns what is wrong."""
    env = bare(home)
    where, count = run(python, "-c", EVERY_MODULE, cwd=home, env=env).split()
    wrong = [] if Path(where).is_relative_to(python.parent.parent) and int(count) > 100 else [f"imports {where}"]
    for steps in ((*journey(url, "--ask-key --text --images all"), *OLD, *EXTRAS), elsewhere()):
        kernel = Kernel(env, python=str(python))
        try:
            wrong += take(kernel, steps)
        finally:
            kernel.stop()
    return wrong


def contents(built: Built) -> str:
    """Return the two files' names and sizes."""
    with zipfile.ZipFile(built.wheel) as zipped:
        count = len(zipped.namelist())
    sizes = (f"{path.name} {path.stat().st_size / 1000:.0f} kB" for path in (built.sdist, built.wheel))
    return f"{', '.join(sizes)}, {count} files, built from the sdist by Python alone"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("--only", choices=PYTHONS, help="this Python alone")
    only = parser.parse_args(arguments).only
    for name in KEYS:
        os.environ.pop(name, None)
    failed = passed = 0
    with tempfile.TemporaryDirectory() as temporary, Engine.start(api_key=KEY) as engine:
        folder = Path(temporary)
        built = build(folder)
        print(contents(built), flush=True)
        for version in (only,) if only else PYTHONS:
            if (python := found(version)) is None:
                print(f"python {version}   not found on PATH or in the usual places: not tried", flush=True)
                continue
            for name, resolution in RESOLUTIONS.items():
                place, home = folder / f"{version}-{name}", folder / f"home-{version}-{name}"
                home.mkdir()
                begun = time.monotonic()
                try:
                    installed = install(python, built, resolution, place)
                    ready = time.monotonic()
                    wrong = play(installed, engine.base_url, home)
                except Exception:  # noqa: BLE001  # the other environments are tried all the same
                    ready, wrong = time.monotonic(), [traceback.format_exc()]
                failed, passed = failed + bool(wrong), passed + (not wrong)
                took = f"installed in {ready - begun:.1f} s, played in {time.monotonic() - ready:.1f} s"
                print(f"python {version}   {name}   {'FAILED' if wrong else 'ok'}   {took}", flush=True)
                for each in wrong:
                    print(re.sub(r"(?m)^", "    ", each), flush=True)
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main())
