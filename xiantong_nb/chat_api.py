"""
The wire `openai-completions`, outward: a Request becomes an HTTP call.

Speaks OpenAI's chat completions in the form that local servers and gateways know too. What comes back is read by
`chat_stream`.
"""

from __future__ import annotations

import urllib.parse
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from xiantong_nb.connection import auth_header
from xiantong_nb.errors import UsageError
from xiantong_nb.request import HttpCall, Image, Message, Request, Text, post

if TYPE_CHECKING:
    from xiantong_nb.connection import Connection

_OLD, _NEW = "max_tokens", "max_completion_tokens"
"""OpenAI renamed it and its reasoning models refuse the old name; most other servers know no other."""
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
    return post(url(connection), body, auth_header(connection))


def url(connection: Connection) -> str:
    """Return where questions go: the base URL, which has its version in it, and the path of this wire."""
    return f"{connection.base_url}/chat/completions"


def again(call: HttpCall, refusal: str) -> HttpCall | None:
    """
    Return the call in a spelling that may be taken, if the endpoint's words of refusal name what can be spelt so.

    The limit of tokens has two names, and not every server knows `stream_options`.
    """
    body = msgspec.json.decode(call.body)
    here, other = (_OLD, _NEW) if _OLD in body else (_NEW, _OLD)
    if "stream_options" in refusal and "stream_options" in body:
        del body["stream_options"]
    elif here in body and here in refusal:
        body[other] = body.pop(here)
    else:
        return None
    return replace(call, body=msgspec.json.encode(body))


def _is_openai(base_url: str) -> bool:
    return f".{urllib.parse.urlsplit(base_url).hostname}".endswith(".openai.com")


def _message(message: Message) -> dict[str, Any]:
    """Return a turn: text alone as text, since some servers know nothing else; of an answer its text is taken back."""
    text = "".join(b.text for b in message.blocks if isinstance(b, Text))
    images = [_image(b) for b in message.blocks if isinstance(b, Image)]
    parts = [*images, {"type": "text", "text": text}] if text else images
    return {"role": message.role, "content": parts if images else text}


def _image(image: Image) -> dict[str, Any]:
    url = image.url or f"data:{image.media_type};base64,{image.data}"
    return {"type": "image_url", "image_url": {"url": url}}
