"""One question under way to several targets: a context manager over the events of its lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from xiantong_nb import loop
from xiantong_nb.comparison import Comparison, LaneResult
from xiantong_nb.errors import NoAnswer, UsageError
from xiantong_nb.streaming import Lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from xiantong_nb.events import Event
    from xiantong_nb.lane import Lane
    from xiantong_nb.question import Question

MOST = 8
"""Lanes of one comparison: more can't be read side by side."""


def refuse_number(lanes: int) -> None:
    """Raise `UsageError` for a number of lanes that no comparison has."""
    if not 1 <= lanes <= MOST:
        msg = f"One comparison is of {MOST} targets at most, not {lanes}." if lanes else "There is no target to ask."
        raise UsageError(msg, hint="Ask them in several cells." if lanes else "Name the targets, as a list.")


class Comparing:
    """
    A comparison under way; it is read as a Stream is, and ends in a Comparison.

    `typed` is what a person calls each lane's target; `keep` gets the Comparison when it is made.
    """

    def __init__(
        self, question: Question, lanes: Sequence[Lane], typed: Sequence[str], keep: Callable[[Comparison], None]
    ) -> None:
        self.lanes = tuple(lanes)
        self.comparison: Comparison | None = None
        """What has come of it, once it has ended."""
        self._question = question
        self._names = []
        self._keep = keep
        self._together = Lanes(self.lanes)
        for at, (lane, name) in enumerate(zip(self.lanes, typed, strict=True)):
            same = sum(str(other.target) == lane.label for other in self.lanes[:at])
            again = f"#{same + 1}" if same else ""
            lane.label += again
            self._names.append((f"{name}{again}", f"{lane.target.model}{again}"))

    def __enter__(self) -> Self:
        self._together.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.partial("not read to its end")

    def batches(self, rest: Callable[[], float] = lambda: 0.0) -> Iterator[list[tuple[Lane, Event]]]:
        """As those of `Lanes`."""
        yield from self._together.batches(rest)

    def partial(self, ended: str) -> Comparison:
        """End those lanes here that have not ended: `ended` says why. Return what was read of all."""
        if self.comparison is None:
            self._together.end(ended)
            results = (
                LaneResult(lane.label, names, lane.end(ended), lane.error)
                for lane, names in zip(self.lanes, self._names, strict=True)
            )
            question = self._question
            notes = question.notes(dropping=False)
            self.comparison = Comparison(question.prompt, tuple(results), notes, self._goes_on)
            self._keep(self.comparison)
        return self.comparison

    def result(self) -> Comparison:
        """Return the Comparison, after reading what has not been read; raises `NoAnswer` where no answer is whole."""
        for _ in self.batches(lambda: loop.STEP):
            pass
        comparison = self.partial("not read to its end")
        if any(reply.complete for reply in comparison):
            return comparison
        each = (f"{lane.label}: {' '.join(lane.error.lines)}" for lane in comparison.lanes if lane.error)
        raise NoAnswer("No target gave a whole answer.", where="\n".join(each), comparison=comparison)

    @property
    def only_failed(self) -> bool:
        """Whether failures are all there is: then there is no comparison to speak of."""
        return all(lane.only_failed for lane in self.lanes)

    def _goes_on(self, at: int, chat: str) -> str:
        lane = self.lanes[at]
        return self._question.goes_on(lane, lane.end("not read to its end"), chat)
