"""When a failed request goes out again, and after how long: a rule without a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xiantong_nb.errors import Busy, Unreachable, XiantongError
from xiantong_nb.failures import MAX_WAIT

if TYPE_CHECKING:
    from collections.abc import Callable

RETRIES = 2
_FIRST, _CAP = 0.5, 8.0
_KINDS = ("refused", "cut", "timeout", "other")


def delay(error: XiantongError, attempt: int, random: Callable[[], float]) -> float | None:
    """
    Return the seconds to wait before attempt number `attempt + 1`, or None to give up.

    `attempt` counts from 1; `random` gives 0..1. Only busy endpoints and lost connections are tried
    again, at most twice: after what they ask for (to 60 s), else after 0.5 s, 1 s, ... to 8 s, less up to a
    quarter, so that many clients do not come back at one moment. The figures are the official SDK's.
    """
    if attempt > RETRIES:
        return None
    if isinstance(error, Busy):
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= MAX_WAIT else None
    elif not (isinstance(error, Unreachable) and error.kind in _KINDS):
        return None
    return min(_FIRST * float(2 ** (attempt - 1)), _CAP) * (1 - random() / 4)
