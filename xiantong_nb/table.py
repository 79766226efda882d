"""A small table that shows itself, as Markdown and as lines."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from xiantong_nb import bundle, safe


@dataclass(frozen=True, slots=True, repr=False)
class Table:
    """Cells are plain text; a column without any is left out where the table is shown."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def plain(self) -> str:
        """The table as lines for a terminal."""
        lines = self.lines()
        widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
        rows = ("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)
        return safe.terminal("\n".join(rows))

    @property
    def markdown(self) -> str:
        """The table as Markdown."""
        head, *rows = (tuple(map(bundle.entities, line)) for line in self.lines())
        ruled = [head, ("---",) * len(head), *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in ruled)

    def lines(self) -> list[tuple[str, ...]]:
        """Return the head and the rows, without columns that are empty."""
        used = [any(row[at] for row in self.rows) for at in range(len(self.head))]
        return [tuple(itertools.compress(line, used)) for line in (self.head, *self.rows)]

    def __repr__(self) -> str:
        return self.plain

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {"text/markdown": self.markdown, "text/plain": self.plain}
