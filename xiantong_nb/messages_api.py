"""
The wire `anthropic-messages`, outward: a Request becomes an HTTP call.

Speaks version 2023-06-01, which every endpoint takes. What comes back is read by `messages_stream`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from xiantong_nb.connection import auth_header
from xiantong_nb.request import Block, HttpCall, Image, Message, Redacted, Request, Text, Thinking, ToolUse, post

if TYPE_CHECKING:
    from xiantong_nb.connection import Connection

VERSION: Final = "2023-06-01"


def encode(request: Request, connection: Connection) -> HttpCall:
    """
    Return the call that asks for a streamed reply. Only what was asked for is in its body.

    Raises `UsageError` for text that can't be written as UTF-8.
    """
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens or connection.preset.max_tokens,  # this wire wants one
        "messages": [_message(m) for m in request.messages],
        "stream": True,
    }
    if request.system:
        body["system"] = request.system
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    return post(url(connection), body, {"anthropic-version": VERSION, **auth_header(connection)})


def url(connection: Connection) -> str:
    """Return where questions go: the base URL's Messages path."""
    return f"{connection.base_url}/v1/messages"


def _message(message: Message) -> dict[str, Any]:
    blocks = message.blocks
    if len(blocks) == 1 and isinstance(blocks[0], Text):
        return {"role": message.role, "content": blocks[0].text}
    return {"role": message.role, "content": [_block(b) for b in blocks]}


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(url=url) if url:
            return {"type": "image", "source": {"type": "url", "url": url}}
        case Image(media_type, data):
            return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}
        case Thinking(text, signature):
            return {"type": "thinking", "thinking": text, "signature": signature}
        case Redacted(data):
            return {"type": "redacted_thinking", "data": data}
        case ToolUse(id_, name, arguments):
            return {"type": "tool_use", "id": id_, "name": name, "input": msgspec.json.decode(arguments)}
    return dict(msgspec.json.decode(block.json))
