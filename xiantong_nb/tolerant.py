"""Members of a server's JSON, read with patience: what is odd counts as not said, half characters are made whole."""

from __future__ import annotations

from typing import Any


def count(value: object) -> int | None:
    """Return a whole number from 0, or None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def dollars(value: object) -> float | None:
    """Return an amount from 0, or None for anything else."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
    return float(value) if known else None  # type: ignore[arg-type]  # just made sure


def text(value: object) -> str:
    """Return text, or nothing for anything else."""
    return value if isinstance(value, str) else ""


def members(value: object) -> dict[str, Any]:
    """Return an object's members, or none for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """Return an array's items, or none for anything else."""
    return value if isinstance(value, list) else []


def whole(value: Any) -> Any:
    """Return JSON with whole characters only: halves that meet are joined, lone ones become U+FFFD."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [whole(v) for v in value]
        case dict():
            return {whole(k): whole(v) for k, v in value.items()}
    return value


def cut(said: str) -> tuple[str, str]:
    """Cut off the first half of a character at the end of a text: its other half may come in the next piece."""
    return (said[:-1], said[-1]) if "\ud800" <= said[-1:] <= "\udbff" else (said, "")
