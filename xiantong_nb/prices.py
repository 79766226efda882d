"""What an answer costs, in USD: the endpoint's own figure, else its list's price, else a dated table's."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from xiantong_nb.connection import is_elsewhere
from xiantong_nb.errors import UsageError
from xiantong_nb.events import Usage
from xiantong_nb.models import Listing, Model
from xiantong_nb.request import Document, Image, Text, Thinking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xiantong_nb.connection import Connection, Listed, Target
    from xiantong_nb.request import Request

TABLE_DATE = "2026-11"
_DIME = 0.1


@dataclass(frozen=True, slots=True)
class Price:
    """
    USD per million tokens: fresh input, output, cache writes kept 5 min and 1 h, cache reads.

    A figure on which the sources disagree is None, and what needs it has no known price. A prompt of more than `up_to`
    tokens has the price `beyond`.
    """

    input: float
    output: float
    write_5m: float
    write_1h: float
    read: float | None
    up_to: int | None = None
    beyond: Price | None = None

    def of(self, usage: Usage) -> float | None:
        """Return what these tokens cost, None where that is not known."""
        if self.beyond and self.up_to is not None and (usage.sent_tokens or 0) > self.up_to:
            return self.beyond.of(usage)
        read, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
        if usage.input_tokens is None or usage.output_tokens is None or (read and self.read is None):
            return None
        long = min(usage.cache_write_1h_tokens or 0, written)
        millionths = usage.input_tokens * self.input + usage.output_tokens * self.output + read * (self.read or 0)
        return (millionths + (written - long) * self.write_5m + long * self.write_1h) / 1e6


# Anthropic's model pages and LiteLLM's table, read in November 2026.
PRICES: dict[str, Price] = {
    "claude-opus-5-5": Price(4, 20, 5, 8, 0.20),
    "claude-sonnet-5-5": Price(2, 10, 2.50, 4, None),
    "claude-haiku-5-5": Price(
        0.10, 0.50, 0.125, 0.20, 0.01, up_to=100_000, beyond=Price(0.50, 2.50, 0.625, 1.00, 0.05)
    ),
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
    usage: Usage, model: str, connection: Connection, listed: Listed = lambda _: None
) -> tuple[float | None, str]:
    """Return (USD, whose figure it is); (None, "") where the price is not known."""
    preset = connection.preset
    if usage.cost is not None:
        return usage.cost, f"{connection.slug}'s figure" if usage.cost else f"free, says {connection.slug}"
    if preset.embedded:
        return 0.0, "a toy, free"
    if preset.free and not is_elsewhere(connection, model):
        return 0.0, "runs here"
    if has_table(connection):  # its list has no prices, so it need not be asked for
        price = PRICES.get(model)
        cost, source = price.of(usage) if price else None, f"list price of {TABLE_DATE}"
    else:
        listing = listed(connection)
        found = listing.find(model) if listing else None
        cost, source = _at_list_price(usage, found) if found else None, f"{connection.slug}'s list price"
    return (None, "") if cost is None else (cost, source)


def _at_list_price(usage: Usage, model: Model) -> float | None:
    """Return what tokens cost at the two prices that lists have; none is listed for what is read from a cache."""
    if model.price_in is None or model.price_out is None:
        return None
    if usage.input_tokens is None or usage.output_tokens is None or usage.cache_read_tokens:
        return None
    sent = usage.input_tokens + (usage.cache_write_tokens or 0)
    if model.price_up_to is not None and sent > model.price_up_to:
        return None
    return (sent * model.price_in + usage.output_tokens * model.price_out) / 1e6


def has_table(connection: Connection) -> bool:
    """Say whether the dated table is about this endpoint."""
    return connection.preset.priced_by_table and connection.base_url == connection.preset.base_url


def at_most(request: Request, target: Target, listed: Listed, *, times: int = 1) -> tuple[float, str]:
    """
    Return what a request could cost at most, in USD, and whose figure that is.

    A token is taken for two characters, which is on the safe side of languages written with spaces, an image for 1,600,
    and 1 kB of a document for 400. `times` is how often it may have to be asked. Raises `UsageError` where the price is
    not known.
    """
    blocks = [block for message in request.messages for block in message.blocks]
    characters = len(request.system) + sum(len(b.text) for b in blocks if isinstance(b, Text | Thinking))
    sent = characters // 2 + 1600 * sum(isinstance(b, Image) for b in blocks)
    sent += sum(len(b.data) * 2 // 5 for b in blocks if isinstance(b, Document))
    usage = Usage(input_tokens=times * (sent + 1), output_tokens=times * (request.max_tokens or 0))
    cost, source = cost_of(usage, target.model, target.connection, listed)
    if cost is None:
        msg = f"No price of {target} is known, so a budget can't be kept."
        hint = f"Ask without --budget; %xiantong models {target.connection.slug} shows the prices that are known."
        raise UsageError(msg, hint=hint)
    return cost, source


def kept_within(budget: float, asked: Sequence[tuple[Request, Target]], listed: Listed, *, times: int = 1) -> str:
    """
    Return what requests could cost together at most, as a note for a footer; nothing where they cost nothing.

    Raises `UsageError` where that is more than a budget in USD, or nobody knows.
    """
    costs = [at_most(request, target, listed, times=times) for request, target in asked]
    most = sum(cost for cost, _ in costs)
    together = f", the {len(asked)} together" if len(asked) > 1 else ""
    if most > budget:
        by = ", ".join(dict.fromkeys(source for _, source in costs))
        msg = f"This could cost up to {usd(most)}{together}, more than the budget of {usd(budget)} ({by})."
        tokens = max(request.max_tokens or 0 for request, _ in asked)
        raise UsageError(msg, hint=f"Ask for fewer tokens than {tokens:,} with --max-tokens.")
    return f"at most {usd(most)}{together} of a budget of {usd(budget)}" if most else ""


def usd(amount: float) -> str:
    """Return an amount as people write it: in cents, and less than ten of them with two digits that count."""
    return f"${amount:,.2f}" if amount >= _DIME or not amount else f"${Decimal(f'{amount:.2g}'):f}"


def with_prices(listing: Listing) -> Listing:
    """Return a list with the dated table's prices where it has none itself."""
    return replace(listing, models=tuple(_priced(model) for model in listing.models))


def table() -> Listing:
    """Return the dated table as a list, for where the endpoint's own can't be had."""
    at = dt.datetime.strptime(TABLE_DATE, "%Y-%m").replace(tzinfo=dt.UTC).timestamp()
    return Listing(tuple(_priced(Model(name)) for name in PRICES), at)


def _priced(model: Model) -> Model:
    price = PRICES.get(model.id)
    if price is None or model.price_in is not None:
        return model
    return replace(model, price_in=price.input, price_out=price.output, price_up_to=price.up_to)
