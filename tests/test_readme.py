"""The README and docs/ say what is true: options, commands, settings, tests, links and pictures are checked."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from docs import render
from tests.torture.hostile.replies import ATTACKS, LONG
from xiantong_nb.notebook import commands, line
from xiantong_nb.notebook.preferences import Xiantong
from xiantong_nb.presets import PRESETS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCS = {path.stem: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
ALL = "\n".join([README, *DOCS.values()])
OPTIONS = {row.flag for row in (*line.OPTIONS, *line.CONNECT, *line.USE, *line.FIX)}
MORE = {row.flag for command in commands.COMMANDS.values() for row in command.options}
SMALL = 120_000  # bytes of a picture in git


def section(text: str, name: str) -> str:
    """What stands below a heading of the second level."""
    (told,) = re.findall(rf"^## {re.escape(name)}$(.*?)(?:^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return told


def test_every_option_is_documented():
    assert set(re.findall(r"--[a-z-]+", ALL)) >= OPTIONS | MORE - {"--yes", "--accept"}  # which are said where asked


def test_the_readme_has_every_option_of_a_question_in_its_table():
    rows = re.findall(r"^\| (`--.*?) \|", section(README, "Asking").replace("\\|", "/"), re.MULTILINE)
    assert set(re.findall(r"--[a-z-]+", " ".join(rows))) == {row.flag for row in line.OPTIONS}


@pytest.mark.parametrize("flag", sorted(set(re.findall(r"(?<=`)--[a-z-]+", ALL))))
def test_every_documented_option_exists(flag):
    assert flag in OPTIONS | MORE


def test_what_the_terminal_knows_is_documented():
    from xiantong_nb.__main__ import HERE

    told, _, _ = section(DOCS["connecting"], "In a terminal").partition("```")
    assert {"ask", *HERE} - {"version"} == {a or b for a, b in re.findall(r"`([a-z]+)`|xiantong_nb ([a-z]+)", told)}


def test_every_command_is_documented_and_no_other():
    assert set(re.findall(r"^%xiantong ([a-z]+)", README, re.MULTILINE)) == set(commands.COMMANDS)
    assert set(re.findall(r"%xiantong ([a-z]+)", ALL)) == set(commands.COMMANDS)


def test_every_setting_is_documented_with_its_default_and_no_other():
    told = section(DOCS["asking"], "Settings")
    documented = set(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", told, re.MULTILINE))
    assert documented == {(name, repr(t.default_value)) for name, t in Xiantong.class_traits(config=True).items()}


def test_every_connection_is_documented():
    told = section(README, "Providers")
    for preset in PRESETS.values():
        assert re.search(rf"^\| `{preset.slug}` \|.*{re.escape(preset.base_url)}", told, re.MULTILINE)
        for name, _ in preset.key_variables:
            assert name in told


def test_architecture_is_one_page_and_names_every_module_and_no_other():
    page = (ROOT / "ARCHITECTURE.md").read_text()
    assert len(page.splitlines()) <= 120
    assert max(map(len, page.splitlines())) <= 100
    (groups,) = re.findall(r"^## Groups$(.*?)^## ", page, re.MULTILINE | re.DOTALL)
    folders = (ROOT / "xiantong_nb", ROOT / "xiantong_nb/notebook", ROOT / "js/src")
    modules = {path.stem for folder in folders for path in folder.glob("*.[pj][ys]")} - {"__init__"}
    named = set(re.findall(r"`(\w+)`", groups))
    assert named >= modules
    assert named - modules == set()


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {a or b for a, b in re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)`", ALL, re.MULTILINE)}
    assert named
    assert named <= targets


def test_every_test_that_is_named_exists_and_the_table_is_whole():
    named = set(re.findall(r"`(test_\w+(?:\[[\w-]+\])?)`", ALL))
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


class Links(HTMLParser):
    """The anchors of a page, and what it leads to or shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, _tag, attrs):
        for name, value in attrs:
            if name == "id":
                self.ids.add(value)
            elif name in ("href", "src", "srcset"):
                self.targets.append(value)


@pytest.mark.parametrize("source", render.PAGES, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(source):
    """By the rendered page, but to the files as they lie in git."""
    for target in Links(render.markdown(source.read_text())).targets:
        if re.match(r"https?:", target):
            continue
        place, _, name = target.partition("#")
        path = (source.parent / place).resolve() if place else source
        path = next((p for p in (path, path.with_suffix(".md"), path.with_suffix(".ipynb")) if p.exists()), path)
        assert path.is_file(), target
        if name:
            assert name in Links(render.markdown(path.read_text())).ids, target


def test_pictures_are_there_in_both_themes_and_small():
    images = {path.name: path.stat().st_size for path in (ROOT / "docs" / "images").iterdir()}
    shown = set(re.findall(r"docs/images/([\w.-]+)", README))
    assert shown == set(images)
    assert {name.replace("-dark", "-light") for name in shown if "-dark" in name} == {n for n in shown if "-light" in n}
    assert max(images.values()) < SMALL


@pytest.mark.parametrize("page", [*render.PAGES, ROOT / "benchmarks/README.md"], ids=lambda page: page.stem)
def test_nothing_is_left_to_fill_in(page):
    assert re.findall(r"@[A-Z]+@", page.read_text()) == []


def test_as_many_hostile_replies_are_told_as_there_are():
    told = (ROOT / "SECURITY.md").read_text()
    assert f"{len(ATTACKS)} hostile replies" in told
    assert f"{len(LONG)} that are hostile by their size" in told


def test_the_figures_have_their_place():
    told = section(README, "How fast it is")
    assert re.fullmatch(r"\s*<!-- performance -->.*<!-- /performance -->\s*", told, re.DOTALL)
