"""
Many prompts by many targets: what is missing is asked, what comes is kept, scored and counted.

    prompts x targets x repeats --Ledger--> kept already, or a Job --Gathering or Elsewhere--> Reply --> Ledger
        --> scorer, or another Job for the judge --> Cell --> Results

All but the questions themselves happens in the caller's thread, and so does every paint.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import Counter, deque
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from xiantong_nb import archive, content
from xiantong_nb.elsewhere import Elsewhere, maker
from xiantong_nb.errors import UsageError
from xiantong_nb.gathering import AT_ONCE, Ended, Gathering, Job
from xiantong_nb.interrupts import held, one_interrupt
from xiantong_nb.ledger import Ledger
from xiantong_nb.options import Options
from xiantong_nb.prices import usd
from xiantong_nb.progress import Progress
from xiantong_nb.question import refuse_keys
from xiantong_nb.results import Cell, Results
from xiantong_nb.scoring import JUDGE_PROMPT, Judge, NoScore, Scorer, scored, verdict
from xiantong_nb.spending import Spending

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Executor

    from xiantong_nb.prompts import Prompt
    from xiantong_nb.reply import Reply
    from xiantong_nb.request import Request
    from xiantong_nb.session import Session


@dataclass(frozen=True, slots=True)
class Terms:
    """How a table is made, in the words of `compare`. Raises `UsageError` for what can't be."""

    repeat: int = 1
    concurrency: int | None = None
    keep: str | os.PathLike[str] | None = None
    score: Scorer | str | None = None
    judge_prompt: str | None = None
    executor: Executor | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        at_once = AT_ONCE if self.concurrency is None else self.concurrency
        for name, count in (("repeat", self.repeat), ("concurrency", at_once)):
            if not (isinstance(count, int) and count >= 1):
                raise UsageError(f"{name} must be a whole number from 1, not {count!r}.")
        score: object = self.score
        if not (score is None or callable(score) or isinstance(score, str)):
            raise UsageError(f"score is a function of prompt and reply, or a target, not {type(score).__name__}.")
        if not (self.executor is None or callable(getattr(self.executor, "submit", None))):
            msg = f"executor is one of concurrent.futures' kind, with submit(), not {type(self.executor).__name__}."
            raise UsageError(msg)
        if self.keep is not None and not isinstance(self.keep, str | os.PathLike):
            raise UsageError(f"keep is the path of a file, not {type(self.keep).__name__}.")
        if self.judge_prompt is not None and not isinstance(self.score, str):
            raise UsageError("judge_prompt goes with a judge.", hint="Name its target: score=TARGET")


