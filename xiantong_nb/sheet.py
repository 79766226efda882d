"""
Results as what is shown of them: a summary with the first rows in a notebook, and a page of their own.

    bundle   text/markdown and text/plain: the summary, some rows cut short, what was left out
    page     HTML with every answer, its style and nothing to load
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from xiantong_nb import bundle as one
from xiantong_nb import safe
from xiantong_nb.rendered import html as rendered
from xiantong_nb.table import Table

if TYPE_CHECKING:
    from xiantong_nb.results import Cell, Results

_ROWS = 10
_WIDTH = 60  # characters of a text in a row

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border: 1px solid rgba(128, 128, 128, 0.4); padding: 4px 10px; text-align: left; vertical-align: top; }
.answers { table-layout: fixed; width: 100%; }
.answers td { overflow-wrap: break-word; overflow-x: auto; }
.small { font-size: 85%; opacity: 0.8; }
.failed { color: #c62828; }
pre { overflow-x: auto; }
""".strip()


def bundle(results: Results) -> dict[str, str]:
    """Return the data of the output that stays in a notebook."""
    table, below = preview(results), said(results)
    summary = results.summary()
    markdown = [summary.markdown, table.markdown, *(f"<sub>{one.entities(line)}</sub>" for line in below)]
    return {
        "text/markdown": "\n\n".join(markdown),
        "text/plain": "\n\n".join([summary.plain, table.plain, *map(one.one_line, below)]),
    }


def preview(results: Results, rows: int = _ROWS) -> Table:
    """Return the first rows as a table, texts cut short."""
    cells = results.cells[:rows]
    lines = (
        (str(cell.row), _cut(cell.prompt), cell.target, str(cell.repeat), _shown(cell), _score(cell)) for cell in cells
    )
    return Table(("row", "prompt", "target", "repeat", "answer", "score"), tuple(lines))


def said(results: Results) -> list[str]:
    """Return what is said under the tables: what was left out, who judged, what happened."""
    lines = []
    if len(results) > _ROWS:
        lines.append(f"{_ROWS} of {len(results):,} rows, texts cut; all are in .to_frame(), .pivot() and .to_html()")
    if results.judge:
        lines.append(f"scores by {results.judge.target}, which was asked: {results.judge.prompt}")
    return [*lines, *([" · ".join(results.notes)] if results.notes else [])]


def page(results: Results) -> str:
    """Return everything as an HTML document."""
    targets = results.targets
    head = "".join(f"<th>{one.entities(target)}</th>" for target in targets)
    rows = []
    for _, group in itertools.groupby(results.cells, key=lambda cell: cell.row):
        cells = list(group)
        own = ("\n".join(_answer(cell) for cell in cells if cell.target == target) for target in targets)
        prompt = rendered(safe.markdown(cells[0].prompt))
        answers = "".join(f"<td>{answer}</td>\n" for answer in own)
        rows.append(f'<tr><td><span class="small">{cells[0].row}</span>\n{prompt}</td>\n{answers}</tr>')
    judge = ""
    if results.judge:
        asked = rendered(safe.markdown(results.judge.prompt))
        by = one.entities(results.judge.target)
        judge = f"<details><summary>Scores by {by}, which was asked:</summary>\n{asked}</details>"
    notes = f'<p class="small">{one.entities(" · ".join(results.notes))}</p>' if results.notes else ""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Answers compared</title>',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<style>\n{_STYLE}\n</style></head>\n<body>\n<h1>Answers compared</h1>",
            _html(results.summary()),
            notes,
            judge,
            f'<table class="answers">\n<tr><th>prompt</th>{head}</tr>',
            *rows,
            "</table>\n</body>\n</html>\n",
        ]
    )


def _html(table: Table) -> str:
    head, *rows = table.lines()
    lines = ["".join(f"<th>{one.entities(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{one.entities(cell)}</td>" for cell in row) for row in rows]
    return "<table>\n" + "\n".join(f"<tr>{line}</tr>" for line in lines) + "\n</table>"


def _answer(cell: Cell) -> str:
    """Return one cell as HTML."""
    if cell.reply is None:
        return '<p class="small">not asked</p>'
    parts = [rendered(answer) if (answer := one.answer(cell.reply)) else ""]
    if cell.state != "complete":
        why = " ".join(cell.error.lines) if cell.error else "incomplete"
        parts.append(f'<p class="failed">{one.entities(f"{cell.state}: {why}")}</p>')
    told = [f"score {cell.score}"] if cell.score is not None else []
    told += [f"no score: {cell.unscored}"] if cell.unscored else []
    told += [one.footer(cell.reply)] if cell.state == "complete" else []
    parts.append(f'<p class="small">{one.entities(" · ".join(told))}</p>' if told else "")
    return "\n".join(part for part in parts if part)


def _shown(cell: Cell) -> str:
    if cell.reply is not None and (text := cell.reply.text):
        return _cut(text) if cell.reply.complete else f"[incomplete] {_cut(text)}"
    return f"[{cell.state}] {_cut(cell.error.message) if cell.error else ''}".strip()


def _score(cell: Cell) -> str:
    if cell.score is not None:
        return _cut(str(cell.score))
    return f"[{_cut(cell.unscored)}]" if cell.unscored else ""


def _cut(text: str) -> str:
    line = one.one_line(text)
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"
