"""Sdist, and the wheel built of it without Node: both hold the widgets. `make wheel` installs them."""

from __future__ import annotations

import email
import re
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests import wheels

ROOT = Path(__file__).parent.parent
WIDGET = ("xiantong_nb/static/panel.js", "xiantong_nb/static/panel.css")
STATIC = {str(path.relative_to(ROOT)) for path in (ROOT / "xiantong_nb/static").iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The two files, by the build back end that is installed."""
    return wheels.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(built):
    """What is in the wheel: text by name."""
    with zipfile.ZipFile(built.wheel) as zipped:
        return {name: zipped.read(name).decode() for name in zipped.namelist()}


@pytest.fixture(scope="module")
def sdist(built):
    """The names in the sdist."""
    with tarfile.open(built.sdist) as tarred:
        return {name.partition("/")[2] for name in tarred.getnames()}


def test_the_built_widgets_are_in_both(wheel, sdist):
    assert set(wheel) >= STATIC > set(WIDGET)
    assert sdist >= STATIC
    assert all(wheel[name] == (ROOT / name).read_bytes().decode() for name in STATIC)


def test_the_sources_have_what_the_widgets_are_built_from_and_nothing_installed(sdist):
    assert {"js/src/panel.js", "js/package.json", "js/package-lock.json", "Makefile", ".ci/tools"} <= sdist
    assert {"tests/pages.py", "constraints.txt", "LICENSE"} <= sdist
    assert not [name for name in sdist if "node_modules" in name or name.endswith(".pyc")]


def test_the_wheel_is_the_package_alone(wheel):
    assert {name.partition("/")[0] for name in wheel if ".dist-info/" not in name} == {"xiantong_nb"}
    assert "xiantong_nb/py.typed" in wheel


def test_the_wheel_says_what_a_registry_shows(wheel):
    (name,) = [name for name in wheel if name.endswith(".dist-info/METADATA")]
    told, project = email.message_from_string(wheel[name]), tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert told["Requires-Python"] == ">=3.11"
    assert set(told.get_all("Provides-Extra")) == {"demo", "images", "frame"}
    assert told["Description-Content-Type"] == "text/markdown"
    assert told.get_payload().startswith("# xiantong-nb")
    assert told["License-Expression"] == "Apache-2.0 AND MIT"
    licences = name.replace("METADATA", "licenses/")
    assert "Apache License" in wheel[f"{licences}LICENSE"]
    assert "MIT License" in wheel[f"{licences}xiantong_nb/static/streaming-markdown.txt"]
    played = {f"Programming Language :: Python :: {version}" for version in wheels.PYTHONS}
    claimed = {each for each in told.get_all("Classifier") if re.search(r":: 3\.\d+$", each)}
    assert claimed <= played, "a version that is claimed is one that `make wheel` looks for"
    assert told["Summary"] == project["project"]["description"]


def test_a_widget_is_small_and_fetches_nothing():
    """Each copy of a widget that is saved in a notebook holds it."""
    script, styles = ((ROOT / name).read_text() for name in WIDGET)
    assert len(script.encode()) <= 32_000
    assert "import(" not in script
    assert "@import" not in styles
    assert not re.search(r"url\((?!'data:)", styles)
