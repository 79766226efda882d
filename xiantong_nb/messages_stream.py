"""
The wire `anthropic-messages`, inward: server-sent events become Events.

Reads version 2023-06-01 and what later ones add. Blocks are keyed by their index, since llama.cpp opens the
next before it closes the last. The JSON's `type` decides; the `event:` line is not needed. Types this module
does not know are counted and ignored, as Anthropic's versioning page asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from xiantong_nb import failures, tolerant
from xiantong_nb.errors import BadReply
from xiantong_nb.events import (
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
)

if TYPE_CHECKING:
    from xiantong_nb.errors import XiantongError
    from xiantong_nb.failures import Place


class _Delta(msgspec.Struct):
    """Every kind of delta in one: absent members stay empty, unknown ones are dropped, null is as good as absent."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    citation: Any = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Any = None


class _Wire(msgspec.Struct):
    """Every kind of event in one, for the same reason: one decoder, no dispatch before the decoding."""

    type: str | None = None
    object: str | None = None
    index: int | None = None
    delta: _Delta | None = None
    content_block: Any = None
    message: Any = None
    usage: Any = None
    error: Any = None


_read = msgspec.json.Decoder(_Wire).decode


class Decoder:
    """The state of one stream: feed it events until it is `finished` or the bytes end, then ask for its `end`."""

    def __init__(self, place: Place, *, request_id: str | None = None) -> None:
        self._place = place
        self._request_id = request_id
        self._stop_reason: str | None = None
        self._stop_sequence: str | None = None
        self._detail: str | None = None
        self._begun = False
        self._ignored = 0
        self._halves: dict[int, str] = {}  # by block: the first half of a character that was cut in two
        self.finished = False

    def feed(self, data: bytes) -> list[Event]:
        """
        Return what one event says; nothing after the end.

        Raises `XiantongError` for an `error` event and for data that is no JSON of this wire.
        """
        if self.finished:
            return []
        try:
            wire: _Wire | None = _read(data)
        except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors, and so is bad UTF-8
            wire = self._mended(data)
        if wire is None:
            self._ignored += 1
            return []
        if wire.type == "error" or wire.error is not None or wire.object == "error":
            # Anthropic's event; OpenRouter may send a bare object with `error`, old vLLM one that is an `error`
            raise failures.from_stream(data, self._place, request_id=self._request_id)
        events = self._take(wire)
        if events:
            self._begun = True
        return events

    def whole(self, found: dict[str, Any]) -> tuple[list[Event], Finished]:
        """Return the events of a Message that came in one piece: its parts, taken as if they had been streamed."""
        told = [_Wire("message_start", message=found)]
        for index, block in enumerate(found["content"]):
            told += [
                _Wire("content_block_start", index=index, content_block=block),
                _Wire("content_block_stop", index=index),
            ]
        delta = _Delta(
            stop_reason=tolerant.text(found.get("stop_reason")),
            stop_sequence=tolerant.text(found.get("stop_sequence")),
            stop_details=found.get("stop_details"),
        )
        told += [_Wire("message_delta", delta=delta, usage=found.get("usage")), _Wire("message_stop")]
        return [event for wire in told for event in self._take(wire)], self.end()

    def _take(self, wire: _Wire) -> list[Event]:
        index, delta = wire.index or 0, wire.delta
        if wire.type == "content_block_delta" and delta is not None:
            return self._delta(index, delta)
        match wire.type:
            case "content_block_start" if isinstance(wire.content_block, dict):
                return _started_block(index, wire.content_block)
            case "content_block_stop":
                return [BlockStop(index)]
            case "message_start" if isinstance(wire.message, dict):
                return _started(wire.message)
            case "message_delta":
                return self._message_delta(wire)
            case "message_stop":
                self.finished = True
                return []
            case "ping":
                return []
        self._ignored += 1
        return []

    @property
    def told_all(self) -> bool:
        """Whether the answer is whole."""
        return self.finished

    def left(self) -> list[Event]:
        """Return what was held back: nothing, but half a character, which nobody can read."""
        return []

    def end(self, broken: XiantongError | None = None) -> Finished:
        """Return what the end of the bytes means: a whole reply after `message_stop`, a cut one before it."""
        if self.finished:
            broken = None
        elif broken is None:
            broken = failures.cut(self._place, begun=self._begun)
        return Finished(
            self.finished, self._stop_reason, self._stop_sequence, self._detail, error=broken, ignored=self._ignored
        )

    def _delta(self, index: int, delta: _Delta) -> list[Event]:
        if delta.type == "text_delta":  # nearly every one
            return [TextDelta(index, delta.text)] if delta.text else []
        match delta.type:
            case "thinking_delta":
                return [ThinkingDelta(index, delta.thinking)] if delta.thinking else []
            case "signature_delta":
                return [Signature(index, delta.signature)] if delta.signature else []
            case "input_json_delta":
                return [ToolDelta(index, arguments=delta.partial_json)] if delta.partial_json else []
            case "citations_delta" if isinstance(delta.citation, dict):
                return [Citation(index, delta.citation)]
        self._ignored += 1
        return []

    def _message_delta(self, wire: _Wire) -> list[Event]:
        if wire.delta is not None:
            self._stop_reason = wire.delta.stop_reason or self._stop_reason
            self._stop_sequence = wire.delta.stop_sequence or self._stop_sequence
            details = wire.delta.stop_details if isinstance(wire.delta.stop_details, dict) else {}
            self._detail = str(details.get("explanation") or details.get("category") or "") or self._detail
        return [UsageUpdate(_usage(wire.usage))] if isinstance(wire.usage, dict) else []

    def _mended(self, data: bytes) -> _Wire | None:
        """
        Read once more, with patience, what the strict decoder refused; None for JSON of another shape.

        Invalid UTF-8 becomes U+FFFD. A character that a server cut into two surrogates, one in this delta and
        one in the next (aimock does), is put together again. Raises `BadReply` for what is not JSON.
        """
        found = failures.json_of(data, self._place)
        try:
            wire = msgspec.convert(found, _Wire)
            if wire.delta is not None:
                wire.delta.text = self._joined(wire.index or 0, wire.delta.text or "")
            return msgspec.convert(tolerant.whole(msgspec.to_builtins(wire)), _Wire)
        except (ValueError, RecursionError):
            if isinstance(found, dict) and found.get("error"):
                raise failures.from_stream(data, self._place, request_id=self._request_id) from None
            return None

    def _joined(self, index: int, text: str) -> str:
        said, half = tolerant.cut(self._halves.pop(index, "") + text)
        if half:
            self._halves[index] = half
        return said


