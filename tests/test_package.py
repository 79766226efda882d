"""What is installed holds the widgets: from a wheel, and from the sources without Node."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WIDGET = ("xiantong_nb/static/panel.js", "xiantong_nb/static/panel.css")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The names in the wheel and in the sdist, by the build back end that is installed."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True, timeout=100,
    )  # fmt: skip
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as zipped, tarfile.open(sdist) as tarred:
        return set(zipped.namelist()), {name.partition("/")[2] for name in tarred.getnames()}


def test_the_built_widgets_are_in_both(built):
    for names in built:
        assert set(WIDGET) <= names


def test_the_sources_have_what_the_widgets_are_built_from_and_nothing_installed(built):
    _, sdist = built
    assert {"js/src/panel.js", "js/package.json", "js/package-lock.json", "Makefile", "tests/pages.py"} <= sdist
    assert not [name for name in sdist if "node_modules" in name or name.endswith(".pyc")]


def test_the_wheel_is_the_package_alone(built):
    wheel, _ = built
    assert {name.partition("/")[0] for name in wheel if ".dist-info/" not in name} == {"xiantong_nb"}
    assert "xiantong_nb/py.typed" in wheel


def test_a_widget_is_small_and_fetches_nothing():
    """Each copy of a widget that is saved in a notebook holds it."""
    script, styles = ((ROOT / name).read_text() for name in WIDGET)
    assert len(script.encode()) <= 30_000
    assert "import(" not in script
    assert "@import" not in styles
    assert not re.search(r"url\((?!'data:)", styles)
