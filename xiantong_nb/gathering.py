"""Questions by the hundred under way at once, each connection asked as often as it bears, read from one queue."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xiantong_nb import loop
from xiantong_nb.errors import Busy, EngineError, KeyRefused, OutOfCredit, XiantongError, bare
from xiantong_nb.events import Event, Finished, Waiting
from xiantong_nb.failures import MAX_WAIT
from xiantong_nb.gate import Gate
from xiantong_nb.interrupts import held
from xiantong_nb.options import Options
from xiantong_nb.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from xiantong_nb.lane import Lane

AT_ONCE = 4
"""Questions at once to one connection, unless said."""

_ROUNDS = 5  # how often a question goes out that an endpoint is too busy for, each with the retries of any question
_REST = 0.02  # seconds between two looks: being woken by every word would cost more than the words
_AHEAD = 2  # for each question under way, how many more wait for their turn: the reader may be scoring
_PAUSE = 1.0  # seconds, where an endpoint does not say for how long it is too busy


@dataclass(frozen=True, slots=True)
class Job:
    """
    One thing to ask, alone: it can be pickled, and holds no key.

    `target` is `connection:model`. `id` is the asker's name for it.
    """

    id: int
    target: str
    prompt: str
    options: Options = field(default_factory=Options)

    @property
    def connection(self) -> str:
        """The slug of what is asked."""
        return self.target.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a job: a reply, empty where it failed, and why it failed or broke off."""

    job: Job
    reply: Reply
    error: XiantongError | None = None


class Gathering:
    """
    Jobs under way in this process; `make` makes a lane of one, and may refuse it by raising.

    Nothing waits for the whole: `ended()` gives what has ended, and meanwhile others begin. What an endpoint is too
    busy for goes to the end of the queue, up to five times. One that refuses the key, or has no credit left, is not
    asked again, nor is an engine started again that can't be.
    """

    def __init__(self, make: Callable[[Job], Lane], at_once: int = AT_ONCE) -> None:
        self.waited = 0.0
        """For how many seconds endpoints have made questions wait, all together."""
        self._make = make
        self._at_once = at_once
        self._gates: dict[str, Gate] = {}
        self._feed: loop.Feed[tuple[Lane, Event]] = loop.Feed()
        self._under_way: dict[Lane, Job] = {}
        self._rounds: dict[int, int] = {}
        self._refused: dict[str, XiantongError] = {}
        self._ended: deque[Ended] = deque()
        self._stopped = False

    def room(self, connection: str) -> int:
        """Return how many more jobs for this connection would soon have their turn."""
        mine = sum(job.connection == connection for job in self._under_way.values())
        return max(self._at_once * _AHEAD - mine, 0)

    @property
    def busy(self) -> bool:
        """Whether anything is under way, or has ended and was not given yet."""
        return bool(self._under_way or self._ended)

    def begin(self, jobs: Sequence[Job]) -> None:
        """Send them, each in its turn."""
        for job in jobs:
            error = self._refused.get(job.connection)
            if error is None:
                try:
                    lane = self._make(job)
                except XiantongError as refused:
                    error = bare(refused)
                    if isinstance(error, EngineError):
                        self._refused[job.connection] = error
                else:
                    self._under_way[lane] = job  # first: an interrupt from here on must find it
                    lane.begin(self._put, self._gates.setdefault(lane.target.connection.slug, Gate(self._at_once)))
            if error is not None:
                self._ended.append(Ended(job, Reply(ended=error.message), error))

    def ended(self) -> Iterator[Ended]:
        """
        Give what has ended, after a moment's wait; nothing, a quarter of a second later, where nothing came.

        Each leaves as it is taken, so that an interrupt in between loses none.
        """
        if self._under_way and not self._ended:
            self._feed.rest(_REST)
            self._feed.wait()
        with held():  # else it would lose what has left the queue
            self._take(self._feed.get())
        self._end_those_read()
        return map(deque.popleft, itertools.repeat(self._ended, len(self._ended)))

    def stop(self, why: str) -> list[Ended]:
        """End everything here and now; return what had come of those that had gone out."""
        self._stopped = True
        came = self._feed.get()  # not the ends that stopping brings
        for gate in self._gates.values():  # first of all, or those that wait would take the turns of those that end
            loop.running().call_soon_threadsafe(gate.close)
        for lane in self._under_way:
            lane.stop()  # before anything that takes time: the models write on meanwhile
        self._take(came)
        self._end_those_read()
        sent = [(lane, job) for lane, job in self._under_way.items() if lane.sent]
        self._under_way.clear()
        return [*self._ended, *(Ended(job, lane.end(why), lane.error) for lane, job in sent)]

    def _take(self, came: Iterable[tuple[Lane, Event]]) -> None:
        for lane, event in came:
            if lane in self._under_way:
                lane.take(event)

    def _end_those_read(self) -> None:
        for lane, reply in [(lane, lane.reply) for lane in self._under_way if lane.reply is not None]:
            self._end(lane, reply)

    def _end(self, lane: Lane, reply: Reply) -> None:
        """Take a lane that has ended for what came of its job, or send that again."""
        job, error = self._under_way[lane], lane.error
        if lane.only_failed and isinstance(error, KeyRefused | OutOfCredit):
            self._refused[job.connection] = error
        again = self._rounds.get(job.id, 1) + 1
        if lane.only_failed and _worth_another_round(error) and again <= _ROUNDS and not self._stopped:
            self._rounds[job.id] = again
            del self._under_way[lane]
            self.begin([job])
            return
        with held():  # else it could be in neither place, or in both
            del self._under_way[lane]
            self._ended.append(Ended(job, reply, error))

    def _put(self, told: tuple[Lane, Event]) -> None:
        """Run on the loop: the turns of a connection go by what happens there, not by when it is read."""
        lane, event = told
        gate = self._gates[lane.target.connection.slug]
        if isinstance(event, Waiting):
            self.waited += event.seconds
            gate.busy(event.seconds)
        elif isinstance(event, Finished):
            if event.complete:
                gate.answered()
            elif _worth_another_round(event.error):
                pause = getattr(event.error, "retry_after", None) or _PAUSE
                self.waited += pause
                gate.busy(pause)
        self._feed.put(told)


def _worth_another_round(error: XiantongError | None) -> bool:
    """Whether an endpoint was only busy, and does not want to be left alone for longer than anyone waits."""
    return isinstance(error, Busy) and error.should_retry is not False and (error.retry_after or 0) <= MAX_WAIT
