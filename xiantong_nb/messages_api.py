"""
The wire `anthropic-messages`, outward: a Request becomes an HTTP call.

Speaks version 2023-06-01, which every endpoint takes. What comes back is read by `messages_stream`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from xiantong_nb.connection import auth_header
from xiantong_nb.request import (
    Block,
    Document,
    HttpCall,
    Image,
    Message,
    Redacted,
    Request,
    Text,
    Thinking,
    ToolUse,
    post,
)

if TYPE_CHECKING:
    from xiantong_nb.connection import Connection

VERSION: Final = "2023-06-01"
_COUNTED: Final = ("model", "messages", "system", "output_config")
"""What a count may be asked of; anything else is refused there (the official SDK's `message_count_tokens_params`)."""


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
    if config := _output_config(request):
        body["output_config"] = config
    return post(url(connection), body, {"anthropic-version": VERSION, **auth_header(connection)})


def count(call: HttpCall) -> HttpCall | None:
    """Return the call that has the tokens of a question counted, by the model's own tokenizer; no model is run."""
    body = msgspec.json.decode(call.body)
    kept = {name: value for name, value in body.items() if name in _COUNTED}
    headers = call.headers | {"accept": "application/json"}
    return HttpCall("POST", f"{call.url}/count_tokens", headers, msgspec.json.encode(kept))


def url(connection: Connection) -> str:
    """Return where questions go: the base URL's Messages path."""
    return f"{connection.base_url}/v1/messages"


def _output_config(request: Request) -> dict[str, Any]:
    """Return how hard it shall try, and the form of the answer: `output_config` of the Messages API."""
    config: dict[str, Any] = {"effort": request.effort} if request.effort else {}
    if request.schema is not None:
        config["format"] = {"type": "json_schema", "schema": request.schema}
    return config


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
        case Document(name, media_type, data):
            source = {"type": "base64", "media_type": media_type, "data": data}
            return {"type": "document", "title": name, "source": source}
        case Thinking(text, signature):
            return {"type": "thinking", "thinking": text, "signature": signature}
        case Redacted(data):
            return {"type": "redacted_thinking", "data": data}
        case ToolUse(id_, name, arguments):
            return {"type": "tool_use", "id": id_, "name": name, "input": msgspec.json.decode(arguments)}
    return dict(msgspec.json.decode(block.json))
