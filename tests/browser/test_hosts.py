"""Every host that can be had here takes the same first steps: pages, what runs notebooks for nobody, and terminals."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import nbformat
import pexpect
import pytest

from tests.conftest import kernel_env
from tests.engines import toy_engine  # noqa: F401  # the fixture
from tests.first_steps import journey, unseen

if TYPE_CHECKING:
    from pathlib import Path

BOOK = "book.ipynb"
COLOURS = re.compile(r"\x1b\[[\d;?]*[a-zA-Z]")


class Pages:
    """A front end in Chromium; each cell is run when the one before it has ended."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def play(self, cells: list[str], _: Path, request: pytest.FixtureRequest) -> list[str]:
        app, opened, shot = (request.getfixturevalue(name) for name in ("servers", "opened", "shot"))
        book = opened(app(self.kind), cells)
        book.run_all()
        for number in range(len(cells)):
            book.wait_ran(number)
        book.outputs(2).locator("strong", has_text="toy-1").wait_for()
        shot(book.page, f"answer-{self.kind}-light")
        shown = [book.outputs(number).inner_text() for number in range(len(cells))]
        assert '"text/markdown"' in book.save()
        shutil.rmtree(app(self.kind).home / ".xiantong")  # other tests share this home
        return shown


class Programs:
    """A command that runs a notebook and saves it; nobody is asked, and only final outputs stay."""

    def __init__(self, *command: str) -> None:
        self.command = command

    def play(self, cells: list[str], home: Path, _: pytest.FixtureRequest) -> list[str]:
        path = home / BOOK
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        made = [nbformat.v4.new_code_cell(cell) for cell in cells]
        nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": spec}), path)
        command = [sys.executable, "-m", *self.command]
        done = subprocess.run(
            command, env=kernel_env(home), cwd=home, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 0, done.stderr
        book = nbformat.read(path, as_version=4)
        nbformat.validate(book)
        assert "widgets" not in book.metadata
        assert set(book.cells[2].outputs[0].data) == {"text/markdown", "text/plain"}
        assert set(book.cells[4].outputs[0].data) == {"text/html", "text/markdown", "text/plain"}
        return ["".join(o.get("text") or o.data["text/plain"] for o in cell.outputs) for cell in book.cells]


class Terminals:
    """A prompt in a terminal; lines are typed, and a cell of several ends in an empty one."""

    def __init__(self, *command: str) -> None:
        self.command = command

    def play(self, cells: list[str], home: Path, _: pytest.FixtureRequest) -> list[str]:
        child = pexpect.spawn(
            sys.executable, ["-m", *self.command], env={**kernel_env(home), "TERM": "dumb"}, encoding="utf-8",
            timeout=60, dimensions=(40, 200),
        )  # fmt: skip
        shown = []
        try:
            for number, cell in enumerate(cells, 1):
                child.expect(rf"In \[{number}\]: ")
                shown.append(child.before)
                lines = [*cell.splitlines(), "", ""] if "\n" in cell else [cell]
                child.send("".join(f"{line}\r" for line in lines))
            child.expect(rf"In \[{len(cells) + 1}\]: ")
        finally:
            child.close(force=True)
        assert "Traceback" not in "".join(shown)
        return [COLOURS.sub("", text) for text in [*shown[1:], child.before]]


HOSTS = {
    "jupyterlab": Pages("lab"),
    "notebook": Pages("notebook"),
    "nbclient": Programs("jupyter", "execute", "--inplace", BOOK),
    "nbconvert": Programs("nbconvert", "--to=notebook", "--execute", "--inplace", BOOK),
    "papermill": Programs("papermill", "--no-progress-bar", BOOK, BOOK),
    "jupyter-console": Terminals("jupyter_console"),
    "ipython": Terminals("IPython", "--no-banner", "--colors=NoColor"),
}


@pytest.mark.parametrize("host", HOSTS)
def test_the_first_steps(host, engine, tmp_path, request):
    steps = journey(engine.base_url)
    assert unseen(steps, HOSTS[host].play([step.cell for step in steps], tmp_path, request)) == []
