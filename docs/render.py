"""
Render the notebooks, with what they show when they run, and the Markdown pages as HTML, with an index.

    python -m docs.render build/docs

Notebooks run in kernels that know no connection and no key of whoever runs this. Nothing of this needs a network.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from markdown_it import MarkdownIt
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter

from xiantong_nb.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbformat import NotebookNode

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
PAGES += [ROOT / name for name in ("CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md")]
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
CELL_LIMIT = 120  # seconds
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 58rem; margin: 0 auto; padding: 1rem 1rem 4rem; }
pre { padding: .6rem .8rem; overflow-x: auto; border-radius: .3rem; background: #8881; }
code, pre { font-family: ui-monospace, monospace; font-size: .875rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid #8886; padding: .25rem .6rem; text-align: left; vertical-align: top; }
img { max-width: 100%; }
nav { margin-bottom: 2rem; }
.jp-Cell { margin: .75rem 0; }
.prompt { font-size: .75rem; color: #888; } .anchor-link { display: none; }
.jp-CodeCell .jp-InputArea pre { border-left: .2rem solid #4a90d9; border-radius: 0; }
.jp-OutputArea-output { padding-left: .8rem; }
"""


def main(folder: str, run: Callable[[Path], NotebookNode] | None = None) -> None:
    """Write all pages below a folder, each in the place of its source; `run` gives a notebook with its outputs."""
    out = Path(folder)
    shutil.copytree(ROOT / "docs" / "images", out / "docs" / "images", dirs_exist_ok=True)
    shutil.copy(ROOT / "LICENSE", out)
    listed = []
    for source in PAGES:
        text = source.read_text(encoding="utf-8")
        listed.append(write(out, source, title(text), markdown(text)))
    for source in NOTEBOOKS:
        book = (run or fresh)(source)
        listed.append(write(out, source, title(book.cells[0].source), notebook(book)))
    links = "\n".join(f'<li><a href="{place}">{escape(name)}</a></li>' for place, name in listed)
    (out / "index.html").write_text(
        whole("xiantong-nb", f"<h1>xiantong-nb</h1>\n<ul>\n{links}\n</ul>"), encoding="utf-8"
    )
    print(f"{len(listed)} pages: {out / 'index.html'}")


def write(out: Path, source: Path, name: str, body: str) -> tuple[str, str]:
    """Write one page; return its place below the folder, and its name."""
    place = source.relative_to(ROOT).with_suffix(".html")
    up = "../" * (len(place.parts) - 1)
    (out / place).parent.mkdir(parents=True, exist_ok=True)
    (out / place).write_text(
        whole(name, f'<nav><a href="{up}index.html">All pages</a></nav>\n{body}'), encoding="utf-8"
    )
    return place.as_posix(), name


def fresh(source: Path) -> NotebookNode:
    """Run a notebook where nothing is left of it, and return it with its outputs."""
    with tempfile.TemporaryDirectory() as folder:
        return executed(source, Path(folder))


def executed(source: Path, folder: Path) -> NotebookNode:
    """Run a notebook in a folder, and return it with its outputs."""
    theirs = {name for row in PRESETS.values() for name, _ in row.key_variables}
    theirs |= {name for row in PRESETS.values() for name in (row.base_url_variable, row.model_variable)}
    env = {name: value for name, value in os.environ.items() if name not in theirs}
    env |= {"XIANTONG_HOME": str(folder / "home"), "IPYTHONDIR": str(folder / "ipython")}
    book = nbformat.read(source, as_version=4)
    NotebookClient(book, timeout=CELL_LIMIT, kernel_name="python3").execute(env=env, cwd=str(folder))
    return book


def notebook(book: NotebookNode) -> str:
    """Return a notebook's cells and outputs as the inside of a page."""
    body, _ = HTMLExporter(template_name="basic").from_notebook_node(book)
    return str(body)


def markdown(text: str) -> str:
    """Return Markdown as the inside of a page: headings can be linked to, links lead to the rendered pages."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = parser.parse(text)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following is not None:
            token.attrSet("id", anchor(following.content))
        for part in token.children or ():
            target = part.attrGet("href")
            if isinstance(target, str) and not re.match(r"[a-z]+:", target):
                part.attrSet("href", re.sub(r"\.(?:md|ipynb)(?=$|#)", ".html", target))
    return str(parser.renderer.render(tokens, parser.options, {}))


def anchor(heading: str) -> str:
    """Return the name by which a heading is linked to, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def title(text: str) -> str:
    """Return the first heading of a Markdown text."""
    return next(line.lstrip("# ") for line in text.splitlines() if line.startswith("# "))


def whole(name: str, body: str) -> str:
    """Return a page that needs nothing else."""
    colours = HtmlFormatter().get_style_defs(".highlight")
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(name)}</title>
<style>{colours}{STYLE}</style>
{body}
</html>
"""


if __name__ == "__main__":
    main(*sys.argv[1:])
