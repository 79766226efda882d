"""A table's budget: what is set aside, what counts in the end, and what is free."""

from __future__ import annotations

import pytest

from xiantong_nb.events import Usage
from xiantong_nb.reply import Reply
from xiantong_nb.request import Text
from xiantong_nb.spending import Spending

TOLD = Usage(input_tokens=1000, output_tokens=1)


@pytest.mark.parametrize(
    ("reply", "counts"),
    [
        (Reply((Text("yes"),), complete=True, cost=0.25), 0.25),
        (Reply((Text("yes"),), complete=True), 1.0),
        (Reply((Text("ye"),), usage=TOLD), 1.0),
        (Reply((Text("ye"),), usage=TOLD, cost=0.25), 1.0),
        (Reply((Text("ye"),), usage=TOLD, cost=1.5), 1.5),
        (Reply(usage=TOLD), 1.0),
        (Reply(ended="refused"), 0.0),
    ],
    ids=["whole", "of no known price", "cut", "cut, with its figure", "cut and dearer", "cut at once", "refused"],
)
def test_what_broke_off_counts_as_the_most_and_what_was_refused_is_free(reply, counts):
    spending = Spending(2.0, lambda _: None)
    assert spending.allows(1, 1.0)
    assert not spending.allows(2, 1.5), "one is set aside"
    spending.settle(1, reply)
    assert spending.spent == counts
    assert spending.allows(2, 2.0 - counts)
