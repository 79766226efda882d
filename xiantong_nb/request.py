"""What is asked, in no provider's words, and the HTTP call it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from xiantong_nb.errors import UsageError

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Text:
    """Ordinary text."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """A model's thinking; `signature` is opaque and proves to its provider that it was not changed."""

    text: str
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Redacted:
    """Thinking that only its provider can read."""

    data: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call of a tool; `arguments` is the JSON text as it came, `{}` when the model sent none."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """A block of a kind this package only carries: its wire type and its first JSON form."""

    kind: str
    json: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image of a question: its media type and its bytes as base64, or a URL that the endpoint fetches itself."""

    media_type: str = ""
    data: str = field(default="", repr=False)
    url: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A file that the endpoint reads itself, such as a PDF: its name, its media type and its bytes as base64."""

    name: str
    media_type: str
    data: str = field(repr=False)


Block = Text | Image | Document | Thinking | Redacted | ToolUse | Opaque


@dataclass(frozen=True, slots=True)
class Prompt:
    """
    What was asked, before anything goes along: text, with images in their places.

    `notes` are for the footer, `warnings` for whoever asks, before it is sent.
    """

    blocks: tuple[Text | Image, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of its text."""
        return "".join(block.text for block in self.blocks if isinstance(block, Text))


Typed = str | Prompt


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Role
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """
    One question with what goes before it.

    None or empty means not sent: several models refuse sampling parameters even at their defaults. `schema` is a JSON
    schema that the endpoint itself shall keep the answer to.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int | None = None
    system: str = ""
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    effort: str = ""
    schema: dict[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class HttpCall:
    """What goes on the wire. Headers carry the key and the body the prompt, so neither is in its repr."""

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def post(url: str, body: dict[str, Any], headers: dict[str, str]) -> HttpCall:
    """
    Return the call that posts a body as JSON and wants a stream of events back.

    Raises `UsageError` for text that can't be written as UTF-8.
    """
    try:
        content = msgspec.json.encode(body)
    except UnicodeEncodeError:
        msg = "The question holds half a character (a lone surrogate), which can't be sent."
        raise UsageError(msg, hint="It often comes from a file's name or a cut text.") from None
    usual = {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "accept-encoding": "identity",  # a small compressed body can unfold to a gigabyte
    }
    return HttpCall("POST", url, usual | headers, content)
