"""
Jobs done by an executor of the caller's: other processes, other machines.

    here    Batch(jobs) --pickle--> executor.submit(answered, batch)
    there   answered: a Session of the worker's own --> Gathering --> replies as JSON --> here

What travels is names of targets, prompts and options. A worker opens each connection by its name, from its own saved
ones or its own environment; no key is ever sent.
"""

from __future__ import annotations

import sys
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xiantong_nb import archive, loop
from xiantong_nb.chats import Origin
from xiantong_nb.errors import XiantongError
from xiantong_nb.gathering import Ended, Gathering, Job
from xiantong_nb.question import Question
from xiantong_nb.reply import Reply
from xiantong_nb.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from xiantong_nb.lane import Lane
    from xiantong_nb.session import Ready

_IN_A_BATCH = 16  # jobs: what a lost worker loses at most

_own: list[Session] = []


@dataclass(frozen=True, slots=True)
class Batch:
    """Some jobs for one worker, and how many of them a connection is to be asked at once."""

    jobs: tuple[Job, ...]
    at_once: int


def maker(session: Session, ready: Ready) -> Callable[[Job], Lane]:
    """Return what makes a lane of a job to one of the targets that are `ready`."""
    targets, askable, keys = ready
    by_name = {str(target): target for target in targets}

    def make(job: Job) -> Lane:
        question = Question(job.prompt, job.options, Origin(), {})
        (lane,) = session.lanes(question, ([by_name[job.target]], askable, keys), session.used.add, alone=False)
        return lane

    return make


def answered(batch: Batch) -> tuple[float, list[tuple[dict[str, Any], dict[str, str] | None]]]:
    """Ask a batch in the worker; returns how long was waited, and of each job a reply and an error as JSON has them."""
    if not _own:
        _own.append(Session())  # kept for the next batch: its connections are warm
    session = _own[0]
    ended: dict[int, Ended] = {}
    makers: dict[str, Callable[[Job], Lane]] = {}

    def make(job: Job) -> Lane:
        if job.target not in makers:
            makers[job.target] = _opened(session, job.target)
        return makers[job.target](job)

    gathering = Gathering(make, batch.at_once)
    gathering.begin(batch.jobs)
    while gathering.busy:
        ended |= {each.job.id: each for each in gathering.ended()}
    told = [ended[job.id] for job in batch.jobs]
    written = [(archive.reply_out(each.reply), archive.error_out(each.error) if each.error else None) for each in told]
    return gathering.waited, written


def _opened(session: Session, target: str) -> Callable[[Job], Lane]:
    """Return what makes lanes to a target by the name it had elsewhere; raises where it can't be opened here."""
    ready = session.ready([target])
    made, named = maker(session, ready), str(ready[0][0])
    return made if named == target else lambda job: made(replace(job, target=named))


class Elsewhere:
    """
    Jobs under way in an executor's workers; the same calls as a Gathering, in batches.

    The executor decides how many batches go at once; each worker minds the limits of a connection for itself.
    """

    def __init__(self, executor: Executor, at_once: int) -> None:
        self.waited = 0.0
        self._executor = executor
        self._at_once = at_once
        self._under_way: dict[Future[Any], Batch] = {}

    def room(self, _: str) -> int:
        """Return more than there are: the executor has a queue of its own."""
        return sys.maxsize

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._under_way)

    def begin(self, jobs: Sequence[Job]) -> None:
        """Submit them."""
        for at in range(0, len(jobs), _IN_A_BATCH):
            batch = Batch(tuple(jobs[at : at + _IN_A_BATCH]), self._at_once)
            self._under_way[self._executor.submit(answered, batch)] = batch

    def ended(self) -> list[Ended]:
        """Return what has ended; nothing where a quarter of a second brings none."""
        done = wait(self._under_way, loop.STEP, FIRST_COMPLETED).done if self._under_way else ()
        return [each for future in done for each in self._read(future, self._under_way.pop(future))]

    def stop(self, _: str) -> list[Ended]:
        """Take back what no worker has begun. What one has goes on to the end of its batch, and is not waited for."""
        for future in self._under_way:
            future.cancel()
        ended = [
            each for future, batch in self._under_way.items() if future.done() and not future.cancelled()
            for each in self._read(future, batch)
        ]  # fmt: skip
        self._under_way.clear()
        return ended

    def _read(self, future: Future[Any], batch: Batch) -> list[Ended]:
        try:
            waited, told = future.result()
            self.waited += waited
            return [
                Ended(job, archive.reply_in(reply), archive.error_in(error))
                for job, (reply, error) in zip(batch.jobs, told, strict=True)
            ]
        except (Exception, CancelledError) as failed:  # noqa: BLE001  # whatever an executor, or its worker, fails with
            name = type(failed).__name__
            msg = f"A worker of the executor failed ({name}: {failed})."
            hint = "Workers need this package and the connection, saved or in their environment. Then ask again."
            error = XiantongError(msg, hint=hint)
            return [Ended(job, Reply(ended=error.message), error) for job in batch.jobs]
