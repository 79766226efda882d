"""What many answers add up to: how fast, how dear, how often they failed, how far they agree; pure."""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter
from typing import TYPE_CHECKING, Any

from xiantong_nb.prices import usd
from xiantong_nb.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_P95 = 0.95
_LABELS = 3  # of a scorer's labels, the most frequent ones are named


def tally(rows: Sequence[dict[str, Any]]) -> Table:
    """
    Add up the rows of `Results.rows()` by target.

    Times, tokens and agreement are those of whole answers; the cost is of all that is known. `agreement` is the share
    of pairs of repeats that answered the same prompt with the same text, white space and case aside.
    """
    targets = dict.fromkeys(row["target"] for row in rows)
    head = ("target", "answers", "failed", "not asked", "first word s", "median s", "p95 s", "tokens in", "out", "USD",
            "agreement", "score")  # fmt: skip
    return Table(head, tuple(_line(target, [row for row in rows if row["target"] == target]) for target in targets))


def _line(target: str, rows: list[dict[str, Any]]) -> tuple[str, ...]:
    whole = [row for row in rows if row["state"] == "complete"]
    states = Counter(row["state"] for row in rows)
    seconds = known(whole, "seconds")
    costs = known(rows, "cost")
    unpriced = any(row["cost"] is None for row in rows if row["state"] in ("complete", "incomplete"))
    return (
        target,
        f"{len(whole):,} of {len(rows):,}",
        _count(states["failed"] + states["incomplete"]),
        _count(states["not asked"]),
        _figure(_median(known(whole, "first_token_seconds"))),
        _figure(_median(seconds)),
        _figure(quantile(seconds, _P95)),
        f"{sum(known(whole, 'sent_tokens')):,}" if whole else "",
        f"{sum(known(whole, 'output_tokens')):,}" if whole else "",
        f"{usd(sum(costs))}{' and more' if unpriced else ''}" if costs else "",
        "" if (agreed := agreement(whole)) is None else f"{agreed:.0%}",
        _scores([row["score"] for row in rows if row["score"] is not None]),
    )


def known(rows: Iterable[dict[str, Any]], name: str) -> list[float]:
    """Return the figures of a column that are known."""
    return [row[name] for row in rows if row[name] is not None]


def quantile(figures: Sequence[float], share: float) -> float | None:
    """Return the least figure that this share of all does not exceed; None without any."""
    ordered = sorted(figures)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else None


def agreement(rows: Iterable[dict[str, Any]]) -> float | None:
    """Return the share of pairs of repeats that are the same text, None where nothing was repeated."""
    texts: dict[Any, list[str]] = {}
    for row in rows:
        texts.setdefault(row["row"], []).append(" ".join(row["text"].split()).casefold())
    pairs = [one == other for same in texts.values() for one, other in itertools.combinations(same, 2)]
    return sum(pairs) / len(pairs) if pairs else None


def _scores(scores: Sequence[Any]) -> str:
    """Return the mean of numbers, the share of what is true, or the most frequent labels."""
    if not scores:
        return ""
    if all(isinstance(score, bool) for score in scores):
        return f"{sum(scores) / len(scores):.0%} true"
    if all(isinstance(score, int | float) for score in scores):
        return f"{statistics.fmean(scores):.3g}"
    counts = Counter(map(str, scores)).most_common(_LABELS)
    return ", ".join(f"{label} {count}" for label, count in counts)


def _median(figures: Sequence[float]) -> float | None:
    return statistics.median(figures) if figures else None


def _figure(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.2f}"


def _count(count: int) -> str:
    return f"{count:,}" if count else ""
