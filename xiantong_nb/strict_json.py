"""JSON as strictly as JavaScript reads and writes it: what Python alone would take must not get into a shared file."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from xiantong_nb.files import Damaged


def read(data: bytes, *, what: str = "it") -> Any:
    """
    Return the value; raises `Damaged` for anything else than whole JSON in UTF-8: NaN, a mark in front, a deep nest.

    The error holds nothing of the text, which may be keys.
    """
    try:
        return json.loads(data.decode(), parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        wrong = "is nested too deeply"
    except ValueError:
        wrong = "is not whole JSON"
    raise Damaged(f"{what} {wrong}")  # out here: Python's own error quotes the text, and would hang on to this one


def write(value: Any, *, indent: int | None = None) -> bytes:
    """Return ASCII bytes; raises `ValueError` for what JSON has no form for, or a value that is nested too deeply."""
    separators = (",", ":") if indent is None else None
    return json.dumps(value, indent=indent, separators=separators, allow_nan=False).encode()


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError
    return value
