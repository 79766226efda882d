"""When a failed request goes out again: the rule, without a clock."""

from __future__ import annotations

import pytest

from xiantong_nb.errors import (
    BadReply,
    Busy,
    IncompleteReply,
    KeyRefused,
    NotFound,
    OutOfCredit,
    RequestRefused,
    Unreachable,
    UsageError,
    XiantongError,
)
from xiantong_nb.retry import delay

AGAIN = [
    Busy("x", status=529),
    Unreachable("x", kind="refused"),
    Unreachable("x", kind="timeout"),
    Unreachable("x", kind="cut"),
    IncompleteReply("x"),
]
NEVER = [
    KeyRefused("x", status=401), OutOfCredit("x", status=429), NotFound("x", status=404), BadReply("x", status=200),
    RequestRefused("x", status=400), UsageError("x"), XiantongError("x"),
    *(Unreachable("x", kind=k) for k in ("dns", "tls", "proxy", "silent", "other")),
]  # fmt: skip


@pytest.mark.parametrize("error", AGAIN, ids=repr)
def test_two_retries_half_a_second_and_a_second_less_up_to_a_quarter(error):
    for chance in (0.0, 0.5, 1.0):
        assert 0.375 <= delay(error, 1, lambda: chance) <= 0.5  # noqa: B023
        assert 0.75 <= delay(error, 2, lambda: chance) <= 1.0  # noqa: B023
    assert delay(error, 1, lambda: 0.0) == 0.5
    assert delay(error, 1, lambda: 1.0) == 0.375
    assert delay(error, 3, lambda: 0.5) is None


@pytest.mark.parametrize("error", NEVER, ids=repr)
def test_what_a_second_try_cannot_mend_is_not_tried(error):
    assert delay(error, 1, lambda: 0.0) is None


@pytest.mark.parametrize(("asked", "waited"), [(2.0, 2.0), (60.0, 60.0), (60.1, None), (1e9, None), (0.2, 0.2)])
def test_a_wait_asked_for_is_kept_or_too_long(asked, waited):
    assert delay(Busy("x", status=429, retry_after=asked), 1, lambda: 1.0) == waited
