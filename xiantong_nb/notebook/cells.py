"""The last cells that ran, with their text output: what `--cells` tells a model of the notebook."""

from __future__ import annotations

import re
from typing import Any

from xiantong_nb.errors import UsageError
from xiantong_nb.inlined import cell, text_of
from xiantong_nb.request import Text
from xiantong_nb.secret import looks_like_key

_OURS = re.compile(r"\s*%%?(ask|xiantong)\b")
_KINDS = {"out_stream": "stream", "err_stream": "stream"}


def executed(shell: Any, count: int) -> tuple[Text | None, str]:
    """
    Return the last `count` cells before this one, and a note; questions and `%xiantong` don't count.

    What IPython keeps of an output goes along: printed text, results as text, errors. None where nothing ran yet.
    Raises `UsageError` for cells that hold something in the shape of a key.
    """
    sources: list[str] = shell.history_manager.input_hist_raw
    before = range(1, len(sources) - 1)  # the last one is the cell that asks
    ran = [n for n in before if sources[n].strip() and not _OURS.match(sources[n])][-count:]
    if not ran:
        return None, ""
    text = "\n\n".join(cell(n, sources[n].rstrip("\n"), _output(shell, n)) for n in ran)
    if looks_like_key(text):
        msg = "The last cells hold what looks like a key, so nothing was sent."
        raise UsageError(msg, hint="Ask without --cells, or with fewer; %xiantong purge cleans the history.")
    named = f"cell {ran[0]}" if len(ran) == 1 else f"{len(ran)} cells ({ran[0]} to {ran[-1]})"
    return Text(text), f"with {named}"


def _output(shell: Any, number: int) -> str:
    """Return what a cell printed, showed as text and raised, as IPython keeps it."""
    history = shell.history_manager
    kept = history.outputs.get(number, ())
    outputs = [_stored(each.output_type, each.bundle) for each in kept]
    if not kept and number in history.output_hist_reprs:
        outputs.append({"output_type": "execute_result", "data": {"text/plain": history.output_hist_reprs[number]}})
    if raised := history.exceptions.get(number):
        outputs.append({"output_type": "error", "ename": raised.get("ename"), "evalue": raised.get("evalue")})
    return "\n".join(text for each in outputs if (text := text_of(each).strip("\n")))


def _stored(kind: str, bundle: dict[str, Any]) -> dict[str, Any]:
    """Return an output of IPython's history as notebooks store it."""
    if kind in _KINDS:
        return {"output_type": "stream", "text": bundle.get("stream")}
    return {"output_type": kind, "data": bundle}
