"""The same question's answers side by side, as one value."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from xiantong_nb import archive, safe
from xiantong_nb.difference import Difference
from xiantong_nb.errors import IncompleteReply, UsageError, XiantongError
from xiantong_nb.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from xiantong_nb.reply import Reply

    GoesOn = Callable[[int, str], str]


@dataclass(frozen=True, slots=True)
class LaneResult:
    """
    What came of one lane.

    `label` is its target as `connection:model`; `names` are what it answers to besides: as it was typed, its model.
    The same target's second lane is `…#2` by every name. A lane that failed has a Reply too, empty and incomplete;
    `error` says why, as it does of one that broke off.
    """

    label: str
    names: tuple[str, ...]
    reply: Reply
    error: XiantongError | None = field(default=None, compare=False)

    @property
    def state(self) -> str:
        """One word: complete, incomplete or failed."""
        if self.reply.complete:
            return "complete"
        broke_off = self.reply.blocks or self.error is None or isinstance(self.error, IncompleteReply)
        return "incomplete" if broke_off else "failed"


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """
    What several targets answered to one question; displays as columns.

    Iterate over its replies, in the order of the line, or take one by its target or its number:
    `comparison["sonnet"]`, `comparison[0]`. `labels` are their names, `errors` say why lanes failed or broke off. Where
    a reply is empty, its lane failed.
    """

    prompt: str
    lanes: tuple[LaneResult, ...]
    notes: tuple[str, ...] = ()
    goes_on: GoesOn | None = field(default=None, compare=False)

    def __len__(self) -> int:
        return len(self.lanes)

    def __iter__(self) -> Iterator[Reply]:
        return (lane.reply for lane in self.lanes)

    def __getitem__(self, which: str | int) -> Reply:
        return self.lanes[self._index(which)].reply

    @property
    def labels(self) -> tuple[str, ...]:
        """The lanes' targets as `connection:model`, in their order."""
        return tuple(lane.label for lane in self.lanes)

    @property
    def complete(self) -> bool:
        """Whether every lane has a whole answer."""
        return all(reply.complete for reply in self)

    @property
    def errors(self) -> dict[str, XiantongError]:
        """Why lanes failed or broke off, by label."""
        return {lane.label: lane.error for lane in self.lanes if lane.error is not None}

    @property
    def fastest(self) -> Reply | None:
        """The whole answer that was finished first; None without any."""
        return min((reply for reply in self if reply.complete), key=lambda reply: reply.seconds, default=None)

    @property
    def cheapest(self) -> Reply | None:
        """The whole answer that cost least, of those whose price is known; None without any."""
        priced = [(reply.cost, at) for at, reply in enumerate(self) if reply.complete and reply.cost is not None]
        return self.lanes[min(priced)[1]].reply if priced else None

    def rows(self) -> list[dict[str, Any]]:
        """
        Return one dict a lane: what `to_frame()` is made of.

        Times are in seconds, `cost` in USD, `sent_tokens` with what the cache had; None is what is not known.
        """
        return [
            {
                "target": lane.label,
                "model": lane.reply.model,
                "state": lane.state,
                "text": lane.reply.text,
                "first_token_seconds": lane.reply.first_token_seconds,
                "tokens_per_second": lane.reply.tokens_per_second,
                "sent_tokens": lane.reply.usage.sent_tokens,
                "output_tokens": lane.reply.usage.output_tokens if lane.reply.complete else None,
                "cost": lane.reply.cost,
                "cost_source": lane.reply.cost_source,
                "seconds": lane.reply.seconds,
                "error": lane.error.message if lane.error else "",
            }
            for lane in self.lanes
        ]

    def table(self) -> Table:
        """Return the figures without the answers, as a table that displays itself."""
        forms = {
            "target": "{}", "state": "{}", "first_token_seconds": "{:.2f}", "tokens_per_second": "{:.0f}",
            "sent_tokens": "{:,}", "output_tokens": "{:,}", "cost": "{:.3g}", "seconds": "{:.2f}",
        }  # fmt: skip
        return Table(
            ("target", "state", "first word s", "tokens/s", "tokens in", "out", "USD", "s"),
            tuple(
                tuple("" if row[name] is None else form.format(row[name]) for name, form in forms.items())
                for row in self.rows()
            ),
        )

    def to_frame(self) -> Any:
        """Return `rows()` as a pandas DataFrame; raises `UsageError` where pandas is not installed."""
        try:
            pandas = importlib.import_module("pandas")
        except ImportError:
            hint = "pip install 'xiantong-nb[frame]'. Without it, comparison.rows() is the same as a list of dicts."
            raise UsageError("A frame needs pandas, which is not installed.", hint=hint) from None
        return pandas.DataFrame(self.rows())

    def diff(self, one: str | int, other: str | int) -> Difference:
        """Return what changed, word by word, from one answer to another; it displays itself."""
        left, right = self.lanes[self._index(one)], self.lanes[self._index(other)]
        return Difference(left.label, right.label, left.reply.text, right.reply.text)

    def continue_with(self, which: str | int, chat: str = "") -> Reply:
        """
        Make one lane's answer the next turn of the chat, and return it.

        It goes to the chat that the lanes were asked with (`default` if they were asked alone), or to the one that is
        named. A second call takes back the first one's turn and what came after it. Raises `UsageError` for an answer
        that is not whole or says nothing, and for a comparison that was loaded.
        """
        at = self._index(which)
        lane = self.lanes[at]
        if not lane.reply.complete:
            raise UsageError(f"{lane.label} has no whole answer to go on from.", hint="Take another lane's.")
        if not lane.reply.text:
            raise UsageError(f"{lane.label} answered without a word to go on from.", hint="Take another lane's.")
        if self.goes_on is None:
            msg = "This comparison was loaded, so the chat it was asked in is not here."
            raise UsageError(msg, hint="Ask again, or put the answer into a question: comparison[0].text")
        name = self.goes_on(at, chat)
        return replace(lane.reply, notes=(*lane.reply.notes, f"chat {name} goes on from here"))

    def to_json(self) -> str:
        """Return it as JSON text, from which `from_json` makes an equal one."""
        lanes = [
            {
                "label": lane.label,
                "names": list(lane.names),
                "reply": archive.reply_out(lane.reply),
                "error": archive.error_out(lane.error) if lane.error else None,
            }
            for lane in self.lanes
        ]
        whole = {"xiantong_comparison": 1, "prompt": self.prompt, "notes": list(self.notes), "lanes": lanes}
        return json.dumps(whole, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Comparison:
        """Make one from what `to_json` gave; raises `UsageError` for anything else."""
        try:
            whole = msgspec.convert(json.loads(text), _Whole)
            lanes = tuple(
                LaneResult(lane.label, lane.names, archive.reply_in(lane.reply), archive.error_in(lane.error))
                for lane in whole.lanes
            )
        except (ValueError, TypeError, RecursionError) as error:
            msg = f"This is not a comparison as to_json() writes it ({type(error).__name__})."
            raise UsageError(msg, hint="Comparison.from_json() takes the whole text.") from None
        return cls(whole.prompt, lanes, whole.notes)

    def __reduce__(self) -> tuple[Callable[[str], Comparison], tuple[str]]:
        """Copy and pickle it as JSON does: a chat can't be taken along."""
        return Comparison.from_json, (self.to_json(),)

    def __repr__(self) -> str:
        failed = sum(not reply.complete for reply in self)
        told = f", {failed} not complete" if failed else ""
        return safe.terminal(f"<Comparison of {', '.join(self.labels)}{told}>")

    def _index(self, which: str | int) -> int:
        """Return a lane's place; raises `UsageError` where there is none, or several."""
        places = range(len(self.lanes))
        if isinstance(which, int):
            found = [places[which]] if -len(places) <= which < len(places) else []
        else:
            found = [at for at in places if self.lanes[at].label == which]
            found = found or [at for at in places if which in self.lanes[at].names]
        if len(found) == 1:
            return found[0]
        msg = f"There are several lanes {which!r}." if found else f"There is no lane {which!r}."
        raise UsageError(msg, hint=f"Lanes are {', '.join(self.labels)}, or numbers from 0.")

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        from xiantong_nb.grid import bundle

        return bundle(self)


class _WrittenLane(msgspec.Struct):
    label: str
    names: tuple[str, ...]
    reply: dict[str, Any]
    error: dict[str, str] | None


class _Whole(msgspec.Struct):
    """The JSON of a comparison; `xiantong_comparison` is the version of its form."""

    xiantong_comparison: Literal[1]
    prompt: str
    notes: tuple[str, ...]
    lanes: tuple[_WrittenLane, ...]