class Tabling:
    """
    A table being made: `run()` makes it.

    A job's id is its cell's place, or for the judge's question about a cell, as much higher as there are cells.
    """

    def __init__(
        self, session: Session, prompts: Sequence[Prompt], targets: Sequence[str], options: Options, terms: Terms
    ) -> None:
        if not targets:
            raise UsageError("There is no target to ask.", hint="Name the targets, as a list.")
        self._session, self._options, self._terms = session, options, terms
        judge = [terms.score] if isinstance(terms.score, str) else []
        ready = session.ready([*targets, *judge])
        self._targets = {str(target): target for target in ready[0]}
        names = [str(target) for target in ready[0]]
        self._judge = Judge(names.pop(), terms.judge_prompt or JUDGE_PROMPT) if judge else None
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise UsageError(f"{twice[0]} is named twice.", hint="repeat=2 asks every target twice.")
        if terms.executor is not None and options.schema:
            msg = "A schema can't be sent to an executor's workers."
            raise UsageError(msg, hint="Ask without it, or without executor=, which keeps a table in this process.")
        for text in {content.said(content.typed(prompts[0].text), options), *(prompt.text for prompt in prompts)}:
            refuse_keys(text, ready[2])
        self._cells = [
            Cell(row, prompt.text, name, again, values=dict(prompt.values))
            for row, prompt in enumerate(prompts)
            for name in names
            for again in range(terms.repeat)
        ]
        at_once = terms.concurrency or AT_ONCE
        self._way = (
            Elsewhere(terms.executor, at_once)
            if terms.executor is not None
            else Gathering(maker(session, ready), at_once)
        )
        self._spending = None if options.budget is None else Spending(options.budget, session.lists.deciding)
        self._ledger: Ledger | None = None
        self._waiting: dict[str, deque[Job]] = {}
        self._keys: dict[int, str] = {}
        self._counts: Counter[str] = Counter()
        self._arrived: deque[Ended] = deque()
        self._done: list[Cell] = []
        self._notes: list[str] = []

    def run(self) -> Results:
        """
        Ask what is missing, and return all; an interrupt stops everything, and `session.last` is what came.

        Raises `StoreError` for a file that can't be used, and `UsageError` for a budget without prices, before
        anything is sent.
        """
        with one_interrupt(), contextlib.ExitStack() as stack:
            if self._terms.keep is not None:
                self._ledger = stack.enter_context(Ledger(self._terms.keep))
                self._notes += self._ledger.notes
            for at, cell in enumerate(self._cells):
                self._queue(Job(at, cell.target, cell.prompt, self._options))
            if self._ledger and (kept := sum(cell.reply is not None for cell in self._cells)):
                self._notes.append(f"{kept:,} answers were in {self._ledger.path.name}")
            self._estimate()
            progress = stack.enter_context(Progress(len(self._cells), shown=self._terms.progress))
            progress.begin_with(len(self._done))
            progress.say(self._notes)
            self._done.clear()
            try:
                self._ask(progress)
            except BaseException:
                with held():
                    came = self._way.stop("interrupted")
                self._take(came)
                raise
            finally:
                progress.take([cell for cell in self._done if cell.reply and cell.reply.complete], self._way.waited)
                self._session.last = made = self._made()
        return made

    def _queue(self, job: Job) -> None:
        """Queue a question, unless its answer is kept: then take that."""
        same = self._digest(job)
        self._keys[job.id] = key = f"{same}-{self._counts[same]}"
        self._counts[same] += 1
        if (kept := self._kept(key, job.options)) is not None:
            self._fill(Ended(job, kept))
            return
        waiting = self._waiting.setdefault(job.connection, deque())
        if self._is_judging(job):  # what has been paid for gets its score first
            waiting.appendleft(job)
        else:
            waiting.append(job)

    def _kept(self, key: str, options: Options) -> Reply | None:
        """Return the kept answer; None where there is none, or what stands there is no reply."""
        if self._ledger is None or key not in self._ledger.kept:
            return None
        try:
            reply = archive.reply_in(self._ledger.kept[key]["reply"])
        except (ValueError, TypeError, KeyError):
            del self._ledger.kept[key]  # the next one is kept
            return None
        # what a schema made of the answer may be no JSON, so it is made again
        return replace(reply, data=options.schema.data(reply)[0]) if options.schema else reply

    def _ask(self, progress: Progress) -> None:
        """Go on until nothing is left, or the budget allows no more."""
        while True:
            self._begin()
            if not self._way.busy:
                return
            self._take(self._way.ended())
            done, self._done = self._done, []
            progress.take(done, self._way.waited)

    def _begin(self) -> None:
        """Send what there is room and money for; no connection waits for another."""
        jobs = []
        for connection, waiting in self._waiting.items():
            for _ in range(min(self._way.room(connection), len(waiting))):
                job = waiting[0]
                if self._spending and not self._spending.allows(job.id, self._most(job)):
                    break
                jobs.append(waiting.popleft())
        if jobs:
            self._way.begin(jobs)

    def _take(self, ended: Iterable[Ended]) -> None:
        """
        Keep whole answers, then put what has ended into its cells: on the disk first, so that what counts stays.

        What an interrupt leaves of it is done at the next call.
        """
        self._arrived.extend(ended)
        if self._ledger:
            whole = [each for each in self._arrived if each.reply.complete]
            self._ledger.add({self._keys[each.job.id]: {"reply": archive.reply_out(each.reply)} for each in whole})
        while self._arrived:
            each = self._arrived[0]
            if self._spending:
                self._spending.settle(each.job.id, each.reply)
            if self._terms.executor is not None and (each.reply.complete or each.reply.blocks):
                self._session.used.add(each.reply)  # what is asked here counts itself
            self._fill(each)
            self._arrived.popleft()

    def _fill(self, ended: Ended) -> None:
        """Put an answer, or a judge's, into its cell."""
        job, reply, error = ended.job, ended.reply, ended.error
        at = job.id % len(self._cells)
        cell = self._cells[at]
        try:
            if self._is_judging(job):
                cell = replace(cell, verdict=reply.text)
                cell = replace(cell, score=_judged(ended))
            else:
                cell = replace(cell, reply=reply, error=error)
                if reply.complete and self._judge:
                    self._cells[at] = cell
                    self._queue(self._asking_judge(at))
                    return
                if reply.complete and callable(self._terms.score):
                    cell = replace(cell, score=scored(self._terms.score, cell.prompt, reply))
        except NoScore as none:
            cell = replace(cell, unscored=str(none))
        self._cells[at] = cell
        self._done.append(cell)

    def _is_judging(self, job: Job) -> bool:
        return job.id >= len(self._cells)

    def _asking_judge(self, at: int, answer: str | None = None) -> Job:
        """Return the question about a cell's answer, or about one that it might have."""
        cell, judge = self._cells[at], self._judge
        if judge is None:
            raise UsageError("There is no judge.")
        text = cell.reply.text if answer is None and cell.reply else answer or ""
        options = Options(alone=True, budget=self._options.budget)
        return Job(at + len(self._cells), judge.target, judge.question(cell.prompt, text), options)

    def _most(self, job: Job) -> float:
        """Return what a question could cost at most, in USD."""
        if self._spending is None:
            return 0.0
        times = 2 if job.options.schema else 1
        return self._spending.most(self._request(job), self._targets[job.target], times)

    def _request(self, job: Job) -> Request:
        """Return what would be sent."""
        asked = content.message(content.typed(job.prompt), job.options)
        return content.request(self._targets[job.target], (), asked, job.options)

    def _digest(self, job: Job) -> str:
        """Return the name of a request: all that is asked, nothing of how it is authenticated, or of a budget."""
        request = self._request(replace(job, options=replace(job.options, budget=None)))
        asked = [job.target, asdict(request), job.options.schema.schema if job.options.schema else None]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]

    def _estimate(self) -> None:
        """Say what all that is missing could cost at most, where there is a budget."""
        if self._spending is None:
            return
        jobs = [job for waiting in self._waiting.values() for job in waiting]
        if self._judge:
            longest = "x" * _LONGEST * (self._options.max_tokens or 0)
            jobs += [self._asking_judge(job.id, longest) for job in jobs if not self._is_judging(job)]
        if jobs:
            self._notes.append(self._spending.estimate(sum(map(self._most, jobs)), len(jobs)))

    def _made(self) -> Results:
        """Return what there is."""
        notes = list(self._notes)
        if self._way.waited:
            notes.append(f"endpoints made questions wait {self._way.waited:,.0f} s in all")
        left = sum(map(len, self._waiting.values()))
        if left and self._spending:
            notes.append(f"{left:,} questions were not asked: the budget of {usd(self._spending.budget)} ends there")
        return Results(tuple(self._cells), tuple(notes), self._judge)


_LONGEST = 2  # characters a token, as prices count them: how long an answer may be that a judge is to read


def _judged(ended: Ended) -> bool | float | str:
    if not ended.reply.complete:
        why = ended.error.message if ended.error else "its answer broke off"
        msg = f"the judge gave none: {why}"
        raise NoScore(msg)
    return verdict(ended.reply.text)
