"""
What a stream says, in no provider's words: the vocabulary both wires decode to.

Deltas come by the thousand, so they are Structs, which are made in a fifth of the time of a frozen dataclass.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from xiantong_nb.errors import XiantongError


@dataclass(frozen=True, slots=True)
class Usage:
    """
    Tokens of one reply; None where the endpoint did not say.

    `input_tokens` excludes what was read from or written to the prompt cache; the three add up to what was
    sent. `cost` is the endpoint's own figure in USD.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    thinking_tokens: int | None = None
    cost: float | None = None

    def updated(self, newer: Usage) -> Usage:
        """Return these figures overwritten by those that `newer` has: the wire's figures are cumulative."""
        told = {f.name: v for f in fields(newer) if (v := getattr(newer, f.name)) is not None}
        return replace(self, **told)

    def plus(self, other: Usage) -> Usage:
        """Return both together, as for a question that went out twice."""
        told = {f.name: (getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        return Usage(**{n: b if a is None else a if b is None else a + b for n, (a, b) in told.items()})

    @property
    def sent_tokens(self) -> int | None:
        """Everything that was sent: fresh, read from the cache and written to it."""
        if self.input_tokens is None:
            return None
        return self.input_tokens + (self.cache_read_tokens or 0) + (self.cache_write_tokens or 0)


def about_tokens(characters: int) -> int:
    """Return roughly how many tokens a text has, by the rule of thumb for English; shown as "about"."""
    return characters // 4


@dataclass(frozen=True, slots=True)
class Waiting:
    """
    Nothing was shown yet, the endpoint is busy: the request goes out again in `seconds`.

    What the stream told before, such as token figures, is void.
    """

    seconds: float
    reason: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Again:
    """
    What came does not count, for this `reason`: the question goes out once more. Its tokens were spent.

    `ended` is the end of a whole answer: that stands after all where the next one does not begin.
    """

    reason: str
    ended: Finished | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The endpoint accepted the request: its headers are here. `request_id` is its name for it."""

    request_id: str | None


@dataclass(frozen=True, slots=True)
class Started:
    """The reply begins. `model` is what the endpoint says answers."""

    model: str
    message_id: str


class TextDelta(msgspec.Struct, frozen=True):
    """More text of the block `index`."""

    index: int
    text: str


class ThinkingDelta(msgspec.Struct, frozen=True):
    """More reasoning of the block `index`."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class Signature:
    """The proof of a reasoning block; `redacted` when it stands in place of the reasoning."""

    index: int
    data: str
    redacted: bool = False


class ToolDelta(msgspec.Struct, frozen=True):
    """A tool call begins (`id` and `name`) or goes on (`arguments`, a piece of JSON text)."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """A source the text of block `index` rests on, as the endpoint described it."""

    index: int
    source: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OpaqueBlock:
    """A block of a kind that is only carried, such as the result of a tool the endpoint ran itself."""

    index: int
    kind: str
    json: str


@dataclass(frozen=True, slots=True)
class BlockStop:
    """Block `index` is complete. Blocks may overlap: another one may have begun before."""

    index: int


@dataclass(frozen=True, slots=True)
class UsageUpdate:
    """Cumulative token figures: what is told overwrites what was told before."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Finished:
    """
    The last event of every stream.

    `complete` only when the wire's own end was seen. Otherwise `error` says why the stream ended, and what
    came before it stands. `ignored` counts events this package does not know.
    """

    complete: bool
    stop_reason: str | None = None
    stop_sequence: str | None = None
    detail: str | None = None
    error: XiantongError | None = None
    ignored: int = 0


Event = (
    Waiting
    | Again
    | Answered
    | Started
    | TextDelta
    | ThinkingDelta
    | Signature
    | ToolDelta
    | Citation
    | OpaqueBlock
    | BlockStop
    | UsageUpdate
    | Finished
)
