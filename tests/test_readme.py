"""The README says what is true: its options, commands and examples are checked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from xiantong_nb.notebook import commands, line
from xiantong_nb.notebook.preferences import Xiantong
from xiantong_nb.presets import PRESETS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


OPTIONS = {row.flag for row in (*line.OPTIONS, *line.CONNECT, *line.USE, *line.FIX)}


def test_every_option_is_documented():
    documented = set(re.findall(r"--[a-z-]+", README))
    assert documented >= OPTIONS


@pytest.mark.parametrize("flag", sorted(set(re.findall(r"(?<=`)--[a-z-]+", README))))
def test_every_documented_option_exists(flag):
    assert flag in OPTIONS


def test_what_the_terminal_knows_is_documented():
    from xiantong_nb.__main__ import HERE

    (told,) = re.findall(r"\*\*In a terminal\*\*: (.*?)\n\n", README, re.DOTALL)
    assert {"ask", *HERE} - {"version"} == {a or b for a, b in re.findall(r"`([a-z]+)`|xiantong_nb ([a-z]+)", told)}


def test_every_command_is_documented_and_no_other():
    documented = set(re.findall(r"%xiantong ([a-z]+)", README))
    assert documented == set(commands.COMMANDS)


def test_every_setting_is_documented_with_its_default_and_no_other():
    (told,) = re.findall(r"^## Settings$(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    documented = set(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", told, re.MULTILINE))
    assert documented == {(name, repr(t.default_value)) for name, t in Xiantong.class_traits(config=True).items()}


def test_every_connection_is_documented():
    for preset in PRESETS.values():
        assert f"`{preset.slug}`" in README
        for name, _ in preset.key_variables:
            assert name in README


def test_architecture_is_one_page_and_names_every_module_and_no_other():
    page = (ROOT / "ARCHITECTURE.md").read_text()
    assert len(page.splitlines()) <= 120
    assert max(map(len, page.splitlines())) <= 100
    (layers,) = re.findall(r"^## Layers$(.*?)^## ", page, re.MULTILINE | re.DOTALL)
    folders = (ROOT / "xiantong_nb", ROOT / "xiantong_nb/notebook", ROOT / "js/src")
    modules = {path.stem for folder in folders for path in folder.glob("*.[pj][ys]")} - {"__init__"}
    named = set(re.findall(r"`(\w+)`", layers))
    assert named >= modules
    assert named - modules == set()


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+) {2,}#|`make ([a-z]+)`", README))
    named = {a or b for a, b in re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", README, re.MULTILINE)}
    assert named <= targets


def test_every_test_that_is_named_exists_and_the_table_is_whole():
    named = set(re.findall(r"`(test_\w+(?:\[[\w-]+\])?)`", README))
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    files = ["tests/test_providers.py", "tests/test_walkthroughs.py", "tests/browser/test_hosts.py"]
    listed = subprocess.run(
        [*command, *files], cwd=ROOT, capture_output=True, text=True, timeout=100, check=True
    ).stdout
    ids = {line.rpartition("::")[2] for line in listed.splitlines()}
    assert named <= ids | {each.partition("[")[0] for each in ids}
    steps = [f"test_{step}" for step in ("connect", "test", "list", "ask", "image", "error_hint")]
    presets = [preset.slug for preset in PRESETS.values() if not preset.embedded]
    assert named >= {f"{step}[{slug}]" for step in steps for slug in presets}


@pytest.mark.parametrize("example", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_python_examples_run(example):
    exec(compile(example, "README.md", "exec"), {})


def test_magic_examples_can_be_read():
    for typed in re.findall(r"^%%ask(.*?)(?:#.*)?$", README, re.MULTILINE):
        line.parse(typed)
