"""
The wire `openai-completions`, inward: server-sent events become Events.

Reads OpenAI's chunks and what other servers make of them: reasoning under three names or between `<think>` and
`</think>`, token figures in any chunk, an end with or without `[DONE]`. A reply is whole when a chunk told why it
finished; a stream that ends before is cut, whatever else it held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from xiantong_nb import failures, tolerant
from xiantong_nb.errors import Unreachable, XiantongError
from xiantong_nb.events import (
    BlockStop,
    Citation,
    Event,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    Usage,
    UsageUpdate,
)
from xiantong_nb.thinking import Splitter

if TYPE_CHECKING:
    from xiantong_nb.failures import Place

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


class _Delta(msgspec.Struct):
    """What a chunk adds; a message that came whole has the same members."""

    content: Any = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: Any = None
    tool_calls: Any = None
    function_call: Any = None
    annotations: Any = None


class _Choice(msgspec.Struct):
    index: int | None = None
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    """Absent members stay empty, unknown ones are dropped, null is as good as absent."""

    id: str | None = None
    object: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


_read = msgspec.json.Decoder(_Chunk).decode


class Decoder:
    """The state of one stream: feed it events until it is `finished` or the bytes end, then ask for its `end`."""

    def __init__(self, place: Place, *, request_id: str | None = None) -> None:
        self._place = place
        self._request_id = request_id
        self._reason: str | None = None
        self._refused = False
        self._begun = False
        self._ignored = 0
        self._splitter = Splitter()
        self._halves = {TextDelta: "", ThinkingDelta: ""}
        self._index = -1  # of the block under way; this wire has no numbers of its own
        self._kind: object = None  # what that block is: text, thinking, or the tool call of this number
        self._calls: dict[int, int] = {}  # by the number of a tool call: its block
        self._call_ids: dict[str, int] = {}  # and its number, for servers that do not repeat it
        self.finished = False

    @property
    def told_all(self) -> bool:
        """Whether the answer is whole; figures, or nothing, may follow."""
        return self._reason is not None

    def feed(self, data: bytes) -> list[Event]:
        """
        Return what one event says; nothing after the end.

        Raises `XiantongError` for an error told inside the stream and for data that is no JSON of this wire.
        """
        if self.finished:
            return []
        if data.strip() == b"[DONE]":
            self.finished = True
            return []
        try:
            chunk: _Chunk | None = _read(data)
        except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors, and so is bad UTF-8
            chunk = self._mended(data)
        if chunk is None:
            self._ignored += 1
            return []
        if chunk.error is not None or chunk.object == "error" or _failed(chunk):
            raise failures.from_stream(data, self._place, request_id=self._request_id)
        return self._take(chunk)

    def left(self) -> list[Event]:
        """Return what was held back of a text that can't go on any more."""
        events: list[Event] = []
        for kind, piece in self._splitter.end():
            events += self._said(kind, piece)
        return events

    def end(self, broken: XiantongError | None = None) -> Finished:
        """Return what the end means that the bytes, or what broke them, put to the stream."""
        if self.told_all and (broken is None or isinstance(broken, Unreachable)):
            broken = None
        elif broken is None:
            broken = failures.cut(self._place, begun=self._begun)
        reason = self._reason
        if self._refused and reason == "stop":
            reason = "content_filter"
        return Finished(broken is None, _STOP_REASONS.get(reason or "", reason), error=broken, ignored=self._ignored)

    def _take(self, chunk: _Chunk) -> list[Event]:
        events: list[Event] = []
        if not self._begun and (chunk.choices or chunk.model):
            self._begun = True
            events.append(Started(tolerant.whole(chunk.model or ""), tolerant.whole(chunk.id or "")))
        if isinstance(chunk.usage, dict):
            events.append(UsageUpdate(_usage(chunk.usage)))
        for choice in chunk.choices or ():
            if choice.index:  # only one answer was asked for
                continue
            delta = choice.delta or choice.message
            if self.told_all:
                self._ignored += bool(delta and delta.content)
                continue
            if delta is not None:
                events += self._delta(delta)
            if choice.finish_reason:
                events += [*self.left(), *self._closed()]
                self._reason = tolerant.whole(choice.finish_reason)
        if not events and not chunk.choices:
            self._ignored += 1
        return events

    def _delta(self, delta: _Delta) -> list[Event]:
        events: list[Event] = []
        thought = delta.reasoning_content or delta.reasoning or _details(delta.reasoning_details)
        if thought:
            self._splitter.off()
            events += self._said(ThinkingDelta, thought)
        for said_thinking, piece in _parts(delta.content):
            for kind, text in [(ThinkingDelta, piece)] if said_thinking else self._splitter.feed(piece):
                events += self._said(kind, text)
        if delta.refusal:
            self._refused = True
            events += self._said(TextDelta, delta.refusal)
        for number, call in enumerate(tolerant.items(delta.tool_calls)):
            events += self._called(number, tolerant.members(call))
        if isinstance(delta.function_call, dict):
            events += self._called(0, {"function": delta.function_call})
        cited = [_source(told) for told in tolerant.items(delta.annotations) if isinstance(told, dict)]
        return events + [Citation(max(self._index, 0), source) for source in cited]

    def _said(self, kind: type[TextDelta | ThinkingDelta], piece: str) -> list[Event]:
        """Add text or reasoning to the block under way, or to a new one where it was of another kind."""
        piece, self._halves[kind] = tolerant.cut(self._halves[kind] + piece)
        if not piece:
            return []
        return [*self._open(kind), kind(self._index, tolerant.whole(piece))]

    def _called(self, position: int, call: dict[str, Any]) -> list[Event]:
        """Begin a tool call, or go on with it: by its number, by its id, or by its place where it has neither."""
        id_, function = tolerant.text(call.get("id")), tolerant.members(call.get("function"))
        number = tolerant.count(call.get("index"))
        if number is None:
            number = self._call_ids.setdefault(id_, len(self._calls)) if id_ else position
        given = function.get("arguments")
        arguments = given if isinstance(given, str) else msgspec.json.encode(given).decode() if given else ""
        name = tolerant.whole(tolerant.text(function.get("name")))
        if number in self._calls:
            return [ToolDelta(self._calls[number], arguments=tolerant.whole(arguments))] if arguments else []
        opened = self._open(number)
        self._calls[number] = self._index
        return [*opened, ToolDelta(self._index, tolerant.whole(id_), name, tolerant.whole(arguments))]

    def _open(self, kind: object) -> list[Event]:
        if kind == self._kind:
            return []
        closed = self._closed()
        self._index, self._kind = self._index + 1, kind
        return closed

    def _closed(self) -> list[Event]:
        if self._kind is None:
            return []
        self._kind = None
        return [BlockStop(self._index)]

    def _mended(self, data: bytes) -> _Chunk | None:
        """Read once more, with patience, what the strict decoder refused; None for JSON of another shape."""
        found = failures.json_of(data, self._place)
        try:
            return msgspec.convert(found, _Chunk)
        except (ValueError, RecursionError):
            if isinstance(found, dict) and found.get("error"):
                raise failures.from_stream(data, self._place, request_id=self._request_id) from None
            return None


