"""
Every snippet of the README and of docs/ runs as it is printed: cells, Python and command lines, in one kernel.

Providers are stand-ins at their own names, local servers stand-ins at other ports. At the beginning of each section its
reader has connected Anthropic and OpenRouter by variables, and has some values.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import kernel_env
from tests.kernels import Kernel
from tests.stand_ins import KEYS, PULLED, Ollama
from tests.test_providers import ollama, world  # noqa: F401  # the fixtures
from xiantong_nb.notebook import line

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^## (?P<section>[^\n]*)$|^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
VARIABLES = {
    "ANTHROPIC_API_KEY": KEYS["api.anthropic.com"],
    "OPENROUTER_API_KEY": KEYS["openrouter.ai"],
    "AI_GATEWAY_API_KEY": KEYS["ai-gateway.vercel.sh"],
}
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
LOCAL = {"localhost:8080", "localhost:8000"}
READY = [
    "%xiantong connect openrouter --model openai/gpt-4o --key-env OPENROUTER_API_KEY",
    "%xiantong connect ollama --model llama3.2",
    "%xiantong use anthropic",
    "import pandas, matplotlib.figure",
    "df, fig, params = pandas.DataFrame({'a': [1, 2]}), matplotlib.figure.Figure(), {'alpha': 0.1}",
]
QUESTION = "Hello!"


@dataclass
class Reader:
    """Somebody with a kernel and a shell, and nothing of the person who runs the tests."""

    kernel: Kernel
    env: dict[str, str]
    local: str

    def run(self, code: str) -> None:
        """Run a cell, in a front end that can show forms and where nothing is typed."""
        for place in LOCAL:
            code = code.replace(place, self.local)
        ran = self.kernel.run(code, answers=())
        assert ran.status == "ok", f"{code}\n{ran.text}"
        assert "CANARY" not in str(ran.messages)

    def call(self, typed: str) -> None:
        """Run a command line: a shorter way of it where it takes long, and is tested elsewhere."""
        match line.words(typed):
            case ["make", *targets]:
                command = ["make", "-n", f"PYTHON={sys.executable}", *targets]
            case ["pip", "install", *what]:
                extras = {each for place in what for each in re.findall(r"\[(\w+)\]", place)}
                assert extras <= EXTRAS, f"{typed}: there are {EXTRAS}"
                return
            case ["python", *rest]:
                command = [sys.executable, *rest]
            case [".venv/bin/python", "-m", "pytest", *files]:
                command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
            case words:
                pytest.fail(f"nobody says how to run {words}")
        made = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=100, check=False)
        assert made.returncode == 0, f"{typed}\n{made.stdout}\n{made.stderr}"
        assert "CANARY" not in made.stdout + made.stderr


@pytest.fixture(scope="module")
def reader(world, ollama, tmp_path_factory):  # noqa: F811
    if ollama is None:
        pytest.skip("something listens on port 11434 of this machine: it may be a real Ollama")
    home = tmp_path_factory.mktemp("home")
    env = world.env(kernel_env(home)) | VARIABLES
    (home / ".craft-agent").mkdir()
    (home / ".craft-agent" / "config.json").write_text('{"workspaces": [], "llmConnections": []}')
    local, kernel = Ollama("0.33.0"), Kernel(env)
    local.pulled = {"qwen3": PULLED["gemma3:4b"]}
    kernel.run("%load_ext xiantong_nb")
    yield Reader(kernel, env, local.url.removeprefix("http://"))
    kernel.stop()
    local.close()


def cells(text: str) -> list[str]:
    """A cell with its question is one; else each line is, and one that asks gets a question."""
    lines = text.splitlines()
    if lines[0].startswith("%%") and not any(each.startswith("%") for each in lines[1:]) and lines[1:]:
        return [text]
    return [f"{each}\n{QUESTION}" if each.startswith("%%") else each for each in lines if each]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_snippets_of_a_page_run(reader, page):
    for block in BLOCK.finditer(page.read_text()):
        if block["section"]:
            for each in READY:
                reader.run(each)
            continue
        match block["kind"]:
            case "":
                for cell in cells(block["text"]):
                    reader.run(cell)
            case "python":
                reader.run(block["text"])
            case "sh":
                for typed in block["text"].splitlines():
                    reader.call(typed)
            case kind:  # what is added to a file runs there, by test_one_row
                assert kind in ("text", "diff"), f"nobody says what a block of {kind} is"


def test_a_snippet_that_fails_is_found(reader):
    with pytest.raises(AssertionError, match="There is no command 'conect'"):
        reader.run("%xiantong conect")
    with pytest.raises(AssertionError, match="there are"):
        reader.call("pip install '.[nothing]'")
    with pytest.raises(AssertionError, match="No rule to make target"):
        reader.call("make nothing")