def decode_whole(body: bytes, place: Place, *, request_id: str | None = None) -> tuple[list[Event], Finished]:
    """
    Return the events and the end of a reply that came in one piece, where a stream was asked for: some ignore `stream`.

    Raises the error that the body tells of, or `BadReply` for whatever else it is.
    """
    try:
        found = tolerant.whole(failures.json_of(body, place))
    except (BadReply, RecursionError):
        found = None
    if isinstance(found, dict) and isinstance(found.get("content"), list):
        return Decoder(place, request_id=request_id).whole(found)
    if isinstance(found, dict) and (found.get("error") or found.get("object") == "error"):
        raise failures.from_stream(body, place, request_id=request_id)
    raise failures.from_response(200, {}, body, place)


def _started(message: dict[str, Any]) -> list[Event]:
    events: list[Event] = [Started(tolerant.text(message.get("model")), tolerant.text(message.get("id")))]
    if isinstance(message.get("usage"), dict):
        events.append(UsageUpdate(_usage(message["usage"])))
    return events


def _started_block(index: int, block: dict[str, Any]) -> list[Event]:
    """Return what a block's first form says; a reply that came whole has all of it here."""
    match block.get("type"):
        case "text":
            events: list[Event] = [TextDelta(index, text)] if (text := tolerant.text(block.get("text"))) else []
            citations = block.get("citations")
            found = citations if isinstance(citations, list) else []
            return events + [Citation(index, c) for c in found if isinstance(c, dict)]
        case "thinking":
            thought: list[Event] = (
                [ThinkingDelta(index, said)] if (said := tolerant.text(block.get("thinking"))) else []
            )
            signature = tolerant.text(block.get("signature"))
            return thought + ([Signature(index, signature)] if signature else [])
        case "redacted_thinking":
            return [Signature(index, tolerant.text(block.get("data")), redacted=True)]
        case "tool_use":
            given = block.get("input")  # llama.cpp sends none here, the others {}; a whole reply all of it
            arguments = msgspec.json.encode(given).decode() if given else ""
            return [ToolDelta(index, tolerant.text(block.get("id")), tolerant.text(block.get("name")), arguments)]
    return [OpaqueBlock(index, tolerant.text(block.get("type")), msgspec.json.encode(block).decode())]


def _usage(told: dict[str, Any]) -> Usage:
    details = told.get("output_tokens_details")
    kept = told.get("cache_creation")
    return Usage(
        input_tokens=tolerant.count(told.get("input_tokens")),
        output_tokens=tolerant.count(told.get("output_tokens")),
        cache_read_tokens=tolerant.count(told.get("cache_read_input_tokens")),
        cache_write_tokens=tolerant.count(told.get("cache_creation_input_tokens")),
        cache_write_1h_tokens=tolerant.count(kept.get("ephemeral_1h_input_tokens")) if isinstance(kept, dict) else None,
        thinking_tokens=tolerant.count(details.get("thinking_tokens")) if isinstance(details, dict) else None,
        cost=tolerant.dollars(told.get("cost")),
    )
