"""
The wire `openai-completions`, outward: a Request becomes an HTTP call.

Speaks OpenAI's chat completions in the form that local servers and gateways know too. What comes back is read by
`chat_stream`.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from xiantong_nb.connection import auth_header
from xiantong_nb.errors import UsageError
from xiantong_nb.request import Block, Document, HttpCall, Image, Message, Request, Text, post

if TYPE_CHECKING:
    from xiantong_nb.connection import Connection

_OLD, _NEW = "max_tokens", "max_completion_tokens"
"""OpenAI renamed it and its reasoning models refuse the old name; most other servers know no other."""
_NO_SUCH_NAME = re.compile(
    r"\b(?:un(?:known|supported|recogni[sz]ed|expected)|extra(?:_\w+)?|no such|cannot find|instead)\b(?! value)"
    r"|n[o']t (?:support|recogni|know|permit|allow|find)\w*\b(?! to )|\buse\W+max_",
    re.IGNORECASE,
)
"""How servers say that they don't know a name; a value that is out of range is refused in other words."""
_STOPS: Final = 4


def encode(request: Request, connection: Connection) -> HttpCall:
    """
    Return the call that asks for a streamed reply. Only what was asked for is in its body.

    Raises `UsageError` for text that can't be written as UTF-8, and for more than four stop texts.
    """
    system = [{"role": "system", "content": request.system}] if request.system else []
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [*system, *map(_message, request.messages)],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.max_tokens is not None:
        body[_NEW if _is_openai(connection.base_url) else _OLD] = request.max_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if len(request.stop) > _STOPS:
        raise UsageError(f"This wire takes {_STOPS} stop texts at most.", hint="Leave some --stop out.")
    if request.stop:
        body["stop"] = list(request.stop)
    if request.effort:
        body["reasoning_effort"] = request.effort
    if request.schema is not None:
        form = {"name": "answer", "schema": request.schema, "strict": _is_strict(request.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    return post(url(connection), body, auth_header(connection))


def url(connection: Connection) -> str:
    """Return where questions go: the base URL, which has its version in it, and the path of this wire."""
    return f"{connection.base_url}/chat/completions"


def again(call: HttpCall, refusal: str) -> HttpCall | None:
    """
    Return the call in a spelling that may be taken, if the endpoint's words of refusal name what can be spelt so.

    The limit of tokens has two names, and not every server knows `stream_options`. A limit that is refused for its
    value keeps its name: some servers take the other one without a word, and heed it not.
    """
    body = msgspec.json.decode(call.body)
    here, other = (_OLD, _NEW) if _OLD in body else (_NEW, _OLD)
    if "stream_options" in refusal and "stream_options" in body:
        del body["stream_options"]
    elif here in body and here in refusal and _NO_SUCH_NAME.search(refusal):
        body[other] = body.pop(here)
    else:
        return None
    return replace(call, body=msgspec.json.encode(body))


def _is_openai(base_url: str) -> bool:
    return f".{urllib.parse.urlsplit(base_url).hostname}".endswith(".openai.com")


def _is_strict(schema: Any) -> bool:
    """Whether OpenAI takes a schema as binding: every object in it is closed, and every property required."""
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, dict):
        return True
    named = schema.get("properties", {})
    closed = schema.get("additionalProperties") is False and set(schema.get("required", ())) == set(named)
    return (closed or schema.get("type") != "object") and all(map(_is_strict, schema.values()))


def _message(message: Message) -> dict[str, Any]:
    """Return a turn: text alone as text, since some servers know nothing else; of an answer its text is taken back."""
    if all(isinstance(b, Text) for b in message.blocks) or message.role == "assistant":
        between = "\n\n" if message.role == "user" else ""
        return {"role": message.role, "content": between.join(b.text for b in message.blocks if isinstance(b, Text))}
    return {"role": message.role, "content": [_part(b) for b in message.blocks]}


def _part(block: Block) -> dict[str, Any]:
    """Return a part of a question: text, an image, or a file as OpenAI, OpenRouter and Vercel take it."""
    match block:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(media_type, data, url):
            return {"type": "image_url", "image_url": {"url": url or f"data:{media_type};base64,{data}"}}
        case Document(name, media_type, data):
            file = {"filename": name, "file_data": f"data:{media_type};base64,{data}"}
            return {"type": "file", "file": file}
    raise UsageError(f"A question can't hold a {type(block).__name__} on this wire.")
