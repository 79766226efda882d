"""What an answer cost: the endpoint's own figure, else a dated table's."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xiantong_nb.errors import UsageError
from xiantong_nb.events import Usage
from xiantong_nb.models import Listing, Model, leaves_the_machine
from xiantong_nb.request import Image, Text, Thinking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xiantong_nb.connection import Connection, Target
    from xiantong_nb.request import Request

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


def cost_of(
    usage: Usage, model: str, connection: Connection, listing: Listing | None = None
) -> tuple[float | None, str]:
    """Return (USD, whose figure it is); (None, "") where the price is not known."""
    preset = connection.preset
    if usage.cost is not None:
        return usage.cost, f"{connection.slug}'s figure" if usage.cost else f"free, says {connection.slug}"
    if preset.embedded:
        return 0.0, "a toy, free"
    if preset.free and not leaves_the_machine(model):
        return 0.0, "runs here"
    listed = listing.find(model) if listing else None
    if listed is not None and listed.price_in is not None and listed.price_out is not None:
        if usage.input_tokens is None or usage.output_tokens is None or usage.cache_read_tokens:
            return None, ""  # what the cache's part costs is not listed
        sent = usage.input_tokens + (usage.cache_write_tokens or 0)
        cost = (sent * listed.price_in + usage.output_tokens * listed.price_out) / 1e6
        return cost, f"{connection.slug}'s list price"
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


def refuse_cost(asked: Sequence[tuple[Request, Target, Listing | None]], budget: float) -> None:
    """
    Raise `UsageError` for requests that together could cost more than a budget in USD, or whose price nobody knows.

    A token is taken for two characters, which is on the safe side of languages written with spaces, an image for 1,600.
    """
    most = 0.0
    sources: dict[str, None] = {}
    for request, target, listing in asked:
        blocks = [block for message in request.messages for block in message.blocks]
        characters = len(request.system) + sum(len(b.text) for b in blocks if isinstance(b, Text | Thinking))
        sent = characters // 2 + 1600 * sum(isinstance(b, Image) for b in blocks)
        usage = Usage(input_tokens=sent + 1, output_tokens=request.max_tokens or 0)
        cost, source = cost_of(usage, target.model, target.connection, listing)
        if cost is None:
            msg = f"No price of {target} is known, so a budget can't be kept."
            raise UsageError(msg, hint=f"%xiantong models {target.connection.slug} --refresh asks for prices.")
        most += cost
        sources[source] = None
    if most > budget:
        together = f", the {len(asked)} together" if len(asked) > 1 else ""
        by = ", ".join(sources)
        msg = f"This could cost up to ${most:.2g}{together}, more than the budget of ${budget:.2g} ({by})."
        tokens = max(request.max_tokens or 0 for request, _, _ in asked)
        raise UsageError(msg, hint=f"Ask for fewer tokens than {tokens:,} with --max-tokens.")


def table() -> Listing:
    """Return the dated table as a list, for where the endpoint's own can't be had."""
    models = (Model(name, price_in=price.input, price_out=price.output) for name, price in PRICES.items())
    at = dt.datetime.strptime(TABLE_DATE, "%Y-%m").replace(tzinfo=dt.UTC).timestamp()
    return Listing(tuple(models), at)
