"""What an answer cost: the endpoint's own figure, else a dated table's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xiantong_nb.connection import Connection
    from xiantong_nb.events import Usage

TABLE_DATE = "2026-11"


@dataclass(frozen=True, slots=True)
class Price:
    """
    USD per million tokens: fresh input, output, cache writes kept 5 min and 1 h, cache reads.

    A figure on which the sources disagree is None, and what needs it has no known price.
    """

    input: float
    output: float
    write_5m: float
    write_1h: float
    read: float | None


# Anthropic's model pages and LiteLLM's table, read in November 2026. Where a longer prompt
# costs more there is no row: an unknown price is better than a wrong one.
PRICES: dict[str, Price] = {
    "claude-opus-5-5": Price(4, 20, 5, 8, 0.20),
    "claude-sonnet-5-5": Price(2, 10, 2.50, 4, None),
    "claude-opus-5": Price(5, 25, 6.25, 10, 0.50),
    "claude-opus-4-8": Price(5, 25, 6.25, 10, 0.50),
    "claude-opus-4-7": Price(5, 25, 6.25, 10, 0.50),
    "claude-opus-4-6": Price(5, 25, 6.25, 10, 0.50),
    "claude-opus-4-5-20251101": Price(5, 25, 6.25, 10, 0.50),
    "claude-sonnet-5": Price(2, 10, 2.50, 4, 0.20),
    "claude-sonnet-4-6": Price(3, 15, 3.75, 6, 0.30),
    "claude-sonnet-4-5-20250929": Price(3, 15, 3.75, 6, 0.30),
    "claude-haiku-4-5-20251001": Price(1, 5, 1.25, 2, 0.10),
}


def cost_of(usage: Usage, model: str, connection: Connection) -> tuple[float | None, str]:
    """Return (USD, whose figure it is); (None, "") where the price is not known."""
    preset = connection.preset
    if usage.cost is not None:
        return usage.cost, f"{connection.slug}'s figure" if usage.cost else f"free, says {connection.slug}"
    if preset.embedded:
        return 0.0, "a toy, free"
    price = PRICES.get(model) if preset.priced_by_table and connection.base_url == preset.base_url else None
    if price is None or usage.input_tokens is None or usage.output_tokens is None:
        return None, ""
    read, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    long = min(usage.cache_write_1h_tokens or 0, written)
    if read and price.read is None:
        return None, ""
    millionths = usage.input_tokens * price.input + usage.output_tokens * price.output + read * (price.read or 0)
    millionths += (written - long) * price.write_5m + long * price.write_1h
    return millionths / 1e6, f"list price of {TABLE_DATE}"
