"""When a failed request goes out again, and after how long: a rule without a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xiantong_nb.errors import Busy, IncompleteReply, Unreachable, XiantongError
from xiantong_nb.failures import MAX_WAIT

if TYPE_CHECKING:
    from collections.abc import Callable

RETRIES = 2
_FIRST, _CAP = 0.5, 8.0
_KINDS = ("refused", "timeout", "cut")  # not `silent`: that has cost its minutes already


def delay(error: XiantongError, attempt: int, chance: Callable[[], float]) -> float | None:
    """
    Return the seconds to wait before attempt number `attempt + 1`, or None to give up.

    `attempt` counts from 1; `chance` gives 0..1. Only busy endpoints and lost connections are tried
    again, at most twice: after what they ask for (to 60 s), else after 0.5 s, 1 s, ... to 8 s, less up to a
    quarter, so that many clients do not come back at one moment. The figures are the official SDK's.
    """
    if attempt > RETRIES:
        return None
    match error:
        case Busy(should_retry=False):
            return None
        case Busy(retry_after=float(asked)):
            return asked if asked <= MAX_WAIT else None
        case Busy() | IncompleteReply():
            pass
        case Unreachable(kind=kind) if kind in _KINDS:
            pass
        case _:
            return None
    return min(_FIRST * float(2 ** (attempt - 1)), _CAP) * (1 - chance() / 4)
