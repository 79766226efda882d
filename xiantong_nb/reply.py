"""The answer as a value: a fold that takes events as they come, and the frozen Reply it ends in."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from xiantong_nb import safe
from xiantong_nb.errors import IncompleteReply
from xiantong_nb.events import (
    Again,
    Answered,
    BlockStop,
    Citation,
    Event,
    Finished,
    OpaqueBlock,
    Signature,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    Usage,
    UsageUpdate,
    Waiting,
)
from xiantong_nb.request import Block, Opaque, Redacted, Text, Thinking, ToolUse

if TYPE_CHECKING:
    from xiantong_nb.errors import XiantongError
    from xiantong_nb.secret import Secret


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """
    What a model answered; displays as Markdown.

    - `complete` is true only when the endpoint's own end of the reply was seen; otherwise `ended` says what ended it.
      `stop_reason` is the endpoint's word for why it stopped, `stop_sequence` the text that stopped it.
    - `blocks` are its parts in their order; `.text`, `.thinking`, `.code`, `.tool_calls` are read from them.
    - `model` and `connection` are what answered, `parameters` what was sent beside the question, never the key.
    - `seconds` and `first_token_seconds` are in s from sending, the second None where no word came.
    - `usage` counts tokens, each None where the endpoint did not say. `cost` is in USD, None where the price is not
      known; `cost_source` says whose figure it is.
    - `data` is what a schema made of the answer; `unfit` is why it made nothing.
    - `request_id` is the endpoint's, for its support; `citations` are sources as it sent them.
    - `reused` is when a stored reply came, in s since 1970; `notes` are what the footer says besides.
    """

    blocks: tuple[Block, ...] = ()
    complete: bool = False
    model: str = ""
    connection: str = ""
    usage: Usage = field(default_factory=Usage)
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_detail: str | None = None
    ended: str = ""
    request_id: str | None = None
    message_id: str = ""
    seconds: float = 0.0
    first_token_seconds: float | None = None
    cost: float | None = None
    cost_source: str = ""
    citations: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    ignored_events: int = 0
    parameters: dict[str, Any] = field(default_factory=dict, hash=False)
    notes: tuple[str, ...] = ()
    data: Any = field(default=None, hash=False)
    unfit: str = ""
    reused: float | None = None

    @property
    def text(self) -> str:
        """The answer's text, exactly as it came. It is not filtered: show it through the Reply itself."""
        return "".join(b.text for b in self.blocks if isinstance(b, Text))

    @property
    def thinking(self) -> str:
        """What the model thought, as far as it was shown."""
        return "\n\n".join(b.text for b in self.blocks if isinstance(b, Thinking) and b.text)

    @property
    def tokens_per_second(self) -> float | None:
        """How fast it was written, from the first word to the end; None where figures lack or it came in one piece."""
        written = self.usage.output_tokens if self.complete else None  # before the end it is only a placeholder
        time = self.seconds - (self.first_token_seconds or self.seconds)
        return written / time if written and time >= _ONE_PIECE else None

    @property
    def tool_calls(self) -> tuple[ToolUse, ...]:
        """The tools that the model wants called; nothing here calls them."""
        return tuple(b for b in self.blocks if isinstance(b, ToolUse))

    @property
    def code(self) -> str:
        """The first fenced code block's text, or nothing."""
        return next((code for _, code in self.code_blocks), "")

    @property
    def code_blocks(self) -> tuple[tuple[str, str], ...]:
        """Every fenced code block as (language, text)."""
        return tuple(
            (
                next(iter(m["info"].split()), ""),
                re.sub(f"^ {{0,{len(m['indent'])}}}", "", m["code"], flags=re.MULTILINE),
            )
            for m in _FENCE.finditer(self.text)
        )

    def without(self, key: Secret) -> Reply:
        """Return it with the key masked in its parts, where an endpoint has written it there in pieces."""

        def masked(block: Block) -> Block:
            match block:
                case Text(text) if key.is_in(text):
                    return Text(key.masked_in(text))
                case Thinking(text, signature) if key.is_in(text):
                    return Thinking(key.masked_in(text), signature)
                case ToolUse(id_, name, arguments) if key.is_in(arguments):
                    return ToolUse(id_, name, key.masked_in(arguments))
            return block

        return replace(self, blocks=tuple(map(masked, self.blocks)))

    def __repr__(self) -> str:
        state = "" if self.complete else f", incomplete: {self.ended or 'still coming'}"
        shown = textwrap.shorten(self.text[:_SHOWN], _SHOWN // 10, placeholder=" …")
        told = f"<Reply of {self.connection}:{self.model}, {len(self.text)} characters{state}: {shown!r}>"
        return safe.terminal("".join(c if c.isprintable() else " " for c in told))

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        from xiantong_nb.bundle import bundle

        return bundle(self)


_SHOWN = 600
_ONE_PIECE = 0.001  # seconds

# CommonMark 4.5: the closing fence is of the same character and at least as long; the end of the text closes
# too; lines lose as much indentation as the opening fence has
_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>(?P<mark>[`~])(?P=mark){2,})(?P<info>[^`\n]*)\n"
    r"(?P<code>.*?)(?:^ *(?P=fence)(?P=mark)*[ \t\r]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(slots=True)
class _Open:
    """A block that is still coming."""

    kind: str
    parts: list[str] = field(default_factory=list)
    id: str = ""
    name: str = ""
    mark: str = ""

    def block(self) -> Block:
        text = "".join(self.parts)
        match self.kind:
            case "text":
                return Text(text)
            case "thinking":
                return Thinking(text, self.mark)
            case "redacted":
                return Redacted(self.mark)
            case "tool":
                return ToolUse(self.id, self.name, text or "{}")
        return Opaque(self.name, text)


class Fold:
    """
    Adds events up. Blocks are kept by index and kind, since several may be open at once.

    How the text was cut into deltas leaves no trace in the result. The first end counts, and nothing after it.
    """

    def __init__(self) -> None:
        self.finished: Finished | None = None
        self.again: tuple[str, ...] = ()
        """Why what came at first does not count, or does after all."""
        self._spent = Usage()
        self._first: tuple[dict[tuple[int, str], _Open], list[dict[str, Any]], dict[str, Any], Finished] | None = None
        self._begin()

    def _begin(self) -> None:
        self._blocks: dict[tuple[int, str], _Open] = {}
        self._citations: list[dict[str, Any]] = []
        self._usage = Usage()
        self._told: dict[str, Any] = {}

    @property
    def has_content(self) -> bool:
        """Whether anything of an answer has come that can be shown."""
        return any(b.parts or b.name for b in self._blocks.values())

    @property
    def error(self) -> XiantongError | None:
        """What ended the stream early, once it has ended."""
        return self.finished.error if self.finished else None

    def add(self, event: Event) -> None:
        """Take one event."""
        if self.finished is not None:
            return
        match event:
            case TextDelta():
                self._at(event.index, "text").parts.append(event.text)
            case ThinkingDelta():
                self._at(event.index, "thinking").parts.append(event.text)
            case Signature(index, data, redacted):
                self._at(index, "redacted" if redacted else "thinking").mark += data
            case ToolDelta(index, id_, name, arguments) if id_ or name or (index, "tool") in self._blocks:
                # else: the input of a tool that the endpoint ran itself, whose block is only carried
                tool = self._at(index, "tool")
                tool.id, tool.name = tool.id or id_, tool.name or name
                if arguments:
                    tool.parts.append(arguments)
            case OpaqueBlock(index, kind, json):
                opaque = self._at(index, "opaque")
                opaque.name, opaque.parts = kind, [json]
            case Citation(_, source):
                self._citations.append(source)
            case UsageUpdate(usage):
                self._usage = self._usage.updated(usage)
            case Answered(request_id):
                self._told["request_id"] = request_id
            case Started(model, message_id):
                self._told |= {"model": model, "message_id": message_id}
            case Again(reason, ended):
                self.again += (reason,)
                self._spent = self._spent.plus(self._usage)
                if ended is not None:
                    self._first = self._blocks, self._citations, self._told, ended
                self._begin()
            case Waiting():
                self._begin()
            case Finished():
                self.finished = self._end(event)
            case ToolDelta() | BlockStop():
                pass

    def reply(self, **also: Any) -> Reply:
        """Return what has come so far as a value; `also` are the fields that no event tells."""
        end = self.finished or Finished(complete=False)
        fields = {
            "blocks": tuple(block.block() for _, block in sorted(self._blocks.items(), key=lambda kept: kept[0][0])),
            "citations": tuple(self._citations),
            "usage": self._spent.plus(self._usage),
            "complete": end.complete,
            "stop_reason": end.stop_reason,
            "stop_sequence": end.stop_sequence,
            "stop_detail": end.detail,
            "ended": end.error.message if end.error else "",
            "ignored_events": end.ignored,
        }
        return Reply(**(self._told | fields | also))

    def _end(self, end: Finished) -> Finished:
        """
        Return the end; of a repeat that has failed without a word, that of the answer before it, which was paid.

        What was interrupted, or cut, stays so: it may have cost more, and was not refused; the answer is shown.
        """
        if end.error is None or self._first is None or self.has_content:
            return end
        self.again += (f"that failed ({end.error.message.rstrip('.')}): the first answer stands",)
        self._blocks, self._citations, self._told, ended = self._first
        return end if isinstance(end.error, IncompleteReply) else ended

    def _at(self, index: int, kind: str) -> _Open:
        block = self._blocks.get((index, kind))
        if block is None:
            block = self._blocks[index, kind] = _Open(kind)
        return block
