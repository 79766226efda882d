"""What an answer cost, and whose figure that is."""

from __future__ import annotations

import pytest

from tests.conftest import NOWHERE
from tests.fault_server import failure, good
from xiantong_nb.connection import Connection, demo
from xiantong_nb.environment import from_environment
from xiantong_nb.errors import UsageError
from xiantong_nb.events import Usage
from xiantong_nb.models import Listing, Model
from xiantong_nb.options import Options
from xiantong_nb.presets import PRESETS
from xiantong_nb.prices import PRICES, cost_of, usd, with_prices
from xiantong_nb.session import Session

KEY = "sk-test-CANARY-0123456789-wxyz"
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
    assert set(PRESETS["anthropic"].aliases.values()) <= set(PRICES)
    for price in [*PRICES.values(), *(each.beyond for each in PRICES.values() if each.beyond)]:
        assert 0 < price.input < price.write_5m < price.write_1h < price.output
        assert price.read is None or price.read < price.input


def test_a_longer_prompt_may_cost_more():
    usage = Usage(100_000, 1_000_000)
    assert cost_of(usage, "claude-haiku-5-5", ANTHROPIC)[0] == pytest.approx(0.01 + 0.50)
    longer = Usage(60_000, 1_000_000, cache_read_tokens=40_001)
    assert cost_of(longer, "claude-haiku-5-5", ANTHROPIC)[0] == pytest.approx(0.06 * 0.50 + 0.040001 * 0.05 + 2.50)


def test_a_list_without_prices_gets_those_of_the_table():
    listed = Listing((Model("claude-opus-5-5", context=5), Model("claude-haiku-5-5"), Model("x", price_in=7.0)), 0)
    opus, haiku, own = with_prices(listed).models
    assert (opus.price_in, opus.price_out, opus.context) == (4, 20, 5)
    assert haiku.price_up_to == 100_000
    assert own == listed.models[2]


@pytest.mark.parametrize(
    ("amount", "says"),
    [(0, "$0.00"), (1234.5, "$1,234.50"), (0.082, "$0.082"), (5.1e-5, "$0.000051"), (1e-6, "$0.000001")],
)  # fmt: skip
def test_amounts_are_written_as_people_do(amount, says):
    assert usd(amount) == says


@pytest.fixture
def session():
    made = Session(environment={}, folder=NOWHERE)
    yield made
    made.close()


def ask(session, faults, budget, *, preset="custom", **options):
    session.here["gw"] = Connection("gw", PRESETS[preset], faults.url, "m")
    with session.open("hi", "gw:m", Options(alone=True, budget=budget, **options)) as stream:
        return stream.result()


PRICED = failure(200, {"data": [{"id": "m", "pricing": {"prompt": "0.000001", "completion": "0.00001"}}]})


def test_a_budget_is_kept_before_anything_is_sent(session, faults):
    faults.play(PRICED, good("cheap"))
    with pytest.raises(
        UsageError, match=r"could cost up to \$0\.10, more than the budget of \$0\.01 \(gw's list"
    ) as caught:
        ask(session, faults, 0.01, preset="openrouter", max_tokens=10_000)
    assert "--max-tokens" in caught.value.hint
    assert [seen.head.split()[0] for seen in faults.seen] == ["GET"], (
        "it was asked for its prices, and for nothing else"
    )
    reply = ask(session, faults, 0.2, preset="openrouter", max_tokens=10_000)
    assert reply.text == "cheap"
    assert reply.notes == ("at most $0.10 of a budget of $0.20",)
    assert reply.cost == pytest.approx((9 * 1 + 3 * 10) / 1e6)
    assert faults.seen[-1].json["max_tokens"] == 10_000


def test_a_budget_holds_for_what_this_wire_asks_for_unless_told(session, faults):
    """This wire wants a limit of tokens, so one is sent, and counted."""
    faults.play(PRICED, good("cheap"))
    assert ask(session, faults, 1.0, preset="openrouter").notes == ("at most $0.082 of a budget of $1.00",)
    assert faults.seen[-1].json["max_tokens"] == PRESETS["openrouter"].max_tokens


def test_a_budget_can_not_be_kept_where_no_price_is_known(session, faults):
    faults.play(failure(404, b"no list"))
    with pytest.raises(UsageError, match="No price of gw:m is known"):
        ask(session, faults, 1.0)
    assert all(seen.head.startswith("GET") for seen in faults.seen)


def test_what_costs_nothing_is_within_any_budget(session, faults):
    faults.play(good("here"))
    reply = ask(session, faults, 0.0, preset="ollama")
    assert (reply.cost, reply.notes) == (0.0, ())
