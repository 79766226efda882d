"""What an answer cost, and whose figure that is."""

from __future__ import annotations

import pytest

from xiantong_nb.connection import demo
from xiantong_nb.environment import from_environment
from xiantong_nb.events import Usage
from xiantong_nb.presets import PRESETS
from xiantong_nb.prices import PRICES, cost_of

KEY = "sk-test-0123456789abcdef"
ANTHROPIC = from_environment({"ANTHROPIC_API_KEY": KEY})["anthropic"]
OPENROUTER = from_environment({"OPENROUTER_API_KEY": KEY})["openrouter"]


def test_the_list_price_counts_each_kind_of_token():
    usage = Usage(1_000_000, 1_000_000, 1_000_000, 1_000_000, cache_write_1h_tokens=250_000)
    cost, source = cost_of(usage, "claude-opus-5-5", ANTHROPIC)
    assert cost == pytest.approx(4 + 20 + 0.20 + 0.75 * 5 + 0.25 * 8)
    assert "list price" in source


@pytest.mark.parametrize(
    ("usage", "model", "connection"),
    [
        (Usage(1, 1), "claude-unheard-of", ANTHROPIC),
        (Usage(1, None), "claude-opus-5-5", ANTHROPIC),
        (Usage(None, 1), "claude-opus-5-5", ANTHROPIC),
        (Usage(1, 1, cache_read_tokens=1), "claude-sonnet-5-5", ANTHROPIC),
        (Usage(1, 1), "claude-opus-5-5", OPENROUTER),
        (Usage(1, 1), "claude-opus-5-5", from_environment({"ANTHROPIC_BASE_URL": "http://localhost"})["anthropic"]),
    ],
)
def test_what_is_not_known_is_not_guessed(usage, model, connection):
    assert cost_of(usage, model, connection) == (None, "")


def test_the_endpoints_own_figure_comes_first():
    assert cost_of(Usage(1, 1, cost=0.5), "claude-opus-5-5", ANTHROPIC) == (0.5, "anthropic's figure")
    assert cost_of(Usage(1, 1, cost=0.0), "x", OPENROUTER) == (0.0, "free, says openrouter")


def test_toys_are_free():
    assert cost_of(Usage(1, 1), "toy-1", demo()) == (0.0, "a toy, free")


def test_the_tables_make_sense():
    assert set(PRESETS["anthropic"].aliases.values()) - {"claude-haiku-5-5"} <= set(PRICES)
    for price in PRICES.values():
        assert 0 < price.input < price.write_5m < price.write_1h < price.output
        assert price.read is None or price.read < price.input
