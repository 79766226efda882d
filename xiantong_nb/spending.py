"""A budget of a table while it runs: what has been spent, and what those under way could still cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xiantong_nb.events import Usage
from xiantong_nb.prices import at_most, usd

if TYPE_CHECKING:
    from xiantong_nb.connection import Listed, Target
    from xiantong_nb.reply import Reply
    from xiantong_nb.request import Request


class Spending:
    """
    Each request is set aside at what it could cost at most before it goes out, and counted at what it did cost.

    So the budget is not exceeded by what this package knows of prices. A reply without a known cost counts as the most,
    and so does one that broke off: what was written of it is told at its end alone.
    """

    def __init__(self, budget: float, listed: Listed) -> None:
        self.budget = budget
        self.spent = 0.0
        self._listed = listed
        self._aside: dict[int, float] = {}

    def most(self, request: Request, target: Target, times: int) -> float:
        """Return what a request could cost at most, asked so often; raises `UsageError` where no price is known."""
        return at_most(request, target, self._listed, times=times)[0]

    def allows(self, job: int, most: float) -> bool:
        """Set this aside for a job, unless that could exceed the budget."""
        if self.spent + sum(self._aside.values()) + most > self.budget:
            return False
        self._aside[job] = most
        return True

    def settle(self, job: int, reply: Reply) -> None:
        """Count a job that has ended; one that was refused without a word has cost nothing."""
        aside, known = self._aside.pop(job, 0.0), reply.cost or 0.0
        if reply.complete:
            self.spent += aside if reply.cost is None else known
        elif reply.blocks or reply.usage != Usage():
            self.spent += max(aside, known)

    def estimate(self, most: float, questions: int) -> str:
        """Say what all could cost at most, and what becomes of it."""
        told = f"{questions:,} questions could cost up to {usd(most)}"
        if most > self.budget:
            return f"{told}: asking stops before {usd(self.budget)} is exceeded"
        return f"{told} of a budget of {usd(self.budget)}"
