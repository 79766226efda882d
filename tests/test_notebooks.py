"""The notebooks run top to bottom without a front end, and are stored without outputs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from docs import render
from tests.conftest import kernel_env
from xiantong_nb.notebook import line

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Each notebook with its outputs, and the folder in which it ran; it runs when it is first asked for."""
    known = {}

    def get(path):
        if path not in known:
            folder = tmp_path_factory.mktemp(path.stem)
            known[path] = render.executed(path, folder), folder
        return known[path]

    return get


def test_there_are_notebooks():
    assert [n.stem for n in NOTEBOOKS] == ["01_first_answer", "02_connect", "03_compare", "04_images_and_files"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_stored_without_outputs_and_ends_with_something_to_try(path):
    book = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in book.cells)
    assert set(book.metadata) == {"kernelspec"}
    assert book.cells[-1].source.startswith("**To try:**")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs_and_keeps_its_answers(path, played):
    book, _ = played(path)
    nbformat.validate(book)
    assert "widgets" not in book.metadata, "nobody looks, so nothing is drawn by widgets and kept with the notebook"
    for cell in book.cells:
        if cell.cell_type == "code" and cell.source.startswith("%%ask"):
            (output,) = cell.outputs
            asked = line.parse(cell.source.splitlines()[0].removeprefix("%%ask"))
            if "raises-exception" in cell.metadata.get("tags", ()):
                assert output.ename == "UnknownModel"
                assert "It has: toy-1, toy-2, toy-3." in output.traceback[-1]
                continue
            if asked.dry_run:
                assert output.output_type == "execute_result"
                assert "Not sent: demo:toy-1" in output.data["text/plain"]
                assert set(output.data) == {"text/markdown", "text/plain"}
                continue
            assert output.output_type == "display_data"
            kinds = (
                {"text/html", "text/markdown", "text/plain"}
                if len(asked.targets) > 1
                else {"text/markdown", "text/plain"}
            )
            assert set(output.data) == kinds
            assert output.metadata["xiantong"]["complete"] is True
            assert len(output.metadata["xiantong"].get("lanes", [0])) == max(len(asked.targets), 1)


def test_a_connection_is_made_tested_and_taken_away(played):
    book, folder = played(ROOT / "notebooks" / "02_connect.ipynb")
    shown = {cell.source: str(cell.outputs) for cell in book.cells if cell.cell_type == "code"}
    assert "My server" in shown["%xiantong list"]
    assert "finished" in shown["%xiantong test"]
    assert "my-server is removed" in shown["%xiantong remove my-server"]
    assert not (folder / "home" / "config.json").exists(), "unsaved is unsaved"


def test_the_comparisons_show_a_table_a_plot_and_a_judge(played):
    book, folder = played(ROOT / "notebooks" / "03_compare.ipynb")
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = [output.data for output in outputs if "data" in output]
    texts = [str(data.get("text/plain", "")) for data in shown]
    assert any("10 of 16 rows, texts cut" in text for text in texts)
    assert any("scores by demo:toy-3, which was asked: You are a judge." in text for text in texts)
    assert any("8 answers were in answers.jsonl" in text for text in texts), "the judge's table goes on from the first"
    assert [data for data in shown if "image/png" in data]
    kept = (folder / "answers.jsonl").read_text().splitlines()
    assert len(kept) == 1 + 16 + 8, "sixteen answers and eight verdicts"


def test_the_pages_are_rendered_and_need_no_network(played, tmp_path):
    render.main(str(tmp_path), run=lambda source: played(source)[0])
    pages = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.html")}
    assert set(pages) == {"index.html"} | {
        source.relative_to(ROOT).with_suffix(".html").as_posix() for source in (*render.PAGES, *NOTEBOOKS)
    }
    for place, text in pages.items():
        assert place == "index.html" or f'href="{place}"' in pages["index.html"]
        assert not re.search(r"<(?:script|link|iframe)\b|url\(|@import|(?:src|srcset)=.https?:", text), place
        for target in re.findall(r'(?:href|src|srcset)="(?!https?:|data:|#)([^"#]*)', text):
            assert (tmp_path / place).parent.joinpath(target).is_file(), (place, target)
    first, compared = (pages[f"notebooks/{name}.html"] for name in ("01_first_answer", "03_compare"))
    assert "toy-1 · demo" in first
    assert "data:image/png" in compared


def test_the_demo_plays_and_would_notice_what_fails(tmp_path):
    """`make demo` runs this script: it ends 0 when answers stream, 1 when a cell fails."""
    good = play(ROOT / "notebooks" / "01_first_answer.ipynb", tmp_path)
    assert good.returncode == 0, good.stdout
    assert "growing paints before that" in good.stdout
    assert "toy-1 · demo" in good.stdout
    several = play(ROOT / "notebooks" / "03_compare.ipynb", tmp_path, XIANTONG_DEMO_PACE="100")
    assert several.returncode == 0, several.stdout
    assert re.search(r"the first of 3 answers at .*; \d+ growing paints before that", several.stdout)
    bad = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%load_ext xiantong_nb\n1/0")])
    nbformat.write(bad, tmp_path / "bad.ipynb")
    assert play(tmp_path / "bad.ipynb", tmp_path).returncode == 1
    dull = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%load_ext xiantong_nb\n%ask -h")])
    nbformat.write(dull, tmp_path / "dull.ipynb")
    assert play(tmp_path / "dull.ipynb", tmp_path).returncode == 1


def play(path: Path, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "notebooks" / "play.py"), str(path)]
    return subprocess.run(
        command, env={**kernel_env(home), **env}, capture_output=True, text=True, timeout=180, check=False
    )
