"""The answers of many prompts by many targets, as one value."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from xiantong_nb import archive, safe
from xiantong_nb.comparison import LaneResult
from xiantong_nb.errors import UsageError, XiantongError
from xiantong_nb.reply import Reply
from xiantong_nb.scoring import Judge
from xiantong_nb.tally import tally

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from xiantong_nb.scoring import Score
    from xiantong_nb.table import Table


@dataclass(frozen=True, slots=True)
class Cell:
    """
    One prompt, one target, one repeat: all three are numbers from 0, `target` besides by name.

    A cell that failed has an empty reply, and `error` says why. `score` is the scorer's; `unscored` says why there is
    none, `verdict` is what a judge answered. `values` are the template's, by column.
    """

    row: int
    prompt: str
    target: str
    repeat: int = 0
    reply: Reply | None = None
    error: XiantongError | None = field(default=None, compare=False)
    score: Score | None = None
    unscored: str = ""
    verdict: str = ""
    values: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def state(self) -> str:
        """One of complete, incomplete, failed, not asked."""
        return LaneResult(self.target, (), self.reply, self.error).state if self.reply else "not asked"

    def told(self) -> dict[str, Any]:
        """Return the cell as a row: times in seconds, `cost` in USD, None for what is not known."""
        reply = self.reply or Reply()
        return {
            "row": self.row,
            "prompt": self.prompt,
            **{name: value for name, value in self.values.items() if name not in _COLUMNS},
            "target": self.target,
            "repeat": self.repeat,
            "state": self.state,
            "text": reply.text,
            "data": reply.data,
            "score": self.score,
            "model": reply.model,
            "first_token_seconds": reply.first_token_seconds,
            "tokens_per_second": reply.tokens_per_second,
            "sent_tokens": reply.usage.sent_tokens,
            "output_tokens": reply.usage.output_tokens if reply.complete else None,
            "cost": reply.cost,
            "seconds": reply.seconds if reply.complete else None,
            "error": self.error.message if self.error else "",
            "unscored": self.unscored,
            "verdict": self.verdict,
        }


_COLUMNS = frozenset(Cell(0, "", "").told())


@dataclass(frozen=True, slots=True, repr=False)
class Results:
    """
    What `compare` gives for many prompts; displays as its summary and its first rows.

    Iterate over its cells, in the order of the prompts; `len()` counts them. `judge` is who gave the scores, if a
    target did, and what it was asked. `notes` say what else happened, such as how long was waited.
    """

    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()
    judge: Judge | None = None

    def __len__(self) -> int:
        return len(self.cells)

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def __getitem__(self, at: int) -> Cell:
        return self.cells[at]

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets as `connection:model`, in their order."""
        return tuple(dict.fromkeys(cell.target for cell in self.cells))

    @property
    def complete(self) -> bool:
        """Whether every cell has a whole answer."""
        return all(cell.state == "complete" for cell in self.cells)

    @property
    def errors(self) -> list[Cell]:
        """The cells that failed or broke off; each has its `.error`."""
        return [cell for cell in self.cells if cell.error is not None]

    def rows(self) -> list[dict[str, Any]]:
        """
        Return a dict per prompt, target and repeat: what `to_frame()` is made of, for polars, csv and others.

        Times are in seconds, `cost` in USD, `sent_tokens` with what the cache had; None is what is not known.
        """
        return [cell.told() for cell in self.cells]

    def to_frame(self) -> Any:
        """Return `rows()` as a pandas DataFrame; raises `UsageError` where pandas is not installed."""
        hint = "pip install 'xiantong-nb[frame]'. Or polars.DataFrame(made.rows()): .rows() is the same as dicts."
        return _installed("pandas", "A frame", hint).DataFrame(self.rows())

    def pivot(self, values: str = "text") -> Any:
        """
        Return a DataFrame of one column of `to_frame()`: a row per prompt, a column per target, and per repeat if any.

        Raises `UsageError` where pandas is not installed, or for no such column.
        """
        self._must_have(values)
        repeated = any(cell.repeat for cell in self.cells)
        columns = ["target", "repeat"] if repeated else ["target"]
        table = self.to_frame().pivot(index=["row", "prompt"], columns=columns, values=values)
        named = table.columns.get_level_values("target")
        order = sorted(range(len(named)), key=lambda at: (self.targets.index(named[at]), at))
        return table.iloc[:, order]

    def summary(self) -> Table:
        """
        Return the figures of each target as a table that displays itself.

        Times are in s: the median, and what 95 % of the whole answers do not exceed. Tokens are the sum of whole
        answers, `USD` that of all known costs. `agreement` is the share of pairs of repeats that answered the same
        prompt with the same text, white space and case aside. `score` is the mean of numbers, the share of what is
        true, or the most frequent labels.
        """
        return tally(self.rows())

    def plot(self, values: str = "seconds", ax: Any = None) -> Any:
        """
        Draw how one column of figures is spread for each target, as boxes, and return matplotlib's Axes.

        Raises `UsageError` where matplotlib is not installed, or where the column holds no figures.
        """
        self._must_have(values)
        rows = self.rows()
        spread = {
            target: [
                float(row[values]) for row in rows if row["target"] == target and isinstance(row[values], int | float)
            ]
            for target in self.targets
        }
        if not any(spread.values()):
            msg = f"There are no figures in {values!r} to draw."
            raise UsageError(msg, hint="Figures are in seconds, first_token_seconds, output_tokens, cost, score.")
        if ax is None:
            hint = "pip install matplotlib. Without it, .summary() has the figures."
            ax = _installed("matplotlib.pyplot", "A plot", hint).subplots()[1]
        places = list(range(1, len(spread) + 1))
        ax.boxplot(list(spread.values()), positions=places)
        ax.set_xticks(places, list(spread))
        ax.set_ylabel(values.replace("_", " "))
        return ax

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """
        Return all of it as one page that needs nothing else, written to `path` as well where one is given.

        Raises `OSError` where that can't be written.
        """
        from xiantong_nb.sheet import page

        text = page(self)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_json(self) -> str:
        """Return it as JSON text, from which `from_json` makes an equal one."""
        cells = [
            {
                **{name: getattr(cell, name) for name in _PLAIN},
                "reply": archive.reply_out(cell.reply) if cell.reply else None,
                "error": archive.error_out(cell.error) if cell.error else None,
            }
            for cell in self.cells
        ]
        judge = {"target": self.judge.target, "prompt": self.judge.prompt} if self.judge else None
        return json.dumps({"xiantong_results": 1, "notes": list(self.notes), "judge": judge, "cells": cells})

    @classmethod
    def from_json(cls, text: str | bytes) -> Results:
        """Make one from what `to_json` gave; raises `UsageError` for anything else."""
        try:
            whole = msgspec.convert(json.loads(text), _Whole)
            cells = tuple(
                Cell(
                    **{name: getattr(cell, name) for name in _PLAIN},
                    reply=archive.reply_in(cell.reply) if cell.reply is not None else None,
                    error=archive.error_in(cell.error),
                )
                for cell in whole.cells
            )
            judge = Judge(**whole.judge) if whole.judge is not None else None
        except (ValueError, TypeError, RecursionError) as error:
            msg = f"These are no results as to_json() writes them ({type(error).__name__})."
            raise UsageError(msg, hint="Results.from_json() takes the whole text.") from None
        return cls(cells, whole.notes, judge)

    def __reduce__(self) -> tuple[Callable[[str], Results], tuple[str]]:
        """Copy and pickle it as JSON does."""
        return Results.from_json, (self.to_json(),)

    def __repr__(self) -> str:
        whole = sum(cell.state == "complete" for cell in self.cells)
        prompts = len({cell.row for cell in self.cells})
        by = safe.terminal(", ".join(self.targets))
        return f"<Results of {prompts:,} prompts by {by}: {whole:,} of {len(self):,} answered>"

    def _must_have(self, column: str) -> None:
        if self.cells and column not in (known := self.cells[0].told()):
            raise UsageError(f"There is no column {column!r}.", hint=f"Columns are {', '.join(known)}.")

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        from xiantong_nb.sheet import bundle

        return bundle(self)


def _installed(module: str, what: str, hint: str) -> Any:
    """Return a library that is used where there is one; raises `UsageError` where there is none."""
    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        raise UsageError(f"{what} needs {name}, which is not installed.", hint=hint) from None


_PLAIN = ("row", "prompt", "target", "repeat", "score", "unscored", "verdict", "values")


class _WrittenCell(msgspec.Struct):
    row: int
    prompt: str
    target: str
    repeat: int
    score: bool | int | float | str | None
    unscored: str
    verdict: str
    values: dict[str, Any]
    reply: dict[str, Any] | None
    error: dict[str, str] | None


class _Whole(msgspec.Struct):
    """The JSON of results; `xiantong_results` is the version of its form."""

    xiantong_results: Literal[1]
    notes: tuple[str, ...]
    judge: dict[str, str] | None
    cells: list[_WrittenCell]
