"""What a process has asked so far, by connection and model: figures alone, so that it stays small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xiantong_nb.prices import usd

if TYPE_CHECKING:
    from xiantong_nb.reply import Reply


@dataclass(slots=True)
class Sum:
    """Answers, their tokens and what they cost in USD, by their own figures or list prices."""

    answers: int = 0
    sent_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0
    """Answers whose price is not known."""

    def add(self, other: Sum) -> None:
        """Add another one up."""
        self.answers += other.answers
        self.sent_tokens += other.sent_tokens
        self.output_tokens += other.output_tokens
        self.cost += other.cost
        self.unpriced += other.unpriced

    @property
    def money(self) -> str:
        """Say the cost, and of how many answers it is not known."""
        told = usd(self.cost) if self.unpriced < self.answers else ""
        more = f"{self.unpriced} of unknown price" if self.unpriced else ""
        return " + ".join(part for part in (told, more) if part)


class Used:
    """Adds replies up; one that was stored before costs nothing, and does not count."""

    def __init__(self) -> None:
        self.by: dict[tuple[str, str], Sum] = {}
        """By connection and model."""

    def __len__(self) -> int:
        return self.all.answers

    def add(self, reply: Reply) -> None:
        """Count one reply."""
        if reply.reused is None:
            known = reply.usage
            one = Sum(1, known.sent_tokens or 0, known.output_tokens or 0, reply.cost or 0.0, reply.cost is None)
            self.by.setdefault((reply.connection, reply.model), Sum()).add(one)

    @property
    def all(self) -> Sum:
        """Everything together."""
        made = Sum()
        for each in self.by.values():
            made.add(each)
        return made