def decode_whole(body: bytes, place: Place, *, request_id: str | None = None) -> tuple[list[Event], Finished]:
    """
    Return the events and the end of a reply that came in one piece, where a stream was asked for: some ignore `stream`.

    Raises the error that the body tells of, or `BadReply` for whatever else it is.
    """
    decoder = Decoder(place, request_id=request_id)
    try:
        chunk = msgspec.convert(tolerant.whole(failures.json_of(body, place)), _Chunk)
    except (ValueError, RecursionError, XiantongError):
        chunk = _Chunk()
    if chunk.error is not None or chunk.object == "error" or _failed(chunk):
        raise failures.from_stream(body, place, request_id=request_id)
    if not any(choice.message for choice in chunk.choices or ()):
        raise failures.from_response(200, {}, body, place)
    return decoder._take(chunk), decoder.end()  # noqa: SLF001  # its own module


def _failed(chunk: _Chunk) -> bool:
    return any(choice.finish_reason == "error" for choice in chunk.choices or ())


def _parts(content: object) -> list[tuple[bool, str]]:
    """Return content as pieces of (whether it is reasoning, text): most send text, Mistral lists of typed parts."""
    if isinstance(content, str):
        return [(False, content)] if content else []
    found: list[tuple[bool, str]] = []
    for part in map(tolerant.members, tolerant.items(content)):
        thoughts = tolerant.items(part.get("thinking"))
        found += [(True, said) for t in map(tolerant.members, thoughts) if (said := tolerant.text(t.get("text")))]
        if said := tolerant.text(part.get("text")):
            found.append((False, said))
    return found


def _source(told: dict[str, Any]) -> dict[str, Any]:
    """Return a source as both wires tell it: OpenAI's lies in a member that is named after its type."""
    source: dict[str, Any] = tolerant.whole(told | tolerant.members(told.get(str(told.get("type")))))
    return source


def _details(listed: object) -> str:
    """Return the reasoning that OpenRouter tells in parts; it stands beside `reasoning`, or alone."""
    parts = map(tolerant.members, tolerant.items(listed))
    return "".join(tolerant.text(part.get("text")) or tolerant.text(part.get("summary")) for part in parts)


def _usage(told: dict[str, Any]) -> Usage:
    """Read token figures: the prompt's hold what was read from the cache and written to it, ours do not."""
    prompt, details = tolerant.count(told.get("prompt_tokens")), tolerant.members(told.get("prompt_tokens_details"))
    read, written = tolerant.count(details.get("cached_tokens")), tolerant.count(details.get("cache_write_tokens"))
    thought = tolerant.members(told.get("completion_tokens_details")).get("reasoning_tokens")
    return Usage(
        input_tokens=None if prompt is None else max(prompt - (read or 0) - (written or 0), 0),
        output_tokens=tolerant.count(told.get("completion_tokens")),
        cache_read_tokens=read,
        cache_write_tokens=written,
        thinking_tokens=tolerant.count(thought),
        cost=tolerant.dollars(told.get("cost")),
    )
