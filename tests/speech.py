"""The same answers in the words of each wire, for a server that plays bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests import fault_server
from tests.decoding import CHAT, MESSAGES
from tests.fault_server import BLOCK, CLOSE, START, head, sse

if TYPE_CHECKING:
    from xiantong_nb.presets import Wire


class Speech:
    """What every wire can say; a whole answer is what has begun and its end."""

    wire: Wire
    path: str
    thought: bytes
    """A first piece of reasoning."""
    tool: bytes
    """The beginning of a tool call."""
    usage: bytes
    """Figures, and nothing that anyone sees."""
    ping: bytes
    """A sign of life."""
    done: bytes
    """What may follow when the answer is whole."""

    def begun(self, *words: str) -> bytes:
        """A body that says words and goes on."""
        raise NotImplementedError

    def end(self) -> bytes:
        """The end of a whole answer, without what may follow."""
        raise NotImplementedError

    def error(self, kind: str) -> bytes:
        """An error of this type, told inside the stream."""
        raise NotImplementedError

    def one_piece(self, words: str) -> dict:
        """The answer that came without being streamed."""
        raise NotImplementedError

    def whole(self, *words: str) -> bytes:
        return self.begun(*words) + self.end() + self.done

    def good(self, *words: str) -> list:
        return [head() + self.whole(*words), CLOSE]


class Messages(Speech):
    wire, path = MESSAGES, "/v1/messages"
    thought = sse(
        START,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "a"}},
    )
    tool = sse(
        START,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "i", "name": "f"}},
    )
    usage = sse(START)
    ping = sse({"type": "ping"})
    done = b""

    def begun(self, *words: str) -> bytes:
        return sse(START, BLOCK, *map(fault_server.text, words))

    def end(self) -> bytes:
        return sse(fault_server.BLOCK_END, *fault_server.END)

    def error(self, kind: str) -> bytes:
        return sse({"type": "error", "error": {"type": kind, "message": kind.replace("_error", " here")}})

    def one_piece(self, words: str) -> dict:
        return {
            "type": "message", "id": "i", "model": "m", "role": "assistant", "stop_reason": "end_turn",
            "content": [{"type": "text", "text": words}], "usage": {"input_tokens": 1, "output_tokens": 2},
        }  # fmt: skip


def _data(*chunks: dict) -> bytes:
    return b"".join(f"data: {json.dumps(c, ensure_ascii=False)}\n\n".encode() for c in chunks)


def _chunk(delta: dict, finish: str | None = None) -> dict:
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


_ROLE = _chunk({"role": "assistant", "content": ""})


class Chat(Speech):
    wire, path = CHAT, "/v1/chat/completions"
    thought = _data(_ROLE, _chunk({"reasoning_content": "a"}))
    tool = _data(_chunk({"tool_calls": [{"index": 0, "id": "i", "function": {"name": "f", "arguments": ""}}]}))
    usage = _data(_ROLE, {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 0}})
    ping = b": alive\n\n"
    done = (
        _data({"id": "c", "model": "m", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}})
        + b"data: [DONE]\n\n"
    )

    def begun(self, *words: str) -> bytes:
        return _data(_ROLE, *(_chunk({"content": w}) for w in words))

    def end(self) -> bytes:
        return _data(_chunk({}, "stop"))

    def error(self, kind: str) -> bytes:
        return _data({"error": {"type": kind, "message": kind.replace("_error", " here"), "code": None}})

    def one_piece(self, words: str) -> dict:
        return {
            "id": "c", "object": "chat.completion", "model": "m", "usage": {"prompt_tokens": 1, "completion_tokens": 2},
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": words}}],
        }  # fmt: skip


SPEECHES = (Messages(), Chat())
