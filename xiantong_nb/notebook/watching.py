"""What is asked, painted while it comes, whatever ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from xiantong_nb.interrupts import held, one_interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Item = TypeVar("Item")
"""What comes: an event, or of several lanes an event with its lane."""
Answer = TypeVar("Answer")
"""What it ends in: a Reply, or of several lanes a Comparison."""
Answer_co = TypeVar("Answer_co", covariant=True)
Answer_contra = TypeVar("Answer_contra", contravariant=True)


class Asking(Protocol[Item, Answer_co]):
    """A question under way: a Stream, or a Comparing."""

    @property
    def only_failed(self) -> bool:
        """Whether failure is all there is."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def batches(self, rest: Callable[[], float]) -> Iterator[list[Item]]:
        """Give what comes in batches, until the end."""

    def partial(self, ended: str) -> Answer_co:
        """End here, unless it has ended, and return what came."""

    def result(self) -> Answer_co:
        """Return what came, or raise what must be said of it."""


class Painter(Protocol[Item, Answer_contra]):
    """What shows it, in the cell's thread only."""

    def rest(self) -> float:
        """Return the seconds until the next frame: before it, what is new needs nobody's attention."""

    def take(self, batch: list[Item]) -> None:
        """Take what has come, perhaps nothing, and paint if it is time."""

    def finish(self, answer: Answer_contra) -> None:
        """Leave the output that stays."""

    def withdraw(self) -> None:
        """Take back what was shown of waiting, when no answer has come of it."""


def watch(
    asking: Asking[Item, Answer], painter: Painter[Item, Answer], keep: Callable[[Answer], None] = lambda _: None
) -> Answer:
    """
    Send what is asked, paint it, and return what came of it, or raise what its `result` does.

    Whatever ends it, an interrupt too: `keep` gets what came, and the painter leaves it as the output that stays. An
    interrupt that comes meanwhile waits for that.
    """
    with one_interrupt() as raise_lost, asking:
        try:
            try:
                for batch in asking.batches(painter.rest):
                    painter.take(batch)
                    raise_lost()
                return asking.result()
            finally:
                _leave(asking, painter, keep)
        except KeyboardInterrupt as stop:
            stop.add_note("What came is in xiantong_nb.last().")
            raise


def _leave(asking: Asking[Item, Answer], painter: Painter[Item, Answer], keep: Callable[[Answer], None]) -> None:
    """End what is asked, and leave the output that stays."""
    with held():
        answer = asking.partial("interrupted")  # which changes nothing when it has ended
        if asking.only_failed:
            painter.withdraw()
        else:
            keep(answer)
            painter.finish(answer)


class NoPainter:
    """Shows nothing."""

    def rest(self) -> float:
        """Nothing is painted, so only the end matters."""
        return 5.0

    def take(self, batch: list[Any]) -> None:
        """Ignore it."""

    def finish(self, answer: Any) -> None:
        """Leave nothing."""

    def withdraw(self) -> None:
        """Nothing was shown."""
