"""
The bar of a table under way, painted by the thread that asked.

It is text, in notebooks too: a bar that is a widget would stay in the saved notebook as one that is dead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from xiantong_nb.prices import usd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xiantong_nb.results import Cell


class Progress:
    """A context manager; where it is not `shown`, it says nothing at all."""

    def __init__(self, total: int, *, shown: bool) -> None:
        self._total = total
        self._shown = shown
        self._bar: Any = None
        self._failed = 0
        self._cost = 0.0
        self._waited = 0.0

    def __enter__(self) -> Self:
        if self._shown:
            from tqdm import tqdm

            class Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
                monitor_interval = 0  # a thread of its own would paint into other cells

            self._bar = Bar(total=self._total, unit="cell", dynamic_ncols=True, mininterval=0.2)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def say(self, lines: Iterable[str]) -> None:
        """Print lines above the bar."""
        for line in lines if self._bar is not None else ():
            self._bar.write(line, file=self._bar.fp)

    def begin_with(self, kept: int) -> None:
        """Count what need not be asked, without counting it as speed."""
        if self._bar is not None:
            self._bar.initial = self._bar.n = kept
            self._bar.refresh()

    def take(self, cells: Iterable[Cell], waited: float) -> None:
        """Count cells that are done, and say for how many seconds endpoints have made questions wait."""
        for cell in cells:
            self._failed += cell.state != "complete"
            self._cost += (cell.reply.cost or 0.0) if cell.reply else 0.0
            if self._bar is not None:
                self._bar.update()
        self._waited = waited
        if self._bar is not None:
            self._bar.set_postfix_str(self._line(), refresh=False)
            self._bar.update(0)

    def _line(self) -> str:
        parts = [f"{self._failed:,} failed" if self._failed else "", usd(self._cost) if self._cost else ""]
        parts.append(f"waited {self._waited:,.0f} s" if self._waited else "")
        return " · ".join(part for part in parts if part)
